"""
Two rows of lots along a street, with all that hangs on them, for the tests of the operations of the office.

::

    260  +--------+--------+--------+
         |   21   |   22   |   23   |      80 by 100 each
    160  +--------+--------+--------+
         |          RW-1            |      60 wide
    100  +-----+-----+-----+--------+
         | 11  | 12  | 13  |   14   |      60 by 100 each
      0  +-----+-----+-----+--------+
         0     60   120   180     240
"""

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import default_city
from citygis.operations import Record
from citygis.operations.rows import made_rows
from citygis.schema import schema, source_id_of

EAST, NORTH = 6_336_000.0, 2_124_000.0
OLD = Record(source_id_of("a" * 64), method="COGO")
RECORD = Record(source_id_of("b" * 64))
CITY = default_city()


def at(east, north):
    """A place of the drawing in City feet."""
    return EAST + east, NORTH + north


def line(*places):
    """A line through places of the drawing."""
    return shapely.LineString([at(*place) for place in places])


def ground(west, south, east, north):
    """A rectangle of the drawing."""
    return shapely.box(*at(west, south), *at(east, north))


SOUTH = {f"191-010-{11 + k}": ground(60 * k, 0, 60 * k + 60, 100) for k in range(4)}
NORTH_ROW = {f"191-010-{21 + k}": ground(80 * k, 160, 80 * k + 80, 260) for k in range(3)}


def parcels(**more) -> gpd.GeoDataFrame:
    """The seven lots; `more` are values for all of them."""
    lots = {**SOUTH, **NORTH_ROW}
    rows = [
        {
            "apn": apn.replace("-", ""),
            "apn_display": apn,
            "apn_profile": "san_joaquin",
            "parcel_kind": "FEE",
            "lot": apn[-2:],
            "legal_text": f"LOT {apn[-2:]}",
            "stated_area": round(shape.area),
            "stated_area_unit": "SQFT",
            "calc_area_sqft": shape.area,
            "tra": "009011",
            "use_code": "0110",
            "zoning_code": "R-1",
            "situs_text": f"{100 + n} FIRST ST",
            "city_owned": False,
            "h_accuracy_ft": 0.1,
            "accuracy_basis": "COMPILED",
            **more,
        }
        for n, (apn, shape) in enumerate(lots.items())
    ]
    return made_rows("parcel", rows, list(lots.values()), OLD, schema(), crs=CITY.crs)


def street() -> gpd.GeoDataFrame:
    """The street between the rows."""
    row = {"row_id": "RW-1", "street_name": "First Street", "row_kind": "FEE", "jurisdiction": "CITY", "width_ft": 60.0}
    return made_rows("right_of_way", [row], [ground(0, 100, 240, 160)], OLD, schema(), crs=CITY.crs)


def addresses(lots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A point on each lot, 20 feet from the street."""
    rows, places = [], []
    for n, (apn, shape) in enumerate(zip(lots["apn"], lots.geometry, strict=True)):
        west, south, east, north = shape.bounds
        places.append(shapely.Point((west + east) / 2, north - 20 if south < NORTH + 100 else south + 20))
        rows.append(
            {
                "NGUID": f"urn:emergency:uid:gis:SSAP:{n}:riverbend.example",
                "DiscrpAgID": "riverbend.example",
                "DateUpdate": pd.Timestamp("2026-07-01", tz="UTC"),
                "Country": "US",
                "A1": "CA",
                "Add_Number": 100 + n,
                "St_Name": "First",
                "St_PosTyp": "Street",
                "Placement": "Site",
                "apn": apn,
            }
        )
    return made_rows("address_point", rows, places, OLD, schema(), crs=CITY.crs)


def easement(west, south, east, north, **more) -> gpd.GeoDataFrame:
    """One easement."""
    row = {"easement_id": "E-1", "purpose": "PUE", **more}
    return made_rows("easement", [row], [ground(west, south, east, north)], OLD, schema(), crs=CITY.crs)


def owners(lots: gpd.GeoDataFrame) -> pd.DataFrame:
    """One fictional owner each."""
    rows = [{"apn": apn, "owner_name": f"Fictional Owner {n}"} for n, apn in enumerate(lots["apn"])]
    return made_rows("parcel_owner", rows, None, OLD, schema())


def courses(lots: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """A course along each side of the lots, once, and a corner at each end."""
    sides: dict[tuple, dict] = {}
    for gid, shape in zip(lots["global_id"], lots.geometry, strict=True):
        path = [tuple(c) for c in shapely.get_coordinates(shapely.orient_polygons(shape))]
        for a, b in itertools.pairwise(path):
            known = sides.setdefault((min(a, b), max(a, b)), {})
            known["left_parcel" if a < b else "right_parcel"] = gid
    rows, shapes = [], []
    for n, ((a, b), known) in enumerate(sorted(sides.items())):
        east, north = b[0] - a[0], b[1] - a[1]
        azimuth = float(np.degrees(np.arctan2(east, north)) % 360)
        rows.append(
            {"line_id": f"BL-{n}", "line_kind": "RECORD", "direction_az": azimuth, "distance_ft": float(np.hypot(east, north))}
        )
        rows[-1].update(known)
        shapes.append(shapely.LineString([a, b]))
    lines = made_rows("boundary_line", rows, shapes, OLD, schema(), crs=CITY.crs)
    places = sorted({place for side in sides for place in side})
    marks = [{"corner_id": f"M-{n}", "kind": "SET", "e_ft": e, "n_ft": n_} for n, (e, n_) in enumerate(places)]
    return lines, made_rows("corner", marks, shapely.points(places), OLD, schema(), crs=CITY.crs)


def documents() -> pd.DataFrame:
    """The record the lots came from, and the one the operations rest on."""
    rows = [
        {"doc_id": r.doc_id, "doc_type": "PARCEL_MAP", "unit": "FT_US", "sha256": s * 64} for r, s in ((OLD, "a"), (RECORD, "b"))
    ]
    return made_rows("source_document", rows, None, OLD, schema())


def whole() -> tuple[gpd.GeoDataFrame, dict[str, pd.DataFrame]]:
    """The lots, and all layers beside them."""
    lots = parcels()
    points = addresses(lots)
    lots["situs_id"] = points["global_id"].to_numpy()
    lines, corners = courses(lots)
    beside = {"right_of_way": street(), "address_point": points, "boundary_line": lines, "corner": corners}
    return lots, {**beside, "parcel_owner": owners(lots), "source_document": documents()}


def change_of(operation, layer="parcel"):
    """What an operation does to a layer."""
    return operation.change.layers[layer]
