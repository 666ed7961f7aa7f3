"""
Plans as files: JSON that a person reads before anything is sent, and that is taken back only as it was written.
"""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from citygis.errors import SyncError
from citygis.publish import publish_text
from citygis.sync.canon import global_id_text
from citygis.sync.codes import all_codes
from citygis.sync.model import PLAN_VERSION, Add, Conflict, ConflictKind, Delete, Json, Plan, Refusal, Stop, Update, Was

LARGEST_BYTES = 1 << 30
"""A plan file beyond this is not read. 50,000 added parcels make about 40 MB."""

LONGEST_TEXT = 1 << 20
MOST_FIELDS = 2_000

_SHAPES = {"rings": 3, "paths": 3, "points": 2}
_NOT_OF_THE_PLAN = ("made_at", "counts")
"""What may differ between two plans that would do the same."""

_HASH = re.compile("[0-9a-f]{32}")


def save_plan(plan: Plan, path: Path | str, *, overwrite: bool = False) -> Path:
    """
    Write a plan, whole or not at all.

    Raises
    ------
    StoreError
        If the file exists and `overwrite` is false, or cannot be written.
    """
    said = {"version": PLAN_VERSION, "fingerprint": fingerprint(plan), **_said(plan)}
    said = {"sha256": _sha256(said), **said}
    return publish_text(path, json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n", overwrite=overwrite)


def read_plan(path: Path | str) -> Plan:
    """
    A plan from its file.

    Raises
    ------
    SyncError
        If the file cannot be read, is no plan of this version, holds a key that plans have not, a number that is none, or was
        changed by hand (``sha256``, of everything else in it, tells).
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SyncError(f"{path} has {size:,} bytes; a plan is not that large. Make it again: citygis sync plan")
        said = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number, object_pairs_hook=_once)
        return _plan(said)
    except OSError as error:
        raise SyncError(f"{path} cannot be read: {error.strerror or error}. Name a file that citygis sync plan wrote.") from None
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        told = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:300]
        raise SyncError(f"{path} is not a plan that can be used: {told}. Make it again: citygis sync plan") from None


def fingerprint(plan: Plan) -> str:
    """SHA-256 over all that a plan says but when it was made and how it counts: two plans that would do the same share it."""
    said = {name: value for name, value in _said(plan).items() if name not in _NOT_OF_THE_PLAN}
    return _sha256(said)


def _sha256(said: Json) -> str:
    """Of values of JSON, however the file spaces and orders them."""
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def _said(plan: Plan) -> Json:
    """A plan as JSON values."""
    said: Json = {}
    for field in dataclasses.fields(plan):
        value = getattr(plan, field.name)
        said[field.name] = [_row(each) for each in value] if isinstance(value, tuple) else value
    return said


def _row(each: Any) -> Json:
    said = each._asdict()
    if isinstance(each, Update):
        said["changed"] = {name: was._asdict() for name, was in each.changed.items()}
        said["geometry"] = each.geometry and each.geometry._asdict()
    return said


def _plan(said: Any) -> Plan:
    if isinstance(said, dict) and said.get("version") != PLAN_VERSION:
        raise ValueError(f"its version is {str(said.get('version'))[:20]!r}, and this citygis reads {PLAN_VERSION}")
    _keys(said, {"version", "sha256", "fingerprint", *(field.name for field in dataclasses.fields(Plan))}, "the plan")
    rows: dict[str, Callable[[Any], Any]] = {
        "adds": _add,
        "updates": _update,
        "deletes": _delete,
        "conflicts": _conflict,
        "refusals": _refusal,
        "stops": _stop,
    }
    made = {name: tuple(make(each) for each in _a(list, said[name], name)) for name, make in rows.items()}
    ids = [each.global_id for name in ("adds", "updates", "deletes", "conflicts") for each in made[name]]
    if len(set(ids)) != len(ids):
        raise ValueError("a feature is in it twice")
    for name in ("target", "url", "layer", "made_at"):
        made[name] = _text(said[name], name)
    counts = _a(dict, said["counts"], "counts")
    made["counts"] = {_text(name, "counts"): _whole(count, "counts") for name, count in counts.items()}
    facts = _fields(said["layer_facts"])
    made["layer_facts"] = {_text(name, "layer_facts"): _text(fact, "layer_facts") for name, fact in facts.items()}
    known_by = _a(dict, said["known_by"], "known_by")
    made["known_by"] = {_key(key): _text(text, "known_by") for key, text in known_by.items()}
    reference = said["spatial_reference"]
    made["spatial_reference"] = None if reference is None else _reference(reference)
    made["allow_deletes"] = None if said["allow_deletes"] is None else _whole(said["allow_deletes"], "allow_deletes")
    made["reverts"] = None if said["reverts"] is None else _text(said["reverts"], "reverts")
    plan = Plan(**made)
    if said["fingerprint"] != fingerprint(plan) or said["sha256"] != _sha256(
        {name: value for name, value in said.items() if name != "sha256"}
    ):
        raise ValueError("this plan was changed after it was made (its sha256 is another)")
    return plan


def _add(said: Any) -> Add:
    _keys(said, Add._fields, "an add")
    return Add(_key(said["global_id"]), _values(said["attributes"]), _geometry(said["geometry"]))


def _update(said: Any) -> Update:
    _keys(said, Update._fields, "an update")
    changed = {}
    for name, was in _fields(said["changed"]).items():
        _keys(was, Was._fields, f"the change of {name}")
        changed[name] = Was(_value(was["old"]), _value(was["new"]))
    geometry = said["geometry"]
    if geometry is not None:
        _keys(geometry, Was._fields, "the change of a geometry")
        geometry = Was(_geometry(geometry["old"]), _geometry(geometry["new"]))
    return Update(_key(said["global_id"]), changed, geometry, _hash(said["remote_hash"]))


def _delete(said: Any) -> Delete:
    _keys(said, Delete._fields, "a delete")
    return Delete(_key(said["global_id"]), _values(said["attributes"]), _hash(said["remote_hash"]))


def _conflict(said: Any) -> Conflict:
    _keys(said, Conflict._fields, "a conflict")
    if said["kind"] not in get_args(ConflictKind):
        raise ValueError("a conflict is of no known kind")
    fields = {}
    for name, values in _fields(said["fields"]).items():
        _keys(values, ("base", "local", "remote"), f"the conflict in {name}")
        fields[name] = {side: _value(value) for side, value in values.items()}
    return Conflict(_key(said["global_id"]), said["kind"], fields, _text(said["message"], "message"))


def _refusal(said: Any) -> Refusal:
    _keys(said, Refusal._fields, "a refusal")
    key = said["global_id"] and _key(said["global_id"])
    field = None if said["field"] is None else _text(said["field"], "field")
    message, remedy = (_text(said[name], name) for name in ("message", "remedy"))
    return Refusal(_text(key, "global_id"), _code(said["code"]), field, message, remedy)


def _stop(said: Any) -> Stop:
    _keys(said, Stop._fields, "a stop")
    number = None if said["number"] is None else _whole(said["number"], "number")
    return Stop(_code(said["code"]), _text(said["message"], "message"), _text(said["remedy"], "remedy"), number)


def _keys(said: Any, wanted: Any, what: str) -> None:
    _a(dict, said, what)
    unknown, lacking = sorted(set(said) - set(wanted)), sorted(set(wanted) - set(said))
    if unknown or lacking:
        told = f"has an unknown key {unknown[0][:40]!r}" if unknown else f"lacks the key {lacking[0]!r}"
        raise ValueError(f"{what} {told}")


def _a(kind: type, said: Any, what: str) -> Any:
    if not isinstance(said, kind):
        raise ValueError(f"{what} must be a {kind.__name__}")
    return said


def _text(said: Any, what: str) -> str:
    if len(_a(str, said, what)) > LONGEST_TEXT:
        raise ValueError(f"{what} is longer than any text of a plan")
    return said


def _whole(said: Any, what: str) -> int:
    if isinstance(said, bool) or not 0 <= _a(int, said, what) < 2**53:
        raise ValueError(f"{what} must be a whole number from 0")
    return said


def _value(said: Any) -> str | int | float | None:
    if said is None or isinstance(said, str):
        return said if said is None else _text(said, "a value")
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise ValueError("a value must be a text, a number or null")
    if isinstance(said, int) and abs(said) > 2**63:
        raise ValueError("a whole number is larger than any field holds")
    if isinstance(said, float) and not math.isfinite(said):
        raise ValueError("a number is not finite")
    return said


def _fields(said: Any) -> Json:
    if len(_a(dict, said, "the fields of a feature")) > MOST_FIELDS:
        raise ValueError("a feature has more fields than any layer")
    return said


def _values(said: Any) -> Json:
    return {_text(name, "a field"): _value(value) for name, value in _fields(said).items()}


def _geometry(said: Any) -> Json | None:
    """Esri JSON with straight sides, and nothing beside it."""
    if said is None:
        return None
    for name, value in _a(dict, said, "a geometry").items():
        if name in _SHAPES:
            _coordinates(value, _SHAPES[name])
        elif name == "spatialReference":
            _reference(value)
        elif name in ("hasZ", "hasM"):
            _a(bool, value, name)
        elif name in ("x", "y", "z", "m"):
            _coordinate(value, is_known=name in "xy")
        else:
            raise ValueError(f"a geometry has an unknown key {name[:40]!r}")
    return said


def _coordinates(said: Any, depth: int) -> None:
    _a(list, said, "a list of points")
    if depth > 1:
        for each in said:
            _coordinates(each, depth - 1)
        return
    if not 2 <= len(said) <= 4:
        raise ValueError("a point must have two coordinates, a height, a measure")
    for place, each in enumerate(said):
        _coordinate(each, is_known=place < 2)


def _coordinate(said: Any, *, is_known: bool) -> None:
    if not is_known and said in (None, "NaN"):  # how a server writes a measure that nobody took
        return
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not abs(said) < 1e15:
        raise ValueError("a coordinate must be a finite number")


def _reference(said: Any) -> Json:
    for name, value in _a(dict, said, "a spatial reference").items():
        if name == "wkt":
            _text(value, "wkt")
        elif name in ("wkid", "latestWkid"):
            _whole(value, name)
        else:
            raise ValueError(f"a spatial reference has an unknown key {name[:40]!r}")
    return said


def _key(said: Any) -> str:
    if not isinstance(said, str) or global_id_text(said) != said:
        raise ValueError("a global_id must be a UUID in lower case without braces")
    return said


def _hash(said: Any) -> str:
    if not isinstance(said, str) or not _HASH.fullmatch(said):
        raise ValueError("a remote_hash must be 32 hexadecimal digits")
    return said


def _code(said: Any) -> str:
    if not isinstance(said, str) or said not in all_codes():
        raise ValueError("a code is none of Y01 on")
    return said


def _no_number(said: str) -> float:
    raise ValueError(f"{said} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> Json:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is in it twice")
    return made
