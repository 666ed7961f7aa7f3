"""What a transformation of points needs to be told, and what it costs when nobody has: dates, motion, accuracy."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Geod, Transformer

from citygis.errors import CRSError
from citygis.geodesy.epochs import today
from citygis.geodesy.frames import OLDEST_EPOCH, Frame, epoch_text
from citygis.geodesy.pipeline import OBSERVED, Route, build_pipeline, route_between
from citygis.geodesy.projection import feet
from citygis.geodesy.realizations import HUB, realization
from citygis.geodesy.velocity import UNKNOWN_MOTION_MM_YR, Velocity, geocentric, sigma_mm_yr

CALIFORNIA_EPOCHS = (1991.35, 1998.50, 2007.00, 2010.00, 2017.50, 2025.00)
"""Epochs of NAD83 on record maps of the region: HPGN, the county's network of 1998, NSRS2007, NAD83(2011), CSRS, CSRN2025."""

LEAST_WITHOUT_EPOCH_FT = 1.0
"""Coordinates whose epoch nobody knows are never used for a tolerance below this."""


class Place(NamedTuple):
    """Where the data is, degrees; not numbers where no point has a position."""

    lon: float
    lat: float

    @property
    def is_known(self) -> bool:
        """Whether there is a place at all."""
        return math.isfinite(self.lon) and math.isfinite(self.lat)

    def __str__(self) -> str:
        return f"{self.lat:.3f}, {self.lon:.3f}" if self.is_known else "this place"


class Dates(NamedTuple):
    """
    The dates of both ends: a decimal year, "observed" (each point has its own, in ``observed``), or None where unknown; and how
    many points with a position have no date although they need one.
    """

    source: float | str | None
    target: float | str | None
    observed: np.ndarray | None
    undated: int = 0

    @property
    def source_text(self) -> str | None:
        """The date of the source, in words for a lineage."""
        return self._text(self.source)

    @property
    def target_text(self) -> str | None:
        """The date of the target, in words for a lineage."""
        return self._text(self.target)

    def of_points(self, part: slice, n: int) -> np.ndarray:
        """The dates of n points."""
        if self.observed is None:
            return np.full(n, np.nan)
        return np.full(n, self.observed[0]) if len(self.observed) == 1 else self.observed[part]

    def years_apart(self) -> float:
        """The most years between the two ends of any point; 0 where one of them is unknown."""
        ends = [self.observed if end == OBSERVED else end for end in (self.source, self.target)]
        if ends[0] is None or ends[1] is None or self.source == self.target:
            return 0.0
        apart = np.abs(np.asarray(ends[1], dtype="float64") - np.asarray(ends[0], dtype="float64"))
        return float(np.nanmax(apart)) if np.isfinite(apart).any() else 0.0

    def _text(self, end: float | str | None) -> str | None:
        if end != OBSERVED:
            return None if end is None else epoch_text(end)
        if self.observed is None:
            return None
        known = self.observed[np.isfinite(self.observed)]
        if not len(known):
            return None
        first, last = f"{known.min():.2f}", f"{known.max():.2f}"
        return first if first == last else f"{first} to {last}"


def dates_of(route: Route, observed: ArrayLike | None, placed: np.ndarray) -> Dates:
    """
    The dates at both ends of a route.

    Parameters
    ----------
    route : Route
    observed : decimal years, scalar or array of n, or None
    placed : array of n booleans
        Which points have a position; the others need no date.

    Raises
    ------
    ValueError
        If there are dates for another number of points.
    """
    if OBSERVED not in (route.source_date, route.target_date):
        return Dates(route.source_date, route.target_date, None)
    if observed is None:
        return Dates(route.source_date, route.target_date, None, int(placed.sum()))
    years = np.array(observed, dtype="float64", ndmin=1).ravel()
    if len(years) not in (1, len(placed)):
        raise ValueError(f"Invalid observed of {len(years)} dates for {len(placed)} points. Must be one, or one for each point.")
    undated = int((np.isnan(years) & placed).sum())
    if len(years) == len(placed):
        years[~placed] = np.nan
    return Dates(route.source_date, route.target_date, years, undated)


