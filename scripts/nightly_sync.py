"""
A City's remote layers brought into step over night: planned, sent, proven, and told in one summary.

    python scripts/nightly_sync.py CITY                    what would be sent; nothing is
    python scripts/nightly_sync.py CITY --send             send it
    python scripts/nightly_sync.py CITY parcels --send     this target only

Each target's plan and its page are kept in CITY/sync/.state/NAME/plans, named by the moment. A plan that is stopped, by too many
deletions say, is not sent; a person looks at its page in the morning. A run that gave up is planned anew and tried again, up to
--nights times. What somebody edited there is left and told.

Exit codes: 0 all in step; 1 conflicts, refusals, stops or a remainder; 2 wrong usage; 3 a target could not be read or logged in to.
"""

import argparse
import datetime
import sys
from pathlib import Path

from citygis import sync
from citygis.city import City, open_city
from citygis.errors import CityGISError
from citygis.publish import publish_text
from citygis.sync.preparation import plan_of, read_sides
from citygis.sync.redaction import redact_logging


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("city", type=Path, metavar="CITY", help="the City's folder")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="without any: all that have a url")
    parser.add_argument("--send", action="store_true", help="send the plans that are not stopped")
    parser.add_argument("--nights", type=int, default=3, metavar="N", help="plans tried for a target whose run gave up (3)")
    options = parser.parse_args(arguments)
    redact_logging()
    try:
        city = open_city(options.city)
        known = {name: target for name, target in sync.targets(city).items() if target.url}
        chosen = [sync.read_target(name, city) for name in options.targets] or list(known.values())
    except CityGISError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 3
    return max((_one(target, city, send=options.send, nights=options.nights) for target in chosen), default=0)


def _one(target: sync.Target, city: City, *, send: bool, nights: int) -> int:
    try:
        for _ in range(nights):
            plan = _planned(target, city)
            if not send or plan.stops:
                return 0 if plan.is_empty and plan.is_clean else 1
            run = sync.apply(plan, target, city=city, told=_say)
            what = f"run {run.run_id}" if run.run_id else "nothing to send"
            print(
                f"{target.name}: {what}: {len(run.done)} written and proven, {len(run.refused)} refused, "
                f"{len(run.conflicts) + run.open_in_plan} left to a person."
            )
            if run.stopped is None:
                return 0 if run.is_clean else 1
            print(f"{target.name}: stopped: {run.stopped}")
            if run.stopped == "interrupted":
                return 1
        return 1
    except CityGISError as error:
        print(f"{target.name}: refused: {error}", file=sys.stderr)
        return 3


def _planned(target: sync.Target, city: City) -> sync.Plan:
    """The plan, saved with its page."""
    remote = sync.connected(target)
    sides = read_sides(target, city=city, remote=remote, told=_say)
    plan = plan_of(sides, target)
    where = target.folder / "plans" / f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S%fZ}"
    sync.save_plan(plan, where.with_suffix(".json"))
    page = sync.plan_page(plan, local=sides.local.frame, remote=sides.reading.frame, city=city)
    publish_text(where.with_suffix(".html"), page)
    counts = ", ".join(f"{len(getattr(plan, name))} {name}" for name in ("adds", "updates", "deletes", "conflicts", "refusals"))
    print(f"{target.name}: {counts}. {where.with_suffix('.html')}")
    for stop in plan.stops:
        print(f"{target.name}: stopped by {stop.code}: {stop.message} {stop.remedy}")
    return plan


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
