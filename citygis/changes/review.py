"""
The review file: every change with a cell for a person's decision, and what the decisions come to.
"""

import csv
import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.changes.clusters import clusters
from citygis.changes.comparison import Changes
from citygis.errors import ReadError
from citygis.publish import publish_text

SHIFT_ID = "whole_layer_shift"
"""The ``change_id`` of the shift of the whole layer, which is decided like a change."""

DECISIONS = ("accept", "reject")

REVIEW_COLUMNS = (
    "change_id",
    "cluster",
    "kind",
    "old",
    "new",
    "columns",
    "moved_ft",
    "confidence",
    "message",
    "decision",
    "comment",
    "by",
    "state",
)
"""Of a review. ``cluster`` numbers changes that lie together; ``state`` tells whether a change is still what was looked at."""


class Standing(NamedTuple):
    """
    What the decisions of a review come to.

    Attributes
    ----------
    accepted, rejected, undecided : tuple of str
        Ids of the changes, in their order.
    outdated : tuple of str
        Those of `undecided` that had been decided when they said something else.
    unknown : tuple of str
        Ids of the review that are no change of this comparison.
    """

    accepted: tuple[str, ...]
    rejected: tuple[str, ...]
    undecided: tuple[str, ...]
    outdated: tuple[str, ...]
    unknown: tuple[str, ...]


def review_of(changes: Changes, decided: pd.DataFrame | None = None) -> pd.DataFrame:
    """
    A review with one row for each change, a shift of the whole layer first.

    Parameters
    ----------
    changes : Changes
    decided : DataFrame, optional
        An earlier review, whose decisions, comments and names are kept where the change is still the same.

    Returns
    -------
    DataFrame of str
        Columns `REVIEW_COLUMNS`; nothing is decided but what was before.
    """
    table = pd.DataFrame(changes.changes.drop(columns="geometry"))
    table["cluster"] = clusters(changes)
    table["moved_ft"] = [f"{far:.2f}" if far else "" for far in table["moved_ft"]]
    table["confidence"] = [f"{share:.3f}" for share in table["confidence"]]
    table["state"] = _states(changes)
    if changes.shift is not None:
        shift = {"change_id": SHIFT_ID, "kind": "shift", "message": f"{changes.shift}.", "state": _shift_state(changes)}
        table = pd.concat([pd.DataFrame([shift]), table.astype(object)], ignore_index=True)
    table = table.reindex(columns=list(REVIEW_COLUMNS))
    table = table.astype(object).where(table.notna(), "").astype("str")
    if decided is not None:
        before = decided.drop_duplicates("change_id").set_index("change_id").reindex(table["change_id"])
        same = before["state"].fillna("").eq(table["state"].to_numpy()).to_numpy()
        for name in ("decision", "comment", "by"):
            table[name] = np.where(same, before[name].fillna(""), "")
    return table


def write_review(changes: Changes, path: Path | str, *, decided: pd.DataFrame | None = None, overwrite: bool = False) -> Path:
    """
    `review_of` as a CSV file that a spreadsheet opens.

    Parameters
    ----------
    changes : Changes
    path : path
        Ends in .csv.
    decided, overwrite
        As `review_of` and `citygis.publish.publishing` take them.

    Raises
    ------
    ValueError
        If `path` does not end in .csv.
    StoreError
        If the file exists, or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        raise ValueError(f"Invalid path {str(path)!r}. Must end in .csv.")
    return publish_text(path, csv_text(review_of(changes, decided)), overwrite=overwrite)


def read_review(path: Path | str) -> pd.DataFrame:
    """
    A review that a person filled in.

    Returns
    -------
    DataFrame of str
        Columns `REVIEW_COLUMNS`, no nulls; ``decision`` is one of `DECISIONS` or empty.

    Raises
    ------
    ReadError
        If the file is missing, is no review, says another decision, or decides one change in two ways; the message names the row.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig", sep=None, engine="python")
    except FileNotFoundError:
        raise ReadError(f"{path} is not there. Make a review: citygis diff OLD NEW --key KEY --review {path.name}") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise ReadError(f"{path} cannot be read as a table: {error}. Save it as CSV, UTF-8.") from None
    missing = [name for name in ("change_id", "decision", "state") if name not in table]
    if missing:
        raise ReadError(f"{path} has no column {', '.join(missing)}: it is no review. Make one: citygis diff --review FILE.csv")
    table = table.reindex(columns=list(REVIEW_COLUMNS)).fillna("").apply(lambda column: column.str.strip())
    table["decision"] = table["decision"].str.lower()
    wrong = np.flatnonzero(~table["decision"].isin(["", *DECISIONS]))
    if len(wrong):
        said = table["decision"].iloc[wrong[0]]
        raise ReadError(f"{path}, row {wrong[0] + 2}: the decision {said!r} must be accept, reject or empty.")
    decided = table[table["decision"] != ""].drop_duplicates(["change_id", "decision"])
    twice = decided[decided["change_id"].duplicated()]
    if len(twice):
        raise ReadError(f"{path}, row {twice.index[0] + 2}: {twice['change_id'].iloc[0]} is both accepted and rejected. Say one.")
    return table


def standing(changes: Changes, review: pd.DataFrame) -> Standing:
    """
    What the decisions of a review come to for the changes of a comparison.

    Parameters
    ----------
    changes : Changes
    review : DataFrame
        From `read_review`, or `review_of` with its decisions filled in.
    """
    now = review_of(changes)
    given = review.sort_values("decision", ascending=False, kind="stable").drop_duplicates("change_id").set_index("change_id")
    said = given.reindex(now["change_id"])
    same = said["state"].fillna("").eq(now["state"].to_numpy()).to_numpy()
    decision = said["decision"].fillna("").to_numpy(dtype=object)
    ids = now["change_id"].to_numpy(dtype=object)
    unknown = [each for each in given.index if each and each not in set(ids)]
    accepted, rejected = (same & (decision == each) for each in DECISIONS)
    groups = (accepted, rejected, ~accepted & ~rejected, ~same & (decision != ""))
    return Standing(*(tuple(ids[group]) for group in groups), tuple(unknown))


def csv_text(table: pd.DataFrame) -> str:
    """
    A table as CSV with a header, lines ended by CRLF (RFC 4180).

    A cell that a spreadsheet would take for a formula (it starts with = + - @ or a tab) gets an apostrophe before it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows([[_cell(value) for value in row] for row in table.itertuples(index=False, name=None)])
    return text.getvalue()


def _cell(value: object) -> str:
    text = "" if pd.isna(value) else str(value)
    is_number = isinstance(value, (int, float))
    return f"'{text}" if not is_number and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _states(changes: Changes) -> list[str]:
    """A short print of what each change says: a decision holds for that and nothing else."""
    said: dict[str, list[str]] = {}
    for change_id, name, was, now in changes.values[["change_id", "column", "old", "new"]].itertuples(index=False, name=None):
        said.setdefault(change_id, []).append(f"{name}={was}>{now}")
    table = changes.changes[["change_id", "moved_ft", "area_old_sqft", "area_new_sqft"]]
    return [
        _print(f"{far:.2f}|{before:.0f}|{after:.0f}|{sorted(said.get(change_id, ()))}")
        for change_id, far, before, after in table.itertuples(index=False, name=None)
    ]


def _shift_state(changes: Changes) -> str:
    shift = changes.shift
    return _print(f"{shift.easting_ft:.2f}|{shift.northing_ft:.2f}|{shift.rotation_sec:.1f}|{shift.scale_ppm:.1f}")


def _print(text: str) -> str:
    return f"s{hashlib.sha256(text.encode()).hexdigest()[:7]}"
