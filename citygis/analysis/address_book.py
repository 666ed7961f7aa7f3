"""
The City's address points as a book to look addresses up in: candidates ranked, and nothing guessed.
"""

import re
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.addresses import Street, Written, house_number, street, taken_apart, taken_apart_by_usaddress, unit_id
from citygis.analysis.layers import in_force
from citygis.errors import AnalysisError
from citygis.quality.columns import numbers, texts
from citygis.quality.street_names import street_names

LEAST_RATIO = 70.0
"""A street that is less like what was written, of 100 (indel ratio), is no candidate to be taken. Measured on 5,500 addresses."""

LEAST_LEAD = 10.0
"""By how much a street must be more like what was written than the next one, so that it is taken."""

_SHOWN = 5
_BLOCK = 500


class AddressBook(NamedTuple):
    """
    The City's addresses, made to be looked up.

    Parameters
    ----------
    rows : (n,) array of int
        Position of each address in the layer it was made of, retired ones and those without number or street left out.
    number, street, unit, zip, community : (n,) arrays of str
    place : dict of (str, str) to array of int
        Positions in `rows` by number and street.
    streets : tuple of Street
        Each once, in alphabetical order.
    communities : tuple of str
        In capitals, the longest first.
    states : frozenset of str
    """

    rows: np.ndarray
    number: np.ndarray
    street: np.ndarray
    unit: np.ndarray
    zip: np.ndarray
    community: np.ndarray
    place: dict[tuple[str, str], np.ndarray]
    streets: tuple[Street, ...]
    communities: tuple[str, ...]
    states: frozenset[str]


def address_book(address_point: gpd.GeoDataFrame, street_centerline: gpd.GeoDataFrame | None = None) -> AddressBook:
    """
    The address points that hold, by number and street.

    Parameters
    ----------
    address_point : GeoDataFrame
        In NENA names: ``Add_Number, St_Name``, and as far as there the other elements of number and street, ``Unit, Post_Code,
        Post_Comm, A3, A1, status``.
    street_centerline : GeoDataFrame, optional
        In NENA names: its streets are known too, so that one without an address is not taken for another that is called nearly so.

    Raises
    ------
    AnalysisError
        If it has no number or street column, or no address at all.
    """
    gone = [name for name in ("Add_Number", "St_Name") if name not in address_point.columns]
    if gone:
        raise AnalysisError(
            f"Layer 'address_point' has no column {', '.join(gone)}. Convert it: citygis convert FILE --to address_point."
        )
    frame = pd.DataFrame(address_point.drop(columns=address_point.geometry.name)).reset_index(drop=True)
    value = numbers(frame, "Add_Number")
    said = street_names(frame).said
    held = frame.index.isin(in_force(frame).index) & np.isfinite(value) & (said != "")
    rows = np.flatnonzero(held)
    if not len(rows):
        raise AnalysisError(
            "Layer 'address_point' has no address with a number and a street. Load the City's address points first."
        )
    frame, value, said = frame.iloc[rows], value[rows], said[rows]
    known = {name: street(name) for name in pd.unique(pd.Series(said, dtype=object))}
    full = np.array([known[name].full for name in said], dtype=object)
    before, behind = (np.char.upper(texts(frame, name).astype(str)) for name in ("AddNum_Pre", "AddNum_Suf"))
    number = np.array([house_number(a, n, b) for a, n, b in zip(before, value.astype(int), behind, strict=True)], dtype=object)
    community = np.where(texts(frame, "Post_Comm") == "", texts(frame, "A3"), texts(frame, "Post_Comm"))
    community = np.char.upper(community.astype(str)).astype(object)
    unit = np.array([unit_id(each) for each in texts(frame, "Unit")], dtype=object)
    order = np.lexsort((np.arange(len(rows)), unit.astype(str), number.astype(str), full.astype(str)))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (number[order][1:] != number[order][:-1]) | (full[order][1:] != full[order][:-1])
    starts = np.flatnonzero(first)
    place = dict(zip(zip(number[order[starts]], full[order[starts]], strict=True), np.split(order, starts[1:]), strict=True))
    if street_centerline is not None:
        lines = pd.DataFrame(in_force(street_centerline).drop(columns=street_centerline.geometry.name))
        known |= {name: street(name) for name in pd.unique(pd.Series(street_names(lines).said, dtype=object)) if name}
    streets = {each.full: each for each in known.values() if each.full}
    communities = sorted(
        {each for each in (*community, *np.char.upper(texts(frame, "A3").astype(str))) if each}, key=lambda c: (-len(c), c)
    )
    return AddressBook(
        rows,
        number,
        full,
        unit,
        np.array([each[:5] for each in texts(frame, "Post_Code")], dtype=object),
        community,
        place,
        tuple(streets[name] for name in sorted(streets)),
        tuple(communities),
        frozenset(each.upper() for each in texts(frame, "A1") if each),
    )


