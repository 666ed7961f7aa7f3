"""GeoPackage geometries, there and back, and the functions that triggers call."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from gpkg_frames import CRS_FT, parcels, round_trip
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from citygis.gpkg import connect, read_geopackage
from citygis.schema import schema


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


def test_points_written_by_gdal_without_an_envelope_can_be_edited(tmp_path):
    path = tmp_path / "theirs.gpkg"
    gpd.GeoDataFrame({"n": [1, 2]}, geometry=[Point(1, 2), Point(3, 4)], crs=6420).to_file(path, layer="p", VERSION="1.3")
    with connect(path) as connection:
        connection.execute("UPDATE p SET geom = (SELECT geom FROM p WHERE n = 2) WHERE n = 1")
    connection.close()
    assert read_geopackage(path, "p", bbox=(2, 3, 4, 5))["n"].tolist() == [1, 2]
