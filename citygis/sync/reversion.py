"""
A run taken back: what it wrote is put as it was before, by a plan like any other.
"""

import datetime
import random
import time
from collections.abc import Callable, Mapping, Sequence

from citygis.city import City
from citygis.errors import SyncError
from citygis.readers.esri import is_curved
from citygis.readers.service.definition import LayerDefinition
from citygis.readers.service.esri_json import spatial_reference
from citygis.readers.service.faults import ServiceFault
from citygis.sync.guards import attachment_stops, layer_facts
from citygis.sync.journal import RunRecord, run_of
from citygis.sync.model import Add, Conflict, ConflictKind, Delete, Json, Plan, Update, Was
from citygis.sync.natural_keys import key_fields
from citygis.sync.preparation import connected, in_play
from citygis.sync.privacy import is_denied
from citygis.sync.readback import features_by_id, hashes_of, laid_over, outcome, same_features, update_of
from citygis.sync.remote import Patient, Remote, no_answer
from citygis.sync.target import Target

_CURVED = "Its outline held true curves, which cannot be sent; as they were they stand in the journal of the run."


def revert(
    run_id: str,
    target: Target,
    *,
    city: City,
    remote: Remote | None = None,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], random.Random] = random.Random,
) -> Plan:
    """
    The plan that takes a run back: its updates back to the values before, its deletions as adds under their own global ids, its
    adds as deletions.

    A feature that holds something else by now than the run wrote is a conflict, and left. Applying the plan leaves the base of the
    next sync as it is: what was taken back is then told as edited there (``remote_edited``) and not sent again until the City's
    layer says so, or a person does (``--on-conflict local``).

    Parameters
    ----------
    run_id : str
        Or the end of it.
    target : Target
    city : City
    remote : Remote, optional
    sleep, chance
        As for `citygis.sync.apply`.

    Returns
    -------
    Plan
        With ``reverts``. Attachments of deleted features do not come back: a service deletes them with the feature. Nor do true
        curves, which are told as conflicts.

    Raises
    ------
    SyncError
        If there is no such run, it sent nothing, it was against another address, or the service does not answer.
    """
    record = run_of(target.folder, run_id)
    remote = remote or connected(target)
    if str(record.begin["url"]).rstrip("/") != remote.url.rstrip("/"):
        raise SyncError(f"Run {record.run_id} wrote to {record.begin['url']}, and {target.name} is at {remote.url}.")
    patient = Patient(remote, sleep=sleep, chance=chance)
    definition = patient.layer()
    fields = in_play(target, definition)
    try:
        written = record.written
        if record.state == "cut_off":
            written |= outcome(record, patient, definition, fields)[0]
        held = features_by_id(patient, definition, sorted(written))
    except ServiceFault as fault:
        raise no_answer(patient.url, fault) from None
    if not written:
        raise SyncError(f"Run {record.run_id} wrote nothing; there is nothing to take back.")
    hashes = hashes_of(held, definition, fields)
    adds, updates, deletes, conflicts = [], [], [], []
    for global_id, hash_ in _added(record).items():
        if global_id in written:
            _take_out(global_id, hash_, held, hashes, definition, deletes, conflicts)
    for global_id, before in _sent(record, "deletes").items():
        if global_id in written:
            _put_back(global_id, before["before"], held, definition, target, adds, conflicts)
    done = [update_of(each) for global_id, each in _sent(record, "updates").items() if global_id in written]
    _set_back(done, held, hashes, definition, fields, updates, conflicts)
    return Plan(
        adds=tuple(sorted(adds, key=lambda each: each.global_id)),
        updates=tuple(sorted(updates, key=lambda each: each.global_id)),
        deletes=tuple(sorted(deletes, key=lambda each: each.global_id)),
        conflicts=tuple(sorted(conflicts, key=lambda each: each.global_id)),
        stops=tuple(attachment_stops(definition, len(deletes), target)),
        counts={"local": len(written), "remote": len(held), "base": len(written), "unchanged": 0},
        target=target.name,
        url=remote.url,
        layer=target.layer,
        made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        spatial_reference=spatial_reference(definition) if definition.geometry_type else None,
        layer_facts=layer_facts(definition, _named(adds, updates)),
        known_by=_known_by(target, adds, updates, deletes, held),
        allow_deletes=len(deletes),
        reverts=record.run_id,
    )


def require_reverting(plan: Plan, target: Target) -> set[str]:
    """
    Look that a plan that says it takes a run back brings nothing but what the journal of that run holds from before.

    Returns
    -------
    set of str
        The fields whose values go back; `citygis.sync.privacy.require_allowed` lets them, though the target does not map them all.

    Raises
    ------
    SyncError
        If a value of the plan is not in the journal, or a feature to delete was not added by that run.
    """
    record = run_of(target.folder, str(plan.reverts))
    before = {key: each["before"] for what in ("updates", "deletes") for key, each in _sent(record, what).items()}
    strange = [each.global_id for each in plan.adds if not _is_within(each.attributes, each.geometry, before.get(each.global_id))]
    for each in plan.updates:
        geometry = each.geometry.new if each.geometry else None
        if not _is_within(each.values, geometry, before.get(each.global_id)):
            strange.append(each.global_id)
    strange += sorted({each.global_id for each in plan.deletes} - _added(record).keys())
    if strange:
        raise SyncError(
            f"The plan says that it takes run {record.run_id} back, and holds what its journal does not: {', '.join(strange[:3])}. "
            f"Make it anew: citygis sync revert {record.run_id} --target {target.name}. Nothing was sent."
        )
    return _named(plan.adds, plan.updates)


