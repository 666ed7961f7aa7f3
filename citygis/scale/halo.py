"""
Rows of other parts that lie near: found by the bounds of parts, of row groups and of rows, in this order, and only then read.
"""

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from citygis.errors import ReadError
from citygis.scale.dataset import ROW, Dataset
from citygis.scale.sources import BBOX, CORNERS, struct_bounds


def rows_near(
    dataset: Dataset,
    places: np.ndarray,
    distance: float,
    *,
    without: int | None = None,
    beyond: np.ndarray | None = None,
    at_most: int | None = None,
) -> gpd.GeoDataFrame:
    """
    The rows whose bounds come near those of some geometries.

    Parameters
    ----------
    dataset : Dataset
    places : array of geometries
        In the CRS of `dataset`. Nothing is near a null or an empty one, or one with a coordinate that is not a number.
    distance : float
        In its unit, along either axis.
    without : int, optional
        A part that is not looked into.
    beyond : array of int, optional
        Numbers of rows that are known already and left out.
    at_most : int, optional
        How many rows there may be.

    Returns
    -------
    GeoDataFrame
        As `Dataset.frame`; in the order of the sources.

    Raises
    ------
    ReadError
        If there are more than `at_most`, or a part cannot be read.
    """
    bounds = shapely.bounds(places).reshape(-1, 4)
    tree = shapely.STRtree(places[np.isfinite(bounds).all(axis=1)])
    known = np.sort(beyond) if beyond is not None else np.empty(0, dtype=np.int64)
    names = [*(column.name for column in dataset.columns), "geometry", ROW]
    tables, count = [], 0
    for part in _meeting(tree, dataset.bounds, distance).tolist():
        groups, sizes = _groups(dataset, part, tree, distance) if part != without else ([], None)
        if not groups:
            continue
        marks = dataset.table(part, [BBOX, ROW], groups=groups)
        row = marks.column(ROW).to_numpy()
        at = _meeting(tree, struct_bounds(marks.column(BBOX)), distance)
        at = at[~_among(row[at], known)]
        count += len(at)
        if at_most is not None and count > at_most:
            raise ReadError(
                f"{dataset.path}: more than {at_most:,} rows lie near this part. A feature that reaches across the layer has no "
                "neighbourhood; take it out, or look at the layer as a whole."
            )
        if len(at):
            start = np.cumsum([0, *sizes[groups]])
            hit = np.unique(np.searchsorted(start, at, side="right") - 1)
            held = np.concatenate([np.arange(start[k], start[k + 1]) for k in hit])
            kept = dataset.table(part, names, groups=[groups[k] for k in hit])
            tables.append(kept.take(pa.array(np.searchsorted(held, at))))
    return dataset.made(pa.concat_tables(tables) if tables else dataset.table(0, names, groups=[]))


def boxes_around(bounds: np.ndarray, distance: float) -> np.ndarray:
    """Bounds with a distance around them: (n, 4)."""
    return bounds + np.array([-distance, -distance, distance, distance])


def _groups(dataset: Dataset, part: int, tree: shapely.STRtree, distance: float) -> tuple[list[int], np.ndarray]:
    """The row groups of a part that come near, by the statistics of its footer; and the rows of each group."""
    with pq.ParquetFile(dataset.file(part)) as file:
        about = file.metadata
    paths = [about.schema.column(k).path for k in range(about.num_columns)]
    at = [paths.index(f"{BBOX}.{corner}") for corner in CORNERS]
    bounds, size = np.full((about.num_row_groups, 4), np.nan), np.zeros(about.num_row_groups, dtype=int)
    for group in range(about.num_row_groups):
        size[group] = about.row_group(group).num_rows
        told = [about.row_group(group).column(k).statistics for k in at]
        if all(each is not None and each.has_min_max for each in told):
            bounds[group] = [told[0].min, told[1].min, told[2].max, told[3].max]
    return _meeting(tree, bounds, distance).tolist(), size


def _meeting(tree: shapely.STRtree, bounds: np.ndarray, distance: float) -> np.ndarray:
    """Which bounds come near a geometry of the tree, ascending."""
    finite = np.flatnonzero(np.isfinite(bounds).all(axis=1))
    return finite[np.unique(tree.query(shapely.box(*boxes_around(bounds[finite], distance).T))[0])]


def _among(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which rows are among some that are ascending."""
    if not len(known):
        return np.zeros(len(rows), dtype=bool)
    at = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return known[at] == rows
