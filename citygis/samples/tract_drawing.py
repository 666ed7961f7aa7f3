"""
Tract No. 3999 as a developer's drawing: once as it should be, and once as drawings are.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ezdxf
import numpy as np
from ezdxf.document import Drawing

from citygis.publish import publish_text
from citygis.samples.survey import bearing
from citygis.samples.tract_plan import TRACT_NAME, TRACT_NO, Figure, Side, Tract, area_of, center_of, outline_of, turn_of

_JITTER_FT = 0.004
_MISS_FT = (0.02, 0.04)
_TEXT_FT = 6.0
_LA_COUNTY = {
    "boundary": "BOUNDARY",
    "street": "ROW",
    "lot": "LOTS",
    "ease": "EASE",
    "center": "CL",
    "text": "LOTS",
    "note": "MISC",
    "mon": "MON",
}
"""Layers of Los Angeles County's digital submissions."""
_NCS = {
    "boundary": "V-PROP-BNDY", "street": "V-PROP-RWAY", "lot": "V-PROP-LINE", "ease": "V-PROP-ESMT", "center": "V-ROAD-CNTR",
    "text": "V-ANNO-TEXT", "note": "V-ANNO-TEXT", "mon": "V-NODE-MONU",
}  # fmt: skip
"""Layers of the National CAD Standard."""
_DIRT = (
    "jittered", "undershoots", "overshoots", "drawn_twice", "drawn_in_pieces", "attributes", "formatted", "decoys", "frozen",
)  # fmt: skip


def write_clean_drawing(path: Path, land: Tract) -> dict:
    """
    The tract as DXF, every course drawn once, end on end, numbers as plain text.

    Returns
    -------
    dict
        What a reader must find: ``lots``, ``courses``, ``units``.
    """
    with _fixed_metadata():
        doc = _new(_LA_COUNTY, unit=21)
        space = doc.modelspace()
        corners, names = land.corners, _LA_COUNTY
        _add_loop(space, land.boundary, corners, names["boundary"])
        for side in land.sides:
            if side.role != "boundary":
                _add_side(space, corners[side.start], corners[side.end], side.radius_ft, names[side.role])
        for lot in land.lots:
            _add_text(space, _title(lot), _middle(lot, corners), names["text"], 8.0)
            _add_text(space, f"{area_of(lot, corners):,.0f} SQ. FT.", _middle(lot, corners) - [0, 14], names["note"])
        for side in land.sides:
            _add_measure(space, side, corners, names["note"], "°")
        _add_rest(space, land, names)
        _add_monuments(doc, land, names["mon"])
        space.add_text(
            "TRACT NO. 3999, BLOSSOM COURT. DISTANCES IN US SURVEY FEET.", height=12, dxfattribs={"layer": names["note"]}
        ).set_placement(tuple(corners.min(axis=0) + [0, -60]))
        publish_text(path, _written(doc), overwrite=True)
    return {"lots": len(land.lots), "courses": len(land.sides), "units": "US survey feet", "profile": "la_county"}


def write_dirty_drawing(path: Path, land: Tract, rng: np.random.Generator) -> dict:
    """
    The same tract with what drawings come with.

    Ends are jittered; lot lines stop short of the line they should meet, or run over it; lines are drawn twice, or in pieces that
    lie over each other; arcs are polylines of two vertices with a bulge; numbers stand in blocks with attributes and in formatted
    text; areas, bearings and street names stand among them; the header says inches; an older design is on a frozen layer.

    Returns
    -------
    dict
        ``planted``: each kind of dirt, and how often.
    """
    with _fixed_metadata():
        doc = _new(_NCS, unit=1)
        space = doc.modelspace()
        corners, names = land.corners, _NCS
        planted = dict.fromkeys(_DIRT, 0)
        _add_loop(space, land.boundary, corners, names["boundary"])
        for number, side in enumerate(s for s in land.sides if s.role != "boundary"):
            start, end = (corners[k] + rng.uniform(-_JITTER_FT, _JITTER_FT, 2) for k in (side.start, side.end))
            planted["jittered"] += 1
            if side.role == "lot" and number % 3 < 2:
                # An end that was set by hand: short of the line it should meet on every third, over it on the next.
                miss = rng.uniform(*_MISS_FT) * (1 if number % 3 else -1)
                end = end + miss * (end - start) / math.dist(start, end)
                planted["overshoots" if miss > 0 else "undershoots"] += 1
            layer = names[side.role]
            if number % 7 == 3 and not side.radius_ft:
                # In two pieces, the second lying over the first.
                middle, back = start + 0.6 * (end - start), start + 0.4 * (end - start)
                _add_side(space, start, middle, 0.0, layer)
                _add_side(space, back, end, 0.0, layer)
                planted["drawn_in_pieces"] += 1
                continue
            if side.radius_ft and number % 2:
                space.add_lwpolyline(
                    [(*start, _bulge(start, end, side.radius_ft)), (*end, 0.0)], format="xyb", dxfattribs={"layer": layer}
                )
            else:
                _add_side(space, start, end, side.radius_ft, layer)
            if number % 5 == 0:
                _add_side(space, *(p + rng.uniform(-_JITTER_FT, _JITTER_FT, 2) for p in (end, start)), -side.radius_ft, layer)
                planted["drawn_twice"] += 1
        _add_dirty_labels(doc, land, names["text"], planted)
        for side in land.sides:
            planted["decoys"] += _add_measure(space, side, corners, names["note"], "%%d")
        _add_rest(space, land, names)
        _add_older_design(doc, land, planted)
        publish_text(path, _written(doc), overwrite=True)
    return {"lots": len(land.lots), "planted": planted, "insunits": "inches", "profile": "ncs"}


