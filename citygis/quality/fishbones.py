"""
Where addresses stand along their streets: T16 the side, U11 exchanged sides, U10 the fishbone.

A fishbone is the line from an address to where its number stands in the range of its street.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.quality.ranges import Ranges, span, within_ranges
from citygis.quality.street_names import StreetNames
from citygis.quality.subject import Subject, finding
from citygis.topology.points import across_ft

SIDE_WORDS = ("left", "right")


class Addressed(NamedTuple):
    """
    Address points and centrelines, and what both say of their streets.

    Attributes
    ----------
    points, lines : Subject
    names, ways : StreetNames
        Of the points and of the lines.
    ranges : Ranges
        Of lines that are drawn as one.
    number : (n,) array of float
        Of the points; NaN for none.
    """

    points: Subject
    lines: Subject
    names: StreetNames
    ways: StreetNames
    ranges: Ranges
    number: np.ndarray

    def said(self, row: int) -> str:
        """An address as a person writes it."""
        return spelt(self.points, self.names, row)


class Matches(NamedTuple):
    """
    Addresses and the range that each one's number lies in.

    Attributes
    ----------
    point : (n,) array of int
        Position in the addresses, ascending; an address without a range is not there.
    at : (n,) array of int
        Position in the ranges.
    distance_ft : (n,) array of float
        From the point to the centreline.
    """

    point: np.ndarray
    at: np.ndarray
    distance_ft: np.ndarray


def matched(addressed: Addressed, rows: np.ndarray, street: np.ndarray, ranges: Ranges) -> Matches:
    """
    For each of some addresses the nearest range of its street that holds its number; of two sides of one line the one it is on.

    Parameters
    ----------
    addressed : Addressed
    rows : array of int
        Positions of addresses with a place and a number.
    street : (n,) array of str
        What stands for the street of each address of the layer.
    ranges : Ranges
        With ``street`` in the same form.
    """
    points, lines, number = addressed.points, addressed.lines, addressed.number
    at, by = within_ranges(ranges, number[rows], number[rows], street[rows])
    point = rows[at]
    fits = ranges.fits(by, number[point])
    point, by = point[fits], by[fits]
    place, way = points.place[point], lines.place[ranges.row[by]]
    distance = shapely.distance(place, way)
    across = across_ft(place, way) if len(point) else np.zeros(0)
    wrong = (across > 0) != (ranges.side[by] == 0)
    order = np.lexsort((by, wrong, distance, point))
    first = order[np.flatnonzero(np.r_[True, np.diff(point[order]) != 0])] if len(order) else order
    return Matches(point[first], by[first], distance[first])


def side_findings(addressed: Addressed, matches: Matches) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """U11 and T16: rows on centrelines, rows on addresses, and which matches neither of them tells."""
    points, lines, _, ways, ranges, _ = addressed
    each, swapped = points.rule("T16"), lines.rule("U11")
    line, side = ranges.row[matches.at], ranges.side[matches.at]
    across = across_ft(points.place[matches.point], lines.place[line]) if len(line) else np.zeros(0)
    right_way = np.where(side == 0, across, -across)
    wrong, right = right_way < -each.tolerance, right_way > each.tolerance
    n_wrong, n_right = (np.bincount(line[which], minlength=len(lines.frame)) for which in (wrong, right))
    is_swapped = (n_wrong >= swapped.limit) & (n_right == 0)
    rows = np.flatnonzero(is_swapped)
    message = [
        f"All {n_wrong[k]} addresses in the ranges of this piece of {ways.said[k]} that stand clear of it stand on the other side."
        for k in rows
    ]
    of_lines = finding(
        lines, "U11", "sides_swapped", rows, message, measure=n_wrong[rows], unit="addresses", tolerance=swapped.limit
    )
    told = wrong & ~is_swapped[line]
    at = np.flatnonzero(told)
    message = [
        f"{addressed.said(matches.point[k])} stands {abs(across[k]):,.1f} ft to the {SIDE_WORDS[1 - side[k]]} of its street; "
        f"its number belongs to the {SIDE_WORDS[side[k]]}, {span(ranges.first[matches.at[k]], ranges.last[matches.at[k]])}."
        for k in at
    ]
    measured = {"measure": np.abs(across[at]), "unit": "ft", "tolerance": each.tolerance}
    of_points = finding(points, "T16", each.name, matches.point[at], message, other=lines.feature[line[at]], **measured)
    return of_lines, of_points, ~told & ~is_swapped[line]


def fishbone_findings(addressed: Addressed, matches: Matches) -> Iterator[pd.DataFrame]:
    """U10: the lines from addresses to their places in the ranges that cross another street, or are very long."""
    points, lines, _, ways, ranges, number = addressed
    crossing, long = points.rule("U10", "fishbone_crosses"), points.rule("U10", "fishbone_long")
    line, at = ranges.row[matches.at], matches.at
    width = ranges.last[at] - ranges.first[at]
    share = np.where(width == 0, 0.5, (number[matches.point] - ranges.first[at]) / np.where(width == 0, 1.0, width))
    foot = shapely.line_interpolate_point(lines.place[line], np.clip(share, 0, 1), normalized=True)
    from_, to = (shapely.get_coordinates(each).reshape(-1, 2) for each in (points.place[matches.point], foot))
    bones = shapely.linestrings(np.stack([from_, to], axis=1)) if len(line) else np.zeros(0, dtype=object)
    held = np.flatnonzero(lines.current & (shapely.get_type_id(lines.place) == 1))
    bone, by = shapely.STRtree(lines.place[held]).query(bones, predicate="intersects")
    by = held[by]
    other = ways.full[by] != ways.full[line[bone]]
    bone, by = bone[other], by[other]
    clear = shapely.distance(foot[bone], lines.place[by]) > crossing.tolerance
    bone, by = bone[clear], by[clear]
    order = np.lexsort((by, bone))
    first = order[np.flatnonzero(np.r_[True, np.diff(bone[order]) != 0])] if len(order) else order
    bone, by = bone[first], by[first]
    length = shapely.length(bones)
    point = matches.point
    message = [
        f"The way from {addressed.said(point[k])} to its number's place on {ways.said[line[k]]}, {length[k]:,.0f} ft, "
        f"crosses {ways.said[j] or 'a street without a name'}."
        for k, j in zip(bone, by, strict=True)
    ]
    measured = {"measure": length[bone], "unit": "ft"}
    yield finding(points, "U10", crossing.name, point[bone], message, other=lines.feature[by], geometry=bones[bone], **measured)
    far = np.setdiff1d(np.flatnonzero(length > long.tolerance), bone)
    message = [
        f"{addressed.said(point[k])} is {length[k]:,.0f} ft from its number's place on {ways.said[line[k]]} "
        f"(tolerance {long.tolerance:g} ft)."
        for k in far
    ]
    measured = {"measure": length[far], "unit": "ft", "tolerance": long.tolerance}
    yield finding(points, "U10", long.name, point[far], message, other=lines.feature[line[far]], geometry=bones[far], **measured)


def spelt(points: Subject, names: StreetNames, row: int) -> str:
    """An address as a person writes it."""
    held = (
        points.frame[name].iat[row] if name in points.frame else None for name in ("AddNum_Pre", "Add_Number", "AddNum_Suf", "Unit")
    )
    prefix, number, suffix, unit = ("" if pd.isna(value) else str(value).strip() for value in held)
    return " ".join(filter(None, [prefix, number.removesuffix(".0"), suffix, names.said[row], unit and f"unit {unit}"]))
