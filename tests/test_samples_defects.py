"""Planted defects are what the truth says of them, measured by GEOS; and what the rules find among them is all, and no more."""

from functools import cache

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

import citygis as cg
from citygis.quality.rules import RULES
from citygis.samples.defects import plant_defects
from citygis.samples.lot_defects import KINDS
from citygis.samples.parcel_fabric import ParcelFabric, parcel_fabric
from citygis.samples.scoring import false_alarms, found
from citygis.topology import crossings, duplicates, loose_ends, protrusions, pseudo_nodes

PER_KIND = 7  # so that every size of every kind is there


@cache
def fabric() -> ParcelFabric:
    return parcel_fabric(6_000, seed=3)


@cache
def planted():
    return plant_defects(fabric(), seed=4, per_kind=PER_KIND)


def shapes(frame) -> np.ndarray:
    return np.asarray(frame.geometry.array, dtype=object)


def cases(kind: str, layer: str = "parcel"):
    """For each defect of a kind: its size, the feature before and after, the block before and after."""
    layers, truth = planted()
    key = {"parcel": "pid", "easement": "eid", "centreline": "cid"}[layer]
    before = dict(zip(fabric().layers()[layer][key], shapes(fabric().layers()[layer]), strict=True))
    after = dict(zip(layers[layer][key], shapes(layers[layer]), strict=True))
    for row in truth[truth["kind"] == kind].itertuples():
        yield row, before, after


def block_of(frame, block: int) -> np.ndarray:
    return shapes(frame)[frame["block"].to_numpy() == block]


def total_overlap(polygons: np.ndarray) -> float:
    """The ground that polygons claim beyond what they cover, in square feet."""
    return shapely.area(polygons).sum() - shapely.union_all(polygons).area


def test_there_are_twenty_four_kinds_and_as_many_of_each_as_were_asked_for():
    _, truth = planted()
    counts = truth[truth["layer"] == "parcel"].groupby("kind").size()
    assert len(KINDS) == 24 == len(counts)
    assert (truth.groupby("kind").size() == PER_KIND).all()
    for kind in KINDS:
        sizes = truth.loc[truth["kind"] == kind.name, "size"]
        assert not kind.sizes or set(sizes) == set(kind.sizes)


def test_each_defect_stands_alone_in_its_block():
    _, truth = planted()
    blocks = truth.loc[truth["block"] >= 0, "block"]
    assert blocks.is_unique and len(blocks) == 26 * PER_KIND


def test_blocks_that_no_row_names_are_untouched():
    layers, truth = planted()
    spoilt = set(truth["block"])
    for name in ("parcel", "easement"):
        frames = fabric().layers()[name], layers[name]
        before, after = (frame[~frame["block"].isin(spoilt)] for frame in frames)
        assert (shapely.to_wkb(shapes(before)) == shapely.to_wkb(shapes(after))).all()
        assert (before.iloc[:, 0].to_numpy() == after.iloc[:, 0].to_numpy()).all()
    assert layers["right_of_way"].equals(fabric().right_of_way)


def test_the_fabric_itself_is_not_modified():
    assert shapely.coverage_is_valid(shapes(fabric().parcel))
    planted()
    assert shapely.coverage_is_valid(shapes(fabric().parcel)) and len(fabric().parcel) == fabric().parcel["pid"].max()


def test_every_code_is_one_of_the_catalogue():
    _, truth = planted()
    assert {*truth["code"], *(code for also in truth["also"] for code in also)} <= set(RULES)


def test_keys_stay_unique():
    layers, _ = planted()
    assert layers["parcel"]["pid"].is_unique and layers["centreline"]["cid"].is_unique and layers["easement"]["eid"].is_unique


@pytest.mark.parametrize("kind", ["overlap", "gap"])
def test_a_side_line_moved_by_its_size_takes_or_leaves_a_strip_that_wide(kind):
    for row, before, after in cases(kind):
        (pid,) = row.features
        change = shapely.area(after[pid]) - shapely.area(before[pid])
        sign = 1 if kind == "overlap" else -1
        assert sign * change == pytest.approx(row.size * 110, rel=0.15)
        assert shapely.hausdorff_distance(after[pid], before[pid]) == pytest.approx(row.size, abs=5e-4)
        mine = block_of(planted()[0]["parcel"], row.block)
        assert (total_overlap(mine) > 0.5 * row.size * 100) == (kind == "overlap")
        if kind == "gap":
            neighbours = mine[shapely.intersects(mine, after[pid]) & ~shapely.equals(mine, after[pid])]
            assert not shapely.overlaps(neighbours, after[pid]).any()


