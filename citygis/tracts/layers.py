"""
A placed map as rows of the City's layers, converted like any delivery.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.cogo import Course, format_angle, format_bearing, turn
from citygis.convert import Conversion, Crosswalk, FieldMap, convert
from citygis.findings import findings_frame
from citygis.schema import feature_ids
from citygis.tracts.fitting import Placement
from citygis.tracts.lot_kinds import lot_rule
from citygis.tracts.plat import Plat

PROVISIONAL = "provisional"
"""The spelling of parcel numbers (`citygis.schema.apn_profiles`) that a lot has until the county gives it one: T4012-17."""

KNOWN_CORNER_FT = 0.02
"""A corner of the City's so near is this corner; it is not entered twice."""


class Rows(NamedTuple):
    """
    What becomes rows: for each lot of the plat the ``layer`` it goes to, its ``apn`` or ``row_id``, ``kind`` and ``global_id``
    (all null for a figure with several numbers); and the findings about them.
    """

    lots: pd.DataFrame
    findings: gpd.GeoDataFrame


def tract_code(tract: str) -> str:
    """
    A tract's number as identifiers have it: T and its letters and digits.

    Raises
    ------
    ValueError
        If there are none, or more than 11.
    """
    code = re.sub(r"[^0-9A-Z]", "", tract.upper())
    if not 0 < len(code) <= 11 or len(tract.strip()) > 12:
        raise ValueError(f"Invalid tract {tract!r}. Must be the number of the map, like 4012 or PM 15-204.")
    return f"T{code}"


def lot_rows(plat: Plat, tract: str, polygons: np.ndarray, city: City) -> Rows:
    """
    Which row of which layer each lot becomes.

    Parameters
    ----------
    plat : Plat
    tract : str
    polygons : array of Polygon, one per lot
    city : City

    Returns
    -------
    Rows
        A road, and ground without a number, become right of way. Findings: N16 ground without a number, N17 lots a person should
        look at, N18 the numbers are provisional, N23 (error) two figures would have one number.
    """
    code = tract_code(tract)
    made, told, streets = [], [], 0
    for lot, kind, ref, shape in zip(plat.lots["lot"], plat.lots["kind"], plat.lots["source_ref"], polygons, strict=True):
        if kind in ("road", "unnumbered"):
            streets += 1
            key = f"{code}-{lot if kind == 'road' and isinstance(lot, str) else f'RW{streets}'}"[:20]
            made.append(("right_of_way", None, key, "DEDICATION_OFFERED"))
            if kind == "unnumbered":
                told.append(
                    _row(
                        "N16",
                        "ground_without_number",
                        "review",
                        "right_of_way",
                        key,
                        f"{shape.area:,.0f} sq ft between the lots have no number and are taken for right of way {key}.",
                        "Compare with the map: a street, a remainder, or a lot whose number is missing.",
                        ref,
                        shape,
                    )
                )
        elif kind == "unsettled" or not isinstance(lot, str):
            made.append(("parcel", None, None, None))
        else:
            rule = lot_rule(lot)
            key = f"{code}-{re.sub(r'[^0-9A-Z]', '', lot)[:6]}"
            made.append((rule.layer, *((key, None) if rule.layer == "parcel" else (None, key)), rule.kind))
            if rule.look:
                told.append(
                    _row(
                        "N17",
                        "lot_kind",
                        "review",
                        rule.layer,
                        key,
                        f"Lot {lot} is taken for a {rule.layer.replace('_', ' ')} of kind {rule.kind}: its letter does not say"
                        " what it is.",
                        "Look at the owner's statement of the map.",
                        ref,
                        shape,
                    )
                )
    lots = pd.DataFrame(made, columns=["layer", "apn", "row_id", "kind"]).astype("str")
    count = int(lots["apn"].notna().sum())
    told += _repeated(lots, plat, polygons)
    told.append(
        {
            "code": "N18",
            "rule": "provisional_numbers",
            "severity": "info",
            "layer": "parcel",
            "measure": count,
            "unit": "parcels",
            "message": f"{count} lots have provisional numbers, {code} and the lot, until the county gives them their own.",
            "remedy": "Enter the county's numbers when its roll has them (apn_history, RENUMBER).",
        }
    )
    ids = np.full(len(lots), None, dtype=object)
    for layer, key in (("parcel", "apn"), ("right_of_way", "row_id")):
        rows = np.flatnonzero(lots["layer"].eq(layer) & lots[key].notna())
        ids[rows] = feature_ids(layer, lots[key].iloc[rows])
    return Rows(lots.assign(global_id=pd.Series(ids, dtype="str")), findings_frame(told, crs=city.crs))


def _repeated(lots: pd.DataFrame, plat: Plat, polygons: np.ndarray) -> list[dict]:
    """Figures that would be one parcel, or one right of way: parts of a lot, or a number that was drawn twice by mistake."""
    told = []
    for layer, column in (("parcel", "apn"), ("right_of_way", "row_id")):
        keys = lots.loc[lots["layer"].eq(layer), column].dropna()
        for key, rows in keys.groupby(keys).groups.items():
            for row in rows if len(rows) > 1 else ():
                told.append(
                    _row(
                        "N23",
                        "number_twice",
                        "error",
                        layer,
                        key,
                        f"{len(rows)} figures of the map would be {key}; this one encloses {polygons[row].area:,.0f} sq ft.",
                        "Compare with the map: give each figure its own number, or join the parts of one lot first.",
                        plat.lots["source_ref"].iloc[row],
                        polygons[row],
                    )
                )
    return told


