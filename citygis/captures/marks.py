"""
Marks: occupations of the same mark brought together, and how well they repeat, which is the only proof there is of what one is
worth.

====  ======================  ========  ==========================================================================
O01   single_occupation       review    the purpose asks for occupations far enough apart in time, and there is one
O02   occupations_disagree    error     two occupations of one mark differ by more than the purpose allows
O05   marks_share_a_place     review    two names within the radius of one mark
====  ======================  ========  ==========================================================================

O03 and O04 are said by `citygis.captures.occupations`.
"""

from itertools import combinations, pairwise
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.captures.gates import Gate
from citygis.captures.occupations import FIX_ORDER
from citygis.findings import findings_frame
from citygis.units import require_feet

MANY_OCCUPATIONS = 20
"""
A mark with more occupations has each compared with the one before only: a name used for everything has no pairs worth listing.
"""

_SMALLEST_RMS_FT = 0.01
"""No occupation weighs more than 3 mm does, whatever it states."""


class Repeated(NamedTuple):
    """
    Marks and how well they repeat.

    ``marks``: GeoDataFrame, one point per mark in order of first appearance, new index: ``mark``, ``name``, ``code``,
    ``occupations`` (how many), ``n``, ``h_rms_ft`` and ``v_rms_ft`` (one sigma of the weighted mean: the larger of what the
    occupations state and how they scatter), ``ellipsoid_height_ft`` and ``elevation_ft`` (weighted means), ``difference_ft`` and
    ``difference_h_ft`` (the largest between two occupations; null for one), ``first_time``, ``last_time``, ``epoch_observed``, and
    what the occupations say, the worst of each: ``fix_type``, ``hdop``, ``pdop``, ``correction_age_s``, ``satellites``; of the
    first that has it: ``antenna_height_ft``, ``station``, ``vertical_datum``, ``source_id``, ``source_ref``.

    ``differences``: DataFrame, one row per pair of occupations: ``mark``, ``name``, ``first`` and ``second`` (occupations, in order
    of time), ``de_ft``, ``dn_ft``, ``dh_ft`` (second less first), ``difference_ft`` (horizontal), ``apart_s``, ``independent``
    (at least ``two_occupation_apart_s`` apart).

    ``findings``: as `citygis.findings.findings_frame`.
    """

    marks: gpd.GeoDataFrame
    differences: pd.DataFrame
    findings: gpd.GeoDataFrame


def repeated(occupations: gpd.GeoDataFrame, gate: Gate, *, layer: str) -> Repeated:
    """
    Occupations of the same mark, averaged and compared.

    Occupations weigh by the inverse square of ``h_rms_ft`` (of ``v_rms_ft`` in height), never better than 0.01 ft; equally where
    one of the mark does not know its own.

    Parameters
    ----------
    occupations : GeoDataFrame
        `citygis.captures.occupations.Occupations.frame`.
    gate : Gate
    layer : str
        For the findings.

    Returns
    -------
    Repeated

    Raises
    ------
    CRSError
        If `occupations` is not in feet.
    """
    require_feet(occupations.crs, "The occupations")
    table = occupations.assign(mark=marked(occupations, gate))
    differences = _differences(table, gate)
    marks = _marks(table, differences)
    rows = [*_disagreements(differences, marks, gate), *_singles(marks, differences, gate), *_neighbours(marks, gate)]
    return Repeated(marks, differences, findings_frame([{"layer": layer, **row} for row in rows], crs=occupations.crs))


def marked(occupations: gpd.GeoDataFrame, gate: Gate) -> pd.Series:
    """
    The mark of each occupation.

    Parameters
    ----------
    occupations : GeoDataFrame, n points
        With ``name``; in feet.
    gate : Gate

    Returns
    -------
    Series of int, n, index of `occupations`
        0, 1, ... by first appearance. One name (case and blanks aside) is one mark, wherever its occupations lie; an occupation
        without a name belongs to the nearest mark within ``mark_radius_ft``, if any.
    """
    name = occupations["name"].str.strip().str.casefold()
    named = name.notna().to_numpy()
    label = np.full(len(occupations), -1)
    label[named] = pd.factorize(name[named])[0]
    geometry = np.asarray(occupations.geometry.array, dtype=object)
    loose = np.flatnonzero(~named)
    if not len(loose):
        return pd.Series(pd.factorize(label)[0], index=occupations.index)
    row, near = shapely.STRtree(geometry).query(geometry[loose], predicate="dwithin", distance=gate.mark_radius_ft)
    row = loose[row]
    far = shapely.distance(geometry[row], geometry[near])
    beside: dict[int, list[int]] = {}
    for at in np.lexsort((near, far)):
        beside.setdefault(int(row[at]), []).append(int(near[at]))
    following = label.max(initial=-1) + 1
    for at in loose:  # in order, so that a mark begins with its first occupation
        known = next((label[other] for other in beside[int(at)] if label[other] >= 0), -1)
        label[at] = known if known >= 0 else following
        following += known < 0
    return pd.Series(pd.factorize(label)[0], index=occupations.index)


