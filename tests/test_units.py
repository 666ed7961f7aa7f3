"""Units: the two feet stay apart to the last digit."""

from fractions import Fraction

import pytest

from citygis.errors import CRSError
from citygis.units import INTERNATIONAL_FOOT, METRE, SQFT_PER_ACRE, US_SURVEY_FOOT, require_feet, unit_of


def test_the_survey_foot_is_twelve_hundred_over_3937_metres_exactly():
    assert US_SURVEY_FOOT.metres == Fraction(1200, 3937)


def test_the_two_feet_differ_by_two_parts_per_million():
    assert US_SURVEY_FOOT.metres / INTERNATIONAL_FOOT.metres == Fraction(1_000_000, 999_998)


def test_an_acre_is_a_furlong_by_a_chain():
    assert SQFT_PER_ACRE == 660 * 66


@pytest.mark.parametrize(
    ("crs", "unit"),
    [(2227, US_SURVEY_FOOT), (6420, US_SURVEY_FOOT), (26943, METRE), (6419, METRE), (2222, INTERNATIONAL_FOOT)],
)
def test_the_unit_comes_from_the_coordinate_system(crs, unit):
    assert unit_of(crs) == unit


@pytest.mark.parametrize("crs", [None, 4326, 6318])
def test_no_unit_without_a_projected_system(crs):
    with pytest.raises(CRSError):
        unit_of(crs)


def test_metres_are_refused_where_feet_are_needed():
    with pytest.raises(CRSError, match="metres"):
        require_feet(26943)
    assert require_feet(2227) == US_SURVEY_FOOT
