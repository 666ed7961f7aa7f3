"""
A written page taken apart: what is painted on it, where, how wide, in which colour and in which layer, whoever made the file.

Form XObjects are followed with their matrices, clips and layers (ISO 32000-2, 8 and 9). Nothing is rendered; everything is in
points of the page as it lies before ``/Rotate``, from the lower left corner of its MediaBox.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pikepdf

from citygis.errors import ReadError
from citygis.sheets import page_tokens
from citygis.sheets.page_fonts import PageFont, page_font
from citygis.sheets.page_state import IDENTITY, Box, Clips, State, boxed, layer_name, product, space_name
from citygis.sheets.page_streams import decoded
from citygis.sheets.page_tokens import Array

MAX_PAGE_BYTES = 400_000_000
"""Of all content a page draws, forms as often as they are drawn."""

MAX_FORMS = 100_000
"""Forms drawn on one page."""

MAX_FORM_DEPTH = 20
"""Forms drawn by forms; PDF viewers stop near 28."""

TEXTS = (
    "string",
    "font",
    "left",
    "baseline",
    "along_x",
    "along_y",
    "up_x",
    "up_y",
    "size_pt",
    "mode",
    "grey",
    "alpha",
    "layer",
    "clip",
)
PATHS = ("count", "fill", "stroke", "width_pt", "grey", "alpha", "layer", "clip")
IMAGES = ("width_px", "height_px", "wide_in", "high_in", "space", "masked", "layer", "clip")


class PageContent(NamedTuple):
    """
    What a page paints.

    Parameters
    ----------
    texts : DataFrame
        A row per string shown: ``string``; ``font`` (index in `fonts`); ``left, baseline`` (where it begins); ``along_x, along_y``
        (from there to its end); ``up_x, up_y`` (its capitals' height); ``size_pt``; ``mode`` (ISO 32000-2, table 104: 0 filled,
        1 outlined, 3 not seen); ``grey`` (bool), ``alpha``; ``layer``, ``clip`` (index in `clips`).
    paths : DataFrame
        A row per path painted: ``first, count`` in `points`; ``fill, stroke`` (bool); ``width_pt`` of the stroke as it lies on
        the page; ``left, bottom, right, top``; ``grey, alpha, layer, clip``.
    points : array, n x 2
    begins : array of bool, n
        Whether a point begins a subpath.
    images : DataFrame
        ``width_px, height_px, wide_in, high_in``, ``space`` (of its colours), ``masked`` (bool: it lets through what is below),
        ``layer, clip``.
    fonts : tuple of PageFont
        Those that show text.
    clips : array, m x 4
        Left, bottom, right, top of what painting was cut to.
    shadings : int
        Areas of running colours.
    blended : bool
        Whether anything is painted with another blend mode than Normal, or through a soft mask.
    """

    texts: pd.DataFrame
    paths: pd.DataFrame
    points: np.ndarray
    begins: np.ndarray
    images: pd.DataFrame
    fonts: tuple[PageFont, ...]
    clips: np.ndarray
    shadings: int
    blended: bool


def page_content(page: pikepdf.Page) -> PageContent:
    """
    Take a page apart.

    Parameters
    ----------
    page : pikepdf.Page

    Returns
    -------
    PageContent

    Raises
    ------
    ReadError
        If the content is damaged, or draws more than `MAX_PAGE_BYTES`, `MAX_FORMS` or `MAX_FORM_DEPTH`.
    """
    left, bottom, right, top = (float(v) for v in page.mediabox)
    box = (0.0, 0.0, abs(right - left), abs(top - bottom))
    reader = _Reader(box)
    contents = page.obj.get("/Contents")
    streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents] if contents is not None else []
    data = b"\n".join(decoded(stream) for stream in streams if isinstance(stream, pikepdf.Stream))
    state = State((1.0, 0.0, 0.0, 1.0, -min(left, right), -min(bottom, top)))
    reader.read(data, inherited(page.obj, "/Resources"), state, ())
    return reader.content()


def inherited(page: pikepdf.Object, key: str) -> pikepdf.Object:
    """An attribute of a page, or of the page tree node above that has it (ISO 32000-2, 7.7.3.4); else an empty dictionary."""
    for _ in range(50):
        if key in page:
            return page[key]
        page = page.get("/Parent")
        if not isinstance(page, pikepdf.Dictionary):
            break
    return pikepdf.Dictionary()


class _Reader:
    """The painted things of a page, gathered while its content is read."""

    def __init__(self, box: Box):
        self.clips = Clips(box)
        self.texts: list[tuple] = []
        self.paths: list[tuple] = []
        self.images: list[tuple] = []
        self.runs: list[bytes] = []
        self.matrices: list[tuple] = []
        self.fonts: list[PageFont] = []
        self.font_numbers: dict = {}
        self.shadings = 0
        self.blended = False
        self.bytes = self.forms = 0

    def read(self, data: bytes, resources: pikepdf.Object, state: State, above: tuple) -> None:
        """Read one stream; `above` are the forms that are being drawn."""
        self.bytes += len(data)
        if self.bytes > MAX_PAGE_BYTES:
            raise ReadError(f"The page draws more than {MAX_PAGE_BYTES / 1e6:,.0f} MB of content. It was made to do harm.")
        content = _Content(self, resources, state, above)
        for operator, operands in page_tokens.tokens(data):
            content.take(operator, operands)

    def font(self, resources: pikepdf.Object, name: str) -> int | None:
        """The number of a font, or None when the page has none of this name."""
        font = resources.get("/Font", {}).get(name)
        if not isinstance(font, pikepdf.Dictionary):
            return None
        key = font.objgen if font.is_indirect else (id(resources), name)
        if key not in self.font_numbers:
            self.font_numbers[key] = len(self.fonts)
            self.fonts.append(page_font(font))
        return self.font_numbers[key]

    def content(self) -> PageContent:
        """What was gathered."""
        paths = pd.DataFrame(self.paths, columns=["runs", *PATHS[1:]])
        read = page_tokens.paths(self.runs)
        points, runs = read.points, paths["runs"].to_numpy(dtype=np.int64)
        ends = np.append(0, np.cumsum(read.counts))[np.append(0, np.cumsum(runs))]
        paths.insert(0, "first", ends[:-1])
        paths.insert(1, "count", np.diff(ends))
        if len(points):
            matrices = np.array(self.matrices)[np.repeat(np.arange(len(paths)), np.diff(ends))]
            points = np.column_stack(
                [
                    matrices[:, 0] * points[:, 0] + matrices[:, 2] * points[:, 1] + matrices[:, 4],
                    matrices[:, 1] * points[:, 0] + matrices[:, 3] * points[:, 1] + matrices[:, 5],
                ]
            )
        paths = paths[paths["count"] > 0].drop(columns="runs").reset_index(drop=True)
        if len(paths):
            first = paths["first"].to_numpy()
            paths[["left", "bottom"]] = np.minimum.reduceat(points, first)
            paths[["right", "top"]] = np.maximum.reduceat(points, first)
        else:
            paths[["left", "bottom", "right", "top"]] = np.empty((0, 4))
        used = sorted({row[1] for row in self.texts})
        number = {old: new for new, old in enumerate(used)}
        texts = pd.DataFrame(self.texts, columns=list(TEXTS))
        texts["font"] = texts["font"].map(number)
        return PageContent(
            texts,
            paths,
            points,
            read.begins,
            pd.DataFrame(self.images, columns=list(IMAGES)),
            tuple(self.fonts[old] for old in used),
            np.array(self.clips.boxes),
            self.shadings,
            self.blended,
        )


_FILLS = {"f": (True, False), "F": (True, False), "f*": (True, False), "S": (False, True), "s": (False, True), "n": (False, False)}
_FILLS |= dict.fromkeys(("B", "B*", "b", "b*"), (True, True))


class _Content:
    """One stream being read: its resources, its graphics states and its marked content."""

    def __init__(self, reader: _Reader, resources: pikepdf.Object, state: State, above: tuple):
        self.reader, self.resources, self.state, self.above = reader, resources, state, above
        self.saved: list[State] = []
        self.marks: list[str] = []
        self.run: list[bytes] = []
        self.clips = False
        self.matrix = self.line = IDENTITY
        self.font: PageFont | None = None

    def take(self, operator: str, operands: list) -> None:
        """One operator. An unknown one, or one with the wrong operands, does nothing, as in a viewer."""
        if operator == "path":
            self.run.append(operands[0])
        elif operator in _FILLS:
            self._paint(*_FILLS[operator])
        elif operator in ("W", "W*"):
            self.clips = True
        elif operator == "q":
            if len(self.saved) < 100_000:
                self.saved.append(self.state.copy())
        elif operator == "Q":
            if self.saved:
                self.state = self.saved.pop()
        elif operator == "Tj" and operands and isinstance(operands[-1], bytes):
            self._show([operands[-1]])
        elif operator == "TJ" and operands and isinstance(operands[-1], Array):
            self._show(operands[-1].items())
        else:
            try:
                self._other(operator, operands)
            except (IndexError, TypeError, ValueError):
                return

    def _other(self, operator: str, operands: list) -> None:
        state = self.state
        match operator:
            case "cm":
                state.matrix = product(_six(operands), state.matrix)
            case "w":
                state.width = float(operands[-1])
            case "gs":
                self.reader.blended |= state.take_parameters(self.resources.get("/ExtGState", {}).get(operands[-1]))
            case "g" | "rg" | "k" | "sc" | "scn" | "cs":
                state.fill_grey = state.is_grey(operator, operands, self.resources, "fill")
            case "G" | "RG" | "K" | "SC" | "SCN" | "CS":
                state.stroke_grey = state.is_grey(operator.lower(), operands, self.resources, "stroke")
            case "BT":
                self.matrix = self.line = IDENTITY
            case "Tf":
                state.size = float(operands[1])
                state.font = self.reader.font(self.resources, operands[0])
            case "Tm":
                self.matrix = self.line = _six(operands)
            case "Td" | "TD":
                if operator == "TD":
                    state.leading = -float(operands[1])
                self._next_line(float(operands[0]), float(operands[1]))
            case "T*":
                self._next_line(0.0, -state.leading)
            case "'" | '"':
                if operator == '"':
                    state.word_gap, state.letter_gap = float(operands[0]), float(operands[1])
                self._next_line(0.0, -state.leading)
                self._show([operands[-1]])
            case "Tc":
                state.letter_gap = float(operands[-1])
            case "Tw":
                state.word_gap = float(operands[-1])
            case "Tz":
                state.stretch = float(operands[-1]) / 100
            case "TL":
                state.leading = float(operands[-1])
            case "Ts":
                state.rise = float(operands[-1])
            case "Tr":
                state.mode = int(operands[-1])
            case "BDC" | "BMC":
                self.marks.append(state.layer)
                if operator == "BDC" and operands[0] == "/OC":
                    group = self.resources.get("/Properties", {}).get(operands[1])
                    state.layer = layer_name(group) or state.layer
            case "EMC":
                if self.marks:
                    state.layer = self.marks.pop()
            case "Do":
                self._draw(self.resources.get("/XObject", {}).get(operands[-1]))
            case "sh":
                self.reader.shadings += 1
            case "image":
                self._image(pikepdf.Object.parse(b"<<" + operands[0] + b">>"))

    def _next_line(self, right: float, up: float) -> None:
        self.matrix = self.line = product((1.0, 0.0, 0.0, 1.0, right, up), self.line)

    def _paint(self, fill: bool, stroke: bool) -> None:
        reader, state = self.reader, self.state
        cut = state.clip
        if self.clips and self.run:
            points = page_tokens.paths(self.run).points
            cut = reader.clips.cut(state.clip, boxed(points, state.matrix))
        if (fill or stroke) and self.run:
            grey = (state.fill_grey or not fill) and (state.stroke_grey or not stroke)
            alpha = min(state.fill_alpha if fill else 1.0, state.stroke_alpha if stroke else 1.0)
            width = state.width * state.enlargement if stroke else np.nan
            reader.runs += self.run
            reader.matrices.append(state.matrix)
            reader.paths.append((len(self.run), fill, stroke, width, grey, alpha, state.layer, state.clip))
        state.clip = cut
        self.run, self.clips = [], False

    def _show(self, items: list) -> None:
        state = self.state
        if state.font is None:
            return
        font = self.reader.fonts[state.font]
        codes: list[int] = []
        wide = 0.0
        for item in items:
            if isinstance(item, float):
                gap = -item / 1000 * state.size * state.stretch
                if gap > abs(state.size) or gap < -abs(state.size):
                    self._write(font, codes, wide)
                    codes, wide = [], 0.0
                    self._forward(gap)
                else:
                    wide += gap
                continue
            more = font.codes(item)
            wide += font.width(more) * state.size * state.stretch
            if state.letter_gap or state.word_gap:
                spaces = more.count(32) if font.code_bytes == 1 else 0
                wide += (state.letter_gap * len(more) + state.word_gap * spaces) * state.stretch
            codes += more
        self._write(font, codes, wide)

    def _write(self, font: PageFont, codes: list[int], wide: float) -> None:
        state = self.state
        if codes:
            a, b, c, d, e, f = product(self.matrix, state.matrix)
            if state.rise:
                e, f = e + c * state.rise, f + d * state.rise
            tall = state.size * font.cap_height
            size = abs(state.size) * (c * c + d * d) ** 0.5
            grey = (state.stroke_grey if state.mode in (1, 5) else state.fill_grey) and (state.mode != 2 or state.stroke_grey)
            place = (e, f, a * wide, b * wide, c * tall, d * tall, size)
            alpha = state.stroke_alpha if state.mode in (1, 5) else state.fill_alpha
            self.reader.texts.append((font.text(codes), state.font, *place, state.mode, grey, alpha, state.layer, state.clip))
        self._forward(wide)

    def _forward(self, wide: float) -> None:
        a, b, c, d, e, f = self.matrix
        self.matrix = (a, b, c, d, e + a * wide, f + b * wide)

    def _draw(self, drawn: pikepdf.Object | None) -> None:
        if not isinstance(drawn, pikepdf.Stream):
            return
        if str(drawn.get("/Subtype")) == "/Image":
            self._image(drawn)
            return
        if str(drawn.get("/Subtype")) != "/Form":
            return
        reader = self.reader
        reader.forms += 1
        if drawn.objgen in self.above or len(self.above) >= MAX_FORM_DEPTH or reader.forms > MAX_FORMS:
            raise ReadError("The page draws forms within forms without end. The file is damaged or was made to do harm.")
        state = self.state.copy()
        state.layer = layer_name(drawn.get("/OC")) or state.layer
        matrix = drawn.get("/Matrix")
        if isinstance(matrix, pikepdf.Array):
            state.matrix = product(_six([float(v) for v in matrix]), state.matrix)
        box = drawn.get("/BBox")
        if isinstance(box, pikepdf.Array) and len(box) == 4:
            left, bottom, right, top = (float(v) for v in box)
            corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
            state.clip = reader.clips.cut(state.clip, boxed(corners, state.matrix))
        resources = drawn.get("/Resources")
        reader.read(decoded(drawn), resources if resources is not None else self.resources, state, (*self.above, drawn.objgen))

    def _image(self, image: pikepdf.Object) -> None:
        state = self.state
        a, b, c, d, _, _ = state.matrix
        wide, high = (int(image.get(long, image.get(short, 0))) for long, short in (("/Width", "/W"), ("/Height", "/H")))
        stencil = bool(image.get("/ImageMask", image.get("/IM", False)))
        space = image.get("/ColorSpace", image.get("/CS"))
        if isinstance(space, pikepdf.Name) and str(space) in (spaces := self.resources.get("/ColorSpace", {})):
            space = spaces[str(space)]
        said = ("stencil" if state.fill_grey else "coloured stencil") if stencil else space_name(space)
        masked = any(key in image for key in ("/SMask", "/Mask")) or state.fill_alpha < 1
        self.reader.images.append(
            (wide, high, float(np.hypot(a, b)) / 72, float(np.hypot(c, d)) / 72, said, masked, state.layer, state.clip)
        )


def _six(numbers: list) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = (float(v) for v in numbers[-6:])
    return a, b, c, d, e, f
