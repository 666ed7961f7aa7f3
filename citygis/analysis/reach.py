"""
What can be reached along a network, and at what cost: least costs from facilities, stretches within a limit, and whose they are.

All of it is worked out along edges: a facility is a node of its own, and a limit that ends within an edge cuts it there.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import shapely

from citygis.analysis.network import Network
from citygis.analysis.positions import Places

_STRAIGHT_DEG = 45.0
_HAIR = 1e-9


class Turns(NamedTuple):
    """
    What a turn costs, in the unit of the costs along edges. At a node of two edges a line goes on: only turning back costs there.

    Parameters
    ----------
    left, right : float
        Of more than 45 degrees.
    back : float
        A U-turn.
    """

    left: float = 0.0
    right: float = 0.0
    back: float = 0.0


class Graph(NamedTuple):
    """
    Ways between s states: nodes of a network, or with turns directions of its edges. No two lead from one state to the same other.

    Attributes
    ----------
    one, other : arrays of int
        The states each way leads from and to, ascending.
    cost : array of float
    size : int
        s.
    """

    one: np.ndarray
    other: np.ndarray
    cost: np.ndarray
    size: int


@dataclass(frozen=True, eq=False)
class Reach:
    """
    Least costs from facilities: k rows, one for each facility or one for the nearest of all.

    Attributes
    ----------
    network : Network
    cost : (n, 2) array of float
        Of its edges.
    sources : (f,) array of int
        The node of each facility.
    graph : Graph
    state : (k, s) array of float
        To each state of `graph`; infinite where it is not reached within the limit.
    before : (k, s) array of int
        The state before it on the way, negative at a facility and where it is not reached.
    origin : (k, s) array of int or None
        The state each is reached from; None where each facility has its row.
    starts : (f,) array of int
        The state of each facility.
    limit : float
        In `graph`.
    """

    network: Network
    cost: np.ndarray
    sources: np.ndarray
    graph: Graph
    state: np.ndarray
    before: np.ndarray
    origin: np.ndarray | None
    starts: np.ndarray
    limit: float

    @property
    def has_turns(self) -> bool:
        """Whether states are directions of edges."""
        return self.graph.size != len(self.network.node)

    @cached_property
    def facility(self) -> np.ndarray:
        """The facility each state is reached from, (k, s) of int, as a position among those given; -1 where none."""
        reached = np.isfinite(self.state)
        if self.origin is None:
            return np.where(reached, np.arange(len(self.state))[:, None], -1)
        named = np.full(self.graph.size, -1)
        named[self.starts[::-1]] = np.arange(len(self.starts))[::-1]
        return np.where(reached, named[np.maximum(self.origin, 0)], -1)

    @cached_property
    def node(self) -> np.ndarray:
        """To each node of the network, (k, m) of float."""
        if not self.has_turns:
            return self.state
        least = np.full((len(self.state), len(self.network.node)), np.inf)
        edges = len(self.network.line)
        head = np.concatenate([self.network.end, self.network.start])
        for row in range(len(self.state)):
            np.minimum.at(least[row], head, self.state[row, : 2 * edges])
            least[row, self.sources[row] if self.origin is None else self.sources] = 0.0
        return least

    @cached_property
    def entry(self) -> np.ndarray:
        """To each edge, ready to go from its start, and from its end, (k, n, 2) of float; what turns into it cost is in it."""
        network, edges = self.network, len(self.network.line)
        cost = np.where(np.isfinite(self.cost), self.cost, np.inf)
        if self.has_turns:
            # The state of a direction is its far end; without its own cost it is what it took to be ready to enter it.
            ends = self.state[:, : 2 * edges].reshape(-1, 2, edges).transpose(0, 2, 1)
            return np.where(np.isfinite(ends), ends - np.where(np.isfinite(cost), cost, 0.0), np.inf)
        ends = np.empty((len(self.state), edges, 2))
        for side, node in enumerate((network.start, network.end)):
            ends[:, :, side] = np.where(np.isfinite(cost[:, side]), self.state.take(node, axis=1), np.inf)
        return ends

    @cached_property
    def entry_facility(self) -> np.ndarray:
        """The facility each edge is entered from, at its start and at its end, (k, n, 2) of int; -1 where none."""
        network, edges = self.network, len(self.network.line)
        if self.has_turns:
            whose = self.facility[:, : 2 * edges].reshape(-1, 2, edges).transpose(0, 2, 1)
        else:
            whose = np.stack([self.facility[:, network.start], self.facility[:, network.end]], axis=2)
        return np.where(np.isfinite(self.entry), whose, -1)


def reach(
    network: Network,
    sources: np.ndarray,
    cost: np.ndarray,
    *,
    limit: float = np.inf,
    is_each: bool = False,
    turns: Turns | None = None,
    graph: Graph | None = None,
) -> Reach:
    """
    Least costs from facilities along a network.

    Parameters
    ----------
    network : Network
    sources : (f,) array of int
        The node of each facility. Of several at one node the first counts.
    cost : (n, 2) array of float
        Of each edge from start to end, and from end to start; infinite where it is closed. Above zero.
    limit : float
        Nothing beyond it is looked for.
    is_each : bool
        A row for each facility, in place of one for the nearest of all.
    turns : Turns, optional
    graph : Graph, optional
        What `graph_of` gave for this network and cost, to ask it again. Without turns only.

    Returns
    -------
    Reach

    Notes
    -----
    Dijkstra's algorithm (E. W. Dijkstra, A note on two problems in connexion with graphs, 1959) of SciPy. With turns there is a
    node for each direction of each edge (T. Caldwell, On finding minimum routes in a network with turn penalties, 1961).
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    sources = np.asarray(sources, dtype=int)
    states = sources
    if turns is not None:
        tail, head = np.concatenate([network.start, network.end]), np.concatenate([network.end, network.start])
        weight = np.concatenate([cost[:, 0], cost[:, 1]])
        open_ = np.flatnonzero(np.isfinite(weight))
        (one, other, each_cost), size = _turning(network, tail, head, weight, open_, turns)
        at, by = _matches(sources, tail[open_])
        by = open_[by]
        ways = (np.r_[one, size + at], np.r_[other, by], np.r_[each_cost, weight[by]])
        states, size = size + np.arange(len(sources)), size + len(sources)
        graph = _least_of_each(*ways, size)
        limit = limit + float(weight[open_].max(initial=0.0))
    elif graph is None:
        graph = graph_of(network, cost)
    size = graph.size
    # The rows of the matrix are in order already: nothing is sorted again.
    matrix = csr_array((graph.cost, graph.other, np.searchsorted(graph.one, np.arange(size + 1))), shape=(size, size))
    start = states if is_each else np.unique(states)
    origin = None
    if not len(start):
        state, before, origin = np.full((1, size), np.inf), np.full((1, size), -1), np.full((1, size), -1)
    elif is_each:
        state, before = dijkstra(matrix, indices=start, limit=limit, return_predecessors=True)
    else:
        state, before, origin = dijkstra(matrix, indices=start, limit=limit, min_only=True, return_predecessors=True)
        state, before, origin = state[None], before[None], origin[None]
    return Reach(network, cost, sources, graph, state, before, origin, states, limit)


