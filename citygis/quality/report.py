"""
Findings written to files: JSON, CSV and SARIF for programs, a GeoPackage for a map, a web page for a person.
"""

import contextlib
import csv
import io
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.errors import StoreError
from citygis.findings import COLUMNS
from citygis.gpkg import write_geopackage
from citygis.publish import publish_text, require_free
from citygis.quality.fabric import NotJudged
from citygis.quality.page import html_report
from citygis.quality.sarif import findings_sarif
from citygis.quality.styles import layer_styles

FILES = ("findings.json", "findings.csv", "findings.sarif", "findings.gpkg", "report.html")
"""What `write_report` writes into its folder, in the order in which the files appear there."""

_KINDS = ("point", "line", "polygon")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def records(findings: gpd.GeoDataFrame) -> list[dict]:
    """
    Findings as plain values, fit for JSON.

    Returns
    -------
    list of dict
        The columns of `citygis.findings.COLUMNS`, with ``point`` ([easting, northing] on the place, to 0.0001, or None) instead of
        ``geometry``. What is missing or not a number is None.
    """
    table = pd.DataFrame(findings)[[name for name in COLUMNS if name != "geometry"]].astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    for row, point in zip(rows, _points(findings), strict=True):
        for name in ("measure", "tolerance"):
            row[name] = None if row[name] is None or not np.isfinite(row[name]) else round(float(row[name]), 6)
        row["point"] = point
    return rows


def findings_csv(findings: gpd.GeoDataFrame) -> str:
    """
    Findings as CSV with a header, one row each, lines ended by CRLF (RFC 4180).

    A cell that a spreadsheet would take for a formula (it starts with = + - @ or a tab) gets an apostrophe before it. ``point``
    becomes ``easting`` and ``northing``.
    """
    names = [*(name for name in COLUMNS if name != "geometry"), "easting", "northing"]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    for record in records(findings):
        easting, northing = record.pop("point") or (None, None)
        writer.writerow([_cell(value) for value in (*record.values(), easting, northing)])
    return text.getvalue()


def findings_layers(findings: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """
    Findings as layers of one geometry type each, for a GeoPackage.

    Returns
    -------
    dict
        ``findings_point``, ``findings_line`` and ``findings_polygon``, each where it has rows, and ``findings_no_place`` for
        those without a place. A place of mixed type is told by its point. Each finding is in one of them. ``layer_styles`` tells
        QGIS how to draw them.
    """
    dimension = shapely.get_dimensions(np.asarray(findings.geometry.array, dtype=object))
    placed = ~(findings.geometry.isna() | findings.geometry.is_empty).to_numpy()
    mixed = placed & (findings.geometry.geom_type == "GeometryCollection").to_numpy()
    layers = {}
    for number, kind in enumerate(_KINDS):
        chosen = placed & ~mixed & (dimension == number)
        part = findings[chosen]
        if kind == "point" and mixed.any():
            told = findings[mixed].set_geometry(findings.geometry[mixed].centroid)
            part = pd.concat([part, told])
        if len(part):
            layers[f"findings_{kind}"] = part.reset_index(drop=True)
    if not placed.all():
        layers["findings_no_place"] = pd.DataFrame(findings[~placed].drop(columns="geometry")).reset_index(drop=True)
    drawn = [kind for kind in _KINDS if f"findings_{kind}" in layers]
    return {**layers, "layer_styles": layer_styles(drawn)} if drawn else layers


def write_report(
    folder: Path | str,
    findings: gpd.GeoDataFrame,
    layers: Mapping[str, pd.DataFrame],
    *,
    city: City | None = None,
    title: str = "Validation",
    checked_on: str | None = None,
    not_judged: Sequence[NotJudged] = (),
    key: str | None = None,
    causes: pd.DataFrame | None = None,
    excused: gpd.GeoDataFrame | None = None,
    previous: Sequence[Sequence[Mapping]] = (),
    overwrite: bool = False,
) -> dict[str, Path]:
    """
    Findings as the files `FILES` in a folder, which is made when missing.

    All of them are written beside the folder first. A folder that was not there then appears with all of them at once. In one
    that was, each file is replaced whole, one after the other, ``report.html`` last: a process that dies in between can leave newer
    data beside an older page, never half a file.

    Parameters
    ----------
    folder : path
    findings : findings frame
        Those that stand.
    layers : mapping of name to frame
        What was checked, for the pictures.
    city, title, checked_on, not_judged, key, causes, excused, previous
        As in `html_report`. Excused findings are on the page and, as suppressed, in ``findings.sarif``; not in the other files.
    overwrite : bool
        Whether files that exist may be replaced.

    Returns
    -------
    dict of file name to Path

    Raises
    ------
    StoreError
        If one of the files exists and `overwrite` is false, or they cannot be written beside the folder. Then none is touched.
    """
    folder = Path(folder)
    paths = {name: folder / name for name in FILES}
    for path in paths.values():
        require_free(path, overwrite=overwrite)
    about = {"city": city, "title": title, "checked_on": checked_on, "not_judged": not_judged, "key": key, "causes": causes}
    page = html_report(findings, layers, excused=excused, previous=previous, **about)
    pardoned = [] if excused is None else _points(excused)
    log = findings_sarif(findings, _points(findings), checked=quote(title), excused=excused, excused_points=pardoned)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        publish_text(temporary / "findings.json", json.dumps(records(findings), ensure_ascii=False, indent=1) + "\n")
        publish_text(temporary / "findings.csv", findings_csv(findings))
        publish_text(temporary / "findings.sarif", json.dumps(log, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
        write_geopackage(temporary / "findings.gpkg", findings_layers(findings))
        publish_text(temporary / "report.html", page)
        _moved(temporary, folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)
    return paths


def _moved(temporary: Path, folder: Path) -> None:
    """The files of one folder in the place of those of the other."""
    try:
        if not folder.exists():
            os.replace(temporary, folder)
            return
        for name in FILES:
            os.replace(temporary / name, folder / name)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be written: {error.strerror or error}. Close what has its files open, and try again."
        ) from error


def _points(findings: gpd.GeoDataFrame) -> list[list[float] | None]:
    """A point on each place; of one that is broken, the middle of its bounds."""
    geometry = np.array(findings.geometry.array, dtype=object)
    bounds = shapely.bounds(geometry)
    place = (bounds[:, :2] + bounds[:, 2:]) / 2
    sound = shapely.is_valid(geometry) & ~shapely.is_empty(geometry)
    place[sound] = shapely.get_coordinates(shapely.point_on_surface(geometry[sound]))
    return [None if np.isnan(e) else [round(float(e), 4), round(float(n), 4)] for e, n in place]


def _cell(value):
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
