"""
What a question asks of the layers it is given: a system in feet, the same for all, and the columns it reads.
"""

from collections.abc import Iterable, Mapping
from functools import partial

import geopandas as gpd
import pandas as pd
import shapely

from citygis.analysis.held import once
from citygis.errors import AnalysisError, CRSError
from citygis.units import require_feet


def require_layers(layers: Mapping[str, gpd.GeoDataFrame | None], columns: Mapping[str, Iterable[str]] = {}) -> None:
    """
    Refuse layers that a question cannot be answered from.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame or None
        By name. None, for a layer that was not given, is passed over.
    columns : mapping of str to iterable of str
        The columns each must have.

    Raises
    ------
    CRSError
        If a layer has no CRS, one that is not projected in feet, or another than the rest.
    AnalysisError
        If a layer has no geometry column, lacks a column, or is empty.
    """
    first: tuple[str, gpd.GeoDataFrame] | None = None
    for name, layer in layers.items():
        if layer is None:
            continue
        if not isinstance(layer, gpd.GeoDataFrame):
            raise AnalysisError(f"Layer {name!r} has no geometry column. Give a GeoDataFrame.")
        if layer.crs is None:
            raise CRSError(f"Layer {name!r} has no CRS. Ask its maker, then state it: citygis convert FILE --source-crs EPSG:n.")
        if not layer.crs.is_projected:
            raise CRSError(
                f"Layer {name!r} is in {layer.crs.name}, in degrees: distances and areas cannot be had from it. Bring it into the "
                f"City's system first: citygis convert FILE --to {name}."
            )
        require_feet(layer.crs, f"Layer {name!r}")
        if first is not None and not layer.crs.equals(first[1].crs, ignore_axis_order=True):
            raise CRSError(
                f"Layer {name!r} is in {layer.crs.name}, layer {first[0]!r} in {first[1].crs.name}. Convert one of them."
            )
        first = first or (name, layer)
        gone = [column for column in columns.get(name, ()) if column not in layer.columns]
        if gone:
            raise AnalysisError(f"Layer {name!r} has no column {', '.join(map(repr, gone))}. It has: {', '.join(layer.columns)}.")
        if not len(layer):
            raise AnalysisError(f"Layer {name!r} is empty. {load_first(name)}")


def load_first(name: str) -> str:
    """The sentence that says how a City gets a layer that it does not have yet."""
    return (
        f"Load it first: citygis convert FILE --to {name} --out {name}.gpkg, then citygis load {name}.gpkg, both with --city DIR."
    )


def require_columns(table: pd.DataFrame, names: Iterable[str], what: str, *, if_empty: str = "") -> None:
    """
    Refuse a table that lacks a column or, where `if_empty` says what to do then, has no rows.

    Parameters
    ----------
    table : DataFrame
    names : iterable of str
    what : str
        What the message calls it, such as ``The roll``.
    if_empty : str

    Raises
    ------
    AnalysisError
    """
    gone = [name for name in names if name not in table.columns]
    if gone:
        raise AnalysisError(f"{what} has no column {', '.join(gone)}. It has: {', '.join(map(str, table.columns))}.")
    if if_empty and not len(table):
        raise AnalysisError(f"{what} is empty. {if_empty}")


def in_force(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The features that hold now: ``status`` ACTIVE or RECORDED where there is that column, all where not."""
    return layer[layer["status"].isin(["ACTIVE", "RECORDED"])] if "status" in layer.columns else layer


def without_ground(layer: gpd.GeoDataFrame) -> pd.Series:
    """Which features have no geometry, an empty one or one that is not finite: bool, by the layer's index."""
    shapes = layer.geometry.values
    bounds = pd.DataFrame(shapely.bounds(shapes), index=layer.index)
    return pd.Series(shapely.is_missing(shapes) | shapely.is_empty(shapes), index=layer.index) | ~bounds.notna().all(axis=1)


def sources_of(layers: Mapping[str, gpd.GeoDataFrame | pd.DataFrame | None]) -> tuple[str, ...]:
    """A line for each layer that was used: its rows, how many documents they come from, and the newest change to them."""
    given = [(name, layer) for name, layer in layers.items() if layer is not None]
    return tuple(once(layer, f"source {name}", partial(_source, name, layer)) for name, layer in given)


def _source(name: str, layer: pd.DataFrame) -> str:
    said = [f"{name.replace('_', ' ')}: {len(layer):,} rows"]
    if "source_id" in layer.columns:
        said.append(f"{layer['source_id'].nunique():,} source documents")
    for column, what in (("tx_from", "newest entry"), ("roll_year", "roll of")):
        if column in layer.columns and layer[column].notna().any():
            newest = layer[column].max()
            said.append(f"{what} {newest.date().isoformat() if hasattr(newest, 'date') else newest}")
    return ", ".join(said)
