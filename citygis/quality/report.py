"""
Findings written to files: JSON and CSV for programs, a GeoPackage for a map, a web page for a person.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.errors import StoreError
from citygis.findings import COLUMNS
from citygis.gpkg import write_geopackage
from citygis.publish import publish_text
from citygis.quality.fabric import NotJudged
from citygis.quality.page import html_report

FILES = ("findings.json", "findings.csv", "findings.gpkg", "report.html")
"""What `write_report` writes into its folder."""

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
        those without a place. A place of mixed type is told by its point. Each finding is in one of them.
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
    return layers


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
    overwrite: bool = False,
) -> dict[str, Path]:
    """
    Findings as the files `FILES` in a folder, which is made when missing.

    Parameters
    ----------
    folder : path
    findings : findings frame
    layers : mapping of name to frame
        What was checked, for the pictures.
    city, title, checked_on, not_judged, key
        As in `html_report`.
    overwrite : bool
        Whether files that exist may be replaced.

    Returns
    -------
    dict of file name to Path

    Raises
    ------
    StoreError
        If one of the files exists and `overwrite` is false, or cannot be written. Then none of them is touched.
    """
    paths = {name: Path(folder) / name for name in FILES}
    there = [str(path) for path in paths.values() if path.exists()]
    if there and not overwrite:
        raise StoreError(f"{there[0]} exists and is left as it is. Say --overwrite to replace it, or name another folder.")
    page = html_report(findings, layers, city=city, title=title, checked_on=checked_on, not_judged=not_judged, key=key)
    publish_text(paths["findings.json"], json.dumps(records(findings), ensure_ascii=False, indent=1) + "\n", overwrite=overwrite)
    publish_text(paths["findings.csv"], findings_csv(findings), overwrite=overwrite)
    write_geopackage(paths["findings.gpkg"], findings_layers(findings), overwrite=overwrite)
    publish_text(paths["report.html"], page, overwrite=overwrite)
    return paths


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
