"""Change sets, history, lineage and undo: the same tests on a GeoPackage and on a PostGIS database."""

import datetime
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import REQUIRE_ALL
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal
from shapely.geometry import box
from store_city import AT, errors, load, parcels, source

from citygis.changes import ChangeSet, LayerChange, lineage_frame
from citygis.errors import ConflictError, SchemaError, StoreError
from citygis.findings import findings_frame
from citygis.schema import feature_ids
from citygis.store import Batch, Counts, store

STAMPS = ["tx_from", "tx_to", "editor"]
DAY = datetime.timedelta(days=1)
NONE = parcels(0)
N_EDITS = {"geopackage": 200 if REQUIRE_ALL else 60, "postgis": 100 if REQUIRE_ALL else 60}


@pytest.fixture
def city(any_city):
    return any_city


@pytest.fixture
def db(city):
    """A store with six parcels (change 1)."""
    load(city, {"parcel": parcels(6), "source_document": source()})
    return store(city)


def ids(*apns: str) -> list[str]:
    return list(feature_ids("parcel", pd.Series(apns, dtype="str")))


def renumbered(frame: gpd.GeoDataFrame, *apns: str) -> gpd.GeoDataFrame:
    return frame.assign(apn=pd.Series(apns, dtype="str", index=frame.index), global_id=ids(*apns), apn_display=list(apns))


def change(added=None, updated=None, retired=(), lineage=(), layer="parcel", **known) -> ChangeSet:
    """A change of one layer; retired by APN or as a frame."""
    none = NONE
    if not isinstance(retired, pd.DataFrame):
        retired = pd.DataFrame({"global_id": ids(*retired) if retired else []}, dtype="str")
    one = LayerChange(none if added is None else added, none if updated is None else updated, retired)
    return ChangeSet({layer: one}, lineage_frame(list(lineage)), **known)


def apply(db, change_set, **options) -> Batch:
    options = {"findings": findings_frame(crs=db.city.crs), "author": "clerk", **options}
    return db.apply(change_set, **options)


def link(parent, child, kind, share_parent=None, share_child=None, layer="parcel"):
    (parent_id,), (child_id,) = ids(parent), ids(child)
    shares = {"share_parent": share_parent, "share_child": share_child}
    return {"layer": layer, "parent": parent_id, "child": child_id, "kind": kind, **shares}


def said(frame: pd.DataFrame) -> pd.DataFrame:
    """What rows say, who took them in and when apart, by identifier."""
    return frame.drop(columns=STAMPS).sort_values("global_id", ignore_index=True)


def split(db, parent, children, **known) -> Batch:
    """The parcel in two halves."""
    row = db.read("parcel").query("apn == @parent")
    west, south, east, north = row.total_bounds
    middle = (west + east) / 2
    halves = [box(west, south, middle, north), box(middle, south, east, north)]
    new = renumbered(pd.concat([row] * 2, ignore_index=True), *children).set_geometry(gpd.GeoSeries(halves, crs=row.crs))
    links = [link(parent, child, "split", 0.5, 1.0) for child in children]
    return apply(db, change(new, retired=[parent], lineage=links, **known))


def test_a_change_set_adds_updates_and_retires_in_one_change(db):
    before = db.read("parcel")
    new = renumbered(before.iloc[[0]], "99999999").set_geometry(gpd.GeoSeries([box(0, 0, 1, 1)], crs=before.crs))
    edited = before.iloc[[1]].assign(situs_text="12 ELSEWHERE ST", cs_from=1)
    batch = apply(db, change(new, edited, ["10000002"], effective=datetime.date(2026, 2, 1), message="Map 12"), at=AT + DAY)
    assert batch.change_id == 2 and batch.counts == {"parcel": Counts(1, 1, 0, 0, 1)}
    after = db.read("parcel")
    assert after["apn"].tolist() == ["10000000", "10000001", "10000003", "10000004", "10000005", "99999999"]
    assert after["situs_text"][1] == "12 ELSEWHERE ST" and after["tx_from"].tolist()[1] == pd.Timestamp(AT + DAY)
    told = db.changes().iloc[1]
    assert (told["effective"], told["message"], told["author"]) == ("2026-02-01", "Map 12", "clerk")
    assert told["counts"] == {"parcel": {"added": 1, "updated": 1, "unchanged": 0, "absent": 0, "retired": 1}}
    assert_geodataframe_equal(db.read("parcel", as_of=1), before)


