"""
What became of features: asked for by their global ids, and held against what was there and what was meant; those of a batch, and
those of runs that were cut off.

This is what stands in place of sending again blindly: after a reply that got lost, only reading tells.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.errors import SyncError
from citygis.readers.esri import is_curved
from citygis.readers.service.definition import LayerDefinition
from citygis.readers.service.esri_json import geometries_of
from citygis.readers.service.faults import ServiceFault
from citygis.readers.service.values import attribute_columns, column_of, plain_id, wire_id
from citygis.sync.canon import canonical, feature_hashes, replaced
from citygis.sync.journal import Journal, RunRecord, cut_off_runs
from citygis.sync.model import Add, Delete, Json, Update, Was
from citygis.sync.remote import Patient, no_answer
from citygis.sync.sameness import differences
from citygis.sync.target import OURS

Item = Add | Update | Delete
Standing = Literal["done", "left", "gone", "other"]
"""
``done``: the server holds what was meant. ``left``: it holds what it held when the plan was made. ``gone``: a feature to be
updated is not there. ``other``: it holds something else, which somebody else wrote.
"""

IDS_AT_A_TIME = 200
"""Global ids in one condition: some 8,000 characters, below the 1,000 members that Oracle allows a list."""


def features_by_id(remote: Patient, definition: LayerDefinition, global_ids: Sequence[str]) -> dict[str, Json]:
    """
    Features as the server holds them, by global id, with all their fields; those that are not there are left out.

    Parameters
    ----------
    remote : Patient
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
    found = _asked_for(remote, definition, [wire_id(each) for each in global_ids])
    if found or not global_ids or remote.finds_by_global_id:
        remote.finds_by_global_id |= bool(found)
    elif not _takes_its_own(remote, definition):
        there = _object_ids(remote, definition)
        found = _asked_for(remote, definition, [there[each] for each in global_ids if each in there])
    if found.keys() - set(global_ids):
        raise SyncError(f"{remote.url} answers a question for named features with others. Nothing more is sent to it.")
    return found


def _asked_for(remote: Patient, definition: LayerDefinition, ids: Sequence[str | int]) -> dict[str, Json]:
    """Features by their GlobalIDs as on the wire, or by their object ids."""
    found: dict[str, Json] = {}
    waiting = [list(ids[at : at + IDS_AT_A_TIME]) for at in range(0, len(ids), IDS_AT_A_TIME)]
    while waiting:
        some = waiting.pop()
        asked: dict[str, str | int | bool] = {"outFields": "*", "returnGeometry": definition.geometry_type is not None}
        if isinstance(some[0], int):
            asked["objectIds"] = ",".join(map(str, some))
        else:
            asked["where"] = f"{definition.global_id_field} IN ({', '.join(map(repr, some))})"
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
            attributes = dict(feature.get("attributes") or {})
            found[plain_id(attributes.get(definition.global_id_field)) or ""] = {
                "attributes": attributes,
                "geometry": feature.get("geometry"),
            }
    return found


def _takes_its_own(remote: Patient, definition: LayerDefinition) -> bool:
    """
    Whether nothing found means that nothing is there: the layer is empty, or finds the first of its features by its GlobalID.
    Servers differ in how a condition must write one, and one that takes no GlobalID for its own answers with nothing.
    """
    first = remote.query({**_keys(definition), "where": "1=1", "resultRecordCount": 1}).get("features") or ()
    for feature in first[:1]:
        global_id = plain_id(feature["attributes"].get(definition.global_id_field))
        remote.finds_by_global_id = bool(global_id and _asked_for(remote, definition, [wire_id(global_id)]))
        return remote.finds_by_global_id
    return True


def _object_ids(remote: Patient, definition: LayerDefinition) -> dict[str, int]:
    """The object id of every feature by its global id."""
    key, last = definition.object_id_field, -1
    found: dict[str, int] = {}
    while True:
        asked = {**_keys(definition), "where": f"{key} > {last}", "resultRecordCount": definition.max_record_count}
        rows = [each["attributes"] for each in remote.query(asked).get("features") or ()]
        if not rows:
            return found
        found |= {plain_id(each.get(definition.global_id_field)) or "": int(each[key]) for each in rows}
        if min(int(each[key]) for each in rows) <= last:
            raise SyncError(f"{remote.url} does not keep to the condition {key} > {last}. Nothing more is sent to it.")
        last = max(int(each[key]) for each in rows)


def _keys(definition: LayerDefinition) -> dict[str, str | int | bool]:
    key = definition.object_id_field
    return {"outFields": f"{key},{definition.global_id_field}", "returnGeometry": False, "orderByFields": key}


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
    counted = _comparable(named | set(fields))
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
        named = _comparable({name for each in adds for name in each.attributes})
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


