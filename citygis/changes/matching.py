"""
Rows of two deliveries that carry the same key, and what they say differently.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.changes.sameness import displacement_ft

DERIVED = frozenset(
    ("fid", "objectid", "oid", "global_id", "globalid", "shape_area", "shape_leng", "shape_length", "shape__area", "shape__length")
    + ("calc_area_sqft", "geom_hash", "source_id", "source_ref", "created_by_record", "tx_from", "tx_to", "cs_from", "cs_to")
    + ("editor", "read_code", "read_message")
)
"""Columns that say nothing of the land: numbers a program gave, figures worked out from the geometry, where a row was read."""

NEAR = 1e-9
"""Two figures that differ by less than this share are one figure, written out twice."""


class Matched(NamedTuple):
    """
    Rows by key: positions.

    ``old`` and ``new`` are pairs with the same key; ``vanished`` and ``appeared`` the rows without a partner. ``ambiguous_old`` and
    ``ambiguous_new`` have no key, or one that several rows carry and that their other columns do not tell apart.
    """

    old: np.ndarray
    new: np.ndarray
    vanished: np.ndarray
    appeared: np.ndarray
    ambiguous_old: np.ndarray
    ambiguous_new: np.ndarray


def keys_of(frame: pd.DataFrame, key: Sequence[str]) -> pd.Series:
    """
    The key of each row as text; null where one of its columns is null or blank.

    Raises
    ------
    ValueError
        If a column is not there.
    """
    absent = [name for name in key if name not in frame.columns]
    if absent:
        raise ValueError(f"Invalid key {absent[0]!r}. Must be a column; there are: {', '.join(map(str, frame.columns))}.")
    columns = []
    for name in key:
        values = frame[name].reset_index(drop=True)
        if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")  # a number column with a null in it
        text = values.astype("str").str.strip()
        columns.append(text.where(text.notna() & text.ne("") & values.notna().to_numpy(), None))
    joined = columns[0] if len(columns) == 1 else columns[0].str.cat(columns[1:], sep=" | ")
    return joined


def matched(
    old: pd.Series, new: pd.Series, old_said: pd.DataFrame, new_said: pd.DataFrame, before: np.ndarray, after: np.ndarray
) -> Matched:
    """
    Rows paired by key.

    Parameters
    ----------
    old, new : Series of str
        As `keys_of` gives them.
    old_said, new_said : DataFrame
        What else the rows say. Rows that share a key (a condominium stack under one number, the parts of a lot sent one by one)
        are paired where all of this agrees, those first that lie in one place; what is left of them is paired only where one is
        left on either side.
    before, after : arrays of geometries
        Where the rows lie.
    """
    lone_old, lone_new = _alone(old), _alone(new)
    old_at, new_at = np.flatnonzero(lone_old), np.flatnonzero(lone_new)
    place = pd.Index(new[lone_new]).get_indexer(pd.Index(old[lone_old]))
    at, by = old_at[place >= 0], new_at[place[place >= 0]]
    rest_old, rest_new = np.ones(len(old), dtype=bool), np.ones(len(new), dtype=bool)
    rest_old[at] = rest_new[by] = False
    stacked = pd.Index(old[~lone_old & old.notna()]).union(pd.Index(new[~lone_new & new.notna()])).unique()
    if len(stacked):
        more_at, more_by = _among_stacks(old, new, old_said, new_said, before, after, stacked)
        rest_old[more_at] = rest_new[more_by] = False
        at, by = np.concatenate([at, more_at]), np.concatenate([by, more_by])
    doubtful_old, doubtful_new = _doubtful(old, rest_old, stacked), _doubtful(new, rest_new, stacked)
    order = np.argsort(at, kind="stable")
    return Matched(
        at[order],
        by[order],
        np.flatnonzero(rest_old & ~doubtful_old),
        np.flatnonzero(rest_new & ~doubtful_new),
        np.flatnonzero(doubtful_old),
        np.flatnonzero(doubtful_new),
    )


def same_without_key(
    old: pd.Series,
    new: pd.Series,
    pairs: Matched,
    before: np.ndarray,
    after: np.ndarray,
    old_said: pd.DataFrame,
    new_said: pd.DataFrame,
    *,
    tolerance_ft: float,
) -> Matched:
    """
    `pairs` with those rows beside them that have no key, and that are there again with the same ground and the same values.

    Parameters
    ----------
    old, new : Series of str
        Keys.
    before, after : arrays of geometries
        In feet.
    old_said, new_said : DataFrame
        What else the rows say.
    tolerance_ft : float
        As for `citygis.changes.sameness.displacement_ft`.
    """
    one = pairs.ambiguous_old[old.iloc[pairs.ambiguous_old].isna().to_numpy()]
    two = pairs.ambiguous_new[new.iloc[pairs.ambiguous_new].isna().to_numpy()]
    at, by = shapely.STRtree(after[two]).query(before[one], predicate="intersects")
    alike = _prints(old_said.iloc[one])[at] == _prints(new_said.iloc[two])[by]
    at, by = one[at[alike]], two[by[alike]]
    same = displacement_ft(before[at], after[by], tolerance_ft=tolerance_ft) == 0
    found: dict[int, int] = {}
    for row, other in sorted(zip(at[same].tolist(), by[same].tolist(), strict=True)):
        if row not in found and other not in found.values():
            found[row] = other
    return pairs._replace(
        old=np.append(pairs.old, np.array(list(found), dtype=int)),
        new=np.append(pairs.new, np.array(list(found.values()), dtype=int)),
        ambiguous_old=np.setdiff1d(pairs.ambiguous_old, list(found)),
        ambiguous_new=np.setdiff1d(pairs.ambiguous_new, list(found.values())),
    )


def compared_columns(old: pd.DataFrame, new: pd.DataFrame, ignore: Collection[str]) -> list[str]:
    """The columns of both whose values are compared, in the order of the old delivery: not geometry, not derived, not ignored."""
    left_out = {name.lower() for name in ignore} | DERIVED
    geometry = {getattr(frame, "active_geometry_name", None) for frame in (old, new)}
    return [name for name in old.columns if name in new.columns and str(name).lower() not in left_out and name not in geometry]


def differing(old: pd.Series, new: pd.Series) -> np.ndarray:
    """
    Where two columns say different things: blank and null are the same, and so are figures within `NEAR` of each other.

    Parameters
    ----------
    old, new : Series of n values
        Whatever their index.
    """
    old, new = old.reset_index(drop=True), new.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new) and not pd.api.types.is_bool_dtype(old):
        a, b = old.to_numpy(dtype=float, na_value=np.nan), new.to_numpy(dtype=float, na_value=np.nan)
        return ~(np.isclose(a, b, rtol=NEAR, atol=0, equal_nan=True))
    a, b = _blank_is_null(old), _blank_is_null(new)
    neither = (a.isna() & b.isna()).to_numpy()
    if a.dtype != b.dtype:
        a, b = a.astype("str"), b.astype("str")
    return ~(neither | (a == b).fillna(False).to_numpy(dtype=bool))


def _alone(keys: pd.Series) -> np.ndarray:
    return (keys.notna() & ~keys.duplicated(keep=False)).to_numpy()


def _doubtful(keys: pd.Series, rest: np.ndarray, stacked: pd.Index) -> np.ndarray:
    """Rows left over that have no key, or one that several rows carry."""
    doubtful = np.zeros(len(keys), dtype=bool)
    left = np.flatnonzero(rest)
    doubtful[left] = (keys.iloc[left].isna() | keys.iloc[left].isin(stacked)).to_numpy()
    return doubtful


def _among_stacks(
    old: pd.Series,
    new: pd.Series,
    old_said: pd.DataFrame,
    new_said: pd.DataFrame,
    before: np.ndarray,
    after: np.ndarray,
    stacked: pd.Index,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs among rows that share a key: the same words in one place, the same words, and the one left on either side."""
    sides = []
    for keys, said, shapes in ((old, old_said, before), (new, new_said, after)):
        rows = np.flatnonzero(keys.isin(stacked))
        middle = shapely.get_coordinates(
            shapely.centroid(np.where(shapely.is_missing(shapes[rows]), shapely.Point(0, 0), shapes[rows]))
        )
        middle = np.nan_to_num(middle) if len(middle) == len(rows) else np.zeros((len(rows), 2))
        side = pd.DataFrame({"key": keys.iloc[rows].to_numpy(), "said": _prints(said.iloc[rows]), "row": rows})
        foot = np.floor(middle + 0.371)
        # An order along no direction that lots are laid out in, which the last bits of a float do not change.
        sides.append(side.assign(easting=foot[:, 0], northing=foot[:, 1], along=middle @ (0.819, 0.574)).sort_values("along"))
    found = []
    for names in (["key", "said", "easting", "northing"], ["key", "said"]):
        turns = [side.assign(turn=side.groupby(names).cumcount()) for side in sides]
        same = turns[0].merge(turns[1], on=[*names, "turn"], suffixes=("_old", "_new"))[["row_old", "row_new"]]
        found.append(same)
        sides = [side[~side["row"].isin(same[f"row_{which}"])] for side, which in zip(sides, ("old", "new"), strict=True)]
    single = [side[~side["key"].duplicated(keep=False)] for side in sides]
    found.append(single[0].merge(single[1], on="key", suffixes=("_old", "_new"))[["row_old", "row_new"]])
    pairs = pd.concat(found)
    return pairs["row_old"].to_numpy(dtype=int), pairs["row_new"].to_numpy(dtype=int)


def _prints(said: pd.DataFrame) -> np.ndarray:
    """A number for each row made of all it says."""
    if not len(said.columns):
        return np.zeros(len(said), dtype=np.uint64)
    return pd.util.hash_pandas_object(said.astype("str"), index=False).to_numpy()


def _blank_is_null(values: pd.Series) -> pd.Series:
    if values.dtype == object or pd.api.types.is_string_dtype(values):
        text = values.astype("str").str.strip()
        return text.mask(text.eq(""), None)
    return values
