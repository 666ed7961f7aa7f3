"""
Which captures belong together: epochs of one named mark, the places where a stream stood still, points taken side by side.

What belongs to no occupation keeps its row and one of these reasons: E10 moving (an epoch of a stream under way), E15 time_unknown
(an epoch of a stream without a time: nobody can say whether it stood still), E16 planned (a route is drawn, not measured).
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.captures.gates import Gate

_WINDOW_S = 2.0
"""Half the time over which a speed is taken, so that the noise of single epochs is no movement."""


class Grouped(NamedTuple):
    """
    The occupation of each capture (0, 1, ... in the order of the frame; -1 for none), and the reason code of each that has none.
    """

    occupation: np.ndarray
    reason: np.ndarray


def grouped(captures: gpd.GeoDataFrame, gate: Gate) -> Grouped:
    """
    The occupation that each capture belongs to.

    - Rows of one non-null ``name`` (and one ``source_id``), unless they are a track's: a silence longer than ``occupation_gap_s``
      begins another occupation. Midnight does not: an occupation may span it.
    - A stream, by source: it stands still where it moves slower than ``stop_speed_ft_s`` over four seconds, for at least
      ``stop_min_s``, within ``stop_radius_ft`` of the stop's median. Two such stretches at one place with less than
      ``occupation_gap_s`` between are one stop, and what was recorded between belongs to it.
    - Unnamed points of one source that follow each other within ``occupation_gap_s`` and ``mark_radius_ft`` are one.
    - A point without a time is an occupation of its own.

    Parameters
    ----------
    captures : GeoDataFrame, n points
        Captures columns; in feet; no null geometry.
    gate : Gate

    Returns
    -------
    Grouped
        Two arrays of n.
    """
    kind = captures["capture"].to_numpy(dtype=object)
    name = captures["name"].to_numpy(dtype=object)
    time_s = seconds(captures["time"])
    source = pd.factorize(captures["source_id"])[0] if "source_id" in captures else np.zeros(len(captures), dtype=int)
    easting, northing = captures.geometry.x.to_numpy(), captures.geometry.y.to_numpy()
    timed, named = np.isfinite(time_s), ~pd.isna(name)
    stream = (kind == "track") | ((kind == "epoch") & ~named)
    planned = kind == "route"
    reason = np.full(len(captures), None, dtype=object)
    reason[planned] = "E16"
    reason[stream & ~timed] = "E15"
    label = np.full(len(captures), -1)
    alone = np.flatnonzero(~stream & ~planned & ~timed)
    label[alone] = alone
    rows = np.flatnonzero(~stream & ~planned & timed & named)
    _label(label, rows, _runs_named(rows, source, name, time_s, gate))
    rows = np.flatnonzero(~stream & ~planned & timed & ~named)
    rows = rows[np.lexsort((time_s[rows], source[rows]))]
    near = np.hypot(np.diff(easting[rows]), np.diff(northing[rows])) <= gate.mark_radius_ft
    follows = near & (np.diff(source[rows]) == 0) & (np.diff(time_s[rows]) <= gate.occupation_gap_s)
    _label(label, rows, np.concatenate([[0], np.cumsum(~follows)]) if len(rows) else rows)
    rows = np.flatnonzero(stream & timed)
    rows = rows[np.lexsort((time_s[rows], source[rows]))]
    stop = _stops(easting[rows], northing[rows], time_s[rows], source[rows], gate)
    reason[rows[stop < 0]] = "E10"
    _label(label, rows[stop >= 0], stop[stop >= 0])
    # Numbered by first appearance, so that the order of the file is the order of the occupations.
    held = label >= 0
    numbers = np.full(len(captures), -1)
    numbers[held] = pd.factorize(label[held])[0]
    return Grouped(numbers, reason)


def seconds(time: pd.Series) -> np.ndarray:
    """Times as seconds since 1970-01-01 UTC, not a number where there is none."""
    stamps = (
        time.to_numpy(dtype="datetime64[us]") if time.dt.tz is None else time.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    )
    values = stamps.astype("int64") / 1e6
    return np.where(np.isnat(stamps), np.nan, values)


def _label(label: np.ndarray, rows: np.ndarray, group: np.ndarray) -> None:
    """Give rows the number of the first row of their group, which no other group can have."""
    if len(rows):
        first = pd.Series(rows).groupby(group).transform("min").to_numpy()
        label[rows] = first


def _runs_named(rows: np.ndarray, source: np.ndarray, name: np.ndarray, time_s: np.ndarray, gate: Gate) -> np.ndarray:
    """A number per row, the same for rows of one source and name without a long silence between."""
    mark = pd.factorize(pd.MultiIndex.from_arrays([source[rows], name[rows]]))[0] if len(rows) else np.zeros(0, dtype=int)
    order = np.lexsort((time_s[rows], mark))
    breaks = (np.diff(mark[order]) != 0) | (np.diff(time_s[rows][order]) > gate.occupation_gap_s)
    run = np.empty(len(rows), dtype=int)
    run[order] = np.concatenate([[0], np.cumsum(breaks)]) if len(rows) else 0
    return run


def _stops(easting: np.ndarray, northing: np.ndarray, time_s: np.ndarray, source: np.ndarray, gate: Gate) -> np.ndarray:
    """The stop of each epoch of streams sorted by source and time, -1 where it moves."""
    n = len(time_s)
    if not n:
        return np.zeros(0, dtype=int)
    part = np.concatenate([[0], np.cumsum((np.diff(source) != 0) | (np.diff(time_s) > gate.occupation_gap_s))])
    smooth_e, smooth_n = _smooth(easting, part), _smooth(northing, part)
    # One axis of time on which parts never overlap, so that one search serves all of them.
    apart_s = (time_s.max() - time_s.min()) + 4 * _WINDOW_S
    axis_s = time_s - time_s.min() + part * apart_s
    first = np.searchsorted(axis_s, axis_s - _WINDOW_S)
    last = np.searchsorted(axis_s, axis_s + _WINDOW_S, side="right") - 1
    lasted_s = axis_s[last] - axis_s[first]
    moved_ft = np.hypot(smooth_e[last] - smooth_e[first], smooth_n[last] - smooth_n[first])
    still = (moved_ft <= gate.stop_speed_ft_s * lasted_s) & (lasted_s > 0)
    run = np.concatenate([[0], np.cumsum((np.diff(part) != 0) | (np.diff(still) != 0))])
    runs = pd.DataFrame({"run": run, "e": smooth_e, "n": smooth_n, "t": time_s, "part": part, "still": still}).groupby("run")
    table = runs.agg(
        e=("e", "median"), n=("n", "median"), begin=("t", "min"), end=("t", "max"), part=("part", "first"), still=("still", "first")
    )
    table = table[table["still"] & (table["end"] - table["begin"] >= gate.stop_min_s)].reset_index()
    if not len(table):
        return np.full(n, -1)
    here = np.hypot(np.diff(table["e"]), np.diff(table["n"])) <= gate.stop_radius_ft
    same = (
        here
        & (np.diff(table["part"]) == 0)
        & (table["begin"].to_numpy()[1:] - table["end"].to_numpy()[:-1] <= gate.occupation_gap_s)
    )
    table["stop"] = np.concatenate([[0], np.cumsum(~same)])
    stop = np.full(n, -1)
    spans = table.groupby("stop").agg(first=("run", "min"), last=("run", "max"))
    begin, end = np.searchsorted(run, spans["first"]), np.searchsorted(run, spans["last"], side="right")
    for number, (low, high) in enumerate(zip(begin, end, strict=True)):
        stop[low:high] = number
    return _within(stop, easting, northing, still, gate)


def _within(stop: np.ndarray, easting: np.ndarray, northing: np.ndarray, still: np.ndarray, gate: Gate) -> np.ndarray:
    """Stops without the epochs that crept away from them. Single blunders stay: they are outliers of the stop, not movement."""
    held = stop >= 0
    table = pd.DataFrame({"stop": stop[held], "e": _smooth(easting, stop)[held], "n": _smooth(northing, stop)[held]})
    middle = table.groupby("stop")[["e", "n"]].transform("median")
    crept = np.zeros(len(stop), dtype=bool)
    crept[held] = np.hypot(table["e"] - middle["e"], table["n"] - middle["n"]).to_numpy() > gate.stop_radius_ft
    return np.where(crept & still, -1, stop)


def _smooth(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Running medians of five epochs; the values themselves at the ends of a part."""
    if len(values) < 5:
        return values
    smooth = values.copy()
    windows = np.lib.stride_tricks.sliding_window_view(values, 5)
    whole = part[4:] == part[:-4]
    smooth[2:-2][whole] = np.median(windows[whole], axis=1)
    return smooth
