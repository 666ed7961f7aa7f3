"""
Pictures of findings, drawn from the data as SVG: the defect, the features it concerns, their neighbours, and a scale bar.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.quality.subject import Subject
from citygis.units import US_SURVEY_FOOT, unit_of

WIDTH, HEIGHT = 360, 270
"""Size of a picture, in its own units (about screen pixels)."""

LARGEST_SCENE = 400
"""Neighbours drawn in one picture, the nearest first."""

LABELS = 6
"""Names written in one picture."""
LABEL_LINE, LABEL_EM = 16.0, 7.6
"""Line to line, and the usual width of a letter, of the names in a picture (13 px, semi-bold)."""

OVERVIEW_OUTLINES = 5_000
"""Above this many features the overview shades the ground they lie on, and does not outline each."""

_THIN = 1 / 150
"""A defect narrower than this share of the picture gets a second one, close up."""
_SMALL = 1 / 40
"""A defect smaller than this share of the picture is marked by a ring around it."""


class Window(NamedTuple):
    """The ground that a picture shows, in the units of the layer."""

    easting: float
    northing: float
    width: float
    height: float

    @property
    def box(self) -> shapely.Polygon:
        """The window as a polygon."""
        e, n, w, h = self.easting, self.northing, self.width / 2, self.height / 2
        return shapely.box(e - w, n - h, e + w, n + h)


class Scenery:
    """
    The layers that pictures are drawn from, indexed once.

    Parameters
    ----------
    subjects : list of Subject
        What has no place is left out.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        drawable = [~shapely.is_missing(each.place) for each in subjects]
        names = [np.full(len(each.frame), each.name, dtype=object) for each in subjects]
        self.shapes = _joined([each.place[there] for each, there in zip(subjects, drawable, strict=True)])
        self.layer = _joined([name[there] for name, there in zip(names, drawable, strict=True)])
        self.called = _joined([each.feature[there] for each, there in zip(subjects, drawable, strict=True)])
        self.tree = shapely.STRtree(self.shapes)
        crs = next((each.crs for each in subjects if each.crs is not None), None)
        self.feet = float(unit_of(crs)) / float(US_SURVEY_FOOT) if crs is not None else 1.0


def finding_picture(row: pd.Series, scenery: Scenery) -> str:
    """
    One finding as SVG; empty where it has no place.

    Parameters
    ----------
    row : Series
        A row of a findings frame.
    scenery : Scenery
        In the same CRS.
    """
    place = row["geometry"]
    if not isinstance(place, shapely.Geometry) or place.is_empty:
        return ""
    feature, other = (None if pd.isna(row[name]) else row[name] for name in ("feature", "other"))
    whole = _window(place, scenery, row["layer"], feature)
    near = _near(whole, scenery)
    picture = _scene(row, whole, near, scenery, feature, other)
    widest = _widest(place) or _measured(row, scenery.feet)
    if widest is not None and widest[1] < _THIN * whole.width:
        centre, width = widest
        close = Window(centre.x, centre.y, width * 16, width * 16 * HEIGHT / WIDTH)
        picture += _scene(row, close, _near(close, scenery), scenery, feature, other, close_up=True)
    return picture


def overview(findings: gpd.GeoDataFrame, scenery: Scenery) -> str:
    """All findings on a map of the layers, as SVG; empty where nothing has a place."""
    placed = findings[~(findings.geometry.isna() | findings.geometry.is_empty)]
    if not len(placed) or not len(scenery.shapes):
        return ""
    low_e, low_n, high_e, high_n = middle_bounds(scenery.shapes)
    width, height = 960, 540
    scale = max((high_e - low_e) / width, (high_n - low_n) / height, 1e-9) * 1.08
    window = Window((low_e + high_e) / 2, (low_n + high_n) / 2, scale * width, scale * height)
    if len(scenery.shapes) <= OVERVIEW_OUTLINES:
        outlines = shapely.simplify(scenery.shapes, scale / 2)
        names = sorted(set(scenery.layer), key=lambda name: (-shapely.area(outlines[scenery.layer == name]).mean(), name))
        paths = [_path(outlines[scenery.layer == name], window, width, height) for name in names]  # the small ones on top
        ground = "".join(f'<path class="ground" d="{path}"/>' for path in paths)
    else:
        ground = _shaded(scenery.shapes, window, width, height)
    dots = _dots(placed, window, width, height)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Map of {len(placed)} findings">'
        f'<rect class="paper" width="{width}" height="{height}"/>{ground}{dots}'
        f"{_scale_bar(window, width, height, scenery.feet)}{_north(width)}</svg>"
    )


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=object)


