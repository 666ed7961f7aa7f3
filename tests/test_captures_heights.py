"""Heights: the antenna's height off once, and nothing called an elevation that a survey did not call so."""

import numpy as np
import pandas as pd
import pytest
from captures_day import FOOT_M, captured, gate

from citygis.captures.heights import antenna_findings, elevation_ft, height_findings, mark_heights
from citygis.captures.marks import marked
from citygis.captures.occupations import occupations


def heights(**columns):
    n = max(len(v) for v in columns.values() if isinstance(v, list))
    return captured(np.zeros(n), 0, **columns)


def test_the_antenna_height_is_taken_off_once():
    captures = heights(ellipsoid_height_m=[-18.0, -20.0], antenna_height_m=2.0, height_at=["antenna", "mark"])
    once = mark_heights(captures)
    assert once.frame["ellipsoid_height_m"].tolist() == [-20.0, -20.0]
    assert once.frame["height_at"].tolist() == ["mark", "mark"]
    again = mark_heights(once.frame)
    assert again.frame["ellipsoid_height_m"].tolist() == [-20.0, -20.0]
    assert not len(once.findings) and captures["ellipsoid_height_m"].iloc[0] == -18.0


def test_a_height_that_may_be_the_antennas_is_left_and_said_so():
    captures = heights(
        ellipsoid_height_m=[-18.0, -18.0, None], antenna_height_m=[None, 2.0, 2.0], height_at=["antenna", None, "antenna"]
    )
    told = mark_heights(captures)
    assert told.frame["ellipsoid_height_m"].tolist()[:2] == [-18.0, -18.0]
    assert told.findings["code"].tolist() == ["H03"] and told.findings["measure"].iloc[0] == 2


def test_a_tilted_pole_is_not_reduced_as_if_it_stood_upright():
    # 2 m at 5 degrees: the antenna is 0.17 m (0.57 ft) beside the mark; at a quarter of a degree 0.03 ft.
    captures = heights(ellipsoid_height_m=[-18.0, -18.0], antenna_height_m=2.0, height_at="antenna")
    told = mark_heights(captures, tilt_deg=pd.Series([5.0, 0.2]))
    assert told.frame["ellipsoid_height_m"].tolist() == [-18.0, -20.0]
    assert told.findings["code"].tolist() == ["H04"]


@pytest.mark.parametrize("unit, feet", [("ft_us", 20.0), ("ft", 20.0 * 0.3048 * 3937 / 1200), ("m", 20.0 * 3937 / 1200)])
def test_a_stated_elevation_is_given_in_survey_feet(unit, feet):
    stated = heights(capture="point", elevation=[20.0], elevation_unit=unit, vertical_datum="NAVD88")
    assert elevation_ft(stated).iloc[0] == pytest.approx(feet, abs=1e-12)


@pytest.mark.parametrize("kind", ["waypoint", "track", "route", "photo", "epoch"])
def test_the_ele_of_a_gpx_file_is_never_an_elevation(kind):
    # Trap 45: it may be above the ellipsoid or above a sea level; nobody knows.
    assert elevation_ft(heights(capture=kind, elevation=[20.0], elevation_unit="m")).isna().all()


def test_neither_an_ellipsoid_height_nor_a_receivers_sea_level_is_an_elevation():
    # Trap 10: the two are about 104 ft apart here.
    captures = heights(capture="point", ellipsoid_height_m=[-20.0], msl_height_m=11.7)
    assert elevation_ft(captures).isna().all()
    for datum in ("EGM96", "EGM2008", "WGS 84 ellipsoid"):
        assert elevation_ft(heights(capture="point", elevation=[20.0], elevation_unit="m", vertical_datum=datum)).isna().all()
    assert (
        elevation_ft(heights(capture="point", elevation=[20.0], elevation_unit="m", vertical_datum="NAVD88(GEOID18)")).notna().all()
    )


def test_an_elevation_without_its_unit_is_not_guessed():
    assert elevation_ft(heights(capture="point", elevation=[20.0])).isna().all()


