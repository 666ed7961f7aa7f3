"""
An operation put together: the parcels it ends, changes and makes, and all that follows from them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes import ChangeSet, LayerChange, lineage_frame
from citygis.city import City
from citygis.errors import StoreError
from citygis.operations.courses import renewed
from citygis.operations.cutting import with_vertices
from citygis.operations.links import relinked, shown
from citygis.operations.neighbourhood import new_findings
from citygis.operations.operation import AREA_COLUMNS, AREA_TOLERANCE_SQFT, CARRIED_COLUMNS, LINK_COLUMNS, Operation, Record
from citygis.operations.rows import ended, made_rows, no_rows, reshaped, typed

VERTEX_FT = 0.01
"""A neighbour whose outline passes so near to a new corner gets it as a vertex: the least width of overlap that is an error."""

SHARED_SQFT = 0.5
"""Ground that two parcels must share, before and after, for the one to come from the other."""

_SHARES_VERTICES = ("parcel", "right_of_way")


class Draft(NamedTuple):
    """
    What an operation does to land, before what follows from it is worked out.

    Attributes
    ----------
    kind : str
        Of the lineage.
    history : str
        Code of ``apn_history``.
    message : str
    ending : array of int
        Rows of `parcels` whose number ends.
    changed : GeoDataFrame
        Whole rows of parcels that keep their number, as they will be; with the index of `parcels`.
    added : GeoDataFrame
        Whole rows of new parcels.
    carried : DataFrame
    ways_ended, ways_changed : frames, optional
        Rows of ``right_of_way``: those that end, and those that will be smaller.
    extra : mapping of name to frame
        Rows to be added to other layers.
    ends : mapping of name to frame
        Rows of other layers that end with it.
    """

    kind: str
    history: str
    message: str
    ending: np.ndarray
    changed: gpd.GeoDataFrame
    added: gpd.GeoDataFrame
    carried: pd.DataFrame
    ways_ended: gpd.GeoDataFrame | None = None
    ways_changed: gpd.GeoDataFrame | None = None
    extra: Mapping[str, pd.DataFrame] = {}
    ends: Mapping[str, pd.DataFrame] = {}


def assembled(
    draft: Draft, parcels: gpd.GeoDataFrame, record: Record, beside: Mapping[str, pd.DataFrame] | None, city: City
) -> Operation:
    """
    All that follows from what an operation does to land.

    Parameters
    ----------
    draft : Draft
    parcels : GeoDataFrame
        The parcel layer.
    record : Record
    beside : mapping of name to frame, optional
        Other layers, which are brought into line, and seen by the rules.
    city : City

    Returns
    -------
    Operation

    Raises
    ------
    StoreError
        If ground would be lost or won by more than `AREA_TOLERANCE_SQFT`.
    """
    schema = city.schema
    beside = dict(beside or {})
    ends = parcels.iloc[draft.ending]
    was = pd.concat([ends, parcels.loc[draft.changed.index]]) if len(draft.changed) else ends
    now = pd.concat([each for each in (draft.changed, draft.added) if len(each)], ignore_index=True)
    now = now.set_crs(parcels.crs) if now.crs is None else now
    ways_was, ways_now = _ways(draft, beside)
    residual = float(
        sum(shapely.area(f.geometry.to_numpy()).sum() for f in (now, *ways_now))
        - sum(shapely.area(f.geometry.to_numpy()).sum() for f in (was, *ways_was))
    )
    if abs(residual) > AREA_TOLERANCE_SQFT:
        raise StoreError(
            f"The ground before and after differs by {residual:+,.4f} sq ft; {AREA_TOLERANCE_SQFT} is allowed. Nothing was "
            "changed: look whether the parcels overlap (citygis validate)."
        )
    nodes = _new_corners([was, *ways_was], [now, *ways_now])
    changes: dict[str, LayerChange] = {}
    beyond = {name: _vertices_added(name, frame, nodes, was, draft) for name, frame in (("parcel", parcels), *beside.items())}
    neighbours = beyond["parcel"]
    updated = (
        pd.concat([each for each in (draft.changed, neighbours) if len(each)]) if len(draft.changed) + len(neighbours) else None
    )
    changes["parcel"] = LayerChange(
        _fitted(draft.added, parcels),
        _fitted(updated.reset_index(drop=True), parcels) if updated is not None else parcels.iloc[:0],
        ended(ends, record),
    )
    ways = [each for each in (draft.ways_changed, beyond.get("right_of_way")) if each is not None and len(each)]
    if ways or draft.ways_ended is not None:
        held = beside["right_of_way"]
        way_changed = _fitted(pd.concat(ways, ignore_index=True), held) if ways else held.iloc[:0]
        gone = ended(draft.ways_ended, record) if draft.ways_ended is not None else no_rows()
        changes["right_of_way"] = LayerChange(held.iloc[:0], way_changed, gone)
    linked, links = relinked(was, now, beside, schema)
    net = renewed(was, now, nodes, beside, record, schema)
    told = [each for each in (links, net.links) if len(each)]
    links = pd.concat(told, ignore_index=True) if told else pd.DataFrame(columns=list(LINK_COLUMNS))
    changes |= linked | net.changes
    for name, rows in draft.extra.items():
        changes[name] = LayerChange(rows, rows.iloc[:0], no_rows())
    for name, rows in draft.ends.items():
        changes[name] = LayerChange(rows.iloc[:0], rows.iloc[:0], ended(rows, record))
        key = schema.layer(name).key[0]
        links = pd.concat(
            [links, pd.DataFrame([(name, k, None, None, np.nan, "ended") for k in rows[key]], columns=list(LINK_COLUMNS))]
        )
    links = links.reset_index(drop=True)
    pairs = _pairs(was, now)
    changes |= _history(pairs, was, now, draft, record, beside, schema)
    rows = [_lineage_row(draft.kind, was["global_id"].iloc[i], now["global_id"].iloc[j], one, two) for i, j, one, two in pairs]
    if draft.kind == "vacation":
        before = pd.concat(ways_was)
        rows = [
            _lineage_row("vacation", before["global_id"].iloc[i], now["global_id"].iloc[j], one, two)
            for i, j, one, two in _pairs(before, now)
        ]
    layers = {"parcel": parcels, **beside}
    seen = {k: v for k, v in layers.items() if k in schema.layers}
    findings = new_findings(seen, changes, city, successors=_successors(was, now))
    change = ChangeSet({k: v for k, v in changes.items() if not v.is_empty}, lineage_frame(rows), record.effective, draft.message)
    areas = _areas(draft, parcels, was, ways_was, ways_now, beyond)
    carried = draft.carried.reset_index(drop=True) if len(draft.carried) else pd.DataFrame(columns=list(CARRIED_COLUMNS))
    return Operation(change, areas, residual, carried, links, findings)


def parcel_rows(
    numbers: pd.DataFrame,
    shapes: list,
    values: Mapping[str, list],
    record: Record,
    city: City,
    *,
    crs,
) -> gpd.GeoDataFrame:
    """
    New parcels.

    Parameters
    ----------
    numbers : DataFrame, n rows
        ``apn, apn_display, apn_profile``.
    shapes : list of n polygons
    values : mapping of field to n values
        What is carried.
    record : Record
    city : City
    crs : CRS

    Returns
    -------
    GeoDataFrame
        Columns of the schema.
    """
    n = len(numbers)
    known = pd.DataFrame({name: pd.Series(list(held), dtype=object) for name, held in values.items()}, index=range(n))
    for name in numbers.columns:
        known[name] = numbers[name].to_numpy(dtype=object)
    known["calc_area_sqft"] = shapely.area(shapes)
    if record.roll_year is not None:
        known["roll_year"] = record.roll_year
    return made_rows("parcel", known.to_dict("records"), shapes, record, city.schema, crs=crs)


def carried_onto(held: gpd.GeoDataFrame, values: Mapping[str, list], city: City) -> gpd.GeoDataFrame:
    """Parcels that stay, with the values that are carried to them."""
    made = held.copy()
    for name, given in values.items():
        made[name] = typed(np.array(given, dtype=object), city.schema.layer("parcel").field(name).type).set_axis(made.index)
    return made


def situs_on(parents: pd.DataFrame, shapes: list, beside: Mapping[str, pd.DataFrame] | None) -> np.ndarray:
    """
    On which new parcel the address of each old one lies.

    Parameters
    ----------
    parents : DataFrame, k rows
        ``situs_id``, else the one address point with its ``apn``.
    shapes : list of m polygons
    beside : mapping of name to frame, optional
        ``address_point``.

    Returns
    -------
    array (k, m) of bool
        A row of False where the address is not known.
    """
    on = np.zeros((len(parents), len(shapes)), dtype=bool)
    points = (beside or {}).get("address_point")
    if points is None:
        return on
    for k, parent in enumerate(parents.to_dict("records")):
        named = points[points["global_id"] == parent["situs_id"]] if isinstance(parent.get("situs_id"), str) else points.iloc[:0]
        named = named if len(named) else points[points["apn"] == parent["apn"]]
        if len(named) == 1 and named.geometry.iloc[0] is not None:
            away = shapely.distance(np.array(shapes, dtype=object), named.geometry.iloc[0])
            on[k, int(np.argmin(away))] = True
    return on


def _ways(draft: Draft, beside: Mapping) -> tuple[list, list]:
    """The rights of way that an operation ends or makes smaller, before and after."""
    ids = [each["global_id"] for each in (draft.ways_ended, draft.ways_changed) if each is not None]
    if not ids:
        return [], []
    ways = beside["right_of_way"]
    return [ways[ways["global_id"].isin(pd.concat(ids))]], [draft.ways_changed] if draft.ways_changed is not None else []


def _new_corners(before: list, now: list) -> np.ndarray:
    held, made = (
        np.concatenate([shapely.get_coordinates(each.geometry.to_numpy()) for each in frames]).tolist() for frames in (before, now)
    )
    fresh = sorted(set(map(tuple, made)) - set(map(tuple, held)))
    return np.array(fresh).reshape(-1, 2)


def _vertices_added(
    name: str, frame: pd.DataFrame, nodes: np.ndarray, was: gpd.GeoDataFrame, draft: Draft
) -> gpd.GeoDataFrame | None:
    """Neighbours on whose outline a new corner lies, with it."""
    if name not in _SHARES_VERTICES or not isinstance(frame, gpd.GeoDataFrame):
        return None
    own = set(was["global_id"]) if name == "parcel" else set()
    for ways in (draft.ways_ended, draft.ways_changed):
        own |= set(ways["global_id"]) if ways is not None and name == "right_of_way" else set()
    shapes = frame.geometry.to_numpy()
    if not len(nodes):
        return frame.iloc[:0]
    near = np.flatnonzero(shapely.dwithin(shapes, shapely.multipoints(nodes), VERTEX_FT))
    near = near[~frame["global_id"].iloc[near].isin(own).to_numpy(dtype=bool)]
    made = [with_vertices(shapes[row], nodes, tolerance_ft=VERTEX_FT) for row in near]
    changed = [k for k, row in enumerate(near) if made[k] is not shapes[row]]
    return reshaped(frame.iloc[near[changed]], [made[k] for k in changed]) if changed else frame.iloc[:0]


def _fitted(frame: gpd.GeoDataFrame, held: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Rows in the columns that the layer has."""
    return frame.reindex(columns=held.columns) if len(frame) else held.iloc[:0]