def graph_of(network: Network, cost: np.ndarray) -> Graph:
    """The ways between the nodes of a network, at the cost of each edge from start to end and back, (n, 2)."""
    tail, head = np.concatenate([network.start, network.end]), np.concatenate([network.end, network.start])
    weight = np.concatenate([cost[:, 0], cost[:, 1]])
    open_ = np.isfinite(weight)
    return _least_of_each(tail[open_], head[open_], weight[open_], len(network.node))


def proof(found: Reach) -> tuple[int, int]:
    """
    Whether costs are the least ones, without looking for them again.

    Returns
    -------
    proven : int
        States that are reached, that no way would make nearer, and that one way makes as near as they are said to be.
    reached : int
        States that are said to be reached. The costs are right when both numbers are the same.

    Notes
    -----
    Source: the conditions of L. R. Ford, Network Flow Theory (1956), for costs above zero.
    """
    one, other, cost = found.graph.one, found.graph.other, found.graph.cost
    proven = 0
    for row, least in enumerate(found.state):
        offered = least[one] + cost
        can = np.isfinite(offered)
        hair = _HAIR * (1.0 + np.where(can, offered, 0.0))
        beaten = np.zeros(len(least), dtype=bool)
        beaten[other[can & (offered < least[other] - hair) & (offered <= found.limit)]] = True
        had = np.zeros(len(least), dtype=bool)
        had[other[can & (offered >= least[other] - hair) & (offered <= least[other] + hair)]] = True
        had[found.starts[row] if found.origin is None else found.starts] = True
        proven += int((had & ~beaten & np.isfinite(least)).sum())
    return proven, int(np.isfinite(found.state).sum())


