"""The 24 kinds of defects that a parcel can have, each made on one lot."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely
from pyproj import Transformer

from citygis.samples.parcel_fabric import DECIMALS
from citygis.units import US_SURVEY_FOOT

WIDTHS_FT = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
MISALIGNED_FT = (0.001, 0.005, 0.01, 0.05, 0.1)
INTO_STREET_FT = (0.05, 0.5, 3.0)
SPIKE_FT = 3.0
HELD_BACK_FT = 0.0003
"""Less than what sets two corners apart (0.0005 ft), more than a coordinate is rounded by."""


class Lot(NamedTuple):
    """
    Where a defect goes: a lot in the middle of the lower row of a block.

    Attributes
    ----------
    pid : int
    ring : (v, 2) array
        Counterclockwise, unclosed, from the south-west corner: the front, the east side line, the rear line from east to west, the
        west side line.
    east, west : int
        Where in `ring` the east and the west end of the rear line are.
    farther : (int, Polygon)
        The second lot to the east, which it does not touch.
    """

    pid: int
    ring: np.ndarray
    east: int
    west: int
    farther: tuple[int, shapely.Polygon]


class Change(NamedTuple):
    """What a defect does to the parcels: geometries given to some, some taken out, some added; and a point of the defect."""

    given: dict[int, shapely.Geometry | None]
    place: np.ndarray
    removed: tuple[int, ...] = ()
    added: tuple[shapely.Geometry, ...] = ()
    size: float | None = None


class Kind(NamedTuple):
    """
    A kind of defect.

    Attributes
    ----------
    name : str
    make : callable
        Lot, size and CRS to `Change`.
    code : str
        Of the finding that tells it.
    also : tuple of str
        Codes that tell it as well, or in its stead where it is wide or where the streets are given too.
    sizes : tuple of float
        Taken in turn; none where the kind has no size.
    unit : str or None
    needs : str or None
        A layer without which nobody can know of it.
    """

    name: str
    make: Callable[..., Change]
    code: str
    also: tuple[str, ...] = ()
    sizes: tuple[float, ...] = ()
    unit: str | None = "ft"
    needs: str | None = None


def polygon(ring: np.ndarray, *holes: np.ndarray) -> shapely.Polygon:
    """A polygon of unclosed rings, rounded as the fabric is."""
    return shapely.Polygon(np.round(ring, DECIMALS), [np.round(hole, DECIMALS) for hole in holes])


def direction(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """From a place toward another, a vector one foot long."""
    return (end - start) / np.hypot(*(end - start))


def _square(middle: np.ndarray, side: float) -> np.ndarray:
    return middle + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2


def middle_of(lot: Lot) -> np.ndarray:
    """A place well inside the lot."""
    return lot.ring[[0, 1, lot.east, lot.west]].mean(axis=0)


def _outward(lot: Lot) -> np.ndarray:
    """From the front toward the street, a vector one foot long."""
    east, north = direction(lot.ring[0], lot.ring[1])
    return np.array([north, -east])


def _side_moved(lot: Lot, size: float) -> Change:
    """The whole east side line moved east, onto the neighbour, or west, off it; its rear end stays on the rear line."""
    ring = lot.ring.copy()
    ring[1 : lot.east] += size * direction(lot.ring[0], lot.ring[1])
    ring[lot.east] += size * direction(lot.ring[lot.east + 1], lot.ring[lot.east])
    return Change({lot.pid: polygon(ring)}, lot.ring[1 : lot.east + 1].mean(axis=0))


def _overlap(lot: Lot, size: float, crs) -> Change:
    return _side_moved(lot, size)


def _gap(lot: Lot, size: float, crs) -> Change:
    """Open ground and nothing else: the rear end is held back by more than rounding could put it over the rear line."""
    moved = _side_moved(lot, -size)
    ring = shapely.get_coordinates(moved.given[lot.pid])[:-1]
    ring[lot.east] += HELD_BACK_FT * direction(lot.ring[lot.east], lot.ring[1])
    return moved._replace(given={lot.pid: polygon(ring)})


def _misaligned(lot: Lot, size: float, crs) -> Change:
    """One end of the rear line moved, into the lot, halfway between its lines."""
    ring = lot.ring.copy()
    ring[lot.east] += size * direction(lot.ring[lot.east], middle_of(lot))
    return Change({lot.pid: polygon(ring)}, lot.ring[lot.east])


def _missing_vertex(lot: Lot, size: float, crs) -> Change:
    """A T-junction on the rear line left out; in a curved block the line bends there a little, and the size says how much."""
    at = lot.east + 1
    before, place, after = lot.ring[at - 1 : at + 2]
    bend = shapely.distance(shapely.LineString([before, after]), shapely.Point(place))
    return Change({lot.pid: polygon(np.delete(lot.ring, at, axis=0))}, place, size=round(float(bend), DECIMALS))


def _bowtie(lot: Lot, size: float, crs) -> Change:
    ring = lot.ring.copy()
    ring[[0, 1]] = ring[[1, 0]]
    return Change({lot.pid: polygon(ring)}, lot.ring[0])


def on_front(lot: Lot, *offsets: tuple[float, float]) -> np.ndarray:
    """Places along the front, in feet from its middle and toward the street."""
    middle, along, out = lot.ring[:2].mean(axis=0), direction(lot.ring[0], lot.ring[1]), _outward(lot)
    return np.array([middle + a * along + b * out for a, b in offsets])


def _with_front(lot: Lot, *offsets: tuple[float, float]) -> Change:
    """Further vertices on the front, from west to east."""
    extra = on_front(lot, *offsets)
    return Change({lot.pid: polygon(np.vstack([lot.ring[:1], extra, lot.ring[1:]]))}, extra[len(extra) // 2])


def _repeated_vertex(lot: Lot, size: float, crs) -> Change:
    return Change({lot.pid: polygon(np.vstack([lot.ring[:2], lot.ring[1:]]))}, lot.ring[1])


def _near_repeated_vertex(lot: Lot, size: float, crs) -> Change:
    """A vertex of its own so far from the end of the front, on the front."""
    near = lot.ring[1] + size * direction(lot.ring[1], lot.ring[0])
    return Change({lot.pid: polygon(np.vstack([lot.ring[:1], near, lot.ring[1:]]))}, lot.ring[1])


def _zero_width_spike(lot: Lot, size: float, crs) -> Change:
    return _with_front(lot, (0, 0), (0, size), (0, 0))


def _thin_spike(lot: Lot, size: float, crs) -> Change:
    return _with_front(lot, (-0.01, 0), (0, size), (0.01, 0))


def _duplicate(lot: Lot, size: float, crs) -> Change:
    return Change({}, middle_of(lot), added=(polygon(lot.ring),))


def _duplicate_turned(lot: Lot, size: float, crs) -> Change:
    return Change({}, middle_of(lot), added=(polygon(np.roll(lot.ring, 2, axis=0)[::-1]),))


def _multipart(lot: Lot, size: float, crs) -> Change:
    """One parcel of two lots that do not touch."""
    pid, other = lot.farther
    return Change({lot.pid: shapely.MultiPolygon([polygon(lot.ring), other])}, middle_of(lot), removed=(pid,))


def _tiny(lot: Lot, size: float, crs) -> Change:
    """A parcel of so many square feet cut out of the lot."""
    square = _square(middle_of(lot), np.sqrt(size))
    return Change({lot.pid: polygon(lot.ring, square[::-1])}, middle_of(lot), added=(polygon(square),))


def _null(lot: Lot, size: float, crs) -> Change:
    return Change({lot.pid: None}, middle_of(lot))


def _empty(lot: Lot, size: float, crs) -> Change:
    return Change({lot.pid: shapely.Polygon()}, middle_of(lot))


def _reversed(lot: Lot, size: float, crs) -> Change:
    return Change({lot.pid: polygon(lot.ring[::-1])}, middle_of(lot))


def _swapped_axes(lot: Lot, size: float, crs) -> Change:
    return Change({lot.pid: polygon(lot.ring[:, ::-1])}, middle_of(lot))


def _metres(lot: Lot, size: float, crs) -> Change:
    return Change({lot.pid: polygon(lot.ring * float(US_SURVEY_FOOT))}, middle_of(lot))


def _degrees(lot: Lot, size: float, crs) -> Change:
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    ring = np.column_stack(to_degrees.transform(lot.ring[:, 0], lot.ring[:, 1]))
    return Change({lot.pid: shapely.Polygon(np.round(ring, 9))}, middle_of(lot))


def _missing_parcel(lot: Lot, size: float, crs) -> Change:
    return Change({}, middle_of(lot), removed=(lot.pid,))


def _hole_outside(lot: Lot, size: float, crs) -> Change:
    hole = _square(on_front(lot, (0, 10))[0], 6)
    return Change({lot.pid: polygon(lot.ring, hole[::-1])}, hole.mean(axis=0))


def _into_street(lot: Lot, size: float, crs) -> Change:
    """Ten feet of the front pushed out into the street."""
    return _with_front(lot, (-5, 0), (-5, size), (5, size), (5, 0))


def _enclosed_overlap(lot: Lot, size: float, crs) -> Change:
    return Change({}, middle_of(lot), added=(polygon(_square(middle_of(lot), size)),))


def _shifted(lot: Lot, size: float, crs) -> Change:
    """The whole parcel moved, neither along its front nor along its side lines."""
    return Change({lot.pid: polygon(lot.ring + size * np.array([np.cos(1.1), np.sin(1.1)]))}, middle_of(lot))


KINDS = (
    Kind("overlap", _overlap, "T01", (), WIDTHS_FT),
    Kind("gap", _gap, "T33", ("T02", "T31"), WIDTHS_FT),
    Kind("misaligned_corner", _misaligned, "T31", ("T01", "T02", "T33"), MISALIGNED_FT),
    Kind("missing_vertex", _missing_vertex, "T32", ("T01", "T02", "T33")),
    Kind("bowtie", _bowtie, "G03"),
    Kind("repeated_vertex", _repeated_vertex, "G09"),
    Kind("near_repeated_vertex", _near_repeated_vertex, "T26", ("T31", "T32"), (0.002, 0.005, 0.015)),
    Kind("zero_width_spike", _zero_width_spike, "T26", ("G03",), (SPIKE_FT,)),
    Kind("thin_spike", _thin_spike, "T26", (), (SPIKE_FT,)),
    Kind("duplicate", _duplicate, "G04"),
    Kind("duplicate_turned", _duplicate_turned, "G04"),
    Kind("multipart", _multipart, "G11"),
    Kind("tiny", _tiny, "G05", ("G12",), (1.0, 4.0, 15.0), "sq ft"),
    Kind("null", _null, "G01"),
    Kind("empty", _empty, "G02"),
    Kind("wrong_orientation", _reversed, "G10"),
    Kind("swapped_axes", _swapped_axes, "G06"),
    Kind("metres_for_feet", _metres, "G06"),
    Kind("degrees", _degrees, "G06"),
    Kind("missing_parcel", _missing_parcel, "T02", needs="right_of_way"),
    Kind("hole_outside", _hole_outside, "G03"),
    Kind("overlap_into_street", _into_street, "T10", ("T01",), INTO_STREET_FT, needs="right_of_way"),
    Kind("enclosed_overlap", _enclosed_overlap, "T01", (), (20.0,)),
    Kind("shifted_parcel", _shifted, "T01", ("T31", "T33", "T02"), (0.03,)),
)
"""The 24 kinds of defects of parcels."""
