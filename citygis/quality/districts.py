"""
Rules about what divides the City's ground: zoning, tax rate areas, the limit and its annexations, flood zones: T19 to T21, T30.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.checks import Check, one_of, placed, text
from citygis.quality.shapes import exempt
from citygis.quality.subject import Subject, finding

TRUE = ("True", "true", "1")

MATCHED = ("flood_zone", "flood_200yr", "district")
"""Layers whose polygons must match along their edges (T30); districts those of one kind, because kinds lie over each other."""


def _zoning(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T19: ground inside the City's limit in no zoning district; two districts on one ground are T01, overlays are neither."""
    zoning, limit = subjects["zoning"], subjects["city_limit"]
    base = np.flatnonzero(zoning.current & ~one_of(zoning, "overlay", TRUE))
    inside = placed(limit, city)
    rule = zoning.rule("T19")
    gaps = topology.gaps(limit.shapes.iloc[inside], zoning.shapes.iloc[base], tolerance_ft=rule.tolerance)
    gaps = gaps[~gaps["beside_invalid"].to_numpy(dtype=bool)]
    rows, shape = inside[gaps["boundary"].to_numpy(dtype=int)], gaps.geometry.to_numpy(dtype=object)
    width, area = gaps["width_ft"].to_numpy(), gaps["area_sqft"].to_numpy()
    street = zoning.rule("T19", "street_without_zone")
    way = subjects.get("right_of_way")
    paved = _share(shape, way, city) >= street.limit if way is not None else np.zeros(len(shape), dtype=bool)
    for which, name, what in ((~paved, rule.name, "no zoning district"), (paved, street.name, "right of way and in no district")):
        message = [
            f"{sqft:,.2f} sq ft inside {limit.feature[row]}, up to {ft:,.2f} ft wide, are in {what} "
            f"(tolerance {rule.tolerance:g} ft)."
            for row, sqft, ft in zip(rows[which], area[which], width[which], strict=True)
        ]
        more = {"measure": width[which], "geometry": shape[which]}
        yield finding(limit, "T19", name, rows[which], message, unit="ft", tolerance=rule.tolerance, **more)


def _share(shapes: np.ndarray, way: Subject, city: City) -> np.ndarray:
    """How much of the ground of each polygon is right of way, from 0 to 1."""
    ways = gpd.GeoSeries(way.place[placed(way, city)], crs=way.crs)
    own = gpd.GeoSeries(shapes, crs=way.crs)
    open_ = topology.gaps(own, ways, tolerance_ft=0.0)
    bare = np.bincount(open_["boundary"].to_numpy(dtype=int), weights=open_["area_sqft"], minlength=len(shapes))
    return 1.0 - bare / np.maximum(shapely.area(shapes), 1e-9)


