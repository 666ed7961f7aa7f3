"""Which parcels may be split under SB 9."""

import itertools

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.analysis.lot_split import CRITERIA, ELIGIBLE, INELIGIBLE, REVIEW, lot_split_screening
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def square(k: int, wide_ft: float = 100.0, deep_ft: float = 100.0):
    """The k-th of a row of lots 200 ft apart."""
    return shapely.box(E + 200 * k, N, E + 200 * k + wide_ft, N + deep_ft)


def lots(count: int, shapes=None, **columns) -> gpd.GeoDataFrame:
    shapes = shapes or [square(k) for k in range(count)]
    columns = {"apn": [f"{k:03d}" for k in range(count)], "status": "ACTIVE", "parcel_kind": "FEE"} | columns
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def areas(shapes, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=range(len(shapes))), geometry=shapes, crs=CRS)


R1 = areas([shapely.box(E - 50, N - 50, E + 8050, N + 150)], code="R-1")
DRY = areas([square(900)], sfha_zone="AE", flood_id="F9")
FREE = areas([square(900)], kind="HISTORIC", name="Mill")
NO_SPLITS = pd.DataFrame({"apn": ["999"]})


def cleared(count: int) -> pd.DataFrame:
    return pd.DataFrame({"apn": [f"{k:03d}" for k in range(count)], "allowed": "yes"})


def everything(count: int, **instead):
    return {
        "zoning": R1, "flood_zone": DRY, "constraints": FREE, "earlier_splits": NO_SPLITS, "occupancy": cleared(count)
    } | instead  # fmt: skip


# Forty lots decided by hand: two of each case, the second one as the first but named with another number.
CASES = {
    # 2,400 sq ft makes two lots of 1,200; 2,399 does not.
    0: (square(0, 24, 100), {}, ELIGIBLE),
    1: (square(1, 23.99, 100), {}, INELIGIBLE),
    2: (square(2, 30, 100), {}, ELIGIBLE),
    3: (square(3, 400 / 3, 75), {}, ELIGIBLE),
    4: (square(4), {"parcel_kind": "CONDO"}, INELIGIBLE),
    5: (square(5), {"parcel_kind": "REMAINDER"}, REVIEW),
    6: (square(6), {"parcel_kind": None}, REVIEW),
    7: (square(7), {"parcel_kind": "GOVT"}, INELIGIBLE),
    8: (square(8), {"flood": "AE"}, REVIEW),
    9: (square(9), {"flood": "FLOODWAY"}, INELIGIBLE),
    10: (square(10), {"flood": "X"}, ELIGIBLE),
    11: (square(11), {"flood": "VE"}, REVIEW),
    12: (square(12), {"constraint": "PRIME_FARMLAND"}, INELIGIBLE),
    13: (square(13), {"constraint": "HISTORIC"}, INELIGIBLE),
    14: (square(14), {"constraint": "FAULT"}, REVIEW),
    15: (square(15), {"constraint": "something new"}, REVIEW),
    16: (square(16), {"earlier": True}, INELIGIBLE),
    17: (square(17), {"allowed": "no"}, INELIGIBLE),
    18: (square(18), {"allowed": None}, REVIEW),
    19: (square(19), {}, ELIGIBLE),
}


def test_forty_parcels_decided_by_hand():
    cases = [(k + 20 * again, shape, said, verdict) for again in (0, 1) for k, (shape, said, verdict) in CASES.items()]
    moved = [shapely.transform(shape, lambda xy, up=200.0 * (k >= 20): xy + (0, up)) for k, shape, _, _ in cases]
    layer = lots(40, moved, parcel_kind=[said.get("parcel_kind", "FEE") for _, _, said, _ in cases])
    zone = areas([shapely.box(E - 50, N - 50, E + 8050, N + 350)], code="r-1")
    flood = [(moved[k], said["flood"]) for k, _, said, _ in cases if "flood" in said]
    other = [(moved[k], said["constraint"]) for k, _, said, _ in cases if "constraint" in said]
    answer = lot_split_screening(
        layer,
        zoning=zone,
        flood_zone=areas([shape for shape, _ in flood], sfha_zone=[z for _, z in flood]),
        constraints=areas([shape for shape, _ in other], kind=[z for _, z in other]),
        earlier_splits=pd.DataFrame({"apn": [f"{k:03d}" for k, _, said, _ in cases if said.get("earlier")]}),
        occupancy=pd.DataFrame(
            {"apn": [f"{k:03d}" for k, *_ in cases], "allowed": [said.get("allowed", "yes") for _, _, said, _ in cases]}
        ),
    )
    assert answer.table.set_index("apn")["verdict"].to_dict() == {f"{k:03d}": verdict for k, _, _, verdict in cases}
    assert answer.agrees and answer.complete
    assert len(answer.tables["criteria"]) == 40 * len(CRITERIA)


