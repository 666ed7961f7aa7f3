"""A drafting sliver or a gore of the record: a set of cases made from deeds whose truth is known."""

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from quality_layers import COMMON, EAST, FEET, NORTH

from citygis.city import default_city
from citygis.cogo import corners, course_between, format_bearing, line_course, parse_bearing, polygon
from citygis.findings import findings_frame
from citygis.quality.gores import DRAFTING, DRAFTING_FT, RECORD, UNKNOWN, judged_by_record, judgements, verdicts
from citygis.quality.subject import finding, subject
from citygis.schema import feature_ids, schema
from citygis.topology import widths_ft

CITY = default_city()
IDS = feature_ids("parcel", pd.Series(["A", "B"]))


# --- two deeds on the ground --------------------------------------------------------------------------------------------------


def deed(places):
    """The courses of a loop as a deed writes them: bearings to the second, lengths to the hundredth."""
    loop = np.vstack([places, places[:1]])
    written = []
    for start, end in itertools.pairwise(loop):
        course = course_between(start, end)
        written.append(line_course(parse_bearing(format_bearing(course.azimuth_deg)), round(course.distance_ft, 2)))
    return written


def lots(rng, *, apart_ft=0.0, wedge_ft=0.0):
    """
    Corners of two deeds, west and east of a line that runs in any direction; the far sides stand on the ground where they belong.

    Where the line of the one is and where the line of the other is differ by ``apart_ft`` (positive leaves ground between them), at
    its far end by ``wedge_ft`` more.
    """
    deep, wide, wider = rng.uniform(90, 160), rng.uniform(50, 90), rng.uniform(50, 90)
    skew = rng.uniform(-8, 8, 4)
    west = np.array([[-wide, skew[0]], [0, 0], [0, deep], [-wide, deep + skew[1]]])
    east = np.array([[apart_ft, 0], [wider, skew[2]], [wider, deep + skew[3]], [apart_ft + wedge_ft, deep]])
    turn = np.radians(rng.uniform(0, 360))
    rotated = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return tuple(each @ rotated.T + [EAST + 500, NORTH + 500] for each in (west, east))


def boundary_lines(deeds, drawn, *, turned_deg=(0.0, 0.0), ranks=(None, None), kinds=("RECORD", "RECORD"), shared=False):
    """The courses of both deeds as boundary_line rows, drawn as their polygons are."""
    rows, shapes = [], []
    for side in (0, 1):
        for n, (course, places) in enumerate(
            zip(deeds[side], itertools.pairwise(np.vstack([drawn[side], drawn[side][:1]])), strict=True)
        ):
            on_line = n == (1 if side == 0 else 3)
            if shared and on_line and side == 1:
                continue
            rows.append(
                {
                    "line_id": f"{'AB'[side]}{n + 1}",
                    "direction_az": (course.azimuth_deg + turned_deg[side]) % 360,
                    "distance_ft": course.distance_ft,
                    "line_kind": kinds[side],
                    "left_parcel": IDS[side],
                    "right_parcel": IDS[1] if shared and on_line else None,
                    "rank": ranks[side],
                }
            )
            shapes.append(shapely.LineString(places))
    frame = gpd.GeoDataFrame(rows, geometry=gpd.GeoSeries(shapes, crs=FEET))
    frame["global_id"] = feature_ids("boundary_line", frame["line_id"])
    return frame.assign(**COMMON)


def parcels(drawn, **columns):
    frame = gpd.GeoDataFrame(
        {"apn": ["A", "B"], "global_id": IDS}, geometry=gpd.GeoSeries([*map(shapely.Polygon, drawn)], crs=FEET)
    )
    return frame.assign(**{**COMMON, "method": "COGO", **columns})


def strip_of(drawn):
    """The ground between two lots, or that they share, and its code."""
    west, east = map(shapely.Polygon, drawn)
    shared = shapely.intersection(west, east)
    hull = shapely.MultiPoint(np.vstack([drawn[0][1:3], drawn[1][[0, 3]]])).convex_hull
    open_ = shapely.difference(hull, shapely.union(west, east))
    return (shared, "T01") if shapely.area(shared) > shapely.area(open_) else (open_, "T33")


