"""Overlaps grow over every line, however edges fall into chunks and whether or not corners on it agree; GEOS judges each pair."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from fabrics import FAMILIES, fabric
from shapely import box

from citygis.topology import between, growth, overlaps, overlaps_between, paths
from citygis.topology.growth import Asked, pair_codes

LEAST_SQFT = 1e-3


@pytest.fixture(autouse=True)
def about_open_edges(monkeypatch):
    """Small layers are mostly rim: they, too, are to be searched from their open edges."""
    monkeypatch.setattr(between, "OPEN_SHARE", 1.0)


def layer(polygons) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(polygons), crs="EPSG:6420"))


def by_brute_force(some, others) -> dict[tuple[int, int], float]:
    some, others = (np.array(list(each), dtype=object) for each in (some, others))
    i, j = shapely.STRtree(others).query(some)
    sound = shapely.is_valid(some)[i] & shapely.is_valid(others)[j]
    i, j = i[sound], j[sound]
    return dict(zip(zip(i.tolist(), j.tolist(), strict=True), shapely.area(shapely.intersection(some[i], others[j])), strict=True))


def judged(found: gpd.GeoDataFrame, truth: dict[tuple[int, int], float]) -> tuple[set, set]:
    """The pairs missed, and those made up."""
    told = set(zip(found["left"].tolist(), found["right"].tolist(), strict=True))
    return {pair for pair, area in truth.items() if area > LEAST_SQFT} - told, {pair for pair in told if not truth.get(pair)}


def wrong_between(some, others) -> tuple[set, set]:
    return judged(overlaps_between(layer(some), layer(others), tolerance_ft=0), by_brute_force(some, others))


def wrong_within(polygons) -> tuple[set, set]:
    truth = {(i, j): area for (i, j), area in by_brute_force(polygons, polygons).items() if i < j}
    return judged(overlaps(layer(polygons), tolerance_ft=0), truth)


def grid(columns: int, rows: int, width: float, height: float) -> np.ndarray:
    row, column = np.divmod(np.arange(columns * rows), columns)
    return shapely.box(column * width, row * height, (column + 1) * width, (row + 1) * height)


def placed(polygons, random, degrees: float) -> list:
    """In random order, rings either way; turned, and rounded as the City's coordinates are, unless they stay on the grid."""
    polygons = np.array(list(polygons), dtype=object)
    if degrees:
        polygons = np.array([shapely.affinity.rotate(each, degrees, origin=(0, 0)) for each in polygons], dtype=object)
        polygons = shapely.transform(polygons, lambda c: np.round(c + (6_336_000.0, 2_122_000.0), 4))
    run_back = random.random(len(polygons)) < 0.5
    polygons[run_back] = shapely.reverse(polygons[run_back])
    return list(random.permutation(polygons))


def generations(random, tract) -> list[list]:
    """Ground cut in two again and again, off the middle: corners of children lie on sides of others that have none there."""
    made = [[tract]]
    for _ in range(5):
        children = []
        for parent in made[-1]:
            west, south, east, north = parent.bounds
            share = random.integers(3, 8) / 10
            if east - west > north - south:
                middle = round(west + (east - west) * share)
                children += [box(west, south, middle, north), box(middle, south, east, north)]
            else:
                middle = round(south + (north - south) * share)
                children += [box(west, south, east, middle), box(west, middle, east, north)]
        made.append(children)
    return made


NONE = (set(), set())


@pytest.mark.parametrize("chunk", [7, 20])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_no_pair_is_missed_or_made_up_however_edges_fall_into_chunks(family, chunk, monkeypatch):
    monkeypatch.setattr(paths, "CHUNK", chunk)
    for seed in (13, 28):  # in both a parent over its children used to be lost between chunks
        random = np.random.default_rng(seed)
        lots = fabric(random)
        others = [shapely.affinity.translate(each, *random.choice([0.0, 3.0], 2)) for each in family(random, lots)]
        lots = [each for each in lots if each.is_valid]
        assert wrong_between(lots, others) == NONE, seed
        assert wrong_within([*lots, *others]) == NONE, seed


@pytest.mark.parametrize("many", [3, 5, 128], ids=["all are large", "tracts are large", "all are small"])
def test_lots_of_a_tract_in_the_middle_are_found_though_no_edge_is_open_there(many, monkeypatch):
    # Tracts have no corners where lots meet their lines, and some where none meet: nothing but the rim of all of them is open.
    monkeypatch.setattr(growth, "MANY_VERTICES", many)
    tracts, lots = shapely.segmentize(grid(4, 4, 500, 500), 250), grid(20, 20, 100, 100)
    assert len(overlaps_between(layer(lots), layer(tracts))) == len(overlaps(layer([*tracts, *lots]))) == 20 * 20
    assert wrong_between(lots, tracts) == wrong_within([*tracts, *lots]) == NONE


@pytest.mark.parametrize("degrees", [0.0, 31.7], ids=["on the grid", "turned"])
@pytest.mark.parametrize("chunk", [20, 6_000])
def test_parents_never_retired_are_found_over_three_generations(degrees, chunk, monkeypatch):
    monkeypatch.setattr(paths, "CHUNK", chunk)
    for seed in range(3):
        random = np.random.default_rng(seed)
        made = generations(random, box(0, 0, 1600, 1000))
        eldest, parents, lots = (placed(made[k], np.random.default_rng(seed), degrees) for k in (2, 4, 5))
        assert wrong_between([*eldest, *parents], lots) == NONE, seed
        assert wrong_within([*eldest, *parents, *lots]) == NONE, seed


@pytest.mark.parametrize("chunk", [7, 6_000])
def test_strips_of_other_widths_along_one_line_are_all_found(chunk, monkeypatch):
    monkeypatch.setattr(paths, "CHUNK", chunk)
    random = np.random.default_rng(4)

    def street(south: float) -> list:
        ends = np.unique(np.r_[0, random.integers(1, 400, 25), 400]) * 3.0
        return list(shapely.box(ends[:-1], south, ends[1:], south + 100))

    some, others = (placed([*street(-100), *street(0), *street(100)], random, 0.0) for _ in range(2))
    assert wrong_between(some, others) == wrong_within([*some, *others]) == NONE


@pytest.mark.parametrize("chunk", [7, 6_000])
def test_a_layer_and_a_copy_of_it_in_another_order_are_the_same_ground(chunk, monkeypatch):
    monkeypatch.setattr(paths, "CHUNK", chunk)
    lots = fabric(np.random.default_rng(6))
    order = np.random.default_rng(7).permutation(len(lots))
    found = overlaps_between(layer(lots), layer([lots[k] for k in order]), tolerance_ft=0)
    assert dict(zip(found["left"], order[found["right"]], strict=True)) == {k: k for k in range(len(lots))}
    assert len(found) == len(lots)


def test_one_number_stands_for_a_pair_either_way_and_none_for_a_feature_with_itself():
    assert pair_codes(np.array([2, 7, 3, 7]), np.array([7, 2, 3, 0]), 10).tolist() == [7, 27]


def test_what_was_asked_is_not_asked_again():
    random, asked, before = np.random.default_rng(1), Asked(), set()
    for _ in range(60):
        numbers = np.unique(random.integers(0, 500, random.integers(0, 40)))
        assert asked.new(numbers).tolist() == sorted(set(numbers.tolist()) - before)
        before |= set(numbers.tolist())
