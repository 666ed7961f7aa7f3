"""
lyrx, the layer file of ArcGIS Pro: renderer, symbols and label classes of its first feature layer (Esri CIM specification).
"""

import colorsys
from pathlib import Path
from typing import Any

import numpy as np

from citygis.errors import ReadError
from citygis.sheets.foreign_styles.conditions import condition, value_text
from citygis.sheets.foreign_styles.label_texts import label_rows
from citygis.sheets.foreign_styles.losses import Losses
from citygis.sheets.foreign_styles.markup import json_tree
from citygis.sheets.foreign_styles.rules import Rule, rule_tables
from citygis.sheets.foreign_styles.symbols import Fill, Lines, Mark, Part, Stroke, label_tables

_PLACEMENTS = {"CIMPolygonSymbol": "inside", "CIMLineSymbol": "along", "CIMPointSymbol": "beside"}
_EFFECTS = {"CIMGeometricEffectDashes"}


def style_tables(path: Path, losses: Losses) -> dict[str, Any]:
    """
    The keys of a citygis style from a layer file.

    Raises
    ------
    ReadError
        If it is no layer file, or has no feature layer.
    """
    tree = json_tree(path)
    definitions = _list(tree, "layerDefinitions") or [tree]
    layers = [layer for layer in definitions if isinstance(layer, dict) and isinstance(layer.get("renderer"), dict)]
    if not layers:
        raise ReadError(
            f"{path.name} has no feature layer with symbols: it is a {tree.get('type', 'file of another kind')}. Save one layer "
            "from ArcGIS Pro as .lyrx."
        )
    layer = layers[0]
    for other in layers[1:]:
        losses.tell("document", f"the layer {other.get('name', 'without a name')}")
    renderer, kind = layer["renderer"], layer["renderer"].get("type", "")
    opacity = 1 - _number(layer.get("transparency"), 0.0) / 100
    for key, what in (
        ("minScale", "its range of scales: drawn at every scale"),
        ("maxScale", "its range of scales: drawn at every scale"),
    ):
        if _number(layer.get(key), 0.0):
            losses.tell("layer", what)
    for variable in _list(renderer, "visualVariables"):
        losses.tell("renderer", f"a {variable.get('type', 'visual variable')}")
    tables = _kept(layer, losses)
    if kind == "CIMSimpleRenderer":
        parts = _parts(renderer.get("symbol"), opacity, "symbol", losses)
        tables |= rule_tables([Rule(str(renderer.get("label") or ""), parts)], losses, meet="never")
        kinds = {_type(renderer.get("symbol"))}
    elif kind == "CIMUniqueValueRenderer":
        tables |= _unique_values(renderer, opacity, losses)
        kinds = {_type(one.get("symbol")) for group in _list(renderer, "groups") for one in _list(group, "classes")}
    elif kind == "CIMClassBreaksRenderer":
        tables |= _class_breaks(renderer, opacity, losses)
        kinds = {_type(one.get("symbol")) for one in _list(renderer, "breaks")}
    else:
        losses.tell("renderer", f"a {kind or 'renderer without a type'}")
        kinds = set()
    placement = next((_PLACEMENTS[one] for one in _PLACEMENTS if one in kinds), "inside")
    return tables | _label(layer, placement, losses)


def _kept(layer: dict, losses: Losses) -> dict[str, Any]:
    table = layer.get("featureTable")
    query = str(table.get("definitionExpression") or "") if isinstance(table, dict) else ""
    if not query:
        return {}
    where = condition(query)
    if where is None:
        losses.tell("layer", f"the definition query {query}, which is more than a style's expressions say")
        return {}
    return {"where": where}


