"""City GeoPackages, written and read back; other programs' reading of them is in test_gpkg_readers.py."""

import datetime
import sqlite3
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pyproj import CRS
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from citygis.errors import ReadError, SchemaError, StoreError
from citygis.findings import findings_frame
from citygis.gpkg import layers_of, read_geopackage, write_geopackage
from citygis.schema import empty_layer, schema

CRS_FT = CRS.from_epsg(6420)
HARD_TEXTS = ["", None, "=1+1", 'O\'Neill "Lot" 7', "Cañón 東京 🏠", "a\nb\r\n\tc", "NULL", " ", "\\", "%_;--", "nan"]


def round_trip(tmp_path, frame, name="layer", **options):
    path = write_geopackage(tmp_path / "out.gpkg", {name: frame}, overwrite=True, **options)
    return read_geopackage(path, name)


def parcels(n: int = 3) -> gpd.GeoDataFrame:
    frame = empty_layer(schema().layer("parcel"), crs=CRS_FT)
    shapes = [box(6_300_000 + 100 * i, 2_100_000, 6_300_080 + 100 * i, 2_100_100) for i in range(n)]
    frame = frame.reindex(range(n)).set_geometry(gpd.GeoSeries(shapes, crs=CRS_FT))
    frame["apn"] = pd.Series([f"{i:08d}" for i in range(n)], dtype="str")
    return frame


def test_every_field_type_comes_back_as_it_went_with_its_nulls(tmp_path):
    frame = parcels(len(HARD_TEXTS))
    n = len(frame)
    for name in ("legal_text", "lot"):
        frame[name] = pd.Series([None if t is None else t[:12] for t in HARD_TEXTS], dtype="str")
    frame["stated_area"] = [0.1, -0.0, 5e-324, 1.7976931348623157e308, np.inf, -np.inf, np.nan, 1 / 3, 2**53, 1e-7, 43560.0][:n]
    frame["roll_year"] = pd.array([2**63 - 1, -(2**63), 2**53 + 1, None, 0, 1, 2, 3, 4, 5, 6], dtype="Int64")
    frame["city_owned"] = pd.array([True, False, None] * 3 + [True, None], dtype="boolean")
    frame["legal_from"] = pd.Series(["1850-09-09", None, "0001-01-01", "9999-12-31", "2024-02-29", *[None] * 6]).astype(
        "datetime64[s]"
    )
    moments = ["2026-01-31T08:00:00.123Z", None, "1899-12-31T23:59:59.999Z", "2026-07-01T00:00:00Z", "9999-12-31T23:59:59.999Z"]
    frame["tx_from"] = pd.to_datetime(pd.Series([*moments, *[None] * 6]), utc=True, format="ISO8601").astype(
        "datetime64[us, UTC]"
    )
    frame["global_id"] = pd.Series(["6d1f5a0e-6a3c-5d7e-9b42-2d0c7f3b8e11", *[None] * 10], dtype="str")
    back = round_trip(tmp_path, frame, "parcel", schema=schema())
    assert_geodataframe_equal(back, frame)
    assert back["legal_text"].isna().tolist() == [text is None for text in HARD_TEXTS]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.booleans(),
            st.none() | st.dates(),
        ),
        max_size=6,
    )
)
def test_any_table_comes_back_as_it_went(tmp_path_factory, rows):
    frame = pd.DataFrame(
        {
            "text": pd.Series([row[0] for row in rows], dtype="str"),
            "integer": pd.Series([row[1] for row in rows], dtype="Int64"),
            "double": pd.Series([row[2] for row in rows], dtype="float64"),
            "boolean": pd.Series([row[3] for row in rows], dtype="boolean"),
            "date": pd.Series([row[4] for row in rows], dtype=object).astype("datetime64[s]"),
        }
    )
    assert_frame_equal(round_trip(tmp_path_factory.mktemp("any"), frame), frame)


