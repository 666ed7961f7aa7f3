"""
The pieces that districts are in: blocks that adjoin by a line, not over water without a bridge.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.contiguity import TOLERANCE_FT, Adjoining, Borders, adjoining, pieces_of
from citygis.analysis.density import SQFT_PER_SQMI
from citygis.analysis.district_plan import share_of
from citygis.analysis.layers import without_ground


def pieces_by_water(
    shapes: np.ndarray,
    of: np.ndarray,
    people: np.ndarray,
    common: Borders,
    *,
    least_ft: float,
    water: gpd.GeoDataFrame | None,
    crossings: gpd.GeoDataFrame | None,
) -> np.ndarray:
    """
    The piece of its district that each block is in.

    Parameters
    ----------
    shapes : array of n polygons
    of : array of n int
        The district of each, -1 for none.
    people : array of n int
        A block where nobody lives and that is mostly water is of no piece.
    common : Borders
        Of the blocks.
    least_ft : float
        The least common line.
    water : GeoDataFrame of polygons, or None
        A common line in it joins nothing.
    crossings : GeoDataFrame of lines, or None
        Each joins the blocks of one district that it meets.

    Returns
    -------
    array of n int
        The position of one block of the piece, -1 for none.
    """
    dry, ground = of, None
    if water is not None:
        ground = shapely.union_all(water.geometry.values[~without_ground(water).to_numpy()])
        dry = np.where((people == 0) & (share_of(shapes, water) > 0.5), -1, of)
    pair = adjoining(common, least_ft=least_ft, water=ground)
    if crossings is not None:
        pair = _with_crossings(pair, shapes, dry, crossings)
    return pieces_of(dry, pair.one, pair.other)


def piece_table(names: np.ndarray, of: np.ndarray, piece: np.ndarray, people: np.ndarray, shapes: np.ndarray) -> pd.DataFrame:
    """
    A row per piece: in each district that with the most people first, then that with the most ground.

    Returns
    -------
    DataFrame
        ``district, piece`` (from 1), ``at`` and ``head`` (the positions of the district and of a block), ``people, blocks,
        area_sqmi``.
    """
    at = piece >= 0
    frame = pd.DataFrame({"at": of[at], "head": piece[at], "people": people[at], "area": shapely.area(shapes[at])})
    table = frame.groupby(["at", "head"], as_index=False).agg(
        people=("people", "sum"), blocks=("area", "size"), area_sqmi=("area", "sum")
    )
    table["area_sqmi"] = (table["area_sqmi"] / SQFT_PER_SQMI).round(4)
    table = table.sort_values(["at", "people", "area_sqmi", "head"], ascending=[True, False, False, True]).reset_index(drop=True)
    table.insert(0, "district", names[table["at"].to_numpy()])
    table.insert(1, "piece", table.groupby("at").cumcount() + 1)
    return table


def joined_ground(shapes: np.ndarray) -> shapely.Geometry:
    """The ground of some blocks: what differs by no more than the tolerance of common lines is one."""
    ground = shapely.coverage_union_all(shapes) if len(shapes) and shapely.coverage_is_valid(shapes) else shapely.union_all(shapes)
    # Only where there are several parts can a hair lie between them; the grid closes it.
    return shapely.union_all([ground], grid_size=TOLERANCE_FT) if len(shapely.get_parts(ground)) > 1 else ground


def _with_crossings(pair: Adjoining, shapes: np.ndarray, dry: np.ndarray, crossings: gpd.GeoDataFrame) -> Adjoining:
    lines = crossings.geometry.values[~without_ground(crossings).to_numpy()]
    line, met = shapely.STRtree(shapes).query(lines, predicate="intersects")
    line, met = line[dry[met] >= 0], met[dry[met] >= 0]
    # A chain through what a line meets of one district holds it together.
    order = np.lexsort((met, dry[met], line))
    line, met = line[order], met[order]
    same = (line[1:] == line[:-1]) & (dry[met[1:]] == dry[met[:-1]])
    one, other = met[:-1][same], met[1:][same]
    return Adjoining(
        np.concatenate([pair.one, one]), np.concatenate([pair.other, other]), np.concatenate([pair.length_ft, np.zeros(len(one))])
    )
