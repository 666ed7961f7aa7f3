"""
Lots from linework and labels: the smallest snap that closes the figures, their exact areas, and whose number stands in each.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.cogo import Course
from citygis.linework import problems
from citygis.linework.faces import Faces, faces_of, ring_vertices
from citygis.linework.labels import LabelRules, faces_of_labels, labels_by_face, lot_labels
from citygis.linework.noding import Edges, edges_of
from citygis.linework.piece import Pieces, chains_of, length_ft, pieces_of, radius_ft, require_columns

SNAPS_FT = (0.005, 0.01, 0.02, 0.05, 0.1)
"""Snap distances that are tried in turn: from what rounding explains to what a draftsman misses by hand without object snaps."""

SLIVER_WIDTH_FT = 0.5
"""A face of which twice the area over the perimeter is less is no land, but two lines that should be one."""

SYMBOL_HEIGHTS = 6.0
"""A circle or block around a number is a symbol up to this many times the height of its text; what is wider is land."""

KINDS = ("lot", "not_a_part", "unlabelled", "several_labels", "outer_boundary", "sliver")
"""What a face is."""


class Lots(NamedTuple):
    """
    What linework and labels make.

    Attributes
    ----------
    polygons : GeoDataFrame, one row per face
        ``face`` (the index of the others refer to), ``lot`` (null unless exactly one label names it), ``kind`` (one of `KINDS`),
        ``area_sqft`` (exact on the arcs, holes taken out), ``perimeter_ft``, ``courses`` (number), ``labels`` (those that stand
        in it, joined by "; "), ``source_ref`` (of the label), ``geometry`` (derived from the courses at `citygis.cogo.SAGITTA_FT`).
    courses : GeoDataFrame, one row per edge
        ``kind`` (line, curve), ``azimuth_deg`` (of the chord), ``distance_ft`` (of the chord), ``radius_ft``, ``delta_deg``,
        ``arc_ft``, ``hand``, ``start_easting`` to ``end_northing``, ``left_face`` and ``right_face`` (-1 for none), ``layer``,
        ``handles`` (of every entity drawn there, joined by "; "), ``drawn_length_ft`` (of the first of them as drawn, whole),
        ``is_approximate``, ``source_ref``, ``geometry``.
    rings : DataFrame, one row per edge of each face
        ``face``, ``ring`` (0 the shell), ``position``, ``course``, ``is_forward``; shells run clockwise, as deeds do.
    findings : GeoDataFrame
        A findings frame, codes W.
    snap_ft : float
        The snap that was used.
    attempts : DataFrame
        One row per snap tried: ``snap_ft``, ``dangles``, ``several_labels``, ``slivers``, ``lots``, ``faces``.
    spread_ft : float
        How far the farthest end was moved by it.
    shortest_ft : float
        The shortest course of a face; infinite without any.
    """

    polygons: gpd.GeoDataFrame
    courses: gpd.GeoDataFrame
    rings: pd.DataFrame
    findings: gpd.GeoDataFrame
    snap_ft: float
    attempts: pd.DataFrame
    spread_ft: float
    shortest_ft: float


class Attempt(NamedTuple):
    """Everything that one snap makes of linework and labels."""

    snap_ft: float
    edges: Edges
    faces: Faces
    chains: list[np.ndarray]
    polygons: np.ndarray
    face_of_label: np.ndarray
    labels: list[dict[str, list[int]]]

    @property
    def several(self) -> int:
        """Faces in which more than one lot number stands."""
        return sum(len([label for label in found if label]) > 1 for found in self.labels)

    @property
    def numbered(self) -> int:
        """Faces in which exactly one lot number stands."""
        return sum(len([label for label in found if label]) == 1 for found in self.labels)

    @property
    def areas_sqft(self) -> np.ndarray:
        """Exact area of each face, holes taken out."""
        return np.array([sum(ring.area_sqft for ring in rings) for rings in self.faces.rings], dtype=float)

    @property
    def perimeters_ft(self) -> np.ndarray:
        """Length of all rings of each face."""
        lengths = length_ft(self.edges.pieces)
        return np.array([sum(lengths[ring.edges].sum() for ring in rings) for rings in self.faces.rings], dtype=float)

    @property
    def slivers(self) -> int:
        """Faces without a number that are thinner than `SLIVER_WIDTH_FT`."""
        thin = 2 * self.areas_sqft < SLIVER_WIDTH_FT * self.perimeters_ft
        return int((thin & np.array([not found for found in self.labels], dtype=bool)).sum())


def lots(
    lines: gpd.GeoDataFrame,
    texts: gpd.GeoDataFrame,
    *,
    leaders: gpd.GeoDataFrame | None = None,
    snaps_ft: Sequence[float] = SNAPS_FT,
    rules: LabelRules | None = None,
    crs: CRS | None = None,
) -> Lots:
    """
    Lots from lines, arcs and labels.

    Parameters
    ----------
    lines : GeoDataFrame
        In feet, with the columns of `citygis.readers.dxf.Drawing.lines`: only the layers that bound lots. Not modified.
    texts : GeoDataFrame
        In feet, with the columns of `Drawing.texts`: those that may number lots.
    leaders : GeoDataFrame, optional
        In feet, with the columns of `Drawing.leaders`: arrows from numbers to their lots.
    snaps_ft : sequence of float
        Ascending. The first that leaves no dangling end, no face with two numbers and no sliver is used; where none does, the one
        that leaves the fewest.
    rules : LabelRules, optional
        What a number looks like.
    crs : CRS, optional
        Of the coordinates.

    Returns
    -------
    Lots
        Every label is the number of a lot or in a finding, every line an edge or in a finding.

    Raises
    ------
    ValueError
        If `snaps_ft` is empty, not ascending or not positive, or `lines` is no linework.
    """
    snaps = [float(snap) for snap in snaps_ft]
    if not snaps or snaps != sorted(set(snaps)) or not (snaps[0] > 0 and math.isfinite(snaps[-1])):
        raise ValueError(f"Invalid snaps_ft {snaps_ft!r}. Must be positive and ascending.")
    require_columns(lines)
    labels = lot_labels(texts, rules, leaders)
    is_symbol = symbols(lines, labels, texts)
    kept = lines[~is_symbol].reset_index(drop=True)
    pieces = pieces_of(kept)
    best, rows = None, []
    for snap in snaps:
        attempt = _attempt(pieces, labels, snap)
        several, dangles, slivers = _faults(attempt)
        rows.append((snap, dangles, several, slivers, attempt.numbered, len(attempt.polygons)))
        # The narrowest snap wins among equals.
        if best is None or (_faults(attempt), -attempt.numbered) < (_faults(best), -best.numbered):
            best = attempt
        if not any(_faults(attempt)):
            break
    attempts = pd.DataFrame(rows, columns=["snap_ft", "dangles", "several_labels", "slivers", "lots", "faces"])
    polygons = _polygon_frame(best, labels, crs)
    courses = _course_frame(best, kept, pieces, crs)
    rings = _ring_frame(best)
    bounding = courses[(courses["left_face"] >= 0) | (courses["right_face"] >= 0)]
    shortest = float(bounding["arc_ft"].fillna(bounding["distance_ft"]).min()) if len(bounding) else math.inf
    findings = problems.of_lots(
        best, polygons, courses, labels, kept, texts=texts, symbols=lines[is_symbol], shortest_ft=shortest, crs=crs
    )
    spread = float(best.edges.spread_ft.max(initial=0.0))
    return Lots(polygons, courses, rings, findings, best.snap_ft, attempts, spread, shortest)


def courses_of(found: Lots, face: int, *, ring: int = 0) -> tuple[Course, ...]:
    """
    The courses of a face in order, clockwise for its shell, as `citygis.cogo` takes them: for closure, area, a description.

    Parameters
    ----------
    found : Lots
    face : int
        Of ``polygons.face``.
    ring : int
        0 for the shell, then its holes.

    Returns
    -------
    tuple of Course
        Calculated; ``text`` names the entities they were drawn with.
    """
    steps = found.rings[(found.rings["face"] == face) & (found.rings["ring"] == ring)].sort_values("position")
    if not len(steps):
        raise ValueError(f"Invalid face {face!r}, ring {ring!r}. Must be one of `rings`.")
    other = {"L": "R", "R": "L"}
    made = []
    for step in steps.itertuples():
        row = found.courses.loc[step.course]
        curved = row["kind"] == "curve"
        azimuth = row["azimuth_deg"] if step.is_forward else (row["azimuth_deg"] + 180) % 360
        hand = (row["hand"] if step.is_forward else other[row["hand"]]) if curved else None
        elements = (row["radius_ft"], row["delta_deg"], row["arc_ft"]) if curved else (None, None, None)
        made.append(
            Course(row["kind"], float(azimuth), float(row["distance_ft"]), *elements, hand, basis="CALCULATED", text=row["handles"])
        )
    return tuple(made)


def polygons_of(rings: pd.DataFrame, chains: Sequence[np.ndarray], count: int) -> np.ndarray:
    """
    The polygons of faces from their courses.

    Parameters
    ----------
    rings : DataFrame
        As `Lots.rings`.
    chains : sequence of array
        Vertices of each course as it runs.
    count : int
        Number of faces.

    Returns
    -------
    array of Polygon
    """
    found: list[list[np.ndarray]] = [[] for _ in range(count)]
    for (face, _), ring in rings.sort_values(["face", "ring", "position"]).groupby(["face", "ring"], sort=True):
        travelled = zip(ring["course"].tolist(), ring["is_forward"].tolist(), strict=True)
        parts = [chains[course][:-1] if forward else chains[course][:0:-1] for course, forward in travelled]
        found[face].append(np.vstack([*parts, parts[0][:1]]))
    polygons = np.empty(count, dtype=object)
    for face, (shell, *holes) in enumerate(found):
        polygons[face] = shapely.Polygon(shell, holes)
    return polygons


def symbols(lines: pd.DataFrame, labels: pd.DataFrame, texts: pd.DataFrame) -> np.ndarray:
    """
    Linework that is no boundary but frames a number: that of a block around the only number in it, and a full circle around one,
    both no wider than `SYMBOL_HEIGHTS` times the number is high, where `texts` tell. A block may also hold a lot, or all of them.

    Returns
    -------
    array of bool, one per row of `lines`
    """
    framed = np.zeros(len(lines), dtype=bool)
    numbered = labels[labels["is_lot"]]
    if not len(lines) or not len(numbered):
        return framed
    height = texts["height"].to_numpy(dtype=float) if "height" in texts.columns else np.full(len(texts), np.inf)
    widest = SYMBOL_HEIGHTS * height[numbered["text"].to_numpy()]
    if "block" in lines.columns:
        alone = ~numbered["handle"].duplicated(keep=False).to_numpy() & (numbered["handle"] != "").to_numpy()
        limit = lines["handle"].map(dict(zip(numbered["handle"][alone], widest[alone], strict=True)))
        inside = (limit.notna() & (lines["block"] != "")).to_numpy()
        if inside.any():
            extent = (
                lines[inside]
                .geometry.bounds.groupby(lines.loc[inside, "handle"].to_numpy())
                .agg({"minx": "min", "miny": "min", "maxx": "max", "maxy": "max"})
            )
            wide = np.maximum(extent["maxx"] - extent["minx"], extent["maxy"] - extent["miny"])
            framed[inside] = (lines.loc[inside, "handle"].map(wide) <= limit[inside]).to_numpy()
    if "handle" in lines.columns and "center_easting" in lines.columns:
        halves = lines[(lines["kind"] == "arc") & (lines["delta_deg"] == 180.0)]
        keys = ["handle", "block", "center_easting", "center_northing", "radius"]
        circles = halves[halves.duplicated(keys, keep=False)]
        for row, easting, northing, radius in zip(
            lines.index.get_indexer(circles.index),
            circles["center_easting"],
            circles["center_northing"],
            circles["radius"],
            strict=True,
        ):
            away = np.hypot(numbered["easting"].to_numpy() - easting, numbered["northing"].to_numpy() - northing)
            within = np.flatnonzero(away < radius)
            framed[row] |= len(within) == 1 and bool(2 * radius <= widest[within[0]])
    return framed


def _attempt(pieces: Pieces, labels: pd.DataFrame, snap_ft: float) -> Attempt:
    edges = edges_of(pieces, snap_ft=snap_ft)
    chains = chains_of(edges.pieces)
    faces = faces_of(edges, chains)
    polygons = np.empty(len(faces.rings), dtype=object)
    for n, (shell, *holes) in enumerate(faces.rings):
        polygons[n] = shapely.Polygon(ring_vertices(shell, chains)[::-1], [ring_vertices(hole, chains)[::-1] for hole in holes])
    where = faces_of_labels(polygons, labels)
    return Attempt(snap_ft, edges, faces, chains, polygons, where, labels_by_face(labels, where, len(polygons)))


def _faults(attempt: Attempt) -> tuple[int, int, int]:
    return attempt.several, len(attempt.faces.ends), attempt.slivers


def _polygon_frame(attempt: Attempt, labels: pd.DataFrame, crs) -> gpd.GeoDataFrame:
    area, perimeter = attempt.areas_sqft, attempt.perimeters_ft
    all_numbers = {label for found in attempt.labels for label in found if label}
    lot, kind, said, refs = [], [], [], []
    for n, found in enumerate(attempt.labels):
        numbers = sorted((label for label in found if label), key=_natural)
        what = _kind(numbers, "" in found, area[n], perimeter[n], len(all_numbers), len(attempt.faces.rings[n]) > 1)
        rows = found[numbers[0]] if what == "lot" else []
        lot.append(numbers[0] if what == "lot" else None)
        kind.append(what)
        said.append("; ".join([*numbers, "not a part"] if "" in found else numbers))
        refs.append(labels["source_ref"].iloc[rows[0]] if rows else None)
    table = {
        "face": np.arange(len(area)),
        "lot": pd.Series(lot, dtype="str"),
        "kind": pd.Series(kind, dtype="str"),
        "area_sqft": area.astype(float),
        "perimeter_ft": perimeter.astype(float),
        "courses": np.array([sum(len(ring.edges) for ring in rings) for rings in attempt.faces.rings], dtype="int64"),
        "labels": pd.Series(said, dtype="str"),
        "source_ref": pd.Series(refs, dtype="str"),
    }
    return gpd.GeoDataFrame(pd.DataFrame(table), geometry=gpd.array.from_shapely(attempt.polygons, crs=crs))


def _kind(numbers: list[str], is_none: bool, area: float, perimeter: float, all_numbers: int, has_holes: bool) -> str:
    if len(numbers) == 1 and not is_none:
        return "lot"
    # Most of the numbers in one figure: it is the outer boundary, and the lines between its lots are missing.
    if len(numbers) > 2 and len(numbers) * 2 > all_numbers:
        return "outer_boundary"
    if numbers:
        return "several_labels"
    if is_none:
        return "not_a_part"
    return "sliver" if 2 * area / perimeter < SLIVER_WIDTH_FT else "unlabelled"


def _natural(label: str) -> tuple[int, str]:
    digits = "".join(letter for letter in label if letter.isdigit())
    return int(digits) if digits else -1, label


def _course_frame(attempt: Attempt, lines: pd.DataFrame, drawn: Pieces, crs) -> gpd.GeoDataFrame:
    edges = attempt.edges
    pieces = edges.pieces
    step = pieces.b - pieces.a
    curved = pieces.sweep != 0
    radius, length = radius_ft(pieces), length_ft(pieces)
    whole = np.bincount(drawn.source, length_ft(drawn), minlength=len(lines))
    blank = pd.Series("", index=lines.index, dtype="str")
    handle = lines.get("handle", blank).to_numpy(dtype=object)
    approximate = lines["is_approximate"].to_numpy(dtype=bool) if "is_approximate" in lines else np.zeros(len(lines), dtype=bool)
    begins = np.searchsorted(edges.edge, np.arange(len(pieces.a) + 1))
    joined = ["; ".join(dict.fromkeys(handle[edges.source[low:high]])) for low, high in itertools.pairwise(begins)]
    source = pieces.source
    table = pd.DataFrame(
        {
            "kind": pd.Series(np.where(curved, "curve", "line"), dtype="str"),
            "azimuth_deg": np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360,
            "distance_ft": np.hypot(*step.T),
            "radius_ft": np.where(curved, radius, np.nan),
            "delta_deg": np.where(curved, np.degrees(np.abs(pieces.sweep)), np.nan),
            "arc_ft": np.where(curved, length, np.nan),
            "hand": pd.Series([None if not turn else "L" if turn > 0 else "R" for turn in pieces.sweep.tolist()], dtype="str"),
            "start_easting": pieces.a[:, 0],
            "start_northing": pieces.a[:, 1],
            "end_easting": pieces.b[:, 0],
            "end_northing": pieces.b[:, 1],
            "left_face": attempt.faces.left,
            "right_face": attempt.faces.right,
            "layer": pd.Series(lines.get("layer", blank).to_numpy(dtype=object)[source], dtype="str"),
            "handles": pd.Series(joined, dtype="str"),
            "drawn_length_ft": whole[source],
            "is_approximate": approximate[source],
            "source_ref": pd.Series(lines.get("source_ref", blank).to_numpy(dtype=object)[source], dtype="str"),
        }
    )
    geometry = np.array([shapely.LineString(chain) for chain in attempt.chains], dtype=object)
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(geometry, crs=crs))


def _ring_frame(attempt: Attempt) -> pd.DataFrame:
    """Rings turned round: faces are walked with the land on the left, deeds with it on the right."""
    parts = []
    for face, rings in enumerate(attempt.faces.rings):
        for number, ring in enumerate(rings):
            count = len(ring.edges)
            parts.append(
                np.column_stack(
                    [np.full(count, face), np.full(count, number), np.arange(count), ring.edges[::-1], ~ring.forward[::-1]]
                )
            )
    columns = ["face", "ring", "position", "course", "is_forward"]
    table = pd.DataFrame(np.vstack(parts) if parts else np.empty((0, 5), dtype=int), columns=columns)
    return table.astype({"is_forward": bool})
