"""The sound fabric of `quality_layers` with the courses and corners, the easement, the zoning and the limit that go with it."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from quality_layers import COMMON, FEET, at, parcels, street, tract
from shapely import LineString, Point

from citygis.city import default_city
from citygis.findings import COLUMNS
from citygis.quality.checks import applied
from citygis.quality.subject import Subject, subject
from citygis.schema import feature_ids

DOCUMENT = "22222222-2222-5222-8222-222222222222"


def courses(*layers: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A course for each different edge of polygon layers."""
    ends = set()
    for ring in shapely.get_rings(np.concatenate([layer.geometry.to_numpy(dtype=object) for layer in layers])):
        corners = [tuple(each) for each in shapely.get_coordinates(ring)]
        ends |= {tuple(sorted(pair)) for pair in pairwise(corners)}
    return lines(*(LineString(pair) for pair in sorted(ends)))


def lines(*shapes) -> gpd.GeoDataFrame:
    """A boundary line layer of these shapes."""
    frame = gpd.GeoDataFrame({"line_id": [f"L{i}" for i in range(len(shapes))]}, geometry=gpd.GeoSeries(list(shapes), crs=FEET))
    frame["global_id"] = feature_ids("boundary_line", frame["line_id"])
    return frame.assign(line_kind="RECORD", **COMMON)


def corners(of: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A corner at each place where courses end."""
    ends = shapely.get_coordinates(np.r_[shapely.get_point(of.geometry.array, 0), shapely.get_point(of.geometry.array, -1)])
    return points(*map(Point, np.unique(ends, axis=0)))


def points(*shapes, kind="SET") -> gpd.GeoDataFrame:
    """A corner layer of these points, each with its recorded place."""
    frame = gpd.GeoDataFrame({"corner_id": [f"C{i}" for i in range(len(shapes))]}, geometry=gpd.GeoSeries(list(shapes), crs=FEET))
    frame["global_id"] = feature_ids("corner", frame["corner_id"])
    return frame.assign(kind=kind, e_ft=frame.geometry.x, n_ft=frame.geometry.y, **COMMON)


def polygons(layer: str, key: str, *shapes, **columns) -> gpd.GeoDataFrame:
    """Polygons of any layer: "A", "B", and so on."""
    frame = gpd.GeoDataFrame({key: [chr(65 + i) for i in range(len(shapes))]}, geometry=gpd.GeoSeries(list(shapes), crs=FEET))
    frame["global_id"] = feature_ids(layer, frame[key])
    return frame.assign(**{**COMMON, **columns})


def easements(*shapes, **columns) -> gpd.GeoDataFrame:
    return polygons("easement", "easement_id", *shapes, **{"purpose": "PUE", "doc_id": None, **columns})


def limit(*shapes) -> gpd.GeoDataFrame:
    return polygons("city_limit", "limit_id", *(shapes or (at(0, -50, 240, 160),)))


def zones(*shapes, **columns) -> gpd.GeoDataFrame:
    return polygons("zoning", "zone_id", *shapes, **{"code": "R-1", "overlay": False, **columns})


def sound_land() -> dict[str, pd.DataFrame]:
    """Four lots of 60 by 110 ft north of a street of 50 ft, one tract, their courses and corners: without a fault."""
    lots, way = parcels(), street()
    drawn = courses(lots)  # the street's own edges are no courses: parcels have all of them but its ends
    return {"parcel": lots, "tract": tract(), "right_of_way": way, "boundary_line": drawn, "corner": corners(drawn)}


def subjects(layers: dict[str, pd.DataFrame], city=None) -> dict[str, Subject]:
    """The layers as the rules see them."""
    city = city or default_city()
    return {name: subject(name, frame, city.schema.layers[name], city=city) for name, frame in layers.items()}


def told(checks, layers: dict[str, pd.DataFrame], city=None, code: str | None = None) -> pd.DataFrame:
    """What rules between layers find, of one code where it is given."""
    frames = [frame for frame in applied(checks, subjects(layers, city), city or default_city()) if len(frame)]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)
    return frame[frame["code"] == code].reset_index(drop=True) if code else frame
