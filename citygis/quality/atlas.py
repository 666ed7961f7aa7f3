"""
What the page's script draws from: findings and the ground around them, packed small enough to lie inside the page.

Coordinates are whole ten-thousandths of the layer's unit from an origin, each ring as steps from vertex to vertex, written as
base-128 variable-length numbers (LEB128, DWARF 5, section 7.6) in base 64: about 8 characters a vertex.
"""

import base64
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.findings import SEVERITIES
from citygis.quality.pictures import HEIGHT, WIDTH, Scenery, middle_bounds

LISTED = 20_000
"""Findings that the page lists, worst first; the other files hold them all."""
PICTURED = 2_000
"""Findings that have their neighbours drawn; those after them are drawn by their own place and features alone."""
VERTICES = 350_000
"""Vertices of features on the page: about 3 MB."""

RESOLUTION = 1e-4
"""Ground units: the City's coordinates are rounded to it."""

_LONG = 300
"""A feature of more vertices is cut into runs of its outline, so that a street of a whole city costs only what is looked at."""
_RUN = 60
_WIDE_FT = 3_000.0
"""A picture wider than this shows its features, and no neighbours: they would be too small to see."""
_SHADES = 240
"""Cells across the map, for ground whose outlines are left out."""


class Shapes(NamedTuple):
    """
    Geometries as text.

    ``parts`` counts the rings, lines or points of each shape, ``lengths`` the vertices of each of those, ``steps`` holds the
    coordinates; all three as base 64. ``filled`` tells with 1 which shapes are polygons.
    """

    parts: str
    lengths: str
    steps: str
    filled: list[int]


def ranked(findings: gpd.GeoDataFrame) -> np.ndarray:
    """
    Positions of findings, worst first, the rules taking turns: of each rule first its first, then its second.

    Parameters
    ----------
    findings : findings frame
        In the order of `citygis.findings.join_findings`.
    """
    severity = findings["severity"].map(SEVERITIES.index).to_numpy(dtype=int)
    turn = findings.groupby([findings["severity"], findings["code"]], sort=False).cumcount().to_numpy()
    return np.lexsort([np.arange(len(findings)), turn, severity])


def atlas(findings: gpd.GeoDataFrame, scenery: Scenery) -> dict:
    """
    Findings and their surroundings as plain values, fit for JSON.

    Parameters
    ----------
    findings : findings frame
        Those that the page lists, worst first (see `ranked`).
    scenery : Scenery
        In the same CRS.

    Returns
    -------
    dict
        ``origin`` (easting, northing), ``resolution``, ``feet`` (US survey feet in a unit), ``home`` (bounds of the map),
        ``places`` (the geometry of each finding), ``windows`` (the height of ground its picture shows; 0 without a place),
        ``shapes`` with the ``layer`` and ``called`` of each, ``shade`` (cells of ground without outlines), ``pictured`` (findings
        whose neighbours are all on the page) and ``layers``.
    """
    places = _sound(np.asarray(findings.geometry.array, dtype=object))
    heights = _heights(findings, places, scenery)
    seen = scenery.shapes if len(scenery.shapes) else places[~shapely.is_missing(places)]
    home = middle_bounds(seen) if len(seen) else (0.0, 0.0, 1.0, 1.0)
    origin = (float(np.floor(home[0])), float(np.floor(home[1])))
    chosen, pictured = _surroundings(findings, places, heights, scenery)
    shapes, owner = scenery.shapes[chosen], chosen
    if shapely.get_num_coordinates(shapes).sum() > VERTICES:
        shapes, owner = _cut(shapes, chosen, places, heights)
    layers = sorted(set(scenery.layer))
    return {
        "origin": origin,
        "resolution": RESOLUTION,
        "feet": scenery.feet,
        "home": [round(float(value), 2) for value in home],
        "places": _packed(places, origin)._asdict(),
        "windows": [round(float(height), 1) for height in heights],
        "shapes": _packed(shapes, origin)._asdict(),
        "layer": [layers.index(name) for name in scenery.layer[owner]],
        "called": scenery.called[owner].tolist(),
        "shade": _shade(scenery, home) if len(chosen) < len(scenery.shapes) else None,
        "pictured": pictured,
        "layers": layers,
    }