def test_geometries_come_back_bit_for_bit(tmp_path):
    ring = Polygon([(0, 0), (1 / 3, 0), (0.1, 0.7)], [[(0.05, 0.05), (0.1, 0.05), (0.1, 0.1)]])
    shapes = [ring, MultiPolygon([box(0, 0, 1, 1), box(2, 2, 3, 3)]), None, Polygon(), MultiPolygon()]
    frame = parcels(5).set_geometry(gpd.GeoSeries(shapes, crs=CRS_FT))
    back = round_trip(tmp_path, frame, "parcel", schema=schema()).geometry
    assert [None if g is None else g.wkb for g in back] == [None if g is None else g.wkb for g in shapes]


@pytest.mark.parametrize(
    "shapes",
    [
        [Point(1, 2), Point(3, 4, 5)],
        [LineString([(0, 0, 1), (1, 1, 2)]), None],
        [Point(), None],
        [Point(1, 2), box(0, 0, 1, 1), GeometryCollection([Point(0, 0)])],
        [shapely.from_wkt("POINT M (1 2 3)"), shapely.from_wkt("POINT ZM (1 2 3 4)")],
        [None, None],
        [],
    ],
)
def test_mixed_three_dimensional_and_missing_geometries_survive_without_a_schema(tmp_path, shapes):
    frame = gpd.GeoDataFrame({"n": pd.array(range(len(shapes)), dtype="Int64")}, geometry=gpd.GeoSeries(shapes, crs=CRS_FT))
    back = round_trip(tmp_path, frame)
    assert [g and g.wkt for g in back.geometry] == [g and g.wkt for g in frame.geometry]
    assert back.crs == CRS_FT


def test_coordinates_that_are_not_numbers_are_kept_and_do_not_break_the_index(tmp_path):
    shapes = [Point(np.nan, 5), Point(np.inf, 5), Point(1, 1)]
    frame = gpd.GeoDataFrame({"n": pd.array([1, 2, 3], dtype="Int64")}, geometry=gpd.GeoSeries(shapes, crs=CRS_FT))
    back = round_trip(tmp_path, frame)
    assert np.array_equal(shapely.get_coordinates(back.geometry), [[np.nan, 5], [np.inf, 5], [1, 1]], equal_nan=True)
    assert read_geopackage(tmp_path / "out.gpkg", "layer", bbox=(0, 0, 2, 2))["n"].tolist() == [3]


@pytest.mark.parametrize("crs", ["EPSG:6420", "EPSG:2227", "EPSG:4326", "EPSG:4269", "ESRI:102643", "EPSG:6420+5703", None])
def test_the_coordinate_system_comes_back(tmp_path, crs):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=gpd.GeoSeries([Point(1, 2)], crs=crs))
    back = round_trip(tmp_path, frame)
    assert back.crs == (None if crs is None else CRS.from_user_input(crs))


def test_a_coordinate_system_without_a_code_keeps_its_own_definition(tmp_path):
    ground = CRS.from_proj4("+proj=tmerc +lat_0=37.5 +lon_0=-121.3 +k=1.00007 +x_0=50000 +y_0=20000 +ellps=GRS80 +units=us-ft")
    frames = {
        "a": gpd.GeoDataFrame({"n": [1]}, geometry=gpd.GeoSeries([Point(1, 2)], crs=ground)),
        "b": gpd.GeoDataFrame({"n": [1]}, geometry=gpd.GeoSeries([Point(1, 2)], crs=CRS_FT)),
    }
    path = write_geopackage(tmp_path / "ground.gpkg", frames)
    back = read_geopackage(path, "a").crs.to_dict()
    assert {k: back[k] for k in ("k", "lat_0", "lon_0", "units")} == {
        "k": 1.00007,
        "lat_0": 37.5,
        "lon_0": -121.3,
        "units": "us-ft",
    }
    assert read_geopackage(path, "b").crs == CRS_FT


