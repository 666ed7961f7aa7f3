"""
Streets as a network: nodes where lines share an end, edges between them, and the places of points along the edges.

Lines that only cross share no end, so that nobody turns from one to the other: a bridge is no junction.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis import topology
from citygis.analysis.layers import in_force, require_layers, without_ground
from citygis.analysis.stretches import stretches
from citygis.errors import AnalysisError

ONE_WAY = {"B": (True, True), "FT": (True, False), "TF": (False, True)}
"""Whether a street is open as it is drawn, and against that, by its code. Source: NENA-STA-006.3, RoadCenterLine, OneWay."""

NODING = ("refuse", "bridges", "split")
"""What to do where streets meet without a shared end: refuse, pass over each other, or split both there."""

NEAR_MISS_FT = 5.0
"""Ends that stop this short of another street, or run this far past one, are told."""

_LEVELS = ("ELEV_F", "ELEV_T")  # levels of the two ends, Kansas NG911 data model
_IDS = ("NGUID", "global_id", "ID", "OBJECTID")
_SHOWN = 3


class Network(NamedTuple):
    """
    A network of m nodes and n edges, in an order that does not hang on that of the layer's rows.

    Attributes
    ----------
    node : (m, 2) array of float
        Easting and northing, feet.
    start, end : (n,) arrays of int
        The nodes of each edge.
    line : (n,) array of LineString
        From start to end.
    length_ft : (n,) array of float
    forth, back : (n,) arrays of bool
        Whether it may be travelled from start to end, and from end to start.
    side : (n,) array of int
        0: both sides of the street; 1 or -1: an edge for its left or right side alone.
    speed_mph : (n,) array of float
        NaN where it is not known.
    road_class : (n,) array of str
        Empty where it is not known.
    street : (n,) array of int
        The position in the layer.
    street_id : (n,) array of str
    crs : CRS
    excluded : tuple of (str, str, str)
        Rows for `citygis.analysis.answer.excluded`.
    told : tuple of (str, str, str)
        Rows for `citygis.analysis.answer.unanswered`: near misses with their places, bridges that were taken for such.
    """

    node: np.ndarray
    start: np.ndarray
    end: np.ndarray
    line: np.ndarray
    length_ft: np.ndarray
    forth: np.ndarray
    back: np.ndarray
    side: np.ndarray
    speed_mph: np.ndarray
    road_class: np.ndarray
    street: np.ndarray
    street_id: np.ndarray
    crs: CRS
    excluded: tuple[tuple[str, str, str], ...] = ()
    told: tuple[tuple[str, str, str], ...] = ()

    def taking(self, rows: np.ndarray, **instead: np.ndarray) -> "Network":
        """The network with the edges at `rows` in place of its own, and columns given `instead`."""
        taken = {name: getattr(self, name)[rows] for name in _EDGE_COLUMNS}
        return self._replace(**{**taken, **instead})


_EDGE_COLUMNS = ("start", "end", "line", "length_ft", "forth", "back", "side", "speed_mph", "road_class", "street", "street_id")


def feature_ids(layer: gpd.GeoDataFrame, *columns: str) -> np.ndarray:
    """The first of some columns that a layer has, as text; the row's number from 1 where it has none or it is null."""
    numbers = np.arange(1, len(layer) + 1).astype(str).astype(object)
    for name in (*columns, *_IDS):
        if name in layer.columns:
            values = layer[name]
            whole = pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all()
            texts = (values.astype("Int64") if whole else values).astype("str").to_numpy(dtype=object)
            return np.where(values.isna().to_numpy(), numbers, texts)
    return numbers


