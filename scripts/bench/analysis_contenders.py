"""
One contender of the analysis bench, in a process of its own: what it does, timed, and what it answers.

Run by ``analysis.py``. A contender is a function of the folder with the files of a case, which loads them and returns the work to
be timed; the work returns the answer, which is written beside the files to be compared. citygis is imported by its own
contenders only, so that the others can run in another environment.
"""

import argparse
import importlib.util
import json
import pickle
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

ROOT = Path(__file__).parents[2]
RADIUS_FT = 300.0
CELL_FT = 200.0
BAND_FT = 600.0
LIMIT_FT = 10_560.0
"""Four minutes at 30 miles per hour."""


class NotThere(Exception):
    """A contender that cannot run here, and why."""


class Work(NamedTuple):
    """What is timed, CPU seconds spent elsewhere for it, and what is to be done at the end."""

    run: Callable[[], object]
    elsewhere: Callable[[], float] = lambda: 0.0
    close: Callable[[], None] = lambda: None


def require(module: str, how: str) -> None:
    """Refuse a contender whose package is not installed."""
    if importlib.util.find_spec(module) is None:
        raise NotThere(f"{module} is not installed ({how})")


def polygons_of(frame: gpd.GeoDataFrame) -> np.ndarray:
    return np.asarray(frame.geometry.array, dtype=object)


# Acres by zoning and flood zone


def _summed(parcel: np.ndarray, zone: np.ndarray, sqft: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"pid": parcel, "zone": zone, "sqft": sqft}).groupby(["pid", "zone"], as_index=False)["sqft"].sum()


def overlay_citygis(folder: Path) -> Work:
    """From whole layers: they are found valid, cut up, indexed and overlaid."""
    from citygis.analysis.overlay import overlaid_area

    parcel, flood = gpd.read_parquet(folder / "parcel.parquet"), gpd.read_parquet(folder / "flood.parquet")
    pid, zone = parcel["pid"].to_numpy(), flood["sfha_zone"].to_numpy(dtype=object)

    def run() -> pd.DataFrame:
        found = overlaid_area(parcel, flood)
        return _summed(pid[found["left"]], zone[found["right"]], found["area_sqft"].to_numpy())

    return Work(run)


def overlay_question(folder: Path) -> Work:
    """The whole answer: the ground of each part too, what parcels claim twice, outside ground, and second ways."""
    from citygis.analysis.acreage import acreage_by

    parcel, flood = gpd.read_parquet(folder / "parcel.parquet"), gpd.read_parquet(folder / "flood.parquet")

    def run() -> pd.DataFrame:
        answer = acreage_by(parcel, other=flood, key_field="apn")
        parts = answer.tables["parcel_parts"]
        inside = parts["other"] != "(outside)"
        return _summed(parts["parcel"][inside].astype(int), parts["other"][inside], parts["area_sqft"][inside])

    return Work(run)


def overlay_geopandas(folder: Path, share: int) -> Work:
    """``geopandas.overlay`` on one parcel in so many: whole flood zones are too much for more."""
    parcel, flood = gpd.read_parquet(folder / "parcel.parquet"), gpd.read_parquet(folder / "flood.parquet")
    some = parcel.iloc[::share][["pid", "zoning_code", "geometry"]]

    def run() -> pd.DataFrame:
        found = gpd.overlay(some, flood, how="intersection", keep_geom_type=True)
        return _summed(found["pid"], found["sfha_zone"], found.area)

    return Work(run)


