"""A request from the command line or a file: what it may say, and what it is turned into."""

import datetime

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from store_city import make_city

from citygis.analysis.questions import HOME, questions
from citygis.analysis.request import Request, answered, keywords, question
from citygis.errors import AnalysisError, SettingsError
from citygis.gpkg import write_geopackage


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("request") / "city")


def test_every_question_is_a_function_of_the_front_door_that_says_what_it_does():
    import citygis as cg

    for each in questions().values():
        assert getattr(cg.analysis, each.answer.__name__) is each.answer
        assert each.answer.__doc__ and each.summary.endswith(".") and each.department
        assert HOME[each.answer.__name__]


def test_every_parameter_of_a_question_is_a_keyword_of_its_function():
    import inspect

    for each in questions().values():
        known = inspect.signature(each.answer).parameters
        positional = [name for name, one in known.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
        assert len(positional) >= len(each.layers), each.name
        for name in (*(p.name for p in each.parameters), *each.optional, "city"):
            assert name in known, f"{each.name}: {name}"


def test_texts_become_numbers_days_and_truth_values(city):
    said = keywords(question("notice"), {"apn": "1", "distance-ft": "250", "date": "2027-02-28", "public": True}, city=city)
    assert said == {"subject": ["1"], "distance_ft": 250.0, "date": datetime.date(2027, 2, 28), "public": True}


@pytest.mark.parametrize(
    "given,told",
    [
        ({"apn": "1", "distance_ft": "three hundred"}, "distance_ft = 'three hundred'.*Must be a number"),
        ({"apn": "1", "distance_ft": "nan"}, "must be finite"),
        ({"apn": "1", "date": "31.01.2027"}, "Must be a day such as"),
        ({"apn": "1", "public": "yes"}, "true or false"),
        ({"apn": "1", "distnce_ft": 3}, "does not ask for 'distnce_ft'; did you mean 'distance_ft'"),
        ({"distance_ft": 3}, "needs apn"),
    ],
)
def test_what_a_question_cannot_take_is_refused_with_what_it_must_be(city, given, told):
    with pytest.raises(AnalysisError, match=told):
        keywords(question("notice"), given, city=city)


def test_a_table_is_read_as_text_and_keeps_the_zeros_of_its_numbers(city, tmp_path):
    (tmp_path / "roll.csv").write_text("apn,owner_name\n00191074,Ann Alder\n", encoding="utf-8")
    said = keywords(question("notice"), {"apn": "1", "roll": "roll.csv"}, city=city, folder=tmp_path)
    assert said["roll"]["apn"].tolist() == ["00191074"]


def test_an_unknown_question_gives_the_nearest():
    with pytest.raises(AnalysisError, match="did you mean 'notice'"):
        question("notces")


def test_a_request_file_with_an_unknown_key_is_refused_with_what_was_meant(tmp_path):
    (tmp_path / "request.toml").write_text('question = "notice"\n[parametres]\napn = "1"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="did you mean `parameters`"):
        Request.from_file(tmp_path / "request.toml")


def test_a_layer_that_is_not_there_is_named_with_how_to_load_it(city, tmp_path):
    write_geopackage(tmp_path / "few.gpkg", {"notes": pd.DataFrame({"a": [1]})})
    with pytest.raises(AnalysisError, match=r"needs parcel, which .*few.gpkg does not have.*citygis load"):
        answered(question("notice"), tmp_path / "few.gpkg", {"subject": ["1"]}, city=city)


def test_a_further_layer_without_a_feature_is_as_one_that_is_not_there(city, tmp_path):
    lots = gpd.GeoDataFrame({"apn": ["A"]}, geometry=[shapely.box(6_330_000, 2_100_000, 6_330_100, 2_100_100)], crs="EPSG:6420")
    write_geopackage(tmp_path / "city.gpkg", {"parcel": lots, "zoning": lots.assign(code="R-1").iloc[:0]})
    made = answered(question("sb9"), tmp_path / "city.gpkg", {}, city=city)
    assert len(made.table) == 1
    assert made.unanswered["what"].str.contains("zon", case=False).any()
