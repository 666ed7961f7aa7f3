"""
The courses and corners of parcels whose outlines change: divided at new corners, ended, added, and told whom they bound.
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes import LayerChange
from citygis.cogo import format_angle, format_bearing
from citygis.operations.cutting import with_vertices
from citygis.operations.operation import LINK_COLUMNS, Record
from citygis.operations.rows import ended, made_rows, no_rows
from citygis.schema import Schema

ON_FT = 0.01
"""A course follows an outline within this: the tolerance of rules T03 and T04."""

_PROBE_FT = 0.05


class Net(NamedTuple):
    """Changes of ``boundary_line`` and ``corner`` by layer name, and what is told of courses in `LINK_COLUMNS`."""

    changes: dict[str, LayerChange]
    links: pd.DataFrame


def renewed(
    old: gpd.GeoDataFrame,
    new: gpd.GeoDataFrame,
    nodes: np.ndarray,
    beside: Mapping[str, pd.DataFrame],
    record: Record,
    schema: Schema,
) -> Net:
    """
    The courses about an operation, as they are after it.

    Parameters
    ----------
    old, new : GeoDataFrame
        Parcels before and after: ``global_id``, ``apn``, ``apn_display``, geometry.
    nodes : array (n, 2)
        The corners that are new.
    beside : mapping of name to frame
        ``boundary_line`` and ``corner``. Without the first, or where no course bounds the old parcels, nothing is done.
    record : Record
    schema : Schema

    Returns
    -------
    Net
        A course through a new corner is ended, and its two parts are added, CALCULATED, with the direction it had. One that bounds
        no parcel any more is ended. Sides of new parcels that no course follows become courses, and ends of courses where no corner
        is become corners, CALC.
    """
    lines = beside.get("boundary_line")
    none = Net({}, pd.DataFrame(columns=list(LINK_COLUMNS)))
    if lines is None or not len(lines):
        return none
    ids = set(old["global_id"]) | set(new["global_id"])
    named = (lines["left_parcel"].isin(ids) | lines["right_parcel"].isin(ids)).to_numpy(dtype=bool)
    if not named.any():
        return none
    ground = shapely.union_all(np.concatenate([old.geometry.to_numpy(), new.geometry.to_numpy()]))
    shapes = lines.geometry.to_numpy()
    near = np.flatnonzero(named | (shapely.dwithin(shapes, ground, ON_FT) & ~shapely.is_missing(shapes)))
    held = lines.iloc[near].reset_index(drop=True)
    parts, gone = _divided(held, nodes)
    gone |= _bounds_nothing(held.geometry.to_numpy(), old, new)
    parts = [part for part in parts if not gone[part["row"]] or not _bounds_nothing(np.array([part["shape"]], object), old, new)[0]]
    kept = np.flatnonzero(~gone)
    left, right = _sides(held.geometry.to_numpy()[kept], new)
    updated = _relinked(held.iloc[kept], left, right, set(old["global_id"]) - set(new["global_id"]))
    there = [*held.geometry.to_numpy()[kept], *(part["shape"] for part in parts)]
    added = parts + _missing(new, there)
    frame = _course_rows(added, held, lines, new, record, schema)
    ends = ended(held.iloc[np.flatnonzero(gone)], record)
    told = [
        ("boundary_line", name, None, None, np.nan, "ended: divided, or bounds nothing any more")
        for name in held.loc[gone, "line_id"]
    ]
    told += [("boundary_line", name, None, None, np.nan, "new") for name in frame["line_id"]]
    changes = {"boundary_line": LayerChange(frame, updated, ends)}
    if "corner" in beside:
        marks = _corners(frame, beside["corner"], record, schema)
        changes["corner"] = LayerChange(marks, beside["corner"].iloc[:0], no_rows())
        told += [("corner", name, None, None, np.nan, "new") for name in marks["corner_id"]]
    return Net({k: v for k, v in changes.items() if not v.is_empty}, pd.DataFrame(told, columns=list(LINK_COLUMNS)))


def _divided(held: gpd.GeoDataFrame, nodes: np.ndarray) -> tuple[list[dict], np.ndarray]:
    """The parts of the courses that a new corner lies on, and which courses those are."""
    parts, gone = [], np.zeros(len(held), dtype=bool)
    for row, shape in enumerate(held.geometry):
        if shape is None or not len(nodes) or shape.geom_type != "LineString":
            continue
        near = nodes[shapely.dwithin(shape, shapely.points(nodes), ON_FT)]
        ends = shapely.get_coordinates(shape)[[0, -1]]
        near = near[np.hypot(*np.moveaxis(near[:, None] - ends[None], 2, 0)).min(axis=1) > ON_FT] if len(near) else near
        if not len(near):
            continue
        path = shapely.get_coordinates(with_vertices(shape, near, tolerance_ft=ON_FT))
        cuts = [0, *sorted(int(np.argmin(np.hypot(*(path - node).T))) for node in near), len(path) - 1]
        gone[row] = True
        parts += [{"row": row, "shape": shapely.LineString(path[a : b + 1])} for a, b in itertools.pairwise(cuts) if b > a]
    return parts, gone


def _bounds_nothing(shapes: np.ndarray, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> np.ndarray:
    """Which courses ran along an old outline and run along no new one."""
    middle = shapely.line_interpolate_point(shapes, 0.5, normalized=True)
    was, now = (shapely.union_all(shapely.boundary(each.geometry.to_numpy())) for each in (old, new))
    return shapely.dwithin(middle, was, ON_FT) & ~shapely.dwithin(middle, now, ON_FT)


def _sides(shapes: np.ndarray, new: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The new parcel to the left and to the right of each course, None where there is none."""
    polygons, ids = new.geometry.to_numpy(), new["global_id"].to_numpy(dtype=object)
    sides = []
    for sign in (1.0, -1.0):
        found = np.full(len(shapes), None, dtype=object)
        for row, shape in enumerate(shapes):
            at = shapely.contains_xy(polygons, *_beside(shape, sign * _PROBE_FT))
            if at.any():
                found[row] = ids[np.argmax(at)]
        sides.append(found)
    return sides[0], sides[1]


