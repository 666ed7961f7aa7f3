"""
What a batch does to the layers of a City, as plain data: the one thing that a store applies.
"""

import datetime
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

LINEAGE_COLUMNS = ("layer", "parent", "child", "kind", "share_parent", "share_child")
"""Of a lineage frame: ``global_id`` of both features, and which share of the ground of each is the ground of both."""

LINEAGE_KINDS = ("split", "merge", "resubdivision", "renumber", "lot_line_adjustment", "vacation", "recycled")
"""How a feature can come from another."""


class LayerChange(NamedTuple):
    """
    What a batch does to one layer.

    Attributes
    ----------
    added, updated : GeoDataFrame, or DataFrame for a layer without geometry
        Whole rows in the columns of the layer's schema, as they are after the change. ``updated`` may carry ``cs_from``: the change
        that had made the version the edit was made on. A store that holds a later one answers with a conflict.
    retired : DataFrame
        ``global_id`` of the features that no longer hold; ``retired_by_record``, ``legal_to`` and ``cs_from`` where they are known.
    """

    added: gpd.GeoDataFrame | pd.DataFrame
    updated: gpd.GeoDataFrame | pd.DataFrame
    retired: pd.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (len(self.added) or len(self.updated) or len(self.retired))


class ChangeSet(NamedTuple):
    """
    What a batch does.

    Attributes
    ----------
    layers : dict of layer name to LayerChange
    lineage : DataFrame
        Columns `LINEAGE_COLUMNS`, one row for each parent and child.
    effective : date, optional
        Day from which the change holds in law, where the office enters it later.
    message : str, optional
        What the batch is for.
    """

    layers: dict[str, LayerChange]
    lineage: pd.DataFrame
    effective: datetime.date | None = None
    message: str | None = None


def lineage_frame(rows: list[dict] | pd.DataFrame | None = None) -> pd.DataFrame:
    """
    Lineage rows in their columns and types.

    Parameters
    ----------
    rows : list of dict or DataFrame, optional
        With `LINEAGE_COLUMNS`; shares may be missing where nobody knows them.

    Raises
    ------
    ValueError
        If a kind is none of `LINEAGE_KINDS`.
    """
    table = pd.DataFrame(rows if rows is not None else [], columns=list(LINEAGE_COLUMNS))
    unknown = sorted(set(table["kind"].dropna()) - set(LINEAGE_KINDS))
    if unknown:
        raise ValueError(f"Invalid lineage kind {unknown[0]!r}. Must be one of: {', '.join(LINEAGE_KINDS)}.")
    types = {name: "float64" if name.startswith("share") else "str" for name in LINEAGE_COLUMNS}
    return table.astype(types).reset_index(drop=True)
