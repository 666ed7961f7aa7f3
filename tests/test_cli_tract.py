"""`citygis tract` from end to end."""

import json

import numpy as np
import pytest
import shapely
import tract_maps
from click.testing import CliRunner

from citygis.cli import main
from citygis.gpkg import layers_of, read_geopackage
from citygis.quality import validate
from citygis.store import store

EARLIER = ("--accept", "T01=it divides the remainder of PM 15-204")
"""What a person says of the earlier map that this one lies on."""


def run(*words):
    return CliRunner().invoke(main, ["tract", *map(str, words)])


@pytest.fixture(scope="module")
def map_file(tmp_path_factory):
    return tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city") / "city"
    return tract_maps.stored_city(folder).folder


@pytest.fixture
def city(template, tmp_path):
    from shutil import copytree

    return copytree(template, tmp_path / "city")


def bytes_of(city):
    return (city / "city.gpkg").read_bytes()


def test_a_map_without_its_frame_is_refused_with_three_ways_and_nothing_changes(city, map_file):
    before = bytes_of(city)
    result = run(map_file, "--city", city, "--tract", "4012")
    assert result.exit_code == 3
    assert "Three ways to settle it" in result.stderr
    assert bytes_of(city) == before


def test_a_parent_that_is_not_retired_stands_against_the_load_and_nothing_changes(city, map_file):
    before = bytes_of(city)
    result = run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME)
    assert result.exit_code == 3
    assert "N13" in result.stderr and "T01" in result.stderr
    assert bytes_of(city) == before


def test_a_map_over_an_earlier_one_is_refused_until_a_person_says_why_and_nothing_changes(city, map_file):
    before = bytes_of(city)
    result = run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire")
    assert result.exit_code == 3 and bytes_of(city) == before
    said = " ".join(result.stderr.split())
    assert "1 error stands in the way" in said and "(tract) PM 15-204 with 4012" in said and '--accept T01="reason"' in said


