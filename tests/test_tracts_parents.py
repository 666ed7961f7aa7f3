"""What a tract does to the parcels under it."""

import geopandas as gpd
import pytest
import shapely

from citygis.tracts.parents import covered_parcels, parents_of

CRS = "EPSG:6420"
BOX = shapely.box(0, 0, 200, 100)


def frame(shapes, **columns):
    return gpd.GeoDataFrame(
        {"status": "ACTIVE", "source_id": "old", "retired_by_record": None, **columns}, geometry=shapes, crs=CRS
    )


def parcels(*shapes, status="ACTIVE"):
    names = [f"{n}" for n in range(1, len(shapes) + 1)]
    return frame(list(shapes), apn=names, apn_display=names, status=status)


def children(*shapes):
    return gpd.GeoDataFrame({"apn": [f"T1-{n}" for n in range(1, len(shapes) + 1)]}, geometry=list(shapes), crs=CRS)


def run(held, made, *, retire=True, tract=BOX):
    return parents_of(tract, made, held, source_id="new", retire=retire, crs=CRS)


def codes(found):
    return dict(zip(found.findings["code"], found.findings["severity"], strict=True))


def test_parents_are_retired_by_the_record_and_their_children_keep_the_line():
    held = {"parcel": parcels(shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100))}
    found = run(held, children(shapely.box(0, 0, 50, 100), shapely.box(50, 0, 150, 100), shapely.box(150, 0, 200, 100)))
    assert found.retired[["apn", "status", "retired_by_record"]].to_numpy().tolist() == [
        ["1", "RETIRED", "new"],
        ["2", "RETIRED", "new"],
    ]
    history = found.history.set_index(["old_apn", "new_apn"])
    assert history["area_share"].to_dict() == {
        ("1", "T1-1"): pytest.approx(0.5),
        ("1", "T1-2"): pytest.approx(0.5),
        ("2", "T1-2"): pytest.approx(0.5),
        ("2", "T1-3"): pytest.approx(0.5),
    }
    assert history["change"].tolist() == ["SPLIT", "MERGE", "MERGE", "SPLIT"]
    assert codes(found) == {"N13": "info"}


def test_without_being_told_to_nothing_is_retired_and_the_parent_stands_against_the_tract():
    found = run({"parcel": parcels(shapely.box(0, 0, 200, 100))}, children(BOX), retire=False)
    assert len(found.retired) == len(found.history) == 0
    assert codes(found) == {"N13": "error"}


def test_a_parcel_covered_in_part_is_not_retired_and_its_remainder_is_told():
    found = run({"parcel": parcels(shapely.box(0, 0, 400, 100))}, children(BOX))
    assert len(found.retired) == 0
    assert codes(found) == {"N14": "error"}
    assert "takes 20,000 sq ft (50.0%) of parcel 1 and leaves 20,000 sq ft" in found.findings["message"].iloc[0]


@pytest.mark.parametrize(("share", "is_retired"), [(0.9899, False), (0.9901, True)])
def test_ninety_nine_hundredths_make_a_parent(share, is_retired):
    found = run({"parcel": parcels(shapely.box(0, 0, 200 / share, 100))}, children(BOX))
    assert (len(found.retired) == 1) is is_retired


def test_a_neighbour_that_shares_a_line_or_a_hair_of_ground_is_no_parent():
    held = {"parcel": parcels(shapely.box(200, 0, 300, 100), shapely.box(-100, 0, 0.03, 100))}
    found = run(held, children(BOX))
    assert len(found.findings) == len(found.retired) == 0


def test_retired_parcels_and_the_tracts_own_are_passed_over():
    own = parcels(shapely.box(0, 0, 200, 100)).assign(apn="T1-1")
    assert len(run({"parcel": own}, children(BOX)).findings) == 0
    gone = parcels(shapely.box(0, 0, 200, 100), status="RETIRED")
    assert len(run({"parcel": gone}, children(BOX)).findings) == 0
    assert covered_parcels(BOX, gone) == []


def test_the_rows_of_the_city_are_not_modified():
    held = parcels(shapely.box(0, 0, 200, 100))
    run({"parcel": held}, children(BOX))
    assert held["status"].tolist() == ["ACTIVE"]


def test_an_earlier_tract_on_the_ground_is_for_a_person_to_look_at():
    earlier = frame([shapely.box(100, 0, 300, 100)], tract_no=["3001"])
    found = run({"tract": earlier}, children(BOX))
    assert codes(found) == {"N15": "review"}
    assert found.findings["measure"].tolist() == [pytest.approx(10_000)]
