"""Outside files of every format, written in code: three parcels near 37.8 N 121.3 W, in feet or in degrees."""

import json
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyogrio
import shapely

APNS = ["001-190-74", "191-190-75", "191-190-76"]
FEET = "EPSG:6420"
EASTING, NORTHING = 6_337_500.0, 2_122_600.0


def parcels(crs: str = FEET, count: int = 3) -> gpd.GeoDataFrame:
    """`count` lots of 60 x 100 ft in a row, with text, an integer, a double and a null."""
    lots = [shapely.box(EASTING + 60 * i, NORTHING, EASTING + 60 * i + 60, NORTHING + 100) for i in range(count)]
    frame = gpd.GeoDataFrame(
        {
            "APN": [APNS[i] if i < 3 else f"191-191-{i:02d}" for i in range(count)],
            "LOT": list(range(1, count + 1)),
            "ACRES": [0.1377] * count,
            "NOTE": [None, *["Peña"] * (count - 1)],
        },
        geometry=lots,
        crs=FEET,
    )
    return frame if crs == FEET else frame.to_crs(crs)


def write(folder: Path, suffix: str) -> Path:
    """`parcels` in the format of `suffix`, named ``parcels``."""
    path = folder / f"parcels{suffix}"
    if suffix in (".geojson", ".geojsonl"):
        parcels("EPSG:4326").to_file(path, driver="GeoJSON" if suffix == ".geojson" else "GeoJSONSeq")
    elif suffix == ".kml":
        path.write_text(kml(), encoding="utf-8")
    elif suffix == ".kmz":
        zipped(path, {"doc.kml": kml().encode()})
    elif suffix == ".csv":
        frame = parcels()
        frame["WKT"] = frame.geometry.to_wkt()
        frame.drop(columns="geometry").to_csv(path, index=False)
    elif suffix == ".parquet":
        parcels().to_parquet(path)
    elif suffix == ".topojson":
        path.write_text(topojson(), encoding="utf-8")
    elif suffix == ".json":
        path.write_text(esri_json(), encoding="utf-8")
    elif suffix == ".zip":
        write(folder, ".shp")
        parts = {file.name: file.read_bytes() for file in folder.glob("parcels.*") if file.suffix != ".zip"}
        zipped(path, parts)
    elif suffix == ".gdb.zip":
        geodatabase = write(folder, ".gdb")
        zipped(path, {f"parcels.gdb/{file.name}": file.read_bytes() for file in geodatabase.iterdir()})
    else:
        drivers = {
            ".shp": "ESRI Shapefile",
            ".gpkg": "GPKG",
            ".gdb": "OpenFileGDB",
            ".fgb": "FlatGeobuf",
            ".tab": "MapInfo File",
            ".mif": "MapInfo File",
        }
        options = {"promote_to_multi": True} if suffix == ".gdb" else {}
        options |= {"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}
        frame = parcels("EPSG:4326") if suffix in (".tab", ".mif") else parcels()
        pyogrio.write_dataframe(frame, path, driver=drivers[suffix], **options)
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    """A zip of `members`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def kml(prolog: str = '<?xml version="1.0" encoding="UTF-8"?>', inside: str = "", name: str = "parcels") -> str:
    """`parcels` as KML, its attributes as extended data."""
    marks = []
    for row in parcels("EPSG:4326").itertuples():
        ring = " ".join(f"{lon!r},{lat!r}" for lon, lat in shapely.get_coordinates(row.geometry).tolist())
        note = f'<SimpleData name="NOTE">{row.NOTE}</SimpleData>' if isinstance(row.NOTE, str) else ""
        marks.append(
            f'<Placemark><ExtendedData><SchemaData schemaUrl="#p"><SimpleData name="APN">{row.APN}</SimpleData>'
            f'<SimpleData name="LOT">{row.LOT}</SimpleData><SimpleData name="ACRES">{row.ACRES}</SimpleData>{note}'
            f"</SchemaData></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates>"
            "</LinearRing></outerBoundaryIs></Polygon></Placemark>"
        )
    fields = "".join(
        f'<SimpleField name="{name}" type="{kind}"></SimpleField>'
        for name, kind in (("APN", "string"), ("LOT", "int"), ("ACRES", "double"), ("NOTE", "string"))
    )
    return (
        f'{prolog}<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>{name}</name>{inside}'
        f'<Schema id="p" name="p">{fields}</Schema><Folder><name>parcels</name>{"".join(marks)}</Folder></Document></kml>'
    )


def topojson() -> str:
    """`parcels` as TopoJSON, each ring an arc of its own, without a CRS as the format has none."""
    arcs, geometries = [], []
    for i, row in enumerate(parcels("EPSG:4326").itertuples()):
        arcs.append(shapely.get_coordinates(row.geometry).tolist())
        properties = {
            "APN": row.APN,
            "LOT": row.LOT,
            "ACRES": row.ACRES,
            "NOTE": row.NOTE if isinstance(row.NOTE, str) else None,
        }
        geometries.append({"type": "Polygon", "arcs": [[i]], "properties": properties})
    objects = {"parcels": {"type": "GeometryCollection", "geometries": geometries}}
    return json.dumps({"type": "Topology", "objects": objects, "arcs": arcs})


def esri_json(**more) -> str:
    """`parcels` as a feature service answers them."""
    features = []
    for row in parcels().itertuples():
        attributes = {
            "APN": row.APN,
            "LOT": row.LOT,
            "ACRES": row.ACRES,
            "NOTE": row.NOTE if isinstance(row.NOTE, str) else None,
        }
        features.append({"attributes": attributes, "geometry": {"rings": [shapely.get_coordinates(row.geometry).tolist()]}})
    fields = [
        {"name": name, "type": f"esriFieldType{kind}"}
        for name, kind in (("APN", "String"), ("LOT", "Integer"), ("ACRES", "Double"), ("NOTE", "String"))
    ]
    answer = {"geometryType": "esriGeometryPolygon", "spatialReference": {"wkid": 6420}, "fields": fields, "features": features}
    return json.dumps({**answer, **more})


def geojson(geometries: Iterable, *, crs: str | None = None) -> str:
    """Features with these geometries (dicts or None), each with its row number."""
    features = [
        {"type": "Feature", "properties": {"ROW": row}, "geometry": geometry} for row, geometry in enumerate(geometries, start=1)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    if crs:
        collection["crs"] = {"type": "name", "properties": {"name": crs}}
    return json.dumps(collection)


def write_wkb(path: Path, blobs: list[bytes | None], *, geometry_type: str = "Unknown", crs: str = FEET) -> Path:
    """A layer of these WKBs as they are, with the row number in ``ROW``."""
    table = pa.table({"ROW": list(range(1, len(blobs) + 1)), "geometry": pa.array(blobs, type=pa.binary())})
    driver = {".gpkg": "GPKG", ".gdb": "OpenFileGDB", ".fgb": "FlatGeobuf"}[path.suffix]
    options = {"SPATIAL_INDEX": "NO"} if path.suffix == ".fgb" else {}
    pyogrio.write_arrow(
        table, path, driver=driver, geometry_name="geometry", geometry_type=geometry_type, crs=crs, layer_options=options
    )
    return path


def ring_wkb(points: list[tuple[float, float]]) -> bytes:
    """A polygon of one ring, its points as given, closed or not."""
    flat = [value for point in points for value in point]
    return struct.pack("<BIII", 1, 3, 1, len(points)) + struct.pack(f"<{len(flat)}d", *flat)


def arc_wkb(start: tuple, middle: tuple, end: tuple) -> bytes:
    """A polygon bounded by an arc through three points and by the straight line back."""
    arc = struct.pack("<BII", 1, 8, 3) + struct.pack("<6d", *start, *middle, *end)
    line = struct.pack("<BII", 1, 2, 2) + struct.pack("<4d", *end, *start)
    return struct.pack("<BII", 1, 10, 1) + struct.pack("<BII", 1, 9, 2) + arc + line
