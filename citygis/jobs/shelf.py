"""
What steps made, on disk: a folder for each, whole or not at all, with a note of what it rests on and the hash of every file.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from citygis.errors import StoreError
from citygis.jobs.identity import hash_of
from citygis.jobs.outcome import Outcome
from citygis.publish import file_sha256, publish_text, publishing, publishing_folder

NOTE = "step.json"
_OF_SQLITE = ("-wal", "-shm", "-journal")
"""How files end that SQLite lays beside a GeoPackage that somebody looks into."""


class Kept(NamedTuple):
    """
    A step's folder as it was made: what it rests on, what came of it, and its files by name with SHA-256 and bytes.
    """

    folder: Path
    rests_on: Mapping[str, str]
    outcome: Outcome
    outputs: dict[str, tuple[str, int]]

    @property
    def identity(self) -> str:
        """What the step rests on, as one hash."""
        return identity_of(self.rests_on)

    @property
    def listed(self) -> dict[str, dict]:
        """The files as the ledger lists them."""
        return {name: {"sha256": sha, "bytes": size} for name, (sha, size) in self.outputs.items()}


def identity_of(rests_on: Mapping[str, str]) -> str:
    """The hash of what a step rests on, of `citygis.jobs.identity.rests_on`."""
    return hash_of(dict(rests_on))


def why_anew(folder: Path, old: Kept | None, rests_on: Mapping[str, str]) -> tuple[str, ...]:
    """Why a step is done: what it rests on that is not as it was when `old` was made; none where all is."""
    if old is None:
        return ("its files were changed",) if (folder / NOTE).exists() else ("not done before",)
    return tuple(name for name in {**rests_on, **old.rests_on} if rests_on.get(name) != old.rests_on.get(name))


def kept(folder: Path) -> Kept | None:
    """The folder of a step that was done; None where there is none, or one of its files is not as it was made."""
    said = noted(folder)
    return said if said is not None and _outputs(folder) == said.outputs else None


def noted(folder: Path) -> Kept | None:
    """A step's folder as its note says, whatever its files are now; None where there is no note."""
    try:
        said = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        outcome = Outcome(
            said["counts"], tuple(said["attention"]), said["stop"], said["change"], tuple(said["links"]), tuple(said["remarks"])
        )
        outputs = {name: (sha, size) for name, (sha, size) in said["outputs"].items()}
        rests_on = dict(said["rests_on"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Kept(folder, rests_on, outcome, outputs)


def publish_step(folder: Path, rests_on: Mapping[str, str], act: Callable[[Path], Outcome], *, same: Kept | None = None) -> Kept:
    """
    Do a step in a folder beside its place, which then takes the place of the one before.

    Parameters
    ----------
    folder : Path
    rests_on : mapping of str to str
    act : callable
        Writes files into the folder it is given.
    same : Kept, optional
        What is there: it stays untouched, and is what comes back, where the step gives the same again.

    Returns
    -------
    Kept
    """
    new = folder.with_name(f"{folder.name}.new")
    with publishing_folder(new) as place:
        outcome = act(place)
        outputs = _outputs(place)
        made = Kept(folder, rests_on, outcome, outputs)
        said = {"rests_on": dict(rests_on), **outcome._asdict(), "outputs": outputs}
        publish_text(place / NOTE, json.dumps(said, ensure_ascii=False, indent=1) + "\n")
    if same is not None and same == made:
        shutil.rmtree(new)
        return same
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)
    return made


def put_aside(folder: Path) -> list[Path]:
    """
    Save what somebody changed in a step's folder, or put there, before the folder is made anew.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        Copies in ``STEP.changed`` beside it, each with the start of its SHA-256 in its name; none of a folder without a note, which
        a run that was killed left.
    """
    said = noted(folder)
    if said is None:
        return []
    saved = []
    for name, (sha, size) in _outputs(folder).items():
        if said.outputs.get(name) == (sha, size) or name.endswith(_OF_SQLITE):
            continue
        place = folder.with_name(f"{folder.name}.changed") / Path(name).parent / f"{sha[:8]}_{Path(name).name}"
        if not place.exists():
            with publishing(place) as temporary:
                shutil.copyfile(folder / name, temporary)
        saved.append(place)
    return saved


def tidied(home: Path) -> None:
    """Finish or clear what a killed run left in a job's folder."""
    home.mkdir(parents=True, exist_ok=True)
    for new in home.glob("*.new"):
        place = new.with_suffix("")
        if place.exists() or kept(new) is None:
            shutil.rmtree(new)
        else:
            new.rename(place)
    for leftover in home.glob(".*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _outputs(folder: Path) -> dict[str, tuple[str, int]]:
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and each != folder / NOTE):
        try:
            found[path.relative_to(folder).as_posix()] = (file_sha256(path), path.stat().st_size)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror or error}. Put it right, or delete {folder}.") from None
    return found
