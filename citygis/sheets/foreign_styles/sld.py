"""
SLD 1.0.0 (OGC 02-070) and Symbology Encoding 1.1.0 (OGC 05-077r4): rules with filters and their symbolizers.
"""

import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from citygis.errors import ReadError
from citygis.sheets.foreign_styles.conditions import is_expression, value_text
from citygis.sheets.foreign_styles.lengths import is_sld_unit, sld_length
from citygis.sheets.foreign_styles.losses import Losses
from citygis.sheets.foreign_styles.markup import xml_root
from citygis.sheets.foreign_styles.rules import Rule, rule_tables
from citygis.sheets.foreign_styles.symbols import Fill, Lines, Mark, Part, Stroke, label_tables

_COMPARISONS = {
    "PropertyIsEqualTo": "==",
    "PropertyIsNotEqualTo": "!=",
    "PropertyIsLessThan": "<",
    "PropertyIsLessThanOrEqualTo": "<=",
    "PropertyIsGreaterThan": ">",
    "PropertyIsGreaterThanOrEqualTo": ">=",
}
_SHAPES = {name: name for name in ("circle", "square", "triangle", "star", "cross", "x", "diamond", "arrow")}
_UNFILLED = ("cross", "x")
_HATCHES = {"horline": (0, False), "vertline": (90, False), "slash": (45, False), "backslash": (135, False)}
_HATCHES |= {"plus": (0, True), "times": (45, True), "cross": (0, True), "x": (45, True)}
_GREY = "#808080"  # fill of a mark or area that states none (05-077r4, section 11.2.2)


def style_tables(path: Path, losses: Losses) -> dict[str, Any]:
    """
    The keys of a citygis style from an SLD file: its first layer that has rules.

    Raises
    ------
    ReadError
        If it is no SLD.
    """
    root = xml_root(path)
    if root.tag not in ("StyledLayerDescriptor", "UserStyle", "FeatureTypeStyle"):
        raise ReadError(f"{path.name} is no SLD: it begins with <{root.tag}>. Save the style as SLD.")
    layers = [root, *root.findall("NamedLayer"), *root.findall("UserLayer")]
    styled = [layer for layer in layers if layer.find("UserStyle") is not None or layer.tag != root.tag]
    chosen = styled[0] if root.tag == "StyledLayerDescriptor" and styled else root
    for other in styled[1:]:
        losses.tell("document", f"the layer {other.findtext('Name', 'without a name')}")
    styles = chosen.findall("UserStyle")
    for other in styles[1:]:
        losses.tell("layer", f"the style {other.findtext('Name', 'without a name')}")
    top = styles[0] if styles else chosen
    passes = [top] if top.tag == "FeatureTypeStyle" else top.findall("FeatureTypeStyle")
    if any(one.find("Transformation") is not None for one in passes):
        losses.tell("style", "a rendering transformation")
    rules: list[Rule] = []
    labels: list[tuple[Element, str, str]] = []
    for element in (rule for one in passes for rule in one.findall("Rule")):
        legend = (element.findtext("Description/Title") or element.findtext("Title") or element.findtext("Name") or "").strip()
        place = f"rule {legend or 'without a name'}"
        rule = _rule(element, legend, place, losses)
        if rule is None:
            continue
        labels += [(text, rule.condition, place) for text in element.findall("TextSymbolizer")]
        if rule.parts or not element.findall("TextSymbolizer"):
            rules.append(rule)
    if len(rules) == 1 and not rules[0].condition:
        rules[0] = rules[0]._replace(legend="" if rules[0].legend == "Single symbol" else rules[0].legend)
    return rule_tables(rules, losses, meet="all") | _label(labels, rules, losses)


