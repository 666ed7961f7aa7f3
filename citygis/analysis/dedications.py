"""
Ground that a street lacks: what lies within half its standard width of the centerline and is no right of way yet.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import SecondWay, second_way
from citygis.analysis.overlay import areal, measurable, names_of, overlaid
from citygis.topology import polygon_parts, widths_ft

NOBODY = "(on no parcel, or too thin)"
_COLUMNS = ["apn", "area_sqft", "widest_ft", "segments"]
_MITRE_LIMIT = 10.0


def dedication_ground(
    right_of_way: gpd.GeoDataFrame,
    lines: np.ndarray,
    standard_ft: np.ndarray,
    names: np.ndarray,
    *,
    parcels: gpd.GeoDataFrame | None,
    least_ft: float,
) -> tuple[pd.DataFrame, gpd.GeoDataFrame, list[SecondWay]]:
    """
    The ground that streets lack, by parcel.

    Parameters
    ----------
    right_of_way : GeoDataFrame, polygons
        Of every kind: none of it is dedicated again.
    lines : array of n LineString
        Centerlines that lack width. Those of one standard that meet end to end count as one line.
    standard_ft : array of n float
        The width that each should have; half of it lies on either side.
    names : array of n str
        What each line is called.
    parcels : GeoDataFrame, optional
        ``apn``.
    least_ft : float
        Ground nowhere this wide is noise of the coordinates.

    Returns
    -------
    by_parcel : DataFrame
        ``apn, area_sqft, widest_ft`` (true to 0.2 %), ``segments``; what lies on no parcel or is too thin has a row of its own.
    pieces : GeoDataFrame
        The same columns and the ground.
    checks : list of SecondWay

    Notes
    -----
    The sides of a strip are parallel to the chords of its centerline and mitred where they meet, its ends square: on a curve kept
    to 0.01 ft it is off by no more than that. Corner cut-offs are not in it.
    """
    crs = right_of_way.crs
    if not len(lines):
        return pd.DataFrame(columns=_COLUMNS), gpd.GeoDataFrame({name: [] for name in _COLUMNS}, geometry=[], crs=crs), []
    strips = []
    for width in np.unique(standard_ft):
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines[standard_ft == width])))
        strips += list(shapely.buffer(merged, width / 2, cap_style="flat", join_style="mitre", mitre_limit=_MITRE_LIMIT))
    strip = areal(shapely.union_all(np.array(strips, dtype=object)))
    held = measurable(right_of_way, "right_of_way").shapes
    every = shapely.union_all(held[shapely.intersects(held, strip)])
    lacking, _ = polygon_parts(np.array([shapely.difference(strip, every)], dtype=object))
    area = float(shapely.area(lacking).sum())
    checks = [
        second_way(
            "square feet within half the standard that are no right of way",
            round(area, 3),
            "the strips and the right of way joined, less the right of way",
            round(float(shapely.area(shapely.union(strip, every)) - shapely.area(every)), 3),
            tolerance=max(0.01, 1e-9 * float(shapely.area(every))),
            unit="sq ft",
        )
    ]
    if parcels is None:
        own, owner = lacking, np.full(len(lacking), "", dtype=object)
    else:
        found = measurable(parcels, "parcel", key="apn")
        cut = overlaid(found.shapes, lacking)
        own, of = polygon_parts(np.asarray(cut.geometry.values))
        owner = names_of(parcels, "apn")[found.rows[cut["left"].to_numpy()[of]]]
    across = widths_ft(own)
    keep = across > least_ft
    own, owner, across = own[keep], owner[keep], across[keep]
    piece, line = shapely.STRtree(lines).query(own, predicate="dwithin", distance=float(standard_ft.max()) / 2)
    beside = pd.Series(names[line], dtype=object).groupby(piece).agg(_listed).reindex(range(len(own)), fill_value="")
    table = pd.DataFrame({"apn": owner, "area_sqft": shapely.area(own), "widest_ft": across.round(2), "segments": beside})
    pieces = gpd.GeoDataFrame(table, geometry=own, crs=crs)
    by_parcel = table.groupby("apn", sort=True).agg(
        area_sqft=("area_sqft", "sum"),
        widest_ft=("widest_ft", "max"),
        segments=("segments", lambda each: _listed(one for text in each for one in text.split(", "))),
    )
    by_parcel = by_parcel.reset_index()
    nobody = area - float(table["area_sqft"].sum())
    if nobody > 0.01:
        by_parcel.loc[len(by_parcel)] = [NOBODY, nobody, np.nan, ""]
    return by_parcel, pieces, checks


def _listed(names) -> str:
    return ", ".join(sorted(set(names)))
