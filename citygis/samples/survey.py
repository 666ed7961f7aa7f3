"""The surveyed record: every course of the lots with its bearing, distance and curve, and the monuments at their ends."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.drafting import Arc
from citygis.samples.fabric import Fabric
from citygis.samples.layers import Sources, city_layer

_MONUMENTS = ('3/4" iron pipe', '1" iron pipe', "Brass disc in concrete", "Nail and tag in curb", '5/8" rebar')


def boundary_lines(fabric: Fabric, face_ids: dict[int, str], sources: Sources) -> gpd.GeoDataFrame:
    """
    The boundary_line layer: a row for each course that bounds a lot.

    Parameters
    ----------
    fabric : Fabric
    face_ids : dict of face to str
        ``global_id`` of the parcel on each lot.
    sources : array of str
        ``source_id`` of each face.

    Returns
    -------
    GeoDataFrame
        Numbers are worked out from the rounded ends, so that they give the polygons back: azimuth and length of a line or of a
        curve's chord, radius, and the arc and angle that follow from chord and radius.
    """
    courses = [course for course in fabric.courses if course.left in face_ids or course.right in face_ids]
    starts, ends = (np.array([course.points[k] for course in courses]) for k in (0, -1))
    delta_e, delta_n = (ends - starts).T
    chord = np.hypot(delta_e, delta_n)
    azimuth = np.degrees(np.arctan2(delta_e, delta_n)) % 360
    radius = np.array([course.curve.radius if isinstance(course.curve, Arc) else np.nan for course in courses])
    angle = 2 * np.arcsin(np.clip(chord / (2 * radius), 0, 1))
    side = [("L" if course.curve.sweep > 0 else "R") if isinstance(course.curve, Arc) else None for course in courses]
    owner = [course.left if course.left in face_ids else course.right for course in courses]
    return city_layer(
        "boundary_line",
        {
            "line_id": [f"BL-{k:06d}" for k in range(1, len(courses) + 1)],
            "direction_az": azimuth,
            "distance_ft": chord,
            "radius_ft": radius,
            "arc_length_ft": radius * angle,
            "curve_side": side,
            "delta_dms": [None if np.isnan(a) else dms(math.degrees(a)) for a in angle],
            "bearing_text": [bearing(a) for a in azimuth],
            "is_ground": False,
            "line_kind": ["NATURAL" if course.role == "bank" else "RECORD" for course in courses],
            "left_parcel": [face_ids.get(course.left) for course in courses],
            "right_parcel": [face_ids.get(course.right) for course in courses],
        },
        np.array([shapely.linestrings(course.points) for course in courses]),
        sources=np.asarray(sources, dtype=object)[owner],
    )


def corners(lines: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """The corner layer: one at every end of a course, where it was first surveyed; found, set or computed."""
    ends = shapely.get_point(np.repeat(lines.geometry.to_numpy(), 2), np.tile([0, -1], len(lines)))
    table = pd.DataFrame(shapely.get_coordinates(ends), columns=["e", "n"])
    table["source"] = np.repeat(lines["source_id"].to_numpy(dtype=object), 2)
    table = table.drop_duplicates(["e", "n"], ignore_index=True)
    kinds = rng.choice(["FOUND", "SET", "CALC"], len(table), p=[0.2, 0.5, 0.3])
    monuments = rng.choice(_MONUMENTS, len(table))
    is_calc = kinds == "CALC"
    return city_layer(
        "corner",
        {
            "corner_id": [f"M-{k:05d}" for k in range(1, len(table) + 1)],
            "kind": kinds,
            "monument": np.where(is_calc, None, monuments),
            "tag": np.where(kinds == "SET", "LS 0000", None),
            "n_ft": table["n"],
            "e_ft": table["e"],
            "datum": "NAD83(2011)",
            "epoch": 2010.0,
        },
        shapely.points(table[["e", "n"]].to_numpy()),
        sources=table["source"].to_numpy(),
    )


def dms(degrees: float) -> str:
    """An angle as degrees, minutes and whole seconds; 60 seconds are carried."""
    total = round(degrees * 3600)
    return f"{total // 3600}°{total // 60 % 60:02d}'{total % 60:02d}\""


def bearing(azimuth: float) -> str:
    """Quadrant text of an azimuth, N 45°30'15" E."""
    north, east = azimuth <= 90 or azimuth >= 270, azimuth <= 180
    angle = azimuth if north and east else 180 - azimuth if east else azimuth - 180 if not north else 360 - azimuth
    return f"{'N' if north else 'S'} {dms(angle)} {'E' if east else 'W'}"
