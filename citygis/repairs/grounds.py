"""
The layers that a repair works on: their shapes, how well each is known, what must not be touched, and who stands near whom.
"""

import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.quality.accuracy import accuracy_ft
from citygis.quality.subject import Subject, subject
from citygis.units import require_feet

MARGIN_FT = 1.0
"""Boxes are made larger by this much before neighbours are looked up: more than any corner is moved."""

CORNER_LAYER = "corner"
"""The City layer whose features are never moved, and hold what stands on them."""


class Ground(NamedTuple):
    """
    One layer.

    Attributes
    ----------
    name : str
    frame : GeoDataFrame
        As given.
    about : Subject
        The same as the rules see it.
    global_id : array of n
    row_of : dict of str to int
        The first row of each name.
    shapes : array of n geometries
        As given; None where it is not finite, empty, or retired.
    accuracy_ft : array of n float
    frozen : array of n bool
        Must stay as it is: it carries heights or measures, which a new vertex would not have.
    tree : STRtree
        Of `shapes`.
    """

    name: str
    frame: gpd.GeoDataFrame
    about: Subject
    global_id: np.ndarray
    row_of: dict[str, int]
    shapes: np.ndarray
    accuracy_ft: np.ndarray
    frozen: np.ndarray
    tree: shapely.STRtree

    @property
    def feature(self) -> np.ndarray:
        """What each row is called."""
        return self.about.feature

    @property
    def source_ref(self) -> np.ndarray:
        """Where each row comes from."""
        return self.about.source_ref

    def excerpt(self, rows: np.ndarray) -> Subject:
        """Some rows as the rules see them, called as in the whole layer."""
        held = self.about
        frame = held.frame.iloc[rows].reset_index(drop=True)
        parts = {"feature": held.feature[rows], "source_ref": held.source_ref[rows], "geometry": held.geometry[rows]}
        return replace(held, frame=frame, **parts)

    def near(self, boxes: np.ndarray) -> np.ndarray:
        """The rows whose boxes meet any of these, MARGIN_FT about them, ascending."""
        if not len(boxes):
            return np.empty(0, dtype=np.intp)
        grown = shapely.bounds(boxes) + np.array([-MARGIN_FT, -MARGIN_FT, MARGIN_FT, MARGIN_FT])
        met = np.zeros(len(self.shapes), dtype=bool)
        met[self.tree.query(shapely.box(*grown.T))[1]] = True
        return np.flatnonzero(met)

    def part(self, rows: np.ndarray, shapes: np.ndarray) -> gpd.GeoSeries:
        """Some rows as a series, with the shapes that they have now."""
        return gpd.GeoSeries(shapes[rows], crs=self.frame.crs)


def grounds_of(layers: Mapping[str, pd.DataFrame], city: City, key: str | None) -> dict[str, Ground]:
    """
    The layers of polygons and lines made ready.

    Parameters
    ----------
    layers : mapping of name to frame
        Tables, empty layers and layers of points are left out.
    city : City
    key : str or None
        The column that names features, instead of the schema's.

    Raises
    ------
    CRSError
        If a layer has no CRS or is not in feet.
    """
    grounds = {}
    for name, frame in layers.items():
        if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None or not len(frame):
            continue
        if not (shapely.get_dimensions(np.asarray(frame.geometry.array, dtype=object)) > 0).any():
            continue
        require_feet(frame.crs, f"Layer {name}")
        about = subject(name, frame, city.schema.layers.get(name), key=key if key in frame else None, city=city)
        shapes = about.geometry.copy()
        coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
        shapes[owner[~np.isfinite(coordinates).all(axis=1)]] = None
        shapes[shapely.is_empty(shapes) | ~about.current] = None
        frozen = shapely.has_z(shapes) | shapely.has_m(shapes)
        ids = about.frame["global_id"] if "global_id" in about.frame else pd.Series([None] * len(frame), dtype=object)
        grounds[name] = Ground(
            name,
            frame,
            about,
            ids.to_numpy(dtype=object),
            dict(zip(about.feature[::-1].tolist(), range(len(frame) - 1, -1, -1), strict=True)),
            shapes,
            accuracy_ft(about.frame, city),
            frozen,
            shapely.STRtree(shapes),
        )
    return grounds


def corners_of(layers: Mapping[str, pd.DataFrame], grounds: Mapping[str, Ground]) -> shapely.STRtree:
    """Places that nothing is moved off: features of the corner layer, and the vertices of features that must stay as they are."""
    held = [shapely.points(shapely.get_coordinates(ground.shapes[ground.frozen])) for ground in grounds.values()]
    frame = layers.get(CORNER_LAYER)
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        held.append(shapely.force_2d(np.asarray(frame.geometry.array, dtype=object)))
    return shapely.STRtree(np.concatenate([np.atleast_1d(each) for each in held]) if held else [])


def differing(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Rows whose shape is another object: what is not changed is not made anew."""
    if before is after:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.frompyfunc(operator.is_not, 2, 1)(before, after).astype(bool))
