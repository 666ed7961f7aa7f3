"""Files that others made: the counts that are published for them, and the defects that are in them."""

import pytest

from citygis.errors import CRSError, ReadError
from citygis.readers import inspect, read


@pytest.mark.parametrize(
    ("name", "rows", "epsg"),
    [
        ("parcels/sjv_WHcentral.shp", 1556, 4326),
        ("city/sanjose/Zoning.zip", 4239, 2227),
        ("city/sanjose/Annexations.zip", 2727, 2227),
        ("city/sanjose/Benchmark.zip", 687, 2227),
        ("city/sanjose/City_Limits.zip", 1, 2227),
        ("city/sanjose/CITY_LIMITS.kmz", 1, 4326),
        ("city/sanjose/CITY_LIMITS.geojson", 1, 4326),
        ("city/cambridge_INFRA_Hydrants.geojson", 1960, 4326),
        ("city/cambridge_CDD_ZoningDistricts.geojson", 261, 4326),
        ("right_of_way/cambridge_TRANS_Centerlines.geojson", 2643, 4326),
        ("right_of_way/cambridge_EasementsFY2014.geojson", 1150, 4326),
        ("hostile/gdal/prjwithutf8bom.shp", 1, 4269),
    ],
)
def test_counts_and_frames_are_those_published(real_data, name, rows, epsg):
    frame = read(real_data / name)
    assert len(frame) == rows and frame.crs.to_epsg() == epsg
    assert frame["source_ref"].is_unique


def test_a_topojson_without_frame_must_be_told_its_frame(real_data):
    path = real_data / "parcels/cambridge_ParcelsFY2013.topojson"
    with pytest.raises(CRSError, match="degrees"):
        read(path)
    frame = read(path, source_crs="EPSG:4326")
    assert len(frame) == 13_159 and (~frame.is_valid).sum() == 24 and frame["ML"].isna().sum() == 6


def test_every_value_that_the_driver_makes_zero_is_quoted(real_data):
    frame = read(real_data / "city/sanjose/Annexations.zip")
    lost = frame[frame["read_code"].eq("R04").fillna(False)]
    # The driver itself warns 2,692 times, once a value.
    assert len(lost) == 2692 and lost["read_message"].str.contains("PART_AREA").all()


def test_benchmarks_of_a_table_agree_with_the_shapefile(real_data):
    shapes = read(real_data / "city/sanjose/Benchmark.zip")
    table = read(real_data / "city/sanjose/Benchmark.csv", source_crs="EPSG:4269")
    apart = shapes.to_crs(26910).geometry.distance(table.to_crs(26910).geometry)
    # Published: its degrees are rounded to 0.63 m.
    assert len(table) == len(shapes) == 687 and apart.max() < 0.65


def test_a_tax_roll_is_a_table_without_geometry(real_data):
    roll = read(real_data / "parcels/cambridge_TaxFY13.csv")
    assert len(roll) == 27_424 and roll.geometry.isna().all() and roll["ML"].nunique() >= 13_054


def test_layers_of_a_geodatabase_are_listed_and_read(real_data):
    path = real_data / "city/trpa_zoning.gdb"
    with pytest.raises(ReadError, match="10 layers: area_plans"):
        read(path)
    assert len(read(path, "area_plans")) == 267
    found = {layer.layer: layer for layer in inspect(path).layers}
    assert (
        found["area_plans"].count == 267 and found["area_plans_gis"].count == 95 and found["area_plans"].frame.code == "EPSG:26910"
    )


def test_inspecting_county_parcels_finds_what_is_in_them(real_data):
    (layer,) = inspect(real_data / "parcels/sjv_WHcentral.shp").layers
    assert layer.looks_like[0].layer == "parcel"
    assert {problem.kind: problem.count for problem in layer.problems} == {"duplicate": 1}
    assert any("54 values occur more than once" in suspicion for suspicion in layer.suspicions)


def test_a_zone_named_by_esri_alone_is_known(real_data):
    frame = read(real_data / "city/geodanet/streets.shp")
    assert len(frame) == 293 and "Arizona Central" in frame.crs.name.replace("_", " ")


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("hostile/h_bomb.gpx", ReadError, "document type or entities"),
        ("hostile/h_xxe.gpx", ReadError, "document type or entities"),
        ("hostile/gdal/billionlaugh.xml", ReadError, "document type or entities"),
        ("hostile/xml/xmlbomb.xml", ReadError, "document type or entities"),
        ("hostile/xml/external.xml", ReadError, "document type or entities"),
        ("hostile/xml/simple.xml", ReadError, "is not LandXML"),
        ("hostile/gdal/truncated.kml", ReadError, "not well-formed XML"),
        ("hostile/gdal/buggypoint.shp", ReadError, r"buggypoint\.dbf\) is missing"),
        ("hostile/gdal/slightly_overlapping_polygons.shp", CRSError, "states no coordinate system"),
        ("city/osmnx_West-Oakland.osm", ReadError, "OpenStreetMap"),
        ("cad/example_2018.dwg", ReadError, "Name the one to read|needs a reader of its own"),
        ("city", ReadError, "is a folder"),
    ],
)
def test_hostile_broken_and_other_files_are_refused_with_one_clear_error(real_data, name, error, said):
    with pytest.raises(error, match=said):
        read(real_data / name)


def test_a_ragged_table_with_a_byte_order_mark_keeps_its_rows(real_data):
    frame = read(real_data / "hostile/gdal/csv_with_utf8_bom.csv")
    assert frame.columns[0].isascii() and frame["read_code"].eq("R04").all()


def test_null_and_repeated_ids_of_a_geojson_are_rows_like_any_other(real_data):
    frame = read(real_data / "hostile/gdal/ids_0_1_null_1_null.json")
    assert len(frame) == 5 and frame.geometry.isna().all() and "read_code" not in frame
