"""
Streets parted by the station that is first due on them, and by the limits of time and distance.
"""

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.positions import Facilities, Places
from citygis.analysis.reach import Reach, costs_at, divided, within
from citygis.analysis.stretches import stretches

FEET_PER_MILE = 5280.0


def street_pieces(found: Reach, by_ft: Reach, placed: Facilities, limit_min: float | None, limit_miles: float) -> gpd.GeoDataFrame:
    """
    Streets in pieces, each of one first-due station, and within the limits or not as a whole.

    Parameters
    ----------
    found : Reach
        By what the first-due station is told: minutes, or feet where speeds are not known.
    by_ft : Reach
        By feet, on the same network.
    placed : Facilities
        The stations.
    limit_min : float or None
        None where `found` is not in minutes.
    limit_miles : float

    Returns
    -------
    GeoDataFrame, lines
        ``street_id, station_id`` (null where no station gets), ``length_ft, is_within_miles``, and with `limit_min`
        ``is_within_minutes``. Ascending along the network.
    """
    network = found.network
    edge, low, _, whose = divided(found)
    marks = [(edge, low)]
    cuts = [(by_ft, limit_miles * FEET_PER_MILE)] + ([(found, limit_min)] if limit_min is not None else [])
    for each, limit in cuts:
        on, begin, finish = within(each, limit)
        marks += [(on, begin), (on, finish)]
    all_ = pd.DataFrame({"edge": np.concatenate([m[0] for m in marks]), "low": np.concatenate([m[1] for m in marks]).round(6)})
    all_ = (
        all_[all_["low"] < network.length_ft[all_["edge"]] - 1e-5].drop_duplicates().sort_values(["edge", "low"], ignore_index=True)
    )
    on, begin = all_["edge"].to_numpy(), all_["low"].to_numpy()
    last = np.r_[on[1:] != on[:-1], True]
    finish = np.where(last, network.length_ft[on], np.r_[begin[1:], 0.0])
    middle = Places(on, (begin + finish) / 2, np.zeros(len(on)))
    cost, whose = costs_at(found, middle)
    miles = costs_at(by_ft, middle)[0][0] / FEET_PER_MILE
    out = gpd.GeoDataFrame(
        {
            "street_id": network.street_id[on],
            "station_id": np.where(whose[0] >= 0, placed.ids[np.maximum(whose[0], 0)], None),
            "length_ft": (finish - begin).round(3),
            "is_within_miles": miles <= limit_miles,
        },
        geometry=stretches(network.line[on], begin, finish),
        crs=network.crs,
    )
    if limit_min is not None:
        out["is_within_minutes"] = cost[0] <= limit_min
    return out
