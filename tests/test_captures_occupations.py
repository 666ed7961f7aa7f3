"""Occupations: blunders out, means kept to the last digit, and figures that do not promise too much."""

import numpy as np
import pandas as pd
import pytest
from captures_day import E0, FOOT_M, N0, captured, gate

from citygis.captures.gates import gates
from citygis.captures.occupations import n_effective, occupation_findings, occupations
from citygis.errors import CRSError


def test_seven_blunders_in_a_hundred_epochs_go_and_nothing_else():
    # The truth is the origin; what scatters is known, so the mean of the good ones is known too.
    rng = np.random.default_rng(20260304)
    de, dn = rng.normal(0, 0.016, 100), rng.normal(0, 0.016, 100)
    good_e, good_n = de.copy(), dn.copy()
    bad = rng.choice(100, 7, replace=False)
    de[bad] += rng.uniform(5, 40, 7)
    dn[bad] -= rng.uniform(5, 40, 7)
    made = occupations(captured(de, dn, name="A"), gate())
    row = made.frame.iloc[0]
    assert (row["n"], row["n_rejected"]) == (93, 7)
    assert sorted(made.rejected.index) == sorted(bad) and (made.rejected["reject_code"] == "E09").all()
    away = np.delete(good_e, bad).mean(), np.delete(good_n, bad).mean()
    assert (row.geometry.x - E0, row.geometry.y - N0) == pytest.approx(away, abs=1e-8)
    assert np.hypot(row.geometry.x - E0, row.geometry.y - N0) < 0.005 < 1 < np.hypot(de.mean(), dn.mean())
    # What three sigma about the mean would have done: with blunders in the sigma, some stay.
    kept = np.hypot(de - de.mean(), dn - dn.mean()) <= 3 * np.hypot(de.std(), dn.std())
    assert kept[bad].any()


def test_a_blunder_in_height_alone_goes_too():
    height_ft = np.full(60, -65.0)
    height_ft[17] += 1.0
    made = occupations(captured(np.zeros(60), 0, name="A", ellipsoid_height_m=height_ft * FOOT_M), gate())
    assert made.rejected.index.tolist() == [17] and "in height" in made.rejected["reject_message"].iloc[0]
    assert made.frame["ellipsoid_height_ft"].iloc[0] == pytest.approx(-65.0, abs=1e-9)


def test_values_that_are_all_equal_reject_neither_each_other_nor_their_neighbours():
    # Quantised to a centimetre: most are equal, so the median absolute deviation is nothing.
    de = np.zeros(50)
    de[[3, 30]] = 0.0328
    assert not len(occupations(captured(de, 0, name="A"), gate(outlier_floor_ft=0.04)).rejected)
    assert len(occupations(captured(de, 0, name="A"), gate(outlier_floor_ft=0.0)).rejected) == 2


def test_two_epochs_have_no_majority():
    made = occupations(captured([0, 5], 0, name="A"), gate())
    assert made.frame["n"].tolist() == [2] and not len(made.rejected)


def test_every_capture_is_in_an_occupation_or_rejected():
    rng = np.random.default_rng(1)
    de = np.concatenate([np.arange(300) * 0.8, np.full(300, 240.0)]) + rng.normal(0, 0.02, 600)
    de[[400, 450]] += 9
    captures = captured(de, rng.normal(0, 0.02, 600), every_s=0.2).set_axis(np.arange(600) * 3 + 7)
    made = occupations(captures, gate())
    assert made.frame["n"].sum() + len(made.rejected) == 600
    assert made.frame["n_rejected"].sum() == (made.rejected["reject_code"] == "E09").sum() == 2
    assert set(made.rejected["reject_code"]) == {"E09", "E10"} and made.rejected.index.isin(captures.index).all()


