"""
Monuments found compared with their records: which mark is which monument, how far apart they lie, and what to make of it.

A match by name is evidence; a match by nearness alone is a guess that is used only where nothing else is near, and what could be
either of two monuments is reported, not chosen.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.captures.frame_fit import FrameFit
from citygis.city import Tolerances
from citygis.errors import CRSError
from citygis.findings import findings_frame
from citygis.units import require_feet

SEARCH_FT = 10.0
"""How far from a mark a monument is looked for: more than a wrong frame of today moves it (5 to 6 ft), less than a lot is wide."""

SAME_MARK_FT = 0.05
"""Two records nearer than this are one mark that both layers hold."""

HEIGHT_FACTOR = 2.0
"""A height by GNSS may be off by this many times as much as a position: satellites are seen from one side only."""

RECORD_COLUMNS = ("monument", "designation", "layer", "kind", "ellipsoid_height_ft", "elevation_ft", "record_epoch")
"""The columns of a records frame, beside its geometry."""

_SOURCES = {
    "control_station": {
        "monument": "pid",
        "designation": "name",
        "ellipsoid_height_ft": "ellip_ht",
        "elevation_ft": "ortho_ht",
        "record_epoch": "epoch",
    },
    "corner": {
        "monument": "corner_id",
        "kind": "kind",
        "ellipsoid_height_ft": "ellip_ht_ft",
        "elevation_ft": "elev_ft",
        "record_epoch": "epoch",
    },
}


def monument_records(layers: Mapping[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """
    The City's monuments, of both layers that hold them, as one frame.

    Parameters
    ----------
    layers : mapping of name to GeoDataFrame
        ``control_station`` and ``corner`` as the City's schema has them, either or both, in one CRS; others are not looked at.

    Returns
    -------
    GeoDataFrame, n points
        Columns `RECORD_COLUMNS` and ``geometry``; heights in feet, null where the record has none. Control stations first, then
        corners, each in their order; new index. A computed corner (``kind`` "CALC") is left out, for nothing stands there to be
        found, and so is what has no geometry.

    Raises
    ------
    CRSError
        If the layers are not in one CRS.
    """
    there = {name: layers[name] for name in _SOURCES if name in layers and len(layers[name])}
    systems = [frame.crs for frame in there.values()]
    if any(crs != systems[0] for crs in systems):
        raise CRSError("The control stations and the corners are not in one CRS. Convert both to the City's: citygis convert.")
    parts = []
    for name, frame in there.items():
        frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
        table = pd.DataFrame({"layer": name, "kind": "CONTROL"}, index=frame.index)
        for column, source in _SOURCES[name].items():
            table[column] = frame.get(source)
        table["geometry"] = np.asarray(frame.geometry.array, dtype=object)
        parts.append(table[table["kind"] != "CALC"] if name == "corner" else table)
    made = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["geometry"])
    records = pd.DataFrame(index=made.index)
    for column in RECORD_COLUMNS:
        text = column in ("monument", "designation", "layer", "kind")
        values = made[column] if column in made else pd.Series(None, index=made.index, dtype="object")
        records[column] = values.astype("str") if text else pd.to_numeric(values).astype("float64")
    crs = systems[0] if systems else None
    return gpd.GeoDataFrame(records, geometry=gpd.array.from_shapely(made["geometry"].to_numpy(dtype=object), crs=crs))


def monument_check(
    points: gpd.GeoDataFrame,
    monuments: gpd.GeoDataFrame,
    *,
    tolerance_ft: float,
    search_ft: float = SEARCH_FT,
    tolerances: Tolerances | None = None,
) -> gpd.GeoDataFrame:
    """
    Captured marks against the record positions of the monuments that they are.

    Parameters
    ----------
    points : GeoDataFrame, n points
        Accepted marks, in feet of the City's system. Columns ``name``, and where known ``h_rms_ft``, ``ellipsoid_height_ft``,
        ``elevation_ft``.
    monuments : GeoDataFrame, m points
        As `monument_records` gives it, in the CRS of `points`.
    tolerance_ft : float
        What a mark may lie from its record; `HEIGHT_FACTOR` times that in height.
    search_ft : float
        How far a monument is looked for by nearness, and how far a bare number ("101") is trusted to be the monument so called: a
        crew numbers its own shots, so that alone names nothing.
    tolerances : Tolerances, optional
        The City's, for ``tolerance_class``; the packaged ones where not given.

    Returns
    -------
    GeoDataFrame
        One row per row of `points`, its index, geometry and order. Columns:

        - ``name``, ``h_rms_ft``: of the mark; ``monument``, ``layer``, ``record_epoch``: of its record, null where there is none;
        - ``matched_by``: "identifier" (pid, designation or corner number; case, blanks and leading zeros aside), "nearest" (the
          only monument within `search_ft` of the mark, which is the only mark within `search_ft` of it), null;
        - ``de_ft``, ``dn_ft``, ``distance_ft``, ``grid_azimuth_deg``: found minus record, and from the record to what was found;
        - ``dh_ft``, ``height_kind``: found minus record, "ellipsoid" where both have one, else "elevation", else null;
        - ``tolerance_class``: the strictest purpose ("parcel", "asset", "sketch") that the distance is good enough for, or "none";
        - ``tolerance_ft``; ``verdict``: "within", "beyond", "ambiguous", "unmatched"; ``height_verdict``: "within", "beyond", null;
        - ``remark``: why a mark was not matched where something was near, null otherwise.

    Raises
    ------
    CRSError
        If `points` are not in feet, or `monuments` are in another CRS.
    ValueError
        If `tolerance_ft` or `search_ft` is not above zero.
    """
    for name, value in (("tolerance_ft", tolerance_ft), ("search_ft", search_ft)):
        if not value > 0:
            raise ValueError(f"Invalid {name} {value!r}. Must be a length in feet, above zero.")
    require_feet(points.crs, "This frame of captured marks")
    if len(monuments) and monuments.crs != points.crs:
        raise CRSError(
            f"The monuments are in {_called(monuments.crs)} and the captured marks in {_called(points.crs)}. Convert both to the"
            " City's system."
        )
    record = _indexed(monuments)
    found = np.column_stack([shapely.get_x(points.geometry.array), shapely.get_y(points.geometry.array)])
    at, by, ambiguous, remark = _matches(points, found, record, search_ft)

    hit = at >= 0
    check = pd.DataFrame({"name": points["name"].astype("str")}, index=points.index)
    check["h_rms_ft"] = _numbers(points, "h_rms_ft")
    for column in ("monument", "layer", "record_epoch"):
        check[column] = _taken(monuments, column, at)
    check["matched_by"] = pd.Series(by, index=points.index, dtype="str")
    delta = np.full((len(points), 2), np.nan)
    delta[hit] = found[hit] - record.place[at[hit]]
    check["de_ft"], check["dn_ft"] = delta[:, 0], delta[:, 1]
    distance = np.hypot(delta[:, 0], delta[:, 1])
    check["distance_ft"] = distance
    azimuth = np.degrees(np.arctan2(delta[:, 0], delta[:, 1])) % 360
    check["grid_azimuth_deg"] = np.where(distance > 0, azimuth, np.nan)
    _heights(check, points, monuments, at)
    check["tolerance_class"] = pd.Series(_classes(distance, tolerances or Tolerances()), index=points.index, dtype="str")
    check["tolerance_ft"] = float(tolerance_ft)
    verdict = np.where(hit, np.where(distance <= tolerance_ft, "within", "beyond"), np.where(ambiguous, "ambiguous", "unmatched"))
    check["verdict"] = pd.Series(verdict, index=points.index, dtype="str")
    dh = check["dh_ft"].abs()
    judged = np.where(dh.isna(), None, np.where(dh <= HEIGHT_FACTOR * tolerance_ft, "within", "beyond"))
    check["height_verdict"] = pd.Series(judged, index=points.index, dtype="str")
    check["remark"] = pd.Series(remark, index=points.index, dtype="str")
    return gpd.GeoDataFrame(check, geometry=points.geometry)


def monument_findings(check: gpd.GeoDataFrame, fit: FrameFit, *, purpose: str, layer: str) -> gpd.GeoDataFrame:
    """
    What a check of monuments found, as findings.

    Parameters
    ----------
    check : GeoDataFrame
        As `monument_check` gives it.
    fit : FrameFit
        What `citygis.captures.frame_fit.frame_fit` made of it.
    purpose : str
        "parcel", "asset" or "sketch": how grave a mark beyond its tolerance is.
    layer : str
        The layer that the captures go to.

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`, in the CRS of `check`:

        - M01 monument_beyond_tolerance, per mark. Where all marks share a vector (M02) it is taken off first: what is left is the
          mark's own. An error for a parcel where the monument is known by name, else review: the nearest may be another mark;
        - M02 frame_contradicted, error: the marks share a vector that their stated frame does not explain;
        - M03 frame_not_checked, review: no monument is among the captures;
        - M04 monument_ambiguous, review, per mark;
        - M05 monument_height, review, per mark; not said where the frame is contradicted, for then heights are wrong with it.
    """
    shared = fit.verdict in ("other_frame", "common_shift")
    shift = np.array([fit.shift_e_ft, fit.shift_n_ft]) if shared else np.zeros(2)
    rows = []
    if shared:
        rows.append(
            {
                "code": "M02",
                "rule": "frame_contradicted",
                "severity": "error",
                "layer": layer,
                "measure": fit.stated_ft,
                "tolerance": fit.tolerance_ft,
                "unit": "ft",
                "message": _sentence(fit.message),
                "remedy": "Ask the network's operator which frame and epoch its corrections are in, and state that with --frame.",
                "geometry": shapely.MultiPoint(shapely.get_coordinates(check.geometry.array[fit.used])),
            }
        )
    if fit.verdict == "unchecked":
        rows.append(
            {
                "code": "M03",
                "rule": "frame_not_checked",
                "severity": "review",
                "layer": layer,
                "message": _sentence(fit.message),
                "remedy": "Occupy a monument of record on each day of work, and capture it under its number.",
            }
        )
    for row in check.itertuples():
        if row.verdict == "ambiguous":
            said = _sentence(f"{_named(row)} cannot be matched: {row.remark}")
            rows.append(_about(row, layer, "M04", "monument_ambiguous", "review", said) | _NAME_IT)
        if row.verdict not in ("within", "beyond"):
            continue
        rest = float(np.hypot(row.de_ft - shift[0], row.dn_ft - shift[1]))
        if rest > row.tolerance_ft:
            grave = purpose == "parcel" and row.matched_by == "identifier"
            rows.append(_beyond(row, layer, rest, "error" if grave else "review", shared))
        if row.height_verdict == "beyond" and not shared:
            above = "above" if row.dh_ft > 0 else "below"
            kind = "ellipsoid height" if row.height_kind == "ellipsoid" else "elevation"
            said = f"{_named(row)} is {abs(row.dh_ft):.2f} ft {above} the {kind} on record for {row.monument}."
            about = _about(row, layer, "M05", "monument_height", "review", said)
            remedy = "Look at the antenna height first: taken off twice, or not at all, it is off by the length of the pole."
            limit = HEIGHT_FACTOR * row.tolerance_ft
            rows.append(about | {"measure": abs(row.dh_ft), "tolerance": limit, "unit": "ft", "remedy": remedy})
    return findings_frame(rows, crs=check.crs)


_NAME_IT = {"remedy": "Give the mark the number of its monument (pid or corner number) and run the check again."}


class _Records(NamedTuple):
    """Record positions, indexed once: ``keys`` says which names (`_key`) a record has, ``mark`` the first record of its mark."""

    place: np.ndarray
    called: np.ndarray
    keys: pd.DataFrame
    mark: np.ndarray
    tree: shapely.STRtree


def _indexed(monuments: gpd.GeoDataFrame) -> _Records:
    geometry = np.asarray(monuments.geometry.array, dtype=object)
    place = np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)]).astype(float)
    keys = [_key(monuments[column]) for column in ("monument", "designation") if column in monuments]
    table = pd.concat([pd.DataFrame({"record": np.arange(len(geometry)), "key": key.to_numpy(dtype=object)}) for key in keys])
    tree = shapely.STRtree(geometry)
    mark = np.arange(len(geometry))
    np.minimum.at(mark, *tree.query(geometry, predicate="dwithin", distance=SAME_MARK_FT))
    return _Records(place, monuments["monument"].to_numpy(dtype=object), table.dropna().drop_duplicates(), mark, tree)


def _key(names: pd.Series) -> pd.Series:
    """A name as it is compared: capitals, no blanks, no leading zeros in any of its numbers."""
    text = names.astype("str").str.upper().str.replace(r"\s+", "", regex=True)
    text = text.str.replace(r"(?<![0-9.])0+(?=[0-9])", "", regex=True)
    return text.where(text.str.len() > 0)


def _matches(points, found, record: _Records, search_ft: float):
    """For each mark: the record it is (-1 none), by what, whether several came in question, and a remark."""
    n = len(points)
    at, by = np.full(n, -1), np.full(n, None, dtype=object)
    ambiguous, remark = np.zeros(n, dtype=bool), np.full(n, None, dtype=object)
    keys = pd.DataFrame({"point": np.arange(n), "key": _key(points["name"]).to_numpy(dtype=object)}).dropna()
    keys = keys[np.isfinite(found[keys["point"]]).all(axis=1)]
    pairs = keys.merge(record.keys, on="key")
    pairs["mark"] = record.mark[pairs["record"]]
    pairs = pairs.drop_duplicates(["point", "mark"])
    pairs["apart"] = np.hypot(*(found[pairs["point"]] - record.place[pairs["mark"]]).T)
    pairs["near"] = pairs["apart"] <= search_ft
    bare = pairs["key"].str.isdigit().astype(bool) & ~pairs["near"]
    for row in pairs[bare].sort_values(["point", "apart"], ascending=[True, False]).itertuples():
        remark[row.point] = (
            f"a monument is called {record.called[row.mark]} too, but it stands {row.apart:,.0f} ft away, and a bare number names"
            " nothing by itself"
        )
    pairs = pairs[~bare]
    # Of several monuments of one name, those that are near count, if any is.
    pairs = pairs[pairs["near"] | ~pairs.groupby("point")["near"].transform("any").astype(bool)]
    for point, rows in pairs.groupby("point"):
        if len(rows) == 1:
            at[point], by[point], remark[point] = rows["mark"].iloc[0], "identifier", None
        else:
            ambiguous[point], remark[point] = True, f"{len(rows)} monuments have that name: {_listed(rows, record)}"

    one, other = record.tree.query(np.asarray(points.geometry.array, dtype=object), predicate="dwithin", distance=search_ft)
    near = pd.DataFrame({"point": one, "mark": record.mark[other]}).drop_duplicates()
    near["apart"] = np.hypot(*(found[near["point"]] - record.place[near["mark"]]).T)
    near["claimants"] = near.groupby("mark")["point"].transform("size")
    open_ = near[(at[near["point"]] < 0) & ~ambiguous[near["point"]]]
    for point, rows in open_.groupby("point"):
        first = rows.iloc[0]
        if len(rows) > 1:
            ambiguous[point], remark[point] = True, f"{len(rows)} monuments are within {search_ft:g} ft: {_listed(rows, record)}"
        elif first["claimants"] > 1:
            ambiguous[point] = True
            remark[point] = (
                f"{record.called[int(first['mark'])]} has {first['claimants']:.0f} captured marks within {search_ft:g} ft of it"
            )
        else:
            at[point], by[point], remark[point] = int(first["mark"]), "nearest", None
    return at, by, ambiguous, remark


def _listed(rows: pd.DataFrame, record: _Records) -> str:
    rows = rows.sort_values(["apart", "mark"])
    said = [f"{record.called[mark]} ({apart:,.2f} ft)" for mark, apart in zip(rows["mark"][:4], rows["apart"][:4], strict=True)]
    return ", ".join(said) + (f" and {len(rows) - 4} more" if len(rows) > 4 else "")


def _heights(check: pd.DataFrame, points, monuments, at: np.ndarray) -> None:
    dh, kind = np.full(len(check), np.nan), np.full(len(check), None, dtype=object)
    for name, column in (("elevation", "elevation_ft"), ("ellipsoid", "ellipsoid_height_ft")):
        delta = _numbers(points, column) - np.asarray(_taken(monuments, column, at), dtype=float)
        known = np.isfinite(delta)
        dh[known], kind[known] = delta[known], name
    check["dh_ft"] = dh
    check["height_kind"] = pd.Series(kind, index=check.index, dtype="str")


def _classes(distance: np.ndarray, tolerances: Tolerances) -> list[str | None]:
    limits = [("parcel", tolerances.parcel_ft), ("asset", tolerances.asset_ft), ("sketch", tolerances.sketch_ft)]
    return [next((name for name, limit in limits if each <= limit), "none") if np.isfinite(each) else None for each in distance]


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    return pd.to_numeric(frame[column]).to_numpy(dtype=float) if column in frame else np.full(len(frame), np.nan)


def _taken(monuments: pd.DataFrame, column: str, at: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """Values of the matched records, null where there is none."""
    dtype = "str" if column in ("monument", "layer") else "float64"
    return pd.Series(monuments[column].to_numpy() if column in monuments else [], dtype=dtype).reindex(at).array


def _about(row, layer: str, code: str, rule: str, severity: str, message: str) -> dict:
    about = {"code": code, "rule": rule, "severity": severity, "layer": layer, "message": message, "geometry": row.geometry}
    return about | {"feature": row.name, "other": row.monument}


def _beyond(row, layer: str, rest_ft: float, severity: str, shared: bool) -> dict:
    said = f"{_named(row)} was found {rest_ft:.2f} ft from the record position of {row.monument}"
    said += ", the vector that all marks share aside" if shared else f" (grid azimuth {row.grid_azimuth_deg:.0f} degrees)"
    said += f"; {row.tolerance_ft:g} ft is allowed."
    if row.matched_by == "nearest":
        said += " It is held to be that monument only because nothing else is near."
    if pd.notna(row.record_epoch):
        said += f" The record is of epoch {row.record_epoch:.2f}."
    about = _about(row, layer, "M01", "monument_beyond_tolerance", severity, said)
    remedy = (
        "Occupy the mark again; look at its tag and at the record. One of the three is not the same monument, or it was disturbed."
    )
    return about | {"measure": rest_ft, "tolerance": row.tolerance_ft, "unit": "ft", "remedy": remedy}


def _named(row) -> str:
    return "A mark without a name" if pd.isna(row.name) else str(row.name)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _called(crs) -> str:
    return crs.name if crs is not None else "no CRS"
