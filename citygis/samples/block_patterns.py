"""One block of the parcel fabric in its own feet, two rows of lots back to back or a single parcel: vertices, and their rings."""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

BLOCK_FT = (600, 220)
REAR_FT = 110
MIDDLES_FT = (55, 165)
"""Where the side lines of a curved block have a further vertex."""
WELL_FT = 12.0
"""The side of an enclosed parcel."""
ENCLOSING_LOT = 2
"""Which lot of the lower row encloses another parcel."""


class Pattern(NamedTuple):
    """
    A block, its south-west corner at (0, 0).

    Attributes
    ----------
    vertices : (v, 2) array
    chains : dict of str to list of int
        The outline: ``south`` and ``north`` run from west to east, ``west`` and ``east`` from south to north.
    rings : list of list of int
        Counterclockwise, unclosed. Of a parcel with a hole the hole follows the outer ring.
    parcel_of_ring : list of int
    easement : list of (int, int)
        Its corners, counterclockwise from the south-west: from the first vertex toward the second, along a lot line, or at a vertex
        given twice. Empty for a block that is one parcel.
    """

    vertices: np.ndarray
    chains: dict[str, list[int]]
    rings: list[list[int]]
    parcel_of_ring: list[int]
    easement: list[tuple[int, int]]

    @property
    def outline(self) -> list[int]:
        """The vertices all round, counterclockwise from the south-west corner."""
        south, east, north, west = (self.chains[name] for name in ("south", "east", "north", "west"))
        return south + east[1:] + north[-2::-1] + west[-2:0:-1]

    @property
    def parcels(self) -> int:
        """How many parcels the block has."""
        return max(self.parcel_of_ring, default=-1) + 1


class Kind(NamedTuple):
    """What tells two blocks apart: lots in the lower and the upper row (both 0: no parcels, four corners), curved, enclosing."""

    lower: int
    upper: int
    curved: bool = False
    enclosed: bool = False


class _Vertices(dict):
    """Numbers of places, given out as they are asked for."""

    def __missing__(self, place: tuple) -> int:
        self[place] = len(self)
        return self[place]


@cache
def pattern(kind: Kind) -> Pattern:
    """
    The block of a kind.

    Parameters
    ----------
    kind : Kind
        ``lower=1, upper=0`` makes one parcel of the whole block; ``lower=0`` draws four corners only.
    """
    at = _Vertices()
    width, depth = BLOCK_FT
    if kind.upper == 0:
        return _one_parcel(at, kind)
    below = [Fraction(width * k, kind.lower) for k in range(kind.lower + 1)]
    above = [Fraction(width * k, kind.upper) for k in range(kind.upper + 1)]
    rear = sorted({*below, *above})
    middles = MIDDLES_FT if kind.curved else ()
    low, high = [m for m in middles if m < REAR_FT], [m for m in middles if m > REAR_FT]
    rings, parcel_of_ring = [], []
    for number, (west, east) in enumerate(pairwise(below)):
        back = [x for x in rear if west <= x <= east]
        side_up, side_down = [at[east, y] for y in low], [at[west, y] for y in reversed(low)]
        rings.append([at[west, 0], at[east, 0], *side_up, *(at[x, REAR_FT] for x in reversed(back)), *side_down])
        parcel_of_ring.append(number)
        if kind.enclosed and number == ENCLOSING_LOT:
            well = _well(at, (west + east) / 2)
            rings.append(well[::-1])
            parcel_of_ring.append(number)
    for number, (west, east) in enumerate(pairwise(above), start=kind.lower):
        back = [x for x in rear if west <= x <= east]
        side_up, side_down = [at[east, y] for y in high], [at[west, y] for y in reversed(high)]
        rings.append([*(at[x, REAR_FT] for x in back), *side_up, at[east, depth], at[west, depth], *side_down])
        parcel_of_ring.append(number)
    if kind.enclosed:
        rings.append(well)
        parcel_of_ring.append(kind.lower + kind.upper)
    sides = sorted([0, *middles, REAR_FT, depth])
    toward_south, toward_north = low[-1] if low else 0, high[0] if high else depth
    east_end, west_end = at[Fraction(width), REAR_FT], at[Fraction(0), REAR_FT]
    easement = [(at[x, REAR_FT], at[x, toward_south]) for x in below] + [(east_end, east_end)]
    easement += [(at[x, REAR_FT], at[x, toward_north]) for x in reversed(above)] + [(west_end, west_end)]
    chains = {
        "south": [at[x, 0] for x in below],
        "east": [at[Fraction(width), y] for y in sides],
        "north": [at[x, depth] for x in above],
        "west": [at[Fraction(0), y] for y in sides],
    }
    return Pattern(_places(at), chains, rings, parcel_of_ring, easement)


def _one_parcel(at: _Vertices, kind: Kind) -> Pattern:
    """A block without lot lines: one parcel, or none, in which case it has no more than its corners."""
    width, depth = BLOCK_FT
    across = [Fraction(width * k, 10) for k in range(11)] if kind.curved else [Fraction(0), Fraction(width)]
    along = [0, *MIDDLES_FT, depth] if kind.curved else [0, depth]
    chains = {
        "south": [at[x, 0] for x in across],
        "east": [at[Fraction(width), y] for y in along],
        "north": [at[x, depth] for x in across],
        "west": [at[Fraction(0), y] for y in along],
    }
    made = Pattern(_places(at), chains, [], [], [])
    return made._replace(rings=[made.outline], parcel_of_ring=[0]) if kind.lower else made


def _well(at: _Vertices, middle: Fraction) -> list[int]:
    """A square parcel within a lot of the lower row, midway between front and rear."""
    half, y = Fraction(WELL_FT) / 2, Fraction(REAR_FT, 2)
    return [at[middle + dx * half, y + dy * half] for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def _places(at: _Vertices) -> np.ndarray:
    return np.array([(float(x), float(y)) for x, y in at], dtype=float).reshape(-1, 2)
