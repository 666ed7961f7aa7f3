"""
What is in a CAD document, entity by entity: what is taken, and what becomes of the rest. Blocks are exploded within limits.
"""

import json
import math
from collections import Counter
from typing import NamedTuple

from ezdxf.document import Drawing as Document
from ezdxf.entities import Attrib, DXFGraphic, Insert, Leader, MText, MultiLeader, Point, Text
from ezdxf.layouts import BlockLayout
from ezdxf.math import Vec3

from citygis.errors import ReadError
from citygis.readers.cad_primitives import Damaged, NoLength, Primitive, primitives_of
from citygis.readers.cad_texts import Wording, leaders_of, wording_of

HIDDEN = ("frozen layer", "layer off", "invisible")
"""What a drawing hides and a reader may ask for all the same."""

FATES = ("taken", *HIDDEN, "paper space", "external reference", "foreign object", "not linework", "damaged", "lost")
"""
What becomes of an entity. A foreign object is one whose program keeps its shape to itself: a proxy, a Civil 3D or architectural
object. What was lost was in the file and is not in the drawing that the parser made of it.
"""

DEEPEST_BLOCK = 16
MOST_ENTITIES = 2_000_000
"""Entities after explosion: blocks of blocks multiply without end. A tract map has some 10,000."""

FOREIGN = ("ACAD_PROXY", "AECC", "AEC_", "AECB", "ACDBPROXY")
"""How the names of types begin that only their own program can draw."""


class Place(NamedTuple):
    """Where something taken is from: layer, handle of the entity of the drawing, part of it from 1, path of block names."""

    layer: str
    handle: str
    part: int
    block: str


class Contents(NamedTuple):
    """What was taken, each with its `Place`, and the tally by (space, layer, type, fate). ``said`` names things by kind."""

    lines: list[tuple[Primitive, Place]]
    texts: list[tuple[str, str, Wording, Place]]
    points: list[tuple[Vec3, Place]]
    inserts: list[tuple[str, Vec3, float, float, str, Place]]
    leaders: list[tuple[Vec3, Vec3, Place]]
    tally: Counter
    said: dict[str, Counter]


class _Walk(NamedTuple):
    """What stays the same while one entity of the drawing is exploded."""

    contents: Contents
    document: Document
    include: frozenset[str]
    name: str
    done: list[int]
    proxies: list[str]


def contents_of(document: Document, *, name: str, include: frozenset[str] = frozenset()) -> Contents:
    """
    What is in a document.

    Parameters
    ----------
    document : ezdxf document
    name : str
        Of the file, for messages.
    include : set of `HIDDEN`

    Raises
    ------
    ReadError
        If explosion passes `MOST_ENTITIES`.
    """
    said = {kind: Counter() for kind in ("external reference", "foreign object", "damaged", "no length", "lost")}
    contents = Contents([], [], [], [], [], Counter(), said)
    walk = _Walk(contents, document, include, name, [0], _class_names(document))
    for layout in document.layouts:
        if layout.is_modelspace:
            continue
        for entity in layout:
            contents.tally[layout.name, entity.dxf.get("layer", "0"), entity.dxftype(), "paper space"] += 1
    _require_few(walk)
    for entity in document.modelspace():
        handle = str(entity.dxf.get("handle", ""))
        parts = [0]
        _visit(walk, entity, "model", handle, parts, block="", depth=0, layer_of_insert=None)
    return contents


def _require_few(walk: _Walk) -> None:
    """Blocks within blocks multiply: they are counted before anything is exploded, which takes minutes."""
    known: dict[tuple[str, int], int] = {}

    def held(layout, depth: int) -> int:
        return len(layout) + sum(placed(one, depth) for one in layout if isinstance(one, Insert))

    def placed(insert: Insert, depth: int) -> int:
        definition = insert.block()
        if definition is None or depth >= DEEPEST_BLOCK or _is_external(definition):
            return 0
        key = (definition.name, depth)
        if key not in known:
            known[key] = held(definition, depth + 1)
        return known[key] * max(1, insert.dxf.get("row_count", 1)) * max(1, insert.dxf.get("column_count", 1))

    if held(walk.document.modelspace(), 0) > MOST_ENTITIES:
        raise _too_many(walk)


