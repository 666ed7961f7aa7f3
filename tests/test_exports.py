"""Figures written with their true curves, and read back: by our own readers, by GDAL, by ezdxf."""

import json
import math
import re
from datetime import datetime

import ezdxf
import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS

import citygis as cg
from citygis.cogo import (
    Figure,
    arc_of_bulge,
    arc_through,
    area_sqft,
    curve_course,
    line_course,
    segment_area_sqft,
    solve_curve,
    solve_spiral,
    spiral_course,
)
from citygis.errors import StoreError
from citygis.exports import curve_polygon_wkt, esri_polygon, landxml_text, write_dxf, write_landxml
from citygis.readers.landxml import courses_of, read_landxml
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit

NOON = datetime(2026, 1, 2, 12, 0, 0)
START = np.array([6_337_000.25, 2_122_000.5])


def arc(radius, delta, hand, tangent):
    return curve_course(solve_curve(radius_ft=radius, delta_deg=delta), hand, tangent_in_deg=tangent)


LOT = Figure(START, (line_course(0, 120), line_course(90, 60), line_course(180, 100), arc(20, 90, "R", 180), line_course(270, 40)))
"""60 x 120 ft with one corner of 20 ft radius: 7,114.16 sq ft (NCEES practice problem, POB 2021-01-15)."""

LOT_SQFT = 7200 - 400 + 100 * math.pi
HOLE = Figure(START + (10, 10), (arc(5, 180, "R", 0), line_course(270, 10)))
"""Half a circle of radius 5."""

HALF_DISC_SQFT = 12.5 * math.pi


def bulb():
    """A cul-de-sac bulb: an arc of R 50 and more than half a circle over a chord of 60 ft."""
    delta = 360 - 2 * math.degrees(math.asin(0.6))
    curve = solve_curve(radius_ft=50, delta_deg=delta)
    return Figure(START + (300, 0), (line_course(90, 60), curve_course(curve, "L", azimuth_deg=270)))


BULB_SQFT = 2500 * (math.pi - math.asin(0.6)) + 30 * 40
FIGURES = {"1": [LOT], "2": [bulb()], "3": [figure._replace(start=figure.start + (0, 400)) for figure in (LOT, HOLE)]}
AREAS = {"1": LOT_SQFT, "2": BULB_SQFT, "3": LOT_SQFT - HALF_DISC_SQFT}


def loop_area(points, middles):
    """Exact area of a loop of corners; a middle is a point on the arc from a corner to the next, None for a line."""
    total = 0.0
    for n, middle in enumerate(middles):
        (e0, n0), (e1, n1) = points[n], points[(n + 1) % len(points)]
        total += ((e0 - START[0]) * (n1 - START[1]) - (e1 - START[0]) * (n0 - START[1])) / 2
        if middle is not None:
            found = arc_through((e0, n0), middle, (e1, n1))
            total += segment_area_sqft(found.radius_ft, found.delta_deg) * (1 if found.hand == "L" else -1)
    return total


def test_the_figures_have_the_areas_of_their_formulas():
    assert area_sqft(LOT.courses) == pytest.approx(LOT_SQFT) and area_sqft(HOLE.courses) == pytest.approx(HALF_DISC_SQFT)
    assert area_sqft(bulb().courses) == pytest.approx(BULB_SQFT)


# -- LandXML ---------------------------------------------------------------------------------------------------------------------


def test_landxml_is_read_back_with_its_areas_curves_and_unit(tmp_path):
    path = tmp_path / "a.xml"
    write_landxml(path, FIGURES, unit=US_SURVEY_FOOT, written_at=NOON, crs=CRS.from_epsg(2227))
    read = read_landxml(path)
    areas = dict(zip(read.parcels["name"], read.parcels["computed_area_sqft"], strict=True))
    assert areas == pytest.approx(AREAS, rel=1e-6)
    assert read.unit is US_SURVEY_FOOT and read.parcels.crs.to_epsg() == 2227 and not len(read.findings)
    assert read.courses["radius_ft"].dropna().tolist() == pytest.approx([20, 50, 20, 5], abs=1e-6)
    assert [len(shape.interiors) for shape in read.parcels.geometry] == [0, 0, 1]


@pytest.mark.parametrize("unit", [US_SURVEY_FOOT, INTERNATIONAL_FOOT, METRE])
def test_landxml_tells_the_units_apart(tmp_path, unit):
    path = tmp_path / "a.xml"
    write_landxml(path, {"1": [LOT]}, unit=unit, written_at=NOON)
    said = re.search('linearUnit="(.*?)"', path.read_text())[1]
    assert said == {US_SURVEY_FOOT: "USSurveyFoot", INTERNATIONAL_FOOT: "foot", METRE: "meter"}[unit]


