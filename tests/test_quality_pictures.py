"""Pictures: drawn to scale, with what they are about, whatever the defect is."""

import re

import geopandas as gpd
import numpy as np
import pytest
import shapely
from quality_layers import FEET, at, parcels, sound

from citygis.findings import findings_frame
from citygis.quality import validate
from citygis.quality.pictures import Scenery, finding_picture, overview
from citygis.quality.subject import subject
from citygis.schema import schema


def scenery(layers) -> Scenery:
    return Scenery([subject(name, frame, schema().layers.get(name)) for name, frame in layers.items()])


def numbers(path: str) -> np.ndarray:
    return np.array(re.findall(r"-?\d+\.\d", path), dtype=float).reshape(-1, 2)


def test_the_scale_bar_is_as_long_as_it_says():
    layers = {**sound(), "parcel": parcels(at(0, 0, 60, 110), at(50, 0, 60, 110))}
    row = validate(layers["parcel"], "parcel").iloc[0]
    svg = finding_picture(row, scenery(layers))
    feet, bar = re.search(r'<path d="M14 \d+v5h([\d.]+)v-5"/><text[^>]*>([\d.]+) ft', svg).group(2, 1)
    defect = numbers(re.search(r'class="defect[^"]*" d="([^"]*)"', svg).group(1))
    width, height = np.ptp(defect, axis=0)
    assert width / float(bar) * float(feet) == pytest.approx(10, rel=0.02)
    assert height / float(bar) * float(feet) == pytest.approx(110, rel=0.02)


def test_both_features_are_named_and_neighbours_are_not():
    layers = {"parcel": parcels(at(0, 0, 60, 110), at(50, 0, 60, 110), at(110, 0, 60, 110))}
    svg = finding_picture(validate(layers).iloc[0], scenery(layers))
    labels = re.findall(r'class="label"[^>]*>([^<]*)<', svg)
    assert sorted(labels) == ["191-190-70", "191-190-71"]
    assert 'class="neighbour"' in svg


def test_the_picture_of_a_gap_names_the_lots_beside_it():
    layers = {**sound(), "parcel": parcels(at(0, 0, 60, 110), at(60.5, 0, 59.5, 110), at(120, 0, 120, 110))}
    svg = finding_picture(validate(layers).iloc[0], scenery(layers))
    assert {"191-190-70", "191-190-71"} <= set(re.findall(r'class="label"[^>]*>([^<]*)<', svg))


def test_corners_that_stand_apart_by_less_than_a_line_are_shown_close_up():
    lots = parcels(at(0, 0, 60, 110), at(60.02, 0, 60, 110))
    place = shapely.Point(shapely.get_coordinates(lots.geometry[0])[0])
    told = {
        "code": "T31",
        "rule": "misaligned_corner",
        "severity": "review",
        "layer": "parcel",
        "message": "m",
        "geometry": [place],
    }
    near = findings_frame({**told, "measure": 0.02, "unit": "ft"}, crs=FEET).iloc[0]
    svg = finding_picture(near, scenery({"parcel": lots}))
    assert svg.count("<svg") == 2 and "close up" in svg
    wide = findings_frame({**told, "measure": 9.0, "unit": "ft"}, crs=FEET).iloc[0]
    area = findings_frame({**told, "measure": 0.02, "unit": "sq ft"}, crs=FEET).iloc[0]
    assert all(finding_picture(row, scenery({"parcel": lots})).count("<svg") == 1 for row in (wide, area))


def test_a_defect_too_small_to_see_has_a_ring_around_it():
    lots = parcels(at(0, 0, 60, 110))
    easting, northing = shapely.get_coordinates(lots.geometry[0])[0]
    told = {"code": "T26", "rule": "short_segment", "severity": "error", "layer": "parcel", "message": "m"}
    for length, ringed in ((0.02, True), (30.0, False)):
        line = shapely.LineString([(easting, northing), (easting + length, northing)])
        svg = finding_picture(findings_frame({**told, "geometry": [line]}, crs=FEET).iloc[0], scenery({"parcel": lots}))
        assert ('<circle class="defect error" cx="180.0" cy="135.0"' in svg) is ringed


def test_a_scale_bar_of_miles_says_a_round_number_of_them():
    lots = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 200_000, 100_000)], crs=FEET)
    svg = overview(findings_frame(None, crs=FEET), scenery({"lots": lots}))
    assert svg == ""  # nothing to show
    rows = {"code": "G05", "rule": "tiny", "severity": "info", "layer": "lots", "message": "m", "geometry": [shapely.Point(9, 9)]}
    said = re.search(r">([\d.,]+) mi</text>", overview(findings_frame(rows, crs=FEET), scenery({"lots": lots}))).group(1)
    assert float(said) == 10


def test_what_has_no_place_has_no_picture():
    layers = {"parcel": parcels(at(0, 0, 60, 110), None)}
    assert finding_picture(validate(layers).iloc[0], scenery(layers)) == ""
    assert overview(validate(layers), scenery(layers)) == ""


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_any_broken_shape_can_be_drawn():
    shapes = [
        at(0, 0, 60, 110),
        shapely.Polygon(shapely.get_coordinates(at(60, 0, 60, 110))[[0, 2, 1, 3, 0]]),
        shapely.GeometryCollection([at(120, 0, 60, 110), shapely.Point(at(120, 0, 1, 1).centroid)]),
        shapely.LineString(shapely.get_coordinates(at(180, 0, 60, 110))[:3]),
        shapely.Polygon([*shapely.get_coordinates(at(0, 200, 9, 9))[:3], (np.nan, 0)]),
        shapely.transform(at(240, 0, 60, 110), lambda c: c[:, ::-1]),
        at(300, 0, 0.001, 0.001),
    ]
    layers = {"parcel": parcels(*shapes)}
    found = validate(layers, only="geometry")
    assert len(found) > 5
    drawn = scenery(layers)
    pictures = [finding_picture(row, drawn) for _, row in found.iterrows()]
    assert all("<svg" in picture for picture in pictures)
    assert "nan" not in "".join(pictures) + overview(found, drawn)


def test_the_overview_of_many_features_stays_small():
    easting, northing = np.meshgrid(np.arange(100) * 60.0, np.arange(100) * 110.0)
    lots = gpd.GeoDataFrame(
        geometry=shapely.box(easting.ravel(), northing.ravel(), easting.ravel() + 60, northing.ravel() + 110), crs=FEET
    )
    lots = lots.set_geometry(lots.translate(6_330_000, 2_120_000).set_crs(FEET, allow_override=True))
    found = validate(gpd.GeoDataFrame(geometry=[*lots.geometry, lots.geometry[5]], crs=FEET), "lots")
    svg = overview(found, scenery({"lots": lots}))
    assert 'class="shade"' in svg
    assert len(svg) < 250_000
    assert svg.count("<circle") == 1


def test_names_of_two_features_on_the_same_ground_do_not_lie_on_each_other():
    layers = {"parcel": parcels(at(0, 0, 60, 110), at(0, 0, 60, 110), at(0.5, 0, 60, 110))}
    for _, row in validate(layers).iterrows():
        svg = finding_picture(row, scenery(layers))
        heights = sorted(float(y) for y in re.findall(r'class="label" x="[^"]*" y="([^"]*)"', svg))
        assert len(heights) == 2
        assert np.diff(heights).min() >= 16
