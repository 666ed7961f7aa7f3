"""
A layer as a driver gives it, before anything is decided about its frame: the one shape that every format's reader returns.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from citygis.readers.captures import Captures
from citygis.readers.wkb import Problem

SAGITTA_FT = 0.01
"""How far a chord may lie from a true arc: half of what a plat can show, which states 0.01 ft."""

_FOOT_IN_METRES = 1200 / 3937
_METRES_PER_DEGREE = 111_320.0


class Raw(NamedTuple):
    """
    One layer as sent.

    ``table`` holds the attributes (n rows, fresh index), ``geometry`` n geometries or None for a table without, ``rows`` the row
    number (from 1) or feature id of each, as text. ``crs`` is what the file states, None when nothing usable, and ``crs_says`` how
    it says so. ``problems`` are by row, ``notes`` about the layer as a whole. ``captures`` is what the rows are
    made of, where they are captures.
    """

    table: pd.DataFrame
    geometry: np.ndarray | None
    rows: np.ndarray
    crs: CRS | None
    crs_says: str
    problems: list[Problem]
    notes: list[str]
    captures: Captures | None = None


def sagitta_in(crs: CRS | None) -> float:
    """`SAGITTA_FT` in the unit of `crs`; in feet where there is none."""
    if crs is None or not crs.axis_info:
        return SAGITTA_FT
    if crs.is_geographic:
        return SAGITTA_FT * _FOOT_IN_METRES / _METRES_PER_DEGREE
    return SAGITTA_FT * _FOOT_IN_METRES / crs.axis_info[0].unit_conversion_factor


def stated_crs(text: str | None) -> CRS | None:
    """The CRS that a driver's text means; None when there is none, or PROJ cannot read it."""
    if not text:
        return None
    try:
        return CRS.from_user_input(text)
    except ProjCRSError:
        return None
