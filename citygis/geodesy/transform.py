"""
One way into the City's system, which names what it does or refuses.

PROJ answers every question, also where it does not know: WGS 84 to NAD83 is a shift of nothing, a missing grid is replaced by
something worse, an unknown path by a ballpark. `transform_frame` uses the operation that PROJ really used (only asking after a
transformation tells) and refuses those. Between frames of one datum, or frames that somebody has stated to be the same, only
the projection is applied, by an explicit pipeline.
"""

import contextlib
import math
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from pyproj.transformer import TransformerGroup

from citygis.errors import CRSError
from citygis.geodesy.lineage import Lineage
from citygis.geodesy.projection import Way, feet, horizontal, label, offline, projection_only
from citygis.geodesy.shift import OBSERVED, null_shift_ft

NULL_SHIFT_FT = 0.003
"""Two different datums that PROJ moves by less than this (1 mm) are not related by it at all."""

FT_PER_DEGREE = 364_567.0
"""A degree of latitude, to judge a shift between geographic systems: 60 nautical miles of 1,852 m, in feet."""

CHUNK = 200_000
"""Vertices given to a thread at a time."""


class SameFrame(NamedTuple):
    """A statement that coordinates labelled `label` are really in the City's own datum `really`, why, and by whom."""

    label: str
    really: str
    reason: str
    stated_by: str


class _Statement(NamedTuple):
    """Why two datums are taken for one, and who says so."""

    text: str
    stated_by: str


def transform_frame(
    frame: gpd.GeoDataFrame,
    target_crs: CRS | str,
    *,
    same_frame: SameFrame | None = None,
    same_datum: Mapping[str, str] | None = None,
    tolerance_ft: float = 0.1,
) -> tuple[gpd.GeoDataFrame, Lineage]:
    """
    A frame in another coordinate system.

    Parameters
    ----------
    frame : GeoDataFrame
        With a CRS. Null and empty geometries stay as they are. Not modified.
    target_crs : CRS
        Projected or geographic.
    same_frame : SameFrame, optional
        Used where the frame's CRS is the one it labels; the caller has checked that `really` is the target's datum.
    same_datum : mapping of datum name to reason, optional
        Datums whose coordinates are held to be in the target's datum.
    tolerance_ft : float
        The worst accuracy of an operation between datums that is accepted.

    Returns
    -------
    (GeoDataFrame, Lineage)
        The same rows, columns and index in `target_crs`; heights are kept as they are. A vertex that the operation cannot place
        (swapped axes) is infinite, for the caller to report; axes are never swapped back.

    Raises
    ------
    CRSError
        If the frame has no CRS, or the only way is a null shift between datums, of unknown or insufficient accuracy, waits for
        a grid that is not installed, or needs the date of observation. Says what PROJ would do, what that costs, and what to do.
    """
    if frame.crs is None:
        raise CRSError("The data has no CRS. Ask the sender, then state it with --source-crs. citygis never guesses.")
    source, target = horizontal(frame.crs), horizontal(CRS.from_user_input(target_crs))
    geometry = np.asarray(frame.geometry.array)
    with offline(), warnings.catch_warnings():
        # pyproj warns that a better grid is missing; here that is a refusal, with more to say.
        warnings.filterwarnings("ignore", message="Best transformation is not available")
        place = _centre(geometry)
        statement = _statement(source, target, same_frame, same_datum or {})
        missing: tuple[str, ...] = ()
        if statement is not None or _datum(source) == _datum(target):
            way = projection_only(source, target)
        else:
            way, missing = _between_datums(source, target, place, same_frame, tolerance_ft)
        moved = geometry if way.pipeline == "proj=noop" else _moved(geometry, way.pipeline)
    lineage = Lineage(
        way.operation,
        way.pipeline,
        way.accuracy_ft,
        label(frame.crs),
        label(CRS.from_user_input(target_crs)),
        way.grids,
        missing,
        pyproj.proj_version_str,
        pyproj.database.get_database_metadata("EPSG.VERSION") or "",
        *(statement or (None, None)),
        _cost_ft(source, target, place) if statement else None,
    )
    result = frame.copy(deep=False)
    result = result.set_geometry(gpd.array.from_shapely(moved, crs=CRS.from_user_input(target_crs)))
    return result, lineage


