"""
What a capture must be worth for a purpose, and which captures are not.

Every capture that is kept out keeps its row and gets the first of these reasons that holds:

====  ==================  ===========================================================================
E01   fix_type            solved in a way that cannot reach the purpose's tolerance
E02   hdop                horizontal dilution of precision too large
E03   pdop                dilution of precision too large
E04   correction_age      corrections too old
E05   satellites          too few satellites
E06   stated_accuracy     the receiver itself states a larger error
E07   quality_not_stated  the file does not say what the purpose must know
E08   no_date             no time, and the way into the City's frame needs one
====  ==================  ===========================================================================

E09, E10, E15 and E16 are said by `citygis.captures.occupations`, E12 to E14 by `citygis.captures.tracks`, E11 by
`citygis.captures.placement`. The limits are data: ``purposes.toml``.
"""

from functools import cache
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from citygis.city import City
from citygis.readers.captures import DTYPES, FIX_TYPES
from citygis.settings import Settings, check, read_toml
from citygis.units import US_SURVEY_FOOT

PURPOSES = ("parcel", "asset", "sketch")
"""What captures are taken for, the strictest first."""

CODE_SOLUTIONS = ("DGPS", "SINGLE", "NONE")
"""Fix types without carrier phase: good to metres, SBAS included (GPS SPS and WAAS Performance Standards). None of them is RTK."""

SOLVED_TO_FT = 1.0
"""No code solution reaches this; a purpose that asks for it or better cannot take one."""

QUALITY = ("fix_type", "satellites", "hdop", "vdop", "pdop", "correction_age_s", "h_rms_m", "v_rms_m")
"""The columns in which a file says how good a capture is."""


class TrackGate(Settings):
    """
    Limits for tracks.

    The speed beyond which an epoch is a spike, the distance that noise alone makes between two epochs, the silence that ends a
    line, how far simplification may move it, and how near the ends of a closed one must come.
    """

    max_speed_ft_s: float = Field(gt=0)
    noise_ft: float = Field(ge=0)
    max_gap_s: float = Field(gt=0)
    simplify_ft: float = Field(ge=0)
    closing_ft: float = Field(ge=0)


class Gate(Settings):
    """
    What one purpose asks of a capture; lengths in US survey feet, a limit that is left out does not hold.

    ``require`` names captures columns that must be given. The ``occupation``, ``mark``, ``outlier``, ``stop`` and
    ``two_occupation`` keys are used by `citygis.captures.occupations` and `citygis.captures.marks`, ``track`` by
    `citygis.captures.tracks`; ``purposes.toml`` says what each is and why.
    """

    purpose: str
    tolerance_ft: float = Field(gt=0)
    fix_types: tuple[str, ...]
    max_h_rms_ft: float | None = Field(default=None, gt=0)
    max_hdop: float | None = Field(default=None, gt=0)
    max_pdop: float | None = Field(default=None, gt=0)
    max_correction_age_s: float | None = Field(default=None, gt=0)
    min_satellites: int | None = Field(default=None, ge=0)
    require: tuple[str, ...] = ()
    min_occupations: int = Field(ge=1)
    min_occupation_s: float = Field(ge=0)
    min_epochs: int = Field(ge=1)
    occupation_gap_s: float = Field(gt=0)
    mark_radius_ft: float = Field(ge=0)
    correlation_s: float = Field(ge=0)
    outlier_floor_ft: float = Field(ge=0)
    outlier_floor_h_ft: float = Field(ge=0)
    stop_speed_ft_s: float = Field(gt=0)
    stop_radius_ft: float = Field(gt=0)
    stop_min_s: float = Field(ge=0)
    two_occupation_max_ft: float = Field(gt=0)
    two_occupation_max_h_ft: float = Field(gt=0)
    two_occupation_apart_s: float = Field(ge=0)
    track: TrackGate

    @field_validator("fix_types")
    @classmethod
    def _fix_types(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in FIX_TYPES]
        if unknown:
            raise ValueError(f"no such fix type: {', '.join(unknown)}. There are: {', '.join(FIX_TYPES)}.")
        return value

    @field_validator("require")
    @classmethod
    def _columns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in DTYPES]
        if unknown:
            raise ValueError(f"no such captures column: {', '.join(unknown)}. There are: {', '.join(DTYPES)}.")
        return value

    @model_validator(mode="after")
    def _within_reach(self) -> "Gate":
        too_rough = [name for name in self.fix_types if name in CODE_SOLUTIONS]
        if too_rough and self.tolerance_ft <= SOLVED_TO_FT:
            raise ValueError(
                f"{', '.join(too_rough)} cannot reach {self.tolerance_ft:g} ft: a code solution, SBAS included, is good to metres. "
                "Take it out of `fix_types`, or send such captures in as a sketch."
            )
        return self


class Purposes(Settings):
    """The gates of all purposes, as ``purposes.toml`` gives them."""

    parcel: Gate
    asset: Gate
    sketch: Gate


