"""
Geometry between shapely and Esri JSON (ArcGIS REST API, "Geometry objects"), many at once.

A polygon of Esri's is a flat list of rings: outer rings run clockwise, holes counter-clockwise, and which hole belongs to which
outer ring must be found. True curves come as ``curveRings`` and ``curvePaths``; they are drawn as chords and marked, so that nobody
sends the chords back over the arc.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.esri import curved, is_curved
from citygis.readers.raw import sagitta_in
from citygis.readers.service.definition import LayerDefinition
from citygis.readers.wkb import Problem, Unreadable

_SINGLE = {"esriGeometryPolygon": "rings", "esriGeometryPolyline": "paths", "esriGeometryMultipoint": "points"}


def geometries_of(
    geometries: Sequence[Mapping[str, Any] | None], definition: LayerDefinition, *, problems: list[Problem] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """
    Shapely geometries of n features.

    Parameters
    ----------
    geometries : sequence of n geometry objects or None
    definition : LayerDefinition
        Of the layer they are from; its geometry type and ``hasZ`` hold for all. Measures (M) are left out.
    problems : list, optional
        What could not be made is added here and is None in the array. Without it the first one raises.

    Returns
    -------
    array of n geometries
        None for null, and for a geometry without any point.
    array of n bool
        Which have true curves, drawn as chords within `citygis.readers.raw.SAGITTA_FT`.

    Raises
    ------
    ReadError
        If one cannot be made and `problems` is not given.
    """
    made = np.full(len(geometries), None, dtype=object)
    is_curve = np.fromiter((each is not None and is_curved(each) for each in geometries), dtype=bool, count=len(geometries))
    found: list[Problem] = []
    plain = [row for row in np.flatnonzero(~is_curve).tolist() if geometries[row] is not None]
    try:
        _bulk(made, plain, geometries, definition)
    except (TypeError, ValueError, KeyError, IndexError, shapely.errors.ShapelyError, Unreadable):
        for row in plain:
            made[row] = _one_by_one(row, geometries, definition, found)
    sagitta = sagitta_in(definition.crs)
    for row in np.flatnonzero(is_curve).tolist():
        try:
            made[row] = curved(dict(geometries[row]), sagitta=sagitta)
        except Unreadable as error:
            found.append(Problem(row, error.code, str(error)))
    if found and problems is None:
        raise ReadError(f"Feature {found[0].row + 1} of a page of {definition.name} cannot be made: {found[0].message}")
    if problems is not None:
        problems += found
    return made, is_curve


def esri_geometries(geometries: Sequence | np.ndarray, definition: LayerDefinition) -> list[dict[str, Any] | None]:
    """
    Geometry objects of n shapely geometries, coordinates as they are.

    Parameters
    ----------
    geometries : array of n geometries
        In the layer's CRS and of its type; a single part stands for a collection of one.
    definition : LayerDefinition
        Its ``has_z`` says whether elevations are written (0 is written for one that is missing; hosted layers refuse null).

    Returns
    -------
    list of n dict or None
        Each with its ``spatialReference``, without which the layer's is assumed. None for null and for an empty geometry.

    Raises
    ------
    ValueError
        If a geometry is not of the layer's type, or a coordinate is not a finite number.
    """
    array = np.asarray(geometries, dtype=object)
    written: list[dict[str, Any] | None] = [None] * len(array)
    rows = np.flatnonzero(~(shapely.is_missing(array) | shapely.is_empty(array)))
    if not len(rows) or definition.geometry_type is None:
        if len(rows):
            raise ValueError(f"Invalid geometry for {definition.name}. Must be null: it is a table.")
        return written
    given = array[rows]
    _require_type(given, rows, definition)
    z = definition.has_z
    coordinates, owner = shapely.get_coordinates(given, include_z=z, return_index=True)
    if z:
        coordinates[np.isnan(coordinates[:, 2]), 2] = 0.0
    if not np.isfinite(coordinates).all():
        row = rows[owner[~np.isfinite(coordinates).all(axis=1)][0]]
        raise ValueError(f"Invalid geometry in row {row}. Must have finite coordinates.")
    reference = spatial_reference(definition)
    extra = ({"hasZ": True} if z else {}) | ({"spatialReference": reference} if reference else {})
    if definition.geometry_type == "esriGeometryPoint":
        for row, point in zip(rows.tolist(), coordinates.tolist(), strict=True):
            written[row] = dict(zip("xyz", point, strict=False)) | ({"spatialReference": reference} if reference else {})
        return written
    parts = _written_parts(given, definition.geometry_type, z)
    key = _SINGLE[definition.geometry_type]
    for row, own in zip(rows.tolist(), parts, strict=True):
        written[row] = {key: own, **extra}
    return written


def spatial_reference(definition: LayerDefinition) -> dict[str, Any] | None:
    """
    The layer's spatial reference as Esri JSON: both its numbers where it has two (Esri's ``wkid``, EPSG's ``latestWkid``), its text
    where it has none.
    """
    if not definition.wkids:
        return {"wkt": definition.crs.to_wkt("WKT1_ESRI")} if definition.crs else None
    if len(definition.wkids) == 1:
        return {"wkid": next(iter(definition.wkids))}
    # Esri's own numbers stand above 32767, where EPSG's end (ArcGIS REST API, "Using spatial references").
    low, high = min(definition.wkids), max(definition.wkids)
    return {"wkid": high, "latestWkid": low}


def same_reference(reference: Mapping[str, Any] | None, definition: LayerDefinition) -> bool:
    """Whether a spatial reference in a reply is the layer's; one that says nothing is."""
    said = {int(reference[key]) for key in ("wkid", "latestWkid") if reference and reference.get(key)}
    if said and definition.wkids:
        return bool(said & definition.wkids)
    if reference and reference.get("wkt") and definition.crs is not None:
        return CRS.from_wkt(reference["wkt"]).equals(definition.crs, ignore_axis_order=True)
    return True


