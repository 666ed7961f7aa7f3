"""
The spatial index of a GeoPackage table: an SQLite R-tree and the triggers that keep it true.

OGC 12-128r17 (GeoPackage 1.3), annex F.3. A full index is packed and its nodes are written directly, some ten times faster
than row by row. The node format is that of SQLite's ``ext/rtree/rtree.c``: tree depth and number of cells (2 bytes each),
then cells of a 64-bit id and four 32-bit floats (min x, max x, min y, max y), all big-endian.
"""

import sqlite3

import numpy as np

from citygis.gpkg.columns import Table

_CELL = np.dtype([("id", ">i8"), ("bounds", ">f4", 4)])
_MANY_ROWS = 2_000

_BOX = 'ST_MinX(NEW."{c}"), ST_MaxX(NEW."{c}"), ST_MinY(NEW."{c}"), ST_MaxY(NEW."{c}")'
_PUT = f'INSERT OR REPLACE INTO "rtree_{{t}}_{{c}}" VALUES (NEW."{{k}}", {_BOX});'
_TRIGGERS = {
    "insert": f"""AFTER INSERT ON "{{t}}" WHEN (NEW."{{c}}" NOT NULL AND NOT ST_IsEmpty(NEW."{{c}}")) BEGIN {_PUT} END""",
    "update1": f"""AFTER UPDATE OF "{{c}}" ON "{{t}}"
        WHEN OLD."{{k}}" = NEW."{{k}}" AND (NEW."{{c}}" NOTNULL AND NOT ST_IsEmpty(NEW."{{c}}")) BEGIN {_PUT} END""",
    "update2": """AFTER UPDATE OF "{c}" ON "{t}"
        WHEN OLD."{k}" = NEW."{k}" AND (NEW."{c}" ISNULL OR ST_IsEmpty(NEW."{c}"))
        BEGIN DELETE FROM "rtree_{t}_{c}" WHERE id = OLD."{k}"; END""",
    "update3": f"""AFTER UPDATE ON "{{t}}"
        WHEN OLD."{{k}}" != NEW."{{k}}" AND (NEW."{{c}}" NOTNULL AND NOT ST_IsEmpty(NEW."{{c}}"))
        BEGIN DELETE FROM "rtree_{{t}}_{{c}}" WHERE id = OLD."{{k}}"; {_PUT} END""",
    "update4": """AFTER UPDATE ON "{t}"
        WHEN OLD."{k}" != NEW."{k}" AND (NEW."{c}" ISNULL OR ST_IsEmpty(NEW."{c}"))
        BEGIN DELETE FROM "rtree_{t}_{c}" WHERE id IN (OLD."{k}", NEW."{k}"); END""",
    "delete": """AFTER DELETE ON "{t}" WHEN OLD."{c}" NOT NULL
        BEGIN DELETE FROM "rtree_{t}_{c}" WHERE id = OLD."{k}"; END""",
}
_COUNTERS = {
    "insert": """AFTER INSERT ON "{t}" BEGIN UPDATE gpkg_ogr_contents SET feature_count = feature_count + 1
        WHERE lower(table_name) = lower('{t}'); END""",
    "delete": """AFTER DELETE ON "{t}" BEGIN UPDATE gpkg_ogr_contents SET feature_count = feature_count - 1
        WHERE lower(table_name) = lower('{t}'); END""",
}


def make_triggers(connection: sqlite3.Connection, table: Table) -> None:
    """
    Make the triggers that keep the spatial index and GDAL's feature count true, and set that count.

    Parameters
    ----------
    connection : sqlite3.Connection
    table : Table
        Without geometry it has only the count.
    """
    names = {"t": table.name, "c": table.geometry_column, "k": table.key}
    for name, sql in _TRIGGERS.items() if table.geometry_column else ():
        connection.execute(f'CREATE TRIGGER "{_index(table)}_{name}" ' + sql.format(**names))
    for name, sql in _COUNTERS.items():
        connection.execute(f'CREATE TRIGGER "trigger_{name}_feature_count_{table.name}" ' + sql.format(**names))
    count = f'(SELECT count(*) FROM "{table.name}")'
    connection.execute(f"INSERT OR REPLACE INTO gpkg_ogr_contents VALUES (?, {count})", (table.name,))


def drop_triggers(connection: sqlite3.Connection, table: Table) -> None:
    """Drop what `make_triggers` made, so that rows can go in by the thousand. Undone by a rollback."""
    for name in _TRIGGERS if table.geometry_column else ():
        connection.execute(f'DROP TRIGGER IF EXISTS "{_index(table)}_{name}"')
    for name in _COUNTERS:
        connection.execute(f'DROP TRIGGER IF EXISTS "trigger_{name}_feature_count_{table.name}"')


