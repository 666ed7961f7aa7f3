"""Repair as a whole: what is mended, by how much, and what is left."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from repair_lots import CRS, DEEP, EAST, NORTH, WIDE, corner, lots, ring_of, rings, wkb

import citygis as cg
from citygis.repairs import OPERATIONS, repair, undo
from citygis.samples.defects import plant_defects
from citygis.samples.parcel_fabric import parcel_fabric
from citygis.schema import geom_hashes


def mend(frame, name="lot", **options):
    return repair({name: frame}, only="geometry", key="pid", **options)


def shifted_corner(by_ft: float, **columns):
    """Six lots; the one in the south-west has the corner that four lots share this far east of where the three others have it."""
    block = rings()
    e, n = corner(1, 1)
    block[0][2] = (e + by_ft, n)
    return lots(block, **columns)


def test_a_corner_is_snapped_onto_the_one_that_three_lots_have_and_never_between():
    done = mend(shifted_corner(0.05))
    assert ring_of(done.layers["lot"], 1) == rings()[0]
    (edit,) = done.edits.to_dict("records")
    assert (edit["operation"], edit["feature"], edit["row"]) == ("snap_corner", "1", 0)
    assert edit["distance_ft"] == pytest.approx(0.05)
    assert (edit["to_easting"], edit["to_northing"]) == corner(1, 1)
    assert edit["area_before_sqft"] - edit["area_after_sqft"] == pytest.approx(0.05 * DEEP / 2, abs=1e-3)
    assert len(done.left) == 0 and len(done.mended) > 0


@pytest.mark.parametrize(("by_ft", "is_mended"), [(0.1199, True), (0.1202, False)])
def test_a_corner_is_moved_as_far_as_the_tolerance_and_no_farther(by_ft, is_mended):
    done = mend(shifted_corner(by_ft))
    assert (ring_of(done.layers["lot"], 1) == rings()[0]) == is_mended
    assert (len(done.edits) > 0) == is_mended
    assert (len(done.left) == 0) == is_mended


@pytest.mark.parametrize(("by_ft", "is_mended"), [(0.039, True), (0.041, False)])
def test_a_corner_is_moved_no_farther_than_it_is_known(by_ft, is_mended):
    done = mend(shifted_corner(by_ft, h_accuracy_ft=0.04))
    assert (ring_of(done.layers["lot"], 1) == rings()[0]) == is_mended


def test_a_tolerance_of_less_is_kept_and_one_of_more_is_refused():
    assert len(mend(shifted_corner(0.05), tolerance_ft=0.03).edits) == 0
    with pytest.raises(ValueError, match=r"Invalid tolerance_ft 0\.5"):
        mend(shifted_corner(0.05), tolerance_ft=0.5)


def test_only_the_operations_asked_for_are_done():
    assert len(mend(shifted_corner(0.05), apply=("remove_spike",)).edits) == 0
    with pytest.raises(ValueError, match=f"Must be some of: {OPERATIONS[0]}"):
        mend(shifted_corner(0.05), apply=("buffer",))


def test_what_no_finding_tells_of_is_left_alone():
    layer = shifted_corner(0.05)
    nothing = cg.validate(layer, "lot", only="geometry", key="pid").iloc[:0]
    done = repair({"lot": layer}, nothing, only="geometry", key="pid")
    assert done.layers["lot"] is layer and len(done.edits) == 0


def test_a_corner_of_the_corner_layer_is_not_moved_and_draws_the_three_others():
    layer = shifted_corner(0.05)
    e, n = corner(1, 1)
    control = gpd.GeoDataFrame({"corner_id": ["C1"], "kind": ["CONTROL"]}, geometry=[shapely.Point(e + 0.05, n)], crs=CRS)
    done = repair({"lot": layer, "corner": control}, only="geometry", key="pid")
    assert ring_of(done.layers["lot"], 1) == ring_of(layer, 1)
    assert set(done.edits["feature"]) == {"2", "4", "5"}
    assert (e + 0.05, n) in ring_of(done.layers["lot"], 5)
    assert done.layers["corner"] is control


def test_the_vertices_of_other_layers_follow_a_corner_that_they_share():
    layer = shifted_corner(0.05)
    e, n = corner(1, 1)
    line = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.LineString([corner(1, 0), (e + 0.05, n)])], crs=CRS)
    done = repair({"lot": layer, "line": line}, only="geometry", key="pid")
    assert shapely.get_coordinates(done.layers["line"].geometry.array)[1].tolist() == list(corner(1, 1))
    assert set(done.edits["layer"]) == {"lot", "line"}
    back = undo(done.layers, done.edits)
    assert wkb(back["line"]) == wkb(line) and wkb(back["lot"]) == wkb(layer)


def test_a_vertex_that_a_neighbour_has_is_inserted_and_the_edge_bends_to_it():
    block = rings(2, 1)
    e, n = corner(1, 0.5)
    block[1] = [*block[1], (e + 0.008, n)]
    done = mend(lots(block))
    assert (e + 0.008, n) in ring_of(done.layers["lot"], 1)
    (edit,) = done.edits.to_dict("records")
    assert edit["operation"] == "insert_vertex" and edit["distance_ft"] == pytest.approx(0.008, abs=1e-6)


@pytest.mark.parametrize("half_width_ft", [0.0, 0.008])
def test_a_spike_is_taken_out_with_its_feet(half_width_ft):
    block = rings()
    e, n = corner(0.5, 0)
    block[0][1:1] = [(e - half_width_ft, n), (e, n - 3), (e + half_width_ft, n)]
    done = mend(lots(block))
    assert ring_of(done.layers["lot"], 1) == rings()[0]
    assert set(done.edits["operation"]) == {"remove_spike"} and len(done.left) == 0


def test_a_pointed_lot_whose_tip_a_neighbour_shares_is_no_spike():
    tip = (EAST, NORTH)
    far = [(EAST + 400, NORTH), (EAST + 400, NORTH + 3)]
    layer = lots([[tip, *far], [tip, far[1], (EAST, NORTH + 200)]])
    done = mend(layer)
    assert done.layers["lot"] is layer


def test_repeated_vertices_and_short_edges_go():
    block = rings()
    block[0].insert(1, block[0][1])
    block[5].insert(3, (block[5][2][0] - 0.015, block[5][2][1]))
    done = mend(lots(block))
    assert ring_of(done.layers["lot"], 1) == rings()[0]
    assert ring_of(done.layers["lot"], 6) == rings()[5]
    assert len(done.left) == 0


def test_a_wide_overlap_is_left_with_what_would_be_cut_off():
    block = rings(2, 1)
    block[0][1], block[0][2] = (block[0][1][0] + 2, block[0][1][1]), (block[0][2][0] + 2, block[0][2][1])
    done = mend(lots(block, h_accuracy_ft=[1.0, 0.1]))
    assert len(done.edits) == 0
    (told,) = done.left[done.left["code"] == "T01"].to_dict("records")
    assert "1 without the ground of 2, which is known better" in told["suggestion"]
    assert shapely.from_wkb(told["suggested"]).area == pytest.approx(WIDE * DEEP, abs=1e-3)


def test_a_bowtie_is_left_with_the_picture_of_what_make_valid_would_do():
    e, n = EAST, NORTH
    done = mend(lots([[(e, n), (e + 40, n + 40), (e + 40, n), (e, n + 40)]]))
    (told,) = done.left[done.left["code"] == "G03"].to_dict("records")
    assert len(done.edits) == 0
    assert "MultiPolygon of 2 part(s) with 800.0 sq ft" in told["suggestion"]


def test_a_ring_that_touches_itself_is_made_valid_because_the_ground_stays_what_it_is():
    e, n = EAST, NORTH
    pinched = [(e, n), (e + 50, n), (e + 40, n + 20), (e + 60, n + 20), (e + 50, n), (e + 100, n), (e + 100, n + 100), (e, n + 100)]
    done = mend(lots([pinched]))
    (edit,) = done.edits.to_dict("records")
    assert edit["operation"] == "make_valid"
    assert done.layers["lot"].is_valid.all() and done.layers["lot"].area.tolist() == pytest.approx([10_000 - 200])
    assert wkb(undo(done.layers, done.edits)["lot"]) == wkb(lots([pinched]))


def test_a_row_that_repeats_another_in_all_is_taken_out_and_put_back_by_undo():
    block = rings(2, 1)
    layer = pd.concat([lots(block, owner=["a", "b"]), lots(block, owner=["a", "b"]).iloc[[0]]], ignore_index=True)
    layer = layer.assign(source_ref=["r1", "r2", "r3"])
    done = mend(layer)
    assert done.layers["lot"]["source_ref"].tolist() == ["r1", "r2"]
    assert done.edits["operation"].tolist() == ["drop_duplicate"]
    pd.testing.assert_frame_equal(pd.DataFrame(undo(done.layers, done.edits)["lot"]), pd.DataFrame(layer))


def test_a_twin_with_another_owner_is_no_repetition():
    block = rings(2, 1)
    layer = pd.concat([lots(block, owner=["a", "b"]), lots(block, owner=["c", "d"]).iloc[[0]]], ignore_index=True)
    done = mend(layer)
    assert len(done.layers["lot"]) == 3 and len(done.edits) == 0
    assert "declare the stack" in done.left[done.left["code"] == "G04"]["suggestion"].iloc[0]


def test_what_carries_heights_is_left_as_it_is():
    layer = shifted_corner(0.05)
    layer.loc[0, "geometry"] = shapely.force_3d(layer.geometry.iloc[0], 12.0)
    done = mend(layer)
    assert wkb(done.layers["lot"])[0] == wkb(layer)[0]


@pytest.mark.parametrize("name", ["record_overlap", "record_gore"])
def test_a_gore_of_the_record_is_never_closed(name):
    layer = shifted_corner(0.05)
    told = cg.validate(layer, "lot", only="geometry", key="pid")
    lines = told["code"].isin(["T01", "T33"])
    assert lines.any()
    told.loc[lines, "rule"] = name
    done = repair({"lot": layer}, told, only="geometry", key="pid")
    assert done.layers["lot"] is layer
    assert done.left["because"].str.contains("a matter of record").any()


def test_what_the_record_leaves_open_is_not_closed_either(monkeypatch):
    layer = shifted_corner(0.05)
    told = cg.validate(layer, "lot", only="geometry", key="pid")
    told.loc[told["code"] == "T01", "rule"] = "overlap"

    def open_(lines, subjects, city):
        return pd.DataFrame({"kind": "UNKNOWN", "said": "", "is_known": False}, index=lines.index)

    monkeypatch.setattr("citygis.repairs.work.judgements", open_)
    assert len(repair({"lot": layer}, told, only="geometry", key="pid").edits) == 0


def test_features_with_their_axes_exchanged_are_proposed_as_one_change():
    block = rings(6, 6)
    for i in (7, 8):
        block[i] = [(n, e) for e, n in block[i]][::-1]
    done = mend(lots(block))
    told = done.left[done.left["code"] == "G06"]
    assert len(told) == 2 and told["batch"].nunique() == 1
    assert "for 2 feature(s)" in told["suggestion"].iloc[0] and "100% of their corners" in told["suggestion"].iloc[0]
    assert shapely.from_wkb(told["suggested"].iloc[0]).equals(shapely.Polygon(rings(6, 6)[7]))


def test_a_layer_in_metres_is_mended_in_metres_and_every_other_vertex_stays_to_the_last_bit():
    layer = shifted_corner(0.05).to_crs("EPSG:6419")
    done = mend(layer)
    first, second = (shapely.get_coordinates(done.layers["lot"].geometry.iloc[row]) for row in (0, 1))
    assert done.layers["lot"].crs == layer.crs
    assert first[2].tolist() == second[3].tolist() == shapely.get_coordinates(layer.geometry.iloc[1])[3].tolist()
    assert (np.delete(first, 2, axis=0) == np.delete(shapely.get_coordinates(layer.geometry.iloc[0]), 2, axis=0)).all()
    assert wkb(done.layers["lot"])[1:] == wkb(layer)[1:]
    (edit,) = done.edits.to_dict("records")
    assert edit["distance_ft"] == pytest.approx(0.05, abs=1e-4)
    assert shapely.length(edit["geometry"]) == pytest.approx(0.05 * 1200 / 3937, abs=1e-4)
    assert edit["area_before_sqft"] - edit["area_after_sqft"] == pytest.approx(0.05 * DEEP / 2, abs=0.02)
    assert wkb(undo(done.layers, done.edits)["lot"]) == wkb(layer)


def test_what_is_left_of_a_layer_in_metres_lies_and_is_suggested_in_metres():
    block = rings(2, 1)
    block[0][1], block[0][2] = (block[0][1][0] + 2, block[0][1][1]), (block[0][2][0] + 2, block[0][2][1])
    layer = lots(block, h_accuracy_ft=[1.0, 0.1]).to_crs("EPSG:6419")
    told = cg.validate(layer, "lot", only="geometry", key="pid")
    for findings in (None, told):
        done = repair({"lot": layer}, findings, only="geometry", key="pid")
        (left,) = done.left[done.left["code"] == "T01"].to_dict("records")
        assert left["geometry"].equals_exact(told.geometry[told["code"] == "T01"].iloc[0], 1e-6)
        cut = shapely.from_wkb(left["suggested"])
        assert cut.area == pytest.approx(WIDE * DEEP * (1200 / 3937) ** 2, rel=1e-3)
        assert done.left.crs == layer.crs and layer.geometry.iloc[0].buffer(0.01).covers(cut)


def test_the_area_and_the_hash_that_a_layer_gives_follow_the_shape_and_go_back_with_it():
    layer = shifted_corner(0.05)
    layer = layer.assign(calc_area_sqft=layer.area, geom_hash=geom_hashes(layer.geometry.to_numpy()))
    layer.loc[0, "calc_area_sqft"] += 1_000.0  # entered by hand, not what the shape has: undo brings it back all the same
    done = mend(layer)
    mended = done.layers["lot"]
    assert mended["calc_area_sqft"].iloc[0] == pytest.approx(WIDE * DEEP, abs=1e-6)
    assert mended["geom_hash"].tolist() == geom_hashes(mended.geometry.to_numpy()).tolist()
    assert mended["geom_hash"].iloc[0] != layer["geom_hash"].iloc[0]
    pd.testing.assert_frame_equal(pd.DataFrame(undo(done.layers, done.edits)["lot"]), pd.DataFrame(layer))


def test_no_area_is_entered_where_the_layer_says_none():
    layer = shifted_corner(0.05).assign(calc_area_sqft=np.nan)
    assert mend(layer).layers["lot"]["calc_area_sqft"].isna().all()


def test_attribute_findings_on_a_mended_feature_are_left():
    layer = shifted_corner(0.05)
    layer = pd.concat([layer, layer.iloc[[0]].assign(geometry=[shapely.box(EAST + 900, NORTH, EAST + 960, NORTH + 90)])])
    told = cg.validate(layer, "lot", key="pid")
    repeated = told[told["feature"].eq("1") & told["code"].str.startswith("A")]
    assert len(repeated) > 0
    done = repair({"lot": layer}, key="pid")
    assert "1" in set(done.edits["feature"])
    assert set(repeated["finding_id"]) <= set(done.left["finding_id"])


def test_tables_and_empty_layers_are_handed_on():
    done = repair({"owners": pd.DataFrame({"name": ["a"]}), "lot": lots(rings()).iloc[:0]}, only="geometry")
    assert len(done.edits) == 0 and len(done.layers["owners"]) == 1 and len(done.layers["lot"]) == 0


MENDED = ("repeated_vertex", "near_repeated_vertex", "zero_width_spike", "thin_spike", "misaligned_corner", "shifted_parcel")


def test_of_every_planted_defect_what_is_safe_is_mended_and_nothing_is_lost():
    planted, truth = plant_defects(parcel_fabric(2000, seed=3), seed=4, per_kind=2)
    layer = planted["parcel"]
    done = repair({"parcel": layer}, only="geometry", key="pid")
    after = cg.validate(done.layers, only="geometry", key="pid")
    assert sorted(after["finding_id"]) == sorted(done.left["finding_id"])
    assert not set(after["finding_id"]) & set(done.mended["finding_id"])
    assert len(done.layers["parcel"]) == len(layer)
    assert done.layers["parcel"].drop(columns="geometry").equals(layer.drop(columns="geometry"))
    truth = truth[truth["layer"] == "parcel"]
    safe = truth["kind"].isin(MENDED) | (truth["kind"].isin(["overlap", "gap"]) & (truth["size"] <= 0.1))
    told = set(after["feature"].dropna()) | set(after["other"].dropna())
    for row in truth[safe].itertuples():
        assert not told & set(map(str, row.features)), row.kind
    assert {"bowtie", "null", "empty", "duplicate"} <= set(truth[~safe]["kind"])
    sound = layer[~layer["block"].isin(truth["block"])]
    assert not set(done.edits["feature"]) & set(sound["pid"].astype(str))
    before = np.asarray(layer.geometry.array, dtype=object)
    back = np.asarray(undo(done.layers, done.edits)["parcel"].geometry.array, dtype=object)
    assert shapely.to_wkb(before).tolist() == shapely.to_wkb(back).tolist()