def overlay_postgis(folder: Path) -> Work:
    """PostGIS on the pieces that citygis cuts, loaded and indexed before; the parcel's own area where a piece covers it."""
    require("psycopg", "pip install citygis[postgis]")
    import psycopg

    sys.path.insert(0, str(ROOT / "tests"))
    import postgis

    try:
        cluster = postgis.Cluster()
    except postgis.ClusterMissing as reason:
        raise NotThere(str(reason)) from None
    try:
        connection = psycopg.connect(cluster.database(), autocommit=True, options="-c statement_timeout=60s")
        for name, columns in (("p", "pid integer, g geometry"), ("f", "zone text, g geometry")):
            connection.execute(f"CREATE TABLE {name} ({columns})")
        for name, file, key in (("p", "parcel_wkb", "pid"), ("f", "pieces_wkb", "zone")):
            table = pd.read_parquet(folder / f"{file}.parquet")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for each, wkb in zip(table[key], table["wkb"], strict=True):
                    copy.write_row((each, wkb.hex()))
            connection.execute(f"CREATE INDEX ON {name} USING gist (g)")
            connection.execute(f"VACUUM ANALYZE {name}")
    except BaseException:
        cluster.stop()
        raise
    asked = """SELECT pid, zone, sum(CASE WHEN ST_CoveredBy(p.g, f.g) THEN ST_Area(p.g) ELSE ST_Area(ST_Intersection(p.g, f.g)) END)
               FROM p JOIN f ON ST_Intersects(p.g, f.g) GROUP BY pid, zone"""

    def run() -> pd.DataFrame:
        return pd.DataFrame(connection.execute(asked).fetchall(), columns=["pid", "zone", "sqft"])

    def close() -> None:
        connection.close()
        cluster.stop()

    return Work(run, cluster.cpu_seconds, close)


def overlay_duckdb(folder: Path) -> Work:
    """DuckDB on the same pieces, loaded before."""
    require("duckdb", "pip install duckdb==1.5.5 duckdb-extension-spatial, and --peers PYTHON")
    import duckdb

    base = duckdb.connect(config={"allow_unsigned_extensions": True})
    try:
        base.load_extension("spatial")
    except duckdb.Error:
        found = importlib.util.find_spec("duckdb_extension_spatial")
        if found is None:
            raise NotThere(f"duckdb {duckdb.__version__} has no extension spatial here, and none is fetched") from None
        [extension] = Path(found.submodule_search_locations[0]).rglob("spatial.duckdb_extension")
        base.execute(f"LOAD '{extension}'")
    for name, file, key in (("p", "parcel_wkb", "pid"), ("f", "pieces_wkb", "zone")):
        base.execute(f"CREATE TABLE {name} AS SELECT {key}, ST_GeomFromWKB(wkb) g FROM read_parquet('{folder / file}.parquet')")
    asked = """SELECT pid, zone, sum(CASE WHEN ST_CoveredBy(p.g, f.g) THEN ST_Area(p.g) ELSE ST_Area(ST_Intersection(p.g, f.g)) END)
               AS sqft FROM p JOIN f ON ST_Intersects(p.g, f.g) GROUP BY pid, zone"""
    return Work(lambda: base.execute(asked).df())


# Notice lists


def _hearings(folder: Path) -> tuple[gpd.GeoDataFrame, list[str]]:
    return gpd.read_parquet(folder / "parcel.parquet"), json.loads((folder / "subjects.json").read_text())


def notice_citygis(folder: Path) -> Work:
    """The whole answer of each hearing: list, mail, labels, nearest in and out, second ways."""
    import citygis.analysis.labels_5160  # noqa: F401  (a question imports it when it has mail: part of loading)
    from citygis.analysis.notice import hearing_notice

    parcel, subjects = _hearings(folder)
    roll = pd.read_parquet(folder / "roll.parquet")

    def run() -> dict:
        told = {}
        for each in subjects:
            began = time.perf_counter(), cpu_seconds()
            answer = hearing_notice(parcel, [each], distance_ft=RADIUS_FT, roll=roll)
            told[each] = (answer.table["apn"].tolist(), time.perf_counter() - began[0], cpu_seconds() - began[1], answer.agrees)
        return told

    return Work(run)


def notice_buffer(folder: Path) -> Work:
    """What is usually done: ``buffer`` and ``sjoin``, the index of the parcels kept from hearing to hearing."""
    parcel, subjects = _hearings(folder)
    apn = parcel["apn"].to_numpy(dtype=object)

    def run() -> dict:
        told = {}
        for each in subjects:
            drawn = gpd.GeoDataFrame(geometry=parcel.loc[apn == each, "geometry"].buffer(RADIUS_FT))
            told[each] = sorted(gpd.sjoin(parcel, drawn, predicate="intersects")["apn"])
        return told

    return Work(run)


