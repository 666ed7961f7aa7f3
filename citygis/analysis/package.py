"""
An answer as a folder of files: the list as XLSX and CSV, the ground as GeoPackage, the map as PDF, and a note on the method.
"""

import contextlib
import datetime
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan
from citygis.city import City
from citygis.errors import AnalysisError, SheetError
from citygis.gpkg import write_geopackage
from citygis.publish import publish_text, publishing, publishing_folder
from citygis.reports import Worksheet, workbook_bytes, write_rows
from citygis.sheets import Figure, Preflight, Sheet, Style, draw, profiles

NAMES = {"csv": "list.csv", "xlsx": "list.xlsx", "gpkg": "ground.gpkg", "map": "map.pdf", "note": "method.html"}
"""What the files of a package are called. A question's own documents lie beside them."""

LOW_PANEL_IN = 3.0
"""Height of a panel below the map that is tried before the usual one."""

ROOM_FT = 60.0
"""What a map shows around the ground of its answer."""

REASONS = 12
"""Reasons for leaving a feature out that the note shows, the commonest first: it is one page."""


class Package(NamedTuple):
    """
    What was written.

    Parameters
    ----------
    folder : Path
    files : tuple of Path
    preflight : Preflight or None
        Of the map, or of the first of several that does not pass; None when the answer has none.
    remarks : tuple of str
        What a format could not hold as it is.
    """

    folder: Path
    files: tuple[Path, ...]
    preflight: Preflight | None
    remarks: tuple[str, ...]


def write_package(
    answer: Answer,
    folder: Path | str,
    *,
    city: City,
    base: Mapping[str, gpd.GeoDataFrame] = {},
    at: datetime.datetime | None = None,
    overwrite: bool = False,
) -> Package:
    """
    Write an answer's files.

    Parameters
    ----------
    answer : Answer
    folder : path
        Made whole or not at all; with `overwrite` the files of one that is there are replaced, each whole.
    city : City
    base : mapping of str to GeoDataFrame
        City layers that the map is drawn over.
    at : datetime, optional
        When it was answered; now when not given. The one thing in the files that is not of the answer.
    overwrite : bool

    Returns
    -------
    Package

    Raises
    ------
    StoreError
        If the folder exists and `overwrite` is false, or cannot be written.
    """
    at = at or datetime.datetime.now(datetime.UTC)
    folder = Path(folder)
    if overwrite and folder.is_dir():
        return _written(answer, folder, folder, city, base, at, overwrite=True)
    with publishing_folder(folder) as temporary:
        return _written(answer, temporary, folder, city, base, at, overwrite=False)


def answer_figure(answer: Answer, *, city: City, base: Mapping[str, gpd.GeoDataFrame] = {}, plan: MapPlan | None = None) -> Figure:
    """
    The map of an answer, or another of its maps by its `plan`.

    Raises
    ------
    AnalysisError
        If the answer has no map, or nothing with ground on it.
    """
    plan = plan or answer.map
    if plan is None:
        raise AnalysisError(f"The question {answer.question!r} has no map.")
    own = {name: layer for name, layer in answer.layers.items() if name in plan.styles and len(layer)}
    shapes = np.concatenate([np.asarray(layer.geometry.values) for layer in own.values()] or [np.array([], dtype=object)])
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise AnalysisError(f"The answer to {answer.question!r} has no ground to draw.")
    # One feature that strayed would leave the City a dot on the paper, or no paper large enough.
    far = _far(shapes, city)
    shapes = shapes if far.all() else shapes[~far]
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    styles = {
        f"{answer.question}_{name}": Style.model_validate({"layer": name, **plan.styles[name]})
        for name in plan.styles
        if name in own or len(base.get(plan.styles[name].get("layer"), ()))
    }
    said = {
        "profile": plan.profile,
        "paper": plan.paper or None,
        "vicinity": {} if "vicinity_map" in profiles()[plan.profile].furniture else None,
        "layers": [*_base_styles(plan, base), *styles],
        "view": {"extent": (west - ROOM_FT, south - ROOM_FT, east + ROOM_FT, north + ROOM_FT)},
        "title_block": {"title": plan.title, "subtitle": plan.subtitle, "notes": plan.notes},
    }
    layers = {**base, **own}
    if not plan.panel_in and profiles()[plan.profile].panel == "below":
        # The map gets what the panel can spare, if it can.
        with contextlib.suppress(SheetError):
            return draw(Sheet.model_validate(said | {"panel_in": LOW_PANEL_IN}), layers, city=city, styles=styles)
    return draw(Sheet.model_validate(said | {"panel_in": plan.panel_in or None}), layers, city=city, styles=styles)


def _far(shapes: np.ndarray, city: City) -> np.ndarray:
    """Which shapes lie wholly outside the City's extent: bool; none where it states none."""
    if city.extent is None:
        return np.zeros(len(shapes), dtype=bool)
    west, south, east, north = shapely.bounds(shapes).T
    extent = city.extent
    return (east < extent.easting_min) | (west > extent.easting_max) | (north < extent.northing_min) | (south > extent.northing_max)


def _strayed(answer: Answer, plan: MapPlan, city: City) -> int:
    """How many features of an answer its map does not reach, because they lie outside the City's extent."""
    far = [_far(np.asarray(layer.geometry.values), city) for name, layer in answer.layers.items() if name in plan.styles]
    return sum(int(each.sum()) for each in far if not each.all())


