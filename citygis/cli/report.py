"""`citygis report`: saved queries over the City's geodatabase."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from citygis.cli.options import (
    city_option,
    emit_json,
    field_values,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    quiet_option,
    table,
)

if TYPE_CHECKING:
    from citygis.city import City
    from citygis.reports import Answer

SHOWN = 200
"""Rows that are printed where no file is written."""


@click.command()
@click.argument("name", required=False, metavar="[NAME|FILE.sql]")
@city_option
@click.option("--set", "given", multiple=True, callback=field_values, metavar="NAME=VALUE", help="What the query asks for.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write .xlsx, .html or .csv.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0.1), default=300.0, show_default=True, help="Seconds a query may take."
)
@json_option
@quiet_option
@overwrite_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    city_folder: str | None,
    given: dict[str, str],
    out: Path | None,
    timeout_s: float,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Answer a saved query from the City's geodatabase, with its control totals; without a name, list the queries.

    A query is a .sql file that comes with citygis, lies in the City's reports folder, or is named by its path. It can only read.
    Exit code 1: a control does not agree.

    \b
    Example:
      citygis report --city riverbend
      citygis report parcels_by_kind --city riverbend --out parcels.xlsx
      citygis report changes --set since=2026-01-01 --city riverbend --out changes.html
    """
    from citygis.publish import require_free
    from citygis.reports import answer, saved_query, write_csv, write_page, write_workbook

    city = open_city_option(city_folder)
    if name is None:
        _list(city, as_json=as_json)
        return
    writers = {".xlsx": write_workbook, ".html": write_page, ".csv": write_csv}
    if out is not None:
        if out.suffix.lower() not in writers:
            raise click.BadParameter(f"{out} must be named .xlsx, .html or .csv.", param_hint="--out")
        require_free(out, overwrite=overwrite)
    found = answer(saved_query(name, city), city, given, timeout_s=timeout_s)
    remarks = list(found.remarks)
    if out is not None:
        remarks += writers[out.suffix.lower()](out, found, overwrite=overwrite)
    if as_json:
        emit_json(_summary(found, out, remarks))
    else:
        _print(found, out)
        for remark in remarks:
            note(remark, quiet=quiet)
    if not found.agrees:
        ctx.exit(1)


def _list(city: "City", *, as_json: bool) -> None:
    from citygis.reports import read_query, saved_queries

    queries = [read_query(path) for path in saved_queries(city).values()]
    if as_json:
        emit_json([{**q._asdict(), "parameters": [p._asdict() for p in q.parameters]} for q in queries])
        return
    rows = [
        (
            q.name,
            q.title,
            ", ".join(p.name if p.default is None else f"{p.name}={p.default}" for p in q.parameters) or None,
            q.description,
        )
        for q in queries
    ]
    table(rows, ["report", "title", "asks for", "what it tells"], title="Saved queries")


def _summary(found: "Answer", out: Path | None, remarks: list[str]) -> dict:
    return {
        "report": found.query.name,
        "title": found.query.title,
        "parameters": found.parameters,
        "columns": list(found.columns),
        "rows": len(found.rows) if out else [dict(zip(found.columns, row, strict=True)) for row in found.rows],
        "totals": found.totals,
        "controls": [control._asdict() for control in found.controls],
        "agrees": found.agrees,
        "remarks": remarks,
        "store": found.store,
        "change": found.change,
        "sql_sha256": found.sql_sha256,
        "out": str(out) if out else None,
    }


def _print(found: "Answer", out: Path | None) -> None:
    if out is None:
        shown = found.rows[:SHOWN]
        foot = (
            [tuple(found.totals.get(name, "Total" if i == 0 else None) for i, name in enumerate(found.columns))]
            if found.totals
            else []
        )
        table([*shown, *foot], found.columns, title=found.query.title)
        if len(found.rows) > len(shown):
            click.echo(f"{len(found.rows) - len(shown):,} more rows: write them with --out.")
    for control in found.controls:
        verdict = "agrees" if control.agrees else "DOES NOT AGREE"
        click.echo(f"Control of {control.column}: {verdict} ({control.total} here, {control.control} by the control).")
    if out is not None:
        click.echo(f"Written: {out} ({len(found.rows):,} rows)")
