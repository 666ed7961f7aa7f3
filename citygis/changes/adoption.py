"""
What a person accepted of a delivery, as a batch that the store applies: whole rows, who is retired by what, and who came from whom.
"""

import datetime
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes.changeset import ChangeSet, LayerChange, lineage_frame
from citygis.changes.comparison import Changes
from citygis.changes.ownership import city_owned
from citygis.changes.review import SHIFT_ID, Standing, standing
from citygis.city import City
from citygis.errors import StoreError
from citygis.schema import Layer
from citygis.schema.frames import empty_layer
from citygis.schema.identity import feature_ids, geom_hashes

LINEAGE_OF = {
    "renumbered": "renumber",
    "split": "split",
    "merged": "merge",
    "resubdivided": "resubdivision",
    "recycled": "recycled",
}
"""The kind of lineage that comes of a kind of change."""

FROM_DELIVERY = ("source_id", "source_ref")
"""What an updated row says of the delivery that it was updated from."""


def changeset(
    changes: Changes,
    old_layer: gpd.GeoDataFrame,
    new_layer: gpd.GeoDataFrame,
    review: pd.DataFrame,
    *,
    city: City,
    layer: str = "parcel",
    effective: datetime.date | None = None,
    allow_truncated: int | None = None,
) -> ChangeSet:
    """
    The accepted changes as a batch for the store.

    Parameters
    ----------
    changes : Changes
        Of `old_layer` and `new_layer`, compared by the key of the City's layer.
    old_layer : GeoDataFrame
        The City's layer as it is stored, in the columns of its schema; ``cs_from``, where it has it, is handed on.
    new_layer : GeoDataFrame
        The delivery, converted.
    review : DataFrame
        From `citygis.changes.review.read_review`. What is rejected or not decided stays as it is stored, and is counted in the
        message of the batch.
    city : City
    layer : str
        Name of the City's layer.
    effective : date, optional
        From when the changes hold in law: retired features end the day before, new ones begin then.
    allow_truncated : int, optional
        How many features may be gone, where the delivery looks cut off.

    Returns
    -------
    ChangeSet
        An updated row is the stored one with the values that changed, and the outline only where that changed: bits of a float
        that a county rewrote change nothing. The City's own columns (`city_owned`) stay; the inherited ones pass to new features
        whose parents agree. A number given to other ground is another feature: its ``global_id`` is new.

        The lineage leaves out the part of a parent that keeps its number: that is the same feature.

    Raises
    ------
    StoreError
        If the delivery looks cut off and the number of features gone is not allowed, a shift of the whole layer is not decided
        though an outline is to be changed, a change is accepted that names no feature, or what is accepted would leave a key
        on two features.
    SchemaError
        If the City has no such layer.
    """
    schema = city.schema.layer(layer)
    decided = standing(changes, review)
    _require_whole(changes, allow_truncated)
    _require_told_apart(changes, decided)
    work = _work(changes, decided)
    shapes = _shapes(changes, new_layer, decided, moves=len(work.updates) + len(work.added))
    updated = _updated(changes, old_layer, new_layer, shapes, work, schema, city)
    added = _added(changes, old_layer, new_layer, shapes, work, schema, city, effective)
    _require_single_keys(changes, old_layer, added, work, schema)
    batch = LayerChange(added, updated, _retired(changes, old_layer, new_layer, work, effective))
    lineage = _lineage(changes, old_layer, new_layer, added, work, layer)
    return ChangeSet({layer: batch}, lineage, effective, _message(changes, decided))


class _Work(NamedTuple):
    """
    Positions of the rows that the accepted changes concern.

    ``updates`` pairs old with new rows (-1 where only the shift of the layer moves one), ``reshaped`` says of each pair whether its
    outline changed; ``said`` are the accepted values;
    ``kept`` gives the old row that a new one is, ``parents`` those that a new one came from.
    """

    ids: frozenset[str]
    updates: np.ndarray
    reshaped: np.ndarray
    added: np.ndarray
    retired: np.ndarray
    said: pd.DataFrame
    kept: dict[int, int]
    parents: dict[int, list[int]]


