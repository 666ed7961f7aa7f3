"""
Labels of a written page: what was shown in pieces put together again, which lie on each other, and which are cut off.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.page_content import PageContent

_JOIN = 0.6
"""Over the font size: a piece that begins closer than this to where the last one ended goes on with its word."""

_TURN_DEG = 50.0
"""From a letter to the next, along the sharpest curve that a street name follows."""

_SLACK = 0.04
"""Share of a text's box left free on each side before two count as lying on each other: letters seldom fill their boxes."""

_CUT_PT = 0.3
"""A letter may reach this far over the edge it is cut at before anybody sees it: its box holds a little white."""


class PageLabels(NamedTuple):
    """
    Texts of a page as somebody reads them.

    Parameters
    ----------
    labels : DataFrame
        A row per label: ``string, left, baseline, along_x, along_y`` (from where it begins to where it ends), ``up_x, up_y,
        size_pt, layer``.
    pieces : DataFrame
        The rows of `PageContent.texts` that can be seen, each place once, with ``label``: their row in `labels`.
    """

    labels: pd.DataFrame
    pieces: pd.DataFrame


def page_labels(content: PageContent) -> PageLabels:
    """Put the texts of a page together; halos, texts without ink and texts of blanks are left out."""
    pieces = content.texts
    seen = (pieces["mode"] != 3) & (pieces["mode"] != 7) & (pieces["string"].str.strip() != "")
    # A halo is the same text at the same place in outline, before or after.
    place = pd.DataFrame({"s": pieces["string"], "e": pieces["left"].round(1), "n": pieces["baseline"].round(1)})
    again = place.duplicated(keep=False) & (pieces["mode"] == 1)
    pieces = pieces[seen & ~again & ~place[~again].duplicated().reindex(pieces.index, fill_value=False)].reset_index(drop=True)
    number = _numbers(pieces)
    pieces["label"] = number
    first = np.flatnonzero(np.diff(number, prepend=-1))
    last = np.append(first[1:], len(pieces))[: len(first)] - 1
    labels = pieces.loc[first, ["left", "baseline", "up_x", "up_y", "size_pt", "layer"]].reset_index(drop=True)
    ends = pieces[["left", "baseline"]].to_numpy() + pieces[["along_x", "along_y"]].to_numpy()
    labels[["along_x", "along_y"]] = ends[last] - labels[["left", "baseline"]].to_numpy()
    labels.insert(0, "string", _joined(pieces, first, last))
    return PageLabels(labels, pieces)


def boxes(texts: pd.DataFrame, slack: float = 0.0) -> np.ndarray:
    """Boxes around texts from the baseline to the height of capitals, smaller by a share `slack` on each side."""
    corners = _corners(texts, slack)
    return shapely.polygons(corners) if len(corners) else np.array([], dtype=object)


def _corners(texts: pd.DataFrame, slack: float) -> np.ndarray:
    """The corners of the boxes around texts, n x 4 x 2."""
    begin = texts[["left", "baseline"]].to_numpy(dtype=float)
    along, up = texts[["along_x", "along_y"]].to_numpy(dtype=float), texts[["up_x", "up_y"]].to_numpy(dtype=float)
    low, high = slack, 1 - slack
    return np.stack([begin + a * along + u * up for a, u in ((low, low), (high, low), (high, high), (low, high))], axis=1)


def overlapping(pieces: pd.DataFrame) -> np.ndarray:
    """
    Labels that lie on each other.

    Parameters
    ----------
    pieces : DataFrame
        As in `PageLabels`.

    Returns
    -------
    array of int, n x 2
        Numbers of labels, each pair once, the lower number first.
    """
    shapes = boxes(pieces, _SLACK)
    label = pieces["label"].to_numpy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects") if len(shapes) else ([], [])
    pairs = np.sort(np.column_stack([label[first], label[second]]), axis=1).reshape(-1, 2)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def clipped(pieces: pd.DataFrame, clips: np.ndarray) -> np.ndarray:
    """
    Labels of which a part is cut off: by the box that painting was cut to, or by the page.

    Returns
    -------
    array of int
        Numbers of labels. What lies wholly outside is not there for a reader, and not told.
    """
    corners = _corners(pieces, 0.0)
    low, high = corners.min(axis=1), corners.max(axis=1)
    at = clips[pieces["clip"].to_numpy(dtype=int)].reshape(-1, 4)
    over = ((low < at[:, :2] - _CUT_PT) | (high > at[:, 2:] + _CUT_PT)).any(axis=1)
    inside = ((high > at[:, :2] + _CUT_PT) & (low < at[:, 2:] - _CUT_PT)).all(axis=1)
    return np.unique(pieces["label"].to_numpy()[over & inside])


def _numbers(pieces: pd.DataFrame) -> np.ndarray:
    """The label that each piece belongs to: one goes on with the piece before when it begins where that ended."""
    if not len(pieces):
        return np.zeros(0, dtype=np.int64)
    begin = pieces[["left", "baseline"]].to_numpy()
    along = pieces[["along_x", "along_y"]].to_numpy()
    size = pieces["size_pt"].to_numpy()
    gap = np.hypot(*(begin[1:] - (begin + along)[:-1]).T)
    angle = np.degrees(np.arctan2(along[:, 1], along[:, 0]))
    turn = np.abs((np.diff(angle) + 180) % 360 - 180)
    layer = pieces["layer"].to_numpy()
    same = (np.abs(np.diff(size)) < 0.02 * size[1:]) & (layer[1:] == layer[:-1])
    goes_on = same & (gap <= _JOIN * size[1:]) & (turn <= _TURN_DEG)
    return np.append(0, np.cumsum(~goes_on))


def _joined(pieces: pd.DataFrame, first: np.ndarray, last: np.ndarray) -> list[str]:
    strings = pieces["string"].tolist()
    if len(first) == len(strings):
        return strings
    begin = pieces[["left", "baseline"]].to_numpy()
    gap = np.append(0.0, np.hypot(*(begin[1:] - (begin + pieces[["along_x", "along_y"]].to_numpy())[:-1]).T))
    # A word space is a quarter of the font size in most fonts; half of that apart is another word.
    apart = gap > 0.12 * pieces["size_pt"].to_numpy()
    return [
        strings[a] + "".join((" " if apart[i] else "") + strings[i] for i in range(a + 1, b + 1))
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