def test_the_worst_of_each_figure_is_kept_and_the_first_of_each_text():
    captures = captured(
        np.zeros(3),
        0,
        name="A",
        fix_type=["FIXED", "FLOAT", "STATIC"],
        hdop=[0.9, 1.7, 1.1],
        correction_age_s=[1.0, 1.0, 4.0],
        satellites=[14, 9, 12],
        station=[None, "RTCM0", "RTCM0"],
        antenna_height_m=2.0,
        elevation=[20.0, 20.2, 20.1],
        elevation_unit="ft_us",
        vertical_datum="NAVD88",
        capture="point",
    ).assign(source_ref=["line 1", "line 2", "line 3"])
    row = occupations(captures, gate()).frame.iloc[0]
    assert (row["fix_type"], row["hdop"], row["correction_age_s"], row["satellites"]) == ("FLOAT", 1.7, 4.0, 9)
    assert (row["station"], row["source_ref"]) == ("RTCM0", "line 1")
    assert row["antenna_height_ft"] == pytest.approx(2.0 / FOOT_M) and row["elevation_ft"] == pytest.approx(20.1)
    assert row["span_s"] == 2.0 and row["first_time"] == pd.Timestamp("2026-03-04T18:00:00Z")
    # 4 March is day 63 of 365: 62 days, 18 hours and one second have passed.
    assert row["epoch_observed"] == pytest.approx(2026 + (62 + 18 / 24 + 1 / 86400) / 365, abs=1e-9)


def test_equal_scatter_on_both_axes_is_told_along_each():
    # -1, 0, 1 has a standard deviation of 1.
    row = occupations(captured([-1, 0, 1], [1, 0, -1], name="A"), gate()).frame.iloc[0]
    assert (row["s_e_ft"], row["s_n_ft"]) == (1.0, 1.0)
    assert row["n_effective"] == 1 and row["h_rms_ft"] == pytest.approx(np.sqrt(2))


def test_what_the_receiver_states_is_taken_where_it_is_larger():
    stated = occupations(captured(np.zeros(60), 0, name="A", h_rms_m=0.02, v_rms_m=0.03), gate()).frame.iloc[0]
    assert stated["h_rms_ft"] == pytest.approx(0.02 / FOOT_M) and stated["v_rms_ft"] == pytest.approx(0.03 / FOOT_M)
    alone = occupations(captured([0], 0, name="A"), gate()).frame.iloc[0]
    assert np.isnan(alone["h_rms_ft"]) and np.isnan(alone["s_e_ft"])


def correlated(sigma, lasting_s, every_s, n, rng):
    """Noise with an exponential memory (Gauss and Markov)."""
    phi = np.exp(-every_s / lasting_s)
    steps = rng.normal(0, sigma, (2, n))
    values = steps.copy()
    for k in range(1, n):
        values[:, k] = phi * values[:, k - 1] + np.sqrt(1 - phi**2) * steps[:, k]
    return values


def test_the_standard_error_of_the_mean_is_never_published():
    # Trap 44: one minute at 5 Hz of noise that lasts a minute. s / sqrt(n) claims a thirtieth of the real error.
    rng = np.random.default_rng(7)
    real, stated, claimed = [], [], []
    for _ in range(60):
        de, dn = correlated(0.1, 60.0, 0.2, 300, rng)
        row = occupations(captured(de, dn, name="A", every_s=0.2), gate()).frame.iloc[0]
        real.append(np.hypot(row.geometry.x - E0, row.geometry.y - N0))
        stated.append(row["h_rms_ft"])
        claimed.append(np.hypot(row["s_e_ft"], row["s_n_ft"]) / np.sqrt(row["n"]))
    real, stated, claimed = (np.sqrt(np.mean(np.square(v))) for v in (real, stated, claimed))
    assert real / claimed > 20
    assert real / stated < 2.5


def test_a_minute_is_worth_one_more_value_however_white_its_noise():
    rng = np.random.default_rng(2)
    row = occupations(captured(rng.normal(0, 0.02, 121), rng.normal(0, 0.02, 121), name="A"), gate(correlation_s=60.0)).frame.iloc[
        0
    ]
    assert row["span_s"] == 120 and row["n_effective"] == 3.0
    assert row["h_rms_ft"] == pytest.approx(np.hypot(row["s_e_ft"], row["s_n_ft"]) / np.sqrt(2))


def test_effective_values_of_noise_with_a_memory_agree_with_theory():
    # An autoregressive series of coefficient 0.9 is worth n (1 - 0.9) / (1 + 0.9): 105 of 2,000.
    rng = np.random.default_rng(4)
    series = [correlated(1.0, -1 / np.log(0.9), 1.0, 2000, rng)[0] for _ in range(40)]
    assert np.mean([n_effective(values) for values in series]) == pytest.approx(2000 * 0.1 / 1.9, rel=0.1)
    white = [n_effective(rng.normal(size=1000)) for _ in range(40)]
    assert np.mean(white) == pytest.approx(1000, rel=0.1)
    assert n_effective(np.array([1.0, 2.0, 3.0])) == 1.0


def test_an_occupation_too_short_or_too_rough_is_told():
    rng = np.random.default_rng(6)
    long = captured(rng.normal(0, 0.02, 90), rng.normal(0, 0.02, 90), name="long")
    short = captured(rng.normal(0, 0.02, 20), rng.normal(0, 0.02, 20), name="short", start="2026-03-04T19:00:00")
    rough = captured(rng.normal(0, 0.6, 90), rng.normal(0, 0.6, 90), name="rough", start="2026-03-04T20:00:00")
    made = occupations(pd.concat([long, short, rough], ignore_index=True), gate())
    told = occupation_findings(made.frame, gate(), layer="corner").set_index("feature")
    assert told["code"].to_dict() == {"short": "O03", "rough": "O04"}
    assert told.loc["rough", "severity"] == "error" and told["remedy"].notna().all()


def test_a_row_that_the_receiver_averaged_itself_is_judged_by_its_samples():
    captures = captured([0, 100], 0, capture="point", name=["a", "b"], samples=[60, 5])
    made = occupations(captures, gate(min_epochs=30, min_occupation_s=60.0))
    assert occupation_findings(made.frame, gate(min_epochs=30), layer="corner")["feature"].tolist() == ["b"]


def test_degrees_and_missing_positions_are_refused():
    with pytest.raises(CRSError):
        occupations(captured([0], 0, crs="EPSG:4326"), gate())
    with pytest.raises(ValueError, match="position"):
        occupations(captured([np.nan], 0), gate())


def test_no_captures_make_no_occupations():
    made = occupations(captured([], []), gates()["parcel"])
    assert len(made.frame) == 0 and len(made.rejected) == 0 and "h_rms_ft" in made.frame


def test_the_input_is_not_modified():
    captures = captured([0, 1, 2], 0, name="A")
    before = captures.copy()
    occupations(captures, gate())
    pd.testing.assert_frame_equal(pd.DataFrame(captures), pd.DataFrame(before))


def test_a_fix_that_changed_halfway_is_told():
    # 55 epochs at one place and 45 half a foot east of it: the longer half is kept, and looks good to a hundredth.
    de = np.where(np.arange(100) < 55, 0.0, 0.5) + np.tile([0.0, 0.01], 50)
    frame = occupations(captured(de, 0, name="A"), gate()).frame
    found = occupation_findings(frame, gate(), layer="corner").set_index("code")
    assert "O06" in found.index and "45 of 100" in found.loc["O06", "message"]


def test_a_quarter_of_outliers_is_not_told_as_a_change():
    de = np.where(np.arange(100) < 80, 0.0, 2.0) + np.tile([0.0, 0.01], 50)
    frame = occupations(captured(de, 0, name="A"), gate()).frame
    assert frame["n_rejected"].item() == 20
    assert "O06" not in occupation_findings(frame, gate(), layer="corner")["code"].tolist()
