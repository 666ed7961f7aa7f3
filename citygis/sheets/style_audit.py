"""
Styles held against the City's schema: whether the layer, the fields and the values a style names are there.
"""

import re
from pathlib import Path

from citygis.errors import SettingsError
from citygis.schema import Schema
from citygis.settings import load
from citygis.sheets.style import Style, Theme, nearest

_NUMBERS = ("double", "integer")


def file_problems(path: Path, schema: Schema) -> list[str]:
    """
    What is wrong with a style's or, in a folder ``themes``, a theme's file; empty when nothing is.

    Parameters
    ----------
    path : Path
    schema : Schema
        Of the City.
    """
    try:
        if path.parent.name == "themes":
            load(path, Theme)
            return []
        return [f"{path}: {problem}" for problem in style_problems(load(path, Style), schema)]
    except SettingsError as error:
        return str(error).splitlines()


def style_problems(style: Style, schema: Schema) -> list[str]:
    """
    What a style asks of its layer that the schema does not have: the layer, a field, a value of a domain, a number of a text.

    Parameters
    ----------
    style : Style
    schema : Schema
    """
    if style.layer not in schema.layers:
        return [f"`layer` is {style.layer!r}, which is no City layer{nearest(style.layer, list(schema.layers))}"]
    layer = schema.layers[style.layer]
    unknown = [name for name in style.columns if name not in layer.names]
    problems = [f"layer {style.layer!r} has no field {name!r}{nearest(name, list(layer.names))}" for name in unknown]
    named = [(style.field, one.values or ()) for one in style.classes if style.field]
    named += list(style.where.items()) if isinstance(style.where, dict) else []
    for name, values in named:
        domain = layer.field(name).domain if name not in unknown else None
        for value in values if domain else ():
            if str(value) not in domain:
                problems.append(f"field {name!r} is never {value!r}{nearest(str(value), list(domain))}")
    numbers = [style.field for one in style.classes if one.min is not None or one.max is not None]
    for row in style.label.rows if style.label else ():
        numbers += re.findall(r"\{(\w+)(?:\s*/|\??:)", row.text + row.otherwise)
    for name in dict.fromkeys(numbers):
        if name not in unknown and layer.field(name).type not in _NUMBERS:
            problems.append(f"field {name!r} holds {layer.field(name).type}, but a number is asked of it")
    return problems
