"""Each attribute rule: kept, broken, and at its edge."""

import pandas as pd
import pytest
from quality_layers import SOURCE, parcels, sound

from citygis.quality import validate


def found(frame, **others):
    """Codes, rules and features of the attribute findings on a parcel layer."""
    findings = validate({"parcel": frame, **others}, only="attributes")
    return list(zip(findings["code"], findings["rule"], findings["feature"], strict=True))


def test_a_sound_layer_has_no_findings():
    assert found(parcels()) == []


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_required_value_that_is_not_given_is_reported(nothing):
    frame = parcels()
    frame.loc[2, "method"] = nothing
    assert found(frame) == [("A01", "method_required", "191-190-72")]


def test_an_optional_value_may_be_missing():
    assert found(parcels().assign(lot=None, note="")) == []


def test_what_the_store_fills_in_is_not_asked_for():
    assert "tx_from" not in parcels()
    assert found(parcels().assign(tx_from=pd.NaT)) == []


def test_a_column_of_the_wrong_type_is_one_finding():
    findings = validate(parcels().assign(roll_year=["a", "b", "c", "d"]), "parcel", only="attributes")
    assert findings["code"].tolist() == ["A02"]
    assert findings["measure"].tolist() == [4]
    assert findings["feature"].isna().all()


def test_one_value_of_the_wrong_type_is_a_finding_on_its_feature():
    frame = parcels()
    frame["roll_year"] = pd.Series([2024, "2024", None, 2024.0], dtype=object)
    assert found(frame) == [("A02", "roll_year_type", "191-190-71")]


def test_an_identifier_that_is_no_uuid_is_reported():
    frame = parcels()
    frame.loc[0, "stack_id"] = "stack 1"
    frame.loc[1, "stack_id"] = SOURCE.upper()
    assert found(frame) == [("A02", "stack_id_type", "191-190-70")]


@pytest.mark.parametrize(("lot", "expected"), [("x" * 12, []), ("x" * 13, [("A03", "lot_length", "191-190-70")])])
def test_a_text_may_be_as_long_as_its_field(lot, expected):
    frame = parcels()
    frame.loc[0, "lot"] = lot
    assert found(frame) == expected


def test_length_is_counted_in_characters():
    frame = parcels()
    frame.loc[0, "lot"] = "ñ" * 12
    assert found(frame) == []


def test_a_value_outside_the_domain_is_reported_once():
    frame = parcels()
    frame.loc[3, "parcel_kind"] = "something quite else"
    assert found(frame) == [("A04", "parcel_kind_domain", "191-190-73")]


@pytest.mark.parametrize(("year", "expected"), [(1850, 0), (1849, 1), (2200, 0), (2201, 1)])
def test_a_number_must_lie_in_its_range(year, expected):
    frame = parcels().assign(roll_year=2025)
    frame.loc[0, "roll_year"] = year
    assert found(frame) == [("A04", "roll_year_range", "191-190-70")] * expected


@pytest.mark.parametrize(("area", "expected"), [("012345", 0), ("12345", 1), ("0123456", 1), ("01234x", 1), ("012345\n", 1)])
def test_a_tax_rate_area_has_six_digits(area, expected):
    frame = parcels().assign(tra="001001")
    frame.loc[0, "tra"] = area
    codes = [code for code, *_ in found(frame)]
    assert ("A05" in codes or "A03" in codes) == bool(expected)


def test_the_second_feature_of_a_key_is_reported_and_names_the_first():
    frame = parcels()
    frame.loc[3, "apn"] = frame["apn"][1]
    findings = validate(frame, "parcel", only="attributes")
    assert findings[["code", "rule", "feature", "other"]].values.tolist() == [
        ["A06", "apn_unique", "191-190-73", "county.shp/parcels#2"]
    ]


def test_a_retired_feature_may_have_the_number_of_its_successor():
    frame = parcels()
    frame.loc[3, ["apn", "status", "retired_by_record"]] = [frame["apn"][1], "RETIRED", SOURCE]
    assert found(frame) == []


def test_a_repeat_is_found_whatever_the_index_is():
    frame = parcels()
    frame.loc[3, "apn"] = frame["apn"][1]
    assert [code for code, *_ in found(frame.set_axis([5, 5, 5, 5]))] == ["A06"]


def test_days_in_law_are_in_order():
    frame = parcels()
    frame["legal_from"] = pd.to_datetime(["2020-01-01", "2020-01-01", None, "2020-01-02"])
    frame["legal_to"] = pd.to_datetime(["2020-01-01", "2021-01-01", "2019-01-01", "2020-01-01"])
    assert found(frame) == [("A07", "legal_dates_in_order", "191-190-73")]


def test_a_retired_feature_names_the_record():
    frame = parcels()
    frame.loc[0, "status"] = "RETIRED"
    assert found(frame) == [("A07", "retired_by_a_record", "191-190-70")]


def test_a_reference_must_lead_somewhere_when_the_layer_is_there():
    layers = sound()
    layers["parcel"].loc[1, "tract_id"] = "22222222-2222-5222-8222-222222222222"
    assert found(frame=layers["parcel"], tract=layers["tract"]) == [("A08", "tract_id_reference", "191-190-71")]
    assert found(layers["parcel"]) == []


def test_a_required_column_that_is_missing_is_one_finding():
    findings = validate(parcels().drop(columns="status"), "parcel", only="attributes")
    assert findings[["code", "rule"]].values.tolist() == [["A09", "status_column"]]
    assert findings["feature"].isna().all()
