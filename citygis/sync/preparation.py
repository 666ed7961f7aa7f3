"""
A plan made of what lies here and there now: both sides read, in the same fields and the same coordinate system.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from citygis.city import City
from citygis.errors import SyncError
from citygis.readers.service.complete import ServiceReading, complete_read
from citygis.readers.service.definition import LayerDefinition, layer_definition
from citygis.readers.service.faults import ServiceFault
from citygis.sync.base import read_base, write_base
from citygis.sync.codes import stopped
from citygis.sync.completion import complete_runs
from citygis.sync.journal import cut_off_runs
from citygis.sync.lock import locked
from citygis.sync.model import Plan
from citygis.sync.outgoing import Outgoing, outgoing
from citygis.sync.patience import Patient
from citygis.sync.planning import OnConflict, plan
from citygis.sync.remote import Remote
from citygis.sync.settlement import settled_base
from citygis.sync.target import Target

LINKS = "links.parquet"
"""In a target's folder: ``local`` and ``remote`` global ids of features that were linked by their natural key."""


class Sides(NamedTuple):
    """
    Both sides of a target.

    ``local`` is ready to be sent, ``reading`` is the whole remote layer, ``base`` the last verified state or None. ``requests``
    counts what was asked of the service.
    """

    local: Outgoing
    reading: ServiceReading
    base: pd.DataFrame | None
    definition: LayerDefinition
    fields: list[str]
    requests: int


def prepare(
    target: Target,
    *,
    city: City,
    remote: Remote | None = None,
    layer: pd.DataFrame | None = None,
    allow_deletes: int | None = None,
    on_conflict: OnConflict = "skip",
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int, int], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> Plan:
    """
    What would make the remote layer say what the City's layer says. Nothing is sent.

    Parameters
    ----------
    target : Target
    city : City
    remote : Remote, optional
        The real one, by the target's address and credentials, when not given.
    layer : City layer, optional
        The City's features; the layer of its store when not given.
    allow_deletes, on_conflict
        As for `citygis.sync.planning.plan`.
    sleep : callable of seconds
    progress : callable of (features read, of all)
    told : callable of str
        Gets remarks, such as of a run that was cut off.

    Returns
    -------
    Plan

    Raises
    ------
    SyncError
        If the service cannot be logged in to or does not answer, or another run is under way.
    ReadError
        If the remote layer cannot be read completely.
    """
    remote = remote or connected(target)
    sides = read_sides(target, city=city, remote=remote, layer=layer, sleep=sleep, progress=progress, told=told)
    return plan_of(sides, target, remote, allow_deletes=allow_deletes, on_conflict=on_conflict)


def connected(target: Target) -> Remote:
    """
    The remote layer of a target, through the ``arcgis`` package.

    Raises
    ------
    SyncError
        If the extra is not installed, or the login is not taken.
    """
    from citygis.sync.arcgis_client import connect
    from citygis.sync.credentials import credentials_for

    require_address(target)
    return connect(target.url, target.portal, credentials_for(target.credentials), certificate=target.certificate_path)


def require_address(target: Target) -> None:
    """
    Look that a target says where its layer is.

    Raises
    ------
    SyncError
        If it does not: then it has not been published yet.
    """
    if not target.url:
        raise SyncError(
            f"Target {target.name} has no url. Publish it (citygis sync publish {target.name}), or name the layer's address."
        )