def judged(drawn, lines=None, *, code=None, **columns):
    """The row of findings of the strip between two lots, after it was judged."""
    strip, told = strip_of(drawn)
    frame = parcels(drawn, **columns)
    subjects = {"parcel": subject("parcel", frame, schema().layer("parcel"), key="apn")}
    if lines is not None:
        subjects["boundary_line"] = subject("boundary_line", lines, schema().layer("boundary_line"))
    width = widths_ft(shapely.get_parts(strip)).max()
    name = {"T01": "overlap", "T33": "sliver"}[code or told]
    row = finding(
        subjects["parcel"], told, name, np.array([0]), "Ground.", severity="error", other=["B"], measure=[width], unit="ft",
        geometry=np.array([strip]),
    )  # fmt: skip
    return judged_by_record(row, subjects, CITY).iloc[0]


def kind(row):
    return verdicts(pd.DataFrame([row]))[0]


# --- the labelled set ---------------------------------------------------------------------------------------------------------

RNG_SEED = 20250301
WIDTHS = (0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0)


def shifted_line(places, side, by_ft):
    """A lot drawn with its side on the common line moved outward by so much."""
    moved = places.copy()
    ends, far = ([1, 2], [0, 3]) if side == 0 else ([0, 3], [1, 2])
    for end, other in zip(ends, far, strict=True):
        outward = moved[end] - moved[other]
        moved[end] = moved[end] + by_ft * outward / np.hypot(*outward)
    return moved


def cases():
    """Each case: what it is called, the truth, and the arguments of `judged`."""
    rng = np.random.default_rng(RNG_SEED)
    for width in (0.03, 0.05, 0.1, *WIDTHS):  # the records agree, and one side is drawn short or long
        for sign in (1, -1):
            one, other = lots(rng)
            drawn = (one, shifted_line(other, 1, -sign * width))
            yield "agree, drawn off", DRAFTING, drawn, boundary_lines((deed(one), deed(other)), drawn)
    for width in (0.05, *WIDTHS):  # one course of a map bounds both
        one, other = lots(rng)
        drawn = (one, shifted_line(other, 1, -width))
        yield "one common course", DRAFTING, drawn, boundary_lines((deed(one), deed(other)), drawn, shared=True)
    for width in WIDTHS:
        for sign in (1, -1):
            one, other = lots(rng, apart_ft=sign * width)
            deeds = deed(one), deed(other)
            yield "disagree", RECORD, (one, other), boundary_lines(deeds, (one, other))
            turned = (0.0, rng.uniform(0.2, 1.5) * rng.choice([-1, 1]))
            yield "disagree, basis turned", RECORD, (one, other), boundary_lines(deeds, (one, other), turned_deg=turned)
        one, other = lots(rng, apart_ft=0.0, wedge_ft=width)
        yield "disagree in bearing", RECORD, (one, other), boundary_lines((deed(one), deed(other)), (one, other))
        one, other = lots(rng, apart_ft=width)
        yield "junior and senior", RECORD, (one, other), boundary_lines((deed(one), deed(other)), (one, other), ranks=(2, 1))
        nearly = (one, shifted_line(other, 1, width - 0.05))  # a drafter closed it, all but a hair
        yield "disagree, drawn shut", RECORD, nearly, boundary_lines((deed(one), deed(other)), nearly)
    for width in WIDTHS:  # a drawing that is no measure of anything, over records that agree and that do not
        for apart in (0.0, width):
            one, other = lots(rng, apart_ft=apart)
            sloppy = tuple(each + rng.normal(0, 0.4 + 0.2 * width, each.shape) for each in (one, other))
            sloppy = (sloppy[0], sloppy[1] + (0.4 + 0.2 * width) * (other[1] - other[0]) / np.hypot(*(other[1] - other[0])))
            lines = boundary_lines((deed(one), deed(other)), sloppy)
            yield (
                f"digitized sloppily, records {'agree' if not apart else 'disagree'}",
                RECORD if apart else DRAFTING,
                sloppy,
                lines,
            )
    for width in (0.02, 0.05, 0.09):  # no record: only the width can speak
        one, other = lots(rng, apart_ft=width)
        yield "no record, narrow", DRAFTING, (one, other), None
    for width in WIDTHS:
        one, other = lots(rng, apart_ft=width)
        yield "no record, wide", UNKNOWN, (one, other), None


