"""
What a load makes wrong in the City's geodatabase that was not wrong before.

A delivery is judged by itself (`citygis.store.checking`); here the store is judged as the load would leave it, around what it adds
and moves, against the store as it is. So a course drawn over one that the City has, a lot on a parcel that nobody retired and a map
over an older one are found before they are in, and what stood before is blamed on nobody.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.findings import findings_frame
from citygis.gpkg import quoted
from citygis.operations.neighbourhood import MARGIN_FT, SAME_PLACE_FT, WORSE, told_before
from citygis.quality import validate
from citygis.quality.checks import Check
from citygis.schema import Layer
from citygis.store.checking import CHECKS, names_of
from citygis.store.database import Transaction
from citygis.store.history import versions
from citygis.store.plan import Plan

ALSO_SEEN = {
    "parcel": ("easement", "city_limit", "district"),
    "boundary_line": ("tract", "city_limit"),
    "easement": ("tract", "city_limit"),
    "street_centerline": ("city_limit",),
}
"""Layers that rules about a layer look at where they are there, beside those without which they are not applied."""

_BESIDE_THE_CHECKS = (("parcel", "boundary_line"), ("parcel", "address_point"), ("address_point", "street_centerline"))
"""Layers that the rules of courses and of addresses look at together."""

BY_NAME = frozenset({"address_point", "street_centerline"})
"""Layers whose rules go by the names of streets, wherever these run: seen whole when one of them changes."""

_REMEDIES = {
    "parcel": "What of the City's was replaced must be retired by what replaced it: citygis diff --apply for a delivery, citygis "
    "edit for an operation, citygis tract --retire for a map. Where nothing was replaced, compare the boundaries with the record.",
    "tract": "Where the map divides land of an earlier map again, accept the error and name the earlier map as the reason; else "
    "compare the boundaries of both with the record.",
}
"""What to do where a feature that stays and one that is loaded claim the same ground."""

_LISTED = 20_000
"""So many rows are asked for by number; of more, the table is read."""


class Consequences(NamedTuple):
    """
    ``findings``: errors and what is to be reviewed, new with the load. ``layers``: the neighbourhood as it would be, of which they
    were made.
    """

    findings: gpd.GeoDataFrame
    layers: dict[str, pd.DataFrame]


class _Around(NamedTuple):
    """The neighbourhood before and after, the ground that changes as boxes, names of what changes, and of what stays, by layer."""

    before: dict[str, pd.DataFrame]
    after: dict[str, pd.DataFrame]
    ground: np.ndarray
    changed: set[str]
    stays: dict[str, set[str]]


def consequences(work: Transaction, plans: Mapping[str, Plan], city: City) -> Consequences:
    """
    What a load makes wrong between its features and those that the store keeps.

    Parameters
    ----------
    work : Transaction
        On the store, before the load.
    plans : mapping of layer name to Plan
        What it is about to do: additions and updates.
    city : City

    Returns
    -------
    Consequences
        Found among what lies within `MARGIN_FT` of the ground that changes, in the layers that rules see together with those that
        change. A finding of the same features at the same place that was no smaller before is none of the load's. Values (A) and
        shapes (G) are judged with the delivery; of them a key given twice (A06) and a geometry (G04) are told here. Where a
        feature of the store would stay under one that is loaded (T01), the message says so, and the remedy what retires it.
    """
    nothing = Consequences(findings_frame(crs=city.crs), {})
    changing = {name: plan for name, plan in plans.items() if not plan.is_empty and plan.layer.geometry != "None"}
    seen = _seen_together(changing, city)
    if not any(work.rows(f"SELECT 1 FROM {quoted(name)} LIMIT 1") for name in seen):
        return nothing
    around = _around(work, changing, seen, city)
    if not any(around.stays.values()):
        return nothing
    now = validate(around.after, city=city)
    now = now[(now["severity"] != "info") & (now["code"].str.startswith(("T", "U")) | now["code"].isin(["A06", "G04"]))]
    named = (now["feature"].isin(around.changed) | now["other"].isin(around.changed)).to_numpy(dtype=bool)
    # What a rule says of the City's own features because a layer it needs is there for the first time, stood before unseen.
    unseen = {code for check in CHECKS for code in check.codes if not _layers_of(check) <= set(around.before)}
    kept = named | ~now["code"].isin(unseen).to_numpy(dtype=bool)
    now, named = now[kept], named[kept]
    places = np.asarray(now.geometry.array, dtype=object)
    now = now[_meets(places, around.ground) | (shapely.is_missing(places) & named)]
    if len(now):
        was = validate(_about(around.before, now), city=city)
        now = now[~now["finding_id"].isin(was["finding_id"])]
        now = now[~told_before(now, was, {})]
    return Consequences(_said_of_what_stays(now.reset_index(drop=True), around), around.after)


def untold(brought: gpd.GeoDataFrame, found: pd.DataFrame) -> np.ndarray:
    """
    Which consequences are not told already by what was found in the layers themselves: of the same two features, at the same place,
    no smaller and no less severe. The neighbourhood knows more than the delivery, and may say the same thing by another rule.
    """
    known: dict[tuple, list[int]] = {}
    for row, key in enumerate(_keys(found)):
        known.setdefault(key, []).append(row)
    new = np.ones(len(brought), dtype=bool)
    for row, key in enumerate(_keys(brought)):
        each, same = brought.iloc[row], found.iloc[known.get(key, [])]
        if each["severity"] == "error":
            same = same[same["severity"] == "error"]
        if each["geometry"] is not None and len(same):
            near = shapely.dwithin(same["geometry"].to_numpy(), each["geometry"], SAME_PLACE_FT)
            same = same[near | same["geometry"].isna().to_numpy()]
        new[row] = not len(same) or each["measure"] > same["measure"].max() + WORSE
    return new


def _keys(findings: pd.DataFrame) -> Iterator[tuple]:
    """What findings are about: code, layer and features, in whichever order these are named."""
    for code, layer, *names in findings[["code", "layer", "feature", "other"]].itertuples(index=False, name=None):
        yield code, layer, frozenset(name for name in names if isinstance(name, str))


def _around(work: Transaction, changing: Mapping[str, Plan], seen: list[str], city: City) -> _Around:
    """What lies around a change, before and after it."""
    moved = {name: _rows(work, plan.layer, plan.updated_fids) for name, plan in changing.items()}
    shapes = [frame.geometry.to_numpy() for plan in changing.values() for frame in (plan.added, plan.updated) if len(frame)]
    shapes += [frame.geometry.to_numpy() for frame in moved.values() if len(frame)]
    bounds = shapely.bounds(np.concatenate(shapes)).reshape(-1, 4)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    near = shapely.STRtree(_boxes(bounds, MARGIN_FT))
    before, after, stays = {}, {}, {}
    names = {name for plan in changing.values() for frame in (plan.added, plan.updated) for name in names_of(plan.layer, frame)}
    for name in seen:
        layer, plan = city.schema.layer(name), changing.get(name)
        held = _rows(work, layer, _near(work, layer, plan, near, whole=name in BY_NAME and not BY_NAME.isdisjoint(changing)))
        held = held.set_crs(city.crs, allow_override=True)
        rest = held
        if plan is not None:
            held = pd.concat([held, moved[name][~moved[name].index.isin(held.index)].set_crs(city.crs, allow_override=True)])
            rest = held[~held.index.isin(plan.updated_fids)]
            parts = [each for each in (rest, _updated(plan, moved[name]), plan.added) if len(each)]
            now = pd.concat([pd.DataFrame(each) for each in parts], ignore_index=True)
            after[name] = gpd.GeoDataFrame(now, geometry="geometry", crs=city.crs)
        elif len(held):
            after[name] = held.reset_index(drop=True)
        stays[name] = names_of(layer, rest)
        if len(held):
            before[name] = held.reset_index(drop=True)
    return _Around(before, after, _boxes(bounds, SAME_PLACE_FT), names, stays)


def _seen_together(changing: Mapping[str, Plan], city: City) -> list[str]:
    """The layers that change, and those with geometry that rules see together with one of them."""
    groups = [*_BESIDE_THE_CHECKS]
    groups += [(*sorted(_layers_of(check)), *ALSO_SEEN.get(check.layer, ())) for check in CHECKS]
    for name, layer in city.schema.layers.items():
        topology = layer.topology
        groups += [(name, topology.covered_by.layer)] if topology.covered_by else []
        groups += [(name, topology.fills, *topology.fills_with)] if topology.fills else []
    seen = dict.fromkeys(changing)
    for group in groups:
        if not set(group).isdisjoint(changing):
            seen |= dict.fromkeys(group)
    known = city.schema.layers
    return [name for name in seen if name in known and known[name].geometry != "None"]


def _layers_of(check: Check) -> set[str]:
    """The layers without which a rule is not applied."""
    return {check.layer, *(need.partition(".")[0] for need in check.needs)}


def _near(work: Transaction, layer: Layer, plan: Plan | None, near: shapely.STRtree, *, whole: bool) -> np.ndarray:
    """``fid`` of a layer's rows near a change, or of all, and of those that have the key of a row to be added."""
    table = work.table(layer.layer)
    fids, bounds = work.bounds(table)
    found = fids if whole or not len(fids) else fids[np.unique(near.query(shapely.box(*bounds.T))[0])]
    if plan is None or not len(plan.added) or not len(fids):
        return found
    keys = set(plan.added[list(layer.key)].astype("str").itertuples(index=False, name=None))
    rows = work.rows(f"SELECT {', '.join(map(quoted, (table.key, *layer.key)))} FROM {quoted(table.name)}")
    return np.union1d(found, np.array([fid for fid, *key in rows if tuple(map(str, key)) in keys], dtype=np.int64))


