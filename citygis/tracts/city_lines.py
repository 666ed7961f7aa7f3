"""
The City's boundary lines where the map has courses: one line for one boundary, with the parcels on both of its sides.

A course of the map is divided where a line of the City's ends on it, or where the City's parcel beside it changes. Then a line that
the map's courses cover from end to end is replaced by them: retired by the map, what lies on its other side linked to the courses.
So are lines inside the map that bounded nothing but its parents. A line that the map covers in part stays, and rule T06 tells it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from citygis.cogo import SAGITTA_FT, format_angle, format_bearing, parse_angle
from citygis.findings import findings_frame
from citygis.tracts.layers import KNOWN_CORNER_FT
from citygis.tracts.plat import Plat

SAME_LINE_FT = KNOWN_CORNER_FT + SAGITTA_FT
"""
A line of the City's that lies no farther from the map's courses is the same boundary: corners and the vertices of arcs differ by so
much.
"""


class LinesMet(NamedTuple):
    """
    Courses of a map laid to the City's lines.

    ``columns``, ``chains``, ``refs``: of each course as it is entered, as `lines_met` takes them. ``retired``: rows of the City's
    boundary_line as they will be. ``findings``: N24 lines replaced (info), N25 courses divided (info).
    """

    columns: dict[str, list]
    chains: list[np.ndarray]
    refs: list
    retired: gpd.GeoDataFrame
    findings: gpd.GeoDataFrame


def lines_met(
    plat: Plat,
    columns: Mapping[str, Sequence[Any]],
    chains: Sequence[np.ndarray],
    held: Mapping[str, pd.DataFrame],
    *,
    ground: BaseGeometry,
    parents: Sequence[str],
    crs: CRS,
) -> LinesMet:
    """
    The courses of a map and the City's boundary lines made one fabric.

    Parameters
    ----------
    plat : Plat
    columns : mapping of str to sequence
        Of boundary_line, one value per edge of the plat: `citygis.tracts.layers.boundary_columns`.
    chains : sequence of array (n, 2)
        The vertices of each edge, laid to the City's: `citygis.tracts.neighbours.shared_chains`.
    held : mapping of layer name to frame
        ``parcel`` and ``boundary_line`` as the City had them before the map.
    ground : Polygon or MultiPolygon
        Of the map.
    parents : sequence of str
        ``apn`` of the City's parcels that the map replaces.
    crs : CRS

    Returns
    -------
    LinesMet
        Parts of a divided course have its direction and their share of its length on record, and are CALCULATED.
    """
    refs = plat.edges["source_ref"].fillna(plat.name).tolist()
    columns, chains = {name: list(values) for name, values in columns.items()}, list(chains)
    lines = _lines_near(held.get("boundary_line"), ground)
    if lines is None or not len(lines):
        nothing = gpd.GeoDataFrame({"line_id": pd.Series(dtype="str")}, geometry=[], crs=crs)
        return LinesMet(columns, chains, refs, nothing, findings_frame(crs=crs))
    parcels = held.get("parcel")
    gone = set(parcels.loc[parcels["apn"].isin(list(parents)), "global_id"]) if parcels is not None else set()
    place = lines.geometry.to_numpy()
    drawn = shapely.buffer(shapely.union_all([shapely.LineString(chain) for chain in chains]), SAME_LINE_FT)
    shapely.prepare(drawn)
    replaced = shapely.covered_by(place, drawn)
    outside = np.where(plat.edges["left"] < 0, "left", np.where(plat.edges["right"] < 0, "right", "")).tolist()
    beside = _Beside(lines[replaced], gone)
    inner = ~replaced & _inside(lines, ground, gone)
    corners = _ends(place[~replaced & ~inner])
    made: dict[str, list] = {name: [] for name in columns}
    parts, of, divided = [], [], 0
    for edge, chain in enumerate(chains):
        cuts = _cuts(chain, corners, beside, outside[edge]) if outside[edge] else []
        divided += bool(cuts)
        row = {name: values[edge] for name, values in columns.items()}
        for piece, values in _pieces(chain, cuts, row):
            if outside[edge]:
                values[f"{outside[edge]}_parcel"] = beside.parcel(piece, outside[edge])
            for name in made:
                made[name].append(values[name])
            parts.append(piece)
            of.append(refs[edge])
    retired = lines[replaced | inner].copy()
    retired["status"] = pd.Series("RETIRED", index=retired.index, dtype=retired["status"].dtype)
    retired["retired_by_record"] = pd.Series(plat.source_id, index=retired.index, dtype="str")
    return LinesMet(made, parts, of, retired, _told(retired, divided, crs))


class _Beside:
    """What lies beside the map, along lines that its courses replace."""

    def __init__(self, lines: gpd.GeoDataFrame, gone: set[str]) -> None:
        self.place = lines.geometry.to_numpy()
        self.tree = shapely.STRtree(self.place)
        self.sides = {side: lines[f"{side}_parcel"].astype(object).tolist() for side in ("left", "right")}
        self.gone = gone

    def parcel(self, piece: np.ndarray, side: str) -> str | None:
        """The City's parcel on a side of some vertices of a course; None where no line says, or a parent is there."""
        middle = shapely.line_interpolate_point(shapely.LineString(piece), 0.5, normalized=True)
        near = self.tree.query_nearest(middle, max_distance=SAME_LINE_FT)
        for line in sorted(near.tolist()):
            start, end = shapely.line_locate_point(self.place[line], shapely.points(piece[[0, -1]]))
            turned = {"left": "right", "right": "left"}[side]
            value = self.sides[side if end > start else turned][line]
            if isinstance(value, str) and value not in self.gone:
                return value
        return None


