"""
The figures of hot spots: cell by cell, spot by spot and period by period, with small counts held back.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.analysis.concentration import believed, gi_star, ground_p, normal_p, rate_change, within_reach
from citygis.analysis.density import SQFT_PER_SQMI, Cells, Surface, cell_means, cell_of, kernel_density
from citygis.analysis.geomask import Masked
from citygis.analysis.incidents import Period
from citygis.analysis.rulepack import RulePack
from citygis.topology import connected
from citygis.units import SQFT_PER_ACRE

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WHEN = ("this", "last")
"""What the periods are called in tables."""

DENSE = 0.5
"""The densest cells that hold this part of all incidents are drawn."""


class Found(NamedTuple):
    """
    What was found in one period.

    Attributes
    ----------
    easting, northing : arrays of n float
        The incidents.
    at : array of n int
        The cell of each.
    counts, around : arrays of m int
        Incidents in each cell, and in its neighbourhood.
    score, p : arrays of m float
        Gi*, and the larger of the two chances.
    kind : array of m str
        ``hot``, ``cold`` or nothing.
    surface : Surface
    density : array of m float
        Per square mile.
    """

    easting: np.ndarray
    northing: np.ndarray
    at: np.ndarray
    counts: np.ndarray
    around: np.ndarray
    score: np.ndarray
    p: np.ndarray
    kind: np.ndarray
    surface: Surface
    density: np.ndarray


def found_in(
    held: pd.DataFrame, cells: Cells, near: "csr_array", limit: shapely.Geometry, *, bandwidth_ft: float, pack: RulePack
) -> Found:
    """
    The incidents of one period, cell by cell.

    A cell is hot where its neighbourhood has more than both chances allow: that of Gi*, which knows how uneven the counts are, and
    the exact one of the ground, which knows how small they are and where the City ends.

    Parameters
    ----------
    held : DataFrame
        ``easting, northing`` of the incidents, each in a cell.
    cells : Cells
    near : m x m sparse
        Which cells are of the neighbourhood of each.
    limit : Polygon or MultiPolygon
    bandwidth_ft : float
    pack : RulePack
        ``false_discovery`` and ``least_incidents`` are used.
    """
    easting, northing = held["easting"].to_numpy(), held["northing"].to_numpy()
    at = cell_of(cells, easting, northing)
    counts = np.bincount(at[at >= 0], minlength=len(cells.shapes))
    around = np.rint(near @ counts.astype(float)).astype(int)
    score = gi_star(counts, near)
    share = (near @ cells.area_sqft) / cells.area_sqft.sum()
    p = np.maximum(normal_p(score), ground_p(around, share, int(counts.sum())) if len(held) else 1.0)
    told = believed(p, float(pack["false_discovery"])) & (counts.sum() >= pack["least_incidents"])
    high = around > share * counts.sum()
    kind = np.where(told & (score > 0) & high, "hot", np.where(told & (score < 0) & ~high, "cold", ""))
    surface = kernel_density(easting, northing, limit, bandwidth_ft=bandwidth_ft, cell_ft=cells.size_ft)
    return Found(easting, northing, at, counts, around, score, p, kind, surface, cell_means(surface, cells) * SQFT_PER_SQMI)


def spots_of(cells: Cells, hot: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The number of the hot spot that each cell is of, the one with the most incidents first; 0 for none."""
    at = np.flatnonzero(hot)
    spot = np.zeros(len(hot), dtype=int)
    if not len(at):
        return spot
    near = within_reach(cells.easting[at], cells.northing[at], 1.5 * cells.size_ft).tocoo()
    head = connected(len(at), near.row, near.col)
    heads, which = np.unique(head, return_inverse=True)
    most = np.bincount(which, weights=counts[at])
    rank = np.empty(len(heads), dtype=int)
    rank[np.lexsort((heads, -most))] = np.arange(1, len(heads) + 1)
    spot[at] = rank[which]
    return spot


