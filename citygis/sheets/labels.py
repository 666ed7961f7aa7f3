"""
Labels: where each text goes, so that none lies on another and every one that found no room is told.

All features of a style are tried at once, candidate by candidate, from the best looking to the least: a rectangle test, then
whether the polygon covers the label's box, then whether the box is free. A label inside its own polygon cannot meet the
label of another, so nearly everything is settled by the first candidates. The rest is greedy by order of the features, and
the same input gives the same places.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.fonts import font
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import MIN_TEXT_PT, Label, LabelRow

PAD_PT = 1.0
"""Kept free on each side of a label."""

LEADING = 1.28
"""Line to line, in font sizes."""

_STEEPEST_DEG = 100.0


class Placement(NamedTuple):
    """
    The labels of one style.

    Parameters
    ----------
    rows : DataFrame
        One row per line of text: ``feature`` (position in the style's features), ``text``, ``easting_pt``, ``northing_pt``
        (where its baseline begins on the page), ``angle_deg``, ``size_pt``, ``font``, ``color``.
    circles : DataFrame
        ``easting_pt, northing_pt, radius_pt, color`` of the circles drawn around rows.
    boxes : array of Polygon
        What each label covers on the page, padding included. No two intersect.
    placed : array of bool, n
        Whether each feature has its label.
    reasons : array of str, n
        Why not, where it has none.
    """

    rows: pd.DataFrame
    circles: pd.DataFrame
    boxes: np.ndarray
    placed: np.ndarray
    reasons: np.ndarray


class Block(NamedTuple):
    """Labels of several rows before they have a place: per feature and row the text, width and height, and the whole size."""

    label_rows: tuple[LabelRow, ...]
    texts: list[np.ndarray]
    widths_pt: list[np.ndarray]
    heights_pt: list[np.ndarray]
    width_pt: np.ndarray
    height_pt: np.ndarray


def block(rows: tuple[LabelRow, ...], texts: list[np.ndarray], scale: float) -> Block:
    """The sizes of labels whose rows are printed at `scale` times their size, but never under 5 pt. A null text takes no room."""
    widths, heights = [], []
    for row, text in zip(rows, texts, strict=True):
        size = size_of(row, scale)
        there = text != ""
        width = font(row.font).widths(list(text)) * size
        height = np.full(len(text), size * font(row.font).cap_height)
        if row.circle:
            width = height = 2 * circle_radius(width, height)
        widths.append(np.where(there, width, 0.0))
        # The first row is as high as its capitals; each further one comes with the space above it.
        heights.append(np.where(there, height + size * (LEADING - font(row.font).cap_height), 0.0))
    tops = np.zeros(len(texts[0]))
    found = np.zeros(len(texts[0]), dtype=bool)
    for row, text in zip(rows, texts, strict=True):
        size = size_of(row, scale)
        first = ~found & (text != "")
        tops[first] = size * (LEADING - font(row.font).cap_height)
        found |= text != ""
    return Block(rows, texts, widths, heights, np.max(widths, axis=0), np.sum(heights, axis=0) - tops)


def size_of(row: LabelRow, scale: float) -> float:
    """Font size of a row printed at `scale`, points."""
    return max(row.size_pt * scale, MIN_TEXT_PT)


def circle_radius(width_pt: np.ndarray, height_pt: np.ndarray) -> np.ndarray:
    """Radius of a circle around a text, points: the same for one digit as for two."""
    return np.hypot(np.maximum(width_pt, 1.5 * height_pt), height_pt) / 2 + 0.2 * height_pt


def boxes_at(centres: np.ndarray, width_pt: np.ndarray, height_pt: np.ndarray, angle_deg: np.ndarray) -> np.ndarray:
    """Rectangles around `centres` (n x 2, page points), turned by an angle, with the padding of labels."""
    angle = np.radians(angle_deg)
    along = np.column_stack([np.cos(angle), np.sin(angle)]) * (width_pt / 2 + PAD_PT)[:, None]
    up = np.column_stack([-np.sin(angle), np.cos(angle)]) * (height_pt / 2 + PAD_PT)[:, None]
    corners = np.stack([centres - along - up, centres + along - up, centres + along + up, centres - along + up], axis=1)
    return shapely.polygons(corners)


def upright(angle_deg: np.ndarray) -> np.ndarray:
    """
    Angles read from below or from the right: in (-80, 100].

    The ten degrees past the vertical keep neighbours along a street that runs nearly north from flipping up and down.
    """
    return _STEEPEST_DEG - np.mod(_STEEPEST_DEG - np.asarray(angle_deg, dtype=float), 180.0)


def first_free(boxes: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """
    Which boxes may stand when none may touch a taken one, nor an earlier one that stands.

    Parameters
    ----------
    boxes : array of Polygon, n
        In order of rank, best first.
    taken : array of Polygon

    Returns
    -------
    array of bool, n
    """
    alive = np.ones(len(boxes), dtype=bool)
    if not len(boxes):
        return alive
    tree = shapely.STRtree(boxes)
    if len(taken):
        alive[np.unique(tree.query(taken, predicate="intersects")[1])] = False
    later, earlier = tree.query(boxes, predicate="intersects")
    pair = (later > earlier) & alive[later] & alive[earlier]
    later, earlier = later[pair], earlier[pair]
    stands = np.zeros(len(boxes), dtype=bool)
    while True:
        # A box wins once no living box before it is in its way; what a winner touches falls. Same answer as one by one.
        blocked = np.zeros(len(boxes), dtype=bool)
        open_pair = alive[later] & alive[earlier]
        blocked[later[open_pair]] = True
        winners = alive & ~blocked & ~stands
        if not winners.any():
            return stands
        stands |= winners
        alive[later[stands[earlier]]] = False


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
    done = _Done(n)
    anchors: dict[str, np.ndarray] = {}
    for where, rows, scale, turn in _tries(label):
        if not len(open_):
            break
        if where not in anchors:
            anchors[where] = _anchors(polygons, where, open_, anchors)
        chosen = [texts[i] for i in rows]
        some = block(tuple(label.rows[i] for i in rows), [text[open_] for text in chosen], scale)
        angle, room, depth = (measure[open_] for measure in sides[turn])
        centres = anchors[where][open_]
        width, height = some.width_pt, some.height_pt
        # What is larger than the rectangle around a polygon need not be tried in the polygon.
        at = np.flatnonzero((width > 0) & (width + 2 * PAD_PT <= room) & (height + 2 * PAD_PT <= depth))
        boxes = boxes_at(centres[at], width[at], height[at], angle[at])
        covered = shapely.covers(polygons[open_[at]], boxes)
        at, boxes = at[covered], boxes[covered]
        free = first_free(boxes, np.concatenate([taken, done.all_boxes()]))
        at, boxes = at[free], boxes[free]
        done.add(open_[at], some, at, centres[at], angle[at], boxes, scale)
        open_ = np.delete(open_, at)
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
    done = _Done(n)
    named = (text != "") & ~shapely.is_missing(lines) & ~shapely.is_empty(lines)
    for name, members in pd.Series(np.flatnonzero(named)).groupby(text[named], sort=True):
        features = members.to_numpy()
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings([_line_parts(lines[features])]).item()))
        lengths = shapely.length(merged)
        standing = False
        for line in merged[np.argsort(-lengths, kind="stable")]:
            for scale in label.shrink:
                some = block((row,), [np.array([name], dtype=object)], scale)
                spots = _straight_runs(line, float(some.width_pt[0]), float(some.height_pt[0]), label.repeat_in)
                spots = [spot for spot in spots if len(spot[0])]
                found = False
                for centres, angle in spots:
                    size = np.ones(len(centres))
                    candidates = boxes_at(centres, some.width_pt[0] * size, some.height_pt[0] * size, angle)
                    free = np.ones(len(candidates), dtype=bool)
                    blockers = np.concatenate([taken, done.all_boxes()])
                    if len(blockers):
                        free[np.unique(shapely.STRtree(blockers).query(candidates, predicate="intersects")[0])] = False
                    if free.any():
                        best = np.flatnonzero(free)[:1]
                        done.add(features[:1], some, np.array([0]), centres[best], angle[best], candidates[best], scale)
                        found = True
                if found:
                    standing = True
                    break
        done.placed[features] = standing
        if not standing:
            reasons[features] = "no straight run long enough"
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
    done = _Done(n)
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


class _Done:
    """Labels as they find their places."""

    def __init__(self, n: int):
        self.placed = np.zeros(n, dtype=bool)
        self.rows: list[pd.DataFrame] = []
        self.circles: list[pd.DataFrame] = []
        self.boxes: list[np.ndarray] = []

    def all_boxes(self) -> np.ndarray:
        return np.concatenate(self.boxes) if self.boxes else np.array([], dtype=object)

    def add(self, features, some: Block, at, centres, angle_deg, boxes, scale: float) -> None:
        if not len(at):
            return
        self.placed[features] = True
        self.boxes.append(boxes)
        angle = np.radians(angle_deg)
        right = np.column_stack([np.cos(angle), np.sin(angle)])
        up = np.column_stack([-np.sin(angle), np.cos(angle)])
        top = some.height_pt[at] / 2
        first = np.ones(len(at), dtype=bool)
        for row, text, height in zip(some.label_rows, some.texts, some.heights_pt, strict=True):
            face, size = font(row.font), size_of(row, scale)
            here = text[at] != ""
            gap = size * (LEADING - face.cap_height)
            glyphs = height[at] - gap
            # Centre of this row, from the top of the label down.
            middle = top - np.where(first, 0.0, gap) - glyphs / 2
            wide = face.widths(list(text[at])) * size
            baseline = centres - right * (wide / 2)[:, None] + up * (middle - size * face.cap_height / 2)[:, None]
            if here.any():
                self.rows.append(
                    pd.DataFrame(
                        {
                            "feature": features[here],
                            "text": text[at][here],
                            "easting_pt": baseline[here, 0],
                            "northing_pt": baseline[here, 1],
                            "angle_deg": angle_deg[here],
                            "size_pt": size,
                            "font": row.font,
                            "color": row.color,
                        }
                    )
                )
                if row.circle:
                    middles = centres + up * middle[:, None]
                    self.circles.append(
                        pd.DataFrame(
                            {
                                "easting_pt": middles[here, 0],
                                "northing_pt": middles[here, 1],
                                "radius_pt": glyphs[here] / 2,
                                "color": row.color,
                            }
                        )
                    )
            top = np.where(here, middle - glyphs / 2, top)
            first &= ~here

    def placement(self, reasons: np.ndarray) -> Placement:
        columns = ["feature", "text", "easting_pt", "northing_pt", "angle_deg", "size_pt", "font", "color"]
        rows = pd.concat(self.rows, ignore_index=True) if self.rows else pd.DataFrame(columns=columns)
        circles = (
            pd.concat(self.circles, ignore_index=True)
            if self.circles
            else pd.DataFrame(columns=["easting_pt", "northing_pt", "radius_pt", "color"])
        )
        return Placement(rows, circles, self.all_boxes(), self.placed, reasons)


def _tries(label: Label):
    """Candidates from the best looking to the least: whole label before a cut one, large before small, middle before aside."""
    every = range(len(label.rows))
    needed = [i for i in every if not label.rows[i].optional]
    kinds = [list(every)] + ([needed] if needed and len(needed) < len(label.rows) else [])
    for rows in kinds:
        for scale in label.shrink:
            for where in ("centroid", "inscribed", "ahead", "behind"):
                for turn in ("level", "steep"):
                    yield where, rows, scale, turn


def _largest(polygons: np.ndarray) -> np.ndarray:
    """The largest part of each polygon."""
    polygons = np.asarray(polygons, dtype=object).copy()
    many = np.flatnonzero(shapely.get_num_geometries(polygons) > 1)
    for i in many:
        parts = shapely.get_parts(polygons[i])
        polygons[i] = parts[np.argmax(shapely.area(parts))]
    return polygons


def _sides(polygons: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """
    For the two directions of each polygon's smallest enclosing rectangle, the one nearer to level first: the angle, the
    rectangle's length that way, and its depth across.
    """
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
        "level": (np.where(first, one, other), np.where(first, long, deep), np.where(first, deep, long)),
        "steep": (np.where(first, other, one), np.where(first, deep, long), np.where(first, long, deep)),
    }


def _anchors(polygons: np.ndarray, where: str, open_: np.ndarray, known: dict[str, np.ndarray]) -> np.ndarray:
    """Middles of labels, n x 2; only those of `open_` are worked out."""
    out = np.full((len(polygons), 2), np.nan)
    shapes = polygons[open_]
    if where == "centroid":
        out[open_] = shapely.get_coordinates(shapely.centroid(shapes))
    elif where == "inscribed":
        size = np.sqrt(shapely.area(shapes))
        for tolerance in np.unique(np.ceil(size / 50)):
            some = np.ceil(size / 50) == tolerance
            circles = shapely.maximum_inscribed_circle(shapes[some], tolerance=max(tolerance / 2, 0.25))
            out[open_[some]] = shapely.get_coordinates(shapely.get_point(circles, 0))
    else:
        # A fifth of the way along the long side, so that stacked or crossed lots find a second place.
        boxes = shapely.get_coordinates(shapely.oriented_envelope(shapes), return_index=False)
        if len(boxes) == 5 * len(shapes):
            corners = boxes.reshape(-1, 5, 2)
            one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
            long = np.where((np.hypot(*one.T) > np.hypot(*other.T))[:, None], one, other)
            long *= np.where(long[:, 1] + long[:, 0] / 1e3 >= 0, 1, -1)[:, None]
            out[open_] = known["centroid"][open_] + long * (0.2 if where == "ahead" else -0.2)
        else:
            out[open_] = known["centroid"][open_]
    return out


def _line_parts(lines: np.ndarray) -> np.ndarray:
    parts = shapely.get_parts(shapely.get_parts(lines))
    return parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]


def _straight_runs(line, width_pt: float, height_pt: float, repeat_in: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each place where a text should stand on a line, its possible middles (best first) and angles."""
    length = line.length
    half = width_pt / 2 + 2 * PAD_PT
    if length < 2 * half:
        return []
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
    off = np.abs((samples - samples[:, :1])[..., 0] * unit[:, None, 1] - (samples - samples[:, :1])[..., 1] * unit[:, None, 0])
    straight = (reach > 1.9 * half) & (off.max(axis=1) < 0.25 * height_pt)
    angles = upright(np.degrees(np.arctan2(chord[:, 1], chord[:, 0])))
    centres = (samples[:, 0] + samples[:, -1]) / 2
    slots = max(int(length / (repeat_in * POINTS_PER_INCH)), 1)
    spots = []
    for slot in range(slots):
        target = (slot + 0.5) * length / slots
        near = np.flatnonzero(straight & (np.abs(middles - target) <= length / slots / 2))
        near = near[np.argsort(np.abs(middles[near] - target), kind="stable")]
        spots.append((centres[near], angles[near]))
    return spots
