"""
Tracks: what was recorded under way, made into clean lines in feet.

Everything is measured in feet on the City's plane. A line simplified in degrees is simplified by another amount to the north than
to the east, and by nothing like the tolerance that was meant.

====  =============  ====================================================================================
E12   too_fast       capture: no receiver goes that fast and comes back; the spike goes, its neighbours stay
E13   off_the_line   capture: it lies off the line of its neighbours, out and back (Hampel)
E14   alone          capture: nothing is left on either side to make a line with
F08   track_open     finding (review): a line that should close does not
F09   ring_crosses   finding (review): a line that should bound ground crosses itself, or bounds none
====  =============  ====================================================================================
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.captures.gates import Gate
from citygis.captures.occupations import FIX_ORDER, MAD_TO_SIGMA
from citygis.captures.stops import seconds
from citygis.findings import findings_frame
from citygis.units import require_feet

LONGEST_SPIKE = 10
"""A jump that lasts for more epochs than this is not dropped as a spike: the track is cut there, and both pieces stay."""

LONGEST_LENGTH = 5_000
"""Vertices that are simplified together: the time for it grows with the square of their number where a line winds."""

HAMPEL_WINDOW = 7
HAMPEL_SIGMAS = 3.0
"""Epochs in the window, and robust standard deviations beyond which its middle is off the line (Hampel, JASA 69, 1974)."""

_REASONS = {
    "E12": ("too_fast", "Reached only at more than {limit:g} ft/s."),
    "E13": ("off_the_line", "Off the line of its neighbours, out and back."),
    "E14": ("alone", "No other epoch is left to make a line with."),
}


class Tracks(NamedTuple):
    """
    Lines, what they are made of, and what is in none of them.

    ``frame``: GeoDataFrame, new index, one LineString (or Polygon, where asked for and closed) per unbroken piece: ``name``,
    ``code``, ``track``, ``segment``, ``n`` (epochs it is made of), ``n_vertices`` (left by simplification), ``length_ft``,
    ``first_time``, ``last_time``, ``h_rms_ft`` (median of what the receiver states), ``fix_type`` (the worst), ``source_id``,
    ``source_ref`` (of the first).

    ``vertices``: DataFrame, one row per vertex in order: ``line`` (index of `frame`), ``capture`` (index of the captures),
    ``time``. A ring's closing vertex is not repeated.

    ``rejected``: DataFrame on the index of the captures: ``reject_code``, ``reject_reason``, ``reject_message``. Every capture is
    counted in an ``n`` or is here. ``findings``: as `citygis.findings.findings_frame`.
    """

    frame: gpd.GeoDataFrame
    vertices: pd.DataFrame
    rejected: pd.DataFrame
    findings: gpd.GeoDataFrame


def track_lines(captures: gpd.GeoDataFrame, gate: Gate, *, closed: bool = False, layer: str = "track") -> Tracks:
    """
    Captures in a row made into lines.

    Cut at the file's own tracks and segments, and where nothing was recorded for ``max_gap_s``; spikes dropped by speed, then by a
    Hampel filter; simplified (Douglas and Peucker) by no more than ``simplify_ft``. Epochs without a time keep the order of the
    file and have no speed.

    Parameters
    ----------
    captures : GeoDataFrame, n points
        Captures columns, in feet, no null geometry; all rows are taken as epochs of tracks. Not modified.
    gate : Gate
        Its ``track``.
    closed : bool
        Whether lines are to bound ground: one whose ends come within ``closing_ft`` of each other becomes a polygon. One that does
        not (F08), or that crosses itself (F09), stays a line.
    layer : str
        For the findings.

    Returns
    -------
    Tracks

    Raises
    ------
    CRSError
        If `captures` is not in feet: a track in degrees is never cleaned or simplified.
    """
    foot_m = float(require_feet(captures.crs, "The track"))
    limits = gate.track
    order, part = _parts(captures, limits.max_gap_s)
    easting, northing = captures.geometry.x.to_numpy()[order], captures.geometry.y.to_numpy()[order]
    time_s = seconds(captures["time"])[order]
    code = np.full(len(order), None, dtype=object)
    part = _without_spikes(code, part, easting, northing, time_s, gate)
    left = np.flatnonzero(pd.isna(code))
    code[left[_off_the_line(easting[left], northing[left], part[left], limits.noise_ft)]] = "E13"
    left = np.flatnonzero(pd.isna(code))
    # Two epochs at one place are no line either.
    by = pd.DataFrame({"e": easting[left], "n": northing[left]}).groupby(part[left])
    spread = (by.transform("max") - by.transform("min")).sum(axis=1).to_numpy()
    code[left[spread == 0]] = "E14"
    left = left[spread > 0]
    piece = pd.factorize(part[left])[0]
    coordinates = np.column_stack([easting[left], northing[left]])
    kept = _simplified(coordinates, piece, limits.simplify_ft)
    line = piece[kept]
    flat = shapely.linestrings(coordinates[kept], indices=line) if len(kept) else np.zeros(0, dtype=object)
    frame = _described(captures.iloc[order[left]], piece, time_s[left], foot_m)
    frame["n_vertices"], frame["length_ft"] = np.bincount(line, minlength=len(frame)), shapely.length(flat)
    frame = gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(flat, crs=captures.crs))
    findings = _closed(frame, limits.closing_ft, layer) if closed else findings_frame(crs=captures.crs)
    rows = order[left][kept]
    table = pd.DataFrame({"line": line, "capture": captures.index[rows], "time": captures["time"].array[rows]})
    return Tracks(frame, table, _rejected(captures, order, code, gate), findings)


def _parts(captures: gpd.GeoDataFrame, max_gap_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the order of travel, and the number of the unbroken part that each belongs to."""
    keys = [captures[name] for name in ("source_id", "track", "segment") if name in captures]
    track = captures.groupby(keys, dropna=False, sort=False).ngroup().to_numpy() if len(captures) else np.zeros(0, dtype=int)
    time_s = seconds(captures["time"])
    timed = pd.Series(np.isfinite(time_s)).groupby(track).transform("all").to_numpy()
    order = np.lexsort((np.where(timed, time_s, 0.0), track))
    silent = np.nan_to_num(np.diff(time_s[order])) > max_gap_s
    breaks = (np.diff(track[order]) != 0) | silent
    return order, np.concatenate([[0], np.cumsum(breaks)]) if len(order) else order


