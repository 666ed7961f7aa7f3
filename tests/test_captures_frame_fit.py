"""Which frame the captures fit: a frame error is told from a blunder, a wrong epoch, noise, and what nobody explains."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.captures.frame_fit import Hypothesis, frame_fit, packaged_hypotheses
from citygis.captures.monuments import monument_check, monument_findings, monument_records
from citygis.errors import CRSError
from citygis.geodesy import Frame, Velocity, parse_frame, transform_points

FEET = "EPSG:6420"
NAD83 = Frame("NAD83(2011)", 2010.0)
ITRF = Frame("ITRF2014", 2026.0)
OBSERVED = 2026.0

# How far the same numbers, taken to be in each frame, come to lie from where they lie as NAD83(2011)@2010.00, east and north in
# feet: the Helmert shift and the motion of the ground as published for this place (5.56 ft east and 1.20 ft south by 2026;
# 0.30 ft and 0.33 ft a decade); between epochs of NAD83 the motion alone.
SHIFTS = {
    "NAD83(2011)@2010.00": (0, 0),
    "NAD83(2011)@2017.50": (0.230, -0.247),
    "NAD83(2011)@2025.00": (0.459, -0.493),
    "NAD83(2011)@2007.00": (-0.092, 0.099),
    "NAD83(2011)@1998.50": (-0.352, 0.378),
    "NAD83(2011)@1991.35": (-0.571, 0.613),
    "ITRF2014@2026.0": (5.56, -1.20),
    "ITRF2014": (5.56, -1.20),
    "ITRF2020": (5.56, -1.196),
}


def shift(frame) -> np.ndarray:
    return np.array(SHIFTS.get(str(frame), SHIFTS.get(str(frame).replace("2026.00", "2026.0"))), dtype=float)


def day(*, true=NAD83, stated, n=12, noise=0.02, blunders=(), wrong_by=(0, 0), tolerance_ft=0.1, seed=1):
    """Captures of n monuments that are in `true`, placed as `stated`: the check, and what the frame fit makes of it."""
    rng = np.random.default_rng(seed)
    record = np.array([6_337_000.0, 2_122_000.0]) + rng.uniform(0, 8_000, (n, 2))
    numbers = record - shift(true) + rng.normal(0, noise, (n, 2)) + wrong_by
    for at, vector in blunders:
        numbers[at] += vector
    names = [f"CM-{i}" for i in range(n)]
    corner = gpd.GeoDataFrame({"corner_id": names, "kind": "FOUND"}, geometry=shapely.points(record), crs=FEET)
    points = gpd.GeoDataFrame({"name": names}, geometry=shapely.points(numbers + shift(stated)), crs=FEET)
    check = monument_check(points, monument_records({"corner": corner}), tolerance_ft=tolerance_ft)
    fit = frame_fit(check, lambda frame: (numbers + shift(frame)).T, stated=stated, city_frame=NAD83, tolerance_ft=tolerance_ft)
    return check, fit, monument_findings(check, fit, purpose="parcel", layer="corner")


def test_captures_in_the_frame_that_was_stated_agree():
    _, fit, findings = day(stated=NAD83)
    assert fit.verdict == "agrees" and len(findings) == 0
    assert fit.message.startswith("the captures agree with 12 monuments to 0.0")


def test_corrections_in_nad83_that_were_said_to_be_itrf_are_found_out():
    check, fit, findings = day(stated=ITRF)
    assert fit.verdict == "other_frame"
    assert fit.best == ("as NAD83(2011)@2010.00",)
    assert fit.stated_ft == pytest.approx(5.69, abs=0.03) and fit.best_ft < 0.04
    assert findings["code"].tolist() == ["M02"] and findings["severity"].tolist() == ["error"]
    said = findings["message"].iloc[0]
    assert "as NAD83(2011)@2010.00, and to 5.6" in said and "as stated (ITRF2014@2026" in said
    assert "the stated frame is wrong, or the corrections were in another" in said
    assert (check["verdict"] == "beyond").all()  # every mark is off, and none of them is blamed


def test_itrf_that_was_said_to_be_nad83_is_found_out_and_its_twins_are_named():
    _, fit, _ = day(true=ITRF, stated=NAD83)
    assert fit.verdict == "other_frame"
    assert fit.best == ("as ITRF2014", "as ITRF2020") or fit.best == ("as ITRF2020", "as ITRF2014")


def test_a_second_shift_of_what_was_nad83_already_is_found_out():
    _, fit, _ = day(stated=NAD83, wrong_by=shift(ITRF))
    assert fit.verdict == "other_frame"
    assert fit.best == ("as NAD83(2011)@2010.00 shifted from ITRF2014 once too often",)


def test_a_wrong_epoch_of_a_third_of_a_foot_is_named():
    _, fit, findings = day(true=Frame("NAD83(2011)", 2017.5), stated=NAD83)
    assert fit.verdict == "other_frame" and fit.best == ("as NAD83(2011)@2017.50",)
    assert fit.stated_ft == pytest.approx(0.3375, abs=0.03)  # hypot(0.230, 0.247)
    assert findings["code"].tolist() == ["M02"]


def test_a_wrong_epoch_within_the_tolerance_of_an_asset_is_told_and_no_error():
    _, fit, findings = day(true=Frame("NAD83(2011)", 2017.5), stated=NAD83, tolerance_ft=1.0)
    assert fit.verdict == "agrees" and len(findings) == 0
    assert "to 0.02 ft as NAD83(2011)@2017.50" in fit.message


def test_records_of_an_old_epoch_are_named_as_that_and_not_as_a_frame_of_the_captures():
    # The records were never moved: the ground went 0.571 ft west and 0.613 ft north from 1991.35 to 2010.00.
    _, fit, _ = day(stated=NAD83, wrong_by=(-0.571, 0.613))
    assert fit.verdict == "other_frame"
    assert fit.best == ("as stated, with the monuments' records in NAD83(2011)@1991.35 instead of NAD83(2011)@2010.00",)


def test_one_blunder_of_the_size_of_a_frame_error_is_a_blunder():
    _, fit, findings = day(stated=NAD83, blunders=[(4, (5.56, -1.20))])
    assert fit.verdict == "agrees"
    assert findings["code"].tolist() == ["M01"] and findings["feature"].tolist() == ["CM-4"]
    assert findings["measure"].iloc[0] == pytest.approx(5.69, abs=0.1)


def test_a_blunder_within_a_frame_error_is_still_found_and_measured_without_it():
    _, fit, findings = day(stated=ITRF, blunders=[(4, (0, 3))])
    assert fit.verdict == "other_frame"
    assert findings["code"].tolist() == ["M01", "M02"] or findings["code"].tolist() == ["M02", "M01"]
    blunder = findings[findings["code"] == "M01"].iloc[0]
    assert blunder.feature == "CM-4" and blunder.measure == pytest.approx(3, abs=0.1)
    assert "the vector that all marks share aside" in blunder.message


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_never_a_frame(seed):
    _, fit, findings = day(stated=NAD83, noise=0.5, n=3 + seed, seed=seed)
    assert fit.verdict == "scattered"
    assert set(findings["code"]) == {"M01"} and "each its own way" in fit.message


def test_many_marks_that_lean_one_way_do_not_share_a_vector():
    # 300 hydrants beside corners, on average 2 ft east of them: certain as a mean, and no frame.
    _, fit, _ = day(stated=NAD83, n=300, noise=4, wrong_by=(2, 0))
    assert fit.verdict == "scattered"


def test_a_frame_that_fits_only_a_little_better_explains_nothing():
    check, *_ = day(stated=NAD83, noise=0.01, wrong_by=(0.13, 0))
    found = shapely.get_coordinates(check.geometry.array)
    little = [Hypothesis("captures", parse_frame("NAD83(2011)@2009.00"))]
    fit = frame_fit(check, lambda frame: (found - [0.05, 0]).T, stated=NAD83, city_frame=NAD83, tolerance_ft=0.1, hypotheses=little)
    assert fit.verdict == "common_shift" and fit.fits["median_ft"].iloc[0] == pytest.approx(0.08, abs=0.01)


def test_a_base_on_a_wrong_position_is_a_shift_that_nobody_explains():
    _, fit, findings = day(stated=NAD83, wrong_by=(2, 3))
    assert fit.verdict == "common_shift" and fit.best == ()
    assert (fit.shift_e_ft, fit.shift_n_ft) == pytest.approx((2, 3), abs=0.03)
    assert findings["code"].tolist() == ["M02"]
    assert "3.6" in fit.message and "azimuth 34 degrees" in fit.message  # hypot(2, 3), arctan(2/3) = 33.7


def test_a_few_bad_marks_among_many_do_not_hide_a_wrong_frame():
    _, fit, _ = day(stated=ITRF, blunders=[(0, (40, 0)), (1, (0, -9)), (2, (-20, 20))])
    assert fit.verdict == "other_frame" and fit.best == ("as NAD83(2011)@2010.00",)


def test_one_monument_is_said_to_be_weak():
    _, fit, findings = day(stated=ITRF, n=1)
    assert fit.verdict == "other_frame" and "one monument only" in fit.message
    assert "M02" in findings["code"].tolist()


def test_one_monument_off_by_what_no_frame_explains_is_a_mark_and_no_frame():
    _, fit, findings = day(stated=NAD83, n=1, wrong_by=(2, 3))
    assert fit.verdict == "scattered" and "occupy a second" in fit.message
    assert findings["code"].tolist() == ["M01"]


def test_two_monuments_are_said_to_be_weak():
    _, fit, _ = day(stated=ITRF, n=2)
    assert fit.verdict == "other_frame" and "two monuments only" in fit.message


def test_two_monuments_that_disagree_are_no_frame():
    _, fit, findings = day(stated=NAD83, n=2, blunders=[(0, (5.56, -1.20))])
    assert fit.verdict == "scattered" and findings["code"].tolist() == ["M01"]


def test_marks_matched_by_nearness_do_not_outvote_the_named_ones():
    rng = np.random.default_rng(2)
    record = np.array([6_337_000.0, 2_122_000.0]) + np.arange(30)[:, None] * [200, 0]
    found = record + shift(ITRF)
    found[4:] = record[4:] + rng.uniform(-6, 6, (26, 2))  # hydrants, each near some corner
    corner = gpd.GeoDataFrame({"corner_id": [f"C{i}" for i in range(30)], "kind": "SET"}, geometry=shapely.points(record), crs=FEET)
    names = [f"C{i}" if i < 4 else None for i in range(30)]
    points = gpd.GeoDataFrame({"name": names}, geometry=shapely.points(found), crs=FEET)
    check = monument_check(points, monument_records({"corner": corner}), tolerance_ft=0.1)
    fit = frame_fit(check, lambda frame: (found - shift(ITRF) + shift(frame)).T, stated=ITRF, city_frame=NAD83, tolerance_ft=0.1)
    assert fit.used.sum() == 4 and fit.verdict == "other_frame"


def test_a_frame_that_cannot_be_reached_is_listed_with_the_reason():
    def place(frame):
        if "ITRF" in str(frame):
            raise CRSError("the grid is missing")
        return found.T

    check, *_ = day(stated=NAD83)
    found = shapely.get_coordinates(check.geometry.array)
    fit = frame_fit(check, place, stated=NAD83, city_frame=NAD83, tolerance_ft=0.1)
    remarks = fit.fits.set_index("hypothesis")["remark"]
    assert remarks["as ITRF2014"] == "not tried: the grid is missing"
    assert len(fit.fits) == len(packaged_hypotheses()) - 1  # what was stated is not tried against itself


def test_the_fits_are_ordered_best_first_and_name_all_that_was_tried():
    _, fit, _ = day(stated=ITRF)
    assert fit.fits["median_ft"].is_monotonic_increasing
    assert fit.fits["hypothesis"].iloc[0] == "as NAD83(2011)@2010.00"
    again = fit.fits.set_index("hypothesis")
    assert again.loc["as NAD83(2011)@2017.50", "shift_ft"] == pytest.approx(np.hypot(0.230, 0.247), abs=0.02)


def test_every_packaged_hypothesis_says_how_it_comes_about():
    for each in packaged_hypotheses():
        assert isinstance(each.frame, Frame) and len(each.because) > 20
        assert (each.shifted_from is not None) == (each.kind == "shifted_twice")


def test_the_hypotheses_can_be_chosen():
    check, *_ = day(stated=ITRF)
    found = shapely.get_coordinates(check.geometry.array)
    only = [Hypothesis("captures", parse_frame("NAD83(2011)@1991.35"))]
    fit = frame_fit(
        check,
        lambda frame: (found - shift(ITRF) + shift(frame)).T,
        stated=ITRF,
        city_frame=NAD83,
        tolerance_ft=0.1,
        hypotheses=only,
    )
    assert fit.verdict == "common_shift" and len(fit.fits) == 1


def test_the_real_transformation_shows_the_five_feet_and_where_they_come_from():
    velocity = Velocity(north_mm_yr=10.03, east_mm_yr=-9.33, source="NGS HTDP 3.6.0")
    lon, lat = -121.276 + np.arange(6) * 0.003, 37.822 + np.arange(6) * 0.002

    def place(frame):
        points, _ = transform_points(
            lon, lat, np.full(6, -20.0), source=frame, source_crs="EPSG:6319", target=NAD83, target_crs=FEET,
            observed=OBSERVED, velocity=velocity, tolerance_ft=1.0,
        )  # fmt: skip
        return points.easting, points.northing

    names = [f"CM-{i}" for i in range(6)]
    record = gpd.GeoDataFrame({"corner_id": names, "kind": "FOUND"}, geometry=shapely.points(*place(NAD83)), crs=FEET)
    points = gpd.GeoDataFrame({"name": names}, geometry=shapely.points(*place(ITRF)), crs=FEET)
    check = monument_check(points, monument_records({"corner": record}), tolerance_ft=0.1)
    fit = frame_fit(check, place, stated=ITRF, city_frame=NAD83, tolerance_ft=0.1)
    assert fit.verdict == "other_frame" and fit.best == ("as NAD83(2011)@2010.00",)
    # PROJ 9.5.1: the null shift from WGS 84 is 5.69 ft from the right answer at this place.
    assert fit.stated_ft == pytest.approx(5.69, abs=0.02)
