"""Overlap, gap and cover as rules: kept, broken, exempt, and at their edge."""

import pytest
import shapely
from quality_layers import SOURCE, at, parcels, sound, street, tract

from citygis.quality import rules_not_judged, validate


def fabric(*shapes, **change):
    """Findings of the topology rules where the parcels are these."""
    layers = {**sound(), "parcel": parcels(*shapes).assign(**change)}
    findings = validate(layers)
    assert not findings["code"].str.startswith("A").any()
    return findings


def lots(*widths_of_gap):
    """Four lots whose neighbours stand apart by these (or, if negative, overlap)."""
    shapes = [at(60 * i, 0, 60, 110) for i in range(4)]
    for i, gap in enumerate(widths_of_gap):
        shapes[i] = at(60 * i, 0, 60 - gap, 110)
    return shapes


def test_a_sound_fabric_has_no_findings():
    assert validate(sound()).empty


@pytest.mark.parametrize(("overlap", "expected"), [(0.005, 0), (0.01, 1), (0.5, 1)])
def test_parcels_may_not_overlap_by_a_hundredth(overlap, expected):
    found = fabric(*lots(-overlap))
    # Under the tolerance of the ground the corners are still not the same: for review, at both ends of the line.
    assert found["code"].tolist() == (["T01"] if expected else ["T31", "T31"])
    if expected:
        row = found.iloc[0]
        # No courses are given: what is narrower than the two were surveyed may be drafting, and a person decides.
        assert row["severity"] == ("error" if overlap > 0.1 else "review")
        assert (row["feature"], row["other"]) == ("191-190-70", "191-190-71")
        assert row["measure"] == pytest.approx(overlap, rel=0.02)
        assert (row["unit"], row["tolerance"]) == ("ft", 0.01)
        assert row["source_ref"] == "county.shp/parcels#1"
        assert row["geometry"].area == pytest.approx(overlap * 110)
        assert row["message"].startswith("191-190-70 and 191-190-71 overlap")


def test_a_long_overlap_thinner_than_the_tolerance_is_for_review():
    long = [at(0, 0, 400, 100), at(0, 99.995, 400, 100)]  # 0.005 ft by 400 ft is 2 sq ft
    found = validate(parcels(*long), "parcel")
    assert found[["code", "severity"]].values.tolist() == [["T01", "review"]]


def test_a_parent_is_said_to_lie_under_its_children():
    found = fabric(*lots(), at(0, 0, 120, 110))
    assert found["code"].tolist() == ["T01", "T01"]
    assert found["message"].str.contains("lie one on the other").all()


def test_a_retired_parent_is_no_overlap():
    frame = parcels(*lots(), at(0, 0, 120, 110))
    frame.loc[4, ["status", "retired_by_record"]] = ["RETIRED", SOURCE]
    assert validate({**sound(), "parcel": frame}).empty


def test_a_proposal_may_lie_on_what_it_would_replace_but_not_on_another():
    frame = parcels(*lots(), at(0, 0, 120, 110), at(60, 0, 120, 110))
    frame.loc[4, "status"] = "PROPOSED"
    frame.loc[5, "status"] = "PROPOSED"
    found = validate({**sound(), "parcel": frame})
    assert found[["code", "feature", "other"]].values.tolist() == [["T01", "191-190-74", "191-190-75"]]


@pytest.mark.parametrize(("gap", "expected"), [(0.0496, 0), (0.05, 1), (3.0, 1)])
def test_a_gap_in_a_tract_is_found_though_it_opens_onto_the_street(gap, expected):
    found = fabric(*lots(gap))
    assert found["code"].tolist() == (["T02"] if expected else ["T33"])
    if expected:
        row = found.iloc[0]
        assert row["severity"] == ("error" if gap > 0.1 else "review")  # as above
        assert (row["layer"], row["feature"]) == ("tract", "3021")
        assert row["measure"] == pytest.approx(gap, rel=0.02)
        assert row["geometry"].equals_exact(at(60 - gap, 0, gap, 110), 1e-6) or row["geometry"].area == pytest.approx(gap * 110)


def test_without_the_street_only_what_is_narrower_than_one_is_an_error():
    layers = {"parcel": parcels(*lots(0.5)), "tract": tract()}
    found = validate(layers)
    # The sliver runs into the street, so they are one piece of open ground, as wide as the street; between the lots it is narrow.
    assert found[["code", "severity"]].values.tolist() == [["T02", "review"], ["T33", "review"]]
    assert "no right_of_way was given" in found["message"][0]
    assert found["measure"][1] == pytest.approx(0.5, rel=0.01)


def test_a_gap_beside_a_broken_parcel_waits_until_it_is_mended():
    ring = shapely.get_coordinates(lots()[1])[[0, 2, 1, 3, 0]]
    found = fabric(lots()[0], shapely.Polygon(ring), *lots()[2:])
    assert found["code"].tolist() == ["G03"]


@pytest.mark.parametrize(("reach", "expected"), [(0.09, 0), (0.11, 1)])
def test_a_parcel_may_not_reach_a_tenth_out_of_its_tract(reach, expected):
    found = fabric(*lots()[:3], at(180, 0, 60 + reach, 110))
    assert found["code"].tolist() == ["T07"] * expected
    if expected:
        assert found[["feature", "other"]].values.tolist() == [["191-190-73", "3021"]]
        assert found["measure"][0] == pytest.approx(reach)


def test_a_parcel_that_strayed_out_of_the_world_is_told_once():
    swapped = shapely.transform(at(900, 900, 60, 110), lambda c: c[:, ::-1])
    assert fabric(*lots(), swapped)["code"].tolist() == ["G06"]


def test_a_parcel_of_no_tract_may_lie_anywhere():
    assert fabric(*lots(), at(900, 900, 60, 110), tract_id=None)["rule"].tolist() == ["landlocked", "no_tract_named"]


def test_a_link_is_read_in_either_case():
    assert fabric(*lots(), tract_id=tract()["global_id"][0].upper()).empty


def test_rules_that_lack_a_layer_are_told():

    def told(**layers):
        return [item for item in rules_not_judged(layers) if item.code in ("T01", "T02", "T07")]

    assert [(item.code, item.layer) for item in told(parcel=parcels())] == [("T07", "parcel")]
    assert "tract" in told(parcel=parcels())[0].because
    assert [item.code for item in told(tract=tract(), right_of_way=street())] == ["T02"]
    assert not validate({"tract": tract(), "right_of_way": street()})["code"].eq("T02").any()
    assert told(**sound()) == []
    assert [item.code for item in told(tract=tract(), parcel=parcels().drop(columns="tract_id"))] == ["T07"]


def test_streets_may_overlap_only_for_review():
    frame = street()
    frame = frame.loc[[0, 0]].reset_index(drop=True)
    frame["row_id"] = ["R1", "R2"]
    frame["global_id"] = [SOURCE, tract()["global_id"][0]]
    frame.geometry = [at(0, -50, 240, 50), at(200, -50, 240, 50)]
    found = validate(frame, "right_of_way")
    assert found[["code", "severity"]].values.tolist() == [["T01", "review"]]