def _without_spikes(
    code: np.ndarray, part: np.ndarray, easting: np.ndarray, northing: np.ndarray, time_s: np.ndarray, gate: Gate
) -> np.ndarray:
    """
    Marks spikes E12, and gives the parts anew, cut where a jump is no spike.

    Runs of epochs that follow each other at a possible speed are chained so that the fewest epochs are dropped; a cut counts as
    `LONGEST_SPIKE` epochs. So it is the spike that goes, whichever of both jumps comes first.
    """
    limits = gate.track

    def reachable(i: int | np.ndarray, j: int | np.ndarray) -> np.ndarray:
        far_ft = np.hypot(easting[j] - easting[i], northing[j] - northing[i]) - limits.noise_ft
        elapsed_s = time_s[j] - time_s[i]
        return ~(far_ft > limits.max_speed_ft_s * elapsed_s)  # an unknown time forbids nothing

    n = len(part)
    if n < 2:
        return part
    at = np.arange(n - 1)
    jumps = ~reachable(at, at + 1) | (np.diff(part) != 0)
    run = np.concatenate([[0], np.cumsum(jumps)])
    begin = np.flatnonzero(np.concatenate([[True], jumps]))
    end = np.concatenate([begin[1:], [n]]) - 1
    size = end - begin + 1
    cut = np.zeros(n, dtype=bool)
    dropped = np.zeros(len(begin), dtype=bool)
    ends_of_part = np.flatnonzero(np.diff(part[begin]) != 0) + 1
    for members in np.split(np.arange(len(begin)), ends_of_part):
        if len(members) == 1:
            continue
        keep, cuts = _chain(begin[members], end[members], size[members], reachable)
        dropped[members[~keep]] = True
        cut[begin[members[cuts]]] = True
    code[dropped[run]] = "E12"
    return np.cumsum(np.concatenate([[False], np.diff(part) != 0]) | cut)


