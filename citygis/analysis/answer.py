"""
An answer to a department's question: the list, the ground, what was left out, the method, and a second way to each figure.
"""

import html
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd

EXCLUDED_COLUMNS = ("layer", "feature", "reason")
UNANSWERED_COLUMNS = ("what", "why", "remedy")
_SHOWN_ROWS = 20


class Citation(NamedTuple):
    """
    A figure of the law that an answer rests on.

    Parameters
    ----------
    key : str
        As in the rule pack, such as ``radius_ft``.
    value : object
    unit : str
    law : str
        The statute, code or standard, and its section.
    source : str
        Where it was read.
    as_of : str
        The day the text was current, ISO 8601; empty where nobody has said.
    certainty : str
        ``read`` in the source, ``recalled`` and to be confirmed, or ``city``: the City's own figure.
    """

    key: str
    value: Any
    unit: str
    law: str
    source: str
    as_of: str
    certainty: str


class SecondWay(NamedTuple):
    """
    A figure of the answer, had again by another way.

    Parameters
    ----------
    figure : str
        What it is.
    value : float, int or str
        In the answer.
    way : str
        How it was had again.
    again : float, int or str
        What that gave.
    tolerance : float
        How far apart two numbers may be.
    unit : str
    agrees : bool
    """

    figure: str
    value: float | int | str
    way: str
    again: float | int | str
    tolerance: float
    unit: str
    agrees: bool


def second_way(
    figure: str, value: float | int | str, way: str, again: float | int | str, *, tolerance: float = 0.0, unit: str = ""
) -> SecondWay:
    """A `SecondWay`, judged: numbers agree within `tolerance`, anything else when equal."""
    if isinstance(value, str) or isinstance(again, str):
        agrees = value == again
    else:
        agrees = bool(abs(value - again) <= tolerance)
    return SecondWay(figure, value, way, again, tolerance, unit, agrees)


class Method(NamedTuple):
    """
    How an answer was had.

    Parameters
    ----------
    steps : tuple of str
        In the order they were taken, each a sentence.
    citations : tuple of Citation
    parameters : dict of str to object
        What was asked for.
    sources : tuple of str
        The layers that were used, with their rows, and what is known of their currency.
    remarks : tuple of str
        What a reader must know before using the answer.
    """

    steps: tuple[str, ...]
    citations: tuple[Citation, ...] = ()
    parameters: dict[str, Any] = {}
    sources: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class MapPlan(NamedTuple):
    """
    What the map of an answer shows above the City's parcels and streets.

    Parameters
    ----------
    title, subtitle : str
    styles : dict of str to dict
        Style tables by layer name of `Answer.layers` (as in a style file, without ``layer``), bottom-up. One that names a
        ``layer`` draws that of the City, which does not enlarge the map.
    notes : tuple of str
    base : tuple of str
        Packaged or City styles that are drawn below, as far as their layers are there.
    profile : str
        The sheet profile.
    paper : str
        One of the profile's papers; its first where empty.
    file : str
        What the PDF of a further map is called, such as ``exhibit_b.pdf``.
    panel_in : float
        Depth or width of the panel; the sheet's own where 0.
    """

    title: str
    subtitle: str = ""
    styles: dict[str, dict] = {}
    notes: tuple[str, ...] = ()
    base: tuple[str, ...] = ("right_of_way", "parcel", "street_centerline")
    profile: str = "letter_exhibit"
    paper: str = ""
    file: str = ""
    panel_in: float = 0.0


class Answer(NamedTuple):
    """
    What a question gave.

    Parameters
    ----------
    question : str
        Its name.
    title : str
    table : DataFrame
        The list: what its rows and columns are is told by each question.
    geometry : GeoDataFrame or None
        The ground of the rows of `table`, in the City's system.
    excluded : DataFrame
        `EXCLUDED_COLUMNS`, one row per feature that was looked at and left out.
    method : Method
    check : tuple of SecondWay
    unanswered : DataFrame
        `UNANSWERED_COLUMNS`: what could not be answered, why, and what to do. Never empty in silence.
    tables : dict of str to DataFrame
        Further tables by name.
    layers : dict of str to GeoDataFrame
        Further ground by name, for the map and the GeoPackage.
    map : MapPlan or None
    documents : dict of str to bytes or callable
        Further files by name, such as ``labels_5160.pdf``; a function without parameters makes its file when a package is written.
    maps : tuple of MapPlan
        Further maps, each with its ``file``.
    """

    question: str
    title: str
    table: pd.DataFrame
    geometry: gpd.GeoDataFrame | None
    excluded: pd.DataFrame
    method: Method
    check: tuple[SecondWay, ...]
    unanswered: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = {}
    layers: Mapping[str, gpd.GeoDataFrame] = {}
    map: MapPlan | None = None
    documents: Mapping[str, bytes | Callable[[], bytes]] = {}
    maps: tuple[MapPlan, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether every figure that was had a second way is the same."""
        return all(each.agrees for each in self.check)

    @property
    def complete(self) -> bool:
        """Whether nothing is left unanswered."""
        return not len(self.unanswered)

    def __repr__(self) -> str:
        said = "every check agrees" if self.agrees else "A CHECK DOES NOT AGREE"
        return f"<Answer {self.title!r}: {len(self.table):,} rows, {len(self.excluded):,} excluded, {said}>"

    def _repr_html_(self) -> str:
        parts = [f"<h3>{html.escape(self.title)}</h3>", self.table.head(_SHOWN_ROWS).to_html(index=False, escape=True)]
        if len(self.table) > _SHOWN_ROWS:
            parts.append(f"<p>{len(self.table) - _SHOWN_ROWS:,} more rows.</p>")
        for each in self.check:
            verdict = "agrees" if each.agrees else "<b>DOES NOT AGREE</b>"
            said = f"{each.figure}: {each.value} {each.unit}; {each.way}: {each.again}"
            parts.append(f"<p>{html.escape(said)} – {verdict}</p>")
        if len(self.unanswered):
            parts.append("<h4>Not answered</h4>" + self.unanswered.to_html(index=False, escape=True))
        return "".join(parts)


def excluded(rows: list[tuple[str, str, str]] | pd.DataFrame = ()) -> pd.DataFrame:
    """Features left out, as `EXCLUDED_COLUMNS` of text."""
    return pd.DataFrame(rows, columns=list(EXCLUDED_COLUMNS)).astype("str").reset_index(drop=True)


def unanswered(rows: list[tuple[str, str, str]] = ()) -> pd.DataFrame:
    """What could not be answered, as `UNANSWERED_COLUMNS` of text."""
    return pd.DataFrame(rows, columns=list(UNANSWERED_COLUMNS)).astype("str")