def _named(adds: Sequence[Add], updates: Sequence[Update]) -> set[str]:
    return {name for each in adds for name in each.attributes} | {name for each in updates for name in each.changed}


def _known_by(
    target: Target, adds: Sequence[Add], updates: Sequence[Update], deletes: Sequence[Delete], held: Mapping[str, Json]
) -> dict[str, str]:
    told = {each.global_id: each.attributes for each in (*adds, *deletes)}
    told |= {each.global_id: held[each.global_id]["attributes"] for each in updates}
    fields = key_fields(target)
    texts = {key: " ".join(str(each[name]) for name in fields if each.get(name) is not None) for key, each in told.items()}
    return {key: texts[key] for key in sorted(texts) if texts[key]}


def _is_within(attributes: Mapping[str, object], geometry: Json | None, before: Json | None) -> bool:
    if before is None or any(
        name not in before["attributes"] or before["attributes"][name] != new for name, new in attributes.items()
    ):
        return False
    return geometry is None or geometry == before["geometry"]


def _sent(record: RunRecord, what: str) -> dict[str, Json]:
    """The run's updates or deletes by global id; of one that went out in several batches the first, which tells what was before."""
    return {each["global_id"]: each for event in reversed(list(record.of("sent"))) for each in event[what]}


def _added(record: RunRecord) -> dict[str, str]:
    """Global ids of the run's adds with the hash of what it wrote: as read back afterwards, else as meant."""
    shown = {key: value for event in record.of("verified") for key, value in event["hashes"].items()}
    return {key: shown.get(key, meant) for event in record.of("sent") for key, meant in event["adds"]}


def _take_out(
    global_id: str,
    written: str,
    held: Mapping[str, Json],
    hashes: Mapping[str, str],
    definition: LayerDefinition,
    deletes: list[Delete],
    conflicts: list[Conflict],
) -> None:
    if global_id not in held:
        return  # gone already
    if hashes[global_id] != written:
        conflicts.append(_conflict(global_id, "both_changed", "The run added it, and somebody edited it since. It is left there."))
        return
    own = {each.name for each in definition.own_fields}
    attributes = {name: value for name, value in held[global_id]["attributes"].items() if name in own}
    deletes.append(Delete(global_id, attributes, written))


def _put_back(
    global_id: str,
    before: Json,
    held: Mapping[str, Json],
    definition: LayerDefinition,
    target: Target,
    adds: list[Add],
    conflicts: list[Conflict],
) -> None:
    if global_id in held:
        conflicts.append(
            _conflict(global_id, "both_changed", "The run deleted it, and somebody put it back since. It is left as it is.")
        )
        return
    if is_curved(before["geometry"] or {}):
        conflicts.append(_conflict(global_id, "remote_deleted", f"{_CURVED} The run deleted it; draw it there anew."))
        return
    own = {each.name for each in definition.own_fields}
    attributes = {name: value for name, value in before["attributes"].items() if name in own}
    closed = [name for name in attributes if target.audience == "public" and is_denied(name)]
    if any(attributes[name] is not None for name in closed):
        said = f"It held {', '.join(closed)} there, which must not go to the public from here. Put it back by hand."
        conflicts.append(_conflict(global_id, "remote_deleted", said))
        return
    attributes = {name: value for name, value in attributes.items() if name not in closed}
    adds.append(Add(global_id, attributes, before["geometry"]))


def _set_back(
    done: list[Update],
    held: Mapping[str, Json],
    hashes: Mapping[str, str],
    definition: LayerDefinition,
    fields: list[str],
    updates: list[Update],
    conflicts: list[Conflict],
) -> None:
    there = {each.global_id: held[each.global_id] for each in done if each.global_id in held}
    wrote = {each.global_id: laid_over(there[each.global_id], each) for each in done if each.global_id in there}
    still = same_features(wrote, there, definition, fields)
    for each in done:
        if each.global_id not in there:
            conflicts.append(_conflict(each.global_id, "remote_deleted", "The run updated it, and somebody deleted it since."))
        elif each.global_id not in still:
            said = f"The run wrote {', '.join(sorted(each.changed)) or 'its geometry'}, and somebody edited it since. It is left."
            conflicts.append(_conflict(each.global_id, "both_changed", said))
        elif each.geometry is not None and is_curved(each.geometry.old or {}):
            conflicts.append(
                _conflict(each.global_id, "both_changed", f"{_CURVED} The run drew chords over it; draw it there anew.")
            )
        else:
            changed = {name: Was(was.new, was.old) for name, was in each.changed.items()}
            geometry = None if each.geometry is None else Was(each.geometry.new, each.geometry.old)
            updates.append(Update(each.global_id, changed, geometry, hashes[each.global_id]))


def _conflict(global_id: str, kind: ConflictKind, message: str) -> Conflict:
    return Conflict(global_id, kind, {}, message)
