"""
Before and after: each edit of a repair as two drawings side by side, and the page that holds them.
"""

from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import NamedTuple

import geopandas as gpd
import jinja2
import numpy as np
import pandas as pd
import shapely

from citygis.repairs.histogram import DISTANCE_FT, moves
from citygis.repairs.outcome import Repair

MOST_PICTURES = 200
"""Edits drawn on a page; the log holds them all, and the page says how many it leaves out."""
MOST_LEFT = 200
"""Rows of the table of what is left."""

_SIDE = 220
"""Width and height of a drawing, in its own units (about screen pixels)."""
_SAID = {
    "drop_repeated_vertex": "repeated vertex dropped",
    "remove_spike": "spike taken out",
    "merge_short_edge": "ends of a short edge merged",
    "snap_corner": "corner snapped",
    "insert_vertex": "vertex inserted",
    "make_valid": "made valid",
    "drop_duplicate": "repetition taken out",
}


class Picture(NamedTuple):
    """Two drawings of one edit and what they show."""

    svg: str
    caption: str
    features: str
    reason: str


def edit_pictures(before: Mapping[str, pd.DataFrame], repair: Repair, *, most: int = MOST_PICTURES) -> tuple[list[Picture], int]:
    """
    The edits drawn, those that go farthest first.

    Parameters
    ----------
    before : mapping of name to frame
        The layers as they were given to `citygis.repairs.repair`.
    repair : Repair
    most : int
        Draw no more than this many. Features that share a corner are one picture.

    Returns
    -------
    list of Picture, and the number of places that were not drawn.
    """
    places = ["layer", "operation", "from_easting", "from_northing", "to_easting", "to_northing"]
    groups = list(repair.edits.groupby(places, sort=True, dropna=False))
    groups.sort(key=lambda group: -float(group[1]["distance_ft"].max()))
    scenes: dict[str, tuple[np.ndarray, np.ndarray, shapely.STRtree]] = {}
    pictures = []
    for (layer, operation, *_), rows in groups[:most]:
        if layer not in scenes:
            scenes[layer] = _scene(before[layer], repair.edits[repair.edits["layer"] == layer])
        first = rows.iloc[0]
        names = ", ".join(sorted(set(rows["feature"].dropna().astype(str))))
        said = f"{layer}: {_SAID[operation]}, {first['distance_ft']:.4f} ft"
        pictures.append(Picture(_drawn(first, *scenes[layer]), said, names, str(first["reason"])))
    return pictures, max(0, len(groups) - most)


def repair_page(before: Mapping[str, pd.DataFrame], repair: Repair, *, title: str = "Repair", city: str = "") -> str:
    """
    A page that shows a repair to a person: what was done, how far, what is left, and a picture of each edit.

    Parameters
    ----------
    before : mapping of name to frame
        The layers as they were given.
    repair : Repair
    title, city : str
        The name of what was repaired, and of the City.

    Returns
    -------
    str
        HTML, complete in itself: no network and no script. Every text from the data is escaped.
    """
    pictures, more = edit_pictures(before, repair)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = (resources.files("citygis.repairs") / "page.html.j2").read_text(encoding="utf-8")
    counts = repair.edits.groupby("operation").agg(
        vertices=("row", "size"), features=("row", "nunique"), largest=("distance_ft", "max")
    )
    left = pd.DataFrame(repair.left)[["code", "severity", "layer", "feature", "other", "message", "because", "suggestion"]]
    left = left.astype(object).where(left.notna(), None)
    return template.from_string(source).render(
        title=title,
        city=city,
        operations=[(_SAID[name], *map(int, row[:2]), float(row[2])) for name, *row in counts.itertuples()],
        edits=len(repair.edits),
        features=len(repair.edits.drop_duplicates(["layer", "row"])),
        mended=len(repair.mended),
        left_count=len(repair.left),
        left_errors=int((repair.left["severity"] == "error").sum()),
        histogram=_bars(moves(repair.edits)),
        left=left.head(MOST_LEFT).to_dict("records"),
        left_more=max(0, len(left) - MOST_LEFT),
        pictures=[picture._asdict() for picture in pictures],
        pictures_more=more,
    )


def _scene(frame: gpd.GeoDataFrame, edits: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, shapely.STRtree]:
    """A layer before and after, row by row, and where its features lie."""
    old = np.asarray(frame.geometry.array, dtype=object)
    new = old.copy()
    once = edits.drop_duplicates("row")
    after = once["after"].to_numpy(dtype=object)
    new[once["row"].to_numpy(dtype=int)] = [None if pd.isna(wkb) is True or wkb is None else shapely.from_wkb(wkb) for wkb in after]
    return old, new, shapely.STRtree(old)


