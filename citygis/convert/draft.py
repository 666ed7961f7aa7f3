"""
A crosswalk proposed from names and values, for the engineer to edit.
"""

import datetime
import difflib
import re
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.city import City, default_city
from citygis.convert.cast import text_of
from citygis.convert.crosswalk import DRAFT, NULL_VALUES, Crosswalk, FieldMap, Frame
from citygis.convert.fields import fill_field, is_apn
from citygis.schema import Field, Layer, normalise_apn

DATE_FORMATS = ("%m/%d/%Y", "%d/%m/%Y", "%Y%m%d", "%d.%m.%Y", "%m-%d-%Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y")
"""Ways to write a day that are tried where it is not year-month-day; one is proposed when it alone reads every value."""

MANY = 200
"""A column with more distinct values than this is not a code of something."""

ENOUGH, ENOUGH_REQUIRED = 0.98, 0.5
"""Share of a column's values that must fit an optional field, and a required one; rows with the others are quarantined."""

PROVENANCE = ("source_id", "source_ref", "read_code", "read_message")


class Candidate(NamedTuple):
    """An outside column for a City field: how alike the names are (0 to 1), and what makes them so."""

    likeness: float
    field: str
    column: str
    why: str


def draft_crosswalk(raw: gpd.GeoDataFrame | pd.DataFrame, layer: str, *, city: City | None = None) -> Crosswalk:
    """
    A crosswalk proposed from the names and values of an outside frame.

    Parameters
    ----------
    raw : GeoDataFrame
        As `citygis.readers.read` gives it.
    layer : str
        The City layer to make of it.
    city : City, optional
        Whose APN profiles and realization count; the packaged defaults without it.

    Returns
    -------
    Crosswalk
        ``agency`` is "draft". Each field has a ``reason``; the columns without a place are in ``unmatched``, with one. An outside
        column feeds one field at most. An optional field is only filled from a column of which nearly every value fits. A
        translation table lists every value seen, with "" where nothing in the domain is like it. Coordinates labelled WGS 84 get
        a ``frame`` that says they are really the City's, stated by "draft": converting under it gives finding D01.

    Raises
    ------
    SchemaError
        If there is no such layer.
    """
    city = city or default_city()
    target = city.schema.layer(layer)
    geometry = raw.geometry.name if isinstance(raw, gpd.GeoDataFrame) and raw.active_geometry_name else None
    table = pd.DataFrame(raw.drop(columns=geometry) if geometry else raw).reset_index(drop=True)
    columns = [name for name in table.columns if isinstance(name, str) and name not in PROVENANCE and table[name].notna().any()]
    unmatched = {str(n): "it is empty throughout" for n in table.columns if n not in PROVENANCE and table[n].isna().all()}
    fields = [field for field in target.fields if field.filled_by == "agency"]
    maps: dict[str, FieldMap] = {}
    used: set[str] = set()
    for candidate in sorted(_candidates(fields, columns, table, city), key=lambda c: (-c.likeness, columns.index(c.column))):
        if candidate.field in maps or candidate.column in used:
            continue
        field = target.field(candidate.field)
        rule, why = _fitting(table, field, candidate.column, city, is_key=field.name in target.key)
        if rule is None:
            unmatched.setdefault(candidate.column, f"like {field.name} ({candidate.why}), but {why}")
            continue
        maps[field.name] = rule.model_copy(update={"reason": f"{candidate.why}; {why}"})
        used.add(candidate.column)
        unit = _unit_of(target, field, candidate.column)
        if unit:
            maps[f"{field.name}_unit"] = FieldMap(constant=unit, reason=f"the name {candidate.column} says so")
    for name in target.key:
        field = target.field(name)
        if field.required and name not in maps and not is_apn(field) and (found := _fallback(table, columns, used, field, city)):
            maps[name] = found
            used.update(found.columns)
    for name in columns:
        if name not in used:
            unmatched.setdefault(name, "no City field has a name like it")
    ordered = {field.name: maps[field.name] for field in target.fields if field.name in maps}
    spare = {name: why for name, why in unmatched.items() if name not in used}
    return Crosswalk(
        agency=DRAFT,
        layer=layer,
        description="Drafted from names and values. Read every line, correct it, and put the agency's name above.",
        frame=_frame(raw, city),
        fields=ordered,
        unmatched=spare,
    )


