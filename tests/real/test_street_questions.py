"""Questions along streets on the streets, schools and crimes of Phoenix (geodanet) and the hydrants of Cambridge."""

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely

from citygis.analysis import hydrant_coverage, park_walk, response_areas, school_routes
from citygis.analysis.network import street_network
from citygis.analysis.positions import snap
from citygis.analysis.reach import lengths, proof, reach


def phoenix(real_data):
    folder = real_data / "city" / "geodanet"
    return (gpd.read_file(folder / f"{name}.shp") for name in ("streets", "schools", "crimes"))


def test_the_streets_of_phoenix_are_a_network_with_the_costs_of_networkx(real_data):
    streets, schools, _ = phoenix(real_data)
    network = street_network(streets)
    assert len(network.line) == len(streets) and abs(network.length_ft.sum() - streets["Length"].sum()) < 1.0
    drawn = nx.MultiGraph()
    for one, other, ft in zip(network.start, network.end, network.length_ft, strict=True):
        drawn.add_edge(one, other, weight=ft)
    found = reach(network, np.array([0]), lengths(network))
    theirs = nx.single_source_dijkstra_path_length(drawn, 0)
    assert np.allclose([found.node[0, k] for k in theirs], list(theirs.values()))
    assert proof(found) == (len(theirs), len(theirs))
    assert snap(network, schools.geometry.values, max_ft=1000).is_on.sum() >= 6


def test_questions_along_the_streets_of_phoenix_run_end_to_end(real_data):
    streets, schools, crimes = phoenix(real_data)
    place = crimes.assign(apn=crimes["POLYID"].astype(str) + "-" + crimes["POLYID2"].astype(str), population=1.0)
    stations = schools.rename(columns={"POLYID": "station_id"})
    engines = response_areas(stations, streets, parcels=place, speed_mph=30, minutes=0.4, road_miles=0.2, snap_ft=1000)
    assert engines.agrees and len(engines.tables["parcels"]) + (engines.excluded["layer"] == "parcel").sum() == len(crimes)
    assert 0 < engines.tables["parcels"]["is_within_minutes"].sum() < len(crimes)
    walk = park_walk(schools, streets, parcels=place, snap_ft=1000)
    assert walk.agrees and 0 < walk.table["is_served"].sum() < len(crimes)
    routes = school_routes(streets, schools, homes=place, snap_ft=1000)
    assert routes.agrees and len(routes.tables["homes"]) + (routes.excluded["layer"] == "home").sum() == len(crimes)


def test_the_hydrants_of_cambridge_along_made_streets_are_told_as_far_as_they_are_near(real_data):
    hydrants = gpd.read_file(real_data / "city" / "cambridge_INFRA_Hydrants.geojson").to_crs("EPSG:2249")
    west, south, east, north = hydrants.total_bounds
    middle = (south + north) / 2
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(west, middle), (east, middle)])], crs=hydrants.crs)
    answer = hydrant_coverage(hydrants, street)
    off = (answer.excluded["layer"] == "hydrant").sum()
    assert len(answer.tables["each_hydrant"]) + off == len(hydrants) and off > 0 and answer.agrees
