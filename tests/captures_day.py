"""Captures made by hand for the tests: where and when is stated, everything else is null."""

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.captures.gates import Gate, gates
from citygis.readers.captures import captures_frame

FOOT_M = 1200 / 3937
E0, N0 = 6337536.0, 2122698.0
"""A place in the City, in US survey feet."""


def gate(purpose: str = "parcel", **changes) -> Gate:
    """A packaged gate with single keys changed."""
    return gates()[purpose].model_copy(update=changes)


def captured(de, dn, *, every_s=1.0, start="2026-03-04T18:00:00", time=None, crs="EPSG:6420", **columns) -> gpd.GeoDataFrame:
    """Captures `de`, `dn` feet from `E0`, `N0`, one every so many seconds; epochs of a fixed solution unless said otherwise."""
    de, dn = np.broadcast_arrays(np.asarray(de, dtype=float), np.asarray(dn, dtype=float))
    if time is None:
        time = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(len(de)) * every_s, unit="s")
    return captures_frame({"capture": "epoch", "fix_type": "FIXED", "time": time, **columns}, E0 + de, N0 + dn, crs=crs)
