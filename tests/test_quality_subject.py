"""How features are called, and which of them can be drawn."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from quality_layers import FEET, at, parcels

from citygis.city import default_city
from citygis.quality.subject import finding, no_findings, subject
from citygis.schema import schema

LAYERS = schema().layers


def test_a_parcel_goes_by_the_countys_spelling_then_its_key_then_its_row():
    frame = parcels()
    frame.loc[1, "apn_display"] = None
    frame.loc[2, ["apn_display", "apn"]] = None
    assert subject("parcel", frame, LAYERS["parcel"]).feature.tolist() == ["191-190-70", "19119071", "#3", "191-190-73"]


def test_a_key_of_several_fields_is_all_of_them_or_the_row():
    layer = next(layer for layer in LAYERS.values() if len(layer.key) > 1)
    frame = pd.DataFrame({name: ["one", "two"] for name in layer.key})
    frame.loc[1, layer.key[-1]] = None
    assert subject(layer.layer, frame, layer).feature.tolist() == [" ".join(["one"] * len(layer.key)), "#2"]


def test_a_named_column_goes_before_the_schemas():
    assert subject("parcel", parcels(), LAYERS["parcel"], key="source_ref").feature[0] == "county.shp/parcels#1"


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_only_what_can_be_drawn_has_a_place():
    broken = shapely.LineString([(0, 0), (1, np.nan)])
    about = subject("lots", gpd.GeoDataFrame(geometry=[at(0, 0, 1, 1), None, shapely.Point(), broken], crs=FEET), None)
    assert [place is not None for place in about.place] == [True, False, False, False]
    assert about.not_finite.tolist() == [False, False, False, True]
    assert about.geometry[3] is not None


def test_retired_features_do_not_hold_today():
    frame = parcels().assign(status=["ACTIVE", "RETIRED", None, "PROPOSED"])
    assert subject("parcel", frame, LAYERS["parcel"]).current.tolist() == [True, False, True, True]


def test_one_value_is_for_all_and_a_list_for_each():
    about = subject("parcel", parcels(), LAYERS["parcel"])
    rows = finding(about, "A01", "apn_required", np.array([1, 3]), ["one", "two"], measure=[1.0, 2.0], unit="ft")
    assert rows["message"].tolist() == ["one", "two"]
    assert rows["unit"].tolist() == ["ft", "ft"]
    assert rows["feature"].tolist() == ["191-190-71", "191-190-73"]
    assert finding(about, "A01", "apn_required", np.array([], dtype=int), []).equals(no_findings())


def test_a_feature_in_degrees_is_no_neighbour_and_one_that_strayed_is_one_of_those_beside_it():
    away = shapely.box(1_000, 1_000, 1_060, 1_110)
    frame = gpd.GeoDataFrame(
        geometry=[away, shapely.box(-121.3, 38.1, -121.2999, 38.1001), shapely.box(38.1, -121.3, 38.1001, -121.2999)],
        crs=default_city().crs,
    )
    assert subject("lots", frame, None, city=default_city()).measured.neighbours.tolist() == [True, False, False]
