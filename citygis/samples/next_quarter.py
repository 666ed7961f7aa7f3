"""The county's next delivery: lots split, joined, renumbered and their lines moved, with every change written down."""

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.samples.edits import halves, joined, moved_side, with_vertex
from citygis.samples.planting import Bed
from citygis.units import SQFT_PER_ACRE

Change = dict[str, Any]


class NextQuarter(NamedTuple):
    """
    The county's table a quarter later.

    Attributes
    ----------
    table : GeoDataFrame
    changes : list of dict
        ``change`` (SPLIT, MERGE, LLA, RENUMBER, ATTRIBUTE), ``old`` and ``new`` (lists of APNs), ``where`` ([easting,
        northing]).
    kept : array of int
        For each row that stayed, its position in the table before; the rows after them are new.
    """

    table: gpd.GeoDataFrame
    changes: list[Change]
    kept: np.ndarray


SPLITS, MERGES, MOVED_LINES, USE_CHANGES = 12, 8, 6, 8
MOVED_FT = 5.0
NEW_USE = "0120"


def next_quarter(bed: Bed) -> NextQuarter:
    """
    The county's table a quarter later.

    Parameters
    ----------
    bed : Bed
        The table as it stood. Its defects stay, as they do in a county's file; the blocks they lie in are left alone.
    """
    table = bed.planted()
    changes: list[Change] = []
    gone: list[int] = []
    born: list[pd.Series] = []
    for _ in range(SPLITS):
        side = bed.take()
        lot, new = bed.lot(side.row), _new_apns(bed, side.row, len(born), 2)
        names = [f"{table['LOT'].iloc[side.row]}{letter}" for letter in "AB"]
        born += [_child(table, side.row, *half) for half in zip(halves(lot, side), new, names, strict=True)]
        gone.append(side.row)
        changes.append(_change("SPLIT", [bed.apn(side.row)], new, lot))
    for _ in range(MERGES):
        side = bed.take()
        rows, new = [side.row, side.other], _new_apns(bed, side.row, len(born), 1)
        lot = joined(*(bed.lot(row) for row in rows))
        born.append(_child(table, side.row, lot, new[0], "+".join(table["LOT"].iloc[rows])))
        gone += rows
        changes.append(_change("MERGE", [bed.apn(row) for row in rows], new, lot))
    for _ in range(MOVED_LINES):
        side = bed.take()
        for row, outward_ft in ((side.row, MOVED_FT), (side.other, -MOVED_FT)):
            lot = moved_side(bed.lot(row), side, outward_ft)
            _set(table, row, geometry=lot, ACRES=round(lot.area / SQFT_PER_ACRE, 3))
        pair = [bed.apn(side.row), bed.apn(side.other)]
        changes.append(_change("LLA", pair, pair, shapely.LineString([side.start, side.end])))
    block = bed.take().block
    for number, row in enumerate((bed.city.fabric.block[bed.city.lots.face] == block).nonzero()[0]):
        new = f"{bed.apn(row)[:3]}970{number + 1:02d}"
        _set(table, row, AIN=f"{new}0000")
        changes.append(_change("RENUMBER", [bed.apn(row)], [new], bed.lot(row)))
    for _ in range(USE_CHANGES):
        side = bed.take()
        _set(table, side.row, USE_CD=NEW_USE)
        changes.append(_change("ATTRIBUTE", [bed.apn(side.row)], [bed.apn(side.row)], bed.lot(side.row)))
    kept = np.setdiff1d(np.arange(len(table)), gone)
    extra = pd.DataFrame(born).astype(table.drop(columns="geometry").dtypes.to_dict())
    extra = gpd.GeoDataFrame(extra, geometry="geometry", crs=table.crs)
    later = pd.concat([table.iloc[kept], extra], ignore_index=True)
    changed = np.isin(later["AIN"].str[:8], [apn for change in changes for apn in change["new"] if change["change"] != "ATTRIBUTE"])
    return NextQuarter(_noded(later, changed), changes, kept)


def _noded(table: gpd.GeoDataFrame, changed: np.ndarray) -> gpd.GeoDataFrame:
    """The table with the corners of changed lots, and the corners that they now pass, as vertices of both neighbours."""
    found = topology.missing_vertices(table)
    found = found[changed[found["feature"]] | changed[found["other"]]]
    geometry = table.geometry.to_numpy(dtype=object).copy()
    for row, place in zip(found["feature"], found.geometry, strict=True):
        geometry[row] = with_vertex(geometry[row], (place.x, place.y))
    return table.set_geometry(gpd.GeoSeries(geometry, index=table.index, crs=table.crs))


def _new_apns(bed: Bed, row: int, start: int, count: int) -> list[str]:
    """Numbers on the page the county keeps for new parcels of a book."""
    return [f"{bed.apn(row)[:3]}980{start + k + 1:02d}" for k in range(count)]


def _child(table: gpd.GeoDataFrame, row: int, lot: shapely.Polygon, apn: str, name: str) -> pd.Series:
    record = table.iloc[row].copy()
    record["AIN"], record["LOT"], record["geometry"] = f"{apn}0000", name, lot
    record["ACRES"] = round(lot.area / SQFT_PER_ACRE, 3)
    return record


def _change(change: str, old: list[str], new: list[str], where: shapely.Geometry) -> Change:
    centre = shapely.centroid(where)
    return {"change": change, "old": old, "new": new, "where": [round(centre.x, 2), round(centre.y, 2)]}


def _set(table: gpd.GeoDataFrame, row: int, **values: Any) -> None:
    for name, value in values.items():
        table.iloc[row, table.columns.get_loc(name)] = value
