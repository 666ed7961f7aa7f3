"""Backups of the geodatabase: whole, online, known by their hashes, proven by restoring them, kept as long as needed."""

import datetime
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_city import AT, LATER, load, make_city, parcels, source
from store_places import contents, run_sql, two_changes

from citygis.city import Retention, open_city
from citygis.errors import StoreError
from citygis.store.backup import Backup, Shelf, backup, backups, remove, superfluous
from citygis.store.manifest import MANIFEST, PROOF, Proof, read_manifest
from citygis.store.proof import drill, due, prove
from citygis.store.retention import kept

UTC = datetime.UTC
TESTS = Path(__file__).parent


@pytest.fixture
def city(any_city):
    two_changes(any_city)
    return any_city


def test_a_backup_says_what_the_store_says_and_leaves_it_as_it_is(city):
    before = contents(city)
    made = backup(city, author="clerk", at=AT, reason="year's end")
    assert contents(city) == before
    assert made.manifest.contents == before
    assert made.manifest.tables["parcel"][0] == 30 and made.manifest.tables["parcel_hist"][0] == 5
    assert (made.manifest.change, made.manifest.reason, made.manifest.author) == (2, "year's end", "clerk")
    assert made.path == city.backups_folder / "backup_2026-01-31T160000Z"
    assert read_manifest(made.path) == made.manifest
    assert (made.path / "city" / "city.toml").read_text() == (city.folder / "city.toml").read_text()


def test_a_backup_that_is_restored_elsewhere_equals_the_store_and_is_proven(city):
    made = backup(city)
    trial = prove(made, city, at=AT)
    assert trial.passed, trial.checks.to_string()
    assert trial.checks["passed"].all() and len(trial.checks) >= 6
    assert trial.compared["same"].all() and set(trial.compared["table"]) >= {"parcel", "parcel_hist", "citygis_change"}
    shelf = backups(city.backups_folder)
    assert shelf.last_proven.path == made.path and shelf.last_proven.proof.at == AT


@pytest.mark.parametrize("where", [0.0, 0.3, 0.6, 0.999])
def test_one_flipped_bit_is_detected_wherever_it_is(city, where):
    made = backup(city)
    copy = made.path / made.manifest.copy.path
    data = bytearray(copy.read_bytes())
    data[int(where * (len(data) - 1))] ^= 1
    copy.write_bytes(data)
    trial = prove(made, city)
    assert not trial.passed
    failed = trial.checks[~trial.checks["passed"]]
    assert failed["measured"].str.contains("has changed since it was made").any()
    assert backups(city.backups_folder).last_proven is None


def test_a_backup_proven_once_and_damaged_later_is_proven_no_more(city):
    made = backup(city)
    assert prove(made, city).passed
    (made.path / made.manifest.copy.path).write_bytes(b"")
    assert not prove(made, city).passed
    assert backups(city.backups_folder).last_proven is None


def test_hashes_that_were_recomputed_over_other_contents_do_not_prove_it(city):
    # Whoever rewrites the file and its SHA-256 still has to make the tables say what the store said.
    made = backup(city)
    run_sql(city, "UPDATE parcel SET note = 'x' WHERE fid = 7")
    other = backup(city)
    path = made.path / MANIFEST
    said = json.loads(path.read_text())
    said["files"] = json.loads((other.path / MANIFEST).read_text())["files"]
    path.write_text(json.dumps(said))
    (made.path / made.manifest.copy.path).write_bytes((other.path / made.manifest.copy.path).read_bytes())
    trial = prove(backups(city.backups_folder).backups[-1], city)
    assert not trial.passed
    assert trial.compared.loc[~trial.compared["same"], "table"].tolist() == ["parcel"]


def test_a_change_made_while_the_backup_runs_is_in_it_whole_or_not_at_all(city):
    program = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from store_city import *
