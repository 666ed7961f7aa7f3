"""
The redline: each change as two drawings, before and after, on a page that needs no network and no script.
"""

from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import NamedTuple

import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd
import shapely

from citygis.changes.comparison import KINDS, Changes
from citygis.quality.pictures import HEIGHT, LARGEST_SCENE, WIDTH, Window

MOST_PICTURES = 200
"""Changes drawn on a page; the table lists more, and the page says how many it leaves out."""
MOST_ROWS = 2_000
"""Changes listed on a page."""
MOST_VALUES = 12
"""Values told beside one change."""
MOST_LABELS = 8

URGENCY = ("ambiguous", "recycled", "retired", "resubdivided", "merged", "split", "renumbered", "new", "moved", "attribute")
"""The kinds, those first that a person must not overlook."""

_CLOSE = 1 / 40
"""A movement smaller than this share of the picture gets another one, close up."""
_ROOM = 1.5


class Redline(NamedTuple):
    """A change on the page: its drawings, and what is told of it."""

    change_id: str
    kind: str
    old: str
    new: str
    message: str
    drawings: list[str]
    facts: list[tuple[str, str]]
    values: list[tuple[str, str, str, str]]
    more_values: int


def redline_html(
    changes: Changes,
    old: gpd.GeoDataFrame,
    new: gpd.GeoDataFrame,
    *,
    title: str = "Changes",
    city: str = "",
    remarks: Sequence[str] = (),
    most: int = MOST_PICTURES,
) -> str:
    """
    A page that shows a person what changed between two deliveries.

    Parameters
    ----------
    changes : Changes
        Of `old` and `new`.
    old, new : GeoDataFrame
        The two deliveries, as they were compared.
    title, city : str
        The name of what was compared, and of the City.
    remarks : sequence of str
        Printed at the top, below the shift of the whole layer and what looks cut off.
    most : int
        Draw no more changes than this.

    Returns
    -------
    str
        HTML, complete in itself. Every text from the data is escaped. The changes that a person must not overlook come first, and
        the largest of each kind; changes of the record alone are not drawn, their values are told.
    """
    order = ranked(changes)
    drawn = order[: most if most >= 0 else 0]
    scenery = _Scenery(changes, old, new)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    kinds = [(kind, changes.counts[kind]) for kind in URGENCY if changes.counts[kind]]
    listed = changes.changes.iloc[order[:MOST_ROWS]][
        ["kind", "old", "new", "moved_ft", "area_old_sqft", "area_new_sqft", "message"]
    ]
    return template.from_string(_part("citygis.changes", "redline.html.j2")).render(
        title=title,
        city=city,
        style=_part("citygis.quality", "report.css") + _part("citygis.changes", "redline.css"),
        kinds=kinds,
        all_kinds=KINDS,
        counts=changes.counts,
        old_rows=changes.old_rows,
        new_rows=changes.new_rows,
        total=len(changes.changes),
        shift=str(changes.shift) if changes.shift is not None else None,
        truncated=changes.truncated,
        remarks=list(remarks),
        redlines=[scenery.redline(at) for at in drawn],
        not_drawn=len(order) - len(drawn),
        rows=[row._asdict() for row in listed.itertuples(index=False)],
        not_listed=max(0, len(order) - MOST_ROWS),
    )


def ranked(changes: Changes) -> list[int]:
    """Positions of the changes, those first that a person must not overlook; within a kind the largest first."""
    table = changes.changes
    size = np.fmax(table["area_old_sqft"], table["area_new_sqft"]).to_numpy(dtype=float)
    size = np.where(table["kind"] == "moved", table["moved_ft"], size)
    urgency = table["kind"].map(URGENCY.index).to_numpy(dtype=int)
    return np.lexsort((np.arange(len(table)), -size, urgency)).tolist()


