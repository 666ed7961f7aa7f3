"""Esri's geometries: rings by their direction, true curves by the circle's own formulas, envelopes by shapely."""

import json
import math

import numpy as np
import pytest
import shapely

from citygis.rehearsal.shapes import LINE, MULTIPOINT, POINT, POLYGON, checked, esri_json, measured, meets, straight

SQUARE = shapely.box(0, 0, 10, 10)
HOLED = SQUARE.difference(shapely.box(4, 4, 6, 6))


def test_shapes_of_every_kind_are_written_and_null_and_empty_ones_are_none():
    empty = [None, shapely.Polygon()]
    texts = esri_json([HOLED, *empty, shapely.MultiPolygon([SQUARE, shapely.box(20, 0, 21, 1)])], POLYGON, False)
    rings = json.loads(texts[0])["rings"]
    assert texts[1:3] == [None, None]
    assert [shapely.LinearRing(r).is_ccw for r in rings] == [False, True]
    assert len(json.loads(texts[3])["rings"]) == 2
    assert esri_json([shapely.Point(1, 2), None], POINT, False) == ['{"x":1.0,"y":2.0}', None]
    assert esri_json([shapely.Point(1, 2, 3)], POINT, True) == ['{"x":1.0,"y":2.0,"z":3.0}']
    assert esri_json([shapely.MultiPoint([(1, 2), (3, 4)])], MULTIPOINT, False) == ['{"points":[[1.0,2.0],[3.0,4.0]]}']
    assert esri_json([shapely.LineString([(0, 0), (3, 4)])], LINE, False) == ['{"paths":[[[0.0,0.0],[3.0,4.0]]]}']


def test_measures_take_holes_off_and_agree_with_geos():
    geometry = json.loads(esri_json([HOLED], POLYGON, False)[0])
    assert measured(geometry, POLYGON) == ((0.0, 0.0, 10.0, 10.0), 96.0, 48.0)
    assert (HOLED.area, HOLED.length) == (96.0, 48.0)
    assert measured({"paths": [[[0, 0], [3, 4]]]}, LINE) == ((0, 0, 3, 4), None, 5.0)


@pytest.mark.parametrize(
    "curve",
    [{"c": [[200, 0], [100, 100]]}, {"a": [[200, 0], [100, 0], 0, 1]}, {"a": [[200, 0], [100, 0], 0, 1, 0, 100, 1]}],
    ids=["through a point", "about a centre", "elliptic, of a circle"],
)
def test_an_arc_becomes_chords_on_its_circle(curve):
    part = straight({"curvePaths": [[[0, 0], curve]]})["paths"][0]
    away = [math.hypot(x - 100, y) for x, y in part]
    assert part[0] == [0, 0] and part[-1] == [200, 0] and max(y for _, y in part) == pytest.approx(100)
    assert np.allclose(away, 100)


def test_a_bezier_curve_passes_where_its_formula_says():
    part = straight({"curvePaths": [[[0, 0], {"b": [[4, 0], [0, 4], [4, 4]]}]]})["paths"][0]
    assert [2.0, 3.0] in part  # at half: (0 + 3*0 + 3*4 + 4) / 8, (0 + 3*4 + 3*4 + 0) / 8


@pytest.mark.parametrize(
    "envelope", [(4.5, 4.5, 5.5, 5.5), (3, 3, 7, 7), (1, 1, 2, 2), (-5, -5, 20, 20), (11, 11, 12, 12), (10, 10, 11, 11)]
)
def test_an_envelope_meets_what_geos_says_it_meets(envelope):
    geometry = json.loads(esri_json([HOLED], POLYGON, False)[0])
    assert meets(geometry, envelope) == HOLED.intersects(shapely.box(*envelope))


def test_open_rings_are_closed_and_numbers_must_be_finite():
    assert checked({"rings": [[[0, 0], [0, 1], [1, 1]]]}, POLYGON, False)["rings"][0][-1] == [0, 0]
    assert checked({"rings": []}, POLYGON, False) is None and checked({"x": "NaN", "y": "NaN"}, POINT, False) is None
    for bad in ({"rings": [[[0, 0], [0, math.inf], [1, 1]]]}, {"rings": [[[0, True], [0, 1], [1, 1]]]}, {"x": 1, "y": 2}):
        with pytest.raises(ValueError):
            checked(bad, POLYGON, False)
