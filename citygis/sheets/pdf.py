"""
The PDF backend: a scene as a vector page with layers and coordinates.

Every batch becomes one stretch of the page's content; layers are marked stretches of it (ISO 32000-2, 8.11). Nothing in the
file depends on the day or the machine: the same scene gives the same bytes.
"""

import io
import itertools
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pikepdf
from PIL import Image, UnidentifiedImageError

from citygis.errors import SheetError
from citygis.sheets.catalog import PDF_VERSION, About, complete
from citygis.sheets.fonts import font
from citygis.sheets.numerals import spelled
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Scene, Texts, Tile, Tiles
from citygis.sheets.viewports import Viewport, viewport_object

DEFLATE = 4
"""zlib's level. On a page of 100,000 parcels 6 takes five times as long for 6 % less, and 3 is slower than 4."""

MAX_SIDE_PT = 14_400
"""A page is at most this wide and high (ISO 32000-1, annex C.2); the way round it is not read by all viewers."""

_CAPS = {"butt": 0, "round": 1, "projecting": 2}


_LONGEST = 240
"""Hexadecimal digits of text in one piece."""


class _Needs(NamedTuple):
    """What a page's content refers to."""

    characters: dict[str, set[str]]
    opacities: set[int]
    tiles: list[Tile]


def pdf_bytes(
    scene: Scene,
    *,
    viewports: tuple[Viewport, ...] = (),
    title: str = "",
    subject: str = "",
    about: About | None = None,
    archive: bool = False,
) -> bytes:
    """
    A scene as a one-page PDF.

    Parameters
    ----------
    scene : Scene
    viewports : tuple of Viewport
        Map frames, written as geospatial measures (ISO 32000-2, 12.10), from which a reader can take scale and CRS.
    title, subject : str
        For the document's information.
    about : About, optional
        The whole information, in place of `title` and `subject`.
    archive : bool
        Prepare for PDF/A-2b: with an output intent and its claim. No validator has proven it.

    Returns
    -------
    bytes
        Depends on the arguments and the installed libraries only.

    Raises
    ------
    SheetError
        If the page is larger than PDF allows, a font lacks a letter, or a tile is not a grey or RGB JPEG.
    """
    if max(scene.width_pt, scene.height_pt) > MAX_SIDE_PT:
        sides = " x ".join(f"{side / POINTS_PER_INCH:g}" for side in (scene.width_pt, scene.height_pt))
        raise SheetError(f"A PDF page is at most {MAX_SIDE_PT // POINTS_PER_INCH} in a side; this one is {sides} in. Draw panels.")
    needs = _Needs({}, set(), [])
    deflate = zlib.compressobj(DEFLATE)
    content = b"".join([*map(deflate.compress, _content(scene, needs)), deflate.flush()])
    with pikepdf.new() as pdf:
        layers = {
            name: pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String(name)))
            for name in dict.fromkeys(group.name for group in scene.groups)
        }
        layers_of_marks = {f"/L{number}": layers[group.name] for number, group in enumerate(scene.groups)}
        box = pikepdf.Array([0, 0, round(scene.width_pt, 4), round(scene.height_pt, 4)])
        page = pikepdf.Dictionary(
            Type=pikepdf.Name.Page,
            MediaBox=box,
            CropBox=box,
            TrimBox=box,
            Resources=_resources(pdf, needs, layers_of_marks),
            Contents=pdf.make_stream(content, Filter=pikepdf.Name.FlateDecode),
        )
        if viewports:
            page["/VP"] = pikepdf.Array([viewport_object(pdf, viewport) for viewport in viewports])
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
        off = {group.name for group in scene.groups if not group.on}
        complete(pdf, about or About(title, subject), layers, off, archive=archive)
        return saved(pdf)


def saved(pdf: pikepdf.Pdf) -> bytes:
    """The bytes of a finished file: with an identifier made of its content, and of nothing else."""
    out = io.BytesIO()
    pdf.save(
        out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate, min_version=PDF_VERSION, linearize=False
    )
    return out.getvalue()


