"""
A parcel fabric of any size, sound by construction: what the rules, and their speed, are measured on.

Riverbend is drawn as cities are, street by street. This fabric is laid out by arithmetic instead: blocks of lots in a grid of
streets, each vertex made once in block space, moved by one smooth injective warp (every other district stays exactly straight, the
rest are curved), turned, and rounded to 1e-4 ft. Rings hold numbers of vertices, so neighbours share every vertex bit for bit, and
every T-junction is a vertex of all who meet there.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.samples.block_patterns import BLOCK_FT, Kind, pattern
from citygis.units import US_SURVEY_FOOT, unit_of

ORIGIN_FT = (6_336_000.0, 2_122_000.0)
"""Where the corner of block space lies: a plausible place in San Joaquin County, EPSG:6420."""
TURN_DEG = 17.0
"""How block space is turned on the ground, so that no line runs along an axis."""
STREET_FT = 60.0
PITCH_FT = (BLOCK_FT[0] + STREET_FT, BLOCK_FT[1] + STREET_FT)
DISTRICT_BLOCKS = (4, 8)
BEND = 0.05
"""How far the warp moves the middle of a curved district, as a share of the district's shorter side."""
EASEMENT_HALF_FT = 5.0
LOTS_A_BLOCK = 19.8
"""The mean number of parcels in a block, enclosed ones and whole blocks counted in: chooses how many blocks are laid out."""
DECIMALS = 4
HELD_AS = "FEE"
"""The ``row_kind`` of every street: the City holds the ground, and no parcel may lie on it."""


class ParcelFabric(NamedTuple):
    """
    A sound fabric: plain frames in the CRS that was asked for, coordinates rounded to 1e-4 ft.

    Attributes
    ----------
    parcel : GeoDataFrame, n polygons
        Columns ``pid`` (1 to n) and ``block``. Rings run counterclockwise. The parcels of a block stand together: the lots of its
        lower row from west to east, those of its upper row, then an enclosed one.
    right_of_way : GeoDataFrame, polygons
        The streets in cells: one between two crossings, one for each crossing; columns ``rid`` and ``row_kind`` (FEE). Parcels
        and rights of way together leave no gap.
    subdivision : GeoDataFrame, polygons
        The outline of each block, column ``block``: every edge of it is an edge of a parcel.
    tract : GeoDataFrame, polygons
        Districts of four by eight blocks, to the middle of the streets about them; column ``tract``.
    easement : GeoDataFrame, polygons
        A strip ten feet wide along the rear line of each block, across all of its lots; columns ``eid`` and ``block``. Its corners
        were put on lot lines and then rounded, as those of real ones are.
    centreline : GeoDataFrame, lines
        From crossing to crossing; columns ``cid`` and ``street``. The four corners of the city are bends within a line.
    blocks : DataFrame
        How each block was made, index ``block``: ``lower`` and ``upper`` (lots in either row; 1 and 0 for a block that is one
        parcel), ``curved``, ``enclosed``, ``first`` (position of its first parcel) and ``parcels`` (how many it has).
    """

    parcel: gpd.GeoDataFrame
    right_of_way: gpd.GeoDataFrame
    subdivision: gpd.GeoDataFrame
    tract: gpd.GeoDataFrame
    easement: gpd.GeoDataFrame
    centreline: gpd.GeoDataFrame
    blocks: pd.DataFrame

    def layers(self) -> dict[str, gpd.GeoDataFrame]:
        """The frames by the name of their layer; `blocks` is none."""
        return {name: getattr(self, name) for name in self._fields if name != "blocks"}


def parcel_fabric(parcels: int, *, seed: int = 0, crs: str | CRS = "EPSG:6420") -> ParcelFabric:
    """
    A fabric of about so many parcels.

    One block in fifty is a single parcel. In one of five a lot encloses another parcel, so that one parcel in a hundred has a hole.
    In 36 blocks of a hundred the two rows differ in the number of lots, so that side lines meet the rear line in T-junctions.

    Parameters
    ----------
    parcels : int
        From a few thousand on met within a few percent: blocks are whole.
    seed : int
        The same seed gives the same fabric, bit for bit.
    crs : str or CRS
        Projected, in US survey feet.

    Returns
    -------
    ParcelFabric

    Raises
    ------
    ValueError
        If `parcels` is below one, or `crs` is not in US survey feet.
    CRSError
        If `crs` is not projected.
    """
    if parcels < 1:
        raise ValueError(f"Invalid parcels {parcels!r}. Must be at least 1.")
    if unit_of(crs) != US_SURVEY_FOOT:
        raise ValueError(f"Invalid crs {crs!r}. Must be in US survey feet, such as EPSG:6420.")
    wanted = parcels / LOTS_A_BLOCK
    columns = max(1, round(np.sqrt(wanted * PITCH_FT[1] / PITCH_FT[0])))
    grid = _grid(columns, max(1, round(wanted / columns)), np.random.default_rng(seed))

    def frame(geometry: np.ndarray, **columns: np.ndarray) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)

    polygons, block = _parcels(grid)
    outlines = _outlines(grid)
    strips, behind = _easements(grid)
    streets, (lines, names) = _streets(grid), _centrelines(grid)
    tracts = _tracts(grid)
    return ParcelFabric(
        parcel=frame(polygons, pid=np.arange(1, len(polygons) + 1), block=block),
        right_of_way=frame(streets, rid=np.arange(1, len(streets) + 1), row_kind=np.full(len(streets), HELD_AS, dtype=object)),
        subdivision=frame(outlines, block=np.arange(len(outlines))),
        tract=frame(tracts, tract=np.arange(1, len(tracts) + 1)),
        easement=frame(strips, eid=np.arange(1, len(strips) + 1), block=behind),
        centreline=frame(lines, cid=np.arange(1, len(lines) + 1), street=names),
        blocks=_blocks(grid),
    )


