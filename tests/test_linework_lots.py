"""Lots from lines, arcs and labels: whole, exact, numbered, and nothing lost in silence."""

import math

import numpy as np
import pytest
import shapely

from citygis.cogo import area_sqft, closure
from citygis.linework import courses_of, lots
from tests.drawings import arc, linework, straight, texts

SQUARE = straight((0, 0), (100, 0), (100, 100), (0, 100), (0, 0))
TWO = [*SQUARE, *straight((50, 0), (50, 100))]


def of(found, lot):
    return found.polygons.set_index("lot").loc[lot]


def codes(found, severity=None):
    rows = found.findings if severity is None else found.findings[found.findings["severity"] == severity]
    return sorted(set(rows["code"]))


def test_a_line_across_a_square_makes_two_lots_of_half_of_it():
    found = lots(linework(TWO), texts(("LOT 1", 25, 50), ("2", 75, 50)))
    assert of(found, "1").area_sqft == pytest.approx(5000, abs=1e-9)
    assert of(found, "2").area_sqft == pytest.approx(5000, abs=1e-9)
    assert of(found, "1").courses == 4
    assert found.snap_ft == 0.005
    assert codes(found) == ["W09"]


def test_the_area_of_a_rounded_corner_is_that_of_its_arc():
    # 60 x 120 ft with a corner of radius 20: 7,200 - (20 x 20 - pi 20 x 20 / 4) = 7,114.16 sq ft (table 2.4, row 9).
    lines = linework(straight((0, 0), (60, 0), (60, 100)), arc((40, 100), 20, 0, 90), straight((40, 120), (0, 120), (0, 0)))
    found = lots(lines, texts(("1", 30, 60)))
    assert of(found, "1").area_sqft == pytest.approx(7200 - (400 - math.pi * 100), abs=1e-9)
    courses = courses_of(found, int(of(found, "1").face))
    assert area_sqft(courses) == pytest.approx(7114.159, abs=0.001)
    assert closure(courses).misclosure_ft < 1e-9
    curve = next(course for course in courses if course.kind == "curve")
    # Travelled clockwise, the corner turns right.
    assert (curve.hand, round(curve.radius_ft, 9), round(curve.delta_deg, 9)) == ("R", 20, 90)
    # The polygon is only derived: its chords leave out what the arc holds.
    assert of(found, "1").area_sqft - of(found, "1").geometry.area > 0.05


def test_an_arc_that_a_lot_line_meets_is_two_arcs_of_the_same_circle():
    # The upper half of a circle of radius 50 closed by its diameter, and a line from the middle straight up.
    lines = linework(arc((0, 0), 50, 0, 180), straight((-50, 0), (50, 0)), straight((0, 0), (0, 50)))
    found = lots(lines, texts(("1", -20, 20), ("2", 20, 20)))
    for lot in "12":
        assert of(found, lot).area_sqft == pytest.approx(math.pi * 2500 / 4, rel=1e-12)
    curves = found.courses[found.courses["kind"] == "curve"]
    assert curves["radius_ft"].tolist() == pytest.approx([50, 50], rel=1e-12)
    assert curves["delta_deg"].tolist() == pytest.approx([90, 90], rel=1e-12)
    assert set(curves["handles"]) == {"1"}


def test_neighbours_share_every_vertex_of_their_arc():
    lines = linework(SQUARE, arc((50, -50), math.hypot(50, 50), 45, 135), straight((0, 0), (0, 100)))
    found = lots(lines, texts(("1", 50, 10), ("2", 50, 60)))
    one, two = of(found, "1").geometry, of(found, "2").geometry
    shared = set(map(tuple, shapely.get_coordinates(one))) & set(map(tuple, shapely.get_coordinates(two)))
    arc_rows = found.courses[found.courses["kind"] == "curve"]
    assert len(arc_rows) == 1
    assert set(map(tuple, shapely.get_coordinates(arc_rows.geometry.iloc[0]))) == shared
    assert len(shared) > 10
    assert shapely.area(shapely.intersection(one, two)) == 0
    assert shapely.symmetric_difference(shapely.union(one, two), shapely.box(0, 0, 100, 100)).area < 1e-9


