"""
A county's layer and its next delivery, of any size, with every change written down: what comparing deliveries is measured on.

Everything that changes is cut out of the old lots, so that the ground adds up. Everything that does not change is written out
differently all the same, as counties do: rows in another order, rings begun elsewhere and run the other way, the last bits of every
coordinate other, a vertex more on a straight line, blanks for nulls, numbers of rows and areas of a program made anew.
"""

from functools import lru_cache
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.parcel_fabric import parcel_fabric
from citygis.units import SQFT_PER_ACRE

EVENTS = (
    "attribute",
    "line",
    "split",
    "split_kept",
    "merger",
    "merger_kept",
    "resubdivision",
    "renumbering",
    "retirement",
    "new",
    "reuse",
    "reuse_renumbered",
    "swap",
)
"""
What can happen at a pair of neighbouring lots: another value, a line moved, a lot divided (its number gone, or kept by a child),
two joined (under a new number, or under one of theirs), two made three, another number, a lot gone, a lot where none was, a number
given to other ground (its own ground gone, or under a new number), two numbers exchanged.
"""

NOISE_FT = 8e-7
MOVED_FT = (0.3, 3.0)
_NEW_NUMBERS = 90_000_000
_FAR_FT = 20_000.0
_FABRICS = 16


class Refresh(NamedTuple):
    """
    Two deliveries and what happened between them.

    Attributes
    ----------
    old, new : GeoDataFrame, polygons
        Columns ``OBJECTID``, ``apn``, ``use_code``, ``situs_text``, ``legal_text``, ``stated_area`` (acres), ``Shape_Area``.
    truth : DataFrame
        ``kind, old, new``: a row for each change, in the words and spelling of `citygis.changes.compare`.
    shift_ft : tuple of float, or None
        How far the whole new layer lies east and north of the old one.
    """

    old: gpd.GeoDataFrame
    new: gpd.GeoDataFrame
    truth: pd.DataFrame
    shift_ft: tuple[float, float] | None


def county_refresh(
    parcels: int = 100, *, seed: int = 0, each: int = 1, shift_ft: tuple[float, float] | None = None, crs: str = "EPSG:6420"
) -> Refresh:
    """
    A layer of about so many parcels and its next delivery.

    Parameters
    ----------
    parcels : int
        As `citygis.samples.parcel_fabric.parcel_fabric` takes it.
    seed : int
        The same seed gives the same two layers, bit for bit.
    each : int
        How often each of `EVENTS` happens, every time at another pair of lots.
    shift_ft : tuple of float, optional
        Moves the whole new layer.
    crs : str
        Projected, in US survey feet.

    Raises
    ------
    ValueError
        If there are not enough pairs of neighbouring lots for so many events.
    """
    rng = np.random.default_rng(seed)
    shapes, first, second = _sites(parcels, seed % _FABRICS, crs)
    if len(first) < each * len(EVENTS):
        raise ValueError(
            f"Invalid each {each!r} with {len(shapes):,} parcels. Must be at most {len(first) // len(EVENTS)}: each event takes "
            "a pair of lots of its own."
        )
    pairs = rng.permutation(len(first))[: each * len(EVENTS)].reshape(len(EVENTS), each)
    city = _County(shapes, rng)
    for event, some in zip(EVENTS, pairs, strict=True):
        getattr(city, f"_{event}")(first[some], second[some])
    return city.refresh(shift_ft, crs)


