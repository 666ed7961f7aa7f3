"""
The corners of polygons, each place once, and which features stand there.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import COORDINATE_RESOLUTION_FT, flat, polygon_parts
from citygis.topology.nearness import near_pairs, spread
from citygis.units import require_feet

LARGEST_STACK = 100
"""A pile of more identical polygons than this is told as pairs with its first one: all pairs would fill the memory."""

SAME_CORNER_FT = 0.0005
"""Corners nearer than this are one corner: a few last decimals of rounding on either side."""

_SLACK_FT = COORDINATE_RESOLUTION_FT / 2


class Corners(NamedTuple):
    """
    The corners of a layer's polygons, and who has them.

    Attributes
    ----------
    places : (m, 2) array of float
        Distinct corners, rounded to `COORDINATE_RESOLUTION_FT`.
    start : (m + 1,) array of int
        The features of place i are ``features[start[i]:start[i + 1]]``.
    features : array of int
        Positions in the layer, ascending within a place.
    users : array of m int
        The same number for places with the same features.
    near : array of int, ascending
        ``feature * m + place`` for each place that a feature has a corner at, or within `SAME_CORNER_FT` of.
    walk : array of int
        The place of every vertex, ring after ring, the closing one included.
    ring, owner : arrays of int
        The ring and the feature of every vertex of `walk`.
    """

    places: np.ndarray
    start: np.ndarray
    features: np.ndarray
    users: np.ndarray
    near: np.ndarray
    walk: np.ndarray
    ring: np.ndarray
    owner: np.ndarray

    def has(self, feature: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Whether each feature has a corner at each place, give or take `SAME_CORNER_FT`."""
        key = feature * len(self.places) + place
        at = np.minimum(np.searchsorted(self.near, key), len(self.near) - 1)
        return self.near[at] == key


def corners_of(layer: gpd.GeoDataFrame | gpd.GeoSeries, what: str = "This layer") -> Corners:
    """
    The corners of a layer's polygons, each place once.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries
        In feet. What is null, empty or not a polygon has no corners; nor has, here, a feature with a coordinate that is not a
        number. A polygon that is not valid has corners like any other. Not modified.
    what : str
        Begins the message of an error.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    require_feet(layer.crs, what)
    return corners_in(flat(np.asarray(layer.geometry.array, dtype=object)))


def corners_in(geometry: np.ndarray) -> Corners:
    """As `corners_of`, of an array of geometries without elevations."""
    parts, owner = polygon_parts(geometry)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    feature = owner[part[ring]] if len(ring) else np.empty(0, dtype=np.intp)
    strange = np.unique(feature[~np.isfinite(coordinates).all(axis=1)])
    keep = ~np.isin(feature, strange) if len(strange) else slice(None)
    return corners_at(coordinates[keep], ring[keep], feature[keep], len(geometry))


def corners_at(coordinates: np.ndarray, ring: np.ndarray, feature: np.ndarray, n: int) -> Corners:
    """
    As `corners_of`, of vertices.

    Parameters
    ----------
    coordinates : (k, 2) array of float
        Of rings, one after another, the closing vertex included; finite.
    ring, feature : arrays of k int
        The ring and the feature of each.
    n : int
        How many features there are.
    """
    # Adding zero leaves one of the two bit patterns of zero.
    coordinates = np.round(coordinates / COORDINATE_RESOLUTION_FT) * COORDINATE_RESOLUTION_FT + 0.0
    places, place = _distinct_places(coordinates)
    n += 1
    uses = distinct(place * n + feature)
    start = np.searchsorted(uses, np.arange(len(places) + 1) * n)
    corners = Corners(places, start, uses % n, _users(start, uses % n), np.empty(0, dtype=np.int64), place, ring, feature)
    return corners._replace(near=_near(corners, uses // n))


def misaligned(corners: Corners, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    The features that stand on one of two places and not on the other.

    Parameters
    ----------
    corners : Corners
    one, other : arrays of int
        Places, pair by pair.

    Returns
    -------
    pair, left, right : arrays of int
        A feature that has ``one[pair]`` and lacks ``other[pair]``, and a feature of which the reverse is true.
    """
    lefts, rights = _lacking(corners, one, other), _lacking(corners, other, one)
    left_start = np.searchsorted(lefts[0], np.arange(len(one) + 1))
    right_start = np.searchsorted(rights[0], np.arange(len(one) + 1))
    left_size, right_size = np.diff(left_start), np.diff(right_start)
    both = (left_size > 0) & (right_size > 0)
    huge = both & (np.maximum(left_size, right_size) > LARGEST_STACK)
    # Each on the left with all on the right; of a huge stack each with the first, and the first with each but the first.
    pairs = []
    pair, left = spread(left_start[:-1][both & ~huge], left_start[1:][both & ~huge])
    pair = np.flatnonzero(both & ~huge)[pair]
    run, right = spread(right_start[pair], right_start[pair + 1])
    pairs.append((pair[run], left[run], right))
    pair, left = spread(left_start[:-1][huge], left_start[1:][huge])
    pair = np.flatnonzero(huge)[pair]
    pairs.append((pair, left, right_start[pair]))
    pair, right = spread(right_start[:-1][huge] + 1, right_start[1:][huge])
    pair = np.flatnonzero(huge)[pair]
    pairs.append((pair, left_start[pair], right))
    pair, left, right = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return pair, lefts[1][left], rights[1][right]


def _lacking(corners: Corners, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair by pair the features that have `one` and not `other`."""
    pair, use = spread(corners.start[one], corners.start[one + 1])
    feature = corners.features[use]
    lacks = ~corners.has(feature, other[pair])
    return pair[lacks], feature[lacks]


def _users(start: np.ndarray, features: np.ndarray) -> np.ndarray:
    """A number for the features of each place: the sum of their hashes."""
    if not len(features):
        return np.empty(0, dtype=np.uint64)
    # The finisher of SplitMix64 (Steele, Lea and Flood 2014): sums of its values meet by chance once in 2^64.
    mixed = (features.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.add.reduceat(mixed ^ (mixed >> np.uint64(31)), start[:-1])


def _near(corners: Corners, place: np.ndarray) -> np.ndarray:
    """Which features have a corner at which place, or within `SAME_CORNER_FT` of it."""
    m = len(corners.places)
    keys = [corners.features * m + place]
    one, other, _ = near_pairs(corners.places, SAME_CORNER_FT + _SLACK_FT, corners.users)
    for a, b in ((one, other), (other, one)):
        pair, use = spread(corners.start[a], corners.start[a + 1])
        keys.append(corners.features[use] * m + b[pair])
    return distinct(np.concatenate(keys)) if len(one) else np.sort(keys[0])


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The distinct of some numbers, ascending. By sorting: `numpy.unique` hashes, which takes ten times as long on millions."""
    numbers = np.sort(numbers)
    new = np.ones(len(numbers), dtype=bool)
    new[1:] = numbers[1:] != numbers[:-1]
    return numbers[new]


def _distinct_places(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct coordinates, by northing within easting, and for each coordinate which of them it is."""
    if not len(coordinates):
        return coordinates, np.empty(0, dtype=np.intp)
    order = np.lexsort((coordinates[:, 1], coordinates[:, 0]))
    ordered = coordinates[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return ordered[new], number
