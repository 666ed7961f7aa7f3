"""Files as streams of rows with bounds: those read from the bytes are those that GEOS gives."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from lot_grid import lots
from shapely import MultiPolygon, Point, Polygon, box

from citygis.errors import CRSError, ReadError, SchemaError
from citygis.scale.sources import columns_of, sources_of, wkb_bounds


def test_bounds_from_the_bytes_are_those_of_geos():
    ring = Polygon([(0, 0), (4, 1), (2, 9), (0, 0)])
    hole = Polygon([(0, 0), (9, 0), (9, 9), (0, 0)], [[(5, 1), (6, 1), (6, 2), (5, 1)]])
    shapes = np.array([ring, None, hole, MultiPolygon([ring, box(20, 20, 21, 22)]), Point(3, 4), Polygon(), ring], dtype=object)
    blobs = pa.chunked_array([pa.array(shapely.to_wkb(shapes[:3])), pa.array(shapely.to_wkb(shapes[3:]))])
    assert np.array_equal(wkb_bounds(blobs), shapely.bounds(shapes), equal_nan=True)
    high = shapely.to_wkb(shapely.force_3d(shapes[:1], 7.0), byte_order=0)
    assert wkb_bounds(pa.chunked_array([pa.array(high)])).tolist() == [[0, 0, 4, 9]]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_coordinate_that_is_not_a_number_has_no_place(value):
    bad = shapely.from_wkb(shapely.to_wkb(Polygon([(0, 0), (4, 1), (value, 9), (0, 0)])), on_invalid="ignore")
    two = shapely.GeometryCollection([Point(1, 1), Point(value, 1)])
    blobs = pa.chunked_array([pa.array(shapely.to_wkb([bad, two]))])
    assert np.isnan(wkb_bounds(blobs)).all()


def test_a_geopackage_and_a_geoparquet_file_give_the_same_rows(tmp_path):
    frame = lots(4, 3)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_file(tmp_path / "a.gpkg", layer="lots")
    tables = []
    for name in ("a.parquet", "a.gpkg"):
        (source,) = sources_of([tmp_path / name])
        assert source.rows == 12 and source.crs.equals(frame.crs, ignore_axis_order=True)
        assert np.array_equal(np.concatenate(list(source.bounds())), shapely.bounds(frame.geometry.array))
        tables.append(pa.concat_tables(source.tables(source.schema)))
    shapes = [shapely.from_wkb(table.column("geometry").to_numpy()) for table in tables]
    assert shapely.equals_identical(*shapes).all()
    assert tables[0].column("number").equals(tables[1].column("number"))


def test_bounds_that_the_file_has_are_taken_unless_they_are_rounded(tmp_path):
    lots(2, 2).to_parquet(tmp_path / "a.parquet", write_covering_bbox=True)
    (source,) = sources_of([tmp_path / "a.parquet"])
    assert source.covering == "bbox" and source.schema.names == ["number"]


def test_files_in_different_systems_are_refused(tmp_path):
    lots(1, 1).to_parquet(tmp_path / "a.parquet")
    lots(1, 1).to_crs("EPSG:6318").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(CRSError, match="Convert them to one system first"):
        sources_of([tmp_path / "a.parquet", tmp_path / "b.parquet"])


@pytest.mark.parametrize("name", ["a.parquet", "a.gpkg"])
def test_a_file_without_a_crs_is_refused(tmp_path, name):
    frame = gpd.GeoDataFrame(lots(1, 1).set_crs(None, allow_override=True))
    frame.to_parquet(tmp_path / name) if name.endswith("parquet") else frame.to_file(tmp_path / name)
    with pytest.raises(CRSError, match="never guesses"):
        sources_of([tmp_path / name])


def test_a_column_of_two_types_is_refused_and_a_name_that_the_dataset_needs(tmp_path):
    lots(1, 1).to_parquet(tmp_path / "a.parquet")
    lots(1, 1).assign(number="one").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(SchemaError, match=r"Column number is int64 in .*a.parquet and string in"):
        columns_of(sources_of([tmp_path / "a.parquet", tmp_path / "b.parquet"]))
    lots(1, 1).assign(citygis_row=1).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(SchemaError, match="citygis_row"):
        sources_of([tmp_path / "c.parquet"])


def test_what_is_no_layer_is_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "b.parquet")
    lots(1, 1).to_file(tmp_path / "c.gpkg", layer="one")
    lots(1, 1).to_file(tmp_path / "c.gpkg", layer="two")
    for name, says in (
        ("a.parquet", "cannot be read"),
        ("b.parquet", "without geometry"),
        ("c.gpkg", "Say which"),
        ("d.gpkg", "d.gpkg"),
    ):
        with pytest.raises(ReadError, match=says):
            sources_of([tmp_path / name])
    with pytest.raises(ReadError, match="No file"):
        sources_of([])