def test_a_retired_feature_leaves_its_last_version_and_its_end_in_history(db):
    gone = pd.DataFrame({"global_id": ids("10000002"), "retired_by_record": ["doc"], "legal_to": [pd.Timestamp(2026, 2, 1)]})
    before = db.read("parcel").query("apn == '10000002'")
    apply(db, change(retired=gone), at=AT + DAY)
    version, end = db.history_rows("parcel").itertuples()
    assert (version.status, version.cs_from, version.cs_to, version.tx_to) == ("ACTIVE", 1, 2, pd.Timestamp(AT + DAY))
    assert (end.status, end.cs_from, end.cs_to) == ("RETIRED", 2, 2)
    assert (end.retired_by_record, end.legal_to) == ("doc", pd.Timestamp(2026, 2, 1))
    assert end.geometry.equals(before.geometry.iloc[0])
    assert "10000002" in db.read("parcel", as_of=1)["apn"].tolist()
    assert "10000002" not in db.read("parcel", as_of=2)["apn"].tolist()


def test_an_edit_on_an_old_version_is_a_conflict_that_names_the_feature(db):
    frame = db.read("parcel").assign(cs_from=1)
    apply(db, change(updated=frame.iloc[[0]].assign(lot="1")))
    before = db.changes()
    with pytest.raises(ConflictError, match=r"parcel 10000000: was changed by change 2; the edit was made on change 1") as refused:
        apply(db, change(updated=frame.iloc[[0, 3]].assign(lot="2")))
    assert refused.value.conflicts[["layer", "feature", "based_on", "change"]].values.tolist() == [["parcel", "10000000", 1, 2]]
    stale = pd.DataFrame({"global_id": ids("10000000"), "cs_from": [1]})
    with pytest.raises(ConflictError, match="was changed by change 2"):
        apply(db, change(retired=stale))
    assert_frame_equal(db.changes(), before)
    assert db.read("parcel")["lot"].tolist()[0] == "1" and pd.isna(db.read("parcel")["lot"][3])
    assert apply(db, change(updated=frame.iloc[[3]].assign(lot="2"))).change_id == 3


def test_features_that_are_gone_or_there_already_are_conflicts(db):
    frame = db.read("parcel")
    apply(db, change(retired=["10000000"]))
    with pytest.raises(ConflictError, match="3 features stand") as refused:
        apply(db, change(frame.iloc[[1]], frame.iloc[[0]], ["12345678"]))
    told = refused.value.conflicts
    assert sorted(told["feature"]) == sorted(["10000000", "10000001", *ids("12345678")])
    assert len(db.changes()) == 2


def test_a_number_may_be_retired_and_given_to_other_ground_in_one_change(db):
    old = db.read("parcel").iloc[[0]]
    moved = old.set_geometry(gpd.GeoSeries([box(0, 0, 80, 100)], crs=old.crs))
    apply(db, change(moved, retired=["10000000"], lineage=[link("10000000", "10000000", "recycled")]))
    assert db.read("parcel").query("apn == '10000000'").geometry.iloc[0].bounds == (0, 0, 80, 100)
    assert db.lineage("10000000")["kind"].tolist() == ["recycled"]
    db.undo(2)
    assert_geodataframe_equal(said(db.read("parcel")), said(db.read("parcel", as_of=1)))


