"""
The same function over all parts of a dataset: in a loop, in processes, on a Dask cluster, or on Spark.

Workers are given file names and write files. No geometry goes through a scheduler, so that memory is that of a part and its halo,
however many parts there are.
"""

import contextlib
import json
import logging
import multiprocessing
import os
import pickle
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS

from citygis.errors import AnalysisError, CityGISError
from citygis.publish import file_sha256, publish_text
from citygis.scale.dataset import PARTITIONS, Dataset, Part, contents, described, open_dataset, together
from citygis.scale.job import Function, Job, opened, run_part, run_written
from citygis.scale.sources import BBOX, struct_bounds

Engine = Literal["local", "processes", "dask", "spark"]
ENGINES = ("local", "processes", "dask", "spark")

ATTEMPTS = 3
"""How often a part may take its worker down."""

MEMORY = "1GiB"
"""What a worker of our own Dask cluster may hold. Above 95% of it the worker is stopped and its part given to a new one."""

CLUSTER = {
    "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.worker.memory.pause": False,
    "distributed.nanny.pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": None},
}
"""
Workers of our own cluster are given one part at a time, so that no other is blamed for what one does. They do not watch themselves
a hundred times a second: it costs 8% of a processor for two of them that do nothing, and 2% as they are here. They do not pause on
their way to `MEMORY`: nothing would free it. Their C library keeps pages for the next part; giving back all above 64 KB, as Dask
asks of it, costs a tenth of the time.
"""

SPARK = {
    "spark.task.maxFailures": str(ATTEMPTS),
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
}
"""A Spark session of our own."""


class Running(NamedTuple):
    """An engine that runs: ``run(job, identity, parts)`` answers for these parts; ``pickler`` writes a job for its workers."""

    run: Callable[[Job, str, Sequence[int]], None]
    pickler: ModuleType | None = None


def map_partitions(
    function: Function,
    dataset: Dataset,
    *,
    halo: float = 0.0,
    broadcast: Mapping[str, Any] | None = None,
    engine: Engine = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    out: Path | str | None = None,
) -> Dataset | pd.DataFrame:
    """
    A function's answers for all parts of a dataset.

    Parameters
    ----------
    function : callable
        ``function(own, halo, **broadcast)`` gives a DataFrame or GeoDataFrame. `own` and `halo` are frames of plain columns,
        indexed by ``citygis_row``. It must answer for rows of `own` only, and be right if every row within `halo` of them is
        there. For "processes" one of a module.
    dataset : Dataset
    halo : float
        In the unit of the dataset's CRS. `halo` holds the rows of other parts whose bounds come this near to the bounds of a row
        of `own`. With 0 none are read.
    broadcast : dict, optional
        What every part is given by name: small frames, settings.
    engine : "local", "processes", "dask" or "spark"
        One part after the other, in processes of this machine, on a Dask cluster, or on Spark (``mapInArrow``). With "processes"
        and "dask", a script needs ``if __name__ == "__main__":`` about what it does.
    scheduler : str, optional
        The address of a Dask scheduler or of a Spark master; without it a cluster of this machine is started and stopped, or the
        Spark session that there is is used. Its workers must reach the dataset and `out` under the same paths; `out` is a folder
        beside the dataset where it is not given.
    workers : int, optional
        How many; as many as there are processors where it is not given.
    out : path, optional
        The folder for the answers, one file for each part. What is done stays done when the work is stopped: the same call goes
        on from there, and a call that is finished does nothing.

    Returns
    -------
    Dataset or DataFrame
        With `out` and geometry a Dataset; else one frame, in the order of the parts, or in that of the sources where the answers
        kept the index of `own`.

    Raises
    ------
    AnalysisError, or what the function raised if it is an error of citygis
        The message begins with the name of the part. Answers of other parts stay in `out`.
    StoreError
        If `out` holds something else.
    ValueError
        If `engine` is not one of those, `halo` is negative, or `scheduler` is given for an engine that has none.
    """
    if halo < 0:
        raise ValueError(f"Invalid halo {halo!r}. Must be 0 or more, in the unit of the dataset's CRS.")
    with running(engine, scheduler=scheduler, workers=workers) as ready:
        return mapped(ready, function, dataset, halo=halo, broadcast=broadcast, out=out, beside=scheduler is not None)


