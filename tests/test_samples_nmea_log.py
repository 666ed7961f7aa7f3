"""The rover of the sample day: what is planted in its log, and where its epochs lie."""

import functools
import operator
import re
from datetime import datetime
from functools import cache

import numpy as np
import pandas as pd
import pytest
from gps_truth import DAY, FOOT_M, POLE_FT, cases, height_ft, in_city_feet, marks, of

from citygis.samples.gps_day import ROVER_NMEA
from citygis.samples.nmea_log import degrees_minutes, sentence


@cache
def log() -> tuple[bytes, ...]:
    return tuple((DAY / ROVER_NMEA).read_bytes().split(b"\n"))


def gga(line: int) -> list[str]:
    """The fields of the GGA that begins on a line, counted from 1; checked to be one."""
    raw = log()[line - 1]
    text = raw[raw.index(b"$GNGGA") :].decode("latin-1")
    return text.partition("*")[0].split(",")


def degrees(text: str, half: str) -> float:
    head, minutes = text[: text.index(".") - 2], text[text.index(".") - 2 :]
    return (int(head) + float(minutes) / 60) * (-1 if half in "SW" else 1)


def checksum_is_right(raw: bytes) -> bool:
    body, _, stated = raw.strip().lstrip(b"$").partition(b"*")
    return bool(stated) and functools.reduce(operator.xor, body, 0) == int(stated, 16)


def test_a_sentence_of_the_standard_has_its_known_checksum():
    # gpsd, "NMEA Revealed": the example of GGA.
    text = "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
    assert sentence(text) == f"${text}*47\r\n".encode()


def test_minutes_that_round_up_to_sixty_become_a_degree():
    assert degrees_minutes(-121.2763333, width=3) == "12116.5799980"
    assert degrees_minutes(37.9999999999, width=2) == "3800.0000000"


def test_sentences_are_damaged_where_the_truth_says_and_nowhere_else():
    whole, wrong, cut = 0, [], []
    for number, raw in enumerate(log(), start=1):
        for piece in re.findall(rb"\$G[NP][A-Z]{3},[ -#%-~]*", raw):
            if not re.search(rb"\*[0-9A-F]{2}$", piece):
                cut.append(number)
            elif checksum_is_right(piece):
                whole += 1
            else:
                wrong.append(number)
    rejected = of(ROVER_NMEA)["rejected"]
    assert wrong == [case["line"] for case in cases(ROVER_NMEA, "bad_checksum")]
    assert cut == sorted(case["line"] for kind in ("cut_off", "not_text") for case in cases(ROVER_NMEA, kind))
    assert rejected == {"bad_checksum": len(wrong), "cut_off": len(cut) - 1, "not_text": 1}
    assert len(wrong) >= 5
    assert len(cut) >= 5
    assert whole == sum(count for kind, count in of(ROVER_NMEA)["records"].items() if kind != "damaged")


def test_bytes_of_other_protocols_stand_where_the_truth_says():
    lines = [number for number, raw in enumerate(log(), start=1) if re.search(rb"[\x80-\xff]{6}", raw)]
    assert lines == sorted(case["line"] for kind in ("binary", "not_text") for case in cases(ROVER_NMEA, kind))
    assert all(b"$" in log()[line - 1][4:] and b"*" in log()[line - 1] for line in lines)


def test_midnight_falls_within_an_occupation_and_the_date_follows():
    [midnight] = cases(ROVER_NMEA, "midnight_rollover")
    assert gga(midnight["line"])[1] == "000000.00"
    [over] = [o for o in of(ROVER_NMEA)["occupations"] if o["line"] < midnight["line"] < o["to_line"]]
    assert over["mark"] == "RIV-01"
    dates = [
        (row, raw.split(b",")[9]) for row, raw in enumerate(log(), start=1) if raw.startswith(b"$GNRMC") and raw.count(b",") > 12
    ]
    assert {date for row, date in dates if row < midnight["line"]} == {b"151026"}
    assert {date for row, date in dates if row > midnight["line"]} == {b"161026"}
    assert sum(b"GGA" in raw for raw in log()[: dates[0][0] - 1]) == 4, "three epochs without a date, then the first with one"


