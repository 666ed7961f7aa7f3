"""
A series drawn: sheet after sheet into a folder with a ledger, then all in one document.

Each sheet's PDF is written whole before the ledger names it, with a hash of all it was drawn from. A series that was stopped is
taken up again with what the ledger names and the folder still holds; the document is the same, byte for byte.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.errors import SheetError
from citygis.publish import publishing
from citygis.sheets.document import DocumentPage, document_bytes
from citygis.sheets.drawing import draw
from citygis.sheets.figure import Figure
from citygis.sheets.frame import Extent
from citygis.sheets.index_page import NUMBER, index_page, sheet_index
from citygis.sheets.nesting import Piece
from citygis.sheets.pool import Pool, cut, inputs_hash, pool, rows_in
from citygis.sheets.series import MATCH_LINE, Leaf, Series, leaves
from citygis.sheets.shares import at_home, shares
from citygis.sheets.sheet import Sheet
from citygis.sheets.style import read_style

LEDGER = "ledger.jsonl"


class Page(NamedTuple):
    """
    A sheet to be drawn: all that `citygis.sheets.draw` needs, and where it stands in the document.

    Parameters
    ----------
    number, bookmark, chapter : str
    inputs : str
        Hash of all it is drawn from.
    draw : callable
        Draws it.
    """

    number: str
    bookmark: str
    chapter: str
    inputs: str
    draw: Callable[[], Figure]


class Drawn(NamedTuple):
    """
    A sheet that lies in the folder.

    Parameters
    ----------
    page : Page
    path : Path
    sha256 : str
        Of the file.
    kept : bool
        Whether it was there from an earlier run.
    sizes_in : tuple of (float, float)
        Width and height of each of its pages.
    unlabelled : tuple of (str, str)
        Layer and feature (its index there) of what has neither label nor number on this sheet.
    """

    page: Page
    path: Path
    sha256: str
    kept: bool
    sizes_in: tuple[tuple[float, float], ...]
    unlabelled: tuple[tuple[str, str], ...]


class Atlas(NamedTuple):
    """
    A series laid out.

    Parameters
    ----------
    title : str
    leaves : tuple of Leaf
        All its sheets.
    empty : int
        Places of its grid that have none.
    pages : tuple of Page
        Those asked for, in the order of the document.
    """

    title: str
    leaves: tuple[Leaf, ...]
    empty: int
    pages: tuple[Page, ...]


def atlas(
    series: Series,
    sheet: Sheet,
    layers: Mapping[str, gpd.GeoDataFrame | pd.DataFrame],
    *,
    city: City,
    only: Callable[[tuple[Leaf, ...]], tuple[Leaf, ...]] | None = None,
) -> Atlas:
    """
    Lay out a series; nothing is drawn yet.

    Parameters
    ----------
    series : Series
    sheet : Sheet
        That ``series.sheet`` names.
    layers : mapping of str to frame
        Whole, as `citygis.sheets.source.sheet_layers` reads them for a sheet without a view and ``also=series.reads``.
    city : City
    only : callable, optional
        Picks some of the sheets; they are drawn without an index.

    Returns
    -------
    Atlas

    Raises
    ------
    SheetError
        As `citygis.sheets.series.leaves`.
    """
    made = leaves(series, sheet, layers, city)
    every = made.leaves
    whole = dict(layers) | {"sheet_index": sheet_index(every, city)}
    given = pool(whole)
    homes = _homes(every, sheet, layers, city)
    asked = {leaf.number for leaf in (only(every) if only else every)}
    pages = [_leaf_page(leaf, home, given, city) for leaf, home in zip(every, homes, strict=True) if leaf.number in asked]
    if series.index_plan and not only:
        pages.insert(0, _index(series, sheet, every, layers, city))
    return Atlas(series.title or sheet.title_block.title, every, made.empty, tuple(pages))


def draw_pages(pages: Iterable[Page], folder: Path, *, stem: str, resume: bool = False) -> Iterator[Drawn]:
    """
    Draw sheets into a folder, one at a time.

    Parameters
    ----------
    pages : iterable of Page
    folder : Path
        Made where it is not there. Has a file ``STEM_NUMBER.pdf`` for each sheet, and the ledger.
    stem : str
    resume : bool
        Keep the files that the ledger names, that are as it says, and whose inputs are the same. Else all are drawn.

    Yields
    ------
    Drawn
        As soon as its file is written and the ledger names it: whoever stops in between loses nothing that is done.

    Raises
    ------
    SheetError
        If the ledger cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = _ledger(folder) if resume else {}
    for page in pages:
        path = folder / f"{stem}_{page.number}.pdf"
        entry = known.get(page.number)
        if entry and entry["inputs"] == page.inputs and entry["file"] == path.name and _hash(path) == entry["sha256"]:
            yield _drawn(page, path, entry, kept=True)
            continue
        figure = page.draw()
        data = figure.pdf()
        with publishing(path, overwrite=True) as temporary:
            temporary.write_bytes(data)
        gone = figure.unlabelled[figure.unlabelled["key"].isna()]
        layer_of = figure.counts.set_index("style")["layer"]
        entry = {
            "sheet": page.number,
            "file": path.name,
            "inputs": page.inputs,
            "sha256": hashlib.sha256(data).hexdigest(),
            "sizes_in": [[figure.page.width_in, figure.page.height_in]] * len(figure.pages),
            "unlabelled": [[str(layer_of[style]), str(one)] for style, one in zip(gone["style"], gone["feature"], strict=True)],
        }
        _note(folder, entry)
        yield _drawn(page, path, entry, kept=False)