def _window(place: shapely.Geometry, scenery: Scenery, layer: str, feature: str | None) -> Window:
    """Around the defect, with room; a point shows the feature that it lies on, as far as that is near."""
    low_e, low_n, high_e, high_n = place.bounds
    size = max(high_e - low_e, high_n - low_n)
    if size == 0 and feature is not None:
        size = max((max(b[2] - b[0], b[3] - b[1]) for b in _bounds_of(scenery, layer, feature, place)), default=0)
    size = max(size * 1.7, 60 / scenery.feet)
    return Window((low_e + high_e) / 2, (low_n + high_n) / 2, size * WIDTH / HEIGHT, size)


def _bounds_of(scenery: Scenery, layer: str, feature: str, place: shapely.Geometry) -> np.ndarray:
    at = scenery.tree.query(place.buffer(1))
    return shapely.bounds(scenery.shapes[[i for i in at if scenery.layer[i] == layer and scenery.called[i] == feature]])


def _near(window: Window, scenery: Scenery) -> np.ndarray:
    at = scenery.tree.query(window.box)
    if len(at) > LARGEST_SCENE:
        middle = shapely.Point(window.easting, window.northing)
        at = at[np.argsort(shapely.distance(scenery.shapes[at], middle), kind="stable")[:LARGEST_SCENE]]
    return np.sort(at)


def _scene(
    row: pd.Series,
    window: Window,
    near: np.ndarray,
    scenery: Scenery,
    feature: str | None,
    other: str | None,
    *,
    close_up: bool = False,
) -> str:
    drawn = []
    own = scenery.layer[near] == row["layer"]
    one, two = own & (scenery.called[near] == feature), own & (scenery.called[near] == other)
    if not two.any():
        two = ~own & (scenery.called[near] == other)
    kinds = {"neighbour": own & ~one & ~two, "behind": ~own & ~two, "other": two & ~one, "feature": one}
    for kind, chosen in kinds.items():
        if chosen.any():
            drawn.append(f'<path class="{kind}" d="{_path(_clipped(scenery.shapes[near[chosen]], window), window)}"/>')
    drawn.append(_defect(row, window))
    if not close_up:
        named = one | two
        if row["code"] == "T02":  # whose lines stand apart is what a person wants to know, not which tract it is
            named = kinds["behind"] & (shapely.distance(scenery.shapes[near], row["geometry"]) < 0.1)
        drawn += _labels(scenery.shapes[near[named][:LABELS]], scenery.called[near[named][:LABELS]], window)
    said = f"{row['code']}, {'close up: ' if close_up else ''}{row['message']}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said, quote=True)}">'
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>{"".join(drawn)}'
        f"{_scale_bar(window, WIDTH, HEIGHT, scenery.feet)}"
        + ('<text class="close" x="10" y="20">close up</text>' if close_up else _north(WIDTH))
        + "</svg>"
    )


def _defect(row: pd.Series, window: Window) -> str:
    place, severity = row["geometry"], escape(str(row["severity"]), quote=True)
    low_e, low_n, high_e, high_n = place.bounds
    small = max(high_e - low_e, high_n - low_n) < _SMALL * window.width
    if shapely.get_dimensions(place) == 0 or small:
        marked = [[(low_e + high_e) / 2, (low_n + high_n) / 2]] if small else shapely.get_coordinates(place)[:50]
        dots = _to_paper(np.array(marked), window, WIDTH, HEIGHT)
        return "".join(f'<circle class="defect {severity}" cx="{e:.1f}" cy="{n:.1f}" r="8"/>' for e, n in dots)
    filled = " filled" if row["code"][0] == "T" else ""
    return f'<path class="defect {severity}{filled}" d="{_path(_clipped(np.array([place], dtype=object), window), window)}"/>'


