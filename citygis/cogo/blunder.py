"""
Blunders: which single course best explains why a figure does not close.

Every course is tried with every slip that could have made its numbers what they are (`citygis.cogo.slip`), and what then closes
within the rounding of the document is ranked: by how well it closes, by how common the slip is, and by the stated area where there
is one. Nothing is mended: a suspect is a question to the document.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.area import area_sqft as courses_area_sqft
from citygis.cogo.course import Course, azimuths_of, chords, oriented
from citygis.cogo.slip import SLIPS, angle_slips, length_slips

LEAST_MISCLOSURE_FT = 0.05
"""A figure that closes within this is not searched: the City's limit for a record, however short."""

CERTAINTY = 4.0
"""How many standard errors of rounding count as closed: rounding alone passes this once in 3,000 figures."""

_UNEXPLAINED = "unexplained"


class Rounding(NamedTuple):
    """The last place that a document gives: feet, and seconds."""

    distance_ft: float
    direction_s: float


class Suspect(NamedTuple):
    """
    A course that may hold the blunder.

    Attributes
    ----------
    position : int
        Of the course.
    kind : str
        A key of `citygis.cogo.slip.SLIPS`.
    element : {"bearing", "distance", "radius", "delta", "arc", "chord", "hand"}
    stated, restored : float or str
        What the document says, and what it may have said: degrees (an azimuth for a bearing), feet, or L and R.
    misclosure_ft, closure_ratio : float
        Of the figure with the restored value.
    weight : float
        Relative likelihood, the suspects of one figure adding to 1 with what is not listed.
    """

    position: int
    kind: str
    element: str
    stated: float | str
    restored: float | str
    misclosure_ft: float
    closure_ratio: float
    weight: float


class _Trial(NamedTuple):
    kind: str
    element: str
    stated: float | str
    restored: float | str
    course: Course


def suspects(
    courses: Sequence[Course],
    *,
    closes_on: ArrayLike = (0.0, 0.0),
    area_sqft: float | None = None,
    area_rounding_sqft: float | None = None,
    rounding: Rounding | None = None,
    tangent_in_deg: float | None = None,
    limit: int = 10,
) -> tuple[Suspect, ...]:
    """
    Courses that may hold the one blunder for which a figure does not close, likeliest first.

    Parameters
    ----------
    courses : sequence of Course
        As stated: a direction that the document gives by tangency only is None, for then a blunder before it turns it too.
    closes_on : array (2,)
        What the courses must add up to; nothing for a loop.
    area_sqft, area_rounding_sqft : float, optional
        The stated area and its last place. It tells apart what the closure cannot, such as which of two parallel sides is wrong.
    rounding : Rounding, optional
        Of the document; by default as its lines show it (`rounding_of`).
    tangent_in_deg : float, optional
        As `citygis.cogo.oriented`.
    limit : int
        At most so many.

    Returns
    -------
    tuple of Suspect
        Empty where the figure closes within rounding, and where no single course explains it.
    """
    raw = tuple(courses)
    laid = oriented(raw, tangent_in_deg=tangent_in_deg).courses
    rounding = rounding or rounding_of(laid)
    steps = chords(laid)
    missed = steps.sum(axis=0) - np.asarray(closes_on, dtype=float)
    sigma = _sigma_ft(laid, rounding)
    closed = max(LEAST_MISCLOSURE_FT, CERTAINTY * sigma)
    if math.hypot(*missed) <= closed:
        return ()
    perimeter = math.fsum(course.length_ft for course in laid)
    decimals = max(2, round(-math.log10(rounding.distance_ft)))
    found = []
    for position, course in enumerate(laid):
        trials = list(_trials(raw[position], course, decimals))
        variants = Counter((trial.kind, trial.element) for trial in trials)
        moved = np.array([_move(raw, laid, position, trial.course) for trial in trials]).reshape(-1, 2)
        left = np.hypot(*(missed + moved).T)
        for at in np.flatnonzero(left <= closed).tolist():
            trial = trials[at]
            weight = SLIPS[trial.kind][1] / variants[trial.kind, trial.element] * math.exp(-((left[at] / sigma) ** 2) / 2)
            found.append((weight, position, trial, float(left[at])))
        for trial, rest in _unexplained(course, missed):
            if rest <= closed and raw[position].azimuth_deg is not None:
                weight = SLIPS[_UNEXPLAINED][1] * math.exp(-((rest / sigma) ** 2) / 2)
                found.append((weight, position, trial, rest))
    if area_sqft is not None:
        found = [
            (
                weight * _area_factor(raw, position, trial, area_sqft, area_rounding_sqft, perimeter * sigma, tangent_in_deg),
                position,
                trial,
                rest,
            )
            for weight, position, trial, rest in found
        ]
    total = math.fsum(weight for weight, *_ in found) or 1.0
    # Equal weights stay in the order of the courses, so that the answer is the same every time.
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    return tuple(
        Suspect(
            position, t.kind, t.element, t.stated, t.restored, rest, perimeter / rest if rest > 1e-6 else math.inf, weight / total
        )
        for weight, position, t, rest in _best_each(found)[:limit]
    )


