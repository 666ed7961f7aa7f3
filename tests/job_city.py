"""
A small City with a county's deliveries and a job that takes them in, for the tests of jobs.

Twelve lots of 80 by 100 feet, 20 feet apart. In the second delivery lot 3 is divided down its middle, lot 5 has another use, and
lot 12 is gone.
"""

import contextlib
import datetime
import hashlib
import json
import os
import signal
import sqlite3
from pathlib import Path

import geopandas as gpd
import shapely
from store_city import make_city

from citygis.city import City
from citygis.gpkg import write_geopackage
from citygis.jobs import read_job, run_job
from citygis.store.contents import geopackage_contents

AT = datetime.datetime(2026, 7, 1, 6, tzinfo=datetime.UTC)
CROSSWALK = """\
agency = "County (fictional)"
layer = "parcel"
[document]
doc_type = "COUNTY_EXTRACT"
[fields.apn]
from = "AIN"
[fields.parcel_kind]
constant = "FEE"
[fields.use_code]
from = "USE_CD"
"""
JOB = """\
name = "refresh"
title = "County's refresh"
[inputs]
county = "../deliveries/county_*.gpkg"
[[step]]
id = "sent"
kind = "read"
file = "county"
[[step]]
id = "parcels"
kind = "convert"
from = "sent"
to = "parcel"
crosswalk = "county"
[[step]]
id = "checked"
kind = "validate"
from = "parcels"
[[step]]
id = "changes"
kind = "compare"
from = "parcels"
accept = ["attribute", "split"]
review = "review.csv"
[[step]]
id = "taken"
kind = "load"
from = "changes"
[[step]]
id = "notice"
kind = "analyse"
question = "acreage"
[[step]]
id = "list"
kind = "report"
report = "parcels_by_kind"
form = "html"
"""
IDS = ("sent", "parcels", "checked", "changes", "taken", "notice", "list")


def lots(*, second: bool) -> gpd.GeoDataFrame:
    """A delivery of the county."""
    boxes = {10_000_001 + i: (100 * i, 100 * i + 80) for i in range(12)}
    use = dict.fromkeys(boxes, "0100")
    if second:
        del boxes[10_000_012]
        boxes |= {10_000_021: (200, 240), 10_000_022: (240, 280)}
        del boxes[10_000_003]
        use[10_000_005] = "0200"
    ground = [shapely.box(6_336_000 + w, 2_124_000, 6_336_000 + e, 2_124_100) for w, e in boxes.values()]
    columns = {"AIN": [str(apn) for apn in boxes], "USE_CD": [use.get(apn, "0100") for apn in boxes]}
    return gpd.GeoDataFrame(columns, geometry=ground, crs="EPSG:6420").astype({"AIN": "str", "USE_CD": "str"})


def office(folder: Path, *, job: str = JOB) -> City:
    """The City with its first delivery in the store, the second one waiting, and the job."""
    city = make_city(folder / "city")
    for name in ("deliveries", "jobs", "crosswalks"):
        (city.folder / name).mkdir()
    (city.folder / "crosswalks" / "county.toml").write_text(CROSSWALK)
    deliver(city, second=False)
    write_job(city, LOAD, "first")
    assert run(city, "first").exit_code == 0
    os.utime(city.folder / "deliveries" / "county_1.gpkg", (1, 1))
    deliver(city, second=True)
    write_job(city, job)
    return city


LOAD = JOB[: JOB.index('[[step]]\nid = "checked"')].replace('"refresh"', '"first"') + (
    '[[step]]\nid = "taken"\nkind = "load"\nfrom = "parcels"\n'
)


def deliver(city: City, *, second: bool, frame: gpd.GeoDataFrame | None = None) -> None:
    """The county sends a delivery."""
    frame = lots(second=second) if frame is None else frame
    write_geopackage(city.folder / "deliveries" / f"county_{1 + second}.gpkg", {"parcels": frame}, overwrite=True)


def write_job(city: City, text: str, name: str = "refresh") -> Path:
    """A job file in the City's jobs folder."""
    path = city.folder / "jobs" / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run(city: City, name: str = "refresh", **options):
    """A run of a job at a moment that stays the same."""
    return run_job(read_job(city.folder / "jobs" / f"{name}.toml"), city=city, **{"at": AT, **options})


def events(city: City) -> list[dict]:
    """The lines of the ledger."""
    return [json.loads(line) for line in (city.folder / "jobs" / "ledger.jsonl").read_text().splitlines()]


def end_state(city: City) -> dict[str, object]:
    """What a run leaves: the contents of every table of the store, and every file that steps made."""
    with contextlib.closing(sqlite3.connect(city.store_path)) as connection:
        said: dict[str, object] = {"store": geopackage_contents(connection)}
    work = city.folder / "jobs" / ".work"
    for path in sorted(each for each in work.rglob("*") if each.is_file() and each.name not in ("run.html", "lock")):
        said[path.relative_to(work).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return said


def child(folder: str, dies_after_commit: bool = False) -> None:
    """A run in a process of its own; one that dies between the store's commit and the step's note of it, where that is asked."""
    from citygis.city import open_city
    from citygis.jobs import refresh

    if dies_after_commit:
        refresh.publish_text = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(run(open_city(folder)).exit_code)