def _rule(element: Element, legend: str, place: str, losses: Losses) -> Rule | None:
    if element.find("MinScaleDenominator") is not None or element.find("MaxScaleDenominator") is not None:
        losses.tell(place, "its range of scales: drawn at every scale")
    where, field, value = "", None, None
    if (found := element.find("Filter")) is not None:
        inner = [child for child in found if isinstance(child.tag, str)]
        where = _condition(inner[0]) if len(inner) == 1 else None
        if where is None or not is_expression(where):
            losses.tell(place, f"the rule with the filter {', '.join(child.tag for child in inner)}, which has no counterpart")
            return None
        if inner[0].tag == "PropertyIsEqualTo":
            field, value = _sides(inner[0])
    parts: list[Part] = []
    for child in element:
        if child.tag.endswith("Symbolizer") and child.tag != "TextSymbolizer":
            parts += _symbolizer(child, place, losses)
    if field is not None and isinstance(value, str | int | bool):
        return Rule(legend, parts, field=field, values=(value,))
    return Rule(legend, parts, where, rest=element.find("ElseFilter") is not None)


# -- filters ----------------------------------------------------------------------------------------------------------------


def _condition(element: Element) -> str | None:
    """A filter (OGC 04-095, 09-026r2) as an expression; None if it is more than that can say."""
    children = list(element)
    if element.tag in ("And", "Or"):
        inner = [_condition(child) for child in children]
        joint = f" {element.tag.lower()} "
        return None if None in inner or not inner else joint.join(f"({one})" for one in inner)
    if element.tag == "Not":
        inner = [_condition(child) for child in children]
        return None if None in inner or len(inner) != 1 else f"not ({inner[0]})"
    if element.tag in _COMPARISONS:
        field, value = _sides(element)
        if field is None or value is None:
            return None
        if value == "" and element.tag in ("PropertyIsEqualTo", "PropertyIsNotEqualTo"):
            # An empty text is null in a citygis layer.
            return f"{field} is {'not ' if 'Not' in element.tag else ''}null"
        return f"{field} {_COMPARISONS[element.tag]} {value_text(value)}"
    if element.tag == "PropertyIsBetween":
        field = _property(element)
        low, high = (_literal(element.find(name)) for name in ("LowerBoundary", "UpperBoundary"))
        return None if None in (field, low, high) else f"{field} >= {value_text(low)} and {field} <= {value_text(high)}"
    if element.tag in ("PropertyIsNull", "PropertyIsNil"):
        field = _property(element)
        return None if field is None else f"{field} is null"
    if element.tag == "PropertyIsLike":
        field, value = _sides(element)
        wild, single = element.get("wildCard", "*"), element.get("singleChar", ".")
        escape = element.get("escapeChar", element.get("escape", "!"))
        text = str(value)
        if field is None or value is None or text[-1:] != wild or any(sign in text[:-1] for sign in (wild, single, escape)):
            return None
        return f"{field}.startswith({text[:-1]!r})"
    return None


def _sides(element: Element) -> tuple[str | None, str | int | float | None]:
    """The field and the value that a comparison names, in whichever order; an order other than field, value is not read."""
    children = list(element)
    if len(children) != 2 or children[0].tag not in ("PropertyName", "ValueReference"):
        return None, None
    return _property(element), _literal(element)


def _property(element: Element) -> str | None:
    name = element.findtext("PropertyName") or element.findtext("ValueReference") or ""
    name = name.strip().rpartition(":")[2]
    return name if name.isidentifier() else None


