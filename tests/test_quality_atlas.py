"""What the page draws from: read back it is the ground, to a ten-thousandth of a foot, and no more of it than fits."""

import base64

import geopandas as gpd
import numpy as np
import pytest
import shapely
from quality_layers import EAST, FEET, NORTH, at, parcels

from citygis.findings import findings_frame
from citygis.quality import atlas as module
from citygis.quality import validate
from citygis.quality.atlas import atlas, base128, ranked
from citygis.quality.pictures import Scenery
from citygis.quality.subject import subject


def scenery(**layers) -> Scenery:
    return Scenery([subject(name, frame, None) for name, frame in layers.items()])


def numbers(raw: bytes) -> list[int]:
    """LEB128 read digit by digit."""
    values, value, shift = [], 0, 0
    for byte in raw:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append(value)
            value, shift = 0, 0
    return values


def shapes(packed: dict, origin, resolution) -> list[list[np.ndarray]]:
    """The rings, lines and points of each shape, read back."""
    parts, lengths, steps = (iter(numbers(base64.b64decode(packed[name]))) for name in ("parts", "lengths", "steps"))
    back = []
    for count in parts:
        here, lines = np.zeros(2), []
        for _ in range(count):
            line = []
            for _ in range(next(lengths)):
                here = here + [(-1) ** (v & 1) * ((v + 1) >> 1) for v in (next(steps), next(steps))]
                line.append(here * resolution + origin)
            lines.append(np.array(line))
        back.append(lines)
    return back


def found(*places, code="T01", feature=None, layer="parcel"):
    rows = {
        "code": code,
        "rule": "r",
        "severity": "error",
        "layer": layer,
        "message": "m",
        "geometry": list(places),
        "feature": feature,
    }
    return findings_frame(rows, crs=FEET)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16_383, 16_384, 624_485, 2**31, 2**40 + 5])
def test_a_number_comes_back(value):
    assert numbers(base128(np.array([value]))) == [value]


def test_the_standard_s_own_example_is_written_so():
    assert base128(np.array([2, 127, 128, 129, 12_857])).hex(" ") == "02 7f 80 01 81 01 b9 64"  # DWARF 5, table 7.8


def test_no_numbers_are_no_bytes():
    assert base128(np.array([], dtype=int)) == b""


def test_every_kind_of_shape_comes_back_to_a_ten_thousandth():
    holed = at(0, 0, 60, 110).difference(at(20, 20, 10.1234, 10))
    many = shapely.MultiPolygon([at(0, 0, 5, 5), at(9, 9, 5, 5)])
    line = shapely.LineString([(EAST + 1.23456, NORTH), (EAST - 900, NORTH - 7)])
    mixed = shapely.GeometryCollection([shapely.Point(EAST, NORTH), shapely.GeometryCollection([line, at(1, 2, 3, 4)])])
    places = [holed, many, line, shapely.Point(EAST + 5, NORTH + 6), None, shapely.Polygon(), mixed]
    told = atlas(found(*places), scenery(parcel=parcels()))
    back = shapes(told["places"], told["origin"], told["resolution"])
    assert len(back) == len(places)
    for place, lines in zip(places, back, strict=True):
        wanted = shapely.get_coordinates(place) if place is not None else np.empty((0, 2))
        got = np.concatenate(lines) if lines else np.empty((0, 2))
        assert sorted(map(tuple, np.round(got, 4))) == sorted(map(tuple, np.round(wanted, 4)))
    assert [len(lines) for lines in back] == [2, 2, 1, 1, 0, 0, 3]
    assert told["places"]["filled"] == [1, 1, 0, 0, 0, 0, 1]


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_a_place_that_is_no_place_is_left_out_and_the_rest_is_there():
    broken = shapely.LineString([(np.nan, 0), (1, 1)])
    told = atlas(found(broken, at(0, 0, 1, 1)), scenery(parcel=parcels()))
    assert [len(lines) for lines in shapes(told["places"], told["origin"], told["resolution"])] == [0, 1]
    assert told["windows"][0] == 0


def test_a_small_layer_is_there_whole_with_its_names():
    told = atlas(found(at(50, 0, 10, 110)), scenery(parcel=parcels()))
    back = shapes(told["shapes"], told["origin"], told["resolution"])
    assert [shapely.Polygon(lines[0]).equals_exact(lot, 1e-3) for lines, lot in zip(back, parcels().geometry, strict=True)] == [
        True
    ] * 4
    assert told["layers"] == ["parcel"]
    assert told["shade"] is None
    assert told["pictured"] == 1