def street_network(
    streets: gpd.GeoDataFrame,
    *,
    noding: str = "refuse",
    without: Sequence[str] = (),
    name: str = "street_centerline",
) -> Network:
    """
    The network of a layer of lines.

    Parameters
    ----------
    streets : GeoDataFrame, lines
        In feet. Columns as far as there: ``NGUID``, ``OneWay`` (B, FT, TF; null for both ways), ``SpeedLimit`` in miles per hour,
        ``RoadClass``, ``ELEV_F`` and ``ELEV_T`` (the level of each end: streets on different levels pass over each other),
        ``status``. Not modified.
    noding : str
        One of `NODING`. Bridges are crossings only: an end that lies on the middle of a street is split there or refused.
    without : sequence of str
        Values of ``RoadClass`` that are no part of this network.
    name : str
        Of the layer, for messages.

    Returns
    -------
    Network

    Raises
    ------
    AnalysisError
        If streets meet without a node, ``OneWay`` has an unknown code, or nothing is left.
    CRSError
        If a layer is not in feet of one system.
    """
    if noding not in NODING:
        raise ValueError(f"Invalid noding {noding!r}. Must be one of: {', '.join(NODING)}.")
    require_layers({name: streets})
    ids = feature_ids(streets, "NGUID")
    no_ground = without_ground(streets).to_numpy()
    live = streets.reset_index(drop=True).index.isin(in_force(streets.reset_index(drop=True)).index)
    road_class = texts_in(streets, "RoadClass")
    left_out = np.isin(road_class, list(without))
    reasons = np.select(
        [no_ground, ~live, left_out],
        ["no geometry", "not in force", "of a class that is no part of this network"],
        "",
    ).astype(object)
    used = np.flatnonzero(reasons == "")
    if not len(used):
        raise AnalysisError(f"Layer {name!r} has no street in force with geometry, so there is no network. Load it again.")
    lines = gpd.GeoSeries(np.asarray(streets.geometry.values, dtype=object)[used], crs=streets.crs)
    ends = topology.ends_of(lines)
    bare = ~np.isin(np.arange(len(used)), ends.owner)
    reasons[used[bare]] = "no line in it"
    ends, told = _noded(ends, lines, _levels(streets)[used], ids[used], noding, name)
    codes = texts_in(streets, "OneWay")
    unknown = sorted(set(codes[used]) - {"", *ONE_WAY})
    if unknown:
        raise AnalysisError(
            f"Layer {name!r} has OneWay {', '.join(map(repr, unknown[:_SHOWN]))}. "
            f"Must be one of: {', '.join(ONE_WAY)}; null for both ways."
        )
    street = used[ends.owner]
    open_ways = np.array([ONE_WAY.get(code or "B", (True, True)) for code in codes[street]], dtype=bool).reshape(-1, 2)
    coordinates = np.empty((len(ends.count), 2))
    # Of ends within the tolerance of each other the lowest stands for all, whatever the order of the rows.
    points = shapely.get_coordinates(ends.points)
    order = np.lexsort((*points.T, ends.node))[::-1]
    coordinates[ends.node[order]] = points[order]
    speed = numbers_in(streets, "SpeedLimit")[street]
    network = Network(
        coordinates,
        ends.node[0::2],
        ends.node[1::2],
        ends.parts,
        shapely.length(ends.parts),
        open_ways[:, 0],
        open_ways[:, 1],
        np.zeros(len(street), dtype=int),
        np.where(speed > 0, speed, np.nan),
        road_class[street],
        street,
        ids[street],
        streets.crs,
        tuple((name, str(ids[k]), str(reasons[k])) for k in np.flatnonzero(reasons != "")),
        tuple(told),
    )
    order = np.lexsort((network.length_ft, network.street_id.astype(str), network.end, network.start))
    return network.taking(order)


