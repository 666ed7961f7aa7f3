"""
An outside frame into a City layer: every row lands in the layer or in the quarantine, once.
"""

import difflib
import logging
import re
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City, default_city
from citygis.convert.coverage import coverage_of
from citygis.convert.crosswalk import Crosswalk, FieldMap, read_crosswalk
from citygis.convert.draft import draft_crosswalk
from citygis.convert.fields import Filled, Problem, fill_field
from citygis.convert.place import Placed, place
from citygis.convert.remarks import remarks
from citygis.errors import CRSError, SchemaError, SettingsError
from citygis.geodesy import Lineage, SameFrame, transform_frame
from citygis.schema import Layer, empty_layer, feature_ids, geom_hashes

logger = logging.getLogger(__name__)

PROVENANCE = ("source_id", "source_ref", "read_code", "read_message")
"""Columns that `citygis.readers.read` adds to what was sent."""

UNREADABLE = ("R01", "R03")
"""Reading problems that leave a row without a usable geometry."""


class Conversion(NamedTuple):
    """
    What became of a delivery.

    ``layer``: the City layer. ``quarantine``: the rows that did not enter it, as sent, in the system they were sent in, with
    ``quarantine_code``, ``quarantine_field`` and ``quarantine_value`` of the first problem, and ``quarantine_message`` and
    ``quarantine_codes`` of all; a column sent under one of these names has ``_sent`` after it. ``coverage``: how each City field
    was filled, and the outside columns that nothing reads. ``findings``: what a person should know of it. ``lineage``: how the
    coordinates came here; None for a layer without geometry. ``crosswalk``: what was applied.
    """

    layer: gpd.GeoDataFrame | pd.DataFrame
    quarantine: gpd.GeoDataFrame | pd.DataFrame
    coverage: pd.DataFrame
    findings: gpd.GeoDataFrame
    lineage: Lineage | None
    crosswalk: Crosswalk


def convert(
    raw: gpd.GeoDataFrame | pd.DataFrame,
    layer: str,
    *,
    crosswalk: str | Path | Crosswalk | None = None,
    city: City | None = None,
) -> Conversion:
    """
    An outside frame as a City layer.

    Parameters
    ----------
    raw : GeoDataFrame, n rows
        As `citygis.readers.read` gives it. Not modified.
    layer : str
        The City layer to make.
    crosswalk : name, path or Crosswalk, optional
        A name is looked up in the City's folder, then among those that come with citygis. Without one it is drafted from names and
        values, which finding C00 says.
    city : City, optional
        The packaged defaults without it.

    Returns
    -------
    Conversion
        ``layer`` has the City's columns and types, a new index, and the order of `raw`; ``quarantine`` the index of `raw`. Together
        they have n rows. The same input gives the same output, to the bit.

        Quarantine codes: C01 value not in the domain, C02 cast failed, C03 APN not recognised, C04 text too long, C05 required
        value missing, C06 geometry unusable, C07 wrong geometry type.

    Raises
    ------
    CRSError
        If the coordinates cannot be brought into the City's system safely.
    SettingsError
        If the crosswalk cannot be read, is for another layer, or names columns that the data has not.
    SchemaError
        If there is no such layer.
    """
    city = city or default_city()
    target = city.schema.layer(layer)
    walk = _resolved(crosswalk, raw, target, city)
    table = _plain_table(raw)
    outside = [name for name in table.columns if name not in PROVENANCE]
    walk = _named_as_sent(walk, outside, [*outside, *(name for name in PROVENANCE if name in table)])
    placed, lineage = _placed(raw, target, walk, city)
    filled = {
        field.name: fill_field(table, field, walk.fields.get(field.name), null_values=walk.null_values, profiles=city.spellings)
        for field in target.fields
        if field.filled_by == "agency"
    }
    problems = [problem for column in filled.values() for problem in column.problems]
    problems += _values_lost(table, walk) + (placed.problems if placed else [])
    kept = np.ones(len(table), dtype=bool)
    for problem in problems:
        kept[problem.rows] = False
    made = _layer(target, table, filled, placed, kept, walk, city)
    quarantine = _quarantine(raw, problems, kept)
    if len(made) + len(quarantine) != len(raw):
        raise AssertionError(f"{len(raw)} rows came, {len(made)} went in and {len(quarantine)} out. Report this as a defect.")
    findings = remarks(made, target, table, walk, lineage, filled, placed, problems, kept, city)
    coverage = coverage_of(target, walk, filled, made, problems, kept, outside)
    logger.info("%s: %d rows in, %d out, %d quarantined", layer, len(raw), len(made), len(quarantine))
    return Conversion(made, quarantine, coverage, findings, lineage, walk)


