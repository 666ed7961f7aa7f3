"""
What could be mended in some features as they stand: the spikes, the repeated vertices, the corners to snap, the vertices to insert.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.repairs.evidence import OF_RECORD, Evidence
from citygis.repairs.rings import Change, Rings, of_feature, place_keys, rings_of
from citygis.repairs.snapping import Places, places_of, targets

SHORT_EDGE_FT = 0.02
"""An edge no longer than this is no edge (T26)."""
SPIKE_DEG = 0.5
"""A corner no wider than this is the tip of a spike (T26)."""
STRAIGHT_FT = 0.0005
"""A vertex no farther from the line of its neighbours is no bend in it."""

COLUMNS = ("operation", "row", "from_e", "from_n", "to_e", "to_n", "distance_ft", "finding", "key")
"""Of proposals: ``row`` is the feature, or -1 where every feature with a vertex there follows; ``key`` is what a ban would name."""


class Measured(NamedTuple):
    """What `citygis.topology` says of some features, as far as it can be mended: arrays with one row for each defect."""

    repeated: tuple[np.ndarray, np.ndarray]
    spikes: tuple[np.ndarray, np.ndarray]
    short: np.ndarray
    misaligned: np.ndarray
    lacking: tuple[np.ndarray, np.ndarray, np.ndarray]


class Bans(NamedTuple):
    """What has to stay, each with the reason: keys of places, and of places of features; and findings that the record is about."""

    places: dict[int, str]
    own: dict[int, str]
    findings: dict[int, str]


def measured(shapes: topology.Fabric, *, tolerance_ft: float) -> Measured:
    """
    The defects of some features.

    Parameters
    ----------
    shapes : Fabric of n polygons or lines
        In feet.
    tolerance_ft : float
        How far apart corners that were meant to be one may lie.
    """
    repeated = topology.repeated_vertices(shapes)
    spikes = topology.spikes(shapes, angle_deg=SPIKE_DEG, tip_ft=SHORT_EDGE_FT)
    short = topology.short_edges(shapes, tolerance_ft=SHORT_EDGE_FT + topology.COORDINATE_RESOLUTION_FT)
    apart = topology.misaligned_corners(shapes, tolerance_ft=tolerance_ft)
    lacking = topology.missing_vertices(shapes, tolerance_ft=tolerance_ft, corner_ft=tolerance_ft)
    return Measured(
        (repeated["feature"].to_numpy(dtype=int), _vertices(repeated, 1)[:, 0]),
        (spikes["feature"].to_numpy(dtype=int), _vertices(spikes, 4)),
        _vertices(short, 2),
        _vertices(apart, 2),
        (lacking["feature"].to_numpy(dtype=int), _vertices(lacking, 1)[:, 0], lacking["off_ft"].to_numpy(dtype=float)),
    )


def proposals(
    shapes: np.ndarray,
    rows: np.ndarray,
    found: Measured,
    evidence: Evidence,
    *,
    accuracy_ft: np.ndarray,
    frozen: np.ndarray,
    corners: shapely.STRtree,
    tolerance_ft: float,
    bans: Bans,
    operations: frozenset[str],
) -> tuple[pd.DataFrame, Change]:
    """
    What to do about the defects of some features, in one step.

    Parameters
    ----------
    shapes : array of n geometries
    rows : array of n int
        What the caller calls them.
    found : Measured
        Of `shapes`.
    evidence : Evidence
        Nothing is proposed where no finding speaks for it.
    accuracy_ft, frozen : arrays of n
        How well each is known, and which must stay as it is.
    corners : STRtree of points
        Of the corner layer: vertices there are not moved.
    tolerance_ft : float
    bans : Bans
        What is not proposed again; what a record forbids is added to it.
    operations : set of str
        Which are wanted.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row for each vertex dropped or inserted and each place moved.
    Change
        The same, for `citygis.repairs.rings.changed` on `shapes`.
    """
    rings = rings_of(shapes)
    places = places_of(rings, accuracy_ft, corners)
    stays = places.at(rings.coordinates[frozen[rings.owner]])
    places.fixed[stays[stays >= 0]] = True
    told = _Told(rows, frozen, evidence, bans, operations)
    merged = told.of_features("drop_repeated_vertex", *found.repeated, np.zeros(len(found.repeated[0])))
    dropped = _spikes(rings, places, found.spikes, told)
    moved_from, moved_to = _moves(places, found, told, tolerance_ft)
    feature, point, off = found.lacking
    at = places.at(point)
    near = (at >= 0) & (off <= np.minimum(tolerance_ft, accuracy_ft[feature]) + topology.COORDINATE_RESOLUTION_FT)
    feature, point, off = feature[near], places.places[at[near]], off[near]
    busy = _touched(rings, moved_from) | np.isin(np.arange(len(shapes)), np.concatenate([merged[0], dropped[0]]))
    later = busy[feature] | np.isin(place_keys(point), place_keys(moved_from))  # it is looked at again, after the move
    inserted = told.of_features("insert_vertex", feature[~later], point[~later], off[~later])
    return told.frame(), Change(moved_from, moved_to, dropped, merged, inserted)


class _Told:
    """Proposals as they are gathered: those that nothing speaks for, or that are banned, are left out."""

    def __init__(self, rows, frozen, evidence: Evidence, bans: Bans, operations: frozenset[str]) -> None:
        self.rows, self.frozen, self.evidence, self.bans, self.operations = rows, frozen, evidence, bans, operations
        self.tables: list[pd.DataFrame] = []

    def of_features(self, operation, feature, point, distance) -> tuple[np.ndarray, np.ndarray]:
        """Features and places at which they are to be changed, told; those that are."""
        keys = of_feature(self.rows[feature], place_keys(point))
        finding = self._allowed(operation, point, keys, self.bans.own)
        keep = (finding >= 0) & ~self.frozen[feature]
        self._add(operation, self.rows[feature][keep], point[keep], point[keep], distance[keep], finding[keep], keys[keep])
        return feature[keep], point[keep]

    def of_places(self, operation, start, end) -> np.ndarray:
        """Places to be moved, told; which of them are."""
        keys = place_keys(start)
        distance = np.hypot(*(end - start).T)
        finding = self._allowed(operation, start, keys, self.bans.places)
        keep = finding >= 0
        self._add(operation, np.full(keep.sum(), -1), start[keep], end[keep], distance[keep], finding[keep], keys[keep])
        return keep

    def frame(self) -> pd.DataFrame:
        return pd.concat(self.tables, ignore_index=True) if self.tables else pd.DataFrame(columns=COLUMNS)

    def _allowed(self, operation, point, keys, banned) -> np.ndarray:
        if operation not in self.operations:
            return np.full(len(point), -1)
        finding, against = self.evidence.of(operation, point)
        for key, one, other in zip(*(a[against >= 0].tolist() for a in (keys, finding, against)), strict=True):
            banned[key] = OF_RECORD
            self.bans.findings.update({each: banned[key] for each in (one, other) if each >= 0})
        finding[np.isin(keys, np.array(list(banned), dtype=np.uint64))] = -1
        return finding

    def _add(self, operation, row, start, end, distance, finding, key) -> None:
        if len(row):
            columns = (operation, row, start[:, 0], start[:, 1], end[:, 0], end[:, 1], distance, finding, key)
            self.tables.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))


def _vertices(frame: gpd.GeoDataFrame, each: int) -> np.ndarray:
    """The vertices of geometries that have so many each: (m, each, 2)."""
    return shapely.get_coordinates(np.asarray(frame.geometry.array, dtype=object)).reshape(-1, each, 2)


def _touched(rings: Rings, moved_from: np.ndarray) -> np.ndarray:
    """Which features have a vertex that is moved."""
    touched = np.zeros(int(rings.feature.max(initial=-1)) + 1 if len(rings.feature) else 0, dtype=bool)
    hit = np.isin(place_keys(rings.coordinates), place_keys(moved_from))
    touched[rings.owner[hit]] = True
    return touched


def _spikes(rings: Rings, places: Places, spikes: tuple[np.ndarray, np.ndarray], told: _Told) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that go with spikes: the tips that no neighbour has, and the feet that are no bend in the line without them."""
    feature, sides = spikes
    if not len(feature):
        return feature, np.empty((0, 2))
    features, points, heights = [], [], []
    own = of_feature(rings.owner, place_keys(rings.coordinates))
    number = places.at(rings.coordinates)
    following, _ = rings.following()
    previous = np.empty_like(following)
    previous[following] = np.arange(len(following))
    for at, (left, tip, tip_on, right) in zip(feature.tolist(), sides, strict=True):
        tips = places.at(np.stack([tip, tip_on]))
        if (tips < 0).any() or (places.uses[tips] > 1).any() or places.fixed[tips].any():
            continue
        height = float(max(np.hypot(*(tip - left)), np.hypot(*(tip_on - right))))
        gone = {int(k) for k in tips}
        first = np.flatnonzero(own == of_feature(np.array([at]), places.keys[tips[:1]]))[0]
        before, after = _walk(number, previous, first, gone), _walk(number, following, first, gone)
        base = [k for k in dict.fromkeys((before[0], after[0])) if places.uses[k] == 1 and not places.fixed[k]]
        beyond = next((k for k in after if k not in base), after[-1]), next((k for k in before if k not in base), before[-1])
        a, b = places.places[beyond[0]], places.places[beyond[1]]
        for k in base:
            if k not in beyond and _off_line(places.places[k], a, b) <= STRAIGHT_FT:
                gone.add(k)
        for k in sorted(gone):
            features.append(at)
            points.append(places.places[k])
            heights.append(height if k in tips else 0.0)
    if not features:
        return np.empty(0, dtype=int), np.empty((0, 2))
    return told.of_features("remove_spike", np.array(features), np.array(points), np.array(heights))