def shown_counts(counts: np.ndarray, least: int) -> np.ndarray:
    """Counts as floats, null where above zero and below `least`; never one null alone, which the total would give away."""
    shown = counts.astype(float)
    small = (counts > 0) & (counts < least)
    shown[small] = np.nan
    if small.sum() == 1 and len(counts) > 1:
        rest = np.flatnonzero(~small)
        shown[rest[np.argmin(np.where(counts[rest] > 0, counts[rest], np.iinfo(counts.dtype).max))]] = np.nan
    return shown


def cell_table(cells: Cells, found: list[Found], periods: list[Period], pack: RulePack) -> pd.DataFrame:
    """
    A row per cell: the table of `citygis.analysis.hot_spots`.

    What a neighbourhood's figures would tell of fewer incidents than rule ``least_count`` is null too.
    """
    least = int(pack["least_count"])
    table = pd.DataFrame({"cell": _named(cells), "area_acre": (cells.area_sqft / SQFT_PER_ACRE).round(3)})
    for prefix, each in zip(("", "last_"), found, strict=False):
        few = (each.around > 0) & (each.around < least)
        table[prefix + "incidents"] = shown_counts(each.counts, least)
        for name, values, digits in (("density_per_sqmi", each.density, 1), ("gi_star", each.score, 2), ("p", each.p, 4)):
            table[prefix + name] = np.where(few, np.nan, values).round(digits)
        table[prefix + "kind"] = each.kind
    table["dense"] = _densest(found[0].density * cells.area_sqft, found[0].density)
    if len(found) > 1:
        this, last = (each.kind == "hot" for each in found)
        table["status"] = np.select([this & last, this, last], ["persisting", "new", "ended"], "")
        around = [each.around for each in found]
        change = rate_change(*around, this_days=periods[0].days, last_days=periods[1].days, confidence=float(pack["confidence"]))
        few = np.minimum(*[np.where(each > 0, each, least) for each in around]) < least
        for name, values in (("rate_ratio", change.ratio), ("ratio_low", change.low), ("ratio_high", change.high)):
            table[name] = np.where(few | ~np.isfinite(values), np.nan, values).round(2)
        sure = believed(change.p, float(pack["false_discovery"]))
        table["change"] = np.where(sure, np.where(change.ratio > 1, "up", "down"), "")
    return table