def test_a_tract_is_loaded_among_its_neighbours_without_a_finding_between_them_and_twice_changes_nothing(city, map_file):
    words = (map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire", *EARLIER, "--json")
    result = run(*words)
    assert result.exit_code == 0, result.output + result.stderr
    told = json.loads(result.stdout)
    assert (told["lots_numbered"], told["retired"], told["displacement"]["moved"]) == (8, [tract_maps.PARENT], 17)
    assert told["displacement"]["largest_ft"] < 0.001
    from citygis.city import open_city

    opened = open_city(city)
    with store(opened) as db:
        layers = {name: db.read(name) for name in ("parcel", "right_of_way", "tract", "source_document", "boundary_line")}
        assert len(db.read("apn_history")) == 8
    parcels = layers["parcel"].set_index("apn")
    assert parcels.loc[tract_maps.PARENT, "status"] == "RETIRED"
    assert parcels.index.str.startswith("T4012-").sum() == 8
    found = validate({name: layers[name] for name in ("parcel", "right_of_way")}, city=opened)
    assert not found["code"].isin(["T01", "G02", "G03", "G05"]).any()
    before = bytes_of(city)
    again = run(*words)
    assert again.exit_code == 0, again.output + again.stderr
    assert json.loads(again.stdout)["change_id"] is None
    assert bytes_of(city) == before


def test_a_file_holds_the_layers_and_what_a_person_looks_at(tmp_path, city, map_file):
    out = tmp_path / "out.gpkg"
    result = run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire", "--out", out)
    assert result.exit_code == 1, result.output + result.stderr  # it lies on an earlier map, and nobody has said that it may
    found = read_geopackage(out, "findings").query("severity == 'error'")
    assert found[["code", "feature", "other"]].to_numpy().tolist() == [["T01", "PM 15-204", "4012"]]
    assert "17 of 17 outer corners" in " ".join(result.stdout.split())
    there = {layer.name for layer in layers_of(out)}
    assert {"tract", "parcel", "right_of_way", "boundary_line", "corner", "apn_history", "source_document"} <= there
    assert {"findings", "lots", "displacement"} <= there
    assert len(read_geopackage(out, "displacement")) == 17
    refused = run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--out", out)
    assert refused.exit_code == 3


def test_the_file_loads_into_the_same_geodatabase_as_the_direct_way(tmp_path, template, map_file):
    from shutil import copytree

    from citygis.city import open_city

    direct, by_file = copytree(template, tmp_path / "direct"), copytree(template, tmp_path / "by_file")
    words = (map_file, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire")
    assert run(*words, *EARLIER, "--city", direct).exit_code == 0
    assert run(*words, "--city", by_file, "--out", tmp_path / "tract.gpkg").exit_code == 1
    loaded = CliRunner().invoke(main, ["load", str(tmp_path / "tract.gpkg"), "--city", str(by_file), *EARLIER])
    assert loaded.exit_code == 0, loaded.output + loaded.stderr
    for name in ("tract", "parcel", "right_of_way", "boundary_line", "corner", "apn_history"):
        tables = []
        for folder in (direct, by_file):
            with store(open_city(folder)) as db:
                frame = db.read(name).drop(columns=["tx_from", "tx_to"], errors="ignore").astype(str)
            tables.append(frame.sort_values(list(frame)).reset_index(drop=True))
        assert tables[0].equals(tables[1]), name


def test_lots_of_the_tract_front_on_the_street_that_it_offers(city, map_file, tmp_path):
    words = (map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire", "--json")
    assert "T13" not in json.loads(run(*words, "--out", tmp_path / "out.gpkg").stdout)["findings_by_code"]


def test_every_course_ends_at_a_corner_and_those_the_city_has_are_not_entered_again(tmp_path, city, map_file):
    from citygis.city import open_city

    out = tmp_path / "out.gpkg"
    result = run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire", "--out", out, "--json")
    assert "T05" not in json.loads(result.stdout)["findings_by_code"]
    with store(open_city(city)) as db:
        held = db.read("corner").geometry.to_numpy()
    new = read_geopackage(out, "corner").geometry.to_numpy()
    lines = read_geopackage(out, "boundary_line")
    lines = lines[lines["line_kind"] != "CONNECTION"].geometry.to_numpy()
    ends = shapely.points(np.concatenate([shapely.get_coordinates(shapely.get_point(lines, end)) for end in (0, -1)]))
    assert (shapely.distance(ends, shapely.multipoints(np.concatenate([held, new]))) <= 0.01).all()
    assert (shapely.distance(ends, shapely.multipoints(new)) > 1).any()  # these stand at the City's own
    assert (shapely.distance(new, shapely.multipoints(held)) > 0.02).all()


def test_a_drawing_on_the_ground_comes_in_by_its_ties(tmp_path, city):
    drawing = tract_maps.dxf(tmp_path / "l.dxf", tract_maps.to_local)
    ties = tract_maps.ties(tmp_path / "ties.csv")
    result = run(drawing, "--city", city, "--tract", "4012", "--ties", ties, "--unit", "ft_us", "--retire", *EARLIER, "--json")
    assert result.exit_code == 0, result.output + result.stderr
    told = json.loads(result.stdout)
    assert told["placement"]["is_ground"] is True
    assert len(told["ties"]) == 4


def test_a_mirrored_drawing_changes_nothing(tmp_path, city):
    before = bytes_of(city)
    drawing = tract_maps.landxml(tmp_path / "m.xml", tract_maps.mirrored)
    ties = tract_maps.ties(tmp_path / "ties.csv", tract_maps.mirrored)
    result = run(drawing, "--city", city, "--tract", "4012", "--ties", ties, "--retire")
    assert result.exit_code == 3
    assert "mirrored" in result.stderr
    assert bytes_of(city) == before


def test_a_load_that_breaks_off_leaves_the_geodatabase_as_it_was(city, map_file, monkeypatch):
    import citygis.store.session

    before = bytes_of(city)

    def breaks_off(*args, **kwargs):
        raise KeyboardInterrupt

    # The first layer is written, then the process is stopped.
    real = citygis.store.session.apply
    calls = []

    def once(*args, **kwargs):
        calls.append(1)
        return real(*args, **kwargs) if len(calls) < 3 else breaks_off()

    monkeypatch.setattr(citygis.store.session, "apply", once)
    result = run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, "--retire", *EARLIER)
    assert result.exit_code == 130
    assert len(calls) == 3
    with_parent = before == bytes_of(city)
    monkeypatch.undo()
    from citygis.city import open_city

    with store(open_city(city)) as db:
        parcels = db.read("parcel")
    assert with_parent or not parcels["apn"].str.startswith("T4012").any()
    assert parcels.set_index("apn").loc[tract_maps.PARENT, "status"] == "ACTIVE"


@pytest.mark.parametrize(
    "words", [("--snap-ft", "5"), ("--profile", "ncs"), ("--out", "x.shp"), ("--ties", "t.csv", "--unit", "chain")]
)
def test_wrong_words_are_wrong_usage(city, map_file, words):
    assert run(map_file, "--city", city, "--tract", "4012", "--frame", tract_maps.FRAME, *words).exit_code == 2