def confusion(truth: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """
    What was told of each kind of change.

    Parameters
    ----------
    truth : DataFrame
        ``kind, old, new``.
    told : DataFrame
        The same columns: the changes of a `citygis.changes.Changes`.

    Returns
    -------
    DataFrame of int
        A row for each kind that happened, a column for each kind that was told, both with "nothing" for what has no counterpart
        under the same numbers. All is right where only the diagonal counts.
    """
    names = ["old", "new"]
    both = truth[[*names, "kind"]].merge(told[[*names, "kind"]], on=names, how="outer", suffixes=("_true", "_told"))
    kinds = sorted({*truth["kind"], *told["kind"]})
    table = pd.crosstab(both["kind_true"].fillna("nothing"), both["kind_told"].fillna("nothing"))
    return (
        table.reindex(index=[*kinds, "nothing"], columns=[*kinds, "nothing"], fill_value=0)
        .rename_axis(None)
        .rename_axis(None, axis=1)
    )


class _County:
    """The rows of both deliveries while they are made: numbers and ground, null where a delivery has no such row."""

    def __init__(self, shapes: np.ndarray, rng: np.random.Generator) -> None:
        self.rng = rng
        self.shapes = shapes
        self.apn = np.array([f"{10_000_000 + number}" for number in range(1, len(shapes) + 1)], dtype=object)
        self.new_apn, self.new_shapes = self.apn.copy(), shapes.copy()
        self.in_old, self.in_new = np.ones(len(shapes), dtype=bool), np.ones(len(shapes), dtype=bool)
        self.use = rng.choice(np.array(["0100", "0110", "0200"], dtype=object), len(shapes))
        self.new_use = self.use.copy()
        self.born: list[tuple[str, shapely.Polygon]] = []
        self.truth: list[tuple[str, str, str]] = []

    def refresh(self, shift_ft: tuple[float, float] | None, crs: str) -> Refresh:
        """Both deliveries as they are sent."""
        rng = self.rng
        situs = np.array([f"{number} Almond Avenue" for number in range(len(self.shapes))], dtype=object)
        legal = np.where(rng.random(len(self.shapes)) < 0.5, None, "Lot of record")
        acres = np.round(shapely.area(self.shapes) / SQFT_PER_ACRE, 3)
        old = _sent(self.apn, self.use, situs, legal, acres, self.shapes, self.in_old, crs)
        grown = np.array([shape for _, shape in self.born], dtype=object)
        columns = [
            np.concatenate([a, b])
            for a, b in (
                (self.new_apn, np.array([apn for apn, _ in self.born], dtype=object)),
                (self.new_use, np.full(len(grown), "0100", dtype=object)),
                (situs, np.full(len(grown), "New Lane", dtype=object)),
                (np.where(legal == None, "", legal), np.full(len(grown), "Lot of record", dtype=object)),  # noqa: E711
                (acres, np.round(shapely.area(grown) / SQFT_PER_ACRE, 3)),
                (self.new_shapes, grown),
            )
        ]
        order = rng.permutation(np.flatnonzero(np.concatenate([self.in_new, np.ones(len(grown), dtype=bool)])))
        new = _sent(*(column[order] for column in columns), np.ones(len(order), dtype=bool), crs)
        shapes = rewritten(new.geometry.to_numpy(), rng)
        if shift_ft is not None:
            shapes = shapely.transform(shapes, lambda places: places + np.asarray(shift_ft))
        new = new.set_geometry(gpd.GeoSeries(shapes, crs=crs))
        new["Shape_Area"] = new.area
        return Refresh(old, new, pd.DataFrame(self.truth, columns=["kind", "old", "new"]), shift_ft)

    def _tell(self, kind: str, old: list[str], new: list[str]) -> None:
        self.truth.append((kind, "; ".join(sorted(old)), "; ".join(sorted(new))))

    def _number(self) -> str:
        return f"{_NEW_NUMBERS + len(self.born) + len(self.truth)}"

    def _bear(self, shape: shapely.Polygon) -> str:
        self.born.append((self._number(), shape))
        return self.born[-1][0]

    def _attribute(self, first: np.ndarray, second: np.ndarray) -> None:
        self.new_use[first] = "0990"
        for a in first:
            self._tell("attribute", [self.apn[a]], [self.apn[a]])

    def _line(self, first: np.ndarray, second: np.ndarray) -> None:
        one, two = self.shapes[first], self.shapes[second]
        shared = shapely.intersection(shapely.boundary(one), shapely.boundary(two))
        ends = shapely.bounds(shared).reshape(-1, 2, 2)
        middle, along = ends.mean(axis=1), _along(one, two)
        across = np.column_stack([-along[:, 1], along[:, 0]])
        moved = self.rng.uniform(*MOVED_FT, len(first)) * self.rng.choice([-1.0, 1.0], len(first))
        joined = shapely.union(one, two)
        self.new_shapes[first], self.new_shapes[second] = _cut(joined, middle + along * moved[:, None], along, across)
        for row in (*first, *second):
            self._tell("moved", [self.apn[row]], [self.apn[row]])

    def _split(self, first: np.ndarray, second: np.ndarray) -> None:
        for a, *halves in zip(first, *self._halved(first, second), strict=True):
            self.in_new[a] = False
            self._tell("split", [self.apn[a]], [self._bear(half) for half in halves])

    def _split_kept(self, first: np.ndarray, second: np.ndarray) -> None:
        for a, kept, child in zip(first, *self._halved(first, second), strict=True):
            self.new_shapes[a] = kept
            self._tell("split", [self.apn[a]], [self.apn[a], self._bear(child)])

    def _merger(self, first: np.ndarray, second: np.ndarray) -> None:
        self.in_new[first] = self.in_new[second] = False
        for a, b, whole in zip(first, second, shapely.union(self.shapes[first], self.shapes[second]), strict=True):
            self._tell("merged", [self.apn[a], self.apn[b]], [self._bear(whole)])

    def _merger_kept(self, first: np.ndarray, second: np.ndarray) -> None:
        self.new_shapes[first] = shapely.union(self.shapes[first], self.shapes[second])
        self.in_new[second] = False
        for a, b in zip(first, second, strict=True):
            self._tell("merged", [self.apn[a], self.apn[b]], [self.apn[a]])

    def _resubdivision(self, first: np.ndarray, second: np.ndarray) -> None:
        one, two = self.shapes[first], self.shapes[second]
        along, joined = _along(one, two), shapely.union(one, two)
        across = np.column_stack([-along[:, 1], along[:, 0]])
        ends = [_centre(each) for each in (one, two)]
        low, rest = _cut(joined, ends[0], along, across)
        middle, high = _cut(rest, ends[1], along, across)
        self.in_new[first] = self.in_new[second] = False
        for a, b, *lots in zip(first, second, low, middle, high, strict=True):
            self._tell("resubdivided", [self.apn[a], self.apn[b]], [self._bear(lot) for lot in lots])

    def _renumbering(self, first: np.ndarray, second: np.ndarray) -> None:
        self.in_new[first] = False
        for a in first:
            self._tell("renumbered", [self.apn[a]], [self._bear(self.shapes[a])])

    def _retirement(self, first: np.ndarray, second: np.ndarray) -> None:
        self.in_new[first] = False
        for a in first:
            self._tell("retired", [self.apn[a]], [])

    def _new(self, first: np.ndarray, second: np.ndarray) -> None:
        self.in_old[first] = False
        for a in first:
            self._tell("new", [], [self.apn[a]])

    def _reuse(self, first: np.ndarray, second: np.ndarray) -> None:
        self.in_old[second] = False
        self.in_new[first] = False
        self.new_apn[second] = self.apn[first]
        for a in first:
            self._tell("recycled", [self.apn[a]], [self.apn[a]])

    def _reuse_renumbered(self, first: np.ndarray, second: np.ndarray) -> None:
        self._reuse(first, second)
        for a in first:
            self._tell("renumbered", [self.apn[a]], [self._bear(self.shapes[a])])

    def _swap(self, first: np.ndarray, second: np.ndarray) -> None:
        self.new_apn[first], self.new_apn[second] = self.apn[second], self.apn[first]
        for a, b in zip(self.apn[first], self.apn[second], strict=True):
            for kind, old, new in (("recycled", a, a), ("recycled", b, b), ("renumbered", a, b), ("renumbered", b, a)):
                self._tell(kind, [old], [new])

    def _halved(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first lots cut in two across the row, somewhere about the middle."""
        one = self.shapes[first]
        along = _along(one, self.shapes[second])
        place = _centre(one) + along * self.rng.uniform(-8, 8, len(first))[:, None]
        return _cut(one, place, along, np.column_stack([-along[:, 1], along[:, 0]]))


def rewritten(shapes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """
    The same polygons written out differently.

    Half of the rings begin elsewhere, half run the other way, a third have a vertex more in the middle of a side, and every
    coordinate differs by less than `NOISE_FT`.

    Parameters
    ----------
    shapes : array of n Polygon
    rng : Generator
    """
    rings, owner = shapely.get_rings(shapes, return_index=True)
    places, ring = shapely.get_coordinates(rings, return_index=True)
    counts = np.bincount(ring, minlength=len(rings))
    first, sides = np.cumsum(counts) - counts, counts - 1
    start = np.where(rng.random(len(rings)) < 0.5, rng.integers(0, sides), 0)
    more = rng.random(len(rings)) < 1 / 3
    turned = rng.random(len(rings)) < 0.5
    size = sides + more  # vertices without the closing one
    of = np.repeat(np.arange(len(rings)), size + 1)
    step = np.arange(len(of)) - np.repeat(np.cumsum(size + 1) - (size + 1), size + 1)
    step %= size[of]
    step = np.where(turned[of], size[of] - 1 - step, step)
    at = first[of] + (step + start[of]) % sides[of]
    before = first[of] + (step - 1 + start[of]) % sides[of]
    is_more = step == sides[of]
    made = np.where(is_more[:, None], (places[before] + places[first[of] + start[of]]) / 2, places[at])
    made += rng.uniform(-NOISE_FT, NOISE_FT, made.shape)
    last = np.cumsum(size + 1) - 1
    made[last] = made[last - size]
    return shapely.polygons(shapely.linearrings(made, indices=of), indices=owner)


@lru_cache(maxsize=_FABRICS)
def _sites(parcels: int, seed: int, crs: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lots of a fabric, and pairs of neighbours in one row that share no lot with one another."""
    fabric = parcel_fabric(parcels, seed=seed, crs=crs)
    shapes = np.asarray(fabric.parcel.geometry.array, dtype=object)
    rows = []
    for lower, upper, first in fabric.blocks[["lower", "upper", "first"]].itertuples(index=False):
        for start, lots in ((first, lower), (first + lower, upper)):
            rows.append(np.arange(start, start + lots - 1, 2))
    pairs = np.concatenate(rows)
    pairs = pairs[(shapely.get_num_interior_rings(shapes[pairs]) == 0) & (shapely.get_num_interior_rings(shapes[pairs + 1]) == 0)]
    return shapes, pairs, pairs + 1


def _sent(apn, use, situs, legal, acres, shapes, there: np.ndarray, crs: str) -> gpd.GeoDataFrame:
    table = gpd.GeoDataFrame(
        {
            "apn": apn[there],
            "use_code": use[there],
            "situs_text": situs[there],
            "legal_text": legal[there],
            "stated_area": acres[there],
        },
        geometry=shapes[there],
        crs=crs,
    ).astype(dict.fromkeys(("apn", "use_code", "situs_text", "legal_text"), "str"))
    table.insert(0, "OBJECTID", np.arange(1, len(table) + 1))
    return table.assign(Shape_Area=shapely.area(shapes[there]))


def _centre(shapes: np.ndarray) -> np.ndarray:
    return shapely.get_coordinates(shapely.centroid(shapes))


def _along(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The direction from lots to their neighbours."""
    step = _centre(two) - _centre(one)
    return step / np.hypot(*step.T)[:, None]


def _cut(shapes: np.ndarray, place: np.ndarray, along: np.ndarray, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shapes cut by lines through places: what lies before each line, and what lies beyond."""
    wide, deep = across * _FAR_FT, along * _FAR_FT
    beyond = shapely.polygons(np.stack([place - wide, place + wide, place + wide + deep, place - wide + deep], axis=1))
    return shapely.difference(shapes, beyond), shapely.intersection(shapes, beyond)
