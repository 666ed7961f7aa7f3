"""
Small fabrics gone wrong in eleven ways, alone and two ways at once, turned, rounded, in random order and with rings run either way.

Held against every pair of polygons intersected one by one, and against the coverage check of GEOS where both speak: GEOS tells an
edge of a polygon inside another one, we tell the pair.
"""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from fabrics import FAMILIES, fabric

from citygis.topology import duplicates, misaligned_corners, missing_vertices, overlaps

EACH = 46  # with eleven families 506 fabrics
LEAST_SQFT = 0.004
E0, N0 = 6_336_000.0, 2_122_000.0


def spoilt(family, seed: int) -> np.ndarray:
    """A fabric of one family; every other one is spoilt a second time, by any family that can take what the first one left."""
    random = np.random.default_rng(seed)
    polygons = family(random, fabric(random))
    if seed % 2:
        second = FAMILIES[int(random.integers(len(FAMILIES)))]
        if all(p.geom_type == "Polygon" and len(p.exterior.coords) == 5 for p in polygons) and len(polygons) >= 20:
            polygons = second(random, polygons)
    return laid_out(polygons, random)


def laid_out(polygons: list, random: np.random.Generator) -> np.ndarray:
    """Polygons where the City lies, in random order, some of them run backwards; what is not valid there is left out."""
    turn = random.uniform(0, 360)
    placed = [shapely.affinity.rotate(p, turn, origin=(0, 0)) for p in polygons if p.area]
    placed = np.array(placed, dtype=object)
    placed = shapely.transform(placed, lambda c: np.round(c + (E0, N0), 4))
    flipped = random.random(len(placed)) < 0.5
    placed[flipped] = shapely.reverse(placed[flipped])
    return random.permutation(placed[shapely.is_valid(placed) & (shapely.area(placed) > 0)])


def by_brute_force(polygons: np.ndarray, least_sqft: float) -> dict[tuple[int, int], float]:
    i, j = np.triu_indices(len(polygons), 1)
    shared = shapely.area(shapely.intersection(polygons[i], polygons[j]))
    large = shared > least_sqft
    return dict(zip(zip(i[large].tolist(), j[large].tolist(), strict=True), shared[large].tolist(), strict=True))


def layer(polygons: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=polygons, crs="EPSG:6420")


def named(frame, *columns: str) -> set[int]:
    return {int(each) for column in columns for each in frame[column]}


def positions(frame) -> set[tuple[int, int]]:
    return set(zip(frame["left"].tolist(), frame["right"].tolist(), strict=True))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_overlapping_pair_is_found_and_none_is_invented(family):
    told = 0
    for seed in range(EACH):
        polygons = spoilt(family, seed)
        truth = by_brute_force(polygons, LEAST_SQFT)
        found = overlaps(layer(polygons), min_area_sqft=LEAST_SQFT, tolerance_ft=0)
        assert positions(found) == set(truth), f"seed {seed}"
        area = dict(zip(zip(found["left"], found["right"], strict=True), found["area_sqft"], strict=True))
        assert area == pytest.approx(truth, abs=1e-3), f"seed {seed}"
        told += len(truth)
    assert told >= EACH // 2  # the family does make overlaps


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_what_the_coverage_check_of_geos_says_is_said_too(family):
    silent = 0
    for seed in range(EACH):
        polygons = spoilt(family, seed)
        frame = layer(polygons)
        flagged = set(np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(polygons))).tolist())
        overlapping, twins = overlaps(frame, min_area_sqft=LEAST_SQFT, tolerance_ft=0), duplicates(frame)
        lacking, apart = missing_vertices(frame), misaligned_corners(frame)
        here = named(overlaps(frame, tolerance_ft=0), "left", "right") | named(twins, "left", "right")
        here |= named(lacking, "feature", "other") | named(apart, "left", "right")
        assert flagged <= here, f"seed {seed}"
        same = positions(twins)
        for pair in positions(overlapping) - same:
            assert flagged & set(pair), f"seed {seed}: {pair}"
        silent += shapely.coverage_is_valid(polygons)
        if shapely.coverage_is_valid(polygons):
            assert positions(overlapping) <= same and lacking.empty and apart.empty, f"seed {seed}"
    assert silent < EACH


def test_a_sound_fabric_is_found_sound_by_both():
    for seed in range(30):
        random = np.random.default_rng(seed)
        polygons = laid_out(fabric(random), random)
        assert shapely.coverage_is_valid(polygons)
        assert overlaps(layer(polygons), tolerance_ft=0).empty
        assert missing_vertices(layer(polygons)).empty and misaligned_corners(layer(polygons)).empty


def test_pairs_do_not_depend_on_the_order_of_rows_nor_on_how_rings_run():
    for number, family in enumerate(FAMILIES):
        polygons = spoilt(family, number)
        random = np.random.default_rng(number)
        order = random.permutation(len(polygons))
        shuffled = shapely.reverse(polygons[order])
        found = overlaps(layer(polygons), tolerance_ft=0, min_area_sqft=LEAST_SQFT)
        again = overlaps(layer(shuffled), tolerance_ft=0, min_area_sqft=LEAST_SQFT)
        back = {tuple(sorted((int(order[a]), int(order[b])))) for a, b in positions(again)}
        assert back == positions(found), family.__name__
