"""
Logs of NMEA 0183: what a GPS receiver says, sentence by sentence, joined into one position per epoch.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.captures import Captures, captures_frame
from citygis.readers.epochs import epochs
from citygis.readers.fixes import FIX_TYPES, NO_FIX, POSITIONS, Piece, no_fix_message, piece
from citygis.readers.guard import require_local_file
from citygis.readers.moments import NO_DATE
from citygis.readers.sentences import scans

JOINED_KINDS = ("GGA", "GNS", "RMC", "GLL", "WPL", "GST", "GSA", "ZDA", "damaged")
"""
Kinds in `Captures.records` whose sentences are positions, joined into positions, or rejected. All other kinds have no position by
their nature; so do "GST unjoined" and its like, which belong to no position.
"""

_OF_EVERY_KIND = ("ordinal", "time_us", "easting", "northing", "fix", "quality")
_DISAGREE_DEG = 1e-4
"""RMC and GLL often have fewer decimals than GGA, but never so few: 1e-4 degree is about 30 ft."""


def read_nmea(path: Path | str) -> Captures:
    """
    The positions of an NMEA 0183 log.

    Parameters
    ----------
    path : path
        Text of one byte a character or UTF-16, any line ends, with any other data (UBX, RTCM, notes) between the sentences.

    Returns
    -------
    Captures
        ``frame``: one row per epoch that has a fix, ``capture`` "epoch", and per waypoint (WPL), in EPSG:4326; without CRS where
        a sentence (DTM, PGRMM) states another datum, which is then in ``datum_stated``. Of the sentences of one epoch the
        position is that of GGA, else GNS, RMC, GLL, and what the others add is joined to it: date (RMC, ZDA), h_rms_m (the
        root of the sum of the squared sigmas along both axes) and v_rms_m (GST), pdop and vdop (GSA, which has no time and belongs
        to the epoch before it). ``ellipsoid_height_m`` is of the antenna: height above sea level and separation, of the same
        sentence. After the captures columns: ``sentence`` (which one the position is from), ``quality`` (fix quality or mode as
        sent), ``separation_m``, ``speed_kn`` and ``course_deg`` (RMC).

        ``time`` is null where the log never says its date; the date is otherwise carried, across midnight too.
        ``rejected`` also has every sentence of an epoch without a fix (void, estimated, keyed in, simulated), and whose checksum is
        missing. ``records`` counts sentences by kind; those that are damaged count as "damaged".

    Raises
    ------
    ReadError
        If the file is not there, or has no sentence of NMEA 0183.
    """
    path = require_local_file(path)
    pieces: list[Piece] = []
    lines, strays, count = [], 0, 0
    for scan in scans(path):
        pieces.append(piece(scan, count))
        lines.append(scan.line)
        count += len(scan.begin)
        strays += scan.strays
    if not count:
        raise ReadError(f"{path} has no sentence of NMEA 0183 (text that begins with $GPGGA or the like). Ask what it is.")
    gst, gsa, zda = (pd.concat([getattr(one, name) for one in pieces], ignore_index=True) for name in ("gst", "gsa", "zda"))
    by_kind = _by_kind([one.positions for one in pieces])
    positions = _places(by_kind)
    kinds = _summed([one.kinds for one in pieces])
    said = {ordinal: text for one in pieces for ordinal, text in one.said.items()}
    datums = [datum for one in pieces for datum in one.datums]
    rejected = [rejection for one in pieces for rejection in one.rejections]
    notes = [f"{strays:,} '$' among other data begin no sentence and were passed over."] if strays else []
    unread = sum(one.unread for one in pieces)
    notes += [f"{unread:,} values that are not numbers were left null."] if unread else []
    if len(rejected) == count and all(reason == "cut_off" for _, reason, *_ in rejected):
        notes.append(
            "No sentence has a checksum, so nothing proves a single digit, and none was used. Set the receiver or the software to "
            "write checksums (the * and two characters at the end), or ask for the log as the receiver wrote it."
        )
    pieces.clear()

    position_epoch, gst_epoch, zda_epoch, moment, timed = _epochs(positions, gst, zda)
    is_row, is_refused = _chosen(positions, position_epoch)
    rejected += _refused(positions[is_refused], said, path)
    rows = np.flatnonzero(is_row)
    rows = rows[np.argsort(positions["ordinal"].to_numpy()[rows], kind="stable")]
    chosen = positions.iloc[rows].reset_index(drop=True)
    epoch = position_epoch[rows]

    placed = pd.unique(epoch)
    gsa_epoch = _epoch_before(gsa["ordinal"].to_numpy(), *timed)
    joined = int((~is_row & ~is_refused).sum())
    for kind, of in (("GST", gst_epoch), ("GSA", gsa_epoch), ("ZDA", zda_epoch)):
        taken = int(np.isin(of, placed).sum())
        joined += taken
        if kind in kinds:
            kinds[f"{kind} unjoined"] = len(of) - taken
            kinds[kind] -= len(of) - taken
    notes += _disagreements(positions, position_epoch, rows, is_row | is_refused)

    crs, stated = _datums(datums, chosen["ordinal"].to_numpy())
    if crs is None:
        notes.append(
            f"The receiver states a datum other than WGS 84: {', '.join(sorted({text for _, text, is_84 in datums if not is_84}))}."
        )
    time = np.full(len(epoch), np.datetime64("NaT"), dtype="datetime64[us]")
    time[epoch >= 0] = moment[epoch[epoch >= 0]]
    first_gst = _first_of(gst, gst_epoch, epoch, ("h_rms_m", "v_rms_m"))
    dops = _first_of(gsa, gsa_epoch, epoch, ("pdop", "hdop", "vdop"))
    is_rmc = positions["rank"].to_numpy() == POSITIONS.index("RMC")
    motion = _first_of(by_kind.get("RMC", positions[:0]), position_epoch[is_rmc], epoch, ("speed_kn", "course_deg"))
    is_waypoint = chosen["rank"].to_numpy() == POSITIONS.index("WPL")
    undated = int((np.isnat(time) & ~is_waypoint).sum())
    if undated:
        notes.append(f"no_date: {undated:,} positions have no time, because the log does not say its date there (no RMC, no ZDA).")
    hdop = _values(by_kind, chosen, "hdop").to_numpy()
    msl, separation = _values(by_kind, chosen, "msl_height_m").to_numpy(), _values(by_kind, chosen, "separation_m").to_numpy()
    fix = np.array([*FIX_TYPES, None], dtype=object)[chosen["fix"].to_numpy()]
    columns = {
        "capture": np.where(is_waypoint, "waypoint", "epoch"),
        "name": _values(by_kind, chosen, "name"),
        "time": pd.Series(time).dt.tz_localize("UTC"),
        "fix_type": fix,
        "satellites": _values(by_kind, chosen, "satellites").round().astype("Int64"),
        "hdop": np.where(np.isnan(hdop), dops["hdop"], hdop),
        "pdop": dops["pdop"],
        "vdop": dops["vdop"],
        "correction_age_s": _values(by_kind, chosen, "correction_age_s"),
        "station": _values(by_kind, chosen, "station"),
        "h_rms_m": first_gst["h_rms_m"],
        "v_rms_m": first_gst["v_rms_m"],
        "msl_height_m": msl,
        "ellipsoid_height_m": msl + separation,
        "height_at": np.where(np.isnan(msl), None, "antenna"),
        "datum_stated": stated,
    }
    letters = np.array([chr(code) if code else None for code in range(256)], dtype=object)
    others = pd.DataFrame(
        {
            "sentence": pd.Series(np.array(POSITIONS, dtype=object)[chosen["rank"].to_numpy()], dtype="str"),
            "quality": pd.Series(letters[chosen["quality"].to_numpy(dtype=np.uint8)], dtype="str"),
            "separation_m": separation,
            **motion,
        }
    )
    rejected, line = sorted(rejected), np.concatenate(lines)
    table = pd.DataFrame(
        {
            "source_ref": _refs(line, np.array([ordinal for ordinal, *_ in rejected], dtype=np.int64)),
            **{name: [one[place] for one in rejected] for place, name in enumerate(("reason", "message", "text"), start=1)},
        },
        dtype="str",
    )
    frame = captures_frame(columns, chosen["easting"].to_numpy(), chosen["northing"].to_numpy(), crs=crs, others=others)
    records = {kind: kinds[kind] for kind in sorted(kinds) if kinds[kind]}
    return Captures(frame, _refs(line, chosen["ordinal"].to_numpy(dtype=np.int64)), table, records, joined, tuple(notes))


def _refs(lines: np.ndarray, ordinals: np.ndarray) -> np.ndarray:
    """The line of some sentences, and which of the line each is where there are several; ``lines`` is of all sentences."""
    line = lines[ordinals]
    refs = pc.binary_join_element_wise("line", pa.array(line).cast(pa.string()), " ").to_numpy(False)
    place = ordinals - np.searchsorted(lines, line) + 1
    glued = place > 1
    refs[glued] = [f"{ref} ({number})" for ref, number in zip(refs[glued], place[glued], strict=True)]
    return refs


def _by_kind(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    found = {kind: [part[kind] for part in parts if kind in part] for kind in POSITIONS}
    return {kind: pd.concat(frames, ignore_index=True) for kind, frames in found.items() if frames}


def _places(by_kind: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """
    What positions of every kind have, one below the other, with their ``rank`` and ``at``, the row in the frame of their kind.
    """
    columns = {name: [frame[name].to_numpy() for frame in by_kind.values()] for name in _OF_EVERY_KIND}
    columns["rank"] = [np.full(len(frame), POSITIONS.index(kind), dtype=np.int8) for kind, frame in by_kind.items()]
    columns["at"] = [np.arange(len(frame)) for frame in by_kind.values()]
    columns["date"] = [
        frame["date"].to_numpy() if "date" in frame else np.full(len(frame), NO_DATE, dtype=np.int64) for frame in by_kind.values()
    ]
    return pd.DataFrame({name: np.concatenate(arrays) if arrays else np.empty(0, np.int64) for name, arrays in columns.items()})


def _values(by_kind: dict[str, pd.DataFrame], chosen: pd.DataFrame, name: str) -> pd.Series:
    """A column that only some kinds have, for the chosen positions."""
    rank, at = chosen["rank"].to_numpy(), chosen["at"].to_numpy()
    having = {POSITIONS.index(kind): frame[name] for kind, frame in by_kind.items() if name in frame}
    if len(having) == 1 and len(chosen) and (rank == next(iter(having))).all():
        return next(iter(having.values())).take(at).reset_index(drop=True)
    is_text = name in ("station", "name")
    made = pd.Series(None if is_text else np.nan, index=chosen.index, dtype="str" if is_text else "float64")
    for place, column in having.items():
        of = np.flatnonzero(rank == place)
        made.iloc[of] = column.take(at[of]).array
    return made


def _summed(counts: list[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for kind, count in one.items():
            total[kind] = total.get(kind, 0) + count
    return total


def _epochs(positions: pd.DataFrame, gst: pd.DataFrame, zda: pd.DataFrame):
    """
    The epoch of every position, GST and ZDA, a negative number of its own where it has no time; the moment of each epoch; and
    ordinals with epochs of all that have a time, in the order of the file.
    """
    ordinal, time = (np.concatenate([frame[name].to_numpy() for frame in (positions, gst, zda)]) for name in ("ordinal", "time_us"))
    date = np.concatenate([positions["date"].to_numpy(), np.full(len(gst), NO_DATE), zda["date"].to_numpy()])
    # The date of a receiver without a fix may be that of a clock which was never set.
    date[: len(positions)][positions["fix"].to_numpy() == NO_FIX] = NO_DATE
    has_time = np.flatnonzero(time >= 0)
    has_time = has_time[np.argsort(ordinal[has_time], kind="stable")]
    found = epochs(time[has_time], date[has_time])
    epoch = -1 - np.arange(len(ordinal))
    epoch[has_time] = found.epoch
    parts = np.split(epoch, [len(positions), len(positions) + len(gst)])
    return *parts, found.moment, (ordinal[has_time], found.epoch)


def _chosen(positions: pd.DataFrame, epoch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Which positions become rows, and which are refused because a sentence of their epoch says that there is no fix.

    The first of the best rank is the row of its epoch; another of the same rank is a row too when it lies elsewhere.
    """
    count = len(positions)
    if not count:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    rank, ordinal = positions["rank"].to_numpy(), positions["ordinal"].to_numpy()
    code, _ = pd.factorize(epoch)
    void = np.zeros(code.max() + 1, dtype=bool)
    void[code[positions["fix"].to_numpy() == NO_FIX]] = True
    order = np.lexsort((ordinal, rank, code))
    first = order[np.append(True, np.diff(code[order]) != 0)]
    best = np.empty(len(first), dtype=np.int64)
    best[code[first]] = first
    best = best[code]
    is_row = best == np.arange(count)
    easting, northing = positions["easting"].to_numpy(), positions["northing"].to_numpy()
    is_row |= (rank == rank[best]) & ((easting != easting[best]) | (northing != northing[best]))
    is_refused = void[code]
    return is_row & ~is_refused, is_refused


