"""Underlays: every pixel where its ground is, and no picture of which that is not known."""

import io
import subprocess
from fractions import Fraction

import numpy as np
import pypdfium2
import pyproj
import pytest
import rasterio
import scan_tables
from PIL import Image
from pydantic import ValidationError
from rasterio import Affine

from citygis.city import default_city
from citygis.errors import CRSError, ReadError, SheetError
from citygis.scans import MODELS, PIXEL_AT, fit_scan, ground_of
from citygis.sheets.frame import Frame
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Scene
from citygis.sheets.tile_grid import LARGEST_TILE_PX
from citygis.sheets.underlay import UnderlayPlan, control_table, underlay, underlay_dpi, underlay_notes

CITY = default_city()
E0, N0 = 6_330_000.0, 2_090_000.0
# 3 x 2 in at 1 in = 100 ft, in the middle of a page of 4 x 3 in.
FRAME = Frame(CITY.crs, Fraction(100), E0, N0, 36.0, 36.0, 216.0, 144.0)
PAGE = (288.0, 216.0)
PIXEL_FT = 0.5
LINE = 1037  # the black column and the black row of the test picture


def write(path, bands, transform, crs=CITY.crs, **more):
    bands = np.atleast_3d(bands) if np.ndim(bands) == 2 else np.asarray(bands)
    bands = np.moveaxis(bands, -1, 0) if bands.shape[0] > 4 else bands
    profile = {"driver": "GTiff", "width": bands.shape[2], "height": bands.shape[1], "count": bands.shape[0], "dtype": bands.dtype}
    if crs is not None:
        profile["crs"] = crs.to_wkt() if hasattr(crs, "to_wkt") else crs
    with rasterio.open(path, "w", **profile, transform=transform, **more) as out:
        out.write(bands)
    return path


def ruled(size=2000, width=1):
    """A white picture with a black column and a black row."""
    picture = np.full((size, size), 255, dtype=np.uint8)
    picture[:, LINE : LINE + width] = 0
    picture[LINE : LINE + width, :] = 0
    return picture


def at_centre(size=2000, pixel_ft=PIXEL_FT):
    """The transform that lays the crossing of the lines on E0, N0, half a pixel and all."""
    return Affine(pixel_ft, 0, E0 - (LINE + 0.5) * pixel_ft, 0, -pixel_ft, N0 + (LINE + 0.5) * pixel_ft)


@pytest.fixture(scope="module")
def ortho(tmp_path_factory):
    return write(tmp_path_factory.mktemp("ortho") / "ortho.tif", ruled(), at_centre(), tiled=True, blockxsize=256, blockysize=256)


def rendered(group, dpi=600):
    """The page as grey levels."""
    with pypdfium2.PdfDocument(pdf_bytes(Scene(*PAGE, (group,)))) as document:
        return np.asarray(document[0].render(scale=dpi / 72, grayscale=True).to_pil().convert("L"), dtype=float)


@pytest.fixture(scope="module")
def ink_ground(require_program, tmp_path_factory):
    """
    Eastings and northings of the dark dots of the page, and how dark each is, as poppler draws it: pdfium lays a turned picture
    half of its pixels aside.
    """
    program, folder = require_program("pdftoppm"), tmp_path_factory.mktemp("page")

    def drawn(group, frame, dpi=600):
        (folder / "page.pdf").write_bytes(pdf_bytes(Scene(*PAGE, (group,))))
        subprocess.run([program, "-r", str(dpi), "-gray", "-singlefile", folder / "page.pdf", folder / "page"], check=True)
        dark = 255.0 - np.asarray(Image.open(folder / "page.pgm"))
        rows, columns = np.nonzero(dark > 60)
        points = np.column_stack([(columns + 0.5) * 72 / dpi, PAGE[1] - (rows + 0.5) * 72 / dpi])
        return frame.to_ground(points), dark[rows, columns]

    return drawn


