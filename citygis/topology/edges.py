"""
Edges that no neighbour answers: where the number of polygons over the ground changes.

Walk every ring with its ground on the left. Where two neighbours share an edge, they walk it in opposite directions and it
cancels. Crossing a cancelled edge leaves the number of polygons over a point as it was, so overlaps and gaps are bounded by
the edges that are left over: few, where the layer is good.
"""

import numpy as np
import shapely

from citygis.topology.measure import COORDINATE_RESOLUTION_FT
from citygis.topology.nearness import spread
from citygis.topology.paths import HOLE, Paths, hashes, rounded, same_ends
from citygis.topology.threads import threaded

CHUNK = 4_000
"""Polygons whose edges are cancelled among themselves first: so few edges fit the cache, and most have their neighbour there."""

TILE_FT = 2_000.0
"""Polygons are taken by tiles of this size, so that neighbours stand together whatever order they came in."""

# An edge: the hashes of its lesser and its greater end, how often it is walked from the lesser one less how often back, its ends.
_EDGE = np.dtype([("low", "u8"), ("high", "u8"), ("net", "i8"), ("ends", "f8", 4)])


def unmatched_edges(polygons: np.ndarray, against: np.ndarray, more: np.ndarray | None = None) -> np.ndarray:
    """
    The edges across which the number of `polygons` over the ground, less that of `against`, changes.

    Parameters
    ----------
    polygons, against : array of Polygon or MultiPolygon
        Valid; None is ignored.
    more : array, optional
        Edges of other polygons, from `walked_once`, whose other edges are known to cancel.

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
    edges = np.empty(0, dtype=_EDGE) if more is None else more
    if not len(both) and not len(edges):
        return np.empty(0, dtype=object)
    tile = np.floor(shapely.bounds(both)[:, :2] / TILE_FT)
    order = np.lexsort(tile.T)
    edges = np.concatenate([edges, threaded(_edges_left, both[order], use[order], chunk=CHUNK)])
    rows, _ = _left_over(edges["low"].copy(), edges["high"].copy(), edges["net"].copy())
    return shapely.linestrings(edges["ends"][rows].reshape(-1, 2, 2))


def walked_once(paths: Paths, edge: np.ndarray) -> np.ndarray:
    """Some edges of a layer, for `unmatched_edges`: each walked once, with the ground on the left."""
    path = paths.path_of[edge]
    side = np.where((paths.area_sqft[path] > 0) != (paths.kind[path] == HOLE), 1, -1)
    start, end = _to_the_last_decimal(paths.coordinates[edge]), _to_the_last_decimal(paths.coordinates[edge + 1])
    one, other = hashes(start), hashes(end)
    walked = np.empty(len(edge), dtype=_EDGE)
    walked["low"], walked["high"] = np.minimum(one, other), np.maximum(one, other)
    walked["net"] = np.where(one < other, side, -side)
    walked["ends"][:, :2], walked["ends"][:, 2:] = start, end
    return walked


def mated(paths: Paths, copies: np.ndarray) -> tuple[Paths, np.ndarray, np.ndarray]:
    """
    The mates of edges whose neighbours stand in another chunk, and the edges that have none.

    Parameters
    ----------
    paths : Paths
        As `citygis.topology.paths.paths_of` gives them. Its ``mate`` and ``edge`` are completed in place.
    copies : array of int
        Features that are the same as an earlier one: their edges are left out, or a stack of a thousand would be a thousand times
        a thousand pairs.

    Returns
    -------
    paths : Paths
        Without what only this step needs.
    open_edges : array of int, ascending
        Edges of definite ground that lie on no edge walked the other way. Overlaps and gaps are bounded by them.
    doubled : (k, 2) array of int
        Features that have an edge, walked the same way, in common: both claim the ground beside it.
    """
    if len(copies):
        paths = _without(paths, copies)
    left, key, forward, mate = paths.left, paths.key, paths.forward, paths.mate
    done = paths._replace(left=left[:0], key=key[:0], forward=forward[:0])
    if not len(left):
        return done, left, np.empty((0, 2), dtype=np.intp)
    bits = np.uint64(len(left).bit_length())
    word = (key >> bits) << bits
    word |= np.arange(len(left), dtype=np.uint64)
    word.sort()
    row = (word & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    word >>= bits
    new = np.ones(len(row) + 1, dtype=bool)
    np.not_equal(word[1:], word[:-1], out=new[1:-1])
    pair = np.flatnonzero(new[:-2] & ~new[1:-1] & new[2:])
    one, two = left[row[pair]], left[row[pair + 1]]
    fits = (forward[row[pair]] != forward[row[pair + 1]]) & _same_ends(paths, one, two)
    mate[one[fits]], mate[two[fits]] = two[fits], one[fits]
    alone = np.zeros(len(row), dtype=bool)
    alone[pair] = fits
    alone[pair + 1] = fits
    alone |= new[:-1] & new[1:]
    doubled = _crowds(paths, row[~alone]) if not alone.all() else np.empty((0, 2), dtype=np.intp)
    return done, left[mate[left] < 0], doubled


def _without(paths: Paths, copies: np.ndarray) -> Paths:
    """Paths in which the edges of some features are no edges, and have no mates."""
    _, path = spread(paths.first[copies], paths.first[copies + 1])
    _, edge = spread(paths.start[path], paths.start[path + 1])
    widowed = paths.mate[edge]
    widowed = widowed[widowed >= 0]
    paths.edge[edge], paths.mate[edge], paths.mate[widowed] = False, -1, -1
    widowed = np.sort(widowed[paths.edge[widowed]])
    keep = paths.edge[paths.left]
    place = _places(paths, np.concatenate([widowed, widowed + 1])).reshape(2, -1)
    ends = hashes(place.view(np.float64).reshape(-1, 2)).reshape(2, -1)
    left = np.concatenate([paths.left[keep], widowed])
    key = np.concatenate([paths.key[keep], ends[0] + ends[1]])
    forward = np.concatenate([paths.forward[keep], (place[0] < place[1]) ^ paths.backwards[paths.path_of[widowed]]])
    order = np.argsort(left, kind="stable")
    return paths._replace(left=left[order], key=key[order], forward=forward[order])


def _crowds(paths: Paths, row: np.ndarray) -> np.ndarray:
    """Mates among edges of which more than two may be one; and the features that have one in common, walked the same way."""
    edge, forward = paths.left[row], paths.forward[row]
    a, b = rounded(paths.coordinates[edge]), rounded(paths.coordinates[edge + 1])
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    order = np.lexsort((edge, forward, high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    edge, forward, low, high = edge[order], forward[order], low[order], high[order]
    new = np.ones(len(edge), dtype=bool)
    new[1:] = (low[1:] != low[:-1]).any(axis=1) | (high[1:] != high[:-1]).any(axis=1)
    crowd = np.cumsum(new) - 1
    start = np.append(np.flatnonzero(new), len(edge))
    back = np.bincount(crowd, weights=~forward, minlength=len(start) - 1).astype(np.int64)
    middle = start[:-1] + back
    # The first walked back is the mate of the first walked on, and so forth.
    many = np.minimum(back, start[1:] - middle)
    _, one = spread(start[:-1], start[:-1] + many)
    _, two = spread(middle, middle + many)
    paths.mate[edge[one]], paths.mate[edge[two]] = edge[two], edge[one]
    # All that walk the same way, each with each.
    end = np.where(forward, start[1:][crowd], middle[crowd])
    left, right = spread(np.arange(1, len(edge) + 1), end)
    owner = paths.owner[paths.path_of[edge]]
    pairs = np.stack([owner[left], owner[right]], axis=1).astype(np.intp)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _same_ends(paths: Paths, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """As `same_ends`, of edges anywhere in a layer."""
    return same_ends(*(_places(paths, vertex) for vertex in (one, one + 1, two, two + 1)))


def _places(paths: Paths, vertex: np.ndarray) -> np.ndarray:
    """Rounded easting and northing of vertices, as one complex number each."""
    place = paths.coordinates.view(np.complex128).ravel()[vertex]  # twice as fast as rows of two numbers
    return rounded(place.view(np.float64)).view(np.complex128)


def _edges_left(polygons: np.ndarray, use: np.ndarray) -> np.ndarray:
    """The edges of polygons, each walked `use` times with the ground on the left, that do not cancel among themselves."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    hole = np.zeros(len(rings), dtype=bool)
    hole[1:] = part[1:] == part[:-1]
    sides = use[owner[part]] * np.where(shapely.is_ccw(rings) != hole, 1, -1)
    coordinates = _to_the_last_decimal(coordinates)
    hashed = hashes(coordinates)
    first = np.flatnonzero((ring[1:] == ring[:-1]) & (hashed[1:] != hashed[:-1]))
    start, end = hashed[first], hashed[first + 1]
    low, high = np.minimum(start, end), np.maximum(start, end)
    rows, net = _left_over(low, high, np.where(start < end, 1, -1) * sides[ring[first]])
    left = np.empty(len(rows), dtype=_EDGE)
    left["low"], left["high"], left["net"] = low[rows], high[rows], net
    left["ends"][:, :2], left["ends"][:, 2:] = coordinates[first[rows]], coordinates[first[rows] + 1]
    return left


def _to_the_last_decimal(coordinates: np.ndarray) -> np.ndarray:
    """Rounded as City coordinates are: on their way through degrees they pick up noise far below it."""
    # Zero has two bit patterns; adding zero leaves one.
    return np.round(coordinates / COORDINATE_RESOLUTION_FT) * COORDINATE_RESOLUTION_FT + 0.0


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
