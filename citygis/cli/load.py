"""`citygis load`: converted layers into the City's geodatabase."""

from typing import TYPE_CHECKING

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, quiet_option, table
from citygis.cli.results import FINDING, note_ended, plain_rows, print_findings

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from citygis.store import Batch


_SHOWN_OF_A_CODE = 3

EXCUSED = ("finding_id", "code", "layer", "feature", "other", "reason", "accepted_by", "accepted_on", "until")
"""What is told of an error that the register of exceptions covers."""


def reasons(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The reasons by code of ``--accept CODE=reason``."""
    given = {}
    for value in values:
        code, _, reason = value.partition("=")
        if not code.strip() or not reason.strip():
            raise click.BadParameter(f'{value!r} must be a finding code and the reason, like T01="surveyed, record in error".')
        if given.setdefault(code.strip(), reason.strip()) != reason.strip():
            raise click.BadParameter(f"{code.strip()} is given two reasons. Say one.")
    return given


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE.gpkg")
@city_option
@click.option(
    "--accept",
    multiple=True,
    callback=reasons,
    metavar="CODE=reason",
    help="Load in spite of these errors; the reason is kept.",
)
@click.option("--message", metavar="TEXT", help="What the load is for; kept with it.")
@json_option
@quiet_option
def command(file: str, city_folder: str | None, accept: dict[str, str], message: str | None, as_json: bool, quiet: bool) -> None:
    """
    Load the City layers of FILE (what `citygis convert` writes) into the City's geodatabase.

    One batch, everything or nothing: new features are added, those that changed are updated and their old version is kept,
    nothing is deleted or retired. Refused, with exit code 3 and nothing changed, while an error stands that is accepted neither
    here nor in the City's register of exceptions; once it is loaded the exit code is 0, whatever was accepted. Loading the same
    file twice changes nothing.

    The City's geodatabase is looked at as the load would leave it, around what it changes: a parcel that would stay under a new
    one, or a course drawn over one of the City's, is an error of the load; what was wrong there before is not.

    \b
    Example:
      citygis load parcels.gpkg --city riverbend
      citygis load parcels.gpkg --city riverbend --accept T01="two surveys disagree, case 26-014" --message "Roll of July"
    """
    from pathlib import Path

    import pandas as pd

    from citygis.errors import StoreError
    from citygis.gpkg import layers_of, read_geopackage
    from citygis.store import store
    from citygis.store.delivery import in_the_way

    city = open_city_option(city_folder)
    path = Path(file)
    there = {info.name: info for info in layers_of(path)}
    layers = {name: read_geopackage(path, name) for name in there if name in city.schema.layers}
    if not set(layers) - {"source_document"}:
        raise StoreError(
            f"{path} has no layer of the City's schema; it has: {', '.join(there) or 'none'}. "
            f"Make one first: citygis convert {path.name} --to LAYER --out OUT.gpkg"
        )
    note(f"Checking {', '.join(f'{name} ({len(frame):,})' for name, frame in layers.items())}", quiet=quiet)
    with store(city) as db:
        findings, applied = in_the_way(db, layers, [path])
        pardoned = pd.DataFrame()
        if applied is not None:
            pardoned = applied.excused[applied.excused["severity"] == "error"]
            note_ended(applied.expired[applied.expired["still_found"]], quiet=quiet)
        batch = db.load(layers, accept=accept, findings=findings, message=message)
    excused = batch.excused[
        (batch.excused["severity"] == "error") & ~batch.excused["finding_id"].isin(pardoned.get("finding_id", ()))
    ]
    pardoned = pd.concat([pardoned, pd.DataFrame(excused)], ignore_index=True) if len(excused) else pardoned
    quarantined = there["quarantine"].rows if "quarantine" in there else 0
    if as_json:
        emit_json(_summary(batch, path, db.place, quarantined, pardoned))
    else:
        _print(batch, path, db.place, quarantined, pardoned)


def _summary(batch: "Batch", path: "Path", place: str, quarantined: int, pardoned: "pd.DataFrame") -> dict:
    return {
        "file": str(path),
        "store": place,
        "change_id": batch.change_id,
        "layers": {name: counts._asdict() for name, counts in batch.counts.items()},
        "accepted": batch.accepted.astype(object).where(batch.accepted.notna(), None).to_dict("records"),
        "excused": plain_rows(pardoned, EXCUSED) if len(pardoned) else [],
        "findings": batch.findings,
        "brought": plain_rows(batch.brought, FINDING),
        "quarantined": quarantined,
    }


def _print(batch: "Batch", path: "Path", place: str, quarantined: int, pardoned: "pd.DataFrame") -> None:
    rows = [(name, *counts[:4]) for name, counts in batch.counts.items()]
    table(rows, ["layer", "added", "updated", "unchanged", "absent"], title=f"{path.name} into {place}")
    accepted = batch.accepted.groupby(["code", "layer", "reason"], dropna=False).size()
    if len(accepted):
        told = [(code, layer, int(n), reason) for (code, layer, reason), n in accepted.items()]
        table(told, ["code", "layer", "accepted", "reason"], title="Accepted errors")
    if len(pardoned):
        counts = pardoned.groupby(["code", "layer", "accepted_by", "reason"]).size()
        told = [(code, layer, int(n), by, reason) for (code, layer, by, reason), n in counts.items()]
        table(told, ["code", "layer", "errors", "accepted by", "reason"], title="Accepted in the register of exceptions")
    if len(batch.brought):
        click.echo("New with this load, between what it brings and what the City had:")
        print_findings(plain_rows(batch.brought, FINDING), shown=_SHOWN_OF_A_CODE)
    if quarantined:
        rows = "1 row is" if quarantined == 1 else f"{quarantined:,} rows are"
        click.echo(f"{rows} in the file's quarantine, not loaded.")
    if batch.change_id is None:
        click.echo("Nothing to change: the geodatabase says all this already.")
    else:
        click.echo(f"Loaded as change {batch.change_id}.")
