"""Parcels, tracts and rights of way of the sample city: the faces of the fabric with what the records say of them."""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.addresses import Situs
from citygis.samples.documents import Record
from citygis.samples.drafting import coordinates
from citygis.samples.fabric import Fabric, on_ground
from citygis.samples.layers import city_layer, document_ids
from citygis.samples.plan import Plan
from citygis.samples.quarters import VACATED_ALLEY, TractPlan
from citygis.schema import feature_ids
from citygis.units import SQFT_PER_ACRE

FIRST_BOOK = 191
PARCELS_PER_PAGE = 90
ROLL_YEAR = 2026
CONDOMINIUMS = 24
"""Units that share the stacked footprint."""
RIVER_SURVEY = "Record of Survey 12-077, river lands"
ROAD_REGISTER = "Register of arterial roads"
VACATION = "Resolution 2019-44, vacation of an alley"
USE_CODES = {
    "LOT": "0110",
    "CONDO": "0130",
    "COMMON": "0131",
    "COMMERCIAL": "2100",
    "WAREHOUSE": "3400",
    "CIVIC": "7000",
    "SCHOOL": "7100",
    "PARK": "7200",
    "BASIN": "7900",
    "RIVER": "7910",
    "REMAINDER": "0001",
}
"""Use codes of the invented assessor's roll."""
_KINDS = {"PARK": "GOVT", "SCHOOL": "GOVT", "CIVIC": "GOVT", "BASIN": "GOVT", "RIVER": "GOVT", "REMAINDER": "REMAINDER"}


class Lots(NamedTuple):
    """
    The lots in the order of their numbers.

    Attributes
    ----------
    face : (n,) array of int
        Face of the fabric.
    tract : (n,) array of int
        Position in `Plan.tracts`, -1 for land on no tract map.
    use : (n,) array of str
        A key of `USE_CODES`.
    apn : (n,) array of str
    lot, block : (n,) array of int
        As numbered on the tract map.
    """

    face: np.ndarray
    tract: np.ndarray
    use: np.ndarray
    apn: np.ndarray
    lot: np.ndarray
    block: np.ndarray


def lots_of(plan: Plan, fabric: Fabric, *, first_book: int = FIRST_BOOK) -> Lots:
    """
    The lots of the fabric with their numbers.

    Each tract is a book of the assessor's map (`first_book` and on; the river lands come last), its blocks fill the pages in
    turn, and the lots of a block are numbered around it.
    """
    tract = tract_of(plan, fabric)
    use = np.where(tract < 0, "RIVER", "LOT").astype(object)
    use[(tract >= 0) & (shapely.area(fabric.faces) > SQFT_PER_ACRE)] = "COMMERCIAL"
    use[np.isin(tract, [k for k, planned in enumerate(plan.tracts) if planned.zoning == "M-1"])] = "WAREHOUSE"
    # A site is the face that holds its middle.
    middles = shapely.get_coordinates(shapely.centroid([site.outline for site in plan.sites])) @ (1, 1j)
    sites, faces = shapely.STRtree(fabric.faces).query(shapely.points(on_ground(middles)), predicate="within")
    use[faces] = [plan.sites[k].use for k in sites]
    lot_faces = np.flatnonzero(fabric.street < 0)
    place = pd.Series(fabric.inside[lot_faces])
    middle = place.groupby(fabric.block[lot_faces]).transform("mean").to_numpy()
    book = np.where(tract[lot_faces] < 0, len(plan.tracts), tract[lot_faces])
    order = np.lexsort((np.angle(place - middle), fabric.block[lot_faces], book))
    face, book = lot_faces[order], book[order]
    page, number = _pages(book, fabric.block[face])
    apn = [f"{first_book + b:03d}{p:03d}{k:02d}" for b, p, k in zip(book, page, number, strict=True)]
    blocks = pd.Series(fabric.block[face]).groupby(book).transform(lambda b: pd.factorize(b)[0] + 1)
    lots = pd.Series(face).groupby(book).cumcount() + 1
    return Lots(face, tract[face], use[face], np.array(apn, dtype=object), lots.to_numpy(), blocks.to_numpy())


def tract_of(plan: Plan, fabric: Fabric) -> np.ndarray:
    """The tract of each face by its inner point, -1 for none."""
    points = shapely.points(coordinates(fabric.inside))
    face, tract = shapely.STRtree([planned.outline for planned in plan.tracts]).query(points, predicate="within")
    result = np.full(len(points), -1)
    result[face] = tract
    return result


