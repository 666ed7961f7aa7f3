"""A business table joined by address: the parcel that the point names or lies on, and every row accounted for."""

from decimal import Decimal

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from messy_addresses import written

from citygis.analysis import join_by_address
from citygis.errors import AnalysisError
from citygis.gpkg import read_geopackage
from citygis.samples import sample_folder

CRS = "EPSG:6420"


def layers(apns=("A1", "A2", None)):
    """Three lots in a line, each with an address; the third point names no parcel."""
    lots = gpd.GeoDataFrame(
        {"apn": ["A1", "A2", "A3"]}, geometry=[shapely.box(100 * k, 0, 100 * k + 100, 90) for k in range(3)], crs=CRS
    )
    points = pd.DataFrame({"Add_Number": [10, 12, 14], "St_Name": "Maple", "St_PosTyp": "Street", "apn": list(apns)})
    points["NGUID"] = ["n1", "n2", "n3"]
    return lots, gpd.GeoDataFrame(points, geometry=shapely.points([50, 150, 250], [40, 40, 40]), crs=CRS)


def table(*rows, columns=("service_address",)) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns), dtype="str")


def test_the_parcel_is_the_one_the_point_names_else_the_one_it_lies_on():
    lots, points = layers()
    answer = join_by_address(lots, points, table=table(("10 Maple St",), ("14 Maple St",), ("16 Maple St",)))
    assert answer.table["apn"].astype(object).where(answer.table["apn"].notna(), None).tolist() == ["A1", "A3", None]
    assert answer.table["NGUID"].tolist()[:2] == ["n1", "n3"] and answer.agrees


def test_a_point_on_no_parcel_or_on_the_line_of_two_is_told_and_not_guessed():
    lots, points = layers()
    for e, n in ((100.0, 40.0), (50.0, 900.0)):
        points.loc[2, "geometry"] = shapely.Point(e, n)
        row = join_by_address(lots, points, table=table(("14 Maple St",))).table.iloc[0]
        assert row["status"] == "unmatched" and "names no parcel in force" in row["note"] and pd.isna(row["apn"])


def test_a_retired_parcel_is_not_joined_to():
    lots, points = layers()
    lots["status"] = ["RETIRED", "ACTIVE", "ACTIVE"]
    assert join_by_address(lots, points, table=table(("10 Maple St",))).table["status"].tolist() == ["unmatched"]


def test_an_address_in_several_columns_is_read_in_their_order():
    lots, points = layers()
    said = table(("12", "Maple", "St", "95000"), columns=("no", "street", "kind", "zip"))
    assert join_by_address(lots, points, table=said, columns=["no", "street", "kind", "zip"]).table["apn"].tolist() == ["A2"]


def test_the_column_is_found_and_the_owners_address_is_none():
    lots, points = layers()
    said = table(("10 Maple St", "99 Elm Ave"), columns=("Service Address", "mail_address"))
    answer = join_by_address(lots, points, table=said)
    assert answer.table["apn"].tolist() == ["A1"] and "mail_address" not in answer.table
    with pytest.raises(AnalysisError, match="Several columns may hold the address: situs, location"):
        join_by_address(lots, points, table=table(("10 Maple St", "10 Maple St"), columns=("situs", "location")))
    with pytest.raises(AnalysisError, match="No column holds addresses"):
        join_by_address(lots, points, table=table(("x",), columns=("note",)))


def test_rows_and_amounts_add_up_in_every_status():
    lots, points = layers()
    said = table(("10 Maple St", "0.10"), ("99 Maple St", "0.20"), (None, "5"), columns=("address", "fee"))
    answer = join_by_address(lots, points, table=said, amounts=["fee"])
    totals = answer.tables["control_totals"].set_index("figure")
    assert totals.loc["fee"].tolist()[:6] == [Decimal("5.30"), Decimal("0.10"), 0, 0, Decimal("5.20"), Decimal("5.30")]
    assert answer.tables["by_way"]["rows"].sum() == 3
    assert answer.unanswered["what"].tolist() == ["Where 2 rows belong"]


def test_the_sample_citys_addresses_mistyped_find_their_parcels_and_wrong_numbers_find_none():
    base = sample_folder() / "city" / "city_base.gpkg"
    made = {name: read_geopackage(base, name) for name in ("address_point", "parcel")}
    points, lots = made["address_point"], made["parcel"]
    rng = np.random.default_rng(5)
    typed = points[points["St_PosTyp"].isin(["Street", "Avenue", "Drive", "Court", "Lane", "Way"])]
    rows = typed.sample(1000, random_state=3)
    have = set(zip(points["Add_Number"], points["St_Name"], strict=True))
    said = [written(*row, rng) for row in zip(rows["Add_Number"], rows["St_Name"], rows["St_PosTyp"], strict=True)]
    bad = [(n ^ 1, name, kind) for n, name, kind in zip(rows["Add_Number"], rows["St_Name"], rows["St_PosTyp"], strict=True)]
    bad = [row for row in bad if row[:2] not in have][:200]
    said += [written(*row, rng) for row in bad]
    answer = join_by_address(lots, points, table=pd.DataFrame({"address": said}, dtype="str"))
    apn = answer.table["apn"].astype(object).to_numpy()
    matched = answer.table["status"].eq("matched").to_numpy()
    right = apn[:1000] == rows["apn"].to_numpy(dtype=object)
    assert len(bad) > 100 and not matched[1000:].any()
    assert matched[:1000].mean() > 0.97 and right[matched[:1000]].mean() >= 0.999
    assert answer.agrees
