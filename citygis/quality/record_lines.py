"""
Where the record puts a boundary: courses of a parcel laid out from those of its corners that the drawing has right.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.quality.subject import Subject

RESIDUAL_FT = 0.10
RESIDUAL_SHARE = 1 / 5_000
"""How far a course may be off from its drawing: 0.10 ft, or 1 in 5,000 of it if that is more (rule T24, a house figure)."""

REACH_FT = 6.0
"""A corner of the drawing farther than this from the end of a course does not stand for it."""

NEAR_FT = 0.01
"""What lies this near to a strip of ground bounds it: rounded coordinates and a noded line leave no more."""

ALONG_SHARE = 0.25
"""A course that bounds less than this part of a strip only touches its end."""

_STATED = ("RECORD", "MEASURED")


class Courses(NamedTuple):
    """
    The courses of a boundary_line layer, and whose they are.

    ``start``, ``end`` : (n, 2), ends of their drawing. ``vector`` : (n, 2), what the record says leads from the one to the other,
    on the grid. ``tolerance_ft``, ``kind``, ``rank``, ``name`` : of each. ``left``, ``right`` : rows of the parcels on either
    side, -1 for none. ``of`` : the courses of each parcel that has any.
    """

    geometry: np.ndarray
    start: np.ndarray
    end: np.ndarray
    vector: np.ndarray
    tolerance_ft: np.ndarray
    kind: np.ndarray
    rank: np.ndarray
    name: np.ndarray
    left: np.ndarray
    right: np.ndarray
    of: Mapping[int, np.ndarray]


class Laid(NamedTuple):
    """
    The line of one side of a strip as the record lays it: ``places`` (k, 2), true to ``tolerance_ft``; ``rank`` of its course, NaN
    where it has none. Where it cannot be laid ``why`` says so, and there are no places.
    """

    places: np.ndarray
    tolerance_ft: float
    rank: float
    why: str


def courses_of(lines: Subject | None, parcels: Subject) -> Courses | None:
    """
    The courses of the parcels of a layer.

    Parameters
    ----------
    lines : Subject of boundary_line, or None
        A course without azimuth or distance says nothing and is left out. A ground length is brought to the grid by ``scale``.
    parcels : Subject
        With ``global_id``, which ``left_parcel`` and ``right_parcel`` of the lines name.

    Returns
    -------
    Courses or None
        None where there are no courses, or nothing says whose they are.
    """
    wanted = {"direction_az", "distance_ft"}
    if lines is None or "global_id" not in parcels.frame or not wanted <= set(lines.frame):
        return None
    frame = lines.frame
    azimuth, distance = _numbers(frame, "direction_az"), _numbers(frame, "distance_ft")
    drawn = (shapely.get_type_id(lines.place) == 1) & lines.current
    rows = np.flatnonzero(np.isfinite(azimuth) & np.isfinite(distance) & drawn)
    if not len(rows):
        return None
    ids = parcels.frame["global_id"].astype("str").str.lower()
    row_of = pd.Series(np.arange(len(ids)), index=ids)
    row_of = row_of[row_of.index.notna() & ~row_of.index.duplicated()]
    left, right = (_looked_up(frame, name, row_of)[rows] for name in ("left_parcel", "right_parcel"))
    on_ground = (
        frame["is_ground"].eq(True).fillna(False).to_numpy(dtype=bool) if "is_ground" in frame else np.zeros(len(frame), bool)
    )
    scale = np.nan_to_num(np.where(on_ground, _numbers(frame, "scale"), 1.0), nan=1.0)
    length, turned = (distance * scale)[rows], np.radians(azimuth[rows])
    geometry = lines.place[rows]
    course, parcel = np.tile(np.arange(len(rows)), 2), np.concatenate([left, right])
    order = np.lexsort((course, parcel))
    parcel, course = parcel[order], course[order]
    owners, at = np.unique(parcel, return_index=True)
    kind = frame["line_kind"].astype("object").to_numpy() if "line_kind" in frame else np.full(len(frame), None, dtype=object)
    return Courses(
        geometry,
        shapely.get_coordinates(shapely.get_point(geometry, 0)),
        shapely.get_coordinates(shapely.get_point(geometry, -1)),
        length[:, None] * np.stack([np.sin(turned), np.cos(turned)], axis=1),
        np.maximum(RESIDUAL_FT, RESIDUAL_SHARE * length),
        kind[rows],
        _numbers(frame, "rank")[rows],
        lines.feature[rows],
        left,
        right,
        {int(owner): each for owner, each in zip(owners, np.split(course, at[1:]), strict=True) if owner >= 0},
    )


def shared_courses(courses: Courses, one: int, other: int, strip: shapely.Polygon, reach_ft: float) -> np.ndarray:
    """The courses that bound both of two parcels along a strip; none where either has a course of its own there as well."""
    mine = np.union1d(courses.of.get(one, []), courses.of.get(other, [])).astype(int)
    if not len(mine):
        return mine
    beside = _along(courses.geometry[mine], strip, reach_ft)
    mine = mine[beside & (courses.kind[mine] != "NATURAL")]
    sides = np.stack([courses.left[mine], courses.right[mine]], axis=1)
    both = (sides == [one, other]).all(axis=1) | (sides == [other, one]).all(axis=1)
    return mine if both.all() else mine[:0]


def laid_by_record(courses: Courses, parcel: int, polygon: shapely.Polygon, strip: shapely.Polygon) -> Laid:
    """
    One side of a strip of ground as the record of its parcel lays it.

    The corners of the parcel that do not bound the strip are held as they are drawn, if the courses between them fit; from them the
    courses of record lead to the corners that do, by least squares where several lead to one. A turn that most courses have in
    common is the basis of bearings and is taken out first.

    Parameters
    ----------
    courses : Courses
    parcel : int
        Its row.
    polygon, strip : Polygon
        The parcel as drawn, and the ground that is shared or left open.
    """
    mine = courses.of.get(parcel, np.empty(0, dtype=int))
    mine = mine[np.isin(courses.kind[mine], _STATED)]
    if not len(mine):
        return _nothing("no course of its record was given")
    corners = np.unique(shapely.get_coordinates(polygon), axis=0)
    start, start_off = _nearest(corners, courses.start[mine])
    end, end_off = _nearest(corners, courses.end[mine])
    usable = (start != end) & (np.maximum(start_off, end_off) <= REACH_FT)
    mine, start, end = mine[usable], start[usable], end[usable]
    drawn = corners[end] - corners[start]
    vector, tolerance = courses.vector[mine], courses.tolerance_ft[mine]
    vector = np.where(((drawn * vector).sum(axis=1) < 0)[:, None], -vector, vector)
    vector = _turned(vector, drawn, tolerance)
    lines = shapely.linestrings(np.stack([corners[start], corners[end]], axis=1))
    for ground in (strip, _without_tails(strip)):  # a tail as thin as a hair may run on along the front to corners that stand well
        bounds = shapely.dwithin(shapely.points(corners), ground, NEAR_FT)
        along = _along(lines, ground, NEAR_FT)
        bounds[start[along]] = bounds[end[along]] = True
        far = ~bounds[start] & ~bounds[end]
        if far.any():
            break
    if not far.any() or not bounds.any():
        return _nothing("too few courses of its record were given to place it by")
    off = np.hypot(*(vector - drawn).T)
    if (off > tolerance)[far].any():
        return _nothing(f"its drawing does not fit its record elsewhere either, by up to {off[far].max():,.2f} ft")
    return _laid(corners, start, end, vector, tolerance, bounds, courses.rank[mine[along]])


def _without_tails(strip: shapely.Polygon) -> shapely.Polygon:
    """A strip without what is less than about two fifths as wide as it is on the mean."""
    narrow = 0.4 * shapely.area(strip) / shapely.length(strip)  # a strip is about 2 A / P wide
    core = shapely.buffer(strip, -narrow, join_style="mitre")
    return shapely.intersection(shapely.buffer(core, narrow, join_style="mitre"), strip)


def _laid(corners, start, end, vector, tolerance, bounds, ranks) -> Laid:
    """The corners that bound the strip, from those that do not."""
    used = np.flatnonzero(bounds[start] | bounds[end])
    free = np.unique(np.concatenate([start[used], end[used]])) if len(used) else np.empty(0, dtype=int)
    free = free[bounds[free]]
    if not len(free):
        return _nothing("no course of its record leads there")
    column = np.full(len(corners), -1)
    column[free] = np.arange(len(free))
    design, wanted = np.zeros((len(used), len(free))), vector[used].copy()
    for sign, ends in ((1.0, end[used]), (-1.0, start[used])):
        at = column[ends]
        design[np.flatnonzero(at >= 0), at[at >= 0]] += sign
        wanted[at < 0] -= sign * corners[ends[at < 0]]
    # About a near origin: the figures of State Plane coordinates would eat up those of the fit.
    origin = corners.mean(axis=0)
    wanted -= design.sum(axis=1)[:, None] * origin
    places, _, rank, _ = np.linalg.lstsq(design / tolerance[used, None], wanted / tolerance[used, None], rcond=None)
    if rank < len(free):
        return _nothing("its record does not lead to both ends")
    if (np.hypot(*(design @ places - wanted).T) > tolerance[used]).any():
        return _nothing("its record does not close there")
    known = ranks[np.isfinite(ranks)]
    return Laid(places + origin, float(tolerance[used].max()), float(known.min()) if len(known) else np.nan, "")


def _turned(vector: np.ndarray, drawn: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """The courses about the turn that most of them have in common, if that makes more of them fit than no turn does."""
    if len(vector) < 3:
        return vector
    as_complex, target = vector @ [1, 1j], drawn @ [1, 1j]
    angle = np.angle(target / np.where(as_complex == 0, 1, as_complex))
    order = np.argsort(angle, kind="stable")
    weight = np.cumsum(np.abs(target)[order])
    middle = angle[order][np.searchsorted(weight, weight[-1] / 2)]
    turned = as_complex * np.exp(1j * middle)
    fits, fits_turned = (np.count_nonzero(np.abs(each - target) <= tolerance) for each in (as_complex, turned))
    return np.stack([turned.real, turned.imag], axis=1) if fits_turned > fits else vector


def _along(lines: np.ndarray, strip: shapely.Polygon, reach_ft: float) -> np.ndarray:
    """Which lines run along a strip, not only to it."""
    least = ALONG_SHARE * strip.length / 2
    beside = shapely.intersection(lines, strip.buffer(reach_ft, quad_segs=1, cap_style="flat", join_style="mitre"))
    return shapely.length(beside) >= least


def _nearest(corners: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    apart = np.hypot(*(points[:, None, :] - corners[None, :, :]).transpose(2, 0, 1))
    at = apart.argmin(axis=1)
    return at, apart[np.arange(len(points)), at]


def _looked_up(frame: pd.DataFrame, name: str, row_of: pd.Series) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), -1)
    return frame[name].astype("str").str.lower().map(row_of).fillna(-1).to_numpy(dtype=int)


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name]).to_numpy(dtype=float, na_value=np.nan)


def _nothing(why: str) -> Laid:
    return Laid(np.empty((0, 2)), np.nan, np.nan, why)
