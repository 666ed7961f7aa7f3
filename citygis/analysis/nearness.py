"""
Distances between polygons worked out vertex against edge, as a second way to those of the geometry engine.
"""

import numpy as np
import shapely

_BLOCK = 2_000_000


def polygon_distance_ft(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """
    The least distance between two polygons, in the unit of their coordinates; 0 where they meet.

    Two polygons that do not meet are nearest at a vertex of one of them, so that the distances of every vertex of each from every
    edge of the other hold the answer. Whether they meet is seen by crossing edges, and by a vertex of one inside the other.
    """
    edges_one, edges_other = _edges(one), _edges(other)
    if _cross(edges_one, edges_other) or _inside(edges_one[:, 0], edges_other) or _inside(edges_other[:, 0], edges_one):
        return 0.0
    return float(min(_vertex_to_edge(edges_one[:, 0], edges_other), _vertex_to_edge(edges_other[:, 0], edges_one)))


def _edges(polygon: shapely.Geometry) -> np.ndarray:
    """The edges of all rings, n x 2 x 2, on the first vertex of the first polygon's plane as they are."""
    rings = shapely.get_rings(shapely.get_parts(polygon))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    whole = ring[:-1] == ring[1:]
    return np.stack([points[:-1][whole], points[1:][whole]], axis=1)


def _vertex_to_edge(points: np.ndarray, edges: np.ndarray) -> float:
    least = np.inf
    start, along = edges[:, 0], edges[:, 1] - edges[:, 0]
    square = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
    for some in np.array_split(points, max(1, len(points) * len(edges) // _BLOCK)):
        away = some[:, None, :] - start[None, :, :]
        part = np.clip((away * along).sum(axis=2) / square, 0.0, 1.0)
        gap = away - part[:, :, None] * along
        least = min(least, float(np.sqrt((gap**2).sum(axis=2)).min()))
    return least


def _cross(one: np.ndarray, other: np.ndarray) -> bool:
    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        return np.sign((b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0]))

    for some in np.array_split(one, max(1, len(one) * len(other) // _BLOCK)):
        a, b = some[:, None, 0], some[:, None, 1]
        c, d = other[None, :, 0], other[None, :, 1]
        if ((side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)).any():
            return True
    return False


def _inside(points: np.ndarray, edges: np.ndarray) -> bool:
    """Whether a point lies within the rings, by the number of edges that a ray to the east crosses."""
    low, high = edges[:, 0], edges[:, 1]
    for some in np.array_split(points, max(1, len(points) * len(edges) // _BLOCK)):
        n = some[:, None, 1]
        spans = (low[None, :, 1] <= n) != (high[None, :, 1] <= n)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = low[:, 0] + (n - low[:, 1]) * (high[:, 0] - low[:, 0]) / (high[:, 1] - low[:, 1])
        if ((spans & (at > some[:, None, 0])).sum(axis=1) % 2 == 1).any():
            return True
    return False
