"""
A street given up: its ground to the parcels beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from citygis.city import City, default_city
from citygis.errors import SchemaError
from citygis.operations.assembly import Draft, assembled, carried_onto, situs_on
from citygis.operations.carrying import carried_values, carrying_rules
from citygis.operations.cutting import cut, cut_to, united, with_vertices
from citygis.operations.links import shown
from citygis.operations.numbers import rows_of
from citygis.operations.operation import Operation, Record
from citygis.operations.rows import made_rows, reshaped

ABUTS_FT = 0.01
"""A parcel whose outline follows the street's within this abuts on it."""

_PARALLEL_DEG = 1.0
_ALONG = 0.94
"""Cosine of 20 degrees: an edge that runs more nearly along the centre line is a side of the street, not its end."""

_IN_IT = 0.5
"""A centreline that has more of its length in the vacated ground ends with it: it runs on to the middle of the crossings."""


class _Side(NamedTuple):
    """The outline of vacated ground: its corners in order, the parcel on each edge (-1 for none), and which edges are its ends."""

    path: np.ndarray
    owner: np.ndarray
    is_end: np.ndarray


def vacate(
    right_of_way: gpd.GeoDataFrame,
    row_id: str,
    parcels: gpd.GeoDataFrame,
    *,
    record: Record,
    to: str | Sequence[str] | Mapping[str, BaseGeometry] = "halves",
    part: BaseGeometry | None = None,
    centre_line: shapely.LineString | None = None,
    reserve: Mapping[str, Any] | None = None,
    beside: Mapping[str, pd.DataFrame] | None = None,
    city: City | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> Operation:
    """
    Right of way whose ground goes to the parcels that abut on it.

    Parameters
    ----------
    right_of_way, parcels : GeoDataFrame
        The City's layers, in its CRS. Not modified.
    row_id : str
        The piece of right of way.
    record : Record
        The resolution or order of vacation.
    to : "halves", sequence of str, or mapping of str to Polygon
        "halves": each parcel takes what lies before it, to the centre line, as the law presumes (Calif. Civil Code 831, 1112).
        Numbers of parcels: these take the whole width before them, as where one side had dedicated it all; a single one takes all
        of it. Numbers with polygons: what a record gives to each.
    part : Polygon, optional
        The ground to be vacated, where that is not all of the piece.
    centre_line : LineString, optional
        Of the record; where it is not given the line midway between two straight parallel sides. The lots' lines are run on to it
        square, or radially.
    reserve : mapping of field to value, optional
        An easement over the vacated ground that is kept, as for utilities (Calif. Streets & Highways Code 8340): ``easement_id``
        and ``purpose`` at least.
    beside, city, values
        As `split`. Centrelines (``street_centerline``) that lie in the vacated ground end with it.

    Returns
    -------
    Operation

    Raises
    ------
    ValueError
        If the centre line has to be stated, or ground is left that no parcel would take.
    SchemaError
        If there is no such piece of right of way, or no such parcel.
    StoreError
        If ground would be lost.
    """
    city = city or default_city()
    beside = {**(beside or {}), "right_of_way": right_of_way}
    way = _way(right_of_way, row_id)
    vacated, rest = _parts(way.geometry.iloc[0], part)
    rows, shapes = _allotted(vacated, to, parcels, centre_line, city)
    held = parcels.iloc[rows]
    grown = [united([old, *new]) for old, new in zip(held.geometry, shapes, strict=True)]
    names = shown(held).tolist()
    made, carried = carried_values(
        held,
        np.eye(len(rows)),
        names,
        city.schema.layer("parcel"),
        carrying_rules(city).reshape,
        holds_situs=situs_on(held, grown, beside),
        values=values,
    )
    changed = carried_onto(reshaped(held, grown, record), made, city)
    extra: dict[str, pd.DataFrame] = {}
    if reserve is not None:
        row = {"doc_id": record.doc_id, **reserve}
        extra["easement"] = made_rows("easement", [row], [vacated], record, city.schema, crs=parcels.crs)
    message = f"Vacation of {row_id}{'' if rest is None else ' in part'} to {', '.join(names)}"
    draft = Draft("vacation", "RESHAPE", message, rows[:0], changed, parcels.iloc[:0], carried, extra=extra)
    draft = draft._replace(
        ways_ended=way if rest is None else None,
        ways_changed=None if rest is None else reshaped(way, [rest], record),
        ends=_centrelines(beside, vacated),
    )
    return assembled(draft, parcels, record, beside, city)


def _way(right_of_way: gpd.GeoDataFrame, row_id: str) -> gpd.GeoDataFrame:
    held = right_of_way[right_of_way["row_id"].eq(row_id).to_numpy(dtype=bool)]
    held = held[~held["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool)] if "status" in held else held
    if len(held) != 1:
        raise SchemaError(f"There is no current right of way {row_id!r}. Look at its row_id in the right_of_way layer.")
    return held


def _parts(ground: BaseGeometry, part: BaseGeometry | None) -> tuple[BaseGeometry, BaseGeometry | None]:
    if part is None:
        return ground, None
    if shapely.get_dimensions(part) != 2:
        raise ValueError("Invalid part. Must be a Polygon of the ground that is vacated.")
    faces = cut(ground, [shapely.boundary(part)])
    inside = shapely.area(shapely.intersection(faces, part)) > 0.5 * shapely.area(faces)
    if not inside.any():
        raise ValueError("Invalid part: it lies outside the right of way. Must lie in it.")
    chosen = [face for face, is_in in zip(faces, inside, strict=True) if is_in]
    left = [face for face, is_in in zip(faces, inside, strict=True) if not is_in]
    return united(chosen), united(left) if left else None


def _allotted(vacated, to, parcels, centre_line, city: City) -> tuple[np.ndarray, list[list]]:
    """The rows of the parcels that take ground, and what each takes."""
    if isinstance(to, Mapping):
        rows = rows_of(parcels, list(to), city)
        return rows, [[piece] for piece in cut_to(vacated, list(to.values()))]
    chosen = None
    if to != "halves":
        chosen = rows_of(parcels, [to] if isinstance(to, str) else list(to), city)
        if len(chosen) == 1:
            return chosen, [[vacated]]
    return _before_each(vacated, parcels, chosen, centre_line, city)


def _before_each(vacated, parcels, chosen, centre_line, city: City) -> tuple[np.ndarray, list[list]]:
    """Ground cut square to the centre line between the parcels on it; along the centre line too, unless the takers are named."""
    near = np.flatnonzero(shapely.dwithin(parcels.geometry.to_numpy(), vacated, ABUTS_FT))
    near = near[~_stands_on_others(parcels.iloc[near], city)]
    if "status" in parcels:
        near = near[~parcels["status"].iloc[near].eq("RETIRED").fillna(False).to_numpy(dtype=bool)]
    if chosen is not None:
        near = np.intersect1d(near, chosen)
    line = _extended(centre_line if centre_line is not None else _midway(vacated), vacated)
    side = _side(vacated, parcels.geometry.to_numpy()[near], line)
    reach = 1.0 if chosen is None else 3.0
    squares = []
    for place in _lot_lines(side, either=chosen is None):
        foot = shapely.get_coordinates(line.interpolate(line.project(shapely.Point(place))))[0]
        squares.append(shapely.LineString([place, place + (foot - place) * reach]))
    faces = (
        cut(shapely.Polygon(side.path), [line, *squares] if chosen is None else squares) if chosen is None or squares else [vacated]
    )
    takes: dict[int, list] = {}
    for face in faces:
        owner = _fronting(face, side)
        if owner < 0:
            where = face.representative_point()
            raise ValueError(
                f"Invalid to: {face.area:,.1f} sq ft at {where.x:,.1f}, {where.y:,.1f} front on no parcel that would take them. "
                "Must say who takes what: numbers with polygons."
            )
        takes.setdefault(int(near[owner]), []).append(face)
    rows = np.array(sorted(takes), dtype=int)
    return rows, [takes[row] for row in rows.tolist()]


def _stands_on_others(parcels: gpd.GeoDataFrame, city: City) -> np.ndarray:
    """Which parcels are no ground of their own, such as condominiums: the parcel below them takes what they would."""
    rule = city.schema.layer("parcel").topology
    if rule.exempt_field not in parcels:
        return np.zeros(len(parcels), dtype=bool)
    return parcels[rule.exempt_field].isin(rule.exempt_values).to_numpy(dtype=bool)


def _side(vacated: BaseGeometry, shapes: np.ndarray, line: shapely.LineString) -> _Side:
    if vacated.geom_type != "Polygon" or len(vacated.interiors):
        raise ValueError("Invalid to: the ground has several parts or holes. Must say who takes what: numbers with polygons.")
    corners = np.concatenate([shapely.get_coordinates(shape) for shape in shapes] or [np.empty((0, 2))])
    path = shapely.get_coordinates(shapely.get_exterior_ring(with_vertices(vacated, corners, tolerance_ft=ABUTS_FT)))
    middle = shapely.points((path[:-1] + path[1:]) / 2)
    away = (
        shapely.distance(shapely.boundary(shapes)[:, None], middle[None, :]) if len(shapes) else np.full((1, len(middle)), np.inf)
    )
    owner = np.where(away.min(axis=0) <= ABUTS_FT, away.argmin(axis=0), -1)
    edges = shapely.linestrings(np.stack([path[:-1], path[1:]], axis=1))
    crossed = shapely.crosses(edges, line) | (shapely.touches(edges, line) & (owner < 0))
    # What adjoins an edge that the centre line crosses, and bounds no parcel, is the same end of the street.
    is_end = crossed.copy()
    along = np.array([line.project(shapely.Point(place)) for place in path])
    across = np.abs(np.diff(along)) < _ALONG * shapely.length(edges)
    for _ in range(len(edges)):
        beside = (np.roll(is_end, 1) | np.roll(is_end, -1)) & (owner < 0) & across
        if not (beside & ~is_end).any():
            break
        is_end |= beside
    return _Side(path, owner, is_end)


def _lot_lines(side: _Side, *, either: bool) -> list[np.ndarray]:
    """Corners of the outline where another parcel begins, the corners at the ends of the street left out."""
    before, was_end = np.roll(side.owner, 1), np.roll(side.is_end, 1)
    changes = (side.owner != before) & ~side.is_end & ~was_end
    if not either:  # the other side of the street takes nothing: no line of its lots counts
        changes &= (side.owner >= 0) & (before >= 0)
    return [side.path[k] for k in np.flatnonzero(changes)]


def _fronting(face: shapely.Polygon, side: _Side) -> int:
    """The parcel with the longest front on a face; -1 for none."""
    edges = shapely.linestrings(np.stack([side.path[:-1], side.path[1:]], axis=1))
    use = (side.owner >= 0) & ~side.is_end
    middle = shapely.line_interpolate_point(edges[use], 0.5, normalized=True)
    on = shapely.dwithin(shapely.boundary(face), middle, ABUTS_FT)
    if not on.any():
        return -1
    length = np.bincount(side.owner[use][on], weights=shapely.length(edges[use][on]))
    return int(np.argmax(length))


def _midway(ground: BaseGeometry) -> shapely.LineString:
    """The line midway between the two longest parallel sides of a straight strip."""
    path = shapely.get_coordinates(shapely.get_exterior_ring(shapely.simplify(shapely.get_parts(ground)[0], 0.05)))
    legs = np.diff(path, axis=0)
    long = np.hypot(*legs.T)
    first = int(np.argmax(long))
    along = legs[first] / long[first]
    sine = np.abs(legs[:, 0] * along[1] - legs[:, 1] * along[0]) / long
    middle = (path[:-1] + path[1:]) / 2
    off = (middle - path[first]) @ np.array([-along[1], along[0]])
    other = (sine <= np.sin(np.radians(_PARALLEL_DEG))) & (np.abs(off) > 1.0) & (legs @ along < 0)
    opposite = int(np.argmax(np.where(other, long, 0.0)))
    if not other.any() or long[opposite] < 0.5 * long[first]:
        raise ValueError("Invalid centre_line None: the street has no two straight parallel sides. Must be given, from the record.")
    direction = along - legs[opposite] / long[opposite]
    direction /= np.hypot(*direction)
    centre = (middle[first] + middle[opposite]) / 2
    return shapely.LineString([centre - direction * long[first], centre + direction * long[first]])


def _extended(line: shapely.LineString, ground: BaseGeometry) -> shapely.LineString:
    """A centre line run on beyond the ground at both ends."""
    if line.geom_type != "LineString":
        raise ValueError("Invalid centre_line. Must be one LineString.")
    path = shapely.get_coordinates(line)
    far = shapely.length(shapely.boundary(ground))
    first, last = path[0] - path[1], path[-1] - path[-2]
    start, end = path[0] + first / np.hypot(*first) * far, path[-1] + last / np.hypot(*last) * far
    return shapely.LineString(np.concatenate([start[None], path[1:-1] if len(path) > 2 else path[:0], end[None]]))


def _centrelines(beside: Mapping[str, pd.DataFrame], vacated: BaseGeometry) -> dict[str, pd.DataFrame]:
    """The centrelines that lie in the vacated ground."""
    lines = beside.get("street_centerline")
    if lines is None or not len(lines):
        return {}
    shapes = lines.geometry.to_numpy()
    inside = shapely.length(shapely.intersection(shapes, vacated)) > _IN_IT * shapely.length(shapes)
    return {"street_centerline": lines[inside]} if inside.any() else {}
