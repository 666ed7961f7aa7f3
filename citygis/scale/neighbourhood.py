"""
What the geometry rules say of one part: judged among its neighbours, as far out as a finding reaches, and each finding told once.

A finding belongs to the part of the lowest row that it names. Strips between lots may go on along a whole block and into the next
part; so what is found is held against what is known, and as long as a finding comes near the edge of that, more rows are read.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality import rule
from citygis.quality.checks import applied
from citygis.quality.courses import course_findings
from citygis.quality.districts import CHECKS as OF_DISTRICTS
from citygis.quality.network import network_findings
from citygis.quality.standing import REACH_FT
from citygis.quality.subject import Subject, subject
from citygis.quality.succession import CHECKS as OF_SUCCESSION
from citygis.quality.validation import Only, in_feet, own_findings, told_and_judged
from citygis.scale.dataset import Dataset
from citygis.scale.halo import boxes_around, rows_near
from citygis.units import METRE, US_SURVEY_FOOT, unit_of

HALO_FT = 150.0
"""Read around a part at first: two lots deep, so that findings on its edge seldom ask for more."""

MOST_NEAR = 4
"""So many times its own rows, and `LEAST_ALLOWED`, a part may need of others."""
LEAST_ALLOWED = 50_000

_OF_PAIRS = ("T01", "T29")  # told of two features whatever else is near
_TAX = [check for check in OF_DISTRICTS if check.codes == ("T20",)]


class PartFindings(NamedTuple):
    """
    What is found in one part, and what was taken for granted.

    Attributes
    ----------
    rows : DataFrame
        Rows for `citygis.findings.findings_frame`, in feet, and ``row``: the lowest row that each names. Those of other parts are
        left out.
    clockwise : int
        How many more shells of the part itself run clockwise than the other way.
    shells : str
        How the shells of the layer were taken to run.
    """

    rows: pd.DataFrame
    clockwise: int
    shells: str


def part_findings(
    own: gpd.GeoDataFrame,
    halo: gpd.GeoDataFrame,
    dataset: Dataset,
    layer: str,
    city: City,
    *,
    only: Only | None = None,
    key: str | None = None,
    shells: str | None = None,
    tax_areas_named: bool = False,
) -> PartFindings:
    """
    What the rules that look at geometry find in one part.

    Parameters
    ----------
    own, halo : GeoDataFrame
        As `citygis.scale.map_partitions` gives them, with a halo of `HALO_FT`.
    dataset : Dataset
        For rows farther away, where a finding reaches there.
    layer, city, only, key
        As `citygis.quality.validate`.
    shells : "clockwise" or "counterclockwise", optional
        How the shells of the whole layer run; as most do here where it is not given.
    tax_areas_named : bool
        Whether a parcel of the whole layer names its tax rate area.

    Raises
    ------
    ReadError
        If a finding needs more than `MOST_NEAR` times as many rows as the part has.
    """
    unit = float(US_SURVEY_FOOT) if unit_of(own.crs) is METRE else 1.0
    reach = max(REACH_FT, rule("T33", city).limit + 2.0, rule("T31", city).tolerance + 2.0)
    mine = own.index.to_numpy()
    rows = pd.concat([own, halo]).sort_index() if len(halo) else own
    geometry = np.asarray(own.geometry.array, dtype=object)
    bounds = shapely.bounds(geometry).reshape(-1, 4)
    placed = np.isfinite(bounds).all(axis=1)
    tree, bounds = shapely.STRtree(geometry[placed]), bounds[placed]
    clockwise, further = None, HALO_FT * unit
    while True:
        about = about_rows(rows, layer, city, key=key)
        numbers = rows.index.to_numpy()
        if clockwise is None:
            shells = shells or ("clockwise" if topology.clockwise_surplus(about.measured) > 0 else "counterclockwise")
            clockwise = topology.clockwise_surplus(about.measured, among=np.isin(numbers, mine))
        about = replace(about, shells=shells)
        found = told_and_judged(_found(about, city, only, tax_areas_named), {layer: about}, city)
        if not len(found):
            return PartFindings(found, clockwise, shells)
        lowest = _lowest(found, about, numbers)
        asked = _open(found, np.isin(lowest, mine), tree, bounds, reach, unit)
        at_most = max(MOST_NEAR * len(own), LEAST_ALLOWED)
        places = shapely.box(*asked.T)
        near = partial(rows_near, dataset, places, beyond=numbers, at_most=at_most)
        more = near(0.0) if len(asked) else own.iloc[:0]
        if not len(more):
            return PartFindings(found.assign(row=lowest)[np.isin(lowest, mine)], clockwise, shells)
        # What runs on along a street is not followed lot by lot.
        rows, further = pd.concat([rows, near(further)]).sort_index(), 2 * further


def about_rows(rows: gpd.GeoDataFrame, layer: str, city: City, *, key: str | None) -> Subject:
    """Some rows of a dataset as a subject; those without a name are called by their number in the sources."""
    about = subject(layer, in_feet(rows), city.schema.layers.get(layer), key=key, city=city)
    numbers = rows.index.to_numpy()
    nameless = [k for k, name in enumerate(about.feature) if name.startswith("#") and name == f"#{k + 1}"]
    about.feature[nameless] = [f"#{numbers[k] + 1}" for k in nameless]
    return about


def _found(about: Subject, city: City, only: Only | None, tax_areas_named: bool) -> list[pd.DataFrame]:
    """What the rules find that look at geometry, by itself or together with the columns."""
    found = [*own_findings(about, city), *network_findings({about.name: about}, city)]
    if only is None:
        if about.name == "parcel":
            found += course_findings({"parcel": about}, city)
            found += applied(_TAX, {"parcel": _with_tax_area(about) if tax_areas_named else about}, city)
        found += applied(OF_SUCCESSION, {about.name: about}, city)
    return found


def _with_tax_area(about: Subject) -> Subject:
    """The same, with one row more that has no place and names a tax rate area: the rule asks whether any parcel does."""
    if about.frame["tra"].notna().any():
        return about
    frame = pd.concat([about.frame, about.frame.iloc[:1].astype({"tra": object}).assign(tra="named")], ignore_index=True)
    longer = {name: np.append(getattr(about, name), [None]) for name in ("feature", "source_ref", "geometry")}
    return replace(about, frame=frame, **longer)


def _lowest(found: pd.DataFrame, about: Subject, numbers: np.ndarray) -> np.ndarray:
    """
    The lowest row that each finding names, among those that lie at its place; names may be those of several rows.

    A finding without a place is about a row without one, and those are never in a halo.
    """
    place = boxes_around(shapely.bounds(found["geometry"].to_numpy(dtype=object)).reshape(-1, 4), REACH_FT)
    feature, other = (found[side].to_numpy(dtype=object) for side in ("feature", "other"))
    lowest = np.full(len(found), np.iinfo(np.int64).max)
    placed = np.flatnonzero(np.isfinite(place).all(axis=1))
    finding, at = shapely.STRtree(about.place).query(shapely.box(*place[placed].T))
    finding = placed[finding]
    named = (about.feature[at] == feature[finding]) | (about.feature[at] == other[finding])
    np.minimum.at(lowest, finding[named], numbers[at[named]])
    nowhere = np.flatnonzero(np.isnan(about.bounds).all(axis=1))
    first = pd.Series(numbers[nowhere], index=about.feature[nowhere]).groupby(level=0).min()
    unplaced = np.setdiff1d(np.arange(len(found)), placed)
    lowest[unplaced] = pd.Series(feature[unplaced]).map(first).to_numpy(dtype=np.int64)
    return lowest


def _open(
    found: pd.DataFrame, ours: np.ndarray, tree: shapely.STRtree, bounds: np.ndarray, reach: float, unit: float
) -> np.ndarray:
    """The surroundings, as boxes in the dataset's unit, of findings that may be this part's and reach beyond what is known."""
    around = boxes_around(shapely.bounds(found["geometry"].to_numpy(dtype=object)).reshape(-1, 4), reach) * unit
    pair = found["other"].notna().to_numpy(dtype=bool) & np.isfinite(around).all(axis=1)
    pair &= ours | ~found["code"].isin(_OF_PAIRS).to_numpy(dtype=bool)
    around = around[pair]
    finding, at = tree.query(shapely.box(*boxes_around(around, reach * unit).T))
    known = boxes_around(bounds[at], HALO_FT * unit)
    inside = ((known[:, :2] <= around[finding, :2]) & (known[:, 2:] >= around[finding, 2:])).all(axis=1)
    return around[np.setdiff1d(finding, finding[inside])]
