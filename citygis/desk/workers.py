"""
Workers: copies of the desk's process with the layers in them, which work questions out beside each other and can be ended.

Threads of one Python work by turns, and none can be stopped. A copy costs no reading: it shares the memory of the process that it
was copied from. Where copying a process is not safe (Windows, macOS) threads do the work, and what takes too long is not ended.
"""

import gc
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

COPIES = sys.platform == "linux"
"""Whether work is done in processes."""


class Workers:
    """
    So many pieces of work at a time.

    Parameters
    ----------
    city : City
    count : int
    limit_s : float
        After so many seconds a piece of work is given up, and its process ended.
    """

    def __init__(self, city: City, count: int, limit_s: float) -> None:
        self.city, self.count, self.limit_s = city, count, limit_s
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._is_closed = False

    def prepare(self, held: Holdings) -> None:
        """Make the copies now, while nothing else goes on in the process."""
        if COPIES:
            self._idle += [self._new(held) for _ in range(self.count)]

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
        if not COPIES:
            return work(self.city, held, *given)
        worker = self._taken(held)
        try:
            is_done, said = worker.asked(work, given, self.limit_s)
        except Exception:
            with self._lock:
                self._all.discard(worker)
            worker.end()
            raise
        with self._lock:
            self._idle.append(worker)
        if not is_done:
            raise said
        return said

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
    """One copy of the process, as it is known to the desk."""

    def __init__(self, city: City, held: Holdings) -> None:
        self.held = held
        copies = multiprocessing.get_context("fork")
        self._pipe, other = copies.Pipe()
        self._process = copies.Process(target=_work, args=(other, city, held), name="worker", daemon=True)
        self._process.start()
        other.close()

    def asked(self, work: Callable[..., Any], given: tuple, limit_s: float) -> tuple[bool, Any]:
        """Whether the work was done, and what came of it: its value, or its error."""
        try:
            self._pipe.send((work, given))
            if not self._pipe.poll(limit_s):
                raise AnalysisError(f"Given up after {limit_s:g} seconds. Ask it on the command line, where it may take its time.")
            return self._pipe.recv()
        except (EOFError, OSError):
            raise AnalysisError("The process that worked it out ended, perhaps for want of memory. Ask for less at once.") from None

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection, city: City, held: Holdings) -> None:
    """What a copy does: work out one thing after the other, until the desk is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the desk, which ends its workers
    _let_go_of_sockets(pipe.fileno())
    gc.freeze()
    while True:
        try:
            work, given = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, work(city, held, *given)))
        except CityGISError as error:
            pipe.send((False, AnalysisError(str(error))))
        except ValueError as error:
            pipe.send((False, ValueError(str(error))))
        except Exception:
            pipe.send((False, RuntimeError(traceback.format_exc())))


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
