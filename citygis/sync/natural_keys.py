"""
Features known by what people know them by (a parcel number), where their identifiers say nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from citygis.schema import ApnProfile, normalise_apn
from citygis.sync.target import Target

_BETWEEN = "\x1f"
"""Stands between the parts of a key; no text of a service holds it."""


def natural_keys(columns: Sequence[tuple[str, pd.Series]], apn_profiles: Sequence[str | ApnProfile]) -> np.ndarray:
    """
    The key of each of n features as one text.

    Parameters
    ----------
    columns : sequence of (str, Series of n)
        The City field that each part of the key is, and its values as they are written here or there.
    apn_profiles : sequence of str or ApnProfile
        Of the City's counties (`citygis.schema.normalise_apn`).

    Returns
    -------
    array of str or None
        Parcel numbers in the City's spelling, other text without regard to case and blanks around it. None where a part is null, or
        is no parcel number of the City's counties.
    """
    parts = []
    for name, column in columns:
        text = column.astype("str")
        if name == "apn":
            parts.append(normalise_apn(text, apn_profiles)["apn"].to_numpy(dtype=object))
        else:
            parts.append(text.str.strip().str.casefold().to_numpy(dtype=object))
    keys = [None if any(pd.isna(part) or part == "" for part in row) else _BETWEEN.join(row) for row in zip(*parts, strict=True)]
    return np.array(keys, dtype=object)


def key_fields(target: Target | None) -> dict[str, str]:
    """The remote fields of a target's natural key, each with its City field; empty without a target, or where it names no key."""
    if target is None:
        return {}
    remote = {name: field for field, name in target.fields.items()}
    return {remote[name]: name for name in target.natural_key if name in remote}


def doubled(
    new: pd.DataFrame, staying: pd.DataFrame, fields: dict[str, str], apn_profiles: Sequence[str | ApnProfile]
) -> dict[int, tuple[str, str]]:
    """
    Which features to be added stand in the remote layer already, under an identifier that is not known here.

    Parameters
    ----------
    new : DataFrame, n rows
        The City's features as they would be added.
    staying : DataFrame
        Remote features that the City does not know, and that stay: ``global_id`` and the fields of the key.
    fields : dict
        Of `key_fields`; without any, nothing is looked for.
    apn_profiles : sequence of str or ApnProfile

    Returns
    -------
    dict
        By row of `new`: the key as it is written there, and the ``global_id`` of the first such feature.
    """
    if not fields or not len(new) or not len(staying):
        return {}
    mine, theirs = (
        natural_keys([(name, frame[field]) for field, name in fields.items()], apn_profiles) for frame in (new, staying)
    )
    at = {key: row for row, key in reversed(list(enumerate(theirs))) if key is not None}
    return {
        row: (" ".join(str(staying[field].iloc[at[key]]) for field in fields), str(staying["global_id"].iloc[at[key]]))
        for row, key in enumerate(mine)
        if key in at
    }
