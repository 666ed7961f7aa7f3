"""
Style files as trees: XML by a parser that expands and fetches nothing, JSON of a bearable size.
"""

import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from citygis.errors import ReadError
from citygis.readers.guard import DEEPEST_XML, require_local_file

LARGEST_STYLE_BYTES = 20 * 2**20
"""A style with pictures in it has a few megabytes."""


def xml_root(path: Path) -> Element:
    """
    The root of an XML style, its names without their namespaces.

    A document type that only names itself is let through, because every QML begins with one; nothing is fetched for it.

    Raises
    ------
    ReadError
        If the file is missing, too large, not well-formed, nested too deep, or declares entities of its own.
    """
    data = _bytes(path)
    tree = TreeBuilder()
    depth = 0

    def doctype(name: str, system: str | None, public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            refuse()

    def refuse(*_) -> None:
        raise ReadError(
            f"{path.name} declares entities (line {parser.CurrentLineNumber}), which can expand without end or fetch other files. "
            "It was refused. Ask the sender to save the style again."
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST_XML:
            raise ReadError(f"{path.name} is nested more than {DEEPEST_XML} deep. It was refused.")
        tree.start(name.rpartition(":")[2], {key.rpartition(":")[2]: value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        tree.end(name.rpartition(":")[2])

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = tree.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise ReadError(f"{path.name} is not well-formed XML ({error}). Ask the sender for it again.") from None
    return tree.close()


def json_tree(path: Path) -> dict[str, Any]:
    """
    The object a JSON style is.

    Raises
    ------
    ReadError
        If the file is missing, too large, no JSON, nested too deep, or no object.
    """
    try:
        tree = json.loads(_bytes(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path.name} is not JSON ({error}). Ask the sender for it again.") from None
    if not isinstance(tree, dict):
        raise ReadError(f"{path.name} is JSON, but no style: it holds a {type(tree).__name__}. Ask the sender for the layer file.")
    return tree


def _bytes(path: Path) -> bytes:
    size = require_local_file(path).stat().st_size
    if size > LARGEST_STYLE_BYTES:
        raise ReadError(
            f"{path.name} has {size / 2**20:,.0f} MB; a style of more than {LARGEST_STYLE_BYTES / 2**20:.0f} MB is refused. Save "
            "it without pictures."
        )
    return path.read_bytes()