def _too_many(walk: _Walk) -> ReadError:
    return ReadError(
        f"{walk.name} explodes to more than {MOST_ENTITIES:,} entities (blocks within blocks). More than is taken: ask "
        f"for it with the blocks exploded."
    )


def add_lost(contents: Contents, document: Document, there: Counter) -> None:
    """
    Tell what a file holds and its document does not, in `contents`.

    Parameters
    ----------
    contents : Contents
        Of `document`; changed.
    document : ezdxf document
    there : Counter
        Of `citygis.readers.cad_marks.entities_in`.
    """
    active = document.layouts.active_layout().name
    known: Counter = Counter()
    for (space, _, kind, _), count in contents.tally.items():
        if space in ("model", active):
            known[kind] += count
    for kind in sorted(there):
        lost = there[kind] - known[kind]
        if lost <= 0:
            continue
        is_foreign = kind.upper().startswith(FOREIGN)
        contents.tally["model", "", kind, "foreign object" if is_foreign else "lost"] += lost
        contents.said["foreign object" if is_foreign else "lost"][kind] += lost


def _visit(
    walk: _Walk,
    entity: DXFGraphic,
    space: str,
    handle: str,
    parts: list[int],
    *,
    block: str,
    depth: int,
    layer_of_insert: str | None,
) -> None:
    walk.done[0] += 1
    if walk.done[0] > MOST_ENTITIES:
        raise _too_many(walk)
    kind, own_layer = entity.dxftype(), entity.dxf.get("layer", "0")
    # What lies on layer 0 of a block is drawn on the layer of the reference.
    layer = layer_of_insert if layer_of_insert is not None and own_layer == "0" else own_layer
    fate = _hidden(walk, entity, layer)
    if fate is None:
        try:
            fate = _take(walk, entity, kind, layer, handle, parts, block=block, depth=depth)
        except Damaged as reason:
            fate = "damaged"
            told = "no length" if isinstance(reason, NoLength) else "damaged"
            walk.contents.said[told][f"{kind} {handle}{f' in block {block}' if block else ''}: {reason}"] += 1
    walk.contents.tally[space, layer, kind, fate] += 1


def _take(walk: _Walk, entity: DXFGraphic, kind: str, layer: str, handle: str, parts: list[int], *, block: str, depth: int) -> str:
    contents = walk.contents
    if isinstance(entity, Insert):
        return _insert(walk, entity, layer, handle, parts, block=block, depth=depth)
    if isinstance(entity, (Text, MText)) and kind != "ATTDEF":
        contents.texts.append((kind, "", _checked(wording_of(entity)), _place(layer, handle, parts, block)))
        return "taken"
    if isinstance(entity, (Leader, MultiLeader)):
        for tip, tail in leaders_of(entity):
            contents.leaders.append((_finite(tip), _finite(tail), _place(layer, handle, parts, block)))
        if isinstance(entity, MultiLeader) and entity.context.mtext is not None:
            contents.texts.append((kind, "", _checked(wording_of(entity)), _place(layer, handle, parts, block)))
        return "taken"
    if isinstance(entity, Point):
        contents.points.append((_finite(entity.dxf.location), _place(layer, handle, parts, block)))
        return "taken"
    made = primitives_of(entity)
    if made is not None:
        contents.lines.extend((one, _place(layer, handle, parts, block)) for one in made)
        return "taken"
    if kind.upper().startswith(FOREIGN):
        contents.said["foreign object"][_foreign_name(walk, entity, kind)] += 1
        return "foreign object"
    return "not linework"


