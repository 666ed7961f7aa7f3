"""
Where lines cross without a node, and where they run over each other or over themselves.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.topology.nodes import Ends, ends_of, places
from citygis.topology.segments import (
    NODE_TOLERANCE_FT,
    Segments,
    box_pairs,
    line_parts,
    near_stretches,
    runs,
    segments,
    stretch_lines,
)

LEAST_OVERLAP_FT = 0.1
"""Two lines that cross stay within the node tolerance of each other for a moment; only longer is running over each other."""


def crossings(lines: gpd.GeoDataFrame | gpd.GeoSeries | Ends, *, node_tolerance_ft: float = NODE_TOLERANCE_FT) -> gpd.GeoDataFrame:
    """
    Places where lines meet and at least one of them goes on without a node: crossings, and ends on the middle of a line.

    Parameters
    ----------
    lines : GeoDataFrame, GeoSeries or Ends, n lines
        In feet; of a polygon the rings count. Null, empty and not finite geometries, and points, meet nothing. Not modified.
    node_tolerance_ft : float
        A crossing this near an end is that end lying on the other line.

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions, left <= right, ascending, equal where a line meets itself; ``kind``: "crossing" where
        both go on, "touch" where one ends on the middle of the other; ``geometry``: the place (Point). CRS of `lines`, new index.

    Raises
    ------
    CRSError
        If `lines` has no CRS or is not in feet.

    Notes
    -----
    Source: "Must Not Intersect Or Touch Interior" and "Must Not Self-Intersect" of Esri's geodatabase topology rules. Lines that
    run over each other do not cross: see `line_overlaps`.
    """
    ends = ends_of(lines, node_tolerance_ft)
    node_tolerance_ft = ends.node_tolerance_ft
    edges = ends.edges
    at, by = ends.pairs
    place, real = _meeting_points(edges.take(at), edges.take(by))
    at, by, place = at[real], by[real], place[real]
    one, other = edges.part[at], edges.part[by]
    # The vertex between two segments of one line, and the start a closed line comes back to, are no meeting.
    follows = (one == other) & (np.abs(at - by) == 1)
    end = shapely.get_coordinates(ends.points)
    for part in (one, other):
        for k in (0, 1):
            follows |= np.hypot(*(end[2 * part + k] - place).T) <= node_tolerance_ft
    one, other, place = one[~follows], other[~follows], place[~follows]
    touching, on = ends.at // 2, edges.part[ends.by]
    left = np.concatenate([ends.owner[one], ends.owner[touching]])
    right = np.concatenate([ends.owner[other], ends.owner[on]])
    place = np.concatenate([place, shapely.get_coordinates(ends.points[ends.at])])
    touch = np.repeat([False, True], [len(one), len(touching)])
    left, right = np.minimum(left, right), np.maximum(left, right)
    # A crossing at a vertex is met by two segments of either line, and so is an end on a vertex.
    _, order = np.unique(np.column_stack([left, right, touch, places(place, node_tolerance_ft)]), axis=0, return_index=True)
    kind = pd.Series(np.where(touch[order], "touch", "crossing"), dtype="str")
    return gpd.GeoDataFrame(
        {"left": left[order], "right": right[order], "kind": kind}, geometry=shapely.points(place[order]), crs=ends.crs
    )


def line_overlaps(
    lines: gpd.GeoDataFrame | gpd.GeoSeries | Ends,
    *,
    tolerance_ft: float = NODE_TOLERANCE_FT,
    min_length_ft: float = LEAST_OVERLAP_FT,
) -> gpd.GeoDataFrame:
    """
    Stretches where two lines run over each other, or one line runs over itself.

    Parameters
    ----------
    lines : GeoDataFrame, GeoSeries or Ends, n lines
        In feet; of a polygon the rings count. Null, empty and not finite geometries, and points, run nowhere. Not modified.
    tolerance_ft : float
        How near they run. On coordinates rounded to 0.0001 ft an exact test misses a line that folds back on itself. `Ends` have
        their own.
    min_length_ft : float
        Pairs that share less are not reported.

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions, left <= right, ascending, equal for a line over itself; ``length_ft``: how much of `left`
        lies along `right` (of a line that folds back: both ways); ``geometry``: those stretches of `left` (MultiLineString). CRS of
        `lines`, new index.

    Raises
    ------
    CRSError
        If `lines` has no CRS or is not in feet.

    Notes
    -----
    Source: "Must Not Overlap" and "Must Not Self-Overlap" of Esri's geodatabase topology rules.
    """
    if isinstance(lines, Ends):
        owner, edges, (at, by), tolerance_ft = lines.owner, lines.edges, lines.pairs, lines.node_tolerance_ft
    else:
        parts, owner = line_parts(lines)
        edges = segments(parts)
        at, by = _pairs(edges, tolerance_ft)
    at, by = np.concatenate([at, by]), np.concatenate([by, at])
    keep = owner[edges.part[at]] <= owner[edges.part[by]]
    at, by = at[keep], by[keep]
    low, high = near_stretches(edges.take(at), edges.take(by), tolerance_ft)
    # Where two segments only meet, the stretch is as short as the tolerance, unless the angle between them is small.
    along = high - low > np.minimum(min_length_ft, 0.5 * np.minimum(edges.length_ft[at], edges.length_ft[by]))
    at, low, high = at[along], low[along], high[along]
    right = owner[edges.part[by[along]]]
    pair, group = np.unique(np.column_stack([at, right]), axis=0, return_inverse=True)
    group, low, high = runs(group.ravel(), low, high, covered=True)
    at, right = pair[group, 0], pair[group, 1]
    left = owner[edges.part[at]]
    stretches = stretch_lines(edges, at, low, high)
    pair, group = np.unique(np.column_stack([left, right]), axis=0, return_inverse=True)
    group = group.ravel()
    length = np.bincount(group, weights=high - low, minlength=len(pair))
    long = length >= min_length_ft
    keep = long[group]
    order = np.flatnonzero(keep)[np.argsort(group[keep], kind="stable")]
    geometry = shapely.multilinestrings(stretches[order], indices=np.cumsum(long)[group[order]] - 1)
    table = {"left": pair[long, 0], "right": pair[long, 1], "length_ft": length[long]}
    return gpd.GeoDataFrame(table, geometry=geometry, crs=lines.crs)


def _pairs(edges: Segments, reach_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of segments whose boxes meet, each once."""
    if not len(edges.part):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    at, by = box_pairs(edges, edges, reach_ft)
    once = at < by
    return at[once], by[once]


def _meeting_points(some: Segments, others: Segments) -> tuple[np.ndarray, np.ndarray]:
    """Where two segments cross, and whether they do; parallel ones never."""
    way, other_way = some.end - some.start, others.end - others.start
    apart = others.start - some.start
    area = way[:, 0] * other_way[:, 1] - way[:, 1] * other_way[:, 0]
    parallel = np.abs(area) <= 1e-9 * some.length_ft * others.length_ft
    area = np.where(parallel, 1.0, area)
    along = (apart[:, 0] * other_way[:, 1] - apart[:, 1] * other_way[:, 0]) / area
    across = (apart[:, 0] * way[:, 1] - apart[:, 1] * way[:, 0]) / area
    within = (along >= 0) & (along <= 1) & (across >= 0) & (across <= 1)
    return some.start + along[:, None] * way, ~parallel & within
