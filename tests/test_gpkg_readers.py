"""City GeoPackages in other programs: GDAL's ogrinfo, pyogrio and fiona see the same, and may edit."""

import sqlite3
import subprocess

import fiona
import geopandas as gpd
import pyogrio
import pytest
import shapely
from shapely.geometry import box
from store_city import AT, make_city, parcels, source

from citygis.findings import findings_frame
from citygis.gpkg import connect, read_geopackage, write_geopackage
from citygis.schema import schema
from citygis.store import Counts, store

N = 2700


@pytest.fixture
def city(tmp_path):
    """A loaded City's geodatabase."""
    city = make_city(tmp_path / "city")
    layers = {"parcel": parcels(N), "source_document": source()}
    store(city).load(layers, findings=findings_frame(crs=city.crs), author="clerk", at=AT)
    return city


@pytest.fixture
def written(tmp_path):
    """A GeoPackage written whole."""
    return write_geopackage(tmp_path / "out.gpkg", {"parcel": parcels(N), "source_document": source()}, schema=schema())


@pytest.fixture(params=["store", "file"])
def path(request):
    return request.getfixturevalue("city").store_path if request.param == "store" else request.getfixturevalue("written")


def ogrinfo(program, path, *arguments):
    run = subprocess.run([program, "-ro", *arguments, str(path)], capture_output=True, text=True, check=True)
    assert "Warning" not in run.stderr and "ERROR" not in run.stderr, run.stderr
    return run.stdout


