"""
What the engineer's pages tell of the City's records: changes of the store, plans of the sync, the ledger of jobs.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.city import City
from citygis.desk.holdings import OWNERS
from citygis.errors import ReadError, StoreError
from citygis.store import Store

MOST_ROWS = 500
"""Rows of a change or a plan that are listed."""
MOST_COMPARED = 1_000
"""Features that one change touched in a layer; of more only the count is told."""
LARGEST_BYTES = 64 * 2**20
"""A plan that is larger is not opened."""
LEDGER_BYTES = 256 * 2**10
"""Of a ledger so much is read, from its end."""
LAST_JOBS = 100

KINDS = ("adds", "updates", "deletes", "conflicts", "refusals", "stops")
"""The lists of a sync plan."""

_OF_PEOPLE = re.compile(r"(?i)owner|mail|taxpayer|assessee|phone|e_?mail|(^|_)name_?[12]$")
_SECRET = re.compile(r"(?i)token|password|secret|credential|api_?key")


class ChangeRows(NamedTuple):
    """
    One change of the store.

    Parameters
    ----------
    change : dict
        ``id, at, effective, author, message, source, counts, undo_of``.
    rows : list of dict
        ``layer, name, kind, fields, values``, at most `MOST_ROWS`.
    ground : dict of str to GeoDataFrame
        The features that were ``added``, ``updated``, ``retired``.
    left_out : tuple of str
        What is not listed, and why.
    """

    change: dict[str, Any]
    rows: list[dict[str, Any]]
    ground: dict[str, gpd.GeoDataFrame]
    left_out: tuple[str, ...]


class Plan(NamedTuple):
    """
    A saved plan of the sync.

    Parameters
    ----------
    name : str
        Of its file, without folder.
    counts : dict of str to int
        By `KINDS`.
    facts : list of (str, str)
        What else it says in plain values: layer, item, when.
    rows : list of dict
        ``kind, key, said``, at most `MOST_ROWS`.
    left_out : int
        Rows that are not listed.
    """

    name: str
    counts: dict[str, int]
    facts: list[tuple[str, str]]
    rows: list[dict[str, str]]
    left_out: int


def changes(store: Store) -> list[dict[str, Any]]:
    """The changes of a store, the newest first; ``counts`` by layer as added, updated, retired, of those that have any."""
    rows = store.changes().to_dict("records")
    return [_change(row) for row in reversed(rows)]


def change_rows(store: Store, number: int, *, owners: bool) -> ChangeRows:
    """
    What one change did, feature by feature.

    Parameters
    ----------
    store : Store
    number : int
    owners : bool
        Whether rows of the roll are told; without it they are counted only.

    Raises
    ------
    StoreError
        If there is no such change.
    """
    told = next((row for row in changes(store) if row["id"] == number), None)
    if told is None:
        raise StoreError(f"There is no change {number}.")
    parts, left_out = [], []
    for layer, counts in told["counts"].items():
        total = sum(counts.values())
        if layer == OWNERS and not owners:
            left_out.append(f"{layer}: {total:,} rows, not shown under the public profile")
        elif total > MOST_COMPARED:
            left_out.append(f"{layer}: {total:,} features, too many to list here: citygis history --between {number - 1} {number}")
        else:
            parts.append(store.diff(number - 1, number, layer))
    frame = pd.concat(parts, ignore_index=True) if parts else None
    if frame is None or not len(frame):
        return ChangeRows(told, [], {}, tuple(left_out))
    rows = [
        {
            "layer": row.layer,
            "name": row.name if isinstance(row.name, str) else str(row.feature),
            "kind": row.kind,
            "fields": ", ".join(row.fields),
            "values": [
                (name, _said(row.before.get(name)), _said(row.after.get(name))) for name in row.fields if name != "geometry"
            ],
        }
        for row in frame.head(MOST_ROWS).rename(columns={"name": "name"}).itertuples(index=False, name="Row")
    ]
    if len(frame) > MOST_ROWS:
        left_out.append(f"{len(frame) - MOST_ROWS:,} more features")
    there = frame[frame.geometry.notna()]
    ground = {kind: there[there["kind"] == kind] for kind in ("added", "updated", "retired") if (there["kind"] == kind).any()}
    return ChangeRows(told, rows, ground, tuple(left_out))


def plans(city: City) -> list[str]:
    """Plans saved in the City's folder ``sync``, or in a folder of it, by their names from there; the newest first."""
    folder = city.folder / "sync" if city.folder else None
    if folder is None or not folder.is_dir():
        return []
    there = [path for path in (*folder.glob("*.json"), *folder.glob("*/*plan*.json")) if path.is_file() and not path.is_symlink()]
    there = sorted((path for path in there if _is_plan(path)), key=lambda path: -path.stat().st_mtime)
    return [path.relative_to(folder).as_posix() for path in there]


