"""
What a batch enters beside its layers: the change itself, lineage, acceptances.
"""

import datetime
import getpass
import json
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.changes import LINEAGE_COLUMNS, lineage_frame
from citygis.errors import StoreError
from citygis.gpkg import Column
from citygis.readers import crs_stated
from citygis.store.database import Transaction
from citygis.store.plan import Counts
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, unit_of

_UNIT_CODES = {METRE: "M", US_SURVEY_FOOT: "FT_US", INTERNATIONAL_FOOT: "FT_INTL"}


class Batch(NamedTuple):
    """
    What a load, a change set or an undo did.

    ``change_id``: of the row in ``citygis_change``; None when the store already said all this and nothing was written.
    ``counts``: `Counts` by layer. ``accepted``: the findings accepted with it (``finding_id, source_sha256, code, layer,
    feature, other, reason``). ``findings``: number of findings by code. ``brought``: of a load, the findings that it brings among
    what the store holds (`citygis.store.Store.consequences`); ``excused``: those of them that the City's register of exceptions
    covers. None where nothing was loaded: a change set, an undo.
    """

    change_id: int | None
    counts: dict[str, Counts]
    accepted: pd.DataFrame
    findings: dict[str, int]
    brought: pd.DataFrame | None = None
    excused: pd.DataFrame | None = None


class Circumstances(NamedTuple):
    """Who makes a change, when, and what for."""

    at: datetime.datetime
    author: str
    effective: datetime.date | None = None
    message: str | None = None
    source: str | None = None
    source_sha256: str | None = None


def enter_change(
    work: Transaction, known: Circumstances, counts: dict[str, Counts], accepted: pd.DataFrame, *, undo_of: int | None = None
) -> int:
    """
    Enter a change and its acceptances.

    Returns
    -------
    int
        The change's number: one more than the last.
    """
    moment = _spelt(known.at)
    reasons = accepted.groupby("code")["reason"].first().to_dict() if len(accepted) else {}
    change_id = work.rows("SELECT coalesce(max(id), 0) + 1 FROM citygis_change")[0][0]
    work.run(
        "INSERT INTO citygis_change (id, at, effective, author, message, source, source_sha256, counts, accepted, undo_of) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        change_id,
        moment,
        known.effective.isoformat() if known.effective else None,
        known.author,
        known.message,
        known.source,
        known.source_sha256,
        json.dumps({name: count._asdict() for name, count in counts.items()}, sort_keys=True),
        json.dumps(reasons, ensure_ascii=False, sort_keys=True),
        undo_of,
    )
    rows = [[None if pd.isna(value) else value for value in row] for row in accepted.itertuples(index=False)]
    if rows:
        # An acceptance that was undone is there still: it is given anew.
        work.run_many(
            "INSERT INTO citygis_accepted (finding_id, source_sha256, code, layer, feature, other, reason, author, at, change) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (finding_id, source_sha256) DO UPDATE SET reason = excluded.reason, "
            "author = excluded.author, at = excluded.at, change = excluded.change, undone_by = NULL",
            [(*row, known.author, moment, change_id) for row in rows],
        )
    return change_id


def enter_lineage(work: Transaction, lineage: pd.DataFrame, change_id: int) -> None:
    """Enter which features came from which; shares may be missing."""
    frame = lineage_frame(lineage)
    if not len(frame):
        return
    nameless = frame[["layer", "parent", "child", "kind"]].isna().any(axis=1)
    if nameless.any():
        raise ValueError(f"Invalid lineage row {int(np.flatnonzero(nameless)[0]) + 1}. Must have a layer, parent, child and kind.")
    columns = [Column(name, "double" if name.startswith("share") else "text") for name in LINEAGE_COLUMNS]
    cells = [[change_id] * len(frame), *(work.cells(frame[column.name], column) for column in columns)]
    work.fill("citygis_lineage", [Column("change", "integer"), *columns], zip(*cells, strict=True))


def withdraw(work: Transaction, undone: int, change_id: int) -> None:
    """Withdraw the lineage and acceptances of a change that is undone; where it was an undo itself, give back what it withdrew."""
    root, is_withdrawn = undone, True
    while (before := work.rows("SELECT undo_of FROM citygis_change WHERE id = ?", root)[0][0]) is not None:
        root, is_withdrawn = before, not is_withdrawn
    for table in ("citygis_lineage", "citygis_accepted"):
        work.run(f"UPDATE {table} SET undone_by = ? WHERE change = ?", change_id if is_withdrawn else None, root)


def moment_of(work: Transaction, at: datetime.datetime | None) -> datetime.datetime:
    """
    When a change is made, to the millisecond: time does not run backwards from one change to the next.

    Raises
    ------
    StoreError
        If `at` is before the store's last change.
    """
    last = work.series([work.rows("SELECT max(at) FROM citygis_change")[0][0]], Column("at", "datetime"))[0]
    now = whole_millisecond(at)
    if pd.isna(last) or now >= last.to_pydatetime():
        return now
    if at is None:
        return last.to_pydatetime()
    raise StoreError(f"A change at {_spelt(now)} would be before the store's last one, {_spelt(last)}. Nothing was changed.")


def whole_millisecond(at: datetime.datetime | None) -> datetime.datetime:
    """A moment in UTC without what is finer than a millisecond; now when not given."""
    at = at or datetime.datetime.now(datetime.UTC)
    if at.tzinfo is None:
        raise ValueError(f"Invalid at {at}. Must have a time zone, such as datetime.now(datetime.UTC).")
    at = at.astimezone(datetime.UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def account() -> str:
    """The name of the account that works."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise StoreError("The account has no name. Say who loads: author=... (or set the variable USER).") from None


def told_source(documents: pd.DataFrame | None) -> tuple[str | None, str | None]:
    """File names and SHA-256 of a delivery's documents, as the change row keeps them."""
    if documents is None:
        return None, None
    texts = [documents[name].dropna().astype("str") if name in documents else [] for name in ("uri", "sha256")]
    return tuple("; ".join(sorted(text)) or None for text in texts)


def unit_sent(path) -> str:
    """The unit of a file's coordinates, as ``source_document`` keeps it. `StoreError` if the file does not state its system."""
    crs = crs_stated(path)
    if crs is None:
        raise StoreError(
            f"{path} does not state its coordinate system, so the unit of its source_document row is not known. "
            "Give that row as source: citygis.readers.source_document(path, unit=...)."
        )
    return _UNIT_CODES[unit_of(crs)] if crs.is_projected else "DEG"


def _spelt(at: datetime.datetime) -> str:
    return pd.Timestamp(at).to_pydatetime().isoformat(timespec="milliseconds").replace("+00:00", "Z")
