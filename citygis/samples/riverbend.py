"""The fictional City of Riverbend: every layer of the City's schema that the sample needs, true and without a finding."""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.samples import cadastre
from citygis.samples.addresses import Situs, situs_of
from citygis.samples.cadastre import Lots, lots_of
from citygis.samples.fabric import Fabric, fabric
from citygis.samples.plan import Plan, plan

SEED = 6420


class Riverbend(NamedTuple):
    """The sample city: its layers by name, and the drawing they were made from."""

    layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]
    plan: Plan
    fabric: Fabric
    lots: Lots
    situs: Situs


def riverbend(*, seed: int = SEED) -> Riverbend:
    """
    The City of Riverbend.

    Parameters
    ----------
    seed : int
        Same seed, same city.

    Returns
    -------
    Riverbend
        Layers in EPSG:6420 feet, coordinates rounded to 1e-4 ft. Parcels and rights of way (but for the vacated one, which is
        retired) fill each tract exactly and share every vertex.
    """
    rng = np.random.default_rng(seed)
    drawn = plan(rng)
    faces = fabric(drawn, rng)
    lots = lots_of(drawn, faces)
    situs = situs_of(drawn, faces, lots.face)
    layers = {
        "parcel": cadastre.parcels(drawn, faces, lots, situs),
        "tract": cadastre.tracts(drawn, faces, lots),
        "right_of_way": cadastre.rights_of_way(drawn, faces),
    }
    return Riverbend(layers, drawn, faces, lots, situs)
