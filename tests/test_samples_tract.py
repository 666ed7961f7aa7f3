"""Tract No. 3999 of the sample: the plan fits the City's fabric, and its three documents say the same when they are read."""

import json
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import ROOT
from sample_city import city as sample_city

from citygis.city import open_city
from citygis.cogo import corners as corners_of
from citygis.linework import courses_of, drawing_lots
from citygis.readers.cad_units import drawing_in_feet
from citygis.readers.dxf import read_dxf
from citygis.readers.landxml import read_landxml
from citygis.readers.plat_table import lot_courses, lots_of, read_plat_table
from citygis.samples import write_tract
from citygis.samples.tract_plan import area_of, center_of, outline_of, steps_of, tract, turn_of

SURVEY = ROOT / "sample_data" / "survey"
TRUTH = json.loads((SURVEY / "truth.json").read_text())
CORNERS = np.array([[c["easting"], c["northing"]] for c in TRUTH["corners"]])
AREAS = pd.Series({name: lot["area_sqft"] for name, lot in TRUTH["lots"].items()})


@pytest.fixture(scope="module")
def land():
    return tract(sample_city().layers["corner"])


@pytest.fixture(scope="module")
def city():
    return open_city(ROOT / "sample_data" / "city")


# -- the plan ------------------------------------------------------------------------------------------------------------------


def test_the_committed_files_are_those_of_the_code(tmp_path):
    write_tract(tmp_path, sample_city())
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (SURVEY / path.name).read_bytes(), path.name


def test_lots_and_street_fill_the_tract(land):
    parts = sum(area_of(figure, land.corners) for figure in (*land.lots, land.street))
    assert parts == pytest.approx(area_of(land.boundary, land.corners), abs=1e-4)


def test_the_tract_is_the_city_s_designated_remainder(land):
    parcel = sample_city().layers["parcel"]
    remainder = parcel[parcel["parcel_kind"] == "REMAINDER"].iloc[0]
    assert TRUTH["tract"]["parent_apn"] == remainder["apn"]
    # The City's polygon has its arcs cut: an acre or so less sliver, 2 sq ft of 25 acres.
    assert area_of(land.boundary, land.corners) == pytest.approx(remainder.geometry.area, abs=5)
    ends = {tuple(point) for point in shapely.get_coordinates(remainder.geometry)}
    ours = {tuple(land.corners[k]) for k in land.boundary.corners if land.on_record[k]}
    assert len(ours) == 9 and ours <= ends


def test_a_rectangular_lot_has_the_area_of_its_sides(land):
    # Lot 2: 65 by 110.
    assert AREAS["2"] == pytest.approx(65 * 110, abs=0.001)


def test_a_corner_lot_lacks_what_its_rounded_corner_cuts_off():
    # Lot 21: 65 by 110 less the corner outside a quarter of a circle of 20.
    assert AREAS["21"] == pytest.approx(65 * 110 - (1 - math.pi / 4) * 20**2, abs=0.001)


def test_every_course_bounds_two_figures_or_the_tract(land):
    told = [(a, b) for figure in (*land.lots, land.street) for a, b, _ in steps_of(figure)]
    assert len(told) == len(set(told))
    outer = {(a, b) for a, b, _ in steps_of(land.boundary)}
    assert {pair for pair in told if pair[::-1] not in told} == outer
    assert len(land.sides) == len({frozenset(pair) for pair in told})


def test_street_curves_are_tangent_to_the_lines_they_join(land):
    # Going around the street, no two of its courses meet at an angle but where lots of a bulb and curb returns do.
    checked = 0
    for a, b, radius in steps_of(land.street):
        if abs(radius) in (178.0, 122.0):
            start, end = land.corners[a], land.corners[b]
            center = center_of(start, end, radius)
            assert math.dist(start, center) == pytest.approx(abs(radius), abs=1e-5)
            assert math.dist(end, center) == pytest.approx(abs(radius), abs=1e-5)
            checked += math.degrees(abs(turn_of(start, end, radius)))
    # Two bends of a quarter circle, inside and outside.
    assert checked == pytest.approx(360, abs=1e-4)


def test_there_is_what_a_tract_map_has(land):
    assert len(land.lots) == 51 and {"A", "B"} < {lot.name for lot in land.lots}
    radii = {abs(radius) for lot in land.lots for radius in lot.radii_ft if radius}
    assert radii == {20.0, 30.0, 50.0, 122.0, 178.0, 1760.0, 1840.0}
    assert len(land.easements) == 2


def test_outlines_are_simple_and_clockwise(land):
    for lot in (*land.lots, land.street):
        outline = outline_of(lot, land.corners)
        assert outline.is_valid and not outline.exterior.is_ccw, lot.name


# -- its documents, read ---------------------------------------------------------------------------------------------------------


def drawn(name, city):
    return drawing_lots(drawing_in_feet(read_dxf(SURVEY / name), city=city))


def lots_by_name(found):
    polygons = found.polygons
    return polygons[polygons["kind"] == "lot"].set_index("lot")


def farthest_ft(points):
    """How far the farthest of some points lies from the nearest true corner."""
    return float(np.sqrt(((np.asarray(points)[:, None] - CORNERS[None]) ** 2).sum(axis=2)).min(axis=1).max())


@pytest.fixture(scope="module")
def clean(city):
    return drawn("tract_3999_clean.dxf", city)