def test_a_raw_frame_may_use_the_names_of_the_file_itself(tmp_path):
    frame = gpd.GeoDataFrame(
        {"fid": [7, 8], "geom": ["a", "b"], "Name": ["x", "y"], "NAME": ["X", "Y"], "order": [1.5, None], 'quo"te': ["q", "r"]},
        geometry=gpd.GeoSeries([Point(0, 0), Point(1, 1)], crs=CRS_FT),
    )
    back = round_trip(tmp_path, frame)
    assert back["fid"].tolist() == [7, 8] and back["geom"].tolist() == ["a", "b"]
    assert (back["Name"].tolist(), back["NAME_2"].tolist()) == (["x", "y"], ["X", "Y"])
    assert back['quo"te'].tolist() == ["q", "r"]


def test_what_no_column_type_holds_is_spelt_out_and_never_lost(tmp_path):
    frame = pd.DataFrame(
        {
            "local_time": pd.to_datetime(["2026-01-31 08:00:00.5", None]),
            "list": [["a", "ñ"], None],
            "mixed": [1, "one"],
            "huge": pd.Series([2**64, 1], dtype=object),
            "micro": pd.to_datetime(["2026-01-31T08:00:00.000001Z", None]),
            "kind": pd.Categorical(["x", None]),
            "day": [datetime.date(2026, 1, 31), None],
            "bytes": [b"\0\1", None],
        }
    )
    back = round_trip(tmp_path, frame)
    assert back["local_time"].iloc[0] == "2026-01-31T08:00:00.500000"
    assert back["list"].iloc[0] == '["a", "ñ"]'
    assert back["mixed"].tolist() == ["1", "one"]
    assert back["huge"].iloc[0] == "18446744073709551616"
    assert back["micro"].iloc[0] == "2026-01-31T08:00:00.000001+00:00"
    assert back["kind"].iloc[0] == "x"
    assert back["day"].iloc[0] == pd.Timestamp("2026-01-31") and back["day"].dtype == "datetime64[s]"
    assert back["bytes"].iloc[0] == b"\0\1"
    assert back.drop(columns=["mixed", "huge"]).iloc[1].isna().all()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("apn", "1" * 21, "longer than the 20 characters"),
        ("apn", "12\x003", "NUL"),
        ("apn", 12345, "is not text"),
        ("roll_year", 2026.5, "whole number"),
        ("roll_year", "2026", "whole number"),
        ("roll_year", 2**63, "64-bit"),
        ("stated_area", "1.5", "is not a number"),
        ("stated_area", 2**53 + 1, "cannot keep exactly"),
        ("city_owned", 1, "true or false"),
        ("city_owned", "Y", "true or false"),
        ("legal_from", pd.Timestamp("2026-01-31 08:00"), "not a date"),
        ("legal_from", "2026-01-31", "not a date"),
        ("tx_from", pd.Timestamp("2026-01-31 08:00"), "no time zone"),
        ("tx_from", pd.Timestamp("2026-01-31 08:00:00.0000001", tz="UTC"), "finer than a millisecond"),
        ("global_id", "x" * 37, "36 characters"),
    ],
)
def test_a_value_outside_its_type_is_refused_and_no_file_appears(tmp_path, column, value, said):
    frame = parcels(2)
    frame[column] = pd.Series([None, value], dtype=object if not isinstance(value, pd.Timestamp) else None)
    with pytest.raises(SchemaError, match=said) as refusal:
        write_geopackage(tmp_path / "out.gpkg", {"parcel": frame}, schema=schema())
    assert f"parcel.{column}" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_point_among_the_parcels_is_refused(tmp_path):
    frame = parcels(2).set_geometry(gpd.GeoSeries([Point(0, 0), box(0, 0, 1, 1)], crs=CRS_FT))
    with pytest.raises(SchemaError, match=r"parcel holds Point; the layer is of Polygon"):
        write_geopackage(tmp_path / "out.gpkg", {"parcel": frame}, schema=schema())


