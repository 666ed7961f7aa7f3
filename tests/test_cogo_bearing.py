"""Bearings and azimuths: every spelling, from north and from south, written back as they were read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.cogo.bearing import (
    BEARING_STYLES,
    azimuth_after_deflection,
    azimuth_after_interior,
    compass_azimuth,
    format_azimuth,
    format_bearing,
    parse_bearing,
)


@pytest.mark.parametrize(
    "text",
    [
        "N 45°30'15\" E",
        "N45-30-15E",
        "N-45-30-15-E",
        "N 45 30 15 E",
        "NORTH 45°30'15\" EAST",
        "North 45 degrees 30 minutes 15 seconds East",
        "North forty-five degrees thirty minutes fifteen seconds East",
        "N. 45° 30′ 15″ E.",
        "N 45 DEG 30' 15\" E,",
        "N45%%d30'15\"E",
        "n45d30m15se",
    ],
)
def test_every_spelling_of_one_bearing_is_that_azimuth(text):
    assert parse_bearing(text) == pytest.approx(45 + 30 / 60 + 15 / 3600, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "azimuth"),
    [
        ("S 0 25 30 E", 180 - 25.5 / 60),
        ("S 88° W", 268),
        ("N 0°31'24\" W", 360 - 31.4 / 60),
        ("S0-31-26E", 180 - 31 / 60 - 26 / 3600),
        ("NORTH", 0),
        ("due East", 90),
        ("S", 180),
        ("WEST", 270),
        ("N 90° E", 90),
        ("S 90°00'00\" W", 270),
        ("S 0° W", 180),
    ],
)
def test_quadrants_and_cardinal_directions(text, azimuth):
    assert parse_bearing(text) == pytest.approx(azimuth, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    ["N 91° E", "N 280°13' E", "N 45°", "45° E", "E 45° N", "N 45.3015 E", "N 10 E 20 W", "", "Bearing", "S 280 13' 56\" E"],
)
def test_what_is_no_bearing_is_refused(text):
    with pytest.raises(ValueError, match="Invalid bearing"):
        parse_bearing(text)


def test_the_message_says_what_was_read_and_what_must_be():
    with pytest.raises(ValueError, match=r"Invalid bearing 'N 91° E'\. Must lie within 90° of north or south\."):
        parse_bearing("N 91° E")


def test_an_azimuth_is_not_read_until_its_origin_is_stated():
    with pytest.raises(ValueError, match="azimuth_from"):
        parse_bearing("225°00'00\"")
    assert parse_bearing("225°00'00\"", azimuth_from="north") == 225
    assert parse_bearing("225°00'00\"", azimuth_from="south") == 45


def test_azimuths_from_south_are_half_a_turn_off():
    assert parse_bearing("0", azimuth_from="south") == 180
    assert format_azimuth(45, azimuth_from="south") == "225°00'00\""


def test_packed_bearings_carry_their_quadrant():
    for quadrant, azimuth in ((1, 45.5), (2, 134.5), (3, 225.5), (4, 314.5)):
        assert parse_bearing(f"{quadrant}.4530", notation="packed") == pytest.approx(azimuth)
    with pytest.raises(ValueError, match="Must"):
        parse_bearing("5.4530", notation="packed")


@given(st.integers(0, 360 * 3600 * 10 - 1), st.sampled_from(BEARING_STYLES))
def test_writing_and_reading_bearings_are_inverses(tenths, style):
    azimuth = tenths / 36_000
    text = format_bearing(azimuth, style=style, decimals=1)
    read = parse_bearing(text, notation="packed" if style == "packed" else None)
    assert read == pytest.approx(azimuth, abs=1e-9)
    assert parse_bearing(format_bearing(read, style=style, decimals=1), notation="packed" if style == "packed" else None) == read


@given(st.integers(0, 360 * 3600 - 1), st.sampled_from(["north", "south"]))
def test_writing_and_reading_azimuths_are_inverses(seconds, origin):
    text = format_azimuth(seconds / 3600, azimuth_from=origin)
    assert parse_bearing(text, azimuth_from=origin) == pytest.approx(seconds / 3600, abs=1e-9)


def test_bearings_are_written_as_surveyors_do():
    assert [format_bearing(a) for a in (45.5, 134.5, 225.5, 314.5)] == [
        "N 45°30'00\" E",
        "S 45°30'00\" E",
        "S 45°30'00\" W",
        "N 45°30'00\" W",
    ]
    assert format_bearing(89.99999) == "N 90°00'00\" E"
    assert format_bearing(359.99999) == "N 0°00'00\" W"
    assert format_bearing(268, style="words") == "South 88 degrees 0 minutes 0 seconds West"
    assert format_bearing(268, style="deed") == "South 88°00'00\" West"


@pytest.mark.parametrize(
    ("word", "azimuth"),
    [
        ("southwesterly", 225),
        ("Northerly", 0),
        ("NE", 45),
        ("south-easterly", 135),
        ("west", 270),
        ("eastern", 90),
        ("northwestwardly", 315),
    ],
)
def test_words_are_eighths_of_the_circle(word, azimuth):
    assert compass_azimuth(word) == azimuth


def test_a_word_that_is_no_direction_is_refused():
    with pytest.raises(ValueError, match="direction word"):
        compass_azimuth("upwards")


def test_round_a_square_by_deflections_and_by_interior_angles():
    assert azimuth_after_deflection(350, 20) == 10
    assert azimuth_after_deflection(10, -20) == 350
    # Clockwise: north, then east. The other way round: north, then west.
    assert azimuth_after_interior(0, 90, clockwise=True) == 90
    assert azimuth_after_interior(0, 90, clockwise=False) == 270
