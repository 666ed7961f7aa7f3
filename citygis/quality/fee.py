"""
Ground held in fee: parcels, and the rights of way that hold the ground themselves. They divide the ground among them, so that one
fabric of both serves every rule that asks what lies between a lot and its street.
"""

from collections.abc import Iterator, Mapping
from threading import RLock
from typing import NamedTuple

import numpy as np

from citygis import topology
from citygis.city import City
from citygis.quality.checks import one_of, placed
from citygis.quality.subject import Subject, exempt

TITLE = ("FEE", "ACCEPTED", "RAIL", "CANAL")
"""Kinds of right of way that hold the ground itself. An easement, an offer not yet accepted, a reservation and a way by
prescription lie on land that stays with the parcel (Calif. Gov. Code 66475, 66477.1; Civ. Code 1007)."""


class Fee(NamedTuple):
    """
    Parcels and ways that hold their ground today.

    Attributes
    ----------
    parcels, ways : arrays of int, ascending
        Positions in the layers parcel and right_of_way.
    whole : Fabric
        Of both, the ways counted on from the parcels.
    """

    parcels: np.ndarray
    ways: np.ndarray
    whole: topology.Fabric


class Drawn(Mapping[str, Subject]):
    """Layers that are looked at together: `fee_ground` of them is worked out once."""

    def __init__(self, subjects: Mapping[str, Subject]) -> None:
        self._subjects, self._lock, self._fee = dict(subjects), RLock(), None

    def __getitem__(self, name: str) -> Subject:
        return self._subjects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._subjects)

    def __len__(self) -> int:
        return len(self._subjects)

    def fee(self, city: City) -> Fee:
        """Of the layers parcel and right_of_way, which must be there."""
        with self._lock:
            if self._fee is None:
                self._fee = _fee_ground(self, city)
            return self._fee


def fee_ground(subjects: Mapping[str, Subject], city: City) -> Fee:
    """
    The ground that parcels and rights of way divide among them.

    Parameters
    ----------
    subjects : mapping of layer name to Subject
        With the layers parcel and right_of_way, in feet, of one CRS.
    city : City
    """
    return subjects.fee(city) if isinstance(subjects, Drawn) else _fee_ground(subjects, city)


def _fee_ground(subjects: Mapping[str, Subject], city: City) -> Fee:
    parcel, way = subjects["parcel"], subjects["right_of_way"]
    parcels = np.intersect1d(placed(parcel, city), np.flatnonzero(~exempt(parcel)))
    ways = np.intersect1d(placed(way, city), np.flatnonzero(one_of(way, "row_kind", TITLE)))
    return Fee(parcels, ways, topology.fabric_of_two(parcel.shapes.iloc[parcels], way.shapes.iloc[ways]))
