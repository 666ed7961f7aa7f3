"""The coverage table adds up and names everything."""

import tomllib

import pandas as pd
from delivery import delivery

from citygis.convert import convert, parse_crosswalk
from citygis.schema import schema

TABLE = """
agency = "County"
layer = "parcel"
[fields.apn]
from = "AIN"
[fields.parcel_kind]
from = "T"
domain = { F = "FEE" }
default = "COMMON"
[fields.stated_area_unit]
constant = "ACRE"
[ignore]
fields = ["objectid"]
reason = "the sender's own"
"""


def coverage() -> pd.DataFrame:
    columns = {
        "AIN": pd.Series(["19119074", "19119075", "x", "19119077"], dtype="str"),
        "T": pd.Series(["F", None, "F", "Z"], dtype="str"),
        "OBJECTID": [1, 2, 3, 4],
        "SPARE": [1, 2, 3, 4],
    }
    return convert(delivery(columns), "parcel", crosswalk=parse_crosswalk(tomllib.loads(TABLE))).coverage


def test_every_city_field_and_every_outside_column_has_a_row():
    table = coverage()
    fields = table["field"].dropna().tolist()
    assert fields == [*schema().layer("parcel").names, "geometry"]
    assert table.loc[table["field"].isna(), "source"].tolist() == ["OBJECTID", "SPARE"]
    assert table.loc[table["field"].isna(), "how"].tolist() == ["ignored", "unused"]


def test_the_counts_are_those_of_the_layer():
    rows = coverage().set_index("field")
    # Two rows enter: "x" is no parcel number, "Z" has no translation.
    assert rows.loc["apn", ["filled", "distinct", "quarantined"]].tolist() == [2, 2, 1]
    assert rows.loc["parcel_kind", ["filled", "distinct", "defaulted", "quarantined"]].tolist() == [2, 2, 1, 1]
    assert rows.loc["parcel_kind", "filled_share"] == 1.0
    how = rows["how"]
    assert how["stated_area_unit"] == "constant"
    assert how["status"] == "default"
    assert how["global_id"] == "computed"
    assert how["tx_from"] == "store"
    assert how["lot"] == "empty"
    assert rows.loc["status", "defaulted"] == 2
