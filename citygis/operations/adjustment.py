"""
The line between parcels laid elsewhere: a lot line adjustment.
"""

from collections.abc import Iterable, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from citygis.city import City, default_city
from citygis.operations.assembly import Draft, assembled, carried_onto, parcel_rows, situs_on
from citygis.operations.carrying import carried_values, carrying_rules
from citygis.operations.cutting import SNAP_FT, cut
from citygis.operations.links import shown
from citygis.operations.merger import joined
from citygis.operations.numbers import new_numbers, rows_of
from citygis.operations.operation import Operation, Record
from citygis.operations.rows import reshaped

MOST_PARCELS = 4
"""A lot line adjustment is between four or fewer adjoining parcels (Calif. Gov. Code 66412(d)); more is a new map."""


def adjust_line(
    parcels: gpd.GeoDataFrame,
    apns: Sequence[str],
    new_line: BaseGeometry | Sequence[BaseGeometry],
    *,
    record: Record,
    new_apns: Mapping[str, str] | None = None,
    beside: Mapping[str, pd.DataFrame] | None = None,
    city: City | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    used: Iterable[str] = (),
    tolerance_ft: float = SNAP_FT,
) -> Operation:
    """
    Adjoining parcels whose common lines are laid anew; no parcel is made or lost.

    Parameters
    ----------
    parcels : GeoDataFrame
        The parcel layer, in the City's CRS. Not modified.
    apns : sequence of str
        Two to `MOST_PARCELS`, contiguous.
    new_line : LineString or several
        In place of all lines between these parcels, from boundary to boundary of their common ground.
    record : Record
    new_apns : mapping of old number to new, optional
        Where the county gives new numbers; else the parcels keep theirs.
    beside, city, values, used, tolerance_ft
        As `split`.

    Returns
    -------
    Operation

    Raises
    ------
    ValueError
        If the parcels are more, or not contiguous; if the line does not make as many pieces as there are parcels, or it is not
        clear which piece is which parcel: each must share more ground with its own former land than any other does.
    SchemaError
        If there is no such parcel.
    StoreError
        If ground would be lost.
    """
    city = city or default_city()
    rows = rows_of(parcels, apns, city)
    if not 2 <= len(rows) <= MOST_PARCELS:
        raise ValueError(f"Invalid apns: {len(rows)}. Must be two to {MOST_PARCELS}: an adjustment of more lots needs a map.")
    held = parcels.iloc[rows]
    lines = [new_line] if isinstance(new_line, BaseGeometry) else list(new_line)
    faces = cut(joined(held), lines, tolerance_ft=tolerance_ft)
    shapes = _by_parcel(held, faces)
    same = np.array(
        [new is old or new.equals_exact(old, 0.0, normalize=True) for new, old in zip(shapes, held.geometry, strict=True)]
    )
    if same.all():
        raise ValueError("Invalid new_line: it is where the line was. Must lie elsewhere.")
    names, numbers = shown(held).tolist(), None
    if new_apns is not None:
        if len(new_apns) != len(rows) or set(rows_of(parcels, list(new_apns), city)) != set(rows):
            raise ValueError("Invalid new_apns. Must name a new number for each of the parcels, and no other.")
        order = list(rows_of(parcels, list(new_apns), city))
        numbers = new_numbers(list(new_apns.values()), parcels, city, beside=beside, used=used)
        numbers = numbers.iloc[[order.index(row) for row in rows]].reset_index(drop=True)
        names = shown(numbers).tolist()
    on = situs_on(held, shapes, beside)
    made, carried = carried_values(
        held, np.eye(len(rows)), names, city.schema.layer("parcel"), carrying_rules(city).reshape, holds_situs=on, values=values
    )
    message = f"Lot line adjustment between {', '.join(shown(held))}"
    none = parcels.iloc[:0]
    if numbers is None:
        changed = carried_onto(reshaped(held, shapes, record), made, city)
        draft = Draft("lot_line_adjustment", "LLA", message, rows[:0], changed, none, carried)
    else:
        added = parcel_rows(numbers, shapes, made, record, city, crs=parcels.crs)
        for name in ("h_accuracy_ft", "accuracy_basis"):
            added[name] = held[name].to_numpy()
        draft = Draft("lot_line_adjustment", "LLA", message + f", now {', '.join(names)}", rows, none, added, carried)
    return assembled(draft, parcels, record, beside, city)


def _by_parcel(held: gpd.GeoDataFrame, faces: list[shapely.Polygon]) -> list[shapely.Polygon]:
    """The new ground of each parcel: the piece it shares most with, which must share most with it."""
    if len(faces) != len(held):
        areas = ", ".join(f"{face.area:,.1f}" for face in faces)
        raise ValueError(
            f"Invalid new_line: it makes {len(faces)} pieces ({areas} sq ft) of {len(held)} parcels. Must make as many."
        )
    shared = shapely.area(shapely.intersection(held.geometry.to_numpy()[:, None], np.array(faces)[None, :]))
    of_parcel, of_face = shared.argmax(axis=1), shared.argmax(axis=0)
    if sorted(of_parcel.tolist()) != list(range(len(faces))) or (of_face[of_parcel] != np.arange(len(faces))).any():
        raise ValueError(
            "Invalid new_line: it is not clear which piece is which parcel, for two would have most of their land from one. Must "
            "leave each parcel most of a piece of its own; else divide and join them as a map would."
        )
    return [faces[k] for k in of_parcel]
