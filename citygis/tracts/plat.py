"""
One shape for a recorded map, whatever file it came in: lots as rings of shared courses between shared corners.

A course stands once, with the lot on its left and on its right. Whatever moves a corner moves both neighbours, so no fit of the map
to the ground can open a sliver between two of its own lots.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.cogo import (
    SAGITTA_FT,
    Closure,
    Course,
    arc_vertices,
    area_sqft,
    azimuth_between,
    closure,
    course_between,
    curve_course,
    line_course,
    reversed_courses,
    solve_curve,
)
from citygis.linework import Lots
from citygis.units import Unit

LOT_KINDS = ("lot", "road", "unnumbered", "unsettled")
"""
What a figure of a map is: a lot with its number, a road that the map calls so, ground without a number, or several numbers in one.
"""

_ROUNDED_FT, _ROUNDED_DEG = 0.0006, 0.51 / 3600
"""Half of the last place of a length and an angle on a map."""

_KINDS = {"lot": "lot", "unlabelled": "unnumbered", "several_labels": "unsettled", "outer_boundary": "unsettled"}


class Plat(NamedTuple):
    """
    A map as sent, in feet of the City's kind, not yet in its place.

    Attributes
    ----------
    name, source_id, format, method : str
        The file, its ``source_document``, what it is ("DXF", "LandXML", "plat table"), and the ``method`` of the City's layers.
    unit : Unit
        Of the file, before it was brought to feet.
    lots : DataFrame
        One row per figure: ``lot`` (number or letter, null without one), ``kind`` (one of `LOT_KINDS`), ``labels``,
        ``stated_area_sqft``, ``source_ref``.
    corners : array (n, 2)
        Easting and northing of each corner.
    edges : DataFrame
        One row per course: ``start``, ``end`` (rows of `corners`), ``kind`` (line, curve), ``delta_deg``, ``hand``, ``radius_ft``,
        ``left``, ``right`` (rows of `lots`, -1 for none), ``record_azimuth_deg``, ``record_length_ft``, ``record_radius_ft`` (as
        stated for the whole course, null where nothing is), ``text``, ``source_ref``.
    rings : DataFrame
        ``lot``, ``ring`` (0 the shell), ``position``, ``edge``, ``is_forward``; shells run clockwise.
    easements : GeoDataFrame
        Figures that are rights in others' land: ``name``, ``source_ref``, ``geometry`` in the coordinates of `corners`.
    lines : GeoDataFrame
        Other linework: ``role``, ``source_ref``, ``geometry``.
    points : DataFrame
        Named points: ``name``, ``easting``, ``northing``; ties may refer to them.
    crs : CRS or None
        What the file says of its system.
    findings : GeoDataFrame
        Of reading and closing it; places in the coordinates of `corners`.
    """

    name: str
    source_id: str
    format: str
    method: str
    unit: Unit
    lots: pd.DataFrame
    corners: np.ndarray
    edges: pd.DataFrame
    rings: pd.DataFrame
    easements: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    points: pd.DataFrame
    crs: CRS | None
    findings: gpd.GeoDataFrame


def graph_of(found: Lots) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame, pd.DataFrame]:
    """
    Lots, corners, edges and rings of a `Plat` from what linework made.

    Faces that are no land of the map (not a part, slivers, both told by findings of linework) are left out; edges keep
    ``handles``, ``drawn_length_ft`` and ``source_ref`` for whoever knows more of them.
    """
    faces, courses = found.polygons, found.courses
    kept = faces[faces["kind"].isin(_KINDS)].reset_index(drop=True)
    row_of = pd.Series(kept.index, index=kept["face"])
    lots = pd.DataFrame(
        {
            "lot": kept["lot"],
            "kind": kept["kind"].map(_KINDS),
            "labels": kept["labels"],
            "stated_area_sqft": np.nan,
            "source_ref": kept["source_ref"],
        }
    ).astype({"lot": "str", "kind": "str", "labels": "str", "source_ref": "str"})
    sides = {side: courses[f"{side}_face"].map(row_of).fillna(-1).astype("int64") for side in ("left", "right")}
    used = np.flatnonzero((sides["left"] >= 0) | (sides["right"] >= 0))
    ends = courses[["start_easting", "start_northing", "end_easting", "end_northing"]].to_numpy(dtype=float)[used]
    corners, number = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    number = number.reshape(-1, 2)
    taken = courses.iloc[used]
    edges = pd.DataFrame(
        {
            "start": number[:, 0],
            "end": number[:, 1],
            **{name: taken[name].to_numpy() for name in ("kind", "delta_deg", "hand", "radius_ft")},
            **{side: sides[side].to_numpy()[used] for side in ("left", "right")},
            **dict.fromkeys(("record_azimuth_deg", "record_length_ft", "record_radius_ft"), np.nan),
            "text": pd.Series(None, index=range(len(used)), dtype="str"),
            **{name: taken[name].to_numpy() for name in ("handles", "drawn_length_ft", "source_ref")},
        }
    )
    new = pd.Series(np.arange(len(used)), index=used)
    rings = found.rings[found.rings["face"].isin(kept["face"])]
    rings = pd.DataFrame(
        {
            "lot": rings["face"].map(row_of).to_numpy(),
            "ring": rings["ring"].to_numpy(),
            "position": rings["position"].to_numpy(),
            "edge": rings["course"].map(new).to_numpy(),
            "is_forward": rings["is_forward"].to_numpy(),
        }
    )
    return lots, corners, edges, rings.sort_values(["lot", "ring", "position"], ignore_index=True)


def rings_of(rings: pd.DataFrame) -> dict[int, list[list[tuple[int, bool]]]]:
    """For each lot its rings, the shell first, each the (edge, is_forward) of its courses in order."""
    found: dict[int, list[list[tuple[int, bool]]]] = {}
    for (lot, _), ring in rings.groupby(["lot", "ring"], sort=True):
        found.setdefault(int(lot), []).append(list(zip(ring["edge"].tolist(), ring["is_forward"].tolist(), strict=True)))
    return found


def edge_courses(edges: pd.DataFrame, corners: np.ndarray) -> list[Course]:
    """
    The course of each edge between its corners where these are; an arc keeps its radius, and what it turns follows from its chord.

    An arc whose chord has become longer than its diameter keeps what it turns instead.
    """
    made = []
    columns = (edges[name].tolist() for name in ("start", "end", "kind", "hand", "radius_ft", "delta_deg", "text"))
    for start, end, kind, hand, radius, delta, text in zip(*columns, strict=True):
        a, b = corners[start], corners[end]
        told = text if isinstance(text, str) else ""
        if kind == "line":
            made.append(course_between(a, b, text=told))
            continue
        chord = math.dist(a, b)
        if chord > 2 * radius * (1 - 1e-12):
            curve = solve_curve(chord_ft=chord, delta_deg=delta)
            made.append(curve_course(curve, hand, azimuth_deg=float(azimuth_between(a, b)), basis="CALCULATED", text=told))
        else:
            made.append(course_between(a, b, hand=hand, radius_ft=radius, major=delta > 180, text=told))
    return made


def ring_courses(ring: Sequence[tuple[int, bool]], courses: Sequence[Course]) -> tuple[Course, ...]:
    """The courses of a ring in its direction."""
    return tuple(courses[edge] if forward else reversed_courses([courses[edge]])[0] for edge, forward in ring)


def exact_areas_sqft(plat: Plat, courses: Sequence[Course]) -> np.ndarray:
    """Area of each lot from its courses, exact on arcs, holes taken out."""
    areas = np.zeros(len(plat.lots))
    for lot, (shell, *holes) in rings_of(plat.rings).items():
        areas[lot] = area_sqft(ring_courses(shell, courses)) - sum(area_sqft(ring_courses(hole, courses)) for hole in holes)
    return areas


def edge_chains(courses: Sequence[Course], edges: pd.DataFrame, corners: np.ndarray) -> list[np.ndarray]:
    """Vertices that stand for each edge, from its start to its end, within `citygis.cogo.SAGITTA_FT`."""
    return [
        np.array([corners[a], corners[b]])
        if course.kind == "line"
        else arc_vertices(corners[a], corners[b], course.delta_deg, course.hand, sagitta_ft=SAGITTA_FT)
        for course, a, b in zip(courses, edges["start"].tolist(), edges["end"].tolist(), strict=True)
    ]


def lot_polygons(plat: Plat, chains: Sequence[np.ndarray]) -> np.ndarray:
    """The polygon of each lot from the vertices of its edges."""
    made = np.full(len(plat.lots), None, dtype=object)
    for lot, rings in rings_of(plat.rings).items():
        shell, *holes = [
            np.vstack([(chains[edge] if forward else chains[edge][::-1])[:-1] for edge, forward in ring]) for ring in rings
        ]
        made[lot] = shapely.Polygon(shell, holes)
    return made


def record_courses(plat: Plat, courses: Sequence[Course]) -> list[Course]:
    """
    The courses as the map states them; where it states nothing of one, that of its own coordinates, given in `courses`.

    The chord of a curve follows from its stated length and radius. Its direction is that of the coordinates unless stated.
    """
    made = []
    stated = plat.edges[["record_azimuth_deg", "record_length_ft", "record_radius_ft", "delta_deg"]].to_numpy(dtype=float)
    for course, (azimuth, length, radius, delta) in zip(courses, stated, strict=True):
        if not (math.isfinite(length) and length > 0):
            made.append(course)
            continue
        direction = azimuth if math.isfinite(azimuth) else course.azimuth_deg
        if course.kind == "line":
            made.append(line_course(direction, length, text=course.text))
            continue
        radius = radius if math.isfinite(radius) and radius > 0 else course.radius_ft
        if length >= 2 * math.pi * radius:
            made.append(course)
            continue
        curve = solve_curve(radius_ft=radius, arc_ft=length)
        if abs(math.radians(delta) * radius - length) <= _ROUNDED_FT + math.radians(_ROUNDED_DEG) * radius:
            # A length rounded to the thousandth would turn a short arc by seconds more than the map says.
            curve = curve._replace(delta_deg=delta)
        made.append(curve_course(curve, course.hand, azimuth_deg=direction, text=course.text))
    return made


def record_closures(plat: Plat, records: Sequence[Course]) -> list[Closure]:
    """How the shell of each lot closes by its courses of record."""
    found = rings_of(plat.rings)
    return [closure(ring_courses(found[lot][0], records)) for lot in range(len(plat.lots))]


_PREFIX = re.compile(r"^\s*(?:LOT|PARCEL|PROPERTY|STANDARD)?\s*[:#.\-]?\s*(\S.*?)\s*$", re.IGNORECASE)


def lot_number(name: str | None) -> str | None:
    """The number in a name of a lot: "Lot 12", "PROPERTY : 12" and "12" are all 12; capitals, at most 12 letters."""
    found = _PREFIX.match(name or "")
    return found[1].upper()[:12] if found else None