def _resolved(crosswalk: str | Path | Crosswalk | None, raw: pd.DataFrame, layer: Layer, city: City) -> Crosswalk:
    if crosswalk is None:
        return draft_crosswalk(raw, layer.layer, city=city)
    if not isinstance(crosswalk, Crosswalk):
        crosswalk = read_crosswalk(city.crosswalk(str(crosswalk)).path)
    if crosswalk.layer != layer.layer:
        raise SettingsError(
            f"The crosswalk of {crosswalk.agency} is for the layer {crosswalk.layer}, not {layer.layer}. Name one for"
            f" {layer.layer}, or convert --to {crosswalk.layer}."
        )
    return crosswalk


def _plain_table(raw: pd.DataFrame) -> pd.DataFrame:
    """The columns of `raw` but the geometry, under an index from 0 to n-1."""
    geometry = raw.geometry.name if isinstance(raw, gpd.GeoDataFrame) and raw.active_geometry_name else None
    table = pd.DataFrame(raw.drop(columns=geometry) if geometry else raw).reset_index(drop=True)
    names = [str(name) for name in table.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaError(f"The data has more than one column named {', '.join(twice)}. Rename them first.")
    return table.set_axis(names, axis=1)


def _named_as_sent(walk: Crosswalk, outside: list[str], columns: list[str]) -> Crosswalk:
    """
    The crosswalk with its outside names written as the data writes them; of a list, those that are not there are left out.

    `outside` is what was sent; `columns` also has what the reader adds, which a draft may fall back on for a key.
    """
    found: dict[str, str | None] = {}

    def sent(name: str) -> str | None:
        if name not in found:
            same = [column for column in columns if column.casefold() == name.casefold()] if not walk.match_case else []
            if name not in columns and len(same) > 1:
                raise SettingsError(f"The crosswalk says `{name}`, and the data has {' and '.join(same)}. Say `match_case = true`.")
            found[name] = name if name in columns else same[0] if same else None
        return found[name]

    lacking: dict[str, str] = {}
    maps: dict[str, FieldMap] = {}
    for field, rule in walk.fields.items():
        there = [name for name in rule.columns if sent(name)]
        if len(there) < (1 if rule.from_ else len(rule.columns)):
            lacking |= {name: field for name in rule.columns if not sent(name)}
            continue
        change = {"from_": tuple(sent(name) for name in there)} if rule.from_ else {}
        if rule.concat is not None:
            template = re.sub(r"\{([^{}]+)\}", lambda match: "{" + (sent(match[1]) or match[1]) + "}", rule.concat)
            change = {"concat": template}
        maps[field] = rule.model_copy(update=change)
    lacking |= {name: "stack_id" for name in walk.stack if not sent(name)}
    if lacking:
        lines = [f"`{name}` (for {field}){_meant(name, outside)}" for name, field in lacking.items()]
        raise SettingsError(
            f"The crosswalk of {walk.agency} reads columns that the data has not: {'; '.join(lines)}. It has: {', '.join(outside)}."
        )
    ignored = tuple(sent(name) or name for name in walk.ignore.fields)
    return walk.model_copy(
        update={
            "fields": maps,
            "stack": tuple(sent(name) for name in walk.stack),
            "ignore": walk.ignore.model_copy(update={"fields": ignored}),
        }
    )


def _placed(raw: pd.DataFrame, layer: Layer, walk: Crosswalk, city: City) -> tuple[Placed | None, Lineage | None]:
    if layer.geometry == "None":
        return None, None
    is_table = not isinstance(raw, gpd.GeoDataFrame) or raw.active_geometry_name is None
    if is_table or (raw.crs is None and raw.geometry.isna().all()):
        raise SchemaError(
            f"The data has no geometry, and the layer {layer.layer} needs a {layer.geometry}. Read the layer that has it."
        )
    same = None
    if walk.frame is not None:
        if walk.frame.really != city.realization:
            raise CRSError(
                f"The crosswalk of {walk.agency} says that {walk.frame.label} is really {walk.frame.really}, and the City is in"
                f" {city.realization}. A label can only be exchanged for the City's own; ask the sender for the layer in it."
            )
        same = SameFrame(walk.frame.label, walk.frame.really, walk.frame.reason, walk.frame.stated_by)
    shapes = raw[[raw.geometry.name]]
    moved, lineage = transform_frame(
        shapes, city.crs, same_frame=same, same_datum=city.same_datum, tolerance_ft=city.tolerances.parcel_ft
    )
    geometry = np.asarray(moved.geometry.array)
    codes = raw["read_code"].reset_index(drop=True) if "read_code" in raw else pd.Series(None, index=range(len(raw)), dtype="str")
    told = raw["read_message"].reset_index(drop=True).astype("str") if "read_message" in raw else codes.astype("str")
    told = told.where(codes.isin(UNREADABLE).to_numpy(dtype=bool))
    placed = place(np.asarray(raw.geometry.array), geometry, layer.geometry, told)
    there = ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)
    if there.any() and not np.isfinite(shapely.bounds(geometry[there])).all(axis=1).any():
        raise CRSError(
            f"No coordinate of the data is a place in {lineage.source}. Its axes are swapped, or it is in another system. Ask the"
            " sender, then state it with --source-crs."
        )
    return placed, lineage


