"""Strips along a street: they hold it, they meet, they follow its turns."""

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely
from shapely.ops import substring

from citygis.errors import SheetError
from citygis.sheets.frame import Frame
from citygis.sheets.strips import station_text, strips

SIZE = {"width_ft": 1000.0, "height_ft": 600.0}


def line(*points):
    return np.array([shapely.LineString(points)], dtype=object)


def arc(radius, degrees, n=200):
    a = np.radians(np.linspace(0, degrees, n))
    return line(*np.column_stack([radius * np.sin(a), radius * (1 - np.cos(a))]))


def ground(strip):
    """The ground a frame of this strip shows, by the frame's own rule."""
    frame = Frame(None, 72, strip.easting, strip.northing, 0.0, 0.0, 1000.0, 600.0, strip.rotation_deg)
    return shapely.Polygon(frame.corners)


def test_a_straight_street_is_cut_into_even_strips():
    # 2,500 ft; each sheet shows 1,000 ft, of them 100 beyond each match line: four strips of 625 ft.
    made = strips(line((0, 0), (2500, 0)), overlap_ft=100, **SIZE)
    assert [(s.start_ft, s.end_ft) for s in made] == [(0, 625), (625, 1250), (1250, 1875), (1875, 2500)]
    assert [s.easting for s in made] == pytest.approx([312.5, 937.5, 1562.5, 2187.5])
    assert {s.rotation_deg for s in made} == {0.0}


def test_a_strip_of_just_the_room_is_one_sheet_and_a_hair_more_is_two():
    assert len(strips(line((0, 0), (800, 0)), overlap_ft=100, **SIZE)) == 1
    assert len(strips(line((0, 0), (800.1, 0)), overlap_ft=100, **SIZE)) == 2


@pytest.mark.parametrize("degrees", [-80, -30, 12.5, 89])
def test_a_frame_is_turned_so_that_the_street_lies_level(degrees):
    a = math.radians(degrees)
    made = strips(line((0, 0), (1500 * math.cos(a), 1500 * math.sin(a))), **SIZE)
    assert len(made) == 2
    for strip in made:
        frame = Frame(None, 72, strip.easting, strip.northing, 0, 0, 1000, 600, strip.rotation_deg)
        start, end = frame.to_page(np.array([(0, 0), (1500 * math.cos(a), 1500 * math.sin(a))]))
        assert start[1] == pytest.approx(end[1], abs=1e-6)


def test_stations_begin_in_the_west_whichever_way_it_was_drawn():
    ahead, back = (strips(line(*points), **SIZE) for points in (((0, 0), (1500, 90)), ((1500, 90), (0, 0))))
    assert ahead == back
    assert ahead[0].easting < ahead[1].easting


@pytest.mark.parametrize("street", [arc(2000, 120), arc(700, 180), line((0, 0), (900, 200), (1700, -150), (2600, 0))])
def test_the_frames_hold_the_street_and_what_lies_beyond_the_match_lines(street):
    made = strips(street, overlap_ft=80, **SIZE)
    assert len(made) > 2
    piece = street[0] if street[0].coords[0][0] <= street[0].coords[-1][0] else shapely.reverse(street[0])
    for strip in made:
        own = substring(piece, strip.start_ft, strip.end_ft)
        assert ground(strip).buffer(-79).covers(own)
    assert shapely.union_all([ground(strip) for strip in made]).buffer(1e-6).covers(piece)


def test_neighbours_share_their_match_line_and_it_crosses_the_street_at_its_station():
    street = arc(2000, 120)
    made = strips(street, **SIZE)
    for left, right in pairwise(made):
        assert left.after == right.before
        at = street[0].interpolate(left.after.station_ft)
        assert left.after.line.distance(at) == pytest.approx(0, abs=1e-6)
        assert left.after.station_ft == left.end_ft == right.start_ft
        # Long enough to cross both sheets.
        for strip in (left, right):
            assert left.after.line.intersection(ground(strip)).length > 590
    assert made[0].before is None
    assert made[-1].after is None


def test_the_match_line_halves_the_angle_between_two_sheets():
    made = strips(line((0, 0), (700, 0), (700 + 700 * math.cos(math.radians(40)), 700 * math.sin(math.radians(40)))), **SIZE)
    (e0, n0), (e1, n1) = made[0].after.line.coords
    across = math.degrees(math.atan2(n1 - n0, e1 - e0))
    mean = -(made[0].rotation_deg + made[1].rotation_deg) / 2
    assert across - 90 == pytest.approx(mean)


def test_pieces_that_touch_are_one_street_and_others_have_stations_that_run_on():
    touching = np.concatenate([line((600, 0), (1200, 0)), line((0, 0), (600, 0))])
    assert [s.end_ft for s in strips(touching, **SIZE)] == pytest.approx([600, 1200])
    apart = np.concatenate([line((5000, 0), (5500, 0)), line((0, 0), (600, 0))])
    made = strips(apart, **SIZE)
    assert [(s.part, s.start_ft, s.end_ft) for s in made] == [(0, 0, 600), (1, 600, 1100)]
    assert made[0].after is None


def test_the_other_roadway_of_a_divided_street_has_no_strips_of_its_own():
    both = np.concatenate([line((0, 0), (1500, 0)), line((0, 60), (1500, 60))])
    assert len(strips(both, **SIZE)) == 2


def test_the_street_keeps_to_the_middle_of_the_sheet():
    # A band of 36 ft holds an arc of radius 1,200 ft as long as its rise is no more: a chord of 2 sqrt(36 (2400 - 36)) = 583 ft.
    made = strips(arc(1200, 150), aside=0.47, **SIZE)
    length = 1200 * math.radians(150)
    assert len(made) == math.ceil(length / (2 * 1200 * math.asin(583.4 / 2400)))
    assert len(made) > len(strips(arc(1200, 150), aside=0.1, **SIZE))


def test_what_cannot_be_is_refused():
    with pytest.raises(SheetError, match="overlap_in smaller"):
        strips(line((0, 0), (2000, 0)), overlap_ft=480, **SIZE)


@pytest.mark.parametrize(("feet", "text"), [(0, "0+00.00"), (1234.56, "12+34.56"), (99.999, "1+00.00"), (7.5, "0+07.50")])
def test_stations_are_written_in_hundreds_of_feet(feet, text):
    assert station_text(feet) == text
