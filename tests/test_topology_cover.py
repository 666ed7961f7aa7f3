"""Covered by, with a tolerance that an exact test cannot have."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import affinity, box

from citygis.errors import CRSError
from citygis.topology import not_covered_by

FEET = "EPSG:6420"
TRACT = gpd.GeoDataFrame(geometry=[box(0, 0, 300, 200)], crs=FEET)


def layer(*polygons, crs=FEET) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(polygons), crs=crs))


def out(*polygons, tolerance_ft=0.1, tracts=TRACT):
    return not_covered_by(layer(*polygons), tracts, np.zeros(len(polygons), dtype=int), tolerance_ft=tolerance_ft)


def test_a_parcel_inside_its_tract_is_covered():
    assert out(box(0, 0, 60, 110)).empty


@pytest.mark.parametrize(("reach", "expected"), [(0.09, 0), (0.11, 1), (5.0, 1)])
def test_the_tolerance_is_how_far_the_parcel_reaches_out(reach, expected):
    found = out(box(0, -reach, 60, 110))
    assert len(found) == expected
    if expected:
        assert found["out_ft"][0] == pytest.approx(reach)
        assert found["area_sqft"][0] == pytest.approx(60 * reach)


def test_a_long_thin_spike_is_found():
    spike = shapely.Polygon([(0, 0), (60, 0), (60, 110), (30.01, 110), (30, 240), (29.99, 110), (0, 110)])
    assert out(spike)["out_ft"].tolist() == pytest.approx([40])


def test_a_parcel_across_a_notch_of_its_tract_is_found():
    notched = layer(box(0, 0, 300, 200).difference(box(100, 0, 120, 50)))
    found = out(box(80, 0, 140, 110), tracts=notched)
    assert found["area_sqft"].tolist() == pytest.approx([20 * 50])
    assert found["out_ft"][0] == pytest.approx(10, rel=0.05)  # the middle of the notch's mouth is 10 ft from either side


def test_a_feature_in_another_place_is_wholly_out():
    found = out(box(1000, 0, 1060, 110))
    assert found["out_ft"].tolist() == pytest.approx([760])


def test_rounding_to_the_last_decimal_never_counts():
    random = np.random.default_rng(1)
    turned = affinity.rotate(box(0, 0, 300, 200), 17, origin=(0, 0))
    tract = layer(shapely.set_precision(turned, 0.0001))
    lots = [affinity.rotate(box(e, 0, e + 59.3, 110), 17, origin=(0, 0)) for e in random.uniform(0, 240, 200)]
    lots = list(shapely.set_precision(np.array(lots, dtype=object), 0.0001))
    assert not shapely.covers(tract.geometry[0], lots).all()  # an exact test rejects correct lots
    assert out(*lots, tracts=tract, tolerance_ft=0.01).empty


def test_links_pick_the_tract_and_none_is_not_judged():
    tracts = layer(box(0, 0, 100, 100), box(100, 0, 200, 100), None)
    lots = layer(box(10, 10, 20, 20), box(10, 10, 20, 20), box(10, 10, 20, 20), box(10, 10, 20, 20), None)
    found = not_covered_by(lots, tracts, np.array([0, 1, -1, 2, 0]))
    assert found["inner"].tolist() == [1]
    assert found["outer"].tolist() == [1]


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        not_covered_by(layer(box(0, 0, 1, 1)), layer(box(0, 0, 1, 1), crs="EPSG:2227"), np.array([0]))


def test_no_rows_give_no_rows():
    assert not_covered_by(layer(), TRACT, np.empty(0, dtype=int)).empty
