"""
Rows as PostgreSQL's binary COPY takes them, whole columns at a time.

PostgreSQL 15 documentation, COPY, "Binary Format": each row is the number of its fields (16 bits), then each field's length in
bytes (32 bits, -1 for null) and its bytes, all big-endian. Days and microseconds are counted from 2000-01-01.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citygis.gpkg import Column

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_EPOCH_DAYS = 10_957
_EPOCH_US = _EPOCH_DAYS * 86_400_000_000
_FIXED = {
    "double": (pa.float64(), ">f8", 0),
    "integer": (pa.int64(), ">i8", 0),
    "boolean": (pa.uint8(), "u1", 0),
    "date": (pa.int32(), ">i4", _EPOCH_DAYS),
    "datetime": (pa.int64(), ">i8", _EPOCH_US),
}
_READ_AS = {"boolean": pa.bool_(), "date": pa.date32(), "datetime": pa.timestamp("us", tz="UTC")}


def binary_rows(columns: Sequence[Column], cells: Sequence[Sequence]) -> memoryview:
    """
    Columns of values as the rows of a binary COPY, without its header and trailer.

    Parameters
    ----------
    columns : sequence of Column
        Type ``bytes`` for a geometry.
    cells : sequence of lists
        One per column, as `citygis.store.postgis` gives them.
    """
    n = len(cells[0])
    parts = [_as_binary(np.full(n, len(columns), dtype=">i2"))]
    for column, values in zip(columns, cells, strict=True):
        parts += _fixed(column, values) if column.type in _FIXED else _variable(column, values)
    joined = pc.binary_join_element_wise(*parts, b"")
    ends = np.frombuffer(joined.buffers()[1], dtype=np.int32)
    return memoryview(joined.buffers()[2])[int(ends[joined.offset]) : int(ends[joined.offset + n])]


def _fixed(column: Column, values: Sequence) -> list[pa.Array]:
    kind, stored, epoch = _FIXED[column.type]
    given = pa.array(values, type=_READ_AS.get(column.type, kind), from_pandas=True).cast(kind)
    fields = np.empty(len(given), dtype=[("length", ">i4"), ("value", stored)])
    fields["length"] = np.dtype(stored).itemsize
    fields["value"] = given.fill_null(0).to_numpy() - epoch if epoch else given.fill_null(0).to_numpy()
    whole = _as_binary(fields)
    return [pc.if_else(given.is_valid(), whole, pa.scalar(_NULL, pa.binary())) if given.null_count else whole]


def _variable(column: Column, values: Sequence) -> list[pa.Array]:
    given = pa.array(values, type=pa.binary() if column.type == "bytes" else pa.string()).cast(pa.binary())
    lengths = pc.binary_length(given).fill_null(-1).to_numpy().astype(">i4")
    return [_as_binary(lengths), given.fill_null(b"") if given.null_count else given]


def _as_binary(values: np.ndarray) -> pa.Array:
    """Values of a fixed size as strings of bytes."""
    size = values.dtype.itemsize
    ends = np.arange(0, size * (len(values) + 1), size, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(values))])