def test_a_misaligned_corner_is_one_corner_moved_by_its_size():
    for row, before, after in cases("misaligned_corner"):
        (pid,) = row.features
        off = np.hypot(*(shapely.get_coordinates(after[pid]) - shapely.get_coordinates(before[pid])).T)
        assert (off > 0).sum() == 1 and off.max() == pytest.approx(row.size, abs=1e-4)


def test_a_missing_vertex_lies_as_far_off_the_line_as_is_said():
    for row, before, after in cases("missing_vertex"):
        (pid,) = row.features
        was, now = (set(map(tuple, shapely.get_coordinates(each[pid]).tolist())) for each in (before, after))
        assert now < was and len(was - now) == 1
        assert (row.geometry.x, row.geometry.y) in was - now
        assert shapely.distance(after[pid].exterior, row.geometry) == pytest.approx(row.size, abs=1e-4)
        others = shapely.get_coordinates(block_of(planted()[0]["parcel"], row.block)).tolist()
        assert others.count([row.geometry.x, row.geometry.y]) >= 2


@pytest.mark.parametrize("kind", ["bowtie", "hole_outside", "zero_width_spike"])
def test_what_should_be_broken_is_broken(kind):
    for row, before, after in cases(kind):
        assert shapely.is_valid(before[row.features[0]]) and not shapely.is_valid(after[row.features[0]])
    reason = shapely.is_valid_reason(after[row.features[0]])
    assert ("Hole lies outside" in reason) == (kind == "hole_outside")


@pytest.mark.parametrize("kind", ["repeated_vertex", "near_repeated_vertex"])
def test_a_vertex_is_added_that_changes_nothing_to_speak_of(kind):
    for row, before, after in cases(kind):
        was, now = before[row.features[0]], after[row.features[0]]
        assert shapely.get_num_coordinates(now) == shapely.get_num_coordinates(was) + 1
        assert shapely.hausdorff_distance(was, now) < 1e-4
        steps = np.hypot(*np.diff(shapely.get_coordinates(now), axis=0).T)
        assert steps.min() == pytest.approx(0 if kind == "repeated_vertex" else row.size, abs=1.5e-4)


def test_a_thin_spike_is_valid_and_two_hundredths_wide_at_its_foot():
    for row, before, after in cases("thin_spike"):
        was, now = before[row.features[0]], after[row.features[0]]
        assert shapely.is_valid(now)
        assert shapely.area(now) - shapely.area(was) == pytest.approx(0.02 * row.size / 2, rel=0.02)


def test_a_duplicate_is_equal_and_the_turned_one_is_other_bytes():
    for kind in ("duplicate", "duplicate_turned"):
        for row, _, after in cases(kind):
            one, two = (after[pid] for pid in row.features)
            assert shapely.equals(one, two)
            assert shapely.equals_exact(one, two) == (kind == "duplicate")


def test_a_multipart_parcel_holds_two_lots_and_one_row_is_gone():
    for row, before, after in cases("multipart"):
        pid, gone = row.features
        assert gone not in after
        assert shapely.is_valid(after[pid]) and shapely.get_num_geometries(after[pid]) == 2
        assert shapely.area(after[pid]) == pytest.approx(shapely.area(before[pid]) + shapely.area(before[gone]))


def test_a_tiny_parcel_fills_a_hole_of_its_size():
    for row, before, after in cases("tiny"):
        pid, tiny = row.features
        assert shapely.area(after[tiny]) == pytest.approx(row.size, rel=1e-3)
        assert shapely.area(after[pid]) + shapely.area(after[tiny]) == pytest.approx(shapely.area(before[pid]), abs=1e-3)
        assert shapely.coverage_is_valid(block_of(planted()[0]["parcel"], row.block))


def test_null_and_empty_and_missing_are_what_they_say():
    assert all(after[row.features[0]] is None for row, _, after in cases("null"))
    assert all(after[row.features[0]].is_empty for row, _, after in cases("empty"))
    assert all(row.features[0] not in after for row, _, after in cases("missing_parcel"))


def test_a_ring_run_clockwise_is_the_same_ground():
    for row, before, after in cases("wrong_orientation"):
        assert not shapely.is_ccw(after[row.features[0]].exterior)
        assert shapely.equals(after[row.features[0]], before[row.features[0]])


