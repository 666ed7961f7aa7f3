"""The rules, asked again."""

import numpy as np
import pytest
import shapely
from repair_lots import EAST, NORTH, lots, rings

from citygis.city import default_city
from citygis.quality.validation import findings_on, subjects_of
from citygis.repairs.aftermath import Aftermath
from citygis.repairs.grounds import grounds_of

CITY = default_city()


def asked(block, *, known, changed):
    """A repair that would give the first lot another ring: who is harmed, and the findings before."""
    subjects, _ = subjects_of({"lot": lots(block)}, city=CITY, only="geometry", key="pid")
    findings = findings_on(subjects, CITY, only="geometry", key="pid")
    grounds = grounds_of(subjects, CITY, are_measured=True)
    start = {"lot": grounds["lot"].shapes}
    state = {"lot": start["lot"].copy()}
    state["lot"][0] = shapely.Polygon(changed)
    aftermath = Aftermath(subjects, grounds, findings if known else None, start, city=CITY, only="geometry", key="pid")
    place = np.array([shapely.Point(EAST + 60, NORTH + 110)])
    return aftermath, aftermath.harm(state, {"lot": np.array([0])}, place), findings


@pytest.mark.parametrize("known", [True, False])
def test_an_overlap_that_would_be_new_harms_the_feature_that_changed(known):
    ring = rings()[0]
    ring[1], ring[2] = (ring[1][0] + 1, ring[1][1]), (ring[2][0] + 1, ring[2][1])
    _, harmed, _ = asked(rings(), known=known, changed=ring)
    assert {(layer, row) for layer, row, _ in harmed} == {("lot", 0)} and "would give a new finding" in harmed[0][2]


@pytest.mark.parametrize("known", [True, False])
def test_what_was_wrong_and_is_less_so_harms_nobody_and_does_not_stay(known):
    block = rings()
    block[0][1], block[0][2] = (block[0][1][0] + 2, block[0][1][1]), (block[0][2][0] + 2, block[0][2][1])
    aftermath, harmed, findings = asked(block, known=known, changed=rings()[0])
    assert harmed == [] and len(findings) > 0 and not aftermath.stays(findings).any()
    concerned, now = aftermath.settled(findings)
    assert concerned.all() and len(now) == 0
    narrower = [list(each) for each in block[0]]
    narrower[1][0] -= 1
    narrower[2][0] -= 1
    aftermath, harmed, findings = asked(block, known=known, changed=narrower)
    overlap = (findings["code"] == "T01").to_numpy()
    assert harmed == [] and not aftermath.stays(findings)[overlap].any()
    assert (aftermath.settled(findings)[1]["code"] == "T01").sum() == overlap.sum()