def test_lines_drawn_twice_and_in_parts_are_one_course_that_names_them_all():
    lines = linework(TWO, straight((50, 100), (50, 0)), straight((0, 0), (30, 0)), straight((20, 0), (50, 0)))
    found = lots(lines, texts(("1", 25, 50), ("2", 75, 50)))
    assert sorted(found.polygons["area_sqft"]) == pytest.approx([5000, 5000])
    middle = found.courses[(found.courses["start_easting"] == 50) & (found.courses["end_easting"] == 50)]
    assert list(middle["handles"]) == ["5; 6"]
    # The side that parts of it were drawn on again is one course still, and so is what they cut it into.
    south = found.courses[(found.courses["start_northing"] == 0) & (found.courses["end_northing"] == 0)]
    assert sorted(south["distance_ft"]) == pytest.approx([50, 50])
    assert sorted(south["handles"]) == ["1", "1; 7; 8"]
    told = found.findings[found.findings["code"] == "W11"]
    assert told["measure"].tolist() == [2.0]


def test_an_end_that_stops_short_or_runs_over_is_closed_by_the_smallest_snap_that_does():
    lines = linework(SQUARE, straight((50, 0.03), (50, 100.04)))
    found = lots(lines, texts(("1", 25, 50), ("2", 75, 50)))
    assert found.snap_ft == 0.05
    assert found.attempts["dangles"].tolist() == [2, 2, 2, 0]
    # The line that runs through stays where it was drawn: the end was moved onto it.
    assert sorted(found.polygons["area_sqft"]) == pytest.approx([5000, 5000], abs=1e-9)
    assert found.shortest_ft > found.snap_ft


def test_a_snap_is_never_as_wide_as_a_real_course():
    # A bevel of 0.08 ft at a corner: a snap of 0.1 would swallow it.
    corner = straight((0, 0), (100, 0), (100, 99.95), (99.94, 100), (0, 100), (0, 0))
    found = lots(linework(corner), texts(("1", 50, 50)), snaps_ft=[0.1])
    told = found.findings[found.findings["code"] == "W10"]
    assert len(told) == 1 and "shorter than the snap" in told["message"].iloc[0]
    assert lots(linework(corner), texts(("1", 50, 50))).courses["distance_ft"].min() == pytest.approx(math.hypot(0.06, 0.05))


def test_an_open_figure_is_told_with_its_gap_and_its_number():
    lines = linework(straight((0, 0), (100, 0), (100, 100), (0, 100), (0, 0.8)))
    found = lots(lines, texts(("LOT 9", 50, 50)))
    assert not len(found.polygons)
    open_ends = found.findings[found.findings["code"] == "W01"]
    assert open_ends["measure"].tolist() == pytest.approx([0.8, 0.8])
    assert set(open_ends["severity"]) == {"error"}
    lost = found.findings[found.findings["code"] == "W04"]
    assert list(lost["feature"]) == ["9"] and list(lost["severity"]) == ["error"]


def test_a_missing_lot_line_is_two_numbers_in_one_figure_and_no_lot_is_made_of_it():
    found = lots(linework(SQUARE), texts(("1", 25, 50), ("2", 75, 50)))
    assert found.polygons["lot"].isna().all()
    assert list(found.polygons["kind"]) == ["several_labels"]
    assert list(found.polygons["labels"]) == ["1; 2"]
    assert codes(found, "error") == ["W02"]


def test_the_outer_boundary_with_all_numbers_in_it_is_not_a_lot():
    found = lots(linework(SQUARE), texts(*[(str(n), 10.0 * n, 50) for n in range(1, 8)]))
    assert list(found.polygons["kind"]) == ["outer_boundary"]
    assert found.polygons["lot"].isna().all()
    assert codes(found, "error") == ["W06"]


