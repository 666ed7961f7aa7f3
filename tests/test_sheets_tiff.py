"""Sheets as GeoTIFF: exact on the ground, readable elsewhere, whole or not there."""

import json
import subprocess
from fractions import Fraction

import numpy as np
import pyproj
import pytest
import rasterio
from PIL import Image

from citygis.errors import SheetError, StoreError
from citygis.sheets.frame import Frame
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene, polyline, rectangle, text
from citygis.sheets.tiff import save_tiff

CRS = pyproj.CRS("EPSG:6420")


def frame(rotation_deg: float = 0.0) -> Frame:
    return Frame(CRS, Fraction(250), 6_330_000.0, 2_090_000.0, 36.0, 36.0, 360.0, 216.0, rotation_deg)


def sheet(where: Frame, *, width_pt: float = 432.3, height_pt: float = 288.7) -> bytes:
    """A 1,000-ft line due east through the frame's centre with a cross stroke at each end, a tint, and words."""
    ends = np.array([(where.easting - 500, where.northing), (where.easting + 500, where.northing)])
    ticks = [where.to_page(np.array([end - (0, 60), end + (0, 60)])) for end in ends]
    batches = (
        rectangle((40, 40, 120, 100), fill="#c8c8c8"),
        *(polyline(tick, stroke="#000000", width_pt=0.72) for tick in ticks),
        text("RIVERBEND", 200, 230, 14),
    )
    return pdf_bytes(Scene(width_pt, height_pt, (Group("Map", batches),)))


def at(affine, across, down):
    a, b, c, d, e, f = affine[:6]
    return a * across + b * down + c, d * across + e * down + f


def middle(ink: np.ndarray, transform, easting: float, northing: float) -> float:
    """How far, in pixels along the row, the ink around a place is centred from where the file's own coordinates put it."""
    column, row = at(~transform, easting, northing)
    line = ink[int(row), int(column) - 12 : int(column) + 13].astype(float)
    return float((line * np.arange(25)).sum() / line.sum()) + int(column) - 12 + 0.5 - column


@pytest.mark.parametrize("mode", ["g4", "gray"])
@pytest.mark.parametrize("dpi", [100, 300])
def test_a_thousand_feet_are_right_to_half_a_pixel_by_the_files_own_coordinates(tmp_path, mode, dpi):
    where = frame()
    save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=dpi, mode=mode)
    with rasterio.open(tmp_path / "a.tif") as tiff:
        ink = tiff.read(1) if mode == "g4" else 255 - tiff.read(1).astype(int)
        off = [middle(ink, tiff.transform, where.easting + away, where.northing + 40) for away in (-500, 500)]
        assert tiff.crs.to_epsg() == 6420
    assert np.abs(off).max() <= 0.5
    # 250 ft per inch: a pixel is 2.5 ft at 100 dpi, whatever fraction of a pixel the page ends with.
    assert tiff.transform.a == pytest.approx(250 / dpi, rel=1e-12)


def test_a_rotated_frame_has_rotated_pixels_that_fall_on_the_same_ground(tmp_path):
    where = frame(30.0)
    raster = save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=200, mode="gray")
    with rasterio.open(tmp_path / "a.tif") as tiff:
        ink, transform = tiff.read(1) < 128, tiff.transform
    assert transform == pytest.approx(raster.transform, abs=1e-9)
    rows, columns = np.nonzero(ink)
    eastings, northings = at(transform, columns + 0.5, rows + 0.5)
    west = np.abs(eastings - (where.easting - 500)) < 25
    west &= np.abs(northings - where.northing) < 70
    # The west cross stroke stands north and south: within half a pixel (1.25 ft) of its easting, 120 ft long.
    assert eastings[west].mean() == pytest.approx(where.easting - 500, abs=0.625)
    assert np.ptp(northings[west]) == pytest.approx(120, abs=2 * 1.25 + 1)


