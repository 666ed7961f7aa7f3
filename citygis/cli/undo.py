"""`citygis undo`: a change of the City's geodatabase taken back, by another change."""

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table


@click.command()
@click.argument("change", type=click.IntRange(min=1))
@city_option
@json_option
def command(change: int, city_folder: str | None, as_json: bool) -> None:
    """
    Take CHANGE (a number of `citygis history`) back: its features are as they were before it, and history keeps both.

    Refused, with exit code 3 and nothing changed, where later changes touched the same features; they are listed. An undo is
    itself a change and can be undone.

    \b
    Example:
      citygis history --city riverbend
      citygis undo 4 --city riverbend
    """
    from citygis.store import store

    with store(open_city_option(city_folder)) as db:
        batch = db.undo(change)
        place = db.place
    counts = {name: number._asdict() for name, number in batch.counts.items()}
    if as_json:
        emit_json({"store": place, "undone": change, "change_id": batch.change_id, "layers": counts})
        return
    rows = [(name, n["added"], n["updated"], n["retired"]) for name, n in counts.items()]
    table(rows, ["layer", "back again", "as before", "out again"], title=f"{place}: {batch.change_id} undoes {change}")
