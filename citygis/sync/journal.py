"""
What a run did, written down before and after each request, so that a run that was killed can be told and any run taken back.

A run is one file of JSON lines, ``runs/RUN.jsonl`` in the target's folder, only ever appended to, each line on disk before the next
step. Its events:

``begin``     plan (fingerprint), target, url, layer, counts, reverts, process
``sent``      batch, attempt, and what is about to be sent: ``adds`` (global id, hash of what is meant), ``updates`` (global id, the
              feature before as the server had it, the values and the geometry to be written), ``deletes`` (global id, the
              feature before)
``done``      batch, global ids done, refused (global id, code, message), conflicts
``ambiguous`` batch, kind and code of the fault, message
``verified``  hashes of the features that hold what was meant, as read back
``completed`` by a later run: the outcome of a run that was cut off
``end``       is_clean, stopped (why, where it did not reach its end)

There is no token, no password and no request header in it.
"""

import datetime
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from citygis.errors import SyncError
from citygis.sync.model import Json

RUNS = "runs"
_MOST_BYTES = 2**31
_TAIL_BYTES = 2**16


_FORMS: dict[str, dict[str, Any]] = {
    "begin": {"url": str, "counts": dict, "reverts": str | None},
    "sent": {"batch": int, "adds": list, "updates": list, "deletes": list},
    "done": {"done": list},
    "completed": {"done": list},
    "verified": {"hashes": dict},
}
"""What of the lines is read again."""


class RunRecord(NamedTuple):
    """
    A run as its journal tells it.

    ``events`` are in their order. ``state`` is ``clean``; ``written`` where all of the plan was, and something besides it needs a
    person; ``unclean`` where some of it was not; ``stopped``; or, where the last line is none that ends a run,
    ``cut_off``; a cut-off run whose outcome was read back later is ``completed``.
    """

    run_id: str
    path: Path
    events: tuple[Json, ...]
    state: str

    @property
    def begin(self) -> Json:
        """The first event."""
        return self.events[0]

    def of(self, kind: str) -> Iterator[Json]:
        """The events of one kind."""
        return (event for event in self.events if event["event"] == kind)

    @property
    def written(self) -> set[str]:
        """Global ids that the run is known to have written, added or deleted."""
        return {each for kind in ("done", "completed") for event in self.of(kind) for each in event["done"]}


class Journal:
    """The journal of one run, open for writing. Each `write` is on disk when it returns."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.run_id = run_id
        self.path = folder / RUNS / f"{run_id}.jsonl"

    def write(self, event: str, **said: Any) -> None:
        """
        Append an event.

        Raises
        ------
        SyncError
            If the file cannot be written, or a number in it is not finite: then nothing more must be sent either.
        """
        try:  # in ASCII: a server's text may hold half a surrogate pair, which UTF-8 has not
            line = json.dumps({"event": event, "at": _now(), **said}, allow_nan=False)
        except ValueError:
            raise SyncError(f"{self.path}: a feature holds a number that is not finite, and is not sent.") from None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _drop_half_line(self.path)
            with open(self.path, "a", encoding="utf-8", newline="\n") as opened:
                opened.write(line + "\n")
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as error:
            raise SyncError(
                f"{self.path} cannot be written: {error.strerror or error}. Without a journal nothing more is sent."
            ) from None


def new_run_id() -> str:
    """The moment in UTC and four random letters: ``20261122T181500Z-3fa9``."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def runs(folder: Path) -> list[RunRecord]:
    """
    The runs of a target, oldest first.

    Parameters
    ----------
    folder : Path
        `citygis.sync.target.Target.folder`.

    Raises
    ------
    SyncError
        If a journal is damaged elsewhere than in its last line, which a killed run may have left half written.
    """
    return _in_order((folder / RUNS).glob("*.jsonl"))


def cut_off_runs(folder: Path) -> list[RunRecord]:
    """The runs that were cut off and whose outcome nobody read back, oldest first; of the others only the ends are read."""
    waiting = _in_order(path for path in (folder / RUNS).glob("*.jsonl") if not _is_ended(path))
    return [record for record in waiting if record.state == "cut_off"]