def test_ogrinfo_sees_the_same_rows_system_types_and_box(path, require_program):
    program = require_program("ogrinfo")
    said = ogrinfo(program, path, "-so", "-al")
    parcel = said.split("Layer name: parcel\n")[1].split("Layer name:")[0]
    assert "Geometry: Multi Polygon" in parcel
    assert f"Feature Count: {N}" in parcel
    assert "NAD83(2011) / California zone 3 (ftUS)" in parcel and 'ID["EPSG",6420]' in parcel
    easting, northing = 6_300_000 + 100 * 49 + 80, 2_100_000 + 120 * ((N - 1) // 50) + 100
    assert f"Extent: (6300000.000000, 2100000.000000) - ({easting:.6f}, {northing:.6f})" in parcel
    for column in ("apn: String (20.0)", "calc_area_sqft: Real", "roll_year: Integer64", "city_owned: Integer(Boolean)"):
        assert column in parcel
    assert "legal_from: Date (" in parcel and "tx_from: DateTime (" in parcel


def test_ogrinfo_finds_by_box_what_the_geometry_says(path, require_program):
    window = (6_300_310, 2_100_210, 6_300_710, 2_100_590)
    inside = shapely.intersects(parcels(N).geometry.to_numpy(), box(*window)).sum()
    said = ogrinfo(require_program("ogrinfo"), path, "-so", "-al", "-spat", *map(str, window)).split("Layer name: parcel\n")[1]
    assert f"Feature Count: {inside}" in said


def test_pyogrio_and_fiona_read_what_citygis_reads(path):
    ours = read_geopackage(path, "parcel")
    theirs = pyogrio.read_dataframe(path, layer="parcel")
    assert theirs.crs == ours.crs
    assert (
        shapely.normalize(theirs.geometry.to_numpy()) == shapely.normalize(shapely.multipolygons(ours.geometry, indices=range(N)))
    ).all()
    for name in ("apn", "situs_text", "global_id", "calc_area_sqft", "roll_year", "city_owned"):
        assert theirs[name].tolist() == ours[name].tolist()
    with fiona.open(path, layer="parcel") as collection:
        assert (len(collection), collection.schema["geometry"]) == (N, "MultiPolygon")
        assert fiona.crs.CRS.from_epsg(6420) == collection.crs
        first = next(iter(collection))
    assert first["properties"]["apn"] == ours["apn"][0] and first["properties"]["city_owned"] is True
    assert "source_document" in fiona.listlayers(path)


def test_gdal_shows_the_domains_of_the_schema(path, require_program):
    said = ogrinfo(require_program("ogrinfo"), path, "-fielddomain", "parcel.parcel_kind")
    lines = {line.strip() for line in said.splitlines()}
    domain = schema().layer("parcel").field("parcel_kind").domain
    assert {f"{code}: {label}" for code, label in domain.items()} <= lines
    assert "domain name=parcel.parcel_kind" in ogrinfo(require_program("ogrinfo"), path, "-so", "-al")


def test_the_file_keeps_the_geopackage_rules_on_keys(path):
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert connection.execute("PRAGMA user_version").fetchone() == (10300,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        required = {row[0] for row in connection.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
        assert {-1, 0, 4326, 6420} <= required
        orphans = connection.execute(
            "SELECT constraint_name FROM gpkg_data_columns WHERE constraint_name NOTNULL "
            "EXCEPT SELECT constraint_name FROM gpkg_data_column_constraints"
        ).fetchall()
        assert orphans == []


def sound(path, rows):
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM rtree_parcel_geom").fetchone() == (rows,)
        counted = connection.execute("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = 'parcel'").fetchone()
        assert counted == (rows,)


def test_gdal_may_append_and_the_next_load_leaves_what_it_drew(city):
    drawn = gpd.GeoDataFrame(
        {"situs_text": ["drawn by hand"]}, geometry=[box(6_299_000, 2_099_000, 6_299_050, 2_099_050)], crs=6420
    )
    pyogrio.write_dataframe(drawn, city.store_path, layer="parcel", append=True, promote_to_multi=True)
    sound(city.store_path, N + 1)
    again = store(city).load({"parcel": parcels(N)}, findings=findings_frame(crs=city.crs), author="clerk", at=AT)
    assert (again.change_id, again.counts["parcel"]) == (None, Counts(0, 0, N, 1))
    changed = parcels(N + 2).assign(lot="7")
    batch = store(city).load({"parcel": changed}, findings=findings_frame(crs=city.crs), author="clerk", at=AT)
    assert batch.counts["parcel"] == Counts(2, N, 0, 1)
    sound(city.store_path, N + 3)
    window = (6_298_990, 2_098_990, 6_299_010, 2_099_010)
    assert store(city).read("parcel", bbox=window)["situs_text"].tolist() == ["drawn by hand"]


def test_ogr2ogr_s_sql_edits_keep_index_and_count_true(path, require_program):
    program = require_program("ogrinfo")
    for sql in (
        "UPDATE parcel SET geom = NULL WHERE apn = '10000000'",
        "DELETE FROM parcel WHERE apn = '10000001'",
        "UPDATE parcel SET situs_text = 'X' WHERE apn = '10000002'",
        "UPDATE parcel SET geom = (SELECT geom FROM parcel WHERE apn = '10000009') WHERE apn = '10000003'",
    ):
        subprocess.run([program, str(path), "-sql", sql], check=True, capture_output=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM rtree_parcel_geom").fetchone() == (N - 2,)
    back = read_geopackage(path, "parcel")
    assert len(back) == N - 1 and back.geometry.isna().sum() == 1
    ninth = parcels(10).geometry[9].bounds
    assert set(read_geopackage(path, "parcel", bbox=ninth)["apn"]) == {"10000003", "10000009"}


def test_plain_sqlite_edits_by_our_connection_keep_index_and_count_true(path):
    with connect(path) as connection:
        connection.execute("UPDATE parcel SET geom = (SELECT geom FROM parcel WHERE fid = 9) WHERE fid = 1")
        connection.execute("UPDATE parcel SET fid = 90000 WHERE fid = 2")
        connection.execute("INSERT INTO parcel (apn, geom) SELECT 'copy', geom FROM parcel WHERE fid = 3")
        connection.execute("UPDATE parcel SET geom = NULL WHERE fid = 4")
        connection.execute("DELETE FROM parcel WHERE fid = 5")
    connection.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM rtree_parcel_geom").fetchone() == (N - 1,)
        assert connection.execute("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = 'parcel'").fetchone() == (N,)
        assert connection.execute("SELECT count(*) FROM rtree_parcel_geom WHERE id = 90000").fetchone() == (1,)
