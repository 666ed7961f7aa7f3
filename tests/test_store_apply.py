"""What a batch adds, updates, leaves alone and keeps of before."""

import datetime
import sqlite3

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon, box
from store_city import AT, LATER, errors, load, parcels, source

from citygis.errors import CRSError, SchemaError
from citygis.store import Counts, store


@pytest.fixture
def city(any_city):
    return any_city


def test_only_the_rows_that_say_something_else_are_updated_and_their_old_version_is_kept(city):
    frame = parcels(5)
    load(city, {"parcel": frame})
    new = frame.copy()
    new.loc[1, "situs_text"] = "12 ELSEWHERE ST"
    new.loc[3, "geometry"] = translate(new.geometry[3], 0.01)
    new.loc[4, "lot"] = ""  # it was null, which is not the empty text
    batch = load(city, {"parcel": new}, at=LATER, author="other")
    assert batch.counts["parcel"] == Counts(0, 3, 2, 0)
    back = store(city).read("parcel")
    assert back["situs_text"].tolist()[:2] == [frame["situs_text"][0], "12 ELSEWHERE ST"]
    assert back.geometry[3].equals(new.geometry[3]) and back["lot"][4] == ""
    assert back["tx_from"].tolist() == [pd.Timestamp(t) for t in (AT, LATER, AT, LATER, LATER)]
    assert back["editor"].tolist() == ["clerk", "other", "clerk", "other", "other"]
    old = store(city).history_rows("parcel")
    assert old["apn"].tolist() == frame["apn"].iloc[[1, 3, 4]].tolist()
    assert old["situs_text"].tolist() == frame["situs_text"].iloc[[1, 3, 4]].tolist()
    assert old["lot"].isna().all()
    assert old.geometry.geom_equals(frame.geometry.iloc[[1, 3, 4]].reset_index(drop=True)).all()
    assert (old["tx_to"] == pd.Timestamp(LATER)).all() and (old["tx_from"] == pd.Timestamp(AT)).all()
    assert set(zip(old["cs_from"], old["cs_to"], strict=True)) == {(1, 2)}


def test_the_same_ground_drawn_from_another_corner_the_other_way_is_no_change(city):
    frame = parcels(2)
    load(city, {"parcel": frame})
    ring = list(frame.geometry[0].exterior.coords)[:-1]
    turned = [Polygon((ring[2:] + ring[:2])[::-1]), MultiPolygon([frame.geometry[1]])]
    batch = load(city, {"parcel": frame.set_geometry(gpd.GeoSeries(turned, crs=city.crs))})
    assert batch.counts["parcel"] == Counts(0, 0, 2, 0)


def test_a_delivery_that_repeats_a_row_leaves_its_provenance_and_an_update_keeps_its_creator(city):
    load(city, {"parcel": parcels(2), "source_document": source()})
    new = parcels(2, source_sha256="b" * 64)
    new.loc[1, "situs_text"] = "changed"
    batch = load(city, {"parcel": new, "source_document": source("b" * 64)}, at=LATER)
    assert batch.counts == {"parcel": Counts(0, 1, 1, 0), "source_document": Counts(1, 0, 0, 1)}
    back, first = store(city).read("parcel"), parcels(2)
    assert back["source_id"].tolist() == [first["source_id"][0], new["source_id"][1]]
    assert back["created_by_record"].tolist() == first["created_by_record"].tolist()


def test_rows_that_a_delivery_lacks_stay_and_are_counted(city):
    frame = parcels(6)
    load(city, {"parcel": frame.iloc[:4]})
    batch = load(city, {"parcel": frame.iloc[3:].sample(frac=1, random_state=1)}, at=LATER)
    assert batch.counts["parcel"] == Counts(2, 0, 1, 3)
    assert sorted(store(city).read("parcel")["apn"]) == sorted(frame["apn"])


def test_a_column_that_a_frame_lacks_stays_as_it_is_in_the_store(city):
    frame = parcels(2)
    frame["note"] = pd.Series(["kept by hand", None], dtype="str")
    load(city, {"parcel": frame})
    new = frame.drop(columns="note")
    new.loc[0, "situs_text"] = "changed"
    assert load(city, {"parcel": new}, at=LATER).counts["parcel"] == Counts(0, 1, 1, 0)
    assert store(city).read("parcel")["note"].tolist()[0] == "kept by hand"


def test_accepted_duplicates_of_a_key_are_all_stored(city):
    frame = parcels(4, apns=["11111111", "11111111", "22222222", "11111111"])
    reason = {"A06": "condominium, one number for three units"}
    for n_loaded in (4, 0):
        batch = load(city, {"parcel": frame}, findings=errors("11111111", code="A06"), accept=reason)
        assert batch.counts["parcel"].added == n_loaded
    assert store(city).read("parcel")["apn"].tolist() == frame["apn"].tolist()


