"""`citygis history`: what was done to the City's geodatabase, and what is otherwise between two moments."""

from typing import TYPE_CHECKING

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table
from citygis.cli.results import given

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 50
"""Features that differ which are printed; all of them with --json."""


def moment(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[int | str, ...]:
    """Moments as `citygis.store.Store.read` takes them: a whole number is a change."""
    return tuple(int(value) if value.isdigit() else value for value in values or ())


@click.command()
@click.option("--layer", metavar="NAME", help="Only what touched this layer.")
@click.option(
    "--between",
    nargs=2,
    callback=moment,
    metavar="A B",
    help="What is otherwise at B than at A: numbers of changes (0: before the first), days, or moments with time zone.",
)
@city_option
@json_option
def command(layer: str | None, between: tuple[int | str, ...], city_folder: str | None, as_json: bool) -> None:
    """
    Tell the changes of the City's geodatabase, oldest first: who, when, from which source, how many features. A line tells how many
    sources a change has and the first; --json tells all.

    \b
    Example:
      citygis history --city riverbend
      citygis history --city riverbend --layer parcel --between 2026-01-01 2026-06-30
      citygis history --city riverbend --between 3 4 --json
    """
    from citygis.store import store

    city = open_city_option(city_folder)
    if layer is not None:
        city.schema.layer(layer)
    with store(city) as db:
        told = _between(db.diff(*between, layer)) if between else _changes(db.changes(), layer)
        place = db.place
    if as_json:
        emit_json(told)
    elif between:
        rows = [(row["layer"], row["name"], row["kind"], ", ".join(row["fields"]), row["change"]) for row in told[:SHOWN]]
        table(rows, ["layer", "feature", "kind", "fields", "change"], title=f"{place}: {between[0]} to {between[1]}")
        click.echo(f"{len(told):,} features differ" + (f"; the first {SHOWN} are shown" if len(told) > SHOWN else ""))
    else:
        rows = [(row["id"], row["at"], row["author"], _counted(row["counts"]), *_sources(row), _said(row)) for row in told]
        table(
            rows,
            ["change", "at", "author", "features", "sources", "first source", "message"],
            title=f"{place}: {len(told)} changes",
        )


def _changes(changes: "pd.DataFrame", layer: str | None) -> list[dict]:
    rows = changes.to_dict("records")
    for row in rows:
        row["at"] = row["at"].isoformat()
        row |= {name: given(row[name]) for name in ("effective", "message", "source", "source_sha256", "undo_of")}
    return [row for row in rows if layer is None or any(row["counts"].get(layer, {}).values())]


def _between(differences: "pd.DataFrame") -> list[dict]:
    rows = differences.drop(columns="geometry").to_dict("records")
    return [row | {"fields": list(row["fields"])} for row in rows]


def _counted(counts: dict[str, dict[str, int]]) -> str:
    verbs = ("added", "updated", "retired")
    told = {layer: ", ".join(f"{n[verb]:,} {verb}" for verb in verbs if n.get(verb)) for layer, n in counts.items()}
    return "; ".join(f"{layer}: {text}" for layer, text in told.items() if text)


def _sources(row: dict) -> tuple[int | None, str | None]:
    """How many sources a change has, and the name of the first; a change that merges deliveries has dozens."""
    if row["source"] is None:
        return None, None
    names, contents = (row[name].split("; ") if row[name] else [] for name in ("source", "source_sha256"))
    count = len(contents) or len(names)  # a name may have the sign in it that parts names; a checksum has not
    return count, row["source"] if count == 1 else names[0]


def _said(row: dict) -> str | None:
    effective = f"in law from {row['effective']}" if row["effective"] else None
    return " ".join("; ".join(text for text in (row["message"], effective) if text).split()) or None
