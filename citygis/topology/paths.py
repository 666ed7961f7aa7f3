"""
The vertices of a layer laid end to end, with all that one pass over them can tell.

Geometry objects are visited once, a few thousand at a time, while their vertices fit the processor's cache; every other measure
of a single layer works on the arrays that this pass leaves.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology.measure import COORDINATE_RESOLUTION_FT
from citygis.topology.threads import side_by_side

CHUNK = 6_000
"""Features taken at a time: their vertices fit the cache, and most neighbours stand together."""

SHORT_FT = 1.0
"""Edges shorter than this are noted on the way: no tolerance for short edges or blunt spikes asks for more."""

SHARP = 0.0875
"""Turns are noted on the way when the tangent of the angle between both sides is less: 5 degrees."""

POINT, LINE, SHELL, HOLE = 0, 1, 2, 3

# Odd constants of the SplitMix64 generator (Steele, Lea and Flood 2014): they spread the bits of a coordinate.
_MIX = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)


class Paths(NamedTuple):
    """
    Rings, lines and points of a layer, in the order in which they are stored.

    Attributes
    ----------
    coordinates : (c, 2) array of float
        Easting and northing of every vertex; the one that closes a ring included.
    start : (p + 1,) array of int
        Path i has the vertices ``start[i]:start[i + 1]``.
    owner, part, kind : arrays of p
        The feature of each path, its part (counted over the whole layer), and `POINT`, `LINE`, `SHELL` or `HOLE`.
    area_sqft : array of p float
        What a ring encloses: positive when it runs counterclockwise. 0 for lines.
    length_ft : array of p float
    path_of : array of c int
        The path of each vertex.
    first : (n + 1,) array of int
        Feature i has the paths ``first[i]:first[i + 1]``.
    type_id : array of n int8
        As `shapely.get_type_id` gives it: -1 for null.
    dimension : array of n int8
        Of each geometry, -1 for null and empty ones.
    valid, finite, definite : arrays of n bool
        Whether GEOS calls a geometry valid; whether all its coordinates are numbers; whether it bounds a definite piece of
        ground: a valid polygon with an inside. Null is not valid, but finite.
    sign : array of n uint64
        A number that features with the same vertices share, whatever their order.
    backwards : array of p bool
        Rings that have their ground on the other side than `turn` says.
    turn : int
        1 where most shells run counterclockwise, -1 where they run clockwise.
    short : array of int, ascending
        Edges (by the vertex they start at) of paths, shorter than `SHORT_FT`.
    sharp : array of int, ascending
        Vertices where a path turns back within an angle of tangent `SHARP`.
    edge : array of c bool
        Vertices at which an edge of definite ground starts, of those features that were asked for.
    mate : array of c int
        The edge that lies on this one, the ground on its other side; -1 for none.
    """

    coordinates: np.ndarray
    start: np.ndarray
    owner: np.ndarray
    part: np.ndarray
    kind: np.ndarray
    area_sqft: np.ndarray
    length_ft: np.ndarray
    path_of: np.ndarray
    first: np.ndarray
    type_id: np.ndarray
    dimension: np.ndarray
    valid: np.ndarray
    finite: np.ndarray
    definite: np.ndarray
    sign: np.ndarray
    backwards: np.ndarray
    turn: int
    short: np.ndarray
    sharp: np.ndarray
    edge: np.ndarray
    mate: np.ndarray
    left: np.ndarray
    key: np.ndarray
    forward: np.ndarray


def paths_of(geometry: np.ndarray, neighbours: np.ndarray | None = None) -> Paths:
    """
    One pass over the geometries of a layer.

    Parameters
    ----------
    geometry : array of n geometries
        Of any type, without elevations; None is null.
    neighbours : array of n bool, optional
        The features whose edges are to be held against each other; all of them where it is not given.

    Returns
    -------
    Paths
        ``left``, ``key`` and ``forward`` are the edges that found no mate within their chunk, for `citygis.topology.edges.mated`.
    """
    n = len(geometry)
    asked = np.ones(n, dtype=bool) if neighbours is None else neighbours
    turn = _turn(geometry)
    starts = range(0, max(n, 1), CHUNK)
    tasks: list[Callable] = [lambda i=i: _chunk(geometry[i : i + CHUNK], asked[i : i + CHUNK], turn) for i in starts]
    found = side_by_side(tasks)
    # Each chunk counts its vertices, paths, parts and features from 0.
    sizes = np.array([[len(f["mate"]), len(f["owner"]), f["parts"], len(f["valid"])] for f in found])
    before = np.cumsum(sizes, axis=0) - sizes

    def joined(name: str, counts: int | None = None, dtype=None) -> np.ndarray:
        shift = np.zeros(len(found), dtype=np.int64) if counts is None else before[:, counts]
        together = np.empty(sum(len(f[name]) for f in found), dtype=dtype or found[0][name].dtype)
        at = 0
        for f, by in zip(found, shift.tolist(), strict=True):
            chunk = f.pop(name)
            together[at : at + len(chunk)] = chunk
            if by:
                together[at : at + len(chunk)] += by
            at += len(chunk)
        return together

    coordinates = np.concatenate([f.pop("coordinates") for f in found])
    wide = np.int32 if len(coordinates) < 2**31 - 1 else np.int64
    mate = np.empty(len(coordinates), dtype=wide)
    for f, at in zip(found, before[:, 0].tolist(), strict=True):
        chunk = f.pop("mate")
        mate[at : at + len(chunk)] = np.where(chunk >= 0, chunk + at, -1)
    names = (
        "area_sqft",
        "length_ft",
        "kind",
        "type_id",
        "dimension",
        "valid",
        "finite",
        "definite",
        "sign",
        "backwards",
        "edge",
        "key",
        "forward",
    )
    plain = {name: joined(name) for name in names}
    size, count = joined("size"), joined("paths")
    return Paths(
        coordinates=coordinates,
        start=np.concatenate([[0], np.cumsum(size)]),
        owner=joined("owner", 3, wide),
        part=joined("part", 2, wide),
        path_of=joined("path_of", 1, wide),
        first=np.concatenate([[0], np.cumsum(count)]),
        turn=turn,
        short=joined("short", 0, wide),
        sharp=joined("sharp", 0, wide),
        mate=mate,
        left=joined("left", 0, wide),
        **plain,
    )


def rounded(coordinates: np.ndarray) -> np.ndarray:
    """
    Coordinates counted in steps of `COORDINATE_RESOLUTION_FT`.

    On their way through degrees coordinates pick up noise far below the last decimal that the City carries.
    """
    # Zero has two bit patterns; adding zero leaves one.
    return np.rint(coordinates * (1 / COORDINATE_RESOLUTION_FT)) + 0.0


def hashes(coordinates: np.ndarray) -> np.ndarray:
    """A number for each vertex, the same for the same place."""
    bits = np.ascontiguousarray(coordinates).view(np.uint64)
    h = bits[:, 0] * _MIX[1]
    h ^= h >> np.uint64(29)
    h ^= bits[:, 1]
    h *= _MIX[2]
    h ^= h >> np.uint64(32)
    h *= _MIX[0]
    return h


def _turn(geometry: np.ndarray) -> int:
    """Which way most of the first shells run."""
    some = geometry[:2_000]
    some = some[shapely.get_type_id(some) == 3]
    ccw = shapely.is_ccw(shapely.get_exterior_ring(some))
    return 1 if ccw.sum() * 2 >= len(some) else -1


def _layout(geometry: np.ndarray, type_id: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of every path its size, feature, part and kind; of every feature how many paths it has."""
    size = shapely.get_num_coordinates(geometry)
    plain = (type_id == 3) & (size > 0) & (shapely.get_num_interior_rings(geometry) == 0)
    count = plain.astype(np.int64)
    other = np.flatnonzero(~plain & (size > 0))
    if len(other):
        parts, row = shapely.get_parts(geometry[other], return_index=True)
        while (shapely.get_type_id(parts) > 3).any():  # a collection may hold a multipolygon
            parts, at = shapely.get_parts(parts, return_index=True)
            row = row[at]
        there = ~shapely.is_empty(parts)
        parts, row = parts[there], row[there]
        kinds = shapely.get_type_id(parts)
        area = np.flatnonzero(kinds == 3)
        rings, at = shapely.get_rings(parts[area], return_index=True)
        rest = np.flatnonzero(kinds != 3)
        of = np.concatenate([area[at], rest])
        sizes = shapely.get_num_coordinates(np.concatenate([rings, parts[rest]]))
        hole = np.zeros(len(of), dtype=bool)
        hole[1 : len(rings)] = at[1:] == at[:-1]
        path_kind = np.where(hole, HOLE, np.where(kinds[of] == 3, SHELL, np.where(kinds[of] == 0, POINT, LINE))).astype(np.uint8)
        order = np.argsort(of, kind="stable")
        of, sizes, path_kind = of[order], sizes[order], path_kind[order]
        count[other] = np.bincount(row[of], minlength=len(other))
    owner = np.repeat(np.arange(len(geometry), dtype=np.int32), count)
    if not len(other):
        return (
            size[owner].astype(np.int64),
            owner,
            np.arange(len(owner), dtype=np.int32),
            np.full(len(owner), SHELL, np.uint8),
            count,
        )
    path_size = size[owner].astype(np.int64)
    kind = np.full(len(owner), SHELL, dtype=np.uint8)
    new = np.ones(len(owner), dtype=np.int32)
    crowded = ~plain[owner]
    path_size[crowded], kind[crowded] = sizes, path_kind
    new[crowded] = np.append(1, of[1:] != of[:-1])
    return path_size, owner, np.cumsum(new, dtype=np.int32) - 1, kind, count


