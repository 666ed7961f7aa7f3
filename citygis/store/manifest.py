"""
What a backup says of itself: which store, when, up to which change, and the hashes by which it is known again.
"""

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime

from citygis.errors import SettingsError, StoreError
from citygis.publish import publish_text
from citygis.settings import Settings, check
from citygis.store.contents import Contents, TableContents

MANIFEST, PROOF = "manifest.json", "proof.json"
FORMAT = 1
"""Of a backup's folder; one of a later format is refused."""
_CHUNK_BYTES = 1 << 20


class BackupFile(Settings):
    """A file of a backup: its path in the folder, its size and its SHA-256."""

    path: str
    bytes: int
    sha256: str


class Origin(Settings):
    """
    Where in a PostGIS database a store lay, and what else it needs there.

    Its schema, the schema of PostGIS, the row of its coordinate system, and the functions that its triggers call. ``srs`` is
    srid, authority, the authority's number, well-known text, PROJ's text, as ``spatial_ref_sys`` has them.
    """

    schema_name: str
    postgis_schema: str
    srs: tuple[int, str | None, int | None, str | None, str | None] | None
    functions: tuple[str, ...] = ()


class Manifest(Settings):
    """
    A backup's description of itself.

    ``tables`` are rows and SHA-256 of each table, ``definitions`` the SHA-256 of what defines them
    (`citygis.store.contents`), both taken from the store, not from the copy. ``change`` is the last one; None before the first.
    ``origin`` is only of a PostGIS store.
    """

    format: int
    city: str
    backend: Literal["geopackage", "postgis"]
    store: str
    made_at: AwareDatetime
    author: str
    reason: str
    citygis: str
    store_version: int
    schema_version: int
    crs: str
    change: int | None
    change_at: str | None
    files: tuple[BackupFile, ...]
    tables: dict[str, tuple[int, str]]
    definitions: str
    origin: Origin | None = None

    @property
    def contents(self) -> Contents:
        """What the store said when the backup was made."""
        return Contents({name: TableContents(*said) for name, said in self.tables.items()}, self.definitions)

    @property
    def copy(self) -> BackupFile:
        """The file that holds the store's copy."""
        return self.files[0]


class Proof(Settings):
    """A restore that was tried: when, how long it took, whether the copy said what the store had said, what did not hold."""

    at: AwareDatetime
    seconds: float
    passed: bool
    failed: tuple[str, ...] = ()


def read_manifest(backup: Path | str) -> Manifest:
    """
    The manifest of a backup.

    Raises
    ------
    StoreError
        If the folder is no backup, its manifest is damaged, or it is of a later citygis.
    """
    path = Path(backup) / MANIFEST
    if not path.is_file():
        raise StoreError(f"{backup} is not a backup: it has no {MANIFEST}. List the backups: citygis backup --list")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
            raise StoreError(f"{backup} was made by a later citygis (format {said['format']}). Install that one.")
        manifest = check(said, Manifest, str(path))
        if not manifest.files:
            raise SettingsError(f"{path}: it names no file.")
    except (OSError, ValueError, SettingsError) as error:
        raise StoreError(f"{path} is damaged: {error}. Take another backup.") from None
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest into a backup's folder that is being made."""
    publish_text(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def read_proof(backup: Path) -> Proof | None:
    """The last trial of a backup; None where there was none, or where its record cannot be read."""
    try:
        return check(json.loads((backup / PROOF).read_text(encoding="utf-8")), Proof, str(backup / PROOF))
    except (OSError, ValueError, SettingsError):
        return None


def write_proof(backup: Path, proof: Proof) -> None:
    """Keep the result of a trial beside the backup; the last one counts."""
    publish_text(backup / PROOF, proof.model_dump_json(indent=2) + "\n", overwrite=True)


def backup_file(folder: Path, path: Path) -> BackupFile:
    """What a manifest says of a file in a backup's folder."""
    return BackupFile(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=sha256_of_file(path))


def damaged_files(backup: Path, manifest: Manifest) -> list[str]:
    """What is wrong with the files of a backup, one sentence for each that is not as the manifest says."""
    told = []
    for file in manifest.files:
        path = backup / file.path
        if not path.is_file():
            told.append(f"{file.path} is missing")
        elif path.stat().st_size != file.bytes:
            told.append(f"{file.path} has {path.stat().st_size:,} bytes, not {file.bytes:,}")
        elif sha256_of_file(path) != file.sha256:
            told.append(f"{file.path} has changed since it was made (SHA-256)")
    return told


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
