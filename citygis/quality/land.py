"""
Rules between parcels, tracts, rights of way, easements and centrelines: T08 to T13 and T17.
"""

from collections.abc import Iterator, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.checks import Check, one_of, placed, text
from citygis.quality.fee import fee_ground
from citygis.quality.shapes import exempt
from citygis.quality.subject import Subject, finding, finding_on_layer

STREET = ("FEE", "EASEMENT", "ACCEPTED", "PRESCRIPTIVE", "DEDICATION_OFFERED")
"""Kinds of right of way that give a parcel access; a canal or a railway does not. A street that a recorded map offers does before
the City accepts it: who buys a lot by the map has an easement in the streets it shows (Danielson v. Sykes, 157 Cal. 686, 1910)."""

ACCESS = ("ACCESS", "INGRESS_EGRESS")
"""Purposes of easements that give access."""

OTHERS = ("COUNTY", "STATE", "PRIVATE")
"""Jurisdictions whose lines the City does not move."""


def _lots_of_no_tract(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    T08 and T09: lots that name no tract, and lie in one or in two.

    A tract is the union of its lots, its streets and what remains: what nothing covers is T02, a lot of the tract that reaches
    outside is T07; left are the lots that lie in it and are not its own.
    """
    parcel, tract = subjects["parcel"], subjects["tract"]
    known = text(tract, "global_id").dropna()
    named = text(parcel, "tract_id").isin(known).to_numpy()
    free = ~named & ~exempt(parcel) & text(parcel, "tract_id").isna().to_numpy()
    rows = np.intersect1d(placed(parcel, city), np.flatnonzero(free))
    bounds = placed(tract, city)
    one, two = parcel.rule("T08"), parcel.rule("T09")
    pairs = topology.overlaps_between(
        parcel.shapes.iloc[rows], tract.shapes.iloc[bounds], tolerance_ft=min(one.tolerance, two.tolerance)
    )
    lot, by = rows[pairs["left"].to_numpy(dtype=int)], bounds[pairs["right"].to_numpy(dtype=int)]
    width, area = pairs["width_ft"].to_numpy(), pairs["area_sqft"].to_numpy()
    shape = np.asarray(pairs.geometry.array, dtype=object)
    if len(lot) and text(parcel, "tract_id").isna().all():
        message = f"No parcel names its tract, and {len(np.unique(lot)):,} lie in one. Whether they are its lots is not judged."
        yield finding_on_layer(parcel, "T08", "no_tract_named", message)
        return
    shared = (np.bincount(lot, minlength=len(parcel.frame))[lot] > 1) & topology.wide_enough(width, two.tolerance)
    in_one = ~shared & topology.wide_enough(width, one.tolerance)
    message = [
        f"{parcel.feature[a]} names no tract, and {sqft:,.2f} sq ft of it, up to {ft:,.2f} ft wide, lie in tract "
        f"{tract.feature[b]} (tolerance {one.tolerance:g} ft)."
        for a, b, sqft, ft in zip(lot[in_one], by[in_one], area[in_one], width[in_one], strict=True)
    ]
    more = {"other": tract.feature[by[in_one]], "measure": width[in_one], "geometry": shape[in_one]}
    yield finding(parcel, "T08", one.name, lot[in_one], message, unit="ft", tolerance=one.tolerance, **more)
    both = np.flatnonzero(shared)
    first = both[np.r_[True, lot[both][1:] != lot[both][:-1]]] if len(both) else both
    of = [both[lot[both] == lot[k]] for k in first]
    message = [
        f"{parcel.feature[lot[k]]} names no tract and lies in {len(rows)}: "
        + ", ".join(f"{tract.feature[by[j]]} ({area[j]:,.0f} sq ft, up to {width[j]:,.2f} ft wide)" for j in rows)
        + f" (tolerance {two.tolerance:g} ft)."
        for k, rows in zip(first, of, strict=True)
    ]
    least = np.array([width[rows].min() for rows in of])
    other = [", ".join(str(tract.feature[by[j]]) for j in rows) for rows in of]
    yield finding(parcel, "T09", two.name, lot[first], message, unit="ft", tolerance=two.tolerance, other=other, measure=least)


def _ways_over_parcels(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T10: right of way that holds the ground, on ground that a parcel holds in fee."""
    way, parcel = subjects["right_of_way"], subjects["parcel"]
    theirs, mine, whole = fee_ground(subjects, city)
    rule = way.rule("T10")
    pairs = topology.overlaps_between(parcel.shapes.iloc[theirs], way.shapes.iloc[mine], whole=whole, tolerance_ft=rule.tolerance)
    lot, by = theirs[pairs["left"].to_numpy(dtype=int)], mine[pairs["right"].to_numpy(dtype=int)]
    width, area = pairs["width_ft"].to_numpy(), pairs["area_sqft"].to_numpy()
    other = one_of(way, "jurisdiction", OTHERS)[by]
    shape = np.asarray(pairs.geometry.array, dtype=object)
    for rows, name in ((np.flatnonzero(~other), rule.name), (np.flatnonzero(other), "other_right_of_way_over_parcel")):
        message = [
            f"{parcel.feature[lot[k]]}, held in fee, and right of way {_way(way, by[k])} share {area[k]:,.2f} sq ft, "
            f"up to {width[k]:,.2f} ft wide (tolerance {rule.tolerance:g} ft)."
            for k in rows
        ]
        more = {"other": way.feature[by[rows]], "measure": width[rows], "geometry": shape[rows]}
        yield finding(parcel, "T10", name, lot[rows], message, unit="ft", tolerance=rule.tolerance, **more)


def _way(way: Subject, row: int) -> str:
    street = way.frame["street_name"].iloc[row] if "street_name" in way.frame else None
    return f"{way.feature[row]}" if pd.isna(street) else f"{way.feature[row]} ({street})"


def _easements(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T11 and T12: easements on no land, and those that reach beyond the land their document names, or beyond all land."""
    about = subjects["easement"]
    rows = placed(about, city)
    land = {name: placed(subjects[name], city) for name in ("parcel", "right_of_way", "tract") if name in subjects}
    shapes = {name: subjects[name].shapes.iloc[at] for name, at in land.items()}
    ground = np.concatenate([shapes[name].to_numpy(dtype=object) for name in ("parcel", "right_of_way")])
    orphan = _meets_nothing(about.place[rows], ground)
    rule = about.rule("T11")
    apart = _nearest_ft(about.place[rows[orphan]], ground)
    message = [
        f"Easement {about.feature[row]} lies on no parcel and in no right of way"
        + (f"; the nearest is {ft:,.2f} ft away." if np.isfinite(ft) else ".")
        for row, ft in zip(rows[orphan], apart, strict=True)
    ]
    yield finding(about, "T11", rule.name, rows[orphan], message, measure=np.where(np.isfinite(apart), apart, np.nan), unit="ft")
    rows = rows[~orphan]
    own = _by_document(about, rows, {name: (subjects[name], at) for name, at in land.items()})
    rule = about.rule("T12", "outside_its_document")
    out = topology.protrusions(about.shapes.iloc[rows], *shapes.values(), own=own, tolerance_ft=rule.tolerance)
    yield _beyond(about, rows, out, rule, "the land that its document made")
    rule = about.rule("T12", "outside_all_land")
    rows = rows[(own[0] < 0) | ~np.isin(own[0], np.concatenate(own[1:]))]
    out = topology.protrusions(about.shapes.iloc[rows], shapes["parcel"], shapes["right_of_way"], tolerance_ft=rule.tolerance)
    if "city_limit" in subjects:  # beyond the limit the land is another's, and not in these layers
        limit = subjects["city_limit"].shapes.iloc[placed(subjects["city_limit"], city)].to_numpy(dtype=object)
        out = out[~_meets_nothing(out.geometry.to_numpy(dtype=object), limit)]
    yield _beyond(about, rows, out, rule, "all parcels and rights of way")


def _beyond(about: Subject, rows: np.ndarray, out: gpd.GeoDataFrame, rule, what: str) -> pd.DataFrame:
    out = topology.by_feature(out)
    rows = rows[out["inner"].to_numpy(dtype=int)]
    message = [
        f"Easement {about.feature[row]} reaches {ft:,.2f} ft beyond {what}, with {sqft:,.2f} sq ft "
        f"(tolerance {rule.tolerance:g} ft)."
        for row, ft, sqft in zip(rows, out["out_ft"], out["area_sqft"], strict=True)
    ]
    shape = np.asarray(out.geometry.array, dtype=object)
    more = {"measure": out["out_ft"].to_numpy(), "unit": "ft", "tolerance": rule.tolerance, "geometry": shape}
    return finding(about, rule.code, rule.name, rows, message, **more)


def _by_document(about: Subject, rows: np.ndarray, land: Mapping[str, tuple[Subject, np.ndarray]]) -> list[np.ndarray]:
    """The document of each easement and of each piece of land, numbered: the land that one document made is one group."""
    said = [text(about, "doc_id").iloc[rows]]
    for name, (other, at) in land.items():
        said.append(text(other, "doc_id" if name == "right_of_way" else "created_by_record").iloc[at])
    numbers = pd.factorize(pd.concat(said, ignore_index=True))[0]  # -1 where none is named
    return np.split(numbers, np.cumsum([len(each) for each in said])[:-1])


def _meets_nothing(shapes: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Which polygons share no ground with any of `ground`; to touch it is not enough."""
    alone = np.ones(len(shapes), dtype=bool)
    at, by = shapely.STRtree(ground).query(shapes, predicate="intersects")
    share = topology.threaded(lambda one, other: shapely.relate_pattern(one, other, "T********"), shapes[at], ground[by])
    alone[at[share]] = False
    return alone


def _nearest_ft(shapes: np.ndarray, ground: np.ndarray) -> np.ndarray:
    distance = np.full(len(shapes), np.inf)
    if len(ground) and len(shapes):
        (at, _), near = shapely.STRtree(ground).query_nearest(shapes, return_distance=True, all_matches=False)
        distance[at] = near
    return distance


def _landlocked(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T13: parcels with no frontage on a street and no easement of access; where the City's limit is near, that is only told."""
    about, way = subjects["parcel"], subjects["right_of_way"]
    rule = about.rule("T13")
    rows, ways, whole = fee_ground(subjects, city)
    is_street = one_of(way, "row_kind", STREET)
    # Most lots have edges in common with their street, and need no other look.
    along = whole.shared_ft(len(rows) + np.flatnonzero(is_street[ways]))[: len(rows)]
    rows = rows[along < rule.limit]
    streets = np.intersect1d(placed(way, city), np.flatnonzero(is_street))
    shapes = about.shapes.iloc[rows]
    frontage = _frontage_ft(shapes, way.shapes.iloc[streets], rule.tolerance, rule.limit)
    rows, shapes = rows[frontage < rule.limit], shapes[frontage < rule.limit]
    frontage = frontage[frontage < rule.limit]
    if "easement" in subjects:
        easement = subjects["easement"]
        access = np.intersect1d(placed(easement, city), np.flatnonzero(one_of(easement, "purpose", ACCESS)))
        reached = ~_meets_nothing(shapes.to_numpy(dtype=object), easement.place[access])
        rows, shapes, frontage = rows[~reached], shapes[~reached], frontage[~reached]
    edge = np.zeros(len(rows), dtype=bool)
    if "city_limit" in subjects:
        limit = subjects["city_limit"].shapes.iloc[placed(subjects["city_limit"], city)]
        bound = shapely.boundary(limit.to_numpy(dtype=object))
        edge[shapely.STRtree(bound).query(shapes.to_numpy(dtype=object), predicate="dwithin", distance=rule.tolerance)[0]] = True
    for which, name, why in (
        (~edge, rule.name, ""),
        (edge, "access_beyond_limit", " It reaches the City's limit; its street may lie beyond."),
    ):
        message = [
            f"{about.feature[row]} fronts on no street (it has {ft:,.2f} ft within {rule.tolerance:g} ft of a right of way; "
            f"{rule.limit:g} ft is the least) and no easement of access reaches it.{why}"
            for row, ft in zip(rows[which], frontage[which], strict=True)
        ]
        yield finding(about, "T13", name, rows[which], message, measure=frontage[which], unit="ft", tolerance=rule.limit)


def _frontage_ft(parcels: gpd.GeoSeries, streets: gpd.GeoSeries, tolerance_ft: float, enough_ft: float) -> np.ndarray:
    """How much of each parcel's boundary lies along a street or, where that is less than enough, in one."""
    streets = streets.iloc[topology.beside(parcels, streets, reach_ft=tolerance_ft)]
    frontage = topology.followed_ft(parcels, streets, tolerance_ft=tolerance_ft, enough_ft=enough_ft)
    short = np.flatnonzero(frontage < enough_ft)
    inside = topology.inside_ft(parcels.iloc[short], streets, tolerance_ft=tolerance_ft)  # a parcel may reach into the street
    frontage[short] = np.maximum(frontage[short], inside)
    return frontage


def _centerlines(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T17: stretches of centreline outside every right of way; beyond the City's limit the way is another's."""
    about, way = subjects["street_centerline"], subjects["right_of_way"]
    rule = about.rule("T17")
    rows = placed(about, city)
    ways = np.intersect1d(placed(way, city), np.flatnonzero(~one_of(way, "row_kind", ("VACATED",))))
    out = topology.stretches_outside(about.shapes.iloc[rows], way.shapes.iloc[ways], tolerance_ft=rule.tolerance)
    shape = out.geometry.to_numpy(dtype=object)
    inside = np.ones(len(out), dtype=bool)
    if "city_limit" in subjects:
        limit = subjects["city_limit"].place[placed(subjects["city_limit"], city)]
        middle = shapely.line_interpolate_point(shape, 0.5, normalized=True)
        inside = np.zeros(len(out), dtype=bool)
        inside[shapely.STRtree(limit).query(middle, predicate="intersects")[0]] = True
    out, shape = out[inside], shape[inside]
    rows = rows[out["line"].to_numpy(dtype=int)]
    message = [
        f"{long:,.1f} ft of centreline {about.feature[row]} lie outside every right of way"
        + (f", up to {ft:,.2f} ft from the nearest" if np.isfinite(ft) else "")
        + f" (tolerance {rule.tolerance:g} ft)."
        for row, long, ft in zip(rows, out["length_ft"], out["out_ft"], strict=True)
    ]
    away = out["out_ft"].where(np.isfinite(out["out_ft"])).to_numpy()
    yield finding(about, "T17", rule.name, rows, message, measure=away, unit="ft", tolerance=rule.tolerance, geometry=shape)


CHECKS = (
    Check(("T08", "T09"), "parcel", ("tract", "parcel.tract_id", "tract.global_id"), _lots_of_no_tract),
    Check(("T10",), "right_of_way", ("parcel", "right_of_way.row_kind"), _ways_over_parcels),
    Check(("T11", "T12"), "easement", ("parcel", "right_of_way"), _easements),
    Check(("T13",), "parcel", ("right_of_way", "right_of_way.row_kind"), _landlocked),
    Check(("T17",), "street_centerline", ("right_of_way",), _centerlines),
)
"""Rules between parcels, tracts, rights of way, easements and centrelines."""
