"""
What a step works with, and what came of it.
"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from citygis.city import City
from citygis.errors import CityGISError
from citygis.gpkg import layers_of, read_geopackage
from citygis.jobs.inputs import Outside
from citygis.jobs.job import Job, Step

PICTURE = "picture.svg"
"""The map of a step on the page of its run."""

LAYERS = "layers.gpkg"
"""City layers that a convert or repair step gives."""


class Blocked(CityGISError):
    """A person must decide before the job can go on; nothing of the step was kept."""


class Work(NamedTuple):
    """
    What a step works with.

    ``folder`` takes its files, and is kept whole or not at all. ``scratch`` stays when a run is stopped. ``steps`` are the folders
    of earlier steps by id, ``outside`` the other inputs. ``at`` is the moment that is entered and printed. ``mark`` is what a
    change in the store is known by; ``marks`` are those of this step and the later ones. ``earlier`` is the step's folder as a run
    before left it, if one did; ``identity`` is what the step rests on, as one hash.
    """

    job: Job
    city: City
    folder: Path
    scratch: Path
    steps: Mapping[str, Path]
    outside: Mapping[str, Outside]
    at: datetime.datetime | None
    mark: str
    marks: frozenset[str]
    engine: str = "local"
    scheduler: str | None = None
    earlier: Path | None = None
    identity: str = ""

    def file(self, name: str, inside: str = LAYERS) -> Path:
        """The file of an input: `inside` the folder of an earlier step, or the file itself."""
        return self.steps[name] / inside if name in self.steps else self.outside[name].path


class Outcome(NamedTuple):
    """
    What came of a step.

    ``counts``: rows in, out and quarantined, findings by severity, changes by kind. ``attention``: what needs a person; the run
    then ends with exit code 1. ``stop``: why the job must not go on, where it must not. ``change``: number in the store.
    ``links``: the files to look at first. ``remarks``: what is worth telling and needs nobody.
    """

    counts: dict[str, int] = {}
    attention: tuple[str, ...] = ()
    stop: str | None = None
    change: int | None = None
    links: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def city_layers(path: Path, city: City) -> dict[str, Any]:
    """
    The layers of a GeoPackage that the City's schema knows.

    Raises
    ------
    ReadError
        If it cannot be read.
    """
    return {info.name: read_geopackage(path, info.name) for info in layers_of(path) if info.name in city.schema.layers}


def joined_layers(step: Step, work: Work) -> dict[str, Any]:
    """
    The City layers of all inputs of a step, rows of one layer after each other.

    Raises
    ------
    Blocked
        If there is none.
    """
    import pandas as pd

    frames: dict[str, list] = {}
    for name in step.source:
        for layer, frame in city_layers(work.file(name), work.city).items():
            frames.setdefault(layer, []).append(frame)
    if not set(frames) - {"source_document"}:
        raise Blocked(f"Step {step.id!r}: {', '.join(step.source)} has no layer of the City's schema. Convert it by a step before.")
    made = {}
    for layer, some in frames.items():
        whole = some[0] if len(some) == 1 else pd.concat(some, ignore_index=True)
        made[layer] = whole.drop_duplicates("doc_id", ignore_index=True) if layer == "source_document" else whole
    return made
