"""
A saved plan carried out: checked against what lies there now, sent, read back, and only then believed.
"""

import contextlib
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from citygis.city import City
from citygis.errors import CityGISError, SyncError
from citygis.lock import holding
from citygis.readers.service.complete import complete_read
from citygis.readers.service.definition import LayerDefinition
from citygis.sync.base import Written, as_written, base_facts, read_base, settled_base, write_base
from citygis.sync.canon import feature_hashes
from citygis.sync.guards import DELETIONS, attachment_stops, audience_stops, deletion_stops, layer_facts, schema_stops
from citygis.sync.journal import Journal, new_run_id
from citygis.sync.model import Conflict, Plan, Refusal, Stop
from citygis.sync.planfile import fingerprint
from citygis.sync.preparation import LOCK, BothSides, connected, in_play, keyed, local_side, plan_of, require_readable
from citygis.sync.privacy import require_allowed
from citygis.sync.readback import Item, complete_runs, named, verified
from citygis.sync.remote import Patient, Remote
from citygis.sync.reversion import require_reverting
from citygis.sync.sending import Sender, Sent
from citygis.sync.target import Target


class Run(NamedTuple):
    """
    What came of a plan.

    Attributes
    ----------
    run_id : str
        For `citygis.sync.revert`; empty where the plan was empty, which opens no run.
    plan : str
        Fingerprint of the plan.
    done : tuple of str
        Global ids of what was written and read back as meant.
    refused : tuple of Refusal
        By the server, for good.
    conflicts : tuple of Conflict
        Found on applying; those of the plan are not among them.
    ambiguous : tuple of str
        Global ids that the server was sent and that no reading told of, or that it holds otherwise than meant.
    newer : tuple of str
        Global ids of features that the City has changed since the plan was made: plan again.
    requests : int
    stopped : str or None
        Why the run ended before its end; "interrupted" for Ctrl-C.
    open_in_plan : int
        Conflicts and refusals that the plan itself had told of.
    """

    run_id: str
    plan: str
    done: tuple[str, ...]
    refused: tuple[Refusal, ...]
    conflicts: tuple[Conflict, ...]
    ambiguous: tuple[str, ...]
    newer: tuple[str, ...]
    requests: int
    stopped: str | None
    open_in_plan: int

    @property
    def is_clean(self) -> bool:
        """Everything was written and proven, and nothing was left out."""
        return not (self.refused or self.conflicts or self.ambiguous or self.newer or self.stopped or self.open_in_plan)


