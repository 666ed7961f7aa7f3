"""Steps that bring a delivery in, where a whole run would say less: a partitioned data set on each engine, a feature
service, and rows that cannot enter."""

import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from conftest import REQUIRE_ALL
from job_city import JOB, deliver, events, lots, office, run, write_job

import citygis as cg
from citygis.cli import main
from citygis.gpkg import read_geopackage
from citygis.scale import repartition

CHECK = """\
name = "check"
[[step]]
id = "state"
kind = "validate"
from = "../parts/parcel"
layer = "parcel"
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return office(tmp_path_factory.mktemp("intake"))


def test_a_partitioned_data_set_is_checked_as_the_same_rows_in_one_frame(city):
    layer = read_geopackage(city.folder / "jobs" / ".work" / "first" / "parcels" / "layers.gpkg", "parcel")
    layer.loc[0, "geometry"] = shapely.box(6_336_000, 2_124_000, 6_336_110, 2_124_100)  # 10 ft onto the next lot
    path = city.folder / "whole.parquet"
    layer.to_parquet(path)
    (city.folder / "parts").mkdir()
    repartition(path, city.folder / "parts" / "parcel", rows=5)
    write_job(city, CHECK, "check")
    done = run(city, "check")
    step = done.steps[0]
    assert step.state == "done" and step.counts["rows in"] == 12 and step.counts["parts"] > 1
    findings = pd.read_csv(step.folder / "findings.csv")
    overlap = findings[findings["code"] == "T01"]
    assert overlap["measure"].tolist() == pytest.approx([10.0], abs=0.01) and "T01 1" in step.attention[0]
    assert len(cg.validate({"parcel": layer}, city=city).query("code == 'T01'")) == 1
    assert run(city, "check").steps[0].state == "unchanged"


def test_a_folder_that_is_no_data_set_is_refused(city):
    (city.folder / "parts2").mkdir()
    write_job(city, CHECK.replace("../parts/parcel", "../parts2/"), "check2")
    (city.folder / "parts2" / "a.txt").write_text("x")
    done = run(city, "check2")
    assert done.exit_code == 3 and "no partitioned layer" in done.steps[0].message


def test_rows_that_cannot_enter_are_counted_and_need_a_person(city):
    frame = gpd.GeoDataFrame(pd.concat([lots(second=True), lots(second=True).head(1).assign(AIN="no number")], ignore_index=True))
    deliver(city, second=True, frame=frame.set_crs(6420))
    text = (city.folder / "jobs" / "refresh.toml").read_text()
    write_job(city, text[: text.index('[[step]]\nid = "checked"')])
    done = run(city)
    counts = done.steps[1].counts
    assert (counts["rows in"], counts["rows out"], counts["quarantined"]) == (13, 12, 1) and done.exit_code == 1
    assert "C03 1" in done.steps[1].attention[0]
    told = [event for event in events(city) if event["event"] == "step done" and event["step"] == "parcels"][-1]
    assert told["counts"]["quarantined"] == 1


# --- on Dask -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(city):
    """A data set of 12 lots in parts, one of which reaches over the next across the edge of its part; the job that checks it."""
    layer = read_geopackage(city.folder / "jobs" / ".work" / "first" / "parcels" / "layers.gpkg", "parcel")
    for row in range(11):
        layer.loc[row, "geometry"] = shapely.box(6_336_000 + 100 * row, 2_124_000, 6_336_102 + 100 * row, 2_124_100)
    path = city.folder / "wide.parquet"
    layer.to_parquet(path)
    (city.folder / "wide").mkdir()
    repartition(path, city.folder / "wide" / "parcel", rows=5)
    write_job(city, CHECK.replace('"check"', '"wide"').replace("../parts/parcel", "../wide/parcel"), "wide")
    done = run(city, "wide")
    findings = (done.steps[0].folder / "findings.csv").read_bytes()
    assert findings.count(b"T01") >= 11, "each lot but the last lies 2 ft over the next"
    return findings


def test_a_job_on_dask_finds_what_the_loop_finds_and_the_ledger_says_which_it_was(city, parts, scheduler):
    told = []
    for options in (["--engine", "dask"], ["--engine", "dask", "--scheduler", scheduler]):
        asked = ["run", "wide", "--city", str(city.folder), "--from", "state", *options, "--json", "--quiet"]
        said = CliRunner().invoke(main, asked)
        assert said.exit_code == 1, said.stderr
        step = json.loads(said.stdout)["steps"][0]
        assert step["state"] == "done" and step["counts"]["parts"] > 1
        assert (city.folder / "jobs" / ".work" / "wide" / "state" / "findings.csv").read_bytes() == parts
        told.append([event for event in events(city) if event["event"] == "run started"][-1])
    assert [each["engine"] for each in told] == ["dask", "dask"] and told[1]["scheduler"] == scheduler
    assert run(city, "wide").nothing_done, "the engine makes no difference, so it is no reason to do a step again"


def test_a_scheduler_that_does_not_answer_is_named_and_nothing_is_changed(city, parts, monkeypatch):
    if not REQUIRE_ALL:
        pytest.importorskip("distributed")
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}):
        done = run(city, "wide", start="state", engine="dask", scheduler="tcp://127.0.0.1:9")
    assert done.exit_code == 3 and "No Dask scheduler answers" in done.steps[0].message and "--scheduler" in done.steps[0].message


# --- a feature service -------------------------------------------------------------------------------------------------------


def test_a_job_takes_a_feature_service_and_asks_it_anew_each_time(tmp_path, monkeypatch):
    if not REQUIRE_ALL:
        pytest.importorskip("cryptography")
    from citygis.rehearsal import rehearsing

    city = office(tmp_path)
    with rehearsing({"Lots": lots(second=True)}, lengths={"AIN": 20, "USE_CD": 8}, anonymous=True, snap=True) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        address = server.layer_url("Lots")
        text = JOB[: JOB.index('[[step]]\nid = "notice"')].replace("../deliveries/county_*.gpkg", address)
        write_job(city, text)
        first = run(city)
        assert [step.state for step in first.steps] == ["done"] * 5, first.steps
        assert first.steps[0].counts["rows in"] == 12 and first.steps[4].change == 2
        with cg.store(city) as db:
            documents = db.read("source_document")
            parcels = db.read("parcel").set_index("apn")
        assert address in set(documents["uri"]) and parcels.loc["10000021"].geometry.area == pytest.approx(4000, abs=0.5)
        assert parcels.loc["10000021", "source_id"] in set(documents["doc_id"])

        again = run(city)
        assert {step.state for step in again.steps} == {"unchanged"}, "the service says what it said"
        lot = next(each["attributes"] for each in server.features("Lots") if each["attributes"]["AIN"] == "10000007")
        server.edit("Lots", updates=[{"attributes": {"GlobalID": lot["GlobalID"], "USE_CD": "0300"}}])
        third = run(city)
        assert [step.state for step in third.steps] == ["done"] * 5 and third.steps[4].change == 3
        assert third.steps[4].counts["updated"] == 1, third.steps[4].counts
    gone = run(city)
    assert gone.exit_code == 3 and gone.steps[0].state == "failed" and "127.0.0.1" in gone.steps[0].message
    with cg.store(city) as db:
        assert len(db.changes()) == 3