def bound(title: str, drawn: Iterable[Drawn], *, archive: bool = False) -> bytes:
    """
    Sheets as one document: layers and fonts shared, bookmarks by row, page labels.

    Parameters
    ----------
    title : str
    drawn : iterable of Drawn
    archive : bool
        Prepare it for PDF/A.
    """
    pages = (DocumentPage(one.path, one.page.bookmark, chapter=one.page.chapter, label=one.page.number) for one in drawn)
    return document_bytes(pages, title=title, subject="Sheet series", archive=archive)


def pieces(drawn: Iterable[Drawn]) -> list[Piece]:
    """The pages of sheets as pieces for a roll."""
    return [
        Piece(f"{one.page.number} page {i}" if len(one.sizes_in) > 1 else one.page.number, *size)
        for one in drawn
        for i, size in enumerate(one.sizes_in, start=1)
    ]


def labelled_nowhere(
    every: tuple[Leaf, ...], drawn: Iterable[Drawn], layers: Mapping[str, gpd.GeoDataFrame | pd.DataFrame]
) -> list[tuple[str, str]]:
    """
    Features that have neither a label nor a number on any sheet that shows them.

    A lot that the frame cuts is labelled where what is left of it has room, and takes a number only on the sheet that shows
    most of it, when none shows it whole.

    Parameters
    ----------
    every : tuple of Leaf
    drawn : iterable of Drawn
        Sheets that were not drawn count as if they labelled all.
    layers : mapping of str to frame

    Returns
    -------
    list of (str, str)
        Layer and feature (its index there).
    """
    missing: dict[tuple[str, str], set[str]] = {}
    for one in drawn:
        for feature in one.unlabelled:
            missing.setdefault(feature, set()).add(one.page.number)
    names = sorted({layer for layer, _ in missing} & {name for name in layers if isinstance(layers[name], gpd.GeoDataFrame)})
    grounds = np.array([leaf.ground for leaf in every], dtype=object)
    numbers = np.array([leaf.number for leaf in every], dtype=object)
    found = []
    for name in names:
        layer = layers[name]
        keys = layer.index.astype("str")
        at = np.flatnonzero(keys.isin([feature for own, feature in missing if own == name]))
        shape, leaf = shapely.STRtree(grounds).query(np.asarray(layer.geometry.values)[at], predicate="intersects")
        for i, row in enumerate(at):
            if set(numbers[leaf[shape == i]]) <= missing[name, keys[row]]:
                found.append((name, str(keys[row])))
    return found


