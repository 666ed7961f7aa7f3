"""
The courses a sheet is dimensioned with: those the City's boundary lines state, and computed ones for the edges of parcels that
no boundary line follows.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.cogo import azimuth_between, format_angle, format_bearing, parse_angle
from citygis.errors import SheetError
from citygis.quality.columns import numbers, texts
from citygis.sheets import prep
from citygis.sheets.edge_courses import arc_of, edge_courses
from citygis.sheets.features import overlapping, require_drawable
from citygis.sheets.frame import Frame

COLUMNS = (
    "line_id", "kind", "azimuth_deg", "bearing", "length", "radius", "delta", "tangent", "chord", "distance_ft", "radius_ft",
    "delta_deg", "arc_ft", "chord_ft", "tangent_ft", "hand", "basis", "bearing_basis", "rotation_deg", "order", "senior",
    "is_ground", "is_boundary", "is_cut", "geometry",
)  # fmt: skip
"""The columns of `sheet_courses`."""

BASES = {"RECORD": "R", "MEASURED": "M", "CALCULATED": "C"}
"""How a sheet marks what the numbers of a course are, by ``line_kind``."""

READS = (
    "line_id", "direction_az", "distance_ft", "radius_ft", "arc_length_ft", "radius2_ft", "curve_side", "delta_dms", "bearing_text",
    "is_ground", "scale", "rotation", "line_kind", "left_parcel", "right_parcel", "rank", "status",
)  # fmt: skip
"""The columns of ``boundary_line`` that are read, as far as the layer has them."""

SAME_LINE_FT = 0.1
"""Two courses whose ends and middles agree to this are records of one line."""

_EXACT_FT = 1e-6


class _Curve(NamedTuple):
    """Elements of curves, NaN for what is none."""

    delta_deg: np.ndarray
    arc_ft: np.ndarray
    chord_ft: np.ndarray
    tangent_ft: np.ndarray


def sheet_courses(
    layers: Mapping[str, pd.DataFrame],
    frame: Frame,
    city: City,
    *,
    lines: str = "boundary_line",
    areas: tuple[str, ...] = ("parcel",),
    ground_factor: float | None = None,
) -> pd.DataFrame:
    """
    The courses of boundaries that can be seen in a frame, each line once.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame
        City layers by name, in the City's CRS. Not modified.
    frame : Frame
    city : City
    lines : str
        The layer that states courses, with the columns of `READS`. What is retired is left out, and so are lines of kind
        CONNECTION, which bound nothing.
    areas : tuple of str
        Layers of polygons whose edges are courses where no line states them.
    ground_factor : float, optional
        Combined factor by which computed lengths, which are of the grid, are divided. What is stated is never changed.

    Returns
    -------
    DataFrame
        `COLUMNS`; senior before junior record, then from north to south and west to east, whatever the order of the layers.

        ``kind`` is line, curve, spiral or natural. ``bearing`` (of the chord), ``length`` (along the course), ``radius``,
        ``delta``, ``tangent``, ``chord`` are texts as they are printed: a record's own, a computed number to the second and the
        hundredth of a foot; empty where there is none. ``azimuth_deg`` is of the grid; ``rotation_deg`` is what was added to a
        record's bearing for it. Lengths in feet (``distance_ft`` is of the line or chord) are of the record where it states them.
        ``basis`` and ``bearing_basis`` are R, M or C (`BASES`). ``line_id`` is null for a computed course. ``order`` is 1 for the
        senior record of a line, 2, 3 ... for the others, and ``senior`` the row of the senior one. ``is_boundary``: no parcel lies
        beyond. ``is_cut``: it runs on beyond the frame. ``geometry`` is what the frame shows of it, page points.

    Raises
    ------
    SheetError
        If none of the layers is there, or one has no CRS or another than the City's.
    """
    if not {lines, *areas} & set(layers):
        names = ", ".join(dict.fromkeys((lines, *areas)))
        raise SheetError(
            f"Nothing can be dimensioned: none of the layers {names} is there. Load one, or say which in [dimensions]."
        )
    stated, ground = _stated(layers.get(lines), lines, frame, city, ground_factor or 1.0)
    polygons = [_polygons(layers[name], name, frame, city) for name in areas if name in layers]
    if polygons:
        computed, edges = _computed(np.concatenate(polygons), ground, ground_factor)
        stated, ground = pd.concat([stated, computed], ignore_index=True), np.concatenate([ground, edges])
    drawn = prep.on_page(ground, frame)
    shapes = prep.clipped(drawn, frame.box_pt)
    # Without the hair, an edge that only touches the frame would be one of its courses.
    seen = np.flatnonzero(shapely.length(shapes) > 2 * prep.QUANTUM_PT)
    ground, drawn, shapes = ground[seen], drawn[seen], shapes[seen]
    made = stated.iloc[seen].reset_index(drop=True)
    made["is_cut"] = shapely.length(shapes) < shapely.length(drawn) - 2 * prep.QUANTUM_PT
    made["geometry"] = shapes
    return _ranked(made, ground)[list(COLUMNS)]


def length_text(length_ft: float, *, stated: bool) -> str:
    """
    A length in feet as it is printed: to the hundredth, and a stated one to the thousandth where it was stated so.

    Empty for NaN; a tangent without end is ``none``.
    """
    if np.isnan(length_ft):
        return ""
    if np.isinf(length_ft):
        return "none"
    to_thousandth = stated and abs(length_ft - round(length_ft, 3)) < _EXACT_FT < abs(length_ft - round(length_ft, 2))
    return f"{length_ft:.{3 if to_thousandth else 2}f}"


def _stated(layer: gpd.GeoDataFrame | None, name: str, frame: Frame, city: City, factor: float) -> tuple[pd.DataFrame, np.ndarray]:
    """The courses that a layer of lines states, and their lines on the ground; what they leave open is drawn length over factor."""
    if layer is None:
        return pd.DataFrame(), np.array([], dtype=object)
    require_drawable(layer, name, city.crs)
    shapes = np.asarray(layer.geometry.values, dtype=object)
    kind = pd.Series(texts(layer, "line_kind")).str.upper().to_numpy(dtype=object)
    length = shapely.length(shapes)
    held = overlapping(shapes, frame.extent) & np.isfinite(length) & (length > 0)
    row = np.flatnonzero(held & (texts(layer, "status") != "RETIRED") & (kind != "CONNECTION"))
    shapes = shapely.force_2d(shapes[row])
    several = shapely.get_type_id(shapes) != shapely.GeometryType.LINESTRING
    shapes[several] = [_one_line(shape) for shape in shapes[several]]

    text = {name: texts(layer, name)[row] for name in ("line_id", "delta_dms", "bearing_text", "left_parcel", "right_parcel")}
    azimuth, chord, radius, arc, radius2, scale, turned, rank = (
        numbers(layer, name)[row]
        for name in ("direction_az", "distance_ft", "radius_ft", "arc_length_ft", "radius2_ft", "scale", "rotation", "rank")
    )
    basis = pd.Series(kind[row]).map(BASES).fillna("C").to_numpy(dtype=object)
    ends = [shapely.get_coordinates(shapely.get_point(shapes, at)).reshape(-1, 2) for at in (0, -1)]
    scale = np.where(scale > 0, scale, 1.0)
    drawn_ft, drawn_chord = shapely.length(shapes), np.hypot(*(ends[1] - ends[0]).T) / factor
    drawn_az = azimuth_between(*ends)

    said = (text["bearing_text"] != "") | np.isfinite(azimuth)
    grid_az = np.where(np.isfinite(azimuth), azimuth, drawn_az)
    bearing_basis = np.where(said, basis, "C")
    record_az = np.where(np.isfinite(azimuth), azimuth - np.nan_to_num(turned), drawn_az)
    bearing = [told or _bearing(az) for told, az in zip(text["bearing_text"], record_az.tolist(), strict=True)]

    spiral = radius2 > 0
    curved = (radius > 0) & ~spiral
    fitted = np.zeros(len(row), dtype=bool)
    side = pd.Series(texts(layer, "curve_side")[row]).str.upper().to_numpy(dtype=object)
    delta = np.array([_angle(told) for told in text["delta_dms"]], dtype=float)
    for at in np.flatnonzero(~curved & ~spiral & ~(chord > 0) & (shapely.get_num_points(shapes) > 3)):
        if (found := arc_of(shapely.get_coordinates(shapes[at]))) is not None:
            radius[at], delta[at], side[at] = found.radius_ft / factor, found.delta_deg, found.hand
            curved[at] = fitted[at] = True
    own = _elements(np.where(curved, radius, np.nan), delta, arc, chord, drawn_ft / scale)
    own = own._replace(arc_ft=np.where(spiral, np.where(arc > 0, arc, drawn_ft / factor), own.arc_ft))
    own_chord = np.where(chord > 0, chord, np.where(curved, own.chord_ft, drawn_chord))
    length = np.where(curved | spiral, own.arc_ft, own_chord)
    has_length = np.where(spiral, arc > 0, (chord > 0) | (curved & ~fitted & ((arc > 0) | np.isfinite(delta))))
    basis = np.where(has_length, basis, "C")
    is_stated = np.isin(basis, ["R", "M"])
    angle = [told or _delta(d) for told, d in zip(text["delta_dms"], own.delta_deg.tolist(), strict=True)]
    radii = _lengths(np.where(curved | spiral, radius, np.nan), is_stated)
    for at in np.flatnonzero(spiral):
        radii[at] = f"{radii[at] if radius[at] > 0 else 'infinite'} to {length_text(radius2[at], stated=True)}"
    made = pd.DataFrame(
        {
            "line_id": pd.array([told or None for told in text["line_id"]], dtype="str"),
            "kind": np.select([kind[row] == "NATURAL", spiral, curved], ["natural", "spiral", "curve"], "line"),
            "azimuth_deg": grid_az % 360,
            "bearing": bearing,
            "length": _lengths(length, is_stated),
            "radius": radii,
            "delta": angle,
            "tangent": _lengths(own.tangent_ft, np.zeros(len(row), bool)),
            "chord": _lengths(np.where(curved | spiral, own_chord, np.nan), is_stated & (chord > 0)),
            "distance_ft": own_chord,
            "radius_ft": radius,
            "delta_deg": own.delta_deg,
            "arc_ft": own.arc_ft,
            "chord_ft": own_chord,
            "tangent_ft": own.tangent_ft,
            "hand": side,
            "basis": basis,
            "bearing_basis": bearing_basis,
            "rotation_deg": np.where(said & is_stated, np.nan_to_num(turned), 0.0),
            "is_ground": _true(layer, "is_ground")[row],
            "is_boundary": (text["left_parcel"] == "") | (text["right_parcel"] == ""),
            "rank": rank,
            "computed": False,
        }
    )
    return made, shapes


def _computed(polygons: np.ndarray, stated: np.ndarray, factor: float | None) -> tuple[pd.DataFrame, np.ndarray]:
    """The courses of polygons' edges that no line states, and their lines on the ground."""
    found = edge_courses(polygons, stated)
    ends = [shapely.get_coordinates(shapely.get_point(found.shapes, at)).reshape(-1, 2) for at in (0, -1)]
    n = len(found.shapes)
    k = factor or 1.0
    azimuth, chord, radius = azimuth_between(*ends), np.hypot(*(ends[1] - ends[0]).T) / k, found.radius_ft / k
    own = _elements(radius, found.delta_deg, np.full(n, np.nan), chord, chord)
    not_said = np.zeros(n, dtype=bool)
    made = pd.DataFrame(
        {
            "line_id": pd.array([None] * n, dtype="str"),
            "kind": np.where(np.isfinite(radius), "curve", "line"),
            "azimuth_deg": azimuth,
            "bearing": [_bearing(az) for az in azimuth.tolist()],
            "length": _lengths(np.where(np.isfinite(radius), own.arc_ft, chord), not_said),
            "radius": _lengths(radius, not_said),
            "delta": [_delta(d) for d in found.delta_deg.tolist()],
            "tangent": _lengths(own.tangent_ft, not_said),
            "chord": _lengths(np.where(np.isfinite(radius), chord, np.nan), not_said),
            "distance_ft": chord,
            "radius_ft": radius,
            "delta_deg": found.delta_deg,
            "arc_ft": own.arc_ft,
            "chord_ft": chord,
            "tangent_ft": own.tangent_ft,
            "hand": found.hand,
            "basis": np.full(n, "C", dtype=object),
            "bearing_basis": np.full(n, "C", dtype=object),
            "rotation_deg": np.zeros(n),
            "is_ground": np.full(n, factor is not None),
            "is_boundary": found.is_boundary,
            "rank": np.full(n, np.nan),
            "computed": True,
        }
    )
    return made, found.shapes


