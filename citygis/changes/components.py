"""
Ground that changed hands between parcels: which old features became which new ones, and what the office calls that.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology import connected, threaded

STRONG_SHARE = 0.2
"""Old and new ground belong together where the part they share is at least this much of either. A neighbour whose line moved by
a few feet shares less."""

RECYCLED_SHARE = 0.1
"""A number whose new ground shares less than this with its old ground has been given to other land."""


class Links(NamedTuple):
    """Pairs of old and new features that share ground: positions, square feet, and the share of each."""

    old: np.ndarray
    new: np.ndarray
    area_sqft: np.ndarray
    share_old: np.ndarray
    share_new: np.ndarray

    def where(self, keep: np.ndarray) -> "Links":
        """Some of the pairs."""
        return Links(*(column[keep] for column in self))


def ground_links(old: np.ndarray, new: np.ndarray, old_rows: np.ndarray, new_rows: np.ndarray) -> Links:
    """
    Which old features share ground with which new ones.

    Parameters
    ----------
    old, new : arrays of geometries
        In feet.
    old_rows, new_rows : arrays of int
        Positions of the features to compare; the pairs name positions in `old` and `new`.

    Returns
    -------
    Links
        Ordered by old, then new. A geometry that is not valid counts with what `shapely.make_valid` makes of it: shares only
        describe.
    """
    before, after = _sound(old[old_rows]), _sound(new[new_rows])
    at, by = shapely.STRtree(after).query(before, predicate="intersects")
    shared = shapely.area(threaded(shapely.intersection, before[at], after[by])) if len(at) else np.zeros(0)
    met = shared > 0
    at, by, shared = at[met], by[met], shared[met]
    share_old = shared / shapely.area(before[at])
    share_new = shared / shapely.area(after[by])
    order = np.lexsort((new_rows[by], old_rows[at]))
    return Links(old_rows[at], new_rows[by], shared, share_old, share_new).where(order)


def components(links: Links, n_old: int) -> np.ndarray:
    """
    Which pairs belong together through features they share.

    Parameters
    ----------
    links : Links
    n_old : int
        Number of old features; new ones are counted on from there.

    Returns
    -------
    array of int
        A number for each pair: the least node of its component.
    """
    one, other = links.old, links.new + n_old
    if not len(one):
        return np.zeros(0, dtype=int)
    nodes, place = np.unique(np.concatenate([one, other]), return_inverse=True)
    a, b = place[: len(one)], place[len(one) :]
    return nodes[connected(len(nodes), a, b)[a]]


def kind_of(old_keys: list, new_keys: list) -> str:
    """
    What the office calls a component: ``moved``, ``renumbered``, ``split``, ``merged`` or ``resubdivided``.

    Parameters
    ----------
    old_keys, new_keys : list
        Keys of the old and the new features.
    """
    if set(old_keys) == set(new_keys):
        return "moved"
    if len(old_keys) == 1 and len(new_keys) == 1:
        return "renumbered"
    if len(old_keys) == 1:
        return "split"
    if len(new_keys) == 1:
        return "merged"
    return "resubdivided"


def _sound(geometry: np.ndarray) -> np.ndarray:
    """Polygons that can be measured: what is broken is mended, what has no area is nothing."""
    geometry = geometry.copy()
    broken = ~shapely.is_missing(geometry) & ~shapely.is_valid(geometry)
    geometry[broken] = shapely.make_valid(geometry[broken], method="structure", keep_collapsed=False)
    geometry[shapely.get_dimensions(geometry) < 2] = None
    geometry[shapely.is_empty(geometry)] = None
    return geometry
