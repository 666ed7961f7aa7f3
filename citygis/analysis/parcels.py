"""
Parcels by their numbers, however somebody writes them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.held import once
from citygis.analysis.layers import in_force, without_ground
from citygis.errors import AnalysisError

_LISTED = 5


def bare(numbers: pd.Series) -> pd.Series:
    """Parcel numbers run together: capitals and digits only. Null where null."""
    return numbers.astype("str").str.upper().str.replace(r"[^0-9A-Z]", "", regex=True)


def spelling(held: pd.Series) -> Callable[[pd.Series], pd.Series]:
    """
    How parcel numbers are brought to one spelling: run together (`bare`), unless that would make one of two numbers of `held`.

    Some cities number by map and lot, and 23-115 is not 231-15: numbers must then be written as the layer writes them.
    """
    written, joined = _plain(held), bare(held)
    # What is written alike is alike run together, so that fewer spellings are left only where two numbers become one.
    return bare if written.equals(joined) or written.nunique() == joined.nunique() else _plain


def _plain(numbers: pd.Series) -> pd.Series:
    return numbers.astype("str").str.strip().str.upper()


def rows_of(parcels: gpd.GeoDataFrame, numbers: Sequence[str]) -> np.ndarray:
    """
    Where the parcels of some numbers stand in a layer.

    Parameters
    ----------
    parcels : GeoDataFrame
        Columns ``apn``, and ``status`` where there is one.
    numbers : sequence of str
        With or without dashes, unless dashes tell two parcels of the layer apart.

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
    spelt, held = spelt_numbers(parcels)
    index = once(parcels, "rows by number", lambda: pd.Index(held))
    live = standing(parcels)
    rows = []
    wanted = spelt(pd.Series(list(numbers), dtype="str"))
    for number, written in zip(wanted, numbers, strict=True):
        if not number:
            raise AnalysisError(f"{written!r} is no parcel number.")
        here = index.get_indexer_for([number])
        if here[0] < 0 and "apn_display" in parcels.columns:  # as the City shows it, where dashes count
            shown = once(parcels, "rows by number as shown", lambda: pd.Index(_plain(parcels["apn_display"])))
            here = shown.get_indexer_for(_plain(pd.Series([written], dtype="str")))
        if here[0] < 0:
            raise AnalysisError(f"There is no parcel {written!r}.{_near(held, number, parcels)}")
        if not live[here].any():
            raise AnalysisError(
                f"Parcel {written!r} is retired or not yet recorded. Ask what became of it: citygis lineage {written}."
            )
        rows.append(here[live[here]])
    return np.unique(np.concatenate(rows))


def spelt_numbers(parcels: gpd.GeoDataFrame) -> tuple[Callable[[pd.Series], pd.Series], np.ndarray]:
    """How parcel numbers are brought to one spelling (`spelling`), and those of a layer in it: array of str, None where null."""

    def work() -> tuple[Callable[[pd.Series], pd.Series], np.ndarray]:
        spelt = spelling(parcels["apn"])
        numbers = spelt(parcels["apn"]).astype(object)
        return spelt, numbers.where(numbers.notna(), None).to_numpy()

    return once(parcels, "spelt_numbers", work)


def standing(parcels: gpd.GeoDataFrame) -> np.ndarray:
    """Which parcels are in force: (n,) array of bool."""
    return once(parcels, "standing", lambda: _standing(parcels.reset_index(drop=True)))


def _standing(parcels: gpd.GeoDataFrame) -> np.ndarray:
    return parcels.index.isin(in_force(parcels).index)


def footprints(parcels: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """
    The ground of each parcel; units without geometry of their own stand on the footprint of their stack.

    Parameters
    ----------
    parcels : GeoDataFrame, n polygons
        ``stack_id`` where there is one. Not modified.

    Returns
    -------
    shapes : array of n geometries
        None or empty where neither the parcel nor its stack has one.
    borrowed : array of n bool
        Whether the ground is another parcel's of the stack.
    """
    return once(parcels, "footprints", lambda: _footprints(parcels))


def _footprints(parcels: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    shapes = np.asarray(parcels.geometry.values, dtype=object).copy()
    borrowed = np.zeros(len(parcels), dtype=bool)
    if "stack_id" in parcels.columns:
        nowhere = without_ground(parcels).to_numpy()
        stack = parcels["stack_id"].astype("object")
        there = pd.Series(np.flatnonzero(~nowhere), index=stack[~nowhere])
        there = there[there.index.notna()]
        first = there[~there.index.duplicated()]
        found = stack[nowhere].map(first)
        rows = np.flatnonzero(nowhere)[found.notna().to_numpy()]
        shapes[rows] = shapes[found.dropna().to_numpy(dtype=int)]
        borrowed[rows] = True
    return shapes, borrowed


class Ground(NamedTuple):
    """
    The ground of a layer's parcels (`footprints`), to be looked up by place.

    Parameters
    ----------
    shapes : (n,) array of geometries
    nowhere : (n,) array of bool
        Parcels that have no ground, neither of their own nor of their stack.
    boxes : (n, 4) array of float
        West, south, east, north in feet; NaN where there is none.
    tree : STRtree
        By position; without those that are nowhere.
    """

    shapes: np.ndarray
    nowhere: np.ndarray
    boxes: np.ndarray
    tree: shapely.STRtree


def ground_of(parcels: gpd.GeoDataFrame) -> Ground:
    """The ground of a layer's parcels."""
    return once(parcels, "ground", lambda: _ground_of(parcels))


def _ground_of(parcels: gpd.GeoDataFrame) -> Ground:
    shapes, borrowed = footprints(parcels)
    nowhere = without_ground(parcels).to_numpy() & ~borrowed
    return Ground(shapes, nowhere, shapely.bounds(shapes), shapely.STRtree(np.where(nowhere, None, shapes)))


def _near(numbers: np.ndarray, number: str, parcels: gpd.GeoDataFrame) -> str:
    """The numbers that begin alike, as the end of a sentence."""
    held = pd.Series(numbers, dtype="str")
    shown = parcels["apn_display"] if "apn_display" in parcels.columns else parcels["apn"]
    for length in range(len(number) - 1, 2, -1):
        alike = held.str.startswith(number[:length]).to_numpy(dtype=bool)
        if alike.any():
            return f" Numbers that begin alike: {', '.join(sorted(shown[alike].astype('str'))[:_LISTED])}."
    return " No number of the layer begins like it: look at the county's spelling."