def test_a_boundary_drawn_around_lots_that_touch_it_nowhere_is_a_face_with_a_hole_and_not_their_sum():
    around = straight((-20, -20), (120, -20), (120, 120), (-20, 120), (-20, -20))
    found = lots(linework(TWO, around), texts(("1", 25, 50), ("2", 75, 50)))
    assert found.polygons["lot"].dropna().tolist() == ["1", "2"]
    outside = found.polygons[found.polygons["lot"].isna()].iloc[0]
    assert outside.area_sqft == pytest.approx(140 * 140 - 100 * 100)
    assert outside.geometry.area == pytest.approx(9600)
    assert shapely.area(shapely.intersection(outside.geometry, of(found, "1").geometry)) == 0


def test_a_figure_inside_another_that_touches_it_in_one_corner_is_its_hole():
    inner = straight((0, 0), (40, 20), (20, 40), (0, 0))
    found = lots(linework(SQUARE, inner), texts(("1", 20, 20), ("2", 70, 70)))
    assert of(found, "1").area_sqft == pytest.approx(600)
    assert of(found, "2").area_sqft == pytest.approx(9400)
    assert found.polygons.geometry.is_valid.all()


def test_the_same_number_twice_is_told_and_both_figures_are_kept():
    found = lots(linework(TWO), texts(("5", 25, 50), ("LOT 5", 75, 50)))
    assert found.polygons["lot"].tolist() == ["5", "5"]
    assert "W05" in codes(found)


def test_one_number_written_twice_in_one_figure_is_one_number():
    found = lots(linework(SQUARE), texts(("5", 25, 50), ("LOT 5", 75, 50)))
    assert found.polygons["lot"].tolist() == ["5"]
    assert codes(found) == ["W09"]


def test_a_tie_between_two_figures_is_told_and_bounds_nothing():
    other = straight((200, 0), (300, 0), (300, 100), (200, 0))
    found = lots(linework(SQUARE, other, straight((100, 0), (200, 0))), texts(("1", 50, 50), ("2", 270, 40)))
    assert of(found, "1").area_sqft == pytest.approx(10000)
    assert of(found, "2").area_sqft == pytest.approx(5000)
    assert found.findings.loc[found.findings["code"] == "W07", "measure"].tolist() == [100]


def test_lines_that_cross_without_an_end_are_cut_and_told():
    found = lots(linework(SQUARE, straight((-10, 50), (110, 50)), straight((50, -10), (50, 110))), texts(("1", 25, 25)))
    assert of(found, "1").area_sqft == pytest.approx(2500)
    assert len(found.polygons) == 4
    assert found.findings.loc[found.findings["code"] == "W12", "measure"].tolist() == [5]
    assert (found.findings["code"] == "W01").sum() == 4


def test_a_circle_around_a_number_is_a_symbol_and_no_lot():
    circle = [*arc((50, 50), 8, 0, 180), *arc((50, 50), 8, 180, 360)]
    lines = linework(SQUARE, circle)
    lines.loc[4:, "handle"] = "C1"
    found = lots(lines, texts(("7", 50, 50)))
    assert of(found, "7").area_sqft == pytest.approx(10000)
    assert "W14" in codes(found)


def test_a_circle_much_wider_than_its_number_is_land():
    # A round well site of radius 30 within lot 7; its text is 4 ft high.
    circle = [*arc((50, 50), 30, 0, 180), *arc((50, 50), 30, 180, 360)]
    lines = linework(SQUARE, circle)
    lines.loc[4:, "handle"] = "C1"
    found = lots(lines, texts(("7", 5, 5), ("8", 50, 50)))
    assert of(found, "8").area_sqft == pytest.approx(math.pi * 900)
    assert of(found, "7").area_sqft == pytest.approx(10000 - math.pi * 900)


def test_a_block_of_lots_and_their_numbers_is_land():
    lines, numbers = linework(TWO), texts(("1", 25, 50), ("2", 75, 50))
    lines["block"], lines["handle"], numbers["handle"] = "TRACT", "B1", "B1"
    assert sorted(lots(lines, numbers).polygons["lot"]) == ["1", "2"]


