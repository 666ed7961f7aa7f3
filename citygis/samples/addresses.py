"""Situs addresses: every lot is numbered along the street it fronts, odd to the left of the centre line, even to the right."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.samples.drafting import coordinates, length_ft, path_points
from citygis.samples.fabric import Fabric
from citygis.samples.plan import Plan
from citygis.schema import feature_ids

AGENCY = "riverbend.example"
"""The agency id in NENA identifiers. The top-level domain is reserved for examples (RFC 2606)."""
FEET_PER_NUMBER = 6.0
_TYPES = {"Avenue", "Boulevard", "Road", "Parkway", "Way", "Drive", "Lane", "Court", "Circle", "Street"}
_ABBREVIATED = {"Avenue": "AVE", "Boulevard": "BLVD", "Road": "RD", "Parkway": "PKWY", "Drive": "DR", "Lane": "LN", "Court": "CT",
                "Circle": "CIR", "Street": "ST", "Way": "WAY"}


class Situs(NamedTuple):
    """
    The address of each face, where it has one.

    Attributes
    ----------
    is_addressed : (n,) array of bool
    street : (n,) array of int
        The street fronted, -1 for none.
    number : (n,) array of int
    text : (n,) array of str
        As an assessor's roll writes it; None where there is none.
    nguid, address_id : (n,) array of str
        Of the address point.
    """

    is_addressed: np.ndarray
    street: np.ndarray
    number: np.ndarray
    text: np.ndarray
    nguid: np.ndarray
    address_id: np.ndarray


def situs_of(plan: Plan, fabric: Fabric, faces: np.ndarray) -> Situs:
    """The addresses of `faces`, numbers unique along each street."""
    street = _fronted(plan, fabric)[faces]
    inside = fabric.inside[faces]
    number = np.zeros(len(faces), dtype=int)
    for k in np.unique(street[street >= 0]):
        rows = np.flatnonzero(street == k)
        path = coordinates(path_points(plan.streets[k].path))
        line = shapely.linestrings(path)
        points = shapely.points(coordinates(inside[rows]))
        station = shapely.line_locate_point(line, points)
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(station + 1, line.length)))
        behind = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(station - 1, 0)))
        u, v = (ahead - behind) @ (1, 1j), inside[rows] - behind @ (1, 1j)
        is_left = (u.conjugate() * v).imag > 0
        number[rows] = _numbers(station, is_left)
    named = street >= 0
    text = np.full(len(faces), None, dtype=object)
    text[named] = [f"{n} {_roll_name(plan.streets[k].name)}" for n, k in zip(number[named], street[named], strict=True)]
    nguid = np.full(len(faces), None, dtype=object)
    nguid[named] = [f"urn:emergency:uid:gis:SSAP:{n + 1}:{AGENCY}" for n in np.flatnonzero(named)]
    return Situs(named, street, number, text, nguid, feature_ids("address_point", pd.Series(nguid)))


def name_and_type(name: str) -> tuple[str, str | None]:
    """A street's name parted into name and type, as NENA wants them."""
    head, _, tail = name.rpartition(" ")
    return (head, tail) if tail in _TYPES else (name, None)


def _fronted(plan: Plan, fabric: Fabric) -> np.ndarray:
    """The street with the longest frontage on each face; alleys and canals are not fronted, arterials only where nothing else is."""
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
