"""
What else a change concerns: addresses, easements, zoning, cases, and whatever names a number that means something else now.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes.comparison import Changes
from citygis.changes.matching import keys_of
from citygis.schema import schema

ALERT_COLUMNS = ("change_id", "kind", "layer", "feature", "how", "names", "lies_on", "message", "todo")
"""
Of the alerts. ``how``: the feature "names" a number that changed, "lies on" changed ground as a point, "crosses" it as a line or
polygon, or "covers" all of it. ``names`` is the number it names, ``lies_on`` the new ones under it.
"""

NUMBERS = ("renumbered", "split", "merged", "resubdivided", "recycled", "retired")
"""Kinds after which a number no longer means what it meant."""

LEAST_SQFT, LEAST_FT = 1.0, 0.1
"""A polygon or line with less than this in common with changed ground only touches it."""


def alerts(
    changes: Changes, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, layers: Mapping[str, pd.DataFrame], *, key: str = "apn"
) -> pd.DataFrame:
    """
    The features of other layers that a change concerns, with what to do.

    Parameters
    ----------
    changes : Changes
        Of `old` and `new`.
    old, new : GeoDataFrame
        The two deliveries, as they were compared.
    layers : mapping of name to frame
        The other layers, in the CRS of `old`; each with a column `key`, a geometry, or both. One with neither is passed over.
    key : str
        The column of the layers that names a feature of the deliveries.

    Returns
    -------
    DataFrame
        Columns `ALERT_COLUMNS`, one row for each feature and change, ordered by layer, feature and change. Changes of the record
        alone concern nobody. Of a line that moved, only the ground that changed hands counts.

    Raises
    ------
    ValueError
        If a layer is in another CRS.
    """
    ground = _ground(changes, old, new)
    rows: list[tuple] = []
    for name, frame in layers.items():
        if isinstance(frame, gpd.GeoDataFrame) and frame.crs is not None and not frame.crs.equals(old.crs, ignore_axis_order=True):
            raise ValueError(f"Invalid layer {name!r}: it is in {frame.crs.name}. Must be in {old.crs.name}.")
        shapes = np.full(len(frame), None, dtype=object)
        if isinstance(frame, gpd.GeoDataFrame):
            shapes = np.asarray(frame.geometry.array, dtype=object)
        numbers = keys_of(frame, [key]) if key in frame else pd.Series([None] * len(frame), dtype="str")
        called = _called(name, frame)
        told = {}
        for row, change in _named(changes, numbers):
            told[row, change] = _of_number(changes, ground, change, numbers[row], shapes[row])
        for row, change, how, on in _lying(changes, ground, shapes, numbers):
            told.setdefault((row, change), _of_ground(ground, change, how, on, numbers[row]))
        for (row, change), said in told.items():
            if said is not None:
                rows.append((change, ground.kind[change], name, called[row], *said))
    table = pd.DataFrame(rows, columns=list(ALERT_COLUMNS)).astype("str")
    return table.sort_values(["layer", "feature", "change_id"], kind="stable", ignore_index=True)


class _Ground(NamedTuple):
    """The changes that concern ground: their kinds, their members by side, and the outlines of the new ones by position."""

    kind: dict[str, str]
    was: dict[str, list[str]]
    now: dict[str, list[tuple[str, int]]]
    new: np.ndarray
    parts: np.ndarray
    change: np.ndarray


def _ground(changes: Changes, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> _Ground:
    before, after = (np.asarray(frame.geometry.array, dtype=object) for frame in (old, new))
    if changes.shift is not None:
        after = changes.shift.undone(after)
    table = changes.changes[~changes.changes["kind"].isin(["attribute", "ambiguous"])]
    kind = dict(zip(table["change_id"], table["kind"], strict=True))
    was: dict[str, list[tuple[str, int]]] = {change: [] for change in kind}
    now: dict[str, list[tuple[str, int]]] = {change: [] for change in kind}
    for change, side, name, row in changes.members.itertuples(index=False):
        if change in kind:
            (was if side == "old" else now)[change].append((name, row))
    parts, owner = [], []
    for change in kind:
        one, two = before[[row for _, row in was[change]]], after[[row for _, row in now[change]]]
        both = shapely.make_valid(np.concatenate([one, two]))
        whole = shapely.union_all(both)
        if kind[change] == "moved":
            whole = shapely.symmetric_difference(*both)
        parts.append(whole)
        owner.append(change)
    names = {change: [name for name, _ in each] for change, each in was.items()}
    return _Ground(kind, names, now, after, np.array(parts, dtype=object), np.array(owner, dtype=object))


def _called(name: str, frame: pd.DataFrame) -> list[str]:
    """What a person calls each feature: the key of the City's layer where it has one, else the row."""
    layer = schema().layers.get(name)
    rows = [f"#{row + 1}" for row in range(len(frame))]
    if layer is None or not set(layer.key) <= set(frame.columns):
        return rows
    keys = keys_of(frame, list(layer.key))
    return [row if pd.isna(said) else said for said, row in zip(keys, rows, strict=True)]


