"""
What the engineer's pages tell of the City's records: changes of the store, plans of the sync, the ledger of jobs.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.city import City
from citygis.desk.holdings import OWNERS, Holdings
from citygis.errors import ReadError, StoreError
from citygis.jobs.ledger import LEDGER, events, verify_ledger
from citygis.store import Store
from citygis.sync.model import Add, Conflict, Delete, Refusal, Stop, Update
from citygis.sync.planfile import read_plan
from citygis.sync.privacy import is_denied

MOST_ROWS = 500
"""Rows of a change or a plan that are listed."""
MOST_COMPARED = 1_000
"""Features that one change touched in a layer; of more only the count is told."""
MOST_PLANS = 50
LARGEST_PLAN = 128 * 2**20
"""Bytes of a plan; a larger one is not opened here."""
LARGEST_LEDGER = 64 * 2**20
MOST_RUNS = 30

KINDS = ("adds", "updates", "deletes", "conflicts", "refusals", "stops")
"""The lists of a sync plan."""

ENDS = {0: "done", 1: "done, and something waits for a person", 3: "stopped: nothing was changed"}
"""What the exit codes of ``citygis run`` mean."""


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


class PlanRows(NamedTuple):
    """
    A saved plan of the sync.

    Parameters
    ----------
    name : str
        As in `plans`.
    counts : dict of str to int
        By `KINDS`.
    facts : list of (str, str)
        Target, layer, address, when it was made, how many features each side has.
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


class JobRun(NamedTuple):
    """
    One run of a job, as the ledger tells it.

    Parameters
    ----------
    job, title, at : str
    end : str
        Of `ENDS`; that it has not ended, where the ledger has no end of it.
    is_good : bool
        Whether it ended with nothing left for a person.
    steps : list of dict
        ``step, kind, state, said``: what a step counted, and what a person must look at.
    """

    job: str
    title: str
    at: str
    end: str
    is_good: bool
    steps: list[dict[str, str]]


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
        for row in frame.head(MOST_ROWS).itertuples(index=False, name="Row")
    ]
    if len(frame) > MOST_ROWS:
        left_out.append(f"{len(frame) - MOST_ROWS:,} more features")
    there = frame[frame.geometry.notna()]
    ground = {kind: there[there["kind"] == kind] for kind in ("added", "updated", "retired") if (there["kind"] == kind).any()}
    return ChangeRows(told, rows, ground, tuple(left_out))


def plans(city: City) -> dict[str, Path]:
    """
    Plans that ``citygis sync plan`` saved in the City's folder ``sync`` or a folder of it, or a job made: their files by what they
    are called, the newest first.
    """
    if city.folder is None:
        return {}
    saved, made = city.folder / "sync", city.folder / city.folders.jobs / ".work"
    named = [(path.relative_to(saved).as_posix(), path) for path in (*saved.glob("*.json"), *saved.glob("*/*.json"))]
    named += [(f"job {path.parts[-3]}, step {path.parts[-2]}", path) for path in made.glob("*/*/plan.json")]
    there = sorted(((path.stat().st_mtime, name, path) for name, path in named if _is_plan(path)), reverse=True)
    return {name: path for _, name, path in there[:MOST_PLANS]}


def plan(name: str, path: Path, *, held: Holdings, owners: bool) -> PlanRows:
    """
    A saved plan.

    Parameters
    ----------
    name, path
        As `plans` gives them.
    held : Holdings
        What its parcels are called.
    owners : bool
        Whether values of fields that tell of people (`citygis.sync.privacy.is_denied`) are shown.

    Raises
    ------
    SyncError
        If it is not a plan as it was saved.
    ReadError
        If it is too large.
    """
    if path.stat().st_size > LARGEST_PLAN:
        raise ReadError(f"The plan {name} is too large to be shown here. Make its page: citygis sync plan --report FILE.html")
    said = read_plan(path)

    def hidden(field: str) -> bool:
        return not owners and is_denied(field)

    parcels = held.layers["parcel"]
    listed = [each.global_id for kind in KINDS[:-1] for each in getattr(said, kind)[:MOST_ROWS]]
    known = np.flatnonzero(parcels["global_id"].isin(listed)) if said.layer == "parcel" else []
    names = {str(parcels["global_id"].iloc[k]): str(held.shown[k]) for k in known}
    rows = [
        {
            "kind": kind,
            "key": names.get(getattr(row, "global_id", ""), _key(row, hidden)),
            "said": "; ".join(_plan_row(row, hidden)),
        }
        for kind in KINDS
        for row in getattr(said, kind)[:MOST_ROWS]
    ][:MOST_ROWS]
    counts = {kind: len(getattr(said, kind)) for kind in KINDS}
    facts = [("Target", said.target), ("Layer", said.layer), ("Address", said.url), ("Made", said.made_at)]
    facts += [("Features", ", ".join(f"{count:,} {side}" for side, count in said.counts.items()))]
    facts += [
        ("Takes back", said.reverts or ""),
        ("Deletions meant", "" if said.allow_deletes is None else f"{said.allow_deletes:,}"),
    ]
    return PlanRows(name, counts, [fact for fact in facts if fact[1]], rows, sum(counts.values()) - len(rows))


