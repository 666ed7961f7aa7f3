"""Tracks: spikes go and their neighbours stay, silences cut, and everything is measured in feet."""

import numpy as np
import pandas as pd
import pytest
import shapely
from captures_day import E0, N0, captured, gate

from citygis.captures.gates import TrackGate
from citygis.captures.tracks import track_lines
from citygis.errors import CRSError


def limited(**changes):
    """The asset gate with plain limits: 20 ft/s, 0.5 ft of noise, 10 s of silence, nothing simplified away."""
    limits = {"max_speed_ft_s": 20.0, "noise_ft": 0.5, "max_gap_s": 10.0, "simplify_ft": 0.0, "closing_ft": 2.0} | changes
    return gate("asset", track=TrackGate(**limits))


def track(de, dn, **columns):
    return captured(de, dn, capture="track", **columns)


def places(lines, row=0):
    return shapely.get_coordinates(lines.frame.geometry.iloc[row]) - [E0, N0]


def test_it_is_the_spike_that_goes_and_not_its_neighbours():
    de = np.arange(20) * 5.0
    dn = np.zeros(20)
    dn[7] = 300
    made = track_lines(track(de, dn), limited())
    assert made.rejected.index.tolist() == [7] and made.rejected["reject_code"].tolist() == ["E12"]
    assert made.frame["n"].tolist() == [19]


@pytest.mark.parametrize("where", [slice(0, 3), slice(8, 12), slice(17, 20)])
def test_a_spike_of_several_epochs_goes_whole_also_at_either_end(where):
    dn = np.zeros(20)
    dn[where] = 300
    made = track_lines(track(np.arange(20) * 5.0, dn), limited())
    assert made.rejected.index.tolist() == list(range(20))[where]
    assert len(made.frame) == 1 and not places(made)[:, 1].any()


def test_a_jump_that_stays_cuts_the_track_and_drops_nothing():
    dn = np.zeros(60)
    dn[30:] = 5000
    made = track_lines(track(np.arange(60) * 5.0, dn), limited())
    assert made.frame["n"].tolist() == [30, 30] and not len(made.rejected)


def test_noise_at_five_epochs_a_second_is_no_speed():
    # 0.4 ft between epochs 0.02 s apart would be 20 ft/s.
    rng = np.random.default_rng(8)
    made = track_lines(track(rng.uniform(0, 0.3, 50), rng.uniform(0, 0.3, 50), every_s=0.01), limited())
    assert not len(made.rejected)


def test_silences_segments_and_tracks_cut():
    time = pd.Timestamp("2026-03-04", tz="UTC") + pd.to_timedelta([0, 1, 2, 13.1, 14, 15, 16, 17, 18], unit="s")
    columns = {"time": time, "track": [0] * 7 + [1] * 2, "segment": [0] * 5 + [1] * 2 + [0] * 2}
    made = track_lines(track(np.arange(9) * 3.0, 0, **columns), limited())
    assert made.frame["n"].tolist() == [3, 2, 2, 2]
    assert made.frame["length_ft"].tolist() == pytest.approx([6, 3, 3, 3])


def test_a_point_off_the_line_within_the_speed_goes_and_a_corner_stays():
    de = np.concatenate([np.arange(15) * 2.0, np.full(15, 28.0)])
    dn = np.concatenate([np.zeros(15), 2.0 * np.arange(1, 16)])
    corner = track_lines(track(de, dn), limited())
    assert not len(corner.rejected)
    dn[7] = 9.0
    made = track_lines(track(de, dn), limited())
    assert made.rejected.index.tolist() == [7] and made.rejected["reject_code"].tolist() == ["E13"]


def test_the_first_steps_after_a_rest_stay_and_so_does_a_short_way_aside():
    de = np.concatenate([np.zeros(20), np.arange(1, 20) * 4.0])
    assert not len(track_lines(track(de, 0), limited()).rejected)
    # Three epochs in a doorway beside the street, 0.3 ft from each other.
    dn = np.zeros(20)
    dn[9:12] = [4.0, 4.3, 4.0]
    assert not len(track_lines(track(np.zeros(20), dn), limited()).rejected)


