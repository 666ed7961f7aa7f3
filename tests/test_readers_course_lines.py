"""Courses typed by hand, one to a line."""

import pytest

from citygis.cogo import oriented
from citygis.readers.course_lines import read_course_lines


def test_lines_in_several_spellings_are_the_same_line():
    texts = ["N 45-30-15 E 100.00", "N45°30'15\"E, 100.00 feet", "3) North 45°30'15\" East 100.00'", "N 45 30 15 E 100.00 # rear"]
    (first, *others) = read_course_lines(texts).courses
    assert (first.azimuth_deg, first.distance_ft) == (pytest.approx(45.504166667), 100.0)
    assert all(course[:3] == first[:3] for course in others)


def test_a_curve_without_a_chord_bearing_is_tangent_to_the_line_before():
    read = read_course_lines(["North 50", "R=30.00 D=90-00-00 LT"])
    assert oriented(read.courses).courses[1].azimuth_deg == pytest.approx(315) and not read.contradictions


def test_an_element_too_many_is_a_check():
    # San Leandro right of way: radius 494, delta 10-53-15, arc stated 93.57 and computed 93.871.
    (told,) = read_course_lines(["North 50", "R=494.00 D=10-53-15 L=93.57 RT"]).contradictions
    assert told.course == 2 and told.measure == pytest.approx(0.301, abs=0.001) and told.unit == "ft"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no courses"),
        (["# nothing"], "no courses"),
        (["N 91-00-00 E 5"], "within 90°"),
        (["R=5 D=3-00-00"], "LT or RT"),
        (["to the river"], "citygis deed"),
    ],
)
def test_what_is_no_course_is_named(lines, said):
    with pytest.raises(ValueError, match=said):
        read_course_lines(lines)