def test_a_feature_cannot_be_updated_and_retired_at_once(db):
    with pytest.raises(SchemaError, match="updated and retired at once"):
        apply(db, change(updated=db.read("parcel").iloc[[0]], retired=["10000000"]))


def test_a_change_set_that_says_nothing_makes_no_change(db):
    assert apply(db, change()).change_id is None
    assert len(db.changes()) == 1


def test_layers_without_identifiers_are_changed_by_their_key(city):
    owners = pd.DataFrame({"apn": ["1", "1", "2"], "owner_name": ["A. Fig", "B. Elm", "A. Fig"]}, dtype="str")
    load(city, {"parcel_owner": owners})
    db, none = store(city), owners.iloc[:0]
    one = LayerChange(none, owners.iloc[[1]].assign(mail_city="Riverbend"), owners.iloc[[2]])
    apply(db, ChangeSet({"parcel_owner": one}, lineage_frame()))
    back = db.read("parcel_owner")
    assert back["owner_name"].tolist() == ["A. Fig", "B. Elm"] and back["mail_city"].tolist()[1] == "Riverbend"
    db.undo(2)
    assert_frame_equal(db.read("parcel_owner"), db.read("parcel_owner", as_of=1))
    assert db.explain("A. Fig")["versions"]


def test_the_city_s_own_rules_stop_a_change_set_and_an_acceptance_lets_it_in(db):
    frame = db.read("parcel")
    over = frame.iloc[[1]].set_geometry(gpd.GeoSeries([box(*frame.geometry[0].bounds)], index=[1], crs=frame.crs))
    with pytest.raises(StoreError, match=r"G04|T01") as refused:
        db.apply(change(updated=over))
    codes = {code: "case 26-014" for code in ("G04", "T01", "A07") if code in str(refused.value)}
    assert db.apply(change(updated=over), accept=codes).change_id == 2
    assert set(db.accepted()["code"]) == set(codes)


def test_a_clean_change_set_is_not_held_to_what_was_wrong_before(city):
    frame = parcels(6)
    frame.loc[1, "geometry"] = shapely.transform(frame.geometry[0], lambda c: c + [40, 0])
    load(city, {"parcel": frame, "source_document": source()})
    db = store(city)
    assert db.apply(change(updated=db.read("parcel").iloc[[4]].assign(lot="7"))).change_id == 2
    assert db.apply(change(retired=["10000001"])).counts["parcel"].retired == 1


def test_as_of_takes_a_change_a_day_to_its_end_in_utc_or_a_moment(city):
    for day in range(3):
        load(city, {"parcel": parcels(day + 1)}, at=AT + day * DAY)
    db = store(city)
    rows = {0: 0, 1: 1, 3: 3}
    rows |= {"2026-01-30": 0, "2026-01-31": 1, datetime.date(2026, 2, 1): 2, "2026-02-28": 3}
    rows |= {AT: 1, AT - datetime.timedelta(milliseconds=1): 0, "2026-02-01T08:00:00-08:00": 1, "2026-02-01T08:00:01-08:00": 2}
    assert {as_of: len(db.read("parcel", as_of=as_of)) for as_of in rows} == rows
    with pytest.raises(StoreError, match=r"no change 4.*last one is 3"):
        db.read("parcel", as_of=4)
    for wrong in ("yesterday", datetime.datetime(2026, 1, 31)):
        with pytest.raises(ValueError, match="Invalid as_of"):
            db.read("parcel", as_of=wrong)


def test_time_does_not_run_backwards_from_one_change_to_the_next(db):
    with pytest.raises(StoreError, match=r"before the store's last one, 2026-01-31T16:00:00\.123Z"):
        load(db.city, {"parcel": parcels(9)}, at=AT - DAY)
    assert len(db.changes()) == 1


def test_columns_of_an_earlier_state_can_be_chosen(db):
    apply(db, change(updated=db.read("parcel").iloc[[0]].assign(lot="1")))
    assert list(db.read("parcel", as_of=1, columns=["lot"]).columns) == ["lot", "geometry"]
    assert db.read("parcel", as_of=1, columns=["lot"])["lot"].isna().all()
    assert db.read("parcel", as_of=2, columns=["lot"])["lot"].tolist()[0] == "1"


