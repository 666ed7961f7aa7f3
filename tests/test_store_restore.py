"""Backups put back: equal to the store, never over one without a copy of it, to any change of its history."""

import datetime
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from store_city import AT, LATER, load, make_city, parcels, source
from store_places import contents, run_sql, two_changes

from citygis.city import open_city
from citygis.errors import StoreError
from citygis.gpkg import connect
from citygis.store import database_of, store
from citygis.store.backup import backup, backups
from citygis.store.migrations import apply, drifts
from citygis.store.restore import open_backup, restore, restore_settings

THIRD = LATER + datetime.timedelta(days=30)


@pytest.fixture
def city(any_city):
    two_changes(any_city)
    return any_city


def elsewhere(city, request, tmp_path):
    """A place of the same kind that holds nothing, and the City whose store is there."""
    if city.database:
        into = request.getfixturevalue("postgis_cluster").database()
        return into, make_city(tmp_path / "other", store=into)
    other = make_city(tmp_path / "other")
    return other.store_path, other


def test_a_backup_restored_in_an_empty_place_equals_the_store(city, request, tmp_path):
    made = backup(city)
    into, other = elsewhere(city, request, tmp_path)
    done = restore(made.path, city, into=into)
    assert done.change == 2 and done.safety is None
    assert contents(other) == contents(city)
    assert_geodataframe_equal(store(other).read("parcel"), store(city).read("parcel"))


def test_a_restored_store_takes_the_next_change(city, request, tmp_path):
    into, other = elsewhere(city, request, tmp_path)
    restore(backup(city).path, city, into=into)
    batch = load(other, {"parcel": parcels(32), "source_document": source()}, at=THIRD)
    assert batch.change_id == 3 and len(store(other).read("parcel")) == 32
    assert len(store(other).read("parcel", as_of=2)) == 30


@pytest.mark.parametrize("as_of", [0, 1, AT])
def test_restored_as_of_a_change_it_is_the_store_of_then(city, request, tmp_path, as_of):
    load(city, {"parcel": parcels(33).iloc[3:], "source_document": source()}, at=THIRD)
    made = backup(city)
    into, other = elsewhere(city, request, tmp_path)
    done = restore(made.path, city, into=into, as_of=as_of)
    last = as_of if isinstance(as_of, int) else 1
    assert done.change == last
    then, now = store(city), store(other)
    for layer in ("parcel", "source_document"):
        pd.testing.assert_frame_equal(pd.DataFrame(now.read(layer)), pd.DataFrame(then.read(layer, as_of=as_of)))
    assert now.changes()["id"].tolist() == list(range(1, last + 1))
    assert len(now.history_rows("parcel")) == 0


def test_restored_as_of_a_change_it_holds_what_a_backup_of_then_holds(city, request, tmp_path):
    before = contents(city)
    load(city, {"parcel": parcels(34), "source_document": source()}, at=THIRD)
    into, other = elsewhere(city, request, tmp_path)
    restore(backup(city).path, city, into=into, as_of=2)
    after = contents(other)
    differing = {name for name in before.tables if before.tables[name] != after.tables[name]}
    # What a GeoPackage says of when a layer was last touched and how far it reaches is not taken back; its feature counts are,
    # in another order.
    assert differing <= {"gpkg_contents", "gpkg_ogr_contents"}
    if not city.database:
        with sqlite3.connect(other.store_path) as file:
            counted = file.execute("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = 'parcel'").fetchone()
        assert counted == (30,)
    assert before.definitions == after.definitions


def test_a_store_that_is_there_stays_unless_overwrite_is_said(city):
    made = backup(city)
    load(city, {"parcel": parcels(31), "source_document": source()}, at=THIRD)
    before = contents(city)
    with pytest.raises(StoreError, match="--overwrite"):
        restore(made.path, city)
    assert contents(city) == before and len(backups(city.backups_folder).backups) == 1


