"""
Geometries as PostGIS keeps them: well-known binary with the number of their coordinate system in its head.
"""

import struct

import numpy as np
import shapely

_SRID_FLAG = 0x20000000  # PostGIS, doc/ZMSgeoms.txt
_SINGLE = {1: 4, 2: 5, 3: 6}
"""Point, line and polygon, and the multi-part of each (ISO 13249-3, 5.1.46)."""


def extended(shapes: np.ndarray, srid: int, geometry_type: str) -> list[bytes | None]:
    """
    Geometries as extended well-known binary.

    Parameters
    ----------
    shapes : array of n geometries
        Heights and measures are kept. Null gives None.
    srid : int
        The database's number of their coordinate system.
    geometry_type : str
        Of the table. In a MULTI... table a single part becomes a multi-part of one.

    Returns
    -------
    list of n bytes or None
    """
    bodies = shapely.to_wkb(np.asarray(shapes, dtype=object), byte_order=1, flavor="extended", include_srid=False)
    is_multi, heads, blobs = geometry_type.upper().startswith("MULTI"), {}, []
    for body in bodies:
        if body is None:
            blobs.append(None)
            continue
        head = body[1:5]
        if head not in heads:
            heads[head] = _head(head, srid, is_multi)
        start, skipped = heads[head]
        blobs.append(start + body[skipped:])
    return blobs


def _head(head: bytes, srid: int, is_multi: bool) -> tuple[bytes, int]:
    """What stands before the body of a geometry, and how much of its own head is dropped for it."""
    (word,) = struct.unpack("<I", head)
    kind, flags = word & 0xFF, word & 0xFFFFFF00
    if is_multi and kind in _SINGLE:
        return struct.pack("<BIII", 1, _SINGLE[kind] | flags | _SRID_FLAG, srid, 1), 0
    return struct.pack("<BII", 1, word | _SRID_FLAG, srid), 5
