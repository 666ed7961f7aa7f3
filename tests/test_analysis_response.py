"""Response areas: minutes, road miles, the ISO curve, and who is first due."""

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from citygis.analysis import response_areas, rule_pack
from citygis.analysis.network import street_network
from citygis.analysis.response import iso_minutes
from citygis.errors import AnalysisError
from citygis.gpkg import read_geopackage

CRS = "EPSG:6420"
CITY = Path(__file__).parents[1] / "sample_data" / "city" / "city_base.gpkg"
E, N = 6_330_000.0, 2_100_000.0


def city() -> dict[str, gpd.GeoDataFrame]:
    """The layers of the sample city that the question takes."""
    return {name: read_geopackage(CITY, name) for name in ("station", "street_centerline", "parcel")}


def lines(*vertices, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString(np.array(line, dtype=float) + [E, N]) for line in vertices]
    return gpd.GeoDataFrame({"NGUID": [f"S{k}" for k in range(len(vertices))], **columns}, geometry=shapes, crs=CRS)


def stations(*places, **columns) -> gpd.GeoDataFrame:
    ids = [f"FS-{k + 1}" for k in range(len(places))]
    shapes = shapely.points(np.array(places, dtype=float) + [E, N])
    return gpd.GeoDataFrame({"station_id": ids, "kind": "FIRE", **columns}, geometry=shapes, crs=CRS)


def lots(*middles, **columns) -> gpd.GeoDataFrame:
    """Square lots of 40 ft, 20 ft north of a street to the east, by the easting of their middle."""
    shapes = [shapely.box(E + ft - 20, N + 20, E + ft + 20, N + 60) for ft in middles]
    return gpd.GeoDataFrame({"apn": [f"P{k}" for k in range(len(middles))], **columns}, geometry=shapes, crs=CRS)


LONG = [(0, 0), (40_000, 0)]


@pytest.mark.parametrize(("miles", "minutes"), [(1.5, 3.2), (2.5, 4.9)])
def test_the_iso_curve_gives_its_published_minutes(miles, minutes):
    assert iso_minutes(miles, rule_pack("fire")) == pytest.approx(minutes)


def test_four_minutes_at_thirty_miles_per_hour_are_two_miles():
    answer = response_areas(stations((20_000, 0)), lines(LONG, SpeedLimit=30))
    row = answer.table.iloc[0]
    assert row["within_minutes_miles"] == pytest.approx(4.0, abs=1e-3)  # two miles either way
    # A mile and a half either way is no more than the street has to the west.
    assert row["within_road_miles_miles"] == pytest.approx(3.0, abs=1e-3)
    assert row["first_due_miles"] == pytest.approx(40_000 / 5280, abs=1e-3) and answer.agrees


@pytest.mark.parametrize(("ft", "is_within"), [(10_559, True), (10_561, False)])
def test_a_parcel_a_foot_beyond_four_minutes_is_not_within(ft, is_within):
    rows = response_areas(stations((0, 0)), lines(LONG, SpeedLimit=30), parcels=lots(ft)).tables["parcels"]
    assert rows["is_within_minutes"].tolist() == [is_within]
    assert rows["road_miles"][0] == pytest.approx(ft / 5280, abs=1e-5)
    assert rows["iso_minutes"][0] == pytest.approx(0.65 + 1.7 * ft / 5280, abs=1e-3)


@pytest.mark.parametrize(("ft", "is_within"), [(7_919, True), (7_921, False)])
def test_a_parcel_a_foot_beyond_a_mile_and_a_half_is_not_within(ft, is_within):
    rows = response_areas(stations((0, 0)), lines(LONG, SpeedLimit=30), parcels=lots(ft)).tables["parcels"]
    assert rows["is_within_miles"].tolist() == [is_within]


def test_streets_are_parted_where_two_stations_take_as_long():
    # The western half is driven at 30, the eastern at 60: they meet at 7,500, 7,500 at 30 being 10,000 at 60 and 2,500 at 30.
    layer = lines([(0, 0), (10_000, 0)], [(10_000, 0), (20_000, 0)], SpeedLimit=[30, 60])
    answer = response_areas(stations((0, 0), (20_000, 0)), layer, parcels=lots(7_400, 7_600, 12_000))
    assert answer.tables["parcels"]["station_id"].tolist() == ["FS-1", "FS-2", "FS-2"]
    assert answer.table["first_due_miles"].tolist() == [round(7_500 / 5280, 3), round(12_500 / 5280, 3)]
    assert answer.table["parcels"].tolist() == [1, 2] and answer.agrees


def test_engines_keep_to_one_way_streets():
    block = ([(0, 0), (3000, 0)], [(3000, 0), (3000, 3000)], [(3000, 3000), (0, 3000)], [(0, 3000), (0, 0)])
    layer = lines(*block, OneWay="FT", SpeedLimit=30)
    rows = response_areas(stations((1000, 0)), layer, parcels=lots(500, 1500)).tables["parcels"]
    assert (rows["road_miles"] * 5280).round().tolist() == [11_500.0, 500.0]


def test_no_engine_jumps_a_river():
    banks = lines([(0, 0), (9000, 0)], [(0, -60), (9000, -60)], SpeedLimit=30)
    rows = response_areas(stations((100, -80)), banks, parcels=lots(100)).tables["parcels"]
    assert rows["station_id"].isna().all() and rows["minutes"].isna().all() and not rows["is_within_miles"].any()


