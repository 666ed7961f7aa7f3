"""
Both sides read, in the same fields and the same coordinate system: to plan, or to see whether they agree.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from citygis.city import City
from citygis.errors import ReadError, SyncError
from citygis.lock import holding
from citygis.readers.service.complete import ServiceReading, complete_read
from citygis.readers.service.definition import LayerDefinition
from citygis.schema import ApnProfile
from citygis.sync.base import as_written, read_base, settled_base, write_base
from citygis.sync.codes import stopped
from citygis.sync.journal import cut_off_runs
from citygis.sync.model import Plan
from citygis.sync.outgoing import Outgoing, outgoing
from citygis.sync.planning import plan
from citygis.sync.readback import complete_runs
from citygis.sync.remote import Patient, Remote
from citygis.sync.sides import OnConflict
from citygis.sync.target import Target

LOCK = "lock"
"""In a target's folder, while a run is at work on it."""

LINKS = "links.parquet"
"""In a target's folder: ``local`` and ``remote`` global ids of features that were linked by their natural key."""


class BothSides(NamedTuple):
    """
    Both sides of a target.

    ``url`` of the remote layer; ``local`` is ready to be sent, ``reading`` is the whole remote layer, ``base`` the last verified
    state or None. ``access`` says who may see the item, where it matters; ``requests`` counts what was asked of the service.
    ``apn_profiles`` are those of the City's counties.
    """

    url: str
    local: Outgoing
    reading: ServiceReading
    base: pd.DataFrame | None
    definition: LayerDefinition
    fields: list[str]
    access: str | None
    requests: int
    apn_profiles: tuple[ApnProfile, ...]