def _walk(number: np.ndarray, step: np.ndarray, start: int, gone: set[int]) -> list[int]:
    """The next three places along a path, other than those that go; `number` is the place of each vertex."""
    seen: list[int] = []
    at = step[start]
    while at != start and len(seen) < 3:
        place = int(number[at])
        if place not in gone and (not seen or seen[-1] != place):
            seen.append(place)
        at = step[at]
    return seen or [int(number[start])]


def _off_line(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    edge = b - a
    length = float(np.hypot(*edge))
    return abs(float(edge[0] * (point - a)[1] - edge[1] * (point - a)[0])) / length if length else np.inf


def _moves(places: Places, found: Measured, told: _Told, tolerance_ft: float) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.concatenate([found.misaligned, found.short])
    one, other = places.at(pairs[:, 0]), places.at(pairs[:, 1])
    is_short = np.arange(len(pairs)) >= len(found.misaligned)
    there = (one >= 0) & (other >= 0)
    one, other, is_short = one[there], other[there], is_short[there]
    moved, onto = targets(places, one, other, tolerance_ft=tolerance_ft, banned=frozenset(told.bans.places))
    short = {frozenset(pair) for pair in zip(one[is_short].tolist(), other[is_short].tolist(), strict=True)}
    merges = np.array([frozenset(pair) in short for pair in zip(moved.tolist(), onto.tolist(), strict=True)], dtype=bool)
    start, end = places.places[moved], places.places[onto]
    keep = np.zeros(len(moved), dtype=bool)
    for operation, chosen in (("snap_corner", ~merges), ("merge_short_edge", merges)):
        keep[chosen] = told.of_places(operation, start[chosen], end[chosen])
    return start[keep], end[keep]