def _work(changes: Changes, decided: Standing) -> _Work:
    ids = frozenset(decided.accepted) - {SHIFT_ID}
    table = changes.changes[changes.changes["change_id"].isin(ids)]
    kind = dict(zip(table["change_id"], table["kind"], strict=True))
    members = changes.members[changes.members["change_id"].isin(ids)]
    # A number that was given to other ground names two features, whatever was accepted of it.
    reused = changes.members["change_id"].isin(changes.changes.loc[changes.changes["kind"] == "recycled", "change_id"])
    given_away = set(changes.members.loc[reused & (changes.members["side"] == "old"), "row"])
    kept = {n: o for o, n in changes.pairs.tolist() if o not in given_away}
    keeps = {o: n for n, o in kept.items()}
    old, new = (members[members["side"] == side] for side in ("old", "new"))
    mine_old, mine_new = (set(zip(side["change_id"], side["row"], strict=True)) for side in (old, new))
    same = [(change, o, keeps[o]) for change, o in sorted(mine_old) if o in keeps and (change, keeps[o]) in mine_new]
    pairs = {(o, n): kind[change] != "attribute" for change, o, n in same}
    retired = set(old["row"]) - {o for o, _ in pairs}
    if SHIFT_ID in decided.accepted:
        # Everything moves: to the outlines of the delivery, or by the shift where a change of the feature is not accepted.
        left = set(changes.members.loc[~changes.members["change_id"].isin(ids) & (changes.members["side"] == "old"), "row"])
        settled = {o for o, _ in pairs}
        pairs = dict.fromkeys(pairs, True) | {(o, n): True for o, n in keeps.items() if o not in left | settled | retired}
        settled = {o for o, _ in pairs}
        pairs |= {(o, -1): True for o in range(changes.old_rows) if o not in settled | retired}
    updates = np.array(sorted(pairs), dtype=int).reshape(-1, 2)
    links = changes.links[changes.links["change_id"].isin(ids)]
    parents: dict[int, list[int]] = {}
    for o, n in links[["old_row", "new_row"]].itertuples(index=False):
        parents.setdefault(int(n), []).append(int(o))
    return _Work(
        ids,
        updates,
        np.array([pairs[tuple(pair)] for pair in updates.tolist()], dtype=bool),
        np.setdiff1d(new["row"].to_numpy(dtype=int), updates[:, 1]),
        np.array(sorted(retired), dtype=int),
        changes.values[changes.values["change_id"].isin(ids)],
        kept,
        parents,
    )


def _shapes(changes: Changes, new_layer: gpd.GeoDataFrame, decided: Standing, *, moves: int) -> np.ndarray:
    """The outlines of the delivery: as sent where its shift is accepted, moved back where it is rejected."""
    shapes = np.asarray(new_layer.geometry.array, dtype=object)
    if changes.shift is None or SHIFT_ID in decided.accepted:
        return shapes
    if SHIFT_ID in decided.undecided and moves:
        raise StoreError(
            f"The delivery lies elsewhere as a whole: {changes.shift}. Decide {SHIFT_ID} in the review first: accept it to take "
            "the new places for every feature, or reject it to bring what changed to where the City's layer lies."
        )
    return changes.shift.undone(shapes)


def _updated(
    changes: Changes,
    old_layer: gpd.GeoDataFrame,
    new_layer: gpd.GeoDataFrame,
    shapes: np.ndarray,
    work: _Work,
    schema: Layer,
    city: City,
) -> gpd.GeoDataFrame:
    at, by = work.updates.T
    rows = _in_schema(old_layer, at, schema)
    owned = city_owned(schema.layer, city).columns
    place = {row: position for position, row in enumerate(at.tolist())}
    taken = np.zeros(len(at), dtype=bool)
    for name, said in work.said.groupby("column", sort=False):
        if name in owned or name not in schema.names:
            continue
        there = said[said["old_row"].isin(place)]
        position = there["old_row"].map(place).to_numpy(dtype=int)
        rows[name] = _with(rows[name], position, new_layer[name].iloc[there["new_row"].to_numpy(dtype=int)])
        taken[position] = True
    geometry = np.array(rows.geometry.array, dtype=object)
    delivered = by >= 0
    geometry[work.reshaped & delivered] = shapes[by[work.reshaped & delivered]]
    if not delivered.all():
        geometry[~delivered] = changes.shift.done(geometry[~delivered])
    rows = rows.set_geometry(gpd.GeoSeries(geometry, index=rows.index, crs=old_layer.crs))
    measured = _measured(rows, schema)
    for name in measured.columns.intersection(rows.columns):
        rows[name] = rows[name].where(~work.reshaped, measured[name]).astype(rows[name].dtype)
    for name in FROM_DELIVERY:
        if name in schema.names and name in new_layer:
            rows[name] = _with(rows[name], np.flatnonzero(delivered), new_layer[name].iloc[by[delivered]])
    rows = _carry_version(rows, old_layer, at)
    return rows[taken | work.reshaped].reset_index(drop=True)