def _unique_values(renderer: dict, opacity: float, losses: Losses) -> dict[str, Any]:
    fields = [str(field) for field in _list(renderer, "fields")]
    if not fields or renderer.get("valueExpressionInfo") or not all(field.isidentifier() for field in fields):
        losses.tell("values", "classes by an expression" if fields else "classes without a field")
        return {}
    rules: list[Rule] = []
    for group in _list(renderer, "groups"):
        for one in _list(group, "classes"):
            legend = str(one.get("label") or "")
            if one.get("visible") is False:
                losses.tell(f"class {legend}", "a class that is switched off")
                continue
            parts = _parts(one.get("symbol"), opacity, f"class {legend}", losses)
            rows = [[str(value) for value in _list(value, "fieldValues")] for value in _list(one, "values")]
            if any(len(row) != len(fields) for row in rows) or not rows:
                losses.tell(f"class {legend}", "values for another number of fields than the renderer has")
            elif len(fields) == 1 and all(row[0] != "<Null>" for row in rows):
                rules.append(Rule(legend, parts, field=fields[0], values=tuple(row[0] for row in rows)))
            else:
                where = " or ".join(" and ".join(_equal(*pair) for pair in zip(fields, row, strict=True)) for row in rows)
                rules.append(Rule(legend, parts, where))
    if renderer.get("useDefaultSymbol") and renderer.get("defaultSymbol"):
        legend = str(renderer.get("defaultLabel") or "")
        rules.append(Rule(legend, _parts(renderer["defaultSymbol"], opacity, "other values", losses), rest=True))
    return rule_tables(rules, losses, meet="first")


def _equal(field: str, value: str) -> str:
    """ArcGIS writes a missing value as <Null>."""
    return f"{field} is null" if value == "<Null>" else f"{field} == {value_text(value)}"


def _class_breaks(renderer: dict, opacity: float, losses: Losses) -> dict[str, Any]:
    field = str(renderer.get("field") or "")
    if not field.isidentifier() or renderer.get("valueExpressionInfo"):
        losses.tell("breaks", "classes by an expression")
        return {}
    if renderer.get("normalizationType", "Nothing") not in ("Nothing", None) or renderer.get("normalizationField"):
        losses.tell("breaks", f"values divided by {renderer.get('normalizationField') or 'their sum'}")
        return {}
    if renderer.get("classBreakType") in ("UnclassedColor", "UnclassedSize"):
        losses.tell("breaks", "colours or sizes that follow the value without classes")
        return {}
    rules: list[Rule] = []
    low, over = _number(renderer.get("minimumBreak"), -np.inf), ">="
    for one in sorted(_list(renderer, "breaks"), key=lambda each: _number(each.get("upperBound"), np.inf)):
        legend, high = str(one.get("label") or ""), _number(one.get("upperBound"), np.inf)
        # The upper bound belongs to its class.
        bounds = [f"{field} {sign} {_plain(bound)}" for sign, bound in ((over, low), ("<=", high)) if np.isfinite(bound)]
        parts = _parts(one.get("symbol"), opacity, f"class {legend}", losses)
        rules.append(Rule(legend, parts, " and ".join(bounds)))
        low, over = high, ">"
    if renderer.get("useDefaultSymbol") and renderer.get("defaultSymbol"):
        legend = str(renderer.get("defaultLabel") or "")
        rules.append(Rule(legend, _parts(renderer["defaultSymbol"], opacity, "other values", losses), rest=True))
    return rule_tables(rules, losses, meet="never")


# -- symbols ----------------------------------------------------------------------------------------------------------------


def _parts(reference: Any, opacity: float, where: str, losses: Losses) -> list[Part]:
    symbol = _symbol(reference)
    parts: list[Part] = []
    # The first symbol layer is the uppermost.
    for layer in reversed(_list(symbol, "symbolLayers")):
        kind = layer.get("type", "")
        if layer.get("enable") is False:
            losses.tell(where, f"a {kind} that is switched off")
            continue
        for effect in _list(layer, "effects"):
            if effect.get("type") not in _EFFECTS:
                losses.tell(where, f"a {effect.get('type', 'geometric effect')}")
        reader = _LAYERS.get(kind)
        if reader is None:
            losses.tell(where, f"a {kind or 'symbol layer without a type'}")
        else:
            parts += reader(layer, opacity, where, losses)
    for effect in _list(symbol, "effects"):
        losses.tell(where, f"a {effect.get('type', 'geometric effect')}")
    return parts


def _solid_fill(layer: dict, opacity: float, where: str, losses: Losses) -> list[Part]:
    color, alpha = _color(layer.get("color"), where, losses)
    return [Fill(color, alpha * opacity)]


def _solid_stroke(layer: dict, opacity: float, where: str, losses: Losses) -> list[Part]:
    color, alpha = _color(layer.get("color"), where, losses)
    width = _number(layer.get("width"), 0.0)
    if width <= 0:
        return []
    dash: tuple = ()
    for effect in _list(layer, "effects"):
        if effect.get("type") == "CIMGeometricEffectDashes":
            dash = tuple((_number(length, 0.0), "pt") for length in _list(effect, "dashTemplate", of=(int, float)))
    return [Stroke(color, (width, "pt"), dash, alpha * opacity)]


