"""
The legend: exactly what is drawn, by the code that draws it.
"""

import math

import numpy as np

from citygis.sheets.column import Block, Column
from citygis.sheets.fonts import font, wrapped
from citygis.sheets.frame import Frame
from citygis.sheets.furniture import Entry
from citygis.sheets.style import MIN_TEXT_PT
from citygis.sheets.symbols import swatch, swatch_width_pt

_SIZE = 7.5
_LINE = 16.5
_SWATCH = 27.0
_GAP = 8.0


def legend(width: float, k: float, entries: list[Entry], frame: Frame) -> Block:
    """
    What is drawn in the frame, in two columns when there is much of it.

    Parameters
    ----------
    width, k : float
        Of the panel's column: points, and what sizes are multiplied with.
    entries : list of Entry
        At least one.
    frame : Frame
        Of the map: widths and spacings on the ground are those of the map.
    """
    column = Column(width, k)
    column.heading("Legend")
    box = max(_SWATCH * k, min(width / 4, max(swatch_width_pt(entry.symbol, frame) for entry in entries)))
    indent = box + _GAP * k
    longest = float(np.max(font("regular").widths([entry.text for entry in entries]))) * _SIZE * k
    columns = 2 if len(entries) > 4 and longest <= width / 2 - indent - 6 * k else 1
    deep = math.ceil(len(entries) / columns)
    points = max(_SIZE * k, MIN_TEXT_PT)
    top = lowest = column.y
    for i, entry in enumerate(entries):
        if i % deep == 0:
            column.y = top
        left = (i // deep) * width / 2
        low = column.y - 8.3 * k
        column.batches += swatch(entry.symbol, entry.kind, (left, low, left + box, low + 10.5 * k), frame)
        for n, part in enumerate(wrapped(entry.text, width / columns - indent, points)):
            column.y -= points * 1.2 if n else 0
            column.write(part, _SIZE, left=left + indent)
        column.down(_LINE)
        lowest = min(lowest, column.y)
    column.y = lowest
    column.group("Legend")
    column.down(8)
    return column.block("legend")
