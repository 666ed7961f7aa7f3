"""
What makes a file from outside safe to open: a real local file, no escape from an archive, no XML that expands or fetches.

Everything here runs before a driver sees the file, and raises one `ReadError` that says what is wrong, where, and what to do.
"""

import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.parsers import expat

from citygis.errors import ReadError

LARGEST_ARCHIVE_BYTES = 4 * 2**30
"""An archive that unpacks to more is refused: a City's largest delivery (a million parcels as shapefile) is under 1 GB."""

HIGHEST_RATIO = 200
LARGEST_DENSE_BYTES = 256 * 2**20
"""
A member that unpacks to more than `LARGEST_DENSE_BYTES` and to more than `HIGHEST_RATIO` times its packed size is refused.
Attribute tables, the densest real thing in a delivery, pack about 20 to 60 times; zeros pack 1,000 times.
"""

MOST_MEMBERS = 20_000
LARGEST_XML_BYTES = 2 * 2**30
DEEPEST_XML = 100

_ROOT_WITHIN_BYTES = 1 << 20
_CHUNK = 1 << 20


def require_local_file(path: Path | str, *, folder: bool = False) -> Path:
    """
    `path` as a file or file geodatabase that is on this machine; with `folder`, a plain folder too.

    Raises
    ------
    ReadError
        If it is a URL, a driver's connection string or virtual path, is missing, is a plain folder, is no ordinary file, or is
        empty.
    """
    text = str(path)
    if "\0" in text:
        raise ReadError(f"{text!r} is not a file name.")
    path = Path(path)
    is_address = re.match(r"^[A-Za-z][A-Za-z0-9+.-]+:", text) and not path.exists()
    if is_address or text.startswith(("/vsi", "\\vsi")):
        raise ReadError(
            f"{text} is not a file on this machine. citygis opens no addresses and no connections: save the file, then name it."
        )
    if not path.exists():
        raise ReadError(f"{path} is not there. Look at the spelling and the folder.")
    if path.is_dir():
        if folder and path.suffix.lower() != ".gdb":
            return path
        if path.suffix.lower() != ".gdb":
            inside = sorted(child.name for child in path.iterdir() if not child.name.startswith("."))[:5]
            there = f" In it: {', '.join(inside)}." if inside else ""
            raise ReadError(f"{path} is a folder. Name the file in it (of folders, only a file geodatabase, .gdb, is read).{there}")
        _require_geodatabase(path)
        return path
    if not stat.S_ISREG(path.stat().st_mode):
        raise ReadError(f"{path} is not an ordinary file. Save the delivery as a file first.")
    if path.stat().st_size == 0:
        raise ReadError(f"{path} is empty (0 bytes): the transfer failed. Ask the sender for it again.")
    return path


def _require_geodatabase(path: Path) -> None:
    tables = [child for child in path.iterdir() if child.suffix.lower() == ".gdbtable"]
    if not tables:
        raise ReadError(
            f"{path} has no tables (.gdbtable): it is not a file geodatabase, or was copied in part. Ask for it zipped."
        )
    for child in path.iterdir():
        if child.is_symlink():
            raise ReadError(f"{path}: {child.name} is a link to another place. Ask the sender for a plain copy.")
    empty = sorted(table.name for table in tables if table.stat().st_size == 0)
    if empty:
        raise ReadError(f"{path}: {empty[0]} is empty (0 bytes): the transfer failed. Ask the sender for it again, zipped.")


# -- archives ---------------------------------------------------------------------------------------------------------------