def _candidates(fields: list[Field], columns: list[str], table: pd.DataFrame, city: City) -> list[Candidate]:
    """Every pair of field and column that is alike in name, and columns that hold parcel numbers under any name."""
    pairs = []
    for field in fields:
        for column in columns:
            likeness, why = _likeness(field, column)
            if likeness:
                pairs.append(Candidate(likeness, field.name, column, why))
            elif field.name == "apn" and field.required and (share := _apn_share(table[column], city)) >= 0.9:
                pairs.append(Candidate(0.5 * share, field.name, column, f"{share:.0%} of its values are parcel numbers"))
    return pairs


def _likeness(field: Field, column: str) -> tuple[float, str]:
    name = _bare(column)
    if len(name) < 2:
        return 0.0, ""
    known = [_bare(alias) for alias in (field.name, *field.aliases)]
    if name in known:
        # The first alias of a field is its best known name.
        return 1.0 - 0.001 * known.index(name), f"{column} is a known name of it"
    stem = _numbered(column)
    if stem and stem in {_numbered(alias) for alias in (field.name, *field.aliases)}:
        return 0.95, f"{column} is a number of the same thing"
    for alias in known:
        # Shapefiles keep ten characters of a name.
        if len(column) >= 8 and len(name) >= 7 and alias.startswith(name):
            return 0.9, f"{column} begins {alias}"
    close = difflib.get_close_matches(name, [alias for alias in known if len(alias) >= 5], n=1, cutoff=0.85)
    if close and len(name) >= 5:
        ratio = difflib.SequenceMatcher(None, name, close[0]).ratio()
        return 0.8 * ratio, f"{column} is like {close[0]}"
    return 0.0, ""


def _apn_share(column: pd.Series, city: City) -> float:
    text = text_of(column)[0].dropna()
    if text.empty or text.nunique() < 0.8 * len(text):
        return 0.0
    return float(normalise_apn(text, city.spellings)["apn"].notna().mean())


def _fitting(table: pd.DataFrame, field: Field, column: str, city: City, *, is_key: bool) -> tuple[FieldMap | None, str]:
    """The map that makes `field` of `column`, and why; or None and why not."""
    rule = FieldMap.model_validate({"from": column})
    text = text_of(table[column])[0].str.strip()
    text = text.mask(text.isin(list(NULL_VALUES)).to_numpy(dtype=bool))
    given = int(text.notna().sum())
    if not given:
        return None, "it is empty throughout"
    if field.domain:
        return _coded(text, field, rule, given)
    if field.reference is not None and field.type == "uuid":
        other = field.reference.split(".")[0]
        if len(city.schema.layer(other).key) != 1 or other == "source_document":
            return None, f"nothing says which {other} it names"
        return rule.model_copy(update={"reference": other}), f"taken as the key of a {other}"
    if field.name + "_unit" in _siblings(field, city) and not _unit_word(column):
        return None, "its unit is not known: map it with the unit that the sender states"
    if field.type == "date" and (form := _date_format(text)):
        rule = rule.model_copy(update={"date_format": form})
    filled = fill_field(table, field, rule, null_values=NULL_VALUES, profiles=city.spellings)
    out = {int(row) for problem in filled.problems if problem.code != "C05" for row in problem.rows}
    share = 1 - len(out) / given
    if is_key and field.unique and not is_apn(field) and filled.values.dropna().duplicated().any():
        return None, f"{int(filled.values.dropna().duplicated().sum())} of its values repeat another, and it is the key"
    if share < (ENOUGH_REQUIRED if field.required else ENOUGH):
        sample = next(problem for problem in filled.problems if problem.code != "C05")
        return None, f"{len(out)} of {given} values do not fit, such as {sample.values[0]!r}"
    fit = f"{given - len(out)} of {given} values fit" if out else f"all {given} values fit"
    return rule, f"{fit}{_profiles_seen(filled.values, field, city)}"


def _coded(text: pd.Series, field: Field, rule: FieldMap, given: int) -> tuple[FieldMap | None, str]:
    counts = text.value_counts()
    if len(counts) > MANY:
        return None, f"it has {len(counts)} different values, too many to be a code"
    guesses = {value: _guess(value, field.domain) for value in sorted(counts.index)}
    share = sum(int(counts[value]) for value, code in guesses.items() if code) / given
    if share < 0.5 and not (field.required and field.default is None):
        return None, f"its values ({', '.join(list(guesses)[:5])}) are not like {', '.join(field.domain)}"
    return rule.model_copy(update={"domain": guesses}), f"{share:.1%} of its values are like a code; fill in the others"


