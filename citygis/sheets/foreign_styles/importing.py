"""
A foreign style file as a citygis style: read, written as TOML, and read back.
"""

import json
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from citygis.errors import ReadError, SettingsError
from citygis.settings import check
from citygis.sheets.foreign_styles import lyrx, qml, sld
from citygis.sheets.foreign_styles.losses import Dropped, Losses
from citygis.sheets.style import Style

READERS = {".qml": qml.style_tables, ".lyrx": lyrx.style_tables, ".sld": sld.style_tables, ".xml": sld.style_tables}
"""What reads a style, by the ending of its file."""

_DRAWN = ("fill", "hatch", "line", "lines", "marker", "classes", "label")


class Imported(NamedTuple):
    """
    A style made from a foreign one.

    Parameters
    ----------
    style : Style
    toml : str
        The same as a style file.
    dropped : tuple of Dropped
        What the style does not hold of the foreign one, or holds otherwise.
    """

    style: Style
    toml: str
    dropped: tuple[Dropped, ...]


def import_style(path: Path | str, *, layer: str) -> Imported:
    """
    The style that a QML, lyrx or SLD file describes.

    Parameters
    ----------
    path : Path
        Its ending, one of `READERS`, says what it is.
    layer : str
        The City layer that the style is to draw.

    Returns
    -------
    Imported

    Notes
    -----
    ====  ======================================================================================================================
    QML   single symbol, categorized, graduated, rules; simple fills, lines (with dashes) and markers, line patterns; simple
          labels of fields and words, with a buffer. Other things saved with it (forms, joins, actions) are no part of a style.
    lyrx  the first layer: simple, unique values, class breaks; solid fills and strokes, dashes, hatches, vector markers of a
          basic shape; label classes of fields and words (Esri CIM specification, version 2 and 3).
    SLD   1.0.0 (OGC 02-070) and Symbology Encoding 1.1.0 (05-077r4): rules with filters; polygon, line, point and text
          symbolizers.
    ====  ======================================================================================================================

    Ends and corners of lines are the City's own in every style. Pixels are 0.28 mm in SLD and 1/96 in in QGIS.

    Raises
    ------
    ReadError
        If the file cannot be read, or nothing in it can be drawn; the message tells what it holds.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ReadError(f"{path.name} ends in none of {', '.join(READERS)}. Save the style as one of these.")
    losses = Losses()
    try:
        tables = {"title": _title(path), "layer": layer} | reader(path, losses)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ReadError(
            f"{path.name} is not built as {path.suffix} files are ({error}). Ask the sender to save it again."
        ) from None
    if not any(key in tables for key in _DRAWN):
        told = "; ".join(f"{where}: {what}" for where, what in losses.all[:5])
        raise ReadError(f"Nothing in {path.name} can be drawn on a sheet. It holds {told or 'no symbols'}.")
    toml = style_toml(tables, f"From {path.name}.")
    try:
        style = check(tomllib.loads(toml), Style, path.name)
    except SettingsError as error:
        raise ReadError(f"{path.name} makes no style that can be drawn. {error}") from None
    return Imported(style, toml, losses.all)


def style_toml(tables: dict[str, Any], comment: str) -> str:
    """The text of a style file: `tables` in the order a style is written in."""
    plain = {key: value for key, value in tables.items() if key not in ("classes", "label")}
    blocks = ["\n".join([f"# {comment}", *(f"{key} = {_written(value)}" for key, value in plain.items())])]
    for one in tables.get("classes", ()):
        blocks.append("\n".join(["[[classes]]", *(f"{key} = {_written(value)}" for key, value in one.items())]))
    if label := tables.get("label"):
        lines = ["[label]", *(f"{key} = {_written(value)}" for key, value in label.items() if key != "rows")]
        blocks.append("\n".join([*lines, "rows = [", *(f"    {_written(row)}," for row in label["rows"]), "]"]))
    return "\n\n".join(blocks) + "\n"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_written(each) for each in value) + "]"
    if isinstance(value, str):
        # JSON's escapes are among TOML's; DEL is the one letter that only TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(int(value) if value == int(value) else value)


def _title(path: Path) -> str:
    words = path.stem.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
