"""
Rings and lines taken apart into vertices, changed, and put together again: only what was asked for is another than before.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology import COORDINATE_RESOLUTION_FT

SAME_VERTEX_FT = COORDINATE_RESOLUTION_FT * 1.5
"""No farther apart than this, two vertices of one ring that follow each other are one."""

_LINE, _RING, _POLYGON = 1, 2, 3


class Rings(NamedTuple):
    """
    The vertices of some features, ring after ring; of a ring the closing vertex is left out.

    Attributes
    ----------
    coordinates : (n, 2) array of float
    path : array of n int
        The ring or line of each vertex.
    part, feature : arrays of int
        Of each path: the part and the feature it belongs to. Shells come before their holes.
    closed : array of bool
        Whether a path is a ring.
    """

    coordinates: np.ndarray
    path: np.ndarray
    part: np.ndarray
    feature: np.ndarray
    closed: np.ndarray

    @property
    def owner(self) -> np.ndarray:
        """The feature of each vertex."""
        return self.feature[self.path]

    def following(self) -> tuple[np.ndarray, np.ndarray]:
        """For each vertex the next one on its path, and whether there is one: the last of a line has none."""
        n = len(self.path)
        last = np.append(self.path[1:] != self.path[:-1], True) if n else np.empty(0, dtype=bool)
        start = np.searchsorted(self.path, np.arange(len(self.part)))
        following = np.where(last, start[self.path] if len(start) else 0, np.arange(n) + 1)
        return following, ~last | self.closed[self.path]


class Change(NamedTuple):
    """
    What is to happen to the vertices of some features.

    Attributes
    ----------
    moved_from, moved_to : (k, 2) arrays of float
        Every vertex at a place, of whatever feature, comes to stand at another.
    dropped : tuple of (array of int, (k, 2) array of float)
        Features, and the place at which each loses its vertex.
    merged : tuple of (array of int, (k, 2) array of float)
        Features, and the place at which vertices that repeat each other become one.
    inserted : tuple of (array of int, (k, 2) array of float)
        Features, and the place at which each gets a vertex, in the nearest of its edges.
    """

    moved_from: np.ndarray
    moved_to: np.ndarray
    dropped: tuple[np.ndarray, np.ndarray]
    merged: tuple[np.ndarray, np.ndarray]
    inserted: tuple[np.ndarray, np.ndarray]


def rings_of(shapes: np.ndarray) -> Rings:
    """
    The rings of polygons and the lines of lines.

    Parameters
    ----------
    shapes : array of n geometries
        Two-dimensional, finite. None, points and collections have no rings.
    """
    kept = shapes.copy()
    kind = shapely.get_type_id(shapes)
    kept[~np.isin(kind, (1, 2, 3, 5, 6))] = None
    parts, feature = shapely.get_parts(kept, return_index=True)
    kind = shapely.get_type_id(parts)
    areas = np.flatnonzero(kind == _POLYGON)
    lines = np.flatnonzero((kind == _LINE) | (kind == _RING))
    rings, at = shapely.get_rings(parts[areas], return_index=True)
    part = np.concatenate([areas[at], lines])
    closed = np.repeat([True, False], [len(rings), len(lines)])
    paths = np.concatenate([rings, parts[lines]])
    order = np.argsort(part, kind="stable")
    paths, part, closed = paths[order], part[order], closed[order]
    coordinates, path = shapely.get_coordinates(paths, return_index=True)
    closing = np.append(path[1:] != path[:-1], True) if len(path) else np.empty(0, dtype=bool)
    keep = ~(closing & closed[path])
    return Rings(coordinates[keep], path[keep], part, feature[part], closed)


def place_keys(coordinates: np.ndarray) -> np.ndarray:
    """
    A number for each place, the same for vertices that agree to `COORDINATE_RESOLUTION_FT`.

    Notes
    -----
    Easting and northing, counted in units of the last decimal, are mixed with the finisher of SplitMix64 [1]_: two places of one
    city meet by chance once in 2^64.

    References
    ----------
    .. [1] Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    units = np.round(coordinates / COORDINATE_RESOLUTION_FT).astype(np.int64).view(np.uint64)
    mixed = units[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    for step, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(step))) * np.uint64(factor)
        mixed += units[:, 1] * np.uint64(0xD1342543DE82EF95)
    return mixed ^ (mixed >> np.uint64(31))


