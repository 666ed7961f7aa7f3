"""
Lengths that a drawn page states itself: the grid's ticks with their figures, and scale bars with theirs.

Found by what they look like, not by who drew them: a figure that stands at the end of a straight line, and a row of figures
that begins at 0 over the edges of a bar.
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.page_content import PageContent

POINTS_PER_INCH = 72

_GRID_FIGURE = re.compile(r"(?:([EN])\s*[=:]?\s*)?(\d{1,3}(?:,\d{3})+|\d{4,9})(?:\.0+)?\s*(?:ft|m)?\s*([EN])?")
_BAR_FIGURE = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)\s*(ft|feet|foot|'|us-ft|m|km|mi|miles|metres|meters)?", re.IGNORECASE)
_METRIC = re.compile(r"\b(m|km|met(re|er)s?|kilomet(re|er)s?|mi|miles?)\b", re.IGNORECASE)
_FEET = re.compile(r"\b(ft|feet|foot)\b", re.IGNORECASE)

_TICK_IN = 0.5
"""A line at a figure that is shorter is a tick: its far end stands on the map's edge. A longer one is the grid line itself."""

_MISFIT_IN = 0.005
"""A figure that stands this far from where the others put it is wrong."""


class Ticks(NamedTuple):
    """
    One axis of a grid as drawn.

    Parameters
    ----------
    axis : str
        E or N.
    feet_per_inch : float
    longest_in : float
        On paper, between the outermost figures.
    values_ft : array, n
        The figures that fit.
    points : array, n x 2
        Where they stand, page points.
    wrong : tuple of str
        Figures that do not fit the others.
    """

    axis: str
    feet_per_inch: float
    longest_in: float
    values_ft: np.ndarray
    points: np.ndarray
    wrong: tuple[str, ...]


class Bar(NamedTuple):
    """A scale bar as drawn: feet of ground in an inch, its length, the figure at its end, and figures that are off by how much."""

    feet_per_inch: float
    length_in: float
    end_ft: float
    off_in: float


def ticks(content: PageContent, labels: pd.DataFrame) -> tuple[Ticks, ...]:
    """
    The ticks of a page by axis; an axis with fewer than two different figures is left out.

    Parameters
    ----------
    content : PageContent
    labels : DataFrame
        As in `citygis.sheets.page_labels.PageLabels`.
    """
    matches = [(_GRID_FIGURE.fullmatch(string), i) for i, string in enumerate(labels["string"])]
    found = [(i, match[1] or match[3] or "", float(match[2].replace(",", ""))) for match, i in matches if match]
    if len(found) < 2:
        return ()
    figures = labels.iloc[[i for i, *_ in found]].reset_index(drop=True)
    axis, value = np.array([each[1] for each in found]), np.array([each[2] for each in found])
    # Without a letter a figure is told from a parcel's number by its size, State Plane's or UTM's, and its twin across the map.
    _, which, often = np.unique(value, return_inverse=True, return_counts=True)
    usable = (axis != "") | ((value >= 100_000) & (often[which] >= 2))
    figures, axis, value = figures[usable], axis[usable], value[usable]
    points, there = _stands(content, figures)
    figures, axis, value, points = figures[there], axis[there], value[there], points[there]
    axis = _axes(axis, value, points)
    strings = figures["string"].to_numpy()
    return tuple(
        measured
        for name in "EN"
        if (measured := _fitted(name, value[axis == name], points[axis == name], strings[axis == name])) is not None
    )


def bar(content: PageContent, labels: pd.DataFrame) -> Bar | None:
    """The longest scale bar of a page in feet, or None."""
    strings = labels["string"].tolist()
    matches = [_BAR_FIGURE.fullmatch(string) for string in strings]
    level = (labels["along_y"].abs() < 0.01).tolist()
    rows_of = list(zip(labels["layer"], labels["baseline"].round(1), labels["size_pt"].round(2), strict=True))
    values = {i: float(match[1].replace(",", "")) for i, match in enumerate(matches) if match and level[i]}
    begun = {rows_of[i] for i, value in values.items() if value == 0}
    keep = [i for i in values if rows_of[i] in begun]
    if not keep:
        return None
    rows = labels.iloc[keep].assign(
        value=[values[i] for i in keep],
        unit=[(matches[i][2] or "").lower() for i in keep],
        # A unit after the last figure is not part of what stands centred.
        share=[len(matches[i][1]) / len(strings[i]) for i in keep],
        base=[rows_of[i][1] for i in keep],
        size=[rows_of[i][2] for i in keep],
    )
    bars = []
    shared = ["layer", "base", "size"]
    for _, row in rows.groupby(shared, sort=True):
        row = row.sort_values("left", kind="stable")
        for begin in np.flatnonzero(row["value"] == 0):
            part = row.iloc[begin:]
            rising = np.append(True, np.diff(part["value"]) > 0)
            part = part.iloc[: len(part) if rising.all() else int(np.argmin(rising))]
            if len(part) >= 2 and (measured := _bar(content, labels, part)) is not None:
                bars.append(measured)
    return max(bars, key=lambda each: each.length_in, default=None)


