"""
Street centrelines as a network (T18): every street ends at another or goes on, and lines are split where they meet.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.columns import numbers, texts
from citygis.quality.shapes import strayed
from citygis.quality.street_names import street_names
from citygis.quality.subject import Subject, finding

_LEVELS = ("ELEV_F", "ELEV_T")
_MAY_CHANGE = ("RoadClass", "OneWay", "SpeedLimit", "A3_L", "A3_R", "IncMuni_L", "IncMuni_R", "PostComm_L", "PostComm_R", *_LEVELS)


def network_findings(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    What the rules of a line network find in the street centrelines.

    Parameters
    ----------
    subjects : mapping of name to Subject
        In feet; ``street_centerline`` is looked at. Retired rows are no part of the network. Where the layer has the columns
        ``ELEV_F`` and ``ELEV_T`` (the level of each end: 0 on the ground, 1 for the first level above it and so on; Kansas NG911
        data model), lines of different levels pass over each other and need no node.
    city : City
        For its extent: a line that strayed out of it (G06) is no part of the network.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`. Dead ends are right unless they stop just short of another line, or run just
        past one. Of one place one row is told, however many lines meet there.
    """
    lines = subjects.get("street_centerline")
    if lines is None:
        return
    rows = np.flatnonzero(lines.current & ~shapely.is_missing(lines.place) & ~strayed(lines, city))
    if not len(rows):
        return
    ends = topology.ends_of(lines.shapes.iloc[rows], lines.rule("T18", "not_noded").tolerance)
    under, over = lines.rule("T18", "undershoot"), lines.rule("T18", "overshoot")
    loose = topology.loose_ends(ends, reach_ft=max(under.tolerance, over.tolerance))
    least = np.where(loose["kind"] == "overshoot", over.tolerance, under.tolerance)
    loose = loose[(loose["kind"] == "dangle") | (loose["distance_ft"] <= least)]
    yield from _loose(lines, rows, loose)
    overlaps = topology.line_overlaps(ends, min_length_ft=lines.rule("T18", "runs_over").tolerance)
    yield _unnoded(lines, rows, loose[loose["kind"] == "overshoot"], overlaps, topology.crossings(ends))
    yield _run_over(lines, rows, overlaps)
    over_each_other = set(zip(overlaps["left"], overlaps["right"], strict=True))
    yield _pseudo(lines, rows, topology.pseudo_nodes(ends), over_each_other)


def _loose(lines: Subject, rows: np.ndarray, loose: pd.DataFrame) -> Iterator[pd.DataFrame]:
    line, other = loose["line"].to_numpy(dtype=int), loose["other"].to_numpy(dtype=int)
    kind, distance = loose["kind"].to_numpy(dtype=object), loose["distance_ft"].to_numpy()
    place = np.asarray(loose.geometry.array, dtype=object)
    # Two ends that stop short of each other are one gap.
    pair = pd.DataFrame(
        {"low": np.minimum(line, other), "high": np.maximum(line, other), "ft": np.round(distance, 6), "kind": kind}
    )
    again = pair.duplicated().to_numpy() & (kind == "undershoot")
    for name, words in (("undershoot", "stops {:,.3f} ft short of"), ("overshoot", "runs {:,.3f} ft past")):
        each = lines.rule("T18", name)
        at = np.flatnonzero((kind == name) & ~again)
        one, by = rows[line[at]], rows[other[at]]
        message = [
            f"{lines.feature[k]} {words.format(ft)} {lines.feature[j]}, where it should end (tolerance {each.tolerance:g} ft)."
            for k, j, ft in zip(one, by, distance[at], strict=True)
        ]
        measured = {"measure": distance[at], "unit": "ft", "tolerance": each.tolerance}
        yield finding(lines, "T18", name, one, message, other=lines.feature[by], geometry=place[at], **measured)
    each = lines.rule("T18", "short_dangle")
    dangling = np.setdiff1d(line[kind == "dangle"], line[kind != "dangle"])
    length = shapely.length(lines.place[rows[dangling]])
    tiny_ft = lines.layer.topology.min_length_ft if lines.layer is not None else 0.0  # shorter ones are G05
    short = (length < each.tolerance) & (length >= tiny_ft)
    dangling, length = rows[dangling[short]], length[short]
    message = [
        f"{lines.feature[k]} hangs loose and is {ft:,.2f} ft long (tolerance {each.tolerance:g} ft)."
        for k, ft in zip(dangling, length, strict=True)
    ]
    yield finding(lines, "T18", each.name, dangling, message, measure=length, unit="ft", tolerance=each.tolerance)