def test_diff_types_what_changed_in_either_direction(db):
    frame = db.read("parcel")
    moved = shapely.transform(frame.geometry[1], lambda c: c + 0.5)
    edited = frame.iloc[[0, 1]].assign(lot=["7", None])
    edited = edited.set_geometry(gpd.GeoSeries([frame.geometry[0], moved], crs=frame.crs))
    new = renumbered(frame.iloc[[0]], "99999999")
    apply(db, change(new, edited, ["10000002"]))
    told = db.diff(1, 2).set_index("name")
    assert told["kind"].to_dict() == {
        "10000000": "updated",
        "10000001": "updated",
        "10000002": "retired",
        "99999999": "added",
    }
    assert told["fields"].to_dict()["10000000"] == ("lot",) and told["fields"]["10000001"] == ("geometry",)
    assert (told["before"]["10000000"], told["after"]["10000000"]) == ({"lot": None}, {"lot": "7"})
    assert told.geometry["10000001"].equals(moved) and told.crs == db.city.crs
    assert told["after"]["10000002"] == {} and told["before"]["10000002"]["apn"] == "10000002"
    back = db.diff(2, 1).set_index("name")
    assert back["kind"].to_dict() == told["kind"].to_dict() | {"10000002": "added", "99999999": "retired"}
    assert (back["before"]["10000000"], back["after"]["10000000"]) == ({"lot": "7"}, {"lot": None})
    assert len(db.diff(2, 2)) == 0 and len(db.diff(0, 1, layer="parcel")) == 6 and len(db.diff(0, 1)) == 7


def test_a_change_and_its_undo_differ_from_before_in_nothing(db):
    apply(db, change(updated=db.read("parcel").iloc[[0]].assign(lot="7"), retired=["10000001"]))
    db.undo(2)
    assert len(db.diff(1, 3)) == 0
    assert sorted(db.diff(1, 2)["kind"]) == ["retired", "updated"]


def test_lineage_follows_a_parcel_up_and_down_with_shares_and_changes(db):
    split(db, "10000000", ["20000000", "20000001"], effective=datetime.date(2026, 2, 1))
    split(db, "20000001", ["30000000", "30000001"])
    told = db.lineage("200-000-01".replace("-", ""))
    assert told[["generation", "parent_name", "child_name", "kind", "change"]].values.tolist() == [
        [-1, "10000000", "20000001", "split", 2],
        [1, "20000001", "30000000", "split", 3],
        [1, "20000001", "30000001", "split", 3],
    ]
    assert told["share_parent"].tolist() == [0.5] * 3 and told["effective"].tolist()[0] == "2026-02-01"
    down = db.lineage("10000000")
    assert down["generation"].tolist() == [1, 1, 2, 2]
    assert db.lineage(ids("30000001")[0])["generation"].tolist() == [-2, -1]
    assert db.lineage("300-000-01")["generation"].tolist() == [-2, -1]  # as the county writes it
    assert len(db.lineage("10000005")) == 0
    with pytest.raises(StoreError, match="no feature named '1-2-3'"):
        db.lineage("1-2-3")


def test_a_parent_that_keeps_its_number_is_told_once_and_not_followed_in_a_circle(db):
    row = db.read("parcel").iloc[[0]]
    new = renumbered(row, "20000000")
    links = [link("10000000", "10000000", "split", 0.6, 1.0), link("10000000", "20000000", "split", 0.4, 1.0)]
    apply(db, change(new, row.assign(lot="A"), lineage=links))
    told = db.lineage("10000000")
    assert sorted(told["child_name"]) == ["10000000", "20000000"]
    assert db.lineage("20000000")["parent_name"].tolist() == ["10000000"]


