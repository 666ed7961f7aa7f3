"""Line and curve tables of a plat: every layout, what contradicts itself, and lots told by their entries."""

import math

import pytest

from citygis.cogo import area_sqft, closure
from citygis.errors import ReadError
from citygis.readers.plat_table import entries_frame, lot_courses, lots_frame, lots_of, read_plat_table

# Both from city documents: Arroyo Grande R1487, R 475 delta 13-12-38 L 109.52; the San Leandro description, whose arc of 93.57
# feet on R 494 and delta 10-53-15 should be 93.87.
PASTED = """
LINE TABLE
LINE   BEARING            DISTANCE
L1     N 45°30'15" E      100.00
L2     S44-29-45E         1,050.25'
CURVE TABLE
CURVE  RADIUS   DELTA       LENGTH
C1     475.00'  13°12'38"   109.52'
C2     494.00   10-53-15    93.57
"""


def test_a_pasted_table_gives_its_lines_and_curves():
    table = read_plat_table(PASTED)
    frame = entries_frame(table).set_index("id")
    assert frame.loc["L1", "azimuth_deg"] == pytest.approx(45 + 30 / 60 + 15 / 3600)
    assert frame.loc["L2", ["azimuth_deg", "distance_ft"]].tolist() == pytest.approx([180 - 44 - 29 / 60 - 45 / 3600, 1050.25])
    assert frame.loc["C1", "arc_length_ft"] == pytest.approx(109.52, abs=0.001)
    assert frame.loc["C1", "source_ref"] == "pasted text#line 8"


def test_an_arc_that_contradicts_radius_and_delta_is_flagged_and_a_good_one_is_not():
    findings = read_plat_table(PASTED).findings
    assert findings["feature"].tolist() == ["C2"] and findings["code"].tolist() == ["P02"]
    assert findings["measure"].iloc[0] == pytest.approx(93.871 - 93.57, abs=0.001)


def test_the_one_element_that_is_out_of_step_is_named():
    text = "CURVE RADIUS DELTA LENGTH CHORD\nC1 500.00 12-30-00 190.08 108.87"
    assert "Without its arc_ft, all others agree" in read_plat_table(text).findings["message"].iloc[0]


@pytest.mark.parametrize(
    "text",
    [
        "C1  500.00  12-30-00  109.08  108.87",
        "C1 500.00 12°30'00\" 109.08 108.87",
        "C1\t500.00\t12°30'00\"\t109.08\t108.87",
        "| C1 | 500.00 | 12°30'00\" | 109.08 | 108.87 |",
        "C1,500.00,12-30-00,109.08,108.87",
        "C-1 R=500.00 D=12%%d30'00\" L=109.08 CH=108.87",
        "C1 L=109.08' R=500.00' DELTA=12°30'00\"",
        "Curve,Length,Radius,Delta,Chord\nC1,109.08,500.00,12-30-00,108.87",
        "CURVE LENGTH RADIUS DELTA\nC1 109.08 500.00 12°30'00\"",
        "Curve # | Arc Length | Radius | Delta Angle | Chord Bearing | Chord\nC1|109.08|500.00|12-30-00|N10-00-00E|108.87",
    ],
)
def test_one_curve_in_every_layout(text):
    table = read_plat_table(text)
    curve = table.entries["C1"].curve
    assert not len(table.findings)
    assert (curve.radius_ft, curve.delta_deg) == (500, 12.5) and curve.arc_ft == pytest.approx(109.083, abs=0.001)


