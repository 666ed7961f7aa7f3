"""A small City, its parcels and their source, for the tests of the geodatabase."""

import datetime
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City, default_city, open_city
from citygis.findings import findings_frame
from citygis.schema import empty_layer, feature_ids, geom_hashes, schema, source_id_of
from citygis.store import store

AT = datetime.datetime(2026, 1, 31, 16, 0, 0, 123000, tzinfo=datetime.UTC)
LATER = AT + datetime.timedelta(days=90)


def make_city(folder: Path, *, store: str = "city.gpkg") -> City:
    """A City with the packaged defaults' system, in a folder of its own; its store is a file there, or a database."""
    text = (Path(__file__).parents[1] / "citygis" / "default_city.toml").read_text(encoding="utf-8")
    text = text.replace("epoch = 2010.0\n", f'epoch = 2010.0\nstore = "{store}"\n')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(text, encoding="utf-8")
    return open_city(folder)


def parcels(n: int, *, apns: list[str] | None = None, source_sha256: str = "a" * 64) -> gpd.GeoDataFrame:
    """Parcels of 80 by 100 feet, 20 feet apart, fifty to a street, complete as convert makes them."""
    i = np.arange(n)
    easting, northing = 6_300_000.0 + 100 * (i % 50), 2_100_000.0 + 120 * (i // 50)
    shapes = shapely.box(easting, northing, easting + 80, northing + 100)
    apns = pd.Series(apns or [f"{10_000_000 + k}" for k in i], dtype="str")
    known = {
        "apn": apns,
        "apn_display": apns.str[:3] + "-" + apns.str[3:6] + "-" + apns.str[6:],
        "apn_profile": "san_joaquin",
        "parcel_kind": "FEE",
        "situs_text": pd.Series([f"{k} FIRST ST" for k in i], dtype="str"),
        "calc_area_sqft": 8000.0,
        "city_owned": pd.array(i % 7 == 0, dtype="boolean"),
        "roll_year": 2026,
        "global_id": pd.Series(feature_ids("parcel", apns), dtype="str"),
        "status": "ACTIVE",
        "source_id": source_id_of(source_sha256),
        "source_ref": pd.Series([f"roll.zip/roll#{k + 1}" for k in i], dtype="str"),
        "method": "COUNTY",
        "accuracy_basis": "UNKNOWN",
        "created_by_record": source_id_of(source_sha256),
        "geom_hash": pd.Series(geom_hashes(shapes), dtype="str"),
    }
    empty = empty_layer(schema().layer("parcel"), crs=None)
    columns = {name: pd.Series(known.get(name), index=i, dtype=dtype) for name, dtype in empty.dtypes.items() if name != "geometry"}
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=6420))


def source(sha256: str = "a" * 64) -> pd.DataFrame:
    """The source document of `parcels`."""
    frame = empty_layer(schema().layer("source_document"), crs=None).reindex(range(1))
    known = {"doc_id": source_id_of(sha256), "doc_type": "COUNTY_EXTRACT", "unit": "FT_US", "sha256": sha256, "uri": "roll.zip"}
    return frame.assign(**{name: pd.Series([value], dtype="str") for name, value in known.items()})


def dump(path: Path) -> list[str]:
    """Everything that a database says, as text, whatever pages it lies on."""
    with sqlite3.connect(path) as connection:
        lines = [repr(row) for row in connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")]
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'rtree%' ORDER BY name")
        for (name,) in names.fetchall():
            lines += [f"{name} {row!r}" for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY rowid')]
    return lines


def load(city, layers, **options):
    """A load whose findings are given (none by default), so that only loading is tested."""
    options = {"findings": findings_frame(crs=city.crs), "author": "clerk", "at": AT, **options}
    with store(city) as db:
        return db.load(layers, **options)


def errors(*features, code="T01", layer="parcel"):
    rows = [{"code": code, "rule": "overlap", "severity": "error", "layer": layer, "feature": f, "message": "m"} for f in features]
    return findings_frame(rows, crs=default_city().crs)