def _clipped(shapes: np.ndarray, window: Window) -> np.ndarray:
    """What lies in the window, with a margin so that the cut is not seen. A broken ring is drawn as it runs, uncut."""
    margin = window.width / 4
    low_e, low_n, high_e, high_n = window.box.bounds
    clipped = shapes.copy()
    cut = shapely.is_valid(shapes) & (shapely.get_num_coordinates(shapes) > 40)
    clipped[cut] = shapely.clip_by_rect(shapes[cut], low_e - margin, low_n - margin, high_e + margin, high_n + margin)
    return clipped


def _widest(place: shapely.Geometry) -> tuple[shapely.Point, float] | None:
    """A point inside the largest part of a polygon and about how wide it is there (twice its area over its perimeter)."""
    parts = [part for part in shapely.get_parts(place) if part.geom_type == "Polygon" and part.area > 0]
    if not parts:
        return None
    part = max(parts, key=lambda each: each.area)
    return part.point_on_surface(), 2 * part.area / part.length


def _measured(row: pd.Series, feet: float) -> tuple[shapely.Point, float] | None:
    """The middle of a defect that is no larger than a few times what it measures in feet, and that measure in the layer's unit."""
    if row["unit"] != "ft" or not row["measure"] > 0:
        return None
    low_e, low_n, high_e, high_n = row["geometry"].bounds
    width = row["measure"] / feet
    local = max(high_e - low_e, high_n - low_n) <= 8 * width
    return (shapely.Point((low_e + high_e) / 2, (low_n + high_n) / 2), width) if local else None


def middle_bounds(shapes: np.ndarray) -> tuple[float, float, float, float]:
    """The bounds that hold nearly all features: one that strayed must not shrink the map to a dot."""
    bounds = shapely.bounds(shapes)
    low, high = np.percentile(bounds[:, :2], 1, axis=0), np.percentile(bounds[:, 2:], 99, axis=0)
    reach = np.maximum(high - low, 1.0) * 0.5
    inside = (bounds[:, :2] >= low - reach).all(axis=1) & (bounds[:, 2:] <= high + reach).all(axis=1)
    kept = bounds[inside] if inside.any() else bounds
    return kept[:, 0].min(), kept[:, 1].min(), kept[:, 2].max(), kept[:, 3].max()