def _content(scene: Scene, needs: _Needs) -> Iterator[bytes]:
    for number, group in enumerate(scene.groups):
        yield b"/OC /L%d BDC\nq\n" % number
        if group.clip_pt is not None:
            yield _clip(group.clip_pt)
        yield from _group_content(group, needs)
        yield b"Q\nEMC\n"


def _group_content(group: Group, needs: _Needs) -> Iterator[bytes]:
    for batch in group.batches:
        if isinstance(batch, Paths):
            if len(batch.points) and (batch.fill or batch.stroke):
                yield b"q\n" + _opacity(batch.opacity, needs) + _look(batch)
                yield _outline(batch)
                yield (b"B" if batch.fill and batch.stroke else b"f" if batch.fill else b"S") + b"\nQ\n"
        elif isinstance(batch, Texts):
            if batch.strings:
                yield _text_content(batch, needs)
        else:
            yield b"q\n" + _opacity(batch.opacity, needs)
            yield _tiles_content(batch, needs)
            yield b"Q\n"


def _clip(box_pt: tuple[float, float, float, float]) -> bytes:
    left, bottom, right, top = box_pt
    corner, size = spelled(np.array([(left, bottom), (right - left, top - bottom)]), after=b"\n").splitlines()
    return corner + b" " + size + b" re W n\n"


def _opacity(opacity: float, needs: _Needs) -> bytes:
    thousandths = round(opacity * 1000)
    if thousandths >= 1000:
        return b""
    needs.opacities.add(thousandths)
    return b"/O%d gs\n" % thousandths


def _look(batch: Paths) -> bytes:
    words = []
    if batch.fill:
        words.append(f"{_rgb(batch.fill)} rg")
    if batch.stroke:
        # GDAL loses what follows eight dashes whose first or last length touches its bracket.
        dash = "".join(f" {length:.6g}" for length in batch.dash_pt) + " " * bool(batch.dash_pt)
        join = 1 if batch.cap == "round" else 0
        words.append(f"{_rgb(batch.stroke)} RG {batch.width_pt:.6g} w {_CAPS[batch.cap]} J {join} j [{dash}] 0 d")
    return ("\n".join(words) + "\n").encode()


def _rgb(color: str) -> str:
    return " ".join(f"{part / 255:.4g}" for part in bytes.fromhex(color.removeprefix("#")))


def _outline(batch: Paths) -> bytes:
    starts = np.asarray(batch.starts)
    after = np.full(len(batch.points), b" l\n", dtype="S7")
    after[starts] = b" m\n"
    if batch.closed:
        ends = np.append(starts[1:], len(batch.points)) - 1
        after[ends] = np.where(np.isin(ends, starts), b" m\nh\n", b" l\nh\n")
    return spelled(batch.points, after=after)


def _text_content(batch: Texts, needs: _Needs) -> bytes:
    """
    Fill on halo, so that a search finds each string once.

    The halo stands for a space; letters set one by one stand, with their halo, for their word (ISO 32000-2, 14.9.4). Poppler
    reads such replacements of a ``Span`` only; pdfium takes an empty one for none, and drops a second text of one place and size
    as a copy, so a halo is a thousandth of a point larger.
    """
    needs.characters.setdefault(batch.font, set()).update(*batch.strings)
    glyphs = font(batch.font).hexadecimal(batch.strings)
    shown = [f"{place} Tm {_shown(glyph)}" for place, glyph in zip(_places(batch), glyphs, strict=True)]
    letters = f"{_rgb(batch.color)} rg\n{_sized(batch, shown)}\n"
    if batch.halo and batch.halo_pt > 0:
        band = f"{_rgb(batch.halo)} RG {2 * batch.halo_pt:.6g} w 1 J 1 j [] 0 d 1 Tr\n{_sized(batch, shown, 0.001)}\n0 Tr\n"
        letters = (band if batch.actual is not None else _standing_for(" ", band)) + letters
    if batch.actual is not None:
        letters = _standing_for(batch.actual, letters)
    return f"q\n{letters}Q\n".encode("ascii")


