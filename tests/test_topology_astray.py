"""Stretches of lines outside polygons, with a tolerance."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import LineString, box

from citygis.errors import CRSError
from citygis.topology import inside_ft, stretches_outside

FEET = "EPSG:6420"


def layer(*geometry, crs=FEET):
    return gpd.GeoSeries(list(geometry), crs=crs)


def test_a_line_from_one_polygon_into_the_next_is_inside():
    line = LineString([(0, 0), (50.00003, 0), (120, 0.5)])
    assert stretches_outside(layer(line), layer(box(-1, -5, 50, 5)), layer(box(50, -5, 200, 5)), tolerance_ft=0.0).empty


def test_each_stretch_outside_is_a_row_with_its_farthest_distance():
    line = LineString([(0, 0), (40, 0), (50, 12), (60, 0), (100, 0), (100, 30)])
    found = stretches_outside(layer(None, line), layer(box(-1, -5, 200, 5)), tolerance_ft=1.0)
    assert found["line"].tolist() == [1, 1]
    assert found["out_ft"].tolist() == pytest.approx([7, 25], abs=0.05)
    assert found["length_ft"][1] == pytest.approx(24, abs=0.01)  # a foot outside is let pass


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_every_place_of_a_line_is_told_by_its_distance(family):
    random = np.random.default_rng(17)
    covers = [each for each in family(random, fabric(random)) if each.is_valid and random.random() < 0.7]
    lines = [LineString(random.uniform(-50, 450, (4, 2))) for _ in range(40)]
    places = shapely.line_interpolate_point(np.repeat(lines, 500), np.tile(np.linspace(0, 1, 500), 40), normalized=True)
    away = shapely.distance(places, shapely.union_all(covers))
    for tolerance in (0.0, 0.5, 12.0):
        found = stretches_outside(layer(*lines), layer(*covers), tolerance_ft=tolerance)
        left = np.zeros(len(places), dtype=bool)
        left[shapely.STRtree(found.geometry).query(places, predicate="dwithin", distance=1e-7)[0]] = True
        assert (away[left] >= tolerance - 1e-6).all()
        assert (away[~left] <= 1.01 * tolerance + 1e-6).all()  # what lies farther is never let pass


def test_without_polygons_all_of_it_is_outside():
    found = stretches_outside(layer(LineString([(0, 0), (9, 0)])), layer(None))
    assert found[["length_ft", "out_ft"]].to_numpy().tolist() == [[9.0, np.inf]]
    assert stretches_outside(layer(), layer(box(0, 0, 1, 1))).empty


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        stretches_outside(layer(LineString([(0, 0), (9, 0)])), layer(box(0, 0, 1, 1), crs="EPSG:2227"))


def test_how_much_of_a_boundary_runs_on_the_ground_is_told():
    ring = gpd.GeoSeries([box(10, 10, 30, 20), None, box(500, 0, 510, 10), box(90, 10, 110, 20)], crs=FEET)
    inside = inside_ft(ring, layer(box(0, 0, 100, 100)), tolerance_ft=0.5)
    assert inside.tolist() == pytest.approx([60, 0, 0, 10 + 2 * 10.5], abs=0.01)  # the reach is told to 1 %
    assert inside_ft(layer(), layer(box(0, 0, 1, 1))).tolist() == []
