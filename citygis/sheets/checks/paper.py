"""
A page as paper: its size and boxes, how it lies, its blank margin, and whether it goes on the roll.
"""

from pathlib import Path

import pypdfium2

from citygis.sheets.checks.check import Asked, Check, Seen
from citygis.sheets.paper import MAX_SIDE_IN
from citygis.sheets.scene import POINTS_PER_INCH

SIZE_TOLERANCE_IN = 0.01

MARGIN_DPI = 150

_MAX_PIXELS = 4e8
"""A picture on the page with more is not rendered: 400 megapixels are 36 x 48 in at 480 dpi."""


def paper_checks(seen: Seen, asked: Asked) -> list[Check]:
    """Size, boxes, direction, margin and roll of a page."""
    wide, high = seen.width_in, seen.height_in
    checks = [_size(seen, asked), _boxes(seen)]
    turned = int(seen.page.obj.get("/Rotate", 0)) % 360
    checks.append(seen.check("rotation", turned == 0, f"{turned} degrees", "0: the page lies as it is read"))
    unit = float(seen.page.obj.get("/UserUnit", 1))
    longest = max(wide, high) * unit
    checks.append(
        seen.check(
            "page units",
            unit == 1 and longest <= MAX_SIDE_IN + SIZE_TOLERANCE_IN,
            f"UserUnit {unit:g}, longest side {longest:,.2f} in",
            f"UserUnit 1 (not all readers know another), at most {MAX_SIDE_IN:g} in",
        )
    )
    if asked.margins_in is not None and any(asked.margins_in):
        checks.append(_margin(seen, asked.margins_in))
    if asked.roll_in is not None:
        short = min(wide, high)
        checks.append(
            seen.check("fits the roll", short <= asked.roll_in + SIZE_TOLERANCE_IN, f"{short:.4f} in", f"{asked.roll_in:g} in")
        )
    return checks


def margin_ink(path: Path | str, margins_in: float | tuple[float, float, float, float], page: int = 1) -> int:
    """
    Pixels that are not white in the margins of a page, rendered at 150 dpi, one strip at a time.

    Parameters
    ----------
    path : path
    margins_in : float or tuple
        All round, or left, bottom, right and top.
    page : int
        From 1.
    """
    each = margins_in if isinstance(margins_in, tuple) else (margins_in,) * 4
    left, bottom, right, top = (margin * POINTS_PER_INCH for margin in each)
    ink = 0
    with pypdfium2.PdfDocument(path) as document:
        sheet = document[page - 1]
        wide, high = sheet.get_size()
        # What pypdfium2 crops away: left, bottom, right, top; and which edge of the strip faces the map.
        strips = (
            ((0, high - top, 0, 0), "below"),
            ((0, 0, 0, high - bottom), "above"),
            ((0, bottom, wide - left, top), "right"),
            ((wide - right, bottom, 0, top), "left"),
        )
        for (crop, toward), deep in zip(strips, (top, bottom, left, right), strict=True):
            if deep <= 0 or wide - crop[0] - crop[2] <= 0 or high - crop[1] - crop[3] <= 0:
                continue
            pixels = sheet.render(scale=MARGIN_DPI / POINTS_PER_INCH, crop=crop, grayscale=True).to_numpy()
            # The last row or column toward the map may be shared with it by rounding.
            match toward:
                case "below":
                    pixels = pixels[:-1]
                case "above":
                    pixels = pixels[1:]
                case "right":
                    pixels = pixels[:, :-1]
                case "left":
                    pixels = pixels[:, 1:]
            ink += int((pixels < 250).sum())
    return ink


def _size(seen: Seen, asked: Asked) -> Check:
    measured = f"{seen.width_in:.4f} x {seen.height_in:.4f} in"
    if not asked.sizes_in:
        return seen.check("page size", True, measured, "any: none was asked")
    sides = (seen.width_in, seen.height_in)
    fits = False
    for name, wide, high in asked.sizes_in:
        if high is None:
            fits |= min(abs(side - wide) for side in sides) <= SIZE_TOLERANCE_IN
            continue
        # A paper may lie either way, a size that was asked for may not.
        for way in ((wide, high), (high, wide)) if name else ((wide, high),):
            fits |= all(abs(a - b) <= SIZE_TOLERANCE_IN for a, b in zip(sides, way, strict=True))
    said = " or ".join(
        f"{wide:.4f} {f'x {high:.4f} in' if high else 'in wide'}{f' ({name})' if name else ''}"
        for name, wide, high in asked.sizes_in
    )
    return seen.check("page size", fits, measured, said)


def _boxes(seen: Seen) -> Check:
    page = seen.page
    media = [float(v) for v in page.mediabox]
    off = {}
    for name, box in (("CropBox", page.cropbox), ("TrimBox", page.trimbox)):
        differs = max(abs(float(a) - b) for a, b in zip(box, media, strict=True)) / POINTS_PER_INCH
        if differs > SIZE_TOLERANCE_IN:
            off[name] = f"{name} {(float(box[2]) - float(box[0])) / 72:.2f} x {(float(box[3]) - float(box[1])) / 72:.2f} in"
    return seen.check("page boxes", not off, ", ".join(off.values()) or "all the page", "crop and trim box are all the page")


def _margin(seen: Seen, margins_in: tuple[float, float, float, float]) -> Check:
    same = len(set(margins_in)) == 1
    left, bottom, right, top = margins_in
    within = f"{left:g} in" if same else f"{left:g} in left, {bottom:g} in below, {right:g} in right, {top:g} in above"
    expected = f"none within {within}"
    images = seen.content.images
    if len(images) and (images["width_px"].astype(float) * images["height_px"]).max() > _MAX_PIXELS:
        return seen.skipped("blank margin", "a picture on it is too large to render", expected)
    ink = margin_ink(seen.path, margins_in, seen.number)
    return seen.check("blank margin", ink == 0, f"{ink} px of ink at {MARGIN_DPI} dpi", expected)
