"""
A small City with a county's deliveries and a job that takes them in, for the tests of jobs.

Twelve lots of 80 by 100 feet, 20 feet apart. In the second delivery lot 3 is divided down its middle, lot 5 has another use, and
lot 12 is gone.
"""

import contextlib
import datetime
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import geopandas as gpd
import shapely
from store_city import make_city

import citygis as cg
from citygis.city import City
from citygis.cli.init import make_city_folder
from citygis.convert import delivery_document
from citygis.findings import findings_frame
from citygis.gpkg import layers_of, read_geopackage, write_geopackage
from citygis.jobs import read_job, run_job
from citygis.packaged import packaged_folder
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


def riverbend(factory) -> Path:
    """
    The folder of the sample city with what it had and the county's third quarter in its store, the job that comes with it, and the
    fourth quarter waiting. Made once for all tests of a session, which copy it.
    """
    folder = factory.getbasetemp() / "riverbend_office"
    if folder.exists():
        return folder
    sample = packaged_folder("sample_data")
    crosswalks = tuple((sample / "city" / "crosswalks").glob("*.toml"))
    making = folder.with_name("riverbend_making")
    city = make_city_folder(making, settings=(sample / "city" / "city.toml").read_text(encoding="utf-8"), crosswalks=crosswalks)
    base, quarter = sample / "city" / "city_base.gpkg", sample / "deliveries" / "county_parcels_2026q3.zip"
    raw = cg.read(quarter)
    parcels = cg.convert(raw, "parcel", crosswalk="county_assessor", city=city)
    with cg.store(city) as db:
        had = {info.name: read_geopackage(base, info.name) for info in layers_of(base)}
        db.load(had, findings=findings_frame(crs=city.crs), message="What the City had already", at=AT)
        layers = {"parcel": parcels.layer, "source_document": delivery_document(quarter, raw, parcels)}
        found = db.check(layers)
        planted = dict.fromkeys(found.loc[found["severity"] == "error", "code"], "planted in the sample delivery")
        db.load(layers, findings=found, accept=planted, message="Last quarter", at=AT)
    shutil.copy(sample / "jobs" / "county_refresh.toml", making / "jobs")
    (making / "deliveries").mkdir()
    shutil.copy(sample / "deliveries" / "county_parcels_2026q4.zip", making / "deliveries")
    making.rename(folder)
    return folder


PROCESSES = multiprocessing.get_context("forkserver") if sys.platform == "linux" else multiprocessing.get_context("spawn")
PROCESSES.set_forkserver_preload(["citygis.jobs.intake", "citygis.jobs.refresh", "citygis.jobs.products", "citygis.jobs.page"])


def killed(city: City, name: str, step: str, point: str, how: signal.Signals = signal.SIGKILL) -> int | None:
    """
    The exit code of a run in a process of its own that sends itself a signal at a point of a step; -9 where SIGKILL ended it.

    ``started``: the ledger says that it began; ``placing``: its files are whole, beside their place; ``placed``: they are in their
    place, and the ledger does not say so. Of a load ``committed``: the store has the change, and no file says so. Of a series
    ``drawn``: the first sheet is. Of a backup ``copied``: it is whole, and not yet proven.
    """
    process = PROCESSES.Process(target=_dying, args=(str(city.folder), name, step, point, how))
    process.start()
    process.join(300)
    return process.exitcode


def _dying(folder: str, name: str, step: str, point: str, how: signal.Signals) -> None:
    from citygis.city import open_city
    from citygis.jobs import engine, products, refresh

    def die(*given, **named):
        os.kill(os.getpid(), how)

    append, rename, draw, publish = engine.append_event, Path.rename, products.draw_pages, refresh.publish_text

    def appended(ledger, event, **named):
        is_its_end = event.get("step") == step and event["event"] not in ("step started", "step recovered")
        if point == "placed" and is_its_end:
            die()
        head = append(ledger, event, **named)
        if point == "started" and event["event"] == "step started" and event["step"] == step:
            die()
        return head

    def renamed(path, target):
        return die() if point == "placing" and path.name == f"{step}.new" else rename(path, target)

    def one_page(*given, **named):
        yield next(iter(draw(*given, **named)))
        die()

    engine.append_event, Path.rename = appended, renamed
    if point == "committed":
        refresh.publish_text = lambda path, text: die() if path.name == refresh.OUTCOME else publish(path, text)
    if point == "drawn":
        products.draw_pages = one_page
    if point == "copied":
        products.prove = die
    raise SystemExit(run(open_city(folder), name).exit_code)
