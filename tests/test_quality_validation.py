"""The door: what `validate` takes, refuses and returns."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from quality_layers import FEET, at, parcels, sound, tract

from citygis.errors import CRSError, SchemaError
from citygis.findings import COLUMNS
from citygis.quality import RULES, validate


def overlapping() -> gpd.GeoDataFrame:
    return parcels(at(0, 0, 60, 110), at(59, 0, 60, 110))


def test_one_frame_and_a_dict_of_it_are_the_same():
    one, many = validate(overlapping(), "parcel"), validate({"parcel": overlapping()})
    assert one.equals(many)
    assert tuple(one.columns) == COLUMNS
    assert one.crs == FEET


def test_input_is_left_as_it_was():
    layers = sound()
    layers["parcel"].loc[0, "method"] = None
    before = {name: frame.copy() for name, frame in layers.items()}
    validate(layers)
    for name, frame in layers.items():
        assert frame.equals(before[name])


def test_the_same_ground_has_the_same_findings_in_any_order():
    frame = parcels(*[at(59 * i, 0, 60, 110) for i in range(5)])
    shuffled = frame.iloc[[3, 0, 4, 1, 2]]
    assert set(validate(frame, "parcel")["finding_id"]) == set(validate(shuffled, "parcel")["finding_id"])


def test_every_finding_tells_what_to_do():
    frame = overlapping()
    frame.loc[0, ["method", "tract_id"]] = [None, "x"]
    found = validate({"parcel": frame, "tract": tract()})
    assert found["remedy"].str.len().min() > 10
    assert set(found["code"]) <= set(RULES)


def test_errors_come_first():
    found = validate(parcels(at(0, 0, 60, 110), at(59, 0, 60, 110), at(300, 0, 2, 2)), "parcel")
    assert found["severity"].tolist() == ["error", "review"]


def test_a_layer_the_schema_does_not_know_is_held_to_its_shapes():
    frame = gpd.GeoDataFrame({"pid": ["a", "a", "c"]}, geometry=[at(0, 0, 60, 2), at(0, 0, 60, 2), None], crs=FEET)
    assert sorted(validate(frame, "lots")["code"]) == ["G01", "G04"]
    found = validate(frame, "lots", key="pid")
    assert sorted(found["code"]) == ["A06", "G01", "G04"]
    assert found.loc[found["code"] == "G01", "feature"].tolist() == ["c"]


def test_features_without_a_key_are_called_by_their_row():
    frame = gpd.GeoDataFrame(geometry=[at(0, 0, 60, 110), None], crs=FEET)
    assert validate(frame, "parcel", only="geometry")["feature"].tolist() == ["#2"]


def test_numbers_name_features_without_decimals():
    frame = gpd.GeoDataFrame({"pid": [7.0, np.nan]}, geometry=[None, None], crs=FEET)
    assert validate(frame, "parcel", only="geometry", key="pid")["feature"].tolist() == ["#2", "7"]


def test_geometry_alone_needs_no_columns_and_no_city():
    bare = overlapping()[["geometry"]]
    for crs in ("EPSG:2227", "EPSG:2249"):
        assert "T01" in set(validate(bare.set_crs(crs, allow_override=True), "parcel", only="geometry")["code"])


def test_a_layer_in_metres_is_measured_in_feet_and_shown_in_metres():
    metres = overlapping()[["geometry"]].to_crs("EPSG:6419")
    found = validate(metres, "parcel", only="geometry")
    assert found["code"].tolist() == ["T01"]
    assert found["measure"][0] == pytest.approx(1.0, rel=0.02)
    assert found["unit"][0] == "ft"
    assert found.crs == "EPSG:6419"
    shared = shapely.intersection(*metres.geometry)
    assert found.geometry[0].symmetric_difference(shared).area < 1e-6


@pytest.mark.parametrize("crs", [None, "EPSG:4326"])
def test_a_layer_without_lengths_is_refused(crs):
    frame = gpd.GeoDataFrame(parcels().drop(columns="geometry"), geometry=list(parcels().geometry), crs=crs)
    for only in (None, "geometry"):
        with pytest.raises(CRSError):
            validate(frame, "parcel", only=only)


def test_another_system_than_the_citys_is_refused_with_what_to_do():
    with pytest.raises(CRSError, match="citygis convert"):
        validate(parcels().set_crs("EPSG:2227", allow_override=True), "parcel")


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError, match="different systems"):
        validate({"parcel": parcels(), "tract": tract().to_crs("EPSG:2227")}, only="geometry")


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="layer"):
        validate(parcels())
    with pytest.raises(ValueError, match="only"):
        validate(parcels(), "parcel", only="shapes")
    with pytest.raises(SchemaError, match="pid"):
        validate(parcels(), "parcel", key="pid")


def test_a_column_given_twice_is_refused():
    frame = parcels()[["apn", "method", "geometry"]]
    frame.columns = ["apn", "apn", "geometry"]
    with pytest.raises(SchemaError, match="twice"):
        validate(frame, "parcel")


def test_no_rows_have_no_findings():
    empty = parcels().iloc[:0]
    assert validate(empty, "parcel").empty
    assert validate({"parcel": empty, "tract": tract().iloc[:0]}).empty
    assert validate(gpd.GeoDataFrame(geometry=[]), "parcel", only="geometry").empty
    assert validate({}).empty


def test_a_shuffled_index_changes_nothing():
    frame = overlapping()
    assert validate(frame.set_axis([9, 9]), "parcel")["finding_id"].tolist() == validate(frame, "parcel")["finding_id"].tolist()


def test_identical_polygons_by_the_hundred_do_not_hang():
    frame = parcels(*[at(0, 0, 60, 110)] * 300)
    frame["apn"] = [f"{i:08d}" for i in range(300)]
    frame["apn_display"] = frame["apn"]
    found = validate(frame, "parcel", only="geometry")
    assert found["code"].tolist() == ["G04"] * 299


def test_tables_are_checked_beside_layers():
    owners = pd.DataFrame({"apn": ["19119070"], "owner_name": [None], "roll_year": [2025]})
    found = validate({"parcel": parcels(), "parcel_owner": owners})
    assert set(found["layer"]) <= {"parcel_owner"}
