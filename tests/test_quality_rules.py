"""The list of rules, and rules that are not on it."""

from citygis.findings import findings_frame
from citygis.quality import RULES
from citygis.quality.rules import rule_of


def test_every_rule_says_what_it_is_and_what_to_do():
    for code, rule in RULES.items():
        assert rule.code == code
        assert rule.title and rule.remedy.endswith(".")


def test_a_code_from_elsewhere_goes_by_its_own_words():
    one = {"code": "C01", "rule": "value_not_in_domain", "severity": "error", "layer": "parcel", "message": "m"}
    assert rule_of(findings_frame([{**one, "remedy": "Translate it."}])) == ("C01", "Value not in domain", "Translate it.")
    assert rule_of(findings_frame([one])).remedy == ""
    assert rule_of(findings_frame([{**one, "code": "T01"}])) is RULES["T01"]
