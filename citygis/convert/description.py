"""
A legal description laid on the ground where a person says it begins, as City rows: the land, and its courses of record.

The courses stay as the document states them; the polygon is derived from them. Nothing is fitted and nothing adjusted: what the
description does not close by is taken up by its last course, and the residuals of every course say so.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike

from citygis.city import City
from citygis.cogo import Course, closure, corners, format_angle, format_bearing, standing_for, strip_along, turn, vertices
from citygis.convert.conversion import Conversion, convert
from citygis.convert.crosswalk import Crosswalk, FieldMap
from citygis.errors import ReadError
from citygis.findings import findings_frame, join_findings
from citygis.readers.deed import Deed, DeedParcel

AGENCY = "legal description"
LAYERS = ("parcel", "easement")
"""What a description can become."""

_TYPES = {"parcel": "DEED", "easement": "EASEMENT_DEED", "boundary_line": "DEED"}
_LEAST_FT = 1e-6


class PlacedDeed(NamedTuple):
    """
    A description as City rows.

    ``land``: the conversion of the one feature. ``lines``: the conversion of its courses (of a strip, of its centreline) into
    boundary_line. ``findings``: of the description, of both conversions, and Q01 for bearings taken as grid bearings, Q02 for
    a misclosure taken up by the last course, Q03 for sidelines that the text ends elsewhere.
    """

    land: Conversion
    lines: Conversion
    findings: gpd.GeoDataFrame


def placed_deed(
    deed: Deed,
    layer: str,
    *,
    city: City,
    source_id: str,
    start: ArrayLike,
    starts_at: str = "beginning",
    parcel: str | None = None,
    rotation_deg: float | None = None,
    scale: float = 1.0,
    values: Mapping[str, str | float | int | bool] | None = None,
) -> PlacedDeed:
    """
    A description on the ground.

    Parameters
    ----------
    deed : Deed
        Of `citygis.readers.deed.read_deed`.
    layer : {"parcel", "easement"}
    city : City
    source_id : str
        ``doc_id`` of the text's row of source_document.
    start : array (2,)
        Easting and northing in the City's feet.
    starts_at : {"beginning", "commencement"}
        What lies there: the point of beginning, or the point from which ties lead to it.
    parcel : str, optional
        Which parcel of the description, where it has several or excepts land; what is excepted is then not taken out.
    rotation_deg : float, optional
        Added to a bearing of record it gives the grid azimuth. None takes them for grid bearings, which is finding Q01.
    scale : float
        Grid length over length of record: the combined factor where the record's lengths are on the ground.
    values : mapping of City field to value, optional
        What a person says of it: ``apn`` for a parcel, ``easement_id`` and ``purpose`` for an easement.

    Returns
    -------
    PlacedDeed

    Raises
    ------
    ReadError
        If the description has no such parcel, leaves a call open, does not come back, or has several parcels or exceptions and none
        is named.
    ValueError
        If `layer`, `starts_at`, `start`, `rotation_deg` or `scale` is not one.
    """
    place = np.asarray(start, dtype=float)
    if layer not in LAYERS:
        raise ValueError(f"Invalid layer {layer!r}. Must be one of {', '.join(LAYERS)}.")
    if starts_at not in ("beginning", "commencement"):
        raise ValueError(f"Invalid starts_at {starts_at!r}. Must be beginning or commencement.")
    if place.shape != (2,) or not np.isfinite(place).all():
        raise ValueError(f"Invalid start {start!r}. Must be an easting and a northing in the City's feet.")
    if not 0.99 < scale < 1.01:
        raise ValueError(f"Invalid scale {scale!r}. Must be near 1, as 0.999934: a change of unit is not a scale.")
    if not np.isfinite(rotation_deg or 0.0):
        raise ValueError(f"Invalid rotation_deg {rotation_deg!r}. Must be a finite number of degrees.")
    figure = _chosen(deed, parcel)
    if starts_at == "commencement":
        tie = next((p for p in deed.parcels if p.role == "tie" and p.name == figure.name), None)
        if tie is None or tie.unresolved or not tie.courses:
            raise ReadError("The description has no ties that could be followed. State where the point of beginning is.")
        place = corners(_on_grid(tie.courses, rotation_deg, scale), place)[-1]
    courses = _on_grid(figure.courses, rotation_deg, scale)
    places = corners(courses, place)
    told = [] if rotation_deg is not None else [_taken_as_grid(layer, figure, place)]
    if figure.role == "strip":
        polygon, told = _strip(figure, courses, place, scale, told)
    else:
        polygon, places, told = _loop(figure, courses, places, told)
    row = _land_row(deed, figure, layer, polygon, city, source_id, values or {})
    land = convert(row, layer, crosswalk=_walk(layer, row), city=city)
    on_right = str(land.layer["global_id"].iloc[0]) if layer == "parcel" and len(land.layer) and figure.role != "strip" else None
    rows = _line_rows(figure, courses, places, city, source_id, rotation_deg or 0.0, scale, on_right)
    lines = convert(rows, "boundary_line", crosswalk=_walk("boundary_line", rows), city=city)
    own = findings_frame(told, crs=city.crs)
    found = [gpd.GeoDataFrame(deed.findings.drop(columns="geometry"), geometry=[None] * len(deed.findings), crs=city.crs)]
    return PlacedDeed(land, lines, join_findings([*found, land.findings, lines.findings, own], crs=city.crs))


def _chosen(deed: Deed, name: str | None) -> DeedParcel:
    """The one figure that is meant, if it can be drawn."""
    figures = [figure for figure in deed.parcels if figure.role in ("boundary", "strip")]
    excepted = [figure for figure in deed.parcels if figure.role == "exception"]
    # What is excepted without courses of its own is only a finding.
    in_words = (deed.findings["code"] == "L18") & (deed.findings["other"] == "exception")
    excepts = bool(excepted) or bool(in_words.any())
    names = ", ".join(figure.name for figure in figures)
    if not figures:
        raise ReadError("The description has no boundary and no strip that could be drawn. Look at its findings.")
    if name is None and (len(figures) > 1 or excepts):
        why = f"has {len(figures)} parcels ({names})" if len(figures) > 1 else "excepts land, which is not taken out"
        raise ReadError(f"The description {why}. Name the one that is meant with --parcel ({names}).")
    if name is not None and name not in [figure.name for figure in figures]:
        raise ReadError(f"The description has no parcel {name!r}. It has: {names}.")
    figure = next(figure for figure in figures if name in (None, figure.name))
    if figure.unresolved:
        calls = ", ".join(map(str, figure.unresolved))
        raise ReadError(
            f"Parcel {figure.name}: call {calls} has no direction or length in numbers, so it cannot be drawn. Write them into the"
            " text, in brackets, and say who found them where."
        )
    if figure.role == "boundary" and figure.closure is None:
        raise ReadError(f"Parcel {figure.name} does not come back to its point of beginning. Look at its findings.")
    if figure.role == "strip" and (figure.left_ft is None or figure.right_ft is None):
        raise ReadError(f"Parcel {figure.name} is a strip whose width is not stated, or stated twice. Look at its findings.")
    return figure


def _on_grid(courses: tuple[Course, ...], rotation_deg: float | None, scale: float) -> tuple[Course, ...]:
    if not rotation_deg and scale == 1:
        return courses
    turned = rotation_deg or 0.0
    return tuple(standing_for(c, c.azimuth_deg + turned, c.distance_ft * scale, basis="CALCULATED") for c in courses)


def _loop(
    figure: DeedParcel, courses: tuple[Course, ...], places: np.ndarray, told: list[dict]
) -> tuple[shapely.Polygon, np.ndarray, list[dict]]:
    gap = closure(courses)
    places = places.copy()
    places[-1] = places[0]
    if gap.misclosure_ft >= _LEAST_FT:
        told = [*told, _taken_up(figure, gap, places[0])]
    return shapely.Polygon(vertices(courses, places=places)), places, told


def _strip(figure: DeedParcel, courses: tuple[Course, ...], place: np.ndarray, scale: float, told: list[dict]):
    try:
        made = strip_along(courses, place, left_ft=figure.left_ft * scale, right_ft=figure.right_ft * scale)
    except ValueError as error:
        raise ReadError(f"Parcel {figure.name}: its sidelines cannot be drawn: {error}") from None
    if figure.sidelines:
        message = f"Its sidelines were ended square to the centreline. The text says: {figure.sidelines[:200]}"
        told = [
            *told,
            _finding("Q03", "sidelines", "review", figure, message, "Prolong or shorten them to the lines that it names.", place),
        ]
    ring = corners(made.courses, made.start)
    ring[-1] = ring[0]
    return shapely.Polygon(vertices(made.courses, places=ring)), told


def _land_row(
    deed: Deed, figure: DeedParcel, layer: str, polygon: shapely.Polygon, city: City, source_id: str, values: Mapping
) -> gpd.GeoDataFrame:
    row: dict = {"method": "COGO", "accuracy_basis": "UNKNOWN"}
    if layer == "parcel":
        gap = closure(figure.courses)
        row |= {"misclose_ft": gap.misclosure_ft, "misclose_ratio": gap.closure_ratio if np.isfinite(gap.closure_ratio) else None}
        if figure.stated_areas:
            row |= {"stated_area": figure.stated_areas[0].area_sqft, "stated_area_unit": "SQFT"}
        text = " ".join(deed.text.split())
        row["legal_text"] = text if len(text) <= city.schema.layer("parcel").field("legal_text").length else None
    elif figure.role == "strip":
        left, right = figure.left_ft, figure.right_ft
        row |= {
            "width_ft": left + right,
            "strip_side": "CENTERED" if left == right else "LEFT" if not right else "RIGHT" if not left else "IRREGULAR",
        }
    if layer == "easement":
        row["doc_id"] = source_id
    # What a person says goes before what the text does; it is converted like anything that is sent, the parcel number spelt.
    row |= dict(values)
    row |= {"source_id": source_id, "source_ref": f"parcel {figure.name}, calls {figure.calls[0]}-{figure.calls[-1]}"}
    return gpd.GeoDataFrame(pd.DataFrame([row]), geometry=gpd.array.from_shapely([polygon], crs=city.crs))


def _walk(layer: str, rows: gpd.GeoDataFrame) -> Crosswalk:
    names = [name for name in rows.columns if name not in ("geometry", "source_id", "source_ref")]
    fields = {name: FieldMap.model_validate({"from": name}) for name in names}
    return Crosswalk(agency=AGENCY, layer=layer, document={"doc_type": _TYPES[layer]}, fields=fields)


def _line_rows(
    figure: DeedParcel, courses: tuple[Course, ...], places: np.ndarray, city: City, source_id: str,
    rotation_deg: float, scale: float, on_right: str | None,
) -> gpd.GeoDataFrame:  # fmt: skip
    """The courses of record; geometry as the polygon has it, so that residuals are what the last course takes up."""
    steps = np.diff(places, axis=0)
    lengths = np.hypot(*steps.T)
    azimuths = np.degrees(np.arctan2(*steps.T)) % 360
    # The land lies on the right of a loop that is travelled clockwise.
    clockwise = not shapely.LinearRing(places[:-1]).is_ccw if len(places) > 3 else True
    rows = []
    for n, (record, laid) in enumerate(zip(figure.courses, courses, strict=True)):
        curved = record.kind != "line"
        rows.append(
            {
                "line_id": f"{source_id[:8]}-{figure.name}-{figure.calls[n]}",
                "direction_az": laid.azimuth_deg,
                "distance_ft": record.distance_ft,
                "radius_ft": record.radius_ft,
                "arc_length_ft": record.arc_ft,
                "curve_side": record.hand,
                "delta_dms": format_angle(record.delta_deg) if curved else None,
                "bearing_text": format_bearing(record.azimuth_deg),
                "is_ground": True if scale != 1 else None,
                "scale": scale,
                "rotation": rotation_deg,
                "line_kind": "RECORD",
                "left_parcel": None if clockwise else on_right,
                "right_parcel": on_right if clockwise else None,
                "residual_dist_ft": laid.distance_ft - lengths[n],
                "residual_dir_sec": turn(azimuths[n], laid.azimuth_deg) * 3600,
                "method": "COGO",
                "accuracy_basis": "UNKNOWN",
                "source_id": source_id,
                "source_ref": f"call {figure.calls[n]}",
            }
        )
    shapes = [shapely.LineString(vertices([laid], places=places[n : n + 2])) for n, laid in enumerate(courses)]
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=gpd.array.from_shapely(shapes, crs=city.crs))


def _taken_as_grid(layer: str, figure: DeedParcel, place: np.ndarray) -> dict:
    message = "No rotation was stated: the bearings of record were taken for grid bearings."
    remedy = "Compare a line of the record with the City's, and state the turn between them with --rotation (0 if there is none)."
    return _finding("Q01", "basis_of_bearings", "review", figure, message, remedy, place)


def _taken_up(figure: DeedParcel, gap, place: np.ndarray) -> dict:
    message = f"The description misses its beginning by {gap.misclosure_ft:.3f} ft; the last course takes it up in the drawing."
    remedy = "Nothing, where rounding explains it; otherwise compare the calls with the record map."
    told = _finding("Q02", "misclosure_taken_up", "info" if gap.misclosure_ft < 0.05 else "review", figure, message, remedy, place)
    return told | {"measure": gap.misclosure_ft, "unit": "ft", "tolerance": 0.05}


def _finding(code: str, rule: str, severity: str, figure: DeedParcel, message: str, remedy: str, place: np.ndarray) -> dict:
    return {
        "code": code, "rule": rule, "severity": severity, "layer": "boundary_line", "feature": figure.name, "message": message,
        "remedy": remedy, "source_ref": f"parcel {figure.name}", "geometry": shapely.Point(*place),
    }  # fmt: skip
