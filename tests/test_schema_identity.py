"""Identifiers and hashes that do not change from run to run."""

import uuid

import numpy as np
import pandas as pd
import shapely

from citygis.schema import feature_ids, geom_hashes, source_id_of
from citygis.schema.identity import NAMESPACE


def test_an_identifier_is_the_name_based_uuid_of_layer_and_key():
    assert feature_ids("parcel", pd.Series(["19119074"]))[0] == str(uuid.uuid5(NAMESPACE, "parcel|19119074"))


def test_the_same_key_in_another_layer_is_another_feature():
    assert feature_ids("parcel", pd.Series(["1"]))[0] != feature_ids("tract", pd.Series(["1"]))[0]


def test_rows_that_repeat_a_key_are_told_apart_and_the_first_keeps_its_name():
    ids = feature_ids("parcel", pd.Series(["1", "2", "1"]))
    assert len(set(ids)) == 3 and ids[0] == feature_ids("parcel", pd.Series(["1"]))[0]


def test_a_missing_key_has_no_identifier():
    assert feature_ids("apn_history", pd.DataFrame({"old_apn": ["1", None], "new_apn": ["2", "3"]}))[1] is None


def test_no_rows_no_identifiers():
    assert feature_ids("parcel", pd.Series([], dtype="str")).size == 0


def test_a_source_is_named_by_its_bytes():
    assert source_id_of("a" * 64) == source_id_of("a" * 64) != source_id_of("b" * 64)


def test_the_hash_does_not_see_where_a_ring_starts_or_which_way_it_runs():
    square = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
    turned = shapely.Polygon([(1, 1), (1, 0), (0, 0), (0, 1)])
    assert geom_hashes([square])[0] == geom_hashes([turned])[0]


def test_the_hash_sees_a_ten_thousandth_of_a_foot():
    square, moved = shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1.0001)
    first, second, none = geom_hashes(np.array([square, moved, None], dtype=object))
    assert first != second and len(first) == 64 and none is None
