"""Chains of the office's steps in one file: done again only where something changed, logged so that tampering shows."""

from citygis.jobs.engine import run_job
from citygis.jobs.job import STEPS, Job, find_job, read_job
from citygis.jobs.ledger import Broken, append_event, events, verify_ledger
from citygis.jobs.results import Run, StepRun
from citygis.lock import Held

__all__ = [
    "STEPS",
    "Broken",
    "Held",
    "Job",
    "Run",
    "StepRun",
    "append_event",
    "events",
    "find_job",
    "read_job",
    "run_job",
    "verify_ledger",
]
