"""What is the number of a lot among the texts of a drawing."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.linework import LOT_PATTERNS, NOT_LOT_PATTERNS, LabelRules, lot_labels, lots
from citygis.readers.cad_layers import layer_profiles
from tests.drawings import linework, straight, texts


def labels(*words, **kwargs):
    return list(lot_labels(texts(*[(word, 0, 0) for word in words]), **kwargs)["label"])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("12", "12"),
        ("LOT 12", "12"),
        ("PARCEL 3", "3"),
        ("LOT NO. 12", "12"),
        ("LOT #4", "4"),
        ("LOT-7", "7"),
        ("#9", "9"),
        ("PARCEL A", "A"),
        ("lot  12a", "12A"),
        ("LOT A", "A"),
        ("LOT 1\n41,278 SF\n0.948 AC", "1"),
        ("PARCEL\n7", "7"),
        ("5.", "5"),
        ("LOT 5.", "5"),
        ("(5)", "5"),
        ("(12a)", "12A"),
        ("010", "010"),
    ],
)
def test_numbers_of_lots(text, label):
    assert labels(text) == [label]


@pytest.mark.parametrize(
    "text",
    [
        "41,278 S.F.",
        "0.948 AC",
        "N 45°30'15\" E 100.00'",
        "100.00'",
        "R=475.00",
        "IRVINE BOULEVARD",
        "A",
        "12345",
        "",
        "TRACT NO. 3456",
        "5.5",
        "(5",
        "(100.00')",
    ],
)
def test_areas_bearings_distances_and_streets_are_no_numbers(text):
    assert labels(text) == []


def test_land_that_is_not_a_part_is_known_as_that():
    found = lot_labels(texts(("NOT A PART", 0, 0), ("N.A.P.", 0, 0), ("5", 0, 0)))
    assert found["is_lot"].tolist() == [False, False, True]


def test_an_attribute_with_the_tag_of_a_number_needs_no_pattern():
    frame = texts(("A-1", 0, 0), ("A-1", 0, 0))
    frame["tag"] = ["LotNo", "OWNER"]
    assert list(lot_labels(frame)["label"]) == ["A-1"]


def test_a_city_may_say_what_a_number_looks_like():
    assert labels("P-12", "12", rules=LabelRules(lot=(r"P-(\d+)",))) == ["12"]


def test_a_number_with_an_arrow_is_that_of_where_the_arrow_points():
    lines = linework(straight((0, 0), (100, 0), (100, 100), (0, 100), (0, 0)), straight((100, 0), (103, 0), (103, 100), (100, 100)))
    names = texts(("1", 50, 50), ("LOT B", 150, 60))
    arrow = pd.DataFrame({"tip_easting": [101.5], "tip_northing": [50.0], "tail_easting": [140.0], "tail_northing": [60.0]})
    leaders = gpd.GeoDataFrame(arrow, geometry=[shapely.LineString([(101.5, 50), (140, 60)])])
    found = lots(lines, names, leaders=leaders)
    assert found.polygons.set_index("lot")["area_sqft"].to_dict() == pytest.approx({"1": 10000, "B": 300})
    without = lots(lines, names)
    assert "B" not in set(without.polygons["lot"].dropna())
    assert "W04" in set(without.findings["code"])


def test_a_multileader_points_for_its_own_text_however_long_its_landing():
    names = texts(("1", 50, 50), ("9", 150, 60))
    names["kind"] = ["TEXT", "MULTILEADER"]
    arrow = pd.DataFrame({"tip_easting": [70.0], "tip_northing": [20.0], "tail_easting": [52.0], "tail_northing": [50.0]})
    arrow["handle"] = names["handle"].iloc[1]
    leaders = gpd.GeoDataFrame(arrow, geometry=[shapely.LineString([(70, 20), (52, 50)])])
    found = lot_labels(names, leaders=leaders).set_index("label")
    assert found[["easting", "northing"]].loc["9"].tolist() == [70, 20] and not found.loc["1", "by_leader"]


def test_an_arrow_far_from_every_text_moves_none():
    names = texts(("1", 50, 50))
    arrow = pd.DataFrame({"tip_easting": [500.0], "tip_northing": [500.0], "tail_easting": [90.0], "tail_northing": [90.0]})
    assert lot_labels(names, leaders=gpd.GeoDataFrame(arrow))["by_leader"].tolist() == [False]


@pytest.mark.parametrize("name", ["la_county", "ncs"])
def test_the_profiles_that_ship_read_numbers_as_no_profile_does(name):
    rules = layer_profiles()[name].labels
    assert set(rules.lot) == set(LOT_PATTERNS) and set(rules.not_lots) == set(NOT_LOT_PATTERNS)


def test_numbers_that_only_zeros_tell_apart_are_told_and_kept():
    squares = linework(*(straight((e, 0), (e + 99, 0), (e + 99, 99), (e, 99), (e, 0)) for e in (0, 100, 200)))
    found = lots(squares, texts(("010", 50, 50), ("10", 150, 50), ("100", 250, 50)))
    assert set(found.polygons["lot"]) == {"010", "10", "100"}
    told = found.findings[found.findings["code"] == "W17"]
    assert told[["severity", "feature", "other"]].values.tolist() == [["review", "10", "010 and 10"]]
    alone = lots(squares, texts(("010", 50, 50), ("11", 150, 50), ("0", 250, 50)))
    assert "W17" not in set(alone.findings["code"])


def test_a_figure_without_a_number_shows_the_texts_that_stand_in_it():
    square = linework(straight((0, 0), (100, 0), (100, 100), (0, 100), (0, 0)))
    words = ("lot 4 8,800 SF", "A VERY LONG REMARK OF THE SURVEYOR\nON TWO LINES", "B", "C", "D")
    found = lots(square, texts(*((text, 50, 10 * n + 10) for n, text in enumerate(words)), ("ELSEWHERE", 500, 50)))
    message = found.findings.loc[found.findings["code"] == "W03", "message"].iloc[0]
    assert message.endswith('; its texts: "lot 4 8,800 SF", "A VERY LONG REMARK OF THE S...", "B" and 2 more.')