def _pairs(was: gpd.GeoDataFrame, now: gpd.GeoDataFrame) -> list[tuple[int, int, float, float]]:
    """Rows before and after that share ground, and which share of each it is."""
    old, new = was.geometry.to_numpy(), now.geometry.to_numpy()
    shared = shapely.area(shapely.intersection(old[:, None], new[None, :]))
    one, two = np.nonzero(shared > SHARED_SQFT)
    of_old, of_new = shared[one, two] / shapely.area(old[one]), shared[one, two] / shapely.area(new[two])
    rows = zip(one, two, np.minimum(of_old, 1.0), np.minimum(of_new, 1.0), strict=True)
    return [(int(i), int(j), float(a), float(b)) for i, j, a, b in rows]


def _lineage_row(kind: str, parent: str, child: str, share_parent: float, share_child: float) -> dict:
    shares = {"share_parent": share_parent, "share_child": share_child}
    return {"layer": "parcel", "parent": parent, "child": child, "kind": kind, **shares}


def _history(pairs, was, now, draft: Draft, record: Record, beside: Mapping, schema) -> dict[str, LayerChange]:
    rows = [
        {
            "old_apn": was["apn"].iloc[i],
            "new_apn": now["apn"].iloc[j],
            "change": draft.history,
            "roll_year": record.roll_year,
            "doc_id": record.doc_id,
            "confidence": 1.0,
            "area_share": share,
        }
        for i, j, share, _ in pairs
    ]
    if not rows:
        return {}
    frame = made_rows("apn_history", rows, None, record, schema)
    held = beside.get("apn_history")
    again = np.zeros(len(frame), dtype=bool)
    if held is not None:
        told = set(zip(held["old_apn"], held["new_apn"], strict=True))
        again = np.array([key in told for key in zip(frame["old_apn"], frame["new_apn"], strict=True)], dtype=bool)
    return {"apn_history": LayerChange(frame[~again], frame[again], pd.DataFrame(columns=["old_apn", "new_apn"], dtype="str"))}


