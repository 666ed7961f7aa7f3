"""
The tables of lines and curves that tags stand for, and the notes on bearings and distances.
"""

import re

import numpy as np
import pandas as pd

from citygis.city import City
from citygis.cogo import format_angle
from citygis.sheets.frame import Frame, north
from citygis.sheets.table import Table
from citygis.units import require_feet

LINE_HEAD = ("No.", "Bearing", "Distance")
CURVE_HEAD = ("No.", "Delta", "Radius", "Length", "Tangent", "Chord bearing", "Chord")
"""Columns of the tables; a ``Basis`` follows where it is marked."""

_NUMBER = re.compile(r"(\D+)(\d+)")


def line_table(courses: pd.DataFrame, *, mark_basis: bool) -> Table | None:
    """
    Bearing and distance of every tagged line.

    Parameters
    ----------
    courses : DataFrame
        As `citygis.sheets.courses.sheet_courses`, with ``tag``.
    mark_basis : bool
        Whether the last column says R, M or C; R2 for the next record of the same line.

    Returns
    -------
    Table or None
        In the order of the tags; of one tag, senior before junior records. None where no line is tagged. Lengths are in feet.
    """
    rows = _tagged(courses, ["line"])
    return _table("Line table", LINE_HEAD, rows, ["bearing", "length"], "lr", mark_basis=mark_basis)


def curve_table(courses: pd.DataFrame, *, mark_basis: bool) -> Table | None:
    """
    Angle, radius, length, tangent and chord of every tagged curve and spiral; parameters and result as `line_table`.

    A tangent is computed: no record of the City's holds one.
    """
    rows = _tagged(courses, ["curve", "spiral"])
    columns = ["delta", "radius", "length", "tangent", "bearing", "chord"]
    return _table("Curve table", CURVE_HEAD, rows, columns, "rrrrlr", mark_basis=mark_basis)


def course_notes(
    courses: pd.DataFrame, frame: Frame, city: City, *, distances: str, factor: float | None, stated: str, mark_basis: bool
) -> tuple[str, ...]:
    """
    What must be said of bearings and distances.

    Parameters
    ----------
    courses : DataFrame
        As `citygis.sheets.courses.sheet_courses`, with ``reason``, empty for those that are dimensioned.
    frame : Frame
        At whose middle PROJ gives the scale.
    city : City
        Whose system, datum and epoch are named.
    distances : str
        ``grid`` or ``ground``: what computed distances are.
    factor : float or None
        Combined factor, grid over ground, where it is known.
    stated : str
        Basis of bearings in the words of the sheet, in place of the City's system.
    mark_basis : bool
        Whether the marks are explained.

    Returns
    -------
    tuple of str
        Empty where nothing is dimensioned.
    """
    shown = courses[courses["reason"] == ""]
    if not len(shown):
        return ()
    foot = require_feet(city.crs, f"The City's system {city.crs.name}").name.replace("foot", "feet")
    basis = stated.removeprefix("Basis of bearings:").strip() or _grid_north(city)
    notes = [f"Basis of bearings: {basis}"]
    if distances == "ground":
        how = f"on the ground, in {foot}: grid distances divided by the combined factor {factor:.8f}."
    elif factor is not None:
        how = f"grid, in {foot}; divide by the combined factor {factor:.8f} for ground distances."
    else:
        scale = north(city.crs, frame.easting, frame.northing).scale_factor
        how = (
            f"grid, in {foot}. Divided by the grid scale factor, {scale:.8f} at the centre of the map, they are distances on the "
            "ellipsoid; on the ground the height counts too."
        )
    notes.append(f"Computed distances are {how}")
    of_record = shown[shown["basis"].isin(["R", "M"]) | shown["bearing_basis"].isin(["R", "M"])]
    if len(of_record):
        notes.append(_of_record(of_record))
    if mark_basis:
        present = set(shown["basis"]) | set(shown["bearing_basis"])
        words = {"R": "(R) of record", "M": "(M) measured", "C": "(C) computed from coordinates"}
        notes.append(", ".join(said for mark, said in words.items() if mark in present) + ".")
    return tuple(notes)


def _of_record(courses: pd.DataFrame) -> str:
    said = "Bearings and distances of record are printed as recorded"
    turned = np.unique(np.round(courses["rotation_deg"].to_numpy(dtype=float) * 3600).astype(int))
    turned = turned[np.abs(turned) > 1]
    if len(turned):
        angles = [("-" if s < 0 else "") + format_angle(abs(int(s)) / 3600) for s in turned[[0, -1][: len(turned)]]]
        said += f", on the bases of their documents; {' to '.join(angles)} added to those bearings gives the grid's"
    on_ground = int(courses["is_ground"].astype(bool).sum())
    if on_ground:
        said += f"; {on_ground:,} of {len(courses):,} distances are stated on the ground"
    return said + "."


def _grid_north(city: City) -> str:
    code = city.crs.to_epsg()
    named = f"{city.crs.name} (EPSG:{code})" if code else city.crs.name
    return f"grid north of {named}, datum {city.realization}, epoch {city.epoch:.2f}."


def _tagged(courses: pd.DataFrame, kinds: list[str]) -> pd.DataFrame:
    rows = courses[(courses["tag"] != "") & courses["kind"].isin(kinds)]
    number = rows["tag"].str.extract(_NUMBER)[1].astype(int) if len(rows) else pd.Series(dtype=int)
    return rows.assign(number=number).sort_values(["number", "order"])


def _table(
    title: str, head: tuple[str, ...], rows: pd.DataFrame, columns: list[str], align: str, *, mark_basis: bool
) -> Table | None:
    if not len(rows):
        return None
    cells = [rows["tag"], *(rows[name] for name in columns)]
    align = "l" + align
    if mark_basis:
        order = np.where(rows["order"] > 1, rows["order"].astype(str), "")
        cells.append(rows["basis"] + order)
        head, align = (*head, "Basis"), align + "c"
    return Table(title, head, tuple(zip(*cells, strict=True)), align)
