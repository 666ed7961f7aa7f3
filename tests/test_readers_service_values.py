"""Values between frames and JSON: no null becomes a number, no date moves with the machine's time zone."""

import datetime
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from service_layers import definition

from citygis.readers.service import feature_rows, json_value, plain_id, wire_id
from citygis.readers.service.values import column_of

LAYER = definition()
OWN = [field.name for field in LAYER.fields if field.name not in ("OBJECTID", "GlobalID")]


def field(name):
    return LAYER.field(name)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("null", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")], ids=repr)
def test_every_null_of_every_kind_is_json_null(name, null):
    assert json_value(null, field(name)) is None
    row = feature_rows(pd.DataFrame({name: pd.Series([null], dtype=object)}), LAYER, [name])
    assert json.dumps(row, allow_nan=False) == f'[{{"{name}": null}}]'


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("UNITS", pd.array([1, None], dtype="Int32")),
        ("UNITS", np.array([1.0, np.nan])),
        ("UNITS", pd.array([True, None], dtype="boolean")),
        ("AREA", np.array([1.0, np.nan])),
        ("AREA", pd.array([1.0, None], dtype="Float64")),
        ("APN", pd.array(["1", None], dtype="str")),
        ("APN", np.array(["1", None], dtype=object)),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_a_missing_value_in_any_column_is_null_and_its_neighbour_is_kept(name, column):
    rows = feature_rows(pd.DataFrame({name: column}), LAYER, [name])
    assert rows[0][name] in (1, "1")
    assert rows[1][name] is None
    assert "NaN" not in json.dumps(rows, allow_nan=False)


NOON = 1_704_110_400_000  # 2024-01-01T12:00Z: 19,723 days of 86,400 s, and twelve hours


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC), NOON),
        (datetime.datetime(2024, 1, 1, 4, tzinfo=ZoneInfo("America/Los_Angeles")), NOON),
        (pd.Timestamp("2024-01-01 12:00", tz="UTC"), NOON),
        (datetime.date(2024, 1, 1), NOON - 43_200_000),
        (datetime.date(1900, 1, 1), -25_567 * 86_400_000),
        (datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC), -25_567 * 86_400_000),
        (datetime.datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=datetime.UTC), -1),
        # 02:30 does not exist in Pacific time on 2026-03-08; Python takes the offset before the gap (PEP 495).
        (datetime.datetime(2026, 3, 8, 2, 30, tzinfo=ZoneInfo("America/Los_Angeles")), 1_772_965_800_000),
        (datetime.datetime(2026, 3, 8, 10, 30, tzinfo=datetime.UTC), 1_772_965_800_000),
    ],
)
def test_dates_are_milliseconds_since_1970_utc(value, milliseconds):
    assert json_value(value, field("RECDATE")) == milliseconds


@pytest.mark.parametrize(
    "value", [datetime.datetime(2024, 1, 1, 12), pd.Timestamp("2024-01-01 12:00"), np.datetime64("2024-01-01T12:00")], ids=repr
)
def test_a_time_without_zone_is_refused_unless_it_is_said_to_be_utc(value):
    with pytest.raises(ValueError, match="zone"):
        json_value(value, field("RECDATE"))
    assert json_value(value, field("RECDATE"), naive_is_utc=True) == NOON


def test_a_column_of_times_without_zone_is_refused_too():
    frame = pd.DataFrame({"RECDATE": pd.to_datetime(["2024-01-01 12:00"])})
    with pytest.raises(ValueError, match="zone"):
        feature_rows(frame, LAYER, ["RECDATE"])
    assert feature_rows(frame, LAYER, ["RECDATE"], naive_is_utc=True) == [{"RECDATE": NOON}]


def test_the_epochs_are_the_same_on_machines_in_two_time_zones():
    code = """
import datetime, pandas as pd
from service_layers import definition
from citygis.readers.service import feature_rows
values = [datetime.date(1900, 1, 1), datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC), pd.Timestamp("2026-03-08 10:30Z"),
          datetime.date(2026, 3, 8), datetime.datetime(2026, 11, 1, 9, 30, tzinfo=datetime.UTC)]
frame = pd.DataFrame({"RECDATE": pd.Series(values, dtype=object)})
column = pd.DataFrame({"RECDATE": pd.to_datetime(["1900-01-01", None], utc=True)})
print([row["RECDATE"] for each in (frame, column) for row in feature_rows(each, definition(), ["RECDATE"])])
"""
    said = []
    for zone in ("UTC", "America/Los_Angeles"):
        environment = os.environ | {"TZ": zone, "PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
        said.append(json.loads(done.stdout.replace("None", "null")))
    first = -25_567 * 86_400_000
    expected = [first, NOON, 1_772_965_800_000, 1_772_928_000_000, 1_793_525_400_000, first, None]
    assert said == [expected, expected]


def test_a_day_stays_a_day():
    day = field("DAY")
    assert json_value(datetime.date(2024, 1, 1), day) == "2024-01-01"
    assert json_value("2024-01-01", day) == "2024-01-01"
    assert json_value(pd.Timestamp("2024-01-01"), day) == "2024-01-01"
    with pytest.raises(ValueError, match="without a time"):
        json_value(pd.Timestamp("2024-01-01 00:01"), day)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMALL", 32_768),
        ("SMALL", -32_769),
        ("UNITS", 2**31),
        ("BIG", 2**53),
        ("UNITS", 1.5),
        ("UNITS", "7"),
        ("AREA", float("inf")),
        ("AREA", "7"),
        ("RECDATE", "2024-01-01"),
        ("RECDATE", pd.Timestamp("2024-01-01 00:00:00.0001", tz="UTC")),
        ("APN", datetime.date(2024, 1, 1)),
        ("OTHER", "no uuid"),
    ],
)
def test_what_a_field_cannot_hold_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} .*Must"):
        json_value(value, field(name))


