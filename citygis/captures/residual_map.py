"""
The residual map: monuments found against their records as arrows on a map, with the table of the vectors, as one SVG.
"""

import re
import textwrap
from html import escape
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.captures.frame_fit import FrameFit
from citygis.city import City

WIDTH, MAP_HEIGHT, MARGIN = 960, 560, 24
"""Width of the picture and height of its map, in units of its own (about screen pixels); the page grows with heading and table."""

LEGEND, ROW, LINE = 46, 20, 20
"""The strip below the map with the bars, a row of the table, a line of the heading."""

ROWS_PER_COLUMN = 20
"""Rows in each of the two columns of the table; the worst come first, and what does not fit is counted."""

NAMES = 40
"""Up to so many marks all are named on the map, above it only those beyond their tolerance."""

ARROW = 70.0
"""How long a large arrow is drawn; one that would be longer than twice that is cut, and marked so."""

_STYLE = (
    "text{font:13px system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;fill:#1d2329}"
    ".title{font-size:20px;font-weight:600}.soft{fill:#56606b}.head{font-weight:600;fill:#56606b}.num{text-anchor:end}"
    ".paper{fill:#fbfbf9;stroke:#d5dae0}.page{fill:#fff}.rule{stroke:#d5dae0}"
    ".arrow{fill:none;stroke-width:2}.tip{stroke:none}.within{stroke:#1f5f99;fill:#1f5f99}.beyond{stroke:#b3261e;fill:#b3261e}"
    "text.beyond{stroke:none;fill:#b3261e}path.arrow{fill:none}.limit{fill:none;stroke:#9aa3ad;stroke-dasharray:3 3}"
    ".mark{fill:#fff;stroke:#1d2329;stroke-width:1.4}.open{fill:none;stroke:#8a5200;stroke-width:1.6}"
    ".name{font-size:12px;paint-order:stroke;stroke:#fbfbf9;stroke-width:4px;stroke-linejoin:round}"
    ".bar{fill:none;stroke:#1d2329;stroke-width:1.5}.small{font-size:12px}.mid{text-anchor:middle}"
)


