"""
A layer prepared once for all the measures that look at it alone.

Most of what can be wrong between neighbours shows in the few edges that no neighbour answers. They are found once, what comes
near them is found once, and each measure then looks at those places only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from citygis.topology.approaches import CORNER_FT, REACH_FT, Approaches, approaches
from citygis.topology.chains import following, next_in_ring, probes
from citygis.topology.edges import mated
from citygis.topology.growth import beyond
from citygis.topology.measure import flat, require_same_crs
from citygis.topology.nearness import spread
from citygis.topology.paths import SHELL, Paths, paths_of
from citygis.topology.places import Corners, corners_at
from citygis.topology.shared import Shared, shared_ground
from citygis.topology.threads import once

TOUCH_FT = 0.001
"""Open edges this near may be what bounds an overlap: the coordinates are rounded to a tenth of it."""

LARGE_VERTICES = 1_000
"""A polygon of more vertices (a street network) is prepared before it is asked which places are near it."""


@dataclass(frozen=True, eq=False)
class Fabric:
    """
    A layer and what its measures share. Each part is worked out when it is first asked for.

    Attributes
    ----------
    geometry : array of n geometries
        Without elevations; None is null.
    crs : CRS or None
    neighbours : array of n bool
        Features that hold ground today and exclude each other. Measures between features look at these only.
    """

    geometry: np.ndarray
    crs: CRS | None
    neighbours: np.ndarray

    def __len__(self) -> int:
        return len(self.geometry)

    @once
    def paths(self) -> Paths:
        """Rings, lines and points, and what one pass over them tells; see `citygis.topology.paths.Paths`."""
        return paths_of(self.geometry, self.neighbours)

    @once
    def definite(self) -> np.ndarray:
        """Which features bound a definite piece of ground and exclude each other."""
        return self.paths.definite & self.neighbours

    @property
    def broken(self) -> np.ndarray:
        """Which polygons exclude others but are not valid, so that nobody can say what ground they bound."""
        return (self.paths.dimension == 2) & ~self.paths.valid & self.paths.finite & self.neighbours

    @once
    def first(self) -> np.ndarray:
        """For each feature the first one with the same geometry: its own position, when it is the first."""
        return _first_alike(self.geometry, self.paths)

    @once
    def open_edges(self) -> np.ndarray:
        """Edges that lie on no edge walked the other way, by the vertex they start at."""
        return self._cancelled[1]

    @once
    def approaches(self) -> Approaches:
        """Open edges that come near each other; positions in `open_edges`."""
        return self.approaches_within(REACH_FT)

    def approaches_within(self, reach_ft: float) -> Approaches:
        """Open edges that come near each other, those that face each other up to a distance."""
        return approaches(self._mated, self.open_edges, self._after, reach_ft)

    def owners(self, position: np.ndarray) -> np.ndarray:
        """The features of open edges, by their positions in `open_edges`."""
        return self.paths.owner[self.paths.path_of[self.open_edges[position]]].astype(np.intp)

    @once
    def tree(self) -> tuple[shapely.STRtree, np.ndarray]:
        """A tree of the definite polygons, each stack once, and their positions."""
        rows = np.flatnonzero(self.definite & (self.own_first == np.arange(len(self))))
        return shapely.STRtree(self.geometry[rows]), rows

    @once
    def own_first(self) -> np.ndarray:
        """As `first`, among the definite features only."""
        first, rows = self.first, np.flatnonzero(self.definite)
        own = np.arange(len(self))
        alike = rows[first[rows] != rows]
        if len(alike):
            heads, at = np.unique(first[rows], return_index=True)
            own[rows] = rows[at][np.searchsorted(heads, first[rows])]
        return own

    @once
    def candidates(self) -> np.ndarray:
        """Pairs of features of which every group of overlapping ones has at least one: (k, 2), as they were found."""
        near = self.approaches
        touch = near.distance_ft <= TOUCH_FT
        pairs = [self._cancelled[2], np.stack([self.owners(near.one[touch]), self.owners(near.two[touch])], axis=1)]
        paths, edges = self.paths, self.open_edges
        ends = paths.coordinates[edges], paths.coordinates[edges + 1]
        at = probes(self._after, np.hypot(*(ends[1] - ends[0]).T))
        tree, rows = self.tree
        middle = (ends[0][at] + ends[1][at]) / 2
        # Boxes first: where only the owner of an edge is near its middle, there is nothing to compare.
        probe, other = tree.query(shapely.box(*(middle - TOUCH_FT).T, *(middle + TOUCH_FT).T))
        owner, other = self.owners(at[probe]), rows[other]
        new = owner != other
        probe, owner, other = probe[new], owner[new], other[new]
        asked, at = np.unique(other, return_inverse=True)
        polygons = self.geometry[asked]
        large = shapely.get_num_coordinates(polygons) > LARGE_VERTICES
        polygons[large] = shapely.force_2d(polygons[large])  # copies: what is prepared must not be seen by another thread
        shapely.prepare(polygons[large])
        close = shapely.dwithin(polygons[at], shapely.points(middle[probe]), TOUCH_FT)
        pairs.append(np.stack([owner[close], other[close]], axis=1))
        return np.concatenate(pairs)

    @once
    def shared(self) -> Shared:
        """Every pair of definite polygons whose insides meet, each stack once, with the ground they share."""
        return shared_ground(self.geometry, self.candidates, self.beyond)

    def beyond(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The pairs that may share ground beyond the edges of pairs that do; see `citygis.topology.growth.beyond`."""
        return beyond(self.geometry, self._mated, self.tree, left, right)

    def shared_ft(self, others: np.ndarray) -> np.ndarray:
        """
        How much of the boundary of each feature lies, edge on edge, along some features on the other side of it.

        Parameters
        ----------
        others : array of int
            Positions.

        Returns
        -------
        (n,) array of float
            Feet. 0 for later copies of a feature.
        """
        paths = self._mated
        _, path = spread(paths.first[others], paths.first[others + 1])
        _, edge = spread(paths.start[path], paths.start[path + 1])
        edge = paths.mate[edge]
        edge = np.sort(edge[edge >= 0])
        length = np.hypot(*(paths.coordinates[edge + 1] - paths.coordinates[edge]).T)
        return np.bincount(paths.owner[paths.path_of[edge]], weights=length, minlength=len(self))

    @once
    def suspects(self) -> np.ndarray:
        """
        Features beside which a corner may be misaligned or missing, and all that share a corner with them; ascending.

        These have an open edge near that of another, an edge no longer than `CORNER_FT`, or ground that another one claims, or
        are not valid. Where every edge about a corner is shared and none is so short, no other drawing of that corner can be
        near: but for one beyond a narrow neck of a third feature, and that is another corner.
        """
        paths, near = self.paths, self.approaches
        close = near.distance_ft <= near.corner_ft
        told = [self.owners(near.one[close]), self.owners(near.two[close])]
        told += [self.shared.left, self.shared.right]
        ends = paths.coordinates[paths.short], paths.coordinates[paths.short + 1]
        short = paths.short[np.hypot(*(ends[1] - ends[0]).T) <= near.corner_ft]
        short = paths.path_of[short[paths.kind[paths.path_of[short]] >= SHELL]]
        told.append(paths.owner[short])
        at = np.zeros(len(self), dtype=bool)
        at[np.concatenate(told)] = True
        broken = self.broken
        if broken.any():
            tree, rows = self.tree
            low_e, low_n, high_e, high_n = shapely.bounds(self.geometry[broken]).T
            around = shapely.box(low_e - CORNER_FT, low_n - CORNER_FT, high_e + CORNER_FT, high_n + CORNER_FT)
            at[rows[tree.query(around)[1]]] = True
            at |= broken
        at &= self.neighbours
        found = np.flatnonzero(at)
        at[self._around(found)] = True
        # Every copy in a stack has the corners of the first.
        return np.flatnonzero((at[self.own_first] | at) & self.neighbours)

    @once
    def corners(self) -> Corners:
        """The corners of `suspects`, which are counted by their positions among them."""
        paths = self.paths
        feature, path = spread(paths.first[self.suspects], paths.first[self.suspects + 1])
        ring = (paths.kind[path] >= SHELL) & paths.finite[self.suspects[feature]]
        feature, path = feature[ring], path[ring]
        at, vertex = spread(paths.start[path], paths.start[path + 1])
        return corners_at(paths.coordinates[vertex], at, feature[at], len(self.suspects))

    def _around(self, features: np.ndarray) -> np.ndarray:
        """The features about each corner of some features, mate by mate."""
        paths = self._mated
        _, path = spread(paths.first[features], paths.first[features + 1])
        _, edge = spread(paths.start[path], paths.start[path + 1])
        edge = edge[paths.edge[edge]]
        found = []
        for onward in (True, False):
            origin, here = edge, edge
            while len(here):
                here = paths.mate[here].astype(np.int64)
                has = here >= 0
                origin, here = origin[has], here[has]
                found.append(np.unique(paths.owner[paths.path_of[here]]))
                here = next_in_ring(paths, here, onward=onward)
                further = here != origin
                origin, here = origin[further], here[further]
        return np.concatenate(found).astype(np.intp) if found else np.empty(0, dtype=np.intp)

    @property
    def _mated(self) -> Paths:
        """The paths with all mates of edges found."""
        return self._cancelled[0]

    @once
    def _cancelled(self) -> tuple[Paths, np.ndarray, np.ndarray]:
        copies = np.flatnonzero(self.own_first != np.arange(len(self)))
        return mated(self.paths, copies)

    @once
    def _after(self) -> np.ndarray:
        return following(self._mated, self.open_edges)


