"""
How much of each feature each sheet of a series shows, and on which of them it is at home.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.series import Leaf


class Shares(NamedTuple):
    """Pairs of a sheet and a feature that its map shows: their places in what was given, and the share shown, 0 to 1."""

    leaf: np.ndarray
    shape: np.ndarray
    share: np.ndarray


def shares(leaves: tuple[Leaf, ...], shapes: np.ndarray) -> Shares:
    """
    What sheets show of features: of areas by area, of lines by length, of points all.

    Parameters
    ----------
    leaves : tuple of Leaf
    shapes : array of geometries
        Missing and empty ones are in no pair.

    Returns
    -------
    Shares
        By sheet, then by feature.
    """
    grounds = np.array([leaf.ground for leaf in leaves], dtype=object)
    shapely.prepare(grounds)
    leaf, shape = shapely.STRtree(shapes).query(grounds, predicate="intersects")
    order = np.lexsort([shape, leaf])
    leaf, shape = leaf[order], shape[order]
    share = np.ones(len(leaf))
    cut = ~shapely.covers(grounds[leaf], shapes[shape])
    # What crosses itself has no intersection; mended it has.
    whole = shapely.make_valid(shapes[shape[cut]])
    part = shapely.intersection(grounds[leaf[cut]], whole)
    areas = shapely.area(whole) > 0
    size = np.where(areas, shapely.area(whole), shapely.length(whole))
    share[cut] = np.where(areas, shapely.area(part), shapely.length(part)) / np.where(size > 0, size, 1.0)
    return Shares(leaf, shape, share)


def at_home(found: Shares, index: pd.Index, count: int) -> list[pd.Index]:
    """
    The features that no sheet shows whole, by the sheet that shows most of them.

    Parameters
    ----------
    found : Shares
    index : Index
        Of the features.
    count : int
        How many sheets there are.

    Returns
    -------
    list of Index
        One for each sheet. Of two that show as much, the first.
    """
    pairs = pd.DataFrame({"leaf": found.leaf, "shape": found.shape, "share": found.share})
    pairs = pairs[pairs.groupby("shape")["share"].transform("max") < 1]
    homes = pairs.sort_values(["shape", "share", "leaf"], ascending=[True, False, True]).drop_duplicates("shape")
    return [index[homes.loc[homes["leaf"] == i, "shape"].to_numpy(dtype=int)] for i in range(count)]
