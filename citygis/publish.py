"""
Files appear whole or not at all: written beside their place, flushed to disk, then renamed into it.

Nothing else in the project writes over an existing path. Writing in place loses data when the process dies: a plain
``to_file`` over an existing GeoPackage drops the layer first.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from citygis.errors import StoreError


def require_free(path: Path | str, *, overwrite: bool) -> None:
    """
    Refuse what `publishing` would refuse because it exists; for telling it before the work.

    Raises
    ------
    StoreError
        If `path` exists and `overwrite` is false.
    """
    if Path(path).exists() and not overwrite:
        raise StoreError(f"{path} exists and is left as it is. Say --overwrite to replace it, or name another file.")


@contextlib.contextmanager
def publishing(path: Path | str, *, overwrite: bool = False) -> Iterator[Path]:
    """
    A place to write to that becomes `path` when the block ends well, and vanishes when it does not.

    Parameters
    ----------
    path : path
        The file to be made. Its folder is made when missing.
    overwrite : bool
        Whether an existing file may be replaced. Until the block ends it stays as it was.

    Yields
    ------
    Path
        A temporary path in the same folder, with the same suffix.

    Raises
    ------
    StoreError
        If `path` exists and `overwrite` is false, is a folder, or cannot be written (read-only, disk full).
    """
    path = Path(path)
    if path.is_dir():
        raise StoreError(f"{path} is a folder. Name the file to write in it.")
    require_free(path, overwrite=overwrite)
    made: list[Path] = []
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        for folder in reversed([path.parent, *path.parent.parents]):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
        made.clear()
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}. Nothing was changed.") from error
    finally:
        for leftover in path.parent.glob(f"{temporary.name}*") if path.parent.exists() else ():
            with contextlib.suppress(OSError):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def publishing_folder(path: Path | str) -> Iterator[Path]:
    """
    A folder to write files into that becomes `path` when the block ends well, and vanishes when it does not.

    Parameters
    ----------
    path : path
        The folder to be made; it must not be there.

    Yields
    ------
    Path
        A temporary folder beside it.

    Raises
    ------
    StoreError
        If `path` exists or cannot be written (read-only, disk full).
    """
    path = Path(path)
    require_free(path, overwrite=False)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for written in sorted(temporary.rglob("*")):
            _flush(written)
        _flush(temporary)
        temporary.rename(path)  # not `replace`: a folder of that name that came up meanwhile stays
        _flush(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}. Nothing was changed.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have a file, or a folder's list of files, on disk; Windows flushes lists of files by itself."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits; read by pieces. `OSError` where it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish_text(path: Path | str, text: str, *, overwrite: bool = False) -> Path:
    """Write `text` to `path` as UTF-8, whole or not at all. Errors as `publishing`."""
    with publishing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)
