"""
The three sides of a plan, hashed and aligned by their keys: the City's layer, the remote one, the base; and what of them is in
each other's way.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from citygis.readers.service.definition import LayerDefinition
from citygis.sync.canon import Canonical, canonical, feature_hashes, global_ids
from citygis.sync.model import Conflict, ConflictKind, Json
from citygis.sync.sameness import differences

LOCAL, REMOTE, BASE = range(3)

OnConflict = Literal["skip", "local", "remote"]
"""Whose version stands where both differ: nobody's yet, the City's (sent), the remote one (left)."""


class Sides:
    """
    Features by key on each side.

    Parameters
    ----------
    local, remote, base : frames
        Without duplicate keys. A `base` of None is the remote layer itself.
    definition : LayerDefinition
    fields : sequence of str
        Fields that count; columns of `local` and `remote`.
    curved : array of bool or None
        Which rows of `remote` hold true curves.
    tolerance_ft : float

    Attributes
    ----------
    keys : Index
        The global ids of `local` and `remote`, in their order. All rows that the methods take and give are positions in it.
    at : list of three arrays
        Where each key stands in each frame; -1 where it does not.
    hashes : list of two arrays
        Of the rows of `local` and of `remote`.
    """

    def __init__(
        self,
        local: pd.DataFrame,
        remote: pd.DataFrame,
        base: pd.DataFrame | None,
        definition: LayerDefinition,
        fields: Sequence[str],
        curved: np.ndarray | None,
        tolerance_ft: float,
    ) -> None:
        self.definition, self.fields, self.tolerance_ft = definition, sorted(fields, key=str.casefold), tolerance_ft
        self.is_mirror = base is None
        self.frames = [local, remote, remote if base is None else base]
        ids = [global_ids(frame) for frame in self.frames]
        self.keys = pd.Index(sorted({each for side in ids[:2] for each in side if each is not None}), dtype=object)
        self.at = [_positions(each, self.keys) for each in ids]
        self.hashes = [feature_hashes(frame, definition, self.fields) for frame in (local, remote)]
        self._curved = np.zeros(len(remote), dtype=bool) if curved is None else np.asarray(curved, dtype=bool)

    def rows_of(self, side: int, rows: np.ndarray | Sequence[int]) -> pd.DataFrame:
        """The features of one side, which must have them all."""
        return self.frames[side].iloc[self.at[side][np.asarray(rows, dtype=int)]]

    def features(self, side: int, rows: np.ndarray) -> Canonical:
        """The same in canonical form; fields that the side has no column for are left out."""
        there = [name for name in self.fields if name in self.frames[side].columns]
        return canonical(self.rows_of(side, rows), self.definition, there)

    def curved(self, rows: np.ndarray | Sequence[int]) -> np.ndarray:
        """Which features hold true curves at the server."""
        at = self.at[REMOTE][np.asarray(rows, dtype=int)]
        found = np.zeros(len(at), dtype=bool)
        found[at >= 0] = self._curved[at[at >= 0]]
        return found

    def differences(self, rows: np.ndarray, one: int, other: int) -> dict[str, np.ndarray]:
        """Where two sides differ, as `citygis.sync.sameness.differences`."""
        sides = self.features(one, rows), self.features(other, rows)
        return differences(*sides, self.definition, tolerance_ft=self.tolerance_ft, curved=self.curved(rows))

    def names_of_differences(self, rows: np.ndarray, one: int, other: int) -> list[set[str]]:
        """The same as a set of names for each feature; empty for one that the base lacks."""
        names: list[set[str]] = [set() for _ in rows]
        known = np.flatnonzero((self.at[one][rows] >= 0) & (self.at[other][rows] >= 0))
        for name, mask in self.differences(rows[known], one, other).items():
            for at in known[mask].tolist():
                names[at].add(name)
        return names

    def unequal(self, rows: np.ndarray) -> np.ndarray:
        """Those of `rows`, all on both sides, that hash differently."""
        return rows[self.hashes[LOCAL][self.at[LOCAL][rows]] != self.hashes[REMOTE][self.at[REMOTE][rows]]]

    def edited_there(self, rows: np.ndarray) -> np.ndarray:
        """Which remote features are not what the base has, or are not in it."""
        if self.is_mirror:
            return np.zeros(len(rows), dtype=bool)
        edited = self.at[BASE][rows] < 0
        known = np.flatnonzero(~edited)
        for mask in self.differences(rows[known], REMOTE, BASE).values():
            edited[known] |= mask
        return edited


def contested(sides: Sides, rows: np.ndarray, on_conflict: OnConflict) -> list[Conflict]:
    """
    Conflicts of features that differ here and there, and were edited there since the base; or are gone here and were edited there.

    Parameters
    ----------
    sides : Sides
    rows : array of int
        All of them stand in the remote layer.
    on_conflict : str
        For the message.
    """
    if not len(rows):
        return []
    mine, theirs, apart = (
        sides.names_of_differences(rows, one, other) for one, other in ((LOCAL, BASE), (REMOTE, BASE), (LOCAL, REMOTE))
    )
    values = [_Values(sides, side, rows) for side in (BASE, LOCAL, REMOTE)]
    conflicts = []
    for at, row in enumerate(rows):
        is_here, is_known = sides.at[LOCAL][row] >= 0, sides.at[BASE][row] >= 0
        kind: ConflictKind = "remote_edited" if is_here and is_known and not mine[at] else "both_changed"
        fields = {
            name: {side: told.of(at, name) for side, told in zip(("base", "local", "remote"), values, strict=True)}
            for name in sorted(mine[at] | theirs[at] | apart[at])
        }
        if not is_known:
            said = "It stands on both sides, says different things, and was never synced"
        elif not is_here:
            said = f"Gone here, and edited there: {_list(theirs[at])}"
        elif kind == "remote_edited":
            said = f"Edited there, not here: {_list(theirs[at])}"
        elif mine[at].isdisjoint(theirs[at]):
            said = f"Edited on both sides, in fields that are disjoint: here {_list(mine[at])}, there {_list(theirs[at])}"
        else:
            said = f"Edited on both sides: {_list(mine[at] & theirs[at])}"
        conflicts.append(Conflict(sides.keys[row], kind, fields, _ended(said, on_conflict)))
    return conflicts


def added_there(global_id: str, known_by: Json) -> Conflict:
    """Somebody else's feature, with the values of its natural key; it is never deleted."""
    said = "Added there by somebody else, and left there. Pull it, or take it out at the server."
    fields = {name: {"base": None, "local": None, "remote": value} for name, value in known_by.items()}
    return Conflict(global_id, "remote_added", fields, said)


