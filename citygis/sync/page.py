"""
A plan as one web page: what would be sent, what would not, where it lies, and why. It needs no network and no script.
"""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import NamedTuple

import jinja2
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.sync.canon import global_ids, in_units
from citygis.sync.model import Json, Plan

WIDTH = 960
HEIGHTS = 240, 540
"""Size of the map in its own units: as high as the plan's ground asks for, between these."""

MOST_ROWS = 1_000
"""Rows of each table on the page; the plan file holds them all."""
MOST_GROUND = 5_000
"""Other features drawn behind those of the plan, the nearest first."""
MOST_LABELS = 40

KINDS = {
    "add": "to be added",
    "update": "to be updated",
    "delete": "to be deleted",
    "conflict": "in conflict",
    "refusal": "refused",
}

_SHORT = 90
_MARK = 4.0
"""Half the size, on the map, under which a feature is marked by a dot."""


class _Drawn(NamedTuple):
    """Where a feature of the plan lies: its lines as arrays of coordinates, and whether they close."""

    kind: str
    name: str
    lines: list[np.ndarray]
    is_area: bool


def plan_page(plan: Plan, *, local: pd.DataFrame | None = None, remote: pd.DataFrame | None = None, city: City) -> str:
    """
    A page that shows a person what applying a plan would do.

    Parameters
    ----------
    plan : Plan
    local, remote : GeoDataFrame, optional
        Both sides as they were planned, in the remote layer's system: where the features lie that the plan has no geometry of, and
        the ground around them. Without them the map shows what is added and moved.
    city : City
        Its name is printed.

    Returns
    -------
    str
        HTML, complete in itself. Every text from the data is escaped.
    """
    names = _names(plan, local, remote)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    tables = {
        "adds": [(names[e.global_id], e.global_id, _listed(e.attributes)) for e in plan.adds[:MOST_ROWS]],
        "updates": [
            (
                names[e.global_id],
                e.global_id,
                [(f, _said(w.old), _said(w.new)) for f, w in e.changed.items()],
                e.geometry is not None,
            )
            for e in plan.updates[:MOST_ROWS]
        ],
        "deletes": [(names[e.global_id], e.global_id, _listed(e.attributes)) for e in plan.deletes[:MOST_ROWS]],
        "conflicts": [
            (
                names[e.global_id],
                e.global_id,
                e.kind.replace("_", " "),
                e.message,
                [(f, *(_said(v[side], f) for side in ("base", "local", "remote"))) for f, v in e.fields.items()],
            )
            for e in plan.conflicts[:MOST_ROWS]
        ],
        "refusals": [
            (names.get(e.global_id, ""), e.global_id, e.code, e.field or "", e.message, e.remedy) for e in plan.refusals[:MOST_ROWS]
        ],
    }
    left_out = {name: max(0, len(getattr(plan, name)) - MOST_ROWS) for name in tables}
    return template.from_string(_part("citygis.sync", "page.html.j2")).render(
        plan=plan,
        city=city.name,
        style=_part("citygis.quality", "report.css") + _part("citygis.sync", "page.css"),
        map=_map(plan, names, local, remote),
        kinds=KINDS,
        left_out=left_out,
        **tables,
    )


def _names(plan: Plan, local: pd.DataFrame | None, remote: pd.DataFrame | None) -> dict[str, str]:
    """What to call each feature: its first text, from the plan or a frame; else the start of its key."""
    names: dict[str, str] = {}
    for frame in (remote, local):
        if frame is not None and len(frame):
            texts = [name for name in frame.columns if name != "global_id" and isinstance(frame[name].dtype, pd.StringDtype)]
            if texts:
                names |= {key: str(text) for key, text in zip(global_ids(frame), frame[texts[0]], strict=True) if pd.notna(text)}
    for each in (*plan.adds, *plan.deletes):
        first = next((value for value in each.attributes.values() if isinstance(value, str) and value), None)
        names.setdefault(each.global_id, first or each.global_id[:8])
    for each in (*plan.updates, *plan.conflicts, *plan.refusals):
        names.setdefault(each.global_id, each.global_id[:8])
    return {key: _said(name) for key, name in names.items()}