def test_overwriting_keeps_a_backup_of_what_was_there(city):
    old = contents(city)
    made = backup(city)
    load(city, {"parcel": parcels(31), "source_document": source()}, at=THIRD)
    new = contents(city)
    done = restore(made.path, city, overwrite=True)
    assert contents(city) == old
    kept = open_backup(done.safety)
    assert kept.manifest.contents == new and kept.manifest.reason.startswith("before restore")
    restore(kept.path, city, overwrite=True)
    assert contents(city) == new


def test_a_damaged_backup_is_refused_and_nothing_is_changed(city):
    made = backup(city)
    copy = made.path / made.manifest.copy.path
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 4
    copy.write_bytes(data)
    before = contents(city)
    with pytest.raises(StoreError, match="has changed since it was made"):
        restore(made.path, city, overwrite=True)
    copy.unlink()
    with pytest.raises(StoreError, match="is missing"):
        restore(made.path, city, overwrite=True)
    assert contents(city) == before


def test_a_backup_of_a_file_does_not_become_a_database_nor_the_other_way(city, tmp_path):
    made = backup(city)
    into = tmp_path / "x.gpkg" if city.database else "postgresql:///nowhere"
    with pytest.raises(StoreError, match="cannot become"):
        restore(made.path, city, into=into)


