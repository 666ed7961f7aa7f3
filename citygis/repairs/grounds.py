"""
The layers that a repair works on: their shapes, how well each is known, what must not be touched, and who stands near whom.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import shapely

from citygis.city import City
from citygis.quality.accuracy import accuracy_ft
from citygis.quality.subject import Subject

MARGIN_FT = 1.0
"""Boxes are made larger by this much before neighbours are looked up: more than any corner is moved."""

CORNER_LAYER = "corner"
"""The City layer whose features are never moved, and hold what stands on them."""

_ACCURACY = ("h_accuracy_ft", "accuracy_basis", "method")


@dataclass(frozen=True, eq=False)
class Ground:
    """
    One layer of polygons or lines.

    Attributes
    ----------
    about : Subject
        The layer as the rules see it, in feet.
    city : City
        Whose accuracy classes hold.
    is_measured : bool
        The rules were applied to it: what they worked out of its places is at hand.
    """

    about: Subject
    city: City
    is_measured: bool

    @property
    def name(self) -> str:
        """What the layer is called."""
        return self.about.name

    @property
    def feature(self) -> np.ndarray:
        """What each row is called."""
        return self.about.feature

    @property
    def source_ref(self) -> np.ndarray:
        """Where each row comes from."""
        return self.about.source_ref

    @property
    def global_id(self) -> np.ndarray:
        """The identifier of each row; None where the layer has none."""
        frame = self.about.frame
        return frame["global_id"].to_numpy(dtype=object) if "global_id" in frame else np.full(len(frame), None, dtype=object)

    @cached_property
    def shapes(self) -> np.ndarray:
        """The geometry of each row; None where it is not finite, empty, or retired."""
        shapes, current = self.about.place, self.about.current
        if not current.all():
            shapes = shapes.copy()
            shapes[~current] = None
        return shapes

    @cached_property
    def frozen(self) -> np.ndarray:
        """Which rows must stay as they are: they carry heights or measures, which a new vertex would not have."""
        frozen = np.zeros(len(self.feature), dtype=bool)
        frozen[differing(self.about.geometry, self.about.measured.geometry)] = True
        return frozen

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The first row of each name."""
        return dict(zip(self.feature[::-1].tolist(), range(len(self.feature) - 1, -1, -1), strict=True))

    @cached_property
    def trees(self) -> tuple[tuple[shapely.STRtree, np.ndarray], ...]:
        """Trees that hold every one of `shapes` between them, each with its rows."""
        if not self.is_measured:
            return ((shapely.STRtree(self.shapes), np.arange(len(self.shapes))),)
        tree, rows = self.about.measured.tree
        rest = np.ones(len(self.shapes), dtype=bool)
        rest[rows] = False
        others = np.flatnonzero(rest & ~shapely.is_missing(self.shapes))
        return ((tree, rows), (shapely.STRtree(self.shapes[others]), others))

    def accuracy_ft(self, rows: np.ndarray) -> np.ndarray:
        """How well some rows are known, in feet at 95 %."""
        frame = self.about.frame
        return accuracy_ft(frame[[name for name in _ACCURACY if name in frame]].iloc[rows], self.city)

    def excerpt(self, rows: np.ndarray, shapes: np.ndarray | None = None) -> Subject:
        """Some rows as the rules see them, called as in the whole layer; with other shapes, where these are given (of all rows)."""
        held = self.about
        frame = held.frame.iloc[rows].reset_index(drop=True)
        geometry = held.geometry[rows]
        if shapes is not None:
            differs = differing(self.shapes[rows], shapes[rows])
            geometry[differs] = shapes[rows[differs]]
        return replace(held, frame=frame, feature=held.feature[rows], source_ref=held.source_ref[rows], geometry=geometry)

    def after(self, shapes: np.ndarray) -> Subject:
        """The whole layer as the rules see it, with the shapes that it has now."""
        differs = differing(self.shapes, shapes)
        if not len(differs):
            return self.about
        geometry = self.about.geometry.copy()
        geometry[differs] = shapes[differs]
        return replace(self.about, geometry=geometry)

    def near(self, boxes: np.ndarray) -> np.ndarray:
        """The rows whose boxes meet any of these, MARGIN_FT about them, ascending."""
        if not len(boxes):
            return np.empty(0, dtype=np.intp)
        grown = shapely.box(*(shapely.bounds(boxes) + np.array([-MARGIN_FT, -MARGIN_FT, MARGIN_FT, MARGIN_FT])).T)
        met = np.zeros(len(self.shapes), dtype=bool)
        for tree, rows in self.trees:
            met[rows[tree.query(grown)[1]]] = True
        return np.flatnonzero(met)


def grounds_of(subjects: Mapping[str, Subject], city: City, *, are_measured: bool) -> dict[str, Ground]:
    """
    The layers of polygons and lines among those that are made ready; tables, empty layers and layers of points are left out.

    Parameters
    ----------
    subjects : mapping of name to Subject
    city : City
    are_measured : bool
        The rules were applied to `subjects`.
    """
    drawn = {name: about for name, about in subjects.items() if about.crs is not None and len(about.frame)}
    extended = [name for name, about in drawn.items() if (shapely.get_dimensions(about.geometry) > 0).any()]
    return {name: Ground(drawn[name], city, are_measured) for name in extended}


def corners_of(subjects: Mapping[str, Subject], grounds: Mapping[str, Ground]) -> shapely.STRtree:
    """Places that nothing is moved off: features of the corner layer, and the vertices of features that must stay as they are."""
    held = [shapely.points(shapely.get_coordinates(ground.shapes[ground.frozen])) for ground in grounds.values()]
    if CORNER_LAYER in subjects and subjects[CORNER_LAYER].crs is not None:
        held.append(shapely.force_2d(subjects[CORNER_LAYER].geometry))
    return shapely.STRtree(np.concatenate([np.atleast_1d(each) for each in held]) if held else [])


def differing(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Rows whose shape is another object: what is not changed is not made anew."""
    if before is after:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.frompyfunc(operator.is_not, 2, 1)(before, after).astype(bool))
