"""
One job over the parts of a dataset: what each part is given, what becomes of its answer, and by what a job is known again.
"""

import contextlib
import hashlib
import inspect
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from citygis import __version__
from citygis.errors import AnalysisError, CityGISError, ConflictError, CRSError, StoreError
from citygis.publish import publish_text, publishing
from citygis.scale.dataset import ROW, Dataset, open_dataset, write_part
from citygis.scale.halo import rows_near
from citygis.scale.sources import wkb_bounds

JOB = "_job.pickle"
IDENTITY = "_job.sha256"

Function = Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Job:
    """
    A function for the parts of a dataset.

    Attributes
    ----------
    dataset : Path
    function : callable
        ``function(own, halo, **broadcast)`` gives a frame.
    halo : float
    broadcast : dict
    out : Path
        Where the answers go, one file for a part.
    """

    dataset: Path
    function: Function
    halo: float
    broadcast: Mapping[str, Any]
    out: Path

    def answer(self, part: int) -> Path:
        """The file of a part's answer."""
        return self.out / f"part-{part:05d}.parquet"


def opened(job: Job, dataset: Dataset, pickler: ModuleType | None = None) -> str:
    """
    Make the folder of a job ready, or find the one that was begun.

    Parameters
    ----------
    job : Job
    dataset : Dataset
        The one of the job.
    pickler : module, optional
        What the job is written with for other processes to read: ``pickle`` or ``cloudpickle``; None where there are none.

    Returns
    -------
    str
        The identity of the job.

    Raises
    ------
    StoreError
        If the folder holds something else.
    ValueError
        If the function or what is sent along cannot be given to another process.
    """
    known = identity(job, dataset)
    mark = job.out / IDENTITY
    if job.out.is_dir() and any(job.out.iterdir()):
        if not mark.is_file() or mark.read_text(encoding="utf-8").strip() != known:
            raise StoreError(f"{job.out} holds something else, or the answers of another job. Name another folder, or remove it.")
    else:
        publish_text(mark, known + "\n")
    if pickler is not None:
        try:
            said = pickler.dumps(job)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"Invalid function {job.function!r}. Must be one of a module, to be found by other processes: {error}."
            ) from None
        with publishing(job.out / JOB, overwrite=True) as temporary:
            temporary.write_bytes(said)
    return known


def identity(job: Job, dataset: Dataset) -> str:
    """SHA-256 of what the answers follow from: the bytes of the dataset, the function's own text, the halo, what is sent along."""
    told = [__version__, dataset.identity, _text_of(job.function), repr(float(job.halo))]
    told += [f"{name}={_digest(value)}" for name, value in sorted(job.broadcast.items())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def run_written(path: str, known: str, part: int) -> int:
    """`run_part` of the job whose folder this is; for other processes."""
    return run_part(_read(path, known), part)


def run_part(job: Job, part: int) -> int:
    """
    Answer for one part, unless its answer is there.

    Returns
    -------
    int
        The part.

    Raises
    ------
    CityGISError
        Whatever the function raised, with the part's name before it: of the same class if it is citygis's own, else AnalysisError.
    """
    if job.answer(part).exists():
        return part
    dataset = _dataset(str(job.dataset))
    try:
        own = dataset.frame(part)
        halo = around(dataset, part, own, job.halo)
        answer = job.function(own, halo, **job.broadcast)
        _write(job.answer(part), answer, part, own.index)
    except Exception as error:
        where = f"{dataset.parts[part].file} of {dataset.path}"
        keeps = isinstance(error, CityGISError) and not isinstance(error, ConflictError)
        said = f"{error}" if keeps else f"{type(error).__name__}: {error}"
        raise (type(error) if keeps else AnalysisError)(f"{where}: {said}") from error
    return part


def around(dataset: Dataset, part: int, own: gpd.GeoDataFrame, distance: float) -> gpd.GeoDataFrame:
    """The rows of other parts whose bounds come within a distance of those of a row of `own`, a part; none for a distance of 0."""
    if not distance:
        return own.iloc[:0]
    return rows_near(dataset, np.asarray(own.geometry.array, dtype=object), distance, without=part)


@lru_cache(maxsize=2)
def _read(path: str, known: str) -> Job:
    """The job in a folder. `known` keeps one of another day apart."""
    return pickle.loads((Path(path) / JOB).read_bytes())


@lru_cache(maxsize=2)
def _dataset(path: str) -> Dataset:
    return open_dataset(path)


def _write(path: Path, answer: pd.DataFrame, part: int, own: pd.Index) -> None:
    """Write an answer, whole or not at all."""
    if not isinstance(answer, pd.DataFrame):
        raise TypeError(f"the function gave {type(answer).__name__}, not a frame")
    if answer.index.name == ROW and not answer.index.isin(own).all():
        raise ValueError("the function answered for rows of the halo; it must answer for its own only")
    with contextlib.suppress(StoreError), publishing(path) as temporary:  # another worker may have written the same meanwhile
        if not isinstance(answer, gpd.GeoDataFrame):
            answer.to_parquet(temporary)
            return
        if answer.crs is None:
            raise CRSError("the answer has no CRS")
        table = pa.Table.from_pandas(pd.DataFrame(answer.drop(columns=answer.active_geometry_name)), preserve_index=False)
        numbered = answer.index.name == ROW and answer.index.is_unique
        row = answer.index.to_numpy(dtype=np.int64) if numbered else (part << 32) + np.arange(len(answer), dtype=np.int64)
        blobs = pa.array(shapely.to_wkb(np.asarray(answer.geometry.array, dtype=object), output_dimension=4), type=pa.binary())
        table = table.append_column("geometry", blobs).append_column(ROW, pa.array(row))
        write_part(temporary, table, wkb_bounds(pa.chunked_array([blobs])), answer.crs)


def _text_of(function: Function) -> str:
    """What a function says, so that it is known again after it changed. What it calls is not looked at."""
    if isinstance(function, partial):
        return f"{_text_of(function.func)}{_digest(function.args)}{_digest(function.keywords)}"
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(type(function)))}"
    try:
        return name + inspect.getsource(function)
    except (OSError, TypeError):
        return name


def _digest(value: Any) -> str:
    """SHA-256 of a value; of frames, of what is in them."""
    if isinstance(value, gpd.GeoDataFrame | gpd.GeoSeries):
        plain = pd.DataFrame(value.to_wkb()) if isinstance(value, gpd.GeoDataFrame) else value.to_wkb()
        return _digest(plain) + _digest(str(value.crs))
    if isinstance(value, pd.DataFrame | pd.Series):
        said = pd.util.hash_pandas_object(value).to_numpy().tobytes() + repr(getattr(value, "columns", "")).encode()
    else:
        said = pickle.dumps(value)
    return hashlib.sha256(said).hexdigest()
