"""
The first link-up with a layer that is there already: features matched by a natural key, one to one, and nothing guessed.

A City's ``global_id`` is derived from layer and key, other features refer to it and history is kept under it; so it stays as it
is. The pairs lie in the target's folder, and a linked feature goes out under the global id that it has there.
"""

import contextlib
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from citygis.city import City
from citygis.errors import SyncError
from citygis.lock import holding
from citygis.publish import publishing
from citygis.readers.service.complete import ServiceReading, complete_read
from citygis.readers.service.definition import LayerDefinition
from citygis.settings import check
from citygis.sync.base import read_base, write_base
from citygis.sync.natural_keys import natural_keys
from citygis.sync.preparation import LINKS, LOCK, city_layer, connected, in_play, links_of, require_readable
from citygis.sync.privacy import allowed_fields, is_denied
from citygis.sync.remote import Patient, Remote
from citygis.sync.target import OURS, Target


class Link(NamedTuple):
    """
    What a link-up found.

    ``pairs``: ``local`` and ``remote`` global id and ``key`` of features that stand on both sides, one to one, under different ids.
    ``same`` counts features that share their id already. ``ambiguous``: ``key``, ``local`` and ``remote`` counts where more
    than one feature has the key on a side. ``only_here`` and ``only_there``: ``global_id`` and ``key`` of the rest; the key is
    null where the feature has none. ``is_written``: the pairs and the base were written.
    """

    pairs: pd.DataFrame
    same: int
    ambiguous: pd.DataFrame
    only_here: pd.DataFrame
    only_there: pd.DataFrame
    is_written: bool

    @property
    def is_clean(self) -> bool:
        """Every feature of both sides found its other."""
        return not (len(self.ambiguous) or len(self.only_here) or len(self.only_there))


def link(
    target: Target,
    *,
    city: City,
    remote: Remote | None = None,
    layer: pd.DataFrame | None = None,
    apply: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int, int], None] | None = None,
) -> Link:
    """
    Match the City's features with those that a remote layer holds already, by the target's ``natural_key``.

    Parcel numbers are compared in the City's spelling (`citygis.schema.normalise_apn`), other text without regard to case and
    blanks around it. Nothing is sent.

    Parameters
    ----------
    target : Target
    city : City
    remote, layer, sleep, progress
        As for `citygis.sync.prepare`.
    apply : bool
        Write the pairs, and the linked remote features as the base: the first plan then updates them to what the City says, and
        leaves the others.

    Returns
    -------
    Link

    Raises
    ------
    SyncError
        If the target names no key, a field of it is not mapped, or the service does not answer.
    ReadError
        If the remote layer cannot be read completely.
    """
    if not target.natural_key:
        raise SyncError(f'The target {target.name} names no key to link by. Write one into it: natural_key = ["apn"]')
    remote = remote or connected(target)
    with holding(target.folder / LOCK, what=f"sync link {target.name}") if apply else contextlib.nullcontext():
        definition = Patient(remote, sleep=sleep).layer()
        reading = complete_read(remote, definition=definition, fields=in_play(target, definition), progress=progress, sleep=sleep)
        require_readable(reading, remote.url)
        known = links_of(target)
        mine, theirs = _sides(target, city, city_layer(target, city, layer), known, reading)
        shared = set(mine["global_id"]) & set(theirs["global_id"])
        found = _matched(mine[~mine["global_id"].isin(shared)], theirs[~theirs["global_id"].isin(shared)], len(shared))
        if apply:
            _write(found, shared, known, target, reading.frame)
    return found._replace(is_written=apply)


