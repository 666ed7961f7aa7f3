"""
Fields of a layer and their values: what a service takes, how it keeps it, and what it refuses.
"""

import math
import re
import uuid
from typing import Any

from citygis.rehearsal.rules import EditError

STRING, DATE, DATE_ONLY = "esriFieldTypeString", "esriFieldTypeDate", "esriFieldTypeDateOnly"
GUID, GLOBAL_ID, OID = "esriFieldTypeGUID", "esriFieldTypeGlobalID", "esriFieldTypeOID"
DOUBLE, SINGLE = "esriFieldTypeDouble", "esriFieldTypeSingle"
RANGES = {
    "esriFieldTypeSmallInteger": (-(2**15), 2**15 - 1),
    "esriFieldTypeInteger": (-(2**31), 2**31 - 1),
    "esriFieldTypeBigInteger": (-(2**53) + 1, 2**53 - 1),
    DATE: (-(2**53), 2**53),
}
"""Whole numbers by type, both ends included; big ones as far as JSON carries them (layer resource, 'Big integers')."""
_SQL_TYPES = {
    STRING: "sqlTypeNVarchar",
    DATE: "sqlTypeTimestamp2",
    "esriFieldTypeInteger": "sqlTypeInteger",
    "esriFieldTypeSmallInteger": "sqlTypeSmallInt",
    "esriFieldTypeBigInteger": "sqlTypeBigInt",
    DOUBLE: "sqlTypeFloat",
    SINGLE: "sqlTypeFloat",
}
_LENGTHS = {DATE: 8, DATE_ONLY: 10, GUID: 38, GLOBAL_ID: 38}


def field(
    name: str,
    kind: str,
    *,
    alias: str = "",
    length: int | None = None,
    nullable: bool = True,
    editable: bool = True,
    domain: dict | None = None,
) -> dict:
    """A field as the layer resource shows it."""
    shown = {"name": name, "type": kind, "alias": alias or name, "sqlType": _SQL_TYPES.get(kind, "sqlTypeOther")}
    length = length or _LENGTHS.get(kind)
    if length:
        shown["length"] = length
    return {**shown, "nullable": nullable, "editable": editable, "domain": domain, "defaultValue": None}


def braced(value: Any) -> str | None:
    """A GUID as hosted layers write it, upper case and in braces, or None if it is none."""
    if not isinstance(value, str) or not re.fullmatch(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?", value.strip()):
        return None
    return "{" + str(uuid.UUID(value.strip())).upper() + "}"


def new_global_id() -> str:
    """A GlobalID that nobody has."""
    return "{" + str(uuid.uuid4()).upper() + "}"


def accepted(value: Any, field: dict) -> Any:
    """
    A value of an edit as the service keeps it.

    Parameters
    ----------
    value : JSON value
    field : dict
        As `field` gives it.

    Returns
    -------
    JSON value

    Raises
    ------
    EditError
        1001 for null where it must not be, 1000 for a text that is too long, 1016 for a value of another type or out of range.
    """
    name, kind = field["name"], field["type"]
    if value is None:
        if not field.get("nullable", True):
            raise EditError(1001, name)
        return None
    if kind in RANGES:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not RANGES[kind][0] <= value <= RANGES[kind][1]:
            raise EditError(1016, name)
        return int(value)
    if kind in (DOUBLE, SINGLE):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise EditError(1016, name)
        return single(value) if kind == SINGLE else value
    if not isinstance(value, str):
        raise EditError(1016, name)
    if kind in (GUID, GLOBAL_ID):
        return braced(value) or _refuse(name)
    if kind == DATE_ONLY and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise EditError(1016, name)
    if field.get("length") and len(value) > field["length"]:
        raise EditError(1000, f"String or binary data would be truncated. (field {name}, {field['length']} characters)")
    return value


def single(value: float) -> float:
    """A number as 32 bits keep it, written with the digits that they need."""
    import numpy as np

    return float(str(np.float32(value)))


def _refuse(name: str):
    raise EditError(1016, name)
