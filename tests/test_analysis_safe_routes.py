"""Safe routes to school: a toy graph whose best routes are known, and every graph by all its ways."""

from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from citygis.analysis import school_routes
from citygis.errors import AnalysisError
from citygis.gpkg import read_geopackage

CRS = "EPSG:6420"
CITY = Path(__file__).parents[1] / "sample_data" / "city" / "city_base.gpkg"
E, N = 6_330_000.0, 2_100_000.0


def city() -> dict[str, gpd.GeoDataFrame]:
    """The layers of the sample city that the question takes."""
    return {name: read_geopackage(CITY, name) for name in ("park", "street_centerline", "parcel")}


def lines(*vertices, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString(np.array(line, dtype=float) + [E, N]) for line in vertices]
    return gpd.GeoDataFrame({"NGUID": [f"S{k}" for k in range(len(vertices))], **columns}, geometry=shapes, crs=CRS)


def points(key: str, *places, **columns) -> gpd.GeoDataFrame:
    ids = [f"{key[0].upper()}{k}" for k in range(len(places))]
    return gpd.GeoDataFrame({key: ids, **columns}, geometry=shapely.points(np.array(places, dtype=float) + [E, N]), crs=CRS)


# From home in the west to school in the east: 1,000 ft along the arterial, or 1,400 ft round by a quiet street.
ARTERIAL, QUIET = [(0, 0), (1000, 0)], [(0, 0), (0, 200), (1000, 200), (1000, 0)]
WEST, EAST = [(-300, 0), (0, 0)], [(1000, 0), (1300, 0)]


def toy(**columns) -> gpd.GeoDataFrame:
    return lines(ARTERIAL, QUIET, WEST, EAST, **{"SpeedLimit": [45, 25, 25, 25], "sidewalk": "BOTH", **columns})


SCHOOL, HOME = points("school_id", (1200, 10)), points("home_id", (-200, 10), (-100, -10))


def test_the_quiet_way_round_is_taken_where_traffic_is_fast():
    answer = school_routes(toy(), SCHOOL, homes=HOME)
    on = answer.table.set_index("street_id")["students"].to_dict()
    assert on["S1"] == 2.0 and "S0" not in on and answer.agrees
    homes = answer.tables["homes"].set_index("home")
    assert homes["route_ft"].to_dict() == {"H0": 200 + 1400 + 200, "H1": 100 + 1400 + 200}
    assert homes["shortest_ft"].to_dict() == {"H0": 1400.0, "H1": 1300.0}
    assert homes["stress_ft"].to_dict() == {"H0": 1800.0, "H1": 1700.0}


def test_the_straight_way_is_taken_where_traffic_is_slow():
    answer = school_routes(toy(SpeedLimit=25), SCHOOL, homes=HOME)
    assert set(answer.table["street_id"]) == {"S0", "S3"} and answer.agrees


@pytest.mark.parametrize(("speed", "stress"), [(25, 1.0), (26, 1.5), (30, 1.5), (35, 2.5), (45, 4.0), (46, 6.0)])
def test_stress_goes_by_the_posted_speed(speed, stress):
    answer = school_routes(
        lines([(0, 0), (500, 0)], [(500, 0), (900, 0)], SpeedLimit=speed, sidewalk="BOTH"),
        points("school_id", (800, 0)),
        homes=points("home_id", (100, 0)),
    )
    assert answer.table["stress"].tolist() == [stress]


@pytest.mark.parametrize(("round_ft", "is_missing"), [(1499.0, False), (1501.0, True)])
def test_a_sidewalk_is_missing_where_the_way_round_is_half_as_long_again(round_ft, is_missing):
    out = (round_ft - 1000) / 2
    streets = lines(
        ARTERIAL, [(0, 0), (0, out), (1000, out), (1000, 0)], WEST, EAST, SpeedLimit=25, sidewalk=["NONE", "BOTH", "BOTH", "BOTH"]
    )
    answer = school_routes(streets, SCHOOL, homes=HOME)
    missing = answer.tables["missing_links"]
    assert missing["street_id"].tolist() == (["S0"] if is_missing else [])
    if is_missing:
        assert missing[["length_ft", "students"]].values.tolist() == [[1000.0, 2.0]]


def test_a_sidewalk_without_a_way_round_is_missing_and_still_walked():
    streets = lines(WEST, ARTERIAL, EAST, SpeedLimit=25, sidewalk=["yes", "no", "yes"])
    answer = school_routes(streets, SCHOOL, homes=HOME)
    assert answer.tables["missing_links"]["street_id"].tolist() == ["S1"]
    assert answer.tables["missing_links"]["way_round_ft"].isna().all()
    assert set(answer.table["street_id"]) == {"S1", "S2"}


