"""
Layers of any size cut into parts that fit, without ever holding more than a few of them.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from citygis.errors import SchemaError
from citygis.publish import file_sha256, publishing_folder
from citygis.scale.curve import NOWHERE, Ranks, cells, even_axes, parts_of
from citygis.scale.dataset import (
    PARTITIONS,
    ROW,
    Column,
    Dataset,
    Part,
    contents,
    described,
    open_dataset,
    together,
    write_part,
)
from citygis.scale.sources import CHUNK, Source, columns_of, sources_of

MOST_OPEN = 128
"""Files that are written at a time. More parts than this are written bundle by bundle."""

_SAMPLE = 200_000
_RANK = "citygis_rank"


def repartition(
    source: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    rows: int = 100_000,
    key: str | None = None,
    layer: str | None = None,
) -> Dataset:
    """
    Files of one layer as a dataset of parts that hold what lies together.

    Parameters
    ----------
    source : path, or sequence of paths
        GeoParquet files and GeoPackages of one layer in one CRS: a county, or all counties of a state.
    out : path
        The folder to be made, whole or not at all; it must not be there.
    rows : int
        The most rows to a part. Parts are alike to one row.
    key : str, optional
        The column that names features; kept with the dataset.
    layer : str, optional
        Which layer of a GeoPackage that has several.

    Returns
    -------
    Dataset
        Rows in = rows out. Those without a place (null or empty geometry, a coordinate that is not a number) make parts of their
        own at the end, which have no bounds. Geometry is the very bytes of the sources; a column that a source lacks is null there.

    Raises
    ------
    ReadError, CRSError, SchemaError
        As `citygis.scale.sources.sources_of`; SchemaError if no source has the column `key`.
    StoreError
        If `out` is there already or cannot be written.
    ValueError
        If `rows` is below one.

    Notes
    -----
    Three passes. The bounds of all rows go to a file; a sample of them sets the axes of a Hilbert curve and a histogram of its
    cells cuts it into equal parts. The rows are then dealt into at most `MOST_OPEN` bundles of neighbouring parts on disk. Each
    bundle is read back, put in order and written. Memory holds a chunk of rows, the histogram (32 MB) and one bundle, which is one
    part up to 12.8 million rows.
    """
    if rows < 1:
        raise ValueError(f"Invalid rows {rows!r}. Must be at least 1.")
    paths = [source] if isinstance(source, str | Path) else list(source)
    found = sources_of(paths, layer=layer)
    schema = columns_of(found)
    if key is not None and key not in schema.names:
        raise SchemaError(f"No source has the column {key!r}. They have: {', '.join(schema.names)}.")
    with publishing_folder(out) as temporary:
        work = temporary / "_work"
        work.mkdir()
        count = _bounds_of(found, work / "bounds")
        bounds = np.memmap(work / "bounds", dtype=float, mode="r", shape=(count, 4)) if count else np.empty((0, 4))
        placed, histogram, axes = _surveyed(bounds)
        several = -(-placed // rows) + -(-(count - placed) // rows)
        a_bundle = max(1, -(-several // MOST_OPEN))
        bundles = _dealt(found, schema, bounds, Ranks(histogram), axes, work, lambda rank: parts_of(rank, placed, rows) // a_bundle)
        columns: list[tuple[Column, ...]] = [described(schema.empty_table())]
        parts: list[Part] = []
        for bundle in bundles:
            for table in _in_order(bundle, lambda rank: parts_of(rank, placed, rows)):
                parts.append(_written(temporary, len(parts), table, bounds, found[0]))
                columns.append(described(table))
        del bounds
        shutil.rmtree(work)
        names = tuple(path.name if isinstance(path, Path) else Path(path).name for path in paths)
        said = contents(found[0].crs, together(columns), parts, key=key, sources=names)
        (temporary / PARTITIONS).write_text(said, encoding="utf-8")  # temporary: the folder is renamed when it is whole
    return open_dataset(out)


def _bounds_of(sources: Sequence[Source], path: Path) -> int:
    """Write the bounds of all rows one after the other, and say how many there are."""
    count = 0
    with open(path, "wb") as file:
        for source in sources:
            for bounds in source.bounds():
                file.write(np.ascontiguousarray(bounds).tobytes())
                count += len(bounds)
    return count


def _surveyed(bounds: np.ndarray) -> tuple[int, np.ndarray, "tuple"]:
    """How many rows have a place, how many each cell has, and the axes of the cells."""
    axes = even_axes(*_middles(bounds[:: max(1, len(bounds) // _SAMPLE)]))
    histogram = np.zeros(NOWHERE + 1, dtype=np.int64)
    for start in range(0, len(bounds), CHUNK):
        cell, count = np.unique(cells(axes, *_middles(bounds[start : start + CHUNK])), return_counts=True)
        histogram[cell] += count
    return len(bounds) - int(histogram[NOWHERE]), histogram, axes


def _middles(bounds: np.ndarray) -> np.ndarray:
    return ((np.asarray(bounds[:, :2]) + bounds[:, 2:]) / 2).T


def _dealt(
    sources: Sequence[Source], schema: pa.Schema, bounds: np.ndarray, ranks: Ranks, axes, work: Path, bundle_of
) -> list[Path]:
    """The rows of all sources in files of neighbours, with their number and rank."""
    writers: dict[int, pa.ipc.RecordBatchFileWriter] = {}
    row = 0
    try:
        for source in sources:
            for table in source.tables(schema):
                here = slice(row, row + len(table))
                rank = ranks.of(cells(axes, *_middles(bounds[here])))
                bundle = bundle_of(rank)
                table = table.append_column(ROW, pa.array(np.arange(row, row + len(table))))
                table = table.append_column(_RANK, pa.array(rank))
                row = here.stop
                order = np.argsort(bundle, kind="stable")
                table = table.take(pa.array(order)).combine_chunks()
                found, first, count = np.unique(bundle[order], return_index=True, return_counts=True)
                for number, start, n in zip(found.tolist(), first.tolist(), count.tolist(), strict=True):
                    if number not in writers:
                        writers[number] = pa.ipc.new_file(work / f"{number}.arrow", table.schema)
                    writers[number].write_table(table.slice(start, n))
    finally:
        for writer in writers.values():
            writer.close()
    return [work / f"{number}.arrow" for number in sorted(writers)]


def _in_order(bundle: Path, part_of) -> Iterator[pa.Table]:
    """The parts of one bundle, each in the order of the curve. The bundle is removed."""
    with pa.memory_map(str(bundle)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
        rank = table.column(_RANK).to_numpy()
        order = np.argsort(rank)
        part = part_of(rank[order])
        table = table.drop_columns([_RANK])
        first = np.flatnonzero(np.r_[True, np.diff(part) != 0])
        for start, stop in zip(first, [*first[1:], len(part)], strict=True):
            yield table.take(pa.array(order[start:stop]))
        del table
    bundle.unlink()


def _written(folder: Path, number: int, table: pa.Table, bounds: np.ndarray, source: Source) -> Part:
    """Write one part of the temporary folder."""
    path = folder / f"part-{number:05d}.parquet"
    of_rows = np.asarray(bounds[table.column(ROW).to_numpy()])
    whole = write_part(path, table, of_rows, source.crs)
    return Part(file=path.name, rows=len(table), bounds=whole, sha256=file_sha256(path))