def _new(names: dict[str, str], *, unit: int) -> Drawing:
    doc = ezdxf.new("R2010")
    doc.header["$INSUNITS"] = unit
    for color, layer in enumerate(dict.fromkeys(names.values()), start=1):
        doc.layers.add(layer, color=color)
    return doc


def _add_loop(space, figure: Figure, corners: np.ndarray, layer: str) -> None:
    ends = [*figure.corners[1:], figure.corners[0]]
    points = [
        (*corners[a], _bulge(corners[a], corners[b], radius) if radius else 0.0)
        for a, b, radius in zip(figure.corners, ends, figure.radii_ft, strict=True)
    ]
    space.add_lwpolyline(points, format="xyb", close=True, dxfattribs={"layer": layer})


def _add_side(space, start: np.ndarray, end: np.ndarray, radius_ft: float, layer: str) -> None:
    if not radius_ft:
        space.add_line(tuple(start), tuple(end), dxfattribs={"layer": layer})
        return
    center = center_of(start, end, radius_ft)
    first, last = (math.degrees(math.atan2(*(p - center)[::-1])) for p in (start, end))
    # An ARC runs counter-clockwise: what turns right is drawn from its end.
    angles = (last, first) if radius_ft > 0 else (first, last)
    space.add_arc(tuple(center), math.dist(center, start), *(a % 360 for a in angles), dxfattribs={"layer": layer})


def _bulge(start: np.ndarray, end: np.ndarray, radius_ft: float) -> float:
    return -math.tan(turn_of(start, end, radius_ft) / 4)


def _add_text(space, text: str, place: np.ndarray, layer: str, height: float = _TEXT_FT, rotation: float = 0.0) -> None:
    space.add_text(text, height=height, rotation=rotation, dxfattribs={"layer": layer}).set_placement(
        tuple(place), align=ezdxf.enums.TextEntityAlignment.MIDDLE_CENTER
    )


def _add_measure(space, side: Side, corners: np.ndarray, layer: str, ring: str) -> int:
    """What the map says along a course: bearing and distance, or radius and length."""
    start, end = corners[side.start], corners[side.end]
    azimuth = math.degrees(math.atan2(*(end - start))) % 360
    if side.radius_ft:
        turned = abs(turn_of(start, end, side.radius_ft))
        text = f"R={abs(side.radius_ft):.2f}' L={abs(side.radius_ft) * turned:.2f}'"
    else:
        text = f"{bearing(azimuth).replace('°', ring)} {math.dist(start, end):.2f}'"
    slope = (90 - azimuth + 90) % 180 - 90
    _add_text(space, text, (start + end) / 2, layer, 3.0, slope)
    return 1


def _add_rest(space, land: Tract, names: dict[str, str]) -> None:
    """What bounds no lot: easements, centerlines, names of streets."""
    for name, _, width, points in land.easements:
        space.add_lwpolyline(points.tolist(), close=True, dxfattribs={"layer": names["ease"]})
        _add_text(space, f"{width:.0f}' {name} EASEMENT", points.mean(axis=0), names["ease"], 3.0)
    for line in land.frontage:
        space.add_line(*map(tuple, line), dxfattribs={"layer": names["ease"]})
    for start, end, radius in land.centerlines:
        _add_side(space, start, end, radius, names["center"])
    for (start, end, _), text in zip((land.centerlines[0], land.centerlines[-1]), ("BLOSSOM LOOP", "BLOSSOM COURT"), strict=True):
        _add_text(space, text, (start + end) / 2, names["center"], 10.0)


