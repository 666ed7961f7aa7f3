"""Slips of the pen: each undone by one of the values that are tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.cogo.angle import parse_angle
from citygis.cogo.slip import SLIPS, angle_slips, length_slips


@pytest.mark.parametrize(
    ("stated", "meant", "kind"),
    [
        (120.54, 120.45, "transposed"),
        (210.45, 120.45, "transposed"),
        (124.05, 120.45, "transposed"),
        (20.45, 120.45, "slipped"),
        (1204.5, 120.45, "slipped"),
        (120.95, 120.45, "digit"),
        (12.45, 120.45, "digit_dropped"),
        (120.40, 120.45, "digit"),
        (1120.45, 120.45, "slipped"),
        (1220.45, 120.45, "digit_added"),
    ],
)
def test_slips_in_lengths(stated, meant, kind):
    assert (kind, meant) in [(k, round(v, 9)) for k, v in length_slips(stated)]


@pytest.mark.parametrize(
    ("stated", "meant", "kind"),
    [
        ("54-12-30", "45-12-30", "transposed"),
        ("45-21-30", "45-12-30", "transposed"),
        ("12-45-30", "45-12-30", "parts_exchanged"),
        ("46-12-30", "45-12-30", "slipped"),
        ("45-42-30", "45-12-30", "slipped"),
        ("45-12-38", "45-12-30", "digit"),
        ("5-12-30", "45-12-30", "digit_dropped"),
        ("4-12-30", "45-12-30", "digit_dropped"),
    ],
)
def test_slips_in_angles(stated, meant, kind):
    found = [(k, round(v * 3600)) for k, v in angle_slips(parse_angle(stated))]
    assert (kind, round(parse_angle(meant) * 3600)) in found


@given(st.integers(0, 90 * 3600))
def test_no_slip_is_the_value_itself_or_comes_twice_or_leaves_the_quadrant(seconds):
    found = [round(value * 3600) for _, value in angle_slips(seconds / 3600)]
    assert seconds not in found
    assert len(found) == len(set(found))
    assert all(0 <= value <= 90 * 3600 for value in found)


@given(st.integers(1, 9_999_999))
def test_lengths_stay_positive_and_different(hundredths):
    found = [round(value * 1e4) for _, value in length_slips(hundredths / 100)]
    assert hundredths * 100 not in found
    assert all(value > 0 for value in found)


def test_every_kind_that_is_given_is_explained():
    kinds = {k for k, _ in angle_slips(45.2)} | {k for k, _ in length_slips(120.45)}
    assert kinds <= set(SLIPS)