def dissolved(right_of_way: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Street cells as one polygon, the way a right of way often comes: as many holes as the city has blocks.

    Parameters
    ----------
    right_of_way : GeoDataFrame, polygons
        That of a `ParcelFabric`.

    Returns
    -------
    GeoDataFrame, 1 polygon
        Columns ``rid`` and ``row_kind``. CRS of `right_of_way`. All vertices of the cells along the blocks are kept.
    """
    whole = shapely.coverage_union_all(right_of_way.geometry.array)
    return gpd.GeoDataFrame({"rid": [1], "row_kind": [HELD_AS]}, geometry=[whole], crs=right_of_way.crs)


class _Grid(NamedTuple):
    """
    Blocks laid out, a rim of blocks without parcels about them: the vertices of all on the ground, those of block k from first[k].
    """

    kinds: list[Kind]
    kind_of: np.ndarray
    inner: np.ndarray
    first: np.ndarray
    places: np.ndarray
    columns: int
    rows: int

    def number(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Where the block of a column and row stands, both from -1 (the rim) to one past the last."""
        return (np.asarray(row) + 1) * (self.columns + 2) + np.asarray(column) + 1


def _grid(columns: int, rows: int, rng: np.random.Generator) -> _Grid:
    column, row = (a.ravel() for a in np.meshgrid(np.arange(-1, columns + 1), np.arange(-1, rows + 1)))
    inner = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    curved = _district(column, row, columns, rows) % 2 == 1
    lower, step = rng.integers(8, 13, len(inner)), rng.integers(1, 5, len(inner))
    uneven, whole, enclosed = (rng.random(len(inner)) < share for share in (0.36, 0.02, 0.2))
    upper = np.where(uneven, 8 + (lower - 8 + step) % 5, lower)
    table = np.column_stack([lower, upper, curved, enclosed])
    table[whole] = np.column_stack([np.ones_like(lower), np.zeros_like(lower), curved, np.zeros_like(lower)])[whole]
    table[~inner] = 0
    kinds, kind_of = np.unique(table, axis=0, return_inverse=True)
    kinds = [Kind(int(a), int(b), bool(c), bool(d)) for a, b, c, d in kinds]
    kind_of = kind_of.ravel()
    counts = np.array([len(pattern(kind).vertices) for kind in kinds])[kind_of]
    first = np.concatenate([[0], np.cumsum(counts)])
    places = np.empty((first[-1], 2))
    for number, kind in enumerate(kinds):
        mine, vertices = np.flatnonzero(kind_of == number), pattern(kind).vertices
        corner = np.column_stack([column[mine], row[mine]]) * PITCH_FT + STREET_FT / 2
        places[first[mine][:, None] + np.arange(len(vertices))] = corner[:, None] + vertices
    return _Grid(kinds, kind_of, inner, first[:-1], _on_ground(_warped(places, columns, rows)), columns, rows)


def _district_lines(blocks: int, each: int) -> np.ndarray:
    """Where districts end, in blocks: a last one that would be less than half as large belongs to the one before."""
    return np.append(np.arange(0, max(blocks - each // 2, 1), each), blocks)


def _district(column: np.ndarray, row: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """The column and row of each block's district added: curved where it is odd."""
    of = [_district_lines(blocks, each)[1:-1] for blocks, each in ((columns, DISTRICT_BLOCKS[0]), (rows, DISTRICT_BLOCKS[1]))]
    return np.searchsorted(of[0], column, side="right") + np.searchsorted(of[1], row, side="right")


def _warped(places: np.ndarray, columns: int, rows: int) -> np.ndarray:
    """
    Places of block space moved within their districts.

    A bump of sin² in both directions, nothing at the district's edges. Its steepest slope is pi times `BEND` of the shorter side
    over the side it is along, below 0.16, so that no two places fall together.
    """
    moved, inside, shape = np.ones(len(places)), np.zeros(len(places), dtype=int), []
    for axis, (blocks, each) in enumerate(((columns, DISTRICT_BLOCKS[0]), (rows, DISTRICT_BLOCKS[1]))):
        lines = _district_lines(blocks, each) * float(PITCH_FT[axis])
        at = np.clip(np.searchsorted(lines, places[:, axis], side="right") - 1, 0, len(lines) - 2)
        share = np.clip((places[:, axis] - lines[at]) / (lines[at + 1] - lines[at]), 0, 1)
        moved *= np.sin(np.pi * share) ** 2
        inside += at
        shape.append(lines[at + 1] - lines[at])
    moved *= (inside % 2 == 1) * BEND * np.minimum(*shape)
    return places + np.column_stack([moved, -0.6 * moved])


def _on_ground(places: np.ndarray) -> np.ndarray:
    turn = np.radians(TURN_DEG)
    ground = places @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + ORIGIN_FT
    return np.round(ground, DECIMALS)


def _each_kind(grid: _Grid):
    """Each kind with parcels: its pattern, its blocks, and the order of those among all blocks with parcels."""
    order = np.cumsum(grid.inner) - 1
    for number, kind in enumerate(grid.kinds):
        if kind.lower:
            mine = np.flatnonzero(grid.kind_of == number)
            yield pattern(kind), mine, order[mine]


def _rings(grid: _Grid, rings_of) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Rings of every block with parcels, blocks in order.

    `rings_of` gives the rings of a pattern as lists of vertices. Returned are the rings, the number of each within its block, and
    its block.
    """
    made, within, blocks = [], [], []
    for drawn, mine, order in _each_kind(grid):
        rings = rings_of(drawn)
        if not rings:
            continue
        flat = np.concatenate(rings)
        ring = np.repeat(np.arange(len(rings)), [len(r) for r in rings])
        index = (ring + np.arange(len(mine))[:, None] * len(rings)).ravel()
        made.append(shapely.linearrings(grid.places[(grid.first[mine][:, None] + flat).ravel()], indices=index))
        within.append(np.tile(np.arange(len(rings)), len(mine)))
        blocks.append(np.repeat(order, len(rings)))
    made, within, blocks = (np.concatenate(parts) for parts in (made, within, blocks))
    order = np.argsort(blocks * 64 + within)
    return made[order], within[order], blocks[order]


def _parcels(grid: _Grid) -> tuple[np.ndarray, np.ndarray]:
    """The parcels of all blocks, and the block of each."""
    rings, within, blocks = _rings(grid, lambda drawn: drawn.rings)
    table = np.zeros((len(grid.kinds), 64), dtype=int)
    for number, kind in enumerate(grid.kinds):
        parcels = pattern(kind).parcel_of_ring
        table[number, : len(parcels)] = parcels
    parcel = table[grid.kind_of[grid.inner][blocks], within]
    starts = np.concatenate([[True], (blocks[1:] != blocks[:-1]) | (parcel[1:] != parcel[:-1])])
    return shapely.polygons(rings, indices=np.cumsum(starts) - 1), blocks[starts]


def _outlines(grid: _Grid) -> np.ndarray:
    rings, _, _ = _rings(grid, lambda drawn: [drawn.outline])
    return shapely.polygons(rings)


def _easements(grid: _Grid) -> tuple[np.ndarray, np.ndarray]:
    """The strips along the rear lines, and the block of each."""
    made, blocks = [], []
    for drawn, mine, order in _each_kind(grid):
        if drawn.easement:
            rear, side = (grid.places[grid.first[mine][:, None] + list(ends)] for ends in zip(*drawn.easement, strict=True))
            along = side - rear
            length = np.hypot(along[..., 0], along[..., 1])
            corners = rear + along * (EASEMENT_HALF_FT / np.where(length > 0, length, 1.0))[..., None]
            made.append(shapely.polygons(np.round(corners, DECIMALS)))
            blocks.append(order)
    if not made:
        return np.empty(0, dtype=object), np.empty(0, dtype=int)
    made, blocks = np.concatenate(made), np.concatenate(blocks)
    order = np.argsort(blocks)
    return made[order], blocks[order]


def _chains(grid: _Grid, name: str, blocks: np.ndarray) -> np.ndarray:
    """One side of some blocks, as numbers of vertices, -1 after the last: an (n, longest) array."""
    chains = [pattern(kind).chains[name] for kind in grid.kinds]
    table = np.full((len(chains), max(map(len, chains))), -1)
    for number, chain in enumerate(chains):
        table[number, : len(chain)] = chain
    mine = table[grid.kind_of[blocks]]
    return np.where(mine < 0, -1, mine + grid.first[blocks][:, None])


def _places(columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    return column.ravel(), row.ravel()


def _streets(grid: _Grid) -> np.ndarray:
    """Street cells: between the blocks below and above, between those to the west and east, and the crossings."""
    column, row = _places(grid.columns, grid.rows + 1)
    across = (_chains(grid, "north", grid.number(column, row - 1)), _chains(grid, "south", grid.number(column, row))[:, ::-1])
    column, row = _places(grid.columns + 1, grid.rows)
    along = (_chains(grid, "west", grid.number(column, row)), _chains(grid, "east", grid.number(column - 1, row))[:, ::-1])
    cells = []
    for sides in (across, along):
        vertices = np.hstack(sides)
        used = vertices >= 0
        rings = shapely.linearrings(grid.places[vertices[used]], indices=np.repeat(np.arange(len(used)), used.sum(axis=1)))
        cells.append(shapely.polygons(rings))
    return np.concatenate([*cells, shapely.polygons(grid.places[_crossings(grid)])])


def _crossings(grid: _Grid) -> np.ndarray:
    """The four block corners about each crossing, counterclockwise from the south-west: an (n, 4) array of vertices."""
    column, row = _places(grid.columns + 1, grid.rows + 1)
    corner = [("north", -1, -1, -1), ("north", 0, -1, 0), ("south", 0, 0, 0), ("south", -1, 0, -1)]
    found = []
    for side, east, north, end in corner:
        chain = _chains(grid, side, grid.number(column + east, row + north))
        last = (chain >= 0).sum(axis=1) - 1 if end else np.zeros(len(chain), dtype=int)
        found.append(chain[np.arange(len(chain)), last])
    return np.column_stack(found)


def _centrelines(grid: _Grid) -> tuple[np.ndarray, np.ndarray]:
    """Lines from crossing to crossing, and the street of each; a corner of the city is a bend, not an end."""
    east, north = grid.columns, grid.rows
    nodes = np.round(grid.places[_crossings(grid)].mean(axis=1), DECIMALS).reshape(north + 1, east + 1, 2)
    across = np.stack([nodes[:, :-1], nodes[:, 1:]], axis=2).reshape(-1, 2, 2)
    along = np.stack([nodes[:-1], nodes[1:]], axis=2).reshape(-1, 2, 2)
    names = [f"Street {n + 1}" for n in range(north + 1) for _ in range(east)]
    names += [f"Avenue {n + 1}" for _ in range(north) for n in range(east + 1)]
    lines = list(np.concatenate([across, along]))
    gone = []
    if north > 1:  # below that one line would run into both corners of its side
        for row in (0, north):
            end = 1 if row == 0 else 0  # the end of the line along that lies away from the corner
            for at, avenue in ((0, 0), (-1, east)):
                street, meets = row * east + (0 if at == 0 else east - 1), len(across) + (row - (1 - end)) * (east + 1) + avenue
                away = lines[meets][end]
                lines[street] = np.vstack([away, lines[street]] if at == 0 else [lines[street], away])
                gone.append(meets)
    kept = np.setdiff1d(np.arange(len(lines)), gone)
    sizes = [len(lines[k]) for k in kept]
    drawn = shapely.linestrings(np.concatenate([lines[k] for k in kept]), indices=np.repeat(np.arange(len(kept)), sizes))
    return drawn, np.array(names, dtype=object)[kept]


def _tracts(grid: _Grid) -> np.ndarray:
    """Districts as rectangles of block space, where the warp moves nothing, from south-west to north-east."""
    lines = [
        _district_lines(blocks, each) * float(pitch)
        for blocks, each, pitch in zip((grid.columns, grid.rows), DISTRICT_BLOCKS, PITCH_FT, strict=True)
    ]
    column, row = _places(len(lines[0]) - 1, len(lines[1]) - 1)
    west, east, south, north = lines[0][column], lines[0][column + 1], lines[1][row], lines[1][row + 1]
    corners = np.stack([np.column_stack(pair) for pair in ((west, south), (east, south), (east, north), (west, north))], axis=1)
    return shapely.polygons(_on_ground(corners.reshape(-1, 2)).reshape(-1, 4, 2))


def _blocks(grid: _Grid) -> pd.DataFrame:
    """How each block was made."""
    kinds = [grid.kinds[k] for k in grid.kind_of[grid.inner]]
    made = pd.DataFrame(kinds, columns=Kind._fields).rename_axis("block")
    parcels = np.array([pattern(kind).parcels for kind in kinds])
    return made.assign(first=np.cumsum(parcels) - parcels, parcels=parcels)