def index_rows(connection: sqlite3.Connection, table: Table, ids: np.ndarray, bounds: np.ndarray) -> None:
    """
    Put rows into the spatial index of a table, or replace them there.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction; the table without triggers.
    table : Table
    ids : array of n int
        The rows' ``fid``.
    bounds : array, n by 4
        Least easting, least northing, greatest easting, greatest northing. A row with a bound that is not finite (an empty
        or missing geometry) is taken out of the index.
    """
    index = _index(table)
    bounds = np.asarray(bounds, dtype=float).reshape(-1, 4)
    finite = np.isfinite(bounds).all(axis=1)
    boxes = _outward(bounds[finite])
    if len(ids) < _MANY_ROWS:
        connection.executemany(f'DELETE FROM "{index}" WHERE id = ?', [(i,) for i in np.asarray(ids)[~finite].tolist()])
        rows = [(i, *box) for i, box in zip(np.asarray(ids)[finite].tolist(), boxes.astype(float).tolist(), strict=True)]
        connection.executemany(f'INSERT OR REPLACE INTO "{index}" VALUES (?, ?, ?, ?, ?)', rows)
        return
    there = connection.execute(f'SELECT id, minx, maxx, miny, maxy FROM "{index}"').fetchall()
    old = np.array(there, dtype=float).reshape(-1, 5)
    stay = ~np.isin(old[:, 0].astype(np.int64), ids)
    all_ids = np.concatenate([old[stay, 0].astype(np.int64), np.asarray(ids, dtype=np.int64)[finite]])
    _pack(connection, index, all_ids, np.concatenate([old[stay, 1:].astype(np.float32), boxes]))


def _index(table: Table) -> str:
    return f"rtree_{table.name}_{table.geometry_column}"


def _outward(bounds: np.ndarray) -> np.ndarray:
    """Bounds as 32-bit floats (min x, max x, min y, max y), rounded outward so that a search misses nothing."""
    near = bounds.astype(np.float32)
    low, high = np.float32(-np.inf), np.float32(np.inf)
    near[:, :2] = np.where(near[:, :2] > bounds[:, :2], np.nextafter(near[:, :2], low), near[:, :2])
    near[:, 2:] = np.where(near[:, 2:] < bounds[:, 2:], np.nextafter(near[:, 2:], high), near[:, 2:])
    return near[:, [0, 2, 1, 3]]


def _pack(connection: sqlite3.Connection, index: str, ids: np.ndarray, boxes: np.ndarray) -> None:
    """Write the whole index anew, level by level from the leaves (sort-tile-recursive, Leutenegger et al. 1997)."""
    (node_bytes,) = connection.execute(f'SELECT length(data) FROM "{index}_node" WHERE nodeno = 1').fetchone()
    capacity = (node_bytes - 4) // _CELL.itemsize
    for part in ("node", "rowid", "parent"):
        connection.execute(f'DELETE FROM "{index}_{part}"')
    level, next_node = 0, 2
    while True:
        groups = [np.arange(len(ids))] if len(ids) <= capacity else _tiles(boxes, capacity)
        numbers = np.array([1]) if len(groups) == 1 else np.arange(next_node, next_node + len(groups))
        next_node += len(groups)
        depth = level if len(groups) == 1 else 0
        blobs = [_node(depth, ids[group], boxes[group], node_bytes) for group in groups]
        connection.executemany(f'INSERT INTO "{index}_node" VALUES (?, ?)', zip(numbers.tolist(), blobs, strict=True))
        owners = np.repeat(numbers, [len(group) for group in groups])
        members = ids[np.concatenate(groups)]
        order = np.argsort(members, kind="stable")
        pairs = zip(members[order].tolist(), owners[order].tolist(), strict=True)
        connection.executemany(f'INSERT INTO "{index}_{"parent" if level else "rowid"}" VALUES (?, ?)', pairs)
        if len(groups) == 1:
            return
        ids, level = numbers, level + 1
        boxes = np.array([_around(boxes[group]) for group in groups], dtype=np.float32)


def _tiles(boxes: np.ndarray, capacity: int) -> list[np.ndarray]:
    """Rows in groups of at most `capacity`, near one another: strips by easting, then by northing."""
    centre = boxes[:, [0, 2]].astype(float) + boxes[:, [1, 3]]
    leaves = -(-len(boxes) // capacity)
    strips = max(1, int(np.sqrt(leaves)))
    groups = []
    for strip in np.array_split(np.argsort(centre[:, 0], kind="stable"), strips):
        strip = strip[np.argsort(centre[strip, 1], kind="stable")]
        groups += np.array_split(strip, -(-len(strip) // capacity))
    return groups


def _around(boxes: np.ndarray) -> tuple:
    return boxes[:, 0].min(), boxes[:, 1].max(), boxes[:, 2].min(), boxes[:, 3].max()


def _node(depth: int, ids: np.ndarray, boxes: np.ndarray, node_bytes: int) -> bytes:
    cells = np.empty(len(ids), dtype=_CELL)
    cells["id"], cells["bounds"] = ids, boxes
    return (depth.to_bytes(2, "big") + len(ids).to_bytes(2, "big") + cells.tobytes()).ljust(node_bytes, b"\0")
