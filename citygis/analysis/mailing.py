"""
Mail to owners and occupants: one piece for each mailing address, nobody left out in silence.
"""

import csv
import hashlib
import io
import itertools
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.held import once
from citygis.analysis.parcels import spelt_numbers

MAX_NAMES = 2
"""Names on one piece. Owners beyond these who share the address get a piece of their own."""

PIECE_COLUMNS = ["kind", "line_1", "line_2", "line_3", "line_4", "line_5", "last_line", "apns"]
_ADDRESS = ("mail_1", "mail_2", "mail_3")
_LAST = ("mail_city", "mail_state", "mail_zip")
_SIGNS = re.compile(r"[^0-9A-Z]+")
_BOX = re.compile(r"\b(?:P O|POST OFFICE) BOX\b")
_TRUE = ("true", "1", "1.0", "y", "yes", "t")
_CONFIDENTIAL = ("Their names and addresses are confidential", "Have the assessor's office mail these notices.")
_INCOMPLETE = ("Their mailing addresses on the roll are incomplete", "Look them up; their pieces are left out.")


class Mailing(NamedTuple):
    """
    The mail of a notice.

    Parameters
    ----------
    pieces : DataFrame
        `PIECE_COLUMNS`, one row per piece: ``kind`` owner or occupant, the lines of its label, the parcels it is for.
    owners : int
        Different owners of the list, by name and address.
    open : list of (what, why, remedy)
        Owners who are not reached.
    documents : dict of str to callable
        ``labels_5160.pdf``, made when it is called for.
    roll_sha256 : str
        Of the roll's rows that were used, so that they can be told again.
    """

    pieces: pd.DataFrame
    owners: int
    open: list[tuple[str, str, str]]
    documents: dict[str, Callable[[], bytes]]
    roll_sha256: str


def mailing(
    table: pd.DataFrame,
    roll: pd.DataFrame | None,
    addresses: gpd.GeoDataFrame | None,
    *,
    parcels: gpd.GeoDataFrame,
    shapes: np.ndarray,
    inside: np.ndarray,
    public: bool,
) -> Mailing:
    """
    The mail to the owners of a list's parcels, and to the occupants of its addresses.

    Parameters
    ----------
    table : DataFrame
        The list; ``owners`` and, without `public`, ``owner_name`` are added in place.
    roll : DataFrame or None
    addresses : GeoDataFrame or None
        Given, each address on a parcel of the list gets a piece.
    parcels : GeoDataFrame
    shapes : array
        Their ground.
    inside : array of bool
        Which of them are on the list.
    public : bool
        Whether names and addresses are left out.
    """
    spelt, _ = spelt_numbers(parcels)
    number = spelt(table["apn"])
    used: list[_Owner] = []
    if roll is not None:
        apns = once(roll, f"apn {spelt.__name__}", lambda: pd.Index(spelt(roll["apn"]).astype(object)))
        used = _of_list(apns, roll, number)
    open_: list[tuple[str, str, str]] = []
    shown: dict[str, list[str]] = {}
    for each in used:
        shown.setdefault(each.apn, []).append("confidential" if each.confidential else each.name)
    table["owners"] = np.array([len(shown.get(apn, ())) for apn in number], dtype="int64")
    if roll is not None:
        without = table["owners"].eq(0)
        if without.any():
            apns = ", ".join(table.loc[without, "apn"].fillna("a parcel without a number").head(10))
            open_.append(
                (
                    f"Who owns {without.sum():,} parcels of the list",
                    f"The roll has no owner for {apns}{' ...' if without.sum() > 10 else ''}.",
                    "Look at the county's latest roll.",
                )
            )
        for some, why, remedy in (
            ([each for each in used if each.confidential], *_CONFIDENTIAL),
            ([each for each in used if not each.confidential and not each.is_whole], *_INCOMPLETE),
        ):
            if some:
                apns = ", ".join(sorted({each.apn for each in some})[:10])
                open_.append((f"Mail to {len(some):,} owners", f"{why} ({apns}).", remedy))
    if not public:
        names = ["; ".join(shown[apn]) if apn in shown else None for apn in number]
        table["owner_name"] = pd.Series(names, index=table.index, dtype="str")
    mail = _owner_pieces([each for each in used if each.is_whole and not each.confidential])
    if addresses is not None:
        occupants = _occupant_pieces(addresses, parcels, spelt, shapes, inside, mail, open_)
        mail = pd.concat([mail, occupants], ignore_index=True)
    owners = len({tuple(map(_folded, (each.name, *each.address, *each.last))) for each in used})
    digest = _digest(used)
    if public:
        return Mailing(pd.DataFrame({"pieces": [len(mail)]}), owners, open_, {}, digest)
    return Mailing(mail, owners, open_, {"labels_5160.pdf": partial(_labels, mail)} if len(mail) else {}, digest)


def _labels(mail: pd.DataFrame) -> bytes:
    from citygis.analysis.labels_5160 import labels_pdf

    return labels_pdf(mail)


class _Owner(NamedTuple):
    """A row of the roll, as mail needs it: None where the roll says nothing."""

    apn: str
    name: str
    address: tuple[str | None, ...]
    last: tuple[str | None, ...]
    confidential: bool

    @property
    def is_whole(self) -> bool:
        """Whether a letter would find the way."""
        return self.address[0] is not None and None not in self.last


