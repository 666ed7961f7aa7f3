"""
A parcel divided: by a line, or into the pieces of a record.
"""

from collections.abc import Iterable, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from citygis.city import City, default_city
from citygis.operations.assembly import Draft, assembled, parcel_rows, situs_on
from citygis.operations.carrying import carried_values, carrying_rules
from citygis.operations.cutting import SNAP_FT, cut, cut_to
from citygis.operations.links import shown
from citygis.operations.numbers import new_numbers, rows_of
from citygis.operations.operation import Operation, Record


def split(
    parcels: gpd.GeoDataFrame,
    apn: str,
    by: BaseGeometry | Sequence[BaseGeometry] | gpd.GeoSeries | gpd.GeoDataFrame,
    new_apns: Sequence[str] | Mapping[str, tuple[float, float]],
    *,
    record: Record,
    beside: Mapping[str, pd.DataFrame] | None = None,
    city: City | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    used: Iterable[str] = (),
    tolerance_ft: float = SNAP_FT,
) -> Operation:
    """
    A parcel divided into new ones.

    Parameters
    ----------
    parcels : GeoDataFrame
        The parcel layer, in the City's CRS. Not modified.
    apn : str
        The parcel, as the county writes its number or run together.
    by : line, lines, or pieces
        LineStrings that run from boundary to boundary (ends beyond it are cut off); or Polygons, one for each new number in its
        order, that together are the parcel. The parcel's own outline holds where pieces differ from it within the tolerance.
    new_apns : sequence of str, or mapping of str to (easting, northing)
        With a line: the numbers from west to east, or from north to south, whichever way the new parcels lie farther apart; or each
        with a place in its parcel.
    record : Record
    beside : mapping of name to frame, optional
        Other layers: ``address_point``, ``easement``, ``parcel_owner``, ``boundary_line``, ``corner``, ``apn_history``,
        ``right_of_way``, ``tract`` and whatever else the rules shall see.
    city : City, optional
    values : mapping of number to mapping of field to text, optional
        What a person says of the new parcels.
    used : iterable of str, optional
        Numbers that were used once, beside those in `parcels` and ``apn_history``.
    tolerance_ft : float
        An end or crossing of a line so near to a corner is that corner.

    Returns
    -------
    Operation

    Raises
    ------
    ValueError
        If the line does not divide the parcel into as many pieces as there are numbers, or a number cannot be given.
    SchemaError
        If there is no such parcel.
    StoreError
        If ground would be lost.
    """
    city = city or default_city()
    row = rows_of(parcels, [apn], city)
    parent = parcels.iloc[row]
    ground = parent.geometry.iloc[0]
    numbers = new_numbers(list(new_apns), parcels, city, beside=beside, used=used)
    if len(numbers) < 2:
        raise ValueError("Invalid new_apns. Must be two at least: to give a parcel another number, renumber it.")
    shapes = _pieces(ground, by, new_apns, tolerance_ft)
    names = shown(numbers).tolist()
    shares = (shapely.area(shapes) / shapely.area(shapes).sum())[None, :]
    rules = carrying_rules(city).split
    on = situs_on(parent, shapes, beside)
    made, carried = carried_values(parent, shares, names, city.schema.layer("parcel"), rules, holds_situs=on, values=values)
    children = parcel_rows(numbers, shapes, made, record, city, crs=parcels.crs)
    _keep_accuracy(children, parent)
    message = f"Split of {shown(parent)[0]} into {', '.join(names)}"
    draft = Draft("split", "SPLIT", message, row, parcels.iloc[:0], children, carried)
    return assembled(draft, parcels, record, beside, city)


def _pieces(ground: BaseGeometry, by, new_apns, tolerance_ft: float) -> list[BaseGeometry]:
    given = (
        list(by.geometry)
        if isinstance(by, (gpd.GeoSeries, gpd.GeoDataFrame))
        else [by]
        if isinstance(by, BaseGeometry)
        else list(by)
    )
    kinds = {int(kind) for kind in shapely.get_dimensions(given)}
    if kinds == {2}:
        if len(given) != len(new_apns):
            raise ValueError(f"Invalid pieces: {len(given)} for {len(new_apns)} numbers. Must be one for each.")
        return cut_to(ground, given, tolerance_ft=tolerance_ft)
    if kinds != {1}:
        raise ValueError("Invalid line or pieces. Must be LineStrings, or Polygons, and not both.")
    faces = cut(ground, given, tolerance_ft=tolerance_ft)
    if len(faces) != len(new_apns):
        areas = ", ".join(f"{face.area:,.1f}" for face in faces)
        raise ValueError(
            f"Invalid line: it makes {len(faces)} pieces ({areas} sq ft) for {len(new_apns)} numbers. Must make one for each; "
            "where several pieces are one parcel, give the pieces as polygons."
        )
    if not isinstance(new_apns, Mapping):
        return faces
    chosen = []
    for apn, place in new_apns.items():
        at = np.flatnonzero(shapely.contains_xy(faces, *place))
        if len(at) != 1:
            raise ValueError(f"Invalid place {place} of {apn}. Must lie inside one of the pieces.")
        chosen.append(int(at[0]))
    if len(set(chosen)) < len(chosen):
        raise ValueError("Invalid places: two numbers are in one piece. Must each have their own.")
    return [faces[k] for k in chosen]


def _keep_accuracy(children: gpd.GeoDataFrame, parent: gpd.GeoDataFrame) -> None:
    """The pieces of a parcel are as good as it was: their outline is its outline."""
    for name in ("h_accuracy_ft", "accuracy_basis"):
        if name in parent and not pd.isna(parent[name].iloc[0]):
            children[name] = parent[name].iloc[0]