def _named(changes: Changes, numbers: pd.Series) -> list[tuple[int, str]]:
    """Rows that name an old number of a change after which numbers mean something else."""
    table = changes.changes[changes.changes["kind"].isin(NUMBERS)]
    members = changes.members[changes.members["change_id"].isin(table["change_id"]) & (changes.members["side"] == "old")]
    rows = pd.DataFrame({"row": np.arange(len(numbers)), "key": numbers.to_numpy(dtype=object)}).dropna(subset="key")
    hits = rows.merge(members[["key", "change_id"]], on="key")
    return list(hits[["row", "change_id"]].itertuples(index=False, name=None))


def _of_number(changes: Changes, ground: _Ground, change: str, number: str, shape: shapely.Geometry | None) -> tuple | None:
    """What to tell of a feature that names a number of a change; None where it is right as it is."""
    kind, now = ground.kind[change], ground.now[change]
    names = [name for name, _ in now]
    on = [name for name, row in now if _on(shape, ground.new[row])] if shape is not None else []
    lies = ", ".join(on)
    if kind == "recycled":
        todo = "Make sure which land is meant. It stands on the new one." if on else "Find the number that its land has now."
        return "names", number, lies, f"{number} means other land now.", todo
    if on == [number]:
        return None
    said = f"{', '.join(ground.was[change])} became {', '.join(names)}." if names else f"{number} is no longer there."
    if not names:
        todo = "Find out where it belongs, or retire it too."
    elif len(on) == 1:
        todo = f"Write {on[0]} for {number}: it lies there."
    elif len(on) > 1:
        todo = f"It lies on {lies}: decide which it belongs to, or divide it."
    elif shape is None and len(names) == 1:
        todo = f"Write {names[0]} for {number}."
    elif shape is None:
        todo = f"Decide which of {', '.join(names)} it belongs to."
    else:
        todo = f"It lies on none of {', '.join(names)}: look at its place and its number."
    return ("names", number, lies, said, todo) if shape is not None or names != [number] else None


def _lying(changes: Changes, ground: _Ground, shapes: np.ndarray, numbers: pd.Series) -> list[tuple[int, str, str, list[str]]]:
    """Features on changed ground: those that name a number only where a line moved across them."""
    at, by = shapely.STRtree(ground.parts).query(shapes, predicate="intersects")
    told = []
    for row, place in zip(at.tolist(), by.tolist(), strict=True):
        change, shape = ground.change[place], shapes[row]
        if ground.kind[change] != "moved" and not pd.isna(numbers[row]):
            continue
        part = ground.parts[place]
        if shapely.get_dimensions(shape) == 0:
            if not shapely.intersects(shapely.boundary(part), shape):
                told.append((row, change, "lies on", _under(ground, change, shape)))
        elif shapely.covers(shape, part):
            if ground.kind[change] != "moved":
                told.append((row, change, "covers", [name for name, _ in ground.now[change]]))
        elif _on(shape, part):
            told.append((row, change, "crosses", _under(ground, change, shape)))
    return told


def _under(ground: _Ground, change: str, shape: shapely.Geometry) -> list[str]:
    return [name for name, row in ground.now[change] if _on(shape, ground.new[row])]


def _of_ground(ground: _Ground, change: str, how: str, on: list[str], number: str | None) -> tuple | None:
    kind, lies = ground.kind[change], ", ".join(on)
    names = ", ".join(name for name, _ in ground.now[change])
    said = {
        "moved": f"The line of {names} moved across it.",
        "new": f"{names} is new here.",
        "retired": f"{', '.join(ground.was[change])} is no longer there.",
    }.get(kind, f"{', '.join(ground.was[change])} became {names}.")
    named = not pd.isna(number)
    if kind == "moved" and named and number == lies:
        return None  # the line moved away from it
    if kind == "moved" and named and (not on or how != "lies on"):
        return None
    todo = {
        "lies on": f"Check that it belongs to {lies}." if lies else "It lies on none of them: look at its place.",
        "crosses": "Check its outline against the new line."
        if kind == "moved"
        else "Check which of them it burdens or belongs to.",
        "covers": "Nothing, unless it follows parcel lines or lists parcels.",
    }[how]
    if kind == "moved" and named:
        todo = f"It names {number} and lies on {lies} now: decide which is right."
    return how, "" if not named else number, lies, said, todo


def _on(shape: shapely.Geometry | None, ground: shapely.Geometry | None) -> bool:
    """Whether a feature stands on ground, and does not only touch it."""
    if shape is None or ground is None or not shapely.intersects(shape, ground):
        return False
    dimensions = shapely.get_dimensions(shape)
    if dimensions == 0:
        return True
    if dimensions == 2:
        return bool(shapely.area(shapely.intersection(shapely.make_valid(shape), shapely.make_valid(ground))) >= LEAST_SQFT)
    inside = shapely.buffer(ground, -LEAST_FT)  # a line along the edge touches
    return bool(shapely.length(shapely.intersection(shape, inside)) >= LEAST_FT)
