"""
Parcels that a new map replaces: retired where it covers them, told where it covers them in part.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from citygis.findings import findings_frame

COVERED = 0.99
"""
Share of a parcel that the map must cover for the parcel to be replaced by it: the rest is what two surveys of one line differ by.
"""

TOUCHED_SQFT, TOUCHED_FT = 1.0, 0.05
"""A parcel that shares less ground with the map than this, or a thinner strip, is its neighbour."""


class Parents(NamedTuple):
    """
    ``retired``: rows of the City's parcel layer as they will be, status RETIRED and ``retired_by_record`` set; ``history``:
    ``old_apn``, ``new_apn``, ``change``, ``area_share``; ``findings``: N13 a parent (error unless it is retired), N14 one that is
    covered in part, with its remainder (error), N15 another tract on the same ground.
    """

    retired: gpd.GeoDataFrame
    history: pd.DataFrame
    findings: gpd.GeoDataFrame


def parents_of(
    tract: BaseGeometry,
    children: gpd.GeoDataFrame,
    held: Mapping[str, pd.DataFrame],
    *,
    source_id: str,
    retire: bool,
    crs: CRS,
) -> Parents:
    """
    What a tract does to the parcels of the City under it.

    Parameters
    ----------
    tract : Polygon or MultiPolygon
        All ground of the map, in City feet.
    children : GeoDataFrame
        Its parcels: ``apn`` and geometry.
    held : mapping of layer name to frame
        ``parcel`` and ``tract`` as the City has them.
    source_id : str
        The record that retires them.
    retire : bool
        Whether to.
    crs : CRS
    """
    rows: list[dict] = []
    parcels = held.get("parcel")
    touched, shares = np.empty(0, dtype=int), np.empty(0)
    if parcels is not None and len(parcels):
        touched, shares, left = _under(tract, parcels)
        own = parcels["apn"].iloc[touched].isin(children["apn"]).to_numpy()
        touched, shares, left = touched[~own], shares[~own], left[~own]
        for row, share, rest in zip(touched.tolist(), shares.tolist(), left.tolist(), strict=True):
            rows.append(_told(parcels.iloc[row], share, rest, retire))
    whole = touched[shares >= COVERED]
    if parcels is None:
        retired = gpd.GeoDataFrame({"apn": pd.Series(dtype="str")}, geometry=[], crs=crs)
    else:
        retired = parcels.iloc[whole if retire else whole[:0]].copy()
        retired["status"] = pd.Series("RETIRED", index=retired.index, dtype=retired["status"].dtype)
        retired["retired_by_record"] = pd.Series(source_id, index=retired.index, dtype="str")
    rows += _earlier_tracts(tract, held.get("tract"), source_id)
    return Parents(retired, _history(retired, children), findings_frame(rows, crs=crs))


def covered_parcels(tract: BaseGeometry, parcels: pd.DataFrame | None) -> list[str]:
    """``apn`` of the current parcels that a tract covers."""
    if parcels is None or not len(parcels):
        return []
    touched, shares, _ = _under(tract, parcels)
    return parcels["apn"].iloc[touched[shares >= COVERED]].tolist()


def _under(tract: BaseGeometry, parcels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Current parcels that share ground with the tract, how much of each it covers, and the area it leaves of each."""
    shapes = parcels.geometry.to_numpy()
    current = ~parcels["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool)
    near = np.flatnonzero(current & ~shapely.is_missing(shapes))
    near = near[shapely.intersects(shapes[near], tract)]
    valid = shapely.make_valid(shapes[near])
    common = shapely.intersection(valid, tract)
    shared = shapely.area(common)
    thin = shapely.is_empty(shapely.buffer(common, -TOUCHED_FT / 2))
    kept = (shared >= TOUCHED_SQFT) & ~thin
    area = shapely.area(valid[kept])
    return near[kept], shared[kept] / area, area - shared[kept]


def _told(parcel: pd.Series, share: float, rest: float, retire: bool) -> dict:
    shown = parcel["apn_display"] if isinstance(parcel.get("apn_display"), str) else parcel["apn"]
    same = {"layer": "parcel", "feature": shown, "measure": share * 100, "unit": "%", "tolerance": COVERED * 100}
    same["geometry"] = parcel.geometry.representative_point()
    if share < COVERED:
        return same | {
            "code": "N14",
            "rule": "parent_in_part",
            "severity": "error",
            "message": f"The tract takes {rest / (1 - share) * share:,.0f} sq ft ({share:.1%}) of parcel {shown} and leaves"
            f" {rest:,.0f} sq ft of it; it was not retired.",
            "remedy": "If that is a designated remainder, bring it in as a figure of the map; if not, compare the boundary"
            " with the record.",
        }
    return same | {
        "code": "N13",
        "rule": "parent",
        "severity": "info" if retire else "error",
        "message": f"The tract covers {share:.2%} of parcel {shown}, which "
        + ("it retires." if retire else "is current: two parcels would lie on one ground."),
        "remedy": "Nothing." if retire else "Look that it is the parent of this map, and say --retire.",
    }


def _earlier_tracts(tract: BaseGeometry, tracts: pd.DataFrame | None, source_id: str) -> list[dict]:
    if tracts is None or not len(tracts):
        return []
    tracts = tracts[tracts["source_id"].ne(source_id)]
    shapes = tracts.geometry.to_numpy()
    common = shapely.intersection(shapely.make_valid(shapes), tract)
    found = np.flatnonzero(~shapely.is_empty(shapely.buffer(common, -TOUCHED_FT / 2)) & (shapely.area(common) >= TOUCHED_SQFT))
    return [
        {
            "code": "N15",
            "rule": "earlier_tract",
            "severity": "review",
            "layer": "tract",
            "feature": tracts["tract_no"].iloc[row],
            "measure": float(shapely.area(common[row])),
            "unit": "sq ft",
            "message": f"{shapely.area(common[row]):,.0f} sq ft of this map lie in tract {tracts['tract_no'].iloc[row]}:"
            " it divides land of"
            " an earlier map again.",
            "remedy": "Look that the earlier map's lots there are the parents of this one.",
        }
        for row in found.tolist()
    ]


def _history(retired: gpd.GeoDataFrame, children: gpd.GeoDataFrame) -> pd.DataFrame:
    """
    One row per parent and child that share ground; a parent all of whose land became streets is still told, by its retirement.
    """
    columns = ["old_apn", "new_apn", "change", "area_share"]
    if not len(retired) or not len(children):
        return pd.DataFrame(columns=columns).astype({**dict.fromkeys(columns[:3], "str"), "area_share": float})
    old, new = shapely.make_valid(retired.geometry.to_numpy()), children.geometry.to_numpy()
    child, parent = shapely.STRtree(old).query(new, predicate="intersects")
    shared = shapely.area(shapely.intersection(old[parent], new[child]))
    kept = shared >= TOUCHED_SQFT
    child, parent, shared = child[kept], parent[kept], shared[kept]
    order = np.lexsort((child, parent))
    child, parent, shared = child[order], parent[order], shared[order]
    several = np.bincount(child, minlength=len(new))[child] > 1
    return pd.DataFrame(
        {
            "old_apn": retired["apn"].to_numpy(dtype=object)[parent],
            "new_apn": children["apn"].to_numpy(dtype=object)[child],
            "change": np.where(several, "MERGE", "SPLIT"),
            "area_share": np.minimum(shared / shapely.area(old)[parent], 1.0),
        }
    ).astype({**dict.fromkeys(columns[:3], "str")})
