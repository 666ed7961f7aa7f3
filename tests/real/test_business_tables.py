"""Cambridge's tax list against its parcels by number, and its addresses against its centrelines; the lists are the City's own."""

from decimal import Decimal

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import geocode, join_by_address, join_by_apn
from citygis.analysis.tables import read_table
from citygis.city import default_city


@pytest.fixture(scope="module")
def tax(real_data) -> pd.DataFrame:
    return read_table(real_data / "parcels" / "cambridge_TaxFY13.csv")


@pytest.fixture(scope="module")
def parcels(real_data) -> gpd.GeoDataFrame:
    layer = gpd.read_file(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson")
    layer = layer.set_crs("EPSG:4326", allow_override=True).to_crs("EPSG:2249")
    return layer.rename(columns={"ML": "apn"})[["apn", "geometry"]]


@pytest.fixture(scope="module")
def cambridge():
    return default_city().model_copy(update={"apn_profiles": ("map_lot",)})


def test_the_tax_list_is_joined_as_a_merge_of_pandas_joins_it_and_every_dollar_is_told(tax, parcels, cambridge):
    answer = join_by_apn(parcels, table=tax, column="ML", amounts=["TotalAppraisedParcelValue"], city=cambridge)
    count = parcels["apn"].value_counts()
    alone = tax["ML"].map(count).eq(1)
    matched = answer.table["status"].eq("matched")
    assert (matched == alone).all()
    assert (answer.table.loc[matched, "apn"] == tax.loc[matched, "ML"]).all()
    totals = answer.tables["control_totals"].set_index("figure")
    assert totals.loc["TotalAppraisedParcelValue", "total_in"] == sum(map(Decimal, tax["TotalAppraisedParcelValue"].dropna()))
    assert totals.loc["rows", "total_in"] == len(tax) and answer.agrees


def test_addresses_of_the_tax_list_come_to_lie_near_their_parcels_by_the_ranges_of_the_centrelines(
    tax, parcels, cambridge, real_data
):
    lines = gpd.read_file(real_data / "right_of_way" / "cambridge_TRANS_Centerlines.geojson").to_crs("EPSG:2249")
    names = {"Street_Name": "St_Name", "Street_Type": "St_PosTyp", "GlobalID": "NGUID"}
    ends = {"L_From": "FromAddr_L", "L_To": "ToAddr_L", "R_From": "FromAddr_R", "R_To": "ToAddr_R"}
    lines = lines.rename(columns={**names, **ends})
    shapes = parcels.drop_duplicates("apn", keep=False).set_index("apn").geometry
    rows = tax[tax["ML"].isin(shapes.index) & tax["Location"].str.fullmatch(r"\d+ [A-Z ]+")].drop_duplicates("ML")
    rows = rows.sample(1500, random_state=1).reset_index(drop=True)
    split = rows["Location"].str.extract(r"^(\d+) (.*)$")
    points = gpd.GeoDataFrame(
        {"Add_Number": split[0].astype(int), "St_Name": split[1], "apn": rows["ML"]},
        geometry=gpd.GeoSeries(shapely.point_on_surface(shapes[rows["ML"]].values), crs="EPSG:2249"),
    )
    answer = geocode(points.iloc[:500], lines, table=rows[["Location"]].iloc[500:], city=cambridge)
    laid = answer.table["place"].eq("interpolated").to_numpy()
    where = shapely.points(answer.table.loc[laid, ["easting_ft", "northing_ft"]].to_numpy(dtype=float))
    off = shapely.distance(where, shapes[rows["ML"].iloc[500:][laid]].values)
    # Bounds against a regression, set after a first run (0.94 placed, half within 19 ft of their parcel): no published figures.
    assert laid.mean() > 0.9 and np.median(off) < 50
    assert (off <= answer.table.loc[laid, "accuracy_ft"].to_numpy(dtype=float)).mean() > 0.9 and answer.agrees

    joined = join_by_address(parcels, points, table=rows[["Location"]], street_centerline=lines, city=cambridge)
    alone = ~points.duplicated(["Add_Number", "St_Name"], keep=False).to_numpy()
    ours = joined.table["apn"].to_numpy(dtype=object)
    assert (ours[alone] == rows["ML"].to_numpy(dtype=object)[alone]).all()
    # Each address once more, from the others only: the number is there no longer, whatever street is called nearly so.
    held = rows.index % 2 == 0
    left = join_by_address(parcels, points[held], table=rows.loc[~held, ["Location"]], street_centerline=lines, city=cambridge)
    gone = ~rows.loc[~held, "Location"].isin(set(rows.loc[held, "Location"])).to_numpy()
    assert not left.table["status"].eq("matched").to_numpy()[gone].any()
