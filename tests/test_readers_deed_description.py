"""Descriptions written, and read back to the same courses."""

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo import closure, course_between, format_bearing, line_course, solve_spiral, spiral_course
from citygis.cogo.arc import turn
from citygis.readers.deed import describe, read_deed

SQUARE = tuple(line_course(azimuth, 100.0) for azimuth in (0, 90, 180, 270))


@st.composite
def loops(draw):
    """Clockwise loops of 3 to 12 courses about a centre, some of them arcs; those that bulge out, up to more than half a circle."""
    n = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(80, 900), min_size=n, max_size=n))
    spin = draw(st.floats(0, 360))
    sides = draw(st.lists(st.sampled_from(["line", "line", "L", "R"]), min_size=n, max_size=n))
    ratios = draw(st.lists(st.floats(0.55, 8), min_size=n, max_size=n))
    majors = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    places = [
        (r * math.sin(math.radians(spin + 360 * k / n)), r * math.cos(math.radians(spin + 360 * k / n)))
        for k, r in enumerate(radii)
    ]
    made = []
    for k, side in enumerate(sides):
        a, b = places[k], places[(k + 1) % n]
        if side == "line":
            made.append(course_between(a, b))
        else:
            made.append(
                course_between(
                    a, b, hand=side, radius_ft=math.dist(a, b) * ratios[k], major=majors[k] and ratios[k] < 2 and side == "R"
                )
            )
    return tuple(made)


@settings(max_examples=150, deadline=None)
@given(loops())
def test_write_then_read_is_the_identity_within_rounding(courses):
    found = read_deed(describe(courses))
    parcel = found.parcels[0]
    assert parcel.unresolved == ()
    assert len(parcel.courses) == len(courses)
    for was, now in zip(courses, parcel.courses, strict=True):
        assert (now.kind, now.hand) == (was.kind, was.hand)
        assert abs(turn(was.azimuth_deg, now.azimuth_deg)) * 3600 <= 0.51
        assert now.distance_ft == pytest.approx(was.distance_ft, abs=0.0051)
        if was.kind == "curve":
            assert now.radius_ft == pytest.approx(was.radius_ft, abs=0.0051)
            assert abs(now.delta_deg - was.delta_deg) * 3600 <= 0.51
    assert set(found.findings["code"]) <= {"L08"}  # of a short perimeter, the rounding may show
    assert not (found.findings["severity"] == "error").any()


def test_the_words_are_those_of_a_surveyor():
    text = describe(
        SQUARE, beginning="the southwest corner of Lot 4", calls=["along the west line of said Lot 4", None, None, None]
    )
    assert text == (
        "BEGINNING at the southwest corner of Lot 4; thence along the west line of said Lot 4, North 0°00'00\" East, "
        "100.00 feet; thence North 90°00'00\" East, 100.00 feet; "
        "thence South 0°00'00\" East, 100.00 feet; thence North 90°00'00\" West, 100.00 feet, to the POINT OF "
        "BEGINNING. Containing 10,000 square feet or 0.2296 acres, more or less."
    )


def test_ties_lead_to_a_true_point_of_beginning():
    text = describe(
        SQUARE, ties=[line_course(45, 70.0)], commencement="the northwest corner of Section 14", beginning="the corner of Lot 4"
    )
    found = read_deed(text)
    assert [(parcel.role, len(parcel.courses)) for parcel in found.parcels] == [("tie", 1), ("boundary", 4)]
    assert len(found.findings) == 0


def test_a_polygon_is_described_by_its_corners_clockwise():
    found = read_deed(describe(shapely.box(6337000, 2122000, 6337060, 2122120)))
    assert found.parcels[0].area_sqft == pytest.approx(7200)
    assert format_bearing(found.parcels[0].courses[0].azimuth_deg)[0] in "NS"


def test_more_decimals_carry_more():
    courses = (line_course(12.34567, 100.1234), line_course(192.34567, 100.1234))
    text = describe(courses, distance_decimals=4, second_decimals=2, with_area=False)
    again = read_deed(text).parcels[0].courses
    assert again[0].distance_ft == 100.1234
    assert abs(again[0].azimuth_deg - 12.34567) * 3600 <= 0.0051


def test_what_cannot_be_written_is_refused():
    with pytest.raises(ValueError, match="miss the beginning"):
        describe(SQUARE[:3])
    with pytest.raises(ValueError, match="spiral"):
        describe([spiral_course(solve_spiral(100, 500), "R", azimuth_deg=0)])
    with pytest.raises(ValueError, match="at least one"):
        describe([])
    with pytest.raises(ValueError, match="calls"):
        describe(SQUARE, calls=["along"])
    with pytest.raises(ValueError, match="commencement"):
        describe(SQUARE, ties=[line_course(0, 1.0)])
    with pytest.raises(ValueError, match="without holes"):
        describe(shapely.box(0, 0, 10, 10) - shapely.box(2, 2, 3, 3))
    with pytest.raises(ValueError, match="distance_decimals"):
        describe([line_course(0, 0.004), line_course(180, 0.004)])


def test_what_is_written_closes_as_well_as_the_courses():
    text = describe(SQUARE)
    assert closure(read_deed(text).parcels[0].courses).misclosure_ft < 1e-9
