"""
The register of accepted findings: what a person has looked at and lets stand, why, and for how long.

It is a TOML file in the City's folder, one ``[[exception]]`` table for each finding, in a fixed order and with one feature to a
line, so that version control shows who accepted what. An entry holds for the ground as it was: it expires when a feature is drawn
otherwise or is gone, when the finding got worse, or on its day.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import Field, ValidationError, field_validator

from citygis.city import City, default_city
from citygis.errors import SettingsError
from citygis.publish import publish_text
from citygis.quality.subject import subject
from citygis.schema import geom_hashes
from citygis.settings import Settings, load

WORSE_SHARE = 0.01
"""A finding whose measure grew by more than this part since it was accepted is another finding: more than rounding explains."""

EXCUSE_COLUMNS = ("reason", "accepted_by", "accepted_on", "until")
"""What an excused finding carries beside `citygis.findings.COLUMNS`."""

_HEADER = "# Findings that somebody accepted, and why. Each holds until its features are drawn otherwise, or until its day."


class Concerned(Settings):
    """A feature of an accepted finding: its layer, its name, and the SHA-256 of its geometry, empty where it has none."""

    layer: str
    feature: str
    geometry: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")


class Acceptance(Settings):
    """
    An entry of the register. ``place`` is easting and northing of the middle of the finding, ``measure`` what it measured when it
    was accepted, in its ``unit``; ``until`` is the last day on which the entry holds.
    """

    finding_id: str = Field(min_length=1)
    code: str
    rule: str
    layer: str
    reason: str
    accepted_by: str
    accepted_on: date
    until: date | None = None
    measure: float | None = None
    unit: str | None = None
    place: tuple[float, float] | None = None
    features: tuple[Concerned, ...] = ()

    @field_validator("reason", "accepted_by")
    @classmethod
    def _said(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("Must say something.")
        return " ".join(value.split())


class _Register(Settings):
    exception: tuple[Acceptance, ...] = ()


class Applied(NamedTuple):
    """
    Findings after the register. ``left`` and ``excused`` are findings frames, together what was given; ``excused`` carries
    `EXCUSE_COLUMNS` too. ``expired`` (DataFrame) lists the entries that excuse nothing any more: ``finding_id``, ``code``,
    ``layer``, ``features``, `EXCUSE_COLUMNS`, ``why``, and ``still_found``, whether its finding came back among ``left``.
    """

    left: gpd.GeoDataFrame
    excused: gpd.GeoDataFrame
    expired: pd.DataFrame


class Merged(NamedTuple):
    """A register with more in it: ``register``; how many entries are ``added`` or replaced; what was ``refused`` (id and why)."""

    register: tuple[Acceptance, ...]
    added: int
    refused: tuple[tuple[str, str], ...]


def read_exceptions(path: Path | str) -> tuple[Acceptance, ...]:
    """
    The register in a file.

    Raises
    ------
    SettingsError
        If the file is not there, is not TOML, an entry lacks its reason or name, or a finding is accepted twice.
    """
    register = load(path, _Register).exception
    ids = [entry.finding_id for entry in register]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise SettingsError(f"{path}: finding {twice[0]} is accepted twice. Keep the entry that holds.")
    return register


def write_exceptions(path: Path | str, register: Iterable[Acceptance]) -> Path:
    """
    The register written to a file, over the one that is there, whole or not at all.

    Entries are ordered by code, layer, features and id, whatever order they come in. Errors as `citygis.publish.publish_text`.
    """
    ordered = sorted(register, key=lambda e: (e.code, e.layer, [c.feature for c in e.features], e.finding_id))
    return publish_text(path, "\n".join([_HEADER, *map(_written, ordered)]), overwrite=True)


def accepted(
    findings: gpd.GeoDataFrame,
    layers: Mapping[str, pd.DataFrame],
    *,
    reason: str,
    accepted_by: str,
    accepted_on: date,
    until: date | None = None,
    city: City | None = None,
    key: str | None = None,
) -> tuple[Acceptance, ...]:
    """
    Entries for findings, with their features as they are drawn now.

    Parameters
    ----------
    findings : findings frame
    layers : dict of name to frame
        As `citygis.validate` was given them.
    reason, accepted_by : str
    accepted_on, until : date
    city, key
        As `citygis.validate` was given them.

    Raises
    ------
    SettingsError
        If the reason or the name is empty, or a finding speaks of a delivery as a whole, so that nothing would let it expire.
    """
    known = _Known(layers, city, key)
    entries = []
    for row, at in zip(findings.to_dict("records"), _middles(findings), strict=True):
        if pd.isna(row["feature"]) and at is None:
            raise SettingsError(
                f"{row['code']} ({row['layer']}) speaks of the delivery as a whole. Accept it with the delivery: "
                f'citygis load --accept {row["code"]}="reason".'
            )
        entry = {name: row[name] for name in ("finding_id", "code", "rule", "layer")}
        entry |= {"reason": reason, "accepted_by": accepted_by, "accepted_on": accepted_on, "until": until, "place": at}
        if not pd.isna(row["measure"]):
            entry |= {"measure": float(row["measure"]), "unit": None if pd.isna(row["unit"]) else row["unit"]}
        entry["features"] = known.concerned(row["layer"], row["feature"], row["other"])
        try:
            entries.append(Acceptance.model_validate(entry))
        except ValidationError as error:
            problem = error.errors()[0]
            raise SettingsError(
                f"Finding {row['finding_id']}: `{problem['loc'][0]}` is {problem['input']!r}. {problem['msg']}"
            ) from None
    return tuple(entries)


def apply_exceptions(
    findings: gpd.GeoDataFrame,
    register: Sequence[Acceptance],
    layers: Mapping[str, pd.DataFrame],
    *,
    today: date | None = None,
    city: City | None = None,
    key: str | None = None,
) -> Applied:
    """
    Findings told apart: those that stand, those that somebody accepted, and the entries that do not hold any more.

    Parameters
    ----------
    findings : findings frame
        Of `citygis.validate` on these layers. Not modified.
    register : sequence of Acceptance
    layers : dict of name to frame
        As `citygis.validate` was given them.
    today : date, optional
        The day on which entries must hold; the calendar's where it is not given.
    city, key
        As `citygis.validate` was given them.

    Returns
    -------
    Applied
        A finding whose entry expired stands again and its message says so. So does one of the same code and features as an entry
        whose own finding is gone: the ground moved, or the verdict changed.
    """
    today = today or date.today()
    known = _Known(layers, city, key)
    ids = findings["finding_id"].tolist()
    position = {each: row for row, each in enumerate(ids)}
    subjects = [_about(*names) for names in zip(*(findings[c] for c in ("code", "layer", "feature", "other")), strict=True)]
    claimed = {position[entry.finding_id] for entry in register if entry.finding_id in position}
    alike: dict[tuple, list[int]] = {}
    for row, about in enumerate(subjects):
        if row not in claimed:
            alike.setdefault(about, []).append(row)
    measures = findings["measure"].to_numpy(dtype=float)
    held: dict[int, Acceptance] = {}
    remarks: dict[int, str] = {}
    expired = []
    for entry in register:
        row = position.get(entry.finding_id)
        why = _expiry(entry, known, None if row is None else measures[row], today)
        if row is not None and not why:
            held[row] = entry
            continue
        back = [row] if row is not None else []
        if row is None:
            back = alike.get((entry.code, entry.layer, tuple(c.feature for c in entry.features)), [])
            why = why or ("the place or the verdict is another" if back else "nothing is found there any more")
        for each in back:
            remarks[each] = f" It was accepted on {entry.accepted_on} by {entry.accepted_by}, which does not hold any more: {why}."
        expired.append(
            {
                "finding_id": entry.finding_id,
                "code": entry.code,
                "layer": entry.layer,
                "features": ", ".join(c.feature for c in entry.features),
                **{name: getattr(entry, name) for name in EXCUSE_COLUMNS},
                "why": why,
                "still_found": bool(back),
            }
        )
    is_held = np.zeros(len(findings), dtype=bool)
    is_held[list(held)] = True
    left = findings[~is_held].copy()
    messages = [findings["message"].iloc[row] + remarks.get(row, "") for row in np.flatnonzero(~is_held)]
    left["message"] = pd.Series(messages, index=left.index, dtype="str")
    excused = findings[is_held].copy()
    for name in EXCUSE_COLUMNS:
        values = [getattr(held[row], name) for row in np.flatnonzero(is_held)]
        excused[name] = pd.Series([None if v is None else str(v) for v in values], index=excused.index, dtype="str")
    columns = ["finding_id", "code", "layer", "features", *EXCUSE_COLUMNS, "why", "still_found"]
    return Applied(left.reset_index(drop=True), excused.reset_index(drop=True), pd.DataFrame(expired, columns=columns))


def merge_exceptions(
    register: Sequence[Acceptance],
    accepted_file: Path | str,
    findings: gpd.GeoDataFrame,
    layers: Mapping[str, pd.DataFrame],
    *,
    city: City | None = None,
    key: str | None = None,
) -> Merged:
    """
    The register with what was accepted on the web page of a report.

    Parameters
    ----------
    register : sequence of Acceptance
        Not modified. A finding that is in it already gets the new entry.
    accepted_file : path
        JSON: a list of objects with ``finding_id``, ``reason``, ``accepted_by``, ``accepted_on`` (YYYY-MM-DD) and perhaps
        ``until``; what else they say is not needed.
    findings, layers, city, key
        The run of `citygis.validate` that the page shows, or a later one: an entry is made from the ground as it is now.

    Returns
    -------
    Merged
        What lacks a reason or a name, or is not found any more, is refused with why; the rest is merged.

    Raises
    ------
    SettingsError
        If the file is not such a list.
    """
    row_of = {each: row for row, each in enumerate(findings["finding_id"])}
    entries = {entry.finding_id: entry for entry in register}
    added, refused = 0, []
    for item in _items(Path(accepted_file)):
        number = str(item.get("finding_id", ""))
        if number not in row_of:
            refused.append((number, "is not among the findings any more"))
            continue
        try:
            days = {name: date.fromisoformat(item[name]) for name in ("accepted_on", "until") if item.get(name)}
            said = {"reason": str(item.get("reason") or ""), "accepted_by": str(item.get("accepted_by") or "")}
            if "accepted_on" not in days:
                raise SettingsError(f"Finding {number}: the day is missing.")
            row = findings.iloc[[row_of[number]]]
            entries[number] = accepted(row, layers, **said, **days, city=city, key=key)[0]
        except (SettingsError, ValueError, TypeError) as error:
            refused.append((number, str(error)))
            continue
        added += 1
    return Merged(tuple(entries.values()), added, tuple(refused))


class _Known:
    """The geometry hashes of features by layer and name, worked out for a layer when it is first asked for one."""

    def __init__(self, layers: Mapping[str, pd.DataFrame], city: City | None, key: str | None):
        self._layers, self._key = layers, key
        self._schema = (city or default_city()).schema
        self._hashes: dict[str, dict[str, str]] = {}

    def hash_of(self, layer: str, feature: str) -> str | None:
        """The hash of a feature, empty where it has no geometry; None where there is no such feature."""
        if layer not in self._layers:
            return None
        if layer not in self._hashes:
            frame = self._layers[layer]
            about = subject(layer, frame, self._schema.layers.get(layer), key=self._key if self._key in frame else None)
            named: dict[str, str] = {}
            for name, digest in zip(about.feature, geom_hashes(about.geometry), strict=True):
                # Several features of one name are one to a register: all of them are what was looked at.
                named[name] = digest or "" if name not in named else _together(named[name], digest or "")
            self._hashes[layer] = named
        return self._hashes[layer].get(feature)

    def concerned(self, layer: str, feature, other) -> tuple[Concerned, ...]:
        """The features of a finding as they are drawn now; the other one in the same layer, or else in one that has it."""
        found = []
        for name, layers in ((feature, (layer,)), (other, (layer, *sorted(set(self._layers) - {layer})))):
            if pd.isna(name):
                continue
            owner = next((each for each in layers if self.hash_of(each, name) is not None), layer)
            found.append(Concerned(layer=owner, feature=name, geometry=self.hash_of(owner, name) or ""))
        return tuple(found)


def _together(one: str, other: str) -> str:
    """One digest for two, in whatever order they come: their sum."""
    return f"{(int(one or '0', 16) + int(other or '0', 16)) % 2**256:064x}"


def _expiry(entry: Acceptance, known: _Known, measure: float | None, today: date) -> str:
    """Why an entry does not hold on this ground and day; empty where it does."""
    if entry.until is not None and today > entry.until:
        return f"it held until {entry.until}"
    for each in entry.features:
        now = known.hash_of(each.layer, each.feature)
        if now is None:
            return f"{each.layer} {each.feature} is gone"
        if now != each.geometry:
            return f"{each.layer} {each.feature} is drawn otherwise"
    if measure is not None and entry.measure is not None and measure > entry.measure * (1 + WORSE_SHARE):
        return f"it measures {measure:,.2f} {entry.unit or ''}".rstrip() + f", where {entry.measure:,.2f} was accepted"
    return ""


def _about(code: str, layer: str, feature, other) -> tuple:
    return code, layer, tuple(name for name in (feature, other) if not pd.isna(name))


def _middles(findings: gpd.GeoDataFrame) -> list[tuple[float, float] | None]:
    bounds = shapely.bounds(np.asarray(findings.geometry.array, dtype=object)) if len(findings) else np.empty((0, 4))
    middles = (bounds[:, :2] + bounds[:, 2:]) / 2
    return [None if np.isnan(e) else (round(float(e), 2), round(float(n), 2)) for e, n in middles]


def _items(path: Path) -> list[dict]:
    try:
        items = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as JSON: {error}. Save it again from the report's page.") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SettingsError(f"{path} is not a list of accepted findings. Save it again from the report's page.")
    return items


def _written(entry: Acceptance) -> str:
    lines = ["", "[[exception]]"]
    for name in ("finding_id", "code", "rule", "layer", "reason", "accepted_by"):
        lines.append(f"{name} = {_quoted(getattr(entry, name))}")
    lines.append(f"accepted_on = {entry.accepted_on.isoformat()}")
    if entry.until is not None:
        lines.append(f"until = {entry.until.isoformat()}")
    if entry.measure is not None:
        lines.append(f"measure = {entry.measure!r}")
    if entry.unit is not None:
        lines.append(f"unit = {_quoted(entry.unit)}")
    if entry.place is not None:
        lines.append(f"place = [{entry.place[0]!r}, {entry.place[1]!r}]")
    lines.append("features = [")
    for each in entry.features:
        pairs = (f"{name} = {_quoted(getattr(each, name))}" for name in ("layer", "feature", "geometry"))
        lines.append(f"  {{ {', '.join(pairs)} }},")
    return "\n".join([*lines, "]", ""])


def _quoted(text: str) -> str:
    """A basic string of TOML: what JSON writes, but for the delete character, which JSON lets pass."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
