"""
Blocks of text before and after they have a place: how large, which box they cover, and which of many may stand.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.fonts import font
from citygis.sheets.style import MIN_TEXT_PT, LabelRow

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
    shortened : array of bool, n
        Whether its label stands without an optional row.
    reasons : array of str, n
        Why a feature has no label, where it has none.
    """

    rows: pd.DataFrame
    circles: pd.DataFrame
    boxes: np.ndarray
    placed: np.ndarray
    shortened: np.ndarray
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
            across = 2 * circle_radius(width, height)
            width, height = np.where(ringed(text), across, width), np.where(ringed(text), across, height)
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


def ringed(text: np.ndarray) -> np.ndarray:
    """Which texts of a row with circles get one: those a circle becomes, up to four characters."""
    return np.array([0 < len(string) <= 4 for string in text], dtype=bool)


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


def untouched(boxes: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Which boxes touch none of `taken`: array of bool."""
    free = np.ones(len(boxes), dtype=bool)
    if len(boxes) and len(taken):
        free[shapely.STRtree(boxes).query(taken, predicate="intersects")[1]] = False
    return free


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
    if not len(boxes):
        return np.zeros(0, dtype=bool)
    tree = shapely.STRtree(boxes)
    alive = untouched(boxes, taken)
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


def one_each(boxes: np.ndarray, slots: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """
    Of each slot's boxes (best first, slots in order of rank) the first that is free, by number.

    Each round, every open slot puts forward its best box left; what stands closes its slot and takes its ground.
    """
    left = np.arange(len(boxes))
    left = left[untouched(boxes, taken)]
    standing: list[np.ndarray] = []
    while len(left):
        best = left[np.unique(slots[left], return_index=True)[1]]
        won = best[first_free(boxes[best], np.array([], dtype=object))]
        standing.append(won)
        left = left[~np.isin(slots[left], slots[won])]
        left = left[untouched(boxes[left], boxes[won])]
    return np.sort(np.concatenate(standing)) if standing else np.array([], dtype=int)


class Standing:
    """Labels as they find their places, of `n` features."""

    def __init__(self, n: int):
        self.placed = np.zeros(n, dtype=bool)
        self.shortened = np.zeros(n, dtype=bool)
        self.rows: list[pd.DataFrame] = []
        self.circles: list[pd.DataFrame] = []
        self.boxes: list[np.ndarray] = []

    def all_boxes(self) -> np.ndarray:
        """Everything that stands, page points."""
        return np.concatenate(self.boxes) if self.boxes else np.array([], dtype=object)

    def add(
        self,
        features: np.ndarray,
        some: Block,
        at: np.ndarray,
        centres: np.ndarray,
        angle_deg: np.ndarray,
        boxes: np.ndarray,
        scale: float,
    ) -> None:
        """Labels that found their place: the features, which of the block's texts they have, middles, angles and boxes."""
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
                round_ = here & ringed(text[at])
                if row.circle and round_.any():
                    middles = centres + up * middle[:, None]
                    self.circles.append(
                        pd.DataFrame(
                            {
                                "easting_pt": middles[round_, 0],
                                "northing_pt": middles[round_, 1],
                                "radius_pt": glyphs[round_] / 2,
                                "color": row.color,
                            }
                        )
                    )
            top = np.where(here, middle - glyphs / 2, top)
            first &= ~here

    def placement(self, reasons: np.ndarray) -> Placement:
        """What stands, with the reasons of what does not."""
        columns = ["feature", "text", "easting_pt", "northing_pt", "angle_deg", "size_pt", "font", "color"]
        rows = pd.concat(self.rows, ignore_index=True) if self.rows else pd.DataFrame(columns=columns)
        circles = (
            pd.concat(self.circles, ignore_index=True)
            if self.circles
            else pd.DataFrame(columns=["easting_pt", "northing_pt", "radius_pt", "color"])
        )
        return Placement(rows, circles, self.all_boxes(), self.placed, self.shortened, reasons)