@pytest.mark.parametrize(("off_ft", "has"), [(49.0, True), (51.0, False)])
def test_a_sidewalk_line_beside_a_street_is_the_streets(off_ft, has):
    walk = lines([(-300, off_ft), (1300, off_ft)]).drop(columns="NGUID")
    streets = lines(WEST, ARTERIAL, EAST, SpeedLimit=25)
    answer = school_routes(streets, SCHOOL, homes=HOME, sidewalks=walk)
    assert answer.table["has_sidewalk"].tolist() == [has, has]


def test_where_nobody_says_of_sidewalks_that_is_told():
    answer = school_routes(toy().drop(columns="sidewalk"), SCHOOL, homes=HOME)
    assert answer.table["has_sidewalk"].isna().all() and len(answer.tables["missing_links"]) == 0
    assert "Whether 4 streets have a sidewalk" in set(answer.unanswered["what"])


def test_homes_go_to_the_school_they_name_or_to_the_nearest():
    two = points("school_id", (1200, 10), (-250, 10))
    homes = points("home_id", (-200, 10), (1100, 10), (-100, 10), (5, 5), school_id=["S0", None, None, "S9"], students=[2, 1, 1, 1])
    answer = school_routes(toy(), two, homes=homes)
    assert answer.tables["homes"].set_index("home")["school_id"].to_dict() == {"H0": "S0", "H1": "S0", "H2": "S1"}
    assert answer.excluded[["feature", "reason"]].values.tolist() == [["H3", "of a school that is not on the network"]]
    assert answer.table.set_index(["school_id", "street_id"])["students"]["S0", "S1"] == 2.0


@pytest.mark.parametrize(("miles", "count"), [(0.27, 2), (0.25, 1), (0.2, 0)])
def test_homes_beyond_the_distance_are_left_out_with_the_reason(miles, count):
    # 1,400 and 1,300 ft are 0.265 and 0.246 miles.
    answer = school_routes(toy(), SCHOOL, homes=HOME, miles=miles)
    assert len(answer.tables["homes"]) == count and len(answer.excluded) == 2 - count and answer.agrees


def test_routes_on_a_random_graph_are_those_of_networkx():
    rng = np.random.default_rng(6)
    n = 9
    place = np.stack(np.meshgrid(np.arange(n) * 300.0, np.arange(n) * 300.0), axis=-1) + rng.uniform(-60, 60, (n, n, 2))
    pairs = [(place[i, j], place[i, j + 1]) for i in range(n) for j in range(n - 1)]
    pairs += [(place[i, j], place[i + 1, j]) for i in range(n - 1) for j in range(n)]
    speeds, walks = rng.choice([25, 30, 35, 45], len(pairs)), rng.choice(["BOTH", "NONE"], len(pairs))
    streets = lines(*pairs, SpeedLimit=speeds, sidewalk=walks)
    homes = points("home_id", *place.reshape(-1, 2)[rng.permutation(n * n)[:30]])
    answer = school_routes(streets, points("school_id", place[4, 4]), homes=homes, miles=9)
    drawn = nx.Graph()
    factor = {25: 1.0, 30: 1.5, 35: 2.5, 45: 4.0}
    for (a, b), speed, walk in zip(pairs, speeds, walks, strict=True):
        drawn.add_edge(tuple(a), tuple(b), w=float(np.hypot(*(b - a))) * factor[speed] * (1 if walk == "BOTH" else 2))
    theirs = nx.single_source_dijkstra_path_length(drawn, tuple(place[4, 4]), weight="w")
    rows = answer.tables["homes"].set_index("home")
    for k, shape in enumerate(homes.geometry):
        corner = min(theirs, key=lambda at: np.hypot(at[0] + E - shape.x, at[1] + N - shape.y))
        assert rows.loc[f"H{k}", "stress_ft"] == pytest.approx(theirs[corner], abs=0.02)
    assert answer.agrees and answer.table["students"].max() <= 30


def test_the_order_of_the_rows_changes_nothing():
    one = school_routes(toy(), SCHOOL, homes=HOME)
    other = school_routes(toy().iloc[[3, 1, 0, 2]], SCHOOL, homes=HOME.iloc[::-1])
    assert one.table.equals(other.table) and one.tables["homes"].equals(other.tables["homes"]) and one.check == other.check


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(AnalysisError, match="nobody to go to school"):
        school_routes(toy(), SCHOOL)
    with pytest.raises(AnalysisError, match="No school is on the network"):
        school_routes(toy(), points("school_id", (9000, 0)), homes=HOME)
    with pytest.raises(AnalysisError, match=r"detour 0\.5"):
        school_routes(toy(), SCHOOL, homes=HOME, detour=0.5)


def test_every_parcel_of_the_city_has_a_route_or_a_reason():
    layers = city()
    school = gpd.GeoDataFrame({"school_id": ["A"]}, geometry=[layers["park"].geometry.iloc[0].centroid], crs=layers["park"].crs)
    answer = school_routes(layers["street_centerline"], school, parcels=layers["parcel"], snap_ft=1000)
    assert answer.agrees and len(answer.tables["homes"]) > 0
    assert len(answer.tables["homes"]) + (answer.excluded["layer"] == "parcel").sum() == len(layers["parcel"])
