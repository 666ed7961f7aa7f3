"""
Edges that no neighbour answers: where the number of polygons over the ground changes.

Walk every ring with its ground on the left. Where two neighbours share an edge, they walk it in opposite directions and it
cancels. Crossing a cancelled edge leaves the number of polygons over a point as it was, so overlaps and gaps are bounded by
the edges that are left over: few, where the layer is good.
"""

import numpy as np
import shapely

from citygis.topology.measure import COORDINATE_RESOLUTION_FT
from citygis.topology.threads import threaded

CHUNK = 4_000
"""Polygons whose edges are cancelled among themselves first: so few edges fit the cache, and most have their neighbour there."""

TILE_FT = 2_000.0
"""Polygons are taken by tiles of this size, so that neighbours stand together whatever order they came in."""

# Odd constants of the SplitMix64 generator (Steele, Lea and Flood 2014): they spread the bits of a coordinate.
_MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)

# An edge: the hashes of its lesser and its greater end, how often it is walked from the lesser one less how often back, its ends.
_EDGE = np.dtype([("low", "u8"), ("high", "u8"), ("net", "i8"), ("ends", "f8", 4)])


def unmatched_edges(polygons: np.ndarray, against: np.ndarray) -> np.ndarray:
    """
    The edges across which the number of `polygons` over the ground, less that of `against`, changes.

    Parameters
    ----------
    polygons, against : array of Polygon or MultiPolygon
        Valid; None is ignored.

    Returns
    -------
    array of LineString
        Each edge once, two vertices, rounded to `COORDINATE_RESOLUTION_FT`. An edge that one neighbour has in one piece and the
        other in two does not cancel: all three are given.
    """
    both = np.concatenate([polygons, against])
    use = np.repeat([1, -1], [len(polygons), len(against)])
    there = ~(shapely.is_missing(both) | shapely.is_empty(both))
    both, use = both[there], use[there]
    if not len(both):
        return np.empty(0, dtype=object)
    tile = np.floor(shapely.bounds(both)[:, :2] / TILE_FT)
    order = np.lexsort(tile.T)
    edges = threaded(_edges_left, both[order], use[order], chunk=CHUNK)
    rows, _ = _left_over(edges["low"].copy(), edges["high"].copy(), edges["net"].copy())
    return shapely.linestrings(edges["ends"][rows].reshape(-1, 2, 2))


def _edges_left(polygons: np.ndarray, use: np.ndarray) -> np.ndarray:
    """The edges of polygons, each walked `use` times with the ground on the left, that do not cancel among themselves."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    # To the last decimal that City coordinates carry: on their way through degrees they pick up noise far below it. Zero has two
    # bit patterns; adding zero leaves one.
    coordinates = np.round(coordinates / COORDINATE_RESOLUTION_FT) * COORDINATE_RESOLUTION_FT + 0.0
    hashes = _hashes(coordinates)
    first = np.flatnonzero((ring[1:] == ring[:-1]) & (hashes[1:] != hashes[:-1]))
    start, end = hashes[first], hashes[first + 1]
    low, high = np.minimum(start, end), np.maximum(start, end)
    rows, net = _left_over(low, high, np.where(start < end, 1, -1) * use[owner[part[ring[first]]]])
    left = np.empty(len(rows), dtype=_EDGE)
    left["low"], left["high"], left["net"] = low[rows], high[rows], net
    left["ends"][:, :2], left["ends"][:, 2:] = coordinates[first[rows]], coordinates[first[rows] + 1]
    return left


def _left_over(low: np.ndarray, high: np.ndarray, net: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row of each edge whose uses do not cancel, and the sum of them. Edges are one when the 128 bits of their ends are."""
    if not len(low):
        return np.empty(0, dtype=np.intp), net
    order = np.argsort(low ^ (high >> np.uint64(1)))
    low, high = low[order], high[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    start = np.flatnonzero(new)
    total = np.add.reduceat(net[order], start)
    return order[start[total != 0]], total[total != 0]


def _hashes(coordinates: np.ndarray) -> np.ndarray:
    """A number for each vertex, the same for the same place."""
    bits = np.ascontiguousarray(coordinates).view(np.uint64)
    hashes = bits[:, 0] * _MIX[1]
    hashes ^= hashes >> np.uint64(29)
    hashes = (hashes ^ bits[:, 1]) * _MIX[2]
    hashes ^= hashes >> np.uint64(32)
    return hashes * _MIX[0]
