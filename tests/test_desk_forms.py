"""Forms made of questions, and what was filled in."""

import pytest
from store_city import make_city, parcels

from citygis.analysis import questions
from citygis.desk.forms import OF_OWNERS, SUFFIXES, fields, filled_in, unavailable
from citygis.errors import AnalysisError

QUESTIONS = questions()
NOTICE = QUESTIONS["notice"]


@pytest.fixture
def city(tmp_path):
    made = make_city(tmp_path / "city")
    (made.folder / "desk").mkdir()
    (made.folder / "desk" / "permits.csv").write_text("apn\n1\n", encoding="utf-8")
    return made


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_public_form_asks_for_nothing_of_owners_and_everything_else(city, name):
    asked = QUESTIONS[name]
    offered = {field.parameter.name for field in fields(asked, city, owners=False)}
    assert offered == {each.name for each in asked.parameters} - set(OF_OWNERS)


def test_what_is_required_stands_first(city):
    first, *_ = fields(NOTICE, city, owners=True)
    assert first.is_parcel and first.parameter.required


def test_what_was_filled_in_becomes_what_the_question_takes(city):
    form = {"apn": ["100-1, 100-2\n100-3", " "], "distance_ft": ["300"], "occupants": ["on"], "case": [""]}
    assert filled_in(NOTICE, form, city, owners=True) == {
        "subject": ["100-1", "100-2", "100-3"],
        "distance_ft": "300",
        "occupants": True,
    }
    assert filled_in(NOTICE, form, city, owners=False) == {
        "subject": ["100-1", "100-2", "100-3"],
        "distance_ft": "300",
        "public": True,
    }


def test_a_file_is_taken_by_its_name_alone(city):
    assert filled_in(QUESTIONS["join"], {"table": ["permits.csv"]}, city, owners=True) == {"table": "permits.csv"}
    for name in ("../city.toml", "desk/permits.csv", "./permits.csv", str(city.folder / "desk" / "permits.csv")):
        with pytest.raises(AnalysisError, match="no such file is offered"):
            filled_in(QUESTIONS["join"], {"table": [name]}, city, owners=True)


def test_every_kind_of_file_that_a_question_asks_for_can_be_offered():
    kinds = {each.kind for asked in QUESTIONS.values() for each in asked.parameters}
    assert kinds - {"text", "number", "integer", "date", "flag"} == set(SUFFIXES)


def test_a_question_that_needs_the_roll_or_a_layer_says_so():
    needs = NOTICE._replace(layers=("parcel", "parcel_owner"))
    layers = {"parcel": parcels(2)}
    assert "profile public" in unavailable(needs, layers, owners=False)
    assert "no parcel owner yet" in unavailable(needs, layers, owners=True)
    assert unavailable(NOTICE, layers, owners=False) == ""
