"""
The ink of a page: lines wide enough to print, paths short enough to draw, colours, pictures and transparency.
"""

import numpy as np

from citygis.sheets.checks.check import Asked, Check, Seen, some
from citygis.sheets.looks import MIN_LINE_PT

MAX_PATH_VERTICES = 32_000
"""Older plotter drivers and Illustrator stop near 32,768 points of one path (QGIS issue 29261)."""

MIN_IMAGE_DPI = 150.0

_WIDTH_SLACK_PT = 0.005


def ink_checks(seen: Seen, asked: Asked) -> list[Check]:
    """Line widths, path lengths, colours, pictures and transparency of a page."""
    checks = [_least_line(seen, asked), _longest_path(seen), *_images(seen, asked)]
    if asked.profile and asked.profile.black_only:
        checks.append(_black_only(seen))
    checks.append(_transparency(seen, asked))
    return checks


def _least_line(seen: Seen, asked: Asked) -> Check:
    name = "least line"
    least = asked.profile.min_line_pt if asked.profile else MIN_LINE_PT
    expected = f"{least:g} pt or more"
    lines = seen.content.paths[seen.content.paths["stroke"].astype(bool)]
    if not len(lines):
        return seen.skipped(name, "the page has no lines", expected)
    width = lines["width_pt"].to_numpy(dtype=float)
    thin = lines[width < least - _WIDTH_SLACK_PT]
    measured = "a hairline of width 0" if width.min() == 0 else f"{width.min():.3f} pt"
    if len(thin):
        layers = sorted({layer for layer in thin["layer"] if layer})
        measured += f": {len(thin):,} of {len(lines):,} paths" + (f" in {some(layers)}" if layers else "")
    return seen.check(name, not len(thin), measured, expected)


def _longest_path(seen: Seen) -> Check:
    count = seen.content.paths["count"]
    most = int(count.max()) if len(count) else 0
    return seen.check("longest path", most <= MAX_PATH_VERTICES, f"{most:,} points", f"{MAX_PATH_VERTICES:,} or fewer")


def _black_only(seen: Seen) -> Check:
    content = seen.content
    coloured = [
        (f"{len(some_):,} {kind}", some_["layer"])
        for kind, some_ in (
            ("paths", content.paths[~content.paths["grey"].astype(bool)]),
            ("texts", content.texts[~content.texts["grey"].astype(bool)]),
            ("pictures", content.images[~content.images["space"].isin(("Gray", "Indexed Gray", "stencil"))]),
        )
        if len(some_)
    ]
    said = [figure for figure, _ in coloured] + ([f"{content.shadings} shadings"] if content.shadings else [])
    layers = sorted({layer for _, of in coloured for layer in of if layer})
    measured = f"{some(said, 4)}" + (f" in {some(layers)}" if layers else "") if said else "no colour"
    return seen.check("black only", not said, measured, "no colour")


def _images(seen: Seen, asked: Asked) -> list[Check]:
    name = "picture resolution"
    least = asked.profile.min_image_dpi if asked.profile else MIN_IMAGE_DPI
    images = seen.content.images
    images = images[(images["wide_in"] > 0) & (images["high_in"] > 0)]
    if not len(images):
        return [seen.skipped(name, "the page has no pictures", f"{least:g} dpi or more")]
    dpi = np.minimum(images["width_px"] / images["wide_in"], images["height_px"] / images["high_in"])
    spaces = ", ".join(f"{count} {space}" for space, count in images["space"].value_counts(sort=False).sort_index().items())
    # Pixels are whole: a picture may miss the resolution by one of them.
    coarse = dpi * (1 + 1 / images[["width_px", "height_px"]].min(axis=1)) < least
    unknown = images["space"].isin(("not said",))
    return [
        seen.check(name, not coarse.any(), f"{dpi.min():.0f} dpi, {len(images)} pictures", f"{least:g} dpi or more"),
        seen.check("picture colours", not unknown.any(), spaces, "stated"),
    ]


def _transparency(seen: Seen, asked: Asked) -> Check:
    content = seen.content
    through = int((content.paths["alpha"] < 1).sum() + (content.texts["alpha"] < 1).sum())
    masked = int(content.images["masked"].astype(bool).sum())
    said = [f"{through:,} paths and texts"] if through else []
    said += [f"{masked} pictures"] if masked else []
    said += ["blend modes or soft masks"] if content.blended else []
    measured = f"present: {', '.join(said)}" if said else "none"
    if asked.device == "hpgl":
        return seen.check("transparency", not said, measured, "none: HP-GL/2 paints over what is below")
    return seen.check("transparency", True, measured, "allowed; --device hpgl asks for none")
