"""The layers that a repair works on."""

import numpy as np
import pandas as pd
import pytest
import shapely
from repair_lots import corner, lots, rings

from citygis.city import default_city
from citygis.quality.validation import findings_on, subjects_of
from citygis.repairs.grounds import MARGIN_FT, corners_of, differing, grounds_of

CITY = default_city()


def ground(frame, *, measured=False):
    subjects, _ = subjects_of({"lot": frame}, city=CITY, only="geometry", key="pid")
    if measured:
        findings_on(subjects, CITY, only="geometry", key="pid")
    return grounds_of(subjects, CITY, are_measured=measured)["lot"]


@pytest.mark.parametrize("measured", [False, True])
def test_who_stands_near_is_the_same_whether_the_rules_were_applied_before_or_not(measured):
    e, n = corner(0, 0)
    bowtie = [(e - 10, n), (e - 5, n + 5), (e - 5, n), (e - 10, n + 5)]
    held = ground(lots([*rings(), rings()[0], bowtie]), measured=measured)  # a twin and a broken one have a place as well
    assert held.near(np.array([shapely.Point(corner(0, 0))])).tolist() == [0, 6]
    assert held.near(np.array([shapely.Point(e - 5 + MARGIN_FT, n + 2)])).tolist() == [7]
    assert held.near(np.array([shapely.Point(e - 5 + MARGIN_FT + 0.01, n + 2)])).tolist() == []
    assert held.near(np.empty(0, dtype=object)).tolist() == []


def test_retired_and_infinite_shapes_are_none_and_heights_freeze():
    frame = lots(rings(), status=["CURRENT", "RETIRED", *["CURRENT"] * 4])
    frame.loc[2, "geometry"] = shapely.force_3d(frame.geometry.iloc[2], 5.0)
    frame.loc[3, "geometry"] = shapely.Polygon([(0, 0), (np.inf, 0), (1, 1)])
    held = ground(frame)
    assert shapely.is_missing(held.shapes).tolist() == [False, True, False, True, False, False]
    assert held.frozen.tolist() == [False, False, True, False, False, False]
    assert len(corners_of({}, {"lot": held}).geometries) == len(shapely.get_coordinates(frame.geometry.iloc[2]))


def test_an_excerpt_has_the_names_of_the_whole_and_the_shapes_of_now():
    held = ground(lots(rings()))
    now = held.shapes.copy()
    now[4] = shapely.box(0, 0, 1, 1)
    part = held.excerpt(np.array([1, 4]), now)
    assert part.feature.tolist() == ["2", "5"] and part.geometry.tolist() == [held.shapes[1], now[4]]
    assert held.about.geometry[4] is held.shapes[4] and differing(held.shapes, now).tolist() == [4]
    assert held.after(now).geometry[4] is now[4] and held.after(held.shapes) is held.about


def test_tables_and_points_are_no_ground():
    frame = lots(rings()).assign(geometry=lambda f: f.centroid)
    subjects, _ = subjects_of({"point": frame, "table": pd.DataFrame({"a": [1]})}, city=CITY, only="geometry")
    assert grounds_of(subjects, CITY, are_measured=False) == {}
