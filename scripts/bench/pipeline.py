"""
Seconds and peak memory of each stage, from a county's zipped shapefile to a loaded, validated GeoPackage and a sheet, at two sizes.

Each size runs in a process of its own, so that memory is counted from nothing. The growth exponent is the slope of time over size
on logarithmic axes: 1 is linear. The peer, in the same run, is what the same work costs in plain geopandas: read, reproject,
check validity, find overlapping pairs, write.

    python scripts/bench/pipeline.py [--parcels 10000 200000] [--no-peer]
"""

import argparse
import functools
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]
DELIVERY = Path("deliveries") / "county_parcels_2026q3.zip"


def resident_mb() -> float:
    """Memory of this process, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return math.nan


class Stopwatch:
    """Times the stages of one run and watches how much memory each takes at its worst."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}

    def run(self, name: str, work):
        worst, done = [resident_mb()], threading.Event()

        def watch() -> None:
            while not done.wait(0.02):
                worst[0] = max(worst[0], resident_mb())

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        start, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.stages[name] = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
        done.set()
        watcher.join()
        self.stages[name]["peak_mb"] = max(worst[0], resident_mb())
        return result


def citygis_pipeline(folder: Path) -> dict:
    """The stages of citygis on the deliveries in a folder."""
    import citygis as cg
    from citygis.gpkg import read_geopackage
    from citygis.sheets import sheet_templates

    city = cg.open_city(folder / "city")
    base = {name: read_geopackage(folder / "city" / "city_base.gpkg", name) for name in ("tract", "right_of_way")}
    delivery = folder / DELIVERY
    watch = Stopwatch()
    watch.run("import", lambda: (cg.read, cg.validate, cg.draw, cg.convert))
    raw = watch.run("read", lambda: cg.read(delivery))
    parcels = watch.run("convert", functools.partial(cg.convert, raw, "parcel", crosswalk="county_assessor", city=city))
    del raw
    findings = watch.run("validate core", lambda: cg.validate({"parcel": parcels.layer, **base}, city=city))
    assert len(parcels.quarantine) == 0 and not (findings["severity"] == "error").any(), "the clean city must be clean"

    def load():
        with cg.store(city) as db:
            return db.load({**base, "parcel": parcels.layer}, source=delivery, findings=findings)

    watch.run("load", load)
    sheet = cg.Sheet.from_file(next(path for path in sheet_templates() if path.stem == "parcel_wall_map"))
    watch.run(
        "sheet", lambda: cg.draw(sheet, {"parcel": parcels.layer, **base}, city=city).save(folder / "wall.pdf", overwrite=True)
    )
    return {"rows": len(parcels.layer), "stages": watch.stages}


def geopandas_pipeline(folder: Path) -> dict:
    """The same work as plain geopandas would have it; it finds no sliver, no duplicate number and no gap."""
    import geopandas as gpd

    watch = Stopwatch()
    raw = watch.run("read", lambda: gpd.read_file(folder / DELIVERY))
    parcels = watch.run("convert", lambda: raw.to_crs(6420))
    watch.run(
        "validate core",
        lambda: (parcels.is_valid.all(), gpd.sjoin(parcels[["geometry"]], parcels[["geometry"]], predicate="overlaps")),
    )
    watch.run("load", lambda: parcels.to_file(folder / "naive.gpkg", layer="parcel"))
    return {"rows": len(parcels), "stages": watch.stages}


def measure(kind: str, parcels: int, folder: Path) -> dict:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--run", kind, "--folder", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{kind} with {parcels:,} parcels failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--parcels", type=int, nargs="+", default=[10_000, 200_000])
    parser.add_argument("--no-peer", action="store_true", help="leave geopandas out")
    parser.add_argument("--run", choices=["citygis", "geopandas"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps({"citygis": citygis_pipeline, "geopandas": geopandas_pipeline}[options.run](options.folder)))
        return

    kinds = ["citygis"] if options.no_peer else ["citygis", "geopandas"]
    results: dict[str, list[dict]] = {kind: [] for kind in kinds}
    for parcels in options.parcels:
        with tempfile.TemporaryDirectory() as folder:
            make = [
                sys.executable,
                str(SCRIPTS / "make_sample_data.py"),
                "--parcels",
                str(parcels),
                "--no-defects",
                "--out",
                folder,
            ]
            start = time.perf_counter()
            subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
            print(f"{parcels:,} parcels made in {time.perf_counter() - start:.1f} s", file=sys.stderr)
            for kind in kinds:
                results[kind].append(measure(kind, parcels, Path(folder)))
    for kind, runs in results.items():
        report(kind, runs)


def report(kind: str, runs: list[dict]) -> None:
    """One table: a line per stage, the sizes side by side, the growth exponent between the first and the last."""
    for run in runs:
        stages = [stage for name, stage in run["stages"].items() if name not in ("import", "sheet")]
        run["stages"]["file to store"] = {
            "seconds": sum(stage["seconds"] for stage in stages),
            "cpu_seconds": sum(stage["cpu_seconds"] for stage in stages),
            "peak_mb": max(stage["peak_mb"] for stage in stages),
        }
    print(f"\n{kind}")
    print(f"{'stage':15}" + "".join(f"{run['rows']:>12,} s{'cpu s':>8}{'MB':>7}" for run in runs) + f"{'exponent':>10}")
    for name in runs[-1]["stages"]:
        cells = [run["stages"][name] for run in runs]
        line = "".join(f"{cell['seconds']:14.2f}{cell['cpu_seconds']:8.2f}{cell['peak_mb']:7.0f}" for cell in cells)
        growth = (
            math.log(cells[-1]["seconds"] / cells[0]["seconds"]) / math.log(runs[-1]["rows"] / runs[0]["rows"])
            if len(runs) > 1
            else math.nan
        )
        print(f"{name:15}{line}{growth:10.2f}")


if __name__ == "__main__":
    main()