class _Scenery:
    """Both deliveries, indexed once, and the members, values and links of each change."""

    def __init__(self, changes: Changes, old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> None:
        self.changes = changes
        self.before, self.after = (np.asarray(frame.geometry.array, dtype=object) for frame in (old, new))
        if changes.shift is not None:
            self.after = changes.shift.undone(self.after)
        self.trees = shapely.STRtree(self.before), shapely.STRtree(self.after)
        self.members = dict(list(changes.members.groupby("change_id", sort=False)))
        self.values = dict(list(changes.values.groupby("change_id", sort=False)))
        self.links = dict(list(changes.links.groupby("change_id", sort=False)))

    def redline(self, at: int) -> Redline:
        """One change, drawn."""
        row = self.changes.changes.iloc[at]
        change, kind = row["change_id"], row["kind"]
        members = self.members[change]
        sides = [members[members["side"] == side] for side in ("old", "new")]
        values = self.values.get(change, pd.DataFrame(columns=["old_key", "column", "old", "new"]))
        told = [tuple(map(_said, each)) for each in values[["old_key", "column", "old", "new"]].head(MOST_VALUES).to_numpy()]
        drawings = [] if kind == "attribute" else self._drawings(row, *sides)
        more = max(0, len(values) - MOST_VALUES)
        return Redline(change, kind, row["old"], row["new"], row["message"], drawings, self._facts(row), told, more)

    def _facts(self, row: pd.Series) -> list[tuple[str, str]]:
        facts = []
        if row["moved_ft"] and np.isfinite(row["moved_ft"]):
            facts.append(("moved" if row["kind"] == "moved" else "away", f"{row['moved_ft']:,.2f} ft"))
        for name, side in (("area_old_sqft", "area before"), ("area_new_sqft", "area after")):
            if row[name]:
                facts.append((side, f"{row[name]:,.0f} sq ft"))
        if row["kind"] in ("split", "merged", "resubdivided"):
            links = self.links[row["change_id"]].head(MOST_VALUES)
            facts += [
                (f"{link.old} to {link.new}", f"{link.share_old:.1%} of the old, {link.share_new:.1%} of the new")
                for link in links.itertuples()
            ]
        return facts

    def _drawings(self, row: pd.Series, old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
        was, now = self.before[old["row"].to_numpy(dtype=int)], self.after[new["row"].to_numpy(dtype=int)]
        bounds = shapely.bounds(np.concatenate([was, now]))
        if not np.isfinite(bounds).any():
            return []
        low_e, low_n = np.nanmin(bounds[:, :2], axis=0)
        high_e, high_n = np.nanmax(bounds[:, 2:], axis=0)
        width = max(_ROOM * (high_e - low_e), _ROOM * (high_n - low_n) * WIDTH / HEIGHT, 40.0)
        window = Window((low_e + high_e) / 2, (low_n + high_n) / 2, width, width * HEIGHT / WIDTH)
        what = f"{row['kind']} {row['old'] or row['new']}"
        drawings = [
            self._drawing(f"{what}, before", "before", window, 0, old, self.before),
            self._drawing(f"{what}, after", "after", window, 1, new, self.after, struck=was),
        ]
        if row["kind"] == "moved" and 0 < row["moved_ft"] < _CLOSE * width and len(was) and len(now):
            place = _farthest(was[0], now[0])
            wide = max(10 * float(row["moved_ft"]), 0.5)
            close = Window(place.x, place.y, wide, wide * HEIGHT / WIDTH)
            drawings.append(
                self._drawing(f"{what}, close up", "after, close up", close, 1, new, self.after, struck=was, labelled=False)
            )
        return drawings

    def _drawing(
        self,
        what: str,
        said: str,
        window: Window,
        side: int,
        members: pd.DataFrame,
        shapes: np.ndarray,
        *,
        struck: np.ndarray | None = None,
        labelled: bool = True,
    ) -> str:
        mine = members["row"].to_numpy(dtype=int)
        near = np.setdiff1d(self.trees[side].query(window.box), mine)
        if len(near) > LARGEST_SCENE:
            middle = shapely.Point(window.easting, window.northing)
            near = near[np.argsort(shapely.distance(shapes[near], middle), kind="stable")[:LARGEST_SCENE]]
        drawn = [
            f'<path class="neighbour" d="{_path(shapes[near], window)}"/>',
            f'<path class="feature" d="{_path(shapes[mine], window)}"/>',
        ]
        if struck is not None:
            drawn.append(f'<path class="struck" d="{_path(struck, window)}"/>')
        if labelled:
            drawn += _labels(shapes[mine[:MOST_LABELS]], members["key"].head(MOST_LABELS), window)
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(what, quote=True)}">'
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>{"".join(drawn)}{_bar(window)}'
            f'<text class="side" x="10" y="20">{said}</text></svg>'
        )


