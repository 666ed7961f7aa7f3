"""Statistics of a raster over polygons."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine, from_origin

from citygis.analysis.zonal import grid_of, statistics_by_cells, zonal_statistics
from citygis.errors import AnalysisError, CRSError, ReadError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
CELL = 10.0


def raster(path, values, *, unit="ft", nodata=-9999.0, crs=CRS, transform=None, dtype="float32", scale=1.0, mask=None):
    """A raster whose south-west corner is that of the City."""
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[None]
    transform = transform or from_origin(E, N + CELL * bands.shape[1], CELL, CELL)
    how = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": dtype, "nodata": nodata}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **how) as file:
        file.write(bands.astype(dtype))
        if unit:
            file.units = (unit,) * len(bands)
        file.scales = (scale,) * len(bands)
        if mask is not None:
            file.write_mask(mask)
    return path


def ramp(rows=20, columns=30):
    """Values that grow by 0.1 from one column to the next, eastward, from 0.05: 0.01 for each foot at the cell's middle."""
    return np.tile((np.arange(columns) + 0.5) * CELL * 0.01, (rows, 1))


def boxes(*corners):
    return gpd.GeoSeries([shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in corners], crs=CRS)


def test_a_ramp_gives_the_depth_at_the_middle_of_a_box_and_the_last_column_that_it_reaches(tmp_path):
    grid = grid_of(raster(tmp_path / "ramp.tif", ramp()), CRS)
    found = zonal_statistics(boxes((20, 20, 80, 60), (25, 20, 75, 60), (20, 20, 80.5, 60)), grid)
    # Aligned with the cells, and symmetrical about a column's middle: the mean is the ramp at the middle, 0.01 x 50 ft.
    assert found["mean_ft"][:2].to_numpy() == pytest.approx([0.5, 0.5], abs=1e-7)
    # Columns 2 to 7 for the first two; half a foot into column 8 is enough for its value to be the greatest.
    assert found["max_ft"].to_numpy() == pytest.approx([0.75, 0.75, 0.85], abs=1e-6)
    assert found["min_ft"].to_numpy() == pytest.approx([0.25, 0.25, 0.25], abs=1e-6)
    # A strip of half a foot of 0.85 beside sixty feet of 0.5.
    assert found["mean_ft"][2] == pytest.approx((60 * 0.5 + 0.5 * 0.85) / 60.5, abs=1e-6)


def test_a_cell_whose_edge_alone_is_met_is_not_touched(tmp_path):
    grid = grid_of(raster(tmp_path / "ramp.tif", ramp()), CRS)
    found = zonal_statistics(boxes((20, 20, 80, 60), (20, 20, 80.001, 60)), grid)
    assert found["max_ft"].to_numpy() == pytest.approx([0.75, 0.85], abs=1e-6)


def test_the_ground_of_a_polygon_is_that_with_values_without_and_off_the_raster(tmp_path):
    values = ramp()
    values[:, :5] = -9999.0
    grid = grid_of(raster(tmp_path / "ramp.tif", values), CRS)
    # 100 ft wide and 40 high: 30 ft west of the raster, 50 ft without a value, 20 ft with one.
    found = zonal_statistics(boxes((-30, 20, 70, 60), (-500, 0, -400, 10), (0, 0, 50, 50)), grid)
    assert found[["beyond_sqft", "blank_sqft", "valued_sqft"]].to_numpy()[0] == pytest.approx([1200, 2000, 800], abs=1e-3)
    assert found["mean_ft"][0] == pytest.approx(0.6, abs=1e-6)
    assert found[["max_ft", "mean_ft"]][1:].isna().all().all()
    assert found["beyond_sqft"].tolist()[1] == 1000.0 and found["blank_sqft"].tolist()[2] == pytest.approx(2500.0)


def test_random_polygons_have_the_statistics_of_their_cells_cut_as_squares(tmp_path):
    rng = np.random.default_rng(11)
    values = rng.normal(5, 2, (40, 60))
    values[rng.random((40, 60)) < 0.2] = -9999.0
    grid = grid_of(raster(tmp_path / "noise.tif", values), CRS)
    centre = rng.uniform((E - 20, N - 20), (E + 620, N + 420), (60, 2))
    angle = np.sort(rng.uniform(0, 2 * np.pi, (60, 9)), axis=1)
    reach = rng.uniform(3, 70, (60, 9))
    rings = centre[:, None] + np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=2)
    shapes = shapely.make_valid(np.array([shapely.Polygon(ring) for ring in rings]))
    shapes = [shape for shape in shapes if shape.geom_type in ("Polygon", "MultiPolygon")]
    shapes[0] = shapely.difference(shapely.box(E + 100, N + 100, E + 300, N + 300), shapely.box(E + 133, N + 133, E + 201, N + 217))
    found = zonal_statistics(gpd.GeoSeries(shapes, crs=CRS), grid)
    for shape, (_, row) in zip(shapes, found.iterrows(), strict=True):
        greatest, mean, covered = statistics_by_cells(shape, grid)
        assert row["valued_sqft"] == pytest.approx(covered, abs=0.01)
        assert (row["max_ft"], row["mean_ft"]) == pytest.approx((greatest, mean), abs=1e-4, nan_ok=True)
    assert len(shapes) > 50 and found["max_ft"].notna().sum() > 40