def test_coordinates_in_another_system_come_back_to_the_lot():
    for kind, back in {"swapped_axes": lambda c: c[:, ::-1], "metres_for_feet": lambda c: c * 3937 / 1200}.items():
        for row, before, after in cases(kind):
            again = shapely.transform(after[row.features[0]], back)
            assert shapely.hausdorff_distance(again, before[row.features[0]]) < 5e-4
    feet = pyproj.Transformer.from_crs("EPSG:6318", "EPSG:6420", always_xy=True)  # from NAD83(2011) in degrees
    for row, before, after in cases("degrees"):
        again = shapely.transform(after[row.features[0]], lambda c: np.column_stack(feet.transform(*c.T)))
        assert shapely.hausdorff_distance(again, before[row.features[0]]) < 1e-3


def test_a_front_pushed_out_takes_ground_of_a_street():
    for row, before, after in cases("overlap_into_street"):
        now, was = after[row.features[0]], before[row.features[0]]
        assert shapely.area(now) - shapely.area(was) == pytest.approx(10 * row.size, abs=0.01)
        shared = shapely.intersection(now, shapes(fabric().right_of_way))
        assert shapely.area(shared).sum() == pytest.approx(10 * row.size, abs=0.01)


def test_an_enclosed_parcel_is_claimed_by_its_lot_too():
    for row, _, after in cases("enclosed_overlap"):
        lot, inner = (after[pid] for pid in row.features)
        assert shapely.contains_properly(lot, inner) and shapely.area(inner) == pytest.approx(row.size**2, rel=1e-4)


def test_a_shifted_parcel_keeps_its_shape():
    for row, before, after in cases("shifted_parcel"):
        step = shapely.get_coordinates(after[row.features[0]]) - shapely.get_coordinates(before[row.features[0]])
        assert np.hypot(*step.T) == pytest.approx(np.full(len(step), row.size), abs=1.5e-4)
        assert np.ptp(step, axis=0).max() < 2.5e-4


def test_an_easement_reaches_out_of_its_block_by_its_size():
    outlines = shapes(fabric().subdivision)
    for row, _, after in cases("easement_out", "easement"):
        corners = shapely.points(shapely.get_coordinates(after[row.features[0]]))
        assert shapely.distance(corners, outlines[row.block]).max() == pytest.approx(row.size, rel=0.02)


def test_a_tract_falls_short_of_a_lot_by_its_size():
    layers, truth = planted()
    tracts = shapely.union_all(shapes(layers["tract"]))
    lots = dict(zip(layers["parcel"]["pid"], shapes(layers["parcel"]), strict=True))
    for row in truth[truth["kind"] == "tract_short"].itertuples():
        outside = shapely.difference(lots[row.features[0]], tracts)
        assert outside.area == pytest.approx(20 * row.size, rel=0.01)
    assert shapely.is_valid(shapes(layers["tract"])).all()


def test_line_defects_change_the_ends_that_they_should():
    nodes = pd.Series(map(tuple, ends(fabric().centreline).tolist())).value_counts()
    for kind, alone in {"undershoot": 1, "overshoot": 1, "pseudo_node": 2}.items():
        now = pd.Series(map(tuple, ends(planted()[0]["centreline"]).tolist())).value_counts()
        for row, _, _ in cases(kind, "centreline"):
            near = shapely.distance(shapely.points(now.index.tolist()), row.geometry).argmin()
            assert now.index[near] not in nodes.index and now.iloc[near] == alone
    for row, before, after in cases("undershoot", "centreline"):
        assert after[row.features[0]].length == pytest.approx(before[row.features[0]].length - row.size, abs=1e-3)
    for row, before, after in cases("overshoot", "centreline"):
        assert after[row.features[0]].length == pytest.approx(before[row.features[0]].length + row.size, abs=1e-3)
    for row, _, after in cases("duplicate_line", "centreline"):
        assert shapely.equals(*(after[cid] for cid in row.features))
    for row, before, after in cases("crossing_without_node", "centreline"):
        assert shapely.crosses(*(after[cid] for cid in row.features))
        crossed = [cid for cid, line in before.items() if shapely.crosses(after[row.features[1]], line)]
        assert crossed == [row.features[0]]


def ends(lines) -> np.ndarray:
    both = [shapely.get_point(shapes(lines), 0), shapely.get_point(shapes(lines), -1)]
    return shapely.get_coordinates(np.concatenate(both))


def test_a_fabric_with_too_few_blocks_is_refused():
    with pytest.raises(ValueError, match="Invalid per_kind"):
        plant_defects(parcel_fabric(500), per_kind=5)


def test_the_same_seed_plants_the_same():
    layers, truth = plant_defects(fabric(), seed=4, per_kind=PER_KIND)
    assert truth.equals(planted()[1])
    assert (shapely.to_wkb(shapes(layers["parcel"])) == shapely.to_wkb(shapes(planted()[0]["parcel"]))).all()


# What the rules make of them


