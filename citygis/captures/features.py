"""
Marks, lines and polygons from the field as rows that `citygis.convert` takes, and the crosswalk that goes with them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.captures.settlement import CORRECTED
from citygis.city import City
from citygis.convert.crosswalk import Crosswalk, FieldMap
from citygis.findings import findings_frame
from citygis.readers.captures import DTYPES
from citygis.schema import Layer

AGENCY = "field survey"

ASSUMED = {("corner", "kind"): "FOUND"}
"""What a field that the layer must have says where neither a code nor the user did: a person is told (B01)."""

_FROM_CAPTURES = {
    "elev_ft": "elevation_ft",
    "ellip_ht_ft": "ellipsoid_height_ft",
    "fix_type": "fix_type",
    "h_rms_ft": "h_rms_ft",
    "v_rms_ft": "v_rms_ft",
    "h_accuracy_ft": "h_rms_ft",
    "occupations": "occupations",
    "antenna_ht_ft": "antenna_height_ft",
    "corr_age_s": "correction_age_s",
    "station": "station",
}
"""City fields that say what a capture says, and the column it says it in."""


class Features(NamedTuple):
    """``raw``: rows for `citygis.convert`; ``crosswalk``: how; ``findings``: what was assumed, and whose place was taken."""

    raw: gpd.GeoDataFrame
    crosswalk: Crosswalk
    findings: gpd.GeoDataFrame


def as_features(
    shapes: gpd.GeoDataFrame,
    layer: Layer,
    *,
    city: City,
    captures: pd.DataFrame,
    values: Mapping[str, str | float | int | bool] | None = None,
    existing: gpd.GeoDataFrame | None = None,
    tolerance_ft: float,
) -> Features:
    """
    What was captured, in the City's columns.

    Parameters
    ----------
    shapes : GeoDataFrame, n features
        Marks (`citygis.captures.marks.Repeated.marks`), tracks or figures, in City feet, with ``source_id`` and ``source_ref``,
        and
        ``attributes`` (a dict of City fields, from field codes) where there are any.
    layer : Layer
        The City layer they go to.
    city : City
    captures : DataFrame
        The captures they were made of, for columns as sent that bear a name of one of the layer's fields.
    values : mapping of City field to value, optional
        What the user says of all of them.
    existing : GeoDataFrame, optional
        The layer as the City's geodatabase has it.
    tolerance_ft : float
        How far a feature may lie from the existing one of the same key before that is an error.

    Returns
    -------
    Features
        ``raw`` has a column per City field that something is known of, the columns as sent, and provenance. The key is the name
        that was keyed in; without one, eight digits of the source document's id and a number. B01 field_assumed, B02 key_taken
        (error) and B03 feature_replaced are findings.
    """
    table = pd.DataFrame(index=pd.RangeIndex(len(shapes)))
    given = {name: column.reset_index(drop=True) for name, column in shapes.drop(columns=shapes.geometry.name).items()}
    for field, column in _FROM_CAPTURES.items():
        if field in layer.names and column in given:
            table[field] = given[column].array
    key = layer.key[0]
    table[key] = given["name"].array
    said = {
        "datum": city.realization,
        "epoch": city.epoch,
        "method": _methods(given, captures),
        "accuracy_basis": _basis(given, captures),
    }
    for field, value in said.items():
        if field in layer.names:
            table[field] = value
    if "monument" in layer.names and "code" in given:
        table["monument"] = given["code"].array
    _add_attributes(table, given, layer)
    sent = _as_sent(given, captures, layer, taken=set(table))
    fields = {name: _from(name) for name in table}
    fields |= {field: _from(column) for field, column in sent.items()}
    fields |= {name: FieldMap(constant=value) for name, value in (values or {}).items()}
    findings = []
    for (owner, field), value in ASSUMED.items():
        if owner != layer.layer or not len(shapes):
            continue
        if field not in fields:
            fields[field] = FieldMap(constant=value)
            findings.append(_assumed(layer, field, value, len(shapes)))
        elif field in table and table[field].isna().any():
            fields[field] = _from(field, default=value)
            findings.append(_assumed(layer, field, value, int(table[field].isna().sum())))
    extra = _columns_of(given, captures, [name for name in sent.values() if name not in table])
    raw = pd.concat([table, extra], axis=1)
    for name in ("source_id", "source_ref"):
        raw[name] = given[name].array
    geometry = gpd.array.from_shapely(np.asarray(shapes.geometry.array, dtype=object), crs=city.crs)
    made = gpd.GeoDataFrame(raw, geometry=geometry)
    walk = Crosswalk(agency=AGENCY, layer=layer.layer, document={"doc_type": "FIELD_SURVEY"}, fields=fields)
    rows = findings + _against(made, key, layer, existing, tolerance_ft)
    return Features(made, walk, findings_frame(rows, crs=city.crs))


def without_known(
    shapes: gpd.GeoDataFrame, held: Mapping[str, pd.DataFrame], layer: Layer
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """
    Shapes without those that the City has, as a feature of the layer or as a control station, and finding B04 that counts them.
    """
    keys = {layer.layer: layer.key[0], "control_station": "pid"}
    known = pd.concat([held[name][key] for name, key in keys.items() if name in held] or [pd.Series(dtype="str")])
    there = shapes["name"].isin(known).to_numpy(dtype=bool)
    if not there.any():
        return shapes, findings_frame(crs=shapes.crs)
    row = {
        "code": "B04",
        "rule": "check_shot",
        "severity": "info",
        "layer": layer.layer,
        "measure": int(there.sum()),
        "unit": "features",
        "message": f"{there.sum()} marks that the City has already were used as checks and are not in the layer.",
        "remedy": "Nothing.",
    }
    return shapes[~there].reset_index(drop=True), findings_frame([row], crs=shapes.crs)


def stated_values(values: Mapping[str, str], layer: Layer) -> dict[str, str | float | int | bool]:
    """
    What a user says of every feature, in the types of the fields.

    Raises
    ------
    ValueError
        If there is no such field, or the value is none that it takes.
    """
    made = {}
    for name, text in values.items():
        if name not in layer.names or layer.field(name).filled_by != "agency":
            there = ", ".join(field.name for field in layer.fields if field.filled_by == "agency")
            raise ValueError(f"Invalid field {name!r}. Must be one of {layer.layer}: {there}.")
        field = layer.field(name)
        try:
            value = _TYPES.get(field.type, str)(text)
        except (KeyError, ValueError):
            raise ValueError(f"Invalid {name} {text!r}. Must be of type {field.type}.") from None
        if field.domain is not None and value not in field.domain:
            raise ValueError(f"Invalid {name} {text!r}. Must be one of: {', '.join(field.domain)}.")
        made[name] = value
    return made


_TYPES = {"double": float, "integer": int, "boolean": lambda text: {"true": True, "false": False}[text.lower()]}


def _from(column: str, **more: str) -> FieldMap:
    return FieldMap.model_validate({"from": column, **more})


def _methods(given: Mapping[str, pd.Series], captures: pd.DataFrame) -> np.ndarray:
    """
    GNSS_RTK for corrected fixes, GNSS_MAP for the others, COGO for survey points that were worked out in an office: those that say
    nothing a receiver would say. A waypoint or a track is a receiver's, whether it states its fix or not.
    """
    fix = given["fix_type"]
    heard = captures.reindex(columns=["time", "h_rms_m", "ellipsoid_height_m"]).notna().any(axis=1)
    if "capture" in captures:
        heard |= captures["capture"].ne("point")
    received = given["source_ref"].isin(captures.loc[heard, "source_ref"]).to_numpy()
    return np.where(fix.isin(CORRECTED), "GNSS_RTK", np.where(fix.isna() & ~received, "COGO", "GNSS_MAP"))


def _basis(given: Mapping[str, pd.Series], captures: pd.DataFrame) -> np.ndarray:
    """TESTED by a second occupation, STATED by the receiver, or UNKNOWN: how the epochs of one set-up scatter proves nothing."""
    told = captures.loc[captures["h_rms_m"].notna(), "source_ref"] if "h_rms_m" in captures else captures["source_ref"].iloc[:0]
    stated = given["source_ref"].isin(told)
    tested = given["occupations"] > 1 if "occupations" in given else pd.Series(False, index=stated.index)
    return np.where(tested, "TESTED", np.where(stated, "STATED", "UNKNOWN"))


def _add_attributes(table: pd.DataFrame, given: Mapping[str, pd.Series], layer: Layer) -> None:
    """What field codes say, over what the capture says."""
    if "attributes" not in given:
        return
    told = given["attributes"].map(lambda one: one if isinstance(one, dict) else {})
    for field in sorted({name for one in told for name in one} & set(layer.names)):
        values = told.map(lambda one, field=field: one.get(field))
        table[field] = values.where(values.notna(), table.get(field))


def _as_sent(given: Mapping[str, pd.Series], captures: pd.DataFrame, layer: Layer, *, taken: set[str]) -> dict[str, str]:
    """Fields of the layer that a column as sent is called like: its name or one of its aliases, whatever the case."""
    columns = [name for name in captures if name not in DTYPES and name not in _OWN]
    folded = {name.casefold(): name for name in reversed(columns)}
    found = {}
    for field in layer.fields:
        if field.filled_by != "agency" or field.name in taken or field.reference:
            continue
        names = [folded[n.casefold()] for n in (field.name, *field.aliases) if n.casefold() in folded]
        if names:
            found[field.name] = names[0]
    return found


_OWN = ("source_id", "source_ref", "read_code", "read_message", "file", "epoch_observed", "geometry")


def _columns_of(given: Mapping[str, pd.Series], captures: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Columns as sent, of the capture that each feature begins with."""
    first = captures.drop_duplicates("source_ref").set_index("source_ref")
    return first.reindex(given["source_ref"])[list(dict.fromkeys(names))].reset_index(drop=True)


