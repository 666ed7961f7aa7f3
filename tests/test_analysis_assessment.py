"""Assessment rolls: who is in, and what each pays."""

import csv
import io
from decimal import Decimal

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import assessment_roll
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def parcels(**boxes) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"apn": list(boxes), "status": "ACTIVE", "parcel_kind": "FEE"}, geometry=[box(*b) for b in boxes.values()], crs=CRS
    )


def district(*boxes, ids=None) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"district_id": ids or ["LMD-1"] * len(boxes)}, geometry=[box(*b) for b in boxes], crs=CRS)


ROW = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 400, 100), D=(400, 0, 500, 100))
WHOLE = district((0, 0, 400, 100))


def paid(answer) -> dict:
    return dict(zip(answer.table["apn"], answer.table["amount"], strict=True))


def test_a_levy_that_three_cannot_share_gives_the_odd_cent_to_the_first_number():
    answer = assessment_roll(ROW, WHOLE, levy="100.00")
    assert paid(answer) == {"A": 33.34, "B": 33.33, "C": 33.33}
    assert answer.table["assessment_no"].tolist() == [1, 2, 3]
    assert answer.agrees and answer.complete


def test_by_area_the_lot_of_twice_the_size_pays_twice():
    assert paid(assessment_roll(ROW, WHOLE, levy=400, method="area")) == {"A": 100.0, "B": 100.0, "C": 200.0}


def test_by_units_a_half_unit_pays_half_and_what_lacks_units_is_told():
    table = pd.DataFrame({"apn": ["A", "B", "Z"], "edu": ["1", "0.5", "3"]})
    answer = assessment_roll(ROW, WHOLE, levy="90", method="units", units=table)
    assert paid(answer) == {"A": 60.0, "B": 30.0}
    assert answer.excluded[["feature", "reason"]].to_numpy().tolist() == [["C", "no units: it is not in the table of units"]]
    said = " ".join(answer.unanswered["what"])
    assert "What 1 parcels of the district pay (C)" in said and "table of units belong to the district (Z)" in said
    assert any("provisional" in remark for remark in answer.method.remarks)


@pytest.mark.parametrize(
    "number,reason", [("0", "zero units"), ("-1", "below zero"), ("two", "no number"), (None, "leaves it blank")]
)
def test_units_that_cannot_be_used_leave_the_parcel_out_with_the_reason(number, reason):
    table = pd.DataFrame({"apn": ["A", "B", "C"], "units": ["1", "1", number]})
    answer = assessment_roll(ROW, WHOLE, levy="10", method="units", units=table)
    assert answer.excluded["feature"].tolist() == ["C"] and reason in answer.excluded["reason"][0]
    assert answer.complete == (number == "0")


def test_by_frontage_a_lot_pays_for_its_line_on_the_street_and_a_canal_gives_none():
    street = gpd.GeoDataFrame({"row_kind": ["ACCEPTED", "CANAL"]}, geometry=[box(0, -60, 300, 0), box(0, 100, 900, 130)], crs=CRS)
    answer = assessment_roll(ROW, district((0, 0, 500, 100)), levy=300, method="frontage", right_of_way=street)
    # A and B front 100 ft each, C the western 100 of its 200 (and the tolerance where the street ends), D none.
    assert answer.table["weight"].to_numpy() == pytest.approx([100.0, 100.0, 100.05])
    assert paid(answer) == pytest.approx({"A": 100.0, "B": 100.0, "C": 100.0}, abs=0.05)
    assert answer.excluded["feature"].tolist() == ["D"] and "zero frontage" in answer.excluded["reason"][0]


@pytest.mark.parametrize("line,is_in", [(249.99, False), (250.0, False), (250.01, True)])
def test_a_parcel_is_in_when_more_than_half_of_it_is(line, is_in):
    layer = parcels(A=(0, 0, 200, 100), C=(200, 0, 300, 100))
    answer = assessment_roll(layer, district((0, 0, line, 100)), levy=10)
    assert ("C" in paid(answer)) == is_in
    straddler = answer.tables["straddlers"].set_index("apn").loc["C"]
    assert straddler["inside_sqft"] == pytest.approx((line - 200) * 100) and straddler["member"] == ("in" if is_in else "out")
    assert len(answer.table) + len(answer.excluded) == 2 and answer.agrees


