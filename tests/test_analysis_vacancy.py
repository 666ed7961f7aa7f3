"""Vacant and underused land."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.analysis import vacant_land
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def parcels(count: int, **columns) -> gpd.GeoDataFrame:
    """Lots of 100 by 100 ft in a row."""
    table = {"apn": [f"00{k}" for k in range(count)], "zoning_code": "R-1", "parcel_kind": "FEE", **columns}
    return gpd.GeoDataFrame(table, geometry=[box(100 * k, 0, 100 * k + 100, 100) for k in range(count)], crs=CRS)


def roofs(*shapes) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"building_id": [str(k) for k in range(len(shapes))]}, geometry=list(shapes), crs=CRS)


def roll(*values) -> pd.DataFrame:
    rows = [(f"0-0-{k}", land, improvements) for k, (land, improvements) in enumerate(values)]
    return pd.DataFrame(rows, columns=["apn", "land_value", "improvement_value"])


def verdicts(answer) -> dict:
    return answer.table.set_index("apn")["verdict"].to_dict()


def test_coverage_alone_tells_vacant_from_underused_and_used():
    # Of 10,000 sq ft: 119 a shed, 120 a building, 999 below a tenth, 1,000 a tenth.
    sizes = (119, 120, 999, 1000)
    answer = vacant_land(
        parcels(4), building_footprint=roofs(*(box(100 * k, 0, 100 * k + 50, a / 50) for k, a in enumerate(sizes)))
    )
    assert verdicts(answer) == {"000": "vacant", "001": "underused", "002": "underused", "003": "used"}
    assert sorted(answer.table["covered_sqft"]) == pytest.approx(sizes)
    assert answer.agrees and "values of the roll" in answer.unanswered["why"][0]


@pytest.mark.parametrize("improvements,said", [("99,999", "underused"), ("$100,000", "used")])
def test_improvements_are_held_against_the_land(improvements, said):
    answer = vacant_land(parcels(1), building_footprint=roofs(box(10, 10, 50, 50)), roll=roll(("100000", improvements)))
    assert verdicts(answer) == {"000": said}


def test_map_and_roll_that_do_not_agree_need_review():
    answer = vacant_land(
        parcels(3), building_footprint=roofs(box(10, 10, 50, 50)), roll=roll(("100", "0"), ("100", "500"), ("100", "0"))
    )
    assert verdicts(answer) == {"000": "needs review", "001": "needs review", "002": "vacant"}
    assert answer.table.set_index("apn")["basis"]["001"] == "no building, but improvements on the roll"
    assert "2 parcels" in answer.unanswered["what"][0]


def test_a_roof_over_the_line_leaves_the_neighbour_vacant():
    answer = vacant_land(parcels(2), building_footprint=roofs(box(40, 20, 102, 60)))
    assert verdicts(answer) == {"000": "used", "001": "vacant"}
    assert answer.table.set_index("apn")["covered_sqft"].to_dict() == pytest.approx({"000": 2400.0, "001": 80.0})


def test_acres_by_zone_add_up():
    answer = vacant_land(parcels(3, zoning_code=["R-1", "C-1", "C-1"]), building_footprint=roofs(box(100, 0, 200, 50)))
    by_zone = answer.tables["by_zone"].set_index(["zone", "verdict"])
    assert by_zone["parcels"].to_dict() == {("C-1", "used"): 1, ("C-1", "vacant"): 1, ("R-1", "vacant"): 1}
    assert by_zone["acres"].sum() == pytest.approx(30_000 / 43_560)


def test_the_zone_is_that_of_most_of_the_parcel():
    zoning = gpd.GeoDataFrame(
        {"zone_id": ["1", "2", "3"], "code": ["R-1", "C-1", "HIST"], "overlay": [False, False, True]},
        geometry=[box(0, 0, 140, 100), box(140, 0, 200, 100), box(0, 0, 200, 100)],
        crs=CRS,
    )
    answer = vacant_land(parcels(2), building_footprint=roofs(box(0, 0, 50, 50)), zoning=zoning)
    said = answer.table.set_index("apn")
    assert said["zone"].to_dict() == {"000": "R-1", "001": "C-1"}
    assert said["zone_share"].to_dict() == pytest.approx({"000": 1.0, "001": 0.6})


def test_units_of_a_stack_add_up_on_one_footprint():
    layer = parcels(2, stack_id=["s", "s"])
    layer.loc[1, "geometry"] = layer.geometry[0]
    answer = vacant_land(layer, building_footprint=roofs(box(10, 10, 50, 50)), roll=roll(("100", "60"), ("100", "140")))
    assert answer.table[["apn", "land_value", "improvement_value", "verdict"]].to_numpy().tolist() == [
        ["000", 200.0, 200.0, "used"]
    ]
    assert answer.excluded["feature"].tolist() == ["001"]


def test_land_that_is_none_to_build_on_is_left_out_with_its_reason():
    layer = parcels(3, parcel_kind=["COMMON", "FEE", "FEE"])
    layer.loc[1, "geometry"] = box(100, 0, 109, 100)
    answer = vacant_land(layer, building_footprint=roofs(box(210, 10, 250, 50)))
    assert answer.table["apn"].tolist() == ["002"]
    assert dict(answer.excluded[["feature", "reason"]].to_numpy()) == {
        "000": "no land of its own to build on (common)",
        "001": "smaller than 1000 sq ft",
    }


def test_rows_of_the_roll_that_find_no_parcel_are_told():
    table = pd.concat([roll(("100", "500")), pd.DataFrame({"apn": ["9-9-9"], "land_value": ["x"], "improvement_value": [""]})])
    answer = vacant_land(parcels(2), building_footprint=roofs(box(10, 10, 50, 50)), roll=table)
    said = answer.unanswered["what"].str.cat(sep="|")
    assert "1 rows of the roll lie" in said and "values of 1 rows" in said and "stands on 1 parcels" in said


def test_the_roll_alone_answers_what_it_can():
    answer = vacant_land(parcels(3), roll=roll(("100", "0"), ("100", "50")))
    assert verdicts(answer) == {"000": "vacant", "001": "underused", "002": "needs review"}
    assert "What buildings cover" in answer.unanswered["what"].tolist()


def test_a_question_without_any_evidence_or_zone_is_refused():
    with pytest.raises(AnalysisError, match="Nothing tells what stands"):
        vacant_land(parcels(1))
    with pytest.raises(AnalysisError, match="There are: R-1"):
        vacant_land(parcels(1), building_footprint=roofs(box(0, 0, 1, 1)), zone=["M-9"])
    with pytest.raises(AnalysisError, match="no column improvement_value"):
        vacant_land(parcels(1), roll=pd.DataFrame({"apn": ["1"], "land_value": ["1"]}))
    with pytest.raises(AnalysisError, match="nowhere"):
        vacant_land(parcels(1).drop(columns="zoning_code"), building_footprint=roofs(box(0, 0, 1, 1)))
