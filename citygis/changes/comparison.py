"""
Two deliveries of one layer told apart: what changed on the ground and in the record, and what only looks so.
"""

import hashlib
import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes.components import RECYCLED_SHARE, STRONG_SHARE, Links, components, ground_links, kind_of
from citygis.changes.matching import Matched, compared_columns, differing, keys_of, matched, same_without_key
from citygis.changes.sameness import displacement_ft
from citygis.changes.shift import Shift, whole_layer_shift
from citygis.errors import CRSError
from citygis.units import require_feet

KINDS = ("attribute", "moved", "renumbered", "split", "merged", "resubdivided", "recycled", "new", "retired", "ambiguous")
"""What can happen to features between two deliveries. ``ambiguous`` ones have no key of their own: nobody can tell them apart."""

CHANGE_COLUMNS = (
    "change_id",
    "kind",
    "old",
    "new",
    "columns",
    "moved_ft",
    "area_old_sqft",
    "area_new_sqft",
    "confidence",
    "message",
    "geometry",
)

LINK_COLUMNS = ("change_id", "old", "new", "area_sqft", "share_old", "share_new", "old_row", "new_row")
"""Of the links: who came from whom."""

MEMBER_COLUMNS = ("change_id", "side", "key", "row")
"""Of the members: every feature of every change, by its position in its delivery."""

LEAST_CONFIDENCE = 0.5
"""One old and one new feature that share less of their ground than this are not one feature under another number."""

NOTED_SHARE = 0.005
"""Ground left over from a split or a merger is told from this share on."""

TRUNCATED_ROWS, TRUNCATED_SHARE = 10, 0.02
"""A delivery that lacks more features than the greater of this number and this share of the old ones may have been cut off."""


class Changes(NamedTuple):
    """
    What `compare` found.

    Attributes
    ----------
    changes : GeoDataFrame
        One row per change, columns `CHANGE_COLUMNS`. ``change_id`` is made of kind and keys and stays the same from run to run.
        ``old`` and ``new`` are the keys, joined by "; ". ``columns`` names what the record says differently. ``moved_ft``: how
        far the outlines lie apart. ``confidence``: 1 where the ground of the old features is all that of the new ones, less
        the more is left over. ``geometry``: the ground concerned, as the new delivery has it where there is any, moved back by
        the shift of the layer.
    values : DataFrame
        ``change_id, old_key, new_key, column, old, new, old_row, new_row``: every value that differs, and where it stands.
    links : DataFrame
        ``change_id, old, new, area_sqft, share_old, share_new, old_row, new_row``: who came from whom, with positions.
    counts : dict
        By kind, and ``unchanged``; ``noise``: features whose coordinates differ by less than the tolerance.
    shift : Shift or None
        How the whole layer moved; it has been taken away before the rest was compared.
    truncated : str or None
        Why the delivery looks cut off.
    old_rows, new_rows : int
    members : DataFrame
        ``change_id, side, key, row``: the features of each change; ``side`` is "old" or "new", ``row`` the position there.
    pairs : array of (m, 2) int
        Positions of the rows of one key, old and new, whether they changed or not.
    """

    changes: gpd.GeoDataFrame
    values: pd.DataFrame
    links: pd.DataFrame
    counts: dict[str, int]
    shift: Shift | None
    truncated: str | None
    old_rows: int
    new_rows: int
    members: pd.DataFrame
    pairs: np.ndarray


