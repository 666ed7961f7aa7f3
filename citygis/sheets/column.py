"""
A column of a sheet's panel, written from the top down, and the blocks that stand in it.
"""

from __future__ import annotations

from typing import NamedTuple

from citygis.sheets.fonts import font, wrapped
from citygis.sheets.frame import Frame
from citygis.sheets.scene import Group, Paths, Texts, polyline, text
from citygis.sheets.style import MIN_TEXT_PT

INK = "#1a1a1a"
GREY = "#5a5a5a"
RULE = "#8a8a8a"
GRID = "#2b6a8f"


class Column:
    """
    A part of the panel being written, from ``y = 0`` down.

    Parameters
    ----------
    width : float
        Points.
    k : float
        What type sizes and distances are multiplied with.
    """

    def __init__(self, width: float, k: float):
        self.left, self.right, self.y = 0.0, width, 0.0
        self.k = k
        self.groups: list[Group] = []
        self.batches: list[Paths | Texts] = []

    @property
    def width(self) -> float:
        """Points."""
        return self.right - self.left

    def down(self, distance: float) -> None:
        """Leave a distance free, given before scaling."""
        self.y -= distance * self.k

    def write(self, string: str, size: float, *, font: str = "regular", color: str = INK, left: float | None = None) -> None:
        """One line of text; `size` and below before scaling."""
        size = max(size * self.k, MIN_TEXT_PT)
        self.batches.append(text(string, self.left if left is None else left, self.y - size * 0.76, size, font=font, color=color))

    def paragraph(self, string: str, size: float, *, font: str = "regular", color: str = INK, leading: float = 1.42) -> None:
        """Text broken into lines as wide as the column."""
        points = max(size * self.k, MIN_TEXT_PT)
        for line in wrapped(string, self.width, points, font):
            self.write(line, size, font=font, color=color)
            self.y -= points * leading

    def fitted(self, string: str, size: float, *, font: str = "regular", color: str = INK) -> None:
        """One line, its type made smaller when it is wider than the column; broken when the smallest type is still too wide."""
        wide = width_pt(string, size * self.k, font)
        smaller = size * min(1.0, self.width / wide) if wide else size
        if smaller * self.k >= MIN_TEXT_PT:
            self.write(string, smaller, font=font, color=color)
        else:
            self.paragraph(string, MIN_TEXT_PT / self.k, font=font, color=color)

    def heading(self, string: str) -> None:
        """Bold capitals over a rule."""
        self.paragraph(string.upper(), 7.5, font="bold", leading=1.2)
        self.down(1)
        self.rule(0.6, INK)
        self.down(7)

    def rule(self, width_pt: float = 0.4, color: str = RULE) -> None:
        """A line across the column."""
        self.batches.append(polyline([(self.left, self.y), (self.right, self.y)], stroke=color, width_pt=width_pt))

    def group(self, name: str) -> None:
        """End a group: what was written since the last one, under this name."""
        self.groups.append(Group(name, tuple(self.batches)))
        self.batches = []

    def block(self, name: str, *, insets: tuple[tuple[str, Frame], ...] = ()) -> Block:
        """All that was written, as a block; what is in no group yet is in one of the block's name."""
        if self.batches:
            self.group(name)
        return Block(name, tuple(self.groups), -self.y, insets)


class Block(NamedTuple):
    """
    A part of the panel, placed as a whole.

    Parameters
    ----------
    name : str
        What it is called where it does not fit.
    groups : tuple of Group
        Drawn from the upper left corner (0, 0) down.
    height_pt : float
    insets : tuple of (str, Frame)
        Small maps in it, that have coordinates of their own.
    """

    name: str
    groups: tuple[Group, ...]
    height_pt: float
    insets: tuple[tuple[str, Frame], ...] = ()

    def at(self, left_pt: float, top_pt: float) -> Block:
        """The block with its upper left corner there."""
        groups = tuple(_moved(group, left_pt, top_pt) for group in self.groups)
        insets = tuple(
            (name, frame._replace(left_pt=frame.left_pt + left_pt, bottom_pt=frame.bottom_pt + top_pt))
            for name, frame in self.insets
        )
        return self._replace(groups=groups, insets=insets)


def width_pt(string: str, size_pt: float, name: str = "regular") -> float:
    """Width of a line of text."""
    return float(font(name).widths([string])[0]) * size_pt


def _moved(group: Group, left_pt: float, top_pt: float) -> Group:
    batches = tuple(batch._replace(points=batch.points + (left_pt, top_pt)) for batch in group.batches)
    clip = group.clip_pt
    if clip is not None:
        clip = (clip[0] + left_pt, clip[1] + top_pt, clip[2] + left_pt, clip[3] + top_pt)
    return group._replace(batches=batches, clip_pt=clip)