def _literal(element: Element | None) -> str | int | float | None:
    found = element.find("Literal") if element is not None else None
    if found is None or len(found):
        return None
    text = (found.text or "").strip()
    if re.fullmatch(r"-?(?:0|[1-9]\d*)", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?(?:0|[1-9]\d*)\.\d+", text) else text


# -- symbolizers ------------------------------------------------------------------------------------------------------------


def _symbolizer(element: Element, where: str, losses: Losses) -> list[Part]:
    uom = element.get("uom", "")
    if not is_sld_unit(uom):
        losses.tell(where, f"the unit {uom}: pixels")
        uom = ""
    for name, what in (
        ("Geometry", "a geometry that is worked out"),
        ("PerpendicularOffset", "an offset"),
        ("Displacement", "an offset"),
    ):
        if element.find(name) is not None:
            losses.tell(where, f"{what}: drawn where the feature is")
    for option in element.findall("VendorOption"):
        losses.tell(where, f"the option {option.get('name')} of one maker")
    if element.tag == "PolygonSymbolizer":
        return [*_fill(element.find("Fill"), uom, where, losses), *_stroke(element.find("Stroke"), uom, where, losses)]
    if element.tag == "LineSymbolizer":
        return _stroke(element.find("Stroke"), uom, where, losses)
    if element.tag == "PointSymbolizer":
        return _mark(element.find("Graphic"), uom, where, losses)
    losses.tell(where, f"a {element.tag}")
    return []


def _fill(element: Element | None, uom: str, where: str, losses: Losses) -> list[Part]:
    if element is None:
        return []
    graphic = element.find("GraphicFill/Graphic")
    if graphic is not None:
        return _hatch(graphic, uom, where, losses)
    said = _parameters(element, where, losses)
    color = _color(said.get("fill", _GREY), where, losses)
    return [Fill(color, _number(said.get("fill-opacity"), 1.0))]


def _hatch(graphic: Element, uom: str, where: str, losses: Losses) -> list[Part]:
    """A fill of marks that are lines: they run on from mark to mark, so their size is how far apart the lines are."""
    mark = graphic.find("Mark")
    name = (mark.findtext("WellKnownName") or "square").strip() if mark is not None else "a picture"
    pattern = _HATCHES.get(name.removeprefix("shape://").lower())
    strokes = _stroke(mark.find("Stroke"), uom, where, losses) if mark is not None else []
    if pattern is None or not strokes:
        losses.tell(where, f"a fill of {name}")
        return []
    angle, is_cross = pattern
    clockwise = _valued(graphic.find("Rotation"), 0.0, where, losses)
    size = _valued(graphic.find("Size"), 6.0, where, losses)
    # In slanted marks the lines are closer than the marks are wide.
    size *= 0.5**0.5 if angle in (45, 135) else 1
    return [Lines(strokes[0], angle - clockwise, sld_length(size, uom), is_cross)]


def _stroke(element: Element | None, uom: str, where: str, losses: Losses) -> list[Stroke]:
    if element is None:
        return []
    for name in ("GraphicStroke", "GraphicFill"):
        if element.find(name) is not None:
            losses.tell(where, f"a line drawn with pictures ({name})")
            return []
    said = _parameters(element, where, losses)
    width = _number(said.get("stroke-width"), 1.0)
    dash = tuple(
        sld_length(_number(part, 0.0), uom) for part in re.split(r"[\s,]+", said.get("stroke-dasharray", "").strip()) if part
    )
    if width <= 0:
        return []
    color = _color(said.get("stroke", "#000000"), where, losses)
    return [Stroke(color, sld_length(width, uom), dash, _number(said.get("stroke-opacity"), 1.0))]


def _mark(graphic: Element | None, uom: str, where: str, losses: Losses) -> list[Part]:
    mark = graphic.find("Mark") if graphic is not None else None
    if mark is None:
        losses.tell(where, "a marker that is a picture")
        return []
    name = (mark.findtext("WellKnownName") or "square").strip()
    shape = _SHAPES.get(name.lower())
    if shape is None:
        losses.tell(where, f"a marker {name}: a circle")
        shape = "circle"
    for tag in ("Displacement", "AnchorPoint"):
        if graphic.find(tag) is not None:
            losses.tell(where, f"the {tag} of a marker")
    if _valued(graphic.find("Opacity"), 1.0, where, losses) < 1:
        losses.tell(where, "a marker that lets through: it covers all")
    fills = [part for part in _fill(mark.find("Fill"), uom, where, losses) if isinstance(part, Fill) and part.opacity > 0]
    strokes = _stroke(mark.find("Stroke"), uom, where, losses)
    size = sld_length(_valued(graphic.find("Size"), 6.0, where, losses), uom)
    fill = fills[0].color if fills and shape not in _UNFILLED else None
    return [Mark(shape, size, fill, strokes[0] if strokes else None, _valued(graphic.find("Rotation"), 0.0, where, losses))]


def _parameters(element: Element, where: str, losses: Losses) -> dict[str, str]:
    """CssParameter of 1.0.0, SvgParameter of 1.1.0; one that is worked out is told and left out."""
    said = {}
    for parameter in [*element.findall("CssParameter"), *element.findall("SvgParameter")]:
        name = parameter.get("name", "")
        literal = parameter.find("Literal")
        text = (parameter.text or "") if not len(parameter) else (literal.text or "") if literal is not None else ""
        if not text.strip():
            losses.tell(where, f"a {name} that is worked out")
        elif name == "stroke-dashoffset" and _number(text, 0.0):
            losses.tell(where, "where the first dash begins")
        else:
            said[name] = text.strip()
    return said


def _valued(element: Element | None, otherwise: float, where: str, losses: Losses) -> float:
    if element is None:
        return otherwise
    text = element.findtext("Literal") if len(element) else element.text
    if text is None:
        losses.tell(where, f"a {element.tag} that is worked out: {otherwise:g}")
    return _number(text, otherwise)


def _color(text: str, where: str, losses: Losses) -> str:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return text.lower()
    losses.tell(where, f"the colour {text}: black")
    return "#000000"


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text not in (None, "") else otherwise
    except ValueError:
        return otherwise


# -- labels -----------------------------------------------------------------------------------------------------------------


def _label(labels: list[tuple[Element, str, str]], rules: list[Rule], losses: Losses) -> dict[str, Any]:
    if not labels:
        return {}
    element, where, place = labels[0]
    for _, _, other in labels[1:]:
        losses.tell(other, "labels of its own")
    if where:
        losses.tell(place, f"labels of some features only ({where}): all are labelled")
    template = _template(element.find("Label"))
    if template is None:
        losses.tell(place, "a label that is more than fields and words")
        return {}
    uom = element.get("uom", "") if is_sld_unit(element.get("uom", "")) else ""
    font = element.find("Font")
    said = _parameters(font, place, losses) if font is not None else {}
    if said.get("font-family"):
        losses.tell(place, f"the font {said['font-family']}: the sheet's own")
    is_bold, is_italic = said.get("font-weight") == "bold", said.get("font-style") in ("italic", "oblique")
    fill = element.find("Fill")
    color = _color(_parameters(fill, place, losses).get("fill", "#000000"), place, losses) if fill is not None else "#000000"
    halo = None
    if (around := element.find("Halo")) is not None:
        paint = around.find("Fill")
        white = _parameters(paint, place, losses).get("fill", "#ffffff") if paint is not None else "#ffffff"
        halo = (_color(white, place, losses), sld_length(_valued(around.find("Radius"), 1.0, place, losses), uom))
    placement = "along" if element.find("LabelPlacement/LinePlacement") is not None else _placement(rules)
    for option in element.findall("VendorOption"):
        losses.tell(place, f"the option {option.get('name')} of one maker")
    size = sld_length(_number(said.get("font-size"), 10.0), uom)
    font_name = "bold" if is_bold else "italic" if is_italic else "regular"
    return {
        "label": label_tables(
            template, size=size, color=color, font=font_name, halo=halo, placement=placement, where=place, losses=losses
        )
    }


def _template(label: Element | None) -> list[str] | None:
    if label is None:
        return None
    out = _without_breaks(label.text)
    for child in label:
        part = _text_part(child)
        if part is None:
            return None
        out += part + _without_breaks(child.tail)
    rows = [row.strip() for row in out.split("\n") if row.strip()]
    return rows if any("{" in row for row in rows) else None


def _without_breaks(text: str | None) -> str:
    """Words between elements, without the line breaks and indents of the file."""
    return re.sub(r"\s*\n\s*", "", text or "")


def _text_part(element: Element) -> str | None:
    if element.tag in ("PropertyName", "ValueReference"):
        name = (element.text or "").strip().rpartition(":")[2]
        return f"{{{name}}}" if name.isidentifier() else None
    if element.tag == "Literal":
        words = element.text or ""
        return None if re.search(r"[{}]", words) else words
    if element.tag == "Function" and element.get("name", "").lower() in ("strconcat", "concatenate", "concat"):
        parts = [_text_part(child) for child in element]
        return None if None in parts else "".join(parts)
    return None


def _placement(rules: list[Rule]) -> str:
    parts = [part for rule in rules for part in rule.parts]
    if any(isinstance(part, Fill | Lines) for part in parts):
        return "inside"
    return "beside" if any(isinstance(part, Mark) for part in parts) else "along"
