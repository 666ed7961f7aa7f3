"""
Backups: a folder each, with a copy of the store, the City's settings, and a manifest by which both are known again.
"""

import contextlib
import datetime
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from citygis import __version__
from citygis.city import DATABASE_SCHEMES, City, Retention
from citygis.errors import StoreError
from citygis.publish import publishing_folder
from citygis.store.batch import account
from citygis.store.copies import Copied, copy_database, copy_geopackage
from citygis.store.manifest import FORMAT, Manifest, Proof, backup_file, read_manifest, read_proof, write_manifest
from citygis.store.retention import kept

logger = logging.getLogger(__name__)

PREFIX = "backup_"
COPY = {"geopackage": "store.gpkg", "postgis": "store.dump"}
"""The name of the store's copy in a backup."""
SETTINGS = "city"
"""The folder, in a backup, of the City's own settings files."""
_LEFTOVER_S = 24 * 3600.0


class Backup(NamedTuple):
    """A backup: its folder, what it says of itself, and the last trial of restoring it, if there was one."""

    path: Path
    manifest: Manifest
    proof: Proof | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def is_proven(self) -> bool:
        """Whether the last trial of restoring it went well."""
        return self.proof is not None and self.proof.passed


class Subject(NamedTuple):
    """What a backup is made of: the kind of store, how a manifest names it, and what copies it to a path."""

    backend: str
    name: str
    copy: Callable[[Path], Copied]


class Shelf(NamedTuple):
    """The backups in a folder, newest first, and what lies there and cannot be read as one, each with the reason."""

    backups: list[Backup]
    unreadable: dict[str, str]

    @property
    def last_proven(self) -> Backup | None:
        """The backup whose restore was proven last; None if none ever was."""
        return max((b for b in self.backups if b.is_proven), key=lambda b: b.proof.at, default=None)


def backup(
    city: City,
    *,
    to: Path | str | None = None,
    reason: str = "by hand",
    author: str | None = None,
    at: datetime.datetime | None = None,
) -> Backup:
    """
    Make a backup of a City's store; others may read and write meanwhile.

    Parameters
    ----------
    city : City
    to : path, optional
        The folder that gets the backup's folder; the City's ``folders.backups`` when not given.
    reason : str
        Kept in the manifest.
    author : str, optional
        The account's name when not given.
    at : datetime, optional
        With time zone; now when not given.

    Returns
    -------
    Backup
        On disk whole, or not at all. Its restore is not yet proven: see `citygis.store.prove`.

    Raises
    ------
    StoreError
        If there is no store, it is damaged or cannot be reached, or the backup cannot be written.
    """
    if not city.database and not city.store_path.exists():
        raise StoreError(f"{city.store_path} is not there, so there is nothing to back up. Look at `store` in city.toml.")
    return make_backup(city, subject_of(city.store, city), to=to, reason=reason, author=author, at=at)


def subject_of(store: str, city: City) -> Subject:
    """What to copy of a store: the address of a database, or a path, relative to the City's folder."""
    if is_address(store):
        return Subject("postgis", store, lambda target: copy_database(store, target))
    path = city.folder / store if city.folder else Path(store)
    return Subject("geopackage", path.name, lambda target: copy_geopackage(path, target))


def make_backup(
    city: City,
    subject: Subject,
    *,
    to: Path | str | None = None,
    reason: str,
    author: str | None = None,
    at: datetime.datetime | None = None,
) -> Backup:
    """
    `backup`, of what is said.

    Parameters
    ----------
    subject : Subject
    """
    at = (at or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC)
    folder = Path(to) if to is not None else city.backups_folder
    _clear_leftovers(folder)
    place = _free(folder, at)
    with publishing_folder(place) as temporary:
        target = temporary / COPY[subject.backend]
        copied = subject.copy(target)
        settings = _copy_settings(city, temporary / SETTINGS)
        manifest = Manifest(
            format=FORMAT,
            city=city.name,
            backend=subject.backend,
            store=subject.name,
            made_at=at,
            author=author or _author(),
            reason=reason,
            citygis=__version__,
            store_version=int(copied.meta.get("store_version", 0)),
            schema_version=int(copied.meta.get("schema_version", 0)),
            crs=city.crs.to_string(),
            change=copied.change,
            change_at=copied.change_at,
            files=tuple(backup_file(temporary, path) for path in (target, *settings)),
            tables=copied.contents.tables,
            definitions=copied.contents.definitions,
            origin=copied.origin,
        )
        write_manifest(temporary, manifest)
    logger.info("backup %s, change %s", place.name, manifest.change)
    return Backup(place, manifest)


