"""What geometry may enter a layer."""

import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.convert.place import place

SQUARE = shapely.box(0, 0, 10, 10)
BOWTIE = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])


def placed(shapes: list, kind: str, told=None):
    geometry = np.array([None, *shapes], dtype=object)[1:]
    return place(geometry, geometry, kind, pd.Series(told or [None] * len(shapes), dtype="str"))


def codes(result) -> dict[int, str]:
    return {int(row): problem.code for problem in result.problems for row in problem.rows}


def test_null_empty_and_unreadable_shapes_are_unusable():
    shapes = [None, shapely.Polygon(), None, SQUARE]
    result = placed(shapes, "Polygon", [None, None, "Ring 1 is not closed by 3.2.", None])
    assert codes(result) == {0: "C06", 1: "C06", 2: "C06"}
    assert "Ring 1 is not closed by 3.2." in [value for problem in result.problems for value in problem.values]
    assert result.geometry[3] is SQUARE


def test_a_vertex_that_is_nowhere_is_unusable_and_its_place_is_shown():
    swapped = shapely.Polygon([(37.8, -121.2), (37.9, -121.2), (37.9, -121.3)])
    nowhere = shapely.Polygon([(np.inf, np.inf), (1, 1), (2, 1)])
    result = place(np.array([swapped]), np.array([nowhere]), "Polygon", pd.Series([None], dtype="str"))
    assert codes(result) == {0: "C06"}
    assert result.problems[0].values[0] == "(37.8, -121.2)"


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        (
            "Polygon",
            [SQUARE, shapely.MultiPolygon([SQUARE]), BOWTIE],
            [shapely.Point(1, 1), SQUARE.exterior, shapely.GeometryCollection([SQUARE])],
        ),
        ("LineString", [shapely.LineString([(0, 0), (1, 1)]), shapely.MultiLineString([[(0, 0), (1, 1)]])], [SQUARE]),
        ("Point", [shapely.Point(1, 2), shapely.MultiPoint([(1, 2)])], [shapely.MultiPoint([(1, 2), (3, 4)]), SQUARE]),
    ],
)
def test_a_layer_takes_its_own_kind_and_an_invalid_ring_is_for_validation(kind, fits, does_not):
    result = placed([*fits, *does_not], kind)
    assert codes(result) == dict.fromkeys(range(len(fits), len(fits) + len(does_not)), "C07")


def test_a_multipoint_of_one_becomes_the_point():
    assert placed([shapely.MultiPoint([(1, 2)])], "Point").geometry[0].geom_type == "Point"


def test_heights_go_and_are_counted():
    result = placed([shapely.box(0, 0, 1, 1), shapely.force_3d(SQUARE, 5.0)], "Polygon")
    assert result.had_z.tolist() == [False, True]
    assert not shapely.has_z(result.geometry).any()
