"""How coordinates came to be what they are: a record of each transformation, and the words for it on a map."""

from typing import NamedTuple


class Lineage(NamedTuple):
    """
    How coordinates came into a system.

    ``statement`` is the statement the way rests on and ``stated_by`` who made it ("city.toml" for a datum the City holds to be its
    own); null where it rests on none. ``cost_ft`` is how far off everything lies if that statement is wrong. ``accuracy_ft`` is 0
    for a mere projection; between epochs it holds what the velocity may be off by. ``source_epoch`` ("2026.00", or "2026.41 to
    2026.42" where points have dates of their own) and ``target_epoch`` are decimal years; null where a frame has none, or for a
    transformation of layers. ``velocity`` is the one used, with its source; null where none was. ``moved_ft`` is the median
    horizontal distance from where the same numbers would have gone by projection alone.
    """

    operation: str
    pipeline: str
    accuracy_ft: float
    source: str
    target: str
    grids_used: tuple[str, ...]
    grids_missing: tuple[str, ...]
    proj_version: str
    epsg_version: str
    statement: str | None = None
    stated_by: str | None = None
    cost_ft: float | None = None
    source_epoch: str | None = None
    target_epoch: str | None = None
    velocity: str | None = None
    tolerance_ft: float | None = None
    moved_ft: float | None = None


def map_note(lineage: Lineage) -> str:
    """
    A lineage as one paragraph, for the note on a map or a report.

    California Public Resources Code 8815.2 asks maps in the California Coordinate System to state the epoch.
    """
    said = [f"Coordinates are in {lineage.target}"]
    if lineage.target_epoch:
        said[0] += f", epoch {lineage.target_epoch}"
    said[0] += f", from {lineage.source}"
    if lineage.source_epoch:
        said[0] += f", epoch {lineage.source_epoch}"
    said.append(f"By {lineage.operation}, good to {lineage.accuracy_ft:.2f} ft")
    if lineage.velocity:
        said.append(f"Moved between epochs by {lineage.velocity}")
    if lineage.moved_ft is not None and lineage.moved_ft >= 0.005:
        said.append(f"That is {lineage.moved_ft:.2f} ft from where projection alone would have put them")
    if lineage.grids_used:
        said.append(f"Grids: {', '.join(lineage.grids_used)}")
    if lineage.statement:
        said.append(f"It rests on the statement that {lineage.statement} ({lineage.stated_by})")
    said.append(f"PROJ {lineage.proj_version}, EPSG {lineage.epsg_version}")
    return ". ".join(said) + "."