def off_the_lines(ground, dark):
    """How far the middle of the ink of the upright and of the level line is from E0 and N0, feet."""
    away = ground - (E0, N0)
    upright, level = np.abs(away[:, 1]) > 10, np.abs(away[:, 0]) > 10
    return np.average(away[upright, 0], weights=dark[upright]), np.average(away[level, 1], weights=dark[level])


def plan(path, **more):
    return UnderlayPlan(file=str(path), **more)


@pytest.mark.parametrize("rotation_deg", [0.0, 30.0, -123.0])
def test_a_line_of_pixels_lies_on_its_ground_within_half_a_pixel(ortho, ink_ground, rotation_deg):
    frame = FRAME._replace(rotation_deg=rotation_deg)
    ground, dark = ink_ground(underlay(plan(ortho), frame, CITY), frame)
    assert len(ground) > 1000
    east, north = off_the_lines(ground, dark)
    assert abs(east) < PIXEL_FT / 2
    assert abs(north) < PIXEL_FT / 2


def test_a_raster_in_degrees_lies_where_proj_says(tmp_path, ink_ground):
    to_degrees = pyproj.Transformer.from_crs(CITY.crs, CITY.crs.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform(E0, N0)
    step = 0.5 / 364_000  # about half a foot of latitude
    transform = Affine(step, 0, longitude - (LINE + 0.5) * step, 0, -step, latitude + (LINE + 0.5) * step)
    path = write(tmp_path / "degrees.tif", ruled(), transform, crs="EPSG:4269")
    ground, _ = ink_ground(underlay(plan(path), FRAME, CITY), FRAME)
    away = np.column_stack(to_degrees.transform(*ground.T)) - (longitude, latitude)
    # Each dark dot is on the meridian or on the parallel, but for half a pixel and half a dot of the picture.
    off = np.abs(away).min(axis=1) / step
    assert len(off) > 1000
    assert np.median(off) < 0.5
    assert off.max() < 1.5
    notes = " ".join(underlay_notes(plan(path), FRAME, CITY))
    assert "NAD83 without a realization is the label" in notes  # the statement the placement rests on


@pytest.mark.parametrize("overviews", [(), (2, 4)])
def test_pixels_finer_than_asked_are_averaged_in_place(tmp_path, ink_ground, overviews):
    path = write(tmp_path / "fine.tif", ruled(width=4), at_centre() @ Affine.translation(-1.5, -1.5), tiled=True)
    if overviews:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(overviews, rasterio.enums.Resampling.average)
    asked = plan(path, dpi=72)
    group = underlay(asked, FRAME, CITY)
    drawn = sum(tile.width_px * tile.height_px for tile in group.batches[0].tiles)
    assert drawn < 240 * 170  # 3 x 2 in at 72 dots, and a little around
    assert underlay_dpi(asked, FRAME, CITY) == pytest.approx(72)
    east, north = off_the_lines(*ink_ground(group, FRAME))
    dot_ft = 100 / 72
    assert abs(east) < dot_ft / 2 and abs(north) < dot_ft / 2


def test_tiles_are_small_and_no_seam_shows_between_them(tmp_path):
    path = write(tmp_path / "grey.tif", np.full((3000, 3000), 128, np.uint8), Affine(0.13, 0, E0 - 195, 0, -0.13, N0 + 195))
    frame = FRAME._replace(rotation_deg=17.0)
    group = underlay(plan(path, dpi=1000), frame, CITY)
    tiles = group.batches[0].tiles
    assert len(tiles) >= 6
    assert max(max(tile.width_px, tile.height_px) for tile in tiles) <= LARGEST_TILE_PX
    dots = rendered(group, 200)
    inside = dots[110:490, 110:690]  # an inch of page is 200 dots; the frame without its rim
    assert np.abs(inside - 128).max() <= 2


def test_only_what_the_frame_shows_is_drawn(ortho):
    group = underlay(plan(ortho), FRAME, CITY)
    assert group.clip_pt == FRAME.box_pt
    # 300 x 200 ft are 600 x 400 of the 2,000 x 2,000 pixels.
    assert sum(tile.width_px * tile.height_px for tile in group.batches[0].tiles) < 620 * 420
    assert group.name == "ortho"


def test_a_raster_that_does_not_reach_the_sheet_gives_no_batches_and_says_so(ortho):
    far = FRAME._replace(easting=E0 + 1e5)
    assert underlay(plan(ortho), far, CITY).batches == ()
    assert underlay_notes(plan(ortho), far, CITY) == ("ortho: ortho.tif does not reach this sheet.",)
    assert np.isnan(underlay_dpi(plan(ortho), far, CITY))


def test_coarse_pixels_are_told(ortho, tmp_path):
    assert underlay_notes(plan(ortho), FRAME, CITY) == ("ortho: ortho.tif, 200 dots per inch.",)
    coarse = write(tmp_path / "coarse.tif", np.zeros((400, 400), np.uint8), Affine(1, 0, E0 - 200, 0, -1, N0 + 200))
    assert underlay_notes(plan(coarse), FRAME, CITY) == ("coarse: coarse.tif, 100 dots per inch, its pixels show.",)


def test_ground_the_raster_does_not_know_is_white(tmp_path):
    picture = np.full((800, 800), 90, np.uint8)
    picture[:, :400] = 7
    path = write(tmp_path / "half.tif", picture, Affine(0.5, 0, E0 - 200, 0, -0.5, N0 + 200), nodata=7)
    dots = rendered(underlay(plan(path), FRAME, CITY), 100)
    assert dots[150, 100] == 255
    assert dots[150, 300] == pytest.approx(90, abs=2)


def test_a_raster_that_knows_nothing_there_leaves_the_paper_alone(tmp_path):
    path = write(tmp_path / "blank.tif", np.zeros((800, 800), np.uint8), Affine(0.5, 0, E0 - 200, 0, -0.5, N0 + 200), nodata=0)
    assert underlay(plan(path), FRAME, CITY).batches == ()


def test_colours_stay_and_gray_and_opacity_change_them(tmp_path):
    picture = np.zeros((3, 800, 800), np.uint8)
    picture[0] = 200
    path = write(tmp_path / "red.tif", picture, Affine(0.5, 0, E0 - 200, 0, -0.5, N0 + 200), photometric="RGB")

    def colour(**more):
        tile = underlay(plan(path, **more), FRAME, CITY).batches[0].tiles[0]
        return np.array(Image.open(io.BytesIO(tile.jpeg)).getpixel((50, 50)))

    assert np.abs(colour() - (200, 0, 0)).max() <= 3
    assert np.abs(colour(opacity=0.5) - (227, 127, 127)).max() <= 3  # half way to white
    assert colour(gray=True) == pytest.approx(60, abs=2)  # 0.299 x 200 (ITU-R BT.601)


def test_a_scan_of_one_bit_is_black_on_white_and_becomes_grey_where_it_is_drawn_smaller(tmp_path, ink_ground):
    bits = np.ones((2000, 2000), np.uint8)
    bits[:, LINE : LINE + 4] = 0
    path = write(tmp_path / "bits.tif", bits, at_centre() @ Affine.translation(-1.5, -1.5), nbits=1, compress="CCITTFAX4")
    group = underlay(plan(path, dpi=72), FRAME, CITY)
    ground, dark = ink_ground(group, FRAME)
    assert abs(np.average(ground[:, 0] - E0, weights=dark)) < 100 / 72 / 2
    assert rendered(group, 100)[150, 60] > 250


def test_colours_by_number_are_looked_up_before_they_are_averaged(tmp_path):
    path = tmp_path / "palette.tif"
    numbers = np.full((800, 800), 9, np.uint8)
    numbers[::2] = 1
    with rasterio.open(
        path, "w", driver="GTiff", width=800, height=800, count=1, dtype="uint8", crs=CITY.crs.to_wkt(),
        transform=Affine(0.5, 0, E0 - 200, 0, -0.5, N0 + 200), photometric="PALETTE",
    ) as out:  # fmt: skip
        out.write(numbers, 1)
        out.write_colormap(1, {1: (255, 0, 0, 255), 9: (0, 0, 255, 255), 5: (0, 255, 0, 255)})
    tile = underlay(plan(path, dpi=100), FRAME, CITY).batches[0].tiles[0]
    colour = np.array(Image.open(io.BytesIO(tile.jpeg)).getpixel((100, 60)))
    assert np.abs(colour - (127, 0, 127)).max() <= 4  # halves of red and blue; the mean number, 5, is green


def test_the_same_underlay_gives_the_same_bytes(ortho):
    frame = FRAME._replace(rotation_deg=12.0)
    assert underlay(plan(ortho), frame, CITY) == underlay(plan(ortho), frame, CITY)


# -- what is refused --------------------------------------------------------------------------------------------------------


def test_a_raster_without_a_crs_is_refused_until_the_city_states_one(tmp_path, ink_ground):
    path = write(tmp_path / "lost.tif", ruled(), at_centre(), crs=None)
    with pytest.raises(CRSError, match=r"lost\.tif has no CRS.*source_crs"):
        underlay(plan(path), FRAME, CITY)
    ground, dark = ink_ground(underlay(plan(path, source_crs="EPSG:6420"), FRAME, CITY), FRAME)
    assert abs(off_the_lines(ground, dark)[0]) < PIXEL_FT / 2


def test_a_stated_crs_against_the_files_own_is_refused(ortho):
    with pytest.raises(SheetError, match=r"ortho\.tif says that it is in .*ask the sender which is right"):
        underlay(plan(ortho, source_crs="EPSG:2227"), FRAME, CITY)


def test_a_raster_in_wgs_84_is_refused_as_layers_are(tmp_path):
    path = write(tmp_path / "web.tif", ruled(), Affine(0.3, 0, -13_500_000, 0, -0.3, 4_500_000), crs="EPSG:3857")
    with pytest.raises(CRSError, match=r"web\.tif: .*PROJ would move nothing"):
        underlay(plan(path), FRAME, CITY)


def test_a_raster_without_a_place_is_sent_to_control_points(tmp_path):
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        path = write(tmp_path / "scan.tif", ruled(), Affine.identity())
    with pytest.raises(CRSError, match="control points"):
        underlay(plan(path), FRAME, CITY)


def test_a_raster_cut_off_is_one_error_that_names_it(ortho, tmp_path):
    data = ortho.read_bytes()
    for kept in (100, len(data) // 3):
        path = tmp_path / f"cut_{kept}.tif"
        path.write_bytes(data[:kept])
        with pytest.raises(ReadError, match=rf"cut_{kept}\.tif"):
            underlay(plan(path), FRAME, CITY)


@pytest.mark.parametrize(("name", "data"), [("words.tif", b"no picture"), ("empty.tif", b""), ("layer.shp", b"x")])
def test_what_is_no_raster_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ReadError, match=name):
        underlay(plan(tmp_path / name), FRAME, CITY)
    with pytest.raises(ReadError, match="is not there"):
        underlay(plan(tmp_path / "gone.tif"), FRAME, CITY)


def test_elevations_are_no_picture(tmp_path):
    path = write(tmp_path / "dem.tif", np.zeros((50, 50), np.float32), at_centre())
    with pytest.raises(SheetError, match=r'dem\.tif holds float32 values.*"hillshade"'):
        underlay(plan(path), FRAME, CITY)


def test_a_picture_is_no_grid_of_elevations_and_elevations_need_a_unit(tmp_path):
    colours = write(tmp_path / "colours.tif", np.zeros((3, 50, 50), np.uint8), Affine(8, 0, E0 - 200, 0, -8, N0 + 200))
    with pytest.raises(SheetError, match="no grid of elevations"):
        underlay(plan(colours, kind="hillshade"), FRAME, CITY)
    dem = write(tmp_path / "dem.tif", np.zeros((50, 50), np.float32), Affine(8, 0, E0 - 200, 0, -8, N0 + 200))
    with pytest.raises(SheetError, match=r"dem\.tif does not say whether its elevations are feet or metres"):
        underlay(plan(dem, kind="hillshade"), FRAME, CITY)


@pytest.mark.parametrize(
    "wrong", [{"kind": "scan"}, {"control": "a.csv"}, {"kind": "scan", "control": "a.csv", "source_crs": "EPSG:2227"}, {"dpi": 5}]
)
def test_a_plan_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(ValidationError):
        UnderlayPlan(file="a.tif", **wrong)


# -- shaded relief ----------------------------------------------------------------------------------------------------------


def slope(path, metres_per_cell):
    """A plane that rises to the east, 50 x 50 cells of 10 ft, elevations in metres."""
    z = np.tile(np.arange(50, dtype=np.float32) * metres_per_cell, (50, 1))
    return write(path, z, Affine(10, 0, E0 - 250, 0, -10, N0 + 250))


def test_a_plan_knows_every_way_to_fit_a_scan():
    for model in MODELS:
        for pixel_at in PIXEL_AT:
            assert UnderlayPlan(file="a.tif", kind="scan", control="a.csv", model=model, pixel_at=pixel_at).model == model
    with pytest.raises(ValidationError, match="affine"):
        UnderlayPlan(file="a.tif", kind="scan", control="a.csv", model="order3")


def test_a_slope_in_metres_is_lit_by_its_true_steepness(tmp_path):
    # 10 ft are 3.048006 m: a rise of as much a cell is 45 degrees, so light from the west at 45 degrees falls straight on it.
    path = slope(tmp_path / "slope.tif", 1200 / 3937 * 10)
    dots = rendered(underlay(plan(path, kind="hillshade", azimuth_deg=270, elevation_unit="m"), FRAME, CITY), 100)
    assert dots[150, 200] == 255
    dots = rendered(underlay(plan(path, kind="hillshade", azimuth_deg=90, elevation_unit="m"), FRAME, CITY), 100)
    assert dots[150, 200] == 0
    dots = rendered(underlay(plan(path, kind="hillshade", azimuth_deg=0, elevation_unit="m"), FRAME, CITY), 100)
    assert dots[150, 200] == pytest.approx(255 * 0.5, abs=2)  # cos 45 of the slope times sin 45 of the light


def test_the_light_stands_where_it_is_said_on_a_turned_raster_too(tmp_path):
    # The same plane, rows running north to south in the file turned by 90 degrees: it rises to the north of the ground.
    z = np.tile(np.arange(50, dtype=np.float32) * 10, (50, 1))
    path = write(tmp_path / "turned.tif", z, Affine(0, 10, E0 - 250, 10, 0, N0 - 250))
    asked = plan(path, kind="hillshade", azimuth_deg=180, elevation_unit="ft")
    assert rendered(underlay(asked, FRAME, CITY), 100)[150, 200] == 255


def test_coarse_cells_are_drawn_smoothly_and_to_the_edge(tmp_path):
    path = slope(tmp_path / "slope.tif", 3.0)
    group = underlay(plan(path, kind="hillshade", elevation_unit="m"), FRAME, CITY)
    dots = rendered(group, 200)
    assert dots[120:480, 120:680].std() < 1.5  # a plane is of one grey: no edge of a cell, no seam
    asked = plan(path, kind="hillshade", elevation_unit="m")
    assert underlay_dpi(asked, FRAME, CITY) == pytest.approx(10)
    assert underlay_notes(asked, FRAME, CITY) == ("slope: slope.tif, 10 cells per inch.",)


# -- scans ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """The scan of a paper map with known truth: a column and a row of ink."""
    folder = tmp_path_factory.mktemp("scan")
    picture = np.full((scan_tables.ROWS, scan_tables.COLUMNS), 255, np.uint8)
    picture[:, 1500] = 0
    picture[1000, :] = 0
    Image.fromarray(picture).save(folder / "map.png")
    return folder


def scan_plan(folder, table, **more):
    table.to_csv(folder / "points.csv", index=False)
    return UnderlayPlan(
        file=str(folder / "map.png"), kind="scan", control=str(folder / "points.csv"), pixel_at="corner", title="Old map", **more
    )


SCAN_CITY = CITY.model_copy(update={"crs": pyproj.CRS(scan_tables.CRS)})
ORIGIN, ALONG, DOWN = scan_tables.truth([(0, 0), (1, 0), (0, 1)])


def scan_frame(pixel):
    easting, northing = scan_tables.truth([pixel])[0]
    return FRAME._replace(crs=SCAN_CITY.crs, easting=easting, northing=northing)


@pytest.mark.parametrize("model", ["affine", "order2", "tps"])
def test_a_scan_lies_where_its_control_points_say(scan, ink_ground, model):
    # Paper waves of half a foot make what bends the better fit, which is asked for here; an affine has plain points.
    table = scan_tables.control(distortion_ft=0.0 if model == "affine" else 0.5)
    fit = fit_scan(table, crs=SCAN_CITY.crs, pixel_at="corner", model=model)
    assert fit.model == model
    frame = scan_frame((1500.5, 1000.5))
    ground, dark = ink_ground(underlay(scan_plan(scan, table, model=model), frame, SCAN_CITY), frame)
    pixels = np.linalg.solve(np.column_stack([ALONG - ORIGIN, DOWN - ORIGIN]), (ground - ORIGIN).T).T
    expected = (
        ground_of(fit, [1500.5], [1000.5], pixel_at="corner")[0] if model != "affine" else scan_tables.truth([(1500.5, 1000.5)])[0]
    )
    crossing = np.linalg.solve(np.column_stack([ALONG - ORIGIN, DOWN - ORIGIN]), expected - ORIGIN)
    near = np.abs(pixels - crossing).max(axis=1) < 40
    away = (pixels - crossing)[near]
    upright, level = np.abs(away[:, 1]) > 10, np.abs(away[:, 0]) > 10
    assert upright.sum() > 100 and level.sum() > 100
    assert abs(np.average(away[upright, 0], weights=dark[near][upright])) < 0.5
    assert abs(np.average(away[level, 1], weights=dark[near][level])) < 0.5


def test_the_notes_and_the_table_tell_by_how_far_each_point_is_missed(scan):
    table = scan_tables.paper_map()
    asked = scan_plan(scan, table)
    fit = fit_scan(table, crs=SCAN_CITY.crs, pixel_at="corner")
    notes = underlay_notes(asked, scan_frame((1500, 1000)), SCAN_CITY)
    assert notes[0] == f"Old map is a scan placed by control points. A{fit.quality[1:]}."
    assert "left out" in notes[0] and "12 points, 18 degrees of freedom" in notes[0]
    told = control_table(asked, SCAN_CITY)
    assert told.head[4] == "Left out, ft"
    assert [float(row[4]) for row in told.rows] == pytest.approx(fit.points["left_out_ft"].tolist(), abs=0.005)
    assert [row[0] for row in told.rows] == table["name"].tolist()
    assert control_table(UnderlayPlan(file="ortho.tif"), SCAN_CITY) is None


def test_control_points_that_contradict_each_other_are_refused_by_name(scan):
    table = scan_tables.control()
    table.loc[3, "easting"] += 20.0
    with pytest.raises(CRSError, match=r"points\.csv: .*G4"):
        underlay(scan_plan(scan, table), scan_frame((1500, 1000)), SCAN_CITY)
    with pytest.raises(SheetError, match=r"points\.csv: .*no column 'row'"):
        underlay(scan_plan(scan, table.drop(columns="row")), scan_frame((1500, 1000)), SCAN_CITY)
    (scan / "gone.csv").write_bytes(b"")
    with pytest.raises(ReadError, match=r"gone\.csv"):
        underlay(
            UnderlayPlan(file=str(scan / "map.png"), kind="scan", control=str(scan / "gone.csv")),
            scan_frame((0, 0)),
            SCAN_CITY,
        )
