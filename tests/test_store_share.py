"""Geodatabases on network shares: never edited in place, published whole, and told plainly when somebody is in the way."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from store_city import AT, load, make_city, parcels, source
from test_store_suite import apply, change

import citygis.store.geopackage
import citygis.store.share
from citygis.errors import ReadError, StoreError
from citygis.gpkg import open_to_read
from citygis.store import store
from citygis.store.share import file_system_of, is_on_a_share

MOUNTS = [
    ("/", "ext4"),
    ("/mnt", "ext4"),
    ("/mnt/gis", "cifs"),
    ("/mnt/gis/scratch", "ext4"),
    ("/srv/my share", "nfs4"),
    ("/twice", "ext4"),
    ("/twice", "nfs"),
]


@pytest.fixture
def db(tmp_path, monkeypatch):
    """A store on what is taken for a share, with three parcels."""
    for module in (citygis.store.geopackage, citygis.store.share):
        monkeypatch.setattr(module, "is_on_a_share", lambda path: True)
    monkeypatch.setattr(citygis.store.share, "_WAIT_S", (0.01, 0.01))
    city = make_city(tmp_path / "city")
    load(city, {"parcel": parcels(3), "source_document": source()})
    return store(city, timeout_s=0.3)


def beside(db) -> list[str]:
    return sorted(path.name for path in db.city.folder.iterdir())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/a/city.gpkg", "ext4"),
        ("/mnt/gis/city.gpkg", "cifs"),
        ("/mnt/gis", "cifs"),
        ("/mnt/gisdata/city.gpkg", "ext4"),
        ("/mnt/gis/scratch/city.gpkg", "ext4"),
        ("/srv/my share/city.gpkg", "nfs4"),
        ("/twice/city.gpkg", "nfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path, kind):
    assert file_system_of(Path(path), MOUNTS) == kind


def test_a_folder_of_this_machine_is_no_share(tmp_path):
    assert not is_on_a_share(tmp_path / "not there yet" / "city.gpkg")


def test_a_share_s_store_is_replaced_whole_in_rollback_mode(db):
    inode = db.path.stat().st_ino
    apply(db, change(retired=["10000000"]))
    assert db.read("parcel")["apn"].tolist() == ["10000001", "10000002"] and len(db.read("parcel", as_of=1)) == 3
    assert db.path.stat().st_ino != inode and beside(db) == ["city.gpkg", "city.toml"]
    assert db.path.read_bytes()[18:20] == b"\x01\x01"  # not write-ahead (SQLite file format, 1.3.3)
    with contextlib.closing(sqlite3.connect(db.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
    db.undo(2)
    assert len(db.read("parcel")) == 3


def test_a_load_that_says_nothing_new_leaves_the_file_as_it_is(db):
    before, inode = db.path.read_bytes(), db.path.stat().st_ino
    assert load(db.city, {"parcel": parcels(3), "source_document": source()}, at=None).change_id is None
    assert (db.path.read_bytes(), db.path.stat().st_ino) == (before, inode) and beside(db) == ["city.gpkg", "city.toml"]


def test_a_refused_batch_leaves_the_file_and_no_lock(db):
    before = db.path.read_bytes()
    with pytest.raises(StoreError):
        apply(db, change(retired=["77777777"]))
    assert db.path.read_bytes() == before and beside(db) == ["city.gpkg", "city.toml"]


def test_another_citygis_at_work_is_named(db):
    (db.city.folder / "city.gpkg.lock").write_text("COUNTER-3, process 77, since 2026-01-31 08:00")
    with pytest.raises(StoreError, match=r"COUNTER-3, process 77.*delete city\.gpkg\.lock"):
        apply(db, change(retired=["10000000"]))
    assert (db.city.folder / "city.gpkg.lock").exists() and len(db.changes()) == 1


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_journal_beside_it_means_somebody_has_it_open(db, suffix):
    (db.city.folder / f"city.gpkg{suffix}").write_bytes(b"x" * 4096)
    before = db.path.read_bytes()
    with pytest.raises(StoreError, match=rf"open in another program.*city\.gpkg{suffix}"):
        apply(db, change(retired=["10000000"]))
    assert db.path.read_bytes() == before and not (db.city.folder / "city.gpkg.lock").exists()


def test_a_store_that_was_changed_meanwhile_is_not_replaced(db, monkeypatch):
    publish = citygis.store.share._publish

    def after_somebody_else(*arguments):
        with contextlib.closing(sqlite3.connect(db.path, isolation_level=None)) as connection:
            connection.execute("INSERT INTO citygis_meta VALUES ('touched', '1')")
        publish(*arguments)

    monkeypatch.setattr(citygis.store.share, "_publish", after_somebody_else)
    with pytest.raises(StoreError, match="changed by another program in the meantime"):
        apply(db, change(retired=["10000000"]))
    assert len(db.read("parcel")) == 3 and beside(db) == ["city.gpkg", "city.toml"]


@pytest.mark.parametrize("times", [1, 99])
def test_a_file_that_is_open_elsewhere_is_tried_again_and_then_told(db, monkeypatch, times):
    real, calls = os.replace, []

    def busy(*arguments):
        calls.append(arguments)
        if len(calls) <= times:
            raise PermissionError(13, "The process cannot access the file")
        real(*arguments)

    monkeypatch.setattr(os, "replace", busy)
    if times == 1:
        assert apply(db, change(retired=["10000000"])).change_id == 2
    else:
        with pytest.raises(StoreError, match="Close it in QGIS"):
            apply(db, change(retired=["10000000"]))
        assert len(db.changes()) == 1 and beside(db) == ["city.gpkg", "city.toml"]


def test_a_store_that_was_in_write_ahead_mode_is_taken_over_when_its_log_is_empty(db):
    with contextlib.closing(sqlite3.connect(db.path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    apply(db, change(retired=["10000000"]))
    assert db.path.read_bytes()[18:20] == b"\x01\x01" and len(db.read("parcel")) == 2


def test_a_log_with_changes_in_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    city = make_city(tmp_path / "city")
    load(city, {"parcel": parcels(3)}, at=AT)
    other = tmp_path / "copy.gpkg"
    shutil.copy(city.store_path, other)
    (tmp_path / "copy.gpkg-wal").write_bytes(b"x" * 4096)
    real = sqlite3.connect

    def no_shared_memory(path, **options):
        return real(path if "immutable" in path else ":memory:", **options)

    monkeypatch.setattr(sqlite3, "connect", no_shared_memory)
    with pytest.raises(ReadError, match=r"copy\.gpkg-wal.*read-only"):
        open_to_read(other)
