"""Rows as the schema has them."""

import datetime

import pandas as pd
import pytest
from office_city import CITY, RECORD, ground, parcels

from citygis.operations.rows import ended, made_rows, reshaped, typed
from citygis.quality import validate
from citygis.schema import empty_layer, feature_ids, schema


def test_a_row_has_all_columns_of_its_layer_in_their_types():
    row = {"easement_id": "E-1", "purpose": "PUE"}
    frame = made_rows("easement", [row], [ground(0, 0, 9, 9)], RECORD, schema(), crs=CITY.crs)
    empty = empty_layer(schema().layer("easement"), crs=CITY.crs)
    assert frame.dtypes.to_dict() == empty.dtypes.to_dict() and frame.crs == CITY.crs
    assert frame["global_id"].tolist() == feature_ids("easement", pd.Series(["E-1"])).tolist()
    assert not len(validate(frame, "easement", city=CITY, only="attributes"))


def test_what_is_known_is_not_filled_in():
    row = {"easement_id": "E-1", "purpose": "PUE", "status": "PROPOSED", "source_id": "s"}
    frame = made_rows("easement", [row], [ground(0, 0, 9, 9)], RECORD, schema(), crs=CITY.crs)
    assert frame["status"].tolist() == ["PROPOSED"] and frame["source_id"].tolist() == ["s"]


def test_area_and_hash_follow_the_shape_and_the_source_only_where_a_record_is_given():
    held = parcels().iloc[:1]
    plain, sourced = reshaped(held, [ground(0, 0, 50, 100)]), reshaped(held, [ground(0, 0, 50, 100)], RECORD)
    assert plain["calc_area_sqft"].tolist() == [5000] and plain["geom_hash"].iloc[0] != held["geom_hash"].iloc[0]
    assert plain["source_id"].tolist() == held["source_id"].tolist() and sourced["source_id"].tolist() == [RECORD.doc_id]
    assert held["calc_area_sqft"].tolist() == [6000]


@pytest.mark.parametrize(("effective", "last"), [(datetime.date(2026, 3, 1), pd.Timestamp("2026-02-28")), (None, pd.NaT)])
def test_the_last_day_in_law_is_the_one_before(effective, last):
    frame = ended(parcels().iloc[:1].assign(cs_from=7), RECORD._replace(effective=effective))
    assert frame["legal_to"].tolist() == [last] or (frame["legal_to"].isna().all() and last is pd.NaT)
    assert frame["cs_from"].tolist() == [7]


def test_nulls_of_any_kind_become_those_of_the_column():
    assert typed([None, float("nan"), "x"], "text").isna().tolist() == [True, True, False]
    assert typed([None, 3], "integer").tolist()[1] == 3
