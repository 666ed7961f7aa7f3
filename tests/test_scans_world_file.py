"""World files count from the centre of a pixel, geotransforms from its corner; rasterio and GDAL are the judges."""

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.transform import from_gcps, xy
from scan_tables import CRS, ORIGIN, control, paper_map, truth

from citygis.errors import CRSError, ReadError
from citygis.scans import fit_scan, ground_of, parse_world_file, transform_of, world_file_text

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def fit(table, **more):
    return fit_scan(table, **{"crs": CRS, "pixel_at": "corner", **more})


def at(transform, pixel):
    """The ground of a column and row, by the six numbers."""
    a, b, c, d, e, f = tuple(transform)[:6]
    column, row = pixel
    return a * column + b * row + c, d * column + e * row + f


def seen_by_gdal(folder, text):
    """The geotransform that GDAL takes from a scan with this world file beside it."""
    path = folder / "scan.tif"
    with rasterio.open(path, "w", driver="GTiff", width=3, height=2, count=1, dtype="uint8") as scan:
        scan.write(np.ones((1, 2, 3), dtype="uint8"))
    path.with_suffix(".tfw").write_text(text)
    with rasterio.open(path) as scan:
        return scan.transform


def test_the_transform_is_that_of_rasterio_from_the_same_points():
    table = paper_map()
    points = [GroundControlPoint(row=p.row, col=p.column, x=p.easting, y=p.northing) for p in table.itertuples()]
    ours, theirs = transform_of(fit(table)), from_gcps(points)
    corners = [(0, 0), (3000, 0), (0, 2000), (3000, 2000)]
    assert max(np.hypot(*np.subtract(at(ours, c), at(theirs, c))) for c in corners) < 1e-3


@pytest.mark.parametrize("model", ["affine", "helmert"])
def test_gdal_reads_the_world_file_as_the_transform(tmp_path, model):
    found = fit(paper_map(), model=model)
    seen = seen_by_gdal(tmp_path, world_file_text(found))
    assert tuple(seen) == pytest.approx(tuple(transform_of(found)), rel=1e-12, abs=1e-7)
    # The last two lines are the ground of the centre of the first pixel.
    lines = [float(line) for line in world_file_text(found).splitlines()]
    assert lines[4:] == pytest.approx(xy(seen, 0, 0, offset="center"), abs=1e-6)
    assert lines[4:] == pytest.approx(ground_of(found, 0, 0, pixel_at="centre")[0].tolist(), abs=1e-6)


def test_taking_one_for_the_other_moves_the_map_by_half_a_pixel(tmp_path):
    table = control()
    found = fit(table)
    right = transform_of(found)
    # A world file written with the corner, as a geotransform has it.
    a, b, c, d, e, f = tuple(right)[:6]
    wrong = seen_by_gdal(tmp_path, "".join(f"{value!r}\n" for value in (a, d, b, e, c, f)))
    shift = np.subtract(at(wrong, (100, 100)), at(right, (100, 100)))
    half = truth([(0.5, 0.5)])[0] - truth([(0, 0)])[0]
    assert (-shift).tolist() == pytest.approx(half.tolist(), abs=1e-6)
    assert np.hypot(*shift) == pytest.approx(0.354, abs=0.001)


def test_points_counted_from_centres_give_the_same_file():
    table = control()
    centred = table.assign(column=table["column"] - 0.5, row=table["row"] - 0.5)
    one, other = transform_of(fit(table)), transform_of(fit(centred, pixel_at="centre"))
    assert tuple(one) == pytest.approx(tuple(other), rel=1e-12, abs=1e-6)
    assert at(one, (0, 0)) == pytest.approx(tuple(ORIGIN), abs=1e-6)


def test_a_world_file_and_back_is_the_same_transform():
    found = fit(paper_map())
    back = parse_world_file(world_file_text(found))
    assert tuple(back) == pytest.approx(tuple(transform_of(found)), rel=1e-15, abs=1e-8)


def test_a_world_file_is_six_plain_numbers_of_a_map_by_hand():
    # North up, half a foot a pixel, the corner at 6,336,000, 2,122,000: the centre lies 0.25 ft in and down.
    pixels = np.array([(0, 0), (3000, 0), (0, 2000), (3000, 2000)], dtype=float)
    table = control(pixels).assign(easting=ORIGIN[0] + pixels[:, 0] / 2, northing=ORIGIN[1] - pixels[:, 1] / 2)
    text = world_file_text(fit(table))
    assert "e" not in text and text.count("\n") == 6
    lines = [float(line) for line in text.splitlines()]
    assert lines == pytest.approx([0.5, 0, 0, -0.5, 6_336_000.25, 2_121_999.75], abs=1e-6)
    assert lines[:4] == pytest.approx([0.5, 0, 0, -0.5], abs=1e-11)


def test_a_fit_with_an_error_or_a_bend_makes_no_world_file():
    wrong = paper_map()
    wrong.loc[6, "easting"] += 20
    for make in (world_file_text, transform_of):
        with pytest.raises(CRSError, match=r"cannot be placed.*G7"):
            make(fit(wrong))
        with pytest.raises(ValueError, match="Invalid fit 'tps'"):
            make(fit(paper_map(), model="tps"))


@pytest.mark.parametrize(
    "text", ["", "1\n0\n0\n-1\n5\n", "1\n0\n0\n-1\n5\n6\n7\n", "1\n0\n0\n-1\nnan\n6\n", "1,0,0,-1,5,6", "1\n" * 100_000, "0 " * 900]
)
def test_what_is_no_world_file_is_refused(text):
    with pytest.raises(ReadError, match="no world file"):
        parse_world_file(text)


def test_pixels_without_area_are_refused():
    with pytest.raises(CRSError, match="no area"):
        parse_world_file("1\n1\n1\n1\n5\n6\n")
