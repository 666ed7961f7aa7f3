"""
Departments' questions beside their peers, on the same layers in the same run, the answers compared: CPU seconds, wall, memory.

Each contender runs in a process of its own on the same files; of several readings the least counts. What takes longer than ten
seconds is read once, what takes milliseconds up to a hundred times. Loading is not timed. A program or package that is not
installed is named and left out.

    python scripts/bench/analysis.py [--parcels 50000 200000] [--case overlay ...] [--repeat 3] [--peers PYTHON] [--out FILE.json]

The parcels, flood zones, streets, depths and addresses are made up. PostGIS runs in a temporary cluster, its server's CPU counted;
it and DuckDB get the flood zones in the pieces that citygis cuts, loaded and indexed before, while citygis starts from whole ones.
``geopandas.overlay`` gets one parcel in 400 and in 80, of which the line through both is drawn on to all parcels;
rasterstats gets one lot in four, its time counted four times.
"""

import argparse
import json
import math
import pickle
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from analysis_contenders import CASES, LIMIT_FT, RADIUS_FT, ROOT

from citygis.analysis.overlay import subdivided
from citygis.samples.parcel_fabric import parcel_fabric

CONTENDERS = Path(__file__).with_name("analysis_contenders.py")
PEERS = {"DuckDB"}
SIZED = ("overlay", "notice")
"""Cases that are run at every size."""
HEARINGS = 50
MESSY, WRONG = 5_000, 500
GOALS = {
    "overlay: geopandas.overlay CPU drawn on, of ours": (">=", 50),
    "overlay: PostGIS CPU, of ours": (">=", 1),
    "overlay: DuckDB CPU, of ours": (">=", 1),
    "overlay: worst relative difference": ("<=", 1e-9),
    "notice: slowest whole answer, wall s": ("<=", 1),
    "notice: slowest whole answer, CPU s": ("<=", 1),
    "notice: owners missed, of brute force": ("<=", 0),
    "notice: answers whose second way disagrees": ("<=", 0),
    "service: networkx CPU, of ours": (">=", 10),
    "service: worst difference to networkx, ft": ("<=", 1e-6),
    "zonal: rasterstats CPU for all lots, of ours": (">=", 8),
    "zonal: worst difference to cell by cell, ft": ("<=", 1e-5),
    "addresses: precision": (">=", 0.999),
    "addresses: numbers that do not exist matched": ("<=", 0),
    "hot spots: worst difference to esda": ("<=", 1e-9),
    "hot spots: esda CPU, of ours": (">=", 1),
    "contiguity, mesh: pairs not in both": ("<=", 0),
    "contiguity, parcels: pairs of libpysal missed": ("<=", 0),
}


def write_parcels(folder: Path, parcels: int) -> int:
    """Parcels, flood zones whole and in pieces, a roll and the subjects of hearings; how many parcels there are."""
    rng = np.random.default_rng(parcels)
    fabric = parcel_fabric(parcels, seed=parcels)
    n = len(fabric.parcel)
    codes = np.array(["R1", "R2", "RM", "CN", "CG", "IL", "PF", "OS"], dtype=object)
    parcel = fabric.parcel.assign(
        apn=[str(pid) for pid in fabric.parcel["pid"]],
        zoning_code=codes[rng.integers(0, len(codes), len(fabric.blocks))[fabric.parcel["block"].to_numpy()]],
    )[["pid", "apn", "zoning_code", "geometry"]]
    flood = flood_zones(parcel.total_bounds, rng, parcel.crs)
    parcel.to_parquet(folder / "parcel.parquet")
    flood.to_parquet(folder / "flood.parquet")
    pieces, owner = subdivided(np.asarray(flood.geometry.array, dtype=object))
    zone = flood["sfha_zone"].to_numpy()[owner]
    pd.DataFrame({"zone": zone, "wkb": shapely.to_wkb(pieces)}).to_parquet(folder / "pieces_wkb.parquet")
    shapes = np.asarray(parcel.geometry.array, dtype=object)
    pd.DataFrame({"pid": parcel["pid"], "wkb": shapely.to_wkb(shapes)}).to_parquet(folder / "parcel_wkb.parquet")
    whose = rng.integers(0, int(n * 0.9), n)
    roll = {"apn": parcel["apn"], "owner_name": [f"Owner {k}" for k in whose], "mail_1": [f"{k} Larch Way" for k in whose]}
    roll = pd.DataFrame(roll).assign(mail_city="Riverbend", mail_state="CA", mail_zip="95000")
    roll.to_parquet(folder / "roll.parquet")
    subjects = rng.choice(parcel["apn"].to_numpy(dtype=object), HEARINGS, replace=False).tolist()
    (folder / "subjects.json").write_text(json.dumps(subjects))
    vertices = [
        f"{zone} {count:,}" for zone, count in zip(flood["sfha_zone"], shapely.get_num_coordinates(flood.geometry), strict=True)
    ]
    print(f"\n{n:,} parcels; vertices of the flood zones: {', '.join(vertices)}, in {len(pieces):,} pieces", flush=True)
    return n


