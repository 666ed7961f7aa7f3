"""
QML, the style file of QGIS: renderer, symbols and simple labels.
"""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from citygis.errors import ReadError
from citygis.sheets.foreign_styles.conditions import both, condition, value_text
from citygis.sheets.foreign_styles.label_texts import label_rows
from citygis.sheets.foreign_styles.lengths import Length, qgis_length
from citygis.sheets.foreign_styles.losses import Losses
from citygis.sheets.foreign_styles.markup import xml_root
from citygis.sheets.foreign_styles.rules import Rule, rule_tables
from citygis.sheets.foreign_styles.symbols import Fill, Lines, Mark, Part, Stroke, label_tables

_DASHES = {"dash": (4, 2), "dot": (1, 2), "dash dot": (4, 2, 1, 2), "dash dot dot": (4, 2, 1, 2, 1, 2)}
"""Qt's line styles in widths of the pen (Qt 5, QPen, "Pen Style"; the gap is two widths)."""

_BRUSHES = {"horizontal": (0, False), "vertical": (90, False), "f_diagonal": (135, False), "b_diagonal": (45, False)}
_BRUSHES |= {"cross": (0, True), "diagonal_x": (45, True)}
_BRUSH_SPACING_PT = 6.0

_SHAPES = {name: name for name in ("circle", "square", "triangle", "diamond", "cross", "star", "arrow")}
_SHAPES |= {"equilateral_triangle": "triangle", "cross2": "x", "rectangle": "square", "filled_arrowhead": "arrow"}
_NEARLY = ("rectangle", "filled_arrowhead")
_UNFILLED = ("cross", "x")

_CURVED = "3"


def style_tables(path: Path, losses: Losses) -> dict[str, Any]:
    """
    The keys of a citygis style from a QML file.

    Raises
    ------
    ReadError
        If it is not QML, or has no renderer.
    """
    root = xml_root(path)
    renderer = root.find("renderer-v2")
    if root.tag != "qgis" or renderer is None:
        raise ReadError(f"{path.name} is no QML style of a vector layer: it begins with <{root.tag}>. Save it from QGIS as QML.")
    _tell_of_layer(root, renderer, losses)
    opacity = _number(root.findtext("layerOpacity"), 1.0)
    symbols = {symbol.get("name", ""): symbol for symbol in renderer.findall("symbols/symbol")}
    kinds = {symbol.get("type") for symbol in symbols.values()}
    kind = renderer.get("type", "")

    def parts(name: str | None, where: str) -> list[Part]:
        symbol = symbols.get(name or "")
        return [] if symbol is None else _parts(symbol, opacity, where, losses)

    if kind == "singleSymbol":
        tables = rule_tables([Rule("", parts("0", "symbol"))], losses, meet="never")
    elif kind == "categorizedSymbol":
        tables = _categorized(renderer, parts, losses)
    elif kind == "graduatedSymbol":
        tables = _graduated(renderer, parts, losses)
    elif kind == "RuleRenderer":
        tables = rule_tables(_rules(renderer.find("rules"), "", parts, losses), losses, meet="all")
    else:
        losses.tell("renderer", f"the renderer {kind}")
        tables = {}
    return tables | _label(root, "inside" if "fill" in kinds else "along" if "line" in kinds else "beside", losses)


def _categorized(renderer: Element, parts, losses: Losses) -> dict[str, Any]:
    field = _field(renderer.get("attr", ""))
    if field is None:
        losses.tell("categories", f"classes by the expression {renderer.get('attr')}")
        return {}
    rules = []
    for category in renderer.findall("categories/category"):
        legend = category.get("label", "")
        found = [category, *category.findall("val")]
        values = [(one.get("value", ""), one.get("type", "string")) for one in found if one.get("value") is not None]
        values = [pair for pair in values if pair[0] != "" or len(found) > 1]
        if category.get("render") == "false":
            losses.tell(f"class {legend}", "a class that is switched off")
            continue
        drawn = parts(category.get("symbol"), f"class {legend}")
        if len(found) > 1:
            values = [pair for pair in values if pair[0]]
        if not values:
            rules.append(Rule(legend, drawn, rest=True))
        else:
            rules.append(Rule(legend, drawn, field=field, values=tuple(_value(*pair) for pair in values)))
    return rule_tables(rules, losses, meet="first")


