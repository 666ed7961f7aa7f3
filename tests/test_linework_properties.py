"""Random subdivisions, drawn as draftsmen draw, come back whole."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.linework import lots
from citygis.linework.noding import edges_of
from citygis.linework.piece import length_ft, pieces_of
from citygis.linework.snap import nodes_of
from citygis.topology import connected
from tests.drawings import arc, linework, straight, texts


def subdivision(seed, *, columns, rows, jitter_ft, miss_ft, twice):
    """
    Lots between long lines that run through (their cross lines end on them), closed by a half circle in the east: lines, labels and
    the exact area of each.
    """
    rng = np.random.default_rng(seed)
    east = np.concatenate([[0], np.cumsum(rng.uniform(40, 160, columns))]).round(2)
    north = np.concatenate([[0], np.cumsum(rng.uniform(60, 200, rows))]).round(2)
    drawn, labels, areas = [], [], {}
    for y in north:
        drawn += straight((0, y), (east[-1], y))
    for x in east:
        for low, high in itertools.pairwise(north):
            off = rng.uniform(-miss_ft, miss_ft, 2) if miss_ft else (0, 0)
            drawn += straight((x, low + off[0]), (x, high + off[1]))
    middle, radius = (north[0] + north[1]) / 2, (north[1] - north[0]) / 2
    drawn += arc((east[-1], middle), radius, -90, 90)
    for i, (west, right) in enumerate(itertools.pairwise(east)):
        for j, (low, high) in enumerate(itertools.pairwise(north)):
            name = str(1 + i * rows + j)
            labels.append((f"LOT {name}", (west + right) / 2, (low + high) / 2))
            areas[name] = (right - west) * (high - low)
    labels.append(("LOT Z", east[-1] + radius / 2, middle))
    areas["Z"] = math.pi * radius**2 / 2
    frame = linework(drawn)
    if twice:
        again = frame.sample(frac=0.5, random_state=seed)
        frame = pd.concat([frame, again], ignore_index=True)
        frame["handle"] = [f"{n:X}" for n in range(len(frame))]
    is_line = (frame["kind"] == "line").to_numpy()
    for name in ("start_easting", "start_northing", "end_easting", "end_northing"):
        frame[name] += np.where(is_line, rng.uniform(-jitter_ft, jitter_ft, len(frame)), 0)
    frame = frame.sample(frac=1, random_state=seed + 1).reset_index(drop=True)
    return frame, texts(*labels), areas


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_a_clean_subdivision_comes_back_exactly(seed, columns, rows, twice):
    lines, labels, areas = subdivision(seed, columns=columns, rows=rows, jitter_ft=0, miss_ft=0, twice=twice)
    found = lots(lines, labels)
    made = found.polygons.set_index("lot")["area_sqft"].to_dict()
    assert made == pytest.approx(areas, rel=1e-12)
    assert not (found.findings["severity"] == "error").any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_a_dirty_subdivision_comes_back_whole_and_nearly_exact(seed, columns, rows, twice):
    lines, labels, areas = subdivision(seed, columns=columns, rows=rows, jitter_ft=0.004, miss_ft=0.04, twice=twice)
    found = lots(lines, labels)
    made = found.polygons.set_index("lot")["area_sqft"]
    assert sorted(made.index) == sorted(areas)
    perimeter = found.polygons.set_index("lot")["perimeter_ft"]
    # No side moves by more than the jitter of its ends; the misses are along the lines.
    assert all(abs(made[lot] - areas[lot]) <= 0.01 * perimeter[lot] for lot in areas)
    assert not len(found.attempts) or found.attempts["dangles"].iloc[-1] == 0
    inside = shapely.union_all(found.polygons.geometry.to_numpy()).area
    assert found.polygons.geometry.area.sum() == pytest.approx(inside, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_noding_keeps_the_length_of_what_is_drawn_once(seed, count):
    rng = np.random.default_rng(seed)
    ends = rng.uniform(0, 1000, (count, 4)).round(1)
    frame = linework(*[straight(row[:2], row[2:]) for row in ends])
    pieces = pieces_of(frame)
    edges = edges_of(pieces, snap_ft=1e-6)
    assert length_ft(edges.pieces).sum() == pytest.approx(length_ft(pieces).sum(), rel=1e-9)
    assert set(edges.source) == set(range(count))
    # Noded: no two edges cross but at their ends.
    lines = shapely.linestrings(np.stack([edges.pieces.a, edges.pieces.b], axis=1))
    first, second = shapely.STRtree(lines).query(lines, predicate="crosses")
    meet = shapely.intersection(lines[first], lines[second])
    corners = shapely.multipoints(edges.places)
    assert not len(meet) or shapely.distance(meet, corners).max() < 1e-6


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 80))
def test_sets_are_those_that_a_walk_finds(seed, count, pairs):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, count, pairs), rng.integers(0, count, pairs)
    neighbours = {n: set() for n in range(count)}
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        neighbours[a].add(b)
        neighbours[b].add(a)
    expected = np.full(count, -1)
    for n in range(count):
        if expected[n] < 0:
            waiting = [n]
            while waiting:
                one = waiting.pop()
                if expected[one] < 0:
                    expected[one] = n
                    waiting += neighbours[one]
    assert connected(count, first, second).tolist() == expected.tolist()


def test_ends_within_the_snap_are_one_node_at_their_mean_with_their_spread():
    nodes = nodes_of(np.array([(0, 0), (0.04, 0), (10, 10), (0, 0)]), snap_ft=0.05)
    assert nodes.of.tolist() == [0, 0, 1, 0]
    assert nodes.places.tolist() == pytest.approx(np.array([(0.04 / 3, 0), (10, 10)]))
    assert nodes.spread_ft.tolist() == pytest.approx([0.08 / 3, 0])


def test_a_chain_of_ends_tells_that_it_is_wider_than_the_snap():
    chain = nodes_of(np.column_stack([np.arange(10) * 0.04, np.zeros(10)]), snap_ft=0.05)
    assert len(chain.places) == 1
    assert chain.spread_ft[0] == pytest.approx(0.18)
