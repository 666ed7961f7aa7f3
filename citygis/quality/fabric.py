"""
Topology rules between features: T01 overlap, T02 gap, T07 outside its tract. The schema says which layers are held to them;
polygons of a layer that it does not know are held to T01.
"""

from collections.abc import Iterator, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.fee import fee_ground
from citygis.quality.shapes import stacked, strayed
from citygis.quality.subject import NotJudged, Subject, finding

STREET_FT = 20.0
"""Where no right of way is given, ground left open that is at least this wide may be a street (the least width of a public
way: California Fire Code 503.2.1)."""


def overlap_findings(about: Subject) -> Iterator[pd.DataFrame]:
    """
    T01: what the features of one layer claim twice.

    Parameters
    ----------
    about : Subject
        In feet.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`; none for a layer whose features may overlap. Pairs with the same geometry are
        left to G04.
    """
    if about.is_exclusive:
        yield _overlaps(about)


def cover_findings(about: Subject, others: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    T02 and T07: what the schema asks of one layer with regard to others.

    Parameters
    ----------
    about : Subject
        In feet.
    others : mapping of name to Subject
        All layers given, in the same CRS.
    city : City
        For its extent: a feature that strayed out of it (G06) is not also told to lie outside its tract.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`.
    """
    if about.layer is None:
        return
    rule = about.layer.topology
    missing = {(item.code, item.layer) for item in not_judged(about, others)}
    if rule.fills and ("T02", about.name) not in missing:
        yield _gaps(about, others, city)
    if rule.covered_by and ("T07", about.name) not in missing:
        yield _not_covered(about, others[rule.covered_by.layer], city)


def not_judged(about: Subject, others: Mapping[str, Subject]) -> list[NotJudged]:
    """The topology rules of a layer that need a layer or a column which is not there."""
    if about.layer is None:
        return []
    rule, left = about.layer.topology, []
    if rule.fills:
        # The first of the covering layers is what fills the ground; without the others only part of the verdict is lost.
        wanted = [name for name in (rule.fills, *rule.fills_with[:1]) if name not in others]
        if wanted:
            left.append(NotJudged("T02", about.name, f"needs the layer {' and '.join(wanted)}"))
    if rule.covered_by:
        if rule.covered_by.layer not in others:
            left.append(NotJudged("T07", about.name, f"needs the layer {rule.covered_by.layer}"))
        elif rule.covered_by.link not in about.frame or "global_id" not in others[rule.covered_by.layer].frame:
            left.append(
                NotJudged("T07", about.name, f"needs the columns {rule.covered_by.link} and {rule.covered_by.layer}.global_id")
            )
    return left


def _overlaps(about: Subject) -> pd.DataFrame:
    own = about.layer.topology if about.layer is not None else None
    rule = about.rule("T01", tolerance=own and own.overlap_tolerance_ft, severity=own and own.overlap_severity)
    pairs = topology.overlaps(about.measured, tolerance_ft=min(rule.tolerance, 0.001))
    wide = topology.wide_enough(pairs["width_ft"], rule.tolerance)
    left, right = pairs["left"].to_numpy(dtype=int), pairs["right"].to_numpy(dtype=int)
    area = pairs["area_sqft"].to_numpy()
    alike = about.first[left] == about.first[right]  # told by G04
    keep = (wide | (area >= rule.limit)) & ~alike & ~stacked(about, left, right)
    pairs, left, right, wide, area = pairs[keep], left[keep], right[keep], wide[keep], area[keep]
    own_areas = (shapely.area(about.place[side]) for side in (left, right))
    relation = [_relation(sqft, a, b) for sqft, a, b in zip(area, *own_areas, strict=True)]
    width = pairs["width_ft"].to_numpy()
    message = [
        f"{about.feature[a]} and {about.feature[b]} {how}: they share {sqft:,.2f} sq ft, "
        f"up to {ft:,.2f} ft wide (tolerance {rule.tolerance:g} ft{', thinner than that but long' if not over else ''})."
        for a, b, how, sqft, ft, over in zip(left, right, relation, area, width, wide, strict=True)
    ]
    found = finding(
        about,
        "T01",
        rule.name,
        left,
        message,
        severity=np.where(wide, rule.severity, "info" if rule.severity == "info" else "review"),
        other=about.feature[right],
        measure=width,
        unit="ft",
        tolerance=rule.tolerance,
        geometry=np.asarray(pairs.geometry.array, dtype=object),
    )
    inside = np.array([how != "overlap" for how in relation], dtype=bool)
    if inside.any():
        found.loc[inside, "rule"], found.loc[inside, "remedy"] = "contained", about.rule("T01", "contained").remedy
    return found


def _relation(shared: float, left: float, right: float) -> str:
    if shared >= 0.999 * max(left, right):
        return "lie on the same ground"
    if shared >= 0.999 * min(left, right):
        return "lie one on the other"
    return "overlap"


def _gaps(about: Subject, others: Mapping[str, Subject], city: City) -> pd.DataFrame:
    own = about.layer.topology
    rule = about.rule("T02", tolerance=own.gap_tolerance_ft)
    bounds = others[own.fills]
    absent = [name for name in own.fills_with if name not in others]
    covers = [others[name] for name in own.fills_with if name in others]
    if own.fills != about.name:
        covers.insert(0, about)
    rows = np.flatnonzero(bounds.current)
    gaps = topology.gaps(bounds.shapes.iloc[rows], *_covering(covers, others, city), tolerance_ft=rule.tolerance)
    gaps = gaps[~gaps["beside_invalid"].to_numpy(dtype=bool)]
    width, area = gaps["width_ft"].to_numpy(), gaps["area_sqft"].to_numpy()
    said = " and no ".join(each.name for each in covers)
    street = np.full(len(gaps), bool(absent)) & (width >= STREET_FT)
    message = [
        f"{sqft:,.2f} sq ft, up to {ft:,.2f} ft wide, inside {bounds.name} {bounds.feature[row]} are covered by no {said} "
        f"(tolerance {rule.tolerance:g} ft)."
        + (f" It is wide enough for a street, and no {' or '.join(absent)} was given." if maybe else "")
        for row, sqft, ft, maybe in zip(rows[gaps["boundary"].to_numpy(dtype=int)], area, width, street, strict=True)
    ]
    return finding(
        bounds,
        "T02",
        "gap",
        rows[gaps["boundary"].to_numpy(dtype=int)],
        message,
        severity=np.where(street & (rule.severity == "error"), "review", rule.severity),
        measure=width,
        unit="ft",
        tolerance=rule.tolerance,
        geometry=np.asarray(gaps.geometry.array, dtype=object),
    )


def _covering(covers: list[Subject], others: Mapping[str, Subject], city: City) -> list[topology.Fabric | gpd.GeoSeries]:
    """What covers today; parcels and rights of way in the fabric that other rules look at too, and the rest of each layer."""
    rest = {each.name: each.current.copy() for each in covers}
    whole = []
    if {"parcel", "right_of_way"} <= set(rest):
        fee = fee_ground(others, city)
        rest["parcel"][fee.parcels] = rest["right_of_way"][fee.ways] = False
        whole = [fee.whole]
    return whole + [each.shapes[rest[each.name]] for each in covers]


def _not_covered(about: Subject, outer: Subject, city: City) -> pd.DataFrame:
    cover = about.layer.topology.covered_by
    rule = about.rule("T07", tolerance=cover.tolerance_ft)
    place = pd.Series(np.arange(len(outer.frame)), index=outer.frame["global_id"].astype("str").str.lower())
    place = place[~place.index.duplicated() & place.index.notna()]
    link = about.frame[cover.link].astype("str").str.lower().map(place).fillna(-1).to_numpy(dtype=int, copy=True)
    unsure = np.append(~shapely.is_valid(outer.place), False)  # what a broken one covers nobody can say
    link[~about.current | strayed(about, city) | unsure[link]] = -1
    outer_shapes = outer.shapes if outer.crs is not None else gpd.GeoSeries(outer.place, crs=about.crs)
    own = (link, np.arange(len(outer_shapes)))
    out = topology.by_feature(topology.protrusions(about.shapes, outer_shapes, own=own, tolerance_ft=rule.tolerance))
    rows = out["inner"].to_numpy(dtype=int)
    by = link[rows]
    message = [
        f"{about.feature[row]} reaches {ft:,.2f} ft outside {outer.name} {outer.feature[one]} with {sqft:,.2f} sq ft "
        f"(tolerance {rule.tolerance:g} ft)."
        for row, one, ft, sqft in zip(rows, by, out["out_ft"], out["area_sqft"], strict=True)
    ]
    return finding(
        about,
        "T07",
        f"outside_its_{cover.layer}",
        rows,
        message,
        other=outer.feature[by],
        measure=out["out_ft"].to_numpy(),
        unit="ft",
        tolerance=rule.tolerance,
        geometry=np.asarray(out.geometry.array, dtype=object),
    )