def _graduated(renderer: Element, parts, losses: Losses) -> dict[str, Any]:
    field = _field(renderer.get("attr", ""))
    if field is None or not field.isidentifier():
        losses.tell("ranges", f"classes by the expression {renderer.get('attr')}")
        return {}
    if renderer.get("graduatedMethod") == "GraduatedSize":
        losses.tell("ranges", "sizes that grow with the value: each class has its own")
    rules: list[Rule] = []
    top, is_rising = None, True
    for one in renderer.findall("ranges/range"):
        legend, low, high = one.get("label", ""), _number(one.get("lower"), 0.0), _number(one.get("upper"), 0.0)
        if one.get("render") == "false":
            losses.tell(f"class {legend}", "a class that is switched off")
            continue
        # Both ends belong to a range, and of two ranges the first draws.
        over = ">" if low == top else ">="
        where = f"{field} {over} {value_text(_whole(low))} and {field} <= {value_text(_whole(high))}"
        rules.append(Rule(legend, parts(one.get("symbol"), f"class {legend}"), where))
        is_rising, top = is_rising and (top is None or low >= top), high
    return rule_tables(rules, losses, meet="never" if is_rising else "first")


def _rules(rules: Element | None, above: str, parts, losses: Losses) -> list[Rule]:
    found: list[Rule] = []
    for rule in rules.findall("rule") if rules is not None else ():
        legend, said = rule.get("label", ""), rule.get("filter", "")
        place = f"rule {legend or said or 'without a name'}"
        if rule.get("checkstate") == "0":
            losses.tell(place, "a rule that is switched off")
            continue
        if rule.get("scalemindenom") or rule.get("scalemaxdenom"):
            losses.tell(place, "its range of scales: drawn at every scale")
        is_rest = said.strip().upper() == "ELSE"
        where = "" if is_rest or not said.strip() else condition(said)
        if where is None or (is_rest and above):
            losses.tell(place, f"the rule for {said}, which is more than a style's expressions say")
            continue
        if rule.get("symbol") is not None:
            found.append(Rule(legend, parts(rule.get("symbol"), place), both(above, where), rest=is_rest))
        if is_rest and rule.findall("rule"):
            losses.tell(place, "the rules below it")
        elif not is_rest:
            found += _rules(rule, both(above, where), parts, losses)
    return found


# -- symbols ----------------------------------------------------------------------------------------------------------------


def _parts(symbol: Element, opacity: float, where: str, losses: Losses) -> list[Part]:
    opacity *= _number(symbol.get("alpha"), 1.0)
    parts: list[Part] = []
    for layer in symbol.findall("layer"):
        kind = layer.get("class", "")
        reader = _LAYERS.get(kind)
        if layer.get("enabled", "1") == "0":
            losses.tell(where, f"a {kind} that is switched off")
        elif reader is None:
            losses.tell(where, f"a {kind}")
        else:
            if _has_data_defined(layer) or _has_data_defined(symbol):
                losses.tell(where, f"properties of a {kind} that follow the data")
            if (effect := layer.find("effect")) is not None and effect.get("enabled") == "1":
                losses.tell(where, f"the effects of a {kind}")
            parts += reader(layer, _properties(layer), opacity, where, losses)
    return parts


def _simple_fill(layer: Element, said: dict[str, str], opacity: float, where: str, losses: Losses) -> list[Part]:
    parts: list[Part] = []
    color, alpha = _color(said.get("color", ""))
    style = said.get("style", "solid")
    if style in _BRUSHES:
        angle, is_cross = _BRUSHES[style]
        losses.tell(where, f"a brush {style} of the screen: lines {_BRUSH_SPACING_PT:g} pt apart")
        parts.append(Lines(Stroke(color, (0.0, "pt")), angle, (_BRUSH_SPACING_PT, "pt"), is_cross))
    elif style != "no":
        if style != "solid":
            losses.tell(where, f"a brush {style}: a solid fill")
        parts.append(Fill(color, alpha * opacity))
    stroke = _stroke(said, "outline_color", "outline_style", "outline_width", opacity, where, losses)
    _tell_offset(said, where, losses)
    return parts + ([stroke] if stroke else [])


def _simple_line(layer: Element, said: dict[str, str], opacity: float, where: str, losses: Losses) -> list[Part]:
    stroke = _stroke(said, "line_color", "line_style", "line_width", opacity, where, losses)
    _tell_offset(said, where, losses)
    for key, what in (("draw_inside_polygon", "drawn inside its polygon only"), ("ring_filter", "drawn on some rings only")):
        if said.get(key, "0") != "0":
            losses.tell(where, f"a line {what}")
    if stroke is None:
        return []
    if said.get("use_custom_dash") == "1":
        unit = said.get("customdash_unit", "MM")
        dash = [qgis_length(_number(length, 0.0), unit) for length in said.get("customdash", "").split(";")]
        if None in dash:
            losses.tell(where, f"dashes in {unit}: a solid line")
        stroke = stroke._replace(dash=() if None in dash else tuple(dash))
    return [stroke]


