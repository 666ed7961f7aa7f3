"""The parcel fabric is sound: by GEOS' own coverage check, by sums of areas, and by what its docstring promises."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.errors import CRSError
from citygis.samples.block_patterns import BLOCK_FT, Kind, pattern
from citygis.samples.parcel_fabric import EASEMENT_HALF_FT, ORIGIN_FT, TURN_DEG, ParcelFabric, dissolved, parcel_fabric


@cache
def fabric(parcels: int = 4_000, seed: int = 5) -> ParcelFabric:
    return parcel_fabric(parcels, seed=seed)


def shapes(frame) -> np.ndarray:
    return np.asarray(frame.geometry.array, dtype=object)


@pytest.mark.parametrize(("parcels", "seed"), [(1, 0), (15, 1), (60, 2), (400, 3), (4_000, 5)])
def test_parcels_and_streets_leave_no_gap_and_share_no_ground(parcels, seed):
    made = fabric(parcels, seed)
    everything = np.concatenate([shapes(made.parcel), shapes(made.right_of_way)])
    assert shapely.is_valid(everything).all()
    assert shapely.coverage_is_valid(everything, gap_width=1.0)
    whole = shapely.coverage_union_all(everything)
    assert whole.geom_type == "Polygon" and not whole.interiors
    assert shapely.area(everything).sum() == pytest.approx(whole.area, rel=1e-12)


@pytest.mark.parametrize("parcels", [3_000, 4_000, 20_000])
def test_as_many_parcels_as_were_asked_for_within_five_percent(parcels):
    assert len(fabric(parcels).parcel) == pytest.approx(parcels, rel=0.05)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_fabric():
    again, other = parcel_fabric(4_000, seed=5), parcel_fabric(4_000, seed=6)
    for name, frame in fabric().layers().items():
        pd.testing.assert_frame_equal(frame.drop(columns="geometry"), again.layers()[name].drop(columns="geometry"))
        assert (shapely.to_wkb(shapes(frame)) == shapely.to_wkb(shapes(again.layers()[name]))).all()
    assert not shapely.equals_exact(shapes(other.parcel)[:50], shapes(fabric().parcel)[:50]).all()


def test_coordinates_are_rounded_to_a_ten_thousandth_of_a_foot():
    for frame in fabric().layers().values():
        coordinates = shapely.get_coordinates(shapes(frame))
        assert (coordinates == coordinates.round(4)).all()


def test_every_ring_runs_counterclockwise_and_no_vertex_is_given_twice():
    parcels = shapes(fabric().parcel)
    assert shapely.is_ccw(shapely.get_exterior_ring(parcels)).all()
    coordinates, ring = shapely.get_coordinates(shapely.get_rings(parcels), return_index=True)
    steps = np.hypot(*np.diff(coordinates, axis=0).T)[np.diff(ring) == 0]
    assert steps.min() > 4.2  # 600/11 - 600/12 = 4.545 ft is the nearest that lots of either row come, and the warp takes 5 %


def test_a_block_of_a_curved_district_is_curved_and_one_of_a_straight_district_is_exactly_straight():
    bent = []
    for block, outline in zip(fabric().blocks.index, shapes(fabric().subdivision), strict=True):
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(outline))
        bent.append((shapely.Polygon(corners).area - outline.area, fabric().blocks["curved"][block]))
    straight, curved = ([off for off, is_curved in bent if is_curved == wanted] for wanted in (False, True))
    assert len(straight) > 50 and len(curved) > 50
    assert max(straight) < 1.0 and np.mean(curved) > 100
    assert outline.area == pytest.approx(BLOCK_FT[0] * BLOCK_FT[1], rel=0.2)


def test_blocks_stand_turned_by_seventeen_degrees_from_the_origin():
    first = shapely.get_coordinates(shapes(fabric(15, 1).subdivision)[0])
    turn = np.radians(TURN_DEG)
    expected = np.array([30 * np.cos(turn) - 30 * np.sin(turn), 30 * np.sin(turn) + 30 * np.cos(turn)]) + ORIGIN_FT
    assert first[0].tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    east = first[1] - first[0]
    assert np.degrees(np.arctan2(east[1], east[0])) == pytest.approx(17, abs=1e-3)


def test_two_rows_of_ten_and_eight_meet_in_nine_and_seven_places_and_share_one():
    drawn = pattern(Kind(10, 8))
    rear = {tuple(place) for place in drawn.vertices.tolist() if place[1] == 110}
    inside = {60.0 * k for k in range(1, 10)} | {75.0 * k for k in range(1, 8)}
    assert len(inside) == 15  # 300 ft is in both
    assert rear == {(x, 110.0) for x in inside | {0.0, 600.0}}
    assert drawn.parcels == 18
    lots = [shapely.Polygon(drawn.vertices[ring]) for ring in drawn.rings]
    assert [lot.area for lot in lots] == pytest.approx([6600] * 10 + [8250] * 8)


def test_an_enclosed_parcel_fills_the_hole_of_its_lot():
    drawn = pattern(Kind(8, 8, enclosed=True))
    assert drawn.parcel_of_ring == [0, 1, 2, 2, *range(3, 17)]
    assert sorted(drawn.rings[3]) == sorted(drawn.rings[-1])
    made = fabric()
    holed = shapely.get_num_interior_rings(shapes(made.parcel)) > 0
    assert holed.sum() == made.blocks["enclosed"].sum()
    assert holed.mean() == pytest.approx(0.01, abs=0.004)


def test_the_shares_of_blocks_are_those_that_are_stated():
    blocks = fabric(20_000).blocks
    lots = blocks[blocks["upper"] > 0]
    assert (lots["lower"] != lots["upper"]).mean() == pytest.approx(0.36, abs=0.05)
    assert (blocks["upper"] == 0).mean() == pytest.approx(0.02, abs=0.015)
    assert blocks["curved"].mean() == pytest.approx(0.5, abs=0.1)


def test_the_table_of_blocks_says_where_their_parcels_are():
    made = fabric()
    block = made.parcel["block"].to_numpy()
    assert (np.diff(block) >= 0).all() and made.parcel["pid"].tolist() == list(range(1, len(block) + 1))
    assert (block[made.blocks["first"]] == made.blocks.index).all()
    assert (np.bincount(block) == made.blocks["parcels"]).all()
    joined = [shapely.coverage_union_all(shapes(made.parcel)[block == k]) for k in range(20)]
    assert shapely.equals(joined, shapes(made.subdivision)[:20]).all()


def test_every_outline_edge_is_an_edge_of_a_parcel():
    made = fabric()
    blocks = np.concatenate([shapes(made.subdivision), shapes(made.right_of_way)])
    assert shapely.coverage_is_valid(blocks, gap_width=1.0)


def test_tracts_share_their_lines_and_hold_their_blocks_whole():
    made = fabric()
    tracts = shapes(made.tract)
    assert shapely.coverage_is_valid(tracts, gap_width=1.0)
    inner, outer = shapely.STRtree(tracts).query(shapes(made.subdivision), predicate="within")
    assert inner.tolist() == list(range(len(made.subdivision)))
    assert len(set(outer.tolist())) == len(tracts)


def test_an_exact_test_rejects_most_easements_that_a_ten_thousandth_of_a_foot_lets_pass():
    made = fabric()
    outlines = shapes(made.subdivision)[made.easement["block"]]
    strips = shapes(made.easement)
    assert shapely.covers(outlines, strips).mean() < 0.5
    assert shapely.covers(shapely.buffer(outlines, 2e-4), strips).all()
    lengths = shapely.area(strips) / (2 * EASEMENT_HALF_FT)
    assert lengths == pytest.approx(np.full(len(strips), BLOCK_FT[0]), rel=0.2)


def test_centrelines_meet_end_to_end_in_threes_and_fours_and_lie_in_the_streets():
    made = fabric()
    lines = shapes(made.centreline)
    ends = shapely.get_coordinates(np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)]))
    assert set(pd.Series(map(tuple, ends.tolist())).value_counts()) == {3, 4}
    assert (shapely.get_num_points(lines) == 3).sum() == 4  # a bend at each corner of the city
    assert shapely.covers(dissolved(made.right_of_way).geometry[0], lines).all()
    one, _ = shapely.STRtree(lines).query(lines, predicate="crosses")
    assert not len(one)


def test_the_dissolved_right_of_way_has_a_hole_for_each_block():
    made = fabric()
    whole = dissolved(made.right_of_way)
    assert len(whole) == 1 and whole.crs == made.right_of_way.crs
    assert len(whole.geometry[0].interiors) == len(made.blocks)
    assert whole.area.sum() == pytest.approx(made.right_of_way.area.sum(), rel=1e-12)


@pytest.mark.parametrize("crs", ["EPSG:2227", "EPSG:6420"])
def test_the_system_is_the_one_asked_for(crs):
    assert all(frame.crs == crs for frame in parcel_fabric(40, crs=crs).layers().values())


def test_a_system_that_is_not_in_survey_feet_is_refused():
    with pytest.raises(ValueError, match=r"Invalid crs 'EPSG:26943'\. Must be in US survey feet"):
        parcel_fabric(40, crs="EPSG:26943")
    with pytest.raises(CRSError):
        parcel_fabric(40, crs="EPSG:4326")


def test_a_fabric_without_parcels_is_refused():
    with pytest.raises(ValueError, match="Invalid parcels 0"):
        parcel_fabric(0)
