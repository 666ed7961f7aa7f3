"""
What is in an outside file, and what looks wrong, before anything is converted.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.city import City, default_city
from citygis.errors import CRSError, ReadError
from citygis.geodesy import null_shift_ft
from citygis.readers import coordinates
from citygis.readers.columns import FieldReport, field_report, type_name
from citygis.readers.formats import Dataset, delivery
from citygis.readers.likeness import Likeness, apn_columns, is_called, looks_like, names_of
from citygis.readers.raw import Raw
from citygis.readers.report import as_html, as_text
from citygis.readers.service.client import is_service_url, require_service_url
from citygis.readers.service.layers import FORMAT as SERVICE
from citygis.readers.service.layers import ServiceLayer, digest_of, load_layer, service_layers
from citygis.readers.source import sha256_of
from citygis.readers.vector import layers_in, load

_EXAMPLES = 3
_NULL_WORDS = ("null", "<null>", "none", "n/a", "na", "nan", "#n/a", "-9999", "unknown")


class GeometryProblem(NamedTuple):
    """One kind of problem in a layer: how often, and where it is first seen (row references with the reason)."""

    kind: str
    count: int
    examples: tuple[str, ...]


class Frame(NamedTuple):
    """The coordinate system of a layer: what the file says, whether that is settled, and what it would cost to take it lightly."""

    name: str | None
    code: str | None
    unit: str | None
    says: str
    problem: str | None
    cost: str | None


class CaptureReport(NamedTuple):
    """
    What captures are: records by kind and how many were joined into others, rows by kind (`captures.KINDS`) and by fix type, the
    first and last time (UTC, ISO 8601), and records that gave no position, by reason.
    """

    records: dict[str, int]
    joined: int
    kinds: dict[str, int]
    fix_types: dict[str, int]
    begins: str | None
    ends: str | None
    rejected: dict[str, int]


class LayerReport(NamedTuple):
    """
    One layer. When it could not be read, ``error`` says why and the rest is empty. ``captures`` only where its rows are captures.
    """

    layer: str
    format: str
    error: str | None
    count: int
    geometry_types: dict[str, int]
    frame: Frame | None
    extent: tuple[float, float, float, float] | None
    fields: tuple[FieldReport, ...]
    problems: tuple[GeometryProblem, ...]
    suspicions: tuple[str, ...]
    looks_like: tuple[Likeness, ...]
    captures: CaptureReport | None = None

    @property
    def is_clean(self) -> bool:
        """Whether the layer was read, its frame is settled, and every row came as sent with a sound geometry."""
        return self.error is None and not self.problems and not (self.frame and self.frame.problem)


class Inspection(NamedTuple):
    """What is in a file. Prints as text; shows as tables in Jupyter."""

    path: str
    size_bytes: int
    sha256: str
    layers: tuple[LayerReport, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every layer is."""
        return all(layer.is_clean for layer in self.layers)

    def to_dict(self) -> dict:
        """The same as plain dicts, lists, text and numbers, for JSON."""
        return {**_plain(self), "is_clean": self.is_clean}

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def inspect(
    path: Path | str, layer: str | None = None, *, source_crs: CRS | str | int | None = None, city: City | None = None
) -> Inspection:
    """
    What is in an outside file, and what looks wrong.

    Parameters
    ----------
    path : path
        As for `read`.
    layer : str, optional
        Only this one.
    source_crs : CRS or anything pyproj reads, optional
        As for `read`; here to see whether it would settle the frame.
    city : City, optional
        Whose layers and parcel number profiles to compare with. The packaged defaults without it.

    Returns
    -------
    Inspection
        A layer that cannot be read, and a frame that is not settled, are reported, not raised.

    Raises
    ------
    ReadError
        If the file as a whole cannot be used, or has no layer of that name.
    ValueError
        If `source_crs` is not a coordinate system.
    """
    given = coordinates.crs_of(source_crs)
    city = city or default_city()
    if is_service_url(path):
        return _service(str(path), layer, given, city)
    with delivery(path) as datasets:
        found = [(dataset, name) for dataset, name, _ in _listed(datasets) if layer in (None, name)]
        if not found:
            there = ", ".join(name for _, name, _ in _listed(datasets)) or "none"
            raise ReadError(f"{path} has no layer {layer!r}. It has: {there}.")
        reports = tuple(_layer_report(dataset, name, given, city) for dataset, name in found)
    path = Path(path)
    size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    return Inspection(path.name, size, sha256_of(path), reports)


