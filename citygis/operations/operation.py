"""
What an operation of the office comes to: the change set, and what a person looks at before it is applied.
"""

import datetime
from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.changes import ChangeSet
from citygis.errors import StoreError

AREA_TOLERANCE_SQFT = 0.01
"""The ground before and after an operation may differ by no more: what rounding of coordinates takes is told."""

AREA_COLUMNS = ("layer", "feature", "what", "before_sqft", "after_sqft")
CARRIED_COLUMNS = ("apn", "field", "parent", "value", "said")
LINK_COLUMNS = ("layer", "feature", "was", "now", "share", "remark")


class Record(NamedTuple):
    """
    The document that an operation rests on.

    Attributes
    ----------
    doc_id : str
        Of its ``source_document`` row.
    effective : date, optional
        First day the new parcels hold in law; the old ones hold until the day before.
    roll_year : int, optional
        Roll year of the new numbers.
    ref : str, optional
        The entity in the document: "PARCEL 2", "EXHIBIT B".
    method : str
        How the new lines were made, a code of the schema's ``method``.
    """

    doc_id: str
    effective: datetime.date | None = None
    roll_year: int | None = None
    ref: str | None = None
    method: str = "DERIVED"


class Operation(NamedTuple):
    """
    What an operation of the office does, before anything is stored.

    Attributes
    ----------
    change : ChangeSet
        What `citygis.store` applies.
    areas : DataFrame
        `AREA_COLUMNS`: each feature whose ground or outline changes; ``what`` is "retired", "new", "changed" or "vertex added".
        An area is null where the feature does not exist.
    residual_sqft : float
        All new areas less all old ones: what rounding took or gave, at most `AREA_TOLERANCE_SQFT`.
    carried : DataFrame
        `CARRIED_COLUMNS`: what became of each value that somebody had entered: ``said`` is "copied", "dropped", "divided",
        "added up", "given", or "asked" where a person has to say it.
    links : DataFrame
        `LINK_COLUMNS`: addresses, easements, owners, buildings and courses, the parcel each was on and the parcel it is on now, and
        the share of it that lies there. ``remark`` is "straddles" where it lies on several.
    findings : findings frame
        What the rules say of the ground after the operation and did not say before.
    """

    change: ChangeSet
    areas: pd.DataFrame
    residual_sqft: float
    carried: pd.DataFrame
    links: pd.DataFrame
    findings: gpd.GeoDataFrame


def refusals(operation: Operation, accept: Mapping[str, str] | None = None) -> list[str]:
    """
    Why an operation cannot be applied as it is.

    Parameters
    ----------
    operation : Operation
    accept : mapping of finding code to reason, optional
        Findings to apply it in spite of.

    Returns
    -------
    list of str
        One line for each value that a person has to say, and for each new finding that is no mere remark and is not accepted.
    """
    asked = operation.carried[operation.carried["said"] == "asked"]
    lines = [
        f"{row.apn}: what is its {row.field}? Before: {row.value}. Say it: --set {row.apn}:{row.field}=VALUE"
        for row in asked.itertuples(index=False)
    ]
    new = operation.findings[(operation.findings["severity"] != "info") & ~operation.findings["code"].isin(list(accept or {}))]
    return lines + [f"{row.code} {row.message}" for row in new.itertuples(index=False)]


def require_sound(operation: Operation, accept: Mapping[str, str] | None = None) -> None:
    """
    Refuse an operation that leaves a question open or the ground worse than it was.

    Raises
    ------
    StoreError
        With the list of `refusals`.
    """
    lines = refusals(operation, accept)
    if lines:
        told = "\n".join(f"  {line}" for line in lines)
        raise StoreError(f"The operation is not applied; nothing was changed.\n{told}")