def flood_zones(bounds: np.ndarray, rng: np.random.Generator, crs) -> gpd.GeoDataFrame:
    """Zone AE along three winding rivers and zone X500 on either side of it, each one multipolygon of very many vertices."""
    west, south, east, north = bounds
    x = np.linspace(west - 100, east + 100, 4_630)
    water, edge = [], []
    for river in range(3):
        middle = south + (north - south) * (river + 0.5) / 3 + (north - south) / 14 * np.sin(x / (east - west) * 9 + river)
        wide = (north - south) / 60
        lines = [middle + wide * at + rng.uniform(-8, 8, len(x)) for at in (-2.4, -1, 1, 2.4)]
        rings = [np.concatenate([np.column_stack([x, low]), np.column_stack([x, high])[::-1]]) for low, high in pairwise(lines)]
        edge += [shapely.Polygon(rings[0]), shapely.Polygon(rings[2])]
        water.append(shapely.Polygon(rings[1]))
    return gpd.GeoDataFrame(
        {"sfha_zone": ["AE", "X500"]}, geometry=[shapely.MultiPolygon(water), shapely.MultiPolygon(edge)], crs=crs
    )


def write_streets(folder: Path) -> None:
    """Streets of a crooked grid of 20,000 nodes, one in five one-way, one in ten missing."""
    rng = np.random.default_rng(3)
    place = crooked(142, 142, 330.0, rng)
    pairs = [np.stack([place[:, :-1], place[:, 1:]], axis=2), np.stack([place[:-1], place[1:]], axis=2)]
    pairs = np.concatenate([each.reshape(-1, 2, 2) for each in pairs])
    pairs = pairs[rng.random(len(pairs)) > 0.1]
    ways = rng.choice(["B", "FT", "TF"], len(pairs), p=[0.8, 0.1, 0.1])
    gpd.GeoDataFrame({"OneWay": ways}, geometry=shapely.linestrings(pairs), crs="EPSG:6420").to_parquet(folder / "streets.parquet")


def crooked(across: int, up: int, spacing_ft: float, rng: np.random.Generator) -> np.ndarray:
    """Places of a grid, each moved by up to a fifth of the spacing; (up, across, 2)."""
    place = np.stack(np.meshgrid(np.arange(across) * spacing_ft, np.arange(up) * spacing_ft), axis=-1)
    return place + rng.uniform(-spacing_ft / 5, spacing_ft / 5, place.shape) + [6_330_000.0, 2_100_000.0]


