"""
Which frame captured coordinates are in: stated by a person, stated by the file, or asked for. Never assumed.

A receiver that applies corrections gives coordinates in the frame of whoever sends them, under whatever label its file format
has. NAD83(2011) shifted once more, or ITRF not shifted at all, is the same 5 ft in California, and nothing in the file tells.
"""

import re
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from citygis.city import City
from citygis.errors import CRSError
from citygis.geodesy import Frame, decimal_year, frame_of, parse_frame, today, transform_points

CORRECTED = ("FIXED", "FLOAT", "PPK", "STATIC")
"""Fix types whose coordinates are in the frame of a base or network."""

WGS_84 = "EPSG:4326"
NAD_27 = "EPSG:4267"

BROADCAST = Frame("WGS 84 (broadcast)")
"""What a receiver without corrections gives."""

LABELS = ("WGS 84", "NAD83")
"""Names that formats and exports write whatever the positions are in: they contradict nothing, and say nothing."""

EARLIEST_EPOCH = 1991.35
"""The first epoch that California law accepts (PRC 8815.2): the worst case of a NAD83 whose epoch nobody stated."""


_LARGEST_SHIFT_FT = 6.0
"""ITRF or WGS 84 against NAD83 in California, by the Helmert of NGS: what a doubt costs where no position is in the zone."""


class FrameNotStated(CRSError):
    """A doubt about the frame of captures that costs more than the purpose allows."""


class Settled(NamedTuple):
    """
    One way into the City for some rows of a file: the frame, the system its numbers are written in, why, by whom, and what it
    costs in feet if that is wrong (null where a person stated it). ``needs_date``: the frame has no epoch of its own, so that
    each position counts at the time it was observed.
    """

    rows: np.ndarray
    frame: Frame
    source_crs: CRS
    reason: str
    stated_by: str
    cost_ft: float | None = None

    @property
    def needs_date(self) -> bool:
        """Whether rows without a time cannot be placed."""
        return self.frame.epoch is None and self.frame.is_moving


def settle(
    captures: gpd.GeoDataFrame,
    *,
    city: City,
    purpose: str,
    frame: Frame | None = None,
    source_crs: CRS | None = None,
    file: str = "",
) -> list[Settled]:
    """
    The frame of the positions of one file.

    Parameters
    ----------
    captures : captures frame
        Of one file, as a reader of `citygis.readers` gives it.
    city : City
    purpose : {"parcel", "asset", "sketch"}
        Whose tolerance the cost of a doubt is held against.
    frame : Frame, optional
        As stated by a person for this file.
    source_crs : CRS, optional
        What the numbers are written in, where the file does not say.
    file : str
        For messages.

    Returns
    -------
    list of Settled
        Every row with a position once. In a stream of raw receiver output (kind "epoch") the stated frame holds for the corrected
        positions, and the others are WGS 84 of their date, as a receiver without corrections has no other.

    Raises
    ------
    FrameNotStated
        If a doubt about the frame costs more than the purpose allows; says the three ways to settle it.
    """
    placed = np.flatnonzero(captures.geometry.notna().to_numpy())
    own = stated_in_file(captures)
    crs = _written_in(captures, city, source_crs, frame if frame is not None else own, file)
    if not len(placed):
        return []
    fixes = captures["fix_type"].iloc[placed]
    corrected = fixes.isin(CORRECTED).to_numpy(dtype=bool)
    stream = captures["capture"].iloc[placed].eq("epoch").to_numpy(dtype=bool)
    autonomous = stream & ~corrected & fixes.notna().to_numpy()
    if frame is not None:
        settled = [Settled(placed[~autonomous], frame, crs, f"{frame} as stated for this file", "--frame")]
        if autonomous.all():
            return [settled[0]._replace(rows=placed)]
        if autonomous.any():
            settled.append(Settled(placed[autonomous], BROADCAST, crs, _ALONE, "the format"))
        return settled
    if own is not None and own.epoch is not None:
        return [Settled(placed, own, crs, f"the file says {own}", "the file")]
    tolerance_ft = city.tolerance_ft(purpose)
    if own is None and (words := stated_datums(captures)):
        raise FrameNotStated(
            f"{file or 'The file'} says that its positions are in {' and '.join(words)}. citygis knows no one frame by that; "
            "another datum can be hundreds of feet away. Ask who set up the receiver, and state the frame with --frame."
        )
    cost_ft = _cost_ft(captures, placed, crs, own, city)
    is_free = own is not None and own.realization.startswith("WGS 84") and not corrected.any() and purpose != "parcel"
    if is_free and captures["time"].iloc[placed].notna().all():
        return [Settled(placed, BROADCAST, crs, "no corrections: WGS 84 of the date, as the format says", "the format")]
    if purpose == "parcel" or cost_ft > tolerance_ft:
        raise FrameNotStated(_refusal(file, purpose, fixes, own, cost_ft, tolerance_ft, city))
    if own is not None and own.realization not in (*LABELS, city.realization):
        return [Settled(placed, own, crs, f"the file says {own}", "the file")]
    taken = Frame(own.realization, city.epoch) if own is not None and own.realization == city.realization else None
    if taken is None:
        taken = city.frame if crs.is_projected else Frame("WGS 84")
    reason = f"nobody stated a frame; taken for {taken}, which can be wrong by {cost_ft:.1f} ft"
    return [Settled(placed, taken, crs, reason, "nobody", cost_ft)]


_ALONE = "positions without corrections, in a stream whose other positions have them: WGS 84 of their date"


