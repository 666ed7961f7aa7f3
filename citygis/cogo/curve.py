"""
Circular curves: every element from any two that suffice, and every further one checked.

A record that states more than two elements states its own check. The check is made within the rounding of what is stated, and a
conflict is handed back with its amount: which number is wrong is for the document, or a person, to say.
"""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

STATION_FT = 100.0
"""Arc (railroad: chord) that the degree of curve subtends. Hickerson, Route Location and Design."""

ELEMENT_TOLERANCE_FT = 0.02
"""Least difference that counts as a conflict: two lengths rounded to 0.01 ft."""

DEFAULT_ROUNDING = {
    "radius_ft": 0.005,
    "delta_deg": 0.5 / 3600,
    "arc_ft": 0.005,
    "chord_ft": 0.005,
    "tangent_ft": 0.005,
    "middle_ordinate_ft": 0.005,
    "external_ft": 0.005,
    "degree_arc_deg": 0.5 / 3600,
    "degree_chord_deg": 0.5 / 3600,
}
"""Half of the last place that record maps commonly carry: 0.01 ft and 1 second."""

# Each length over the radius, as a function of the central angle (Hickerson), and the angle up to which it is one.
_SHAPES = {
    "arc_ft": (lambda d: d, 2 * math.pi),
    "chord_ft": (lambda d: 2 * math.sin(d / 2), 2 * math.pi),
    "tangent_ft": (lambda d: math.tan(d / 2), math.pi),
    "middle_ordinate_ft": (lambda d: 2 * math.sin(d / 4) ** 2, 2 * math.pi),
    "external_ft": (lambda d: 2 * math.sin(d / 4) ** 2 / math.cos(d / 2), math.pi),
}
_RADII = ("radius_ft", "degree_arc_deg", "degree_chord_deg")


class Conflict(NamedTuple):
    """A stated element that the others contradict. Degrees for angles, feet for lengths."""

    element: str
    stated: float
    computed: float
    difference: float
    tolerance: float


class Curve(NamedTuple):
    """The elements of a circular curve. `tangent_ft` and `external_ft` are infinite where the curve turns 180° or more."""

    radius_ft: float
    delta_deg: float
    arc_ft: float
    chord_ft: float
    tangent_ft: float
    middle_ordinate_ft: float
    external_ft: float
    degree_arc_deg: float
    degree_chord_deg: float
    conflicts: tuple[Conflict, ...] = ()
    suspect: str | None = None
    """The one stated element without which all others agree; None where none or more than one is such."""

    @property
    def segment_sqft(self) -> float:
        """Area between the arc and its chord: R² (delta - sin delta) / 2."""
        return segment_area_sqft(self.radius_ft, self.delta_deg)


def segment_area_sqft(radius_ft: float, delta_deg: float) -> float:
    """Area between an arc and its chord, R² (delta - sin delta) / 2; square feet."""
    delta = math.radians(delta_deg)
    return radius_ft**2 * (delta - math.sin(delta)) / 2


