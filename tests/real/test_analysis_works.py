"""Questions of public works over real layers."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.analysis import acreage_by, right_of_way_widths
from citygis.analysis.overlay import measurable

MASSACHUSETTS = "EPSG:2249"


@pytest.fixture(scope="module")
def cambridge(real_data):
    parcels = gpd.read_file(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson").set_crs(4326, allow_override=True)
    zoning = gpd.read_file(real_data / "city" / "cambridge_CDD_ZoningDistricts.geojson")
    lines = gpd.read_file(real_data / "right_of_way" / "cambridge_TRANS_Centerlines.geojson")
    parcels = parcels[parcels.geom_type.isin(["Polygon", "MultiPolygon"])]
    return tuple(each.to_crs(MASSACHUSETTS) for each in (parcels, zoning, lines))


def test_acres_of_cambridge_by_zoning_are_those_of_geopandas(cambridge):
    parcels, zoning, _ = cambridge
    parcels = parcels.iloc[::4]
    answer = acreage_by(parcels, zones=zoning, zone_field="ZONE_TYPE", key_field="ML")
    assert answer.agrees, answer.check
    assert len(answer.excluded) + len(measurable(parcels, "parcel").rows) == len(parcels)
    classes = zoning.assign(geometry=shapely.make_valid(zoning.geometry.values)).dissolve("ZONE_TYPE").reset_index()
    sound = parcels[parcels.geometry.is_valid & parcels.geometry.notna()]
    some = sound.iloc[:: max(1, len(sound) // 1500)][["geometry"]].reset_index(drop=True)
    theirs = gpd.overlay(some, classes[["ZONE_TYPE", "geometry"]], keep_geom_type=True)
    ours = acreage_by(some, zones=zoning, zone_field="ZONE_TYPE").table.set_index("zone")["area_sqft"]
    plain = [
        zone
        for zone in theirs["ZONE_TYPE"].unique()
        if zone in ours.index and not any(f" + {zone}" in each or f"{zone} + " in each for each in ours.index)
    ]
    again = theirs.assign(area=theirs.area).groupby("ZONE_TYPE")["area"].sum()
    assert len(plain) > 10
    # Slivers of less than a square foot between two districts go to the first of them.
    assert np.allclose(ours[plain], again[plain], rtol=1e-6, atol=2.0)


def test_streets_of_cambridge_are_as_wide_as_the_ground_between_its_parcels(cambridge):
    parcels, _, lines = cambridge
    sound = parcels[parcels.geometry.is_valid & parcels.geometry.notna()]
    box = shapely.box(*lines[lines["Street"] == "Magazine St"].total_bounds).buffer(400)
    near = sound[sound.intersects(box)]
    street = gpd.GeoDataFrame(
        {"row_id": ["all"], "row_kind": ["FEE"]},
        geometry=[box.difference(shapely.union_all(near.geometry.values))],
        crs=parcels.crs,
    )
    ways = lines[lines.intersects(box)].rename(columns={"Street": "St_Name", "ID": "NGUID"})[["NGUID", "St_Name", "geometry"]]
    answer = right_of_way_widths(street, ways, street=["Magazine St"], standard_ft=50)
    assert answer.agrees, answer.check
    assert len(answer.table) >= 3
    # Magazine Street lies in a city of streets laid out 40 to 66 ft wide.
    assert answer.table["width_median_ft"].between(30, 80).all()
