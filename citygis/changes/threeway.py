"""
A new delivery brought into a layer that the City has worked on since the last one, so that nobody's work is lost.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.changes.matching import compared_columns, differing, keys_of
from citygis.changes.sameness import displacement_ft
from citygis.errors import CRSError
from citygis.units import require_feet

CONFLICT_COLUMNS = ("key", "column", "kind", "base", "ours", "theirs", "message")
"""Of the conflicts: ``column`` is "geometry" for the outline and null for a whole feature."""


class Merged(NamedTuple):
    """
    What `merge_three` made.

    Attributes
    ----------
    layer : GeoDataFrame
        The City's columns; the features of both, ordered as the City's, new ones behind.
    conflicts : DataFrame
        Columns `CONFLICT_COLUMNS`, one row for each value that both changed, or that one changed and the other took away. The
        layer holds the City's.
    taken : DataFrame
        ``key, column, old, new``: what was taken from the delivery into features the City has.
    added, retired : list of keys
        Features that the delivery brought, and those it took away that the City had left alone.
    """

    layer: gpd.GeoDataFrame
    conflicts: pd.DataFrame
    taken: pd.DataFrame
    added: list[str]
    retired: list[str]


def merge_three(
    base: gpd.GeoDataFrame,
    ours: gpd.GeoDataFrame,
    theirs: gpd.GeoDataFrame,
    *,
    key: str | Sequence[str],
    city_owned: Collection[str] = (),
    tolerance_ft: float = 0.01,
) -> Merged:
    """
    Take into the City's layer what changed between two deliveries.

    Parameters
    ----------
    base : GeoDataFrame
        The delivery that the City's layer was made from.
    ours : GeoDataFrame
        The City's layer as it is now.
    theirs : GeoDataFrame
        The new delivery. All three in one system in feet; none is modified.
    key : str or sequence of str
        What names a feature, alike in all three.
    city_owned : collection of str
        Columns that are the City's to say: never taken from a delivery, and no conflict.
    tolerance_ft : float
        Outlines nowhere farther apart are the same.

    Returns
    -------
    Merged
        A value that only one side changed since `base` is that side's; a value that both changed to the same is that; a value that
        both changed differently stays the City's and is listed. So is a feature that one side changed and the other took away.

    Raises
    ------
    ValueError
        If a key column is not there, or a key is missing or repeated in one of the three.
    CRSError
        If one has no CRS, is not in feet, or they differ.
    """
    names = [key] if isinstance(key, str) else list(key)
    sides = {"base": base, "ours": ours, "theirs": theirs}
    keys = {side: _single_keys(frame, names, side) for side, frame in sides.items()}
    for side, frame in sides.items():
        require_feet(frame.crs, f"The layer {side}")
        if not frame.crs.equals(ours.crs, ignore_axis_order=True):
            raise CRSError(
                f"{side} is in {frame.crs.name} and ours in {ours.crs.name}. Convert one of them first: citygis convert."
            )
    conflicts: list[dict] = []
    layer = ours.copy().reset_index(drop=True)
    taken = _values_taken(sides, keys, layer, {*city_owned, *names}, conflicts)
    taken += _outlines_taken(sides, keys, layer, tolerance_ft, conflicts)
    retired, added = _features_taken(sides, keys, layer, names, {*city_owned}, tolerance_ft, conflicts)
    layer = layer[~keys["ours"].isin(retired).to_numpy()]
    new = theirs[keys["theirs"].isin(added).to_numpy()]
    if new.active_geometry_name != layer.active_geometry_name:
        new = new.rename_geometry(layer.active_geometry_name)
    if len(new):
        layer = pd.concat([layer, new[[name for name in layer.columns if name in new.columns]]], ignore_index=True)
    return Merged(
        layer.reset_index(drop=True),
        pd.DataFrame(conflicts, columns=list(CONFLICT_COLUMNS)),
        pd.DataFrame(taken, columns=["key", "column", "old", "new"]),
        added,
        retired,
    )


def _single_keys(frame: gpd.GeoDataFrame, names: list[str], side: str) -> pd.Series:
    keys = keys_of(frame, names)
    if keys.isna().any():
        raise ValueError(f"Invalid key of {side}: {int(keys.isna().sum()):,} rows have none. Must be given for every row.")
    twice = keys[keys.duplicated()]
    if len(twice):
        raise ValueError(
            f"Invalid key of {side}: {twice.iloc[0]!r} is there more than once. Must name one row; add a column to it."
        )
    return keys


def _common(keys: dict[str, pd.Series]) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.Series]:
    """Rows of the features that all three have, and their keys."""
    common = (
        pd.Index(keys["ours"]).intersection(pd.Index(keys["base"]), sort=False).intersection(pd.Index(keys["theirs"]), sort=False)
    )
    at = {side: pd.Index(keys[side]).get_indexer(common) for side in keys}
    return at["base"], at["ours"], at["theirs"], pd.Series(common)


def _values_taken(
    sides: dict[str, gpd.GeoDataFrame], keys: dict[str, pd.Series], layer: gpd.GeoDataFrame, kept: set[str], conflicts: list[dict]
) -> list[tuple]:
    was, mine, given, common = _common(keys)
    taken = []
    for name in compared_columns(sides["ours"], sides["theirs"], kept):
        if name not in sides["base"].columns:
            base = pd.Series([None] * len(was), dtype=object)
        else:
            base = sides["base"][name].iloc[was].reset_index(drop=True)
        ours, theirs = (sides[s][name].iloc[rows].reset_index(drop=True) for s, rows in (("ours", mine), ("theirs", given)))
        new, apart = differing(base, theirs), differing(ours, theirs)
        changed = differing(base, ours)
        take = np.flatnonzero(new & ~changed & apart)
        if len(take):
            column = layer[name].copy()
            column.iloc[mine[take]] = theirs.iloc[take].to_numpy()
            layer[name] = column
            taken += list(zip(common.iloc[take], [name] * len(take), ours.iloc[take], theirs.iloc[take], strict=True))
        for i in np.flatnonzero(new & changed & apart):
            conflicts.append(_conflict(common[i], name, "both_changed", base[i], ours[i], theirs[i]))
    return taken


def _outlines_taken(
    sides: dict[str, gpd.GeoDataFrame],
    keys: dict[str, pd.Series],
    layer: gpd.GeoDataFrame,
    tolerance_ft: float,
    conflicts: list[dict],
) -> list[tuple]:
    was, mine, given, common = _common(keys)
    base, ours, theirs = (
        np.asarray(sides[side].geometry.array, dtype=object)[rows]
        for side, rows in (("base", was), ("ours", mine), ("theirs", given))
    )
    new = displacement_ft(base, theirs, tolerance_ft=tolerance_ft) > 0
    changed, apart = np.zeros(len(new), dtype=bool), np.zeros(len(new), dtype=bool)
    changed[new] = displacement_ft(base[new], ours[new], tolerance_ft=tolerance_ft) > 0
    apart[new] = displacement_ft(ours[new], theirs[new], tolerance_ft=tolerance_ft) > 0
    take = np.flatnonzero(new & ~changed & apart)
    geometry = np.array(layer.geometry.array, dtype=object)
    geometry[mine[take]] = theirs[take]
    layer[layer.active_geometry_name] = gpd.GeoSeries(geometry, crs=layer.crs)
    for i in np.flatnonzero(new & changed & apart):
        conflicts.append(_conflict(common[i], "geometry", "both_changed", base[i], ours[i], theirs[i]))
    return list(zip(common.iloc[take], ["geometry"] * len(take), ours[take], theirs[take], strict=True))


def _features_taken(
    sides: dict[str, gpd.GeoDataFrame],
    keys: dict[str, pd.Series],
    layer: gpd.GeoDataFrame,
    names: list[str],
    city_owned: set[str],
    tolerance_ft: float,
    conflicts: list[dict],
) -> tuple[list[str], list[str]]:
    base, ours, theirs = (set(keys[side]) for side in ("base", "ours", "theirs"))
    gone = [key for key in keys["ours"] if key in base and key not in theirs]
    touched = _touched(sides, keys, gone, {*names}, tolerance_ft)
    owned = _owned_values(sides["ours"], keys["ours"], gone, city_owned)
    for key in gone:
        why = [f"the City changed {', '.join(touched[key])}"] if key in touched else []
        why += [f"it carries the City's {', '.join(owned[key])}"] if key in owned else []
        if why:
            conflicts.append(
                _conflict(key, None, "taken_away", None, None, None, f"The delivery no longer has {key}, but {' and '.join(why)}.")
            )
    for key in (key for key in keys["theirs"] if key in base and key not in ours):
        conflicts.append(
            _conflict(key, None, "retired_here", None, None, None, f"The City retired {key}; the delivery still has it.")
        )
    both_new = [key for key in keys["theirs"] if key not in base and key in ours]
    at, by = (pd.Index(keys[side]).get_indexer(both_new) for side in ("ours", "theirs"))
    mine, given = (np.asarray(sides[s].geometry.array, dtype=object)[rows] for s, rows in (("ours", at), ("theirs", by)))
    apart = displacement_ft(mine, given, tolerance_ft=tolerance_ft) > 0
    for i in np.flatnonzero(apart):
        conflicts.append(_conflict(both_new[i], "geometry", "both_added", None, mine[i], given[i]))
    for name in compared_columns(sides["ours"], sides["theirs"], {*names, *city_owned}):
        one, two = sides["ours"][name].iloc[at].reset_index(drop=True), sides["theirs"][name].iloc[by].reset_index(drop=True)
        for i in np.flatnonzero(differing(one, two)):
            conflicts.append(_conflict(both_new[i], name, "both_added", None, one[i], two[i]))
    listed = {row["key"] for row in conflicts if row["kind"] == "taken_away"}
    return [key for key in gone if key not in listed], [key for key in keys["theirs"] if key not in base and key not in ours]


def _touched(
    sides: dict[str, gpd.GeoDataFrame], keys: dict[str, pd.Series], some: list[str], kept: set[str], tolerance_ft: float
) -> dict[str, list[str]]:
    """Of some features, what the City changed since the last delivery."""
    was, mine = (pd.Index(keys[side]).get_indexer(some) for side in ("base", "ours"))
    told: dict[str, list[str]] = {}
    for name in compared_columns(sides["base"], sides["ours"], kept):
        for i in np.flatnonzero(differing(sides["base"][name].iloc[was], sides["ours"][name].iloc[mine])):
            told.setdefault(some[i], []).append(str(name))
    base, ours = (np.asarray(sides[s].geometry.array, dtype=object)[rows] for s, rows in (("base", was), ("ours", mine)))
    for i in np.flatnonzero(displacement_ft(base, ours, tolerance_ft=tolerance_ft) > 0):
        told.setdefault(some[i], []).append("its outline")
    return told


def _owned_values(ours: pd.DataFrame, keys: pd.Series, some: list[str], city_owned: set[str]) -> dict[str, list[str]]:
    """Of some features, the City's own columns that say something."""
    rows = pd.Index(keys).get_indexer(some)
    told: dict[str, list[str]] = {}
    for name in sorted(city_owned & set(ours.columns)):
        for i in np.flatnonzero(ours[name].iloc[rows].notna().to_numpy()):
            told.setdefault(some[i], []).append(name)
    return told


def _conflict(key: str, column: str | None, kind: str, base, ours, theirs, message: str | None = None) -> dict:
    what = "outline" if column == "geometry" else f"{column} ({ours!s} here, {theirs!s} there)"
    said = {"both_changed": f"Both changed the {what} of {key}.", "both_added": f"Both added {key}, with a different {what}."}
    return dict(zip(CONFLICT_COLUMNS, (key, column, kind, base, ours, theirs, message or said[kind]), strict=True))
