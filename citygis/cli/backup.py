"""`citygis backup`: copies of the City's geodatabase, and the proof that they can be restored."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, quiet_option, table

if TYPE_CHECKING:
    from citygis.city import City, Retention
    from citygis.store.backup import Backup, Shelf
    from citygis.store.proof import Trial


def counts(ctx: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, int] | None:
    """The numbers of ``--keep daily=14,weekly=8,monthly=24``."""
    if value is None:
        return None
    said = {}
    for part in value.split(","):
        name, _, number = part.strip().partition("=")
        if name not in ("daily", "weekly", "monthly") or not number.isdigit():
            raise click.BadParameter(f"{part.strip()!r} must be daily=N, weekly=N or monthly=N.")
        said[name] = int(number)
    return {"daily": 0, "weekly": 0, "monthly": 0, **said}


@click.command()
@click.argument("existing", required=False, type=click.Path(path_type=Path), metavar="[BACKUP]")
@city_option
@click.option("--to", type=click.Path(path_type=Path), metavar="DIR", help="The folder of backups, instead of the City's.")
@click.option("--prove", "is_proven", is_flag=True, help="Restore the backup somewhere else and compare; BACKUP: that one.")
@click.option("--drill", "is_drill", is_flag=True, help="Prove the backup that is due, time it, write a report.")
@click.option("--list", "is_list", is_flag=True, help="The backups there are; make none.")
@click.option(
    "--keep",
    callback=counts,
    metavar="daily=N,weekly=N,monthly=N",
    help="How many are kept, instead of city.toml [retention]; with --prune.",
)
@click.option("--prune", is_flag=True, help="Show which backups need not be kept; with --yes delete them.")
@click.option("--yes", is_flag=True, help="Delete what --prune shows.")
@click.option("--message", metavar="TEXT", default="by hand", help="What the backup is for; kept with it.")
@json_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    existing: Path | None,
    city_folder: str | None,
    to: Path | None,
    is_proven: bool,
    is_drill: bool,
    is_list: bool,
    keep: dict[str, int] | None,
    prune: bool,
    yes: bool,
    message: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Back up the City's geodatabase while others use it, and prove that the backup can be restored.

    A backup is a folder: the copy, the City's settings, and a manifest with a hash of every table. It says when a restore was
    last proven. Exit code 1: a backup does not pass. Put one back with `citygis restore`.

    \b
    Example:
      citygis backup --city riverbend --prove
      citygis backup --list --city riverbend
      citygis backup --prune --keep daily=7,weekly=4,monthly=12 --city riverbend
      citygis backup --drill --city riverbend
    """
    from citygis.city import Retention
    from citygis.store.backup import backup, backups
    from citygis.store.proof import drill, prove
    from citygis.store.restore import open_backup_folder

    if existing is not None and not is_proven:
        raise click.UsageError("A BACKUP is named to be proven: add --prove. To put it back: citygis restore BACKUP.")
    if keep is not None and not prune:
        raise click.UsageError("--keep says what --prune leaves: add --prune.")
    if yes and not prune:
        raise click.UsageError("--yes is for --prune.")
    if sum((is_drill, is_list, is_proven)) > 1:
        raise click.UsageError("--drill, --list and --prove are one at a time.")
    city = open_city_option(city_folder)
    folder = to or city.backups_folder
    made: Backup | None = None
    trial: Trial | None = None
    report = None
    if existing is not None:
        made = open_backup_folder(_found(existing, folder))
    elif not (is_drill or is_list or prune):
        made = backup(city, to=to, reason=message)
    if is_proven and made is not None:
        note(f"Restoring {made.name} to compare it", quiet=quiet)
        trial = prove(made, city)
    elif is_drill:
        trial, report = drill(backups(folder), city, folder)
    shelf = backups(folder)
    deleted = _prune(shelf, Retention(**keep) if keep else city.retention, yes) if prune else []
    if prune and yes:
        shelf = backups(folder)
    said = _summary(made, trial, shelf, folder, report, [b.name for b in deleted], prune and yes)
    if as_json:
        emit_json(said)
    else:
        _print(made, trial, shelf, said, show_all=is_list, prune=prune, yes=yes, city=city)
    if trial is not None and not trial.passed:
        ctx.exit(1)


def _found(path: Path, folder: Path) -> Path:
    """A backup by path, or by its name among the City's."""
    return folder / path if not path.exists() and (folder / path).exists() else path


