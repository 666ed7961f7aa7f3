"""
Workers: processes with the City's layers in them, which work questions out beside each other and can be ended.

Threads of one Python work by turns, and none can be stopped. On Linux a worker is a copy of the desk's process, which costs no
reading and shares its memory. Where copying a process is not safe (macOS), or cannot be done (Windows), a worker is a process of
its own that the layers are sent to: it begins later and has its own copy of them; all else is the same.
"""

import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from citygis.city import City
from citygis.desk.holdings import Holdings
from citygis.errors import AnalysisError, CityGISError

logger = logging.getLogger(__name__)

COPIES = sys.platform == "linux"
"""Whether a worker is a copy of the desk's process."""
LOADING_S = 600.0
"""How long a worker may take to begin, where the layers are sent to it."""


class Workers:
    """
    So many pieces of work at a time.

    Parameters
    ----------
    city : City
    count : int
    limit_s : float
        After so many seconds a piece of work is given up, and its process ended.
    keep : bool
        Whether a worker that is done waits for more; else it ends, and gives its memory back.
    """

    def __init__(self, city: City, count: int, limit_s: float, *, keep: bool = True) -> None:
        self.city, self.count, self.limit_s, self.keep = city, count, limit_s, keep
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._is_closed = False

    def prepare(self, held: Holdings) -> None:
        """Make the workers now: copies while nothing else goes on in the process, others without waiting for them."""
        made = [self._new(held) for _ in range(self.count)]
        if COPIES:
            self._idle += made
        else:
            for worker in made:
                self._pool.submit(self._begun, worker)

    def submit(self, held: Holdings, work: Callable[..., Any], *given: Any) -> "Future[Any]":
        """
        Have something worked out.

        Parameters
        ----------
        held : Holdings
        work : callable
            A function of a module; takes the City, `held` and what is `given`.
        given
            Values that can be sent to another process, as what comes back.

        Returns
        -------
        Future
            Of what `work` gives, or of its `CityGISError` or `ValueError`; of an `AnalysisError` where it was given up or its
            process ended.
        """
        return self._pool.submit(self._done, held, work, given)

    def close(self) -> None:
        """Let go of what waits, and end what is under way."""
        self._is_closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for worker in self._all:
                worker.end()

    def _done(self, held: Holdings, work: Callable[..., Any], given: tuple) -> Any:
        worker = self._taken(held)
        try:
            worker.begin()
            is_done, said = worker.asked(work, given, self.limit_s)
        except Exception:
            self._end(worker)
            raise
        self._let_go(worker)
        if not is_done:
            raise said
        return said

    def _begun(self, worker: "_Worker") -> None:
        """Wait until a worker has its layers, then let it be taken."""
        try:
            worker.begin()
        except AnalysisError as error:  # who asks gets another one, and is told if that does not begin either
            self._end(worker)
            if not self._is_closed:
                logger.warning("a worker did not begin: %s", error)
        else:
            self._let_go(worker)

    def _let_go(self, worker: "_Worker") -> None:
        if self.keep:
            with self._lock:
                self._idle.append(worker)
        else:
            self._end(worker)

    def _end(self, worker: "_Worker") -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()

    def _taken(self, held: Holdings) -> "_Worker":
        """A worker that is free, with these layers in it; those with others end."""
        with self._lock:
            old = [worker for worker in self._idle if worker.held is not held]
            self._idle = [worker for worker in self._idle if worker.held is held]
            self._all.difference_update(old)
            for worker in old:
                worker.end()
            if self._idle:
                return self._idle.pop()
            if self._is_closed:
                raise AnalysisError("The desk is closed.")
            return self._new(held)

    def _new(self, held: Holdings) -> "_Worker":
        worker = _Worker(self.city, held)
        self._all.add(worker)
        return worker


class _Worker:
    """One worker, as it is known to the desk."""

    def __init__(self, city: City, held: Holdings) -> None:
        self.held = held
        self._has_layers = COPIES
        way = multiprocessing.get_context("fork" if COPIES else "spawn")
        self._pipe, other = way.Pipe()
        self._process = way.Process(target=_work, args=(other, city, held if COPIES else None), name="worker", daemon=True)
        self._process.start()
        other.close()

    def begin(self) -> None:
        """Send the layers where they are not there yet, and wait until the worker has them."""
        if not self._has_layers:
            self._said(self.held, LOADING_S, "A worker of the desk did not begin. Ask again, or ask on the command line.")
            self._has_layers = True

    def asked(self, work: Callable[..., Any], given: tuple, limit_s: float) -> tuple[bool, Any]:
        """Whether the work was done, and what came of it: its value, or its error."""
        late = f"Given up after {limit_s:g} seconds. Ask it on the command line, where it may take its time."
        return self._said((work, given), limit_s, late)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _said(self, sent: Any, limit_s: float, late: str) -> Any:
        try:
            self._pipe.send(sent)
            if not self._pipe.poll(limit_s):
                raise AnalysisError(late)
            return self._pipe.recv()
        except (EOFError, OSError):
            raise AnalysisError("The process that worked it out ended, perhaps for want of memory. Ask for less at once.") from None


def _work(pipe: Connection, city: City, held: Holdings | None) -> None:
    """What a worker does: work out one thing after the other, until the desk is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the desk, which ends its workers
    with contextlib.suppress(EOFError, OSError):
        if held is None:
            held = pipe.recv()
            pipe.send(True)
        else:
            _let_go_of_sockets(pipe.fileno())
        gc.freeze()
        while True:
            work, given = pipe.recv()
            try:
                said = (True, work(city, held, *given))
            except CityGISError as error:
                said = (False, AnalysisError(str(error)))
            except ValueError as error:
                said = (False, ValueError(str(error)))
            except Exception:
                said = (False, RuntimeError(traceback.format_exc()))
            pipe.send(said)


def _let_go_of_sockets(own: int) -> None:
    """Connections belong to the desk: held here as well, they would stay open when it closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:  # the folder itself, which is closed by now
            continue
        if is_socket and number != own:
            os.dup2(nothing, number)
