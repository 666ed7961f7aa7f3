"""Esri traverse files: every way of writing a course, what the format leaves open, and a round trip."""

import math

import pytest

from citygis.cogo import area_sqft, closure, corners, curve_course, line_course, solve_curve, solve_spiral, spiral_course
from citygis.errors import ReadError, StoreError
from citygis.readers.traverse_file import read_traverse_file, write_traverse_file


@pytest.fixture
def write(tmp_path):
    def written(*lines):
        path = tmp_path / "a.txt"
        path.write_text("\n".join(lines))
        return path

    return written


def lot():
    """60 x 120 ft with one corner of 20 ft radius: 7,114.16 sq ft (NCEES practice problem, POB 2021-01-15)."""
    corner = curve_course(solve_curve(radius_ft=20, delta_deg=90), "R", tangent_in_deg=180)
    return [line_course(0, 120), line_course(90, 60), line_course(180, 100), corner, line_course(270, 40)]


def test_the_sample_of_the_arcgis_pro_help_is_read(write):
    sample = ("DT QB", "DU DMS", "SP 454868.9 298986.09", "EP 454868.9 298986.09", "DD N90-0-0E 105", "AD 45-0-0 100")
    read = read_traverse_file(write(*sample, "TC C 45 D 100-0-0 L", "NC C 45 D 100-0-0 C N45-0-0E R"), feet=1, turned="right")
    assert read.start.tolist() == read.end.tolist() == [454868.9, 298986.09]
    assert [course.kind for course in read.courses] == ["line", "line", "curve", "curve"]
    assert [course.azimuth_deg for course in read.courses] == pytest.approx([90, 135, 85, 45])
    assert read.courses[2].radius_ft == pytest.approx(22.5 / math.sin(math.radians(50)))
    assert read.lines == (5, 6, 7, 8)


def test_the_sample_of_the_ian_ko_guide_is_read(write):
    lines = (
        "DT P",
        "DU DD",
        "SP -2277906.7 348745.61",
        "DD 315.0000 100",
        "AD 45 50",
        "NC C 100 D 60 C 45.0000 L",
        "TC C 66 D 23.5 R",
    )
    read = read_traverse_file(write(*lines), feet=1, turned="left")
    assert read.end is None
    # Polar 315° counterclockwise from east is southeast; 45° to its left is east.
    assert [course.azimuth_deg for course in read.courses[:3]] == pytest.approx([135, 90, 45])
    assert [course.hand for course in read.courses[2:]] == ["L", "R"]


@pytest.mark.parametrize(
    ("kind", "unit", "direction", "azimuth"),
    [
        ("QB", "DMS", "S45-30-15E", 134.49583333),
        ("QB", "DD", "S45.5E", 134.5),
        ("QB", "G", "N50W", 315),
        ("QB", "R", f"N{math.pi / 4}E", 45),
        ("NA", "DMS", "200-30-00", 200.5),
        ("NA", "DD", "200.5", 200.5),
        ("NA", "G", "100", 90),
        ("NA", "R", str(math.pi), 180),
        ("SA", "DD", "10", 190),
        ("P", "DD", "0", 90),
        ("P", "DMS", "90-00-00", 0),
    ],
)
def test_directions_are_read_in_every_type_and_unit(write, kind, unit, direction, azimuth):
    read = read_traverse_file(write(f"DT {kind}", f"DU {unit}", "SP 0 0", f"DD {direction} 10"), feet=1)
    assert read.courses[0].azimuth_deg == pytest.approx(azimuth)


@pytest.mark.parametrize(("turned", "azimuth"), [("right", 120), ("left", 60), ("backsight", 300)])
def test_an_angle_turns_the_way_that_is_stated(write, turned, azimuth):
    path = write("DT NA", "DU DD", "SP 0 0", "DD 90 10", "AD 30 10")
    assert read_traverse_file(path, feet=1, turned=turned).courses[1].azimuth_deg == pytest.approx(azimuth)
    with pytest.raises(ReadError, match=r"line 5 .*State turned, one of right, left, backsight"):
        read_traverse_file(path, feet=1)


@pytest.mark.parametrize(("radial_to", "azimuth"), [("center", 45), ("point", 225)])
def test_a_radial_direction_runs_the_way_that_is_stated(write, radial_to, azimuth):
    # Centre to the east: the tangent of a right turn is north; from there 90° of arc have a chord of 45°.
    path = write("DT NA", "DU DD", "SP 0 0", "NC R 10 D 90 R 90 R")
    assert read_traverse_file(path, feet=1, radial_to=radial_to).courses[0].azimuth_deg == pytest.approx(azimuth)
    with pytest.raises(ReadError, match="State radial_to"):
        read_traverse_file(path, feet=1)


