"""Small drawings for the tests: written with ezdxf, or as plain lines and texts."""

import itertools
import math

import ezdxf
import geopandas as gpd
import pandas as pd
import shapely

from citygis.readers.cad_frames import line_geometry
from citygis.readers.cad_primitives import Primitive


def new_drawing(version="R2010", layers=("LOT",)):
    document = ezdxf.new(version)
    for name in layers:
        document.layers.add(name)
    return document, document.modelspace()


def saved(document, folder, name="drawing.dxf"):
    path = folder / name
    document.saveas(path)
    return path


def straight(*points, layer="LOT"):
    """Rows of lines from point to point."""
    return [{**Primitive("line", *map(float, a), *map(float, b))._asdict(), "layer": layer} for a, b in itertools.pairwise(points)]


def arc(center, radius, start_deg, end_deg, layer="LOT"):
    """A row of an arc, counterclockwise from one mathematical angle to the other."""
    ends = [
        (center[0] + radius * math.cos(math.radians(angle)), center[1] + radius * math.sin(math.radians(angle)))
        for angle in (start_deg, end_deg)
    ]
    delta = (end_deg - start_deg) % 360
    return [{**Primitive("arc", *ends[0], *ends[1], *map(float, center), float(radius), delta, "L")._asdict(), "layer": layer}]


def linework(*rows):
    """Rows as the frame that `citygis.linework.lots` takes."""
    table = pd.DataFrame([row for group in rows for row in group])
    table["hand"] = table["hand"].astype("str")
    table["handle"] = [f"{n + 1:X}" for n in range(len(table))]
    table["part"], table["block"] = 1, ""
    table["source_ref"] = "drawing.dxf#" + table["handle"]
    return gpd.GeoDataFrame(table, geometry=line_geometry(table))


def texts(*labels):
    """Texts from (text, easting, northing)."""
    table = pd.DataFrame(labels, columns=["text", "middle_easting", "middle_northing"])
    table["tag"], table["height"], table["azimuth_deg"] = "", 4.0, 90.0
    table["handle"] = [f"T{n}" for n in range(len(table))]
    table["source_ref"] = "drawing.dxf#" + table["handle"].astype("str")
    points = shapely.points(table[["middle_easting", "middle_northing"]].to_numpy(dtype=float)) if len(table) else []
    return gpd.GeoDataFrame(table, geometry=list(points))
