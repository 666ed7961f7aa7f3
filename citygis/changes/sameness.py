"""
Whether two geometries are the same ground, however a county happens to write it out this time.

A redelivery has its rings started elsewhere, reversed, moved by the last bits of a float, with a vertex more on a straight line:
none of that is a change of land.
"""

import numpy as np
import shapely

from citygis.topology import threaded


def displacement_ft(old: np.ndarray, new: np.ndarray, *, tolerance_ft: float) -> np.ndarray:
    """
    How far the outlines of pairs of geometries lie apart.

    Parameters
    ----------
    old, new : arrays of n geometries
        In feet.
    tolerance_ft : float
        Pairs nowhere farther apart than this are the same ground, and 0 is given.

    Returns
    -------
    array of n float
        Feet: the Hausdorff distance of the outlines, taken at the vertices and the middles of the edges of both, so that a vertex
        added on a straight line counts for nothing. Infinite where one of the two has no geometry or they are of different types; 0
        where both have none.

    Notes
    -----
    The cheap answers come first: the same vertices in the same order; the same in another order (`shapely.normalize`); the same
    without those on straight lines (`shapely.simplify`); and only then the distance itself. Outlines through the same corners in
    another order can be near each other wherever one looks and enclose other ground, so what one encloses and the other does not
    must be less than a strip of the tolerance along the outline.
    """
    apart = np.full(len(old), np.inf)
    none = _nothing(old) & _nothing(new)
    apart[none] = 0.0
    both = np.flatnonzero(~_nothing(old) & ~_nothing(new))
    both = both[shapely.get_dimensions(old[both]) == shapely.get_dimensions(new[both])]
    for same in (_as_written, _as_normalized, _as_simplified):
        equal = threaded(lambda a, b, same=same: same(a, b, tolerance_ft), old[both], new[both]) if len(both) else both == 1
        apart[both[equal]] = 0.0
        both = both[~equal]
    if len(both):
        distance = threaded(lambda a, b: shapely.hausdorff_distance(a, b, densify=0.5), old[both], new[both], chunk=500)
        near = np.flatnonzero(distance <= tolerance_ft)
        same = _same_ground(old[both[near]], new[both[near]], tolerance_ft)
        distance[near] = np.where(same, 0.0, np.maximum(distance[near], tolerance_ft))
        apart[both] = distance
    return apart


def _same_ground(old: np.ndarray, new: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """Of pairs whose outlines are near each other, which enclose the same ground. A broken polygon never does."""
    area = shapely.get_dimensions(old) == 2
    sound = area & shapely.is_valid(old) & shapely.is_valid(new)
    same = ~area
    least = np.maximum(np.minimum(shapely.length(old), shapely.length(new)), tolerance_ft)
    if sound.any():
        apart = shapely.area(threaded(shapely.symmetric_difference, old[sound], new[sound], chunk=500))
        same[sound] = apart <= tolerance_ft * least[sound]
    return same


def _nothing(geometry: np.ndarray) -> np.ndarray:
    return shapely.is_missing(geometry) | shapely.is_empty(geometry)


def _as_written(old: np.ndarray, new: np.ndarray, tolerance_ft: float) -> np.ndarray:
    return shapely.equals_exact(old, new, tolerance_ft)


def _as_normalized(old: np.ndarray, new: np.ndarray, tolerance_ft: float) -> np.ndarray:
    return shapely.equals_exact(shapely.normalize(_singled(old)), shapely.normalize(_singled(new)), tolerance_ft)


def _as_simplified(old: np.ndarray, new: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """Polygons without holes that are the same without their vertices on straight lines, wherever their rings begin."""
    old, new = _singled(old), _singled(new)
    # Douglas and Peucker keep an outline within the tenth of the tolerance, in its order. What is thinner than that collapses.
    one, two = (shapely.simplify(shapes, tolerance_ft / 10, preserve_topology=False) for shapes in (old, new))
    kept = ~shapely.is_empty(one) & ~shapely.is_empty(two)
    for shapes in (old, new, one, two):
        kept &= (shapely.get_type_id(shapes) == 3) & (shapely.get_num_interior_rings(shapes) == 0)
    same = np.zeros(len(old), dtype=bool)
    one, two = (_begun_alike(shapes[kept], tolerance_ft / 10) for shapes in (one, two))
    same[kept] = shapely.equals_exact(one, two, 0.7 * tolerance_ft)
    return same


def _begun_alike(shapes: np.ndarray, grid_ft: float) -> np.ndarray:
    """
    Shapes on a grid, begun at their first corner there, which the last bits of a float do not choose.

    Counties write coordinates to a round number of decimals, so the edges of the rounding are set off from those.
    """
    return shapely.normalize(shapely.transform(shapes, lambda places: np.floor(places / grid_ft + 0.371) * grid_ft))


def _singled(geometry: np.ndarray) -> np.ndarray:
    """A multipolygon of one polygon is that polygon."""
    single = (shapely.get_type_id(geometry) > 3) & (shapely.get_num_geometries(geometry) == 1)
    geometry = geometry.copy()
    geometry[single] = shapely.get_geometry(geometry[single], 0)
    return geometry
