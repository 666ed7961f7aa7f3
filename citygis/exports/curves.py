"""
Polygons with true arcs as text: OGC well-known text and Esri JSON.
"""

from collections.abc import Sequence

import numpy as np

from citygis.cogo import Figure
from citygis.exports.places import Step, steps


def curve_polygon_wkt(parts: Sequence[Figure], *, name: str = "") -> str:
    """
    A figure as ``CURVEPOLYGON`` (ISO 19125-1 and SQL/MM part 3: each arc by its start, a point on it, its end).

    Parameters
    ----------
    parts : sequence of Figure
        The outer loop, then its holes; in the unit and system of the target.
    name : str
        For messages.

    Returns
    -------
    str
        With every digit that a number has, so that reading gives the same number.

    Raises
    ------
    ValueError
        If a loop does not close or has a spiral.
    """
    if not parts:
        raise ValueError(f"Invalid figure {name!r}. Must have at least one loop.")
    return f"CURVEPOLYGON ({', '.join(_ring(steps(name, figure, clockwise=n > 0)) for n, figure in enumerate(parts))})"


def esri_polygon(parts: Sequence[Figure], *, wkid: int | None = None, name: str = "") -> dict:
    """
    A figure as an Esri JSON polygon: ``curveRings`` where it has arcs, ``rings`` where it has none.

    Circular arcs are ``{"c": [end, interior point]}`` (ArcGIS REST API, Geometry objects). Outer rings run clockwise, holes the
    other way.

    Parameters
    ----------
    parts : sequence of Figure
        The outer loop, then its holes.
    wkid : int, optional
        Of the system that the figure is in.
    name : str
        For messages.

    Raises
    ------
    ValueError
        If a loop does not close or has a spiral.
    """
    if not parts:
        raise ValueError(f"Invalid figure {name!r}. Must have at least one loop.")
    rings = []
    for n, figure in enumerate(parts):
        found = steps(name, figure, clockwise=n == 0)
        ring: list = [found[0].start.tolist()]
        for step in found:
            end = step.end.tolist()
            ring.append({"c": [end, step.middle.tolist()]} if step.course.kind == "curve" else end)
        rings.append(ring)
    has_arcs = any(isinstance(item, dict) for ring in rings for item in ring)
    system = {} if wkid is None else {"spatialReference": {"wkid": wkid}}
    return {"curveRings" if has_arcs else "rings": rings, **system}


def _ring(found: list[Step]) -> str:
    if all(step.course.kind == "line" for step in found):
        return _points([found[0].start, *(step.end for step in found)])
    pieces: list[str] = []
    straight: list[np.ndarray] = []
    for step in found:
        if step.course.kind == "line":
            straight = [*(straight or [step.start]), step.end]
            continue
        if straight:
            pieces.append(_points(straight))
            straight = []
        pieces.append(f"CIRCULARSTRING {_points([step.start, step.middle, step.end])}")
    if straight:
        pieces.append(_points(straight))
    return f"COMPOUNDCURVE ({', '.join(pieces)})"


def _points(found: list[np.ndarray]) -> str:
    return "(" + ", ".join(f"{float(point[0])!r} {float(point[1])!r}" for point in found) + ")"
