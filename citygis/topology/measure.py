"""
What the other measures share: the ground a layer bounds, and how wide a piece of it is.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.errors import CRSError
from citygis.topology.threads import threaded
from citygis.units import require_feet

COORDINATE_RESOLUTION_FT = 0.0001
"""The last decimal that City coordinates carry. Two rounded edges may stand this far from where they were drawn."""


def wide_enough(width_ft: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """Whether a width reaches `tolerance_ft`, give or take the last decimal of the coordinates on either side."""
    return np.asarray(width_ft) >= width_floor_ft(tolerance_ft)


def width_floor_ft(tolerance_ft: float) -> float:
    """The least width that `wide_enough` lets pass."""
    return max(tolerance_ft - 2 * COORDINATE_RESOLUTION_FT, 0.0)


def ground(layer: gpd.GeoDataFrame | gpd.GeoSeries, what: str = "This layer") -> np.ndarray:
    """
    The polygons of a layer that bound a definite piece of ground.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries
        In feet. Not modified.
    what : str
        Begins the message of an error.

    Returns
    -------
    array of geometry
        Two-dimensional, in the order of `layer`; None for what is null, empty, not a polygon or not valid. An invalid
        polygon has no agreed inside, so nothing about overlap or cover can be said until it is mended; `invalid` names it.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    require_feet(layer.crs, what)
    geometry = flat(np.asarray(layer.geometry.array, dtype=object))
    definite = (shapely.get_dimensions(geometry) == 2) & ~shapely.is_empty(geometry)
    definite[definite] = threaded(shapely.is_valid, geometry[definite])
    geometry[~definite] = None
    return geometry


def require_same_crs(layer: gpd.GeoDataFrame | gpd.GeoSeries, other: gpd.GeoDataFrame | gpd.GeoSeries) -> None:
    """
    Refuse two layers of different systems.

    Raises
    ------
    CRSError
        If both state a CRS and the two differ; one that states none is refused by `require_feet`.
    """
    if layer.crs is not None and other.crs is not None and layer.crs != other.crs:
        raise CRSError(
            f"The layers differ in CRS: {layer.crs.name} and {other.crs.name}. Convert one of them first: citygis convert."
        )


def beside(some: gpd.GeoDataFrame | gpd.GeoSeries, layer: gpd.GeoDataFrame | gpd.GeoSeries, *, reach_ft: float) -> np.ndarray:
    """
    Positions in `layer`, ascending, of the features whose boxes lie within reach of the box of one of `some`.

    A measure between the two that looks no farther than the reach says the same of these alone.
    """
    bounds = shapely.bounds(np.asarray(some.geometry.array, dtype=object)).reshape(-1, 4)
    reach = 2 * (reach_ft + COORDINATE_RESOLUTION_FT)  # twice, whatever the rounding
    boxes = shapely.box(*(bounds[np.isfinite(bounds).all(axis=1)] + reach * np.array([-1, -1, 1, 1])).T)
    return np.unique(shapely.STRtree(boxes).query(np.asarray(layer.geometry.array, dtype=object))[0])


def flat(geometry: np.ndarray) -> np.ndarray:
    """A copy without elevations and measures."""
    geometry = np.array(geometry, dtype=object)
    raised = shapely.has_z(geometry) | shapely.has_m(geometry)
    geometry[raised] = shapely.force_2d(geometry[raised])
    return geometry


