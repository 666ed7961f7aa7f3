"""
The rules asked of the ground about an operation, before and after: what is new.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes import LayerChange
from citygis.city import City
from citygis.quality import validate

MARGIN_FT = 150.0
"""What lies so near is looked at with the changed ground: wider than a street, so that the parcels across it are there."""

SAME_PLACE_FT = 1.0
"""Two findings of one rule are one when they lie no farther apart."""

WORSE = 0.001
"""A measure that grows by no more than this, in its own unit, has not grown: coordinates are rounded."""


def after(layers: Mapping[str, pd.DataFrame], changes: Mapping[str, LayerChange]) -> dict[str, pd.DataFrame]:
    """
    Layers as they will be.

    Parameters
    ----------
    layers : mapping of name to frame
    changes : mapping of name to LayerChange
        A layer that is not among `layers` is what is added to it.

    Returns
    -------
    dict of name to frame
        Fresh index.
    """
    made = dict(layers)
    for name, change in changes.items():
        held = layers.get(name)
        if held is None:
            made[name] = change.added.reset_index(drop=True)
            continue
        identity = [c for c in change.retired.columns if c in held and c not in ("retired_by_record", "legal_to", "cs_from")]
        if "global_id" in held:
            gone = held["global_id"].isin(change.retired["global_id"]) | held["global_id"].isin(change.updated["global_id"])
        else:
            ended = pd.MultiIndex.from_frame(change.retired[identity]) if len(change.retired) else []
            gone = pd.Series(pd.MultiIndex.from_frame(held[identity]).isin(ended) if len(ended) else False, index=held.index)
            if len(change.updated):
                keys = [c for c in ("old_apn", "new_apn", "apn", "owner_name") if c in held]
                gone |= pd.MultiIndex.from_frame(held[keys]).isin(pd.MultiIndex.from_frame(change.updated[keys]))
        frames = [each for each in (held[~gone], change.updated, change.added) if len(each)]
        made[name] = pd.concat([each[held.columns] for each in frames], ignore_index=True) if frames else held.iloc[:0]
    return made


def new_findings(
    layers: Mapping[str, pd.DataFrame], changes: Mapping[str, LayerChange], city: City, *, successors: Mapping[str, set[str]]
) -> gpd.GeoDataFrame:
    """
    What the rules say after an operation and did not say before.

    Parameters
    ----------
    layers : mapping of name to frame
        As they are.
    changes : mapping of name to LayerChange
    city : City
    successors : mapping of str to set of str
        The names of features before that each new name stands for: a finding about a parent is none that is new about its child.

    Returns
    -------
    findings frame
        Errors first. Only about what changed, or in its place.
    """
    place = _changed_ground(layers, changes)
    if place is None:
        return validate({name: frame.iloc[:0] for name, frame in layers.items()}, city=city)
    near = _near(layers, place)
    before = validate(near, city=city)
    now = validate(after(near, changes), city=city)
    return now[~told_before(now, before, successors) & _concerned(now, place, changes)].reset_index(drop=True)


def _changed_ground(layers, changes) -> shapely.Geometry | None:
    shapes = []
    for name, change in changes.items():
        held = layers.get(name)
        ends = change.retired.get("global_id", [])
        for frame in (change.added, change.updated, held[held["global_id"].isin(ends)] if len(ends) and held is not None else None):
            if isinstance(frame, gpd.GeoDataFrame) and len(frame):
                shapes.append(shapely.union_all(frame.geometry.to_numpy()))
    return shapely.union_all(shapes) if shapes else None


def _near(layers: Mapping[str, pd.DataFrame], place: shapely.Geometry) -> dict[str, pd.DataFrame]:
    """The features about the changed ground, and all rows that have no place."""
    shapely.prepare(place)
    return {
        name: frame[shapely.dwithin(frame.geometry.to_numpy(), place, MARGIN_FT)].reset_index(drop=True)
        if isinstance(frame, gpd.GeoDataFrame) and len(frame)
        else frame
        for name, frame in layers.items()
    }


def told_before(now: gpd.GeoDataFrame, before: gpd.GeoDataFrame, successors: Mapping[str, set[str]]) -> np.ndarray:
    """
    Which findings were told before of the same features, or those they come from, in the same place, and no less bad.

    Parameters
    ----------
    now, before : findings frame
    successors : mapping of str to set of str
        As `new_findings` takes it.

    Returns
    -------
    array of bool, one per row of `now`
    """
    told = np.zeros(len(now), dtype=bool)
    groups = dict(list(before.groupby(["code", "layer"], dropna=False)))
    for row in range(len(now)):
        each = now.iloc[row]
        was = groups.get((each["code"], each["layer"]))
        if was is None:
            continue
        names = set().union(*(successors.get(n, {n}) for n in (each["feature"], each["other"]) if isinstance(n, str)))
        same = was["feature"].isin(names) | was["other"].isin(names) if names else was["feature"].isna()
        if each.geometry is not None and not each.geometry.is_empty and each["code"][0] in "TG":
            same &= was.geometry.isna() | shapely.dwithin(was.geometry.to_numpy(), each.geometry, SAME_PLACE_FT)
        # What several parents had may be told of one child as their sum.
        told[row] = bool(same.any()) and not each["measure"] > was.loc[same, "measure"].sum() + WORSE
    return told


def _concerned(now: gpd.GeoDataFrame, place: shapely.Geometry, changes: Mapping[str, LayerChange]) -> np.ndarray:
    """What has a place is about the changed ground when it touches it; what has none, when it is of a layer that changed."""
    shapes = now.geometry.to_numpy()
    near = shapely.dwithin(shapes, place, SAME_PLACE_FT) | shapely.is_missing(shapes)
    return near & (now["layer"].isin(list(changes)).to_numpy(dtype=bool) | ~shapely.is_missing(shapes))