def numbers_in(layer: gpd.GeoDataFrame, column: str) -> np.ndarray:
    """A column as numbers, by position: NaN where it has none, and everywhere where the layer has no such column."""
    if column not in layer.columns:
        return np.full(len(layer), np.nan)
    return pd.to_numeric(layer[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def texts_in(layer: gpd.GeoDataFrame, column: str) -> np.ndarray:
    """A column as text without blanks around it, by position: empty where null, and everywhere where there is no such column."""
    if column not in layer.columns:
        return np.full(len(layer), "", dtype=object)
    values = layer[column]
    return np.where(values.isna().to_numpy(), "", values.astype("str").str.strip().to_numpy(dtype=object))


def _levels(streets: gpd.GeoDataFrame) -> np.ndarray:
    """The upper level of each street's two ends; NaN where the layer does not say."""
    return np.fmax(*(numbers_in(streets, name) for name in _LEVELS))


def _noded(
    ends: topology.Ends, lines: gpd.GeoSeries, level: np.ndarray, ids: np.ndarray, noding: str, name: str
) -> tuple[topology.Ends, list[tuple[str, str, str]]]:
    """The ends of the lines, split where it was asked for, and what is to be told of places where streets nearly meet."""
    met = topology.crossings(ends)
    left, right = met["left"].to_numpy(dtype=int), met["right"].to_numpy(dtype=int)
    over = np.isfinite(level[left]) & np.isfinite(level[right]) & (level[left] != level[right])
    met, crossing = met[~over], (met["kind"] == "crossing").to_numpy()[~over]
    told = []
    loose = topology.loose_ends(ends, reach_ft=NEAR_MISS_FT)
    loose = loose[loose["kind"] == "undershoot"]
    if len(loose):
        told.append(
            (
                f"Whether {len(loose):,} street ends that stop up to {NEAR_MISS_FT:g} ft short of another street are joined to it",
                f"They share no end, so nobody passes there: {_shown(loose.geometry.values, ids[loose['line']])}.",
                "Close the gaps, or see that they are ends: citygis validate --layer street_centerline tells each.",
            )
        )
    refused = {"refuse": np.ones(len(met), dtype=bool), "bridges": ~crossing, "split": np.zeros(len(met), dtype=bool)}[noding]
    if refused.any():
        bad = met[refused]
        raise AnalysisError(
            f"Layer {name!r} is not noded: at {len(bad):,} places streets meet without a shared end "
            f"({_shown(bad.geometry.values, ids[bad['left']])}). Split the streets there, or ask with noding = split; "
            f"where they pass over each other, say so in ELEV_F and ELEV_T, or ask with noding = bridges."
        )
    if noding == "bridges" and len(met):
        told.append(
            (
                f"Whether {len(met):,} places where streets cross without a node are bridges",
                f"They were taken for bridges, as asked: {_shown(met.geometry.values, ids[met['left']])}.",
                "Say the level of each end in ELEV_F and ELEV_T.",
            )
        )
    if noding == "split" and len(met):
        ends = _split_where_met(ends, lines, met)
        told.append(
            (
                f"Whether {len(met):,} places where streets meet without a shared end are junctions",
                f"They were taken for junctions, as asked: {_shown(met.geometry.values, ids[met['left']])}.",
                "Split the streets there, or say the level of each end in ELEV_F and ELEV_T.",
            )
        )
    return ends, told


def _split_where_met(ends: topology.Ends, lines: gpd.GeoSeries, met: gpd.GeoDataFrame) -> topology.Ends:
    tolerance = 2 * ends.node_tolerance_ft
    place = np.asarray(met.geometry.values, dtype=object)
    at, part = shapely.STRtree(ends.parts).query(place, predicate="dwithin", distance=tolerance)
    own = (ends.owner[part] == met["left"].to_numpy()[at]) | (ends.owner[part] == met["right"].to_numpy()[at])
    at, part = at[own], part[own]
    along, length = shapely.line_locate_point(ends.parts[part], place[at]), shapely.length(ends.parts)
    inner = (along > tolerance) & (along < length[part] - tolerance)
    cuts = pd.DataFrame({"part": part[inner], "ft": along[inner]})
    bounds = pd.DataFrame({"part": np.tile(np.arange(len(length)), 2), "ft": np.r_[np.zeros(len(length)), length]})
    marks = pd.concat([cuts, bounds]).sort_values(["part", "ft"], ignore_index=True)
    low, high = marks.iloc[:-1].reset_index(drop=True), marks.iloc[1:].reset_index(drop=True)
    keep = ((low["part"] == high["part"]) & (high["ft"] - low["ft"] > tolerance)).to_numpy()
    part = low["part"].to_numpy()[keep]
    pieces = stretches(ends.parts[part], low["ft"].to_numpy()[keep], high["ft"].to_numpy()[keep])
    fresh = topology.ends_of(gpd.GeoSeries(pieces, crs=lines.crs))
    # What `owner` counts are now pieces; the streets are those the pieces came from.
    return dataclasses.replace(fresh, owner=ends.owner[part[fresh.owner]])


def _shown(places: np.ndarray, ids: np.ndarray) -> str:
    """The first places, from the south, with the street each is of."""
    points = shapely.get_coordinates(np.asarray(places, dtype=object)).round(1)
    some = np.lexsort((ids.astype(str), points[:, 0], points[:, 1]))[:_SHOWN]
    said = "; ".join(f"{ids[k]} at E {points[k, 0]:.1f}, N {points[k, 1]:.1f}" for k in some)
    return f"{said}; and {len(points) - _SHOWN:,} more" if len(points) > _SHOWN else said