def mapped(
    engine: Running,
    function: Function,
    dataset: Dataset,
    *,
    halo: float = 0.0,
    broadcast: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    beside: bool = False,
) -> Dataset | pd.DataFrame:
    """`map_partitions` with an engine that runs; `beside` puts answers that nobody keeps beside the dataset."""
    stays = True
    with contextlib.ExitStack() as stack:
        if out is None:
            place = dataset.path.resolve().parent if beside else None
            out = stack.enter_context(tempfile.TemporaryDirectory(dir=place, prefix=".citygis-"))
            stays = False
        folder = Path(out).resolve()
        job = Job(dataset.path.resolve(), function, halo, broadcast or {}, folder)
        if (folder / PARTITIONS).exists():
            opened(job, dataset)  # refuses a folder of something else
            return open_dataset(out)
        known = opened(job, dataset, engine.pickler)
        engine.run(job, known, [part for part in range(len(dataset.parts)) if not job.answer(part).exists()])
        answers = [job.answer(part) for part in range(len(dataset.parts))]
        if not answers:
            return dataset.whole()
        spatial = {b"geo" in (pq.read_schema(path).metadata or {}) for path in answers}
        if len(spatial) > 1:
            raise AnalysisError(f"{function!r} gave a GeoDataFrame for some parts and a DataFrame for others.")
        if not spatial.pop():
            return pd.concat([pd.read_parquet(path) for path in answers])
        publish_text(folder / PARTITIONS, _described(answers, dataset))
        for leftover in folder.glob(".part-*"):  # of workers that were stopped
            leftover.unlink()
        made = open_dataset(out)
        if stays:
            return made
        whole = made.whole()
        return whole.reset_index(drop=True) if len(whole) and whole.index[-1] >= 1 << 32 else whole


@contextlib.contextmanager
def running(engine: Engine, *, scheduler: str | None = None, workers: int | None = None) -> Iterator[Running]:
    """
    An engine, for as long as the block lasts. Parameters and errors as `map_partitions`.
    """
    if engine not in ENGINES:
        raise ValueError(f"Invalid engine {engine!r}. Must be one of {', '.join(ENGINES)}.")
    if scheduler is not None and engine not in ("dask", "spark"):
        raise ValueError(f"Invalid scheduler {scheduler!r}. Must go with engine 'dask' or 'spark'.")
    if workers is not None and workers < 1:
        raise ValueError(f"Invalid workers {workers!r}. Must be at least 1.")
    workers = workers or os.cpu_count() or 1
    if engine == "local":
        yield Running(_in_turn)
    elif engine == "processes":
        yield Running(partial(_in_processes, workers=workers), pickle)
    else:
        with (_cluster if engine == "dask" else _spark)(scheduler, workers) as ready:
            yield ready


def _in_turn(job: Job, known: str, parts: Sequence[int]) -> None:
    for part in parts:
        run_part(job, part)


def _in_processes(job: Job, known: str, parts: Sequence[int], *, workers: int) -> None:
    left = list(parts)
    for attempt in range(ATTEMPTS):
        if not left:
            return
        # The last time one by one, so that the part that takes its process down can be named.
        crowd = 1 if attempt == ATTEMPTS - 1 else min(workers, len(left))
        with ProcessPoolExecutor(crowd, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting = {pool.submit(run_written, str(job.out), known, part): part for part in left}
            try:
                for done in as_completed(waiting):
                    done.result()
            except BrokenProcessPool:
                pass  # what is not done is done again below
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        left = [part for part in left if not job.answer(part).exists()]
    if left:
        raise AnalysisError(_lost(job, left[0]))


@contextlib.contextmanager
def _cluster(scheduler: str | None, workers: int) -> Iterator[Running]:
    """A Dask client of a cluster of this machine, or of one that is there."""
    try:
        import cloudpickle
        import dask
        from distributed import Client, KilledWorker, LocalCluster
        from distributed import as_completed as finished
    except ImportError:
        raise AnalysisError("The engine dask needs dask and distributed: pip install 'citygis[cluster]'.") from None
    with contextlib.ExitStack() as stack:
        try:
            if scheduler is None:
                stack.enter_context(dask.config.set(CLUSTER))
                scheduler = stack.enter_context(
                    LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        processes=True,
                        memory_limit=MEMORY,
                        dashboard_address=None,
                        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # where it tells of itself all the same
                        silence_logs=logging.ERROR,
                    )
                )
            client = stack.enter_context(Client(scheduler, set_as_default=False))
        except (OSError, TimeoutError, RuntimeError, ValueError) as error:
            raise AnalysisError(f"No Dask scheduler answers ({error}). Look at the address of --scheduler.") from None

        def run(job: Job, known: str, parts: Sequence[int]) -> None:
            futures = [client.submit(run_written, str(job.out), known, part, pure=False, retries=0) for part in parts]
            part_of = {future.key: part for future, part in zip(futures, parts, strict=True)}
            try:
                for done in finished(futures, loop=client.loop):
                    try:
                        done.result()
                    except KilledWorker:
                        raise AnalysisError(_lost(job, part_of[done.key])) from None
            finally:
                client.cancel(futures)

        yield Running(run, cloudpickle)


