"""
What is wrong with layers, seen together with what the store holds beside them.
"""

from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.changes import ChangeSet
from citygis.city import City
from citygis.findings import findings_frame, join_findings
from citygis.quality import cadastre, districts, land, rule, succession, validate
from citygis.schema import Layer
from citygis.store.identity import has_global_id

Read = Callable[..., pd.DataFrame]
"""Reads a layer of the store: ``read(layer, columns=None)``."""

CHECKS = (*cadastre.CHECKS, *land.CHECKS, *districts.CHECKS, *succession.CHECKS)
"""The rules between layers."""


def together(read: Read, layers: Mapping[str, pd.DataFrame], city: City) -> dict[str, pd.DataFrame]:
    """
    Layers with what the store holds beside them: see `citygis.store.Store.together`.
    """
    beside = dict(layers)
    for name in _seen_with(layers, city):
        fields = city.schema.layer(name)
        if name not in layers:
            beside[name] = read(name)
        elif not _excludes(fields):
            beside[name] = joined(layers[name], read(name), "global_id" if has_global_id(fields) else fields.key[0])
    return beside


def findings_of_layers(
    read: Read,
    layers: Mapping[str, pd.DataFrame],
    city: City,
    beside: Mapping[str, pd.DataFrame] | None,
    retired: Mapping[str, Mapping[str, int]],
) -> gpd.GeoDataFrame:
    """
    What is wrong with delivered layers: see `citygis.store.Store.check`. `retired` tells of each layer which change retired which
    feature.
    """
    seen = together(read, layers, city) if beside is None else beside
    findings = validate(seen, city=city)
    gap = findings["code"].eq("T02").to_numpy()
    ours = findings["layer"].isin(list(layers)).to_numpy() | gap
    ours &= ~_only_of_the_store(findings, layers, seen, city) & ~_led_into_the_store(findings, read, layers, city)
    for name in layers if gap.any() else ():
        if name in city.schema.layers and _excludes(city.schema.layer(name)):
            ours[gap] &= ~_held(read, findings.geometry[gap], name, layers[name])
    back = [_retired_before(name, frame, city, retired[name]) for name, frame in layers.items() if name in city.schema.layers]
    return join_findings([findings[ours], *back], crs=findings.crs)


def _only_of_the_store(
    findings: gpd.GeoDataFrame, layers: Mapping[str, pd.DataFrame], seen: Mapping[str, pd.DataFrame], city: City
) -> np.ndarray:
    """Which findings name features of a layer that the delivery has in part, and none of those it has."""
    joined_on = [name for name, frame in layers.items() if name in city.schema.layers and len(seen[name]) > len(frame)]
    ours = {value for name in layers if name in city.schema.layers for value in names_of(city.schema.layer(name), layers[name])}
    named = findings["feature"].isin(ours) | findings["other"].isin(ours) | findings["feature"].isna()
    return (findings["layer"].isin(joined_on) & ~named).to_numpy(dtype=bool)


def _led_into_the_store(findings: gpd.GeoDataFrame, read: Read, layers: Mapping[str, pd.DataFrame], city: City) -> np.ndarray:
    """Which findings say that a reference leads nowhere (A08), where the store has what it names and the delivery only the rest."""
    led = np.zeros(len(findings), dtype=bool)
    lost = findings["code"].eq("A08")
    for name in set(findings.loc[lost, "layer"]) & set(layers):
        for field in city.schema.layer(name).fields:
            target, _, column = (field.reference or "").partition(".")
            if target not in layers or field.name not in layers[name] or not _excludes(city.schema.layer(target)):
                continue
            held = read(target, columns=[column])[column].dropna().astype("str").str.lower()
            rows = layers[name][layers[name][field.name].astype("str").str.lower().isin(held)]
            said = lost & findings["layer"].eq(name) & findings["rule"].eq(f"{field.name}_reference")
            led |= (said & findings["feature"].isin(names_of(city.schema.layer(name), rows))).to_numpy(dtype=bool)
    return led


def names_of(layer: Layer, frame: pd.DataFrame) -> set[str]:
    """What findings call the features of a layer: its keys, also as shown, and ``global_id``."""
    told = [column for key in layer.key for column in (key, f"{key}_display")] + ["global_id"]
    return {str(value) for column in told if column in frame for value in frame[column].dropna()}


