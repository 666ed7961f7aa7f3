"""What a person could do about what is left."""

import geopandas as gpd
import pytest
import shapely
from repair_lots import DEEP, lots, rings

from citygis.city import default_city
from citygis.quality.validation import findings_on, subjects_of
from citygis.repairs.grounds import grounds_of
from citygis.repairs.suggestions import suggestions


def suggested(frame: gpd.GeoDataFrame, code: str) -> list[dict]:
    city = default_city()
    subjects, _ = subjects_of({"lot": frame}, city=city, only="geometry", key="pid")
    findings = findings_on(subjects, city, only="geometry", key="pid")
    findings = findings[findings["code"] == code].reset_index(drop=True)
    grounds = grounds_of(subjects, city, are_measured=True)
    return suggestions(findings, grounds, {"lot": grounds["lot"].shapes}).to_dict("records")


def overlapping(**columns):
    block = rings(2, 1)
    block[0][1], block[0][2] = (block[0][1][0] + 2, block[0][1][1]), (block[0][2][0] + 2, block[0][2][1])
    return lots(block, **columns)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"legal_from": ["2020-01-01", "1990-01-01"], "h_accuracy_ft": [0.1, 1.0]},
            "1 without the ground of 2, whose record is older",
        ),
        ({"h_accuracy_ft": [0.1, 1.0]}, "2 without the ground of 1, which is known better"),
        ({}, "1 without the ground of 2, which is the smaller one"),
    ],
)
def test_the_older_record_goes_before_the_better_accuracy_and_that_before_size(columns, said):
    (told,) = suggested(overlapping(**columns), "T01")
    assert told["suggestion"].startswith(said)
    shape = shapely.from_wkb(told["suggested"])
    assert shape.area == pytest.approx((62 if said[0] == "1" else 60) * DEEP - 2 * DEEP)


def test_lots_in_metres_are_one_batch_that_says_how_well_they_then_fit():
    block = rings(6, 6)
    for i in (7, 8):
        block[i] = [(e * 1200 / 3937, n * 1200 / 3937) for e, n in block[i]]
    told = suggested(lots(block), "G06")
    assert {each["batch"] for each in told} == {"lot: multiply metres into feet"}
    assert "for 2 feature(s)" in told[0]["suggestion"] and "100% of their corners" in told[0]["suggestion"]
    assert shapely.from_wkb(told[0]["suggested"]).equals_exact(shapely.Polygon(rings(6, 6)[7]), 1e-6)
