"""Acres by zoning and flood zone."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import acreage_by
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
SAMPLE = Path(__file__).parents[1] / "sample_data" / "city" / "city_base.gpkg"


def layer(column: str, *rows) -> gpd.GeoDataFrame:
    shapes = [shapely.box(E + w, N + s, E + e, N + n) for _, w, s, e, n in rows]
    return gpd.GeoDataFrame({column: [row[0] for row in rows]}, geometry=shapes, crs=CRS)


def acres(answer) -> dict:
    by = [name for name in ("zone", "other") if name in answer.table]
    return answer.table.set_index(by)["acres"].to_dict()


# Two parcels of an acre each, 208.71 ft wide in the books; here 435.6 by 100.
PARCELS = layer("apn", ("A", 0, 0, 435.6, 100), ("B", 435.6, 0, 871.2, 100))
ZONES = layer("code", ("R-1", 0, 0, 435.6, 100), ("C-1", 435.6, 0, 653.4, 100))
FLOOD = layer("sfha_zone", ("AE", 0, 0, 871.2, 50))


def test_acres_by_zone_and_flood_zone_are_those_by_hand():
    answer = acreage_by(PARCELS, zones=ZONES, other=FLOOD)
    assert acres(answer) == pytest.approx(
        {
            ("(outside)", "(outside)"): 0.25,
            ("(outside)", "AE"): 0.25,
            ("C-1", "(outside)"): 0.25,
            ("C-1", "AE"): 0.25,
            ("R-1", "(outside)"): 0.5,
            ("R-1", "AE"): 0.5,
        }
    )
    assert answer.agrees and answer.table["share"].sum() == pytest.approx(1.0)
    assert "1.250 acres" in answer.unanswered["what"][0]


def test_every_figure_is_the_sum_of_its_parcels():
    answer = acreage_by(PARCELS, zones=ZONES, other=FLOOD)
    parts = answer.tables["parcel_parts"].groupby(["zone", "other"])
    assert np.allclose(parts["area_sqft"].sum(), answer.table.set_index(["zone", "other"])["area_sqft"])
    assert np.array_equal(parts["parcel"].nunique(), answer.table["parcels"])
    assert np.allclose(answer.geometry.area, answer.tables["parcel_parts"]["area_sqft"])


def test_flood_zones_that_overlap_do_not_count_acres_twice():
    twice = pd.concat([FLOOD, layer("sfha_zone", ("AE", 0, 25, 871.2, 75), ("FLOODWAY", 0, 0, 871.2, 10))], ignore_index=True)
    answer = acreage_by(PARCELS.assign(zoning_code="R-1"), other=twice)
    assert acres(answer) == pytest.approx({("R-1", "(outside)"): 0.5, ("R-1", "AE"): 1.3, ("R-1", "AE + FLOODWAY"): 0.2})
    assert answer.agrees and any("overlap by" in each for each in answer.method.remarks)


def test_an_overlay_district_is_left_out_and_told():
    zones = pd.concat(
        [ZONES.assign(overlay=False), layer("code", ("HIST", 0, 0, 900, 100)).assign(overlay=True)], ignore_index=True
    )
    answer = acreage_by(PARCELS, zones=zones)
    assert acres(answer) == pytest.approx({"(outside)": 0.5, "C-1": 0.5, "R-1": 1.0})
    assert answer.excluded["reason"].tolist() == ["an overlay on other districts: acres would count twice"]


def test_units_of_a_stack_count_their_ground_once():
    stack = PARCELS.iloc[[0, 0, 1]].assign(apn=["U2", "U1", "B"], stack_id=["s", "s", None], zoning_code="R-3")
    answer = acreage_by(stack)
    assert acres(answer) == pytest.approx({"R-3": 2.0})
    assert answer.excluded["feature"].tolist() == ["U2"] and answer.table["parcels"].tolist() == [2]


def test_parcels_that_overlap_are_told():
    over = layer("apn", ("A", 0, 0, 435.6, 100), ("B", 400, 0, 871.2, 100)).assign(zoning_code="R-1")
    answer = acreage_by(over)
    assert "two parcels claim" in answer.unanswered["what"][0] and "A and B" in answer.unanswered["why"][0]


def test_the_order_of_the_layers_and_their_index_change_nothing():
    turned = PARCELS.iloc[::-1].set_index(pd.Index([4, 4]))
    one, other = acreage_by(PARCELS, zones=ZONES, other=FLOOD), acreage_by(turned, zones=ZONES.iloc[::-1], other=FLOOD)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.check == other.check


def test_acres_of_the_sample_city_are_those_of_the_geometry_engine():
    layers = {name: gpd.read_file(SAMPLE, layer=name) for name in ("parcel", "flood_zone")}
    answer = acreage_by(layers["parcel"], other=layers["flood_zone"])
    assert answer.agrees
    theirs = gpd.overlay(
        layers["parcel"].drop_duplicates("geometry")[["zoning_code", "geometry"]], layers["flood_zone"][["sfha_zone", "geometry"]]
    )
    theirs = theirs.assign(area=theirs.area).groupby(["zoning_code", "sfha_zone"])["area"].sum()
    ours = answer.table[answer.table["other"] != "(outside)"].set_index(["zone", "other"])["area_sqft"]
    theirs.index.names = ours.index.names
    pd.testing.assert_series_equal(ours, theirs, check_names=False, rtol=1e-7)


def test_input_that_cannot_be_counted_is_refused_with_what_to_do():
    with pytest.raises(AnalysisError, match="no column 'zoning_code'"):
        acreage_by(PARCELS)
    with pytest.raises(AnalysisError, match="is empty"):
        acreage_by(PARCELS, zones=ZONES.iloc[:0])
    with pytest.raises(CRSError, match="in degrees"):
        acreage_by(PARCELS.to_crs("EPSG:4326"), zones=ZONES)
