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
_MULTI = (4, 5, 6)
# The first five bytes of a single part (byte order, type), and the nine that make it a multi-part of one: ISO 13249-3, 5.1.46.
_MULTI_HEADS = {
    struct.pack("<BI", 1, kind + dimensions): struct.pack("<BII", 1, kind + 3 + dimensions, 1)
    for kind in (1, 2, 3)
    for dimensions in (0, 1000, 2000, 3000)
}


def encode(geometries: Sequence, srs_id: int, geometry_type: str = "GEOMETRY") -> list[bytes | None]:
    """
    Geometries as the GeoPackage binary of a table.

    Parameters
    ----------
    geometries : array of n geometries
        Z and M are kept. Null gives None.
    srs_id : int
        The ``srs_id`` of their coordinate system in the file.
    geometry_type : str
        Of the table, as ``gpkg_geometry_columns`` names it. In a MULTI... table, a single part becomes a multi-part of one.

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
    multi_heads = _MULTI_HEADS if geometry_type.startswith("MULTI") else {}
    return [
        None if body is None else heads[start : start + length] + multi_heads.get(body[:5], b"") + body
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


def single(geometries: Sequence) -> np.ndarray:
    """Multi-part geometries of one part as that part; all others as they are: the reverse of what `encode` does."""
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
