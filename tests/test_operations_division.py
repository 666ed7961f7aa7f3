"""A split: every foot of ground in one child, every value and link somewhere, and the neighbours none the worse."""

import datetime

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from office_city import RECORD, change_of, easement, ground, line, parcels, street, whole

from citygis.changes import ChangeSet
from citygis.errors import SchemaError, StoreError
from citygis.operations import refusals, require_sound, split

NEW = ["191-010-91", "191-010-92"]
ACROSS, ALONG = line((-5, 50), (65, 50)), line((30, -5), (30, 105))


def test_children_take_the_parents_ground_and_the_parent_ends():
    record = RECORD._replace(effective=datetime.date(2026, 7, 1), roll_year=2027)
    lots, beside = whole()
    done = split(lots, "191-010-11", ALONG, NEW, record=record, beside=beside)
    change = change_of(done)
    assert isinstance(done.change, ChangeSet) and done.change.effective == record.effective
    assert change.added["calc_area_sqft"].tolist() == pytest.approx([3000, 3000])
    assert abs(done.residual_sqft) < 1e-6
    assert change.added["legal_from"].tolist() == [pd.Timestamp("2026-07-01")] * 2
    assert change.added["roll_year"].tolist() == [2027, 2027]
    (ended,) = change.retired.to_dict("records")
    assert ended["global_id"] == lots["global_id"][0]
    assert ended["retired_by_record"] == record.doc_id and ended["legal_to"] == pd.Timestamp("2026-06-30")


def test_children_are_named_and_sourced_as_the_schema_wants():
    added = change_of(split(parcels(), "19101011", ALONG, NEW, record=RECORD._replace(ref="PARCEL 1"))).added
    assert added["apn"].tolist() == ["19101091", "19101092"] and added["apn_display"].tolist() == NEW
    assert added["global_id"].is_unique and added["created_by_record"].eq(RECORD.doc_id).all()
    assert added["source_ref"].eq("PARCEL 1").all() and added["method"].eq("DERIVED").all()
    assert added["geom_hash"].str.len().eq(64).all()
    assert added["h_accuracy_ft"].eq(0.1).all() and added["accuracy_basis"].eq("COMPILED").all()


def test_lineage_and_history_carry_the_shares():
    done = split(parcels(), "191-010-11", line((15, -5), (15, 105)), NEW, record=RECORD)
    lineage = done.change.lineage
    assert lineage["kind"].tolist() == ["split"] * 2
    assert lineage["share_parent"].tolist() == pytest.approx([0.25, 0.75])
    assert lineage["share_child"].tolist() == pytest.approx([1.0, 1.0])
    history = change_of(done, "apn_history").added
    assert history["old_apn"].tolist() == ["19101011"] * 2 and history["new_apn"].tolist() == ["19101091", "19101092"]
    assert history["change"].eq("SPLIT").all() and history["area_share"].tolist() == pytest.approx([0.25, 0.75])


def test_the_neighbour_gets_the_new_corner_and_keeps_its_ground():
    done = split(parcels(), "191-010-12", line((55, 33.3), (125, 41.7)), NEW, record=RECORD, beside={"right_of_way": street()})
    change = change_of(done)
    assert change.updated["apn_display"].tolist() == ["191-010-11", "191-010-13"]
    fresh = {tuple(c) for shape in change.added.geometry for c in shapely.get_coordinates(shape).tolist()}
    for shape, before in zip(change.updated.geometry, (6000.0, 6000.0), strict=True):
        own = {tuple(c) for c in shapely.get_coordinates(shape).tolist()}
        assert len(own) == 5 and len(own & fresh) == 3
        assert shape.area == pytest.approx(before, abs=1e-4)
    assert change.updated["source_id"].ne(RECORD.doc_id).all()  # a vertex, no land: its source is what it was


def test_the_street_gets_the_corner_of_a_line_that_ends_on_it():
    done = split(parcels(), "191-010-11", ALONG, NEW, record=RECORD, beside={"right_of_way": street()})
    way = change_of(done, "right_of_way").updated
    assert way["row_id"].tolist() == ["RW-1"] and shapely.get_num_coordinates(way.geometry.iloc[0]) == 6


def test_a_landlocked_child_is_a_new_finding_and_refused_until_it_is_accepted():
    lots, beside = whole()
    done = split(lots, "191-010-11", ACROSS, NEW, record=RECORD, beside=beside)
    assert done.findings["code"].tolist() == ["T13"] and done.findings["feature"].tolist() == ["191-010-92"]
    assert len(refusals(done)) == 1
    with pytest.raises(StoreError, match="T13"):
        require_sound(done)
    assert refusals(done, {"T13": "easement of the same map"}) == []


def test_a_split_along_the_street_leaves_the_rules_as_they_were():
    lots, beside = whole()
    assert refusals(split(lots, "191-010-11", ALONG, NEW, record=RECORD, beside=beside)) == []


