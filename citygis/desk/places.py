"""
Parcels found by what a clerk types: a number in any spelling, or an address.
"""

import bisect
import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.analysis.addresses import street, taken_apart
from citygis.desk.holdings import Holdings
from citygis.errors import AnalysisError

MOST_FOUND = 12
"""Matches that are told."""

LONGEST = 200
"""Characters of a search that are looked at."""

_NUMBERED = re.compile(r"^\s*(\d+\S*)\s+(.+?)\s*$")


class Places(NamedTuple):
    """
    Parcel numbers and addresses in order, to be searched by how they begin.

    Parameters
    ----------
    held : Holdings
    numbers : list of str
        Spelt alike, in order; `number_of` gives the parcel of each by its position.
    number_of : array of int
    addresses : list of str
        ``NUMBER STREET`` as `citygis.analysis.addresses` compares them, in order; `address_of` and `written` go with them.
    address_of : array of int
    written : list of str
    """

    held: Holdings
    numbers: list[str]
    number_of: np.ndarray
    addresses: list[str]
    address_of: np.ndarray
    written: list[str]


def places(held: Holdings) -> Places:
    """
    Everything that can be searched for: parcels in force, their situs addresses, and the City's address points on them.

    Parameters
    ----------
    held : Holdings
    """
    # As compared, and as the City writes them: they differ where dashes tell two parcels apart.
    shown = held.spelt(pd.Series(held.shown, dtype="str")).to_numpy(dtype=object)
    known = np.flatnonzero(held.standing & (held.shown != ""))
    differ = known[shown[known] != held.apn[known]]
    numbers = np.concatenate([held.apn[known], shown[differ]]).astype(str)
    order = np.argsort(numbers, kind="stable")
    numbers, known = numbers[order], np.concatenate([known, differ])[order]
    rows, texts = _situs(held)
    more, points = _points(held)
    parcel = np.concatenate([rows, more])
    said = [*texts, *points]
    streets: dict[str, str] = {}
    keys = [_key(text, streets) for text in said]
    # As compared, and as written: a street that is half typed is not yet known as First, which is compared as 1ST.
    known_as = {(key, int(parcel[k])): k for k, text in enumerate(said) if keys[k] for key in (_plain(text), keys[k])}
    order = sorted(known_as)
    return Places(
        held,
        numbers.tolist(),
        known,
        [key for key, _ in order],
        np.array([row for _, row in order], dtype=int),
        [said[known_as[each]] for each in order],
    )


def found(places: Places, said: str) -> list[dict[str, Any]]:
    """
    Parcels that begin like what was typed, numbers first.

    Parameters
    ----------
    places : Places
    said : str
        A parcel number with or without dashes, or an address; a part of it is enough.

    Returns
    -------
    list of dict
        At most `MOST_FOUND`: ``apn`` as the City writes it, ``address``, ``box`` in feet or None. Numbers that are written out
        whole come before those that only begin so.
    """
    said = said.strip()[:LONGEST]
    if not said:
        return []
    rows: list[tuple[int, str]] = []
    number = places.held.spelt(pd.Series([said], dtype="str")).iloc[0]
    if isinstance(number, str) and number:
        rows += [(int(places.number_of[k]), "") for k in _beginning(places.numbers, number)]
    for key in filter(None, (_key(said, {}), _plain(said))):
        rows += [(int(places.address_of[k]), places.written[k]) for k in _beginning(places.addresses, key)]
    if not rows and (best := _alike(places, said)) is not None:
        rows = [best]
    once = dict(reversed(rows))
    rows_found = [row for row in dict.fromkeys(row for row, _ in rows) if places.held.shown[row]]
    return [told(places.held, row, once[row]) for row in rows_found[:MOST_FOUND]]


def told(held: Holdings, row: int, address: str = "") -> dict[str, Any]:
    """A parcel as the page needs it: ``apn, address, box``; nothing of its owner."""
    parcels = held.layers["parcel"]
    if not address and "situs_text" in parcels:
        situs = parcels["situs_text"].iloc[row]
        address = "" if pd.isna(situs) else str(situs)
    box = held.boxes[row]
    return {"apn": str(held.shown[row]), "address": address, "box": None if np.isnan(box).any() else [round(v, 2) for v in box]}


def _beginning(ordered: list[str], start: str) -> range:
    first = bisect.bisect_left(ordered, start)
    last = bisect.bisect_left(ordered, start + "\uffff", lo=first)
    return range(first, min(last, first + MOST_FOUND))


def _key(text: str, streets: dict[str, str]) -> str:
    """``NUMBER STREET`` as compared; streets that were met before are not taken apart again. Empty where it is no address."""
    plain = _NUMBERED.match(text)
    if plain is None:
        return ""
    rest = plain[2].split(",")[0].upper()
    if rest not in streets:
        streets[rest] = taken_apart(f"1 {rest}").street or street(rest).full
    return f"{plain[1].upper()} {streets[rest]}"


def _plain(text: str) -> str:
    """In capitals, blanks once."""
    return " ".join(text.upper().replace(".", " ").split())


def _situs(held: Holdings) -> tuple[np.ndarray, list[str]]:
    parcels = held.layers["parcel"]
    if "situs_text" not in parcels:
        return np.array([], dtype=int), []
    rows = np.flatnonzero(held.standing & parcels["situs_text"].notna().to_numpy())
    return rows, parcels["situs_text"].iloc[rows].astype("str").tolist()


def _points(held: Holdings) -> tuple[np.ndarray, list[str]]:
    """The City's address points, on the parcel they lie on."""
    points = held.layers.get("address_point")
    if points is None or not len(points):
        return np.array([], dtype=int), []
    shapes = np.asarray(points.geometry.values)
    rows, parcels = held.tree.query(shapes, predicate="intersects")
    keep = held.standing[parcels]
    rows, parcels = rows[keep], parcels[keep]
    names = [name for name in ("Add_Number", "St_PreDir", "St_Name", "St_PosTyp", "St_PosDir") if name in points]
    some = points[names].iloc[rows].astype("str").fillna("")
    return parcels, [" ".join(filter(None, row)) for row in some.itertuples(index=False)]


def _alike(places: Places, said: str) -> tuple[int, str] | None:
    """The parcel that is meant in spite of a slip of the pen; None where that is not sure, or cannot be told here."""
    from citygis.analysis.address_book import address_book, address_matches
    from citygis.analysis.held import once

    points = places.held.layers.get("address_point")
    if points is None or not len(points) or not _NUMBERED.match(said):
        return None
    try:
        book = once(points, "address book", lambda: address_book(points, places.held.layers.get("street_centerline")))
        match = address_matches(pd.Series([said], dtype="str"), book).iloc[0]
    except AnalysisError:  # no address to look in, or the extra that compares streets is not installed
        return None
    if match["status"] != "matched":
        return None
    place = shapely.get_coordinates(points.geometry.iloc[int(match["point"])])[0]
    row = places.held.parcel_at(*map(float, place))
    return None if row is None else (row, "")