@pytest.mark.parametrize("reach_ft,is_straddler", [(0.009, False), (0.011, True)])
def test_ground_of_a_square_foot_across_the_line_is_noise(reach_ft, is_straddler):
    answer = assessment_roll(ROW, district((0, 0, 200 + reach_ft, 100)), levy=10)
    assert (answer.tables["straddlers"]["apn"].tolist() == ["C"]) == is_straddler
    reason = answer.excluded.set_index("feature")["reason"]["C"]
    assert ("only its line touches" in reason) != is_straddler


def test_the_record_goes_before_the_ground_and_says_so():
    record = pd.DataFrame({"apn": ["D", "B"], "member": ["yes", "No"]})
    answer = assessment_roll(ROW, WHOLE, levy=30, members=record)
    assert paid(answer) == {"A": 10.0, "C": 10.0, "D": 10.0}
    assert answer.table.set_index("apn")["membership"].to_dict() == {"A": "majority", "C": "majority", "D": "record"}
    assert (
        answer.excluded["feature"].tolist() == ["B"]
        and "not a member by the record, though 100.00%" in answer.excluded["reason"][0]
    )
    assert "Whether 1 members by record belong to the district (D)" in answer.unanswered["what"].tolist()
    assert answer.agrees


def test_a_record_without_yes_and_no_is_whole_and_needs_no_ground():
    answer = assessment_roll(ROW, levy=20, members=pd.DataFrame({"apn": ["A", "D", "999"]}))
    assert paid(answer) == {"A": 10.0, "D": 10.0}
    assert answer.unanswered["what"].tolist() == ["What 1 parcels of the record pay (999)"]


def test_an_exempt_kind_pays_nothing_and_is_listed():
    layer = ROW.copy()
    layer.loc[1, "parcel_kind"] = "GOVT"
    answer = assessment_roll(layer, WHOLE, levy=10, exempt=["GOVT"])
    assert paid(answer) == {"A": 5.0, "C": 5.0}
    assert answer.excluded["reason"].tolist() == ["exempt: GOVT"]
    assert any("Public parcels" in remark for remark in answer.method.remarks)


def test_units_of_a_stack_share_its_ground_and_one_without_geometry_takes_part():
    layer = parcels(A=(0, 0, 100, 100), U1=(100, 0, 200, 100), U2=(100, 0, 200, 100), U3=(0, 0, 1, 1))
    layer["stack_id"] = [None, "s", "s", "s"]
    layer.loc[3, "geometry"] = None
    answer = assessment_roll(layer, district((0, 0, 200, 100)), levy=60, method="area")
    assert paid(answer) == {"A": 30.0, "U1": 10.0, "U2": 10.0, "U3": 10.0}


def test_rows_of_one_number_are_one_line_of_the_roll():
    layer = pd.concat([ROW, parcels(A=(0, 200, 100, 300))], ignore_index=True)
    answer = assessment_roll(layer, district((0, 0, 200, 300)), levy=30, method="area")
    assert paid(answer) == {"A": 20.0, "B": 10.0}
    assert "its number stands more than once" in answer.excluded.set_index("feature")["reason"]["A"]
    assert answer.agrees


def test_numbers_that_run_together_to_the_same_stay_two_parcels():
    # Where the parts of a number have no fixed width, 23-115 and 231-15 are two; without dashes nobody can tell which.
    layer = ROW.assign(apn=["23-115", "231-15", "7-7", "8-8"])
    record = pd.DataFrame({"apn": ["231-15", "77", "23115"]})
    answer = assessment_roll(layer, levy=20, members=record)
    assert paid(answer) == {"231-15": 10.0, "7-7": 10.0}
    assert answer.unanswered["what"].tolist() == ["What 1 parcels of the record pay (23115)"]
    both = assessment_roll(layer, WHOLE, levy=30)
    assert [line.split(",")[0] for line in both.documents["roll.csv"].decode().splitlines()[1:]] == [
        '"23-115"',
        '"231-15"',
        '"7-7"',
    ]


