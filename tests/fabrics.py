"""Small parcel fabrics gone wrong in eleven ways, for comparing the topology measures with brute force."""

import numpy as np
import shapely
import shapely.affinity
from shapely import box


def fabric(random: np.random.Generator, columns: int = 5, rows: int = 4) -> list:
    """Lots of one block, their corners shared, some of them off the grid."""
    corner = np.stack(np.meshgrid(np.arange(columns + 1) * 60.0, np.arange(rows + 1) * 110.0), axis=-1)
    corner += random.uniform(-8, 8, corner.shape)
    corner = np.round(corner, 4)
    cells = [(j, i) for j in range(rows) for i in range(columns)]
    return [shapely.Polygon([corner[j, i], corner[j, i + 1], corner[j + 1, i + 1], corner[j + 1, i]]) for j, i in cells]


def stacks(random, lots):
    return lots + [lots[i] for i in random.integers(0, len(lots), 6)]


def unretired_parents(random, lots):
    picked = random.integers(0, len(lots) - 1, 3)
    return lots + [shapely.union_all([lots[i], lots[i + 1]]) for i in picked]


def ranches(random, lots):
    low, size = random.uniform(0, 200, 2), random.uniform(80, 300, 2)
    return [*lots, box(*low, *(low + size))]


def donuts(random, lots):
    ringed = []
    for lot in lots:
        inner = shapely.affinity.scale(lot, 0.4, 0.4) if random.random() < 0.4 else None
        ringed += [lot] if inner is None else [shapely.Polygon(lot.exterior, [inner.exterior.coords]), inner]
    extra = shapely.affinity.translate(ringed[-1], 3, 3)
    return [*ringed, extra]


def copies_turned(random, lots):
    turned = [shapely.Polygon(np.roll(shapely.get_coordinates(p)[:-1], 2, axis=0)[::-1]) for p in lots]
    return lots + [turned[i] for i in random.integers(0, len(lots), 5)]


def jitter(random, lots):
    return [shapely.transform(p, lambda c: c + random.normal(0, 0.05, (1, 2))) for p in lots]


def vertices_moved(random, lots):
    moved = list(lots)
    for i in random.integers(0, len(lots), 4):
        ring = shapely.get_coordinates(lots[i])[:-1].copy()
        ring[random.integers(4)] += random.normal(0, 6, 2)
        moved[i] = shapely.Polygon(ring)
    return moved


def vertices_dropped(random, lots):
    """Lots with a bend in their long sides, which some of them lose."""
    pairs_of = [(row + 0, row + 1) for row in range(0, 20, 5)] + [(row + 2, row + 3) for row in range(0, 20, 5)]
    dropped = [shapely.union_all([lots[i], lots[j]]) for i, j in pairs_of]
    for i in range(len(dropped)):
        ring = shapely.get_coordinates(dropped[i])[:-1]
        if random.random() < 0.6:
            dropped[i] = shapely.Polygon(np.delete(ring, random.integers(len(ring)), axis=0))
    return dropped


def bulges_between_corners(random, lots):
    """A wide overlap that runs between two shared corners and crosses no line."""
    bulged = list(lots)
    for i in random.integers(0, len(lots), 4):
        ring = list(map(tuple, shapely.get_coordinates(lots[i])[:-1]))
        k = int(random.integers(4))
        middle = np.mean([ring[k], ring[(k + 1) % 4]], axis=0) + random.normal(0, 12, 2)
        bulged[i] = shapely.Polygon([*ring[: k + 1], tuple(middle), *ring[k + 1 :]])
    return bulged


def resplit(random, lots):
    whole = shapely.union_all([lots[0], lots[1], lots[2]])
    low, _, high, top = whole.bounds
    cut = random.uniform(low + 20, high - 20)
    halves = [whole.intersection(box(low - 1, -50, cut, top)), whole.intersection(box(cut, -50, high + 1, top))]
    return [*lots, *halves]


def multiparts(random, lots):
    joined = shapely.MultiPolygon([lots[0], lots[7]])
    return [joined, *lots[1:7], *lots[8:], lots[int(random.integers(1, 6))]]


FAMILIES = [
    stacks,
    unretired_parents,
    ranches,
    donuts,
    copies_turned,
    jitter,
    vertices_moved,
    vertices_dropped,
    bulges_between_corners,
    resplit,
    multiparts,
]
