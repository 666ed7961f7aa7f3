"""
The step that plans what a target in ArcGIS Online would be sent, and sends it only when the job says so.
"""

import dataclasses
import datetime
import importlib
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

from citygis.errors import SyncError
from citygis.jobs.job import Sync
from citygis.jobs.outcome import Blocked, Outcome, Work
from citygis.publish import publish_text

PLAN, PAGE = "plan.json", "plan.html"
PARTS = ("adds", "updates", "deletes", "conflicts", "refusals")
"""Of a plan; the first three are what is sent."""


class Skipped(Exception):
    """An optional target that the City does not have."""


def sync_step(step: Sync, work: Work, *, sync: ModuleType | Any = None) -> Outcome:
    """
    Plan the sync of a target; send the plan with ``apply``.

    Parameters
    ----------
    step : Sync
    work : Work
    sync : module, optional
        With ``targets``, ``prepare``, ``save_plan``, ``plan_page`` and ``apply`` as `citygis.sync` has them, which is used when not
        given.

    Returns
    -------
    Outcome
        Conflicts, refusals, a plan that must not be sent as it stands and a run that did not end clean wait for a person. A plan
        that is not sent because the step does not say ``apply`` is told and waits for nobody: that is what the job asks for. One
        that would do what the plan before would do stays as it was made then.

    Raises
    ------
    Blocked
        If the plan must not be sent as it stands, and was to be.
    SyncError
        If the City has no such target, or the exchange stopped.
    Skipped
        If the City has none and the step is optional.
    """
    sync = sync or importlib.import_module("citygis.sync")
    targets = sync.targets(work.city)
    if step.target not in targets:
        if step.optional:
            raise Skipped(f"The City has no sync target {step.target!r}.")
        raise SyncError(f"The City has no sync target {step.target!r}. There are: {', '.join(targets) or 'none'}.")
    target = targets[step.target]
    plan = sync.prepare(target, city=work.city)
    counts = {name: len(getattr(plan, name)) for name in PARTS}
    stops = [f"{each.message} {each.remedy}".strip() for each in plan.stops]
    if step.apply and stops:
        raise Blocked(f"Nothing was sent to {step.target!r}: {' '.join(stops)}")
    attention = [f"The plan must not be sent as it stands: {each}" for each in stops]
    attention += [f"{name.capitalize()}: {counts[name]:,}; see the plan." for name in ("conflicts", "refusals") if counts[name]]
    if plan.is_empty and not attention:
        return Outcome(counts)
    if work.at is not None:
        plan = dataclasses.replace(plan, made_at=work.at.astimezone(datetime.UTC).isoformat(timespec="seconds"))
    sync.save_plan(plan, work.folder / PLAN)
    if not _kept_as_it_was(work):
        publish_text(work.folder / PAGE, sync.plan_page(plan, city=work.city))
    changes = sum(counts[name] for name in ("adds", "updates", "deletes"))
    if not step.apply:
        said = f"{changes:,} changes planned for {step.target!r}, nothing was sent: the step does not say apply = true."
        return Outcome(counts, tuple(attention), links=(PAGE, PLAN), remarks=(said,) if changes else ())
    if plan.is_empty:
        return Outcome(counts, tuple(attention), links=(PAGE, PLAN))
    run = sync.apply(plan, target, city=work.city)
    if not run.is_clean:
        why = f" ({run.stopped})" if run.stopped else ""
        attention.append(f"Run {run.run_id} did not send all of the plan{why}. The next run of the job plans again and goes on.")
    said = f"{len(run.done):,} of {changes:,} changes were sent to {step.target!r} and read back, run {run.run_id}."
    return Outcome(counts, tuple(attention), links=(PAGE, PLAN), remarks=(said,))


def _kept_as_it_was(work: Work) -> bool:
    """Whether the plan differs from that of an earlier run by its moment alone; that one then takes its place, with its page."""
    earlier = work.earlier
    if earlier is None or not (earlier / PLAN).is_file() or not (earlier / PAGE).is_file():
        return False
    if _without_moment(earlier / PLAN) != _without_moment(work.folder / PLAN):
        return False
    for name in (PLAN, PAGE):
        shutil.copyfile(earlier / name, work.folder / name)
    return True


def _without_moment(path: Path) -> dict[str, Any]:
    said = json.loads(path.read_text(encoding="utf-8"))
    return {name: value for name, value in said.items() if name not in ("made_at", "sha256")}
