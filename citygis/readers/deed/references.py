"""
References: the records that a description calls to, lots and blocks, maps and deeds by book and page, sections and their parts.
"""

import math
import re
from bisect import bisect_right, insort

import pandas as pd

from citygis.cogo import parse_aliquot
from citygis.readers.deed.repair import CleanText

REFERENCE_COLUMNS = ("kind", "number", "book", "page", "record", "text", "start", "end")
"""
``kind``: lot, block, tract, parcel, parcel_map, record_of_survey, book_page, document, official_records, section, aliquot.
``number`` is that of the thing; of an aliquot it is its parts, township and range, and ``record`` its nominal acres.
"""

_NUMBERS = (
    r"(?:\d+[A-Z]?\b|\"[A-Z]\"|[A-Z]\b)(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+through\s+|\s*-\s*|\s*&\s*)(?:\d+[A-Z]?\b|\"[A-Z]\"))*"
)
_SIDES = r"(?:N|S)(?:orth|outh)?\.?\s*-?\s*(?:E|W)(?:ast|est)?|north|south|east|west|N|S|E|W"
_SHARES = r"(?:one[\s-]*)?(?:half|quarter)(?:\s*\(\s*1\s*/\s*[24]\s*\))?|1\s*/\s*[24]|[½¼]"
_PATTERNS = (
    ("official_records",
        rf"\b(?:book|volume|reel|liber)\s+(?P<book>\w+)[,\s]*(?:of\s+official\s+records[^,;.]{{0,40}}?[,\s]*)?(?:at\s+)"
        rf"?(?:pages?|image|p\.)\s+(?P<page>{_NUMBERS})\s*,?\s*(?:of\s+)?official\s+records"

                        rf"|\bbook\s+(?P<book_2>\d+)\s+of\s+official\s+records[^;]{{0,60}}?\bpage\s+(?P<page_2>\d+)"),
    ("book_page",
        rf"\b(?:book|volume|reel|liber|plat\s+book|deed\s+book|db\.)\s+(?P<book>\d+\w*)\s*,?\s*(?:of\s+[\w' "
        rf"]{{3,40}}?\s*,?\s*)?(?:at\s+)?(?:pages?|image|pg\.?|p\.)\s+(?P<page>{_NUMBERS})"

                  r"(?:\s*,?\s*(?:of\s+)(?P<record>[A-Z][\w' ]{3,40}?(?:maps|surveys|records|plats|deeds)))?"),
    ("document", (
        r"\b(?:document|instrument|doc|series|recorder's\s+(?:file|serial|series)?)\s*(?:number|no\.?|#)"
        r"?\s*(?P<number>[A-Z]{0,2}\s?\d[\d-]{3,})"
    )),
    ("tract", r"\btract\s+(?:map\s+)?(?:no\.?|number)?\s*(?P<number>\d+)"),
    ("parcel_map", r"\bparcel\s+map\s+(?:no\.?|number)?\s*(?P<number>[\d-]+)"),
    ("record_of_survey", r"\brecord\s+of\s+survey(?:\s+(?:no\.?|number))?\s*(?P<number>\d*)"),
    ("parcel", r"\bparcel\s+(?:no\.?\s*)?(?P<number>\d+\w?|\"?[A-Z]\"?)(?=\s*(?:of|in|as|,))"),
    ("lot", rf"\blots?\s+(?P<number>{_NUMBERS})"),
    ("block", rf"\b(?:blocks?|blk\.?)\s+(?P<number>{_NUMBERS})"),
    ("aliquot",
        rf"(?P<number>(?<![\w.])(?:(?:the\s+)?(?:north|south|east|west)\s+\d[\d,.]{{0,9}}\s*(?:feet|acres?)\s+of\s+)?"
        rf"(?:(?:the\s+)?(?:{_SIDES})\.?\s*-?\s*(?:{_SHARES})\s*(?:of\s+)?(?:the\s+)?)+(?:of\s+)?(?:said\s+)?"
        r"(?:sec(?:tion|\.)\s*(?:\w+\s*\()?\d{1,2}\)?"
        r"(?:\s*,?\s*t(?:ownship|\.)?\s*(?:\w+\s*\()?\d{1,3}\)?\s*(?:north|south|n|s)\.?\s*,?"
        r"\s*r(?:ange|\.)?\s*(?:\w+\s*\()?\d{1,3}\)?\s*(?:east|west|e|w)\b)?)?)(?!\s*cor)"),
    ("section", r"\bsec(?:tion|\.)\s*(?:[A-Za-z-]+\s*\()?(?P<number>\d{1,2})\b"),
)  # fmt: skip
_COMPILED = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _PATTERNS)
_SAYS = {
    "official_records": ("official",),
    "book_page": ("book", "volume", "reel", "liber", "db."),
    "document": ("document", "instrument", "doc", "series", "recorder"),
    "parcel_map": ("parcel",),
    "record_of_survey": ("survey",),
    "aliquot": ("half", "quarter", "1/", "1 /", "½", "¼"),
}
"""One of these must stand in a text that has a reference of the kind: a look that costs nothing."""
_TRIGGER = re.compile(
    (
        r"\b(?:lot|block|blk|book|tract|parcel|section|sec|document|instrument|survey|quarter|half|volume|reel|deed|db|doc|"
        r"liber)|1\s*/\s*[24]|[½¼]"
    ),
    re.I,
)


def references(clean: CleanText) -> pd.DataFrame:
    """
    The records that a description calls to.

    Parameters
    ----------
    clean : CleanText

    Returns
    -------
    DataFrame
        Columns `REFERENCE_COLUMNS`, in order of place; ``start`` and ``end`` are characters of the text as given.
    """
    rows, books = [], []
    if _TRIGGER.search(clean.text):
        words = clean.text.lower()
        for kind, pattern in _COMPILED:
            if not any(word in words for word in _SAYS.get(kind, ("",))):
                continue
            for found in pattern.finditer(clean.text):
                at = bisect_right(books, (found.start(), math.inf)) - 1
                if at >= 0 and found.start() < books[at][1]:
                    continue
                rows.append(_row(kind, found, clean))
                if kind in ("book_page", "official_records"):
                    insort(books, found.span())
    rows.sort(key=lambda row: (row["at"], row["kind"]))
    return pd.DataFrame([{k: row[k] for k in REFERENCE_COLUMNS} for row in rows], columns=list(REFERENCE_COLUMNS))


def _row(kind: str, found: re.Match, clean: CleanText) -> dict:
    named = {k.removesuffix("_2"): v for k, v in found.groupdict().items() if v}
    row = {"kind": kind, "number": None, "book": None, "page": None, "record": None} | named
    if kind == "aliquot":
        text = re.sub(r"\bsaid\s+", "", " ".join(found["number"].split()))
        try:
            aliquot = parse_aliquot(text)
        except ValueError:
            row["record"] = None
        else:
            row["record"] = f"{aliquot.nominal_acres:g} acres nominal"
    return row | {
        "text": " ".join(found.group().split()),
        "start": clean.origin(found.start()),
        "end": clean.origin(found.end() - 1) + 1,
        "at": found.start(),
        "to": found.end(),
    }
