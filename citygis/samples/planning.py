"""The City's limit and its zoning: unions of the fabric's faces."""

import geopandas as gpd
import numpy as np
import shapely

from citygis.samples.cadastre import Lots, tract_of
from citygis.samples.fabric import Fabric
from citygis.samples.layers import Sources, city_layer
from citygis.samples.plan import Plan


def city_limit(fabric: Fabric, sources: Sources) -> gpd.GeoDataFrame:
    """The city_limit layer: one polygon around everything."""
    limit = shapely.orient_polygons(shapely.coverage_union_all(fabric.faces))
    return city_layer("city_limit", {"limit_id": "RB", "name": "City of Riverbend"}, np.array([limit]), sources=sources)


def zoning(plan: Plan, fabric: Fabric, lots: Lots, codes: np.ndarray, sources: Sources) -> gpd.GeoDataFrame:
    """
    The zoning layer: it covers the City once, edge to edge.

    Parameters
    ----------
    plan, fabric, lots
    codes : array of str
        Zoning of each lot. A street is zoned as its tract, an arterial and the canal as public land.
    sources : str
        ``source_id``.
    """
    tract = tract_of(plan, fabric)
    code = np.array([plan.tracts[k].zoning if k >= 0 else "P" for k in tract], dtype=object)
    code[lots.face] = codes
    rows = [
        (name, part)
        for name in np.unique(code)
        for part in shapely.get_parts(shapely.coverage_union_all(fabric.faces[code == name]))
    ]
    return city_layer(
        "zoning",
        {
            "zone_id": [f"Z-{k:03d}" for k in range(1, len(rows) + 1)],
            "code": [name for name, _ in rows],
            "overlay": False,
            "ordinance": "ORD 2021-07",
            "method": "DERIVED",
        },
        shapely.orient_polygons(np.array([part for _, part in rows])),
        sources=sources,
    )