def job_runs(city: City) -> tuple[list[JobRun], str]:
    """
    The last runs of the City's jobs, the newest first, and what is wrong with their ledger; empty where it holds.

    Raises
    ------
    StoreError
        If a line of the ledger is no event.
    ReadError
        If it is too large.
    """
    path = (city.folder or Path()) / city.folders.jobs / LEDGER
    if city.folder is None or not path.is_file():
        return [], ""
    if path.stat().st_size > LARGEST_LEDGER:
        raise ReadError("The ledger is too large to be shown here. Look at its end: citygis ledger verify.")
    _, broken = verify_ledger(path)
    by_run: dict[str, list[dict[str, Any]]] = {}
    for event in events(path):
        by_run.setdefault(str(event.get("run", "")), []).append(event)
    told = [_job_run(some) for some in list(by_run.values())[: -MOST_RUNS - 1 : -1]]
    return told, f"Line {broken.line} of the ledger does not hold: {broken.why}" if broken else ""


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
    """Whether a file is a plan, by how one begins: bases and journals lie beside them."""
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        return b'"fingerprint"' in file.read(400)


def _key(row: Add | Update | Delete | Conflict | Refusal | Stop, hidden: Callable[[str], bool]) -> str:
    """What a feature that is not in the store is called: its first text, else its key."""
    told = (
        value for name, value in getattr(row, "attributes", {}).items() if isinstance(value, str) and value and not hidden(name)
    )
    return next(told, getattr(row, "global_id", "") or getattr(row, "code", ""))


def _plan_row(row: Add | Update | Delete | Conflict | Refusal | Stop, hidden: Callable[[str], bool]) -> list[str]:
    """What a row of a plan says, field by field; geometries as a word."""

    def value(field: str, said: str) -> str:
        return f"{field}: {'not shown' if hidden(field) else said}"

    match row:
        case Add() | Delete():
            return [value(name, _said(each)) for name, each in row.attributes.items() if each is not None]
        case Update():
            told = [
                value(name, f"{_said(was.old) or 'nothing'} → {_said(was.new) or 'nothing'}") for name, was in row.changed.items()
            ]
            return [*told, *(["its ground"] if row.geometry else [])]
        case Conflict():
            sides = [(name, ", ".join(f"{side} {_said(v)}" for side, v in each.items())) for name, each in row.fields.items()]
            return [row.kind.replace("_", " "), row.message, *(value(*each) for each in sides)]
        case Refusal() if row.field is not None and hidden(row.field):
            return [row.code, value(row.field, "")]
    return [each for each in (row.code, getattr(row, "field", None), row.message, row.remedy) if each]


def _job_run(some: list[dict[str, Any]]) -> JobRun:
    first, last = some[0], some[-1]
    ended = last.get("event") == "run ended"
    end = ENDS.get(last.get("exit"), f"ended with {last.get('exit')}") if ended else "not ended: it runs, or was cut off"
    steps = []
    for event in some:
        state = str(event.get("event", "")).removeprefix("step ")
        if "step" not in event or (state == "started" and any(e.get("step") == event["step"] and e is not event for e in some)):
            continue
        counts = ", ".join(f"{count:,} {name}" for name, count in (event.get("counts") or {}).items() if count)
        said = [counts, *(event.get("attention") or ()), event.get("message"), *(event.get("remarks") or ())]
        said = " ".join(each if each.endswith(".") else f"{each}." for each in said if each)
        steps.append({"step": event["step"], "kind": event.get("kind", ""), "state": state, "said": said})
    at = str(first.get("at", ""))[:16].replace("T", " ")
    return JobRun(str(first.get("job", "")), str(first.get("title") or ""), f"{at} UTC", end, last.get("exit") == 0, steps)


def _said(value: Any) -> str:
    text = "" if value is None or (not isinstance(value, (list, tuple, dict)) and pd.isna(value)) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."
