"""County refreshes with the truth, and what the comparison makes of them."""

import os

import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.changes import compare
from citygis.samples.refresh import EVENTS, NOISE_FT, confusion, county_refresh, rewritten

REFRESHES = int(os.environ.get("CITYGIS_REFRESHES", "100"))
"""How many are compared; the bench compares 2,000."""
FORCED = ("split", "merged", "renumbered", "new", "retired", "resubdivided")


def test_two_layers_are_the_same_for_one_seed_and_others_for_another():
    one, again, other = county_refresh(seed=3), county_refresh(seed=3), county_refresh(seed=4)
    pd.testing.assert_frame_equal(pd.DataFrame(one.new), pd.DataFrame(again.new))
    assert one.truth.equals(again.truth) and not one.truth.equals(other.truth)


def test_every_event_is_in_the_truth_as_often_as_asked():
    counts = county_refresh(300, seed=1, each=3).truth["kind"].value_counts()
    assert counts.to_dict() == {
        "attribute": 3, "moved": 6, "split": 6, "merged": 6, "resubdivided": 3, "renumbered": 12, "recycled": 12,
        "new": 3, "retired": 3,
    }  # fmt: skip


def test_what_changes_is_cut_out_of_the_old_lots():
    refresh = county_refresh(seed=5)
    old, new = (frame.set_index("apn").geometry for frame in (refresh.old, refresh.new))
    for row in refresh.truth.itertuples():
        if row.kind in ("split", "merged", "resubdivided"):
            before, after = old[row.old.split("; ")].union_all(), new[row.new.split("; ")].union_all()
            assert before.symmetric_difference(after).area < 1e-2
            assert new[row.new.split("; ")].area.sum() == pytest.approx(before.area, abs=1e-2)


def test_a_line_moved_is_moved_by_what_it_says():
    refresh = county_refresh(seed=5)
    pair = refresh.truth.loc[refresh.truth["kind"] == "moved", "old"].tolist()
    old, new = (frame.set_index("apn").geometry for frame in (refresh.old, refresh.new))
    moved = [shapely.hausdorff_distance(old[name], new[name], densify=0.5) for name in pair]
    assert moved[0] == pytest.approx(moved[1], abs=0.5) and 0.2 < moved[0] < 12


def test_rewriting_keeps_the_ground_and_changes_the_writing():
    shapes = county_refresh(seed=2).old.geometry.to_numpy()
    other = rewritten(shapes, np.random.default_rng(0))
    assert shapely.is_valid(other).all()
    assert np.abs(shapely.area(other) - shapely.area(shapes)).max() < 2e-3
    more = shapely.get_num_coordinates(other) - shapely.get_num_coordinates(shapes)
    assert set(np.unique(more)) >= {0, 1}
    ccw = shapely.is_ccw(shapely.get_exterior_ring(other))
    assert 0.2 < ccw.mean() < 0.8
    edges = shapely.distance(shapely.points(shapely.get_coordinates(other[0])), shapely.boundary(shapes[0]))
    assert edges.max() < 2 * NOISE_FT


def test_too_many_events_for_the_lots_are_refused():
    with pytest.raises(ValueError, match="Invalid each 50"):
        county_refresh(100, each=50)


def test_the_confusion_matrix_names_what_was_missed_and_what_was_made_up():
    truth = pd.DataFrame({"kind": ["split", "new"], "old": ["A", ""], "new": ["A1; A2", "N"]})
    told = pd.DataFrame({"kind": ["resubdivided", "retired"], "old": ["A", "X"], "new": ["A1; A2", ""]})
    table = confusion(truth, told)
    assert table.loc["split", "resubdivided"] == 1 and table.loc["new", "nothing"] == 1 and table.loc["nothing", "retired"] == 1
    assert table.to_numpy().sum() == 3


def test_refreshes_are_told_apart_without_a_mistake():
    total = pd.DataFrame()
    for seed in range(REFRESHES):
        shift = (0.3 * np.cos(seed), 0.3 * np.sin(seed)) if seed % 5 == 0 else None
        refresh = county_refresh(seed=seed, shift_ft=shift)
        changes = compare(refresh.old, refresh.new, key="apn")
        assert (changes.shift is None) is (shift is None), seed
        if shift is not None:
            assert (changes.shift.easting_ft, changes.shift.northing_ft) == pytest.approx(shift, abs=1e-5)
        table = confusion(refresh.truth, changes.changes)
        wrong = table.to_numpy().sum() - np.trace(table.to_numpy())
        assert wrong == 0, f"seed {seed}\n{table}"
        total = total.add(table, fill_value=0) if len(total) else table
    print(f"\n{REFRESHES:,} refreshes\n{total.astype(int).to_string()}")
    assert (np.diag(total.loc[list(FORCED), list(FORCED)]) >= REFRESHES).all()
    assert set(EVENTS) and total.loc["nothing"].sum() == 0


def test_a_layer_written_out_again_says_nothing_changed():
    for seed in range(10):
        refresh = county_refresh(seed=seed)
        rng = np.random.default_rng(seed)
        again = refresh.old.sample(frac=1, random_state=seed).reset_index(drop=True)
        again = again.set_geometry(rewritten(again.geometry.to_numpy(), rng), crs=again.crs)
        changes = compare(refresh.old, again, key="apn")
        assert changes.changes.empty and changes.shift is None and changes.counts["unchanged"] == len(refresh.old)