def _differences(table: gpd.GeoDataFrame, gate: Gate) -> pd.DataFrame:
    easting, northing = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    height = table["ellipsoid_height_ft"].to_numpy()
    middle = (table["first_time"] + (table["last_time"] - table["first_time"]) / 2).astype("datetime64[us, UTC]")
    begin = middle.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    time_s = np.where(np.isnat(begin), np.nan, begin.astype("int64") / 1e6)
    mark = table["mark"].to_numpy()
    order = np.lexsort((np.nan_to_num(time_s), mark))
    pairs = []
    for members in np.split(order, np.flatnonzero(np.diff(mark[order])) + 1):
        pairs += list(combinations(members, 2)) if len(members) <= MANY_OCCUPATIONS else list(pairwise(members))
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    apart_s = time_s[second] - time_s[first]
    de_ft, dn_ft = easting[second] - easting[first], northing[second] - northing[first]
    return pd.DataFrame(
        {
            "mark": mark[first],
            "name": table["name"].array[first],
            "first": table["occupation"].to_numpy()[first],
            "second": table["occupation"].to_numpy()[second],
            "de_ft": de_ft,
            "dn_ft": dn_ft,
            "dh_ft": height[second] - height[first],
            "difference_ft": np.hypot(de_ft, dn_ft),
            "apart_s": apart_s,
            "independent": np.nan_to_num(apart_s, nan=-1.0) >= gate.two_occupation_apart_s,
        }
    )


def _marks(table: gpd.GeoDataFrame, differences: pd.DataFrame) -> gpd.GeoDataFrame:
    mark = table["mark"].to_numpy()
    axes = np.column_stack([table.geometry.x, table.geometry.y, table["ellipsoid_height_ft"], table["elevation_ft"]])
    base = axes[np.unique(mark, return_index=True)[1]][mark]  # from a near origin, so that no digit is lost
    base = np.where(np.isfinite(base), base, 0.0)
    means, sigma = {}, {}
    for rms, columns in (("h_rms_ft", (0, 1)), ("v_rms_ft", (2, 3))):
        weight = _weights(table[rms].to_numpy(), mark)
        for column in columns:
            means[column], external = _weighted(axes[:, column] - base[:, column], weight, mark)
            means[column] += base[np.unique(mark, return_index=True)[1], column]
            sigma[column] = external
        inverse = np.bincount(mark, 1 / np.maximum(table[rms].to_numpy(), _SMALLEST_RMS_FT) ** 2)
        sigma[rms] = 1 / np.sqrt(inverse)
    ranks = table["fix_type"].map({name: rank for rank, name in enumerate(FIX_ORDER)}).astype(float)
    by = table.assign(_rank=ranks).drop(columns=table.geometry.name).groupby("mark", sort=True)
    first = by[["name", "code", "antenna_height_ft", "station", "vertical_datum", "source_id", "source_ref"]].first()
    frame = pd.DataFrame({"mark": first.index.to_numpy(), "name": first["name"].array, "code": first["code"].array})
    frame["occupations"], frame["n"] = by.size().to_numpy(), by["n"].sum().to_numpy()
    frame["h_rms_ft"] = np.fmax(sigma["h_rms_ft"], np.hypot(sigma[0], sigma[1]))
    frame["v_rms_ft"] = np.fmax(sigma["v_rms_ft"], sigma[2])
    frame["ellipsoid_height_ft"], frame["elevation_ft"] = means[2], means[3]
    worst = (
        differences.assign(difference_h_ft=differences["dh_ft"].abs()).groupby("mark")[["difference_ft", "difference_h_ft"]].max()
    )
    frame[["difference_ft", "difference_h_ft"]] = worst.reindex(frame["mark"]).to_numpy()
    frame["first_time"], frame["last_time"] = by["first_time"].min().array, by["last_time"].max().array
    frame["epoch_observed"] = by["epoch_observed"].mean().to_numpy()
    frame["fix_type"] = pd.array([None if np.isnan(r) else FIX_ORDER[int(r)] for r in by["_rank"].max()], dtype="str")
    for name in ("hdop", "pdop", "correction_age_s"):
        frame[name] = by[name].max().to_numpy()
    frame["satellites"] = by["satellites"].min().array
    for name in ("antenna_height_ft", "station", "vertical_datum", "source_id", "source_ref"):
        frame[name] = first[name].array
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(means[0], means[1], crs=table.crs))


