"""`citygis rehearse`: a portal and a feature service on this machine, to try a sync on."""

import json
from pathlib import Path

import click

from citygis.cli.options import city_option, json_option, note, open_city_option, quiet_option, table


@click.command()
@click.argument("source", required=False, type=click.Path(path_type=Path), metavar="[CITY.gpkg]")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="Serve this layer; again for more. All when not given.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the portal and the services; 0 for any that is free.")
@click.option("--control-port", type=click.IntRange(0, 65535), default=0, help="Of the control (plain HTTP, with a secret).")
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE", help="Keep the data here, to go on with them next time.")
@click.option(
    "--faults", "faults_file", type=click.Path(path_type=Path), metavar="FILE", help="Faults to begin with, TOML or JSON."
)
@click.option("--anonymous", is_flag=True, help="The services ask for no token.")
@city_option
@json_option
@quiet_option
def command(
    source: Path | None,
    layers: tuple[str, ...],
    port: int,
    control_port: int,
    state: Path | None,
    faults_file: Path | None,
    anonymous: bool,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Serve a GeoPackage as a hosted feature layer, with a portal to sign in to, until interrupted (Ctrl-C).

    The server answers as Esri documents it, on 127.0.0.1 only. Without CITY.gpkg, the City's store is served. The file is only
    read: edits go to --state, or vanish. Tables of history and restricted layers are served only when named. The user is
    "rehearsal"; its password is made at each start, or taken from the environment variable CITYGIS_REHEARSAL_PASSWORD. A file of
    faults lists [[faults]] with on, kind, when, nth, rate.

    \b
    Example:
      citygis rehearse parcels.gpkg
      citygis rehearse --city riverbend --layer parcel --state rehearsal.sqlite
      citygis rehearse parcels.gpkg --faults bad_day.toml --json
    """
    import os

    from citygis.rehearsal.conduct import Conduct
    from citygis.rehearsal.serving import serve

    if source is None:
        source = open_city_option(city_folder).store_path

    def tell(ready: dict) -> None:
        if as_json:
            click.echo(json.dumps(ready))
            return
        table(
            [(name, layer["features"], layer["url"]) for name, layer in ready["layers"].items()], ("layer", "features", "address")
        )
        first = next(iter(ready["layers"].values()))
        lines = (("url", first["url"]), ("portal", ready["portal"]), ("certificate", ready["certificate"]))
        note("In the file of a sync target:\n" + "\n".join(f'  {name} = "{value}"' for name, value in lines), quiet=quiet)
        # Shown whatever --quiet says: without it the server is of no use, and it is shown once.
        note(f"In the shell that sends:\n  export CITYGIS_USER={ready['user']} CITYGIS_PASSWORD={ready['password']}")
        note(f"Control: {ready['control']}  (header X-Rehearsal-Secret: {ready['secret']})", quiet=quiet)
        for remark in ready["remarks"]:
            note(remark, quiet=quiet)
        if ready["resumed"]:
            note(f"Gone on with the data of {state}.", quiet=quiet)
        note("Serving until Ctrl-C.", quiet=quiet)

    serve(
        source,
        tell,
        layers=layers,
        port=port,
        control_port=control_port,
        state_path=state,
        faults=_faults(faults_file),
        password=os.environ.get("CITYGIS_REHEARSAL_PASSWORD") or None,
        conduct=Conduct(anonymous=anonymous),
    )
    note("Stopped.", quiet=quiet)


def _faults(path: Path | None) -> list[dict]:
    """The list of a faults file: the key ``faults`` of TOML or JSON, or a JSON list."""
    from citygis.errors import SettingsError
    from citygis.settings import read_toml

    if path is None:
        return []
    if path.suffix.lower() != ".json":
        found = read_toml(path)
    else:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} cannot be read as JSON: {error}. Mend it, or write TOML.") from None
    faults = found.get("faults") if isinstance(found, dict) else found
    if not isinstance(faults, list):
        raise SettingsError(f"{path} has no list of faults. It must have [[faults]] tables.")
    return faults
