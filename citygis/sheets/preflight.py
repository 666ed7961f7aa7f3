"""
Preflight: the written PDF opened again and measured, before it is printed or signed.

Nothing is taken from the drawing code: the scale is read from the file's geospatial viewport, from the grid's ticks and the
figures beside them, and from the scale bar and its figures; margins from the rendered page; fonts and layers from the file.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pikepdf
import pypdfium2
import pyproj

from citygis.errors import ReadError
from citygis.sheets.frame import feet_text, scale_of
from citygis.sheets.scene import POINTS_PER_INCH

SIZE_TOLERANCE_IN = 0.01
SCALE_TOLERANCE_IN = 0.001
"""How far a 1,000-ft line may be off on paper."""

MARGIN_DPI = 150

_GRID_FIGURE = re.compile(r"([EN]) ([\d,]+)")


class Check(NamedTuple):
    """One thing looked at: what, whether it is as it must be, what was measured, what was asked."""

    name: str
    passed: bool
    measured: str
    expected: str


class Preflight(NamedTuple):
    """
    What a file was found to be.

    Parameters
    ----------
    path : Path
    width_in, height_in : float
        Of the page.
    feet_per_inch : float or None
        From the geospatial viewport; None when the file has none.
    layers : tuple of str
        Bottom-up.
    checks : tuple of Check
    """

    path: Path
    width_in: float
    height_in: float
    feet_per_inch: float | None
    layers: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check is as it must be."""
        return all(check.passed for check in self.checks)


class Section(NamedTuple):
    """One layer of a page taken apart: lines as pairs of points, filled boxes, and texts with the point each begins at."""

    lines: np.ndarray
    boxes: np.ndarray
    texts: list[tuple[str, float, float, float, float]]


def preflight(
    path: Path | str,
    *,
    width_in: float | None = None,
    height_in: float | None = None,
    margin_in: float = 0.0,
    scale: Fraction | str | None = None,
    layers: tuple[str, ...] = (),
) -> Preflight:
    """
    Measure a sheet's file.

    Parameters
    ----------
    path : path
        A PDF written by `citygis.sheets.draw`; of any other maker the checks that find nothing to measure fail.
    width_in, height_in : float, optional
        The paper asked for.
    margin_in : float
        The margin that must be blank.
    scale : Fraction or str, optional
        Feet per inch asked for, or text like ``1in=100ft``; by default what the viewport says, which the rest must agree with.
    layers : tuple of str
        Layers that must be there.

    Returns
    -------
    Preflight

    Raises
    ------
    ReadError
        If the file is not there or not a PDF.
    """
    path = Path(path)
    wanted = scale_of(scale) if isinstance(scale, str) else scale
    try:
        pdf = pikepdf.open(path)
    except FileNotFoundError:
        raise ReadError(f"{path} is not there. Draw it first: citygis sheet SHEET.toml --out {path.name}") from None
    except (pikepdf.PdfError, OSError) as error:
        raise ReadError(f"{path} is not a PDF that can be read: {error}.") from None
    with pdf:
        page = pdf.pages[0]
        box = [float(v) for v in page.mediabox]
        width, height = (box[2] - box[0]) / POINTS_PER_INCH, (box[3] - box[1]) / POINTS_PER_INCH
        viewport = viewport_scale(page)
        feet = float(wanted) if wanted is not None else viewport
        found = _layer_names(pdf)
        checks = [*_size_checks(width, height, width_in, height_in, len(pdf.pages))]
        checks.append(_scale_check("scale of the viewport", viewport, feet))
        sections = _sections(page)
        grid, bar = (_taken_apart(pdf, page, sections.get(_mark(page, name))) for name in ("Grid", "Scale bar"))
        for axis in "EN":
            if measured := grid_scale(grid, axis):
                checks.append(_scale_check(f"scale of the {axis} ticks", measured, feet))
        checks.append(_scale_check("scale of the scale bar", bar_scale(bar), feet))
        checks.append(_words_check(path, feet))
        checks += _font_checks(page)
        gone = [name for name in layers if name not in found]
        checks.append(
            Check("layers", bool(found) and not gone, f"{len(found)}", f"missing: {', '.join(gone)}" if gone else "all there")
        )
        scaling = str(pdf.Root.get("/ViewerPreferences", {}).get("/PrintScaling", "not said"))
        checks.append(Check("print scaling", scaling == "/None", scaling.lstrip("/"), "None"))
    if margin_in > 0:
        ink = margin_ink(path, margin_in)
        checks.append(Check("blank margin", ink == 0, f"{ink} px of ink at {MARGIN_DPI} dpi", f"none within {margin_in:g} in"))
    return Preflight(path, width, height, viewport, found, tuple(checks))


