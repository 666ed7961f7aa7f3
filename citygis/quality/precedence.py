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
    layer: str | None = None  # of the weaker one


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
    _Yields("T33", "T19", same_feature=False, layer="zoning"),
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
    if "geometry" not in rows or not len(rows):
        return rows
    told = _Told(rows)
    for each in _ORDER:
        told.without(told.at_one_place(*each)[0])
    wedge, corner = told.at_one_place("T33", "T31", True)
    alone = np.bincount(wedge, minlength=len(rows)) == 1
    opened = alone[wedge] & (told.measure[wedge] <= told.measure[corner] + REACH_FT)
    told.without(wedge[opened])
    told.without(np.concatenate([told.at_one_place(weaker, "T33", True)[0] for weaker in ("T31", "T32")]))
    return rows if told.stands.all() else rows[told.stands].reset_index(drop=True)


class _Told:
    """Findings by column, and which of them stand so far."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.code, self.rule = (rows[name].to_numpy(dtype=object) for name in ("code", "rule"))
        self.place = rows["geometry"].to_numpy(dtype=object)
        self.measure = pd.to_numeric(rows["measure"]).to_numpy(dtype=float)
        self.layer_name = rows["layer"].to_numpy(dtype=object)
        self.layer = pd.factorize(self.layer_name)[0]
        names = np.concatenate([rows[name].to_numpy(dtype=object) for name in ("feature", "other")])
        self.features = pd.factorize(names)[0].reshape(2, -1)  # -1 for none
        self.stands = np.ones(len(rows), dtype=bool)
        placed = rows["geometry"].notna().to_numpy(dtype=bool)
        self._of_code = {code: np.flatnonzero(placed & (self.code == code)) for code in pd.unique(self.code)}

    def without(self, rows: np.ndarray) -> None:
        """Some do not stand any more."""
        self.stands[rows] = False

    def at_one_place(
        self, weaker: str, stronger: str, same_feature: bool, layer: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of rows that stand, of one rule (in one layer) and of another, and lie at the same place."""
        weak, strong = self._of(weaker), self._of(stronger)
        if layer is not None:
            weak = weak[self.layer_name[weak] == layer]
        if stronger == "T02":  # wider ground than a sliver says nothing of the corners and slivers along it
            strong = strong[self.measure[strong] < CATALOGUE["T33", "sliver"].limit]
        if not len(weak) or not len(strong):
            return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
        within = stronger == "T26 spike" and weaker != "G03"
        there = shapely.convex_hull(self.place[strong]) if within else self.place[strong]
        at, by = shapely.STRtree(there).query(self.place[weak], predicate="dwithin", distance=REACH_FT)
        if within:
            inside = shapely.covers(shapely.buffer(there[by], REACH_FT), self.place[weak[at]])
            at, by = at[inside], by[inside]
        weak, strong = weak[at], strong[by]
        if same_feature:
            one, two = self.features[:, weak], self.features[:, strong]
            shared = ((one[:, None] == two[None]) & (one[:, None] >= 0)).any(axis=(0, 1))
            shared &= self.layer[weak] == self.layer[strong]
            weak, strong = weak[shared], strong[shared]
        return weak, strong

    def _of(self, rule: str) -> np.ndarray:
        """The rows of a rule that have a place and stand."""
        code, _, name = rule.partition(" ")
        rows = self._of_code.get(code, np.zeros(0, dtype=int))
        rows = rows[self.stands[rows]]
        return rows[self.rule[rows] == name] if name else rows