def test_the_same_frames_give_the_same_bytes(tmp_path):
    layers = {"parcel": parcels(500), "findings": findings_frame(crs=CRS_FT)}
    first, second = (write_geopackage(tmp_path / name, layers, schema=schema()) for name in ("a.gpkg", "b.gpkg"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("n", [0, 1, 51, 52, 2601, 2602, 30_000])
def test_the_spatial_index_is_sound_and_finds_what_lies_in_a_box_at_every_depth(tmp_path, n):
    rng = np.random.default_rng(n)
    centres = rng.uniform((6_300_000, 2_100_000), (6_330_000, 2_120_000), (n, 2))
    shapes = shapely.box(*(centres - rng.uniform(0, 200, (n, 2))).T, *(centres + rng.uniform(0, 200, (n, 2))).T)
    frame = gpd.GeoDataFrame({"n": np.arange(n)}, geometry=gpd.GeoSeries(shapes, crs=CRS_FT))
    path = write_geopackage(tmp_path / "index.gpkg", {"layer": frame})
    window = (6_305_000.3, 2_104_000.7, 6_309_000.1, 2_109_000.9)
    expected = np.flatnonzero(shapely.intersects(shapes, box(*window)))
    assert read_geopackage(path, "layer", bbox=window)["n"].tolist() == expected.tolist()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT rtreecheck('rtree_layer_geom')").fetchone() == ("ok",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM rtree_layer_geom").fetchone() == (n,)


def test_layers_are_listed_in_order_with_their_rows(tmp_path):
    layers = {"parcel": parcels(3), "source_document": empty_layer(schema().layer("source_document"), crs=None)}
    path = write_geopackage(tmp_path / "out.gpkg", layers, schema=schema())
    assert layers_of(path) == [("parcel", "MULTIPOLYGON", 3), ("source_document", None, 0)]


def test_an_empty_layer_comes_back_with_its_types(tmp_path):
    for name in ("parcel", "hydrant", "boundary_line", "source_document"):
        frame = empty_layer(schema().layer(name), crs=CRS_FT)
        back = round_trip(tmp_path, frame, name, schema=schema())
        assert back.dtypes.equals(frame.dtypes)


def test_a_few_columns_may_be_asked_for_and_an_unknown_one_is_named(tmp_path):
    path = write_geopackage(tmp_path / "out.gpkg", {"parcel": parcels(3)}, schema=schema())
    assert list(read_geopackage(path, "parcel", columns=["lot", "apn"]).columns) == ["lot", "apn", "geometry"]
    with pytest.raises(ReadError, match="no column owner"):
        read_geopackage(path, "parcel", columns=["owner"])
    with pytest.raises(ReadError, match=r"no layer 'parcels'. It has: parcel"):
        read_geopackage(path, "parcels")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\0" * 200, b"not a database at all" * 100])
def test_a_file_that_is_no_geopackage_is_one_clear_error(tmp_path, content):
    path = tmp_path / "bad.gpkg"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"bad\.gpkg is (empty|not a GeoPackage)"):
        layers_of(path)


def test_an_existing_file_is_left_as_it_is(tmp_path):
    path = tmp_path / "out.gpkg"
    path.write_text("mine")
    with pytest.raises(StoreError, match="--overwrite"):
        write_geopackage(path, {"parcel": parcels()}, schema=schema())
    assert path.read_text() == "mine"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_geopackage(tmp_path / "out.gpkg", {"parcel": parcels(1)}, schema=schema())
    before = path.read_bytes()
    # A limit on the size of files stops SQLite's write as a full disk does.
    code = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_gpkg_file import *\n"
        "layers = {'parcel': parcels(3000)}\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "try: write_geopackage(sys.argv[1], layers, schema=schema(), overwrite=True)\n"
        "except StoreError as error: sys.exit(f'refused: {error}')\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path), str(Path(__file__).parent)], capture_output=True, text=True)
    assert "refused:" in run.stderr and "cannot be written" in run.stderr and "Nothing was changed" in run.stderr
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
