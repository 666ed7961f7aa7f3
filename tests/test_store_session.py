"""The City's geodatabase as its users see it."""

import datetime

import geopandas as gpd
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from shapely.affinity import translate
from shapely.geometry import box
from store_city import AT, LATER, load, make_city, parcels, source

from citygis.city import default_city
from citygis.errors import SchemaError, SettingsError, StoreError
from citygis.quality.exceptions import accepted, write_exceptions
from citygis.schema import feature_ids
from citygis.store import Counts, store


@pytest.fixture
def city(any_city):
    return any_city


def test_what_goes_in_comes_out_with_who_and_when(city):
    frame = parcels(3)
    batch = load(city, {"parcel": frame, "source_document": source()}, message="first roll")
    assert batch.change_id == 1
    assert batch.counts == {"parcel": Counts(3, 0, 0, 0), "source_document": Counts(1, 0, 0, 0)}
    back = store(city).read("parcel")
    stamped = frame.assign(tx_from=pd.Series([AT] * 3, dtype="datetime64[us, UTC]"), editor=pd.Series(["clerk"] * 3, dtype="str"))
    assert_geodataframe_equal(back, stamped)
    (change,) = store(city).changes().to_dict("records")
    assert (change["author"], change["message"], change["at"]) == ("clerk", "first roll", pd.Timestamp(AT))
    assert (change["source"], change["source_sha256"]) == ("roll.zip", "a" * 64)
    assert change["counts"]["parcel"] == {"added": 3, "updated": 0, "unchanged": 0, "absent": 0, "retired": 0}


def test_loading_the_same_twice_changes_not_one_byte(tmp_path):
    city = make_city(tmp_path)
    layers = {"parcel": parcels(50), "source_document": source()}
    load(city, layers)
    before = city.store_path.read_bytes()
    again = load(city, layers, at=LATER, author="other")
    assert again.change_id is None
    assert again.counts["parcel"] == Counts(0, 0, 50, 0)
    assert city.store_path.read_bytes() == before
    assert [path.name for path in city.store_path.parent.glob("city.gpkg*")] == ["city.gpkg"]


def test_a_refused_value_in_the_second_layer_leaves_the_first_out_too(city):
    hydrants = gpd.GeoDataFrame(
        {"hydrant_id": ["H" * 21], "global_id": ["x"]}, geometry=gpd.points_from_xy([6_300_000], [2_100_000]), crs=city.crs
    )
    with pytest.raises(SchemaError, match=r"hydrant\.hydrant_id.*20 characters"):
        load(city, {"parcel": parcels(2), "hydrant": hydrants})
    assert len(store(city).read("parcel")) == 0 and len(store(city).changes()) == 0


def test_a_layer_that_the_city_has_not_is_refused(city):
    with pytest.raises(SchemaError, match="no City layer 'lots'"):
        load(city, {"lots": parcels(1)})


def test_the_city_s_own_rules_stop_an_overlap_without_being_asked(city):
    frame = parcels(2)
    frame.loc[1, "geometry"] = translate(frame.geometry[0], 40)
    frame["calc_area_sqft"] = frame.geometry.area
    with store(city) as db:
        with pytest.raises(StoreError, match="T01"):
            db.load({"parcel": frame, "source_document": source()}, at=AT)
        batch = db.load({"parcel": frame, "source_document": source()}, at=AT, accept={"T01": "case 26-014"})
    assert batch.counts["parcel"].added == 2 and set(batch.accepted["code"]) == {"T01"}


def test_clean_layers_load_without_asking_and_may_refer_to_what_the_store_holds(city):
    with store(city) as db:
        assert db.load({"parcel": parcels(3), "source_document": source()}, at=AT).findings == {}
        owners = pd.DataFrame({"apn": parcels(3)["apn"], "owner_name": ["A. Fig"] * 3}, dtype="str")
        assert db.load({"parcel_owner": owners}, at=AT).counts["parcel_owner"].added == 3
        with pytest.raises(StoreError, match="A08"):
            db.load({"parcel_owner": owners.assign(apn="nowhere")}, at=AT)
        again = parcels(4).iloc[3:]  # its source document is in the store already
        assert db.load({"parcel": again}, at=LATER).counts["parcel"].added == 1