def read_sides(
    target: Target,
    *,
    city: City,
    remote: Remote,
    layer: pd.DataFrame | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int, int], None] | None = None,
    told: Callable[[str], None] | None = None,
    is_locked: bool = False,
) -> Sides:
    """
    Read both sides; complete the journals of runs that were cut off, and take what those wrote into the base.

    Parameters, errors: as `prepare`; ``is_locked`` says that the caller holds the target's lock.
    """
    patient = Patient(remote, sleep=sleep)
    definition = definition_of(patient)
    fields = in_play(target, definition)
    reading = complete_read(remote, fields=fields, progress=progress, sleep=sleep)
    local = local_side(target, city, layer, definition)
    sides = Sides(local, reading, read_base(target), definition, fields, reading.requests + patient.requests)
    if not cut_off_runs(target.folder):
        return sides
    with contextlib.nullcontext() if is_locked else locked(target.folder, told=told):
        try:
            written = complete_runs(target.folder, patient, definition, fields, told=told)
        except ServiceFault as fault:
            raise no_answer(patient.url, fault) from None
        base = settled_base(local.frame, reading.frame, sides.base, plan_of(sides, target, remote), written)
        write_base(target, base)
    return sides._replace(base=base, requests=reading.requests + patient.requests)


def plan_of(
    sides: Sides,
    target: Target,
    remote: Remote,
    *,
    allow_deletes: int | None = None,
    on_conflict: OnConflict = "skip",
) -> Plan:
    """
    The plan of both sides; a layer that was never synchronised and holds features that nobody linked stops it (Y24).

    Raises
    ------
    SyncError
        If the service does not say who may see it.
    """
    access = getattr(remote, "access", None)
    made = plan(
        sides.local.frame,
        sides.reading.frame,
        base_or_empty(sides.base, sides.reading),
        definition=sides.definition,
        curved=sides.reading.curved,
        target=target,
        url=remote.url,
        layer=target.layer,
        allow_deletes=allow_deletes,
        on_conflict=on_conflict,
        refusals=sides.local.refusals,
        access=access() if access else None,
    )
    strange = set(sides.reading.frame["global_id"]) - set(sides.local.frame["global_id"])
    if sides.base is None and strange:
        said = f"It was never synchronised, and {len(strange):,} of its {len(sides.reading.frame):,} features are not known here."
        made = dataclasses.replace(made, stops=(*made.stops, stopped("Y24", said)))
    return made


def links_of(target: Target) -> dict[str, str]:
    """The City's global ids to those that the same features have there, where they were linked by their natural key."""
    path = target.folder / LINKS
    if not path.exists():
        return {}
    pairs = pd.read_parquet(path)
    return dict(zip(pairs["local"], pairs["remote"], strict=True))


def in_play(target: Target, definition: LayerDefinition) -> list[str]:
    """The remote fields that a target maps, as the layer spells them; one that it has not is left to the guards."""
    found = [definition.field(name) for name in target.fields]
    return [each.name for each in found if each is not None]


def definition_of(remote: Remote | Patient) -> LayerDefinition:
    """The layer's definition, read now. SyncError where there is no answer, ReadError where it is no layer."""
    try:
        return layer_definition(remote.definition(), where=remote.url)
    except ServiceFault as fault:
        raise no_answer(remote.url, fault) from None


def no_answer(url: str, fault: ServiceFault) -> SyncError:
    """The error for a service that does not answer a question."""
    advice = "Look at the credentials of this target." if fault.kind == "auth" else "Try again when it is well."
    return SyncError(f"{url} did not answer: {fault}. {advice}")


def base_or_empty(base: pd.DataFrame | None, reading: ServiceReading) -> pd.DataFrame:
    """The base; without one, none of the remote features was ever synced."""
    return reading.frame.iloc[:0] if base is None else base


def local_side(target: Target, city: City, layer: pd.DataFrame | None, definition: LayerDefinition) -> Outgoing:
    """The City's features as they would go out: those given, or those of its store. Errors as `outgoing` and the store."""
    frame = city_layer(target, city, layer, columns=sorted({*target.fields.values(), *target.where, "global_id"}))
    links = links_of(target)
    if links:
        frame = frame.assign(global_id=[links.get(each, each) for each in frame["global_id"]])
    return outgoing(frame, target, definition, city=city)


def city_layer(target: Target, city: City, layer: pd.DataFrame | None, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The City's features of a target: those given, or those of its store, where only `columns` and the geometry are read."""
    if layer is not None:
        return layer
    from citygis.store import store

    with store(city) as db:
        return db.read(target.layer, columns=columns)