def _listed(datasets: list[Dataset]) -> list[tuple[Dataset, str, bool]]:
    """Every layer; a dataset that cannot even be listed stands for itself, so that its error is reported in its place."""
    found = []
    for dataset in datasets:
        try:
            found += layers_in([dataset])
        except ReadError as error:
            if len(datasets) == 1:
                raise
            found.append((dataset._replace(error=error), dataset.path.stem, True))
    return found


def _layer_report(dataset: Dataset, name: str, given: CRS | None, city: City) -> LayerReport:
    try:
        raw = load(dataset, name, source_crs=given, city=city)
    except (ReadError, CRSError) as error:
        return _unread(name, dataset.format, error)
    if raw.captures is not None:
        return _captures_report(dataset, name, raw, given, city)
    return _report(raw, dataset.format, name, Path(dataset.shown).stem, given, city)


def _service(url: str, layer: str | None, given: CRS | None, city: City) -> Inspection:
    """A service in the place of a file: what was read from its layers stands for its bytes."""
    url = require_service_url(url)
    every = service_layers(url)
    found = [each for each in every if layer in (None, each.name, each.url.rpartition("/")[2])]
    if not found:
        raise ReadError(f"{url} has no layer {layer!r}. It has: {', '.join(each.name for each in every)}.")
    reports = tuple(_service_report(each, given, city) for each in found)
    if all(report.error for report in reports):
        raise ReadError(reports[0].error)
    digests = [digest_of(each.url) for each, report in zip(found, reports, strict=True) if report.error is None]
    one = digests[0].sha256 if len(digests) == 1 else hashlib.sha256("".join(each.sha256 for each in digests).encode()).hexdigest()
    return Inspection(url, sum(each.size_bytes for each in digests), one, reports)


def _service_report(layer: ServiceLayer, given: CRS | None, city: City) -> LayerReport:
    try:
        raw = load_layer(layer.url)
    except (ReadError, CRSError) as error:
        return _unread(layer.name, SERVICE, error)
    return _report(raw, SERVICE, layer.name, "", given, city)


def _unread(name: str, format: str, error: Exception) -> LayerReport:
    return LayerReport(name, format, str(error), 0, {}, None, None, (), (), (), ())


def _report(raw: Raw, format: str, name: str, stem: str, given: CRS | None, city: City) -> LayerReport:
    types = _geometry_types(raw.geometry)
    apn = apn_columns(raw.table, city.spellings)
    likenesses = looks_like(raw.table, types, f"{stem} {name}".strip(), schema=city.schema, apn=apn)
    suspicions = [*raw.notes, *_suspicions(raw, format, types, city, likenesses)]
    for column in apn:
        left = column.given - column.fitting
        suspicions.append(
            f"{column.name} holds parcel numbers: {column.fitting:,} of {column.given:,} fit {' or '.join(city.apn_profiles)}"
            + (f"; {left:,} do not." if left else ".")
        )
    return LayerReport(
        layer=name,
        format=format,
        error=None,
        count=len(raw.rows),
        geometry_types=types,
        frame=_frame(raw, given, city, f"layer {name}") if raw.geometry is not None else None,
        extent=_extent(raw.geometry),
        fields=tuple(field_report(raw.table[column]) for column in raw.table.columns),
        problems=tuple(_problems(raw)),
        suspicions=tuple(suspicions),
        looks_like=tuple(likenesses),
    )


def _captures_report(dataset: Dataset, name: str, raw: Raw, given: CRS | None, city: City) -> LayerReport:
    """Columns that captures have and this file does not fill are left out; a receiver that stands still repeats itself."""
    found = raw.captures
    frame = found.frame
    table = raw.table.dropna(axis=1, how="all")
    time = frame["time"].dropna()
    fix_types = _counts(frame["fix_type"])
    suspicions = list(raw.notes)
    if fix_types.get("FIXED"):
        suspicions.append(
            f"{fix_types['FIXED']:,} rows are RTK FIXED: they are in the frame of the corrections, whatever the file "
            "calls it. Ask which frame the base or network was in; taking one for the other is 5 ft."
        )
    if fix_types.get("DGPS"):
        suspicions.append(
            f"{fix_types['DGPS']:,} rows are DGPS: satellite-based (SBAS) or other code corrections, good to some "
            "feet. They are not RTK."
        )
    report = CaptureReport(
        records=dict(found.records),
        joined=found.joined,
        kinds=_counts(frame["capture"]),
        fix_types=fix_types,
        begins=time.min().isoformat() if len(time) else None,
        ends=time.max().isoformat() if len(time) else None,
        rejected=_counts(found.rejected["reason"]),
    )
    return LayerReport(
        layer=name,
        format=dataset.format,
        error=None,
        count=len(raw.rows),
        geometry_types=_geometry_types(raw.geometry),
        frame=_frame(raw, given, city, f"layer {name}"),
        extent=_extent(raw.geometry),
        fields=tuple(field_report(table[column]) for column in table.columns),
        problems=tuple(problem for problem in _problems(raw) if problem.kind != "duplicate"),
        suspicions=tuple(suspicions),
        looks_like=(),
        captures=report,
    )


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().sort_index().items()}


