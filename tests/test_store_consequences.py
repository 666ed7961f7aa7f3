"""A load is held to the rules as the store would be after it; what stood before is nobody's doing."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from land_layers import courses, sound_land
from quality_layers import at, parcels
from shapely.affinity import translate
from store_city import load, make_city

from citygis.errors import StoreError
from citygis.quality import validate
from citygis.quality.exceptions import accepted, write_exceptions
from citygis.schema import feature_ids, geom_hashes
from citygis.store import consequences, store


def renamed(frame, *apns):
    """Parcels with other numbers, and the ids that go with them."""
    apns = pd.Series(apns, dtype="str")
    shown = apns.str[:3] + "-" + apns.str[3:6] + "-" + apns.str[6:]
    ids = pd.Series(feature_ids("parcel", apns), dtype="str")
    return frame.assign(apn=apns, apn_display=shown, global_id=ids, geom_hash=geom_hashes(frame.geometry.to_numpy()))


@pytest.fixture
def land():
    return sound_land()


@pytest.fixture
def city(tmp_path, land):
    made = make_city(tmp_path / "city")
    load(made, land)
    return made


def halves(parcel):
    """Two lots on the ground of one."""
    west, south, east, north = parcel.geometry.bounds
    middle = (west + east) / 2
    shapes = (at(0, 0, 1, 1),) * 2
    lots = renamed(parcels(*shapes), "99900001", "99900002")
    boxes = gpd.GeoSeries.from_wkt(
        [
            f"POLYGON (({a} {south}, {b} {south}, {b} {north}, {a} {north}, {a} {south}))"
            for a, b in ((west, middle), (middle, east))
        ],
        crs=lots.crs,
    )
    return renamed(lots.set_geometry(boxes), "99900001", "99900002").assign(calc_area_sqft=boxes.area)


def test_lots_on_a_parcel_that_nobody_retired_are_refused_with_its_number_and_what_retires_it(city, land):
    parent = land["parcel"].iloc[0]
    with store(city) as db:
        lots = halves(parent)
        told = db.consequences({"parcel": lots})
        assert set(told.loc[told["code"].eq("T01"), ["feature", "other"]].to_numpy().ravel()) == {
            parent["apn_display"],
            *lots["apn_display"],
        }
        assert told["message"].str.contains(f"{parent['apn_display']} is the City's already and would stay under").sum() == 2
        with pytest.raises(StoreError, match="T01") as refused:
            load(city, {"parcel": lots})
        assert parent["apn_display"] in str(refused.value) and "citygis diff --apply" in str(refused.value)
        assert len(db.changes()) == 1
        batch = load(city, {"parcel": lots}, accept={"T01": "case 26-014"})
        assert batch.findings["T01"] == 2 and db.accepted()["reason"].tolist() == ["case 26-014"] * 2
        assert load(city, {"parcel": lots}).change_id is None


def test_what_was_found_in_the_layers_themselves_is_not_told_again_but_worse_or_elsewhere_is(city, land):
    lots = {"parcel": halves(land["parcel"].iloc[0])}
    with store(city) as db:
        told = db.consequences(lots)
        errors = told["severity"].eq("error")
        known = told.assign(finding_id="another", rule="by another rule")
        assert errors.sum() == 2 and not len(db.consequences(lots, found=known))
        milder = db.consequences(lots, found=known.assign(severity="review"))
        assert milder["finding_id"].tolist() == told.loc[errors, "finding_id"].tolist()
        smaller = db.consequences(lots, found=known.assign(measure=known["measure"] / 2))
        assert set(told.loc[errors, "finding_id"]) <= set(smaller["finding_id"])
        elsewhere = db.consequences(lots, found=known.set_geometry(known.geometry.translate(5_000)))
        assert set(told.loc[errors, "finding_id"]) <= set(elsewhere["finding_id"])


def test_lots_whose_parent_the_load_itself_retires_stand_against_nothing(city, land):
    parent = land["parcel"].iloc[[0]].assign(status="RETIRED")
    both = pd.concat([halves(land["parcel"].iloc[0]), parent], ignore_index=True)
    assert "T01" not in load(city, {"parcel": both}).findings


def test_a_course_drawn_over_one_of_the_city_s_is_an_error_of_the_load(city, land):
    line = land["boundary_line"].iloc[[0]]
    again = line.assign(line_id="NEW-1", global_id=feature_ids("boundary_line", pd.Series(["NEW-1"])))
    with pytest.raises(StoreError, match=r"G04 +1  Two features have the same geometry \(boundary_line\)"):
        load(city, {"boundary_line": again})
    longer = again.set_geometry(again.geometry.scale(1.5, 1.5))
    with pytest.raises(StoreError, match="Two courses run over each other"):
        load(city, {"boundary_line": longer})


def test_what_stood_before_is_not_blamed_on_a_load_beside_it(tmp_path, land):
    made = make_city(tmp_path / "other")
    wrong = land["parcel"].copy()
    wrong.loc[1, "geometry"] = translate(wrong.geometry[1], -10)
    load(made, land | {"parcel": wrong})
    assert validate(wrong, "parcel", city=made)["code"].eq("T01").any()
    with store(made) as db:
        touched = db.read("parcel").iloc[[1]].assign(lot="7")
        assert not db.consequences({"parcel": touched})["severity"].eq("error").any()
        assert load(made, {"parcel": touched}).counts["parcel"].updated == 1
        worse = touched.set_geometry(touched.geometry.translate(-10))
        assert "T01" in set(db.consequences({"parcel": worse})["code"])


def test_a_feature_that_moves_away_is_blamed_for_what_it_leaves(city, land):
    moved = land["parcel"].iloc[[0]]
    moved = moved.set_geometry(moved.geometry.translate(0, 2_000))
    with store(city) as db:
        told = db.consequences({"parcel": moved})
    errors = told[told["severity"] == "error"]
    # The ground of the tract is open where it was, and two thousand feet away it is no part of the tract.
    assert {"T02", "T07"} <= set(errors["code"])


def test_nothing_is_validated_where_the_store_holds_nothing_nearby(tmp_path, land, monkeypatch):
    made = make_city(tmp_path / "empty")

    def never(*_, **__):
        raise AssertionError("validated")

    monkeypatch.setattr(consequences, "validate", never)
    assert len(load(made, land).brought) == 0
    far = renamed(parcels(at(50_000, 50_000, 100, 100)), "99900009")
    assert len(load(made, {"parcel": far}).brought) == 0


def test_the_register_of_exceptions_covers_what_a_load_brings(city, land):
    lots = halves(land["parcel"].iloc[0])
    with store(city) as db:
        after = {"parcel": pd.concat([db.read("parcel"), lots], ignore_index=True)}
        found = db.consequences({"parcel": lots}).query("code == 'T01'")
        told = {"reason": "being split, case 26-014", "accepted_by": "R. Okafor", "accepted_on": datetime.date(2026, 10, 20)}
        write_exceptions(city.exceptions_path, accepted(found, after, city=city, **told))
    batch = load(city, {"parcel": lots})
    assert batch.change_id == 2 and batch.excused["code"].tolist() == ["T01", "T01"]


@pytest.mark.parametrize("seed", range(2))
def test_a_load_tells_the_errors_that_two_validations_of_the_whole_store_differ_by(tmp_path, seed):
    """Some parcels are moved and some put on others, in a fabric that has errors already."""
    random = np.random.default_rng(seed)
    made = make_city(tmp_path / "whole")
    lots = parcels(*(at(100 * (k % 6), 150 * (k // 6), 100, 150) for k in range(24)))
    wrong = random.choice(24, 3, replace=False)
    lots.loc[wrong, "geometry"] = lots.geometry[wrong].translate(7, 0)
    load(made, {"parcel": lots, "boundary_line": courses(lots)})
    changed = lots.iloc[random.choice(24, 4, replace=False)]
    changed = changed.set_geometry(changed.geometry.translate(*random.uniform(-30, 30, 2))).reset_index(drop=True)
    more = renamed(parcels(at(*random.uniform(0, 500, 2), 60, 60)), "99900001")
    sent = {"parcel": pd.concat([changed, more], ignore_index=True)}
    with store(made) as db:
        names = ("parcel", "boundary_line")
        before = validate({name: db.read(name) for name in names}, city=made)
        told = db.consequences(sent)
        load(made, sent, accept=dict.fromkeys(set(told["code"]), "a test"))
        after = validate({name: db.read(name) for name in names}, city=made)
    new = after[~after["finding_id"].isin(before["finding_id"]) & after["code"].str.startswith(("G", "T"))]
    assert len(new[new["severity"] == "error"])
    told_ids = set(told["finding_id"])
    missed = [row for row in new[new["severity"] == "error"].itertuples() if row.finding_id not in told_ids]
    # What was there already, of the same features at the same place and no smaller, is told as no news.
    assert all(
        before["code"].eq(row.code).any() and before[["feature", "other"]].isin([row.feature, row.other]).to_numpy().any()
        for row in missed
    )
    assert set(told.loc[told["severity"] == "error", "finding_id"]) <= set(after["finding_id"])
