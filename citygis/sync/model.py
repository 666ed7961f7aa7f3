"""
What a plan is made of: plain values that a person reads in ``plan.json`` before anything is sent.
"""

import dataclasses
from typing import Any, Literal, NamedTuple

PLAN_VERSION = 3
"""Of the JSON that a plan is saved as."""

Json = dict[str, Any]


class Was(NamedTuple):
    """A value before and after: of a field (a JSON value, dates in milliseconds since 1970 UTC), or of the geometry (Esri JSON)."""

    old: Any
    new: Any


class Add(NamedTuple):
    """A feature that the remote layer lacks: all its own fields, its geometry as Esri JSON (None for a table or a null)."""

    global_id: str
    attributes: Json
    geometry: Json | None


class Update(NamedTuple):
    """
    A feature that says something else here than there.

    ``changed`` holds only the fields to be changed; ``geometry`` is None where the ground stays. ``remote_hash`` is what the
    remote feature hashed to when the plan was made: applying it stops at a feature that is something else by then.
    """

    global_id: str
    changed: dict[str, Was]
    geometry: Was | None
    remote_hash: str

    @property
    def values(self) -> Json:
        """The new values of the fields."""
        return {name: was.new for name, was in self.changed.items()}


class Delete(NamedTuple):
    """A feature that was synced before and is gone here; ``attributes`` are the remote ones, to know it by."""

    global_id: str
    attributes: Json
    remote_hash: str


ConflictKind = Literal["both_changed", "remote_edited", "remote_added", "remote_deleted", "changed_since_plan"]
"""
``both_changed``: here and there, since the last verified sync. ``remote_edited``: there only; pull it or say that the City's
version stands. ``remote_added``: somebody else's feature. ``remote_deleted``: gone there, kept here. ``changed_since_plan``: found
on applying.
"""


class Conflict(NamedTuple):
    """
    A feature that is skipped because somebody else's edit is in the way.

    ``fields`` holds per field (and ``geometry``, as hashes) the values ``base``, ``local`` and ``remote``.
    """

    global_id: str
    kind: ConflictKind
    fields: dict[str, Json]
    message: str


class Refusal(NamedTuple):
    """
    A feature that cannot be sent as it is. ``code`` is one of the Y codes; ``field`` is None where the whole feature or its
    geometry is meant. ``remedy`` says what to do.
    """

    global_id: str
    code: str
    field: str | None
    message: str
    remedy: str


class Stop(NamedTuple):
    """Why a plan must not be applied as it stands: a guard, with the number that would have to be named, if any."""

    code: str
    message: str
    remedy: str
    number: int | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """
    What would make a remote layer say what the City says; nothing has been sent.

    Attributes
    ----------
    target : str
        Name of the target; empty where the plan was made of frames alone.
    url : str
        The remote layer, without a token.
    layer : str
        The City's layer.
    made_at : str
        ISO moment in UTC; not part of what the plan is (`fingerprint`).
    counts : dict
        Features ``local``, ``remote``, ``base``, and ``unchanged`` where the sides could be compared.
    adds, updates, deletes, conflicts, refusals, stops
        In the order of their global ids.
    layer_facts : dict
        What the plan rests on of the remote layer (`citygis.sync.guards.layer_facts`); empty where only frames were compared.
    known_by : dict
        The natural key of the features that it speaks of, as they are written here (or there, where they are not here), by global
        id: to be read, never sent. Empty without a natural key.
    allow_deletes : int or None
        The number of deletions that a person named.
    reverts : str or None
        The run that this plan takes back.
    """

    adds: tuple[Add, ...] = ()
    updates: tuple[Update, ...] = ()
    deletes: tuple[Delete, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    stops: tuple[Stop, ...] = ()
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    target: str = ""
    url: str = ""
    layer: str = ""
    made_at: str = ""
    spatial_reference: Json | None = None
    layer_facts: dict[str, str] = dataclasses.field(default_factory=dict)
    known_by: dict[str, str] = dataclasses.field(default_factory=dict)
    allow_deletes: int | None = None
    reverts: str | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing to send. Conflicts and refusals may stand; `is_clean` says whether."""
        return not (self.adds or self.updates or self.deletes)

    @property
    def is_compared(self) -> bool:
        """Whether the sides were held against each other; where keys, fields or systems stop that, nothing is known."""
        return "unchanged" in self.counts

    @property
    def is_clean(self) -> bool:
        """No conflict, no refusal, no stop."""
        return not (self.conflicts or self.refusals or self.stops)


class ItemResult(NamedTuple):
    """What the server says of one feature of a batch; ``code`` is Esri's (1000 to 1023), None for a success."""

    global_id: str
    is_done: bool
    code: int | None
    message: str


class EditReply(NamedTuple):
    """The server's reply to one batch, matched to the features sent, by GlobalID, else by position."""

    adds: tuple[ItemResult, ...]
    updates: tuple[ItemResult, ...]
    deletes: tuple[ItemResult, ...]
