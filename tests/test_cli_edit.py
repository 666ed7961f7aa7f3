"""`citygis edit`: the plan first, then one change of the City's geodatabase, which can be undone."""

import json

import geopandas as gpd
import pytest
from click.testing import CliRunner
from office_city import ground, line, whole
from store_city import dump, make_city

from citygis.cli import main
from citygis.findings import findings_frame
from citygis.store import store

CUT = "6335970,2124050 6336090,2124050"  # across lot 11
DOWN = "6336030,2123990 6336030,2124110"  # along it
NEW = ["--new", "191-010-91", "--new", "191-010-92"]


@pytest.fixture
def office(tmp_path):
    """A City with the lots of `office_city` in its geodatabase, and a recorded map beside it."""
    city = make_city(tmp_path / "riverbend")
    lots, beside = whole()
    with store(city) as db:
        db.load({"parcel": lots, **beside}, findings=findings_frame(crs=city.crs), author="clerk")
    (tmp_path / "map.pdf").write_bytes(b"a parcel map")
    return city, tmp_path


def edit(office, *arguments, record="map.pdf", kind="PARCEL_MAP"):
    city, folder = office
    stated = ["--record", str(folder / record), "--doc-type", kind] if record else []
    return CliRunner().invoke(main, ["edit", *arguments, *stated, "--city", str(city.folder)])


def test_without_apply_the_plan_is_shown_and_nothing_is_changed(office):
    before = dump(office[0].store_path)
    done = edit(office, "split", "191-010-11", "--line", DOWN, *NEW)
    assert done.exit_code == 0, done.output
    for words in ("Split of 191-010-11", "3,000.00", "straddles", "dropped", "--apply"):
        assert words in done.output, words
    assert dump(office[0].store_path) == before


def test_an_applied_split_is_one_change_with_lineage_and_its_document_and_is_undone(office):
    city, _folder = office
    with store(city) as db:
        before = db.read("parcel")
    done = edit(
        office, "split", "191-010-11", "--line", DOWN, *NEW, "--apply", "--effective", "2026-07-01", "--message", "PM 15-204"
    )
    assert done.exit_code == 0, done.output
    assert "Applied as change 2." in done.output
    with store(city) as db:
        lots, told = db.read("parcel"), db.changes().iloc[-1]
        assert {"191-010-91", "191-010-92"} <= set(lots["apn_display"]) and "191-010-11" not in set(lots["apn_display"])
        assert told["message"] == "PM 15-204" and str(told["effective"]) == "2026-07-01"
        assert (db.read("address_point")["apn"] == "19101011").sum() == 0
        assert set(db.read("apn_history")["new_apn"]) == {"19101091", "19101092"}
        assert db.read("source_document")["uri"].eq("map.pdf").sum() == 1
        assert set(db.lineage("191-010-91")["parent_name"]) == {"19101011"}
        db.undo(2)
        back = db.read("parcel").set_index("apn").loc[before["apn"]]
        assert back.geometry.to_numpy().tolist() == before.geometry.to_numpy().tolist() and len(db.read("parcel")) == len(before)


def test_a_number_of_the_stores_history_is_not_given_again(office):
    assert edit(office, "renumber", "191-010-11=191-010-91", "--apply").exit_code == 0
    assert edit(office, "renumber", "191-010-91=191-010-92", "--apply").exit_code == 0
    done = edit(office, "renumber", "191-010-92=191-010-11")
    assert done.exit_code == 3 and "not recycled" in done.output


def test_a_new_finding_stands_in_the_way_until_it_is_accepted_with_a_reason(office):
    shown = edit(office, "split", "191-010-11", "--line", CUT, *NEW)
    assert shown.exit_code == 1 and "T13" in shown.output
    before = dump(office[0].store_path)
    refused = edit(office, "split", "191-010-11", "--line", CUT, *NEW, "--apply")
    assert refused.exit_code == 3 and "T13" in refused.output
    assert dump(office[0].store_path) == before
    done = edit(office, "split", "191-010-11", "--line", CUT, *NEW, "--apply", "--accept", "T13=easement of the same map")
    assert done.exit_code == 0, done.output


