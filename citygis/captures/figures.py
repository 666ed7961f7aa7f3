"""
Field to finish: coded survey points made into points, lines and polygons, with every curve kept as a curve.

The codes are read by `citygis.captures.field_codes`; what each control does is said in ``field_codes.toml``, after Autodesk Civil
3D's linework code sets. Shots are taken in the order of the file. A name that is not in use begins a figure, with or without a
begin code. Where a curve has more than three shots, they are one fitted curve if all lie within `FIT_FT` of it, else a chain of
curves, each through three shots (the last through the last three).

====  =================  ============  ======================================================================
F01   unknown_code       review        a word where a feature code should be
F02   control_unusable   review        a control code for nothing, or one that cannot be done where it stands
F03   unfinished_figure  review/info   one shot only, or a polygon left open; info: begun but never ended
F04   ambiguous_code     review/error  a word that is both a control and a feature code; error: the file uses it as both
F05   curve_incomplete   review        too few shots for a curve, or shots on a line: drawn straight
F06   ring_crosses       review        a polygon that crosses itself or bounds no ground: kept as a line
F07   no_code            info          points without any code
====  =================  ============  ======================================================================
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.captures.curves import Course, area_sqft, azimuth_deg, drawn, parallel
from citygis.captures.field_codes import Description, FieldCodes, Mention, described
from citygis.captures.linework import Drawing, Figure, courses_of
from citygis.findings import findings_frame
from citygis.units import require_feet

COURSES = (
    "figure course kind from_shot to_shot start_easting start_northing end_easting end_northing length_ft chord_ft azimuth_deg "
    "radius_ft delta_deg hand centre_easting centre_northing residual_ft"
)
"""Columns of `Figures.courses`."""


class Figures(NamedTuple):
    """
    What coded points draw, in the CRS of the points, each with a new index.

    ``points``: ``shot`` (index of the input), ``name`` (of the point), ``code``, ``layer``, attributes, ``note``, ``source_id``,
    ``source_ref``. ``lines`` and ``polygons``: ``figure`` (number), ``name`` (as keyed in, EP1), ``code``, ``layer``, ``method``
    ("shots", "rectangle", "circle", "connection", "offset"), ``closed``, ``ended``, ``offset_ft`` and ``vertical_offset_ft`` (null
    unless an offset; right and up positive), ``shots`` (how many), ``length_ft`` (along the true curves), ``area_sqft`` (within
    them; null for open lines), attributes, ``note``, ``source_id``, ``source_ref``. Attributes are text columns, one for each name
    that occurs.

    ``courses``: DataFrame, the truth that lines and polygons are drawn from: ``figure``, ``course`` (1, 2, ...), ``kind`` ("line"
    or "curve"), ``from_shot``, ``to_shot`` (index of the input, null where worked out), ``start_easting``, ``start_northing``,
    ``end_easting``, ``end_northing``, ``length_ft``, ``chord_ft``, ``azimuth_deg`` (grid, of the chord), and of a curve
    ``radius_ft``, ``delta_deg``, ``hand`` ("L" or "R"), ``centre_easting``, ``centre_northing``, ``residual_ft`` (of a fitted one).

    ``shots``: DataFrame on the index of the input: ``use`` "figure", "point" or "reported" (in neither; a finding says why).

    ``findings``: as `citygis.findings.findings_frame`.
    """

    points: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    polygons: gpd.GeoDataFrame
    courses: pd.DataFrame
    shots: pd.DataFrame
    findings: gpd.GeoDataFrame


def figures(points: gpd.GeoDataFrame, codes: FieldCodes, *, layer: str = "figure") -> Figures:
    """
    What coded points draw.

    Parameters
    ----------
    points : GeoDataFrame, n points
        ``name`` and ``code`` (the description as keyed in); in feet, no null geometry, unique index. Not modified.
    codes : FieldCodes
        From `citygis.captures.field_codes.field_codes`.
    layer : str
        For the findings.

    Returns
    -------
    Figures

    Raises
    ------
    CRSError
        If `points` is not in feet.
    ValueError
        If a geometry is null or not a point, or the index is not unique.
    """
    require_feet(points.crs, "The survey points")
    if points.geometry.isna().any() or not (points.geom_type == "Point").all() or not points.index.is_unique:
        raise ValueError("Invalid survey points. Must all be points with a position, on a unique index.")
    drawing = Drawing(points, codes)
    known: dict[str, Description] = {}
    rows: list[dict] = []
    readings: dict[str, dict[str, list[int]]] = {}
    bare: list[int] = []
    for shot, text in enumerate(points["code"].to_numpy(dtype=object)):
        if not isinstance(text, str):
            text = ""
        if text not in known:
            known[text] = described(text, codes)
        said = known[text]
        if not said.mentions and not said.idle:
            bare.append(shot)
            rows.append(_point(points, shot, None, codes) | {"note": text.strip() or None})
        for word, reading in said.doubtful:
            readings.setdefault(word, {}).setdefault(reading, []).append(shot)
        for verb in said.idle:
            drawing.report("F02", shot, f"`{verb}` in {text!r} is for no figure.")
        for mention in said.mentions:
            if mention.code in codes.ambiguous and mention.code not in codes.settled and mention.figure != mention.code:
                readings.setdefault(mention.code, {}).setdefault("feature", []).append(shot)
            begins = any(verb == "begin" for verb, _ in mention.controls)
            if mention.code is None:
                drawing.unknown.setdefault(mention.figure, []).append(shot)
            if (mention.code is None and not begins and mention.figure not in drawing.active) or (
                mention.code is not None and codes.feature[mention.code].geometry == "point"
            ):
                rows.append(_point(points, shot, mention, codes))
            else:
                drawing.take(shot, mention)
    drawing.finish()
    use = np.full(len(points), "reported", dtype=object)
    use[[row["_shot"] for row in rows]] = "point"
    made = _Made([], [])
    for figure in drawing.done:
        _draw(figure, drawing, made)
    use[sorted(drawing.used)] = "figure"
    findings = [*_reported(drawing), *_doubts(readings, points), *_uncoded(bare, points)]
    return Figures(
        _points_frame(rows, points),
        _figures_frame([row for row in made.rows if row["geometry"].geom_type == "LineString"], points),
        _figures_frame([row for row in made.rows if row["geometry"].geom_type == "Polygon"], points),
        _courses_frame(made.courses, points),
        pd.DataFrame({"use": pd.array(use, dtype="str")}, index=points.index),
        findings_frame([{"layer": layer, **finding} for finding in findings], crs=points.crs),
    )


class _Made(NamedTuple):
    rows: list[dict]
    courses: list[tuple[int, list[Course]]]


def _draw(figure: Figure, drawing: Drawing, made: _Made) -> None:
    """A finished figure and the lines beside it, added to what is made; what cannot be drawn is reported."""
    courses, places = courses_of(figure, drawing.report)
    if not courses:
        return
    drawing.used.update(vertex.shot for vertex in figure.vertices if vertex.shot is not None)
    feature = drawing.codes.feature.get(figure.code)
    wants_polygon = feature is not None and feature.geometry == "polygon"
    line = drawn(courses)
    geometry = shapely.LineString(line)
    if wants_polygon and figure.closed:
        polygon = shapely.Polygon(line) if len(line) > 3 else None
        if polygon is not None and polygon.is_valid and polygon.area > 0:
            geometry = polygon
        else:
            drawing.report("F06", figure.shot, f"{figure.name} crosses itself or bounds no ground; kept as a line.")
    elif wants_polygon:
        gap_ft = np.hypot(line[-1][0] - line[0][0], line[-1][1] - line[0][1])
        drawing.report("F03", figure.shot, f"{figure.name} is a polygon and was not closed: its ends are {gap_ft:.2f} ft apart.")
    elif figure.begun and not figure.ended and figure.method == "shots":
        drawing.report("F03", figure.shot, f"{figure.name} was begun but never ended; it ends with its last shot.", severity="info")
    made.rows.append(_row(figure, len(made.courses), courses, geometry, drawing.codes))
    made.courses.append((len(made.courses), courses))
    for offset in figure.offsets:
        some = [
            c for c, at in zip(courses, places, strict=True) if at >= offset.first and (offset.last is None or at < offset.last)
        ]
        if not some:
            drawing.report("F02", figure.shot, f"{figure.name}: nothing follows the offset {offset.right_ft:g} ft.")
            continue
        whole = figure.closed and len(some) == len(courses)
        try:
            beside = parallel(some, offset.right_ft, closed=whole)
        except ValueError as error:
            drawing.report("F02", figure.shot, f"{figure.name}: {error}")
            continue
        row = _row(figure, len(made.courses), beside, shapely.LineString(drawn(beside)), drawing.codes)
        row |= {"name": f"{figure.name}.H{offset.right_ft:g}", "method": "offset", "closed": whole}
        made.rows.append(row | {"offset_ft": offset.right_ft, "vertical_offset_ft": offset.up_ft})
        made.courses.append((len(made.courses), beside))


def _row(figure: Figure, number: int, courses: list[Course], geometry: shapely.Geometry, codes: FieldCodes) -> dict:
    shots = {vertex.shot for vertex in figure.vertices if vertex.shot is not None}
    row = {"figure": number, "name": figure.name, "method": figure.method, "closed": figure.closed, "ended": figure.ended}
    row |= {"offset_ft": np.nan, "vertical_offset_ft": np.nan, "shots": len(shots), "geometry": geometry, "_shot": figure.shot}
    row |= {"length_ft": sum(c.length_ft for c in courses), "area_sqft": area_sqft(courses) if figure.closed else np.nan}
    return row | _said(figure.code, tuple(figure.words), codes)


def _point(points: gpd.GeoDataFrame, shot: int, mention: Mention | None, codes: FieldCodes) -> dict:
    row = {"_shot": shot, "name": points["name"].iloc[shot], "geometry": points.geometry.iloc[shot]}
    if mention is None:
        return row
    if mention.code is None:
        return row | {"note": points["code"].iloc[shot]}
    return row | _said(mention.code, mention.words, codes)


def _said(code: str | None, words: tuple[str, ...], codes: FieldCodes) -> dict:
    """Code, layer, implied attributes, and the words by their names."""
    feature = codes.feature.get(code)
    if feature is None:
        return {"code": None, "layer": None, "note": " ".join(words) or None}
    said = {"code": code, "layer": feature.layer, **feature.attributes}
    if not feature.words:
        return said | {"note": " ".join(words) or None}
    last = len(feature.words) - 1
    named = dict(zip(feature.words[:last], words, strict=False))
    if rest := " ".join(words[last:]):
        named[feature.words[last]] = rest
    return said | named


def _reported(drawing: Drawing) -> list[dict]:
    rows = []
    for word, shots in drawing.unknown.items():
        message = f"{word!r} is no feature code ({len(shots):,} shots); kept without a layer."
        remedy = "Add it to the City's field_codes.toml as a [feature] table, or correct the code."
        rows.append(
            {"code": "F01", "rule": "unknown_code", "severity": "review", "feature": word, "message": message, "remedy": remedy}
        )
        rows[-1] |= {"measure": len(shots)} | _at(drawing.points, shots[0])
    for code, shot, message, severity in drawing.reports:
        rule, remedy = _RULES[code]
        row = {"code": code, "rule": rule, "severity": severity, "feature": _shot_name(drawing.points, shot), "message": message}
        rows.append(row | {"remedy": remedy} | _at(drawing.points, shot))
    return rows


_RULES = {
    "F02": ("control_unusable", "Correct the code in the point file, with the crew's notes beside it."),
    "F03": ("unfinished_figure", "Ask the crew whether a shot or an end code is missing."),
    "F05": (
        "curve_incomplete",
        "A curve needs three shots that are not on a line: add the missing one, or take the curve code away.",
    ),
    "F06": ("ring_crosses", "Look at the order of the shots and of the codes."),
}


def _doubts(readings: dict[str, dict[str, list[int]]], points: gpd.GeoDataFrame) -> list[dict]:
    rows = []
    for word, told in readings.items():
        if "control" not in told and len(points) and all(_numbered(points["code"].iloc[s], word) for s in told["feature"]):
            continue  # only ever with a number: there is nothing to ask
        counts = ", ".join(f"as a {reading} code in {len(shots):,} shots" for reading, shots in sorted(told.items()))
        first = min(told.get("control") or told["feature"])
        rows.append(
            {
                "code": "F04",
                "rule": "ambiguous_code",
                "severity": "error" if len(told) > 1 else "review",
                "feature": word,
                "measure": sum(len(shots) for shots in told.values()),
                "message": f"{word} is both a control and a feature code; read by its place {counts}.",
                "remedy": f'Ask the crew, then say so in the City\'s field_codes.toml: [settled] {word} = "control" or "feature".',
                **_at(points, first),
            }
        )
    return rows


def _numbered(text: str, word: str) -> bool:
    return word not in text.upper().split()


def _uncoded(bare: list[int], points: gpd.GeoDataFrame) -> list[dict]:
    if not bare:
        return []
    message = f"{len(bare):,} points have no code; kept as points without a layer."
    row = {"code": "F07", "rule": "no_code", "severity": "info", "message": message, "measure": len(bare)}
    return [row | {"remedy": "Nothing, if they are meant to be plain points."} | _at(points, bare[0])]


def _at(points: gpd.GeoDataFrame, shot: int) -> dict:
    source_ref = points["source_ref"].iloc[shot] if "source_ref" in points else None
    return {"source_ref": source_ref, "geometry": points.geometry.iloc[shot]}


def _shot_name(points: gpd.GeoDataFrame, shot: int) -> str:
    name = points["name"].iloc[shot]
    return str(points.index[shot]) if pd.isna(name) else name


def _points_frame(rows: list[dict], points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return _frame(rows, points, {"shot": None, "name": "str", "code": "str", "layer": "str"})


def _figures_frame(rows: list[dict], points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    numbers = {"offset_ft": float, "vertical_offset_ft": float, "shots": "int64", "length_ft": float, "area_sqft": float}
    text = {"name": "str", "code": "str", "layer": "str", "method": "str"}
    return _frame(rows, points, {"figure": "int64", **text, "closed": bool, "ended": bool, **numbers})


def _frame(rows: list[dict], points: gpd.GeoDataFrame, columns: dict) -> gpd.GeoDataFrame:
    """Rows as a frame: the columns given, the attributes that occur, what was noted, and where each row is from."""
    shots = [row["_shot"] for row in rows]
    own = {"_shot", "geometry", "note", *columns}
    attributes = {name: "str" for row in rows for name in row if name not in own}
    table = {}
    for name, dtype in {**columns, **attributes, "note": "str"}.items():
        values = points.index[shots] if name == "shot" else pd.Series([row.get(name) for row in rows], dtype=dtype)
        table[name] = values
    for name in ("source_id", "source_ref"):
        values = points[name].array[shots] if name in points else [None] * len(rows)
        table[name] = pd.Series(values, dtype="str")
    geometry = np.array([row["geometry"] for row in rows], dtype=object)
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(geometry, crs=points.crs))


def _courses_frame(made: list[tuple[int, list[Course]]], points: gpd.GeoDataFrame) -> pd.DataFrame:
    def label(shot: int | None) -> object:
        return None if shot is None else points.index[shot]

    rows = [
        {
            "figure": number,
            "course": place,
            "kind": "line" if course.centre is None else "curve",
            "from_shot": label(course.from_shot),
            "to_shot": label(course.to_shot),
            "start_easting": course.start[0],
            "start_northing": course.start[1],
            "end_easting": course.end[0],
            "end_northing": course.end[1],
            "length_ft": course.length_ft,
            "chord_ft": course.chord_ft,
            "azimuth_deg": azimuth_deg(course.start, course.end),
            "radius_ft": course.radius_ft,
            "delta_deg": float(np.degrees(abs(course.sweep_rad))),
            "hand": None if course.centre is None else "L" if course.sweep_rad > 0 else "R",
            "centre_easting": course.centre[0] if course.centre else np.nan,
            "centre_northing": course.centre[1] if course.centre else np.nan,
            "residual_ft": course.residual_ft,
        }
        for number, courses in made
        for place, course in enumerate(courses, 1)
    ]
    return pd.DataFrame(rows, columns=COURSES.split()).astype({"kind": "str", "hand": "str"})
