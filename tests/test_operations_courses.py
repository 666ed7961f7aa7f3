"""Courses follow the parcels: divided at new corners, ended where they bound nothing, never pointing at a parcel that is gone."""

import pandas as pd
import pytest
import shapely
from office_city import CITY, OLD, RECORD, at, ground, line, parcels, street, whole

from citygis.cogo import parse_angle
from citygis.operations import split
from citygis.operations.courses import renewed
from citygis.operations.neighbourhood import after
from citygis.operations.rows import made_rows
from citygis.schema import schema

ALONG = line((30, -5), (30, 105))


def test_a_course_through_the_new_corner_becomes_two_with_its_direction():
    lots, beside = whole()
    done = split(lots, "191-010-11", ALONG, ["191-010-91", "191-010-92"], record=RECORD, beside=beside)
    lines = done.change.layers["boundary_line"]
    assert len(lines.retired) == 2 and len(lines.added) == 5
    parts = lines.added[lines.added["distance_ft"].round(6) == 30]
    assert len(parts) == 4 and set(parts["direction_az"].round(6)) == {90.0}
    assert lines.added["line_kind"].eq("CALCULATED").all() and lines.added["line_id"].is_unique


def test_no_course_names_a_parcel_that_is_gone_and_both_children_name_their_own():
    lots, beside = whole()
    done = split(lots, "191-010-11", ALONG, ["191-010-91", "191-010-92"], record=RECORD, beside=beside)
    then = after({"parcel": lots, **beside}, done.change.layers)
    held = set(then["parcel"]["global_id"])
    lines = then["boundary_line"]
    for name in ("left_parcel", "right_parcel"):
        assert set(lines[name].dropna()) <= held
    for child in done.change.layers["parcel"].added.itertuples():
        own = lines[lines["left_parcel"].eq(child.global_id) | lines["right_parcel"].eq(child.global_id)]
        assert own.geometry.length.sum() == pytest.approx(child.geometry.length)


def test_the_side_of_a_course_is_that_of_the_parcel_beside_it():
    lots, beside = whole()
    done = split(lots, "191-010-11", ALONG, ["191-010-91", "191-010-92"], record=RECORD, beside=beside)
    change = done.change.layers
    (new,) = change["boundary_line"].added[lambda f: f["distance_ft"].round(6) == 100].itertuples()
    west, east = change["parcel"].added["global_id"]
    runs_north = new.geometry.coords[0][1] < new.geometry.coords[-1][1]
    assert (new.left_parcel, new.right_parcel) == ((west, east) if runs_north else (east, west))


def test_corners_are_made_where_a_course_ends_and_none_stands():
    lots, beside = whole()
    done = split(lots, "191-010-11", ALONG, ["191-010-91", "191-010-92"], record=RECORD, beside=beside)
    corners = done.change.layers["corner"].added
    assert sorted(zip(corners["e_ft"], corners["n_ft"], strict=True)) == [at(30, 0), at(30, 100)]
    assert corners["kind"].eq("CALC").all()


def test_a_curve_is_divided_into_curves_of_its_radius():
    arc = shapely.LineString(shapely.get_coordinates(shapely.Point(at(0, 0)).buffer(100, quad_segs=64))[:65])
    node = shapely.get_coordinates(arc)[20:21]
    row = {"line_id": "C1", "line_kind": "RECORD", "radius_ft": 100.0, "curve_side": "R", "left_parcel": parcels()["global_id"][0]}
    lines = made_rows("boundary_line", [row], [arc], OLD, schema(), crs=CITY.crs)
    lot = parcels().iloc[:1]
    lot = lot.set_geometry([shapely.Point(at(0, 0)).buffer(100, quad_segs=64)], crs=CITY.crs)
    net = renewed(lot, lot, node, {"boundary_line": lines}, RECORD, schema())
    parts = net.changes["boundary_line"].added[lambda f: f["radius_ft"].notna()]
    assert parts["radius_ft"].tolist() == [100.0, 100.0] and parts["curve_side"].eq("R").all()
    assert parts["arc_length_ft"].sum() == pytest.approx(100 * 3.141592653589793 / 2, abs=1e-6)
    degrees = sum(parse_angle(text) for text in parts["delta_dms"])
    assert degrees == pytest.approx(90, abs=1 / 3600)


def test_without_courses_nothing_is_made():
    lots = parcels()
    none = renewed(lots, lots, shapely.get_coordinates(ground(0, 0, 1, 1)), {"right_of_way": street()}, RECORD, schema())
    assert none.changes == {} and isinstance(none.links, pd.DataFrame)
