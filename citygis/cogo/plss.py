"""
The Public Land Survey System: aliquot parts in words and on the ground, and lost corners by single and double proportion.

Rules of the Manual of Surveying Instructions (Bureau of Land Management, 2009), chapters 3 (subdivision of sections) and 7
(restoration of lost corners). A nominal area is that of a section of 640 acres; what a real section holds follows from its corners.
"""

import math
import re
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike

from citygis.cogo.angle import require_short
from citygis.cogo.arc import azimuth_between
from citygis.cogo.intersection import bearing_bearing

ACRES_PER_SECTION = 640.0

_WORDS = {
    "NORTHEAST": "NE", "NORTHWEST": "NW", "SOUTHEAST": "SE", "SOUTHWEST": "SW",
    "NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W",
}  # fmt: skip
_SIDE = r"NORTH\s*-?EAST|NORTH\s*-?WEST|SOUTH\s*-?EAST|SOUTH\s*-?WEST|NORTH|SOUTH|EAST|WEST|NE|NW|SE|SW|N|S|E|W"
_SHARE = r"(?:ONE[\s-]*)?(?:HALF|QUARTER|THIRD)|1\s*/\s*[234]|½|¼|⅓|/?[24](?!\d)"
_STEP = re.compile(
    rf"\s*(?:THE\s+)?({_SIDE})\.?\s*-?\s*"
    rf"(?:({_SHARE})(?:\s*\(\s*1\s*/\s*[234]\s*\))?|(\d[\d,]*(?:\.\d+)?)\s*(FEET|FOOT|FT|ACRES?)\b)\.?\s*(?:OF\b|,(?=\s*SEC))?",
    re.I,
)
_SECTION = re.compile(r"\s*(?:THE\s+)?(?:SEC(?:TION|\.)?|§)\s*(?:[A-Z-]+\s*\()?(\d{1,2})\)?\s*[,.;]?", re.I)
_TOWNSHIP = re.compile(
    r"\s*T(?:OWNSHIP|WP|\.)?\s*(?:[A-Z-]+\s*\()?(\d{1,3})\)?\s*(NORTH|SOUTH|N|S)\.?\s*,?"
    r"\s*R(?:ANGE|NG|\.)?\s*(?:[A-Z-]+\s*\()?(\d{1,3})\)?\s*(EAST|WEST|E|W)\.?\s*,?",
    re.I,
)
_PARTS = {"HALF": 2, "QUARTER": 4, "THIRD": 3, "½": 2, "¼": 4, "⅓": 3}


class Step(NamedTuple):
    """One step of an aliquot description: the side, and what part of it (2, 3 or 4), or a strip of feet or acres."""

    side: str
    part: int | None = None
    width_ft: float | None = None
    acres: float | None = None


class Aliquot(NamedTuple):
    """
    An aliquot part of a section.

    Attributes
    ----------
    steps : tuple of Step
        As written: the smallest part first, that of the section last.
    west, south, east, north : float
        Its nominal box within the section, whose sides count 0 to 1.
    section, township, range, meridian : int or str, or None where the text does not say.
    """

    steps: tuple[Step, ...]
    west: float
    south: float
    east: float
    north: float
    section: int | None
    township: str | None
    range: str | None
    meridian: str | None

    @property
    def nominal_acres(self) -> float:
        """Acres, were the section one of 640."""
        return (self.east - self.west) * (self.north - self.south) * ACRES_PER_SECTION


