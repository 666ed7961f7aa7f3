"""
The scale of a page by everything that states it: geospatial viewports, grid ticks, scale bar and words; and that they agree.
"""

import math
import re
from fractions import Fraction

import numpy as np

from citygis.sheets.checks.check import Asked, Check, Seen, some
from citygis.sheets.frame import feet_text
from citygis.sheets.page_measures import Ticks, bar, ticks
from citygis.sheets.page_viewports import PageViewport
from citygis.sheets.scene import POINTS_PER_INCH

SCALE_TOLERANCE_IN = 0.001
"""How far the longest length that can be measured may be off on paper."""

GROUND_TOLERANCE_FT = 0.01
"""How far places may be off by their coordinates."""

_DRAWN_PT = 0.002
"""What drawn coordinates rounded to hundredths of a point can shift the mean of some ticks."""

_ROUND_SHARE = 1e-3
"""A scale this close to a round one was meant to be the round one."""

_PHRASE = r"""1\s*(?:inch|in\.?|["”])\s*=\s*(\d[\d,]*(?:\.\d+)?)\s*(?:feet|foot|ft\.?|['’])"""
_WORDS = re.compile(rf"\b{_PHRASE}", re.IGNORECASE)
_STATED = re.compile(rf"(?:scale\W*)?{_PHRASE}\W*", re.IGNORECASE)
_RATIO = re.compile(r"\bscale\W{1,3}1\s*:\s*(\d[\d,]*)", re.IGNORECASE)


def scale_checks(seen: Seen, asked: Asked) -> list[Check]:
    """What a page states of its scale and place, measured against the scale asked, or the round one next to what it states."""
    drawn = ticks(seen.content, seen.labels.labels)
    length = bar(seen.content, seen.labels.labels)
    said = _said(seen)
    main = next((each for each in seen.viewports if each.crs is not None), None)
    is_map = bool(seen.viewports or drawn or length or said)
    stated = main.feet_per_inch if main else drawn[0].feet_per_inch if drawn else length.feet_per_inch if length else None
    feet = asked.feet_per_inch or (_round(stated) if stated else said[0] if said else None)
    checks = [*_viewports(seen, main, feet, must=seen.made_here and is_map)]
    for axis in "EN":
        found = next((each for each in drawn if each.axis == axis), None)
        name = f"scale of the {axis} ticks"
        if found is None:
            checks.append(seen.skipped(name, f"no two {axis} figures with a tick", _wanted(feet)))
            continue
        checks.append(_length(seen, name, found.feet_per_inch, feet, found.longest_in))
        checks.append(
            seen.check(
                f"{axis} figures",
                not found.wrong,
                f"wrong: {some(found.wrong)}" if found.wrong else f"{len(found.values_ft)} fit each other",
                "each figure where the others put it",
            )
        )
    if main is not None and drawn:
        checks.append(_place(seen, main, drawn))
    checks.append(_bar(seen, length, feet, must=seen.made_here and is_map and asked.feet_per_inch is not None))
    checks.append(_words(seen, said, feet, must=seen.made_here and is_map))
    return checks


def _viewports(seen: Seen, main: PageViewport | None, feet: float | None, *, must: bool) -> list[Check]:
    name = "scale of the viewport"
    if not seen.viewports:
        if must:
            return [seen.check(name, False, "the page has no geospatial viewport", _wanted(feet))]
        return [seen.skipped(name, "the page has no geospatial viewport", _wanted(feet))]
    unread = [each for each in seen.viewports if each.crs is None]
    apart = [each for each in seen.viewports if each.apart_ft is not None and not each.apart_ft <= GROUND_TOLERANCE_FT]
    wrong = [f"{each.name or 'map'}: {each.crs_name}" for each in unread]
    wrong += [f"{each.name or 'map'}: EPSG and WKT {each.apart_ft:,.2f} ft apart" for each in apart]
    names = sorted({each.crs_name for each in seen.viewports})
    checks = [
        seen.check(
            "viewport systems",
            not wrong,
            "; ".join(wrong) or f"{len(seen.viewports)}: {some(names)}",
            "all can be read, code and text agree",
        )
    ]
    if main is None:
        return checks
    checks.append(_length(seen, name, main.feet_per_inch, feet, main.longest_in))
    misfit = max(each.misfit_ft for each in seen.viewports if each.misfit_ft is not None)
    expected = f"less than {GROUND_TOLERANCE_FT:g} ft off a true map"
    checks.append(seen.check("viewport corners", misfit < GROUND_TOLERANCE_FT, f"{misfit:.4f} ft", expected))
    left, bottom, right, top = main.box_pt
    inside = left > -1 and bottom > -1 and right < seen.width_in * 72 + 1 and top < seen.height_in * 72 + 1
    checks.append(seen.check("viewport on the page", inside, "on it" if inside else "reaches over its edge", "on the page"))
    return checks


