"""
GeoPackage geometries: a header of 8 bytes, an envelope of 32, then ISO well-known binary.

OGC 12-128r17 (GeoPackage 1.3), clause 2.1.3 and annex F.3 (the functions that the spatial index's triggers call).
"""

import sqlite3
import struct
from collections.abc import Sequence

import numpy as np
import shapely

_HEADER = np.dtype([("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("srs_id", "<i4"), ("envelope", "<f8", 4)])
_LITTLE_ENDIAN, _XY_ENVELOPE, _EMPTY = 0b1, 0b10, 0b10000
_ENVELOPE_BYTES = (0, 32, 48, 48, 64, 0, 0, 0)
_SINGLE, _MULTI = (0, 1, 3), (4, 5, 6)
_MAKE_MULTI = {0: shapely.multipoints, 1: shapely.multilinestrings, 3: shapely.multipolygons}


def encode(geometries: Sequence, srs_id: int) -> list[bytes | None]:
    """
    Geometries as GeoPackage binary.

    Parameters
    ----------
    geometries : array of n geometries
        Z and M are kept. Null gives None.
    srs_id : int
        The ``srs_id`` of their coordinate system in the file.

    Returns
    -------
    list of n bytes or None
        With an envelope, unless the geometry is empty or one of its bounds is not a finite number.
    """
    geometries = np.asarray(geometries, dtype=object)
    bounds = shapely.bounds(geometries).reshape(-1, 4)
    enclosed = np.isfinite(bounds).all(axis=1)
    empty = shapely.is_empty(geometries)
    header = np.zeros(len(geometries), dtype=_HEADER)
    header["magic"] = b"GP"
    header["srs_id"] = srs_id
    header["flags"] = _LITTLE_ENDIAN | np.where(enclosed, _XY_ENVELOPE, 0) | np.where(empty, _EMPTY, 0)
    header["envelope"] = bounds[:, [0, 2, 1, 3]]
    heads, size = header.tobytes(), _HEADER.itemsize
    lengths = np.where(enclosed, size, size - 32).tolist()
    bodies = shapely.to_wkb(geometries, byte_order=1, flavor="iso")
    return [
        None if body is None else heads[start : start + length] + body
        for start, length, body in zip(range(0, len(heads), size), lengths, bodies, strict=True)
    ]


def decode(blobs: Sequence[bytes | None]) -> np.ndarray:
    """
    GeoPackage binary as geometries.

    Parameters
    ----------
    blobs : sequence of bytes or None

    Returns
    -------
    array of geometries
        Null where the blob is None.
    """
    return shapely.from_wkb(np.array([None if blob is None else _body(blob) for blob in blobs], dtype=object))


def stored_form(geometries: Sequence, geometry_type: str) -> np.ndarray:
    """
    Geometries in the form a table of `geometry_type` keeps: single parts become multi-parts of one in a MULTI... table.

    Parameters
    ----------
    geometries : array of geometries
    geometry_type : str
        As ``gpkg_geometry_columns`` names it, such as MULTIPOLYGON.

    Returns
    -------
    array of geometries
    """
    geometries = np.array(geometries, dtype=object)
    if geometry_type.startswith("MULTI"):
        kinds = shapely.get_type_id(geometries)
        for kind, make_multi in _MAKE_MULTI.items():
            lone = np.flatnonzero(kinds == kind)
            if len(lone):
                geometries[lone] = make_multi(geometries[lone], indices=np.arange(len(lone)))
    return geometries


def single(geometries: Sequence) -> np.ndarray:
    """Multi-part geometries of one part as that part; all others as they are. The reverse of `stored_form`."""
    geometries = np.array(geometries, dtype=object)
    lone = np.isin(shapely.get_type_id(geometries), _MULTI) & (shapely.get_num_geometries(geometries) == 1)
    geometries[lone] = shapely.get_geometry(geometries[lone], 0)
    return geometries


def add_functions(connection: sqlite3.Connection) -> None:
    """
    Register the five functions that the triggers of a spatial index call.

    Without them an edit by plain ``sqlite3`` stops with "no such function: ST_IsEmpty".
    """
    functions = {
        "ST_IsEmpty": _is_empty,
        "ST_MinX": lambda blob: _bound(blob, 0),
        "ST_MaxX": lambda blob: _bound(blob, 1),
        "ST_MinY": lambda blob: _bound(blob, 2),
        "ST_MaxY": lambda blob: _bound(blob, 3),
    }
    for name, function in functions.items():
        connection.create_function(name, 1, function, deterministic=True)


def _body(blob: bytes) -> bytes:
    return blob[8 + _ENVELOPE_BYTES[blob[3] >> 1 & 0b111] :]


def _is_empty(blob: bytes | None) -> bool | None:
    return None if blob is None else bool(blob[3] & _EMPTY)


def _bound(blob: bytes | None, which: int) -> float | None:
    if blob is None or blob[3] & _EMPTY:
        return None
    if _ENVELOPE_BYTES[blob[3] >> 1 & 0b111]:
        order = "<" if blob[3] & _LITTLE_ENDIAN else ">"
        return struct.unpack_from(f"{order}d", blob, 8 + 8 * which)[0]
    # Other writers leave the envelope out of points.
    return float(shapely.bounds(shapely.from_wkb(_body(blob)))[[0, 2, 1, 3][which]])
