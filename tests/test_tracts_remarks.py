"""What a person should know of a map."""

import pytest
import tract_maps

from citygis.city import default_city
from citygis.tracts import tract_work

CITY = default_city()


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml").read_text()


def work(path, text):
    path.write_text(text)
    return tract_work(path, "4012", city=CITY, held={}, frame=tract_maps.FRAME)


def test_stated_courses_that_do_not_close_are_told_with_their_ratio(tmp_path, text):
    first = text.index('length="', text.index('<Parcel name="2"'))
    start, end = first + len('length="'), text.index('"', first + len('length="'))
    found = work(tmp_path / "open.xml", text[:start] + f"{float(text[start:end]) + 1:.4f}" + text[end:])
    told = found.findings[found.findings["code"] == "N03"]
    assert set(told["severity"]) == {"review"}
    assert told["measure"].max() == pytest.approx(1.0, abs=0.01)
    # The figure is that of the coordinates, and the record stays as it was stated.
    assert found.layers["boundary_line"]["residual_dist_ft"].abs().max() == pytest.approx(1.0, abs=0.01)


def test_a_map_that_closes_and_states_its_areas_says_nothing_of_them(tmp_path, text):
    codes = work(tmp_path / "fine.xml", text).findings["code"]
    assert not codes.isin(["N03", "N20", "N21", "W03"]).any()


def test_findings_of_reading_are_told_at_their_places_in_the_city(tmp_path):
    path = tract_maps.landxml(tmp_path / "l.xml", tract_maps.to_local)
    ties = tract_maps.ties(tmp_path / "ties.csv")
    found = tract_work(path, "4012", city=CITY, held=tract_maps.held(), ties=ties, retire=True)
    placed = found.findings[found.findings.geometry.notna()]
    box = tract_maps.parent().geometry.buffer(300)
    assert len(placed) > 0
    assert placed.geometry.within(box).all()


def test_easements_are_entered_with_a_purpose_that_a_person_must_look_at(tmp_path, text):
    start, end = text.index('<Parcel name="2"'), text.index('<Parcel name="3"')
    copy = text[start:end].replace('name="2"', 'name="PUE" class="easement"')
    found = work(tmp_path / "easement.xml", text[:end] + copy + text[end:])
    easement = found.layers["easement"].iloc[0]
    assert (easement["easement_id"], easement["purpose"], easement["note"]) == ("T4012-E1", "OTHER", "PUE")
    assert easement.geometry.area == pytest.approx(tract_maps.exact_areas()["2"], abs=0.1)
    assert "N21" in found.findings["code"].tolist()
