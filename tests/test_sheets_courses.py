"""Courses of a sheet: records as recorded, the rest computed, each line once."""

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import tract_sheet

from citygis.cogo import arc_vertices
from citygis.errors import SheetError
from citygis.sheets.courses import COLUMNS, length_text, sheet_courses
from citygis.sheets.frame import Frame

CITY = tract_sheet.CITY
E, N = 6_340_000.0, 2_120_000.0


def frame(scale=20, rotation_deg=0.0):
    return Frame(CITY.crs, Fraction(scale), E + 50, N + 50, 100.0, 100.0, 720.0, 720.0, rotation_deg)


def lines(*rows):
    """boundary_line rows; ``at`` are points from the origin."""
    table = pd.DataFrame([{"line_id": f"B{n}", "line_kind": "RECORD", "status": "ACTIVE"} | row for n, row in enumerate(rows)])
    places = [shapely.LineString(np.asarray(points, dtype=float) + (E, N)) for points in table.pop("at")]
    return gpd.GeoDataFrame(table, geometry=places, crs=CITY.crs)


def lots(*polygons, **columns):
    moved = [shapely.transform(polygon, lambda points: points + (E, N)) for polygon in polygons]
    return gpd.GeoDataFrame({"apn": [str(n) for n in range(len(moved))], **columns}, geometry=moved, crs=CITY.crs)


def one(*rows, **more):
    found = sheet_courses({"boundary_line": lines(*rows)}, frame(), CITY, **more)
    assert len(found) == 1
    return found.iloc[0]


def test_a_record_is_printed_as_recorded_whatever_the_map_measures():
    row = {"at": [(0, 0), (60, 80)], "bearing_text": "N 36-52-00 E", "direction_az": 36.87, "distance_ft": 100.05}
    told = one(row)
    assert (told["bearing"], told["length"], told["basis"], told["line_id"]) == ("N 36-52-00 E", "100.05", "R", "B0")


def test_an_edge_without_a_line_is_computed_from_the_three_four_five_triangle():
    found = sheet_courses({"parcel": lots(shapely.Polygon([(0, 0), (60, 80), (60, 0)]))}, frame(), CITY)
    assert list(found.columns) == list(COLUMNS)
    told = dict(zip(found["length"], found["bearing"], strict=True))
    assert told == {"100.00": "N 36°52'12\" E", "60.00": "N 90°00'00\" E", "80.00": "N 0°00'00\" E"}
    assert set(found["basis"]) == {"C"}
    assert found["line_id"].isna().all()


def test_a_line_with_a_record_is_not_computed_again():
    row = {"at": [(60, 0), (60, 80)], "bearing_text": "NORTH", "distance_ft": 80.1}
    found = sheet_courses(
        {"parcel": lots(shapely.Polygon([(0, 0), (60, 80), (60, 0)])), "boundary_line": lines(row)}, frame(), CITY
    )
    assert sorted(zip(found["length"], found["basis"], strict=True)) == [("100.00", "C"), ("60.00", "C"), ("80.10", "R")]


@pytest.mark.parametrize(
    ("length_ft", "stated", "text"),
    [
        (110.0, True, "110.00"),
        (154.554, True, "154.554"),
        (154.55, True, "154.55"),
        (93.200582, True, "93.20"),
        (294.35701, True, "294.36"),
        (294.3570001, True, "294.357"),
        (154.554, False, "154.55"),
        (1760.0, True, "1760.00"),
        (float("inf"), False, "none"),
        (float("nan"), False, ""),
    ],
)
def test_lengths_are_of_the_hundredth_and_records_of_the_thousandth_where_they_say_so(length_ft, stated, text):
    assert length_text(length_ft, stated=stated) == text


def test_a_measured_and_a_calculated_line_say_what_they_are():
    kinds = ("MEASURED", "CALCULATED", "RECORD")
    rows = [{"at": [(0, n), (90, n)], "distance_ft": 90, "direction_az": 90.0, "line_kind": kind} for n, kind in enumerate(kinds)]
    found = sheet_courses({"boundary_line": lines(*rows)}, frame(), CITY)
    assert found.set_index("line_id")["basis"].to_dict() == {"B0": "M", "B1": "C", "B2": "R"}


def test_what_a_record_leaves_open_is_computed_and_says_so():
    told = one({"at": [(0, 0), (60, 80)], "bearing_text": "N 37° E"})
    assert (told["bearing"], told["bearing_basis"], told["length"], told["basis"]) == ("N 37° E", "R", "100.00", "C")
    told = one({"at": [(0, 0), (60, 80)], "distance_ft": 99.98})
    assert (told["bearing"], told["bearing_basis"], told["length"], told["basis"]) == ("N 36°52'12\" E", "C", "99.98", "R")