def base128(values: np.ndarray) -> bytes:
    """Whole numbers from 0 as unsigned LEB128, one after the other."""
    values = np.asarray(values, dtype=np.uint64)
    if not len(values):
        return b""
    sizes = np.ones(len(values), dtype=np.int64)
    rest = values >> np.uint64(7)
    while rest.any():
        sizes += rest > 0
        rest >>= np.uint64(7)
    index = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    digits = (np.repeat(values, sizes) >> (7 * index).astype(np.uint64)) & np.uint64(127)
    return (digits | np.where(index + 1 < np.repeat(sizes, sizes), np.uint64(128), np.uint64(0))).astype(np.uint8).tobytes()


def _packed(shapes: np.ndarray, origin: tuple[float, float]) -> Shapes:
    """Each shape as its rings, lines and points, in order; a missing shape has none."""
    flat, owner = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(flat) >= 4).any():  # collections within collections
        flat, inner = shapely.get_parts(flat, return_index=True)
        owner = owner[inner]
    polygonal = shapely.get_dimensions(flat) == 2
    rings, of = shapely.get_rings(flat[polygonal], return_index=True)
    lines = np.concatenate([rings, flat[~polygonal]])
    owner = np.concatenate([owner[polygonal][of], owner[~polygonal]])
    order = np.argsort(owner, kind="stable")
    lines, owner = lines[order], owner[order]
    coordinates, line = shapely.get_coordinates(lines, return_index=True)
    whole = np.round((coordinates - origin) / RESOLUTION).astype(np.int64)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    starts = np.flatnonzero(np.diff(owner[line], prepend=-1))  # a shape starts from the origin, so that it can be read by itself
    steps[starts] = whole[starts]
    parts = np.bincount(owner, minlength=len(shapes))
    lengths = np.bincount(line, minlength=len(lines))
    filled = (shapely.get_dimensions(shapes) == 2).astype(int).tolist()
    return Shapes(_text(parts), _text(lengths), _text(((steps << 1) ^ (steps >> 63)).ravel()), filled)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(base128(values)).decode("ascii")


