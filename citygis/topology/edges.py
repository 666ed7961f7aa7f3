"""
Edges that no neighbour answers: where the number of polygons over the ground changes.

Walk every ring with its ground on the left. Where two neighbours share an edge, they walk it in opposite directions and it
cancels. Crossing a cancelled edge leaves the number of polygons over a point as it was, so overlaps and gaps are bounded by
the edges that are left over: few, where the layer is good.
"""

import numpy as np
import shapely

from citygis.topology.measure import COORDINATE_RESOLUTION_FT

# Odd constants of the SplitMix64 generator (Steele, Lea and Flood 2014): they spread the bits of a coordinate.
_MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)


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
    first, one = _edges(polygons, 1)
    second, other = _edges(against, -1)
    ends, use = np.concatenate([first, second]), np.concatenate([one, other])
    if not len(ends):
        return np.empty(0, dtype=object)
    turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[turned] = ends[turned][:, [2, 3, 0, 1]]
    use[turned] *= -1
    key = _key(ends)
    order = np.argsort(key)
    ends, use, key = ends[order], use[order], key[order]
    # Two edges are one when they are equal, not only their keys: a collision may leave an edge over, never lose one.
    new = np.ones(len(key), dtype=bool)
    new[1:] = (key[1:] != key[:-1]) | (ends[1:] != ends[:-1]).any(axis=1)
    start = np.flatnonzero(new)
    left = start[np.add.reduceat(use, start) != 0]
    return shapely.linestrings(ends[left].reshape(-1, 2, 2))


def _edges(polygons: np.ndarray, use: int) -> tuple[np.ndarray, np.ndarray]:
    """The edges of polygons as (from easting, from northing, to easting, to northing), ground on the left, and `use` for each."""
    parts = shapely.get_parts(polygons[~shapely.is_missing(polygons)])
    rings = shapely.get_rings(shapely.orient_polygons(parts))
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    # To the last decimal that City coordinates carry: on their way through degrees they pick up noise far below it. Zero has two
    # bit patterns; adding zero leaves one.
    coordinates = np.round(coordinates / COORDINATE_RESOLUTION_FT) * COORDINATE_RESOLUTION_FT + 0.0
    joined = ring[1:] == ring[:-1]
    ends = np.concatenate([coordinates[:-1], coordinates[1:]], axis=1)[joined]
    ends = ends[(ends[:, :2] != ends[:, 2:]).any(axis=1)]
    return ends, np.full(len(ends), use, dtype=np.int64)


def _key(ends: np.ndarray) -> np.ndarray:
    """A number for each edge, the same for the same edge."""
    bits = np.ascontiguousarray(ends).view(np.uint64)
    key = np.zeros(len(bits), dtype=np.uint64)
    for column in bits.T:
        key = (key ^ column) * _MIX[1]
        key ^= key >> np.uint64(29)
        key = key * _MIX[2] + _MIX[0]
        key ^= key >> np.uint64(32)
    return key
