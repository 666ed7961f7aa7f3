"""
Arcs in their place: centres, tangent and radial directions, arcs through points, and the vertices that stand for an arc.

A curve turns to the right (``R``, clockwise) or to the left (``L``). Points are arrays of easting and northing.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.bearing import compass_azimuth

SAGITTA_FT = 0.01
"""How far a chord that stands for a piece of an arc may lie from it."""

HANDS = {"R": 1.0, "L": -1.0}
"""The sign of a turn: azimuths grow to the right."""


class Arc(NamedTuple):
    """A circular arc in its place."""

    start: np.ndarray
    end: np.ndarray
    radius_ft: float
    delta_deg: float
    hand: str
    center: np.ndarray


def unit_vector(azimuth_deg: ArrayLike) -> np.ndarray:
    """Easting and northing of one foot along an azimuth; shape (..., 2)."""
    azimuth = np.radians(azimuth_deg)
    return np.stack([np.sin(azimuth), np.cos(azimuth)], axis=-1)


def azimuth_between(start: ArrayLike, end: ArrayLike) -> np.ndarray:
    """Azimuth from one point to another, in [0, 360); shape of the points without their last axis."""
    step = np.asarray(end, dtype=float) - np.asarray(start, dtype=float)
    return np.degrees(np.arctan2(step[..., 0], step[..., 1])) % 360


def turn(from_deg: float, to_deg: float) -> float:
    """The turn from one azimuth to another, in [-180, 180), right positive."""
    return (to_deg - from_deg + 180) % 360 - 180


def require_hand(hand: str | None) -> float:
    """The sign of a hand, right positive; ValueError unless it is L or R."""
    if hand not in HANDS:
        raise ValueError(f"Invalid hand {hand!r}. Must be L or R.")
    return HANDS[hand]


def chord_azimuth(tangent_in_deg: float, delta_deg: float, hand: str) -> float:
    """Azimuth of the chord of a curve that begins along a tangent: the tangent turned by half the central angle."""
    return (tangent_in_deg + require_hand(hand) * delta_deg / 2) % 360


def tangent_azimuths(chord_azimuth_deg: float, delta_deg: float, hand: str) -> tuple[float, float]:
    """Azimuths along a curve at its start and at its end."""
    half = require_hand(hand) * delta_deg / 2
    return (chord_azimuth_deg - half) % 360, (chord_azimuth_deg + half) % 360


def radial_azimuths(chord_azimuth_deg: float, delta_deg: float, hand: str) -> tuple[float, float]:
    """Azimuths from the centre of a curve to its start and to its end."""
    sign = require_hand(hand)
    first, last = tangent_azimuths(chord_azimuth_deg, delta_deg, hand)
    return (first - sign * 90) % 360, (last - sign * 90) % 360


def hand_of_travel(concave: str, travel: str) -> str:
    """
    The hand of a curve from words: ``concave southwesterly``, travelled ``northwesterly``.

    Parameters
    ----------
    concave : str
        Towards which the curve is hollow: its centre lies there.
    travel : str
        Which way it is travelled.

    Raises
    ------
    ValueError
        If the two words are the same or opposite, so that they leave both hands open.
    """
    across = turn(compass_azimuth(travel), compass_azimuth(concave))
    if across in (0, -180):
        raise ValueError(
            f"Invalid words: concave {concave!r}, travelled {travel!r}. Must lie across each other to tell left from right."
        )
    return "R" if across > 0 else "L"


def direction_from_radial(
    radial_deg: float,
    *,
    radial_to: str | None = None,
    hand: str | None = None,
    concave: str | None = None,
    travel: str | None = None,
    delta_deg: float = 0.0,
) -> tuple[float, str]:
    """
    The tangent at the start of a curve, and its hand, from the radial bearing there.

    A radial bearing is never the bearing of the curve: it lies square to it, and documents give it both from and to the centre.

    Parameters
    ----------
    radial_deg : float
        Azimuth of the radial line at the start.
    radial_to : {"center", "point"}, optional
        Where the radial line is said to run to.
    hand : {"L", "R"}, optional
    concave, travel : str, optional
        Words as in `hand_of_travel`.
    delta_deg : float
        Central angle, where it is known: the words are of the middle of the curve.

    Returns
    -------
    tangent_in_deg, hand

    Raises
    ------
    ValueError
        If what is stated leaves more than one curve, or none.
    """
    if radial_to not in (None, "center", "point"):
        raise ValueError(f"Invalid radial_to {radial_to!r}. Must be center or point.")
    found = set()
    for center, leads_to in ((radial_deg, "center"), (radial_deg + 180, "point")):
        for side, sign in HANDS.items():
            tangent = (center - 90 * sign) % 360
            half = sign * delta_deg / 2
            if (
                radial_to in (None, leads_to)
                and hand in (None, side)
                and (concave is None or abs(turn(center + half, compass_azimuth(concave))) < 90)
                and (travel is None or abs(turn(tangent + half, compass_azimuth(travel))) < 90)
            ):
                found.add((tangent, side))
    if len(found) != 1:
        state = (
            "contradict each other"
            if not found
            else "leave more than one curve: state the travel, and the hand or where the centre lies"
        )
        raise ValueError(
            f"Invalid radial bearing of azimuth {radial_deg:.4f}. Must fit what else is said of the curve, but they {state}."
        )
    return found.pop()


def arc_between(
    start: ArrayLike,
    end: ArrayLike,
    *,
    hand: str,
    radius_ft: float | None = None,
    center: ArrayLike | None = None,
    major: bool = False,
) -> Arc:
    """
    The arc between two points, from its radius or its centre.

    Parameters
    ----------
    start, end : array (2,)
    hand : {"L", "R"}
    radius_ft : float, optional
        At least half the distance of the points.
    center : array (2,), optional
        Its mean distance from the two points is the radius; the centre of the answer is refined to be as far from both.
    major : bool
        With a radius only: the longer of the two arcs.

    Raises
    ------
    ValueError
        If the points coincide, the radius is too short, or neither or both of radius and centre are given.
    """
    sign = require_hand(hand)
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    chord = math.dist(start, end)
    if chord == 0:
        raise ValueError("Invalid arc: it ends where it starts. Must be split, if it is a full circle.")
    if (radius_ft is None) == (center is None):
        raise ValueError("Invalid arc. Must have a radius or a centre, one of them.")
    if center is not None:
        center = np.asarray(center, dtype=float)
        radius_ft = (math.dist(start, center) + math.dist(end, center)) / 2
        left = _cross(end - start, center - start) > 0
        major = left != (hand == "L")
    if radius_ft < chord / 2 * (1 - 1e-7):
        raise ValueError(f"Invalid radius {radius_ft} of an arc with a chord of {chord:.4f}. Must be at least half of the chord.")
    half = math.asin(min(1.0, chord / 2 / radius_ft))
    delta = math.degrees(2 * math.pi - 2 * half if major else 2 * half)
    return Arc(start, end, radius_ft, delta, hand, _center(start, end, sign * delta))


def arc_through(start: ArrayLike, middle: ArrayLike, end: ArrayLike) -> Arc:
    """
    The arc through three points.

    Raises
    ------
    ValueError
        If the three lie on one line, or two of them coincide.
    """
    a, b, c = (np.asarray(p, dtype=float) for p in (start, middle, end))
    cross = _cross(b - a, c - b)
    spans = math.dist(a, b), math.dist(b, c), math.dist(a, c)
    if min(spans) == 0 or abs(cross) < 1e-12 * spans[0] * spans[1]:
        raise ValueError("Invalid points of an arc. Must be three that are apart and not on one line.")
    # The inscribed angle at the middle point subtends the rest of the circle (Euclid III.20).
    inscribed = math.atan2(abs(cross), float(np.dot(b - a, c - b)))
    delta = math.degrees(2 * inscribed)
    hand = "L" if cross > 0 else "R"
    return Arc(a, c, spans[2] / (2 * math.sin(inscribed)), delta, hand, _center(a, c, HANDS[hand] * delta))


def bulge(delta_deg: float, hand: str) -> float:
    """
    The bulge of a DXF polyline vertex: the tangent of a quarter of the central angle, left positive (Autodesk DXF Reference,
    LWPOLYLINE).
    """
    return -require_hand(hand) * math.tan(math.radians(delta_deg) / 4)


def arc_of_bulge(start: ArrayLike, end: ArrayLike, bulge_value: float) -> Arc:
    """The arc between two vertices of a DXF polyline; ValueError where the bulge is 0, a straight segment."""
    if not bulge_value or not math.isfinite(bulge_value):
        raise ValueError(f"Invalid bulge {bulge_value!r}. Must be a finite number other than 0, which is a straight segment.")
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    delta = math.degrees(4 * math.atan(abs(bulge_value)))
    hand = "L" if bulge_value > 0 else "R"
    radius = math.dist(start, end) / 2 / math.sin(math.radians(delta) / 2)
    return Arc(start, end, radius, delta, hand, _center(start, end, HANDS[hand] * delta))


def arc_vertices(start: ArrayLike, end: ArrayLike, delta_deg: float, hand: str, *, sagitta_ft: float = SAGITTA_FT) -> np.ndarray:
    """
    Points on an arc, no chord of which leaves it by more than the sagitta.

    Worked out from the end point that sorts first, whichever way the arc is travelled, so that two neighbours get the same
    vertices to the last bit. The end points come back as they are.

    Parameters
    ----------
    start, end : array (2,)
    delta_deg : float
        Central angle, below 360.
    hand : {"L", "R"}
    sagitta_ft : float

    Returns
    -------
    array (n, 2), n at least 2
    """
    sign = require_hand(hand)
    if not sagitta_ft > 0:
        raise ValueError(f"Invalid sagitta_ft {sagitta_ft!r}. Must be above 0.")
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    backwards = tuple(last) < tuple(first)
    if backwards:
        first, last, sign = last, first, -sign
    delta = math.radians(delta_deg)
    chord = math.dist(first, last)
    if chord == 0 or not 0 < delta_deg < 360:
        raise ValueError(f"Invalid arc of {delta_deg}° and a chord of {chord} ft. Must turn less than 360° between two places.")
    radius = chord / 2 / math.sin(delta / 2)
    # A chord over the angle a leaves its arc by R (1 - cos a/2).
    widest = 2 * math.acos(1 - min(sagitta_ft / radius, 1.0))
    pieces = max(1, math.ceil(delta / widest - 1e-9))
    angle = np.arange(pieces + 1) / pieces * delta - delta / 2
    # Along the chord from its middle, and to the outside of it; products, so that a flat arc loses no digits.
    along = radius * np.sin(angle)
    out = 2 * radius * np.sin((delta / 2 + angle) / 2) * np.sin((delta / 2 - angle) / 2)
    direction = (last - first) / chord
    # A right-hand arc bulges to the left of its chord.
    outward = np.array([-direction[1], direction[0]]) * sign
    points = (first + last) / 2 + along[:, None] * direction + out[:, None] * outward
    points[0], points[-1] = first, last
    return points[::-1].copy() if backwards else points


def _center(start: np.ndarray, end: np.ndarray, turned_deg: float) -> np.ndarray:
    """Centre of the arc that turns by `turned_deg`, right positive."""
    step = end - start
    right = np.array([step[1], -step[0]])
    return (start + end) / 2 + right / (2 * math.tan(math.radians(turned_deg) / 2))


def _cross(a: np.ndarray, b: np.ndarray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
