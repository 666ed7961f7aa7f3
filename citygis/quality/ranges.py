"""
Address ranges of street centrelines: U02 parity, U03 overlap, U04 direction, U05 sequence, U06 gap, U12 an end at 0.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.quality.columns import numbers, texts
from citygis.quality.street_names import StreetNames, street_names
from citygis.quality.subject import Subject, finding

SIDES = ("L", "R")
_WORDS = ("left", "right")
_PARITIES = {"O": "odd", "E": "even", "B": "both", "Z": "no addresses"}
_COMMUNITIES = ("A3", "IncMuni", "Inc_Muni", "PostComm", "Post_Comm")  # as the releases of NENA-STA-006 call it


class Ranges(NamedTuple):
    """
    The sides of centrelines that have a range, one row each.

    Attributes
    ----------
    row : (n,) array of int
        Position in the layer.
    side : (n,) array of int
        Position in `SIDES`.
    first, last : (n,) arrays of float
        The numbers at the start and at the end of the line.
    parity : (n,) array of str
        ``O``, ``E`` or ``B``: as stated where one of the ends bears it out, else as the ends say.
    street : (n,) array of str
        `StreetNames.full`.
    community : (n,) array of str
        In capitals; empty where it is not given.
    has_zero : (n,) array of bool
        Whether one end is 0.
    """

    row: np.ndarray
    side: np.ndarray
    first: np.ndarray
    last: np.ndarray
    parity: np.ndarray
    street: np.ndarray
    community: np.ndarray
    has_zero: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """The lower end of each."""
        return np.minimum(self.first, self.last)

    @property
    def high(self) -> np.ndarray:
        """The higher end of each."""
        return np.maximum(self.first, self.last)

    def take(self, rows: np.ndarray) -> "Ranges":
        """Some of the ranges."""
        return Ranges(*(values[rows] for values in self))

    def fits(self, rows: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Whether numbers, one for each of some ranges, are of its parity."""
        parity = self.parity[rows]
        return (parity == "B") | ((number % 2 == 1) == (parity == "O"))


class _Pair(NamedTuple):
    """Two pieces of one street, one after the other, on one side of the way through them: numbers in the order of the walk."""

    node: np.ndarray
    one: np.ndarray
    other: np.ndarray
    one_unit: np.ndarray
    other_unit: np.ndarray
    one_in: np.ndarray
    one_out: np.ndarray
    other_in: np.ndarray
    other_out: np.ndarray