def test_layers_without_global_id_are_known_by_their_key(city):
    owners = pd.DataFrame(
        {"apn": ["1", "1", "2"], "owner_name": ["A. Fig", "B. Elm", "A. Fig"], "mail_city": ["Riverbend", None, ""]},
        dtype="str",
    )
    load(city, {"parcel_owner": owners})
    new = pd.concat([owners, pd.DataFrame({"apn": ["3"], "owner_name": ["C. Oak"]}, dtype="str")], ignore_index=True)
    new.loc[1, "mail_city"] = "Elsewhere"
    assert load(city, {"parcel_owner": new}, at=LATER).counts["parcel_owner"] == Counts(1, 1, 2, 0)
    back = store(city).read("parcel_owner")
    assert back["mail_city"].tolist()[:3] == ["Riverbend", "Elsewhere", ""]
    assert store(city).history_rows("parcel_owner")["cs_to"].tolist() == [2]


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda f: f.assign(owner="x"), SchemaError, "owner"),
        (lambda f: f.assign(global_id=None), SchemaError, "2 rows have no global_id"),
        (lambda f: f.assign(global_id="same"), SchemaError, "repeat a global_id"),
        (lambda f: f.drop(columns="global_id"), SchemaError, "lacks global_id"),
        (lambda f: pd.DataFrame(f.drop(columns="geometry")), SchemaError, "has no geometry"),
        (lambda f: f.to_crs(4326), CRSError, "WGS 84"),
        (lambda f: f.set_crs(None, allow_override=True), CRSError, "no CRS"),
        (lambda f: f.set_geometry(f.geometry.centroid), SchemaError, "Point"),
    ],
)
def test_a_frame_that_is_not_its_layer_is_refused(city, spoil, error, said):
    with pytest.raises(error, match=said):
        load(city, {"parcel": spoil(parcels(2))})
    assert len(store(city).read("parcel")) == 0


@pytest.mark.parametrize("n", [30, 3000])
def test_the_spatial_index_and_counts_are_right_after_adding_moving_and_emptying(city, n):
    is_file = city.database is None
    frame = parcels(n)
    load(city, {"parcel": frame.iloc[: n // 2]})
    moved = frame.copy()
    shapes = moved.geometry.to_numpy().copy()
    shapes[: n // 3] = shapely.transform(shapes[: n // 3], lambda c: c + 50_000)
    shapes[n // 3] = None
    batch = load(city, {"parcel": moved.set_geometry(gpd.GeoSeries(shapes, crs=city.crs))}, at=LATER)
    assert batch.counts["parcel"] == Counts(n - n // 2, n // 3 + 1, n // 2 - n // 3 - 1, 0)
    far = shapely.total_bounds(shapes)
    if is_file:
        with sqlite3.connect(city.store_path) as connection:
            assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
            assert connection.execute("SELECT count(*) FROM rtree_parcel_geom").fetchone() == (n - 1,)
            assert connection.execute("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = 'parcel'").fetchone() == (n,)
            extent = connection.execute("SELECT max_x, max_y FROM gpkg_contents WHERE table_name = 'parcel'").fetchone()
        assert extent == (far[2], far[3])
    with store(city) as db:
        inside = db.read("parcel", bbox=(far[0], far[1], far[2], far[3]))
        assert len(inside) == n - 1
        window = shapely.bounds(shapes[0])
        expected = np.flatnonzero(shapely.intersects(shapes, box(*window)))
        assert db.read("parcel", bbox=tuple(window))["apn"].tolist() == frame["apn"].iloc[expected].tolist()


def test_the_counts_of_every_batch_add_up_to_its_rows(city):
    rng = np.random.default_rng(3)
    frame, total = parcels(40), set()
    for day in range(6):
        part = frame[rng.random(40) < 0.5].copy()
        part["lot"] = pd.Series(rng.integers(0, 2, len(part)).astype(str), index=part.index, dtype="str")
        held = len(total)
        counts = load(city, {"parcel": part}, at=AT + datetime.timedelta(days=day)).counts["parcel"]
        assert counts.added + counts.updated + counts.unchanged == len(part)
        assert counts.updated + counts.unchanged + counts.absent == held
        total |= set(part["apn"])
        assert len(store(city).read("parcel")) == len(total)
    old = store(city).history_rows("parcel")
    assert len(old) == sum(c["parcel"]["updated"] for c in store(city).changes()["counts"])
