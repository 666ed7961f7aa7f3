"""
What became of features: those of a batch asked for by their global ids, and held against what was there and what was meant.

This is what stands in place of sending again blindly: after a reply that got lost, only reading tells.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.errors import SyncError
from citygis.readers.esri import is_curved
from citygis.readers.service.definition import LayerDefinition
from citygis.readers.service.esri_json import geometries_of
from citygis.readers.service.faults import ServiceFault
from citygis.readers.service.remote import ServiceReader
from citygis.readers.service.values import attribute_columns, column_of, plain_id, wire_id
from citygis.sync.canon import canonical, feature_hashes
from citygis.sync.model import Add, Delete, Json, Update
from citygis.sync.sameness import differences

Item = Add | Update | Delete
Standing = Literal["done", "left", "gone", "other"]
"""
``done``: the server holds what was meant. ``left``: it holds what it held when the plan was made. ``gone``: a feature to be
updated is not there. ``other``: it holds something else, which somebody else wrote.
"""

IDS_AT_A_TIME = 200
"""Global ids in one condition: some 8,000 characters, below the 1,000 members that Oracle allows a list."""


def features_by_id(remote: ServiceReader, definition: LayerDefinition, global_ids: Sequence[str]) -> dict[str, Json]:
    """
    Features as the server holds them, by global id, with all their fields; those that are not there are left out.

    Parameters
    ----------
    remote : ServiceReader
    definition : LayerDefinition
        With a field of global ids.
    global_ids : sequence of str
        Lower case, without braces.

    Returns
    -------
    dict
        ``attributes`` and ``geometry`` as sent; true curves stay curves.

    Raises
    ------
    ServiceFault
        If the server does not answer.
    SyncError
        If it answers with features that were not asked for: then its condition does not do what it must.
    """
    found: dict[str, Json] = {}
    waiting = [list(global_ids[at : at + IDS_AT_A_TIME]) for at in range(0, len(global_ids), IDS_AT_A_TIME)]
    while waiting:
        some = waiting.pop()
        listed = ", ".join(f"'{wire_id(each)}'" for each in some)
        asked: dict[str, str | int | bool] = {
            "where": f"{definition.global_id_field} IN ({listed})",
            "outFields": "*",
            "returnGeometry": definition.geometry_type is not None,
        }
        if definition.geometry_type is not None:
            asked |= {"returnZ": definition.has_z, "returnM": definition.has_m, "returnTrueCurves": True}
        try:
            reply = remote.query(asked)
        except ServiceFault as fault:
            if fault.kind != "too_large" or len(some) == 1:
                raise
            reply = {"exceededTransferLimit": True}
        if reply.get("exceededTransferLimit") and len(some) > 1:
            waiting += [some[: len(some) // 2], some[len(some) // 2 :]]
            continue
        for feature in reply.get("features", ()):
            global_id = plain_id(feature["attributes"].get(definition.global_id_field))
            if global_id not in some:
                raise SyncError(f"{remote.url} answers a question for named features with others. Nothing more is sent to it.")
            found[global_id] = {"attributes": dict(feature["attributes"]), "geometry": feature.get("geometry")}
    return found


def feature_frame(features: Mapping[str, Json], definition: LayerDefinition, fields: Sequence[str]) -> pd.DataFrame:
    """
    Features as a frame: ``global_id``, `fields`, and the geometry in the layer's system (none for a table).

    Parameters
    ----------
    features : mapping of global id to feature
        As `features_by_id` gives them.
    definition : LayerDefinition
    fields : sequence of str
    """
    said = list(features.values())
    columns, _lost = attribute_columns([each["attributes"] for each in said], definition, fields)
    frame = pd.DataFrame({"global_id": pd.Series(list(features), dtype="str"), **columns})
    if definition.geometry_type is None:
        return frame
    shapes, _curved = geometries_of([each.get("geometry") for each in said], definition)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=definition.crs))


def hashes_of(features: Mapping[str, Json], definition: LayerDefinition, fields: Sequence[str]) -> dict[str, str]:
    """The hash of each feature over `fields` and geometry, as a plan holds it."""
    if not features:
        return {}
    return dict(zip(features, feature_hashes(feature_frame(features, definition, fields), definition, fields), strict=True))


def hashes_of_frame(
    frame: pd.DataFrame, global_ids: Collection[str], definition: LayerDefinition, fields: Sequence[str]
) -> dict[str, str]:
    """`hashes_of` for features of a frame, named by their global ids."""
    some = frame[frame["global_id"].isin(global_ids)]
    return dict(zip(some["global_id"], feature_hashes(some, definition, fields), strict=True))


def standings(
    items: Sequence[Item], held: Mapping[str, Json], definition: LayerDefinition, fields: Sequence[str]
) -> dict[str, Standing]:
    """
    How each feature of a batch stands.

    Parameters
    ----------
    items : sequence of Add, Update, Delete
    held : mapping
        What the server holds of them, by global id (`features_by_id`).
    definition : LayerDefinition
    fields : sequence of str
        Those that the hashes of the plan are of.

    Returns
    -------
    dict of global id to Standing
    """
    there = {each.global_id: held[each.global_id] for each in items if each.global_id in held}
    hashes = hashes_of({each.global_id: there[each.global_id] for each in items if _replaces(each, there)}, definition, fields)
    untouched = {each.global_id for each in items if each.global_id in hashes and hashes[each.global_id] == each.remote_hash}
    open_ = [each for each in items if each.global_id in there and each.global_id not in untouched and not isinstance(each, Delete)]
    same = same_features({each.global_id: _meant(each, there) for each in open_}, there, definition, fields)
    said: dict[str, Standing] = {}
    for each in items:
        if each.global_id not in there:
            said[each.global_id] = "left" if isinstance(each, Add) else "done" if isinstance(each, Delete) else "gone"
        else:
            said[each.global_id] = "left" if each.global_id in untouched else "done" if each.global_id in same else "other"
    return said


def _replaces(item: Item, there: Mapping[str, Json]) -> bool:
    return item.global_id in there and not isinstance(item, Add)


def same_features(
    meant: Mapping[str, Json], held: Mapping[str, Json], definition: LayerDefinition, fields: Sequence[str]
) -> set[str]:
    """Global ids of the features that say, within the tolerances of a plan, what was meant."""
    equal = {each for each, feature in meant.items() if _is_equal(feature, held[each])}
    meant = {each: feature for each, feature in meant.items() if each not in equal}
    if not meant:
        return equal
    spelled = {each.name.lower(): each.name for each in definition.own_fields}
    named = {spelled[name.lower()] for feature in meant.values() for name in feature["attributes"] if name.lower() in spelled}
    counted = sorted(named | set(fields))
    there = {each: held[each] for each in meant}
    curved = np.array([is_curved(each.get("geometry") or {}) for each in there.values()], dtype=bool)
    wanted, found = feature_frame(meant, definition, counted), feature_frame(there, definition, counted)
    return equal | set(wanted["global_id"][_same(wanted, found, definition, counted, curved)])


def _is_equal(meant: Json, held: Json) -> bool:
    """Word for word, which it mostly is; only the rest is worth a frame."""
    attributes = held["attributes"]
    return _place(meant["geometry"]) == _place(held["geometry"]) and all(
        attributes.get(name) == new for name, new in meant["attributes"].items()
    )


def _place(geometry: Json | None) -> Json | None:
    """A geometry without its system, which is sent with each feature and comes back once for all."""
    return geometry and {name: value for name, value in geometry.items() if name != "spatialReference"}


def verified(items: Sequence[Item], frame: pd.DataFrame, curved: np.ndarray, definition: LayerDefinition) -> set[str]:
    """
    Global ids of the items whose outcome a complete read shows.

    Parameters
    ----------
    items : sequence of Add, Update, Delete
    frame : DataFrame
        The whole layer (`citygis.readers.service.complete_read`), with the fields that the items name.
    curved : array of bool
        Which of its rows hold true curves.
    definition : LayerDefinition
    """
    place = dict(zip(frame["global_id"], range(len(frame)), strict=True))
    shown = {each.global_id for each in items if isinstance(each, Delete) and each.global_id not in place}
    adds = [each for each in items if isinstance(each, Add) and each.global_id in place]
    updates = [each for each in items if isinstance(each, Update) and each.global_id in place]
    if adds:
        wanted = {each.global_id: {"attributes": each.attributes, "geometry": each.geometry} for each in adds}
        named = sorted({name for each in adds for name in each.attributes})
        rows = [place[each] for each in wanted]
        meant = feature_frame(wanted, definition, named)
        same = _same(meant, frame.iloc[rows].reset_index(drop=True), definition, named, curved[rows])
        shown |= set(meant["global_id"][same])
    if updates:
        rows = [place[each.global_id] for each in updates]
        there = frame.iloc[rows].reset_index(drop=True)
        named = sorted({name for each in updates for name in each.changed})
        same = _same(_overlaid(there, updates, definition), there, definition, named, curved[rows])
        shown |= {each.global_id for each, is_same in zip(updates, same, strict=True) if is_same}
    return shown


def _overlaid(frame: pd.DataFrame, updates: Sequence[Update], definition: LayerDefinition) -> pd.DataFrame:
    """Held features, row by row those of the updates, with what the updates say in place of what is there."""
    frame = frame.copy()
    for name in {name for each in updates for name in each.changed}:
        rows = [row for row, each in enumerate(updates) if name in each.changed]
        values, _lost = column_of([updates[row].changed[name].new for row in rows], definition.field(name))
        column = frame[name].astype(object)
        column.iloc[rows] = values.astype(object).to_numpy()
        frame[name] = column.astype(frame[name].dtype)
    rows = [row for row, each in enumerate(updates) if each.geometry is not None]
    if rows:
        shapes = np.asarray(frame.geometry.array, dtype=object).copy()
        shapes[rows], _curved = geometries_of([updates[row].geometry.new for row in rows], definition)
        frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    return frame


def _same(
    one: pd.DataFrame, other: pd.DataFrame, definition: LayerDefinition, fields: Sequence[str], curved: np.ndarray
) -> np.ndarray:
    """Row by row, whether two frames say the same, within the tolerances of a plan where the hashes differ."""
    a, b = canonical(one, definition, fields), canonical(other, definition, fields)
    differ = a.hashes != b.hashes
    if differ.any():
        found = list(differences(a, b, definition, curved=curved).values())
        differ &= np.any(found, axis=0) if found else False
    return ~differ


def laid_over(held: Json, update: Update) -> Json:
    """A held feature with what an update says in place of what is there."""
    new = {name: was.new for name, was in update.changed.items()}
    return {
        "attributes": {**held["attributes"], **new},
        "geometry": held["geometry"] if update.geometry is None else update.geometry.new,
    }


def _meant(item: Add | Update, there: Mapping[str, Json]) -> Json:
    """The feature as it is to be."""
    if isinstance(item, Add):
        return {"attributes": item.attributes, "geometry": item.geometry}
    return laid_over(there[item.global_id], item)
