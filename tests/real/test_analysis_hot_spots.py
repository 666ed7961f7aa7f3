"""Crimes of a part of Phoenix (geodanet), end to end."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.analysis import hot_spots
from citygis.analysis.concentration import gi_star, within_reach


@pytest.fixture(scope="module")
def phoenix(real_data):
    crimes = gpd.read_file(real_data / "city" / "geodanet" / "crimes.shp")
    streets = gpd.read_file(real_data / "city" / "geodanet" / "streets.shp")
    ground = shapely.buffer(shapely.convex_hull(shapely.union_all(streets.geometry.values)), 250)
    return crimes, gpd.GeoDataFrame(geometry=[ground], crs=crimes.crs)


@pytest.fixture(scope="module")
def answer(phoenix):
    crimes, ground = phoenix
    return hot_spots(crimes, city_limit=ground)


def test_every_crime_is_counted_or_told(phoenix, answer):
    assert len(answer.tables["ids"]) + len(answer.excluded) == len(phoenix[0]) == 287
    outside = ~phoenix[0].intersects(phoenix[1].geometry.values[0])
    assert len(answer.excluded) == outside.sum() and set(answer.excluded["reason"]) <= {"outside the City limit"}
    assert answer.agrees


def test_hot_cells_hold_more_than_their_ground_would(answer):
    first = answer.tables["pai"].iloc[0]
    assert first["incidents"] == len(answer.tables["ids"]) and first["pai"] > 1 and (answer.table["kind"] == "hot").sum() >= 1


def test_gi_star_is_that_of_esda(phoenix, answer):
    esda, libpysal = pytest.importorskip("esda"), pytest.importorskip("libpysal")
    shapes = answer.geometry.geometry.values
    low = np.floor(shapely.get_coordinates(shapely.centroid(shapes)) / 500) * 500
    middle = low + 250
    inside = phoenix[0].intersects(phoenix[1].geometry.values[0])
    places = shapely.get_coordinates(phoenix[0].geometry.values[inside])
    cell = {tuple(each): k for k, each in enumerate(low)}
    counts = np.bincount([cell[tuple(each)] for each in np.floor(places / 500) * 500], minlength=len(low)).astype(float)
    weights = libpysal.weights.DistanceBand(middle - middle.min(axis=0), 1_000.001, binary=True, silence_warnings=True)
    oracle = esda.G_Local(counts, libpysal.weights.fill_diagonal(weights, 1.0), transform="B", permutations=0, star=True)
    ours = gi_star(counts, within_reach(*middle.T, 1_000))
    np.testing.assert_allclose(ours, oracle.Zs, atol=1e-9)
    told = answer.table["gi_star"].notna().to_numpy()
    np.testing.assert_allclose(answer.table.loc[told, "gi_star"], oracle.Zs[told], atol=0.0051)


def test_no_crime_is_shown_where_it_was(phoenix, answer):
    true = shapely.get_coordinates(phoenix[0].geometry.values)
    moved = shapely.get_coordinates(answer.layers["incident_masked"].geometry.values)
    assert len(moved) == len(answer.tables["ids"]) > 270 and not {*map(tuple, moved.round(2))} & {*map(tuple, true.round(2))}