def _homes(every: tuple[Leaf, ...], sheet: Sheet, layers: Mapping, city: City) -> list[dict[str, pd.Index]]:
    """For each sheet, by layer, the features it numbers although its frame cuts them: those of styles with numbers."""
    styles = [read_style(name, city.styles_folder) for name in sheet.layers]
    keyed = sorted({style.layer for style in styles if style.label and style.label.key_numbers} & set(layers))
    homes: list[dict[str, pd.Index]] = [{} for _ in every]
    for name in keyed:
        found = shares(every, np.asarray(layers[name].geometry.values))
        for home, mine in zip(homes, at_home(found, layers[name].index, len(every)), strict=True):
            home[name] = mine
    return homes


def _leaf_page(leaf: Leaf, home: dict[str, pd.Index], given: Pool, city: City) -> Page:
    extent = leaf.frame.extent
    sheet, styles, lines = leaf.sheet, {}, {}
    if leaf.match_lines is not None:
        styles, lines = {"match_line": MATCH_LINE}, {"match_line": leaf.match_lines}
        sheet = sheet.model_copy(update={"layers": (*sheet.layers, "match_line")})
    own = {name: [str(one) for one in index] for name, index in home.items()}
    beside = [shown.to_json() for shown in lines.values()]
    said = json.dumps([inputs_hash(given, rows_in(given, extent), extent, sheet, styles, city), own, beside], ensure_ascii=False)

    def drawn() -> Figure:
        return draw(sheet, cut(given, extent) | lines, city=city, styles=styles, numbered=home)

    return Page(leaf.number, leaf.name, leaf.chapter, hashlib.sha256(said.encode()).hexdigest(), drawn)


def _index(series: Series, sheet: Sheet, every: tuple[Leaf, ...], layers: Mapping, city: City) -> Page:
    index = index_page(series, sheet, every, layers, city)
    given = pool(index.layers)
    rows = {name: np.arange(len(layer)) for name, layer in index.layers.items()}
    everywhere = Extent(-np.inf, -np.inf, np.inf, np.inf)
    mark = inputs_hash(given, rows, everywhere, index.sheet, index.styles, city)
    said = json.dumps([mark, index.tables], ensure_ascii=False)
    return Page(
        NUMBER,
        NUMBER,
        "",
        hashlib.sha256(said.encode()).hexdigest(),
        lambda: draw(index.sheet, index.layers, city=city, styles=index.styles, tables=index.tables),
    )


def _drawn(page: Page, path: Path, entry: dict, *, kept: bool) -> Drawn:
    sizes = tuple((width, height) for width, height in entry["sizes_in"])
    return Drawn(page, path, entry["sha256"], kept, sizes, tuple((layer, feature) for layer, feature in entry["unlabelled"]))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _ledger(folder: Path) -> dict[str, dict]:
    """The last entry of each sheet."""
    path = folder / LEDGER
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    entries = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line) if line else None
        except json.JSONDecodeError:
            # A line cut short by the end of power: its sheet is drawn again.
            if number != len(lines):
                raise SheetError(f"{path}:{number} is no JSON. Delete that line, and its sheet is drawn again.") from None
            entry = None
        if entry:
            entries[entry["sheet"]] = entry
    return entries


def _note(folder: Path, entry: dict) -> None:
    path = folder / LEDGER
    if path.is_file() and (text := path.read_text(encoding="utf-8")) and not text.endswith("\n"):
        with publishing(path, overwrite=True) as temporary:
            temporary.write_text(text[: text.rfind("\n") + 1], encoding="utf-8", newline="\n")
    with open(path, "a", encoding="utf-8", newline="\n") as ledger:
        ledger.write(json.dumps(entry, ensure_ascii=False) + "\n")
        ledger.flush()
        os.fsync(ledger.fileno())
