"""
Texts of a CAD drawing in plain words, with the place each is about.
"""

import math
import re
from typing import NamedTuple

from ezdxf.entities import Attrib, DXFGraphic, Leader, MText, MultiLeader, Text
from ezdxf.math import Vec3
from ezdxf.tools.text import plain_mtext

WIDTH_OF_A_LETTER = 0.7
"""
Mean width of a letter over the height of the text, as the stroke fonts of drawings have it. It only centres texts that are not
anchored in their middle, for the figure they stand in.
"""

LONGEST_TEXT = 4_000
"""A longer text is cut, and said to be: it is a note, and no label."""

_LINE_SPACING = 5 / 3
"""Distance of the lines of an MTEXT over the height of its letters (DXF reference, MTEXT group 44)."""

# Where the anchor lies in the text: parts of its width from the left, of its height from below.
_HALIGN = {0: 0.0, 1: 0.5, 2: 1.0, 3: 0.5, 4: 0.5, 5: 0.5}
_VALIGN = {0: 0.0, 1: 0.0, 2: 0.5, 3: 1.0}


class Wording(NamedTuple):
    """
    A text in plain words: its anchor and its middle (easting, northing), elevation, height of the letters, and azimuth along which
    it is read. ``is_repaired`` where letters were lost: they could not be decoded (U+FFFD stands for them), or it was cut.
    """

    text: str
    easting: float
    northing: float
    elevation: float
    middle_easting: float
    middle_northing: float
    height: float
    azimuth_deg: float
    is_repaired: bool


def wording_of(entity: DXFGraphic) -> Wording:
    """
    What a TEXT, ATTRIB, MTEXT or MULTILEADER with a text says, codes like ``%%d`` and ``\\P`` resolved, lines parted by newlines.
    """
    if isinstance(entity, Attrib) and entity.has_embedded_mtext_entity:
        entity = entity.virtual_mtext_entity()
    if isinstance(entity, MultiLeader):
        return _noted(entity)
    return _mtext(entity) if isinstance(entity, MText) else _text(entity)


def leaders_of(entity: Leader | MultiLeader) -> list[tuple[Vec3, Vec3]]:
    """The arrows of a LEADER or MULTILEADER that have any length: where each points, and where it ends by its text."""
    if isinstance(entity, Leader):
        points = [Vec3(point) for point in entity.vertices]
        return [(points[0], points[-1])] if len(points) > 1 else []
    found = []
    for leader in entity.context.leaders:
        tail = Vec3(leader.last_leader_point)
        found += [(Vec3(line.vertices[0]), tail) for line in leader.lines if line.vertices]
    return found


def _noted(entity: MultiLeader) -> Wording:
    content = entity.context.mtext
    text, repaired = _clean(plain_mtext(content.default_content))
    height = float(entity.context.char_height)
    along = Vec3(math.cos(content.rotation), math.sin(content.rotation))
    anchor = Vec3(content.insert)
    lines = text.split("\n")
    width, tall = height * WIDTH_OF_A_LETTER * max(map(len, lines)), height * _LINE_SPACING * len(lines)
    # Its alignment: 1 left, 2 centre, 3 right, from the top (DXF reference, MLEADER context group 171).
    middle = anchor + along * (width * (0.5 - (content.alignment - 1) / 2)) - along.orthogonal() * (tall / 2)
    return _wording(text, anchor, middle, height, along, repaired)


def _text(entity: Text) -> Wording:
    text, repaired = _clean(entity.plain_text())
    halign, valign = entity.dxf.get("halign", 0), entity.dxf.get("valign", 0)
    anchored_left = halign == 0 and valign == 0
    anchor = entity.dxf.insert if anchored_left or not entity.dxf.hasattr("align_point") else entity.dxf.align_point
    height = float(entity.dxf.get("height", 1.0))
    width = height * WIDTH_OF_A_LETTER * len(text) * float(entity.dxf.get("width", 1.0))
    across, up = _HALIGN.get(halign, 0.0), 0.5 if halign == 4 else _VALIGN.get(valign, 0.0)
    ocs = entity.ocs()
    rotation = math.radians(entity.dxf.get("rotation", 0.0))
    along = Vec3(math.cos(rotation), math.sin(rotation))
    middle = Vec3(anchor) + along * (width * (0.5 - across)) + along.orthogonal() * (height * (0.5 - up))
    return _wording(text, ocs.to_wcs(Vec3(anchor)), ocs.to_wcs(middle), height, ocs.to_wcs(along), repaired)


def _mtext(entity: MText) -> Wording:
    text, repaired = _clean(entity.plain_text(fast=False))
    lines = text.split("\n")
    height = float(entity.dxf.get("char_height", 1.0))
    width = height * WIDTH_OF_A_LETTER * max(map(len, lines))
    tall = height + height * _LINE_SPACING * float(entity.dxf.get("line_spacing_factor", 1.0)) * (len(lines) - 1)
    point = int(entity.dxf.get("attachment_point", 1)) - 1
    across, down = (point % 3) / 2, (point // 3) / 2
    rotation = math.radians(entity.get_rotation())
    along = Vec3(math.cos(rotation), math.sin(rotation))
    anchor = Vec3(entity.dxf.insert)
    middle = anchor + along * (width * (0.5 - across)) - along.orthogonal() * (tall * (0.5 - down))
    return _wording(text, anchor, middle, height, along, repaired)


def _wording(text: str, anchor: Vec3, middle: Vec3, height: float, along: Vec3, repaired: bool) -> Wording:
    azimuth = math.degrees(math.atan2(along.x, along.y)) % 360
    return Wording(text, anchor.x, anchor.y, anchor.z, middle.x, middle.y, height, azimuth, repaired)


def _clean(text: str) -> tuple[str, bool]:
    """Text without what is no text: bytes that could not be decoded, control characters, more than `LONGEST_TEXT`."""
    # recover.readfile keeps bytes it cannot decode as lone surrogates.
    decoded = re.sub(r"[\ud800-\udfff]+", "\ufffd", text)
    kept = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", decoded.replace("\r\n", "\n"))[:LONGEST_TEXT]
    return kept.strip(), "\ufffd" in kept or len(decoded) > LONGEST_TEXT