def address_matches(said: pd.Series, book: AddressBook) -> pd.DataFrame:
    """
    Which of the City's addresses each written one is.

    Parameters
    ----------
    said : Series of text, n
        Addresses in one line; null for none.
    book : AddressBook

    Returns
    -------
    DataFrame, n rows, plain index
        ``number, street, unit, zip, community`` as read; ``status``: matched, ambiguous, unmatched; ``how``: exact, parsed (by
        usaddress), street alike; ``street_found``; ``ratio`` and ``lead``, of 100, where the street is only alike; ``point``, the
        position in the layer that the book was made of, -1 where nothing is matched; ``reason``; ``candidates``, best first, at
        most five.

    Raises
    ------
    AnalysisError
        If rapidfuzz or usaddress are not there.

    Notes
    -----
    First the exact address. Then the street that is most alike by the indel ratio (rapidfuzz), or by that of its words put in
    order: it is taken at `LEAST_RATIO` with `LEAST_LEAD` over the next one (with any lead where the words are the same, in another
    order or without the type), when what the pen does not slip in (digits, a stated direction, a stated type) is the same and it
    has the house number. What is still not found is taken apart by usaddress and looked for once more. A house number is never
    mended.
    """
    try:
        import rapidfuzz  # noqa: F401
        import usaddress  # noqa: F401
    except ModuleNotFoundError as error:
        raise AnalysisError(
            f"Addresses are compared with {error.name}, which is not there: pip install citygis[analysis]"
        ) from None
    text = said.astype("str").fillna("").str.strip().to_numpy(dtype=object)
    each, back = np.unique(text.astype(str), return_inverse=True)
    written = [taken_apart(one, communities=book.communities, states=book.states) for one in each]
    found = _looked_up(written, book)
    left = [k for k, one in enumerate(found) if one[0] != "matched" and written[k].problem != "no address is given"]
    again = [taken_apart_by_usaddress(each[k]) for k in left]
    differs = [
        j
        for j, k in enumerate(left)
        if again[j] and again[j] != written[k] and again[j].number == (written[k].number or again[j].number)
    ]
    for j, one in zip(differs, _looked_up([again[j] for j in differs], book), strict=True):
        if one[0] == "matched":
            written[left[j]], found[left[j]] = again[j], (one[0], "parsed" if one[1] == "exact" else one[1], *one[2:])
    table = pd.DataFrame(
        [(w.number, w.street, w.unit, w.zip, w.community, *f) for w, f in zip(written, found, strict=True)],
        columns=[
            "number",
            "street",
            "unit",
            "zip",
            "community",
            "status",
            "how",
            "street_found",
            "ratio",
            "lead",
            "point",
            "reason",
            "candidates",
        ],
    )
    return table.iloc[back].reset_index(drop=True)


_Found = tuple[str, str, str, float, float, int, str, str]