@pytest.mark.parametrize(("kind", "quality"), [("float", "5"), ("autonomous", "1"), ("sbas", "2")])
def test_a_period_of_another_fix_has_its_quality_from_first_line_to_last(kind, quality):
    [case] = cases(ROVER_NMEA, kind)
    numbered = enumerate(log(), start=1)
    inside = {gga(n)[6] for n, raw in numbered if case["line"] <= n <= case["to_line"] and b"$GNGGA" in raw}
    assert inside == {quality}
    fields = [gga(n)[6] for n, raw in enumerate(log(), start=1) if raw.startswith(b"$GNGGA") and raw.count(b",") == 14]
    assert fields.count(quality) == sum(
        1 for n, raw in enumerate(log(), start=1) if case["line"] <= n <= case["to_line"] and raw.startswith(b"$GNGGA")
    )


@cache
def fixes(line: int, to_line: int) -> pd.DataFrame:
    """The whole GGA of some lines in City feet, as if all were in NAD83(2011) at 2017.50; heights of the mark in feet."""
    rows = []
    for number in range(line, to_line + 1):
        raw = log()[number - 1]
        if b"$GNGGA" in raw and checksum_is_right(raw[raw.index(b"$GNGGA") :]):
            f = gga(number)
            height = (float(f[9]) + float(f[11])) / FOOT_M - POLE_FT
            rows.append((number, f[6], degrees(f[4], f[5]), degrees(f[2], f[3]), height))
    table = pd.DataFrame(rows, columns=["line", "quality", "lon", "lat", "height_ft"])
    table["height_ft"] = height_ft(table["height_ft"], years=7.5)
    table[["easting", "northing"]] = in_city_feet(table["lon"], table["lat"], years=7.5)
    return table


@pytest.mark.parametrize("number", range(11))
def test_fixed_epochs_of_an_occupation_lie_about_its_mark(number):
    stop = of(ROVER_NMEA)["occupations"][number]
    mark = marks()[stop["mark"]]
    table = fixes(stop["line"], stop["to_line"])
    thrown = {case["line"] for case in cases(ROVER_NMEA, "outlier")}
    away = np.hypot(table["easting"] - mark["easting"], table["northing"] - mark["northing"])
    fixed = (table["quality"] == "4") & ~table["line"].isin(thrown)
    assert fixed.sum() >= (0 if stop["fix"].get("FIXED") is None else 55)
    if fixed.any():
        good = table[fixed]
        assert np.hypot(good["easting"].mean() - mark["easting"], good["northing"].mean() - mark["northing"]) < 0.04
        assert abs(good["height_ft"].mean() - mark["ellipsoid_height_ft"]) < 0.06
        scatter = good[["easting", "northing"]].std()
        assert scatter.between(0.006, 0.03).all(), "neither perfect nor rough"
        assert good["easting"].autocorr(1) > 0.3, "errors last for seconds"
    assert (away[table["line"].isin(thrown)] > 0.45).all()
    assert table["line"].isin(thrown).sum() == stop["outliers"]


def test_floats_are_off_by_decimetres_and_autonomous_positions_by_the_datum_and_more():
    [floating], [alone] = cases(ROVER_NMEA, "float"), cases(ROVER_NMEA, "autonomous")
    stop = next(o for o in of(ROVER_NMEA)["occupations"] if o["fix"] == {"FLOAT": 60})
    assert floating["line"] < stop["line"] < stop["to_line"] < floating["to_line"]
    mark, table = marks()[stop["mark"]], fixes(stop["line"], stop["to_line"])
    away = np.hypot(table["easting"] - mark["easting"], table["northing"] - mark["northing"])
    assert 0.1 < away.median() < 1.5
    stop = next(o for o in of(ROVER_NMEA)["occupations"] if o["fix"].get("SINGLE"))
    mark, table = marks()[stop["mark"]], fixes(stop["line"], alone["to_line"])
    away = np.hypot(table["easting"] - mark["easting"], table["northing"] - mark["northing"])
    assert 2 < away.median() < 25


def test_two_occupations_of_one_mark_are_more_than_an_hour_apart():
    twice = [o for o in of(ROVER_NMEA)["occupations"] if o["mark"] == "RIV-07"]
    first, second = (datetime.fromisoformat(o["first_time"]) for o in twice)
    assert (second - first).total_seconds() > 3600
