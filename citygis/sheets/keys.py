"""
Key numbers: what stands on the map for a label that found no room, and the table that says what each means.

Numbers run over the map as a page is read, so that the next one is never far.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets import labels
from citygis.sheets.blocks import block
from citygis.sheets.features import Features
from citygis.sheets.fonts import font
from citygis.sheets.leaders import leader_paths, led
from citygis.sheets.scene import Paths, Texts
from citygis.sheets.style import MIN_TEXT_PT, Label, LabelRow
from citygis.sheets.table import Table

KEY = LabelRow(text="", size_pt=MIN_TEXT_PT, font="bold")
"""How a number that stands for a label is written."""

MAX_LED = 4_000
"""Numbers of one style that stand outside, on leaders; where more find no room inside, the scale is wrong for them."""

_BAND_PT = 36.0
"""Numbers in a band of this height count from left to right."""

_SAME_PT = 0.1


class Keys(NamedTuple):
    """
    The numbers of one style.

    Parameters
    ----------
    numbers : array of int, n
        Of each feature; 0 where none found room. Features on the same ground share one.
    batches : list of Paths and Texts
    boxes : array of Polygon
        What they cover.
    leaders : array of LineString
    """

    numbers: np.ndarray
    batches: list[Paths | Texts]
    boxes: np.ndarray
    leaders: np.ndarray


def key_numbers(features: Features, at: np.ndarray, taken: np.ndarray, first: int) -> Keys:
    """
    Numbers for some features of a style: inside where there is room, else near by on a leader.

    Parameters
    ----------
    features : Features
    at : array of int, n
        Which of them.
    taken : array of geometries
        What no number may touch, page points.
    first : int
        The number to begin with.

    Returns
    -------
    Keys
    """
    shapes = features.shapes[at]
    group = same_ground(shapes)
    _, one = np.unique(group, return_index=True)
    alone = shapes[one]
    if not len(alone):
        return Keys(np.zeros(0, dtype=int), [], np.array([], dtype=object), np.array([], dtype=object))
    # Wide enough for the largest number that may come, so that it fits whichever it gets.
    widest = np.full(len(alone), str(first + len(alone) - 1), dtype=object)
    found, centres, angles, boxes = _inside(features.kind, alone, widest, taken)
    open_ = np.setdiff1d(np.arange(len(alone)), found)
    lines = np.empty((0, 2, 2))
    if 0 < len(open_) <= MAX_LED:
        some = block((KEY,), [widest[open_]], 1.0)
        anchors, clear = _anchors(features.kind, alone[open_])
        left = np.arange(len(open_))
        # On ground of nobody else first, such as a street; then wherever no text is hidden.
        for shapes_off in (features.shapes, np.array([], dtype=object)):
            size = some.width_pt[left], some.height_pt[left]
            standing = np.concatenate([taken, boxes, _strokes(lines)])
            put = led(anchors[left], *size, standing, shapes=shapes_off, own=at[one][open_[left]], clear_pt=clear)
            found = np.concatenate([found, open_[left[put.at]]])
            centres, boxes = np.concatenate([centres, put.centres]), np.concatenate([boxes, put.boxes])
            angles, lines = np.append(angles, np.zeros(len(put.at))), np.concatenate([lines, put.lines])
            left = np.delete(left, put.at)
    numbers = np.zeros(len(alone), dtype=int)
    reading = np.lexsort((centres[:, 0], -np.floor(centres[:, 1] / _BAND_PT)))
    numbers[found[reading]] = first + np.arange(len(found))
    color = features.style.label.key_color
    batches = [*leader_paths(lines, color, dots=features.kind == "area"), *_texts(numbers[found], centres, angles, color)]
    return Keys(numbers[group], batches, boxes, _strokes(lines))


def same_ground(shapes: np.ndarray) -> np.ndarray:
    """
    Which shapes (page points) lie on each other, as the units of a condominium do: a number for each, equal for equals.

    Shapes are equal when bounds, area, length and centroid agree to a tenth of a point.
    """
    if not len(shapes):
        return np.zeros(0, dtype=int)
    middles = shapely.get_coordinates(shapely.centroid(shapes))
    facts = np.column_stack([shapely.bounds(shapes), middles, shapely.area(shapes) ** 0.5, shapely.length(shapes)])
    whole = np.round(facts / _SAME_PT).astype(np.int64)
    return pd.DataFrame(whole).groupby(list(range(whole.shape[1])), sort=False).ngroup().to_numpy()


def key_table(unlabelled: pd.DataFrame) -> Table:
    """What the numbers of `Labelling.unlabelled` stand for: one row per number, with all its texts."""
    keyed = unlabelled[unlabelled["key"].notna() & unlabelled["text"].notna()]
    rows = tuple((str(key), ", ".join(sorted(texts))) for key, texts in keyed.groupby("key")["text"])
    return Table("Numbers on the map", ("No.", "Label"), rows, "rl")


def _inside(kind: str, shapes: np.ndarray, texts: np.ndarray, taken: np.ndarray) -> tuple[np.ndarray, ...]:
    """Which shapes have room for a number in, on or beside them; middles, angles and boxes of the numbers."""
    label = Label(rows=(KEY,), shrink=(1.0,), repeat_in=0.01)
    if kind == "area":
        put = labels.inside(shapes, label, [texts], taken)
    else:
        points = shapes if kind == "point" else shapely.line_interpolate_point(_longest(shapes), 0.5, normalized=True)
        put = labels.beside(points, 3.0, label, [texts], taken)
    middles = shapely.get_coordinates(shapely.centroid(put.boxes)).reshape(-1, 2)
    return put.rows["feature"].to_numpy(dtype=int), middles, put.rows["angle_deg"].to_numpy(dtype=float), put.boxes


def _longest(lines: np.ndarray) -> np.ndarray:
    """The longest part of each line."""
    parts, owner = shapely.get_parts(lines, return_index=True)
    order = np.lexsort((-shapely.length(parts), owner))
    return parts[order][np.unique(owner[order], return_index=True)[1]]


def _anchors(kind: str, shapes: np.ndarray) -> tuple[np.ndarray, float]:
    """Where leaders to shapes end, and how far off that they stop."""
    if kind == "line":
        shapes = shapely.line_interpolate_point(_longest(shapes), 0.5, normalized=True)
    return shapely.get_coordinates(shapely.point_on_surface(shapes)), 0.0 if kind == "area" else 3.0


def _strokes(lines: np.ndarray) -> np.ndarray:
    return shapely.linestrings(lines) if len(lines) else np.array([], dtype=object)


def _texts(numbers: np.ndarray, centres: np.ndarray, angles_deg: np.ndarray, color: str) -> list[Texts]:
    if not len(numbers):
        return []
    strings = tuple(map(str, numbers.tolist()))
    angle = np.radians(angles_deg)
    right = np.column_stack([np.cos(angle), np.sin(angle)])
    up = np.column_stack([-np.sin(angle), np.cos(angle)])
    wide, high = font(KEY.font).widths(strings) * KEY.size_pt, font(KEY.font).cap_height * KEY.size_pt
    points = centres - right * (wide / 2)[:, None] - up * (high / 2)
    return [Texts(strings, points, angles_deg, np.full(len(strings), KEY.size_pt), KEY.font, color)]


def times_too_small(shapes: np.ndarray) -> np.ndarray:
    """How many times larger polygons (page points) would have to be for numbers that tell them apart to lie in them, about."""
    wide, deep = font(KEY.font).widths([str(len(shapes))])[0] * KEY.size_pt + 1.0, font(KEY.font).cap_height * KEY.size_pt + 1.0
    areas = np.maximum(shapely.area(shapes), 1e-9)
    # Half the perimeter of a long shape is its length, so this is its depth; of a square it is half its side.
    depth = 2 * areas / np.maximum(shapely.length(shapes), 1e-9)
    return np.maximum(deep / (1.5 * depth), np.sqrt(1.5 * wide * deep / areas))