def test_numbers_that_change_places_in_one_change_are_no_circle(db):
    rows = db.read("parcel").iloc[:2]
    swapped = rows.set_geometry(gpd.GeoSeries(rows.geometry.to_numpy()[::-1], crs=rows.crs))
    links = [link("10000000", "10000001", "renumber", 1, 1), link("10000001", "10000000", "renumber", 1, 1)]
    apply(db, change(updated=swapped, lineage=links))
    assert len(db.lineage("10000000")) == 2


def test_an_unknown_kind_of_lineage_is_refused(db):
    with pytest.raises(ValueError, match="Invalid lineage kind 'eaten'"):
        lineage_frame([link("1", "2", "eaten")])
    nameless = lineage_frame([link("1", "2", "split") | {"child": None}])
    with pytest.raises(ValueError, match="Invalid lineage row 1"):
        apply(db, ChangeSet({}, nameless))
    assert len(db.changes()) == 1


def test_undo_restores_what_was_and_withdraws_lineage_and_redo_gives_it_back(db):
    before = said(db.read("parcel"))
    batch = split(db, "10000000", ["20000000", "20000001"])
    after = said(db.read("parcel"))
    undone = db.undo(batch, author="other")
    assert undone.counts["parcel"] == Counts(1, 0, 0, 0, 2)
    assert_geodataframe_equal(said(db.read("parcel")), before)
    assert len(db.lineage("10000000")) == 0
    told = db.changes().iloc[-1]
    assert (told["undo_of"], told["author"]) == (2, "other")
    redone = db.undo(undone)
    assert_geodataframe_equal(said(db.read("parcel")), after)
    assert len(db.lineage("10000000")) == 2
    db.undo(redone)
    assert_geodataframe_equal(said(db.read("parcel")), before)
    assert len(db.lineage("10000000")) == 0


def test_undo_is_refused_with_the_features_that_later_changes_touched(db):
    split(db, "10000000", ["20000000", "20000001"])
    child = db.read("parcel").query("apn == '20000001'")
    apply(db, change(updated=child.assign(lot="2")))
    apply(db, change(updated=db.read("parcel").query("apn == '10000003'").assign(lot="9")))
    before = db.changes()
    with pytest.raises(ConflictError, match=r"Change 2 cannot be undone(.|\n)*parcel 20000001: was changed by change 3") as refused:
        db.undo(2)
    assert refused.value.conflicts["feature"].tolist() == ["20000001"]
    assert_frame_equal(db.changes(), before)
    with pytest.raises(StoreError, match=r"no change 77 to undo.*last one is 4"):
        db.undo(77)
    assert db.undo(4).change_id == 5 and db.undo(3).change_id == 6
    assert db.undo(2).change_id == 7  # what was taken back stands in no way
    assert_frame_equal(db.read("parcel", as_of=1)[["apn", "lot"]], db.read("parcel")[["apn", "lot"]])
    assert db.undo(7).change_id == 8 and db.undo(6).change_id == 9  # and an undo that is undone does again
    with pytest.raises(ConflictError, match="parcel 20000001: was changed by change 3"):
        db.undo(2)


def test_a_change_after_one_that_was_taken_back_still_stands_against_the_undo(db):
    row = db.read("parcel").iloc[[0]]
    for lot in ("2", "3"):
        apply(db, change(updated=row.assign(lot=lot)))
    db.undo(3)
    apply(db, change(updated=row.assign(lot="4")))
    with pytest.raises(ConflictError, match="parcel 10000000: was changed by change 5"):
        db.undo(2)


def test_a_retired_number_that_came_back_since_stands_against_the_undo(db):
    row = db.read("parcel").iloc[[0]]
    apply(db, change(retired=["10000000"]))
    apply(db, change(row))
    with pytest.raises(ConflictError, match=r"parcel 10000000: was changed by change 3"):
        db.undo(2)


