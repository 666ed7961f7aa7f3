"""Descriptions read whole: the traps that a city would suffer silently, and what is refused."""

import math

import pytest

from citygis.errors import ReadError
from citygis.readers.deed import read_deed

SQUARE = (
    "Beginning at the corner; thence North 100.00 feet; thence East 50.00 feet; thence South 100.00 feet; thence West 50.00 "
    "feet to the point of beginning."
)


def boundary(text, **options):
    return next(parcel for parcel in read_deed(text, **options).parcels if parcel.role == "boundary")


def codes(text, **options):
    return set(read_deed(text, **options).findings["code"])


def azimuths(parcel):
    return [course.azimuth_deg for course in parcel.courses]


def test_a_rectangle_closes_and_has_its_area():
    found = boundary(SQUARE)
    assert azimuths(found) == [0, 90, 180, 270]
    assert found.closure.misclosure_ft == pytest.approx(0, abs=1e-9)
    assert found.area_sqft == pytest.approx(5000)
    assert len(read_deed(SQUARE).findings) == 0


# -- the traps of the intake study, section 9 ---------------------------------------------------------------------------------


def curve(arc, delta="10°53'15\""):
    return (
        f"Beginning at a point; thence North 454.41 feet; thence tangent to the preceding course along a curve to the left "
        f"having a radius of 494.00 feet and a central angle of {delta}, an arc distance of {arc} feet"
    )


def test_trap_20_an_arc_that_is_not_radius_times_angle_is_told():
    # 494 x 10°53'15" = 93.871; the record says 93.57
    told = read_deed(curve("93.57")).findings
    assert told.loc[told["code"] == "L05", "measure"].item() == pytest.approx(0.301, abs=0.001)
    assert "L05" not in codes(curve("93.87"))


def test_trap_21_a_ring_read_as_zero():
    found = boundary(
        "Beginning at a point; thence south 280 13' 56\" east 100.00 feet; thence N. 230 OS' DO\" W. 9.53 feet; thence "
        "S. 40 17' 11\" E. 5 feet"
    )
    assert [round(180 - a, 4) for a in azimuths(found)[:1]] == [28.2322]
    assert azimuths(found)[1] == pytest.approx(360 - 23 - 5 / 60)
    assert azimuths(found)[2] == pytest.approx(180 - 4 - 17 / 60 - 11 / 3600)  # as its neighbours show
    alone = read_deed("Beginning at a point; thence S. 40 17' 11\" E. 5 feet")
    assert alone.parcels[0].courses == ()
    assert "L03" in set(alone.findings["code"])


def test_trap_22_a_comma_in_place_of_the_point():
    text = SQUARE.replace("100.00", "100,00")
    found = boundary(text)
    assert [course.distance_ft for course in found.courses] == [100, 50, 100, 50]
    assert "L02" in codes(text)
    assert boundary(SQUARE.replace("100.00", "1,519.75")).courses[0].distance_ft == 1519.75


RADIAL = (
    "Beginning at a point; thence South 57°30'00\" West 19.44 feet to a point in a non-tangent curve concave to the "
    "east having a radius of 475.00 feet; a radial line of "
    "said curve through said point bearing South 72°39'59\" West; thence southerly along the arc of curve through a "
    "central angle of 13°12'38\" an arc distance of 109.52 "
    "feet to a point (a radial line through said point bearing South {end} West); thence N 10° W 5 feet"
)


def test_trap_23_a_radial_bearing_is_not_the_bearing_of_a_course():
    found = boundary(RADIAL.format(end="59°27'21\""))
    assert len(found.courses) == 3
    curved = found.courses[1]
    # Radial S 72-39-59 W: the tangent is S 17-20-01 E, and the chord lies half of 13-12-38 to the left of it.
    assert curved.azimuth_deg == pytest.approx(180 - (17 + 20 / 60 + 1 / 3600) - (13 + 12 / 60 + 38 / 3600) / 2, abs=1e-4)
    assert curved.hand == "L"
    assert "L06" not in codes(RADIAL.format(end="59°27'21\""))
    assert "L06" in codes(RADIAL.format(end="58°27'21\""))