def _map(plan: Plan, names: dict[str, str], local: pd.DataFrame | None, remote: pd.DataFrame | None) -> str:
    here, there = _shapes(local), _shapes(remote)
    drawn = []
    for each in plan.adds:
        drawn.append(_drawn("add", names[each.global_id], each.geometry, here.get(each.global_id)))
    for each in plan.updates:
        new = each.geometry.new if each.geometry else None
        drawn.append(_drawn("update", names[each.global_id], new, here.get(each.global_id, there.get(each.global_id))))
    for each in plan.deletes:
        drawn.append(_drawn("delete", names[each.global_id], None, there.get(each.global_id)))
    for kind, rows in (("conflict", plan.conflicts), ("refusal", plan.refusals)):
        drawn += [
            _drawn(kind, names.get(key, ""), None, there.get(key, here.get(key))) for key in {each.global_id: None for each in rows}
        ]
    drawn = [each for each in drawn if each.lines]
    if not drawn:
        return ""
    corners = np.concatenate([line for each in drawn for line in each.lines])
    low, high = corners.min(axis=0), corners.max(axis=0)
    is_degrees = bool(np.abs(corners[:, 0]).max() <= 180 and np.abs(corners[:, 1]).max() <= 90 and _is_geographic(local, remote))
    squeeze = np.array([np.cos(np.radians((low[1] + high[1]) / 2)) if is_degrees else 1.0, 1.0])
    size = np.maximum((high - low) * squeeze, 1e-9)
    height = float(np.clip(1.3 * WIDTH * size[1] / size[0], *HEIGHTS))
    scale = min(WIDTH / size[0], height / size[1]) * 0.8
    scale = min(scale, height / (0.0015 if is_degrees else 400))
    middle = (low + high) / 2

    def to_paper(points: np.ndarray) -> np.ndarray:
        return ((points - middle) * squeeze * scale * [1, -1]) + [WIDTH / 2, height / 2]

    half = np.array([WIDTH, height]) / scale / squeeze / 2
    ground = _ground([*there.values(), *here.values()], shapely.box(*(middle - half), *(middle + half)))
    paths = [f'<path class="ground" d="{_path(_lines(shape)[0], to_paper, True)}"/>' for shape in ground]
    marks, labels, centres = [], [], []
    for each in sorted(drawn, key=lambda one: ("update", "add", "delete", "conflict", "refusal").index(one.kind)):
        marks.append(f'<path class="c-{each.kind}" d="{_path(each.lines, to_paper, each.is_area)}"/>')
        points = to_paper(np.concatenate(each.lines))
        e, n = (points.min(axis=0) + points.max(axis=0)) / 2
        if np.ptp(points, axis=0).max() < 2 * _MARK:
            marks.append(f'<circle class="c-{each.kind} dot" cx="{e:.1f}" cy="{n:.1f}" r="{_MARK + 1}"/>')
        labels.append((e, max(points[:, 1].min() - 6, 14), each.name))
        centres.append((e, n))
    said = _labels(labels, np.array(centres))
    bar = _bar(scale, height, local, remote)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="Map of {len(drawn)} features of the plan">'
        f'<rect class="paper" width="{WIDTH}" height="{height:.0f}"/>{"".join(paths)}{"".join(marks)}{said}{bar}</svg>'
    )


def _shapes(frame: pd.DataFrame | None) -> dict[str, shapely.Geometry]:
    if frame is None or not hasattr(frame, "geometry"):
        return {}
    pairs = zip(global_ids(frame), frame.geometry.array, strict=True)
    return {key: shape for key, shape in pairs if key and shape is not None and not shape.is_empty}


