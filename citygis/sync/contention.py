"""
Features that somebody else's edit stands in the way of, with the values of all three sides.
"""

import hashlib
from typing import Literal

import numpy as np

from citygis.sync.canon import Canonical
from citygis.sync.model import Conflict, ConflictKind
from citygis.sync.sides import BASE, LOCAL, REMOTE, Sides

OnConflict = Literal["skip", "local", "remote"]
"""Whose version stands where both differ: nobody's yet, the City's (sent), the remote one (left)."""


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


def added_there(global_id: str) -> Conflict:
    """Somebody else's feature; it is never deleted."""
    said = "Added there by somebody else, and left there. Pull it, or take it out at the server."
    return Conflict(global_id, "remote_added", {}, said)


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
