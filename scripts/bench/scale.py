"""
A county's check over partitioned parcels on each engine: the same result, CPU seconds, and the most that one worker held.

The job on each part: from longitude and latitude into the City's system, validity, overlaps with neighbours in other parts too,
acres in flood zones. Each contender runs in a process of its own; the memory is that of its largest process.

    python scripts/bench/scale.py [--parcels 200000 500000 1000000 2000000] [--rows 100000] [--engines loop processes dask spark]
    python scripts/bench/scale.py --check 200000            findings of the whole and of its parts, on every engine
    python scripts/bench/scale.py --shuffle PYTHON          repartition beside dask-geopandas, which that Python has
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.geodesy import transform_frame
from citygis.quality import validate
from citygis.samples.defects import plant_defects
from citygis.samples.parcel_fabric import parcel_fabric
from citygis.scale import ground_of, map_partitions, open_dataset, parcels_checked, repartition, validate_dataset
from citygis.scale.engine import ATTEMPTS, SPARK

TILE = 200_000
"""Parcels made at a time; each tile is a file of its own, as a county would be."""
FEET, DEGREES = "EPSG:6420", "EPSG:6318"
HALO_DEGREES = 0.0003
ENGINES = {"loop": "local", "processes": "processes", "dask": "dask", "spark": "spark"}
NEEDS = {"dask": "distributed", "spark": "pyspark"}
INSTALLED = [name for name in ENGINES if name not in NEEDS or importlib.util.find_spec(NEEDS[name])]
SHUFFLE = """
import sys, time, dask_geopandas
if __name__ == "__main__":
    start = time.process_time()
    frame = dask_geopandas.read_parquet(sys.argv[1]).repartition(npartitions=int(sys.argv[2]))
    rows = frame.spatial_shuffle(by="hilbert", npartitions=int(sys.argv[2])).map_partitions(len).compute()
    assert rows.sum() == int(sys.argv[3])
    print(time.process_time() - start)
"""


def made(parcels: int, folder: Path) -> list[Path]:
    """Files of parcels in degrees: one lot in a hundred is drawn 0.5 ft over its neighbours, one in a thousand is a bowtie."""
    tile = parcel_fabric(min(TILE, parcels), seed=1).parcel
    shapes = np.asarray(tile.geometry.array, dtype=object)
    shapes[::100] = shapely.buffer(shapes[::100], 0.5, join_style="mitre")
    shapes[7::1000] = [bowtie(shape) for shape in shapes[7::1000]]
    west, south, east, north = shapely.total_bounds(shapes)
    paths, side = [], int(np.ceil(np.sqrt(parcels / TILE)))
    for number in range(max(1, round(parcels / TILE))):
        shift = (number % side) * (east - west), (number // side) * (north - south)
        moved = shapely.transform(shapes, lambda places, shift=shift: places + shift)
        apn = [f"{number:03d}-{k:06d}" for k in range(len(tile))]
        frame = gpd.GeoDataFrame({"apn": apn, "block": tile["block"]}, geometry=moved, crs=FEET)
        paths.append(folder / f"county_{number:03d}.parquet")
        transform_frame(frame, DEGREES)[0].to_parquet(paths[-1], write_covering_bbox=True)
    return paths


def bowtie(shape: shapely.Polygon) -> shapely.Polygon:
    """The box of a shape, with two corners exchanged."""
    west, south, east, north = shape.bounds
    return shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])


def flooded(dataset, seed: int = 0) -> gpd.GeoDataFrame:
    """About 2,000 flood zones over the bounds of a dataset, in feet."""
    low, high = dataset.bounds[:, :2].min(axis=0), dataset.bounds[:, 2:].max(axis=0)
    rng = np.random.default_rng(seed)
    places = gpd.GeoDataFrame(geometry=shapely.points(rng.uniform(low, high, (2_000, 2))), crs=DEGREES)
    middle = transform_frame(places, FEET)[0].geometry.array
    zones = shapely.union_all(shapely.buffer(np.asarray(middle, dtype=object), rng.uniform(100, 900, 2_000), quad_segs=32))
    return gpd.GeoDataFrame(geometry=shapely.get_parts(zones), crs=FEET)


def spent() -> float:
    """CPU seconds of this process and of those that it started, at any remove; Java's lives on behind a Spark session."""
    here = sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    ticks = sum(sum(map(int, stat(each)[11:15])) for each in living())
    return here + ticks / os.sysconf("SC_CLK_TCK")