def rounding_of(courses: Sequence[Course]) -> Rounding:
    """
    The last place that the lines of a document show: 0.001 to 1 ft, and 1 second to 1 degree.

    Cardinal directions say nothing. With fewer than two lines that do, 0.01 ft and 1 second.
    """
    lines = [course for course in courses if course.kind == "line" and course.azimuth_deg is not None]
    distances = [course.distance_ft for course in lines]
    seconds = [s for course in lines if (s := course.azimuth_deg * 3600) % 324_000 > 0.01]
    return Rounding(
        next((p for p in (1.0, 0.1, 0.01) if all(_is_multiple(d, p, 1e-6) for d in distances)), 0.001)
        if len(distances) > 1
        else 0.01,
        next((p for p in (3600.0, 1800.0, 60.0, 30.0, 10.0) if all(_is_multiple(s, p, 1e-3) for s in seconds)), 1.0)
        if len(seconds) > 1
        else 1.0,
    )


def _is_multiple(value: float, place: float, tolerance: float) -> bool:
    return abs(value / place - round(value / place)) * place < tolerance


def _sigma_ft(courses: Sequence[Course], rounding: Rounding) -> float:
    """Standard error of one coordinate of the misclosure: each number is rounded evenly within its last place."""
    angle = math.radians(rounding.direction_s / 3600)
    total = sum(rounding.distance_ft**2 + (course.distance_ft * angle) ** 2 for course in courses)
    return math.sqrt(total / 12 / 2)


def _trials(raw: Course, laid: Course, decimals: int) -> Iterator[_Trial]:
    """A course with each slip undone."""
    raw = raw._replace(hand=laid.hand)
    if raw.azimuth_deg is not None:
        for kind, azimuth in _azimuth_slips(laid.azimuth_deg):
            yield _Trial(kind, "bearing", laid.azimuth_deg, azimuth, raw._replace(azimuth_deg=azimuth))
    if laid.kind == "line":
        for kind, distance in length_slips(laid.distance_ft, decimals=decimals):
            yield _Trial(kind, "distance", laid.distance_ft, distance, raw._replace(distance_ft=distance))
    elif laid.kind == "curve":
        yield from _curve_trials(raw, laid, decimals)


def _azimuth_slips(azimuth: float) -> Iterator[tuple[str, float]]:
    yield "reversed", (azimuth + 180) % 360
    mirrored = {(180 - azimuth) % 360, -azimuth % 360} - {azimuth % 360, (azimuth + 180) % 360}
    for other in sorted(mirrored):
        yield "quadrant", other
    north, east = azimuth <= 90 or azimuth >= 270, azimuth <= 180
    angle = min(azimuth, abs(180 - azimuth), 360 - azimuth)
    for kind, changed in angle_slips(angle):
        quadrant = changed if north else 180 - changed
        yield kind, (quadrant if east else -quadrant) % 360


