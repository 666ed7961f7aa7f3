"""The tables of a GeoPackage: coordinate systems, names, types."""

import geopandas as gpd
import pytest
from gpkg_frames import CRS_FT, round_trip
from pyproj import CRS
from shapely.geometry import Point

from citygis.gpkg import read_geopackage, write_geopackage


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