def living() -> list[int]:
    """The processes that this one started, at any remove, and that have not ended."""
    found, front = [], [os.getpid()]
    parents = {int(path.name): int(said[1]) for path in Path("/proc").glob("[0-9]*") if (said := stat(int(path.name)))}
    while front:
        front = [each for each, parent in parents.items() if parent in front]
        found += front
    return found


def stat(process: int) -> list[str]:
    """What the system tells of a process, from its state on (proc(5), /proc/pid/stat); nothing of one that has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def peak_mb(process: int | str = "self") -> float:
    """The most that a process has held. ``ru_maxrss`` would begin with what its parent held."""
    try:
        told = Path(f"/proc/{process}/status").read_text(encoding="ascii").split("VmHWM:")[1]
    except (OSError, IndexError):
        return 0.0
    return int(told.split()[0]) / 1024


def contend(engine: str, path: Path) -> dict:
    """The job on one engine. ``cpu`` is all of this process and its workers, imports too; ``job`` leaves out what came before."""
    dataset = open_dataset(path)
    flood = ground_of(flooded(dataset))
    before, start = spent(), time.perf_counter()
    if engine == "spark":
        # Ours, so that it outlives the job: Spark's daemon does not count what its workers took once they have ended.
        from pyspark.sql import SparkSession

        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        SparkSession.builder.master(f"local[{os.cpu_count()},{ATTEMPTS}]").config(map=SPARK).getOrCreate()
    with tempfile.TemporaryDirectory() as out:
        result = map_partitions(
            parcels_checked, dataset, halo=HALO_DEGREES, broadcast={"flood": flood}, engine=ENGINES[engine], out=Path(out) / "done"
        )
        wall, cpu = time.perf_counter() - start, spent()
        most = peak_mb() if engine == "loop" else resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        most = max([most, *map(peak_mb, living())])
        sums, digest = np.zeros(4), 0
        for part in range(len(result.parts)):
            frame = pd.DataFrame(result.frame(part)).drop(columns="geometry")
            sums += [frame["overlaps"].sum(), frame["acres"].sum(), frame["flood_acres"].sum(), frame["broken"].notna().sum()]
            digest ^= int(np.bitwise_xor.reduce(pd.util.hash_pandas_object(frame).to_numpy(dtype=np.uint64)))
    return {"cpu": cpu, "job": cpu - before, "wall": wall, "mb": most, "sums": sums.round(3).tolist(), "digest": f"{digest:016x}"}


def told(findings: gpd.GeoDataFrame) -> list[str]:
    """Findings as text, column by column, in an order of their own."""
    plain = findings.drop(columns="geometry").astype(object)
    rows = zip(*(plain[name].where(plain[name].notna(), None) for name in plain), shapely.to_wkb(findings.geometry), strict=True)
    return sorted(map(repr, rows))


def check(parcels: int, rows: int, folder: Path) -> None:
    """Findings of a layer whole and in parts, with defects all over it and more on the edges of its parts."""
    layers, truth = plant_defects(parcel_fabric(parcels, seed=3), seed=4, per_kind=parcels // 1_430)
    layer = layers["parcel"].sample(frac=1, random_state=5).reset_index(drop=True)
    layer.to_parquet(folder / "layer.parquet")
    first = repartition(folder / "layer.parquet", folder / "first", rows=rows)
    on_edge = np.unique(np.concatenate([edge_rows(first, part) for part in range(len(first.parts))]))
    rng = np.random.default_rng(6)
    grown = rng.choice(on_edge, len(on_edge) // 4, replace=False)
    layer.loc[grown, "geometry"] = shapely.buffer(layer.geometry.array[grown], 0.3, join_style="mitre")
    twice = rng.choice(on_edge, 50, replace=False)
    layer.loc[twice[1:], "pid"] = layer.loc[twice[0], "pid"]
    layer.to_parquet(folder / "layer.parquet")
    dataset = repartition(folder / "layer.parquet", folder / "parts", rows=rows)
    whole = told(validate(layer, "parcel", key="pid"))
    print(
        f"{len(layer):,} parcels, {len(truth):,} defects and {len(grown):,} lots grown over the edges of {len(dataset.parts)} parts"
    )
    print(f"  whole      {len(whole):,} findings")
    for name in INSTALLED:
        parts = told(validate_dataset(dataset, "parcel", key="pid", engine=ENGINES[name]))
        print(f"  {name:<10} {len(parts):,} findings, {'equal' if parts == whole else 'NOT EQUAL'}")


def edge_rows(dataset, part: int) -> np.ndarray:
    """The rows of a part that touch rows of others."""
    from citygis.scale import rows_near

    own = dataset.frame(part)
    beside = rows_near(dataset, np.asarray(own.geometry.array, dtype=object), 1.0, without=part)
    if not len(beside):
        return np.empty(0, dtype=int)
    at = shapely.STRtree(own.geometry.array).query(beside.geometry.array, predicate="dwithin", distance=0.01)[1]
    return own.index.to_numpy()[np.unique(at)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, nargs="+", default=[200_000, 500_000, 1_000_000, 2_000_000])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=INSTALLED)
    parser.add_argument("--check", type=int, metavar="PARCELS")
    parser.add_argument("--shuffle", metavar="PYTHON")
    parser.add_argument("--contend", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        print(json.dumps(contend(options.contend[0], Path(options.contend[1]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.check:
            check(options.check, options.rows // 8, folder)
            return
        if options.shuffle:
            paths = made(options.parcels[0], folder)
            start = spent()
            dataset = repartition(paths[0], folder / "parts", rows=options.rows // 8)
            ours = (spent() - start) / len(dataset)
            command = [options.shuffle, "-c", SHUFFLE, str(paths[0]), str(len(dataset.parts)), str(len(dataset))]  # writes nothing
            theirs = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / len(dataset)
            print(f"{len(dataset):,} rows, us a row: {ours * 1e6:.1f}, spatial_shuffle {theirs * 1e6:.1f}, {theirs / ours:.0f}x")
            return
        growth = []
        for parcels in options.parcels:
            paths = made(parcels, folder)
            start, wall = spent(), time.perf_counter()
            dataset = repartition(paths, folder / f"parts_{parcels}", rows=options.rows)
            cpu, wall = spent() - start, time.perf_counter() - wall
            rate = len(dataset) / wall
            print(f"\n{len(dataset):,} parcels in {len(dataset.parts)} parts; repartition {cpu:.1f} CPU s, {rate:,.0f} rows/s")
            runs = {}
            for engine in options.engines:
                command = [sys.executable, __file__, "--contend", engine, str(dataset.path)]
                runs[engine] = json.loads(
                    subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
                )
                run, loop = runs[engine], runs[options.engines[0]]
                mine = "same" if run["digest"] == loop["digest"] else "NOT THE SAME"
                print(
                    f"  {engine:<10} {run['cpu']:7.1f} CPU s {run['cpu'] / loop['cpu']:4.2f}x {run['wall']:7.1f} s "
                    f"{run['mb']:5.0f} MB {mine} {run['sums']}",
                    flush=True,
                )
            growth.append((len(dataset), runs[options.engines[0]]["job"]))
        if len(growth) > 1:
            n, cpu = np.log(growth).T
            print(f"\ngrowth: CPU seconds as parcels to the power of {np.polyfit(n, cpu, 1)[0]:.2f}")


if __name__ == "__main__":
    main()
