"""
A plan's features sent, batch by batch, one request in flight, until each has an outcome.

Before a batch goes out its features are read: one that is something else than the plan says is left alone, and what will be
replaced or deleted goes into the journal. After a fault the batch is read again and only what is left of it is sent. Nothing is
sent twice blindly.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from citygis.errors import SyncError
from citygis.readers.service.complete import MOST_TRIES
from citygis.readers.service.definition import LayerDefinition
from citygis.readers.service.faults import ServiceFault
from citygis.readers.service.values import wire_id
from citygis.sync.journal import Journal
from citygis.sync.model import Add, Conflict, Delete, EditReply, ItemResult, Json, Refusal, Update, Was
from citygis.sync.readback import Item, Standing, features_by_id, hashes_of, standings
from citygis.sync.remote import Patient

MOST_BYTES = 1_000_000
"""Of the features of one request, as JSON. Esri names no limit; services in the field refuse some megabytes."""

_REFUSED_ALONE = 5
"""Whole requests of one feature that are refused, and nothing done, until the service is held to refuse all."""

_REMEDIES = {
    1000: "Look at the length and the type of its values against the layer's fields.",
    1001: "Give the field a value; the layer takes no null there.",
    1004: "The layer does not let geometry be changed.",
    1005: "The layer holds a true curve there. Edit it in ArcGIS Pro.",
    1006: "Take the HTML out of the text.",
    1007: "The login may edit its own features only. Ask the owner of the layer.",
    1011: "It was deleted there in the meantime. Plan again.",
    1013: "The login may edit its own features only. Ask the owner of the layer.",
    1015: "Look at its geometry: citygis validate.",
    1016: "Look at the types of its values against the layer's fields.",
    1022: "Another feature holds a value that must be the only one. Plan again.",
    1023: "Take the field out of the target: the layer does not let it be edited.",
}
"""By the code of the editing error (ArcGIS REST API, "Apply Edits (Feature Service/Layer)", table of error codes)."""


class Sent(NamedTuple):
    """
    What became of a plan's features.

    ``done``: the server said so, or holds what was meant. ``unknown``: sent, and no reading told. ``stopped`` is why the rest was
    not sent, None where everything has an outcome.
    """

    done: tuple[str, ...]
    refused: tuple[Refusal, ...]
    conflicts: tuple[Conflict, ...]
    unknown: tuple[str, ...]
    stopped: str | None


class Sender:
    """
    Sends the features of a plan; made for one run.

    Parameters
    ----------
    remote : Patient
    definition : LayerDefinition
    fields : sequence of str
        Those that the hashes of the plan are of.
    journal : Journal
    most : int
        Features in a batch.
    told : callable of (state, features done, of all)
        Called after each line of the journal: ``sent``, ``ambiguous``, ``done``.
    is_stopping : callable
        Asked before each batch; true ends the run there.
    """

    def __init__(
        self,
        remote: Patient,
        definition: LayerDefinition,
        fields: Sequence[str],
        journal: Journal,
        *,
        most: int,
        told: Callable[[str, int, int], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._remote, self._definition, self._fields, self._journal = remote, definition, fields, journal
        self._most = self._size = most
        self._told, self._is_stopping = told, is_stopping
        self._done: list[str] = []
        self._refused: list[Refusal] = []
        self._conflicts: list[Conflict] = []
        self._batch = 0
        self._refused_alone = 0
        self._all = 0

    def send(self, items: Sequence[Item]) -> Sent:
        """Everything, in the order given."""
        self._all = len(items)
        waiting = deque(items)
        unknown: list[str] = []
        stopped = None
        while waiting and stopped is None:
            if self._is_stopping():
                stopped = "interrupted"
                break
            some = _first(waiting, self._size)
            self._batch += 1
            try:
                waiting.extendleft(reversed(self._carry_out(some)))
            except (_Stopped, SyncError) as error:
                stopped = str(error)
                unknown = [each.global_id for each in some if each.global_id not in self._settled()]
        return Sent(tuple(self._done), tuple(self._refused), tuple(self._conflicts), tuple(unknown), stopped)

    def _settled(self) -> set[str]:
        return {*self._done, *(each.global_id for each in (*self._refused, *self._conflicts))}

    def _carry_out(self, items: Sequence[Item]) -> list[Item]:
        """One batch to its end. What comes back must be sent in smaller batches."""
        left, recorded, fault = list(items), set(), None
        for attempt in range(1, MOST_TRIES + 2):
            held = self._held(left)
            at = standings(left, held, self._definition, self._fields)
            self._settle(left, at, held)
            left = [each for each in left if at[each.global_id] == "left"]
            if not left:
                return []
            if attempt > MOST_TRIES:
                break
            if fault is not None and _is_about_size(fault) and len(left) > 1:
                self._size = max(1, min(self._size, len(left)) // 2)
                return left
            self._write_sent(left, held, attempt, recorded)
            try:
                reply = self._remote.apply_edits(**self._body(left))
            except ServiceFault as error:
                fault = error
                self._journal.write(
                    "ambiguous", batch=self._batch, attempt=attempt, kind=fault.kind, code=fault.code, message=str(fault)
                )
                self._told("ambiguous", len(self._settled()), self._all)
                if fault.kind == "auth":
                    self._remote.login_again(fault)
                elif fault.kind == "refused" or (fault.kind == "too_large" and len(left) == 1):
                    return self._refused_whole(left, fault)
                else:
                    self._remote.wait(fault, attempt)
                continue
            left = self._take(left, reply)
            self._size = min(self._most, self._size + max(1, self._size // 4))
            if not left:
                return []
        raise _Stopped(
            f"Batch {self._batch} found no answer in {MOST_TRIES} tries ({fault or 'incomplete replies'}). What it wrote was read "
            "back. Plan again when the service is well."
        )

    def _refused_whole(self, left: list[Item], fault: ServiceFault) -> list[Item]:
        """The server says no to a whole request: halved until the feature that it means stands alone."""
        if len(left) > 1:
            self._size = max(1, len(left) // 2)
            return left
        self._refused_alone += 1
        if self._refused_alone >= _REFUSED_ALONE and not self._done:
            raise _Stopped(f"{self._remote.url} refuses every edit ({fault}). Look at what the login may do, and at the target.")
        self._refuse([ItemResult(left[0].global_id, False, fault.code, str(fault))])
        return []

    def _take(self, sent: list[Item], reply: EditReply) -> list[Item]:
        """The reply to a batch, feature by feature; what it does not speak of comes back."""
        results = {each.global_id: each for each in (*reply.adds, *reply.updates, *reply.deletes)}
        done = [each.global_id for each in sent if each.global_id in results and results[each.global_id].is_done]
        self._finish(done)
        no = [each for each in sent if each.global_id in results and not results[each.global_id].is_done]
        if no:
            # A request that was delivered twice is answered with refusals of what its first delivery did: look before believing.
            held = self._held(no)
            at = standings(no, held, self._definition, self._fields)
            self._finish([each.global_id for each in no if at[each.global_id] == "done"])
            self._refuse([results[each.global_id] for each in no if at[each.global_id] != "done"])
        return [each for each in sent if each.global_id not in results]

    def _held(self, items: Sequence[Item]) -> dict[str, Json]:
        try:
            return features_by_id(self._remote, self._definition, [each.global_id for each in items])
        except ServiceFault as fault:
            raise _Stopped(f"{self._remote.url} did not answer what it holds ({fault}). Plan again when it is well.") from None

    def _settle(self, items: Sequence[Item], at: dict[str, Standing], held: dict[str, Json]) -> None:
        self._finish([each.global_id for each in items if at[each.global_id] == "done"])
        found = [self._conflict(each, at[each.global_id], held) for each in items if at[each.global_id] in ("gone", "other")]
        if found:
            self._conflicts += found
            self._journal.write("done", batch=self._batch, done=[], refused=[], conflicts=[each.global_id for each in found])

    def _conflict(self, item: Item, at: Standing, held: dict[str, Json]) -> Conflict:
        if at == "gone":
            return Conflict(
                item.global_id, "changed_since_plan", {}, "It was deleted there since the plan was made. It was left out."
            )
        now = held[item.global_id]["attributes"]
        meant = item.attributes if isinstance(item, Add) else item.values if isinstance(item, Update) else {}
        fields = {
            name: {"base": None, "local": value, "remote": now.get(name)} for name, value in meant.items() if now.get(name) != value
        }
        what = (
            "It is there already and says something else."
            if isinstance(item, Add)
            else "It was edited there since the plan was made."
        )
        return Conflict(item.global_id, "changed_since_plan", fields, f"{what} It was left as it is; plan again.")

    def _finish(self, done: list[str]) -> None:
        if done:
            self._done += done
            self._journal.write("done", batch=self._batch, done=done, refused=[], conflicts=[])
            self._told("done", len(self._settled()), self._all)

    def _refuse(self, results: Sequence[ItemResult]) -> None:
        if not results:
            return
        found = [refusal_of(each) for each in results]
        self._refused += found
        told = [[each.global_id, each.code, each.message] for each in found]
        self._journal.write("done", batch=self._batch, done=[], refused=told, conflicts=[])
        self._told("done", len(self._settled()), self._all)

    def _write_sent(self, items: Sequence[Item], held: dict[str, Json], attempt: int, recorded: set[str]) -> None:
        """Into the journal before the request goes out; what was there before only once, on a feature's first attempt."""
        new = [each for each in items if each.global_id not in recorded]
        adds = {each.global_id: {"attributes": each.attributes, "geometry": each.geometry} for each in new if isinstance(each, Add)}
        self._journal.write(
            "sent",
            batch=self._batch,
            attempt=attempt,
            again=[each.global_id for each in items if each.global_id in recorded],
            adds=list(hashes_of(adds, self._definition, self._fields).items()),
            updates=[
                {
                    "global_id": each.global_id,
                    "before": held[each.global_id],
                    "changed": each.values,
                    "geometry": None if each.geometry is None else [each.geometry.new],
                }
                for each in new
                if isinstance(each, Update)
            ],
            deletes=[{"global_id": each.global_id, "before": held[each.global_id]} for each in new if isinstance(each, Delete)],
        )
        recorded |= {each.global_id for each in new}
        self._told("sent", len(self._settled()), self._all)

    def _body(self, items: Sequence[Item]) -> dict[str, list]:
        key = str(self._definition.global_id_field)
        adds, updates, deletes = [], [], []
        for each in items:
            wire = wire_id(each.global_id)
            if isinstance(each, Add):
                adds.append({"attributes": {**each.attributes, key: wire}, "geometry": each.geometry})
            elif isinstance(each, Update):
                said = {"attributes": {**each.values, key: wire}}
                updates.append(said if each.geometry is None else {**said, "geometry": each.geometry.new})
            else:
                deletes.append(wire)
        return {"adds": adds, "updates": updates, "deletes": deletes}


