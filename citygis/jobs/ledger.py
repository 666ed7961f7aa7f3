"""
The ledger of runs: one line per event, each holding the hash of the line before, so that what is changed later shows.

``ledger.head`` beside it says how many lines there are and what the last one is. It is written first, with the line whole: a
process killed between the two leaves a ledger that the next event completes, and lines cut off at the end are missed.

A chain of hashes without a secret shows what was changed, cut off or put in by who did not make the whole chain anew. Who wants
more keeps the last hash elsewhere: an alert's JSON carries it.
"""

import datetime
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from citygis.errors import StoreError
from citygis.publish import publish_text

LEDGER = "ledger.jsonl"
FIRST = "0" * 64
"""What stands for the line before the first."""


class Unwritten(StoreError):
    """An event could not be added: the ledger cannot be written, or is not as its last run left it."""


class Broken(NamedTuple):
    """The first line of a ledger that does not hold, counted from 1, and why."""

    line: int
    why: str


class Head(NamedTuple):
    """What ``ledger.head`` says: the number of lines, and the last of them as it stands in the ledger."""

    count: int
    line: str

    @property
    def sha256(self) -> str:
        """The hash of the last line; `FIRST` where there is none."""
        return _sha(self.line) if self.count else FIRST


def append_event(ledger: Path, event: Mapping[str, Any], *, at: datetime.datetime | None = None) -> Head:
    """
    Add an event to a ledger; only who holds the jobs folder (`citygis.lock`) may.

    Parameters
    ----------
    ledger : Path
        Made with the first event.
    event : mapping
        JSON. ``n``, ``at``, ``prev`` and ``hash`` are added: the number of the line, the moment, the SHA-256 of the line before,
        and that of this event without its ``hash``.
    at : datetime, optional
        With time zone; now when not given.

    Returns
    -------
    Head

    Raises
    ------
    Unwritten
        If the ledger cannot be written, or was changed at its end.
    """
    try:
        head = _completed(ledger)
    except Unwritten:
        raise
    except StoreError as error:
        raise Unwritten(str(error)) from None
    moment = (at or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    entry = {"n": head.count + 1, "at": moment, **event, "prev": head.sha256}
    line = _spelt({**entry, "hash": _sha(_spelt(entry))})
    new = Head(head.count + 1, line)
    try:
        publish_text(_head_path(ledger), json.dumps(new._asdict(), ensure_ascii=False) + "\n", overwrite=True)
    except StoreError as error:
        raise Unwritten(f"{_head_path(ledger)} cannot be written: {_reason(error.__cause__ or error)}.") from None
    _append(ledger, line + "\n")
    return new


def events(ledger: Path) -> list[dict[str, Any]]:
    """
    The events of a ledger, oldest first; empty where there is none.

    Raises
    ------
    StoreError
        If a line is no event; the message says how to look at what happened.
    """
    found = []
    for number, line in enumerate(_lines(ledger), start=1):
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            raise StoreError(f"{ledger}:{number} is no event. See what is wrong: citygis ledger verify {ledger}")
        found.append(event)
    return found


def events_of(ledger: Path, job: str) -> Iterator[dict[str, Any]]:
    """The events of one job, oldest first; what is no event is passed over, as `verify_ledger` is there to tell of it."""
    for line in _lines(ledger):
        if job in line:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(event, dict) and event.get("job") == job:
                yield event


def last_head(ledger: Path) -> Head:
    """
    What ``ledger.head`` says; nothing where neither it nor the ledger is there.

    Raises
    ------
    StoreError
        If it is missing beside a ledger, or cannot be read.
    """
    path = _head_path(ledger)
    if not path.exists():
        if ledger.exists() and ledger.stat().st_size:
            raise StoreError(f"{path} is not there, though {ledger.name} is. See what is wrong: citygis ledger verify {ledger}")
        return Head(0, "")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Head(int(said["count"]), str(said["line"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(f"{path} cannot be read. See what is wrong: citygis ledger verify {ledger}") from None


def verify_ledger(ledger: Path) -> tuple[int, Broken | None]:
    """
    Look whether a ledger is as it was written.

    Parameters
    ----------
    ledger : Path

    Returns
    -------
    int
        Lines that hold, from the first on.
    Broken or None
        The first that does not: changed, out of its place, not following from the one before, missing at the end, or beyond it.

    Raises
    ------
    StoreError
        If there is no ledger.
    """
    if not ledger.exists():
        raise StoreError(f"{ledger} is not there. It is written by: citygis run JOB")
    before, number = FIRST, 0
    last = ""
    for number, line in enumerate(_lines(ledger), start=1):
        if why := _wrong(line, number, before):
            return number - 1, Broken(number, why)
        before, last = _sha(line), line
    try:
        head = last_head(ledger)
    except StoreError as error:
        return number, Broken(number + 1, str(error))
    if number < head.count:
        known = head.count == number + 1 and not _wrong(head.line, head.count, before)
        tail = " Its text is in ledger.head, and the next run puts it back." if known else ""
        return number, Broken(number + 1, f"missing: ledger.head tells of {head.count:,} lines.{tail}")
    if number > head.count:
        return head.count, Broken(head.count + 1, f"beyond the end: ledger.head tells of {head.count:,} lines.")
    if last != head.line:
        return number - 1, Broken(number, "not the line that ledger.head tells of.")
    return number, None


def _wrong(line: str, number: int, before: str) -> str | None:
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return "no JSON: changed or cut off."
    if not isinstance(event, dict) or "hash" not in event:
        return "no event of a run."
    said = event.pop("hash")
    if _sha(_spelt(event)) != said or _spelt({**event, "hash": said}) != line:
        return "changed after it was written: its hash does not fit."
    if event.get("n") != number:
        return f"out of its place: it was line {event.get('n')}."
    if event.get("prev") != before:
        return "does not follow from the line before: that one was changed, or lines were taken out or put in."
    return None


def _completed(ledger: Path) -> Head:
    """The head, after what a killed process had not yet appended was."""
    head = last_head(ledger)
    whole = head.line.encode() + b"\n"
    try:
        if head.count and _tail(ledger, len(whole)) == whole:
            return head
        text = ledger.read_bytes() if ledger.exists() else b""
    except OSError as error:
        raise Unwritten(f"{ledger} cannot be read: {_reason(error)}.") from None
    if not head.count and not text:
        return head
    done = text[text.rfind(b"\n") + 1 :]
    lines = text.count(b"\n")
    if not head.count or lines != head.count - 1 or not whole.startswith(done):
        raise Unwritten(
            f"{ledger} is not as its last run left it. See what was changed: citygis ledger verify {ledger}\n"
            f"Put back what was there; where that is lost, put {ledger.name} and {_head_path(ledger).name} aside, and the next run "
            "begins a new ledger."
        )
    _append(ledger, whole[len(done) :].decode())
    return head


def _tail(ledger: Path, size: int) -> bytes:
    """The last bytes of a ledger, which grows for years: it is not read whole for each event."""
    if not ledger.exists():
        return b""
    with open(ledger, "rb") as read:
        read.seek(0, os.SEEK_END)
        read.seek(-min(size, read.tell()), os.SEEK_END)
        return read.read()


def _append(ledger: Path, text: str) -> None:
    try:
        with open(ledger, "a", encoding="utf-8", newline="\n") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
    except OSError as error:
        raise Unwritten(f"{ledger} cannot be written: {_reason(error)}.") from None


def _lines(ledger: Path) -> Iterator[str]:
    if not ledger.exists():
        return
    with open(ledger, encoding="utf-8", errors="replace", newline="\n") as read:
        for line in read:
            yield line.removesuffix("\n")


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)


def _head_path(ledger: Path) -> Path:
    return ledger.with_suffix(".head")


def _spelt(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