def _tax_rate_areas(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T20: parcels in no tax rate area or in several, by their own field and by the layer of districts, and across the limit."""
    about = subjects["parcel"]
    rows = np.intersect1d(placed(about, city), np.flatnonzero(~exempt(about)))
    own = text(about, "tra")
    if own.notna().any():
        none = rows[own.iloc[rows].isna().to_numpy()]
        message = [f"{about.feature[row]} names no tax rate area." for row in none]
        yield finding(about, "T20", "no_tax_rate_area", none, message)
    else:
        none = np.zeros(0, dtype=int)
    if "district" in subjects:
        yield from _tax_districts(about, rows, none, own, subjects["district"], city)
    if "city_limit" in subjects:
        yield _across_limit(about, rows, subjects["city_limit"], city)


def _tax_districts(
    about: Subject, rows: np.ndarray, told: np.ndarray, own: pd.Series, district: Subject, city: City
) -> Iterator[pd.DataFrame]:
    areas = np.intersect1d(placed(district, city), np.flatnonzero(one_of(district, "kind", ("TRA",))))
    if not len(areas):
        return
    rule = about.rule("T20", "tax_rate_areas")
    pairs = topology.overlaps_between(about.shapes.iloc[rows], district.shapes.iloc[areas], tolerance_ft=rule.tolerance)
    lot, by = rows[pairs["left"].to_numpy(dtype=int)], areas[pairs["right"].to_numpy(dtype=int)]
    area, width = pairs["area_sqft"].to_numpy(), pairs["width_ft"].to_numpy()
    number = text(district, "district_id").to_numpy(dtype=object)
    found = np.bincount(lot, minlength=len(about.frame))
    none = np.setdiff1d(rows[found[rows] == 0], told)
    message = [f"{about.feature[row]} lies in no tax rate area of the district layer." for row in none]
    yield finding(about, "T20", "no_tax_rate_area", none, message)
    several = rows[found[rows] > 1]
    at = np.searchsorted(lot, several)
    shares = [slice(k, k + found[row]) for row, k in zip(several, at, strict=True)]
    message = [
        f"{about.feature[row]} lies in {found[row]} tax rate areas: "
        + ", ".join(f"{district.feature[d]} ({sqft:,.0f} sq ft)" for d, sqft in zip(by[k], area[k], strict=True))
        + f" (tolerance {rule.tolerance:g} ft)."
        for row, k in zip(several, shares, strict=True)
    ]
    least = np.array([width[k].min() for k in shares])
    other = [", ".join(str(district.feature[d]) for d in by[k]) for k in shares]
    yield finding(about, "T20", rule.name, several, message, other=other, measure=least, unit="ft", tolerance=rule.tolerance)
    said = own.iloc[lot].to_numpy(dtype=object)
    differs = (found[lot] == 1) & ~pd.isna(said) & (said != number[by])
    message = [
        f"{about.feature[row]} says tax rate area {own.iloc[row]}, and lies in {district.feature[d]}."
        for row, d in zip(lot[differs], by[differs], strict=True)
    ]
    yield finding(about, "T20", "other_tax_rate_area", lot[differs], message, other=district.feature[by[differs]])


def _across_limit(about: Subject, rows: np.ndarray, limit: Subject, city: City) -> pd.DataFrame:
    """Parcels on both sides of the City's limit, which is a boundary of tax rate areas too."""
    rule = about.rule("T20", "across_city_limit")
    bounds = limit.shapes.iloc[placed(limit, city)]
    shapes = about.shapes.iloc[rows]
    bound = shapely.STRtree(shapely.boundary(bounds.to_numpy(dtype=object)))
    meets = np.unique(bound.query(shapes.to_numpy(dtype=object), predicate="intersects")[0])
    rows, shapes = rows[meets], shapes.iloc[meets]
    shared = topology.overlaps_between(shapes, bounds, tolerance_ft=rule.tolerance)
    inside = np.unique(shared["left"].to_numpy(dtype=int))
    out = topology.by_feature(topology.protrusions(shapes.iloc[inside], bounds, tolerance_ft=rule.tolerance))
    rows = rows[inside[out["inner"].to_numpy(dtype=int)]]
    message = [
        f"{about.feature[row]} reaches {ft:,.2f} ft across the City's limit, with {sqft:,.2f} sq ft "
        f"(tolerance {rule.tolerance:g} ft)."
        for row, ft, sqft in zip(rows, out["out_ft"], out["area_sqft"], strict=True)
    ]
    more = {"measure": out["out_ft"].to_numpy(), "unit": "ft", "tolerance": rule.tolerance}
    return finding(about, "T20", rule.name, rows, message, geometry=out.geometry.to_numpy(dtype=object), **more)


def _limit(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T21: parts of the City that do not adjoin the rest, and islands inside it."""
    about = subjects["city_limit"]
    rows = placed(about, city)
    rule = about.rule("T21")
    if not len(rows):
        return
    parts, owner = topology.polygon_parts(about.place[rows])
    piece = _adjoining(parts, rule.tolerance, rule.limit)
    size = np.bincount(piece, weights=shapely.area(parts))
    main = shapely.union_all(parts[piece == size.argmax()])
    apart = [k for k in range(len(size)) if k != size.argmax()]
    shape = np.array([shapely.union_all(parts[piece == k]) for k in apart], dtype=object)
    away = shapely.distance(shape, main)
    of = rows[[owner[piece == k][0] for k in apart]] if apart else np.zeros(0, dtype=int)
    message = [
        f"{size[k]:,.0f} sq ft of {about.feature[row]} do not adjoin the rest of the City; they lie {ft:,.2f} ft from it."
        for k, row, ft in zip(apart, of, away, strict=True)
    ]
    yield finding(about, "T21", rule.name, of, message, measure=away, unit="ft", tolerance=rule.tolerance, geometry=shape)
    island = about.rule("T21", "island")
    holes = _holes(parts)
    width = topology.widths_ft(holes)
    holes, width = holes[width > island.tolerance], width[width > island.tolerance]
    message = [
        f"The City surrounds {sqft:,.0f} sq ft that are not in it, up to {ft:,.2f} ft wide (tolerance {island.tolerance:g} ft)."
        for sqft, ft in zip(shapely.area(holes), width, strict=True)
    ]
    more = {"measure": width, "unit": "ft", "tolerance": island.tolerance, "geometry": holes}
    yield finding(about, "T21", island.name, np.full(len(holes), rows[0]), message, **more)


def _holes(parts: np.ndarray) -> np.ndarray:
    """The ground that polygons surround together and do not cover."""
    solid = shapely.union_all(parts)
    rings, owner = shapely.get_rings(shapely.get_parts(solid), return_index=True)
    inner = np.r_[False, owner[1:] == owner[:-1]]  # of each polygon the first ring is its shell
    return topology.polygon_parts(shapely.difference(shapely.polygons(rings[inner]), solid))[0]


def _adjoining(parts: np.ndarray, tolerance_ft: float, least_ft: float) -> np.ndarray:
    """Polygons numbered by the piece they form; those adjoin that lie within the tolerance of each other for `least_ft`."""
    one, other = shapely.STRtree(parts).query(parts, predicate="dwithin", distance=tolerance_ft)
    one, other = one[one < other], other[one < other]
    along = _common_ft(parts[one], parts[other], tolerance_ft) >= least_ft
    piece = np.arange(len(parts))
    for a, b in zip(one[along], other[along], strict=True):
        piece[piece == piece[b]] = piece[a]
    return np.unique(piece, return_inverse=True)[1]


def _common_ft(some: np.ndarray, others: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """How much of the boundary of each polygon lies in another one or within the tolerance of it."""
    return shapely.length(shapely.intersection(shapely.boundary(some), shapely.buffer(others, tolerance_ft)))


def _annexations(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    T21: annexations in force outside the City's limit, and those that did not adjoin the City of their day.

    The City of that day is today's less the annexations of that day and later; those of one day may adjoin each other.
    """
    about, limit = subjects["annexation"], subjects["city_limit"]
    apart, missing = about.rule("T21", "annexation_apart"), about.rule("T21", "annexation_not_in_city")
    detached = about.frame["detached_on"].notna().to_numpy() if "detached_on" in about.frame else np.zeros(len(about.frame), bool)
    rows = np.setdiff1d(placed(about, city), np.flatnonzero(detached))
    bounds = limit.shapes.iloc[placed(limit, city)]
    out = topology.by_feature(topology.protrusions(about.shapes.iloc[rows], bounds, tolerance_ft=missing.tolerance))
    beyond = rows[out["inner"].to_numpy(dtype=int)]
    message = [
        f"{about.feature[row]} reaches {ft:,.2f} ft outside the City's limit, with {sqft:,.0f} sq ft, and was not detached "
        f"(tolerance {missing.tolerance:g} ft)."
        for row, ft, sqft in zip(beyond, out["out_ft"], out["area_sqft"], strict=True)
    ]
    more = {"measure": out["out_ft"].to_numpy(), "geometry": out.geometry.to_numpy(dtype=object)}
    yield finding(about, "T21", missing.name, beyond, message, unit="ft", tolerance=missing.tolerance, **more)
    day = pd.to_datetime(about.frame["annexed_on"], utc=True, errors="coerce") if "annexed_on" in about.frame else None
    day = pd.Series([pd.NaT] * len(about.frame)) if day is None else day
    rows = np.setdiff1d(rows, beyond)
    lone, away = _not_adjoining(about.place, rows, day, bounds.to_numpy(dtype=object), apart.tolerance, apart.limit)
    message = [
        f"{about.feature[row]} did not adjoin the City when it was annexed"
        + (f"; it lay {ft:,.2f} ft from it" if ft > apart.tolerance else f" along {apart.limit:g} ft of boundary")
        + f" (tolerance {apart.tolerance:g} ft)."
        for row, ft in zip(lone, away, strict=True)
    ]
    yield finding(about, "T21", apart.name, lone, message, measure=away, unit="ft", tolerance=apart.tolerance)


def _not_adjoining(
    place: np.ndarray, rows: np.ndarray, day: pd.Series, bounds: np.ndarray, tolerance_ft: float, least_ft: float
) -> tuple[np.ndarray, np.ndarray]:
    """The annexations that adjoin neither the City before them nor one of the same day that does, and how far they lay from it."""
    before = shapely.difference(shapely.union_all(bounds), shapely.union_all(place[rows])) if len(rows) else shapely.Polygon()
    before = shapely.union_all([part for part in shapely.get_parts(before) if part.buffer(-tolerance_ft).area > 0])
    number = pd.factorize(day.iloc[rows], sort=True)[0]  # those without a day, numbered -1, come last
    lone, away = [], []
    for each in [*range(number.max(initial=-1) + 1), -1]:
        group = rows[number == each]
        parts = np.concatenate([shapely.get_parts(before), place[group]])
        if not len(group):
            continue
        if shapely.is_empty(before):  # the first of all is the incorporation
            before = shapely.union_all(place[group])
            continue
        known = len(parts) - len(group)
        piece = _adjoining(parts, tolerance_ft, least_ft)
        joined = np.isin(piece[known:], piece[:known])
        lone += group[~joined].tolist()
        away += shapely.distance(place[group[~joined]], before).tolist()
        before = shapely.union_all([before, *place[group]])
    return np.array(lone, dtype=int), np.array(away)


def _edges(subjects: Mapping[str, Subject], city: City, *, name: str) -> Iterator[pd.DataFrame]:
    """T30 of one layer: polygons whose edges stand apart or cross where they were meant to be one."""
    about = subjects[name]
    rows = placed(about, city)
    kind = text(about, "kind").iloc[rows].fillna("").to_numpy(dtype=object) if name == "district" else np.full(len(rows), "")
    for each in dict.fromkeys(sorted(kind)):
        yield from _apart(about, rows[kind == each])


def _apart(about: Subject, rows: np.ndarray) -> Iterator[pd.DataFrame]:
    cross, apart = about.rule("T30", "edges_cross"), about.rule("T30", "edges_apart")
    shapes = about.shapes.iloc[rows]
    pairs = topology.overlaps(shapes, tolerance_ft=cross.tolerance)
    left, right = rows[pairs["left"].to_numpy(dtype=int)], rows[pairs["right"].to_numpy(dtype=int)]
    message = [
        f"{about.feature[a]} and {about.feature[b]} overlap by {sqft:,.1f} sq ft, up to {ft:,.2f} ft wide "
        f"(tolerance {cross.tolerance:g} ft)."
        for a, b, sqft, ft in zip(left, right, pairs["area_sqft"], pairs["width_ft"], strict=True)
    ]
    more = {
        "other": about.feature[right],
        "measure": pairs["width_ft"].to_numpy(),
        "geometry": pairs.geometry.to_numpy(dtype=object),
    }
    yield finding(about, "T30", cross.name, left, message, unit="ft", tolerance=cross.tolerance, **more)
    open_ = topology.strips(shapes, width_ft=apart.limit, tolerance_ft=apart.tolerance)
    left, right = rows[open_["left"].to_numpy(dtype=int)], rows[open_["right"].to_numpy(dtype=int)]
    message = [
        f"{about.feature[a]} and {about.feature[b]} leave {sqft:,.1f} sq ft open between them, up to {ft:,.2f} ft wide "
        f"(tolerance {apart.tolerance:g} ft; from {apart.limit:g} ft on it is taken to be meant)."
        for a, b, sqft, ft in zip(left, right, open_["area_sqft"], open_["width_ft"], strict=True)
    ]
    more = {"other": about.feature[right], "measure": open_["width_ft"].to_numpy()}
    shape = open_.geometry.to_numpy(dtype=object)
    yield finding(about, "T30", apart.name, left, message, unit="ft", tolerance=apart.tolerance, geometry=shape, **more)


CHECKS = (
    Check(("T19",), "zoning", ("city_limit",), _zoning),
    Check(("T20",), "parcel", (), _tax_rate_areas),
    Check(("T21",), "city_limit", (), _limit),
    Check(("T21",), "annexation", ("city_limit",), _annexations),
    *(Check(("T30",), name, (), partial(_edges, name=name)) for name in MATCHED),
)
"""Rules about zoning, tax rate areas, the City's limit, districts and flood zones."""