def _farthest(was: shapely.Geometry, now: shapely.Geometry) -> shapely.Point:
    """About where two outlines lie farthest apart."""
    places, edge = shapely.points(shapely.get_coordinates(now)), shapely.boundary(was)
    far = shapely.distance(places, edge)
    back = shapely.points(shapely.get_coordinates(was))
    other = shapely.distance(back, shapely.boundary(now))
    return places[int(far.argmax())] if far.max() >= other.max() else back[int(other.argmax())]


def _path(shapes: np.ndarray, window: Window) -> str:
    """All rings and lines of shapes as one SVG path, cut a little outside of the window; points as small squares."""
    low_e, low_n, high_e, high_n = window.box.bounds
    margin = window.width / 4
    there = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    there = np.array([part if shapely.is_valid(part) else shapely.make_valid(part) for part in there], dtype=object)
    there = shapely.clip_by_rect(there, low_e - margin, low_n - margin, high_e + margin, high_n + margin)
    parts = shapely.get_parts(shapely.get_parts(there))
    rings = shapely.get_rings(parts[shapely.get_dimensions(parts) == 2])
    lines = np.concatenate([rings, parts[shapely.get_dimensions(parts) == 1]])
    coordinates, owner = shapely.get_coordinates(lines, return_index=True)
    runs = np.split(_to_paper(coordinates, window), np.flatnonzero(np.diff(owner)) + 1) if len(lines) else ()
    said = ["M" + "L".join(f"{e:.1f} {n:.1f}" for e, n in run) for run in runs]
    points = shapely.get_coordinates(parts[shapely.get_dimensions(parts) == 0])
    said += [f"M{e - 3:.1f} {n - 3:.1f}h6v6h-6z" for e, n in _to_paper(points, window)]
    return "".join(said)


def _to_paper(coordinates: np.ndarray, window: Window) -> np.ndarray:
    e = (coordinates[:, 0] - window.easting) / window.width * WIDTH + WIDTH / 2
    n = HEIGHT / 2 - (coordinates[:, 1] - window.northing) / window.height * HEIGHT
    return np.stack([e, n], axis=1)


def _labels(shapes: np.ndarray, names: pd.Series, window: Window) -> list[str]:
    said, taken = [], []
    for shape, name in zip(shapes, names.astype(str), strict=True):
        if shapely.is_missing(shape) or shapely.is_empty(shape):
            continue
        e, n = _to_paper(shapely.get_coordinates(shapely.point_on_surface(shapely.make_valid(shape))), window)[0]
        short = name if len(name) <= 20 else name[:19] + "…"
        half = 4.2 * len(short)
        e = min(max(e, half + 4), WIDTH - half - 4)
        while any(abs(e - other) < half + wide and abs(n - line) < 15 for other, line, wide in taken):
            n += 15
        taken.append((e, n, half))
        said.append(f'<text class="label" x="{e:.1f}" y="{n:.1f}">{escape(short)}</text>')
    return said


def _bar(window: Window) -> str:
    third = window.width / 3
    step = 10 ** np.floor(np.log10(third))
    length = next(step * k for k in (5, 2, 1) if step * k <= third)
    size, low = length / window.width * WIDTH, HEIGHT - 12
    return (
        f'<g class="bar"><rect x="6" y="{low - 22}" width="{size + 16:.1f}" height="28"/><path d="M14 {low - 5}v5h{size:.1f}v-5"/>'
        f'<text x="{14 + size / 2:.1f}" y="{low - 8}">{length:,g} ft</text></g>'
    )


def _said(value: object) -> str:
    text = "" if pd.isna(value) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _part(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")
