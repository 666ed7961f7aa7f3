"""
Whether two features that hash differently really differ: beyond what a server's arithmetic does to a number or a corner.
"""

import numpy as np
import shapely

from citygis.readers.service.definition import LayerDefinition
from citygis.sync.canon import DOUBLE_DIGITS, NUMBERS, SINGLE_DIGITS, Canonical, in_units, step_of

TOLERANCE_FT = 0.002
"""Geometry that differs by no more is the same: two steps of the grid."""

CURVE_FT = 0.1
"""
The same for a feature with true curves at the server, which sends chords of its own choosing: City readers draw chords within
0.01 ft, a server's are coarser.
"""


def differences(
    one: Canonical,
    other: Canonical,
    definition: LayerDefinition,
    *,
    tolerance_ft: float = TOLERANCE_FT,
    curved: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """
    Where features differ, field by field.

    Parameters
    ----------
    one, other : Canonical
        The same features in the same order; fields that only one of them has are not compared.
    definition : LayerDefinition
    tolerance_ft : float
        How far apart outlines may lie and be the same.
    curved : array of bool, optional
        Which features hold true curves at the server (`CURVE_FT`).

    Returns
    -------
    dict of field, and "geometry", to array of bool
        A difference of trailing blanks alone, or of digits that the field's type does not hold, is none.
    """
    differ = {
        name: _values_differ(values, other.values[name], definition.field(name).kind)
        for name, values in one.values.items()
        if name in other.values
    }
    if one.geometry is not None and other.geometry is not None:
        # Half a step more: both outlines are on the grid, and a distance on it is a multiple of a step.
        tolerance = np.full(len(one.geometry), in_units(tolerance_ft, definition.crs) + step_of(definition.crs) / 2)
        if curved is not None:
            tolerance[curved] = np.maximum(tolerance[curved], in_units(CURVE_FT, definition.crs))
        differ["geometry"] = ~same_ground(one.geometry, other.geometry, tolerance)
    return differ


def same_ground(one: np.ndarray, other: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """
    Whether geometries are the same within a distance in their own unit.

    Parameters
    ----------
    one, other : array of n canonical geometries, or None
    tolerance : array of n float

    Returns
    -------
    array of n bool
        Two nulls are the same. A vertex more or less on a straight side changes nothing on the ground; the direction of a line
        does. Heights are compared vertex by vertex.
    """
    none, nor = shapely.is_missing(one), shapely.is_missing(other)
    same = none & nor
    rows = np.flatnonzero(~none & ~nor & (shapely.get_dimensions(one) == shapely.get_dimensions(other)))
    near = np.abs(shapely.bounds(one[rows]) - shapely.bounds(other[rows])).max(axis=1, initial=0) <= tolerance[rows]
    rows = rows[near]
    a, b, within = one[rows], other[rows], tolerance[rows]
    exact = shapely.equals_exact(a, b, within)
    close = exact | ((shapely.hausdorff_distance(_edges(a), _edges(b)) <= within) & _alike(a, b, within))
    deep = np.flatnonzero(close & (shapely.has_z(a) | shapely.has_z(b)))
    close[deep] = [exact[at] and _heights_agree(a[at], b[at]) for at in deep]
    same[rows] = close
    return same


def _edges(shapes: np.ndarray) -> np.ndarray:
    return np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)


def _alike(one: np.ndarray, other: np.ndarray, within: np.ndarray) -> np.ndarray:
    """What edges that lie together leave open: which side of them is ground, and which way a line runs."""
    alike = np.abs(shapely.area(one) - shapely.area(other)) <= within * (shapely.length(one) + within)
    for at in np.flatnonzero(shapely.get_dimensions(one) == 1):
        alike[at] = _same_direction(one[at], other[at], within[at])
    return alike


def _same_direction(one: shapely.Geometry, other: shapely.Geometry, within: float) -> bool:
    if one.geom_type != "LineString" or other.geom_type != "LineString":
        return False
    ends = shapely.points([one.coords[0][:2], other.coords[0][:2], other.coords[1][:2]])
    if shapely.distance(ends[0], ends[1]) > within:
        return False
    # A closed line starts where it ends whichever way it runs; no side of it is longer than half of the whole.
    return not one.is_closed or shapely.line_locate_point(one, ends[2]) <= one.length / 2 + within


def _heights_agree(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    heights = [shapely.get_coordinates(shape, include_z=True)[:, 2] for shape in (one, other)]
    return bool((np.abs(heights[0] - heights[1]) <= TOLERANCE_FT).all())


def _values_differ(one: list, other: list, kind: str) -> np.ndarray:
    if kind in NUMBERS:
        a, b = (np.array([np.nan if value is None else value for value in values], dtype="float64") for values in (one, other))
        gone = np.isnan(a) != np.isnan(b)
        with np.errstate(all="ignore"):
            largest = np.maximum(np.abs(a), np.abs(b))
            if kind == "Single":
                a, b = a.astype("float32").astype("float64"), b.astype("float32").astype("float64")
                room = 0.5000001 * 10.0 ** (np.floor(np.log10(largest)) - SINGLE_DIGITS + 1)
            else:
                room = largest * 10.0 ** (1 - DOUBLE_DIGITS)
            return gone | (~(np.abs(a - b) <= room) & (a != b) & ~np.isnan(a) & ~np.isnan(b))
    pairs = zip(one, other, strict=True)
    if one and any(isinstance(value, str) for value in (*one, *other)):
        return np.array([_text(a) != _text(b) for a, b in pairs], dtype=bool)
    return np.array([a != b for a, b in pairs], dtype=bool)


def _text(value: object) -> object:
    return value.rstrip(" ") if isinstance(value, str) else value
