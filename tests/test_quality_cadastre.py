"""Parcels, their courses and their corners: a pass, a failure and the edge of the tolerance for each rule."""

import numpy as np
import pandas as pd
import pytest
import shapely
from land_layers import corners, courses, lines, points, sound_land, subjects, told
from quality_layers import EAST, NORTH, at, parcels, street
from sample_city import city as riverbend
from shapely import LineString, Point, affinity

from citygis.city import RuleChange, default_city
from citygis.quality.cadastre import CHECKS
from citygis.quality.checks import left_out

NAMES = ("parcel", "tract", "right_of_way", "boundary_line", "corner", "control_station")


def place(easting: float, northing: float) -> tuple[float, float]:
    return EAST + easting, NORTH + northing


def found(code=None, **changed):
    return told(CHECKS, sound_land() | changed, code=code)


def moved(frame, row: int, shape):
    shapes = frame.geometry.to_numpy(dtype=object).copy()
    shapes[row] = shape
    return frame.set_geometry(pd.Series(shapes, index=frame.index)).set_crs(frame.crs, allow_override=True)


def test_a_sound_fabric_raises_nothing():
    assert found().empty


def test_the_sample_city_raises_nothing():
    layers = {
        name: riverbend().layers[name] for name in ("parcel", "tract", "right_of_way", "boundary_line", "corner", "control_station")
    }
    assert told(CHECKS, layers).empty


@pytest.mark.parametrize(("apart", "expected"), [(0.0099, 0), (0.0101, 1)])
def test_t03_a_boundary_whose_course_lies_beyond_the_tolerance_is_told(apart, expected):
    lots = parcels().assign(method="COGO")
    drawn = courses(lots)
    south = next(i for i, line in enumerate(drawn.geometry) if line.equals(LineString([place(0, 0), place(60, 0)])))
    drawn = moved(drawn, south, LineString([place(0, -apart), place(60, -apart)]))
    told = found("T03", parcel=lots, boundary_line=drawn)
    assert len(told) == expected
    if expected:
        assert told.loc[0, ["rule", "feature", "severity"]].tolist() == ["boundary_without_line", "191-190-70", "error"]
        assert told["measure"][0] == pytest.approx(60, abs=0.05)


def test_t03_a_course_missing_between_two_lots_is_told_once_and_names_both():
    lots = parcels()
    drawn = courses(lots)
    between = next(i for i, line in enumerate(drawn.geometry) if line.equals(LineString([place(60, 0), place(60, 110)])))
    told = found("T03", boundary_line=drawn.drop(index=between))
    assert told[["feature", "other", "severity"]].to_numpy().tolist() == [["191-190-70", "191-190-71", "review"]]
    assert told["measure"].tolist() == pytest.approx([110], abs=0.05)  # its ends lie within the tolerance of other courses
    assert told["geometry"][0].hausdorff_distance(LineString([place(60, 0), place(60, 110)])) < 0.011


def test_t03_parcels_that_were_not_made_from_courses_are_told_together():
    far = LineString([place(900, 0), place(960, 0)])
    told = found("T03", boundary_line=lines(far))
    assert told[["rule", "severity"]].to_numpy().tolist() == [["no_boundary_lines", "info"]]
    assert told["message"][0].startswith("4 of 4 parcels")
    told = found("T03", parcel=parcels().assign(method="COGO"), boundary_line=lines(far))
    assert told["rule"].tolist() == ["boundary_without_line"] * 4  # they say that they were made from courses


def test_t03_a_condominium_has_the_boundary_of_its_footprint():
    lots = parcels(*(at(60 * i, 0, 60, 110) for i in range(4)), at(10, 10, 20, 20))
    lots.loc[4, "parcel_kind"] = "CONDO"
    assert found("T03", parcel=lots).empty
    lots.loc[4, "parcel_kind"] = "FEE"
    assert len(found("T03", parcel=lots)) == 1


@pytest.mark.parametrize(("apart", "expected"), [(0.0099, 0), (0.0101, 1)])
def test_t04_a_course_beside_every_boundary_is_told(apart, expected):
    stray = lines(*courses(parcels()).geometry, LineString([place(10, 110 + apart), place(50, 110 + apart)]))
    told = found("T04", boundary_line=stray)
    assert len(told) == expected
    if expected:
        assert told["measure"].tolist() == pytest.approx([40])
        assert told["severity"].tolist() == ["error"]


