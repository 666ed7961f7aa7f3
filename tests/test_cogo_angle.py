"""Angles in every notation: read and written as inverses, and what is ambiguous refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.angle import ANGLE_STYLES, dms, format_angle, parse_angle, parse_deflection
from citygis.cogo.bearing import parse_bearing
from citygis.cogo.length import parse_length
from citygis.cogo.plss import Aliquot, parse_aliquot


@pytest.mark.parametrize(
    "text",
    [
        "45°30'15\"",
        "45° 30' 15\"",
        "45º30′15″",
        "45°30’15’’",
        "45%%d30'15\"",
        "45-30-15",
        "45 30 15",
        "45:30:15",
        "45d30m15s",
        "45 DEG 30' 15\"",
        "45 degrees 30 minutes 15 seconds",
        "45 degrees, 30 minutes, 15 seconds",
        "forty-five degrees thirty minutes fifteen seconds",
        "45°30'15.000\"",
    ],
)
def test_every_spelling_of_one_angle_is_that_angle(text):
    assert parse_angle(text) == pytest.approx(45 + 30 / 60 + 15 / 3600, abs=1e-12)


def test_packed_degrees_are_not_decimal_degrees():
    # Civil 3D writes 359°59'58" as 359.5958.
    assert parse_angle("359.5958", notation="packed") == pytest.approx(360 - 2 / 3600, abs=1e-12)
    assert parse_angle("359.5958", notation="decimal") == 359.5958
    assert parse_angle("186.1700", notation="packed") == pytest.approx(186 + 17 / 60, abs=1e-12)
    assert parse_angle("186.17", notation="packed") == pytest.approx(186 + 17 / 60, abs=1e-12)
    assert parse_angle("45.301525", notation="packed") == pytest.approx(45 + 30 / 60 + 15.25 / 3600, abs=1e-12)


def test_a_bare_decimal_needs_its_notation():
    with pytest.raises(ValueError, match=r"as packed DD\.MMSS and as decimal degrees it is two angles"):
        parse_angle("45.3015")


def test_decimals_that_cannot_be_packed_are_refused_as_packed():
    with pytest.raises(ValueError, match="less than 60 minutes"):
        parse_angle("45.7500", notation="packed")


def test_a_right_angle_is_a_hundred_gons():
    assert parse_angle("100", notation="gon") == 90
    assert format_angle(90, style="gon", decimals=2) == "100.00"


@pytest.mark.parametrize("text", ["1° 60'", "1°60'00\"", "1-75-00", "10°10'61\""])
def test_sixty_minutes_are_refused(text):
    with pytest.raises(ValueError, match="60"):
        parse_angle(text)


def test_sixty_seconds_that_a_program_did_not_carry_are_carried():
    assert parse_angle("45°59'60\"") == 46


@pytest.mark.parametrize("text", ["280 13' 56\"", "70 01'", "130 12' 38\""])
def test_a_ring_scanned_as_a_zero_is_refused_not_read_as_hundreds_of_degrees(text):
    with pytest.raises(ValueError, match="degree mark"):
        parse_angle(text)


@pytest.mark.parametrize("text", ["", "abc", "45.5°30'", "45°30.5'15\"", "12 13 14 15", "5,5°", "nan", "1e5"])
def test_what_is_no_angle_is_refused(text):
    with pytest.raises(ValueError, match="Invalid angle"):
        parse_angle(text)


def test_a_minus_belongs_to_the_whole_angle():
    assert parse_angle("-0°28'30\"") == pytest.approx(-0.475)
    assert format_angle(-0.475) == "-0°28'30\""


@pytest.mark.parametrize(
    ("angle", "written"), [(59 / 60 + 59.9996 / 3600, "1°00'00\""), (89.99999, "90°00'00\""), (45.9999999, "46°00'00\"")]
)
def test_sixty_is_never_written(angle, written):
    assert format_angle(angle) == written


@given(st.floats(0, 720), st.integers(0, 4))
def test_no_part_ever_rounds_up_to_sixty(angle, decimals):
    _, minutes, seconds = dms(angle, decimals=decimals)
    assert minutes < 60
    assert float(seconds) < 60


@given(st.integers(-360 * 3600 * 100, 360 * 3600 * 100), st.sampled_from(ANGLE_STYLES))
def test_writing_and_reading_are_inverses(hundredths, style):
    angle = hundredths / 360_000
    notation = style if style in ("packed", "decimal", "gon") else None
    text = format_angle(angle, style=style, decimals=9 if style in ("decimal", "gon") else 2)
    assert parse_angle(text, notation=notation) == pytest.approx(angle, abs=2e-9)
    # And what is read is written the same.
    assert format_angle(parse_angle(text, notation=notation), style=style, decimals=9 if style in ("decimal", "gon") else 2) == text


@given(
    st.text(alphabet="0123456789 .,-°'\"NSEWnsew dmsRLT½¼/()abchklftovy%²٣", max_size=40), st.sampled_from([None, "packed", "gon"])
)
@settings(max_examples=400)
def test_any_text_is_an_angle_or_a_value_error(text, notation):
    readers = (
        lambda: parse_angle(text, notation=notation),
        lambda: parse_bearing(text, notation=notation),
        lambda: parse_bearing(text, notation=notation, azimuth_from="south"),
        lambda: parse_deflection(text, notation=notation),
        lambda: parse_length(text, vara_in=33),
        lambda: parse_aliquot(text),
    )
    for read in readers:
        try:
            found = read()
        except ValueError as error:
            assert "Must" in str(error)
        else:
            assert isinstance(found, Aliquot) or math.isfinite(found)


@pytest.mark.parametrize("text", ["N" + "1 " * 100_000, "9" * 200_000, "N 1/2 " * 50_000, "'" * 100_000])
def test_endless_text_is_refused_at_once(text):
    for read in (parse_angle, parse_bearing, parse_length, parse_deflection, parse_aliquot):
        with pytest.raises(ValueError, match="characters"):
            read(text)


def test_deflections_are_positive_to_the_right():
    assert parse_deflection("12°30' RT") == 12.5
    assert parse_deflection("left 4-30-00") == -4.5
    with pytest.raises(ValueError, match="which way"):
        parse_deflection("12°30'")


@pytest.mark.parametrize("bad", [{"style": "roman"}, {"angle_deg": float("nan")}])
def test_angles_that_cannot_be_written_are_refused(bad):
    with pytest.raises(ValueError, match="Must"):
        format_angle(**({"angle_deg": 1.0} | bad))
