"""Square feet of surfaces by street and zone."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import surface_areas
from citygis.analysis.surfaces import counted_sqft
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def layer(column: str, *rows) -> gpd.GeoDataFrame:
    shapes = [shapely.box(E + w, N + s, E + e, N + n) for _, w, s, e, n in rows]
    table = {column: [row[0] for row in rows], "global_id": [f"g{k}" for k in range(len(rows))]}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CRS)


ROADS = layer("kind", ("PAVEMENT", 0, 0, 300, 20), ("PAVEMENT", 280, 0, 600, 20), ("LANDSCAPE", 0, 20, 600, 25))
STREETS = layer("street_name", ("Elm", 0, 0, 200, 50), ("Oak", 200, 0, 500, 50))


def test_square_feet_by_street_and_kind_add_up_to_the_whole():
    answer = surface_areas(ROADS, zones=STREETS)
    said = answer.table.set_index(["zone", "kind"])["area_sqft"].to_dict()
    assert said == pytest.approx(
        {
            ("(outside)", "LANDSCAPE"): 500,
            ("(outside)", "PAVEMENT"): 2000,
            ("Elm", "LANDSCAPE"): 1000,
            ("Elm", "PAVEMENT"): 4000,
            ("Oak", "LANDSCAPE"): 1500,
            ("Oak", "PAVEMENT"): 6000,
        }
    )
    assert sum(said.values()) == pytest.approx(600 * 25)
    assert answer.agrees and "2,500 sq ft" in answer.unanswered["what"][0]
    assert any("overlap by 400 sq ft" in each for each in answer.method.remarks)


def test_the_features_behind_each_figure_are_listed():
    answer = surface_areas(ROADS, zones=STREETS)
    features = answer.tables["features"]
    assert features.query("feature == 'g1'").set_index("zone")["area_sqft"].to_dict() == {"(outside)": 2000.0, "Oak": 4400.0}
    assert answer.table.set_index(["zone", "kind"])["features"][("Oak", "PAVEMENT")] == 2


def test_without_zones_each_kind_is_told_whole():
    answer = surface_areas(ROADS)
    assert answer.table[["zone", "kind", "area_sqft"]].to_numpy().tolist() == [
        ["(everywhere)", "LANDSCAPE", 3000.0],
        ["(everywhere)", "PAVEMENT", 12000.0],
    ]
    assert answer.complete


def test_zones_that_overlap_stand_as_both():
    zones = layer("street_name", ("Elm", 0, 0, 300, 50), ("Oak", 280, 0, 600, 50))
    said = surface_areas(ROADS, zones=zones).table.set_index(["zone", "kind"])["area_sqft"]
    assert said[("Elm + Oak", "PAVEMENT")] == pytest.approx(400.0) and said.sum() == pytest.approx(15000.0)


def test_a_raster_count_is_off_by_less_than_perimeter_times_cell_however_shapes_lie():
    rng = np.random.default_rng(8)
    for _ in range(20):
        turn = np.sort(rng.uniform(0, 2 * np.pi, 30))
        radius = rng.uniform(50, 200, 30)
        ragged = shapely.Polygon(np.column_stack([E + radius * np.cos(turn), N + radius * np.sin(turn)]))
        counted, bound, _ = counted_sqft(np.array([ragged]), cells=int(rng.integers(500, 20_000)))
        assert abs(counted[0] - ragged.area) <= bound[0]


def test_cells_are_counted_as_by_brute_force():
    tilted = shapely.affinity.rotate(shapely.box(E, N, E + 120, N + 40), 31)
    counted, _, cell = counted_sqft(np.array([tilted]), cells=900)
    w, s, e, n = tilted.bounds
    across = np.arange(w + cell / 2, e + cell, cell)
    down = np.arange(n - cell / 2, s - cell, -cell)
    inside = shapely.contains_xy(tilted, *np.meshgrid(across, down)).sum()
    assert counted[0] == pytest.approx(inside * cell**2)


def test_the_order_of_the_layers_changes_nothing():
    one = surface_areas(ROADS, zones=STREETS)
    other = surface_areas(ROADS.iloc[::-1], zones=STREETS.iloc[::-1].set_index(pd.Index([5, 5])))
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.tables["features"], other.tables["features"])


def test_a_layer_without_its_column_is_refused():
    with pytest.raises(AnalysisError, match="no column 'kind'"):
        surface_areas(STREETS)
    with pytest.raises(AnalysisError, match="no column 'name'"):
        surface_areas(ROADS, zones=STREETS, zone_field="name")
