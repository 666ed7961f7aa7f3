"""`citygis explain`: where a feature comes from, back to the entity in the file."""

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table


@click.command()
@click.argument("name", metavar="APN")
@city_option
@json_option
def command(name: str, city_folder: str | None, as_json: bool) -> None:
    """
    Tell where a feature of the City's geodatabase comes from: its versions and the changes that made them, the documents they
    name, its lineage, the findings that were accepted on it.

    \b
    Example:
      citygis explain 191-190-74 --city riverbend
      citygis explain 191-190-74 --city riverbend --json
    """
    from citygis.store import store

    with store(open_city_option(city_folder)) as db:
        told = db.explain(name)
    if as_json:
        emit_json(told)
        return
    click.echo(f"{told['layer']} {told['name']}: {'holds' if told['holds'] else 'no longer holds'}")
    if told["entity"]:
        click.echo(f"Read from {told['entity']}")
    rows = [
        (v["change"], v["at"], v["effective"], v["author"], v["source"], v.get("area_sqft"), v["until"], v["message"])
        for v in told["versions"]
    ]
    table(rows, ["change", "at", "in law from", "author", "source", "sq ft", "until change", "message"], title="Versions")
    if told["documents"]:
        names = ["doc_type", "doc_number", "map_book_kind", "book", "page", "recorded_on", "agency", "uri", "sha256"]
        shown = [name for name in names if any(document.get(name) for document in told["documents"])] or ["doc_id"]
        table([[document.get(name) for name in shown] for document in told["documents"]], shown, title="Documents")
    if told["lineage"]:
        lines = [(row["parent_name"], row["kind"], row["child_name"], row["change"]) for row in told["lineage"]]
        table(lines, ["from", "by", "to", "change"], title="Lineage")
    if told["accepted"]:
        lines = [(row["code"], row["reason"], row["author"]) for row in told["accepted"]]
        table(lines, ["code", "reason", "accepted by"], title="Accepted findings")
    for other in told["others"]:
        click.echo(f"Another feature has this name: {other['layer']} {other['feature']}")