def _looked_up(written: list[Written], book: AddressBook) -> list[_Found]:
    """Status, how, street, ratio, lead, point, reason and candidates of each."""
    found: list[_Found | None] = [None] * len(written)
    unknown = []
    for k, one in enumerate(written):
        if one.problem:
            found[k] = ("unmatched", "", "", np.nan, np.nan, -1, one.problem, "")
        elif (one.number, one.street) in book.place:
            found[k] = _chosen(one, one.street, "exact", np.nan, np.nan, book)
        else:
            unknown.append(k)
    names = sorted({written[k].street for k in unknown})
    alike = _alike(names, book)
    for k in unknown:
        found[k] = _of_streets(written[k], alike[written[k].street], book)
    return found


class _Alike(NamedTuple):
    """The streets most like a name: `near` and their `ratios`, best first; the one to take, if any is; what contradicts it."""

    near: np.ndarray
    ratios: np.ndarray
    best: int
    ratio: float
    lead: float
    conflict: str


def _alike(names: list[str], book: AddressBook) -> dict[str, _Alike]:
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    asked, there = [street(name) for name in names], book.streets
    kind, direction, digits, base = (
        np.array([getattr(each, part) for each in there], dtype=object) for part in ("kind", "direction", "digits", "base")
    )
    is_short = np.array([len(each) <= 2 for each in base])
    out: dict[str, _Alike] = {}
    for start in range(0, len(asked), _BLOCK):
        some = asked[start : start + _BLOCK]
        full, ordered, bare = (
            100
            * cdist([getattr(one, part) for one in some], [getattr(one, part) for one in there], scorer=Indel.normalized_similarity)
            for part in ("full", "ordered", "base")
        )
        ratios, bares = np.maximum(full, ordered).astype(float).round(2), bare.astype(float).round(2)
        for name, one, ratio, alone in zip(names[start:], some, ratios, bares, strict=False):
            if not one.kind:
                ratio = np.maximum(ratio, alone)
            same = digits == one.digits
            ratio, alone = np.where(same, ratio, np.minimum(ratio, LEAST_RATIO - 1)), np.where(same, alone, 0.0)
            other_kind = (kind != one.kind) & (kind != "") & (ratio < 100) if one.kind else np.zeros(len(there), dtype=bool)
            other_way = (direction != one.direction) & (direction != "") if one.direction else np.zeros(len(there), dtype=bool)
            other_way |= (is_short | (len(one.base) <= 2)) & (base != one.base)
            out[name] = _judged(one, ratio, alone, other_kind, other_way, book)
    return out


def _judged(
    one: Street, ratio: np.ndarray, alone: np.ndarray, other_kind: np.ndarray, other_way: np.ndarray, book: AddressBook
) -> _Alike:
    """
    Which street is most alike, and by how much. Where one agrees with the stated type, those of another type count against it only
    if their name alone is more alike than its own.
    """
    near = np.argsort(-ratio, kind="stable")[:_SHOWN]
    agreeing = np.where(other_kind | other_way, -1.0, ratio)
    best = int(np.argmax(agreeing))
    if agreeing[best] < LEAST_RATIO:
        best = int(near[0])
        rest = np.delete(ratio, best)
        conflict = _conflict(one, book.streets[best]) if other_kind[best] or other_way[best] else ""
        return _Alike(near, ratio[near], best, float(ratio[best]), float(ratio[best] - rest.max(initial=0.0)), conflict)
    against = np.where(other_kind & ~other_way, np.where(alone > alone[best], alone, 0.0), ratio)
    against[best] = 0.0
    return _Alike(near, ratio[near], best, float(ratio[best]), float(ratio[best] - against.max()), "")


def _conflict(asked: Street, best: Street) -> str:
    """What was stated and is stated otherwise of the street."""
    if asked.direction and best.direction and asked.direction != best.direction:
        return f"the direction is {asked.direction} and not {best.direction}"
    if asked.kind and best.kind and asked.kind != best.kind:
        return f"the type is {asked.kind} and not {best.kind}"
    return "names of one or two letters are not compared by likeness"