def solve_curve(
    *,
    radius_ft: float | None = None,
    delta_deg: float | None = None,
    arc_ft: float | None = None,
    chord_ft: float | None = None,
    tangent_ft: float | None = None,
    middle_ordinate_ft: float | None = None,
    external_ft: float | None = None,
    degree_arc_deg: float | None = None,
    degree_chord_deg: float | None = None,
    major: bool | None = None,
    tolerance_ft: float = ELEMENT_TOLERANCE_FT,
    rounding: Mapping[str, float] | None = None,
) -> Curve:
    """
    All elements of a circular curve from those that are stated.

    Parameters
    ----------
    radius_ft, delta_deg, arc_ft, chord_ft, tangent_ft, middle_ordinate_ft, external_ft : float, optional
        Two that suffice, or more. Radius and central angle are believed first, then radius and arc, radius and chord, angle and a
        length.
    degree_arc_deg, degree_chord_deg : float, optional
        Degree of curve by the arc (highway) or the chord (railroad) definition, per 100 ft. Another way to state the radius.
    major : bool, optional
        Whether the curve is the longer of the two that share radius and chord. Only asked where nothing else tells; the shorter
        one is then meant.
    tolerance_ft : float
        A difference below this is none.
    rounding : mapping, optional
        Half of the last stated place of an element, by its name, where it is not the common 0.01 ft and 1 second
        (`DEFAULT_ROUNDING`). What it does to the computed value is allowed on top of nothing else.

    Returns
    -------
    Curve
        With a `Conflict` for each stated element that differs from the computed one by more than `tolerance_ft` and more than
        the rounding of what is stated explains.

    Raises
    ------
    ValueError
        If an element is not a positive number, the elements do not suffice, or no curve has them.
    """
    names = (*_RADII[:1], "delta_deg", *_SHAPES, *_RADII[1:])
    values = (radius_ft, delta_deg, arc_ft, chord_ft, tangent_ft, middle_ordinate_ft, external_ft, degree_arc_deg, degree_chord_deg)
    stated = {name: float(value) for name, value in zip(names, values, strict=True) if value is not None}
    for name, value in stated.items():
        if not (math.isfinite(value) and value > 0) or (name == "delta_deg" and value >= 360):
            raise ValueError(f"Invalid {name} {value!r}. Must be a positive number{' below 360' if name == 'delta_deg' else ''}.")
    unknown = set(rounding or {}) - set(DEFAULT_ROUNDING)
    if unknown:
        raise ValueError(f"Invalid rounding {sorted(unknown)[0]!r}. Must name an element: {', '.join(DEFAULT_ROUNDING)}.")
    halves = DEFAULT_ROUNDING | dict(rounding or {})
    curve = _checked(stated, major, tolerance_ft, halves)
    if not curve.conflicts or len(stated) < 4:
        return curve
    at_ease = [name for name in stated if _agrees({k: v for k, v in stated.items() if k != name}, major, tolerance_ft, halves)]
    return curve._replace(suspect=at_ease[0] if len(at_ease) == 1 else None)


def _agrees(stated: dict[str, float], major: bool | None, tolerance_ft: float, halves: Mapping[str, float]) -> bool:
    try:
        return not _checked(stated, major, tolerance_ft, halves).conflicts
    except ValueError:
        return False


def _checked(stated: dict[str, float], major: bool | None, tolerance_ft: float, halves: Mapping[str, float]) -> Curve:
    base = _base(stated)
    radius, delta = _solved(base, bool(major))
    if major is None and "chord_ft" in base and base.keys() & set(_RADII):
        # Radius and chord fit two curves; whichever the other elements, if any, come nearer to.
        other = _solved(base, True)
        if _misfit(stated, *other) < _misfit(stated, radius, delta):
            major, (radius, delta) = True, other
    computed = _elements(radius, delta)
    conflicts = []
    for name in stated.keys() - base.keys():
        allowed = max(_floor(name, computed, tolerance_ft), _slack(name, base, bool(major), halves) + halves[name])
        difference = stated[name] - computed[name]
        if not abs(difference) <= allowed:
            conflicts.append(Conflict(name, stated[name], computed[name], difference, allowed))
    order = list(DEFAULT_ROUNDING)
    return Curve(**computed, conflicts=tuple(sorted(conflicts, key=lambda c: order.index(c.element))))


def _base(stated: dict[str, float]) -> dict[str, float]:
    """The two elements that are believed."""
    radii = [name for name in _RADII if name in stated]
    lengths = [name for name in _SHAPES if name in stated]
    angle = ["delta_deg"] if "delta_deg" in stated else []
    pairs = itertools.chain(
        itertools.product(radii[:1], angle + lengths), itertools.product(angle, lengths), itertools.combinations(lengths, 2)
    )
    for pair in pairs:
        if set(pair) != {"tangent_ft", "middle_ordinate_ft"}:  # two curves have them
            return {name: stated[name] for name in pair}
    raise ValueError(f"Invalid curve from {', '.join(stated) or 'nothing'}. Must state two elements, one of them a length.")