def _elements(
    radius_ft: np.ndarray, delta_deg: np.ndarray, arc_ft: np.ndarray, chord_ft: np.ndarray, drawn_ft: np.ndarray
) -> _Curve:
    """
    What is stated of curves, and what follows from it for the rest; NaN where the radius is.

    The angle is taken as stated, else from the arc, the chord, and last from how long the curve is drawn.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = np.radians(delta_deg)
        for other in (arc_ft / radius_ft, 2 * np.arcsin(np.clip(chord_ft / 2 / radius_ft, 0, 1)), drawn_ft / radius_ft):
            whole = np.where(np.isfinite(whole), whole, other)
        whole = np.where(np.isfinite(radius_ft), whole, np.nan)
        tangent = np.where(whole < np.pi, radius_ft * np.tan(whole / 2), np.where(np.isfinite(whole), np.inf, np.nan))
        arc = np.where((arc_ft > 0) & np.isfinite(radius_ft), arc_ft, radius_ft * whole)
        return _Curve(np.degrees(whole), arc, 2 * radius_ft * np.sin(whole / 2), tangent)


def _ranked(made: pd.DataFrame, ground: np.ndarray) -> pd.DataFrame:
    """Courses in an order of their own, with ``order`` and ``senior`` of those that are records of one line."""
    middle = shapely.get_coordinates(shapely.line_interpolate_point(ground, 0.5, normalized=True)).reshape(-1, 2)
    a, b = (shapely.get_coordinates(shapely.get_point(ground, at)).reshape(-1, 2) for at in (0, -1))
    own = [*COLUMNS, "rank", "computed", "north", "east", "grade"]
    made = made.assign(north=-np.round(middle[:, 1], 2), east=np.round(middle[:, 0], 2)).reindex(columns=own)
    # What is computed stands behind what somebody states, and a record before a measurement of the same rank.
    made["grade"] = made["basis"].map({"R": 0, "M": 1, "C": 2}) + 3 * made["computed"].eq(True)
    keys = ["rank", "grade", "north", "east", "bearing", "length", "line_id"]
    by = made.sort_values(keys, na_position="last", kind="stable").index
    made = made.loc[by].reset_index(drop=True)
    middle, a, b = middle[by], a[by], b[by]
    head = np.arange(len(made))
    if len(made):
        i, j = shapely.STRtree(shapely.points(middle)).query(shapely.points(middle), predicate="dwithin", distance=SAME_LINE_FT)
        same = (j < i) & (
            np.minimum(
                np.maximum(np.hypot(*(a[i] - a[j]).T), np.hypot(*(b[i] - b[j]).T)),
                np.maximum(np.hypot(*(a[i] - b[j]).T), np.hypot(*(b[i] - a[j]).T)),
            )
            <= SAME_LINE_FT
        )
        np.minimum.at(head, i[same], j[same])
    made["group"] = head
    made["order"] = made.groupby("group").cumcount().to_numpy() + 1
    # Of one line, a computed course adds nothing to what is stated.
    made = made[(made["order"] == 1) | made["computed"].eq(False)]
    position = pd.Series(np.arange(len(made)), index=made.index)
    made = made.assign(senior=position[made["group"]].to_numpy() if len(made) else [])
    return made.reset_index(drop=True)


def _polygons(layer: gpd.GeoDataFrame, name: str, frame: Frame, city: City) -> np.ndarray:
    require_drawable(layer, name, city.crs)
    shapes = np.asarray(layer.geometry.values, dtype=object)
    shapes = shapes[
        (texts(layer, "status") != "RETIRED") & (shapely.get_dimensions(shapes) == 2) & overlapping(shapes, frame.extent)
    ]
    return shapely.force_2d(shapes[np.isfinite(shapely.area(shapes))])


def _one_line(shape) -> shapely.LineString:
    """The line of a course in several parts: joined where they meet, else the longest."""
    parts = shapely.get_parts(shapely.line_merge(shape))
    return parts[int(np.argmax(shapely.length(parts)))]


def _lengths(lengths_ft: np.ndarray, is_stated: np.ndarray) -> list[str]:
    return [length_text(length, stated=said) for length, said in zip(lengths_ft.tolist(), is_stated.tolist(), strict=True)]


def _true(layer: pd.DataFrame, name: str) -> np.ndarray:
    if name not in layer:
        return np.zeros(len(layer), dtype=bool)
    return layer[name].astype("boolean").fillna(False).to_numpy(dtype=bool)


@cache
def _angle(text: str) -> float:
    try:
        return parse_angle(text) if text else np.nan
    except ValueError:
        return np.nan


def _bearing(azimuth_deg: float) -> str:
    return format_bearing(azimuth_deg)


def _delta(delta_deg: float) -> str:
    return format_angle(delta_deg) if np.isfinite(delta_deg) else ""