def test_a_record_azimuth_of_the_grid_is_turned_back_to_the_records_own():
    told = one({"at": [(0, 0), (0, 80)], "direction_az": 0.0, "rotation": -0.4775, "distance_ft": 80.0})
    assert told["bearing"] == "N 0°28'39\" E"
    assert (told["azimuth_deg"], told["rotation_deg"]) == (0.0, -0.4775)


@pytest.mark.parametrize(
    "stated",
    [
        {"arc_length_ft": 31.416},
        {"delta_dms": "90°00'00\""},
        {"distance_ft": 28.284},
        {"arc_length_ft": 31.416, "delta_dms": "90°00'00\"", "distance_ft": 28.284},
    ],
)
def test_a_curve_is_solved_from_its_radius_and_any_element(stated):
    told = one({"at": arc_vertices((80, 0), (60, 20), 90, "L"), "radius_ft": 20.0, "curve_side": "L", **stated})
    assert (told["kind"], told["radius"], told["tangent"], told["basis"]) == ("curve", "20.00", "20.00", "R")
    assert told["delta_deg"] == pytest.approx(90, abs=0.003)
    assert float(told["length"]) == pytest.approx(31.42, abs=0.005)
    assert float(told["chord"]) == pytest.approx(28.28, abs=0.005)


def test_a_curve_that_nobody_states_is_fitted_and_marked_computed():
    told = one({"at": arc_vertices((80, 0), (60, 20), 90, "L")})
    assert (told["kind"], told["radius"], told["delta"], told["length"], told["basis"]) == (
        "curve",
        "20.00",
        "90°00'00\"",
        "31.42",
        "C",
    )


def test_a_half_circle_has_no_tangent():
    told = one({"at": arc_vertices((0, 0), (80, 0), 180, "R"), "radius_ft": 40.0, "delta_dms": "180°00'00\""})
    assert (told["tangent"], told["chord"]) == ("none", "80.00")


def test_a_spiral_keeps_both_its_radii():
    told = one({"at": [(0, 0), (30, 1), (60, 5)], "radius2_ft": 300.0, "arc_length_ft": 60.25, "distance_ft": 60.2})
    assert (told["kind"], told["radius"], told["length"], told["chord"]) == ("spiral", "infinite to 300.00", "60.25", "60.20")


def test_connections_and_the_retired_are_no_courses_and_a_bank_has_no_numbers_to_print():
    at = [(0, 0), (90, 0)]
    found = sheet_courses(
        {
            "boundary_line": lines(
                {"at": at, "line_kind": "CONNECTION"},
                {"at": [(0, 9), (90, 9)], "status": "RETIRED"},
                {"at": [(0, 20), (40, 28), (90, 22)], "line_kind": "NATURAL"},
            )
        },
        frame(),
        CITY,
    )
    assert list(found["kind"]) == ["natural"]


def test_of_two_records_of_a_line_the_senior_comes_first_whichever_way_they_run():
    rows = [
        {"at": [(0, 0), (90, 0)], "distance_ft": 90.10, "rank": 2},
        {"at": [(90, 0.05), (0, 0.05)], "distance_ft": 89.95, "rank": 1},
        {"at": [(0, 0), (90, 0)], "distance_ft": 90.02, "line_kind": "MEASURED"},
        {"at": [(0, 0.5), (90, 0.5)], "distance_ft": 90.0},
    ]
    found = sheet_courses({"boundary_line": lines(*rows)}, frame(), CITY)
    one_line = found[found["senior"] == found.set_index("line_id").index.get_loc("B1")]
    assert list(zip(one_line["line_id"], one_line["order"], strict=True)) == [("B1", 1), ("B0", 2), ("B2", 3)]
    assert found.set_index("line_id").loc["B3", "order"] == 1


def test_ground_lengths_are_grid_lengths_over_the_factor_and_records_stay():
    layers = {"parcel": lots(shapely.box(0, 0, 80, 100)), "boundary_line": lines({"at": [(0, 0), (0, 100)], "distance_ft": 100.0})}
    found = sheet_courses(layers, frame(), CITY, ground_factor=0.9995)
    assert sorted(zip(found["length"], found["basis"], strict=True)) == [
        ("100.00", "R"),
        ("100.05", "C"),
        ("80.04", "C"),
        ("80.04", "C"),
    ]
    assert list(found.loc[found["basis"] == "C", "is_ground"]) == [True] * 3


