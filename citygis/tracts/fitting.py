"""
A map brought to the City's feet: by the frame somebody states for its coordinates, or by ties. Never by a guess.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from pyproj import CRS, Transformer

from citygis.city import City
from citygis.cogo import fitted, helmert
from citygis.errors import CRSError
from citygis.findings import findings_frame
from citygis.geodesy import Frame, Lineage, parse_frame, transform_points
from citygis.tracts.plat import Plat
from citygis.tracts.ties import TieFit, fit_ties, read_ties
from citygis.units import US_SURVEY_FOOT, unit_of

EARLIEST_EPOCH = 1991.35
"""The first epoch that California law accepts (PRC 8815.2): the worst case of a NAD83 whose epoch nobody stated."""

FAR_FT = 10 * 5280.0
"""Ground so far from all that the City has is another place, or in another system."""

Move = Callable[[np.ndarray], np.ndarray]


class Placement(NamedTuple):
    """
    A map in the City's feet.

    ``corners``: of the plat, array (n, 2). ``move``: other points of the map, (m, 2), the same way. ``scale``: grid length over
    length of the map; ``rotation_deg``: added to an azimuth of the map gives that of the grid. ``is_ground``: the map's lengths
    are on the ground. ``accuracy_ft``: of the way; null where nothing measures it. ``ties`` and ``lineage``: what it rests on, one
    of them.
    """

    corners: np.ndarray
    move: Move
    scale: float
    rotation_deg: float
    is_ground: bool
    accuracy_ft: float
    ties: TieFit | None
    lineage: Lineage
    findings: gpd.GeoDataFrame


def place_plat(
    plat: Plat,
    *,
    city: City,
    frame: Frame | str | None = None,
    ties: Path | str | None = None,
    held: Mapping[str, pd.DataFrame] | None = None,
) -> Placement:
    """
    The place of a map.

    Parameters
    ----------
    plat : Plat
    city : City
    frame : Frame or str, optional
        What its coordinates are in, as its note states it; they are then in the zone the file names, or in the City's. Of a local
        system of the City's, ``local:id``.
    ties : path, optional
        A file of ties (`citygis.tracts.ties.read_ties`), for a map in coordinates of its own.
    held : mapping of layer name to frame, optional
        What the City has: ``control_station``, ``corner``, ``parcel``.

    Returns
    -------
    Placement

    Raises
    ------
    CRSError
        If neither is stated, with the three ways to settle it; if the frame cannot be reached as well as parcels ask, or the places
        are not in the City's zone; or as `citygis.tracts.ties.fit_ties`.
    ValueError
        If both are stated.
    """
    held = held or {}
    if frame is not None and ties is not None:
        raise ValueError(
            "Invalid frame and ties: both are given. Must be one of them: a frame for State Plane, ties for other coordinates."
        )
    if ties is not None:
        return _by_ties(plat, fit_ties(read_ties(ties, plat, city=city, held=held), city=city, held=held), city)
    if frame is None:
        raise CRSError(_refusal(plat, city))
    placed = _by_frame(plat, parse_frame(frame) if isinstance(frame, str) else frame, city)
    return placed._replace(findings=findings_frame(_where(placed, plat, city, held), crs=city.crs))


def _by_ties(plat: Plat, found: TieFit, city: City) -> Placement:
    fit = found.fit
    accuracy = fit.s0_ft if fit.redundancy else float("nan")
    lineage = Lineage(
        f"four-parameter fit to {len(found.ties)} ties, scale {fit.scale:.8f}, rotation {fit.rotation_deg:+.6f}°",
        "",
        accuracy,
        f"{plat.name}, its own coordinates",
        str(city.frame),
        (),
        (),
        pyproj.proj_version_str,
        pyproj.database.get_database_metadata("EPSG.VERSION") or "",
        "ties to the City's monuments",
        "--ties",
        None,
    )
    return Placement(
        fitted(fit, plat.corners),
        lambda points: fitted(fit, points),
        fit.scale,
        fit.rotation_deg,
        found.is_ground,
        accuracy,
        found,
        lineage,
        found.findings,
    )


def _by_frame(plat: Plat, frame: Frame, city: City) -> Placement:
    crs, factor = _written_in(plat, frame, city)
    way = {
        "source": frame,
        "source_crs": crs,
        "target": city.frame,
        "target_crs": city.crs,
        "velocity": city.velocity,
        "tolerance_ft": city.tolerance_ft("parcel"),
        "grids": city.grids_folder,
        "local": city.local,
    }
    _require_in_zone(plat, plat.corners * factor, crs, city)

    def move(points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, dtype=float) * factor
        made, _ = transform_points(points[:, 0], points[:, 1], **way)
        return np.column_stack([made.easting, made.northing])

    sent = plat.corners * factor
    made, lineage = transform_points(sent[:, 0], sent[:, 1], **way)
    corners = np.column_stack([made.easting, made.northing])
    fit = helmert(plat.corners, corners)
    lineage = lineage._replace(statement=f"{frame} as stated for {plat.name}", stated_by="--frame")
    nothing = findings_frame(crs=city.crs)
    return Placement(corners, move, fit.scale, fit.rotation_deg, frame.is_local, lineage.accuracy_ft, None, lineage, nothing)


def _written_in(plat: Plat, frame: Frame, city: City) -> tuple[CRS | None, float]:
    """The form of the coordinates, and what brings them from the City's feet into its unit."""
    if frame.is_local:
        return None, 1.0
    if plat.crs is not None and plat.crs.is_projected:
        return plat.crs, float(unit_of(city.crs)) / float(unit_of(plat.crs))
    return city.crs, 1.0


