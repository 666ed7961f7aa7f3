"""
Parcel numbers of an operation: the parcels they name, and new ones that nobody ever had.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from citygis.city import City
from citygis.errors import SchemaError
from citygis.schema import normalise_apn

PROVISIONAL = "provisional"
"""The spelling of numbers that a lot has until the county gives it one (`citygis.tracts`); allowed beside the City's own."""


def rows_of(parcels: pd.DataFrame, apns: Sequence[str], city: City) -> np.ndarray:
    """
    The rows of the current parcels with these numbers, in the order of the numbers.

    Parameters
    ----------
    parcels : DataFrame
        The parcel layer.
    apns : sequence of str
        As the county writes them or run together.
    city : City

    Raises
    ------
    ValueError
        If a number is given twice.
    SchemaError
        If there is no such parcel, or several current ones.
    """
    held = parcels["apn"].to_numpy(dtype=object)
    current = np.ones(len(parcels), dtype=bool)
    if "status" in parcels:
        current = ~parcels["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool)
    found = []
    for apn, spelt in zip(apns, _spelt(apns, city)["apn"], strict=True):
        rows = np.flatnonzero(current & ((held == apn) | (held == spelt)))
        if len(rows) != 1:
            count = "There is no current parcel" if not len(rows) else f"There are {len(rows)} current parcels"
            raise SchemaError(f"{count} {apn}. Look at the number: citygis explain {apn}.")
        found.append(int(rows[0]))
    if len(set(found)) < len(found):
        raise ValueError(f"Invalid apns {', '.join(apns)}. Must each be given once.")
    return np.array(found, dtype=int)


def new_numbers(
    apns: Sequence[str],
    parcels: pd.DataFrame,
    city: City,
    *,
    beside: Mapping[str, pd.DataFrame] | None = None,
    used: Iterable[str] = (),
) -> pd.DataFrame:
    """
    New numbers in the City's spelling.

    Parameters
    ----------
    apns : sequence of n str
    parcels : DataFrame
        The parcel layer; numbers of retired parcels in it count as used.
    city : City
    beside : mapping of name to frame, optional
        Numbers in ``apn_history`` count as used.
    used : iterable of str
        Further numbers that were used once: those of the store's history.

    Returns
    -------
    DataFrame
        n rows: ``apn, apn_display, apn_profile``.

    Raises
    ------
    ValueError
        If a number fits none of the City's profiles, is given twice, or was ever used: a number is not given a second time
        (Calif. R&T 327 keeps it to the land it covered).
    """
    spelt = _spelt(apns, city)
    for apn, known in zip(apns, spelt["apn"].notna(), strict=True):
        if not known:
            raise ValueError(f"Invalid APN {apn!r}. Must be written as one of: {', '.join((*city.apn_profiles, PROVISIONAL))}.")
    if spelt["apn"].duplicated().any():
        twice = spelt.loc[spelt["apn"].duplicated(), "apn_display"].iloc[0]
        raise ValueError(f"Invalid APN {twice!r}: it is given twice. Must be a number for each parcel.")
    history = (beside or {}).get("apn_history")
    gone = {str(apn) for apn in used}
    if history is not None:
        gone |= set(history["old_apn"].dropna()) | set(history["new_apn"].dropna())
    held = set(parcels["apn"].dropna())
    for apn, shown in zip(spelt["apn"], spelt["apn_display"], strict=True):
        if apn in held | gone:
            where = "is the number of a parcel" if apn in held else "was the number of a parcel once"
            raise ValueError(f"Invalid APN {shown!r}: it {where}. Must be a number that was never used: numbers are not recycled.")
    return spelt


def _spelt(apns: Sequence[str], city: City) -> pd.DataFrame:
    profiles = tuple(dict.fromkeys((*city.spellings, PROVISIONAL)))
    return normalise_apn(pd.Series(list(apns), dtype="str"), profiles).reset_index(drop=True)
