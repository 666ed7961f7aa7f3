"""
The straight pieces of lines and boundaries, and which stretch of one lies near another.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import flat, single_parts
from citygis.topology.validity import not_finite
from citygis.units import require_feet

NODE_TOLERANCE_FT = 0.0005
"""Ends nearer than this are one node: a few times what rounding to `COORDINATE_RESOLUTION_FT` can move a point off a line."""

_PARALLEL = 1e-12  # a unit vector's component below this is rounding


class Segments(NamedTuple):
    """
    Straight pieces of lines, in the order they are walked; none has no length.

    Attributes
    ----------
    start, end : (n, 2) arrays of float
        Easting and northing, feet.
    part : (n,) array of int
        The line each belongs to, ascending.
    """

    start: np.ndarray
    end: np.ndarray
    part: np.ndarray

    def take(self, rows: np.ndarray) -> "Segments":
        """Some of the segments."""
        return Segments(self.start[rows], self.end[rows], self.part[rows])

    @property
    def length_ft(self) -> np.ndarray:
        """The length of each, feet."""
        return np.hypot(*(self.end - self.start).T)

    def lines(self) -> np.ndarray:
        """Each as a LineString."""
        return shapely.linestrings(np.stack([self.start, self.end], axis=1))


def line_parts(layer: gpd.GeoDataFrame | gpd.GeoSeries, what: str = "This layer") -> tuple[np.ndarray, np.ndarray]:
    """
    The single lines of a layer; of a polygon, its rings.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries
        In feet. Null and empty geometries, points, and coordinates that are not finite give no line. Not modified.
    what : str
        Begins the message of an error.

    Returns
    -------
    parts : array of LineString or LinearRing
        Two-dimensional.
    owner : array of int
        Position in `layer` of each part, ascending.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    require_feet(layer.crs, what)
    geometry = flat(np.asarray(layer.geometry.array, dtype=object))
    geometry[not_finite(layer)] = None
    parts, owner = single_parts(geometry)
    area = shapely.get_type_id(parts) == 3
    rings, at = shapely.get_rings(parts[area], return_index=True)
    at = np.flatnonzero(area)[at]
    if not area.all():
        at = np.concatenate([at, np.flatnonzero(~area)])
        order = np.argsort(at, kind="stable")
        rings, at = np.concatenate([rings, parts[~area]])[order], at[order]
    parts, owner = rings, owner[at]
    keep = (shapely.get_dimensions(parts) == 1) & (shapely.length(parts) > 0)
    return parts[keep], owner[keep]


def segments(parts: np.ndarray) -> Segments:
    """The segments of an array of LineStrings."""
    coordinates, part = shapely.get_coordinates(parts, return_index=True)
    walked = np.flatnonzero((part[1:] == part[:-1]) & (coordinates[1:] != coordinates[:-1]).any(axis=1))
    return Segments(coordinates[walked], coordinates[walked + 1], part[walked])


def box_pairs(some: Segments, others: Segments | shapely.STRtree, reach_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Positions of segments whose boxes, the first widened by `reach_ft`, meet: a superset of those within reach.

    The others may be given as the tree of their lines, where there is one already.
    """
    low, high = np.minimum(some.start, some.end) - reach_ft, np.maximum(some.start, some.end) + reach_ft
    tree = others if isinstance(others, shapely.STRtree) else shapely.STRtree(others.lines())
    found = tree.query(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    return found[0], found[1]


def near_stretches(some: Segments, others: Segments, reach_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """
    From where to where each segment lies within reach of the other one beside it.

    Parameters
    ----------
    some, others : Segments of one length
    reach_ft : float

    Returns
    -------
    low, high : arrays of float
        Feet from the start of the segment; high < low where no point of it is within reach.

    Notes
    -----
    The points within reach of a segment fill a rectangle with a half disc at either end. That shape is convex, so a straight
    line is inside it along one stretch: from the least to the greatest of what is inside the rectangle and the two discs.
    """
    length, other_length = some.length_ft, others.length_ft
    along = (some.end - some.start) / length[:, None]
    across = (others.end - others.start) / other_length[:, None]
    lows, highs = [], []
    from_start = some.start - others.start
    low, high = _clip(_dot(from_start, across), _dot(along, across), np.zeros(len(length)), other_length)
    side = np.full(len(length), reach_ft)
    beside_low, beside_high = _clip(_cross(from_start, across), _cross(along, across), -side, side)
    lows.append(np.maximum(low, beside_low))
    highs.append(np.minimum(high, beside_high))
    for centre in (others.start, others.end):
        offset = some.start - centre
        inside = reach_ft**2 - _cross(along, offset) ** 2
        half = np.sqrt(np.maximum(inside, 0.0))
        lows.append(np.where(inside >= 0, -_dot(along, offset) - half, np.inf))
        highs.append(np.where(inside >= 0, -_dot(along, offset) + half, -np.inf))
    low, high = np.full(len(length), np.inf), np.full(len(length), -np.inf)
    for one_low, one_high in zip(lows, highs, strict=True):
        one_low, one_high = np.maximum(one_low, 0.0), np.minimum(one_high, length)
        there = one_low <= one_high
        low[there], high[there] = np.minimum(low, one_low)[there], np.maximum(high, one_high)[there]
    return low, high


def runs(owner: np.ndarray, low: np.ndarray, high: np.ndarray, *, covered: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    What stretches of one owner cover together, or leave open between them.

    Parameters
    ----------
    owner : array of int
    low, high : arrays of float
        A stretch each, low <= high.
    covered : bool
        Whether the covered runs are wanted, or the open ones between the first and the last.

    Returns
    -------
    owner, low, high : arrays
        Ascending by owner and place; open runs have low < high.
    """
    at = np.concatenate([low, high])
    whose = np.concatenate([owner, owner])
    step = np.repeat([1, -1], len(owner))
    order = np.lexsort((-step, at, whose))
    at, whose, depth = at[order], whose[order], np.cumsum(step[order])
    ends = np.flatnonzero(depth == 0)
    if covered:
        starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
        return whose[starts], at[starts], at[ends]
    ends = ends[:-1]
    ends = ends[(whose[ends] == whose[ends + 1]) & (at[ends] < at[ends + 1])]
    return whose[ends], at[ends], at[ends + 1]


def stretch_lines(some: Segments, rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """LineStrings from `low` to `high` feet along the segments at `rows`; an end of a segment is given exactly."""
    start, end = some.start[rows], some.end[rows]
    length = np.hypot(*(end - start).T)

    def place(at):
        point = start + (end - start) * (at / length)[:, None]
        point[at <= 0], point[at >= length] = start[at <= 0], end[at >= length]
        return point

    return shapely.linestrings(np.stack([place(low), place(high)], axis=1))


def _clip(value: np.ndarray, slope: np.ndarray, least: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From where to where ``least <= value + slope * t <= most``."""
    level = np.abs(slope) < _PARALLEL
    safe = np.where(level, 1.0, slope)
    one, other = (least - value) / safe, (most - value) / safe
    inside = (least <= value) & (value <= most)
    low = np.where(level, np.where(inside, -np.inf, np.inf), np.minimum(one, other))
    return low, np.where(level, np.where(inside, np.inf, -np.inf), np.maximum(one, other))


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(axis=1)


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
