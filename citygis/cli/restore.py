"""`citygis restore`: a backup put back."""

from pathlib import Path

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, overwrite_option, quiet_option


@click.command()
@click.argument("backup", type=click.Path(path_type=Path), metavar="BACKUP")
@city_option
@click.option(
    "--as-of", metavar="DATE", help="As the store was at the end of that day (UTC), at a moment, or after change number N."
)
@click.option("--into", metavar="PATH", help="Put it there (.gpkg or postgresql://...), and not in the store's place.")
@overwrite_option
@json_option
@quiet_option
def command(
    backup: Path, city_folder: str | None, as_of: str | None, into: str | None, overwrite: bool, as_json: bool, quiet: bool
) -> None:
    """
    Put a backup back: looked at first, then whole or not at all.

    A store that is there stays, unless --overwrite is said; then a backup of it is made first. In a folder without city.toml the
    City's settings are restored too. Exit code 3: the backup is damaged or the place is taken; nothing is changed.

    \b
    Example:
      citygis restore riverbend/backups/backup_2026-01-31T160000Z --city riverbend --overwrite
      citygis restore backup_2026-01-31T160000Z --city riverbend --as-of 2025-12-31 --into year_end.gpkg
      citygis restore /media/disk/backup_2026-01-31T160000Z --city new_folder
    """
    from citygis.city import open_city
    from citygis.store.restore import open_backup, restore, restore_settings

    folder = Path(city_folder) if city_folder else None
    settings = []
    if folder is not None and not (folder / "city.toml").exists() and folder.suffix != ".toml":
        settings = restore_settings(open_backup(backup), folder)
        note(f"Settings restored into {folder}: {len(settings)} files", quiet=quiet)
        city = open_city(folder)
    else:
        city = open_city_option(city_folder)
        if not backup.exists() and (city.backups_folder / backup).exists():
            backup = city.backups_folder / backup
    moment = int(as_of) if as_of is not None and as_of.isdigit() else as_of
    try:
        done = restore(backup, city, as_of=moment, into=into, overwrite=overwrite)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None
    if as_json:
        emit_json(
            {
                "backup": str(backup),
                "place": done.place,
                "change": done.change,
                "safety": str(done.safety) if done.safety else None,
                "settings": [str(path) for path in settings],
                "seconds": round(done.seconds, 3),
            }
        )
        return
    if done.safety:
        note(f"What was there before is kept in {done.safety}", quiet=quiet)
    click.echo(f"Restored into {done.place}, last change {done.change or 'none'}, in {done.seconds:.1f} s.")