def hot_tables(
    cells: Cells, spots: np.ndarray, found: list[Found], held: pd.DataFrame, periods: list[Period], pack: RulePack
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row per hot spot, and a row per incident with the hot spot that it lies in."""
    least, n = int(pack["least_count"]), int(spots.max(initial=0))
    number = np.arange(1, n + 1)
    of = [spots[each.at] for each in found]
    ids = held[["id"]].copy()
    ids["period"] = [WHEN[k] for k in held["period"]]
    ids["hot_spot"] = np.concatenate(of)
    sums = [np.bincount(each, minlength=n + 1)[1:] for each in of]
    hot = pd.DataFrame({"hot_spot": number, "cells": np.bincount(spots, minlength=n + 1)[1:]})
    hot["area_acre"] = (np.bincount(spots, weights=cells.area_sqft, minlength=n + 1)[1:] / SQFT_PER_ACRE).round(2)
    few = np.zeros(n, dtype=bool)
    for prefix, each in zip(("", "last_"), sums, strict=False):
        small = (each > 0) & (each < least)
        hot[prefix + "incidents"] = np.where(small, np.nan, each.astype(float))
        few |= small
        when = "last" if prefix else "this"
        gone = ids["hot_spot"].isin(number[small]) & (ids["period"] == when)
        ids.loc[gone, "hot_spot"] = 0
    if len(found) > 1:
        change = rate_change(*sums, this_days=periods[0].days, last_days=periods[1].days, confidence=float(pack["confidence"]))
        for name, values in (("rate_ratio", change.ratio), ("ratio_low", change.low), ("ratio_high", change.high)):
            hot[name] = np.where(few | ~np.isfinite(values), np.nan, values).round(2)
    return hot, ids.sort_values(["period", "id"], ascending=[False, True]).reset_index(drop=True)


def pai_table(cells: Cells, found: list[Found], periods: list[Period], pack: RulePack) -> pd.DataFrame:
    """
    The prediction accuracy index, (n / N) / (a / A), of each period's hot spots on its own incidents, and of the last period's hot
    spots on the incidents of this one. Null where there is no hot spot.
    """
    rows = []
    whole = cells.area_sqft.sum()
    for ground, of in ((0, 0), (1, 1), (1, 0))[: 1 if len(found) == 1 else 3]:
        hot = found[ground].kind == "hot"
        n, total, area = int(found[of].counts[hot].sum()), int(found[of].counts.sum()), cells.area_sqft[hot].sum()
        if 0 < n < pack["least_count"]:
            n = np.nan
        hit = n / total if total else np.nan
        index = round(hit / (area / whole), 2) if area else np.nan
        rows.append(
            (periods[ground].said, periods[of].said, n, total, area / SQFT_PER_SQMI, whole / SQFT_PER_SQMI, 100 * hit, index)
        )
    names = ["hot_spots_of", "incidents_of", "incidents_in_hot_spots", "incidents", "hot_sqmi", "city_sqmi", "hit_pct", "pai"]
    return pd.DataFrame(rows, columns=names).round({"hot_sqmi": 3, "city_sqmi": 3, "hit_pct": 1})


def period_table(periods: list[Period], found: list[Found], pack: RulePack) -> pd.DataFrame:
    """A row per period, with the change of the City's rate and its interval."""
    rows = [
        (
            when,
            each.start,
            each.end,
            each.days if each.start else None,
            len(f.at),
            int((f.kind == "hot").sum()),
            int((f.kind == "cold").sum()),
        )
        for when, each, f in zip(WHEN, periods, found, strict=False)
    ]
    table = pd.DataFrame(rows, columns=["period", "from", "to", "days", "incidents", "hot_cells", "cold_cells"])
    if len(found) > 1:
        change = rate_change(
            *([len(f.at)] for f in found),
            this_days=periods[0].days,
            last_days=periods[1].days,
            confidence=float(pack["confidence"]),
        )
        for name, values in zip(("rate_ratio", "ratio_low", "ratio_high"), change, strict=False):
            table[name] = [round(float(values[0]), 3) if np.isfinite(values[0]) else np.nan, np.nan]
    return table


def mask_table(mask: Masked) -> pd.DataFrame:
    """What the mask did, over all incidents: how many it shows, and how far they were moved."""
    there = np.isfinite(mask.moved_ft)
    facts = [("shown", float(there.sum())), ("not shown", float((~there).sum()))]
    if there.any():
        moved = mask.moved_ft[there]
        facts += [("moved least, ft", moved.min()), ("moved in the middle, ft", np.median(moved)), ("moved most, ft", moved.max())]
        if mask.parcels[there].min() >= 0:
            facts.append(("parcels as near to the place shown as the true one is, least", float(mask.parcels[there].min())))
    return pd.DataFrame(facts, columns=["what", "value"]).round({"value": 0})


def _named(cells: Cells) -> list[str]:
    column, row = cells.column - cells.column.min() + 1, cells.row - cells.row.min() + 1
    return [f"{r:03d}-{c:03d}" for r, c in zip(row, column, strict=True)]


def _densest(mass: np.ndarray, density: np.ndarray) -> np.ndarray:
    """The densest cells that together hold `DENSE` of all."""
    order = np.lexsort((np.arange(len(mass)), -density))
    before = np.cumsum(mass[order]) - mass[order]
    dense = np.zeros(len(mass), dtype=bool)
    dense[order] = before < DENSE * mass.sum()
    return dense
