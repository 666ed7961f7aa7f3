"""A business table joined by parcel number: spelt as people do, old numbers followed, every row and cent accounted for."""

from decimal import Decimal

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import join_by_apn
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"


def parcels(*numbers, status="ACTIVE") -> gpd.GeoDataFrame:
    shapes = [shapely.box(100.0 * k, 0, 100.0 * k + 90, 90) for k in range(len(numbers))]
    frame = gpd.GeoDataFrame({"apn": list(numbers), "status": status}, geometry=shapes, crs=CRS)
    frame["apn_display"] = [f"{n[:3]}-{n[3:6]}-{n[6:]}" for n in numbers]
    return frame


def table(*rows, columns=("apn", "fee")) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns), dtype="str")


def history(*rows) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["old_apn", "new_apn", "change"])


def statuses(answer) -> list[tuple]:
    return list(
        answer.table[["status", "apn"]]
        .astype(object)
        .where(answer.table[["status", "apn"]].notna(), None)
        .itertuples(index=False, name=None)
    )


def test_numbers_match_however_they_are_written():
    said = table(("191-010-01", "1"), ("19101001", "1"), (" 191.010.01 ", "1"), ("191-010-01-000", "1"))
    assert statuses(join_by_apn(parcels("19101001"), table=said)) == [("matched", "19101001")] * 4


def test_old_numbers_are_followed_to_the_parcel_that_holds_now():
    layer = parcels("19101001", "19101002", "19101003")
    told = history(
        ("19190001", "19190002", "RENUMBER"),
        ("19190002", "19101001", "RENUMBER"),
        ("19190003", "19101002", "SPLIT"),
        ("19190003", "19101003", "SPLIT"),
        ("19190004", "19101003", "MERGE"),
        ("19190005", "19101003", "MERGE"),
        ("19190006", "19190007", "RENUMBER"),
        ("19190008", "19190009", "RENUMBER"),
        ("19190009", "19190008", "RENUMBER"),
    )
    said = table(*((f"1919000{k}", "1") for k in (1, 3, 4, 5, 6, 8)))
    answer = join_by_apn(layer, table=said, apn_history=told)
    assert statuses(answer) == [
        ("by_history", "19101001"),
        ("ambiguous", None),
        ("by_history", "19101003"),
        ("by_history", "19101003"),
        ("unmatched", None),
        ("unmatched", None),
    ]
    assert answer.table["candidates"][1] == "19101002, 19101003"
    assert "19190006 became 19190007, which is no parcel in force" in answer.table["note"][4]
    assert answer.tables["several_rows"].to_numpy().tolist() == [["19101003", 2, "3, 4"]]


def test_a_split_of_which_one_part_is_lost_is_not_taken_for_a_renumbering():
    told = history(("19190001", "19101001", "SPLIT"), ("19190001", "19190002", "SPLIT"))
    answer = join_by_apn(parcels("19101001"), table=table(("19190001", "1")), apn_history=told)
    assert statuses(answer) == [("ambiguous", None)] and "what became of 19190002 is not known" in answer.table["note"][0]


@pytest.mark.parametrize(
    ("written", "status", "note"),
    [
        (None, "unmatched", "no parcel number is given"),
        ("see note", "unmatched", "this is no parcel number"),
        ("191-999-99", "unmatched", "no parcel has this number, now or in the history"),
        ("191-010-02", "unmatched", "not in force"),
        ("1910103", "ambiguous", "lost the zeros before it"),
        ("191-010-04", "ambiguous", "2 parcels in force have this number"),
    ],
)
def test_what_is_not_matched_says_why(written, status, note):
    layer = parcels("19101001", "19101002", "01910103", "19101004", "19101004", status=["ACTIVE", "RETIRED", *["ACTIVE"] * 3])
    row = join_by_apn(layer, table=table(("19101001", "1"), (written, "1")), column="apn").table.iloc[1]
    assert row["status"] == status and note in row["note"] and pd.isna(row["apn"])


