"""
Where things stand along a network, and the network with nodes at such places.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.analysis.layers import in_force, without_ground
from citygis.analysis.network import Network, feature_ids
from citygis.analysis.stretches import stretches
from citygis.errors import AnalysisError


class Places(NamedTuple):
    """
    Where things stand along a network.

    Attributes
    ----------
    edge : (n,) array of int
        -1 for what is off the network.
    along_ft : (n,) array of float
        From the start of the edge. NaN off the network.
    away_ft : (n,) array of float
        Straight to the edge. NaN off the network.
    """

    edge: np.ndarray
    along_ft: np.ndarray
    away_ft: np.ndarray

    @property
    def is_on(self) -> np.ndarray:
        """Which are on the network."""
        return self.edge >= 0


class Split(NamedTuple):
    """
    A network with nodes at places along its edges.

    Attributes
    ----------
    network : Network
    node : (k,) array of int
        The node of each place.
    edge : (n,) array of int
        The edge of the network before that each edge is a piece of, ascending.
    low_ft : (n,) array of float
        Where along that edge it begins.
    """

    network: Network
    node: np.ndarray
    edge: np.ndarray
    low_ft: np.ndarray


class Facilities(NamedTuple):
    """
    Features that stand on a network, by their ids.

    Attributes
    ----------
    ids : (f,) array of str
    row : (f,) array of int
        Their positions in the layer.
    at : Split
        The network with a node at each.
    excluded : list of (str, str, str)
        Rows for `citygis.analysis.answer.excluded`: what is not in force, has no geometry, or stands off the network.
    """

    ids: np.ndarray
    row: np.ndarray
    at: Split
    excluded: list[tuple[str, str, str]]


def facilities(
    network: Network,
    layer: gpd.GeoDataFrame,
    name: str,
    *,
    id_columns: tuple[str, ...],
    max_ft: float,
    usable: np.ndarray | None = None,
) -> Facilities:
    """
    Features of a layer as nodes of a network.

    Parameters
    ----------
    network : Network
    layer : GeoDataFrame, points or polygons
    name : str
        Of the layer, for messages.
    id_columns : tuple of str
        The first that is there gives the ids.
    max_ft : float
        What stands farther from every edge is off the network.
    usable : (n,) array of bool, optional
        The edges that may be used.

    Raises
    ------
    AnalysisError
        If none is on the network.
    """
    ids = feature_ids(layer, *id_columns)
    live = layer.reset_index(drop=True).index.isin(in_force(layer.reset_index(drop=True)).index)
    bare = without_ground(layer).to_numpy()
    shapes = np.where(live & ~bare, np.asarray(layer.geometry.values, dtype=object), None)
    places = snap(network, shapes, max_ft=max_ft, usable=usable)
    off = f"off the network: farther than {max_ft:g} ft from every street"
    reason = np.select([~live, bare, ~places.is_on], ["not in force", "no geometry", off], "").astype(object)
    if not places.is_on.any():
        raise AnalysisError(
            f"No {name} is on the network: of {len(layer):,} none is in force and within {max_ft:g} ft of a street. See that both "
            "layers are of the same place, or give a greater snap_ft."
        )
    left_out = [(name, str(ids[k]), str(reason[k])) for k in np.flatnonzero(reason != "")]
    row = np.flatnonzero(places.is_on)
    row = row[np.argsort(ids[row].astype(str), kind="stable")]
    return Facilities(ids[row], row, split(network, places.edge[row], places.along_ft[row]), left_out)


def snap(network: Network, shapes: np.ndarray, *, max_ft: float, usable: np.ndarray | None = None) -> Places:
    """
    Where things stand along a network: on the nearest edge, not at the nearest node.

    Parameters
    ----------
    network : Network
    shapes : array of Point, Polygon ...
        A shape with an extent goes to the edge nearest to any of it, abreast of its centroid. Null is off the network.
    max_ft : float
        What is farther from every edge is off the network.
    usable : (n,) array of bool, optional
        The edges that may be used, such as those of a class of access.

    Returns
    -------
    Places
        Of several edges as near, the first; of the two sides of a street, the one it stands on.
    """
    shapes = np.asarray(shapes, dtype=object)
    edges = np.arange(len(network.line)) if usable is None else np.flatnonzero(usable)
    edge = np.full(len(shapes), -1)
    if len(edges) and len(shapes):
        tree = shapely.STRtree(network.line[edges])
        # Out by a hair, so that the limit itself is within it whatever the engine's comparison.
        at, by = tree.query_nearest(shapes, max_distance=max_ft * (1 + 1e-12) + 1e-9, all_matches=True)
        by = edges[by]
        sided = network.side[by] != 0
        if sided.any():
            keep = ~sided
            keep[sided] = _side(network.line[by[sided]], shapes[at[sided]]) == network.side[by[sided]]
            at, by = at[keep], by[keep]
        order = np.lexsort((by, at))[::-1]
        edge[at[order]] = by[order]
    on = edge >= 0
    along, away = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    middle = shapely.centroid(shapes[on])
    along[on] = shapely.line_locate_point(network.line[edge[on]], middle)
    away[on] = shapely.distance(network.line[edge[on]], shapes[on])
    return Places(edge, along, away)


def split(network: Network, edge: np.ndarray, along_ft: np.ndarray, *, is_joined: bool = True) -> "Split":
    """
    A network with nodes at places along its edges.

    Parameters
    ----------
    network : Network
    edge : (k,) array of int
    along_ft : (k,) array of float
        From the start of the edge. At an end of it the node there is taken.
    is_joined : bool
        Whether one can pass; if not, each such place within an edge becomes two ends.

    Returns
    -------
    Split
    """
    tolerance = topology.NODE_TOLERANCE_FT
    edge, along_ft = np.asarray(edge, dtype=int), np.asarray(along_ft, dtype=float)
    at_start, at_end = along_ft <= tolerance, along_ft >= network.length_ft[edge] - tolerance
    node = np.where(at_start, network.start[edge], network.end[edge])
    inner = np.flatnonzero(~at_start & ~at_end)
    if not len(inner):
        return Split(network, node, np.arange(len(network.line)), np.zeros(len(network.line)))
    order = inner[np.lexsort((along_ft[inner], edge[inner]))]
    new = np.r_[True, (np.diff(edge[order]) != 0) | (np.diff(along_ft[order]) > tolerance)]
    cut = np.cumsum(new) - 1
    cut_edge, cut_ft = edge[order[new]], along_ft[order[new]]
    each = 1 if is_joined else 2
    first_new = len(network.node)
    node[order] = first_new + each * cut
    pieces = 1 + np.bincount(cut_edge, minlength=len(network.line))
    piece = np.repeat(np.arange(len(network.line)), pieces)
    begins = np.r_[0, np.cumsum(pieces)[:-1]]
    is_first, is_last = np.zeros(len(piece), dtype=bool), np.zeros(len(piece), dtype=bool)
    is_first[begins], is_last[begins + pieces - 1] = True, True
    low, high = np.zeros(len(piece)), network.length_ft[piece]
    low[~is_first], high[~is_last] = cut_ft, cut_ft
    start, end = network.start[piece], network.end[piece]
    numbers = first_new + each * np.arange(len(cut_ft))
    start[~is_first], end[~is_last] = numbers + each - 1, numbers
    line = network.line[piece]
    touched = ~(is_first & is_last)
    line[touched] = stretches(line[touched], low[touched], high[touched])
    place = shapely.get_coordinates(shapely.line_interpolate_point(network.line[cut_edge], cut_ft))
    whole = network._replace(node=np.vstack([network.node, np.repeat(place, each, axis=0)]))
    return Split(whole.taking(piece, start=start, end=end, line=line, length_ft=high - low), node, piece, low)


def two_sided(network: Network, divided: np.ndarray) -> Network:
    """
    The network with an edge for each side of the streets that are `divided` (n bool): they are crossed at their ends only.
    """
    rows = np.repeat(np.arange(len(network.line)), np.where(divided, 2, 1))
    side = np.zeros(len(rows), dtype=int)
    again = np.r_[False, rows[1:] == rows[:-1]]
    side[again], side[np.flatnonzero(again) - 1] = -1, 1
    return network.taking(rows, side=side)


def barred(network: Network, barriers: gpd.GeoDataFrame) -> tuple[Network, int]:
    """
    The network cut through where barriers cross it.

    Parameters
    ----------
    network : Network
    barriers : GeoDataFrame, lines or polygons
        In the network's system. Of a polygon nobody gets in or out; along a street that a barrier
        runs upon, both ends of that stretch are cut.

    Returns
    -------
    Network
    cuts : int
        How many there are. A barrier through a node cuts every edge there an inch from it.
    """
    shapes = np.asarray(barriers.geometry.values, dtype=object)[~without_ground(barriers).to_numpy()]
    areas = shapely.get_dimensions(shapes) == 2
    shapes[areas] = shapely.boundary(shapes[areas])
    at, edge = shapely.STRtree(shapes).query(network.line, predicate="intersects")[::-1]
    where = shapely.intersection(network.line[edge], shapes[at])
    points, pair = shapely.get_coordinates(where, return_index=True)
    edge = edge[pair]
    along = shapely.line_locate_point(network.line[edge], shapely.points(points))
    inch = np.minimum(1 / 12, network.length_ft[edge] / 4)
    along = np.clip(along, inch, network.length_ft[edge] - inch)
    cuts = pd.DataFrame({"edge": edge, "ft": along.round(6)}).drop_duplicates()
    return split(network, cuts["edge"].to_numpy(), cuts["ft"].to_numpy(), is_joined=False).network, len(cuts)


def _side(lines: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """1 where a shape's centroid is left of a line as it is drawn, or on it; -1 on the right."""
    middle = shapely.centroid(shapes)
    along = shapely.line_locate_point(lines, middle)
    step = np.minimum(1.0, shapely.length(lines) / 4)
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(along - step, 0.0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.minimum(along + step, shapely.length(lines))))
    way, off = after - before, shapely.get_coordinates(middle) - before
    return np.where(way[:, 0] * off[:, 1] - way[:, 1] * off[:, 0] >= 0, 1, -1)