def require_dates(
    source: Frame, target: Frame, route: Route, dates: Dates, place: Place, velocity: Velocity | None, tolerance_ft: float
) -> None:
    """
    Refuse what has no date, or an impossible one, where it needs one.

    Raises
    ------
    CRSError
        With the cost at `place` and what to do.
    """
    if source == target:
        return
    for frame, date in ((source, route.source_date), (target, route.target_date)):
        if date == OBSERVED:
            _require_observed(frame, dates, place, velocity)
        when = dates.observed if date == OBSERVED else date
        if isinstance(when, float | int):
            _require_possible(frame, when, when)
        elif when is not None and not np.isnan(when).all():
            _require_possible(frame, np.nanmin(when), np.nanmax(when))
        if date is None:
            _require_epoch(frame, route, velocity, tolerance_ft, place)


def require_accuracy(
    source: Frame,
    target: Frame,
    route: Route,
    dates: Dates,
    place: Place,
    velocity: Velocity | None,
    tolerance_ft: float,
) -> float:
    """
    The accuracy of a route in feet, one sigma, or an error where it is worse than the tolerance.

    The steps and what the velocity may be off by, as the root of the sum of squares; motion that nobody has stated counts in full.

    Raises
    ------
    CRSError
        With the largest part of it and what to do.
    """
    if source == target:
        return 0.0
    parts = {f"{each.name} ({each.source})": feet(each.accuracy_m) for each in (*route.up, *route.down)}
    for frame, date in ((source, route.source_date), (target, route.target_date)):
        if date is None:
            parts[f"the epoch of {frame}, which nobody states"] = _unknown_epoch_ft(velocity, route)
    years = dates.years_apart() if route.has_motion else 0.0
    if years and velocity is None:
        unstated = feet(UNKNOWN_MOTION_MM_YR / 1000) * years
        parts["the motion of the ground, which nobody states"] = unstated
        if unstated > tolerance_ft:
            raise CRSError(
                f"{source} is of {dates.source_text} and {target} of {dates.target_text}: in {years:.1f} years the ground moves"
                f" against NAD83, by {feet(0.0137) * years:.2f} ft in the Central Valley and up to {unstated:.1f} ft at the"
                f" coast, and the City states no velocity; {tolerance_ft:g} ft is asked for. State [velocity] in city.toml,"
                " computed with NGS HTDP for the City's place, with its source."
            )
    elif years:
        parts["what the velocity may be off by"] = feet(sigma_mm_yr(velocity, place.lon, place.lat) / 1000) * years
    accuracy_ft = math.hypot(*parts.values())
    least = max((each.least_ft for each in (*route.up, *route.down)), default=0.0)
    if least > tolerance_ft:
        raise CRSError(
            f"{source} does not say which realization of NAD83 it is; they lie from 0.3 ft to some feet apart, and so it is used"
            f" where {least:g} ft is enough, not for {tolerance_ft:g} ft. Ask the sender which it is, and of which epoch, and"
            ' state it: --frame "NAD83(2011)@2010.00".'
        )
    if accuracy_ft > tolerance_ft:
        worst = max(parts, key=parts.get)
        raise CRSError(
            f"{source} to {target} is good to {accuracy_ft:.2f} ft at {place}, and {tolerance_ft:g} ft is asked for. The largest"
            f" part ({parts[worst]:.2f} ft) is {worst}. {_way_out(worst, (source, target))}"
        )
    return accuracy_ft


def _require_observed(frame: Frame, dates: Dates, place: Place, velocity: Velocity | None) -> None:
    if dates.undated:
        cost = f"here {_undated_ft(place, velocity):.1f} ft" if place.is_known else "about a foot in California"
        raise CRSError(
            f"{dates.undated:,} points in {frame} have no date, and the ground moves through that frame: PROJ would silently"
            f" take them for observations of 2010.0, {cost} off by now. Take the date from the file or the field book and state it:"
            f' --frame "{frame}@2026.40", a decimal year.'
        )