def deleted_there(global_id: str, on_conflict: OnConflict) -> Conflict:
    """A feature that stands here and is gone there."""
    return Conflict(global_id, "remote_deleted", {}, _ended("Deleted there since the last sync, and still here", on_conflict))


class _Values:
    """Values of one side by position and name; the geometry as a hash of its own; None where the side lacks the feature."""

    def __init__(self, sides: Sides, side: int, rows: np.ndarray) -> None:
        known = np.flatnonzero(sides.at[side][rows] >= 0)
        self.features: Canonical = sides.features(side, rows[known])
        self.place = {at: place for place, at in enumerate(known.tolist())}

    def of(self, at: int, name: str) -> str | int | float | None:
        if at not in self.place:
            return None
        if name != "geometry":
            return self.features.values[name][self.place[at]] if name in self.features.values else None
        shape = None if self.features.geometry is None else self.features.geometry[self.place[at]]
        return None if shape is None else hashlib.blake2b(shape.wkb, digest_size=16).hexdigest()


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _ended(said: str, on_conflict: OnConflict) -> str:
    if on_conflict == "remote":
        return f"{said}. The version there stands."
    return f"{said}. Skipped: pull it, or say whose version stands (--on-conflict local or remote)."


def _positions(ids: np.ndarray, keys: pd.Index) -> np.ndarray:
    at = np.full(len(keys), -1)
    there = keys.get_indexer(pd.Index(ids, dtype=object))
    at[there[there >= 0]] = np.flatnonzero(there >= 0)
    return at
