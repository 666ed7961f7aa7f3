"""
A map laid to its neighbours: its outer corners take the places the City's fabric has already, its outer courses their vertices.

The City's place is taken as it is, never an average: the neighbours stay where they are. Every corner that moves is in the table of
displacements, with what it moved to; none moves farther than the snap distance.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.cogo import SAGITTA_FT, Course, arc_vertices, azimuth_between, radial_azimuths
from citygis.cogo.arc import unit_vector
from citygis.findings import findings_frame
from citygis.tracts.plat import Plat

LAYERS = {"parcel": "apn", "right_of_way": "row_id", "tract": "tract_no", "corner": "corner_id"}
"""The City's layers whose places a corner may take, and the key that names a feature of each."""

_OF_FIGURES, _OF_MONUMENTS, _OF_PARENTS = 0, 1, 2
# What neighbours stand on comes first: a monument a hair beside it would leave a sliver between the map and its neighbour.

LOOK_FT = 2.0
"""A corner that has a corner of the City's within this, and beyond the snap, is told: epochs and realizations lie so far apart."""

SNAP_LIMIT_FT = 1.0
"""The widest snap that is taken: what moves farther is no corner met, but another place."""

DISPLACEMENT_BINS_FT = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Edges of the table of displacements."""

_MARGIN_FT = 50.0
_SAME_FT = 1e-9


class Fabric(NamedTuple):
    """
    The City's boundaries around a map: places (m, 2) of their vertices with the feature each is of and its rank, the
    boundaries as lines with theirs, and every segment between two places.
    """

    places: np.ndarray
    rank: np.ndarray
    feature: np.ndarray
    lines: np.ndarray
    line_feature: np.ndarray
    line_rank: np.ndarray
    segments: frozenset


class Meeting(NamedTuple):
    """
    A map that meets its neighbours: ``corners`` (n, 2) of the plat; ``displacement``, a GeoDataFrame with a row per outer corner:
    ``corner``, ``from_easting``, ``from_northing``, ``to_easting``, ``to_northing``, ``distance_ft``, ``onto``, ``why`` ("corner
    of the City's", "on the City's boundary", "nothing of the City's near"); ``findings``.
    """

    corners: np.ndarray
    displacement: gpd.GeoDataFrame
    findings: gpd.GeoDataFrame


def fabric_around(held: Mapping[str, pd.DataFrame], corners: np.ndarray, *, parents: Sequence[str] = ()) -> Fabric:
    """
    The City's current boundaries near a map.

    Parameters
    ----------
    held : mapping of layer name to frame
        Any of `LAYERS`, in City feet; retired features are passed over.
    corners : array (n, 2)
        Of the map.
    parents : sequence of str
        ``apn`` of parcels that the map replaces: their places are taken only where no other has one.
    """
    box = shapely.box(*(corners.min(axis=0) - _MARGIN_FT), *(corners.max(axis=0) + _MARGIN_FT))
    places, ranks, names, lines, owners, line_ranks = [], [], [], [], [], []
    for layer, key in LAYERS.items():
        frame = held.get(layer)
        if frame is None or not len(frame):
            continue
        shapes = frame.geometry.to_numpy()
        current = (
            ~frame["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool) if "status" in frame else np.ones(len(frame), bool)
        )
        near = np.flatnonzero(current & ~shapely.is_missing(shapes))
        near = near[shapely.intersects(shapes[near], box)]
        if not len(near):
            continue
        coords, owner = shapely.get_coordinates(shapes[near], return_index=True)
        label = np.array([f"{layer} {name}" for name in frame[key].iloc[near]], dtype=object)
        is_parent = frame[key].isin(list(parents)).to_numpy()[near] if layer == "parcel" else np.zeros(len(near), dtype=bool)
        places.append(coords)
        rank = _OF_MONUMENTS if layer == "corner" else _OF_FIGURES
        ranks.append(np.where(is_parent, _OF_PARENTS, rank)[owner])
        names.append(label[owner])
        if layer != "corner":
            lines.append(shapely.boundary(shapes[near]))
            owners.append(label)
            line_ranks.append(np.where(is_parent, _OF_PARENTS, _OF_FIGURES))
    if not places:
        nothing = np.empty(0, dtype=object)
        return Fabric(np.empty((0, 2)), np.empty(0, dtype=int), nothing, nothing, nothing, np.empty(0, dtype=int), frozenset())
    stacked, rank, name = np.vstack(places), np.concatenate(ranks), np.concatenate(names)
    order = np.lexsort((name.astype(str), rank, stacked[:, 1], stacked[:, 0]))
    stacked, rank, name = stacked[order], rank[order], name[order]
    first = np.concatenate([[True], (np.diff(stacked, axis=0) != 0).any(axis=1)])
    joined = np.concatenate(lines) if lines else np.empty(0, dtype=object)
    segments = frozenset(
        key
        for line in shapely.get_parts(shapely.get_parts(joined))
        for a, b in itertools.pairwise(map(tuple, shapely.get_coordinates(line).tolist()))
        for key in [(*a, *b), (*b, *a)]
    )
    owner = np.concatenate(owners) if owners else np.empty(0, dtype=object)
    line_rank = np.concatenate(line_ranks) if line_ranks else np.empty(0, dtype=int)
    return Fabric(stacked[first], rank[first], name[first], joined, owner, line_rank, segments)


def meet_neighbours(plat: Plat, corners: np.ndarray, fabric: Fabric, *, snap_ft: float, crs: CRS) -> Meeting:
    """
    The corners of a map with those on its outside moved onto the City's fabric.

    Parameters
    ----------
    plat : Plat
    corners : array (n, 2)
        Of the plat, in City feet.
    fabric : Fabric
    snap_ft : float
        How far a corner may move; at most `SNAP_LIMIT_FT`.
    crs : CRS
        The City's.

    Returns
    -------
    Meeting
        Findings: N10 the displacements (info), N11 corners that come near the City's and were not moved, with the vector if it is
        one and the same, N12 two corners that would take one place (error).

    Raises
    ------
    ValueError
        If `snap_ft` is not above 0 and at most `SNAP_LIMIT_FT`.
    """
    if not 0 < snap_ft <= SNAP_LIMIT_FT:
        raise ValueError(
            f"Invalid snap_ft {snap_ft!r}. Must be above 0 and at most {SNAP_LIMIT_FT:g} ft: what lies farther is another place."
        )
    edges = plat.edges
    outer_edge = ((edges["left"] < 0) | (edges["right"] < 0)).to_numpy()
    outer = np.unique(edges.loc[outer_edge, ["start", "end"]].to_numpy())
    moved, why = corners.copy(), np.full(len(corners), "nothing of the City's near", dtype=object)
    onto = np.full(len(corners), None, dtype=object)
    near_misses = []
    points = shapely.points(corners[outer])
    if len(fabric.places):
        taken = _nearest_place(corners[outer], fabric, snap_ft)
        for corner, place in zip(outer.tolist(), taken.tolist(), strict=True):
            if place >= 0:
                moved[corner], onto[corner], why[corner] = fabric.places[place], fabric.feature[place], "corner of the City's"
        _onto_lines(outer[taken < 0], corners, moved, onto, why, fabric, snap_ft)
        missed = _nearest_place(corners[outer], fabric, LOOK_FT)
        off = (taken < 0) & (missed >= 0) & np.array([why[corner].startswith("nothing") for corner in outer])
        near_misses = [(int(c), int(p)) for c, p in zip(outer[off], missed[off], strict=True)]
    clashes = _clashes(outer, corners, moved, onto, why)
    step = moved[outer] - corners[outer]
    table = pd.DataFrame(
        {
            "corner": outer,
            "from_easting": corners[outer, 0],
            "from_northing": corners[outer, 1],
            "to_easting": moved[outer, 0],
            "to_northing": moved[outer, 1],
            "distance_ft": np.hypot(*step.T),
            "onto": pd.Series(onto[outer], dtype="str"),
            "why": pd.Series(why[outer], dtype="str"),
        }
    )
    displacement = gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(points, crs=crs))
    rows = [_summary(displacement, snap_ft), *_missed(near_misses, corners, fabric, snap_ft), *clashes]
    return Meeting(moved, displacement, findings_frame(rows, crs=crs))


def displacement_counts(displacement: pd.DataFrame) -> pd.DataFrame:
    """How many outer corners moved how far: ``from_ft``, ``to_ft``, ``corners``, for those that took a place of the City's."""
    moved = displacement.loc[displacement["onto"].notna(), "distance_ft"]
    counts, _ = np.histogram(moved, bins=np.array(DISPLACEMENT_BINS_FT))
    return pd.DataFrame({"from_ft": DISPLACEMENT_BINS_FT[:-1], "to_ft": DISPLACEMENT_BINS_FT[1:], "corners": counts})


def shared_chains(
    plat: Plat, courses: Sequence[Course], corners: np.ndarray, fabric: Fabric, *, snap_ft: float
) -> list[np.ndarray]:
    """
    Vertices of each edge; one on the outside of the map takes the vertices that the City's fabric has along it.

    Parameters
    ----------
    plat : Plat
    courses : sequence of Course, one per edge
        Between `corners`.
    corners : array (n, 2)
    fabric : Fabric
    snap_ft : float
        How far a vertex may lie from the course and still be of it.
    """
    edges = plat.edges
    outside = ((edges["left"] < 0) | (edges["right"] < 0)).tolist()
    tree = shapely.STRtree(shapely.points(fabric.places)) if len(fabric.places) else None
    chains = []
    for course, a, b, is_outer in zip(courses, edges["start"].tolist(), edges["end"].tolist(), outside, strict=True):
        start, end = corners[a], corners[b]
        own = (
            np.array([start, end])
            if course.kind == "line"
            else arc_vertices(start, end, course.delta_deg, course.hand, sagitta_ft=SAGITTA_FT)
        )
        if not is_outer or tree is None:
            chains.append(own)
            continue
        reach = snap_ft + (SAGITTA_FT if course.kind != "line" else 0.0)
        found = tree.query(shapely.LineString(own), predicate="dwithin", distance=reach)
        share, off = _along(course, start, end, fabric.places[found])
        inside = (share > 0) & (share < 1) & (off <= snap_ft)
        stops = fabric.places[found[inside]][np.argsort(share[inside], kind="stable")]
        apart = [row for row in stops if min(math.dist(row, start), math.dist(row, end)) > snap_ft]
        chains.append(_through(course, start, end, apart, fabric, snap_ft))
    return chains


def _nearest_place(points: np.ndarray, fabric: Fabric, distance: float) -> np.ndarray:
    """The place that each point takes: the nearest in reach of those of the best rank; -1 for none."""
    tree = shapely.STRtree(shapely.points(fabric.places))
    point, place = tree.query(shapely.points(points), predicate="dwithin", distance=distance)
    away = np.hypot(*(fabric.places[place] - points[point]).T)
    order = np.lexsort((place, away, fabric.rank[place], point))
    found = np.full(len(points), -1)
    first, at = np.unique(point[order], return_index=True)
    found[first] = place[order][at]
    return found


def _onto_lines(
    rows: np.ndarray, corners: np.ndarray, moved: np.ndarray, onto: np.ndarray, why: np.ndarray, fabric: Fabric, snap_ft: float
) -> None:
    """Corners that lie on a boundary between two of its vertices are set on it."""
    if not len(rows) or not len(fabric.lines):
        return
    points = shapely.points(corners[rows])
    point, line = shapely.STRtree(fabric.lines).query(points, predicate="dwithin", distance=snap_ft)
    away = shapely.distance(points[point], fabric.lines[line])
    # A hair decides between two that share a boundary, so those in one place go by their order.
    order = np.lexsort((line, np.round(away, 4), fabric.line_rank[line], point))
    for at in order[np.unique(point[order], return_index=True)[1]].tolist():
        target = fabric.lines[line[at]]
        place = shapely.get_coordinates(
            shapely.line_interpolate_point(target, shapely.line_locate_point(target, points[point[at]]))
        )[0]
        corner = rows[point[at]]
        moved[corner], onto[corner], why[corner] = place, fabric.line_feature[line[at]], "on the City's boundary"


def _clashes(outer: np.ndarray, corners: np.ndarray, moved: np.ndarray, onto: np.ndarray, why: np.ndarray) -> list[dict]:
    """Two corners of the map at one place of the City's: the nearer has it, the other stays where it was."""
    rows = []
    order = sorted(outer.tolist(), key=lambda n: (math.dist(corners[n], moved[n]), n))
    taken: dict[tuple, int] = {}
    for corner in order:
        place = tuple(moved[corner].tolist())
        if place not in taken:
            taken[place] = corner
            continue
        rows.append(
            {
                "code": "N12",
                "rule": "corners_at_one_place",
                "severity": "error",
                "layer": "corner",
                "feature": str(corner),
                "other": str(taken[place]),
                "measure": float(math.dist(corners[corner], corners[taken[place]])),
                "unit": "ft",
                "message": f"Two corners of the map, {math.dist(corners[corner], corners[taken[place]]):.3f} ft apart,"
                " would both take the"
                f" place of {onto[corner]}. The nearer one has it.",
                "remedy": "Snap less (--snap-ft), or ask the surveyor which of the two is the City's corner.",
                "geometry": shapely.Point(corners[corner]),
            }
        )
        moved[corner], onto[corner], why[corner] = corners[corner], None, "nothing of the City's near"
    return rows


def _missed(pairs: list[tuple[int, int]], corners: np.ndarray, fabric: Fabric, snap_ft: float) -> list[dict]:
    if not pairs:
        return []
    step = np.array([fabric.places[place] - corners[corner] for corner, place in pairs])
    mean, spread = step.mean(axis=0), float(np.hypot(*(step - step.mean(axis=0)).T).max())
    same = len(pairs) >= 3 and spread < float(np.hypot(*mean)) / 4
    said = (
        f" All {len(pairs)} lie {np.hypot(*mean):.2f} ft away by one vector ({mean[0]:+.2f} E, {mean[1]:+.2f} N, within"
        f" {spread:.2f} ft):"
        " that is another epoch or frame than was stated, or a fit to other monuments."
        if same
        else ""
    )
    rows = []
    for (corner, place), one in zip(pairs, step, strict=True):
        rows.append(
            {
                "code": "N11",
                "rule": "corner_not_met",
                "severity": "error" if same else "review",
                "layer": "corner",
                "feature": str(corner),
                "other": fabric.feature[place],
                "measure": float(np.hypot(*one)),
                "unit": "ft",
                "tolerance": snap_ft,
                "message": f"A corner of the map lies {np.hypot(*one):.3f} ft from one of {fabric.feature[place]}, more than"
                f" {snap_ft:g} ft: it was not moved.{said}",
                "remedy": "Compare both with the record. If they are one corner, snap wider with the reason; never to make"
                " findings go away.",
                "geometry": shapely.Point(corners[corner]),
            }
        )
    return rows


def _summary(displacement: pd.DataFrame, snap_ft: float) -> dict:
    met = displacement[displacement["onto"].notna()]
    largest = float(met["distance_ft"].max()) if len(met) else 0.0
    return {
        "code": "N10",
        "rule": "displacement",
        "severity": "info",
        "layer": "corner",
        "measure": largest,
        "unit": "ft",
        "tolerance": snap_ft,
        "message": f"{len(met)} of {len(displacement)} outer corners took a place of the City's; the farthest moved"
        f" {largest:.3f} ft, the"
        f" median {float(met['distance_ft'].median()) if len(met) else 0.0:.3f} ft.",
        "remedy": "Nothing.",
    }


def _along(course: Course, start: np.ndarray, end: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the course at which points lie, and how far they are from it."""
    if course.kind == "line":
        step = end - start
        share = (points - start) @ step / (step @ step)
        return share, np.abs((points - start) @ np.array([-step[1], step[0]])) / math.hypot(*step)
    center = start - course.radius_ft * unit_vector(radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0])
    out = points - center
    turned = (azimuth_between(center, points) - float(azimuth_between(center, start))) * (1 if course.hand == "R" else -1)
    return (turned % 360) / course.delta_deg, np.abs(np.hypot(*out.T) - course.radius_ft)


def _through(
    course: Course, start: np.ndarray, end: np.ndarray, stops: list[np.ndarray], fabric: Fabric, snap_ft: float
) -> np.ndarray:
    """Vertices of a course through the City's on the way: between two of these its own segment where it has one, else the arc's."""
    way = [start, *stops, end]
    parts = [start[None, :]]
    for a, b in itertools.pairwise(way):
        chord = math.dist(a, b)
        if course.kind == "line" or chord <= _SAME_FT:
            parts.append(b[None, :])
            continue
        whole = len(way) == 2
        delta = course.delta_deg if whole else 2 * math.degrees(math.asin(min(1.0, chord / 2 / course.radius_ft)))
        sagitta = course.radius_ft * (1 - math.cos(math.radians(delta) / 2))
        if (*a.tolist(), *b.tolist()) in fabric.segments and sagitta <= snap_ft:
            parts.append(b[None, :])
        else:
            parts.append(arc_vertices(a, b, delta, course.hand, sagitta_ft=SAGITTA_FT)[1:])
    return np.vstack(parts)
