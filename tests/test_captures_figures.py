"""Field to finish: shots with codes become points, lines and polygons whose curves are known."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from citygis.captures.field_codes import field_codes
from citygis.captures.figures import figures
from citygis.errors import CRSError

E0, N0 = 6337000.0, 2122000.0
CODES = field_codes()
SETTLED = CODES.model_copy(update={"settled": {"BC": "control"}})
HALF = np.sqrt(0.5) * 100


def shots(*rows, crs="EPSG:6420"):
    """Rows of (easting, northing, description) with names 1, 2, ... ."""
    frame = {
        "name": pd.array([str(k + 1) for k in range(len(rows))], dtype="str"),
        "code": pd.array([r[2] for r in rows], dtype="str"),
    }
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy([E0 + r[0] for r in rows], [N0 + r[1] for r in rows]), crs=crs)


def made(*rows, codes=SETTLED):
    told = figures(shots(*rows), codes)
    assert len(told.shots) == len(rows) and set(told.shots["use"]) <= {"figure", "point", "reported"}
    return told


def corners(courses):
    return [(round(e - E0, 6), round(n - N0, 6)) for e, n in zip(courses["start_easting"], courses["start_northing"], strict=True)]


def test_shots_of_one_name_are_one_line_in_order_and_two_names_are_two():
    told = made((0, 0, "EP1 B"), (0, 5, "EP2 B"), (10, 0, "EP1"), (10, 5, "EP2 E"), (20, 0, "EP1 E"))
    assert told.lines.set_index("name")["length_ft"].to_dict() == {"EP1": 20.0, "EP2": 10.0}
    assert told.lines["code"].unique().tolist() == ["EP"] and told.lines["ended"].all()
    assert not len(told.findings)


def test_begin_may_be_left_out_and_a_second_begin_starts_anew():
    told = made((0, 0, "EP"), (10, 0, "EP"), (50, 0, "EP B"), (60, 0, "EP E"), (90, 0, "EP"), (95, 0, "EP E"))
    assert sorted(told.lines["length_ft"]) == [5, 10, 10]


def test_one_shot_may_belong_to_two_figures():
    told = made((0, 0, "FL1 B EP2 B"), (10, 0, "FL1 E"), (0, 10, "EP2 E"))
    assert told.lines["shots"].tolist() == [2, 2] and (told.shots["use"] == "figure").all()


def test_a_three_point_curve_keeps_its_radius_and_is_drawn_with_exact_ends():
    told = made((0, 0, "EP1 B"), (0, 100, "EP1 BC"), (100 - HALF, 100 + HALF, "EP1"), (100, 200, "EP1"), (200, 200, "EP1 E"))
    curve = told.courses[told.courses["kind"] == "curve"].iloc[0]
    assert curve["radius_ft"] == pytest.approx(100, abs=1e-6) and curve["delta_deg"] == pytest.approx(90, abs=1e-6)
    assert curve["hand"] == "R" and (curve["from_shot"], curve["to_shot"]) == (1, 3)
    assert (curve["centre_easting"], curve["centre_northing"]) == pytest.approx((E0 + 100, N0 + 100), abs=1e-6)
    assert told.lines["length_ft"].iloc[0] == pytest.approx(100 + 50 * np.pi + 100)
    line = np.array(told.lines.geometry.iloc[0].coords)
    for place in ((0, 100), (100, 200)):
        assert (line == np.array([E0, N0]) + place).all(axis=1).any()
    assert told.lines.geometry.iloc[0].length == pytest.approx(told.lines["length_ft"].iloc[0], abs=0.1)
    assert told.courses["course"].tolist() == [1, 2, 3]


def test_a_curve_with_an_end_code_takes_all_its_shots():
    angles = np.radians(np.linspace(180, 90, 6))
    ring = [(100 + 100 * np.cos(a), 100 * np.sin(a)) for a in angles]
    codes = ["EP1 B BC", *["EP1"] * 4, "EP1 EC"]
    told = made(*[(e, n, c) for (e, n), c in zip(ring, codes, strict=True)], (200, 100, "EP1 E"))
    assert told.courses["kind"].tolist() == ["curve", "line"]
    curve = told.courses.iloc[0]
    assert (
        curve["radius_ft"] == pytest.approx(100, abs=1e-6)
        and curve["residual_ft"] < 1e-6
        and curve["delta_deg"] == pytest.approx(90)
    )


def test_shots_that_are_on_no_one_curve_are_a_chain_through_all_of_them():
    places = [(0, 0), (10, 3), (20, 0), (30, -5), (40, 0), (50, 9)]
    codes = ["EP1 B BC", "EP1", "EP1", "EP1", "EP1", "EP1 EC"]
    told = made(*[(e, n, c) for (e, n), c in zip(places, codes, strict=True)], (60, 9, "EP1 E"))
    curves = told.courses[told.courses["kind"] == "curve"]
    assert list(zip(curves["from_shot"], curves["to_shot"], strict=True)) == [(0, 2), (2, 4), (4, 5)]
    line = told.lines.geometry.iloc[0]
    for shot in shots(*[(e, n, "") for e, n in places]).geometry:
        assert line.distance(shot) < 0.011
    ends = np.hypot(curves["end_easting"] - curves["centre_easting"], curves["end_northing"] - curves["centre_northing"])
    assert ends.to_numpy() == pytest.approx(curves["radius_ft"].to_numpy(), abs=1e-6)


def test_a_curve_that_begins_where_another_ends():
    told = made((0, 0, "EP1 B BC"), (1, 1, "EP1"), (2, 0, "EP1 BC"), (3, -1, "EP1"), (4, 0, "EP1 E"))
    assert told.courses["hand"].tolist() == ["R", "L"] and told.courses["radius_ft"].tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    "codes",
    [("EP1 B", "EP1 BC", "EP1 E"), ("EP1 B BC", "EP1 EC", "EP1 E"), ("EP1 B", "EP1 EC", "EP1 E"), ("EP1 B BC", "EP1", "EP1 E")],
)
def test_a_curve_of_too_few_shots_or_on_a_line_is_drawn_straight_and_told(codes):
    told = made(*[(10.0 * k, 0, code) for k, code in enumerate(codes)])
    assert "F05" in told.findings["code"].tolist() and told.lines["length_ft"].tolist() == [20.0]
    assert told.courses["kind"].unique().tolist() == ["line"]


def test_a_closed_polygon_has_its_exact_area_and_a_closed_line_stays_a_line():
    square = [(0, 0), (10, 0), (10, 10), (0, 10)]
    told = made(*[(e, n, "BLD1 CLS" if k == 3 else "BLD1") for k, (e, n) in enumerate(square)])
    assert told.polygons["area_sqft"].tolist() == [100.0] and told.polygons["layer"].tolist() == ["building_footprint"]
    told = made(*[(e, n, "FN1 CLS" if k == 3 else "FN1") for k, (e, n) in enumerate(square)])
    assert told.lines["closed"].tolist() == [True] and told.lines["length_ft"].tolist() == [40.0] and not len(told.polygons)


def test_a_polygon_left_open_and_one_that_crosses_itself_stay_lines_and_are_told():
    told = made((0, 0, "BLD1 B"), (10, 0, "BLD1"), (10, 10, "BLD1 E"))
    assert told.findings["code"].tolist() == ["F03"] and "14.14 ft" in told.findings["message"].iloc[0] and len(told.lines) == 1
    told = made((0, 0, "BLD1 B"), (10, 10, "BLD1"), (10, 0, "BLD1"), (0, 10, "BLD1 CLS"))
    assert told.findings["code"].tolist() == ["F06"] and len(told.lines) == 1 and not len(told.polygons)


def test_a_rectangle_by_its_width_lies_to_the_right():
    told = made((0, 0, "BLD1 B"), (0, 30, "BLD1 RECT20"))
    # Northward, so the right is east.
    assert corners(told.courses) == [(0, 0), (0, 30), (20, 30), (20, 0)] and told.polygons["area_sqft"].tolist() == [600.0]
    left = made((0, 0, "BLD1 B"), (0, 30, "BLD1 RECT-20"))
    assert corners(left.courses)[2] == (-20, 30) and left.polygons["method"].tolist() == ["rectangle"]


def test_a_rectangle_without_a_width_is_closed_by_right_angles():
    told = made((0, 0, "BLD1 B"), (0, 30, "BLD1"), (20, 30, "BLD1 RECT"))
    assert corners(told.courses) == [(0, 0), (0, 30), (20, 30), (20, 0)]
    l_shape = made((0, 0, "BLD1 B"), (0, 30, "BLD1"), (20, 30, "BLD1"), (20, 10, "BLD1"), (50, 10, "BLD1 RECT"))
    assert corners(l_shape.courses)[-1] == (50, 0)


def test_right_turns_and_straight_on():
    told = made((0, 0, "BLD1 B"), (0, 10, "BLD1 RT X5 20 -5 10 CLS"))
    # North 10 and 5 more, right 20 (east), left 5 (north), right 10 (east), and back.
    assert corners(told.courses) == [(0, 0), (0, 10), (0, 15), (20, 15), (20, 20), (30, 20)]
    back = made((0, 0, "EP1 B"), (0, 10, "EP1 X-2 E"))
    assert back.lines["length_ft"].tolist() == [8.0]


@pytest.mark.parametrize(
    "rows, area",
    [
        ([(5, 5, "BLD1 CIR10")], np.pi * 100),
        ([(0, 0, "BLD1 CIR"), (20, 0, "BLD1 E")], np.pi * 100),
        ([(10, 0, "BLD1 CIR"), (0, 10, "BLD1"), (-10, 0, "BLD1")], np.pi * 100),
    ],
)
def test_circles_about_a_shot_on_a_diameter_and_through_three_shots(rows, area):
    told = made(*rows)
    assert told.polygons["area_sqft"].tolist() == pytest.approx([area]) and told.courses["delta_deg"].tolist() == pytest.approx(
        [360]
    )
    assert not len(told.findings) and (told.shots["use"] == "figure").all()


def test_lines_beside_a_figure_with_their_heights():
    told = made((0, 0, "TC1 B H1.5 V-0.5 H-4"), (0, 10, "TC1"), (0, 20, "TC1 E"))
    beside = told.lines[told.lines["method"] == "offset"].set_index("offset_ft")
    assert beside["vertical_offset_ft"].to_dict() == {1.5: -0.5, -4.0: 0.0}
    # Northward: right is east.
    assert np.array(beside.geometry[1.5].coords)[:, 0] == pytest.approx(E0 + 1.5)
    assert np.array(beside.geometry[-4.0].coords)[:, 0] == pytest.approx(E0 - 4)
    assert beside["name"].tolist() == ["TC1.H1.5", "TC1.H-4"]


def test_a_line_beside_a_curve_keeps_its_radius_as_a_course():
    told = made((0, 0, "TC1 B H4"), (0, 100, "TC1 BC"), (100 - HALF, 100 + HALF, "TC1"), (100, 200, "TC1"), (200, 200, "TC1 E"))
    radii = told.courses.dropna(subset="radius_ft")["radius_ft"].tolist()
    assert radii == pytest.approx([100, 96])


def test_offsets_stop_where_they_are_told_to():
    told = made((0, 0, "TC1 B H1"), (0, 10, "TC1 SO"), (0, 30, "TC1 E"))
    assert told.lines.loc[told.lines["method"] == "offset", "length_ft"].tolist() == [10.0]


def test_points_are_connected_and_recalled_by_name():
    told = made((0, 0, "GS"), (0, 10, "EP1 B CPN1"), (10, 10, "EP1 RPN1"), (20, 20, "EP1 E"))
    lengths = told.lines.set_index("name")["length_ft"]
    assert lengths["EP1.CPN1"] == 10.0 and lengths["EP1"] == pytest.approx(10 + np.hypot(10, 10) + np.hypot(20, 20))
    told = made((0, 10, "EP1 B CPN99"), (10, 10, "EP1 E"))
    assert told.findings["code"].tolist() == ["F02"] and "no point of the name 99" in told.findings["message"].iloc[0]


def test_points_carry_their_layer_their_attributes_and_their_words():
    told = made((0, 0, "FIP LS1234"), (5, 5, "TREE 12 VALLEY OAK"), (9, 9, "FH"))
    points = told.points.set_index("code")
    assert points.loc["FIP", ["layer", "kind", "monument", "tag"]].tolist() == ["corner", "FOUND", "iron pipe", "LS1234"]
    assert points.loc["TREE", ["diameter_in", "species"]].tolist() == ["12", "VALLEY OAK"] and pd.isna(points.loc["TREE", "layer"])
    assert points.loc["FH", "layer"] == "hydrant" and told.points["name"].tolist() == ["1", "2", "3"]


def test_unknown_codes_are_told_once_and_their_points_kept():
    told = made((0, 0, "XYZ"), (1, 0, "XYZ"), (2, 0, "EP1 B"), (3, 0, "EP1 E"))
    assert told.findings["code"].tolist() == ["F01"] and told.findings["measure"].tolist() == [2]
    assert told.points["note"].tolist() == ["XYZ", "XYZ"] and told.points["layer"].isna().all()


def test_an_unknown_figure_that_begins_is_drawn_without_a_layer():
    told = made((0, 0, "WALL1 B"), (10, 0, "WALL1"), (20, 0, "WALL1 E"))
    assert (
        told.lines["length_ft"].tolist() == [20.0] and told.lines["code"].isna().all() and told.findings["code"].tolist() == ["F01"]
    )


def test_a_figure_of_one_shot_is_told_and_a_missing_end_is_mentioned():
    told = made((0, 0, "EP1 B"), (5, 5, "FL1 B"), (9, 9, "FL1"))
    assert told.findings.set_index("code")["severity"].groupby(level=0).agg(list).to_dict() == {"F03": ["review", "info"]}
    assert told.shots["use"].tolist() == ["reported", "figure", "figure"]


def test_points_without_a_code_are_counted():
    told = made((0, 0, None), (1, 1, "/ only a remark"), (2, 2, "FH"))
    assert told.findings["code"].tolist() == ["F07"] and told.findings["measure"].tolist() == [2] and len(told.points) == 3


def test_bc_asks_until_the_city_has_settled_it():
    # Trap 48. The first file uses BC as a control only, the second also as back of curb.
    rows = [(0, 0, "EP1 B"), (0, 100, "EP1 BC"), (100 - HALF, 100 + HALF, "EP1"), (100, 200, "EP1 E")]
    asked = made(*rows, codes=CODES).findings
    assert asked["code"].tolist() == ["F04"] and asked["severity"].tolist() == ["review"] and "settled" in asked["remedy"].iloc[0]
    both = made(*rows, (5, 0, "BC1 B"), (5, 50, "BC1 E"), codes=CODES)
    assert both.findings["severity"].tolist() == ["error"] and {"EP1", "BC1"} == set(both.lines["name"])
    only = made((5, 0, "BC1 B"), (5, 50, "BC1 E"), codes=CODES)
    assert not len(only.findings)
    settled = made(*rows, codes=CODES.model_copy(update={"settled": {"BC": "feature"}}))
    assert "curve" not in settled.courses["kind"].tolist()
    assert not (settled.findings["code"] == "F04").any()


def test_every_shot_is_used_or_told_and_keeps_its_index():
    rows = [(0, 0, "EP1 B"), (1, 0, "E"), (2, 0, "EP1 E"), (3, 0, "FH"), (4, 0, "FL9 B"), (5, 0, None)]
    points = shots(*rows).set_axis([f"p{k}" for k in range(6)])
    told = figures(points, SETTLED)
    assert told.shots["use"].to_dict() == {
        "p0": "figure",
        "p1": "reported",
        "p2": "figure",
        "p3": "point",
        "p4": "reported",
        "p5": "point",
    }
    assert told.points["shot"].tolist() == ["p3", "p5"] and told.courses["from_shot"].tolist() == ["p0"]
    assert set(told.findings["code"]) == {"F02", "F03", "F07"}


def test_what_cannot_be_drawn_from_is_refused():
    with pytest.raises(CRSError):
        figures(shots((0, 0, "FH"), crs="EPSG:4326"), CODES)
    twice = shots((0, 0, "FH"), (1, 1, "FH")).set_axis([1, 1])
    with pytest.raises(ValueError, match="unique"):
        figures(twice, CODES)


def test_no_points_draw_nothing():
    told = figures(shots((0, 0, "FH")).iloc[:0], CODES)
    assert len(told.points) == len(told.lines) == len(told.polygons) == len(told.courses) == len(told.findings) == 0
