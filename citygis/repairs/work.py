"""
Layers mended where it is safe, with a log of every change, and what is left for a person.
"""

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City, default_city
from citygis.findings import SEVERITIES
from citygis.quality import validate
from citygis.quality.gores import RECORD, UNKNOWN, judgements, verdicts
from citygis.quality.subject import subject
from citygis.repairs.aftermath import Aftermath, with_shapes
from citygis.repairs.duplicates import repetitions
from citygis.repairs.edits import edits_frame
from citygis.repairs.evidence import CODES, MENDABLE, evidence_of
from citygis.repairs.grounds import Ground, corners_of, grounds_of
from citygis.repairs.mending import Mended, mended
from citygis.repairs.snapping import LARGEST_MOVE_FT
from citygis.repairs.suggestions import suggestions

logger = logging.getLogger(__name__)

OPERATIONS = tuple(CODES)
"""What a repair may do: drop a repeated vertex, take a spike out, merge the ends of an edge too short to be one, snap a corner onto
a better one, insert a vertex that a neighbour has, make valid what stays the same ground, take out a row that repeats another."""

MOST_ROUNDS = 4
"""What comes to light when something over it is mended is looked at again, so often at most."""


class Repair(NamedTuple):
    """
    What came of a repair.

    Attributes
    ----------
    layers : dict of name to frame
        As given, with what was mended; a frame in which nothing was is the very one that came in.
    edits : GeoDataFrame
        The log, `citygis.repairs.edits.COLUMNS`: `undo` takes it back.
    left : GeoDataFrame
        The findings that are left, columns of `citygis.findings.COLUMNS` and ``because`` (why nothing was done), ``suggestion``,
        ``batch`` and ``suggested`` (see `citygis.repairs.suggestions`).
    mended : GeoDataFrame
        The findings that are gone.
    """

    layers: dict[str, pd.DataFrame]
    edits: gpd.GeoDataFrame
    left: gpd.GeoDataFrame
    mended: gpd.GeoDataFrame


def repair(
    layers: Mapping[str, pd.DataFrame],
    findings: gpd.GeoDataFrame | None = None,
    *,
    city: City | None = None,
    only: str | None = None,
    key: str | None = None,
    tolerance_ft: float | None = None,
    apply: Collection[str] = OPERATIONS,
) -> Repair:
    """
    Layers with their drafting faults mended: bounded, logged, and never where the record speaks against it.

    A fault is mended where a finding tells of it and where every invariant holds afterwards: no corner moves farther than
    `tolerance_ft` nor than it is known; type, parts, holes, validity, attributes and number of features stay; the area stays within
    1 sq ft, 0.1 %, or what the tolerance makes of half the boundary; and the rules find nothing new. Corners are moved onto
    corners that exist, never to a place between, and never off a feature of the corner layer. What does not hold is taken back.

    Parameters
    ----------
    layers : mapping of name to frame
        Layers of a City, or of any polygons, in feet and in one CRS. Vertices that layers share move together. Not modified.
    findings : findings frame, optional
        What to mend, from `citygis.quality.validate` of the same layers; some of it, to leave the rest alone. Without it the layers
        are validated first.
    city : City, optional
        Whose schema, rules and accuracy classes; the packaged defaults where it is not given.
    only, key
        As in `citygis.quality.validate`.
    tolerance_ft : float, optional
        Move nothing farther than this; at most, and without it, `LARGEST_MOVE_FT`.
    apply : collection of str
        Which of `OPERATIONS`.

    Returns
    -------
    Repair

    Raises
    ------
    CRSError
        If a layer has no CRS or is not in feet.
    ValueError
        If `tolerance_ft` or `apply` is not one of those allowed.
    """
    tolerance = LARGEST_MOVE_FT if tolerance_ft is None else tolerance_ft
    if not 0 < tolerance <= LARGEST_MOVE_FT:
        raise ValueError(f"Invalid tolerance_ft {tolerance_ft!r}. Must be more than 0 and at most {LARGEST_MOVE_FT}.")
    unknown = sorted(set(apply) - set(OPERATIONS))
    if unknown:
        raise ValueError(f"Invalid apply {unknown[0]!r}. Must be some of: {', '.join(OPERATIONS)}.")
    city = city or default_city()
    grounds = grounds_of(layers, city, key)
    told = None
    if findings is None:
        findings = told = validate(layers, city=city, only=only, key=key)
    findings = findings.reset_index(drop=True)
    if not grounds:
        return _outcome(layers, grounds, {}, findings, findings.assign(because=None, origin=np.arange(len(findings))), [], None)
    crs = next(iter(grounds.values())).frame.crs
    corners, operations = corners_of(layers, grounds), frozenset(apply)
    state = {name: ground.shapes for name, ground in grounds.items()}
    logs: list[pd.DataFrame] = []
    now = findings.assign(because=pd.Series([None] * len(findings), dtype=object), origin=np.arange(len(findings)))
    for _ in range(MOST_ROUNDS):
        revealed = 0
        for name in grounds:
            evidence = evidence_of(now, name, _record_speaks(now, layers, grounds, city, key, tolerance), tolerance_ft=tolerance)
            if not len(evidence.rows):
                continue
            aftermath = Aftermath(layers, grounds, told, state, city=city, only=only, key=key)
            done: Mended = mended(
                grounds,
                state,
                name,
                evidence,
                corners=corners,
                tolerance_ft=tolerance,
                operations=operations,
                harm=aftermath.harm,
                stays=aftermath.stays,
            )
            for at, why in done.refused.items():
                now.loc[at, "because"] = now.loc[at, "because"] or f"It was left as it was: {why}."
            if len(done.log):
                logs.append(_logged(done.log, grounds, now, tolerance))
                concerned, settled = aftermath.settled(now)
                revealed += int(settled["origin"].isna().sum())
                now, state, told = _joined(now[~concerned], settled), done.shapes, None
            logger.info("%s: %d edits", name, len(done.log))
        if not revealed:
            break
    if "drop_duplicate" in operations:
        out = repetitions(layers, grounds, now)
        if len(out):
            logs.append(out)
            now = now.drop(index=out["at"]).reset_index(drop=True)
    return _outcome(layers, grounds, state, findings, now, logs, crs)