def with_stubs(at: Split, points: np.ndarray, barriers: np.ndarray) -> tuple[Network, np.ndarray]:
    """
    A network with a straight edge from each point to its place on it.

    Parameters
    ----------
    at : Split
        With a node for the place of each point.
    points : array of geometry
        What has an extent is joined from its nearest place.
    barriers : array of geometry
        A straight edge that meets one is left out, so that the point is a node by itself.

    Returns
    -------
    Network
        The new edges come last; their ``street`` is -1.
    node : array of int
        The node of each point.
    """
    network = at.network
    foot = shapely.points(network.node[at.node])
    stub = shapely.shortest_line(points, foot)
    length = shapely.length(stub)
    is_barred = np.zeros(len(stub), dtype=bool)
    if len(barriers):
        is_barred[shapely.STRtree(barriers).query(stub, predicate="intersects")[0]] = True
    apart = np.flatnonzero((length > topology.NODE_TOLERANCE_FT) | is_barred)
    node = at.node.copy()
    node[apart] = len(network.node) + np.arange(len(apart))
    places = np.vstack([network.node, shapely.get_coordinates(shapely.get_point(stub[apart], 0))])
    joined = apart[~is_barred[apart]]
    rows = np.concatenate([np.arange(len(network.line)), np.zeros(len(joined), dtype=int)])
    grown = network._replace(node=places).taking(rows)
    new = np.arange(len(network.line), len(rows))
    for column, values in (
        ("start", node[joined]),
        ("end", at.node[joined]),
        ("line", stub[joined]),
        ("length_ft", length[joined]),
        ("forth", True),
        ("back", True),
        ("side", 0),
        ("speed_mph", np.nan),
        ("road_class", ""),
        ("street", -1),
        ("street_id", ""),
    ):
        getattr(grown, column)[new] = values
    return grown, node
