"""
How fast the City's geodatabase is, beside what people use instead: ratios, in the same run, on the same rows.

    python scripts/bench/store.py [--rows 200000] [--postgis] [--out store.json]

Times are CPU seconds of this process (and, for PostGIS, of the server's processes) unless they say wall. The rows are those of the
tests: parcels with nine vertices, 37 columns. PostGIS runs in a temporary cluster with fsync on.
"""

import argparse
import gc
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import fiona  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import shapely  # noqa: E402
from store_city import make_city, parcels, source  # noqa: E402

from citygis.changes import ChangeSet, LayerChange, lineage_frame  # noqa: E402
from citygis.findings import findings_frame  # noqa: E402
from citygis.gpkg import read_geopackage, write_geopackage  # noqa: E402
from citygis.schema import schema  # noqa: E402
from citygis.store import store  # noqa: E402

GOALS = {
    "gpkg write vs fiona": (">=", 15),
    "gpkg read vs fiona": (">=", 15),
    "postgis load vs to_postgis": (">=", 3),
    "1 % change set vs rewriting the layer": ("<=", 0.5),
    "history per 1 % delivery, share of the layer": ("<=", 0.05),
    "as_of vs a plain read": ("<=", 2),
}


def timed(function, *, repeat: int = 1, server=lambda: 0.0) -> tuple[float, float, object]:
    """Least CPU and wall seconds of some runs, and what the last one gave."""
    best, wall, value = np.inf, np.inf, None
    for _ in range(repeat):
        gc.collect()
        before, began = _cpu() + server(), time.perf_counter()
        value = function()
        best, wall = min(best, _cpu() + server() - before), min(wall, time.perf_counter() - began)
    return best, wall, value


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def one_percent(frame: pd.DataFrame, number: int) -> ChangeSet:
    """A delivery's worth of change: of a hundred parcels one is edited or moved, split or retired."""
    n = len(frame) // 100
    picked = frame.sample(n, random_state=number)
    updated = picked.iloc[: n * 7 // 10].assign(lot=str(number))
    moved = updated.geometry.to_numpy().copy()
    moved[: len(moved) // 2] = shapely.transform(moved[: len(moved) // 2], lambda c: c + 0.5)
    updated = updated.set_geometry(moved, crs=frame.crs)
    retired = picked.iloc[n * 7 // 10 : n * 85 // 100]
    added = parcels(n * 3 // 10, apns=[f"{number}{k:07d}" for k in range(n * 3 // 10)])
    links = pd.DataFrame({"layer": "parcel", "parent": np.repeat(retired["global_id"].to_numpy(), 2)[: len(added)]}).assign(
        kind="split", share_parent=0.5, share_child=1.0
    )
    links["child"] = added["global_id"].to_numpy()[: len(links)]
    gone = pd.DataFrame({"global_id": retired["global_id"].to_numpy()}, dtype="str")
    return ChangeSet({"parcel": LayerChange(added, updated, gone)}, lineage_frame(links.to_dict("records")))


def against_files(frame: pd.DataFrame, folder: Path) -> dict:
    """Whole files: ours, pyogrio's and fiona's."""
    ours, theirs = folder / "ours.gpkg", folder / "fiona.gpkg"
    whole = timed(lambda: write_geopackage(ours, {"parcel": frame}, schema=schema(), overwrite=True), repeat=2)
    # The peers cannot write columns of nothing but nulls with their types: all are held to the columns that say something.
    plain = frame.dropna(axis=1, how="all")
    plain = plain.assign(city_owned=plain["city_owned"].astype(int), roll_year=plain["roll_year"].astype(int))
    written = timed(lambda: write_geopackage(ours, {"parcel": plain}, overwrite=True), repeat=2)
    read = timed(lambda: read_geopackage(ours, "parcel"), repeat=2)
    fiona_written = timed(lambda: plain.to_file(theirs, layer="parcel", engine="fiona"))

    def read_by_fiona():
        import geopandas

        with fiona.open(theirs) as opened:
            return geopandas.GeoDataFrame.from_features(opened, crs=6420)

    fiona_read = timed(read_by_fiona)
    pyogrio_written = timed(lambda: plain.to_file(folder / "pyogrio.gpkg", layer="parcel", engine="pyogrio"))
    return {
        "gpkg write vs fiona": fiona_written[0] / written[0],
        "gpkg read vs fiona": fiona_read[0] / read[0],
        "gpkg write vs pyogrio": pyogrio_written[0] / written[0],
        "gpkg write s": written[0],
        "gpkg write of all columns s": whole[0],
        "gpkg read s": read[0],
    }


def of_store(frame: pd.DataFrame, folder: Path, address: str, size, server=lambda: 0.0) -> dict:
    """Load, change sets, earlier states, undo."""
    city = make_city(folder / "city", store=address)
    none = findings_frame(crs=city.crs)
    db = store(city)
    layers = {"parcel": frame, "source_document": source()}
    loaded = timed(lambda: db.load(layers, findings=none, author="bench"), server=server)
    again = timed(lambda: db.load(layers, findings=none, author="bench"), server=server)
    before = size(db)
    applied = []
    for number in (90, 91, 92, 93):
        held = db.read("parcel")
        batch = one_percent(held, number)
        applied.append(timed(lambda batch=batch: db.apply(batch, findings=none, author="bench"), server=server))
        if number == 90:
            first_state = held
    grown = (size(db) - before) / 4 / before
    read = timed(lambda: db.read("parcel"), repeat=3, server=server)
    as_of = timed(lambda: db.read("parcel", as_of=1), repeat=3, server=server)
    assert shapely.to_wkb(as_of[2].geometry.to_numpy()).tolist() == shapely.to_wkb(first_state.geometry.to_numpy()).tolist()
    told = timed(lambda: db.lineage("900000000"), server=server)
    undone = timed(lambda: db.undo(5, author="bench"), server=server)
    return {
        "load s": loaded[0],
        "load wall s": loaded[1],
        "load of the same s": again[0],
        "1 % change set s": min(each[0] for each in applied),
        "1 % change set wall s": min(each[1] for each in applied),
        "history per 1 % delivery, share of the layer": grown,
        "plain read s": read[0],
        "as_of s": as_of[0],
        "as_of vs a plain read": as_of[0] / read[0],
        "lineage s": told[0],
        "undo of 1 % s": undone[0],
    }


def of_postgis(frame: pd.DataFrame, folder: Path) -> dict:
    """PostGIS in a temporary cluster, beside geopandas.to_postgis where SQLAlchemy and GeoAlchemy are installed."""
    import postgis
    import psycopg

    cluster = postgis.Cluster(fsync=True)

    try:
        address = cluster.database()

        def size(db) -> int:
            with psycopg.connect(address) as connection:
                tables = "pg_total_relation_size('parcel') + pg_total_relation_size('parcel_hist')"
                return connection.execute(f"SELECT {tables} + pg_total_relation_size('citygis_lineage')").fetchone()[0]

        told = of_store(frame, folder / "pg", address, size, cluster.cpu_seconds)
        try:
            import geoalchemy2  # noqa: F401
            import sqlalchemy
        except ImportError:
            return told | {"to_postgis": "not installed"}
        engine = sqlalchemy.create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
        peer = timed(lambda: frame.to_postgis("peer", engine, chunksize=10_000), server=cluster.cpu_seconds)
        return told | {
            "to_postgis s": peer[0],
            "to_postgis wall s": peer[1],
            "postgis load vs to_postgis": peer[0] / told["load s"],
        }
    finally:
        cluster.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--postgis", action="store_true", help="also in a temporary PostGIS cluster")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    frame = parcels(options.rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = {"rows": options.rows, "files": against_files(frame, folder)}
        # Free pages are no part of what a delivery costs.
        told["geopackage"] = of_store(frame, folder, "city.gpkg", lambda db: db.path.stat().st_size)
        rewriting = told["files"]["gpkg write of all columns s"]
        told["geopackage"]["1 % change set vs rewriting the layer"] = told["geopackage"]["1 % change set s"] / rewriting
        if options.postgis:
            told["postgis"] = of_postgis(frame, folder)
            told["postgis"]["1 % change set vs rewriting the layer"] = (
                told["postgis"]["1 % change set s"] / told["postgis"]["load s"]
            )
    for part, figures in told.items():
        for label, value in figures.items() if isinstance(figures, dict) else ():
            goal = GOALS.get(label)
            met = (
                ""
                if goal is None
                else f"   goal {goal[0]} {goal[1]}: " + ("met" if (value >= goal[1]) == (goal[0] == ">=") else "MISSED")
            )
            print(f"{part:<11} {label:<48} {value if isinstance(value, str) else format(value, '10.3f')}{met}")
    if options.out:
        options.out.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