def test_landxml_puts_the_northing_first():
    assert f"<Start>{START[1]:.8f} {START[0]:.8f}</Start>" in landxml_text({"1": [LOT]}, unit=US_SURVEY_FOOT, written_at=NOON)


def test_landxml_keeps_a_spiral(tmp_path):
    spiral = solve_spiral(250, 1432.69)
    there = spiral_course(spiral, "R", azimuth_deg=40)
    courses = (there, line_course(130, 80), line_course(220, spiral.chord_ft), line_course(310, 80))
    path = tmp_path / "a.xml"
    write_landxml(path, {"1": [Figure(START, courses)]}, unit=US_SURVEY_FOOT, written_at=NOON)
    read = read_landxml(path)
    assert read.courses["kind"].tolist() == ["spiral", "line", "line", "line"] and not len(read.findings)
    ((_, again),) = courses_of(read, "Parcel 1")
    assert area_sqft(again) == pytest.approx(area_sqft(courses), rel=1e-6)


def test_names_are_escaped_and_the_same_figures_give_the_same_text():
    text = landxml_text({'<a> & "b"': [LOT]}, unit=METRE, written_at=NOON)
    assert "&lt;a&gt; &amp; &quot;b&quot;" in text
    assert text == landxml_text({'<a> & "b"': [LOT]}, unit=METRE, written_at=NOON)


# -- well-known text --------------------------------------------------------------------------------------------------------------


def parsed_wkt(text):
    """Rings of a CURVEPOLYGON as corners and points on arcs, by a reading of the text of its own."""
    rings = []
    for body in re.findall(r"COMPOUNDCURVE \((.*?\))\)", text):
        corners, middles = [], []
        for piece in re.findall(r"(CIRCULARSTRING )?\(([^()]*)\)", body):
            points = [tuple(map(float, one.split())) for one in piece[1].split(", ")]
            if piece[0]:
                corners.append(points[0])
                middles.append(points[1])
            else:
                corners += points[:-1]
                middles += [None] * (len(points) - 1)
        rings.append((corners, middles))
    return rings


@pytest.mark.parametrize("name", FIGURES)
def test_curve_polygons_keep_their_areas_and_their_outer_rings_run_counterclockwise(name):
    areas = [loop_area(*ring) for ring in parsed_wkt(curve_polygon_wkt(FIGURES[name]))]
    assert sum(areas) == pytest.approx(AREAS[name], rel=1e-6)
    assert areas[0] > 0 and all(area < 0 for area in areas[1:])


def test_gdal_reads_the_curve_polygon(tmp_path):
    path = tmp_path / "lots.csv"
    lines = [f'{name},"{curve_polygon_wkt(parts)}"' for name, parts in FIGURES.items()]
    path.write_text("name,WKT\n" + "\n".join(lines))
    frame = pyogrio.read_dataframe(path, GEOM_POSSIBLE_NAMES="WKT")
    # GDAL draws arcs as chords of 4°: within 0.1 % of the area.
    assert frame.geometry.area.tolist() == pytest.approx(list(AREAS.values()), rel=2e-3)
    assert frame.geometry.is_valid.all()


def test_a_figure_without_arcs_is_a_plain_ring():
    square = Figure(np.zeros(2), tuple(line_course(a, 10) for a in (0, 90, 180, 270)))
    assert shapely.from_wkt(curve_polygon_wkt([square]).replace("CURVEPOLYGON", "POLYGON")).area == pytest.approx(100)
    assert "rings" in esri_polygon([square])


# -- Esri JSON --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_curve_rings_keep_their_areas_and_their_outer_rings_run_clockwise(name):
    rings = json.loads(json.dumps(esri_polygon(FIGURES[name], wkid=2227)))["curveRings"]
    areas = []
    for ring in rings:
        corners, middles = [ring[0]], []
        for item in ring[1:]:
            corners.append(item["c"][0] if isinstance(item, dict) else item)
            middles.append(item["c"][1] if isinstance(item, dict) else None)
        assert corners[0] == corners[-1]
        areas.append(loop_area(corners[:-1], middles))
    assert -sum(areas) == pytest.approx(AREAS[name], rel=1e-6)
    assert areas[0] < 0 and all(area > 0 for area in areas[1:])


