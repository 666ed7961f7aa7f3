"""
Preflight: the written PDF opened again and measured, before it is printed or signed.

Nothing is taken from the drawing code, and nothing assumed of who wrote the file: scale from geospatial viewports, grid ticks,
scale bars and words; margins from the rendered page; lettering, ink and layers from what the page paints.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pikepdf
import pypdfium2

from citygis.errors import ReadError, SheetError
from citygis.sheets.checks.check import MAKER, Asked, Check, Seen
from citygis.sheets.checks.document import document_checks, layer_names
from citygis.sheets.checks.ink import ink_checks
from citygis.sheets.checks.lettering import lettering_checks
from citygis.sheets.checks.paper import margin_ink, paper_checks
from citygis.sheets.checks.scale import scale_checks
from citygis.sheets.frame import scale_of
from citygis.sheets.page_content import page_content
from citygis.sheets.page_labels import page_labels
from citygis.sheets.page_viewports import page_viewports
from citygis.sheets.paper import margins, paper_profiles
from citygis.sheets.profile import Profile, profiles
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import nearest

__all__ = ["Check", "Preflight", "margin_ink", "preflight", "preflight_names"]

MAX_PAGES = 2_000


class Preflight(NamedTuple):
    """
    What a file was found to be.

    Parameters
    ----------
    path : Path
    width_in, height_in : float
        Of the first page.
    feet_per_inch : float or None
        From its first geospatial viewport; None when it has none.
    layers : tuple of str
        In the file's order.
    checks : tuple of Check
        Those of the file, then page by page.
    """

    path: Path
    width_in: float
    height_in: float
    feet_per_inch: float | None
    layers: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed; those that cannot be made do not count."""
        return all(check.passed for check in self.checks)


def preflight(
    path: Path | str,
    *,
    width_in: float | None = None,
    height_in: float | None = None,
    margin_in: float | tuple[float, float, float, float] | None = None,
    scale: Fraction | str | None = None,
    layers: tuple[str, ...] = (),
    profile: str | None = None,
    roll_in: float | None = None,
    device: str | None = None,
    pages: int | None = None,
) -> Preflight:
    """
    Measure a sheet's file, whoever wrote it.

    Parameters
    ----------
    path : path
        A PDF. A check that finds nothing to measure is skipped and says why; in a file that citygis wrote, what it always
        writes must be there.
    width_in, height_in : float, optional
        The paper asked for, in place of the profile's.
    margin_in : float or tuple, optional
        The margin that must be blank, all round or left, bottom, right and top; in place of the profile's.
    scale : Fraction or str, optional
        Feet per inch asked for, or text like ``1in=100ft``; by default the round scale next to what the file states, which the
        rest must agree with.
    layers : tuple of str
        Layers that must be there, each with ink.
    profile : str, optional
        The name of a profile (``map_act``) or of a paper (``arch_d``): size, margin, words, furniture, least text and line.
    roll_in : float, optional
        The width of the roll it is plotted on.
    device : str, optional
        ``hpgl``: transparency fails.
    pages : int, optional
        How many there must be.

    Returns
    -------
    Preflight

    Raises
    ------
    ReadError
        If the file is not there, not a PDF, locked with a password, damaged, or draws without end.
    SheetError
        If there is no such profile or paper.
    ValueError
        If `scale` or `device` is not one.
    """
    path = Path(path)
    if device not in (None, "hpgl", "pdf"):
        raise ValueError(f"Invalid device {device!r}. Must be hpgl or pdf.")
    wanted = scale_of(scale) if isinstance(scale, str) else scale
    asked = _asked(profile)._replace(
        feet_per_inch=float(wanted) if wanted is not None else None,
        layers=tuple(layers),
        roll_in=roll_in,
        device=device,
        pages=pages,
    )
    if width_in is not None and height_in is not None:
        asked = asked._replace(sizes_in=(("", width_in, height_in),))
    if margin_in is not None:
        asked = asked._replace(margins_in=margin_in if isinstance(margin_in, tuple) else margins(margin_in))
    try:
        with _opened(path) as pdf:
            seen = list(_pages(path, pdf))
            checks = document_checks(pdf, seen, asked)
            for one in seen:
                checks += [
                    *paper_checks(one, asked),
                    *scale_checks(one, asked),
                    *lettering_checks(one, asked),
                    *ink_checks(one, asked),
                ]
            found = layer_names(pdf)
    except (pikepdf.PdfError, pypdfium2.PdfiumError, RecursionError) as error:
        raise ReadError(f"{path} is damaged: {error}. Ask for the file again.") from None
    except ReadError as error:
        raise ReadError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    first = seen[0]
    main = next((each for each in first.viewports if each.crs is not None), None)
    return Preflight(path, first.width_in, first.height_in, main.feet_per_inch if main else None, found, tuple(checks))


def preflight_names() -> tuple[str, ...]:
    """What `profile` may be: profiles, then papers."""
    return (*profiles(), *paper_profiles())


def _asked(name: str | None) -> Asked:
    """What a profile asks, or a paper."""
    if name is None:
        return Asked()
    papers = paper_profiles()
    if name not in profiles() and name not in papers:
        raise SheetError(f"There is no profile or paper {name!r}{nearest(name, list(preflight_names()))}")
    profile: Profile | None = profiles().get(name)
    allowed = profile.papers if profile else (name,)
    sizes = tuple((each, *(papers[each].size_in if not papers[each].roll else (papers[each].width_in, None))) for each in allowed)
    least = profile.margin_in if profile else None
    blank = [margins(papers[each].margin_in) for each in allowed]
    if least is not None:
        kept = margins(least)
    elif blank:
        # Which of several papers a page is does not say how it lies, so the margin is what all of them leave blank.
        kept = tuple(min(sides) for sides in zip(*blank, strict=True))
    else:
        kept = None
    return Asked(sizes_in=sizes, margins_in=kept, profile=profile)


def _opened(path: Path) -> pikepdf.Pdf:
    try:
        return pikepdf.open(path)
    except FileNotFoundError:
        raise ReadError(f"{path} is not there. Draw it first: citygis sheet SHEET.toml --out {path.name}") from None
    except pikepdf.PasswordError:
        raise ReadError(f"{path} is locked with a password. Ask for a copy that is not.") from None
    except (pikepdf.PdfError, OSError) as error:
        raise ReadError(f"{path} is not a PDF that can be read: {error}.") from None


def _pages(path: Path, pdf: pikepdf.Pdf) -> Iterator[Seen]:
    """The pages taken apart, one after the other."""
    if not len(pdf.pages):
        raise ReadError(f"{path} has no pages.")
    if len(pdf.pages) > MAX_PAGES:
        raise ReadError(f"{path} has {len(pdf.pages):,} pages; {MAX_PAGES:,} at most are measured. Split it.")
    made_here = str(pdf.docinfo.get("/Producer", "")).startswith(MAKER)
    with pypdfium2.PdfDocument(path) as document:
        for number, page in enumerate(pdf.pages, start=1):
            left, bottom, right, top = (float(v) for v in page.mediabox)
            # Taken apart first: what draws without end is refused before a renderer meets it.
            content = page_content(page)
            yield Seen(
                path,
                number,
                page,
                abs(right - left) / POINTS_PER_INCH,
                abs(top - bottom) / POINTS_PER_INCH,
                content,
                page_labels(content),
                page_viewports(page),
                document[number - 1].get_textpage().get_text_range(),
                made_here,
            )