def parcels(plan: Plan, fabric: Fabric, lots: Lots, situs: Situs) -> gpd.GeoDataFrame:
    """
    The parcel layer: one row per lot; the condominiums' lot once per unit and once for the common area, all in one stack.
    """
    row = np.arange(len(lots.face))
    stacked = row[lots.use == "CONDO"]
    units = np.repeat(stacked, CONDOMINIUMS)
    row = np.concatenate([row, units])
    unit = np.concatenate([np.zeros(len(lots.face), dtype=int), np.tile(np.arange(1, CONDOMINIUMS + 1), len(stacked))])
    apn = lots.apn[row]
    # Units are numbered on a page of their own, the one after the last of the book.
    apn[unit > 0] = [
        f"{number[:3]}9{int(number[3:6]) % 100:02d}{k:02d}" for number, k in zip(apn[unit > 0], unit[unit > 0], strict=True)
    ]
    use = lots.use[row]
    use[stacked] = "COMMON"
    kinds = [_KINDS.get(name, name if name in ("CONDO", "COMMON") else "FEE") for name in use]
    geometry = fabric.faces[lots.face[row]]
    area = shapely.area(geometry)
    tract = lots.tract[row]
    titles = np.array([*(_map_title(planned) for planned in plan.tracts), RIVER_SURVEY], dtype=object)
    on_map = tract >= 0
    tract_ids = feature_ids("tract", pd.Series([planned.tract_no for planned in plan.tracts]))
    block = np.where(lots.block[row] > 0, lots.block[row].astype(str), None)
    lot = np.array([f"{k}" if not u else f"UNIT {u}" for k, u in zip(lots.lot[row], unit, strict=True)], dtype=object)
    lot[use == "COMMON"] = "COMMON"
    legal = [
        f"LOT {a}, BLOCK {b}, {planned.name.upper()}" if planned else "RIVER LANDS"
        for a, b, planned in zip(lot, block, (plan.tracts[k] if k >= 0 else None for k in tract), strict=True)
    ]
    stack = feature_ids("stack", pd.Series(lots.apn))[row]
    return city_layer(
        "parcel",
        {
            "apn": apn,
            "apn_display": [f"{a[:3]}-{a[3:6]}-{a[6:]}" for a in apn],
            "apn_profile": "san_joaquin",
            "parcel_kind": kinds,
            "stack_id": np.where(np.isin(use, ["CONDO", "COMMON"]), stack, None),
            "tract_id": np.where(on_map, tract_ids[tract], None),
            "lot": np.where(on_map, lot, None),
            "block": np.where(on_map, block, None),
            "legal_text": legal,
            "stated_area": np.round(area / SQFT_PER_ACRE, 3),
            "stated_area_unit": "ACRE",
            "calc_area_sqft": area,
            "tra": [f"009{k + 11:03d}" for k in tract],
            "situs_id": situs.address_id[row],
            "situs_text": [
                None if text is None else f"{text} #{u}" if u else text for text, u in zip(situs.text[row], unit, strict=True)
            ],
            "use_code": [USE_CODES[name] for name in use],
            "zoning_code": [_zoning(plan, k, name) for k, name in zip(tract, use, strict=True)],
            "city_owned": np.isin(use, ["PARK", "CIVIC", "BASIN", "RIVER"]),
            "roll_year": ROLL_YEAR,
            "source_ref": [f"lot {a}" for a in lot],
        },
        geometry,
        sources=document_ids(titles)[tract],
    )


def tracts(plan: Plan, fabric: Fabric, lots: Lots) -> gpd.GeoDataFrame:
    """The tract layer: each the union of its lots and streets, vertex for vertex."""
    tract = tract_of(plan, fabric)
    geometry = np.array([shapely.coverage_union_all(fabric.faces[tract == k]) for k in range(len(plan.tracts))])
    found = [int((lots.tract == k).sum()) for k in range(len(plan.tracts))]
    return city_layer(
        "tract",
        {
            "tract_no": [planned.tract_no for planned in plan.tracts],
            "tract_name": [planned.name for planned in plan.tracts],
            "map_kind": [planned.map_kind for planned in plan.tracts],
            "lots_stated": found,
            "lots_found": found,
            "map_ref": [
                f"{'PM' if p.map_kind == 'PARCEL_MAP' else 'M'} {20 + k} PG {10 + 3 * k}" for k, p in enumerate(plan.tracts)
            ],
            "stated_area": np.round(shapely.area(geometry) / SQFT_PER_ACRE, 2),
            "remainder": [bool((lots.use[lots.tract == k] == "REMAINDER").any()) for k in range(len(plan.tracts))],
            "legal_from": np.array([planned.recorded for planned in plan.tracts], dtype="datetime64[s]"),
        },
        shapely.orient_polygons(geometry),
        sources=document_ids([_map_title(planned) for planned in plan.tracts]),
    )