def ranges_of(lines: Subject, names: StreetNames) -> Ranges:
    """
    The ranges of a street_centerline layer; sides without one (null, or 0 to 0), retired rows and rows without a name are left out.
    """
    parts = []
    for side, letter in enumerate(SIDES):
        first, last = numbers(lines.frame, f"FromAddr_{letter}"), numbers(lines.frame, f"ToAddr_{letter}")
        row = np.flatnonzero(
            np.isfinite(first) & np.isfinite(last) & ((first != 0) | (last != 0)) & lines.current & (names.full != "")
        )
        first, last = first[row], last[row]
        zero = (first == 0) | (last == 0)
        odd = np.stack([np.where(first == 0, last, first) % 2 == 1, np.where(last == 0, first, last) % 2 == 1])
        by_ends = np.where(odd.all(axis=0), "O", np.where(odd.any(axis=0), "B", "E"))
        stated = np.char.upper(texts(lines.frame, f"Parity_{letter}")[row].astype(str))
        borne_out = (stated == "B") | ((stated == "O") & odd.any(axis=0)) | ((stated == "E") & ~odd.all(axis=0))
        parity = np.where(borne_out, stated, by_ends).astype(object)
        column = next((name for name in _COMMUNITIES if f"{name}_{letter}" in lines.frame), "")
        community = np.char.upper(texts(lines.frame, f"{column}_{letter}")[row].astype(str)).astype(object)
        parts.append(Ranges(row, np.full(len(row), side), first, last, parity, names.full[row], community, zero))
    return Ranges(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def range_findings(lines: Subject) -> tuple[list[pd.DataFrame], np.ndarray]:
    """
    What the range rules find in a street_centerline layer.

    Parameters
    ----------
    lines : Subject

    Returns
    -------
    found : list of DataFrame
        Rows for `citygis.findings.findings_frame`.
    is_told : (n,) array of bool
        The centrelines whose range is at fault (a gap is none): where an address lies in such a range says nothing of the address.

    Notes
    -----
    The rules are those of the NENA NG9-1-1 data model, NENA-STA-006.3, RoadCenterLine, and of the checks in the field (Kansas NG911
    toolbox: parity, direction and overlap of ranges). Ranges may run with the line or against it, but pieces that follow each other
    along a street, and the two sides of one piece, must run the same way.
    """
    names = street_names(lines.frame)
    ranges = ranges_of(lines, names)
    parity, against = _parities(lines, names)
    overlaps, shared = _overlaps(lines, ranges, names)
    pairs = _pairs(lines, ranges, names)
    reversed_, backwards = _reversed(lines, ranges, pairs, names)
    steps, broken = _steps(lines, pairs, backwards, names)
    zero = np.zeros(len(lines.frame), dtype=bool)
    zero[ranges.row[ranges.has_zero]] = True
    alike = _alike(lines, ranges, against | shared, names)
    told = against | shared | broken | zero
    told[backwards // 2] = True
    return [*parity, alike, overlaps, reversed_, *steps, _zero_ends(lines, ranges, names)], told


def span(first: float, last: float) -> str:
    """A range in words."""
    return f"{first:.0f} to {last:.0f}"


def _parities(lines: Subject, names: StreetNames) -> tuple[list[pd.DataFrame], np.ndarray]:
    """U02: what is stated of a side against the numbers of that side."""
    against = np.zeros(len(lines.frame), dtype=bool)
    found = []
    for letter, word in zip(SIDES, _WORDS, strict=True):
        first, last = numbers(lines.frame, f"FromAddr_{letter}"), numbers(lines.frame, f"ToAddr_{letter}")
        stated = pd.Series(texts(lines.frame, f"Parity_{letter}"), dtype=object).str.upper().to_numpy(dtype=object)
        both = np.isfinite(first) & np.isfinite(last) & lines.current
        empty, odd = (first == 0) & (last == 0), np.stack([first, last]) % 2 == 1
        there = np.stack([first, last]) != 0
        wrong = (stated == "O") & (empty | (there & ~odd).any(axis=0))
        wrong |= (stated == "E") & (empty | (there & odd).any(axis=0))
        wrong |= ((stated == "Z") & ~empty) | ((stated == "B") & empty)
        rows = np.flatnonzero(wrong & both)
        against[rows] = True
        message = [
            f"The {word} side of {_said(names, k)} has parity {stated[k]} ({_PARITIES[stated[k]]}), and its range is "
            f"{'0 to 0, for no addresses' if empty[k] else span(first[k], last[k])}."
            for k in rows
        ]
        found.append(finding(lines, "U02", "parity_against_range", rows, message))
    return found, against


def _alike(lines: Subject, ranges: Ranges, told: np.ndarray, names: StreetNames) -> pd.DataFrame:
    parity = np.full((len(lines.frame), 2), "", dtype=object)
    parity[ranges.row, ranges.side] = ranges.parity
    rows = np.flatnonzero((parity[:, 0] == parity[:, 1]) & np.isin(parity[:, 0], ["O", "E"]) & ~told)
    message = [f"Both sides of {_said(names, k)} have {_PARITIES[parity[k, 0]]} numbers." for k in rows]
    return finding(lines, "U02", "parity_alike", rows, message)


def _overlaps(lines: Subject, ranges: Ranges, names: StreetNames) -> tuple[pd.DataFrame, np.ndarray]:
    """U03: numbers that two ranges of one street hold, a row for each two centrelines."""
    held = ranges.take(np.flatnonzero(~ranges.has_zero))
    one, other = within_ranges(held, held.low, held.high, held.street)
    once = one < other
    one, other = one[once], other[once]
    apart = (held.community[one] != held.community[other]) & (held.community[one] != "") & (held.community[other] != "")
    low, high = np.maximum(held.low[one], held.low[other]), np.minimum(held.high[one], held.high[other])
    a, b = held.parity[one], held.parity[other]
    which = np.where(a == "B", b, a)
    start = np.where(which == "B", low, low + ((low % 2 == 1) != (which == "O")))
    count = np.where(which == "B", high - low + 1, (high - start) // 2 + 1)
    count = np.where(apart | ((a != b) & (a != "B") & (b != "B")), 0, count)
    keep = count > 0
    rows = np.sort(np.column_stack([held.row[one], held.row[other]])[keep], axis=1)
    table = pd.DataFrame({"one": rows[:, 0], "other": rows[:, 1], "low": low[keep], "high": high[keep], "count": count[keep]})
    table = table.groupby(["one", "other"], as_index=False).agg({"low": "min", "high": "max", "count": "sum"})
    message = [
        f"{n:.0f} {'number' if n == 1 else 'numbers'} of {_said(names, k)}, {span(low, high)}, "
        + ("are in the ranges of both its sides." if k == j else f"are in its range and in that of {lines.feature[j]}.")
        for k, j, low, high, n in table.itertuples(index=False)
    ]
    shared = np.zeros(len(lines.frame), dtype=bool)
    shared[table[["one", "other"]].to_numpy(dtype=int).ravel()] = True
    rows, other = table["one"].to_numpy(dtype=int), table["other"].to_numpy(dtype=int)
    found = finding(
        lines, "U03", "ranges_overlap", rows, message, other=lines.feature[other], measure=table["count"].to_numpy(), unit="numbers"
    )
    return found, shared


def within_ranges(ranges: Ranges, low: np.ndarray, high: np.ndarray, street: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Which spans of numbers meet which ranges of the same street, whatever the parity.

    Returns
    -------
    at, by : arrays of int
        Positions of spans and of ranges, ordered by both.
    """
    code = pd.factorize(np.concatenate([ranges.street, street]), use_na_sentinel=False)[0].astype(float)
    at_street, by_street = code[len(ranges.row) :], code[: len(ranges.row)]
    tree = shapely.STRtree(shapely.box(ranges.low, by_street - 0.25, ranges.high, by_street + 0.25))
    at, by = tree.query(shapely.box(low, at_street - 0.25, high, at_street + 0.25), predicate="intersects")
    order = np.lexsort((by, at))
    return at[order], by[order]


def _pairs(lines: Subject, ranges: Ranges, names: StreetNames) -> _Pair:
    """Where exactly two pieces of a street meet, each side of the way through them."""
    first, last = (np.full((len(lines.frame), 2), np.nan) for _ in range(2))
    held = ranges.take(np.flatnonzero(~ranges.has_zero))
    first[held.row, held.side], last[held.row, held.side] = held.first, held.last
    rows = np.flatnonzero(lines.current & (names.full != "") & (shapely.get_type_id(lines.place) == 1))
    place = lines.place[rows]
    ends = shapely.get_coordinates(np.stack([shapely.get_point(place, 0), shapely.get_point(place, -1)], axis=1).ravel())
    node = topology.places(ends, topology.NODE_TOLERANCE_FT)
    street = np.repeat(pd.factorize(names.full[rows])[0], 2)
    order = np.lexsort((np.arange(len(node)), node, street))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (node[order][1:] != node[order][:-1]) | (street[order][1:] != street[order][:-1])
    start = np.flatnonzero(new)
    two = start[np.diff(np.append(start, len(order))) == 2]
    one, other = order[two], order[two + 1]
    apart = one // 2 != other // 2
    one, other = one[apart], other[apart]
    a, b = rows[one // 2], rows[other // 2]
    along_a, along_b = one % 2 == 1, other % 2 == 0  # the walk leaves the one at the node and goes on along the other
    made = []
    for left in (0, 1):
        side_a, side_b = np.where(along_a, left, 1 - left), np.where(along_b, left, 1 - left)
        first_a, last_a, first_b, last_b = first[a, side_a], last[a, side_a], first[b, side_b], last[b, side_b]
        made.append(
            _Pair(
                shapely.points(ends[one]),
                a,
                b,
                2 * a + side_a,
                2 * b + side_b,
                np.where(along_a, first_a, last_a),
                np.where(along_a, last_a, first_a),
                np.where(along_b, first_b, last_b),
                np.where(along_b, last_b, first_b),
            )
        )
    pairs = _Pair(*(np.concatenate(each) for each in zip(*made, strict=True)))
    known = np.isfinite(pairs.one_in) & np.isfinite(pairs.other_in)
    return _Pair(*(values[known] for values in pairs))


def _reversed(lines: Subject, ranges: Ranges, pairs: _Pair, names: StreetNames) -> tuple[pd.DataFrame, np.ndarray]:
    """U04, and the units (twice the row, and the side) that run backwards: those that disagree most with what is beside them."""
    n = 2 * len(lines.frame)
    rise = np.zeros(n)
    held = ~ranges.has_zero
    rise[2 * ranges.row[held] + ranges.side[held]] = np.sign(ranges.last - ranges.first)[held]
    sides = 2 * np.flatnonzero((rise[::2] != 0) & (rise[1::2] != 0))
    one = np.concatenate([pairs.one_unit, sides])
    other = np.concatenate([pairs.other_unit, sides + 1])
    same = np.concatenate(
        [np.sign(pairs.one_out - pairs.one_in) * np.sign(pairs.other_out - pairs.other_in), rise[sides] * rise[sides + 1]]
    )
    score = np.bincount(one, -same, minlength=n) + np.bincount(other, -same, minlength=n)
    one, other = one[same < 0], other[same < 0]
    # Of two that disagree as often, the one whose numbers fall along its line.
    rank = np.column_stack([score, rise < 0, np.arange(n)])
    later = np.lexsort(rank.T[::-1])
    place = np.empty(n, dtype=int)
    place[later] = np.arange(n)
    units = np.unique(np.where(place[one] > place[other], one, other))
    rows, count = np.unique(units // 2, return_counts=True)
    word = {int(unit) // 2: _WORDS[int(unit) % 2] for unit in units}
    message = [
        f"The ranges of {_said(names, k)} run" if n_sides == 2 else f"The {word[int(k)]} range of {_said(names, k)} runs"
        for k, n_sides in zip(rows, count, strict=True)
    ]
    message = [f"{each} against the ranges beside it and before and after it on its street." for each in message]
    return finding(lines, "U04", "range_reversed", rows, message), units


def _steps(lines: Subject, pairs: _Pair, backwards: np.ndarray, names: StreetNames) -> tuple[list[pd.DataFrame], np.ndarray]:
    """U05 and U06: how the numbers go on from one piece of a street to the next."""
    rise = np.sign(pairs.one_out - pairs.one_in)
    rise = np.where(rise == 0, np.sign(pairs.other_out - pairs.other_in), rise)
    one_low, one_high = np.minimum(pairs.one_in, pairs.one_out), np.maximum(pairs.one_in, pairs.one_out)
    other_low, other_high = np.minimum(pairs.other_in, pairs.other_out), np.maximum(pairs.other_in, pairs.other_out)
    ahead = np.where(rise > 0, other_low - one_high, one_low - other_high)
    ahead -= (pairs.one_out + pairs.other_in) % 2  # where odd numbers follow even ones they begin one later
    behind = np.where(rise > 0, one_low - other_high, other_low - one_high)
    sound = ~np.isin(pairs.one_unit, backwards) & ~np.isin(pairs.other_unit, backwards) & (rise != 0)
    gap = lines.rule("U06")
    broken = np.zeros(len(lines.frame), dtype=bool)
    found = []
    for code, name, told, size in (
        ("U05", "sequence_broken", sound & (behind > 0), np.abs(pairs.one_out - pairs.other_in)),
        ("U06", gap.name, sound & (ahead > gap.tolerance), ahead),
    ):
        at = np.flatnonzero(told)
        low, high = np.minimum(pairs.one[at], pairs.other[at]), np.maximum(pairs.one[at], pairs.other[at])
        order = np.lexsort((-size[at], high, low))  # of the two sides the one with the larger step
        at = at[order[np.flatnonzero(np.r_[True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)])]] if len(at) else at
        rows, other = pairs.other[at], pairs.one[at]
        if code == "U05":
            broken[rows], broken[other] = True, True
        ends = zip(pairs.one_in[at], pairs.one_out[at], pairs.other_in[at], pairs.other_out[at], rows, strict=True)
        message = [
            f"Along {_said(names, k)} the numbers {span(c, d)} follow {span(a, b)}"
            + (", and do not go on from there." if code == "U05" else ": numbers are left out between the two.")
            for a, b, c, d, k in ends
        ]
        measured = {"measure": size[at], "unit": "numbers", "tolerance": gap.tolerance if code == "U06" else None}
        found.append(finding(lines, code, name, rows, message, other=lines.feature[other], geometry=pairs.node[at], **measured))
    return found, broken


def _zero_ends(lines: Subject, ranges: Ranges, names: StreetNames) -> pd.DataFrame:
    at = np.flatnonzero(ranges.has_zero)
    at = at[np.lexsort((ranges.side[at], ranges.row[at]))]
    message = [
        f"The {_WORDS[ranges.side[k]]} range of {_said(names, ranges.row[k])} is {span(ranges.first[k], ranges.last[k])}: "
        "0 stands for no address."
        for k in at
    ]
    return finding(lines, "U12", "zero_end", ranges.row[at], message)


def _said(names: StreetNames, row: int) -> str:
    return names.said[row] or "the line"
