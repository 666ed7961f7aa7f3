"""
One run per target: a file with the process and the machine in it, beside the journal.
"""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from citygis.errors import SyncError

LOCK = "lock"


@contextlib.contextmanager
def locked(folder: Path, *, told: Callable[[str], None] | None = None) -> Iterator[None]:
    """
    Hold a target's lock while the block runs.

    Parameters
    ----------
    folder : Path
        The target's; made where it is missing.
    told : callable of str, optional
        Gets a remark where the lock of a process that is gone from this machine is taken over.

    Raises
    ------
    SyncError
        If another process holds it, here or on another machine; that one cannot be looked at, so a person must say that it is gone.
    """
    path = folder / LOCK
    mine = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M")})
    for attempt in (1, 2):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError:
            holder = _holder(path)
            if attempt == 2 or not _is_gone(holder):
                raise SyncError(_who(path, holder)) from None
            if told:
                told(f"The lock of process {holder['pid']}, which is gone, was taken over.")
            _take_away(path, holder)
        except OSError as error:
            raise SyncError(f"{folder} cannot be written: {error.strerror or error}. Ask for the right to write there.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(mine)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def _take_away(path: Path, holder: dict) -> None:
    """By renaming: of two processes that see the same dead holder, one finds that it took the other's lock, and gives it back."""
    aside = path.with_name(f"{LOCK}.{os.getpid()}")
    with contextlib.suppress(OSError):
        os.replace(path, aside)
        if _holder(aside) != holder:
            os.link(aside, path)
        aside.unlink()


def _holder(path: Path) -> dict:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {"pid": int(said["pid"]), "host": str(said["host"]), "since": str(said["since"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_gone(holder: dict) -> bool:
    """Whether the holder is a process of this machine that runs no more; False where nobody can tell."""
    if not holder or holder["host"] != socket.gethostname() or sys.platform == "win32":
        return False  # Windows: os.kill(pid, 0) would end the process
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _who(path: Path, holder: dict) -> str:
    who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}" if holder else "it does not say which"
    return (
        f"Another run holds this target ({who}). Wait for it; if that process is no longer there, delete {path.name} in "
        f"{path.parent} and try again. Nothing was sent."
    )