def test_a_line_that_states_no_length_has_that_of_the_plan():
    row = {"at": [(0, 0), (0, 100)], "bearing_text": "NORTH", "scale": 0.9999, "is_ground": True}
    assert one(row)["length"] == "100.00"
    assert one(row, ground_factor=0.9995)["length"] == "100.05"


def test_only_what_the_frame_shows_is_a_course_and_what_runs_on_is_cut():
    # 720 pt at 20 feet to the inch are 200 ft: from -50 to 150.
    rows = [{"at": [(-500, 0), (500, 0)]}, {"at": [(0, 151), (100, 151)]}, {"at": [(0, 150), (100, 150)]}, {"at": [(0, 9), (9, 9)]}]
    found = sheet_courses({"boundary_line": lines(*rows)}, frame(), CITY).set_index("line_id")
    assert found["is_cut"].to_dict() == {"B0": True, "B2": False, "B3": False}
    assert found.loc["B0", "length"] == "1000.00"
    assert found.loc["B0", "geometry"].length == pytest.approx(720)


def test_a_rotated_frame_shows_what_lies_in_it_and_not_in_the_box_around_it():
    corner = {"at": [(140, 140), (148, 148)]}
    assert len(sheet_courses({"boundary_line": lines(corner)}, frame(), CITY)) == 1
    assert len(sheet_courses({"boundary_line": lines(corner)}, frame(rotation_deg=45.0), CITY)) == 0


def test_the_order_of_rows_changes_nothing():
    layers = tract_sheet.layers()
    shuffled = {name: layer.sample(frac=1, random_state=7) for name, layer in layers.items()}
    at = tract_sheet.frame(60)
    one, other = sheet_courses(layers, at, CITY), sheet_courses(shuffled, at, CITY)
    pd.testing.assert_frame_equal(one, other)


def test_the_tracts_courses_computed_from_its_lots_are_those_of_its_map():
    layers = {"parcel": tract_sheet.layers()["parcel"]}
    found = sheet_courses(layers, tract_sheet.frame(200), CITY)
    lines_, curves = found[found["kind"] == "line"], found[found["kind"] == "curve"]
    told = tract_sheet.plat_table()
    stated = [float(row[1]) for name, row in told.items() if name.startswith("L")]
    # Two mouths of its street bound no lot, and two corners of the neighbours south of it are none of its lots.
    for length in (96.0, 96.0, 56.0, 9.0, 22.0, 184.277):
        stated.remove(length)
    stated = sorted([*stated, 56.0 + 9.0, 22.0 + 184.277])
    computed = sorted(lines_["length"].astype(float))
    assert computed == pytest.approx(stated, abs=0.006)
    by_map = sorted((float(row[0]), float(row[2])) for name, row in told.items() if name.startswith("C"))
    drawn = sorted(zip(curves["radius_ft"].round(2), curves["arc_ft"], strict=True))
    assert drawn == [pytest.approx(pair, abs=0.02) for pair in by_map]


def test_a_lots_computed_courses_close():
    whole = tract_sheet.layers()["parcel"]
    layers = {"parcel": whole[whole["lot"] == "8"]}
    found = sheet_courses(layers, tract_sheet.frame(200), CITY)
    azimuth, chord = np.radians(found["azimuth_deg"].to_numpy(float)), found["distance_ft"].to_numpy(float)
    steps = np.column_stack([np.sin(azimuth), np.cos(azimuth)]) * chord[:, None]
    # Each course may be walked either way; one choice of ways comes back to the start.
    signs = np.array(np.meshgrid(*[[1, -1]] * len(steps))).reshape(len(steps), -1)
    assert len(steps) == len(tract_sheet.TRUTH["lots"]["8"]["corners"])
    assert np.hypot(*(steps.T @ signs)).min() < 0.001


def test_layers_that_cannot_be_measured_are_refused():
    with pytest.raises(SheetError, match="none of the layers boundary_line, parcel is there"):
        sheet_courses({}, frame(), CITY)
    with pytest.raises(SheetError, match="has no CRS"):
        sheet_courses({"parcel": lots(shapely.box(0, 0, 9, 9)).set_crs(None, allow_override=True)}, frame(), CITY)


def test_empty_layers_have_no_courses():
    found = sheet_courses({"boundary_line": lines({"at": [(0, 0), (9, 0)]}).iloc[:0], "parcel": lots()}, frame(), CITY)
    assert list(found.columns) == list(COLUMNS)
    assert not len(found)