def _beside(shape: shapely.LineString, off_ft: float) -> tuple[float, float]:
    """A place beside the middle of a course; to the left with a positive distance."""
    path = shapely.get_coordinates(shape)
    legs = np.diff(path, axis=0)
    k = int(np.searchsorted(np.cumsum(np.hypot(*legs.T)), shape.length / 2))
    k = min(k, len(legs) - 1)
    along = legs[k] / np.hypot(*legs[k])
    middle = path[k] + legs[k] / 2
    return middle[0] - along[1] * off_ft, middle[1] + along[0] * off_ft


def _relinked(held: gpd.GeoDataFrame, left: np.ndarray, right: np.ndarray, ending: set[str]) -> gpd.GeoDataFrame:
    made = held.copy()
    changed = np.zeros(len(held), dtype=bool)
    for name, found in (("left_parcel", left), ("right_parcel", right)):
        was = held[name].to_numpy(dtype=object)
        stays = np.array([None if pd.isna(v) or v in ending else v for v in was], dtype=object)
        now = np.where(pd.isna(found), stays, found)
        changed |= np.array([(None if pd.isna(a) else a) != b for a, b in zip(was, now, strict=True)], dtype=bool)
        made[name] = pd.Series(now, index=made.index, dtype=held[name].dtype)
    return made[changed].reset_index(drop=True)