def costs_at(found: Reach, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """
    What it costs to reach places along a network.

    Returns
    -------
    cost : (k, p) array of float
        Infinite off the network and where nothing reaches.
    facility : (k, p) array of int
        -1 where there is none.
    """
    network, cost = found.network, found.cost
    edge = np.maximum(places.edge, 0)
    share = np.where(places.is_on, places.along_ft, 0.0) / network.length_ft[edge]
    ways = np.stack([share, 1.0 - share], axis=1) * np.where(np.isfinite(cost[edge]), cost[edge], 0.0)
    both = found.entry[:, edge] + ways
    both[:, ~places.is_on] = np.inf
    back = both[:, :, 1] < both[:, :, 0]
    least = np.where(back, both[:, :, 1], both[:, :, 0])
    whose = np.where(back, found.entry_facility[:, edge, 1], found.entry_facility[:, edge, 0])
    return least, np.where(np.isfinite(least), whose, -1)


def within(found: Reach, limit: float | np.ndarray, row: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    The stretches of edges within a limit, cut exactly.

    Parameters
    ----------
    found : Reach
    limit : float or (n,) array of float
        For all edges, or for each. Not above the one it was looked for with.
    row : int
        Of `found`.

    Returns
    -------
    edge, low_ft, high_ft : arrays
        One or two stretches of an edge, ascending.
    """
    entry = found.entry[row]
    reached = np.flatnonzero(np.isfinite(entry[:, 0]) | np.isfinite(entry[:, 1]))  # of a city, few edges are within a limit
    length, entry, cost = found.network.length_ft[reached], entry[reached], found.cost[reached]
    with np.errstate(invalid="ignore"):
        share = np.clip((np.broadcast_to(limit, len(found.cost))[reached, None] - entry) / cost, 0.0, 1.0)
    share = np.where(np.isfinite(cost) & np.isfinite(entry), share, 0.0)
    ahead, back = share[:, 0] * length, share[:, 1] * length
    whole = ahead + back >= length * (1 - _HAIR)
    some = (ahead > 0) & ~whole
    rest = (back > 0) & ~whole
    edge = np.concatenate([reached[whole], reached[some], reached[rest]])
    low = np.concatenate([np.zeros(whole.sum()), np.zeros(some.sum()), (length - back)[rest]])
    high = np.concatenate([length[whole], ahead[some], length[rest]])
    order = np.lexsort((low, edge))
    return edge[order], low[order], high[order]


def beyond(found: Reach, limit: float | np.ndarray, row: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The stretches of edges that are not `within` a limit: edge, low_ft, high_ft, ascending; at most one of each edge."""
    network = found.network
    edge, low, high = within(found, limit, row)
    begins, ends = np.zeros(len(network.line)), network.length_ft.copy()
    from_start = low <= 0
    begins[edge[from_start]] = high[from_start]
    ends[edge[~from_start]] = low[~from_start]
    left = np.flatnonzero(ends - begins > _HAIR * network.length_ft)
    return left, begins[left], ends[left]


def divided(found: Reach) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Edges by the facility that is nearest, parted where two are as near.

    Parameters
    ----------
    found : Reach
        Of the nearest of all facilities.

    Returns
    -------
    edge, low_ft, high_ft, facility : arrays
        Ascending; -1 for the facility of an edge that none reaches.
    """
    length, cost = found.network.length_ft, found.cost
    entry, facility = found.entry[0], found.entry_facility[0]
    ahead, back = np.isfinite(entry[:, 0]), np.isfinite(entry[:, 1])
    both = ahead & back
    with np.errstate(invalid="ignore"):
        share = np.clip((entry[:, 1] + cost[:, 1] - entry[:, 0]) / (cost[:, 0] + cost[:, 1]), 0.0, 1.0)
    at = np.where(both, np.where(both, share, 0.0) * length, np.where(ahead, length, 0.0))
    same = both & (facility[:, 0] == facility[:, 1])
    at[same] = length[same]
    first = (at > 0) & ahead
    second = (at < length) & back
    neither = ~ahead & ~back
    edge = np.concatenate([np.flatnonzero(first), np.flatnonzero(second), np.flatnonzero(neither)])
    low = np.concatenate([np.zeros(first.sum()), at[second], np.zeros(neither.sum())])
    high = np.concatenate([at[first], length[second], length[neither]])
    whose = np.concatenate([facility[first, 0], facility[second, 1], np.full(neither.sum(), -1)])
    order = np.lexsort((low, edge))
    return edge[order], low[order], high[order], whose[order]


def lengths(network: Network, *, is_directed: bool = False) -> np.ndarray:
    """The length of each edge in feet as cost of both ways, (n, 2); infinite against a one-way street where `is_directed`."""
    cost = np.stack([network.length_ft, network.length_ft], axis=1)
    return np.where(np.stack([network.forth, network.back], axis=1), cost, np.inf) if is_directed else cost


def _least_of_each(one: np.ndarray, other: np.ndarray, cost: np.ndarray, size: int) -> Graph:
    """Of ways between the same two states the cheapest: a sparse matrix would add them up."""
    order = np.argsort(one * size + other, kind="stable")  # edges come in order, which this sort gains by
    one, other, cost = one[order], other[order], cost[order]
    first = np.flatnonzero(np.r_[True, (one[1:] != one[:-1]) | (other[1:] != other[:-1])][: len(one)])
    if len(first) < len(one):
        one, other, cost = one[first], other[first], np.minimum.reduceat(cost, first)
    keep = one != other
    return Graph(one, other, cost, size) if keep.all() else Graph(one[keep], other[keep], cost[keep], size)


def _matches(keys: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of positions with the same value."""
    order = np.argsort(among, kind="stable")
    low = np.searchsorted(among[order], keys)
    count = np.searchsorted(among[order], keys, side="right") - low
    at = np.repeat(np.arange(len(keys)), count)
    run = np.arange(count.sum()) - np.repeat(np.r_[0, np.cumsum(count)[:-1]], count) if len(keys) else np.zeros(0, dtype=int)
    return at, order[np.repeat(low, count) + run]


def _turning(network: Network, tail, head, weight, open_, turns: Turns) -> tuple[tuple, int]:
    """From each direction of an edge to those that leave its far end, at the cost of the turn and of the edge."""
    edges = len(network.line)
    one, other = _matches(head[open_], tail[open_])
    one, other = open_[one], open_[other]
    first, last = shapely.get_point(network.line, 0), shapely.get_point(network.line, -1)
    second, before = shapely.get_point(network.line, 1), shapely.get_point(network.line, -2)
    xy = {name: shapely.get_coordinates(p) for name, p in (("a", first), ("b", second), ("y", before), ("z", last))}
    leaves = np.concatenate([xy["b"] - xy["a"], xy["y"] - xy["z"]])
    arrives = np.concatenate([xy["z"] - xy["y"], xy["a"] - xy["b"]])
    into, out = arrives[one], leaves[other]
    angle = np.degrees(np.arctan2(into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0], (into * out).sum(axis=1)))
    is_back = (one % edges == other % edges) & (one != other)
    meeting = np.bincount(np.concatenate([network.start, network.end]), minlength=len(network.node))[head[one]] > 2
    price = np.select(
        [is_back, meeting & (angle > _STRAIGHT_DEG), meeting & (angle < -_STRAIGHT_DEG)], [turns.back, turns.left, turns.right], 0.0
    )
    return (one, other, weight[other] + price), 2 * edges
