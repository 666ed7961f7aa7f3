"""A job that loads and then syncs: the real room, the real client, and a rehearsal server that loses a reply."""

import datetime

import pandas as pd
import pytest
import rehearsed_city
import sync_city
from job_city import write_job
from rehearsal_parcels import require_arcgis
from store_city import AT, LATER, source

import citygis as cg
from citygis import sync
from citygis.gpkg import write_geopackage
from citygis.jobs import read_job, run_job

JOB = """\
name = "online"
[[step]]
id = "taken"
kind = "load"
from = "../parcels.gpkg"
[[step]]
id = "sent"
kind = "sync"
target = "parcels"
apply = {apply}
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A City and a remote layer that say the same, the server, and the City a day later: 3 addresses, 2 lots moved, 4 new."""
    require_arcgis()
    before = sync_city.parcels(14)
    after = pd.concat([sync_city.edited(before), before.iloc[[5, 6, 7]]], ignore_index=True)
    with pytest.MonkeyPatch.context() as patch, rehearsed_city.rehearsed(tmp_path_factory.mktemp("online"), before) as given:
        server, city, _target = given
        patch.setenv("CITYGIS_USER", server.user)
        patch.setenv("CITYGIS_PASSWORD", server.password)
        (city.folder / "jobs").mkdir()
        yield server, city, before, after


def night(city, frame, at, *, apply):
    """A delivery that replaces the one before, and the job."""
    layers = {"parcel": frame, "source_document": source()}
    write_geopackage(city.folder / "parcels.gpkg", layers, schema=city.schema, overwrite=True)
    path = write_job(city, JOB.format(apply=str(apply).lower()), "online")
    return run_job(read_job(path), city=city, at=at)


def edits(server):
    return [each for each in server.trace() if each["operation"] == "applyEdits"]


def test_what_was_loaded_is_sent_once_though_a_reply_is_lost(office):
    server, city, before, after = office
    same = night(city, before, AT, apply=False)
    assert same.exit_code == 0, same.needs
    assert same.steps[1].counts == dict.fromkeys(("adds", "updates", "deletes", "conflicts", "refusals"), 0)
    assert sync.verify(sync.read_target("parcels", city), city=city).is_clean, "the state that both sides start from"

    planned = night(city, after, LATER, apply=False)
    assert planned.exit_code == 0, planned.needs
    assert planned.steps[0].counts["updated"] == 5
    assert "9 changes planned" in planned.steps[1].remarks[0] and (planned.steps[1].folder / "plan.html").exists()
    assert rehearsed_city.content(server) == rehearsed_city.meant(before) and not edits(server)
    plan = (planned.steps[1].folder / "plan.json").read_bytes()
    same = night(city, after, LATER + datetime.timedelta(hours=1), apply=False)
    assert same.nothing_done and "9 changes planned" in same.steps[1].remarks[0], "the moment alone makes no other plan"
    assert (same.steps[1].folder / "plan.json").read_bytes() == plan

    server.faults([{"on": "applyEdits", "kind": "reset", "when": "after", "nth": [1]}])
    sent = night(city, after, LATER, apply=True)
    server.faults([])
    assert sent.exit_code == 0, sent.needs
    assert "9 of 9 changes were sent" in sent.steps[1].remarks[0]
    assert rehearsed_city.content(server) == rehearsed_city.meant(after)

    server.clear_trace()
    again = night(city, after, LATER, apply=True)
    assert again.exit_code == 0 and again.steps[0].state == "unchanged" and not any(again.steps[1].counts.values())
    assert not edits(server) and rehearsed_city.content(server) == rehearsed_city.meant(after)
    with cg.store(city) as db:
        assert len(db.changes()) == 2
    kept = b"".join(path.read_bytes() for path in (city.folder / "jobs").rglob("*") if path.is_file())
    assert server.password.encode() not in kept and len(kept) > 10_000


def test_an_edit_on_both_sides_is_not_sent_over_and_needs_a_person(office):
    server, city, _before, after = office
    row = after.iloc[8]
    server.edit("Parcels", updates=[{"attributes": {"GlobalID": f"{{{row['global_id'].upper()}}}", "SITUS": "THEIRS"}}])
    frame = after.copy()
    frame.loc[8, "situs_text"] = "OURS"
    done = night(city, frame, LATER, apply=True)
    assert done.exit_code == 1 and done.steps[1].counts["conflicts"] == 1 and "Conflicts: 1" in done.needs[0][1]
    assert "THEIRS" in {values[1] for values in rehearsed_city.content(server).values()}
