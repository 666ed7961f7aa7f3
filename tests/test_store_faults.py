"""Kills, lost connections, two writers, wrong passwords: the geodatabase is before or after, never between, on each back end."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import postgis
import pytest
from store_city import load, make_city, parcels, source
from test_store_suite import apply, change, fingerprint

from citygis.errors import CityGISError, ConflictError, StoreError
from citygis.findings import findings_frame
from citygis.store import store
from citygis.store.postgis import PostGISTransaction

TESTS = Path(__file__).parent
N_KILLS = int(os.environ.get("CITYGIS_KILLS", 6))
N_ROWS = 800

# One child for each line of input: it does what the line says, and its number is told before, how it ended after.
NURSERY = """
import os, sys
sys.path.insert(0, sys.argv[1])
from store_city import *
from test_store_suite import *
from citygis.store import store
city = open_city(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    verb, number = line.split()
    child = os.fork()
    if not child:
        try:
            db = store(city)
            if verb == "undo":
                db.undo(int(number))
            elif verb == "load":
                load(city, {"parcel": parcels(int(number)).assign(lot=number)}, at=None)
            else:
                held = db.read("parcel")
                new = parcels(1, apns=[number])
                apply(db, change(new, held.iloc[1:].assign(lot=number), [held["apn"][0]]))
        except CityGISError as error:
            print(error, file=sys.stderr)
            os._exit(3)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def db(any_city):
    load(any_city, {"parcel": parcels(N_ROWS), "source_document": source()})
    return store(any_city)


@pytest.fixture
def nursery(any_city):
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    code = NURSERY.replace("from citygis.store", "from citygis.errors import CityGISError\nfrom citygis.store")
    run = subprocess.Popen([sys.executable, "-c", code, str(TESTS), str(any_city.folder)], text=True, **pipes)
    assert run.stdout.readline() == "ready\n"
    yield run
    run.communicate()


def start(nursery, *words) -> int:
    nursery.stdin.write(" ".join(map(str, words)) + "\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def settled(db) -> list:
    """Every version of every parcel, once nobody writes any more."""
    with db.database.writing() as work:  # waits until a server has noticed that its client is gone
        work.is_abandoned = True
    return [
        fingerprint(db.read("parcel")),
        fingerprint(db.history_rows("parcel").drop(columns=["cs_from", "cs_to"])),
        len(db.changes()),
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_in_a_load_a_change_set_or_an_undo_the_store_is_before_or_after(db, nursery):
    began = time.perf_counter()
    start(nursery, "apply", 30_000_000)
    assert nursery.stdout.readline() == "0\n"
    whole_s = time.perf_counter() - began
    outcomes = []
    for i in range(N_KILLS):
        verb = ("apply", "undo", "load")[i % 3]
        before, last = settled(db), len(db.changes())
        was = {number: fingerprint(db.read("parcel", as_of=number)) for number in (1, last)}
        child = start(nursery, verb, last if verb == "undo" else 30_000_001 + i if verb == "apply" else N_ROWS + i)
        time.sleep(whole_s * (i + 0.5) / N_KILLS * 1.2)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        assert nursery.stdout.readline() in ("-9\n", "0\n")
        after = settled(db)
        assert after == before or after[2] == before[2] + 1
        assert {number: fingerprint(db.read("parcel", as_of=number)) for number in was} == was
        if after != before:
            counts = db.changes()["counts"].iloc[-1]["parcel"]
            grown = len(after[1]) - len(before[1])
            # A retirement leaves its version and its end; taking out what an undone change had added leaves the version.
            assert grown == counts["updated"] + counts["retired"] * (1 if verb == "undo" else 2)
        outcomes.append((verb, after != before))
    assert len(outcomes) == N_KILLS


def test_a_reader_in_between_sees_one_moment_and_does_not_stop_the_writer(db):
    with db.database.reading() as work:
        count = "SELECT count(*), min(cs_from), max(cs_from) FROM parcel"
        assert work.rows(count) == [(N_ROWS, 1, 1)]
        apply(db, change(retired=["10000000"]))
        assert work.rows(count) == [(N_ROWS, 1, 1)]
    assert len(db.read("parcel")) == N_ROWS - 1


def test_a_second_writer_waits_and_then_is_told_who_stands_in_the_way(db):
    impatient = store(db.city, timeout_s=0.2)
    with db.database.writing() as work:
        with pytest.raises(StoreError, match="another program is writing to it") as refused:
            apply(impatient, change(retired=["10000000"]))
        work.is_abandoned = True
    assert "Nothing was changed" in str(refused.value) and len(db.changes()) == 1


def test_of_two_edits_of_one_version_at_once_one_arrives_and_the_other_is_a_conflict(db):
    row = db.read("parcel").iloc[[0]].assign(cs_from=1)
    gate = threading.Barrier(2)

    def edit(lot):
        gate.wait()
        try:
            return apply(store(db.city, timeout_s=30), change(updated=row.assign(lot=lot))).change_id
        except ConflictError as conflict:
            return conflict.conflicts["feature"].tolist()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(edit, ["A", "B"]))
    assert sorted(outcomes, key=str) == [2, ["10000000"]]
    assert db.read("parcel")["lot"][0] == ("A" if outcomes[0] == 2 else "B")


def test_a_batch_that_breaks_off_leaves_nothing_behind(db, monkeypatch):
    import citygis.store.session

    before = settled(db)

    def breaks_off(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(citygis.store.session, "enter_lineage", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        apply(db, change(updated=db.read("parcel").assign(lot="1")))
    monkeypatch.undo()
    assert settled(db) == before


@pytest.fixture
def postgis_db(postgis_cluster, blank_stores, tmp_path):
    blank_stores("postgis", postgis_cluster)
    address = postgis_cluster.database(template="riverbend")
    city = make_city(tmp_path / "city", store=address)
    load(city, {"parcel": parcels(N_ROWS), "source_document": source()})
    yield store(city)
    postgis_cluster.drop(address)


def test_a_connection_lost_in_the_middle_of_copy_is_told_and_changes_nothing(postgis_db, postgis_cluster, monkeypatch):
    import psycopg

    before = settled(postgis_db)
    fill = PostGISTransaction.fill_columns

    def cut(self, name, columns, chunks):
        def some():
            for i, cells in enumerate(chunks):
                if i == 1:
                    with psycopg.connect(postgis_cluster.address("postgres"), autocommit=True) as other:
                        # Waits until it has ended, for at most a minute (PostgreSQL 14).
                        ended = other.execute("SELECT pg_terminate_backend(%s, 60000)", [self.connection.info.backend_pid])
                        assert ended.fetchone() == (True,)
                yield cells

        fill(self, name, columns, some())

    monkeypatch.setattr(PostGISTransaction, "fill_columns", cut)
    with pytest.raises(StoreError, match=r"(lost|stopped).*Nothing was changed"):
        load(postgis_db.city, {"parcel": parcels(60_000).assign(lot="1")}, at=None)
    monkeypatch.undo()
    assert settled(postgis_db) == before


@pytest.fixture
def own_cluster(postgis_cluster):
    """A server that may be killed."""
    cluster = postgis.Cluster(fsync=True)
    yield cluster
    cluster.stop()


def test_the_server_killed_in_a_load_is_before_or_after_when_it_is_started_again(own_cluster, tmp_path, monkeypatch):
    city = make_city(tmp_path, store=own_cluster.database())
    load(city, {"parcel": parcels(3000), "source_document": source()})
    began = time.perf_counter()
    load(city, {"parcel": parcels(3000).assign(lot="0")}, at=None)
    whole_s = time.perf_counter() - began
    open_edit = PostGISTransaction.open_edit

    def killed_first(*arguments):
        own_cluster.kill()
        open_edit(*arguments)

    outcomes = []
    for i in range(N_KILLS // 2):
        before = settled(store(city))
        killer = threading.Timer(whole_s * (i + 0.5) / (N_KILLS // 2), own_cluster.kill)
        if i:
            killer.start()
        else:  # the first time in the middle of it, whatever the time
            monkeypatch.setattr(PostGISTransaction, "open_edit", killed_first)
        try:
            load(city, {"parcel": parcels(3000).assign(lot=f"{i} again")}, at=None)
            outcomes.append("done")
        except StoreError as error:
            outcomes.append("unknown" if "not known" in str(error) else "refused")
            assert outcomes[-1] == "unknown" or "Nothing was changed" in str(error)
        if i:
            killer.join()
        monkeypatch.undo()
        own_cluster.start()
        after = settled(store(city))
        grown = len(after[1]) - len(before[1])
        was_kept = (after[2], grown) == (before[2] + 1, 3000)
        assert after == before or was_kept
        assert (outcomes[-1], was_kept) not in (("refused", True), ("done", False))
    assert outcomes[0] == "refused"


def test_a_wrong_password_is_told_without_the_password(postgis_db, postgis_cluster, monkeypatch, tmp_path, caplog):
    import psycopg

    with psycopg.connect(postgis_cluster.address("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE clerk LOGIN PASSWORD 'right-Secret-1'")
        rules = postgis_cluster.data / "pg_hba.conf"
        rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
        admin.execute("SELECT pg_reload_conf()")
    address = postgis_db.city.database.replace("user=citygis", "user=clerk")
    city = make_city(tmp_path / "other", store=address)
    for password in ("wrong-Secret-2", None):
        monkeypatch.setenv("PGPASSWORD", password) if password else monkeypatch.delenv("PGPASSWORD")
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
        with pytest.raises(StoreError, match="PGPASSWORD") as refused:
            store(city)
        seen = [str(refused.value), repr(refused.value.__cause__), repr(refused.value.__context__), caplog.text]
        assert not any("Secret" in text for text in seen)
    monkeypatch.setenv("PGPASSWORD", "right-Secret-1")
    with pytest.raises(StoreError, match="may not do that"):
        store(city).read("parcel")


def test_a_password_in_city_toml_is_refused_without_repeating_it(tmp_path):
    for address in ("postgresql://clerk:topSecret@host/city", "postgres://host/city?user=clerk&password=topSecret"):
        with pytest.raises(CityGISError, match="PGPASSWORD") as refused:
            make_city(tmp_path, store=address)
        assert "topSecret" not in str(refused.value) and refused.value.__cause__ is None


def test_a_database_that_is_not_there_is_one_clear_error(tmp_path, postgis_cluster):
    for address, said in (
        (postgis_cluster.address("nowhere"), "no such database"),
        ("postgresql://127.0.0.1:1/city", "cannot be reached"),
    ):
        with pytest.raises(StoreError, match=said) as refused:
            store(make_city(tmp_path, store=address), timeout_s=2)
        assert "Traceback" not in str(refused.value) and refused.value.__suppress_context__


def test_tables_that_citygis_did_not_make_are_left_alone(tmp_path, postgis_cluster):
    import psycopg

    address = postgis_cluster.database()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE parcel (id int)")
    with pytest.raises(StoreError, match="tables parcel that citygis did not make"):
        store(make_city(tmp_path, store=address))
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT to_regclass('citygis_meta')").fetchone() == (None,)
    postgis_cluster.drop(address)


def test_history_of_a_database_cannot_be_rewritten(postgis_db):
    import psycopg

    apply(postgis_db, change(retired=["10000000"]))
    for sql in ("DELETE FROM parcel_hist", "UPDATE parcel_hist SET lot = '8'", "TRUNCATE parcel_hist"):
        with psycopg.connect(postgis_db.city.database) as connection, pytest.raises(psycopg.Error, match="only added to"):
            connection.execute(sql)


def test_a_database_is_a_layer_to_other_programs(postgis_db):
    import psycopg

    with psycopg.connect(postgis_db.city.database) as connection:
        listed = connection.execute(
            "SELECT type, srid, coord_dimension FROM geometry_columns WHERE f_table_name = 'parcel'"
        ).fetchone()
        assert listed == ("MULTIPOLYGON", 6420, 2)
        # A row drawn in a desktop GIS: no identifier, no change.
        connection.execute("INSERT INTO parcel (geom, apn) SELECT geom, 'drawn' FROM parcel WHERE fid = 1")
    assert postgis_db.read("parcel")["apn"].tolist()[-1] == "drawn"
    again = load(postgis_db.city, {"parcel": parcels(N_ROWS + 1)}, at=None, findings=findings_frame(crs=postgis_db.city.crs))
    assert again.counts["parcel"][:4] == (1, 0, N_ROWS, 1)