def test_the_source_may_be_given_as_a_file(city, tmp_path):
    sent = gpd.GeoDataFrame({"apn": ["1"]}, geometry=[box(-121.3, 37.8, -121.2, 37.9)], crs=4326)
    path = tmp_path / "sent.geojson"
    sent.to_file(path)
    load(city, {"parcel": parcels(1)}, source=path)
    (document,) = store(city).read("source_document").to_dict("records")
    assert (document["uri"], document["unit"], len(document["sha256"])) == ("sent.geojson", "DEG", 64)
    assert load(city, {"parcel": parcels(1)}, source=path).change_id is None


def test_a_city_without_a_folder_has_no_store():
    with pytest.raises(SettingsError, match="--city"):
        store(default_city())


def test_a_time_without_zone_is_refused(city):
    with pytest.raises(ValueError, match="time zone"):
        load(city, {"parcel": parcels(1)}, at=datetime.datetime(2026, 1, 1))


@pytest.fixture
def filled_tract(city):
    """A tract that three parcels fill from side to side, in the store. Yields the parcels."""
    frame = parcels(3)
    frame.geometry = [box(6_300_000 + e, 2_100_000, 6_300_080 + e, 2_100_100) for e in (0, 80, 160)]
    ground = gpd.GeoSeries([box(6_300_000, 2_100_000, 6_300_240, 2_100_100)], crs=city.crs)
    tract = gpd.GeoDataFrame({"tract_no": ["3127"], "global_id": feature_ids("tract", pd.Series(["3127"]))}, geometry=ground)
    common = {name: frame[name].iloc[:1] for name in ("status", "source_id", "method", "accuracy_basis", "created_by_record")}
    load(city, {"parcel": frame, "tract": tract.assign(**common), "source_document": source()})
    return frame


def test_a_delivery_that_opens_a_gap_in_a_tract_of_the_store_is_found_out(city, filled_tract):
    narrower = filled_tract.copy()
    narrower.loc[1, "geometry"] = box(6_300_080, 2_100_000, 6_300_159, 2_100_100)
    findings = store(city).check({"parcel": narrower})
    (gap,) = findings[findings["code"] == "T02"].itertuples()
    assert gap.layer == "tract" and gap.measure == pytest.approx(1.0, rel=0.01) and gap.geometry.area == pytest.approx(100)


def test_a_partial_delivery_leaves_no_gap_where_the_store_has_the_rest(city, filled_tract):
    assert "T02" not in store(city).check({"parcel": filled_tract.iloc[:1]})["code"].tolist()


def test_a_reference_into_the_store_leads_there_though_the_delivery_has_other_rows_of_that_layer(city, filled_tract):
    held = store(city).read("tract").drop(columns=["tx_from", "tx_to", "editor"], errors="ignore")
    other = held.assign(tract_no="3128", global_id=feature_ids("tract", pd.Series(["3128"])))
    other.geometry = held.translate(0, 500)
    lots = filled_tract.iloc[:2].assign(tract_id=[held["global_id"].iloc[0], "00000000-0000-0000-0000-000000000000"])
    found = store(city).check({"parcel": lots, "tract": other}).query("code == 'A08' and rule == 'tract_id_reference'")
    assert found["feature"].tolist() == [lots["apn_display"].iloc[1]]


@pytest.mark.parametrize("column", ["global_id", "apn"])
def test_a_layer_without_what_its_features_are_known_by_is_told_as_such(city, filled_tract, column):
    nameless = filled_tract.iloc[:1].drop(columns=column)
    codes = store(city).check({"parcel": nameless}).query("code == 'A09'")
    assert codes["rule"].tolist() == [f"{column}_column"]
    with pytest.raises(SchemaError, match=f"lacks {column}"):
        store(city).load({"parcel": nameless})


def test_a_layer_whose_features_stand_beside_the_store_s_is_told_what_it_lacks(city, filled_tract):
    street = store(city).read("right_of_way").drop(columns="global_id")
    assert "A09" in store(city).check({"right_of_way": street})["code"].tolist()


def test_a_load_from_python_goes_by_the_register_of_exceptions_too(city):
    frame = parcels(2)
    frame.loc[1, "geometry"] = translate(frame.geometry[0], 40)
    frame["calc_area_sqft"] = frame.geometry.area
    db = store(city)
    with pytest.raises(StoreError, match="T01"):
        db.load({"parcel": frame, "source_document": source()})
    layers = {"parcel": frame, "source_document": source()}
    found = db.check(layers)
    errors = found[found["severity"] == "error"]
    register = accepted(errors, layers, reason="two surveys", accepted_by="A. Clerk", accepted_on=AT.date(), city=city)
    write_exceptions(city.exceptions_path, register)
    assert db.load(layers, at=AT).change_id == 1