def parse_aliquot(text: str) -> Aliquot:
    """
    An aliquot part as a deed writes it.

    Parameters
    ----------
    text : str
        ``NE 1/4 of SW 1/4 of Section 12, T1S R6E MDB&M``, ``N1/2SE1/4``, ``The North 200 feet of the West Half ...``.

    Returns
    -------
    Aliquot

    Raises
    ------
    ValueError
        If the text is none, lists more than one part (each is a parcel of its own), or names a government lot, whose area no rule
        tells.
    """
    require_short(text)
    if re.search(r"\b(?:GOV(?:ERNMEN|')?T\.?\s+)?LOTS?\s+\d", text, re.I):
        raise ValueError(f"Invalid aliquot {text!r}. Must not be a government lot: its size stands on the township plat.")
    steps, at = [], 0
    while found := _STEP.match(text, at):
        steps.append(_step(text, *found.groups()))
        at = found.end()
    section = township = range_ = None
    if found := _SECTION.match(text, at):
        section, at = int(found.group(1)), found.end()
        if not 1 <= section <= 36:
            raise ValueError(f"Invalid section {section} in {text!r}. Must be 1 to 36.")
    if found := _TOWNSHIP.match(text, at):
        township = f"{int(found.group(1))}{found.group(2)[0].upper()}"
        range_, at = f"{int(found.group(3))}{found.group(4)[0].upper()}", found.end()
    rest = text[at:].strip(" ,.;")
    if not steps or (rest and township is None):
        raise ValueError(
            f"Invalid aliquot {text!r}. Must be one part such as NE 1/4 of SW 1/4 of Section 12, T1S R6E, one parcel at a time."
        )
    return Aliquot(tuple(steps), *_box(text, steps), section, township, range_, rest or None)


def aliquot_polygon(aliquot: Aliquot, corners: ArrayLike) -> shapely.Polygon:
    """
    An aliquot part of a section on the ground.

    Parameters
    ----------
    aliquot : Aliquot
        Of quarters, with at most one half, which comes first in the text.
    corners : array (8, 2)
        Corners and quarter corners of the section, clockwise from the south-west corner: SW, W 1/4, NW, N 1/4, NE, E 1/4, SE, S
        1/4.

    Returns
    -------
    Polygon

    Notes
    -----
    The centre of the section is where the straight lines between opposite quarter corners meet (Manual, chapter 3); quarter-quarter
    corners are at the middle of the sides of a quarter, and its own centre where the lines between them meet. Fractional quarters
    along the north and west of a township are not divided so: their lots stand on the plat.

    Raises
    ------
    ValueError
        If a step is none that these rules divide.
    """
    sw, w, nw, n, ne, e, se, s = np.asarray(corners, dtype=float).reshape(8, 2)
    center = bearing_bearing(w, float(azimuth_between(w, e)), s, float(azimuth_between(s, n)))
    quarters = {"SW": (sw, w, center, s), "NW": (w, nw, n, center), "NE": (center, n, ne, e), "SE": (s, center, e, se)}
    halves = {
        "N": (w, nw, n, ne, e, center),
        "S": (sw, w, center, e, se, s),
        "W": (sw, w, nw, n, center, s),
        "E": (s, center, n, ne, e, se),
    }
    piece = None
    for step in reversed(aliquot.steps):
        quarter = step.part == 4 and len(step.side) == 2
        if (
            not (quarter or step.part == 2)
            or (piece is not None and len(piece) == 6)
            or (step.part == 2 and step is not aliquot.steps[0])
        ):
            raise ValueError(
                f"Invalid step {step.side} of {aliquot.steps}. Must be quarters, and one half at most, at the front of the text."
            )
        if piece is not None:
            quarters, halves = _divided(piece)
        piece = quarters[step.side] if quarter else halves[step.side]
    return shapely.Polygon(piece)


def proportioned(measured: float, record_part: float, record_rest: float) -> float:
    """
    The share of a measured length that falls to the first part of its record: measured x part / (part + rest).

    Manual, chapter 7, single proportionate measurement. A fractional last half mile keeps its record share and is not halved.
    """
    if not (measured > 0 and record_part > 0 and record_rest > 0):
        raise ValueError(f"Invalid lengths {measured}, {record_part}, {record_rest}. Must be positive.")
    return measured * record_part / (record_part + record_rest)


def single_proportion(start: ArrayLike, end: ArrayLike, record_from_start: float, record_to_end: float) -> np.ndarray:
    """
    A lost corner on the straight line between two found ones, at its share of the record; array (2,).

    The two record lengths may be in any one unit. Manual, chapter 7.
    """
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    measured = math.dist(start, end)
    return start + (end - start) / measured * proportioned(measured, record_from_start, record_to_end)