# -- from Esri JSON ---------------------------------------------------------------------------------------------------------


def _bulk(made: np.ndarray, rows: list[int], geometries: Sequence, definition: LayerDefinition) -> None:
    kind, z = definition.geometry_type, definition.has_z
    if kind == "esriGeometryPoint":
        known = [row for row in rows if _has_place(geometries[row])]
        points = np.array([_point(geometries[row], z) for row in known], dtype=float).reshape(-1, 3 if z else 2)
        made[known] = shapely.points(_checked(points))
        return
    key = _SINGLE.get(kind or "")
    if key is None:
        raise Unreadable("R01", f"Geometry of type {kind} is not read.")
    if key == "points":
        for row in rows:
            points = geometries[row].get("points") or ()
            made[row] = shapely.multipoints(_checked(_coordinates(points, z))) if len(points) else None
        return
    flat: list = []
    counts: list[int] = []
    owners: list[int] = []
    for row in rows:
        for part in geometries[row].get(key) or ():
            if part:
                flat += part
                counts.append(len(part))
                owners.append(row)
    if not counts:
        return
    coordinates = _checked(_coordinates(flat, z))
    index = np.repeat(np.arange(len(counts)), counts)
    if key == "paths":
        _collected(made, shapely.linestrings(coordinates, indices=index), np.array(owners), shapely.multilinestrings)
        return
    _polygons(made, coordinates, np.array(counts), index, np.array(owners))


def _polygons(made: np.ndarray, coordinates: np.ndarray, counts: np.ndarray, index: np.ndarray, owners: np.ndarray) -> None:
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    ends = starts + counts - 1
    if not (coordinates[starts, :2] == coordinates[ends, :2]).all():
        raise Unreadable("R01", "A ring is not closed.")
    rings = shapely.linearrings(coordinates, indices=index)
    is_hole = _is_counter_clockwise(coordinates, starts)
    first = np.concatenate(([True], owners[1:] != owners[:-1]))
    shells = np.bincount(np.cumsum(first) - 1, weights=~is_hole).astype(int)[np.cumsum(first) - 1]
    simple = (shells == 1) | ((shells == 0) & (np.bincount(np.cumsum(first) - 1)[np.cumsum(first) - 1] == 1))
    # One outer ring: its holes are all the others.
    own = np.flatnonzero(simple)
    order = own[np.lexsort((is_hole[own], owners[own]))]
    if len(order):
        which = owners[order]
        begins = np.concatenate(([True], which[1:] != which[:-1]))
        made[which[begins]] = shapely.polygons(rings[order], indices=np.cumsum(begins) - 1)
    for row in np.unique(owners[~simple]).tolist():
        at = np.flatnonzero(owners == row)
        made[row] = _several(rings[at], is_hole[at])


def _several(rings: np.ndarray, is_hole: np.ndarray) -> shapely.Geometry:
    """Several outer rings: a hole belongs to the smallest one around it."""
    if is_hole.all():
        is_hole = ~is_hole  # turned the wrong way as a whole, as some publishers do
    shells = shapely.polygons(rings[~is_hole])
    areas = shapely.area(shells)
    holes: list[list] = [[] for _ in shells]
    for hole in rings[is_hole]:
        around = np.flatnonzero(shapely.contains(shells, shapely.point_on_surface(shapely.Polygon(hole))))
        if not len(around):
            raise Unreadable("R01", "A hole lies outside every outer ring.")
        holes[around[np.argmin(areas[around])]].append(hole)
    made = [shapely.Polygon(shapely.get_exterior_ring(shell), own) for shell, own in zip(shells, holes, strict=True)]
    return made[0] if len(made) == 1 else shapely.MultiPolygon(made)


