"""
People of blocks on the parcels where they live, with the sum kept.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import without_ground
from citygis.analysis.network import numbers_in
from citygis.analysis.overlay import mended


class Apportioned(NamedTuple):
    """
    Attributes
    ----------
    shares : DataFrame
        One row per piece of a parcel in a block: ``parcel, block`` (positions), ``people``.
    nowhere : (b,) array of float
        People of each block without a parcel on it.
    by_area : (b,) array of bool
        Blocks without a dwelling on their parcels, where ground stands for dwellings.
    """

    shares: pd.DataFrame
    nowhere: np.ndarray
    by_area: np.ndarray


def apportioned(blocks: gpd.GeoDataFrame, people: np.ndarray, parcels: gpd.GeoDataFrame, *, dwellings: str) -> Apportioned:
    """
    People of blocks on the parcels of each, by dwellings, and by ground where a block has none.

    Parameters
    ----------
    blocks : GeoDataFrame, b polygons
        In the system of `parcels`.
    people : (b,) array of float
    parcels : GeoDataFrame, n polygons
        A parcel in two blocks has its dwellings in each by ground.
    dwellings : str
        Column of `parcels`; where there is none, ground stands for them everywhere.

    Returns
    -------
    Apportioned
        All shares and what is nowhere sum to `people`.

    Notes
    -----
    Areal interpolation (M. F. Goodchild and N. Lam, Areal interpolation: a variant of the traditional spatial problem, 1980) with
    dwellings as ancillary data. Dwellings alone would lose the people of blocks whose parcels list none.
    """
    ground = np.where(without_ground(parcels).to_numpy(), None, np.asarray(parcels.geometry.values, dtype=object))
    shapes = np.where(without_ground(blocks).to_numpy(), None, np.asarray(blocks.geometry.values, dtype=object))
    # What is not valid has no intersection; its people are where the area it covers is.
    (ground, _), (shapes, _) = mended(ground), mended(shapes)
    tree = shapely.STRtree(shapes)
    parcel, block = tree.query(ground, predicate="intersects")
    whole = shapely.covers(shapes[block], ground[parcel])
    area = np.where(whole, shapely.area(ground[parcel]), 0.0)
    area[~whole] = shapely.area(shapely.intersection(shapes[block[~whole]], ground[parcel[~whole]]))
    keep = area > 0
    parcel, block, area = parcel[keep], block[keep], area[keep]
    homes = np.nan_to_num(np.maximum(numbers_in(parcels, dwellings), 0.0))[parcel] * area / shapely.area(ground[parcel])
    per_block = np.bincount(block, weights=homes, minlength=len(blocks))
    by_area = per_block <= 0
    weight = np.where(by_area[block], area, homes)
    total = np.bincount(block, weights=weight, minlength=len(blocks))
    shares = pd.DataFrame({"parcel": parcel, "block": block, "people": people[block] * weight / total[block]})
    shares = shares.sort_values(["parcel", "block"], ignore_index=True)
    return Apportioned(shares, np.where(total > 0, 0.0, people), by_area & (total > 0))
