"""
Datasets held to the City's rules, part by part: the findings are those of the whole layer in one frame.
"""

import logging
from collections.abc import Iterator
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from citygis.city import City, default_city
from citygis.errors import SchemaError
from citygis.findings import findings_frame, join_findings
from citygis.quality import NotJudged, cadastre, districts, land, rules_not_judged, rules_off, succession, validate
from citygis.quality.attributes import attribute_findings, repeats
from citygis.quality.checks import text
from citygis.quality.subject import Subject
from citygis.quality.validation import Only, as_sent, in_feet, require_frame, told_and_judged
from citygis.quality.values import given
from citygis.scale.dataset import Dataset, open_dataset
from citygis.scale.engine import Engine, mapped, running
from citygis.scale.neighbourhood import HALO_FT, about_rows, part_findings
from citygis.units import METRE, US_SURVEY_FOOT, unit_of

logger = logging.getLogger(__name__)

_LEFT_OUT = {
    "address_point": ("T15", "U01"),
    "street_centerline": ("U01", "U02", "U03", "U04", "U05", "U06", "U12"),
    "boundary_line": ("T24", "T25"),
}
_EXACT = {("T20", "parcel"), *(("T29", name) for name in succession.LAYERS)}
_CHECKS = (*cadastre.CHECKS, *land.CHECKS, *districts.CHECKS, *succession.CHECKS)


def validate_dataset(
    dataset: Dataset,
    layer: str,
    *,
    city: City | None = None,
    engine: Engine = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    key: str | None = None,
    only: Only | None = None,
) -> gpd.GeoDataFrame:
    """
    What is wrong with a layer in parts, by the rules that look at one layer.

    Parameters
    ----------
    dataset : Dataset
    layer, city, key, only
        As `citygis.quality.validate`. Where `key` is not given, the schema's key names features, not that of the dataset.
    engine, scheduler, workers
        As `citygis.scale.map_partitions`.

    Returns
    -------
    GeoDataFrame
        Findings, as `citygis.quality.validate` of all rows in one frame gives them, but for the rules that
        `left_out_of_dataset` names.

    Raises
    ------
    CRSError, SchemaError, ValueError
        As `citygis.quality.validate`; SchemaError also for a layer that the schema does not know, with polygons in one part and
        none in another.
    ReadError
        If a part cannot be read, or a feature reaches across so many parts that it has no neighbourhood.

    Notes
    -----
    Each part is judged together with the rows around it (`HALO_FT`, and as far as a finding reaches), and tells the findings whose
    lowest row is its own. What needs the whole layer is settled from small columns: the way most shells run (G10), whether parcels
    name tax rate areas (T20), and keys that are there twice (A06), for which 16 bytes a row are held.
    """
    if only not in (None, "geometry", "attributes"):
        raise ValueError(f"Invalid only {only!r}. Must be 'geometry', 'attributes' or None.")
    city = city or default_city()
    rules_off(city)
    require_frame(layer, dataset.crs, city, only)
    if key and key not in [column.name for column in dataset.columns]:
        raise SchemaError(f"Layer {layer} has no column {key!r}. It has: {', '.join(c.name for c in dataset.columns)}.")
    if not len(dataset):
        return validate(dataset.whole(), layer, city=city, only=only, key=key)
    told = {"layer": layer, "city": city, "only": only, "key": key, "path": str(dataset.path.resolve())}
    halo = HALO_FT * (float(US_SURVEY_FOOT) if unit_of(dataset.crs) is METRE else 1.0)
    with running(engine, scheduler=scheduler, workers=workers) as ready:
        judge = partial(mapped, ready, _judged, dataset, halo=halo, beside=scheduler is not None)
        facts = judge(broadcast=told)
        _require_one_kind(facts, layer, city)
        settled = {
            "shells": "clockwise" if facts["clockwise"].sum() > 0 else "counterclockwise",
            "tax_areas_named": bool(facts["tax_areas_named"].any()),
        }
        unlike = np.logical_or.reduce([facts[name].ne(value).to_numpy() for name, value in settled.items()])
        if unlike.any() and only != "attributes":
            again = judge(broadcast={**told, **settled})
            facts["findings"] = facts["findings"].where(~unlike, again["findings"])
    rows = pd.concat([_unpacked(each) for each in facts["findings"]], ignore_index=True)
    rows = pd.concat([_of_layer(rows), rows[rows["feature"].notna()]]).sort_values("row", kind="stable")
    crs = in_feet(dataset.frame(0).iloc[:0]).crs
    found = [findings_frame(rows.drop(columns=["finding_id", "row"]), crs=crs)]
    found += [findings_frame(each, crs=crs) for each in _repeated(dataset, facts, layer, city, key, only)]
    findings = join_findings(found, crs=crs)
    logger.info("%d findings in %d parts", len(findings), len(dataset.parts))
    return as_sent(findings, dataset.crs) if unit_of(dataset.crs) is METRE else findings


