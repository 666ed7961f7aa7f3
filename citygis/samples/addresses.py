"""Situs addresses: every lot is numbered along the street it fronts, odd to the left of the centre line, even to the right."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.drafting import Curve, chords, coordinates, length_ft, nodes_of, path_points
from citygis.samples.fabric import Fabric, on_ground
from citygis.samples.layers import Sources, city_layer
from citygis.samples.plan import Plan
from citygis.samples.streets import stations_of
from citygis.schema import feature_ids

AGENCY = "riverbend.example"
"""The agency id in NENA identifiers. The top-level domain is reserved for examples (RFC 2606)."""
DATE_UPDATE = pd.Timestamp("2026-07-01", tz="UTC")
FEET_PER_NUMBER = 6.0
_CLASSES = {"arterial": "Secondary", "collector": "Local", "local": "Local"}
_SPEEDS = {"arterial": 45, "collector": 35, "local": 25}
_ABBREVIATED = {
    "Avenue": "AVE",
    "Boulevard": "BLVD",
    "Circle": "CIR",
    "Court": "CT",
    "Drive": "DR",
    "Lane": "LN",
    "Parkway": "PKWY",
    "Road": "RD",
    "Street": "ST",
    "Way": "WAY",
}


class Situs(NamedTuple):
    """
    The address of each face, where it has one.

    Attributes
    ----------
    is_addressed : (n,) array of bool
    street : (n,) array of int
        The street fronted, -1 for none.
    station_ft : (n,) array of float
        Where along that street.
    is_left : (n,) array of bool
        Which side of it.
    number : (n,) array of int
    text : (n,) array of str
        As an assessor's roll writes it; None where there is none.
    nguid, address_id : (n,) array of str
        Of the address point.
    """

    is_addressed: np.ndarray
    street: np.ndarray
    station_ft: np.ndarray
    is_left: np.ndarray
    number: np.ndarray
    text: np.ndarray
    nguid: np.ndarray
    address_id: np.ndarray


def situs_of(plan: Plan, fabric: Fabric, faces: np.ndarray) -> Situs:
    """The addresses of `faces`, numbers unique along each street."""
    street = _fronted(plan, fabric)[faces]
    inside = fabric.inside[faces]
    number, station = np.zeros(len(faces), dtype=int), np.full(len(faces), np.nan)
    is_left = np.zeros(len(faces), dtype=bool)
    for k in np.unique(street[street >= 0]):
        rows = np.flatnonzero(street == k)
        station[rows], is_left[rows] = _along(plan.streets[k].path, inside[rows])
        number[rows] = _numbers(station[rows], is_left[rows])
    named = street >= 0
    text = np.full(len(faces), None, dtype=object)
    text[named] = [f"{n} {_roll_name(plan.streets[k].name)}" for n, k in zip(number[named], street[named], strict=True)]
    nguid = np.full(len(faces), None, dtype=object)
    nguid[named] = [f"urn:emergency:uid:gis:SSAP:{n + 1}:{AGENCY}" for n in np.flatnonzero(named)]
    return Situs(named, street, station, is_left, number, text, nguid, feature_ids("address_point", pd.Series(nguid)))


def name_and_type(name: str) -> tuple[str, str | None]:
    """A street's name parted into name and type, as NENA wants them."""
    head, _, tail = name.rpartition(" ")
    return (head, tail) if tail in _ABBREVIATED else (name, None)


def _fronted(plan: Plan, fabric: Fabric) -> np.ndarray:
    """The street with the longest frontage on each face: never an alley or canal, an arterial only where nothing else is."""
    rows = []
    weights = {"arterial": 0.01, "alley": 0.0, "canal": 0.0}
    for course in fabric.courses:
        for lot, way in ((course.left, course.right), (course.right, course.left)):
            if lot >= 0 and way >= 0 and fabric.street[lot] < 0 <= fabric.street[way] and course.role != "return":
                street = int(fabric.street[way])
                rows.append((lot, street, length_ft(course.curve) * weights.get(plan.streets[street].kind, 1.0)))
    table = pd.DataFrame(rows, columns=["lot", "street", "weight"]).groupby(["lot", "street"], as_index=False)["weight"].sum()
    table = table[table["weight"] > 0].sort_values(["lot", "weight"]).drop_duplicates("lot", keep="last")
    result = np.full(len(fabric.faces), -1)
    result[table["lot"]] = table["street"]
    return result


