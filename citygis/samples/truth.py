"""
What ``truth.json`` says of a defect, so that a test can tell planted, found and false.

A defect is a plain dict: ``delivery`` (file name), ``layer``, ``kind``, ``code`` (of the finding or quarantine it must raise),
``also`` (codes that follow from it at the same place, such as the hole that a quarantined parcel leaves in its tract), ``key``
(APN run together, or the feature's identifier), ``other``, ``row`` (1-based, in the file), ``size`` and ``unit``, ``where``
([easting, northing] in the City's feet), ``radius_ft`` (how far its effects may reach), ``expect`` ("finding" or "quarantine").
"""

from typing import Any

import shapely

Defect = dict[str, Any]
REACH_FT = 250.0


def defect(delivery: str, layer: str, kind: str, code: str, row: int, where: shapely.Geometry, **more: Any) -> Defect:
    """
    One entry of ``truth.json``.

    Parameters
    ----------
    delivery, layer, kind, code : str
    row : int
        Position in the file, from 0.
    where : geometry
        In the City's feet; its middle is written down.
    **more
        Further keys of the entry, such as `key`, `size` or `also`. A code that begins with C is a quarantine.
    """
    centre = shapely.centroid(where)
    entry: Defect = {
        "delivery": delivery,
        "layer": layer,
        "kind": kind,
        "code": code,
        "also": [],
        "key": None,
        "other": None,
        "row": row + 1,
        "size": None,
        "unit": None,
        "where": [round(centre.x, 2), round(centre.y, 2)],
        "radius_ft": REACH_FT,
        "expect": "quarantine" if code.startswith("C") else "finding",
    }
    return entry | more