def _hatch_fill(layer: dict, opacity: float, where: str, losses: Losses) -> list[Part]:
    strokes = [part for part in _parts(layer.get("lineSymbol"), opacity, where, losses) if isinstance(part, Stroke)]
    if len(strokes) != 1:
        losses.tell(where, "a hatch of lines that are not one stroke each")
        return []
    if _number(layer.get("offsetX"), 0.0) or _number(layer.get("offsetY"), 0.0):
        losses.tell(where, "an offset of a hatch")
    return [Lines(strokes[0], _number(layer.get("rotation"), 0.0), (_number(layer.get("separation"), 5.0), "pt"))]


def _vector_marker(layer: dict, opacity: float, where: str, losses: Losses) -> list[Part]:
    if layer.get("markerPlacement"):
        losses.tell(where, f"markers along or in a feature ({layer['markerPlacement'].get('type', '')})")
        return []
    graphics = _list(layer, "markerGraphics")
    if len(graphics) != 1:
        losses.tell(where, f"a marker of {len(graphics)} drawings")
        return []
    shape = _shape(graphics[0].get("geometry"))
    if shape is None:
        losses.tell(where, "a marker of a shape of its own: a circle")
        shape = "circle"
    if any(_number(layer.get(key), 0.0) for key in ("offsetX", "offsetY")):
        losses.tell(where, "an offset of a marker")
    inner = _parts(graphics[0].get("symbol"), opacity, where, losses)
    fills = [part for part in inner if isinstance(part, Fill) and part.opacity > 0]
    strokes = [part for part in inner if isinstance(part, Stroke) and part.opacity > 0]
    turn = _number(layer.get("rotation"), 0.0) * (1 if layer.get("rotateClockwise") else -1)
    fill = fills[-1].color if fills and shape not in ("cross", "x") else None
    return [Mark(shape, (_number(layer.get("size"), 6.0), "pt"), fill, strokes[-1] if strokes else None, turn)]


_LAYERS = {
    "CIMSolidFill": _solid_fill,
    "CIMSolidStroke": _solid_stroke,
    "CIMHatchFill": _hatch_fill,
    "CIMVectorMarker": _vector_marker,
}


def _shape(geometry: Any) -> str | None:
    """The basic shape that a marker's drawing is, by its corners; None of another."""
    if not isinstance(geometry, dict):
        return None
    if curves := geometry.get("curveRings"):
        bends = [step for step in curves[0] if isinstance(step, dict)]
        return "circle" if len(curves) == 1 and bends and all(set(step) <= {"a", "c", "b"} for step in bends) else None
    try:
        if paths := geometry.get("paths"):
            strokes = np.array(paths, dtype=float)[:, [0, -1], :2]
            away = strokes[:, 1] - strokes[:, 0]
            if len(strokes) != 2 or abs(away[0] @ away[1]) > 1e-6 * np.linalg.norm(away[0]) * np.linalg.norm(away[1]):
                return None
            return "cross" if np.isclose(away, 0, atol=1e-6 * np.abs(away).max()).any(axis=1).all() else "x"
        ring = np.array(geometry["rings"][0], dtype=float)[:, :2]
    except (KeyError, IndexError, ValueError, TypeError):
        return None
    corners = ring[:-1] if len(ring) > 1 and np.allclose(ring[0], ring[-1]) else ring
    if len(geometry["rings"]) != 1:
        return None
    if len(corners) == 4:
        sides = np.diff(ring[:4], axis=0)
        is_upright = np.isclose(sides, 0, atol=1e-6 * np.abs(sides).max()).any(axis=1).all()
        middle = corners - corners.mean(axis=0)
        is_diamond = np.isclose(middle, 0, atol=1e-6 * np.abs(middle).max()).any(axis=1).all()
        return "square" if is_upright else "diamond" if is_diamond else None
    if len(corners) > 12:
        away = np.linalg.norm(corners - corners.mean(axis=0), axis=1)
        return "circle" if np.ptp(away) < 0.05 * away.mean() else None
    return {3: "triangle", 10: "star"}.get(len(corners))