def _require_in_zone(plat: Plat, places: np.ndarray, crs: CRS | None, city: City) -> None:
    """Coordinates that are no places of the zone are those of a drawing, whatever frame is stated for them."""
    if crs is None or city.crs.area_of_use is None:
        return
    area = city.crs.area_of_use
    middle = np.median(places, axis=0)
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    for pair, said in ((middle, None), (middle[::-1], "its axes are exchanged: northing is written where easting should be")):
        lon, lat = to_degrees.transform(*pair)
        inside = area.west - 0.5 <= lon <= area.east + 0.5 and area.south - 0.5 <= lat <= area.north + 0.5
        if inside and said is None:
            return
        if inside:
            raise CRSError(f"{plat.name}: {said}. Ask the surveyor for it the other way round.")
    raise CRSError(
        f"{plat.name}: the middle of the map is {middle[0]:,.1f}, {middle[1]:,.1f}, which is no place in {crs.name}. It is"
        " in coordinates"
        " of its own: leave out --frame, and tie it to three of the City's monuments with --ties."
    )


def _where(placed: Placement, plat: Plat, city: City, held: Mapping[str, pd.DataFrame]) -> list[dict]:
    """N08 how it came here; N09 where the City has nothing near."""
    lineage = placed.lineage
    rows = [
        {
            "code": "N08",
            "rule": "frame_taken",
            "severity": "info",
            "layer": "tract",
            "measure": lineage.moved_ft,
            "unit": "ft",
            "message": f"{lineage.statement}: {lineage.operation}, accuracy {lineage.accuracy_ft:.3f} ft.",
            "remedy": "Nothing.",
        }
    ]
    box = np.concatenate([placed.corners.min(axis=0), placed.corners.max(axis=0)])
    known = None
    if city.extent is not None:
        extent = city.extent
        known = np.array([extent.easting_min, extent.northing_min, extent.easting_max, extent.northing_max])
    elif len(held.get("parcel", ())):
        known = held["parcel"].total_bounds + np.array([-FAR_FT, -FAR_FT, FAR_FT, FAR_FT])
    if known is not None and ((box[:2] > known[2:]) | (box[2:] < known[:2])).any():
        middle = (box[:2] + box[2:]) / 2
        rows.append(
            {
                "code": "N09",
                "rule": "outside_city",
                "severity": "error",
                "layer": "tract",
                "message": f"{plat.name} lies about {middle[0]:,.0f}, {middle[1]:,.0f}, where the City has nothing.",
                "remedy": "Ask whether its coordinates are scaled to the ground, or in another zone or foot; tie it with --ties.",
            }
        )
    return rows


def _refusal(plat: Plat, city: City) -> str:
    speed_mm_yr = float(np.hypot(city.velocity.north_mm_yr, city.velocity.east_mm_yr)) if city.velocity else 50.0
    years = max(city.epoch - EARLIEST_EPOCH, pd.Timestamp.now(tz="UTC").year + 1 - city.epoch)
    epochs_ft = speed_mm_yr / 1000 / float(US_SURVEY_FOOT) * years
    said = f"It names {plat.crs.name}, without an epoch." if plat.crs is not None else "It names no system."
    middle = np.median(plat.corners, axis=0)
    return (
        f"{plat.name} does not state what its coordinates are in (the middle of the map is {middle[0]:,.1f},"
        f" {middle[1]:,.1f}). {said} The"
        f" City's are in {city.frame}; an epoch that is guessed wrong moves all of it by up to {epochs_ft:.1f} ft,"
        " coordinates scaled to"
        f" the ground by some 400 ft, and parcels allow {city.tolerance_ft('parcel'):g} ft. Three ways to settle it:\n"
        "  1. State what the map's note says (datum and epoch; basis of coordinates), where it is in State Plane:"
        f' --frame "{city.realization}@2017.50".\n'
        "  2. Where it is in coordinates of its own, or scaled to the ground: tie it to three or more of the City's"
        " monuments in a file,"
        " --ties ties.csv, with the columns name, easting, northing, control.\n"
        "  3. Ask the surveyor for the map in the City's system with its frame and epoch on it, as PRC 8815.2 asks of maps"
        " that show"
        " State Plane coordinates."
    )