def compare(
    old: gpd.GeoDataFrame,
    new: gpd.GeoDataFrame,
    *,
    key: str | Sequence[str],
    tolerance_ft: float = 0.01,
    ignore: Collection[str] = (),
) -> Changes:
    """
    What happened between two deliveries of one layer.

    Parameters
    ----------
    old, new : GeoDataFrame
        In the same system, in feet. Not modified; neither index nor order matters.
    key : str or sequence of str
        The column, or columns, that name a feature.
    tolerance_ft : float
        Outlines that lie nowhere farther apart are the same: reversed rings, other starting points, float noise and vertices
        added on a straight line are no change.
    ignore : collection of str
        Columns not to compare, beside those that are derived (`citygis.changes.matching.DERIVED`).

    Returns
    -------
    Changes

    Raises
    ------
    ValueError
        If a key column is not there, or the tolerance is not a number above 0.
    CRSError
        If a delivery has no CRS, is not in feet, or the two differ.
    """
    if not 0 < tolerance_ft < math.inf:
        raise ValueError(f"Invalid tolerance_ft {tolerance_ft:g}. Must be more than 0, in feet.")
    require_feet(old.crs, "The old delivery")
    require_feet(new.crs, "The new delivery")
    if not old.crs.equals(new.crs, ignore_axis_order=True):
        raise CRSError(
            f"The deliveries are in different systems: {old.crs.name} and {new.crs.name}. "
            "Convert one of them first: citygis convert."
        )
    names = [key] if isinstance(key, str) else list(key)
    old_keys, new_keys = keys_of(old, names), keys_of(new, names)
    columns = compared_columns(old, new, {*ignore, *names})
    old_said, new_said = pd.DataFrame(old)[columns], pd.DataFrame(new)[columns]
    before, after = _flat(old), _flat(new)
    pairs = matched(old_keys, new_keys, old_said, new_said, before, after)
    shift = whole_layer_shift(before[pairs.old], after[pairs.new], tolerance_ft=tolerance_ft)
    if shift is not None:
        after = shift.undone(after)
    pairs = same_without_key(old_keys, new_keys, pairs, before, after, old_said, new_said, tolerance_ft=tolerance_ft)
    moved = displacement_ft(before[pairs.old], after[pairs.new], tolerance_ft=tolerance_ft)
    said = _values(old, new, pairs, columns)
    rows = _ground_rows(before, after, pairs, moved, old_keys, new_keys)
    told = {at for row in rows for at in row.old}
    changed = said[["old_row", "new_row"]].drop_duplicates().itertuples(index=False)
    rows += [_Row("attribute", (at,), (by,)) for at, by in changed if at not in told]
    rows += [_Row("ambiguous", (at,), ()) for at in pairs.ambiguous_old.tolist()]
    rows += [_Row("ambiguous", (), (by,)) for by in pairs.ambiguous_new.tolist()]
    changes, links, members, owner = _tables(rows, before, after, said, old_keys, new_keys, moved, pairs, old.crs)
    counts = {kind: int((changes["kind"] == kind).sum()) for kind in KINDS}
    counts["unchanged"] = len(old) - len({at for row in rows for at in row.old})
    counts["noise"] = int(_rewritten(before[pairs.old], after[pairs.new], moved).sum())
    values = _values_frame(said, owner, old_keys, new_keys)
    cut_off = _truncated(counts, len(old), len(new))
    by_key = np.column_stack([pairs.old, pairs.new])
    return Changes(changes, values, links, counts, shift, cut_off, len(old), len(new), members, by_key)


class _Row(NamedTuple):
    """A change by the rows concerned, and the pairs of them that share ground."""

    kind: str
    old: tuple[int, ...]
    new: tuple[int, ...]
    links: Links | None = None
    note: str = ""


def _ground_rows(
    before: np.ndarray, after: np.ndarray, pairs: Matched, moved: np.ndarray, old_keys: pd.Series, new_keys: pd.Series
) -> list[_Row]:
    """What happened to the ground: the changes of one component together, then what shares ground with nothing."""
    at, by = pairs.old[moved > 0], pairs.new[moved > 0]
    partner = dict(zip(by.tolist(), at.tolist(), strict=True))
    given_away = _recycled(before, after, at, by)
    old_rows, new_rows = np.sort(np.concatenate([at, pairs.vanished])), np.sort(np.concatenate([by, pairs.appeared]))
    links = ground_links(before, after, old_rows, new_rows)
    same = np.array([partner.get(n) == o and o not in given_away for o, n in zip(*_pairs(links), strict=True)], dtype=bool)
    links = links.where((np.maximum(links.share_old, links.share_new) >= STRONG_SHARE) | same)
    rows = [_Row("recycled", (o,), (n,)) for n, o in partner.items() if o in given_away]
    for some in _groups(components(links, len(before))):
        rows += _component(links.where(some), partner, before, after, old_keys, new_keys)
    linked_old, linked_new = set(links.old.tolist()), set(links.new.tolist())
    for n, o in partner.items():
        if o not in given_away and not (o in linked_old and n in linked_new):
            rows.append(_Row("moved", (o,), (n,)))
    rows += [_Row("retired", (o,), ()) for o in pairs.vanished.tolist() if o not in linked_old]
    lone = [n for n in pairs.appeared.tolist() if n not in linked_new]
    stays = np.setdiff1d(pairs.old, old_rows)
    return rows + [
        _Row("new", (), (n,), note=note) for n, note in zip(lone, _lies_on(after[lone], before, stays, old_keys), strict=True)
    ]