def _refused(refused: pd.DataFrame, said: dict[int, str], path: Path) -> list[tuple[int, str, str, str]]:
    """Rejections of the sentences of epochs without a fix; the text of one that had a fix itself is fetched from the file again."""
    others = [ordinal for ordinal in refused["ordinal"] if ordinal not in said]
    said = said | (_texts(path, np.sort(others)) if others else {})
    rejections = []
    for ordinal, fix, quality in zip(refused["ordinal"], refused["fix"], refused["quality"], strict=True):
        message = no_fix_message(quality) if fix == NO_FIX else "Another sentence of its epoch says that the receiver had no fix."
        rejections.append((ordinal, "no_fix", message, said[ordinal]))
    return rejections


def _texts(path: Path, ordinals: np.ndarray) -> dict[int, str]:
    said, start = {}, 0
    for scan in scans(path):
        here = ordinals[np.searchsorted(ordinals, start) : np.searchsorted(ordinals, start + len(scan.begin))]
        said |= {int(ordinal): scan.text(ordinal - start) for ordinal in here}
        start += len(scan.begin)
    return said


def _epoch_before(ordinals: np.ndarray, timed: np.ndarray, epoch: np.ndarray) -> np.ndarray:
    """The epoch of the last sentence with a time before each ordinal; of the first where there is none before."""
    if not len(timed):
        return np.full(len(ordinals), np.iinfo(np.int64).min)
    return epoch[np.maximum(np.searchsorted(timed, ordinals) - 1, 0)]