def write_depths(folder: Path) -> None:
    """Lots, and depths at 5 ft: a ramp with waves, dry (without a value) above the water."""
    import rasterio
    from rasterio.transform import from_origin

    lots = parcel_fabric(12_000, seed=12).parcel
    lots.to_parquet(folder / "lots.parquet")
    west, south, east, north = lots.total_bounds
    columns, rows = (math.ceil(length / 5.0) + 2 for length in (east - west, north - south))
    across, down = np.meshgrid(np.arange(columns), np.arange(rows))
    depth = 12.0 * across / columns - 3.0 + np.sin(across / 17.0) * np.cos(down / 23.0)
    depth = np.where(depth > 0, depth, -9999.0).astype("float32")
    how = {"driver": "GTiff", "width": columns, "height": rows, "count": 1, "dtype": "float32", "nodata": -9999.0}
    how |= {"tiled": True, "compress": "deflate", "crs": lots.crs, "transform": from_origin(west - 5, north + 5, 5, 5)}
    with rasterio.open(folder / "depth.tif", "w", **how) as file:
        file.write(depth, 1)
        file.units = ("ft",)
    print(f"\n{len(lots):,} lots on {columns:,} x {rows:,} cells of 5 ft", flush=True)


def write_addresses(folder: Path) -> None:
    """A city's addresses, some of them as people mistype them, and house numbers that do not exist, mistyped alike."""
    sys.path.insert(0, str(ROOT / "tests"))
    from messy_addresses import city, written

    rng = np.random.default_rng(426)
    points = city(426, rng)
    points.to_parquet(folder / "points.parquet")
    columns = [points[name].tolist() for name in ("Add_Number", "St_Name", "St_PosTyp")]
    there = set(zip(*columns, strict=True))
    picked, bad = rng.integers(0, len(points), MESSY), rng.integers(0, len(points), WRONG)
    asked = [tuple(column[k] for column in columns) for k in picked]
    # Odd and even numbers exclude each other on these streets: the neighbour of a number that is there is none.
    wrong = [(columns[0][k] ^ 1, columns[1][k], columns[2][k]) for k in bad]
    if there.intersection(wrong):
        raise RuntimeError("A house number that was to be wrong exists.")
    said = [written(*each, rng) for each in asked + wrong]
    pd.DataFrame({"said": said, "truth": np.r_[picked, np.full(WRONG, -1)]}).to_parquet(folder / "said.parquet")


def write_counts(folder: Path) -> None:
    """Incidents by cell, with two clusters."""
    counts = np.random.default_rng(9).poisson(1.2, (100, 100))
    counts[20:26, 30:36] += 4
    counts[70:73, 60:66] += 6
    np.save(folder / "counts.npy", counts)


def write_mesh(folder: Path) -> None:
    """Quadrangles that share every corner."""
    p = crooked(225, 225, 100.0, np.random.default_rng(5))
    rings = np.stack([p[:-1, :-1], p[:-1, 1:], p[1:, 1:], p[1:, :-1], p[:-1, :-1]], axis=2).reshape(-1, 5, 2)
    gpd.GeoDataFrame(geometry=shapely.polygons(rings), crs="EPSG:6420").to_parquet(folder / "mesh.parquet")


def write_neighbours(folder: Path) -> None:
    """Parcels, some of whose corners lie within a neighbour's line."""
    parcel_fabric(50_000, seed=5).parcel[["geometry"]].to_parquet(folder / "neighbours.parquet")


WRITERS = {
    "service": write_streets,
    "zonal": write_depths,
    "addresses": write_addresses,
    "hot spots": write_counts,
    "contiguity, mesh": write_mesh,
    "contiguity, parcels": write_neighbours,
}


