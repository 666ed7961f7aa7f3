"""Ground that polygons of two layers share."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis.overlay import MOST_VERTICES, covered, measurable, overlaid, overlaid_area, shoelace_sqft, subdivided
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def boxes(*bounds) -> np.ndarray:
    return np.array([shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in bounds])


def shore(vertices: int, seed: int, radius_ft: float = 3000.0) -> shapely.Polygon:
    """A polygon of many vertices with bays and points, such as a flood zone."""
    rng = np.random.default_rng(seed)
    turn = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    wave = sum(rng.normal(0, 0.1 / f) * np.cos(f * turn + rng.uniform(0, 6)) for f in range(2, 30))
    radius = radius_ft * (1 + wave)
    return shapely.Polygon(np.column_stack([E + 4000 + radius * np.cos(turn), N + 4000 + radius * np.sin(turn)]))


def grid(n: int, size_ft: float) -> np.ndarray:
    at = np.arange(n) * size_ft
    e, s = (each.ravel() for each in np.meshgrid(at, at))
    return shapely.box(E + e, N + s, E + e + size_ft, N + s + size_ft)


def test_two_boxes_share_what_their_sides_say():
    found = overlaid_area(boxes((0, 0, 100, 100), (200, 0, 300, 100)), boxes((60, 50, 250, 300)))
    assert found.to_numpy().tolist() == [[0, 0, 40 * 50], [1, 0, 50 * 50]]


def test_pairs_within_one_layer_come_once():
    found = overlaid_area(boxes((0, 0, 100, 100), (60, 50, 250, 300), (240, 0, 300, 300)))
    assert found.to_numpy().tolist() == [[0, 1, 40 * 50], [1, 2, 10 * 250]]


def test_what_only_touches_shares_nothing():
    assert not len(overlaid_area(boxes((0, 0, 100, 100)), boxes((100, 0, 200, 100), (100, 100, 200, 200))))


def test_pieces_of_a_large_polygon_give_the_areas_of_the_whole_to_a_billionth():
    parcels, zones = (
        grid(40, 200.0),
        np.array([shore(6000, 1), shapely.Polygon(shore(4000, 2).exterior, [shore(1500, 3, 900).exterior])]),
    )
    assert shapely.is_valid(zones).all()
    found = overlaid_area(parcels, zones)
    pairs = found[["left", "right"]].to_numpy()
    whole = np.array([shapely.area(shapely.intersection(parcels, zone)) for zone in zones])
    again = whole[pairs[:, 1], pairs[:, 0]]
    assert np.abs(found["area_sqft"] - again).max() <= 1e-9 * 200.0**2
    assert len(found) == (whole > 0).sum()
    ground = overlaid(parcels, zones)
    pd.testing.assert_frame_equal(pd.DataFrame(ground.drop(columns="geometry")), found)
    assert np.abs(shapely.area(ground.geometry.values) - found["area_sqft"]).max() < 1e-6
    assert shapely.is_valid(ground.geometry.values).all()


def test_what_lies_in_a_large_polygon_across_its_cuts_is_counted_once_and_left_whole():
    zone = np.array([shore(6000, 1)])
    inner = shapely.simplify(shapely.buffer(zone[0], -40.0), 30.0)
    pieces = subdivided(zone)[0]
    # It holds some pieces whole and meets others: each way of counting alone would count some ground twice.
    assert shapely.get_num_coordinates(inner) <= MOST_VERTICES and shapely.contains_properly(zone[0], inner)
    assert shapely.contains_properly(inner, pieces).any() and shapely.crosses(pieces, inner.exterior).any()
    found = overlaid(np.array([inner]), zone)
    assert found["area_sqft"].tolist() == [inner.area] and shapely.equals_exact(found.geometry.iloc[0], inner)
    both = overlaid_area(np.array([zone[0], inner]))
    assert both[["left", "right"]].to_numpy().tolist() == [[0, 1]] and both["area_sqft"][0] == pytest.approx(inner.area, rel=1e-12)


def test_geopandas_overlay_gives_the_same_areas():
    parcels, zone = grid(12, 600.0), np.array([shore(800, 5)])
    theirs = gpd.overlay(
        gpd.GeoDataFrame({"left": range(144)}, geometry=parcels, crs=CRS), gpd.GeoDataFrame({"right": [0]}, geometry=zone, crs=CRS)
    )
    ours = overlaid_area(parcels, zone).set_index("left")["area_sqft"]
    theirs = theirs.assign(area=theirs.area).set_index("left")["area"].sort_index()
    assert ours.index.equals(theirs.index) and np.allclose(ours, theirs, rtol=1e-9, atol=0)


def test_pieces_cover_the_polygon_and_none_is_large():
    polygons = np.array(
        [shore(5000, 7), *boxes((0, 0, 10, 10)), None, shapely.MultiPolygon([shore(300, 8), shore(200, 9).buffer(0)][:1])]
    )
    cut, owner = subdivided(polygons)
    assert shapely.get_num_coordinates(cut).max() <= 128 and owner.tolist() == sorted(owner)
    assert np.bincount(owner, weights=shapely.area(cut), minlength=4) == pytest.approx(
        shapely.area(polygons[[0, 1, 3]]).tolist()[:2] + [0, shapely.area(polygons[3])]
    )


def test_the_order_of_the_rows_changes_no_area_in_the_last_bit():
    parcels, zones = grid(20, 400.0), np.array([shore(3000, 1), shore(2000, 2)])
    one = overlaid_area(parcels, zones).set_index(["left", "right"])["area_sqft"]
    turned = np.random.default_rng(3).permutation(400)
    other = overlaid_area(parcels[turned], zones[::-1])
    other["left"], other["right"] = turned[other["left"]], 1 - other["right"]
    assert one.equals(other.set_index(["left", "right"])["area_sqft"].sort_index())


def test_what_several_cover_counts_once():
    found = covered(boxes((0, 0, 100, 100), (500, 0, 600, 100)), boxes((0, 0, 60, 100), (40, 0, 80, 100), (90, 0, 510, 10)))
    assert found["left"].tolist() == [0, 1]
    assert found["area_sqft"].tolist() == pytest.approx([80 * 100 + 10 * 10, 10 * 10])


def test_a_bow_tie_is_refused_by_the_engine_and_mended_for_a_question():
    bow = shapely.Polygon([(E, N), (E + 10, N + 10), (E + 10, N), (E, N + 10)])
    with pytest.raises(AnalysisError, match="not valid polygons"):
        overlaid_area(np.array([bow]), boxes((0, 0, 5, 5)))
    layer = gpd.GeoDataFrame(
        {"apn": ["B", "L", "N"], "status": "ACTIVE"}, geometry=[bow, shapely.LineString([(0, 0), (1, 1)]), None], crs=CRS
    )
    found = measurable(layer, "parcel", key="apn")
    assert found.rows.tolist() == [0] and shapely.area(found.shapes)[0] == pytest.approx(50.0)
    assert found.left_out == [("parcel", "L", "not an area"), ("parcel", "N", "no geometry")]
    assert "mended" in found.remarks[0]


def test_a_line_is_refused():
    with pytest.raises(AnalysisError, match="no polygon"):
        overlaid_area(np.array([shapely.LineString([(0, 0), (1, 1)])]), boxes((0, 0, 5, 5)))


def test_areas_by_coordinates_count_holes_and_parts():
    holed = shapely.Polygon(shapely.box(E, N, E + 100, N + 100).exterior, [shapely.box(E + 10, N + 10, E + 20, N + 30).exterior])
    both = shapely.MultiPolygon([holed, shapely.box(E + 500, N, E + 510, N + 10)])
    assert shoelace_sqft(np.array([both, holed, shore(500, 1)])) == pytest.approx([9900.0, 9800.0, shore(500, 1).area], rel=1e-12)
