"""
What the desk holds in memory: the City's layers as of one change, read once and indexed once.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.held import hold, once
from citygis.analysis.parcels import ground_of, spelt_numbers, standing
from citygis.city import City
from citygis.errors import StoreError
from citygis.store import Store, database_of, store

logger = logging.getLogger(__name__)

OWNERS = "parcel_owner"
"""The layer of names and mailing addresses; the desk reads it for staff alone."""

READINGS = 5
"""How often the layers are read anew because the store was changed meanwhile."""

LOOK_S = 1.0
"""How often the store is asked for its last change, at most."""


class Holdings(NamedTuple):
    """
    The City's layers as of one change.

    Parameters
    ----------
    change : int
        The store's last change when they were read; 0 for an empty store.
    layers : dict of str to frame
        By name, every layer of the store that has rows; without `OWNERS` unless the profile is staff.
    shapes : (n,) array of geometries
        The ground of each parcel, of its stack where it has none of its own; None where there is none.
    boxes : (n, 4) array of float
        Their bounds in feet, NaN where there is none.
    tree : STRtree
        Of `shapes`.
    apn : (n,) array of str
        Parcel numbers in one spelling.
    shown : (n,) array of str
        Parcel numbers as the City writes them; empty where there is none.
    standing : (n,) array of bool
        Whether the parcel is in force.
    spelt : callable
        Brings parcel numbers to the spelling of `apn`.
    """

    change: int
    layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]
    shapes: np.ndarray
    boxes: np.ndarray
    tree: shapely.STRtree
    apn: np.ndarray
    shown: np.ndarray
    standing: np.ndarray
    spelt: Callable[[pd.Series], pd.Series]

    def __reduce__(self) -> tuple:
        """To another process go the layers alone; what is made of them is made there."""
        return holdings, (self.change, self.layers)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The box of nineteen in twenty parcels and a margin, in feet: a stray one does not make the town a dot."""
        return once(self.layers["parcel"], "extent", self._extent)

    def _extent(self) -> tuple[float, float, float, float]:
        known = self.boxes[~np.isnan(self.boxes[:, 0])]
        if not len(known):
            return (0.0, 0.0, 1000.0, 1000.0)
        low, high = np.quantile(known[:, :2], 0.025, axis=0), np.quantile(known[:, 2:], 0.975, axis=0)
        room = (high - low) * 0.05 + 50
        return tuple(float(v) for v in (*(low - room), *(high + room)))

    def parcel_at(self, easting: float, northing: float) -> int | None:
        """Position of the parcel in force over a place; of several the smallest; None where there is none."""
        found = self.tree.query(shapely.Point(easting, northing), predicate="intersects")
        found = found[self.standing[found]]
        return int(found[np.argmin(shapely.area(self.shapes[found]))]) if len(found) else None


def holdings(change: int, layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]) -> Holdings:
    """
    Layers as the desk holds them, indexed.

    Parameters
    ----------
    change : int
        The store's last change when they were read.
    layers : dict of str to frame
        By name, ``parcel`` with rows among them. Not changed any more from here on.
    """
    parcels = layers["parcel"]
    for frame in layers.values():
        hold(frame)
    ground = ground_of(parcels)
    spelt, numbers = spelt_numbers(parcels)
    shown = parcels["apn_display"].fillna(parcels["apn"]) if "apn_display" in parcels else parcels["apn"]
    return Holdings(
        change,
        layers,
        ground.shapes,
        ground.boxes,
        ground.tree,
        numbers,
        shown.astype("str").fillna("").to_numpy(dtype=object),
        standing(parcels),
        spelt,
    )


class Keeper:
    """
    Gives the holdings of the store's last change, read anew when another program changed the store.

    Parameters
    ----------
    city : City
        With a store that is there.
    owners : bool
        Whether `OWNERS` is read: for staff.

    Raises
    ------
    StoreError
        If the City has no store yet.

    Attributes
    ----------
    trouble : str
        Why the store could not be read anew, while its state before is answered from; empty where all is well.
    """

    def __init__(self, city: City, *, owners: bool) -> None:
        database = database_of(city)
        if not database.exists():
            raise StoreError(f"{database.place} is not there yet. Load something first: citygis load FILE.")
        self.city, self.owners = city, owners
        self.store: Store = store(city)
        self._lock = threading.Lock()
        self._looked = 0.0
        self._held: Holdings | None = None
        self.trouble = ""

    def current(self) -> Holdings:
        """
        The holdings of now. While they are read anew, who asks meanwhile gets those before; so does everybody while the store
        cannot be read, which `trouble` tells.

        Raises
        ------
        StoreError
            If the store cannot be read, and never was.
        """
        if self._held is not None and (time.monotonic() - self._looked < LOOK_S or not self._lock.acquire(blocking=False)):
            return self._held
        if self._held is None:
            self._lock.acquire()
        try:
            change = self._last_change()
            if self._held is None or self._held.change != change:
                self._held = self._read(change)
            self.trouble = ""
            return self._held
        except StoreError as error:
            if self._held is None:
                raise
            self.trouble = str(error)
            logger.warning("the store could not be read: %s", error)
            return self._held
        finally:
            self._looked = time.monotonic()
            self._lock.release()

    def _last_change(self) -> int:
        with self.store.database.reading() as work:
            return int(work.rows("SELECT coalesce(max(id), 0) FROM citygis_change")[0][0])

    def _read(self, change: int) -> Holdings:
        for _ in range(READINGS):
            wanted = [info.name for info in self.store.layers() if info.name != OWNERS or self.owners]
            layers = {name: self.store.read(name) for name in wanted}
            # Layers are read one after the other: a change that was made meanwhile is in some of them.
            before, change = change, self._last_change()
            if before == change:
                break
        else:
            raise StoreError(f"{self.store.place} is being changed faster than it can be read. Wait until that is done.")
        if "parcel" not in layers or not len(layers["parcel"]):
            raise StoreError(
                f"{self.store.place} has no parcels, which the desk is about. Load them: citygis convert FILE --to parcel, then "
                "citygis load."
            )
        return holdings(change, layers)