TIED = (
    "Commencing at the section corner; thence South 500.00 feet; thence East 30.00 feet to the TRUE POINT OF BEGINNING; "
    "thence North 100.00 feet; thence East 50.00 feet; "
    "thence South 100.00 feet; thence West 50.00 feet to the TRUE POINT OF BEGINNING."
)


def test_trap_24_a_tie_is_no_part_of_the_boundary():
    found = read_deed(TIED)
    assert [(parcel.role, len(parcel.courses)) for parcel in found.parcels] == [("tie", 2), ("boundary", 4)]
    assert found.parcels[1].area_sqft == pytest.approx(5000)


@pytest.mark.parametrize(
    "tie",
    [
        "Beginning at the corner; thence South 500.00 feet; thence East 30.00 feet to the point of beginning; continue thence",
        (
            "Commencing at the corner; thence South 500.00 feet; thence East 30.00 feet, said point being the true point of "
            "beginning; thence"
        ),
        "COM S 500.00 FT & E 30.00 FT FR THE CORNER SEC. 4;",
        "Beginning at a point marked 1, being S. 3°25' E., 500.9 feet from the monument; thence",
    ],
)
def test_a_tie_is_known_in_its_wordings(tie):
    found = read_deed(
        tie
        + " North 100.00 feet; thence East 50.00 feet; thence South 100.00 feet; thence West 50.00 feet to the point of beginning."
    )
    assert found.parcels[0].role == "tie"
    assert found.parcels[1].area_sqft == pytest.approx(5000)


def test_commencing_may_be_the_beginning_itself():
    found = read_deed(SQUARE.replace("Beginning", "Commencing"))
    assert [parcel.role for parcel in found.parcels] == ["boundary"]
    assert found.parcels[0].area_sqft == pytest.approx(5000)


@pytest.mark.parametrize(
    "words",
    [
        "along Graham Street (60.00 feet wide) North 100.00 feet",
        "North along a line parallel with and 33.00 feet West of the east line of said section, a distance of 100.00 feet",
        "North 100.00 feet to the east line of a 15.00 foot alley",
        "along the south line of the strip of land 4.05 feet wide North 100.00 feet",
        "North 100.00 feet to a point distant 30.00 feet from the centerline of said street",
    ],
)
def test_trap_25_a_width_or_an_offset_is_no_distance(words):
    found = boundary(SQUARE.replace("North 100.00 feet", words))
    assert [course.distance_ft for course in found.courses] == [100, 50, 100, 50]


def test_trap_26_a_stated_area_is_compared_even_when_the_figure_closes():
    # 5,000 sq ft are 0.1148 acres
    assert "L09" not in codes(SQUARE + " Containing 0.115 acres, more or less.")
    told = read_deed(SQUARE + " Containing 0.140 acres, more or less.").findings
    assert told.loc[told["code"] == "L09", "severity"].item() == "error"
    assert "L09" in codes(SQUARE + " AREA 5,500 SQUARE FEET")
    assert "L09" not in codes(SQUARE + " Containing 5,000 square feet or 0.115 acres")


def test_trap_27_what_does_not_close_stays_as_recorded():
    found = boundary(SQUARE.replace("South 100.00", "South 98.00"))
    assert [course.distance_ft for course in found.courses] == [100, 50, 98, 50]
    assert {course.basis for course in found.courses} == {"RECORD"}
    assert found.closure.misclosure_ft == pytest.approx(2)
    assert "L08" in codes(SQUARE.replace("South 100.00", "South 98.00"))


AZIMUTHS = (
    "Beginning at a point{said}; thence on an azimuth of 200°00'00\" a distance of 100.00 feet; thence on an azimuth of "
    "20°00'00\" a distance of 100.00 feet to the point of beginning."
)


def test_trap_28_an_azimuth_counts_from_where_the_document_says():
    assert azimuths(boundary(AZIMUTHS.format(said=", azimuths being measured from South"))) == [20, 200]
    assert azimuths(boundary(AZIMUTHS.format(said=", azimuths being measured clockwise from North"))) == [200, 20]
    assert boundary(AZIMUTHS.format(said="")).courses == ()
    assert "L16" in codes(AZIMUTHS.format(said=""))
    assert azimuths(boundary(AZIMUTHS.format(said=""), azimuth_from="south")) == [20, 200]


