"""
A drafting sliver told apart from a gore of the record: what the accuracy and the courses of both sides say of an overlap or a gap.

Only a drafting sliver may be closed by software. Where the record leaves ground between two parcels, or gives it to both, the line
between them is a question of title, and no drawing answers it.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.quality.accuracy import accuracy_ft, combined_accuracy_ft
from citygis.quality.record_lines import NEAR_FT, Courses, Laid, courses_of, laid_by_record, shared_courses
from citygis.quality.rules import rule
from citygis.quality.subject import Subject

DRAFTING = "DRAFTING"
RECORD = "RECORD"
UNKNOWN = "UNKNOWN"

DRAFTING_FT = 0.24
"""Wider than this no sliver is called drafting for its width alone, however poor the accuracy, nor are two records said to agree:
twice the 0.12 ft that repair moves a corner by at most. Not for a City to widen."""

SLENDER = 3.0
"""A strip is this many times as long as wide; what is rounder is no line drawn twice but ground of its own."""

_BASE = {"T01": "overlap", "T02": "gap", "T33": "sliver"}
_RECORD_NAME = {"T01": "record_overlap", "T02": "record_gore", "T33": "record_gore"}
_VERDICT_OF = {"drafting_sliver": DRAFTING, "record_gore": RECORD, "record_overlap": RECORD}
_PARCELS, _LINES = "parcel", "boundary_line"


class Verdict(NamedTuple):
    """``kind`` : DRAFTING, RECORD or UNKNOWN; ``said`` : why, in words."""

    kind: str
    said: str


class _Side(NamedTuple):
    """A feature on one side of a strip: its row, its polygon, its name, its accuracy and whether that is more than a guess."""

    row: int
    polygon: shapely.Polygon
    name: str
    accuracy_ft: float
    is_known: bool


_Pairs = list[tuple[_Side, _Side]]


def judged_by_record(findings: pd.DataFrame, subjects: Mapping[str, Subject], city: City) -> pd.DataFrame:
    """
    Overlaps, gaps and slivers, each with what the record says of it.

    Parameters
    ----------
    findings, subjects, city
        As `judgements`. Not modified.

    Returns
    -------
    DataFrame
        The same rows and columns. Those that were judged say why in their ``message``; ``rule`` becomes ``drafting_sliver``,
        ``record_gore`` or ``record_overlap``, and severity and remedy are those of that rule, except that a drafting overlap keeps
        its severity where the accuracy of a side is only guessed. Where nothing is known, ``rule`` stays. To judge what was judged
        already changes nothing.
    """
    findings = findings.copy()
    verdict = judgements(findings, subjects, city)
    kind, said, is_known = (verdict[name].to_numpy(dtype=object) for name in ("kind", "said", "is_known"))
    code = findings["code"].to_numpy(dtype=object)
    columns = {name: findings[name].astype("object").to_numpy(copy=True) for name in ("rule", "severity", "remedy", "message")}
    for n in np.flatnonzero(kind != ""):
        if said[n] not in columns["message"][n]:
            columns["message"][n] = f"{columns['message'][n]} {said[n]}"
        if kind[n] == UNKNOWN:
            continue
        found = rule(code[n], city, "drafting_sliver" if kind[n] == DRAFTING else _RECORD_NAME[code[n]])
        columns["rule"][n], columns["remedy"][n] = found.name, found.remedy
        if kind[n] == RECORD or code[n] != "T01" or is_known[n]:
            columns["severity"][n] = found.severity
    for name, values in columns.items():
        findings[name] = pd.Series(values, index=findings.index, dtype=findings[name].dtype)
    return findings


def judgements(findings: pd.DataFrame, subjects: Mapping[str, Subject], city: City) -> pd.DataFrame:
    """
    What the accuracy and the record of both sides say of overlaps, gaps and slivers.

    Parameters
    ----------
    findings : DataFrame
        Rows as for `citygis.findings.findings_frame`, or a findings frame, with their places in feet. Not modified.
    subjects : mapping of name to Subject
        The layers they were found in. The courses of record are those of ``boundary_line``, the sides of a gap those of ``parcel``.
    city : City
        Whose accuracy classes hold.

    Returns
    -------
    DataFrame
        ``kind`` : `DRAFTING`, `RECORD` or `UNKNOWN` for each T01 ``overlap``, T02 ``gap`` and T33 ``sliver`` that is a strip
        between known neighbours, empty for every other finding; ``said`` : why; ``is_known`` : the accuracy of all sides is stated,
        or the class of a method that they name. Index of `findings`. Only what is DRAFTING may be mended by software.

    Notes
    -----
    A strip is DRAFTING when one course of the record bounds both sides; or when both records, laid out from the corners that the
    drawing has right, meet within their tolerances and `DRAFTING_FT`; or, where a side has no record, when it is narrower than
    the accuracies of both sides combined and than `DRAFTING_FT`. It is RECORD when both records can be laid out and do not meet. A
    side whose drawing does not fit its own record leaves it UNKNOWN, however narrow it is. A gap between several pairs is what all
    of them say, RECORD when one of them does. A lot that fits its record but stands in the wrong place is taken at its place: what
    opens beside it is RECORD, which nobody mends by machine, and `citygis.quality.causes` tells that the lot is shifted.
    """
    n = len(findings)
    kind, said, is_known = np.full(n, "", dtype=object), np.full(n, "", dtype=object), np.zeros(n, dtype=bool)
    told = pd.DataFrame({"kind": kind, "said": said, "is_known": is_known}, index=findings.index)
    names = zip(findings["code"].array, findings["rule"].array, strict=True)
    todo = np.array([at for at, (code, name) in enumerate(names) if name in (_BASE.get(code), *_VERDICT_OF)], dtype=int)
    if len(todo):
        strips = findings["geometry"].to_numpy(dtype=object)[todo]
        widths = pd.to_numeric(findings["measure"]).to_numpy(dtype=float)[todo]
        todo = todo[_are_strips(strips, widths, rule("T33", city).limit)]
    if not len(todo):
        return told
    parcels = subjects.get(_PARCELS)
    courses = courses_of(subjects.get(_LINES), parcels) if parcels is not None else None
    rows = findings.iloc[todo]
    home = rows["layer"].mask(rows["code"].eq("T02"), _PARCELS).to_numpy(dtype=object)
    for layer in pd.unique(home):
        if layer not in subjects:
            continue
        mine = home == layer
        some, of_parcels = rows[mine], courses if layer == _PARCELS else None
        for at, strip, width, pairs in _Ground(subjects[layer], some, city).sides(todo[mine], some):
            kind[at], said[at] = _of_all([_verdict(strip, width, *pair, of_parcels) for pair in pairs])
            is_known[at] = all(side.is_known for pair in pairs for side in pair)
    return told.assign(kind=kind, said=said, is_known=is_known)


def verdicts(findings: pd.DataFrame) -> np.ndarray:
    """
    What `judged_by_record` said of each finding.

    Parameters
    ----------
    findings : findings frame

    Returns
    -------
    array of str
        `DRAFTING`, `RECORD` or `UNKNOWN`, judged or not; empty for a finding that is no overlap, gap or sliver.
    """
    judged = findings["code"].isin(list(_BASE))
    pairs = zip(findings["rule"], judged, strict=True)
    return np.array([_VERDICT_OF.get(name, UNKNOWN) if is_one else "" for name, is_one in pairs], dtype=object)


class _Ground:
    """The polygons of a layer that findings are about, found by place, and how well each is known."""

    def __init__(self, about: Subject, findings: pd.DataFrame, city: City):
        self._about = about
        wanted = about.current
        if findings["other"].notna().all() and not findings["code"].eq("T02").any():
            # All of them are named: a tree over a whole city would take longer than the verdicts.
            wanted = wanted & pd.Series(about.feature).isin({*findings["feature"], *findings["other"]}).to_numpy(dtype=bool)
        self._rows = np.flatnonzero(wanted)
        self._rows = self._rows[shapely.get_dimensions(about.place[self._rows]) == 2]
        self._tree = shapely.STRtree(about.place[self._rows])
        frame = about.frame.iloc[self._rows]
        self._accuracy = dict(zip(self._rows, accuracy_ft(frame, city), strict=True))
        stated = [frame[column].notna().to_numpy(dtype=bool) for column in ("method", "h_accuracy_ft") if column in frame]
        self._known = set(self._rows[np.any(stated, axis=0)]) if stated else set()

    def sides(self, at: np.ndarray, findings: pd.DataFrame) -> Iterator[tuple[int, shapely.Polygon, float, _Pairs]]:
        """Of each strip, called as in ``at``: its ground, its width, and the pairs that face each other across it or share it."""
        strips = findings["geometry"].to_numpy(dtype=object)
        widths = pd.to_numeric(findings["measure"]).to_numpy(dtype=float)
        names = (findings[name].to_numpy(dtype=object) for name in ("code", "feature", "other"))
        strip, near = self._tree.query(strips, predicate="dwithin", distance=NEAR_FT)
        order = np.lexsort((near, strip))
        beside = np.split(self._rows[near[order]], np.searchsorted(strip[order], np.arange(1, len(strips))))
        for n, (code, feature, other) in enumerate(zip(*names, strict=True)):
            rows, width = beside[n], float(widths[n])
            called = self._about.feature[rows]
            one, two = rows[called == feature], rows[called == other]
            if len(one) == 1 and len(two) == 1:
                pairs = [(self._side(one[0]), self._side(two[0]))]
            elif code == "T01":
                continue
            else:
                pairs = [(self._side(a), self._side(b)) for a, b in self._facing(strips[n], width, rows)]
            if pairs:
                yield int(at[n]), strips[n], width, pairs

    def _facing(self, strip: shapely.Polygon, width_ft: float, near: np.ndarray) -> list[tuple[int, int]]:
        """Pairs on opposite sides of a strip that lie beside the same stretch of it."""
        origin, along, across, length = _axes(strip)
        beside = shapely.intersection(shapely.boundary(self._about.place[near]), shapely.buffer(strip, NEAR_FT))
        spans = []
        for row, line in zip(near, beside, strict=True):
            points = shapely.get_coordinates(line) - origin
            if len(points) > 1:
                outward = (shapely.get_coordinates(shapely.point_on_surface(self._about.place[row]))[0] - origin) @ across
                spans.append((row, (points @ along).min(), (points @ along).max(), (points @ across).mean() - outward))
        least = max(2 * width_ft, 0.1 * length)
        return [
            (a, b)
            for n, (a, low, high, off) in enumerate(spans)
            for b, other_low, other_high, other_off in spans[n + 1 :]
            if min(high, other_high) - max(low, other_low) >= least and off * other_off < 0
        ]

    def _side(self, row: int) -> _Side:
        about = self._about
        return _Side(int(row), about.place[row], about.feature[row], float(self._accuracy[row]), row in self._known)


def _verdict(strip: shapely.Polygon, width_ft: float, one: _Side, other: _Side, courses: Courses | None) -> Verdict:
    combined = float(combined_accuracy_ft(one.accuracy_ft, other.accuracy_ft))
    if courses is None:
        return _by_width(width_ft, combined, "no course of record was given")
    common = shared_courses(courses, one.row, other.row, strip, max(width_ft, NEAR_FT))
    if len(common):
        return Verdict(DRAFTING, f"One course of the record, {courses.name[common[0]]}, bounds both {one.name} and {other.name}.")
    laid = [laid_by_record(courses, side.row, side.polygon, strip) for side in (one, other)]
    failed = [(side, each) for side, each in zip((one, other), laid, strict=True) if each.why]
    if not failed:
        return _by_record(strip, width_ft, rule("T33").limit, one, other, *laid)
    why = "; ".join(f"{side.name}: {each.why}" for side, each in failed)
    if all(each.why.startswith("no course") for _, each in failed):
        return _by_width(width_ft, combined, why)
    return Verdict(UNKNOWN, f"The record does not settle whose it is ({why}).")


def _by_width(width_ft: float, combined_ft: float, why: str) -> Verdict:
    if width_ft <= min(combined_ft, DRAFTING_FT):
        return Verdict(DRAFTING, f"It is narrower than both sides are known together ({combined_ft:,.2f} ft at 95 %).")
    known = f"both sides are known to {combined_ft:,.2f} ft together at 95 %"
    return Verdict(UNKNOWN, f"Nothing tells whether the drawing or the record is off: {known}; {why}.")


def _by_record(
    strip: shapely.Polygon, width_ft: float, widest_ft: float, one: _Side, other: _Side, laid: Laid, other_laid: Laid
) -> Verdict:
    """Whether two lines of record meet: how far apart they are at each corner of either, across the strip."""
    apart = _apart(strip, one, other, laid.places, other_laid.places)
    tolerance = float(np.hypot(laid.tolerance_ft, other_laid.tolerance_ft))
    most = float(apart[np.abs(apart).argmax()])
    told = f"(tolerance {min(tolerance, DRAFTING_FT):,.2f} ft)"
    if abs(most) <= min(tolerance, DRAFTING_FT):
        return Verdict(DRAFTING, f"The records of both call for one line, within {abs(most):,.2f} ft {told}: the drawing is off.")
    if abs(most) <= tolerance:
        return Verdict(UNKNOWN, f"The records of both meet within {abs(most):,.2f} ft, which is less than they are good for.")
    if abs(most) > max(width_ft + tolerance, widest_ft):
        found = f"The courses found for {one.name} and {other.name} stand {abs(most):,.2f} ft apart"
        return Verdict(
            UNKNOWN, f"{found}, far more than the ground between them: they are of other lines, or the drawing follows neither."
        )
    between = "leave ground between them, up to" if most > 0 else "overlap, by up to"
    said = f"The records of {one.name} and {other.name} {between} {abs(most):,.2f} ft {told}: it is not the drawing."
    if np.isfinite(laid.rank) and np.isfinite(other_laid.rank) and laid.rank != other_laid.rank:
        senior = one if laid.rank < other_laid.rank else other
        said += f" The record of {senior.name} is the senior one."
    return Verdict(RECORD, said)


def _apart(strip: shapely.Polygon, one: _Side, other: _Side, places: np.ndarray, other_places: np.ndarray) -> np.ndarray:
    """How far the line of `other` lies beyond that of `one`, seen from inside `one`, at the corners of both along the strip."""
    origin, along, across, length = _axes(strip)
    inside, beyond = (shapely.get_coordinates(shapely.point_on_surface(side.polygon))[0] for side in (one, other))
    if (beyond - inside) @ across < 0:
        across = -across
    lines = []
    for each in (places, other_places):
        t, s = (each - origin) @ along, (each - origin) @ across
        order = np.argsort(t, kind="stable")
        lines.append((t[order], s[order]))
    (t, s), (other_t, other_s) = lines
    low, high = max(t[0], other_t[0]), min(t[-1], other_t[-1])
    at = np.concatenate([t, other_t])
    at = np.unique(np.clip(at, low, high)) if low <= high else np.array([(low + high) / 2])
    at = np.clip(at, -length / 2, length / 2)
    return np.interp(at, other_t, other_s) - np.interp(at, t, s)


def _axes(strip: shapely.Polygon) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The middle of a strip, unit vectors along and across it, and its length."""
    corners = shapely.get_coordinates(strip)
    # At State Plane coordinates the rounding of the rectangle would be wider than a sliver.
    origin = corners.mean(axis=0)
    box = shapely.get_coordinates(shapely.oriented_envelope(shapely.MultiPoint(corners - origin)))
    sides = np.diff(box[:3], axis=0) if len(box) == 5 else np.diff(box[:2], axis=0)
    lengths = np.hypot(*sides.T)
    along = sides[lengths.argmax()] / lengths.max()
    middle = (box.min(axis=0) + box.max(axis=0)) / 2 if len(box) else np.zeros(2)
    return origin + middle, along, np.array([-along[1], along[0]]), float(lengths.max())