def _color(color: Any, where: str, losses: Losses) -> tuple[str, float]:
    """A colour and its opacity. Channels as the specification has them: hue to 360, RGB and grey to 255, the others to 100."""
    kind = color.get("type", "") if isinstance(color, dict) else ""
    values = _list(color, "values", of=(int, float))
    channels = {"CIMRGBColor": 3, "CIMHSVColor": 3, "CIMHSLColor": 3, "CIMCMYKColor": 4, "CIMGrayColor": 1}.get(kind)
    if channels is None or len(values) < channels:
        losses.tell(where, f"a {kind or 'missing colour'}: black")
        return "#000000", 1.0
    alpha = values[channels] / 100 if len(values) > channels else 1.0
    if kind == "CIMRGBColor":
        shares = [value / 255 for value in values[:3]]
    elif kind == "CIMGrayColor":
        shares = [values[0] / 255] * 3
    elif kind == "CIMHSVColor":
        shares = colorsys.hsv_to_rgb(values[0] / 360, values[1] / 100, values[2] / 100)
    elif kind == "CIMHSLColor":
        shares = colorsys.hls_to_rgb(values[0] / 360, values[2] / 100, values[1] / 100)
    else:
        shares = [(1 - value / 100) * (1 - values[3] / 100) for value in values[:3]]
        losses.tell(where, f"inks {', '.join(f'{value:g}' for value in values[:4])} (CMYK): a colour without a profile")
    return "#" + "".join(f"{min(max(round(255 * share), 0), 255):02x}" for share in shares), min(max(alpha, 0.0), 1.0)


# -- labels -----------------------------------------------------------------------------------------------------------------


def _label(layer: dict, placement: str, losses: Losses) -> dict[str, Any]:
    classes = [one for one in _list(layer, "labelClasses") if one.get("visibility") is not False]
    if not classes or not layer.get("labelVisibility"):
        return {}
    for other in classes[1:]:
        losses.tell(f"label class {other.get('name', '')}", "labels of its own")
    one, place = classes[0], f"label class {classes[0].get('name', '')}"
    text = str(one.get("expression") or "")
    rows = label_rows(text, double_quotes_are_fields=False)
    if rows is None or not any("{" in row for row in rows):
        losses.tell(place, f"the text {text}, which is more than fields and words")
        return {}
    if one.get("whereClause"):
        losses.tell(place, f"labels of some features only ({one['whereClause']}): all are labelled")
    if _number(one.get("minimumScale"), 0.0) or _number(one.get("maximumScale"), 0.0):
        losses.tell(place, "its range of scales: at every scale")
    symbol = _symbol(one.get("textSymbol"))
    fills = [part for part in _parts(symbol.get("symbol"), 1.0, place, losses) if isinstance(part, Fill)]
    if symbol.get("fontFamilyName"):
        losses.tell(place, f"the font {symbol['fontFamilyName']}: the sheet's own")
    if symbol.get("callout"):
        losses.tell(place, "a callout")
    named = str(symbol.get("fontStyleName") or "").lower()
    font = "bold" if "bold" in named else "italic" if "italic" in named or "oblique" in named else "regular"
    halo = None
    if symbol.get("haloSymbol") and _number(symbol.get("haloSize"), 0.0) > 0:
        around = [part for part in _parts(symbol["haloSymbol"], 1.0, place, losses) if isinstance(part, Fill)]
        halo = (around[-1].color if around else "#ffffff", (_number(symbol.get("haloSize"), 1.0), "pt"))
    capitals = symbol.get("textCase") == "Allcaps"
    size, color = (_number(symbol.get("height"), 10.0), "pt"), fills[-1].color if fills else "#000000"
    return {
        "label": label_tables(
            rows, size=size, color=color, font=font, halo=halo, placement=placement, capitals=capitals, where=place, losses=losses
        )
    }


# -- values -----------------------------------------------------------------------------------------------------------------


def _symbol(reference: Any) -> dict:
    """The symbol of a CIMSymbolReference, or the symbol itself."""
    if not isinstance(reference, dict):
        return {}
    inner = reference.get("symbol") if reference.get("type") == "CIMSymbolReference" else reference
    return inner if isinstance(inner, dict) else {}


def _type(reference: Any) -> str:
    return _symbol(reference).get("type", "")


def _list(tree: Any, key: str, of: type | tuple[type, ...] = (dict, str)) -> list:
    found = tree.get(key) if isinstance(tree, dict) else None
    return [one for one in found if isinstance(one, of)] if isinstance(found, list) else []


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def _plain(value: float) -> str:
    return value_text(int(value) if value == int(value) else value)