def _stands(content: PageContent, figures: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Where on the page each figure's value holds: a point of the straight line whose end is nearest to the figure."""
    begins = content.begins
    starts = np.flatnonzero(begins)
    counts = np.diff(np.append(starts, len(begins)))
    two = starts[counts == 2]
    if not len(two):
        return np.zeros((len(figures), 2)), np.zeros(len(figures), dtype=bool)
    owner = np.searchsorted(content.paths["first"].to_numpy(), two, side="right") - 1
    layer = content.paths["layer"].to_numpy()[owner]
    ends = np.stack([content.points[two], content.points[two + 1]], axis=1)
    middles = (
        figures[["left", "baseline"]].to_numpy()
        + (figures[["along_x", "along_y"]].to_numpy() + figures[["up_x", "up_y"]].to_numpy()) / 2
    )
    points, there = np.zeros((len(figures), 2)), np.zeros(len(figures), dtype=bool)
    along = np.hypot(figures["along_x"], figures["along_y"]).to_numpy()
    size = figures["size_pt"].to_numpy(dtype=float)
    # A figure written along the line is half its length from the line's end.
    reach = np.maximum(2.5 * size, along / 2 + 1.5 * size)
    for name in figures["layer"].unique():
        of = np.flatnonzero(figures["layer"] == name)
        near = ends[layer == name] if (layer == name).any() else ends
        figure, end = shapely.STRtree(shapely.points(near.reshape(-1, 2))).query_nearest(
            shapely.points(middles[of]), all_matches=False
        )
        at, line, end = of[figure], end // 2, end % 2
        away = np.hypot(*(near[line, end] - middles[at]).T)
        short = np.hypot(*(near[line, 1] - near[line, 0]).T) <= _TICK_IN * POINTS_PER_INCH
        points[at] = near[line, np.where(short, 1 - end, end)]
        there[at] = away <= reach[at]
    return points, there


def _axes(axis: np.ndarray, value: np.ndarray, points: np.ndarray) -> np.ndarray:
    """E or N of each figure; one without a letter by its twin across the map: above it for an easting, beside it for a northing."""
    axis = axis.copy()
    for one in np.unique(value[axis == ""]):
        same = np.flatnonzero((value == one) & (axis == ""))
        if len(same) >= 2:
            wide, high = np.ptp(points[same], axis=0)
            axis[same] = "E" if high > wide else "N"
    return axis


def _fitted(name: str, value: np.ndarray, points: np.ndarray, strings: np.ndarray) -> Ticks | None:
    """The plane through figures, without those that do not fit it."""
    keep = np.ones(len(value), dtype=bool)
    while True:
        if len(np.unique(value[keep])) < 2:
            return None
        gradient, off = _plane(value[keep], points[keep])
        slope = float(np.hypot(*gradient))
        if slope == 0:
            return None
        if np.abs(off).max() <= _MISFIT_IN * POINTS_PER_INCH * slope or keep.sum() < 4:
            break
        # What the others fit best without is wrong: one figure, or one value wherever it is written.
        less = [keep & (np.arange(len(value)) != i) for i in np.flatnonzero(keep)]
        less += [keep & (value != one) for one in np.unique(value[keep])]
        less = [others for others in less if len(np.unique(value[others])) >= 2]
        if not less:
            break
        keep = min(less, key=lambda others: round(float(np.abs(_plane(value[others], points[others])[1]).max()), 6))
    longest = float(np.ptp(value[keep])) / slope / POINTS_PER_INCH
    wrong = tuple(strings[~keep])
    if np.abs(off).max() > _MISFIT_IN * POINTS_PER_INCH * slope:
        wrong = tuple(strings)
    return Ticks(name, slope * POINTS_PER_INCH, longest, value[keep], points[keep], wrong)


def _plane(value: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Feet in a point of paper, in both ways, and what each value is off."""
    around, level = points - points.mean(axis=0), value - value.mean()
    gradient = np.linalg.lstsq(around, level, rcond=1e-9)[0]
    return gradient, level - around @ gradient


def _bar(content: PageContent, labels: pd.DataFrame, row: pd.DataFrame) -> Bar | None:
    size = float(row["size_pt"].iat[0])
    base = float(row["baseline"].iat[0])
    middles = (row["left"] + row["along_x"] * row["share"] / 2).to_numpy()
    band = 6 * size
    around = labels[
        (labels["baseline"] - base).abs().le(band) & labels["left"].between(middles[0] - 4 * band, middles[-1] + 4 * band)
    ]
    said = " ".join(around["string"])
    if any(unit in ("m", "km", "mi", "miles", "metres", "meters") for unit in row["unit"]) or (
        _METRIC.search(said) and not _FEET.search(said)
    ):
        return None
    points = content.points
    near = points[
        (np.abs(points[:, 1] - base) <= band) & (points[:, 0] >= middles[0] - size) & (points[:, 0] <= middles[-1] + size)
    ]
    if not len(near):
        return None
    edges = near[np.abs(near[:, 0][:, None] - middles[None, :]).argmin(axis=0), 0]
    if np.abs(edges - middles)[[0, -1]].max() > size:
        return None
    values = row["value"].to_numpy()
    length = float(edges[-1] - edges[0])
    if length <= 0:
        return None
    off = np.abs((edges - edges[0]) - values / values[-1] * length).max() / POINTS_PER_INCH
    return Bar(float(values[-1]) / length * POINTS_PER_INCH, length / POINTS_PER_INCH, float(values[-1]), float(off))