def gates(city: City | None = None) -> dict[str, Gate]:
    """
    The gate of each purpose.

    Parameters
    ----------
    city : City, optional
        Its folder's ``purposes.toml``, where there is one, overrides single keys of the packaged gates.

    Returns
    -------
    dict of purpose to Gate
        `PURPOSES`.

    Raises
    ------
    SettingsError
        If the City's file has an unknown purpose or key, or a value that cannot be.
    """
    tables = _packaged()
    where = "purposes.toml"
    if city is not None and city.folder is not None and (path := Path(city.folder) / "purposes.toml").is_file():
        tables, where = _over(tables, read_toml(path)), str(path)
    named = {name: {"purpose": name, **table} if isinstance(table, dict) else table for name, table in tables.items()}
    purposes = check(named, Purposes, where)
    return {name: getattr(purposes, name) for name in PURPOSES}


def quality_is_stated(captures: pd.DataFrame) -> bool:
    """Whether a file says anything at all of the quality of its captures, in any of `QUALITY`."""
    return any(name in captures and bool(captures[name].notna().any()) for name in QUALITY)


def is_office_product(captures: gpd.GeoDataFrame) -> bool:
    """
    Whether a file is a list of finished survey points, whose quality was judged before they were written.

    All rows are survey points, none says anything a receiver would say (quality, heights of its own, time), and the coordinates are
    not longitudes and latitudes. The caller must tell the user that no quality was checked.
    """
    receiver = (*QUALITY, "ellipsoid_height_m", "msl_height_m", "time")
    silent = not any(name in captures and captures[name].notna().any() for name in receiver)
    in_degrees = captures.crs is not None and captures.crs.is_geographic
    return bool(len(captures)) and silent and not in_degrees and bool((captures["capture"] == "point").all())


def rejections(captures: gpd.GeoDataFrame, gate: Gate, *, needs_date: bool = False) -> pd.DataFrame:
    """
    Which captures do not pass a gate, and why.

    Parameters
    ----------
    captures : GeoDataFrame, n rows
        As `citygis.readers.captures.captures_frame` makes it, in any CRS. Not modified.
    gate : Gate
    needs_date : bool
        Whether the way into the City's frame needs the day of each capture.

    Returns
    -------
    DataFrame, n rows, index of `captures`
        Text columns ``reject_code``, ``reject_reason``, ``reject_message``; null where a capture passes. The first failing gate
        of the module's table wins. What a file does not state passes unless the gate requires it; nothing is required of an office
        product (`is_office_product`).
    """
    code = np.full(len(captures), None, dtype=object)
    reason, message = code.copy(), code.copy()

    def fail(failed: np.ndarray, number: str, slug: str, values: np.ndarray, text: str) -> None:
        failed = failed & pd.isna(code)
        code[failed], reason[failed] = number, slug
        # A message for each value, not for each row: a day has a million epochs and a dozen of each figure.
        kinds, which = np.unique(values[failed], return_inverse=True)
        message[failed] = np.array([text.format(kind) for kind in kinds], dtype=object)[which]

    fix = captures["fix_type"].to_numpy(dtype=object)
    stated = ~pd.isna(fix)
    wrong = stated & ~np.isin(np.where(stated, fix, "").astype(str), gate.fix_types)
    allowed = ", ".join(gate.fix_types)
    fail(wrong, "E01", "fix_type", np.where(stated, fix, ""), f"The fix is {{}}; {gate.purpose} takes only {allowed}.")
    limits = (
        ("E02", "hdop", _numbers(captures["hdop"]), gate.max_hdop, "HDOP is {:.4g}"),
        ("E03", "pdop", _numbers(captures["pdop"]), gate.max_pdop, "PDOP is {:.4g}"),
        ("E04", "correction_age", _numbers(captures["correction_age_s"]), gate.max_correction_age_s, "Corrections: {:.4g} s old"),
        ("E05", "satellites", -_numbers(captures["satellites"]), _minus(gate.min_satellites), "Satellites: {:.0f}"),
        ("E06", "stated_accuracy", _stated_ft(captures), gate.max_h_rms_ft, "The receiver states {:.3g} ft"),
    )
    for number, slug, values, limit, text in limits:
        if limit is not None:
            with np.errstate(invalid="ignore"):
                failed = values > limit
            side = "at least" if number == "E05" else "at most"
            fail(failed, number, slug, np.abs(values), f"{text}; {gate.purpose} takes {side} {abs(limit):g}.")
    if not is_office_product(captures):
        for name in gate.require:
            missing = captures[name].isna().to_numpy()
            fail(missing, "E07", "quality_not_stated", np.full(len(captures), name), f"No {{}} is stated; {gate.purpose} needs it.")
    if needs_date:
        undated = captures["time"].isna().to_numpy()
        fail(
            undated, "E08", "no_date", np.full(len(captures), "time"), "No {} with its day: the ground moves, the frame needs one."
        )
    columns = {"reject_code": code, "reject_reason": reason, "reject_message": message}
    return pd.DataFrame({name: pd.Series(values, index=captures.index, dtype="str") for name, values in columns.items()})


@cache
def _packaged() -> dict:
    with resources.as_file(resources.files("citygis.captures") / "purposes.toml") as path:
        return read_toml(path)


def _over(tables: dict, own: dict) -> dict:
    """Tables with single keys replaced, table by table."""
    merged = dict(tables)
    for name, value in own.items():
        merged[name] = _over(merged[name], value) if isinstance(value, dict) and isinstance(merged.get(name), dict) else value
    return merged


def _numbers(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _minus(limit: float | None) -> float | None:
    return None if limit is None else -limit


def _stated_ft(captures: pd.DataFrame) -> np.ndarray:
    return _numbers(captures["h_rms_m"]) / float(US_SURVEY_FOOT)