def of_feature(features: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """One number for a place of a feature."""
    return keys ^ ((features.astype(np.uint64) + np.uint64(1)) * np.uint64(0xA0761D6478BD642F))


def changed(shapes: np.ndarray, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """
    Features after a change of their vertices.

    Parameters
    ----------
    shapes : array of n geometries
        As in `rings_of`. Not modified.
    change : Change

    Returns
    -------
    shapes : array of n geometries
        Those that no change concerns are the very objects that came in. Of the others every vertex that is not named stays as it
        is to the last bit, ring by ring and part by part in the order they were in. None where a ring would have fewer than three
        corners, or a line fewer than two.
    touched : array of n bool
    """
    rings = rings_of(shapes)
    keys = place_keys(rings.coordinates)
    coordinates = rings.coordinates.copy()
    moves = place_keys(change.moved_from)
    order = np.argsort(moves)
    moving, at = _found(moves[order], keys)
    coordinates[moving] = change.moved_to[order][at]
    own = of_feature(rings.owner, keys)
    dropped = _found(np.sort(of_feature(change.dropped[0], place_keys(change.dropped[1]))), own)[0]
    merging = _found(np.sort(of_feature(change.merged[0], place_keys(change.merged[1]))), own)[0] | moving
    following, has = rings.following()
    gap = np.hypot(*(coordinates[following] - coordinates).T)
    # Of two that became one the second goes; of a ring that is one of the two its first vertex stays where it is.
    repeat = has & (gap <= SAME_VERTEX_FT) & (merging | merging[following]) & (following != np.arange(len(following)))
    second = np.where(following > np.arange(len(following)), following, np.arange(len(following)))
    gone = dropped.copy()
    gone[second[repeat]] = True
    touched = np.zeros(len(shapes), dtype=bool)
    touched[rings.owner[moving | gone]] = True
    kept = Rings(coordinates[~gone], rings.path[~gone], rings.part, rings.feature, rings.closed)
    kept, into = _with_inserted(kept, *change.inserted)
    touched[into] = True
    return _rebuilt(shapes, kept, touched), touched


def _with_inserted(rings: Rings, features: np.ndarray, places: np.ndarray) -> tuple[Rings, np.ndarray]:
    """The rings with a vertex more at each place, in the nearest edge of its feature; the features that got one."""
    if not len(features):
        return rings, features
    following, has = rings.following()
    edges = np.flatnonzero(has)
    order = edges[np.argsort(rings.owner[edges], kind="stable")]
    start = np.searchsorted(rings.owner[order], features)
    size = np.searchsorted(rings.owner[order], features, side="right") - start
    which = np.repeat(np.arange(len(features)), size)
    edge = order[np.arange(len(which)) - np.repeat(np.cumsum(size) - size, size) + start[which]]
    a, b = rings.coordinates[edge], rings.coordinates[following[edge]]
    along, off = beside(places[which], a, b)
    best = np.lexsort((edge, off, which))
    which, edge, along = which[best], edge[best], along[best]
    first = np.append(True, which[1:] != which[:-1])[: len(which)]
    which, edge, along = which[first], edge[first], along[first]
    inside = (along > 0) & (along < 1)
    which, edge, along = which[inside], edge[inside], along[inside]
    order = np.lexsort((along, edge))
    which, edge = which[order], edge[order]
    coordinates = np.insert(rings.coordinates, edge + 1, places[which], axis=0)
    path = np.insert(rings.path, edge + 1, rings.path[edge])
    return rings._replace(coordinates=coordinates, path=path), features[which]


def beside(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points stand beside edges: how far along (0 at `a`, 1 at `b`, held to that), and how far off in feet."""
    edge = b - a
    length = (edge**2).sum(axis=1)
    along = np.clip(((points - a) * edge).sum(axis=1) / np.where(length > 0, length, 1.0), 0, 1)
    return along, np.hypot(*(points - a - along[:, None] * edge).T)


def _found(held: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of `wanted` are among `held` (ascending), and where those are."""
    if not len(held):
        return np.zeros(len(wanted), dtype=bool), np.empty(0, dtype=np.intp)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    there = held[at] == wanted
    return there, at[there]


def _rebuilt(shapes: np.ndarray, rings: Rings, touched: np.ndarray) -> np.ndarray:
    """The touched features made anew of their rings."""
    result = shapes.copy()
    size = np.bincount(rings.path, minlength=len(rings.part))
    short = size < np.where(rings.closed, 3, 2)
    broken = np.zeros(len(shapes), dtype=bool)
    broken[rings.feature[short]] = True
    result[touched & broken] = None
    made = touched & ~broken
    paths = np.flatnonzero(made[rings.feature])
    if not len(paths):
        return result
    number = np.full(len(rings.part), -1)
    number[paths] = np.arange(len(paths))
    held = made[rings.owner]
    coordinates, path = rings.coordinates[held], number[rings.path[held]]
    closed, part, feature = rings.closed[paths], rings.part[paths], rings.feature[paths]
    whole = np.empty(len(paths), dtype=object)
    for kind, build in ((True, shapely.linearrings), (False, shapely.linestrings)):
        chosen = np.flatnonzero(closed == kind)
        if len(chosen):
            mine = closed[path] == kind
            whole[chosen] = build(coordinates[mine], indices=np.searchsorted(chosen, path[mine]))
    head = np.append(True, part[1:] != part[:-1])
    parts, owner = whole[head].copy(), feature[head]
    areas = closed[head]
    if areas.any():
        parts[areas] = shapely.polygons(whole[closed], indices=np.cumsum(head[closed]) - 1)
    kind = shapely.get_type_id(shapes)
    for multi, build in ((6, shapely.multipolygons), (5, shapely.multilinestrings)):
        chosen = kind[owner] == multi
        if chosen.any():
            rows, at = np.unique(owner[chosen], return_inverse=True)
            result[rows] = build(parts[chosen], indices=at)
    single = kind[owner] < 5
    result[owner[single]] = parts[single]
    return result
