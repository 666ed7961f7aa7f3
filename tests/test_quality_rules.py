"""The catalogue of rules, what a City changes of it, and rules that are not on it."""

import pytest
from quality_layers import at, parcels

from citygis.city import RuleChange, default_city
from citygis.errors import SettingsError
from citygis.findings import SEVERITIES, findings_frame
from citygis.quality import CATALOGUE, RULES, rule, rules_not_judged, rules_off, validate
from citygis.quality.rules import rule_of
from citygis.settings import check


def city(**changes):
    """The packaged City with these rules changed."""
    return default_city().model_copy(update={"rules": {key: RuleChange(**said) for key, said in changes.items()}})


def test_every_rule_says_what_it_is_and_what_to_do():
    for code, each in RULES.items():
        assert each.code == code
    for (code, name), each in CATALOGUE.items():
        assert (each.code, each.name) == (code, name)
        assert each.title and each.remedy.endswith(".")
        assert each.severity in SEVERITIES
        assert each.tolerance is None or each.unit, f"{code} {name} has a figure without a unit"


def test_the_overlap_speaks_for_its_code():
    assert rule("T01").name == RULES["T01"].name == "overlap"
    assert rule("T26", name="spike").unit == "deg"


def test_a_rule_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"Invalid rule 'T26 stub'\. Must be one of"):
        rule("T26", name="stub")
    with pytest.raises(ValueError, match="Invalid rule 'T99 None'"):
        rule("T99")


def test_a_city_goes_before_a_layer_and_a_layer_before_the_catalogue():
    riverbend = city(T01={"tolerance": 0.2, "severity": "info"})
    assert rule("T01").tolerance == 0.01
    assert rule("T01", tolerance=0.1).tolerance == 0.1
    assert rule("T01", tolerance=None).tolerance == 0.01
    changed = rule("T01", riverbend, tolerance=0.1)
    assert (changed.tolerance, changed.severity, changed.title) == (0.2, "info", RULES["T01"].title)


def test_a_change_of_a_code_is_of_all_its_names_and_one_of_a_name_goes_first():
    riverbend = city(T26={"severity": "info"}, **{"T26.spike": {"severity": "review", "tolerance": 1.0}})
    assert rule("T26", riverbend, "short_segment").severity == "info"
    assert (rule("T26", riverbend, "spike").severity, rule("T26", riverbend, "spike").tolerance) == ("review", 1.0)


def test_a_figure_for_rules_in_different_units_is_refused():
    with pytest.raises(SettingsError, match=r'Say which: \[rules."T26\.short_segment"\], \[rules."T26\.spike"\]'):
        rule("T26", city(T26={"tolerance": 0.1}))


def test_a_rule_that_a_city_made_up_is_refused_with_what_was_meant():
    with pytest.raises(SettingsError, match=r"unknown rule `rules.T26.spikes`; did you mean `T26.spike`\?"):
        validate(parcels(), "parcel", city=city(**{"T26.spikes": {"off": "why"}}))


def test_a_key_that_a_change_does_not_have_is_refused_with_what_was_meant():
    with pytest.raises(SettingsError, match="did you mean `tolerance`"):
        check({"tolerence": 1}, RuleChange, "city.toml")
    with pytest.raises(SettingsError, match="severity"):
        check({"severity": "warning"}, RuleChange, "city.toml")


def test_a_rule_that_is_off_is_not_applied_and_is_told():
    overlapping = parcels(at(0, 0, 60, 110), at(59, 0, 60, 110))
    assert validate(overlapping, "parcel", only="geometry")["code"].tolist() == ["T01"]
    riverbend = city(T01={"off": "the fabric is being rebuilt"})
    assert not validate(overlapping, "parcel", city=riverbend, only="geometry")["code"].eq("T01").any()
    assert rules_off(riverbend)["T01", "overlap"] == "the fabric is being rebuilt"
    told = rules_not_judged({"parcel": parcels()}, city=riverbend)
    assert {"T01", "T07"} <= {item.code for item in told}
    assert ["the fabric is being rebuilt" in item.because for item in told if item.code == "T01"] == [True]


@pytest.mark.parametrize(("tolerance", "expected"), [(1.01, []), (0.99, ["T01"])])
def test_the_tolerance_of_a_city_is_the_edge_of_its_rule(tolerance, expected):
    overlapping = parcels(at(0, 0, 60, 0.5), at(59, 0, 60, 0.5))  # half a foot wide at the narrowest
    wider = parcels(at(0, 0, 60, 0.9), at(59, 0, 60, 0.9))
    assert validate(overlapping, "parcel", city=city(T01={"tolerance": 0.51}), only="geometry")["code"].eq("T01").sum() == 0
    found = validate(wider, "parcel", city=city(T01={"tolerance": tolerance * 0.9}), only="geometry")
    assert found.loc[found["code"].eq("T01"), "code"].tolist() == expected


def test_the_severity_of_a_city_is_that_of_the_finding():
    found = validate(parcels(None), "parcel", city=city(G01={"severity": "info"}), only="geometry")
    assert found[["code", "severity"]].values.tolist() == [["G01", "info"]]


def test_a_code_from_elsewhere_goes_by_its_own_words():
    one = {"code": "C01", "rule": "value_not_in_domain", "severity": "error", "layer": "parcel", "message": "m"}
    own = rule_of(findings_frame([{**one, "remedy": "Translate it."}]))
    assert (own.code, own.title, own.remedy) == ("C01", "Value not in domain", "Translate it.")
    assert rule_of(findings_frame([one])).remedy == ""
    assert rule_of(findings_frame([{**one, "code": "T01"}])) == RULES["T01"]
