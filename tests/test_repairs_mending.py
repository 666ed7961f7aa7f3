"""Planned, tried, and taken back where it does not hold."""

import numpy as np
import pytest
from repair_lots import corner, lots, ring_of, rings

from citygis.city import default_city
from citygis.quality.validation import findings_on, subjects_of
from citygis.repairs.evidence import evidence_of
from citygis.repairs.grounds import corners_of, grounds_of
from citygis.repairs.mending import mended
from citygis.repairs.work import OPERATIONS


def tried(harm, stays):
    block = rings()
    block[0][2] = (corner(1, 1)[0] + 0.05, corner(1, 1)[1])
    frame, city = lots(block), default_city()
    subjects, _ = subjects_of({"lot": frame}, city=city, only="geometry", key="pid")
    findings = findings_on(subjects, city, only="geometry", key="pid")
    grounds = grounds_of(subjects, city, are_measured=True)
    state = {"lot": grounds["lot"].shapes}
    evidence = evidence_of(findings, "lot", np.zeros(len(findings), dtype=bool), tolerance_ft=0.12)
    done = mended(
        grounds,
        state,
        "lot",
        evidence,
        corners=corners_of(subjects, grounds),
        tolerance_ft=0.12,
        operations=frozenset(OPERATIONS),
        harm=harm,
        stays=stays,
    )
    return frame, state["lot"], done


def nobody(state, touched, edited, around):
    return []


def none_stay(findings):
    return np.zeros(len(findings), dtype=bool)


def test_what_harms_nobody_is_done_and_logged_once():
    frame, before, done = tried(nobody, none_stay)
    assert ring_of(frame.assign(geometry=done.shapes["lot"]), 1) == rings()[0]
    assert done.log["operation"].tolist() == ["snap_corner"] and done.refused == {}
    assert all(now is was for now, was in zip(done.shapes["lot"][1:], before[1:], strict=True))


@pytest.mark.parametrize(
    ("harm", "stays", "why"),
    [
        (lambda state, touched, *_: [("lot", int(r), "a rule") for r in touched.get("lot", ())], none_stay, "a rule"),
        (nobody, lambda findings: np.ones(len(findings), dtype=bool), "it would not mend what was found"),
    ],
)
def test_what_harms_or_mends_nothing_is_taken_back_with_the_reason(harm, stays, why):
    _, before, done = tried(harm, stays)
    assert (done.shapes["lot"] == before).all() and len(done.log) == 0
    assert set(done.refused.values()) == {why}