def _shown(glyphs: str) -> str:
    """A line of text; a long one in pieces, because GDAL's reader of layers stops at a token of 256 characters."""
    if len(glyphs) <= _LONGEST:
        return f"<{glyphs}> Tj"
    return f"[ {' '.join(f'<{glyphs[i : i + _LONGEST]}>' for i in range(0, len(glyphs), _LONGEST))} ] TJ"


def _standing_for(actual: str, content: str) -> str:
    code = f"\ufeff{actual}".encode("utf-16-be").hex().upper()
    return f"/Span <</ActualText <{code}>>> BDC\n{content}EMC\n"


def _places(batch: Texts) -> list[str]:
    """The matrix of each string: its turn and where it begins."""
    angles, which = np.unique(np.asarray(batch.angles_deg, dtype=float), return_inverse=True)
    radians = np.radians(angles)
    turns = [f"{c:.6f} {s:.6f} {-s:.6f} {c:.6f}" if s else "1 0 0 1" for c, s in zip(np.cos(radians), np.sin(radians), strict=True)]
    begins = spelled(np.round(batch.points, 2), after=b"\n").decode().splitlines()
    return [f"{turns[turn]} {begin}" for turn, begin in zip(which.tolist(), begins, strict=True)]


def _sized(batch: Texts, shown: list[str], larger_pt: float = 0.0) -> str:
    """The text object that shows strings, with a font operator before each run of one size."""
    sizes = np.asarray(batch.sizes_pt, dtype=float)
    runs = np.append(np.flatnonzero(np.diff(sizes, prepend=np.nan)), len(sizes)).tolist()
    lines = ["BT"]
    for first, end in itertools.pairwise(runs):
        lines.append(f"/{_font_mark(batch.font)} {sizes[first] + larger_pt:.7g} Tf")
        lines += shown[first:end]
    return "\n".join([*lines, "ET"])


def _tiles_content(batch: Tiles, needs: _Needs) -> bytes:
    lines = []
    for tile in batch.tiles:
        matrix = " ".join(f"{value:.6f}" for value in tile.affine)
        lines.append(f"q {matrix} cm /I{len(needs.tiles)} Do Q\n")
        needs.tiles.append(tile)
    return "".join(lines).encode()


def _font_mark(name: str) -> str:
    return f"T{name.title()}"


def _resources(pdf: pikepdf.Pdf, needs: _Needs, layers: dict[str, pikepdf.Object]) -> pikepdf.Dictionary:
    resources = pikepdf.Dictionary(Properties=pikepdf.Dictionary(layers))
    if needs.characters:
        fonts = {f"/{_font_mark(name)}": font(name).embedded(pdf, needs.characters[name]) for name in sorted(needs.characters)}
        resources["/Font"] = pikepdf.Dictionary(fonts)
    if needs.opacities:
        states = {f"/O{part}": pikepdf.Dictionary(ca=part / 1000, CA=part / 1000) for part in sorted(needs.opacities)}
        resources["/ExtGState"] = pikepdf.Dictionary(states)
    if needs.tiles:
        resources["/XObject"] = pikepdf.Dictionary({f"/I{n}": _image(pdf, tile) for n, tile in enumerate(needs.tiles)})
    return resources


def _image(pdf: pikepdf.Pdf, tile: Tile) -> pikepdf.Object:
    try:
        with Image.open(io.BytesIO(tile.jpeg)) as picture:
            kind, mode, size = picture.format, picture.mode, picture.size
    except UnidentifiedImageError:
        kind, mode, size = "no picture", "", (0, 0)
    if kind != "JPEG" or mode not in ("L", "RGB"):
        raise SheetError(f"A tile of an underlay is {kind} {mode}. It must be a grey or RGB JPEG: read the picture anew.")
    if size != (tile.width_px, tile.height_px):
        raise ValueError(f"Invalid tile of {tile.width_px} x {tile.height_px} px. Its JPEG is {size[0]} x {size[1]} px.")
    return pdf.make_stream(
        tile.jpeg,
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=tile.width_px,
        Height=tile.height_px,
        ColorSpace=pikepdf.Name.DeviceGray if mode == "L" else pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )
