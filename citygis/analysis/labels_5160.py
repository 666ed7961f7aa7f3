"""
Mailing labels on sheets of thirty: three across and ten down, 2 5/8 by 1 inch (Avery 5160 and its like), on letter paper.
"""

import numpy as np
import pandas as pd

from citygis.errors import AnalysisError
from citygis.sheets.document import DocumentPage, document_bytes
from citygis.sheets.fonts import composed, font
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import POINTS_PER_INCH, Group, Scene, Texts

ACROSS, DOWN = 3, 10
LEFT_IN, TOP_IN, WIDTH_IN, HEIGHT_IN, PITCH_IN = 0.1875, 0.5, 2.625, 1.0, 2.75
"""Margins, a label's size, and from one label's left side to the next (Avery's template 5160)."""

SIZE_PT, LEAST_PT, LEADING, PAD_IN = 9.0, 6.0, 1.15, 0.12
"""Type as it begins and as small as it gets, line to line in type sizes, and what stays free on each side of a label."""


def labels_pdf(pieces: pd.DataFrame) -> bytes:
    """
    The labels of a mailing, ready to be printed at 100 %.

    Parameters
    ----------
    pieces : DataFrame
        ``line_1 ... line_5, last_line`` as `citygis.analysis.mailing` makes them; empty lines are left out. One label per row, from
        left to right and down.

    Returns
    -------
    bytes
        A PDF, one page per thirty labels.

    Raises
    ------
    AnalysisError
        If a line does not fit a label even in the smallest type; nothing of an address is ever cut.
    """
    columns = [name for name in pieces.columns if name.startswith("line_")] + ["last_line"]
    texts = [
        [line for line in map(composed, row) if line] for row in pieces[columns].fillna("").astype("str").itertuples(index=False)
    ]
    per_page = ACROSS * DOWN
    pages = []
    for number, at in enumerate(range(0, len(texts), per_page), 1):
        scene = _page(texts[at : at + per_page])
        pages.append(DocumentPage(pdf_bytes(scene, title="Mailing labels"), f"Sheet {number}"))
    return document_bytes(pages, title="Mailing labels")


def _page(texts: list[list[str]]) -> Scene:
    strings, points, sizes = [], [], []
    room_pt, high_pt = (WIDTH_IN - 2 * PAD_IN) * POINTS_PER_INCH, (HEIGHT_IN - 2 * PAD_IN) * POINTS_PER_INCH
    for number, lines in enumerate(texts):
        size = _size(lines, room_pt, high_pt)
        left = (LEFT_IN + number % ACROSS * PITCH_IN + PAD_IN) * POINTS_PER_INCH
        middle = (11.0 - TOP_IN - (number // ACROSS + 0.5) * HEIGHT_IN) * POINTS_PER_INCH
        top = middle + len(lines) * size * LEADING / 2
        for i, line in enumerate(lines):
            strings.append(line)
            points.append((left, top - (i + 0.78) * size * LEADING))
            sizes.append(size)
    batch = Texts(tuple(strings), np.array(points).reshape(-1, 2), np.zeros(len(strings)), np.array(sizes))
    return Scene(8.5 * POINTS_PER_INCH, 11.0 * POINTS_PER_INCH, (Group("Labels", (batch,)),))


def _size(lines: list[str], room_pt: float, high_pt: float) -> float:
    """The type size at which all lines of a label fit it."""
    if gone := font("regular").missing("".join(lines)):
        raise AnalysisError(
            f"The label {lines[0]!r} has characters the labels' font cannot write: {' '.join(gone)}. Spell it otherwise."
        )
    wide = float(max(font("regular").widths(lines)))
    size = min(SIZE_PT, room_pt / wide, high_pt / (len(lines) * LEADING))
    if size < LEAST_PT:
        longest = max(lines, key=lambda line: font("regular").widths([line])[0])
        raise AnalysisError(
            f"{longest!r} does not fit a label at {LEAST_PT:g} pt. Shorten it on the roll, or print this one by hand."
        )
    return size
