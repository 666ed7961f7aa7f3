"""
What people fill in or sign: revisions, seal, sign-off, recording blocks; and which sheets lie beside this one.
"""

import math

import numpy as np

from citygis.sheets.column import GREY, INK, Block, Column, width_pt
from citygis.sheets.fonts import font, wrapped
from citygis.sheets.profile import Statement
from citygis.sheets.scene import Texts, polyline
from citygis.sheets.sheet import Revision, SignOff
from citygis.sheets.style import MIN_TEXT_PT

_RING = np.array([(math.cos(a), math.sin(a)) for a in np.linspace(0, 2 * math.pi, 97)[:-1]])

_SIDES = (("NW", "N", "NE"), ("W", "", "E"), ("SW", "S", "SE"))
"""As they lie on the page."""


def revision_block(width: float, k: float, revisions: tuple[Revision, ...]) -> Block:
    """A line for each revision: number, date, by whom, what."""
    column = Column(width, k)
    column.heading("Revisions")
    points = max(6.6 * k, MIN_TEXT_PT)
    heads = ("No.", "Date", "By", "Revision")
    rows = [(one.number, one.date, one.by, one.text) for one in revisions]
    starts = [0.0]
    for i in range(3):
        widest = max(width_pt(row[i], points) for row in [heads, *rows])
        starts.append(starts[-1] + min(widest, column.width / 4) + 7 * k)
    ends = [*(start - 4 * k for start in starts[1:]), column.width]
    for row in [heads, *rows]:
        color = GREY if row is heads else INK
        cells = [wrapped(cell, end - start, points) for cell, start, end in zip(row, starts, ends, strict=True)]
        top = column.y
        for lines, start in zip(cells, starts, strict=True):
            for n, line in enumerate(lines):
                column.y = top - n * points * 1.25
                column.write(line, points / k, color=color, left=start)
        column.y = top - max(1, *(len(lines) for lines in cells)) * points * 1.25 - 1.5 * k
        column.rule(0.3)
        column.down(4)
    column.group("Revisions")
    column.down(8)
    return column.block("revision block")


def seal(width: float, k: float, words: str) -> Block:
    """A ring where a seal or stamp is set, with `words` in it."""
    column = Column(width, k)
    radius = min(36.0 * k, width / 2)
    middle = np.array([width / 2, -radius])
    for part, line in ((1.0, 0.9), (0.88, 0.4)):
        column.batches.append(polyline(middle + _RING * radius * part, closed=True, stroke=INK, width_pt=line))
    points = max(7.0 * k, MIN_TEXT_PT)
    lines = [*wrapped(words.upper(), radius * 1.25, points, "bold"), "place of seal"]
    column.y = middle[1] + len(lines) * points * 1.2 / 2
    for line in lines:
        weight = "regular" if line is lines[-1] else "bold"
        column.write(line, points / k, font=weight, left=middle[0] - width_pt(line, points, weight) / 2)
        column.y -= points * 1.2
    column.y = -2 * radius
    column.group("Seal")
    column.down(12)
    return column.block("seal")


def sign_off(width: float, k: float, signers: tuple[SignOff, ...]) -> Block:
    """For each who signs a line, and below it office, name, license and date, as far as they are known."""
    column = Column(width, k)
    column.heading("Approved")
    for one in signers:
        column.down(20)
        column.rule(0.6, INK)
        column.down(3)
        column.paragraph(", ".join(filter(None, (one.role, one.name))), 7.0)
        column.paragraph(f"License {one.license or '__________'}    Date {one.date or '__________'}", 6.4, color=GREY)
        column.down(3)
    column.group("Sign-off")
    column.down(8)
    return column.block("sign-off block")


def statement(width: float, k: float, said: Statement) -> Block:
    """A recording block: heading, words with blanks, and a line for each who signs."""
    column = Column(width, k)
    column.heading(said.heading or "Statement")
    column.paragraph(said.text, 6.8)
    for who in said.signed_by:
        column.down(20)
        column.rule(0.6, INK)
        column.down(3)
        column.paragraph(who, 6.4, color=GREY)
    column.group("Recording blocks")
    column.down(10)
    return column.block(f"recording block {said.heading!r}")


def adjoining(width: float, k: float, sheets: dict[str, str], own: str) -> Block:
    """The numbers of the sheets around this one, as they lie."""
    column = Column(width, k)
    column.heading("Adjoining sheets")
    cell, high = min(width / 3, 60 * k), 16 * k
    points = max(7.0 * k, MIN_TEXT_PT)
    left = (width - 3 * cell) / 2
    strings, at = [], []
    for r, sides in enumerate(_SIDES):
        for c, side in enumerate(sides):
            number = sheets.get(side, "") if side else own
            corner = (left + c * cell, column.y - (r + 1) * high)
            box = [corner, (corner[0] + cell, corner[1]), (corner[0] + cell, corner[1] + high), (corner[0], corner[1] + high)]
            column.batches.append(polyline(box, closed=True, stroke=INK, width_pt=0.5 if side else 1.2))
            string = number or "–"
            strings.append(string)
            middle = (high - font("regular").cap_height * points) / 2
            at.append((corner[0] + (cell - width_pt(string, points)) / 2, corner[1] + middle))
    column.batches.append(Texts(tuple(strings), np.array(at), np.zeros(9), np.full(9, points), color=INK))
    column.y -= 3 * high
    column.group("Adjoining sheets")
    column.down(12)
    return column.block("adjoining sheets")
