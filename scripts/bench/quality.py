"""
Geometry checks beside their peers, on one fabric with planted defects: seconds, CPU seconds, memory, and what each finds.

Each contender runs in a process of its own on the same file; of several readings the least counts. Memory is the most that the
process ever held over the layer as loaded. A program or package that is not installed is named and left out.

    python scripts/bench/quality.py [--parcels 10000 200000] [--case checks] [--contender ...] [--cores 0] [--peers PYTHON]

PostGIS runs where psql finds a server (PGHOST, PGDATABASE, ...); its CPU seconds are those of psql, so only its wall time counts.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from quality_contenders import CASES

from citygis.samples.defects import plant_defects
from citygis.samples.parcel_fabric import dissolved, parcel_fabric

CONTENDERS = Path(__file__).with_name("quality_contenders.py")
PEERS = {"DuckDB", "SedonaDB"}
SLOWEST = {"PostGIS": 1_000_000, "QGIS": 200_000, "GRASS": 200_000}
"""Up to what size a contender is worth waiting for."""
LARGEST = {"one right of way": 100_000, "convert": 200_000, "repair": 200_000}


def prepared(parcels: int, folder: Path) -> pd.DataFrame:
    """The files of one size, and the truth of them."""
    fabric = parcel_fabric(parcels, seed=parcels)
    layers, truth = plant_defects(fabric, seed=parcels, per_kind=max(1, min(parcels // 1_430, 350)))
    layers["dissolved"] = dissolved(layers["right_of_way"])
    layers["sound"] = fabric.parcel
    for name in ("parcel", "sound", "right_of_way", "dissolved", "easement", "tract"):
        layers[name].to_parquet(folder / f"{name}.parquet")
    truth.to_pickle(folder / "truth.pkl")
    return truth.assign(parcels=len(layers["parcel"]))


def sent_shapefile(folder: Path) -> None:
    """The parcels as a county would send them, without what a shapefile cannot hold."""
    parcel = gpd.read_parquet(folder / "parcel.parquet")
    parcel[~shapely.is_missing(parcel.geometry.array) & ~parcel.is_empty].to_crs("EPSG:2227").to_file(folder / "sent.shp")


def run(case: str, contender: str, folder: Path, options: argparse.Namespace, cores: int) -> dict:
    """One contender in a process of its own."""
    python = options.peers if contender in PEERS and options.peers else sys.executable
    command = [python, str(CONTENDERS), "--case", case, "--contender", contender, "--folder", str(folder)]
    command += ["--repeat", str(options.repeat), "--cores", str(cores)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=options.patience)
    except subprocess.TimeoutExpired:
        return {"missing": f"stopped after {options.patience} s"}
    if done.returncode:
        return {"missing": f"failed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}"}
    return json.loads(done.stdout.splitlines()[-1])


def line(contender: str, told: dict, least: dict | None, parcels: int) -> str:
    """One row of the table of times."""
    if "missing" in told:
        return f"  {contender:<24} {told['missing']}"
    over = told["peak_mb"] - told["loaded_mb"]
    ratio = f"{told['wall'] / least['wall']:7.1f}x {told['cpu'] / max(least['cpu'], 1e-9):6.1f}x" if least else ""
    return (f"  {contender:<24} {told['wall']:8.2f} s {told['cpu']:8.2f} s {told['peak_mb']:8.0f} MB "
            f"{over * 1024 / parcels:6.2f} KB/parcel {ratio}")  # fmt: skip


def recall(truth: pd.DataFrame, folder: Path, told: dict[str, dict]) -> pd.DataFrame:
    """Percent of each kind that a contender names a parcel of, and the sound blocks it flags, one column per contender."""
    block = pd.read_parquet(folder / "parcel.parquet", columns=["pid", "block"]).set_index("pid")["block"]
    mine = truth[truth["layer"] == "parcel"]
    spoilt = set(mine["block"])
    columns = {}
    for contender, result in told.items():
        if result.get("named") is not None:
            named = set(result["named"])
            hit = mine["features"].map(lambda each, named=named: not named.isdisjoint(each))
            percent = (100 * hit.astype(float).groupby(mine["kind"], sort=False).mean()).round().astype(int)
            flagged = set(block.reindex(sorted(named)).dropna().astype(int)) - spoilt
            columns[contender] = pd.concat([percent, pd.Series({"sound blocks flagged": len(flagged)})])
    return pd.DataFrame(columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, nargs="+", default=[10_000, 100_000, 200_000])
    parser.add_argument("--case", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--contender", nargs="+", help="only these, by name")
    parser.add_argument("--cores", type=int, nargs="+", default=[0], help="how many processors a contender may use; 0 for all")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--patience", type=float, default=1_800, help="seconds after which a contender is stopped")
    parser.add_argument("--peers", help="a Python in which DuckDB and SedonaDB are installed")
    options = parser.parse_args()
    times: dict[tuple[str, str, int], list[tuple[int, float]]] = {}
    for asked in options.parcels:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            truth = prepared(asked, folder)
            parcels = int(truth["parcels"].iloc[0])
            print(f"\n{parcels:,} parcels, {len(truth):,} defects")
            for case in options.case:
                if asked > LARGEST.get(case, asked):
                    continue
                if case == "convert":
                    sent_shapefile(folder)
                for cores in options.cores:
                    print(f"{case}{f', {cores} core' + 's' * (cores > 1) if cores else ''}: "
                          "wall, CPU, peak, over the layer, and both over the first")  # fmt: skip
                    told: dict[str, dict] = {}
                    for contender in CASES[case]:
                        if (options.contender and contender not in options.contender) or asked > SLOWEST.get(contender, asked):
                            continue
                        told[contender] = run(case, contender, folder, options, cores)
                        first = next((each for each in told.values() if "wall" in each), None)
                        print(line(contender, told[contender], first, parcels), flush=True)
                        if "cpu" in told[contender]:
                            times.setdefault((case, contender, cores), []).append((parcels, told[contender]["cpu"]))
                    if case == "checks" and cores == options.cores[0]:
                        print(recall(truth, folder, told).to_string())
                    elif case != "checks":
                        counts = {each: len(result["named"]) for each, result in told.items() if result.get("named") is not None}
                        print("  named: " + ", ".join(f"{each} {count:,}" for each, count in counts.items()))
    print("\ngrowth of CPU seconds, to the power of")
    for (case, contender, cores), readings in times.items():
        if len(readings) > 1:
            (few, fast), (many, slow) = readings[0], readings[-1]
            power = math.log(slow / fast) / math.log(many / few)
            print(f"  {case:<18} {contender:<24} {f'{cores} cores' if cores else '':<8} {power:5.2f}  ({few:,} to {many:,})")


if __name__ == "__main__":
    main()
