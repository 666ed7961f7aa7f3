"""
One contender of the quality bench on one layer, in a process of its own: what it does, timed, and which parcels it names.

Run by ``quality.py``. A contender is a function of the loaded frame that prepares itself (tables, extensions) and returns the work
to be timed; the work returns the pids of the parcels that it names, or None. citygis is imported by its own contenders only, so
that the others can run in another environment.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

Work = Callable[[], "np.ndarray | None"]
WIDTH_FT = 6.0
LEAST_SQFT = 0.004


class NotThere(Exception):
    """A contender that cannot run here, and why."""


def polygons_of(frame: gpd.GeoDataFrame) -> np.ndarray:
    return np.asarray(frame.geometry.array, dtype=object)


# One layer, every check a tool has for it


def citygis_measures(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """All measures of a single layer on one shared fabric; what is in degrees is no neighbour, as in `validate`."""
    from citygis import topology

    rings = (
        "not_finite",
        "missing",
        "invalid",
        "repeated_vertices",
        "short_edges",
        "spikes",
        "backward_rings",
        "multiparts",
        "tiny",
    )
    pairs = ("slivers", "duplicates", "contained", "overlaps", "missing_vertices", "misaligned_corners", "strips")
    measures = [getattr(topology, name) for name in rings + pairs]

    def work() -> None:
        shared = topology.fabric(frame, neighbours=~(np.abs(frame.bounds) <= 180).all(axis=1))
        for measure in measures:
            measure(shared)

    return work


def citygis_validate(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """The command that a person runs: measures, and findings in words."""
    import citygis as cg

    def work() -> np.ndarray:
        found = cg.validate(frame, "parcel", only="geometry", key="pid")
        names = found["feature"].tolist() + found["other"].dropna().tolist()
        return np.array(sorted({int(each) for name in names if isinstance(name, str) for each in name.split(", ")}))

    return work


def citygis_validate_streets(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """The same, with street cells and tracts beside the parcels; a gap names the tract, so it counts where it lies on a defect."""
    import citygis as cg
    from citygis.samples.scoring import found

    layers = {"parcel": frame} | {name: gpd.read_parquet(folder / f"{name}.parquet") for name in ("right_of_way", "tract")}
    truth, pids = pd.read_pickle(folder / "truth.pkl"), set(frame["pid"].astype(str))

    def work() -> np.ndarray:
        told = cg.validate(layers, only="geometry", key="pid")
        # T13 is not among the defects: an enclosed parcel does front on no street.
        mine = told[(told["layer"] == "parcel") & (told["code"] != "T13")]
        names = mine["feature"].tolist() + mine["other"].dropna().tolist()
        named = {each for name in names if isinstance(name, str) for each in name.split(", ")} & pids
        defects = truth[found(truth, told) & (truth["layer"] == "parcel")]
        return np.array(sorted({int(each) for each in named} | {pid for each in defects["features"] for pid in each}))

    return work


def geos_coverage(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """shapely: is_valid, and coverage_invalid_edges of the valid ones."""
    polygons, pid = polygons_of(frame), frame["pid"].to_numpy()

    def work() -> np.ndarray:
        valid = shapely.is_valid(polygons)
        there = np.flatnonzero(valid & ~shapely.is_empty(polygons))
        edges = shapely.coverage_invalid_edges(polygons[there], gap_width=WIDTH_FT)
        return pid[np.union1d(np.flatnonzero(~valid), there[~shapely.is_empty(edges)])]

    return work


def geos_tiled(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """The same cut by hand in two halves with a seam both know, on two threads."""
    polygons, pid = polygons_of(frame), frame["pid"].to_numpy()

    def half(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        valid = shapely.is_valid(polygons[rows])
        there = rows[valid & ~shapely.is_empty(polygons[rows])]
        return rows[~valid], there, ~shapely.is_empty(shapely.coverage_invalid_edges(polygons[there], gap_width=WIDTH_FT))

    def work() -> np.ndarray:
        bounds = shapely.bounds(polygons)
        middle = np.nanmedian(bounds[:, 1])
        lower = np.flatnonzero(~(bounds[:, 1] > middle + WIDTH_FT))
        upper = np.flatnonzero(bounds[:, 3] >= middle - WIDTH_FT)
        with ThreadPoolExecutor(2) as pool:
            (bad_a, in_a, flag_a), (bad_b, in_b, flag_b) = pool.map(half, (lower, upper))
        # A parcel at the seam is judged by the half that holds it well inside.
        flagged = np.concatenate([in_a[flag_a & (bounds[in_a, 1] <= middle)], in_b[flag_b & (bounds[in_b, 1] > middle)]])
        return pid[np.unique(np.concatenate([bad_a, bad_b, flagged]))]

    return work


def geopandas_checks(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """is_valid, sjoin overlaps and contains, and the holes of the union."""

    def work() -> np.ndarray:
        valid = frame.is_valid
        there = frame[valid & ~frame.is_empty & ~shapely.is_missing(polygons_of(frame))][["pid", "geometry"]]
        named = [frame.loc[~valid, "pid"].to_numpy()]
        for predicate in ("overlaps", "contains"):
            pairs = gpd.sjoin(there, there, predicate=predicate, lsuffix="a", rsuffix="b")
            pairs = pairs[pairs["pid_a"] != pairs["pid_b"]]
            named += [pairs["pid_a"].to_numpy(), pairs["pid_b"].to_numpy()]
        union = there.geometry.union_all()
        parts = shapely.get_parts(union)
        rings = [shapely.get_interior_ring(part, k) for part in parts for k in range(shapely.get_num_interior_rings(part))]
        holes = gpd.GeoDataFrame(geometry=[shapely.Polygon(ring) for ring in rings], crs=frame.crs)
        if len(holes):
            named.append(gpd.sjoin(there, holes[holes.area < 5_000], predicate="touches")["pid"].to_numpy())
        return np.unique(np.concatenate(named))

    return work


def duckdb_checks(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """DuckDB spatial: validity, overlapping and containing pairs, one union."""
    _require("duckdb", "pip install duckdb==1.5.5 duckdb-extension-spatial, and --peers PYTHON")
    import duckdb

    base = duckdb.connect(config={"allow_unsigned_extensions": True})
    try:
        base.load_extension("spatial")
    except duckdb.Error:
        found = importlib.util.find_spec("duckdb_extension_spatial")
        if found is None:
            raise NotThere("the extension spatial is not installed") from None
        [extension] = Path(found.submodule_search_locations[0]).rglob("spatial.duckdb_extension")
        base.execute(f"LOAD '{extension}'")
    wkb = frame[~(frame.is_empty | shapely.is_missing(polygons_of(frame)))]
    table = wkb.assign(wkb=shapely.to_wkb(polygons_of(wkb)))[["pid", "wkb"]]
    base.register("sent", pd.DataFrame(table))
    base.execute("create table p as select pid, st_geomfromwkb(wkb) g from sent")

    def work() -> np.ndarray:
        named = base.execute("select pid from p where not st_isvalid(g)").fetchnumpy()["pid"].tolist()
        base.execute("create or replace table v as select pid, g from p where st_isvalid(g)")
        for relation in ("st_overlaps", "st_within"):
            # A second condition makes it leave the spatial join, so that a parcel is told apart from itself here.
            pairs = base.execute(f"select a.pid one, b.pid other from v a join v b on {relation}(a.g, b.g)").fetchnumpy()
            apart = pairs["one"] != pairs["other"]
            named += pairs["one"][apart].tolist() + pairs["other"][apart].tolist()
        base.execute("select st_area(st_union_agg(g)) from v").fetchall()
        return np.unique(named).astype(int)

    return work


def sedona_checks(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """SedonaDB: validity, overlapping and containing pairs; its union is quadratic and left out."""
    _require("sedonadb", 'pip install "sedonadb[geopandas]", and --peers PYTHON')
    import sedonadb

    base = sedonadb.connect()
    there = frame[~(frame.is_empty | shapely.is_missing(polygons_of(frame)))][["pid", "geometry"]]
    base.create_data_frame(there).to_view("p")

    def work() -> np.ndarray:
        named = base.sql("select pid from p where not st_isvalid(geometry)").to_pandas()["pid"].tolist()
        base.sql("select pid, geometry from p where st_isvalid(geometry)").to_memtable().to_view("v", overwrite=True)
        for relation in ("st_overlaps", "st_contains"):
            pairs = base.sql(f"select a.pid one, b.pid other from v a join v b on {relation}(a.geometry, b.geometry)").to_pandas()
            pairs = pairs[pairs["one"] != pairs["other"]]
            named += pairs["one"].tolist() + pairs["other"].tolist()
        return np.unique(named).astype(int)

    return work


def postgis_checks(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """PostGIS: index, validity, pairs that share ground, holes of the union; in the database that PGHOST and the like name."""
    if shutil.which("psql") is None:
        raise NotThere("psql is not installed")

    def ask(statement: str, **more) -> str:
        done = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement], capture_output=True, text=True, check=False, **more
        )
        if done.returncode:
            raise NotThere(f"psql: {done.stderr.strip().splitlines()[0]}")
        return done.stdout

    ask("create extension if not exists postgis; select 1")
    ask("drop table if exists bench_parcel; create table bench_parcel (pid int, g geometry)")
    there = frame[~(frame.is_empty | shapely.is_missing(polygons_of(frame)))]
    rows = "".join(f"{pid}\t{wkb}\n" for pid, wkb in zip(there["pid"], shapely.to_wkb(polygons_of(there), hex=True), strict=True))
    ask("copy bench_parcel from stdin", input=rows)

    def work() -> np.ndarray:
        said = ask(
            """set client_min_messages = error;
            drop table if exists bench_valid;
            create table bench_valid as select * from bench_parcel where st_isvalid(g);
            create index on bench_valid using gist (g); analyze bench_valid;
            select pid from bench_parcel where not st_isvalid(g)
            union select unnest(array[a.pid, b.pid]) from bench_valid a join bench_valid b
              on a.g && b.g and a.pid < b.pid and st_relate(a.g, b.g, 'T********')
            union select p.pid from (select (st_dumprings((st_dump(u)).geom)).* from (select st_union(g) u from bench_valid) w) r
              join bench_valid p on st_touches(p.g, r.geom) where r.path[1] > 0 and st_area(r.geom) < 5000"""
        )
        return np.array(sorted({int(line) for line in said.split()}))

    return work


def program_checks(name: str, why: str) -> Callable[[gpd.GeoDataFrame, Path], Work]:
    """A desktop program: told where it is missing."""

    def prepare(frame: gpd.GeoDataFrame, folder: Path) -> Work:
        if shutil.which(name) is None:
            raise NotThere(f"{name} is not installed")
        work = {"qgis_process": _qgis, "grass": _grass}[name]
        path = folder / "parcel_peer.gpkg"
        if not path.exists():
            frame[~(frame.is_empty | shapely.is_missing(polygons_of(frame)))].to_file(path, layer="parcel")
        return lambda: work(path, folder)

    prepare.__doc__ = why
    return prepare


def _qgis(path: Path, folder: Path) -> None:
    """Validity and the overlap check of the geometry checker, as far as the installed version offers it."""
    for algorithm, out in (("qgis:checkvalidity", "VALID_OUTPUT"), ("native:checkgeometryoverlap", "ERRORS")):
        given = [f"INPUT_LAYER={path}", f"INPUT={path}", "UNIQUE_ID=pid", f"{out}={folder}/out.gpkg"]
        screen = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        subprocess.run(["qgis_process", "run", algorithm, "--", *given], capture_output=True, check=False, env=screen)


def _grass(path: Path, folder: Path) -> None:
    """Import with topology, which breaks every boundary and reports what overlaps."""
    subprocess.run(
        ["grass", "--tmp-location", str(path), "--exec", "v.in.ogr", f"input={path}", "output=parcel"],
        capture_output=True,
        check=True,
    )


# Between layers, after edits, repair, conversion


def _streets(folder: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(folder / "dissolved.parquet")


def street_citygis(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """Parcels that take ground of one dissolved right of way."""
    from citygis.topology import overlaps_between

    street, pid = _streets(folder), frame["pid"].to_numpy()
    return lambda: pid[np.unique(overlaps_between(frame, street)["left"])]


def street_geopandas(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """sjoin(predicate="overlaps") with one dissolved right of way."""
    street = _streets(folder)
    there = frame[frame.is_valid & ~shapely.is_missing(polygons_of(frame))]
    return lambda: np.unique(gpd.sjoin(there, street, predicate="overlaps")["pid"])


def covered_citygis(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """Easements covered by sound parcels within 0.01 ft; names easements."""
    from citygis.topology import protrusions

    easement, sound = (gpd.read_parquet(folder / f"{name}.parquet") for name in ("easement", "sound"))
    eid = easement["eid"].to_numpy()
    return lambda: eid[np.unique(protrusions(easement, sound, tolerance_ft=0.01)["inner"])]


def covered_exactly(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """Easements less sound parcels, exactly, by overlay; names easements."""
    easement, sound = (gpd.read_parquet(folder / f"{name}.parquet") for name in ("easement", "sound"))
    return lambda: np.unique(gpd.overlay(easement, sound[["geometry"]], how="difference")["eid"])


def repair_citygis(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """Safe repair, validation included; names parcels changed."""
    import citygis as cg

    if not hasattr(cg, "repair"):
        raise NotThere("not there yet")

    def work() -> np.ndarray:
        mended = cg.repair({"parcel": frame}, only="geometry", key="pid")
        return np.unique(mended.edits["feature"].astype(int))

    return work


def repair_geos(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """shapely.coverage_clean of what is valid, snapping 0.12 ft; names parcels lost."""
    polygons, pid = polygons_of(frame), frame["pid"].to_numpy()
    there = np.flatnonzero(shapely.is_valid(polygons) & ~shapely.is_missing(polygons))

    def work() -> np.ndarray:
        cleaned = shapely.coverage_clean(polygons[there], snapping_distance=0.12, gap_width=1.0)
        return pid[there[shapely.is_empty(cleaned) & ~shapely.is_empty(polygons[there])]]

    return work


def _edited(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A hundred sound parcels with their first corner moved a quarter of a foot."""
    sound = np.flatnonzero(shapely.get_num_coordinates(polygons_of(frame)) > 4)
    some = frame.iloc[sound[:: max(1, len(sound) // 100)][:100]]

    def moved(corners: np.ndarray) -> np.ndarray:
        corners[(corners == corners[0]).all(axis=1)] += 0.25
        return corners

    shapes = [shapely.transform(shape, moved) for shape in polygons_of(some)]
    return some.set_geometry(gpd.GeoSeries(shapes, index=some.index, crs=some.crs))


def _pids(findings: gpd.GeoDataFrame) -> np.ndarray:
    names = pd.concat([findings["feature"], findings["other"].dropna()])
    return np.unique(names[names.str.isdigit()].astype(int))


def edits_standing(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """A layer that stays checked: a hundred edits, their neighbourhood looked at again."""
    from citygis.quality import standing

    before, edited = standing(frame, "parcel", key="pid"), _edited(frame)
    return lambda: _pids(before.after(edited).findings)


def edits_validate(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """The same edits, the whole layer checked again; names the same parcels."""
    import citygis as cg

    edited = frame.copy()
    edited.loc[_edited(frame).index, "geometry"] = _edited(frame).geometry
    return lambda: _pids(cg.validate(edited, "parcel", only="geometry", key="pid"))


def convert_citygis(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """A shapefile read, put into the City's system, validated and written as a GeoPackage."""
    import citygis as cg
    from citygis.gpkg import write_geopackage

    source = folder / "sent.shp"

    def work() -> None:
        layer = cg.read(source).to_crs("EPSG:6420")
        found = cg.validate(layer, "parcel", only="geometry", key="pid")
        write_geopackage(folder / "citygis.gpkg", {"parcel": layer, "findings": found}, overwrite=True)

    return work


def convert_geopandas(frame: gpd.GeoDataFrame, folder: Path) -> Work:
    """The same as geopandas would have it: read, reproject, mend what is invalid, pairs and union, write."""
    source = folder / "sent.shp"

    def work() -> None:
        layer = gpd.read_file(source).to_crs("EPSG:6420")
        geopandas_checks(layer, folder)()
        layer.geometry = layer.make_valid()
        layer.to_file(folder / "naive.gpkg", layer="parcel")

    return work


def _require(module: str, how: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise NotThere(f"{module} is not installed ({how})")


CASES: dict[str, dict[str, Callable[[gpd.GeoDataFrame, Path], Work]]] = {
    "checks": {
        "citygis measures": citygis_measures,
        "citygis validate": citygis_validate,
        "citygis with streets": citygis_validate_streets,
        "GEOS coverage": geos_coverage,
        "GEOS tiled": geos_tiled,
        "geopandas": geopandas_checks,
        "PostGIS": postgis_checks,
        "DuckDB": duckdb_checks,
        "SedonaDB": sedona_checks,
        "QGIS": program_checks("qgis_process", "QGIS geometry checks."),
        "GRASS": program_checks("grass", "GRASS import with topology."),
    },
    "one right of way": {"citygis": street_citygis, "geopandas": street_geopandas},
    "covered by": {"citygis": covered_citygis, "geopandas": covered_exactly},
    "repair": {"citygis": repair_citygis, "GEOS coverage_clean": repair_geos},
    "a hundred edits": {"citygis standing": edits_standing, "citygis whole layer": edits_validate},
    "convert": {"citygis": convert_citygis, "geopandas": convert_geopandas},
}
"""Contenders by case; the first one of a case is the measure of the others."""


def status_mb(name: str) -> float:
    """A figure of /proc/self/status in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return float("nan")


def cpu_seconds() -> float:
    """CPU of this process, its threads and the programs it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--case", required=True)
    parser.add_argument("--contender", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cores", type=int, default=0)
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    frame = gpd.read_parquet(options.folder / "parcel.parquet")
    try:
        work = CASES[options.case][options.contender](frame, options.folder)
    except NotThere as reason:
        print(json.dumps({"missing": str(reason)}))
        return
    loaded = status_mb("VmRSS")
    wall, cpu, named = [], [], None
    for _ in range(options.repeat):
        begins, busy = time.perf_counter(), cpu_seconds()
        named = work()
        wall.append(time.perf_counter() - begins)
        cpu.append(cpu_seconds() - busy)
    told = None if named is None else np.asarray(named).tolist()
    print(json.dumps({"wall": min(wall), "cpu": min(cpu), "loaded_mb": loaded, "peak_mb": status_mb("VmHWM"), "named": told}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
