"""A map laid to its neighbours: the City's place is taken, told, and never farther than the snap."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import tract_maps

from citygis.city import default_city
from citygis.cogo import course_between
from citygis.tracts.neighbours import displacement_counts, fabric_around, meet_neighbours, shared_chains
from citygis.tracts.plat import edge_courses, lot_polygons
from citygis.tracts.sources import read_plat

CRS = default_city().crs


@pytest.fixture(scope="module")
def plat(tmp_path_factory):
    return read_plat(tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml"), city=default_city())


@pytest.fixture(scope="module")
def fabric(plat):
    return fabric_around(tract_maps.held(), plat.corners, parents=[tract_maps.PARENT])


def jitter(corners):
    """Up to 0.042 ft, the same each time."""
    return corners + np.sin(corners * [[12.9, 7.3]] + 1) * 0.03


def test_outer_corners_take_the_citys_places_and_the_table_says_from_where_and_how_far(plat, fabric):
    met = meet_neighbours(plat, jitter(plat.corners), fabric, snap_ft=0.10, crs=CRS)
    table = met.displacement
    assert len(table) == 17
    assert table["why"].value_counts().to_dict() == {"on the City's boundary": 10, "corner of the City's": 7}
    step = np.hypot(table["to_easting"] - table["from_easting"], table["to_northing"] - table["from_northing"])
    assert table["distance_ft"].to_numpy() == pytest.approx(step, abs=1e-9)
    assert 0.02 < table["distance_ft"].max() < 0.045
    vertices = {tuple(place) for place in fabric.places.tolist()}
    at_corner = table[table["why"] == "corner of the City's"]
    assert all(place in vertices for place in zip(at_corner["to_easting"], at_corner["to_northing"], strict=True))
    assert displacement_counts(table)["corners"].sum() == 17


def test_inner_corners_do_not_move(plat, fabric):
    corners = jitter(plat.corners)
    met = meet_neighbours(plat, corners, fabric, snap_ft=0.10, crs=CRS)
    inner = np.setdiff1d(np.arange(len(corners)), met.displacement["corner"])
    assert len(inner) == 6
    assert (met.corners[inner] == corners[inner]).all()


def test_no_sliver_is_left_between_the_map_and_its_neighbours(plat, fabric):
    corners = jitter(plat.corners)
    held = tract_maps.held()
    parcels, streets = held["parcel"], held["right_of_way"]
    parcels = parcels[parcels["apn"] != tract_maps.PARENT]
    box = tract_maps.parent().geometry.buffer(1)
    neighbours = shapely.union_all([*parcels.geometry[parcels.intersects(box)], *streets.geometry[streets.intersects(box)]])
    parent = tract_maps.parent().geometry

    def misfit(corners, chains):
        made = shapely.union_all(lot_polygons(plat, chains))
        return made.intersection(neighbours).area + parent.difference(made).difference(neighbours).area

    met = meet_neighbours(plat, corners, fabric, snap_ft=0.10, crs=CRS)
    chains = shared_chains(plat, edge_courses(plat.edges, met.corners), met.corners, fabric, snap_ft=0.10)
    assert misfit(met.corners, chains) < 1e-5
    # The guards: without the City's places, and without its vertices along the courses, slivers stay.
    nothing = fabric_around({}, corners)
    loose = shared_chains(plat, edge_courses(plat.edges, corners), corners, nothing, snap_ft=0.10)
    assert misfit(corners, loose) > 10
    own_vertices = shared_chains(plat, edge_courses(plat.edges, met.corners), met.corners, nothing, snap_ft=0.10)
    assert misfit(met.corners, own_vertices) > 1e-3


def test_a_line_takes_the_corners_that_neighbours_have_along_it():
    west = gpd.GeoDataFrame(
        {"apn": ["1", "2"], "status": "ACTIVE"},
        geometry=[shapely.box(-100, 0, 0, 40), shapely.Polygon([(-100, 40), (0.003, 40), (0, 100), (-100, 100)])],
        crs=CRS,
    )
    fabric = fabric_around({"parcel": west}, np.array([[0.0, 0.0], [0.0, 100.0]]))
    edges = {"start": [0], "end": [1], "left": [-1], "right": [0]}
    plat = SimpleNamespace(edges=pd.DataFrame(edges))
    start_end = np.array([[0.0, 0.0], [0.0, 100.0]])
    chain = shared_chains(plat, [course_between(*start_end)], start_end, fabric, snap_ft=0.10)[0]
    assert chain.tolist() == [[0, 0], [0, 40], [0.003, 40], [0, 100]]


def test_a_neighbour_farther_than_the_snap_is_told_and_nothing_moves(plat, fabric):
    shifted = plat.corners + [0.23, -0.25]
    met = meet_neighbours(plat, shifted, fabric, snap_ft=0.10, crs=CRS)
    assert (met.corners == shifted).all()
    told = met.findings[met.findings["code"] == "N11"]
    assert len(told) == 7
    assert (told["severity"] == "error").all()
    assert told["measure"].to_numpy() == pytest.approx(0.34, abs=0.005)
    assert "by one vector (-0.23 E, +0.25 N" in told["message"].iloc[0]


def test_corners_that_miss_in_all_directions_are_not_taken_for_another_epoch(plat, fabric):
    met = meet_neighbours(plat, plat.corners + np.sin(plat.corners * [[12.9, 7.3]]) * 0.5, fabric, snap_ft=0.01, crs=CRS)
    told = met.findings[met.findings["code"] == "N11"]
    assert len(told) > 3
    assert (told["severity"] == "review").all()
    assert not told["message"].str.contains("one vector").any()


def test_two_corners_never_take_one_place(plat):
    corners = plat.corners.copy()
    a, b = plat.edges.loc[plat.edges["left"].lt(0) | plat.edges["right"].lt(0), ["start", "end"]].iloc[0]
    corners[b] = corners[a] + [0.06, 0]
    place = gpd.GeoDataFrame({"corner_id": ["M"], "status": "ACTIVE"}, geometry=[shapely.Point(corners[a] + [0.02, 0])], crs=CRS)
    met = meet_neighbours(plat, corners, fabric_around({"corner": place}, corners), snap_ft=0.10, crs=CRS)
    assert met.findings["code"].tolist().count("N12") == 1
    assert met.corners[a].tolist() == pytest.approx((corners[a] + [0.02, 0]).tolist())
    assert (met.corners[b] == corners[b]).all()


def test_a_vertex_of_a_neighbour_comes_before_a_monument_beside_it_and_before_the_parent(plat):
    alone = meet_neighbours(plat, plat.corners, fabric_around({}, plat.corners), snap_ft=0.1, crs=CRS)
    corner = plat.corners[alone.displacement["corner"].iloc[0]]

    def box(place):
        return shapely.box(place[0] - 50, place[1] - 50, *place)

    parcels = gpd.GeoDataFrame(
        {"apn": ["own", "next"], "status": "ACTIVE"}, geometry=[box(corner + [0.001, 0]), box(corner + [0.03, 0])], crs=CRS
    )
    monument = gpd.GeoDataFrame({"corner_id": ["M"], "status": "ACTIVE"}, geometry=[shapely.Point(corner + [0.002, 0])], crs=CRS)
    fabric = fabric_around({"parcel": parcels, "corner": monument}, plat.corners, parents=["own"])
    table = meet_neighbours(plat, plat.corners, fabric, snap_ft=0.1, crs=CRS).displacement
    assert table["onto"].iloc[0] == "parcel next"


def test_retired_parcels_are_no_neighbours(plat):
    parcels = tract_maps.held()["parcel"]
    gone = parcels.assign(status="RETIRED")
    assert len(fabric_around({"parcel": gone}, plat.corners).places) == 0


@pytest.mark.parametrize("snap_ft", [0, -1, 1.5, float("nan")])
def test_a_snap_is_above_nothing_and_no_more_than_a_foot(plat, fabric, snap_ft):
    with pytest.raises(ValueError, match="Invalid snap_ft"):
        meet_neighbours(plat, plat.corners, fabric, snap_ft=snap_ft, crs=CRS)
