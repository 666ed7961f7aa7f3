"""
Legal descriptions written from courses, in the words that `citygis.readers.deed.read_deed` reads back.
"""

import itertools
import math
from collections.abc import Sequence

import shapely

from citygis.cogo import (
    Course,
    area_sqft,
    azimuth_between,
    azimuths_of,
    closure,
    format_angle,
    format_bearing,
    line_course,
    oriented,
    turn,
)
from citygis.cogo.course import TANGENT_TOLERANCE_S
from citygis.units import SQFT_PER_ACRE

_EIGHT = ("northerly", "northeasterly", "easterly", "southeasterly", "southerly", "southwesterly", "westerly", "northwesterly")
_HANDS = {"L": "left", "R": "right"}


def describe(
    courses: Sequence[Course] | shapely.Polygon,
    *,
    beginning: str = "a point",
    ties: Sequence[Course] = (),
    commencement: str | None = None,
    calls: Sequence[str | None] | None = None,
    distance_decimals: int = 2,
    second_decimals: int = 0,
    with_area: bool = True,
    lead: str = "",
) -> str:
    """
    A legal description by metes and bounds.

    Parameters
    ----------
    courses : sequence of Course, or Polygon
        Of the boundary, from the point of beginning and back to it: lines and curves, in feet. Of a polygon its corners, as lines,
        clockwise from the first.
    beginning : str
        What the point of beginning is, such as "the northwest corner of Lot 4".
    ties : sequence of Course, optional
        From the point of commencement to the point of beginning.
    commencement : str, optional
        What the point of commencement is; asked for when there are ties.
    calls : sequence of str or None, optional
        One per course: the line, corner or adjoiner it calls to ("along the north line of Lot 4").
    distance_decimals, second_decimals : int
        Last place of lengths, in feet, and of seconds.
    with_area : bool
        Whether the area of the courses is stated, in square feet and acres.
    lead : str
        What is written before, such as "All that portion of Lot 4 ... described as follows:".

    Returns
    -------
    str
        One paragraph. Read back, it gives the same courses within the rounding asked for.

    Raises
    ------
    ValueError
        If there are no courses, one is a spiral or has no direction, the loop does not close within what the rounding hides, a
        length vanishes in it, or the calls are not as many as the courses.
    """
    if isinstance(courses, shapely.Polygon):
        courses = _of_polygon(courses)
    laid, led = _require(courses), _require(ties) if ties else ()
    if not laid:
        raise ValueError("Invalid courses. Must have at least one.")
    if calls is not None and len(calls) != len(laid):
        raise ValueError(f"Invalid calls: {len(calls)} for {len(laid)} courses. Must be one for each.")
    if led and not commencement:
        raise ValueError("Invalid commencement None. Must say where the ties begin.")
    gap = closure(laid)
    if gap.misclosure_ft > max(len(laid) * 10.0**-distance_decimals, gap.perimeter_ft / 10_000):
        raise ValueError(
            f"Invalid courses: they miss the beginning by {gap.misclosure_ft:.3f} ft. Must close; look at cogo.closure, "
            f"and at cogo.suspects."
        )
    places = (distance_decimals, second_decimals)
    parts = [lead.strip()] if lead.strip() else []
    if led:
        words = [_course(course, before, None, places) for course, before in zip(led, (None, *led), strict=False)]
        parts.append(
            f"COMMENCING at {commencement}; " + "; ".join(words) + ", to the TRUE POINT OF BEGINNING, being " + beginning + ";"
        )
    else:
        parts.append(f"BEGINNING at {beginning};")
    before = led[-1] if led else None
    words = []
    for n, course in enumerate(laid):
        words.append(_course(course, before, calls[n] if calls else None, places))
        before = course
    parts.append("; ".join(words) + f", to the {'TRUE ' if led else ''}POINT OF BEGINNING.")
    if with_area:
        area = area_sqft(laid)
        parts.append(
            f"Containing {area:,.{max(0, distance_decimals - 2)}f} square feet or {area / SQFT_PER_ACRE:.4f} acres, more or less."
        )
    return " ".join(parts)


def _require(courses: Sequence[Course]) -> tuple[Course, ...]:
    for n, course in enumerate(courses, start=1):
        if course.kind == "spiral":
            raise ValueError(
                f"Invalid course {n}: a spiral. Must be lines and curves; legal descriptions have no one wording for spirals."
            )
    return oriented(courses).courses


def _course(course: Course, before: Course | None, call: str | None, places: tuple[int, int]) -> str:
    distance, seconds = places
    along = f" {call.strip()}," if call and call.strip() else ""
    _require_shown(course, distance)
    if course.kind == "line":
        return (
            f"thence{along} {format_bearing(course.azimuth_deg, style='deed', decimals=seconds)}, "
            f"{course.distance_ft:,.{distance}f} feet"
        )
    start, _ = azimuths_of(course)
    off = abs(turn(azimuths_of(before)[1], start)) * 3600 if before is not None else math.inf
    how = "non-tangent"
    if off <= min(TANGENT_TOLERANCE_S / 2, 2 * 10.0**-seconds):
        how = "tangent" if before.kind == "line" else "compound" if before.hand == course.hand else "reverse"
    center = course.azimuth_deg + (90 if course.hand == "R" else -90)
    return (
        f"thence{along} {_word(course.azimuth_deg)} along the arc of a {how} curve to the {_HANDS[course.hand]}, "
        f"concave {_word(center)}, "
        f"having a radius of {course.radius_ft:,.{distance}f} feet, through a central angle of "
        f"{format_angle(course.delta_deg, decimals=seconds)}, "
        f"an arc distance of {course.arc_ft:,.{distance}f} feet, the chord of which bears "
        f"{format_bearing(course.azimuth_deg, style='deed', decimals=seconds)}, {course.distance_ft:,.{distance}f} feet"
    )


def _require_shown(course: Course, decimals: int) -> None:
    for value in (course.distance_ft, course.radius_ft, course.arc_ft):
        if value is not None and round(value, decimals) <= 0:
            raise ValueError(
                f"Invalid course of {course.length_ft:g} ft. Must show in {decimals} decimals: state more distance_decimals."
            )


def _word(azimuth_deg: float) -> str:
    return _EIGHT[round(azimuth_deg % 360 / 45) % 8]


def _of_polygon(polygon: shapely.Polygon) -> tuple[Course, ...]:
    if polygon.is_empty or polygon.interiors:
        raise ValueError("Invalid polygon. Must have one ring, without holes: an exception is a description of its own.")
    ring = shapely.get_coordinates(shapely.orient_polygons(polygon, exterior_cw=True).exterior)
    return tuple(
        line_course(float(azimuth_between(a, b)), math.dist(a, b), basis="CALCULATED") for a, b in itertools.pairwise(ring)
    )