def _curve_trials(raw: Course, laid: Course, decimals: int) -> Iterator[_Trial]:
    radius, delta, arc, chord = laid.radius_ft, laid.delta_deg, laid.arc_ft, laid.distance_ft
    if raw.azimuth_deg is None and raw.tangency == "tangent":
        other = {"L": "R", "R": "L"}[laid.hand]
        yield _Trial("hand", "hand", laid.hand, other, raw._replace(hand=other))
    for kind, changed in length_slips(radius, decimals=decimals):
        yield _Trial(kind, "radius", radius, changed, _curved(raw, changed, delta))
        # The arc may have been what was stated with the radius: then the angle follows.
        if (turned := math.degrees(arc / changed)) < 360:
            yield _Trial(kind, "radius", radius, changed, _curved(raw, changed, turned))
    for kind, changed in angle_slips(delta, most_deg=359.0):
        if changed > 0:
            yield _Trial(kind, "delta", delta, changed, _curved(raw, radius, changed))
    for kind, changed in length_slips(round(arc, decimals), decimals=decimals):
        if (turned := math.degrees(changed / radius)) < 360:
            yield _Trial(kind, "arc", arc, changed, _curved(raw, radius, turned))
    for kind, changed in length_slips(round(chord, decimals), decimals=decimals):
        if changed < 2 * radius:
            yield _Trial(kind, "chord", chord, changed, _curved(raw, radius, math.degrees(2 * math.asin(changed / 2 / radius))))
    if arc < 2 * radius:
        yield _Trial("arc_for_chord", "chord", chord, arc, _curved(raw, radius, math.degrees(2 * math.asin(arc / 2 / radius))))
    yield _Trial("arc_for_chord", "arc", arc, chord, _curved(raw, radius, math.degrees(chord / radius)))


def _curved(course: Course, radius: float, delta: float) -> Course:
    half = math.radians(delta) / 2
    return course._replace(radius_ft=radius, delta_deg=delta, arc_ft=radius * 2 * half, distance_ft=2 * radius * math.sin(half))


def _move(raw: Sequence[Course], laid: Sequence[Course], position: int, changed: Course) -> np.ndarray:
    """By how much the end of the figure moves when one course changes, and those that are directed by it turn along."""
    end = position + 1
    while end < len(raw) and raw[end].azimuth_deg is None:
        end += 1
    if end == position + 1 and changed.azimuth_deg is not None:
        return _step(changed) - _step(laid[position])
    # Among these few it begins along what came before, whichever hand that had.
    tangency = "tangent" if changed.tangency in ("compound", "reverse") else changed.tangency
    entry = azimuths_of(laid[position])[0]
    turned = oriented([changed._replace(tangency=tangency), *raw[position + 1 : end]], tangent_in_deg=entry).courses
    return sum(map(_step, turned)) - sum(map(_step, laid[position:end]))


def _step(course: Course) -> np.ndarray:
    azimuth = math.radians(course.azimuth_deg)
    return np.array([course.distance_ft * math.sin(azimuth), course.distance_ft * math.cos(azimuth)])


def _unexplained(course: Course, missed: np.ndarray) -> Iterator[tuple[_Trial, float]]:
    """The one distance, and the one bearing, with which the figure comes nearest to closing."""
    if course.kind != "line":
        return
    step = _step(course)
    target = step - missed
    along = float(np.dot(target, step)) / course.distance_ft
    if along > 0:
        changed = course._replace(distance_ft=along)
        yield (
            _Trial(_UNEXPLAINED, "distance", course.distance_ft, along, changed),
            math.dist(step * along / course.distance_ft, target),
        )
    azimuth = math.degrees(math.atan2(*target)) % 360
    trial = _Trial(_UNEXPLAINED, "bearing", course.azimuth_deg, azimuth, course._replace(azimuth_deg=azimuth))
    yield trial, abs(math.hypot(*target) - course.distance_ft)


def _area_factor(raw, position, trial, stated, place, slack, tangent_in_deg) -> float:
    """How well the area with the slip undone agrees with the stated one; never below a floor, for that may be wrong itself."""
    changed = [*raw[:position], trial.course, *raw[position + 1 :]]
    found = courses_area_sqft(oriented(changed, tangent_in_deg=tangent_in_deg).courses)
    sigma = math.hypot((place or 1.0) / 2, slack)
    return max(math.exp(-(((found - stated) / sigma) ** 2) / 2), 1e-6)


def _best_each(found: list) -> list:
    """One entry per course, kind and element, and no lesser explanation of a course by the same number."""
    best, seen = [], set()
    for entry in found:
        _, position, trial, _ = entry
        key = (position, trial.element, round(trial.restored, 6) if isinstance(trial.restored, float) else trial.restored)
        if trial.kind == _UNEXPLAINED and any(p == position for _, p, *_ in best):
            continue
        if key not in seen:
            seen.add(key)
            best.append(entry)
    return best
