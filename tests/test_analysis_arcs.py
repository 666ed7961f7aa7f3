"""Curved sides of polygons had back from their chords."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.analysis.arcs import arcs_of, with_arcs
from citygis.cogo.arc import arc_vertices

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
R = 50.0


def arc(radius_ft: float, from_deg: float, to_deg: float) -> np.ndarray:
    """A left-hand arc about a corner of the City, kept to 0.01 ft and rounded as layers are."""
    ends = [(E + radius_ft * np.cos(a), N + radius_ft * np.sin(a)) for a in np.radians([from_deg, to_deg])]
    return arc_vertices(*ends, to_deg - from_deg, "L").round(4)


def line(points: np.ndarray, side: str = "L", radius_ft: float = R) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"radius_ft": [radius_ft], "curve_side": [side]}, geometry=[shapely.LineString(points)], crs=CRS)


def ring_strip(inner_ft: float, outer_ft: float) -> shapely.Polygon:
    return shapely.Polygon(np.vstack([arc(outer_ft, 0, 90), arc(inner_ft, 0, 90)[::-1]]))


@pytest.mark.parametrize("points,side", [(arc(R, 0, 90), "L"), (arc(R, 0, 90)[::-1], "R"), (arc(R, 10, 300), "L")])
def test_the_centre_is_found_whichever_way_and_however_far_the_arc_runs(points, side):
    found, misfits = arcs_of(line(points, side), stroke_ft=0.02)
    assert misfits == 0
    assert found[["easting", "northing"]].to_numpy()[0] == pytest.approx([E, N], abs=0.01)


def test_a_line_that_does_not_follow_its_radius_is_told():
    found, misfits = arcs_of(line(arc(R, 0, 90), radius_ft=60.0), stroke_ft=0.02)
    assert not len(found) and misfits == 1


def test_a_quarter_ring_gets_the_area_of_its_circles():
    # A 10-ft strip along a curve of 50 ft: a quarter of pi (60^2 - 50^2), its far side about the same centre.
    strip = ring_strip(R, R + 10)
    exact = np.pi * (60.0**2 - 50.0**2) / 4
    assert abs(strip.area - exact) > 0.05
    drawn, curved = with_arcs(np.array([strip]), arcs_of(line(arc(R, 0, 90)), stroke_ft=0.02)[0], stroke_ft=0.02)
    assert drawn[0].area == pytest.approx(exact, abs=0.02)  # what vertices rounded to 0.0001 ft leave of 172 ft
    assert curved[0] == pytest.approx(np.pi / 2 * 110, abs=0.1)
    assert drawn[0].is_valid


def test_a_sector_gets_its_circular_segments():
    sector = shapely.Polygon(np.vstack([[E, N], arc(R, 0, 120)]))
    drawn, _ = with_arcs(np.array([sector]), arcs_of(line(arc(R, 0, 120)), stroke_ft=0.02)[0], stroke_ft=0.02)
    assert drawn[0].area == pytest.approx(np.pi * R**2 / 3, abs=0.01)


def test_a_straight_side_across_an_arc_stays_straight():
    chord = shapely.Polygon([(E + R, N), (E, N + R), (E, N)])
    drawn, curved = with_arcs(np.array([chord]), arcs_of(line(arc(R, 0, 90)), stroke_ft=0.02)[0], stroke_ft=0.02)
    assert drawn[0].equals(chord) and curved[0] == 0


def test_a_hole_and_a_second_part_keep_their_place():
    round_lot = shapely.Polygon(arc(R, 0, 359.0), [shapely.box(E - 5, N - 5, E + 5, N + 5).exterior])
    other = shapely.box(E + 200, N, E + 210, N + 10)
    drawn, _ = with_arcs(
        np.array([shapely.MultiPolygon([round_lot, other])]), arcs_of(line(arc(R, 0, 359.0)), stroke_ft=0.02)[0], stroke_ft=0.02
    )
    closing = R**2 / 2 * (np.radians(1.0) - np.sin(np.radians(1.0)))
    assert drawn[0].area == pytest.approx(np.pi * R**2 - closing - 100 + 100, abs=0.02)
