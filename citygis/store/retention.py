"""
Which backups are kept: the newest of each of the last days, weeks and months that have one.
"""

import datetime
from collections.abc import Callable, Sequence

from citygis.city import Retention

_PERIODS: dict[str, Callable[[datetime.date], tuple[int, ...]]] = {
    "daily": lambda day: (day.toordinal(),),
    "weekly": lambda day: day.isocalendar()[:2],
    "monthly": lambda day: (day.year, day.month),
}


def kept(moments: Sequence[datetime.datetime], retention: Retention) -> list[str | None]:
    """
    Why each backup is kept.

    Parameters
    ----------
    moments : sequence of n datetime
        When each was made, with time zone; in any order.
    retention : Retention
        How many to keep. Counted are days, ISO weeks and months (in UTC) that have a backup, so that a pause in making backups
        costs none.

    Returns
    -------
    list of n str or None
        As ``daily, monthly``; None for one that need not be kept. The newest is always kept.
    """
    order = sorted(range(len(moments)), key=lambda i: moments[i], reverse=True)
    reasons: list[list[str]] = [[] for _ in moments]
    for name, period in _PERIODS.items():
        seen = set()
        for i in order:
            which = period(moments[i].astimezone(datetime.UTC).date())
            if which not in seen and len(seen) < getattr(retention, name):
                reasons[i].append(name)
            seen.add(which)
    if order and not reasons[order[0]]:
        reasons[order[0]].append("newest")
    return [", ".join(why) or None for why in reasons]