def test_a_curve_by_its_first_tangent(write):
    read = read_traverse_file(write("DT NA", "DU DD", "SP 0 0", "NC R 10 A 15.70796327 T 0 R"), feet=1)
    assert read.courses[0].azimuth_deg == pytest.approx(45) and read.courses[0].delta_deg == pytest.approx(90)


def test_lengths_and_places_come_in_feet(write):
    read = read_traverse_file(write("DT NA", "DU DD", "SP 1200 2400", "DD 0 12", "NC R 12 D 90 T 0 R"), feet=3937 / 1200)
    assert read.start.tolist() == pytest.approx([3937, 7874])
    assert (read.courses[0].distance_ft, read.courses[1].radius_ft) == (pytest.approx(39.37), pytest.approx(39.37))


@pytest.mark.parametrize("kind", ["QB", "NA", "SA"])
def test_what_is_written_is_read_back_with_its_area(tmp_path, kind):
    path = tmp_path / "lot.txt"
    write_traverse_file(path, (6_337_000.25, 2_122_000.5), lot(), direction_type=kind, decimals=6)
    read = read_traverse_file(path, feet=1)
    assert area_sqft(read.courses) == pytest.approx(7200 - 400 + 100 * math.pi, rel=1e-6)
    assert corners(read.courses, read.start) == pytest.approx(corners(lot(), (6_337_000.25, 2_122_000.5)), abs=1e-5)
    assert closure(read.courses).misclosure_ft < 1e-4 and read.end == pytest.approx(read.start)


def test_59_seconds_and_more_are_carried_when_written(tmp_path):
    write_traverse_file(tmp_path / "a.txt", (0, 0), [line_course(44.99999999, 10)], decimals=2)
    assert "N45-00-00.00E" in (tmp_path / "a.txt").read_text()


def test_what_the_format_does_not_hold_is_not_written(tmp_path):
    spiral = spiral_course(solve_spiral(250, 1432.69), "R", azimuth_deg=0)
    with pytest.raises(ValueError, match="no spirals"):
        write_traverse_file(tmp_path / "a.txt", (0, 0), [spiral])
    with pytest.raises(ValueError, match="Invalid direction_type 'P'"):
        write_traverse_file(tmp_path / "a.txt", (0, 0), lot(), direction_type="P")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        write_traverse_file(tmp_path / "a.txt", (0, 0), lot())
    assert (tmp_path / "a.txt").read_text() == "mine"


HEAD = ("DT QB", "DU DMS", "SP 0 0")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("DT XX",), "DT must be one of QB, NA, SA, P"),
        (("DU grads",), "DU must be one of"),
        (("SP 1",), "SP must have an easting and a northing"),
        (("SP 1 nan",), "is no number"),
        (("DD N1-0-0E 5",), "before DT and DU"),
        ((*HEAD, "SP 1 1"), "SP stands in the file twice"),
        ((*HEAD, "DD N45-60-00E 5"), "less than 60 minutes"),
        ((*HEAD, "DD N91-00-00E 5"), "within 90°"),
        ((*HEAD, "DD 45-00-00 5"), "must have its letters|Must have its letters"),
        ((*HEAD, "DD N45-00-00E"), "1 parts after its kind and must have 2"),
        ((*HEAD, "DD N45-00-00E -5"), "positive number"),
        ((*HEAD, "DD N45-00-00E inf"), "is no number"),
        ((*HEAD, "AD 45-00-00 5"), "must not be the first course"),
        ((*HEAD, "TC R 5 D 45-00-00 L"), "must not be the first course"),
        ((*HEAD, "NC R 5 R 6 C N1-0-0E L"), "two different elements"),
        ((*HEAD, "NC R 5 X 6 C N1-0-0E L"), "not 'X'"),
        ((*HEAD, "NC R 5 A 6 Q N1-0-0E L"), "not 'Q'"),
        ((*HEAD, "NC R 5 A 6 C N1-0-0E S"), "Must be L or R"),
        ((*HEAD, "NC R 5 C 11 C N1-0-0E L"), "less than a full circle"),
        ((*HEAD, "LINE 5"), "begins with none of"),
        (HEAD, "no courses"),
        (("DT QB", "DU DMS", "DD N1-0-0E 5"), "no start point"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(write, lines, said):
    with pytest.raises(ReadError, match=said):
        read_traverse_file(write(*lines), feet=1, turned="right", radial_to="center")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ReadError, match="is not text"):
        read_traverse_file(tmp_path / "a.txt", feet=1)


def test_wrong_arguments_are_named(write):
    path = write(*HEAD, "DD N1-0-0E 5")
    for options, said in (({"feet": 0}, "Invalid feet"), ({"feet": 1, "turned": "up"}, "Invalid turned")):
        with pytest.raises(ValueError, match=said):
            read_traverse_file(path, **options)
    with pytest.raises(ValueError, match="Invalid radial_to"):
        read_traverse_file(path, feet=1, radial_to="up")
