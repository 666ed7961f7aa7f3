"""
Points moved so that nobody can tell whose they were, and the map still tells where things happen.

Each place is moved into a ring around it: far enough that enough parcels are as likely, near enough to stay in its quarter.
"""

import hashlib
import secrets
from typing import NamedTuple

import numpy as np
import shapely

from citygis.errors import AnalysisError

LEAST_KEY_BYTES = 16
"""A key that is shorter can be guessed, and with it every place found again."""

_TRIES = 64


class Masked(NamedTuple):
    """
    Where points were moved to.

    Attributes
    ----------
    easting, northing : arrays of n float
        Null where no place was found within the ring, inside the City and among enough parcels.
    moved_ft : array of n float
        How far.
    parcels : array of n int
        Parcels as near to the new place as the old place is; -1 where there are no parcels to count, or no new place.
    """

    easting: np.ndarray
    northing: np.ndarray
    moved_ft: np.ndarray
    parcels: np.ndarray


def geomask(
    easting: np.ndarray,
    northing: np.ndarray,
    limit: shapely.Geometry,
    *,
    min_ft: float,
    max_ft: float,
    key: bytes | None = None,
    parcels: np.ndarray | None = None,
    least_parcels: int = 1,
    most_parcels: int = 1,
) -> Masked:
    """
    Move points into rings around them.

    Parameters
    ----------
    easting, northing : arrays of n float
        Feet.
    limit : Polygon or MultiPolygon
        The City: no point leaves it.
    min_ft, max_ft : float
        Inner and outer radius of the ring, at least.
    key : bytes, optional
        The department's secret. With the same key a place always moves to the same place, so that many events at one place, or
        many releases, do not give it away by their mean. A new one is made when not given.
    parcels : array of p x 2 float, optional
        Places of the City's parcels. The inner radius reaches at least `least_parcels` of them, the outer one `most_parcels`.
    least_parcels, most_parcels : int

    Returns
    -------
    Masked

    Raises
    ------
    AnalysisError
        If the key is shorter than `LEAST_KEY_BYTES`.
    ValueError
        If the radii or the numbers of parcels are not ascending.

    Notes
    -----
    Hampton et al. 2010, "Mapping Health Data: Improved Privacy Protection With Donut Method Geomasking", American Journal of
    Epidemiology 172:1062-1069: the new place is drawn alike from all ground of the ring. What falls outside the City, or where
    fewer than `least_parcels` parcels are as near as the old place, is drawn again. Random numbers: SHA-256 of key, place, try.
    """
    if not 0 < min_ft < max_ft:
        raise ValueError(f"Invalid min_ft '{min_ft:g}'. Must be above zero and below max_ft, {max_ft:g}.")
    if not 0 < least_parcels <= most_parcels:
        raise ValueError(f"Invalid least_parcels '{least_parcels}'. Must be above zero, and most_parcels ({most_parcels}) no less.")
    if key is None:
        key = secrets.token_bytes(32)
    if len(key) < LEAST_KEY_BYTES:
        raise AnalysisError(
            f"The mask's key has {len(key)} bytes; at least {LEAST_KEY_BYTES} are needed, or it can be guessed. Write a longer one."
        )
    places, of = np.unique(np.round(np.stack([easting, northing], axis=1), 2), axis=0, return_inverse=True)
    of = of.ravel()
    tree = None
    inner, outer = np.full(len(places), float(min_ft)), np.full(len(places), float(max_ft))
    if parcels is not None and len(parcels) and len(places):
        from scipy.spatial import cKDTree

        zero = parcels.min(axis=0)
        tree = cKDTree(parcels - zero)
        wanted = np.minimum([least_parcels, most_parcels], len(parcels))
        reach = tree.query(places - zero, k=np.unique(wanted))[0].reshape(len(places), -1)
        inner = np.maximum(inner, reach[:, 0])
        outer = np.maximum(outer, np.maximum(reach[:, -1], inner * max_ft / min_ft))
    new, count = np.full(places.shape, np.nan), np.full(len(places), -1)
    open_ = np.arange(len(places))
    shapely.prepare(limit)
    for number in range(_TRIES):
        if not len(open_):
            break
        far, turn = _drawn(key, places[open_], number).T
        radius = np.sqrt(inner[open_] ** 2 + far * (outer[open_] ** 2 - inner[open_] ** 2))
        angle = 2 * np.pi * turn
        tried = places[open_] + radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        good = shapely.contains_xy(limit, tried[:, 0], tried[:, 1])
        if tree is not None:
            among = tree.query_ball_point(tried - zero, radius, return_length=True)
            good &= among >= least_parcels
            count[open_[good]] = among[good]
        new[open_[good]] = tried[good]
        open_ = open_[~good]
    moved = np.hypot(*(new - places).T)
    return Masked(new[of, 0], new[of, 1], moved[of], count[of])


def _drawn(key: bytes, places: np.ndarray, number: int) -> np.ndarray:
    """Two random numbers from 0 up to 1 for each place."""
    cents = np.round(places * 100).astype("<i8")
    tail = number.to_bytes(4, "little")
    digests = b"".join(hashlib.sha256(key + place.tobytes() + tail).digest()[:16] for place in cents)
    return (np.frombuffer(digests, dtype="<u8").reshape(-1, 2) >> np.uint64(11)) / 2.0**53
