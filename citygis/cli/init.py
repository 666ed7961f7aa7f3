"""`citygis init`: a City's folder."""

from pathlib import Path

import click

from citygis.cli.options import note, quiet_option

README = """\
# {name}

The City's folder for citygis.

| here | what |
|---|---|
| `city.toml` | coordinate system, epoch, tolerances, how parcel numbers are spelt |
| `crosswalks/` | one TOML file per agency and layer: how its columns become the City's |
| `styles/` | how layers are drawn, where the City wants it otherwise than citygis has it |
| `sheets/` | map sheets: paper, scale, layers, title block |
| `jobs/` | repeatable chains |
| `city.gpkg` | the City's geodatabase; edit it through citygis, open it in any desktop GIS |
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--name", default="City of Elsewhere", show_default=True, help="The City's name, as on its maps.")
@click.option("--county", default="San Joaquin", show_default=True, help="Its county.")
@click.option("--state", default="CA", show_default=True, help="Its state.")
@click.option("--crs", default="EPSG:6420", show_default=True, help="Its State Plane zone, in feet.")
@quiet_option
def command(folder: Path, name: str, county: str, state: str, crs: str, quiet: bool) -> None:
    """
    Make a City's folder: settings, crosswalks, styles, sheets, jobs and an empty geodatabase.

    \b
    Example:
      citygis init elsewhere --name "City of Elsewhere" --crs EPSG:6420
    """
    city = make_city_folder(folder, settings=city_settings(name=name, county=county, state=state, crs=crs))
    note(f"Look through {folder / 'city.toml'}: epoch, extent and APN profile are this City's to say.", quiet=quiet)
    click.echo(f"{city.name}: {folder}")


def city_settings(*, name: str, county: str, state: str, crs: str) -> str:
    """The text of a ``city.toml``: the packaged defaults with this City's name, place and zone."""
    import json
    from importlib import resources

    text = (resources.files("citygis") / "default_city.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("# What citygis assumes")]
    stated = {"name": name, "county": county, "state": state, "crs": crs}
    for i, line in enumerate(lines):
        key = line.partition("=")[0].strip()
        if key in stated:
            lines[i] = f"{key} = {json.dumps(stated.pop(key), ensure_ascii=False)}"  # a JSON string is a TOML string
    return "\n".join(lines) + "\n"


def make_city_folder(folder: Path, *, settings: str, crosswalks: tuple[Path, ...] = ()):
    """
    A new City's folder with its geodatabase.

    Parameters
    ----------
    folder : Path
        Must not hold a ``city.toml`` yet.
    settings : str
        Text of ``city.toml``.
    crosswalks : tuple of Path
        Crosswalk files to begin with.

    Returns
    -------
    City

    Raises
    ------
    StoreError
        If the folder is a City's already, or cannot be written.
    SettingsError
        If `settings` does not hold; nothing is left behind.
    """
    import shutil
    import tempfile

    import citygis as cg
    from citygis.errors import StoreError
    from citygis.publish import publish_text
    from citygis.sheets import sheet_templates

    if (folder / "city.toml").exists():
        raise StoreError(f"{folder} is a City's folder already and is left as it is. Name another one.")
    with tempfile.TemporaryDirectory() as trial:
        publish_text(Path(trial) / "city.toml", settings)
        name = cg.open_city(trial).name
    publish_text(folder / "city.toml", settings)
    if not (folder / "README.md").exists():
        publish_text(folder / "README.md", README.format(name=name))
    city = cg.open_city(folder)
    for sub in (city.folders.crosswalks, city.folders.styles, city.folders.sheets, city.folders.jobs):
        (folder / sub).mkdir(exist_ok=True)
    for path in crosswalks:
        shutil.copy(path, folder / city.folders.crosswalks)
    for path in sheet_templates():
        shutil.copy(path, folder / city.folders.sheets)
    with cg.store(city):
        pass
    return city