def refusal_of(result: ItemResult) -> Refusal:
    """What the server refused, in one short line with what to do."""
    code = "" if result.code is None else f" ({result.code})"
    words = " ".join(result.message.split())[:200] or "no reason given"
    remedy = _REMEDIES.get(result.code or 0, "Look at the feature, mend it, and plan again.")
    return Refusal(result.global_id, "Y28", None, f"The server refused it{code}: {words}", remedy)


class _Stopped(Exception):
    """The run ends here; the message says why."""


def _first(waiting: deque[Item], most: int) -> list[Item]:
    """The next batch: at most so many features and `MOST_BYTES`, one at least."""
    some: list[Item] = []
    size = 0
    while waiting and len(some) < most:
        size += _bytes(waiting[0])
        if some and size > MOST_BYTES:
            break
        some.append(waiting.popleft())
    return some


def _bytes(item: Item) -> int:
    if isinstance(item, Delete):
        return 60
    said = item.attributes if isinstance(item, Add) else item.values
    geometry = item.geometry.new if isinstance(item.geometry, Was) else item.geometry
    return 60 + sum(len(json.dumps(part, separators=(",", ":"))) for part in (said, geometry))


def _is_about_size(fault: ServiceFault) -> bool:
    words = str(fault).lower()
    return fault.kind == "too_large" or fault.code in (408, 504) or "timeout" in words or "timed out" in words
