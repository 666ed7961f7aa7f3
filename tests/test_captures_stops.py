"""Which captures belong together: names, silences, stops of a stream, points taken side by side."""

import numpy as np
import pandas as pd
from captures_day import captured, gate

from citygis.captures.stops import grouped, seconds


def walk(*legs, noise_ft=0.02, every_s=0.2, seed=3, **columns):
    """A stream: legs of (seconds, feet per second to the east), with noise."""
    speed = np.concatenate([np.full(round(lasts / every_s), v) for lasts, v in legs])
    rng = np.random.default_rng(seed)
    de = np.cumsum(speed) * every_s + rng.normal(0, noise_ft, len(speed))
    return captured(de, rng.normal(0, noise_ft, len(speed)), every_s=every_s, **columns)


def test_a_name_with_a_long_silence_is_two_occupations_of_it():
    time = pd.to_datetime(["2026-03-04T18:00:00Z", "2026-03-04T18:00:30Z", "2026-03-04T18:02:31Z", "2026-03-05T18:02:31Z"])
    told = grouped(captured(np.zeros(4), 0, name="A", time=time), gate(occupation_gap_s=120.0))
    assert told.occupation.tolist() == [0, 0, 1, 2]


def test_midnight_does_not_cut_an_occupation():
    told = grouped(captured(np.zeros(10), 0, name="A", start="2026-03-04T23:59:55"), gate())
    assert set(told.occupation) == {0}


def test_two_names_and_two_sources_are_two_occupations():
    captures = captured(np.zeros(4), 0, name=["A", "B", "A", "A"]).assign(source_id=["s", "s", "s", "t"])
    assert grouped(captures, gate()).occupation.tolist() == [0, 1, 0, 2]


def test_a_stream_is_cut_into_its_stops_and_what_moves_is_told():
    captures = walk((60, 4), (60, 0), (60, 4), (120, 0))
    told = grouped(captures, gate())
    stop = told.occupation
    assert stop.max() == 1
    # Two seconds at either end of a leg are within the window over which speed is taken.
    assert (stop[310:590] == 0).all() and (stop[910:] == 1).all()
    assert (stop[:290] == -1).all() and (told.reason[:290] == "E10").all() and (stop[610:890] == -1).all()


def test_a_blunder_does_not_cut_a_stop():
    captures = walk((120, 0))
    captures.geometry = captures.geometry.where(captures.index != 300, captures.geometry.translate(6, 0))
    told = grouped(captures, gate())
    assert set(told.occupation) == {0}


def test_a_slow_walk_is_no_stop():
    # 2 ft/s is a slow walk.
    assert (grouped(walk((120, 2)), gate()).occupation == -1).all()


def test_creeping_away_is_no_stop_of_its_whole_length():
    # 0.1 ft/s is below the speed of a stop, but in two minutes it goes 12 ft.
    captures = walk((120, 0.1), noise_ft=0.0)
    told = grouped(captures, gate(stop_radius_ft=0.3))
    held = captures.geometry.x[told.occupation == 0]
    assert held.max() - held.min() <= 0.6 + 0.2  # the radius either way, and the running median's own step


def test_a_short_rest_is_no_stop():
    assert (grouped(walk((30, 4), (4, 0), (30, 4)), gate(stop_min_s=5.0)).occupation == -1).all()


def test_a_pause_in_the_recording_does_not_make_a_stop_two():
    captures = walk((120, 0))
    told = grouped(captures[(captures.index < 200) | (captures.index > 400)], gate(occupation_gap_s=60.0))
    assert set(told.occupation) == {0}
    told = grouped(captures[(captures.index < 200) | (captures.index > 400)], gate(occupation_gap_s=30.0))
    assert set(told.occupation) == {0, 1}


def test_a_tracks_name_is_no_marks_name():
    captures = walk((60, 4), (60, 0), capture="track", name="Morning walk")
    told = grouped(captures, gate())
    assert (told.occupation[:290] == -1).all() and (told.occupation[310:] == 0).all()


def test_a_stream_without_times_and_a_route_are_told():
    captures = captured([0, 1, 2], 0, capture=["epoch", "track", "route"], time=[None] * 3)
    told = grouped(captures, gate())
    assert told.reason.tolist() == ["E15", "E15", "E16"] and (told.occupation == -1).all()


def test_unnamed_points_side_by_side_and_one_after_the_other_are_one():
    captures = captured([0, 0.2, 3, 3.1, 0], 0, capture="point", every_s=10)
    assert grouped(captures, gate(mark_radius_ft=0.5)).occupation.tolist() == [0, 0, 1, 1, 2]


def test_a_point_without_a_time_is_an_occupation_of_its_own():
    captures = captured([0, 0, 0], 0, capture="point", name="1", time=[None] * 3)
    assert grouped(captures, gate()).occupation.tolist() == [0, 1, 2]


def test_nothing_is_nothing():
    told = grouped(captured([], []), gate())
    assert len(told.occupation) == 0 and len(told.reason) == 0


def test_seconds_count_from_1970_and_a_null_time_is_no_number():
    told = seconds(pd.Series(pd.to_datetime(["1970-01-02T00:00:00.5Z", None])))
    assert told[0] == 86400.5 and np.isnan(told[1])


def test_a_blunder_every_six_seconds_does_not_take_a_stop_apart():
    de = np.zeros(120)
    de[3::6] = 6.0
    assert set(grouped(captured(de, 0, every_s=1.0), gate(stop_min_s=5.0)).occupation) == {0}
