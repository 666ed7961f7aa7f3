"""
Points of a stated frame in another one: the one way from GPS to the City's feet.

What is not stated is not guessed: an unknown date, an unknown motion of the ground, a missing grid, an accuracy worse than the
purpose allows are refused, each with its cost in feet. `transform_frame` is for layers, whose frame is what their label says.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyproj
from numpy.typing import ArrayLike
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import ProjError

from citygis.errors import CRSError
from citygis.geodesy.frames import LOCAL, Frame, require_foot_of_the_system
from citygis.geodesy.ground import LocalSystem, local_to_grid
from citygis.geodesy.lineage import Lineage
from citygis.geodesy.pipeline import Pipeline, build_pipeline, describe_crs, route_between
from citygis.geodesy.projection import feet, horizontal, label, offline
from citygis.geodesy.realizations import realization
from citygis.geodesy.refusals import Dates, Place, dates_of, require_accuracy, require_dates
from citygis.geodesy.velocity import Velocity, geocentric

CHUNK = 200_000
"""Points given to a thread at a time."""

SAMPLE = 1_001
"""Points that the place of the data and the median move are taken from, evenly spaced."""


class Points(NamedTuple):
    """Arrays of n: easting and northing (or longitude and latitude) in the target, height above its ellipsoid in metres."""

    easting: np.ndarray
    northing: np.ndarray
    ellipsoid_height_m: np.ndarray


def transform_points(
    easting: ArrayLike,
    northing: ArrayLike,
    ellipsoid_height_m: ArrayLike | None = None,
    *,
    source: Frame,
    source_crs: CRS | str | None,
    target: Frame,
    target_crs: CRS | str,
    observed: ArrayLike | None = None,
    velocity: Velocity | None = None,
    tolerance_ft: float,
    grids: Path | None = None,
    local: Mapping[str, LocalSystem] | None = None,
) -> tuple[Points, Lineage]:
    """
    Points of one frame in another.

    Parameters
    ----------
    easting, northing : arrays of n
        In `source_crs`; longitude and latitude in degrees where that is geographic. Not a number where there is no position.
    ellipsoid_height_m : array of n, optional
        Metres above the ellipsoid of `source`, not a number where unknown. Never an elevation. An unknown height is taken as 0 to
        work out the horizontal position, which 100 m of height change by 0.02 mm.
    source, target : Frame
        What the coordinates are in and are wanted in.
    source_crs, target_crs : CRS
        The form of the coordinates: degrees, or a projection and its unit. The datum it names does not count, the frame does. A
        local system needs no `source_crs`; it leads to `target`, which must be the City's own frame and zone.
    observed : decimal years, scalar or array of n, optional
        When each point was observed (`decimal_year`); used where a frame that the plate moves through has no epoch.
    velocity : Velocity, optional
        How the ground moves against NAD83(2011); the City's.
    tolerance_ft : float
        The worst accuracy that is accepted, US survey feet: ``city.tolerance_ft(purpose)``. The accuracy is that of the way, at one
        sigma, without the receiver's own.
    grids : Path, optional
        The City's folder of grids.
    local : mapping of id to LocalSystem, optional
        The City's local systems.

    Returns
    -------
    (Points, Lineage)
        In the order given. Not a number stays not a number; a height comes back only where one was given. A point that the way
        cannot place (swapped axes, outside a grid) is infinite, for the caller to report.

    Raises
    ------
    CRSError
        If a date is missing, in the future or before 1980; the epoch of either frame is not stated and the tolerance is under a
        foot; the epochs differ and no velocity is given; a grid is missing; a local system is not defined; a California zone is in
        international feet; the form contradicts the frame; no point can be placed; or the accuracy is worse than the tolerance.
    ValueError
        If the arrays differ in length, or `tolerance_ft` is not positive.
    """
    if not tolerance_ft > 0:
        raise ValueError(f"Invalid tolerance_ft {tolerance_ft!r}. Must be positive.")
    east, north, height, unknown = _arrays(easting, northing, ellipsoid_height_m)
    if target.is_local:
        raise CRSError(f"{target} is a local system; points are brought into the City's own system, never out of it.")
    to_crs = _form(target_crs, target)
    local_ft, said = 0.0, str(source)
    if source.is_local:
        system = _local_system(source, local or {}, target, to_crs, tolerance_ft)
        east, north = local_to_grid(system, east, north)
        local_ft, said = system.accuracy_ft, f"{source} ({system.source})"
        source, from_crs = target, to_crs
    else:
        if source_crs is None:
            raise CRSError("The points have no CRS. Ask the sender, then state it with --source-crs. citygis never guesses.")
        from_crs = _form(source_crs, source)
        said = describe_crs(horizontal(CRS.from_user_input(source_crs)), source)
    with offline():
        place = _place(east, north, from_crs)
        route = route_between(source, target)
        dates = dates_of(route, observed, np.isfinite(east) & np.isfinite(north))
        require_dates(source, target, route, dates, place, velocity, tolerance_ft)
        vector = geocentric(velocity, place.lon, place.lat) if velocity and place.is_known else None
        pipeline = build_pipeline(route, from_crs, to_crs, vector=vector, grids=grids, names=(said, str(target)))
        accuracy_ft = local_ft or require_accuracy(source, target, route, dates, place, velocity, tolerance_ft)
        null = _sampled(east), _sampled(north)
        _run(pipeline, east, north, height, dates)
    _require_placed(null, east, north, from_crs, pipeline)
    height[unknown] = np.nan
    moves = pipeline.definition != "proj=noop"
    operation = f"four-parameter transformation of {said}" if local_ft or said.startswith(LOCAL) else pipeline.operation
    return Points(east, north, height), Lineage(
        operation,
        pipeline.definition,
        accuracy_ft,
        said,
        label(CRS.from_user_input(target_crs)) if target.realization in label(to_crs) else describe_crs(to_crs, target),
        pipeline.grids_used,
        pipeline.grids_missing,
        pyproj.proj_version_str,
        pyproj.database.get_database_metadata("EPSG.VERSION") or "",
        source_epoch=dates.source_text,
        target_epoch=dates.target_text,
        velocity=str(velocity) if velocity is not None and route.has_motion else None,
        tolerance_ft=tolerance_ft,
        moved_ft=_moved_ft(null, (_sampled(east), _sampled(north)), from_crs, to_crs) if moves else 0.0,
    )


def _arrays(easting: ArrayLike, northing: ArrayLike, height: ArrayLike | None) -> tuple[np.ndarray, ...]:
    """Copies to work in, heights with zeros where there is none, and where that is."""
    east, north = (np.array(each, dtype="float64", ndmin=1).ravel() for each in (easting, northing))
    up = np.full(len(east), np.nan) if height is None else np.array(height, dtype="float64", ndmin=1).ravel()
    if not len(east) == len(north) == len(up):
        raise ValueError(f"Invalid arrays of {len(east)}, {len(north)} and {len(up)} numbers. Must be of one length.")
    unknown = ~np.isfinite(up)
    up[unknown] = 0.0
    return east, north, up, unknown


def _form(crs: CRS | str, frame: Frame) -> CRS:
    """The two-dimensional form of coordinates, which the frame must not contradict."""
    crs = horizontal(CRS.from_user_input(crs))
    require_foot_of_the_system(crs)
    if crs.geodetic_crs.prime_meridian.longitude != 0:
        raise CRSError(f"{crs.name} counts longitude from {crs.geodetic_crs.prime_meridian.name}. Ask the sender for Greenwich.")
    is_clarke = not frame.is_local and realization(frame.realization).ellipsoid == "clrk66"
    if is_clarke != (abs(crs.ellipsoid.semi_major_metre - 6378137) > 1):
        raise CRSError(
            f"The coordinates are said to be in {frame}, but {label(crs)} is made for the ellipsoid {crs.ellipsoid.name}."
            " Between NAD27 and NAD83 lie some 300 ft here. Ask the sender which of the two is true; if it is NAD27, say what"
            " the numbers are written in: --source-crs EPSG:4267 for degrees, EPSG:26741 to 26746 for California's zones in feet."
        )
    return crs


def _local_system(
    source: Frame, systems: Mapping[str, LocalSystem], target: Frame, target_crs: CRS, tolerance_ft: float
) -> LocalSystem:
    name = source.realization[len(LOCAL) :]
    if name not in systems:
        there = f" There are: {', '.join(systems)}." if systems else ""
        raise CRSError(
            f"The local system {name!r} is not defined.{there} State its scale, turn and a point in both systems in city.toml under"
            f" [local.{name}], with the record map or calibration it comes from: without it the points may lie anywhere."
        )
    if target.is_moving or not target_crs.is_projected:
        raise CRSError(f"{source} leads to the City's own grid, not to {target} in {label(target_crs)}. Go there first.")
    system = systems[name]
    if system.accuracy_ft > tolerance_ft:
        raise CRSError(
            f"{source} is good to {system.accuracy_ft:g} ft ({system.source}), and {tolerance_ft:g} ft is asked for. Calibrate"
            " it anew, or use the points for a purpose that allows this."
        )
    return system


def _sampled(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, len(values) // SAMPLE)].copy()


def _place(east: np.ndarray, north: np.ndarray, crs: CRS) -> Place:
    """Where the data is, in degrees: the median of a sample."""
    east, north = _sampled(east), _sampled(north)
    lon, lat = _degrees(east, north, crs)
    known = np.isfinite(lon) & (np.abs(lat) <= 90)
    if not known.any():
        return Place(np.nan, np.nan)
    return Place(float(np.median(lon[known])), float(np.median(lat[known])))


def _degrees(east: ArrayLike, north: ArrayLike, crs: CRS) -> tuple[np.ndarray, np.ndarray]:
    return Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(east, north) if crs.is_projected else (east, north)


def _run(pipeline: Pipeline, east: np.ndarray, north: np.ndarray, height: np.ndarray, dates: Dates) -> None:
    """Carry a pipeline out, in place, in chunks on the threads the machine has."""
    if pipeline.definition == "proj=noop" or not len(east):
        return

    def moved(start: int) -> None:
        part = slice(start, start + CHUNK)
        arrays = [east[part], north[part], height[part]]
        if pipeline.needs_dates:
            arrays.append(dates.of_points(part, len(arrays[0])))
        # PROJ keeps what is not a number and makes what it cannot place infinite.
        # Each thread has its own transformer: PROJ contexts are not shared.
        with offline():
            results = Transformer.from_pipeline(pipeline.definition).transform(*arrays, inplace=True)
        for array, result in zip(arrays[:3], results[:3], strict=True):
            if not np.shares_memory(array, result):
                array[:] = result

    try:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            list(pool.map(moved, range(0, len(east), CHUNK)))
    except ProjError as error:
        raise CRSError(f"PROJ cannot carry out {pipeline.operation}: {error}. A grid file may be damaged: get it again.") from None


def _require_placed(given: tuple, east: np.ndarray, north: np.ndarray, crs: CRS, pipeline: Pipeline) -> None:
    """Refuse where points were given and none could be placed."""
    known = np.isfinite(given[0]) & np.isfinite(given[1])
    if known.any() and not (np.isfinite(east) & np.isfinite(north)).any():
        first = int(np.flatnonzero(known)[0])
        reach = f", or all lie outside {', '.join(pipeline.grids_used)}" if pipeline.grids_used else ""
        raise CRSError(
            f"The numbers are no places in {label(crs)}: the first is {given[0][first]:.9g}, {given[1][first]:.9g}. Axes may be"
            f" swapped, or the label wrong (feet in a file that says degrees){reach}. Ask the sender."
        )


def _moved_ft(before: tuple, after: tuple, source_crs: CRS, target_crs: CRS) -> float:
    """The median distance between where numbers were and where they are, on the ellipsoid, as if both frames were one."""
    lon, lat = _degrees(*before, source_crs)
    to_lon, to_lat = _degrees(*after, target_crs)
    known = np.isfinite(lon) & np.isfinite(lat) & np.isfinite(to_lon) & np.isfinite(to_lat)
    if not known.any():
        return 0.0
    _, _, metres = Geod(ellps="GRS80").inv(lon[known], lat[known], to_lon[known], to_lat[known])
    return float(round(feet(np.median(metres)), 4))