def _place(seen: Seen, main: PageViewport, drawn: tuple[Ticks, ...]) -> Check:
    """The grid's figures against the viewport's coordinates at their ticks."""
    off = {}
    for each in drawn:
        ground = main.to_ground(each.points)[:, "EN".index(each.axis)]
        # The mean: rounding of drawn coordinates goes either way.
        off[each.axis] = float(np.mean(ground - each.values_ft))
    worst = max(off, key=lambda axis: abs(off[axis]))
    most = max(GROUND_TOLERANCE_FT, _DRAWN_PT * main.feet_per_inch / POINTS_PER_INCH)
    measured = ", ".join(f"{axis} {value:+.4f} ft" for axis, value in off.items())
    return seen.check("viewport at the ticks", abs(off[worst]) < most, measured, f"less than {most:.3g} ft off the figures")


def _length(seen: Seen, name: str, measured: float, feet: float | None, longest_in: float) -> Check:
    off = longest_in * abs(measured / feet - 1)
    figure = f"1,000 ft = {1000 / measured:.5f} in"
    if off > SCALE_TOLERANCE_IN:
        figure += f": {off:.4f} in off in {longest_in:.1f} in"
    return seen.check(name, off <= SCALE_TOLERANCE_IN, figure, _wanted(feet))


def _bar(seen: Seen, length, feet: float | None, *, must: bool) -> Check:
    name = "scale of the scale bar"
    if length is None:
        why = "no bar with figures from 0 in feet was found"
        return seen.check(name, False, why, _wanted(feet)) if must else seen.skipped(name, why, _wanted(feet))
    if length.off_in > SCALE_TOLERANCE_IN:
        return seen.check(name, False, f"a figure stands {length.off_in:.4f} in off its mark", _wanted(feet))
    return _length(seen, name, length.feet_per_inch, feet, length.length_in)


def _said(seen: Seen) -> list[float]:
    """Feet per inch as words state it: those that stand alone; else those within a sentence, which may speak of another scale."""
    lines = [*seen.words.splitlines(), *seen.labels.labels["string"]]
    alone = [match[1] for line in lines if "1" in line and (match := _STATED.fullmatch(line.strip()))]
    return [float(text.replace(",", "")) for text in alone or _WORDS.findall(seen.words)]


def _words(seen: Seen, said: list[float], feet: float | None, *, must: bool) -> Check:
    name = "scale in words"
    ratios = [float(text.replace(",", "")) / 12 for text in _RATIO.findall(seen.words)]
    if feet is None or not (said or ratios):
        why = "no words like 1 inch = 100 feet were found" if feet else "no scale to compare with"
        wanted = _phrase(feet)
        return seen.check(name, False, why, wanted) if must else seen.skipped(name, why, wanted)
    known = [feet, *(_round(each.feet_per_inch) for each in seen.viewports if each.feet_per_inch)]
    # 1:1,200 is said of 100 feet in either foot, which differ by 2 parts in a million.
    wrong = [_phrase(value) for value in said if not any(math.isclose(value, one, rel_tol=1e-9) for one in known)]
    wrong += [f"1:{value * 12:,.0f}" for value in ratios if not any(math.isclose(value, one, rel_tol=1e-5) for one in known)]
    main = any(math.isclose(value, feet, rel_tol=1e-5) for value in [*said, *ratios])
    measured = some(wrong) if wrong else _phrase(said[0]) if said else f"1:{ratios[0] * 12:,.0f}"
    return seen.check(name, main and not wrong, measured, _phrase(feet))


def _round(feet: float) -> float:
    """The number of two digits that a scale was meant to be, or the scale itself."""
    near = float(f"{feet:.1e}")
    return near if abs(feet / near - 1) < _ROUND_SHARE else feet


def _wanted(feet: float | None) -> str:
    return f"{1000 / feet:.5f} in" if feet else "a 1,000-ft line to measure"


def _phrase(feet: float | None) -> str:
    return f"1 inch = {feet_text(Fraction(round(feet * 1e6), 10**6))} feet" if feet else "1 inch = N feet"
