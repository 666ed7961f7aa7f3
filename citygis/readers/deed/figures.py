"""
Figures: the calls of a description gathered into ties, boundaries, exceptions and centrelines of strips.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from citygis.readers.deed.calls import Call, read_clause
from citygis.readers.deed.clauses import Clause
from citygis.readers.deed.numerals import read_number
from citygis.readers.deed.tokens import Token
from citygis.readers.deed.wording import SERIES

_CENTERLINE = re.compile(r"cent(?:er|re)\s*-?\s*line", re.I)
_STRIP = re.compile(
    r"\bstrips?\s+of\s+land|\bin\s+width\b|\b(?:foot|feet|ft\.?|meters?)\s*-?\s*(?:wide|in\s+width)|on\s+(?:each|either)\s+side",
    re.I,
)
_EACH_SIDE = re.compile(r"(\d[\d,.]*)\s*(?:feet|foot|ft\.?|')[^.;]{0,40}?\b(?:on|to)\s+(?:each|either)\s+side", re.I)
_ONE_SIDE = re.compile(
    r"(\d[\d,.]*)\s*(?:feet|foot|ft\.?|')\s*(?:wide\s+)?(?:lying\s+|on\s+the\s+|to\s+the\s+)*(?P<side>left|right)", re.I
)
_TERMINATES = re.compile(
    (
        r"\b(?:there\s+terminating|terminat\w+|terminus|point\s+of\s+terminat\w+|end\s+of\s+(?:said\s+)?(?:cent(?:er|re)"
        r"\s*-?line|description))\b"
    ),
    re.I,
)
_SIDELINES = re.compile(r"side\s*-?\s*lines?[^.;]{0,80}?(?:prolonged|shortened|lengthened|extended|terminate)[^.;]*", re.I)
_AREA = re.compile(
    r"\(?(?P<number>(?<![\d,.])\d[\d,]{0,15}(?:\.\d+)?|\.\d+)\)?\s*(?P<unit>acres?\b|ac\b\.?|square\s+feet\b|"
    r"sq\.?\s*(?:ft|feet)\b\.?|s\.?f\.?(?=[\s,.;]|$)|square\s+met(?:er|re)s?\b"
    r"|sq\.?\s*m\b\.?|hectares?\b)",
    re.I,
)
_AREA_WORD = re.compile(r"\bcontain\w*\b|\barea\b|\bcompris\w+|\bor\s*$|,\s*$|\(\s*$", re.I)
_RUNNING = re.compile(r"\brun(?:ning|s)?\b", re.I)


class Area(NamedTuple):
    """A stated area: the number, its unit (acre, sqft, sqm, hectare), half its last place, and where it stands (clean text)."""

    value: float
    unit: str
    half: float
    start: int
    end: int


@dataclass
class Figure:
    """Calls that belong together; `ties` of them, the first ones, only lead to the point of beginning."""

    name: str
    role: str
    start: int
    commences: bool
    lead_start: int = 0
    calls: list[Call] = field(default_factory=list)
    ties: int = 0
    widths: list[Token] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    tail: str = ""
    arrival: str = "none"
    left: float | None = None
    right: float | None = None
    width_unit: str | None = None


class Gathered(NamedTuple):
    """The figures of a text, exceptions that have no calls, and the curve that was set up last and never travelled."""

    figures: list[Figure]
    exceptions: list[tuple[int, int]]
    thence: int
    silent: list[Clause]
    series: list[tuple[Clause, int]]


_COUNT = re.compile(r"\((\d{1,3})\)\s*courses?|\bfollowing\s+(\w+)\s+courses?", re.I)
_NUMBERS = {
    w: n
    for n, w in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}


def gathered(text: str, pieces: list[Clause], tokens: tuple[Token, ...]) -> Gathered:
    """
    The figures of a description.

    Parameters
    ----------
    text : str
        Clean.
    pieces : list of Clause
    tokens : tuple of Token

    Returns
    -------
    Gathered
    """
    starts = [token.start for token in tokens]
    figures: list[Figure] = []
    current: Figure | None = None
    pending, name, role, lead_from = None, None, "boundary", 0
    exceptions, thence, silent, series = [], 0, [], []
    for piece in pieces:
        own = list(tokens[bisect_left(starts, piece.body) : bisect_left(starts, piece.end)])
        if piece.marker in ("parcel", "except", "together"):
            name = _parcel_name(piece) if piece.marker == "parcel" else name
            role = "exception" if piece.marker == "except" else "boundary"
            if piece.marker == "except":
                exceptions.append((piece.start, piece.end))
            if current is not None:
                lead_from = piece.start
            current, pending = None, None
            if not (piece.arrivals and own):
                continue
        if piece.marker == "lead" and not (piece.arrivals and any(t.kind == "length" for t in own)):
            continue
        if piece.marker == "begin" or current is None:
            current = Figure(
                name or f"{len(figures) + 1}", role, piece.start, text[piece.start : piece.body].lower().startswith("com")
            )
            current.lead_start = min(lead_from, piece.start)
            if role == "exception" and exceptions and exceptions[-1][1] >= piece.start - 1:
                exceptions.pop()
            figures.append(current)
            name, role, pending = None, "boundary", None
        reading = read_clause(text, piece, own, pending)
        pending = reading.pending
        current.widths += reading.widths
        calls = reading.calls
        if piece.marker == "begin":
            calls = _begun(text, piece, calls, current)
        elif piece.marker == "thence":
            thence += 1
            if not calls and not is_series(text, piece):
                silent.append(piece)
        current.calls += calls
        if counted := _COUNT.search(text, piece.body, piece.end):
            stated = int(counted.group(1)) if counted.group(1) else _NUMBERS.get(counted.group(2).lower())
            if stated:
                series.append((piece, stated))
        lead_from = piece.end
    figures = [figure for figure in figures if figure.calls]
    for n, figure in enumerate(figures):
        stop = figures[n + 1].start if n + 1 < len(figures) else len(text)
        _finish(text, figure, stop, tokens)
    return Gathered(figures, exceptions, thence, silent, series)


def is_series(text: str, piece: Clause) -> bool:
    """Whether a clause only announces courses that follow."""
    return bool(SERIES.search(text, piece.body, piece.end))


def _parcel_name(piece: Clause) -> str:
    return piece.name.strip("\"'").upper()


def _begun(text: str, piece: Clause, calls: list[Call], figure: Figure) -> list[Call]:
    """Of a clause that begins a figure: numbers that lead from a corner are ties, and only what `runs` is a course."""
    kept = []
    if len([call for call in calls if call.is_complete and not call.is_from]) > 1:
        return calls  # courses without a thence between them
    for call in calls:
        runs = _RUNNING.search(text, piece.body, call.start if call.start > piece.start else piece.end)
        call.is_from = call.is_from or not runs
        kept.append(call)
    if not kept and _RUNNING.search(text, piece.body, piece.end) and re.search(r"\balong\b", text[piece.body : piece.end], re.I):
        kept.append(Call("line", piece.start, piece.end, calls=(" ".join(text[piece.body : piece.end].split()),)))
    figure.ties = len([call for call in kept if call.is_from])
    return kept


def _finish(text: str, figure: Figure, stop: int, tokens: tuple[Token, ...]) -> None:
    body = text[figure.start : stop]
    calls = figure.calls
    arrivals = [n for n, call in enumerate(calls) if call.arrives]
    last = len(calls) - 1
    inside = [n for n in arrivals if n < last]
    if inside and (figure.commences or calls[inside[0]].arrives_true or len(arrivals) > 1 or _CENTERLINE.search(body)):
        figure.ties = max(figure.ties, inside[0] + 1)
        arrivals = arrivals[1:]
    elif inside:
        figure.arrival = "early"
    elif arrivals and len(calls) - figure.ties == 1 and figure.start != 0 and not calls[-1].is_complete and len(calls) == 1:
        figure.ties = len(calls)
    if arrivals and figure.arrival != "early":
        figure.arrival = "closed" if arrivals[-1] == last else "early"
    whole = text[figure.lead_start : stop]
    if (figure.role != "exception" and _CENTERLINE.search(whole) and _STRIP.search(whole) and figure.arrival != "closed") or (
        _TERMINATES.search(body) and figure.arrival != "closed" and figure.role == "boundary" and _CENTERLINE.search(whole)
    ):
        figure.role = "strip"
    if figure.role == "strip":
        _set_widths(whole, figure, tokens, figure.lead_start, stop)
    if found := _SIDELINES.search(body):
        figure.tail = " ".join(found.group().split())
    at = calls[0].start
    for found in _AREA.finditer(text, at, stop):
        before = text[max(at, found.start() - 90) : found.start()]
        if _AREA_WORD.search(before) and not re.search(r"\b(?:north|south|east|west)\w*\s*$", before, re.I):
            number = read_number(found["number"])
            if number.value:
                figure.areas.append(Area(number.value, _area_unit(found["unit"]), number.half, found.start(), found.end()))


def _area_unit(spelling: str) -> str:
    plain = re.sub(r"[\s.]", "", spelling.lower())
    if plain.startswith("h"):
        return "hectare"
    if plain.startswith("ac"):
        return "acre"
    return "sqm" if plain.startswith(("squarem", "sqm")) else "sqft"


def _set_widths(whole: str, figure: Figure, tokens: tuple[Token, ...], start: int, stop: int) -> None:
    if found := _EACH_SIDE.search(whole):
        figure.left = figure.right = read_number(found.group(1)).value
        figure.width_unit = "foot"
        return
    sides = {found["side"].lower(): read_number(found.group(1)).value for found in _ONE_SIDE.finditer(whole)}
    if len(sides) == 2:
        figure.left, figure.right, figure.width_unit = sides["left"], sides["right"], "foot"
        return
    wide = [t for t in tokens if start <= t.start < stop and t.kind == "length" and t.value and not t.raw.startswith("(")
            and re.match((
                r"[\s.)-]*(?:\([^)]*\)\s*)?(?:wide|"
                r"in\s+width|strip)"
            ), whole[t.end - start : t.end - start + 40], re.I)]  # fmt: skip
    values = {(t.value, t.unit) for t in wide}
    if len(values) == 1:
        value, figure.width_unit = values.pop()
        figure.left = figure.right = value / 2