def _guess(value: str, domain: dict[str, str]) -> str:
    known = {_bare(text): code for code, label in domain.items() for text in (label, code)}
    return known.get(_bare(value), "")


def _date_format(text: pd.Series) -> str | None:
    """The one format that reads every text; None for year-month-day, for none, and for two that differ."""
    seen = text.dropna().unique()
    if all(re.match(r"\d{4}[-/]\d{2}[-/]\d{2}", value) for value in seen):
        return None
    reading = [form for form in DATE_FORMATS if all(_reads(value, form) for value in seen)]
    return reading[0] if len(reading) == 1 else None


def _reads(value: str, form: str) -> bool:
    try:
        return 1800 <= datetime.datetime.strptime(value, form).year <= 2200
    except ValueError:
        return False


def _siblings(field: Field, city: City) -> set[str]:
    return {name for layer in city.schema.layers.values() if field in layer.fields for name in layer.names}


def _unit_word(column: str) -> str | None:
    name = _bare(column)
    return "ACRE" if "ACRE" in name else "SQFT" if "SQFT" in name or "SQFEET" in name else None


def _unit_of(layer: Layer, field: Field, column: str) -> str | None:
    sibling = f"{field.name}_unit"
    unit = _unit_word(column)
    return unit if sibling in layer.names and unit in (layer.field(sibling).domain or {}) else None


def _profiles_seen(values: pd.Series, field: Field, city: City) -> str:
    if not is_apn(field):
        return ""
    counts = normalise_apn(values.dropna(), city.spellings)["apn_profile"].value_counts()
    return f" ({', '.join(f'{name} {n}' for name, n in counts.items())})"


def _fallback(table: pd.DataFrame, columns: list[str], used: set[str], field: Field, city: City) -> FieldMap | None:
    """A key for features that have none by name: an outside column that tells them apart, else the row number in the file."""
    options = [
        (
            FieldMap.model_validate({"from": name}),
            f"NO COLUMN IS CALLED LIKE A KEY. {name} is different in each row; say whether it lasts",
        )
        for name in sorted(columns, key=lambda name: "ID" not in _bare(name))
        if name not in used
    ]
    if "source_ref" in table:
        rows = {"from": "source_ref", "split": {"pattern": r"([^#/]+)$"}}
        why = "NO COLUMN TELLS THE FEATURES APART. The row number does, and changes when the sender sorts the file: ask for a key"
        options.append((FieldMap.model_validate(rows), why))
    for rule, why in options:
        filled = fill_field(table, field, rule, null_values=NULL_VALUES, profiles=city.spellings)
        if not filled.problems and not filled.values.duplicated().any():
            return rule.model_copy(update={"reason": why})
    return None


def _frame(raw: gpd.GeoDataFrame | pd.DataFrame, city: City) -> Frame | None:
    crs = raw.crs if isinstance(raw, gpd.GeoDataFrame) and raw.active_geometry_name else None
    if crs is None or crs.geodetic_crs is None:
        return None
    # WGS 84 as a name for anything; a realization such as WGS 84 (G2139) is meant and gets no guess.
    if crs.geodetic_crs.datum.name.removesuffix(" ensemble") != "World Geodetic System 1984":
        return None
    authority = crs.to_authority()
    return Frame(
        label=":".join(authority) if authority else crs.to_wkt(),
        really=city.realization,
        reason="NOT CONFIRMED. Agencies' WGS 84 exports are normally NAD83 relabelled; if these are true GPS coordinates,"
        " everything lies about 5 ft off. Ask the sender, then write here who said so.",
        stated_by=DRAFT,
    )


def _numbered(name: str) -> str | None:
    """What a name numbers: "ESMT" of ESMT_ID, ESMT_NO and esmt number; None where it numbers nothing."""
    found = re.fullmatch(r"(.{2,}?)[_ ]?(?:ID|NO|NUM|NBR|NUMBER)", name.upper())
    return _bare(found[1]) if found else None


def _bare(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())