def test_our_own_reader_takes_the_curve_rings(tmp_path):
    features = [{"attributes": {"name": name}, "geometry": esri_polygon(parts, wkid=2227)} for name, parts in FIGURES.items()]
    fields = [{"name": "name", "type": "esriFieldTypeString"}]
    text = {"geometryType": "esriGeometryPolygon", "spatialReference": {"wkid": 2227}, "fields": fields, "features": features}
    (tmp_path / "lots.json").write_text(json.dumps(text))
    frame = cg.read(tmp_path / "lots.json")
    assert frame.geometry.area.tolist() == pytest.approx(list(AREAS.values()), rel=5e-4)


# -- DXF --------------------------------------------------------------------------------------------------------------------------


def test_a_drawing_holds_closed_polylines_whose_bulges_keep_the_areas(tmp_path):
    path = tmp_path / "lots.dxf"
    write_dxf(path, FIGURES, unit=US_SURVEY_FOOT)
    drawing = ezdxf.readfile(path)
    assert drawing.header["$INSUNITS"] == 21 and not drawing.audit().errors
    areas = []
    for polyline in drawing.modelspace().query("LWPOLYLINE"):
        assert polyline.closed and polyline.dxf.layer == "V-PROP-LOTS"
        points = polyline.get_points("xyb")
        middles = []
        for n, (e, m, value) in enumerate(points):
            end = points[(n + 1) % len(points)][:2]
            found = arc_of_bulge((e, m), end, value) if value else None
            away = None if found is None else found.center + _halfway(found)
            middles.append(away)
        areas.append(abs(loop_area([point[:2] for point in points], middles)))
    assert areas == pytest.approx([LOT_SQFT, BULB_SQFT, LOT_SQFT, HALF_DISC_SQFT], rel=1e-6)


def _halfway(found):
    first = math.atan2(*(found.start - found.center))
    turned = math.radians(found.delta_deg) / 2 * (1 if found.hand == "R" else -1)
    return found.radius_ft * np.array([math.sin(first + turned), math.cos(first + turned)])


def test_names_stand_inside_their_figures(tmp_path):
    write_dxf(tmp_path / "lots.dxf", {"3": [LOT, HOLE]}, unit=METRE, text_layer="NAMES")
    (text,) = ezdxf.readfile(tmp_path / "lots.dxf").modelspace().query("TEXT")
    at = np.array(text.get_placement()[1])[:2] - START
    assert text.dxf.text == "3" and text.dxf.layer == "NAMES" and 0 < at[0] < 60 and 0 < at[1] < 120


def test_the_same_figures_give_the_same_drawing_byte_for_byte(tmp_path):
    for name in ("a.dxf", "b.dxf"):
        write_dxf(tmp_path / name, FIGURES, unit=US_SURVEY_FOOT)
    assert (tmp_path / "a.dxf").read_bytes() == (tmp_path / "b.dxf").read_bytes()
    assert ezdxf.options.write_fixed_meta_data_for_testing is False


# -- what cannot be written -------------------------------------------------------------------------------------------------------

OPEN = Figure(START, (line_course(0, 120), line_course(90, 60), line_course(180, 100)))
SPIRAL = Figure(
    START, (spiral_course(solve_spiral(250, 1432.69), "R", azimuth_deg=0), line_course(180, solve_spiral(250, 1432.69).chord_ft))
)


@pytest.mark.parametrize(
    ("parts", "said"),
    [([OPEN], "'1': it fails to close by 63"), ([SPIRAL], "has a spiral"), ([], "at least one loop")],
)
def test_what_the_format_does_not_hold_is_refused(tmp_path, parts, said):
    writers = (
        lambda: curve_polygon_wkt(parts, name="1"),
        lambda: esri_polygon(parts, name="1"),
        lambda: write_dxf(tmp_path / "a.dxf", {"1": parts}, unit=METRE),
    )
    for write in writers:
        with pytest.raises(ValueError, match=said):
            write()
    assert not list(tmp_path.iterdir())


def test_an_open_figure_is_no_parcel():
    with pytest.raises(ValueError, match="fails to close"):
        landxml_text({"1": [OPEN]}, unit=METRE, written_at=NOON)


def test_a_unit_that_a_format_does_not_know_is_refused(tmp_path):
    chain = Unit("chain", METRE.metres, "")
    with pytest.raises(ValueError, match="Invalid unit 'chain'"):
        landxml_text({"1": [LOT]}, unit=chain, written_at=NOON)
    with pytest.raises(ValueError, match="Invalid unit 'chain'"):
        write_dxf(tmp_path / "a.dxf", {"1": [LOT]}, unit=chain)


def test_a_file_that_is_there_is_left_alone(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        write_landxml(path, {"1": [LOT]}, unit=METRE, written_at=NOON)
    assert path.read_text() == "mine"