def _values_lost(table: pd.DataFrame, walk: Crosswalk) -> list[Problem]:
    """Rows in which the driver lost a value (R04) that a City field is made of."""
    if "read_code" not in table:
        return []
    # A row with several reading problems has the gravest code and all messages.
    lost = np.flatnonzero(table["read_code"].notna().to_numpy())
    problems = []
    for field, rule in walk.fields.items():
        for name in rule.columns:
            told = table["read_message"].iloc[lost].astype("str")
            rows = lost[
                told.str.contains(rf"\bField {re.escape(name)} was sent as ", regex=True).fillna(False).to_numpy(dtype=bool)
            ]
            if len(rows):
                values = table["read_message"].iloc[rows].to_numpy(dtype=object)
                problems.append(Problem(rows, "C02", field, values, "{value}"))
    return problems


def _layer(
    layer: Layer,
    table: pd.DataFrame,
    filled: dict[str, Filled],
    placed: Placed | None,
    kept: np.ndarray,
    walk: Crosswalk,
    city: City,
) -> gpd.GeoDataFrame | pd.DataFrame:
    """The layer's columns for the rows that enter it, with what citygis works out itself."""
    blank = empty_layer(layer, crs=city.crs)
    rows = np.flatnonzero(kept)
    columns = {name: column.values.iloc[rows].reset_index(drop=True) for name, column in filled.items()}
    geometry = placed.geometry[rows] if placed else None
    keys = pd.DataFrame({name: columns[name] for name in layer.key if name in columns})
    spelt = filled["apn"].spelt if "apn" in filled else None
    for field in layer.fields:
        if field.name in columns:
            continue
        match field.computed:
            case "feature_id":
                values = feature_ids(layer.layer, keys)
            case "source_id" | "source_ref":
                values = table[field.computed].iloc[rows].to_numpy(dtype=object) if field.computed in table else None
            case "apn_display" | "apn_profile" if spelt is not None:
                values = spelt[field.computed].iloc[rows].to_numpy(dtype=object)
            case "area_sqft":
                values = shapely.area(geometry)
            case "easting":
                values = shapely.get_x(geometry)
            case "northing":
                values = shapely.get_y(geometry)
            case "geom_hash" if placed:
                values = geom_hashes(geometry)
            case _:
                values = None
        columns[field.name] = pd.Series(values, index=range(len(rows)), dtype=blank[field.name].dtype)
    if walk.stack:
        columns["stack_id"] = _stacks(table[list(walk.stack)].iloc[rows].reset_index(drop=True))
    made = pd.DataFrame({name: columns[name].astype(blank[name].dtype) for name in layer.names}, index=range(len(rows)))
    return made if placed is None else gpd.GeoDataFrame(made, geometry=gpd.array.from_shapely(geometry, crs=city.crs))


def _stacks(values: pd.DataFrame) -> pd.Series:
    """One identifier for the rows that share their values, none for a row that is alone or has none."""
    text = values.iloc[:, 0].astype("str")
    for name in values.columns[1:]:
        text = text + "|" + values[name].astype("str")
    text = text.where(values.notna().all(axis=1))
    shared = text.where(text.map(text.value_counts()) > 1)
    keys = pd.Series(shared.dropna().unique(), dtype="str")
    return shared.map(dict(zip(keys, feature_ids("stack", keys), strict=True))).astype("str")


def _quarantine(raw: pd.DataFrame, problems: list[Problem], kept: np.ndarray) -> pd.DataFrame:
    told: dict[int, list[tuple[str, str, str | None, str]]] = {}
    for problem in problems:
        for row, value in zip(problem.rows.tolist(), problem.values, strict=True):
            shown = "nothing" if value is None else value if problem.message == "{value}" else repr(value)
            told.setdefault(row, []).append((problem.code, problem.field, value, problem.message.replace("{value}", shown)))
    rows = np.flatnonzero(~kept)
    first = [told[row][0] for row in rows.tolist()]
    quarantine = raw.iloc[rows].copy()
    notes = {
        "quarantine_code": [code for code, _, _, _ in first],
        "quarantine_field": [field for _, field, _, _ in first],
        "quarantine_value": [value for _, _, value, _ in first],
        "quarantine_message": ["; ".join(f"{field}: {text}" for _, field, _, text in told[row]) for row in rows.tolist()],
        "quarantine_codes": [" ".join(dict.fromkeys(code for code, _, _, _ in told[row])) for row in rows.tolist()],
    }
    for name, values in notes.items():
        # A quarantine that is converted again, say: what was sent under these names stays beside ours.
        sent = name
        while sent in quarantine:
            sent += "_sent"
        quarantine = quarantine.rename(columns={name: sent})
        quarantine[name] = pd.array(values, dtype="str")
    return quarantine


def _meant(name: str, columns: list[str]) -> str:
    close = difflib.get_close_matches(name.casefold(), [column.casefold() for column in columns], n=1)
    return f", did you mean `{next(c for c in columns if c.casefold() == close[0])}`?" if close else ""
