"""
What earlier runs did and could not enter in the ledger: they were killed, or the ledger could not be written at that moment.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from citygis.city import City
from citygis.errors import StoreError
from citygis.jobs.identity import mark_stem
from citygis.jobs.job import Job
from citygis.jobs.ledger import events_of
from citygis.jobs.shelf import Kept, kept, noted
from citygis.store import database_of, store

_TOLD = ("step done", "step unchanged", "step kept", "step recovered")


class _Known(NamedTuple):
    """What a ledger says of a job: steps with what they rested on, and numbers of changes with when they were entered."""

    steps: set[tuple[str, str]]
    changes: set[int]


def unentered(job: Job, city: City, home: Path, ledger: Path) -> list[dict[str, Any]]:
    """
    What is there of a job, and not in the ledger.

    Parameters
    ----------
    job : Job
    city : City
    home : Path
        The folder of the job's steps.
    ledger : Path

    Returns
    -------
    list of dict
        An event for each: steps whose files lie whole in `home`, with what they rest on and gave, and changes in the store that
        carry the mark of the job, with their number, moment and counts.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    known = _known(ledger, job)
    found = []
    for step in job.steps:
        old = noted(home / step.id)
        if old is None or (step.id, old.identity) in known.steps or kept(home / step.id) is None:
            continue
        found.append({"step": step.id, "kind": step.kind, **_said(old)})
        known.changes.add(old.outcome.change)
    return found + [event for event in _marked(job, city) if event["change"] not in known.changes]


def holds_change(job: Job, step: str, change: int, city: City) -> bool:
    """Whether the store has a change of that number that this step made; not so where an earlier state was restored."""
    return any(event["step"] == step and event["change"] == change for event in _marked(job, city))


def change_marked(mark: str, city: City) -> int | None:
    """The last change with a mark; None where there is none, or the store cannot be asked."""
    try:
        if not database_of(city).exists():
            return None
        with store(city) as db:
            made = db.changes()
    except StoreError:
        return None
    own = made.loc[made["message"].fillna("").str.endswith(mark), "id"]
    return int(own.max()) if len(own) else None


def _marked(job: Job, city: City) -> list[dict[str, Any]]:
    """The changes in the store that carry the mark of a job, as events."""
    if not any(step.kind == "load" for step in job.steps) or not database_of(city).exists():
        return []
    mark = re.compile(re.escape(mark_stem(job.name)) + r"([A-Za-z][A-Za-z0-9_-]*), [0-9a-f]{12}\]$")
    with store(city) as db:
        made = db.changes()
    found = []
    for row in made.itertuples(index=False):
        if of := mark.search(str(row.message)):
            said = {"step": of[1], "kind": "load", "change": int(row.id), "entered": row.at.isoformat()}
            found.append(said | {"counts": _sums(row.counts)})
    return found


def _sums(layers: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(int(each.get(name, 0)) for each in layers.values()) for name in ("added", "updated", "retired")}


def _said(old: Kept) -> dict[str, Any]:
    said = old.outcome
    return {
        "identity": old.identity,
        "counts": dict(said.counts),
        "outputs": old.listed,
        "change": said.change,
        "attention": list(said.attention),
        "remarks": list(said.remarks),
        "message": said.stop,
    }


def _known(ledger: Path, job: Job) -> _Known:
    known = _Known(set(), set())
    for event in events_of(ledger, job.name):
        if event.get("event") in _TOLD:
            known.steps.add((event.get("step"), event.get("identity")))
            known.changes.add(event.get("change"))
    return known
