"""
Which frame the captures really fit: the vectors between monuments found and their records, under one frame after another.

A wrong frame moves every mark by the same vector; a disturbed monument or a blunder moves one. Everything here is a median, so that
a few bad marks decide nothing.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import BeforeValidator, model_validator

from citygis.errors import CRSError
from citygis.geodesy import Frame, parse_frame
from citygis.settings import Settings, check, read_toml

SIGNIFICANT = 4.0
"""A shared vector counts as real above this many standard errors: noise in a plane does so with chance exp(-4**2 / 2), 0.0003."""

SCATTER_SHARE = 0.75
"""The marks share a vector only where their median distance from it is below this part of its length."""

CLEARLY = 2.0
"""Another frame explains the vector only where the median distance becomes smaller by this factor at least."""

REALIZATION_FT = 0.1
"""What a right frame may still be off: networks differ from the published frame, and from each other, by a few centimetres."""

RESOLUTION_FT = 0.01
"""No scatter is taken to be smaller than that of coordinates given to the hundredth of a foot."""

IDENTIFIED_ENOUGH = 3
"""With so many marks known by name, those matched by nearness alone are left out of the judgment."""

RAYLEIGH_MEDIAN = 1.17741
"""The median length of a vector in the plane whose components have standard deviation 1: the square root of 2 ln 2."""

MEDIAN_ERROR = 1.2533
"""The standard error of a median of normal values, over that of their mean: the square root of pi / 2."""

Place = Callable[[Frame], tuple[np.ndarray, np.ndarray]]
Verdict = Literal["agrees", "other_frame", "common_shift", "scattered", "unchecked"]


class Hypothesis(NamedTuple):
    """A frame to try: what is held to be in it (``frame_hypotheses.toml``), the frame, that of a shift, and how it comes about."""

    kind: Literal["captures", "shifted_twice", "records"]
    frame: Frame
    shifted_from: Frame | None = None
    because: str = ""


class FrameFit(NamedTuple):
    """
    What monuments say of the frame that was stated.

    ``verdict``: "agrees" (the median mark lies within the tolerance), "other_frame" (the marks share a vector that a frame of
    ``best`` explains), "common_shift" (they share one that nothing tried explains), "scattered" (they are off, each its own way, or
    there is only one), "unchecked" (there is none). ``used`` marks the rows of the check that were judged. ``stated_ft`` is the
    median distance as stated, ``shift_e_ft`` and ``shift_n_ft`` the vector that all share (found minus record, component medians),
    ``scatter_ft`` the median distance from it. ``best`` names what explains it, several where they cannot be told apart, with
    ``best_ft``. ``fits`` is a DataFrame of all that was tried, best first: ``hypothesis``, ``because``, ``median_ft``,
    ``shift_e_ft``, ``shift_n_ft``, ``shift_ft``, ``remark``. ``message`` is the result in words.
    """

    verdict: Verdict
    stated: str
    tolerance_ft: float
    used: np.ndarray
    stated_ft: float
    shift_e_ft: float
    shift_n_ft: float
    scatter_ft: float
    best: tuple[str, ...]
    best_ft: float
    fits: pd.DataFrame
    message: str


@cache
def packaged_hypotheses() -> tuple[Hypothesis, ...]:
    """
    The frames that are worth trying in California, from ``frame_hypotheses.toml``.

    Raises
    ------
    SettingsError
        If the file says something it must not.
    """
    with resources.as_file(resources.files("citygis.captures") / "frame_hypotheses.toml") as path:
        made = check(read_toml(path), _Hypotheses, str(path)).hypothesis
    return tuple(Hypothesis(each.kind, each.frame, each.shifted_from, each.because) for each in made)


def frame_fit(
    check: gpd.GeoDataFrame,
    place: Place,
    *,
    stated: Frame,
    city_frame: Frame,
    tolerance_ft: float,
    hypotheses: Sequence[Hypothesis] | None = None,
) -> FrameFit:
    """
    The frame that was stated, and others, held against the monuments found.

    Parameters
    ----------
    check : GeoDataFrame, n points
        As `citygis.captures.monuments.monument_check` gives it, of captures placed in the frame that was stated.
    place : callable
        ``place(frame)`` gives easting and northing, two arrays of n in feet of the City's system, of the same marks in the same
        order, taken to be in another frame. Where it raises CRSError that frame is listed as not tried.
    stated, city_frame : Frame
        What the captures were said to be in, and what the records are held to be in.
    tolerance_ft : float
        Of the purpose.
    hypotheses : sequence of Hypothesis, optional
        What else to try; `packaged_hypotheses` where not given.

    Returns
    -------
    FrameFit
    """
    hit = check["verdict"].isin(["within", "beyond"]).to_numpy()
    known = hit & (check["matched_by"] == "identifier").to_numpy()
    used = known if known.sum() >= IDENTIFIED_ENOUGH else hit
    vectors = check[["de_ft", "dn_ft"]].to_numpy(dtype=float)
    n = int(used.sum())
    if n == 0:
        return _unchecked(str(stated), tolerance_ft, used)

    found = np.column_stack([shapely.get_x(check.geometry.array), shapely.get_y(check.geometry.array)])
    now = _measured(vectors[used])
    tried = [
        _tried(each, found, vectors, used, _placing(place), stated, city_frame)
        for each in (packaged_hypotheses() if hypotheses is None else hypotheses)
    ]
    fits = pd.DataFrame([fit for fit in tried if fit is not None], columns=list(_FIT_COLUMNS))
    fits = fits.sort_values(["median_ft", "shift_ft"], kind="stable", na_position="last", ignore_index=True)

    error = _standard_error(now.scatter_ft, n)
    shared = n > 1 and now.shift_ft > max(tolerance_ft, SIGNIFICANT * error) and now.scatter_ft <= SCATTER_SHARE * now.shift_ft
    best, best_ft = _explained_by(fits, now, n, error, tolerance_ft)
    if now.median_ft <= tolerance_ft:
        verdict = "agrees"
    elif best and (shared or n == 1):
        verdict = "other_frame"
    else:
        verdict = "common_shift" if shared else "scattered"
    message = _message(verdict, str(stated), now, n, best, best_ft, tolerance_ft)
    shift_e, shift_n = now.shift
    return FrameFit(
        verdict, str(stated), tolerance_ft, used, now.median_ft, shift_e, shift_n, now.scatter_ft, best, best_ft, fits, message
    )


class _Hypothesis(Settings):
    kind: Literal["captures", "shifted_twice", "records"]
    frame: Annotated[Frame, BeforeValidator(parse_frame)]
    shifted_from: Annotated[Frame, BeforeValidator(parse_frame)] | None = None
    because: str

    @model_validator(mode="after")
    def _complete(self) -> "_Hypothesis":
        if (self.kind == "shifted_twice") != (self.shifted_from is not None):
            raise ValueError("`shifted_from` goes with kind 'shifted_twice', and only with it.")
        return self


class _Hypotheses(Settings):
    hypothesis: tuple[_Hypothesis, ...]


_FIT_COLUMNS = ("hypothesis", "because", "median_ft", "shift_e_ft", "shift_n_ft", "shift_ft", "remark")


class _Measured(NamedTuple):
    median_ft: float
    shift: tuple[float, float]
    shift_ft: float
    scatter_ft: float


def _measured(vectors: np.ndarray) -> _Measured:
    shift = np.median(vectors, axis=0)
    scatter = float(np.median(np.hypot(*(vectors - shift).T)))
    return _Measured(float(np.median(np.hypot(*vectors.T))), (float(shift[0]), float(shift[1])), float(np.hypot(*shift)), scatter)


def _standard_error(scatter_ft: float, n: int) -> float:
    """Of either component of the shared vector; with one mark it is not known, and taken to be that of the coordinates."""
    if n < 2:
        return RESOLUTION_FT
    sigma = scatter_ft / RAYLEIGH_MEDIAN * np.sqrt(n / (n - 1))
    return MEDIAN_ERROR * max(sigma, RESOLUTION_FT) / np.sqrt(n)


def _placing(place: Place) -> Callable[[Frame], np.ndarray]:
    return lambda frame: np.column_stack([np.asarray(each, dtype=float) for each in place(frame)])


def _tried(
    hypothesis: Hypothesis,
    found: np.ndarray,
    vectors: np.ndarray,
    used: np.ndarray,
    placed: Callable[[Frame], np.ndarray],
    stated: Frame,
    city_frame: Frame,
) -> tuple | None:
    """One row of the fits; None where the hypothesis is what was stated."""
    frame, shifted_from = hypothesis.frame, hypothesis.shifted_from
    same = {"captures": stated, "records": city_frame}.get(hypothesis.kind)
    if same is not None and str(frame) == str(same):
        return None
    name = {
        "captures": f"as {frame}",
        "shifted_twice": f"as {frame} shifted from {shifted_from} once too often",
        "records": f"as stated, with the monuments' records in {frame} instead of {city_frame}",
    }[hypothesis.kind]
    try:
        if hypothesis.kind == "captures":
            moved = placed(frame) - found
        elif hypothesis.kind == "shifted_twice":
            moved = placed(frame) - (placed(shifted_from) - placed(frame)) - found
        else:
            moved = placed(city_frame) - placed(frame)
    except CRSError as error:
        return (name, hypothesis.because, np.nan, np.nan, np.nan, np.nan, f"not tried: {error}")
    now = _measured((vectors + moved)[used])
    return (name, hypothesis.because, now.median_ft, *now.shift, now.shift_ft, None)


def _explained_by(fits: pd.DataFrame, now: _Measured, n: int, error: float, tolerance_ft: float) -> tuple[tuple[str, ...], float]:
    """What explains the shared vector clearly: the best fit, with all that cannot be told from it. Nothing where none does."""
    tried = fits[fits["median_ft"].notna()]
    if not len(tried):
        return (), np.nan
    best = tried.iloc[0]
    left = max(SIGNIFICANT * error, REALIZATION_FT) if n > 1 else min(tolerance_ft, REALIZATION_FT)
    gained = now.shift_ft - best["shift_ft"]
    if best["shift_ft"] > left or best["median_ft"] * CLEARLY > now.median_ft or gained <= SIGNIFICANT * error:
        return (), np.nan
    apart = np.hypot(tried["shift_e_ft"] - best["shift_e_ft"], tried["shift_n_ft"] - best["shift_n_ft"])
    same = apart <= max(SIGNIFICANT * error / 2, 2 * RESOLUTION_FT)
    return tuple(tried["hypothesis"][same]), float(best["median_ft"])


def _message(verdict: str, stated: str, now: _Measured, n: int, best: tuple[str, ...], best_ft: float, tolerance_ft: float) -> str:
    marks = "the one monument found" if n == 1 else f"{n:,} monuments"
    few = {
        1: " It is one monument only: one that was disturbed, or mistaken for another, would look the same.",
        2: " They are two monuments only, which is weak evidence.",
    }.get(n, "")
    size = f"{now.shift_ft:.2f} ft toward grid azimuth {np.degrees(np.arctan2(*now.shift)) % 360:.0f} degrees"
    if verdict == "agrees":
        said = f"the captures agree with {marks} to {now.median_ft:.2f} ft as stated ({stated})"
        if best:
            said += f"; to {best_ft:.2f} ft {' or '.join(best)}"
        return f"{said}.{few}"
    if verdict == "other_frame":
        return (
            f"the captures agree with {marks} to {best_ft:.2f} ft {' or '.join(best)}, and to {now.median_ft:.2f} ft as stated"
            f" ({stated}): the stated frame is wrong, or the corrections were in another. Ask the network's operator.{few}"
        )
    if verdict == "common_shift":
        return (
            f"the captures lie {size} from {marks}, all alike (scatter {now.scatter_ft:.2f} ft), as stated ({stated}), and no frame"
            " that was tried explains it: a base on a wrong position, records of another epoch, or a frame not thought of."
            f"{few}"
        )
    if n == 1:
        return (
            f"the captures lie {size} from {marks} as stated ({stated}), beyond {tolerance_ft:g} ft. One monument cannot tell a"
            " wrong frame from a disturbed mark: occupy a second."
        )
    return (
        f"the captures lie {now.median_ft:.2f} ft from {marks} in the median as stated ({stated}), beyond {tolerance_ft:g} ft, each"
        " its own way: that is not what a wrong frame looks like. Look at the marks one by one."
    )


def _unchecked(stated: str, tolerance_ft: float, used: np.ndarray) -> FrameFit:
    message = f"no monument of record is among the captures, so nothing checks the frame that was stated ({stated})."
    nothing = pd.DataFrame(columns=list(_FIT_COLUMNS))
    return FrameFit("unchecked", stated, tolerance_ft, used, np.nan, np.nan, np.nan, np.nan, (), np.nan, nothing, message)
