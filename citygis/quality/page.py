"""
The report as one web page: what was checked, what was found, where, and what to do.

It needs no network. Without JavaScript it shows tables and pictures of the most telling findings; with it, every finding can be
searched, seen on a map, drawn with its neighbours and accepted with a reason.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd

from citygis.city import City, default_city
from citygis.findings import SEVERITIES
from citygis.quality.atlas import LISTED, atlas, ranked
from citygis.quality.causes import causes as gathered
from citygis.quality.fabric import NotJudged
from citygis.quality.pictures import Scenery, finding_picture, overview
from citygis.quality.rules import CATALOGUE, RULES, rule_of
from citygis.quality.subject import subject
from citygis.quality.trend import standing, trend

PICTURES_PER_RULE = 3
ROWS_PER_RULE = 100
"""Rows of a rule's table on the page; the other files hold them all."""
CAUSES_FIRST, CAUSES_MOST = 12, 300
"""Causes shown at once, and on the page at all."""
FEATURES_NAMED = 4
"""Features named beside a cause."""


class Picture(NamedTuple):
    """A picture and what it shows."""

    svg: str
    caption: str
    severity: str


class Section(NamedTuple):
    """The findings of one rule; ``anchor`` is its place on the page."""

    code: str
    anchor: str
    title: str
    remedy: str
    counts: list[tuple[str, int]]
    pictures: list[Picture]
    rows: list[dict]
    more: int


def html_report(
    findings: gpd.GeoDataFrame,
    layers: Mapping[str, pd.DataFrame],
    *,
    city: City | None = None,
    title: str = "Validation",
    checked_on: str | None = None,
    not_judged: Sequence[NotJudged] = (),
    key: str | None = None,
    causes: pd.DataFrame | None = None,
    excused: pd.DataFrame | None = None,
    previous: Sequence[Sequence[Mapping]] = (),
) -> str:
    """
    A page that shows findings to a person.

    Parameters
    ----------
    findings : findings frame
        In the CRS of the layers.
    layers : mapping of name to frame
        What was checked; the pictures are drawn from it.
    city : City, optional
    title : str
        The name of what was checked: a file, a delivery.
    checked_on : str, optional
        The date to print. It is not read from the clock, so that the same input gives the same page.
    not_judged : sequence of NotJudged
        Rules that had to be left out.
    key : str, optional
        The column that names features.
    causes : DataFrame, optional
        Of these findings, as `citygis.quality.causes.causes` gives them; worked out from `layers` when not given. The page begins
        with them.
    excused : findings frame, optional
        What an exception covers, with its ``reason``, ``accepted_by``, ``accepted_on`` and ``until``.
    previous : sequence of runs
        Earlier findings, oldest first (`citygis.quality.trend.read_run`), for what changed since.

    Returns
    -------
    str
        HTML, complete in itself. Every text from the data is escaped, and the page's policy lets no script run but its own. At most
        `citygis.quality.atlas.LISTED` findings are on it, the worst ones; how many are left out is told.
    """
    city = city or default_city()
    subjects = [subject(name, f, city.schema.layers.get(name), key=key if key in f else None) for name, f in layers.items()]
    scenery = Scenery(subjects)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    causes = gathered(findings, layers, city=city, key=key) if causes is None else causes
    script = _part("report.js")
    sections = [_section(code, name, rows, scenery) for (code, name), rows in _by_urgency(findings)]
    changes = trend(previous, findings, excused=excused) if previous else findings.iloc[:0]
    titles = {each.code: each.title for each in reversed(sections)} | {code: each.title for code, each in RULES.items()}
    changes = changes.assign(title=[titles.get(code, "") for code in changes["code"]])
    pardoned = pd.DataFrame() if excused is None else pd.DataFrame(excused.drop(columns="geometry", errors="ignore")).astype(object)
    return template.from_string(_part("report.html.j2")).render(
        title=title,
        city=city.name,
        checked_on=checked_on,
        counts={severity: int((findings["severity"] == severity).sum()) for severity in SEVERITIES},
        total=len(findings),
        checked=[_checked(name, frame, findings) for name, frame in layers.items() if len(frame) or len(layers) == 1],
        not_judged=not_judged,
        rules=RULES,
        sections=sections,
        overview=overview(findings, scenery),
        numbered=_numbered,
        causes=_told(causes),
        causes_total=len(causes),
        causes_first=CAUSES_FIRST,
        trend=changes.to_dict("records"),
        trend_sum=changes.sum(numeric_only=True),
        excused=pardoned.where(pardoned.notna(), None).to_dict("records"),
        rows_per_rule=ROWS_PER_RULE,
        left_out=max(len(findings) - LISTED, 0),
        style=_part("report.css"),
        script=script,
        policy=_policy(script),
        data=_data(findings, scenery, causes, previous),
    )


