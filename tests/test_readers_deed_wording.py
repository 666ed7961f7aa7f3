"""What a number is, by the words around it: centres of curves, places passed, trees that bear witness, halves of degrees."""

import pytest

from citygis.cogo import azimuths_of, parse_bearing, radial_azimuths
from citygis.readers.deed import course_table_text, courses_from_table, read_deed


def codes(deed, call):
    return deed.findings.loc[deed.findings["feature"] == f"call {call}", "code"].tolist()


def boundary(deed):
    return next(parcel for parcel in deed.parcels if parcel.role == "boundary")


@pytest.mark.parametrize(
    "words",
    [
        "having a radius of 475.00 feet, the radius point of which bears North 72°39'59\" East, through an angle of 13°12'38\",",
        "the center of which bears North 72°39'59\" East 475.00 feet, through a central angle of 13°12'38\",",
        "whose center bears North 72°39'59\" East and having a radius of 475.00 feet, through an angle of 13°12'38\",",
    ],
)
def test_the_bearing_of_a_centre_is_no_course_and_no_chord(words):
    deed = read_deed(f"Beginning at a point; thence on the arc of a curve to the right {words} an arc distance of 109.52 feet")
    row = deed.table.iloc[0]
    assert (row["radial_bearing"], row["radial_to"], row["radius_ft"]) == ("N 72°39'59\" E", "center", 475.0)
    assert row[["bearing", "chord_bearing"]].isna().all()
    curve = boundary(deed).courses[0]
    # the centre lies on the right hand of one who leaves square to the radial line: 72°39'59" - 90°
    assert azimuths_of(curve)[0] == pytest.approx(parse_bearing("N 17°20'01\" W"), abs=1e-9)
    assert radial_azimuths(curve.azimuth_deg, curve.delta_deg, curve.hand)[0] == pytest.approx(
        parse_bearing("N 72°39'59\" E"), abs=1e-9
    ) or radial_azimuths(curve.azimuth_deg, curve.delta_deg, curve.hand)[0] == pytest.approx(
        parse_bearing("S 72°39'59\" W"), abs=1e-9
    )
    assert courses_from_table(course_table_text(deed.table)) == boundary(deed).courses


def test_the_centre_line_of_a_road_is_no_centre_of_a_curve():
    deed = read_deed("Beginning at a point; thence along said curve, the center line of which bears North 10°00' East 50 feet")
    assert deed.table["radial_bearing"].isna().all()


def test_a_distance_after_an_angle_of_minutes_keeps_its_digits():
    deed = read_deed(
        "Beginning at a point; thence South 40°00'00\" East 200.00 feet; thence along a tangent curve to the left having a radius "
        "of 100.00 feet through a central angle of 15°30' 27.05 feet; thence South 55°30' East 10 feet"
    )
    row = deed.table.iloc[1]
    assert (row["delta"], row["arc_ft"]) == ("15°30'00\"", 27.05)


def test_halves_of_degrees_are_read_and_never_leave_a_due_course():
    deed = read_deed(
        "Beginning at a post; thence S 10 1/2° E 20 perches; thence S. 10½ deg. W. 20 perches; thence N 12 3/4 W 8 perches; "
        "thence N 10 ~/2° E 50 perches"
    )
    assert deed.table["bearing"].tolist()[:3] == ["S 10°30'00\" E", "S 10°30'00\" W", "N 12°45'00\" W"]
    assert deed.table["bearing"].isna().tolist()[3]
    assert "L03" in codes(deed, 4)


def test_minutes_and_seconds_joined_by_and_are_of_one_bearing():
    deed = read_deed("Beginning at a post; thence North 45 degrees, 15 minutes and 30 seconds East (N45°15'30\"E) 20.00 feet")
    assert deed.table["bearing"].tolist() == ["N 45°15'30\" E"]
    deed = read_deed(
        "Beginning at a post; thence North 20.00 feet; thence along a tangent curve to the left having a radius of 100 feet "
        "through a central angle of 15 degrees 30 minutes and 20 seconds"
    )
    assert deed.table["delta"].tolist()[1] == "15°30'20\""


