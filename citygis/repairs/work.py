"""
Layers mended where it is safe, with a log of every change, and what is left for a person.
"""

import logging
from collections.abc import Collection, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.city import City, default_city
from citygis.findings import SEVERITIES
from citygis.quality.gores import RECORD, UNKNOWN, judgements, verdicts
from citygis.quality.subject import Subject
from citygis.quality.validation import Only, findings_on, in_feet, subjects_of
from citygis.repairs.aftermath import Aftermath
from citygis.repairs.duplicates import repetitions
from citygis.repairs.evidence import CODES, OF_RECORD, evidence_of
from citygis.repairs.grounds import Ground, corners_of, grounds_of
from citygis.repairs.mending import Mended, mended
from citygis.repairs.outcome import Repair, outcome
from citygis.repairs.snapping import LARGEST_MOVE_FT

logger = logging.getLogger(__name__)

OPERATIONS = tuple(CODES)
"""What a repair may do: drop a repeated vertex, take a spike out, merge the ends of an edge too short to be one, snap a corner onto
a better one, insert a vertex that a neighbour has, make valid what stays the same ground, take out a row that repeats another."""

MOST_ROUNDS = 4
"""What comes to light when something over it is mended is looked at again, so often at most."""


def repair(
    layers: Mapping[str, pd.DataFrame],
    findings: gpd.GeoDataFrame | None = None,
    *,
    city: City | None = None,
    only: Only | None = None,
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
        Layers of a City, or of any polygons, in feet or in metres and in one CRS. Vertices that layers share move together. Not
        modified. The columns ``calc_area_sqft`` and ``geom_hash`` follow the shapes that change.
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
        As `citygis.quality.validate`.
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
    subjects, _ = subjects_of(layers, city=city, only=only, key=key)
    findings, told = None if findings is None else in_feet(findings), None
    if findings is None:
        findings = told = findings_on(subjects, city, only=only, key=key)
    grounds = grounds_of(subjects, city, are_measured=told is not None)
    findings = findings.reset_index(drop=True)
    if not grounds:
        return outcome(layers, grounds, {}, findings, findings.assign(because=None, origin=np.arange(len(findings))), [])
    corners, operations = corners_of(subjects, grounds), frozenset(apply)
    state = {name: ground.shapes for name, ground in grounds.items()}
    logs: list[pd.DataFrame] = []
    now = findings.assign(because=pd.Series([None] * len(findings), dtype=object), origin=np.arange(len(findings)))
    for _ in range(MOST_ROUNDS):
        revealed = 0
        for name in grounds:
            against = _record_speaks(now, subjects, grounds, city, tolerance)
            now.loc[against & now["because"].isna(), "because"] = f"It was left as it was: {OF_RECORD}."
            evidence = evidence_of(now, name, against, tolerance_ft=tolerance)
            if not len(evidence.rows):
                continue
            aftermath = Aftermath(subjects, grounds, told, state, city=city, only=only, key=key)
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
    return outcome(layers, grounds, state, findings, now, logs)


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
    subjects: Mapping[str, Subject],
    grounds: Mapping[str, Ground],
    city: City,
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
    beside = dict(subjects)
    for name, ground in grounds.items():
        if len(lines) * 10 < len(ground.feature):  # the rest of a city has nothing to say about a few strips
            beside[name] = ground.excerpt(ground.near(places))
    # What is no strip between two neighbours (a corner of one lot in a corner of another) is not judged, and bounded all the same.
    against[open_ & ~wide] = judgements(lines, beside, city)["kind"].isin([RECORD, UNKNOWN]).to_numpy(dtype=bool)
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
            rows = table["row"].to_numpy(dtype=int)[mine]
            values[mine] = ground.accuracy_ft(rows) if name == "accuracy_ft" else getattr(ground, name)[rows]
        table[name] = values
    table["tolerance_ft"] = np.minimum(table["accuracy_ft"].to_numpy(dtype=float), tolerance_ft)
    return table
