"""
Whether a remote layer says what the City's says: both read whole, and compared.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from citygis.city import City
from citygis.sync.base import write_base
from citygis.sync.lock import locked
from citygis.sync.model import Plan
from citygis.sync.preparation import connected, plan_of, read_sides
from citygis.sync.remote import Remote
from citygis.sync.settlement import settled_base
from citygis.sync.target import Target


class Verification(NamedTuple):
    """
    What a comparison found.

    ``plan`` is what would still have to be sent, with conflicts, refusals and stops; ``agreed`` counts the features that say
    the same on both sides; ``requests`` what was asked of the service.
    """

    plan: Plan
    agreed: int
    requests: int

    @property
    def is_clean(self) -> bool:
        """Nothing to send, and nothing in the way."""
        return self.plan.is_empty and self.plan.is_clean


def verify(
    target: Target,
    *,
    city: City,
    remote: Remote | None = None,
    layer: pd.DataFrame | None = None,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[int, int], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> Verification:
    """
    Read both sides and compare them. Nothing is sent.

    What both sides agree on becomes the base of the next plan, as it does after a run: a run whose proof failed is proven so. A
    plan that is stopped leaves the base as it was.

    Parameters, errors: as `citygis.sync.prepare`.
    """
    remote = remote or connected(target)
    with locked(target.folder, told=told):
        sides = read_sides(target, city=city, remote=remote, layer=layer, sleep=sleep, progress=progress, told=told, is_locked=True)
        now = plan_of(sides, target, remote)
        if not now.stops:
            base = settled_base(sides.local.frame, sides.reading.frame, sides.base, now, ())
            write_base(target, base)
    return Verification(now, now.counts["unchanged"], sides.requests)
