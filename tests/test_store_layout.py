"""The geodatabase's file: whole after a kill, refused when it is not ours, locked, read-only or on a full disk."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from store_city import AT, LATER, dump, load, make_city, parcels, source

from citygis.errors import StoreError
from citygis.findings import findings_frame
from citygis.gpkg import write_geopackage
from citygis.schema import schema
from citygis.store import STORE_VERSION, create_store, store

TESTS = Path(__file__).parent

LOADER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from store_city import *
from citygis.errors import StoreError
from citygis.findings import findings_frame
from citygis.store import store
city = open_city(sys.argv[2])
frame = parcels(int(sys.argv[3]))
frame["situs_text"] = pd.Series([f"{k} SECOND ST" for k in range(len(frame))], dtype="str")
frame = frame.set_geometry(frame.geometry.translate(0.25, 0))
layers = {"parcel": frame, "source_document": source("b" * 64)}
none = findings_frame(crs=city.crs)

def load():
    return store(city, timeout_s=30).load(layers, findings=none, author="clerk", at=AT)

"""
ONCE = """
try:
    load()
except StoreError as error:
    sys.exit(f"refused: {error}")
"""
# One child for each line of input: its number, then, when it ended, how.
NURSERY = """
for line in sys.stdin:
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGSTOP)  # begins when it is told to go on
        load()
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
AS_NOBODY = """
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""
READ = """
db = store(city)
print(len(db.read("parcel")), len(db.changes()), len(db.history_rows("parcel")))
"""


def fill(city, n):
    with store(city) as db:
        layers = {"parcel": parcels(n), "source_document": source()}
        db.load(layers, findings=findings_frame(crs=city.crs), author="clerk", at=AT)