def _part(name: str) -> str:
    return (resources.files("citygis.quality") / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """What a browser may do for this page: its own styles and its own script, known by its digest (W3C CSP 3, section 2.3.1)."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _data(findings: gpd.GeoDataFrame, scenery: Scenery, causes: pd.DataFrame, previous: Sequence[Sequence[Mapping]]) -> str:
    """The findings for the script, as JSON that holds nothing a browser could take for a tag."""
    listed = findings.iloc[ranked(findings)[:LISTED]].reset_index(drop=True)
    groups: dict[tuple[str, str], int] = {}
    words: dict[str, int] = {}

    def numbers(values, among: dict) -> list[int]:
        return [-1 if pd.isna(value) else among.setdefault(value, len(among)) for value in values]

    group = [groups.setdefault(each, len(groups)) for each in _names(listed)]
    plain = pd.DataFrame(listed.drop(columns="geometry")).astype(object)
    plain = plain.where(plain.notna(), None)
    told = standing(previous, listed) if previous else [None] * len(listed)
    rows = {
        "id": plain["finding_id"].tolist(),
        "group": group,
        "severity": [SEVERITIES.index(severity) for severity in plain["severity"]],
        **{name: plain[name].tolist() for name in ("feature", "other", "message", "source_ref")},
        **{
            name: [None if v is None or not np.isfinite(v) else round(v, 6) for v in plain[name]]
            for name in ("measure", "tolerance")
        },
        **{name: numbers(plain[name], words) for name in ("rule", "layer", "unit", "remedy")},
        "standing": numbers(told, words),
        "cause": _cause_of(listed, causes),
    }
    titles = [{"code": code, "title": _rule(listed, code, name).title} for code, name in groups]
    said = causes["said"].head(CAUSES_MOST).tolist()
    data = {"rows": rows, "words": list(words), "groups": titles, "causes": said, "atlas": atlas(listed, scenery)}
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _told(causes: pd.DataFrame) -> list[dict]:
    """Causes as the page shows them, at most `CAUSES_MOST`."""
    told = []
    for row in causes.head(CAUSES_MOST).itertuples(index=False):
        names = ", ".join(row.feature_names[:FEATURES_NAMED])
        more = len(row.feature_names) - FEATURES_NAMED
        features = f"{names} and {more:,} more" if more > 0 else names
        told.append({"said": row.said, "findings": row.findings, "errors": row.errors, "rules": row.rules, "features": features})
    return told


def _cause_of(findings: pd.DataFrame, causes: pd.DataFrame) -> list[int]:
    """The position of the cause of each finding; -1 where it has none on the page."""
    ids = causes["finding_ids"].head(CAUSES_MOST)
    of = {number: position for position, each in enumerate(ids) for number in each}
    return [of.get(number, -1) for number in findings["finding_id"]]


def _names(findings: pd.DataFrame) -> list[tuple[str, str]]:
    """
    The code and name of the rule behind each finding.

    The name is empty where it is the one that speaks for the code, or the catalogue has none of that name.
    """
    own = {each for each in CATALOGUE if RULES[each[0]].name != each[1]}
    pairs = zip(findings["code"], findings["rule"], strict=True)
    return [(code, name if (code, name) in own else "") for code, name in pairs]


def _rule(findings: pd.DataFrame, code: str, name: str):
    return CATALOGUE[code, name] if name else rule_of(findings[findings["code"] == code])


def _by_urgency(findings: gpd.GeoDataFrame) -> list[tuple[tuple[str, str], gpd.GeoDataFrame]]:
    """The findings by rule: errors first, then the most frequent."""
    pairs = np.array([" ".join(each) for each in _names(findings)], dtype=object)
    groups = [(tuple(pair.split(" ", 1)), findings[pairs == pair]) for pair in sorted(set(pairs))]
    return sorted(groups, key=lambda group: (SEVERITIES.index(_worst(group[1])), -len(group[1]), group[0]))


def _worst(rows: pd.DataFrame) -> str:
    return next(severity for severity in SEVERITIES if (rows["severity"] == severity).any())


def _section(code: str, name: str, rows: gpd.GeoDataFrame, scenery: Scenery) -> Section:
    rule = _rule(rows, code, name)
    anchor = f"{code}-{name}" if name else code
    rows = rows.assign(_rank=rows["severity"].map(SEVERITIES.index)).sort_values(
        ["_rank", "measure"], ascending=[True, False], kind="stable", na_position="last"
    )
    counts = [(severity, int((rows["severity"] == severity).sum())) for severity in SEVERITIES]
    pictures = []
    for at in _telling(rows):
        row = rows.iloc[at]
        svg = finding_picture(row, scenery)
        if svg:
            pictures.append(Picture(svg, row["message"], row["severity"]))
    shown = rows.iloc[:ROWS_PER_RULE]
    columns = pd.DataFrame(shown)[["severity", "layer", "feature", "message", "source_ref"]].astype(object)
    table = columns.where(columns.notna(), None).to_dict("records")
    more = len(rows) - len(shown)
    return Section(code, anchor, rule.title, rule.remedy, [c for c in counts if c[1]], pictures, table, more)


def _telling(rows: pd.DataFrame) -> list[int]:
    """Positions of the findings to draw: the largest, the smallest and the one between, of those that have a place."""
    placed = np.flatnonzero(~(rows.geometry.isna() | rows.geometry.is_empty).to_numpy())
    if len(placed) <= PICTURES_PER_RULE:
        return placed.tolist()
    return [int(placed[i]) for i in (0, len(placed) // 2, len(placed) - 1)]


def _checked(name: str, frame: pd.DataFrame, findings: pd.DataFrame) -> dict:
    crs = getattr(frame, "crs", None) if isinstance(frame, gpd.GeoDataFrame) else None
    about = findings["layer"] == name
    return {
        "layer": name,
        "rows": len(frame),
        "crs": crs.name if crs is not None else "no geometry",
        **{severity: int((about & (findings["severity"] == severity)).sum()) for severity in SEVERITIES},
    }


def _numbered(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