def _shaded(shapes: np.ndarray, window: Window, width: int, height: int) -> str:
    """Squares of 6 units where features lie."""
    cell = 6
    paper = _to_paper((shapely.bounds(shapes)[:, :2] + shapely.bounds(shapes)[:, 2:]) / 2, window, width, height)
    inside = (paper >= 0).all(axis=1) & (paper[:, 0] < width) & (paper[:, 1] < height)
    squares = np.unique((paper[inside] // cell).astype(int) * cell, axis=0)
    return f'<path class="shade" d="{"".join(f"M{e} {n}h{cell}v{cell}h-{cell}z" for e, n in squares)}"/>'


def _dots(placed: gpd.GeoDataFrame, window: Window, width: int, height: int) -> str:
    """A dot per severity and square of the map, as large as there are findings in it."""
    bounds = shapely.bounds(np.asarray(placed.geometry.array, dtype=object))
    paper = np.clip(_to_paper((bounds[:, :2] + bounds[:, 2:]) / 2, window, width, height), 6, [width - 6, height - 6])
    table = pd.DataFrame({"severity": placed["severity"].to_numpy(dtype=object), "e": paper[:, 0], "n": paper[:, 1]})
    cells = table.assign(i=table["e"] // 14, j=table["n"] // 14).groupby(["severity", "i", "j"])
    dots = cells.agg(e=("e", "mean"), n=("n", "mean"), many=("e", "size")).reset_index()
    order = {"info": 0, "review": 1, "error": 2}
    dots = dots.sort_values("severity", key=lambda names: names.map(order), kind="stable")
    return "".join(
        f'<circle class="dot {dot.severity}" cx="{dot.e:.1f}" cy="{dot.n:.1f}" r="{min(4 + 2 * np.log2(dot.many), 16):.1f}">'
        f"<title>{dot.many} {dot.severity}</title></circle>"
        for dot in dots.itertuples(index=False)
    )


def _labels(shapes: np.ndarray, names: np.ndarray, window: Window) -> list[str]:
    """The name of each shape where it is seen; one that would lie on an earlier one stands a line lower or higher."""
    placed: list[tuple[float, float, float]] = []
    said = []
    for shape, text in zip(shapes, map(str, names), strict=True):
        seen = shapely.intersection(shapely.make_valid(shape), window.box)
        point = shapely.point_on_surface(seen if not seen.is_empty else shape)
        (e, n) = _to_paper(shapely.get_coordinates(point), window, WIDTH, HEIGHT)[0]
        e, n = min(max(e, 40), WIDTH - 40), min(max(n, 16), HEIGHT - 34)
        short = text if len(text) <= 24 else text[:23] + "…"
        half = len(short) * LABEL_EM / 2
        taken = [y for at, y, wide in placed if abs(e - at) < half + wide]
        lines = [y for step in (0, 1, -1, 2, -2, 3, -3) if 16 <= (y := n + step * LABEL_LINE) <= HEIGHT - 34]
        n = next((y for y in lines if all(abs(y - other) >= LABEL_LINE for other in taken)), n)
        placed.append((e, n, half))
        said.append(f'<text class="label" x="{e:.1f}" y="{n:.1f}">{escape(short)}</text>')
    return said


def _path(shapes: np.ndarray, window: Window, width: int = WIDTH, height: int = HEIGHT) -> str:
    """All rings and lines of shapes as one SVG path; points as small squares."""
    parts = shapely.get_parts(shapely.get_parts(shapes))
    rings = shapely.get_rings(parts[shapely.get_dimensions(parts) == 2])
    lines = np.concatenate([rings, parts[shapely.get_dimensions(parts) == 1]])
    said = []
    coordinates, owner = shapely.get_coordinates(lines, return_index=True)
    for run in np.split(_to_paper(coordinates, window, width, height), np.flatnonzero(np.diff(owner)) + 1) if len(lines) else ():
        said.append("M" + "L".join(f"{e:.1f} {n:.1f}" for e, n in run))
    points = shapely.get_coordinates(parts[shapely.get_dimensions(parts) == 0])
    said += [f"M{e - 2:.1f} {n - 2:.1f}h4v4h-4z" for e, n in _to_paper(points, window, width, height)]
    return "".join(said)


def _to_paper(coordinates: np.ndarray, window: Window, width: int, height: int) -> np.ndarray:
    e = (coordinates[:, 0] - window.easting) / window.width * width + width / 2
    n = height / 2 - (coordinates[:, 1] - window.northing) / window.height * height
    return np.clip(np.stack([e, n], axis=1), -1e5, 1e5)


def _scale_bar(window: Window, width: int, height: int, feet: float) -> str:
    third = window.width * feet / 3
    many, unit = (5280, "mi") if third >= 5280 else (1, "ft")
    step = 10 ** np.floor(np.log10(third / many))
    length = next(step * k for k in (5, 2, 1) if step * k * many <= third)
    size = length * many / feet / window.width * width
    unit = f"{length:,.0f} {unit}" if length >= 1 else f"{length:g} {unit}"
    low = height - 12
    return (
        f'<g class="bar"><rect x="6" y="{low - 22}" width="{size + 16:.1f}" height="28"/><path d="M14 {low - 5}v5h{size:.1f}v-5"/>'
        f'<text x="{14 + size / 2:.1f}" y="{low - 8}">{unit}</text></g>'
    )


def _north(width: int) -> str:
    return f'<g class="north"><path d="M{width - 18} 10l6 18l-6 -4l-6 4z"/><text x="{width - 18}" y="40">N</text></g>'