def _weights(rms: np.ndarray, mark: np.ndarray) -> np.ndarray:
    """Inverse squares, or all equal in a mark where one is not known."""
    known = np.bincount(mark, np.isnan(rms)) == 0
    return np.where(known[mark], 1 / np.maximum(rms, _SMALLEST_RMS_FT) ** 2, 1.0)


def _weighted(values: np.ndarray, weight: np.ndarray, mark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of each mark over the values that are there, and its standard deviation by how they scatter (null for one)."""
    there = np.isfinite(values)
    weight, value = np.where(there, weight, 0.0), np.where(there, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        total, count = np.bincount(mark, weight), np.bincount(mark, there)
        mean = np.bincount(mark, weight * value) / total
        squares = np.bincount(mark, weight * (value - np.nan_to_num(mean)[mark]) ** 2)
        return mean, np.sqrt(squares / (total * (count - 1)))


def _disagreements(differences: pd.DataFrame, marks: gpd.GeoDataFrame, gate: Gate) -> list[dict]:
    far = differences["difference_ft"] > gate.two_occupation_max_ft
    high = differences["dh_ft"].abs() > gate.two_occupation_max_h_ft
    by_mark = list(marks.itertuples())
    rows = []
    for row in differences[far | high].itertuples():
        mark = by_mark[row.mark]
        horizontal = row.difference_ft > gate.two_occupation_max_ft
        where = f"{row.difference_ft:.2f} ft apart" + ("" if np.isnan(row.dh_ft) else f", {abs(row.dh_ft):.2f} ft in height")
        rows.append(
            {
                "code": "O02",
                "rule": "occupations_disagree",
                "severity": "error",
                "feature": _called(mark),
                "other": f"{row.first}, {row.second}",
                "measure": row.difference_ft if horizontal else abs(row.dh_ft),
                "unit": "ft",
                "tolerance": gate.two_occupation_max_ft if horizontal else gate.two_occupation_max_h_ft,
                "message": f"{_called(mark)}: occupations {row.first} and {row.second} are {where}; {gate.purpose} allows "
                f"{gate.two_occupation_max_ft:g} ft and {gate.two_occupation_max_h_ft:g} ft.",
                "remedy": "See whether both stood on the same mark with the right antenna height; if so, occupy it a third time.",
                "source_ref": mark.source_ref,
                "geometry": mark.geometry,
            }
        )
    return rows


def _singles(marks: gpd.GeoDataFrame, differences: pd.DataFrame, gate: Gate) -> list[dict]:
    """Marks whose occupations are too few, or too near in time to prove anything."""
    if gate.min_occupations < 2:
        return []
    proven = set(differences.loc[differences["independent"], "mark"])
    rows = []
    for mark in marks.itertuples():
        enough = mark.occupations >= gate.min_occupations
        if enough and mark.mark in proven:
            continue
        counted = "one occupation" if mark.occupations == 1 else f"{mark.occupations} occupations"
        why = f"none {gate.two_occupation_apart_s / 60:g} minutes from another" if enough else "nothing proves it"
        rows.append(
            {
                "code": "O01",
                "rule": "single_occupation",
                "severity": "review",
                "feature": _called(mark),
                "measure": mark.occupations,
                "tolerance": gate.min_occupations,
                "message": f"{_called(mark)}: {counted}, {why}; {gate.purpose} asks for {gate.min_occupations}.",
                "remedy": "Occupy the mark again at another time of the day, or tie it to one that was.",
                "source_ref": mark.source_ref,
                "geometry": mark.geometry,
            }
        )
    return rows


def _neighbours(marks: gpd.GeoDataFrame, gate: Gate) -> list[dict]:
    """Two names at one place."""
    geometry = np.asarray(marks.geometry.array, dtype=object)
    pairs = (
        shapely.STRtree(geometry).query(geometry, predicate="dwithin", distance=gate.mark_radius_ft) if len(geometry) else ((), ())
    )
    by_mark = list(marks.itertuples())
    rows = []
    for one, other in sorted((int(i), int(j)) for i, j in zip(*pairs, strict=True) if i < j):
        first, second = by_mark[one], by_mark[other]
        distance = first.geometry.distance(second.geometry)
        rows.append(
            {
                "code": "O05",
                "rule": "marks_share_a_place",
                "severity": "review",
                "feature": _called(first),
                "other": _called(second),
                "measure": distance,
                "unit": "ft",
                "tolerance": gate.mark_radius_ft,
                "message": f"{_called(first)} and {_called(second)} are {distance:.2f} ft apart: one mark or two?",
                "remedy": "If it is one mark, give both occupations its name; they then prove each other.",
                "source_ref": second.source_ref,
                "geometry": second.geometry,
            }
        )
    return rows


def _called(mark: tuple) -> str:
    return mark.name if isinstance(mark.name, str) else f"mark {mark.mark}"
