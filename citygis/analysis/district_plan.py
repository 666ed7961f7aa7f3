"""
A plan of districts, block by block: from a table, from the blocks themselves, or from the districts' ground.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import require_columns, without_ground
from citygis.analysis.overlay import measurable, overlaid_area
from citygis.errors import AnalysisError

SAME = 1e-6
"""Shares of a block nearer to 0 or 1 than this are the rounding of common lines."""


class Plan(NamedTuple):
    """
    The district of each block.

    Attributes
    ----------
    names : array of d str
        Of the districts, numbers by their size.
    at : array of n int
        The district of each block, -1 for none.
    share : array of n float
        What part of the block's ground lies in it; 1 where the plan names blocks.
    left_out : list of (layer, feature, reason)
    said : str
        Where the plan was read.
    why_not : str
        Why a block has no district.
    doubly : int
        Blocks on ground of two districts at once.
    """

    names: np.ndarray
    at: np.ndarray
    share: np.ndarray
    left_out: list[tuple[str, str, str]]
    said: str
    why_not: str
    doubly: int


def plan_of(
    blocks: gpd.GeoDataFrame,
    name: np.ndarray,
    shapes: np.ndarray,
    *,
    districts: gpd.GeoDataFrame | None,
    assignment: pd.DataFrame | None,
    kind: str,
    block_column: str,
    district_column: str | None,
) -> Plan:
    """
    The plan that was given: an assignment before districts, districts before a column of the blocks.

    Parameters
    ----------
    blocks : GeoDataFrame, n rows
    name, shapes : arrays of n
        Of the blocks.
    districts, assignment, kind, block_column, district_column
        As for `citygis.analysis.district_balance`.

    Raises
    ------
    AnalysisError
        If there is no plan, a column is not there, or a block is named twice.
    """
    column = district_column
    whole = np.ones(len(name))
    if assignment is None and districts is not None:
        return by_ground(shapes, districts, "district", column or "district_id", kind=kind)
    column, left_out = column or "district", []
    if assignment is not None:
        require_columns(assignment, (block_column, column), "The plan")
        key = assignment[block_column].astype("str")
        if key.duplicated().any():
            raise AnalysisError(
                f"The plan has block {key[key.duplicated()].iloc[0]!r} more than once. Each block is of one district."
            )
        written = pd.Series(assignment[column].to_numpy(), index=key)
        left_out = [("plan", block, "no such block in the layer") for block in sorted(set(key) - set(name))]
        given, said, why_not = written.reindex(name), "a table of blocks", "not in the plan"
    elif column in blocks.columns:
        given, said, why_not = blocks[column], "the blocks' own column", "no district in its column"
    else:
        raise AnalysisError(f"There is no plan. Give districts, an assignment of blocks, or blocks with the column {column!r}.")
    names = _natural(given)
    return Plan(names, pd.Index(names).get_indexer(given.astype("object")), whole, left_out, said, why_not, 0)


def by_ground(shapes: np.ndarray, districts: gpd.GeoDataFrame, layer: str, column: str, *, kind: str | None = None) -> Plan:
    """
    For each block the polygon of another layer that has most of its ground.

    Parameters
    ----------
    shapes : array of n polygons
    districts : GeoDataFrame, polygons
        Several of one name are one.
    layer, column : str
        What the layer is called, and its names.
    kind : str, optional
        Only those of this ``kind``, where there is that column.
    """
    if column not in districts.columns:
        raise AnalysisError(f"Layer {layer!r} has no column {column!r}. It has: {', '.join(districts.columns)}.")
    if kind is not None and "kind" in districts.columns:
        districts = districts[districts["kind"] == kind]
        if not len(districts):
            raise AnalysisError(f"Layer 'district' has no district of kind {kind!r}. Load them, or name another kind.")
    ground = measurable(districts, layer, key=column)
    own = districts[column].astype("str").iloc[ground.rows]
    names = _natural(own)
    at = pd.Index(names).get_indexer(own)
    shared = overlaid_area(shapes, ground.shapes)
    shared["district"] = at[shared["right"].to_numpy()]
    area = shared.groupby(["left", "district"], as_index=False)["area_sqft"].sum()
    area["share"] = area["area_sqft"] / shapely.area(shapes)[area["left"]]
    area = area[area["share"] > SAME]
    doubly = int((area.groupby("left")["share"].sum() > 1 + SAME).sum())
    most = area.sort_values(["left", "share", "district"], ascending=[True, False, True]).drop_duplicates("left")
    found, share = np.full(len(shapes), -1), np.zeros(len(shapes))
    found[most["left"]], share[most["left"]] = most["district"], np.minimum(most["share"], 1.0)
    return Plan(names, found, share, ground.left_out, "the districts' ground", "in no district", doubly)


def share_of(shapes: np.ndarray, layer: gpd.GeoDataFrame) -> np.ndarray:
    """What part of each polygon a layer covers."""
    ground = shapely.union_all(layer.geometry.values[~without_ground(layer).to_numpy()])
    found = overlaid_area(shapes, np.array([ground], dtype=object))
    share = np.zeros(len(shapes))
    share[found["left"]] = found["area_sqft"] / shapely.area(shapes)[found["left"]]
    return share


def _natural(names: pd.Series) -> np.ndarray:
    """The distinct names, numbers by their size."""
    found = names.dropna().astype("str").unique()
    return np.array(sorted(found, key=lambda n: (not n.isdigit(), int(n) if n.isdigit() else 0, n)), dtype=object)
