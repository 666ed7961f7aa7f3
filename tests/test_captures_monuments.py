"""Monuments found against their records: who is who, how far apart, and what that says. Answers worked by hand."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.captures.frame_fit import frame_fit
from citygis.captures.monuments import monument_check, monument_findings, monument_records
from citygis.city import Tolerances
from citygis.errors import CRSError
from citygis.geodesy import Frame

FEET = "EPSG:6420"
E0, N0 = 6_337_000.0, 2_122_000.0
NAD83 = Frame("NAD83(2011)", 2010.0)


def records(*rows, **columns) -> gpd.GeoDataFrame:
    """Rows of (name, easting, northing) from a corner of the City, as a corner layer has them."""
    names, e, n = zip(*rows, strict=True)
    frame = {"corner_id": names, "kind": "FOUND", "elev_ft": np.nan, "epoch": 2010.0, **columns}
    corner = gpd.GeoDataFrame(frame, geometry=shapely.points(np.array(e) + E0, np.array(n) + N0), crs=FEET)
    return monument_records({"corner": corner})


def marks(*rows, **columns) -> gpd.GeoDataFrame:
    names, e, n = zip(*rows, strict=True)
    return gpd.GeoDataFrame({"name": names, **columns}, geometry=shapely.points(np.array(e) + E0, np.array(n) + N0), crs=FEET)


def fitted(check, tolerance_ft=0.1):
    return frame_fit(check, lambda frame: (), stated=NAD83, city_frame=NAD83, tolerance_ft=tolerance_ft, hypotheses=())


def findings(check, purpose="parcel"):
    return monument_findings(check, fitted(check), purpose=purpose, layer="corner")


def test_the_vector_runs_from_the_record_to_what_was_found():
    check = monument_check(marks(("CM-1", 3, 4)), records(("CM-1", 0, 0)), tolerance_ft=0.1).iloc[0]
    assert (check.de_ft, check.dn_ft, check.distance_ft) == pytest.approx((3, 4, 5))
    assert check.grid_azimuth_deg == pytest.approx(36.8699, abs=1e-4)  # arctan(3/4), clockwise from north
    assert (check.verdict, check.matched_by, check.monument, check.layer) == ("beyond", "identifier", "CM-1", "corner")


def test_west_of_the_record_is_azimuth_270_and_on_it_there_is_none():
    check = monument_check(marks(("A1", -2, 0), ("B1", 100, 0)), records(("A1", 0, 0), ("B1", 100, 0)), tolerance_ft=0.1)
    assert check["grid_azimuth_deg"].iloc[0] == pytest.approx(270)
    assert np.isnan(check["grid_azimuth_deg"].iloc[1])
    assert check["verdict"].tolist() == ["beyond", "within"]


@pytest.mark.parametrize("keyed", ["CM-007", "cm-7", " CM - 07 ", "Cm-7"])
def test_case_blanks_and_leading_zeros_do_not_hide_a_monument(keyed):
    check = monument_check(marks((keyed, 40, 0)), records(("CM-7", 0, 0), ("CM-70", 500, 0)), tolerance_ft=0.1).iloc[0]
    assert (check.monument, check.matched_by) == ("CM-7", "identifier")
    assert check.distance_ft == pytest.approx(40)


def test_zeros_inside_a_number_are_part_of_it():
    check = monument_check(marks(("CM-7", 300, 0)), records(("CM-70", 0, 0), ("CM-7.005", 600, 0)), tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["unmatched"]


def test_a_bare_number_far_from_the_monument_so_called_is_not_that_monument():
    record = records(("101", 0, 0), ("CM-1", 500, 0))
    check = monument_check(marks(("101", 5_000, 0), ("CM-1", 5_500, 0)), record, tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["unmatched", "beyond"]
    assert "101 too" in check["remark"].iloc[0] and "5,000 ft away" in check["remark"].iloc[0]


def test_a_bare_number_near_the_monument_so_called_is_that_monument():
    check = monument_check(marks(("0101", 5.6, 0)), records(("101", 0, 0)), tolerance_ft=0.1).iloc[0]
    assert (check.monument, check.matched_by) == ("101", "identifier")


def test_a_mark_without_a_name_is_the_only_monument_near_it():
    check = monument_check(marks((None, 0.05, 0), ("", 400, 0)), records(("CM-1", 0, 0)), tolerance_ft=0.1)
    assert check["matched_by"].tolist()[0] == "nearest" and check["monument"].iloc[0] == "CM-1"
    assert check["verdict"].tolist() == ["within", "unmatched"]


def test_a_mark_between_two_monuments_is_reported_and_not_given_to_either():
    check = monument_check(marks(("p", 3, 0)), records(("CM-1", 0, 0), ("CM-2", 8, 0)), tolerance_ft=0.1)
    row = check.iloc[0]
    assert row.verdict == "ambiguous" and np.isnan(row.distance_ft)
    assert "CM-1 (3.00 ft), CM-2 (5.00 ft)" in row.remark
    found = findings(check)
    assert "M04" in found["code"].tolist()


def test_two_marks_at_one_monument_are_both_reported_and_neither_is_chosen():
    check = monument_check(marks(("p", 1, 0), ("q", 2, 0)), records(("CM-1", 0, 0)), tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["ambiguous", "ambiguous"]
    assert "CM-1 has 2 captured marks" in check["remark"].iloc[1]


def test_a_hydrant_beside_a_monument_that_was_captured_by_name_is_not_the_monument():
    check = monument_check(marks(("CM-1", 0, 0), ("HYD", 4, 0)), records(("CM-1", 0, 0)), tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["within", "ambiguous"]


def test_a_mark_that_both_layers_hold_is_one_monument():
    place = shapely.points([[E0, N0]])
    control = gpd.GeoDataFrame(
        {"pid": ["HS9001"], "name": ["RIVERBEND 1"], "ellip_ht": [-80.0], "ortho_ht": [24.0], "epoch": [2010.0]},
        geometry=place,
        crs=FEET,
    )
    corner = gpd.GeoDataFrame({"corner_id": ["C-1"], "kind": ["CONTROL"]}, geometry=place, crs=FEET)
    both = monument_records({"control_station": control, "corner": corner})
    check = monument_check(marks(("x", 0.02, 0), ("RIVERBEND 1", 0.01, 0.01)), both, tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["ambiguous", "within"]  # of two marks at it, the named one is it
    alone = monument_check(marks(("x", 0.02, 0)), both, tolerance_ft=0.1)
    assert alone[["monument", "layer", "verdict"]].iloc[0].tolist() == ["HS9001", "control_station", "within"]


def test_two_monuments_of_one_name_are_told_apart_by_place_or_not_at_all():
    record = records(("CM-1", 0, 0), ("CM-1", 3_000, 0))
    check = monument_check(marks(("CM-1", 2, 0), ("CM-1", 1_000, 0)), record, tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["beyond", "ambiguous"]
    assert check["distance_ft"].iloc[0] == pytest.approx(2)
    assert "2 monuments have that name" in check["remark"].iloc[1]


def test_a_computed_corner_is_no_monument():
    made = records(("CM-1", 0, 0), ("CM-2", 50, 0), kind=["CALC", "SET"])
    assert made["monument"].tolist() == ["CM-2"]


def test_every_mark_comes_back_once_on_its_index():
    rng = np.random.default_rng(5)
    place = rng.uniform(0, 300, (120, 2))
    record = records(*[(f"CM-{i}", *each) for i, each in enumerate(place)])
    names = [f"CM-{i}" if i % 3 == 0 else None for i in range(80)]
    points = marks(*[(name, e + 1, n) for name, (e, n) in zip(names, place, strict=False)]).set_index(np.arange(80) * 7 + 3)
    check = monument_check(points, record, tolerance_ft=2.0)
    assert check.index.equals(points.index)
    assert set(check["verdict"]) <= {"within", "beyond", "ambiguous", "unmatched"}
    assert (check["verdict"].isin(["within", "beyond"]) == check["distance_ft"].notna()).all()
    assert (check.loc[check["verdict"] == "ambiguous", "remark"].notna()).all()
    assert (check["matched_by"] == "identifier").sum() == 27


def test_the_class_is_the_strictest_purpose_the_distance_serves():
    points = marks(*[(f"CM-{i}", i * 100 + off, 0) for i, off in enumerate([0.1, 0.4, 5, 12])])
    record = records(*[(f"CM-{i}", i * 100, 0) for i in range(4)])
    check = monument_check(points, record, tolerance_ft=1.0)
    assert check["tolerance_class"].tolist() == ["parcel", "asset", "sketch", "none"]
    loose = monument_check(points, record, tolerance_ft=1.0, tolerances=Tolerances(parcel_ft=0.5))
    assert loose["tolerance_class"].tolist() == ["parcel", "parcel", "sketch", "none"]


def test_heights_are_compared_with_their_own_kind_only():
    control = gpd.GeoDataFrame(
        {"pid": ["A1", "A2", "A3"], "ellip_ht": [-80.0, np.nan, -80.0], "ortho_ht": [24.0, 25.0, np.nan]},
        geometry=shapely.points(E0 + np.arange(3) * 100, [N0] * 3),
        crs=FEET,
    )
    points = marks(
        ("A1", 0, 0), ("A2", 100, 0), ("A3", 200, 0),
        ellipsoid_height_ft=[-79.9, -79.0, np.nan], elevation_ft=[30.0, 25.3, 24.0],
    )  # fmt: skip
    check = monument_check(points, monument_records({"control_station": control}), tolerance_ft=0.1)
    assert check["height_kind"].fillna("").tolist() == ["ellipsoid", "elevation", ""]
    assert check["dh_ft"].iloc[:2].tolist() == pytest.approx([0.1, 0.3])
    assert np.isnan(check["dh_ft"].iloc[2])  # an elevation is not compared with an ellipsoid height
    assert check["height_verdict"].fillna("").tolist() == ["within", "beyond", ""]


def test_an_antenna_height_taken_off_twice_is_found_at_the_monument():
    record = records(("CM-1", 0, 0), elev_ft=24.0)
    found = findings(monument_check(marks(("CM-1", 0, 0), elevation_ft=24 - 6.562), record, tolerance_ft=0.1))
    row = found[found["code"] == "M05"].iloc[0]
    assert row.severity == "review" and row.measure == pytest.approx(6.562)
    assert "6.56 ft below the elevation on record for CM-1" in row.message and "antenna" in row.remedy


def test_heights_are_not_judged_while_the_frame_is_in_question():
    place = [(f"CM-{i}", i * 100, 0) for i in range(5)]
    record = records(*place, elev_ft=24.0)
    points = marks(*[(name, e + 5.56, n - 1.20) for name, e, n in place], elevation_ft=22.3)
    found = findings(monument_check(points, record, tolerance_ft=0.1))
    assert found["code"].tolist() == ["M02"]


@pytest.mark.parametrize(("purpose", "severity"), [("parcel", "error"), ("asset", "review"), ("sketch", "review")])
def test_a_mark_beyond_its_tolerance_blocks_a_parcel_only(purpose, severity):
    points = marks(("CM-1", 0, 0), ("CM-2", 100, 0), ("CM-3", 200, 2))
    record = records(("CM-1", 0, 0), ("CM-2", 100, 0), ("CM-3", 200, 0))
    found = findings(monument_check(points, record, tolerance_ft=0.1), purpose)
    assert found["code"].tolist() == ["M01"]
    row = found.iloc[0]
    assert (row.severity, row.feature, row.other, row.unit) == (severity, "CM-3", "CM-3", "ft")
    assert row.measure == pytest.approx(2) and row.tolerance == 0.1
    assert row.geometry.equals(points.geometry.iloc[2])


def test_the_nearest_monument_is_never_grave():
    found = findings(monument_check(marks(("HYD", 4, 0)), records(("CM-1", 0, 0)), tolerance_ft=0.1))
    row = found[found["code"] == "M01"].iloc[0]
    assert row.severity == "review" and "only because nothing else is near" in row.message


def test_captures_without_a_monument_say_that_nothing_checks_their_frame():
    found = findings(monument_check(marks(("HYD", 4_000, 0)), records(("CM-1", 0, 0)), tolerance_ft=0.1))
    assert found["code"].tolist() == ["M03"] and found["severity"].tolist() == ["review"]
    assert "NAD83(2011)@2010.00" in found["message"].iloc[0]


def test_a_city_without_monuments_has_nothing_to_check():
    empty = monument_records({})
    check = monument_check(marks(("CM-1", 0, 0)), empty, tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["unmatched"]
    assert findings(check)["code"].tolist() == ["M03"]


def test_no_marks_at_all_give_an_empty_check():
    points = marks(("CM-1", 0, 0)).iloc[:0]
    check = monument_check(points, records(("CM-1", 0, 0)), tolerance_ft=0.1)
    assert len(check) == 0 and findings(check)["code"].tolist() == ["M03"]


def test_a_mark_without_a_position_is_unmatched():
    points = marks(("CM-1", 0, 0), ("CM-2", 0, 0))
    points.loc[1, "geometry"] = None
    check = monument_check(points, records(("CM-1", 0, 0), ("CM-2", 0, 50)), tolerance_ft=0.1)
    assert check["verdict"].tolist() == ["within", "unmatched"]


def test_marks_in_metres_or_in_another_system_are_refused():
    record, points = records(("CM-1", 0, 0)), marks(("CM-1", 0, 0))
    with pytest.raises(CRSError, match="in metres"):
        monument_check(points.set_crs("EPSG:26910", allow_override=True), record, tolerance_ft=0.1)
    with pytest.raises(CRSError, match="Convert both"):
        monument_check(points, record.set_crs("EPSG:2227", allow_override=True), tolerance_ft=0.1)
    with pytest.raises(ValueError, match="Invalid tolerance_ft 0"):
        monument_check(points, record, tolerance_ft=0)
