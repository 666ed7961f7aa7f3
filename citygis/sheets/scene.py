"""
The scene: what a sheet shows, as batches in page points.

A scene holds no cartography decisions and no coordinates of the ground: everything is placed, cut and quantised. Every
backend draws the same scene, so two outputs cannot disagree. 1 in = 72 pt; the origin is the lower left corner.
"""

from typing import NamedTuple

import numpy as np

POINTS_PER_INCH = 72
"""Page points in one inch (ISO 32000-2, 8.3.2.3: default user space)."""


class Paths(NamedTuple):
    """
    Paths of one look, painted at once.

    Parameters
    ----------
    points : array, n x 2
        Page points, in order.
    starts : array of int, m
        Where each subpath begins in `points`.
    closed : bool
        Whether every subpath ends where it began.
    fill, stroke : str or None
        Colours as ``#rrggbb``.
    width_pt : float
        Of the stroke.
    dash_pt : tuple of float
        On, off, on, off ... lengths; empty for a solid line.
    cap : str
        How lines end: ``butt``, ``round`` or ``projecting``.
    opacity : float
        1 covers what is below; less lets it through. A batch is painted once, so that its own parts do not darken each other.
    """

    points: np.ndarray
    starts: np.ndarray
    closed: bool = False
    fill: str | None = None
    stroke: str | None = None
    width_pt: float = 0.0
    dash_pt: tuple[float, ...] = ()
    cap: str = "butt"
    opacity: float = 1.0


class Texts(NamedTuple):
    """
    Single lines of text of one font and colour.

    Parameters
    ----------
    strings : tuple of str
    points : array, n x 2
        Where each baseline begins, page points.
    angles_deg : array, n
        Counter-clockwise from the page's horizontal.
    sizes_pt : array, n
        Font sizes.
    font : str
        A name of `citygis.sheets.fonts.FONTS`.
    color : str
        ``#rrggbb``.
    halo : str or None
        Colour of a band of `halo_pt` around the letters, below them.
    halo_pt : float
    actual : str or None
        The text that all strings together are, where they are its letters one by one: what a search must find.
    """

    strings: tuple[str, ...]
    points: np.ndarray
    angles_deg: np.ndarray
    sizes_pt: np.ndarray
    font: str = "regular"
    color: str = "#000000"
    halo: str | None = None
    halo_pt: float = 0.0
    actual: str | None = None


class Tile(NamedTuple):
    """
    A piece of a picture.

    Parameters
    ----------
    jpeg : bytes
        A JPEG file, grey or RGB.
    width_px, height_px : int
    affine : tuple of float
        ``a, b, c, d, e, f``: the unit square (0, 0 lower left, 1, 1 upper right of the picture) to page points, as in a PDF
        matrix, so that a rotated frame turns its pictures too.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    affine: tuple[float, float, float, float, float, float]


class Tiles(NamedTuple):
    """A picture in pieces that touch, as an underlay; `opacity` as in `Paths`."""

    tiles: tuple[Tile, ...]
    opacity: float = 1.0


class Group(NamedTuple):
    """
    A layer a reader of the sheet can switch off.

    Parameters
    ----------
    name : str
    batches : tuple of Paths, Texts or Tiles
        Bottom-up.
    clip_pt : tuple or None
        The box it is cut to.
    on : bool
        Whether the sheet opens, and prints, with the layer shown.
    """

    name: str
    batches: tuple[Paths | Texts | Tiles, ...]
    clip_pt: tuple[float, float, float, float] | None = None
    on: bool = True


class Scene(NamedTuple):
    """A whole page: its size and its groups, bottom-up."""

    width_pt: float
    height_pt: float
    groups: tuple[Group, ...]


def polyline(points, *, closed: bool = False, **look) -> Paths:
    """One path through `points` (n x 2, page points); `look` as in `Paths`."""
    return Paths(np.asarray(points, dtype=float).reshape(-1, 2), np.array([0]), closed, **look)


def polylines(lines, *, closed: bool = False, **look) -> Paths:
    """Several paths (a list of n x 2 arrays, page points) of one look."""
    lines = [np.asarray(line, dtype=float).reshape(-1, 2) for line in lines]
    starts = np.cumsum([0] + [len(line) for line in lines[:-1]])
    return Paths(np.concatenate(lines) if lines else np.empty((0, 2)), starts if lines else np.array([], int), closed, **look)


def rectangle(box_pt: tuple[float, float, float, float], **look) -> Paths:
    """The rectangle ``(left, bottom, right, top)``; `look` as in `Paths`."""
    left, bottom, right, top = box_pt
    return polyline([(left, bottom), (right, bottom), (right, top), (left, top)], closed=True, **look)


def text(
    string: str, left_pt: float, baseline_pt: float, size_pt: float, *, font: str = "regular", color: str = "#000000"
) -> Texts:
    """One horizontal line of text that begins at ``left_pt`` on ``baseline_pt``."""
    return Texts((string,), np.array([[left_pt, baseline_pt]]), np.zeros(1), np.array([size_pt]), font, color)