def notice_brute(folder: Path) -> Work:
    """Every parcel by its box, then every vertex of it against every edge: no index, no geometry engine."""
    from citygis.analysis.nearness import polygon_distance_ft

    parcel, subjects = _hearings(folder)
    shapes, apn = polygons_of(parcel), parcel["apn"].to_numpy(dtype=object)
    box = shapely.bounds(shapes)

    def run() -> dict:
        told = {}
        for each in subjects:
            at = int(np.flatnonzero(apn == each)[0])
            west, south, east, north = box[at]
            across = np.maximum(0, np.maximum(west - box[:, 2], box[:, 0] - east))
            up = np.maximum(0, np.maximum(south - box[:, 3], box[:, 1] - north))
            near = np.flatnonzero(np.hypot(across, up) <= RADIUS_FT)
            told[each] = sorted(apn[k] for k in near if polygon_distance_ft(shapes[k], shapes[at]) <= RADIUS_FT)
        return told

    return Work(run)


# Service areas


def _streets(folder: Path):
    from citygis.analysis.network import street_network
    from citygis.analysis.reach import lengths

    network = street_network(gpd.read_parquet(folder / "streets.parquet"))
    sources = np.random.default_rng(10).choice(len(network.node), 10, replace=False)
    return network, sources, lengths(network, is_directed=True)


def service_citygis(folder: Path) -> Work:
    """Least distances from each station, the graph made of the network in each call."""
    from citygis.analysis.reach import reach

    network, sources, cost = _streets(folder)
    return Work(lambda: reach(network, sources, cost, limit=LIMIT_FT, is_each=True).node)


def service_again(folder: Path) -> Work:
    """The same with the graph made before, as when one network is asked many times."""
    from citygis.analysis.reach import graph_of, reach

    network, sources, cost = _streets(folder)
    graph = graph_of(network, cost)
    return Work(lambda: reach(network, sources, cost, limit=LIMIT_FT, is_each=True, graph=graph).node)


def service_stretches(folder: Path) -> Work:
    """Distances and the stretches of streets of each station, cut at the limit."""
    from citygis.analysis.reach import reach, within

    network, sources, cost = _streets(folder)

    def run() -> np.ndarray:
        found = reach(network, sources, cost, limit=LIMIT_FT, is_each=True)
        for row in range(len(sources)):
            within(found, LIMIT_FT, row)
        return found.node

    return Work(run)


def service_networkx(folder: Path) -> Work:
    """Dijkstra of networkx from each station on its own graph, made before."""
    require("networkx", "pip install networkx")
    import networkx

    network, sources, cost = _streets(folder)
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(len(network.node)))
    for one, other, there, back in zip(network.start.tolist(), network.end.tolist(), *cost.T.tolist(), strict=True):
        for a, b, ft in ((one, other, there), (other, one, back)):
            if np.isfinite(ft) and ft < graph.get_edge_data(a, b, {"weight": np.inf})["weight"]:
                graph.add_edge(a, b, weight=ft)

    def run() -> list[dict]:
        return [networkx.single_source_dijkstra_path_length(graph, source, cutoff=LIMIT_FT) for source in sources.tolist()]

    return Work(run)


# Depths


def zonal_citygis(folder: Path) -> Work:
    """Least, greatest and mean depth, and ground with and without values."""
    from citygis.analysis.zonal import grid_of, zonal_statistics

    lots = gpd.read_parquet(folder / "lots.parquet")
    return Work(lambda: zonal_statistics(lots, grid_of(folder / "depth.tif", lots.crs))[["max_ft", "min_ft", "mean_ft"]].to_numpy())