def _require_possible(frame: Frame, first: float, last: float) -> None:
    latest = today() + 1
    if not OLDEST_EPOCH <= first <= last <= latest:
        wrong = last if last > latest else first
        raise CRSError(
            f"A date of {wrong:.2f} in {frame} cannot be: it must lie between {OLDEST_EPOCH:.0f} and {latest:.2f}. The ground moves"
            " about 0.045 ft a year here, so that a wrong date moves every point. Look at the receiver's week number and the date."
        )
    since = realization(frame.realization).first_epoch
    if since is not None and first < since:
        raise CRSError(
            f"{frame} is known since {since:.1f} only; these points are of {first:.2f}, when receivers worked in another"
            " realization, decimetres off. State the one they were in, or WGS 84, good to 2 m."
        )


def _require_epoch(frame: Frame, route: Route, velocity: Velocity | None, tolerance_ft: float, place: Place) -> None:
    if tolerance_ft >= LEAST_WITHOUT_EPOCH_FT:
        return
    speed = velocity.speed_mm_yr if velocity else UNKNOWN_MOTION_MM_YR
    fifteen, oldest = feet(speed / 1000) * 15, _unknown_epoch_ft(velocity, route)
    at = "at the City's velocity" if velocity else "at the worst in California, as the City states no velocity"
    epochs = ", ".join(epoch_text(epoch) for epoch in CALIFORNIA_EPOCHS)
    raise CRSError(
        f"{frame} is stated without its epoch. Between 2010.00 and 2025.00 alone the ground at {place} moves {fifteen:.2f} ft"
        f" {at}, and up to {oldest:.2f} ft between all that are in use, and {tolerance_ft:g} ft is asked for. Ask the sender"
        f' which it is (here: {epochs}) and state it: --frame "{frame}@2010.00".'
    )


def _unknown_epoch_ft(velocity: Velocity | None, route: Route) -> float:
    """What it may cost that one end has no epoch: the motion from the other end to the farthest epoch in use."""
    known = [date for date in (route.source_date, route.target_date) if isinstance(date, float | int)]
    last = today()
    here = known[0] if known else last
    years = max(abs(here - CALIFORNIA_EPOCHS[0]), abs(last - here))
    return feet((velocity.speed_mm_yr if velocity else UNKNOWN_MOTION_MM_YR) / 1000) * years


def _undated_ft(place: Place, velocity: Velocity | None) -> float:
    """How far an observation of today lands from its place in NAD83(2011)@2010.00 when it is taken for one of 2010.0."""
    degrees, hub, landed = CRS.from_epsg(6318), Frame(HUB, 2010.0), []
    for date in (2010.0, today()):
        frame = Frame("ITRF2020", date)
        vector = geocentric(velocity, place.lon, place.lat) if velocity else None
        way = build_pipeline(route_between(frame, hub), degrees, degrees, vector=vector, grids=None, names=(str(frame), str(hub)))
        landed.append(Transformer.from_pipeline(way.definition).transform(place.lon, place.lat, 0.0)[:2])
    return feet(Geod(ellps="GRS80").inv(*landed[0], *landed[1])[2])


def _way_out(worst: str, frames: tuple[Frame, Frame]) -> str:
    if worst.startswith("WGS 84") and any(frame.realization == "WGS 84" for frame in frames):
        return (
            "WGS 84 is the name of all its realizations. If it is a receiver's own position, without corrections, state"
            ' --frame "WGS 84 (broadcast)"; if it had corrections (RTK, a network), state the frame of the base.'
        )
    if "velocity" in worst:
        return (
            "Compute a velocity for this place with NGS HTDP and state it in city.toml, or ask for coordinates of the City's epoch."
        )
    return "Ask the sender for the coordinates in the City's own frame, or use them for a purpose that allows this."