def test_undo_of_the_first_load_leaves_empty_layers_that_as_of_still_fills(db):
    before = db.read("parcel")
    db.undo(1)
    assert len(db.read("parcel")) == len(db.read("source_document")) == 0
    assert_geodataframe_equal(db.read("parcel", as_of=1), before)
    load(db.city, {"parcel": parcels(6), "source_document": source()}, at=AT + 999 * DAY)
    assert_geodataframe_equal(said(db.read("parcel")), said(before))


def test_undo_withdraws_what_was_accepted_with_the_change(city):
    found = errors("1", "2")
    load(city, {"parcel": parcels(2)}, findings=found, accept={"T01": "two surveys disagree"})
    db = store(city)
    undone = db.undo(1, at=AT)
    assert len(db.accepted()) == 0
    with pytest.raises(StoreError, match="2 errors stand in the way"):
        load(city, {"parcel": parcels(2)}, findings=found)
    db.undo(undone, at=AT)
    assert set(db.accepted()["reason"]) == {"two surveys disagree"}
    db.undo(3, at=AT)
    load(city, {"parcel": parcels(2)}, findings=found, accept={"T01": "another reason"})
    assert set(db.accepted()["reason"]) == {"another reason"}


def test_explain_walks_back_to_the_entity_in_the_document(db):
    split(db, "10000000", ["20000000", "20000001"])
    told = db.explain("10000000")
    assert (told["layer"], told["name"], told["holds"], told["entity"]) == ("parcel", "10000000", False, "roll.zip/roll#1")
    assert [(v["change"], v["until"], v["values"]["status"]) for v in told["versions"]] == [(1, 2, "ACTIVE"), (2, 2, "RETIRED")]
    assert [document["uri"] for document in told["documents"]] == ["roll.zip"]
    assert [row["child_name"] for row in told["lineage"]] == ["20000000", "20000001"]
    assert told["versions"][0]["area_sqft"] == 8000 and told["versions"][0]["author"] == "clerk"
    assert json.loads(json.dumps(told)) == told


def test_label_pins_are_kept_replaced_and_taken_out(db):
    (feature,) = ids("10000001")
    pin = {"layer": "parcel", "global_id": feature, "sheet": "", "easting": 6_300_140.25, "northing": 2_100_050.5, "angle": 30.0}
    assert db.pin_labels(pd.DataFrame([pin, pin | {"sheet": "A1"}]), author="clerk", at=AT) == 2
    db.pin_labels(pd.DataFrame([pin | {"angle": 45.0}]), author="other", at=AT + DAY)
    told = db.label_pins("parcel")
    assert told[["sheet", "angle", "author"]].values.tolist() == [["", 45.0, "other"], ["A1", 30.0, "clerk"]]
    assert (told["easting"][0], told["northing"][0]) == (6_300_140.25, 2_100_050.5)
    db.pin_labels(pd.DataFrame([pin | {"easting": None, "northing": None}]))
    assert db.label_pins()["sheet"].tolist() == ["A1"]
    with pytest.raises(StoreError, match="no feature nobody"):
        db.pin_labels(pd.DataFrame([pin | {"global_id": "nobody"}]))


def test_heights_nulls_and_several_parts_come_back_bit_for_bit(city):
    frame = parcels(5)
    high = shapely.force_3d(frame.geometry[0], 12.5)
    two = shapely.MultiPolygon([frame.geometry[1], shapely.transform(frame.geometry[1], lambda c: c + 1e4)])
    holed = frame.geometry[2].difference(frame.geometry[2].buffer(-10))
    shapes = gpd.GeoSeries([high, two, holed, None, shapely.transform(frame.geometry[4], lambda c: c + 1 / 3)], crs=city.crs)
    load(city, {"parcel": frame.set_geometry(shapes)})
    db = store(city)
    assert shapely.to_wkb(db.read("parcel").geometry.to_numpy()).tolist() == shapely.to_wkb(shapes.to_numpy()).tolist()
    assert load(city, {"parcel": frame.set_geometry(shapes)}).change_id is None
    apply(db, change(retired=["10000000", "10000001", "10000003"]))
    was = db.read("parcel", as_of=1).geometry.to_numpy()
    assert shapely.to_wkb(was).tolist() == shapely.to_wkb(shapes.to_numpy()).tolist()
    db.undo(2)
    assert shapely.to_wkb(db.read("parcel").geometry.to_numpy()).tolist() == shapely.to_wkb(shapes.to_numpy()).tolist()


