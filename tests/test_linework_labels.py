"""What is the number of a lot among the texts of a drawing."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.linework import LabelRules, lot_labels, lots
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
