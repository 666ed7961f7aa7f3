"""A merger: one parcel with the ground of all, and no value lost without a question."""

import numpy as np
import pandas as pd
import pytest
import shapely
from office_city import RECORD, change_of, ground, line, parcels, whole

from citygis.operations import merge, refusals, split

NEW = "191-010-95"


def test_the_ground_is_that_of_the_parents_and_no_corner_is_lost():
    lots = parcels()
    done = merge(lots, ["191-010-11", "191-010-12"], NEW, record=RECORD)
    (child,) = change_of(done).added.geometry
    assert child.area == 12000 and done.residual_sqft == 0
    before = {tuple(c) for shape in lots.geometry[:2] for c in shapely.get_coordinates(shape).tolist()}
    assert {tuple(c) for c in shapely.get_coordinates(child).tolist()} == before
    assert done.change.lineage["kind"].tolist() == ["merge"] * 2
    assert done.change.lineage["share_child"].tolist() == pytest.approx([0.5, 0.5])
    assert set(change_of(done).retired["global_id"]) == set(lots["global_id"][:2])


def test_what_the_parents_say_differently_is_asked_and_stands_in_the_way():
    lots, beside = whole()
    lots.loc[1, "zoning_code"] = "C-1"
    done = merge(lots, ["191-010-11", "191-010-12"], NEW, record=RECORD, beside=beside)
    asked = done.carried[done.carried["said"] == "asked"]
    assert set(asked["field"]) == {"zoning_code", "situs_text", "situs_id"}
    assert len(refusals(done)) == 3
    said = {NEW: {"zoning_code": "C-1", "situs_text": "100 FIRST ST", "situs_id": lots["situs_id"][0]}}
    done = merge(lots, ["191-010-11", "191-010-12"], NEW, record=RECORD, beside=beside, values=said)
    assert refusals(done) == []
    assert change_of(done).added["zoning_code"].tolist() == ["C-1"]


def test_addresses_and_the_course_between_are_brought_into_line():
    lots, beside = whole()
    done = merge(lots, ["191-010-11", "191-010-12"], NEW, record=RECORD, beside=beside)
    assert change_of(done, "address_point").updated["apn"].tolist() == ["19101095"] * 2
    lines = change_of(done, "boundary_line")
    assert len(lines.retired) == 1 and not len(lines.added)
    ids = set(lines.updated["left_parcel"].dropna()) | set(lines.updated["right_parcel"].dropna())
    assert change_of(done).added["global_id"].iloc[0] in ids and not ids & set(lots["global_id"][:2])
    assert not len(done.findings)


def test_parcels_that_meet_in_a_corner_or_across_the_street_are_not_joined():
    with pytest.raises(ValueError, match="shares no line"):
        merge(parcels(), ["191-010-11", "191-010-13"], NEW, record=RECORD)
    with pytest.raises(ValueError, match="shares no line"):
        merge(parcels(), ["191-010-11", "191-010-21"], NEW, record=RECORD)
    corner = parcels()
    corner.loc[1, "geometry"] = ground(60, 100, 120, 160)
    with pytest.raises(ValueError, match="shares no line"):
        merge(corner, ["191-010-11", "191-010-12"], NEW, record=RECORD)


def test_parcels_that_overlap_are_not_joined():
    lots = parcels()
    lots.loc[1, "geometry"] = ground(59, 0, 120, 100)
    with pytest.raises(ValueError, match="overlap"):
        merge(lots, ["191-010-11", "191-010-12"], NEW, record=RECORD)


def test_a_gap_of_a_hundredth_is_told_with_its_width():
    lots = parcels()
    lots.loc[1, "geometry"] = ground(60.012, 0, 120, 100)
    with pytest.raises(ValueError, match=r"0\.012 ft away"):
        merge(lots, ["191-010-11", "191-010-12"], NEW, record=RECORD)


def test_one_parcel_is_no_merger_and_a_parents_number_is_not_used_again():
    with pytest.raises(ValueError, match="two parcels"):
        merge(parcels(), ["191-010-11"], NEW, record=RECORD)
    with pytest.raises(ValueError, match="not recycled"):
        merge(parcels(), ["191-010-11", "191-010-12"], "191-010-11", record=RECORD)


def test_the_accuracy_is_that_of_the_worst():
    lots = parcels()
    lots["h_accuracy_ft"] = np.arange(len(lots)) + 1.0
    child = change_of(merge(lots, ["191-010-13", "191-010-12"], NEW, record=RECORD)).added
    assert child["h_accuracy_ft"].tolist() == [3.0]
    lots.loc[1, "h_accuracy_ft"] = np.nan
    assert change_of(merge(lots, ["191-010-13", "191-010-12"], NEW, record=RECORD)).added["h_accuracy_ft"].isna().all()


def test_a_parcel_is_joined_with_one_that_has_a_corner_the_other_lacks():
    lots = parcels()
    halves = split(lots, "191-010-11", line((-5, 50), (65, 50)), ["191-010-91", "191-010-92"], record=RECORD)
    change = change_of(halves)
    lots = lots[~lots["global_id"].isin(change.retired["global_id"])]  # the neighbour is left without the new corner
    together = change.added[lots.columns]
    lots = pd.concat([lots, together], ignore_index=True)
    child = change_of(merge(lots, ["191-010-91", "191-010-12", "191-010-92"], NEW, record=RECORD)).added.geometry.iloc[0]
    assert child.area == pytest.approx(12000, abs=1e-6) and not len(child.interiors)
