import hashlib
import json

import pandas as pd
import pyogrio
import pytest
import shapely

from citygis.samples import districts, write_districts
from citygis.samples.deliveries import COUNTY_Q3

PARCELS = 4000


@pytest.fixture(scope="module")
def laid():
    return list(districts(PARCELS, seed=3))


def test_there_are_as_many_parcels_as_asked_for_in_whole_districts(laid):
    sizes = [len(district.table) for district in laid]
    assert sum(sizes) >= PARCELS > sum(sizes[:-1])


def test_no_number_comes_twice_but_for_the_planted_ones(laid):
    numbers = pd.concat([district.table["AIN"] for district in laid])
    numbers = numbers[numbers.str.fullmatch(r"\d{12}").fillna(False)]
    planted = sum(defect["kind"] == "duplicate_apn" for district in laid for defect in district.defects)
    assert numbers.duplicated().sum() == planted == len(laid)
    for name, key in (("tract", "tract_no"), ("right_of_way", "row_id")):
        rows = pd.concat([getattr(district, name) for district in laid])
        assert rows[key].is_unique
        assert rows["global_id"].is_unique


def test_districts_lie_apart(laid):
    boxes = [shapely.box(*shapely.total_bounds(district.tract.geometry.to_numpy())) for district in laid]
    assert all(a.disjoint(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_a_district_moved_is_still_a_coverage(laid):
    clean = list(districts(PARCELS, seed=3, defects=False))[-1]
    lots = clean.table.geometry[~clean.table.geometry.to_wkb().duplicated()]
    ways = clean.right_of_way.geometry[clean.right_of_way["row_kind"] != "VACATED"]
    assert shapely.coverage_is_valid([*lots, *ways])


def test_the_truth_of_a_district_names_its_own_rows(laid):
    before = 0
    for district in laid:
        for defect in district.defects:
            row = district.table.iloc[defect["row"] - 1 - before]
            if defect["kind"] == "overlap":
                assert row["AIN"] == f"{defect['key']}0000"
                assert row.geometry.distance(shapely.Point(defect["where"])) < 1.0
            if defect["kind"] == "apn_free_text":
                assert row["AIN"] == "SEE MAP BOOK"
        before += len(district.table)


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    sums = []
    for name in ("a", "b"):
        counts = write_districts(tmp_path / name, 2000, seed=5)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert sums[0] == sums[1]
    deliveries = tmp_path / "a" / "deliveries"
    assert pyogrio.read_info(f"/vsizip/{deliveries / COUNTY_Q3}")["features"] == counts["parcel"]
    assert len(json.loads((deliveries / "truth.json").read_text())["defects"]) == counts["defects"]


def test_more_parcels_than_the_county_has_books_are_refused(monkeypatch):
    monkeypatch.setattr("citygis.samples.region.MOST_DISTRICTS", 1)
    with pytest.raises(ValueError, match="the county has no more books"):
        list(districts(5000, seed=3))
