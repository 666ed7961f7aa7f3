"""What could be mended, and what nothing speaks for."""

import numpy as np
import pytest
import shapely
from repair_lots import corner, lots, rings

from citygis.city import default_city
from citygis.quality.validation import findings_on, subjects_of
from citygis.repairs.evidence import OF_RECORD, evidence_of
from citygis.repairs.grounds import corners_of, grounds_of
from citygis.repairs.plan import Bans, measured, proposals
from citygis.repairs.work import OPERATIONS


def planned(block, *, against=False, bans=None, operations=OPERATIONS):
    city = default_city()
    subjects, _ = subjects_of({"lot": lots(block)}, city=city, only="geometry", key="pid")
    findings = findings_on(subjects, city, only="geometry", key="pid")
    ground = grounds_of(subjects, city, are_measured=True)["lot"]
    rows = np.arange(len(block))
    strips = findings["code"].isin(["T01", "T33"]).to_numpy(dtype=bool) & against
    return proposals(
        ground.shapes,
        rows,
        measured(ground.about.measured, tolerance_ft=0.12),
        evidence_of(findings, "lot", strips, tolerance_ft=0.12),
        accuracy_ft=ground.accuracy_ft(rows),
        frozen=ground.frozen,
        corners=corners_of(subjects, {"lot": ground}),
        tolerance_ft=0.12,
        bans=bans or Bans({}, {}, {}),
        operations=frozenset(operations),
    )


@pytest.fixture
def block():
    held = rings()
    held[0][2] = (corner(1, 1)[0] + 0.05, corner(1, 1)[1])
    return held


def test_a_corner_out_of_place_is_proposed_with_what_speaks_for_it(block):
    (row,) = planned(block)[0].to_dict("records")
    assert (row["operation"], row["row"]) == ("snap_corner", -1)
    assert (row["from_e"], row["from_n"]) == block[0][2] and (row["to_e"], row["to_n"]) == corner(1, 1)
    assert row["finding"] >= 0 and row["distance_ft"] == pytest.approx(0.05)


def test_what_is_not_wanted_or_banned_is_not_proposed(block):
    table, _ = planned(block)
    assert len(planned(block, operations=("remove_spike",))[0]) == 0
    banned = Bans({int(table["key"][0]): "it broke a rule"}, {}, {})
    assert block[0][2] not in set(zip(*planned(block, bans=banned)[0][["from_e", "from_n"]].to_numpy().T, strict=True))


def test_what_a_record_may_set_apart_is_banned_with_the_reason(block):
    bans = Bans({}, {}, {})
    table, change = planned(block, against=True, bans=bans)
    assert len(table) == 0 and len(change.moved_from) == 0
    assert set(bans.places.values()) == {OF_RECORD} and len(bans.findings) > 0


def test_a_spike_goes_with_its_feet_and_a_bend_stays():
    held = rings(1, 1)
    e, n = corner(0.5, 0)
    held[0][1:1] = [(e - 0.008, n), (e, n - 3), (e + 0.008, n)]
    table, _ = planned(held)
    assert set(table["operation"]) == {"remove_spike"} and len(table) == 3
    held[0][1] = (e - 0.008, n + 0.01)  # one foot is a bend in the line now
    assert (e - 0.008, n + 0.01) not in set(zip(*planned(held)[0][["from_e", "from_n"]].to_numpy().T, strict=True))
    assert shapely.is_valid(shapely.Polygon(rings(1, 1)[0]))