def test_every_type_of_field_comes_back_from_history(city):
    frame = parcels(2).assign(
        legal_from=pd.Series([pd.Timestamp(1887, 6, 1), None], dtype="datetime64[s]"),
        stated_area=[0.1 + 0.2, None],
        roll_year=pd.array([2**53, None], dtype="Int64"),
        note=pd.Series(["", "Peña № 1 — ‘quoted’ 100 % ?"], dtype="str"),
        city_owned=pd.array([None, True], dtype="boolean"),
    )
    load(city, {"parcel": frame})
    db = store(city)
    before = db.read("parcel")
    assert before["note"].tolist() == ["", "Peña № 1 — ‘quoted’ 100 % ?"] and before["stated_area"][0] == 0.1 + 0.2
    apply(db, change(updated=before.assign(note="x", legal_from=pd.Timestamp(2000, 1, 1), stated_area=1.0, roll_year=1)))
    assert_geodataframe_equal(db.read("parcel", as_of=1), before)
    db.undo(2)
    assert_geodataframe_equal(said(db.read("parcel")), said(before))


def random_change(db, rng, number, ever) -> tuple[ChangeSet, set[str]]:
    """A change of a few parcels, and the identifiers that it touches."""
    held = db.read("parcel")
    order = rng.permutation(len(held))
    n_updated, n_retired, n_added = rng.integers(0, 4), rng.integers(0, 3), rng.integers(0, 4)
    updated = held.iloc[order[:n_updated]]
    if len(updated):
        updated = updated.assign(lot=str(number), note=None)
        if rng.random() < 0.5:
            updated = updated.set_geometry(updated.geometry.translate(rng.normal(), rng.normal()))
    retired = held.iloc[order[n_updated : n_updated + n_retired]]
    numbers = [f"{20_000_000 + 10 * number + k}" for k in range(n_added)]
    past = sorted(set(ever) - set(held["apn"]))
    if past and rng.random() < 0.2:
        numbers.append(past[rng.integers(len(past))])  # a number of long ago comes back
    added = parcels(len(numbers), apns=numbers) if numbers else NONE
    ever |= set(numbers)
    links = [link(parent, child, "resubdivision", 0.5) for parent in retired["apn"] for child in numbers]
    gone = pd.DataFrame({"global_id": retired["global_id"].to_numpy()}, dtype="str")
    touched = {*added["global_id"], *updated["global_id"], *gone["global_id"]}
    return change(added, updated, gone, links), touched


def in_effect(changes: range, undo_of: dict[int, int]) -> list[int]:
    """Of the last changes those that neither were taken back nor only took one of them back."""
    left = list(changes)
    for change in reversed(changes):
        if change in left and undo_of.get(change) in left:
            left = [each for each in left if each not in (change, undo_of[change])]
    return left


def fingerprint(frame: gpd.GeoDataFrame) -> list:
    """Every value of every row, bit for bit, in order."""
    values = pd.DataFrame(frame.drop(columns="geometry")).astype(object).where(frame.drop(columns="geometry").notna(), None)
    return list(zip(shapely.to_wkb(frame.geometry.to_numpy()).tolist(), map(tuple, values.to_numpy().tolist()), strict=True))


