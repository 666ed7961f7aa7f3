"""Rule packs: dated, cited figures, and what a City lays over them."""

import datetime
import re
from importlib import resources

import pytest
from store_city import make_city

from citygis.analysis import rule_pack
from citygis.errors import SettingsError

PACKS = sorted(path.name.removesuffix(".toml") for path in (resources.files("citygis.analysis") / "rules").iterdir())


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_names_its_law_and_a_figure_said_to_be_read_names_where(name):
    pack = rule_pack(name)
    for rule in pack.rules:
        assert rule.law.strip(), rule.key
        assert rule.certainty != "read" or rule.source, rule.key


def own_rules(tmp_path, text: str):
    city = make_city(tmp_path / "city")
    (city.folder / "rules").mkdir()
    (city.folder / "rules" / "notice.toml").write_text('title = "Ours"\nreview_by = 2030-01-01\n' + text, encoding="utf-8")
    return city


def test_a_city_lays_its_own_radius_over_the_law_s_and_the_rest_stays(tmp_path):
    city = own_rules(
        tmp_path,
        '[[rules]]\nkey = "radius_ft"\nvalue = 500\nunit = "ft"\nlaw = "Riverbend Municipal Code 17.04"\ncertainty = "city"\n',
    )
    pack = rule_pack("notice", city)
    assert pack["radius_ft"] == 500 and pack["days_before"] == 10
    assert pack.cited("radius_ft")[0].law == "Riverbend Municipal Code 17.04"
    assert pack.review_by == datetime.date(2030, 1, 1)


def test_a_key_the_pack_does_not_have_is_refused_with_the_nearest(tmp_path):
    city = own_rules(tmp_path, '[[rules]]\nkey = "radius"\nvalue = 500\nlaw = "x"\n')
    with pytest.raises(SettingsError, match="unknown key `radius`; did you mean `radius_ft`"):
        rule_pack("notice", city)


def test_a_key_given_twice_is_refused(tmp_path):
    twice = '[[rules]]\nkey = "radius_ft"\nvalue = 500\nlaw = "x"\n' * 2
    with pytest.raises(SettingsError, match="each key once"):
        rule_pack("notice", own_rules(tmp_path, twice))


def test_a_pack_is_overdue_from_the_day_after_its_review():
    pack = rule_pack("notice")
    assert pack.overdue(pack.review_by) == []
    (row,) = pack.overdue(pack.review_by + datetime.timedelta(days=1))
    assert re.search(r"read again by \d{4}-\d\d-\d\d", row[1])


def test_a_value_asked_for_is_told_as_the_asker_s_and_the_law_s_own_is_named():
    (mine,) = rule_pack("notice").cited("radius_ft", radius_ft=450)
    assert (mine.value, mine.certainty) == (450, "city") and "65091" in mine.law and "300" in mine.law
    (laws,) = rule_pack("notice").cited("radius_ft", radius_ft=300)
    assert laws.certainty == "read"


def test_an_unknown_pack_or_key_is_a_wrong_argument():
    with pytest.raises(ValueError, match="Invalid rule pack"):
        rule_pack("notices")
    with pytest.raises(ValueError, match="Invalid key 'radius'"):
        rule_pack("notice")["radius"]
