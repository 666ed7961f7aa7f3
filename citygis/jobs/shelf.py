"""
What steps made, on disk: a folder for each, whole or not at all, with a note of what it rests on and the hash of every file.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from citygis.jobs.identity import hash_of
from citygis.jobs.outcome import Outcome
from citygis.publish import file_sha256, publish_text, publishing_folder

NOTE = "step.json"


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
    try:
        said = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        outcome = Outcome(
            said["counts"], tuple(said["attention"]), said["stop"], said["change"], tuple(said["links"]), tuple(said["remarks"])
        )
        outputs = {name: (sha, size) for name, (sha, size) in said["outputs"].items()}
        rests_on = dict(said["rests_on"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Kept(folder, rests_on, outcome, outputs) if _outputs(folder) == outputs else None


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
        found[path.relative_to(folder).as_posix()] = (file_sha256(path), path.stat().st_size)
    return found