def _added(
    changes: Changes,
    old_layer: gpd.GeoDataFrame,
    new_layer: gpd.GeoDataFrame,
    shapes: np.ndarray,
    work: _Work,
    schema: Layer,
    city: City,
    effective: datetime.date | None,
) -> gpd.GeoDataFrame:
    rows = _in_schema(new_layer, work.added, schema)
    rows = rows.set_geometry(gpd.GeoSeries(shapes[work.added], index=rows.index, crs=old_layer.crs))
    measured = _measured(rows, schema)
    for name in measured.columns.intersection(rows.columns):
        rows[name] = measured[name].astype(rows[name].dtype)
    owned = city_owned(schema.layer, city)
    for name in sorted(owned.columns & set(schema.names)):
        values = pd.Series([None] * len(rows), dtype=object)
        if name in owned.inherited and name in old_layer:
            values = pd.Series([_agreed(old_layer[name], work.parents.get(n, ())) for n in work.added.tolist()], dtype=object)
        rows[name] = values.astype(rows[name].dtype)
    if effective is not None and "legal_from" in schema.names:
        rows["legal_from"] = pd.Series([effective] * len(rows), dtype="datetime64[s]")
    if "global_id" in schema.names:
        rows["global_id"] = _new_ids(rows, set(old_layer["global_id"].dropna()), schema)
    return rows


def _retired(
    changes: Changes, old_layer: gpd.GeoDataFrame, new_layer: gpd.GeoDataFrame, work: _Work, effective: datetime.date | None
) -> pd.DataFrame:
    """Retired features; the record that retires one is what its children came with, else the delivery's only document."""
    sources = new_layer["source_id"] if "source_id" in new_layer else pd.Series([None] * len(new_layer), dtype=object)
    single = sources.dropna().unique()
    single = single[0] if len(single) == 1 else None
    children: dict[int, str] = {}
    for n, parents in sorted(work.parents.items()):
        for o in parents:
            children.setdefault(o, sources.iloc[n])
    rows = pd.DataFrame({"global_id": old_layer["global_id"].iloc[work.retired].to_numpy()}).astype({"global_id": "str"})
    rows["retired_by_record"] = pd.Series([children.get(o, single) for o in work.retired.tolist()], dtype="str")
    if effective is not None:
        rows["legal_to"] = pd.Series([effective - datetime.timedelta(days=1)] * len(rows), dtype="datetime64[s]")
    return _carry_version(rows, old_layer, work.retired)


def _lineage(
    changes: Changes, old_layer: gpd.GeoDataFrame, new_layer: gpd.GeoDataFrame, added: gpd.GeoDataFrame, work: _Work, layer: str
) -> pd.DataFrame:
    stored = old_layer["global_id"].tolist()
    fresh = dict(zip(work.added.tolist(), added["global_id"], strict=True))
    kinds = dict(zip(changes.changes["change_id"], changes.changes["kind"], strict=True))
    links = changes.links[changes.links["change_id"].isin(work.ids)]
    rows = []
    for link in links.itertuples(index=False):
        kind = LINEAGE_OF.get(kinds[link.change_id])
        parent, child = stored[link.old_row], fresh.get(link.new_row) or stored[work.kept[link.new_row]]
        if kind is not None and parent != child:
            rows.append((layer, parent, child, kind, link.share_old, link.share_new))
    members = changes.members[changes.members["change_id"].isin({i for i in work.ids if kinds[i] == "recycled"})]
    sides = members.pivot(index="change_id", columns="side", values="row") if len(members) else pd.DataFrame()
    rows += [(layer, stored[row.old], fresh[row.new], "recycled", 0.0, 0.0) for row in sides.itertuples()]
    return lineage_frame(pd.DataFrame(rows, columns=["layer", "parent", "child", "kind", "share_parent", "share_child"]))


def _require_whole(changes: Changes, allow_truncated: int | None) -> None:
    gone = changes.counts["retired"]
    if changes.truncated is not None and allow_truncated != gone:
        said = "" if allow_truncated is None else f" ({allow_truncated:,} were allowed)"
        raise StoreError(
            f"{changes.truncated}{said} Ask the sender; where they are gone indeed, say how many: --allow-retired {gone}."
        )


