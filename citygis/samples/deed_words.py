"""How surveyors word a course: the styles that the sample descriptions are written in."""

from collections.abc import Callable
from typing import Any, NamedTuple

_M_PER_FT = 1200 / 3937
_EIGHT = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")


class Style(NamedTuple):
    """A way to word a description: the bearing, the courses, and what stands between and around them."""

    bearing: Callable[[float], str]
    courses: Callable[[tuple, dict[int, str]], list[str]]
    joint: str = "; "
    after_begin: str = "; "
    close: str = " to the POINT OF BEGINNING."
    has_lead: bool = True


def dms(angle_deg: float) -> str:
    """An angle as ``45°30'15"``."""
    total = round(angle_deg * 3600)
    return f"{total // 3600}°{total // 60 % 60:02d}'{total % 60:02d}\""


def quadrant(azimuth_deg: float) -> tuple[str, float, str]:
    """North or south, the angle, east or west."""
    azimuth = azimuth_deg % 360
    first, last = ("North" if azimuth <= 90 or azimuth >= 270 else "South"), ("East" if azimuth <= 180 else "West")
    return first, min(azimuth, abs(180 - azimuth), 360 - azimuth), last


def bearing_words(azimuth_deg: float) -> str:
    """``North 45°30'15" East``."""
    first, angle, last = quadrant(azimuth_deg)
    return f"{first} {dms(angle)} {last}"


def chain_words(distance_ft: float) -> str:
    """``12 chains 45 links``."""
    links = round(distance_ft / 0.66)
    return f"{links // 100} chains {links % 100} links"


def _letters(azimuth_deg: float) -> str:
    first, angle, last = quadrant(azimuth_deg)
    total = round(angle * 3600)
    return f"{first[0]} {total // 3600:02d}° {total // 60 % 60:02d}' {total % 60:02d}\" {last[0]}"


def _long(azimuth_deg: float) -> str:
    first, angle, last = quadrant(azimuth_deg)
    total = round(angle * 3600)
    return f"{first} {total // 3600} degrees {total // 60 % 60:02d} minutes {total % 60:02d} seconds {last}"


def _hyphens(azimuth_deg: float) -> str:
    first, angle, last = quadrant(azimuth_deg)
    total = round(angle * 3600)
    return f"{first[0]}{total // 3600:02d}-{total // 60 % 60:02d}-{total % 60:02d}{last[0]}"


def _abstract(azimuth_deg: float) -> str:
    first, angle, last = quadrant(azimuth_deg)
    total = round(angle * 3600)
    return f"{first[0]} {total // 3600} DEG {total // 60 % 60}' {total % 60}\" {last[0]}"


def _eighth(azimuth_deg: float) -> str:
    return _EIGHT[round(azimuth_deg % 360 / 45) % 8]


def _center(leg: Any) -> float:
    return leg.azimuth_deg + (90 if leg.hand == "R" else -90)


def _side(leg: Any) -> str:
    return "right" if leg.hand == "R" else "left"


def _modern(legs: tuple, calls: dict[int, str]) -> list[str]:
    """Curves are set up in the course before, and travelled in their own."""
    parts = []
    for n, leg in enumerate(legs):
        following = legs[n + 1] if n + 1 < len(legs) else None
        lead = f"thence {calls[n]} " if n in calls else "thence "
        if leg.radius_ft is None:
            part = f"{lead}{bearing_words(leg.azimuth_deg)} {leg.distance_ft:,.2f} feet"
        elif n and legs[n - 1].radius_ft is None:
            part = (
                f"{lead}{_eighth(leg.azimuth_deg)}erly along said curve through a central angle of "
                f"{dms(leg.delta_deg)}, an arc distance of "
                f"{leg.arc_ft:,.2f} feet"
            )
        else:
            part = _whole_curve(leg, lead)
        if following is not None and following.radius_ft is not None and leg.radius_ft is None:
            how = "tangent" if following.tangent else "non-tangent"
            part += (
                f" to the beginning of a {how} curve concave {_eighth(_center(following))}erly, having a radius of "
                f"{following.radius_ft:,.2f} feet"
            )
            if not following.tangent:
                part += f", the chord of which bears {bearing_words(following.azimuth_deg)}"
        parts.append(part)
    return parts


def _whole_curve(leg: Any, lead: str) -> str:
    how = "tangent" if leg.tangent else "non-tangent"
    return (
        f"{lead}along the arc of a {how} curve to the {_side(leg)}, having a radius of {leg.radius_ft:,.2f} feet, "
        f"through a central angle of "
        f"{dms(leg.delta_deg)}, an arc length of {leg.arc_ft:,.2f} feet, and whose chord bears "
        f"{bearing_words(leg.azimuth_deg)} {leg.distance_ft:,.2f} feet"
    )


def _one_clause(legs: tuple, calls: dict[int, str]) -> list[str]:
    return [
        _whole_curve(leg, "thence ")
        if leg.radius_ft
        else f"thence {_eighth(leg.azimuth_deg)}erly, {bearing_words(leg.azimuth_deg)}, {leg.distance_ft:,.2f} feet"
        for leg in legs
    ]


