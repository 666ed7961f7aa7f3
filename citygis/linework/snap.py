"""
Ends of linework drawn together: those within a snap distance of each other become one node, and how far they were apart is told.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology import connected


class Nodes(NamedTuple):
    """
    ``of`` the node of each end, ``places`` (k, 2) in feet, ``spread_ft`` (k,): how far the farthest end of a node lies from it.
    """

    of: np.ndarray
    places: np.ndarray
    spread_ft: np.ndarray


def nodes_of(ends: np.ndarray, *, snap_ft: float) -> Nodes:
    """
    Nodes of ends.

    Parameters
    ----------
    ends : array (n, 2)
        Easting and northing.
    snap_ft : float
        Ends as near as this are one node, and so are chains of them: look at ``spread_ft``.

    Returns
    -------
    Nodes
        Numbered from west to east (then south to north). A node lies at the mean of its different ends, each counted as often as it
        occurs, or at the end itself where all are the same.
    """
    if not len(ends):
        return Nodes(np.empty(0, dtype=int), np.empty((0, 2)), np.empty(0))
    places, inverse, counts = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    points = shapely.points(places)
    near = shapely.STRtree(points).query(points, predicate="dwithin", distance=snap_ft)
    cluster = connected(len(places), near[0], near[1])
    firsts, label = np.unique(cluster, return_inverse=True)
    weight = np.bincount(label, counts)
    # Offsets from the first place of a node, so that large coordinates lose no digits and equal ends stay as they are.
    origin = places[firsts]
    offset = places - origin[label]
    mean = np.column_stack([np.bincount(label, offset[:, k] * counts) / weight for k in (0, 1)])
    centre = origin + mean
    spread = np.zeros(len(firsts))
    np.maximum.at(spread, label, np.hypot(*(places - centre[label]).T))
    return Nodes(label[inverse], centre, spread)
