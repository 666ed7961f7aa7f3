"""
Datasets in another system, the ground that parcels share with other polygons, and both checks of a county in one function.
"""

from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis import topology
from citygis.city import City
from citygis.errors import CRSError
from citygis.geodesy import transform_frame
from citygis.scale.dataset import ROW, Dataset
from citygis.scale.engine import Engine, map_partitions
from citygis.units import METRE, SQFT_PER_ACRE, US_SURVEY_FOOT, unit_of

MOST_VERTICES = 128
"""Polygons of more vertices are cut up before anything is intersected with them: store and scale notes, section 6.1."""


class Ground(NamedTuple):
    """
    Polygons cut up, ready to be sent to every part; from `ground_of`.

    Attributes
    ----------
    pieces : GeoSeries
        Polygons of few vertices.
    owner : array of int
        The position of the polygon that each is a piece of.
    """

    pieces: gpd.GeoSeries
    owner: np.ndarray


def ground_of(polygons: gpd.GeoDataFrame | gpd.GeoSeries) -> Ground:
    """
    Polygons made ready for `acres_in` and `parcels_checked`.

    Parameters
    ----------
    polygons : GeoDataFrame or GeoSeries, m polygons
        In a projected system. Null and empty ones cover nothing; one that is not valid is mended first. Not modified.

    Raises
    ------
    CRSError
        If they have no CRS, or one in degrees.
    """
    if polygons.crs is None:
        raise CRSError("The polygons have no CRS. Ask the sender, then state it with set_crs. citygis never guesses.")
    unit_of(polygons.crs)
    parts, owner = topology.polygon_parts(_sound(np.asarray(polygons.geometry.array, dtype=object)))
    large = np.flatnonzero(shapely.get_num_coordinates(parts) > MOST_VERTICES)
    cut = [topology.pieces(parts[[at]], most_vertices=MOST_VERTICES) for at in large]
    small = np.setdiff1d(np.arange(len(parts)), large, assume_unique=True)
    shapes = np.concatenate([parts[small], *cut])
    owners = np.concatenate([owner[small], np.repeat(owner[large], [len(each) for each in cut]).astype(owner.dtype)])
    order = np.argsort(owners, kind="stable")
    return Ground(gpd.GeoSeries(shapes[order], crs=polygons.crs), owners[order])


