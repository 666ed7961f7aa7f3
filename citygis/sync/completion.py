"""
Runs that were cut off: what became of their last batches is read back and written into their journals.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from citygis.readers.service.definition import LayerDefinition
from citygis.readers.service.remote import ServiceReader
from citygis.sync.journal import Journal, RunRecord, cut_off_runs
from citygis.sync.model import Delete, Json, Update, Was
from citygis.sync.readback import features_by_id, hashes_of, standings


def complete_runs(
    folder: Path,
    remote: ServiceReader,
    definition: LayerDefinition,
    fields: Sequence[str],
    *,
    told: Callable[[str], None] | None = None,
) -> set[str]:
    """
    Read back what the runs of a target that were cut off left open.

    Parameters
    ----------
    folder : Path
        The target's; its lock must be held, or a run at work would be taken for one that was cut off.
    remote : ServiceReader
    definition : LayerDefinition
    fields : sequence of str
        Those that the hashes of the plans are of.
    told : callable of str, optional
        Gets a remark for each such run.

    Returns
    -------
    set of str
        Global ids of features that the server holds as those runs meant them.

    Raises
    ------
    ServiceFault
        If the server does not answer.
    """
    written: set[str] = set()
    for record in cut_off_runs(folder):
        done, left = outcome(record, remote, definition, fields)
        Journal(folder, record.run_id).write("completed", done=sorted(done), not_done=sorted(left))
        written |= done
        if told:
            batch = max((event["batch"] for event in record.of("sent")), default=0)
            told(
                f"Run {record.run_id} was cut off after batch {batch}: its outcome was read back, {len(done):,} features written, "
                f"{len(left):,} not."
            )
    return written


def outcome(
    record: RunRecord, remote: ServiceReader, definition: LayerDefinition, fields: Sequence[str]
) -> tuple[set[str], set[str]]:
    """
    What of a run's features the server holds as the run meant them, and what not.

    Raises
    ------
    ServiceFault
        If the server does not answer.
    """
    adds = {global_id: hash_ for event in record.of("sent") for global_id, hash_ in event["adds"]}
    others = [update_of(each) for event in record.of("sent") for each in event["updates"]]
    others += [Delete(each["global_id"], {}, "") for event in record.of("sent") for each in event["deletes"]]
    held = features_by_id(remote, definition, [*adds, *(each.global_id for each in others)])
    hashes = hashes_of({each: held[each] for each in adds if each in held}, definition, fields)
    at = standings(others, held, definition, fields)
    done = {each for each in adds if hashes.get(each) == adds[each]} | {each for each, stands in at.items() if stands == "done"}
    return done, {*adds, *at} - done


def update_of(said: Json) -> Update:
    """An update as the journal's ``sent`` tells it."""
    before = said["before"]
    changed = {name: Was(before["attributes"].get(name), new) for name, new in said["changed"].items()}
    geometry = None if said["geometry"] is None else Was(before["geometry"], said["geometry"][0])
    return Update(said["global_id"], changed, geometry, "")
