"""A lot line adjustment: land moves between neighbours, and none is made or lost."""

import pytest
import shapely
from office_city import RECORD, change_of, line, parcels, whole

from citygis.operations import adjust_line, refusals

PAIR = ["191-010-11", "191-010-12"]


def test_the_line_moves_and_the_parcels_keep_number_and_identity():
    lots, beside = whole()
    done = adjust_line(lots, PAIR, line((50, -5), (50, 105)), record=RECORD, beside=beside)
    change = change_of(done)
    kept = change.updated[change.updated["apn_display"].isin(PAIR)]
    assert kept["calc_area_sqft"].tolist() == pytest.approx([5000, 7000])
    assert kept["global_id"].tolist() == lots["global_id"][:2].tolist() and not len(change.retired) and not len(change.added)
    assert kept["stated_area"].isna().all() and kept["legal_text"].isna().all() and kept["lot"].tolist() == ["11", "12"]
    assert abs(done.residual_sqft) < 1e-6 and refusals(done) == []


def test_lineage_says_which_ground_moved():
    done = adjust_line(parcels(), PAIR, line((50, -5), (50, 105)), record=RECORD)
    rows = {(r.parent, r.child): (r.share_parent, r.share_child) for r in done.change.lineage.itertuples()}
    one, two = parcels()["global_id"][:2]
    assert rows[one, one] == pytest.approx((5 / 6, 1.0)) and rows[one, two] == pytest.approx((1 / 6, 1 / 7))
    assert (two, one) not in rows and done.change.lineage["kind"].eq("lot_line_adjustment").all()
    assert change_of(done, "apn_history").added["change"].eq("LLA").all()


def test_a_bent_line_is_laid_as_it_is_drawn():
    done = adjust_line(parcels(), PAIR, line((60, -5), (60, 40), (70, 40), (70, 105)), record=RECORD)
    change = change_of(done).updated.set_index("apn_display")
    assert change.loc[PAIR, "calc_area_sqft"].tolist() == pytest.approx([6600, 5400])


def test_new_numbers_end_the_old_parcels():
    numbers = {"191-010-12": "191-010-92", "191-010-11": "191-010-91"}
    done = adjust_line(parcels(), PAIR, line((50, -5), (50, 105)), record=RECORD, new_apns=numbers)
    change = change_of(done)
    assert dict(zip(change.added["apn_display"], change.added["calc_area_sqft"].round(), strict=True)) == {
        "191-010-91": 5000,
        "191-010-92": 7000,
    }
    assert len(change.retired) == 2 and len(done.change.lineage) == 3


def test_three_parcels_take_the_pieces_that_are_mostly_theirs():
    done = adjust_line(
        parcels(),
        ["191-010-11", "191-010-12", "191-010-13"],
        [line((50, -5), (50, 105)), line((125, -5), (125, 105))],
        record=RECORD,
    )
    change = change_of(done).updated.set_index("apn_display")["calc_area_sqft"]
    assert change[["191-010-11", "191-010-12", "191-010-13"]].tolist() == pytest.approx([5000, 7500, 5500])


def test_the_old_line_ends_and_the_new_one_becomes_a_course_with_both_parcels():
    lots, beside = whole()
    done = adjust_line(lots, PAIR, line((50, -5), (50, 105)), record=RECORD, beside=beside)
    lines = change_of(done, "boundary_line")
    new = lines.added[lines.added["distance_ft"].round(6) == 100]
    assert len(new) == 1 and {new["left_parcel"].iloc[0], new["right_parcel"].iloc[0]} == set(lots["global_id"][:2])
    gone = beside["boundary_line"].set_index("global_id").loc[lines.retired["global_id"]]
    middle = shapely.Point(*line((60, 50), (60, 51)).coords[0])
    assert shapely.distance(gone.geometry.to_numpy(), middle).min() == 0


@pytest.mark.parametrize(
    ("apns", "new", "words"),
    [
        (PAIR, line((60, -5), (60, 105)), "where the line was"),
        (PAIR, line((-5, 50), (125, 50)), "not clear"),
        (PAIR, [line((50, -5), (50, 105)), line((70, -5), (70, 105))], "3 pieces"),
        (["191-010-11"], line((50, -5), (50, 105)), "two to 4"),
        (["191-010-11", "191-010-13"], line((50, -5), (50, 105)), "shares no line"),
    ],
)
def test_an_adjustment_that_is_none_is_refused(apns, new, words):
    with pytest.raises(ValueError, match=words):
        adjust_line(parcels(), apns, new, record=RECORD)


def test_new_numbers_must_be_given_for_each():
    with pytest.raises(ValueError, match="each of the parcels"):
        adjust_line(parcels(), PAIR, line((50, -5), (50, 105)), record=RECORD, new_apns={"191-010-11": "191-010-91"})
