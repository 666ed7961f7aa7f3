"""
Rows of a LandXML file: parcels, courses and observations, what is stated beside what the coordinates say.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely

from citygis.cogo import Course, format_angle, format_bearing
from citygis.readers.landxml_axis import ORIGINS, Settled, easting_northing
from citygis.readers.landxml_document import Document, Place, degrees, number, sqft_per_unit
from citygis.readers.landxml_figures import Figure, Segment
from citygis.readers.landxml_outlines import Outline, area_of, perimeter_of, polygon_of
from citygis.readers.landxml_survey import Observation, azimuth_deg

ROLES = {"lot": "lot", "road": "road", "easement": "easement"}
"""Kinds of parcels by ``class``. ICSM ePlan protocol, parcel classes; others are ``other``."""

_MOST_OF = 0.5


def parcel_rows(outlines: Sequence[Outline], document: Document, order: str, feet: float) -> pd.DataFrame:
    """
    One row per parcel, as `landxml.LandXML.parcels` describes them.

    A parcel that is made of others has their geometry and the sum of their areas.
    """
    made = {outline.figure.ref: (polygon_of(outline), area_of(outline), perimeter_of(outline)) for outline in outlines}
    by_name = {outline.figure.name: outline.figure.ref for outline in reversed(outlines)}
    per_unit = sqft_per_unit(document.units)
    rows = []
    for outline in outlines:
        figure = outline.figure
        polygon, area, perimeter = made[figure.ref]
        if figure.parts_of and not outline.loops:
            parts = [made[by_name[name]] for name in figure.parts_of if name in by_name]
            if len(parts) == len(figure.parts_of) and all(one is not None for one, _, _ in parts):
                polygons = [piece for one, _, _ in parts for piece in getattr(one, "geoms", [one])]
                polygon, area, perimeter = shapely.MultiPolygon(polygons), sum(p[1] for p in parts), sum(p[2] for p in parts)
        stated = number(figure.stated.get("area"))
        center = easting_northing(figure.center, order) if figure.center else (np.nan, np.nan)
        sent = figure.stated.get("class")
        rows.append(
            {
                "source_ref": figure.ref,
                "name": figure.name,
                "class_sent": sent,
                "state": figure.stated.get("state"),
                "kind": ROLES.get(sent.strip().lower(), "other") if sent else "unstated",
                "desc": figure.stated.get("desc"),
                "parent": figure.parent,
                "stated_area_sqft": stated * per_unit if stated is not None and per_unit else np.nan,
                "computed_area_sqft": area if area is not None else np.nan,
                "perimeter_ft": perimeter,
                "center_easting": center[0],
                "center_northing": center[1],
                "geometry": polygon,
            }
        )
    columns = ["source_ref", "name", "class_sent", "state", "kind", "desc", "parent", "stated_area_sqft", "computed_area_sqft"]
    columns += ["perimeter_ft", "center_easting", "center_northing", "geometry"]
    table = _typed(pd.DataFrame(rows, columns=columns), columns[:7])
    whole = np.array([_is_multipart(outline.figure) for outline in outlines], dtype=bool)
    parts = {by_name.get(name) for outline in outlines if _is_multipart(outline.figure) for name in outline.figure.parts_of}
    table.loc[table["source_ref"].isin(parts), "kind"] = "part"
    table["kind"] = table["kind"].where(whole, _with_outer_boundaries(table))
    table.loc[_containers(outlines, table), "kind"] = "container"
    return table


def _containers(outlines: Sequence[Outline], table: pd.DataFrame) -> np.ndarray:
    """
    Parcels without courses of their own that hold closed ones, which are their land. A lot that only holds an easement is none, nor
    is any other parcel that only holds those of another class: it would be lost.
    """
    found = np.zeros(len(table), dtype=bool)
    kinds, drawn = table["kind"].tolist(), table["geometry"].notna().tolist()
    held: dict[str, set[str]] = {}
    # Nested parcels stand behind the one that holds them.
    for n in range(len(table) - 1, -1, -1):
        figure = outlines[n].figure
        inside = held.get(figure.ref, set())
        claims = kinds[n] in ROLES.values()
        if not figure.parts and not figure.parts_of:
            found[n] = kinds[n] in inside if claims else bool(inside - {"easement"})
        if figure.parent is not None and (drawn[n] or found[n]):
            held.setdefault(figure.parent, set()).update(inside if found[n] else {kinds[n]})
    return found


def _is_multipart(figure: Figure) -> bool:
    """A lot of several parts in the plan profile: the lot is the whole, and its parts are none."""
    return bool(figure.parts_of) and figure.stated.get("parcelType", "").strip().lower() == "multipart"


def _with_outer_boundaries(table: pd.DataFrame) -> pd.Series:
    """``outer_boundary`` for a parcel that two or more others fill at least half of: it is around the lots, not one of them."""
    kinds, shapes = table["kind"].copy(), table["geometry"].to_numpy(dtype=object)
    able = np.flatnonzero([shape is not None and shape.is_valid for shape in shapes])
    if len(able) < 3:
        return kinds
    within = np.array([shapes[n].representative_point() for n in able], dtype=object)
    holder, held = shapely.STRtree(within).query(shapes[able], predicate="contains")
    apart = holder != held
    areas = shapely.area(shapes[able])
    smaller = apart & (areas[held] < areas[holder])
    lots = ~table["kind"].iloc[able].isin(["easement", "other", "part"]).to_numpy()
    counted = smaller & lots[held]
    share = np.bincount(holder[counted], areas[held[counted]], minlength=len(able)) / areas
    many = np.bincount(holder[counted], minlength=len(able)) >= 2
    outer = able[many & (share >= _MOST_OF)]
    kinds.iloc[outer] = "outer_boundary"
    return kinds


def course_rows(outlines: Sequence[Outline], survey: Sequence[Observation], axis: Settled, feet: float) -> pd.DataFrame:
    """One row per course, as `landxml.LandXML.courses` describes them, in the order of the figures."""
    said = _by_ends(survey)
    rows, lines = [], []
    for outline in outlines:
        number_of = 0
        for loop in outline.loops:
            for segment, course, vertices in zip(loop.segments, loop.courses, loop.vertices, strict=True):
                number_of += 1
                rows.append(_course_row(outline, loop.part, number_of, segment, course, said, axis, feet))
                lines.append(vertices)
    columns = [
        "line_id", "source_ref", "of", "part", "course", "kind", "direction_az", "distance_ft", "radius_ft", "arc_length_ft",
        "radius2_ft", "curve_side", "delta_deg", "delta_dms", "bearing_text", "line_kind", "chord_ft", "stated_azimuth_deg",
        "stated_length_ft", "stated_radius_ft", "stated_by", "start_ref", "end_ref", "record_text",
    ]  # fmt: skip
    texts = ["line_id", "source_ref", "of", "kind", "curve_side", "delta_dms", "bearing_text", "line_kind", "stated_by"]
    table = _typed(pd.DataFrame(rows, columns=columns), [*texts, "start_ref", "end_ref", "record_text"])
    floats = [name for name in columns if name.endswith(("_ft", "_deg", "_az"))]
    table = table.astype({**dict.fromkeys(floats, "float64"), "part": "int64", "course": "int64"})
    number_of_line = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    table["geometry"] = shapely.linestrings(np.vstack([np.empty((0, 2)), *lines]), indices=number_of_line)
    return table


def _course_row(
    outline: Outline, part: int, position: int, segment: Segment, course: Course, said: dict, axis: Settled, feet: float
) -> tuple:  # fmt: skip
    length, radius = number(segment.stated.get("length")), number(segment.stated.get("radius"))
    azimuth = stated_azimuth(segment.stated.get("dir"), axis)
    observed, stated_by = None, None
    if not segment.is_natural and segment.start.ref and segment.end.ref:
        observed, turned = said.get((segment.start.ref, segment.end.ref)) or (None, 0.0)
    if observed is not None and length is None:
        stated_by = observed.ref
        length = observed.arc if observed.kind == "arc" else observed.distance
        radius = radius if radius is not None else observed.radius
        if azimuth is None:
            azimuth = _reduced(observed, axis)
            azimuth = None if azimuth is None else (azimuth + turned) % 360
    is_curve = course.kind != "line"
    return (
        f"{outline.figure.ref}#{position}", outline.figure.ref, outline.figure.of, part, position, course.kind, course.azimuth_deg,
        course.distance_ft, course.radius_ft, course.arc_ft, course.end_radius_ft, course.hand, course.delta_deg,
        format_angle(course.delta_deg) if is_curve else None, format_bearing(course.azimuth_deg), course.basis,
        course.distance_ft, azimuth, length * feet if length is not None else None,
        radius * feet if radius is not None else None, stated_by, segment.start.ref, segment.end.ref, segment.text,
    )  # fmt: skip


def observation_rows(survey: Sequence[Observation], axis: Settled, feet: float) -> pd.DataFrame:
    """
    One row per observation.

    Returns
    -------
    DataFrame
        ``source_ref``, ``kind`` (``raw``, ``reduced``, ``arc``), ``setup``, ``target``, ``azimuth_deg`` (from north, of the
        chord of an arc; null where its notation is not known), ``distance_ft`` (horizontal, the chord of an arc), ``radius_ft``,
        ``arc_length_ft``, ``curve_side``, ``grid_factor`` (grid over ground, where the file states it), ``purpose``,
        ``miss_ft``: how far from the target's place the observation leads, and the line between the two places as ``geometry``,
        null where one is not placed.
    """
    rows = []
    for observation in survey:
        azimuth = _reduced(observation, axis)
        distance = observation.distance
        factor = number(observation.stated.get("distanceAdoptionFactor"))
        line, miss = None, None
        if observation.start and observation.end and observation.start[:2] != observation.end[:2]:
            ends = [easting_northing(place, axis.order) for place in (observation.start, observation.end)]
            line = shapely.LineString(ends)
            if azimuth is not None and distance is not None:
                grid = distance * (factor or 1.0)
                reached = ends[0][0] + grid * math.sin(math.radians(azimuth)), ends[0][1] + grid * math.cos(math.radians(azimuth))
                miss = math.dist(reached, ends[1]) * feet
        rows.append(
            (
                observation.ref, observation.kind, observation.setup, observation.target, azimuth, _feet(distance, feet),
                _feet(observation.radius, feet), _feet(observation.arc, feet), observation.hand, factor,
                observation.stated.get("desc"), miss, line,
            )
        )  # fmt: skip
    columns = ["source_ref", "kind", "setup", "target", "azimuth_deg", "distance_ft", "radius_ft", "arc_length_ft", "curve_side"]
    columns += ["grid_factor", "purpose", "miss_ft", "geometry"]
    table = _typed(pd.DataFrame(rows, columns=columns), ["source_ref", "kind", "setup", "target", "curve_side", "purpose"])
    floats = ["azimuth_deg", "distance_ft", "radius_ft", "arc_length_ft", "grid_factor", "miss_ft"]
    return table.astype(dict.fromkeys(floats, "float64"))


def stated_azimuth(text: str | None, axis: Settled) -> float | None:
    """A direction as written, in degrees from north."""
    value = degrees(text, axis.directions.notation)
    return None if value is None else (value + ORIGINS[axis.directions.origin]) % 360


def _reduced(observation: Observation, axis: Settled) -> float | None:
    azimuth = azimuth_deg(observation, axis.directions.notation)
    return None if azimuth is None else (azimuth + ORIGINS[axis.directions.origin]) % 360


def _by_ends(survey: Sequence[Observation]) -> dict[tuple[str, str], tuple[Observation, float]]:
    """Observations by the names of the two points, both ways; the first of several."""
    found: dict[tuple[str, str], tuple[Observation, float]] = {}
    for observation in survey:
        start, end = _name(observation.start), _name(observation.end)
        if start and end and observation.kind != "raw":
            found.setdefault((start, end), (observation, 0.0))
            found.setdefault((end, start), (observation, 180.0))
    return found


def _name(place: Place | None) -> str | None:
    return place.ref if place else None


def _feet(value: float | None, feet: float) -> float | None:
    return None if value is None else value * feet


def _typed(table: pd.DataFrame, texts: Sequence[str]) -> pd.DataFrame:
    return table.astype(dict.fromkeys(texts, "str"))
