"""
The report as one web page: what was checked, what was found, where, and what to do. It needs no network and no script.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd

from citygis.city import City, default_city
from citygis.findings import SEVERITIES
from citygis.quality.fabric import NotJudged
from citygis.quality.pictures import Scenery, finding_picture, overview
from citygis.quality.rules import RULES, rule_of
from citygis.quality.subject import subject

PICTURES_PER_RULE = 3
ROWS_PER_RULE = 100
"""Rows of a rule's table on the page; the other files hold them all."""


class Picture(NamedTuple):
    """A picture and what it shows."""

    svg: str
    caption: str
    severity: str


class Section(NamedTuple):
    """The findings of one rule."""

    code: str
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

    Returns
    -------
    str
        HTML, complete in itself. Every text from the data is escaped.
    """
    city = city or default_city()
    subjects = [subject(name, f, city.schema.layers.get(name), key=key if key in f else None) for name, f in layers.items()]
    scenery = Scenery(subjects)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = (resources.files("citygis.quality") / "report.html.j2").read_text(encoding="utf-8")
    return template.from_string(source).render(
        title=title,
        city=city.name,
        checked_on=checked_on,
        counts={severity: int((findings["severity"] == severity).sum()) for severity in SEVERITIES},
        total=len(findings),
        checked=[_checked(name, frame, findings) for name, frame in layers.items() if len(frame) or len(layers) == 1],
        not_judged=not_judged,
        rules=RULES,
        sections=[_section(code, rows, scenery) for code, rows in _by_urgency(findings)],
        overview=overview(findings, scenery),
        numbered=_numbered,
    )


def _by_urgency(findings: gpd.GeoDataFrame) -> list[tuple[str, gpd.GeoDataFrame]]:
    """The findings by code: errors first, then the most frequent."""
    groups = [(code, rows) for code, rows in findings.groupby("code", sort=True)]
    return sorted(groups, key=lambda group: (SEVERITIES.index(_worst(group[1])), -len(group[1]), group[0]))


def _worst(rows: pd.DataFrame) -> str:
    return next(severity for severity in SEVERITIES if (rows["severity"] == severity).any())


def _section(code: str, rows: gpd.GeoDataFrame, scenery: Scenery) -> Section:
    rule = rule_of(rows)
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
    return Section(code, rule.title, rule.remedy, [c for c in counts if c[1]], pictures, table, len(rows) - len(shown))


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