def _prune(shelf: "Shelf", retention: "Retention", yes: bool) -> "list[Backup]":
    from citygis.store.backup import remove, superfluous

    out = superfluous(shelf, retention)
    for old in out if yes else ():
        remove(old)
    return out


def _summary(
    made: "Backup | None",
    trial: "Trial | None",
    shelf: "Shelf",
    folder: Path,
    report: Path | None,
    superfluous: list[str],
    is_deleted: bool,
) -> dict[str, Any]:
    proven = shelf.last_proven
    return {
        "folder": str(folder),
        "backup": str(made.path) if made else None,
        "change": made.manifest.change if made else None,
        "trial": None
        if trial is None
        else {
            "backup": trial.backup.name,
            "passed": trial.passed,
            "seconds": round(trial.seconds, 3),
            "restore_seconds": None if trial.restore_seconds != trial.restore_seconds else round(trial.restore_seconds, 3),
            "checks": trial.checks.to_dict("records"),
            "report": str(report) if report else None,
        },
        "last_proven": None
        if proven is None
        else {"backup": proven.name, "at": proven.proof.at.isoformat(), "age_days": _age(proven.proof.at).days},
        "backups": [
            {
                "name": b.name,
                "made_at": b.manifest.made_at.isoformat(),
                "reason": b.manifest.reason,
                "backend": b.manifest.backend,
                "bytes": sum(file.bytes for file in b.manifest.files),
                "change": b.manifest.change,
                "proven_at": b.proof.at.isoformat() if b.is_proven else None,
                "passed": b.proof.passed if b.proof else None,
            }
            for b in shelf.backups
        ],
        "unreadable": shelf.unreadable,
        "superfluous": superfluous,
        "deleted": superfluous if is_deleted else [],
    }


def _print(
    made: "Backup | None",
    trial: "Trial | None",
    shelf: "Shelf",
    said: dict[str, Any],
    *,
    show_all: bool,
    prune: bool,
    yes: bool,
    city: "City",
) -> None:
    if made is not None and trial is None:
        click.echo(f"Backed up: {made.path} ({made.manifest.copy.bytes:,} bytes, last change {made.manifest.change or 'none'})")
    if trial is not None:
        rows = [(r.check, "yes" if r.passed else "NO", r.measured, r.expected) for r in trial.checks.itertuples()]
        table(rows, ["checked in the restored copy", "passed", "measured", "expected"], title=str(trial.backup.path))
        click.echo(f"{'Proven' if trial.passed else 'NOT PROVEN'} in {trial.seconds:.1f} s.")
        if said["trial"]["report"]:
            click.echo(f"Report: {said['trial']['report']}")
    if show_all:
        rows = [
            (b.name, b.manifest.reason, b.manifest.change, said["backups"][i]["bytes"], _proven(b))
            for i, b in enumerate(shelf.backups)
        ]
        table(rows, ["backup", "for", "last change", "bytes", "restore proven"], title=f"{said['folder']}")
    for name, why in shelf.unreadable.items():
        note(f"{name} cannot be read as a backup: {why}")
    if prune:
        verb = "Deleted" if yes else "Need not be kept (delete with --yes)"
        kept = len(shelf.backups) - (0 if yes else len(said["superfluous"]))
        click.echo(f"{verb}: {', '.join(said['superfluous']) or 'none'}. Kept: {kept}.")
    click.echo(_last_proven(shelf))


def _proven(backup: "Backup") -> str:
    if backup.proof is None:
        return "never tried"
    return f"{backup.proof.at:%Y-%m-%d %H:%M} UTC" if backup.proof.passed else f"NO, {backup.proof.at:%Y-%m-%d}"


def _last_proven(shelf: "Shelf") -> str:
    proven = shelf.last_proven
    if proven is None:
        return "Last proven restore: never. Prove one: citygis backup --prove"
    age = _age(proven.proof.at)
    told = f"{age.days} days" if age.days > 1 else "1 day" if age.days else f"{age.seconds // 3600} hours"
    return f"Last proven restore: {told} ago ({proven.name}, {proven.proof.at:%Y-%m-%d %H:%M} UTC)."


def _age(at: datetime.datetime) -> datetime.timedelta:
    return max(datetime.timedelta(0), datetime.datetime.now(datetime.UTC) - at)