def acres_in(
    dataset: Dataset,
    polygons: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    engine: Engine = "local",
    scheduler: str | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """
    How much ground each row of a dataset shares with each of some polygons.

    Parameters
    ----------
    dataset : Dataset
        Of polygons, in a projected system. One that is not valid is mended first, as `shapely.make_valid` does.
    polygons : GeoDataFrame or GeoSeries, m polygons
        In the CRS of `dataset`. Where they lie on each other, each counts: dissolve zones of one class first.
    engine, scheduler, workers
        As `citygis.scale.map_partitions`.

    Returns
    -------
    DataFrame, one row per pair that shares ground
        ``citygis_row``; ``polygon``: the label in the index of `polygons`; ``acres`` of 43,560 square feet. By row and polygon.

    Raises
    ------
    CRSError
        If `polygons` is in another CRS, or it is in degrees.
    """
    ground = ground_of(polygons)
    if not ground.pieces.crs.equals(dataset.crs, ignore_axis_order=True):
        raise CRSError(
            f"The polygons are in {ground.pieces.crs.name}, {dataset.path} is in {dataset.crs.name}. Convert one of them."
        )
    told = {"pieces": ground.pieces, "owner": ground.owner}
    found = map_partitions(_acres, dataset, broadcast=told, engine=engine, scheduler=scheduler, workers=workers)
    found = found.sort_values([ROW, "polygon"], ignore_index=True)
    return found.assign(polygon=polygons.index.to_numpy()[found["polygon"].to_numpy(dtype=int)])


def reprojected(
    dataset: Dataset,
    target: City | CRS | str,
    out: Any,
    *,
    engine: Engine = "local",
    scheduler: str | None = None,
    workers: int | None = None,
) -> Dataset:
    """
    A dataset in another system, part by part.

    Parameters
    ----------
    dataset : Dataset
    target : City or CRS
        A City's own system, with the datums that it holds to be its own; or any.
    out : path
        The folder to be made. What is done stays done, as with `citygis.scale.map_partitions`.
    engine, scheduler, workers
        As there.

    Returns
    -------
    Dataset
        The same rows in the same parts; they lie together as well as they did.

    Raises
    ------
    CRSError
        As `citygis.geodesy.transform_frame`. Of operations between datums each part takes the one for its place.
    """
    is_city = isinstance(target, City)
    told = {"target": target.crs if is_city else CRS.from_user_input(target), "same": dict(target.same_datum) if is_city else {}}
    return map_partitions(_moved, dataset, broadcast=told, engine=engine, scheduler=scheduler, workers=workers, out=out)


def parcels_checked(
    own: gpd.GeoDataFrame, halo: gpd.GeoDataFrame, flood: Ground, *, same_datum: dict | None = None
) -> gpd.GeoDataFrame:
    """
    A county's parcels brought into the City's system, checked, and measured against flood zones: one job for `map_partitions`.

    Parameters
    ----------
    own, halo : GeoDataFrame
        In any system, such as longitude and latitude.
    flood : Ground
        From `ground_of`, in the system that is wanted.
    same_datum : dict, optional
        As `citygis.geodesy.transform_frame`.

    Returns
    -------
    GeoDataFrame
        The geometry of `own` in the system of `flood`, index of `own`. ``broken``: how it is not valid, null where it is;
        ``overlaps``: how many other parcels it shares ground with, and ``overlap_sqft``: how much in all; ``acres`` and
        ``flood_acres``, of the mended geometry.
    """
    crs = flood.pieces.crs
    rows = pd.concat([own.geometry, halo.geometry]).sort_index() if len(halo) else own.geometry
    moved, _ = transform_frame(gpd.GeoDataFrame(geometry=rows, crs=own.crs), crs, same_datum=same_datum)
    fabric = topology.fabric(moved)
    mine = moved.index.isin(own.index)
    pairs = topology.overlaps(fabric)
    left, right = pairs["left"].to_numpy(dtype=int), pairs["right"].to_numpy(dtype=int)
    count = np.bincount(np.concatenate([left, right]), minlength=len(moved))
    shared = np.bincount(np.concatenate([left, right]), np.tile(pairs["area_sqft"].to_numpy(), 2), minlength=len(moved))
    found = topology.invalid(fabric)
    broken = np.full(len(moved), None, dtype=object)
    broken[found["feature"].to_numpy(dtype=int)] = found["kind"].to_numpy(dtype=object)
    shapes = _sound(np.asarray(moved.geometry.array, dtype=object)[mine])
    row, _, acres = _shared_acres(shapes, flood.pieces, flood.owner)
    table = {
        "broken": pd.array(broken[mine], dtype="str"),
        "overlaps": count[mine],
        "overlap_sqft": shared[mine],
        "acres": shapely.area(shapes) * _acre(crs),
        "flood_acres": np.bincount(row, acres, minlength=len(shapes)),
    }
    return gpd.GeoDataFrame(table, geometry=moved.geometry.array[mine], index=moved.index[mine])


def _acres(own: gpd.GeoDataFrame, halo: gpd.GeoDataFrame, *, pieces: gpd.GeoSeries, owner: np.ndarray) -> pd.DataFrame:
    row, polygon, acres = _shared_acres(_sound(np.asarray(own.geometry.array, dtype=object)), pieces, owner)
    return pd.DataFrame({ROW: own.index.to_numpy()[row], "polygon": polygon, "acres": acres})


def _moved(own: gpd.GeoDataFrame, halo: gpd.GeoDataFrame, *, target: CRS, same: dict) -> gpd.GeoDataFrame:
    return transform_frame(own, target, same_datum=same)[0].rename_axis(ROW)


def _shared_acres(shapes: np.ndarray, pieces: gpd.GeoSeries, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of shapes and polygons that share ground, by positions, ascending; and how much."""
    ground = np.asarray(pieces.array, dtype=object)
    at, piece = shapely.STRtree(ground).query(shapes)
    shapely.prepare(ground)
    inside = shapely.contains_properly(ground[piece], shapes[at])
    met = ~inside
    met[met] = shapely.intersects(ground[piece[met]], shapes[at[met]])
    area = np.zeros(len(at))
    area[inside] = shapely.area(shapes[at[inside]])
    area[met] = shapely.area(shapely.intersection(shapes[at[met]], ground[piece[met]]))
    at, polygon, area = at[area > 0], owner[piece[area > 0]], area[area > 0]
    # By size last, so that a sum does not hang on the order in which a tree gives what it finds.
    order = np.lexsort((area, polygon, at))
    at, polygon, area = at[order], polygon[order], area[order]
    first = np.flatnonzero(np.r_[True, (np.diff(at) != 0) | (np.diff(polygon) != 0)]) if len(at) else np.empty(0, dtype=int)
    sums = np.add.reduceat(area, first) if len(at) else area
    return at[first], polygon[first], sums * _acre(pieces.crs)


def _sound(shapes: np.ndarray) -> np.ndarray:
    """The same, with those mended that are not valid; null where a coordinate is not a number."""
    shapes = shapes.copy()
    bad = np.flatnonzero(~shapely.is_missing(shapes) & ~shapely.is_valid(shapes))
    for at in bad:
        finite = np.isfinite(shapely.get_coordinates(shapes[at])).all()
        shapes[at] = shapely.make_valid(shapes[at]) if finite else None
    return shapes


def _acre(crs: CRS) -> float:
    """Acres to a square unit of a system."""
    feet = 1.0 / float(US_SURVEY_FOOT) if unit_of(crs) is METRE else 1.0
    return feet * feet / SQFT_PER_ACRE