def test_a_left_turn_takes_its_seconds():
    tee = lines([(-1000, 0), (0, 0)], [(0, 0), (1000, 0)], [(0, 0), (0, 1000)], SpeedLimit=30)
    parcel = gpd.GeoDataFrame({"apn": ["P"]}, geometry=[shapely.box(E + 20, N + 480, E + 60, N + 520)], crs=CRS)
    plain, slow = (
        response_areas(stations((-500, 0)), tee, parcels=parcel, left_turn_s=seconds).tables["parcels"]["minutes"][0]
        for seconds in (0, 6)
    )
    assert plain == pytest.approx(1000 / 2640, abs=1e-4) and slow - plain == pytest.approx(0.1, abs=1e-3)


def test_people_are_summed_by_station():
    layer = lots(100, 200, 39_000, people=[3, 4.5, 2])
    answer = response_areas(stations((0, 0)), lines(LONG, SpeedLimit=30), parcels=layer, population="people")
    assert answer.table["people"].tolist() == [9.5] and answer.table["people_within_minutes"].tolist() == [7.5]


def test_without_speeds_road_miles_are_told_and_minutes_are_not():
    answer = response_areas(stations((0, 0)), lines(LONG), parcels=lots(7_000))
    assert "Which places are reached in time" in set(answer.unanswered["what"])
    assert "minutes" not in answer.tables["parcels"] and answer.tables["parcels"]["is_within_miles"].tolist() == [True]
    assert answer.agrees
    assert "minutes" in response_areas(stations((0, 0)), lines(LONG), parcels=lots(7_000), speed_mph=30).tables["parcels"]


def test_streets_without_a_speed_take_the_lowest_and_that_is_told():
    layer = lines([(0, 0), (5280, 0)], [(5280, 0), (10_560, 0)], SpeedLimit=[30, None])
    answer = response_areas(stations((0, 0)), layer, parcels=lots(7_920))
    assert answer.tables["parcels"]["minutes"][0] == pytest.approx(3.0)
    assert "1 streets that do not say their speed" in answer.unanswered["what"].str.cat()


def test_a_station_off_the_network_or_of_another_kind_is_told():
    layer = stations((0, 0), (0, 900), (10, 0), kind=["FIRE", "FIRE", "POLICE"])
    answer = response_areas(layer, lines(LONG, SpeedLimit=30))
    assert answer.table["station_id"].tolist() == ["FS-1"]
    assert dict(answer.excluded[["feature", "reason"]].values) == {
        "FS-3": "not of kind FIRE",
        "FS-2": "off the network: farther than 300 ft from every street",
    }
    with pytest.raises(AnalysisError, match="No station is on the network"):
        response_areas(layer.iloc[1:], lines(LONG, SpeedLimit=30))
    with pytest.raises(AnalysisError, match=r"kind 'AIR'.*FIRE, POLICE"):
        response_areas(layer, lines(LONG, SpeedLimit=30), kind="AIR")


def test_the_order_of_the_rows_changes_nothing():
    layer = lines([(0, 0), (9_000, 0)], [(9_000, 0), (20_000, 0)], [(9_000, 0), (9_000, 4_000)], SpeedLimit=[30, 60, 45])
    some, parcels = stations((0, 0), (20_000, 0), (9_000, 4_000)), lots(900, 7_400, 8_990, 12_000)
    one = response_areas(some, layer, parcels=parcels, left_turn_s=5)
    other = response_areas(some.iloc[::-1], layer.iloc[[2, 0, 1]], parcels=parcels.iloc[::-1], left_turn_s=5)
    assert one.table.equals(other.table) and one.tables["parcels"].equals(other.tables["parcels"]) and one.check == other.check


def test_two_stations_of_one_id_are_refused():
    with pytest.raises(AnalysisError, match="share the id FS-1"):
        response_areas(stations((0, 0), (90, 0), station_id=["FS-1", "FS-1"]), lines(LONG, SpeedLimit=30))


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(AnalysisError, match="minutes is 0"):
        response_areas(stations((0, 0)), lines(LONG, SpeedLimit=30), minutes=0)


def test_minutes_in_the_city_are_those_of_networkx():
    layers = city()
    answer = response_areas(layers["station"], layers["street_centerline"], parcels=layers["parcel"], minutes=1.5, road_miles=0.5)
    assert answer.agrees and len(answer.tables["parcels"]) == len(layers["parcel"])
    network = street_network(layers["street_centerline"])
    drawn = nx.MultiGraph()
    for k in range(len(network.line)):
        drawn.add_edge(network.start[k], network.end[k], key=k, minutes=network.length_ft[k] / network.speed_mph[k] / 88)
    fire = layers["station"][layers["station"]["kind"] == "FIRE"]
    edge = shapely.STRtree(network.line).nearest(fire.geometry.values)
    for number, k in enumerate(edge):
        along = shapely.line_locate_point(network.line[k], fire.geometry.values[number])
        share = along / network.length_ft[k]
        whole = network.length_ft[k] / network.speed_mph[k] / 88
        drawn.add_edge(f"F{number}", network.start[k], minutes=share * whole)
        drawn.add_edge(f"F{number}", network.end[k], minutes=(1 - share) * whole)
    theirs = nx.multi_source_dijkstra_path_length(drawn, {"F0", "F1"}, weight="minutes")
    rows = answer.tables["parcels"].set_index("apn")
    parcels = layers["parcel"].set_index("apn")
    checked = 0
    for apn in parcels.index[::37]:
        k = int(np.flatnonzero(network.street_id == rows.loc[apn, "street_id"])[0])
        if k in edge:
            continue  # a station on the same street: networkx has no node between
        along = shapely.line_locate_point(network.line[k], shapely.centroid(parcels.geometry[apn]))
        rate = network.speed_mph[k] * 88
        least = min(theirs[network.start[k]] + along / rate, theirs[network.end[k]] + (network.length_ft[k] - along) / rate)
        assert rows.loc[apn, "minutes"] == pytest.approx(least, abs=1e-4)
        checked += 1
    assert checked > 40