def stated_in_file(captures: gpd.GeoDataFrame) -> Frame | None:
    """
    What a file says of its own frame, by the words in ``datum_stated`` or else by the CRS of its format. None where it says
    nothing, or two things.
    """
    words = stated_datums(captures)
    frames = {_frame_in(text) for text in words}
    if len(frames) == 1 and None not in frames:
        return frames.pop()
    if words or captures.crs is None:
        return None
    return frame_of(captures.crs)


def stated_datums(captures: gpd.GeoDataFrame) -> list[str]:
    """What a file says of its datum, in its own words, each once."""
    return captures["datum_stated"].dropna().drop_duplicates().tolist()


def _frame_in(text: str) -> Frame | None:
    """The frame that a label means: "NAD83(2011) / Illinois West (ftUS) + NAVD88 height", "W84", "WGS-84"."""
    if re.fullmatch(r"\s*(W84|WGS[ _-]?(19)?84)\s*", text, flags=re.IGNORECASE):
        return Frame("WGS 84")
    if re.match(r"\s*NAD[ _-]?(19)?27\b", text, flags=re.IGNORECASE):
        return Frame("NAD27")
    for part in (text, re.split(r"\s[/+]\s", text)[0]):
        try:
            return parse_frame(part)
        except ValueError:
            continue
    return None


def _written_in(captures: gpd.GeoDataFrame, city: City, source_crs: CRS | None, frame: Frame | None, file: str) -> CRS:
    """
    The system of the numbers: what was said, else what the file says, else degrees (on the ellipsoid of the stated frame) or the
    City's zone, by their size.
    """
    if source_crs is not None and captures.crs is not None and captures.crs.is_projected != source_crs.is_projected:
        raise CRSError(
            f"{file} has its positions in {captures.crs.name}, and --source-crs says {source_crs.name}: one in degrees, one not."
        )
    if source_crs is not None:
        return source_crs
    if captures.crs is not None:
        return captures.crs
    bounds = captures.total_bounds
    if not np.isfinite(bounds).all() or ((np.abs(bounds[[0, 2]]) <= 180).all() and (np.abs(bounds[[1, 3]]) <= 90).all()):
        return CRS.from_user_input(NAD_27 if frame is not None and frame.realization == "NAD27" else WGS_84)
    return city.crs


def _cost_ft(captures: gpd.GeoDataFrame, placed: np.ndarray, crs: CRS, own: Frame | None, city: City) -> float:
    """How far off the positions lie if the frame they are taken for is the wrong one."""
    if own is not None and own.realization == city.realization:
        return _epochs_apart_ft(city)
    if crs.is_projected:
        # Whatever realization of NAD83 it is: the epochs, and some tenths of a foot between realizations.
        return _epochs_apart_ft(city) + 0.5
    # A place in the City's zone, and a date that can be: rows whose place is wrong are told later, each by itself.
    points = captures.geometry.iloc[placed]
    west, south, east, north = city.crs.area_of_use.bounds if city.crs.area_of_use else (-180, -90, 180, 90)
    inside = points.x.between(west, east) & points.y.between(south, north)
    if not inside.any():
        return _LARGEST_SHIFT_FT
    observed = decimal_year(captures["time"].iloc[placed])
    observed = observed[(observed >= EARLIEST_EPOCH) & (observed <= today())]
    seen = float(np.median(observed)) if len(observed) else today()
    way = {"source": Frame("ITRF2020", seen), "source_crs": WGS_84, "target": city.frame, "target_crs": city.crs}
    middle = points[inside].x.median(), points[inside].y.median()
    _, lineage = transform_points(*([value] for value in middle), velocity=city.velocity, tolerance_ft=np.inf, **way)
    return lineage.moved_ft


def _epochs_apart_ft(city: City) -> float:
    speed_mm_yr = float(np.hypot(city.velocity.north_mm_yr, city.velocity.east_mm_yr)) if city.velocity else 50.0
    this_year = pd.Timestamp.now(tz="UTC").year + 1
    return speed_mm_yr / 304.8 * max(city.epoch - EARLIEST_EPOCH, this_year - city.epoch)


def _refusal(file: str, purpose: str, fixes: pd.Series, own: Frame | None, cost_ft: float, tolerance_ft: float, city: City) -> str:
    counted = ", ".join(f"{n:,} {fix}" for fix, n in fixes.fillna("of unknown fix").value_counts().items())
    said = f"It says {own}, without an epoch." if own is not None and own.realization == city.realization else ""
    label = (
        ""
        if said or own is None
        else f"Its format says {own.realization}, which every receiver writes whatever the corrections were in."
    )
    remark = f" {said or label}" if said or label else ""
    return (
        f"{file or 'The file'} does not state the frame of its positions ({counted}).{remark} The City's is {city.frame}; a"
        f" wrong guess here is {cost_ft:.1f} ft, and the purpose {purpose} allows {tolerance_ft:g} ft. Three ways to settle it:\n"
        "  1. Ask whoever runs the network or base which frame and epoch its corrections are in, and state it:"
        f' --frame "{city.realization}@2017.50" (many California networks; others are at 2010.00 or 2025.00, or in ITRF2014).\n'
        "  2. If you set up the base: state the frame and epoch of the coordinates that were keyed in for it, as its OPUS or data"
        ' sheet says them: --frame "NAD83(2011)@2010.00" or --frame "ITRF2014@2026.3". Positions without any corrections are WGS 84'
        " of their date: --frame ITRF2014, with the times in the file.\n"
        "  3. Occupy two or more of the City's monuments in the same session and state the frame you take it for: the monument"
        " check then says which frame the captures really fit."
    )
