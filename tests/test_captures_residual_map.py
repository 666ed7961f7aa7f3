"""The residual map: to scale, complete in itself, harmless whatever the data says, and readable with two marks and with many."""

import re
import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.captures.frame_fit import frame_fit
from citygis.captures.monuments import monument_check, monument_records
from citygis.captures.residual_map import residual_map
from citygis.city import default_city
from citygis.geodesy import Frame

NAD83 = Frame("NAD83(2011)", 2010.0)
SVG = "{http://www.w3.org/2000/svg}"


def check_of(record, vectors, names=None, tolerance_ft=0.1):
    record = np.asarray(record, dtype=float) + [6_337_000, 2_122_000]
    names = names or [f"CM-{i}" for i in range(len(record))]
    corner = gpd.GeoDataFrame({"corner_id": names, "kind": "FOUND"}, geometry=shapely.points(record), crs="EPSG:6420")
    points = gpd.GeoDataFrame({"name": names}, geometry=shapely.points(record + vectors), crs="EPSG:6420")
    return monument_check(points, monument_records({"corner": corner}), tolerance_ft=tolerance_ft)


def drawn(check, **options):
    svg = residual_map(check, default_city(), **options)
    return svg, ET.fromstring(svg)


def bars(svg):
    """Feet per unit of paper, of the ground and of the vectors, as the two bars say."""
    found = re.findall(r'class="bar" d="M[\d.]+ [\d.]+v7h([\d.]+)v-7"/><text[^>]*>([\d.,]+) ft', svg)
    return [float(feet.replace(",", "")) / float(size) for size, feet in found]


def arrows(root):
    """Where each arrow begins, and its tip."""
    starts = [
        re.match(r"M([\d.-]+) ([\d.-]+)L", e.get("d")).groups() for e in root.iter(SVG + "path") if "arrow" in e.get("class", "")
    ]
    tips = [re.match(r"M([\d.-]+) ([\d.-]+)L", e.get("d")).groups() for e in root.iter(SVG + "path") if "tip" in e.get("class", "")]
    return np.array(starts, dtype=float), np.array(tips, dtype=float)


def test_both_bars_are_as_long_as_they_say_and_north_is_up():
    svg, root = drawn(check_of([[0, 0], [3_000, 4_000]], [[0.6, 0.0], [0.0, 0.8]]))
    ground, vector = bars(svg)
    start, tip = arrows(root)
    assert np.hypot(*(start[1] - start[0])) * ground == pytest.approx(5_000, rel=0.01)
    reach = tip - start
    assert sorted(np.round(np.hypot(*reach.T) * vector, 2).tolist()) == [0.6, 0.8]
    north = reach[np.argmax(np.abs(reach[:, 1]))]
    assert north[0] == pytest.approx(0, abs=0.2) and north[1] < 0  # what was found north of its record is drawn above it
    times = float(re.search(r"Vectors drawn ([\d.,]+) times", svg).group(1).replace(",", ""))
    assert ground / vector == pytest.approx(times, rel=0.02)


def test_a_blunder_is_cut_and_named_with_its_length_and_the_others_stay_visible():
    vectors = np.full((12, 2), 0.15)
    vectors[5] = [300, 400]
    svg, root = drawn(check_of(np.arange(12)[:, None] * [700, 300], vectors))
    start, tip = arrows(root)
    length = np.hypot(*(tip - start).T)
    assert length.max() == pytest.approx(140, abs=0.5) and length.min() > 15
    assert "CM-5 500.0 ft" in svg and "dashed: cut" in svg and svg.count("stroke-dasharray=") == 1


