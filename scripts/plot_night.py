"""
Plot a folder of sheets over night: checked, laid on the roll, and sent.

    python scripts/plot_night.py NIGHT.toml            what would be plotted; nothing is written
    python scripts/plot_night.py NIGHT.toml --send     do it; a second run goes on where a killed one stopped

NIGHT.toml, all but the folder with its default:

    folder = "sheets"                # *.pdf
    spool = "spool"                  # plot files, spool.jsonl, held/
    format = "pdf"                   # or tiff, or hpgl
    profile = "map_act"
    command = ["lp", "-d", "plotter", "-o", "media=Custom.{width_in}x{length_in}in", "{file}"]
    [roll]
    width_in = 36
    gap_in = 0.25
    inches_per_minute = 40
    [[sheets]]
    file = "tract_4011.pdf"
    copies = 2

Exit codes: 0 all plotted; 1 done, but a sheet was held or a plot failed, or must be looked at; 2 wrong usage; 3 refused.
"""

import argparse
import sys
from pathlib import Path

from citygis.errors import CityGISError
from citygis.settings import load
from citygis.sheets.spool import Night, Plan, night_plan, run_night


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("night", type=Path, metavar="NIGHT.toml")
    parser.add_argument("--send", action="store_true", help="write the plot files and hand them to the command")
    options = parser.parse_args(arguments)
    try:
        night = load(options.night, Night)
        where = options.night.parent
        if options.send:
            plan = run_night(night, where, told=lambda line: print(line, file=sys.stderr))
        else:
            plan = night_plan(night, where)
    except CityGISError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 3
    print("\n".join(_told(plan, sent=options.send)))
    return 1 if plan.held or plan.uncertain else 0


def _told(plan: Plan, *, sent: bool) -> list[str]:
    count = sum(len(cut.sheets) for cut in plan.cuts)
    time = "" if plan.minutes is None else f", about {plan.minutes:.0f} min"
    lines = [
        f"Sheets: {count}, in plot files: {len(plan.cuts)}; {plan.used_in:.1f} in of roll, {plan.used_sqft:.1f} sq ft, "
        f"{plan.waste:.0%} of it blank{time}."
    ]
    lines += [f"  {cut.name}: sheets: {len(cut.sheets)}, {cut.length_in:.1f} in" for cut in plan.cuts]
    lines += [f"Plotted before, not again: {name}" for name in plan.done]
    lines += [
        f"Look at the plotter: {name} was being sent when the last run ended. It is not sent again." for name in plan.uncertain
    ]
    lines += [f"Held: {sheet.name}: {sheet.reason}" for sheet in plan.held]
    return lines if sent else [*lines, "Nothing was written. To plot: --send"]


if __name__ == "__main__":
    sys.exit(main())
