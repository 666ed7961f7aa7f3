"""
Taking a change back by another change: what it added goes, what it updated and retired is as before.
"""

import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.errors import ConflictError, StoreError
from citygis.gpkg import Table, quoted
from citygis.schema import Layer, Schema
from citygis.store.apply import delete, restore, stage, to_history, unstage
from citygis.store.database import STAGE, Transaction
from citygis.store.identity import has_global_id
from citygis.store.layout import history_of
from citygis.store.plan import CONFLICT_COLUMNS, Counts

_TOLD = 20


class Reversal(NamedTuple):
    """What taking a change back does to a layer: ``fid`` of rows to take out and to reset, history versions to bring back."""

    layer: Layer
    added: np.ndarray
    updated: np.ndarray
    retired: np.ndarray

    @property
    def counts(self) -> Counts:
        """As a batch counts them."""
        return Counts(len(self.retired), len(self.updated), 0, 0, len(self.added))


def reversals(work: Transaction, schema: Schema, change_id: int) -> list[Reversal]:
    """
    What taking a change back would do.

    Raises
    ------
    ConflictError
        If later changes touched the same features; they are listed, and those changes would have to be undone first.
    StoreError
        If there is no such change.
    """
    if not work.rows("SELECT 1 FROM citygis_change WHERE id = ?", change_id):
        last = work.rows("SELECT coalesce(max(id), 0) FROM citygis_change")[0][0]
        raise StoreError(f"There is no change {change_id} to undo. The store's last one is {last}. Nothing was changed.")
    without_effect = _without_effect(work, change_id)
    found, later = [], []
    for layer in schema.layers.values():
        reversal, touched = _reversal(work, work.table(layer.layer), layer, change_id, without_effect)
        found.append(reversal)
        later.append(touched)
    conflicts = pd.concat(later, ignore_index=True)
    if len(conflicts):
        raise ConflictError(_refusal(conflicts, change_id), conflicts)
    return [each for each in found if len(each.added) or len(each.updated) or len(each.retired)]


def reverse(work: Transaction, reversal: Reversal, *, undone: int, change_id: int, at: datetime.datetime, author: str) -> None:
    """
    Take a change back in one layer.

    Parameters
    ----------
    work : Transaction
        With the right to write.
    reversal : Reversal
    undone : int
        The change that is taken back.
    change_id, at, author
        Of the change that does it.
    """
    table = work.table(reversal.layer.layer)
    work.open_edit(table)
    if len(reversal.added):
        stage(work, table, [], ((fid,) for fid in reversal.added.tolist()))
        to_history(work, table, change_id, at)
        delete(work, table, reversal.added)
        unstage(work)
    if len(reversal.updated):
        stage(work, table, [], ((fid,) for fid in reversal.updated.tolist()))
        to_history(work, table, change_id, at)
        _reset(work, table, undone, change_id, at, author)
        _place(work, table, f"IN (SELECT {quoted(table.key)} FROM {STAGE})")
        unstage(work)
    if len(reversal.retired):
        restore(work, table, reversal.retired.tolist(), change_id=change_id, at=at, author=author)
        past = (
            f"SELECT fid FROM {quoted(history_of(table.name))} WHERE cs_to = {int(undone)} AND coalesce(cs_from, 0) < {int(undone)}"
        )
        _place(work, table, f"IN ({past})")
    work.close_edit(table, pd.Timestamp(at))


def _without_effect(work: Transaction, change_id: int) -> set[int]:
    """Later changes that were taken back, and the undos that did it: together they left everything as it was."""
    undoes = dict(work.rows("SELECT id, undo_of FROM citygis_change WHERE id > ? ORDER BY id DESC", change_id))
    taken_back: set[int] = set()
    for change, undone in undoes.items():  # the last one first: an undo that was itself undone takes nothing back
        if undone is not None and change not in taken_back:
            taken_back.add(undone)
    return {change for change, undone in undoes.items() if change in taken_back or (undone in taken_back and undone > change_id)}


