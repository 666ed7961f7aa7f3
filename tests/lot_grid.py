"""A grid of square lots whose neighbours can be counted on paper, and functions that workers of other processes can find."""

import os
import signal
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import box

FEET = "EPSG:6420"
EAST, NORTH, SIDE_FT = 6_336_000.0, 2_122_000.0, 100.0


def lots(columns: int, rows: int) -> gpd.GeoDataFrame:
    """Lots of 100 by 100 ft, row by row from the south-west; ``number`` counts them from 0."""
    west = EAST + SIDE_FT * (np.arange(columns * rows) % columns)
    south = NORTH + SIDE_FT * (np.arange(columns * rows) // columns)
    shapes = box(west, south, west + SIDE_FT, south + SIDE_FT)
    return gpd.GeoDataFrame({"number": np.arange(len(shapes))}, geometry=shapes, crs=FEET)


def touching(own, halo):
    """How many other lots each lot touches, corners counted."""
    rows = pd.concat([own, halo]) if len(halo) else own
    pairs = rows.sindex.query(own.geometry, predicate="intersects")[0]
    return pd.DataFrame({"citygis_row": own.index, "count": np.bincount(pairs, minlength=len(own)) - 1})


def centres(own, halo):
    """The middle of each lot, under its number."""
    return own.set_geometry(own.geometry.centroid)


def broken_part(own, halo):
    """Fails where lot 0 is."""
    if 0 in own.index:
        raise ZeroDivisionError("lot 0")
    return touching(own, halo)


def deadly_part(own, halo):
    """Takes its process down where lot 0 is."""
    if 0 in own.index:
        os.kill(os.getpid(), signal.SIGKILL)
    return touching(own, halo)


def dies_once(own, halo, marks: str):
    """Writes down that it was called; takes its process down at the third part, once."""
    mark = Path(marks) / f"{own.index[0]}"
    mark.write_text(mark.read_text() + "x" if mark.exists() else "x")
    if len(list(Path(marks).iterdir())) == 3 and not (Path(marks) / "died").exists():
        (Path(marks) / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return touching(own, halo)
