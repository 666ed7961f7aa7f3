"""
SIGTERM as an exception, so that a run that is asked to stop can close its ledger.
"""

import contextlib
import signal
from collections.abc import Iterator


class Terminated(BaseException):
    """SIGTERM."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM as `Terminated` while the block runs, where this thread gets signals."""

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, terminate)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
