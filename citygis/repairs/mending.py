"""
One layer mended: planned, tried, held to the invariants and to the rules, and what did not hold taken back, until all of it does.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.quality.subject import Subject
from citygis.repairs.evidence import CLOSES, Evidence
from citygis.repairs.grounds import Ground, differing
from citygis.repairs.invariants import broken_invariants
from citygis.repairs.plan import Bans, measured, proposals
from citygis.repairs.rings import Change, changed, of_feature, place_keys, rings_of
from citygis.topology import COORDINATE_RESOLUTION_FT

MOST_STEPS = 6
"""A snapped corner may call for a vertex, and that for nothing more: what has not settled after so many steps is left."""
MOST_TRIES = 24
"""How often what broke a rule is taken back and the rest tried again."""

_MOVES = ("snap_corner", "merge_short_edge")

State = dict[str, np.ndarray]
"""The shapes of every layer, by its name."""

New = list[tuple[str, int, str]]
"""Layer, row and words for each feature that a repair would harm."""


class Mended(NamedTuple):
    """
    What came of it.

    Attributes
    ----------
    shapes : dict of layer to array of geometries
    log : DataFrame
        One row for each vertex of each feature: ``layer, row, operation, from_e, from_n, to_e, to_n, distance_ft, finding, key``.
    refused : dict of finding to str
        Positions of findings that something was tried for and taken back, each with the reason.
    """

    shapes: State
    log: pd.DataFrame
    refused: dict[int, str]


def mended(
    grounds: Mapping[str, Ground],
    shapes: State,
    name: str,
    evidence: Evidence,
    *,
    corners: shapely.STRtree,
    tolerance_ft: float,
    operations: frozenset[str],
    harm: Callable[[State, dict[str, np.ndarray], np.ndarray, Subject | None], New],
    stays: Callable[[gpd.GeoDataFrame], np.ndarray],
) -> Mended:
    """
    A layer with what can safely be mended, mended; the vertices of other layers follow the corners they share.

    Parameters
    ----------
    grounds : mapping of name to Ground
        All layers.
    shapes : dict of name to array
        How they stand. Not modified.
    name : str
        The layer whose findings these are.
    evidence : Evidence
    corners : STRtree
    tolerance_ft : float
    operations : set of str
    harm : callable
        Told the shapes, the rows changed of each layer, the places, and what lies around them where that is at hand, it names the
        features that the rules find more wrong.

    stays : callable
        Told findings, it says of each whether it is still there, and no less, after what `harm` was told: what was done for it
        mends nothing and is taken back.

    Returns
    -------
    Mended
    """
    ground = grounds[name]
    bans, tried = Bans({}, {}, {}), {}
    start = ground.near(evidence.places())
    first = measured(ground.excerpt(start, shapes[name]).measured, tolerance_ft=tolerance_ft)
    for _ in range(MOST_TRIES):
        state, log, rows, found, around = dict(shapes), [], start, first, None
        for step in range(MOST_STEPS):
            table, change = proposals(
                state[name][rows],
                rows,
                found,
                evidence,
                accuracy_ft=ground.accuracy_ft(rows),
                frozen=ground.frozen[rows],
                corners=corners,
                tolerance_ft=tolerance_ft,
                bans=bans,
                operations=operations,
            )
            tried |= dict(zip(table["key"], table["finding"], strict=True))
            if not len(table):
                break
            log.append(_applied(grounds, state, name, rows, change, table).assign(step=step))
            rows = ground.near(state[name][differing(shapes[name], state[name])])
            around = ground.excerpt(rows, state[name])
            found = measured(around.measured, tolerance_ft=tolerance_ft)
        else:
            _ban(bans, log[-1], "the corners beside it do not come to rest")
            continue
        if "make_valid" in operations:
            log.append(_made_valid(state, name, start, evidence, ground, bans).assign(step=MOST_STEPS))
            tried |= dict(zip(log[-1]["key"], log[-1]["finding"], strict=True))
            around = None if len(log[-1]) else around
        told = _composed(log)
        touched = {each: rows for each in grounds if len(rows := differing(shapes[each], state[each]))}
        bad = _too_far(told, tolerance_ft) or _broken(grounds, state, touched, told, tolerance_ft)
        bad = bad or harm(state, touched, _edited(told, evidence, shapes, state, touched), around if len(touched) == 1 else None)
        vain = told[stays(evidence.findings)[told["finding"].to_numpy(dtype=int)]] if len(told) and not bad else told.iloc[:0]
        _ban(bans, vain, "it would not mend what was found")
        if not bad and not len(vain):
            return Mended(state, told, _refused(bans, tried))
        for layer, row, why in bad:
            _ban(bans, told[(told["layer"] == layer) & (told["row"] == row)], why)
    _ban(bans, told, "what stands beside it could not be kept as it was")
    return Mended(dict(shapes), told.iloc[:0], _refused(bans, tried))


def _applied(
    grounds: Mapping[str, Ground], state: State, name: str, rows: np.ndarray, change: Change, table: pd.DataFrame
) -> pd.DataFrame:
    """The change made in `state`, in every layer with a vertex at a place that moves; one row for each vertex of each feature."""
    own = table[table["row"] >= 0].assign(layer=name)
    moves = table[table["row"] < 0]
    boxes = shapely.points(change.moved_from) if len(change.moved_from) else np.empty(0, dtype=object)
    logged = [own]
    for each, ground in grounds.items():
        near = ground.near(boxes)
        near = near[~ground.frozen[near]]
        mine = change._replace(dropped=_NOTHING, merged=_NOTHING, inserted=_NOTHING)
        if each == name:
            owners = [rows[part[0]] for part in (change.dropped, change.merged, change.inserted)]
            near = np.union1d(near, np.concatenate(owners)).astype(np.intp)
            parts = [(np.searchsorted(near, o), p[1]) for o, p in zip(owners, change[2:], strict=True)]
            mine = Change(change.moved_from, change.moved_to, *parts)
        if not len(near):
            continue
        if len(moves):
            logged.append(_followers(each, near, state[each][near], moves))
        shapes, touched = changed(state[each][near], mine)
        if touched.any():
            state[each] = state[each].copy()
            state[each][near[touched]] = shapes[touched]
    return pd.concat(logged, ignore_index=True)


_LOGGED = ["layer", "row", "operation", "from_e", "from_n", "to_e", "to_n", "distance_ft", "finding", "key"]
_NOTHING = (np.empty(0, dtype=np.intp), np.empty((0, 2)))


def _made_valid(state: State, name: str, rows: np.ndarray, evidence: Evidence, ground: Ground, bans: Bans) -> pd.DataFrame:
    """Features that are still broken, made valid where type, parts and area stay what they are."""
    rows = rows[~ground.frozen[rows]]
    rows = rows[~shapely.is_valid(state[name][rows]) & ~shapely.is_missing(state[name][rows])]
    before = state[name][rows]
    after = shapely.make_valid(before, method="structure", keep_collapsed=False)
    same = shapely.get_type_id(before) == shapely.get_type_id(after)
    same &= shapely.get_num_geometries(before) == shapely.get_num_geometries(after)
    same &= np.abs(shapely.area(before) - shapely.area(after)) <= COORDINATE_RESOLUTION_FT * shapely.length(before)
    rows, after = rows[same], after[same]
    points = _breaks(after, before[same])
    finding, _ = evidence.of("make_valid", points)
    keys = of_feature(rows, place_keys(points))
    keep = (finding >= 0) & ~np.isin(keys, np.array(list(bans.own), dtype=np.uint64))
    if keep.any():
        state[name] = state[name].copy()
        state[name][rows[keep]] = after[keep]
    e, n = points[keep].T
    columns = (name, rows[keep], "make_valid", e, n, e, n, 0.0, finding[keep], keys[keep])
    return pd.DataFrame(dict(zip(_LOGGED, columns, strict=True)))


def _breaks(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """For each feature the place that makes it broken; a point on it where none is told."""
    said = shapely.is_valid_reason(before)
    points = shapely.get_coordinates(shapely.point_on_surface(after)).reshape(-1, 2)
    for i, words in enumerate(said):
        place = re.search(r"\[(\S+) (\S+)", words)
        if place:
            points[i] = [float(place[1]), float(place[2].rstrip("]"))]
    return points


def _followers(layer: str, rows: np.ndarray, shapes: np.ndarray, moves: pd.DataFrame) -> pd.DataFrame:
    """The moves again for every feature that has a vertex there."""
    rings = rings_of(shapes)
    keys = place_keys(rings.coordinates)
    hit = np.isin(keys, moves["key"].to_numpy(dtype=np.uint64))
    pairs = pd.DataFrame({"row": rows[rings.owner[hit]], "key": keys[hit]}).drop_duplicates()
    return pairs.merge(moves.drop(columns="row"), on="key").assign(layer=layer)


def _composed(log: list[pd.DataFrame]) -> pd.DataFrame:
    """The log of several steps; a corner moved twice is told once, from where it stood at first to where it stands."""
    if not log:
        return pd.DataFrame(columns=_LOGGED)
    told = pd.concat(log, ignore_index=True).sort_values("step", kind="stable").reset_index(drop=True)
    told["keys"] = [[key] for key in told["key"]]
    if told["step"].max() == 0:
        return told
    moves = told["operation"].isin(_MOVES).to_numpy()
    arrived = place_keys(told[["to_e", "to_n"]].to_numpy(dtype=float))
    last: dict[tuple, int] = {}
    gone = np.zeros(len(told), dtype=bool)
    for i in np.flatnonzero(moves | (told["operation"] == "insert_vertex").to_numpy()):
        layer, row, key = told.at[i, "layer"], told.at[i, "row"], told.at[i, "key"]
        before = last.pop((layer, row, int(key)), None) if moves[i] else None
        if before is not None:
            told.loc[before, ["to_e", "to_n"]] = told.loc[i, ["to_e", "to_n"]].to_numpy()
            told.at[before, "keys"] = told.at[before, "keys"] + [key]
            gone[i] = True
        last[layer, row, int(arrived[i])] = i if before is None else before
    told = told[~gone].reset_index(drop=True)
    moves = told["operation"].isin(_MOVES)
    step = told[["to_e", "to_n"]].to_numpy(dtype=float) - told[["from_e", "from_n"]].to_numpy(dtype=float)
    told.loc[moves, "distance_ft"] = np.hypot(*step.T)[moves]
    return told


def _edited(told: pd.DataFrame, evidence: Evidence, before: State, after: State, touched: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where something was changed: the places of vertices, the whole of spikes, and features that were broken: what they bound."""
    ends = told[["from_e", "from_n", "to_e", "to_n"]].to_numpy(dtype=float).reshape(-1, 2)
    spikes = told.loc[told["operation"] == "remove_spike", "finding"].to_numpy(dtype=int)
    held = [shapely.points(ends), np.asarray(evidence.findings.geometry.array, dtype=object)[spikes]]
    held += [after[layer][rows[~shapely.is_valid(before[layer][rows])]] for layer, rows in touched.items()]
    return np.concatenate(held)