def _missing(new: gpd.GeoDataFrame, there: list) -> list[dict]:
    """Sides of the new parcels that no course follows, each once."""
    covered = shapely.buffer(shapely.union_all(there), ON_FT) if there else shapely.Polygon()
    shapely.prepare(covered)
    edges: dict[tuple, None] = {}
    for shape in new.geometry:
        coordinates, ring = shapely.get_coordinates(shapely.get_rings(shape), return_index=True)
        for k in np.flatnonzero(ring[1:] == ring[:-1]):
            one, two = tuple(coordinates[k].tolist()), tuple(coordinates[k + 1].tolist())
            if not shapely.contains(covered, shapely.LineString([one, two])):
                edges.setdefault((min(one, two), max(one, two)))
    return [{"row": None, "shape": shapely.LineString(edge)} for edge in edges]


def _course_rows(added: list[dict], held, lines, new, record: Record, schema: Schema) -> gpd.GeoDataFrame:
    if not added:
        return lines.iloc[:0]
    shapes = np.array([each["shape"] for each in added], dtype=object)
    left, right = _sides(shapes, new)
    taken, made = set(lines["line_id"]), []
    for k, each in enumerate(added):
        parent = held.iloc[each["row"]] if each["row"] is not None else None
        known = {"line_id": _free(f"{record.doc_id[:8]}-L", taken), "line_kind": "CALCULATED", "left_parcel": left[k]}
        known |= {"right_parcel": right[k], "is_ground": False}
        if parent is not None:
            for side in ("left_parcel", "right_parcel"):
                stays = parent[side]
                known[side] = known[side] or (stays if isinstance(stays, str) and stays not in set(new["global_id"]) else None)
            known |= {name: parent[name] for name in ("h_accuracy_ft", "accuracy_basis", "rank", "is_ground", "scale", "rotation")}
            known["line_kind"] = "NATURAL" if parent["line_kind"] == "NATURAL" else "CALCULATED"
        made.append(known | _measures(each["shape"], parent))
    return made_rows("boundary_line", made, shapes, record, schema, crs=lines.crs)


def _measures(shape: shapely.LineString, parent: pd.Series | None) -> dict:
    """Direction and distance of a course or its chord; of a part of a curve its radius, and the arc that goes with the chord."""
    path = shapely.get_coordinates(shape)
    east, north = path[-1] - path[0]
    chord, azimuth = float(np.hypot(east, north)), float(np.degrees(np.arctan2(east, north)) % 360)
    measures = {"direction_az": azimuth, "distance_ft": chord, "bearing_text": format_bearing(azimuth)}
    radius = float(parent["radius_ft"]) if parent is not None else np.nan
    if not radius > 0 or chord > 2 * radius:
        return measures
    delta = 2 * np.arcsin(chord / (2 * radius))
    if shape.length > np.pi * radius:
        delta = 2 * np.pi - delta
    curve = {"radius_ft": radius, "arc_length_ft": float(radius * delta), "curve_side": parent["curve_side"]}
    return measures | curve | {"delta_dms": format_angle(float(np.degrees(delta)))}


def _corners(frame: gpd.GeoDataFrame, corners: gpd.GeoDataFrame, record: Record, schema: Schema) -> gpd.GeoDataFrame:
    ends = [shapely.get_coordinates(shape)[k] for shape in frame.geometry for k in (0, -1)]
    places = np.unique(np.array(ends).reshape(-1, 2), axis=0)
    if len(places):
        tree = shapely.STRtree(corners.geometry.to_numpy())
        known = tree.query(shapely.points(places), predicate="dwithin", distance=1.0)[0]
        places = places[~np.isin(np.arange(len(places)), known)]
    if not len(places):
        return corners.iloc[:0]
    taken = set(corners["corner_id"])
    known = [
        {"corner_id": _free(f"{record.doc_id[:8]}-C", taken), "kind": "CALC", "e_ft": e, "n_ft": n} for e, n in places.tolist()
    ]
    return made_rows("corner", known, shapely.points(places), record, schema, crs=corners.crs)


def _free(stem: str, taken: set[str]) -> str:
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    taken.add(f"{stem}{number}")
    return f"{stem}{number}"
