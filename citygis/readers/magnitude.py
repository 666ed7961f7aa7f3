"""
What the size of coordinates tells: which of a pair is the northing, whether a row is in metres, and which foot round metres betray.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citygis.errors import CRSError, ReadError
from citygis.units import INTERNATIONAL_FOOT, US_SURVEY_FOOT

_MAJORITY = 0.75
"""Of the rows that speak for one order only, the share that must agree; with less, a person is asked."""

_ROUND_M = 10
_LEAST_DECIMALS = 3
_RARE = 0.01
"""Round metres count as a hint where chance would give fewer than this share of those found."""


class Evidence(NamedTuple):
    """
    What magnitude says of each row: ``agree`` rows lie in the box as read; ``exchanged`` rows only with northing and easting
    exchanged; ``in_metres`` rows only as metres. Both are arrays of bool. ``in_feet`` says that the numbers lie where the City's
    feet do.
    """

    box: tuple[float, float, float, float] | None
    agree: int
    exchanged: np.ndarray
    in_metres: np.ndarray
    in_feet: bool
    notes: tuple[str, ...] = ()


class RoundMetres(NamedTuple):
    """How many numbers are whole tens of metres in each foot, how many chance would give, and what a person should know of it."""

    international: int
    us_survey: int
    by_chance: float
    notes: tuple[str, ...]


def found_order(first: np.ndarray, second: np.ndarray, box: tuple | None, *, shown: str) -> tuple[bool, Evidence]:
    """
    Whether the first number of each pair is the easting, by where the box lies.

    Parameters
    ----------
    first, second : arrays of n
        In the order of the file; not a number where a row has none.
    box : (easting_min, northing_min, easting_max, northing_max) or None
    shown : str
        How to name the file in a message.

    Returns
    -------
    first_is_easting, Evidence

    Raises
    ------
    ReadError
        If there is no box, no row fits it, both orders fit, or too many rows disagree. It asks for the order.
    CRSError
        If more rows fit as metres than as feet.
    """
    ask = "State it, as the sender tells: --order PNEZD (northing first) or --order PENZD (easting first)."
    if box is None:
        raise ReadError(
            f"{shown}: nothing says which number is the northing: there is no header and no City to compare with. {ask}"
        )
    northing_first, easting_first = _inside(second, first, box), _inside(first, second, box)
    only_northing, only_easting = northing_first & ~easting_first, easting_first & ~northing_first
    votes = int(only_northing.sum()), int(only_easting.sum())
    if max(votes) == 0 and (northing_first & easting_first).any():
        raise ReadError(
            f"{shown}: both orders lie in the City's box, so magnitude cannot tell the northing from the easting. {ask}"
        )
    _require_feet(first, second, box, int((northing_first | easting_first).sum()), shown)
    if max(votes) == 0:
        raise ReadError(f"{shown}: {_elsewhere(first, second)}, so magnitude cannot tell the northing from the easting. {ask}")
    if max(votes) < _MAJORITY * sum(votes):
        raise ReadError(
            f"{shown}: {votes[0]:,} rows lie in the City's box with the northing first, {votes[1]:,} with the easting first. Two "
            "files may have been joined: ask the sender to part them."
        )
    swapped = votes[1] > votes[0]
    return swapped, _evidence(*((first, second) if swapped else (second, first)), box)


def fitting(first: np.ndarray, second: np.ndarray, box: tuple | None) -> int:
    """How many pairs lie in the box in any order, as feet or as metres; without a box, how many are numbers."""
    if box is None:
        return int((np.isfinite(first) & np.isfinite(second)).sum())
    return int((_inside(first, second, box) | _inside(second, first, box) | _as_metres(first, second, box)).sum())


def required_order(easting: np.ndarray, northing: np.ndarray, box: tuple | None, *, letters: str, by: str, shown: str) -> Evidence:
    """
    What magnitude says of an order that a person or a header stated.

    Raises
    ------
    ReadError
        If more rows lie in the box with northing and easting exchanged than as stated.
    CRSError
        If more rows fit as metres than as feet.
    """
    if box is None:
        nothing = np.zeros(len(easting), dtype=bool)
        return Evidence(None, 0, nothing, nothing, False)
    inside, exchanged = _inside(easting, northing, box), _inside(northing, easting, box)
    _require_feet(easting, northing, box, int((inside | exchanged).sum()), shown)
    if (exchanged & ~inside).sum() > inside.sum():
        other = letters.translate(str.maketrans("NE", "EN"))
        raise ReadError(
            f"{shown}: the order {letters}, {by}, puts {int((exchanged & ~inside).sum()):,} of {len(easting):,} rows outside the "
            f"City's box; as {other} they lie in it. Ask the sender; if it is so, correct the header and state --order {other}."
        )
    return _evidence(easting, northing, box)


def foot_note(easting: np.ndarray, northing: np.ndarray) -> list[str]:
    """
    What mistaking the US survey foot for the international foot would cost at the middle of the points; nothing for small numbers.

    The two differ by 2 parts per million (NIST SP 811, appendix B.6); magnitude cannot show which one a file is in.
    """
    ratio = float(US_SURVEY_FOOT.metres / INTERNATIONAL_FOOT.metres) - 1
    east, north = (abs(float(np.median(values))) * ratio if len(values) else 0.0 for values in (easting, northing))
    if max(east, north) < 0.01:
        return []
    return [
        "Magnitude cannot tell US survey feet from international feet; here the mistake would cost "
        f"{east:.1f} ft east and {north:.1f} ft north. The unit follows the system: CCS83 is in US survey feet (California PRC "
        "8810)."
    ]


def round_metres(cells: Sequence[str | None] | pa.Array) -> RoundMetres:
    """
    Numbers that are whole tens of metres in one of the two feet: a station put at 32808.39895 ft is 10,000 m in international feet.

    Parameters
    ----------
    cells : texts of numbers, as sent
        The decimals that are given count; a number with fewer than three says nothing, nor does zero.

    Returns
    -------
    RoundMetres
        A note where far more numbers than by chance are round in one foot and not in the other.
    """
    texts = pc.drop_null(pc.utf8_trim_whitespace(cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())))
    texts = texts.filter(pc.match_substring_regex(texts, rf"^-?\d+\.\d{{{_LEAST_DECIMALS},15}}$"))
    if not len(texts):
        return RoundMetres(0, 0, 0.0, ())
    values = pc.cast(texts, pa.float64()).to_numpy()
    decimals = pc.subtract(pc.subtract(pc.utf8_length(texts), pc.find_substring(texts, ".")), 1).to_numpy().astype("float64")
    slack_m = 0.3048 * (0.5 * 10.0**-decimals + 1e-9)
    hits = []
    for foot in (INTERNATIONAL_FOOT, US_SURVEY_FOOT):
        metres = values * float(foot)
        hits.append((np.abs(metres - np.round(metres / _ROUND_M) * _ROUND_M) <= slack_m) & (np.abs(values) >= 1))
    both = hits[0] & hits[1]
    found = [hit & ~both for hit in hits]
    chance = float((2 * slack_m / _ROUND_M).sum())
    counts = [int(hit.sum()) for hit in found]
    notes = []
    for count, other, hit, name in zip(counts, counts[::-1], found, ("international", "US survey"), strict=True):
        if count and not other and chance < _RARE * count:
            example = texts[int(np.flatnonzero(hit)[0])].as_py()
            notes.append(
                f"A hint of {name} feet: {count:,} coordinates, such as {example}, are whole tens of metres in them "
                "and not in the other foot. Ask the sender."
            )
    return RoundMetres(counts[0], counts[1], chance, tuple(notes))


def _inside(easting: np.ndarray, northing: np.ndarray, box: tuple) -> np.ndarray:
    return (easting >= box[0]) & (easting <= box[2]) & (northing >= box[1]) & (northing <= box[3])


def _evidence(easting: np.ndarray, northing: np.ndarray, box: tuple) -> Evidence:
    inside = _inside(easting, northing, box)
    exchanged = _inside(northing, easting, box) & ~inside
    metres = _as_metres(easting, northing, box) & ~inside & ~exchanged
    outside = int((np.isfinite(easting) & np.isfinite(northing) & ~inside & ~exchanged & ~metres).sum())
    notes = (f"{outside:,} rows lie outside the City's box in any order and unit; they are kept.",) if outside else ()
    return Evidence(box, int(inside.sum()), exchanged, metres, bool(inside.any()), notes)


def _as_metres(easting: np.ndarray, northing: np.ndarray, box: tuple) -> np.ndarray:
    feet_a_metre = float(1 / US_SURVEY_FOOT.metres)
    easting, northing = easting * feet_a_metre, northing * feet_a_metre
    return _inside(easting, northing, box) | _inside(northing, easting, box)


def _require_feet(first: np.ndarray, second: np.ndarray, box: tuple, in_feet: int, shown: str) -> None:
    in_metres = int(_as_metres(first, second, box).sum())
    if in_metres > in_feet:
        raise CRSError(
            f"{shown} is in metres: {in_metres:,} of {len(first):,} rows lie in the City's box only when taken as metres, "
            f"{in_feet:,} as feet. Nothing was converted. State the system that the sender worked in with --source-crs, and the "
            "order with --order."
        )


def _elsewhere(first: np.ndarray, second: np.ndarray) -> str:
    in_degrees = (np.abs(first) <= 180) & (np.abs(second) <= 180) & (np.minimum(np.abs(first), np.abs(second)) <= 90)
    if in_degrees.mean() > 0.9 and np.nanmax(np.abs(np.r_[first, second])) > 1:
        return "no row lies in the City's box; these may be degrees (which need a header: longitude,latitude) or local coordinates"
    return "no row lies in the City's box in either order; these may be local coordinates, or another place"
