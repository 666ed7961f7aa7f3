"""
Geometry as sent, made fit for a City layer: two-dimensional, of the layer's kind, with every vertex somewhere.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.convert.fields import Problem

KINDS = {
    "Polygon": (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
    "LineString": (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING),
    "Point": (shapely.GeometryType.POINT,),
}
"""The geometry types that a layer of each kind takes. Parts of one parcel are one feature; a point is one point."""


class Placed(NamedTuple):
    """Geometries in the City's system, what keeps rows out, and which rows had heights that the layer does not hold."""

    geometry: np.ndarray
    problems: list[Problem]
    had_z: np.ndarray


def place(geometry: np.ndarray, moved: np.ndarray, kind: str, told: pd.Series) -> Placed:
    """
    What of a delivery's geometry can enter a layer.

    Parameters
    ----------
    geometry : array of n geometries
        As sent.
    moved : array of n geometries
        The same in the City's system.
    kind : str
        A key of `KINDS`.
    told : Series of str, n
        What the reader says of a geometry it could not take (R01, R03); null elsewhere.

    Returns
    -------
    Placed
        C06: unreadable, null, empty, or with a vertex that is nowhere. C07: of another kind. Invalid rings are let in: validation
        reports where they cross.
    """
    unreadable = told.notna().to_numpy()
    null = shapely.is_missing(moved) & ~unreadable
    empty = shapely.is_empty(moved) & ~unreadable & ~null
    there = ~(unreadable | null | empty)
    finite = np.ones(len(moved), dtype=bool)
    finite[there] = _is_finite(moved[there])
    lost = there & ~finite
    single = there & (shapely.get_num_geometries(moved) == 1)
    if kind == "Point":
        # A multipoint of one point is a point that some software wrote in the plural.
        moved = moved.copy()
        plural = single & (shapely.get_type_id(moved) == shapely.GeometryType.MULTIPOINT)
        moved[plural] = shapely.get_geometry(moved[plural], 0)
    other = there & finite & ~np.isin(shapely.get_type_id(moved), KINDS[kind])
    fits = there & finite & ~other
    had_z = fits & shapely.has_z(moved)
    flat = np.full(len(moved), None, dtype=object)
    flat[fits] = moved[fits]
    deep = fits & (shapely.has_z(moved) | shapely.has_m(moved))
    flat[deep] = shapely.force_2d(moved[deep])
    problems = [
        Problem(rows := np.flatnonzero(unreadable), "C06", "geometry", told.iloc[rows].to_numpy(dtype=object), "{value}"),
        _problem(null, "C06", "there is no geometry: ask the sender for the feature's shape"),
        _problem(empty, "C06", "the geometry is empty: ask the sender for the feature's shape"),
        Problem(
            rows := np.flatnonzero(lost),
            "C06",
            "geometry",
            np.array([_first_vertex(shape) for shape in geometry[rows]], dtype=object),
            "the coordinates {value} are no place in the system of the file: axes swapped, or another system",
        ),
        Problem(
            rows := np.flatnonzero(other),
            "C07",
            "geometry",
            np.array([shape.geom_type for shape in moved[rows]], dtype=object),
            f"a {{value}} cannot be a feature of this layer, which holds a {kind}",
        ),
    ]
    return Placed(flat, [problem for problem in problems if len(problem.rows)], had_z)


def _problem(bad: np.ndarray, code: str, message: str) -> Problem:
    rows = np.flatnonzero(bad)
    return Problem(rows, code, "geometry", np.full(len(rows), None, dtype=object), message)


def _is_finite(geometry: np.ndarray) -> np.ndarray:
    coordinates, owners = shapely.get_coordinates(geometry, return_index=True)
    finite = np.ones(len(geometry), dtype=bool)
    finite[owners[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def _first_vertex(shape) -> str:
    east, north = shapely.get_coordinates(shape)[0]
    return f"({east:.7g}, {north:.7g})"
