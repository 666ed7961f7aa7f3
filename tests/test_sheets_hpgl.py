"""HP-GL/2: what two other programs read in the file is what the PDF shows."""

import subprocess

import numpy as np
import pypdfium2
import pytest
import shapely
from ezdxf.addons.hpgl2 import api
from ezdxf.addons.hpgl2.backend import RecordType
from PIL import Image

from citygis.errors import SheetError
from citygis.sheets.hpgl import UNITS_PER_INCH, dashes, hpgl_bytes, hpgl_warnings
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Paths, Scene, Texts, Tile, Tiles, polyline, polylines, rectangle, text

MAP = (36, 36, 396, 252)
HOLE = [(120, 120), (120, 170), (170, 170), (170, 120)]
ISLAND = [(135, 135), (155, 135), (155, 155), (135, 155)]


def sheet() -> Scene:
    """A small sheet: fills with a hole and an island in it, lines that leave the map, dashes, letters with and without a band."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    street = [np.array([(60, 90), (250, 90), (250, 200), (60, 200)]), np.array(HOLE), np.array(ISLAND)]
    fills = (
        polylines(street, closed=True, fill="#c0d8c0"),
        polyline(np.column_stack([330 + 60 * np.cos(angles), 140 + 60 * np.sin(angles)]), closed=True, fill="#88ccff"),
        rectangle((380, 200, 600, 400), fill="#ffcc88", stroke="#804000", width_pt=0.5),
        rectangle((200, 100, 230, 130), fill="#ffffff"),
    )
    lines = (
        polyline([(0, 60), (420, 240)], stroke="#ff0000", width_pt=1.5),
        polyline([(72, 220), (380, 220), (380, 50)], stroke="#008800", width_pt=1.0, dash_pt=(12, 4, 2, 4)),
        polylines([street[0], street[1]], closed=True, stroke="#000000", width_pt=0.5),
    )
    words = (
        Texts(("008-123-45", "0.16 AC"), np.array([[66, 180], [66, 168.0]]), np.zeros(2), np.array([9, 7.0])),
        Texts(("Almond Street", "Tract 4012"), np.array([[80, 75], [300, 90.0]]), np.array([4.0, 62]), np.full(2, 14.0), "bold"),
        Texts(("B8 &",), np.array([[320, 130.0]]), np.zeros(1), np.array([20.0]), halo="#ffffff", halo_pt=1.5),
    )
    frame = rectangle(MAP, stroke="#000000", width_pt=1.0)
    return Scene(432, 288, (Group("Map", (*fills, *lines, *words), MAP), Group("Border", (frame, text("Riverbend", 40, 20, 12)))))


SHEET = sheet()


@pytest.fixture(scope="module")
def pdf_ink():
    """Where the PDF is not paper, at 100 dpi."""
    with pypdfium2.PdfDocument(pdf_bytes(SHEET)) as document:
        return document[0].render(scale=100 / 72, grayscale=True).to_numpy() < 245


def hp2xx_pixels(program: str, data: bytes, folder, dpi: int) -> np.ndarray:
    (folder / "sheet.plt").write_bytes(data)
    subprocess.run(
        [program, "-q", "-t", "-d", str(dpi), "-m", "png", "-f", folder / "sheet.png", folder / "sheet.plt"],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        cwd=folder,
    )
    return np.asarray(Image.open(folder / "sheet.png").convert("L"))


def widened(ink: np.ndarray) -> np.ndarray:
    """Ink and the pixels beside it."""
    padded = np.pad(ink, 1)
    high, wide = ink.shape
    return np.logical_or.reduce([padded[r : r + high, c : c + wide] for r in range(3) for c in range(3)])


def best_cover(needed: np.ndarray, there: np.ndarray) -> float:
    """The share of `needed` that `there` covers within a pixel; hp2xx frames its picture by a few pixels of its own."""
    best = 0.0
    wide = widened(np.pad(there, 8))
    for down in range(17):
        for right in range(17):
            part = wide[down : down + needed.shape[0], right : right + needed.shape[1]]
            if part.shape == needed.shape:
                best = max(best, (needed & part).sum() / needed.sum())
    return best


def recorded(data: bytes) -> list[tuple]:
    """Kind, colour and geometry in inches of everything ezdxf finds drawn."""
    found = []
    for kind, properties, drawn in api.record_plotter_output(data, api.MergeControl.NONE).recordings():
        if kind == RecordType.POLYLINE:
            points = np.array([(p.x, p.y) for p in drawn.vertices()]) / UNITS_PER_INCH
            found.append(("line", tuple(properties.resolve_pen_color()), points))
        else:
            rings = [np.array([(p.x, p.y) for p in path.vertices()]) / UNITS_PER_INCH for path in drawn]
            found.append(("fill", tuple(properties.resolve_fill_color()), rings))
    return found


@pytest.mark.parametrize("explode", [False, True])
def test_hp2xx_covers_99_percent_of_the_ink_of_the_pdf(require_program, tmp_path, pdf_ink, explode):
    there = hp2xx_pixels(require_program("hp2xx"), hpgl_bytes(SHEET, explode_dashes=explode), tmp_path, 100) < 245
    assert best_cover(pdf_ink, there) >= 0.99
    # And the other way, so that a page all black does not pass; its lines are up to two pixels wider.
    assert best_cover(there, widened(widened(pdf_ink))) >= 0.99


def test_white_covers_what_lies_below_in_hp2xx(require_program, tmp_path):
    scene = Scene(
        288, 288, (Group("a", (rectangle((36, 36, 252, 252), fill="#000000"), rectangle((101, 101, 187, 187), fill="#ffffff"))),)
    )
    pixels = hp2xx_pixels(require_program("hp2xx"), hpgl_bytes(scene), tmp_path, 50)
    middle = pixels.shape[0] // 2
    assert pixels[middle - 10 : middle + 10, middle - 10 : middle + 10].min() > 250
    assert pixels[middle, 30] < 5


def test_a_thousand_feet_are_four_inches_at_250_feet_per_inch_to_one_plotter_unit():
    # 1,000 ft at 1 in = 250 ft is 4 in or 288 pt, laid at 37 degrees through a box that cuts nothing.
    begin, turn = np.array([50.005, 61.003]), np.radians(37)
    line = polyline([begin, begin + 288 * np.array([np.cos(turn), np.sin(turn)])], stroke="#ff00ff", width_pt=1.0)
    (found,) = recorded(hpgl_bytes(Scene(432, 288, (Group("a", (line,), (0, 0, 432, 288)),))))
    kind, color, points = found
    assert (kind, color) == ("line", (255, 0, 255))
    assert np.hypot(*(points[-1] - points[0])) == pytest.approx(4.0, abs=1 / 1016)
    assert points[0] == pytest.approx(begin / 72, abs=0.5001 / 1016)


def test_ezdxf_finds_every_fill_with_its_area_and_hole():
    fills = [(color, rings) for kind, color, rings in recorded(hpgl_bytes(SHEET)) if kind == "fill"]

    def area(color):
        total = 0.0
        for found, rings in fills:
            if found == color:
                polygons = [shapely.Polygon(ring) for ring in rings]
                total += polygons[0].area - sum(p.area for p in polygons[1:])
        return total * 72**2

    # 190 x 110 pt less 50 x 50, and the island of 20 x 20 in the hole again.
    assert area((0xC0, 0xD8, 0xC0)) == pytest.approx(190 * 110 - 2500 + 400, rel=0.002)
    # Cut by the map's box to 16 x 52 pt.
    assert area((0xFF, 0xCC, 0x88)) == pytest.approx(16 * 52, rel=0.01)
    assert [len(rings) for color, rings in fills if color == (0xC0, 0xD8, 0xC0)] == [2, 1]


def test_nothing_of_a_group_is_written_outside_its_box():
    for explode in (False, True):
        found = recorded(hpgl_bytes(Scene(432, 288, SHEET.groups[:1]), explode_dashes=explode))
        points = np.concatenate([np.concatenate(data) if kind == "fill" else data for kind, _, data in found]) * 72
        left, bottom, right, top = MAP
        assert points[:, 0].min() >= left - 0.1
        assert points[:, 0].max() <= right + 0.15  # an upright edge leans by one plotter unit
        assert points[:, 1].min() >= bottom - 0.1
        assert points[:, 1].max() <= top + 0.1


def test_dashes_are_the_lengths_asked_around_corners():
    # 10 on, 5 off along an L of 20 + 20: 0-10, 15-25 (around the corner), 30-40.
    points, starts = dashes(np.array([(0.0, 0), (20, 0), (20, 20)]), np.array([0]), (10, 5))
    assert [part.tolist() for part in np.split(points, starts[1:])] == [
        [[0, 0], [10, 0]],
        [[15, 0], [20, 0], [20, 5]],
        [[20, 10], [20, 20]],
    ]
    # An odd pattern is said twice: 4 on 4 off.
    points, starts = dashes(np.array([(0.0, 0), (10, 0)]), np.array([0]), (4,))
    assert [part[:, 0].tolist() for part in np.split(points, starts[1:])] == [[0, 4], [8, 10]]


def test_the_file_is_wrapped_for_the_printer_and_states_size_and_opaque_white():
    data = hpgl_bytes(Scene(2592, 1872, SHEET.groups))
    assert data.startswith(b"\x1b%-12345X@PJL ENTER LANGUAGE=HPGL2\n\x1b%1BBP;IN;PS36576,26416;TR0;")
    assert data.endswith(b"PG;\x1b%0A\x1b%-12345X")
    assert b"PW0.5292;" in data  # 1.5 pt = 0.5292 mm


def test_two_runs_give_the_same_bytes():
    assert hpgl_bytes(SHEET) == hpgl_bytes(sheet())


def test_pens_asked_for_are_used_and_the_rest_numbered_around_them():
    line = polyline([(0, 0), (9, 9)], stroke="#FF0000", width_pt=1)
    other = polyline([(0, 0), (9, 9)], stroke="#000000", width_pt=1)
    data = hpgl_bytes(Scene(72, 72, (Group("a", (line, other)),)), pens={"#ff0000": 1})
    assert b"NP4;" in data
    assert b"PC1,255,0,0;PC2,0,0,0;" in data


@pytest.mark.parametrize("pens", [{"#000000": 0}, {"#000000": 256}, {"#000000": 3, "#ff0000": 3}])
def test_wrong_pens_are_refused(pens):
    with pytest.raises(ValueError, match="Invalid pen"):
        hpgl_bytes(SHEET, pens=pens)


def test_more_colours_than_pens_are_refused():
    lines = tuple(polyline([(0, 0), (9, i)], stroke=f"#00{i // 256:02x}{i % 256:02x}", width_pt=1) for i in range(256))
    with pytest.raises(SheetError, match="256 colours"):
        hpgl_bytes(Scene(72, 72, (Group("a", lines),)))
    assert hpgl_bytes(Scene(72, 72, (Group("a", lines[:255]),)))


def test_pictures_and_opacity_are_told():
    tile = Tile(b"", 1, 1, (1, 0, 0, 1, 0, 0))
    shade = Paths(np.array([(0.0, 0), (9, 0), (9, 9)]), np.array([0]), True, "#ff0000", opacity=0.4)
    scene = Scene(72, 72, (Group("Orthophoto", (Tiles((tile, tile)),)), Group("Flood", (shade,)), SHEET.groups[1]))
    photo, flood = hpgl_warnings(scene)
    assert photo.startswith("Orthophoto: a picture (2 tiles) is not in the HP-GL/2 plot.")
    assert flood.startswith("Flood: ")
    # 40 % red on white.
    assert b",255,153,153;" in hpgl_bytes(scene)
    assert hpgl_warnings(SHEET) == ()
