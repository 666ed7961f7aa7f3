"""
One thing looked at in a written sheet, what is asked of it, and the page that is looked at.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pikepdf

from citygis.sheets.page_content import PageContent
from citygis.sheets.page_labels import PageLabels
from citygis.sheets.page_viewports import PageViewport
from citygis.sheets.profile import Profile

MAKER = "citygis"
"""What a file's Producer begins with when we wrote it: then what we always write must be there."""


TOLD = 3
"""How many of many things a check names."""


class Check(NamedTuple):
    """
    One thing looked at: what, whether it is as it must be, what was measured, what was asked.

    A thing that cannot be measured in a file is `skipped`: it does not fail, and `measured` says why.
    """

    name: str
    passed: bool
    measured: str
    expected: str
    page: int | None = None
    skipped: bool = False

    @property
    def status(self) -> str:
        """``pass``, ``fail`` or ``skip``."""
        return "skip" if self.skipped else "pass" if self.passed else "fail"


class Asked(NamedTuple):
    """
    What a file must be, as far as it is known.

    Parameters
    ----------
    sizes_in : tuple of (name, width, height)
        Papers it may be on, in either direction; a height of None is a roll's. None at all: any.
    margins_in : tuple of float, optional
        Left, bottom, right, top that must be blank.
    feet_per_inch : float, optional
    layers : tuple of str
        That must be there, with ink.
    profile : Profile, optional
    roll_in : float, optional
        The width of the roll it is plotted on.
    device : str, optional
        ``hpgl`` for a plotter that knows no transparency.
    pages : int, optional
    """

    sizes_in: tuple[tuple[str, float, float | None], ...] = ()
    margins_in: tuple[float, float, float, float] | None = None
    feet_per_inch: float | None = None
    layers: tuple[str, ...] = ()
    profile: Profile | None = None
    roll_in: float | None = None
    device: str | None = None
    pages: int | None = None


class Seen(NamedTuple):
    """
    One page taken apart.

    Parameters
    ----------
    path : Path
    number : int
        From 1.
    page : pikepdf.Page
    width_in, height_in : float
        Of its MediaBox.
    content : PageContent
    labels : PageLabels
    viewports : tuple of PageViewport
        The largest first.
    words : str
        All its text, as a viewer finds it.
    made_here : bool
        Whether the file says that citygis wrote it.
    """

    path: Path
    number: int
    page: pikepdf.Page
    width_in: float
    height_in: float
    content: PageContent
    labels: PageLabels
    viewports: tuple[PageViewport, ...]
    words: str
    made_here: bool

    def check(self, name: str, passed: bool, measured: str, expected: str) -> Check:
        """A check of this page."""
        return Check(name, bool(passed), measured, expected, self.number)

    def skipped(self, name: str, why: str, expected: str) -> Check:
        """A check that cannot be made on this page."""
        return Check(name, True, f"not measurable: {why}", expected, self.number, True)


def some(names: Iterable[str], most: int = TOLD, *, of: int | None = None) -> str:
    """A few of many names, and how many more there are; `of` says how many when `names` are only the first."""
    names = list(names)
    rest = (len(names) if of is None else of) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")
