"""
The report of a run: one page that stands alone, for the person who comes in the morning.
"""

import os
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import jinja2

from citygis.city import City
from citygis.jobs.outcome import PICTURE
from citygis.jobs.results import Run, StepRun

VERDICTS = {0: "Done", 1: "Done, and something needs a person", 3: "Refused: nothing was changed", 130: "Stopped", 143: "Stopped"}

SAID = {"to do": "to do", "kept": "as before"}
"""Where the page says a state otherwise than the ledger."""


def run_page(run: Run, city: City) -> str:
    """
    A run as HTML, complete in itself: no script, nothing fetched, light or dark as the screen is, prints as it is.

    Parameters
    ----------
    run : Run
    city : City

    Returns
    -------
    str
        Every text is escaped; only the maps that steps drew are put in as they are.
    """
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(_part("run.html.j2")).render(
        run=run,
        city=city.name,
        style=_part("run.css"),
        verdict=VERDICTS.get(run.exit_code, f"Ended with {run.exit_code}"),
        tone="clean" if run.exit_code == 0 else "needs" if run.exit_code == 1 else "blocked",
        said=SAID,
        counts=_counts,
        link=lambda each, name: _link(run.page, each.folder / name),
        pictures=[(each, text) for each in run.steps if (text := _picture(each))],
    )


def _counts(step: StepRun) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in step.counts.items() if count)


def _picture(step: StepRun) -> str:
    path = step.folder / PICTURE if step.folder else None
    return path.read_text(encoding="utf-8") if path and path.is_file() and PICTURE in step.outputs else ""


def _link(page: Path, target: Path) -> str:
    return quote(Path(os.path.relpath(target, page.parent)).as_posix())


def _part(name: str) -> str:
    return (resources.files("citygis.jobs") / name).read_text(encoding="utf-8")
