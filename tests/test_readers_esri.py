"""True curves of Esri JSON, by hand."""

import json
import math

import delivered
import pytest
import shapely

from citygis.readers import read
from citygis.readers.esri import curved
from citygis.readers.wkb import Unreadable

E, N = delivered.EASTING, delivered.NORTHING


def at(*points):
    return [[E + e, N + n] for e, n in points]


HALF_DISK = [*at((0, 0)), {"c": at((100, 0), (50, 50))}, *at((0, 0))]  # clockwise over the top, radius 50


def test_a_circular_arc_is_drawn_and_said_to_be(tmp_path):
    square = {"rings": [at((0, 0), (0, 100), (100, 100), (100, 0), (0, 0))]}
    features = [
        {"attributes": {"LOT": lot}, "geometry": geometry} for lot, geometry in enumerate((square, {"curveRings": [HALF_DISK]}))
    ]
    answer = json.loads(delivered.esri_json()) | {
        "features": features,
        "fields": [{"name": "LOT", "type": "esriFieldTypeInteger"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(answer))
    frame = read(tmp_path / "a.json")
    assert frame["read_code"].fillna("").tolist() == ["", "R02"]
    assert frame.geometry.area.to_numpy() == pytest.approx([10_000, math.pi * 1250], abs=1.2)


@pytest.mark.parametrize(
    ("arc", "area"),
    [
        ([*at((100, 0), (50, 0)), 1, 1], math.pi * 1250),  # half a circle about (50, 0)
        ([*at((100, 0), (50, -50)), 1, 1], (math.pi / 2 - 1) * 2500),  # a quarter of radius 70.71, less its triangle
        ([*at((100, 0), (50, 50)), 0, 1], (3 * math.pi / 2 + 1) * 2500),  # the other three quarters, and the triangle
    ],
)
def test_an_arc_by_its_centre_has_the_area_of_its_segment(arc, area):
    made = curved({"curveRings": [[*at((0, 0)), {"a": arc}, *at((0, 0))]]}, sagitta=0.001)
    assert made.area == pytest.approx(area, abs=0.5)


def test_a_hole_belongs_to_the_ring_around_it():
    outer = at((0, 0), (0, 300), (300, 300), (300, 0), (0, 0))
    hole = [*at((100, 100)), {"c": at((200, 100), (150, 50))}, {"c": at((100, 100), (150, 150))}]  # counterclockwise
    beside = at((400, 0), (400, 10), (410, 10), (410, 0), (400, 0))
    made = curved({"curveRings": [outer, hole, beside]}, sagitta=0.01)
    assert made.geom_type == "MultiPolygon" and made.area == pytest.approx(90_000 - math.pi * 2500 + 100, abs=3)


def test_a_curved_path_is_a_line():
    made = curved({"curvePaths": [HALF_DISK[:2]]}, sagitta=0.001)
    assert made.geom_type == "LineString" and made.length == pytest.approx(math.pi * 50, abs=0.01)


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"curveRings": [HALF_DISK[:2]]}, "not closed: it ends 100 from"),
        ({"curveRings": [[*at((0, 0)), {"b": at((100, 0), (1, 1), (2, 2))}, *at((0, 0))]]}, "a Bezier curve"),
        ({"curveRings": [[*at((0, 0)), {"a": [*at((100, 0), (50, 0)), 1, 1, 0, 60, 0.5]}, *at((0, 0))]]}, "part of an ellipse"),
        ({"curveRings": [[*at((0, 0)), {"c": "x"}, *at((0, 0))]]}, "not written as Esri JSON"),
        ({"curveRings": [[]]}, "not written as Esri JSON"),
    ],
)
def test_a_curve_that_cannot_be_drawn_says_why(geometry, said):
    with pytest.raises(Unreadable, match=said):
        curved(geometry, sagitta=0.01)


def test_a_neighbour_drawn_the_other_way_has_the_same_vertices():
    over = curved({"curvePaths": [HALF_DISK[:2]]}, sagitta=0.01)
    back = curved({"curvePaths": [[*at((100, 0)), {"c": at((0, 0), (50, 50))}]]}, sagitta=0.01)
    assert (shapely.get_coordinates(over) == shapely.get_coordinates(back)[::-1]).all()
