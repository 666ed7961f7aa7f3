"""
The step that plans what a target in ArcGIS Online would be sent, and sends it only when the job says so.
"""

import importlib
from types import ModuleType
from typing import Any

from citygis.errors import SyncError
from citygis.jobs.job import Sync
from citygis.jobs.outcome import Blocked, Outcome, Work
from citygis.publish import publish_text

PLAN, PAGE = "plan.json", "plan.html"
PARTS = ("adds", "updates", "deletes", "conflicts", "refusals")


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
        A plan that is not empty, and not sent, waits for a person, and so do conflicts, refusals and a run that did not end clean.

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
    sync.save_plan(plan, work.folder / PLAN)
    publish_text(work.folder / PAGE, sync.plan_page(plan, city=work.city))
    if step.apply and not plan.is_empty:
        run = sync.apply(plan, target, city=work.city)
        if not run.is_clean:
            attention.append(f"Run {run.run_id} of the sync did not end clean. Look at it: citygis sync.")
    elif not plan.is_empty:
        attention.append(f"A plan for {step.target!r} was made and not sent: the job does not say apply = true.")
    return Outcome(counts, tuple(attention), links=(PAGE, PLAN))