def test_trap_29_a_bare_decimal_is_not_taken_for_degrees():
    text = "Beginning at a point; thence N 45.3015 E 100.00 feet; thence S 45.3015 W 100.00 feet to the point of beginning."
    assert boundary(text).courses == ()
    assert "L16" in codes(text)
    assert azimuths(boundary(text, notation="packed"))[0] == pytest.approx(45.5 + 15 / 3600)
    assert azimuths(boundary(text, notation="decimal"))[0] == pytest.approx(45.3015)


def test_trap_30_sixty_seconds_carry():
    found = read_deed(
        "Beginning at a point; thence N 45°59'60\" E 100.00 feet; thence S 46°00'00\" W 100.00 feet to the point of beginning."
    )
    assert azimuths(found.parcels[0]) == pytest.approx([46, 226])
    assert found.table["bearing"].tolist() == ["N 46°00'00\" E", "S 46°00'00\" W"]


def test_trap_31_a_vara_is_asked_for_and_a_chain_has_66_feet():
    text = SQUARE.replace("feet", "varas")
    assert boundary(text).courses == ()
    assert "L16" in codes(text)
    assert boundary(text, vara_in=33).courses[0].distance_ft == pytest.approx(275)
    assert boundary(SQUARE.replace("100.00 feet", "1 chain 50 links")).courses[0].distance_ft == pytest.approx(99)
    assert boundary(SQUARE.replace("100.00 feet", "4 rods")).courses[0].distance_ft == pytest.approx(66)


# -- curves in their wordings --------------------------------------------------------------------------------------------------

QUARTER = 20 * math.pi / 2


@pytest.mark.parametrize(
    "words",
    [
        (
            "thence North 80.00 feet to the beginning of a tangent curve, concave southeasterly, having a radius of 20.00 "
            "feet; thence northeasterly along said curve through a central angle of 90°00'00\" an arc distance of 31.42 "
            "feet"
        ),
        (
            "thence North 80.00 feet to a tangent curve to the right having a radius of 20.00 feet; thence along the arc of "
            "said curve 31.42 feet"
        ),
        (
            "thence North 80.00 feet; thence along a curve to the right with a radius of 20.00 feet, the chord of which "
            "bears North 45°00'00\" East 28.28 feet"
        ),
        (
            "thence North 80.00 feet; thence along a 20.00 foot radius curve to the right, chord bearing N 45°00'00\" E, an "
            "arc length of 31.42 feet"
        ),
        (
            "thence North 80.00 feet; ALONG A CURVE TO R (CHORD BEARS: N 45 DEG 0' 0\" E 28.28 FT, RADIUS = 20 FT) ARC "
            "LENGTH = 31.42 FEET"
        ),
        (
            "thence North 80.00 feet; thence northeasterly a distance of 31.42 feet along a tangential curve concave to the "
            "southeast having a radius of 20.00 feet and a central angle of 90 degrees 00 minutes 00 seconds"
        ),
        (
            "thence North 80.00 feet to the beginning of a non-tangent curve concave southeasterly, having a radius of "
            "20.00 feet, a radial line to said beginning bears West; thence northeasterly along said curve through an angle "
            "of 90°00'00\" 31.42 feet"
        ),
        (
            "thence North 80.00 feet; thence from a tangent that bears North 0°00'00\" East, along a curve to the right, "
            "radius 20.00 feet, thru a central angle of 90°00'00\", an arc of 31.42 feet"
        ),
    ],
)
def test_a_quarter_turn_to_the_right_is_read_in_every_wording(words):
    found = boundary(
        f"Beginning at a point; {words}; thence East 10.00 feet; thence South 100.00 feet; thence West 30.00 feet to "
        f"the point of beginning."
    )
    turned = found.courses[1]
    assert (turned.kind, turned.hand, turned.radius_ft) == ("curve", "R", 20)
    assert turned.azimuth_deg == pytest.approx(45, abs=0.02)
    assert turned.arc_ft == pytest.approx(QUARTER, abs=0.01)
    # 30 x 100 less the corner outside the quarter circle
    assert found.area_sqft == pytest.approx(3000 - (400 - 100 * math.pi), abs=1)