def _solved(base: Mapping[str, float], major: bool) -> tuple[float, float]:
    """Radius and central angle (radians) of two elements."""
    (first, a), (second, b) = base.items()
    if first in _RADII:
        radius = _radius(first, a)
        if second == "delta_deg":
            return radius, math.radians(b)
        return radius, _inverse(second, b / radius, major)
    if first == "delta_deg":
        shape, limit = _SHAPES[second]
        if math.radians(a) >= limit:
            raise ValueError(f"Invalid {second} {b} of a curve of {a}°. Must be of a curve that turns less than 180°.")
        return b / shape(math.radians(a)), math.radians(a)
    delta = _ratio_solved(first, second, a / b)
    return a / _SHAPES[first][0](delta), delta


def _radius(name: str, value: float) -> float:
    if name == "radius_ft":
        return value
    if name == "degree_arc_deg":
        return STATION_FT / math.radians(value)
    return STATION_FT / 2 / math.sin(math.radians(value) / 2)


def _inverse(name: str, ratio: float, major: bool) -> float:
    """The central angle at which a length is `ratio` radii."""
    if name == "arc_ft":
        angle = ratio
    elif name == "tangent_ft":
        angle = 2 * math.atan(ratio)
    elif name == "external_ft":
        angle = 2 * math.acos(1 / (1 + ratio))
    elif name == "middle_ordinate_ft":
        angle = 4 * math.asin(math.sqrt(ratio / 2)) if ratio <= 2 else math.inf
    else:
        angle = 2 * math.asin(ratio / 2) if ratio <= 2 else math.inf
        angle = 2 * math.pi - angle if major else angle
    if not 0 < angle < 2 * math.pi:
        raise ValueError(f"Invalid {name}: {ratio:.6g} times the radius. Must be of less than a full circle.")
    return angle


def _ratio_solved(first: str, second: str, ratio: float) -> float:
    """The central angle at which two lengths have this ratio, which only grows or only falls with the angle."""
    (f, limit_f), (g, limit_g) = _SHAPES[first], _SHAPES[second]
    low, high = 1e-4, min(limit_f, limit_g) * (1 - 1e-9)

    def over(angle: float) -> float:
        return f(angle) / g(angle) - ratio

    at_low = over(low)
    if at_low * over(high) > 0:
        raise ValueError(f"Invalid {first} and {second}: no curve has them in the ratio {ratio:.6g}. Must state another element.")
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if over(middle) * at_low > 0 else (low, middle)
    return (low + high) / 2


def _elements(radius: float, delta: float) -> dict[str, float]:
    lengths = {n: radius * shape(delta) if delta < limit * (1 - 1e-12) else math.inf for n, (shape, limit) in _SHAPES.items()}
    return {
        "radius_ft": radius,
        "delta_deg": math.degrees(delta),
        **lengths,
        "degree_arc_deg": math.degrees(STATION_FT / radius),
        "degree_chord_deg": 2 * math.degrees(math.asin(STATION_FT / 2 / radius)) if radius >= STATION_FT / 2 else math.nan,
    }


def _misfit(stated: Mapping[str, float], radius: float, delta: float) -> float:
    computed = _elements(radius, delta)
    return sum(abs(value - computed[name]) / max(abs(value), 1e-12) for name, value in stated.items())


def _floor(name: str, computed: Mapping[str, float], tolerance_ft: float) -> float:
    if name == "delta_deg":
        return math.degrees(tolerance_ft / computed["radius_ft"])
    if name in _RADII and name != "radius_ft":
        return computed[name] * tolerance_ft / computed["radius_ft"]
    return tolerance_ft


def _slack(name: str, base: Mapping[str, float], major: bool, halves: Mapping[str, float]) -> float:
    """How far the rounding of the two believed elements may move a computed one."""
    slack = 0.0
    for moved in base:
        ends = []
        for step in (-halves[moved], halves[moved]):
            try:
                ends.append(_elements(*_solved({**base, moved: base[moved] + step}, major))[name])
            except ValueError:
                ends.append(math.inf)
        slack += abs(ends[1] - ends[0]) / 2 if all(map(math.isfinite, ends)) else 0.0
    return slack
