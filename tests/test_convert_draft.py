"""A drafted crosswalk: names, values, and no more than they bear."""

import tomllib

import pandas as pd
import pytest
from delivery import delivery

from citygis.city import default_city
from citygis.convert import convert, draft_crosswalk, parse_crosswalk


def text(*values) -> pd.Series:
    return pd.Series(list(values), dtype="str")


def county(**changes):
    columns = {
        "AIN": text("191-190-74", "191-190-75", "191-190-76", "191-190-77"),
        "SITUSADDR": text("1 Elm St", "2 Elm St", "3 Elm St", None),
        "GISACRES": [0.25, 0.25, 0.5, 1.0],
        "OBJECTID": [1, 2, 3, 4],
    }
    return delivery(columns | changes)


def test_a_draft_written_and_read_back_is_the_same():
    draft = draft_crosswalk(county(), "parcel")
    assert parse_crosswalk(tomllib.loads(draft.to_toml())) == draft
    assert draft.is_draft


def test_known_names_are_mapped_each_with_a_reason_and_the_rest_listed():
    draft = draft_crosswalk(county(), "parcel")
    assert {field: rule.from_ for field, rule in draft.fields.items() if rule.from_} == {
        "apn": ("AIN",),
        "situs_text": ("SITUSADDR",),
        "stated_area": ("GISACRES",),
    }
    assert draft.fields["stated_area_unit"].constant == "ACRE"
    assert all(rule.reason for rule in draft.fields.values())
    assert set(draft.unmatched) == {"OBJECTID"}


def test_a_column_of_parcel_numbers_is_found_under_any_name():
    draft = draft_crosswalk(delivery({"THING": text("191-190-74", "191-190-75"), "COLOUR": text("red", "blue")}), "parcel")
    assert draft.fields["apn"].from_ == ("THING",)
    assert "COLOUR" in draft.unmatched


def test_one_column_feeds_one_field():
    columns = {"STREET": text("Elm", "Oak"), "NAME": text("Elm St", "Oak Ave"), "ROW_ID": text("1", "2")}
    draft = draft_crosswalk(delivery(columns), "right_of_way")
    used = [name for rule in draft.fields.values() for name in rule.columns]
    assert len(used) == len(set(used))
    assert draft.fields["street_name"].from_ == ("STREET",)


def test_a_code_is_translated_value_by_value_and_the_unknown_left_blank():
    columns = {
        "ROW_ID": text("1", "2", "3", "4"),
        "ROW_TYPE": text("Fee", "easement", "FEE", "PAPER"),
        "JURIS": text(*["City"] * 4),
    }
    draft = draft_crosswalk(delivery(columns), "right_of_way")
    assert draft.fields["row_kind"].domain == {"FEE": "FEE", "Fee": "FEE", "PAPER": "", "easement": "EASEMENT"}
    result = convert(delivery(columns), "right_of_way", crosswalk=draft)
    assert result.quarantine["ROW_TYPE"].tolist() == ["PAPER"]
    assert result.layer["row_kind"].tolist() == ["FEE", "EASEMENT", "FEE"]


def test_an_optional_column_whose_values_do_not_fit_is_left_out_with_the_reason():
    draft = draft_crosswalk(county(USE_CODE=text("Light industrial", "Warehouse", "R", "C")), "parcel")
    assert "use_code" not in draft.fields
    assert "2 of 4 values do not fit" in draft.unmatched["USE_CODE"]


def test_an_area_without_a_unit_in_its_name_is_left_to_the_engineer():
    draft = draft_crosswalk(county(LOT_SIZE=[1.0, 2.0, 3.0, 4.0]).drop(columns="GISACRES"), "parcel")
    assert "stated_area" not in draft.fields
    assert "unit is not known" in draft.unmatched["LOT_SIZE"]


@pytest.mark.parametrize(
    ("days", "form"),
    [
        (("3/4/2025", "12/31/2025"), "%m/%d/%Y"),
        (("31/12/2025", "4/3/2025"), "%d/%m/%Y"),
        (("20250304", "20251231"), "%Y%m%d"),
        (("2025-03-04", "2025-12-31"), None),
    ],
)
def test_a_way_to_write_dates_is_proposed_when_it_alone_reads_them_all(days, form):
    columns = {"ANNEX_ID": text("1", "2"), "ANNEX_DATE": text(*days)}
    assert draft_crosswalk(delivery(columns), "annexation").fields["annexed_on"].date_format == form


def test_dates_that_read_two_ways_are_left_to_the_engineer():
    columns = {"ANNEX_ID": text("1", "2"), "ANNEX_DATE": text("3/4/2025", "5/6/2025")}
    draft = draft_crosswalk(delivery(columns), "annexation")
    assert "annexed_on" not in draft.fields
    assert "do not fit" in draft.unmatched["ANNEX_DATE"]


def test_a_key_that_repeats_is_no_key():
    columns = {"ANNEX_ID": text("1", "1", "2"), "ANEX_NUM": text("7", "8", "9")}
    draft = draft_crosswalk(delivery(columns), "annexation")
    assert draft.fields["annexation_id"].from_ == ("ANEX_NUM",)
    assert "repeat" in draft.unmatched["ANNEX_ID"]


def test_without_a_key_the_row_number_is_one_and_that_is_said_loudly():
    raw = delivery({"FLOW": [1.0, 1.0], "OWNERSHIP": text("CITY", "CITY")})
    draft = draft_crosswalk(raw, "hydrant")
    assert draft.fields["hydrant_id"].from_ == ("source_ref",)
    assert "NO COLUMN" in draft.fields["hydrant_id"].reason
    points = raw.set_geometry(raw.geometry.centroid)
    assert convert(points, "hydrant").layer["hydrant_id"].tolist() == ["1", "2"]


def test_wgs_84_gets_a_frame_that_a_draft_states_and_nad83_none():
    raw = county()
    assert draft_crosswalk(raw, "parcel").frame is None
    frame = draft_crosswalk(raw.to_crs("EPSG:6318").set_crs("EPSG:4326", allow_override=True), "parcel").frame
    assert (frame.label, frame.really, frame.is_draft) == ("EPSG:4326", default_city().realization, True)
    assert "NOT CONFIRMED" in frame.reason


def test_a_number_of_the_same_thing_is_known_by_its_stem():
    columns = {"ESMT_NO": text("E-1", "E-2"), "HOUSE_NO": text("7", "8")}
    draft = draft_crosswalk(delivery(columns), "easement")
    assert draft.fields["easement_id"].from_ == ("ESMT_NO",)
    assert "HOUSE_NO" in draft.unmatched


def test_shapefile_names_cut_at_ten_characters_are_known():
    draft = draft_crosswalk(
        county(ASSESSMENT=text("191-190-74", "191-190-75", "191-190-76", "191-190-77")).drop(columns="AIN"), "parcel"
    )
    assert draft.fields["apn"].from_ == ("ASSESSMENT",)