def confusion():
    told = [(name, truth, kind(judged(drawn, lines))) for name, truth, drawn, lines in cases()]
    return pd.DataFrame(told, columns=["case", "truth", "verdict"])


@pytest.fixture(scope="module")
def table():
    return confusion()


def test_the_set_is_large_enough_to_mean_something(table):
    assert len(table) >= 60 and (table["truth"] == RECORD).sum() >= 30


def test_no_gore_of_the_record_is_called_drafting(table):
    assert not ((table["truth"] == RECORD) & (table["verdict"] == DRAFTING)).any(), table[table["truth"] == RECORD]


def test_nothing_that_the_drawing_explains_is_called_a_gore(table):
    assert not ((table["truth"] == DRAFTING) & (table["verdict"] == RECORD)).any()


def test_where_both_records_can_be_laid_out_every_verdict_is_right(table):
    clear = table[~table["case"].str.startswith("digitized")]
    assert (clear["truth"] == clear["verdict"]).all(), clear[clear["truth"] != clear["verdict"]]


def test_a_sloppy_drawing_leaves_it_open(table):
    sloppy = table[table["case"].str.startswith("digitized")]
    assert (sloppy["verdict"] == UNKNOWN).all()


# --- at the edges, and in words ------------------------------------------------------------------------------------------------


def squares(apart_ft, *, deep_ft=100.0):
    west = np.array([[0, 0], [100, 0], [100, deep_ft], [0, deep_ft]]) + [EAST, NORTH]
    east = np.array([[100 + apart_ft, 0], [200, 0], [200, deep_ft], [100 + apart_ft, deep_ft]]) + [EAST, NORTH]
    return west, east


# Two COGO lots are known to 0.07 ft each, so to hypot(0.07, 0.07) = 0.099 ft together.
@pytest.mark.parametrize(("width", "verdict"), [(0.097, DRAFTING), (0.101, UNKNOWN)])
def test_without_a_record_the_combined_accuracy_decides(width, verdict):
    assert kind(judged(squares(width))) == verdict


@pytest.mark.parametrize(("width", "verdict"), [(DRAFTING_FT - 0.003, DRAFTING), (DRAFTING_FT + 0.003, UNKNOWN)])
def test_no_accuracy_however_poor_lets_a_wide_strip_pass_for_drafting(width, verdict):
    assert kind(judged(squares(width), method="DIGITIZED")) == verdict


def laid(first_ft, then_ft):
    """Two lots that meet in the drawing's records or not: widths of record, on far corners 200 ft apart."""
    west, east = squares(0.2)
    deeds = [deed(west), deed(east)]
    for side, width in ((0, first_ft), (1, then_ft)):
        for n in (0, 2):
            deeds[side][n] = line_course(deeds[side][n].azimuth_deg, width)
    return (west, east), boundary_lines(deeds, (west, east))


# Each width may be off by 0.10 ft (1 in 5,000 of 100 ft is less), both by hypot(0.10, 0.10) = 0.141 ft.
@pytest.mark.parametrize(("short_ft", "verdict"), [(0.13, DRAFTING), (0.15, RECORD)])
def test_two_records_agree_within_the_tolerances_of_both(short_ft, verdict):
    drawn, lines = laid(100.0, 100.0 - short_ft)
    assert kind(judged(drawn, lines)) == verdict


def test_long_courses_do_not_widen_what_counts_as_agreement():
    west = np.array([[0, 0], [2000, 0], [2000, 400], [0, 400]]) + [EAST, NORTH]
    east = np.array([[2000.3, 0], [4000, 0], [4000, 400], [2000.3, 400]]) + [EAST, NORTH]
    drawn = (west, east)  # 1 in 5,000 of 2,000 ft is 0.4 ft: the records cannot tell 0.3 ft from nothing
    assert kind(judged(drawn, boundary_lines((deed(west), deed(east)), drawn))) == UNKNOWN