def apply(
    plan: Plan,
    target: Target,
    *,
    city: City,
    remote: Remote | None = None,
    layer: pd.DataFrame | None = None,
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], random.Random] = random.Random,
    progress: Callable[[str, int, int], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> Run:
    """
    Send a plan, prove what came of it, and take what both sides then agree on as the base of the next plan.

    Adds go first, then updates, then deletes. A feature that is something else by now than the plan says is left alone and told.
    No request that writes is repeated blindly: after a lost reply the features of the batch are read, and only what is left of it
    is sent. What is replaced or deleted is in the journal before it goes. Ctrl-C ends the run after the batch in flight.

    Parameters
    ----------
    plan : Plan
        As saved and read (`citygis.sync.read_plan`).
    target : Target
        The plan's own.
    city : City
    remote : Remote, optional
        The real one, by the target's address and credentials, when not given.
    layer : City layer, optional
        The features that the plan was made of, where they are not those of the City's store.
    sleep, chance : callable
        How the pauses between tries pass, and what they are drawn from.
    progress : callable of (state, features settled, of all)
        Called after each line of the journal.
    told : callable of str
        Gets remarks.

    Returns
    -------
    Run

    Raises
    ------
    SyncError
        If the plan must not be applied (a stop, another target, another layer than it was made for, fields that its audience
        must not see), or the service does not answer. Nothing was sent.
    Held
        If another run is under way. Nothing was sent.
    """
    require_appliable(plan, target)
    require_allowed(plan, target, city, returned=require_reverting(plan, target) if plan.reverts else ())
    with holding(target.folder / LOCK, what=f"sync apply {target.name}", told=told):
        base_facts(target)  # one that cannot be used is told before anything is sent
        remote = remote or connected(target)
        patient = Patient(remote, sleep=sleep, chance=chance)
        definition = patient.layer()
        _require_same_layer(plan, definition, patient.url)
        _require_unstopped(
            deletion_stops(len(plan.deletes), _synced(plan, target, patient), plan.allow_deletes)
            + attachment_stops(definition, len(plan.deletes), target)
            + (audience_stops(target.audience, patient.access()) if target.audience != "public" else [])
        )
        fields = in_play(target, definition)
        earlier = complete_runs(target.folder, patient, definition, fields, told=told)
        items: list[Item] = [*plan.adds, *plan.updates, *plan.deletes]
        if not items:
            nothing = Sent((), (), (), (), None)
            return _proven(plan, items, nothing, earlier, target, city, remote, patient, definition, None, layer, sleep)
        journal = Journal(target.folder, new_run_id())
        journal.write(
            "begin",
            plan=fingerprint(plan),
            target=target.name,
            url=patient.url,
            layer=plan.layer,
            counts={"adds": len(plan.adds), "updates": len(plan.updates), "deletes": len(plan.deletes)},
            reverts=plan.reverts,
            pid=os.getpid(),
            host=socket.gethostname(),
        )
        with _interruptible(told) as is_stopping:
            sender = Sender(
                patient,
                definition,
                fields,
                journal,
                most=target.batch,
                told=progress or (lambda state, done, total: None),
                is_stopping=is_stopping,
            )
            sent = sender.send(items)
        return _proven(plan, items, sent, earlier, target, city, remote, patient, definition, journal, layer, sleep)


def require_appliable(plan: Plan, target: Target) -> None:
    """
    Look that a plan may be applied to a target.

    Raises
    ------
    SyncError
        If it has a stop, was made for another target or address, or counts otherwise than it lists.
    """
    _require_unstopped(plan.stops)
    _require_counted(plan)
    if plan.target != target.name or (target.url and plan.url.rstrip("/") != target.url.rstrip("/")):
        raise SyncError(
            f"The plan was made for target {plan.target or '(none)'} at {plan.url or '(no address)'}, and this is {target.name} at "
            f"{target.url}. Plan again. Nothing was sent."
        )


def _require_unstopped(stops: Sequence[Stop]) -> None:
    if stops:
        said = "\n".join(f"{each.code}: {each.message} {each.remedy}" for each in stops)
        raise SyncError(f"The plan is stopped, and nothing was sent.\n{said}")


def _require_counted(plan: Plan) -> None:
    """
    Each feature of either side is in one part of a plan, or counted as unchanged: numbers that cannot be so were not counted.
    A plan that takes a run back counts the features of that run as the City's.
    """
    adds, updates, deletes = len(plan.adds), len(plan.updates), len(plan.deletes)
    if not (adds or updates or deletes):
        return
    refused = len({each.global_id for each in plan.refusals if each.global_id}) + sum(not each.global_id for each in plan.refusals)
    told = len(plan.conflicts) + refused
    local, remote, base, unchanged = (plan.counts.get(name, -1) for name in ("local", "remote", "base", "unchanged"))
    here, there = adds + updates + unchanged, updates + deletes + unchanged
    is_sound = min(local, remote, unchanged) >= 0 and base >= deletes
    if plan.reverts:
        is_sound &= adds + updates + deletes <= local and there <= remote
    else:
        is_sound &= here <= local <= here + told and there <= remote <= there + told
    if not is_sound:
        raise SyncError(
            f"The plan counts {local:,} features here, {remote:,} there and {base:,} before, {unchanged:,} of them unchanged, and "
            f"lists {adds:,} adds, {updates:,} updates, {deletes:,} deletes, {told:,} left as they are: that does not agree. It "
            "was changed after it was made. Plan again. Nothing was sent."
        )


def _synced(plan: Plan, target: Target, patient: Patient) -> int:
    """
    How many features a share of deletions is of: the least of what the plan says, what the base holds now, and what stands there
    now. A number in a file alone shall not let deletions through.
    """
    stated = plan.counts.get("base", 0)
    if len(plan.deletes) <= DELETIONS:
        return stated
    facts = base_facts(target)
    return min(stated, patient.count(), stated if facts is None else facts.features)


def _require_same_layer(plan: Plan, definition: LayerDefinition, url: str) -> None:
    """The layer must still be the one that the plan was made for: its fields, its geometry, its system."""
    fields = {name for each in plan.adds for name in each.attributes} | {name for each in plan.updates for name in each.changed}
    verbs = [verb for verb, edits in (("Create", plan.adds), ("Update", plan.updates), ("Delete", plan.deletes)) if edits]
    wrong = [each.message for each in schema_stops(definition, fields, None, verbs)]
    wkids = {plan.spatial_reference.get(key) for key in ("wkid", "latestWkid")} - {None} if plan.spatial_reference else set()
    if wkids and definition.wkids and not wkids & definition.wkids:
        wrong.append(f"It was in {', '.join(map(str, sorted(wkids)))} and is in {', '.join(map(str, sorted(definition.wkids)))}.")
    if (plan.spatial_reference is None) != (definition.geometry_type is None):
        wrong.append("It had no geometry and has now, or the other way round.")
    now = layer_facts(definition, plan.layer_facts)
    wrong += [f"{name} was {was} and is {now[name]}." for name, was in plan.layer_facts.items() if name in now and now[name] != was]
    if wrong:
        raise SyncError(
            f"{url} is not the layer any more that the plan was made for. {' '.join(wrong)} Plan again. Nothing was sent."
        )


def _proven(
    plan: Plan,
    items: list[Item],
    sent: Sent,
    earlier: Written,
    target: Target,
    city: City,
    remote: Remote,
    patient: Patient,
    definition: LayerDefinition,
    journal: Journal | None,
    layer: pd.DataFrame | None,
    sleep: Callable[[float], None],
) -> Run:
    """The run, after a complete read; the base and the last lines of the journal are written."""
    settled = set(sent.done)
    meant = [each for each in items if each.global_id in settled]
    fields = in_play(target, definition)
    written = {name for each in items for name in getattr(each, "attributes", None) or getattr(each, "changed", {})}
    asked = sorted({*fields, *(name for name in written if definition.field(name))})
    stopped, newer, requests = sent.stopped, (), patient.requests
    shown: set[str] = set()
    try:
        known = definition if journal is None or _is_one_page(plan, definition) else None
        reading = keyed(complete_read(remote, definition=known, fields=asked, sleep=sleep))
        require_readable(reading, remote.url)
        requests += reading.requests
        shown = verified(meant, reading.frame, reading.curved, reading.definition)
        if journal is not None:
            added = reading.frame[reading.frame["global_id"].isin({each.global_id for each in plan.adds} & shown)]
            hashes = feature_hashes(added, definition, fields)
            journal.write("verified", hashes=dict(zip(added["global_id"], hashes, strict=True)))
        if not plan.reverts:
            ours = {**earlier, **{each.global_id: named(each) for each in meant if each.global_id in shown}}
            local = local_side(target, city, layer, reading.definition)
            base = read_base(target, beside=reading.frame)
            if ours:
                base = as_written(base, reading.frame, ours)
            sides = BothSides(remote.url, local, reading, base, reading.definition, fields, None, requests, city.spellings)
            newer = _settle(plan, shown, sides, target, sent)
    except (CityGISError, ValueError) as error:  # a ValueError: the layer lost a field meanwhile
        stopped = stopped or f"What was written could not be proven: {error} Look again: citygis sync verify {target.name}"
    run = Run(
        journal.run_id if journal is not None else "",
        fingerprint(plan),
        tuple(each.global_id for each in meant if each.global_id in shown),
        sent.refused,
        sent.conflicts,
        (*sent.unknown, *(each.global_id for each in meant if each.global_id not in shown)),
        newer,
        requests,
        stopped,
        len(plan.conflicts) + len(plan.refusals),
    )
    try:
        if journal is not None:
            journal.write("end", is_clean=run.is_clean, stopped=run.stopped, done=len(run.done), requests=run.requests)
    except SyncError as error:  # what was sent stays told; the next run reads this one back
        run = run._replace(stopped=run.stopped or str(error))
    return run


def _is_one_page(plan: Plan, definition: LayerDefinition) -> bool:
    """
    Whether the layer is read in one reply, for which no date of edits is needed: the one in a definition from before the sending
    is older than what was sent. Where this errs, the layer is read once more.
    """
    return plan.counts.get("remote", 0) + len(plan.adds) < definition.max_record_count


def _settle(plan: Plan, written: set[str], sides: BothSides, target: Target, sent: Sent) -> tuple[str, ...]:
    """Write the base; global ids that the City says otherwise than there and that nobody has spoken of."""
    now = plan_of(sides, target)
    if not now.is_compared:
        raise SyncError("; ".join(f"{each.code}: {each.message}" for each in now.stops))
    write_base(target, settled_base(sides.local.frame, sides.reading.frame, sides.base, now), fingerprint=fingerprint(plan))
    spoken = {each.global_id for part in (plan.conflicts, plan.refusals, sent.refused, sent.conflicts) for each in part}
    if sent.stopped is not None:
        spoken |= {each.global_id for part in (plan.adds, plan.updates, plan.deletes) for each in part}
    spoken |= {*sent.unknown, *(set(sent.done) - written)}
    parts = (now.adds, now.updates, now.deletes)
    return tuple(sorted({each.global_id for part in parts for each in part} - spoken))


@contextlib.contextmanager
def _interruptible(told: Callable[[str], None] | None) -> Iterator[Callable[[], bool]]:
    """
    Take the first Ctrl-C (SIGINT), or SIGTERM, as a wish, and tell whether it was wished; a second Ctrl-C interrupts at once, as
    ever. Outside of the main thread, where signals do not arrive, never.
    """
    wished = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wished.is_set
        return

    def wish(_number: int, _frame: object) -> None:
        wished.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if told:
            told("Stopping after the batch in flight. Ctrl-C again stops at once.")

    before = {each: signal.signal(each, wish) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wished.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