def test_windows_and_the_order_of_polygons_change_nothing(tmp_path, monkeypatch):
    grid = grid_of(raster(tmp_path / "ramp.tif", ramp(60, 60)), CRS)
    zones = boxes(*((20 * k, 15 * k, 20 * k + 130, 15 * k + 117) for k in range(20)))
    whole = zonal_statistics(zones, grid)
    monkeypatch.setattr("citygis.analysis.zonal.MOST_CELLS", 200)
    turned = zonal_statistics(zones[::-1], grid)
    np.testing.assert_allclose(turned.loc[whole.index].to_numpy(), whole.to_numpy(), rtol=1e-12)


def test_metres_are_brought_to_feet(tmp_path):
    grid = grid_of(raster(tmp_path / "m.tif", np.full((10, 10), 0.9144), unit="metre"), CRS)
    assert grid.unit == "m"
    assert zonal_statistics(boxes((10, 10, 50, 50)), grid)["max_ft"][0] == pytest.approx(3.0, abs=1e-4)


@pytest.mark.parametrize("said,unit", [("US survey foot", "ft"), ("feet", "ft"), ("m", "m"), ("Meters", "m")])
def test_the_unit_is_the_one_that_the_file_states(tmp_path, said, unit):
    assert grid_of(raster(tmp_path / "x.tif", ramp(), unit=said), CRS).unit == unit


def test_a_unit_that_nobody_states_is_asked_for_and_one_that_is_contradicted_refused(tmp_path):
    silent = raster(tmp_path / "silent.tif", ramp(), unit="")
    with pytest.raises(AnalysisError, match="does not say whether its values are in feet or metres"):
        grid_of(silent, CRS)
    assert grid_of(silent, CRS, unit="m").said_by == "the caller"
    with pytest.raises(AnalysisError, match="Find out which"):
        grid_of(raster(tmp_path / "ft.tif", ramp()), CRS, unit="m")
    with pytest.raises(ValueError, match="Invalid unit 'yd'"):
        grid_of(silent, CRS, unit="yd")


def test_a_description_that_names_both_units_states_neither(tmp_path):
    path = raster(tmp_path / "x.tif", ramp(), unit="")
    with rasterio.open(path, "r+") as file:
        file.set_band_description(1, "Depth in feet on a grid of 5 m")
    with pytest.raises(AnalysisError, match="does not say"):
        grid_of(path, CRS)


def test_values_by_scale_and_a_mask_are_read_as_they_mean(tmp_path):
    mask = np.full((10, 10), True)
    mask[:, :3] = False
    path = raster(tmp_path / "x.tif", np.full((10, 10), 250), dtype="int16", nodata=None, scale=0.01, mask=mask)
    found = zonal_statistics(boxes((0, 0, 100, 100)), grid_of(path, CRS))
    assert found["max_ft"][0] == pytest.approx(2.5) and found["valued_sqft"][0] == pytest.approx(7000.0)


def test_not_a_number_is_no_value(tmp_path):
    values = np.full((10, 10), 2.0)
    values[:, :4] = np.nan
    grid = grid_of(raster(tmp_path / "x.tif", values, nodata=None), CRS)
    found = zonal_statistics(boxes((0, 0, 100, 100)), grid)
    assert (found["mean_ft"][0], found["valued_sqft"][0]) == pytest.approx((2.0, 6000.0))
    assert statistics_by_cells(shapely.box(E, N, E + 100, N + 100), grid) == pytest.approx((2.0, 2.0, 6000.0))


def test_rasters_that_cannot_be_used_are_refused_with_what_to_do(tmp_path):
    turned = Affine(10, 1, E, 1, -10, N + 200)
    with pytest.raises(AnalysisError, match="north up: gdalwarp"):
        grid_of(raster(tmp_path / "turned.tif", ramp(), transform=turned), CRS)
    with pytest.raises(AnalysisError, match="has 2 bands"):
        grid_of(raster(tmp_path / "two.tif", np.stack([ramp(), ramp()])), CRS)
    with pytest.raises(CRSError, match="zone 3"):
        grid_of(raster(tmp_path / "zone5.tif", ramp(), crs="EPSG:2229"), CRS)
    with pytest.raises(CRSError, match="has no CRS"):
        grid_of(raster(tmp_path / "none.tif", ramp(), crs=None), CRS)
    with pytest.raises(CRSError, match="feet"):
        grid_of(raster(tmp_path / "metres.tif", ramp(), crs="EPSG:6419"), "EPSG:6419")
    with pytest.raises(ReadError, match="no file"):
        grid_of(tmp_path / "away.tif", CRS)
    (tmp_path / "text.tif").write_text("not a raster")
    with pytest.raises(ReadError, match="is no GTiff raster"):
        grid_of(tmp_path / "text.tif", CRS)
    (tmp_path / "depth.vrt").write_text("<VRTDataset/>")
    with pytest.raises(ReadError, match="ends in none of"):
        grid_of(tmp_path / "depth.vrt", CRS)


def test_a_raster_that_is_cut_off_is_told_by_name(tmp_path):
    path = raster(tmp_path / "cut.tif", np.random.default_rng(1).random((200, 200)))
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.raises(ReadError, match=r"cut\.tif"):
        zonal_statistics(boxes((0, 0, 2000, 2000)), grid_of(path, CRS))


def test_polygons_without_ground_have_no_value(tmp_path):
    grid = grid_of(raster(tmp_path / "ramp.tif", ramp()), CRS)
    found = zonal_statistics(gpd.GeoSeries([None, shapely.Polygon()], crs=CRS, index=[7, 9]), grid)
    assert found.index.tolist() == [7, 9] and found["max_ft"].isna().all() and (found["area_sqft"] == 0).all()