def _require_told_apart(changes: Changes, decided: Standing) -> None:
    vague = set(changes.changes.loc[changes.changes["kind"] == "ambiguous", "change_id"]) & set(decided.accepted)
    if vague:
        rows = changes.changes[changes.changes["change_id"].isin(vague)]
        first = rows["message"].iloc[0]
        raise StoreError(
            f"{len(rows):,} changes are accepted that nobody can carry out, the first: {first} Add a column to the key."
        )


def _require_single_keys(
    changes: Changes, old_layer: gpd.GeoDataFrame, added: gpd.GeoDataFrame, work: _Work, schema: Layer
) -> None:
    """No key on two features that had been on one: half of an exchange of numbers cannot be taken."""
    names = list(schema.key)
    stays = pd.MultiIndex.from_frame(old_layer[names].drop(old_layer.index[work.retired]))
    twice = pd.MultiIndex.from_frame(added[names])
    twice = twice[twice.isin(stays) | twice.duplicated()]
    if not len(twice):
        return
    key = " | ".join(map(str, twice[0]))
    about = changes.members["key"].eq(key) & ~changes.members["change_id"].isin(work.ids)
    others = sorted(set(changes.members.loc[about, "change_id"]))
    raise StoreError(
        f"{key} would be there twice: a new feature takes the number and the one that has it is not retired. "
        f"Decide these together: {', '.join(others) or 'its changes'}."
    )


def _in_schema(frame: gpd.GeoDataFrame, rows: np.ndarray, schema: Layer) -> gpd.GeoDataFrame:
    """Some rows in the columns and types of the schema; a column that the frame has not is null."""
    blank = empty_layer(schema, crs=frame.crs)
    some = frame.iloc[rows].reset_index(drop=True)
    columns = {
        name: some[name].astype(blank[name].dtype) if name in some else pd.Series([None] * len(some), dtype=blank[name].dtype)
        for name in schema.names
    }
    return gpd.GeoDataFrame(columns, geometry=some.geometry.to_numpy(), crs=frame.crs)


def _measured(rows: gpd.GeoDataFrame, schema: Layer) -> pd.DataFrame:
    """What the schema works out from the outlines of rows."""
    shapes = rows.geometry.to_numpy()
    ways = {"area_sqft": shapely.area, "easting": shapely.get_x, "northing": shapely.get_y, "geom_hash": geom_hashes}
    computed = {field.name: ways[field.computed] for field in schema.fields if field.computed in ways}
    return pd.DataFrame({name: way(shapes) for name, way in computed.items()}, index=rows.index)


def _with(values: pd.Series, position: np.ndarray, given: pd.Series) -> pd.Series:
    """Values with others in some places, in the type they have."""
    made = values.astype(object)
    made.iloc[position] = given.astype(object).to_numpy()
    return made.where(made.notna(), None).astype(values.dtype)


def _carry_version(rows: pd.DataFrame, old_layer: pd.DataFrame, at: np.ndarray) -> pd.DataFrame:
    return rows.assign(cs_from=old_layer["cs_from"].iloc[at].to_numpy()) if "cs_from" in old_layer else rows


def _agreed(values: pd.Series, parents: list[int] | tuple[int, ...]) -> object:
    """What all parents say alike, one that says nothing included; else nothing."""
    said = [values.iloc[row] for row in parents]
    first = said[0] if said else None
    return first if said and not any(pd.isna(each) for each in said) and all(each == first for each in said) else None


def _new_ids(rows: gpd.GeoDataFrame, taken: set[str], schema: Layer) -> np.ndarray:
    """Identities by key; a number that another feature had before gets the next one that its key gives."""
    keys = rows[list(schema.key)]
    ids = feature_ids(schema.layer, keys)
    for row, identity in enumerate(ids):
        bearers = 2
        while identity in taken:
            identity = feature_ids(schema.layer, pd.concat([keys.iloc[[row]]] * bearers))[-1]
            bearers += 1
        ids[row] = identity
        taken.add(identity)
    return ids


def _message(changes: Changes, decided: Standing) -> str:
    accepted = changes.changes[changes.changes["change_id"].isin(decided.accepted)]["kind"].value_counts()
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in accepted.sort_index().items())
    shifted = " and the shift of the layer" if SHIFT_ID in decided.accepted else ""
    return (
        f"{accepted.sum():,} changes accepted{shifted}{f' ({kinds})' if kinds else ''}, {len(decided.rejected):,} rejected, "
        f"{len(decided.undecided):,} not decided"
    )