def _sound(places: np.ndarray) -> np.ndarray:
    """Places that can be drawn: without those that are empty or hold a number that is none."""
    coordinates, owner = shapely.get_coordinates(places, return_index=True)
    broken = shapely.is_empty(places)
    broken[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    kept = places.copy()
    kept[broken] = None
    return kept


def _heights(findings: gpd.GeoDataFrame, places: np.ndarray, scenery: Scenery) -> np.ndarray:
    """The ground each picture shows from south to north, by the same rule as a static picture."""
    bounds = shapely.bounds(places)
    size = np.fmax(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    points = np.flatnonzero(size == 0)
    if len(points) and len(scenery.shapes):
        at, shape = scenery.tree.query(shapely.buffer(places[points], 1.0))
        own = findings["feature"].to_numpy(dtype=object)[points][at] == scenery.called[shape]
        own &= findings["layer"].to_numpy(dtype=object)[points][at] == scenery.layer[shape]
        reach = shapely.bounds(scenery.shapes[shape[own]])
        np.maximum.at(size, points[at[own]], np.fmax(reach[:, 2] - reach[:, 0], reach[:, 3] - reach[:, 1]))
    return np.nan_to_num(np.maximum(size * 1.7, 60 / scenery.feet))


def _surroundings(findings: gpd.GeoDataFrame, places: np.ndarray, heights: np.ndarray, scenery: Scenery) -> tuple[np.ndarray, int]:
    """Positions of the features to put on the page, within `VERTICES`, and how many findings have all of theirs."""
    if not len(scenery.shapes):
        return np.empty(0, dtype=int), 0
    weight = np.minimum(shapely.get_num_coordinates(scenery.shapes), _LONG)
    if weight.sum() <= VERTICES:
        return np.arange(len(scenery.shapes)), len(findings)
    wanted = [_concerned(findings, places, scenery)]
    narrow = np.flatnonzero((heights > 0) & (heights * scenery.feet * WIDTH / HEIGHT <= _WIDE_FT))
    narrow = narrow[narrow < PICTURED]
    finding, shape = scenery.tree.query(_windows(places[narrow], heights[narrow]))
    wanted.append((narrow[finding], shape))
    finding, shape = (np.concatenate(each) for each in zip(*wanted, strict=True))
    first = np.full(len(scenery.shapes), len(findings))
    np.minimum.at(first, shape, finding)  # the worst finding that shows it
    chosen = np.flatnonzero(first < len(findings))
    chosen = chosen[np.argsort(first[chosen], kind="stable")]
    fits = np.cumsum(weight[chosen]) <= VERTICES
    whole = int(first[chosen[~fits]].min(initial=PICTURED))
    return np.sort(chosen[fits]), min(whole, len(findings))


def _concerned(findings: gpd.GeoDataFrame, places: np.ndarray, scenery: Scenery) -> tuple[np.ndarray, np.ndarray]:
    """Findings and the features that they name, by position."""
    at = pd.DataFrame({"called": scenery.called, "shape": np.arange(len(scenery.called))})
    said = pd.concat(
        [
            pd.DataFrame({"called": findings[name].to_numpy(dtype=object), "finding": np.arange(len(findings))})
            for name in ("feature", "other")
        ]
    )
    pairs = said.dropna(subset="called").merge(at, on="called")
    finding, shape = pairs["finding"].to_numpy(), pairs["shape"].to_numpy()
    near = shapely.dwithin(
        shapely.envelope(scenery.shapes[shape]), shapely.envelope(places[finding]), 10.0
    )  # a name is not unique in all layers
    return finding[near], shape[near]


def _windows(places: np.ndarray, heights: np.ndarray) -> np.ndarray:
    bounds = shapely.bounds(places)
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    half = np.stack([heights * WIDTH / HEIGHT, heights], axis=1) / 2
    return shapely.box(*(middle - half).T, *(middle + half).T)


def _cut(shapes: np.ndarray, positions: np.ndarray, places: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Long features as those runs of their outlines that some picture shows; and the position of each shape in the scenery."""
    long = shapely.get_num_coordinates(shapes) > _LONG
    if not long.any():
        return shapes, positions
    parts, owner = shapely.get_parts(shapes[long], return_index=True)
    polygonal = shapely.get_dimensions(parts) == 2
    rings, of = shapely.get_rings(parts[polygonal], return_index=True)
    lines = np.concatenate([rings, parts[~polygonal]])
    owner = positions[long][np.concatenate([owner[polygonal][of], owner[~polygonal]])]
    coordinates, line = shapely.get_coordinates(lines, return_index=True)
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    within = np.arange(len(line)) - starts[line]
    # Consecutive runs share a vertex: each segment is a line of its own run.
    segment = np.flatnonzero(line[1:] == line[:-1])
    run = np.cumsum((within[segment] % _RUN == 0).astype(int)) - 1
    first = np.flatnonzero(np.diff(run, prepend=-1))
    ends = np.append(first[1:], len(segment))
    count = ends - first + 1
    index = np.repeat(segment[first] - (np.cumsum(count) - count), count) + np.arange(count.sum())
    runs = shapely.linestrings(coordinates[index], indices=np.repeat(np.arange(len(first)), count))
    owner = owner[line[segment[first]]]
    shown = np.flatnonzero(heights > 0)
    hit = np.unique(shapely.STRtree(runs).query(_windows(places[shown], heights[shown]))[1])
    budget = hit[np.cumsum(count[hit]) <= VERTICES]
    return np.concatenate([shapes[~long], runs[budget]]), np.concatenate([positions[~long], owner[budget]])


def _shade(scenery: Scenery, home: tuple[float, float, float, float]) -> dict:
    """Square cells where features lie: their size, and their columns and rows from the south-west corner of the map."""
    size = max(home[2] - home[0], home[3] - home[1]) / _SHADES
    bounds = shapely.bounds(scenery.shapes)
    cell = np.floor(((bounds[:, :2] + bounds[:, 2:]) / 2 - home[:2]) / size).astype(np.int64)
    cell = np.unique(cell[((cell >= 0) & (cell < _SHADES)).all(axis=1)], axis=0)
    return {"size": size, "cells": _text(cell.ravel())}