def test_a_parcel_without_ground_or_number_is_told():
    layer = parcels(A=(0, 0, 100, 100), B=(0, 0, 1, 1), C=(100, 0, 200, 100))
    layer.loc[1, "geometry"] = None
    layer.loc[2, "apn"] = None
    answer = assessment_roll(layer, WHOLE, levy=1)
    assert paid(answer) == {"A": 1.0}
    assert len(answer.excluded) == 2 and "2 parcels without ground or number" in answer.unanswered["what"][0]


def test_the_roll_of_the_county_sums_to_the_levy_and_keeps_the_digits():
    layer = ROW.assign(apn=["001-010-07", "=2+3", "003", "004"])
    answer = assessment_roll(layer, WHOLE, levy="0.05")
    rows = list(csv.DictReader(io.StringIO(answer.documents["roll.csv"].decode())))
    assert [row["apn"] for row in rows] == ["00101007", "003", "23"]
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("0.05")


def test_random_districts_sum_to_the_cent_and_every_parcel_is_in_or_out_with_a_reason():
    rng = np.random.default_rng(8)
    for _ in range(6):
        west, south = rng.uniform(0, 900, (2, 120))
        layer = parcels(**{f"{k:04d}": (west[k], south[k], west[k] + 40, south[k] + 30) for k in range(120)})
        w, s = rng.uniform(0, 400, 2)
        levy = int(rng.integers(1, 10**9)) / 100
        answer = assessment_roll(layer, district((w, s, w + 450, s + 450)), levy=levy, method=str(rng.choice(["equal", "area"])))
        assert answer.table["amount_cents"].sum() == round(levy * 100) and answer.agrees
        touching = int((shapely.area(shapely.intersection(layer.geometry.values, box(w, s, w + 450, s + 450))) > 0).sum())
        assert len(answer.table) + len(answer.excluded) == touching


def test_the_order_of_rows_and_their_index_change_nothing():
    turned = ROW.iloc[::-1].set_index(pd.Index([5, 5, 1, 0]))
    one, other = (assessment_roll(layer, WHOLE, levy="77.77", method="area") for layer in (ROW, turned))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.documents == other.documents and one.check == other.check


def test_one_district_of_several_is_named_and_its_parts_count_together():
    layer = district((0, 0, 100, 100), (400, 0, 500, 100), (100, 0, 400, 100), ids=["1", "1", "2"])
    assert set(paid(assessment_roll(ROW, layer, levy=10, district_id="1"))) == {"A", "D"}
    with pytest.raises(AnalysisError, match="2 districts"):
        assessment_roll(ROW, layer, levy=10)
    with pytest.raises(AnalysisError, match="There are: 1, 2"):
        assessment_roll(ROW, layer, levy=10, district_id="3")


def test_what_cannot_be_answered_is_refused_with_what_to_do():
    units = pd.DataFrame({"apn": ["A", "A"], "units": ["1", "2"]})
    for call, said in [
        (lambda: assessment_roll(ROW, levy=1), "Nothing says who is in"),
        (lambda: assessment_roll(ROW, WHOLE, levy="1.005"), "not to the cent"),
        (lambda: assessment_roll(ROW, WHOLE, levy=0), "levy is zero"),
        (lambda: assessment_roll(ROW, WHOLE, levy=1, method="units"), "--units FILE"),
        (lambda: assessment_roll(ROW, WHOLE, levy=1, method="units", units=units), "more than once"),
        (lambda: assessment_roll(ROW, WHOLE, levy=1, method="frontage"), "right of way"),
        (lambda: assessment_roll(ROW, district((5000, 0, 5001, 1)), levy=1), "No parcel is left"),
        (lambda: assessment_roll(ROW, WHOLE, levy=1, members=pd.DataFrame({"apn": ["A"], "member": ["maybe"]})), "yes or no"),
        (lambda: assessment_roll(ROW, WHOLE, levy=1, members=pd.DataFrame({"apn": []})), "is empty"),
    ]:
        with pytest.raises(AnalysisError, match=said):
            call()
    with pytest.raises(ValueError, match="Invalid method 'value'"):
        assessment_roll(ROW, WHOLE, levy=1, method="value")
    with pytest.raises(CRSError, match="in degrees"):
        assessment_roll(ROW.to_crs(4326), WHOLE.to_crs(4326), levy=1)
