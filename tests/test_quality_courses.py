"""Rules on records: areas, closures, residuals of courses, arcs; kept, broken, and at their edge."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from quality_layers import COMMON, EAST, FEET, NORTH, parcels
from sample_city import city as sample_city

from citygis.city import RuleChange, default_city, open_city
from citygis.cogo import arc_vertices, areas_sqft
from citygis.findings import findings_frame
from citygis.quality import rules_not_judged, validate
from citygis.quality.courses import area_error_sqft, course_findings
from citygis.quality.subject import subject
from citygis.samples import sample_folder
from citygis.schema import feature_ids

LOT = [(0, 0), (0, 110), (60, 110), (60, 0)]  # clockwise: the lot is on the right


def lines(*courses, **change) -> gpd.GeoDataFrame:
    """Courses between places, each (start, end) or (start, end, record), stated as drawn but for what the record changes."""
    rows, geometry = [], []
    for k, (start, end, *more) in enumerate(courses):
        record = dict(more[0]) if more else {}
        drawn = np.array(record.pop("drawn", [start, end]), dtype=float) + (EAST, NORTH)
        step = drawn[-1] - drawn[0]
        straight = {"direction_az": math.degrees(math.atan2(*step)) % 360, "distance_ft": math.hypot(*step)}
        rows.append({"line_id": f"L{k + 1}", "line_kind": "RECORD", **straight, **record})
        geometry.append(shapely.LineString(drawn))
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry=gpd.GeoSeries(geometry, crs=FEET))
    frame["global_id"] = feature_ids("boundary_line", frame["line_id"])
    return frame.assign(**COMMON, **change)


def around(corners=LOT, records=(), **change) -> gpd.GeoDataFrame:
    """The courses of a closed figure, with it on their right."""
    places = [*corners, corners[0]]
    given = dict(records)
    return lines(*[(places[k], places[k + 1], given.get(k, {})) for k in range(len(corners))], **change)


def told(layers, code=None):
    """Findings of one code, or all, of the rules on records."""
    layers = layers if isinstance(layers, dict) else {"boundary_line": layers}
    city = default_city()
    subjects = {name: subject(name, frame, city.schema.layers[name], city=city) for name, frame in layers.items()}
    rows = [rows for rows in course_findings(subjects, city) if len(rows)]
    findings = findings_frame(pd.concat(rows, ignore_index=True) if rows else None, crs=FEET)
    return findings[findings["code"] == code].reset_index(drop=True) if code else findings


def lot(**change) -> gpd.GeoDataFrame:
    return parcels().iloc[[0]].assign(**change)


# T22


@pytest.mark.parametrize(
    ("stated", "unit", "rule"),
    [
        (6600.0, "SQFT", None),
        (6650.0, "SQFT", None),  # 50 sq ft is allowed
        (6650.5, "SQFT", "stated_area"),  # and 0.5 % of it is 33
        (6549.5, "SQFT", "stated_area"),
        (6734.0, "SQFT", "stated_area"),  # 134 is less than 2 % of 6,734, 134.7
        (6735.0, "SQFT", "stated_area_far_off"),  # 135 is more than 134.7
        (6600.0, "ACRE", "stated_area_far_off"),
        (0.1515, "ACRE", None),
        (0.153, "ACRE", "stated_area"),  # 6,664.7; a thousandth of an acre is rounded by 21.8 sq ft
    ],
)
def test_stated_and_drawn_area_agree_within_a_half_and_two_percent(stated, unit, rule):
    found = told({"parcel": lot(stated_area=stated, stated_area_unit=unit)}, "T22")
    assert found["rule"].tolist() == ([rule] if rule else [])
    if rule:
        assert found["severity"].tolist() == ["error" if rule == "stated_area_far_off" else "review"]


@pytest.mark.parametrize(("side_ft", "expected"), [(200.99, 0), (201.01, 1)])
def test_half_a_percent_of_a_large_lot_is_more_than_fifty_square_feet(side_ft, expected):
    # 200 x 200 is 40,000 sq ft, and half a percent of it 200; 0.99 and 1.01 ft more on one side are 198 and 202.
    square = shapely.box(EAST, NORTH, EAST + side_ft, NORTH + 200)
    frame = lot(stated_area=40_000.0, stated_area_unit="SQFT").set_geometry(gpd.GeoSeries([square], crs=FEET))
    assert len(told({"parcel": frame}, "T22")) == expected


def test_acres_are_known_to_their_last_digit_only():
    # 0.35 acre is 15,246 sq ft, rounded by up to 217.8; what is drawn may be 15,100 or 15,400, and not 15,000.
    for drawn, expected in ((15_100, []), (15_400, []), (15_000, ["stated_area"])):
        shape = shapely.box(EAST, NORTH, EAST + drawn / 100, NORTH + 100)
        frame = lot(stated_area=0.35, stated_area_unit="ACRE").set_geometry(gpd.GeoSeries([shape], crs=FEET))
        assert told({"parcel": frame}, "T22")["rule"].tolist() == expected


@pytest.mark.parametrize(("accuracy_ft", "expected"), [(1.4, 1), (1.5, 0)])
def test_an_area_is_as_uncertain_as_its_corners(accuracy_ft, expected):
    # 0.4 x accuracy x 340 ft: 190.4 and 204 sq ft, where 200 are missing.
    frame = lot(stated_area=6800.0, stated_area_unit="SQFT", h_accuracy_ft=accuracy_ft, accuracy_basis="COMPILED")
    assert len(told({"parcel": frame}, "T22")) == expected


def test_the_bound_on_an_area_s_error_holds_for_rectangles_moved_at_random():
    random = np.random.default_rng(5)
    for width, depth in ((60, 110), (100, 100), (20, 400)):
        corners = np.array([(0, 0), (0, depth), (width, depth), (width, 0)], dtype=float)
        moved = corners + random.normal(0, 1 / 2.4477, (20_000, 4, 2))  # 1 ft at 95 %
        off = np.abs(shapely.area(shapely.polygons(moved)) - width * depth)
        bound = area_error_sqft(np.array([1.0]), np.array([2.0 * (width + depth)]))[0]
        assert (off <= bound).mean() >= 0.95
        assert np.quantile(off, 0.95) > bound / 2  # and is not idle


def rounded_lot(stand_in):
    """A lot of 60 by 110 ft whose east side is an arc of 100 ft radius bulging out, drawn with some or no vertices on the arc."""
    end, start = np.array([60.0, 0.0]), np.array([60.0, 110.0])
    delta = math.degrees(2 * math.asin(110 / 2 / 100))
    arc = arc_vertices(start, end, delta, "R", sagitta_ft=stand_in) if stand_in else np.array([start, end])
    record = {"drawn": arc, "radius_ft": 100.0, "arc_length_ft": math.radians(delta) * 100, "curve_side": "R"}
    courses = around(records={2: record}.items())
    shape = shapely.Polygon(np.vstack([[(0, 0), (0, 110)], arc]) + (EAST, NORTH))
    radians = math.radians(delta)
    return shape, courses, 6600 + 100**2 * (radians - math.sin(radians)) / 2


@pytest.mark.parametrize("stand_in", [None, 5.0, 0.01])
@pytest.mark.parametrize("is_right", [True, False])
def test_what_an_arc_encloses_beyond_its_chords_is_added_back(stand_in, is_right):
    shape, courses, area = rounded_lot(stand_in)
    assert area - 6600 > 1100  # hand figure: 100^2 (1.1646 - 0.9187) / 2 = 1,229
    frame = lot(stated_area=round(area, 1), stated_area_unit="SQFT").set_geometry(gpd.GeoSeries([shape], crs=FEET))
    owner = frame["global_id"].item()
    if not is_right:  # the same courses run the other way round, with the lot on the left
        courses["geometry"] = shapely.reverse(courses.geometry)
        courses["direction_az"] = (courses["direction_az"] + 180) % 360
        courses["curve_side"] = courses["curve_side"].replace({"R": "L"})
    courses = courses.assign(**{"right_parcel" if is_right else "left_parcel": owner})
    layers = {"parcel": frame, "boundary_line": courses}
    for code in ("T22", "T23", "T24", "T25"):
        assert told(layers, code).empty
    without = told({"parcel": frame}, "T22")["rule"].tolist()
    assert without == (["stated_area_far_off"] if stand_in is None else ["stated_area_far_off"] if stand_in == 5.0 else [])


def test_condominiums_retired_and_broken_parcels_have_no_area_to_compare():
    wrong = {"stated_area": 9000.0, "stated_area_unit": "SQFT"}
    assert len(told({"parcel": lot(**wrong)}, "T22")) == 1
    assert told({"parcel": lot(**wrong, parcel_kind="CONDO")}, "T22").empty
    assert told({"parcel": lot(**wrong, status="RETIRED")}, "T22").empty
    bow = shapely.Polygon([(EAST, NORTH), (EAST + 60, NORTH + 110), (EAST + 60, NORTH), (EAST, NORTH + 110)])
    assert told({"parcel": lot(**wrong).set_geometry(gpd.GeoSeries([bow], crs=FEET))}, "T22").empty
    assert told({"parcel": lot(stated_area=9000.0)}, "T22").empty  # without its unit the figure says nothing


# T23


@pytest.mark.parametrize(
    ("off_ft", "kind", "rule"),
    [
        (0.0, "RECORD", None),
        (0.0199, "RECORD", None),  # 1:17,085
        (0.0339, "RECORD", None),  # 340 ft at 1:10,000 is 0.034 ft
        (0.0341, "RECORD", "record_closure"),
        (0.0199, "CALCULATED", None),  # hundredths are rounding, though 1:17,085
        (0.0201, "CALCULATED", "calculated_closure"),
        (5.0, "RECORD", "record_closure"),
    ],
)
def test_courses_close_to_the_ratio_of_their_kind(off_ft, kind, rule):
    courses = around(records={0: {"distance_ft": 110 + off_ft}}.items(), line_kind=kind)
    frame = lot()
    layers = {"parcel": frame, "boundary_line": courses.assign(right_parcel=frame["global_id"].item())}
    found = told(layers, "T23")
    assert found["rule"].tolist() == ([rule] if rule else [])
    if rule:
        assert found["measure"].item() == pytest.approx(off_ft, abs=1e-6)
        assert found["severity"].item() == ("error" if kind == "CALCULATED" else "review")


def test_a_loop_run_both_ways_is_signed_by_the_side_of_the_parcel():
    places = [*LOT, LOT[0]]
    courses = lines(*[(places[k], places[k + 1]) if k % 2 else (places[k + 1], places[k]) for k in range(4)])
    frame = lot()
    owner = frame["global_id"].item()
    courses["right_parcel"] = [None, owner, None, owner]
    courses["left_parcel"] = [owner, None, owner, None]
    assert told({"parcel": frame, "boundary_line": courses}, "T23").empty
    courses.loc[1, "distance_ft"] += 1.0
    assert told({"parcel": frame, "boundary_line": courses}, "T23")["measure"].tolist() == [pytest.approx(1.0)]


def test_courses_that_do_not_go_all_around_are_not_judged():
    frame = lot()
    courses = around(records={0: {"distance_ft": 115.0}}.items(), right_parcel=frame["global_id"].item())
    assert len(told({"parcel": frame, "boundary_line": courses}, "T23")) == 1
    assert told({"parcel": frame, "boundary_line": courses.drop(index=1)}, "T23").empty
    assert told({"parcel": frame, "boundary_line": courses.drop(index=[1, 3])}, "T23").empty  # two opposite sides still add up
    assert told({"parcel": frame, "boundary_line": courses.assign(direction_az=np.nan)}, "T23").empty


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"misclose_ratio": 10_000.0}, 0),
        ({"misclose_ratio": 9_999.0}, 1),
        ({"misclose_ft": 0.034}, 0),
        ({"misclose_ft": 0.0341}, 1),
        ({"misclose_ft": 0.0, "misclose_ratio": 0.0}, 0),
    ],
)
def test_a_stated_misclosure_counts_like_a_computed_one(stated, expected):
    assert len(told({"parcel": lot(**stated)}, "T23")) == expected


# T24


@pytest.mark.parametrize(
    ("length_ft", "off_ft", "expected"),
    [(100, 0.0999, 0), (100, 0.1001, 1), (1000, 0.1999, 0), (1000, 0.2002, 1), (100, -0.1001, 1)],
)
def test_a_course_is_as_long_as_its_record(length_ft, off_ft, expected):
    frame = lines(((0, 0), (0, length_ft), {"distance_ft": length_ft + off_ft}))
    found = told(frame, "T24")
    assert len(found) == expected
    if expected:
        assert found["measure"].item() == pytest.approx(abs(off_ft), abs=1e-6)
        assert found["severity"].item() == "review"


@pytest.mark.parametrize(("seconds", "expected"), [(40, 0), (42, 1)])
def test_a_course_points_as_its_record(seconds, expected):
    # One part in 5,000 is 41.25 seconds.
    frame = lines(((0, 0), (0, 1000), {"direction_az": seconds / 3600}))
    assert len(told(frame, "T24")) == expected


def test_ground_distances_are_scaled_and_natural_boundaries_are_not_compared():
    ground = {"distance_ft": 2000 / 0.9998, "scale": 0.9998, "is_ground": True}
    assert told(lines(((0, 0), (0, 2000), ground)), "T24").empty
    # The same figure taken as a grid distance is 0.4001 off, and 2000.4 / 5000 is 0.40008.
    assert len(told(lines(((0, 0), (0, 2000), ground | {"scale": None, "distance_ft": 2000.41})), "T24")) == 1
    assert told(lines(((0, 0), (0, 100), {"distance_ft": 90.0, "line_kind": "NATURAL"})), "T24").empty


def test_a_record_against_the_way_of_its_line_is_said_to_be():
    found = told(lines(((0, 0), (0, 100), {"direction_az": 180.0})), "T24")
    assert "against the way it is drawn" in found["message"].item()


def test_without_course_the_stated_residual_speaks():
    frame = lines(((0, 0), (0, 100), {"direction_az": None, "distance_ft": None}))
    assert told(frame.assign(residual_dist_ft=0.09), "T24").empty
    assert told(frame.assign(residual_dist_ft=-0.11), "T24")["measure"].tolist() == [pytest.approx(0.11)]
    # 300 seconds at 100 ft are 0.145 ft.
    assert told(frame.assign(residual_dir_sec=300.0), "T24")["measure"].tolist() == [pytest.approx(0.1454, abs=1e-4)]


# T25


def curve(**record):
    """A right-hand curve of 100 ft radius and 90 degrees, stated in full."""
    chord = 2 * 100 * math.sin(math.radians(45))
    drawn = record.pop("drawn", arc_vertices((0, 0), (chord, 0), 90, "R"))
    whole = {"radius_ft": 100.0, "arc_length_ft": 50 * math.pi, "delta_dms": "90°00'00\"", "curve_side": "R"}
    return lines((drawn[0], drawn[-1], {"drawn": drawn, **whole, **record}))


def test_a_curve_as_the_handbook_has_it_is_sound():
    # LA County's R 970.00, delta 18-34-33, L 314.48, C 313.11, all rounded to hundredths.
    drawn = arc_vertices((0, 0), (313.11, 0), 18 + 34 / 60 + 33 / 3600, "L")
    record = {"radius_ft": 970.0, "arc_length_ft": 314.48, "delta_dms": "18°34'33\"", "curve_side": "L", "drawn": drawn}
    assert told(lines((drawn[0], drawn[-1], record)), "T25").empty


@pytest.mark.parametrize(("off_ft", "expected"), [(0.0099, 0), (-0.0099, 0), (0.0103, 1), (-0.0103, 1)])
def test_the_chord_follows_from_radius_and_angle_to_a_hundredth(off_ft, expected):
    ends = [(0, 0), (100 * math.sqrt(2) + off_ft, 0)]
    assert len(told(curve(drawn=ends, delta_dms=None), "T25")) == expected
    # An angle to the second leaves 100 ft x cos 45 x half a second: 0.0002 ft more.
    assert len(told(curve(drawn=ends, arc_length_ft=None), "T25")) == expected


def test_a_misread_radius_angle_or_length_is_found():
    for record in ({"radius_ft": 110.0}, {"delta_dms": "91°00'00\""}, {"arc_length_ft": 175.08}):
        found = told(curve(**record), "T25")
        assert found["rule"].tolist() == ["arc_chord"] and found["severity"].tolist() == ["error"], record
    found = told(curve(radius_ft=50.0, arc_length_ft=None, delta_dms=None), "T25")
    assert "at most" in found["message"].item()  # a chord of 141 ft is longer than the circle is wide


def test_a_curve_drawn_to_the_other_side_is_found():
    assert told(curve(curve_side="L"), "T25")["rule"].tolist() == ["arc_side"]
    straight = curve(curve_side="L")
    ends = shapely.get_point(straight.geometry, 0), shapely.get_point(straight.geometry, -1)
    straight["geometry"] = shapely.linestrings(np.stack([shapely.get_coordinates(each) for each in ends], axis=1))
    assert told(straight, "T25").empty  # of a chord alone nobody can say to which side it curves


def test_a_curve_that_only_lies_elsewhere_is_told_once():
    frame = curve()
    stretched = shapely.transform(frame.geometry, lambda c: (c - (EAST, NORTH)) * 1.01 + (EAST, NORTH))
    frame["distance_ft"] = 2 * 100 * math.sin(math.radians(45))
    frame = frame.set_geometry(gpd.GeoSeries(stretched, crs=FEET))
    assert told(frame)["code"].tolist() == ["T24"]


def test_a_spiral_is_no_arc():
    assert told(curve(radius_ft=110.0, radius2_ft=300.0), "T25").empty


# All


def test_validate_applies_the_rules_on_records_and_the_city_may_change_them():
    frame = lot(stated_area=7000.0, stated_area_unit="SQFT")
    assert validate(frame, "parcel")[["code", "severity"]].values.tolist() == [["T22", "error"]]
    assert validate(frame, "parcel", only="geometry").empty
    lenient = default_city().model_copy(update={"rules": {"T22": RuleChange(off="areas are not kept")}})
    assert validate(frame, "parcel", city=lenient).empty


def test_what_is_absent_is_said_not_to_be_judged():
    left = {(item.code, item.layer) for item in rules_not_judged({"parcel": parcels(), "boundary_line": around()})}
    assert ("T22", "parcel") in left and ("T25", "boundary_line") in left and ("T24", "boundary_line") not in left
    assert ("T23", "parcel") not in left
    assert ("T23", "parcel") in {(item.code, item.layer) for item in rules_not_judged({"parcel": parcels()})}


def test_the_courses_of_the_sample_city_give_the_areas_of_its_parcels():
    # The loops of the records, exact on their arcs by another way of adding up, against the polygons with the arcs added back.
    from citygis.quality.courses import _added_back, _arcs, _computed_closures, courses_of

    layers, city = sample_city().layers, open_city(sample_folder() / "city")
    about = {name: subject(name, layers[name], city.schema.layers[name], city=city) for name in ("parcel", "boundary_line")}
    courses = courses_of(about["boundary_line"])
    _, off_ft, _ = _computed_closures(about["parcel"], courses)
    assert np.isfinite(off_ft).sum() > 2000 and np.nanmax(off_ft) < 1e-6
    _, sound = _arcs(about["boundary_line"], courses, np.zeros(len(courses.row), dtype=bool))
    added = shapely.area(about["parcel"].place) + _added_back(about["parcel"], courses, sound)
    ids = about["parcel"].frame["global_id"].to_numpy(dtype=object)
    checked = 0
    for k in np.flatnonzero(np.isfinite(off_ft))[::97]:
        at = np.flatnonzero((courses.left == ids[k]) | (courses.right == ids[k]))
        forward = courses.right[at] == ids[k]
        place = shapely.get_coordinates(
            [
                shapely.get_point(about["boundary_line"].place[courses.row[j]], 0 if f else -1)
                for j, f in zip(at, forward, strict=True)
            ]
        )
        goes = np.where(forward[:, None], courses.chord[at], -courses.chord[at])
        order, here = [0], place[0] + goes[0]
        while len(order) < len(at):
            order.append(int(np.argmin(np.hypot(*(place - here).T))))
            here = place[order[-1]] + goes[order[-1]]
        if len(set(order)) < len(at):
            continue  # a lot with a hole
        azimuth = np.degrees(np.arctan2(goes[:, 0], goes[:, 1]))[order]
        hand = np.where((courses.side[at] == "R") == forward, 1.0, -1.0)
        turn = np.degrees(courses.arc_ft[at] / courses.radius_ft[at]) * hand
        area = areas_sqft(
            np.zeros(len(at), dtype=int), azimuth, courses.chord_ft[at][order], courses.radius_ft[at][order], turn[order]
        )
        assert area[0] == pytest.approx(added[k], abs=0.02)
        checked += 1
    assert checked > 15
