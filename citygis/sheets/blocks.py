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
_WORD = ("word", "word_number")


class Placement(NamedTuple):
    """
    The labels of one style.

    Parameters
    ----------
    rows : DataFrame
        One row per line of text: ``feature`` (position in the style's features), ``text``, ``easting_pt``, ``northing_pt``
        (where its baseline begins on the page), ``angle_deg``, ``size_pt``, ``font``, ``color``. A text set letter by letter
        has a row for each, with the whole of it in ``word`` and which it is, from 1 on, in ``word_number``.
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
    """
    Labels of several rows before they have a place.

    Parameters
    ----------
    label_rows : tuple of LabelRow
    texts, spans, widths_pt, heights_pt : list of arrays, n each
        Per row: the text, its width in font sizes, and what it takes on paper, a circle included.
    width_pt, height_pt : array, n
        The whole.
    """

    label_rows: tuple[LabelRow, ...]
    texts: list[np.ndarray]
    spans: list[np.ndarray]
    widths_pt: list[np.ndarray]
    heights_pt: list[np.ndarray]
    width_pt: np.ndarray
    height_pt: np.ndarray


class Run(NamedTuple):
    """
    A text set letter by letter.

    Parameters
    ----------
    text : str
    middle : tuple of float
        Page points.
    letters : array of str, m
        Without the spaces.
    baselines : array, m x 2
        Where each letter begins.
    angles_deg : array, m
    size_pt : float
    outline : Polygon
        What the whole covers, padding included.
    """

    text: str
    middle: tuple[float, float]
    letters: np.ndarray
    baselines: np.ndarray
    angles_deg: np.ndarray
    size_pt: float
    outline: shapely.Polygon


def block(rows: tuple[LabelRow, ...], texts: list[np.ndarray], scale: float, spans: list[np.ndarray] | None = None) -> Block:
    """
    The sizes of labels whose rows are printed at `scale` times their size, but never under 5 pt. A null text takes no room.

    `spans` are the `spans` of the texts, where they are known already.
    """
    spans = text_spans(rows, texts) if spans is None else spans
    widths, heights = [], []
    for row, text, span in zip(rows, texts, spans, strict=True):
        size = size_of(row, scale)
        there = text != ""
        width = span * size
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
    return Block(rows, texts, spans, widths, heights, np.max(widths, axis=0), np.sum(heights, axis=0) - tops)


def text_spans(rows: tuple[LabelRow, ...], texts: list[np.ndarray]) -> list[np.ndarray]:
    """Widths of the texts of each row, in font sizes."""
    return [font(row.font).widths(text.tolist()) for row, text in zip(rows, texts, strict=True)]


def size_of(row: LabelRow, scale: float) -> float:
    """Font size of a row printed at `scale`, points."""
    return max(row.size_pt * scale, MIN_TEXT_PT)


def ringed(text: np.ndarray) -> np.ndarray:
    """Which texts of a row with circles get one: those a circle becomes, up to four characters."""
    lengths = np.fromiter(map(len, text), dtype=int, count=len(text))
    return (lengths > 0) & (lengths <= 4)


def circle_radius(width_pt: np.ndarray, height_pt: np.ndarray) -> np.ndarray:
    """Radius of a circle around a text, points: the same for one digit as for two."""
    return np.hypot(np.maximum(width_pt, 1.5 * height_pt), height_pt) / 2 + 0.2 * height_pt


def boxes_at(
    centres: np.ndarray, width_pt: np.ndarray, height_pt: np.ndarray, angle_deg: np.ndarray, pad_pt: float = PAD_PT
) -> np.ndarray:
    """Rectangles around `centres` (n x 2, page points), turned by an angle, with the padding of labels."""
    angle = np.radians(angle_deg)
    along = np.column_stack([np.cos(angle), np.sin(angle)]) * (width_pt / 2 + pad_pt)[:, None]
    up = np.column_stack([-np.sin(angle), np.cos(angle)]) * (height_pt / 2 + pad_pt)[:, None]
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
    stands = untouched(boxes, taken)
    at = np.flatnonzero(stands)
    if not len(at):
        return stands
    later, earlier = shapely.STRtree(boxes[at]).query(boxes[at], predicate="intersects")
    pair = later > earlier
    later, earlier = later[pair], earlier[pair]
    order = np.argsort(earlier, kind="stable")
    # Few boxes touch another, so going through the pairs in order is quick and their number decides alone.
    alive = np.ones(len(at), dtype=bool).tolist()
    for first, second in zip(earlier[order].tolist(), later[order].tolist(), strict=True):
        if alive[first]:
            alive[second] = False
    stands[at] = alive
    return stands


class Standing:
    """Labels as they find their places, of `n` features."""

    def __init__(self, n: int):
        self.placed = np.zeros(n, dtype=bool)
        self.shortened = np.zeros(n, dtype=bool)
        self.rows: list[dict[str, np.ndarray]] = []
        self.circles: list[dict[str, np.ndarray]] = []
        self.boxes: list[np.ndarray] = []
        self.words = 0

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
        for row, texts, spans, heights in zip(some.label_rows, some.texts, some.spans, some.heights_pt, strict=True):
            face, size, text = font(row.font), size_of(row, scale), texts[at]
            here = text != ""
            gap = size * (LEADING - face.cap_height)
            glyphs = heights[at] - gap
            # Centre of this row, from the top of the label down.
            middle = top - np.where(first, 0.0, gap) - glyphs / 2
            wide = spans[at] * size
            baseline = centres - right * (wide / 2)[:, None] + up * (middle - size * face.cap_height / 2)[:, None]
            if here.any():
                self._row(features[here], text[here], baseline[here], angle_deg[here], size, row)
                round_ = here & ringed(text)
                if row.circle and round_.any():
                    middles = (centres + up * middle[:, None])[round_]
                    self.circles.append(
                        {
                            "easting_pt": middles[:, 0],
                            "northing_pt": middles[:, 1],
                            "radius_pt": glyphs[round_] / 2,
                            "color": np.full(len(middles), row.color, dtype=object),
                        }
                    )
            top = np.where(here, middle - glyphs / 2, top)
            first &= ~here

    def add_letters(self, feature: int, run: Run, row: LabelRow) -> None:
        """A text that stands letter by letter."""
        self.placed[feature] = True
        self.boxes.append(np.array([run.outline], dtype=object))
        self.words += 1
        features = np.full(len(run.letters), feature)
        self._row(features, run.letters, run.baselines, run.angles_deg, run.size_pt, row, run.text, self.words)

    def _row(self, features, text, baseline, angle_deg, size_pt: float, row: LabelRow, word: str = "", number: int = 0) -> None:
        n = len(text)
        self.rows.append(
            {
                "feature": features,
                "text": text,
                "easting_pt": baseline[:, 0],
                "northing_pt": baseline[:, 1],
                "angle_deg": angle_deg,
                "size_pt": np.full(n, size_pt),
                "font": np.full(n, row.font, dtype=object),
                "color": np.full(n, row.color, dtype=object),
                "word": np.full(n, word, dtype=object),
                "word_number": np.full(n, number),
            }
        )

    def placement(self, reasons: np.ndarray) -> Placement:
        """What stands, with the reasons of what does not."""
        rows = _table(self.rows, ("feature", "text", "easting_pt", "northing_pt", "angle_deg", "size_pt", "font", "color", *_WORD))
        circles = _table(self.circles, ("easting_pt", "northing_pt", "radius_pt", "color"))
        return Placement(rows, circles, self.all_boxes(), self.placed, self.shortened, reasons)


def _table(pieces: list[dict[str, np.ndarray]], columns: tuple[str, ...]) -> pd.DataFrame:
    whole = {name: np.concatenate([piece[name] for piece in pieces]) if pieces else np.array([]) for name in columns}
    # Texts stay objects: a string column would copy every one of them twice.
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in whole.items()})