@contextlib.contextmanager
def _spark(master: str | None, workers: int) -> Iterator[Running]:
    """A Spark session of this machine, the one that there is, or one of a master that is there."""
    try:
        from py4j.protocol import Py4JError
        from pyspark import cloudpickle
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise AnalysisError("The engine spark needs pyspark, and Java: pip install 'citygis[spark]'.") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.getActiveSession() if master is None else None
    is_ours = session is None
    if session is None:
        settings = SPARK if master else SPARK | {"spark.executorEnv.PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            session = SparkSession.builder.master(master or f"local[{workers},{ATTEMPTS}]").config(map=settings).getOrCreate()
        except (PySparkException, Py4JError, OSError) as error:
            raise AnalysisError(
                f"Spark did not start ({_first_line(error)}). Look at Java, and at the address of --scheduler."
            ) from None

    def run(job: Job, known: str, parts: Sequence[int]) -> None:
        if not parts:
            return
        one_each = session.range(0, len(parts), numPartitions=len(parts))
        try:
            told = one_each.mapInArrow(partial(_in_arrow, str(job.out), known, tuple(parts)), "failed binary").collect()
        except (PySparkException, Py4JError) as error:
            died = re.search(r"Task (\d+) in stage \S+ failed \d+ times", str(error))
            if died is None or "Python worker exited" not in str(error):
                raise AnalysisError(f"Spark gave up: {_first_line(error)}. What is answered stays; call again to go on.") from None
            raise AnalysisError(_lost(job, parts[int(died[1])])) from None
        if told:
            raise pickle.loads(bytes(told[0]["failed"]))

    try:
        yield Running(run, cloudpickle)
    finally:
        if is_ours:
            session.stop()


def _in_arrow(out: str, known: str, parts: Sequence[int], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """
    `run_written` for parts that Spark names by their place in `parts`. An error is handed back as it is, for Spark would try it
    again, and keep of it only its text.
    """
    for batch in batches:
        for at in batch.column(0).to_pylist():
            try:
                run_written(out, known, parts[at])
            except CityGISError as error:
                yield pa.RecordBatch.from_pydict({"failed": pa.array([pickle.dumps(error)], pa.binary())})


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _lost(job: Job, part: int) -> str:
    file = open_dataset(job.dataset).parts[part].file
    return (
        f"{file} of {job.dataset}: its worker died {ATTEMPTS} times, most likely for want of memory. "
        "Make smaller parts (citygis partition --rows), or give workers more memory."
    )


def _described(answers: Sequence[Path], dataset: Dataset) -> str:
    """The contents of a folder of answers."""
    parts, columns, systems = [], [], {}
    for path in answers:
        with pq.ParquetFile(path) as file:
            about = json.loads(file.schema_arrow.metadata[b"geo"])["columns"]["geometry"]
            table = file.read()
        bounds = struct_bounds(table.column(BBOX))
        placed = bounds[np.isfinite(bounds).all(axis=1)]
        whole = (*placed[:, :2].min(axis=0).tolist(), *placed[:, 2:].max(axis=0).tolist()) if len(placed) else None
        parts.append(Part(file=path.name, rows=len(table), bounds=whole, sha256=file_sha256(path)))
        columns.append(described(table))
        systems[json.dumps(about["crs"], sort_keys=True)] = path.name
    if len(systems) > 1:
        raise AnalysisError(f"The answers for {' and '.join(sorted(systems.values()))} are in different systems.")
    named = together(columns)
    key = dataset.key if dataset.key in [column.name for column in named] else None
    return contents(CRS.from_json_dict(about["crs"]), named, parts, key=key)
