"""
Parcels given other numbers; their land stays as it is.
"""

from collections.abc import Iterable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.city import City, default_city
from citygis.operations.assembly import Draft, assembled, parcel_rows, situs_on
from citygis.operations.carrying import carried_values, carrying_rules
from citygis.operations.links import shown
from citygis.operations.numbers import new_numbers, rows_of
from citygis.operations.operation import Operation, Record


def renumber(
    parcels: gpd.GeoDataFrame,
    apns: Mapping[str, str],
    *,
    record: Record,
    beside: Mapping[str, pd.DataFrame] | None = None,
    city: City | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    used: Iterable[str] = (),
) -> Operation:
    """
    Parcels under new numbers, each known by the old one for ever.

    Parameters
    ----------
    parcels : GeoDataFrame
        The parcel layer, in the City's CRS. Not modified.
    apns : mapping of old number to new
    record, beside, city, values, used
        As `split`.

    Returns
    -------
    Operation
        The geometry is the same bit for bit.

    Raises
    ------
    ValueError
        If a new number cannot be given. That two parcels exchange theirs is refused: numbers are not recycled.
    SchemaError
        If there is no such parcel.
    """
    city = city or default_city()
    rows = rows_of(parcels, list(apns), city)
    if not len(rows):
        raise ValueError("Invalid apns. Must be one parcel at least.")
    held = parcels.iloc[rows]
    numbers = new_numbers(list(apns.values()), parcels, city, beside=beside, used=used)
    names, shapes = shown(numbers).tolist(), list(held.geometry)
    made, carried = carried_values(
        held,
        np.eye(len(rows)),
        names,
        city.schema.layer("parcel"),
        carrying_rules(city).renumber,
        holds_situs=situs_on(held, shapes, beside),
        values=values,
    )
    added = parcel_rows(numbers, shapes, made, record, city, crs=parcels.crs)
    for name in ("h_accuracy_ft", "accuracy_basis", "method", "source_id", "source_ref", "geom_hash"):
        if name in held:  # the land is the same, and so is where its outline comes from
            added[name] = pd.Series(held[name].to_numpy(), index=added.index, dtype=added[name].dtype)
    pairs = ", ".join(f"{old} to {new}" for old, new in zip(shown(held), names, strict=True))
    draft = Draft("renumber", "RENUMBER", f"Renumbered: {pairs}", rows, parcels.iloc[:0], added, carried)
    return assembled(draft, parcels, record, beside, city)
