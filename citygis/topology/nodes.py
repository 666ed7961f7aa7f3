"""
Where lines end: at each other, near each other, or nowhere.
"""

from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.topology.measure import require_same_crs
from citygis.topology.nearness import connected
from citygis.topology.points import require_points
from citygis.topology.segments import NODE_TOLERANCE_FT, Segments, box_pairs, line_parts, segments

LOOSE_KINDS = ("dangle", "undershoot", "overshoot")
"""What a loose end can be: far from every other line, stopping short of one, or reaching past one."""


@dataclass(frozen=True, eq=False)
class Ends:
    """
    The two ends of each single line of a layer; end ``i`` belongs to part ``i // 2`` and is its start where ``i`` is even.

    Attributes
    ----------
    parts : array of p LineString
    owner : (p,) array of int
        Position in the layer.
    points : array of 2 p Point
    node : (2 p,) array of int
        Ends at one place, within the tolerance, share a number.
    count : array of int
        Ends at each node.
    edges : Segments
    at, by : arrays of int
        An end and a segment it lies on, away from the ends of that segment's line: a junction without a node.
    crs : CRS
        Of the layer.
    node_tolerance_ft : float
    tree : STRtree
        Of the segments, as lines.
    """

    parts: np.ndarray
    owner: np.ndarray
    points: np.ndarray
    node: np.ndarray
    count: np.ndarray
    edges: Segments
    at: np.ndarray
    by: np.ndarray
    crs: CRS
    node_tolerance_ft: float
    tree: shapely.STRtree

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of segments whose boxes come within the tolerance, each once, the lower number first."""
        at, by = box_pairs(self.edges, self.tree, self.node_tolerance_ft)
        return at[at < by], by[at < by]


def ends_of(lines: "gpd.GeoDataFrame | gpd.GeoSeries | Ends", node_tolerance_ft: float = NODE_TOLERANCE_FT) -> Ends:
    """
    Which line ends meet, and which lie on another line where it has no end.

    Every measure of a line network takes a layer or, so that this is worked out once, what this gives back.

    Parameters
    ----------
    lines : GeoDataFrame, GeoSeries or Ends, n lines
        In feet; of a polygon the rings count. `Ends` come back as they are, with the tolerance they were made with. Not modified.
    node_tolerance_ft : float
        Ends this near each other are one node.

    Raises
    ------
    CRSError
        If `lines` has no CRS or is not in feet.
    """
    if isinstance(lines, Ends):
        return lines
    parts, owner = line_parts(lines)
    points = np.stack([shapely.get_point(parts, 0), shapely.get_point(parts, -1)], axis=1).ravel()
    edges = segments(parts)
    node = places(shapely.get_coordinates(points), node_tolerance_ft)
    count = np.bincount(node) if len(node) else np.zeros(0, dtype=np.intp)
    tree = shapely.STRtree(edges.lines())
    at, by = tree.query(points, predicate="dwithin", distance=node_tolerance_ft)
    first, last = 2 * edges.part[by], 2 * edges.part[by] + 1
    own = edges.part[by] == at // 2
    inside = np.where(own, node[at] != node[at ^ 1], (node[at] != node[first]) & (node[at] != node[last]))
    inside &= ~own | (_length_between_ft(edges, at, by) > 4 * node_tolerance_ft)  # every line starts at its own end
    return Ends(parts, owner, points, node, count, edges, at[inside], by[inside], lines.crs, node_tolerance_ft, tree)


def loose_ends(
    lines: gpd.GeoDataFrame | gpd.GeoSeries | Ends, *, reach_ft: float = 5.0, node_tolerance_ft: float = NODE_TOLERANCE_FT
) -> gpd.GeoDataFrame:
    """
    Line ends that meet no other line: dangles, and among them those that stop short of a line or reach past one.

    Parameters
    ----------
    lines : GeoDataFrame, GeoSeries or Ends, n lines
        In feet; of a polygon the rings count. Null, empty and not finite geometries, and points, have no ends. Not modified.
    reach_ft : float
        How far short of or past another line an end is told as an undershoot or an overshoot of it.
    node_tolerance_ft : float
        An end this near another end, or any other place of a line, meets it.

    Returns
    -------
    GeoDataFrame, m rows
        ``line`` (position), ``is_start``, ``kind`` (one of `LOOSE_KINDS`), ``other``: position of the line missed or passed, -1 for
        a dangle; ``distance_ft``: of an undershoot the distance to it, of an overshoot the length beyond it, of a dangle NaN;
        ``geometry``: the end (Point). Ascending by line, part and end; CRS of `lines`, new index. A line that stops short of itself
        is a dangle.

    Raises
    ------
    CRSError
        If `lines` has no CRS or is not in feet.

    Notes
    -----
    Source: "Must Not Have Dangles" of Esri's geodatabase topology rules; undershoot and overshoot as in Burrough and McDonnell,
    Principles of Geographical Information Systems (1998), chapter 4. Past a line means: the line, followed back from its end,
    crosses or meets another one within `reach_ft`.
    """
    ends = ends_of(lines, node_tolerance_ft)
    node_tolerance_ft = ends.node_tolerance_ft
    loose = ends.count[ends.node] == 1
    loose[ends.at] = False
    rows = np.flatnonzero(loose)
    at, by = ends.tree.query(ends.points[rows], predicate="dwithin", distance=reach_ft)
    other = ends.edges.part[by] != rows[at] // 2
    at, by = at[other], by[other]
    way = shapely.shortest_line(ends.points[rows[at]], ends.tree.geometries[by])
    # A short last course is near the line it goes on from: that is where it hangs, and not what it misses.
    misses = shapely.distance(shapely.get_point(way, 1), ends.points[rows[at] ^ 1]) > node_tolerance_ft
    short_ft, short_of = _least(len(rows), at[misses], shapely.length(way[misses]), ends.owner[ends.edges.part[by[misses]]])
    past_ft, past = _least(len(rows), *_passed(ends, rows, at, by, reach_ft, node_tolerance_ft))
    kind = np.where(np.isfinite(past_ft), 2, np.where(np.isfinite(short_ft), 1, 0))
    table = {
        "line": ends.owner[rows // 2],
        "is_start": rows % 2 == 0,
        "kind": pd.Series(np.array(LOOSE_KINDS, dtype=object)[kind], dtype="str"),
        "other": np.choose(kind, [np.full(len(rows), -1), short_of, past]),
        "distance_ft": np.choose(kind, [np.full(len(rows), np.nan), short_ft, past_ft]),
    }
    return gpd.GeoDataFrame(table, geometry=ends.points[rows], crs=ends.crs)


def pseudo_nodes(
    lines: gpd.GeoDataFrame | gpd.GeoSeries | Ends, *, node_tolerance_ft: float = NODE_TOLERANCE_FT
) -> gpd.GeoDataFrame:
    """
    Places where two lines end and no third one passes: they could be one line.

    A course ends where its bearing or radius changes, and a street where its name does, so not every one is wrong: the caller
    knows which attributes may change there.

    Parameters
    ----------
    lines : GeoDataFrame, GeoSeries or Ends, n lines
        In feet. Null, empty and not finite geometries, and points, have no ends. Not modified.
    node_tolerance_ft : float

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions, left <= right, ascending (equal where two parts of one feature meet); ``turn_deg``: how
        far the way through the node turns, 0 straight on, 180 back; ``geometry``: the node (Point). CRS of `lines`, new index. The
        two ends of one closed line are no pseudo-node.

    Raises
    ------
    CRSError
        If `lines` has no CRS or is not in feet.

    Notes
    -----
    Source: "Must Not Have Pseudo Nodes" of Esri's geodatabase topology rules.
    """
    ends = ends_of(lines, node_tolerance_ft)
    passed = np.zeros(len(ends.count), dtype=bool)
    passed[ends.node[ends.at]] = True
    order = np.argsort(ends.node, kind="stable")
    first = np.r_[0, np.cumsum(ends.count)[:-1]][(ends.count == 2) & ~passed] if len(ends.count) else np.zeros(0, dtype=np.intp)
    one, other = order[first], order[first + 1]
    apart = one // 2 != other // 2
    one, other = one[apart], other[apart]
    left, right = ends.owner[one // 2], ends.owner[other // 2]
    order = np.lexsort((one, right, left))
    one, other, left, right = one[order], other[order], left[order], right[order]
    in_, out = _heading(ends, one), _heading(ends, other)
    turn = np.degrees(np.arctan2(np.abs(in_[:, 0] * out[:, 1] - in_[:, 1] * out[:, 0]), -(in_ * out).sum(axis=1)))
    return gpd.GeoDataFrame({"left": left, "right": right, "turn_deg": turn}, geometry=ends.points[one], crs=ends.crs)


def ends_off_corners(
    lines: gpd.GeoDataFrame | gpd.GeoSeries, corners: gpd.GeoDataFrame | gpd.GeoSeries, *, tolerance_ft: float = 0.01
) -> gpd.GeoDataFrame:
    """
    Line ends that are not at a corner point.

    Parameters
    ----------
    lines : GeoDataFrame or GeoSeries, n lines
        In feet. Null, empty and not finite geometries, and points, have no ends. Not modified.
    corners : GeoDataFrame or GeoSeries, k points
        In the CRS of `lines`. What is not a finite point is left out.
    tolerance_ft : float

    Returns
    -------
    GeoDataFrame, m rows
        ``line`` (position), ``is_start``, ``corner``: position of the nearest corner, -1 when there are none; ``distance_ft`` to it
        (infinite when there are none); ``geometry``: the end (Point). CRS of `lines`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or the two differ.

    Notes
    -----
    Source: "Endpoint Must Be Covered By" of Esri's geodatabase topology rules.
    """
    parts, owner = line_parts(lines)
    marks = require_points(corners, "The layer of corners")
    require_same_crs(lines, corners)
    points = np.stack([shapely.get_point(parts, 0), shapely.get_point(parts, -1)], axis=1).ravel()
    corner, distance = np.full(len(points), -1), np.full(len(points), np.inf)
    if len(points):
        (at, by), near = shapely.STRtree(marks).query_nearest(points, return_distance=True)
        np.minimum.at(distance, at, near)
        corner[at[::-1]] = by[::-1]  # of several as near, the first
    off = np.flatnonzero(distance > tolerance_ft)
    table = {"line": owner[off // 2], "is_start": off % 2 == 0, "corner": corner[off], "distance_ft": distance[off]}
    return gpd.GeoDataFrame(table, geometry=points[off], crs=lines.crs)


def _passed(
    ends: Ends, rows: np.ndarray, at: np.ndarray, by: np.ndarray, reach_ft: float, node_tolerance_ft: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loose ends (positions in `rows`), how far back from the end its line meets another one, and that one."""
    loose = np.full(len(ends.points), -1)
    loose[rows] = np.arange(len(rows))
    part = rows[at] // 2
    where = shapely.intersection(ends.parts[part], ends.tree.geometries[by])
    coordinates, pair = shapely.get_coordinates(where, return_index=True)
    end, place, other = rows[at[pair]], shapely.points(coordinates), ends.owner[ends.edges.part[by[pair]]]
    passes = shapely.distance(place, ends.points[end ^ 1]) > node_tolerance_ft  # what it starts from it does not pass
    end, place, other = end[passes], place[passes], other[passes]
    # An end of another line that lies on this one, and a node at the far end of a short stub, are met just as well.
    hit = ends.edges.part[ends.by]
    shared = np.flatnonzero((ends.count[ends.node] > 2) & (loose[np.arange(len(ends.node)) ^ 1] >= 0))
    touching = np.flatnonzero(loose[ends.at ^ 1] >= 0)
    first = np.full(len(ends.count), len(ends.parts))
    second = first.copy()
    order = np.argsort(ends.node, kind="stable")
    rank = np.arange(len(order)) - np.r_[0, np.cumsum(ends.count)][ends.node[order]]
    first[ends.node[order[rank == 0]]] = order[rank == 0] // 2
    second[ends.node[order[rank == 1]]] = order[rank == 1] // 2
    mate = np.where(first[ends.node[shared]] == shared // 2, second[ends.node[shared]], first[ends.node[shared]])
    end = np.concatenate([end, 2 * hit, 2 * hit + 1, shared ^ 1, ends.at[touching] ^ 1])
    place = np.concatenate([place, ends.points[ends.at], ends.points[ends.at], ends.points[shared], ends.points[ends.at[touching]]])
    touched = ends.owner[ends.at // 2]
    other = np.concatenate([other, touched, touched, ends.owner[mate], ends.owner[hit[touching]]])
    keep = loose[end] >= 0
    end, place, other = end[keep], place[keep], other[keep]
    back = shapely.line_locate_point(ends.parts[end // 2], place)
    back = np.where(end % 2 == 0, back, shapely.length(ends.parts[end // 2]) - back)
    near = back <= reach_ft
    return loose[end[near]], back[near], other[near]


def _least(n: int, at: np.ndarray, value: np.ndarray, name: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the values given for each of `n` the least, infinite for none, and its name; of equal ones the lowest name."""
    least, whose = np.full(n, np.inf), np.full(n, -1)
    order = np.lexsort((name, value, at))[::-1]  # the last one written stays
    least[at[order]], whose[at[order]] = value[order], name[order]
    return least, whose


def _length_between_ft(edges: Segments, end: np.ndarray, by: np.ndarray) -> np.ndarray:
    """How long a line runs from one of its ends to one of its segments."""
    walked = np.r_[0.0, np.cumsum(edges.length_ft)]
    first = np.searchsorted(edges.part, end // 2, side="left")
    last = np.searchsorted(edges.part, end // 2, side="right")
    return np.where(end % 2 == 0, walked[by] - walked[first], walked[last] - walked[np.minimum(by + 1, len(walked) - 1)])


def _heading(ends: Ends, rows: np.ndarray) -> np.ndarray:
    """The unit vector from each end into its line."""
    low = np.searchsorted(ends.edges.part, rows // 2, side="left")
    high = np.searchsorted(ends.edges.part, rows // 2, side="right") - 1
    is_start = (rows % 2 == 0)[:, None]
    way = np.where(is_start, ends.edges.end[low] - ends.edges.start[low], ends.edges.start[high] - ends.edges.end[high])
    return way / np.hypot(*way.T)[:, None]


def places(coordinates: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """
    A number for each point, shared by those within the tolerance of each other, or of one between them.

    Parameters
    ----------
    coordinates : (n, 2) array of float
    tolerance_ft : float

    Returns
    -------
    (n,) array of int
        From 0 without a hole.
    """
    if not len(coordinates):
        return np.zeros(0, dtype=np.intp)
    order = np.lexsort(coordinates.T)
    new = np.r_[True, (np.diff(coordinates[order], axis=0) != 0).any(axis=1)]
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.cumsum(new) - 1
    unique = shapely.points(coordinates[order[new]])
    one, other = shapely.STRtree(unique).query(unique, predicate="dwithin", distance=tolerance_ft)
    once = one < other
    label = connected(len(unique), one[once], other[once])
    return np.unique(label, return_inverse=True)[1][place]
