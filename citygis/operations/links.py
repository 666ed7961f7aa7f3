"""
What stands on the land of an operation, told anew: addresses, owners, easements and buildings, each with the parcel it is on.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes import LayerChange
from citygis.operations.operation import LINK_COLUMNS
from citygis.schema import Schema

ON_LINE_FT = 0.1
"""A point so near to two parcels stands on the line between them."""

LEAST_SHARE_SQFT = 0.5
"""An area that reaches less far into a parcel does not lie on it: two surveys of one line differ by more."""

_SPATIAL = ("easement", "building_footprint")


def relinked(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, beside: Mapping[str, pd.DataFrame], schema: Schema
) -> tuple[dict[str, LayerChange], pd.DataFrame]:
    """
    The layers that name parcels, made to name the new ones.

    Parameters
    ----------
    old, new : GeoDataFrame
        Parcels before and after, ``apn``, ``apn_display`` and geometry; those that keep their number are in both.
    beside : mapping of name to frame
        ``address_point``, ``parcel_owner``, ``easement``, ``building_footprint``; those that are not given are left out.
    schema : Schema

    Returns
    -------
    dict of layer name to LayerChange
        Address points with their new ``apn``; owners of a number that ends, entered for each number on its land.
    DataFrame
        `LINK_COLUMNS`. An address on the line between two parcels is given to the first of them and told as "straddles"; one that
        stands on none goes to the nearest, with the distance.
    """
    if not len(old) or not len(new):
        return {}, pd.DataFrame(columns=list(LINK_COLUMNS))
    told: list[tuple] = []
    changes: dict[str, LayerChange] = {}
    points = beside.get("address_point")
    if points is not None and "apn" in points:
        changes["address_point"] = _addresses(points, old, new, told)
    owners = beside.get("parcel_owner")
    if owners is not None:
        changes["parcel_owner"] = _owners(owners, old, new, told)
    for name in _SPATIAL:
        if name in beside:
            _areas(name, beside[name], schema.layer(name).key[0], old, new, told)
    return {k: v for k, v in changes.items() if not v.is_empty}, pd.DataFrame(told, columns=list(LINK_COLUMNS))


def shown(parcels: pd.DataFrame) -> np.ndarray:
    """The numbers of parcels as the county writes them."""
    return parcels["apn_display"].where(parcels["apn_display"].notna(), parcels["apn"]).to_numpy(dtype=object)


def _addresses(points, old, new, told: list) -> LayerChange:
    rows = np.flatnonzero(points["apn"].isin(old["apn"]).to_numpy(dtype=bool))
    moved = points.iloc[rows].copy()
    was, name, numbers = dict(zip(old["apn"], shown(old), strict=True)), shown(new), new["apn"].to_numpy(dtype=object)
    shapes, now = new.geometry.to_numpy(), []
    for apn, key, place in zip(moved["apn"], moved["NGUID"], moved.geometry, strict=True):
        if place is None or place.is_empty:
            heirs = [n for n in numbers if n == apn] or list(numbers[:1])
            now.append(heirs[0])
            told.append(("address_point", key, was[apn], name[list(numbers).index(heirs[0])], np.nan, "has no place"))
            continue
        away = shapely.distance(shapes, place)
        at = int(np.argmin(away))
        near = np.flatnonzero(away <= ON_LINE_FT)
        remark = "straddles" if len(near) > 1 else "lies on it" if away[at] <= ON_LINE_FT else f"nearest, {away[at]:,.1f} ft off"
        now.append(numbers[at])
        told.append(("address_point", key, was[apn], name[at], 1.0 / max(len(near), 1), remark))
    changed = moved["apn"].to_numpy(dtype=object) != np.array(now, dtype=object)
    moved["apn"] = pd.Series(now, index=moved.index, dtype=points["apn"].dtype)
    return LayerChange(points.iloc[:0], moved[changed], pd.DataFrame({"global_id": pd.Series(dtype="str")}))


def _owners(owners, old, new, told: list) -> LayerChange:
    """The roll names owners by number: who owned the land before owns each piece of it until a deed says otherwise."""
    ending = old[~old["apn"].isin(new["apn"])]
    rows = owners[owners["apn"].isin(ending["apn"])]
    shared = shapely.area(shapely.intersection(ending.geometry.to_numpy()[:, None], new.geometry.to_numpy()[None, :]))
    added, numbers, name, was = [], new["apn"].to_numpy(dtype=object), shown(new), shown(ending)
    for k, apn in enumerate(ending["apn"]):
        of = rows[rows["apn"] == apn]
        for j in np.flatnonzero(shared[k] > LEAST_SHARE_SQFT):
            made = of.copy()
            made["apn"] = pd.Series([numbers[j]] * len(of), index=of.index, dtype=owners["apn"].dtype)
            added.append(made)
            told += [("parcel_owner", "owner of record", was[k], name[j], np.nan, "until a deed says otherwise")] * len(of)
    made = pd.concat(added, ignore_index=True).drop_duplicates(["apn", "owner_name"]) if added else owners.iloc[:0]
    held = set(zip(owners["apn"], owners["owner_name"], strict=True))
    is_new = [key not in held for key in zip(made["apn"], made["owner_name"], strict=True)]
    return LayerChange(made[np.array(is_new, dtype=bool)], owners.iloc[:0], rows[["apn", "owner_name"]].reset_index(drop=True))


def _areas(layer: str, frame, key: str, old, new, told: list) -> None:
    shapes, name = new.geometry.to_numpy(), shown(new)
    before, was = old.geometry.to_numpy(), shown(old)
    place = frame.geometry.to_numpy()
    near = np.flatnonzero(shapely.intersects(place, shapely.union_all(before)) & shapely.is_valid(place))
    blanket = frame["blanket"].fillna(False).to_numpy(dtype=bool) if "blanket" in frame else np.zeros(len(frame), dtype=bool)
    for row in near:
        size = place[row].area
        least = min(LEAST_SHARE_SQFT, size / 2)
        on = shapely.area(shapely.intersection(shapes, place[row]))
        held = shapely.area(shapely.intersection(before, place[row]))
        heirs = np.flatnonzero(on > least)
        if not (held > least).any() or (layer != "easement" and len(heirs) < 2):
            continue
        remark = "blanket" if blanket[row] else "straddles" if len(heirs) > 1 else "lies on it"
        formerly = ", ".join(was[held > least])
        told += [(layer, frame[key].iloc[row], formerly, name[j], float(on[j] / size), remark) for j in heirs]
