"""`citygis lineage`: what a parcel came from and what became of it."""

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table
from citygis.cli.results import plain_rows


@click.command()
@click.argument("name", metavar="APN")
@city_option
@json_option
def command(name: str, city_folder: str | None, as_json: bool) -> None:
    """
    Tell the ancestors and descendants of a feature of the City's geodatabase, with the share of the ground of each.

    APN is a parcel number as stored or as the county writes it, another layer's key, or a global_id; one that was retired will do.

    \b
    Example:
      citygis lineage 191-190-74 --city riverbend
      citygis lineage 191-190-74 --city riverbend --json
    """
    from citygis.store import store

    with store(open_city_option(city_folder)) as db:
        told = db.lineage(name)
    rows = plain_rows(told)
    for row in rows:
        row["at"] = row["at"].isoformat() if row["at"] is not None else None
    if as_json:
        emit_json(rows)
        return
    lines = [
        (row["generation"], row["parent_name"], row["kind"], row["child_name"], _share(row["share_parent"]), row["change"])
        for row in rows
    ]
    table(lines, ["generation", "from", "by", "to", "of the parent", "change"], title=f"Lineage of {name}")
    if not rows:
        click.echo("Nothing is known of where it came from or what became of it.")


def _share(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"
