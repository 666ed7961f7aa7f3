"""The tables of lines and curves, and what the notes say of bearings and distances."""

from fractions import Fraction

import pandas as pd
import pytest
import tract_sheet
from pyproj import Proj

from citygis.sheets.course_tables import CURVE_HEAD, LINE_HEAD, course_notes, curve_table, line_table
from citygis.sheets.frame import Frame

CITY = tract_sheet.CITY
FRAME = Frame(CITY.crs, Fraction(100), 6_340_000.0, 2_123_000.0, 0.0, 0.0, 720.0, 720.0)

COURSES = pd.DataFrame(
    {
        "tag": ["L10", "L2", "L2", "C1", "", "C2"],
        "kind": ["line", "line", "line", "curve", "line", "spiral"],
        "bearing": ["N 1° E", "N 2° E", "N 3° E", "N 4° E", "N 5° E", "N 6° E"],
        "length": ["10.00", "20.00", "20.02", "31.42", "50.00", "60.00"],
        "radius": ["", "", "", "20.00", "", "infinite to 300.00"],
        "delta": ["", "", "", "90°00'00\"", "", ""],
        "tangent": ["", "", "", "20.00", "", ""],
        "chord": ["", "", "", "28.28", "", "59.90"],
        "basis": ["R", "M", "R", "C", "R", "R"],
        "bearing_basis": ["R", "R", "R", "C", "R", "R"],
        "order": [1, 2, 1, 1, 1, 1],
        "rotation_deg": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "is_ground": [False] * 6,
        "reason": [""] * 6,
    }
)


def notes(courses=COURSES, *, distances="grid", factor=None, stated="", mark_basis=True):
    return course_notes(courses, FRAME, CITY, distances=distances, factor=factor, stated=stated, mark_basis=mark_basis)


def test_lines_stand_in_the_order_of_their_numbers_and_the_senior_record_first():
    table = line_table(COURSES, mark_basis=True)
    assert table.head == (*LINE_HEAD, "Basis")
    assert table.rows == (
        ("L2", "N 3° E", "20.02", "R"),
        ("L2", "N 2° E", "20.00", "M2"),
        ("L10", "N 1° E", "10.00", "R"),
    )
    assert len(table.align) == len(table.head)


def test_curves_and_spirals_have_all_their_elements():
    table = curve_table(COURSES, mark_basis=False)
    assert table.head == CURVE_HEAD
    assert table.rows == (
        ("C1", "90°00'00\"", "20.00", "31.42", "20.00", "N 4° E", "28.28"),
        ("C2", "", "infinite to 300.00", "60.00", "", "N 6° E", "59.90"),
    )
    assert len(table.align) == len(table.head)


def test_there_is_no_table_without_tags():
    bare = COURSES.assign(tag="")
    assert line_table(bare, mark_basis=True) is None
    assert curve_table(bare, mark_basis=True) is None


def test_the_basis_of_bearings_is_the_citys_grid_unless_the_sheet_says_another():
    assert notes()[0] == (
        "Basis of bearings: grid north of NAD83(2011) / California zone 3 (ftUS) (EPSG:6420), datum NAD83(2011), epoch 2010.00."
    )
    assert notes(stated="The line between monuments 12 and 14.")[0] == "Basis of bearings: The line between monuments 12 and 14."
    assert notes(stated="Basis of bearings: PM 22/41")[0] == "Basis of bearings: PM 22/41"


def test_the_grid_scale_factor_is_that_of_proj_at_the_middle_of_the_map():
    lon, lat = Proj(CITY.crs)(FRAME.easting, FRAME.northing, inverse=True)
    factor = Proj(CITY.crs).get_factors(lon, lat).meridional_scale
    assert f"grid scale factor, {factor:.8f} at the centre" in notes()[1]
    assert factor == pytest.approx(0.99993, abs=1e-5)


def test_grid_and_ground_say_how_to_come_from_one_to_the_other():
    assert "divide by the combined factor 0.99993400 for ground distances" in notes(factor=0.999934)[1]
    assert (
        "on the ground, in US survey feet: grid distances divided by the combined factor 0.99993400"
        in (notes(distances="ground", factor=0.999934)[1])
    )


def test_records_on_the_ground_or_on_another_basis_are_counted_and_told():
    told = notes(COURSES.assign(is_ground=[True, False, True, False, False, False], rotation_deg=[-0.4775] * 3 + [0.0] * 3))[2]
    assert "-0°28'39\" added to those bearings gives the grid's" in told
    assert "2 of 5 distances are stated on the ground" in told
    assert notes()[2] == "Bearings and distances of record are printed as recorded."
    assert not any("of record are" in note for note in notes(COURSES[COURSES["basis"] == "C"]))


def test_only_marks_that_are_on_the_sheet_are_explained():
    assert notes()[3] == "(R) of record, (M) measured, (C) computed from coordinates."
    assert notes(COURSES[COURSES["tag"] == "C1"])[-1] == "(C) computed from coordinates."
    assert len(notes(mark_basis=False)) == 3


def test_a_sheet_without_dimensions_says_nothing_of_them():
    assert notes(COURSES.assign(reason="no room")) == ()
