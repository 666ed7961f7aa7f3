"""
Defects planted in a parcel fabric, each alone in its own block, with the truth of what was done where.

A block holds one defect or none, so that whatever a rule says of a block without one is false.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.line_defects import Planted, line_defects
from citygis.samples.lot_defects import INTO_STREET_FT, KINDS, Change, Lot, direction, middle_of, on_front, polygon
from citygis.samples.parcel_fabric import ParcelFabric


def plant_defects(
    fabric: ParcelFabric, *, seed: int = 0, per_kind: int = 10
) -> tuple[dict[str, gpd.GeoDataFrame], gpd.GeoDataFrame]:
    """
    The layers of a fabric with defects of every kind, and the truth.

    Parameters
    ----------
    fabric : ParcelFabric
        Not modified. Needs about 30 blocks for each `per_kind`.
    seed : int
    per_kind : int
        How many defects of each kind; the sizes of a kind take turns.

    Returns
    -------
    layers : dict of str to GeoDataFrame
        As `ParcelFabric.layers`. Parcels added stand at the end and have pids of their own.
    truth : GeoDataFrame, one row per defect
        ``kind``, ``layer``, ``size`` with ``unit`` (null where there is none), ``features`` (a tuple of the pid, eid or cid
        concerned; the parcel where a tract falls short of it), ``block`` (-1 for lines), ``code``, ``also`` and ``needs`` as in
        `citygis.samples.lot_defects.Kind`, ``geometry`` (a point of it). Blocks that no row names are sound.

    Raises
    ------
    ValueError
        If the fabric has too few blocks.
    """
    rng = np.random.default_rng(seed)
    free = _free_blocks(fabric, rng)
    changes, told, next_pid = [], [], len(fabric.parcel) + 1
    for kind in KINDS:
        for turn in range(per_kind):
            block = _taken(free, with_junction=kind.name == "missing_vertex")
            lot = _lot(fabric, block)
            size = kind.sizes[turn % len(kind.sizes)] if kind.sizes else np.nan
            change = kind.make(lot, size, fabric.parcel.crs)
            size = size if change.size is None else change.size
            unit = None if np.isnan(size) else kind.unit
            features = (lot.pid, *(pid for pid in change.removed if pid != lot.pid), *range(next_pid, next_pid + len(change.added)))
            next_pid += len(change.added)
            changes.append((block, change))
            place = shapely.Point(change.place)
            told.append(Planted(kind.name, "parcel", size, unit, features, block, kind.code, kind.also, kind.needs, place))
    layers = fabric.layers()
    layers["parcel"] = _planted(fabric.parcel, changes)
    for make in (_easement_out, _tract_short):
        for turn in range(per_kind):
            block = _taken(free, with_junction=False)
            told.append(make(fabric, layers, block, INTO_STREET_FT[turn % len(INTO_STREET_FT)]))
    layers["centreline"], of_lines = line_defects(fabric.centreline, rng, per_kind)
    truth = pd.DataFrame([*told, *of_lines], columns=Planted._fields)
    return layers, gpd.GeoDataFrame(truth, geometry="geometry", crs=fabric.parcel.crs)


def _free_blocks(fabric: ParcelFabric, rng: np.random.Generator) -> dict[bool, list[int]]:
    """Blocks of lots in random order, those whose middle lot has a T-junction on its rear line (True) apart from the rest."""
    free: dict[bool, list[int]] = {True: [], False: []}
    for block in rng.permutation(fabric.blocks.index[fabric.blocks["upper"] > 0]).tolist():
        lot = _lot(fabric, block)
        free[lot.west - lot.east > 1].append(block)
    return free


def _taken(free: dict[bool, list[int]], *, with_junction: bool) -> int:
    choice = free[True] if with_junction or not free[False] else free[False]
    if not choice:
        raise ValueError("Invalid per_kind. Must be less, or the fabric larger: a block holds one defect, and no block is left.")
    return choice.pop()


def _lot(fabric: ParcelFabric, block: int) -> Lot:
    """The middle lot of the lower row: one of eight or more, so that neither it nor a neighbour encloses another parcel."""
    lower, curved, first = (int(fabric.blocks[name].iat[block]) for name in ("lower", "curved", "first"))
    row = first + lower // 2
    polygons, pid = fabric.parcel.geometry.array, fabric.parcel["pid"].to_numpy()
    ring = shapely.get_coordinates(polygons[row])[:-1]
    return Lot(int(pid[row]), ring, 2 + curved, len(ring) - 1 - curved, (int(pid[row + 2]), polygons[row + 2]))


def _planted(parcel: gpd.GeoDataFrame, changes: list[tuple[int, Change]]) -> gpd.GeoDataFrame:
    """The parcels with the changes of some blocks."""
    geometry = np.asarray(parcel.geometry.array, dtype=object).copy()
    kept = np.ones(len(parcel), dtype=bool)
    added, blocks = [], []
    for block, change in changes:
        for pid, new in change.given.items():
            geometry[pid - 1] = new  # pids run from 1 without a hole
        kept[np.array(change.removed, dtype=int) - 1] = False
        added.extend(change.added)
        blocks.extend([block] * len(change.added))
    columns = {
        "pid": np.append(parcel["pid"].to_numpy()[kept], np.arange(len(added)) + len(parcel) + 1),
        "block": np.append(parcel["block"].to_numpy()[kept], np.array(blocks, dtype=int)),
    }
    return gpd.GeoDataFrame(columns, geometry=np.append(geometry[kept], np.array(added, dtype=object)), crs=parcel.crs)


def _easement_out(fabric: ParcelFabric, layers: dict[str, gpd.GeoDataFrame], block: int, size: float) -> Planted:
    """An easement drawn out beyond the end of its block, into the street."""
    row = int(np.flatnonzero(fabric.easement["block"].to_numpy() == block)[0])
    ring = shapely.get_coordinates(fabric.easement.geometry.array[row])[:-1]
    # Its corners run east along the south side and west along the north side; the last one is the middle of its west end.
    start, end = ring[-2], ring[0]
    east, north = direction(start, end)
    out = np.array([north, -east]) * size  # to the right of the way from north to south lies the west
    pushed = np.vstack([ring[:-1], start + out, end + out])
    layers["easement"] = _replaced(layers["easement"], row, polygon(pushed))
    eid = int(fabric.easement["eid"].to_numpy()[row])
    place = shapely.Point((start + end) / 2 + out)
    return Planted("easement_out", "easement", size, "ft", (eid,), block, "T12", (), "parcel", place)


def _tract_short(fabric: ParcelFabric, layers: dict[str, gpd.GeoDataFrame], block: int, size: float) -> Planted:
    """A tract with a bite that takes in the front of a lot and the street before it."""
    lot = _lot(fabric, block)
    bite = polygon(on_front(lot, (-10, -size), (-10, 5), (10, 5), (10, -size)))
    tracts = layers["tract"].geometry.array
    row = int(np.flatnonzero(shapely.intersects(np.asarray(tracts, dtype=object), shapely.Point(middle_of(lot))))[0])
    layers["tract"] = _replaced(layers["tract"], row, shapely.difference(tracts[row], bite))
    place = shapely.Point(on_front(lot, (0, -size))[0])
    return Planted("tract_short", "tract", size, "ft", (lot.pid,), block, "T07", (), "parcel", place)


def _replaced(frame: gpd.GeoDataFrame, row: int, geometry: shapely.Geometry) -> gpd.GeoDataFrame:
    changed = np.asarray(frame.geometry.array, dtype=object).copy()
    changed[row] = geometry
    return frame.set_geometry(gpd.GeoSeries(changed, index=frame.index, crs=frame.crs))
