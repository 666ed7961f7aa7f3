"""Lots from the tables of a plat: the 60 x 120 lot with its corner of 20 ft (7,114.16 sq ft, POB 2021-01-15) and the next."""

import math

import pytest

from citygis.city import default_city
from citygis.errors import CRSError, ReadError
from citygis.tracts.course_lists import read_course_lists
from citygis.tracts.plat import edge_courses, exact_areas_sqft
from citygis.tracts.sources import read_plat
from citygis.units import METRE, US_SURVEY_FOOT

TABLES = """Line,Bearing,Distance
L1,N 00°00'00" E,120.00
L2,N 90°00'00" E,60.00
L3,S 00°00'00" E,100.00
L4,S 90°00'00" W,40.00
L5,N 90°00'00" E,50.00
L6,S 00°00'00" E,120.00
L7,S 90°00'00" W,70.00
Curve,Radius,Delta,Length,Chord Bearing
C1,20.00,90°00'00",31.42,S 45°00'00" W
"""
LISTS = "Lot 1: L1, L2, L3, C1 R, L4\nLot 2: -L3, L5, L6, L7, -C1 L\n"
CORNER_SQFT = 400 - math.pi * 100


def write(tmp_path, text):
    path = tmp_path / "plat.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_two_lots_are_laid_beside_each_other_by_the_course_they_share(tmp_path):
    plat = read_plat(write(tmp_path, TABLES + LISTS), city=default_city(), unit=US_SURVEY_FOOT)
    areas = dict(zip(plat.lots["lot"], exact_areas_sqft(plat, edge_courses(plat.edges, plat.corners)), strict=True))
    # The chord of a 20 ft quarter circle has 28.284 ft; what the table rounds is left in the areas.
    assert areas == {"1": pytest.approx(7200 - CORNER_SQFT, abs=0.3), "2": pytest.approx(6000 + CORNER_SQFT, abs=0.3)}
    assert len(plat.corners) == 7
    assert plat.findings["severity"].ne("error").all()


def test_the_record_of_each_course_is_kept(tmp_path):
    plat = read_plat(write(tmp_path, TABLES + LISTS), city=default_city(), unit=US_SURVEY_FOOT)
    lengths = sorted(plat.edges["record_length_ft"].round(2))
    assert lengths == [31.42, 40.0, 50.0, 60.0, 70.0, 100.0, 120.0, 120.0]


def test_corners_have_names_that_ties_can_use(tmp_path):
    points = read_course_lists(write(tmp_path, TABLES + LISTS)).points.set_index("name")
    assert points.loc["1/2"].tolist() == pytest.approx([0, 120])
    assert points.loc["2/4"].tolist() == pytest.approx([110, 0])


def test_a_list_that_does_not_close_is_an_error_with_its_misclosure(tmp_path):
    found = read_course_lists(
        write(tmp_path, TABLES.replace("L4,S 90°00'00\" W,40.00", "L4,S 90°00'00\" W,41.00") + LISTS)
    ).findings
    row = found[found["code"] == "N03"].iloc[0]
    assert (row["severity"], row["feature"], row["measure"]) == ("error", "Lot 1", pytest.approx(1.0, abs=0.01))


def test_a_lot_that_shares_nothing_is_told_and_not_placed_at_a_guess(tmp_path):
    apart = TABLES + "Line,Bearing,Distance\nL8,N 00°00'00\" E,10\nL9,N 90°00'00\" E,10\nL10,S 45°00'00\" W,14.142\n"
    lists = read_course_lists(write(tmp_path, apart + LISTS + "Lot 3: L8, L9, L10\n"))
    assert lists.findings.loc[lists.findings["code"] == "N01", "feature"].tolist() == ["Lot 3"]
    assert "LOT 3" not in lists.labels["text"].tolist()


def test_without_lists_nothing_is_made(tmp_path):
    with pytest.raises(ReadError, match="no list of the courses of a lot"):
        read_course_lists(write(tmp_path, TABLES))


def test_a_list_that_names_no_course_of_the_table_is_refused(tmp_path):
    with pytest.raises(ReadError, match="L99 is not in the table"):
        read_course_lists(write(tmp_path, TABLES + LISTS + "Lot 3: L99, L1, L2\n"))


@pytest.mark.parametrize("unit", [None, METRE])
def test_the_unit_of_a_table_is_stated_and_in_feet(tmp_path, unit):
    with pytest.raises(CRSError, match=r"feet|unit"):
        read_plat(write(tmp_path, TABLES + LISTS), city=default_city(), unit=unit)


def test_lists_of_the_tract_and_of_its_streets_are_no_lots(tmp_path):
    outline = "Tract 12: L1, L2, L5, L6, L7, L4\nStreets: -L3, L5, L6, L7, -C1 L\n"
    text = TABLES + outline + "Lot 1: L1, L2, L3, C1 R, L4\n"
    plat = read_plat(write(tmp_path, text), city=default_city(), unit=US_SURVEY_FOOT)
    assert dict(zip(plat.lots["lot"], plat.lots["kind"], strict=True)) == {"1": "lot", "STREETS": "road"}
    assert not plat.findings["code"].isin(["N01", "W02"]).any()