def left_out_of_dataset(dataset: Dataset, layer: str, *, city: City | None = None, only: Only | None = None) -> list[NotJudged]:
    """
    The rules that `validate_dataset` leaves out: those that need another layer, and those that look at a layer as a whole.

    Parameters
    ----------
    dataset, layer, city, only
        As `validate_dataset`.
    """
    if only is not None or not len(dataset):
        return []
    city = city or default_city()
    first = dataset.frame(0)
    about = about_rows(first, layer, city, key=None)
    why = "looks at the layer as a whole: validate one GeoPackage of it, or a county at a time"
    whole = [(code, layer) for code in _LEFT_OUT.get(layer, ())]
    whole += [
        (code, layer) for check in _CHECKS if check.layer == layer and not check.lacks({layer: about}) for code in check.codes
    ]
    told = [NotJudged(code, name, why) for code, name in dict.fromkeys(whole) if (code, name) not in _EXACT]
    if about.layer is not None:
        own = [field.name for field in about.layer.fields if (field.reference or "").startswith(f"{layer}.")]
        told += [NotJudged("A08", layer, f"{why} ({name})") for name in own]
    return [*rules_not_judged({layer: first}, city=city), *told]


def _judged(
    own: gpd.GeoDataFrame,
    halo: gpd.GeoDataFrame,
    *,
    path: str,
    layer: str,
    city: City,
    only: Only | None,
    key: str | None,
    shells: str | None = None,
    tax_areas_named: bool = False,
) -> pd.DataFrame:
    """
    One part, in one row: its findings, and what the whole layer must be asked of it.

    Without `shells` the part takes itself for the layer.
    """
    about = about_rows(own, layer, city, key=key)
    names_one = layer == "parcel" and only is None and bool(text(about, "tra").notna().any())
    kind = shapely.get_dimensions(about.geometry)
    facts = {
        "clockwise": 0,
        "shells": shells or "counterclockwise",
        "tax_areas_named": names_one,
        "polygons": bool((kind == 2).any()),
        "others": bool(((kind == 0) | (kind == 1)).any()),
        "rows": own.index.to_numpy(dtype=np.int64).tobytes(),
    }
    found = []
    if only != "attributes" and len(own):
        named = {"shells": shells, "tax_areas_named": tax_areas_named}
        geometric = part_findings(own, halo, open_dataset(path), layer, city, only=only, key=key, **named)
        facts |= {"clockwise": geometric.clockwise, "shells": geometric.shells}
        found.append(geometric.rows)
    if only != "geometry" and about.layer is not None:
        found.append(told_and_judged(_attributes(about, own.index.to_numpy()), {layer: about}, city))
    for k, names in enumerate(_keys(layer, city, key, only)):
        facts[f"key{k}"] = _hashes(about, names).tobytes()
    return pd.DataFrame([{**facts, "findings": _packed([each for each in found if len(each)], about)}])


