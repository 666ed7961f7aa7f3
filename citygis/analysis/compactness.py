"""
How compact districts are, by the three measures that redistricting is argued with. Each is 1 at best.
"""

from typing import NamedTuple

import numpy as np
import shapely


class Compactness(NamedTuple):
    """
    Measures of polygons, from 0 to 1; null for what has no ground.

    Attributes
    ----------
    polsby_popper : array of n float
        Area over that of the circle with the same perimeter, 4 pi A / P^2: Polsby and Popper 1991, Yale Law and Policy Review
        9:301-353.
    reock : array of n float
        Area over that of the least circle around: Reock 1961, Midwest Journal of Political Science 5:70-74.
    convex_hull : array of n float
        Area over that of the convex hull.
    """

    polsby_popper: np.ndarray
    reock: np.ndarray
    convex_hull: np.ndarray


def compactness(shapes: np.ndarray) -> Compactness:
    """
    The measures of some polygons.

    Parameters
    ----------
    shapes : array of n Polygon or MultiPolygon
        In a projected system; the unit does not matter.
    """
    area = shapely.area(shapes)
    around = np.pi * shapely.minimum_bounding_radius(shapes) ** 2

    def part(whole: np.ndarray) -> np.ndarray:
        return np.divide(area, whole, out=np.full(len(area), np.nan), where=whole > 0)

    return Compactness(
        part(shapely.length(shapes) ** 2 / (4 * np.pi)), part(around), part(shapely.area(shapely.convex_hull(shapes)))
    )