def test_every_part_of_a_length_counts():
    deed = read_deed(
        "Beginning at a post; thence North 25 feet 3 1/2 inches; thence East 12 rods 3½ feet; thence South 100 feet and 3/4 inch; "
        "thence West 3 chains, 25 links and 6 inches"
    )
    # 25 + 3.5 / 12; 12 x 16.5 + 3.5; 100 + 0.75 / 12; 3 x 66 + 25 x 0.66 + 0.5
    assert deed.table["distance_ft"].tolist() == pytest.approx([25.291666667, 201.5, 100.0625, 215.0])


def test_places_that_a_course_passes_do_not_end_it():
    deed = read_deed(
        "Beginning at a post; thence North 12°15'20\" East, at 45.00 feet pass an iron rod, and continuing for a total distance of "
        "118.50 feet to a rebar; thence South 77°44'40\" East, passing at 20.00 feet an iron pin, in all 100.00 feet"
    )
    assert deed.table["distance_ft"].tolist() == [118.5, 100.0]


def test_a_tree_that_bears_witness_is_no_course():
    deed = read_deed(
        "Beginning at a stake from which a pecan bears North 25°00'00\" West 18.20 feet; thence South 12°15'20\" West 118.50 feet "
        "to an iron rod from which a cedar bears South 80°10'00\" East 3.4 feet; thence North 77°44'40\" West 100.00 feet; "
        "thence North 12°15'20\" East 118.50 feet; thence South 77°44'40\" East 100.00 feet to the point of beginning"
    )
    assert boundary(deed).closure.misclosure_ft < 0.001
    assert codes(deed, 1) == ["L12"]  # it leads away from the beginning
    assert codes(deed, 2) == ["L12", "L12"]


def test_so_far_south_and_so_far_west_of_a_corner_is_not_silently_halved():
    deed = read_deed(
        "Beginning at a point 1,234.56 feet South and 50.00 feet West of the Northeast corner of Section 3; thence South 10 feet; "
        "thence West 20 feet; thence North 10 feet; thence East 20 feet to the point of beginning"
    )
    assert codes(deed, 1) == ["L12"]


def test_a_curve_set_up_in_full_and_travelled_in_the_next_course_is_one_curve():
    deed = read_deed(
        "Beginning at a post; thence South 40°00'00\" East 200.00 feet to the beginning of a curve to the left, having a radius of "
        "300.00 feet and a central angle of 20°00'00\"; thence along said curve an arc distance of 104.72 feet; thence South "
        "60°00'00\" East 77.00 feet"
    )
    assert deed.table["kind"].tolist() == ["line", "curve", "line"]
    assert deed.table.loc[1, ["radius_ft", "delta", "arc_ft"]].tolist() == [300.0, "20°00'00\"", 104.72]


def test_numbered_azimuths_from_the_south_are_courses():
    deed = read_deed(
        "Beginning at a pipe, thence by azimuths measured clockwise from South: 1. 185° 30' 00\" 250.00 feet along Lot 3; "
        "2. 275° 30' 100.00 feet; 3. 5° 30' 00\" 250.00 feet; 4. 95° 30' 100.00 feet to the point of beginning."
    )
    assert boundary(deed).closure.misclosure_ft < 0.001
    assert deed.table["bearing"].tolist()[:2] == ["N 5°30'00\" E", "S 84°30'00\" E"]
    assert deed.findings.empty


def test_a_thousand_whose_one_was_read_as_a_letter_is_not_left_off():
    deed = read_deed("Beginning at a post; thence South 89°07' East l,250.5 feet; thence North 20.00 feet")
    assert deed.table["distance_ft"].isna().tolist()[0]
    assert "L03" in codes(deed, 1)
