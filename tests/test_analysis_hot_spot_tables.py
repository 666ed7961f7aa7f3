"""The figures of hot spots."""

import numpy as np
import pandas as pd
import shapely

from citygis.analysis import rule_pack
from citygis.analysis.concentration import within_reach
from citygis.analysis.density import cell_of, city_cells
from citygis.analysis.geomask import Masked
from citygis.analysis.hot_spot_tables import cell_table, found_in, mask_table, pai_table, shown_counts, spots_of
from citygis.analysis.incidents import Period

E, N = 6_330_000.0, 2_100_000.0
ALL = [Period(None, None, "all incidents")]


def found(limit, points):
    cells = city_cells(limit, cell_ft=500)
    near = within_reach(cells.easting, cells.northing, 1_000)
    held = pd.DataFrame({"easting": points[:, 0], "northing": points[:, 1]})
    return cells, found_in(held, cells, near, limit, bandwidth_ft=1_000, pack=rule_pack("hot_spots"))


def test_small_counts_are_held_back_and_never_one_alone():
    assert [None if np.isnan(v) else v for v in shown_counts(np.array([0, 3, 4, 9]), 5)] == [0, None, None, 9]
    assert [None if np.isnan(v) else v for v in shown_counts(np.array([0, 3, 7, 9]), 5)] == [0, None, None, 9]
    assert shown_counts(np.array([0, 5, 6]), 5).tolist() == [0, 5, 6]


def test_cells_that_meet_at_a_corner_are_one_hot_spot():
    cells = city_cells(shapely.box(E, N, E + 2_000, N + 2_000), cell_ft=500)
    hot = np.zeros(16, dtype=bool)
    hot[[0, 5, 15, 13]] = True
    counts = np.zeros(16, dtype=int)
    counts[15] = 9
    # 0 and 5 meet at a corner; 13 and 15 have a cell between them.
    assert spots_of(cells, hot, counts)[[0, 5, 13, 15]].tolist() == [2, 2, 3, 1]


def test_a_city_of_slivers_makes_no_hot_spot_of_its_whole_cells():
    # A strip a tenth of a cell wide beside a whole block: by counts alone the block's cells stand out, by ground they do not.
    block = shapely.box(E, N, E + 3_000, N + 3_000)
    limit = shapely.union(block, shapely.box(E + 3_000, N + 2_950, E + 40_000, N + 3_000))
    rng = np.random.default_rng(1)
    points = rng.uniform((E, N), (E + 40_000, N + 3_000), (8_000, 2))
    points = points[shapely.contains_xy(limit, points[:, 0], points[:, 1])]
    _, one = found(limit, points)
    assert len(points) > 500 and one.score.max() > 3 and not (one.kind == "hot").any()


def test_counts_and_neighbourhoods_are_those_of_the_places():
    limit = shapely.box(E, N, E + 6_000, N + 6_000)
    points = np.random.default_rng(2).uniform((E, N), (E + 6_000, N + 6_000), (300, 2))
    cells, one = found(limit, points)
    at = cell_of(cells, points[:, 0], points[:, 1])
    assert one.counts.tolist() == [int((at == k).sum()) for k in range(len(cells.shapes))]
    k = 65
    close = np.hypot(cells.easting - cells.easting[k], cells.northing - cells.northing[k]) <= 1_000
    assert one.around[k] == one.counts[close].sum() and close.sum() == 13


def test_without_hot_cells_there_is_no_index():
    limit = shapely.box(E, N, E + 6_000, N + 6_000)
    cells, one = found(limit, np.random.default_rng(3).uniform((E, N), (E + 6_000, N + 6_000), (300, 2)))
    row = pai_table(cells, [one], ALL, rule_pack("hot_spots")).iloc[0]
    assert row["incidents_in_hot_spots"] == 0 and np.isnan(row["pai"]) and row["incidents"] == 300


def test_the_densest_ground_holds_half_of_the_incidents_and_is_the_densest():
    limit = shapely.box(E, N, E + 6_000, N + 6_000)
    cells, one = found(limit, np.random.default_rng(4).normal((E + 3_000, N + 3_000), 700, (300, 2)))
    table = cell_table(cells, [one], ALL, rule_pack("hot_spots"))
    dense = table["dense"].to_numpy()
    part = (one.density * cells.area_sqft)[dense].sum() / (one.density * cells.area_sqft).sum()
    assert 0.5 <= part < 0.56 and one.density[dense].min() >= one.density[~dense].max()


def test_the_mask_s_figures_are_told_over_all_places():
    nan = np.nan
    facts = mask_table(
        Masked(np.array([1.0, nan, 2.0]), np.array([1.0, nan, 2.0]), np.array([200.0, nan, 400.0]), np.array([12, -1, 15]))
    )
    assert facts["value"].tolist() == [2, 1, 200, 300, 400, 12]
