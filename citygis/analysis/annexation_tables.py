"""
The tables of an annexation: its parcels, its tax rate areas, its courses as printed, and its areas with their closure.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import in_force, without_ground
from citygis.analysis.legal_description import Description, Figure
from citygis.cogo import format_angle, format_bearing
from citygis.units import SQFT_PER_ACRE

_WHOLE = 0.999


def parcel_table(parcels: gpd.GeoDataFrame, ground: shapely.Geometry, least_sqft: float) -> tuple[pd.DataFrame, list]:
    """Parcels with ground in the land; units without ground of their own stand on the footprint of their stack."""
    shapes = np.asarray(parcels.geometry.values)
    nowhere = without_ground(parcels).to_numpy()
    shapely.prepare(ground)
    at = np.sort(shapely.STRtree(np.where(nowhere, None, shapes)).query(ground, predicate="intersects"))
    area = shapely.area(shapely.intersection(shapes[at], ground))
    held = parcels.index.isin(in_force(parcels).index)[at]
    inside = area > least_sqft
    left_out = [("parcel", str(apn), "not in force") for apn in parcels["apn"].iloc[at[inside & ~held]]]
    touched = (area > 0) & ~inside & held
    left_out += [("parcel", str(apn), f"overlaps by less than {least_sqft:g} sq ft") for apn in parcels["apn"].iloc[at[touched]]]
    at, area = at[inside & held], area[inside & held]
    frame = pd.DataFrame({"apn": parcels["apn"].iloc[at].astype("str").to_numpy()})
    for column in ("apn_display", "tra", "situs_text"):
        if column in parcels.columns:
            frame[column] = parcels[column].iloc[at].to_numpy()
    share = area / shapely.area(shapes[at])
    frame["taken"] = np.where(share >= _WHOLE, "whole", "part")
    frame["area_sqft"] = area.round(1)
    frame["acres"] = (area / SQFT_PER_ACRE).round(4)
    frame["share"] = share.round(5)
    if "stack_id" in parcels.columns and nowhere.any():
        stacks = set(parcels["stack_id"].iloc[at].dropna())
        units = np.flatnonzero(nowhere & parcels["stack_id"].isin(stacks).to_numpy() & parcels.index.isin(in_force(parcels).index))
        left_out += [
            ("parcel", str(apn), "a unit without ground of its own: its footprint is in the list")
            for apn in parcels["apn"].iloc[units]
        ]
    return frame.sort_values("apn", kind="stable").reset_index(drop=True), left_out


def course_table(figures: list[Figure], description: Description) -> pd.DataFrame:
    """One row per course as printed, in the order of the description, with the line it runs along and where it begins."""
    rows = []
    for n, (figure, printed) in enumerate(zip(figures, description.courses, strict=True), 1):
        for k, course in enumerate(printed):
            curve = course.kind == "curve"
            place = figure.boundary.places[k]
            rows.append(
                {
                    "figure": n,
                    "course": k + 1,
                    "kind": course.kind,
                    "bearing": format_bearing(course.azimuth_deg),
                    "distance_ft": course.distance_ft,
                    "radius_ft": course.radius_ft if curve else np.nan,
                    "delta": format_angle(course.delta_deg) if curve else None,
                    "arc_ft": course.arc_ft if curve else np.nan,
                    "hand": course.hand if curve else None,
                    "along": figure.boundary.calls[k] or None,
                    "basis": course.basis,
                    "line_ids": figure.boundary.sources[k] or None,
                    "begins_e_ft": round(float(place[0]), 3),
                    "begins_n_ft": round(float(place[1]), 3),
                }
            )
    return pd.DataFrame(rows)


def area_table(figures: list[Figure], description: Description) -> pd.DataFrame:
    """One row per ring: its courses, how they close as printed, and its area, negative where it is excepted."""
    rows = []
    for n, (figure, closed, area) in enumerate(zip(figures, description.closures, description.areas_sqft, strict=True), 1):
        rows.append(
            {
                "figure": n,
                "role": "exception" if figure.is_exception else "area",
                "courses": len(figure.boundary.courses),
                "of_record": sum(course.basis == "RECORD" for course in figure.boundary.courses),
                "perimeter_ft": round(closed.perimeter_ft, 2),
                "misclosure_ft": round(closed.misclosure_ft, 4),
                "closure_ratio": round(closed.closure_ratio) if np.isfinite(closed.closure_ratio) else None,
                "area_sqft": round(area, 1),
                "acres": round(area / SQFT_PER_ACRE, 4),
                "begins_at": figure.commencement or figure.beginning,
                "corner_id": figure.corner or None,
            }
        )
    return pd.DataFrame(rows)


def tra_table(table: pd.DataFrame, digits: int, open_: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Parcels and acres by tax rate area; numbers that are none are told in `open_`."""
    columns = ["tra", "parcels", "acres", "is_number"]
    if "tra" not in table.columns:
        open_.append(
            (
                "The tax rate areas",
                "The parcels have no column tra.",
                "Load it from the assessor's roll, or ask the county auditor.",
            )
        )
        return pd.DataFrame(columns=columns)
    said = table["tra"].astype("object").where(table["tra"].notna(), "not stated").astype("str")
    made = table.groupby(said).agg(parcels=("apn", "size"), acres=("acres", "sum")).reset_index(names="tra")
    made["acres"] = made["acres"].round(4)
    made["is_number"] = made["tra"].str.fullmatch(rf"\d{{{digits}}}")
    if not made["is_number"].all():
        wrong = ", ".join(made.loc[~made["is_number"], "tra"])
        open_.append(
            (
                f"Tax rate areas of {int(made.loc[~made['is_number'], 'parcels'].sum())} parcels",
                f"Not {digits} digits: {wrong}.",
                "Ask the county auditor.",
            )
        )
    return made[columns]