city = open_city({str(city.folder)!r})
for i in range(1000):
    frame = parcels(30)
    frame["note"] = pd.Series([str(i)] * 30, dtype="str")
    load(city, {{"parcel": frame, "source_document": source()}}, at=LATER + datetime.timedelta(minutes=i + 1))
    print(i, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as writer:
        made = [backup(city) for _ in range(3) if writer.stdout.readline()]
        writer.kill()
    changes = [b.manifest.change for b in made]
    assert changes == sorted(changes) and changes[-1] > 3
    for each in made:
        # Each change from the third on ends all thirty versions before it.
        assert each.manifest.tables["citygis_change"][0] == each.manifest.change
        assert each.manifest.tables["parcel_hist"][0] == 5 + 30 * (each.manifest.change - 2)
    assert prove(made[-1], city).passed


def test_what_lies_in_the_write_ahead_log_is_in_the_backup(tmp_path):
    city = make_city(tmp_path / "city")
    load(city, {"parcel": parcels(3), "source_document": source()})
    reader = sqlite3.connect(city.store_path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM parcel").fetchone()
    load(city, {"parcel": parcels(9), "source_document": source()}, at=LATER)
    assert city.store_path.with_name("city.gpkg-wal").stat().st_size
    made = backup(city)
    reader.close()
    assert made.manifest.tables["parcel"][0] == 9
    assert sorted(p.name for p in made.path.iterdir()) == ["city", "manifest.json", "store.gpkg"]


def test_a_backup_killed_at_any_moment_is_not_there_and_the_store_is_whole(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city, 3_000)
    before = contents(city)
    code = (
        "import sys; from citygis.city import open_city; from citygis.store.backup import backup; city = open_city(sys.argv[1]); "
    )
    code += "print(1, flush=True); backup(city)"
    for k in range(8):
        with subprocess.Popen([sys.executable, "-c", code, str(city.folder)], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(0.01 * k)
            child.send_signal(signal.SIGKILL)
        shelf = backups(city.backups_folder)
        assert not shelf.unreadable
        assert contents(city) == before
    for made in backups(city.backups_folder).backups:
        assert prove(made, city).passed
    leftovers = list(city.backups_folder.glob(".backup_*"))
    for path in leftovers:
        os.utime(path, (0, 0))
    backup(city)
    assert not list(city.backups_folder.glob(".backup_*"))


def test_without_a_store_there_is_nothing_to_back_up(tmp_path):
    city = make_city(tmp_path / "city")
    with pytest.raises(StoreError, match="nothing to back up"):
        backup(city)
    assert not city.backups_folder.exists()


def test_a_damaged_store_or_another_geopackage_is_refused(tmp_path):
    city = make_city(tmp_path / "city")
    city.store_path.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(StoreError):
        backup(city)
    assert backups(city.backups_folder) == Shelf([], {})


def test_an_unreadable_manifest_is_told_by_name(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    made = backup(city)
    (made.path / MANIFEST).write_text("{")
    shelf = backups(city.backups_folder)
    assert shelf.backups == [] and list(shelf.unreadable) == [made.name] and "damaged" in shelf.unreadable[made.name]
    (made.path / MANIFEST).write_text('{"format": 99}')
    assert "later citygis" in backups(city.backups_folder).unreadable[made.name]


def test_the_drill_takes_what_was_never_tried_then_what_was_tried_longest_ago(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    first, second = backup(city, at=AT), backup(city, at=LATER)
    names = []
    for k in range(3):
        trial, report = drill(backups(city.backups_folder), city, city.backups_folder, at=LATER + datetime.timedelta(days=k))
        names.append(trial.backup.name)
        assert trial.passed and "Passed" in report.read_text() and trial.backup.name in report.read_text()
    assert names == [second.name, first.name, second.name]
    with pytest.raises(StoreError, match="no backup to try"):
        due(Shelf([], {}))


def day(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_newest_of_each_day_week_and_month_is_kept():
    moments = [day(f"2026-03-{d:02d}T{h:02d}:00") for d in range(1, 32) for h in (6, 18)] + [day("2026-01-15T06:00")]
    why = dict(zip(moments, kept(moments, Retention(daily=2, weekly=2, monthly=3)), strict=True))
    stay = {m: reason for m, reason in why.items() if reason}
    # 31 March 2026 is a Tuesday: the ISO week before ends on Sunday, the 29th. February has no backup and costs none.
    assert stay == {
        day("2026-03-31T18:00"): "daily, weekly, monthly",
        day("2026-03-30T18:00"): "daily",
        day("2026-03-29T18:00"): "weekly",
        day("2026-01-15T06:00"): "monthly",
    }


def test_the_newest_stays_even_where_nothing_is_to_be_kept():
    moments = [day("2026-03-01"), day("2026-03-02")]
    assert kept(moments, Retention(daily=0, weekly=0, monthly=0)) == [None, "newest"]
    assert kept([], Retention()) == []


def test_a_day_ends_at_midnight_utc():
    moments = [day("2026-03-01T23:59:59"), day("2026-03-02T00:00:00")]
    assert kept(moments, Retention(daily=5, weekly=0, monthly=0)) == ["daily", "daily"]
    assert kept([m - datetime.timedelta(seconds=1) for m in moments], Retention(daily=5, weekly=0, monthly=0)) == [None, "daily"]


def test_the_backup_proven_last_is_never_deleted(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    made = [backup(city, at=AT + datetime.timedelta(minutes=k)) for k in range(4)]
    assert prove(made[1], city).passed
    shelf = backups(city.backups_folder)
    out = superfluous(shelf, Retention(daily=1, weekly=0, monthly=0))
    assert [b.name for b in out] == [made[2].name, made[0].name]
    for each in out:
        remove(each)
    assert [b.name for b in backups(city.backups_folder).backups] == [made[3].name, made[1].name]


@pytest.mark.parametrize(
    "name", ["crosswalks/county.toml", "cad_profiles/own.toml", "rules/fire.toml", "sync/parcels.toml", "reports/mine.sql"]
)
def test_a_backup_holds_what_the_city_wrote_itself(tmp_path, name):
    city = make_city(tmp_path / "city")
    load(city, {"source_document": source()})
    path = city.folder / name
    path.parent.mkdir()
    path.write_text("# by hand", encoding="utf-8")
    assert (backup(city).path / "city" / name).read_text(encoding="utf-8") == "# by hand"


def test_the_city_says_in_its_settings_where_backups_lie_and_how_many_stay(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    path = city.folder / "city.toml"
    path.write_text(path.read_text() + f'\n[retention]\ndaily = 3\n[folders]\nbackups = "{tmp_path / "elsewhere"}"\n')
    city = open_city(city.folder)
    assert backup(city).path.parent == tmp_path / "elsewhere"
    assert city.retention == Retention(daily=3)


def test_a_proof_whose_record_is_damaged_does_not_count(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    made = backup(city)
    prove(made, city)
    (made.path / PROOF).write_text('{"passed": true}')
    assert backups(city.backups_folder).last_proven is None
    assert not Backup(made.path, made.manifest, Proof(at=AT, seconds=1, passed=False)).is_proven
