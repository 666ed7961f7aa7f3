"""The spatial index: sound, complete, and true after edits."""

import sqlite3

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from gpkg_frames import CRS_FT, round_trip
from shapely.geometry import Point, box

from citygis.gpkg import connect, read_geopackage, write_geopackage


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


def test_coordinates_that_are_not_numbers_are_kept_and_do_not_break_the_index(tmp_path):
    shapes = [Point(np.nan, 5), Point(np.inf, 5), Point(1, 1)]
    frame = gpd.GeoDataFrame({"n": pd.array([1, 2, 3], dtype="Int64")}, geometry=gpd.GeoSeries(shapes, crs=CRS_FT))
    back = round_trip(tmp_path, frame)
    assert np.array_equal(shapely.get_coordinates(back.geometry), [[np.nan, 5], [np.inf, 5], [1, 1]], equal_nan=True)
    assert read_geopackage(tmp_path / "out.gpkg", "layer", bbox=(0, 0, 2, 2))["n"].tolist() == [3]


def test_an_attribute_column_named_fid_does_not_confuse_the_triggers(tmp_path):
    frame = gpd.GeoDataFrame({"fid": [500, 600]}, geometry=[Point(1, 1), Point(2, 2)], crs=6420)
    path = write_geopackage(tmp_path / "raw.gpkg", {"raw": frame})
    added = gpd.GeoDataFrame({"fid": [700]}, geometry=[Point(3, 3)], crs=6420)
    with connect(path) as connection:
        (blob,) = connection.execute("SELECT geom FROM raw WHERE fid = 500").fetchone()
        connection.execute("INSERT INTO raw (fid, geom) VALUES (700, ?)", (blob,))
        connection.execute("UPDATE raw SET geom = ? WHERE fid = 600", (blob,))
    connection.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT id FROM rtree_raw_geom ORDER BY id").fetchall() == [(1,), (2,), (3,)]
    assert read_geopackage(path, "raw", bbox=(0, 0, 1.5, 1.5))["fid"].tolist() == [500, 600, 700]
    assert len(added) == 1
