"""
What a utility, a neighbour city and the City's own departments send: easements, rights of way, zoning, hydrants.

Each function writes one file and returns the truth of the defects in it, none where `defects` is false.
"""

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.gpkg import write_geopackage
from citygis.samples.county import in_degrees, write_zip
from citygis.samples.easements import POWER
from citygis.samples.fabric import fabric
from citygis.samples.plan import Plan
from citygis.samples.quarters import EAST, HALF_MILE_FT, NORTH
from citygis.samples.riverbend import Riverbend
from citygis.samples.streets import Street, path_from
from citygis.samples.truth import Defect, defect

POWER_KMZ, EASTVALE_GEOJSON = "riverbend_power_easements.kmz", "eastvale_right_of_way.geojson"
ZONING_GPKG, HYDRANTS_CSV = "zoning.gpkg", "hydrants.csv"
_EASTVALE = ("Heritage Road", "Tallgrass Road", "Windrow Avenue", "Stubble Lane", "Silo Street")


def write_power_easements(folder: Path, city: Riverbend, *, defects: bool = True) -> list[Defect]:
    """The power company's easements as KMZ, longitude and latitude under KML's WGS 84 label, kinds in its own codes."""
    layer = city.layers["easement"]
    layer = layer[layer["grantee"] == POWER]
    table = pd.DataFrame(
        {
            "ESMT_NO": ["DLP-" + number[2:] for number in layer["easement_id"]],
            "KIND": np.where(np.arange(len(layer)) % 4 == 3, "UG", "OH"),
            "WIDTH": [f"{width:g}" for width in layer["width_ft"]],
            "HOLDER": layer["grantee"].to_numpy(),
        }
    ).astype(object)
    geometry = layer.geometry.to_numpy().copy()
    truth = []
    if defects:
        keys = table["ESMT_NO"].tolist()
        table.loc[4, "KIND"] = "XX"
        truth.append(defect(POWER_KMZ, "easement", "unknown_code", "C01", 4, geometry[4], key=keys[4], field="KIND", value="XX"))
        table.loc[9, "ESMT_NO"] = None
        truth.append(defect(POWER_KMZ, "easement", "id_missing", "C05", 9, geometry[9], field="ESMT_NO"))
        sound = geometry[14]
        geometry[14] = _with_loop(sound)
        truth.append(defect(POWER_KMZ, "easement", "self_crossing", "G03", 14, sound, key=keys[14]))
    marks = [_placemark(row, polygon) for row, polygon in zip(table.to_dict("records"), in_degrees(geometry), strict=True)]
    kml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Easements</name>\n'
        '<Schema name="easement" id="easement">'
        + "".join(f'<SimpleField type="string" name="{name}"/>' for name in table.columns)
        + "</Schema>\n<Folder><name>easements</name>\n"
        + "\n".join(marks)
        + "\n</Folder></Document></kml>\n"
    )
    with TemporaryDirectory() as temporary:
        document = Path(temporary) / "doc.kml"
        document.write_text(kml, encoding="utf-8", newline="\n")
        write_zip(folder / POWER_KMZ, [document])
    return truth


def write_eastvale(folder: Path, rng: np.random.Generator, *, defects: bool = True) -> list[Defect]:
    """The neighbour city's rights of way east of Meridian Road as GeoJSON, dates as month/day/year, kinds as one letter."""
    west, far = 2 * HALF_MILE_FT + 60, 2 * HALF_MILE_FT + 640
    across = [("Alder Road", 0.0), ("Harvest Boulevard", HALF_MILE_FT), ("Granary Road", 2 * HALF_MILE_FT)]
    across += [(name, 440.0 * k + 420) for k, name in enumerate(_EASTVALE) if 440 * k + 420 < HALF_MILE_FT - 100]
    streets = [Street("Eastvale Parkway", "collector", path_from(complex(west + 300, -60), NORTH, 2 * HALF_MILE_FT + 120), 36)]
    streets += [Street(name, "local", path_from(complex(west, n), EAST, far - west), 30) for name, n in across]
    drawn = fabric(Plan(tuple(streets), (), (), (), (), ()), rng)
    faces = np.flatnonzero(drawn.street >= 0)
    geometry = drawn.faces[faces]
    properties = [
        {
            "RW_NUM": f"EV-{k + 1:03d}",
            "ROAD": streets[street].name.upper(),
            "RW_TYPE": "AFE"[k % 3] if streets[street].kind == "local" else "A",
            "WIDTH": 2 * streets[street].half_width_ft,
            "ACCEPTED": f"{1 + k % 12:02d}/{1 + 2 * k % 28:02d}/{1990 + k}",
        }
        for k, street in enumerate(drawn.street[faces])
    ]
    truth = []
    if defects:
        properties[3]["RW_TYPE"] = "Z"
        key = properties[3]["RW_NUM"]
        truth.append(
            defect(EASTVALE_GEOJSON, "right_of_way", "unknown_code", "C01", 3, geometry[3], key=key, field="RW_TYPE", value="Z")
        )
        properties[6]["ACCEPTED"] = "13/45/2001"
        key = properties[6]["RW_NUM"]
        truth.append(
            defect(
                EASTVALE_GEOJSON,
                "right_of_way",
                "date_unreadable",
                "C02",
                6,
                geometry[6],
                key=key,
                field="ACCEPTED",
                value="13/45/2001",
            )
        )
    features = [
        {"type": "Feature", "properties": row, "geometry": json.loads(shapely.to_geojson(polygon))}
        for row, polygon in zip(properties, shapely.transform(in_degrees(geometry), lambda lonlat: lonlat.round(10)), strict=True)
    ]
    lines = ",\n".join(json.dumps(feature) for feature in features)
    text = f'{{"type": "FeatureCollection", "name": "eastvale_right_of_way", "features": [\n{lines}\n]}}\n'
    (folder / EASTVALE_GEOJSON).write_text(text, encoding="utf-8", newline="\n")
    return truth


