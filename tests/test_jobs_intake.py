"""Steps that bring a delivery in, where a whole run would say less: a partitioned data set, and rows that cannot enter."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from job_city import deliver, events, lots, office, run, write_job

import citygis as cg
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