def test_gdal_reads_the_system_the_corner_and_the_resolution(tmp_path, require_program):
    where = frame()
    save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=100)
    told = json.loads(
        subprocess.run([require_program("gdalinfo"), "-json", tmp_path / "a.tif"], capture_output=True, check=True).stdout
    )
    assert 'ID["EPSG",6420]' in told["coordinateSystem"]["wkt"]
    # The page's upper left corner lies 216 pt left of and 144.7 pt above the frame's centre.
    assert told["cornerCoordinates"]["upperLeft"] == pytest.approx([6_330_000 - 3 * 250, 2_090_000 + 144.7 / 72 * 250], abs=0.001)
    tags = told["metadata"][""]
    assert (float(tags["TIFFTAG_XRESOLUTION"]), tags["TIFFTAG_RESOLUTIONUNIT"]) == (100, "2 (pixels/inch)")
    assert told["metadata"]["IMAGE_STRUCTURE"]["COMPRESSION"] == "CCITTFAX4"


def test_the_world_file_is_at_pixel_centres(tmp_path):
    where = frame()
    raster = save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=100)
    across, _, _, down, easting, northing = map(float, (tmp_path / "a.tfw").read_text().split())
    assert (across, down) == (2.5, -2.5)
    assert (easting, northing) == pytest.approx((raster.transform.c + 1.25, raster.transform.f - 1.25), abs=1e-6)


@pytest.mark.parametrize("mode", ["g4", "gray", "rgb"])
def test_another_reader_sees_black_ink_on_white_paper(tmp_path, mode):
    where = frame()
    save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=144, mode=mode)
    with Image.open(tmp_path / "a.tif") as image:
        assert image.tag_v2[262] == {"g4": 0, "gray": 1, "rgb": 2}[mode]  # TIFF 6.0: WhiteIsZero, BlackIsZero, RGB
        assert image.tag_v2[282] == 144
        pixels = np.asarray(image.convert("L"))
    assert pixels[5, 5] == 255
    # The cross strokes are 288 pt apart, around the page's 216 pt: 72 and 360 pt, or columns 144 and 720.
    assert pixels[288, [144, 720]].max() < 90
    assert np.mean(pixels < 128) < 0.1


def test_a_tint_becomes_dots_that_cover_as_much_as_it_is_dark(tmp_path):
    where = frame()
    save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=300)
    with Image.open(tmp_path / "a.tif") as image:
        pixels = np.asarray(image.convert("L"))
    # c8 is 200 of 255: 22 % black. 288.7 pt high: rows 800 to 1000 lie within 40 to 100 pt above the foot.
    assert np.mean(pixels[830:990, 200:456] == 0) == pytest.approx(1 - 200 / 255, abs=0.03)


def test_bands_join_without_a_seam(tmp_path):
    where = frame()
    pdf = pdf_bytes(Scene(72, 2000, (Group("a", (polyline([(36, 10), (36, 1990)], stroke="#000000", width_pt=4),)),)))
    save_tiff(pdf, tmp_path / "a.tif", frame=where, dpi=100, mode="gray")
    with rasterio.open(tmp_path / "a.tif") as tiff:
        pixels = tiff.read(1)
    assert pixels.shape == (2778, 100)  # eleven bands
    ink = pixels[20:2757]
    assert (ink == ink[0]).all()


def test_two_runs_give_the_same_bytes(tmp_path):
    where = frame()
    for name in "ab":
        save_tiff(sheet(where), tmp_path / f"{name}.tif", frame=where, dpi=100)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_nothing_is_overwritten_unasked_and_nothing_half_written_is_left(tmp_path):
    where = frame()
    (tmp_path / "a.tif").write_text("mine")
    with pytest.raises(StoreError, match="--overwrite"):
        save_tiff(sheet(where), tmp_path / "a.tif", frame=where, dpi=50)

    def stopped(bands):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_tiff(sheet(where), tmp_path / "b.tif", frame=where, dpi=50, progress=stopped)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert (tmp_path / "a.tif").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "changes", "error"),
    [("a.png", {}, SheetError), ("a.tif", {"mode": "g3"}, ValueError), ("a.tif", {"dpi": 0}, ValueError)],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, changes, error):
    with pytest.raises(error, match=r"\.tif|Invalid"):
        save_tiff(sheet(frame()), tmp_path / name, frame=frame(), **changes)
    assert list(tmp_path.iterdir()) == []