def _chain(begin: np.ndarray, end: np.ndarray, size: np.ndarray, reachable) -> tuple[np.ndarray, np.ndarray]:
    """The runs to keep, at the least cost of epochs dropped and cuts made; and which of those begin after a cut."""
    count = len(begin)
    before = np.concatenate([[0], np.cumsum(size)])
    cost, back, cut = before[:-1].astype(float), np.full(count, -1), np.zeros(count, dtype=bool)
    for j in range(1, count):
        for i in range(j - 1, -1, -1):
            gone = before[j] - before[i + 1]
            if gone > LONGEST_SPIKE:
                break
            joined = bool(reachable(end[i], begin[j]))
            if (total := cost[i] + gone + (0 if joined else LONGEST_SPIKE)) < cost[j]:
                cost[j], back[j], cut[j] = total, i, not joined
    last = int(np.argmin(cost + (before[-1] - before[1:])))
    keep = np.zeros(count, dtype=bool)
    while last >= 0:
        keep[last] = True
        last = back[last]
    return keep, keep & cut


def _off_the_line(easting: np.ndarray, northing: np.ndarray, part: np.ndarray, noise_ft: float) -> np.ndarray:
    """
    Epochs that a Hampel filter finds and that go out and back: farther from the line of both neighbours than noise goes, and than
    those are from each other. The second keeps a corner, and the first step after a stop.
    """
    n, half = len(part), HAMPEL_WINDOW // 2
    found = np.zeros(n, dtype=bool)
    if n < HAMPEL_WINDOW:
        return found
    whole = part[HAMPEL_WINDOW - 1 :] == part[: 1 - HAMPEL_WINDOW]
    beyond = np.zeros(len(whole), dtype=bool)
    for values in (easting, northing):
        windows = np.lib.stride_tricks.sliding_window_view(values, HAMPEL_WINDOW)
        middle = np.median(windows, axis=1)
        scale = MAD_TO_SIGMA * np.median(np.abs(windows - middle[:, None]), axis=1)
        beyond |= np.abs(windows[:, half] - middle) > np.maximum(HAMPEL_SIGMAS * scale, noise_ft)
    at = np.flatnonzero(beyond & whole) + half
    ends = np.stack(
        [np.column_stack([easting[at - 1], northing[at - 1]]), np.column_stack([easting[at + 1], northing[at + 1]])], axis=1
    )
    away_ft = shapely.distance(shapely.linestrings(ends), shapely.points(easting[at], northing[at]))
    found[at[away_ft > np.maximum(noise_ft, np.hypot(*(ends[:, 1] - ends[:, 0]).T))]] = True
    return found