def _chunk(geometry: np.ndarray, asked: np.ndarray, turn: int) -> dict:
    """Everything of `Paths` for some features, counted from 0."""
    type_id = shapely.get_type_id(geometry)
    size, owner, part, kind, count = _layout(geometry, type_id)
    valid = shapely.is_valid(geometry)
    coordinates = shapely.get_coordinates(geometry)
    c, p, n = len(coordinates), len(size), len(geometry)
    found = {"coordinates": coordinates, "size": size, "owner": owner, "part": part, "kind": kind, "paths": count, "valid": valid}
    found["parts"] = int(part[-1]) + 1 if p else 0
    start = np.cumsum(size) - size
    last = start + size - 1
    path_of = np.repeat(np.arange(p, dtype=np.int32), size)
    x, y = np.ascontiguousarray(coordinates[:, 0]), np.ascontiguousarray(coordinates[:, 1])
    with np.errstate(over="ignore", invalid="ignore"):
        de, dn = np.empty(c), np.empty(c)
        np.subtract(x[1:], x[:-1], out=de[:-1])
        np.subtract(y[1:], y[:-1], out=dn[:-1])
        de[last], dn[last] = 0.0, 0.0
        length = np.sqrt(de * de + dn * dn)
        # From the first vertex of each ring: at State Plane coordinates the products would lose the figures that decide.
        twice = (x - x[start][path_of]) * dn - (y - y[start][path_of]) * de
        ring = kind >= SHELL
        area = np.add.reduceat(twice, start) / 2 if p else np.empty(0)
        area[~ring] = 0.0
        around = np.add.reduceat(length, start) if p else np.empty(0)
        good = np.isfinite(around) & np.isfinite(x[start]) & np.isfinite(y[start])
        finite = np.ones(n, dtype=bool)
        for path in np.flatnonzero(~good):
            here = slice(start[path], last[path] + 1)
            if not (np.isfinite(x[here]).all() and np.isfinite(y[here]).all()):
                finite[owner[path]] = False
        short = length < SHORT_FT
        short[last] = False
        found["short"] = np.flatnonzero(short)
        found["sharp"] = _sharp(de, dn, start, last, ring, size)
    dimension = np.array([0, 1, 1, 2, 0, 1, 2, 2, -1], dtype=np.int8)[type_id]
    mixed = type_id == 7
    if mixed.any():
        dimension[mixed] = shapely.get_dimensions(geometry[mixed])
    dimension[count == 0] = -1
    found |= {"type_id": type_id.astype(np.int8), "dimension": dimension}
    definite = valid & finite & (dimension == 2)
    r = rounded(coordinates)
    h = hashes(r)
    sign = np.zeros(n, dtype=np.uint64)
    if p:
        of_path = np.add.reduceat(h, start)
        of_path[ring] -= h[last[ring]]
        if p == n and (count == 1).all():
            sign = of_path
        else:
            np.add.at(sign, owner, of_path)
    backwards = ring & (area * turn < 0) ^ (kind == HOLE)
    backwards &= ring
    key = np.zeros(c, dtype=np.uint64)
    np.add(h[1:], h[:-1], out=key[:-1])
    # Complex numbers are compared by their real part first: the way from the lesser to the greater end is on.
    place = r.view(np.complex128).ravel()
    forward = np.zeros(c, dtype=bool)
    np.less(place[:-1], place[1:], out=forward[:-1])
    edge = np.zeros(c, dtype=bool)
    np.not_equal(place[:-1], place[1:], out=edge[:-1])
    used = (ring & (definite & asked)[owner])[path_of]
    used[last] = False
    edge &= used
    if backwards.any():
        forward ^= backwards[path_of]
    at = np.flatnonzero(edge)
    mate, left = _mates_here(key[at], at, forward, place)
    found |= {
        "path_of": path_of,
        "area_sqft": area,
        "length_ft": around,
        "finite": finite,
        "definite": definite,
        "sign": sign,
        "backwards": backwards,
        "edge": edge,
        "mate": mate,
        "left": left,
        "key": key[left],
        "forward": forward[left],
    }
    return found