def test_a_csv_file_is_read_by_its_headings(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('Line,Direction,Length\nL1,"N 45°30\'15"" E","1,050.25"\n', encoding="utf-8-sig")
    entry = read_plat_table(path).entries["L1"]
    assert (entry.distance_ft, entry.source_ref) == (1050.25, "table.csv#line 2")


def test_a_row_that_cannot_be_read_is_a_finding():
    table = read_plat_table(
        "L1 N45-30-15E 100.00\nL2 N95-00-00E 5.00\nL3 garbage\nL4 N45-60-00E 3.00\nC5 500.00 12-30-00 1 2 3 4 5\nL6x y"
    )
    assert list(table.entries) == ["L1"]
    assert table.findings["feature"].tolist() == ["L2", "L3", "L4", "C5", "L6X"] and set(table.findings["code"]) == {"P01"}


def test_a_number_that_stands_twice_is_a_finding_only_where_it_differs():
    assert not len(read_plat_table("L1 N45-30-15E 100.00\nL1 N 45°30'15\" E 100.00").findings)
    findings = read_plat_table("L1 N45-30-15E 100.00\nL1 N45-30-15E 101.00").findings
    assert findings[["code", "severity"]].values.tolist() == [["P03", "error"]]


def test_a_comma_that_may_be_a_decimal_point_is_not_read():
    assert read_plat_table("L1\tN45-30-15E\t15,00\nL2\tN45-30-15E\t15.00").findings["code"].tolist() == ["P01"]


def test_text_without_a_table_is_refused():
    with pytest.raises(ReadError, match="no row that begins with the number of a line or curve"):
        read_plat_table("THENCE NORTH 45 FEET")


# -- lots ------------------------------------------------------------------------------------------------------------------------

LOT_TABLE = """
L1  N00-00-00E  120.00
L2  N90-00-00E  60.00
L3  N00-00-00E  100.00
L4  N90-00-00E  40.00
C1  20.00  90-00-00  31.42
"""


def test_a_lot_is_its_list_of_entries_travelled_either_way():
    # 60 x 120 with a corner of radius 20: 7,114.16 sq ft (NCEES practice problem, POB 2021-01-15).
    courses = lot_courses(read_plat_table(LOT_TABLE), "L1, L2, -L3, C1 R, -L4")
    assert closure(courses).misclosure_ft < 1e-9
    assert area_sqft(courses) == pytest.approx(7200 - 400 + 100 * math.pi)
    assert courses[2].azimuth_deg == 180


def test_the_other_hand_makes_another_lot():
    courses = lot_courses(read_plat_table(LOT_TABLE), "L1, L2, -L3, C1 L, -L4")
    assert closure(courses).misclosure_ft > 30


def test_a_curve_with_its_chord_bearing_lies_by_it_either_way():
    table = read_plat_table("Curve,Radius,Delta,Length,Chord Bearing\nC1,20.00,90-00-00,31.42,S45-00-00W")
    assert lot_courses(table, "C1 R")[0].azimuth_deg == 225
    back = lot_courses(table, "-C1 L")[0]
    assert (back.azimuth_deg, back.hand) == (45, "L")


def test_a_hand_in_the_table_is_turned_when_the_curve_is_travelled_back():
    table = read_plat_table("Curve,Radius,Delta,Length,Chord Bearing,Hand\nC1,20.00,90-00-00,31.42,S45-00-00W,Right")
    assert [lot_courses(table, lot)[0].hand for lot in ("C1", "-C1", "C1 LT")] == ["R", "L", "L"]


def test_lots_are_listed_one_to_a_line_and_measured():
    lots = lots_of("Lot 1: L1, L2, -L3, C1 R, -L4\n\nTriangle: L1 L2\n")
    frame = lots_frame(read_plat_table(LOT_TABLE), lots).set_index("lot")
    assert frame.loc["Lot 1", "area_sqft"] == pytest.approx(7114.159, abs=0.001) and frame.loc["Lot 1", "misclosure_ft"] < 1e-9
    assert frame.loc["Triangle", "misclosure_ft"] == pytest.approx(math.hypot(120, 60))


@pytest.mark.parametrize(
    ("lot", "said"),
    [
        ("L1, L9", "L9 is not in the table"),
        ("L1, C1", "does not say which way it turns"),
        ("L1 R", "turns to no side"),
        ("L1, then north", "'then north' is none"),
        ("", "at least one course"),
        ("C1 R", "none"),
    ],
)
def test_a_list_that_does_not_say_enough_is_refused(lot, said):
    with pytest.raises(ValueError, match=said):
        lot_courses(read_plat_table(LOT_TABLE), lot)


@pytest.mark.parametrize("text", ["L1 L2", "A: L1\nA: L2", ": L1"])
def test_a_line_without_a_name_of_its_own_is_refused(text):
    with pytest.raises(ValueError, match="Must begin with a name"):
        lots_of(text)


def test_the_length_of_a_curve_stands_as_the_table_says_it():
    table = read_plat_table("Curve #,Radius,Delta,Arc Length,Chord Bearing\nC23,1760.000,2°27'57\",75.746,N 16°46'01\" E\n")
    (course,) = lot_courses(table, "C23 R")
    # 1760 ft times 2°27'57" is 75.745: the angle is rounded to half a second, 0.004 ft of arc.
    assert course.arc_ft == 75.746
    assert course.delta_deg == pytest.approx(2 + 27 / 60 + 57 / 3600)
