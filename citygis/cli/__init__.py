"""
The command line: one file per command, loaded only when it is called.

Exit codes: 0 done and clean; 1 done, with findings of severity error, conflicts or quarantined rows; 2 wrong usage; 3 refused or
unreadable, nothing changed.
"""

import gc
import importlib

import click

from citygis import __version__
from citygis.errors import CityGISError

COMMANDS = (
    "demo",
    "init",
    "doctor",
    "inspect",
    "schema",
    "convert",
    "gps",
    "cogo",
    "deed",
    "tract",
    "partition",
    "validate",
    "repair",
    "load",
    "edit",
    "history",
    "explain",
    "lineage",
    "undo",
    "diff",
    "analyze",
    "desk",
    "sheet",
    "series",
    "styles",
    "preflight",
    "report",
    "run",
    "ledger",
    "rehearse",
    "sync",
    "backup",
    "restore",
)
"""In the order of a day's work; `citygis COMMAND` is ``citygis/cli/COMMAND.py``."""


class Commands(click.Group):
    """A group that imports a command when it is called, and turns a refusal into one message and exit code 3."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"citygis.cli.{name}").command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except CityGISError as error:
            click.echo(f"Refused: {error}", err=True)
            ctx.exit(3)
        except KeyboardInterrupt:
            click.echo("Stopped. What was being written was left as it was before.", err=True)
            ctx.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="citygis")
def main() -> None:
    """
    Outside-agency map data into a City's layers: read, converted, checked, stored with its history, and drawn.

    \b
    Example:
      citygis demo                                          the whole story, on the sample city
      citygis inspect county_parcels.zip                    what is in a file, and what looks wrong
      citygis convert county_parcels.zip --to parcel --crosswalk county_assessor --city riverbend --out parcels.gpkg
      citygis load parcels.gpkg --city riverbend
      citygis diff next_parcels.gpkg --city riverbend       what the next delivery changes, lot by lot
      citygis history --city riverbend                      who changed what, when; explain, lineage and undo go on from there
      citygis backup --city riverbend --prove               a copy, restored and compared
      citygis sheet parcel_map.toml --city riverbend --out parcel_map.pdf

    Results go to standard output (a table, or JSON with --json), progress and remarks to standard error.
    Exit code: 0 clean, 1 done with errors, conflicts or quarantined rows, 2 wrong usage, 3 refused and nothing changed.
    """
    # A command makes some hundred thousand objects that live until it ends; looking among them for what could be thrown away takes
    # a tenth of its time.
    gc.set_threshold(200_000, 20, 100)