def _comparable(fields: set[str]) -> list[str]:
    """Without fields that are called like a column of ours: a layer filled from a City's file has a ``global_id`` of its own."""
    return sorted(name for name in fields if name.casefold() not in OURS)


def _overlaid(frame: pd.DataFrame, updates: Sequence[Update], definition: LayerDefinition) -> pd.DataFrame:
    """Held features, row by row those of the updates, with what the updates say in place of what is there."""
    for name in {name for each in updates for name in each.changed}:
        rows = [row for row, each in enumerate(updates) if name in each.changed]
        values, _lost = column_of([updates[row].changed[name].new for row in rows], definition.field(name))
        frame = replaced(frame, name, rows, values.astype(object).to_numpy())
    rows = [row for row, each in enumerate(updates) if each.geometry is not None]
    if rows:
        frame = replaced(frame, "geometry", rows, geometries_of([updates[row].geometry.new for row in rows], definition)[0])
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
    return {
        "attributes": {**held["attributes"], **update.values},
        "geometry": held["geometry"] if update.geometry is None else update.geometry.new,
    }


def named(item: Item) -> frozenset[str] | None:
    """What an update writes: names of fields, and ``geometry``; None for an add or a delete, which are of the whole feature."""
    if not isinstance(item, Update):
        return None
    return frozenset(item.changed) | ({"geometry"} if item.geometry is not None else frozenset())


def _meant(item: Add | Update, there: Mapping[str, Json]) -> Json:
    """The feature as it is to be."""
    if isinstance(item, Add):
        return {"attributes": item.attributes, "geometry": item.geometry}
    return laid_over(there[item.global_id], item)


def complete_runs(
    folder: Path,
    remote: Patient,
    definition: LayerDefinition,
    fields: Sequence[str],
    *,
    told: Callable[[str], None] | None = None,
) -> dict[str, frozenset[str] | None]:
    """
    Read back what the runs of a target that were cut off left open.

    Parameters
    ----------
    folder : Path
        The target's; its lock must be held, or a run at work would be taken for one that was cut off.
    remote : Patient
    definition : LayerDefinition
    fields : sequence of str
        Those that the hashes of the plans are of.
    told : callable of str, optional
        Gets a remark for each such run.

    Returns
    -------
    citygis.sync.base.Written
        The features that the server holds as those runs meant them.

    Raises
    ------
    SyncError
        If the server does not answer.
    """
    written: dict[str, frozenset[str] | None] = {}
    for record in cut_off_runs(folder):
        try:
            done, left = outcome(record, remote, definition, fields)
        except ServiceFault as fault:
            raise no_answer(remote.url, fault) from None
        Journal(folder, record.run_id).write("completed", done=sorted(done), not_done=sorted(left))
        names = {each["global_id"]: named(update_of(each)) for event in record.of("sent") for each in event["updates"]}
        written |= {each: names.get(each) for each in done}
        if told:
            batch = max((event["batch"] for event in record.of("sent")), default=0)
            told(
                f"Run {record.run_id} was cut off after batch {batch}: its outcome was read back, {len(done):,} features written, "
                f"{len(left):,} not."
            )
    return written


def outcome(record: RunRecord, remote: Patient, definition: LayerDefinition, fields: Sequence[str]) -> tuple[set[str], set[str]]:
    """
    What of a run's features the server holds as the run meant them, and what not.

    Raises
    ------
    ServiceFault
        If the server does not answer.
    """
    adds = {global_id: hash_ for event in record.of("sent") for global_id, hash_ in event["adds"]}
    others = [update_of(each) for event in record.of("sent") for each in event["updates"]]
    others += [Delete(each["global_id"], {}, "") for event in record.of("sent") for each in event["deletes"]]
    held = features_by_id(remote, definition, [*adds, *(each.global_id for each in others)])
    hashes = hashes_of({each: held[each] for each in adds if each in held}, definition, fields)
    at = standings(others, held, definition, fields)
    done = {each for each in adds if hashes.get(each) == adds[each]} | {each for each, stands in at.items() if stands == "done"}
    return done, {*adds, *at} - done


def update_of(said: Json) -> Update:
    """An update as the journal's ``sent`` tells it."""
    before = said["before"]
    changed = {name: Was(before["attributes"].get(name), new) for name, new in said["changed"].items()}
    geometry = None if said["geometry"] is None else Was(before["geometry"], said["geometry"][0])
    return Update(said["global_id"], changed, geometry, "")
