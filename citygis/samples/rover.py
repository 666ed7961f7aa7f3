"""An evening with a rover: where it stood and walked, second by second, how its receiver solved, and what it got wrong."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.samples.control import ellipsoid_height_ft
from citygis.samples.sky import BROADCAST_FRAME, NETWORK_FRAME, errors_ft, seen

ANTENNA_M = 2.0
WALK_FT_S = 4.2
FIXED_SIGMA_FT, FLOAT_SIGMA_FT, DGPS_SIGMA_FT, SINGLE_SIGMA_FT = 0.015, 0.35, 2.0, 5.0
"""Of easting and of northing, one sigma; a minute's mean of fixed epochs then lies a hundredth or two off."""
_TAU_S = {"FIXED": 25.0, "FLOAT": 60.0, "DGPS": 60.0, "SINGLE": 60.0}
_SIGMA_FT = {"FIXED": FIXED_SIGMA_FT, "FLOAT": FLOAT_SIGMA_FT, "DGPS": DGPS_SIGMA_FT, "SINGLE": SINGLE_SIGMA_FT}
STATED_M = {"FIXED": 0.008, "FLOAT": 0.1, "DGPS": 0.6, "SINGLE": 1.6}
"""What the receiver states of each axis."""


class Stand(NamedTuple):
    """
    A mark, and how many seconds the pole stood on it.

    With ``start`` the crew drove there; without, it walked from the last one. In the seconds of ``jumps`` multipath throws it off.
    """

    mark: str
    seconds: int
    start: str | None = None
    jumps: tuple[int, ...] = ()


class Session(NamedTuple):
    """
    A session at one epoch a second.

    ``epochs``: DataFrame, n rows: ``time`` (UTC), ``mark`` (None while walking), ``stand`` (number of the stand, -1 while walking),
    ``easting`` and ``northing`` (where the pole truly was, City feet), ``fix`` (FIXED, FLOAT, DGPS, SINGLE), ``case`` (what was
    planted there, else None), ``hdop``, ``satellites``, ``age_s``, ``stated_m`` (one sigma of an axis), ``lon``, ``lat``,
    ``height_m`` (as the receiver has them, at the antenna). ``stands``: the stands, with the rows of each in ``spans``. ``jumps``:
    row and size in feet of each epoch that multipath threw off while the receiver said it was fixed.
    """

    epochs: pd.DataFrame
    stands: tuple[Stand, ...]
    spans: list[range]
    jumps: list[tuple[int, float]]


def evening(marks: Mapping[str, str]) -> tuple[Stand, ...]:
    """
    The stands of 15 October 2026 between 16:20 and 17:40 in California, across midnight UTC.

    Parameters
    ----------
    marks : mapping of role to identifier, in the order of `citygis.samples.gps_day.corners_of_the_day`
    """
    plaza, quarter, grove = "RIV-07", "RIV-01", "RIV-08"
    a, b, c, d, e, f, g = (marks[role] for role in "abcdefg")
    return (
        Stand(plaza, 120, start="2026-10-15T23:22:00Z"),
        Stand(a, 90, jumps=(14, 15, 33, 52, 53, 71)),
        Stand(b, 75),
        Stand(c, 60),
        Stand(d, 90),
        Stand(quarter, 180, start="2026-10-15T23:58:40Z", jumps=(22, 61, 62, 130)),
        Stand(e, 90),
        Stand(f, 70),
        Stand(grove, 90, start="2026-10-16T00:14:30Z"),
        Stand(g, 75, jumps=(11, 40, 41)),
        Stand(plaza, 75, start="2026-10-16T00:34:00Z"),
    )


