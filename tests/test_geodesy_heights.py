"""Ellipsoid heights are no elevations, and become such only through a geoid model that is there."""

import numpy as np
import pytest
import rasterio

from citygis.errors import CRSError
from citygis.geodesy import find_grid, orthometric_height_ft, require_geoid
from citygis.geodesy.heights import GEOID18

FT = 3937 / 1200


def write_geoid(path, separation_m):
    """A geoid model of one degree around the study place, as PROJ reads them: a GeoTIFF of separations, nodes at pixel centres."""
    values = np.full((9, 9), separation_m, dtype="float32")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=9,
        height=9,
        count=1,
        dtype="float32",
        crs="EPSG:6318",
        transform=rasterio.Affine(0.125, 0.0, -121.5 - 0.0625, 0.0, -0.125, 38.0 + 0.0625),
    ) as file:
        file.write(values, 1)
        file.update_tags(AREA_OR_POINT="Point", TYPE="VERTICAL_OFFSET_GEOGRAPHIC_TO_VERTICAL")
        file.set_band_description(1, "geoid_undulation")


def test_without_the_geoid_model_heights_are_refused_with_what_the_mistake_costs(tmp_path):
    if find_grid(GEOID18):
        pytest.skip("this machine has GEOID18")
    with pytest.raises(CRSError, match=r"us_noaa_g2018u0\.tif is not installed.*104 ft"):
        require_geoid(tmp_path)
    with pytest.raises(CRSError, match="104 ft"):
        orthometric_height_ft([-121.276], [37.822], [-20.0], grids=tmp_path)


def test_an_elevation_is_the_ellipsoid_height_less_the_separation(tmp_path):
    write_geoid(tmp_path / GEOID18, -31.0)
    heights = orthometric_height_ft([-121.276, -121.1, -121.276], [37.822, 37.9, 37.822], [-20.0, 0.0, np.nan], grids=tmp_path)
    assert heights[:2] == pytest.approx([11.0 * FT, 31.0 * FT], abs=1e-5)
    assert np.isnan(heights[2])


def test_outside_the_model_there_is_no_elevation(tmp_path):
    write_geoid(tmp_path / GEOID18, -31.0)
    assert np.isnan(orthometric_height_ft([-90.0], [30.0], [-20.0], grids=tmp_path)).all()


def test_a_damaged_model_is_one_refusal(tmp_path):
    (tmp_path / GEOID18).write_bytes(b"nothing")
    with pytest.raises(CRSError, match="cannot be read as a geoid model"):
        orthometric_height_ft([-121.276], [37.822], [-20.0], grids=tmp_path)


def test_a_folder_that_proj_cannot_name_is_refused_by_name(tmp_path):
    folder = tmp_path / "a, b"
    folder.mkdir()
    write_geoid(folder / GEOID18, -31.0)
    with pytest.raises(CRSError, match="comma"):
        orthometric_height_ft([-121.276], [37.822], [-20.0], grids=folder)


def test_a_folder_with_blanks_is_read(tmp_path):
    folder = tmp_path / "City of Riverbend"
    folder.mkdir()
    write_geoid(folder / GEOID18, -31.0)
    assert np.isfinite(orthometric_height_ft([-121.276], [37.822], [-20.0], grids=folder)).all()


def test_the_citys_own_grid_comes_first(tmp_path):
    assert find_grid("no_such_grid.tif", tmp_path) is None
    write_geoid(tmp_path / GEOID18, -31.0)
    assert find_grid(GEOID18, tmp_path) == (tmp_path / GEOID18).resolve()
