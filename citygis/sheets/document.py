"""
Many sheets in one PDF: shared layers and fonts, bookmarks, page labels.

Pages are written one by one (`citygis.sheets.pdf.pdf_bytes`) and joined here, so that a series can be stopped and taken up
again, and never is in memory as scenes. A layer of one name is one layer on all pages; a font is embedded once.
"""

import io
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pikepdf

from citygis.errors import ReadError, SheetError
from citygis.sheets.catalog import PRODUCER, About, complete, off_layers
from citygis.sheets.fonts import font, font_of
from citygis.sheets.pdf import saved


class DocumentPage(NamedTuple):
    """
    A sheet of a document.

    Parameters
    ----------
    pdf : Path or bytes
        A PDF as `pdf_bytes` or `document_bytes` writes it, or the file it is in. Most have one page; all are taken.
    bookmark : str
        What it is called in the list of bookmarks, which leads to its first page.
    chapter : str
        The bookmark it stands below, with its neighbours of the same chapter. Empty for none.
    label : str
        Its number as a reader shows it, such as ``C-4``. Empty for the label it has, or its place in the document. Further pages
        of the file keep theirs.
    """

    pdf: Path | bytes
    bookmark: str
    chapter: str = ""
    label: str = ""


class _Mark(NamedTuple):
    """A bookmark: what it is called, what it stands below, and the number of the page it leads to."""

    title: str
    chapter: str
    number: int


def document_bytes(
    pages: Iterable[DocumentPage], *, title: str = "", subject: str = "", about: About | None = None, archive: bool = False
) -> bytes:
    """
    Sheets as one PDF.

    Parameters
    ----------
    pages : iterable of DocumentPage
        In order, taken one at a time. Every page keeps its size and its viewports.
    title, subject, about, archive
        As in `pdf_bytes`.

    Returns
    -------
    bytes
        Depends on the arguments and the installed libraries only.

    Raises
    ------
    SheetError
        If there is no page.
    ReadError
        If a file is missing, no PDF, or not of citygis: layers and fonts of others cannot be shared.
    """
    marks: list[_Mark] = []
    labels: list[str] = []
    layers: dict[str, pikepdf.Object] = {}
    order: list[str] = []
    off: set[str] = set()
    characters: dict[str, set[str]] = {}
    uses: list[tuple[pikepdf.Object, str, str]] = []
    with pikepdf.new() as out:
        for entry in pages:
            source = _opened(entry)
            marks.append(_Mark(entry.bookmark, entry.chapter, len(labels)))
            off |= off_layers(source)
            labelled = "/PageLabels" in source.Root
            for number, page in enumerate(source.pages):
                label = (entry.label if number == 0 else "") or (page.label if labelled else "")
                out.pages.append(page)
                labels.append(label or str(len(labels) + 1))
                resources = out.pages[-1].obj["/Resources"]
                _insert(order, _share_layers(out, resources["/Properties"], layers))
                fonts = resources.get("/Font", pikepdf.Dictionary())
                for mark in list(fonts.keys()):
                    if found := font_of(fonts[mark]):
                        characters.setdefault(found[0], set()).update(found[1])
                        uses.append((fonts, mark, found[0]))
        if not marks:
            raise SheetError("A document without a page cannot be written. Look at what the series selects.")
        shared = {name: font(name).embedded(out, characters[name]) for name in sorted(characters)}
        for fonts, mark, name in uses:
            fonts[mark] = shared[name]
        complete(out, about or About(title, subject), {name: layers[name] for name in order}, off, archive=archive)
        _bookmark(out, marks, labels)
        return saved(out)


def _opened(entry: DocumentPage) -> pikepdf.Pdf:
    what = entry.pdf if isinstance(entry.pdf, Path) else f"The sheet {entry.bookmark!r}"
    try:
        # Read whole: a file left open for every page of a large series meets the system's limit.
        source = pikepdf.open(io.BytesIO(entry.pdf.read_bytes() if isinstance(entry.pdf, Path) else entry.pdf))
    except FileNotFoundError:
        raise ReadError(f"{what} is not there. Draw it before the sheets are joined.") from None
    except (pikepdf.PdfError, OSError) as error:
        raise ReadError(f"{what} is not a PDF that can be read: {error}. Delete it, and it is drawn anew.") from None
    if str(source.docinfo.get("/Producer", "")) != PRODUCER:
        raise ReadError(f"{what} was not written by citygis, so it cannot share layers and fonts. Draw it with citygis.")
    return source


def _share_layers(pdf: pikepdf.Pdf, marks: pikepdf.Object, layers: dict[str, pikepdf.Object]) -> list[str]:
    """Point the marks of a page to the document's layers, adding new ones; their names, bottom-up."""
    names = {mark: str(layer["/Name"]) for mark, layer in marks.items()}
    for mark, name in names.items():
        if name not in layers:
            layers[name] = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String(name)))
        marks[mark] = layers[name]
    return [names[mark] for mark in sorted(names, key=lambda mark: int(mark.removeprefix("/L")))]


def _insert(order: list[str], names: list[str]) -> None:
    """Add to `order`, bottom-up, the layers of a page that are new: each above the one it is above on that page."""
    at = 0
    for name in names:
        if name not in order:
            order.insert(at, name)
        at = order.index(name) + 1


def _bookmark(pdf: pikepdf.Pdf, marks: list[_Mark], labels: list[str]) -> None:
    with pdf.open_outline() as outline:
        for chapter, run in groupby(marks, key=lambda mark: mark.chapter):
            items = [pikepdf.OutlineItem(mark.title, mark.number, "Fit") for mark in run]
            if chapter:
                parent = pikepdf.OutlineItem(chapter, items[0].destination, "Fit")
                parent.children.extend(items)
                items = [parent]
            outline.root.extend(items)
    numbers = pikepdf.Array()
    for number, label in enumerate(labels):
        numbers.append(number)
        numbers.append(pikepdf.Dictionary(P=pikepdf.String(label)))
    pdf.Root["/PageLabels"] = pikepdf.Dictionary(Nums=numbers)
    pdf.Root["/PageMode"] = pikepdf.Name.UseOutlines
