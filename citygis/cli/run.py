"""`citygis run`: a job of the City, each step done again only where something changed."""

import datetime
import sys
from typing import TYPE_CHECKING

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, quiet_option, table

if TYPE_CHECKING:
    from citygis.jobs import Run


@click.command()
@click.argument("job", type=click.Path(), metavar="JOB")
@city_option
@click.option("--dry", is_flag=True, help="Tell what would be done; nothing is written.")
@click.option("--from", "start", metavar="STEP", help="Take the steps before as they were left; do this one and the rest anew.")
@click.option(
    "--engine",
    type=click.Choice(["local", "processes", "dask", "spark"]),
    default="local",
    show_default=True,
    help="What checks partitioned data sets.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="With --engine dask or spark: a scheduler that runs already, like tcp://gis:8786."
)
@click.option("--at", "moment", metavar="MOMENT", help="Enter changes with this moment (2026-07-01T06:00Z), not with the clock's.")
@json_option
@quiet_option
def command(
    job: str,
    city_folder: str | None,
    dry: bool,
    start: str | None,
    engine: str,
    scheduler: str | None,
    moment: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Run JOB, a file in the City's jobs folder (by its name) or a path: read, convert, validate, compare, load, draw, sync.

    A step whose inputs, parameters and files are as they were is not done again; a run that was killed goes on where it stopped.
    Every event is entered in the ledger of the jobs folder (`citygis ledger verify`), and the run ends with a page, run.html.

    Exit code: 0 all done or unchanged; 1 done, and something needs a person; 2 wrong usage; 3 refused and nothing changed;
    130 or 143 stopped by a signal.

    \b
    Example:
      citygis run county_refresh --city riverbend --dry
      citygis run county_refresh --city riverbend
      citygis run county_refresh --city riverbend --from load_parcels
    """
    from citygis.jobs import find_job, read_job, run_job

    if scheduler is not None and engine not in ("dask", "spark"):
        raise click.UsageError("--scheduler goes with --engine dask or spark.")
    if dry and moment is not None:
        raise click.UsageError("--at goes with a run: leave out --dry.")
    at = _moment(moment)
    city = open_city_option(city_folder)
    run = run_job(
        read_job(find_job(job, city)),
        city=city,
        dry=dry,
        start=start,
        engine=engine,
        scheduler=scheduler,
        at=at,
        told=lambda line: note(line, quiet=quiet),
    )
    if as_json:
        emit_json(run.summary)
    else:
        _print(run, dry=dry)
    sys.exit(run.exit_code)


def _moment(text: str | None) -> datetime.datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} must be like 2026-07-01T06:00Z.", param_hint="--at") from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text!r} must say its time zone, like 2026-07-01T06:00Z.", param_hint="--at")
    return moment


def _print(run: "Run", *, dry: bool) -> None:
    rows = []
    for step in run.steps:
        counts = ", ".join(f"{name} {count:,}" for name, count in step.counts.items() if count)
        rows.append((step.id, step.kind, step.state, step.change, counts))
    columns = ["step", "what", "state", "change", "counts"]
    table([row[:3] for row in rows] if dry else rows, columns[:3] if dry else columns, title=run.job.title or run.job.name)
    for step in run.steps:
        for text in (*step.remarks, *([step.message] if step.state == "skipped" and step.message else [])):
            click.echo(f"{step.id}: {text}")
    for text in run.remarks:
        click.echo(text)
    if dry:
        click.echo("Nothing was written. To run it: leave out --dry.")
        return
    if run.nothing_done:
        click.echo("Nothing to do: every step is as the run before left it.")
    if run.needs:
        click.echo("Left for a person:")
    for step, text in run.needs:
        click.echo(f"  {step.id}: {text}")
        if step.folder is not None and step.links:
            click.echo(f"    see {step.folder / step.links[0]}")
    left = [step.id for step in run.steps if step.state == "not run"]
    if left:
        click.echo(f"Not run: {', '.join(left)}.")
    elif run.exit_code == 1 and run.needs:
        click.echo("The rest is done. The exit code is 1, so that a scheduler tells somebody.")
    if run.page is not None:
        click.echo(f"Report: {run.page}")
