"""
Ctrl-C while edits are under way: the batch in flight is brought to its end, then the run stops.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def interruptible(told: Callable[[str], None] | None = None) -> Iterator[Callable[[], bool]]:
    """
    Take the first Ctrl-C (SIGINT), or SIGTERM, as a wish; a second Ctrl-C interrupts at once, as ever.

    Parameters
    ----------
    told : callable of str, optional
        Gets a remark at the first.

    Yields
    ------
    callable
        Whether it was wished. Outside of the main thread, where signals do not arrive, never.
    """
    wished = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wished.is_set
        return

    def wish(_number: int, _frame: object) -> None:
        wished.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if told:
            told("Stopping after the batch in flight. Ctrl-C again stops at once.")

    before = {each: signal.signal(each, wish) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wished.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
