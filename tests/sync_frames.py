"""Small remote layers and frames for the tests of planning."""

import uuid

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.readers.service.definition import layer_definition

SYSTEMS = {
    2227: {"wkid": 102643, "latestWkid": 2227},
    3857: {"wkid": 102100, "latestWkid": 3857},
    4326: {"wkid": 4326, "latestWkid": 4326},
}
ORIGIN = {2227: (6_300_000.0, 2_100_000.0), 3857: (-13_500_000.0, 4_550_000.0), 4326: (-121.3, 37.8)}
UNIT = {2227: 1.0, 3857: 0.3048, 4326: 1 / 364_567.0}


def definition(*, wkid=2227, fields=None, geometry="esriGeometryPolygon", **more):
    """A layer's definition; `fields` are (name, kind) or dicts as the service has them."""
    said = [{"name": "OBJECTID", "type": "esriFieldTypeOID"}, {"name": "GlobalID", "type": "esriFieldTypeGlobalID"}]
    given = [("APN", "String"), ("USE", "String"), ("YEAR", "Integer"), ("AREA", "Double")] if fields is None else fields
    for each in given:
        said.append(each if isinstance(each, dict) else {"name": each[0], "type": f"esriFieldType{each[1]}"})
    return layer_definition(
        {
            "name": "Parcels",
            "type": "Feature Layer" if geometry else "Table",
            "objectIdField": "OBJECTID",
            "globalIdField": "GlobalID",
            "geometryType": geometry,
            "extent": {"spatialReference": SYSTEMS[wkid]},
            "supportsApplyEditsWithGlobalIds": True,
            "capabilities": "Query,Create,Update,Delete,Editing",
            "fields": said,
            **more,
        },
        where="test",
    )


def key(number):
    """The global id of feature `number`."""
    return str(uuid.UUID(int=int(number) + 1, version=4))


def lots(n, *, wkid=2227, **columns):
    """Square lots of 50 ft side, 60 ft apart, as both sides hold them."""
    i = np.arange(n)
    unit, (east, north) = UNIT[wkid], ORIGIN[wkid]
    easting, northing = east + 60 * unit * (i % 100), north + 60 * unit * (i // 100)
    known = {
        "APN": pd.Series([f"{k:08d}" for k in i], dtype="str"),
        "USE": pd.Series(["SFR"] * n, dtype="str"),
        "YEAR": pd.array(i + 1900, dtype="Int64"),
        "AREA": pd.array(2500.0 + i / 7, dtype="Float64"),
        "global_id": pd.Series([key(k) for k in i], dtype="str"),
    }
    shapes = shapely.box(easting, northing, easting + 50 * unit, northing + 50 * unit)
    return gpd.GeoDataFrame(known | columns, geometry=gpd.GeoSeries(shapes, crs=wkid))


def changed(frame, row, **values):
    """A copy with other values in one row."""
    frame = frame.copy()
    for name, value in values.items():
        if name == "geometry":
            shapes = frame.geometry.to_numpy().copy()
            shapes[row] = value
            frame = frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs, index=frame.index))
        else:
            frame.loc[frame.index[row], name] = value
    return frame


def applied(plan, frame, definition_):
    """The remote frame after an obedient server has carried out a plan."""
    from citygis.readers.service.esri_json import geometries_of

    rows = {each["global_id"]: each for each in frame.to_dict("records")}
    for each in plan.deletes:
        del rows[each.global_id]
    for each in plan.updates:
        rows[each.global_id] |= {name: was.new for name, was in each.changed.items()}
        if each.geometry is not None:
            rows[each.global_id]["geometry"] = geometries_of([each.geometry.new], definition_)[0][0]
    for each in plan.adds:
        assert each.global_id not in rows
        rows[each.global_id] = {
            "global_id": each.global_id,
            **each.attributes,
            "geometry": geometries_of([each.geometry], definition_)[0][0],
        }
    columns = {
        name: pd.Series([row[name] for row in rows.values()], dtype=object).astype(frame[name].dtype)
        for name in frame.columns
        if name != "geometry"
    }
    shapes = np.array([row["geometry"] for row in rows.values()], dtype=object)
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=frame.crs))
