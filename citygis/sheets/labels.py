"""
Labels: where each text goes, so that none lies on another and every one that found no room is told.

All polygons of a style are tried at once, candidate by candidate, from the best looking to the least: a rectangle test, then
whether the polygon covers the label's box, then whether the box is free. A label inside its own polygon cannot meet the
label of another, so nearly everything is settled by the first candidates. Texts along lines and beside points, which do meet,
are placed one after another. The order of the features is their rank, and the same input gives the same places.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.blocks import PAD_PT, Block, Placement, Standing, block, boxes_at, first_free, text_spans, untouched, upright
from citygis.sheets.curved import crossing_stations, curved_runs, straight_runs
from citygis.sheets.occupied import Occupied
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import Label

SNUG_PT = 0.4
"""Kept free on each side of a label that has no other way to stand in its polygon."""

_STEPS = (0.0, -0.5, 0.5, -0.75, 0.75, -1.0, 1.0)
_PLACES = np.array([(a, b) for a in _STEPS for b in _STEPS])
"""
Where a label is looked for at last, in the room its rectangle leaves it within that of the polygon: -1 to 1 each way. At three
quarters it is clear of a small lot within its own, and of a side that is not quite straight.
"""

_AROUND = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
"""Places beside a point, best first: right, above it and below it, then left, above and below."""


def inside(polygons: np.ndarray, label: Label, texts: list[np.ndarray], taken: np.ndarray) -> Placement:
    """
    Labels inside polygons.

    Parameters
    ----------
    polygons : array of Polygon or MultiPolygon, n
        Page points, cut to the frame. Of several parts the largest is labelled.
    label : Label
    texts : list of arrays of str, n each
        One per row of `label`; empty where left out.
    taken : array of Polygon
        Boxes no label may touch.

    Returns
    -------
    Placement
    """
    polygons = _largest(polygons)
    n = len(polygons)
    reasons = np.full(n, "", dtype=object)
    has_text = np.any([text != "" for text in texts], axis=0) if texts else np.zeros(n, bool)
    there = ~(shapely.is_missing(polygons) | shapely.is_empty(polygons))
    reasons[~has_text] = "no text"
    spans, areas = text_spans(label.rows, texts), shapely.area(polygons)
    large = _may_hold(polygons, areas, label, texts, spans)
    reasons[has_text & there & ~large] = "no room"
    open_ = np.flatnonzero(has_text & there & large)
    shapely.prepare(polygons[open_])
    sides = _sides(polygons, open_)
    anchors = _Anchors(polygons, sides)
    # What fills its rectangle has no better place than its middle, unless that is taken.
    filled = areas >= 0.95 * sides["level"].long_pt * sides["level"].deep_pt
    blocked = np.zeros(n, dtype=bool)
    blocks: dict[tuple, Block] = {}
    done = Standing(n)
    for rows, scale, where, turn, pad in _tries(label):
        if not len(open_):
            break
        if (rows, scale) not in blocks:
            blocks[rows, scale] = block(
                tuple(label.rows[i] for i in rows), [texts[i] for i in rows], scale, [spans[i] for i in rows]
            )
        some, side = blocks[rows, scale], sides[turn]
        # What is larger than the rectangle around a polygon, or than the polygon, need not be tried in it.
        wide, deep = some.width_pt[open_] + 2 * pad, some.height_pt[open_] + 2 * pad
        fits = (some.width_pt[open_] > 0) & (wide <= side.long_pt[open_]) & (deep <= side.deep_pt[open_])
        fits &= wide * deep <= areas[open_]
        if where != "centroid":
            fits &= ~filled[open_] | blocked[open_]
        at = open_[fits]
        if not len(at):
            continue
        if where == "anywhere":
            slots = np.repeat(at, len(_PLACES))
            room = np.column_stack([side.long_pt - some.width_pt, side.deep_pt - some.height_pt])[slots] / 2 - pad
            centres = anchors.middles[slots] + _turned(np.tile(_PLACES, (len(at), 1)) * room, side.angle_deg[slots])
        else:
            slots, centres = at, anchors.of(where, at)
        boxes = boxes_at(centres, some.width_pt[slots], some.height_pt[slots], side.angle_deg[slots], pad)
        covered = np.flatnonzero(shapely.covers(polygons[slots], boxes))
        blocked[slots[covered]] = True
        covered = covered[untouched(boxes[covered], done.all_boxes())] if len(covered) else covered
        if where == "anywhere":
            covered = covered[untouched(boxes[covered], taken)]
            stands = covered[Occupied().one_each(boxes[covered], slots[covered])]
        else:
            stands = covered[first_free(boxes[covered], taken)]
        at = slots[stands]
        done.add(at, some, at, centres[stands], side.angle_deg[at], boxes[stands], scale)
        left_out = [texts[i][at] != "" for i in range(len(texts)) if i not in rows]
        done.shortened[at] = np.any(left_out, axis=0) if left_out else False
        open_ = np.setdiff1d(open_, at, assume_unique=True)
    reasons[open_] = "no room"
    return done.placement(reasons)


def along(
    lines: np.ndarray,
    label: Label,
    texts: list[np.ndarray],
    taken: np.ndarray,
    *,
    standing: dict[str, list[tuple[float, float]]] | None = None,
) -> Placement:
    """
    Labels along lines, repeated every `label.repeat_in` inches. Lines of one text that meet are one line.

    A text stands on a straight run of its line, between crossings with others where it can; a line that has none long enough
    has it, with `label.curved`, letter by letter along a bend. No text stands twice within `label.repeat_in`, so that the two
    carriageways of a divided street have one name.

    Parameters and result as `inside`, for lines; a feature counts as placed when its text stands anywhere. `standing` are the
    middles (page points) of texts that stand already.
    """
    n = len(lines)
    reasons = np.full(n, "", dtype=object)
    row, text = label.rows[0], texts[0]
    reasons[text == ""] = "no text"
    done = Standing(n)
    named = (text != "") & ~shapely.is_missing(lines) & ~shapely.is_empty(lines)
    merged, owners = _merged(lines, text, named)
    crossings = crossing_stations(merged, text[owners])
    names = _Names(label.repeat_in * POINTS_PER_INCH, standing or {})
    ground = Occupied(taken)
    open_ = np.arange(len(merged))
    for scale in label.shrink:
        some = block((row,), [text[owners[open_]]], scale)
        runs = [
            straight_runs(merged[line], width, height, label.repeat_in, crossings[line])
            for line, width, height in zip(open_, some.width_pt, some.height_pt, strict=True)
        ]
        at = np.repeat(np.arange(len(open_)), [len(run) for run in runs])
        candidates = np.concatenate([np.empty((0, 4)), *runs])
        centres, angles = candidates[:, :2], candidates[:, 2]
        boxes = boxes_at(centres, some.width_pt[at], some.height_pt[at], angles)
        # A slot is one place on one line where a text should stand; numbered over all lines.
        slots = np.cumsum(np.append(True, (np.diff(at) != 0) | (np.diff(candidates[:, 3]) != 0))[: len(at)])
        stands = ground.one_each(boxes, slots, names.far_enough(some.texts[0][at], centres))
        done.add(owners[open_][at[stands]], some, at[stands], centres[stands], angles[stands], boxes[stands], scale)
        open_ = np.delete(open_, np.unique(at[stands]))
    for line in open_ if label.curved else ():
        word = text[owners[line]]
        for scale in label.shrink:
            runs = curved_runs(merged[line], word, row, scale, crossings[line])
            middles = np.array([run.middle for run in runs]).reshape(-1, 2)
            outlines = np.array([run.outline for run in runs], dtype=object)
            words = np.full(len(runs), word, dtype=object)
            stands = ground.one_each(outlines, np.zeros(len(runs), dtype=int), names.far_enough(words, middles))
            if len(stands):
                done.add_letters(owners[line], runs[stands[0]], row)
                break
    done.placed[:] = named & np.isin(text, text[done.placed])
    reasons[named & ~done.placed] = "no straight run long enough"
    return done.placement(reasons)


def beside(points: np.ndarray, clear_pt: float, label: Label, texts: list[np.ndarray], taken: np.ndarray) -> Placement:
    """
    Labels around points, `clear_pt` away: right first, then the corners, then left, above and below.

    One point after another takes the first of its places that is free, at a smaller size when there is none at the larger,
    then without its optional rows; a later point never takes a place an earlier one could have had.

    Parameters and result as `inside`, for points.
    """
    n = len(points)
    reasons = np.full(n, "", dtype=object)
    reasons[np.all([text == "" for text in texts], axis=0)] = "no text"
    open_ = np.flatnonzero((reasons == "") & ~shapely.is_missing(points) & ~shapely.is_empty(points))
    done = Standing(n)
    if not len(open_):
        return done.placement(reasons)
    at_points = shapely.get_coordinates(shapely.centroid(points[open_]))
    right, up = np.array(_AROUND, dtype=float).T
    lift = np.where(right != 0, 0.4, 1.0) * clear_pt
    tries, centres, boxes = [], [], []
    for rows, scale in _kinds(label):
        some = block(tuple(label.rows[i] for i in rows), [texts[i][open_] for i in rows], scale)
        half = np.column_stack([some.width_pt, some.height_pt])[:, None, :] / 2
        middles = at_points[:, None, :] + np.stack([right * (half[..., 0] + clear_pt), up * (half[..., 1] + lift)], axis=-1)
        low, high = middles - half - PAD_PT, middles + half + PAD_PT
        tries.append((rows, scale, some))
        centres.append(middles)
        boxes.append(shapely.box(low[..., 0], low[..., 1], high[..., 0], high[..., 1]))
    # Point by point, and of each its tries from the best to the least.
    centres, boxes = np.concatenate(centres, axis=1), np.concatenate(boxes, axis=1)
    every = boxes.shape[1]
    slots = np.repeat(np.arange(len(open_)), every)
    stands = Occupied(taken).one_each(boxes.ravel(), slots)
    at, place = stands // every, stands % every
    for number, (rows, scale, some) in enumerate(tries):
        mine = place // len(_AROUND) == number
        features = open_[at[mine]]
        chosen = at[mine], place[mine]
        done.add(features, some, at[mine], centres[chosen], np.zeros(mine.sum()), boxes[chosen], scale)
        left_out = [texts[i][features] != "" for i in range(len(texts)) if i not in rows]
        done.shortened[features] = np.any(left_out, axis=0) if left_out else False
    reasons[np.delete(open_, at)] = "no room"
    return done.placement(reasons)


class _Names:
    """Where texts stand along lines, so that none comes again within `apart_pt`."""

    def __init__(self, apart_pt: float, standing: dict[str, list[tuple[float, float]]]):
        # Texts exactly that far apart may both stand, however the distance is rounded.
        self.least = (apart_pt * (1 - 1e-9)) ** 2
        self.middles = {text: list(places) for text, places in standing.items()}

    def far_enough(self, texts: np.ndarray, centres: np.ndarray):
        """The last question to a candidate that is free otherwise: whether its text is far from itself. If so, it stands."""
        places = centres.tolist()

        def allowed(number: int) -> bool:
            e, n = places[number]
            same = self.middles.setdefault(texts[number], [])
            if any((e - other_e) ** 2 + (n - other_n) ** 2 < self.least for other_e, other_n in same):
                return False
            same.append((e, n))
            return True

        return allowed


def _kinds(label: Label) -> Iterator[tuple[tuple[int, ...], float]]:
    """Which rows at which scale: the whole label before a cut one, large before small."""
    every = tuple(range(len(label.rows)))
    needed = tuple(i for i in every if not label.rows[i].optional)
    for rows in [every, needed] if 0 < len(needed) < len(every) else [every]:
        for scale in label.shrink:
            yield rows, scale


def _tries(label: Label) -> Iterator[tuple[tuple[int, ...], float, str, str, float]]:
    """Candidates from the best looking to the least: as `_kinds`, then middle before aside; at last anywhere, and snug."""
    for rows, scale in _kinds(label):
        for where in ("centroid", "inscribed", "ahead", "behind"):
            for turn in ("level", "steep"):
                yield rows, scale, where, turn, PAD_PT
    for where, pad in (("anywhere", PAD_PT), ("centroid", SNUG_PT), ("anywhere", SNUG_PT)):
        for turn in ("level", "steep"):
            yield rows, scale, where, turn, pad


def _merged(lines: np.ndarray, text: np.ndarray, named: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines of one text as few lines as they make, the longest of a text first, and a feature each has its text from."""
    merged, owners = [], []
    for _, members in pd.Series(np.flatnonzero(named)).groupby(text[named], sort=True):
        features = members.to_numpy()
        one = shapely.get_parts(shapely.line_merge(shapely.multilinestrings([_line_parts(lines[features])]).item()))
        one = one[np.lexsort((*shapely.bounds(one).T[::-1], -np.round(shapely.length(one), 3)))]
        merged += list(one)
        owners += [features[0]] * len(one)
    return np.array(merged, dtype=object), np.array(owners, dtype=int)


