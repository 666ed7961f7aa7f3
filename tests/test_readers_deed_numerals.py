"""Angles and numbers as scanners leave them: what they are, and what cannot be known."""

import pytest

from citygis.readers.deed.numerals import read_angle, read_number


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("28°13'56\"", 28 + 13 / 60 + 56 / 3600),
        ("88 degrees", 88),
        ("01 degree 51 minutes 56 seconds", 1 + 51 / 60 + 56 / 3600),
        ("0 DEG 31' 26\"", 31 / 60 + 26 / 3600),
        ("45-30-15", 45.5 + 15 / 3600),
        ("45 30 15", 45.5 + 15 / 3600),
        ("89°05'", 89 + 5 / 60),
        ("45.5°", 45.5),
        ("280 13' 56\"", 28 + 13 / 60 + 56 / 3600),
        ("59027' 21\"", 59 + 27 / 60 + 21 / 3600),
        ("230 OS' DO\"", 23 + 5 / 60),
        ("S70 01' 18\"", 57 + 1 / 60 + 18 / 3600),
        ("53 0 42'28\"", 53 + 42 / 60 + 28 / 3600),
        ("42°16'22'", 42 + 16 / 60 + 22 / 3600),
        ("89*21'10\"", 89 + 21 / 60 + 10 / 3600),
        ('55005147"', 55 + 5 / 60 + 47 / 3600),
    ],
)
def test_an_angle_of_a_bearing_is_read(text, degrees):
    assert read_angle(text, most_deg=90).degrees == pytest.approx(degrees, abs=1e-9)


def test_a_ring_read_as_zero_is_told_from_the_size_of_the_angle():
    angle = read_angle("280 13' 56\"", most_deg=90)
    assert angle.ring is True
    assert angle.rules == ("ring read as 0",)


def test_two_readings_are_none_until_the_document_tells():
    assert read_angle("40 17' 11\"", most_deg=90).degrees is None
    assert read_angle("40 17' 11\"", most_deg=90, ring_as_zero=True).degrees == pytest.approx(4 + 17 / 60 + 11 / 3600)
    assert read_angle("40 17' 11\"", most_deg=90, ring_as_zero=False).degrees == pytest.approx(40 + 17 / 60 + 11 / 3600)


def test_two_dots_are_degrees_minutes_and_seconds_and_one_is_asked_for():
    assert read_angle("45.30.15", most_deg=90).degrees == pytest.approx(45.5 + 15 / 3600)
    assert read_angle("45.3015", most_deg=90).degrees is None
    assert read_angle("45.3015", most_deg=90, notation="packed").degrees == pytest.approx(45.5 + 15 / 3600)
    assert read_angle("45.3015", most_deg=90, notation="decimal").degrees == pytest.approx(45.3015)


def test_sixty_seconds_carry_and_sixty_minutes_are_refused():
    assert read_angle("59°59'60\"", most_deg=90).degrees == pytest.approx(60)
    assert read_angle("1°60'00\"", most_deg=90).degrees is None
    assert read_angle("89°61'", most_deg=90).degrees is None


def test_more_than_a_quadrant_is_refused_in_a_bearing_only():
    assert read_angle("98°12'00\"", most_deg=90).degrees is None
    assert read_angle("98°12'00\"", most_deg=360).degrees == pytest.approx(98.2)


def test_a_second_that_lost_a_digit_is_illegible():
    assert read_angle("89°09 2.", most_deg=90).degrees is None


@pytest.mark.parametrize(
    ("text", "value", "rules"),
    [
        ("1,519.75", 1519.75, ()),
        ("15,00", 15.0, ("comma for point",)),
        ("120,00", 120.0, ("comma for point",)),
        ("12,345", 12345.0, ()),
        ("454.41.", 454.41, ()),
        ("1O5.0l", 105.01, ("letter for digit",)),
        ("1.519.75", 1519.75, ("point for comma",)),
        ("5 1/2", 5.5, ()),
    ],
)
def test_a_number_is_read(text, value, rules):
    number = read_number(text)
    assert number.value == pytest.approx(value)
    assert number.rules == rules


@pytest.mark.parametrize("text", ["18~.50", "7.14.48", "1,2,3.5", "5 1/0"])
def test_a_number_with_an_illegible_place_is_none(text):
    assert read_number(text).value is None


def test_the_last_place_of_a_number_is_known():
    assert read_number("47.1").half == pytest.approx(0.05)
    assert read_number("120").half == pytest.approx(0.5)
    assert read_angle("65°02'", most_deg=90).half_s == pytest.approx(30)