@pytest.fixture(scope="module")
def xml():
    return read_landxml(SURVEY / "tract_3999.xml")


def test_the_clean_drawing_has_every_lot_at_its_exact_area(clean):
    found = lots_by_name(clean.lots)
    assert set(found.index) == set(AREAS.index)
    assert (found["area_sqft"] - AREAS).abs().max() < 0.001
    assert clean.lots.spread_ft < 0.005


def test_corners_of_the_clean_drawing_are_the_true_ones(clean):
    courses = clean.lots.courses
    starts = courses[["start_easting", "start_northing"]].to_numpy()
    assert farthest_ft(starts) < 0.005


def test_the_dirty_drawing_numbers_every_lot(city):
    found = drawn("tract_3999_dirty.dxf", city)
    lots = lots_by_name(found.lots)
    assert set(lots.index) == set(AREAS.index)
    assert (lots["area_sqft"] - AREAS).abs().max() < 3
    # The snap that ends 0.04 ft apart need, and no wider.
    assert found.lots.snap_ft == pytest.approx(0.05)


def test_the_dirt_is_as_much_as_the_truth_says(city):
    planted = TRUTH["files"]["tract_3999_dirty.dxf"]["planted"]
    found = drawn("tract_3999_dirty.dxf", city)
    left_out = found.findings[found.findings["code"] == "K03"]["message"].str.cat(sep=" ")
    assert f"V-PROP-LINE-OLD {planted['frozen']}" in left_out
    # What is drawn twice or in overlapping pieces is made one.
    (doubled,) = found.findings.loc[found.findings["code"] == "W11", "message"]
    assert int(doubled.split()[0]) == planted["drawn_twice"] + planted["drawn_in_pieces"]


def test_landxml_has_every_lot_and_its_outer_boundary_is_none(xml):
    parcels = xml.parcels.set_index(xml.parcels["name"].str.removeprefix("LOT "))
    lots = parcels[parcels["kind"] == "lot"]
    assert set(lots.index) == set(AREAS.index)
    assert (lots["computed_area_sqft"] - AREAS).abs().max() < 0.001
    assert parcels.loc["TRACT 3999", "kind"] == "outer_boundary"
    assert xml.parcels["kind"].value_counts().to_dict() == TRUTH["files"]["tract_3999.xml"]["parcels"]
    assert not (xml.findings["severity"] == "error").any()


def test_landxml_points_are_the_true_corners(xml):
    points = np.column_stack([xml.points.geometry.x, xml.points.geometry.y])
    assert len(points) == len(CORNERS) and np.abs(points - CORNERS).max() < 1e-5


def test_the_plat_table_has_no_contradiction_and_every_list_closes():
    table = read_plat_table(SURVEY / "tract_3999_lines_curves.csv")
    counts = TRUTH["files"]["tract_3999_plat.txt"]
    assert len(table.entries) == counts["lines"] + counts["curves"] and table.findings.empty
    for name, told in lots_of((SURVEY / "tract_3999_lots.txt").read_text()).items():
        courses = lot_courses(table, told)
        places = corners_of(courses)
        assert math.dist(places[0], places[-1]) < 0.003, name


def test_the_tract_of_the_plat_table_runs_through_the_true_corners():
    table = read_plat_table(SURVEY / "tract_3999_lines_curves.csv")
    whole = lots_of((SURVEY / "tract_3999_lots.txt").read_text())["Tract 3999"]
    begins = next(c for c in TRUTH["corners"] if c["on_record"] == TRUTH["files"]["tract_3999_plat.txt"]["begins"])
    places = corners_of(lot_courses(table, whole), (begins["easting"], begins["northing"]))
    assert farthest_ft(places) < 0.005


def test_drawing_landxml_and_table_agree_in_every_corner_of_every_lot(clean, xml):
    # The table has no coordinates: each lot is laid at its own true first corner.
    table = read_plat_table(SURVEY / "tract_3999_lines_curves.csv")
    lists = lots_of((SURVEY / "tract_3999_lots.txt").read_text())
    by_name = lots_by_name(clean.lots)
    for name, lot in TRUTH["lots"].items():
        true = CORNERS[lot["corners"]]
        face = int(by_name.loc[name, "face"])
        drawn_ends = by_name.loc[name, "geometry"]
        laid = corners_of(lot_courses(table, lists[f"Lot {name}"]), true[0])
        assert farthest_ft(laid) < 0.005, name
        assert shapely.distance(shapely.points(true), drawn_ends.exterior).max() < 0.005, name
        assert len(courses_of(clean.lots, face)) == len(true), name


def test_monuments_of_the_map_are_corners_of_the_city(xml):
    held = sample_city().layers["corner"].set_index("corner_id")
    assert len(xml.monuments) == 9
    for name, place in zip(xml.monuments["name"], xml.monuments.geometry, strict=True):
        assert place.distance(held.loc[name, "geometry"]) < 1e-5


def test_easements_lie_in_the_lots_they_are_drawn_on(xml, land):
    easements = gpd.GeoSeries(xml.parcels.loc[xml.parcels["kind"] == "easement"].geometry)
    lots = shapely.union_all([outline_of(lot, land.corners).buffer(0.6) for lot in land.lots])
    assert len(easements) == 2 and easements.within(lots).all()


def test_sample_data_stays_small():
    size = sum(path.stat().st_size for path in (ROOT / "sample_data").rglob("*") if path.is_file())
    assert size < 15_000_000
