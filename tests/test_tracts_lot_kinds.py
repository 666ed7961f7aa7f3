"""What a lot becomes by its number."""

import pytest

from citygis.errors import SettingsError
from citygis.settings import check
from citygis.tracts.lot_kinds import LotKinds, lot_kinds, lot_rule


@pytest.mark.parametrize(
    ("lot", "layer", "kind", "look"),
    [
        ("12", "parcel", "FEE", False),
        ("12A", "parcel", "FEE", False),
        ("A", "parcel", "COMMON", True),
        ("REMAINDER", "parcel", "REMAINDER", False),
        ("WELL SITE", "parcel", "FEE", True),
    ],
)
def test_numbers_are_parcels_letters_are_looked_at(lot, layer, kind, look):
    rule = lot_rule(lot)
    assert (rule.layer, rule.kind, rule.look) == (layer, kind, look)


def test_every_kind_is_one_of_the_citys():
    from citygis.schema import schema

    for rule in lot_kinds():
        field = "parcel_kind" if rule.layer == "parcel" else "row_kind"
        assert rule.kind in schema().layer(rule.layer).field(field).domain


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="not a regular expression"):
        check({"rule": [{"pattern": "(", "layer": "parcel", "kind": "FEE"}]}, LotKinds, "lot_kinds.toml")