def test_a_defect_that_was_there_before_is_no_new_finding():
    lots, beside = whole()
    beside["address_point"].loc[4, "apn"] = "19101099"  # its parcel is not there
    done = split(lots, "191-010-11", ALONG, NEW, record=RECORD, beside=beside)
    assert not len(done.findings)


def test_the_stated_area_is_dropped_and_the_address_goes_with_its_ground():
    lots, beside = whole()
    done = split(lots, "191-010-11", line((20, -5), (20, 105)), NEW, record=RECORD, beside=beside)
    added = change_of(done).added
    assert added["stated_area"].isna().all() and added["lot"].isna().all() and added["legal_text"].isna().all()
    assert added["situs_text"].isna().tolist() == [True, False] and added["situs_id"].isna().tolist() == [True, False]
    assert added["zoning_code"].eq("R-1").all()
    assert change_of(done, "address_point").updated["apn"].tolist() == ["19101092"]


def test_numbers_go_to_the_pieces_in_which_their_places_lie():
    places = {"191-010-92": (6_336_010.0, 2_124_050.0), "191-010-91": (6_336_050.0, 2_124_050.0)}
    added = change_of(split(parcels(), "191-010-11", ALONG, places, record=RECORD)).added
    assert added["apn_display"].tolist() == ["191-010-92", "191-010-91"]
    assert added.geometry.iloc[0].centroid.x < added.geometry.iloc[1].centroid.x
    with pytest.raises(ValueError, match="in one piece"):
        split(parcels(), "191-010-11", ALONG, dict.fromkeys(places, (6_336_010.0, 2_124_050.0)), record=RECORD)
    with pytest.raises(ValueError, match="inside one of the pieces"):
        split(parcels(), "191-010-11", ALONG, {**places, "191-010-91": (0.0, 0.0)}, record=RECORD)


def test_pieces_of_a_map_become_the_children_in_their_order():
    pieces = gpd.GeoSeries([ground(0, 60, 60, 100), ground(0, 0, 60, 60)])
    added = change_of(split(parcels(), "191-010-11", pieces, NEW, record=RECORD)).added
    assert added["calc_area_sqft"].tolist() == pytest.approx([2400, 3600])


@pytest.mark.parametrize(
    ("by", "new", "words"),
    [
        (ALONG, [*NEW, "191-010-93"], "makes 2 pieces"),
        (ALONG, ["191-010-91"], "two at least"),
        (line((-5, 50), (40, 50)), NEW, "short of the boundary"),
        ([ground(0, 0, 60, 100)], NEW, "one for each"),
        (shapely.Point(0, 0), NEW, "LineStrings, or Polygons"),
        (ALONG, ["191-010-12", "191-010-92"], "not recycled"),
    ],
)
def test_a_split_that_cannot_be_is_refused_with_the_reason(by, new, words):
    with pytest.raises(ValueError, match=words):
        split(parcels(), "191-010-11", by, new, record=RECORD)


def test_a_parcel_that_is_not_there_is_told():
    with pytest.raises(SchemaError, match="no current parcel"):
        split(parcels(), "191-010-77", ALONG, NEW, record=RECORD)


def test_the_frames_given_are_left_as_they_are():
    lots, beside = whole()
    before = {name: frame.copy(deep=True) for name, frame in (("parcel", lots), *beside.items())}
    split(lots, "191-010-11", ALONG, NEW, record=RECORD, beside=beside)
    for name, frame in (("parcel", lots), *beside.items()):
        assert frame.equals(before[name]), name


def test_the_order_of_rows_makes_no_difference():
    lots, beside = whole()
    one = split(lots, "191-010-11", ALONG, NEW, record=RECORD, beside=beside)
    turned = {name: frame.iloc[::-1] for name, frame in beside.items()}
    other = split(lots.iloc[::-1], "191-010-11", ALONG, NEW, record=RECORD, beside=turned)
    assert change_of(one).added.equals(change_of(other).added)
    assert set(change_of(one, "boundary_line").retired["global_id"]) == set(change_of(other, "boundary_line").retired["global_id"])


def test_an_easement_across_the_new_line_is_told_as_straddling_and_stays():
    lots, beside = whole()
    beside["easement"] = easement(0, 0, 60, 10)
    done = split(lots, "191-010-11", line((20, -5), (20, 105)), NEW, record=RECORD, beside=beside)
    told = done.links[done.links["layer"] == "easement"]
    assert told["now"].tolist() == NEW and told["remark"].eq("straddles").all()
    assert told["share"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert "easement" not in done.change.layers


def test_each_owner_of_record_is_entered_for_both_children():
    lots, beside = whole()
    owner = change_of(split(lots, "191-010-11", ALONG, NEW, record=RECORD, beside=beside), "parcel_owner")
    assert owner.added["apn"].tolist() == ["19101091", "19101092"] and owner.added["owner_name"].nunique() == 1
    assert owner.retired.to_dict("records") == [{"apn": "19101011", "owner_name": "Fictional Owner 0"}]