def _component(
    links: Links, partner: dict[int, int], before: np.ndarray, after: np.ndarray, old_keys: pd.Series, new_keys: pd.Series
) -> list[_Row]:
    """One component: its features that kept their numbers moved a line between them, or it is one change."""
    old, new = sorted(set(links.old.tolist())), sorted(set(links.new.tolist()))
    kind = kind_of([old_keys[o] for o in old], [new_keys[n] for n in new])
    if kind == "moved":
        return [_Row(kind, (partner[n],), (n,), links.where((links.old == partner[n]) & (links.new == n))) for n in new]
    shared = links.area_sqft.sum()
    lost, gained = shapely.area(before[old]).sum() - shared, shapely.area(after[new]).sum() - shared
    if kind == "renumbered" and _confidence(shared, lost, gained) < LEAST_CONFIDENCE:
        kind = "resubdivided"
    notes = [
        f"{area:,.0f} sq ft of the {one} ground {was} in none of the {other}"
        for area, one, was, other in ((lost, "old", "is", "new"), (gained, "new", "was", "old"))
        if area > NOTED_SHARE * (shared + area)
    ]
    return [_Row(kind, tuple(old), tuple(new), links, "; ".join(notes))]


def _confidence(shared: float, lost: float, gained: float) -> float:
    return float(min(1.0, shared / max(shared + lost, shared + gained, 1e-9)))


def _recycled(before: np.ndarray, after: np.ndarray, at: np.ndarray, by: np.ndarray) -> set[int]:
    """Old rows whose number has been given to other ground."""
    polygon = (shapely.area(before[at]) > 0) & (shapely.area(after[by]) > 0)
    at, by = at[polygon], by[polygon]
    links = ground_links(before, after, at, by)
    kept = {(o, n): max(a, b) for o, n, a, b in zip(*_pairs(links), links.share_old, links.share_new, strict=True)}
    return {o for o, n in zip(at.tolist(), by.tolist(), strict=True) if kept.get((o, n), 0.0) < RECYCLED_SHARE}


def _lies_on(lone: np.ndarray, before: np.ndarray, stays: np.ndarray, old_keys: pd.Series) -> list[str]:
    """For each new feature the old one, still there unchanged, that it lies on: a parent nobody retired."""
    notes = [""] * len(lone)
    inside = shapely.point_on_surface(lone) if len(lone) else lone
    for i, j in zip(*shapely.STRtree(before[stays]).query(inside, predicate="within"), strict=True):
        notes[i] = f"it lies on {old_keys[stays[j]]}, which is still there as it was"
    return notes


def _pairs(links: Links) -> tuple[list[int], list[int]]:
    return links.old.tolist(), links.new.tolist()


def _groups(number: np.ndarray) -> list[np.ndarray]:
    """Positions of each group, in the order of the groups."""
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []


