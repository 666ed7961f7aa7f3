"""The curve visits every cell once, step by step, and its cuts are equal."""

import numpy as np

from citygis.scale import curve


def test_the_curve_steps_from_a_cell_to_one_beside_it():
    side = np.arange(curve.SIDE) + 0.5
    axes = curve.Axes(np.arange(1, curve.SIDE), np.arange(1, curve.SIDE))
    easting, northing = (each.ravel() for each in np.meshgrid(side, side))
    number = curve.cells(axes, easting, northing)
    assert (np.sort(number) == np.arange(curve.SIDE**2)).all()
    order = np.argsort(number)
    assert (np.abs(np.diff(easting[order])) + np.abs(np.diff(northing[order])) == 1).all()


def test_one_row_at_the_other_end_of_the_world_does_not_put_the_others_into_one_cell():
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(6.3e6, 6.4e6, (2, 20_000))
    easting[0], northing[0] = -1e12, 1e12
    number = curve.cells(curve.even_axes(easting, northing), easting, northing)
    assert len(np.unique(number)) > 19_000


def test_what_is_not_finite_lies_nowhere():
    axes = curve.even_axes(np.arange(9.0), np.arange(9.0))
    number = curve.cells(axes, np.array([np.nan, 1.0, np.inf]), np.array([1.0, 1.0, 1.0]))
    assert (number == curve.NOWHERE).tolist() == [True, False, True]


def test_ranks_go_on_from_chunk_to_chunk():
    counts = np.zeros(curve.NOWHERE + 1, dtype=int)
    counts[[3, 7, curve.NOWHERE]] = 3, 2, 1
    ranks = curve.Ranks(counts)
    assert ranks.of(np.array([7, 3, 3])).tolist() == [3, 0, 1]
    assert ranks.of(np.array([curve.NOWHERE, 3, 7])).tolist() == [5, 2, 4]


def test_parts_are_alike_to_one_row_and_rows_without_a_place_have_their_own():
    part = curve.parts_of(np.arange(105), placed=100, rows=30)
    assert np.bincount(part).tolist() == [25, 25, 25, 25, 5]
    assert curve.parts_of(np.arange(3), placed=0, rows=2).tolist() == [0, 0, 1]