def write_zoning(folder: Path, city: Riverbend, *, defects: bool = True) -> list[Defect]:
    """The planning department's zoning as GeoPackage, in State Plane feet under the older NAD 83 label (EPSG:2227)."""
    layer = city.layers["zoning"]
    code = layer["code"].to_numpy(dtype=object).copy()
    geometry = layer.geometry.to_numpy().copy()
    truth = []
    if defects:
        inner = np.flatnonzero((code == "P") & (shapely.area(geometry) < 200_000))
        school, other = int(inner[0]), int(inner[-1])
        sound = geometry[school]
        wider = shapely.orient_polygons(shapely.buffer(sound, 4.0, join_style="mitre"))
        geometry[school] = shapely.transform(wider, lambda en: en.round(4))
        key, beside = layer["zone_id"].iloc[school], int(np.flatnonzero(shapely.overlaps(geometry, geometry[school]))[0])
        truth.append(
            defect(
                ZONING_GPKG,
                "zoning",
                "overlap",
                "T01",
                school,
                sound,
                key=key,
                other=layer["zone_id"].iloc[beside],
                size=4.0,
                unit="ft",
                radius_ft=600.0,
            )
        )
        code[other] = None
        truth.append(
            defect(
                ZONING_GPKG,
                "zoning",
                "code_missing",
                "C05",
                other,
                geometry[other],
                key=layer["zone_id"].iloc[other],
                field="ZONECODE",
            )
        )
    table = {
        "ZONEID": layer["zone_id"].to_numpy(),
        "ZONECODE": code,
        "ORD_NO": layer["ordinance"].to_numpy(),
        "IS_OVERLAY": "N",
    }
    frame = gpd.GeoDataFrame(pd.DataFrame(table).astype("str"), geometry=geometry, crs="EPSG:2227")
    write_geopackage(folder / ZONING_GPKG, {"ZONING_DISTRICTS": frame}, overwrite=True)
    return truth


def write_hydrants(folder: Path, city: Riverbend, *, defects: bool = True) -> list[Defect]:
    """Public Works' hydrants as a table of text with eastings and northings; such a file cannot say its own system."""
    layer = city.layers["hydrant"]
    places = shapely.get_coordinates(layer.geometry)
    rows = [
        {
            "ASSET": number,
            "EASTING": f"{e:.4f}",
            "NORTHING": f"{n:.4f}",
            "GPM": f"{flow:g}",
            "OWNED_BY": kind[0],
            "INSTALLED": f"{day:%Y-%m-%d}",
        }
        for number, (e, n), flow, kind, day in zip(
            layer["hydrant_id"], places, layer["flow_gpm"], layer["owner_kind"], layer["installed_on"], strict=True
        )
    ]
    truth = []
    if defects:
        for kind, code, row, field, value in (
            ("coordinate_text", "C06", 11, "EASTING", "see sketch"),
            ("id_missing", "C05", 23, "ASSET", ""),
            ("number_text", "C02", 37, "GPM", "low"),
            ("duplicate_id", "A06", 52, "ASSET", rows[51]["ASSET"]),
        ):
            key = value if kind == "duplicate_id" else rows[row]["ASSET"]
            rows[row][field] = value
            point = shapely.Point(places[row])
            truth.append(defect(HYDRANTS_CSV, "hydrant", kind, code, row, point, key=key, field=field, value=value))
        rows[66] |= {"EASTING": "0", "NORTHING": "0"}
        truth.append(defect(HYDRANTS_CSV, "hydrant", "zero_coordinates", "G06", 66, shapely.Point(0, 0), key=rows[66]["ASSET"]))
    with (folder / HYDRANTS_CSV).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return truth


def _with_loop(polygon: shapely.Polygon) -> shapely.Polygon:
    """The polygon with its longest side drawn forth, back and forth again, so that its outline crosses itself."""
    ring = shapely.get_coordinates(polygon.exterior)
    sides = np.diff(ring, axis=0)
    k = int(np.argmax(np.hypot(*sides.T)))
    aside = 2.0 * np.array([-sides[k, 1], sides[k, 0]]) / np.hypot(*sides[k])
    forth, back = (np.round(ring[k] + share * sides[k] + aside, 4) for share in (0.6, 0.4))
    return shapely.Polygon(np.vstack([ring[: k + 1], forth, back, ring[k + 1 :]]))


def _placemark(row: dict, polygon: shapely.Polygon) -> str:
    values = "".join(f'<SimpleData name="{name}">{escape(value)}</SimpleData>' for name, value in row.items() if value is not None)
    rings = [" ".join(f"{lon:.10f},{lat:.10f}" for lon, lat in ring.coords) for ring in (polygon.exterior, *polygon.interiors)]
    sides = ["outerBoundaryIs", *["innerBoundaryIs"] * len(polygon.interiors)]
    shape = "".join(
        f"<{side}><LinearRing><coordinates>{ring}</coordinates></LinearRing></{side}>"
        for side, ring in zip(sides, rings, strict=True)
    )
    data = f'<ExtendedData><SchemaData schemaUrl="#easement">{values}</SchemaData></ExtendedData>'
    return f"<Placemark>{data}<Polygon>{shape}</Polygon></Placemark>"
