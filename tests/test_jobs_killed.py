"""
The county's refresh of the sample city, with a step of every kind that rests on its store: killed at each step, the next run ends
where a run that nobody killed does.

Held against each other: the contents of every table of the store, and every file that steps made, by SHA-256. The plan of the sync
is made against a rehearsal server, and nothing is sent, as the job that comes with citygis has it.
"""

import hashlib
import json
import os
import shutil
import signal

import pypdfium2
import pytest
from job_city import end_state, events, killed, riverbend, run
from rehearsal_parcels import require_arcgis

import citygis as cg
from citygis import sync
from citygis.jobs import verify_ledger
from citygis.rehearsal import rehearsing

MORE = """
[[step]]
id = "list"
kind = "report"
report = "parcels_by_kind"
[[step]]
id = "book"
kind = "series"
series = "series_atlas"
pages = "3-4"
[[step]]
id = "copy"
kind = "backup"
"""
IDS = ("read_parcels", "parcels", "checked", "changes", "load_parcels", "flood", "parcel_map", "online", "list", "book", "copy")
POINTS = {"load_parcels": ("committed",), "book": ("drawn",), "copy": ("copied",)}
"""Where steps of some kinds can be killed beside where all can."""
CELLS = [(step, point) for step in IDS for point in ("started", *POINTS.get(step, ()), "placing", "placed")]
TARGET = """
layer = "parcel"
url = "{url}"
portal = "{server.portal}"
certificate = "{server.certificate}"
natural_key = ["apn"]
[fields]
apn = "apn"
situs_text = "situs_text"
use_code = "use_code"
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """The City's folder, and the place where each run of it is made: reports and backups say where the store is."""
    require_arcgis()
    folder, place = (tmp_path_factory.mktemp("killed") / name for name in ("office", "city"))
    shutil.copytree(riverbend(tmp_path_factory), folder)
    with open(folder / "jobs" / "county_refresh.toml", "a", encoding="utf-8") as job:
        job.write(MORE)
    with rehearsing(folder / "city.gpkg", only=["parcel"]) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITYGIS_USER", server.user)
        patch.setenv("CITYGIS_PASSWORD", server.password)
        (folder / "sync").mkdir(exist_ok=True)
        (folder / "sync" / "parcels.toml").write_text(TARGET.format(server=server, url=server.layer_url("parcel")))
        city = cg.open_city(folder)
        sync.verify(sync.read_target("parcels", city), city=city)
        yield folder, place


def opened(office):
    folder, place = office
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    return cg.open_city(place)


def left(city):
    """What runs left; of a backup's proof all but how long it took."""
    said = end_state(city)
    for path in sorted(each for each in city.backups_folder.rglob("*") if each.is_file()):
        data = path.read_bytes()
        if path.name == "proof.json":
            proof = json.loads(data)
            data = json.dumps({name: value for name, value in proof.items() if name != "seconds"}).encode()
        said[path.relative_to(city.folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return said


@pytest.fixture(scope="module")
def whole(office):
    """What an uninterrupted run leaves."""
    city = opened(office)
    done = run(city, "county_refresh")
    assert [(step.id, step.state) for step in done.steps] == [(name, "done") for name in IDS], done.steps
    book = next(step for step in done.steps if step.id == "book")
    assert dict(book.counts) == {"sheets": 2, "pages": 2} and not book.attention
    with pypdfium2.PdfDocument(book.folder / "series_atlas.pdf") as pdf:
        assert len(pdf) == 2
    return left(city)


def require_same_end(city, whole, again):
    """That a run ends the job where the whole one did, that the ledger knows all of it, and that nothing is left to do."""
    done = run(city, "county_refresh")
    assert [step.id for step in done.steps] == list(IDS) and {step.state for step in done.steps} <= {"done", "unchanged"}
    assert done.exit_code == 1 and done.steps[4].change == 3
    ended = left(city)
    assert {name for name in {**ended, **whole} if ended.get(name) != whole.get(name)} == set()
    told = events(city)
    assert {each["step"] for each in told if each["event"] in ("step done", "step recovered")} == set(IDS)
    assert 3 in {each.get("change") for each in told}
    assert verify_ledger(city.folder / "jobs" / "ledger.jsonl")[1] is None
    if again:
        assert run(city, "county_refresh").nothing_done and left(city) == whole


def test_killed_at_each_step_before_and_after_it_is_done_the_end_is_that_of_a_whole_run(office, whole):
    city = opened(office)
    for step, point in CELLS:
        if point != "placing":
            assert killed(city, "county_refresh", step, point) == -signal.SIGKILL, (step, point)
    require_same_end(city, whole, again=True)


all_of_them = pytest.mark.skipif(os.environ.get("CITYGIS_JOBS_ALL") != "1", reason="CITYGIS_JOBS_ALL=1 takes minutes")


@all_of_them
def test_killed_at_each_step_while_its_files_are_put_in_place_the_end_is_that_of_a_whole_run(office, whole):
    city = opened(office)
    for step in IDS:
        assert killed(city, "county_refresh", step, "placing") == -signal.SIGKILL, step
    require_same_end(city, whole, again=True)


@all_of_them
@pytest.mark.parametrize(("step", "point"), CELLS)
def test_killed_once_the_end_is_that_of_a_whole_run(office, whole, step, point):
    city = opened(office)
    assert killed(city, "county_refresh", step, point) == -signal.SIGKILL
    require_same_end(city, whole, again=False)