def plan(city: City, name: str, *, owners: bool) -> Plan:
    """
    A saved plan.

    Parameters
    ----------
    city : City
    name : str
        One of `plans`.
    owners : bool
        Whether values of fields that tell people are shown.

    Raises
    ------
    ReadError
        If there is no such plan, or it is none.
    """
    if name not in plans(city):
        raise ReadError("There is no such plan in the City's folder sync.")
    said = _read(city.folder / "sync" / name)
    counts = {kind: len(said.get(kind) or ()) for kind in KINDS}
    hidden = (
        (lambda field: bool(_SECRET.search(field)))
        if owners
        else (lambda field: bool(_SECRET.search(field) or _OF_PEOPLE.search(field)))
    )
    facts = [
        (key.replace("_", " "), str(value))
        for key, value in said.items()
        if isinstance(value, (str, int, float)) and not hidden(key)
    ]
    rows = [
        {"kind": kind, "key": _key(row), "said": "; ".join(_values(row, hidden))}
        for kind in KINDS
        for row in (said.get(kind) or ())[:MOST_ROWS]
    ]
    return Plan(name, counts, facts, rows[:MOST_ROWS], sum(counts.values()) - len(rows[:MOST_ROWS]))


def jobs(city: City) -> list[dict[str, str]]:
    """
    The last lines of the ledger of jobs, the newest first: each ``at``, ``job``, ``step``, ``state`` as far as it says them, and
    ``said``, its other plain values. Lines that are no JSON are told as damaged.
    """
    if city.folder is None:
        return []
    path = city.folder / city.folders.jobs / "ledger.jsonl"
    if not path.is_file():
        return []
    with open(path, "rb") as file:
        file.seek(0, 2)
        start = max(0, file.tell() - LEDGER_BYTES)
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").splitlines()[1 if start else 0 :]
    out = []
    for line in reversed(lines[-LAST_JOBS:]):
        try:
            said = json.loads(line)
        except ValueError:
            said = {"state": "damaged line"}
        said = said if isinstance(said, dict) else {"state": "damaged line"}
        main = {
            "at": _first(said, "at", "ended", "started", "time"),
            "job": _first(said, "job", "name"),
            "step": _first(said, "step", "kind", "event"),
            "state": _first(said, "state", "status", "outcome"),
        }
        rest = [
            f"{key} {value}"
            for key, value in said.items()
            if isinstance(value, (str, int, float)) and str(value) not in main.values()
        ]
        out.append(main | {"said": "; ".join(each for each in rest if not _SECRET.search(each) and len(each) < 80)})
    return out


def _change(row: dict[str, Any]) -> dict[str, Any]:
    plain = {name: None if pd.isna(row[name]) else row[name] for name in ("effective", "message", "source", "undo_of")}
    counts = {
        layer: {verb: int(done[verb]) for verb in ("added", "updated", "retired") if done.get(verb)}
        for layer, done in row["counts"].items()
    }
    return {
        **plain,
        "id": int(row["id"]),
        "author": row["author"],
        "at": row["at"].strftime("%Y-%m-%d %H:%M UTC"),
        "counts": {layer: done for layer, done in counts.items() if done},
    }


def _is_plan(path: Path) -> bool:
    """Whether a file looks like a plan: bases and journals may lie beside them."""
    with open(path, "rb") as file:
        return b'"adds"' in file.read(LEDGER_BYTES) or "plan" in path.stem


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST_BYTES:
        raise ReadError(f"The plan {path.name} is too large to be shown here: citygis sync plan.")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ReadError(f"The plan {path.name} cannot be read. Make it again: citygis sync plan.") from None
    if not isinstance(said, dict) or not all(isinstance(said.get(kind, []), list) for kind in KINDS):
        raise ReadError(f"{path.name} is no plan: it has no lists of {', '.join(KINDS)}.")
    return said


def _key(row: Any) -> str:
    return _first(row, "key", "apn", "global_id", "globalid", "feature", "id") if isinstance(row, dict) else str(row)[:80]


def _first(row: dict[str, Any], *names: str) -> str:
    return next((str(row[name]) for name in names if row.get(name) not in (None, "")), "")


def _values(row: Any, hidden: Any, before: str = "") -> list[str]:
    """Plain values of a row as ``name: value``; what lies deeper by its path; geometries as a word."""
    if not isinstance(row, dict):
        return []
    out = []
    for name, value in row.items():
        if name.lower() in ("geometry", "shape", "rings", "paths"):
            out.append(f"{before}{name}: drawn otherwise" if value else f"{before}{name}: none")
        elif hidden(name):
            out.append(f"{before}{name}: not shown")
        elif isinstance(value, dict) and set(value) == {"old", "new"}:
            out.append(f"{before}{name}: {_said(value['old'])} → {_said(value['new'])}")
        elif isinstance(value, dict):
            out += _values(value, hidden, f"{before}{name}.")
        elif isinstance(value, list) and len(value) == 2 and not any(isinstance(each, (dict, list)) for each in value):
            out.append(f"{before}{name}: {_said(value[0])} → {_said(value[1])}")
        elif value is not None and not isinstance(value, list):
            out.append(f"{before}{name}: {_said(value)}")
    return out


def _said(value: Any) -> str:
    text = "" if value is None or (not isinstance(value, (list, tuple, dict)) and pd.isna(value)) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."
