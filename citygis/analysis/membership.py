"""
Which parcels belong to a district: by its record, or by the greater part of their ground.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import in_force, require_columns
from citygis.analysis.overlay import measurable, overlaid_area
from citygis.analysis.parcels import bare, footprints
from citygis.errors import AnalysisError

_YES, _NO = ("yes", "y", "true", "1", "in"), ("no", "n", "false", "0", "out")
FILL_IN = "Fill it in, or leave it out."
"""What to do with a table that has no rows."""

_LISTED = 5


class Land(NamedTuple):
    """
    Parcels in force that have ground, one row per number, by number.

    Parameters
    ----------
    frame : GeoDataFrame, n rows
    apn : list of str
        As the layer writes them.
    key : array of n str
        The same of capitals and digits only, or as written where two numbers of the layer would run together to the same.
    shapes : array of n polygons
        Valid.
    area : array of n float
        Square feet.
    left_out : list of tuple
        Rows for `citygis.analysis.answer.excluded`.
    remarks : tuple of str
    """

    frame: gpd.GeoDataFrame
    apn: list[str]
    key: np.ndarray
    shapes: np.ndarray
    area: np.ndarray
    left_out: list[tuple[str, str, str]]
    remarks: tuple[str, ...]


class Membership(NamedTuple):
    """
    Who is in a district.

    Parameters
    ----------
    member, by_record, straddles, looked_at : arrays of n bool
        Whether each parcel is in; whether the record says so; whether more than a sliver of it lies on either side of the line;
        whether it has ground in the district or is on its record.
    left_out : list of tuple
        Those that were looked at and are no members, with the reason.
    """

    member: np.ndarray
    by_record: np.ndarray
    straddles: np.ndarray
    looked_at: np.ndarray
    left_out: list[tuple[str, str, str]]


def land_of(parcels: gpd.GeoDataFrame) -> Land:
    """
    The parcels of a layer that hold now and have ground, one per number: rows of one number are joined.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Column ``apn``; ``status, stack_id`` as far as there. Units without geometry stand on the footprint of their stack.
    """
    frame = parcels.reset_index(drop=True)
    frame = frame.set_geometry(gpd.GeoSeries(footprints(frame)[0], index=frame.index, crs=parcels.crs))
    live = in_force(frame).index
    retired = len(frame) - len(live)
    ground = measurable(frame.loc[live].reset_index(drop=True), "parcel", key="apn")
    frame = frame.loc[live].iloc[ground.rows].reset_index(drop=True)
    shapes, left_out = ground.shapes, list(ground.left_out)
    key = _keys(frame["apn"])
    if (key == "").any():
        left_out += [("parcel", f"row {k}", "no parcel number") for k in np.flatnonzero(key == "")]
    order = np.lexsort((shapely.area(shapes), key))
    order = order[key[order] != ""]
    frame, key, shapes = frame.iloc[order].reset_index(drop=True), key[order], shapes[order].copy()
    first = np.r_[True, key[1:] != key[:-1]] if len(key) else np.zeros(0, dtype=bool)
    starts, size = np.flatnonzero(first), np.diff(np.r_[np.flatnonzero(first), len(key)])
    for start, length in zip(starts[size > 1], size[size > 1], strict=True):
        shapes[start] = shapely.union_all(shapes[start : start + length])
    again = frame.loc[~first, "apn"].astype("str")
    left_out += [("parcel", apn, "its number stands more than once: the ground was joined to the first row") for apn in again]
    remarks = list(ground.remarks)
    if retired:
        remarks.append(f"{retired:,} rows of the parcel layer are not in force and were not looked at.")
    if len(again):
        remarks.append(f"{len(again):,} rows repeat a parcel number ({some_of(sorted(set(again)))}): one line each on the roll.")
    frame = frame[first].reset_index(drop=True)
    shapes = shapes[first]
    apn = frame["apn"].astype("str").tolist()
    return Land(frame, apn, key[first], shapes, shapely.area(shapes), left_out, tuple(remarks))


def positions_of(numbers: pd.Series, land: Land) -> np.ndarray:
    """
    Where the parcels of some numbers stand in `land`: -1 where there is none, or where a number without its dashes may be of two.

    Parameters
    ----------
    numbers : Series of n str
        With or without dashes; nulls are found nowhere.
    """
    written = pd.Index([_written(apn) for apn in land.apn])
    exact = written.get_indexer([_written(each) for each in numbers.fillna("").astype("str")])
    loose = pd.Index(land.key).get_indexer(bare(numbers).fillna(""))
    return np.where(exact >= 0, exact, loose)


def _keys(numbers: pd.Series) -> np.ndarray:
    """
    Numbers run together, except those that would be the same as another: 23-115 and 231-15 are two where parts have no fixed
    width.
    """
    key = bare(numbers).fillna("").to_numpy(dtype=object)
    written = np.array([_written(each) for each in numbers.fillna("").astype("str")], dtype=object)
    both = pd.DataFrame({"key": key, "written": written})
    torn = (both.groupby("key")["written"].transform("nunique") > 1).to_numpy() & (key != "")
    return np.where(torn, written, key)


def _written(number: str) -> str:
    return number.strip().upper()


def district_shapes(district: gpd.GeoDataFrame | None, district_id: str | None, members: pd.DataFrame | None) -> np.ndarray | None:
    """
    The polygons of one district, valid; None where there is no layer and `members` tells who is in.

    Raises
    ------
    AnalysisError
        If there is neither, `district_id` is not in the layer or is needed, or the district has no ground.
    """
    if district is None:
        if members is None:
            raise AnalysisError(
                "Nothing says who is in the district. Give its ground (--district FILE) or its members (--members)."
            )
        return None
    live = in_force(district)
    if "district_id" in live.columns:
        ids = live["district_id"].astype("str")
        if district_id is not None:
            live = live[(ids == str(district_id)).to_numpy()]
            if not len(live):
                raise AnalysisError(f"There is no district {district_id!r}. There are: {some_of(sorted(set(ids)))}.")
        elif ids.nunique() > 1:
            raise AnalysisError(
                f"The layer has {ids.nunique():,} districts ({some_of(sorted(set(ids)))}). Name one: --district-id."
            )
    elif district_id is not None:
        raise AnalysisError(f"Layer 'district' has no column 'district_id' to find {district_id!r} by. Leave it out, or add it.")
    shapes = measurable(live, "district").shapes
    if not len(shapes):
        raise AnalysisError("The district has no ground. Draw it first, or give its members by record.")
    return shapes


def ground_inside(land: Land, shapes: np.ndarray | None) -> tuple[np.ndarray, shapely.Geometry | None]:
    """How much of each parcel lies in the district, in square feet (null without one), and the district as one."""
    if shapes is None:
        return np.full(len(land.apn), np.nan), None
    ground = shapely.union_all(shapes)
    met = overlaid_area(land.shapes, np.array([ground], dtype=object))
    inside = np.bincount(met["left"], weights=met["area_sqft"], minlength=len(land.apn))
    return np.minimum(inside, land.area), ground


def recorded(members: pd.DataFrame | None, land: Land) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """What the record says of each parcel: 1 in, 0 out, -1 nothing; and what could not be matched."""
    said = np.full(len(land.apn), -1)
    if members is None:
        return said, []
    require_columns(members, ["apn"], "The table of members", if_empty=FILL_IN)
    at = positions_of(members["apn"], land)
    names = bare(members["apn"]).fillna("").to_numpy(dtype=object)
    key = np.where(at >= 0, np.array(land.key, dtype=object)[at], names)
    if "member" in members.columns:
        word = members["member"].astype("str").str.strip().str.lower()
        value = np.select([word.isin(_YES), word.isin(_NO)], [1, 0], -1)
        if (value < 0).any():
            wrong = members["member"][value < 0].iloc[0]
            raise AnalysisError(f"The table of members says {wrong!r} for {members['apn'][value < 0].iloc[0]}. Write yes or no.")
    else:
        value = np.ones(len(members), dtype=int)
        said[:] = 0
    by_key = pd.Series(value, index=key)
    torn = by_key.groupby(level=0).nunique()
    if (torn > 1).any():
        raise AnalysisError(f"The table of members has {some_of(sorted(torn[torn > 1].index))} both in and out. Settle it first.")
    by_key = by_key[~by_key.index.duplicated()]
    at = by_key.index.get_indexer(land.key)
    said[at >= 0] = by_key.to_numpy()[at[at >= 0]]
    unknown = sorted(set(by_key.index[by_key.to_numpy() == 1]) - set(land.key))
    if not unknown:
        return said, []
    what = f"What {len(unknown):,} parcels of the record pay ({some_of(unknown)})"
    return said, [
        (what, "The parcel layer has no such parcels in force, or no ground of them.", "Ask lineage what became of them.")
    ]


def membership(land: Land, inside: np.ndarray, record: np.ndarray, *, majority: float, sliver_sqft: float) -> Membership:
    """
    Who is in: as the record says where it does, by the greater part of the ground where not.

    Parameters
    ----------
    land : Land
    inside : array of n float
        Square feet of each parcel in the district, null where no district was given.
    record : array of n int
        As `recorded` gives it.
    majority : float
        A parcel is in when more than this share of it is.
    sliver_sqft : float
        Ground that is no more than this counts for nothing.
    """
    share = np.divide(inside, land.area, out=np.zeros_like(inside), where=land.area > 0)
    touched = np.nan_to_num(inside) > 0
    noise = touched & (inside <= sliver_sqft)
    straddles = touched & ~noise & (land.area - inside > sliver_sqft)
    by_record = record >= 0
    member = np.where(by_record, record == 1, np.nan_to_num(share) > majority) & ~(noise & ~(record == 1))
    looked_at = touched | (record == 1)
    reasons = []
    for k in np.flatnonzero(looked_at & ~member):
        part = f"{share[k]:.2%} of it ({inside[k]:,.0f} sq ft) lies in the district"
        if by_record[k]:
            reason = f"not a member by the record, though {part}"
        elif noise[k]:
            reason = f"only its line touches the district ({inside[k]:.2f} sq ft)"
        else:
            reason = f"{part}, not more than {majority:.0%}"
        reasons.append(("parcel", land.apn[k], reason))
    return Membership(member, by_record, straddles, looked_at, reasons)


def some_of(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    shown = ", ".join(map(str, names[:_LISTED]))
    return f"{shown} and {len(names) - _LISTED:,} more" if len(names) > _LISTED else shown
