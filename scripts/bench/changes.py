"""
Two deliveries of a county told apart: seconds, CPU seconds, memory, growth, and what is told of each kind of change.

Every case runs in a process of its own; of several readings the least counts. The layers are `citygis.samples.refresh`'s: rows in
another order, rings begun elsewhere and reversed, float noise everywhere, a vertex more on a third of the rings.

    python scripts/bench/changes.py [--parcels 50000 200000 800000] [--refreshes 2000] [--peers PYTHON]

PYTHON is one in which pygeodiff is installed. It compares two GeoPackages row by row: once as delivered, and once the rows numbered
alike by their key.
"""

import argparse
import json
import math
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

from citygis.changes import compare
from citygis.gpkg import write_geopackage
from citygis.samples.refresh import EVENTS, confusion, county_refresh

PARCELS_PER_EVENT = 1_700
"""About one parcel of a hundred takes part in a change."""
GROWTH = 1.2

PEER = """
import json, resource, sys, time
import pygeodiff
old, new, out = sys.argv[1:]
start = time.perf_counter()
differ = pygeodiff.GeoDiff()
differ.create_changeset(old, new, out)
print(json.dumps({"wall": time.perf_counter() - start, "cpu": sum(resource.getrusage(resource.RUSAGE_SELF)[:2]),
                  "changes": differ.changes_count(out)}))
"""


def one(folder: Path, repeat: int) -> dict:
    """The comparison of two layers, in this process."""
    old, new = (gpd.read_parquet(folder / f"{side}.parquet") for side in ("old", "new"))
    truth = pd.read_parquet(folder / "truth.parquet")
    walls, cpus = [], []
    for _ in range(repeat):
        wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        changes = compare(old, new, key="apn")
        after = resource.getrusage(resource.RUSAGE_SELF)
        walls.append(time.perf_counter() - wall)
        cpus.append(sum(after[:2]) - sum(before[:2]))
    table = confusion(truth, changes.changes)
    return {
        "wall": min(walls),
        "cpu": min(cpus),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "features": len(old),
        "truth": len(truth),
        "right": int(np.trace(table.to_numpy())),
        "told": len(changes.changes),
        "table": table.to_dict("split"),
    }


def made(parcels: int, folder: Path) -> None:
    """Two deliveries of one size and their truth."""
    refresh = county_refresh(parcels, seed=parcels, each=max(1, parcels // PARCELS_PER_EVENT))
    refresh.old.to_parquet(folder / "old.parquet")
    refresh.new.to_parquet(folder / "new.parquet")
    refresh.truth.to_parquet(folder / "truth.parquet")


def peer(python: str, folder: Path, *, aligned: bool) -> dict:
    """pygeodiff on the same layers."""
    old, new = (gpd.read_parquet(folder / f"{side}.parquet").drop(columns="OBJECTID") for side in ("old", "new"))
    if aligned:
        place = pd.Index(old["apn"]).get_indexer(new["apn"])
        new = new.iloc[np.argsort(np.where(place < 0, len(old) + np.arange(len(new)), place), kind="stable")]
    paths = [folder / f"{side}.gpkg" for side in ("old", "new")]
    for path, frame in zip(paths, (old, new), strict=True):
        write_geopackage(path, {"parcel": frame}, overwrite=True)
    done = subprocess.run(
        [python, "-c", PEER, *map(str, paths), str(folder / "out.diff")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["failed"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def refreshes(number: int) -> None:
    """Many small counties, every fifth of them shifted by 0.3 ft: the confusion matrix of all."""
    start, total, shifts = time.process_time(), None, 0
    for seed in range(number):
        shift = (0.3 * np.cos(seed), 0.3 * np.sin(seed)) if seed % 5 == 0 else None
        refresh = county_refresh(seed=seed, shift_ft=shift)
        changes = compare(refresh.old, refresh.new, key="apn")
        shifts += (changes.shift is None) == (shift is None)
        table = confusion(refresh.truth, changes.changes)
        total = table if total is None else total.add(table, fill_value=0)
    print(f"\n{number:,} refreshes of about 100 parcels, {len(EVENTS)} events each: {time.process_time() - start:.1f} CPU s")
    print(f"shift of the layer told, or none told, rightly: {shifts:,} of {number:,}; rows: what happened, columns: what was told")
    print(total.astype(int).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, nargs="+", default=[50_000, 200_000, 800_000])
    parser.add_argument("--refreshes", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", help="a Python in which pygeodiff is installed")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(one(options.folder, options.repeat)))
        return
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    readings = []
    for parcels in options.parcels:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            made(parcels, folder)
            command = [sys.executable, __file__, "--folder", name, "--repeat", str(options.repeat)]
            told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            readings.append((told["features"], told["cpu"]))
            print(f"{told['features']:>9,} features: {told['wall']:6.2f} s, {told['cpu']:6.2f} CPU s, {told['peak_mb']:6,.0f} MB; "
                  f"{told['right']:,} of {told['truth']:,} changes right, {told['told'] - told['right']:,} made up")  # fmt: skip
            if options.peers:
                for aligned in (False, True):
                    other = peer(options.peers, folder, aligned=aligned)
                    how = "rows by key" if aligned else "as delivered"
                    said = other.get("missing") or (
                        f"{other['wall']:6.2f} s, {other['cpu']:6.2f} CPU s, {other['changes']:,} changes without kinds"
                    )
                    print(f"          pygeodiff, {how:<12}: {said}")
            if parcels == options.parcels[-1]:
                print(pd.DataFrame(**told["table"]).to_string())
    if len(readings) > 1:
        power = math.log(readings[-1][1] / readings[0][1]) / math.log(readings[-1][0] / readings[0][0])
        print(f"growth of CPU seconds: to the power of {power:.2f} (at most {GROWTH})")
    if options.refreshes:
        refreshes(options.refreshes)


if __name__ == "__main__":
    main()