def converted(
    layer: str, columns: Mapping[str, Any], geometry: Sequence | None, *, city: City, plat: Plat, refs: Sequence | pd.Series
) -> Conversion:
    """
    Columns of a City layer through `citygis.convert`: checked, keyed, with provenance; what cannot be a row is in its quarantine.

    Parameters
    ----------
    layer : str
    columns : mapping of City field to values
    geometry : sequence of geometries in City feet, or None
    city : City
    plat : Plat
    refs : sequence of str
        The entity of the file each row is from.
    """
    index = pd.RangeIndex(len(refs))
    table = pd.DataFrame(
        {name: values if np.isscalar(values) else pd.Series(list(values)) for name, values in columns.items()}, index=index
    )
    empty = [name for name in table if table[name].isna().all()]
    table = table.drop(columns=empty)
    fields = {name: FieldMap.model_validate({"from": name}) for name in table}
    table["source_id"] = plat.source_id
    table["source_ref"] = pd.Series(list(refs), index=index, dtype="str").str.slice(0, 120)
    walk = Crosswalk(agency="tract map", layer=layer, document={"doc_type": "FINAL_MAP"}, fields=fields)
    known = city.model_copy(update={"apn_profiles": tuple(dict.fromkeys((PROVISIONAL, *city.apn_profiles)))})
    if geometry is None:
        return convert(table, layer, crosswalk=walk, city=known)
    frame = gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(np.asarray(list(geometry), dtype=object), crs=city.crs))
    return convert(frame, layer, crosswalk=walk, city=known)


def boundary_columns(
    plat: Plat, tract: str, courses: Sequence[Course], records: Sequence[Course], rows: Rows, placed: Placement
) -> dict[str, Any]:
    """
    Columns of boundary_line: what the map states of each course, and how far the geometry is from that.

    Lengths are as the map has them (on the ground where it is), residuals in the same: record less geometry over the scale.
    Directions are of the grid, the record's turned by ``rotation``.
    """
    code = tract_code(tract)
    stated = plat.edges["record_length_ft"].notna().to_numpy()
    parcel = rows.lots["global_id"].where(rows.lots["layer"].eq("parcel")).to_numpy(dtype=object)
    made: dict[str, list] = {
        name: []
        for name in (
            "line_id",
            "direction_az",
            "distance_ft",
            "radius_ft",
            "arc_length_ft",
            "curve_side",
            "delta_dms",
            "bearing_text",
            "is_ground",
            "scale",
            "rotation",
            "line_kind",
            "left_parcel",
            "right_parcel",
            "residual_dist_ft",
            "residual_dir_sec",
            "residual_radius_ft",
        )
    }
    left, right = plat.edges["left"].tolist(), plat.edges["right"].tolist()
    for n, (course, record) in enumerate(zip(courses, records, strict=True)):
        curved = record.kind == "curve"
        of_map = record.azimuth_deg
        values = (
            f"{code}-{n + 1:04d}",
            (of_map + placed.rotation_deg) % 360,
            record.distance_ft,
            record.radius_ft if curved else None,
            record.arc_ft if curved else None,
            record.hand if curved else None,
            format_angle(record.delta_deg) if curved else None,
            format_bearing(of_map),
            placed.is_ground,
            placed.scale,
            placed.rotation_deg,
            "RECORD" if stated[n] else "CALCULATED",
            parcel[left[n]] if left[n] >= 0 else None,
            parcel[right[n]] if right[n] >= 0 else None,
            record.length_ft - course.length_ft / placed.scale,
            turn(course.azimuth_deg, of_map + placed.rotation_deg) * 3600,
            record.radius_ft - course.radius_ft / placed.scale if curved else None,
        )
        for name, value in zip(made, values, strict=True):
            made[name].append(value)
    return made


def new_corners(plat: Plat, corners: np.ndarray, held: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """The corners of a plat (rows) that the City has no corner at yet."""
    rows = np.arange(len(corners))
    known = held.get("corner")
    if known is None or not len(known):
        return rows
    current = ~known["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool)
    tree = shapely.STRtree(known.geometry.to_numpy()[current])
    found, _ = tree.query(shapely.points(corners), predicate="dwithin", distance=KNOWN_CORNER_FT)
    return np.setdiff1d(rows, found)


def finite(value: float) -> float | None:
    """A number, or nothing where it is infinite or none."""
    return float(value) if math.isfinite(value) else None


def _row(code: str, rule: str, severity: str, layer: str, feature: str, message: str, remedy: str, ref: str, shape) -> dict:
    told = {
        "code": code,
        "rule": rule,
        "severity": severity,
        "layer": layer,
        "feature": feature,
        "message": message,
        "remedy": remedy,
    }
    return told | {"source_ref": ref if isinstance(ref, str) else None, "geometry": shape.representative_point()}
