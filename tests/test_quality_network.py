"""Centrelines as a network: undershoots, overshoots, missing nodes, stretches drawn twice; each told once, at its place."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from quality_layers import COMMON, EAST, FEET, NORTH
from sample_city import city as sample_city
from street_grid import codes, found, grid, row_of

from citygis.city import open_city
from citygis.quality import validate
from citygis.samples import sample_folder


def streets(*courses, **columns):
    """Centrelines of streets of different names, along these places."""
    shapes = [shapely.LineString(np.array(each, dtype=float) + (EAST, NORTH)) for each in courses]
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes, crs=FEET))
    frame["NGUID"] = [f"urn:emergency:uid:gis:RCL:{k}:riverbend.example" for k in range(len(frame))]
    frame["St_Name"] = [f"Street {k}" for k in range(len(frame))]
    return {"street_centerline": frame.assign(**{**COMMON, **columns})}


def told(layers):
    """Rule, lines and measure of each finding."""
    place = {nguid: k for k, nguid in enumerate(layers["street_centerline"]["NGUID"])}
    rows = found(layers)
    return [(row.rule, place[row.feature], place.get(row.other), row.measure) for row in rows.itertuples()]


def halves(*more, **columns):
    """A street from west to east, split at its middle, and others."""
    return streets([(-100, 0), (0, 0)], [(0, 0), (100, 0)], *more, **columns)


def test_noded_streets_and_dead_ends_are_sound():
    assert found(grid()).empty
    assert told(halves([(0, 0), (0, 80)])) == []
    assert told(streets([(0, 0), (0, 80)])) == []


@pytest.mark.parametrize(("short", "rule"), [(0.0004, []), (0.0006, ["undershoot"]), (4.99, ["undershoot"]), (5.01, [])])
def test_an_end_just_short_of_a_street_is_an_undershoot(short, rule):
    rows = told(halves([(20, short), (20, 80)]))
    if short < 0.0005:
        assert [row[0] for row in rows] == ["not_noded"]  # it ends on the street, where that has no node
    else:
        assert [row[0] for row in rows] == rule
    if rule:
        assert rows[0][1:3] == (2, 1) and rows[0][3] == pytest.approx(short)
        assert found(halves([(20, short), (20, 80)]))["severity"].item() == "error"


@pytest.mark.parametrize(("past", "rule"), [(0.0006, "overshoot"), (4.99, "overshoot"), (5.01, "not_noded")])
def test_an_end_just_past_a_street_is_an_overshoot_and_told_once(past, rule):
    rows = told(halves([(20, -past), (20, 80)]))
    assert [row[0] for row in rows] == [rule]
    if rule == "overshoot":
        assert rows[0][3] == pytest.approx(past)


def test_two_ends_that_fall_short_of_each_other_are_one_gap():
    assert [row[0] for row in told(streets([(0, 0), (100, 0)], [(103, 0), (200, 0)]))] == ["undershoot"]


@pytest.mark.parametrize(("length", "expected"), [(0.99, 0), (1.0, 1), (4.99, 1), (5.01, 0)])
def test_a_short_piece_by_itself_hangs_loose(length, expected):
    rows = told(halves([(0, 40), (0, 40 + length)]))  # below a foot it is tiny, which G05 tells
    assert [row[0] for row in rows] == ["short_dangle"] * expected
    if expected:
        assert rows[0][3] == pytest.approx(length)


def test_streets_that_cross_are_split_there():
    layers = streets([(-100, 0), (100, 0)], [(0, -100), (0, 100)])
    rows = found(layers)
    assert rows[["code", "rule", "severity"]].values.tolist() == [["T18", "not_noded", "error"]]
    assert rows.geometry.item().equals(shapely.Point(EAST, NORTH))
    assert told(streets([(-100, 0), (0, 0)], [(0, 0), (100, 0)], [(0, -100), (0, 0)], [(0, 0), (0, 100)])) == []


def test_a_place_where_many_meet_without_a_node_is_told_once():
    through = [(0, -100), (0, 100)]
    assert [row[0] for row in told(halves(through))] == ["not_noded"]
    assert [row[0] for row in told(halves(through, [(-70, -70), (70, 70)]))] == ["not_noded"]


@pytest.mark.parametrize(
    ("levels", "expected"), [(((0, 0), (1, 1)), 0), (((0, 0), (0, 1)), 0), (((0, 0), (0, 0)), 1), (((0, 0), (None, None)), 1)]
)
def test_a_street_may_pass_over_another_where_the_layer_says_so(levels, expected):
    layers = streets([(-100, 0), (100, 0)], [(0, -100), (0, 100)])
    layers["street_centerline"]["ELEV_F"], layers["street_centerline"]["ELEV_T"] = zip(*levels, strict=True)
    assert [row[0] for row in told(layers)] == ["not_noded"] * expected


@pytest.mark.parametrize(("over", "expected"), [(0.09, 0), (0.11, 1), (30.0, 1)])
def test_streets_may_not_run_over_each_other(over, expected):
    # The second comes down to the first, runs along it, and leaves at its end, where both go on.
    layers = streets([(0, 0), (100, 0)], [(100 - over, 0), (100, 0)], [(100, 0), (200, 0)], [(100 - over, 0), (60, 90)])
    rows = [row for row in told(layers) if row[0] == "runs_over"]
    assert len(rows) == expected
    if expected:
        assert rows[0][1:3] == (0, 1) and rows[0][3] == pytest.approx(over, abs=1e-3)


@pytest.mark.parametrize(("past", "rule"), [(0.05, "not_noded"), (3.0, "runs_over")])
def test_an_end_past_its_node_along_the_next_piece_is_told_once(past, rule):
    layers = streets([(-100, 0), (past, 0)], [(0, 0), (100, 0)], [(0, -100), (0, 0)], [(0, 0), (0, 100)])
    assert [row[0] for row in told(layers)] == [rule]


def test_one_line_drawn_twice_is_left_to_the_rule_of_duplicates():
    layers = streets([(0, 0), (100, 0)], [(100, 0), (0, 0)], RoadClass="Local")
    layers["street_centerline"]["St_Name"] = "Birch"
    assert told(layers) == []
    findings = validate(layers, only="geometry")
    assert set(findings["code"]) == {"G04"}


def test_a_split_where_nothing_changes_is_information():
    layers = halves(RoadClass="Local")
    assert told(layers) == []  # the name changes
    layers["street_centerline"]["St_Name"] = "Birch"
    assert [row[:3] for row in told(layers)] == [("pseudo_node", 0, 1)]
    assert found(layers)["severity"].item() == "info"
    layers["street_centerline"]["RoadClass"] = ["Local", "Primary"]
    assert told(layers) == []


def test_retired_lines_are_no_part_of_the_network():
    layers = halves([(20, -50), (20, 50)])
    assert [row[0] for row in told(layers)] == ["not_noded"]
    layers["street_centerline"]["status"] = ["ACTIVE", "ACTIVE", "RETIRED"]
    assert told(layers) == []


def test_a_break_in_the_grid_is_told_where_it_is():
    layers = grid()
    lines = layers["street_centerline"]
    row = row_of(layers, "First 2")
    lines.loc[row, "geometry"] = shapely.LineString([(EAST, NORTH + 402), (EAST, NORTH + 800)])
    assert codes(layers) == [("T18", "undershoot", "First 2")]


def test_the_network_is_judged_with_the_geometry_of_a_layer():
    findings = validate(halves([(20, 2), (20, 80)]), only="geometry")
    assert findings["code"].tolist() == ["T18"]
    assert "T18" not in set(validate(halves([(20, 2), (20, 80)]), only="attributes")["code"])


def test_the_sample_city_s_streets_are_one_network():
    findings = validate(sample_city().layers["street_centerline"], "street_centerline", city=open_city(sample_folder() / "city"))
    assert findings.empty
