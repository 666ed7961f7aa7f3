"""
A day in the field, from receivers' files to features of one City layer: read, gated, settled, placed, averaged, checked,
converted.

Every record of every file is accounted for: it is in a feature, or in ``rejected`` with the first reason that held.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from citygis.captures.accuracy import nssda
from citygis.captures.features import as_features, stated_values, without_known
from citygis.captures.field_codes import field_codes
from citygis.captures.frame_fit import FrameFit, frame_fit
from citygis.captures.frame_remarks import frame_findings
from citygis.captures.gates import Gate, gates, is_office_product, rejections
from citygis.captures.heights import antenna_findings, height_findings, mark_heights
from citygis.captures.monuments import monument_check, monument_findings, monument_records
from citygis.captures.placement import REJECTED, place_captures
from citygis.captures.settlement import FrameNotStated, Settled, settle
from citygis.captures.shots import Shots, shots_of
from citygis.city import City
from citygis.convert import Conversion, convert
from citygis.errors import CityGISError, ReadError
from citygis.findings import findings_frame, join_findings
from citygis.geodesy import Frame, Lineage, parse_frame, transform_points
from citygis.readers import read_captures, source_document
from citygis.readers.captures import REASONS
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, unit_of

DEGREES = "EPSG:6318"
"""Longitude and latitude: the form in which marks are handed from one frame to another. Its datum does not count."""

ACCOUNT = ("file", "source_ref", "stage", *REJECTED, "text")
"""Columns of `FieldWork.rejected`."""

_UNITS = {METRE: "M", US_SURVEY_FOOT: "FT_US", INTERNATIONAL_FOOT: "FT_INTL"}


class FieldWork(NamedTuple):
    """
    What became of a day in the field.

    ``conversion``: as `citygis.convert.convert` gives it; its ``layer`` is the City layer. ``captures``: every position that is
    in a feature, in City feet. ``rejected``: `ACCOUNT`, one row per record that is in none: the file and the record, at which
    ``stage`` ("read", "gate", "place", "shape"), the code, slug and words of the reason, and the text as sent of what could not
    be read.
    ``tally``: a row per file: ``file``, ``records``, ``joined`` (parts of one position), ``without_position`` (by their nature),
    ``positions``, ``used``, ``rejected``; records = joined + without_position + used + rejected. ``occupations``, ``courses``:
    as `citygis.captures.shots.Shots`. ``monuments`` and ``fit``: the check against the City's monuments (fit None without marks).
    ``lineages``: how each file's positions came here. ``accuracy``: sentences. ``findings``: all of them, conversion's included.
    ``notes``: what the readers say of each file, its name first.
    """

    conversion: Conversion
    captures: gpd.GeoDataFrame
    rejected: pd.DataFrame
    tally: pd.DataFrame
    occupations: gpd.GeoDataFrame
    courses: pd.DataFrame
    monuments: gpd.GeoDataFrame
    fit: FrameFit | None
    lineages: tuple[Lineage, ...]
    accuracy: tuple[str, ...]
    source_document: pd.DataFrame
    findings: gpd.GeoDataFrame
    notes: tuple[str, ...]


def field_work(
    files: Sequence[Path | str] | Path | str,
    layer: str,
    *,
    city: City,
    purpose: str,
    frame: Frame | str | None = None,
    held: Mapping[str, pd.DataFrame] | None = None,
    order: str | None = None,
    profile: str | None = None,
    source_crs: CRS | str | None = None,
    antenna_height_ft: float | None = None,
    values: Mapping[str, str] | None = None,
    new_only: bool = False,
) -> FieldWork:
    """
    GPS captures and survey points as a City layer.

    Parameters
    ----------
    files : path or sequence of paths
        As `citygis.readers.read_captures` takes them. One day, or several: occupations of one name are compared across files.
    layer : str
        The City layer to make.
    city : City
    purpose : {"parcel", "asset", "sketch"}
        Whose gate and tolerance hold.
    frame : Frame or str, optional
        What the positions of the files are in, stated by a person: "NAD83(2011)@2017.50". Without it, files that do not state it
        themselves are refused wherever the doubt costs more than the tolerance.
    held : mapping of layer name to frame, optional
        The City's ``control_station`` and ``corner`` layers, to check against, and `layer` itself, to see whose place is taken.
    order : str, optional
        Of a survey point file: "PNEZD".
    profile : str, optional
        Of a receiver's CSV.
    source_crs : CRS, optional
        What the numbers are written in, where the file does not say.
    antenna_height_ft : float, optional
        US survey feet, of the pole, for heights at the antenna whose file does not state it.
    values : mapping of City field to value, optional
        What holds of every feature.
    new_only : bool
        Leave out features whose key the City has already: shots on known marks, taken as a check.

    Returns
    -------
    FieldWork

    Raises
    ------
    ReadError
        If a file cannot be used as a whole.
    CRSError
        If the way into the City's frame is not certain enough for the purpose.
    SchemaError, SettingsError
        If there is no such layer, or a file of the City's does not hold.
    ValueError
        If `purpose`, `frame` or a value is none.
    """
    target = city.schema.layer(layer)
    gate = _gate(purpose, city)
    stated = parse_frame(frame) if isinstance(frame, str) else frame
    crs = CRS.from_user_input(source_crs) if source_crs is not None else None
    values = stated_values(values or {}, target)
    paths = [Path(files)] if isinstance(files, (str, Path)) else [Path(file) for file in files]
    days = []
    for path in paths:
        try:
            day = _day(path, city, gate, purpose, stated, crs, order, profile, antenna_height_ft, layer)
        except FrameNotStated as refusal:
            tried = {"city": city, "purpose": purpose, "held": held, "order": order, "profile": profile, "source_crs": crs}
            raise FrameNotStated(f"{refusal}{_evidence(path, layer, **tried)}") from None
        # Unique across files, so that a capture can be told by its index from here on.
        days.append(day.on_index(sum(len(one.index) for one in days)))
    _require_different(days)
    if not any(day.counts["positions"] + len(day.unread) for day in days):
        said = "".join(f"\n{day.file}: {note}" for day in days for note in day.notes)
        raise ReadError(
            f"{', '.join(day.file for day in days)}: no position in it. Ask the sender whether the export failed.{said}"
        )
    captures = _together([day.captures for day in days], city)
    shots = shots_of(captures, target, codes=field_codes(city), gate=gate)
    marks = shots.shapes if target.geometry == "Point" else shots.shapes.iloc[:0]
    records = monument_records({name: table for name, table in (held or {}).items() if name in ("control_station", "corner")})
    check, fit = _against_monuments(marks, records, city, purpose, stated, gate)
    shapes, checks = without_known(shots.shapes, held or {}, target) if new_only else (shots.shapes, findings_frame(crs=city.crs))
    features = as_features(
        shapes,
        target,
        city=city,
        captures=captures,
        values=values,
        existing=(held or {}).get(layer),
        tolerance_ft=gate.tolerance_ft,
    )
    conversion = convert(features.raw, layer, crosswalk=features.crosswalk, city=city)
    documents = pd.concat([day.document for day in days], ignore_index=True).drop_duplicates("doc_id", ignore_index=True)
    used = captures[~captures.index.isin(shots.rejected.index)]
    rejected = _account(days, captures, shots)
    findings = [conversion.findings, features.findings, checks, shots.findings, *(day.findings for day in days)]
    findings += _height_and_monument_findings(shots, check, fit, records, captures, purpose, layer)
    return FieldWork(
        conversion,
        used,
        rejected,
        _tally(days, used, rejected),
        shots.occupations,
        shots.courses,
        check,
        fit,
        tuple(lineage for day in days for lineage in day.lineages),
        _accuracy(check),
        documents,
        join_findings(findings, crs=city.crs),
        tuple(f"{day.file}: {note}" for day in days for note in day.notes),
    )


class _Day(NamedTuple):
    """One file: its positions in City feet, what was kept out before that, and its books."""

    file: str
    index: pd.Index
    captures: gpd.GeoDataFrame
    aside: pd.DataFrame
    unread: pd.DataFrame
    refs: pd.Series
    counts: dict[str, int]
    lineages: tuple[Lineage, ...]
    document: pd.DataFrame
    findings: gpd.GeoDataFrame
    notes: tuple[str, ...]

    def on_index(self, offset: int) -> "_Day":
        """The same with its captures numbered from `offset`."""
        shifted = {name: getattr(self, name).set_axis(getattr(self, name).index + offset) for name in ("captures", "aside", "refs")}
        return self._replace(index=self.index + offset, **shifted)


def _day(
    path: Path,
    city: City,
    gate: Gate,
    purpose: str,
    stated: Frame | None,
    crs: CRS | None,
    order: str | None,
    profile: str | None,
    antenna_height_ft: float | None,
    layer: str,
) -> _Day:
    told = read_captures(path, profile=profile, order=order, city=city, source_crs=crs)
    sent = told.frame
    settled = settle(sent, city=city, purpose=purpose, frame=stated, source_crs=crs, file=path.name)
    needs_date = np.zeros(len(sent), dtype=bool)
    for one in settled:
        needs_date[one.rows] = one.needs_date
    failed = rejections(sent, gate)
    undated = needs_date & sent["time"].isna().to_numpy()
    if undated.any():
        late = rejections(sent[undated], gate, needs_date=True)
        failed.loc[late.index] = late
    passed = failed["reject_code"].isna().to_numpy()
    placed = place_captures(
        sent, [one._replace(rows=one.rows[passed[one.rows]]) for one in settled], city=city, tolerance_ft=city.tolerance_ft(purpose)
    )
    if antenna_height_ft is not None:
        placed = placed._replace(frame=_with_antenna(placed.frame, antenna_height_ft))
    at_mark = mark_heights(placed.frame, layer=layer)
    gated = failed[~passed & sent.geometry.notna().to_numpy()]
    aside = pd.concat([gated.assign(stage="gate"), placed.rejected.assign(stage="place")]).sort_index()
    findings = [at_mark.findings, height_findings(at_mark.frame, layer=layer)]
    findings.append(
        frame_findings(
            path.name,
            sent,
            settled,
            placed.lineages,
            city=city,
            layer=layer,
            purpose=purpose,
            is_office=is_office_product(sent),
            is_crs_stated=crs is not None,
        )
    )
    counts = {"records": sum(told.records.values()), "joined": told.joined, "positions": int(sent.geometry.notna().sum())}
    return _Day(
        path.name,
        sent.index,
        at_mark.frame.assign(file=path.name),
        aside,
        told.rejected,
        sent["source_ref"],
        counts,
        placed.lineages,
        source_document(path, unit=_unit(settled), doc_type="FIELD_SURVEY", agency=None),
        join_findings(findings, crs=city.crs),
        told.notes,
    )


def _evidence(path: Path, layer: str, *, city: City, **options) -> str:
    """What the City's monuments say of the frame of a file that does not state it: evidence, never an answer."""
    try:
        work = field_work(path, layer, city=city, frame=city.frame, **options)
    except CityGISError:
        return ""
    if work.fit is None or work.fit.verdict not in ("agrees", "other_frame"):
        return ""
    return f"\nTaken for {city.frame} to see: {work.fit.message} That is evidence, not a statement: the frame is for you to state."