def _rewritten(old: np.ndarray, new: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Pairs that are the same ground and yet not written the same."""
    return (moved == 0) & ~shapely.equals_identical(old, new) & ~(shapely.is_missing(old) & shapely.is_missing(new))


def _values(old: pd.DataFrame, new: pd.DataFrame, pairs: Matched, columns: list[str]) -> pd.DataFrame:
    """Every value that differs between two rows of one key: ``old_row, new_row, column, old, new``."""
    told = [pd.DataFrame({"old_row": [], "new_row": [], "column": [], "old": [], "new": []}).astype(object)]
    for name in columns:
        one, two = old[name].iloc[pairs.old], new[name].iloc[pairs.new]
        at = np.flatnonzero(differing(one, two))
        if len(at):
            cells = {"old": one.iloc[at].astype(object).to_numpy(), "new": two.iloc[at].astype(object).to_numpy()}
            told.append(pd.DataFrame({"old_row": pairs.old[at], "new_row": pairs.new[at], "column": name, **cells}).astype(object))
    return pd.concat(told, ignore_index=True)


def _tables(
    rows: list[_Row],
    before: np.ndarray,
    after: np.ndarray,
    said: pd.DataFrame,
    old_keys: pd.Series,
    new_keys: pd.Series,
    moved: np.ndarray,
    pairs: Matched,
    crs,
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame, dict[int, str]]:
    """The changes, the links and the members as frames, and the change that each old row is told under."""
    columns_of = said.groupby("old_row", sort=False)["column"].agg(tuple).to_dict()
    distance = dict(zip(pairs.old.tolist(), moved.tolist(), strict=True))
    area_old, area_new = shapely.area(before), shapely.area(after)
    records, links, members, owner, seen = [], [], [], {}, {}
    for row in rows:
        was, now = sorted(_named(old_keys[at], at) for at in row.old), sorted(_named(new_keys[at], at) for at in row.new)
        identity = "|".join((row.kind, *was, ">", *now))
        twin = seen[identity] = seen.get(identity, -1) + 1
        change_id = f"c{hashlib.sha256(f'{identity}|{twin}'.encode()).hexdigest()[:15]}"  # no spreadsheet takes it for a number
        owner |= {at: change_id for at in row.old if at not in owner}
        columns = dict.fromkeys(name for at in row.old if owner[at] == change_id for name in columns_of.get(at, ()))
        sizes = float(np.nansum(area_old[list(row.old)])), float(np.nansum(area_new[list(row.new)]))
        shared = float(row.links.area_sqft.sum()) if row.links is not None else 0.0
        confidence = 1.0 if row.links is None else _confidence(shared, sizes[0] - shared, sizes[1] - shared)
        far = max((distance.get(at, 0.0) for at in row.old), default=0.0)
        records.append(
            {
                "change_id": change_id,
                "kind": row.kind,
                "old": "; ".join(was),
                "new": "; ".join(now),
                "columns": ", ".join(map(str, columns)),
                "moved_ft": far if row.kind in ("moved", "recycled") else 0.0,
                "area_old_sqft": sizes[0],
                "area_new_sqft": sizes[1],
                "confidence": 0.0 if row.kind == "ambiguous" else confidence,
                "message": _message(row, was, now, columns, far),
                "geometry": _ground(after[list(row.new)] if row.new else before[list(row.old)]),
            }
        )
        members += [(change_id, "old", _named(old_keys[at], at), at) for at in row.old]
        members += [(change_id, "new", _named(new_keys[at], at), at) for at in row.new]
        if row.links is not None:
            for o, n, *shares in zip(*(column.tolist() for column in row.links), strict=True):
                links.append((change_id, _named(old_keys[o], o), _named(new_keys[n], n), *shares, o, n))
    table = pd.DataFrame(records, columns=list(CHANGE_COLUMNS))
    table = table.assign(_rank=table["kind"].map(KINDS.index)).sort_values(["_rank", "old", "new"], kind="stable")
    table = table.drop(columns="_rank").reset_index(drop=True)
    geometry = gpd.array.from_shapely(table.pop("geometry").to_numpy(dtype=object), crs=crs)
    tables = (pd.DataFrame(links, columns=list(LINK_COLUMNS)), pd.DataFrame(members, columns=list(MEMBER_COLUMNS)))
    return gpd.GeoDataFrame(table, geometry=geometry), *tables, owner


def _values_frame(said: pd.DataFrame, owner: dict[int, str], old_keys: pd.Series, new_keys: pd.Series) -> pd.DataFrame:
    at, by = said["old_row"].astype(int), said["new_row"].astype(int)
    return pd.DataFrame(
        {
            "change_id": at.map(owner),
            "old_key": [_named(old_keys[row], row) for row in at],
            "new_key": [_named(new_keys[row], row) for row in by],
            "column": said["column"],
            "old": said["old"],
            "new": said["new"],
            "old_row": at,
            "new_row": by,
        }
    )


def _message(row: _Row, was: list[str], now: list[str], columns: dict[str, None], far: float) -> str:
    before, after = ", ".join(was), ", ".join(now)
    said = {
        "attribute": f"{after}: the record says something else in {', '.join(map(str, columns))}.",
        "moved": f"{after}: its outline {_apart(far)}.",
        "renumbered": f"{before} is now {after}.",
        "split": f"{before} was divided into {after}.",
        "merged": f"{before} were joined into {after}.",
        "resubdivided": f"{before} became {after}.",
        "recycled": f"The number {after} has been given to other ground{_away(far)}: old records under it mean other land.",
        "new": f"{after} is new.",
        "retired": f"{before} is no longer there, and nothing lies on its ground.",
        "ambiguous": f"{before or after} has no key of its own: nobody can say which feature of the other delivery it is.",
    }[row.kind]
    return f"{said[:-1]}; {row.note}." if row.note else said


def _apart(far: float) -> str:
    return f"lies up to {far:,.2f} ft from where it lay" if np.isfinite(far) else "is in one delivery alone, or of another type"


def _away(far: float) -> str:
    return f", {far:,.0f} ft away" if np.isfinite(far) else ""


def _truncated(counts: dict[str, int], old_rows: int, new_rows: int) -> str | None:
    most = max(TRUNCATED_ROWS, TRUNCATED_SHARE * old_rows)
    if counts["retired"] <= most:
        return None
    return (
        f"{counts['retired']:,} of {old_rows:,} features are gone and nothing lies on their ground (the new delivery has "
        f"{new_rows:,}); more than {most:,.0f} look like a delivery cut off."
    )


def _flat(layer: gpd.GeoDataFrame) -> np.ndarray:
    """The geometries, without elevations."""
    geometry = np.array(layer.geometry.array, dtype=object)
    raised = shapely.has_z(geometry)
    geometry[raised] = shapely.force_2d(geometry[raised])
    return geometry


def _ground(geometry: np.ndarray):
    there = geometry[~shapely.is_missing(geometry)]
    if len(there) < 2:
        return there[0] if len(there) else None
    sound = shapely.is_valid(there)
    there[~sound] = shapely.make_valid(there[~sound])
    return shapely.union_all(there)


def _named(key: str | None, row: int) -> str:
    return f"#{row + 1}" if pd.isna(key) else key