def test_a_receivers_elevation_above_no_named_datum_is_none():
    # Trap 10: with no geoid set, receivers export the ellipsoid height under the title "Elevation".
    row = {"capture": "point", "elevation": [-65.6], "elevation_unit": "ft_us", "fix_type": "FIXED"}
    assert elevation_ft(heights(**row)).isna().all()
    assert elevation_ft(heights(**row, vertical_datum="NAVD88")).notna().all()


def test_heights_that_are_not_written_are_counted():
    captures = heights(
        capture=["point", "point", "epoch"],
        ellipsoid_height_m=[-20.0, -20.0, -20.0],
        msl_height_m=[None, None, 11.7],
        elevation=[20.0, 20.0, None],
        elevation_unit=["ft_us", None, None],
        vertical_datum="NAVD88",
    )
    told = height_findings(captures)
    assert told["code"].tolist() == ["H02"] and told["severity"].tolist() == ["info"]
    message = told["message"].iloc[0]
    assert "2 ellipsoid heights" in message and "1 sea level" in message and "1 elevations without" in message
    assert not len(height_findings(captures.iloc[:1]))


def occupied(*heights_ft, antenna_ft=6.562, noise_ft=0.02):
    """Occupations of one mark, hours apart, each of 60 epochs about a height."""
    rng = np.random.default_rng(5)
    parts = [
        captured(
            np.zeros(60),
            0,
            name="101",
            start=f"2026-03-04T{8 + 3 * k:02d}:00:00",
            ellipsoid_height_m=(height + rng.normal(0, noise_ft, 60)) * FOOT_M,
            antenna_height_m=antenna_ft * FOOT_M,
        )
        for k, height in enumerate(heights_ft)
    ]
    frame = occupations(pd.concat(parts, ignore_index=True), gate()).frame
    return frame.assign(mark=marked(frame, gate()))


def test_an_antenna_height_never_taken_off_is_named_among_three():
    told = antenna_findings(occupied(-65.0, -65.02, -65.0 + 6.562), layer="corner")
    assert told["code"].tolist() == ["H01"] and told["severity"].tolist() == ["error"]
    assert told["other"].iloc[0] == "2" and "was not taken off" in told["message"].iloc[0]
    assert told["measure"].iloc[0] == pytest.approx(6.562, abs=0.05)


def test_an_antenna_height_taken_off_twice_is_named_among_three():
    told = antenna_findings(occupied(-65.0, -65.0 - 6.562, -65.02), layer="corner")
    assert told["other"].tolist() == ["1"] and "taken off twice" in told["message"].iloc[0]


def test_of_a_pair_both_ways_are_told():
    told = antenna_findings(occupied(-65.0, -65.0 - 6.562), layer="corner")
    assert len(told) == 1 and "occupation 1" in told["message"].iloc[0] and told["other"].iloc[0] == "0"


def test_a_height_on_record_decides():
    known = pd.Series({"101": -65.0})
    told = antenna_findings(occupied(-65.0, -65.0 - 6.562), layer="corner", known_height_ft=known)
    assert told["other"].tolist() == ["1"] and "taken off twice" in told["message"].iloc[0]
    alone = antenna_findings(occupied(-65.0 + 6.562), layer="corner", known_height_ft=known)
    assert len(alone) == 1 and "not taken off" in alone["message"].iloc[0]


@pytest.mark.parametrize("off_ft", [0.0, 6.562 - 0.2, 6.562 + 0.2, 3.281])
def test_another_difference_is_not_blamed_on_the_antenna(off_ft):
    assert not len(antenna_findings(occupied(-65.0, -65.0 + off_ft), layer="corner"))


def test_scatter_as_large_as_the_antenna_height_proves_nothing():
    rough = occupied(-65.0, -65.0 + 6.562)
    rough["v_rms_ft"] = 3.0
    assert not len(antenna_findings(rough, layer="corner"))