def _turned(away: np.ndarray, angle_deg: np.ndarray) -> np.ndarray:
    """Vectors (n x 2) turned counter-clockwise."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.column_stack([away[:, 0] * c - away[:, 1] * s, away[:, 0] * s + away[:, 1] * c])


def _largest(polygons: np.ndarray) -> np.ndarray:
    """The largest part of each polygon."""
    polygons = np.asarray(polygons, dtype=object).copy()
    for i in np.flatnonzero(shapely.get_num_geometries(polygons) > 1):
        parts = shapely.get_parts(polygons[i])
        polygons[i] = parts[np.argmax(shapely.area(parts))]
    return polygons


class _Side(NamedTuple):
    """A direction of the rectangles around polygons: its angle, their length that way, their depth across, their middles."""

    angle_deg: np.ndarray
    long_pt: np.ndarray
    deep_pt: np.ndarray
    middles: np.ndarray


def _may_hold(
    polygons: np.ndarray, areas: np.ndarray, label: Label, texts: list[np.ndarray], spans: list[np.ndarray]
) -> np.ndarray:
    """Which polygons are not smaller than the smallest form of their label: at a small scale most are, which is told at once."""
    rows = list(_kinds(label))[-1][0]
    least = block(tuple(label.rows[i] for i in rows), [texts[i] for i in rows], min(label.shrink), [spans[i] for i in rows])
    west, south, east, north = shapely.bounds(polygons).T
    wide, deep = least.width_pt + 2 * SNUG_PT, least.height_pt + 2 * SNUG_PT
    with np.errstate(invalid="ignore"):
        return (wide <= np.hypot(east - west, north - south)) & (wide * deep <= areas)


def _sides(polygons: np.ndarray, at: np.ndarray) -> dict[str, _Side]:
    """
    The two directions of each polygon's smallest enclosing rectangle: the one nearer to level, and the other. Of those not in `at`
    nothing is known.
    """
    n = len(polygons)
    side, long, deep, middles = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, 2))
    boxes = shapely.oriented_envelope(polygons[at])
    is_solid = shapely.get_type_id(boxes) == shapely.GeometryType.POLYGON
    solid, boxes = at[is_solid], boxes[is_solid]
    if len(solid):
        corners = shapely.get_coordinates(boxes).reshape(-1, 5, 2)
        edge, next_edge = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
        side[solid] = np.degrees(np.arctan2(edge[:, 1], edge[:, 0]))
        long[solid], deep[solid] = np.hypot(*edge.T), np.hypot(*next_edge.T)
        middles[solid] = corners[:, :4].mean(axis=1)
    one, other = upright(side), upright(side + 90)
    first = np.abs(one) <= np.abs(other)
    return {
        "level": _Side(np.where(first, one, other), np.where(first, long, deep), np.where(first, deep, long), middles),
        "steep": _Side(np.where(first, other, one), np.where(first, deep, long), np.where(first, long, deep), middles),
    }


class _Anchors:
    """Middles of labels, worked out for the polygons that ask for them."""

    def __init__(self, polygons: np.ndarray, sides: dict[str, _Side]):
        self.polygons = polygons
        level, steep = sides["level"], sides["steep"]
        angle = np.radians(np.where(level.long_pt >= level.deep_pt, level.angle_deg, steep.angle_deg))
        length = np.maximum(level.long_pt, level.deep_pt)
        # A fifth of the way along the long side, so that crossed or stacked lots find a second place.
        self.step = np.column_stack([np.cos(angle), np.sin(angle)]) * (0.2 * length)[:, None]
        self.middles = level.middles
        self.known: dict[str, np.ndarray] = {}

    def of(self, where: str, at: np.ndarray) -> np.ndarray:
        known = self.known.setdefault(where, np.full((len(self.polygons), 2), np.nan))
        new = at[np.isnan(known[at, 0])]
        if len(new):
            known[new] = self._found(where, new)
        return known[at]

    def _found(self, where: str, at: np.ndarray) -> np.ndarray:
        shapes = self.polygons[at]
        if where == "inscribed":
            # Half a point is near enough, and ten times faster than the default; large polygons need it less exact still.
            fine = np.maximum(np.sqrt(shapely.area(shapes)) / 100, 0.5)
            return shapely.get_coordinates(shapely.get_point(shapely.maximum_inscribed_circle(shapes, tolerance=fine), 0))
        centroids = shapely.get_coordinates(shapely.centroid(shapes))
        return centroids + {"centroid": 0, "ahead": 1, "behind": -1}[where] * self.step[at]


def _line_parts(lines: np.ndarray) -> np.ndarray:
    parts = shapely.get_parts(shapely.get_parts(lines))
    return parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]
