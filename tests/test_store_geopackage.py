"""The geodatabase's file after every kind of edit, as other programs see it; damaged pages and full disks."""

import contextlib
import shutil
import sqlite3
import subprocess

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from store_city import load, make_city, parcels, source
from test_store_suite import apply, change, ids, renumbered, split

from citygis.errors import CityGISError, StoreError
from citygis.store import store

N = 60


@pytest.fixture
def db(tmp_path):
    city = make_city(tmp_path / "city")
    load(city, {"parcel": parcels(N), "source_document": source()})
    return store(city)


def shifted(frame: gpd.GeoDataFrame, by) -> gpd.GeoDataFrame:
    return frame.set_geometry(
        gpd.GeoSeries(shapely.transform(frame.geometry.to_numpy(), lambda c: c + by), frame.index, crs=frame.crs)
    )


def an_update(db):
    apply(db, change(updated=db.read("parcel").iloc[:5].assign(lot="1")))


def a_move(db):
    apply(db, change(updated=shifted(db.read("parcel").iloc[:5], 9_000)))


def an_emptying(db):
    rows = db.read("parcel").iloc[:5]
    apply(db, change(updated=rows.set_geometry(gpd.GeoSeries([None] * 5, rows.index, crs=rows.crs))))


def an_addition(db):
    apply(db, change(shifted(parcels(3, apns=["91", "92", "93"]), [0, -9_000])))


def many_additions(db):
    apply(db, change(shifted(parcels(3000, apns=[f"A{k}" for k in range(3000)]), [0, 90_000])))


def a_retirement(db):
    apply(db, change(retired=["10000003", "10000004"]))


def a_split(db):
    split(db, "10000005", ["20000000", "20000001"])


def an_undo(db):
    split(db, "10000005", ["20000000", "20000001"])
    db.undo(2)


def an_undo_of_a_move(db):
    a_move(db)
    db.undo(2)


def an_undo_of_the_first_load(db):
    db.undo(1)


def label_pins(db):
    (feature,) = ids("10000001")
    pin = {"layer": "parcel", "global_id": feature, "sheet": "", "easting": 1.0, "northing": 2.0, "angle": 0.0}
    db.pin_labels(pd.DataFrame([pin]))


EDITS = [
    an_update,
    a_move,
    an_emptying,
    an_addition,
    many_additions,
    a_retirement,
    a_split,
    an_undo,
    an_undo_of_a_move,
    an_undo_of_the_first_load,
    label_pins,
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_index_counts_and_pages_are_right_after(edit, db, require_program):
    edit(db)
    frame = db.read("parcel")
    with contextlib.closing(sqlite3.connect(db.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT rtreecheck('rtree_parcel_geom')").fetchone() == ("ok",)
        there = connection.execute("SELECT id, minx, maxx, miny, maxy FROM rtree_parcel_geom ORDER BY id").fetchall()
        fids = [row[0] for row in connection.execute("SELECT fid FROM parcel WHERE geom IS NOT NULL ORDER BY fid")]
        assert [row[0] for row in there] == fids
        (count,) = connection.execute("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = 'parcel'").fetchone()
        assert count == len(frame)
        triggers = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'parcel'"
        ).fetchone()
        assert triggers == (8,)
    shapes = frame.geometry.dropna()
    for row, bounds in zip(there, shapes.bounds.to_numpy(), strict=True):
        assert row[1] <= bounds[0] and row[2] >= bounds[2] and row[3] <= bounds[1] and row[4] >= bounds[3]
    assert sorted(path.name for path in db.city.folder.iterdir()) == ["city.gpkg", "city.toml"]
    run = subprocess.run(
        [require_program("ogrinfo"), "-ro", "-so", str(db.path), "parcel"], capture_output=True, text=True, check=True
    )
    assert f"Feature Count: {len(frame)}" in run.stdout and "Warning" not in run.stderr and "ERROR" not in run.stderr


def test_a_number_of_a_row_that_is_gone_is_never_given_again(db):
    apply(db, change(retired=[f"100000{N - 1}"]))
    apply(db, change(shifted(renumbered(parcels(1), "99999999"), 9_000)))
    with contextlib.closing(sqlite3.connect(db.path)) as connection:
        assert connection.execute("SELECT max(fid) FROM parcel").fetchone() == (N + 1,)
    db.undo(2)
    assert len(db.read("parcel")) == N + 1


@pytest.mark.parametrize("page", ["of the parcels", 40, 120])
def test_a_damaged_page_is_told_and_never_ends_in_another_error(db, page):
    with contextlib.closing(sqlite3.connect(db.path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'parcel'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(db.path.read_bytes())
    start = (root - 1) * size if page == "of the parcels" else page * size
    content[start : start + 200] = b"\xff" * 200
    db.path.write_bytes(content)
    outcomes = []
    edit = change(updated=parcels(N).assign(lot="1"))
    for work in (lambda: apply(db, edit), lambda: db.read("parcel", as_of=1), lambda: store(db.city), lambda: db.undo(1)):
        with contextlib.suppress(CityGISError):
            work()
            continue
        outcomes.append(work)
    if page == "of the parcels":
        assert len(outcomes) >= 2
        with pytest.raises(StoreError, match=r"damaged\. Restore a backup"):
            apply(db, edit)


def test_on_a_full_disk_the_change_is_refused_and_the_store_is_as_before(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted by this account")
    try:
        city = make_city(folder / "city")
        load(city, {"parcel": parcels(300), "source_document": source()})
        db = store(city)
        before = [db.read("parcel"), db.history_rows("parcel")]
        (folder / "ballast").write_bytes(b"x" * (shutil.disk_usage(folder).free - 300_000))
        with pytest.raises(StoreError, match=r"disk.*Nothing was changed"):
            apply(db, change(updated=parcels(300).assign(lot="1", note="x" * 250)))
        (folder / "ballast").unlink()
        for frame, then in zip([db.read("parcel"), db.history_rows("parcel")], before, strict=True):
            assert frame.equals(then)
        assert apply(db, change(updated=parcels(300).assign(lot="1"))).change_id == 2
    finally:
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)
