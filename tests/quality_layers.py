"""A small sound fabric that the tests of quality break, one thing at a time."""

import geopandas as gpd
import pandas as pd
import shapely
from shapely import box

from citygis.schema import feature_ids

FEET = "EPSG:6420"
EAST, NORTH = 6_330_000.0, 2_120_000.0
SOURCE = "11111111-1111-5111-8111-111111111111"
COMMON = {
    "status": "ACTIVE",
    "source_id": SOURCE,
    "method": "COUNTY",
    "accuracy_basis": "UNKNOWN",
    "created_by_record": SOURCE,
}


def at(easting: float, northing: float, width: float, height: float) -> shapely.Polygon:
    """A rectangle, from its corner, where the City lies."""
    return box(EAST + easting, NORTH + northing, EAST + easting + width, NORTH + northing + height)


def parcels(*shapes) -> gpd.GeoDataFrame:
    """A parcel layer that keeps every attribute rule: by default four lots of 60 by 110 ft, side by side."""
    shapes = shapes or tuple(at(60 * i, 0, 60, 110) for i in range(4))
    n = len(shapes)
    frame = gpd.GeoDataFrame({"apn": [f"1911907{i}" for i in range(n)]}, geometry=gpd.GeoSeries(list(shapes), crs=FEET))
    frame["apn_display"] = [f"191-190-7{i}" for i in range(n)]
    frame["apn_profile"], frame["parcel_kind"] = "san_joaquin", "FEE"
    frame["global_id"] = feature_ids("parcel", frame["apn"])
    frame["tract_id"] = tract()["global_id"][0]
    frame["calc_area_sqft"] = frame.area
    frame["source_ref"] = [f"county.shp/parcels#{i + 1}" for i in range(n)]
    return frame.assign(**COMMON)


def tract() -> gpd.GeoDataFrame:
    """One tract, of the four lots and the street south of them."""
    frame = gpd.GeoDataFrame({"tract_no": ["3021"]}, geometry=gpd.GeoSeries([at(0, -50, 240, 160)], crs=FEET))
    frame["global_id"] = feature_ids("tract", frame["tract_no"])
    return frame.assign(**COMMON)


def street() -> gpd.GeoDataFrame:
    """The street south of the lots."""
    frame = gpd.GeoDataFrame({"row_id": ["R1"]}, geometry=gpd.GeoSeries([at(0, -50, 240, 50)], crs=FEET))
    frame["global_id"] = feature_ids("right_of_way", frame["row_id"])
    return frame.assign(row_kind="FEE", jurisdiction="CITY", **COMMON)


def sound() -> dict[str, pd.DataFrame]:
    """Parcels, their tract and their street, without a fault."""
    return {"parcel": parcels(), "tract": tract(), "right_of_way": street()}