def _simplified(coordinates: np.ndarray, piece: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """Positions of the vertices that are left, ascending. Long lines are simplified in lengths, whose ends stay."""
    if not len(piece):
        return piece
    along = np.arange(len(piece)) - np.flatnonzero(np.concatenate([[True], np.diff(piece) != 0]))[piece]
    length = np.cumsum(np.concatenate([[0], (np.diff(piece) != 0) | (along[1:] % LONGEST_LENGTH == 0)]))
    shared = np.flatnonzero((along % LONGEST_LENGTH == 0) & (along > 0))
    rows = np.concatenate([np.arange(len(piece)), shared])
    owner = np.concatenate([length, length[shared] - 1])
    order = np.lexsort((rows, owner))
    rows, owner = rows[order], owner[order]
    more = np.bincount(owner)[owner] > 1  # a last vertex on its own is the end of the length before it
    # The position rides along as a third coordinate, so that each vertex that is kept knows its epoch.
    lines = shapely.linestrings(np.column_stack([coordinates[rows], rows])[more], indices=pd.factorize(owner[more])[0])
    left = shapely.simplify(lines, tolerance_ft, preserve_topology=False)
    return np.unique(shapely.get_coordinates(left, include_z=True)[:, 2]).astype(int)


def _described(rows: gpd.GeoDataFrame, piece: np.ndarray, time_s: np.ndarray, foot_m: float) -> pd.DataFrame:
    ranks = rows["fix_type"].map({name: rank for rank, name in enumerate(FIX_ORDER)}).to_numpy(dtype=float, na_value=np.nan)
    wanted = ("name", "code", "track", "segment", "source_id", "source_ref")
    table = pd.DataFrame({name: rows[name].array if name in rows else pd.array([None] * len(rows), dtype="str") for name in wanted})
    by = table.groupby(piece, sort=True)
    numbers = pd.DataFrame({"t": time_s, "rank": ranks, "rms": rows["h_rms_m"].to_numpy(dtype=float) / foot_m}).groupby(
        piece, sort=True
    )
    frame = by.first()[["name", "code", "track", "segment"]].reset_index(drop=True)
    frame["n"] = by.size().to_numpy()
    for name, values in (("first_time", numbers["t"].min()), ("last_time", numbers["t"].max())):
        frame[name] = pd.to_datetime((values * 1e6).round().to_numpy(), unit="us", utc=True).astype("datetime64[us, UTC]")
    frame["h_rms_ft"] = numbers["rms"].median().to_numpy()
    frame["fix_type"] = pd.array([None if np.isnan(r) else FIX_ORDER[int(r)] for r in numbers["rank"].max()], dtype="str")
    for name in ("source_id", "source_ref"):
        frame[name] = by[name].first().array
    return frame


def _closed(frame: gpd.GeoDataFrame, closing_ft: float, layer: str) -> gpd.GeoDataFrame:
    """Turns lines into polygons, in place, where they close; findings for those that do not."""
    lines = np.asarray(frame.geometry.array, dtype=object)
    gap_ft = shapely.distance(shapely.get_point(lines, 0), shapely.get_point(lines, -1))
    enough = shapely.get_num_coordinates(lines) >= 3
    rows, made = [], lines.copy()
    for place, line in enumerate(lines):
        about = {
            "layer": layer,
            "severity": "review",
            "feature": frame["name"].iloc[place],
            "source_ref": frame["source_ref"].iloc[place],
        }
        about |= {"geometry": line, "unit": "ft", "measure": gap_ft[place], "tolerance": closing_ft}
        if gap_ft[place] > closing_ft or not enough[place]:
            message = f"The line does not close: its ends are {gap_ft[place]:.1f} ft apart, {closing_ft:g} ft are allowed."
            remedy = "Close it by hand if the rest is known, or walk it again to where it began."
            rows.append({**about, "code": "F08", "rule": "track_open", "message": message, "remedy": remedy})
            continue
        ring = shapely.get_coordinates(line)
        ring = ring[:-1] if gap_ft[place] == 0 and len(ring) > 3 else ring
        polygon = shapely.Polygon(ring)
        if not shapely.is_valid(polygon) or polygon.area == 0:
            message = f"The line crosses itself or bounds no ground: {shapely.is_valid_reason(polygon)}."
            remedy = "Look at the place shown, and draw the boundary by hand or walk it again."
            rows.append({**about, "code": "F09", "rule": "ring_crosses", "message": message, "remedy": remedy, "measure": None})
            continue
        made[place] = polygon
    frame.geometry = gpd.array.from_shapely(made, crs=frame.crs)
    return findings_frame(rows, crs=frame.crs)


def _rejected(captures: gpd.GeoDataFrame, order: np.ndarray, code: np.ndarray, gate: Gate) -> pd.DataFrame:
    by_row = np.full(len(captures), None, dtype=object)
    by_row[order] = code
    rows = np.flatnonzero(~pd.isna(by_row))
    texts = {key: (slug, text.format(limit=gate.track.max_speed_ft_s)) for key, (slug, text) in _REASONS.items()}
    columns = {
        "reject_code": by_row[rows],
        "reject_reason": [texts[key][0] for key in by_row[rows]],
        "reject_message": [texts[key][1] for key in by_row[rows]],
    }
    return pd.DataFrame({name: pd.array(values, dtype="str") for name, values in columns.items()}, index=captures.index[rows])
