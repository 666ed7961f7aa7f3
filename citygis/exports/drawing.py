"""
Figures as a DXF drawing: closed polylines whose arcs are bulges, and their names as text inside.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import ezdxf
import numpy as np
import shapely

from citygis.cogo import Figure, bulge, polygon
from citygis.exports.places import loops, steps
from citygis.publish import publishing
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit

INSUNITS = {INTERNATIONAL_FOOT: 2, METRE: 6, US_SURVEY_FOOT: 21}
"""Codes of $INSUNITS. Autodesk DXF Reference, HEADER section; 21 since AutoCAD 2017."""


def write_dxf(
    path: Path | str,
    figures: Mapping[str, Sequence[Figure]],
    *,
    unit: Unit,
    layer: str = "V-PROP-LOTS",
    text_layer: str = "V-PROP-TEXT",
    text_height: float = 5.0,
    overwrite: bool = False,
) -> None:
    """
    A DXF drawing (AutoCAD 2018) of figures.

    Parameters
    ----------
    path : path
    figures : mapping of name to loops
        The outer loop of each, then its holes; in the unit of the drawing.
    unit : Unit
        Of `citygis.units`.
    layer, text_layer : str
        Of the polylines and of the names (US National CAD Standard).
    text_height : float
        In the unit of the drawing.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ValueError
        If a loop does not close or has a spiral, or `unit` is none that a drawing knows.
    StoreError
        If the file exists or cannot be written.
    """
    if unit not in INSUNITS:
        raise ValueError(f"Invalid unit {unit.name!r}. Must be one of {', '.join(one.name for one in INSUNITS)}.")
    with _fixed_meta_data(), publishing(path, overwrite=overwrite) as temporary:
        drawing = ezdxf.new("R2018")
        drawing.header["$INSUNITS"] = INSUNITS[unit]
        for name in (layer, text_layer):
            if name not in drawing.layers:
                drawing.layers.add(name)
        space = drawing.modelspace()
        for name, position, figure in loops(figures):
            vertices = [
                (*step.start.tolist(), bulge(step.arc.delta_deg, step.course.hand) if step.course.kind == "curve" else 0.0)
                for step in steps(name, figure)
            ]
            space.add_lwpolyline(vertices, format="xyb", close=True, dxfattribs={"layer": layer})
            if position == 0:
                text = space.add_text(name, height=text_height, dxfattribs={"layer": text_layer})
                text.set_placement(_inside(figures[name]), align=ezdxf.enums.TextEntityAlignment.MIDDLE_CENTER)
        drawing.saveas(temporary)


@contextlib.contextmanager
def _fixed_meta_data() -> Iterator[None]:
    """A drawing carries its time and a new identity each time it is made and saved: the same figures must give the same bytes."""
    before = ezdxf.options.write_fixed_meta_data_for_testing
    ezdxf.options.write_fixed_meta_data_for_testing = True
    try:
        yield
    finally:
        ezdxf.options.write_fixed_meta_data_for_testing = before


def _inside(parts: Sequence[Figure]) -> tuple[float, float]:
    outer, *holes = [polygon(figure.courses, figure.start) for figure in parts]
    shape = shapely.Polygon(outer.exterior, [hole.exterior for hole in holes])
    return tuple(np.array(shape.representative_point().coords[0]).tolist())