def _require_different(days: list[_Day]) -> None:
    """A file given twice would be its own second occupation."""
    seen: dict[str, str] = {}
    for day in days:
        document = day.document["doc_id"].iat[0]
        if document in seen:
            raise ValueError(f"Invalid files. Must be different: {seen[document]} and {day.file} are the same, byte for byte.")
        seen[document] = day.file


def _gate(purpose: str, city: City) -> Gate:
    known = gates(city)
    if purpose not in known:
        raise ValueError(f"Invalid purpose {purpose!r}. Must be one of: {', '.join(known)}.")
    return known[purpose]


def _with_antenna(captures: gpd.GeoDataFrame, antenna_height_ft: float) -> gpd.GeoDataFrame:
    """Captures of a receiver's raw stream, whose heights are the antenna's, with the height of the pole that was stated."""
    raw = captures["capture"].eq("epoch").to_numpy(dtype=bool) & captures["antenna_height_m"].isna().to_numpy()
    metres = np.where(raw, antenna_height_ft * float(US_SURVEY_FOOT), captures["antenna_height_m"])
    at = captures["height_at"].where(~raw, "antenna")
    return captures.assign(antenna_height_m=metres, height_at=at)


def _together(frames: list[gpd.GeoDataFrame], city: City) -> gpd.GeoDataFrame:
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    table = pd.concat([pd.DataFrame(frame) for frame in filled])
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(table["geometry"].to_numpy(dtype=object), crs=city.crs))