def run_of(folder: Path, run_id: str) -> RunRecord:
    """
    One run by its id, or by the end of it where no other run has that.

    Raises
    ------
    SyncError
        If there is none, or it is not the only one; as `runs`.
    """
    found = [path for path in sorted((folder / RUNS).glob("*.jsonl")) if path.stem == run_id or path.stem.endswith(run_id)]
    if len(found) != 1:
        there = [path.stem for path in sorted((folder / RUNS).glob("*.jsonl"))][-5:]
        raise SyncError(
            f"{'No run' if not found else 'More than one run'} {run_id!r}. The last ones: {', '.join(there) or 'none'}."
        )
    record = _read(found[0])
    if record is None:
        raise SyncError(f"Run {run_id} ended before it began: nothing was sent.")
    return record


def _in_order(paths: Iterable[Path]) -> list[RunRecord]:
    """By the moment that they began: two of one second are told apart by chance in their names."""
    read = (record for path in paths if (record := _read(path)) is not None)
    return sorted(read, key=lambda record: (record.begin["at"], record.run_id))


def _drop_half_line(path: Path) -> None:
    """What a killed process left of a line tells nothing, and would run into the next one."""
    if not path.exists():
        return
    with open(path, "rb") as opened:
        whole = path.stat().st_size
        opened.seek(max(0, whole - 1))
        if opened.read(1) in (b"\n", b""):
            return
        opened.seek(0)
        kept = opened.read().rfind(b"\n") + 1
    os.truncate(path, kept)


def _is_ended(path: Path) -> bool:
    with open(path, "rb") as opened:
        opened.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        last = opened.read().rstrip(b"\n").rpartition(b"\n")[2]
    return last.startswith((b'{"event": "end"', b'{"event": "completed"'))


def _read(path: Path) -> RunRecord | None:
    if path.stat().st_size > _MOST_BYTES:
        raise SyncError(f"{path} is larger than any journal of ours. Move it elsewhere.")
    events = []
    lines = path.read_bytes().split(b"\n")  # a killed process may have left half of a letter
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            event = json.loads(line)
            _require_form(event, is_first=not events)
        except (ValueError, KeyError, TypeError, RecursionError):
            if number == len(lines):  # no newline: the process was killed in the middle of the write
                continue
            raise SyncError(f"{path}, line {number}, is damaged. Move the file elsewhere; that run cannot be taken back.") from None
        events.append(event)
    if not events:
        return None
    return RunRecord(path.stem, path, tuple(events), _state(events))


def _require_form(event: Any, *, is_first: bool) -> None:
    """KeyError, TypeError or ValueError where a line is none that a run writes."""
    kind = event["event"]
    if (kind == "begin") != is_first or not isinstance(event["at"], str):
        raise ValueError(kind)
    for name, form in _FORMS.get(kind, {}).items():
        if not isinstance(event[name], form):
            raise TypeError(name)
    for each in event["done"] if kind in ("done", "completed") else ():
        _require_id(each)
    if kind == "sent":
        for global_id, hash_ in event["adds"]:
            _require_id(global_id)
            _require_id(hash_)
        for each in (*event["updates"], *event["deletes"]):
            _require_id(each["global_id"])
            _require_feature(each["before"])
        for each in event["updates"]:
            if not isinstance(each["changed"], dict) or not isinstance(each["geometry"], list | None):
                raise TypeError("an update")
            if each["geometry"] is not None:
                _require_feature({"attributes": {}, "geometry": each["geometry"][0]})


def _require_feature(said: Any) -> None:
    if not isinstance(said["attributes"], dict) or not isinstance(said["geometry"], dict | None):
        raise TypeError("a feature")


def _require_id(said: Any) -> None:
    if not isinstance(said, str):
        raise TypeError("an identifier")


def _state(events: list[Json]) -> str:
    kinds = {event["event"] for event in events}
    if "end" in kinds:
        last = next(event for event in reversed(events) if event["event"] == "end")
        if last.get("stopped") or last.get("is_clean"):
            return "stopped" if last.get("stopped") else "clean"
        counts = events[0]["counts"]
        return "written" if last.get("done") == sum(counts.values()) else "unclean"
    return "completed" if "completed" in kinds else "cut_off"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
