"""
Stores on network shares: a copy on this machine is edited, and put in its place whole.

SQLite's locks do not hold on SMB and many NFS servers, and its write-ahead log needs memory that two machines do not share
(https://www.sqlite.org/wal.html, "Overview"; https://www.sqlite.org/howtocorrupt.html, section 2.1).
"""

import contextlib
import ctypes
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from citygis.errors import StoreError

SHARE_TYPES = ("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "smbfs_osx", "afpfs", "ncpfs", "afs", "9p", "webdav", "fuse.sshfs")
"""File systems of other machines, by the names in ``/proc/mounts`` and of ``mount``."""
_DRIVE_REMOTE = 4  # GetDriveTypeW, Win32 fileapi.h
_WAIT_S = (0.1, 0.2, 0.5, 1.0, 2.0)
_OCTAL = re.compile(r"\\([0-7]{3})")  # how /proc/mounts spells a blank
_JOURNALS = ("-wal", "-journal")


def is_on_a_share(path: Path) -> bool:
    """
    Whether a path lies on another machine: a UNC path, a mapped drive, a mounted share.

    Parameters
    ----------
    path : path
        Need not exist.
    """
    full = Path.cwd() / path
    if sys.platform == "win32":
        if str(full).startswith("\\\\"):
            return True
        return ctypes.windll.kernel32.GetDriveTypeW(f"{full.drive}\\") == _DRIVE_REMOTE
    return file_system_of(Path(os.path.realpath(full)), _mounts()) in SHARE_TYPES


def file_system_of(path: Path, mounts: list[tuple[str, str]]) -> str | None:
    """
    The type of the file system that a path lies in.

    Parameters
    ----------
    path : path
    mounts : list of (folder, type)
        In the order they were mounted; a later one hides an earlier one at the same place.
    """
    text, best, kind = f"{path}/", "", None
    for folder, name in mounts:
        inside = text.startswith(f"{folder.rstrip('/')}/")
        if inside and len(folder) >= len(best):
            best, kind = folder, name
    return kind


@contextlib.contextmanager
def editing_a_copy(path: Path, *, timeout_s: float) -> Iterator[Path]:
    """
    A copy of a store on this machine, put in the store's place when the block ends well.

    Parameters
    ----------
    path : path
        On a share. A file ``<name>.lock`` beside it, with the machine and time in it, keeps other citygis away meanwhile.
    timeout_s : float
        How long to wait for that.

    Yields
    ------
    Path
        The copy; gone when the block ends. One that the block deletes is not put in the store's place.

    Raises
    ------
    StoreError
        If somebody else works on it or changed it meanwhile, or it cannot be read or replaced. Nothing is changed.
    """
    with _lock(path, timeout_s), tempfile.TemporaryDirectory(prefix="citygis-") as folder:
        require_no_journal(path)
        copy, before = Path(folder) / path.name, _mark(path)
        _copy(path, copy)
        if _mark(path) != before:
            raise StoreError(f"{path} was being written while it was copied. Try again. Nothing was changed.")
        yield copy
        if not copy.exists():
            return
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
        _publish(copy, path, before)


def require_no_journal(path: Path) -> None:
    """
    Look that a store's file is complete in itself.

    Raises
    ------
    StoreError
        If a journal with changes lies beside it: whoever has it open must close it, on the machine where it was written. A
        journal is never copied: it belongs to the file and to the moment.
    """
    for suffix in _JOURNALS:
        journal = path.with_name(path.name + suffix)
        if journal.exists() and journal.stat().st_size:
            raise StoreError(
                f"{path} is open in another program: changes that belong to it still lie in {journal.name}. Close it there "
                "(QGIS: save and close the project), then try again. Never copy or delete that file by hand. Nothing was changed."
            )


@contextlib.contextmanager
def _lock(path: Path, timeout_s: float) -> Iterator[None]:
    lock = path.with_name(path.name + ".lock")
    began = time.monotonic()
    while True:
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            break
        except FileExistsError:
            if time.monotonic() - began >= timeout_s:
                raise StoreError(f"{path}: {_who(lock)} Nothing was changed.") from None
            time.sleep(0.1)
        except OSError as error:
            raise StoreError(
                f"{path}: its folder cannot be written ({error.strerror or error}). Ask for the right to write there. "
                "Nothing was changed."
            ) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(f"{socket.gethostname()}, process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M')}")
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _who(lock: Path) -> str:
    try:
        who = lock.read_text(encoding="utf-8").strip() or "somebody"
    except OSError:
        who = "somebody"
    return (
        f"another citygis is writing to it ({who}). Wait for it; if that process is no longer there, delete {lock.name} beside "
        "the store, then try again."
    )


def _copy(path: Path, copy: Path) -> None:
    """By SQLite's backup, which waits for a writer; a file in write-ahead mode is taken as it lies, without its shared memory."""
    mode = "mode=ro&immutable=1" if _mark(path)[1][18:19] == b"\x02" else "mode=ro"
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as stored,
            contextlib.closing(sqlite3.connect(copy)) as copied,
        ):
            stored.backup(copied)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be copied to this machine: {error}. Nothing was changed.") from None


def _mark(path: Path) -> tuple[int, bytes]:
    """What tells one state of a database from another: its size, and its header with the counter of changes."""
    with open(path, "rb") as opened:
        return os.fstat(opened.fileno()).st_size, opened.read(100)


def _publish(copy: Path, path: Path, before: tuple[int, bytes]) -> None:
    """Copy beside, flush, look that nobody was quicker, rename; retried while somebody has the file open (Windows)."""
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        shutil.copyfile(copy, beside)
        with open(beside, "rb+") as written:
            os.fsync(written.fileno())
        require_no_journal(path)
        if _mark(path) != before:
            raise StoreError(f"{path} was changed by another program in the meantime. Try again. Nothing was changed.")
        for wait_s in (*_WAIT_S, None):
            try:
                os.replace(beside, path)
                return
            except PermissionError:
                if wait_s is None:
                    raise
                time.sleep(wait_s)
    except PermissionError:
        raise StoreError(
            f"{path} cannot be replaced: another program has it open, or the folder is read-only. Close it in QGIS, then try "
            "again. Nothing was changed."
        ) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}. Nothing was changed.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _mounts() -> list[tuple[str, str]]:
    table = Path("/proc/mounts")
    if table.exists():
        lines = [line.split(" ") for line in table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
        return [(_OCTAL.sub(lambda code: chr(int(code[1], 8)), parts[1]), parts[2]) for parts in lines if len(parts) > 2]
    if sys.platform == "darwin":
        # "//user@server/share on /Volumes/share (smbfs, nodev)"
        said = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        parts = [line.rpartition(" (") for line in said.splitlines()]
        return [(head.partition(" on ")[2], tail.partition(",")[0].rstrip(")")) for head, _, tail in parts]
    return []