def _are_strips(places: np.ndarray, width_ft: np.ndarray, widest_ft: float) -> np.ndarray:
    """Which places are polygons not wider than a sliver, and `SLENDER` times as long as wide."""
    strips = (shapely.get_dimensions(places) == 2) & ~shapely.is_empty(places)
    with np.errstate(invalid="ignore"):
        strips &= (width_ft > 0) & (width_ft <= widest_ft)
    rows = np.flatnonzero(strips)
    bounds = shapely.bounds(places[rows]).reshape(-1, 4)
    sides = bounds[:, 2:] - bounds[:, :2]
    # The rectangle about a polygon is no longer than the diagonal of its bounds, and its own diagonal no shorter than their side.
    surely = sides.max(axis=1, initial=0) >= np.sqrt(2) * SLENDER * width_ft[rows]
    strips[rows] = np.hypot(*sides.T) >= SLENDER * width_ft[rows]
    for row in rows[strips[rows] & ~surely]:
        strips[row] = _axes(places[row])[3] >= SLENDER * width_ft[row]
    return strips


def _of_all(told: list[Verdict]) -> Verdict:
    """What several pairs say together: the worst of them."""
    for kind in (RECORD, UNKNOWN):
        for each in told:
            if each.kind == kind:
                return each
    return told[0]
