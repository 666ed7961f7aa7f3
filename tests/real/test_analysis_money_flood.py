"""Rolls, fees and statistics of rasters on real files."""

from decimal import Decimal

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from citygis.analysis import assessment_roll, flood_exposure, impact_fees
from citygis.analysis.zonal import Grid, grid_of, statistics_by_cells, zonal_statistics
from citygis.errors import CRSError


@pytest.fixture(scope="module")
def cambridge(real_data):
    parcels = gpd.read_file(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson").set_crs(4326, allow_override=True)
    zoning = gpd.read_file(real_data / "city" / "cambridge_CDD_ZoningDistricts.geojson")
    return parcels.to_crs(2249).rename(columns={"ML": "apn"})[["apn", "geometry"]], zoning.to_crs(2249)


@pytest.fixture(scope="module")
def mountain(real_data):
    """The training terrain of QGIS: metres, 25 m cells, no unit stated."""
    path = real_data / "raster" / "qgis_training_dem25.tif"
    with rasterio.open(path) as file:
        b, cell = file.bounds, file.transform.a
        grid = Grid(path, file.width, file.height, b.left, b.bottom, b.right, b.top, cell * cell, "m", "the test", "")
        return grid, file.read(1).astype(float), file.crs


def test_a_levy_on_a_zone_of_cambridge_sums_to_the_cent_over_parcels_as_they_are(cambridge):
    parcels, zoning = cambridge
    district = zoning[zoning["ZONE_TYPE"] == "C-1"]
    answer = assessment_roll(parcels, district, levy="1234567.89", method="area")
    assert answer.agrees and Decimal(int(answer.table["amount_cents"].sum())) == Decimal("123456789")
    ground = shapely.union_all(shapely.make_valid(district.geometry.values))
    shapes = shapely.make_valid(parcels.geometry.values)
    share = shapely.area(shapely.intersection(shapes, ground)) / shapely.area(shapes)
    # Numbers that stand once: in when more than half of the ground is. One is dashes only.
    named = parcels["apn"].str.contains(r"[0-9A-Za-z]", na=False)
    clear = named & ~parcels["apn"].duplicated(keep=False) & (np.abs(share - 0.5) > 1e-6)
    assert set(parcels.loc[clear & (share > 0.5), "apn"]) == set(answer.table["apn"]) & set(parcels.loc[clear, "apn"])
    assert answer.table["apn"].is_unique and len(answer.table) > 1000
    reasons = answer.excluded["reason"]
    assert reasons.eq("no parcel number").sum() == (~named).sum() >= 6
    assert reasons.str.startswith("its number stands more than once").sum() == parcels.loc[named, "apn"].duplicated().sum()


def test_every_parcel_of_cambridge_has_its_zone_as_a_search_one_by_one_finds_it(cambridge):
    parcels, zoning = cambridge
    some = parcels[parcels["apn"].notna()].drop_duplicates("apn").iloc[::97]
    points = gpd.GeoDataFrame(
        {"permit_id": some["apn"], "land_use": "any", "quantity": 1}, geometry=some.geometry.make_valid().representative_point()
    )
    fees = pd.DataFrame({"zone": sorted(set(zoning["ZONE_TYPE"])), "land_use": "any", "fee": 1})
    answer = impact_fees(zoning, points, fees, zone_column="ZONE_TYPE")
    found = dict(zip(answer.table["permit_id"], answer.table["zones"], strict=True))
    for apn, point in zip(points["permit_id"], points.geometry, strict=True):
        inside = sorted(set(zoning["ZONE_TYPE"][zoning.distance(point) <= 0.01]))
        assert found.get(apn, "") == (", ".join(inside) if apn in found else "")
        assert apn in found or len(inside) != 1
    assert len(answer.table) + answer.excluded["layer"].eq("permits").sum() == len(points)


def test_zoning_districts_stand_in_for_flood_zones_and_no_ground_is_lost(cambridge):
    parcels, zoning = cambridge
    map_ = zoning.assign(sfha_zone=np.where(zoning["ZONE_TYPE"].str.startswith("OS"), "AE", "X"))[["sfha_zone", "geometry"]]
    answer = flood_exposure(parcels, flood_zone=map_)
    assert answer.agrees and len(answer.table) + answer.excluded["layer"].eq("parcel").sum() == len(parcels)
    hazard = shapely.union_all(shapely.make_valid(map_.geometry[map_["sfha_zone"] == "AE"].values))
    whole = shapely.area(shapely.intersection(shapely.make_valid(parcels.geometry.values), hazard)).sum()
    assert answer.table["sfha_sqft"].sum() == pytest.approx(whole, rel=1e-6, abs=50)


def test_boxes_on_the_cells_of_a_real_terrain_have_the_statistics_of_their_slices(mountain):
    grid, values, crs = mountain
    rng = np.random.default_rng(2)
    left, top = rng.integers(0, 560, 300), rng.integers(0, 370, 300)
    wide, high = rng.integers(1, 40, (2, 300))
    shapes = shapely.box(
        grid.west + 25 * left, grid.north - 25 * (top + high), grid.west + 25 * (left + wide), grid.north - 25 * top
    )
    found = zonal_statistics(gpd.GeoSeries(shapes, crs=crs), grid) * (1200 / 3937)
    slices = [values[t : t + h, w : w + n] for t, h, w, n in zip(top, high, left, wide, strict=True)]
    np.testing.assert_allclose(found["mean_ft"], [each.mean() for each in slices], rtol=1e-6)
    np.testing.assert_allclose(found["max_ft"], [each.max() for each in slices], rtol=1e-9)
    np.testing.assert_allclose(found["min_ft"], [each.min() for each in slices], rtol=1e-9)


def test_turned_shapes_on_a_real_terrain_agree_with_cells_cut_as_squares(mountain):
    grid, _, crs = mountain
    rng = np.random.default_rng(3)
    e, n = rng.uniform(grid.west, grid.east, 60), rng.uniform(grid.south, grid.north, 60)
    shapes = np.array([shapely.Point(a, b).buffer(r, quad_segs=7) for a, b, r in zip(e, n, rng.uniform(10, 400, 60), strict=True)])
    found = zonal_statistics(gpd.GeoSeries(shapes, crs=crs), grid)
    again = np.array([statistics_by_cells(shape, grid) for shape in shapes])
    np.testing.assert_allclose(found[["max_ft", "mean_ft", "valued_sqft"]].to_numpy(), again, rtol=1e-6)


def test_a_terrain_in_metres_is_refused_for_a_city_in_feet(mountain):
    grid, _, crs = mountain
    with pytest.raises(CRSError, match="metres"):
        grid_of(grid.path, crs)
    with pytest.raises(CRSError, match="ED50"):
        grid_of(grid.path, "EPSG:6420")
