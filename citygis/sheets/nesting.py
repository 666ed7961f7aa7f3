"""
Sheets laid on a roll so as to save paper, and the roll as PDF.

Sheets are whole rectangles, turned by 90 degrees where that saves paper, and never scaled. What is found is no proven best:
several orders of the sheets are laid along a skyline, and the shortest is taken; it is never longer than one sheet after the other.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pikepdf
from pydantic import Field, model_validator

from citygis.errors import SheetError
from citygis.settings import Settings
from citygis.sheets.scene import POINTS_PER_INCH

_TINY_IN = 1e-9
"""What sums of inches may be off by."""

_SWAPS = 12
"""Up to so many sheets, pairs are also exchanged while that shortens the roll."""


class Roll(Settings):
    """
    A roll of paper in a plotter.

    Parameters
    ----------
    width_in : float
        24, 36 or 42 in are usual.
    margin_in : float
        What stays free at both sides and at both ends of a cut.
    gap_in : float
        Between two sheets, for the knife.
    longest_in : float
        Of one cut. A PDF page ends at 200 in (ISO 32000-2, Annex C).
    inches_per_minute : float, optional
        How fast the plotter is by its maker or your watch; without it no time is estimated.
    """

    width_in: float = Field(36.0, gt=0)
    margin_in: float = Field(0.0, ge=0)
    gap_in: float = Field(0.0, ge=0)
    longest_in: float = Field(200.0, gt=0, le=200.0)
    inches_per_minute: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _room(self) -> "Roll":
        if 2 * self.margin_in >= min(self.width_in, self.longest_in):
            raise ValueError("Must leave room between the margins.")
        return self


class Piece(NamedTuple):
    """A sheet to be plotted `count` times; `name` is its own."""

    name: str
    width_in: float
    height_in: float
    count: int = 1


class Placement(NamedTuple):
    """A sheet on a cut: its lower left corner (across the roll, along it) and the size it takes there, inches."""

    name: str
    cut: int
    across_in: float
    along_in: float
    width_in: float
    height_in: float
    turned: bool


class Nesting(NamedTuple):
    """
    Sheets on a roll.

    Parameters
    ----------
    placements : tuple of Placement
        By cut, then along the roll.
    cuts_in : tuple of float
        Length of each cut.
    used_in : float
        Length of roll.
    used_sqft : float
        Paper, at the roll's whole width.
    waste : float
        Share of that paper without a sheet on it, 0 to 1.
    minutes : float or None
        At the roll's `inches_per_minute`.
    """

    placements: tuple[Placement, ...]
    cuts_in: tuple[float, ...]
    used_in: float
    used_sqft: float
    waste: float
    minutes: float | None


def nesting(pieces: Sequence[Piece], roll: Roll) -> Nesting:
    """
    Lay sheets on a roll.

    Parameters
    ----------
    pieces : sequence of Piece
        In any order: it does not matter.
    roll : Roll

    Returns
    -------
    Nesting
        Every sheet as often as asked, none over another, all between the margins.

    Raises
    ------
    SheetError
        If a sheet fits the roll neither upright nor turned; all such sheets are named.
    ValueError
        If a name is given twice or a count is below 1.
    """
    names = [piece.name for piece in pieces]
    if len(set(names)) < len(names):
        raise ValueError(f"Invalid pieces: {sorted({n for n in names if names.count(n) > 1})} twice. Must differ; use count.")
    if wrong := [piece.name for piece in pieces if piece.count < 1]:
        raise ValueError(f"Invalid count of {wrong}. Must be at least 1.")
    sizes = sorted((round(p.width_in, 6), round(p.height_in, 6), p.name) for p in pieces for _ in range(p.count))
    across, along = roll.width_in - 2 * roll.margin_in, roll.longest_in - 2 * roll.margin_in
    if wide := sorted({name for width, height, name in sizes if not _ways(width, height, across, along)}):
        raise SheetError(
            f"{', '.join(wide)} {'does' if len(wide) == 1 else 'do'} not fit a roll of {roll.width_in:g} in (margins "
            f"{roll.margin_in:g} in, cuts up to {roll.longest_in:g} in), upright or turned. Take a wider roll, or draw panels."
        )
    tried = [_one_by_one(sizes, roll)]
    for order in _ORDERS:
        ordered = sorted(sizes, key=lambda size: (order(size), size))
        tried += [_skyline(ordered, roll, flat, lying) for flat in (True, False) for lying in _LYING]
    best = min(tried, key=_length)
    if 2 < len(sizes) <= _SWAPS:
        best = min(best, _improved(sizes, roll), key=_length)
    return _told(best, sizes, roll)


_ORDERS: tuple[Callable[[tuple], float], ...] = (
    lambda size: -max(size[:2]),
    lambda size: -min(size[:2]),
    lambda size: -size[0] * size[1],
    lambda size: -size[1],
    lambda size: -size[0],
)


_LYING: tuple[Callable[[list[tuple]], list[tuple]], ...] = (lambda ways: ways, lambda ways: [min(ways)], lambda ways: [max(ways)])
"""Sheets as each ends lowest, or all narrow across the roll, or all wide: two wide ones side by side would not lie by the first."""


def nested_pdf(nest: Nesting, roll: Roll, pages: Mapping[str, tuple[Path, int]]) -> bytes:
    """
    The cuts of a roll as PDF, one page each, every sheet at exactly its size.

    Parameters
    ----------
    nest : Nesting
    roll : Roll
    pages : mapping of str to (path, page)
        The file of each sheet by its name, and which page of it, from 0.

    Returns
    -------
    bytes
        Layers that are off in a sheet stay off. Depends on the arguments and the files only.
    """
    with pikepdf.new() as out:
        layers, off, forms = [], [], {}
        sources: dict[Path, pikepdf.Pdf] = {}
        for number, length in enumerate(nest.cuts_in):
            page = out.add_blank_page(page_size=(roll.width_in * POINTS_PER_INCH, length * POINTS_PER_INCH))
            drawn, used = [], pikepdf.Dictionary()
            for put in (each for each in nest.placements if each.cut == number):
                path, at = pages[put.name]
                if path not in sources:
                    sources[path] = pikepdf.open(path)
                    for found, key in ((layers, "/OCGs"), (off, "/OFF")):
                        found += _layers(out, sources[path], key)
                if put.name not in forms:
                    form = sources[path].pages[at].as_form_xobject()
                    forms[put.name] = out.copy_foreign(sources[path].make_indirect(form)), [float(v) for v in form["/BBox"]]
                form, box = forms[put.name]
                mark = f"/S{len(used)}"
                used[mark] = form
                drawn.append(f"q {_matrix(put, box)} cm {mark} Do Q")
            page.obj["/Contents"] = out.make_stream("\n".join(drawn).encode())
            page.obj["/Resources"] = pikepdf.Dictionary(XObject=used)
        if layers:
            state = pikepdf.Dictionary(BaseState=pikepdf.Name.ON, Order=pikepdf.Array(layers), OFF=pikepdf.Array(off))
            out.Root["/OCProperties"] = pikepdf.Dictionary(OCGs=pikepdf.Array(layers), D=state)
        out.Root["/ViewerPreferences"] = pikepdf.Dictionary(PrintScaling=pikepdf.Name("/None"))
        buffer = io.BytesIO()
        out.save(buffer, deterministic_id=True)
        for source in sources.values():
            source.close()
    return buffer.getvalue()


def _layers(out: pikepdf.Pdf, source: pikepdf.Pdf, key: str) -> list[pikepdf.Object]:
    properties = source.Root.get("/OCProperties", {})
    found = properties.get(key, []) if key == "/OCGs" else properties.get("/D", {}).get(key, [])
    return [out.copy_foreign(layer) for layer in found]


def _matrix(put: Placement, box: list[float]) -> str:
    """From the sheet's points to the cut's: a turned sheet lies a quarter to the left."""
    left, bottom = put.across_in * POINTS_PER_INCH, put.along_in * POINTS_PER_INCH
    if put.turned:
        turn = (0, 1, -1, 0, left + put.width_in * POINTS_PER_INCH + box[1], bottom - box[0])
    else:
        turn = (1, 0, 0, 1, left - box[0], bottom - box[1])
    return " ".join(f"{value:.6f}" for value in turn)


def _ways(width: float, height: float, across: float, along: float) -> list[tuple[float, float, bool]]:
    """How a sheet may lie: its extent across and along the roll, and whether it is turned."""
    ways = [(width, height, False), (height, width, True)] if width != height else [(width, height, False)]
    return [way for way in ways if way[0] <= across + _TINY_IN and way[1] <= along + _TINY_IN]


def _one_by_one(sizes: list[tuple], roll: Roll) -> list[Placement]:
    """One sheet after the other, each the way that takes less of the roll."""
    across, along = roll.width_in - 2 * roll.margin_in, roll.longest_in - 2 * roll.margin_in
    placed, cut, at = [], 0, 0.0
    for width, height, name in sizes:
        wide, high, turned = min(_ways(width, height, across, along), key=lambda way: (way[1], way[2]))
        if at and at + high > along + _TINY_IN:
            cut, at = cut + 1, 0.0
        placed.append(Placement(name, cut, roll.margin_in, roll.margin_in + at, wide, high, turned))
        at += high + roll.gap_in
    return placed


def _skyline(sizes: list[tuple], roll: Roll, flat: bool, lying: Callable) -> list[Placement]:
    """
    Sheets in this order, each where and how it ends lowest on the first cut with room; ``flat`` then prefers what wastes least
    below it, else what lies leftmost.
    """
    across, along, gap = roll.width_in - 2 * roll.margin_in, roll.longest_in - 2 * roll.margin_in, roll.gap_in
    cuts: list[list[tuple[float, float, float]]] = []
    placed = []
    for width, height, name in sizes:
        ways = lying(_ways(width, height, across, along))
        for cut in range(len(cuts) + 1):
            if cut == len(cuts):
                cuts.append([(0.0, across + gap, 0.0)])
            spots = [spot for way in ways for spot in _spots(cuts[cut], way, across, along, gap, flat)]
            if spots:
                _, (left, low, wide, high, turned) = min(spots)
                cuts[cut] = _raised(cuts[cut], left, wide + gap, low + high + gap)
                placed.append(Placement(name, cut, roll.margin_in + left, roll.margin_in + low, wide, high, turned))
                break
    return placed


def _spots(line: list[tuple], way: tuple, across: float, along: float, gap: float, flat: bool) -> list[tuple]:
    """Where a sheet can lie with its left side at a step of the skyline, or its right side at the roll's edge."""
    wide, high, turned = way
    spots = []
    for left in {step[0] for step in line} | {across - wide}:
        if left < -_TINY_IN or left + wide > across + _TINY_IN:
            continue
        under = [s for s in line if s[0] < left + wide + gap - _TINY_IN and s[1] > left + _TINY_IN]
        low = max(step[2] for step in under)
        if low + high > along + _TINY_IN:
            continue
        lost = sum((min(s[1], left + wide + gap) - max(s[0], left)) * (low - s[2]) for s in under)
        rank = (low + high, lost, left) if flat else (low + high, left, lost)
        spots.append((tuple(round(v, 6) for v in rank), (left, low, wide, high, turned)))
    return spots


