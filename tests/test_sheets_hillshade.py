"""Shaded relief by Horn's slope: planes by hand, GDAL's own relief on made-up ground."""

import subprocess

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from citygis.sheets.hillshade import hillshade


def plane(east, north, size=5):
    """Rises by `east` a cell to the right, by `north` a cell to the top."""
    row, column = np.indices((size, size))
    return column * east - row * north


def test_flat_ground_gets_the_sine_of_the_height_of_the_light():
    light = hillshade(np.zeros((4, 6)), 10.0, altitude_deg=30)
    assert light[1:-1, 1:-1] == pytest.approx(0.5)


def test_the_edges_have_no_slope_and_no_light():
    light = hillshade(plane(1, 0), 1.0)
    assert np.isnan(light[[0, -1]]).all() and np.isnan(light[:, [0, -1]]).all()
    assert not np.isnan(light[1:-1, 1:-1]).any()
    assert np.isnan(hillshade(np.zeros((2, 9)), 1.0)).all()


@pytest.mark.parametrize(
    ("east", "north", "azimuth_deg"), [(-1, 0, 90), (1, 0, 270), (0, -1, 0), (0, 1, 180)], ids=["east", "west", "north", "south"]
)
def test_a_slope_of_45_degrees_that_faces_the_light_at_45_is_fully_lit_and_its_back_is_black(east, north, azimuth_deg):
    assert hillshade(plane(east, north), 1.0, azimuth_deg)[2, 2] == pytest.approx(1.0)
    assert hillshade(plane(-east, -north), 1.0, azimuth_deg)[2, 2] == pytest.approx(0.0, abs=1e-6)


def test_the_size_of_a_cell_the_factor_of_heights_and_uneven_cells_make_the_slope():
    # All of these rise by one for one.
    assert hillshade(plane(10, 0), 10.0, 270)[2, 2] == pytest.approx(1.0)
    assert hillshade(plane(5, 0), 10.0, 270, z_factor=2.0)[2, 2] == pytest.approx(1.0)
    assert hillshade(plane(0, 3), (99.0, 3.0), 180)[2, 2] == pytest.approx(1.0)


def test_a_hole_takes_the_light_of_its_neighbours_only():
    z = plane(1, 1, 9).astype(float)
    z[4, 4] = np.nan
    dark = np.isnan(hillshade(z, 1.0))
    assert dark[3:6, 3:6].all()
    assert dark[1:-1, 1:-1].sum() == 9


@pytest.mark.parametrize(
    "wrong",
    [{"cellsize": 0}, {"cellsize": (1, -1)}, {"altitude_deg": 0}, {"altitude_deg": 91}, {"elevation": np.zeros(5)}],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="Invalid"):
        hillshade(**{"elevation": np.zeros((3, 3)), "cellsize": 1.0} | wrong)


@pytest.mark.parametrize(("azimuth_deg", "altitude_deg", "z_factor"), [(315, 45, 1), (20, 60, 3), (200, 10, 0.5)])
def test_hills_are_shaded_as_gdal_shades_them(require_program, tmp_path, azimuth_deg, altitude_deg, z_factor):
    row, column = np.indices((60, 80))
    z = (40 * np.sin(column / 7) * np.cos(row / 9) + 0.3 * column).astype(np.float32)
    with rasterio.open(
        tmp_path / "z.tif", "w", driver="GTiff", width=80, height=60, count=1, dtype="float32", crs="EPSG:2227",
        transform=Affine(12, 0, 6_330_000, 0, -8, 2_090_000),
    ) as out:  # fmt: skip
        out.write(z, 1)
    options = ["-az", azimuth_deg, "-alt", altitude_deg, "-z", z_factor, "-alg", "Horn", "-q"]
    gdaldem = require_program("gdaldem")
    subprocess.run([gdaldem, "hillshade", tmp_path / "z.tif", tmp_path / "shade.tif", *map(str, options)], check=True)
    with rasterio.open(tmp_path / "shade.tif") as dataset:
        theirs = dataset.read(1).astype(float)
    ours = hillshade(z, (12.0, 8.0), azimuth_deg, altitude_deg, z_factor)
    # GDAL writes 1 in the shade to 255 in full light, whole numbers, and 0 along the edges.
    assert np.abs(1 + 254 * ours[1:-1, 1:-1] - theirs[1:-1, 1:-1]).max() <= 1.0