class _Window(NamedTuple):
    """Ground to paper: the ground at the middle of the map, and feet per unit of paper."""

    easting: float
    northing: float
    feet: float

    def paper(self, easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
        e = WIDTH / 2 + (easting - self.easting) / self.feet
        n = MAP_HEIGHT / 2 - (northing - self.northing) / self.feet
        return np.column_stack([e, n])


def residual_map(
    check: gpd.GeoDataFrame, city: City, *, fit: FrameFit | None = None, title: str = "Monuments found and on record"
) -> str:
    """
    The vectors of a monument check, drawn.

    Parameters
    ----------
    check : GeoDataFrame
        As `citygis.captures.monuments.monument_check` gives it. Marks that match nothing are counted, not drawn; ambiguous ones are
        drawn as open rings.
    city : City
        Its name goes into the heading.
    fit : FrameFit, optional
        Its message goes below the heading.
    title : str

    Returns
    -------
    str
        SVG, complete in itself, without script or anything from outside; every text of the data is escaped. An arrow runs from the
        record position to what was found, at the exaggeration that is stated below the map and shown by a bar. Dashed rings are
        the tolerance. The same check gives the same text.
    """
    matched = check["verdict"].isin(["within", "beyond"]).to_numpy()
    hit = check[matched].sort_values(["distance_ft", "name"], ascending=[False, True], kind="stable")
    unsure = check[(check["verdict"] == "ambiguous").to_numpy()]
    beyond = int((hit["verdict"] == "beyond").sum())
    left_out = len(check) - len(hit) - len(unsure)
    counts = (
        f"{len(hit):,} matched, {beyond:,} beyond {_tolerance(check)}, {len(unsure):,} ambiguous, {left_out:,} without a monument"
    )
    message = textwrap.wrap(_capital(fit.message), 135) if fit is not None else []
    top = 72 + LINE * len(message)
    lines = [f'<text class="title" x="{MARGIN}" y="36">{_text(_cut(title, 85))}</text>']
    lines.append(f'<text class="soft" x="{MARGIN}" y="58">{_text(f"{_cut(city.name, 40)} · {counts}")}</text>')
    lines += [f'<text x="{MARGIN}" y="{58 + LINE * (i + 1)}">{_text(line)}</text>' for i, line in enumerate(message)]
    drawn = _map(hit, unsure) if len(hit) + len(unsure) else _nothing()
    table, height = _table(hit, top + MAP_HEIGHT + LEGEND + 26)
    said = escape(_clean(f"{title}: {counts}"), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
        f' aria-label="{said}"><style>{_STYLE}</style><rect class="page" width="{WIDTH}" height="{height}"/>{"".join(lines)}'
        f'<g transform="translate(0 {top})">{drawn}</g>{table}</svg>'
    )


def _map(hit: gpd.GeoDataFrame, unsure: gpd.GeoDataFrame) -> str:
    found = np.column_stack([shapely.get_x(hit.geometry.array), shapely.get_y(hit.geometry.array)]).reshape(-1, 2)
    vectors = hit[["de_ft", "dn_ft"]].to_numpy(dtype=float)
    rings = np.column_stack([shapely.get_x(unsure.geometry.array), shapely.get_y(unsure.geometry.array)]).reshape(-1, 2)
    window = _window(np.vstack([found - vectors, rings]))
    tolerance = hit["tolerance_ft"].to_numpy(dtype=float)
    times = _exaggeration(hit["distance_ft"].to_numpy(dtype=float), tolerance, window)
    at = window.paper(*(found - vectors).T)
    reach = vectors * [1, -1] * times / window.feet
    length = np.hypot(*reach.T)
    cut = length > 2 * ARROW
    reach[cut] *= (2 * ARROW / length[cut])[:, None]
    parts = [f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{MAP_HEIGHT}"/>']
    radius = tolerance * times / window.feet
    if len(hit) <= NAMES:
        limits = zip(at, radius, strict=True)
        parts += [f'<circle class="limit" cx="{e:.1f}" cy="{n:.1f}" r="{r:.1f}"/>' for (e, n), r in limits if r >= 3]
    rows = list(zip(hit.itertuples(), at, reach, cut, strict=True))
    parts += [_arrow(row.verdict, place, vector, is_cut) for row, place, vector, is_cut in reversed(rows)]
    parts += [f'<circle class="mark" cx="{e:.1f}" cy="{n:.1f}" r="3.2"/>' for e, n in at]
    parts += [f'<circle class="open" cx="{e:.1f}" cy="{n:.1f}" r="6"/>' for e, n in window.paper(*rings.T)]
    parts += _names(rows, np.vstack([at, at + reach / 2, at + reach]), len(hit) <= NAMES)
    parts += [_legend(window, times, bool(cut.any())), _north()]
    return "".join(parts)


def _window(places: np.ndarray) -> _Window:
    """All record positions with room for arrows and names around them; two marks at one place still get a map 100 ft wide."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.array([WIDTH - 2 * 120, MAP_HEIGHT - 2 * 80])
    feet = max(float(((high - low) / room).max()), 100 / room[0])
    return _Window(*(float(each) for each in (low + high) / 2), feet)


def _exaggeration(distance_ft: np.ndarray, tolerance_ft: np.ndarray, window: _Window) -> float:
    """
    A round number that draws the ninth of ten vectors about as long as `ARROW`, but no tolerance wider than half of that: what is
    well within it should look so. One blunder does not shrink the others to dots.
    """
    if not len(distance_ft):
        return 1.0
    usual = float(np.percentile(distance_ft, 90))
    if len(distance_ft) > 2:
        usual = min(usual, 10 * float(np.median(distance_ft)))
    return _round_down(ARROW * window.feet / max(usual, 2 * float(tolerance_ft.max())))


def _round_down(value: float) -> float:
    step = 10 ** np.floor(np.log10(value))
    return float(next(step * k for k in (5, 2, 1) if step * k <= value * (1 + 1e-12)))


def _arrow(verdict: str, place: np.ndarray, vector: np.ndarray, is_cut: bool) -> str:
    (e, n), length = place, float(np.hypot(*vector))
    if length < 0.5:
        return ""
    along = vector / length
    side, tip = np.array([-along[1], along[0]]), place + vector
    head = min(9.0, max(length * 0.5, 4.0))
    base = tip - along * head
    left, right = base + side * head * 0.42, base - side * head * 0.42
    gap = ' stroke-dasharray="7 4"' if is_cut else ""
    return (
        f'<path class="arrow {verdict}"{gap} d="M{e:.1f} {n:.1f}L{base[0]:.1f} {base[1]:.1f}"/>'
        f'<path class="tip {verdict}" d="M{tip[0]:.1f} {tip[1]:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}z"/>'
    )


def _names(rows: list, drawn: np.ndarray, all_named: bool) -> list[str]:
    """Names beside their marks where nothing else is drawn, longest vectors first; what finds no room is in the table."""
    taken: list[tuple[float, float, float, float]] = []
    said = []
    for row, (e, n), vector, is_cut in rows:
        if not (all_named or row.verdict == "beyond"):
            continue
        text = _cut(_shown(row.monument), 20) + (f" {row.distance_ft:,.1f} ft" if is_cut else "")
        wide = 7.0 * len(text)
        sides = (-1, 1) if vector[0] > 0 else (1, -1)
        for side, drop in [(side, drop) for drop in (4, 18, -10) for side in sides]:
            left = e + 9 if side > 0 else e - 9 - wide
            box = (left, n + drop - 12, left + wide, n + drop + 3)
            inside = box[0] >= 4 and box[2] <= WIDTH - 4
            free = all(box[0] > t[2] or box[2] < t[0] or box[1] > t[3] or box[3] < t[1] for t in taken)
            if inside and free and not ((drawn >= box[:2]) & (drawn <= box[2:])).all(axis=1).any():
                taken.append(box)
                anchor = "" if side > 0 else ' style="text-anchor:end"'
                colour = " beyond" if row.verdict == "beyond" else ""
                said.append(f'<text class="name{colour}" x="{e + 9 * side:.1f}" y="{n + drop:.1f}"{anchor}>{_text(text)}</text>')
                break
    return said


def _legend(window: _Window, times: float, any_cut: bool) -> str:
    """Two bars, below the map: what a length is on the ground, and what it is of a vector."""
    ground, vector = _round_down(130 * window.feet), _round_down(130 * window.feet / times)
    y, said = MAP_HEIGHT + 30, ""
    bars = [(ground, ground / window.feet, "on the ground"), (vector, vector * times / window.feet, "of a vector")]
    for left, (length, size, name) in zip((MARGIN, 330), bars, strict=True):
        said += f'<path class="bar" d="M{left} {y - 7}v7h{size:.1f}v-7"/>'
        said += f'<text class="small" x="{left + size + 10:.1f}" y="{y}">{length:,.10g} ft {name}</text>'
    note = f"Vectors drawn {times:,.10g} times as long" + ("; dashed: cut" if any_cut else "")
    return said + f'<text class="small soft num" x="{WIDTH - MARGIN}" y="{y}">{note}</text>'


def _north() -> str:
    e, n = WIDTH - 28, 14
    return f'<path d="M{e} {n}l6 18l-6 -4l-6 4z" fill="#1d2329"/><text class="small mid" x="{e}" y="{n + 32}">N</text>'


def _nothing() -> str:
    return (
        f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{MAP_HEIGHT}"/>'
        f'<text class="soft mid" x="{WIDTH / 2:.0f}" y="{MAP_HEIGHT // 2}">No captured mark matches a monument of record.</text>'
    )


_COLUMNS = (
    ("Mark", 0, ""),
    ("Monument", 120, ""),
    ("dE", 268, "num"),
    ("dN", 318, "num"),
    ("Length", 374, "num"),
    ("dH", 426, "num"),
)


def _table(hit: gpd.GeoDataFrame, top: int) -> tuple[str, int]:
    """The table, and how far down the page reaches with it."""
    shown = hit.iloc[: 2 * ROWS_PER_COLUMN]
    deep = min(len(shown), ROWS_PER_COLUMN) if len(shown) <= ROWS_PER_COLUMN else -(-len(shown) // 2)
    said = []
    for column in range(0, len(shown), max(deep, 1)):
        left = MARGIN if column == 0 else WIDTH // 2 + MARGIN // 2
        said += [f'<text class="head {kind}" x="{left + at}" y="{top}">{name}</text>' for name, at, kind in _COLUMNS]
        said.append(f'<path class="rule" d="M{left} {top + 7}h428"/>')
        for line, row in enumerate(shown.iloc[column : column + deep].itertuples()):
            y = top + 24 + line * ROW
            texts = (
                _cut(_shown(row.name), 15),
                _cut(_shown(row.monument), 13) + ("" if row.matched_by == "identifier" else " (near)"),
                *(_feet(value) for value in (row.de_ft, row.dn_ft, row.distance_ft, row.dh_ft)),
            )
            colour = " beyond" if row.verdict == "beyond" else ""
            said += [
                f'<text class="{kind}{colour}" x="{left + at}" y="{y}">{_text(text)}</text>'
                for (_, at, kind), text in zip(_COLUMNS, texts, strict=True)
                if text
            ]
    end = top + 24 + deep * ROW
    if len(hit) > len(shown):
        rest = hit.iloc[len(shown) :]
        more = f"and {len(rest):,} more, none longer than {rest['distance_ft'].max():,.2f} ft"
        said.append(f'<text class="soft" x="{MARGIN}" y="{end + 6}">{more}</text>')
        end += 26
    if len(hit):
        note = 'Feet, found minus record. "near": matched by nearness, not by name. Rings: the tolerance.'
        said.append(f'<text class="small soft" x="{MARGIN}" y="{end + 8}">{_text(note)}</text>')
    return "".join(said), end + 28


def _feet(value: float) -> str:
    return "" if pd.isna(value) else f"{value:z,.2f}"


def _tolerance(check: pd.DataFrame) -> str:
    return f"{check['tolerance_ft'].iloc[0]:g} ft" if len(check) else "the tolerance"


def _shown(name: object) -> str:
    return "(no name)" if pd.isna(name) else str(name)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 does not allow in any spelling (section 2.2)."""
    return re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "\N{REPLACEMENT CHARACTER}", text)


def _text(text: str) -> str:
    return escape(_clean(text))
