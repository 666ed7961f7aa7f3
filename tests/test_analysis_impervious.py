"""The impervious share of parcels."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from citygis.analysis import impervious_share
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def layer(column: str, *rows) -> gpd.GeoDataFrame:
    shapes = [shapely.box(E + w, N + s, E + e, N + n) for _, w, s, e, n in rows]
    return gpd.GeoDataFrame({column: [row[0] for row in rows]}, geometry=shapes, crs=CRS)


PARCELS = layer("apn", ("A", 0, 0, 100, 100), ("B", 100, 0, 200, 100))
ROOFS = layer("building_id", ("1", 10, 10, 60, 50), ("2", 90, 0, 110, 100))
PAVED = layer("kind", ("drive", 40, 0, 60, 50))


def grid(folder, values: np.ndarray, *, crs=CRS, cell=10.0, nodata=255):
    """A raster whose north-west corner is that of the parcels."""
    path = folder / "cover.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype="uint8",
        crs=crs,
        transform=from_origin(E, N + 100, cell, cell),
        nodata=nodata,
    ) as raster:
        raster.write(values.astype("uint8"), 1)
    return path


def test_roofs_and_pavement_that_overlap_count_once():
    answer = impervious_share(PARCELS, surfaces=ROOFS, paved=PAVED)
    said = answer.table.set_index("parcel")
    # A: the roof 50 x 40, of the drive 20 x 10 more, and 10 ft of the second roof; B the other 10 ft.
    assert said["impervious_sqft"].to_dict() == pytest.approx({"A": 2000 + 200 + 1000, "B": 1000})
    assert said["share"].to_dict() == pytest.approx({"A": 0.32, "B": 0.10})
    assert answer.agrees and answer.complete


def test_footprints_alone_say_that_pavement_is_missing():
    assert "pavement" in impervious_share(PARCELS, surfaces=ROOFS).unanswered["what"][0]


def test_percent_counts_by_the_exact_part_of_each_cell(tmp_path):
    values = np.zeros((10, 20))
    values[:, :5] = 80
    values[:, 5:] = 20
    # A parcel from 45 to 55 ft: half its ground at 80 %, half at 20 %, its lines in the middle of cells.
    half = layer("apn", ("H", 45, 5, 55, 95), ("W", 0, 0, 200, 100))
    answer = impervious_share(half, raster=grid(tmp_path, values))
    said = answer.table.set_index("parcel")
    assert said["raster_share"].to_dict() == pytest.approx({"H": 0.5, "W": 0.35})
    assert said["raster_sqft"].to_dict() == pytest.approx({"H": 450.0, "W": 7000.0})
    assert answer.agrees


def test_classes_that_are_impervious_are_those_asked_for(tmp_path):
    values = np.full((10, 20), 11)
    values[:, :3], values[:, 3:5] = 22, 23
    path = grid(tmp_path, values)
    assert impervious_share(PARCELS, raster=path, impervious=["22"]).table["raster_share"].tolist() == pytest.approx([0.3, 0.0])
    assert impervious_share(PARCELS, raster=path, impervious=["22", "23"]).table["raster_share"].tolist() == pytest.approx(
        [0.5, 0.0]
    )
    with pytest.raises(AnalysisError, match="are numbers"):
        impervious_share(PARCELS, raster=path, impervious=["roof"])


def test_vector_and_raster_differ_by_less_than_perimeter_times_cell(tmp_path):
    rng = np.random.default_rng(1)
    roofs = gpd.GeoDataFrame(
        geometry=[
            shapely.affinity.rotate(shapely.box(E + e, N + n, E + e + 23, N + n + 31), float(a))
            for e, n, a in zip(rng.uniform(0, 170, 6), rng.uniform(0, 60, 6), rng.uniform(0, 90, 6), strict=True)
        ],
        crs=CRS,
    )
    e, n = np.meshgrid(E + np.arange(80) * 2.5 + 1.25, N + 100 - np.arange(40) * 2.5 - 1.25)
    covered = shapely.contains_xy(shapely.union_all(roofs.geometry.values), e, n)
    answer = impervious_share(PARCELS, surfaces=roofs, raster=grid(tmp_path, covered * 100, cell=2.5))
    assert answer.table["agree"].all()
    assert (np.abs(answer.table["share"] - answer.table["raster_share"]) < 0.03).all()
    assert (answer.table["bound_share"] > 0.05).all()


def test_a_raster_of_something_else_is_seen_to_disagree(tmp_path):
    answer = impervious_share(PARCELS, surfaces=ROOFS, raster=grid(tmp_path, np.full((100, 200), 100), cell=1.0))
    assert not answer.table["agree"].any()
    assert "2 parcels" in answer.unanswered["what"].iloc[-1]


def test_a_parcel_that_the_raster_does_not_cover_is_told(tmp_path):
    values = np.full((10, 20), 50)
    values[:, 15:] = 255
    answer = impervious_share(PARCELS, raster=grid(tmp_path, values))
    said = answer.table.set_index("parcel")
    assert said["raster_seen"].to_dict() == pytest.approx({"A": 1.0, "B": 0.5})
    assert said["raster_share"].to_dict() == pytest.approx({"A": 0.5, "B": 0.5})
    assert "1 parcels" in answer.unanswered["what"][0]


def test_what_cannot_be_used_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match="Nothing says what is impervious"):
        impervious_share(PARCELS)
    with pytest.raises(AnalysisError, match="not percent"):
        impervious_share(PARCELS, raster=grid(tmp_path, np.full((10, 20), 120)))
    with pytest.raises(CRSError):
        impervious_share(PARCELS, raster=grid(tmp_path, np.full((10, 20), 50), crs="EPSG:26910"))


def test_units_of_a_stack_are_told_once():
    stack = PARCELS.iloc[[0, 0, 1]].assign(apn=["U1", "U2", "B"], stack_id=["s", "s", None])
    answer = impervious_share(stack, surfaces=ROOFS, paved=PAVED)
    assert answer.table["parcel"].tolist() == ["B", "U1"] and answer.excluded["feature"].tolist() == ["U2"]


def test_the_order_of_the_layers_changes_nothing():
    one = impervious_share(PARCELS, surfaces=ROOFS, paved=PAVED)
    other = impervious_share(PARCELS.iloc[::-1].set_index(pd.Index([1, 1])), surfaces=ROOFS.iloc[::-1], paved=PAVED)
    pd.testing.assert_frame_equal(one.table, other.table)