def city(n: int) -> gpd.GeoDataFrame:
    column, line = (each.ravel() for each in np.meshgrid(np.arange(n), np.arange(n)))
    lots = shapely.box(EAST + column * 60, NORTH + line * 110, EAST + column * 60 + 60, NORTH + line * 110 + 110)
    return gpd.GeoDataFrame(geometry=lots, crs=FEET)


def test_of_a_large_layer_only_what_is_looked_at_is_there(monkeypatch):
    monkeypatch.setattr(module, "VERTICES", 2_000)
    lots = city(40)
    place = at(60 * 20, 110 * 20, 60, 110)
    told = atlas(found(place, feature="#821"), scenery(parcel=lots))
    back = shapes(told["shapes"], told["origin"], told["resolution"])
    window = place.buffer(told["windows"][0] / 2).envelope
    drawn = shapely.union_all([shapely.Polygon(lines[0]) for lines in back])
    assert 9 <= len(back) < 60
    assert drawn.buffer(0.01).covers(window.intersection(drawn.convex_hull)) and drawn.intersects(place)
    assert "#821" in told["called"]
    assert told["shade"] is not None


def test_the_worst_findings_come_first_when_not_all_fits(monkeypatch):
    monkeypatch.setattr(module, "VERTICES", 300)
    lots = city(40)
    places = [at(60 * i, 110 * i, 60, 110) for i in range(0, 40, 2)]
    names = [f"#{40 * i + i + 1}" for i in range(0, 40, 2)]
    told = atlas(found(*places, feature=names), scenery(parcel=lots))
    assert 0 < told["pictured"] < len(places)
    assert set(names[: told["pictured"]]) <= set(told["called"])
    assert sum(len(line) for lines in shapes(told["shapes"], told["origin"], told["resolution"]) for line in lines) <= 300


def test_a_street_of_the_whole_city_costs_only_the_run_that_is_looked_at(monkeypatch):
    monkeypatch.setattr(module, "VERTICES", 3_000)
    along = np.arange(0, 20_000, 10.0)
    street = shapely.Polygon(
        np.concatenate(
            [np.stack([EAST + along, np.full(2000, NORTH)], 1), np.stack([EAST + along[::-1], np.full(2000, NORTH - 50)], 1)]
        )
    )
    layer = gpd.GeoDataFrame(geometry=[street], crs=FEET)
    told = atlas(found(at(10_000, -27, 5, 5)), scenery(right_of_way=layer))
    runs = [line for lines in shapes(told["shapes"], told["origin"], told["resolution"]) for line in lines]
    assert 0 < sum(map(len, runs)) < 300
    outline = shapely.boundary(street)
    assert all(outline.buffer(0.001).covers(shapely.LineString(run)) for run in runs)
    window = shapely.box(EAST + 9_980, NORTH - 60, EAST + 10_020, NORTH + 20)
    drawn = shapely.union_all([shapely.LineString(run) for run in runs])
    assert outline.intersection(window).length == pytest.approx(drawn.intersection(window).length)


def test_a_point_s_picture_shows_the_feature_that_it_is_on():
    told = atlas(
        found(shapely.Point(EAST + 60, NORTH), shapely.Point(EAST + 60, NORTH), feature=["#1", "#99"]), scenery(parcel=parcels())
    )
    assert told["windows"] == [pytest.approx(110 * 1.7), 60.0]


def test_rules_take_turns_and_errors_go_first():
    rows = {"code": ["T01", "T01", "T01", "G03", "T33"], "rule": "r", "layer": "l", "message": "m"}
    frame = findings_frame(rows | {"severity": ["error", "error", "error", "error", "review"]})
    assert [frame["code"][i] for i in ranked(frame)] == ["T01", "G03", "T01", "T01", "T33"]


def test_no_findings_and_no_layers_make_an_atlas_too():
    told = atlas(validate(parcels(), "parcel", only="geometry").iloc[:0], scenery(parcel=parcels()))
    assert told["windows"] == []
    assert atlas(found(at(0, 0, 1, 1)), Scenery([]))["layers"] == []
