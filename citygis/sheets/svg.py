"""
The SVG backend: a scene as a drawing for a browser or a notebook, with its layers as groups and its fonts inside.

For printing there is the PDF; this shows the same scene on a screen.
"""

import base64
import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from citygis.sheets.fonts import FONTS, font
from citygis.sheets.numerals import spelled
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Scene, Texts, Tile

_CAPS = {"butt": "butt", "round": "round", "projecting": "square"}

_STYLES = {name: f"Sheet {name}" for name in FONTS}
"""Family names of the embedded fonts, so that none of the reader's own is taken."""


def svg_text(scene: Scene) -> str:
    """
    A scene as an SVG drawing of its true size.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    str
        SVG 1.1 with text as text. Every layer is a ``g`` whose ``id`` is its name in small letters with hyphens (a second one of
        that name has a ``-2``), and a layer for Inkscape. Depends on the scene and the installed libraries only.

    Raises
    ------
    SheetError
        If a font lacks a letter.
    """
    width, height = f"{scene.width_pt:.6g}", f"{scene.height_pt:.6g}"
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" version="1.1" '
        f'width="{scene.width_pt / POINTS_PER_INCH:.8g}in" height="{scene.height_pt / POINTS_PER_INCH:.8g}in" '
        f'viewBox="0 0 {width} {height}">',
        f"<style>{_font_faces(scene)}</style>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for group, mark in zip(scene.groups, _marks(scene), strict=True):
        parts += _group(group, mark, scene.height_pt)
    return "\n".join([*parts, "</svg>", ""])


def _marks(scene: Scene) -> list[str]:
    marks: list[str] = []
    for group in scene.groups:
        mark = re.sub(r"[^\w.]+", "-", group.name.lower()).strip("-")
        mark = mark if mark[:1].isalpha() else f"layer-{mark}"
        same = sum(other == mark or re.fullmatch(re.escape(mark) + r"-\d+", other) is not None for other in marks)
        marks.append(f"{mark}-{same + 1}" if same else mark)
    return marks


def _font_faces(scene: Scene) -> str:
    used: dict[str, set[str]] = {}
    for group in scene.groups:
        for batch in group.batches:
            if isinstance(batch, Texts):
                used.setdefault(batch.font, set()).update(*batch.strings)
    faces = []
    for name in sorted(used):
        data = base64.b64encode(font(name).web(used[name])).decode()
        faces.append(f'@font-face{{font-family:"{_STYLES[name]}";src:url(data:font/woff;base64,{data}) format("woff")}}')
    # As in the PDF: every glyph by its own advance width.
    return "".join(faces) + "text{white-space:pre;font-kerning:none;font-variant-ligatures:none}"


def _group(group: Group, mark: str, height_pt: float) -> Iterator[str]:
    look = "" if group.on else ' style="display:none"'
    if group.clip_pt is not None:
        left, bottom, right, top = group.clip_pt
        box = [f"{v:.6g}" for v in (left, height_pt - top, right - left, top - bottom)]
        # Named after its box: in a notebook the drawings of several sheets are one document.
        clip = "clip-" + "-".join(box).replace(".", "_")
        x, y, wide, high = box
        yield f'<clipPath id="{clip}"><rect x="{x}" y="{y}" width="{wide}" height="{high}"/></clipPath>'
        look += f' clip-path="url(#{clip})"'
    yield f'<g id="{mark}" inkscape:groupmode="layer" inkscape:label={quoteattr(group.name)}{look}>'
    for batch in group.batches:
        if isinstance(batch, Paths):
            if len(batch.points) and (batch.fill or batch.stroke):
                yield _path(batch, height_pt)
        elif isinstance(batch, Texts):
            yield from _texts(batch, height_pt)
        else:
            yield f'<g opacity="{batch.opacity:.4g}">'
            yield from (_image(tile, height_pt) for tile in batch.tiles)
            yield "</g>"
    yield "</g>"


def _path(batch: Paths, height_pt: float) -> str:
    look = [f'fill="{batch.fill or "none"}"']
    if batch.stroke:
        join = "round" if batch.cap == "round" else "miter"
        look.append(f'stroke="{batch.stroke}" stroke-width="{batch.width_pt:.6g}" stroke-linecap="{_CAPS[batch.cap]}"')
        look.append(f'stroke-linejoin="{join}" stroke-miterlimit="10"')
        if batch.dash_pt:
            look.append(f'stroke-dasharray="{" ".join(f"{v:.6g}" for v in batch.dash_pt)}"')
    if batch.opacity < 1:
        look.append(f'opacity="{batch.opacity:.4g}"')
    starts = np.asarray(batch.starts)
    before, after = np.full(len(batch.points), b"L"), np.zeros(len(batch.points), dtype="S1")
    before[starts] = b"M"
    if batch.closed:
        after[np.append(starts[1:], len(batch.points)) - 1] = b"Z"
    return f'<path {" ".join(look)} d="{spelled(_flipped(batch.points, height_pt), before=before, after=after).decode()}"/>'


def _texts(batch: Texts, height_pt: float) -> Iterator[str]:
    look = f'font-family="{_STYLES[batch.font]}" fill="{batch.color}"'
    if batch.halo and batch.halo_pt > 0:
        look += f' stroke="{batch.halo}" stroke-width="{2 * batch.halo_pt:.6g}" stroke-linejoin="round"'
        # All bands first, so that none covers a letter beside it.
        yield f'<g {look} aria-hidden="true">'
        yield from _lines(batch, height_pt)
        yield "</g>"
        look = look.partition(" stroke=")[0]
    yield f"<g {look}>"
    yield from _lines(batch, height_pt)
    yield "</g>"


def _lines(batch: Texts, height_pt: float) -> Iterator[str]:
    begins = spelled(_flipped(np.round(batch.points, 2), height_pt), after=b"\n").decode().splitlines()
    for string, begin, angle, size in zip(batch.strings, begins, batch.angles_deg, batch.sizes_pt, strict=True):
        turn = f" rotate({-angle:.6g})" if angle else ""
        yield f'<text transform="translate({begin}){turn}" font-size="{size:.6g}">{escape(string)}</text>'


def _image(tile: Tile, height_pt: float) -> str:
    a, b, c, d, e, f = tile.affine
    # The unit square's second axis goes up in the scene and down here, and so does the page's.
    matrix = " ".join(f"{v:.6f}" for v in (a, -b, -c, d, c + e, height_pt - d - f))
    data = base64.b64encode(tile.jpeg).decode()
    return (
        f'<image width="1" height="1" preserveAspectRatio="none" transform="matrix({matrix})" '
        f'xlink:href="data:image/jpeg;base64,{data}"/>'
    )


def _flipped(points: np.ndarray, height_pt: float) -> np.ndarray:
    return np.column_stack([points[:, 0], height_pt - points[:, 1]])