@cache
def told(shuffled: bool):
    layers, _ = planted()
    frame = layers["parcel"].sample(frac=1, random_state=1) if shuffled else layers["parcel"]
    return cg.validate(frame, "parcel", only="geometry", key="pid")


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.needs is None])
def test_every_defect_of_the_kind_is_found(kind):
    truth = planted()[1].query("layer == 'parcel' and kind == @kind")
    missed = truth[~found(truth, told(False))]
    assert missed.empty, missed[["size", "features"]].to_string()


@cache
def told_with_streets():
    layers = {name: planted()[0][name] for name in ("parcel", "right_of_way", "tract")}
    return cg.validate(layers, only="geometry", key="pid")


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_with_streets_and_tracts_every_defect_of_every_kind_is_found(kind):
    truth = planted()[1].query("layer == 'parcel' and kind == @kind")
    missed = truth[~found(truth, told_with_streets())]
    assert missed.empty, missed[["size", "features"]].to_string()


def test_with_streets_and_tracts_nothing_is_told_of_a_block_without_a_defect():
    truth, findings = planted()[1], told_with_streets()
    false = false_alarms(truth, planted()[0]["parcel"], findings)
    # A parcel within another fronts on no street: that is so.
    enclosed = fabric().blocks["first"] + fabric().blocks["parcels"]
    assert set(false["code"]) == {"T13"}
    assert set(false["feature"].astype(int)) <= set(enclosed[fabric().blocks["enclosed"]])
    gaps = findings[findings["code"] == "T02"]
    spoilt = shapes(fabric().subdivision)[sorted(set(truth["block"]) - {-1})]
    assert shapely.STRtree(spoilt).query(shapes(gaps), predicate="intersects")[0].tolist() == list(range(len(gaps)))


def test_nothing_is_told_of_a_block_without_a_defect():
    false = false_alarms(planted()[1], planted()[0]["parcel"], told(False))
    assert false.empty, false[["code", "feature", "other", "message"]].to_string()


def test_a_sound_fabric_is_found_sound():
    assert cg.validate(fabric().parcel, "parcel", only="geometry", key="pid").empty


def test_the_order_of_rows_changes_nothing():
    assert sorted(told(True)["finding_id"]) == sorted(told(False)["finding_id"])


# What the measures make of the layers beside the parcels


def test_the_easements_that_reach_out_of_the_parcels_are_those_planted_and_no_other():
    layers, truth = planted()
    found_rows = protrusions(layers["easement"], fabric().parcel, tolerance_ft=0.01)["inner"].unique()
    told = {(int(layers["easement"]["eid"].iloc[row]),) for row in found_rows}
    assert told == set(truth.loc[truth["kind"] == "easement_out", "features"])


def test_the_parcels_that_their_tracts_fall_short_of_are_those_planted_and_no_other():
    layers, truth = planted()
    found_rows = protrusions(fabric().parcel, layers["tract"], tolerance_ft=0.01)["inner"].unique()
    told = {(int(fabric().parcel["pid"].iloc[row]),) for row in found_rows}
    assert told == set(truth.loc[truth["kind"] == "tract_short", "features"])


def test_ends_that_stop_short_or_run_past_are_those_planted_and_no_other():
    layers, truth = planted()
    loose = loose_ends(layers["centreline"], reach_ft=5.0)
    for kind in ("undershoot", "overshoot"):
        told = {(int(layers["centreline"]["cid"].iloc[row]),) for row in loose.loc[loose["kind"] == kind, "line"]}
        assert told == set(truth.loc[truth["kind"] == kind, "features"]), kind


def test_lines_given_twice_or_crossing_or_cut_are_those_planted_and_no_other():
    layers, truth = planted()
    lines = layers["centreline"]
    cid = lines["cid"].to_numpy()

    def pairs(frame) -> set[tuple[int, int]]:
        return {tuple(sorted((int(cid[a]), int(cid[b])))) for a, b in zip(frame["left"], frame["right"], strict=True)}

    def planted_pairs(kind: str) -> set[tuple[int, int]]:
        return {tuple(sorted(each)) for each in truth.loc[truth["kind"] == kind, "features"]}

    assert pairs(duplicates(lines)) == planted_pairs("duplicate_line")
    met = crossings(lines)
    overshoots = set(truth.loc[truth["kind"] == "overshoot", "features"])
    plain = met[
        [
            (int(cid[a]),) not in overshoots and (int(cid[b]),) not in overshoots
            for a, b in zip(met["left"], met["right"], strict=True)
        ]
    ]
    assert pairs(plain) == planted_pairs("crossing_without_node")
    assert planted_pairs("pseudo_node") <= pairs(pseudo_nodes(lines))