# -- frame ----------------------------------------------------------------------------------------------------------------------


def _frame(raw: Raw, given: CRS | None, city: City, shown: str) -> Frame:
    try:
        crs, problem = coordinates.settle(raw.geometry, raw.crs, raw.crs_says, given, shown=shown), None
    except CRSError as error:
        crs, problem = raw.crs, str(error)
    if crs is None:
        return Frame(None, None, None, raw.crs_says, problem, None)
    authority = crs.to_authority()
    unit = crs.axis_info[0].unit_name if crs.axis_info else None
    cost = None if problem else _cost(raw.geometry, crs, city)
    return Frame(crs.name, ":".join(authority) if authority else None, unit, raw.crs_says, problem, cost)


def _cost(geometry: np.ndarray, crs: CRS, city: City) -> str | None:
    datum = crs.datum.name if crs.datum else ""
    if datum.startswith("World Geodetic System 1984"):
        lonlat = coordinates.middle_lonlat(geometry, crs)
        shift = f"{null_shift_ft(*lonlat):.1f} ft" if lonlat else "some feet"
        return (
            f"Its datum is WGS 84. Where that is true, taking it for {city.realization} puts everything {shift} "
            f"off; where it is only a new label on {city.realization}, shifting it does. The crosswalk must say which."
        )
    if "1927" in datum:
        return f"Its datum is NAD27: taken for {city.realization}, everything lies hundreds of feet off. It needs the NADCON grids."
    if city.crs.datum and datum == city.crs.datum.name:
        return None
    reason = city.same_datum.get(datum)
    if reason:
        return f"The City holds its datum to be its own: {reason}."
    return f"Its datum is {datum}; the City's is {city.realization}. Converting needs a transformation between them."


# -- suspicions ---------------------------------------------------------------------------------------------------------------


def _suspicions(raw: Raw, format: str, types: dict[str, int], city: City, likenesses: list[Likeness]) -> list[str]:
    table, said = raw.table, []
    cut = [name for name in table.columns if len(name) == 10]
    if format == "Shapefile" and cut:
        said.append(f"Names of 10 characters, the most a shapefile holds, may have been cut: {', '.join(cut)}.")
    parcel = city.schema.layers.get("parcel")
    apn_names = names_of(parcel, "apn") if parcel else set()
    for name in table.columns:
        kind = type_name(table[name])
        if kind in ("integer", "double") and is_called(name, apn_names):
            said.append(
                f"{name} is called like a parcel number but is stored as {kind}: leading zeros are lost. Ask for it as text."
            )
    texts = {name: table[name].dropna() for name in table.columns if type_name(table[name]) == "text"}
    empty = [name for name in table.columns if len(table) and table[name].isna().all()]
    said += [f"Empty in every row: {', '.join(empty)}."] if empty else []
    said += _text_suspicions({name: given for name, given in texts.items() if len(given)}, apn_names, is_table=format == "CSV")
    said += _repeated_keys(table, city, likenesses, apn_names)
    families = {name.removeprefix("Multi") for name in types}
    if len(families) > 1:
        mixed = ", ".join(f"{count:,} {name}" for name, count in types.items())
        said.append(f"Geometry types are mixed: {mixed}. Convert takes those of the City layer and sets the others aside.")
    return said


