"""
Changes that lie together: a line between two lots, a block that was resubdivided, and what a person looks at in one picture.
"""

import numpy as np
import shapely

from citygis.changes.comparison import Changes
from citygis.topology import connected

REACH_FT = 1.0
"""Changes no farther apart than this lie together."""


def clusters(changes: Changes) -> np.ndarray:
    """
    A number from 1 for each change; those that touch through one another share it.

    Returns
    -------
    array of int, one for each row of ``changes.changes``
        In the order of the first change of each. Changes of the record alone, and those without ground, stand each alone.
    """
    shapes = np.asarray(changes.changes.geometry.array, dtype=object)
    grounded = ~shapely.is_missing(shapes) & (changes.changes["kind"] != "attribute").to_numpy()
    rows = np.flatnonzero(grounded)
    a, b = shapely.STRtree(shapes[rows]).query(shapes[rows], predicate="dwithin", distance=REACH_FT)
    return np.unique(connected(len(shapes), rows[a], rows[b]), return_inverse=True)[1] + 1