def _of_list(apns: pd.Index, roll: pd.DataFrame, listed: pd.Series) -> list[_Owner]:
    """The roll's rows of the list's parcels, each once, in an order of their own. A list is short: plain texts are soonest."""
    rows = np.sort(apns.get_indexer_for(listed.dropna().unique()))
    rows = rows[rows >= 0]

    def texts(name: str) -> list[str | None]:
        if name not in roll.columns:
            return [None] * len(rows)
        told = roll[name].iloc[rows].astype("str").array
        return [None if pd.isna(value) else value.strip() or None for value in told]

    told = zip(*(texts(name) for name in ("owner_name", *_ADDRESS, *_LAST, "confidential")), strict=True)
    used = [
        _Owner(str(apn), name or "OWNER OF RECORD", tuple(rest[:3]), tuple(rest[3:6]), (rest[6] or "").lower() in _TRUE)
        for apn, (name, *rest) in zip(apns[rows], told, strict=True)
    ]
    return sorted(dict.fromkeys(used), key=_order)


def _order(each: _Owner) -> tuple:
    """Text by text; what is not told comes last."""
    return (each.apn, each.name, *((text is None, text or "") for text in (*each.address, *each.last)), each.confidential)


def _digest(used: list[_Owner]) -> str:
    """SHA-256 of the rows as CSV."""
    said = io.StringIO()
    rows = csv.writer(said, lineterminator="\n")
    rows.writerow(["apn", "owner_name", *_ADDRESS, *_LAST, "confidential"])
    rows.writerows((each.apn, each.name, *each.address, *each.last, each.confidential) for each in used)
    return hashlib.sha256(said.getvalue().encode()).hexdigest()


def _folded(value: str | None) -> str:
    """In capitals without punctuation. A post office box is one however it is spelt; no other point is dropped: 12.5 is not 125."""
    return _BOX.sub("PO BOX", _SIGNS.sub(" ", (value or "").upper()).strip())


def _owner_pieces(used: list[_Owner]) -> pd.DataFrame:
    """One piece for each mailing address and at most `MAX_NAMES` names there."""
    at = {each: ("|".join(map(_folded, (*each.address, *each.last))), _folded(each.name)) for each in used}
    # The names at an address in alphabetical order, the same name once: two to a piece.
    piece: dict[tuple[str, str], int] = {}
    for _, some in itertools.groupby(sorted(set(at.values())), key=lambda pair: pair[0]):
        piece |= {pair: number // MAX_NAMES for number, pair in enumerate(some)}
    pieces: dict[str, list[_Owner]] = {}
    for each, pair in at.items():
        pieces.setdefault(f"{pair[0]}#{piece[pair]}", []).append(each)
    rows = []
    for _, some in sorted(pieces.items()):
        first = some[0]
        names = list(dict.fromkeys(sorted(each.name for each in some)))
        names = [n for i, n in enumerate(names) if _bare_name(n) not in {_bare_name(m) for m in names[:i]}]
        lines = [*names, *(line for line in first.address if line is not None)]
        rows.append(("owner", *(lines + [""] * 5)[:5], " ".join(first.last), ", ".join(sorted({each.apn for each in some}))))
    return pd.DataFrame(rows, columns=PIECE_COLUMNS, dtype="str")


def _bare_name(name: str) -> str:
    return "".join(c for c in name.upper() if c.isalnum())


def _occupant_pieces(
    addresses: gpd.GeoDataFrame,
    parcels: gpd.GeoDataFrame,
    spelt: Callable[[pd.Series], pd.Series],
    shapes: np.ndarray,
    inside: np.ndarray,
    owners: pd.DataFrame,
    open_: list[tuple[str, str, str]],
) -> pd.DataFrame:
    """A piece for the occupant of each address on a parcel of the list, unless an owner's mail goes to that address."""
    at = np.flatnonzero(inside)
    points, where = shapely.STRtree(shapes[at]).query(addresses.geometry.values, predicate="intersects")
    first = np.unique(points, return_index=True)[1]
    points, where = points[first], at[where[first]]
    some = addresses.iloc[points]
    parts = [
        some[name].astype("str").fillna("") if name in some else ""
        for name in ("Add_Number", "St_PreDir", "St_Name", "St_PosTyp", "St_PosDir")
    ]
    street = pd.Series(parts[0], index=some.index).astype("str")
    for part in parts[1:]:
        street = street + " " + part
    street = street.str.replace(r"\s+", " ", regex=True).str.strip()
    unit = some["Unit"].astype("str").fillna("") if "Unit" in some else pd.Series("", index=some.index)
    street = street + unit.where(unit == "", " UNIT " + unit)
    city = some["Post_Comm"].astype("str").fillna("") if "Post_Comm" in some else pd.Series("", index=some.index)
    state = some["A1"].astype("str").fillna("") if "A1" in some else pd.Series("", index=some.index)
    code = some["Post_Code"].astype("str").fillna("") if "Post_Code" in some else pd.Series("", index=some.index)
    whole = (street != "") & (city != "") & (code != "")
    if (~whole).any():
        open_.append(
            (
                f"Mail to the occupants of {(~whole).sum():,} addresses",
                "Their number, street, city or ZIP code is missing.",
                "Complete the address points.",
            )
        )
    last = city + " " + state + " " + code
    pieces = pd.DataFrame(
        {
            "kind": "occupant",
            "line_1": "OCCUPANT",
            "line_2": street.to_numpy(),
            "line_3": "",
            "line_4": "",
            "line_5": "",
            "last_line": last.to_numpy(),
            "apns": spelt(parcels["apn"].iloc[where]).to_numpy(),
        }
    )[whole.to_numpy()]
    lines = [*zip(owners["line_2"], owners["last_line"], strict=True), *zip(owners["line_3"], owners["last_line"], strict=True)]
    reached = {_folded(f"{line} {last}") for line, last in lines}
    free = [_folded(f"{line} {last}") not in reached for line, last in zip(pieces["line_2"], pieces["last_line"], strict=True)]
    pieces = pieces[np.array(free, dtype=bool)]
    return pieces.drop_duplicates(["line_2", "last_line"]).sort_values(["last_line", "line_2"], kind="stable").astype("str")