def _lines_near(lines: pd.DataFrame | None, ground: BaseGeometry) -> gpd.GeoDataFrame | None:
    """The City's lines that hold and meet a map."""
    if lines is None or not len(lines):
        return None
    shapes = lines.geometry.to_numpy()
    holds = ~lines["status"].eq("RETIRED").fillna(False) & lines["line_kind"].ne("CONNECTION").fillna(True)
    kept = np.flatnonzero(holds.to_numpy(dtype=bool) & ~shapely.is_missing(shapes))
    return lines.iloc[kept[shapely.dwithin(shapes[kept], ground, SAME_LINE_FT)]]


def _inside(lines: gpd.GeoDataFrame, ground: BaseGeometry, gone: set[str]) -> np.ndarray:
    """Which lines lie in the map and bounded nothing but its parents."""
    sides = [lines[f"{side}_parcel"].astype(object) for side in ("left", "right")]
    named = sides[0].isin(gone) | sides[1].isin(gone)
    others = [side.notna() & ~side.isin(gone) for side in sides]
    within = shapely.covered_by(lines.geometry.to_numpy(), shapely.buffer(ground, SAME_LINE_FT))
    return (named & ~others[0] & ~others[1]).to_numpy(dtype=bool) & within


def _ends(place: np.ndarray) -> shapely.STRtree:
    return shapely.STRtree(np.concatenate([shapely.get_point(place, end) for end in (0, -1)]))


def _cuts(chain: np.ndarray, corners: shapely.STRtree, beside: _Beside, side: str) -> list[int]:
    """The vertices between the ends of a course at which a line of the City's ends that stays, or the parcel beside changes."""
    inner = np.arange(1, len(chain) - 1)
    if not len(inner):
        return []
    at, _ = corners.query(shapely.points(chain[inner]), predicate="dwithin", distance=KNOWN_CORNER_FT)
    parcels = [beside.parcel(chain[n : n + 2], side) for n in range(len(chain) - 1)]
    changes = [n for n in inner.tolist() if parcels[n - 1] != parcels[n]]
    return sorted({*inner[np.unique(at)].tolist(), *changes})


def _pieces(chain: np.ndarray, cuts: Sequence[int], row: Mapping[str, Any]) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """A course divided at some of its vertices, with what is known of each part; whole without any."""
    if not cuts:
        return [(chain, dict(row))]
    stops = [0, *cuts, len(chain) - 1]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(chain, axis=0).T))])
    shares = along[stops] / along[-1]
    return [
        (chain[a : b + 1], _part(row, first, last, number))
        for number, (a, b, first, last) in enumerate(zip(stops, stops[1:], shares, shares[1:], strict=False), start=1)
    ]


def _part(row: Mapping[str, Any], first: float, last: float, number: int) -> dict[str, Any]:
    """What is known of the part of a course from one share of its length to another."""
    share = float(last - first)
    part = dict(row) | {"line_id": f"{row['line_id']}-{number}", "line_kind": "CALCULATED"}
    part["residual_dist_ft"] = row["residual_dist_ft"] * share
    if row["radius_ft"] is None:
        return part | {"distance_ft": row["distance_ft"] * share}
    delta = float(parse_angle(row["delta_dms"]))
    turn = delta * ((first + last) / 2 - 0.5) * (1 if row["curve_side"] == "R" else -1)
    azimuth = (row["direction_az"] + turn) % 360
    return part | {
        "direction_az": azimuth,
        "bearing_text": format_bearing((azimuth - row["rotation"]) % 360),
        "distance_ft": 2 * row["radius_ft"] * float(np.sin(np.radians(delta * share) / 2)),
        "arc_length_ft": row["arc_length_ft"] * share,
        "delta_dms": format_angle(delta * share),
    }


def _told(retired: gpd.GeoDataFrame, divided: int, crs: CRS) -> gpd.GeoDataFrame:
    rows = []
    if len(retired):
        names = ", ".join(retired["line_id"].astype("str").head(5))
        more = f" and {len(retired) - 5:,} more" if len(retired) > 5 else ""
        rows.append(
            {
                "code": "N24",
                "rule": "line_replaced",
                "severity": "info",
                "layer": "boundary_line",
                "measure": len(retired),
                "unit": "lines",
                "message": f"{len(retired):,} boundary lines of the City's are replaced by courses of the map, or lay between its "
                f"parents, and are retired by it: {names}{more}. What lies on their other side is linked to the courses.",
                "remedy": "Compare their record with the map's where it matters: history keeps it.",
            }
        )
    if divided:
        rows.append(
            {
                "code": "N25",
                "rule": "course_divided",
                "severity": "info",
                "layer": "boundary_line",
                "measure": divided,
                "unit": "courses",
                "message": f"{divided:,} courses of the map are divided where the City's lines end on them or its parcels beside "
                "them change; the parts have the course's direction and their share of its length.",
                "remedy": "Nothing: the parts of one course have its number, then -1, -2 and so on.",
            }
        )
    return findings_frame(rows, crs=crs)
