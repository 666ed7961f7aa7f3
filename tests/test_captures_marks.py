"""Marks: two occupations prove each other, one proves nothing."""

import numpy as np
import pandas as pd
import pytest
from captures_day import E0, FOOT_M, N0, captured, gate

from citygis.captures.marks import marked, repeated
from citygis.captures.occupations import occupations


def occupied(*places, names="A", **columns):
    """One single-epoch occupation per place (de, dn, height in feet), three hours apart."""
    names = [names] * len(places) if isinstance(names, str) or names is None else names
    parts = [
        captured(
            [e],
            n,
            capture="point",
            name=name,
            start=f"2026-03-04T{6 + 3 * k:02d}:00:00",
            ellipsoid_height_m=h * FOOT_M,
            **columns,
        )
        for k, ((e, n, h), name) in enumerate(zip(places, names, strict=True))
    ]
    return occupations(pd.concat(parts, ignore_index=True), gate()).frame


def test_two_occupations_are_averaged_and_their_difference_told():
    made = repeated(occupied((0, 0, -65.0), (0.03, 0.04, -65.1), h_rms_m=0.01, v_rms_m=0.02), gate(), layer="corner")
    row = made.differences.iloc[0]
    assert (row["de_ft"], row["dn_ft"], row["difference_ft"]) == pytest.approx((0.03, 0.04, 0.05), abs=1e-8)
    assert row["dh_ft"] == pytest.approx(-0.1, abs=1e-8) and row["apart_s"] == 3 * 3600 and row["independent"]
    mark = made.marks.iloc[0]
    assert (mark.geometry.x - E0, mark.geometry.y - N0) == pytest.approx((0.015, 0.02), abs=1e-8)
    assert mark["ellipsoid_height_ft"] == pytest.approx(-65.05, abs=1e-8) and mark["occupations"] == 2
    # Half the difference either way: 0.025 ft, against 0.0328 / sqrt(2) = 0.0232 ft stated.
    assert mark["h_rms_ft"] == pytest.approx(0.025, abs=1e-6)
    assert not len(made.findings)


def test_the_better_occupation_weighs_more():
    frame = occupied((0, 0, -65.0), (0.05, 0, -65.0))
    frame["h_rms_ft"] = [0.02, 0.04]
    mark = repeated(frame, gate(), layer="corner").marks.iloc[0]
    # Weights 4 to 1.
    assert mark.geometry.x - E0 == pytest.approx(0.01, abs=1e-8)


def test_an_occupation_that_does_not_know_its_figure_makes_all_weigh_the_same():
    frame = occupied((0, 0, -65.0), (0.06, 0, -65.0))
    frame["h_rms_ft"] = [0.02, np.nan]
    mark = repeated(frame, gate(), layer="corner").marks.iloc[0]
    assert mark.geometry.x - E0 == pytest.approx(0.03, abs=1e-8)


@pytest.mark.parametrize("place, said", [((0.2, 0, -65.0), "0.20 ft apart"), ((0, 0, -65.3), "0.30 ft in height")])
def test_occupations_that_disagree_are_an_error(place, said):
    made = repeated(occupied((0, 0, -65.0), place), gate(), layer="corner")
    assert made.findings["code"].tolist() == ["O02"] and made.findings["severity"].tolist() == ["error"]
    assert said in made.findings["message"].iloc[0]


def test_a_single_occupation_is_for_a_parcel_to_be_looked_at_and_for_a_sketch_not():
    frame = occupied((0, 0, -65.0))
    told = repeated(frame, gate(), layer="corner").findings
    assert told["code"].tolist() == ["O01"] and told["severity"].tolist() == ["review"]
    assert not len(repeated(frame, gate("sketch"), layer="corner").findings)


def test_two_occupations_minutes_apart_prove_nothing():
    parts = [captured([0], 0, capture="point", name="A", start=f"2026-03-04T18:{minute:02d}:00") for minute in (0, 10)]
    frame = occupations(pd.concat(parts, ignore_index=True), gate()).frame
    made = repeated(frame, gate(), layer="corner")
    assert len(frame) == 2 and not made.differences["independent"].any()
    assert made.findings["code"].tolist() == ["O01"] and "60 minutes" in made.findings["message"].iloc[0]


def test_names_are_one_mark_whatever_their_capitals_and_the_unnamed_joins_the_nearest():
    frame = occupied((0, 0, 0), (0.1, 0, 0), (0.2, 0, 0), (50, 0, 0), (50.1, 0, 0), names=["mon 1", "MON 1 ", None, None, None])
    assert marked(frame, gate(mark_radius_ft=0.5)).tolist() == [0, 0, 0, 1, 1]


def test_two_names_at_one_place_are_told():
    told = repeated(occupied((0, 0, 0), (0.1, 0, 0), names=["A", "B"]), gate("asset"), layer="corner").findings
    assert told["code"].tolist() == ["O05"] and (told["feature"].iloc[0], told["other"].iloc[0]) == ("A", "B")


def test_a_name_used_for_everything_is_compared_one_by_one():
    frame = pd.concat([occupied((0, 0, 0))] * 22, ignore_index=True)
    frame["first_time"] = frame["last_time"] = pd.Timestamp("2026-03-04", tz="UTC") + pd.to_timedelta(np.arange(22), unit="h")
    assert len(repeated(frame, gate("sketch"), layer="corner").differences) == 21
    assert len(repeated(frame.iloc[:20], gate("sketch"), layer="corner").differences) == 20 * 19 / 2


def test_no_occupations_make_no_marks():
    made = repeated(occupations(captured([], []), gate()).frame, gate(), layer="corner")
    assert len(made.marks) == 0 and len(made.differences) == 0 and len(made.findings) == 0
