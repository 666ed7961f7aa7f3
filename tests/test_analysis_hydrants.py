"""Hydrants: a street of known length, dead ends, both sides, and what is beyond reach."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from sample_city import city

from citygis.analysis import hydrant_coverage
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def lines(*vertices, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString(np.array(line, dtype=float) + [E, N]) for line in vertices]
    return gpd.GeoDataFrame({"NGUID": [f"S{k}" for k in range(len(vertices))], **columns}, geometry=shapes, crs=CRS)


def hydrants(*places, **columns) -> gpd.GeoDataFrame:
    ids = [f"H{k}" for k in range(len(places))]
    return gpd.GeoDataFrame(
        {"hydrant_id": ids, "flow_gpm": 1500.0, **columns}, geometry=shapely.points(np.array(places, dtype=float) + [E, N]), crs=CRS
    )


def asked(*args, **kwargs):
    return hydrant_coverage(*args, **{"dead_end_spacing_ft": 0, "dead_end_reach_ft": 0, **kwargs})


STREET = lines([(0, 0), (2500, 0)])


def test_hydrants_every_five_hundred_feet_leave_no_gap_of_two_hundred_and_fifty():
    answer = asked(hydrants(*((ft, 15) for ft in range(250, 2500, 500))), STREET)
    assert len(answer.table) == 0 and answer.agrees
    assert answer.tables["spacing"]["distance_ft"].tolist() == [500.0] * 4
    assert not answer.tables["spacing"]["is_over"].any()


@pytest.mark.parametrize("turned_deg", [7.3, 33.0, 101.7])
def test_nor_do_they_on_a_street_that_runs_askew(turned_deg):
    street, some = STREET.rotate(turned_deg, origin=(E, N)), hydrants(*((ft, 15) for ft in range(250, 2500, 500)))
    answer = asked(some.set_geometry(some.rotate(turned_deg, origin=(E, N))), STREET.set_geometry(street))
    assert len(answer.table) == 0 and not answer.tables["spacing"]["is_over"].any()


def test_a_hydrant_that_is_missing_leaves_five_hundred_feet():
    # At 250, 750, 1750 and 2250: from 1000 to 1500 everything is farther than 250, the middle 500 away.
    answer = asked(hydrants(*((ft, 15) for ft in (250, 750, 1750, 2250))), STREET)
    gap = answer.table.iloc[0]
    assert len(answer.table) == 1 and answer.agrees
    assert (gap["length_ft"], gap["farthest_ft"], gap["street_ids"]) == (500.0, 500.0, "S0")
    assert answer.geometry.geometry[0].equals(shapely.LineString([(E + 1000, N), (E + 1500, N)]))
    over = answer.tables["spacing"].query("is_over")
    assert over[["hydrant_id", "next_hydrant_id", "distance_ft"]].values.tolist() == [["H1", "H2", 1000.0]]


@pytest.mark.parametrize(("apart_ft", "gap_ft"), [(499.98, 0.0), (500.0, 0.0), (500.02, 0.02)])
def test_the_line_is_at_two_hundred_and_fifty_feet(apart_ft, gap_ft):
    # A ring, whose other three sides are well furnished.
    ring = lines([(0, 0), (apart_ft, 0)], [(apart_ft, 0), (apart_ft, 400), (0, 400), (0, 0)])
    answer = asked(hydrants((0, 0), (apart_ft, 0), (apart_ft, 400), (0, 400), (apart_ft / 2, 410)), ring)
    assert answer.table["length_ft"].sum() == pytest.approx(gap_ft, abs=1e-6)


def test_on_a_dead_end_less_is_allowed():
    # A cul-de-sac of 240 ft off a ring with a hydrant at the corner: 50 ft less on the dead end leaves its last 40.
    ring = [[(0, 0), (100, 0)], [(100, 0), (100, 100), (0, 100), (0, 0)]]
    answer = hydrant_coverage(hydrants((0, 0)), lines(*ring, [(0, 0), (0, -240)]))
    assert answer.table[["length_ft", "limit_ft", "dead_end"]].values.tolist() == [[40.0, 200.0, True]]
    assert len(asked(hydrants((0, 0)), lines(*ring, [(0, 0), (0, -240)])).table) == 0


def test_distance_goes_along_the_route_and_not_across_the_block():
    # Two parallel streets 60 ft apart, joined 1,000 ft to the east: the hydrant on the one does not serve the other.
    both = lines([(0, 0), (1000, 0)], [(1000, 0), (1000, 60)], [(1000, 60), (0, 60)])
    answer = asked(hydrants((0, 5)), both)
    assert answer.table["length_ft"].sum() == pytest.approx(2060 - 250)
    assert answer.table["farthest_ft"].max() == 2060.0


def test_streets_that_no_hydrant_gets_to_are_a_gap_without_a_distance():
    answer = asked(hydrants((100, 5)), lines([(0, 0), (200, 0)], [(0, 900), (300, 900)]))
    assert answer.table["length_ft"].tolist() == [300.0] and answer.table["farthest_ft"].isna().all()
    assert answer.table["hydrant_id"].isna().all() and answer.agrees


def test_gaps_that_meet_at_a_corner_are_one():
    bent = lines([(0, 0), (600, 0)], [(600, 0), (600, 400)])
    answer = asked(hydrants((0, 0)), bent)
    assert answer.table[["length_ft", "street_ids"]].values.tolist() == [[750.0, "S0, S1"]]


def test_a_divided_street_needs_hydrants_on_both_sides():
    layer = lines([(0, 0), (500, 0)], RoadClass="Primary")
    one = hydrants((250, 20))
    assert len(asked(one, layer).table) == 0
    # The far side is reached round the ends: 250 to either end and nothing left of the reach.
    sided = asked(one, layer, divided=["Primary"])
    assert sided.table[["length_ft", "side"]].values.tolist() == [[500.0, "right"]]
    assert len(asked(hydrants((250, 20), (250, -20)), layer, divided=["Primary"]).table) == 0


def test_a_parcel_is_as_far_as_the_farthest_place_of_its_front():
    def lot(west, east):
        return shapely.box(E + west, N + 30, E + east, N + 130)

    lots = gpd.GeoDataFrame({"apn": ["A", "B", "C"]}, geometry=[lot(300, 350), lot(320, 351), lot(60, 160)], crs=CRS)
    rows = asked(hydrants((100, 5)), STREET, parcels=lots).tables["parcels"].set_index("apn")
    assert rows["distance_ft"].to_dict() == {"A": 250.0, "B": 251.0, "C": 60.0}
    assert rows["is_within"].to_dict() == {"A": True, "B": False, "C": True}


def test_between_two_hydrants_the_middle_of_a_front_counts():
    lots = gpd.GeoDataFrame({"apn": ["A"]}, geometry=[shapely.box(E + 200, N + 30, E + 800, N + 130)], crs=CRS)
    rows = asked(hydrants((100, 5), (900, 5)), STREET, parcels=lots).tables["parcels"]
    assert rows["distance_ft"].tolist() == [400.0]


@pytest.mark.parametrize(("back_ft", "is_within"), [(99.0, True), (101.0, False)])
def test_a_building_is_reached_along_the_street_and_straight_on(back_ft, is_within):
    house = shapely.box(E + 390, N + back_ft, E + 410, N + back_ft + 30)
    houses = gpd.GeoDataFrame({"building_id": ["B"]}, geometry=[house], crs=CRS)
    rows = asked(hydrants((100, 5)), STREET, building_footprint=houses).tables["buildings"]
    assert rows["distance_ft"].tolist() == [300.0 + back_ft] and rows["is_within"].tolist() == [is_within]


@pytest.mark.parametrize(("flow", "reach", "spacing"), [(1750, 250, 500), (1751, 225, 450), (4000, 210, 350), (5000, 180, 300)])
def test_the_fire_flow_picks_the_row_of_the_table(flow, reach, spacing):
    answer = hydrant_coverage(hydrants((100, 5)), STREET, fire_flow_gpm=flow)
    assert (answer.method.parameters["reach_ft"], answer.method.parameters["spacing_ft"]) == (reach, spacing)
    assert "Whether Appendix C is the City's law" in set(answer.unanswered["what"])


def test_a_fire_flow_beyond_the_table_is_refused():
    with pytest.raises(AnalysisError, match=r"6000 gpm is not in Table C102\.1"):
        hydrant_coverage(hydrants((100, 5)), STREET, fire_flow_gpm=6000)


def test_hydrants_off_the_network_and_without_a_flow_are_told():
    layer = hydrants((100, 5), (100, 400), flow_gpm=[None, 900.0])
    answer = hydrant_coverage(layer, STREET)
    assert answer.excluded[["feature", "reason"]].values.tolist() == [
        ["H1", "off the network: farther than 300 ft from every street"]
    ]
    assert "What 1 hydrants give" in set(answer.unanswered["what"])
    with pytest.raises(AnalysisError, match="No hydrant is on the network"):
        hydrant_coverage(layer.iloc[1:], STREET)
    with pytest.raises(CRSError):
        hydrant_coverage(layer.to_crs(4326), STREET)


def test_the_order_of_the_rows_changes_nothing():
    both = lines([(0, 0), (1000, 0)], [(1000, 0), (1000, 60)], [(1000, 60), (0, 60)])
    some = hydrants((0, 5), (700, 5), (300, 65))
    one, other = asked(some, both), asked(some.iloc[::-1], both.iloc[[1, 2, 0]])
    assert one.table.equals(other.table) and one.tables["spacing"].equals(other.tables["spacing"]) and one.check == other.check


def test_every_parcel_of_the_city_is_on_the_list_or_left_out():
    layers = city().layers
    answer = hydrant_coverage(
        layers["hydrant"], layers["street_centerline"], parcels=layers["parcel"], building_footprint=layers["building_footprint"]
    )
    assert answer.agrees and len(answer.table) > 0
    told = answer.excluded["layer"].value_counts()
    assert len(answer.tables["parcels"]) + told.get("parcel", 0) == len(layers["parcel"])
    assert len(answer.tables["buildings"]) + told.get("building_footprint", 0) == len(layers["building_footprint"])
