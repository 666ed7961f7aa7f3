"""
The lettering of a page: fonts that print anywhere, letters that can be read, labels that lie on nothing and are whole.
"""

import numpy as np

from citygis.sheets.checks.check import TOLD, Asked, Check, Seen, some
from citygis.sheets.page_fonts import PageFont
from citygis.sheets.page_labels import clipped, overlapping
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import MIN_TEXT_PT

_SIZE_SLACK_PT = 0.005
"""Matrices are written with six digits."""


def lettering_checks(seen: Seen, asked: Asked) -> list[Check]:
    """Fonts, least text, overlaps and clipped labels of a page."""
    return [*_fonts(seen, asked), _least(seen, asked), _overlaps(seen), _clipped(seen)]


def _fonts(seen: Seen, asked: Asked) -> list[Check]:
    fonts = list(_by_name(seen).values())
    if not fonts:
        names = ("fonts embedded", "no Type 3 font", "text can be searched")
        return [seen.skipped(name, "the page has no text", "all") for name in names]
    bare = [font.name for font in fonts if not font.embedded]
    type3 = [font.name for font in fonts if font.kind == "Type 3"]
    mute = [font.name for font in fonts if not font.searchable]
    checks = [
        seen.check(
            "fonts embedded", not bare, f"{len(fonts) - len(bare)} of {len(fonts)}" + (f", not {some(bare)}" if bare else ""), "all"
        ),
        seen.check("no Type 3 font", not type3, some(type3) or "none", "none"),
        seen.check(
            "text can be searched", not mute, f"not {some(mute)}" if mute else f"{len(fonts)} fonts say what they write", "all"
        ),
    ]
    if seen.made_here or asked.profile:
        others = [f"{font.name} ({font.kind})" for font in fonts if font.kind not in ("TrueType", "Type 3")]
        checks.append(seen.check("TrueType fonts", not others, some(others) or f"{len(fonts)} of {len(fonts)}", "all"))
    return checks


def _by_name(seen: Seen) -> dict[str, PageFont]:
    """Fonts that show something, one of each name; one that is not embedded stands for those of its name that are."""
    found: dict[str, PageFont] = {}
    for font in seen.content.fonts:
        if font.name not in found or not font.embedded:
            found[font.name] = font
    return found


def _least(seen: Seen, asked: Asked) -> Check:
    name = "least text"
    least = asked.profile.min_text_pt if asked.profile else MIN_TEXT_PT
    expected = f"{least:g} pt or more"
    texts = seen.labels.pieces
    if not len(texts):
        return seen.skipped(name, "the page has no text", expected)
    size = texts["size_pt"].to_numpy(dtype=float)
    smallest = int(np.argmin(size))
    tall = np.hypot(texts["up_x"].iat[smallest], texts["up_y"].iat[smallest]) / POINTS_PER_INCH
    measured = f"{size[smallest]:.2f} pt, capitals {tall:.3f} in"
    small = np.unique(texts["label"].to_numpy()[size < least - _SIZE_SLACK_PT])
    if len(small):
        measured += f": {_texts(seen, small)}"
    return seen.check(name, not len(small), measured, expected)


def _overlaps(seen: Seen) -> Check:
    name, expected = "labels on each other", "none"
    pieces, labels = seen.labels.pieces, seen.labels.labels
    where = "on the page"
    if seen.viewports:
        left, bottom, right, top = seen.viewports[0].box_pt
        pieces = pieces[pieces["left"].between(left, right) & pieces["baseline"].between(bottom, top)]
        where = "in the map"
    if not len(pieces):
        return seen.skipped(name, f"there is no text {where}", expected)
    pairs = overlapping(pieces)
    figure = f"{len(pairs):,} of {pieces['label'].nunique():,} labels {where}"
    if len(pairs):
        strings = labels["string"]
        figure += ": " + some([f"{strings.iat[a]!r} and {strings.iat[b]!r}" for a, b in pairs[:TOLD]], of=len(pairs))
    return seen.check(name, not len(pairs), figure, expected)


def _clipped(seen: Seen) -> Check:
    pieces, labels = seen.labels.pieces, seen.labels.labels
    cut = clipped(pieces, seen.content.clips)
    figure = f"{len(cut):,} of {len(labels):,}"
    if len(cut):
        figure += f": {_texts(seen, cut)}"
    return seen.check("clipped labels", not len(cut), figure, "none")


def _texts(seen: Seen, numbers: np.ndarray) -> str:
    strings = seen.labels.labels["string"]
    return some([repr(strings.iat[i]) for i in numbers[:TOLD]], of=len(numbers))
