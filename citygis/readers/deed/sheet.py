"""
The closure sheet of a figure as plain text, and its plot as SVG.
"""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

from citygis.cogo import Course, area_sqft, closure, corners, format_angle, format_bearing, oriented, vertices
from citygis.units import SQFT_PER_ACRE


def closure_sheet(
    courses: Sequence[Course], *, title: str = "", start: tuple[float, float] = (0.0, 0.0), calls: Sequence[int] | None = None
) -> str:
    """
    The courses, where they lead, and how they close.

    Parameters
    ----------
    courses : sequence of Course
        In order, from the point of beginning.
    title : str
    start : (easting, northing)
        Of the point of beginning, feet.
    calls : sequence of int, optional
        Number of each course; counted from 1 by default.

    Returns
    -------
    str
        Lines of text: per course its bearing and distance (of the chord for a curve), its elements, northing and easting at its
        end; then misclosure, ratio, perimeter and area. The numbers are those of the record: nothing is adjusted.

    Raises
    ------
    ValueError
        If there are no courses, or one has no direction.
    """
    if not courses:
        raise ValueError("Invalid courses. Must have at least one.")
    laid = oriented(courses).courses
    numbers = list(calls) if calls is not None else list(range(1, len(laid) + 1))
    if len(numbers) != len(laid):
        raise ValueError(f"Invalid calls: {len(numbers)} for {len(laid)} courses. Must be one for each.")
    places = corners(laid, start)
    lines = [title] if title else []
    lines.append(f"{'call':>5}  {'bearing':<16} {'distance ft':>12}  {'northing ft':>14} {'easting ft':>14}  curve")
    lines.append(f"{'':>5}  {'':<16} {'':>12}  {places[0][1]:>14,.3f} {places[0][0]:>14,.3f}")
    for number, course, place in zip(numbers, laid, places[1:], strict=True):
        curve = ""
        if course.kind == "curve":
            curve = f"  R {course.radius_ft:,.2f}  delta {format_angle(course.delta_deg)} {course.hand}  L {course.arc_ft:,.2f}"
        elif course.kind == "spiral":
            curve = f"  spiral {course.hand}  L {course.arc_ft:,.2f}"
        lines.append(
            f"{number:>5}  {format_bearing(course.azimuth_deg):<16} {course.distance_ft:>12,.3f}  {place[1]:>z14,.3f} "
            f"{place[0]:>z14,.3f}{curve}"
        )
    found = closure(laid)
    ratio = "exact" if math.isinf(found.closure_ratio) else f"1 in {found.closure_ratio:,.0f}"
    lines.append(
        (
            f"misclosure {found.misclosure_ft:.3f} ft "
            f"{format_bearing(found.misclosure_azimuth_deg) if found.misclosure_ft >= 0.0005 else ''}"
        ).rstrip()
        + f", {ratio}"
    )
    lines.append(
        f"sum of departures {found.sum_easting_ft:+z.3f} ft, of latitudes {found.sum_northing_ft:+z.3f} ft; perimeter "
        f"{found.perimeter_ft:,.2f} ft"
    )
    area = area_sqft(laid)
    lines.append(f"area {area:,.2f} sq ft, {area / SQFT_PER_ACRE:.4f} acres (by the courses, arcs exact)")
    return "\n".join(lines) + "\n"


def plot_svg(
    courses: Sequence[Course],
    *,
    ties: Sequence[Course] = (),
    title: str = "",
    width_px: int = 640,
    calls: Sequence[int] | None = None,
) -> str:
    """
    A plot of courses with their numbers, north up, arcs as arcs.

    Parameters
    ----------
    courses : sequence of Course
        In order, from the point of beginning.
    ties : sequence of Course, optional
        Drawn dashed, to the point of beginning.
    title : str
    width_px : int
        Of the longer side.
    calls : sequence of int, optional
        Number of each course.

    Returns
    -------
    str
        An SVG document without scripts, styles from elsewhere, or links. What does not close is drawn in red.

    Raises
    ------
    ValueError
        If there are no courses, or one has no direction.
    """
    if not courses:
        raise ValueError("Invalid courses. Must have at least one.")
    laid, led = oriented(courses).courses, oriented(ties).courses if ties else ()
    begin = corners(led)[-1] if led else np.zeros(2)
    shape = np.vstack([vertices(laid, begin), *([vertices(led)] if led else [])])
    low, high = shape.min(axis=0), shape.max(axis=0)
    span = float(max(*(high - low), 1e-6))
    scale, margin = width_px / span, 24.0
    size = (high - low) * scale + 2 * margin

    def at(place: np.ndarray) -> str:
        return f"{(place[0] - low[0]) * scale + margin:.2f} {(high[1] - place[1]) * scale + margin:.2f}"

    places = corners(laid, begin)
    numbers = list(calls) if calls is not None else list(range(1, len(laid) + 1))
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]:.0f}" height="{size[1]:.0f}" viewBox="0 0 '
            f'{size[0]:.2f} {size[1]:.2f}">'
        ),
        f"<title>{escape(title or 'Plot of courses')}</title>",
        f'<path d="{_path(laid, places, at, scale)}" fill="none" stroke="black" stroke-width="1.5"/>',
    ]
    if led:
        parts.append(f'<path d="{_path(led, corners(led), at, scale)}" fill="none" stroke="black" stroke-dasharray="6 4"/>')
    gap = closure(laid)
    if gap.misclosure_ft > max(0.05, gap.perimeter_ft / 10_000):
        parts.append(f'<path d="M {at(places[-1])} L {at(places[0])}" fill="none" stroke="red" stroke-width="1.5"/>')
    for number, a, b in zip(numbers, places, places[1:], strict=False):
        e, n = at((a + b) / 2).split()
        parts.append(f'<text x="{e}" y="{n}" font-size="11" font-family="sans-serif" text-anchor="middle">{number}</text>')
    e, n = at(begin).split()
    parts.append(f'<circle cx="{e}" cy="{n}" r="4" fill="none" stroke="black"/>')
    return "\n".join([*parts, "</svg>\n"])


def _path(courses: Sequence[Course], places: np.ndarray, at, scale: float) -> str:
    steps = [f"M {at(places[0])}"]
    for n, course in enumerate(courses):
        if course.kind == "curve":
            # SVG counts downward, so that an arc to the right sweeps in its positive direction.
            radius = course.distance_ft / 2 / math.sin(math.radians(course.delta_deg) / 2) * scale
            steps.append(
                f"A {radius:.3f} {radius:.3f} 0 {int(course.delta_deg > 180)} {int(course.hand == 'R')} {at(places[n + 1])}"
            )
        elif course.kind == "spiral":
            steps += [f"L {at(place)}" for place in vertices([course], places[n])[1:]]
        else:
            steps.append(f"L {at(places[n + 1])}")
    return " ".join(steps)
