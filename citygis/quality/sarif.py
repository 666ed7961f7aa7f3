"""
Findings as SARIF 2.1.0 (OASIS Standard, 27 March 2020), which code-review and build systems show beside a change.
"""

import geopandas as gpd
import pandas as pd

import citygis
from citygis.quality.rules import rule_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "review": "warning", "info": "note"}
"""The level of each severity (SARIF 2.1.0, 3.27.10)."""


def findings_sarif(
    findings: gpd.GeoDataFrame,
    points: list[list[float] | None],
    *,
    checked: str | None = None,
    excused: gpd.GeoDataFrame | None = None,
    excused_points: list[list[float] | None] = (),
) -> dict:
    """
    Findings as a SARIF log of one run.

    Parameters
    ----------
    findings : findings frame
    points : list of n [easting, northing] or None
        On the place of each finding.
    checked : str, optional
        The file that was checked, as a relative URI.
    excused : findings frame, optional
        Findings that an exception covers, with a column ``reason`` and perhaps ``accepted_by`` and ``accepted_on``. They are told
        as suppressed results: a reader hides them, and counts them.
    excused_points : list, optional
        As `points`.

    Returns
    -------
    dict
        Fit for JSON. Each result names its layer and feature as a logical location; ``partialFingerprints`` holds the
        ``finding_id``, by which runs can be compared; easting and northing, measure and remedy are properties.
    """
    both = [frame for frame in (findings, excused) if frame is not None and len(frame)]
    codes = sorted({code for frame in both for code in frame["code"]})
    rules = [_descriptor(next(frame[frame["code"] == code] for frame in both if (frame["code"] == code).any())) for code in codes]
    index = {code: i for i, code in enumerate(codes)}
    results = [_result(row, point, index, checked) for row, point in zip(_rows(findings), points, strict=True)]
    for result in results:
        result["suppressions"] = []  # either every result of a run says it, or none (3.27.23)
    if excused is not None:
        for row, point in zip(_rows(excused), excused_points, strict=True):
            results.append({**_result(row, point, index, checked), "suppressions": [_suppression(row)]})
    driver = {"name": "citygis", "version": citygis.__version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rows(findings: pd.DataFrame) -> list[dict]:
    plain = pd.DataFrame(findings.drop(columns="geometry", errors="ignore")).astype(object)
    return plain.where(plain.notna(), None).to_dict("records")


def _descriptor(rows: pd.DataFrame) -> dict:
    rule = rule_of(rows)
    level = LEVELS[rows["severity"].iloc[0]]
    said = {"id": rule.code, "shortDescription": {"text": rule.title}, "defaultConfiguration": {"level": level}}
    return {**said, "help": {"text": rule.remedy}} if rule.remedy else said


def _result(row: dict, point: list[float] | None, index: dict[str, int], checked: str | None) -> dict:
    place = "/".join(part.replace("~", "~0").replace("/", "~1") for part in (row["layer"], row["feature"]) if part)
    logical = {
        "name": row["feature"] or row["layer"],
        "fullyQualifiedName": place,
        "kind": "element" if row["feature"] else "module",
    }
    location: dict = {"logicalLocations": [logical]}
    if checked:
        location["physicalLocation"] = {"artifactLocation": {"uri": checked}}
    known = {"layer": row["layer"], "feature": row["feature"], "other": row["other"], "point": point}
    location["properties"] = {name: value for name, value in known.items() if value is not None}
    told = {name: row[name] for name in ("rule", "severity", "measure", "unit", "tolerance", "remedy", "source_ref")}
    return {
        "ruleId": row["code"],
        "ruleIndex": index[row["code"]],
        "level": LEVELS[row["severity"]],
        "message": {"text": row["message"]},
        "locations": [location],
        "partialFingerprints": {"findingId/v1": row["finding_id"]},
        "properties": {name: value for name, value in told.items() if value is not None},
    }


def _suppression(row: dict) -> dict:
    by = {name: row[name] for name in ("accepted_by", "accepted_on") if row.get(name)}
    said = {"kind": "external", "status": "accepted", "justification": row.get("reason") or ""}
    return {**said, "properties": {name: str(value) for name, value in by.items()}} if by else said