def _line_pattern(layer: Element, said: dict[str, str], opacity: float, where: str, losses: Losses) -> list[Part]:
    spacing = _length(said, "distance", 5.0, where, losses)
    inner = layer.find("symbol")
    strokes = [] if inner is None else [part for part in _parts(inner, opacity, where, losses) if isinstance(part, Stroke)]
    _tell_offset(said, where, losses)
    if len(strokes) != 1:
        losses.tell(where, "a pattern of lines that are not one simple line each")
        return []
    # QGIS turns its lines counter-clockwise, as citygis does.
    return [Lines(strokes[0], _number(said.get("angle"), 0.0), spacing)]


def _simple_marker(layer: Element, said: dict[str, str], opacity: float, where: str, losses: Losses) -> list[Part]:
    name = said.get("name", "circle")
    shape = _SHAPES.get(name, "circle")
    if name not in _SHAPES or name in _NEARLY:
        losses.tell(where, f"a marker {name}: a {shape}")
    color, alpha = _color(said.get("color", ""))
    if alpha * opacity < 1 and alpha > 0:
        losses.tell(where, f"a marker that covers {alpha * opacity:.0%} of what is below: it covers all")
    stroke = _stroke(said, "outline_color", "outline_style", "outline_width", 1.0, where, losses)
    _tell_offset(said, where, losses)
    size = _length(said, "size", 2.0, where, losses)
    fill = color if alpha > 0 and shape not in _UNFILLED else None
    return [Mark(shape, size, fill, stroke, _number(said.get("angle"), 0.0))]


_LAYERS = {
    "SimpleFill": _simple_fill,
    "SimpleLine": _simple_line,
    "LinePatternFill": _line_pattern,
    "SimpleMarker": _simple_marker,
}


def _stroke(
    said: dict[str, str], color_key: str, style_key: str, width_key: str, opacity: float, where: str, losses: Losses
) -> Stroke | None:
    style = said.get(style_key, "solid")
    color, alpha = _color(said.get(color_key, ""))
    if style == "no" or alpha == 0:
        return None
    width = _length(said, width_key, 0.26, where, losses)
    dash = tuple((width[0] * times, width[1]) for times in _DASHES.get(style, ())) if width[0] > 0 else ()
    return Stroke(color, width, dash, alpha * opacity)


def _properties(element: Element) -> dict[str, str]:
    """The properties of a symbol layer, as QGIS 3.x writes them: Option since 3.20, prop before (and beside)."""
    said = {prop.get("k", ""): prop.get("v", "") for prop in element.findall("prop")}
    return said | {one.get("name", ""): one.get("value", "") for one in element.findall("Option/Option") if one.get("value")}


def _length(said: dict[str, str], key: str, otherwise: float, where: str, losses: Losses) -> Length:
    value, unit = _number(said.get(key), otherwise), said.get(f"{key}_unit", "MM")
    length = qgis_length(value, unit)
    if length is None:
        losses.tell(where, f"a {key} of {value:g} in {unit}: taken for millimetres")
        return qgis_length(value, "MM")
    if unit == "MapUnit":
        losses.tell(where, f"a {key} of {value:g} map units: taken for feet on the ground")
    return length


def _color(text: str) -> tuple[str, float]:
    """A colour ``r,g,b,a`` (from QGIS 3.30 on with the same colour in another notation behind it), and its opacity."""
    numbers = [int(_number(part, 0.0)) for part in text.split(",")[:4]]
    red, green, blue, alpha = (numbers + [0, 0, 0, 255][len(numbers) :])[:4]
    return f"#{red & 255:02x}{green & 255:02x}{blue & 255:02x}", (alpha & 255) / 255


def _has_data_defined(element: Element) -> bool:
    for option in element.findall("data_defined_properties/Option/Option"):
        if option.get("name") == "properties" and any(
            flag.get("name") == "active" and flag.get("value") == "true" for flag in option.iter("Option")
        ):
            return True
    return False


def _tell_offset(said: dict[str, str], where: str, losses: Losses) -> None:
    if any(_number(part, 0.0) for part in said.get("offset", "0").split(",")):
        losses.tell(where, f"an offset of {said['offset']} {said.get('offset_unit', 'MM')}: drawn where the feature is")