def test_a_gore_is_for_the_surveyor_and_says_by_how_much_the_records_differ():
    drawn = squares(3.0)
    row = judged(drawn, boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn))
    assert (row["rule"], row["severity"]) == ("record_gore", "review")
    assert "leave ground between them, up to 3.00 ft (tolerance 0.14 ft)" in row["message"]
    assert "Ask the surveyor" in row["remedy"]


def test_two_records_that_claim_the_same_ground_stay_an_error_and_the_senior_is_named():
    drawn = squares(-1.5)
    row = judged(drawn, boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn, ranks=(1, 4)))
    assert (row["rule"], row["severity"]) == ("record_overlap", "error")
    assert "overlap, by up to 1.50 ft" in row["message"] and "The record of A is the senior one." in row["message"]


def test_an_overlap_within_a_known_accuracy_is_for_review_and_within_a_guessed_one_stays_an_error():
    drawn = squares(-0.05)
    assert judged(drawn)["severity"] == "review"
    guessed = judged(drawn, method=None, h_accuracy_ft=None)
    assert (kind(guessed), guessed["severity"]) == (DRAFTING, "error")


def test_numbers_that_were_worked_out_from_the_drawing_are_no_record():
    drawn = squares(1.0)
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn, kinds=("CALCULATED", "CALCULATED"))
    assert kind(judged(drawn, lines)) == UNKNOWN


def test_a_record_on_one_side_only_settles_nothing_wide():
    drawn = squares(1.0)
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn)
    row = judged(drawn, lines[lines["left_parcel"] == IDS[0]])
    assert kind(row) == UNKNOWN and "B: no course of its record was given" in row["message"]


def test_a_natural_boundary_that_both_share_is_no_common_course():
    drawn = squares(1.0)
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn, kinds=("NATURAL", "NATURAL"), shared=True)
    assert kind(judged(drawn, lines)) == UNKNOWN


def test_ground_lengths_are_brought_to_the_grid_before_they_are_compared():
    drawn = squares(0.05)
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn)
    lines["distance_ft"] *= 1.005
    assert kind(judged(drawn, lines)) == UNKNOWN  # half a foot in a hundred: the drawing does not fit
    assert kind(judged(drawn, lines.assign(is_ground=True, scale=1 / 1.005))) == DRAFTING


def test_what_is_as_wide_as_it_is_long_is_not_judged():
    drawn = squares(3.0, deep_ft=8.0)
    row = judged(drawn, boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn))
    assert (row["rule"], row["message"]) == ("sliver", "Ground.")


@pytest.mark.parametrize("tail_ft", [0.0, 0.002])
def test_a_tail_as_thin_as_a_hair_along_the_front_does_not_hide_what_the_record_says(tail_ft):
    west, east = squares(0.0)
    drawn = [west.copy(), east]
    drawn[0][1:3] += [[-0.3, tail_ft], [-0.3, 0.0]]  # the near corner left the front, so the gap runs on along it
    hull = shapely.union(shapely.Polygon(west), shapely.Polygon(east))
    strip = shapely.difference(hull, shapely.union(*map(shapely.Polygon, drawn)))
    subjects = {"parcel": subject("parcel", parcels(drawn), schema().layer("parcel"), key="apn")}
    lines = boundary_lines((deed(west), deed(east)), drawn)
    subjects["boundary_line"] = subject("boundary_line", lines, schema().layer("boundary_line"))
    row = finding(
        subjects["parcel"], "T33", "sliver", np.array([0]), "Ground.", severity="error", other=["B"], measure=[0.3], unit="ft",
        geometry=np.array([strip]),
    )  # fmt: skip
    assert judged_by_record(row, subjects, CITY).iloc[0]["rule"] == "drafting_sliver"


