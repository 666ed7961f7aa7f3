"""`citygis schema`: the City's layers, their fields and domains."""

from typing import TYPE_CHECKING

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table

if TYPE_CHECKING:
    from citygis.city import City
    from citygis.store.backup import Backup
    from citygis.store.migrations import Drift, Migration


class _Verbs(click.Group):
    """A group whose first word may also be a layer's name: then, and without any word, the layers are shown."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((word for word in args if not word.startswith("-")), None)
        if first not in self.commands and not {"-h", "--help"} & set(args):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Verbs)
def command() -> None:
    """
    The City's layers, their fields and domains; and the geodatabase held to them.

    \b
    Example:
      citygis schema                               the layers
      citygis schema parcel                        the fields of one
      citygis schema --markdown > dictionary.md    the data dictionary
      citygis schema check --city riverbend        where the geodatabase is other than the schema
      citygis schema apply --city riverbend --yes  bring it there, with a backup before
      citygis schema steps --city riverbend        the steps that were taken
      citygis schema revert 3 --city riverbend --yes   take back all steps after number 3
    """


@command.command()
@click.argument("layers", nargs=-1, metavar="[LAYER]...")
@click.option("--markdown", is_flag=True, help="Print the data dictionary as Markdown.")
@city_option
@json_option
def show(layers: tuple[str, ...], markdown: bool, city_folder: str | None, as_json: bool) -> None:
    """The City's layers, or the fields of those named."""
    from citygis.schema import data_dictionary

    schema = open_city_option(city_folder).schema
    chosen = {name: schema.layer(name) for name in layers} if layers else schema.layers
    if markdown:
        click.echo(data_dictionary(schema, layers=list(chosen)), nl=False)
    elif as_json:
        emit_json({"version": schema.version, "layers": {name: layer.model_dump(mode="json") for name, layer in chosen.items()}})
    elif not layers:
        rows = [
            (name, layer.geometry, ", ".join(layer.key), len(layer.fields), layer.description) for name, layer in chosen.items()
        ]
        table(rows, ["layer", "geometry", "key", "fields", "what it holds"], title=f"City schema, version {schema.version}")
    else:
        for name, layer in chosen.items():
            rows = [
                (
                    field.name,
                    f"{field.type}({field.length})" if field.length else field.type,
                    "yes" if field.required else None,
                    field.filled_by,
                    ", ".join(field.domain) if field.domain else None,
                    field.description,
                )
                for field in layer.fields
            ]
            table(rows, ["field", "type", "required", "filled by", "domain", "meaning"], title=f"{name}: {layer.description}")


@command.command()
@city_option
@json_option
@click.pass_context
def check(ctx: click.Context, city_folder: str | None, as_json: bool) -> None:
    """
    Where the geodatabase is other than the schema. Exit code 1: somewhere; nothing is changed.

    \b
    Example:
      citygis schema check --city riverbend
    """
    city = open_city_option(city_folder)
    found = _drifts(city)
    _tell(found, [], None, as_json=as_json)
    if found:
        ctx.exit(1)


@command.command()
@city_option
@click.option("--yes", is_flag=True, help="Take the steps; without it they are only shown.")
@json_option
@click.pass_context
def apply(ctx: click.Context, city_folder: str | None, yes: bool, as_json: bool) -> None:
    """
    Bring the geodatabase to the schema: a backup, then all steps in one transaction, or none.

    Exit code 1: something is left that has no safe step.

    \b
    Example:
      citygis schema apply --city riverbend          the steps
      citygis schema apply --city riverbend --yes    take them
    """
    from citygis.store.migrations import apply as take_steps

    city = open_city_option(city_folder)
    if not yes:
        found = _drifts(city)
        _tell(found, [], None, as_json=as_json)
        if not as_json and any(drift.step for drift in found):
            click.echo("Nothing was changed. Take the steps with --yes.")
        ctx.exit(1 if found else 0)
    done = take_steps(city)
    _tell(done.left, done.steps, done.backup, as_json=as_json)
    if done.left:
        ctx.exit(1)


@command.command()
@click.argument("number", type=int, metavar="N")
@city_option
@click.option("--yes", is_flag=True, help="Take the steps back; without it they are only shown.")
@json_option
def revert(number: int, city_folder: str | None, yes: bool, as_json: bool) -> None:
    """
    Take back the steps after number N, with a backup before. Refused where values would be lost.

    \b
    Example:
      citygis schema revert 3 --city riverbend --yes
    """
    from citygis.store.migrations import revert as take_back

    city = open_city_option(city_folder)
    if yes:
        done = take_back(city, number)
        _tell([], done.steps, done.backup, as_json=as_json)
        return
    there = [step for step in _steps(city) if step.id > number and step.reverses is None and step.reversed_by is None]
    _tell([], list(reversed(there)), None, as_json=as_json)
    if not as_json and there:
        click.echo("Nothing was changed. Take these back with --yes.")


@command.command()
@city_option
@json_option
def steps(city_folder: str | None, as_json: bool) -> None:
    """
    The steps that were taken in the geodatabase, oldest first.

    \b
    Example:
      citygis schema steps --city riverbend
    """
    _tell([], _steps(open_city_option(city_folder)), None, as_json=as_json)


def _drifts(city: "City") -> "list[Drift]":
    from citygis.store import database_of
    from citygis.store.migrations import drifts

    with database_of(city).reading() as work:
        return drifts(work, city.schema)


def _steps(city: "City") -> "list[Migration]":
    from citygis.store import database_of
    from citygis.store.migrations import applied

    with database_of(city).reading() as work:
        return applied(work)


def _tell(left: "list[Drift]", taken: "list[Migration]", backup: "Backup | None", *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "drift": [{**d._asdict(), "step": d.step.title if d.step else None} for d in left],
                "steps": [{**m._asdict(), "step": m.step.model_dump()} for m in taken],
                "backup": str(backup.path) if backup else None,
            }
        )
        return
    if backup:
        click.echo(f"Backed up first: {backup.path}")
    if taken:
        rows = [(m.id, m.at, m.author, m.title, m.backup, m.reversed_by) for m in taken]
        table(rows, ["number", "at", "by", "step", "backup before", "taken back by"], title="Steps")
    if left:
        rows = [(d.layer, d.column, d.stored, d.wanted, d.step.title if d.step else "by hand") for d in left]
        table(rows, ["layer", "column", "in the geodatabase", "in the schema", "step"], title="Other than the schema")
    elif not taken:
        click.echo("The geodatabase is as the schema says.")