def _raised(line: list[tuple], left: float, wide: float, top: float) -> list[tuple]:
    right = left + wide
    kept = [(a, min(b, left), y) for a, b, y in line if a < left - _TINY_IN]
    kept += [(max(a, right), b, y) for a, b, y in line if b > right + _TINY_IN]
    return sorted([*kept, (left, right, top)])


def _improved(sizes: list[tuple], roll: Roll) -> list[Placement]:
    """The skyline of the order that no exchange of two sheets makes shorter."""
    order = sorted(sizes, key=lambda size: (-max(size[:2]), size))
    best = _skyline(order, roll, True, _LYING[0])
    better = True
    while better:
        better = False
        for i in range(len(order)):
            for j in range(i + 1, len(order)):
                if order[i][:2] == order[j][:2]:
                    continue
                other = order.copy()
                other[i], other[j] = other[j], other[i]
                laid = min((_skyline(other, roll, True, lying) for lying in _LYING), key=_length)
                if _length(laid) < _length(best) - 1e-6:
                    order, best, better = other, laid, True
    return best


def _ends(placed: list[Placement]) -> list[float]:
    ends = [0.0] * (1 + max((put.cut for put in placed), default=-1))
    for put in placed:
        ends[put.cut] = max(ends[put.cut], put.along_in + put.height_in)
    return ends


def _length(placed: list[Placement]) -> float:
    return round(sum(_ends(placed)), 6)


def _told(placed: list[Placement], sizes: list[tuple], roll: Roll) -> Nesting:
    cuts = tuple(end + roll.margin_in for end in _ends(placed))
    used = sum(cuts)
    paper = used * roll.width_in
    return Nesting(
        tuple(sorted(placed, key=lambda put: (put.cut, put.along_in, put.across_in, put.name))),
        cuts,
        used,
        paper / 144,
        1 - sum(width * height for width, height, _ in sizes) / paper if paper else 0.0,
        used / roll.inches_per_minute if roll.inches_per_minute else None,
    )