def _unnoded(lines: Subject, rows: np.ndarray, over: pd.DataFrame, overlaps: pd.DataFrame, met: pd.DataFrame) -> pd.DataFrame:
    """Crossings, and ends on the middle of a line: one row for each place; what an end past it tells already is left out."""
    each = lines.rule("T18", "not_noded")
    left, right = met["left"].to_numpy(dtype=int), met["right"].to_numpy(dtype=int)
    place = np.asarray(met.geometry.array, dtype=object)
    level = np.fmax(*(numbers(lines.frame, name) for name in _LEVELS))[rows]
    keep = ~(np.isfinite(level[left]) & np.isfinite(level[right]) & (level[left] != level[right]))
    reach_ft = lines.rule("T18", "overshoot").tolerance
    keep &= ~_beside(left, right, place, over) & ~_along(left, right, place, overlaps, reach_ft)
    left, right, place = left[keep], right[keep], place[keep]
    crossing = met["kind"].to_numpy()[keep] == "crossing"
    # An end that runs past a node along the next piece of its street leaves two such places, as far apart as it runs.
    group = topology.places(shapely.get_coordinates(place), reach_ft)
    order = np.lexsort((right, left, group))
    first = order[np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])] if len(order) else order
    message = [
        f"{lines.feature[rows[left[k]]]} and {lines.feature[rows[right[k]]]} "
        f"{'cross' if crossing[k] else 'meet, one on the middle of the other,'} without a node."
        if left[k] != right[k]
        else f"{lines.feature[rows[left[k]]]} crosses itself."
        for k in first
    ]
    other = [lines.feature[rows[right[k]]] if left[k] != right[k] else None for k in first]
    return finding(lines, "T18", each.name, rows[left[first]], message, other=other, geometry=place[first])


def _beside(left: np.ndarray, right: np.ndarray, place: np.ndarray, over: pd.DataFrame) -> np.ndarray:
    """Which meetings are those that an end runs past."""
    told = pd.DataFrame(
        {
            "low": np.minimum(over["line"], over["other"]).to_numpy(dtype=int),
            "high": np.maximum(over["line"], over["other"]).to_numpy(dtype=int),
            "ft": over["distance_ft"].to_numpy(),
            "end": np.asarray(over.geometry.array, dtype=object),
        }
    )
    met = pd.DataFrame({"low": left, "high": right, "at": np.arange(len(left))}).merge(told, on=["low", "high"])
    near = shapely.distance(place[met["at"]], met["end"].to_numpy(dtype=object)) <= met["ft"] + topology.NODE_TOLERANCE_FT
    beside = np.zeros(len(left), dtype=bool)
    beside[met["at"].to_numpy(dtype=int)[near.to_numpy(dtype=bool)]] = True
    return beside


def _along(left: np.ndarray, right: np.ndarray, place: np.ndarray, overlaps: pd.DataFrame, reach_ft: float) -> np.ndarray:
    """Which meetings are the ends of a stretch where one of the lines runs over another."""
    stretches = np.asarray(overlaps.geometry.array, dtype=object)
    at, by = shapely.STRtree(stretches).query(place, predicate="dwithin", distance=reach_ft)
    ends = overlaps[["left", "right"]].to_numpy(dtype=int)[by]
    shared = (ends == left[at, None]).any(axis=1) | (ends == right[at, None]).any(axis=1)
    along = np.zeros(len(left), dtype=bool)
    along[at[shared]] = True
    return along


def _run_over(lines: Subject, rows: np.ndarray, overlaps: pd.DataFrame) -> pd.DataFrame:
    each = lines.rule("T18", "runs_over")
    left, right = rows[overlaps["left"].to_numpy(dtype=int)], rows[overlaps["right"].to_numpy(dtype=int)]
    same = shapely.equals(lines.place[left], lines.place[right]) & (left != right)  # G04 tells these
    overlaps, left, right = overlaps[~same], left[~same], right[~same]
    length = overlaps["length_ft"].to_numpy()
    message = [
        f"{lines.feature[k]} runs over {lines.feature[j] if j != k else 'itself'} for {ft:,.2f} ft."
        for k, j, ft in zip(left, right, length, strict=True)
    ]
    measured = {"measure": length, "unit": "ft", "tolerance": each.tolerance}
    where = np.asarray(overlaps.geometry.array, dtype=object)
    return finding(lines, "T18", each.name, left, message, other=lines.feature[right], geometry=where, **measured)


def _pseudo(lines: Subject, rows: np.ndarray, nodes: pd.DataFrame, over_each_other: set) -> pd.DataFrame:
    """Nodes of two pieces that say the same of themselves."""
    left, right = nodes["left"].to_numpy(dtype=int), nodes["right"].to_numpy(dtype=int)
    doubled = np.array([pair in over_each_other for pair in zip(left, right, strict=True)], dtype=bool)
    one, other = rows[left], rows[right]
    names = street_names(lines.frame).full
    alike = (names[one] == names[other]) & (one != other) & ~doubled
    for column in _MAY_CHANGE:
        values = texts(lines.frame, column)
        alike &= values[one] == values[other]
    at = np.flatnonzero(alike)
    message = [f"{lines.feature[one[k]]} and {lines.feature[other[k]]} meet where no other street does." for k in at]
    where = np.asarray(nodes.geometry.array, dtype=object)[at]
    return finding(lines, "T18", "pseudo_node", one[at], message, other=lines.feature[other[at]], geometry=where)
