"""
Which frame the coordinates are in: what the file states, whether its numbers can be that, and what the caller states.

Nothing is guessed. Where the file and its numbers do not settle it, one `CRSError` gives the three sentences that do: what the
file says, what the numbers look like, and the option that states it.
"""

import logging
import re
from typing import NamedTuple

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError as ProjCRSError
from pyproj.exceptions import ProjError

from citygis.city import default_city
from citygis.errors import CRSError
from citygis.units import INTERNATIONAL_FOOT, US_SURVEY_FOOT

logger = logging.getLogger(__name__)

_MARGIN_DEGREES = 5.0
"""How far from the area of use of its CRS the middle of a layer may lie: deliveries pass a zone's line, mistakes are far off."""

_NAD83 = ("nad83", "north american datum 1983", "nad_1983", "north_american_1983")


class Candidate(NamedTuple):
    """A system that the numbers would fit, and what to call it."""

    code: str
    name: str


def settle(geometry: np.ndarray, stated: CRS | None, says: str, given: CRS | None, *, shown: str) -> CRS:
    """
    The CRS of a layer, or the reason why it is not settled.

    Parameters
    ----------
    geometry : array of geometries
    stated : CRS or None
        What the file states.
    says : str
        How the file says it, to follow "The file ...".
    given : CRS, optional
        What the caller states. It is taken when the file states nothing, or something that its numbers cannot be.
    shown : str
        File and layer, to begin a message with.

    Raises
    ------
    CRSError
        If the frame is missing, cannot be what it is said to be, is not fully defined, or is stated in two ways that disagree.
    """
    points = sample(geometry)
    wrong = f"{says}, but {_misfit(points, stated)}" if stated is not None and _misfit(points, stated) else None
    vague = _vague(stated) if stated is not None else None
    if given is None:
        if stated is None or wrong or vague:
            raise _unsettled(shown, wrong or (f"{says}, {vague}" if vague else says), points)
        return stated
    if misfit := _misfit(points, given):
        raise CRSError(f"{shown}: --source-crs says {_called(given)}, but {misfit}. {_looks(points)} State the one that fits.")
    if stated is None or wrong or vague or given.equals(stated, ignore_axis_order=True):
        return given
    if _is_finer(given, stated):
        logger.info("%s: the file states %s; %s was stated and taken.", shown, stated.name, given.name)
        return given
    raise CRSError(
        f"{shown}: --source-crs says {_called(given)}, but the file {says}, and its numbers fit that. Leave --source-crs out; "
        "if the sender's label is known to be wrong, say so in the crosswalk."
    )


def candidates(points: np.ndarray) -> list[Candidate]:
    """
    Systems in which points (n, 2) as sent would lie near the City.

    The City's own zone in feet and metres, its UTM zone, longitude and latitude, and Web Mercator are tried, each also with its two
    columns exchanged. Only for a message: nothing is ever read with one of these on the strength of it.
    """
    city = default_city().crs
    area = city.area_of_use
    if area is None or not len(points):
        return []
    zone = int((area.west + area.east) / 2 + 180) // 6 + 1
    tried = [
        Candidate(_code(city), f"{city.name}, feet"),
        Candidate("EPSG:6419", "NAD83(2011) / California zone 3, metres"),
        Candidate(f"EPSG:269{zone:02d}", f"NAD83 / UTM zone {zone}N, metres"),
        Candidate("EPSG:6318", "NAD83(2011) longitude and latitude, degrees"),
        Candidate("EPSG:4326", "WGS 84 longitude and latitude, degrees"),
        Candidate("EPSG:3857", "Web Mercator, metres"),
    ]
    fits = []
    for swap in (False, True):
        order = points[:, ::-1] if swap else points
        for candidate in tried:
            lonlat = _lonlat(order, CRS.from_user_input(candidate.code))
            if lonlat is not None and area.west <= lonlat[0] <= area.east and area.south <= lonlat[1] <= area.north:
                fits.append(candidate._replace(name=candidate.name + (", with the two columns exchanged" if swap else "")))
    return fits


def middle_lonlat(geometry: np.ndarray, crs: CRS) -> tuple[float, float] | None:
    """Longitude and latitude of the middle of a layer, in the datum of `crs`; None when it has no place."""
    points = sample(geometry)
    return _lonlat(points, crs) if len(points) else None


def crs_of(source_crs: CRS | str | int | None) -> CRS | None:
    """What the caller stated as a CRS. Raises ValueError when it is none."""
    if source_crs is None:
        return None
    try:
        return CRS.from_user_input(source_crs)
    except ProjCRSError as error:
        raise ValueError(f"Invalid source_crs {source_crs!r}. Must be a coordinate system like 'EPSG:2227'.") from error