class Bench:
    """Readings of contenders, and the figures made of them."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.figures: dict[str, float] = {}
        self.readings: dict[tuple[str, str], list[tuple[int, float]]] = {}

    def race(self, case: str, folder: Path, size: int) -> tuple[dict[str, dict], dict[str, object]]:
        """Readings and answers of each contender; one that cannot run is named and left out."""
        print(f"{case}: wall, CPU, peak, over what was loaded, and CPU over the first", flush=True)
        told, answers = {}, {}
        for contender in CASES[case]:
            path = folder / "answer.pickle"
            result = self._run(case, contender, folder, path)
            if "missing" in result:
                print(f"  {contender:<26} not measured: {result['missing']}", flush=True)
                continue
            told[contender], answers[contender] = result, pickle.loads(path.read_bytes())
            self.readings.setdefault((case, contender), []).append((size, result["cpu"]))
            first = next(iter(told.values()))
            print(f"  {contender:<26} {result['wall']:9.4f} s {result['cpu']:9.4f} s {result['peak_mb']:7.0f} MB "
                  f"{result['peak_mb'] - result['loaded_mb']:7.0f} MB {result['cpu'] / max(first['cpu'], 1e-9):8.1f}x",
                  flush=True)  # fmt: skip
        return told, answers

    def _run(self, case: str, contender: str, folder: Path, answer: Path) -> dict:
        python = self.options.peers if contender in PEERS and self.options.peers else sys.executable
        command = [python, CONTENDERS, "--case", case, "--contender", contender, "--folder", folder, "--answer", answer]
        command += ["--repeat", self.options.repeat]
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=self.options.patience)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.communicate()
            return {"missing": f"stopped after {self.options.patience:g} s"}
        if process.returncode:
            return {"missing": f"failed: {(err.strip().splitlines() or ['killed'])[-1]}"}
        return json.loads(out.splitlines()[-1])

    def note(self, name: str, value: float, *, largest: bool = True) -> None:
        """A figure against its goal, which is one for the largest size."""
        goal = GOALS.get(name) if largest else None
        if largest:
            self.figures[name] = value
        met = "" if goal is None else "met" if (value <= goal[1] if goal[0] == "<=" else value >= goal[1]) else "MISSED"
        print(f"    {name:<58} {value:10.4g}   {f'goal {goal[0]} {goal[1]}: {met}' if goal else ''}", flush=True)


def overlay(bench: Bench, folder: Path, n: int, largest: bool) -> None:
    """Acres by zoning and flood zone: speed, and every parcel's ground in every zone compared."""
    told, answers = bench.race("overlay", folder, n)
    if "citygis" not in told:
        return
    code = pd.read_parquet(folder / "parcel.parquet", columns=["pid", "zoning_code"]).set_index("pid")["zoning_code"]
    ground = {}
    for name, answer in answers.items():
        frame = pd.DataFrame(answer)
        frame["zoning"] = code.reindex(frame["pid"]).to_numpy()
        ground[name] = frame.set_index(["pid", "zone"])
    ours, us = ground["citygis"], told["citygis"]
    worst = 0.0
    for name, theirs in ground.items():
        some = ours
        if name.startswith("geopandas"):
            every = 400 if name.endswith("few") else 80
            some = ours[ours.index.get_level_values("pid").isin(code.index[::every])]
        acres, again = (each.groupby(["zoning", "zone"])["sqft"].sum() / 43_560 for each in (some, theirs))
        difference = float(((again.sub(acres, fill_value=0)).abs() / acres.max()).max())
        parts = theirs["sqft"].sub(some["sqft"], fill_value=0).abs().max()
        print(f"    {name:<26} {len(acres)} classes, {acres.sum():12,.4f} acres, worst part of a parcel {parts:.1e} sq ft away")
        worst = max(worst, difference)
    bench.note("overlay: worst relative difference", worst, largest=largest)
    few, more = "geopandas.overlay, few", "geopandas.overlay, more"
    if few in told and more in told:
        a, b = math.ceil(n / 400), math.ceil(n / 80)
        each = (told[more]["cpu"] - told[few]["cpu"]) / (b - a)
        all_ = told[more]["cpu"] + each * (n - b)
        bench.note("overlay: geopandas.overlay on all parcels, drawn on, CPU s", all_, largest=largest)
        bench.note("overlay: geopandas.overlay CPU drawn on, of ours", all_ / us["cpu"], largest=largest)
        if "citygis acreage" in told:
            bench.note("overlay: the same, of the whole answer", all_ / told["citygis acreage"]["cpu"], largest=largest)
    for peer in ("PostGIS", "DuckDB"):
        if peer in told:
            bench.note(f"overlay: {peer} CPU, of ours", told[peer]["cpu"] / us["cpu"], largest=largest)
            bench.note(f"overlay: {peer} wall, of ours", told[peer]["wall"] / us["wall"], largest=largest)


