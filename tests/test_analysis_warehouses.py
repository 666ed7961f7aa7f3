"""Warehouses and sensitive receptors."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis.warehouses import warehouse_distances
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def boxes(*sides, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in sides]
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=range(len(sides))), geometry=shapes, crs=CRS)


# A lot with a building 100 ft inside it and a bay on its east face.
LOT = boxes((0, 0, 1000, 1000), apn=["W1"], status="ACTIVE", use_code="3400")
HALL = boxes((100, 100, 900, 900), name=["Hall"])
BAY = gpd.GeoDataFrame(geometry=[shapely.Point(E + 900, N + 500)], crs=CRS)


def answer(gap_ft: float, **more):
    home = boxes((900 + gap_ft, 0, 2900, 1000), name=["Home"])
    return warehouse_distances(LOT, warehouses=HALL, receptors=home, loading_bays=BAY, **more)


@pytest.mark.parametrize("gap_ft,within", [(899.99, "yes"), (900.0, "yes"), (900.004, "yes"), (900.006, "no"), (900.01, "no")])
def test_the_limit_is_at_nine_hundred_feet_from_the_bay_to_the_hundredth(gap_ft, within):
    assert answer(gap_ft).table["within"].tolist() == [within]


def test_bay_building_and_lot_are_measured_each_by_itself():
    row = answer(500.0).table.iloc[0]
    assert row[["bay_ft", "building_ft", "lot_ft"]].tolist() == [500.0, 500.0, 400.0]
    west = boxes((-700, 0, -600, 1000), name=["School"])
    row = warehouse_distances(LOT, warehouses=HALL, receptors=west, loading_bays=BAY).table.iloc[0]
    # From the bay on the east face it is 1,500 ft to the school's line, from the building 700, from the lot 600.
    assert row[["bay_ft", "building_ft", "lot_ft", "within"]].tolist() == [1500.0, 700.0, 600.0, "no"]


def test_without_bays_the_lot_decides_and_it_is_told():
    home = boxes((1000 + 850, 0, 2900, 1000), name=["Home"])
    said = warehouse_distances(LOT, warehouses=HALL, receptors=home)
    assert said.table[["within", "measured_from"]].to_numpy().tolist() == [["yes", "lot: no bay is mapped"]]
    assert said.unanswered["what"].str.contains("loading bays of 1 warehouses").any()


@pytest.mark.parametrize(
    "floor_sqft,tier", [(249_999, "smaller"), (250_000, "250,000 sq ft or more"), (None, "250,000 sq ft or more")]
)
def test_the_tier_goes_by_the_floor_and_by_the_footprint_where_no_floor_is_known(floor_sqft, tier):
    home = boxes((2000, 0, 2100, 100), name=["Home"])
    hall = HALL.assign(floor_sqft=[floor_sqft])
    assert warehouse_distances(LOT, warehouses=hall, receptors=home).table["tier"].tolist() == [tier]


def test_receptors_can_be_parcels_by_their_use():
    layer = pd.concat([LOT, boxes((1500, 0, 1600, 100), (9000, 0, 9100, 100), apn=["H1", "H2"], status="ACTIVE", use_code="0110")])
    said = warehouse_distances(gpd.GeoDataFrame(layer, crs=CRS), warehouses=HALL, receptor_use=["0110"], loading_bays=BAY)
    assert said.tables["receptors"]["receptor"].tolist() == ["H1"] and said.table["nearest"].tolist() == ["H1"]


def test_every_pair_of_a_random_district_is_found_as_by_brute_force():
    rng = np.random.default_rng(3)
    w, s = rng.uniform(0, 12_000, (2, 60))
    homes = boxes(*[(a, b, a + 80, b + 80) for a, b in zip(w, s, strict=True)], name=[f"H{k:02d}" for k in range(60)])
    x, y = rng.uniform(0, 12_000, (2, 8))
    halls = boxes(*[(a, b, a + 400, b + 300) for a, b in zip(x, y, strict=True)], name=[f"W{k}" for k in range(8)])
    said = warehouse_distances(
        LOT.assign(geometry=[shapely.box(E - 900, N - 900, E - 800, N - 800)]), warehouses=halls, receptors=homes
    )
    near = set()
    for k in range(8):
        for j in range(60):
            across = max(x[k] - (w[j] + 80), w[j] - (x[k] + 400), 0)
            up = max(y[k] - (s[j] + 80), s[j] - (y[k] + 300), 0)
            if round(float(np.hypot(across, up)), 2) <= 900:
                near.add((f"W{k}", f"H{j:02d}"))
    assert set(said.tables["receptors"][["warehouse", "receptor"]].itertuples(index=False, name=None)) == near and near
    assert said.agrees


def test_a_truck_route_that_passes_a_receptor_is_told_with_its_feet():
    route = gpd.GeoDataFrame(
        {"name": ["Mill Road"]}, geometry=[shapely.LineString([(E + 1400, N - 1000), (E + 1400, N + 2000)])], crs=CRS
    )
    # The home's line is 100 ft east of the route, at the limit; the one of 101 ft is not told.
    for gap, told in ((99.0, ["Mill Road"]), (101.0, [])):
        home = boxes((1400 + gap, 0, 2000, 200), name=["Home"])
        said = warehouse_distances(LOT, warehouses=HALL, receptors=home, truck_routes=route)
        assert said.tables["route_conflicts"]["route"].tolist() == told
    home = boxes((1400 + 60, 0, 2000, 200), name=["Home"])
    said = warehouse_distances(LOT, warehouses=HALL, receptors=home, truck_routes=route)
    # 200 ft beside the home and, beyond each corner, sqrt(100^2 - 60^2) = 80 ft.
    assert said.tables["route_conflicts"]["length_ft"].tolist() == [pytest.approx(360.0, abs=0.2)]


def test_no_receptors_at_all_is_refused_and_one_without_ground_is_told():
    with pytest.raises(AnalysisError, match="no sensitive receptors"):
        warehouse_distances(LOT, warehouses=HALL)
    homes = boxes((1500, 0, 1600, 100), (0, 0, 1, 1), name=["Home", "Lost"])
    homes.loc[1, "geometry"] = None
    assert warehouse_distances(LOT, warehouses=HALL, receptors=homes).excluded["layer"].tolist() == ["receptors"]