def test_a_block_of_one_lot_and_its_number_is_land_and_a_bubble_is_none():
    bubble = straight((22, 47), (28, 47), (28, 53), (22, 53), (22, 47))
    lines, numbers = linework(SQUARE, bubble), texts(("1", 25, 50))
    lines["block"], lines["handle"], numbers["handle"] = ["LOT"] * 4 + ["TAG"] * 4, ["B1"] * 4 + ["B2"] * 4, "B1"
    assert of(lots(lines[:4], numbers), "1").area_sqft == pytest.approx(10000)
    numbers["handle"] = "B2"
    found = lots(lines, numbers)
    assert of(found, "1").area_sqft == pytest.approx(10000) and len(found.polygons) == 1


def test_a_face_thinner_than_half_a_foot_is_a_sliver_and_no_land():
    lines = linework(SQUARE, straight((50, 0), (50, 100)), straight((50.2, 0), (50.2, 100)))
    found = lots(lines, texts(("1", 25, 50), ("2", 75, 50)))
    assert sorted(found.polygons["kind"]) == ["lot", "lot", "sliver"]
    assert found.findings.loc[found.findings["code"] == "W08", "measure"].tolist() == pytest.approx([20])


def test_chords_of_a_curve_that_is_no_arc_are_told_of_every_lot_they_bound():
    lines = linework(TWO)
    lines["is_approximate"] = [False] * 4 + [True]
    found = lots(lines, texts(("1", 25, 50), ("2", 75, 50)))
    assert sorted(found.findings.loc[found.findings["code"] == "W13", "feature"]) == ["1", "2"]


def test_every_line_bounds_a_face_or_is_told_and_every_label_too():
    lines = linework(TWO, straight((300, 300), (400, 300)), straight((500, 500), (500.001, 500)))
    found = lots(lines, texts(("1", 25, 50), ("2", 75, 50), ("3", 350, 350)))
    named = "; ".join(found.courses["handles"]).split("; ")
    swallowed = found.findings.loc[found.findings["code"] == "W10", "feature"].tolist()
    assert sorted({*named, *swallowed}) == sorted(lines["handle"])
    numbers = {*found.polygons["lot"].dropna(), *found.findings.loc[found.findings["code"] == "W04", "feature"]}
    assert numbers == {"1", "2", "3"}


def test_the_order_in_which_things_were_drawn_does_not_matter():
    lines = linework(SQUARE, straight((50, 0.03), (50, 100.04)), arc((100, 50), 50, 270, 450))
    labels = texts(("1", 25, 50), ("2", 75, 50), ("3", 120, 50))
    one = lots(lines, labels)
    turned = lots(lines.iloc[::-1].reset_index(drop=True), labels)
    assert one.polygons.geometry.to_wkb().tolist() == turned.polygons.geometry.to_wkb().tolist()
    assert one.polygons["area_sqft"].tolist() == turned.polygons["area_sqft"].tolist()
    assert lots(lines, labels).courses.to_json() == one.courses.to_json()


def test_large_coordinates_lose_no_square_inch():
    shift = np.array([6_336_369.0, 2_121_981.0])
    points = np.array([(0, 0), (60.25, 0), (60.25, 120.5), (0, 120.5), (0, 0)]) + shift
    found = lots(linework(straight(*points.tolist())), texts(("1", *(shift + 30))))
    assert of(found, "1").area_sqft == pytest.approx(60.25 * 120.5, abs=1e-6)


def test_wrong_arguments_are_refused():
    lines, labels = linework(SQUARE), texts(("1", 50, 50))
    for snaps in ([], [0.1, 0.05], [0.0, 0.1], [-1]):
        with pytest.raises(ValueError, match="Invalid snaps_ft"):
            lots(lines, labels, snaps_ft=snaps)
    with pytest.raises(ValueError, match="no column 'delta_deg'"):
        lots(lines.drop(columns="delta_deg"), labels)
    with pytest.raises(ValueError, match="not a finite number"):
        lots(lines.assign(start_easting=math.inf), labels)
    with pytest.raises(ValueError, match="Invalid face 7"):
        courses_of(lots(lines, labels), 7)


def test_nothing_drawn_makes_nothing_and_says_so():
    found = lots(linework(SQUARE).iloc[:0], texts(("1", 50, 50)))
    assert not len(found.polygons) and not len(found.courses)
    assert "W04" in codes(found, "error")
