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

    Prints the libraries, the PROJ data and grids, foreign settings in the environment, and where a GPS observation of today at the
    City's centre lands: by PROJ alone, asked in four ways, and by the City's own way. Exit code 1 when something would give wrong
    answers.

    \b
    Example:
      citygis doctor --city riverbend
    """
    from citygis.doctor import centre_test, examine

    city = open_city_option(city_folder)
    report, answers = examine(city), centre_test(city)
    if as_json:
        emit_json(
            {
                "checks": [check._asdict() for check in report],
                "centre_test": [answer._asdict() for answer in answers],
                "ok": all(check.ok for check in report),
            }
        )
    else:
        table(
            [("ok" if check.ok else "LOOK", check.what, check.found, check.remedy) for check in report],
            ["", "what", "found", "what to do"],
        )
        table(
            [
                (
                    answer.way,
                    f"{answer.easting:.3f}, {answer.northing:.3f}",
                    "unknown" if answer.accuracy_ft is None else f"{answer.accuracy_ft:.2f} ft",
                    "unknown" if answer.off_ft is None else f"{answer.off_ft:.2f} ft",
                )
                for answer in answers
            ],
            ["a GPS observation of today at the City's centre", "lands on", "says it is good to", "is off by"],
        )
    sys.exit(0 if all(check.ok for check in report) else 1)
