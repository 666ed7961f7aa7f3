"""A placed map as rows: what each figure becomes, and through which door."""

import numpy as np
import pandas as pd
import pytest
import shapely
import tract_maps

from citygis.city import default_city
from citygis.schema import normalise_apn
from citygis.tracts.layers import converted, lot_rows, new_corners, tract_code
from citygis.tracts.plat import edge_chains, edge_courses, lot_polygons
from citygis.tracts.sources import read_plat

CITY = default_city()


@pytest.fixture(scope="module")
def plat(tmp_path_factory):
    return read_plat(tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml"), city=CITY)


def polygons(plat):
    return lot_polygons(plat, edge_chains(edge_courses(plat.edges, plat.corners), plat.edges, plat.corners))


@pytest.mark.parametrize(("tract", "code"), [("4012", "T4012"), ("PM 15-204", "TPM15204"), (" tr. 7a ", "TTR7A")])
def test_a_tract_is_a_code_of_letters_and_digits(tract, code):
    assert tract_code(tract) == code


def test_provisional_numbers_are_no_countys(plat):
    rows = lot_rows(plat, "4012", polygons(plat), CITY).lots
    numbers = rows["apn"].dropna()
    assert normalise_apn(numbers, CITY.apn_profiles).isna().all(axis=None)
    assert normalise_apn(numbers, ["provisional"])["apn"].tolist() == numbers.tolist()


def test_a_road_and_ground_without_a_number_are_right_of_way(plat):
    road = plat._replace(lots=plat.lots.assign(kind=plat.lots["kind"].mask(plat.lots["lot"] == "A", "road")))
    rows = lot_rows(road, "4012", polygons(plat), CITY)
    streets = rows.lots[rows.lots["layer"] == "right_of_way"]
    assert sorted(streets["row_id"]) == ["T4012-A", "T4012-RW1"]
    assert streets["apn"].isna().all()
    assert rows.findings["code"].value_counts().to_dict() == {"N16": 1, "N18": 1}


def test_two_figures_of_one_number_are_an_error_each(plat):
    lots = plat.lots.assign(lot=plat.lots["lot"].replace({"3": "2"}))
    rows = lot_rows(plat._replace(lots=lots), "4012", polygons(plat), CITY)
    told = rows.findings[rows.findings["code"] == "N23"]
    assert told["feature"].tolist() == ["T4012-2"] * 2 and set(told["severity"]) == {"error"}
    assert told["finding_id"].is_unique


def test_a_figure_with_several_numbers_gets_none_and_goes_to_the_quarantine(plat):
    lots = plat.lots.assign(kind=plat.lots["kind"].mask(plat.lots["lot"] == "3", "unsettled"))
    rows = lot_rows(plat._replace(lots=lots), "4012", polygons(plat), CITY).lots
    unsettled = int(np.flatnonzero(lots["kind"] == "unsettled")[0])
    assert rows.loc[unsettled, ["apn", "row_id", "global_id"]].isna().all()
    found = converted(
        "parcel", {"apn": [None], "parcel_kind": [None]}, [polygons(plat)[unsettled]], city=CITY, plat=plat, refs=["Parcel 3"]
    )
    assert len(found.layer) == 0
    assert found.quarantine["source_ref"].tolist() == ["Parcel 3"]


def test_a_corner_a_hair_from_the_citys_is_that_corner(plat):
    known = tract_maps.held()["corner"].iloc[:2].copy()
    known = known.set_geometry(shapely.points([plat.corners[3] + [0.01, 0], plat.corners[4] + [0.05, 0]]), crs=CITY.crs)
    assert 3 not in new_corners(plat, plat.corners, {"corner": known})
    assert 4 in new_corners(plat, plat.corners, {"corner": known})
    gone = {"corner": known.assign(status=pd.Series("RETIRED", index=known.index, dtype="str"))}
    assert len(new_corners(plat, plat.corners, gone)) == len(plat.corners)