def viewport_scale(page: pikepdf.Page) -> float | None:
    """Feet per inch of a page's first geospatial viewport (ISO 32000-2, 12.10), or None when it has none."""
    try:
        viewport = page.obj["/VP"][0]
        measure = viewport["/Measure"]
        box = np.array([float(v) for v in viewport["/BBox"]])
        degrees = np.array([float(v) for v in measure["/GPTS"]]).reshape(-1, 2)
        square = np.array([float(v) for v in measure["/LPTS"]]).reshape(-1, 2)
        system = measure["/GCS"]
        crs = pyproj.CRS.from_wkt(str(system["/WKT"])) if "/EPSG" not in system else pyproj.CRS.from_epsg(int(system["/EPSG"]))
    except (KeyError, IndexError, ValueError, pyproj.exceptions.CRSError):
        return None
    to_ground = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    ground = np.column_stack(to_ground.transform(degrees[:, 1], degrees[:, 0]))
    paper = box[:2] + square * (box[2:] - box[:2])
    first, second = _farthest(paper)
    return float(np.hypot(*(ground[second] - ground[first])) / np.hypot(*(paper[second] - paper[first])) * POINTS_PER_INCH)


def grid_scale(section: Section | None, axis: str) -> float | None:
    """
    Feet per inch between the outermost ticks of an axis ("E" or "N"), by the figures written beside them.

    None when fewer than two ticks have figures.
    """
    if section is None or not len(section.lines):
        return None
    across = 0 if axis == "E" else 1
    lines = section.lines
    ticks = lines[np.abs(lines[:, 0, across] - lines[:, 1, across]) < 1e-6][:, 0, across]
    known = {}
    for string, *begin, wide, _ in section.texts:
        match = _GRID_FIGURE.fullmatch(string)
        if match and match[1] == axis:
            # A figure stands centred on its tick, so half its width on from where it begins.
            middle = begin[across] + wide / 2
            known[float(match[2].replace(",", ""))] = float(ticks[np.argmin(np.abs(ticks - middle))])
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    return (high - low) / abs(known[high] - known[low]) * POINTS_PER_INCH


def bar_scale(section: Section | None) -> float | None:
    """Feet per inch of a scale bar: the figure at its end over the length of its box. None when there is no bar."""
    if section is None or not len(section.boxes):
        return None
    figures = [float(string.replace(",", "")) for string, *_ in section.texts if re.fullmatch(r"[\d,.]+", string)]
    left, right = section.boxes[:, 0].min(), section.boxes[:, 2].max()
    return max(figures) / (right - left) * POINTS_PER_INCH if figures and right > left else None


def margin_ink(path: Path | str, margin_in: float) -> int:
    """Pixels that are not white within `margin_in` of the page's edges, rendered at 150 dpi, one strip at a time."""
    ink = 0
    with pypdfium2.PdfDocument(path) as document:
        page = document[0]
        wide, high = page.get_size()
        margin = margin_in * POINTS_PER_INCH
        for crop in (
            (0, high - margin, 0, 0),
            (0, 0, 0, high - margin),
            (0, margin, wide - margin, margin),
            (wide - margin, margin, 0, margin),
        ):
            pixels = page.render(scale=MARGIN_DPI / POINTS_PER_INCH, crop=crop, grayscale=True).to_numpy()
            # The last row and column toward the map may be shared with it by rounding.
            pixels = pixels[:-1] if crop[1] else pixels[1:] if crop[3] == high - margin else pixels
            pixels = pixels[:, :-1] if crop[2] else pixels[:, 1:] if crop[0] else pixels
            ink += int((pixels < 250).sum())
    return ink


def _size_checks(width: float, height: float, width_in: float | None, height_in: float | None, pages: int) -> list[Check]:
    measured = f"{width:.4f} x {height:.4f} in"
    checks = [Check("pages", pages == 1, str(pages), "1")]
    if width_in is not None and height_in is not None:
        close = abs(width - width_in) <= SIZE_TOLERANCE_IN and abs(height - height_in) <= SIZE_TOLERANCE_IN
        checks.append(Check("page size", close, measured, f"{width_in:.4f} x {height_in:.4f} in"))
    return checks


def _scale_check(name: str, measured: float | None, feet: float | None) -> Check:
    if measured is None or feet is None:
        return Check(name, False, "not found", "a 1,000-ft line to measure")
    inches, wanted = 1000 / measured, 1000 / feet
    close = abs(inches - wanted) <= SCALE_TOLERANCE_IN
    return Check(name, close, f"1,000 ft = {inches:.5f} in", f"{wanted:.5f} in")


