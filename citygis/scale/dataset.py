"""
A layer in parts: a folder of GeoParquet files, each the rows of one neighbourhood, and ``_partitions.json`` that tells of them.

Any reader of GeoParquet reads the files; the folder as a whole is read by whoever takes each ``part-*.parquet``.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.ogr import frame
from citygis.scale.sources import BBOX, CORNERS

PARTITIONS = "_partitions.json"
ROW = "citygis_row"
"""The column, and in frames the index, that numbers the rows as they stood in the sources, from 0."""

ROW_GROUP = 2_048
"""Rows to a row group: what is read of a neighbour to find the few rows along its edge."""

_LARGEST = 256 << 20  # bytes of _partitions.json; 155 million rows make 0.6 MB


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Said):
    """One file of a dataset: ``bounds`` are null where none of its rows has a place."""

    file: Annotated[str, Field(pattern=r"^part-\d{5,}\.parquet$")]
    rows: Annotated[int, Field(ge=0)]
    bounds: tuple[float, float, float, float] | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Column(_Said):
    """An attribute: its Arrow type, in words, and how many of its values are null."""

    name: str
    type: str
    nulls: int


class _Contents(_Said):
    format: Literal["citygis partitions 1"] = "citygis partitions 1"
    rows: Annotated[int, Field(ge=0)]
    crs: dict
    key: str | None = None
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """
    A layer in parts. `open_dataset` opens one, `repartition` makes one.

    Attributes
    ----------
    path : Path
    crs : CRS
    key : str or None
        The column that names features, where one was said.
    columns : tuple of Column
        The attributes, in order.
    parts : tuple of Part
    """

    path: Path
    crs: CRS
    key: str | None
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return sum(part.rows for part in self.parts)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of what the parts hold: it changes when a byte of one does."""
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()

    @cached_property
    def bounds(self) -> np.ndarray:
        """The bounds of each part: (n, 4), not a number where it has none."""
        return np.array([part.bounds or (np.nan,) * 4 for part in self.parts], dtype=float).reshape(-1, 4)

    def file(self, part: int) -> Path:
        """The file of a part, by its position."""
        return self.path / self.parts[part].file

    def frame(self, part: int, *, columns: list[str] | None = None, groups: list[int] | None = None) -> gpd.GeoDataFrame:
        """
        The rows of one part.

        Parameters
        ----------
        part : int
        columns : list of str, optional
            Only these attributes, and the geometry.
        groups : list of int, optional
            Only these row groups.

        Returns
        -------
        GeoDataFrame
            The attributes as they were, integers with nulls as ``Int64`` in every part if in one; the index, called `ROW`, numbers
            rows as in the sources. In that order.

        Raises
        ------
        ReadError
            If the file is not what ``_partitions.json`` says.
        """
        names = [column.name for column in self.columns] if columns is None else columns
        table = self.table(part, [*names, "geometry", ROW], groups=groups)
        return self.made(table)

    def table(self, part: int, columns: list[str], *, groups: list[int] | None = None) -> pa.Table:
        """Some columns of one part as Arrow has them, in the order of the curve. Errors as `frame`."""
        path = self.file(part)
        try:
            with pq.ParquetFile(path) as file:
                if file.metadata.num_rows != self.parts[part].rows:
                    raise ReadError(
                        f"{path} has {file.metadata.num_rows:,} rows, not the {self.parts[part].rows:,} of {PARTITIONS}."
                    )
                return file.read(columns) if groups is None else file.read_row_groups(groups, columns)
        except (pa.ArrowException, OSError) as error:
            raise ReadError(f"{path} cannot be read: {error}. Partition the sources again.") from None

    def made(self, table: pa.Table) -> gpd.GeoDataFrame:
        """A frame of rows from `table`, in the order of the sources; those that are there twice once."""
        row = table.column(ROW).to_numpy()
        row, at = np.unique(row, return_index=True)
        table = table.take(pa.array(at))
        attributes, _ = frame(table.drop_columns(["geometry", ROW]))
        for column in self.columns:
            if column.nulls and column.name in attributes:
                attributes[column.name] = _nullable(attributes[column.name])
        blobs = table.column("geometry").to_numpy(zero_copy_only=False)
        shapes = gpd.array.from_shapely(shapely.from_wkb(blobs, on_invalid="ignore"), crs=self.crs)
        return gpd.GeoDataFrame(attributes, geometry=shapes).set_index(pd.Index(row, name=ROW))

    def whole(self) -> gpd.GeoDataFrame:
        """All rows in one frame, in the order of the sources: for datasets that fit."""
        frames = [self.frame(part) for part in range(len(self.parts))]
        if not frames:
            return gpd.GeoDataFrame(columns=[column.name for column in self.columns], geometry=[], crs=self.crs)
        return pd.concat(frames).sort_index()


