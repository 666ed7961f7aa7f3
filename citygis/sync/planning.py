"""
The plan: what would make a remote layer say what the City says, worked out from three frames and nothing else.

Three ways are compared, feature by feature and field by field: the City's layer, the remote one, and the base, which is the remote
layer as the last verified sync left it. What changed only here is sent; what changed only there, or on both sides, is somebody
else's edit and is told, not overwritten.
"""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.readers.service.definition import LayerDefinition
from citygis.readers.service.esri_json import esri_geometries, spatial_reference
from citygis.readers.service.values import feature_rows
from citygis.schema import ApnProfile
from citygis.sync.canon import fields_in_play, global_ids
from citygis.sync.codes import refused
from citygis.sync.fitness import unfit
from citygis.sync.guards import attachment_stops, audience_stops, count_stops, key_stops, layer_facts, schema_stops, system_stops
from citygis.sync.implied import data_columns, implied_definition
from citygis.sync.model import Add, Delete, Json, Plan, Refusal, Stop, Update, Was
from citygis.sync.natural_keys import doubled, key_fields
from citygis.sync.sameness import TOLERANCE_FT
from citygis.sync.sides import LOCAL, REMOTE, OnConflict, Sides, added_there, contested, deleted_there
from citygis.sync.target import Target


def plan(
    local: pd.DataFrame,
    remote: pd.DataFrame,
    base: pd.DataFrame | None = None,
    *,
    definition: LayerDefinition | None = None,
    curved: np.ndarray | None = None,
    target: Target | None = None,
    url: str = "",
    layer: str = "",
    allow_deletes: int | None = None,
    on_conflict: OnConflict = "skip",
    refusals: Sequence[Refusal] = (),
    access: str | None = None,
    apn_profiles: Sequence[str | ApnProfile] = (),
    made_at: str | None = None,
) -> Plan:
    """
    What would have to be sent, and what must not be.

    Parameters
    ----------
    local : DataFrame or GeoDataFrame
        The City's features as they would go out (`citygis.sync.outgoing.outgoing`): columns named as the remote fields,
        ``global_id``, geometry in the remote layer's system. Not modified, like the other frames; the order of rows and columns
        does not matter.
    remote : DataFrame or GeoDataFrame
        The remote layer, read completely.
    base : DataFrame or GeoDataFrame, optional
        The remote layer as the last verified sync left it. None: the remote layer itself is the base, which is to mirror the City's
        layer over whatever is there. An empty frame: a first sync, where nothing there is ours yet.
    definition : LayerDefinition, optional
        Of the remote layer. Without it the frames alone say what the fields are, and the layer's limits are not known.
    curved : array of bool, optional
        Which rows of `remote` hold true curves.
    target : Target, optional
        Its mapped fields, tolerance and audience. Without it all columns of `local` that the remote layer has count.
    url, layer : str
        What the plan says of itself.
    allow_deletes : int, optional
        The number of deletions that a person named.
    on_conflict : {"skip", "local", "remote"}
        "local" sends the City's version over edits made there; "remote" leaves theirs, and tells it like "skip". A feature that was
        added there is left in any case.
    refusals : sequence of Refusal
        Features of the City's that `outgoing` kept back: they are left there as they stand.
    access : str, optional
        Who the item is shared with: "public", "org" or "private".
    apn_profiles : sequence of str or ApnProfile
        Of the City's counties: parcel numbers of a natural key are compared in their spelling.
    made_at : str, optional
        ISO moment; default now.

    Returns
    -------
    Plan
        Each global id of `local`, `remote` and `refusals` is in exactly one of adds, updates, deletes, conflicts, refusals, or
        counted as unchanged. Where keys, fields or systems stop it, there is nothing but stops.

    Raises
    ------
    ValueError
        If a frame has no ``global_id``, dates have no time zone, or `on_conflict` is none of the three.
    """
    if on_conflict not in ("skip", "local", "remote"):
        raise ValueError(f"Invalid on_conflict {on_conflict!r}. Must be skip, local or remote.")
    own = definition or implied_definition(local, remote)
    remote = remote if len(remote) else _shaped(remote, local)
    base = base if base is None or len(base) else _shaped(base, local)
    mapped = list(target.fields) if target is not None else fields_in_play(local, own) if definition else data_columns(local)
    told = Plan(
        refusals=_ordered(refusals),
        counts=_counts(local, remote, base, refusals),
        target=target.name if target is not None else "",
        url=url or (target.url if target is not None else ""),
        layer=layer or (target.layer if target is not None else ""),
        made_at=made_at or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        spatial_reference=spatial_reference(own) if own.geometry_type else None,
        layer_facts=layer_facts(own, mapped) if definition is not None else {},
        allow_deletes=allow_deletes,
    )
    # Of a layer without GlobalIDs (Y19) it is no use to say that each feature lacks one.
    stops = key_stops(global_ids(local), global_ids(remote if own.global_id_field else remote.iloc[:0]))
    if definition is not None:
        stops += schema_stops(own, mapped, base) + system_stops(own, local, remote, base)
    stops += audience_stops(target.audience, access) if target is not None else []
    if stops:
        return dataclasses.replace(told, stops=_in_order(stops))
    if definition is None:
        mapped = [name for name in mapped if name in remote.columns]
    for name, frame in (("local", local), ("remote", remote)):
        lacking = [field for field in mapped if field not in frame.columns]
        if lacking:
            raise ValueError(f"Invalid {name}: it has no column {', '.join(lacking)}. Must have one for each mapped field.")
    tolerance_ft = target.tolerance_ft if target is not None else TOLERANCE_FT
    sides = Sides(local, remote, base, own, mapped, curved, tolerance_ft)
    return _planned(told, sides, on_conflict, target, apn_profiles)


