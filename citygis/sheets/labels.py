"""
Labels: where each text goes, so that none lies on another and every one that found no room is told.

All features of a style are tried at once, candidate by candidate, from the best looking to the least: a rectangle test, then
whether the polygon covers the label's box, then whether the box is free. A label inside its own polygon cannot meet the
label of another, so nearly everything is settled by the first candidates. The rest is greedy by order of the features, and
the same input gives the same places.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.blocks import PAD_PT, Block, Placement, Standing, block, boxes_at, first_free, one_each, upright
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import Label


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
    open_ = np.flatnonzero(has_text & there)
    shapely.prepare(polygons)
    sides = _sides(polygons)
    anchors = _Anchors(polygons, sides)
    blocks: dict[tuple, Block] = {}
    done = Standing(n)
    for rows, scale, where, turn in _tries(label):
        if (rows, scale) not in blocks:
            blocks[rows, scale] = block(tuple(label.rows[i] for i in rows), [texts[i] for i in rows], scale)
        some = blocks[rows, scale]
        side = sides[turn]
        # What is larger than the rectangle around a polygon need not be tried in the polygon.
        fits = (some.width_pt > 0) & (some.width_pt + 2 * PAD_PT <= side.long_pt) & (some.height_pt + 2 * PAD_PT <= side.deep_pt)
        at = open_[fits[open_]]
        if not len(at):
            continue
        centres = anchors.of(where, at)
        boxes = boxes_at(centres, some.width_pt[at], some.height_pt[at], side.angle_deg[at])
        covered = np.flatnonzero(shapely.covers(polygons[at], boxes))
        stands = covered[first_free(boxes[covered], np.concatenate([taken, done.all_boxes()]))]
        at = at[stands]
        done.add(at, some, at, centres[stands], side.angle_deg[at], boxes[stands], scale)
        left_out = [texts[i][at] != "" for i in range(len(texts)) if i not in rows]
        done.shortened[at] = np.any(left_out, axis=0) if left_out else False
        open_ = np.setdiff1d(open_, at, assume_unique=True)
    reasons[open_] = "no room"
    return done.placement(reasons)


def along(lines: np.ndarray, label: Label, texts: list[np.ndarray], taken: np.ndarray) -> Placement:
    """
    Labels on straight runs of lines, repeated every `label.repeat_in` inches. Lines of one text that meet are one line.

    Parameters and result as `inside`, for lines; a feature counts as placed when its text stands anywhere.
    """
    n = len(lines)
    reasons = np.full(n, "", dtype=object)
    row, text = label.rows[0], texts[0]
    reasons[text == ""] = "no text"
    done = Standing(n)
    named = (text != "") & ~shapely.is_missing(lines) & ~shapely.is_empty(lines)
    merged, owners = [], []
    for _, members in pd.Series(np.flatnonzero(named)).groupby(text[named], sort=True):
        features = members.to_numpy()
        one = shapely.get_parts(shapely.line_merge(shapely.multilinestrings([_line_parts(lines[features])]).item()))
        merged += list(one)
        owners += [features[0]] * len(one)
    open_ = np.arange(len(merged))
    owners = np.array(owners, dtype=int)
    for scale in label.shrink:
        some = block((row,), [text[owners[open_]]], scale)
        spots = [
            _straight_runs(merged[line], width, height, label.repeat_in)
            for line, width, height in zip(open_, some.width_pt, some.height_pt, strict=True)
        ]
        at = np.repeat(np.arange(len(open_)), [len(spot) for spot in spots])
        candidates = np.concatenate([np.empty((0, 4)), *spots])
        centres, angles = candidates[:, :2], candidates[:, 2]
        boxes = boxes_at(centres, some.width_pt[at], some.height_pt[at], angles)
        # A slot is one place on one line where a text should stand; numbered over all lines.
        slots = np.cumsum(np.append(True, (np.diff(at) != 0) | (np.diff(candidates[:, 3]) != 0))[: len(at)])
        stands = one_each(boxes, slots, np.concatenate([taken, done.all_boxes()]))
        done.add(owners[open_][at[stands]], some, at[stands], centres[stands], angles[stands], boxes[stands], scale)
        open_ = np.delete(open_, np.unique(at[stands]))
    done.placed[:] = named & np.isin(text, text[done.placed])
    reasons[named & ~done.placed] = "no straight run long enough"
    return done.placement(reasons)


def beside(points: np.ndarray, clear_pt: float, label: Label, texts: list[np.ndarray], taken: np.ndarray) -> Placement:
    """
    Labels around points, `clear_pt` away: right first, then the corners, then left, above and below.

    Parameters and result as `inside`, for points.
    """
    n = len(points)
    reasons = np.full(n, "", dtype=object)
    reasons[np.all([text == "" for text in texts], axis=0)] = "no text"
    open_ = np.flatnonzero((reasons == "") & ~shapely.is_missing(points) & ~shapely.is_empty(points))
    done = Standing(n)
    at_points = shapely.get_coordinates(shapely.centroid(points[open_])) if len(open_) else np.empty((0, 2))
    places = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
    for scale in label.shrink:
        for right, up in places:
            if not len(open_):
                break
            some = block(label.rows, [text[open_] for text in texts], scale)
            shift = np.column_stack(
                [right * (some.width_pt / 2 + clear_pt), up * (some.height_pt / 2 + clear_pt * (0.4 if right else 1))]
            )
            centres = at_points + shift
            candidates = boxes_at(centres, some.width_pt, some.height_pt, np.zeros(len(open_)))
            at = np.flatnonzero(first_free(candidates, np.concatenate([taken, done.all_boxes()])))
            done.add(open_[at], some, at, centres[at], np.zeros(len(at)), candidates[at], scale)
            open_, at_points = np.delete(open_, at), np.delete(at_points, at, axis=0)
    reasons[open_] = "no room"
    return done.placement(reasons)


def _tries(label: Label) -> Iterator[tuple[tuple[int, ...], float, str, str]]:
    """Candidates from the best looking to the least: whole label before a cut one, large before small, middle before aside."""
    every = tuple(range(len(label.rows)))
    needed = tuple(i for i in every if not label.rows[i].optional)
    kinds = [every, needed] if 0 < len(needed) < len(every) else [every]
    for rows in kinds:
        for scale in label.shrink:
            for where in ("centroid", "inscribed", "ahead", "behind"):
                for turn in ("level", "steep"):
                    yield rows, scale, where, turn


def _largest(polygons: np.ndarray) -> np.ndarray:
    """The largest part of each polygon."""
    polygons = np.asarray(polygons, dtype=object).copy()
    many = np.flatnonzero(shapely.get_num_geometries(polygons) > 1)
    for i in many:
        parts = shapely.get_parts(polygons[i])
        polygons[i] = parts[np.argmax(shapely.area(parts))]
    return polygons


class _Side(NamedTuple):
    """A direction of the rectangles around polygons: its angle, their length that way and their depth across."""

    angle_deg: np.ndarray
    long_pt: np.ndarray
    deep_pt: np.ndarray


def _sides(polygons: np.ndarray) -> dict[str, _Side]:
    """The two directions of each polygon's smallest enclosing rectangle: the one nearer to level, and the other."""
    n = len(polygons)
    side, long, deep = np.zeros(n), np.zeros(n), np.zeros(n)
    boxes = shapely.oriented_envelope(polygons)
    solid = np.flatnonzero(shapely.get_type_id(boxes) == shapely.GeometryType.POLYGON)
    if len(solid):
        corners = shapely.get_coordinates(boxes[solid]).reshape(-1, 5, 2)
        edge, next_edge = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
        side[solid] = np.degrees(np.arctan2(edge[:, 1], edge[:, 0]))
        long[solid], deep[solid] = np.hypot(*edge.T), np.hypot(*next_edge.T)
    one, other = upright(side), upright(side + 90)
    first = np.abs(one) <= np.abs(other)
    return {
        "level": _Side(np.where(first, one, other), np.where(first, long, deep), np.where(first, deep, long)),
        "steep": _Side(np.where(first, other, one), np.where(first, deep, long), np.where(first, long, deep)),
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


def _straight_runs(line: shapely.LineString, width_pt: float, height_pt: float, repeat_in: float) -> np.ndarray:
    """
    Where a text may stand on a line: columns middle (two), angle in degrees, and number of the slot it is for.

    A slot is a stretch of the line that should have the text once; its places come best first.
    """
    length = line.length
    half = width_pt / 2 + 2 * PAD_PT
    if length < 2 * half:
        return np.empty((0, 4))
    middles = np.linspace(half, length - half, max(int((length - 2 * half) / 4) + 1, 1))
    fractions = np.linspace(-1, 1, 9)
    # Twenty times faster than asking for each point along the line.
    vertices = shapely.get_coordinates(line)
    station = np.append(0.0, np.cumsum(np.hypot(*np.diff(vertices, axis=0).T)))
    stations = middles[:, None] + fractions * half
    samples = np.stack([np.interp(stations, station, vertices[:, i]) for i in (0, 1)], axis=-1)
    chord = samples[:, -1] - samples[:, 0]
    reach = np.hypot(*chord.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = chord / reach[:, None]
        away = samples - samples[:, :1]
        off = np.abs(away[..., 0] * unit[:, None, 1] - away[..., 1] * unit[:, None, 0]).max(axis=1)
        straight = (reach > 1.9 * half) & (off < 0.25 * height_pt)
    slots = max(int(length / (repeat_in * POINTS_PER_INCH)), 1)
    slot = np.minimum((middles / length * slots).astype(int), slots - 1)
    aside = np.abs(middles - (slot + 0.5) * length / slots)
    order = np.lexsort((aside, slot))
    order = order[straight[order]]
    centres = (samples[:, 0] + samples[:, -1]) / 2
    angles = upright(np.degrees(np.arctan2(chord[:, 1], chord[:, 0])))
    return np.column_stack([centres, angles, slot])[order]
