"""
What a person should know of a map and its lots, beside what reading, placing and laying it to its neighbours told.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.findings import findings_frame
from citygis.tracts.fitting import Placement
from citygis.tracts.plat import Plat

AREA_TOLERANCE_SQFT, AREA_TOLERANCE_SHARE = 10.0, 0.001
"""How far the area of a lot may be from what the map states: the larger of both (reference, section 10)."""

CLOSES_FT, CLOSES_RATIO = 0.05, 10_000
"""What the record of a lot may fail to close by: the smaller demand of both (reference, section 10)."""


def placed_findings(plat: Plat, placed: Placement, city: City) -> gpd.GeoDataFrame:
    """What reading found, at its places in the City; of ground without a number N16 says more than linework does."""
    told = plat.findings[plat.findings["code"] != "W03"]
    there = told.geometry.notna().to_numpy()
    places = np.full(len(told), None, dtype=object)
    places[there] = shapely.transform(told.geometry.to_numpy()[there], placed.move)
    return findings_frame(pd.DataFrame(told).drop(columns="finding_id").assign(geometry=places), crs=city.crs)


def lot_findings(lots: gpd.GeoDataFrame, plat: Plat, city: City) -> gpd.GeoDataFrame:
    """
    Findings of the lots themselves.

    Parameters
    ----------
    lots : GeoDataFrame
        As `citygis.tracts.work.TractWork.lots`.
    plat : Plat
    city : City

    Returns
    -------
    findings frame
        N03 a lot of a LandXML file whose stated courses do not close (those of plat tables are told where they are read; a drawing
        states none), N20 a stated area that is not that of the courses, N21 easements whose purpose nothing says.
    """
    rows = []
    tolerance = np.maximum(AREA_TOLERANCE_SQFT, AREA_TOLERANCE_SHARE * lots["stated_area_sqft"])
    columns = (
        "key",
        "lot",
        "map_area_sqft",
        "stated_area_sqft",
        "difference_sqft",
        "misclosure_ft",
        "closure_ratio",
        "source_ref",
        "geometry",
    )
    for row, allowed in zip(lots[list(columns)].itertuples(), tolerance.tolist(), strict=True):
        same = {
            "layer": "parcel",
            "feature": row.key,
            "source_ref": row.source_ref,
            "geometry": row.geometry.representative_point(),
        }
        if abs(row.difference_sqft) > allowed:
            rows.append(
                same
                | {
                    "code": "N20",
                    "rule": "stated_area",
                    "severity": "review",
                    "measure": abs(row.difference_sqft),
                    "unit": "sq ft",
                    "tolerance": allowed,
                    "message": f"The courses of lot {row.lot} enclose {row.map_area_sqft:,.2f} sq ft; the map states"
                    f" {row.stated_area_sqft:,.2f}.",
                    "remedy": "Compare the courses with the map; the area was not taken from what it states.",
                }
            )
        if plat.format == "LandXML" and row.misclosure_ft > CLOSES_FT and row.closure_ratio < CLOSES_RATIO:
            rows.append(
                same
                | {
                    "code": "N03",
                    "rule": "record_open",
                    "severity": "review",
                    "measure": row.misclosure_ft,
                    "unit": "ft",
                    "tolerance": CLOSES_FT,
                    "message": f"The stated courses of lot {row.lot} fail to close by {row.misclosure_ft:.2f} ft,"
                    f" 1:{row.closure_ratio:,.0f}.",
                    "remedy": "Compare them with the map; the figure was made from the coordinates.",
                }
            )
    if len(plat.easements):
        rows.append(
            {
                "code": "N21",
                "rule": "easement_purpose",
                "severity": "review",
                "layer": "easement",
                "measure": len(plat.easements),
                "unit": "easements",
                "message": f"Nothing says what the {len(plat.easements)} easements of the map are for; OTHER was taken, their"
                " names are in the note.",
                "remedy": "Enter the purpose from the owner's statement of the map.",
            }
        )
    return findings_frame(rows, crs=city.crs)


def known_tract(tract: str, plat: Plat, held: Mapping[str, pd.DataFrame]) -> gpd.GeoDataFrame:
    """N19 (error) where the City has a tract of this number from another document than the plat; no findings otherwise."""
    known = held.get("tract")
    if known is None or not len(known):
        return findings_frame()
    same = known[known["tract_no"].eq(tract.strip()) & known["source_id"].ne(plat.source_id)]
    if not len(same):
        return findings_frame()
    return findings_frame(
        {
            "code": "N19",
            "rule": "tract_known",
            "severity": "error",
            "layer": "tract",
            "feature": tract.strip(),
            "message": f"The City has a tract {tract.strip()} already, from another document. Loading this would put"
            " another in its place.",
            "remedy": "Look at the number. If this file replaces that one, accept N19 with the reason.",
        }
    )