def _drawn(kind: str, name: str, geometry: Json | None, shape: shapely.Geometry | None) -> _Drawn:
    if geometry is not None:
        if "x" in geometry:
            return _Drawn(kind, name, [np.array([[geometry["x"], geometry["y"]]], dtype=float)], False)
        parts = geometry.get("rings") or geometry.get("paths") or [[point] for point in geometry.get("points", ())]
        return _Drawn(kind, name, [np.array(part, dtype=float)[:, :2] for part in parts if part], "rings" in geometry)
    return _Drawn(kind, name, *_lines(shape))


def _lines(shape: shapely.Geometry | None) -> tuple[list[np.ndarray], bool]:
    if shape is None:
        return [], False
    is_area = bool(shapely.get_dimensions(shape) == 2)
    parts = shapely.get_rings(shapely.get_parts(shape)) if is_area else shapely.get_parts(shape)
    return [shapely.get_coordinates(part) for part in parts], is_area


def _ground(shapes: list[shapely.Geometry], window: shapely.Polygon) -> Iterable[shapely.Geometry]:
    array = np.array(shapes, dtype=object)
    near = array[shapely.intersects(shapely.envelope(array), window)] if len(array) else array
    if len(near) > MOST_GROUND:
        near = near[np.argsort(shapely.distance(near, window.centroid), kind="stable")[:MOST_GROUND]]
    return near


def _path(lines: Sequence[np.ndarray], to_paper, is_area: bool) -> str:
    said = []
    for line in lines:
        points = to_paper(line)
        if len(points) > 1:
            said.append("M" + "L".join(f"{e:.1f} {n:.1f}" for e, n in points) + ("z" if is_area else ""))
    return "".join(said)


def _labels(places: list[tuple[float, float, str]], centres: np.ndarray) -> str:
    """Names that have room and hide no feature of the plan, the first ones first."""
    said: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for e, n, name in places:
        short = name if len(name) <= 20 else name[:19] + "…"
        half = 4.0 * len(short)
        hides = (np.abs(centres[:, 0] - e) < half + 5) & (centres[:, 1] > n - 16) & (centres[:, 1] < n + 4)
        if (
            len(said) < MOST_LABELS
            and not hides.any()
            and not any(abs(e - x) < half + wide and abs(n - y) < 15 for x, y, wide in taken)
        ):
            taken.append((e, n, half))
            said.append(f'<text class="label" x="{min(max(e, half + 4), WIDTH - half - 4):.1f}" y="{n:.1f}">{escape(short)}</text>')
    return "".join(said)


def _bar(scale: float, height: float, *frames: pd.DataFrame | None) -> str:
    """A scale in feet; none where the unit is not known, or is degrees."""
    crs = next((frame.crs for frame in frames if getattr(frame, "crs", None) is not None), None)
    if crs is None or not crs.is_projected:
        return ""
    foot = in_units(1.0, crs) * scale
    step = 10 ** np.floor(np.log10(WIDTH / 4 / foot))
    length = next(step * k for k in (5, 2, 1) if step * k * foot <= WIDTH / 4)
    size, low = length * foot, height - 12
    return (
        f'<g class="bar"><rect x="6" y="{low - 22:.1f}" width="{size + 16:.1f}" height="28"/>'
        f'<path d="M14 {low - 5:.1f}v5h{size:.1f}v-5"/><text x="{14 + size / 2:.1f}" y="{low - 8:.1f}">{length:,g} ft</text></g>'
    )


def _is_geographic(*frames: pd.DataFrame | None) -> bool:
    crs = next((frame.crs for frame in frames if getattr(frame, "crs", None) is not None), None)
    return crs is None or crs.is_geographic


def _listed(attributes: Json) -> list[tuple[str, str]]:
    return [(name, _said(value)) for name, value in attributes.items() if value is not None]


def _said(value: object, field: str = "") -> str:
    if value is None:
        return "nothing"
    text = f"outline {str(value)[:6]}" if field == "geometry" else str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _part(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")