def fabric(layer: gpd.GeoDataFrame | gpd.GeoSeries, *, neighbours: Sequence[bool] | None = None) -> Fabric:
    """
    A layer prepared for the measures that look at it alone. Give it to them in place of the layer, and what they share is done
    once.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n features of any type
        In any CRS; the measures that need feet say so. Not modified.
    neighbours : n bool, optional
        Features that hold ground today and exclude each other: measures between features (overlaps, corners, strips) look at these
        only. All of them where it is not given.

    Returns
    -------
    Fabric

    Raises
    ------
    ValueError
        If `neighbours` is not as long as `layer`.
    """
    geometry = flat(np.asarray(layer.geometry.array, dtype=object))
    mask = np.ones(len(geometry), dtype=bool) if neighbours is None else np.asarray(neighbours, dtype=bool)
    if mask.shape != (len(geometry),):
        raise ValueError(f"Invalid neighbours of length '{len(mask)}'. Must be one for each of the {len(geometry)} features.")
    return Fabric(geometry, layer.crs, mask)


def fabric_of_two(left: gpd.GeoDataFrame | gpd.GeoSeries, right: gpd.GeoDataFrame | gpd.GeoSeries) -> Fabric:
    """
    Two layers of one CRS prepared as one, for the measures between them: the features of `right` are counted on from `left`.

    Parameters
    ----------
    left, right : GeoDataFrame or GeoSeries
        Not modified.

    Raises
    ------
    CRSError
        If the layers differ in CRS.
    """
    require_same_crs(left, right)
    both = np.concatenate([flat(np.asarray(layer.geometry.array, dtype=object)) for layer in (left, right)])
    return Fabric(both, left.crs, np.ones(len(both), dtype=bool))


def fabric_of(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> Fabric:
    """The fabric itself, or one made of a layer."""
    return layer if isinstance(layer, Fabric) else fabric(layer)


def _first_alike(geometry: np.ndarray, paths: Paths) -> np.ndarray:
    """For each geometry the position of the first one that equals it. Only those with equal signs are compared."""
    first = np.arange(len(geometry))
    sign, there = paths.sign, np.flatnonzero(paths.dimension >= 0)
    ordered = np.sort(sign[there])
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(again):
        return first
    at = np.minimum(np.searchsorted(again, sign[there]), len(again) - 1)
    alike = there[again[at] == sign[there]]
    # A polygon and a multipolygon of that one polygon are the same ground.
    flat = geometry[alike]
    single = shapely.get_num_geometries(flat) == 1
    flat[single] = shapely.get_geometry(flat[single], 0)
    keys = shapely.to_wkb(shapely.normalize(flat))
    _, at, group = np.unique(keys, return_index=True, return_inverse=True)
    first[alike] = alike[at[group.ravel()]]
    return first