def _joined(kept: gpd.GeoDataFrame, settled: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Findings that nothing happened to and those on what changed, in the usual order."""
    table = pd.concat([pd.DataFrame(kept), pd.DataFrame(settled)[list(kept.columns)]], ignore_index=True)
    rank = table["severity"].map(SEVERITIES.index)
    order = table.assign(_rank=rank).sort_values(["_rank", "code", "layer", "feature", "other", "finding_id"], kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    geometry = np.asarray(table.pop("geometry"), dtype=object)
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(geometry, crs=kept.crs))


def _record_speaks(
    findings: gpd.GeoDataFrame,
    layers: Mapping[str, pd.DataFrame],
    grounds: Mapping[str, Ground],
    city: City,
    key: str | None,
    tolerance_ft: float,
) -> np.ndarray:
    """Which overlaps, gaps and slivers are not known to be drafting: nothing is brought together there."""
    said = verdicts(findings)
    against = said == RECORD
    open_ = (said == UNKNOWN) & (findings["rule"] != "contained").to_numpy(dtype=bool)
    wide = (findings["measure"] > tolerance_ft).to_numpy(dtype=bool)
    against |= open_ & wide
    lines = findings[open_ & ~wide]
    if not len(lines):
        return against
    places = np.asarray(lines.geometry.array, dtype=object)
    subjects = {}
    for name, frame in layers.items():
        if name in grounds and len(lines) * 10 < len(frame):  # the rest of a city has nothing to say about a few strips
            subjects[name] = grounds[name].excerpt(grounds[name].near(places))
        else:
            subjects[name] = subject(name, frame, city.schema.layers.get(name), key=key if key in frame else None)
    # What is no strip between two neighbours (a corner of one lot in a corner of another) is not judged, and bounded all the same.
    against[open_ & ~wide] = judgements(lines, subjects, city)["kind"].isin([RECORD, UNKNOWN]).to_numpy(dtype=bool)
    return against


def _logged(log: pd.DataFrame, grounds: Mapping[str, Ground], findings: gpd.GeoDataFrame, tolerance_ft: float) -> pd.DataFrame:
    """The rows of a layer's repair, with what they are called and why they were made; before and after come at the end."""
    at = log["finding"].to_numpy(dtype=int)
    table = pd.DataFrame(
        {
            "layer": log["layer"].to_numpy(dtype=object),
            "row": log["row"].to_numpy(dtype=int),
            "operation": log["operation"].to_numpy(dtype=object),
            "from_easting": log["from_e"].to_numpy(dtype=float),
            "from_northing": log["from_n"].to_numpy(dtype=float),
            "to_easting": log["to_e"].to_numpy(dtype=float),
            "to_northing": log["to_n"].to_numpy(dtype=float),
            "distance_ft": log["distance_ft"].to_numpy(dtype=float),
        }
    )
    for name in ("finding_id", "code", "rule"):
        table[name] = findings[name].to_numpy(dtype=object)[at]
    table["reason"] = findings["message"].to_numpy(dtype=object)[at]
    for name in ("feature", "source_ref", "global_id", "accuracy_ft"):
        values = np.full(len(table), None, dtype=object)
        for layer, ground in grounds.items():
            mine = (table["layer"] == layer).to_numpy(dtype=bool)
            values[mine] = getattr(ground, name)[table["row"].to_numpy(dtype=int)[mine]]
        table[name] = values
    table["tolerance_ft"] = np.minimum(table["accuracy_ft"].to_numpy(dtype=float), tolerance_ft)
    return table


def _outcome(
    layers: Mapping[str, pd.DataFrame],
    grounds: Mapping[str, Ground],
    state: Mapping[str, np.ndarray],
    findings: gpd.GeoDataFrame,
    now: gpd.GeoDataFrame,
    logs: list[pd.DataFrame],
    crs,
) -> Repair:
    """``now``: the findings that are left, with ``because`` and ``origin``, the position in `findings`."""
    log = pd.concat(logs, ignore_index=True) if logs else pd.DataFrame()
    result = {name: with_shapes(frame, grounds.get(name), state.get(name)) for name, frame in layers.items()}
    if len(log):
        log = _with_geometry(log, grounds, state)
        for name, mine in log[log["operation"] == "drop_duplicate"].groupby("layer"):
            kept = np.setdiff1d(np.arange(len(layers[name])), mine["row"].to_numpy(dtype=int))
            result[str(name)] = result[str(name)].iloc[kept]
    still = np.zeros(len(findings), dtype=bool)
    still[now["origin"].dropna().to_numpy(dtype=int)] = True
    left = now.drop(columns="origin").reset_index(drop=True)
    said = [why or _because(code, origin) for why, code, origin in zip(now["because"], now["code"], now["origin"], strict=True)]
    left["because"] = pd.Series(said, dtype="str")
    told = suggestions(left, grounds, state)
    for name in told:
        left[name] = told[name]
    return Repair(result, edits_frame(log, crs=crs), left, findings[~still].reset_index(drop=True))


def _because(code: str, origin: int | None) -> str:
    if pd.isna(origin):
        return "It came to light when what was told of the same place was mended."
    if code in MENDABLE:
        return "Nothing within the tolerance mends it safely: a person decides."
    return "Nothing that a repair does by itself: a person decides."


def _with_geometry(log: pd.DataFrame, grounds: Mapping[str, Ground], state: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The whole features before and after, as well-known binary, and their areas."""
    log = log.copy()
    for name in ("before", "after"):
        log[name] = None
        log[f"area_{name}_sqft"] = np.nan
    for layer, ground in grounds.items():
        mine = np.flatnonzero((log["layer"] == layer).to_numpy(dtype=bool))
        rows = log["row"].to_numpy(dtype=int)[mine]
        for name, shapes in (("before", ground.shapes), ("after", state[layer])):
            log.iloc[mine, log.columns.get_loc(name)] = np.asarray(shapely.to_wkb(shapes[rows]), dtype=object)
            log.iloc[mine, log.columns.get_loc(f"area_{name}_sqft")] = shapely.area(shapes[rows])
    out = (log["operation"] == "drop_duplicate").to_numpy(dtype=bool)
    log.loc[out, "after"] = None
    log.loc[out, "area_after_sqft"] = np.nan
    return log
