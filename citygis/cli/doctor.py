"""`citygis doctor`: what this installation is made of, and whether it can be trusted with feet."""

import sys

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table


@click.command()
@city_option
@json_option
def command(city_folder: str | None, as_json: bool) -> None:
    """
    What this installation is made of, and what could mislead it.

    Prints the libraries, the PROJ data and grids, foreign settings in the environment, and what PROJ would do by itself with GPS
    coordinates at the City's place. Exit code 1 when something would give wrong answers.

    \b
    Example:
      citygis doctor --city riverbend
    """
    from citygis.doctor import examine

    report = examine(open_city_option(city_folder))
    if as_json:
        emit_json({"checks": [check._asdict() for check in report], "ok": all(check.ok for check in report)})
    else:
        table(
            [("ok" if check.ok else "LOOK", check.what, check.found, check.remedy) for check in report],
            ["", "what", "found", "what to do"],
        )
    sys.exit(0 if all(check.ok for check in report) else 1)
