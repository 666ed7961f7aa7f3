"""`citygis analyze`: a department's question, answered with list, map, ground and method in one folder."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citygis.cli.inputs import store_or_file
from citygis.cli.options import (
    city_option,
    emit_json,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    quiet_option,
    source_option,
    table,
)

if TYPE_CHECKING:
    from citygis.analysis import Answer, Package, Parameter, Question

SHOWN = 25
"""Rows of the list that are printed where nothing is written."""

_BASE = ("parcel", "right_of_way", "street_centerline")


class Questions(click.Group):
    """A subcommand for each question, made of what it asks for; a name that ends in .toml is a request."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return []  # the help of the group would import every question; --list tells them

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name.lower().endswith(".toml"):
            return _request_command(Path(name))
        from citygis.analysis.request import question

        return _question_command(question(name))


@click.group(cls=Questions, invoke_without_command=True, subcommand_metavar="QUESTION|REQUEST.toml [OPTIONS]")
@click.option("--list", "is_list", is_flag=True, help="The questions there are, and what each asks for.")
@json_option
@click.pass_context
def command(ctx: click.Context, is_list: bool, as_json: bool) -> None:
    """
    Answer a department's question, with the proof attached.

    Exit code 1: answered, but a figure does not agree with its second way, or part of the question could not be answered.

    \b
    Example:
      citygis analyze --list
      citygis analyze notice --apn 191-190-74 --distance-ft 300 --city riverbend --out notice_74
      citygis analyze request.toml --city riverbend --out notice_74
    """
    if is_list:
        _list(as_json=as_json)
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        raise click.UsageError("Name a question or a request file, or ask for --list.")


_TYPES = {
    "text": click.STRING,
    "number": click.FLOAT,
    "integer": click.INT,
    "date": click.DateTime(["%Y-%m-%d"]),
    "table": click.Path(path_type=str),
    "layer": click.Path(path_type=str),
    "file": click.Path(path_type=str),
}


def _option(each: "Parameter") -> click.Option:
    name = "--" + (each.option or each.name).replace("_", "-")
    if each.kind == "flag":
        return click.Option([name, each.name], is_flag=True, default=None, help=each.help)
    return click.Option([name, each.name], type=_TYPES[each.kind], multiple=each.many, required=each.required, help=each.help)


def _shared(function: Any) -> click.Command:
    """The options that every question has."""
    for option in (
        overwrite_option,
        quiet_option,
        json_option,
        click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write the package of files into this folder."),
        source_option,
        city_option,
    ):
        function = option(function)
    return click.pass_context(function)


def _question_command(asked: "Question") -> click.Command:
    @_shared
    def run(ctx: click.Context, /, city_folder, source, out, as_json, quiet, overwrite, **given) -> None:
        given = {name: value for name, value in given.items() if value not in (None, ())}
        given = {name: value.date() if isinstance(value, datetime.datetime) else value for name, value in given.items()}
        _answer(ctx, asked, given, Path(), city_folder, source, out, as_json=as_json, quiet=quiet, overwrite=overwrite)

    made = click.command(name=asked.name, help=f"{asked.summary}\n\nAsked by: {asked.department}.")(run)
    made.params = [*(_option(each) for each in asked.parameters), *made.params]
    return made


def _request_command(path: Path) -> click.Command:
    @_shared
    def run(ctx: click.Context, /, city_folder, source, out, as_json, quiet, overwrite) -> None:
        from citygis.analysis.request import Request, question

        request = Request.from_file(path)
        asked = question(request.question)
        _answer(
            ctx, asked, request.parameters, path.parent, city_folder, source, out, as_json=as_json, quiet=quiet, overwrite=overwrite
        )

    return click.command(name=str(path), help="Answer the request in this file.")(run)


def _answer(
    ctx: click.Context,
    asked: "Question",
    given: dict[str, Any],
    folder: Path,
    city_folder: str | None,
    source: Path | None,
    out: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    from citygis.analysis import write_package
    from citygis.analysis.request import answered, keywords, layers_named
    from citygis.publish import require_free

    city = open_city_option(city_folder)
    if out is not None:
        require_free(out, overwrite=overwrite)
    held = store_or_file(source, city)
    try:
        answer = answered(asked, held, keywords(asked, given, city=city, folder=folder), city=city)
    except ValueError as error:
        if not str(error).startswith("Invalid "):
            raise
        raise click.UsageError(str(error)) from None
    package = None
    if out is not None:
        package = write_package(answer, out, city=city, base=layers_named(_BASE, held), overwrite=overwrite)
    if as_json:
        emit_json(_summary(answer, package))
    else:
        _print(answer, package)
    for remark in (*answer.method.remarks, *(package.remarks if package else ())):
        note(remark, quiet=quiet)
    printable = package is None or package.preflight is None or package.preflight.passed
    if not (answer.agrees and answer.complete and printable):
        ctx.exit(1)


def _list(*, as_json: bool) -> None:
    from citygis.analysis import questions

    known = questions().values()
    if as_json:
        emit_json(
            [
                {**each._asdict(), "answer": each.answer.__name__, "parameters": [p._asdict() for p in each.parameters]}
                for each in known
            ]
        )
        return
    rows = [
        (each.name, each.department, each.summary, ", ".join(each.layers), ", ".join((p.option or p.name) for p in each.parameters))
        for each in known
    ]
    table(rows, ["question", "asked by", "what it answers", "layers", "asks for"], title="Questions")


def _summary(answer: "Answer", package: "Package | None") -> dict[str, Any]:
    from citygis.analysis.package import cells

    columns, rows = cells(answer.table)
    return {
        "question": answer.question,
        "title": answer.title,
        "rows": len(rows),
        "table": [dict(zip(columns, row, strict=True)) for row in rows],
        "excluded": answer.excluded.to_dict("records"),
        "method": {**answer.method._asdict(), "citations": [each._asdict() for each in answer.method.citations]},
        "check": [each._asdict() for each in answer.check],
        "agrees": answer.agrees,
        "unanswered": answer.unanswered.to_dict("records"),
        "files": [str(path) for path in package.files] if package else [],
        "map_passed": package.preflight.passed if package and package.preflight else None,
    }


def _print(answer: "Answer", package: "Package | None") -> None:
    from citygis.analysis.package import cells

    columns, rows = cells(answer.table)
    table(rows[:SHOWN], columns, title=answer.title)
    if len(rows) > SHOWN:
        click.echo(f"{len(rows) - SHOWN:,} more rows: write them with --out.")
    click.echo(f"Left out: {len(answer.excluded):,}.")
    for each in answer.check:
        verdict = "agrees" if each.agrees else "DOES NOT AGREE"
        click.echo(f"{each.figure}: {verdict} ({each.value} here, {each.again} by {each.way}).")
    if len(answer.unanswered):
        table(answer.unanswered.to_numpy().tolist(), list(answer.unanswered.columns), title="Not answered")
    for path in package.files if package else ():
        click.echo(f"Written: {path}")