def _too_far(told: pd.DataFrame, tolerance_ft: float) -> New:
    """Corners that several steps together would move beyond the tolerance."""
    far = told[told["operation"].isin(_MOVES) & (told["distance_ft"] > tolerance_ft + 1e-9)]
    why = "its corner would move farther than the tolerance"
    return [(layer, int(row), why) for layer, row in zip(far["layer"], far["row"], strict=True)]


def _broken(
    grounds: Mapping[str, Ground],
    after: State,
    touched: Mapping[str, np.ndarray],
    told: pd.DataFrame,
    tolerance_ft: float,
) -> New:
    found: New = []
    for layer, rows in touched.items():
        mine = told[told["layer"] == layer]
        despiked = np.isin(rows, mine.loc[mine["operation"] == "remove_spike", "row"].to_numpy(dtype=int))
        snapped = np.isin(rows, mine.loc[mine["operation"].isin(CLOSES), "row"].to_numpy(dtype=int))
        reasons = broken_invariants(
            grounds[layer].shapes[rows],
            after[layer][rows],
            tolerance_ft=np.full(len(rows), tolerance_ft),
            despiked=despiked,
            snapped=snapped,
        )
        found += [(layer, int(row), why) for row, why in zip(rows, reasons, strict=True) if why is not None]
    return found


def _ban(bans: Bans, log: pd.DataFrame, why: str) -> None:
    for operation, key, keys in zip(log["operation"], log["key"], log.get("keys", [()] * len(log)), strict=True):
        held = bans.places if operation in _MOVES else bans.own
        for each in (key, *keys):
            held.setdefault(int(each), why)


def _refused(bans: Bans, tried: dict[int, int]) -> dict[int, str]:
    """The reasons by finding."""
    refused = dict(bans.findings)
    for key, why in sorted((bans.places | bans.own).items()):
        if key in tried:
            refused.setdefault(int(tried[key]), why)
    return refused
