"""
What stops a plan: signs that the City's layer, or the remote one, is not what it is taken for.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError

from citygis.readers.service.definition import LayerDefinition
from citygis.sync.canon import INTEGERS, NUMBERS, in_units
from citygis.sync.codes import stopped
from citygis.sync.fitness import FITTING
from citygis.sync.implied import kind_of
from citygis.sync.model import Stop
from citygis.sync.target import Target

DELETIONS, DELETED_SHARE = 10, 0.02
"""Deletions that need no naming: so many, or this share of the features synced before, whichever is more."""

LEAST_SHARE = 0.8
"""A layer with less than this share of the features synced before is taken for cut off."""

AFAR, AFAR_FT = 10.0, 500_000.0
"""Features farther from the remote ones than so many times their extent, and than this, are taken to be in another system."""

_AREA_MARGIN_DEGREES = 5.0


def key_stops(local: np.ndarray, remote: np.ndarray, refused_without_key: int = 0, deletions: int = 0) -> list[Stop]:
    """
    Y14: keys that stand for several features, or are missing where that matters.

    Parameters
    ----------
    local, remote : array of str or None
        Global ids.
    refused_without_key : int
        Features here that have none. Each may be one of the `deletions`.
    """
    stops = []
    for ids, where in ((local, "the City's layer"), (remote, "the remote layer")):
        counts = pd.Series(ids, dtype=object).dropna().value_counts()
        twice = sorted(counts[counts > 1].index)
        if twice:
            more = f" and {len(twice) - 3:,} more" if len(twice) > 3 else ""
            stops.append(stopped("Y14", f"In {where}, {', '.join(twice[:3])}{more} stand for more than one feature."))
    unkeyed = int(pd.isna(remote).sum())
    if unkeyed:
        stops.append(stopped("Y14", f"In the remote layer, {unkeyed:,} features have no usable GlobalID."))
    if refused_without_key and deletions:
        stops.append(
            stopped(
                "Y14",
                f"{refused_without_key:,} features of the City's layer have no usable global_id, and {deletions:,} would be "
                "deleted, which may be the same ones.",
            )
        )
    return stops


def deletion_stops(deletions: int, base: int, allow_deletes: int | None) -> list[Stop]:
    """Y15: more deletions than need no naming, and than a person named; parameters as for `count_stops`."""
    free = max(DELETIONS, int(DELETED_SHARE * base))
    if deletions <= free or (allow_deletes is not None and deletions <= allow_deletes):
        return []
    named = "" if allow_deletes is None else f"; {allow_deletes:,} were allowed"
    return [
        stopped(
            "Y15",
            f"{deletions:,} features would be deleted, of {base:,} synced before; {free:,} need no naming{named}. "
            f"If they are meant: --allow-deletes {deletions}",
            number=deletions,
        )
    ]


def count_stops(*, local: int, remote: int, base: int, deletions: int, allow_deletes: int | None) -> list[Stop]:
    """
    Y15 to Y17: too many deletions, a layer that is empty or has shrunk.

    Parameters
    ----------
    local, remote, base : int
        Features here (refused ones too), there, and at the last verified sync.
    deletions : int
    allow_deletes : int, optional
        A number that a person named: so many deletions, or fewer, do not stop. It silences no other guard.
    """
    stops = deletion_stops(deletions, base, allow_deletes)
    if local == 0 and (remote or base):
        stops.append(stopped("Y16", f"The City's layer has no features, and the remote one has {remote:,}."))
    elif local < LEAST_SHARE * base:
        stops.append(stopped("Y17", f"The City's layer has {local:,} features, and {base:,} were synced before."))
    return stops


def schema_stops(
    definition: LayerDefinition, fields: Collection[str], base: pd.DataFrame | None, edits: Collection[str] = ()
) -> list[Stop]:
    """
    Y18, Y19 and Y21: a remote layer that is not, or no more, as the target and the last sync have it.

    Parameters
    ----------
    definition : LayerDefinition
        Of the remote layer, read just now.
    fields : collection of str
        Remote fields that are mapped.
    base : DataFrame or None
        The features of the last verified sync.
    edits : collection of str
        What will be asked of it: "Create", "Update", "Delete".
    """
    stops = []
    own = {each.name: each for each in definition.own_fields}
    for name in sorted(fields):
        there = definition.field(name)
        if there is None:
            stops.append(stopped("Y18", f"The remote layer {definition.name} has no field {name}."))
        elif there.name != name:
            stops.append(stopped("Y18", f"The remote layer {definition.name} calls the field {name} {there.name}. Spell it so."))
        elif name not in own:
            stops.append(stopped("Y18", f"The field {name} of {definition.name} cannot be edited."))
        elif base is not None and name in base.columns:
            stops += _field_stops(base[name], there.name, there.kind, there.length)
    if definition.global_id_field is None:
        stops.append(stopped("Y19", f"The remote layer {definition.name} has no GlobalID field."))
    elif not definition.supports_global_ids:
        stops.append(
            stopped("Y19", f"The remote layer {definition.name} does not take edits by GlobalID (supportsApplyEditsWithGlobalIds).")
        )
    lacking = [edit for edit in edits if definition.capabilities and edit not in definition.capabilities]
    if lacking:
        stops.append(stopped("Y19", f"The remote layer {definition.name} does not allow: {', '.join(sorted(lacking))}."))
    return stops + _geometry_stops(definition, base)


def layer_facts(definition: LayerDefinition, fields: Collection[str]) -> dict[str, str]:
    """What a plan rests on of a layer: the kind of its geometry, whether it has heights, and the kinds of some of its fields."""
    shape = definition.geometry_type or "none"
    facts = {"geometry": shape + (" with heights" if definition.has_z else "")}
    return facts | {each.name: each.kind for each in definition.fields if each.name in set(fields)}


def system_stops(definition: LayerDefinition, local: pd.DataFrame, remote: pd.DataFrame, base: pd.DataFrame | None) -> list[Stop]:
    """
    Y20: the remote layer's system is another than before, than the outgoing features', or than its own features show.

    Parameters
    ----------
    definition : LayerDefinition
    local, remote, base : frames
        Those with geometry are looked at.
    """
    stops = []
    if definition.geometry_type is None:
        return stops
    for frame, whose in ((local, "The outgoing features are"), (base, "The features synced before were")):
        crs = getattr(frame, "crs", None) if frame is not None else None
        if crs is not None and not _is_of(crs, definition):
            stops.append(
                stopped("Y20", f"{whose} in {crs.name}, and the remote layer {definition.name} is in {_system(definition)}.")
            )
    if stops:
        return stops
    here, there = _bounds(local), _bounds(remote)
    if here is not None and there is not None:
        reach = max(AFAR * np.hypot(*(there[2:] - there[:2])), in_units(AFAR_FT, definition.crs))
        apart = np.maximum(np.maximum(here[:2] - there[2:], there[:2] - here[2:]), 0.0)
        if np.hypot(*apart) > reach:
            stops.append(
                stopped("Y20", f"The outgoing features lie around {_middle(here)}, the remote ones around {_middle(there)}.")
            )
    elif here is not None and _is_off_the_map(most := _bounds(local, np.median, np.median), definition.crs):
        stops.append(
            stopped(
                "Y20", f"The outgoing features lie around {_middle(most)}, which is outside of where {_system(definition)} is used."
            )
        )
    return stops


def audience_stops(audience: str, access: str | None) -> list[Stop]:
    """Y22: an item shared with everybody ("public") under a target for the organisation. An unknown `access` stops nothing."""
    if audience != "public" and access == "public":
        return [stopped("Y22", "The target is for the organisation, and the item is shared with everybody.")]
    return []


def attachment_stops(definition: LayerDefinition, deletions: int, target: Target | None) -> list[Stop]:
    """Y25: deletions from a layer with attachments, which a service deletes with the feature and nothing brings back."""
    if not deletions or not definition.has_attachments or (target is not None and target.lose_attachments):
        return []
    return [stopped("Y25", f"{deletions:,} features would be deleted, with their photographs and papers.", number=deletions)]


def _field_stops(column: pd.Series, name: str, kind: str, length: int | None) -> list[Stop]:
    if not column.notna().any():
        return []
    was, now = _family(kind_of(column)), _family(kind)
    if was != now:
        return [stopped("Y18", f"The field {name} held {was}s when it was last synced, and is {kind} now.")]
    if now == "text" and length is not None and kind == "String":
        longest = int(column.dropna().astype(str).str.len().max())
        if longest > length:
            return [
                stopped("Y18", f"The field {name} held {longest:,} characters when it was last synced, and takes {length:,} now.")
            ]
    return []


def _family(kind: str) -> str:
    return "whole" if kind in INTEGERS else "number" if kind in NUMBERS else "moment" if kind == "Date" else "text"


def _geometry_stops(definition: LayerDefinition, base: pd.DataFrame | None) -> list[Stop]:
    shapes = (
        np.asarray(base.geometry.array, dtype=object)
        if base is not None and hasattr(base, "geometry")
        else np.empty(0, dtype=object)
    )
    shapes = shapes[~shapely.is_missing(shapes)]
    if not len(shapes):
        return []
    if not np.isin(shapely.get_type_id(shapes), FITTING.get(definition.geometry_type or "", ())).all():
        return [
            stopped(
                "Y21",
                f"The features synced before are {shapes[0].geom_type}s, and the remote layer holds {definition.geometry_type}.",
            )
        ]
    if bool(shapely.has_z(shapes).any()) != definition.has_z:
        had, has = ("had heights", "has none") if not definition.has_z else ("had no heights", "has them")
        return [stopped("Y21", f"The features synced before {had}, and the remote layer {has} now.")]
    return []


def _is_of(crs: CRS, definition: LayerDefinition) -> bool:
    if definition.crs is not None and crs.equals(definition.crs, ignore_axis_order=True):
        return True
    numbers = {int(found[1]) for name in ("EPSG", "ESRI") if (found := crs.to_authority(name, min_confidence=90))}
    return bool(numbers & definition.wkids) or not (definition.wkids or definition.crs)


def _system(definition: LayerDefinition) -> str:
    numbers = " or ".join(str(each) for each in sorted(definition.wkids))
    return definition.crs.name if definition.crs is not None else f"wkid {numbers}" if numbers else "an unnamed system"


def _bounds(frame: pd.DataFrame, low: Callable = np.min, high: Callable = np.max) -> np.ndarray | None:
    """The box of all features; with medians that of the usual one, which no stray feature moves."""
    if not hasattr(frame, "geometry"):
        return None
    bounds = shapely.bounds(np.asarray(frame.geometry.array, dtype=object))
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    return np.concatenate([low(bounds[:, :2], axis=0), high(bounds[:, 2:], axis=0)]) if len(bounds) else None


def _middle(bounds: Sequence[float]) -> str:
    return f"{(bounds[0] + bounds[2]) / 2:,.9g}, {(bounds[1] + bounds[3]) / 2:,.9g}"


def _is_off_the_map(bounds: np.ndarray, crs: CRS | None) -> bool:
    """Whether the middle of a box lies well outside of the area that a system is used in (EPSG dataset, "area of use")."""
    if crs is None or crs.area_of_use is None:
        return False
    middle = (bounds[:2] + bounds[2:]) / 2
    if crs.is_projected:
        try:
            middle = np.array(pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(*middle))
        except ProjError:
            return True
    west, south, east, north = crs.area_of_use.bounds
    apart = max(
        south - middle[1], middle[1] - north, west - middle[0] if west <= east else 0, middle[0] - east if west <= east else 0
    )
    return bool(not np.isfinite(middle).all() or apart > _AREA_MARGIN_DEGREES)