def test_rows_and_amounts_add_up_to_the_cent_in_every_status():
    # 0.1 three times is not 0.3 in binary; a cent less in a billion is lost there.
    said = table(
        ("19101001", "0.1"),
        ("19101001", "0.1"),
        ("19190003", "0.1"),
        ("junk", "$1,000,000,000.01"),
        ("junk", "(250.50)"),
        (None, None),
        ("19101002", "n/a"),
    )
    told = history(("19190003", "19101001", "SPLIT"), ("19190003", "19101002", "SPLIT"))
    answer = join_by_apn(parcels("19101001", "19101002"), table=said, column="apn", amounts=["fee"], apn_history=told)
    totals = answer.tables["control_totals"].set_index("figure")
    assert totals.loc["rows"].tolist() == [7, 3, 0, 1, 3, 7, 0, 0]
    assert totals.loc["fee"].tolist()[:7] == [
        Decimal("999999749.81"),
        Decimal("0.2"),
        Decimal(0),
        Decimal("0.1"),
        Decimal("999999749.51"),
        Decimal("999999749.81"),
        Decimal(0),
    ]
    assert totals.loc["fee", "cells_without_number"] == 1
    assert "row 7 'n/a'" in answer.unanswered["why"][0] and answer.agrees


def test_columns_of_people_are_left_out_unless_they_are_asked_for():
    said = table(("19101001", "A. Alder", "1 Elm", "x"), columns=("APN", "Owner_Name", "MAIL_ADDR", "permit"))
    answer = join_by_apn(parcels("19101001"), table=said)
    assert "permit" in answer.table and not {"Owner_Name", "MAIL_ADDR"} & set(answer.table)
    assert "Alder" not in str(answer._asdict())
    assert any("Owner_Name, MAIL_ADDR" in remark for remark in answer.method.remarks)
    assert "Owner_Name" in join_by_apn(parcels("19101001"), table=said, names=True).table


def test_the_column_is_found_and_told_and_two_that_may_be_it_are_asked_about():
    said = table(("191-010-01", "7"), columns=("Parcel No", "n"))
    assert any("'Parcel No'" in each for each in join_by_apn(parcels("19101001"), table=said).method.remarks)
    with pytest.raises(AnalysisError, match=r"Several columns.*apn, parcel_id"):
        join_by_apn(parcels("19101001"), table=table(("191-010-01", "191-010-01"), columns=("apn", "parcel_id")))
    with pytest.raises(AnalysisError, match=r"No column holds parcel numbers.*Name it"):
        join_by_apn(parcels("19101001"), table=table(("x", "y"), columns=("a", "b")))


def test_what_cannot_be_joined_is_refused():
    with pytest.raises(AnalysisError, match="no rows"):
        join_by_apn(parcels("19101001"), table=table())
    with pytest.raises(AnalysisError, match=r"no column 'x'.*It has: apn, fee"):
        join_by_apn(parcels("19101001"), table=table(("1", "2")), column="x")
    with pytest.raises(CRSError, match="in degrees"):
        join_by_apn(parcels("19101001").to_crs(4326), table=table(("19101001", "2")))


def test_many_rows_are_joined_as_a_join_of_pandas_does():
    rng = np.random.default_rng(3)
    number = np.array([f"{k:08d}" for k in 19100000 + rng.choice(900_000, 10_000, replace=False)])
    frame = gpd.GeoDataFrame({"apn": number}, geometry=gpd.GeoSeries(shapely.points(rng.uniform(0, 1e5, (10_000, 2))), crs=CRS))
    rows = pd.DataFrame({"apn": rng.choice(number, 20_000), "fee": "1.01"}, dtype="str")
    rows.loc[::7, "apn"] = "999" + rows["apn"].str[3:]
    answer = join_by_apn(frame, table=rows, column="apn", amounts=["fee"])
    expected = rows["apn"].isin(set(number))
    assert ((answer.table["status"] == "matched") == expected).all()
    assert (answer.table.loc[expected, "apn"] == rows.loc[expected, "apn"]).all()
    assert answer.tables["control_totals"].set_index("figure").loc["fee", "matched"] == Decimal("1.01") * int(expected.sum())


def test_the_order_of_parcels_and_history_changes_nothing():
    layer = parcels("19101001", "19101002", "19101003")
    told = history(("19190003", "19101001", "SPLIT"), ("19190003", "19101002", "SPLIT"))
    said = table(("19190003", "1"), ("19101003", "2"))
    one = join_by_apn(layer, table=said, apn_history=told)
    other = join_by_apn(layer.iloc[::-1].set_index(pd.Index([5, 5, 1])), table=said, apn_history=told.iloc[::-1])
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.layers["candidate"]["apn"].tolist() == other.layers["candidate"]["apn"].tolist() == ["19101001", "19101002"]
