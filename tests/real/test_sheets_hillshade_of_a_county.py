"""Shaded relief of a real grid of elevations, against GDAL."""

import subprocess

import numpy as np
import rasterio

from citygis.sheets.hillshade import hillshade


def test_the_training_grid_is_shaded_as_gdal_shades_it(real_data, require_program, tmp_path):
    path = real_data / "raster" / "qgis_training_dem25.tif"
    subprocess.run([require_program("gdaldem"), "hillshade", path, tmp_path / "shade.tif", "-q"], check=True)
    with rasterio.open(tmp_path / "shade.tif") as dataset:
        theirs = dataset.read(1).astype(float)
    with rasterio.open(path) as dataset:
        z = np.ma.filled(dataset.read(1, masked=True).astype(float), np.nan)
    ours = 1 + 254 * hillshade(z, 25.0)
    both = ~np.isnan(ours) & (theirs > 0)
    assert both.sum() > 0.9 * theirs.size
    assert np.abs(ours[both] - theirs[both]).max() <= 1.0
