"""
Curved sides of polygons had back from the chords that stand for them.

A polygon keeps its curves as chords. Where its sides follow an arc of the boundary lines, or one about the same centre, they are
drawn anew so finely that nothing an area tells is lost.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.topology import polygon_parts

SAGITTA_FT = 1e-6
"""How far the finer chords lie from their arc: along 100 ft they leave out 0.00007 sq ft."""

_ROUNDING_FT = 0.002
_REACH_FT = 60.0


def arcs_of(lines: gpd.GeoDataFrame, *, stroke_ft: float) -> tuple[gpd.GeoDataFrame, int]:
    """
    The circles that the curves among boundary lines lie on.

    Parameters
    ----------
    lines : GeoDataFrame
        ``radius_ft, curve_side``, and ``arc_length_ft`` where it is there. In feet.
    stroke_ft : float
        How far a vertex of a line may lie from its circle.

    Returns
    -------
    arcs : GeoDataFrame
        ``easting, northing`` of the centre, ``radius_ft``, and the line.
    misfits : int
        Curves whose line does not follow the radius they state: left out.
    """
    radius = pd.to_numeric(lines["radius_ft"]).to_numpy(dtype=float, na_value=np.nan)
    shapes = shapely.line_merge(np.asarray(lines.geometry.values, dtype=object))
    at = np.flatnonzero((radius > 0) & (shapely.get_type_id(shapes) == 1) & lines["curve_side"].isin(["L", "R"]).to_numpy())
    shapes, radius = shapes[at], radius[at]
    first = shapely.get_coordinates(shapely.get_point(shapes, 0))
    last = shapely.get_coordinates(shapely.get_point(shapes, -1))
    chord = last - first
    long = np.hypot(*chord.T)
    to_right = np.column_stack([chord[:, 1], -chord[:, 0]]) / np.maximum(long, 1e-12)[:, None]
    side = np.where(lines["curve_side"].to_numpy()[at] == "R", 1.0, -1.0)
    major = shapely.length(shapes) > np.pi * radius
    off = np.sqrt(np.maximum(radius**2 - (long / 2) ** 2, 0.0)) * np.where(major, -side, side)
    center = (first + last) / 2 + off[:, None] * to_right
    points, of = shapely.get_coordinates(shapes, return_index=True)
    astray = np.zeros(len(at))
    np.maximum.at(astray, of, np.abs(np.hypot(*(points - center[of]).T) - radius[of]))
    good = astray <= stroke_ft
    table = {"easting": center[good, 0], "northing": center[good, 1], "radius_ft": radius[good]}
    return gpd.GeoDataFrame(table, geometry=shapes[good], crs=lines.crs), int((~good).sum())


def with_arcs(polygons: np.ndarray, arcs: gpd.GeoDataFrame, *, stroke_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Polygons with the sides that follow an arc drawn on it.

    Parameters
    ----------
    polygons : array of n Polygon or MultiPolygon
        Valid.
    arcs : GeoDataFrame
        As `arcs_of` gives them.
    stroke_ft : float
        A side that lies farther from its arc is left straight.

    Returns
    -------
    polygons : array
        As they were where no side is curved, or where the arcs would make one invalid.
    curved_ft : array of float, n
        Length of the sides drawn anew.

    Notes
    -----
    A side is taken for a stroke of an arc when both its ends are as far from the centre, within 0.002 ft, as rounding leaves them,
    and it lies beside the arc. On another radius than the arc's own (the far side of a strip along it) the side before or after
    must be one too.
    """
    parts, owner = polygon_parts(np.asarray(polygons, dtype=object))
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    curved = np.zeros(len(polygons))
    edge = np.flatnonzero(ring[:-1] == ring[1:])
    if not len(edge) or not len(arcs):
        return polygons, curved
    p, q = points[edge], points[edge + 1]
    arc_at = _arc_of(p, q, ring[edge], arcs, stroke_ft)
    bent = np.flatnonzero(arc_at >= 0)
    if not len(bent):
        return polygons, curved
    center = arcs[["easting", "northing"]].to_numpy()[arc_at[bent]]
    extra, of = _between(p[bent], q[bent], center)
    # Between the vertices of a ring come those of its arcs, in the order of the sides they lie on.
    where = np.r_[np.arange(len(points)), edge[bent][of]]
    order = np.argsort(where, kind="stable")
    every, every_ring = np.vstack([points, extra])[order], np.r_[ring, ring[edge[bent][of]]][order]
    new_rings = shapely.linearrings(every, indices=every_ring)
    is_shell = np.r_[True, np.diff(part) != 0]
    new_parts = shapely.polygons(new_rings[is_shell])
    for k in np.unique(part[~is_shell]):
        new_parts[k] = shapely.Polygon(new_rings[is_shell & (part == k)][0], list(new_rings[~is_shell & (part == k)]))
    touched = np.unique(owner[part[ring[edge[bent]]]])
    out = np.asarray(polygons, dtype=object).copy()
    for k in touched:
        own = new_parts[owner == k]
        drawn = own[0] if len(own) == 1 else shapely.multipolygons(own)
        if shapely.is_valid(drawn):
            out[k] = drawn
            mine = owner[part[ring[edge[bent]]]] == k
            curved[k] = float(np.hypot(*(q[bent] - p[bent])[mine].T).sum())
    return out, curved