def test_a_store_somebody_has_open_is_not_replaced(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    made = backup(city)
    before = contents(city)
    other = connect(city.store_path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="in use by another program"):
        restore(made.path, city, overwrite=True, timeout_s=0.2)
    other.close()
    assert contents(city) == before
    restore(made.path, city, overwrite=True)


def test_no_log_of_the_old_store_is_left_beside_the_new_one(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    made = backup(city)
    load(city, {"parcel": parcels(40), "source_document": source()}, at=THIRD)
    # As a program that was killed leaves it: changes that are only in the log.
    log = city.store_path.with_name("city.gpkg-wal")
    writer = sqlite3.connect(city.store_path, isolation_level=None)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE citygis_change SET message = 'in the log' WHERE id = 3")
    kept = log.read_bytes()
    main = city.store_path.read_bytes()
    writer.close()
    city.store_path.write_bytes(main)
    log.write_bytes(kept)
    done = restore(made.path, city, overwrite=True)
    assert not log.exists()
    assert store(city).changes()["id"].tolist() == [1, 2]
    with sqlite3.connect(done.safety / "store.gpkg") as copy:
        assert copy.execute("SELECT message FROM citygis_change WHERE id = 3").fetchone() == ("in the log",)


@pytest.mark.parametrize("damage", ["header", "middle", "empty"])
def test_over_a_damaged_store_its_files_are_kept_as_they_are(tmp_path, damage):
    city = make_city(tmp_path / "city")
    two_changes(city, 600)
    made = backup(city)
    data = bytearray(city.store_path.read_bytes())
    if damage == "header":
        data[:100] = bytes(100)
    elif damage == "middle":
        data[4096:] = b"\xff" * (len(data) - 4096)
    else:
        data = bytearray()
    city.store_path.write_bytes(data)
    done = restore(made.path, city, overwrite=True)
    assert done.safety.name.startswith("damaged_")
    assert (done.safety / "city.gpkg").read_bytes() == data
    assert len(store(city).read("parcel")) == 600


def test_on_an_empty_disk_the_backup_brings_the_settings_too(tmp_path):
    city = make_city(tmp_path / "city")
    (city.folder / "crosswalks").mkdir()
    (city.folder / "crosswalks" / "county.toml").write_text("# ours\n")
    (city.folder / "crosswalks" / "notes.txt").write_text("not a setting")
    two_changes(city)
    made = backup(city, to=tmp_path / "disk")
    expected = contents(city)
    shutil.rmtree(city.folder)
    folder = tmp_path / "new"
    written = restore_settings(open_backup(made.path), folder)
    assert sorted(path.relative_to(folder).as_posix() for path in written) == ["city.toml", "crosswalks/county.toml"]
    assert restore_settings(open_backup(made.path), folder) == []
    restore(made.path, open_city(folder))
    assert contents(open_city(folder)) == expected


def test_a_manifest_that_names_files_outside_of_the_folder_writes_nothing_there(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    made = backup(city)
    bad = made.manifest.files[1].model_copy(update={"path": "city/../../../stolen.toml"})
    crooked = made._replace(manifest=made.manifest.model_copy(update={"files": (made.manifest.files[0], bad)}))
    with pytest.raises(StoreError, match="outside"):
        restore_settings(crooked, tmp_path / "a" / "new")
    assert not list(tmp_path.rglob("stolen.toml"))


def test_tables_that_are_not_the_stores_are_left_alone(postgis_cluster, tmp_path):
    city = make_city(tmp_path / "city", store=postgis_cluster.database())
    two_changes(city)
    run_sql(city, "CREATE TABLE permits (id int PRIMARY KEY)", "INSERT INTO permits VALUES (7)")
    made = backup(city)
    assert "permits" not in made.manifest.tables
    run_sql(city, "INSERT INTO permits VALUES (8)")
    restore(made.path, city, overwrite=True)
    import psycopg

    with psycopg.connect(city.database) as connection:
        assert connection.execute("SELECT count(*) FROM permits").fetchone() == (2,)


def test_a_view_that_stands_on_the_store_stops_the_restore_and_nothing_is_changed(postgis_cluster, tmp_path):
    city = make_city(tmp_path / "city", store=postgis_cluster.database())
    two_changes(city)
    made = backup(city)
    run_sql(city, "CREATE VIEW big AS SELECT * FROM parcel WHERE calc_area_sqft > 1")
    before = contents(city)
    with pytest.raises(StoreError, match="depend"):
        restore(made.path, city, overwrite=True)
    assert contents(city) == before


KILLED = """
import sys
from citygis.city import open_city
from citygis.store.migrations import apply
from citygis.store.restore import restore
city = open_city(sys.argv[1])
print(1, flush=True)
restore(sys.argv[2], city, overwrite=True) if len(sys.argv) > 2 else apply(city)
"""


def killed_after(seconds, *arguments):
    with subprocess.Popen([sys.executable, "-c", KILLED, *map(str, arguments)], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)


def wait_until_alone(city):
    """Wait until nobody but this test is at a server: it has noticed that its client is gone. A file needs no waiting."""
    if not city.database:
        return
    import psycopg

    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    end = time.monotonic() + 60
    with psycopg.connect(city.database, autocommit=True) as connection:
        while connection.execute(f"{others} AND datname = current_database()").fetchone() != (0,):
            assert time.monotonic() < end, "the server still works for a client that is gone"
            time.sleep(0.02)


def test_a_restore_killed_at_any_moment_leaves_the_old_store_or_the_new(city):
    new = contents(city)
    made = backup(city)
    load(city, {"parcel": parcels(300), "source_document": source()}, at=THIRD)
    old = contents(city)
    for seconds in (0.0, 0.05, 0.1, 0.2, 0.4):
        killed_after(seconds, city.folder, made.path)
        wait_until_alone(city)
        assert contents(city) in (old, new)
    assert not backups(city.backups_folder).unreadable
    restore(made.path, city, overwrite=True)
    assert contents(city) == new


def test_a_migration_killed_at_any_moment_is_whole_or_not_there(city):
    run_sql(city, *(f"ALTER TABLE {table} DROP COLUMN tra" for table in ("parcel", "parcel_hist")))
    before = contents(city)
    for seconds in (0.0, 0.03, 0.06, 0.12, 0.25):
        killed_after(seconds, city.folder)
        wait_until_alone(city)
        with database_of(city).reading() as work:
            left = drifts(work, city.schema)
        assert left == [] or contents(city) == before
    apply(city)
    with database_of(city).reading() as work:
        assert drifts(work, city.schema) == []
