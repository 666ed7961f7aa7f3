"""Names along lines: straight runs, crossings, and letters around a bend."""

import io
import re
import subprocess

import numpy as np
import pikepdf
import pypdfium2
import pytest
import shapely

from citygis.sheets import labels
from citygis.sheets.curved import LEAN_DEG, TURN_DEG, crossing_stations, curved_runs, straight_runs
from citygis.sheets.labelling import label_texts
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene
from citygis.sheets.style import Label, LabelRow

ROW = LabelRow(text="{name}", size_pt=6)
LABEL = Label(rows=(ROW,), placement="along", curved=True)
NONE = np.array([], dtype=object)


def arc(radius, begin_deg, end_deg, centre=(200.0, 200.0), n=80):
    turn = np.radians(np.linspace(begin_deg, end_deg, n))
    return shapely.LineString(np.column_stack([centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)]))


def texts(*names):
    return [np.array(names, dtype=object)]


def along(lines, names, label=LABEL, taken=NONE, **kwargs):
    return labels.along(np.array(lines, dtype=object), label, texts(*names), taken, **kwargs)


def test_a_bend_with_no_straight_run_has_its_name_letter_by_letter():
    put = along([arc(60, 200, 340)], ["ALMOND COURT"])
    assert put.placed.all()
    assert "".join(put.rows["text"]) == "ALMONDCOURT"
    assert put.rows["word"].unique().tolist() == ["ALMOND COURT"]
    # Below the centre the arc is read from left to right.
    assert put.rows["easting_pt"].is_monotonic_increasing


@pytest.mark.parametrize(("begin", "end"), [(200, 340), (340, 200)])
def test_the_direction_of_the_line_does_not_matter(begin, end):
    put = along([arc(60, begin, end)], ["ALMOND COURT"])
    assert put.rows["easting_pt"].is_monotonic_increasing
    assert (np.abs(put.rows["angle_deg"]) < 90).all()


def test_letters_stand_in_the_middle_of_the_line():
    put = along([arc(60, 20, 160)], ["ALMOND COURT"])
    size = put.rows["size_pt"].iloc[0]
    angle = np.radians(put.rows["angle_deg"].to_numpy(dtype=float))
    rise = size * 0.711 / 2  # half the height of Roboto's capitals
    middle = put.rows[["easting_pt", "northing_pt"]].to_numpy(dtype=float) + rise * np.column_stack([-np.sin(angle), np.cos(angle)])
    assert np.hypot(*(middle - 200).T) == pytest.approx(60, abs=0.6)


def test_no_letter_is_turned_far_from_its_neighbour_or_its_word():
    for run in curved_runs(arc(45, 0, 180), "ALMOND COURT", ROW, 1.0, np.array([])):
        angles = run.angles_deg
        assert np.abs(np.diff(angles)).max() <= TURN_DEG * 2  # a space between two words stands for one letter
        assert np.ptp(angles) <= 2 * LEAN_DEG


def test_a_bend_too_tight_for_letters_is_told():
    put = along([arc(5, 0, 350)], ["ALMOND COURT"])
    assert put.reasons.tolist() == ["no straight run long enough"]
    assert len(put.boxes) == 0


def test_a_style_that_does_not_bend_names_does_not():
    put = along([arc(60, 200, 340)], ["ALMOND COURT"], LABEL.model_copy(update={"curved": False}))
    assert not put.placed.any()


def test_a_straight_run_goes_before_a_bend():
    line = shapely.LineString([(0, 200), (140, 200), *arc(60, 270, 360, (140, 260)).coords])
    put = along([line], ["ALMOND COURT"])
    assert put.rows["text"].tolist() == ["ALMOND COURT"]


def test_a_name_stands_between_crossings_not_over_one():
    street = shapely.LineString([(0, 0), (300, 0)])
    avenue = shapely.LineString([(150, -100), (150, 100)])
    put = along([street, avenue], ["ALMOND STREET", "E"])
    box = put.boxes[np.argmax(shapely.area(put.boxes))]
    assert not shapely.intersects(box, avenue)
    assert box.centroid.x in (pytest.approx(75, abs=3), pytest.approx(225, abs=3))


def test_stations_of_crossings_are_measured_along_the_line():
    lines = np.array([shapely.LineString([(0, 0), (300, 0)]), shapely.LineString([(120, -50), (120, 50)])])
    first, second = crossing_stations(lines, np.array(["A", "B"], dtype=object))
    assert (first.tolist(), second.tolist()) == ([120], [50])
    assert [len(some) for some in crossing_stations(lines, np.array(["A", "A"], dtype=object))] == [0, 0]


def test_a_divided_street_has_its_name_once():
    ways = [shapely.LineString([(0, 0), (300, 0)]), shapely.LineString([(0, 12), (300, 12)])]
    put = along(ways, ["ALMOND WAY", "ALMOND WAY"])
    assert len(put.boxes) == 1
    assert put.placed.all()


def test_a_name_keeps_its_distance_from_one_put_by_hand():
    line = [shapely.LineString([(0, 0), (300, 0)])]
    assert len(along(line, ["ALMOND WAY"], standing={"ALMOND WAY": [(140.0, 40.0)]}).boxes) == 0
    assert len(along(line, ["ALMOND WAY"], standing={"BLUEGILL WAY": [(140.0, 40.0)]}).boxes) == 1


def test_a_line_shorter_than_its_name_has_no_place():
    assert len(straight_runs(shapely.LineString([(0, 0), (10, 0)]), 40.0, 4.0, 6.0, np.array([]))) == 0
    assert curved_runs(arc(10, 0, 30), "ALMOND COURT", ROW, 1.0, np.array([])) == []


@pytest.fixture(scope="module")
def page():
    put = along([arc(60, 200, 340), arc(90, 20, 160)], ["ALMOND COURT", "DOS RIOS LOOP"])
    return pdf_bytes(Scene(400, 400, (Group("Names", tuple(label_texts(put, LABEL))),)))


def test_a_bent_name_is_found_as_one_by_chromiums_reader(page):
    with pypdfium2.PdfDocument(page) as document:
        words = document[0].get_textpage().get_text_bounded()
    assert {"ALMOND COURT", "DOS RIOS LOOP"} <= {line.strip() for line in re.split(r"[\r\n]+", words)}


def test_a_bent_name_is_found_as_one_by_poppler(page, tmp_path, require_program):
    (tmp_path / "page.pdf").write_bytes(page)
    done = subprocess.run([require_program("pdftotext"), tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True)
    assert {"ALMOND COURT", "DOS RIOS LOOP"} <= {line.strip() for line in done.stdout.splitlines()}


def test_marked_content_is_closed_as_often_as_it_is_opened(page):
    with pikepdf.open(io.BytesIO(page)) as pdf:
        operators = [str(operator) for _, operator in pikepdf.parse_content_stream(pdf.pages[0])]
    assert operators.count("BDC") == operators.count("EMC") == 3  # the layer and two names
