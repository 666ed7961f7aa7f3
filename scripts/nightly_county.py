"""
The county's delivery taken in over night: the job of the City that does it, run as a scheduler wants it.

    python scripts/nightly_county.py CITY               run jobs/county_refresh.toml of the City in the folder CITY
    python scripts/nightly_county.py CITY --job NAME    another job
    python scripts/nightly_county.py CITY --dry         what would be done; nothing is written

Exit codes: 0 all done, or all as it was; 1 done, and something needs a person: see jobs/.work/NAME/run.html; 2 wrong usage;
3 refused and nothing changed; 130 or 143 stopped.
"""

import argparse
import sys
from pathlib import Path

from citygis.city import open_city
from citygis.errors import CityGISError
from citygis.jobs import find_job, read_job, run_job


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("city", type=Path, metavar="CITY")
    parser.add_argument("--job", default="county_refresh", metavar="NAME")
    parser.add_argument("--dry", action="store_true", help="tell what would be done")
    options = parser.parse_args(arguments)
    try:
        city = open_city(options.city)
        run = run_job(
            read_job(find_job(options.job, city)), city=city, dry=options.dry, told=lambda line: print(line, file=sys.stderr)
        )
    except CityGISError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 3
    for step in run.steps:
        print(f"{step.id}: {step.state}")
    if run.page:
        print(f"Report: {run.page}")
    return run.exit_code


if __name__ == "__main__":
    sys.exit(main())
