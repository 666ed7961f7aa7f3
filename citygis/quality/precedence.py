"""
One finding for one defect: what the rules say of the same place is told by the one that explains it.

A boundary drawn 0.05 ft into the neighbour is an overlap, two misaligned corners and perhaps a missing vertex; a person has one
line to look at.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.quality.rules import CATALOGUE

REACH_FT = 0.02
"""Places no farther apart are one: a few times the rounding of the coordinates, less than what a survey can set apart."""


class _Yields(NamedTuple):
    """``weaker`` is not told at a place of ``stronger``: a code, or a code and a name."""

    weaker: str
    stronger: str
    same_feature: bool = True


_ORDER = (
    _Yields("G03", "T26 spike"),
    _Yields("G10", "G03"),
    _Yields("G10", "G04"),
    _Yields("G11", "G07"),
    _Yields("G12", "G05"),
    _Yields("T01", "T26 spike"),
    _Yields("T33", "T26 spike"),
    _Yields("T31", "T26"),
    _Yields("T32", "T26"),
    _Yields("T33", "T02", same_feature=False),
    _Yields("T32", "T07"),
    _Yields("T31", "T01"),
    _Yields("T32", "T01"),
    _Yields("T31", "T02", same_feature=False),
    _Yields("T32", "T02", same_feature=False),
)


def told_once(rows: pd.DataFrame) -> pd.DataFrame:
    """
    Findings without those that say less of a place than another one does.

    Parameters
    ----------
    rows : DataFrame
        What the rules found, as for `citygis.findings.findings_frame`.

    Returns
    -------
    DataFrame
        Some of the rows, in their order. A spike tells what it breaks and what it lies on; an overlap, a gap and a sliver tell
        the corners at their ends; one corner out of its place tells the wedge that it opens.

    Notes
    -----
    What yields must lie within `REACH_FT` of what it yields to, and concern one of the same features of the same layer, except
    beside a gap, which is a finding about the tract. One corner out of its place that opens a wedge onto one neighbour (T33) is
    told as the corner (T31); a strip with such a corner at either end, as the strip.
    """
    rows = rows.reset_index(drop=True)
    if "geometry" not in rows:
        return rows
    for weaker, stronger, same_feature in _ORDER:
        rows = _without(rows, *_at_one_place(rows, weaker, stronger, same_feature)[:1])
    wedge, corner = _at_one_place(rows, "T33", "T31", True)
    alone = np.bincount(wedge, minlength=len(rows)) == 1
    measure = _measures(rows)
    opened = alone[wedge] & (measure[wedge] <= measure[corner] + REACH_FT)
    rows = _without(rows, wedge[opened])
    return _without(rows, *_at_one_place(rows, "T31", "T33", True)[:1], *_at_one_place(rows, "T32", "T33", True)[:1])


def _at_one_place(rows: pd.DataFrame, weaker: str, stronger: str, same_feature: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows, of one rule and of another, that lie at the same place."""
    weak, strong = _of(rows, weaker), _of(rows, stronger)
    if stronger == "T02":  # wider ground than a sliver says nothing of the corners and slivers along it
        strong = strong[_measures(rows)[strong] < CATALOGUE["T33", "sliver"].limit]
    if not len(weak) or not len(strong):
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    place = rows["geometry"].to_numpy(dtype=object)
    within = stronger == "T26 spike" and weaker != "G03"
    there = np.array([shapely.convex_hull(each) for each in place[strong]], dtype=object) if within else place[strong]
    at, by = shapely.STRtree(there).query(place[weak], predicate="dwithin", distance=REACH_FT)
    if within:
        inside = shapely.covers(shapely.buffer(there[by], REACH_FT), place[weak[at]])
        at, by = at[inside], by[inside]
    weak, strong = weak[at], strong[by]
    if same_feature:
        names = rows[["layer", "feature", "other"]].to_numpy(dtype=object)
        one, two = names[weak], names[strong]
        shared = np.zeros(len(weak), dtype=bool)
        for a in (1, 2):
            for b in (1, 2):
                shared |= ~pd.isna(one[:, a]) & (one[:, a] == two[:, b])
        keep = shared & (one[:, 0] == two[:, 0])
        weak, strong = weak[keep], strong[keep]
    return weak, strong


def _measures(rows: pd.DataFrame) -> np.ndarray:
    return pd.to_numeric(rows["measure"]).to_numpy(dtype=float)


def _of(rows: pd.DataFrame, rule: str) -> np.ndarray:
    """The rows of a rule that have a place."""
    code, _, name = rule.partition(" ")
    meant = rows["code"].eq(code) & rows["geometry"].notna()
    return np.flatnonzero(meant & rows["rule"].eq(name) if name else meant)


def _without(rows: pd.DataFrame, *left_out: np.ndarray) -> pd.DataFrame:
    keep = np.ones(len(rows), dtype=bool)
    for some in left_out:
        keep[some] = False
    return rows[keep].reset_index(drop=True) if not keep.all() else rows
