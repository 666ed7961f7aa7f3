"""Lengths: every unit with its source, and nothing assumed."""

import pytest

from citygis.cogo.length import document_foot, length_ft, parse_length
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT


@pytest.mark.parametrize(
    ("text", "feet"),
    [
        ("1,519.75 feet", 1519.75),
        ("120.5'", 120.5),
        ("10' 6\"", 10.5),
        ("10 feet 6 inches", 10.5),
        ("1650 FT.", 1650),
        ("10 chains", 660),
        ("12 ch 45 lk", 12 * 66 + 45 * 0.66),
        ("1 chain, 1 rod", 82.5),
        ("100 links", 66),
        ("4 poles", 66),
        ("4 perches", 66),
        ("1200 m", 3937),
        ("1200 metres", 3937),
        ("1200 meters", 3937),
    ],
)
def test_units_of_old_and_new_maps(text, feet):
    assert parse_length(text) == pytest.approx(feet, abs=1e-9)


@pytest.mark.parametrize("text", ["15,00 feet", "1,5 feet", "1519,75'", "12,3456 ft"])
def test_a_comma_that_may_be_a_decimal_point_is_refused(text):
    with pytest.raises(ValueError, match="decimal point"):
        parse_length(text)


def test_a_number_has_no_unit_until_the_document_states_one():
    with pytest.raises(ValueError, match="unit"):
        parse_length("12.50")
    assert parse_length("12.50", unit="chain") == 825


def test_a_vara_is_what_the_document_says():
    with pytest.raises(ValueError, match="vara_in"):
        parse_length("50 varas")
    # San Francisco's 50-vara lot is 137.5 ft; Los Angeles County's vara is 2.781 ft.
    assert parse_length("50 varas", vara_in=33) == pytest.approx(137.5)
    assert parse_length("1 vara", vara_in=33.372) == pytest.approx(2.781)


@pytest.mark.parametrize("text", ["45 lk 12 ch", "10 ft 5 ft", "10 5 ft", "feet", "", "ten feet 5 horses", "10.5.5 feet"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(ValueError, match="Invalid length"):
        parse_length(text)


def test_the_two_feet_are_kept_apart():
    # 1,000,000 international feet are 2 US survey feet short.
    assert length_ft(1e6, "foot", document_foot=INTERNATIONAL_FOOT) == pytest.approx(999_998.0, abs=1e-6)
    assert length_ft(1.0, "metre", city_foot=INTERNATIONAL_FOOT) == pytest.approx(1 / 0.3048)
    with pytest.raises(ValueError, match="foot"):
        length_ft(1.0, "foot", document_foot=METRE)


def test_a_round_number_of_metres_tells_the_foot():
    # Station 100 of a survey set at 10,000 m: 10000 / 0.3048, where survey feet would give 32808.3333.
    assert document_foot([32808.39895013123, 412.7]) == INTERNATIONAL_FOOT
    assert document_foot([32808.33333333333, 412.7]) == US_SURVEY_FOOT


def test_contradicting_or_silent_numbers_tell_no_foot():
    assert document_foot([32808.39895, 32808.33333]) is None
    assert document_foot([6337536.079, 2122698.771, 0.0]) is None
    assert document_foot([32.80839895]) is None  # 10 m: the feet agree to a ten-thousandth
    assert document_foot([]) is None


def test_whole_feet_do_not_show_a_foot():
    # 12,500 international feet are 3,810 m exactly: 507 times that is an easting in the middle of the City.
    assert document_foot([12_500.0, 6_337_500.0, 5_012.34]) is None


def test_a_round_metre_among_thousands_of_coordinates_is_chance():
    many = [2_120_000.013 + 7.389 * n for n in range(6_000)]
    assert document_foot([*many, 20 / 0.3048 * 100_000]) is None
    assert document_foot([2_120_000.013, 20 / 0.3048 * 100_000]) == INTERNATIONAL_FOOT