def _first_of(frame: pd.DataFrame, of: np.ndarray, epoch: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Values of the first row of `frame` in each epoch, null where it has none."""
    values = {name: np.full(len(epoch), np.nan) for name in names}
    if not len(frame) or not len(epoch):
        return values
    keys, first = np.unique(of, return_index=True)
    where = np.minimum(np.searchsorted(keys, epoch), len(keys) - 1)
    found = keys[where] == epoch
    for name in names:
        values[name][found] = frame[name].to_numpy()[first[where[found]]]
    return values


def _disagreements(positions: pd.DataFrame, epoch: np.ndarray, rows: np.ndarray, settled: np.ndarray) -> list[str]:
    """A note where a sentence that was joined has another place than the row it was joined to."""
    joined = np.flatnonzero(~settled)
    order = np.argsort(epoch[rows], kind="stable")
    keys = epoch[rows][order]
    if not len(joined) or not len(keys):
        return []
    row = rows[order][np.searchsorted(keys, epoch[joined])]
    apart = np.zeros(len(joined))
    for name in ("easting", "northing"):
        values = positions[name].to_numpy()
        apart = np.maximum(apart, np.abs(values[joined] - values[row]))
    count = int((apart > _DISAGREE_DEG).sum())
    return (
        [f"{count:,} sentences (RMC, GLL or GNS) lie elsewhere than the one of their epoch that was taken; see both."]
        if count
        else []
    )


def _datums(datums: list[tuple[int, str, bool]], ordinals: np.ndarray) -> tuple[CRS | None, np.ndarray]:
    """
    The CRS of the log, and the datum that the sentence before each position states (after it, for those before the first).

    Without any, positions are in WGS 84 (NMEA 0183, DTM: the datum is WGS 84 unless stated).
    """
    wgs84 = CRS.from_epsg(4326)
    stated = np.full(len(ordinals), None, dtype=object)
    if not datums:
        return wgs84, stated
    said = np.array([ordinal for ordinal, *_ in datums])
    where = np.maximum(np.searchsorted(said, ordinals) - 1, 0)
    stated[:] = np.array([text for _, text, _ in datums], dtype=object)[where]
    is_wgs84 = np.array([is_84 for *_, is_84 in datums])[where]
    return (wgs84 if is_wgs84.all() else None), stated
