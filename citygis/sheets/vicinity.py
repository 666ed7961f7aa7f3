"""
The vicinity map: the streets around a sheet, at a smaller exact scale of its own.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from citygis.sheets import features as drawing
from citygis.sheets.column import GREY, INK, Block, Column
from citygis.sheets.frame import STANDARD_SCALES, Frame, feet_text, scale_of
from citygis.sheets.labelling import labelling
from citygis.sheets.scene import Group, polyline, rectangle
from citygis.sheets.sheet import Vicinity
from citygis.sheets.style import Style

STYLES = {
    "vicinity_city_limit": Style(
        layer="city_limit", title="Vicinity map: city limit", line={"color": INK, "width_pt": 0.9, "dash_pt": (7, 2, 2, 2)}
    ),
    "vicinity_street": Style.model_validate(
        {
            "layer": "street_centerline",
            "title": "Vicinity map: streets",
            "line": {"color": "#6f6f6f", "width_pt": 0.5, "break_at_labels": True},
            "label": {
                "placement": "along",
                "repeat_in": 20.0,
                "rows": [{"text": "{St_PreDir?} {St_Name} {St_PosTyp?} {St_PosDir?}", "size_pt": 5.0, "capitals": True}],
            },
        }
    ),
}
"""What a vicinity map is drawn with, where the layers are there."""

_AROUND = 3
"""How many times the sheet's own ground is shown each way, at least."""


def vicinity_map(width: float, k: float, plan: Vicinity, frame: Frame, layers: Mapping[str, gpd.GeoDataFrame]) -> Block:
    """
    The streets around the sheet's ground, which is outlined, with their names; turned as the map is.

    Its block has an inset: the frame of the small map, which has coordinates of its own in the PDF.
    """
    column = Column(width, k)
    column.heading("Vicinity map")
    high = width * 0.72
    scale = _scale(plan, frame, width, high)
    small = Frame(frame.crs, scale, frame.easting, frame.northing, 0.0, column.y - high, width, high, frame.rotation_deg)
    seen = [drawing.in_frame(name, style, layers[style.layer], small) for name, style in STYLES.items() if style.layer in layers]
    seen = [features for features in seen if len(features.shapes)]
    # No name stands on the outline of the sheet.
    outline = small.to_page(frame.corners)
    put = labelling(seen, small, taken=np.array([shapely.Polygon(outline).boundary]))
    column.groups += [Group(features.title, drawing.batches(features, put.boxes, small), small.box_pt) for features in seen]
    column.groups += put.groups
    column.batches.append(rectangle(small.box_pt, stroke=INK, width_pt=0.6))
    column.batches.append(polyline(outline, closed=True, stroke=INK, width_pt=1.4))
    column.y -= high + 3 * k
    # Not in the words of the sheet's own scale, which must be the only one so written.
    column.write(f"Vicinity map: 1\" = {feet_text(scale)}'", 6.4, color=GREY)
    column.down(9)
    column.group("Vicinity map")
    column.down(8)
    return column.block("vicinity map", insets=(("Vicinity map", small),))


def _scale(plan: Vicinity, frame: Frame, width: float, height: float):
    if plan.scale != "fit":
        return scale_of(plan.scale)
    needed = _AROUND * max(frame.width_pt / width, frame.height_pt / height) * frame.scale
    return next((scale for scale in STANDARD_SCALES if scale >= needed), STANDARD_SCALES[-1])