def test_t04_a_connection_line_bounds_nothing_and_is_no_defect():
    tie = lines(*courses(parcels()).geometry, LineString([place(0, 110), place(-300, 400)]))
    assert found("T04", boundary_line=tie)["feature"].tolist() == ["L13"]
    tie.loc[13, "line_kind"] = "CONNECTION"
    assert found("T04", boundary_line=tie).empty


def test_t04_the_line_of_a_street_bounds_the_street():
    assert found("T04", boundary_line=courses(parcels(), street())).empty


@pytest.mark.parametrize(("apart", "code"), [(0.0099, None), (0.0101, "T27"), (0.99, "T27"), (1.01, "T05")])
def test_t05_t27_an_end_off_its_corner_is_told_by_how_far_it_is(apart, code):
    layers = sound_land()
    row = int(np.flatnonzero(layers["corner"].geometry.geom_equals(Point(place(0, 0))))[0])
    layers["corner"] = moved(layers["corner"], row, Point(place(-apart, 0)))
    told_ = [each for each in told(CHECKS, layers).to_dict("records") if each["code"] in ("T05", "T27")]
    assert [each["code"] for each in told_] == ([code] if code else [])  # one finding for the two courses that end there
    if code:
        assert told_[0]["measure"] == pytest.approx(apart)
        assert told_[0]["layer"] == {"T27": "corner", "T05": "boundary_line"}[code]
        assert told_[0]["message"].startswith("2 ")


def test_t05_courses_without_any_corner_are_told_place_by_place():
    drawn = courses(parcels(at(0, 0, 60, 110)))
    told_ = found("T05", boundary_line=drawn, corner=points(Point(place(0, 0))))
    assert sorted(told_["measure"]) == pytest.approx([60, 110, np.hypot(60, 110)])


def test_t06_a_course_in_two_parts_is_told():
    whole = LineString([place(0, 0), place(240, 0)])
    several = shapely.MultiLineString([[place(0, 0), place(60, 0)], [place(120, 0), place(240, 0)]])
    assert found("T06", boundary_line=lines(whole, shapely.MultiLineString([whole.coords])))["rule"].tolist() == []
    told_ = found("T06", boundary_line=lines(several))
    assert told_[["rule", "measure"]].to_numpy().tolist() == [["multipart_line", 2]]


@pytest.mark.parametrize(("back", "expected"), [(0.045, 0), (0.055, 1)])
def test_t06_a_course_that_runs_back_over_itself_is_told_from_the_tolerance_on(back, expected):
    folded = LineString([place(0, 0), place(60, 0), place(60 - back, 0)])  # both ways over the same ground: twice the length
    told_ = found("T06", boundary_line=lines(folded))
    assert told_["rule"].tolist() == ["line_over_itself"] * expected


def test_t06_a_course_that_crosses_itself_is_told_at_the_place():
    bow = LineString([place(0, 0), place(60, 60), place(60, 0), place(0, 60)])
    told_ = found("T06", boundary_line=lines(bow))
    assert told_["rule"].tolist() == ["line_crosses_itself"]
    assert told_["geometry"][0].distance(Point(place(30, 30))) < 1e-6


@pytest.mark.parametrize(("shared", "expected"), [(0.09, 0), (0.11, 1), (20.0, 1)])
def test_t06_two_courses_over_each_other_are_told_from_the_tolerance_on(shared, expected):
    one, other = LineString([place(0, 0), place(60, 0)]), LineString([place(60 - shared, 0), place(150, 0)])
    told_ = found("T06", boundary_line=lines(one, other))
    over = told_[told_["rule"] == "line_over_line"]
    assert len(over) == expected
    if expected:
        assert over["measure"].tolist() == pytest.approx([shared], abs=0.001)


def test_t06_the_same_course_twice_is_a_duplicate_and_not_told_here():
    one = LineString([place(0, 0), place(60, 0)])
    assert found("T06", boundary_line=lines(one, one.reverse())).empty