def _rows(work: Transaction, layer: Layer, fids: np.ndarray) -> gpd.GeoDataFrame:
    """Rows of a layer by their ``fid``, indexed by it."""
    table = work.table(layer.layer)
    if not 0 < len(fids) <= _LISTED:
        frame = versions(work, table, table.name, layer.names, "1 = 1" if len(fids) else "1 = 0")
        return frame[frame.index.isin(fids)]
    return versions(work, table, table.name, layer.names, f"{quoted(table.key)} IN ({', '.join(map(str, fids.tolist()))})")


def _updated(plan: Plan, held: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows to update as they will be: what the delivery lacks stays."""
    rows = plan.updated.set_axis(plan.updated_fids)
    return rows.join(held.drop(columns=[name for name in held if name in rows])) if len(rows) else rows


def _about(layers: Mapping[str, pd.DataFrame], findings: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """Of some layers what lies near findings; all where one has no place."""
    bounds = shapely.bounds(np.asarray(findings.geometry.array, dtype=object)).reshape(-1, 4)
    if not np.isfinite(bounds).all():
        return dict(layers)
    boxes = _boxes(bounds, MARGIN_FT)
    near = {name: frame[_meets(frame.geometry.to_numpy(), boxes) | (name in BY_NAME)] for name, frame in layers.items()}
    return {name: frame.reset_index(drop=True) for name, frame in near.items() if len(frame)}


def _said_of_what_stays(findings: gpd.GeoDataFrame, around: _Around) -> gpd.GeoDataFrame:
    """Findings with what a load cannot mend said of those where a feature of the store would stay under one that is loaded."""
    findings = findings.copy()
    for row in np.flatnonzero(findings["code"].isin(["T01", "G04"])).tolist():
        pair = [findings["feature"].iloc[row], findings["other"].iloc[row]]
        stays = [name for name in pair if name in around.stays.get(findings["layer"].iloc[row], ()) and name not in around.changed]
        if len(stays) != 1 or findings["layer"].iloc[row] not in _REMEDIES:
            continue
        new = pair[1 - pair.index(stays[0])]
        findings.loc[row, "message"] += f" {stays[0]} is the City's already and would stay under {new}: a load retires nothing."
        findings.loc[row, "remedy"] = _REMEDIES[findings["layer"].iloc[row]]
    return findings


def _boxes(bounds: np.ndarray, margin_ft: float) -> np.ndarray:
    return shapely.box(*(bounds + margin_ft * np.array([-1.0, -1.0, 1.0, 1.0])).T)


def _meets(shapes: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Which shapes have bounds that meet one of some boxes."""
    meets = np.zeros(len(shapes), dtype=bool)
    meets[np.unique(shapely.STRtree(boxes).query(shapely.envelope(shapes))[0])] = True
    return meets
