"""What the subcommands of `citygis sync` share: how a target is opened, and how plans and runs are told."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citygis.cli.options import note, open_city_option, table

if TYPE_CHECKING:
    import pandas as pd

    from citygis.city import City
    from citygis.sync import Plan, Run, Target

SHOWN = 20
"""Rows of one kind that are printed; all of them with --json."""

target_argument = click.argument("target_name", metavar="TARGET")


class Bar:
    """A progress bar that is told how far things are."""

    def __init__(self, description: str, *, quiet: bool) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(desc=description, file=sys.stderr, disable=quiet or not sys.stderr.isatty(), leave=False)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def reading(self, done: int, total: int) -> None:
        self._set(done, total)

    def sending(self, _state: str, done: int, total: int) -> None:
        self._set(done, total)

    def _set(self, done: int, total: int) -> None:
        self._bar.total = total or None
        self._bar.n = done
        self._bar.refresh()


def opened(city_folder: str | None, target_name: str) -> "tuple[City, Target]":
    """The City and its target, with secrets cut out of every log from here on. Errors as `citygis.sync.read_target`."""
    from citygis.sync import read_target
    from citygis.sync.redaction import redact_logging

    redact_logging()
    city = open_city_option(city_folder)
    return city, read_target(target_name, city)


def source_layer(path: Path | None, target: "Target") -> "pd.DataFrame | None":
    """The layer of ``--from FILE.gpkg``; None where it is that of the store."""
    from citygis.gpkg import read_geopackage

    return None if path is None else read_geopackage(path, target.layer)


def told(quiet: bool) -> Callable[[str], None]:
    """What remarks are given to: standard error, unless `quiet`."""
    return lambda text: note(text, quiet=quiet)


def plan_said(made: "Plan", **more: Any) -> dict[str, Any]:
    """A plan as the commands print it with --json; outlines are left to the saved plan."""
    parts = ("adds", "updates", "deletes", "conflicts", "refusals", "stops")
    lists = {name: [_plain(each) for each in getattr(made, name)] for name in parts}
    return {
        "target": made.target,
        "url": made.url,
        "layer": made.layer,
        "counts": made.counts,
        "known_by": made.known_by,
        **lists,
        "is_empty": made.is_empty,
        "reverts": made.reverts,
        **{name: str(value) if isinstance(value, Path) else value for name, value in more.items()},
    }


def _plain(value: Any) -> Any:
    """Named tuples as objects; outlines are left to the plan's file."""
    if hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items() if name != "geometry"} | (
            {"geometry": value.geometry is not None} if "geometry" in value._fields else {}
        )
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def run_said(run: "Run") -> dict[str, Any]:
    """What a run adds to that."""
    return {
        "run_id": run.run_id,
        "done": list(run.done),
        "refused": [_plain(each) for each in run.refused],
        "conflicts_found": [_plain(each) for each in run.conflicts],
        "ambiguous": list(run.ambiguous),
        "newer": list(run.newer),
        "stopped": run.stopped,
        "is_clean": run.is_clean,
    }


def print_plan(made: "Plan") -> None:
    """A plan as tables."""
    counts = [len(getattr(made, name)) for name in ("adds", "updates", "deletes", "conflicts", "refusals", "stops")]
    title = f"{made.layer} to {made.url}" + (f", taking back run {made.reverts}" if made.reverts else "")
    rows = [(*counts, made.counts.get("unchanged", 0))]
    table(rows, ["adds", "updates", "deletes", "conflicts", "refusals", "stops", "unchanged"], title=title)
    if made.stops:
        table([(each.code, each.message, each.remedy) for each in made.stops], ["code", "stopped", "what to do"], title="Stops")
    known_by = made.known_by
    _print_conflicts(made.conflicts, known_by)
    _print_refusals(made.refusals, known_by)
    changed = [
        (known_by.get(each.global_id), each.global_id, ", ".join([*each.changed, *(["geometry"] if each.geometry else [])]))
        for each in made.updates[:SHOWN]
    ]
    for title, edits in (("Adds", made.adds), ("Deletes", made.deletes)):
        named = [(known_by.get(each.global_id), each.global_id) for each in edits[:SHOWN]]
        _print_some(named, ["key", "feature"], title, total=len(edits))
    _print_some(changed, ["key", "feature", "changes"], "Updates", total=len(made.updates))


def _print_conflicts(conflicts: Any, known_by: dict[str, str]) -> None:
    rows = [(known_by.get(each.global_id), each.global_id, each.kind, each.message) for each in conflicts]
    _print_some(rows, ["key", "feature", "kind", "what"], "Conflicts")


def _print_refusals(refusals: Any, known_by: dict[str, str]) -> None:
    rows = [(each.code, known_by.get(each.global_id), each.global_id, each.field, each.message, each.remedy) for each in refusals]
    _print_some(rows, ["code", "key", "feature", "field", "refused", "what to do"], "Refusals")


def _print_some(rows: list[tuple], columns: list[str], title: str, *, total: int | None = None) -> None:
    total = len(rows) if total is None else total
    if rows:
        table(rows[:SHOWN], columns, title=title)
    if total > SHOWN:
        click.echo(f"and {total - SHOWN:,} more (all with --json)")


def print_run(run: "Run", made: "Plan") -> None:
    """What came of a run of a plan, as tables."""
    counts = (len(run.done), len(run.refused), len(run.conflicts), len(run.ambiguous), run.requests)
    title = f"Run {run.run_id}" if run.run_id else "Nothing to send: no run was opened"
    table([counts], ["written and proven", "refused", "conflicts", "not proven", "requests"], title=title)
    _print_refusals(run.refused, made.known_by)
    _print_conflicts(run.conflicts, made.known_by)
    if run.open_in_plan:
        click.echo(f"{run.open_in_plan:,} conflicts and refusals of the plan stand as they did.")
    if run.newer:
        click.echo(f"{len(run.newer):,} features of the City's were changed since the plan was made. Plan again.")
    if run.stopped:
        click.echo(f"Stopped: {run.stopped}")
