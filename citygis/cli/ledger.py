"""`citygis ledger`: what runs of jobs did, and whether the record of it is whole."""

from pathlib import Path
from typing import Any

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table

_file = click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")


@click.group()
def command() -> None:
    """
    The ledger of the City's jobs: what each run took, did and made.

    Each line holds the hash of the line before, and ledger.head tells of the last: what was changed, moved or cut off shows.

    \b
    Example:
      citygis ledger verify --city riverbend
      citygis ledger show --city riverbend
      citygis ledger show --city riverbend --run 20260701T060000Z-4f2a1c
    """


@command.command()
@_file
@city_option
@json_option
@click.pass_context
def verify(ctx: click.Context, file: Path | None, city_folder: str | None, as_json: bool) -> None:
    """
    Look whether the ledger is as it was written; tell the first line that is not.

    Exit code 1: it is not.

    \b
    Example:
      citygis ledger verify --city riverbend
      citygis ledger verify copy/ledger.jsonl
    """
    from citygis.jobs import verify_ledger

    path = _ledger(file, city_folder)
    whole, broken = verify_ledger(path)
    if as_json:
        emit_json({"ledger": str(path), "lines": whole, "broken": broken._asdict() if broken else None})
    elif broken is None:
        click.echo(f"{path}: whole, {whole:,} lines.")
    else:
        click.echo(f"{path}: line {broken.line:,}: {broken.why}\nLines before it that hold: {whole:,}.")
    if broken is not None:
        ctx.exit(1)


@command.command()
@_file
@city_option
@click.option("--run", "run_id", metavar="RUN", help="The events of one run.")
@json_option
def show(file: Path | None, city_folder: str | None, run_id: str | None, as_json: bool) -> None:
    """
    List the runs, or the events of one.

    \b
    Example:
      citygis ledger show --city riverbend
      citygis ledger show --city riverbend --run 20260701T060000Z-4f2a1c --json
    """
    from citygis.errors import StoreError
    from citygis.jobs import events

    path = _ledger(file, city_folder)
    if not path.exists():
        raise StoreError(f"{path} is not there. It is written by: citygis run JOB")
    told = events(path)
    if run_id is not None:
        told = [each for each in told if each.get("run") == run_id]
        if not told:
            raise StoreError(f"{path} has no run {run_id!r}. List them: citygis ledger show")
        if as_json:
            emit_json(told)
        else:
            rows = [(each["n"], each["at"], each["event"], each.get("step"), _said(each)) for each in told]
            table(rows, ["line", "at", "event", "step", ""], title=f"Run {run_id}")
        return
    runs = _runs(told)
    if as_json:
        emit_json(runs)
    else:
        table(
            [list(each.values()) for each in runs], ["run", "job", "began", "ended", "exit", "done", "unchanged"], title=str(path)
        )


def _ledger(file: Path | None, city_folder: str | None) -> Path:
    from citygis.jobs.job import jobs_folder
    from citygis.jobs.ledger import LEDGER

    return file if file is not None else jobs_folder(open_city_option(city_folder)) / LEDGER


def _runs(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    runs: dict[str, dict[str, Any]] = {}
    for each in told:
        begun = {"run": each["run"], "job": each["job"], "began": each["at"]}
        run = runs.setdefault(each["run"], begun | {"ended": None, "exit": None, "done": 0, "unchanged": 0})
        if each["event"] == "run ended":
            run |= {"ended": each["at"], "exit": each["exit"]}
        elif each["event"] in ("step done", "step unchanged"):
            run[each["event"].removeprefix("step ")] += 1
    return list(runs.values())


def _said(event: dict[str, Any]) -> str:
    counts = ", ".join(f"{name} {count:,}" for name, count in event.get("counts", {}).items() if count)
    return "; ".join(text for text in (counts, event.get("message"), *event.get("attention", ())) if text)