def double_proportion(
    north: ArrayLike,
    south: ArrayLike,
    east: ArrayLike,
    west: ArrayLike,
    *,
    record_to_north: float,
    record_to_south: float,
    record_to_east: float,
    record_to_west: float,
) -> np.ndarray:
    """
    A lost corner common to four townships or sections, from the nearest found corner each way.

    Parameters
    ----------
    north, south, east, west : array (2,)
        Found corners, easting and northing on the meridian of the record.
    record_to_north, record_to_south, record_to_east, record_to_west : float
        Record lengths from the lost corner, in any one unit: as cardinal equivalents (the latitude of the lines north and south,
        the departure of the lines east and west) where the record is not cardinal.

    Returns
    -------
    array (2,)
        The northing of the point by single proportion between north and south, the easting of that between east and west.

    Notes
    -----
    Manual, chapter 7, double proportionate measurement: no line is straightened; each pair of corners controls one coordinate only.
    """
    latitude = single_proportion(south, north, record_to_south, record_to_north)
    departure = single_proportion(west, east, record_to_west, record_to_east)
    # Shares of the difference of one coordinate: those of the line between the two corners.
    return np.array([departure[0], latitude[1]])


def _step(text: str, side: str, share: str | None, amount: str | None, unit: str | None) -> Step:
    side = re.sub(r"[\s-]", "", side.upper())
    side = _WORDS.get(side, side)
    if share is not None:
        plain = re.sub(r"[\s-]", "", share.upper()).removeprefix("ONE")
        part = _PARTS.get(plain) or int(plain[-1])
        if len(side) == 2 and part != 4:
            raise ValueError(f"Invalid aliquot {text!r}. Must have a quarter at a corner ({side}), or a half along a side.")
        return Step(side, part)
    if len(side) == 2:
        raise ValueError(f"Invalid aliquot {text!r}. Must have its strip along a side, not at the corner {side}.")
    value = float(amount.replace(",", ""))
    return Step(side, acres=value) if unit.upper().startswith("ACRE") else Step(side, width_ft=value)


def _box(text: str, steps: list[Step]) -> tuple[float, float, float, float]:
    west, south, east, north = 0.0, 0.0, 1.0, 1.0
    for step in reversed(steps):
        width, height = east - west, north - south
        if step.part == 4 and len(step.side) == 2:
            share_e = share_n = 0.5
        else:
            across = height if step.side in "NS" else width
            if step.part is not None:
                share = 1 / step.part
            elif step.width_ft is not None:
                share = step.width_ft / (across * 5280)
            else:
                share = step.acres / (width * height * ACRES_PER_SECTION)
            if not 0 < share <= 1:
                raise ValueError(f"Invalid aliquot {text!r}. Must not ask for more than the part has: {step}.")
            share_e, share_n = (1.0, share) if step.side in "NS" else (share, 1.0)
        if "N" in step.side:
            south = north - height * share_n
        elif "S" in step.side:
            north = south + height * share_n
        if "E" in step.side:
            west = east - width * share_e
        elif "W" in step.side:
            east = west + width * share_e
    return west, south, east, north


def _divided(quarter: tuple[np.ndarray, ...]) -> tuple[dict, dict]:
    """
    Quarters and halves of a four-sided part given as SW, NW, NE, SE: the lines between the middles of its sides meet at their mean.
    """
    sw, nw, ne, se = quarter
    w, n, e, s = (sw + nw) / 2, (nw + ne) / 2, (ne + se) / 2, (se + sw) / 2
    center = (sw + nw + ne + se) / 4
    quarters = {"SW": (sw, w, center, s), "NW": (w, nw, n, center), "NE": (center, n, ne, e), "SE": (s, center, e, se)}
    return quarters, {"N": (w, nw, ne, e), "S": (sw, w, e, se), "W": (sw, nw, n, s), "E": (s, n, ne, se)}