def _words_check(path: Path, feet: float | None) -> Check:
    if feet is None:
        return Check("scale in words", False, "no scale to compare with", "1 inch = N feet")
    words = f"1 inch = {feet_text(Fraction(round(feet * 1e6), 10**6))} feet"
    with pypdfium2.PdfDocument(path) as document:
        text = document[0].get_textpage().get_text_range()
    said = re.findall(r"1 inch = [\d,.]+ feet", text)
    return Check("scale in words", bool(said) and set(said) == {words}, said[0] if said else "not found", words)


def _font_checks(page: pikepdf.Page) -> list[Check]:
    fonts = page.obj["/Resources"].get("/Font", {})
    names, bare, type3 = [], [], []
    for font in fonts.values():
        name = str(font.get("/BaseFont", "unnamed")).lstrip("/")
        names.append(name)
        inner = font["/DescendantFonts"][0] if "/DescendantFonts" in font else font
        descriptor = inner.get("/FontDescriptor", {})
        if font["/Subtype"] == "/Type3":
            type3.append(name)
        elif not any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")):
            bare.append(name)
    return [
        Check("fonts embedded", bool(names) and not bare, f"{len(names) - len(bare)} of {len(names)}", "all"),
        Check("no Type 3 font", not type3, ", ".join(type3) or "none", "none"),
    ]


def _layer_names(pdf: pikepdf.Pdf) -> tuple[str, ...]:
    properties = pdf.Root.get("/OCProperties", {})
    return tuple(str(group["/Name"]) for group in properties.get("/OCGs", []))


def _mark(page: pikepdf.Page, name: str) -> str | None:
    for mark, group in page.obj["/Resources"].get("/Properties", {}).items():
        if str(group.get("/Name", "")) == name:
            return mark
    return None


def _sections(page: pikepdf.Page) -> dict[str, bytes]:
    """The content of each marked layer. Only those are taken apart: a whole city takes minutes, its grid milliseconds."""
    contents = page.obj["/Contents"]
    streams = contents if isinstance(contents, pikepdf.Array) else [contents]
    content = b"\n".join(stream.read_bytes() for stream in streams)
    return {mark.decode(): body for mark, body in re.findall(rb"/OC (/\w+) BDC\s(.*?)\sEMC\s", content + b"\n", flags=re.DOTALL)}


def _taken_apart(pdf: pikepdf.Pdf, page: pikepdf.Page, content: bytes | None) -> Section | None:
    if content is None:
        return None
    fonts = page.obj["/Resources"].get("/Font", {})
    lines, boxes, texts = [], [], []
    points: list[tuple[float, float]] = []
    font, size, matrix = None, 0.0, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    for operands, operator in pikepdf.parse_content_stream(pdf.make_stream(content)):
        match str(operator):
            case "m":
                points.append((float(operands[0]), float(operands[1])))
            case "l":
                points.append((float(operands[0]), float(operands[1])))
                lines.append(points[-2:])
            case "S" | "f" | "B" | "b" | "s" | "n":
                if str(operator) in "fBb" and points:
                    boxes.append((*np.min(points, axis=0), *np.max(points, axis=0)))
                points = []
            case "Tf":
                font, size = _decoder(fonts[str(operands[0])]), float(operands[1])
            case "Tm":
                matrix = tuple(float(v) for v in operands)
            case "Tj":
                string, wide = font(bytes(operands[0]))
                texts.append((string, matrix[4], matrix[5], wide * size, size))
    return Section(np.array(lines, dtype=float).reshape(-1, 2, 2), np.array(boxes, dtype=float).reshape(-1, 4), texts)


def _decoder(font: pikepdf.Object) -> Callable[[bytes], tuple[str, float]]:
    """What turns the codes of a composite font into text and width (in font sizes), by its own ToUnicode map and widths."""
    if "/ToUnicode" not in font or "/DescendantFonts" not in font:
        return lambda codes: ("", 0.0)  # text that cannot be read back: the scale checks will find no figures
    pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>", font["/ToUnicode"].read_bytes())
    letters = {int(code, 16): chr(int(letter, 16)) for code, letter in pairs}
    spelled = list(font["/DescendantFonts"][0]["/W"])
    widths = {int(code): float(wide[0]) / 1000 for code, wide in zip(spelled[::2], spelled[1::2], strict=True)}

    def decode(codes: bytes) -> tuple[str, float]:
        numbers = np.frombuffer(codes, dtype=">u2")
        return "".join(letters.get(int(n), "\ufffd") for n in numbers), sum(widths.get(int(n), 0.0) for n in numbers)

    return decode


def _farthest(points: np.ndarray) -> tuple[int, int]:
    """The two points furthest apart, so that a measure has the longest base."""
    distances = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    first, second = np.unravel_index(np.argmax(distances), distances.shape)
    return int(first), int(second)
