"""Acres that can be counted on paper, and a dataset in another system."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from lot_grid import EAST, NORTH, lots
from shapely import Polygon, box

from citygis.errors import CRSError
from citygis.geodesy import transform_frame
from citygis.scale import acres_in, ground_of, map_partitions, parcels_checked, repartition, reprojected


def parted(frame, tmp_path, rows=30):
    frame.to_parquet(tmp_path / "lots.parquet")
    return repartition(tmp_path / "lots.parquet", tmp_path / f"parts_{rows}", rows=rows)


def test_acres_of_each_pair_are_counted(tmp_path):
    # A zone over the western 150 ft of a grid 1,000 ft wide: the whole of the first lot of each row, half of the second.
    zones = gpd.GeoSeries({"AE": box(EAST - 50, NORTH, EAST + 150, NORTH + 1_000), "X": box(0, 0, 1, 1)}, crs=lots(1, 1).crs)
    found = acres_in(parted(lots(10, 10), tmp_path), zones)
    assert set(found["polygon"]) == {"AE"} and found["citygis_row"].tolist() == [k for k in range(100) if k % 10 < 2]
    assert np.allclose(found["acres"] * 43_560, [10_000.0, 5_000.0] * 10)


def test_a_zone_of_many_vertices_is_cut_up_and_gives_the_same_acres(tmp_path):
    zone = shapely.buffer(shapely.Point(EAST + 500, NORTH + 500), 400, quad_segs=500)
    frame = lots(10, 10)
    found = acres_in(parted(frame, tmp_path), gpd.GeoSeries([zone], crs=frame.crs))
    plain = shapely.area(shapely.intersection(frame.geometry.array, zone)) / 43_560
    assert np.allclose(found["acres"], plain[plain > 0], rtol=1e-9)
    assert len(ground_of(gpd.GeoSeries([zone], crs=frame.crs)).owner) > 10


def test_acres_in_another_system_are_refused(tmp_path):
    dataset = parted(lots(2, 2), tmp_path)
    with pytest.raises(CRSError, match="Convert one of them"):
        acres_in(dataset, gpd.GeoSeries([box(0, 0, 1, 1)], crs="EPSG:6419"))
    with pytest.raises(CRSError, match="no CRS"):
        acres_in(dataset, gpd.GeoSeries([box(0, 0, 1, 1)]))


def test_a_dataset_in_another_system_is_the_frame_in_it(tmp_path):
    frame = lots(12, 10)
    frame.loc[3, "geometry"] = None
    made = reprojected(parted(frame, tmp_path), "EPSG:6318", tmp_path / "degrees")
    plain = transform_frame(frame, "EPSG:6318")[0]
    whole = made.whole()
    assert made.crs == plain.crs and whole["number"].tolist() == frame["number"].tolist()
    assert np.array_equal(shapely.get_coordinates(whole.geometry.array), shapely.get_coordinates(plain.geometry.array))
    assert -122 < made.bounds[0][0] < -121


@pytest.mark.parametrize("rows", [1_000, 25])
def test_a_county_checked_in_degrees_by_parts(tmp_path, rows):
    frame = lots(10, 10)
    frame.loc[44, "geometry"] = box(EAST + 390, NORTH + 400, EAST + 500, NORTH + 500)  # 10 ft over its western neighbour
    frame.loc[0, "geometry"] = Polygon([(EAST, NORTH), (EAST + 90, NORTH + 90), (EAST + 90, NORTH), (EAST, NORTH + 90)])
    dataset = parted(frame.to_crs("EPSG:6318"), tmp_path, rows)
    flood = ground_of(gpd.GeoSeries([box(EAST, NORTH + 900, EAST + 250, NORTH + 1_000)], crs=frame.crs))
    found = map_partitions(parcels_checked, dataset, halo=0.0003, broadcast={"flood": flood})
    assert found.index[found["overlaps"] > 0].tolist() == [43, 44]
    assert np.allclose(found["overlap_sqft"][[43, 44]], 1_000.0, atol=0.1)
    assert found["broken"].dropna().to_dict() == {0: "self_intersection"}
    assert np.allclose(found["flood_acres"][[90, 91, 92, 93]] * 43_560, [10_000.0, 10_000.0, 5_000.0, 0.0], atol=0.1)
    assert found["flood_acres"].drop([90, 91, 92]).max() == 0
