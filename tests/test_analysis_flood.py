"""Flood zones and the water of the 200-year flood, parcel by parcel."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from conftest import ROOT
from rasterio.transform import from_origin

from citygis.analysis import flood_exposure
from citygis.errors import AnalysisError, CRSError
from citygis.gpkg import read_geopackage

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
CELL = 10.0


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def layer(column, boxes, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({column: list(boxes), **columns}, geometry=[box(*b) for b in boxes.values()], crs=CRS)


def parcels(**boxes) -> gpd.GeoDataFrame:
    return layer("apn", boxes, status="ACTIVE")


def zones(*rows) -> gpd.GeoDataFrame:
    """Each a class, its base flood elevation and a box."""
    return gpd.GeoDataFrame(
        {"flood_id": [f"F{k}" for k in range(len(rows))], "sfha_zone": [r[0] for r in rows], "bfe_ft": [r[1] for r in rows]},
        geometry=[box(*r[2]) for r in rows],
        crs=CRS,
    )


@pytest.fixture
def ramp(tmp_path):
    """Depth that grows by a hundredth of a foot for each foot eastward, 1,000 x 400 ft; no value west of 100 ft."""
    values = np.tile((np.arange(100) + 0.5) * CELL * 0.01, (40, 1))
    values[:, :10] = -9999.0
    path = tmp_path / "depth.tif"
    how = {"count": 1, "height": 40, "width": 100, "dtype": "float32", "nodata": -9999.0, "crs": CRS}
    with rasterio.open(path, "w", driver="GTiff", transform=from_origin(E, N + 400, CELL, CELL), **how) as file:
        file.write(values.astype("float32"), 1)
        file.units = ("ft",)
    return path


def one(answer, apn):
    return answer.table.set_index("apn").loc[apn]


def test_a_zone_line_through_a_parcel_gives_the_share_and_the_base_flood_elevation():
    map_ = zones(("AE", 21.0, (0, 0, 130, 100)), ("X", np.nan, (130, 0, 900, 100)))
    answer = flood_exposure(parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100)), flood_zone=map_)
    assert answer.table["sfha"].tolist() == ["in", "partly", "out"]
    assert answer.table["sfha_sqft"].tolist() == [10_000.0, 3_000.0, 0.0]
    assert answer.table["zones"].tolist() == ["AE 100.0%", "AE 30.0%, X 70.0%", "X 100.0%"]
    assert answer.table["zone_ids"].tolist() == ["F0", "F0, F1", "F1"]
    assert answer.table["bfe_ft"].tolist()[:2] == [21.0, 21.0] and np.isnan(answer.table["bfe_ft"][2])
    assert "30.0% of it in the special flood hazard area" in one(answer, "B")["finding"]
    assert answer.agrees


@pytest.mark.parametrize("reach_ft,standing", [(0.009, "out"), (0.011, "partly")])
def test_a_zone_that_takes_no_more_than_a_square_foot_only_touches(reach_ft, standing):
    map_ = zones(("AE", 21.0, (0, 0, 100 + reach_ft, 100)), ("X", np.nan, (100 + reach_ft, 0, 900, 100)))
    assert one(flood_exposure(parcels(B=(100, 0, 200, 100)), flood_zone=map_), "B")["sfha"] == standing


def test_ground_that_two_panels_or_two_classes_claim_counts_once():
    map_ = zones(("AE", 20.0, (0, 0, 60, 100)), ("AE", 22.0, (40, 0, 80, 100)), ("X", np.nan, (70, 0, 300, 100)))
    answer = flood_exposure(parcels(A=(0, 0, 100, 100)), flood_zone=map_)
    # AE to 80 ft, of which X claims the last ten too: hazard all the same; the greater elevation holds.
    assert one(answer, "A")[["sfha_sqft", "bfe_ft"]].tolist() == [8_000.0, 22.0]
    assert answer.tables["zones"]["area_sqft"].sum() == pytest.approx(10_000)
    assert any("claim" in remark for remark in answer.method.remarks)


def test_ground_on_no_zone_is_told_and_not_taken_for_dry():
    answer = flood_exposure(parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100)), flood_zone=zones(("X", np.nan, (0, 0, 150, 100))))
    assert answer.table["sfha"].tolist() == ["out", "not mapped"]
    assert "Which zone holds 5,000 sq ft of 1 parcels (B)" in answer.unanswered["what"].tolist()


def test_the_depths_on_a_ramp_are_those_of_its_middle_and_of_the_last_column(ramp):
    answer = flood_exposure(parcels(A=(200, 100, 260, 180), B=(305, 100, 335, 180)), depth=ramp)
    assert one(answer, "A")[["depth_max_ft", "depth_mean_ft"]].tolist() == [2.55, 2.3]
    # B begins and ends in the middle of a column: 3.05 on the first and 3.35 on the last half, symmetrical about 320 ft.
    assert one(answer, "B")[["depth_max_ft", "depth_mean_ft"]].tolist() == pytest.approx([3.35, 3.2], abs=1e-6)
    assert answer.table["over_limit"].tolist() == ["no", "yes"]
    assert "up to 3.35 ft, more than 3 ft" in one(answer, "B")["finding"]
    assert answer.agrees and len(answer.check) == 3


@pytest.mark.parametrize("deep,over", [(3.0, "no"), (3.004, "no"), (3.006, "yes"), (3.01, "yes"), (2.99, "no")])
def test_the_limit_is_three_feet_to_the_hundredth(tmp_path, deep, over):
    path = tmp_path / "flat.tif"
    how = {"count": 1, "height": 10, "width": 10, "dtype": "float64", "nodata": -1.0, "crs": CRS}
    with rasterio.open(path, "w", driver="GTiff", transform=from_origin(E, N + 100, CELL, CELL), **how) as file:
        file.write(np.full((10, 10), deep), 1)
    answer = flood_exposure(parcels(A=(0, 0, 100, 100)), depth=path, depth_unit="ft")
    assert one(answer, "A")["over_limit"] == over


def test_a_parcel_partly_off_the_raster_is_decided_only_where_what_is_known_is_over(ramp):
    layer = parcels(A=(940, 0, 1100, 100), B=(150, -50, 250, 50), C=(150, 0, 250, 100))
    answer = flood_exposure(layer, depth=ramp, dry_where_blank=True)
    assert answer.table["over_limit"].tolist() == ["yes", "unknown", "no"]
    assert answer.table["unknown_share"].tolist() == [0.625, 0.5, 0.0]
    row = next(each for each in answer.unanswered["what"] if each.startswith("Whether"))
    assert row == "Whether 1 parcels are over the limit of depth (B)"
    assert "not known on 50.0% of the parcel; up to 2.45 ft on the rest" in one(answer, "B")["finding"]


def test_cells_without_a_value_are_dry_only_when_somebody_says_so(ramp):
    layer = parcels(A=(0, 0, 80, 100), B=(80, 0, 150, 100))
    silent, said = flood_exposure(layer, depth=ramp), flood_exposure(layer, depth=ramp, dry_where_blank=True)
    assert silent.table["over_limit"].tolist() == ["unknown", "unknown"] and np.isnan(silent.table["depth_max_ft"][0])
    assert said.table["over_limit"].tolist() == ["no", "no"] and said.table["depth_max_ft"].tolist() == [0.0, 1.45]
    assert one(said, "A")["finding"].startswith("Dry in the 200-year flood.")
    assert "--dry-where-blank" in silent.unanswered["remedy"].str.cat()


def test_water_on_the_land_is_told_apart_from_water_at_the_structure(ramp):
    roofs = layer("building_id", {"R1": (210, 100, 240, 130), "R2": (590, 0, 640, 50), "R3": (5000, 0, 5010, 10)})
    map_ = zones(("AE", 9.0, (0, 0, 225, 400)), ("X", np.nan, (225, 0, 6000, 400)))
    land = parcels(A=(200, 100, 400, 200), B=(500, 0, 600, 100), C=(600, 0, 700, 100), D=(700, 0, 710, 100))
    answer = flood_exposure(land, depth=ramp, buildings=roofs, flood_zone=map_)
    row = one(answer, "A")
    assert row[["depth_max_ft", "over_limit", "structure_depth_max_ft", "structure_over_limit"]].tolist() == [
        3.95,
        "yes",
        2.35,
        "no",
    ]
    assert row["structure_sfha_sqft"] == 450.0
    # R2 straddles: a fifth of it is on B, the rest on C, which has it.
    assert answer.table["building_ids"].tolist() == ["R1", "", "R2", ""]
    assert one(answer, "C")["structure_depth_max_ft"] == pytest.approx(6.35)
    assert answer.excluded.to_numpy().tolist() == [["building_footprint", "R3", "on no parcel"]]
    assert one(answer, "D")["finding"].endswith("No structure is on record.")


def test_areas_of_depth_stand_in_where_there_is_no_raster():
    areas = layer("depth_id", {"a": (0, 0, 50, 100), "b": (50, 0, 150, 100)}, depth_ft=[7.0, 3.0])
    answer = flood_exposure(parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100)), depth_areas=areas)
    assert answer.table["depth_max_ft"].tolist() == [7.0, 3.0, 0.0]
    assert answer.table["over_limit"].tolist() == ["yes", "no", "no"]
    assert answer.table["depth_share"].tolist() == [1.0, 0.5, 0.0]


def test_the_ground_of_a_stack_counts_once_by_zone_and_each_unit_is_told():
    land = parcels(U1=(0, 0, 100, 100), U2=(0, 0, 100, 100), U3=(0, 0, 1, 1)).assign(stack_id="s")
    land.loc[2, "geometry"] = None
    answer = flood_exposure(land, flood_zone=zones(("AE", 5.0, (0, 0, 500, 500))))
    assert answer.table["sfha"].tolist() == ["in", "in", "in"]
    assert answer.tables["by_zone"][["parcels", "area_sqft"]].to_numpy().tolist() == [[3, 10_000.0]]


def test_parcels_without_ground_or_not_in_force_are_left_out_with_the_reason():
    land = parcels(A=(0, 0, 100, 100), B=(0, 0, 1, 1), C=(0, 0, 5, 5))
    land.loc[1, "geometry"] = None
    land.loc[2, "status"] = "RETIRED"
    answer = flood_exposure(land, flood_zone=zones(("X", np.nan, (0, 0, 500, 500))))
    assert answer.table["apn"].tolist() == ["A"]
    assert answer.excluded["feature"].tolist() == ["B", "C"] and answer.agrees


def test_parcels_without_a_number_or_with_one_number_are_rows_in_an_order_of_their_own():
    land = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100), D=(300, 0, 400, 100))
    land["apn"] = ["A", None, "A", None]
    map_ = zones(("AE", 1.0, (0, 0, 150, 100)), ("X", np.nan, (150, 0, 500, 100)))
    one_, other = (flood_exposure(each, flood_zone=map_) for each in (land, land.iloc[::-1]))
    pd.testing.assert_frame_equal(one_.table, other.table)
    assert one_.table[["apn", "sfha"]].to_numpy().tolist() == [["", "partly"], ["", "out"], ["A", "in"], ["A", "out"]]
    assert any("2 parcels have no number" in remark for remark in one_.method.remarks)


def test_what_was_not_given_is_told(ramp):
    land = parcels(A=(200, 0, 300, 100))
    assert len(flood_exposure(land, depth=ramp).unanswered) == 2
    assert (
        "How deep the 200-year flood is"
        in flood_exposure(land, flood_zone=zones(("X", 0, (0, 0, 500, 500)))).unanswered["what"].tolist()
    )
    with pytest.raises(AnalysisError, match="Neither flood zones nor depths"):
        flood_exposure(land)
    with pytest.raises(CRSError, match="in degrees"):
        flood_exposure(land.to_crs(4326), depth=ramp)


def test_the_order_of_rows_and_their_index_change_nothing(ramp):
    land = parcels(A=(200, 0, 300, 100), B=(300, 0, 400, 100), C=(400, 0, 500, 100))
    map_ = zones(("AE", 21.0, (0, 0, 330, 100)), ("X", np.nan, (330, 0, 900, 100)))
    turned = land.iloc[::-1].set_index(pd.Index([3, 3, 9]))
    one_, other = (flood_exposure(each, flood_zone=map_, depth=ramp) for each in (land, turned))
    pd.testing.assert_frame_equal(one_.table, other.table)
    assert one_.check == other.check


def test_the_sample_city_has_the_hazard_area_that_whole_polygons_give():
    file = ROOT / "sample_data" / "city" / "city_base.gpkg"
    layers = {name: read_geopackage(file, name) for name in ("parcel", "flood_zone", "flood_200yr")}
    answer = flood_exposure(layers["parcel"], flood_zone=layers["flood_zone"], depth_areas=layers["flood_200yr"])
    map_ = layers["flood_zone"]
    hazard = shapely.union_all(map_.geometry[map_["sfha_zone"].isin(["AE", "FLOODWAY"])].values)
    land = layers["parcel"].set_index(layers["parcel"]["apn"].astype("str"))
    area = pd.Series(shapely.area(shapely.intersection(land.geometry.values, hazard)), index=land.index)
    found = answer.table.set_index("apn")["sfha_sqft"]
    assert (found - area[found.index].where(area > 1.0, 0.0)).abs().max() < 0.01 and (found > 0).sum() > 100
    assert answer.agrees