def test_a_whole_column_beyond_its_field_is_refused():
    with pytest.raises(ValueError, match="SMALL"):
        feature_rows(pd.DataFrame({"SMALL": [1, 40_000]}), LAYER, ["SMALL"])
    with pytest.raises(ValueError, match="NOWHERE"):
        feature_rows(pd.DataFrame({"SMALL": [1]}), LAYER, ["NOWHERE"])


def test_the_limits_themselves_fit():
    assert json_value(-32_768, field("SMALL")) == -32_768
    assert json_value(np.int64(2**31 - 1), field("UNITS")) == 2**31 - 1
    assert json_value(2.0, field("UNITS")) == 2
    assert json_value(2**53 - 1, field("BIG")) == 2**53 - 1


@pytest.mark.parametrize(
    "sent",
    [
        "{6F1D0F6E-7C1B-4F3A-9B7E-2A4C5D6E7F80}",
        "6f1d0f6e-7c1b-4f3a-9b7e-2a4c5d6e7f80",
        "6F1D0F6E-7c1b-4f3a-9b7e-2a4c5d6e7f80",
        uuid.UUID("6f1d0f6e-7c1b-4f3a-9b7e-2a4c5d6e7f80"),
    ],
    ids=str,
)
def test_global_ids_are_one_whatever_their_braces_and_case(sent):
    assert plain_id(sent) == "6f1d0f6e-7c1b-4f3a-9b7e-2a4c5d6e7f80"
    assert wire_id(sent) == "{6F1D0F6E-7C1B-4F3A-9B7E-2A4C5D6E7F80}"


def test_what_is_no_global_id_is_not_sent_as_one():
    with pytest.raises(ValueError, match="GlobalID"):
        wire_id("1234")


SENT = {
    "APN": ["001", None, ""],
    "SMALL": [1, None, -5],
    "UNITS": [0, None, 7],
    "BIG": [2**53 - 1, None, 0],
    "RATIO": [0.5, None, 3],
    "AREA": [1.25, None, -0.5],
    "RECDATE": [NOON, None, -1],
    "DAY": ["2024-01-01", None, "1900-02-28"],
    "OTHER": ["{6F1D0F6E-7C1B-4F3A-9B7E-2A4C5D6E7F80}", None, "{00000000-0000-0000-0000-000000000001}"],
}
KINDS = {"SMALL": "Int64", "UNITS": "Int64", "BIG": "Int64", "RATIO": "Float64", "AREA": "Float64", "APN": "str", "OTHER": "str"}


def test_what_a_service_sends_goes_back_as_it_came():
    columns = {}
    for name, values in SENT.items():
        columns[name], lost = column_of(values, field(name))
        assert not lost
        assert columns[name].isna().tolist() == [False, True, False]
    assert all(str(columns[name].dtype) == kind for name, kind in KINDS.items())
    assert str(columns["RECDATE"].dtype) == "datetime64[ms, UTC]"
    assert columns["DAY"][2] == datetime.date(1900, 2, 28)
    rows = feature_rows(gpd.GeoDataFrame(columns), LAYER, OWN)
    assert rows == [dict(zip(SENT, values, strict=True)) for values in zip(*SENT.values(), strict=True)]


def test_a_value_that_its_field_cannot_hold_is_told_and_null():
    column, lost = column_of([1, "seven", None], field("UNITS"))
    assert column.tolist() == [1, pd.NA, pd.NA]
    assert lost == [(1, "UNITS is 'seven', which a field of kind Integer cannot hold.")]
    column, lost = column_of([1.5, "NaN"], field("AREA"))  # how ArcGIS Server writes a NaN
    assert not lost
    assert column.isna().tolist() == [False, True]
    assert column_of(["2024-13-01"], field("DAY"))[1]