def _sides(
    target: Target, city: City, here: pd.DataFrame, known: dict[str, str], reading: ServiceReading
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``global_id`` and ``key`` of the features of both sides; of the City's ``own``, the id that they have here."""
    definition = reading.definition
    if definition.global_id_field is None:
        raise SyncError(f"{definition.name} has no GlobalID field, so its features cannot be linked. Have its owner add one.")
    for name, values in target.where.items():
        here = here[here[name].isin(list(values)).fillna(False)]
    names = {city_field: definition.field(remote) for remote, city_field in target.fields.items()}
    lacking = [remote for remote, name in target.fields.items() if name in target.natural_key and names[name] is None]
    if lacking:
        raise SyncError(f"{definition.name} has no field {', '.join(lacking)} to link by.")
    mine = pd.DataFrame({"global_id": [known.get(each, each) for each in here["global_id"]], "own": here["global_id"].to_numpy()})
    mine["key"] = natural_keys([(name, here[name]) for name in target.natural_key], city.spellings)
    spelled = [(name, reading.frame[names[name].name]) for name in target.natural_key]
    keys = natural_keys(spelled, city.spellings)
    return mine, pd.DataFrame({"global_id": reading.frame["global_id"].to_numpy(), "key": keys})


def _matched(mine: pd.DataFrame, theirs: pd.DataFrame, same: int) -> Link:
    counts = Counter(mine["key"].dropna()), Counter(theirs["key"].dropna())
    both = counts[0].keys() & counts[1].keys()
    single = {key for key in both if counts[0][key] == counts[1][key] == 1}
    several = sorted(both - single)
    pairs = mine[mine["key"].isin(single)].merge(theirs, on="key", suffixes=("", "_there"))
    return Link(
        pd.DataFrame({"local": pairs["own"], "remote": pairs["global_id_there"], "key": pairs["key"]}).sort_values(
            "key", ignore_index=True
        ),
        same,
        pd.DataFrame({"key": several, "local": [counts[0][key] for key in several], "remote": [counts[1][key] for key in several]}),
        mine.loc[~mine["key"].isin(both), ["own", "key"]].set_axis(["global_id", "key"], axis=1).reset_index(drop=True),
        theirs.loc[~theirs["key"].isin(both), ["global_id", "key"]].reset_index(drop=True),
        False,
    )


def _write(found: Link, shared: set[str], known: dict[str, str], target: Target, remote: pd.DataFrame) -> None:
    base = read_base(target)
    linked = set(found.pairs["remote"])
    if base is None:
        rows = remote[remote["global_id"].isin(linked | shared)]
    else:
        columns = [name for name in remote.columns if name in base.columns]
        rows = pd.concat([base[~base["global_id"].isin(linked)], remote.loc[remote["global_id"].isin(linked), columns]])
    pairs = {**known, **dict(zip(found.pairs["local"], found.pairs["remote"], strict=True))}
    table = pd.DataFrame({"local": sorted(pairs), "remote": [pairs[each] for each in sorted(pairs)]}, dtype="str")
    with publishing(target.folder / LINKS, overwrite=True) as temporary:
        table.to_parquet(temporary, index=False)
    write_base(target, rows)


def drafted_target(
    url: str,
    layer: str,
    definition: LayerDefinition,
    city: City,
    *,
    portal: str = "",
    credentials: str = "",
    certificate: str | None = None,
) -> str:
    """
    A target for a layer that is there, drafted for a person to read: TOML, fields matched by their names and aliases.

    Parameters
    ----------
    url : str
        Of the remote layer.
    layer : str
        A City layer.
    definition : LayerDefinition
    city : City
    portal, credentials : str
    certificate : str, optional
        As the target is to say them.

    Returns
    -------
    str
        Fields that nobody matched, or that the public must not see, stand in comments.

    Raises
    ------
    SchemaError
        If there is no such City layer.
    SyncError
        If no field matched.
    """
    fields = {_bare(name): field for field in city.schema.layer(layer).fields for name in (*field.aliases, field.name)}
    matched: dict[str, str] = {}
    left: list[str] = []
    for each in definition.own_fields:
        field = fields.get(_bare(each.name)) or fields.get(_bare(each.alias))
        if field is None or field.name in matched.values() or each.name.casefold() in OURS:
            left.append(each.name)
        else:
            matched[each.name] = field.name
    if not matched:
        raise SyncError(f"No field of {url} is named like one of the City's {layer}. Write the target by hand.")
    probe = check({"layer": layer, "url": url, "portal": portal, "fields": matched}, Target, "the draft")
    allowed = allowed_fields(probe, city)
    lines = [
        "# Drafted by citygis sync link; read every line before the first plan.",
        f"layer = {_text(layer)}",
        f"url = {_text(url)}",
        f"portal = {_text(portal)}",
        '# Who may see the remote layer: "public" or "organization". What may go to whom is in privacy.toml.',
        'audience = "public"',
        "# The name of the login (never the secret): CITYGIS_NAME_USER and CITYGIS_NAME_PASSWORD, a file, or the keyring.",
        f"credentials = {_text(credentials)}",
        *([f"certificate = {_text(certificate)}"] if certificate else []),
        f"natural_key = [{', '.join(_text(name) for name in city.schema.layer(layer).key if name in matched.values())}]",
        "",
        "[fields]",
    ]
    for remote, name in matched.items():
        is_open = name in allowed and not is_denied(remote)
        lines.append(f"{'' if is_open else '# not for the public: '}{_text(remote)} = {_text(name)}")
    lines += [f"# no field of the City is named like it: {_text(name)}" for name in left]
    return "\n".join(lines) + "\n"


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _text(value: str) -> str:
    """A TOML basic string."""
    escaped = "".join(
        f"\\u{ord(letter):04X}" if letter in '"\\' or ord(letter) < 32 or ord(letter) == 127 else letter for letter in value
    )
    return f'"{escaped}"'
