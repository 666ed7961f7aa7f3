"""
One run at a time: a file with the process and the machine in it, beside what is worked on.
"""

import contextlib
import datetime
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from citygis.errors import StoreError

_MINE: set[Path] = set()
"""Locks that this process has: the one way to tell them from those of an earlier process with the same number."""


class Held(StoreError):
    """Another run holds what is to be worked on."""


@contextlib.contextmanager
def holding(path: Path, *, what: str, told: Callable[[str], None] | None = None) -> Iterator[None]:
    """
    Hold a lock file while the block runs.

    Parameters
    ----------
    path : Path
        Holds the process, machine, start and business of who has it. Its folder is made where it is missing.
    what : str
        The business, to be told to those who wait.
    told : callable, optional
        Is told when the lock of a process that is gone was taken over.

    Raises
    ------
    Held
        If another run has it: on this machine one that is alive, or one on another machine, which cannot be seen from here.
    StoreError
        If the file cannot be written.
    """
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "boot": _boot(), "started": _now(), "what": what})
    for _ in range(3):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError:
            _take_out(path, told)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}. Ask for the right to write there.") from None
    else:
        raise Held(f"{path}: another run is taking it over. Try again.")
    _MINE.add(path.resolve())
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())  # an empty one, after a power cut, could be anybody's
        yield
    finally:
        _MINE.discard(path.resolve())
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8") == text:
                path.unlink()


def _take_out(path: Path, told: Callable[[str], None] | None) -> None:
    """Move the lock of a process that is gone out of the way; `Held` where it is not gone."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return  # gone meanwhile
    try:
        held = json.loads(text)
        pid, host, since = int(held["pid"]), str(held["host"]), str(held["started"])
    except (ValueError, KeyError, TypeError):
        if not text:
            raise Held(f"{path}: another run is beginning. If none is, delete that file and try again.") from None
        raise Held(f"{path} is no lock of citygis. If no run is going on, delete it and try again.") from None
    who = f"{held.get('what', 'another run')}, process {pid} on {host}, since {since}"
    if host != socket.gethostname():
        raise Held(f"Another run is under way ({who}). Wait for it; if it is gone, delete {path}. Nothing was done.")
    is_before_restart = _boot() is not None and held.get("boot") not in (None, _boot())
    if not is_before_restart and _is_alive(pid, path):
        raise Held(f"Another run is under way ({who}). Wait for it to end. Nothing was done.")
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        os.replace(path, aside)
        is_that = aside.read_text(encoding="utf-8") == text
        if not is_that:  # somebody else was quicker, and this is theirs
            os.replace(aside, path)
            raise Held(f"{path}: another run is taking it over. Try again.")
        aside.unlink()
    except FileNotFoundError:
        return
    if told:
        told(f"The lock of a run that is gone was taken over ({who}).")


def _is_alive(pid: int, lock: Path) -> bool:
    """Whether the process that wrote a lock is there still; one of its number that began after the lock is another."""
    if pid == os.getpid():
        return lock.resolve() in _MINE
    if os.name == "nt":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and somebody else's
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}").stat().st_mtime <= lock.stat().st_mtime + 1
    return True


def _is_alive_on_windows(pid: int) -> bool:
    """`os.kill` ends a process on Windows, whatever signal it is given."""
    import ctypes

    kernel = ctypes.windll.kernel32
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return kernel.GetLastError() == 5  # ERROR_ACCESS_DENIED: it is there
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


def _boot() -> str | None:
    """What Linux calls the time since it was started: a clock that went back meanwhile says nothing; None elsewhere."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
