"""Field maps, one rule at a time."""

import numpy as np
import pandas as pd
import pytest

from citygis.convert import FieldMap
from citygis.convert.fields import fill_field
from citygis.schema import feature_ids, schema

PROFILES = ("san_joaquin",)


def filled(field: str, columns: dict, layer: str = "parcel", **rule):
    table = pd.DataFrame({name: pd.Series(v, dtype="str") if isinstance(v, list) else v for name, v in columns.items()})
    made = FieldMap.model_validate({"from" if key == "from_" else key: value for key, value in rule.items()}) if rule else None
    return fill_field(table, schema().layer(layer).field(field), made, null_values=("", "N/A"), profiles=PROFILES)


def problems(result) -> list[tuple[str, list[int]]]:
    return [(problem.code, problem.rows.tolist()) for problem in result.problems]


def shown(result) -> list:
    return [None if pd.isna(value) else value for value in result.values]


def test_blanks_and_null_texts_are_nothing():
    assert shown(filled("lot", {"LOT": [" 7 ", "", "N/A", None]}, from_="LOT")) == ["7", None, None, None]
    assert shown(filled("lot", {"LOT": ["-", "N/A", ""]}, from_="LOT", null_values=["-"])) == [None, "N/A", None]


def test_the_first_column_that_the_row_fills_counts():
    assert shown(filled("lot", {"A": ["1", None, ""], "B": ["x", "2", None]}, from_=["A", "B"])) == ["1", "2", None]


def test_a_template_joins_what_is_there():
    columns = {"NO": ["12", None, None], "ST": ["Elm  St", "Oak Ave", None]}
    assert shown(filled("situs_text", columns, concat="{NO} {ST}", upper=True)) == ["12 ELM ST", "OAK AVE", None]


def test_a_part_is_split_off_by_separator_or_pattern():
    assert shown(filled("lot", {"L": ["12-7", "12-8"]}, from_="L", split={"separator": "-", "index": 1})) == ["7", "8"]
    assert shown(filled("lot", {"L": ["LOT 7 BLK 2"]}, from_="L", split={"pattern": r"LOT (\w+)"})) == ["7"]
    result = filled("lot", {"L": ["12-7", "12"]}, from_="L", split={"separator": "-", "index": 1})
    assert problems(result) == [("C02", [1])]


def test_zeros_are_put_back_where_the_crosswalk_says_so():
    assert shown(filled("tra", {"TRA": pd.Series([4001.0, np.nan])}, from_="TRA", cast="integer", pad=6)) == ["004001", None]


def test_a_code_without_translation_is_quarantined_with_its_value():
    columns = {"T": ["F", "C", "Z", "X", None]}
    result = filled("parcel_kind", columns, from_="T", domain={"F": "FEE", "C": "CONDO", "X": ""}, default="FEE")
    assert shown(result) == ["FEE", "CONDO", None, None, "FEE"]
    assert problems(result) == [("C01", [2, 3])]
    assert result.problems[0].values.tolist() == ["Z", "X"]
    assert result.defaulted.tolist() == [False] * 4 + [True]


def test_without_a_table_only_the_citys_own_codes_pass():
    assert problems(filled("parcel_kind", {"T": ["FEE", "fee"]}, from_="T")) == [("C01", [1])]


def test_a_text_is_never_cut():
    result = filled("lot", {"L": ["1" * 12, "1" * 13]}, from_="L")
    assert shown(result) == ["1" * 12, None]
    assert problems(result) == [("C04", [1])]
    assert "12 characters" in result.problems[0].message


def test_a_parcel_number_sent_as_a_number_is_text_when_exact_and_nothing_else():
    result = filled("apn", {"APN": pd.Series([19119074.0, 1119074.0, 19119074.5])}, from_="APN")
    assert shown(result) == ["19119074", None, None]
    assert problems(result) == [("C03", [1, 2])]
    assert "leading zeros" in result.problems[0].message


def test_a_parcel_number_missing_is_another_thing_than_one_unknown():
    result = filled("apn", {"APN": ["191-190-74", "S.P.R.R.", None]}, from_="APN")
    assert shown(result) == ["19119074", None, None]
    assert problems(result) == [("C03", [1]), ("C05", [2])]


def test_acres_are_scaled_to_square_feet():
    assert shown(filled("stated_area", {"AC": ["1", "1,000.5"]}, from_="AC", thousands=",", scale=43560.0)) == [
        43560.0,
        43581780.0,
    ]


def test_a_whole_number_field_takes_no_fraction():
    assert problems(filled("roll_year", {"Y": pd.Series([2025.0, 2025.5])}, from_="Y")) == [("C02", [1])]


def test_a_stand_in_number_is_nothing_when_the_crosswalk_says_so():
    assert shown(filled("stated_area", {"A": pd.Series([-9999.0, 5.0])}, from_="A", null_values=["-9999"])) == [None, 5.0]


def test_the_key_of_a_tract_becomes_its_identifier():
    result = filled("tract_id", {"T": ["3971", None, "3971"]}, from_="T", reference="tract")
    expected = feature_ids("tract", pd.Series(["3971"], dtype="str"))[0]
    assert shown(result) == [expected, None, expected]


def test_the_number_of_a_parcel_becomes_its_identifier_however_it_is_written():
    result = filled("left_parcel", {"P": ["191-190-74", "19119074"]}, layer="boundary_line", from_="P", reference="parcel")
    expected = feature_ids("parcel", pd.Series(["19119074"], dtype="str"))[0]
    assert shown(result) == [expected, expected]


def test_a_field_without_a_map_gets_the_schemas_default_and_says_so():
    result = filled("parcel_kind", {"X": ["a", "b"]})
    assert shown(result) == ["FEE", "FEE"]
    assert result.defaulted.all()


def test_a_required_field_without_a_source_keeps_every_row_out():
    result = filled("purpose", {"X": ["a", "b"]}, layer="easement")
    assert problems(result) == [("C05", [0, 1])]
    assert "no outside column" in result.problems[0].message


@pytest.mark.parametrize(("constant", "expected"), [(True, True), ("Y", True), (False, False)])
def test_a_constant_stands_in_every_row(constant, expected):
    assert shown(filled("city_owned", {"X": ["a", "b"]}, constant=constant)) == [expected, expected]
