"""What holds for every repair, whatever is wrong with the lots."""

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repair_lots import lots, rings, wkb

import citygis as cg
from citygis.repairs import LARGEST_MOVE_FT, repair, undo

pytestmark = pytest.mark.filterwarnings("ignore")

SPANS = (0.001, 0.01, 0.03, 0.05, 0.11, 0.13, 0.4)


def spoilt(seed: int, columns: int = 4, rows: int = 3):
    """A block in which corners were moved, dropped, doubled and run out into spikes, by chance."""
    random = np.random.default_rng(seed)
    block = [list(ring) for ring in rings(columns, rows)]
    for _ in range(int(random.integers(1, 7))):
        ring = block[int(random.integers(len(block)))]
        k, kind = int(random.integers(len(ring))), int(random.integers(6))
        e, n = ring[k]
        span, turn = float(random.choice(SPANS)), float(random.uniform(0, 2 * np.pi))
        moved = (round(e + span * np.cos(turn), 4), round(n + span * np.sin(turn), 4))
        if kind <= 1:
            ring[k] = moved
        elif kind == 2:
            ring.insert(k, ring[k])
        elif kind == 3:
            ring.insert(k, moved)
        elif kind == 4:
            far = ring[(k + 1) % len(ring)]
            middle = (round((e + far[0]) / 2, 4), round((n + far[1]) / 2, 4))
            ring[k + 1 : k + 1] = [middle, (round(middle[0] + 3 * np.cos(turn), 4), round(middle[1] + 3 * np.sin(turn), 4)), middle]
        else:
            far = ring[(k + 1) % len(ring)]
            ring.insert(k + 1, (round((e + far[0]) / 2 + span * np.cos(turn), 4), round((n + far[1]) / 2 + span * np.sin(turn), 4)))
    order = random.permutation(len(block))
    return lots([block[i] for i in order], owner=[f"owner {i}" for i in order])


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6))
def test_a_repair_is_bounded_complete_repeatable_and_undone(seed):
    before = spoilt(seed)
    told = cg.validate(before, "lot", only="geometry", key="pid")
    done = repair({"lot": before}, told, only="geometry", key="pid")
    after = done.layers["lot"]

    moves = done.edits[done.edits["operation"].isin(["snap_corner", "merge_short_edge", "insert_vertex"])]
    assert (moves["distance_ft"] <= LARGEST_MOVE_FT + 1e-9).all()
    plain = before.drop(columns="geometry")
    assert plain.equals(after.drop(columns="geometry"))
    assert list(before.index) == list(after.index)
    valid = before.is_valid.to_numpy()
    assert after.is_valid.to_numpy()[valid].all()
    assert (after.geom_type == before.geom_type).all()
    despiked = before["pid"].astype(str).isin(done.edits.loc[done.edits["operation"] == "remove_spike", "feature"]).to_numpy()
    sides = before.length.to_numpy() / 2 * LARGEST_MOVE_FT
    assert (np.abs(after.area - before.area).to_numpy() <= np.maximum(sides, 7.0))[valid].all()
    apart = shapely.hausdorff_distance(before.geometry.array, after.geometry.array)
    assert (apart[~despiked] <= LARGEST_MOVE_FT + 1e-3).all()

    again = cg.validate(after, "lot", only="geometry", key="pid")
    assert sorted(again["finding_id"]) == sorted(done.left["finding_id"])
    assert not set(done.mended["finding_id"]) & set(again["finding_id"])

    twice = repair(done.layers, only="geometry", key="pid")
    assert len(twice.edits) == 0
    assert wkb(twice.layers["lot"]) == wkb(after)

    assert wkb(undo(done.layers, done.edits)["lot"]) == wkb(before)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(seed):
    before = spoilt(seed)
    turned = before.iloc[np.random.default_rng(seed).permutation(len(before))]
    one = repair({"lot": before}, only="geometry", key="pid").layers["lot"].sort_values("pid")
    other = repair({"lot": turned}, only="geometry", key="pid").layers["lot"].sort_values("pid")
    assert wkb(one) == wkb(other)
