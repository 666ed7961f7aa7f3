"""The one shape of a map: figures that share their courses and corners."""

import math

import numpy as np
import pandas as pd
import pytest
import tract_maps

from citygis.city import default_city
from citygis.cogo import area_sqft
from citygis.tracts.plat import (
    edge_chains,
    edge_courses,
    exact_areas_sqft,
    lot_number,
    lot_polygons,
    record_closures,
    record_courses,
    ring_courses,
    rings_of,
)
from citygis.tracts.sources import read_plat


@pytest.fixture(scope="module")
def plat(tmp_path_factory):
    return read_plat(tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml"), city=default_city())


def lot(plat, name):
    return int(np.flatnonzero(plat.lots["lot"] == name)[0])


def test_areas_come_from_the_courses_and_not_from_the_vertices(plat):
    courses = edge_courses(plat.edges, plat.corners)
    areas = exact_areas_sqft(plat, courses)
    truth = tract_maps.exact_areas()
    assert {
        name: pytest.approx(area, abs=0.001) for name, area in zip(plat.lots["lot"], areas, strict=True) if isinstance(name, str)
    } == truth
    chains = edge_chains(courses, plat.edges, plat.corners)
    cut = lot_polygons(plat, chains)[lot(plat, "5")].area
    assert abs(cut - truth["5"]) > 0.5


def test_neighbours_share_each_course_and_run_it_opposite_ways(plat):
    counts = plat.rings.groupby("edge")["is_forward"].agg(["count", "sum"])
    both = (plat.edges["left"] >= 0) & (plat.edges["right"] >= 0)
    assert both.sum() == 14
    assert (counts.loc[both.to_numpy(), "count"] == 2).all()
    assert (counts.loc[both.to_numpy(), "sum"] == 1).all()


def test_shells_run_clockwise_as_deeds_do(plat):
    courses = edge_courses(plat.edges, plat.corners)
    for rings in rings_of(plat.rings).values():
        made = ring_courses(rings[0], courses)
        azimuth = np.radians([course.azimuth_deg for course in made])
        chord = np.array([course.distance_ft for course in made])
        ends = np.cumsum(np.column_stack([chord * np.sin(azimuth), chord * np.cos(azimuth)]), axis=0)
        doubled = np.sum(ends[:-1, 0] * ends[1:, 1] - ends[1:, 0] * ends[:-1, 1])
        assert doubled < 0


def test_an_arc_keeps_its_radius_when_its_corners_move_and_turns_less_or_more(plat):
    arc = int(np.flatnonzero(plat.edges["kind"] == "curve")[0])
    moved = plat.corners.copy()
    moved[plat.edges["end"].iloc[arc]] += [0.05, 0.05]
    before, after = (edge_courses(plat.edges, corners)[arc] for corners in (plat.corners, moved))
    assert after.radius_ft == pytest.approx(before.radius_ft, abs=1e-9)
    assert after.delta_deg != before.delta_deg
    assert after.distance_ft == pytest.approx(2 * after.radius_ft * math.sin(math.radians(after.delta_deg) / 2), abs=1e-9)


def test_an_arc_whose_chord_outgrew_its_diameter_keeps_what_it_turns():
    edges = pd.DataFrame(
        {"start": [0], "end": [1], "kind": ["curve"], "hand": ["R"], "radius_ft": [50.0], "delta_deg": [180.0], "text": [None]}
    )
    made = edge_courses(edges, np.array([[0.0, 0.0], [100.4, 0.0]]))[0]
    assert (made.delta_deg, made.radius_ft) == (pytest.approx(180), pytest.approx(50.2))


def test_the_record_is_what_the_map_states_and_not_what_its_corners_give(plat):
    arc = int(np.flatnonzero(plat.edges["kind"] == "curve")[0])
    wrong = plat._replace(
        edges=plat.edges.assign(record_length_ft=plat.edges["record_length_ft"].where(np.arange(len(plat.edges)) != arc, 70.0))
    )
    own = edge_courses(plat.edges, plat.corners)
    assert record_courses(wrong, own)[arc].arc_ft == pytest.approx(70.0)
    lots = plat.edges.loc[arc, ["left", "right"]].max()
    assert record_closures(plat, record_courses(plat, own))[lots].misclosure_ft < 1e-4
    assert record_closures(wrong, record_courses(wrong, own))[lots].misclosure_ft > 1.0


def test_polygons_of_neighbours_share_their_vertices_to_the_last_bit(plat):
    polygons = lot_polygons(plat, edge_chains(edge_courses(plat.edges, plat.corners), plat.edges, plat.corners))
    one, two = (set(polygons[lot(plat, name)].exterior.coords) for name in ("1", "2"))
    assert len(one & two) == 2
    assert sum(p.area for p in polygons) == pytest.approx(area_sqft(tract_maps.outline().courses), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "number"), [("Lot #12", "12"), ("LOT 12", "12"), ("PROPERTY : 7A", "7A"), ("a", "A"), ("", None), (None, None)]
)
def test_a_lot_is_known_by_its_number(name, number):
    assert lot_number(name) == number