class Verification(NamedTuple):
    """
    What a comparison found.

    ``plan`` is what would still have to be sent, with conflicts, refusals and stops; ``agreed`` counts the features that say
    the same on both sides; ``requests`` what was asked of the service.
    """

    plan: Plan
    agreed: int
    requests: int

    @property
    def is_clean(self) -> bool:
        """Nothing to send, and nothing in the way."""
        return self.plan.is_empty and self.plan.is_clean


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
        If the service cannot be logged in to or does not answer.
    ReadError
        If the remote layer cannot be read completely.
    Held
        If a run was cut off, and another one is under way.
    """
    remote = remote or connected(target)
    sides = read_sides(target, city=city, remote=remote, layer=layer, sleep=sleep, progress=progress, told=told)
    return plan_of(sides, target, allow_deletes=allow_deletes, on_conflict=on_conflict)


def verify(
    target: Target,
    *,
    city: City,
    remote: Remote | None = None,
    layer: pd.DataFrame | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int, int], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> Verification:
    """
    Read both sides and compare them. Nothing is sent.

    What both sides agree on becomes the base of the next plan, as it does after a run: a run whose proof failed is proven so. A
    plan that is stopped leaves the base as it was.

    Parameters, errors: as `prepare`; another run under way is refused in any case.
    """
    remote = remote or connected(target)
    with holding(target.folder / LOCK, what=f"sync verify {target.name}", told=told):
        sides = read_sides(target, city=city, remote=remote, layer=layer, sleep=sleep, progress=progress, told=told, is_locked=True)
        now = plan_of(sides, target)
        if not now.stops:
            write_base(target, settled_base(sides.local.frame, sides.reading.frame, sides.base, now))
    return Verification(now, now.counts.get("unchanged", 0), sides.requests)


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
) -> BothSides:
    """
    Read both sides; complete the journals of runs that were cut off, and take what those wrote into the base.

    Parameters, errors: as `prepare`; ``is_locked`` says that the caller holds the target's lock.
    """
    patient = Patient(remote, sleep=sleep)
    definition = patient.layer()
    fields = in_play(target, definition)
    if definition.has_m and told:
        told(f"{definition.name} keeps measures (M), which are neither compared nor sent (Y29).")
    access = patient.access() if target.audience != "public" else None
    is_open = bool(cut_off_runs(target.folder))
    lock = holding(target.folder / LOCK, what=f"sync {target.name}", told=told)
    with lock if is_open and not is_locked else contextlib.nullcontext():
        written = complete_runs(target.folder, patient, definition, fields, told=told) if is_open else {}
        reading = keyed(complete_read(remote, definition=definition, fields=fields, progress=progress, sleep=sleep))
        require_readable(reading, remote.url)
        local = local_side(target, city, layer, definition)
        if local.flattened and told:
            told(f"{local.flattened:,} features have heights, which {definition.name} does not keep: they go out without.")
        base = read_base(target, beside=reading.frame)
        requests = patient.requests + reading.requests
        sides = BothSides(remote.url, local, reading, base, definition, fields, access, requests, city.spellings)
        if written:
            sides = sides._replace(base=as_written(base, reading.frame, written))
            now = plan_of(sides, target)
            if now.is_compared:
                write_base(target, settled_base(local.frame, reading.frame, sides.base, now))
    return sides


def keyed(reading: ServiceReading) -> ServiceReading:
    """The reading of a layer without GlobalIDs with a column of none, so that the two sides can be told what is wrong (Y19)."""
    if reading.definition.global_id_field is not None:
        return reading
    nothing = pd.Series([None] * len(reading.frame), index=reading.frame.index, dtype="str")
    return reading._replace(frame=reading.frame.assign(global_id=nothing))


def require_readable(reading: ServiceReading, url: str) -> None:
    """
    Look that every value of the remote layer could be read: a plan would take one that could not for null.

    Raises
    ------
    ReadError
        Names the field and the feature.
    """
    lost = [each for each in reading.problems if each.code == "R04"]
    if lost:
        more = f" {len(lost) - 1:,} more values are like it." if len(lost) > 1 else ""
        key = f"{reading.definition.object_id_field} {reading.object_ids[lost[0].row]}"
        raise ReadError(f"{url}, feature {key}: {lost[0].message}{more} Have it mended there. Nothing was taken.")


def plan_of(sides: BothSides, target: Target, *, allow_deletes: int | None = None, on_conflict: OnConflict = "skip") -> Plan:
    """The plan of both sides; a layer that was never synchronised and holds features that nobody linked stops it (Y24)."""
    made = plan(
        sides.local.frame,
        sides.reading.frame,
        sides.reading.frame.iloc[:0] if sides.base is None else sides.base,
        definition=sides.definition,
        curved=sides.reading.curved,
        target=target,
        url=sides.url,
        layer=target.layer,
        allow_deletes=allow_deletes,
        on_conflict=on_conflict,
        refusals=sides.local.refusals,
        access=sides.access,
        apn_profiles=sides.apn_profiles,
    )
    ours = {*sides.local.frame["global_id"], *(each.global_id for each in sides.local.refusals)}
    strange = set(sides.reading.frame["global_id"].dropna()) - ours
    if sides.base is None and strange:
        said = f"It was never synchronised, and {len(strange):,} of its {len(sides.reading.frame):,} features are not known here."
        made = dataclasses.replace(made, stops=(*made.stops, stopped("Y24", said)))
    return made


def links_of(target: Target) -> dict[str, str]:
    """The City's global ids to those that the same features have there, where they were linked by their natural key."""
    path = target.folder / LINKS
    if not path.exists():
        return {}
    try:
        pairs = pd.read_parquet(path)
        return dict(zip(pairs["local"], pairs["remote"], strict=True))
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own are a ValueError
        raise SyncError(f"{path} cannot be used: {error}. Put it back from a backup, or link anew.") from None


def in_play(target: Target, definition: LayerDefinition) -> list[str]:
    """The remote fields that a target maps, as the layer spells them; one that it has not is left to the guards."""
    found = [definition.field(name) for name in target.fields]
    return [each.name for each in found if each is not None]


def local_side(target: Target, city: City, layer: pd.DataFrame | None, definition: LayerDefinition) -> Outgoing:
    """The City's features as they would go out: those given, or those of its store. Errors as `outgoing` and the store."""
    columns = sorted({*target.fields.values(), *target.where, "global_id"})
    # Given as it is made, not held here: `outgoing` lets go of it when it has its own outlines.
    return outgoing(_linked(city_layer(target, city, layer, columns=columns), target), target, definition, city=city)


def _linked(frame: pd.DataFrame, target: Target) -> pd.DataFrame:
    links = links_of(target)
    return frame.assign(global_id=[links.get(each, each) for each in frame["global_id"]]) if links else frame


def city_layer(target: Target, city: City, layer: pd.DataFrame | None, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The City's features of a target: those given, or those of its store, where only `columns` and the geometry are read."""
    if layer is not None:
        return layer
    from citygis.store import store

    with store(city) as db:
        return db.read(target.layer, columns=columns)
