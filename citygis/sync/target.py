"""
Targets: which City layer goes into which remote layer, under which names and for whom, as a TOML file ``<city>/sync/NAME.toml``.

::

    layer = "parcel"
    url = "https://services.example.com/riverbend/arcgis/rest/services/Parcels/FeatureServer/0"
    portal = "https://riverbend.maps.example.com"
    audience = "public"                # or "organization"; what may go to whom: citygis/sync/privacy.toml
    credentials = "riverbend"          # a name; never the secret itself
    natural_key = ["apn"]              # for the first link-up with features that stand there already

    [where]                            # only these features go out
    status = ["ACTIVE"]

    [fields]                           # remote name = City field; what is not here is never sent
    APN = "apn"
    SITUS = "situs_text"

    [frame]                            # only where the remote layer's label is not the truth
    label = "EPSG:3857"
    really = "NAD83(2011)"
    reason = "The web layer was filled from State Plane coordinates by projection alone"
    stated_by = "County GIS, letter of 2026-03-01"
"""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field as Key
from pydantic import PrivateAttr, field_validator, model_validator

from citygis.city import City
from citygis.convert.crosswalk import Frame
from citygis.errors import SettingsError
from citygis.schema import Layer
from citygis.settings import Settings, check, read_toml
from citygis.sync.sameness import TOLERANCE_FT

FOLDER = "sync"
"""Where a City keeps its targets."""

OURS = ("global_id", "geometry")
"""Columns of the frames that are compared; no remote field can be mapped under these names."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Target(Settings):
    """
    One remote layer and what goes into it.

    ``certificate`` is a file of certificates to trust beside the system's, beside the target where it is relative. ``where`` keeps
    the features whose City field is one of the values. ``batch`` is the most features of a request. ``tolerance_ft``: outlines
    that lie closer are the same. ``overwrite_curves``: the City's chords may replace true curves.
    ``lose_attachments``: deletions may take the attachments of their features with them. ``lose_measures``: shapes go out without
    their measures (M), and may replace some that have them.
    """

    layer: str
    url: str = ""
    portal: str = ""
    audience: Literal["public", "organization"] = "public"
    credentials: str = Key(default="", pattern="^[A-Za-z0-9_-]*$")
    certificate: str | None = None
    natural_key: tuple[str, ...] = ()
    where: dict[str, tuple[str | int | float | bool, ...]] = {}
    fields: dict[str, str] = Key(min_length=1)
    frame: Frame | None = None
    batch: int = Key(default=200, ge=1, le=2000)
    tolerance_ft: float = Key(default=TOLERANCE_FT, gt=0, le=1.0)
    overwrite_curves: bool = False
    lose_attachments: bool = False
    lose_measures: bool = False
    _path: Path = PrivateAttr(default=Path("target.toml"))

    @property
    def name(self) -> str:
        """The stem of its file."""
        return self._path.stem

    @property
    def path(self) -> Path:
        """Its file."""
        return self._path

    @property
    def folder(self) -> Path:
        """Where its base, journal, runs and lock are kept: ``.state/NAME`` beside its file."""
        return self._path.parent / ".state" / self.name

    @property
    def certificate_path(self) -> Path | None:
        """The file of certificates, if it names one."""
        return self._path.parent / self.certificate if self.certificate else None

    @field_validator("url")
    @classmethod
    def _a_layer(cls, value: str) -> str:
        parts = _checked_url(value)
        if value and not parts.rstrip("/").rsplit("/", 1)[-1].isdigit():
            raise ValueError('Must be the address of one layer, like "https://.../FeatureServer/0".')
        return value.rstrip("/")

    @field_validator("portal")
    @classmethod
    def _a_portal(cls, value: str) -> str:
        _checked_url(value)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _names_apart(self):
        low = [name.casefold() for name in self.fields]
        twice = sorted({name for name in low if low.count(name) > 1})
        if twice:
            raise ValueError(f"`fields` names {', '.join(twice)} more than once (case does not count).")
        taken = [name for name in low if name in OURS]
        if taken:
            raise ValueError(f"`fields` must not name {' or '.join(taken)}: it is the key or the shape of the feature.")
        return self


def targets(city: City) -> dict[str, Target]:
    """
    A City's targets by name.

    Raises
    ------
    SettingsError
        If there is no City folder, or a file does not say what it must.
    """
    folder = _folder(city)
    return {path.stem: read_target(str(path), city) for path in sorted(folder.glob("*.toml"))}


def read_target(name_or_path: str | Path, city: City) -> Target:
    """
    One target, by the name of its file in the City's folder ``sync`` or by the path of a TOML file.

    Raises
    ------
    SettingsError
        If there is none, it says something that it must not, or names a layer or field that the City has not; the message names
        file and key.
    """
    said = str(name_or_path)
    path = Path(said) if said.endswith(".toml") else _folder(city) / f"{said}.toml"
    if not said.endswith(".toml") and (not said.replace("_", "").replace("-", "").isalnum() or not path.is_file()):
        there = ", ".join(sorted(each.stem for each in _folder(city).glob("*.toml"))) or "none"
        raise SettingsError(f"There is no target {said!r}. There are: {there}. Or name a .toml file.")
    tables = read_toml(path)
    for name in ("url", "portal"):
        if _carries_a_secret(tables.get(name)):  # looked at first: what is wrong with a value is told with the value
            raise SettingsError(f"{path}: `{name}` must be a plain address: no account, no question mark, no token.")
    target = check(tables, Target, str(path))
    target._path = path
    _require_fits(target, city)
    return target


def _require_fits(target: Target, city: City) -> None:
    layers = city.schema.layers
    if target.layer not in layers:
        raise SettingsError(f"{target.path}: there is no City layer {target.layer!r}. There are: {', '.join(layers)}.")
    layer = layers[target.layer]
    problems = [f"`fields.{remote}`: {_unknown(layer, name)}" for remote, name in target.fields.items() if name not in layer.names]
    problems += [f"`where.{name}`: {_unknown(layer, name)}" for name in target.where if name not in layer.names]
    unmapped = [name for name in target.natural_key if name not in target.fields.values()]
    problems += [f"`natural_key`: {name} is not among the fields that are mapped." for name in unmapped]
    if target.frame is not None and target.frame.is_draft:
        problems.append("`frame.stated_by` is a draft's. A person must state it, by name.")
    if problems:
        raise SettingsError("\n".join(f"{target.path}: {problem}" for problem in problems))


def _unknown(layer: Layer, name: str) -> str:
    return f"layer {layer.layer} has no field {name!r}. It has: {', '.join(layer.names)}."


def _folder(city: City) -> Path:
    if city.folder is None:
        raise SettingsError("There is no City folder, so no targets. Name one with --city DIR, or make one: citygis init DIR")
    return city.folder / FOLDER


def _carries_a_secret(value: object) -> bool:
    return isinstance(value, str) and any(mark in value for mark in "@?#")


def _checked_url(value: str) -> str:
    """The path of an address that nothing is sent to in the clear."""
    parts = urlsplit(value)
    if not value:
        return ""
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and parts.hostname not in LOOPBACK):
        raise ValueError("Must begin with https://.")
    return parts.path
