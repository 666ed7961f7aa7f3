"""One pass over a layer: its arrays against GEOS, feature by feature."""

import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import box

from citygis.topology.paths import HOLE, LINE, POINT, SHELL, paths_of

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN

DONUT = shapely.Polygon(box(0, 0, 9, 9).exterior, [box(2, 2, 4, 4).exterior.coords, box(5, 5, 6, 6).exterior.coords])
ALL = [
    box(0, 0, 2, 3),
    None,
    DONUT,
    shapely.Polygon(),
    shapely.MultiPolygon([box(20, 0, 21, 1), DONUT]),
    shapely.from_wkt("MULTIPOLYGON (EMPTY, ((0 0, 9 0, 9 9, 0 0)), EMPTY)"),
    shapely.LineString([(0, 0), (3, 4)]),
    shapely.MultiLineString([[(0, 0), (1, 0)], [(5, 5), (5, 7), (6, 7)]]),
    shapely.Point(1, 1),
    shapely.MultiPoint([(0, 0), (1, 1)]),
    shapely.GeometryCollection(
        [shapely.Point(0, 0), shapely.MultiPolygon([box(0, 0, 1, 1)]), shapely.LineString([(0, 0), (1, 1)])]
    ),
    shapely.LinearRing([(0, 0), (1, 0), (1, 1)]),
    shapely.Polygon([(0, 0), (5, 5), (5, 0), (0, 5)]),
    shapely.Polygon([(0, 0), (np.inf, 5), (5, 0), (0, 0)]),
]


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_every_kind_of_geometry_is_laid_out_as_it_is_stored(monkeypatch, chunk):
    monkeypatch.setattr("citygis.topology.paths.CHUNK", chunk)
    paths = paths_of(np.array(ALL, dtype=object))
    assert np.array_equal(paths.coordinates, shapely.get_coordinates(np.array(ALL, dtype=object)))
    kinds = [paths.kind[a:b].tolist() for a, b in zip(paths.first[:-1], paths.first[1:], strict=True)]
    donut = [SHELL, HOLE, HOLE]
    line = [LINE]
    expected = [[SHELL], [], donut, [], [SHELL, *donut], [SHELL], line, line * 2, [POINT], [POINT] * 2, [POINT, SHELL, LINE]]
    assert kinds == [*expected, line, [SHELL], [SHELL]]
    assert np.diff(paths.part).min() >= 0
    assert paths.owner.tolist() == [k for k, each in enumerate(kinds) for _ in each]
    assert np.array_equal(np.repeat(np.arange(len(paths.kind)), np.diff(paths.start)), paths.path_of)
    assert paths.valid.tolist() == shapely.is_valid(np.array(ALL, dtype=object)).tolist()
    assert paths.finite.tolist() == [True] * 13 + [False]
    assert np.flatnonzero(paths.definite).tolist() == [0, 2, 4, 5, 10]
    assert paths.dimension.tolist() == [2, -1, 2, -1, 2, 2, 1, 1, 0, 0, 2, 1, 2, 2]


def test_areas_and_lengths_are_those_of_geos():
    for family in FAMILIES:
        random = np.random.default_rng(1)
        far = shapely.transform(np.array(family(random, fabric(random)), dtype=object), lambda c: c + [6_330_000, 2_120_000])
        paths = paths_of(far)
        sign = np.where(paths.kind == HOLE, -1, 1)
        area = np.bincount(paths.owner, weights=np.abs(paths.area_sqft) * sign, minlength=len(far))
        assert area == pytest.approx(shapely.area(far), rel=1e-9)
        assert np.bincount(paths.owner, weights=paths.length_ft) == pytest.approx(shapely.length(far), rel=1e-12)


def test_most_shells_say_which_way_is_round():
    ccw = np.array([box(k, 0, k + 1, 1) for k in range(3)], dtype=object)
    ccw = shapely.orient_polygons(ccw)
    assert paths_of(ccw).turn == 1 and not paths_of(ccw).backwards.any()
    assert paths_of(shapely.reverse(ccw)).turn == -1 and not paths_of(shapely.reverse(ccw)).backwards.any()
    mixed = np.array([*ccw[:2], shapely.reverse(ccw[2])], dtype=object)
    assert paths_of(mixed).backwards.tolist() == [False, False, True]


def test_copies_share_a_sign_and_others_do_not():
    lots = fabric(np.random.default_rng(0))
    lots.append(shapely.Polygon(np.roll(shapely.get_coordinates(lots[3])[:-1], 2, axis=0)[::-1]))
    sign = paths_of(np.array(lots, dtype=object)).sign
    assert sign[3] == sign[-1] and len(set(sign.tolist())) == len(lots) - 1


def test_features_that_were_not_asked_for_have_no_edges():
    paths = paths_of(np.array([box(0, 0, 1, 1), box(1, 0, 2, 1)], dtype=object), np.array([True, False]))
    assert paths.edge.sum() == 4 and (paths.mate < 0).all()


def test_nothing_has_no_paths():
    assert len(paths_of(np.empty(0, dtype=object)).kind) == 0
