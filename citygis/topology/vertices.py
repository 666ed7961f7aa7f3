"""
Corners that lie on the edge of a neighbour who does not have them.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.approaches import CORNER_FT
from citygis.topology.corners import corners_beside
from citygis.topology.fabric import Fabric, fabric_of
from citygis.topology.measure import COORDINATE_RESOLUTION_FT
from citygis.topology.nearness import points_in_boxes, spread
from citygis.topology.places import LARGEST_STACK, SAME_CORNER_FT, Corners
from citygis.units import require_feet

LONG_EDGE_FT = 64.0
"""A longer edge is looked at in pieces: the box around a long slanting edge would hold half the city."""

MOST_PIECES = 4_096
"""Into no more pieces than this: an edge that strays to another continent is not cut into millions."""

_SLACK_FT = COORDINATE_RESOLUTION_FT / 2


def missing_vertices(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric,
    *,
    tolerance_ft: float = 0.01,
    corner_ft: float = CORNER_FT,
) -> gpd.GeoDataFrame:
    """
    Corners of one feature on the edge of another that has no vertex there: a T-junction that is drawn on one side only.

    Nothing is wrong with the ground yet, but the next edit of either line opens a sliver between the two.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
        In feet. What is null, empty or has a coordinate that is not a number is left out. Not modified.
    tolerance_ft : float
        How far from the edge the corner may lie. A corner rounded to 0.0001 ft lies within 0.0001 ft.
    corner_ft : float
        A corner that is misaligned with one of the other feature by as much as this is not told again here: see
        `misaligned_corners`, which is meant to be given the same figure.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position of the one that lacks the vertex; ``other``: position of the westernmost that has it; ``uses``: how
        many have it; ``off_ft``: how far it lies from the edge; ``geometry``: the corner (Point). By feature, then by place from
        west to east. CRS of `layer`, new index. Of more than `LARGEST_STACK` features on one corner the first so many
        are looked at.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    ValueError
        If `corner_ft` is less than `tolerance_ft`.
    """
    if corner_ft < tolerance_ft:
        raise ValueError(f"Invalid corner_ft '{corner_ft}'. Must be at least tolerance_ft, {tolerance_ft}.")
    whole = fabric_of(layer)
    require_feet(whole.crs)
    rows, corners = corners_beside(whole, corner_ft)
    edges, start, owners = _edges(corners)
    edge, place, off = _on_edges(corners.places, edges, tolerance_ft + _SLACK_FT)
    pair, side = spread(start[edge], start[edge + 1])
    feature, place, off = owners[side], place[pair], off[pair]
    lacks = ~corners.has(feature, place)
    feature, place, off = feature[lacks], place[lacks], off[lacks]
    order = np.lexsort((off, place, feature))  # once for each feature and place: the nearest of its edges
    feature, place, off = feature[order], place[order], off[order]
    first = np.ones(len(feature), dtype=bool)
    first[1:] = (feature[1:] != feature[:-1]) | (place[1:] != place[:-1])
    feature, place, off = feature[first], place[first], off[first]
    other = _others(corners, feature, place, corner_ft, shapely.bounds(whole.geometry[rows]))
    told = other >= 0
    table = {
        "feature": rows[feature[told]],
        "other": rows[other[told]],
        "uses": np.diff(corners.start)[place[told]],
        "off_ft": off[told],
    }
    return gpd.GeoDataFrame(table, geometry=shapely.points(corners.places[place[told]]), crs=whole.crs)


def _edges(corners: Corners) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct edges as two places, and whose they are: those of edge i from ``start[i]`` up to ``start[i + 1]``."""
    walk, ring = corners.walk, corners.ring
    along = np.flatnonzero((ring[1:] == ring[:-1]) & (walk[1:] != walk[:-1]))
    low, high = np.minimum(walk[along], walk[along + 1]), np.maximum(walk[along], walk[along + 1])
    key, owner = low * len(corners.places) + high, corners.owner[along]
    order = np.argsort(key, kind="stable")  # features stay ascending within an edge
    key, owner = key[order], owner[order]
    new = np.ones(len(key), dtype=bool)
    new[1:] = key[1:] != key[:-1]
    again = np.zeros(len(key), dtype=bool)
    again[1:] = ~new[1:] & (owner[1:] == owner[:-1])
    key, owner, new = key[~again], owner[~again], new[~again]
    start = np.flatnonzero(new)
    m = max(len(corners.places), 1)
    return np.stack([key[start] // m, key[start] % m], axis=1), np.append(start, len(key)), owner


def _on_edges(places: np.ndarray, edges: np.ndarray, reach_ft: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges, the places that lie beside them between their ends, and how far off."""
    start, end = places[edges].transpose(1, 0, 2) if len(edges) else np.empty((2, 0, 2))
    along = end - start
    count = np.clip(np.ceil(np.abs(along).max(axis=1, initial=0) / LONG_EDGE_FT), 1, MOST_PIECES).astype(np.int64)
    edge, piece = spread(np.zeros(len(count), dtype=np.int64), count)
    one = start[edge] + along[edge] * (piece / count[edge])[:, None]
    two = start[edge] + along[edge] * ((piece + 1) / count[edge])[:, None]
    box, place = points_in_boxes(places, np.minimum(one, two) - reach_ft, np.maximum(one, two) + reach_ft)
    edge = edge[box]
    inner = (edges[edge] != place[:, None]).all(axis=1)
    edge, place = edge[inner], place[inner]
    vector, to = along[edge], places[place] - start[edge]
    length = np.hypot(*vector.T)
    foot = (vector * to).sum(axis=1) / length
    off = np.abs(vector[:, 0] * to[:, 1] - vector[:, 1] * to[:, 0]) / length
    beside = (off <= reach_ft) & (foot > 0) & (foot < length)
    return edge[beside], place[beside], off[beside]


def _others(corners: Corners, feature: np.ndarray, place: np.ndarray, corner_ft: float, bounds: np.ndarray) -> np.ndarray:
    """
    For each feature and the place that it lacks the westernmost of those that have it, -1 for none: rows have no order to go by.

    One that is misaligned with the feature at this place is none: it has the place and lacks a near corner of the feature's.
    """
    have = np.minimum(corners.start[place + 1], corners.start[place] + LARGEST_STACK)
    pair, use = spread(corners.start[place], have)
    other = corners.features[use]
    excused = np.zeros(len(pair), dtype=bool)
    lacked, at = np.unique(place, return_inverse=True)
    points, reach = corners.places[lacked], corner_ft + _SLACK_FT
    box, near = points_in_boxes(corners.places, points - reach, points + reach)
    distance = np.hypot(*(corners.places[near] - points[box]).T)
    close = (distance <= reach) & (distance > SAME_CORNER_FT + _SLACK_FT)
    box, near = box[close], near[close]
    box_start = np.searchsorted(box, np.arange(len(lacked) + 1))
    row, k = spread(box_start[at[pair]], box_start[at[pair] + 1])
    bad = corners.has(feature[pair[row]], near[k]) & ~corners.has(other[row], near[k])
    excused[row[bad]] = True
    result = np.full(len(place), -1, dtype=np.int64)
    pair, other = pair[~excused], other[~excused]
    order = np.lexsort((*bounds[other].T[::-1], pair))
    held, first = np.unique(pair[order], return_index=True)
    result[held] = other[order][first]
    return result