def _insert(walk: _Walk, insert: Insert, layer: str, handle: str, parts: list[int], *, block: str, depth: int) -> str:
    name = insert.dxf.get("name", "")
    definition = insert.block()
    if definition is None:
        raise Damaged(f"its block {name!r} is not in the drawing")
    if _is_external(definition):
        path = definition.block.dxf.get("xref_path", "") or "path unknown"
        walk.contents.said["external reference"][f"{name} ({path})"] += 1
        return "external reference"
    if depth >= DEEPEST_BLOCK:
        raise Damaged(f"blocks lie more than {DEEPEST_BLOCK} deep")
    inner = f"{block}/{name}" if block else name
    if name in block.split("/"):
        raise Damaged(f"block {name!r} refers to itself")
    for single in _copies(walk, insert):
        at = _finite(single.ocs().to_wcs(Vec3(single.dxf.insert)))
        attributes = {attrib.dxf.tag: wording_of(attrib).text for attrib in single.attribs}
        scale = float(single.dxf.get("xscale", 1.0))
        azimuth = -float(single.dxf.get("rotation", 0.0)) % 360
        shown = json.dumps(attributes, ensure_ascii=False, sort_keys=True)
        walk.contents.inserts.append((name, at, azimuth, scale, shown, _place(layer, handle, parts, block)))
        for attrib in single.attribs:
            _attribute(walk, attrib, layer, handle, parts, inner)
        skipped: list[str] = []
        try:
            for entity in single.virtual_entities(skipped_entity_callback=lambda one, _, to=skipped: to.append(one.dxftype())):
                _visit(walk, entity, f"block {name}", handle, parts, block=inner, depth=depth + 1, layer_of_insert=layer)
        except (ValueError, ZeroDivisionError, ArithmeticError, TypeError, AttributeError) as error:
            raise Damaged(f"block {name!r} cannot be placed ({error!s:.100})") from None
        for kind in skipped:
            walk.contents.tally[f"block {name}", layer, kind, "not linework"] += 1
    return "taken"


def _attribute(walk: _Walk, attrib: Attrib, layer: str, handle: str, parts: list[int], block: str) -> None:
    """An attribute is a text of its reference, hidden only where its layer is: an invisible one is still data."""
    own = attrib.dxf.get("layer", "0")
    layer = layer if own == "0" else own
    if _hidden_layer(walk, layer) is None:
        wording = _checked(wording_of(attrib))
        walk.contents.texts.append(("ATTRIB", attrib.dxf.get("tag", ""), wording, _place(layer, handle, parts, block)))


def _copies(walk: _Walk, insert: Insert):
    rows, columns = max(1, insert.dxf.get("row_count", 1)), max(1, insert.dxf.get("column_count", 1))
    if rows * columns == 1:
        return [insert]
    walk.done[0] += rows * columns
    if walk.done[0] > MOST_ENTITIES:
        raise ReadError(f"{walk.name} repeats block {insert.dxf.name!r} {rows:,} x {columns:,} times. More than is taken.")
    return insert.multi_insert()


def _hidden(walk: _Walk, entity: DXFGraphic, layer: str) -> str | None:
    hidden = _hidden_layer(walk, layer, switched=not isinstance(entity, Insert))
    if hidden is None and entity.dxf.get("invisible", 0) == 1 and "invisible" not in walk.include:
        return "invisible"
    return hidden


def _hidden_layer(walk: _Walk, layer: str, *, switched: bool = True) -> str | None:
    """Freezing the layer of a reference hides all of its block; switching it off only what lies on layer 0 of it."""
    table = walk.document.layers
    if not table.has_entry(layer):
        return None
    found = table.get(layer)
    if found.is_frozen() and "frozen layer" not in walk.include:
        return "frozen layer"
    return "layer off" if switched and found.is_off() and "layer off" not in walk.include else None


def _is_external(definition: BlockLayout) -> bool:
    """Bits 4, 8 and 16 of a block's flags: an external reference, an overlay, a part of one (DXF reference, BLOCK group 70)."""
    return bool(definition.block.dxf.get("flags", 0) & (4 | 8)) or bool(definition.block.dxf.get("xref_path", ""))


def _class_names(document: Document) -> list[str]:
    """Names of the CLASSES section in order: proxies refer to them by number, from 500."""
    return [getattr(one, "dxf", one).get("name", "") for one in document.classes.classes.values()]


def _foreign_name(walk: _Walk, entity: DXFGraphic, kind: str) -> str:
    tags = getattr(entity, "acdb_proxy_entity", None)
    number = tags.get_first_value(91, 0) - 500 if tags is not None else -1
    named = walk.proxies[number] if 0 <= number < len(walk.proxies) else ""
    return named or kind


def _place(layer: str, handle: str, parts: list[int], block: str) -> Place:
    parts[0] += 1
    return Place(layer, handle, parts[0], block)


def _finite(place: Vec3) -> Vec3:
    if not (math.isfinite(place.x) and math.isfinite(place.y) and math.isfinite(place.z)):
        raise Damaged("a coordinate is not a finite number")
    return place


def _checked(wording: Wording) -> Wording:
    if not all(map(math.isfinite, wording[1:8])):
        raise Damaged("a coordinate is not a finite number")
    return wording