def _packed(found: list[pd.DataFrame], about: Subject) -> bytes:
    """Findings of one part as bytes: Arrow's, with the places as WKB."""
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame({"row": []})
    told = findings_frame(rows.drop(columns="row") if len(rows) else None, crs=about.crs)
    table = pa.Table.from_pandas(pd.DataFrame(told.drop(columns="geometry")), preserve_index=False)
    blobs = pa.array(shapely.to_wkb(np.asarray(told.geometry.array, dtype=object)), type=pa.binary())
    table = table.append_column("geometry", blobs).append_column("row", pa.array(rows["row"].to_numpy(dtype=np.int64)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _unpacked(said: bytes) -> pd.DataFrame:
    rows = pa.ipc.open_stream(said).read_all().to_pandas()
    return rows.assign(geometry=shapely.from_wkb(rows["geometry"].to_numpy(dtype=object)))


def _attributes(about: Subject, numbers: np.ndarray) -> Iterator[pd.DataFrame]:
    """What the attribute rules find in one part, keys that are there twice excepted, with the row of each."""
    at = pd.Series(np.arange(len(about.frame)), index=about.feature)
    for found in attribute_findings(about, {about.name: about}):
        if not len(found) or found["code"].iloc[0] == "A06":
            continue
        if "feature" not in found or found["feature"].isna().all():
            field = found["rule"].iloc[0].rsplit("_", 1)[0]
            first = np.flatnonzero(given(about.frame[field])) if field in about.frame else np.empty(0, dtype=int)
            yield found.assign(row=numbers[first[0]] if len(first) else np.int64(-1))
        else:
            yield found.assign(row=_rows_in_order(found, at, numbers))


def _rows_in_order(found: pd.DataFrame, at: pd.Series, numbers: np.ndarray) -> np.ndarray:
    """The rows of findings that stand in the order of rows, where names may be those of several."""
    if at.index.is_unique:
        return numbers[at.loc[found["feature"]].to_numpy()]
    row, last = [], -1
    by_name = at.groupby(level=0).apply(list)
    for name in found["feature"]:
        later = [each for each in by_name[name] if each > last]
        last = later[0] if later else by_name[name][0]
        row.append(numbers[last])
    return np.array(row, dtype=np.int64)


def _of_layer(rows: pd.DataFrame) -> pd.DataFrame:
    """Findings about the layer as a whole, which every part tells: once, as the first says it, with the sum of what they count."""
    told = rows[rows["feature"].isna()].sort_values("row", kind="stable")
    if not len(told):
        return told
    first = told.drop_duplicates(["code", "rule"]).copy()
    count = told.groupby(["code", "rule"])["measure"].sum(min_count=1)
    first["measure"] = count.reindex(pd.MultiIndex.from_frame(first[["code", "rule"]])).to_numpy()
    return first


def _keys(layer: str, city: City, key: str | None, only: Only | None) -> list[tuple[str, ...]]:
    """What must be unique, as `citygis.quality.attributes` asks it."""
    if only == "geometry":
        return []
    about = city.schema.layers.get(layer)
    if about is None:
        return [(key,)] if key else []
    return list(dict.fromkeys([about.key, *((field.name,) for field in about.fields if field.unique)]))


def _hashes(about: Subject, names: tuple[str, ...]) -> np.ndarray:
    """A number for the key of each row, 0 where it has none to be unique."""
    if not set(names) <= set(about.frame.columns) or not len(about.frame):
        return np.zeros(len(about.frame), dtype=np.uint64)
    if about.layer is None:
        there = about.frame[names[0]].notna().to_numpy(dtype=bool)
    else:
        there = np.logical_and.reduce([given(about.frame[name]) for name in names]) & about.current
    number = pd.util.hash_pandas_object(about.frame[list(names)].astype("str"), index=False).to_numpy(dtype=np.uint64)
    return np.where(there, np.maximum(number, 1), 0).astype(np.uint64)


def _repeated(
    dataset: Dataset, facts: pd.DataFrame, layer: str, city: City, key: str | None, only: Only | None
) -> Iterator[pd.DataFrame]:
    """A06 over all parts: rows whose keys have one number are read, and compared as they are."""
    row = [np.frombuffer(each, dtype=np.int64) for each in facts["rows"]]
    part = np.repeat(np.arange(len(row)), [len(each) for each in row])
    row = np.concatenate(row)
    for k, names in enumerate(_keys(layer, city, key, only)):
        number = np.concatenate([np.frombuffer(each, dtype=np.uint64) for each in facts[f"key{k}"]])
        found, count = np.unique(number[number > 0], return_counts=True)
        again = np.isin(number, found[count > 1])
        if not again.any():
            continue
        frames = [dataset.frame(each) for each in np.unique(part[again])]
        rows = pd.concat([each[each.index.isin(row[again])] for each in frames]).sort_index()
        about = about_rows(rows, layer, city, key=key)
        nameless = pd.isna(about.source_ref) | (about.source_ref == "")
        about.source_ref[nameless] = [f"#{each + 1}" for each in rows.index[nameless]]
        told = repeats(about, names, np.arange(len(rows)))
        if len(told):
            told["source_ref"] = told["source_ref"].where(~told["source_ref"].astype("str").str.fullmatch(r"#\d+"), None)
            yield told_and_judged([told], {layer: about}, city)


def _require_one_kind(facts: pd.DataFrame, layer: str, city: City) -> None:
    """Of a layer that the schema does not know, polygons in one place make lines in another be judged otherwise."""
    lines = facts["others"] & ~facts["polygons"]
    if city.schema.layers.get(layer) is None and facts["polygons"].any() and lines.any():
        raise SchemaError(
            f"Layer {layer} has polygons, and parts without any. Partition polygons, lines and points each by itself."
        )