def rights_of_way(plan: Plan, fabric: Fabric) -> gpd.GeoDataFrame:
    """
    The right_of_way layer: streets, alleys and the canal as faces of the fabric, and a vacated piece of alley, retired, whose
    land went to the parcels on either side and which therefore lies on them.
    """
    tract = tract_of(plan, fabric)
    faces = np.flatnonzero(fabric.street >= 0)
    faces = faces[np.lexsort((faces, tract[faces], fabric.street[faces]))]
    streets = [plan.streets[k] for k in fabric.street[faces]]
    on_map = tract[faces] >= 0
    west, south, east, north = VACATED_ALLEY
    corners = [complex(west, south), complex(east, south), complex(east, north), complex(west, north)]
    vacated = shapely.polygons(on_ground(corners))
    titles = [_map_title(plan.tracts[k]) if k >= 0 else ROAD_REGISTER for k in tract[faces]]
    accepted = [plan.tracts[k].recorded if k >= 0 else "1958-01-06" for k in tract[faces]]
    kinds = ["CANAL" if street.kind == "canal" else "ACCEPTED" if m else "FEE" for street, m in zip(streets, on_map, strict=True)]
    is_canal = np.array([street.kind == "canal" for street in streets])
    n = len(faces)
    ids = document_ids([*titles, VACATION])
    return city_layer(
        "right_of_way",
        {
            "row_id": [f"RW-{k:05d}" for k in range(1, n + 2)],
            "street_name": [*(street.name for street in streets), "Alley"],
            "row_kind": [*kinds, "VACATED"],
            "status": [*["ACTIVE"] * n, "RETIRED"],
            "acceptance_date": np.array([*accepted, "1909-04-12"], dtype="datetime64[s]"),
            "width_ft": [*(2 * street.half_width_ft for street in streets), 20.0],
            "owner_agency": [*np.where(is_canal, "Riverbend Irrigation District", "City of Riverbend"), "City of Riverbend"],
            "jurisdiction": [*np.where(is_canal, "PRIVATE", "CITY"), "CITY"],
            "doc_id": ids,
            "retired_by_record": [*[None] * n, ids[-1]],
            "legal_to": np.array([*["NaT"] * n, "2019-05-20"], dtype="datetime64[s]"),
        },
        np.append(fabric.faces[faces], vacated),
        sources=ids,
    )


def records(plan: Plan) -> list[Record]:
    """The records that the fabric rests on."""
    maps = [
        Record(_map_title(p), "PARCEL_MAP" if p.map_kind == "PARCEL_MAP" else "FINAL_MAP", p.recorded, "MAPS") for p in plan.tracts
    ]
    return [
        *maps,
        Record(RIVER_SURVEY, "RECORD_OF_SURVEY", "2012-08-15", "SURVEYS"),
        Record(ROAD_REGISTER, "OTHER", "1958-01-06", "OFFICIAL_RECORDS"),
        Record(VACATION, "VACATION", "2019-05-20", "OFFICIAL_RECORDS"),
    ]


def _map_title(planned: TractPlan) -> str:
    kind = "Parcel map" if planned.map_kind == "PARCEL_MAP" else "Tract"
    return f"{kind} {planned.tract_no.removeprefix('PM ')}, {planned.name}"


def _zoning(plan: Plan, tract: int, use: str) -> str:
    special = {
        "COMMERCIAL": "C-1",
        "PARK": "OS",
        "SCHOOL": "P",
        "CIVIC": "P",
        "BASIN": "P",
        "RIVER": "OS",
        "CONDO": "R-3",
        "COMMON": "R-3",
    }
    return special.get(use) or plan.tracts[tract].zoning


def _pages(book: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assessor's page and number on it: a page takes whole blocks while they fit, and a long block runs over several."""
    pages, numbers = np.zeros(len(book), dtype=int), np.zeros(len(book), dtype=int)
    sizes = pd.Series(book).groupby([book, block]).transform("size").to_numpy()
    page = number = 0
    for k in range(len(book)):
        if k == 0 or book[k] != book[k - 1]:
            page, number = 10, 0
        elif (block[k] != block[k - 1] and number + sizes[k] > PARCELS_PER_PAGE) or number == PARCELS_PER_PAGE:
            page, number = page + 10, 0
        number += 1
        pages[k], numbers[k] = page, number
    return pages, numbers