def program(city, n, code, **options):
    command = [sys.executable, "-c", LOADER + code, str(TESTS), str(city.folder), str(n)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, text=True, **pipes, **options)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_the_store_is_as_before_or_as_after(tmp_path):
    city = make_city(tmp_path / "city")
    fill(city, 500)
    pristine = tmp_path / "pristine.gpkg"
    shutil.copy(city.store_path, pristine)
    before = dump(pristine)
    nursery = program(city, 1500, NURSERY)

    def start():
        nursery.stdin.write("\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline())

    began = time.perf_counter()
    os.kill(start(), signal.SIGCONT)
    assert nursery.stdout.readline() == "0\n"
    whole_s = time.perf_counter() - began
    after = dump(city.store_path)
    assert len(after) > len(before)
    outcomes = []
    for i in range(20):
        for name in ("city.gpkg", "city.gpkg-wal", "city.gpkg-shm"):
            (city.folder / name).unlink(missing_ok=True)
        shutil.copy(pristine, city.store_path)
        child = start()
        if i:  # the first is killed before it does anything, the others at moments all over a load and after it
            os.kill(child, signal.SIGCONT)
            time.sleep(whole_s * i / 18)
        with contextlib.suppress(ProcessLookupError):  # it was quicker this time
            os.kill(child, signal.SIGKILL)
        assert nursery.stdout.readline() in ("-9\n", "0\n")
        found = dump(city.store_path)
        outcomes.append("before" if found == before else "after" if found == after else "broken")
        with sqlite3.connect(city.store_path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
            (rows,) = connection.execute("SELECT count(*) FROM parcel").fetchone()
            assert connection.execute("SELECT count(*) FROM rtree_parcel_geom").fetchone() == (rows,)
    nursery.communicate()
    assert "broken" not in outcomes
    assert outcomes[0] == "before"


def test_a_store_that_another_program_writes_to_is_refused_and_left_alone(tmp_path):
    city = make_city(tmp_path / "city")
    fill(city, 3)
    other = sqlite3.connect(city.store_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program is writing to it") as refusal:
        store(city, timeout_s=0.1).load({"parcel": parcels(5)}, findings=findings_frame(crs=city.crs), author="clerk", at=AT)
    assert str(city.store_path) in str(refusal.value)
    other.execute("ROLLBACK")
    other.close()
    assert len(store(city).read("parcel")) == 3


def test_a_reader_does_not_stop_a_load_and_sees_what_was_there(tmp_path):
    city = make_city(tmp_path / "city")
    fill(city, 3)
    reading = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN')\n"
        "for _ in range(2):\n"
        "    print(*connection.execute('SELECT count(*) FROM parcel').fetchone(), flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", reading, str(city.store_path)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "3\n"
    batch = store(city).load({"parcel": parcels(5)}, findings=findings_frame(crs=city.crs), author="clerk", at=AT)
    assert batch.counts["parcel"].added == 2
    assert len(store(city).read("parcel")) == 5
    assert reader.communicate("\n\n")[0] == "3\n"
    assert len(store(city).read("parcel")) == 5


def test_two_loads_at_once_both_arrive_one_after_the_other(tmp_path):
    city = make_city(tmp_path / "city")
    fill(city, 10)
    code = ONCE.replace("load()", "load_patiently()")
    patient = "\ndef load_patiently():\n    store(city, timeout_s=30).load(layers, findings=none, author='clerk', at=AT)\n"
    runs = [program(city, n, patient + code) for n in (3000, 3500)]
    assert [run.communicate()[1] for run in runs] == ["", ""]
    assert len(store(city).read("parcel")) == 3500
    with sqlite3.connect(city.store_path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)


@pytest.mark.parametrize("limit", [1_150_000, 1_400_000, 2_000_000])
def test_a_full_disk_is_one_clear_error_and_the_store_is_as_before(tmp_path, limit):
    city = make_city(tmp_path / "city")
    fill(city, 3)
    before = dump(city.store_path)

    def limit_files():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    run = program(city, 6000, ONCE, preexec_fn=limit_files)
    _, told = run.communicate()
    assert run.returncode == 1
    assert "refused:" in told and "disk" in told and "Nothing was changed" in told
    assert dump(city.store_path) == before


@pytest.fixture
def open_folder():
    """A folder that an unprivileged account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="citygis-test-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_store_can_be_read_but_not_loaded(open_folder, what):
    city = make_city(open_folder / "city")
    fill(city, 3)
    before = city.store_path.read_bytes()
    city.store_path.chmod(0o444)
    if what == "folder":
        city.folder.chmod(0o555)
    read, told = program(city, 5, AS_NOBODY + READ).communicate()
    assert read == "3 1 0\n", told
    run = program(city, 5, AS_NOBODY + ONCE)
    _, told = run.communicate()
    assert run.returncode == 1
    assert "refused:" in told and "read-only" in told and "Nothing was changed" in told
    assert city.store_path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a database" * 500, b"SQLite format 3\0" + b"\x01" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path, content):
    city = make_city(tmp_path / "city")
    city.store_path.write_bytes(content)
    with pytest.raises(StoreError, match=r"city\.gpkg .*restore a backup"):
        store(city)
    assert city.store_path.read_bytes() == content


def test_a_geopackage_that_is_no_store_is_refused(tmp_path):
    city = make_city(tmp_path / "city")
    write_geopackage(city.store_path, {"parcel": parcels(2)}, schema=schema())
    with pytest.raises(StoreError, match="not a City's geodatabase"):
        store(city)


def test_a_store_of_a_later_citygis_is_refused(tmp_path):
    city = make_city(tmp_path / "city")
    store(city)
    with sqlite3.connect(city.store_path) as connection:
        connection.execute("UPDATE citygis_meta SET value = ? WHERE key = 'store_version'", (STORE_VERSION + 1,))
    with pytest.raises(StoreError, match=rf"later citygis \(store_version {STORE_VERSION + 1}; this one knows {STORE_VERSION}\)"):
        store(city)


def test_a_store_in_another_system_than_the_city_s_is_refused(tmp_path):
    city = make_city(tmp_path / "city")
    create_store(city.store_path, schema=city.schema, crs="EPSG:6418")
    with pytest.raises(StoreError, match=r"zone 2 .*city\.toml says .*zone 3"):
        store(city)


def test_a_store_is_made_whole_or_not_at_all(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder must be")
    with pytest.raises(StoreError, match="the right to write there"):
        create_store(blocked / "city.gpkg", schema=schema(), crs="EPSG:6420")
    path = create_store(tmp_path / "city.gpkg", schema=schema(), crs="EPSG:6420")
    content = path.read_bytes()
    with pytest.raises(StoreError, match="is left as it is"):
        create_store(path, schema=schema(), crs="EPSG:6420")
    assert path.read_bytes() == content
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blocked", "city.gpkg"]


def test_a_new_store_has_every_layer_of_the_schema_and_no_rows(tmp_path):
    city = make_city(tmp_path / "city")
    with store(city) as db:
        assert {layer.name: layer.rows for layer in db.layers()} == dict.fromkeys(city.schema.layers, 0)
        assert db.read("parcel").crs == city.crs


def test_history_cannot_be_rewritten(tmp_path):
    city = make_city(tmp_path / "city")
    frame = parcels(1)
    load(city, {"parcel": frame})
    load(city, {"parcel": frame.assign(lot="9")}, at=LATER)
    with sqlite3.connect(city.store_path) as connection:
        for sql in ("DELETE FROM parcel_hist", "UPDATE parcel_hist SET lot = '8'"):
            with pytest.raises(sqlite3.IntegrityError, match="history is only added to"):
                connection.execute(sql)
