"""
Sheets of what changed: one for each group of changes that lie together, the new lots in black over the old ones in red.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.sheets.drawing import draw
from citygis.sheets.figure import Figure
from citygis.sheets.sheet import Sheet
from citygis.sheets.style import Style

if TYPE_CHECKING:
    from citygis.changes import Changes

PAPER = "ansi_a"
ROOM_FT = 60.0
"""What is shown around the ground that changed."""
LEAST_FT = 200.0

_LAYERS = {
    "changed": Style(layer="changed", title="Changes", legend="Ground that changed", fill="#fdf0cf"),
    "new": Style.model_validate(
        {
            "layer": "new",
            "title": "New",
            "legend": "Lot as delivered",
            "line": {"color": "#2b2b2b", "width_pt": 0.6, "break_at_labels": True},
            "label": {"rows": [{"text": "{name}", "size_pt": 7.0}], "key_numbers": True},
        }
    ),
    "old": Style.model_validate(
        {
            "layer": "old",
            "title": "Old",
            "legend": "Lot as it was, where it changed",
            "line": {"color": "#b2182b", "width_pt": 0.9, "dash_pt": [4.0, 3.0]},
        }
    ),
}


class ChangeSheet(NamedTuple):
    """A sheet: the number of its group (`citygis.changes.clusters`), and the drawing."""

    cluster: int
    figure: Figure


def change_sheets(
    changes: Changes, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, *, key: str | Sequence[str], city: City
) -> Iterator[ChangeSheet]:
    """
    A sheet for each group of changes that concern ground, at the next standard scale.

    Parameters
    ----------
    changes : Changes
        Of `old` and `new`.
    old, new : GeoDataFrame, polygons
        As they were compared, in the City's CRS. A shift of the whole layer is taken away before drawing.
    key : str or sequence of str
        The columns that name a lot.
    city : City

    Yields
    ------
    ChangeSheet
        In the order of the groups. Changes of the record alone, and what nobody can tell apart, have none.

    Raises
    ------
    SheetError
        If the layers are in another CRS than the City's.
    """
    from citygis.changes import clusters  # who draws no changes does not wait for what finds them

    table = changes.changes.assign(cluster=clusters(changes))
    table = table[~table["kind"].isin(["attribute", "ambiguous"]) & ~shapely.is_missing(table.geometry.to_numpy())]
    after = np.asarray(new.geometry.array, dtype=object)
    if changes.shift is not None:
        after = changes.shift.undone(after)
    names = [key] if isinstance(key, str) else list(key)
    lots = gpd.GeoDataFrame({"name": _called(new, names)}, geometry=gpd.GeoSeries(after, crs=new.crs))
    before = gpd.GeoDataFrame(geometry=gpd.GeoSeries(np.asarray(old.geometry.array, dtype=object), crs=old.crs))
    members = changes.members[changes.members["side"] == "old"]
    groups = table.groupby("cluster", sort=True)
    for number, (cluster, some) in enumerate(groups, 1):
        was = before.iloc[members.loc[members["change_id"].isin(some["change_id"]), "row"].to_numpy(dtype=int)]
        extent = _extent([*some.geometry, *was.geometry])
        layers = {"changed": some[["geometry"]].set_crs(old.crs, allow_override=True), "new": _near(lots, extent), "old": was}
        layers = {name: layer.reset_index(drop=True) for name, layer in layers.items() if len(layer)}
        sheet = Sheet.model_validate(
            {
                "paper": PAPER,
                "layers": tuple(layers),
                "view": {"extent": extent},
                "title_block": {
                    "title": "Changes",
                    "subtitle": f"Group {cluster}: {', '.join(dict.fromkeys(some['kind']))}",
                    "sheet_number": str(number),
                    "sheet_count": str(len(groups)),
                    "notes": tuple(dict.fromkeys(some["message"])),
                },
            }
        )
        yield ChangeSheet(int(cluster), draw(sheet, layers, city=city, styles=_LAYERS))


def _called(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    return frame[names].astype("str").fillna("").agg(" ".join, axis=1).to_numpy() if len(frame) else np.array([], dtype=object)


def _extent(shapes: list) -> tuple[float, float, float, float]:
    """The ground of some shapes with room around it, at least `LEAST_FT` wide and high."""
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
    wide, high = (max(0.0, (LEAST_FT - size) / 2 - ROOM_FT) + ROOM_FT for size in (east - west, north - south))
    return west - wide, south - high, east + wide, north + high


def _near(lots: gpd.GeoDataFrame, extent: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """The lots that a sheet may show: its paper is longer than what it is about."""
    west, south, east, north = extent
    room = 2 * max(east - west, north - south)
    return lots.iloc[np.sort(lots.sindex.query(shapely.box(west - room, south - room, east + room, north + room)))]