@pytest.mark.parametrize(
    "zones,verdict",
    [
        (areas([square(0)], code="R-1"), ELIGIBLE),
        (areas([square(0)], code="C-1"), INELIGIBLE),
        (areas([square(5)], code="R-1"), REVIEW),
        (areas([shapely.box(E, N, E + 50, N + 100), shapely.box(E + 50, N, E + 100, N + 100)], code=["R-1", "C-1"]), REVIEW),
        # A district that only touches the lot, or takes less than a square foot of it, decides nothing.
        (areas([square(0), shapely.box(E + 100, N, E + 150, N + 100)], code=["R-1", "C-1"]), ELIGIBLE),
        (areas([square(0), shapely.box(E + 99.995, N, E + 150, N + 100)], code=["R-1", "C-1"]), ELIGIBLE),
        (areas([square(0), square(0)], code=["R-1", "PD"], overlay=[False, True]), ELIGIBLE),
    ],
)
def test_the_zone_is_that_of_the_ground_and_not_of_a_line_that_touches(zones, verdict):
    answer = lot_split_screening(lots(1), **everything(1, zoning=zones))
    assert answer.table["zone"].tolist() == [verdict]


def test_a_layer_taken_away_never_makes_a_parcel_eligible_and_is_told():
    layer = lots(2)
    for missing in itertools.chain.from_iterable(itertools.combinations(everything(2), n) for n in (1, 2, 5)):
        given = everything(2, **dict.fromkeys(missing))
        answer = lot_split_screening(layer, **given)
        assert (answer.table["verdict"] == REVIEW).all()
        assert len(answer.unanswered) == len(missing)


def test_each_verdict_names_its_law_and_the_features_it_rests_on():
    flood = areas([shapely.box(E + 50, N, E + 70, N + 100)], sfha_zone="FLOODWAY", flood_id="F7")
    criteria = lot_split_screening(lots(1), **everything(1, flood_zone=flood)).tables["criteria"].set_index("criterion")
    assert criteria.loc["flood", ["verdict", "features"]].tolist() == [INELIGIBLE, "F7"]
    assert "2,000 sq ft" in criteria.loc["flood", "reason"] and (criteria["law"].str.len() > 10).all()


def test_parcels_named_are_looked_at_and_those_without_ground_are_told():
    layer = lots(3)
    layer.loc[2, "geometry"] = None
    named = lot_split_screening(layer, subject=["001"], **everything(3))
    assert named.table["apn"].tolist() == ["001"]
    every = lot_split_screening(layer, **everything(3))
    assert len(every.table) + len(every.excluded) == 3 and every.excluded["feature"].tolist() == ["002"]


def test_a_word_for_occupancy_that_is_neither_yes_nor_no_is_refused():
    with pytest.raises(AnalysisError, match="'maybe'"):
        lot_split_screening(lots(1), **everything(1, occupancy=pd.DataFrame({"apn": ["000"], "allowed": ["maybe"]})))
    with pytest.raises(AnalysisError, match="no column allowed"):
        lot_split_screening(lots(1), **everything(1, occupancy=pd.DataFrame({"apn": ["000"]})))


def test_no_stands_before_yes_where_both_were_said():
    both = pd.DataFrame({"apn": ["000", "000"], "allowed": ["yes", "no"]})
    assert lot_split_screening(lots(1), **everything(1, occupancy=both)).table["occupancy"].tolist() == [INELIGIBLE]


def test_a_lot_that_crosses_itself_is_screened_by_the_ground_it_covers_and_told():
    bow = shapely.Polygon([(E, N), (E + 100, N + 100), (E + 100, N), (E, N + 100)])
    made = lot_split_screening(lots(2, [bow, square(1)]), **everything(2))
    assert made.table["area_sqft"].tolist() == [5000.0, 10000.0]
    assert made.agrees
    assert "1 polygons of parcel are not valid (such as 000) and were mended before they were measured." in made.method.remarks
