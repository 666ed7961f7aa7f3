"""
Parcels joined into one.
"""

from collections.abc import Iterable, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City, default_city
from citygis.operations.assembly import Draft, assembled, parcel_rows, situs_on
from citygis.operations.carrying import carried_values, carrying_rules
from citygis.operations.cutting import united
from citygis.operations.links import shown
from citygis.operations.numbers import new_numbers, rows_of
from citygis.operations.operation import Operation, Record


def merge(
    parcels: gpd.GeoDataFrame,
    apns: Sequence[str],
    new_apn: str,
    *,
    record: Record,
    beside: Mapping[str, pd.DataFrame] | None = None,
    city: City | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    used: Iterable[str] = (),
) -> Operation:
    """
    Parcels joined into one, with a new number.

    Parameters
    ----------
    parcels : GeoDataFrame
        The parcel layer, in the City's CRS. Not modified.
    apns : sequence of str
        Two or more, each sharing a line with another of them: land is joined that is contiguous (Calif. Gov. Code 66451.11).
    new_apn : str
        A number that was never used.
    record, beside, city, values, used
        As `split`.

    Returns
    -------
    Operation
        Where the parcels' values differ, a person is asked, unless a rule of ``carrying.toml`` says what is to be done.

    Raises
    ------
    ValueError
        If the parcels are not contiguous or overlap, or the number cannot be given.
    SchemaError
        If there is no such parcel.
    StoreError
        If ground would be lost.
    """
    city = city or default_city()
    rows = rows_of(parcels, apns, city)
    if len(rows) < 2:
        raise ValueError("Invalid apns. Must be two parcels at least.")
    parents = parcels.iloc[rows]
    numbers = new_numbers([new_apn], parcels, city, beside=beside, used=used)
    shape = joined(parents)
    names = shown(numbers).tolist()
    rules = carrying_rules(city).merge
    on = situs_on(parents, [shape], beside)
    made, carried = carried_values(
        parents, np.ones((len(parents), 1)), names, city.schema.layer("parcel"), rules, holds_situs=on, values=values
    )
    child = parcel_rows(numbers, [shape], made, record, city, crs=parcels.crs)
    _worst_accuracy(child, parents)
    message = f"Merger of {', '.join(shown(parents))} into {names[0]}"
    draft = Draft("merge", "MERGE", message, rows, parcels.iloc[:0], child, carried)
    return assembled(draft, parcels, record, beside, city)


def joined(parcels: gpd.GeoDataFrame) -> shapely.Polygon:
    """
    The ground of contiguous parcels.

    Raises
    ------
    ValueError
        If one of them shares no line with the others, or two overlap.
    """
    shapes = parcels.geometry.to_numpy()
    together = united(list(shapes))
    apart = shapely.get_num_geometries(together) - int(shapely.get_num_geometries(shapes).sum()) + len(shapes) - 1
    if apart > 0:
        name = shown(parcels)
        for k in range(len(shapes)):
            others = shapely.union_all(np.delete(shapes, k))
            if shapely.length(shapely.intersection(shapely.boundary(shapes[k]), shapely.boundary(others))) > 0:
                continue
            away = shapely.distance(shapes[k], others)
            raise ValueError(
                f"Invalid apns: {name[k]} shares no line with the others (it is {away:,.3f} ft away). Must be contiguous; where a "
                "narrow gap only looks like a line, mend it first: citygis repair."
            )
        raise ValueError("Invalid apns: they lie in groups that share no line. Must be contiguous.")
    return together


def _worst_accuracy(child: gpd.GeoDataFrame, parents: gpd.GeoDataFrame) -> None:
    """What is joined is as good as the worst of it; unknown where one is unknown."""
    if "h_accuracy_ft" not in parents or parents["h_accuracy_ft"].isna().any():
        return
    worst = parents.iloc[int(np.argmax(parents["h_accuracy_ft"].to_numpy()))]
    child["h_accuracy_ft"], child["accuracy_basis"] = worst["h_accuracy_ft"], worst["accuracy_basis"]
