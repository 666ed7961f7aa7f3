"""
What may go to whom: nothing, unless ``privacy.toml`` lists it for the audience.

Names are looked at on both ends, the City's field and the remote one, so that neither a crosswalk that brings owners in under
another name nor a remote field that is waiting for them lets them through.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import cache
from importlib import resources

from citygis.city import City
from citygis.errors import SyncError
from citygis.settings import Settings, load
from citygis.sync.model import Plan
from citygis.sync.target import Target

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


class Denied(Settings):
    """Names that never go to the public; see ``privacy.toml``."""

    parts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class Listed(Settings):
    """Fields of one layer by audience; the organisation sees the public's too."""

    public: tuple[str, ...] = ()
    organization: tuple[str, ...] = ()


class Lists(Settings):
    """A City's own lists, by layer."""

    layers: dict[str, Listed] = {}


class Profile(Lists):
    """The packaged lists."""

    denied: Denied


def allowed_fields(target: Target, city: City) -> frozenset[str]:
    """
    City fields of the target's layer that its audience may see.

    Parameters
    ----------
    target : Target
    city : City
        ``<city>/privacy.toml`` adds to the packaged lists; what `is_denied` and restricted layers stay closed to the public.

    Raises
    ------
    SettingsError
        If the City's file does not say what it must.
    """
    profiles = [_packaged(), *_own(city)]
    listed = [profile.layers[target.layer] for profile in profiles if target.layer in profile.layers]
    public = {name for each in listed for name in each.public}
    if target.audience == "organization":
        return frozenset(public | {name for each in listed for name in each.organization})
    if city.schema.layers[target.layer].restricted:
        return frozenset()
    return frozenset(name for name in public if not is_denied(name))


def is_denied(name: str) -> bool:
    """
    Whether a name says that its values are of a person: owner, mailing address, telephone and the like (``[denied]``).

    Case, underscores, digits, accents and letters of another width do not hide it.
    """
    plain = unicodedata.normalize("NFKD", str(name))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    letters = re.sub(r"[^a-z]", "", plain.casefold())
    words = {word.casefold() for word in _WORD.findall(plain)} | set(re.findall(r"[a-z]+", plain.casefold()))
    denied = _packaged().denied
    # A letter of another alphabet may look like one of ours; such a name is no name of a field in ArcGIS.
    return not plain.isascii() or any(part in letters for part in denied.parts) or not words.isdisjoint(denied.words)


def require_mapping_allowed(target: Target, city: City, *, aliases: Iterable[str] = ()) -> None:
    """
    Refuse a target that would send what its audience must not see.

    Parameters
    ----------
    target : Target
    city : City
    aliases : iterable of str
        The titles that the remote layer gives to the mapped fields; they are held to the same names.

    Raises
    ------
    SyncError
        Y23, naming the fields.
    """
    allowed = allowed_fields(target, city)
    said = [f"{name} (to {remote})" for remote, name in target.fields.items() if name not in allowed]
    if target.audience == "public":
        said += [f"the remote field {name}" for name in (*target.fields, *aliases) if is_denied(name)]
    if said:
        raise SyncError(
            f"Y23: the target {target.name} is for {_people(target)}, who must not see: {', '.join(dict.fromkeys(said))}. "
            "Take them out of [fields]; what may go to whom is in privacy.toml."
        )


def require_allowed(plan: Plan, target: Target, city: City, *, returned: Collection[str] = ()) -> None:
    """
    Refuse a plan that would send anything but the target's mapped fields, or those to the wrong audience.

    Parameters
    ----------
    plan : Plan
        However it came to be: a saved file may have been edited.
    target : Target
    city : City
    returned : collection of str
        Remote fields whose values only go back to where they came from, as the journal of a run shows (a reversion). A name that
        `is_denied` does not go back to the public either.

    Raises
    ------
    SyncError
        Y23, naming the fields; never a value.
    """
    require_mapping_allowed(target, city)
    sent = {name for each in plan.adds for name in each.attributes} | {name for each in plan.updates for name in each.changed}
    closed = {name for name in returned if target.audience == "public" and is_denied(name)}
    foreign = sorted(sent - set(target.fields) - (set(returned) - closed))
    if foreign:
        raise SyncError(
            f"Y23: the plan sends what the target {target.name} does not map: {', '.join(foreign)}. Nothing was sent; make the "
            "plan again with: citygis sync plan"
        )


def _people(target: Target) -> str:
    return "everybody" if target.audience == "public" else "the organisation"


@cache
def _packaged() -> Profile:
    with resources.as_file(resources.files("citygis.sync") / "privacy.toml") as path:
        return load(path, Profile)


def _own(city: City) -> list[Lists]:
    path = city.folder / "privacy.toml" if city.folder else None
    return [load(path, Lists)] if path is not None and path.is_file() else []
