"""The survey points of the sample day: a receiver's export, a list with field codes, a plain table."""

import csv
import math

import numpy as np
import pandas as pd
import pytest
from gps_truth import CITY, DAY, FOOT_M, ITRF2020_TO_NAD83, POLE_FT, cases, height_ft, in_city_feet, marks, of
from pyproj import Transformer

from citygis.samples.gps_day import EMLID_CSV, PLAIN_CSV, PNEZD_TXT


def emlid() -> list[dict]:
    with (DAY / EMLID_CSV).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_fixed_points_of_the_export_lie_on_their_marks_but_the_wrong_one():
    wrong = {case["row"] for case in cases(EMLID_CSV, "wrong_mark")}
    for number, row in enumerate(emlid(), start=1):
        if row["Solution status"] != "FIX" or row["Name"] not in marks():
            continue
        mark = marks()[row["Name"]]
        place = in_city_feet([float(row["Longitude"])], [float(row["Latitude"])], years=7.5)[0]
        away = np.hypot(place[0] - mark["easting"], place[1] - mark["northing"])
        assert away == pytest.approx(8.0, abs=0.1) if number in wrong else away < 0.05
    assert len(wrong) == 1


def test_the_export_s_feet_and_degrees_are_one_place():
    rows = emlid()
    lon, lat = ([float(row[name]) for row in rows] for name in ("Longitude", "Latitude"))
    stated = np.array([[float(row["Easting"]), float(row["Northing"])] for row in rows])
    assert np.abs(in_city_feet(lon, lat, years=0.0) - stated).max() < 0.005


def test_one_height_of_the_export_is_lower_by_the_pole_a_second_time():
    [case] = cases(EMLID_CSV, "double_antenna")
    rows = emlid()
    low = rows[case["row"] - 1]
    other = next(row for row in rows if row["Name"] == low["Name"] and row is not low)
    for name in ("Ellipsoidal height", "Elevation"):
        assert float(other[name]) - float(low[name]) == pytest.approx(6.562, abs=0.1)
    assert float(low["Antenna height"]) == pytest.approx(POLE_FT, abs=0.001)
    for number, row in enumerate(rows, start=1):
        if row["Name"] in marks() and number != case["row"]:
            found = height_ft(float(row["Ellipsoidal height"]), years=7.5)
            assert found == pytest.approx(marks()[row["Name"]]["ellipsoid_height_ft"], abs=0.08)
        assert (float(row["Ellipsoidal height"]) - float(row["Elevation"])) * FOOT_M == pytest.approx(-31.7, abs=0.001)


def test_the_export_has_the_solutions_that_the_truth_counts():
    solutions = [row["Solution status"] for row in emlid()]
    assert {name: solutions.count(name) for name in set(solutions)} == of(EMLID_CSV)["solutions"]
    assert solutions.count("FLOAT") >= 3
    assert solutions.count("SINGLE") == 1


def pnezd() -> list[list[str]]:
    return [line.split(",", 4) for line in (DAY / PNEZD_TXT).read_text(encoding="ascii").splitlines()]


def test_one_row_of_the_list_is_swapped_and_one_in_metres():
    [swapped], [metric] = cases(PNEZD_TXT, "swapped_axes"), cases(PNEZD_TXT, "in_metres")
    for number, (row, told) in enumerate(zip(pnezd(), of(PNEZD_TXT)["points"], strict=True), start=1):
        first, second = float(row[1]), float(row[2])
        if number == swapped["line"]:
            first, second = second, first
        elif number == metric["line"]:
            first, second = first / FOOT_M, second / FOOT_M
        assert (first, second) == pytest.approx((told["northing"], told["easting"]), abs=0.005)
        assert CITY.extent.northing_min < first < CITY.extent.northing_max