def _sharp(de: np.ndarray, dn: np.ndarray, start: np.ndarray, last: np.ndarray, ring: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Vertices where a path turns nearly straight back."""
    dot, cross = np.empty(len(de)), np.empty(len(de))
    np.multiply(de[1:], de[:-1], out=dot[1:])
    dot[1:] += dn[1:] * dn[:-1]
    np.multiply(dn[1:], de[:-1], out=cross[1:])
    cross[1:] -= de[1:] * dn[:-1]
    # The vertex that closes a ring stands for the first one, too: the turn there is that of the last edge into the first.
    before = np.maximum(last - 1, start)
    dot[start] = np.where(ring & (size > 2), de[start] * de[before] + dn[start] * dn[before], 0.0)
    cross[start] = dn[start] * de[before] - de[start] * dn[before]
    dot[last] = 0.0
    dot *= -SHARP
    return np.flatnonzero((dot > 0) & (np.abs(cross) <= dot))


def _mates_here(key: np.ndarray, at: np.ndarray, forward: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges that lie on each other in pairs, one walked each way; and those that are left."""
    mate = np.full(len(place), -1, dtype=np.int32 if len(place) < 2**31 - 1 else np.int64)
    if not len(at):
        return mate, at
    bits = np.uint64(max(len(at).bit_length(), 1))
    word = key >> bits
    word <<= bits
    word |= np.arange(len(at), dtype=np.uint64)
    word.sort()
    row = (word & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
    word >>= bits
    same = np.zeros(len(word) + 1, dtype=bool)
    np.equal(word[1:], word[:-1], out=same[1:-1])
    alone = ~same
    alone[1:-1] = same[1:-1] & alone[:-2] & alone[2:]
    first = np.flatnonzero(alone[1:-1])
    one, two = at[row[first]], at[row[first + 1]]
    paired = forward[one] != forward[two]
    paired &= same_ends(place[one], place[one + 1], place[two], place[two + 1])
    if not paired.all():
        one, two = one[paired], two[paired]
    mate[one], mate[two] = two, one
    return mate, at[mate[at] < 0]


def same_ends(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """
    Whether edges a-b and c-d have the same two ends, by their rounded coordinates: not by their hashes, which may agree by chance.

    Each end is easting and northing as one complex number.
    """
    same = (a == d) & (b == c)
    if not same.all():
        same |= (a == c) & (b == d)
    return same
