"""The course table: written, corrected, read back, and the courses that follow from it."""

import pandas as pd
import pytest

from citygis.errors import ReadError
from citygis.readers.deed import COLUMNS, course_table_text, courses_from_table, read_course_table, read_deed
from citygis.samples.deeds import deeds

LEGIBLE = [deed for deed in deeds() if deed.fault is None]


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("deed", LEGIBLE, ids=lambda deed: deed.name)
def test_a_table_written_and_read_back_is_the_same_to_the_last_digit(deed, form):
    table = read_deed(deed.text).table
    again = read_course_table(course_table_text(table, form=form))
    pd.testing.assert_frame_equal(again, table, check_exact=True)


@pytest.mark.parametrize("deed", LEGIBLE, ids=lambda deed: deed.name)
def test_the_courses_of_the_table_are_those_of_the_parcel(deed):
    found = read_deed(deed.text)
    first = next(parcel for parcel in found.parcels if parcel.role == "boundary")
    assert courses_from_table(found.table, parcel=first.name, role="boundary") == first.courses


def test_a_corrected_cell_is_what_the_course_is_built_from(tmp_path):
    deed = next(deed for deed in deeds() if deed.fault == "transposed")
    found = read_deed(deed.text)
    table = found.table
    table.loc[deed.call, "distance_ft"] = deed.legs[deed.call].distance_ft
    table.loc[deed.call, "bearing"] = "N 1°00'00\" E"
    path = tmp_path / "courses.csv"
    path.write_text(course_table_text(table))
    corrected = courses_from_table(path)[deed.call]
    assert (corrected.azimuth_deg, corrected.distance_ft) == (pytest.approx(1), deed.legs[deed.call].distance_ft)


def test_a_row_that_states_too_little_is_named():
    deed = next(deed for deed in deeds() if deed.fault == "by_reference")
    with pytest.raises(ValueError, match="call 2"):
        courses_from_table(read_deed(deed.text).table)


def test_every_column_is_there_even_where_nothing_was_found():
    assert tuple(read_deed("Lot 4 of Tract No. 118.").table.columns) == COLUMNS


def test_what_is_no_course_table_is_refused():
    with pytest.raises(ReadError, match="no column"):
        read_course_table("call,bearing\n1,N 1 E\n")
    with pytest.raises(ReadError):
        read_course_table("[1, 2")
    with pytest.raises(ReadError):
        read_course_table("[" * 100_000)
    with pytest.raises(ValueError, match="form"):
        course_table_text(read_deed("Lot 4 of Tract No. 118.").table, form="yaml")
