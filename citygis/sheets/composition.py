"""
The composition of a sheet: blocks into the panel, tables into what is left of it and onto further pages.
"""

from collections.abc import Callable
from typing import NamedTuple

from citygis.errors import SheetError
from citygis.sheets.column import Block
from citygis.sheets.frame import Frame
from citygis.sheets.layout import Layout, columns
from citygis.sheets.scene import POINTS_PER_INCH, Group
from citygis.sheets.table import Table, table_block

LEAST_TYPE_SCALE = 0.72
"""Below it the smallest type would stand closer than it is high."""

Written = Callable[[float, float], Block]
"""Writes a block as wide as said (points), its type sizes multiplied as said."""

_SMALLER = 0.93
_WORTH_A_PAGE_COLUMN_IN = 4.0


class Panel(NamedTuple):
    """
    A panel as it is drawn.

    Parameters
    ----------
    groups : list of Group
        On the page.
    insets : list of (str, Frame)
        Small maps in it.
    left_over : list of Table
        What needs further pages.
    type_scale : float
        What its type sizes were multiplied with.
    """

    groups: list[Group]
    insets: list[tuple[str, Frame]]
    left_over: list[Table]
    type_scale: float


class _Columns:
    """The free space of a panel: each column filled from the top."""

    def __init__(self, lay: Layout):
        self.boxes = lay.columns
        self.tops = [box[3] for box in lay.columns]
        self.floors = [box[1] for box in lay.columns]
        self.placed: list[Block] = []

    def room(self, i: int) -> float:
        return self.tops[i] - self.floors[i]

    def put(self, block: Block, i: int) -> None:
        self.placed.append(block.at(self.boxes[i][0], self.tops[i]))
        self.tops[i] -= block.height_pt

    def put_at_foot(self, block: Block, i: int) -> None:
        self.floors[i] += block.height_pt
        self.placed.append(block.at(self.boxes[i][0], self.floors[i]))

    def short(self, block: Block) -> float:
        """Points that a block lacks where there is most room; placed when it lacks none, in the first column that has room."""
        rooms = [self.room(i) for i in range(len(self.boxes))]
        for i, room in enumerate(rooms):
            if block.height_pt <= room + 1e-6:
                self.put(block, i)
                return 0.0
        return block.height_pt - max(rooms)


def panel(
    lay: Layout,
    title_block: Written,
    blocks: Callable[[float, float], list[Block]],
    tables: list[Table],
    fill: Callable[[float, float, float], Block | None],
) -> Panel:
    """
    Fill a panel.

    Parameters
    ----------
    lay : Layout
    title_block : function of (width, k)
        The block at the foot of the last column.
    blocks : function of (width, k)
        The blocks that must be there, in order. Where they do not fit, they are written again in smaller type.
    tables : list of Table
        Go into what is left; what does not fit is handed back.
    fill : function of (width, k, room)
        What stands in the largest space left, if anything.

    Raises
    ------
    SheetError
        If a block does not fit even in the smallest type; the message names it.
    """
    width = lay.columns[0][2] - lay.columns[0][0]
    k, short = lay.type_scale, ("", 0.0)
    while k >= LEAST_TYPE_SCALE:
        free = _Columns(lay)
        last = len(lay.columns) - 1
        foot = title_block(width, k)
        free.put_at_foot(foot, last)
        lacking = [("title block", -free.room(last))] if free.room(last) < 0 else []
        # Short blocks fill what long ones leave free; where they all fit, their order is kept.
        lacking += [(block.name, short) for block in blocks(width, k) if (short := free.short(block)) > 0]
        if not lacking:
            return _with_tables(free, tables, fill, width, k)
        short = lacking[0]
        k *= _SMALLER
    name, points = short
    raise SheetError(
        f"The panel is {points / POINTS_PER_INCH:.1f} in too short for the {name}, in the smallest type too. Shorten it (words of "
        "notes and sources are in [title_block]), draw fewer layers, or give panel_in more."
    )


def _with_tables(free: _Columns, tables: list[Table], fill: Callable, width: float, k: float) -> Panel:
    left_over = []
    for table in tables:
        rest: Table | None = table
        for i in range(len(free.boxes)):
            if rest is not None:
                block, rest = table_block(rest, width, free.room(i), k)
                if block is not None:
                    free.put(block, i)
        if rest is not None:
            left_over.append(rest)
    largest = max(range(len(free.boxes)), key=lambda i: (free.room(i), -i))
    if block := fill(width, k, free.room(largest)):
        free.put(block, largest)
    groups = [group for block in free.placed for group in block.groups]
    return Panel(groups, [inset for block in free.placed for inset in block.insets], left_over, k)


def table_page(lay: Layout, title_block: Written, tables: list[Table]) -> tuple[list[Group], list[Table]]:
    """
    A page of tables only: columns over the whole paper, the title block at the foot of the last.

    Returns
    -------
    groups : list of Group
    left_over : list of Table
        For the next page.
    """
    left, _, right, _ = lay.border
    k = lay.type_scale
    count = max(1, int((right - left) / POINTS_PER_INCH / (_WORTH_A_PAGE_COLUMN_IN * k)))
    wide = lay._replace(columns=columns(lay.border, count, k))
    free = _Columns(wide)
    width = wide.columns[0][2] - wide.columns[0][0]
    free.put_at_foot(title_block(width, k), count - 1)
    left_over = []
    at = 0
    for table in tables:
        rest: Table | None = table
        while rest is not None and at < count:
            block, rest = table_block(rest, width, free.room(at), k)
            if block is not None:
                free.put(block, at)
            if rest is not None:
                at += 1
        if rest is not None:
            left_over.append(rest)
    return [group for block in free.placed for group in block.groups], left_over
