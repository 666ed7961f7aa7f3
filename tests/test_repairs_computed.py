"""What a layer says of its shapes follows them."""

import numpy as np
import pandas as pd
from repair_lots import lots, rings

from citygis.repairs.computed import kept, refreshed, with_values
from citygis.schema import geom_hashes


def test_area_and_hash_of_the_rows_named_follow_the_shape_and_no_others():
    frame = lots(rings(2, 1), calc_area_sqft=[1.0, 2.0], geom_hash=["a", "b"])
    made = refreshed(frame, np.array([1]), np.array([6_600.0]))
    assert made["calc_area_sqft"].tolist() == [1.0, 6_600.0]
    assert made["geom_hash"].tolist() == ["a", geom_hashes(frame.geometry.to_numpy())[1]]
    assert frame["calc_area_sqft"].tolist() == [1.0, 2.0]


def test_a_layer_without_such_columns_is_the_very_one():
    frame = lots(rings(2, 1))
    assert refreshed(frame, np.array([0]), np.array([1.0])) is frame
    assert kept(frame, np.array([0])) == {}


def test_what_stands_empty_stays_empty_and_nothing_takes_the_place_of_something():
    frame = lots(rings(2, 1), calc_area_sqft=[np.nan, 2.0])
    made = with_values(frame, np.array([0, 1]), {"calc_area_sqft": np.array([5.0, np.nan])})
    assert pd.isna(made["calc_area_sqft"].iloc[0]) and made["calc_area_sqft"].iloc[1] == 2.0