def _against_monuments(
    marks: gpd.GeoDataFrame, records: gpd.GeoDataFrame, city: City, purpose: str, stated: Frame | None, gate: Gate
) -> tuple[gpd.GeoDataFrame, FrameFit | None]:
    """The marks against the City's monuments, and which frame they fit."""
    if not len(records):
        records = records.set_crs(city.crs, allow_override=True)
    check = monument_check(marks, records, tolerance_ft=gate.tolerance_ft, tolerances=city.tolerances)
    if not len(marks) or stated is None or stated.is_local:
        return check, None

    def placed(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        observed = marks["epoch_observed"].to_numpy() if frame.is_moving or stated.is_moving else None
        way = {"velocity": city.velocity, "tolerance_ft": 10.0, "grids": city.grids_folder}
        height = marks["ellipsoid_height_ft"].to_numpy() * float(US_SURVEY_FOOT)
        sent, _ = transform_points(
            marks.geometry.x, marks.geometry.y, height, source=city.frame, source_crs=city.crs, target=stated, target_crs=DEGREES,
            observed=observed if stated.is_moving and stated.epoch is None else None, **way,
        )  # fmt: skip
        back, _ = transform_points(
            *sent, source=frame, source_crs=DEGREES, target=city.frame, target_crs=city.crs,
            observed=observed if frame.is_moving and frame.epoch is None else None, **way,
        )  # fmt: skip
        return back.easting, back.northing

    fit = frame_fit(check, placed, stated=stated, city_frame=city.frame, tolerance_ft=city.tolerance_ft(purpose))
    return check, fit


def _height_and_monument_findings(
    shots: Shots,
    check: gpd.GeoDataFrame,
    fit: FrameFit | None,
    records: gpd.GeoDataFrame,
    captures: gpd.GeoDataFrame,
    purpose: str,
    layer: str,
) -> list[gpd.GeoDataFrame]:
    known = pd.Series(dtype="float64")
    if len(check):
        height = records.set_index("monument")["ellipsoid_height_ft"]
        matched = check[check["monument"].notna()]
        known = matched.set_index("name")["monument"].map(height[~height.index.duplicated()])
    found = [antenna_findings(shots.occupations, layer=layer, known_height_ft=known)]
    if fit is not None:
        found.append(monument_findings(check, fit, purpose=purpose, layer=layer))
    return found


def _accuracy(check: gpd.GeoDataFrame) -> tuple[str, ...]:
    """The statement that the monuments allow, or why there is none."""
    matched = check[check["verdict"].isin(["within", "beyond"])]
    if not len(matched):
        return ()
    heights = matched["dh_ft"].to_numpy() if matched["dh_ft"].notna().any() else None
    said = nssda(matched["de_ft"], matched["dn_ft"], heights)
    return tuple(text for text in (said.statement, *said.withheld) if text)


def _account(days: list[_Day], captures: gpd.GeoDataFrame, shots: Shots) -> pd.DataFrame:
    """Every record that is in no feature, in the order of the files."""
    late = shots.rejected[list(REJECTED)].assign(stage="shape")
    parts = []
    for day in days:
        unread = day.unread.assign(
            stage="read",
            reject_code=day.unread["reason"].map(REASONS),
            reject_reason=day.unread["reason"],
            reject_message=day.unread["message"],
        )
        aside = pd.concat([day.aside, late[late.index.isin(day.index)]]).sort_index(kind="stable")
        aside = aside.assign(source_ref=day.refs.reindex(aside.index), text=None)
        parts.append(pd.concat([unread, aside])[["source_ref", "stage", *REJECTED, "text"]].assign(file=day.file))
    return pd.concat(parts, ignore_index=True)[list(ACCOUNT)].astype("str")


def _tally(days: list[_Day], used: gpd.GeoDataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for day in days:
        in_feature = int(used.index.isin(day.index).sum())
        out = len(day.aside) + len(day.unread) + int(len(day.captures) - in_feature)
        counts = day.counts
        rest = counts["records"] - counts["joined"] - in_feature - out
        rows.append({"file": day.file, **counts, "without_position": rest, "used": in_feature, "rejected": out})
    table = pd.DataFrame(rows)
    if int(table["rejected"].sum()) != len(rejected):
        raise AssertionError(
            f"{int(table['rejected'].sum())} records were kept out, {len(rejected)} are told. Report this as a defect."
        )
    return table


def _unit(settled: list[Settled]) -> str:
    """The unit of coordinates as source_document says it."""
    crs = settled[0].source_crs if settled else None
    return _UNITS[unit_of(crs)] if crs is not None and crs.is_projected else "DEG"
