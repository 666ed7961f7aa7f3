"""Columns: every value comes back as it went, or is refused."""

import datetime

import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal
from gpkg_frames import CRS_FT, parcels, round_trip
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from citygis.errors import SchemaError
from citygis.gpkg import write_geopackage
from citygis.schema import empty_layer, schema

HARD_TEXTS = ["", None, "=1+1", 'O\'Neill "Lot" 7', "Cañón 東京 🏠", "a\nb\r\n\tc", "NULL", " ", "\\", "%_;--", "nan"]


def test_every_field_type_comes_back_as_it_went_with_its_nulls(tmp_path):
    frame = parcels(len(HARD_TEXTS))
    n = len(frame)
    for name in ("legal_text", "lot"):
        frame[name] = pd.Series([None if t is None else t[:12] for t in HARD_TEXTS], dtype="str")
    frame["stated_area"] = [0.1, -0.0, 5e-324, 1.7976931348623157e308, np.inf, -np.inf, np.nan, 1 / 3, 2**53, 1e-7, 43560.0][:n]
    frame["roll_year"] = pd.array([2**63 - 1, -(2**63), 2**53 + 1, None, 0, 1, 2, 3, 4, 5, 6], dtype="Int64")
    frame["city_owned"] = pd.array([True, False, None] * 3 + [True, None], dtype="boolean")
    frame["legal_from"] = pd.Series(["1850-09-09", None, "0001-01-01", "9999-12-31", "2024-02-29", *[None] * 6]).astype(
        "datetime64[s]"
    )
    moments = ["2026-01-31T08:00:00.123Z", None, "1899-12-31T23:59:59.999Z", "2026-07-01T00:00:00Z", "9999-12-31T23:59:59.999Z"]
    frame["tx_from"] = pd.to_datetime(pd.Series([*moments, *[None] * 6]), utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    frame["global_id"] = pd.Series(["6d1f5a0e-6a3c-5d7e-9b42-2d0c7f3b8e11", *[None] * 10], dtype="str")
    back = round_trip(tmp_path, frame, "parcel", schema=schema())
    assert_geodataframe_equal(back, frame)
    assert back["legal_text"].isna().tolist() == [text is None for text in HARD_TEXTS]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.booleans(),
            st.none() | st.dates(),
        ),
        max_size=6,
    )
)
def test_any_table_comes_back_as_it_went(tmp_path_factory, rows):
    frame = pd.DataFrame(
        {
            "text": pd.Series([row[0] for row in rows], dtype="str"),
            "integer": pd.Series([row[1] for row in rows], dtype="Int64"),
            "double": pd.Series([row[2] for row in rows], dtype="float64"),
            "boolean": pd.Series([row[3] for row in rows], dtype="boolean"),
            "date": pd.Series([row[4] for row in rows], dtype=object).astype("datetime64[s]"),
        }
    )
    assert_frame_equal(round_trip(tmp_path_factory.mktemp("any"), frame), frame)


def test_what_no_column_type_holds_is_spelt_out_and_never_lost(tmp_path):
    frame = pd.DataFrame(
        {
            "local_time": pd.to_datetime(["2026-01-31 08:00:00.5", None]),
            "list": [["a", "ñ"], None],
            "mixed": [1, "one"],
            "huge": pd.Series([2**64, 1], dtype=object),
            "micro": pd.to_datetime(["2026-01-31T08:00:00.000001Z", None]),
            "kind": pd.Categorical(["x", None]),
            "day": [datetime.date(2026, 1, 31), None],
            "bytes": [b"\0\1", None],
        }
    )
    back = round_trip(tmp_path, frame)
    assert back["local_time"].iloc[0] == "2026-01-31T08:00:00.500000"
    assert back["list"].iloc[0] == '["a", "ñ"]'
    assert back["mixed"].tolist() == ["1", "one"]
    assert back["huge"].iloc[0] == "18446744073709551616"
    assert back["micro"].iloc[0] == "2026-01-31T08:00:00.000001+00:00"
    assert back["kind"].iloc[0] == "x"
    assert back["day"].iloc[0] == pd.Timestamp("2026-01-31") and back["day"].dtype == "datetime64[s]"
    assert back["bytes"].iloc[0] == b"\0\1"
    assert back.drop(columns=["mixed", "huge"]).iloc[1].isna().all()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("apn", "1" * 21, "longer than the 20 characters"),
        ("apn", "12\x003", "NUL"),
        ("apn", 12345, "is not text"),
        ("roll_year", 2026.5, "whole number"),
        ("roll_year", "2026", "whole number"),
        ("roll_year", 2**63, "64-bit"),
        ("stated_area", "1.5", "is not a number"),
        ("stated_area", 2**53 + 1, "cannot keep exactly"),
        ("city_owned", 1, "true or false"),
        ("city_owned", "Y", "true or false"),
        ("legal_from", pd.Timestamp("2026-01-31 08:00"), "not a date"),
        ("legal_from", "2026-01-31", "not a date"),
        ("tx_from", pd.Timestamp("2026-01-31 08:00"), "no time zone"),
        ("tx_from", pd.Timestamp("2026-01-31 08:00:00.0000001", tz="UTC"), "finer than a millisecond"),
        ("global_id", "x" * 37, "36 characters"),
    ],
)
def test_a_value_outside_its_type_is_refused_and_no_file_appears(tmp_path, column, value, said):
    frame = parcels(2)
    frame[column] = pd.Series([None, value], dtype=object if not isinstance(value, pd.Timestamp) else None)
    with pytest.raises(SchemaError, match=said) as refusal:
        write_geopackage(tmp_path / "out.gpkg", {"parcel": frame}, schema=schema())
    assert f"parcel.{column}" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_layer_comes_back_with_its_types(tmp_path):
    for name in ("parcel", "hydrant", "boundary_line", "source_document"):
        frame = empty_layer(schema().layer(name), crs=CRS_FT)
        back = round_trip(tmp_path, frame, name, schema=schema())
        assert back.dtypes.equals(frame.dtypes)