def test_what_is_asked_is_answered_with_set(office):
    shown = edit(office, "merge", "191-010-11", "191-010-12", "--new", "191-010-95", kind="MERGER")
    assert shown.exit_code == 1 and "--set 191-010-95:situs_text=VALUE" in shown.output
    said = ["--set", "191-010-95:situs_text=100 FIRST ST", "--set", "191-010-95:situs_id="]
    done = edit(office, "merge", "191-010-11", "191-010-12", "--new", "191-010-95", *said, "--apply", kind="MERGER")
    assert done.exit_code == 0, done.output
    with store(office[0]) as db:
        assert db.read("parcel").set_index("apn_display").loc["191-010-95", "situs_text"] == "100 FIRST ST"


def test_an_adjustment_takes_its_line_from_a_file_in_the_citys_system(office):
    city, folder = office
    drawn = gpd.GeoDataFrame(geometry=[line((50, -5), (50, 105))], crs=city.crs)
    drawn.to_file(folder / "line.gpkg")
    done = edit(office, "adjust", "191-010-11", "191-010-12", "--from", str(folder / "line.gpkg"), "--json", kind="LLA")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    after = {row["feature"]: row["after_sqft"] for row in told["areas"]}
    assert after["191-010-11"] == pytest.approx(5000) and after["191-010-12"] == pytest.approx(7000)
    assert told["applied"] is False and told["lineage"][0]["kind"] == "lot_line_adjustment"
    drawn.to_crs(4326).to_file(folder / "degrees.gpkg")
    done = edit(office, "adjust", "191-010-11", "191-010-12", "--from", str(folder / "degrees.gpkg"), kind="LLA")
    assert done.exit_code == 3 and "Convert it first" in done.output


def test_part_of_a_street_is_vacated_and_an_easement_kept(office):
    city, folder = office
    gpd.GeoDataFrame(geometry=[ground(0, 100, 60, 160)], crs=city.crs).to_file(folder / "part.gpkg")
    arguments = ["vacate", "RW-1", "--part", str(folder / "part.gpkg"), "--to", "191-010-11", "--reserve", "E-9:PUE"]
    accept = ["--accept", "T13=the case is open", "--accept", "U01=other work"]
    done = edit(office, *arguments, *accept, "--apply", kind="VACATION")
    assert done.exit_code in (0, 3), done.output
    assert "T0" not in done.output, done.output
    assert done.exit_code == 0, done.output
    with store(city) as db:
        assert db.read("right_of_way").geometry.area.tolist() == pytest.approx([180 * 60])
        assert db.read("easement")["easement_id"].tolist() == ["E-9"]
        assert db.read("parcel").set_index("apn_display").geometry["191-010-11"].area == pytest.approx(9600)


def test_a_document_that_the_city_has_is_named_by_its_id_or_number(office):
    with store(office[0]) as db:
        doc_id = db.read("source_document")["doc_id"].iloc[0]
    done = edit(office, "renumber", "191-010-11=191-010-91", "--record", doc_id, record=None)
    assert done.exit_code == 0, done.output
    done = edit(office, "renumber", "191-010-11=191-010-91", "--record", "nowhere", record=None)
    assert done.exit_code == 3 and "nowhere" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["split", "191-010-11", "--line", "1,2", *NEW], "two places"),
        (["split", "191-010-11", "--line", "east north", *NEW], "EASTING,NORTHING"),
        (["split", "191-010-11", *NEW], "--line"),
        (["split", "191-010-11", "--line", DOWN, *NEW, "--set", "use_code=1"], "APN:FIELD=VALUE"),
        (["split", "191-010-11", "--line", DOWN, *NEW, "--effective", "July"], "2026-07-01"),
        (["split", "191-010-11", "--line", DOWN, "--new", "191-010-91@6336010,2124050", "--new", "191-010-92"], "its place"),
        (["renumber", "191-010-11"], "OLD=NEW"),
        (["vacate", "RW-1", "--reserve", "E9"], "ID:PURPOSE"),
    ],
)
def test_wrong_usage_is_told_and_exits_2(office, arguments, words):
    done = edit(office, *arguments)
    assert done.exit_code == 2 and words in done.output, done.output


def test_a_line_that_does_not_divide_is_refused_in_words(office):
    done = edit(office, "split", "191-010-11", "--line", "6335970,2124050 6336030,2124050", *NEW)
    assert done.exit_code == 3 and "short of the boundary" in done.output and "Nothing was changed" in done.output
