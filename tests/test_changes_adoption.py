"""Accepted changes as a batch for the store."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.changes import ChangeSet, compare
from citygis.changes.adoption import changeset
from citygis.changes.ownership import city_owned
from citygis.changes.review import review_of
from citygis.city import default_city
from citygis.errors import StoreError
from citygis.samples.refresh import county_refresh
from citygis.schema import schema
from citygis.schema.frames import empty_layer
from citygis.schema.identity import feature_ids, geom_hashes

CITY = default_city()
EAST, NORTH = 6_336_000, 2_122_000
PARCEL = schema().layer("parcel")


def lot(column, row=0, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH + 110 * row, EAST + 60 * column + width, NORTH + 110 * (row + 1))


def layer(shapes, source="old-doc", **values):
    """A City layer of parcels by number."""
    blank = empty_layer(PARCEL, crs=CITY.crs)
    columns = {name: pd.Series([None] * len(shapes), dtype=blank[name].dtype) for name in PARCEL.names}
    frame = gpd.GeoDataFrame(columns, geometry=list(shapes.values()), crs=CITY.crs)
    frame["apn"] = pd.Series(list(shapes), dtype="str")
    frame["global_id"] = feature_ids("parcel", frame["apn"])
    frame["source_id"] = source
    frame["calc_area_sqft"] = frame.area
    frame["geom_hash"] = geom_hashes(frame.geometry.to_numpy())
    for name, value in values.items():
        frame[name] = pd.Series(value, dtype=blank[name].dtype)
    return frame


BASE = {f"0000000{i}": lot(i) for i in range(1, 7)}
A, B, C, D, E, F = BASE


def later(**changed):
    rows = {**BASE, **changed}
    return {name: shape for name, shape in rows.items() if shape is not None}


def taken(old, new, decide=lambda row: "accept", **options):
    changes = compare(old, new, key="apn", ignore=city_owned("parcel", CITY).columns)
    review = review_of(changes)
    review["decision"] = [decide(row) for row in review.itertuples()]
    return changeset(changes, old, new, review, city=CITY, **options)


def ids(frame):
    return frame["global_id"].tolist()


def gid(apn):
    return feature_ids("parcel", pd.Series([apn]))[0]


def test_a_change_of_the_record_carries_the_stored_outline_bit_for_bit():
    old = layer(BASE, use_code=["1"] * 6)
    new = layer(BASE, "new-doc", use_code=["1", "2", *"1111"])
    new = new.set_geometry(shapely.reverse(shapely.transform(new.geometry.to_numpy(), lambda places: places + 8e-7)), crs=old.crs)
    batch = taken(old, new)
    assert isinstance(batch, ChangeSet)
    change = batch.layers["parcel"]
    assert ids(change.updated) == [gid(B)] and change.added.empty and change.retired.empty
    assert shapely.equals_identical(change.updated.geometry[0], BASE[B])
    assert change.updated[["use_code", "source_id"]].to_numpy().tolist() == [["2", "new-doc"]]
    assert change.updated["geom_hash"][0] == old["geom_hash"][1]


def test_the_columns_of_the_city_are_kept_and_what_it_inherits_passes_to_children():
    old = layer(BASE, zoning_code=["R-1"] * 6, note=["ours"] * 6, use_code=["1"] * 6)
    new = layer(later(**{B: None, "B1": lot(2, width=20), "B2": lot(2 + 1 / 3, width=40)}), zoning_code=["X"] * 7, note=["x"] * 7)
    new["use_code"] = "9"
    change = taken(old, new).layers["parcel"]
    assert change.added["zoning_code"].tolist() == ["R-1", "R-1"] and change.added["note"].isna().all()
    assert change.updated["zoning_code"].eq("R-1").all() and change.updated["note"].eq("ours").all()
    assert change.updated["use_code"].eq("9").all() and len(change.updated) == 5


def test_parents_that_disagree_pass_nothing_on():
    old = layer(BASE, zoning_code=["R-1", "R-1", "C-2", None, "M-1", "M-1"])
    new = layer(
        later(**{B: None, C: None, D: None, E: None, F: None, "M1": lot(2, width=120), "M2": lot(4, width=120), "M3": lot(6)})
    )
    change = taken(old, new).layers["parcel"]
    assert dict(zip(change.added["apn"], change.added["zoning_code"].isna(), strict=True)) == {"M1": True, "M2": True, "M3": False}


def test_a_split_retires_its_parent_and_says_who_came_from_it():
    old = layer(BASE)
    new = layer(later(**{B: None, "B1": lot(2, width=20), "B2": lot(2 + 1 / 3, width=40)}), "map-7")
    batch = taken(old, new, effective=datetime.date(2026, 7, 1))
    change = batch.layers["parcel"]
    assert ids(change.retired) == [gid(B)] and change.retired["retired_by_record"].tolist() == ["map-7"]
    assert change.retired["legal_to"].tolist() == [pd.Timestamp("2026-06-30")]
    assert change.added["legal_from"].tolist() == [pd.Timestamp("2026-07-01")] * 2
    assert batch.effective == datetime.date(2026, 7, 1)
    rows = batch.lineage.set_index("child")
    assert set(rows["kind"]) == {"split"} and set(rows["parent"]) == {gid(B)}
    assert rows["share_parent"].round(6).to_dict() == {gid("B1"): round(1 / 3, 6), gid("B2"): round(2 / 3, 6)}
    assert rows["share_child"].tolist() == pytest.approx([1, 1])


def test_a_parent_that_keeps_its_number_is_updated_and_only_the_other_child_is_new():
    new = layer(later(**{B: lot(2, width=20), "B2": lot(2 + 1 / 3, width=40)}))
    batch = taken(layer(BASE), new)
    change = batch.layers["parcel"]
    assert ids(change.updated) == [gid(B)] and ids(change.added) == [gid("B2")] and change.retired.empty
    assert change.updated["calc_area_sqft"].tolist() == pytest.approx([2200])
    assert batch.lineage[["parent", "child", "kind"]].to_numpy().tolist() == [[gid(B), gid("B2"), "split"]]


def test_a_merger_into_a_survivor_retires_the_other():
    new = layer(later(**{B: lot(2, width=120), C: None}))
    batch = taken(layer(BASE), new)
    change = batch.layers["parcel"]
    assert ids(change.updated) == [gid(B)] and ids(change.retired) == [gid(C)] and change.added.empty
    assert batch.lineage[["parent", "child", "kind"]].to_numpy().tolist() == [[gid(C), gid(B), "merge"]]


def test_a_number_given_to_other_ground_gets_an_identity_of_its_own():
    new = layer(later(**{B: lot(30), "Z": lot(2)}))
    batch = taken(layer(BASE), new)
    change = batch.layers["parcel"]
    fresh = dict(zip(change.added["apn"], ids(change.added), strict=True))
    assert fresh["Z"] == gid("Z") and fresh[B] != gid(B)
    assert ids(change.retired) == [gid(B)] and change.updated.empty
    kinds = batch.lineage.set_index("kind")
    assert kinds.loc["recycled", ["parent", "child"]].tolist() == [gid(B), fresh[B]]
    assert kinds.loc["renumber", ["parent", "child"]].tolist() == [gid(B), gid("Z")]


def test_half_an_exchange_of_numbers_is_refused_and_the_whole_is_carried_out():
    new = layer(later(**{B: lot(3), C: lot(2)}))
    change = taken(layer(BASE), new).layers["parcel"]
    assert len(change.added) == 2 and sorted(ids(change.retired)) == sorted([gid(B), gid(C)])
    with pytest.raises(StoreError, match="would be there twice"):
        taken(layer(BASE), new, decide=lambda row: "accept" if row.kind == "renumbered" and row.old == B else "")


def test_what_is_rejected_or_not_decided_is_left_and_counted():
    new = layer(later(**{B: None, "Z": lot(2), C: lot(3, width=59), "N": lot(40)}))
    decide = {"renumbered": "accept", "moved": "reject", "new": ""}
    batch = taken(layer(BASE), new, decide=lambda row: decide[row.kind])
    change = batch.layers["parcel"]
    assert (ids(change.added), ids(change.retired), len(change.updated)) == ([gid("Z")], [gid(B)], 0)
    assert batch.message == "1 changes accepted (1 renumbered), 1 rejected, 1 not decided"


def test_nothing_accepted_is_an_empty_batch():
    batch = taken(layer(BASE), layer(later(**{B: None})), decide=lambda row: "")
    assert batch.layers["parcel"].is_empty and batch.lineage.empty


def test_a_delivery_cut_off_is_refused_unless_the_number_gone_is_named():
    shapes = {f"{i:08d}": lot(i % 10, i // 10) for i in range(40)}
    old, new = layer(shapes), layer(dict(list(shapes.items())[:20]))
    for allowed in (None, 19, 21):
        with pytest.raises(StoreError, match="--allow-retired 20"):
            taken(old, new, allow_truncated=allowed)
    assert len(taken(old, new, allow_truncated=20).layers["parcel"].retired) == 20


def test_a_change_that_names_no_feature_is_refused():
    old = layer({A: lot(1)})
    with pytest.raises(StoreError, match="nobody can carry out"):
        taken(pd.concat([old, old.assign(use_code="1"), old.assign(use_code="2")]), pd.concat([old.assign(use_code="3")] * 2))


def shifted(rows, **changed):
    return {k: shapely.transform(v, lambda places: places + [0.3, 0.0]) for k, v in {**rows, **changed}.items() if v is not None}


GRID = {f"{i:08d}": lot(i % 10, i // 10) for i in range(40)}
SEVEN, EIGHT, NINE = "00000007", "00000008", "00000009"


def test_a_shift_that_is_rejected_is_taken_out_of_what_is_taken():
    new = layer(shifted(GRID, **{SEVEN: None, "Z": lot(7)}))
    change = taken(layer(GRID), new, decide=lambda row: "reject" if row.kind == "shift" else "accept").layers["parcel"]
    assert change.updated.empty and ids(change.retired) == [gid(SEVEN)]
    assert shapely.hausdorff_distance(change.added.geometry[0], lot(7)) < 1e-5
    assert change.added["geom_hash"][0] == geom_hashes(change.added.geometry.to_numpy())[0]


def test_a_shift_that_is_accepted_moves_every_feature_those_with_open_changes_too():
    new = layer(shifted(GRID, **{SEVEN: None, EIGHT: lot(8, width=55), NINE: None, "Z": lot(7)}))
    open_ = {"moved", "retired"}
    change = taken(layer(GRID), new, decide=lambda row: "" if row.kind in open_ else "accept").layers["parcel"]
    assert len(change.updated) == 39 and ids(change.added) == [gid("Z")]
    now = change.updated.set_index("global_id").geometry
    for apn in (EIGHT, NINE, "00000000"):
        assert shapely.hausdorff_distance(now[gid(apn)], shapely.transform(GRID[apn], lambda p: p + [0.3, 0])) < 1e-5


def test_a_shift_that_nobody_decided_stops_what_has_an_outline_and_not_what_has_none():
    new = layer(shifted(GRID, **{SEVEN: None, "Z": lot(7)}))
    with pytest.raises(StoreError, match="Decide whole_layer_shift"):
        taken(layer(GRID), new, decide=lambda row: "" if row.kind == "shift" else "accept")


def test_the_version_that_was_edited_goes_with_the_row():
    old = layer(BASE, use_code=["1"] * 6).assign(cs_from=np.arange(6) + 10)
    change = taken(old, layer(later(**{C: None}), use_code=["1", "2", "1", "1", "1"])).layers["parcel"]
    assert change.updated["cs_from"].tolist() == [11] and change.retired["cs_from"].tolist() == [12]


def test_a_city_names_its_own_columns(tmp_path):
    text = 'name="R"\ncounty="San Joaquin"\nstate="CA"\ncrs="EPSG:6420"\nrealization="NAD83(2011)"\nepoch=2010.0\n'
    from citygis.city import open_city

    (tmp_path / "city.toml").write_text(text + f'apn_profiles=["{CITY.apn_profiles[0]}"]\n[city_owned]\nparcel=["use_code"]\n')
    assert city_owned("parcel", open_city(tmp_path)).columns == {"use_code"}
    assert "note" in city_owned("zoning", CITY).columns
    assert city_owned("parcel", CITY).inherited <= city_owned("parcel", CITY).columns


def carried_out(old, change):
    """What a store would hold after a batch."""
    gone = {*change.retired["global_id"], *change.updated["global_id"]}
    assert len(gone) == len(change.retired) + len(change.updated) and gone <= set(old["global_id"])
    stays = old[~old["global_id"].isin(gone)]
    return gpd.GeoDataFrame(pd.concat([stays, change.updated, change.added], ignore_index=True), crs=old.crs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shift", [None, "accept", "reject"])
def test_a_delivery_accepted_whole_makes_the_layer_that_was_delivered(seed, shift):
    refresh = county_refresh(seed=seed, shift_ft=(0.3, -0.1) if shift else None)
    sides = []
    for frame, source in ((refresh.old, "old-doc"), (refresh.new, "new-doc")):
        values = {name: frame[name].tolist() for name in ("use_code", "situs_text", "legal_text", "stated_area")}
        sides.append(layer(dict(zip(frame["apn"], frame.geometry, strict=True)), source, **values))
    old, new = sides
    batch = taken(old, new, decide=lambda row: (shift or "") if row.kind == "shift" else "accept")
    change = batch.layers["parcel"]
    now = carried_out(old, change)
    assert now["global_id"].is_unique and now["apn"].is_unique and len(now) == len(new)
    again = compare(now, new, key="apn", ignore=city_owned("parcel", CITY).columns)
    assert again.changes.empty and (again.shift is not None) is (shift == "reject")
    if shift != "accept":
        untouched = now[now["source_id"] == "old-doc"].set_index("apn").geometry
        before = old.set_index("apn").geometry[untouched.index]
        assert len(untouched) > 50 and shapely.equals_identical(untouched.to_numpy(), before.to_numpy()).all()
    # everyone who is gone has a child, or was retired; every child is there
    held = {*now["global_id"], *change.retired["global_id"]}
    assert set(batch.lineage["child"]) <= set(now["global_id"]) and set(batch.lineage["parent"]) <= held
    shares = batch.lineage[batch.lineage["kind"].isin(["split", "merge", "resubdivision", "renumber"])]
    assert shares["share_parent"].between(0, 1 + 1e-9).all() and (shares["share_child"] > 0).all()