def _statement(source: CRS, target: CRS, same_frame: SameFrame | None, same_datum: Mapping[str, str]) -> _Statement | None:
    """Why `source` is taken to be in the datum of `target`; None where nothing says so, or nothing needs to."""
    if _datum(source) == _datum(target):
        return None
    if same_frame is not None and horizontal(CRS.from_user_input(same_frame.label)).equals(source, ignore_axis_order=True):
        statement = _Statement(f"{same_frame.label} is really {same_frame.really}: {same_frame.reason}", same_frame.stated_by)
    else:
        reasons = {_plain(name): reason for name, reason in same_datum.items()}
        if _datum(source) not in reasons:
            return None
        text = f"{source.geodetic_crs.datum.name} is held to be {target.geodetic_crs.datum.name}: {reasons[_datum(source)]}"
        statement = _Statement(text, "city.toml")
    if source.geodetic_crs.prime_meridian.longitude != target.geodetic_crs.prime_meridian.longitude:
        raise CRSError(
            f"{source.name} counts longitude from {source.geodetic_crs.prime_meridian.name}, so it is not in the datum of"
            f" {target.name}, whatever the crosswalk states. Ask the sender what the coordinates are in."
        )
    return statement


def _between_datums(
    source: CRS, target: CRS, place: tuple[float, float] | None, same_frame: SameFrame | None, tolerance_ft: float
) -> tuple[Way, tuple[str, ...]]:
    """The operation PROJ uses between two datums at `place`, and the grids it would rather have; or an error."""
    labels = f"The file says {label(source)}, on the datum {source.geodetic_crs.datum.name}"
    if _is_dynamic(source):
        raise CRSError(
            f"{labels}, which moves against {label(target)}: about 0.04 ft a year in California. A coordinate in it means nothing"
            " without the date it was observed on, and this command has none. Ask the sender for the layer in "
            f"{target.geodetic_crs.name}."
        )
    if place is None:
        return projection_only(source, target), ()
    used = Transformer.from_crs(source, target, always_xy=True)
    landed = used.transform(*place)
    # PROJ has no "last used operation" for a pipeline that does nothing; the transformer then is that operation.
    with contextlib.suppress(ProjError):
        used = used.get_last_used_operation()
    unmoved = Transformer.from_pipeline(projection_only(source, target).pipeline).transform(*place)
    to_ft = feet(target.axis_info[0].unit_conversion_factor) if target.is_projected else FT_PER_DEGREE
    shift_ft = math.dist(landed, unmoved) * to_ft
    if not math.isfinite(shift_ft):
        raise CRSError(
            f"{labels}, but the numbers are no places in it: the middle of the data is {place[0]:.7g}, {place[1]:.7g}. Axes may"
            " be swapped, or the label wrong (feet in a file that says degrees). Ask the sender, then state the true one with"
            " --source-crs."
        )
    lacking = _grids_missing(source, target, place)
    remedy = _remedy(source, target, same_frame)
    if shift_ft < NULL_SHIFT_FT:
        cost = _cost_ft(source, target, place)
        price = (
            f"If the label is true (a GPS capture of {OBSERVED:.0f}), that leaves everything about {cost:.1f} ft off here."
            if cost
            else "How far that leaves everything from its place, it does not know."
        )
        raise CRSError(
            f"{labels}; the City's is {target.geodetic_crs.datum.name}. PROJ would move nothing between the two"
            f" ({used.description}) and say nothing. {price} {remedy}"
        )
    ballpark = used.accuracy < 0 or "ballpark" in used.description.lower()
    if ballpark or lacking:
        grids = f" The right way needs {', '.join(lacking)}, not installed here." if lacking else ""
        raise CRSError(
            f"{labels}. PROJ would go to {label(target)} by {used.description},"
            f" {'of unknown accuracy' if ballpark else f'good to {feet(used.accuracy):.0f} ft'}.{grids}"
            " Install the grids (pyproj sync, or the package proj-data), or ask the sender for the layer in"
            f" {target.geodetic_crs.name}.{_older_label(source, target)}"
        )
    if feet(used.accuracy) > tolerance_ft:
        raise CRSError(
            f"{labels}. The way to {label(target)} is {used.description}, good to {feet(used.accuracy):.1f} ft; the City asks for"
            f" {tolerance_ft:g} ft here. {remedy}"
        )
    grids = tuple(grid.short_name for operation in used.operations or () for grid in operation.grids)
    return Way(used.description, used.definition, feet(used.accuracy), grids), lacking