def members(path: Path) -> list[zipfile.ZipInfo]:
    """
    The files of a zip archive, after all of its promises were looked at.

    Raises
    ------
    ReadError
        If it is no zip archive or a cut-off one; if a member is encrypted, a link, leads out of the archive, or repeats another;
        if there are more than `MOST_MEMBERS`; or if it would unpack to more than `LARGEST_ARCHIVE_BYTES` or looks like a bomb.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ReadError(f"{path} is not a whole zip archive ({error}). Ask the sender for it again.") from None
    if len(infos) > MOST_MEMBERS:
        raise ReadError(
            f"{path} has {len(infos):,} members; more than {MOST_MEMBERS:,} are refused. Ask for one delivery per archive."
        )
    files = [info for info in infos if not info.is_dir()]
    seen: dict[str, str] = {}
    for info in files:
        _require_harmless(info, path)
        twin = seen.setdefault(info.filename.casefold(), info.filename)
        if twin is not info.filename:
            raise ReadError(f"{path} holds {twin} and {info.filename}, one over the other. Ask the sender to pack it again.")
    total = sum(info.file_size for info in files)
    if total > LARGEST_ARCHIVE_BYTES:
        raise ReadError(
            f"{path} says that it unpacks to {total / 2**30:,.1f} GB; more than {LARGEST_ARCHIVE_BYTES / 2**30:.0f} GB is refused. "
            "Ask for the delivery in parts."
        )
    return files


def _require_harmless(info: zipfile.ZipInfo, path: Path) -> None:
    name = info.orig_filename
    inner = PurePosixPath(name.replace("\\", "/"))
    if inner.is_absolute() or ".." in inner.parts or re.match(r"^[A-Za-z]:", name) or "\0" in name:
        raise ReadError(
            f"{path}: member {name!r} leads out of the archive. It was not unpacked; do not open it with other software."
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ReadError(f"{path}: member {name!r} is a link to another place. Ask the sender for plain files.")
    if info.flag_bits & 0x1:
        raise ReadError(f"{path}: member {name!r} is encrypted. Ask the sender for an archive without a password.")
    if info.file_size > LARGEST_DENSE_BYTES and info.file_size > HIGHEST_RATIO * max(info.compress_size, 1):
        raise ReadError(
            f"{path}: member {name!r} says that it unpacks {info.compress_size:,} bytes to {info.file_size:,}. "
            f"More than {HIGHEST_RATIO} times is refused as an archive bomb. Ask the sender what it is."
        )


def unpack(path: Path, files: list[zipfile.ZipInfo], folder: Path) -> None:
    """
    Unpack `files`, as `members` gave them, into `folder`.

    Raises
    ------
    ReadError
        If a member's bytes are not what the archive says (wrong checksum, wrong length), or cannot be unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for info in files:
                target = folder / PurePosixPath(info.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as packed, open(target, "wb") as plain:
                    while chunk := packed.read(_CHUNK):
                        plain.write(chunk)
                if target.stat().st_size != info.file_size:
                    raise ReadError(f"{path}: member {info.filename!r} is cut off. Ask the sender for the archive again.")
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError) as error:
        raise ReadError(f"{path} cannot be unpacked ({error}). Ask the sender for it again.") from None
    except Exception as error:
        if type(error).__name__ in ("error", "LZMAError"):  # zlib.error and its kin share no base class
            raise ReadError(f"{path} cannot be unpacked ({error}). Ask the sender for it again.") from None
        raise


# -- XML ------------------------------------------------------------------------------------------------------------------------


class Markup(NamedTuple):
    """What an XML file is made of: the local name of its root, and how often each local name occurs."""

    root: str
    counts: dict[str, int]


class _Done(Exception):
    pass


def require_plain_xml(path: Path, *, whole: bool = True) -> Markup:
    """
    What is in an XML file, read by a parser that expands and fetches nothing.

    Parameters
    ----------
    path : Path
        In any encoding that XML allows, with or without a byte order mark.
    whole : bool
        Read to the end, so that a cut-off file is found; otherwise only to the root element.

    Raises
    ------
    ReadError
        If it has a document type or an entity of its own, is not well-formed, is nested deeper than `DEEPEST_XML`, is larger than
        `LARGEST_XML_BYTES`, or has no root element within its first megabyte.
    """
    if path.stat().st_size > LARGEST_XML_BYTES:
        raise ReadError(f"{path.name} is larger than {LARGEST_XML_BYTES / 2**30:.0f} GB of XML. Ask for a GeoPackage instead.")
    counts: dict[str, int] = {}
    root: list[str] = []
    depth = 0

    def refuse(*_) -> None:
        raise ReadError(
            f"{path.name} has a document type or entities (line {parser.CurrentLineNumber}), which can expand without end or fetch "
            "other files. It was refused. Ask the sender for a plain export."
        )

    def start(name: str, _) -> None:
        nonlocal depth
        local = name.rpartition(":")[2]
        depth += 1
        if depth > DEEPEST_XML:
            raise ReadError(f"{path.name} is nested more than {DEEPEST_XML} deep. It was refused.")
        counts[local] = counts.get(local, 0) + 1
        if not root:
            root.append(local)
            if not whole:
                raise _Done

    def end(_) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        for position, chunk in _chunks(path):
            parser.Parse(chunk, False)
            if not root and position > _ROOT_WITHIN_BYTES:
                raise ReadError(f"{path.name} has no element in its first megabyte. It was refused.")
        parser.Parse(b"", True)
    except _Done:
        pass
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise ReadError(f"{path.name} is not well-formed XML ({error}). Ask the sender for it again.") from None
    return Markup(root[0], counts)


def _chunks(path: Path) -> Iterator[tuple[int, bytes]]:
    position = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            position += len(chunk)
            yield position, chunk