class _Edit(NamedTuple):
    """A feature to be added (`names` is None) or updated in the fields that `names` has, the geometry among them."""

    row: int
    names: frozenset[str] | None


def _planned(
    told: Plan, sides: Sides, on_conflict: OnConflict, target: Target | None, apn_profiles: Sequence[str | ApnProfile]
) -> Plan:
    here, there, before = (at >= 0 for at in sides.at)
    free = ~np.isin(sides.keys, [each.global_id for each in told.refusals])
    overrules = on_conflict == "local"
    both = np.flatnonzero(here & there & free)
    rows = sides.unequal(both)
    names = sides.names_of_differences(rows, LOCAL, REMOTE)
    differ = np.array([bool(each) for each in names], dtype=bool)
    edited = differ & sides.edited_there(rows) & (not overrules)
    edits = [_Edit(row, frozenset(names[at])) for at, row in enumerate(rows.tolist()) if differ[at] and not edited[at]]
    conflicts = contested(sides, rows[edited], on_conflict)

    gone = np.flatnonzero(~here & there & free)
    strange, gone = gone[~before[gone]], gone[before[gone]]
    known_by = key_fields(target)
    theirs = feature_rows(sides.rows_of(REMOTE, strange), sides.definition, list(known_by))
    conflicts += [added_there(*each) for each in zip(sides.keys[strange], theirs, strict=True)]
    held = sides.edited_there(gone) & (not overrules)
    conflicts += contested(sides, gone[held], on_conflict)
    deletes = gone[~held]

    new = np.flatnonzero(here & ~there & free)
    lost = before[new] & (not overrules)
    conflicts += [deleted_there(sides.keys[row], on_conflict) for row in new[lost]]
    new = new[~lost]
    staying = sides.rows_of(REMOTE, np.concatenate([strange, gone[held]]))
    twice = doubled(sides.rows_of(LOCAL, new), staying, known_by, apn_profiles)
    there_already = [_there_already(sides.keys[new[at]], list(known_by), *found) for at, found in twice.items()]
    edits += [_Edit(row, None) for at, row in enumerate(new.tolist()) if at not in twice]

    edits, refusals = _sound(sides, edits, target)
    refusals = [*told.refusals, *_unkeyed(sides), *there_already, *refusals]
    adds, updates = [each for each in edits if each.names is None], [each for each in edits if each.names is not None]
    wanted = {"Create": len(adds), "Update": len(updates), "Delete": len(deletes)}
    unkeyed = sum(not each.global_id for each in refusals)
    none = np.empty(0, dtype=object)
    stops = [
        *key_stops(none, none, refused_without_key=unkeyed, deletions=len(deletes)),
        *schema_stops(sides.definition, (), None, [verb for verb, count in wanted.items() if count]),
        *count_stops(
            local=told.counts["local"],
            remote=told.counts["remote"],
            base=told.counts["base"],
            deletions=len(deletes),
            allow_deletes=told.allow_deletes,
        ),
        *attachment_stops(sides.definition, len(deletes), target),
    ]
    told_of = {*sides.keys[[each.row for each in edits]], *sides.keys[deletes]}
    told_of |= {each.global_id for each in (*conflicts, *refusals)}
    return dataclasses.replace(
        told,
        adds=_adds(sides, adds),
        updates=_updates(sides, updates),
        deletes=_deletes(sides, deletes),
        conflicts=tuple(sorted(conflicts, key=lambda each: each.global_id)),
        refusals=_ordered(refusals),
        stops=_in_order(stops),
        known_by=_known_by(sides, told_of, list(known_by)),
        counts=told.counts | {"unchanged": len(both) - int(differ.sum())},
    )


