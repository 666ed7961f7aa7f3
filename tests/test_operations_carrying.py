"""What the City has entered goes on by rule, or a person is asked; it is never lost unsaid."""

import shutil

import numpy as np
import pandas as pd
import pytest
from office_city import CITY, parcels
from store_city import make_city

from citygis.errors import SettingsError
from citygis.operations.carrying import Carrying, carried_values, carrying_rules

LAYER = CITY.schema.layer("parcel")


def carried(rules, parents, shares, children, **more):
    on = more.pop("holds_situs", np.zeros(np.shape(shares), dtype=bool))
    return carried_values(parents, np.array(shares, dtype=float), children, LAYER, Carrying(**rules), holds_situs=on, **more)


def said(log, field, apn):
    return log.loc[(log["field"] == field) & (log["apn"] == apn), "said"].tolist()


def test_a_value_is_copied_dropped_or_asked_as_its_rule_says():
    one = parcels().iloc[:1]
    made, log = carried({"default": "copy", "lot": "drop", "use_code": "ask"}, one, [[0.5, 0.5]], ["A", "B"])
    assert made["zoning_code"] == ["R-1", "R-1"] and said(log, "zoning_code", "A") == ["copied"]
    assert made["lot"] == [None, None] and said(log, "lot", "B") == ["dropped"]
    assert made["use_code"] == [None, None] and said(log, "use_code", "A") == ["asked"]


def test_every_value_that_was_there_is_told_once_for_each_child():
    one = parcels().iloc[:1]
    _, log = carried({"default": "copy"}, one, [[0.5, 0.5]], ["A", "B"])
    assert not log.duplicated(["apn", "field"]).any()
    held = {name for name in ("lot", "tra", "use_code", "situs_text", "stated_area", "city_owned") if one[name].notna().all()}
    assert held <= set(log["field"])


def test_a_number_is_divided_by_area_and_added_up_again():
    one = parcels(misclose_ft=10.0).iloc[:1]
    made, log = carried({"misclose_ft": "divide"}, one, [[0.25, 0.75]], ["A", "B"])
    assert made["misclose_ft"] == [2.5, 7.5] and said(log, "misclose_ft", "A") == ["divided"]
    two = parcels().iloc[:2].assign(misclose_ft=[1.0, 2.5])
    made, log = carried({"misclose_ft": "divide"}, two, [[1.0], [1.0]], ["A"])
    assert made["misclose_ft"] == [3.5] and said(log, "misclose_ft", "A") == ["added up"]


def test_parents_that_agree_are_copied_and_those_that_differ_are_asked():
    two = parcels().iloc[:2].assign(zoning_code=["R-1", "C-1"], tra=["009011", None])
    made, log = carried({"default": "copy"}, two, [[1.0], [1.0]], ["A"])
    assert made["use_code"] == ["0110"] and made["tra"] == ["009011"]
    assert made["zoning_code"] == [None] and said(log, "zoning_code", "A") == ["asked"]
    assert log.loc[log["field"] == "zoning_code", "value"].tolist() == ["R-1; C-1"]


def test_the_address_follows_the_ground_it_lies_on():
    one = parcels().iloc[:1]
    made, log = carried({"situs_text": "follow"}, one, [[0.5, 0.5]], ["A", "B"], holds_situs=np.array([[False, True]]))
    assert made["situs_text"] == [None, "100 FIRST ST"]
    assert said(log, "situs_text", "A") == ["dropped"] and said(log, "situs_text", "B") == ["copied"]


def test_an_address_whose_place_nobody_knows_is_asked():
    one = parcels().iloc[:1]
    _, log = carried({"situs_text": "follow"}, one, [[0.5, 0.5]], ["A", "B"])
    assert said(log, "situs_text", "A") == ["asked"]


def test_what_a_person_says_goes_before_the_rule_and_may_be_nothing():
    one = parcels().iloc[:1]
    values = {"191-010-91": {"use_code": "0200", "city_owned": "yes", "stated_area": "3000.5"}, "19101092": {"use_code": ""}}
    made, log = carried({"use_code": "ask"}, one, [[0.5, 0.5]], ["191-010-91", "191-010-92"], values=values)
    assert made["use_code"] == ["0200", None] and made["city_owned"][0] and made["stated_area"][0] == 3000.5
    assert said(log, "use_code", "191-010-92") == ["given"]


@pytest.mark.parametrize(
    ("values", "words"),
    [({"X": {"use_code": "1"}}, "Must be of one of"), ({"A": {"apn": "1"}}, "field"), ({"A": {"stated_area": "big"}}, "double")],
)
def test_what_cannot_be_said_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        carried({}, parcels().iloc[:1], [[1.0]], ["A"], values=values)


def test_a_stated_area_is_never_carried_to_other_land():
    rules = carrying_rules(CITY)
    for kind in ("split", "merge", "reshape"):
        assert getattr(rules, kind).of("stated_area") == "drop"
        assert getattr(rules, kind).of("stated_area_unit") == "drop"


def test_a_city_says_only_what_is_otherwise(tmp_path):
    city = make_city(tmp_path / "c")
    (tmp_path / "c" / "carrying.toml").write_text('[split]\nuse_code = "ask"\n')
    rules = carrying_rules(city)
    assert rules.split.of("use_code") == "ask" and rules.split.of("lot") == "drop" and rules.merge.of("use_code") == "copy"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[split]\nuse_cod = "ask"\n', "use_cod"),
        ('[split]\napn = "copy"\n', "apn"),
        ('[split]\nuse_code = "guess"\n', "use_code"),
        ('[splits]\nuse_code = "ask"\n', "splits"),
        ('[reshape]\nmisclose_ft = "divide"\n', "divide"),
    ],
)
def test_a_carrying_file_that_says_nonsense_is_refused(tmp_path, text, words):
    city = make_city(tmp_path / "c")
    (tmp_path / "c" / "carrying.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        carrying_rules(city)
    shutil.rmtree(tmp_path / "c")


def test_no_value_is_no_line():
    empty = parcels().iloc[:1].assign(note=pd.Series([None], dtype="str"))
    _, log = carried({}, empty, [[0.5, 0.5]], ["A", "B"])
    assert "note" not in set(log["field"])