def _capitals(legs: tuple, calls: dict[int, str]) -> list[str]:
    parts = []
    for leg in legs:
        if leg.radius_ft is None:
            parts.append(f"THENCE {_letters(leg.azimuth_deg)}, A DISTANCE OF {leg.distance_ft:.2f} FEET TO A 3/4 INCH IRON PIPE")
        else:
            parts.append(
                f"THENCE ALONG A CURVE TO THE {_side(leg).upper()}, HAVING A RADIUS OF {leg.radius_ft:.2f} FEET, AN ARC "
                f"LENGTH OF {leg.arc_ft:.2f} FEET, AND A CHORD "
                f"WHICH BEARS {_letters(leg.azimuth_deg)}, A DISTANCE OF {leg.distance_ft:.2f} FEET"
            )
    return parts


def _words(legs: tuple, calls: dict[int, str]) -> list[str]:
    parts = []
    for leg in legs:
        if leg.radius_ft is None:
            parts.append(f"thence {_long(leg.azimuth_deg)} a distance of {leg.distance_ft:.2f} feet")
            continue
        total = round(leg.delta_deg * 3600)
        parts.append(
            f"thence {_eighth(leg.azimuth_deg)}erly a distance of {leg.arc_ft:.2f} feet along a tangential curve, "
            f"concave to the {_eighth(_center(leg))}, having a "
            f"radius of {leg.radius_ft:.2f} feet and a central angle of {total // 3600} degrees {total // 60 % 60:02d} "
            f"minutes {total % 60:02d} seconds"
        )
    return parts


def _abstracts(legs: tuple, calls: dict[int, str]) -> list[str]:
    return [
        f"{_abstract(leg.azimuth_deg)} {leg.distance_ft:g} FT"
        if leg.radius_ft is None
        else (
            f"ALONG A CURVE TO {leg.hand} (CHORD BEARS: {_abstract(leg.azimuth_deg)} {leg.distance_ft:g} FT, RADIUS = "
            f"{leg.radius_ft:g} FT) ARC LENGTH = {leg.arc_ft:g} FEET"
        )
        for leg in legs
    ]


def _distance_first(legs: tuple, calls: dict[int, str]) -> list[str]:
    return [
        f"thence {leg.distance_ft:.2f} feet {calls[n] + ' ' if n in calls else ''}{bearing_words(leg.azimuth_deg)}"
        for n, leg in enumerate(legs)
    ]


def _hyphened(legs: tuple, calls: dict[int, str]) -> list[str]:
    return [
        f"thence {_hyphens(leg.azimuth_deg)} {leg.distance_ft:.2f}'"
        if leg.radius_ft is None
        else f"thence along a non-tangent {leg.radius_ft:.2f} foot radius curve to the {_side(leg)}, a chord of "
        f"{_hyphens(leg.azimuth_deg)} {leg.distance_ft:.2f}', an arc "
        f"distance of {leg.arc_ft:.2f}'"
        for leg in legs
    ]


def _radial(legs: tuple, calls: dict[int, str]) -> list[str]:
    parts = []
    for n, leg in enumerate(legs):
        if leg.radius_ft is not None:
            parts.append(
                f"thence {_eighth(leg.azimuth_deg)}erly along the arc of said curve through a central angle of "
                f"{dms(leg.delta_deg)} an arc distance of {leg.arc_ft:.2f} feet"
            )
            continue
        part = f"thence {bearing_words(leg.azimuth_deg)} {leg.distance_ft:.2f} feet"
        if n + 1 < len(legs) and legs[n + 1].radius_ft is not None:
            curve = legs[n + 1]
            start = curve.azimuth_deg - (1 if curve.hand == "R" else -1) * (curve.delta_deg / 2 + 90)
            part += (
                f" to the beginning of a non-tangent curve concave {_eighth(_center(curve))}erly and having a radius of "
                f"{curve.radius_ft:.2f} feet; a radial line to "
                f"said beginning bears {bearing_words(start)}"
            )
        parts.append(part)
    return parts


def _metric(legs: tuple, calls: dict[int, str]) -> list[str]:
    return [
        (
            f"thence {bearing_words(leg.azimuth_deg)}, a distance of {leg.distance_ft * _M_PER_FT:.3f} meters "
            f"({leg.distance_ft:.2f} feet)"
        )
        for leg in legs
    ]


STYLES = {
    "modern": Style(bearing_words, _modern),
    "one_clause": Style(bearing_words, _one_clause),
    "capitals": Style(_letters, _capitals, close=" TO THE PLACE OF BEGINNING."),
    "words": Style(_long, _words, close=" to the point of beginning."),
    "abstract": Style(_abstract, _abstracts, close=" TO BEG.", has_lead=False),
    "distance_first": Style(bearing_words, _distance_first),
    "hyphens": Style(_hyphens, _hyphened, close=" to the P.O.B."),
    "radial": Style(bearing_words, _radial),
    "metric": Style(bearing_words, _metric),
}
"""By name. In ``abstract`` the assessor's shorthand, in ``radial`` curves that are directed by a radial bearing."""