def test_a_gap_of_a_tract_is_judged_by_the_lots_that_face_each_other_across_it():
    drawn = squares(1.0)
    north = np.array([[0, 100], [200, 100], [200, 150], [0, 150]]) + [EAST, NORTH]  # a third lot, at the end of the gap
    frame = parcels(drawn)
    third = frame.iloc[[0]].assign(apn="C", global_id=feature_ids("parcel", pd.Series(["C"])))
    third = third.set_geometry([shapely.Polygon(north)], crs=FEET)
    subjects = {"parcel": subject("parcel", pd.concat([frame, third]), schema().layer("parcel"), key="apn")}
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn)
    subjects["boundary_line"] = subject("boundary_line", lines, schema().layer("boundary_line"))
    row = {"code": "T02", "rule": "gap", "severity": "error", "layer": "tract", "feature": "3021", "other": None, "measure": 1.0}
    row |= {"unit": "ft", "message": "Ground.", "remedy": "", "geometry": strip_of(drawn)[0]}
    told = judged_by_record(pd.DataFrame([row]), subjects, CITY).iloc[0]
    assert (told["rule"], told["severity"]) == ("record_gore", "review")
    assert "The records of A and B leave ground" in told["message"]


def test_the_same_comes_back_for_a_findings_frame_and_other_findings_are_left_alone():
    drawn = squares(0.05)
    row = judged(drawn)
    other = {"code": "G01", "rule": "null", "severity": "error", "layer": "parcel", "message": "Nothing there."}
    frame = findings_frame([{**row.to_dict(), "rule": "sliver"}, other], crs=FEET)
    subjects = {"parcel": subject("parcel", parcels(drawn), schema().layer("parcel"), key="apn")}
    told = judged_by_record(frame, subjects, CITY)
    assert told["rule"].tolist() == ["drafting_sliver", "null"] and told.dtypes.equals(frame.dtypes)
    assert verdicts(told).tolist() == [DRAFTING, ""]
    assert frame["rule"].tolist() == ["sliver", "null"]


@pytest.mark.parametrize(("apart", "with_record"), [(0.05, False), (3.0, True), (1.0, False), (-1.5, True)])
def test_to_judge_what_was_judged_changes_nothing(apart, with_record):
    drawn = squares(apart)
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn) if with_record else None
    subjects = {"parcel": subject("parcel", parcels(drawn), schema().layer("parcel"), key="apn")}
    if with_record:
        subjects["boundary_line"] = subject("boundary_line", lines, schema().layer("boundary_line"))
    once = pd.DataFrame([judged(drawn, lines)])
    again = judged_by_record(once, subjects, CITY)
    pd.testing.assert_frame_equal(again, once)
    assert judgements(again, subjects, CITY)["kind"].tolist() == [kind(once.iloc[0])]


def test_what_was_not_judged_is_told_apart_from_what_is_unknown():
    drawn = squares(3.0, deep_ft=8.0)
    frame = parcels(drawn)
    subjects = {"parcel": subject("parcel", frame, schema().layer("parcel"), key="apn")}
    assert judgements(pd.DataFrame([judged(drawn)]), subjects, CITY)["kind"].tolist() == [""]
    wide = squares(3.0)
    subjects = {"parcel": subject("parcel", parcels(wide), schema().layer("parcel"), key="apn")}
    assert judgements(pd.DataFrame([judged(wide)]), subjects, CITY)["kind"].tolist() == [UNKNOWN]


def test_the_order_of_layers_rows_does_not_change_a_verdict():
    drawn = squares(-1.5)
    lines = boundary_lines((deed(drawn[0]), deed(drawn[1])), drawn, ranks=(1, 4))
    assert judged(drawn, lines)["message"] == judged(drawn, lines.iloc[::-1].set_axis(range(7, 15)))["message"]


def test_deeds_of_the_set_are_what_they_say():
    # The set would prove nothing if the deeds did not rebuild their lots.
    rng = np.random.default_rng(1)
    for places in lots(rng, apart_ft=1.0):
        rebuilt = corners(deed(places), places[0])[:-1]
        assert np.abs(rebuilt - places).max() < 0.02
        assert polygon(deed(places), places[0]).is_valid