def notice(bench: Bench, folder: Path, n: int, largest: bool) -> None:
    """Notice lists of fifty hearings."""
    _, answers = bench.race("notice", folder, n)
    if not {"citygis", "brute force", "buffer and sjoin"} <= set(answers):
        return
    owner = pd.read_parquet(folder / "roll.parquet", columns=["apn", "owner_name"]).set_index("apn")["owner_name"]
    ours, brute = answers["citygis"], answers["brute force"]

    def missed(lists: dict) -> tuple[int, int]:
        """Owners and parcels of the brute-force lists that these have not."""
        lost = [set(brute[each]) - set(lists[each]) for each in brute]
        people = sum(len(set(owner[list(brute[each])]) - set(owner[list(lists[each])])) for each in brute)
        return people, sum(map(len, lost))

    lists = {each: found[0] for each, found in ours.items()}
    bench.note("notice: slowest whole answer, wall s", max(found[1] for found in ours.values()), largest=largest)
    bench.note("notice: slowest whole answer, CPU s", max(found[2] for found in ours.values()), largest=largest)
    bench.note("notice: parcels on the lists, by brute force", sum(map(len, brute.values())), largest=largest)
    bench.note("notice: owners missed, of brute force", missed(lists)[0], largest=largest)
    extra = sum(len(set(lists[each]) - set(brute[each])) for each in brute)
    bench.note("notice: parcels more than brute force (rounding)", extra, largest=largest)
    bench.note("notice: answers whose second way disagrees", sum(not found[3] for found in ours.values()), largest=largest)
    bench.note("notice: owners that a buffer misses", missed(answers["buffer and sjoin"])[0], largest=largest)
    bench.note("notice: parcels that a buffer misses", missed(answers["buffer and sjoin"])[1], largest=largest)


def service(bench: Bench, told: dict, answers: dict, folder: Path) -> None:
    """Service areas of ten stations."""
    us = answers["citygis"]
    bench.note("service: nodes", us.shape[1])
    bench.note("service: nodes reached, all stations", float(np.isfinite(us).sum()))
    if "networkx" in told:
        theirs = np.full_like(us, np.inf)
        for row, found in enumerate(answers["networkx"]):
            theirs[row, list(found)] = list(found.values())
        both = np.isfinite(us) & np.isfinite(theirs)
        alike = np.array_equal(np.isfinite(us), np.isfinite(theirs))
        bench.note("service: worst difference to networkx, ft", float(np.abs(us[both] - theirs[both]).max()) if alike else math.inf)
        for name, key in (("citygis", "ours"), ("citygis, graph kept", "ours with the graph kept"),
                          ("citygis with stretches", "ours with stretches cut")):  # fmt: skip
            bench.note(f"service: networkx CPU, of {key}", told["networkx"]["cpu"] / told[name]["cpu"])


def zonal(bench: Bench, told: dict, answers: dict, folder: Path) -> None:
    """Depths of lots."""
    us, cells = answers["citygis"], answers["cell by cell, 1 in 100"]
    some = us[::100][:, [0, 2]]
    alike = np.array_equal(np.isnan(some), np.isnan(cells))
    bench.note("zonal: worst difference to cell by cell, ft", float(np.nanmax(np.abs(some - cells))) if alike else math.inf)
    if "rasterstats, 1 in 4" in told:
        theirs, us = answers["rasterstats, 1 in 4"], us[::4]
        bench.note("zonal: rasterstats CPU for all lots, of ours", 4 * told["rasterstats, 1 in 4"]["cpu"] / told["citygis"]["cpu"])
        for k, name in enumerate(("greatest", "least", "mean")):
            away = np.abs(us[:, k] - theirs[:, k])
            bench.note(f"zonal: {name}, worst difference to rasterstats, ft", float(np.nanmax(away)))
            bench.note(f"zonal: {name}, share of lots within 1e-5 ft", float((~(away > 1e-5)).mean()))