def open_dataset(path: Path | str) -> Dataset:
    """
    A dataset that is there.

    Parameters
    ----------
    path : path
        The folder that `repartition` made.

    Raises
    ------
    ReadError
        If it is no dataset, or a file of it is missing.
    """
    path = Path(path)
    contents = path / PARTITIONS
    if not contents.is_file():
        raise ReadError(f"{path} is no partitioned layer: it has no {PARTITIONS}. Make one: citygis partition FILE --out DIR.")
    if contents.stat().st_size > _LARGEST:
        raise ReadError(f"{contents} is larger than {_LARGEST >> 20} MB: it was not written by citygis.")
    try:
        said = _Contents.model_validate_json(contents.read_bytes())
        crs = CRS.from_json_dict(said.crs)
    except (ValidationError, ValueError) as error:
        raise ReadError(f"{contents} does not say what it must: {error}. Partition the sources again.") from None
    absent = [part.file for part in said.parts if not (path / part.file).is_file()]
    if absent:
        raise ReadError(f"{path} lacks {len(absent)} of its parts, such as {absent[0]}. Partition the sources again.")
    if sum(part.rows for part in said.parts) != said.rows:
        raise ReadError(f"{contents}: its parts have not {said.rows:,} rows together. Partition the sources again.")
    return Dataset(path, crs, said.key, said.columns, said.parts)


def contents(
    crs: CRS, columns: tuple[Column, ...], parts: list[Part], *, key: str | None = None, sources: tuple[str, ...] = ()
) -> str:
    """The text of ``_partitions.json`` for these parts."""
    rows = sum(part.rows for part in parts)
    said = _Contents(rows=rows, crs=crs.to_json_dict(), key=key, columns=columns, parts=tuple(parts), sources=sources)
    return said.model_dump_json(indent=1) + "\n"


def geo_metadata(crs: CRS, bounds: tuple[float, float, float, float] | None) -> dict[bytes, bytes]:
    """The ``geo`` metadata of a part: GeoParquet 1.1.0, "File metadata" and "covering"."""
    about = {
        "encoding": "WKB",
        "geometry_types": [],
        "crs": crs.to_json_dict(),
        "covering": {"bbox": {corner: [BBOX, corner] for corner in CORNERS}},
    }
    if bounds is not None:
        about["bbox"] = list(bounds)
    text = json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": about}})
    return {b"geo": text.encode()}


def write_part(temporary: Path, table: pa.Table, bounds: np.ndarray, crs: CRS) -> tuple[float, float, float, float] | None:
    """
    Write one part: rows in the order given, with the column of their bounds.

    Parameters
    ----------
    temporary : Path
        To be renamed by the caller.
    table : pyarrow.Table
        Attributes, ``geometry`` as WKB and `ROW`.
    bounds : array of float, (n, 4)
    crs : CRS

    Returns
    -------
    The bounds of the part, or None where no row has a place.
    """
    placed = np.isfinite(bounds).all(axis=1)
    whole = None
    if placed.any():
        whole = tuple(float(v) for v in (*bounds[placed, :2].min(axis=0), *bounds[placed, 2:].max(axis=0)))
    corners = [pa.array(each, mask=~placed) for each in np.ascontiguousarray(bounds.T)]
    struct = pa.StructArray.from_arrays(corners, names=list(CORNERS), mask=pa.array(~placed))
    table = table.append_column(BBOX, struct).replace_schema_metadata(geo_metadata(crs, whole))
    pq.write_table(table, temporary, row_group_size=ROW_GROUP, compression="zstd")
    return whole


def described(table: pa.Table) -> tuple[Column, ...]:
    """The attributes of a table: all but the geometry, the bounds and `ROW`."""
    return tuple(
        Column(name=name, type=str(column.type), nulls=column.null_count)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name not in ("geometry", BBOX, ROW)
    )


def together(columns: list[tuple[Column, ...]]) -> tuple[Column, ...]:
    """The columns of several tables alike: their nulls summed up."""
    nulls: dict[str, Column] = {}
    for each in columns:
        for column in each:
            before = nulls.get(column.name)
            nulls[column.name] = column.model_copy(update={"nulls": column.nulls + (before.nulls if before else 0)})
    return tuple(nulls.values())


def _nullable(values: pd.Series) -> pd.Series:
    """Integers and truths as pandas has them with nulls, whether this part has a null or not."""
    if values.dtype.kind in "iu":
        return values.astype("Int64")
    return values.astype("boolean") if values.dtype.kind == "b" and values.dtype == bool else values
