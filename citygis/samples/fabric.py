"""
The drawing closed into faces and laid on the ground: lots and rights of way that share every vertex bit for bit.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from citygis.samples.drafting import Arc, Curve, chords, coordinates, nodes_of
from citygis.samples.lots import fixed_lines, side_lines
from citygis.samples.plan import Plan
from citygis.samples.streets import RANKS, Network, network

ORIGIN = complex(6_336_000, 2_122_000)
"""Where the plan's south-west corner lies: a plausible place in San Joaquin County, EPSG:6420."""
TURN = complex(math.cos(math.radians(-6)), math.sin(math.radians(-6)))
"""How the plan is turned against grid north, so that no street runs exactly along an axis."""


class Course(NamedTuple):
    """A course of the fabric: its curve in plan feet, its points on the ground, the faces on either side (-1: none)."""

    curve: Curve
    role: str
    points: np.ndarray
    left: int
    right: int


class Fabric(NamedTuple):
    """
    The faces and courses of the city.

    Attributes
    ----------
    faces : array of n Polygon
        On the ground, in feet, counterclockwise, coordinates rounded to 1e-4 ft. Together a valid coverage.
    inside : (n,) array of complex
        A point of each face in plan feet, where plan and names are asked.
    street : (n,) array of int
        The street whose right of way the face is, -1 for a lot.
    block : (n,) array of int
        Lots of one block share a number; -1 for a right of way.
    courses : list of Course
    network : Network
    """

    faces: np.ndarray
    inside: np.ndarray
    street: np.ndarray
    block: np.ndarray
    courses: list[Course]
    network: Network


def on_ground(points: Sequence[complex]) -> np.ndarray:
    """Plan points on the ground: turned, moved, rounded to 1e-4 ft. An (n, 2) array of easting, northing."""
    return np.round(coordinates(np.asarray(points, dtype=complex) * TURN + ORIGIN), 4)


def fabric(plan: Plan, rng: np.random.Generator) -> Fabric:
    """
    The plan drawn, cut into lots and closed into faces.

    Parameters
    ----------
    plan : Plan
    rng : Generator
        Varies the lots along each street.
    """
    streets = network(plan.streets)
    walls = streets.drawn + fixed_lines(streets, plan.rear_lines, "rear", plan.sites) + fixed_lines(streets, plan.banks, "bank", ())
    drawn = walls + side_lines(streets, walls, plan.sites, plan.widths, rng)
    nodes, pieces = nodes_of([d.curve for d in drawn])
    ground = on_ground(nodes)
    lines, kept, twins = [], [], set()
    for piece in pieces:
        middle = on_ground(chords(piece.curve)[1:-1]) if isinstance(piece.curve, Arc) else np.empty((0, 2))
        line = np.vstack([ground[piece.start], middle, ground[piece.end]])
        # Courses that run along each other (a mouth under a rear line, say) are drawn once.
        twin = (min(piece.start, piece.end), max(piece.start, piece.end), len(line))
        if twin not in twins:
            twins.add(twin)
            lines.append(line)
            kept.append(piece)
    faces = shapely.orient_polygons(shapely.get_parts(shapely.polygonize([shapely.linestrings(line) for line in lines])))
    inside = _plan_points(shapely.point_on_surface(faces))
    street = _street_of(inside, streets)
    left, right = _sides(faces, lines)
    courses = [
        Course(piece.curve, drawn[piece.source].role, line, a, b)
        for piece, line, a, b in zip(kept, lines, left, right, strict=True)
        if a >= 0 or b >= 0
    ]
    courses = [course for course in courses if course.left != course.right]
    return Fabric(faces, inside, street, _blocks(street, courses), courses, streets)


def _plan_points(points: np.ndarray) -> np.ndarray:
    return (shapely.get_x(points) + 1j * shapely.get_y(points) - ORIGIN) / TURN


def _street_of(inside: np.ndarray, streets: Network) -> np.ndarray:
    """The street of each face: of those that hold its inner point, the one that keeps its edge."""
    rank = np.array([RANKS[street.kind] * 10_000 + number for number, street in enumerate(streets.streets)])
    face, street = shapely.STRtree(streets.areas).query(shapely.points(coordinates(inside)), predicate="within")
    order = np.lexsort((rank[street], face))
    result = np.full(len(inside), -1)
    first, at = np.unique(face[order], return_index=True)
    result[first] = street[order][at]
    return result


def _sides(faces: np.ndarray, lines: list[np.ndarray]) -> tuple[list[int], list[int]]:
    """The face to the left and to the right of each line, -1 where there is none."""
    coords, ring = shapely.get_coordinates(shapely.get_rings(faces), return_index=True)
    owner = np.repeat(np.arange(len(faces)), shapely.get_num_interior_rings(faces) + 1)[ring]
    same = ring[:-1] == ring[1:]
    starts, ends, owners = coords[:-1][same].tolist(), coords[1:][same].tolist(), owner[:-1][same].tolist()
    left_of = {(*a, *b): face for a, b, face in zip(starts, ends, owners, strict=True)}
    first = [(*line[0].tolist(), *line[1].tolist()) for line in lines]
    return [left_of.get(key, -1) for key in first], [left_of.get((*key[2:], *key[:2]), -1) for key in first]


def _blocks(street: np.ndarray, courses: list[Course]) -> np.ndarray:
    """Lots that can be reached from each other without crossing a right of way share a block."""
    parent = list(range(len(street)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for course in courses:
        a, b = course.left, course.right
        if a >= 0 and b >= 0 and street[a] < 0 and street[b] < 0:
            parent[max(root(a), root(b))] = min(root(a), root(b))
    numbers: dict[int, int] = defaultdict(lambda: len(numbers))
    return np.array([numbers[root(k)] if street[k] < 0 else -1 for k in range(len(street))])
