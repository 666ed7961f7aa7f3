"""Rows of the housing element's site inventory."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.analysis.site_inventory import housing_sites
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
ACRE_FT = 43_560 / 200  # a strip 200 ft wide of this length is an acre


def sites(*acres, **columns) -> gpd.GeoDataFrame:
    """Strips 200 ft wide of so many acres, a thousand feet apart."""
    shapes = [shapely.box(E, N + 1000 * k, E + a * ACRE_FT, N + 1000 * k + 200) for k, a in enumerate(acres)]
    columns = {"apn": [f"{k:03d}" for k in range(len(acres))], "status": "ACTIVE", "zoning_code": "R-3"} | columns
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=range(len(acres))), geometry=shapes, crs=CRS)


DENSITIES = pd.DataFrame({"zone": ["R-1", "R-3"], "min_du_ac": ["4", "20"], "max_du_ac": ["8", "30"]})
NOTHING_BUILT = gpd.GeoDataFrame(geometry=[shapely.box(E - 90, N - 90, E - 80, N - 80)], crs=CRS)


def test_a_row_worked_by_hand():
    # 2.0 acres at 30 an acre and 80 %: 48 dwellings, lower income by size and density.
    said = housing_sites(sites(2.0), densities=DENSITIES, building_footprint=NOTHING_BUILT)
    row = said.table.iloc[0]
    assert row[["acres", "min_du_ac", "max_du_ac", "vacant", "income", "capacity"]].tolist() == [
        2.0,
        20.0,
        30.0,
        "yes",
        "lower",
        48,
    ]
    assert said.agrees


@pytest.mark.parametrize("acres,capacity", [(1.0, 24), (1.0416, 24), (1.0417, 25), (0.04, 0)])
def test_a_part_of_a_dwelling_is_none(acres, capacity):
    # 25 dwellings at 24 an acre need 1.041667 ac.
    assert housing_sites(sites(acres), densities=DENSITIES).table["capacity"].tolist() == [capacity]


@pytest.mark.parametrize(
    "acres,zone,income",
    [
        (0.499, "R-3", "above moderate"),
        (0.5, "R-3", "lower"),
        (10.0, "R-3", "lower"),
        (10.01, "R-3", "above moderate"),
        (2.0, "R-1", "above moderate"),
    ],
)
def test_lower_income_is_presumed_by_size_and_density(acres, zone, income):
    assert housing_sites(sites(acres, zoning_code=zone), densities=DENSITIES).table["income"].tolist() == [income]


def test_an_income_stated_for_a_zone_holds_unless_the_size_forbids_it():
    stated = DENSITIES.assign(income=["moderate", "lower"])
    said = housing_sites(sites(2.0, 0.2, 2.0, zoning_code=["R-1", "R-3", "R-3"]), densities=stated)
    assert said.table["income"].tolist() == ["moderate", "moderate", "lower"]
    assert said.unanswered["what"].str.contains("1 sites serve lower").any()


def test_what_is_built_on_is_no_vacant_site_and_a_shed_does_not_count():
    layer = sites(1.0, 1.0, 1.0)
    sheds = gpd.GeoDataFrame(geometry=[shapely.box(E, N, E + 12, N + 10), shapely.box(E, N + 1000, E + 12.1, N + 1010)], crs=CRS)
    said = housing_sites(layer, densities=DENSITIES, building_footprint=sheds)
    assert said.table["apn"].tolist() == ["000", "002"] and said.excluded["feature"].tolist() == ["001"]
    named = housing_sites(layer, densities=DENSITIES, building_footprint=sheds, subject=["001"])
    assert named.table["vacant"].tolist() == ["no"]


def test_a_site_of_earlier_elements_must_be_by_right():
    prior = pd.DataFrame({"apn": ["000", "000", "001", "002", "002"], "cycle": ["5", "6", "6", "5", "5"]})
    built = gpd.GeoDataFrame(geometry=[shapely.box(E, N + 1000, E + 100, N + 1100)], crs=CRS)
    said = housing_sites(
        sites(1.0, 1.0, 1.0), densities=DENSITIES, subject=["000", "001", "002"], building_footprint=built, prior_sites=prior
    )
    assert said.table["prior_cycles"].tolist() == [2, 1, 1]
    # Vacant in two cycles; not vacant in one; vacant in one only.
    assert said.table["by_right"].tolist() == ["yes", "yes", "no"]


def test_the_zone_is_that_of_most_of_the_ground_and_a_site_in_two_is_told():
    zones = gpd.GeoDataFrame(
        {"code": ["R-3", "R-1"], "overlay": False},
        geometry=[shapely.box(E - 1, N - 1, E + 160, N + 300), shapely.box(E + 160, N - 1, E + 300, N + 300)],
        crs=CRS,
    )
    said = housing_sites(sites(1.0), densities=DENSITIES, zoning=zones)
    assert said.table["zone"].tolist() == ["R-3"] and said.unanswered["what"].str.contains("1 sites in two zones").any()


def test_every_parcel_is_a_site_or_left_out_with_its_reason():
    layer = sites(1.0, 1.0, 1.0, 1.0, zoning_code=["R-3", "C-1", None, "R-1"])
    layer.loc[3, "geometry"] = None
    said = housing_sites(layer, densities=DENSITIES)
    assert len(said.table) == 1 and len(said.excluded) == 3
    assert sorted(said.excluded["reason"]) == [
        "its zone has no density in the table: C-1", "its zone has no density in the table: none", "no geometry"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "table,told",
    [
        (DENSITIES.iloc[:0], "is empty"),
        (DENSITIES.drop(columns="max_du_ac"), "no column max_du_ac"),
        (DENSITIES.assign(max_du_ac=["3", "30"]), "zone 'R-1' is not one"),
        (pd.concat([DENSITIES, DENSITIES]), "'R-1' twice"),
        (DENSITIES.assign(income=["low", "lower"]), "income 'low'"),
    ],
)
def test_densities_that_cannot_be_meant_are_refused(table, told):
    with pytest.raises(AnalysisError, match=told):
        housing_sites(sites(1.0), densities=table)