def _tell_of_layer(root: Element, renderer: Element, losses: Losses) -> None:
    if renderer.get("symbollevels") == "1":
        losses.tell("renderer", "symbol levels: lines of a layer are drawn one level after the other in any case")
    if renderer.get("enableorderby") == "1":
        losses.tell("renderer", "an order of features")
    if root.findtext("blendMode", "0") != "0" or root.findtext("featureBlendMode", "0") != "0":
        losses.tell("layer", "a blending mode")
    if root.get("hasScaleBasedVisibilityFlag") == "1":
        losses.tell("layer", "its range of scales: drawn at every scale")
    # QGIS writes the settings of diagrams also where there are none.
    if any(one.get("enabled") == "1" for one in root.iter("DiagramCategory")):
        losses.tell("layer", "diagrams")


# -- labels -----------------------------------------------------------------------------------------------------------------


def _label(root: Element, placement: str, losses: Losses) -> dict[str, Any]:
    labeling = root.find("labeling")
    if labeling is None or root.get("labelsEnabled") == "0":
        return {}
    text = labeling.find("settings/text-style")
    if labeling.get("type") != "simple" or text is None:
        losses.tell("labels", f"labels of the kind {labeling.get('type')}")
        return {}
    said, place = text.attrib, "labels"
    name = said.get("fieldName", "")
    rows = label_rows(name, double_quotes_are_fields=True) if said.get("isExpression") == "1" else [f"{{{name}}}"]
    if rows is None or any(not part.strip("{}") for part in rows):
        losses.tell(place, f"the text {name}, which is more than fields and words")
        return {}
    _tell_of_text(said, labeling, losses)
    named = said.get("namedStyle", "").lower()
    font = "bold" if "bold" in named or said.get("fontWeight") == "75" else "italic" if "italic" in named else "regular"
    font = "italic" if font == "regular" and said.get("fontItalic") == "1" else font
    size = qgis_length(_number(said.get("fontSize"), 10.0), said.get("fontSizeUnit", "Point")) or (10.0, "pt")
    buffer, halo = text.find("text-buffer"), None
    if buffer is not None and buffer.get("bufferDraw") == "1":
        width = qgis_length(_number(buffer.get("bufferSize"), 1.0), buffer.get("bufferSizeUnits", "MM"))
        if width is None:
            losses.tell(place, f"a halo in {buffer.get('bufferSizeUnits')}: 1 pt")
        halo = (_color(buffer.get("bufferColor", "255,255,255,255"))[0], width or (1.0, "pt"))
    position = labeling.find("settings/placement")
    is_curved = placement == "along" and position is not None and position.get("placement") == _CURVED
    table = label_tables(
        rows, size=size, color=_color(said.get("textColor", "0,0,0,255"))[0], font=font, halo=halo, placement=placement,
        capitals=said.get("capitalization") == "1", curved=is_curved, where=place, losses=losses,
    )  # fmt: skip
    return {"label": table}


def _tell_of_text(said: dict[str, str], labeling: Element, losses: Losses) -> None:
    if said.get("fontFamily"):
        losses.tell("labels", f"the font {said['fontFamily']}: the sheet's own")
    if _number(said.get("textOpacity"), 1.0) < 1:
        losses.tell("labels", "text that lets through: it covers")
    for tag, key, what in (
        ("background", "shapeDraw", "a box behind the text"),
        ("shadow", "shadowDraw", "a shadow of the text"),
        ("text-mask", "maskEnabled", "a mask around the text"),
    ):
        found = labeling.find(f"settings/text-style/{tag}")
        if found is not None and found.get(key) == "1":
            losses.tell("labels", what)
    rendering = labeling.find("settings/rendering")
    if rendering is not None and rendering.get("scaleVisibility") == "1":
        losses.tell("labels", "their range of scales: at every scale")
    settings = labeling.find("settings")
    callout = settings.find("callout/Option/Option[@name='enabled']") if settings is not None else None
    if callout is not None and callout.get("value") == "1":
        losses.tell("labels", "callouts")
    if settings is not None and any(_has_dd(one) for one in settings.findall("dd_properties")):
        losses.tell("labels", "properties that follow the data")


def _has_dd(element: Element) -> bool:
    return any(flag.get("name") == "active" and flag.get("value") == "true" for flag in element.iter("Option"))


# -- values -----------------------------------------------------------------------------------------------------------------


def _field(text: str) -> str | None:
    """The field that an attribute names; None of an expression."""
    name = text.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return name if name and all(letter.isalnum() or letter == "_" for letter in name) else None


def _value(text: str, kind: str) -> str | int | bool:
    if kind in ("integer", "long", "int", "longlong", "uint", "ulonglong") and text.lstrip("-").isdigit():
        return int(text)
    if kind == "bool":
        return text in ("true", "1")
    return text


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text not in (None, "") else otherwise
    except ValueError:
        return otherwise


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value
