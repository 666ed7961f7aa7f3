"""
Mail to owners and occupants: one piece for each mailing address, nobody left out in silence.
"""

import hashlib
import re
from collections.abc import Callable
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
    documents : dict of str to bytes
        ``labels_5160.pdf``.
    roll_sha256 : str
        Of the roll's rows that were used, so that they can be told again.
    """

    pieces: pd.DataFrame
    owners: int
    open: list[tuple[str, str, str]]
    documents: dict[str, bytes]
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
    if roll is None:
        used = pd.DataFrame(columns=["apn", "owner_name", "confidential", *_ADDRESS, *_LAST])
    else:
        apns = once(roll, f"apn {spelt.__name__}", lambda: pd.Index(spelt(roll["apn"]).astype(object)))
        used = _of_list(apns, roll, number)
    open_: list[tuple[str, str, str]] = []
    names = used.groupby("apn")["owner_name"]
    table["owners"] = number.map(names.size()).fillna(0).astype(int)
    withheld = used["confidential"].to_numpy(dtype=bool)
    if roll is not None:
        without = table["owners"].eq(0)
        if without.any():
            apns = ", ".join(table.loc[without, "apn"].head(10))
            open_.append(
                (
                    f"Who owns {without.sum():,} parcels of the list",
                    f"The roll has no owner for {apns}{' ...' if without.sum() > 10 else ''}.",
                    "Look at the county's latest roll.",
                )
            )
        if withheld.any():
            apns = ", ".join(sorted(set(used.loc[withheld, "apn"]))[:10])
            open_.append(
                (
                    f"Mail to {withheld.sum():,} owners",
                    f"Their names and addresses are confidential ({apns}).",
                    "Have the assessor's office mail these notices.",
                )
            )
        lost = ~withheld & used[list(_LAST)].isna().any(axis=1).to_numpy() | (~withheld & used["mail_1"].isna().to_numpy())
        if lost.any():
            apns = ", ".join(sorted(set(used.loc[lost, "apn"]))[:10])
            open_.append(
                (
                    f"Mail to {lost.sum():,} owners",
                    f"Their mailing addresses on the roll are incomplete ({apns}).",
                    "Look them up; their pieces are left out.",
                )
            )
        used = used.assign(reached=~withheld & ~lost)
    else:
        used = used.assign(reached=False)
    if not public:
        shown = used["owner_name"].mask(withheld, "confidential")
        table["owner_name"] = number.map(shown.groupby(used["apn"]).agg("; ".join))
    pieces = [_owner_pieces(used[used["reached"]])]
    if addresses is not None:
        pieces.append(_occupant_pieces(addresses, parcels, spelt, shapes, inside, pieces[0], open_))
    mail = pd.concat(pieces, ignore_index=True)
    owners = len(used[["owner_name", *_ADDRESS, *_LAST]].apply(_folded).drop_duplicates())
    digest = hashlib.sha256(used.drop(columns="reached").to_csv(index=False).encode()).hexdigest()
    if public:
        return Mailing(pd.DataFrame({"pieces": [len(mail)]}), owners, open_, {}, digest)
    from citygis.analysis.labels_5160 import labels_pdf

    return Mailing(mail, owners, open_, {"labels_5160.pdf": labels_pdf(mail)} if len(mail) else {}, digest)


def _of_list(apns: pd.Index, roll: pd.DataFrame, listed: pd.Series) -> pd.DataFrame:
    """The roll's rows of the list's parcels, with every column that mail needs, in an order of their own."""
    rows = np.sort(apns.get_indexer_for(listed.unique()))
    rows = rows[rows >= 0]
    roll = roll.iloc[rows]
    used = pd.DataFrame({"apn": apns[rows].astype("str")}, index=roll.index)
    for name in ("owner_name", *_ADDRESS, *_LAST):
        used[name] = roll[name].astype("str").str.strip().replace("", None).to_numpy() if name in roll.columns else None
        used[name] = used[name].astype("str")
    told = (
        roll["confidential"].astype("str").str.strip().str.lower()
        if "confidential" in roll.columns
        else pd.Series("", index=roll.index)
    )
    used["confidential"] = told.isin(["true", "1", "1.0", "y", "yes", "t"]).to_numpy()
    used = used.assign(owner_name=used["owner_name"].fillna("OWNER OF RECORD"))
    return used.sort_values([*used.columns], kind="stable").drop_duplicates().reset_index(drop=True)


def _folded(values: pd.Series) -> pd.Series:
    """In capitals without punctuation. A post office box is one however it is spelt; no other point is dropped: 12.5 is not 125."""
    plain = (_SIGNS.sub(" ", value.upper()).strip() for value in values.fillna(""))
    return pd.Series([_BOX.sub("PO BOX", value) for value in plain], index=values.index, dtype="str")


def _owner_pieces(used: pd.DataFrame) -> pd.DataFrame:
    """One piece for each mailing address and at most `MAX_NAMES` names there."""
    if not len(used):
        return pd.DataFrame(columns=PIECE_COLUMNS, dtype="str")
    place = pd.Series(["|".join(row) for row in used[[*_ADDRESS, *_LAST]].apply(_folded).to_numpy()], index=used.index)
    name = _folded(used["owner_name"])
    # The names at an address in alphabetical order, the same name once: two to a piece.
    pairs = pd.DataFrame({"place": place, "name": name}).drop_duplicates().sort_values(["place", "name"], kind="stable")
    number = pairs.groupby("place").cumcount() // MAX_NAMES
    piece = dict(zip(zip(pairs["place"], pairs["name"], strict=True), number, strict=True))
    pieces: dict[str, list[dict]] = {}
    for each, *at in zip(used.to_dict("records"), place, name, strict=True):
        pieces.setdefault(f"{at[0]}#{piece[*at]}", []).append(each)
    rows = []
    for _, some in sorted(pieces.items()):
        first = some[0]
        names = list(dict.fromkeys(sorted(each["owner_name"] for each in some)))
        names = [n for i, n in enumerate(names) if _bare_name(n) not in {_bare_name(m) for m in names[:i]}]
        lines = [*names, *(first[column] for column in _ADDRESS if pd.notna(first[column]))]
        last = f"{first['mail_city']} {first['mail_state']} {first['mail_zip']}"
        rows.append(("owner", *(lines + [""] * 5)[:5], last, ", ".join(sorted({each["apn"] for each in some}))))
    return pd.DataFrame(rows, columns=PIECE_COLUMNS).astype("str")


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
    reached = set(_folded(owners["line_2"] + " " + owners["last_line"])) | set(
        _folded(owners["line_3"] + " " + owners["last_line"])
    )
    pieces = pieces[~_folded(pieces["line_2"] + " " + pieces["last_line"]).isin(reached).to_numpy()]
    return pieces.drop_duplicates(["line_2", "last_line"]).sort_values(["last_line", "line_2"], kind="stable").astype("str")
