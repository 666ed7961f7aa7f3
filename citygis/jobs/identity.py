"""
What a step rests on, as one hash: a step whose hash and files are as they were is not done again.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyproj
import shapely

from citygis import __version__
from citygis.changes import read_review
from citygis.city import City
from citygis.jobs.inputs import Digest, Outside, asked_files, city_file, digest, within
from citygis.jobs.job import Compare, Convert, Job, Step
from citygis.publish import file_sha256
from citygis.store import STORE_VERSION, Store, database_of, store

CITY_FILES: dict[str, tuple[str, ...]] = {
    "read": (),
    "convert": ("crosswalks/*.toml",),
    "validate": ("exceptions",),
    "repair": ("exceptions",),
    "compare": (),
    "load": ("exceptions",),
    "analyse": ("rules/*.toml", "styles/**/*"),
    "sheet": ("styles/**/*", "sheets/**/*"),
    "series": ("styles/**/*", "sheets/**/*"),
    "report": ("reports/*.sql",),
    "backup": (),
    "sync": ("sync/*.toml",),
}
"""Of which of the City's own files a kind of step takes account, beside ``city.toml``; the first part is a key of ``[folders]``."""

READS_STORE = ("validate", "compare", "load", "analyse", "sheet", "series", "report", "backup", "sync")
"""The kinds of step whose result depends on what the store holds."""

_PINNED = ("sheet", "series", "backup")


def versions(city: City) -> dict[str, str]:
    """The versions that results depend on: citygis, schema, store, Python, and what computes coordinates and geometry."""
    return {
        "citygis": __version__,
        "schema": str(city.schema.version),
        "store": str(STORE_VERSION),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "proj": pyproj.proj_version_str,
        "geos": shapely.geos_version_string,
    }


def city_digests(kinds: Iterable[str], city: City) -> dict[str, str]:
    """SHA-256 by name of the City's own files that steps of some kinds take account of."""
    names = dict.fromkeys(name for kind in kinds for name in CITY_FILES[kind])
    found = {"city.toml": file_sha256(city.folder / "city.toml")}
    for name in names:
        key, _, pattern = name.partition("/")
        place = city.folder / getattr(city.folders, key, key)
        for file in sorted(place.glob(pattern)) if pattern else [place]:
            if file.is_file():
                found[name if not pattern else f"{key}/{file.relative_to(place).as_posix()}"] = file_sha256(file)
    return found


def fingerprint(job: Job, inputs: Mapping[str, Digest], city: City, extra: object = None) -> str:
    """
    What a whole job rests on: its steps and acceptances, its inputs, the City's files, the versions.

    ``extra`` is whatever else counts, such as decisions. 12 hexadecimal digits.
    """
    said = [
        [each.model_dump(mode="json") for each in job.steps],
        job.inputs,
        job.accept,
        {name: each.sha256 for name, each in inputs.items()},
        city_digests({step.kind for step in job.steps}, city),
        versions(city),
        extra,
    ]
    return hash_of(said)[:12]


def rests_on(
    step: Step, job: Job, inputs: Mapping[str, Any], city: City, state: str | None, extra: object = None
) -> dict[str, str]:
    """
    What a step rests on, as a SHA-256 for each part, by what a person calls it; where all are as they were it is not done again.

    Parameters
    ----------
    step : Step
    job : Job
    inputs : mapping of str to JSON
        By what the step calls them.
    city : City
    state : str or None
        Of `store_state`, for a step that reads the store.
    extra : JSON
        What else counts.
    """
    parts = {
        "its parameters": step.model_dump(mode="json"),
        "the job's title": [job.name, job.title],
        "what the job accepts": job.accept if step.kind in ("validate", "load") else None,
        "the City's files": city_digests([step.kind], city),
        "the versions": versions(city),
        "the store": state,
        "what lies beside the job": extra,
    }
    return {name: hash_of(said) for name, said in (parts | {f"input {name!r}": said for name, said in inputs.items()}).items()}


def beside(step: Step, job: Job, city: City) -> Any:
    """
    What else a step rests on: a person's decisions, files of its own that lie beside the job. JSON.

    Of a review only what is decided counts, so that a blank one is as good as none.
    """
    if step.kind == "load":
        return [beside(each, job, city) for each in job.steps if each.id in step.source and each.kind == "compare"]
    if step.kind == "compare" and step.review:
        table = decided_by_persons(step, job, city)
        return table[["change_id", "decision", "comment", "by", "state"]].values.tolist() or None if table is not None else None
    if step.kind == "convert":
        path = crosswalk_file(step, job, city)
        return file_sha256(path) if path else None
    if step.kind in ("sheet", "series"):
        return file_sha256(city_file(getattr(step, step.kind), "sheets", job, city))
    if step.kind == "analyse":
        return {name: digest(Outside(name, path)).sha256 for name, path in asked_files(step, job, city).items()}
    return None


def decided_by_persons(step: Compare, job: Job, city: City) -> pd.DataFrame | None:
    """
    The rows of a step's review that a person decided or commented, not the job's own policy; None where there is no review.

    Errors as `citygis.changes.read_review`.
    """
    if not step.review or not (path := within(step.review, job, city, what="the review")).exists():
        return None
    table = read_review(path)
    is_said = (table["decision"] != "") | (table["comment"] != "")
    return table[is_said & (table["by"] != policy_of(job))].reset_index(drop=True)


def policy_of(job: Job) -> str:
    """Who a review says decided what the job accepts by itself."""
    return f"job {job.name}"


def crosswalk_file(step: Convert, job: Job, city: City) -> Path | None:
    """The crosswalk of a convert step where it is a file beside the job; None where it is named. Errors as `within`."""
    if step.crosswalk is None or not step.crosswalk.endswith(".toml"):
        return None
    return within(step.crosswalk, job, city, what="the crosswalk")


def mark_of(job: Job, step: Step, made_of: str) -> str:
    """What a step's change is known by in the store, at the end of its message; `made_of` is the job's `fingerprint`."""
    return f"{mark_stem(job.name)}{step.id}, {made_of}]"


def mark_stem(job: str) -> str:
    """What the marks of all steps of a job begin with."""
    return f"[job {job}, step "


def store_state(step: Step, city: City, marks: frozenset[str]) -> str:
    """
    What the store holds before a step, as a text: its last change, and when that was.

    Changes at the end that this step and those after it made, under the same fingerprint, do not count: they do not make the step
    out of date. For sheets and backups, the pins of labels count too.
    """
    if not database_of(city).exists():
        return "no store"
    with store(city) as db:
        own = changes_marked(db, marks)
        made = db.changes()
        made = made.iloc[: len(made) - len(own)]
        last = [int(made["id"].iloc[-1]), made["at"].iloc[-1].isoformat()] if len(made) else []
        pins = hash_of(db.label_pins().astype(str).values.tolist()) if step.kind in _PINNED else None
    return json.dumps([last, pins])


def changes_marked(db: Store, marks: frozenset[str]) -> list:
    """The changes at the end of the store's list that all carry one of some marks, oldest first, as rows of `Store.changes`."""
    own: list = []
    for row in reversed(list(db.changes().itertuples(index=False))):
        if not str(row.message).endswith(tuple(marks)):
            break
        own.insert(0, row)
    return own


def hash_of(said: object) -> str:
    """The SHA-256 of what JSON can say, the same in whatever order its keys stand."""
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()