def _assumed(layer: Layer, field: str, value: str, count: int) -> dict:
    return {
        "code": "B01",
        "rule": "field_assumed",
        "severity": "review",
        "layer": layer.layer,
        "other": field,
        "measure": count,
        "unit": "features",
        "message": f"Nothing says the {field} of {count} features; {value} was taken.",
        "remedy": f"Say it: --set {field}={value}, or by the field code of each shot.",
    }


def _against(made: gpd.GeoDataFrame, key: str, layer: Layer, existing: gpd.GeoDataFrame | None, tolerance_ft: float) -> list[dict]:
    """Features whose key the City has already, and how far from it they lie."""
    if existing is None or not len(existing):
        return []
    held = existing.drop_duplicates(key).set_index(key).geometry
    same = made[made[key].isin(held.index) & made.geometry.notna()]
    if not len(same):
        return []
    apart = same.geometry.distance(held.reindex(same[key]).set_axis(same.index), align=False)
    rows = []
    for row, distance in zip(same[apart > tolerance_ft].itertuples(), apart[apart > tolerance_ft], strict=True):
        name = getattr(row, key)
        rows.append(
            {
                "code": "B02",
                "rule": "key_taken",
                "severity": "error",
                "layer": layer.layer,
                "feature": name,
                "measure": distance,
                "unit": "ft",
                "tolerance": tolerance_ft,
                "message": f"The City has a {layer.title.lower()} {name} already, {distance:,.2f} ft from here. Loading this"
                " would move it.",
                "remedy": "If it is another one, rename it; if it is the same one and this is right, accept B02 with the reason.",
                "source_ref": row.source_ref,
                "geometry": row.geometry,
            }
        )
    near = apart[apart <= tolerance_ft]
    if len(near):
        rows.append(
            {
                "code": "B03",
                "rule": "feature_replaced",
                "severity": "review",
                "layer": layer.layer,
                "measure": float(near.max()),
                "unit": "ft",
                "tolerance": tolerance_ft,
                "message": f"{len(near)} features have the key of one that the City has, at the same place; loading them moves"
                f" those by up to {near.max():.2f} ft. The versions before are kept.",
                "remedy": "If they were captured only as a check, leave them out: --new-only.",
            }
        )
    return rows