def zonal_rasterstats(folder: Path) -> Work:
    """``zonal_stats``, all touched, as the greatest depth asks for; one lot in four, each of which takes as long as any."""
    require("rasterstats", "pip install rasterstats")
    import rasterstats

    lots = gpd.read_parquet(folder / "lots.parquet")

    def run() -> np.ndarray:
        told = rasterstats.zonal_stats(lots.iloc[::4], str(folder / "depth.tif"), stats=["max", "min", "mean"], all_touched=True)
        return np.array([[each["max"], each["min"], each["mean"]] for each in told], dtype=float)

    return Work(run)


def zonal_cells(folder: Path) -> Work:
    """One lot in a hundred, cut with each cell as a square: exact, and slow."""
    from citygis.analysis.zonal import grid_of, statistics_by_cells

    lots = gpd.read_parquet(folder / "lots.parquet")
    grid = grid_of(folder / "depth.tif", lots.crs)
    return Work(lambda: np.array([statistics_by_cells(each, grid)[:2] for each in polygons_of(lots)[::100]]))


# Addresses


def addresses_citygis(folder: Path) -> Work:
    """The book made and every address looked up."""
    require("rapidfuzz", "pip install citygis[analysis]")
    require("usaddress", "pip install citygis[analysis]")
    from citygis.analysis.address_book import address_book, address_matches

    points, said = gpd.read_parquet(folder / "points.parquet"), pd.read_parquet(folder / "said.parquet")["said"]
    return Work(lambda: address_matches(said, address_book(points))["point"].to_numpy())


def addresses_exact(folder: Path) -> Work:
    """A join on the text in capitals, what follows a comma left off."""
    points, said = gpd.read_parquet(folder / "points.parquet"), pd.read_parquet(folder / "said.parquet")["said"]

    def run() -> np.ndarray:
        full = (points["Add_Number"].astype(str) + " " + points["St_Name"] + " " + points["St_PosTyp"]).str.upper()
        place = pd.Series(np.arange(len(full)), index=full)
        asked = said.str.upper().str.partition(",")[0].str.split().str.join(" ")
        return asked.map(place[~place.index.duplicated()]).fillna(-1).to_numpy(dtype=int)

    return Work(run)


def addresses_fuzzy(folder: Path) -> Work:
    """One address in 25, the whole text by ``WRatio`` of rapidfuzz at 85 or more."""
    require("rapidfuzz", "pip install rapidfuzz")
    from rapidfuzz import fuzz, process, utils

    points, said = gpd.read_parquet(folder / "points.parquet"), pd.read_parquet(folder / "said.parquet")["said"]
    full = (points["Add_Number"].astype(str) + " " + points["St_Name"] + " " + points["St_PosTyp"]).str.lower().tolist()
    asked = [utils.default_process(each) for each in said.iloc[::25]]

    def run() -> np.ndarray:
        found = [process.extractOne(each, full, scorer=fuzz.WRatio, score_cutoff=85) for each in asked]
        return np.array([-1 if each is None else each[2] for each in found])

    return Work(run)


# Hot spots and neighbours