@pytest.mark.parametrize(("figure", "number"), [("RW1", 0), ("RW2", 0), ("RW2", 1)])
def test_the_three_shots_of_a_curve_are_on_the_circle_that_the_truth_says(figure, number):
    curve = of(PNEZD_TXT)["figures"][figure]["curves"][number]
    shots = [(complex(float(row[2]), float(row[1])), row[4].split()[1:]) for row in pnezd() if row[4].startswith(figure)]
    first = [k for k, (_, verbs) in enumerate(shots) if "BC" in verbs][number]
    assert "EC" in shots[first + 2][1]
    begin, middle, end = (place for place, _ in shots[first : first + 3])
    for place in (begin, middle, end):
        assert abs(place - complex(*curve["centre"])) == pytest.approx(curve["radius_ft"], abs=0.001)
    chord = 2 * curve["radius_ft"] * math.sin(math.radians(curve["delta_deg"]) / 2)
    assert abs(end - begin) == pytest.approx(chord, abs=0.002)
    assert curve["hand"] == ("L" if ((middle - begin).conjugate() * (end - middle)).imag > 0 else "R")
    # A tangent: the line that leads to the curve meets the radius at a right angle.
    line, radius = begin - shots[first - 1][0], begin - complex(*curve["centre"])
    assert abs((line.conjugate() * radius).real) / abs(line) / abs(radius) < 2e-4


def test_the_rounder_corner_takes_the_ground_between_two_arcs():
    # A corner of 90 degrees between arcs of 20 and 30 ft: (30**2 - 20**2) (1 - pi / 4) square feet.
    told = of(PNEZD_TXT)["figures"]["RW2"]
    assert [curve["radius_ft"] for curve in told["curves"]] == [30.0, 20.0]
    assert [curve["delta_deg"] for curve in told["curves"]] == pytest.approx([90.0, 90.0], abs=1e-5)
    assert told["area_sqft"] == pytest.approx(500 * (1 - math.pi / 4), abs=0.001)


def test_two_figures_are_closed_and_one_never_ends():
    codes = [row[4] for row in pnezd()]
    assert codes.count("BLD1 B") == codes.count("BLD1 CLS") == 1
    assert codes.count("RW2 B") == codes.count("RW2 EC CLS") == 1
    [unfinished] = cases(PNEZD_TXT, "unfinished_figure")
    assert codes[unfinished["line"] - 1] == "FL1 BC"
    assert not any(code.startswith("FL1") and code.split()[-1] in ("E", "EC", "CLS") for code in codes)
    assert unfinished["line"] == len(codes)


def test_the_plain_table_is_in_itrf2014_of_its_date():
    table = pd.read_csv(DAY / PLAIN_CSV)
    fixed = table[table["fix_type"] == "FIXED"].groupby("name").median(numeric_only=True)
    for name, row in fixed.iterrows():
        taken = in_city_feet([row["longitude"]], [row["latitude"]], years=0)[0]
        # ITRF2014 and ITRF2020 differ by millimetres: the pipeline of the latter serves to 0.02 ft.
        moved = Transformer.from_pipeline(ITRF2020_TO_NAD83).transform(
            row["longitude"], row["latitude"], row["ellipsoid_height_m"], 2026.793
        )
        nad83 = Transformer.from_crs("EPSG:6420", "EPSG:6318", always_xy=True).transform(moved[0], moved[1])
        place = in_city_feet([nad83[0]], [nad83[1]], years=16.793)[0]
        true = np.array([marks()[name]["easting"], marks()[name]["northing"]])
        assert np.hypot(*(place - true)) < 0.05
        assert np.hypot(*(taken - true)) > 5
        found = height_ft(moved[2] / FOOT_M, years=16.793)
        assert found == pytest.approx(marks()[name]["ellipsoid_height_ft"], abs=0.08)
    assert dict(table["fix_type"].value_counts()) == of(PLAIN_CSV)["solutions"]
    for case in cases(PLAIN_CSV, "outlier"):
        assert table["fix_type"].iloc[case["row"] - 1] == "FIXED"