def _is_counter_clockwise(coordinates: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Of each closed ring, by its signed area; from its own first point, so that large coordinates cost no digits."""
    counts = np.diff(np.append(starts, len(coordinates)))
    local = coordinates[:, :2] - np.repeat(coordinates[starts, :2], counts, axis=0)
    cross = np.zeros(len(local))
    cross[:-1] = local[:-1, 0] * local[1:, 1] - local[1:, 0] * local[:-1, 1]
    cross[starts[1:] - 1] = 0.0
    return np.add.reduceat(cross, starts) > 0


def _collected(made: np.ndarray, parts: np.ndarray, owners: np.ndarray, joined) -> None:
    rows, first, count = np.unique(owners, return_index=True, return_counts=True)
    made[rows[count == 1]] = parts[first[count == 1]]
    many = np.isin(owners, rows[count > 1])
    if many.any():
        _, position = np.unique(owners[many], return_inverse=True)
        made[rows[count > 1]] = joined(parts[many], indices=position)


def _one_by_one(row: int, geometries: Sequence, definition: LayerDefinition, found: list[Problem]) -> shapely.Geometry | None:
    single = np.full(1, None, dtype=object)
    try:
        _bulk(single, [0], [geometries[row]], definition)
    except Unreadable as error:
        found.append(Problem(row, error.code, str(error)))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, shapely.errors.ShapelyError):
        found.append(Problem(row, "R01", "The geometry is not written as Esri JSON has it."))
    return single[0]


def _has_place(geometry: Mapping[str, Any]) -> bool:
    return geometry.get("x") not in (None, "NaN") and geometry.get("y") not in (None, "NaN")


def _point(geometry: Mapping[str, Any], z: bool) -> tuple:
    place = (float(geometry["x"]), float(geometry["y"]))
    if not z:
        return place
    return (*place, 0.0 if geometry.get("z") in (None, "NaN") else float(geometry["z"]))


def _coordinates(points: Sequence, z: bool) -> np.ndarray:
    try:
        array = np.array(points, dtype=float)
    except ValueError:
        # Points of different length, or a null among them: an elevation is left out here and there.
        size = 3 if z else 2
        array = np.array([[0.0 if value is None else value for value in [*point, 0.0][:size]] for point in points], dtype=float)
    if array.ndim != 2 or array.shape[1] < 2:
        raise Unreadable("R01", "A point is not written as Esri JSON has it.")
    return array[:, :3] if z and array.shape[1] >= 3 else array[:, :2]


def _checked(coordinates: np.ndarray) -> np.ndarray:
    if not np.isfinite(coordinates).all():
        raise Unreadable("R03", "A coordinate is not a finite number.")
    return coordinates


# -- to Esri JSON -----------------------------------------------------------------------------------------------------------

_FITTING = {
    "esriGeometryPoint": (0,),
    "esriGeometryMultipoint": (0, 4),
    "esriGeometryPolyline": (1, 2, 5),
    "esriGeometryPolygon": (3, 6),
}
"""Shapely's type numbers that a layer's type takes."""


def _require_type(given: np.ndarray, rows: np.ndarray, definition: LayerDefinition) -> None:
    wrong = ~np.isin(shapely.get_type_id(given), _FITTING.get(definition.geometry_type or "", ()))
    if wrong.any():
        shape = given[np.flatnonzero(wrong)[0]]
        raise ValueError(
            f"Invalid geometry {shape.geom_type} in row {rows[wrong][0]}. Must be what the layer {definition.name} holds: "
            f"{definition.geometry_type}."
        )


def _written_parts(given: np.ndarray, kind: str, z: bool) -> list[list]:
    """Per geometry its list of points, paths or rings."""
    if kind == "esriGeometryMultipoint":
        coordinates, owner = shapely.get_coordinates(given, include_z=z, return_index=True)
        lines, owners = [[point] for point in _levelled(coordinates).tolist()], owner
        grouped: list[list] = [[] for _ in given]
        for at, line in zip(owners.tolist(), lines, strict=True):
            grouped[at] += line
        return grouped
    parts, part_owner = shapely.get_parts(given, return_index=True)
    if kind == "esriGeometryPolygon":
        parts, owners = _turned(parts, part_owner)
    else:
        owners = part_owner
    coordinates, index = shapely.get_coordinates(parts, include_z=z, return_index=True)
    points = _levelled(coordinates).tolist()
    ends = np.cumsum(np.bincount(index, minlength=len(parts))).tolist()
    grouped = [[] for _ in given]
    start = 0
    for at, end in zip(owners.tolist(), ends, strict=True):
        grouped[at].append(points[start:end])
        start = end
    return grouped


def _turned(polygons: np.ndarray, polygon_owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All rings, each polygon's outer one first: outer clockwise, holes counter-clockwise."""
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    is_outer = np.concatenate(([True], polygon[1:] != polygon[:-1]))
    turn = shapely.is_ccw(rings) == is_outer
    rings[turn] = shapely.reverse(rings[turn])
    return rings, polygon_owner[polygon]


def _levelled(coordinates: np.ndarray) -> np.ndarray:
    if coordinates.shape[1] == 3:
        coordinates[np.isnan(coordinates[:, 2]), 2] = 0.0
    return coordinates