def _sound(sides: Sides, edits: list[_Edit], target: Target | None) -> tuple[list[_Edit], list[Refusal]]:
    """What of the edits can be sent, and what is wrong with the others. A field that is not sent may be as it is."""
    if not edits:
        return [], []
    wrong: dict[str, list[Refusal]] = {}
    for each in unfit(sides.rows_of(LOCAL, [edit.row for edit in edits]), sides.definition, sides.fields):
        wrong.setdefault(each.global_id, []).append(each)
    curved = sides.curved([edit.row for edit in edits])
    keeps_curves = target is None or not target.overwrite_curves
    keeps_measures = sides.definition.has_m and (target is None or not target.lose_measures)
    sound, refusals = [], []
    for edit, is_curved in zip(edits, curved, strict=True):
        key = sides.keys[edit.row]
        found = [each for each in wrong.get(key, ()) if edit.names is None or (each.field or "geometry") in edit.names]
        redraws = edit.names is not None and "geometry" in edit.names
        if redraws and is_curved and keeps_curves:
            found.append(refused(key, "Y12", None, "The outline holds a true curve at the server, and differs from the City's."))
        if redraws and keeps_measures:
            found.append(refused(key, "Y29", None, "The layer keeps measures (M), and the City's shape, which differs, has none."))
        refusals += found
        if not found:
            sound.append(edit)
    return sound, refusals


def _known_by(sides: Sides, ids: set[str], fields: list[str]) -> dict[str, str]:
    """What people know features by; the City's spelling before the remote one."""
    found: dict[str, str] = {}
    wanted = np.isin(sides.keys, list(ids))
    for side in (REMOTE, LOCAL) if fields else ():
        rows = np.flatnonzero(wanted & (sides.at[side] >= 0))
        texts = sides.rows_of(side, rows)[fields].astype("str").fillna("")
        found |= dict(zip(sides.keys[rows], texts.agg(" ".join, axis=1) if len(rows) else (), strict=True))
    return {key: found[key] for key in sorted(found) if found[key].strip()}


def _there_already(key: str, fields: list[str], value: str, other: str) -> Refusal:
    said = f"A feature with the {', '.join(fields)} {value} is there already, and is not known here: {other}."
    return refused(key, "Y26", fields[0] if len(fields) == 1 else None, said)


def _unkeyed(sides: Sides) -> list[Refusal]:
    frame = sides.frames[LOCAL]
    rows = np.flatnonzero(pd.isna(global_ids(frame)))
    return [refused("", "Y13", None, f"Row {row + 1} of the City's features has no usable global_id.") for row in rows]


def _adds(sides: Sides, edits: list[_Edit]) -> tuple[Add, ...]:
    rows = [edit.row for edit in edits]
    frame = sides.rows_of(LOCAL, rows)
    attributes = feature_rows(frame, sides.definition, sides.fields)
    return tuple(Add(*each) for each in zip(sides.keys[rows], attributes, _drawn(frame, sides.definition), strict=True))


def _updates(sides: Sides, edits: list[_Edit]) -> tuple[Update, ...]:
    rows = [edit.row for edit in edits]
    frames = sides.rows_of(REMOTE, rows), sides.rows_of(LOCAL, rows)
    changed: list[dict[str, Was]] = [{} for _ in edits]
    for name in sides.fields:
        at = [place for place, edit in enumerate(edits) if name in edit.names]
        old, new = (feature_rows(frame.iloc[at], sides.definition, [name]) for frame in frames)
        for place, was, now in zip(at, old, new, strict=True):
            changed[place][name] = Was(was[name], now[name])
    moved = [at for at, edit in enumerate(edits) if "geometry" in edit.names]
    shapes = [_drawn(frame.iloc[moved], sides.definition) for frame in frames]
    ground = {at: Was(*pair) for at, *pair in zip(moved, *shapes, strict=True)}
    hashes = sides.hashes[REMOTE][sides.at[REMOTE][rows]]
    return tuple(Update(sides.keys[edit.row], changed[at], ground.get(at), hashes[at]) for at, edit in enumerate(edits))


def _deletes(sides: Sides, rows: np.ndarray) -> tuple[Delete, ...]:
    attributes = feature_rows(sides.rows_of(REMOTE, rows), sides.definition, sides.fields)
    hashes = sides.hashes[REMOTE][sides.at[REMOTE][rows]]
    return tuple(Delete(*each) for each in zip(sides.keys[rows], attributes, hashes, strict=True))


def _drawn(frame: pd.DataFrame, definition: LayerDefinition) -> list[Json | None]:
    if definition.geometry_type is None or not hasattr(frame, "geometry"):
        return [None] * len(frame)
    return esri_geometries(np.asarray(frame.geometry.array, dtype=object), definition)


def _counts(local: pd.DataFrame, remote: pd.DataFrame, base: pd.DataFrame | None, refusals: Sequence[Refusal]) -> dict[str, int]:
    """Features on each side; those that were refused before count as the City's."""
    kept_back = len({each.global_id for each in refusals if each.global_id}) + sum(not each.global_id for each in refusals)
    return {
        "local": len(local) + kept_back,
        "remote": len(remote),
        "base": len(remote) if base is None else len(base),
    }


def _shaped(empty: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """An empty side with the columns that the other has: before the first sync nobody knows them."""
    return empty if "global_id" in empty.columns else like.iloc[:0]


def _ordered(refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
    return tuple(sorted(refusals, key=lambda each: (each.global_id, each.code, each.field or "", each.message)))


def _in_order(stops: Sequence[Stop]) -> tuple[Stop, ...]:
    return tuple(sorted(stops, key=lambda each: (each.code, each.message)))