def test_a_reverse_curve_takes_its_hand_from_the_one_before():
    found = boundary(
        "Beginning at a point; thence North 250.00 feet to the beginning of a tangent curve to the left, having a "
        "radius of 100 feet; thence along said curve 78.54 feet through a "
        "central angle of 45°00'00\" to a point of reverse curvature of a curve having a radius of 50.00 feet; thence "
        "along said reverse curve through a central angle of "
        "45°00'00\", an arc length of 39.27 feet; thence North 10.00 feet"
    )
    assert [course.hand for course in found.courses] == [None, "L", "R", None]
    assert found.courses[2].tangency == "reverse"
    assert found.courses[2].azimuth_deg == pytest.approx(360 - 22.5)


def test_a_curve_that_is_called_tangent_and_is_not_is_told():
    text = (
        "Beginning at a point; thence North 80.00 feet; thence along a tangent curve to the right with a radius of 20.00 "
        "feet, the chord of which bears North 50°00'00\" East 28.28 feet"
    )
    assert "L06" in codes(text)


def test_a_direction_word_against_its_bearing_is_told():
    assert "L07" in codes("Beginning at a point; thence southwesterly along the fence N 45°00'00\" E 100.00 feet")
    assert "L07" not in codes("Beginning at a point; thence northeasterly along the fence N 45°00'00\" E 100.00 feet")


def test_a_record_alternative_is_kept_and_not_used():
    found = read_deed(SQUARE.replace("North 100.00 feet", "North 100.00 feet (described as 100.20 feet in last said deed)"))
    assert found.parcels[0].courses[0].distance_ft == 100
    assert "100.20" in found.table["alternatives"].iloc[0]
    assert set(found.findings["code"]) == {"L10"}


def test_an_adjoiner_is_kept_and_never_overrides_the_numbers():
    found = read_deed(
        SQUARE.replace("North 100.00 feet", "North 100.00 feet to the northwest corner of the land of Marigold Quail")
    )
    assert found.parcels[0].courses[0].distance_ft == 100
    assert "northwest corner of the land of Marigold Quail" in found.table["calls"].iloc[0]


def test_a_call_without_numbers_stays_open():
    found = read_deed(SQUARE.replace("East 50.00 feet", "along the north line of Lot 4 to the street"))
    assert found.parcels[0].unresolved == (2,)
    assert found.parcels[0].closure is None
    assert "L04" in set(found.findings["code"])


def test_metres_with_feet_in_parentheses_are_compared():
    text = SQUARE.replace("100.00 feet", "30.480 meters (100.00 feet)")
    assert boundary(text).courses[0].distance_ft == pytest.approx(100, abs=1e-3)
    assert "L19" not in codes(text)
    assert "L19" in codes(text.replace("(100.00", "(102.00", 1))


def test_parcels_and_exceptions_are_figures_of_their_own():
    text = f"Parcel 1: {SQUARE} Parcel 2: {SQUARE} EXCEPTING THEREFROM: {SQUARE.replace('50.00', '5.00')}"
    assert [(parcel.name, parcel.role) for parcel in read_deed(text).parcels] == [
        ("1", "boundary"),
        ("2", "boundary"),
        ("exception", "exception"),
    ]


def test_an_exception_without_courses_is_told():
    assert "L18" in codes(SQUARE + " EXCEPTING therefrom any portion previously granted for street purposes.")


def test_a_strip_has_its_widths_and_how_its_sidelines_end():
    found = read_deed(
        "A strip of land 20.00 feet wide, lying 10.00 feet on each side of the following described centerline: "
        "Beginning at a point on the north line of Lot 3; thence South "
        "200.00 feet to the terminus of said centerline. The sidelines of said strip shall be prolonged or shortened to "
        "terminate in the north line of said Lot 3."
    )
    strip = found.parcels[0]
    assert (strip.role, strip.left_ft, strip.right_ft) == ("strip", 10, 10)
    assert "prolonged or shortened" in strip.sidelines


def test_courses_without_thence_are_courses():
    found = boundary(
        "Beginning at a point, N 0°00'00\" E 100.00 feet, N 90°00'00\" E 50.00 feet, S 0°00'00\" E 100.00 feet, S "
        "90°00'00\" W 50.00 feet to the point of beginning."
    )
    assert found.area_sqft == pytest.approx(5000)


def test_fewer_courses_than_announced_are_told():
    text = (
        "Beginning at a point; thence along said line the following four (4) courses; (1) North 100.00 feet; (2) East 50.00 "
        "feet; (3) South 100.00 feet to the street."
    )
    assert "L13" in codes(text)