def test_simplification_moves_the_line_by_no_more_than_the_tolerance_in_feet():
    # Trap 46: a bulge of 0.9 ft goes at a tolerance of 1 ft, one of 1.1 ft stays, to the north as to the east.
    for bulge, vertices in ((0.9, 2), (1.1, 3)):
        for turn in (False, True):
            de, dn = np.array([0.0, 10, 20]), np.array([0.0, bulge, 0])
            made = track_lines(track(dn, de) if turn else track(de, dn), limited(simplify_ft=1.0))
            assert made.frame["n_vertices"].tolist() == [vertices] and made.frame["n"].tolist() == [3]


def test_a_track_in_degrees_is_refused():
    # Trap 46: a hundredth of a foot is 3e-8 degrees to the north and 4e-8 to the east.
    degrees = track([0, 1], [0, 1], crs="EPSG:4326")
    with pytest.raises(CRSError, match="degrees"):
        track_lines(degrees, limited())


def test_each_vertex_that_is_left_knows_its_epoch():
    de = np.array([0.0, 5, 10, 15, 15, 15])
    dn = np.array([0.0, 0, 0, 0, 5, 10])
    made = track_lines(track(de, dn).set_axis(list("abcdef")), limited(simplify_ft=0.1))
    assert made.vertices["capture"].tolist() == ["a", "d", "f"]
    assert made.vertices["time"].dt.second.tolist() == [0, 3, 5]
    assert places(made).tolist() == [[0, 0], [15, 0], [15, 10]]


def test_a_long_line_is_simplified_in_lengths_without_losing_its_way():
    n = 12_003
    made = track_lines(track(np.arange(n) * 5.0, 0), limited(simplify_ft=0.1))
    assert made.frame["length_ft"].iloc[0] == pytest.approx(5.0 * (n - 1))
    assert made.vertices["capture"].tolist() == [0, 5000, 10000, n - 1]


def test_every_capture_is_in_a_line_or_rejected():
    rng = np.random.default_rng(9)
    de = np.cumsum(rng.uniform(0, 8, 500))
    de[rng.choice(500, 30, replace=False)] += 400
    time = pd.Timestamp("2026-03-04", tz="UTC") + pd.to_timedelta(np.cumsum(rng.choice([1, 1, 1, 20], 500)), unit="s")
    made = track_lines(track(de, 0, time=time), limited())
    assert made.frame["n"].sum() + len(made.rejected) == 500
    assert {"E12", "E14"} <= set(made.rejected["reject_code"])


def test_an_epoch_on_its_own_is_told():
    made = track_lines(track([0], 0), limited())
    assert len(made.frame) == 0 and made.rejected["reject_code"].tolist() == ["E14"]


def test_a_track_without_times_keeps_its_order_and_has_no_speed():
    made = track_lines(track([0, 500, 20], [0, 0, 9], time=[None] * 3), limited())
    assert places(made).tolist() == [[0, 0], [500, 0], [20, 9]] and made.frame["first_time"].isna().all()


def test_epochs_out_of_order_are_put_in_order_of_time():
    time = pd.to_datetime(["2026-03-04T00:00:02Z", "2026-03-04T00:00:00Z", "2026-03-04T00:00:01Z"])
    assert places(track_lines(track([20, 0, 10], [0, 0, 5], time=time), limited()))[:, 0].tolist() == [0, 10, 20]


SQUARE = np.array([[0, 0], [10, 0], [20, 0], [20, 10], [20, 20], [10, 20], [0, 20], [0, 10], [0, 1]], dtype=float)


def test_a_walk_around_a_place_becomes_its_polygon():
    made = track_lines(track(*SQUARE.T), limited(), closed=True)
    assert made.frame.geom_type.tolist() == ["Polygon"] and made.frame.geometry.area.iloc[0] == pytest.approx(400)
    assert not len(made.findings)


def test_a_walk_that_does_not_close_or_crosses_itself_stays_a_line_and_is_told():
    made = track_lines(track(*SQUARE[:-2].T), limited(), closed=True)
    assert made.frame.geom_type.tolist() == ["LineString"] and made.findings["code"].tolist() == ["F08"]
    eight = SQUARE[[0, 4, 2, 6, 8]]
    made = track_lines(track(*eight.T, every_s=5), limited(), closed=True)
    assert made.frame.geom_type.tolist() == ["LineString"] and made.findings["code"].tolist() == ["F09"]


def test_no_captures_make_no_lines():
    made = track_lines(track([], []), limited(), closed=True)
    assert len(made.frame) == 0 and len(made.vertices) == 0 and len(made.rejected) == 0
