"""
Parcels by the farthest place of their front on a street, and buildings by the street abreast of them.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import in_force, without_ground
from citygis.analysis.network import Network, feature_ids
from citygis.analysis.positions import Facilities, snap
from citygis.analysis.reach import Reach

_FRONT_FT = 2.0  # corners of a parcel this much farther from the street than its front still are its front


def farthest(found: Reach, edge: np.ndarray, low_ft: np.ndarray, high_ft: np.ndarray) -> np.ndarray:
    """
    The greatest distance to the nearest facility on stretches of edges, feet, where costs are lengths both ways.

    Infinite where none is reached.
    """
    ahead, back, length = found.entry[0, edge, 0], found.entry[0, edge, 1], found.network.length_ft[edge]
    with np.errstate(invalid="ignore"):
        at = np.clip(np.nan_to_num((back + length - ahead) / 2), low_ft, high_ft)
    return np.minimum(ahead + at, back + length - at)


def fronts(
    layer: gpd.GeoDataFrame,
    found: Reach,
    placed: Facilities,
    streets: Network,
    limit_ft: np.ndarray,
    *,
    max_ft: float,
    building_ft: float | None = None,
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """
    Parcels by the farthest place of their front, or buildings by the street abreast of them and straight on.

    Parameters
    ----------
    layer : GeoDataFrame, polygons
        ``apn`` or ``building_id``.
    found : Reach
        On the network of `placed`, by length both ways.
    placed : Facilities
        On `streets`.
    streets : Network
    limit_ft : (n,) array of float
        For each edge of the network of `placed`.
    max_ft : float
        What is farther from every street is left out.
    building_ft : float, optional
        The limit of buildings. Without it the layer is one of parcels.

    Returns
    -------
    table : DataFrame
        ``apn`` or ``building_id``, ``distance_ft`` (null where no hydrant is reached), ``limit_ft, is_within, hydrant_id`` (the
        nearest of the place that is farthest), ``street_id, away_ft`` (straight to the street's centreline).
    excluded : list of (str, str, str)
        Rows for `citygis.analysis.answer.excluded`.
    """
    is_parcel = building_ft is None
    name, key = ("parcel", "apn") if is_parcel else ("building_footprint", "building_id")
    ids, layer = feature_ids(layer, key), layer.reset_index(drop=True)
    bare, live = without_ground(layer).to_numpy(), layer.index.isin(in_force(layer).index)
    shapes = np.where(bare | ~live, None, np.asarray(layer.geometry.values, dtype=object))
    places = snap(streets, shapes, max_ft=max_ft)
    on = np.flatnonzero(places.is_on)
    edge, middle, away = places.edge[on], places.along_ft[on], places.away_ft[on]
    low, high = middle.copy(), middle.copy()
    if is_parcel:
        corner, at = shapely.get_coordinates(shapes[on], return_index=True)
        corner = shapely.points(corner)
        front = shapely.distance(corner, streets.line[edge[at]]) <= away[at] + _FRONT_FT
        along = shapely.line_locate_point(streets.line[edge[at[front]]], corner[front])
        np.minimum.at(low, at[front], along)
        np.maximum.at(high, at[front], along)
    # The pieces that facilities part a street into, as far as they lie along the front.
    begin = np.searchsorted(placed.at.edge, edge)
    count = np.searchsorted(placed.at.edge, edge, side="right") - begin
    who = np.repeat(np.arange(len(on)), count)
    piece = np.repeat(begin, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    a, b = low[who] - placed.at.low_ft[piece], high[who] - placed.at.low_ft[piece]
    length = found.network.length_ft[piece]
    touches = (b >= -1e-6) & (a <= length + 1e-6)
    who, piece, length = who[touches], piece[touches], length[touches]
    far = farthest(found, piece, np.clip(a[touches], 0.0, length), np.clip(b[touches], 0.0, length))
    order = np.lexsort((piece, -far, who))
    first = order[np.r_[True, who[order][1:] != who[order][:-1]][: len(order)]]
    whose = found.entry_facility[0, piece[first]].max(axis=1)
    reached = far[first] + (0.0 if is_parcel else away)
    most = limit_ft[piece[first]] if is_parcel else np.full(len(on), building_ft)
    table = pd.DataFrame(
        {
            key: ids[on],
            "distance_ft": np.where(np.isfinite(reached), reached.round(2), np.nan),
            "limit_ft": most,
            "is_within": reached <= most + 0.005,  # to the hundredth of a foot
            "hydrant_id": np.where(whose >= 0, placed.ids[np.maximum(whose, 0)], None),
            "street_id": streets.street_id[edge],
            "away_ft": away.round(2),
        }
    )
    off = f"farther than {max_ft:g} ft from every street"
    reason = np.select([~live, bare, ~places.is_on], ["not in force", "no geometry", off], "").astype(object)
    gone = [(name, str(ids[k]), str(reason[k])) for k in np.flatnonzero(reason != "")]
    return table.sort_values([key, "distance_ft"], kind="stable", ignore_index=True), gone
