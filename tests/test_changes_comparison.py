"""Two deliveries told apart, change by change."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.changes import KINDS, compare
from citygis.errors import CRSError

EAST, NORTH = 6_336_000, 2_122_000


def lot(column, row=0, width=60.0, depth=110.0):
    return shapely.box(EAST + 60 * column, NORTH + 110 * row, EAST + 60 * column + width, NORTH + 110 * row + depth)


def layer(rows, crs="EPSG:6420", **columns):
    return gpd.GeoDataFrame({"apn": list(rows), **columns}, geometry=list(rows.values()), crs=crs)


def told(changes):
    return {(row.kind, row.old, row.new) for row in changes.changes.itertuples()}


BASE = {name: lot(i) for i, name in enumerate("ABCDEF")}


def after(**changed):
    return layer(
        {**{k: v for k, v in BASE.items() if changed.get(k, v) is not None}, **{k: v for k, v in changed.items() if v is not None}}
    )


def test_a_redelivery_with_noise_says_nothing_changed():
    old = layer(BASE)
    new = old.sample(frac=1, random_state=3).reset_index(drop=True)
    new.geometry = shapely.reverse(shapely.transform(new.geometry.to_numpy(), lambda c: c + 8e-7))
    changes = compare(old, new, key="apn")
    assert len(changes.changes) == 0
    assert changes.counts["unchanged"] == 6 and changes.counts["noise"] == 6


def test_a_split_names_its_children_and_their_shares():
    changes = compare(layer(BASE), after(B=None, B1=lot(1, width=20), B2=lot(1 + 1 / 3, width=40)), key="apn")
    assert told(changes) == {("split", "B", "B1; B2")}
    assert changes.links.set_index("new")["share_old"].round(6).to_dict() == {"B1": round(1 / 3, 6), "B2": round(2 / 3, 6)}
    assert changes.changes["confidence"][0] == pytest.approx(1)


def test_a_split_whose_parent_keeps_its_number_is_a_split():
    changes = compare(layer(BASE), after(B=lot(1, width=20), B2=lot(1 + 1 / 3, width=40)), key="apn")
    assert told(changes) == {("split", "B", "B; B2")}


def test_a_merger_names_its_parents():
    changes = compare(layer(BASE), after(B=None, C=None, X=lot(1, width=120)), key="apn")
    assert told(changes) == {("merged", "B; C", "X")}


def test_another_number_on_the_same_ground_is_a_renumbering():
    changes = compare(layer(BASE), after(B=None, Z=lot(1)), key="apn")
    assert told(changes) == {("renumbered", "B", "Z")}


def test_two_lots_made_three_are_a_resubdivision():
    new = after(B=None, C=None, X=lot(1, width=40), Y=lot(1 + 40 / 60, width=40), Z=lot(1 + 80 / 60, width=40))
    assert told(compare(layer(BASE), new, key="apn")) == {("resubdivided", "B; C", "X; Y; Z")}


def test_a_line_moved_between_two_lots_is_two_moved_lots_and_no_lineage():
    changes = compare(layer(BASE), after(B=lot(1, width=63), C=lot(2 + 3 / 60, width=57)), key="apn")
    assert told(changes) == {("moved", "B", "B"), ("moved", "C", "C")}
    assert changes.changes["moved_ft"].tolist() == pytest.approx([3, 3])


def test_new_and_retired_are_told_where_nothing_was_and_nothing_is():
    changes = compare(layer(BASE), after(F=None, N=lot(40)), key="apn")
    assert told(changes) == {("retired", "F", ""), ("new", "", "N")}


def test_a_child_on_a_parent_that_nobody_retired_says_so():
    changes = compare(layer(BASE), after(B1=lot(1, width=20)), key="apn")
    assert told(changes) == {("new", "", "B1")}
    assert "lies on B" in changes.changes["message"][0]


def test_a_number_given_to_other_ground_is_recycled_and_what_became_of_its_ground_is_told_too():
    changes = compare(layer(BASE), after(B=lot(30), Z=lot(1)), key="apn")
    assert told(changes) == {("recycled", "B", "B"), ("renumbered", "B", "Z")}


def test_the_record_alone_is_told_value_by_value():
    old, new = layer(BASE, owner=list("abcdef"), acres=[1.0] * 6), layer(BASE, owner=["a", "X", *"cdef"], acres=[1.0 + 1e-12] * 6)
    changes = compare(old, new, key="apn")
    assert told(changes) == {("attribute", "B", "B")}
    assert changes.values[["old_key", "column", "old", "new"]].to_numpy().tolist() == [["B", "owner", "b", "X"]]


@pytest.mark.parametrize(("before", "now"), [(None, ""), ("  ", None), ("x ", "x")])
def test_blanks_are_no_values(before, now):
    old, new = layer(BASE, owner=[before] + ["o"] * 5), layer(BASE, owner=[now] + ["o"] * 5)
    assert not len(compare(old, new, key="apn").changes)


def test_figures_that_programs_derive_are_not_compared():
    old, new = layer(BASE, Shape_Area=range(6), OBJECTID=range(6)), layer(BASE, Shape_Area=range(6, 12), OBJECTID=range(9, 15))
    assert not len(compare(old, new, key="apn").changes)


def test_a_shift_of_the_whole_layer_is_one_fact_and_the_rest_is_compared_behind_it():
    rows = {f"L{i}": lot(i % 10, i // 10) for i in range(40)}
    moved = {name: shapely.transform(g, lambda c: c + [0.3, 0.0]) for name, g in rows.items()}
    moved["Z"] = moved.pop("L7")
    changes = compare(layer(rows), layer(moved), key="apn")
    assert changes.shift.easting_ft == pytest.approx(0.3, abs=1e-6)
    assert told(changes) == {("renumbered", "L7", "Z")}


def test_units_of_a_stack_under_one_number_are_told_apart_by_what_else_they_say():
    rows = gpd.GeoDataFrame(
        {"apn": ["S"] * 3 + ["T"], "unit": ["1", "2", "3", ""]}, geometry=[lot(0)] * 3 + [lot(1)], crs="EPSG:6420"
    )
    new = rows.iloc[[2, 0, 3, 1]].reset_index(drop=True)
    assert not len(compare(rows, new, key="apn").changes)
    new.loc[new["unit"] == "2", "unit"] = "2A"
    assert compare(rows, new, key="apn").values[["old", "new"]].to_numpy().tolist() == [["2", "2A"]]


def test_parts_of_a_lot_sent_one_by_one_are_paired_where_they_lie():
    old = gpd.GeoDataFrame({"apn": ["S", "S", "S", "T"]}, geometry=[lot(0), lot(5), lot(9), lot(1)], crs="EPSG:6420")
    new = gpd.GeoDataFrame({"apn": ["S", "T", "S"]}, geometry=[lot(9), lot(1), lot(0)], crs="EPSG:6420")
    changes = compare(old, new, key="apn")
    assert told(changes) == {("ambiguous", "S", "")} and changes.counts["unchanged"] == 3
    assert not len(compare(old, old.iloc[::-1], key="apn").changes)


def test_rows_nobody_can_tell_apart_are_listed_and_not_dropped():
    old = gpd.GeoDataFrame({"apn": ["S", "S", None], "unit": ["1", "2", "3"]}, geometry=[lot(0)] * 2 + [lot(1)], crs="EPSG:6420")
    new = gpd.GeoDataFrame({"apn": ["S", "S"], "unit": ["8", "9"]}, geometry=[lot(0)] * 2, crs="EPSG:6420")
    changes = compare(old, new, key="apn")
    assert changes.counts["ambiguous"] == 5


def test_a_row_without_a_key_that_is_there_again_as_it_was_is_no_change():
    rows = {"apn": [None, None, "A"], "lot": ["1", "1", "1"]}
    old = gpd.GeoDataFrame(rows, geometry=[lot(0), lot(5), lot(9)], crs="EPSG:6420")
    new = old.iloc[[2, 1, 0]].reset_index(drop=True)
    new.geometry = shapely.reverse(new.geometry.to_numpy())
    changes = compare(old, new, key="apn")
    assert len(changes.changes) == 0 and changes.counts["unchanged"] == 3
    assert compare(old, new.assign(lot=["1", "2", "1"]), key="apn").counts["ambiguous"] == 2


def test_every_old_row_is_unchanged_or_told():
    new = after(B=None, C=None, X=lot(1, width=120), F=None, D=lot(3, width=59))
    changes = compare(layer(BASE), new, key="apn")
    rows = {name for old in changes.changes["old"] for name in old.split("; ") if name}
    assert changes.counts["unchanged"] + len(rows) == changes.old_rows


@pytest.mark.parametrize(("gone", "is_cut"), [(10, False), (11, True)])
def test_a_delivery_cut_off_is_guarded_against(gone, is_cut):
    rows = {f"L{i:03d}": lot(i % 20, i // 20) for i in range(100)}
    new = dict(list(rows.items())[: 100 - gone])
    assert (compare(layer(rows), layer(new), key="apn").truncated is not None) is is_cut


def test_change_ids_do_not_depend_on_the_order_of_rows():
    new = after(B=None, C=None, X=lot(1, width=120), Q=lot(50))
    one = compare(layer(BASE), new, key="apn")
    other = compare(layer(BASE).iloc[::-1], new.sample(frac=1, random_state=1), key="apn")
    assert one.changes["change_id"].tolist() == other.changes["change_id"].tolist()


def test_a_broken_outline_is_compared_with_what_it_encloses():
    bow = shapely.Polygon([(EAST, NORTH), (EAST + 60, NORTH + 110), (EAST + 60, NORTH), (EAST, NORTH + 110)])
    changes = compare(layer(BASE), after(A=bow), key="apn")
    assert changes.counts["moved"] + changes.counts["recycled"] == 1


def test_an_outline_that_is_missing_now_is_told_and_so_is_what_became_of_its_ground():
    changes = compare(layer(BASE), layer({**BASE, "B": None, "Z": lot(1)}), key="apn")
    assert told(changes) == {("moved", "B", "B"), ("renumbered", "B", "Z")}
    assert "is in one delivery alone" in changes.changes["message"][0]


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="Invalid key 'apm'"):
        compare(layer(BASE), layer(BASE), key="apm")
    with pytest.raises(CRSError, match="different systems"):
        compare(layer(BASE), layer(BASE, crs="EPSG:2227"), key="apn")
    with pytest.raises(CRSError):
        compare(layer(BASE), layer(BASE, crs="EPSG:6419"), key="apn")


def test_members_and_pairs_tell_the_rows_of_every_change():
    new = after(B=None, B1=lot(1, width=20), B2=lot(1 + 1 / 3, width=40)).iloc[::-1].reset_index(drop=True)
    changes = compare(layer(BASE), new, key="apn")
    rows = changes.members[["side", "key", "row"]].sort_values("key").to_numpy().tolist()
    assert rows == [
        ["old", "B", 1],
        ["new", "B1", new.index[new["apn"] == "B1"][0]],
        ["new", "B2", new.index[new["apn"] == "B2"][0]],
    ]
    names = layer(BASE)["apn"].to_numpy()[changes.pairs[:, 0]], new["apn"].to_numpy()[changes.pairs[:, 1]]
    assert (names[0] == names[1]).all() and len(names[0]) == 5


def test_numbers_that_were_exchanged_are_two_recycled_ones_on_ground_that_was_renumbered():
    old, new = layer(BASE, owner=list("abcdef")), layer({**BASE, "B": lot(2), "C": lot(1)}, owner=["a", "c", "b", *"def"])
    changes = compare(old, new, key="apn")
    assert told(changes) == {("recycled", "B", "B"), ("recycled", "C", "C"), ("renumbered", "B", "C"), ("renumbered", "C", "B")}
    # B and C as numbers have other owners; the ground that has another number says nothing of that
    assert changes.changes.set_index("kind").loc["renumbered", "columns"].tolist() == ["", ""]


def test_change_ids_are_no_numbers_for_a_spreadsheet():
    assert compare(layer(BASE), after(B=None), key="apn").changes["change_id"].str.fullmatch("c[0-9a-f]{15}").all()


@pytest.mark.parametrize("tolerance_ft", [0, -1, float("nan"), float("inf")])
def test_a_tolerance_that_is_no_length_is_refused(tolerance_ft):
    lots = gpd.GeoDataFrame({"apn": ["1"]}, geometry=[shapely.box(6_336_000, 2_122_000, 6_336_060, 2_122_110)], crs=6420)
    with pytest.raises(ValueError, match="Invalid tolerance_ft"):
        compare(lots, lots, key="apn", tolerance_ft=tolerance_ft)


def test_two_columns_may_make_the_key():
    old = gpd.GeoDataFrame(
        {"book": [1.0, 1.0, np.nan], "page": ["1", "2", "3"]}, geometry=[lot(i) for i in range(3)], crs="EPSG:6420"
    )
    new = old.assign(book=pd.array([1, 1, None], dtype="Int64"), geometry=[lot(0), lot(1), lot(9)])
    changes = compare(old, new, key=["book", "page"])
    assert changes.counts["ambiguous"] == 2 and changes.counts["unchanged"] == 2


def test_kinds_are_all_counted():
    assert set(compare(layer(BASE), layer(BASE), key="apn").counts) == {*KINDS, "unchanged", "noise"}
