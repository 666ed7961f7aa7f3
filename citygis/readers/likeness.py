"""
Which City layer an outside layer looks like, and why: by its column names, its geometry, its name and its parcel numbers.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from citygis.schema import ApnProfile, Layer, Schema, normalise_apn

APN_SHARE = 0.6
"""A column whose values fit a parcel number profile at least this often is taken for one."""

_LEAST_SCORE = 2.0


class Likeness(NamedTuple):
    """A City layer, how much the outside layer looks like it (more is more), and the reasons for a person to judge."""

    layer: str
    score: float
    reasons: tuple[str, ...]


class ApnColumn(NamedTuple):
    """A column that holds parcel numbers: how many of its values there are, and how many fit a profile."""

    name: str
    given: int
    fitting: int


def looks_like(
    table: pd.DataFrame, geometry_types: dict[str, int], name: str, *, schema: Schema, apn: list[ApnColumn]
) -> list[Likeness]:
    """
    City layers that a layer may be, best first.

    Parameters
    ----------
    table : DataFrame
        Attributes as sent.
    geometry_types : dict of str to int
        Count of each geometry type; empty for a table without geometry.
    name : str
        File and layer name.
    schema : Schema
    apn : list of ApnColumn
        As `apn_columns` gives them.

    Returns
    -------
    list of Likeness
        At most three. Empty when nothing speaks for any layer. A column name counts the more, the fewer layers know it; a parcel
        number counts for ``parcel``; a name counts most; another kind of geometry takes nearly all of it away.
    """
    known = {layer.layer: _column_names(layer) for layer in schema.layers.values()}
    rarity = Counter(spelling for spellings in known.values() for spelling in spellings)
    words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    found = []
    for layer in schema.layers.values():
        reasons, score = [], 0.0
        columns = [column for column in table.columns if _spelling(column, known[layer.layer])]
        if columns:
            score += sum(1.5 / rarity[_spelling(column, known[layer.layer])] for column in columns)
            reasons.append(f"columns {', '.join(columns[:6])}{' and more' if len(columns) > 6 else ''}")
        if called := _called(layer, words):
            score += 3
            reasons.append(f"its name says {called!r}")
        if layer.layer == "parcel" and apn:
            score += 2
            reasons.append(f"{apn[0].name} holds parcel numbers")
        if not score:
            continue
        if _fits(layer.geometry, geometry_types):
            score += 0.5
            reasons.append(f"{layer.geometry.lower()} geometry" if layer.geometry != "None" else "no geometry")
        else:
            score *= 0.1
        if score >= _LEAST_SCORE:
            found.append(Likeness(layer.layer, round(score, 1), tuple(reasons)))
    return sorted(found, key=lambda likeness: -likeness.score)[:3]


def apn_columns(table: pd.DataFrame, profiles: Sequence[str | ApnProfile]) -> list[ApnColumn]:
    """
    Text columns that hold parcel numbers, those that fit best first.

    Parameters
    ----------
    table : DataFrame
    profiles : sequence of str or ApnProfile
        As for `citygis.schema.normalise_apn`.
    """
    found = []
    for name in table.columns:
        if table[name].dtype != "str":
            continue
        given = table[name].dropna()
        # A first look spares normalising every address and remark of a large layer.
        if given.empty or normalise_apn(given.head(200), profiles)["apn"].notna().mean() < APN_SHARE / 2:
            continue
        fitting = int(normalise_apn(given, profiles)["apn"].notna().sum())
        if fitting >= APN_SHARE * len(given) and given.nunique() > 0.5 * len(given):
            found.append(ApnColumn(name, len(given), fitting))
    return sorted(found, key=lambda column: -column.fitting)


def names_of(layer: Layer, field: str) -> set[str]:
    """How outside agencies spell a field of a layer, letters and digits only."""
    one = layer.field(field)
    return {_plain(spelling) for spelling in (one.name, *one.aliases)}


def is_called(column: str, spellings: set[str]) -> bool:
    """Whether a column is called one of `spellings`, or is one of them cut to the ten characters of a shapefile."""
    return _spelling(column, spellings) is not None


def _column_names(layer: Layer) -> set[str]:
    asked = [field for field in layer.fields if field.filled_by == "agency" and field.aliases]
    return {_plain(spelling) for field in asked for spelling in (field.name, *field.aliases)}


def _spelling(column: str, spellings: set[str]) -> str | None:
    plain = _plain(column)
    if plain in spellings:
        return plain
    if len(column) == 10:
        return next((spelling for spelling in sorted(spellings) if len(plain) > 5 and spelling.startswith(plain)), None)
    return None


def _called(layer: Layer, words: set[str]) -> str | None:
    for alias in (layer.layer, *layer.aliases):
        if set(re.findall(r"[a-z]+", alias.lower())) <= words:
            return alias
    return None


def _fits(geometry: str, types: dict[str, int]) -> bool:
    if geometry == "None" or not types:
        return geometry == "None" and not types
    matching = sum(count for name, count in types.items() if name.removeprefix("Multi") == geometry)
    return matching > 0.5 * sum(types.values())


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
