"""City GeoPackages as files; other programs' reading of them is in test_gpkg_readers.py."""

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from gpkg_frames import CRS_FT, parcels
from shapely.geometry import Point, box

from citygis.errors import ReadError, SchemaError, StoreError
from citygis.findings import findings_frame
from citygis.gpkg import layers_of, read_geopackage, write_geopackage
from citygis.schema import empty_layer, schema


def test_a_point_among_the_parcels_is_refused(tmp_path):
    frame = parcels(2).set_geometry(gpd.GeoSeries([Point(0, 0), box(0, 0, 1, 1)], crs=CRS_FT))
    with pytest.raises(SchemaError, match=r"parcel holds Point; the layer is of Polygon"):
        write_geopackage(tmp_path / "out.gpkg", {"parcel": frame}, schema=schema())


def test_the_same_frames_give_the_same_bytes(tmp_path):
    layers = {"parcel": parcels(500), "findings": findings_frame(crs=CRS_FT)}
    first, second = (write_geopackage(tmp_path / name, layers, schema=schema()) for name in ("a.gpkg", "b.gpkg"))
    assert first.read_bytes() == second.read_bytes()


def test_layers_are_listed_in_order_with_their_rows(tmp_path):
    layers = {"parcel": parcels(3), "source_document": empty_layer(schema().layer("source_document"), crs=None)}
    path = write_geopackage(tmp_path / "out.gpkg", layers, schema=schema())
    assert layers_of(path) == [("parcel", "MULTIPOLYGON", 3), ("source_document", None, 0)]


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


def test_a_file_that_gdal_wrote_is_read_with_its_types(tmp_path):
    path = tmp_path / "theirs.gpkg"
    frame = gpd.GeoDataFrame(
        {
            "text": ["a", None],
            "whole": np.array([1, 2], dtype="int32"),
            "number": [0.5, np.nan],
            "flag": [True, False],
            "moment": pd.to_datetime(["2026-01-31T08:00:00.5Z", "2026-07-31T08:00:00.0Z"]),
        },
        geometry=[box(0, 0, 1, 1), box(2, 2, 3, 3)],
        crs=2227,
    )
    frame.to_file(path, layer="lots")
    back = read_geopackage(path, "lots")
    assert [str(t) for t in back.dtypes[:5]] == ["str", "Int64", "float64", "boolean", "datetime64[us, UTC]"]
    assert back["moment"].tolist() == frame["moment"].tolist() and back["whole"].tolist() == [1, 2]
    assert back.crs == frame.crs and back.geometry.geom_equals(frame.geometry).all()