def test_two_hundred_marks_give_the_worst_forty_in_the_table_and_count_the_rest():
    size = np.linspace(0.01, 2, 200)
    _, root = drawn(check_of(np.random.default_rng(1).uniform(0, 9_000, (200, 2)), np.column_stack([size, size * 0])))
    said = [e.text for e in root.iter(SVG + "text")]
    assert said.count("2.00") == 2  # dE and the length of the worst
    assert "and 160 more, none longer than 1.60 ft" in said  # the 160th of 200 steps from 0.01 to 2 is 1.600
    assert sum(e.get("class") == "mark" for e in root.iter(SVG + "circle")) == 200


def test_no_name_stands_on_another():
    _, root = drawn(check_of(np.random.default_rng(2).uniform(0, 2_000, (150, 2)), np.full((150, 2), 1.5)))
    boxes = []
    for e in root.iter(SVG + "text"):
        if "name" in e.get("class", ""):
            left, y, wide = float(e.get("x")), float(e.get("y")), 7.0 * len(e.text)
            left -= wide if "end" in e.get("style", "") else 0
            boxes.append(shapely.box(left, y - 12, left + wide, y + 3))
    assert len(boxes) > 20
    assert len(shapely.STRtree(boxes).query(boxes, predicate="overlaps").T) == 0


def test_a_name_from_a_file_is_text_and_nothing_else():
    names = ['<script>alert("1")</script>', "A&B\x00\x1b'\"", "C-3"]
    check = check_of([[0, 0], [500, 0], [900, 0]], np.full((3, 2), 0.01))
    check["name"], check["monument"] = names, names
    svg, root = drawn(check, title="<b>&")
    assert "<script" not in svg and "&lt;script&gt;" in svg
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {"svg", "style", "rect", "text", "g", "path", "circle"}
    assert not re.search(r"(?i)href|url\(|@import|on\w+=", svg)
    svg.encode("utf-8")


def test_nothing_matched_is_said():
    check = check_of([[0, 0]], [[0.0, 0.0]])
    check["verdict"] = "unmatched"
    check[["de_ft", "dn_ft", "distance_ft"]] = np.nan
    svg, _ = drawn(check)
    assert "No captured mark matches a monument of record." in svg
    assert "0 matched, 0 beyond 0.1 ft, 0 ambiguous, 1 without a monument" in svg


def test_an_ambiguous_mark_is_an_open_ring():
    check = check_of([[0, 0], [6, 0], [500, 0]], [[1, 0], [-2, 0], [0, 0]])
    check["name"] = [None, None, "CM-2"]
    check = monument_check(check[["name", "geometry"]], monument_records({"corner": corners()}), tolerance_ft=0.1)
    _, root = drawn(check)
    assert sum(e.get("class") == "open" for e in root.iter(SVG + "circle")) == 2


def corners():
    place = np.array([[0, 0], [6, 0], [500, 0]]) + [6_337_000, 2_122_000]
    return gpd.GeoDataFrame({"corner_id": ["CM-0", "CM-1", "CM-2"], "kind": "SET"}, geometry=shapely.points(place), crs="EPSG:6420")


def test_the_verdict_stands_above_the_map_in_full():
    check = check_of(np.arange(6)[:, None] * [900, 200], np.full((6, 2), 3.0))
    fit = frame_fit(check, lambda frame: (), stated=NAD83, city_frame=NAD83, tolerance_ft=0.1, hypotheses=())
    _, root = drawn(check, fit=fit)
    said = " ".join(e.text for e in root.iter(SVG + "text"))
    assert fit.message[1:] in said


def test_marks_without_any_distance_are_drawn_at_their_place():
    svg, root = drawn(check_of([[0, 0], [100, 0]], [[0, 0], [0, 0]]))
    assert len(arrows(root)[0]) == 0 and "-0.00" not in svg
    assert sum(e.get("class") == "mark" for e in root.iter(SVG + "circle")) == 2


def test_the_same_check_gives_the_same_text():
    check = check_of(np.random.default_rng(3).uniform(0, 900, (30, 2)), np.random.default_rng(4).normal(0, 0.1, (30, 2)))
    assert residual_map(check, default_city()) == residual_map(check.iloc[::-1], default_city())
