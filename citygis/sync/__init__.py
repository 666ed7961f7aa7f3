"""
A remote layer kept in step with a City's: planned, sent, read back, and proven; and taken back where that was wrong.

::

    target = sync.read_target("parcels", city)
    plan = sync.prepare(target, city=city)                  # reads both sides; sends nothing
    sync.save_plan(plan, "plan.json")
    run = sync.apply(sync.read_plan("plan.json"), target, city=city)
    sync.verify(target, city=city).is_clean

`plan` alone compares three frames and knows no network. Whoever writes to a service is a `Remote`; the one for ArcGIS Online and
Enterprise needs the extra ``arcgis``.
"""

from citygis.sync.application import Run, apply
from citygis.sync.base import read_base, write_base
from citygis.sync.journal import RunRecord, runs
from citygis.sync.linking import Link, drafted_target, link
from citygis.sync.model import Add, Conflict, Delete, EditReply, ItemResult, Plan, Refusal, Stop, Update, Was
from citygis.sync.outgoing import Outgoing, outgoing
from citygis.sync.page import plan_page
from citygis.sync.planfile import fingerprint, read_plan, save_plan
from citygis.sync.planning import plan
from citygis.sync.preparation import Verification, connected, prepare, verify
from citygis.sync.publication import Publication, publish
from citygis.sync.remote import Remote
from citygis.sync.reversion import revert
from citygis.sync.target import Target, read_target, targets

__all__ = [
    "Add",
    "Conflict",
    "Delete",
    "EditReply",
    "ItemResult",
    "Link",
    "Outgoing",
    "Plan",
    "Publication",
    "Refusal",
    "Remote",
    "Run",
    "RunRecord",
    "Stop",
    "Target",
    "Update",
    "Verification",
    "Was",
    "apply",
    "connected",
    "drafted_target",
    "fingerprint",
    "link",
    "outgoing",
    "plan",
    "plan_page",
    "prepare",
    "publish",
    "read_base",
    "read_plan",
    "read_target",
    "revert",
    "runs",
    "save_plan",
    "targets",
    "verify",
    "write_base",
]