def backups(folder: Path) -> Shelf:
    """
    The backups in a folder.

    Parameters
    ----------
    folder : path
        One that is not there holds none.

    Returns
    -------
    Shelf
    """
    found, unreadable = [], {}
    for path in sorted(folder.glob(f"{PREFIX}*")) if folder.is_dir() else ():
        try:
            found.append(Backup(path, read_manifest(path), read_proof(path)))
        except StoreError as error:
            unreadable[path.name] = str(error)
    return Shelf(sorted(found, key=lambda b: (b.manifest.made_at, b.name), reverse=True), unreadable)


def superfluous(shelf: Shelf, retention: Retention) -> list[Backup]:
    """
    The backups that a City need not keep.

    Parameters
    ----------
    shelf : Shelf
    retention : Retention

    Returns
    -------
    list of Backup
        Never the newest, nor the one whose restore was proven last.
    """
    why = kept([b.manifest.made_at for b in shelf.backups], retention)
    proven = shelf.last_proven
    return [b for b, reason in zip(shelf.backups, why, strict=True) if reason is None and (proven is None or b.path != proven.path)]


def remove(backup: Backup) -> None:
    """
    Delete a backup.

    Raises
    ------
    StoreError
        If it cannot be deleted.
    """
    try:
        # Renamed first: a deletion that is cut short leaves nothing that looks like a backup.
        gone = backup.path.rename(backup.path.with_name(f".{backup.name}.deleted"))
        shutil.rmtree(gone)
    except OSError as error:
        raise StoreError(f"{backup.path} cannot be deleted: {error.strerror or error}. Ask for the right to write there.") from None


def is_address(store: str) -> bool:
    """Whether a store is named by the address of a database, and not by a path."""
    return store.startswith(DATABASE_SCHEMES)


def _free(folder: Path, at: datetime.datetime) -> Path:
    name = f"{PREFIX}{at:%Y-%m-%dT%H%M%SZ}"
    place, twin = folder / name, 2
    while place.exists():
        place, twin = folder / f"{name}_{twin}", twin + 1
    return place


def _copy_settings(city: City, target: Path) -> list[Path]:
    """The City's own TOML and SQL files, so that a backup is enough to begin again on an empty disk."""
    home, folders = city.folder, city.folders
    found = [home / "city.toml", home / folders.exceptions]
    own = folders.model_dump(exclude={"grids", "exceptions", "backups"}).values()
    for name in (*own, "rules", "sync"):
        inside = (home / name).resolve().is_relative_to(home.resolve()) and (home / name).resolve() != home.resolve()
        found += [path for suffix in ("*.toml", "*.sql") for path in sorted((home / name).rglob(suffix))] if inside else []
    copies = []
    for path in dict.fromkeys(path for path in found if path.is_file() and path.resolve().is_relative_to(home.resolve())):
        copy = target / path.relative_to(home)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copies.append(copy)
    return copies


def _clear_leftovers(folder: Path) -> None:
    """Take away what a backup or a trial that was killed more than a day ago left half done."""
    for path in folder.glob(f".{PREFIX}*") if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFTOVER_S:
                shutil.rmtree(path)


def _author() -> str:
    try:
        return account()
    except StoreError:
        return "unknown"  # a backup is not refused for want of a name