def _cells(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    counts = np.load(folder / "counts.npy")
    down, across = np.indices(counts.shape)
    return np.column_stack([across.ravel() * CELL_FT, down.ravel() * CELL_FT]), counts.ravel().astype(float)


def hot_citygis(folder: Path) -> Work:
    """Neighbours and Gi*."""
    from citygis.analysis.concentration import gi_star, within_reach

    xy, counts = _cells(folder)
    return Work(lambda: gi_star(counts, within_reach(*xy.T, BAND_FT)))


def hot_esda(folder: Path) -> Work:
    """Neighbours of libpysal and Gi* of esda with binary weights, analytic."""
    require("esda", "pip install esda")
    import esda
    import libpysal

    xy, counts = _cells(folder)

    def run() -> np.ndarray:
        weights = libpysal.weights.DistanceBand(xy, BAND_FT * (1 + 1e-9), binary=True, silence_warnings=True)
        with_self = libpysal.weights.fill_diagonal(weights, 1.0)
        return esda.G_Local(counts, with_self, transform="B", permutations=0, star=True).Zs

    return Work(run)


def neighbours_citygis(folder: Path, layer: str) -> Work:
    """Common lines and the pairs that they make."""
    from citygis.analysis.contiguity import adjoining, borders

    shapes = polygons_of(gpd.read_parquet(folder / f"{layer}.parquet"))

    def run() -> np.ndarray:
        found = adjoining(borders(shapes), least_ft=1.0)
        return np.column_stack([found.one, found.other])

    return Work(run)


def neighbours_libpysal(folder: Path, layer: str) -> Work:
    """Rook contiguity of ``libpysal.graph``, by edges drawn alike."""
    require("libpysal", "pip install libpysal")
    from libpysal.graph import Graph

    frame = gpd.read_parquet(folder / f"{layer}.parquet").reset_index(drop=True)

    def run() -> np.ndarray:
        pairs = Graph.build_contiguity(frame, rook=True).adjacency
        pairs = pairs[pairs > 0].index.to_frame(index=False).to_numpy()
        return pairs[pairs[:, 0] < pairs[:, 1]]

    return Work(run)


CASES: dict[str, dict[str, Callable[[Path], Work]]] = {
    "overlay": {
        "citygis": overlay_citygis,
        "citygis acreage": overlay_question,
        "geopandas.overlay, few": lambda folder: overlay_geopandas(folder, 400),
        "geopandas.overlay, more": lambda folder: overlay_geopandas(folder, 80),
        "PostGIS": overlay_postgis,
        "DuckDB": overlay_duckdb,
    },
    "notice": {"citygis": notice_citygis, "buffer and sjoin": notice_buffer, "brute force": notice_brute},
    "service": {
        "citygis": service_citygis,
        "citygis, graph kept": service_again,
        "citygis with stretches": service_stretches,
        "networkx": service_networkx,
    },
    "zonal": {"citygis": zonal_citygis, "rasterstats, 1 in 4": zonal_rasterstats, "cell by cell, 1 in 100": zonal_cells},
    "addresses": {"citygis": addresses_citygis, "exact text": addresses_exact, "WRatio, 1 in 25": addresses_fuzzy},
    "hot spots": {"citygis": hot_citygis, "esda": hot_esda},
    "contiguity, mesh": {
        "citygis": lambda folder: neighbours_citygis(folder, "mesh"),
        "libpysal": lambda folder: neighbours_libpysal(folder, "mesh"),
    },
    "contiguity, parcels": {
        "citygis": lambda folder: neighbours_citygis(folder, "neighbours"),
        "libpysal": lambda folder: neighbours_libpysal(folder, "neighbours"),
    },
}
"""Contenders by case; the first one of a case is the measure of the others."""


def status_mb(name: str) -> float:
    """A figure of /proc/self/status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return float("nan")


def cpu_seconds() -> float:
    """CPU of this process and its threads."""
    return time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--case", required=True)
    parser.add_argument("--contender", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--answer", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a server is stopped with its contender
    try:
        work = CASES[options.case][options.contender](options.folder)
    except NotThere as reason:
        print(json.dumps({"missing": str(reason)}))
        return
    loaded = status_mb("VmRSS")
    wall, cpu, answer = [], [], None
    try:
        # What takes long is measured once, and what takes milliseconds until a second is full.
        while (len(wall) < options.repeat or sum(wall) < 1) and sum(wall) < 10 and len(wall) < 100:
            begins, busy = time.perf_counter(), cpu_seconds() + work.elsewhere()
            answer = work.run()
            wall.append(time.perf_counter() - begins)
            cpu.append(cpu_seconds() + work.elsewhere() - busy)
    finally:
        work.close()
    if isinstance(answer, pd.DataFrame):  # another environment may have another pandas
        answer = {name: answer[name].tolist() for name in answer}
    options.answer.write_bytes(pickle.dumps(answer))
    print(json.dumps({"wall": min(wall), "cpu": min(cpu), "loaded_mb": loaded, "peak_mb": status_mb("VmHWM")}))


if __name__ == "__main__":
    main()