def test_a_text_that_ends_early_is_told():
    assert "L15" in codes(SQUARE.rpartition("; thence")[0])


def test_the_line_back_is_said_and_not_supplied():
    found = read_deed(SQUARE.replace("thence West 50.00 feet to the", "thence westerly along the street to the"))
    assert found.parcels[0].unresolved == (4,)
    assert len(found.parcels[0].courses) == 3
    told = found.findings[found.findings["code"] == "L14"]
    assert told["measure"].item() == pytest.approx(50)


def test_a_spiral_is_not_read_as_a_line():
    found = read_deed(SQUARE.replace("East 50.00 feet", "along a spiral curve to the right East 50.00 feet"))
    assert 2 in found.parcels[0].unresolved


def test_references_are_found():
    found = read_deed(
        "Lot 4 in Block 2 of Tract No. 118, as shown on the map recorded in Book 12, Page 34 of Maps; and the NE 1/4 of "
        "the SW 1/4 of Section 12, T1S R6E."
    ).references
    by_kind = found.groupby("kind")["number"].first()
    assert (by_kind["lot"], by_kind["block"], by_kind["tract"]) == ("4", "2", "118")
    assert found.loc[found["kind"] == "book_page", ["book", "page"]].to_numpy().tolist() == [["12", "34"]]
    assert "40 acres nominal" in found.loc[found["kind"] == "aliquot", "record"].tolist()


def test_spans_point_into_the_text_as_given():
    text = "BEGINNING at the cor-\nner; tiience North 100.00 feet; thence East 50.00 feet"
    found = read_deed(text).table
    assert text[found["start"].iloc[0] : found["end"].iloc[0]] == "tiience North 100.00 feet; "
    assert found["repairs"].iloc[0].startswith("tiience -> thence")


def test_the_same_text_gives_the_same_answer():
    one, other = read_deed(TIED), read_deed(TIED)
    assert one.table.equals(other.table)
    assert one.findings["finding_id"].tolist() == other.findings["finding_id"].tolist()


# -- what is refused -----------------------------------------------------------------------------------------------------------


def test_a_scan_that_cannot_be_read_is_refused_and_shown():
    found = read_deed("TII3NC3 Nf 4S0 l2' f33T f0 fH3 C0RN3R; 3ASf fH3NC3 S0UfH 88 fE3t l0fS 0F fHE M4P, C0NfA1N1NG 2 aCr3s")
    assert (found.parcels, len(found.table)) == ((), 0)
    assert found.findings["code"].tolist() == ["L01"]
    assert "C0NfA1N1NG" in found.findings["message"].item()


@pytest.mark.parametrize(
    ("name", "head"),
    [("deed.pdf", b"%PDF-1.7"), ("deed.docx", b"PK\x03\x04"), ("deed.txt", b"%PDF-1.7 x"), ("deed.txt", b"{\\rtf1 x")],
)
def test_what_is_not_plain_text_is_refused_with_what_to_do(tmp_path, name, head):
    path = tmp_path / name
    path.write_bytes(head + b" " * 20)
    with pytest.raises(ReadError, match=r"copy the text"):
        read_deed(path)


def test_a_missing_file_an_empty_text_and_a_huge_one_are_refused(tmp_path):
    with pytest.raises(ReadError, match="not there"):
        read_deed(str(tmp_path / "none.txt"))
    with pytest.raises(ReadError, match="empty"):
        read_deed("   ")
    with pytest.raises(ReadError, match="no description"):
        read_deed("thence " * 200_000)


def test_a_file_reads_as_its_text_does(tmp_path):
    path = tmp_path / "deed.txt"
    path.write_text(SQUARE)
    assert read_deed(path).table.equals(read_deed(SQUARE).table)


@pytest.mark.parametrize(
    "text",
    [
        "1,1," * 20_000,
        "N 1 " * 20_000,
        "((((" * 20_000,
        "thence " * 5_000,
        "°'\"" * 20_000,
        "along a curve " * 5_000,
        "9" * 100_000,
    ],
)
def test_hostile_text_takes_no_time(text):
    read_deed(text)  # the time limit is that of the whole run: each of these is below a second
