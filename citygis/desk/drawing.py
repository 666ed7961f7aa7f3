"""
Ground for the page's map: what a box shows at a scale, on whole steps of feet, small enough to send.

Coordinates are rounded to a grid that all layers and all boxes share, so that neighbours that share a line still share it, and
vertices that fall on one place are sent once: the map is as fine as the screen, no finer.
"""

import math
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from citygis.desk.holdings import Holdings

MOST_PARCELS = 6_000
"""Parcels that are sent with their outline, the largest first; the others are sent as shade."""
MOST_LINES = 12_000
SMALL_PX = 5.0
"""A parcel smaller than this on the screen is shade."""
LABEL_PX = 42.0
"""A parcel is labelled when it is at least so wide, or high, on the screen."""
_SHADE_PX = 3.0
_FINEST_FT = 0.0625


def step_ft(scale: float) -> float:
    """
    The grid for a scale: a power of two, at most half a pixel.

    Parameters
    ----------
    scale : float
        Feet of ground a pixel shows.
    """
    return max(_FINEST_FT, 2.0 ** math.floor(math.log2(scale / 2)))


def ground(held: Holdings, box: tuple[float, float, float, float], scale: float) -> dict[str, Any]:
    """
    What a box of the City shows.

    Parameters
    ----------
    held : Holdings
    box : tuple of float
        Least easting, least northing, greatest easting, greatest northing, in feet.
    scale : float
        Feet a pixel shows.

    Returns
    -------
    dict
        ``step`` and ``origin`` in feet; ``layers``, of right_of_way, parcel and street_centerline each as `packed` gives them,
        parcels with ``apn`` and ``label`` of those that are large enough to be labelled; ``shade``, cells of small parcels:
        ``size`` in steps and ``cells``, column and row by turns.
    """
    step = step_ft(scale)
    origin = (math.floor(box[0] / step) * step, math.floor(box[1] / step) * step)
    window = shapely.box(*box)
    layers: dict[str, Any] = {}
    for name in ("right_of_way", "street_centerline"):
        frame = held.layers.get(name)
        if frame is None or not len(frame):
            continue
        shapes = np.asarray(frame.geometry.values)
        at = np.sort(frame.sindex.query(window))
        bounds = shapely.bounds(shapes[at])
        size = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
        at = at[size >= SMALL_PX * scale]
        if len(at) > MOST_LINES:
            continue
        layers[name] = packed(shapes[at], origin, step)
    at = np.sort(held.tree.query(window))
    at = at[held.standing[at]]
    wide = np.maximum(held.boxes[at, 2] - held.boxes[at, 0], held.boxes[at, 3] - held.boxes[at, 1])
    large = wide >= SMALL_PX * scale
    if large.sum() > MOST_PARCELS:
        large &= wide >= np.partition(wide, len(wide) - MOST_PARCELS)[len(wide) - MOST_PARCELS]
    outlined, small = at[large], at[~large]
    layers["parcel"] = packed(held.shapes[outlined], origin, step)
    labelled = wide[large] >= LABEL_PX * scale
    layers["parcel"]["label"] = [str(held.shown[k]) if named else "" for k, named in zip(outlined, labelled, strict=True)]
    return {"step": step, "origin": origin, "layers": layers, "shade": _shade(held.boxes[small], origin, step, scale)}


def drawn(
    layers: Mapping[str, gpd.GeoDataFrame], styles: Mapping[str, Mapping[str, Any]], *, most: int = MOST_PARCELS
) -> list[dict[str, Any]]:
    """
    Layers of an answer for the map, bottom-up.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame
    styles : mapping of str to mapping
        Style tables as in a `MapPlan`; layers without one are not drawn.
    most : int
        Features of a layer that are sent, the first; ``left`` counts the others.

    Returns
    -------
    list of dict
        ``name, legend, fill, line, width, dash, marker, left``, and what `packed` gives; ``origin`` and ``step`` of their own.
    """
    out = []
    for name, style in styles.items():
        frame = layers.get(name)
        if frame is None or not len(frame):
            continue
        shapes = np.asarray(frame.geometry.values, dtype=object)
        shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
        if not len(shapes):
            continue
        west, south, east, north = shapely.total_bounds(shapes)
        step = step_ft(max(east - west, north - south, 50.0) / 4000)
        line, marker = style.get("line") or {}, style.get("marker") or {}
        told = {
            "name": name,
            "legend": style.get("legend") or name.replace("_", " "),
            "fill": style.get("fill") or marker.get("fill") or "",
            "line": line.get("color") or ("#333333" if not style.get("fill") else ""),
            "width": float(line.get("width_pt", 0.8)),
            "dash": list(line.get("dash_pt", ())),
            "left": max(0, len(shapes) - most),
            "step": step,
            "origin": (math.floor(west / step) * step, math.floor(south / step) * step),
        }
        out.append(told | packed(shapes[:most], told["origin"], step))
    return out


def packed(shapes: np.ndarray, origin: tuple[float, float], step: float) -> dict[str, Any]:
    """
    Shapes as whole numbers.

    Parameters
    ----------
    shapes : (n,) array of geometries
    origin : tuple of float
        Easting and northing that steps are counted from, in feet.
    step : float
        Feet.

    Returns
    -------
    dict
        ``count``, n; ``of``, the shape of each path; ``kind`` of each path: 0 point, 1 line, 2 ring; ``lengths``, vertices of each
        path; ``steps``, easting and northing by turns, each from the one before, every path's first from the origin.
    """
    parts, of = shapely.get_parts(shapes, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)  # a collection of multi-geometries
    of = of[inner]
    kinds = shapely.get_type_id(parts)
    rings, ring_of = shapely.get_rings(parts[kinds == 3], return_index=True)
    other = kinds < 3
    paths = np.concatenate([parts[other], rings])
    owner = np.concatenate([of[other], of[kinds == 3][ring_of]])
    kind = np.concatenate([kinds[other], np.full(len(rings), 2)])
    kind = np.where(np.concatenate([kinds[other] == 0, np.zeros(len(rings), bool)]), 0, np.where(kind == 2, 2, 1))
    coords, index = shapely.get_coordinates(paths, return_index=True)
    places = np.round((coords - origin) / step).astype(np.int64)
    fresh = np.ones(len(places), dtype=bool)
    fresh[1:] = (index[1:] != index[:-1]) | (places[1:] != places[:-1]).any(axis=1)
    places, index = places[fresh], index[fresh]
    lengths = np.bincount(index, minlength=len(paths))
    steps = places.copy()
    same = index[1:] == index[:-1]
    steps[1:][same] -= places[:-1][same]
    order = np.argsort(owner, kind="stable")
    if not (order == np.arange(len(order))).all():
        starts = np.concatenate([[0], np.cumsum(lengths)])
        steps = np.concatenate([steps[starts[k] : starts[k + 1]] for k in order])
        owner, kind, lengths = owner[order], kind[order], lengths[order]
    return {
        "count": len(shapes),
        "of": owner.tolist(),
        "kind": kind.tolist(),
        "lengths": lengths.tolist(),
        "steps": steps.ravel().tolist(),
    }


def _shade(boxes: np.ndarray, origin: tuple[float, float], step: float, scale: float) -> dict[str, Any]:
    size = max(1, round(_SHADE_PX * scale / step))
    if not len(boxes):
        return {"size": size, "cells": []}
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    cells = np.unique(np.floor((middle - origin) / (size * step)).astype(np.int64), axis=0)
    return {"size": size, "cells": cells.ravel().tolist()}