def polygon_parts(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The single polygons inside geometries of any type.

    Returns
    -------
    parts : array of Polygon
    owner : array of int
        Position in `geometry` of each part, ascending.
    """
    parts, owner = single_parts(geometry)
    keep = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    return parts[keep], owner[keep]


def single_parts(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Geometries taken apart until none is a collection, and the position each comes from, ascending."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    while (nested := shapely.get_type_id(parts) > 3).any():  # a collection may hold a multipolygon
        inner, at = shapely.get_parts(parts[nested], return_index=True)
        owner = np.concatenate([owner[~nested], owner[nested][at]])
        parts = np.concatenate([parts[~nested], inner])
        order = np.argsort(owner, kind="stable")
        parts, owner = parts[order], owner[order]
    return parts, owner


def widths_ft(polygons: np.ndarray, *, at_least_ft: float = 0.0) -> np.ndarray:
    """
    The width of each polygon: the diameter of the largest circle that fits inside it.

    For a strip this is its width, for a thin triangle the length of its short side.

    Parameters
    ----------
    polygons : array of Polygon
        Valid, in feet.
    at_least_ft : float
        Widths below this are not worked out but given as 0.

    Returns
    -------
    array of float
        Feet, true to 0.2 %.

    Notes
    -----
    A circle of diameter d fits when the polygon shrunk by d / 2 is not empty; d is found by halving. The search starts
    between `least_widths_ft` and the smaller of the diameter of the circle of equal area and the short side of the smallest
    enclosing rectangle, neither of which is ever less than d.
    """
    widths = np.zeros(len(polygons))
    area = shapely.area(polygons)
    low = least_widths_ft(polygons)
    high = np.minimum(2 * np.sqrt(area / np.pi), _enclosing_widths_ft(polygons))
    low = np.minimum(low, high)
    left = np.flatnonzero(high >= at_least_ft)
    doubtful = left[low[left] < at_least_ft]
    fits = _circle_fits(polygons[doubtful], np.full(len(doubtful), at_least_ft))
    low[doubtful[fits]] = at_least_ft
    left = np.setdiff1d(left, doubtful[~fits], assume_unique=True)
    for _ in range(40):
        open_ = left[high[left] - low[left] > 0.002 * high[left]]
        if not len(open_):
            break
        middle = (low[open_] + high[open_]) / 2
        fits = _circle_fits(polygons[open_], middle)
        low[open_[fits]] = middle[fits]
        high[open_[~fits]] = middle[~fits]
    widths[left] = (low[left] + high[left]) / 2
    return np.maximum(widths, np.where(widths > 0, at_least_ft, 0.0))


def least_widths_ft(polygons: np.ndarray) -> np.ndarray:
    """
    A width that each polygon surely has, from its area A, its perimeter P and the number of its holes h alone.

    Notes
    -----
    The line at distance t inside the boundary is no longer than P + 2 pi (h - 1) t [1]_. Summed up to the radius r of the largest
    circle that fits, A <= P r + pi (h - 1) r^2, which bounds r from below; without holes or with one, r >= A / P.

    References
    ----------
    .. [1] B. Sz.-Nagy, "Ueber Parallelmengen nichtkonvexer ebener Bereiche", Acta Sci. Math. (Szeged) 20 (1959), p. 36-47.
    """
    area, perimeter = shapely.area(polygons), shapely.length(polygons)
    more = np.maximum(shapely.get_num_interior_rings(polygons) - 1, 0)
    return 4 * area / np.maximum(perimeter + np.sqrt(perimeter**2 + 4 * np.pi * more * area), 1e-300)


def _circle_fits(polygons: np.ndarray, diameter_ft: np.ndarray) -> np.ndarray:
    return ~shapely.is_empty(threaded(lambda p, d: shapely.buffer(p, -d / 2, quad_segs=4), polygons, diameter_ft, chunk=2_000))


def _enclosing_widths_ft(polygons: np.ndarray) -> np.ndarray:
    """The short side of the smallest rectangle, at any angle, that holds each polygon."""
    if not len(polygons):
        return np.zeros(0)
    # Moved to a near origin first: at State Plane coordinates the rectangle's own rounding would be wider than a sliver.
    bounds = shapely.bounds(polygons)
    coordinates, owner = shapely.get_coordinates(polygons, return_index=True)
    near = shapely.set_coordinates(polygons.copy(), coordinates - bounds[owner, :2])
    corners, owner = shapely.get_coordinates(shapely.oriented_envelope(near), return_index=True)
    width = np.zeros(len(polygons))
    whole = np.flatnonzero(np.bincount(owner, minlength=len(polygons)) == 5)
    ring = corners[np.isin(owner, whole)].reshape(-1, 5, 2)
    sides = np.hypot(*np.moveaxis(ring[:, 1:3] - ring[:, 0:2], -1, 0))
    width[whole] = sides.min(axis=1)
    return width
