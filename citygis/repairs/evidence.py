"""
What entitles a repair to touch a place: a finding there. And what forbids it: a record that says the two lines are two.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

NEAR_FT = 0.25
"""A vertex this near to the place of a finding belongs to it: twice the farthest that a corner is moved."""

_LINES = ("T31", "T32", "T33", "T02", "T01", "T26", "G03", "G09")
CODES: dict[str, tuple[str, ...]] = {
    "drop_repeated_vertex": ("G09", "G03", "T26", "T31"),
    "remove_spike": ("T26", "G03", "T01", "T33", "T31", "T32"),
    "merge_short_edge": ("T26", "G09", "G03", "T31", "T32", "T33", "T01", "T02"),
    "snap_corner": _LINES,
    "insert_vertex": ("T32", *(code for code in _LINES if code != "T32")),
    "make_valid": ("G03",),
    "drop_duplicate": ("G04",),
}
"""What each operation may mend, the most telling first. Each is an operation of `citygis.repairs.OPERATIONS`."""

MENDABLE = tuple(sorted({code for codes in CODES.values() for code in codes}))
"""Findings that a repair looks at; the others are for a person."""

CLOSES = ("snap_corner", "insert_vertex", "merge_short_edge")
"""Operations that bring two lines together, which a record that calls for two lines forbids."""


OF_RECORD = "the ground between the lines may be a matter of record, not of drafting"
"""Why lines that a record may set apart are not brought together."""


class Evidence(NamedTuple):
    """
    Findings by their place.

    Attributes
    ----------
    findings : findings frame
    rows : array of int
        Positions in `findings` of those that have a place and may be mended.
    tree : STRtree
        Of the places of `rows`.
    by_record : array of bool
        For each of `rows` whether it is an overlap, a gap or a sliver that may be one of the record.
    """

    findings: gpd.GeoDataFrame
    rows: np.ndarray
    tree: shapely.STRtree
    by_record: np.ndarray

    def places(self) -> np.ndarray:
        """The boxes that a repair may look at, NEAR_FT wide about each place that may be mended."""
        bounds = shapely.bounds(self.tree.geometries[~self.by_record])
        return shapely.box(*(bounds + np.array([-NEAR_FT, -NEAR_FT, NEAR_FT, NEAR_FT])).T)

    def of(self, operation: str, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        What speaks for an operation at each point, and what against it.

        Returns
        -------
        finding, against : arrays of int
            Positions in `findings`; -1 where there is none.
        """
        finding, against = np.full(len(points), -1), np.full(len(points), -1)
        if not len(points) or not len(self.rows):
            return finding, against
        point, near = self.tree.query(shapely.points(points), predicate="dwithin", distance=NEAR_FT)
        codes = self.findings["code"].to_numpy(dtype=object)[self.rows[near]]
        order_of = {code: i for i, code in enumerate(CODES[operation])}
        rank = np.array([order_of.get(code, 99) for code in codes], dtype=int)
        if operation in CLOSES:
            no = self.by_record[near]
            against[point[no]] = self.rows[near[no]]
        order = np.lexsort((self.rows[near], rank, point))
        order = order[rank[order] < 99]
        held, first = np.unique(point[order], return_index=True)
        finding[held] = self.rows[near[order[first]]]
        return finding, against


def evidence_of(findings: gpd.GeoDataFrame, layer: str, against: np.ndarray, *, tolerance_ft: float) -> Evidence:
    """
    The findings on one layer that a repair may look at.

    Parameters
    ----------
    findings : findings frame
        In feet.
    layer : str
        The layer of the findings; gaps (T02), which are told of what they should fill, count for every layer.
    against : array of bool
        For each finding whether it is an overlap, a gap or a sliver that is not known to be drafting: it is not closed.
    tolerance_ft : float
        Overlaps, gaps and slivers that are wider are no reason to change anything.
    """
    place = np.asarray(findings.geometry.array, dtype=object)
    mine = (findings["layer"] == layer).to_numpy(dtype=bool) | (findings["code"] == "T02").to_numpy(dtype=bool)
    mine &= findings["code"].isin(MENDABLE).to_numpy(dtype=bool)
    wide = findings["code"].isin(["T01", "T02", "T33"]) & (findings["measure"] > tolerance_ft)
    mine &= ~wide.to_numpy(dtype=bool) | against
    rows = np.flatnonzero(mine & ~shapely.is_missing(place) & ~shapely.is_empty(place))
    return Evidence(findings, rows, shapely.STRtree(place[rows]), against[rows])
