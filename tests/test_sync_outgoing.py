"""The City's features as they go out: mapped, cast without loss, placed, and each row accounted for."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_city import make_city, parcels
from sync_frames import definition, key

from citygis.convert.crosswalk import Frame
from citygis.errors import CRSError, SchemaError, SyncError
from citygis.sync.outgoing import outgoing
from citygis.sync.planning import plan
from citygis.sync.target import Target

FIELDS = [
    {"name": "APN", "type": "esriFieldTypeString", "length": 20},
    {"name": "SITUS", "type": "esriFieldTypeString", "length": 80},
    ("YEAR", "SmallInteger"),
    ("AREA", "Double"),
    ("OURS", "SmallInteger"),
]
MAPPED = {"APN": "apn", "SITUS": "situs_text", "YEAR": "roll_year", "AREA": "calc_area_sqft", "OURS": "city_owned"}
NAD83_2011 = {"extent": {"spatialReference": {"wkid": 103004, "latestWkid": 6420}}}
STATED = Frame(label="EPSG:3857", really="NAD83(2011)", reason="The web layer was filled by projection alone", stated_by="A. Clerk")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("outgoing") / "city")


def layer(*, fields=FIELDS, **more):
    return definition(fields=fields, **(NAD83_2011 | more))


def target(**more):
    return Target(**({"layer": "parcel", "fields": MAPPED} | more))


def is_whole(result, rows):
    refused = {each.global_id for each in result.refusals if each.global_id}
    unkeyed = sum(each.code == "Y13" for each in result.refusals)
    return len(result.frame) + len(refused) + unkeyed + len(result.left_out) == rows


def test_only_mapped_fields_go_out_under_their_remote_names(city):
    result = outgoing(parcels(5), target(), layer(), city=city)
    assert list(result.frame.columns) == [*MAPPED, "global_id", "geometry"]
    assert result.frame["OURS"].tolist() == [1, 0, 0, 0, 0] and result.frame["YEAR"].tolist() == [2026] * 5
    assert result.refusals == () and is_whole(result, 5)


def test_a_column_that_a_crosswalk_brought_in_is_never_sent(city):
    frame = parcels(3).assign(owner_name="Anna Example", OWNER="Anna Example")
    result = outgoing(frame, target(), layer(fields=[*FIELDS, ("OWNER", "String"), ("owner_name", "String")]), city=city)
    sent = plan(result.frame, result.frame.iloc[:0], result.frame.iloc[:0], definition=layer(), target=target())
    assert "Anna" not in result.frame.to_csv() and "Anna" not in repr(sent)


def test_privacy_comes_before_everything_else(city):
    with pytest.raises(SyncError, match="Y23"):
        outgoing(pd.DataFrame(), target(fields={"X": "note"}), layer(), city=city)
    titled = layer(fields=[{"name": "SITUS", "type": "esriFieldTypeString", "alias": "Owner"}])
    with pytest.raises(SyncError, match="remote field Owner"):
        outgoing(parcels(1), target(fields={"SITUS": "situs_text"}), titled, city=city)


def test_what_where_leaves_out_is_told_by_its_key(city):
    frame = parcels(6).assign(status=["ACTIVE", "RETIRED"] * 3)
    result = outgoing(frame, target(where={"status": ("ACTIVE",)}), layer(), city=city)
    assert len(result.frame) == 3 and set(result.left_out) == set(frame["global_id"].iloc[1::2])


def test_a_field_that_the_remote_layer_lacks_is_left_out_and_stops_the_plan(city):
    short = layer(fields=FIELDS[:3])
    result = outgoing(parcels(2), target(), short, city=city)
    stops = plan(result.frame, result.frame, definition=short, target=target()).stops
    assert [each.code for each in stops] == ["Y18", "Y18"]


def test_a_column_that_is_not_there_is_told(city):
    with pytest.raises(SchemaError, match="situs_text"):
        outgoing(parcels(2).drop(columns="situs_text"), target(), layer(), city=city)


def test_a_type_that_does_not_go_into_another_is_refused_for_the_whole_layer(city):
    with pytest.raises(SyncError, match=r"city_owned \(boolean\) to OURS \(String\)"):
        outgoing(parcels(1), target(), layer(fields=[*FIELDS[:4], ("OURS", "String")]), city=city)


def test_text_becomes_a_number_only_where_the_text_can_be_had_back(city):
    fields = {"USE": "use_code"}
    frame = parcels(5).assign(use_code=pd.Series(["12", "012", "-3", "1.0", None], dtype="str"))
    result = outgoing(frame, target(fields=fields), layer(fields=[("USE", "Integer")]), city=city)
    assert result.frame["USE"].tolist() == [12, -3, pd.NA]
    assert [(each.code, each.global_id) for each in result.refusals] == [
        ("Y06", frame["global_id"][1]),
        ("Y06", frame["global_id"][3]),
    ]
    assert is_whole(result, 5)


def test_a_day_goes_out_as_midnight_utc_or_as_itself(city):
    frame = parcels(2).assign(legal_from=pd.Series(["1899-12-31", None], dtype="datetime64[s]"))
    asked = target(audience="organization", fields={"W": "legal_from", "O": "legal_from"})
    result = outgoing(frame, asked, layer(fields=[("W", "Date"), ("O", "DateOnly")]), city=city)
    # 1899-12-31 is 25,568 days before 1970-01-01: 70 years of which 17 are leap years, and a day.
    assert int(result.frame["W"].iloc[0].timestamp()) == -25_568 * 86_400
    assert result.frame["O"].tolist() == [datetime.date(1899, 12, 31), None] and pd.isna(result.frame["W"].iloc[1])


def test_a_feature_that_cannot_go_is_refused_and_the_others_go(city):
    frame = parcels(6)
    frame.loc[0, "roll_year"] = 40_000
    frame.loc[1, "situs_text"] = "x" * 81
    frame.loc[2, "calc_area_sqft"] = np.inf
    frame.loc[3, "global_id"] = "12"
    frame.loc[4, "geometry"] = shapely.Polygon([(6.3e6, 2.1e6), (6.3e6 + 9, 2.1e6 + 9), (6.3e6 + 9, 2.1e6), (6.3e6, 2.1e6 + 9)])
    result = outgoing(frame, target(), layer(), city=city)
    assert [each.code for each in result.refusals] == ["Y04", "Y01", "Y05", "Y13", "Y09"]
    assert result.frame["global_id"].tolist() == [frame["global_id"][5]] and is_whole(result, 6)


def test_a_sliver_that_vanishes_on_the_grid_is_refused_and_not_sent_flat(city):
    frame = parcels(2)
    frame.loc[0, "geometry"] = shapely.box(6.3e6, 2.1e6, 6.3e6 + 90, 2.1e6 + 0.0003)
    result = outgoing(frame, target(), layer(), city=city)
    assert result.refusals[0].code in ("Y08", "Y09") and "grid" in result.refusals[0].message
    assert is_whole(result, 2)


def test_coordinates_go_out_on_the_grid_and_no_farther_than_half_a_step_from_where_they_were(city):
    frame = parcels(20)
    frame = frame.set_geometry(frame.geometry.translate(0.00037, 0.00049))
    sent = shapely.get_coordinates(outgoing(frame, target(), layer(), city=city).frame.geometry.to_numpy())
    assert np.abs(sent - shapely.get_coordinates(frame.geometry.to_numpy())).max() < 0.00051
    assert np.allclose(sent * 1000, np.round(sent * 1000), atol=1e-5)


def test_a_layer_on_another_datum_is_refused_with_the_cost_in_feet(city):
    with pytest.raises(CRSError, match=r"EPSG:3857.* 5\.\d ft off.*\[frame\] label = \"EPSG:3857\""):
        outgoing(parcels(3), target(), layer(extent={"spatialReference": {"wkid": 102100, "latestWkid": 3857}}), city=city)


def test_a_stated_label_is_reached_by_projection_alone(city):
    web = layer(extent={"spatialReference": {"wkid": 102100, "latestWkid": 3857}})
    result = outgoing(parcels(3), target(frame=STATED), web, city=city)
    assert result.frame.crs.to_epsg() == 3857 and "A. Clerk" in str(result.lineage)
    # Another way: NAD83(2011) longitude and latitude, and the sphere's formulas of EPSG method 1024.
    lon, lat = np.radians(shapely.get_coordinates(parcels(3).to_crs(6318).geometry.to_numpy())).T
    expected = np.column_stack([6378137 * lon, 6378137 * np.log(np.tan(np.pi / 4 + lat / 2))])
    found = shapely.get_coordinates(result.frame.geometry.to_numpy())
    assert np.abs(found - expected).max() < 0.0003  # the step of the grid


def test_a_statement_of_another_label_or_another_realization_helps_nothing(city):
    web = layer(extent={"spatialReference": {"wkid": 4326, "latestWkid": 4326}})
    with pytest.raises(CRSError, match="ft off"):
        outgoing(parcels(1), target(frame=STATED), web, city=city)
    other = STATED.model_copy(update={"really": "NAD83(CORS96)"})
    with pytest.raises(CRSError, match="only be exchanged for the City's own"):
        outgoing(parcels(1), target(frame=other), web, city=city)


def test_a_datum_that_the_city_holds_to_be_its_own_needs_no_statement(city):
    # The packaged city.toml says so of plain NAD83; EPSG:2227 is zone 3 in it.
    plain = layer(extent={"spatialReference": {"wkid": 102643, "latestWkid": 2227}})
    if "North American Datum 1983" not in city.same_datum:
        city = city.model_copy(update={"same_datum": {"North American Datum 1983": "checked at three monuments"}})
    result = outgoing(parcels(3), target(), plain, city=city)
    assert np.abs(result.frame.total_bounds - parcels(3).total_bounds).max() < 0.001
    with pytest.raises(CRSError, match="ft off"):
        held = city.model_copy(
            update={"same_datum": city.same_datum | {"NAD83 (National Spatial Reference System 2011)": "its own"}}
        )
        outgoing(parcels(1), target(), layer(extent={"spatialReference": {"wkid": 3857}}), city=held)


ROW = st.fixed_dictionaries(
    {
        "roll_year": st.sampled_from([None, 2026, 99_999]),
        "situs_text": st.sampled_from([None, "", "1 FIRST ST", "x" * 81]),
        "calc_area_sqft": st.sampled_from([float("nan"), 1.5, float("inf")]),
        "global_id": st.sampled_from([None, "12", "key"]),
        "status": st.sampled_from(["ACTIVE", "RETIRED"]),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ROW, max_size=6))
def test_rows_in_are_rows_out_and_refused_and_left_out(city, rows):
    frame = parcels(len(rows))
    for name in ("roll_year", "situs_text", "calc_area_sqft", "status"):
        frame[name] = pd.Series([row[name] for row in rows], dtype=frame[name].dtype)
    frame["global_id"] = pd.Series(
        [key(n) if row["global_id"] == "key" else row["global_id"] for n, row in enumerate(rows)], dtype="str"
    )
    assert is_whole(outgoing(frame, target(where={"status": ("ACTIVE",)}), layer(), city=city), len(rows))


def measured(frame, shapes):
    """The frame with other geometries in its first rows."""
    drawn = frame.geometry.to_numpy().copy()
    drawn[: len(shapes)] = shapes
    return frame.set_geometry(gpd.GeoSeries(drawn, index=frame.index, crs=frame.crs))


MEASURED = [
    shapely.from_wkt(each)
    for each in (
        "POLYGON M ((6300000 2100000 1, 6300080 2100000 2, 6300080 2100100 3, 6300000 2100000 1))",
        "POLYGON ZM ((6300100 2100000 7 1, 6300180 2100000 7 2, 6300180 2100100 7 3, 6300100 2100000 7 1))",
        "POLYGON M ((6300200 2100000 nan, 6300280 2100000 nan, 6300280 2100100 nan, 6300200 2100000 nan))",
    )
]


@pytest.mark.parametrize("wkid", [{}, {"extent": {"spatialReference": {"wkid": 102100, "latestWkid": 3857}}}])
def test_measures_that_are_not_sent_keep_their_feature_back(city, wkid):
    frame = measured(parcels(4), MEASURED)
    stated = {"frame": STATED} if wkid else {}
    result = outgoing(frame, target(**stated), layer(**wkid), city=city)
    assert [(each.code, each.global_id) for each in result.refusals] == [("Y29", each) for each in frame["global_id"][:2]]
    assert is_whole(result, 4) and not shapely.has_m(result.frame.geometry.to_numpy()).any()
    assert "lose_measures = true" in result.refusals[0].remedy


@pytest.mark.parametrize("has_z", [False, True])
def test_measures_go_lost_where_the_target_lets_them_and_heights_stay(city, has_z):
    frame = measured(parcels(2), MEASURED[:2])
    result = outgoing(frame, target(lose_measures=True), layer(hasZ=has_z), city=city)
    shapes = result.frame.geometry.to_numpy()
    assert not shapely.has_m(shapes).any() and shapely.has_z(shapes).tolist() == ([True] if has_z else [False, False])
    assert [each.code for each in result.refusals] == (["Y11"] if has_z else [])
    if has_z:
        assert set(shapely.get_coordinates(shapes, include_z=True)[:, 2]) == {7.0}
