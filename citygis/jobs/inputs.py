"""
What a job takes from outside: files by name or pattern, kept inside the City's folder unless they are named; addresses of services.
"""

import glob
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from citygis.city import City
from citygis.errors import ReadError, SettingsError
from citygis.jobs.job import Analyse, Job, is_address
from citygis.publish import file_sha256
from citygis.readers import sha256_of

_LARGEST_FOLDER = 100_000
"""Files of a folder that are hashed at most."""


class Outside(NamedTuple):
    """
    An input from outside of the job.

    ``name`` as the job says it; ``path`` where it is a file or folder, ``address`` where it is a service.
    """

    name: str
    path: Path | None
    address: str | None = None


class Digest(NamedTuple):
    """What is kept of an input: its name, SHA-256 (None for a service, which answers anew each time) and size in bytes."""

    name: str
    sha256: str | None
    bytes: int


def outside_inputs(job: Job, city: City) -> dict[str, Outside]:
    """
    Every input of a job that is no step, by what the job calls it.

    Raises
    ------
    SettingsError
        If a path leads out of the City's folder and the job's without being named in ``[inputs]`` in full.
    ReadError
        If a file is not there, or no file fits a pattern.
    """
    steps = {step.id for step in job.steps}
    return {name: _outside(name, job, city) for step in job.steps for name in step.takes if name not in steps}


def within(text: str, job: Job, city: City, *, what: str) -> Path:
    """
    A relative path of a job, followed through links, inside the folder of the City or of the job.

    Raises
    ------
    SettingsError
        If it is absolute, or leads out of both.
    """
    if Path(text).is_absolute():
        raise SettingsError(f"{job.path}: {what} {text!r} is an absolute path. Name it in [inputs] and use that name here.")
    try:
        path = (job.folder / text).resolve()
        path.exists()  # a name that is too long shows here
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingsError(f"{job.path}: {what} {text[:80]!r} is no path that can be followed: {error.args[-1]}.") from None
    homes = [job.folder] + ([city.folder.resolve()] if city.folder else [])
    if not any(path.is_relative_to(home) for home in homes):
        raise SettingsError(
            f"{job.path}: {what} {text!r} leads out of the City's folder. Put the file there, or name it in [inputs] "
            "with its whole path."
        )
    return path


def digest(outside: Outside) -> Digest:
    """
    The SHA-256 of an input.

    A delivery of several parts is hashed as `citygis.readers.sha256_of` does; another folder by the names and digests of its files.

    Raises
    ------
    ReadError
        If it cannot be read.
    """
    path = outside.path
    if path is None:
        return Digest(outside.name, None, 0)
    try:
        if path.is_dir() and path.suffix.lower() != ".gdb":
            return Digest(path.name, *_folder(path))
        files = [path] if path.is_file() else [each for each in path.iterdir() if each.is_file()]
        return Digest(path.name, sha256_of(path), sum(each.stat().st_size for each in files))
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from None


def city_file(name: str, folder: str, job: Job, city: City) -> Path:
    """
    A data file of the City, with or without its .toml: beside the job, in the City's folder, or in one of its folders.

    Raises
    ------
    SettingsError
        If it is in none of them, or the name leads out of the City's folder.
    """
    file = Path(name) if name.endswith(".toml") else Path(f"{name}.toml")
    homes = (job.folder, city.folder, city.folder / getattr(city.folders, folder))
    for home in homes:
        if (home / file).is_file():
            return within(os.path.relpath((home / file).resolve(), job.folder), job, city, what="the file")
    raise SettingsError(f"{job.path}: there is no {file.name} in {', '.join(map(str, dict.fromkeys(homes)))}.")


def asked_files(step: Analyse, job: Job, city: City) -> dict[str, Path]:
    """
    The files that the parameters of a question name, by the parameter; names of ``[inputs]`` among them.

    Errors as `outside_inputs`.
    """
    found = {}
    for name, value in step.parameters.items():
        if isinstance(value, str) and (value in job.inputs or (job.folder / value).exists() or ".." in Path(value).parts):
            given = _outside(value, job, city)
            if given.path is not None:
                found[name] = given.path
    return found


def _outside(name: str, job: Job, city: City) -> Outside:
    said = job.inputs.get(name, name)
    if name in job.inputs and is_address(said):
        return Outside(name, None, said)
    if is_address(said):
        raise SettingsError(f"{job.path}: the address {said!r} must be named in [inputs].")
    if name in job.inputs and Path(said).is_absolute():
        return Outside(name, _newest(said, job))
    shown = os.path.relpath(_newest(said, job), job.folder) if glob.has_magic(said) else said
    path = within(shown, job, city, what="the input")
    if not path.exists():
        raise ReadError(f"{path} is not there ({name} of {job.path.name}). Look at the path; paths start from the job file.")
    return Outside(name, path)


def _newest(pattern: str, job: Job) -> Path:
    """The file that fits a pattern and was changed last; of several of one moment the last by name."""
    if not glob.has_magic(pattern):
        path = Path(pattern)
        if not path.exists():
            raise ReadError(f"{path} is not there ([inputs] of {job.path.name}). Look at the path.")
        return path.resolve()
    home = Path(Path(pattern).anchor or job.folder)
    found = list(home.glob(str(Path(pattern).relative_to(Path(pattern).anchor) if Path(pattern).anchor else pattern)))
    if not found:
        raise ReadError(f"No file fits {pattern!r} ([inputs] of {job.path.name}, from {job.folder}). Has the delivery come?")
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _folder(path: Path) -> tuple[str, int]:
    files = sorted(each for each in path.rglob("*") if each.is_file())
    if len(files) > _LARGEST_FOLDER:
        raise ReadError(f"{path} has {len(files):,} files, more than {_LARGEST_FOLDER:,}. Name a smaller folder.")
    whole, size = hashlib.sha256(), 0
    for file in files:
        whole.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n".encode())
        size += file.stat().st_size
    return whole.hexdigest(), size