def test_random_edits_replay_bit_for_bit_and_each_undo_restores_or_is_rightly_refused(city):
    rng = np.random.default_rng(20261122)
    n_edits = N_EDITS["postgis" if city.database else "geopackage"]
    load(city, {"parcel": parcels(40), "source_document": source()})
    db = store(city)
    snapshots = {1: fingerprint(db.read("parcel"))}
    states = {1: {row.global_id: row for row in said(db.read("parcel")).itertuples(index=False)}}
    touched: dict[int, set[str]] = {1: set(db.read("parcel")["global_id"])}
    undone, refused, ever, undo_of = 0, 0, set(), {}
    while len(snapshots) < n_edits:
        last = max(snapshots)
        if rng.random() < 0.3 and last > 2:
            number = max(2, last - int(rng.integers(0, 6)))
            later = set().union(*(touched[n] for n in in_effect(range(number + 1, last + 1), undo_of)))
            blocked = touched[number] & later
            if blocked or not touched[number]:
                with pytest.raises(StoreError) as error:
                    db.undo(number)
                if blocked:
                    known = {f for state in states.values() for f in state if f in blocked}
                    names = {states[n][f].apn for n in states for f in known if f in states[n]}
                    assert set(error.value.conflicts["feature"]) == names
                refused += 1
                continue
            batch, ids_touched = db.undo(number), touched[number]
            undo_of[batch.change_id] = number
            expected = dict(states[last])
            for feature in ids_touched:
                expected.pop(feature, None)
                if feature in states[number - 1]:
                    expected[feature] = states[number - 1][feature]
            undone += 1
        else:
            change_set, ids_touched = random_change(db, rng, last + 1, ever)
            batch, expected = apply(db, change_set), None
        if batch.change_id is None:
            continue
        now = db.read("parcel")
        snapshots[batch.change_id], touched[batch.change_id] = fingerprint(now), ids_touched
        states[batch.change_id] = {row.global_id: row for row in said(now).itertuples(index=False)}
        if expected is not None:
            assert set(states[batch.change_id]) == set(expected)
            for feature, row in expected.items():
                held = states[batch.change_id][feature]
                pairs = zip(held[:-1], row[:-1], strict=True)
                assert all(a == b or (pd.isna(a) and pd.isna(b)) for a, b in pairs)
                assert shapely.to_wkb(held.geometry) == shapely.to_wkb(row.geometry)
    assert list(snapshots) == list(range(1, n_edits + 1)) and undone > 3 and refused > 3
    for number, snapshot in snapshots.items():
        assert fingerprint(db.read("parcel", as_of=number)) == snapshot, f"change {number}"


def test_a_delivery_that_still_has_what_the_city_retired_is_refused_until_it_is_accepted(db):
    before = db.read("parcel")
    split(db, "10000000", ["20000000", "20000001"])
    delivered = before[before["apn"].isin(["10000000", "10000001"])].reset_index(drop=True)
    found = db.check({"parcel": delivered})
    told = found[found["code"] == "A10"]
    assert told["feature"].tolist() == ["100-000-00"] and "retired by change 2" in told["message"].iloc[0]
    with pytest.raises(StoreError, match="A10"):
        db.load({"parcel": delivered}, findings=told, author="clerk")
    with pytest.raises(StoreError, match=r"(?s)T01 +2 .*100-000-00"):  # its children are on the same ground
        db.load({"parcel": delivered}, findings=told, accept={"A10": "the split was called off"}, author="clerk")
    db.load({"parcel": delivered}, findings=told, accept=dict.fromkeys(("A10", "T01"), "the split was called off"), author="clerk")
    assert "10000000" in set(db.read("parcel")["apn"])


def test_what_an_undo_took_out_was_not_retired(db):
    frame = parcels(1, apns=["30000000"])
    apply(db, change(frame))
    db.undo(2)
    assert "A10" not in set(db.check({"parcel": frame})["code"])


def test_a_parcel_is_explained_before_the_table_that_tells_of_its_number(db):
    split(db, "10000000", ["20000000", "20000001"])
    assert db.explain("20000000")["layer"] == "parcel"