def _base_styles(plan: MapPlan, base: Mapping[str, gpd.GeoDataFrame]) -> list[str]:
    return [name for name in plan.base if name in base and len(base[name])]


def _written(
    answer: Answer,
    folder: Path,
    named: Path,
    city: City,
    base: Mapping[str, gpd.GeoDataFrame],
    at: datetime.datetime,
    *,
    overwrite: bool,
) -> Package:
    remarks = write_rows(folder / NAMES["csv"], *cells(answer.table), overwrite=overwrite)
    files = [NAMES["csv"]]
    pages = [(answer.question, answer.table), *answer.tables.items()]
    pages += [("excluded", answer.excluded), ("not answered", answer.unanswered)]
    titles = _worksheet_titles([name for name, _ in pages])
    worksheets = [Worksheet(title, *cells(table)) for title, (_, table) in zip(titles, pages, strict=True)]
    packed, said = workbook_bytes(worksheets, {"method": _about(answer, city, at)}, title=answer.title, at=at)
    remarks += said
    for name, content in ((NAMES["xlsx"], packed), *answer.documents.items()):
        with publishing(folder / name, overwrite=overwrite) as temporary:
            temporary.write_bytes(content() if callable(content) else content)
        files.append(name)
    ground = {answer.question: answer.geometry, **answer.layers}
    ground = {name: layer for name, layer in ground.items() if layer is not None}
    if ground:
        write_geopackage(folder / NAMES["gpkg"], ground, overwrite=overwrite, last_change=at)
        files.append(NAMES["gpkg"])
    report = None
    for plan in filter(None, (answer.map, *answer.maps)):
        if not any(len(answer.layers.get(name, ())) for name in plan.styles):
            continue
        name = plan.file or NAMES["map"]
        figure = answer_figure(answer, city=city, base=base, plan=plan)
        figure.save(folder / name, overwrite=overwrite)
        seen = figure.preflight(folder / name)
        report = seen if report is None or report.passed else report
        if strayed := _strayed(answer, plan, city):
            remarks += (f"{name}: {strayed:,} features lie outside the City's extent and are not on the map.",)
        files.append(name)
    publish_text(folder / NAMES["note"], note_html(answer, city=city, at=at, files=files), overwrite=overwrite)
    files.append(NAMES["note"])
    return Package(named, tuple(named / name for name in files), report, tuple(dict.fromkeys(remarks)))


def note_html(answer: Answer, *, city: City, at: datetime.datetime, files: list[str] = ()) -> str:
    """The note on an answer's method: one page that stands alone, no script, nothing fetched; all text escaped."""
    template = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string((resources.files("citygis.analysis") / "method.html.j2").read_text(encoding="utf-8"))
    counts = answer.excluded.groupby("reason", sort=True).size().sort_values(ascending=False, kind="stable")
    reasons = list(counts.iloc[:REASONS].items())
    if (more := counts.iloc[REASONS:]).size:
        reasons.append((f"{more.size:,} other reasons: each is in {NAMES['xlsx']}, excluded", int(more.sum())))
    return template.render(answer=answer, city=city, at=at, files=files, reasons=reasons, spelt=_spelt)


def cells(table: pd.DataFrame) -> tuple[tuple[str, ...], list[tuple]]:
    """The names of a table's columns, without its geometry, and its rows as cells: text, numbers, truth values and None."""
    if isinstance(table, gpd.GeoDataFrame):
        table = pd.DataFrame(table.drop(columns=table.geometry.name))
    columns = [[_cell(value) for value in table[name].astype(object)] for name in table.columns]
    return tuple(map(str, table.columns)), list(zip(*columns, strict=True)) if columns else []


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if value is None or pd.isna(value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _spelt(value: Any) -> str:
    value = _cell(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else "" if value is None else value


def _worksheet_title(name: str) -> str:
    """Excel allows 31 characters, and not ``[]:*?/\\``."""
    return "".join(" " if c in "[]:*?/\\" else c for c in name.replace("_", " "))[:31]


def _worksheet_titles(names: list[str]) -> list[str]:
    """A title for each worksheet, no two alike to Excel, which does not tell cases apart: a table may be called as its question."""
    titles: list[str] = []
    for name in names:
        title, again, taken = _worksheet_title(name), 1, {each.casefold() for each in [*titles, "method"]}
        while title.casefold() in taken:
            again += 1
            title = f"{_worksheet_title(name)[:27]} {again}"
        titles.append(title)
    return titles


def _about(answer: Answer, city: City, at: datetime.datetime) -> list[tuple[str, Any]]:
    method = answer.method
    lines = [("Question", answer.title), ("City", city.name), ("Answered at", at.isoformat(timespec="seconds"))]
    lines += [(f"Asked: {name}", _spelt(value)) for name, value in method.parameters.items()]
    lines += [(f"Step {i}", step) for i, step in enumerate(method.steps, 1)]
    for each in method.citations:
        law = f"{_spelt(each.value)} {each.unit}".strip() + f"; {each.law}; {each.certainty}"
        lines.append((f"Law: {each.key}", ", ".join(filter(None, (law, each.as_of and f"as of {each.as_of}", each.source)))))
    for each in answer.check:
        verdict = "agrees" if each.agrees else "DOES NOT AGREE"
        lines.append(
            (
                f"Check: {each.figure}",
                f"{verdict}: {_spelt(each.value)} here, {_spelt(each.again)} by {each.way} {each.unit}".strip(),
            )
        )
    lines += [("Source", source) for source in method.sources]
    return [*lines, *(("Remark", remark) for remark in method.remarks)]
