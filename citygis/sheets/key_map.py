"""
The key map: where in the City the sheet lies.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from citygis.sheets import prep
from citygis.sheets.column import INK, Block, Column
from citygis.sheets.frame import Extent, Frame
from citygis.sheets.scene import Paths, polyline, rectangle

LAYERS = {
    "city_limit": {"stroke": "#7b2d6b", "width_pt": 1.0},
    "tract": {"stroke": "#8d8d8d", "width_pt": 0.3},
    "street_centerline": {"stroke": "#8d8d8d", "width_pt": 0.3},
    "sheet_index": {"stroke": "#7fa6bd", "width_pt": 0.3},
}
"""What a key map is drawn from, when the layer is there, and how."""

LEAST_PT = 100.0
"""A key map is not drawn lower than this."""

_MARK = "#b3261e"


def key_map(width: float, k: float, frame: Frame, layers: Mapping[str, gpd.GeoDataFrame], room_pt: float) -> Block | None:
    """
    The City's outline and streets, small, with the sheet's frame on them.

    Parameters
    ----------
    width, k : float
        Of the panel's column: points, and what sizes are multiplied with.
    frame : Frame
    layers : mapping
        Those of `LAYERS` that are there are drawn.
    room_pt : float
        How high it may be.

    Returns
    -------
    Block or None
        None when the frame shows the whole City already, or when there is too little room.
    """
    shapes = {name: shapes_of(layers[name]) for name in LAYERS if name in layers}
    shapes = {name: some for name, some in shapes.items() if len(some)}
    if not shapes:
        return None
    bounds = shapely.total_bounds(np.concatenate(list(shapes.values())))
    whole, shown = Extent(*(float(v) for v in bounds)), frame.extent
    if whole.width_ft <= shown.width_ft and whole.height_ft <= shown.height_ft:
        return None
    column = Column(width, k)
    column.heading("Key map, not to scale")
    high = min(room_pt + column.y - 16 * k, width * 0.85)
    if high < LEAST_PT:
        return None
    box = (0.0, column.y - high, width, column.y)
    inner = 5.0
    per_foot = min((width - 2 * inner) / whole.width_ft, (high - 2 * inner) / whole.height_ft)
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])

    def to_page(ground: np.ndarray) -> np.ndarray:
        return (ground[:, :2] - whole.centre) * per_foot + middle

    column.batches.append(rectangle(box, stroke=INK, width_pt=0.5))
    for name, some in shapes.items():
        column.batches += lines_of(name, shapely.transform(shapely.force_2d(some), to_page))
    mark = shapely.clip_by_rect(shapely.Polygon(to_page(frame.corners)), *box)
    column.batches.append(polyline(shapely.get_coordinates(mark)[:-1], closed=True, stroke=_MARK, width_pt=1.4))
    column.y -= high
    column.group("Key map")
    column.down(16)
    return column.block("key map")


def lines_of(name: str, placed: np.ndarray) -> list[Paths]:
    """A layer of `LAYERS`, already on the page, as lines of its look."""
    # Below half a point nothing of a street's shape is seen at this size.
    drawn = shapely.simplify(placed, 0.5, preserve_topology=False)
    lines = shapely.boundary(drawn) if name != "street_centerline" else drawn
    return [Paths(points, starts, **LAYERS[name]) for points, starts in prep.chunks(prep.strokes(lines))]


def shapes_of(layer: gpd.GeoDataFrame) -> np.ndarray:
    """The geometries of a layer that are there."""
    shapes = np.asarray(layer.geometry.values)
    return shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