def session(stands: Sequence[Stand], places: Mapping[str, np.ndarray], rng: np.random.Generator) -> Session:
    """
    A session simulated.

    Parameters
    ----------
    stands : sequence of Stand
    places : mapping of mark to (2,) array of easting, northing
    rng : Generator
    """
    epochs, spans = _walked(stands, places)
    _plant_states(epochs, spans)
    points = epochs[["easting", "northing"]].to_numpy()
    ground = ellipsoid_height_ft(points)
    plane, up = np.zeros((len(epochs), 2)), np.zeros(len(epochs))
    # Each set-up has its own satellites and reflections, so its error begins anew.
    runs = (epochs["fix"] != epochs["fix"].shift()) | (epochs["stand"] != epochs["stand"].shift())
    for _, rows in epochs.groupby(runs.cumsum().to_numpy()):
        fix = rows["fix"].iloc[0]
        at = rows.index.to_numpy()
        plane[at], up[at] = errors_ft(rng, len(rows), _SIGMA_FT[fix], tau_s=_TAU_S[fix])
    jumps = []
    for stand, span in zip(stands, spans, strict=True):
        for second in stand.jumps:
            size, azimuth = rng.uniform(0.5, 3.0), rng.uniform(0, 2 * np.pi)
            plane[span[second]] += size * np.array([np.sin(azimuth), np.cos(azimuth)])
            up[span[second]] += rng.uniform(-1, 1) * size
            epochs.loc[span[second], "case"] = "outlier"
            jumps.append((span[second], float(np.hypot(*plane[span[second]]))))
    corrected = epochs["fix"].isin(["FIXED", "FLOAT"]).to_numpy()
    for rows, frame in ((corrected, NETWORK_FRAME), (~corrected, BROADCAST_FRAME)):
        sky = seen((points + plane)[rows], (ground + up)[rows], frame, pd.DatetimeIndex(epochs["time"][rows]))
        epochs.loc[rows, ["lon", "lat", "height_m"]] = np.column_stack([sky.lon, sky.lat, sky.height_m + ANTENNA_M])
    return Session(epochs, tuple(stands), spans, jumps)


def _walked(stands: Sequence[Stand], places: Mapping[str, np.ndarray]) -> tuple[pd.DataFrame, list[range]]:
    """Where the pole was at each second, and the rows of each stand."""
    parts, spans, clock, row, last = [], [], None, 0, None
    for number, stand in enumerate(stands):
        place = places[stand.mark]
        if stand.start is not None:
            clock = pd.Timestamp(stand.start)
        else:
            steps = int(np.hypot(*(place - last)) / WALK_FT_S)
            share = np.arange(1, steps + 1)[:, None] / (steps + 1)
            parts.append(_part(clock, last + share * (place - last), None, -1))
            clock, row = clock + pd.Timedelta(seconds=steps), row + steps
        parts.append(_part(clock, np.tile(place, (stand.seconds, 1)), stand.mark, number))
        spans.append(range(row, row + stand.seconds))
        clock, row, last = clock + pd.Timedelta(seconds=stand.seconds), row + stand.seconds, place
    return pd.concat(parts, ignore_index=True), spans


def _part(clock: pd.Timestamp, points: np.ndarray, mark: str | None, stand: int) -> pd.DataFrame:
    times = pd.date_range(clock, periods=len(points), freq="s")
    table = {"time": times, "mark": mark, "stand": stand, "easting": points[:, 0], "northing": points[:, 1]}
    return pd.DataFrame(table).astype({"mark": object})


def _plant_states(epochs: pd.DataFrame, spans: list[range]) -> None:
    """How the receiver solved, and the epochs that a gate must keep out."""
    defaults = {"fix": "FIXED", "case": None, "hdop": 0.7, "satellites": 24, "age_s": 1.0, "stated_m": STATED_M["FIXED"]}
    for name, value in defaults.items():
        epochs[name] = pd.Series(value, index=epochs.index, dtype=object if name in ("fix", "case") else None)

    def plant(first: int, last: int, case: str, **values: float | str) -> None:
        rows = slice(first, last - 1)
        for name, value in values.items():
            epochs.loc[rows, name] = value
        if "fix" in values:
            epochs.loc[rows, "stated_m"] = STATED_M[values["fix"]]
        epochs.loc[rows, "case"] = case

    c, d = spans[3], spans[4]
    plant(c.start - 10, c.stop + 8, "float", fix="FLOAT", hdop=1.1, satellites=15)
    plant(d.start - 18, d.start + 12, "autonomous", fix="SINGLE", hdop=1.3, satellites=11, age_s=np.nan)
    plant(d.start + 12, d.start + 20, "sbas", fix="DGPS", hdop=1.2, satellites=12, age_s=4.0)
    e, grove = spans[6], spans[8]
    plant(e.stop + 1, e.stop + 11, "old_corrections", age_s=9.0)
    plant(grove.stop + 2, grove.stop + 10, "poor_geometry", hdop=2.6, satellites=9)
    plant(grove.stop + 12, grove.stop + 17, "few_satellites", hdop=1.8, satellites=5)
    plant(grove.stop + 20, grove.stop + 26, "large_stated_error", stated_m=0.03)