def _drawn(edit: pd.Series, old: np.ndarray, new: np.ndarray, tree: shapely.STRtree) -> str:
    start = np.array([edit["from_easting"], edit["from_northing"]], dtype=float)
    end = np.array([edit["to_easting"], edit["to_northing"]], dtype=float)
    moved = np.isfinite(end).all() and (end != start).any()
    end = end if moved else start
    row = int(edit["row"])
    if edit["operation"] in ("make_valid", "drop_duplicate"):
        low_e, low_n, high_e, high_n = old[row].bounds
        middle, size = np.array([(low_e + high_e) / 2, (low_n + high_n) / 2]), 1.2 * max(high_e - low_e, high_n - low_n)
    else:
        middle, size = (start + end) / 2, max(10 * float(edit["distance_ft"]), 0.2)
    near = np.sort(tree.query(shapely.box(*(middle - size / 2), *(middle + size / 2))))
    sides = []
    for number, (said, shapes) in enumerate((("before", old), ("after", new))):
        shift = number * (_SIDE + 10)
        drawn = [f'<rect class="paper" width="{_SIDE}" height="{_SIDE}"/>']
        for kind, rows in (("neighbour", near[near != row]), ("feature", near[near == row])):
            path = _path(shapes[rows], middle, size)
            drawn.append(f'<path class="{kind}" d="{path}"/>' if path else "")
        for kind, place in (("from", start), ("to", end))[: 1 + moved]:
            e, n = _to_paper(place[None], middle, size)[0]
            drawn.append(f'<circle class="{kind}" cx="{e:.1f}" cy="{n:.1f}" r="5"/>')
        drawn.append(f'<text x="8" y="18">{said}</text>')
        sides.append(f'<svg x="{shift}" width="{_SIDE}" height="{_SIDE}" viewBox="0 0 {_SIDE} {_SIDE}">{"".join(drawn)}</svg>')
    label = escape(f"{edit['feature']}: {_SAID[edit['operation']]}, before and after", quote=True)
    return f'<svg viewBox="0 0 {2 * _SIDE + 10} {_SIDE + 20}" role="img" aria-label="{label}">{"".join(sides)}{_bar(size)}</svg>'


def _path(shapes: np.ndarray, middle: np.ndarray, size: float) -> str:
    """The lines of shapes inside a square, cut a little outside of it; a broken ring is drawn as it runs."""
    there = shapes[~shapely.is_missing(shapes)]
    lines = np.array([shapely.boundary(s) if s.geom_type.endswith("Polygon") else s for s in there], dtype=object)
    low, high = middle - size, middle + size
    parts = shapely.get_parts(shapely.get_parts(shapely.clip_by_rect(lines, *low, *high)))
    said = []
    for part in parts[shapely.get_dimensions(parts) == 1]:
        run = _to_paper(shapely.get_coordinates(part), middle, size)
        said.append("M" + "L".join(f"{e:.1f} {n:.1f}" for e, n in run))
    return "".join(said)


def _to_paper(places: np.ndarray, middle: np.ndarray, size: float) -> np.ndarray:
    e, n = ((places - middle) / size * _SIDE).T
    return np.stack([_SIDE / 2 + e, _SIDE / 2 - n], axis=1)


def _bar(size: float) -> str:
    step = 10 ** np.floor(np.log10(size / 3))
    length = next(step * k for k in (5, 2, 1) if step * k <= size / 3)
    width = length / size * _SIDE
    text = f'<text x="{width + 12:.1f}" y="{_SIDE + 15}">{length:g} ft</text>'
    return f'<path class="bar" d="M4 {_SIDE + 6}v6h{width:.1f}v-6"/>{text}'


def _bars(counted: pd.DataFrame) -> list[dict]:
    """The histogram as bars: of each class of accuracy how many moves went how far."""
    most = max([1, *(int(counted[f"to {limit:g} ft"].max()) for limit in DISTANCE_FT if len(counted))])
    rows = []
    for row in counted.to_dict("records"):
        bars = [
            {"limit": f"{limit:g}", "n": row[f"to {limit:g} ft"], "height": 100 * row[f"to {limit:g} ft"] / most}
            for limit in DISTANCE_FT
        ]
        rows.append({**row, "bars": bars})
    return rows