def _remedy(source: CRS, target: CRS, same_frame: SameFrame | None) -> str:
    label = ":".join(source.to_authority() or (source.name,))
    told = f"The crosswalk's [frame] speaks of {same_frame.label}, not of this. " if same_frame else ""
    return (
        f"{told}If the sender confirms that the numbers are the City's datum under another label (a county's web export usually"
        f' is), state it in the crosswalk: [frame] label = "{label}", really = "{target.geodetic_crs.name}", reason = "...",'
        ' stated_by = "...".'
        " If they are GPS captures, they need the date of observation: not this command."
    )


def _older_label(source: CRS, target: CRS) -> str:
    """The statement that settles another realization of NAD83, in the crosswalk or once for all in city.toml."""
    if not all(_datum(crs).startswith(("NAD83", "NORTH AMERICAN DATUM 1983")) for crs in (source, target)):
        return ""
    name = source.geodetic_crs.datum.name
    return (
        f" If the numbers are {target.geodetic_crs.name} under an older label, which the sender can tell and a City monument"
        f' can show, state it: in the crosswalk, [frame] label = "{":".join(source.to_authority() or (source.name,))}", really ='
        f' "{target.geodetic_crs.name}", reason = "...", stated_by = "..."; or for all senders in city.toml, [same_datum]'
        f' "{name}" = "why".'
    )


def _grids_missing(source: CRS, target: CRS, place: tuple[float, float]) -> tuple[str, ...]:
    lon, lat = _lonlat(source, place)
    try:
        area = pyproj.aoi.AreaOfInterest(lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1)
        group = TransformerGroup(source, target, always_xy=True, area_of_interest=area)
    except ProjError:
        return ()
    if group.best_available:
        return ()
    return tuple(dict.fromkeys(g.short_name for op in group.unavailable_operations[:1] for g in op.grids if not g.available))


def _cost_ft(source: CRS, target: CRS, place: tuple[float, float] | None) -> float | None:
    """What it costs at `place` if `source` is WGS 84 as GPS gives it and is taken for NAD83; None for other pairs."""
    is_nad83 = _datum(target).startswith(("NAD83", "NORTH AMERICAN DATUM 1983"))
    if place is None or not _datum(source).startswith("WORLD GEODETIC SYSTEM 1984") or not is_nad83:
        return None
    lon, lat = _lonlat(source, place)
    return null_shift_ft(lon, lat) if math.isfinite(lon) and math.isfinite(lat) else None


def _lonlat(crs: CRS, place: tuple[float, float]) -> tuple[float, float]:
    return Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(*place) if crs.is_projected else place


def _centre(geometry: np.ndarray) -> tuple[float, float] | None:
    """A vertex in the middle of the data, the median of the feature centres; None where there is no finite one."""
    bounds = shapely.bounds(geometry)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return None
    easting, northing = np.median((bounds[:, :2] + bounds[:, 2:]) / 2, axis=0)
    return float(easting), float(northing)


def _moved(geometry: np.ndarray, pipeline: str) -> np.ndarray:
    moved = geometry.copy()
    has_z = shapely.has_z(geometry)
    for rows, include_z in ((~has_z, False), (has_z, True)):
        if rows.any():
            coordinates = shapely.get_coordinates(geometry[rows], include_z=include_z)
            coordinates[:, :2] = _moved_points(coordinates[:, :2], pipeline)
            # set_coordinates writes into the array it is given, hence the copy that a mask makes.
            moved[rows] = shapely.set_coordinates(geometry[rows], coordinates)
    return moved


def _moved_points(points: np.ndarray, pipeline: str) -> np.ndarray:
    def moved(chunk: np.ndarray) -> np.ndarray:
        # Its own transformer: PROJ contexts are not shared between threads.
        with offline():
            return np.column_stack(Transformer.from_pipeline(pipeline).transform(chunk[:, 0], chunk[:, 1]))

    chunks = [points[start : start + CHUNK] for start in range(0, len(points), CHUNK)]
    if len(chunks) < 2:
        return moved(points) if chunks else points
    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(moved, chunks)))


def _datum(crs: CRS) -> str:
    return _plain(crs.geodetic_crs.datum.name)


def _plain(name: str) -> str:
    """A datum name without the differences between those who write it."""
    return name.upper().replace("_", " ").removeprefix("D ").removesuffix(" ENSEMBLE").strip()


def _is_dynamic(crs: CRS) -> bool:
    return crs.geodetic_crs.datum.type_name.startswith("Dynamic")
