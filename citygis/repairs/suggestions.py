"""
What a person could do about what a repair leaves alone: in words, and as the geometry that it would give.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from citygis import topology
from citygis.repairs.evidence import MENDABLE
from citygis.repairs.grounds import Ground
from citygis.units import METRE, unit_of

COINCIDES_FT = 0.02
"""A corner put right stands on a neighbour's when it lies no farther from it."""

_SENIORITY = "legal_from"
_PUT_RIGHT = {
    "axes_exchanged": "Exchange easting and northing",
    "metres": "Multiply metres into feet",
    "metres_exchanged": "Exchange northing and easting, then multiply metres into feet",
    "degrees": "Project the degrees into the layer's system",
    "degrees_exchanged": "Exchange latitude and longitude, then project them",
}


def suggestions(findings: gpd.GeoDataFrame, grounds: Mapping[str, Ground], state: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """
    What could be done about findings that are left.

    Parameters
    ----------
    findings : findings frame
    grounds : mapping of name to Ground
    state : mapping of name to array
        How the shapes stand now.

    Returns
    -------
    DataFrame, a row per finding
        ``suggestion``: words, null where there is only the remedy of the rule; ``batch``: the name of the one change that several
        findings would be mended by; ``suggested``: the geometry it would give (WKB), null where it gives none. Nothing of it is
        applied.
    """
    n = len(findings)
    columns = {name: np.full(n, None, dtype=object) for name in ("suggestion", "batch", "suggested")}
    strayed: dict[str, list[tuple[int, int]]] = {}
    held = [findings[c].to_numpy(dtype=object) for c in ("code", "layer", "feature", "other")]
    places = np.asarray(findings.geometry.array, dtype=object)
    known = _known(grounds, *held)
    for i, (code, layer, feature, other, place) in enumerate(zip(*held, places, strict=True)):
        if layer not in grounds or code not in {*MENDABLE, "G06"}:
            continue
        one, two = (grounds[layer].row_of.get(name, -1) if isinstance(name, str) else -1 for name in (feature, other))
        words = shape = None
        if code == "G06" and one >= 0:
            strayed.setdefault(layer, []).append((i, one))
        elif code == "G03" and one >= 0:
            words, shape = _made_valid(state[layer][one])
        elif code == "T01" and one >= 0 and two >= 0:
            words, shape = _cut_out(grounds[layer], state[layer], one, two, known[layer])
        elif code in ("T02", "T33") and isinstance(place, shapely.Geometry):
            words, shape = "Move the line that is known less onto the other, or give this strip to whom the record gives it.", place
        elif code in ("T31", "T32") and isinstance(place, shapely.Geometry):
            words, shape = "Look at both records, and bring the corner that is known less onto the other.", place
        elif code == "G04":
            words = "Take one of the two out, or declare the stack if both are meant."
        columns["suggestion"][i] = words
        columns["suggested"][i] = None if shape is None else shapely.to_wkb(shape)
    for layer, held in strayed.items():
        for i, batch, words, shape in _put_right(grounds[layer], state[layer], held):
            columns["suggestion"][i], columns["batch"][i], columns["suggested"][i] = words, batch, shapely.to_wkb(shape)
    return pd.DataFrame(columns)


def _made_valid(shape: shapely.Geometry | None) -> tuple[str | None, shapely.Geometry | None]:
    if shape is None:
        return None, None
    valid = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if valid.is_empty:
        return "Nothing would be left of it if it were made valid. Redraw it from its record.", None
    return (
        f"Made valid it would be a {valid.geom_type} of {shapely.get_num_geometries(valid)} part(s) with {valid.area:,.1f} sq ft, "
        f"and not {abs(shape.area):,.1f}. Redraw it from its record; take this only if the picture is right.",
        valid,
    )


def _known(grounds: Mapping[str, Ground], code: np.ndarray, layer: np.ndarray, *names: np.ndarray) -> dict[str, dict[int, float]]:
    """By layer and row, how well the features of overlaps are known."""
    known = {}
    for name, ground in grounds.items():
        mine = (code == "T01") & (layer == name)
        rows = np.unique([ground.row_of[each] for some in names for each in some[mine] if each in ground.row_of]).astype(np.intp)
        known[name] = dict(zip(rows.tolist(), ground.accuracy_ft(rows).tolist(), strict=True))
    return known


def _cut_out(
    ground: Ground, shapes: np.ndarray, one: int, two: int, known: Mapping[int, float]
) -> tuple[str | None, shapely.Geometry | None]:
    """The junior of two that overlap, without what the senior has."""
    senior, junior, why = _ranked(ground, one, two, known)
    a, b = shapes[senior], shapes[junior]
    if a is None or b is None or not (a.is_valid and b.is_valid):
        return None, None
    left = shapely.difference(b, a)
    kept = f"{ground.feature[junior]} without the ground of {ground.feature[senior]}, {why}: "
    if left.is_empty:
        name, other = ground.feature[junior], ground.feature[senior]
        return f"Retire {name}, or declare the stack: {other}, {why}, has all of its ground.", None
    parts = shapely.get_num_geometries(left)
    return f"{kept}{left.area:,.1f} sq ft in {parts} part(s) instead of {b.area:,.1f}. A person decides.", left


def _ranked(ground: Ground, one: int, two: int, known: Mapping[int, float]) -> tuple[int, int, str]:
    """The senior of two, the junior, and why: the earlier record, else the better accuracy, else the smaller one."""
    if _SENIORITY in ground.about.frame:
        since = pd.to_datetime(ground.about.frame[_SENIORITY].iloc[[one, two]], errors="coerce").to_numpy()
        if not pd.isna(since).any() and since[0] != since[1]:
            return (one, two, "whose record is older") if since[0] < since[1] else (two, one, "whose record is older")
    if known[one] != known[two]:
        return (one, two, "which is known better") if known[one] < known[two] else (two, one, "which is known better")
    small = shapely.area(ground.shapes[[one, two]])
    return (two, one, "which is the smaller one") if small[1] < small[0] else (one, two, "which is the smaller one")


def _put_right(ground: Ground, shapes: np.ndarray, strayed: list[tuple[int, int]]) -> list[tuple[int, str, str, shapely.Geometry]]:
    """Features that lie elsewhere, put back by the one mistake that explains them, with how well they then fit their neighbours."""
    rows = np.array([row for _, row in strayed])
    here = np.isfinite(ground.about.bounds[:, 0]) & ground.about.current
    here[rows] = False
    if not here.any():
        return []
    bounds = ground.about.bounds[here]
    extent = np.concatenate([bounds[:, :2].min(axis=0) - 5_000, bounds[:, 2:].max(axis=0) + 5_000])
    kinds = topology.outside_extent(gpd.GeoSeries(shapes[rows], crs=ground.about.crs), extent)
    told = []
    for kind, group in kinds.groupby("kind", sort=True):
        if kind not in _PUT_RIGHT:
            continue
        at = group["feature"].to_numpy(dtype=int)
        back = shapely.transform(shapes[rows[at]], lambda c, kind=kind: _righted(c, kind, ground.about.crs))
        corners = shapely.points(shapely.get_coordinates(back))
        _, off = ground.trees[0][0].query_nearest(corners, return_distance=True, all_matches=False)
        batch = f"{ground.name}: {_PUT_RIGHT[kind].lower()}"
        words = (
            f"{_PUT_RIGHT[kind]} for {len(at)} feature(s) of {ground.name} at once: {np.mean(off <= COINCIDES_FT):.0%} of their "
            f"corners then lie within {COINCIDES_FT:g} ft of a neighbour, the median {np.median(off):,.4f} ft off. Confirm it, "
            "and convert again."
        )
        told += [(strayed[i][0], batch, words, shape) for i, shape in zip(at, back, strict=True)]
    return told


def _righted(coordinates: np.ndarray, kind: str, crs) -> np.ndarray:
    if kind.endswith("exchanged"):
        coordinates = coordinates[:, ::-1]
    if kind.startswith("metres"):
        coordinates = coordinates * (float(METRE) / float(unit_of(crs)))
    if kind.startswith("degrees"):
        project = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
        coordinates = np.stack(project.transform(coordinates[:, 0], coordinates[:, 1]), axis=1)
    return coordinates
