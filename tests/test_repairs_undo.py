"""Undo puts back every bit, or refuses."""

import pytest
import shapely
from repair_lots import corner, lots, rings, wkb

from citygis.errors import StoreError
from citygis.repairs import repair, undo


@pytest.fixture(scope="module")
def done():
    block = rings()
    block[0][2] = (corner(1, 1)[0] + 0.05, corner(1, 1)[1])
    before = lots(block)
    return before, repair({"lot": before}, only="geometry", key="pid")


def test_a_log_without_edits_changes_nothing(done):
    before, mended = done
    assert undo({"lot": before}, mended.edits.iloc[:0])["lot"] is before


def test_attributes_that_changed_since_stay(done):
    before, mended = done
    since = mended.layers["lot"].assign(note="seen")
    back = undo({"lot": since}, mended.edits)["lot"]
    assert wkb(back) == wkb(before) and (back["note"] == "seen").all()


def test_a_geometry_that_somebody_changed_since_is_not_taken_away(done):
    mended = done[1]
    since = mended.layers["lot"].copy()
    since.loc[0, "geometry"] = shapely.box(0, 0, 1, 1)
    with pytest.raises(StoreError, match="the geometry of 1 is not the one that the repair made"):
        undo({"lot": since}, mended.edits)


def test_a_missing_layer_and_missing_rows_are_refused(done):
    mended = done[1]
    with pytest.raises(StoreError, match="tells of layer lot"):
        undo({"parcel": mended.layers["lot"]}, mended.edits)
    with pytest.raises(StoreError, match="has 0 rows"):
        undo({"lot": mended.layers["lot"].iloc[:0]}, mended.edits)