def _text_suspicions(texts: dict[str, pd.Series], apn_names: set[str], *, is_table: bool) -> list[str]:
    spelt, padded, numbers = {}, {}, []
    for name, given in texts.items():
        stripped = given.str.strip()
        spelt[name] = int(stripped.str.lower().isin(_NULL_WORDS).sum())
        padded[name] = int((given != stripped).sum())
        if not is_table and not is_called(name, apn_names) and stripped.str.fullmatch(r"[+-]?\d+(\.\d+)?").all():
            numbers.append(name)
    said = []
    for what, counts in (("Null is spelt as text in", spelt), ("Blanks stand before or after the text in", padded)):
        named = [f"{name} ({count:,} rows)" for name, count in counts.items() if count]
        said += [f"{what}: {', '.join(named)}."] if named else []
    return said + ([f"Stored as text, though every value is a number: {', '.join(numbers)}."] if numbers else [])


def _repeated_keys(table: pd.DataFrame, city: City, likenesses: list[Likeness], apn_names: set[str]) -> list[str]:
    keys = set(apn_names)
    if likenesses:
        layer = city.schema.layers[likenesses[0].layer]
        keys = set().union(*(names_of(layer, key) for key in layer.key))
    said = []
    for name in table.columns:
        given = table[name].dropna()
        if not is_called(name, keys) or given.is_unique:
            continue
        repeated = given[given.duplicated(keep=False)]
        said.append(
            f"{name} looks like the key, but {repeated.nunique():,} values occur more than once ({len(repeated):,} rows), such as "
            f"{', '.join(str(value) for value in repeated.drop_duplicates().head(_EXAMPLES))}."
        )
    return said


# -- geometry -------------------------------------------------------------------------------------------------------------------


def _geometry_types(geometry: np.ndarray | None) -> dict[str, int]:
    if geometry is None:
        return {}
    names = np.array(
        ["Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"]
    )
    ids, counts = np.unique(shapely.get_type_id(geometry), return_counts=True)
    return {str(names[one]): int(count) for one, count in zip(ids, counts, strict=True) if one >= 0}


def _extent(geometry: np.ndarray | None) -> tuple[float, float, float, float] | None:
    if geometry is None or not len(geometry):
        return None
    bounds = shapely.total_bounds(geometry)
    return tuple(float(value) for value in bounds) if np.isfinite(bounds).all() else None


_READING = {
    "R01": "geometry cannot be made",
    "R02": "true curve drawn as chords",
    "R03": "coordinate not finite",
    "R04": "value lost",
    "R05": "record damaged",
    "R06": "record without a usable position",
    "R07": "position without a date",
}


def _problems(raw: Raw) -> list[GeometryProblem]:
    found = []
    for code, kind in _READING.items():
        rows = [problem for problem in raw.problems if problem.code == code]
        if rows:
            examples = tuple(f"#{raw.rows[one.row]}: {one.message}" for one in rows[:_EXAMPLES])
            found.append(GeometryProblem(kind, len(rows), examples))
    if raw.geometry is None:
        return found
    geometry = raw.geometry
    told = np.zeros(len(geometry), dtype=bool)
    told[[problem.row for problem in raw.problems if problem.code in ("R01", "R03", "R05", "R06")]] = True
    null = shapely.is_missing(geometry)
    empty = shapely.is_empty(geometry)
    invalid = ~null & ~shapely.is_valid(geometry)
    found += _counted("null", null & ~told, raw)
    found += _counted("empty", empty, raw)
    reasons = np.full(len(geometry), "", dtype=object)
    reasons[invalid] = shapely.is_valid_reason(geometry[invalid])
    found += _counted("invalid", invalid, raw, reasons)
    return found + _counted("duplicate", _duplicated(geometry, ~null & ~empty), raw)


def _counted(kind: str, rows: np.ndarray, raw: Raw, reasons: np.ndarray | None = None) -> list[GeometryProblem]:
    where = np.flatnonzero(rows)
    if not len(where):
        return []
    examples = (f"#{raw.rows[row]}" + (f": {reasons[row]}" if reasons is not None else "") for row in where[:_EXAMPLES])
    return [GeometryProblem(kind, len(where), tuple(examples))]


def _duplicated(geometry: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Whether a geometry occurred in an earlier row, wherever its rings begin and whichever way they run."""
    repeated = np.zeros(len(geometry), dtype=bool)
    # Only geometries whose bounds repeat can be the same; that spares normalising nearly all of a large layer.
    bounds = pd.DataFrame(shapely.bounds(geometry))
    suspects = np.flatnonzero(among & bounds.duplicated(keep=False).to_numpy())
    if len(suspects):
        blobs = shapely.to_wkb(shapely.normalize(shapely.force_2d(geometry[suspects])))
        repeated[suspects] = pd.Series(blobs).duplicated().to_numpy()
    return repeated


def _plain(value):
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