def sample(geometry: np.ndarray) -> np.ndarray:
    """Some 1,000 finite vertices (n, 2) spread over the layer, and the corners of every extent."""
    kept = geometry[~(shapely.is_missing(geometry) | shapely.is_empty(geometry))]
    # The corners of the extent are what a wrong label shows in first.
    corners = shapely.bounds(kept) if len(kept) else np.empty((0, 4))
    step = max(len(kept) // 500, 1)
    some = shapely.get_coordinates(kept[::step])[:: max(len(kept) // 100, 1)][:1000]
    points = np.concatenate([some, corners[:, :2], corners[:, 2:]]) if len(kept) else np.empty((0, 2))
    return points[np.isfinite(points).all(axis=1)]


def _misfit(points: np.ndarray, crs: CRS) -> str | None:
    """Why the numbers cannot be in `crs`; None when they can."""
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    in_degrees = _in_degrees(points)
    if crs.is_geographic:
        return None if in_degrees else f"its numbers go from {_point(low)} to {_point(high)}, which are no degrees"
    if in_degrees and (points != 0).any():
        return f"its numbers go from {_point(low)} to {_point(high)}, which look like degrees"
    area = crs.area_of_use
    lonlat = _lonlat(points, crs)
    if area is None:
        return None
    if lonlat is None or not _near(lonlat, area):
        where = "nowhere on Earth" if lonlat is None else f"at longitude {lonlat[0]:.1f}, latitude {lonlat[1]:.1f}"
        return f"its numbers, about {_point(np.median(points, axis=0))}, would lie {where}, far outside {area.name.rstrip('.')}"
    return None


def _in_degrees(points: np.ndarray) -> bool:
    return bool((np.abs(points) <= (180, 90)).all())


def _near(lonlat: tuple[float, float], area) -> bool:
    lon, lat = lonlat
    east = area.east + 360 if area.east < area.west else area.east
    lon = lon + 360 if east > 180 and lon < area.west - _MARGIN_DEGREES else lon
    return (
        area.west - _MARGIN_DEGREES <= lon <= east + _MARGIN_DEGREES
        and area.south - _MARGIN_DEGREES <= lat <= area.north + _MARGIN_DEGREES
    )


def _lonlat(points: np.ndarray, crs: CRS) -> tuple[float, float] | None:
    """Where the median point lies, in the longitude and latitude of the CRS itself: no datum is changed."""
    middle = np.median(points, axis=0)
    if crs.is_geographic:
        return (float(middle[0]), float(middle[1])) if abs(middle[0]) <= 180 and abs(middle[1]) <= 90 else None
    geographic = crs.geodetic_crs
    if geographic is None:
        return None
    try:
        lon, lat = Transformer.from_crs(crs, geographic, always_xy=True).transform(*middle)
    except ProjError:
        return None
    return (float(lon), float(lat)) if np.isfinite([lon, lat]).all() else None


def _vague(crs: CRS) -> str | None:
    """Why a stated CRS does not say where on Earth it is; None when it does."""
    if crs.is_engineering or not (crs.is_geographic or crs.is_projected):
        return "which is local and tied to no place on Earth"
    datum = crs.datum.name.lower() if crs.datum else ""
    if not datum or "unknown" in datum or "unnamed" in datum or "undefined" in datum or "not specified" in datum:
        return "which names no datum, so it fits several systems some feet apart"
    return _two_feet(crs)


def _two_feet(crs: CRS) -> str | None:
    """How the name and the unit of a CRS speak of different feet; None when they do not."""
    if not crs.is_projected:
        return None
    name = re.sub("[^a-z0-9]", "", crs.name.lower())
    named = None
    if re.search(r"ftus$|usft$|usfeet$|feetus$|fips\d+feet$", name):
        named = US_SURVEY_FOOT
    elif re.search(r"feetintl$|ftintl$|intlfeet$", name) or crs.name.endswith("(ft)"):
        named = INTERNATIONAL_FOOT
    factor = crs.axis_info[0].unit_conversion_factor
    if named is None or abs(factor - float(named)) < 1e-9:
        return None
    return (
        f"whose name is that of a system in the {named.name} and whose unit is {crs.axis_info[0].unit_name} ({factor:.12g} m);"
        " the two feet lie 2 parts in a million apart, 12 ft at a State Plane easting of six million"
    )


def _is_finer(given: CRS, stated: CRS) -> bool:
    """Whether `given` only names the realization of the NAD83 that `stated` leaves open, in the same projection and unit."""
    if not all(crs.datum and crs.datum.name.lower().startswith(_NAD83) for crs in (given, stated)):
        return False
    if given.is_projected != stated.is_projected:
        return False
    return _shape(given) == _shape(stated)


def _shape(crs: CRS) -> tuple:
    """Projection parameters and unit without the datum."""
    unit = round(crs.axis_info[0].unit_conversion_factor, 12)
    operation = crs.coordinate_operation
    if operation is None:
        return (unit,)
    return (
        unit,
        operation.method_name,
        *sorted((p.name, round(p.value * (p.unit_conversion_factor or 1), 6)) for p in operation.params),
    )


def _unsettled(shown: str, says: str, points: np.ndarray) -> CRSError:
    fits = candidates(points)
    code = fits[0].code if len(fits) == 1 else "EPSG:NNNN"
    return CRSError(
        f"{shown}: the file {says}. {_looks(points)} Ask the sender which it is, then state it with --source-crs {code}; "
        "citygis never guesses."
    )


def _looks(points: np.ndarray) -> str:
    if not len(points):
        return "It has no coordinates to judge by."
    spread = f"Its numbers go from {_point(points.min(axis=0))} to {_point(points.max(axis=0))}"
    fits = candidates(points)
    if not fits and _in_degrees(points):
        return f"{spread}, which look like longitude and latitude in degrees, though not near the City."
    if not fits:
        return f"{spread}, which fit no system used near the City."
    return f"{spread}, which would fit {'; or '.join(f'{fit.code} ({fit.name})' for fit in fits)}."


def _called(crs: CRS) -> str:
    return f"{_code(crs)} ({crs.name})" if _code(crs) else crs.name


def _code(crs: CRS) -> str:
    authority = crs.to_authority()
    return ":".join(authority) if authority else ""


def _point(point: np.ndarray) -> str:
    return f"({point[0]:.10g}, {point[1]:.10g})"