def _of_streets(one: Written, alike: _Alike, book: AddressBook) -> _Found:
    best, ratio, lead = book.streets[alike.best].full, alike.ratio, alike.lead
    near = [(book.streets[k].full, float(r)) for k, r in zip(alike.near, alike.ratios, strict=True) if r >= LEAST_RATIO]
    shown = "; ".join(f"{one.number} {name} ({r:.0f})" for name, r in near if (one.number, name) in book.place)
    # The same words, in another order or without the type, need no lead but over a street that has them too.
    is_sure = not alike.conflict and (lead >= LEAST_LEAD or (ratio == 100 and lead > 0))
    if best == one.street:
        return ("unmatched", "", best, np.nan, np.nan, -1, *_no_number(one, best, book))
    if ratio < LEAST_RATIO:
        return ("unmatched", "", "", ratio, lead, -1, "no street of the City is called so, or nearly so", "")
    if is_sure and (one.number, best) in book.place:
        return _chosen(one, best, "street alike", ratio, lead, book)
    if is_sure:
        return ("unmatched", "", best, ratio, lead, -1, *_no_number(one, best, book))
    if not shown:
        return ("unmatched", "", "", ratio, lead, -1, f"no street that is called so, or nearly so, has the number {one.number}", "")
    return ("ambiguous", "", best, ratio, lead, -1, alike.conflict or "several streets are called nearly so", shown)


def _no_number(one: Written, name: str, book: AddressBook) -> tuple[str, str]:
    """Why a street's number is not found, and the nearest ones that are there."""
    value = int(re.match(r"\d+", one.number)[0]) if one.number[:1].isdigit() else 0
    have = np.unique(book.number[book.street == name].astype(str))
    digits = np.array([int(re.search(r"\d+", each)[0]) for each in have])
    order = np.lexsort((have, np.abs(digits - value)))[:2]
    return f"{name} has no number {one.number}", "; ".join(f"{have[k]} {name}" for k in order)


def _chosen(one: Written, name: str, how: str, ratio: float, lead: float, book: AddressBook) -> _Found:
    """Of the points of one number and street the one that is meant, or why that cannot be said."""
    at = book.place[one.number, name]
    shown = "; ".join(_spelt(book, k) for k in at[:_SHOWN])
    if one.zip and all(book.zip[k] and book.zip[k] != one.zip for k in at):
        return ("ambiguous", how, name, ratio, lead, -1, f"the ZIP code is {one.zip} and not {book.zip[at[0]]}", shown)
    if one.community and all(book.community[k] and book.community[k] != one.community for k in at):
        return ("ambiguous", how, name, ratio, lead, -1, f"the community is {one.community} and not {book.community[at[0]]}", shown)
    for given, held in ((one.zip, book.zip), (one.community, book.community)):
        same = [k for k in at if given and held[k] == given]
        at = np.array(same) if same else at
    units = [k for k in at if book.unit[k] == one.unit]
    if len(units) == 1:
        return ("matched", how, name, ratio, lead, int(book.rows[units[0]]), "", "")
    whole = [k for k in at if not book.unit[k]]
    if one.unit and not units and len(whole) == 1:
        return ("matched", how, name, ratio, lead, int(book.rows[whole[0]]), f"unit {one.unit} is not among the points", "")
    why = "several points have this address" if not one.unit else f"unit {one.unit} is not among the points"
    return ("ambiguous", how, name, ratio, lead, -1, why if one.unit or whole else "the address has units and none is given", shown)


def _spelt(book: AddressBook, k: int) -> str:
    unit = f" unit {book.unit[k]}" if book.unit[k] else ""
    return f"{book.number[k]} {book.street[k]}{unit}"
