"""
What came of a job's run, for the screen, the page, the alert.
"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from citygis.jobs.job import Job


class StepRun(NamedTuple):
    """
    A step in a run.

    ``state``: done, unchanged, kept (before ``start``), skipped, refused (a person must decide), failed, stopped, not run; in a dry
    run "to do". ``counts``, ``attention``, ``links`` and ``change`` as in `citygis.jobs.outcome.Outcome`; ``message``: why it was
    refused, failed, skipped or stops the job. ``outputs``: SHA-256 by name of its files in ``folder``.
    """

    id: str
    kind: str
    state: str
    counts: Mapping[str, int] = {}
    attention: tuple[str, ...] = ()
    message: str | None = None
    change: int | None = None
    links: tuple[str, ...] = ()
    outputs: Mapping[str, str] = {}
    folder: Path | None = None
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()


class Run(NamedTuple):
    """
    A job's run.

    ``exit_code``: 0 all done or unchanged, and clean; 1 done, and something needs a person; 3 refused, and nothing changed in the
    store; 130 or 143 stopped. ``page``: the report; None of a dry run, or where it could not be written. ``ledger``: number of
    lines and last hash. ``remarks``: what else happened, such as an alert that nobody got, or a ledger that could not be written.
    """

    id: str
    job: Job
    steps: tuple[StepRun, ...]
    exit_code: int
    began: datetime.datetime
    seconds: float
    page: Path | None
    ledger: tuple[int, str]
    remarks: tuple[str, ...] = ()

    @property
    def needs(self) -> list[tuple[StepRun, str]]:
        """What a person must look at: the step, and what it says."""
        told = []
        for each in self.steps:
            messages = [each.message] if each.message and each.state != "skipped" else []
            told += [(each, text) for text in dict.fromkeys([*each.attention, *messages])]
        return told

    @property
    def nothing_done(self) -> bool:
        """Whether all was as the run before left it."""
        return all(each.state in ("unchanged", "skipped") for each in self.steps)

    @property
    def summary(self) -> dict[str, Any]:
        """What an alert and ``--json`` say of the run. JSON."""
        steps = [
            {
                "id": each.id,
                "kind": each.kind,
                "state": each.state,
                "counts": dict(each.counts),
                "attention": list(each.attention),
                "remarks": list(each.remarks),
                "message": each.message,
                "change": each.change,
                "files": [str(each.folder / link) for link in each.links] if each.folder else [],
                "seconds": round(each.seconds, 3),
            }
            for each in self.steps
        ]
        return {
            "run": self.id,
            "job": self.job.name,
            "title": self.job.title,
            "exit": self.exit_code,
            "began": self.began.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "steps": steps,
            "report": str(self.page) if self.page else None,
            "ledger": {"lines": self.ledger[0], "sha256": self.ledger[1]},
            "remarks": list(self.remarks),
        }
