"""
The ground of a page that something stands on, asked box after box.

Labels that may be moved are placed one after another in order of rank, each at the first of its places that is free, so that
none is ever pushed away by one of lower rank. The order decides, so this cannot be done for all at once; a grid of cells
keeps each question short.
"""

from collections.abc import Callable, Iterator

import numpy as np
import shapely

CELL_PT = 24.0
"""Side of a cell: about the width of a parcel number, so that a label lies in few cells."""

_MANY_CELLS = 400
_EMPTY: list = []


_Thing = tuple[float, float, float, float, shapely.Geometry | None]
"""Something on the page: left, bottom, right, top, and its shape where that is not a level box."""


class Occupied:
    """
    What stands on a page.

    Parameters
    ----------
    shapes : array of geometries
        Page points.
    """

    def __init__(self, shapes: np.ndarray = ()):
        self._cells: dict[tuple[int, int], list[_Thing]] = {}
        self._large: list[_Thing] = []
        self.add(shapes)

    def add(self, shapes: np.ndarray) -> None:
        """Let shapes stand, free or not."""
        for thing in _things(shapes):
            self._stand(thing)

    def one_each(
        self,
        boxes: np.ndarray,
        slots: np.ndarray,
        allowed: Callable[[int], bool] | None = None,
        *,
        also: np.ndarray | None = None,
    ) -> np.ndarray:
        """
        Of each slot's boxes the first that is free, by number; it stands from then on.

        Parameters
        ----------
        boxes : array of geometries, n
            Of a slot best first, slots in order of rank.
        slots : array of int, n
            What each is for; equal numbers are next to each other.
        allowed : callable, optional
            Asked last, of a box that is free, by number; what it lets pass stands.
        also : array of geometries, n, optional
            What comes with each box, as a leader does: it must be free too, and stands with it.

        Returns
        -------
        array of int
            At most one per slot, rising.
        """
        things = _things(boxes)
        seconds = _things(also) if also is not None else [None] * len(things)
        chosen = []
        settled = None
        for number, (slot, thing, second) in enumerate(zip(np.asarray(slots).tolist(), things, seconds, strict=True)):
            if slot == settled or not self._is_free(thing) or (second is not None and not self._is_free(second)):
                continue
            if allowed is None or allowed(number):
                self._stand(thing)
                if second is not None:
                    self._stand(second)
                chosen.append(number)
                settled = slot
        return np.array(chosen, dtype=int)

    def free(self, shapes: np.ndarray) -> bool:
        """Whether none of the shapes touches anything."""
        return all(self._is_free(thing) for thing in _things(shapes))

    def _is_free(self, thing: _Thing) -> bool:
        left, bottom, right, top, shape = thing
        for near in (self._large, *self._near(thing)):
            for w, s, e, n, other in near:
                if w <= right and e >= left and s <= top and n >= bottom:
                    if shape is None and other is None:
                        return False
                    if shapely.intersects(shape or shapely.box(left, bottom, right, top), other or shapely.box(w, s, e, n)):
                        return False
        return True

    def _near(self, thing: _Thing) -> Iterator[list[_Thing]]:
        left, bottom, right, top, _ = thing
        cells = self._cells
        rows = range(int(bottom // CELL_PT), int(top // CELL_PT) + 1)
        for i in range(int(left // CELL_PT), int(right // CELL_PT) + 1):
            for j in rows:
                yield cells.get((i, j), _EMPTY)

    def _stand(self, thing: _Thing) -> None:
        left, bottom, right, top, _ = thing
        across = range(int(left // CELL_PT), int(right // CELL_PT) + 1)
        up = range(int(bottom // CELL_PT), int(top // CELL_PT) + 1)
        if len(across) * len(up) > _MANY_CELLS:
            self._large.append(thing)
            return
        for i in across:
            for j in up:
                self._cells.setdefault((i, j), []).append(thing)


def _things(shapes: np.ndarray) -> list[_Thing]:
    shapes = np.asarray(shapes, dtype=object)
    if not len(shapes):
        return []
    bounds = shapely.bounds(shapes)
    whole = (bounds[:, 2] - bounds[:, 0]) * (bounds[:, 3] - bounds[:, 1])
    level = (shapely.area(shapes) >= whole * (1 - 1e-12)) & (whole > 0)
    kept = shapes.copy()
    kept[level] = None
    return list(zip(*bounds.T.tolist(), kept.tolist(), strict=True))