def _arc_of(p: np.ndarray, q: np.ndarray, ring: np.ndarray, arcs: gpd.GeoDataFrame, stroke_ft: float) -> np.ndarray:
    """The arc that each side is a stroke of, -1 where it is straight."""
    lines = np.asarray(arcs.geometry.values)
    radius = arcs["radius_ft"].to_numpy()
    center = arcs[["easting", "northing"]].to_numpy()
    long = np.hypot(*(q - p).T)
    # A stroke is short: c^2 / 8R is its distance from the arc.
    short = np.flatnonzero((long > 0) & (long**2 / 8 <= stroke_ft * (radius.max() + _REACH_FT)))
    edge, arc = shapely.STRtree(lines).query(shapely.points((p[short] + q[short]) / 2), predicate="dwithin", distance=_REACH_FT)
    edge = short[edge]
    from_p, from_q = np.hypot(*(p[edge] - center[arc]).T), np.hypot(*(q[edge] - center[arc]).T)
    own = (from_p + from_q) / 2
    alike = (np.abs(from_p - from_q) <= _ROUNDING_FT) & (own > 0) & (long[edge] ** 2 <= 8 * stroke_ft * own)
    # Beside the arc: straight out from the centre, the middle of the side lies over the line itself.
    outward = ((p[edge] + q[edge]) / 2 - center[arc]) / np.maximum(own, 1e-12)[:, None]
    foot = center[arc] + outward * radius[arc][:, None]
    alike[alike] = shapely.distance(shapely.points(foot[alike]), lines[arc[alike]]) <= stroke_ft + 0.01
    edge, arc, own = edge[alike], arc[alike], own[alike]
    on_it = np.abs(own - radius[arc]) <= stroke_ft
    table = pd.DataFrame({"edge": edge, "arc": arc, "own": own, "ring": ring[edge], "on": on_it})
    table = table.sort_values(["arc", "edge"], kind="stable")
    same = (table["arc"].diff() == 0) & (table["edge"].diff() == 1) & (table["ring"].diff() == 0)
    same &= table["own"].diff().abs() <= _ROUNDING_FT
    beside = same | same.shift(-1, fill_value=False)
    table = table[table["on"] | beside]
    table = table.assign(astray=np.abs(table["own"] - radius[table["arc"]])).sort_values(["edge", "astray", "arc"], kind="stable")
    first = table.drop_duplicates("edge")
    out = np.full(len(p), -1)
    out[first["edge"]] = first["arc"]
    return out


def _between(p: np.ndarray, q: np.ndarray, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points on the arcs between pairs of points, ends left out, and the pair each belongs to."""
    a, b = p - center, q - center
    from_p, from_q = np.hypot(*a.T), np.hypot(*b.T)
    turn = np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1))
    count = np.ceil(np.abs(turn) / (2 * np.sqrt(2 * SAGITTA_FT / from_p))).astype(int)
    inner = np.maximum(count - 1, 0)
    of = np.repeat(np.arange(len(p)), inner)
    step = np.arange(inner.sum()) - np.repeat(np.cumsum(inner) - inner, inner) + 1
    share = step / count[of]
    angle = np.arctan2(a[of, 1], a[of, 0]) + share * turn[of]
    out = from_p[of] + share * (from_q - from_p)[of]
    return center[of] + out[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]), of