def addresses(bench: Bench, told: dict, answers: dict, folder: Path) -> None:
    """Addresses matched."""
    truth = pd.read_parquet(folder / "said.parquet")["truth"].to_numpy()
    for name, found in answers.items():
        right = truth[::25] if "1 in 25" in name else truth
        good, matched = right >= 0, found >= 0
        whose = "" if name == "citygis" else f" of {name}"
        bench.note(f"addresses: precision{whose}", float((found == right)[good & matched].mean()))
        bench.note(f"addresses: share matched{whose}", float(matched[good].mean()))
        bench.note(f"addresses: numbers that do not exist matched{whose}", int(matched[~good].sum()))


def hot_spots(bench: Bench, told: dict, answers: dict, folder: Path) -> None:
    """Gi*."""
    if "esda" in told:
        bench.note("hot spots: worst difference to esda", float(np.abs(answers["citygis"] - answers["esda"]).max()))
        bench.note("hot spots: esda CPU, of ours", told["esda"]["cpu"] / told["citygis"]["cpu"])


def contiguity(bench: Bench, told: dict, answers: dict, folder: Path) -> None:
    """Pairs of neighbours."""
    case = "contiguity, mesh" if (folder / "mesh.parquet").exists() else "contiguity, parcels"
    if "libpysal" in told:
        ours, theirs = (set(map(tuple, answers[name].tolist())) for name in ("citygis", "libpysal"))
        if case == "contiguity, mesh":
            bench.note(f"{case}: pairs not in both", len(ours ^ theirs))
        else:
            bench.note(f"{case}: pairs of libpysal missed", len(theirs - ours))
            bench.note(f"{case}: pairs that libpysal misses", len(ours - theirs))
        bench.note(f"{case}: pairs", len(ours))
        bench.note(f"{case}: libpysal CPU, of ours", told["libpysal"]["cpu"] / told["citygis"]["cpu"])


JUDGES = {
    "service": service,
    "zonal": zonal,
    "addresses": addresses,
    "hot spots": hot_spots,
    "contiguity, mesh": contiguity,
    "contiguity, parcels": contiguity,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--case", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--patience", type=float, default=120, help="seconds after which a contender is stopped")
    parser.add_argument("--peers", help="a Python in which DuckDB and its extension spatial are installed")
    parser.add_argument("--out", type=Path, help="the figures, as JSON")
    options = parser.parse_args()
    began, bench = time.perf_counter(), Bench(options)
    print(f"A notice is within {RADIUS_FT:g} ft, a service area within {LIMIT_FT:,g} ft of street.")
    for parcels in options.parcels if set(SIZED) & set(options.case) else []:
        with tempfile.TemporaryDirectory() as name:
            n = write_parcels(Path(name), parcels)
            for case, judge in (("overlay", overlay), ("notice", notice)):
                if case in options.case:
                    judge(bench, Path(name), n, parcels == max(options.parcels))
    for case, judge in JUDGES.items():
        if case in options.case:
            with tempfile.TemporaryDirectory() as name:
                WRITERS[case](Path(name))
                told, answers = bench.race(case, Path(name), 0)
                if "citygis" in told:
                    judge(bench, told, answers, Path(name))
    print("\ngrowth of CPU seconds, to the power of")
    for (case, contender), readings in bench.readings.items():
        if len(readings) > 1:
            (few, fast), (many, slow) = readings[0], readings[-1]
            print(f"  {case:<12} {contender:<26} {math.log(slow / fast) / math.log(many / few):5.2f}  ({few:,} to {many:,})")
    missing = [name for name in GOALS if name.partition(":")[0] in options.case and name not in bench.figures]
    print(f"\n{time.perf_counter() - began:.0f} s in all{'; no figure for: ' + '; '.join(missing) if missing else ''}")
    if options.out:
        options.out.write_text(json.dumps(bench.figures, indent=1))


if __name__ == "__main__":
    main()
