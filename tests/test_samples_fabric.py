import itertools

import numpy as np
import pytest
import shapely
from sample_city import city

from citygis.samples import riverbend
from citygis.samples.drafting import Arc

FABRIC = city().fabric


def test_every_face_is_valid_and_together_they_are_a_coverage():
    assert shapely.is_valid(FABRIC.faces).all()
    assert shapely.coverage_is_valid(FABRIC.faces)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_is_another_city_and_as_clean(seed):
    other = riverbend(seed=seed)
    assert shapely.coverage_is_valid(other.fabric.faces)
    assert list(other.layers["parcel"]["geom_hash"]) != list(city().layers["parcel"]["geom_hash"])
    assert other.layers["parcel"]["apn"].is_unique
    assert other.layers["boundary_line"]["distance_ft"].min() > 0.02


def test_the_faces_add_up_to_the_ground_they_enclose():
    whole = shapely.coverage_union_all(FABRIC.faces)
    assert shapely.area(FABRIC.faces).sum() == pytest.approx(whole.area, rel=1e-9)
    assert len(whole.interiors) == 0


def test_coordinates_are_rounded_to_a_ten_thousandth_of_a_foot():
    coordinates = shapely.get_coordinates(FABRIC.faces)
    assert (coordinates == coordinates.round(4)).all()


def test_every_vertex_on_an_arc_is_within_a_hundredth_of_a_foot_of_its_radius():
    arcs = [course for course in FABRIC.courses if isinstance(course.curve, Arc)]
    assert len(arcs) > 500
    for course in arcs:
        centre, radius = _circle_through(course)
        assert np.abs(np.hypot(*(course.points - centre).T) - radius).max() < 0.01


def test_courses_between_two_faces_are_edges_of_both():
    edges = {}
    for number, face in enumerate(FABRIC.faces):
        for ring in (face.exterior, *face.interiors):
            points = shapely.get_coordinates(ring).tolist()
            edges |= {(*a, *b): number for a, b in itertools.pairwise(points)}
    for course in FABRIC.courses:
        for a, b in itertools.pairwise(course.points.tolist()):
            assert edges.get((*a, *b), -1) == course.left
            assert edges.get((*b, *a), -1) == course.right


def test_the_city_has_what_a_city_has():
    kinds = {street.kind for street in city().plan.streets}
    assert kinds == {"arterial", "collector", "local", "alley", "canal"}
    discs = [len(street.discs) for street in city().plan.streets]
    assert discs.count(1) > 30, "cul-de-sacs with bulbs"
    assert discs.count(2) == 4, "loops with knuckles"


def test_the_flag_lots_reach_their_street_by_a_pole_of_20_ft():
    streets, lengths = city().plan.streets, {}
    for course in FABRIC.courses:
        for lot, way in ((course.left, course.right), (course.right, course.left)):
            on_street = course.role == "edge" and min(lot, way) >= 0 and FABRIC.street[lot] < 0 <= FABRIC.street[way]
            if on_street and streets[FABRIC.street[way]].kind == "collector":
                lengths[lot] = lengths.get(lot, 0.0) + float(np.hypot(*(course.points[-1] - course.points[0])))
    poles = [lot for lot, length in lengths.items() if abs(length - 20.0) < 0.01]
    assert len(poles) >= 15


def _circle_through(course) -> tuple[np.ndarray, float]:
    """Centre and radius of the course's curve on the ground, from its ends and its radius on the plan."""
    a, b = course.points[0], course.points[-1]
    radius, half = course.curve.radius, np.hypot(*(b - a)) / 2
    towards = np.array([-(b - a)[1], (b - a)[0]]) / (2 * half)
    side = np.sign(course.curve.sweep) if abs(course.curve.sweep) <= np.pi else -np.sign(course.curve.sweep)
    return (a + b) / 2 + towards * side * np.sqrt(radius**2 - half**2), radius