def _retired_before(name: str, frame: pd.DataFrame, city: City, gone: Mapping[str, int]) -> gpd.GeoDataFrame:
    """Delivered features that the City retired: the delivery does not know yet, or the number is used again (A10)."""
    layer = city.schema.layer(name)
    rows = frame[frame["global_id"].isin(list(gone))] if gone and "global_id" in frame else frame.iloc[:0]
    if "status" in rows:
        rows = rows[~rows["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool)]
    if not len(rows):
        return findings_frame(crs=city.crs)
    held = rule("A10", city)
    shown = next((each for each in ("apn_display", *layer.key) if each in rows), "global_id")
    told = {
        "code": held.code,
        "rule": held.name,
        "severity": held.severity,
        "layer": name,
        "feature": rows[shown].astype(object).to_numpy(),
        "message": [
            f"{feature} was retired by change {gone[known]} of the City's geodatabase, and the delivery still has it."
            for feature, known in zip(rows[shown], rows["global_id"], strict=True)
        ],
        "remedy": held.remedy,
    }
    if isinstance(rows, gpd.GeoDataFrame):
        told["geometry"] = rows.geometry.to_numpy()
    return findings_frame(told, crs=city.crs)


def findings_of_change(read: Read, change: ChangeSet, city: City) -> gpd.GeoDataFrame:
    """
    What is wrong with the features that a change set adds or updates, in the layers as it would leave them.

    Returns
    -------
    findings frame
        Those that name such a feature, and gaps (T02) that reach the ground that the change adds, moves or gives up.
    """
    after, names, ground = {}, set(), []
    for name, layer_change in change.layers.items():
        layer = city.schema.layer(name)
        held = read(name)
        known = "global_id" if has_global_id(layer) else layer.key[0]
        rows = [frame.drop(columns="cs_from", errors="ignore") for frame in (layer_change.added, layer_change.updated)]
        rows = [frame for frame in rows if len(frame)]
        gone = {value for frame in (*rows, layer_change.retired) if known in frame for value in frame[known]}
        leaving = held[known].isin(gone)
        if layer.geometry != "None":
            ground += [held.geometry[leaving].to_numpy(), *(frame.geometry.to_numpy() for frame in rows)]
        after[name] = pd.concat([held[~leaving], *rows], ignore_index=True) if rows else held[~leaving]
        names |= {value for frame in rows for value in names_of(layer, frame)}
    beside = after | {name: read(name) for name in _seen_with(after, city) if name not in after}
    findings = validate(beside, city=city)
    ours = findings["feature"].isin(names) | findings["other"].isin(names)
    gaps = findings["code"].eq("T02") & ~ours
    if gaps.any() and ground:
        shapes = np.concatenate(ground)
        tree = shapely.STRtree(shapes[~shapely.is_missing(shapes)])
        reached = tree.query(findings.geometry[gaps].to_numpy(), predicate="intersects")[0]
        ours |= findings.index.isin(findings.index[gaps][np.unique(reached)])
    return findings[ours & findings["layer"].isin(list(beside))].reset_index(drop=True)


def joined(frame: pd.DataFrame, more: pd.DataFrame, identity: str) -> pd.DataFrame:
    """A frame with the rows of another that it lacks; as it is where it lacks the column that tells."""
    if identity not in frame:
        return frame
    new = more[~more[identity].isin(frame[identity])]
    return pd.concat([frame, new[[name for name in new if name in frame]]], ignore_index=True) if len(new) else frame


def _seen_with(layers: Mapping[str, pd.DataFrame], city: City) -> list[str]:
    """
    The layers that rules about these need: those referred to, those that cover them, those that fill the same ground, and of the
    points given those that a rule about another looks for, such as the corners at which courses end.
    """
    looked_for = (need for check in CHECKS if check.layer in layers for need in check.needs if need in layers)
    names = dict.fromkeys(need for need in looked_for if city.schema.layer(need).geometry == "Point")
    for name in layers:
        fields = city.schema.layer(name)
        topology = fields.topology
        names |= {f.reference.split(".")[0]: None for f in fields.fields if f.reference and f.name in layers[name]}
        names |= dict.fromkeys([topology.covered_by.layer] if topology.covered_by else [])
    for name, fields in city.schema.layers.items():
        if fields.topology.fills and {name, *fields.topology.fills_with} & set(layers):
            names |= dict.fromkeys([name, fields.topology.fills, *fields.topology.fills_with])
    return list(names)


def _held(read: Read, gaps: gpd.GeoSeries, name: str, delivered: pd.DataFrame) -> np.ndarray:
    """Which gaps lie where the store has a feature that the delivery leaves as it is."""
    held = read(name, columns=["global_id"])
    held = held[~held["global_id"].isin(delivered.get("global_id", ()))]
    points = shapely.point_on_surface(gaps.to_numpy())
    found = shapely.STRtree(held.geometry.to_numpy()).query(points, predicate="intersects")[0]
    return np.isin(np.arange(len(gaps)), found)


def _excludes(layer: Layer) -> bool:
    """Whether two features of a layer on the same ground are an error."""
    return layer.topology.exclusive and layer.topology.overlap_severity == "error"
