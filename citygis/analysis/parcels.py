"""
Parcels by their numbers, however somebody writes them.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.layers import in_force
from citygis.errors import AnalysisError

_LISTED = 5


def bare(numbers: pd.Series) -> pd.Series:
    """Parcel numbers run together: capitals and digits only. Null where null."""
    return numbers.astype("str").str.upper().str.replace(r"[^0-9A-Z]", "", regex=True)


def rows_of(parcels: gpd.GeoDataFrame, numbers: Sequence[str]) -> np.ndarray:
    """
    Where the parcels of some numbers stand in a layer.

    Parameters
    ----------
    parcels : GeoDataFrame
        Columns ``apn``, and ``status`` where there is one.
    numbers : sequence of str
        With or without dashes.

    Returns
    -------
    array of int
        Positions, in the layer's order.

    Raises
    ------
    AnalysisError
        If a number is not in the layer, or only as a retired parcel; the message gives the nearest numbers.
    """
    if isinstance(numbers, str):
        numbers = [numbers]
    if not len(numbers):
        raise AnalysisError("No parcel was named. Give at least one parcel number.")
    held = bare(parcels["apn"])
    live = pd.Series(parcels.index.isin(in_force(parcels).index), index=parcels.index)
    wanted = bare(pd.Series(list(numbers), dtype="str"))
    for number, written in zip(wanted, numbers, strict=True):
        if not number:
            raise AnalysisError(f"{written!r} is no parcel number.")
        here = (held == number).to_numpy()
        if not here.any():
            raise AnalysisError(f"There is no parcel {written!r}.{_near(held, number, parcels)}")
        if not (here & live.to_numpy()).any():
            raise AnalysisError(
                f"Parcel {written!r} is retired or not yet recorded. Ask what became of it: citygis lineage {written}."
            )
    return np.flatnonzero(held.isin(set(wanted)).to_numpy() & live.to_numpy())


def _near(held: pd.Series, number: str, parcels: gpd.GeoDataFrame) -> str:
    """The numbers that begin alike, as the end of a sentence."""
    shown = parcels["apn_display"] if "apn_display" in parcels.columns else parcels["apn"]
    for length in range(len(number) - 1, 2, -1):
        alike = held.str.startswith(number[:length]).to_numpy(dtype=bool)
        if alike.any():
            return f" Numbers that begin alike: {', '.join(sorted(shown[alike].astype('str'))[:_LISTED])}."
    return " No number of the layer begins like it: look at the county's spelling."
