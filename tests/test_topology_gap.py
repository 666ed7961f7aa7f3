"""Gaps: slivers, missing parcels, streets; by hand and against areas that must add up."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from citygis.errors import CRSError
from citygis.topology import gaps, pieces

FEET = "EPSG:6420"

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN


def layer(*polygons, crs=FEET) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(polygons), crs=crs))


TRACT = layer(box(0, 0, 200, 160))
STREET = layer(box(0, 110, 200, 160))


def test_a_tract_that_is_covered_has_no_gap():
    assert gaps(TRACT, layer(box(0, 0, 100, 110), box(100, 0, 200, 110)), STREET).empty


def test_a_sliver_that_opens_onto_the_street_is_found():
    found = gaps(TRACT, layer(box(0, 0, 100, 110), box(100.2, 0, 200, 110)), STREET)
    assert len(found) == 1
    assert found["boundary"].tolist() == [0]
    assert found["area_sqft"][0] == pytest.approx(0.2 * 110)
    assert found["width_ft"][0] == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize(("width", "expected"), [(0.04, 0), (0.05, 1), (0.06, 1)])
def test_the_tolerance_is_the_width_of_the_gap(width, expected):
    found = gaps(TRACT, layer(box(0, 0, 100, 110), box(100 + width, 0, 200, 110)), STREET, tolerance_ft=0.05)
    assert len(found) == expected


def test_a_missing_parcel_is_a_gap_of_its_size():
    found = gaps(TRACT, layer(box(0, 0, 100, 110)), STREET)
    assert found["area_sqft"].tolist() == pytest.approx([100 * 110])


def test_each_gap_is_a_row_of_its_own():
    found = gaps(TRACT, layer(box(0, 0, 60, 110), box(61, 0, 120, 110), box(122, 0, 200, 110)), STREET)
    assert sorted(found["area_sqft"]) == pytest.approx([110, 220])


def test_a_tract_that_nothing_covers_is_one_gap():
    assert gaps(TRACT)["area_sqft"].tolist() == [200 * 160]
    assert gaps(TRACT, layer())["area_sqft"].tolist() == [200 * 160]


def test_small_gaps_can_be_left_out():
    lots = layer(box(0, 0, 100, 110), box(100.2, 0, 200, 110))
    assert gaps(TRACT, lots, STREET, min_area_sqft=23).empty


def test_a_gap_beside_a_broken_parcel_says_so():
    bowtie = shapely.Polygon([(100, 0), (200, 110), (200, 0), (100, 110)])
    found = gaps(TRACT, layer(box(0, 0, 50, 110), box(51, 0, 100, 110), bowtie), STREET)
    assert found["beside_invalid"].any()
    assert found.loc[~found["beside_invalid"], "area_sqft"].tolist() == pytest.approx([110])


def test_what_cannot_cover_does_not():
    lost = layer(None, shapely.Polygon(), shapely.Polygon([(0, 0), (100, np.nan), (100, 100), (0, 0)]), box(0, 0, 200, 110))
    assert gaps(TRACT, lost, STREET).empty


def test_a_boundary_that_is_not_there_has_no_gaps():
    assert gaps(layer(None, shapely.Polygon()), STREET).empty


def test_layers_without_feet_are_refused():
    with pytest.raises(CRSError):
        gaps(TRACT, layer(box(0, 0, 1, 1), crs="EPSG:26943"))
    with pytest.raises(CRSError):
        gaps(layer(box(0, 0, 1, 1), crs=None))


@given(st.lists(st.tuples(st.integers(0, 180), st.integers(0, 140), st.integers(5, 60), st.integers(5, 60)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_gaps_and_cover_add_up_to_the_tract(lots):
    boxes = [box(e, n, e + w, n + h) for e, n, w, h in lots]
    covered = np.zeros((160, 200), dtype=bool)
    for e, n, w, h in lots:
        covered[n : n + h, e : e + w] = True
    found = gaps(TRACT, layer(*boxes))
    assert found["area_sqft"].sum() == pytest.approx(200 * 160 - covered.sum())


def test_pieces_of_a_street_network_are_the_same_ground():
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    radius = 1000 + 40 * np.sin(31 * angle)
    star = shapely.Polygon(
        np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), [box(-99, -99, 99, 99).exterior.coords]
    )
    cut = pieces(np.array([star, box(0, 0, 1, 1)], dtype=object), most_vertices=128)
    assert shapely.get_num_coordinates(cut).max() <= 128
    assert shapely.area(cut).sum() == pytest.approx(star.area + 1)
    assert shapely.union_all(cut).symmetric_difference(star.union(box(0, 0, 1, 1))).area < 1e-3


def test_a_thousand_vertices_in_one_spot_do_not_hang():
    angle = np.linspace(0, 2 * np.pi, 2001)[:-1]
    dot = shapely.Polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1) * 1e-4)
    assert shapely.area(pieces(np.array([dot], dtype=object))).sum() == pytest.approx(dot.area)