def _along(path: tuple[Curve, ...], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The station of each point along a centre line, and whether it lies to its left."""
    line = shapely.linestrings(coordinates(path_points(path)))
    station = shapely.line_locate_point(line, shapely.points(coordinates(points)))
    ahead, behind = (
        shapely.get_coordinates(shapely.line_interpolate_point(line, np.clip(station + step, 0, line.length))) @ (1, 1j)
        for step in (1, -1)
    )
    return station, ((ahead - behind).conjugate() * (points - behind)).imag > 0


def _numbers(station: np.ndarray, is_left: np.ndarray) -> np.ndarray:
    number = np.zeros(len(station), dtype=int)
    for side, odd in ((is_left, 1), (~is_left, 0)):
        rows, last = np.flatnonzero(side), 98 + odd
        for k in rows[np.argsort(station[rows], kind="stable")]:
            wanted = 100 + int(station[k] / FEET_PER_NUMBER) // 2 * 2 + odd
            last = number[k] = max(wanted, last + 2)
    return number


def _roll_name(name: str) -> str:
    head, kind = name_and_type(name)
    return f"{head} {_ABBREVIATED[kind]}".upper() if kind else head.upper()


def address_points(
    city_parcels: gpd.GeoDataFrame, fabric: Fabric, faces: np.ndarray, situs: Situs, plan: Plan, sources: Sources
) -> gpd.GeoDataFrame:
    """The address_point layer: one point inside each addressed lot. `city_parcels` are the parcels, the lots' rows first."""
    rows = np.flatnonzero(situs.is_addressed)
    names = [name_and_type(plan.streets[k].name) for k in situs.street[rows]]
    points = shapely.get_coordinates(shapely.point_on_surface(fabric.faces[faces[rows]])).round(4)
    return city_layer(
        "address_point",
        {
            "NGUID": situs.nguid[rows],
            "DiscrpAgID": AGENCY,
            "DateUpdate": DATE_UPDATE,
            "Country": "US",
            "A1": "CA",
            "A2": "San Joaquin",
            "A3": "Riverbend",
            "Add_Number": situs.number[rows],
            "St_Name": [name for name, _ in names],
            "St_PosTyp": [kind for _, kind in names],
            "Post_Comm": "Riverbend",
            "Post_Code": "95000",
            "Placement": "Parcel",
            "apn": city_parcels["apn"].to_numpy()[rows],
        },
        shapely.points(points),
        sources=sources,
    )


def centerlines(plan: Plan, situs: Situs, sources: Sources) -> gpd.GeoDataFrame:
    """
    The street_centerline layer: a row from one crossing to the next, alleys and the canal left out.

    Ranges are those that the numbering gives the stretch, widened to the numbers in use on it, and begin behind the one before; a
    side without addresses has parity Z and the range 0 to 0.
    """
    numbers = [k for k, street in enumerate(plan.streets) if street.kind not in ("alley", "canal")]
    rows, geometry = [], []
    given: dict[tuple[int, str], int] = {}
    for k, from_station, to_station, points in _stretches(plan, numbers):
        street = plan.streets[k]
        name, kind = name_and_type(street.name)
        row = {"St_Name": name, "St_PosTyp": kind, "RoadClass": _CLASSES[street.kind], "SpeedLimit": _SPEEDS[street.kind]}
        # The first stretch that reaches a lot's station has it; the end of a street belongs to its last stretch.
        on = (situs.street == k) & (situs.station_ft >= from_station) & (situs.station_ft <= to_station + 0.01)
        for side, is_left, odd in (("L", True, 1), ("R", False, 0)):
            used = situs.number[on & (situs.is_left == is_left)]
            low, high = (100 + int(station / FEET_PER_NUMBER) // 2 * 2 + odd for station in (from_station, to_station))
            low = max(low, given.get((k, side), 0) + 2)
            span = (min(low, used.min()), max(high - 2, used.max())) if len(used) else (0, 0)
            given[k, side] = max(given.get((k, side), 0), span[1])
            row |= {f"FromAddr_{side}": span[0], f"ToAddr_{side}": span[1], f"Parity_{side}": "ZEO"[len(used) and 1 + odd]}
            row |= {f"Country_{side}": "US", f"A1_{side}": "CA"}
        rows.append(row)
        geometry.append(shapely.linestrings(on_ground(points)))
    table = pd.DataFrame(rows)
    table["NGUID"] = [f"urn:emergency:uid:gis:RCL:{k}:{AGENCY}" for k in range(1, len(table) + 1)]
    columns = {name: table[name].tolist() for name in table.columns}
    return city_layer(
        "street_centerline",
        {**columns, "DiscrpAgID": AGENCY, "DateUpdate": DATE_UPDATE, "OneWay": "B"},
        np.array(geometry),
        sources=sources,
    )


def _stretches(plan: Plan, numbers: list[int]) -> Iterator[tuple[int, float, float, list[complex]]]:
    """Each street from one crossing to the next: its number, the stations, the points."""
    drawn = [
        (k, curve, station)
        for k in numbers
        for curve, station in zip(plan.streets[k].path, stations_of(plan.streets[k].path), strict=False)
    ]
    _, pieces = nodes_of([curve for _, curve, _ in drawn])
    meeting: dict[int, set[int]] = {}
    for piece in pieces:
        for node in (piece.start, piece.end):
            meeting.setdefault(node, set()).add(drawn[piece.source][0])
    for k, group in itertools.groupby(pieces, key=lambda piece: drawn[piece.source][0]):
        points: list[complex] = []
        from_station = 0.0
        run = list(group)
        for piece in run:
            _, curve, start = drawn[piece.source]
            points += chords(piece.curve)[1 if points else 0 :]
            if len(meeting[piece.end]) > 1 or piece is run[-1]:
                to_station = start + piece.to_t * length_ft(curve)
                yield k, from_station, to_station, points
                points, from_station = [], to_station