def _reversal(
    work: Transaction, table: Table, layer: Layer, change_id: int, without_effect: set[int]
) -> tuple[Reversal, pd.DataFrame]:
    name, past, key = quoted(table.name), quoted(history_of(table.name)), quoted(table.key)
    made = {fid for (fid,) in work.rows(f"SELECT {key} FROM {name} WHERE cs_from = ?", change_id)}
    ended = dict(
        work.rows(
            f"SELECT fid, version_id FROM {past} WHERE cs_to = ? AND coalesce(cs_from, 0) < ? ORDER BY version_id", *[change_id] * 2
        )
    )
    names = ", ".join(quoted(each) for each in layer.key)
    later = work.rows(f"SELECT cs_to, fid, {names} FROM {past} WHERE cs_from = ? AND cs_to > ?", change_id, change_id)
    gone_since = {row[1] for row in later}
    if gone_since and without_effect:
        since = _since(work, table, change_id, gone_since)
        made |= {fid for fid in gone_since if since[fid] <= without_effect}
        later = [(min(since[row[1]] - without_effect), *row[1:]) for row in later if row[1] not in made]
    retired = {fid: version for fid, version in ended.items() if fid not in made and fid not in gone_since}
    if retired:
        later += [row for row in _back_again(work, table, layer, change_id, set(retired)) if row[0] not in without_effect]
    touched = pd.DataFrame(
        [(layer.layer, " ".join(map(str, row[2:])), f"was changed by change {row[0]}", change_id, row[0]) for row in later],
        columns=list(CONFLICT_COLUMNS),
    ).drop_duplicates(["layer", "feature", "change"])
    numbers = [sorted(made - set(ended)), sorted(made & set(ended)), sorted(retired.values())]
    return Reversal(layer, *(np.array(some, dtype=np.int64) for some in numbers)), touched


def _since(work: Transaction, table: Table, change_id: int, fids: set[int]) -> dict[int, set[int]]:
    """The later changes that touched each of some rows."""
    name, past, key = quoted(table.name), quoted(history_of(table.name)), quoted(table.key)
    touched = work.rows(f"SELECT {key}, cs_from FROM {name} WHERE cs_from > ?", change_id)
    touched += work.rows(f"SELECT fid, cs_from FROM {past} WHERE cs_from > ?", change_id)
    touched += work.rows(f"SELECT fid, cs_to FROM {past} WHERE cs_to > ?", change_id)
    since: dict[int, set[int]] = {fid: set() for fid in fids}
    for fid, change in touched:
        if fid in since:
            since[fid].add(change)
    return since


def _back_again(work: Transaction, table: Table, layer: Layer, change_id: int, fids: set[int]) -> list[tuple]:
    """Features that a change retired and that a later one brought back, whatever became of them since."""
    known = ["global_id"] if has_global_id(layer) else list(layer.key)
    same = " AND ".join(f"l.{quoted(column)} = h.{quoted(column)}" for column in known)
    names = ", ".join(f"h.{quoted(each)}" for each in layer.key)
    past = quoted(history_of(table.name))
    rows = [
        row
        for source in (quoted(table.name), past)
        for row in work.rows(
            f"SELECT DISTINCT l.cs_from, h.fid, {names} FROM {past} AS h JOIN {source} AS l ON {same} "
            "WHERE h.cs_to = ? AND l.cs_from > ?",
            change_id,
            change_id,
        )
    ]
    return [row for row in rows if row[1] in fids]


def _reset(work: Transaction, table: Table, undone: int, change_id: int, at: datetime.datetime, author: str) -> None:
    names = [*([table.geometry_column] if table.geometry_column else []), *(column.name for column in table.columns)]
    given = {"tx_from": work.cell(pd.Timestamp(at), "datetime"), "tx_to": None, "editor": author, "cs_from": change_id}
    given = {each: value for each, value in given.items() if each in names}
    sets = ", ".join(f"{quoted(each)} = {'?' if each in given else f'h.{quoted(each)}'}" for each in names)
    name, key = quoted(table.name), quoted(table.key)
    work.run(
        f"UPDATE {name} SET {sets} FROM {quoted(history_of(table.name))} AS h WHERE h.fid = {name}.{key} AND h.cs_to = ? "
        f"AND coalesce(h.cs_from, 0) < ? AND {name}.{key} IN (SELECT {key} FROM {STAGE})",
        *[given[each] for each in names if each in given],
        undone,
        undone,
    )


def _place(work: Transaction, table: Table, which: str) -> None:
    if table.geometry_column is None:
        return
    key, shape = quoted(table.key), quoted(table.geometry_column)
    rows = work.rows(f"SELECT {key}, {shape} FROM {quoted(table.name)} WHERE {key} {which}")
    if rows:
        fids, blobs = zip(*rows, strict=True)
        work.place(table, np.array(fids, dtype=np.int64), work.decoded(blobs))


def _refusal(conflicts: pd.DataFrame, change_id: int) -> str:
    lines = [f"  {row.layer} {row.feature}: {row.reason}" for row in conflicts.head(_TOLD).itertuples()]
    if len(conflicts) > _TOLD:
        lines.append(f"  and {len(conflicts) - _TOLD:,} more")
    later = ", ".join(str(number) for number in sorted(conflicts["change"].unique(), reverse=True)[:_TOLD])
    return "\n".join(
        [
            f"Change {change_id} cannot be undone: later changes touched the same features. Nothing was changed.",
            *lines,
            f"Undo the later changes first, the last one first: {later}.",
        ]
    )
