"""The drawing of figures, shot by shot: what a control code cannot do is told, and nothing stops."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from citygis.captures.field_codes import described, field_codes
from citygis.captures.linework import Drawing, Figure, Vertex, courses_of

CODES = field_codes()


def drawing(*rows):
    """Shots (easting, northing, description), all taken and finished."""
    names = pd.array([str(k + 1) for k in range(len(rows))], dtype="str")
    points = gpd.GeoDataFrame(
        {"name": names}, geometry=gpd.points_from_xy([r[0] for r in rows], [r[1] for r in rows]), crs="EPSG:6420"
    )
    made = Drawing(points, CODES)
    for shot, row in enumerate(rows):
        for mention in described(row[2], CODES).mentions:
            made.take(shot, mention)
    made.finish()
    return made


@pytest.mark.parametrize(
    "code, said",
    [
        ("RECT10", "needs a line"),
        ("RT 5", "needs a line"),
        ("X5", "needs a line"),
        ("V1", "without a horizontal"),
        ("CIR0", "radius"),
    ],
)
def test_a_control_that_cannot_be_done_on_a_first_shot_is_told(code, said):
    told = drawing((0, 0, f"BLD1 {code}"), (0, 10, "BLD1 E")).reports
    assert told[0][0] == "F02" and said in told[0][2]


@pytest.mark.parametrize("places", [[(0, 0), (5, 0), (10, 0)], [(0, 0), (0, 0), (10, 0)]])
def test_right_angles_do_not_close_shots_on_a_line_or_on_each_other(places):
    made = drawing(*[(e, n, "BLD1 RECT" if k == 2 else "BLD1") for k, (e, n) in enumerate(places)])
    assert [report[0] for report in made.reports] == ["F02"] and not made.done[0].closed


def test_a_name_of_two_points_is_not_recalled_by_chance():
    points = gpd.GeoDataFrame(
        {"name": pd.array(["7", "7", "8"], dtype="str")}, geometry=gpd.points_from_xy([0, 9, 5], [0, 0, 5]), crs="EPSG:6420"
    )
    made = Drawing(points, CODES)
    made.take(2, described("EP1 B RPN7", CODES).mentions[0])
    assert "2 points of the name 7" in made.reports[0][2]


def test_shots_at_one_place_make_no_course_of_no_length():
    figure = Figure("EP1", "EP", 0, vertices=[Vertex((0, 0), 0), Vertex((0, 0), 1), Vertex((3, 4), 2)])
    courses, places = courses_of(figure, lambda *told: None)
    assert [course.length_ft for course in courses] == [5.0] and places == [1]


def test_the_last_curve_of_an_even_number_of_shots_passes_through_the_last_three():
    ring = [(0.0, 0.0), (10.0, 3.0), (20.0, 0.0), (30.0, -5.0)]
    vertices = [Vertex(place, k, k == 0, k == 3) for k, place in enumerate(ring)]
    courses, _ = courses_of(Figure("EP1", "EP", 0, vertices=vertices), lambda *told: None)
    assert [(c.from_shot, c.to_shot) for c in courses] == [(0, 2), (2, 3)]
    for place in ring[1:]:
        assert np.hypot(*np.subtract(place, courses[1].centre)) == pytest.approx(courses[1].radius_ft, abs=1e-9)
    assert abs(courses[1].sweep_rad) < np.pi / 2
