"""Defects planted in a network of centrelines, each at crossings of its own."""

from collections import defaultdict
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.samples.parcel_fabric import DECIMALS

SHORT_FT = (0.05, 0.5, 3.0)
"""By how much an end stops short of its crossing, or runs past it."""
ASIDE = np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])
"""A turn by half a radian, counterclockwise, of a row vector."""
KINDS = {
    "undershoot": ("T18", ()),
    "overshoot": ("T18", ()),
    "pseudo_node": ("T18", ()),
    "duplicate_line": ("G04", ("T06", "T18")),
    "crossing_without_node": ("T18", ()),
}
"""Code that tells each kind, and codes that tell it as well."""

Node = tuple[float, float]


class Planted(NamedTuple):
    """A row of the truth: the columns of `citygis.samples.defects.plant_defects`."""

    kind: str
    layer: str
    size: float
    unit: str | None
    features: tuple[int, ...]
    block: int
    code: str
    also: tuple[str, ...]
    needs: str | None
    geometry: shapely.Point


def line_defects(lines: gpd.GeoDataFrame, rng: np.random.Generator, per_kind: int) -> tuple[gpd.GeoDataFrame, list[Planted]]:
    """
    A network with defects of five kinds: undershoot, overshoot, pseudo-node, duplicate, crossing without a node.

    Parameters
    ----------
    lines : GeoDataFrame
        The centrelines of a `ParcelFabric`. Not modified.
    rng : Generator
    per_kind : int

    Returns
    -------
    GeoDataFrame
        Lines added stand at the end.
    list of Planted

    Raises
    ------
    ValueError
        If there are too few lines that no other defect lies near.
    """
    geometry = np.asarray(lines.geometry.array, dtype=object).copy()
    street = lines["street"].tolist()
    coordinates = [shapely.get_coordinates(line) for line in geometry]
    at: dict[Node, list[int]] = defaultdict(list)
    for row, line in enumerate(coordinates):
        at[tuple(line[0])].append(row)
        at[tuple(line[-1])].append(row)
    order = [int(row) for row in rng.permutation(len(geometry)) if len(coordinates[row]) == 2]
    used: set[Node] = set()
    added: list[shapely.LineString] = []
    told = []
    for kind, (code, also) in KINDS.items():
        for turn in range(per_kind):
            row, nodes = _free_line(kind, order, coordinates, at, used)
            used |= nodes
            start, end = coordinates[row]
            size, place, extra = np.nan, (start + end) / 2, None
            if kind in ("undershoot", "overshoot"):
                size = SHORT_FT[turn % len(SHORT_FT)]
                along = (end - start) / np.hypot(*(end - start))
                # What runs past the crossing turns aside, or it would lie on the street that goes on there.
                place = end + size * along @ ASIDE if kind == "overshoot" else end - size * along
                geometry[row] = _line(start, end, place) if kind == "overshoot" else _line(start, place)
            elif kind == "pseudo_node":
                geometry[row], extra = _line(start, place), _line(place, end)
            elif kind == "duplicate_line":
                extra = _line(end, start)
            else:
                extra = _line(*_across(row, coordinates, at))
            features = [int(lines["cid"].iloc[row])]
            if extra is not None:
                added.append(extra)
                street.append(f"Diagonal {turn + 1}" if kind == "crossing_without_node" else street[row])
                features.append(len(lines) + len(added))
            unit = None if np.isnan(size) else "ft"
            told.append(Planted(kind, "centreline", size, unit, tuple(features), -1, code, also, None, shapely.Point(place)))
    whole = np.append(geometry, np.array(added, dtype=object))
    frame = gpd.GeoDataFrame({"cid": np.arange(1, len(whole) + 1), "street": street}, geometry=whole, crs=lines.crs)
    return frame, told


def _line(*places: np.ndarray | Node) -> shapely.LineString:
    return shapely.LineString(np.round(places, DECIMALS))


def _free_line(kind: str, order: list[int], coordinates: list, at: dict[Node, list[int]], used: set[Node]) -> tuple[int, set[Node]]:
    """The next line between two crossings of four ways each that no defect has touched, and the crossings it needs."""
    for place, row in enumerate(order):
        nodes = {tuple(coordinates[row][0]), tuple(coordinates[row][-1])}
        if any(len(at[node]) < 4 for node in nodes):
            continue
        if kind == "crossing_without_node":
            nodes |= set(_across(row, coordinates, at))
        if not nodes & used:
            del order[place]
            return row, nodes
    raise ValueError("Invalid per_kind. Must be less, or the fabric larger: there are no more streets without a defect.")


def _across(row: int, coordinates: list, at: dict[Node, list[int]]) -> tuple[Node, Node]:
    """The crossings diagonally opposite about the middle of a line: one to the left of its start, one to the right of its end."""
    start, end = coordinates[row]
    along = end - start

    def beside(node: np.ndarray, side: int) -> Node:
        far = []
        for other in at[tuple(node)]:
            line = coordinates[other]
            away = line[-1] if tuple(line[0]) == tuple(node) else line[0]
            step = away - node
            far.append((side * (along[0] * step[1] - along[1] * step[0]) / np.hypot(*step), tuple(away)))
        return max(far)[1]

    return beside(start, 1), beside(end, -1)