def _add_monuments(doc: Drawing, land: Tract, layer: str) -> None:
    for name, radius in (("MFNDMN", 2.0), ("MSETMN", 1.5)):
        block = doc.blocks.new(name)
        block.add_circle((0, 0), radius)
    ends = {k for figure in (land.boundary,) for k in figure.corners}
    for k, place in enumerate(land.corners.tolist()):
        if k in ends:
            doc.modelspace().add_blockref("MFNDMN" if land.on_record[k] else "MSETMN", place, dxfattribs={"layer": layer})


def _add_dirty_labels(doc: Drawing, land: Tract, layer: str, planted: dict[str, int]) -> None:
    """Numbers in a circle with an attribute, in formatted text with the area below, and plain, in turn."""
    block = doc.blocks.new("LOTTAG")
    block.add_circle((0, 0), 9.0)
    block.add_attdef("LOT_NO", (0, 0), dxfattribs={"height": 8.0})
    space = doc.modelspace()
    for number, lot in enumerate(land.lots):
        place, area = _middle(lot, land.corners), area_of(lot, land.corners)
        if number % 3 == 0 and lot.name.isdigit():
            insert = space.add_blockref("LOTTAG", tuple(place), dxfattribs={"layer": layer})
            insert.add_attrib("LOT_NO", lot.name, tuple(place), dxfattribs={"height": 8.0, "layer": layer})
            planted["attributes"] += 1
        elif number % 3 == 1:
            text = rf"{{\fArial|b1|i0;\H8.0;\LLOT {lot.name}\l}}\P\H4.0;{area:,.0f} SF"
            space.add_mtext(text, dxfattribs={"layer": layer, "char_height": 8.0, "attachment_point": 5, "insert": tuple(place)})
            planted["formatted"] += 1
        else:
            _add_text(space, _title(lot), place, layer, 8.0)
            _add_text(space, f"{area / 43_560:.3f} AC", place - [0, 12], layer)
            planted["decoys"] += 1


def _add_older_design(doc: Drawing, land: Tract, planted: dict[str, int]) -> None:
    """An earlier layout on a frozen layer: lines through the lots, and numbers that are no longer theirs."""
    layer = doc.layers.add("V-PROP-LINE-OLD", color=8)
    layer.freeze()
    space = doc.modelspace()
    low, high = land.corners.min(axis=0), land.corners.max(axis=0)
    for number in range(12):
        at = low + (high - low) * [0.2 + 0.06 * number, 0.1]
        space.add_line(tuple(at), tuple(at + [80, 700]), dxfattribs={"layer": "V-PROP-LINE-OLD"})
        _add_text(space, str(number + 80), at + [30, 200], "V-PROP-LINE-OLD", 8.0)
        planted["frozen"] += 2
    sheet = doc.layout("Layout1")
    sheet.add_line((0, 0), (36, 0), dxfattribs={"layer": "V-PROP-BNDY"})
    sheet.add_text(f"TRACT NO. {TRACT_NO}, {TRACT_NAME.upper()}", height=0.25, dxfattribs={"layer": "V-ANNO-TEXT"}).set_placement(
        (1, 1)
    )


def _title(lot: Figure) -> str:
    return lot.name if lot.name.isdigit() else f"LOT {lot.name}"


def _middle(lot: Figure, corners: np.ndarray) -> np.ndarray:
    point = outline_of(lot, corners).representative_point()
    return np.round([point.x, point.y], 2)


def _written(doc: Drawing) -> str:
    # ezdxf collects what it must declare in a set, whose order changes from run to run.
    for name in ("ACDBPLACEHOLDER", "LAYOUT"):
        doc.classes.add_class(name)
    stream = io.StringIO()
    doc.write(stream)
    return stream.getvalue().replace("\r\n", "\n")


@contextmanager
def _fixed_metadata() -> Iterator[None]:
    """Without the date and the identifiers of this run, so that the same tract gives the same file."""
    before = ezdxf.options.write_fixed_meta_data_for_testing
    ezdxf.options.write_fixed_meta_data_for_testing = True
    try:
        yield
    finally:
        ezdxf.options.write_fixed_meta_data_for_testing = before