def _successors(was: gpd.GeoDataFrame, now: gpd.GeoDataFrame) -> dict[str, set[str]]:
    names: dict[str, set[str]] = {}
    old, new = shown(was), shown(now)
    for i, j, _, _ in _pairs(was, now):
        names.setdefault(str(new[j]), {str(new[j])}).add(str(old[i]))
    return names


def _areas(draft: Draft, parcels, was, ways_was, ways_now, beyond) -> pd.DataFrame:
    rows: list[tuple] = []
    before = dict(zip(parcels["global_id"], shapely.area(parcels.geometry.to_numpy()), strict=True))
    for name, size in zip(shown(was), shapely.area(was.geometry.to_numpy()), strict=True):
        if name in set(shown(parcels.iloc[draft.ending])):
            rows.append(("parcel", name, "retired", size, np.nan))
    for frame, what in ((draft.changed, "changed"), (draft.added, "new"), (beyond["parcel"], "vertex added")):
        for name, gid, shape in zip(shown(frame), frame["global_id"], frame.geometry, strict=True) if len(frame) else ():
            rows.append(("parcel", name, what, before.get(gid, np.nan), shape.area))
    for way in ways_was:
        later = {gid: shape.area for each in ways_now for gid, shape in zip(each["global_id"], each.geometry, strict=True)}
        for name, gid, shape in zip(way["row_id"], way["global_id"], way.geometry, strict=True):
            rows.append(("right_of_way", name, "changed" if gid in later else "retired", shape.area, later.get(gid, np.nan)))
    touched = beyond.get("right_of_way")
    for name, shape in zip(touched["row_id"], touched.geometry, strict=True) if touched is not None else ():
        rows.append(("right_of_way", name, "vertex added", shape.area, shape.area))
    return pd.DataFrame(rows, columns=list(AREA_COLUMNS))
