"""
The title block: whose map, what map, which sheet, at what scale.
"""

from typing import NamedTuple

from citygis.city import City
from citygis.sheets.column import GREY, INK, Block, Column
from citygis.sheets.fonts import wrapped
from citygis.sheets.frame import Frame, scale_text
from citygis.sheets.scene import polyline
from citygis.sheets.sheet import Sheet
from citygis.sheets.style import MIN_TEXT_PT


class Number(NamedTuple):
    """Which sheet of how many."""

    sheet: str
    count: str


def numbers(sheet: Sheet, pages: int) -> list[Number]:
    """
    The numbers of a sheet and the pages that carry on its tables.

    Those of the last sheet of a set follow on, and the set grows; those in its midst take letters: 2, 2A, 2B of 7.
    """
    number, count = sheet.title_block.sheet_number, sheet.title_block.sheet_count
    more = pages - 1
    if more and number == count and number.isdigit() and not sheet.title_block.letters:
        return [Number(str(int(number) + i), str(int(count) + more)) for i in range(pages)]
    join = "-" if number[-1:].isalpha() else ""
    return [Number(number, count), *(Number(f"{number}{join}{_letters(i)}", count) for i in range(more))]


def title_block(
    width: float, k: float, sheet: Sheet, city: City, frame: Frame | None, number: Number, *, subtitle: str = ""
) -> Block:
    """The title block, as wide as a column of the panel; `subtitle` in place of the sheet's. A page of tables has no frame."""
    words = sheet.title_block
    column = Column(width, k)
    column.rule(1.4, INK)
    column.down(11)
    column.fitted(city.name.upper(), 10.5, font="bold", color=INK)
    column.down(14)
    for line in filter(None, (f"{city.county} County, {city.state}", words.department)):
        column.fitted(line, 7.0, color=GREY)
        column.down(10)
    column.down(8)
    # A long title is a sentence: it takes smaller type, not half the panel.
    size = 20.0 if len(words.title) <= 60 else 12.0
    column.paragraph(words.title, size, font="bold", leading=1.15)
    column.down(2)
    if said := subtitle or words.subtitle:
        column.paragraph(said, 9.5, leading=1.3)
    column.down(7)
    cells = (
        ("Drawn by", words.drawn_by),
        ("Checked by", words.checked_by),
        ("Date", words.date),
        ("Coordinates", f"{city.realization}, {city.epoch:.2f}"),
        ("Scale", scale_text(frame.scale) if frame else "none"),
        ("Sheet", f"{number.sheet} of {number.count}"),
    )
    for pair in (cells[i : i + 2] for i in range(0, len(cells), 2)):
        _cells(column, pair)
    column.rule(1.4, INK)
    column.group("Title block")
    return column.block("title block")


def _cells(column: Column, pair: tuple[tuple[str, str], ...]) -> None:
    k = column.k
    column.rule(0.5, INK)
    top = lowest = column.y
    for i, (name, value) in enumerate(pair):
        side = i * (column.width / 2 + 8 * k)
        column.y = top - 5 * k
        column.write(name.upper(), 5.4, color=GREY, left=side)
        column.y = top - 13.5 * k
        weight = "bold" if name in ("Scale", "Sheet") else "regular"
        points = max(8.5 * k, MIN_TEXT_PT)
        for n, part in enumerate(wrapped(value or "–", column.width / 2 - 8 * k, points, weight)):
            column.y -= points * 1.2 if n else 0
            column.write(part, 8.5, font=weight, left=side)
        lowest = min(lowest, column.y)
    column.y = lowest - 12.5 * k
    middle = column.width / 2
    column.batches.append(polyline([(middle, top), (middle, column.y)], stroke=INK, width_pt=0.5))


def _letters(number: int) -> str:
    """0, 1 ... as A, B ... Z, AA, AB ..."""
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(65 + number % 26)
