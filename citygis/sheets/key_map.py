"""
The key map: where in the City the sheet lies.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from citygis.sheets import prep
from citygis.sheets.frame import Extent, Frame
from citygis.sheets.furniture import INK, Column
from citygis.sheets.scene import Group, Paths, polylines, rectangle

LAYERS = {
    "city_limit": {"stroke": "#7b2d6b", "width_pt": 1.0},
    "tract": {"stroke": "#8d8d8d", "width_pt": 0.3},
    "street_centerline": {"stroke": "#8d8d8d", "width_pt": 0.3},
}
"""What a key map is drawn from, when the layer is there, and how."""

_MARK = "#b3261e"


def key_map(column: Column, frame: Frame, layers: Mapping[str, gpd.GeoDataFrame], floor_pt: float) -> Group | None:
    """
    The City's outline and streets, small, with the sheet's frame on them.

    Parameters
    ----------
    column : Column
        Of the panel; moved down when there is a key map.
    frame : Frame
    layers : mapping
        Those of `LAYERS` that are there are drawn.
    floor_pt : float
        How far down the panel goes.

    Returns
    -------
    Group or None
        None when the frame shows the whole City already, or when the panel has not two inches left.
    """
    shapes = {name: _shapes(layers[name]) for name in LAYERS if name in layers}
    shapes = {name: some for name, some in shapes.items() if len(some)}
    if not shapes:
        return None
    bounds = shapely.total_bounds(np.concatenate(list(shapes.values())))
    whole, shown = Extent(*(float(v) for v in bounds)), frame.extent
    if whole.width_ft <= shown.width_ft and whole.height_ft <= shown.height_ft:
        return None
    room = column.y - floor_pt - 30 * column.k
    high = min(room, column.width * 0.85)
    if high < 100:
        return None
    column.heading("Key map, not to scale")
    box = (column.left, column.y - high, column.right, column.y)
    inner = 5.0
    per_foot = min((column.width - 2 * inner) / whole.width_ft, (high - 2 * inner) / whole.height_ft)
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])

    def to_page(ground: np.ndarray) -> np.ndarray:
        return (ground[:, :2] - whole.centre) * per_foot + middle

    batches: list[Paths] = [rectangle(box, stroke=INK, width_pt=0.5)]
    for name, some in shapes.items():
        placed = shapely.transform(shapely.force_2d(some), to_page)
        # Below half a point nothing of a street's shape is seen at this size.
        drawn = shapely.simplify(placed, 0.5, preserve_topology=False)
        lines = shapely.boundary(drawn) if name != "street_centerline" else drawn
        for points, starts in prep.chunks(prep.strokes(lines)):
            batches.append(Paths(points, starts, **LAYERS[name]))
    corners = np.array([(shown[i], shown[j]) for i, j in ((0, 1), (2, 1), (2, 3), (0, 3))])
    batches.append(polylines([np.clip(to_page(corners), box[:2], box[2:])], closed=True, stroke=_MARK, width_pt=1.4))
    column.y -= high
    column.down(16)
    return Group("Key map", (*column.group("").batches, *batches))


def _shapes(layer: gpd.GeoDataFrame) -> np.ndarray:
    shapes = np.asarray(layer.geometry.values)
    return shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