@pytest.mark.parametrize(("beyond", "expected"), [(0.0098, 0), (0.0102, 1)])
def test_t06_courses_that_pass_each_other_at_their_ends_within_the_tolerance_meet_there(beyond, expected):
    south = LineString([place(0, 0), place(60 + beyond, 0)])
    east = LineString([place(60, -0.005), place(60, 110)])
    assert len(found("T06", boundary_line=lines(south, east))) == expected


def test_t06_a_course_that_ends_inside_another_is_told_however_near():
    whole, side = LineString([place(0, 0), place(60, 0)]), LineString([place(30, -0.005), place(30, 110)])
    assert found("T06", boundary_line=lines(whole, side))["rule"].tolist() == ["lines_cross"]


def test_t06_courses_that_cross_without_a_corner_are_told_but_ties_may():
    cross = lines(LineString([place(0, 0), place(60, 0)]), LineString([place(30, -20), place(30, 20)]))
    told_ = found("T06", boundary_line=cross)
    assert told_[["rule", "feature", "other"]].to_numpy().tolist() == [["lines_cross", "L0", "L1"]]
    cross.loc[1, "line_kind"] = "CONNECTION"
    assert found("T06", boundary_line=cross).empty


@pytest.mark.parametrize(("off", "expected"), [(0.0009, 0), (0.0011, 1)])
@pytest.mark.parametrize("kind", ["CONTROL", "SET"])
def test_t28_control_keeps_its_recorded_place(off, expected, kind):
    control = points(Point(place(0, 0)), kind=kind)
    control["e_ft"] += off
    told_ = found("T28", corner=control)
    assert len(told_) == (expected if kind == "CONTROL" else 0)
    if len(told_):
        assert told_["measure"].tolist() == pytest.approx([off], abs=1e-6)


def test_t28_a_published_station_is_control_too():
    stations = riverbend().layers["control_station"].iloc[:2].copy()
    stations.loc[stations.index[1], "n_ft"] += 0.25
    told_ = told(CHECKS, {"control_station": stations})
    assert told_[["code", "feature"]].to_numpy().tolist() == [["T28", stations["pid"].iloc[1]]]


def test_the_answer_does_not_depend_on_the_order_of_the_rows():
    layers = sound_land()
    turned = affinity.translate(layers["corner"].geometry.iloc[3], 0.05, 0.0)
    layers["corner"] = moved(layers["corner"], 3, turned)
    layers["boundary_line"] = layers["boundary_line"].drop(index=5)
    one = told(CHECKS, layers)
    other = told(CHECKS, {name: frame.sample(frac=1, random_state=7) for name, frame in layers.items()})
    keys = ["code", "rule", "message"]
    assert sorted(one["rule"]) == sorted(other["rule"])
    one, other = (each[each["code"] != "T03"] for each in (one, other))  # those name the lot first that stands first
    assert set(one[keys].itertuples(index=False)) == set(other[keys].itertuples(index=False))


def test_what_cannot_be_judged_is_said():
    layers = sound_land()
    assert left_out(CHECKS, subjects(layers)) == []
    told_ = left_out(CHECKS, subjects({"parcel": layers["parcel"]}))
    assert [(each.code, each.because) for each in told_] == [("T03", "needs the layer boundary_line")]
    told_ = left_out(CHECKS, subjects({"boundary_line": layers["boundary_line"]}))
    assert [each.code for each in told_] == ["T04", "T05", "T27"]
    told_ = left_out(CHECKS, subjects({"corner": layers["corner"].drop(columns="e_ft")}))
    assert [each.because for each in told_] == ["needs the column corner.e_ft"]


def test_a_city_may_change_a_tolerance():
    own = default_city().model_copy(update={"rules": {"T28": RuleChange(tolerance=0.5)}})
    control = points(Point(place(0, 0)), kind="CONTROL")
    control["e_ft"] += 0.4
    assert len(told(CHECKS, {"corner": control}, code="T28")) == 1
    assert told(CHECKS, {"corner": control}, own, "T28").empty


def test_corners_are_made_for_every_end():
    assert len(corners(courses(parcels()))) == 10  # five posts along either side of four lots
