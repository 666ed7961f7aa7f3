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
| `receivers/` | columns of GPS receivers that citygis does not know by itself |
| `cad_profiles/` | what the layers of drawings hold that citygis does not know by itself |
| `grids/` | NOAA grids of datum shifts and geoid heights; without them NAD27 and elevations from GPS are refused |
| `city.gpkg` | the City's geodatabase; edit it through citygis, open it in any desktop GIS |
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--name", default="City of Elsewhere", show_default=True, help="The City's name, as on its maps.")
@click.option("--county", default="San Joaquin", show_default=True, help="Its county.")
@click.option("--state", default="CA", show_default=True, help="Its state.")
@click.option("--crs", default="EPSG:6420", show_default=True, help="Its State Plane zone, in feet.")
@click.option("--realization", default="NAD83(2011)", show_default=True, help="The realization its coordinates are in.")
@click.option("--epoch", type=float, default=2010.0, show_default=True, help="The epoch they are of, a decimal year.")
@click.option(
    "--velocity-north", type=float, metavar="MM", help="How its ground moves against NAD83(2011): mm a year to the north."
)
@click.option("--velocity-east", type=float, metavar="MM", help="The same, to the east (a minus sign means west).")
@click.option("--velocity-source", metavar="TEXT", help="Where the two come from: NGS HTDP, its version and the place.")
@quiet_option
def command(
    folder: Path,
    name: str,
    county: str,
    state: str,
    crs: str,
    realization: str,
    epoch: float,
    velocity_north: float | None,
    velocity_east: float | None,
    velocity_source: str | None,
    quiet: bool,
) -> None:
    """
    Make a City's folder: settings, crosswalks, styles, sheets, jobs, receivers, CAD profiles, grids and an empty geodatabase.

    \b
    Example:
      citygis init elsewhere --name "City of Elsewhere" --crs EPSG:6420 --realization "NAD83(2011)" --epoch 2010.0
    """
    stated = (velocity_north, velocity_east, velocity_source)
    if None in stated and stated != (None, None, None):
        raise click.UsageError("A velocity is --velocity-north, --velocity-east and --velocity-source together.")
    velocity = (
        None if velocity_source is None else {"north_mm_yr": velocity_north, "east_mm_yr": velocity_east, "source": velocity_source}
    )
    settings = city_settings(
        name=name, county=county, state=state, crs=crs, realization=realization, epoch=epoch, velocity=velocity
    )
    city = make_city_folder(folder, settings=settings)
    note(
        f"Look through {folder / 'city.toml'}: epoch, extent and how parcel numbers are spelt are this City's to say. The page"
        " 'A City of your own' of the documentation shows each.",
        quiet=quiet,
    )
    if city.velocity is None:
        note(
            "The City's velocity is not stated: the one that comes with citygis is of San Joaquin County. Until [velocity] is in"
            " city.toml, coordinates of another epoch, GPS among them, are refused for parcels and assets. Compute it with NGS HTDP"
            " for the City's place, relative to NAD83(2011).",
            quiet=quiet,
        )
    click.echo(f"{city.name}: {folder}")


def city_settings(
    *,
    name: str,
    county: str,
    state: str,
    crs: str,
    realization: str = "NAD83(2011)",
    epoch: float = 2010.0,
    velocity: dict[str, float | str] | None = None,
) -> str:
    """
    The text of a ``city.toml``: the packaged defaults with this City's name, place, zone and frame.

    The packaged velocity is that of a place in San Joaquin County: it is kept in California zone 3 of that county, where nothing
    else is stated by `velocity` (keys of `citygis.geodesy.Velocity`); elsewhere there is none.
    """
    from importlib import resources

    text = (resources.files("citygis") / "default_city.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("# What citygis assumes")]
    stated = {"name": name, "county": county, "state": state, "crs": crs, "realization": realization, "epoch": epoch}
    for i, line in enumerate(lines):
        key = line.partition("=")[0].strip()
        if key in stated:
            lines[i] = f"{key} = {_toml(stated.pop(key))}"
    if realization.replace(" ", "").upper() != "NAD83(2011)":  # the packaged City's own datum is not this one's
        lines = [line for line in lines if not line.startswith('"NAD83 (National Spatial')]
    if velocity is not None or not _has_packaged_velocity(county, state, crs):
        del lines[lines.index("[velocity]") :]
    if velocity is not None:
        lines += ["[velocity]", *(f"{key} = {_toml(value)}" for key, value in velocity.items())]
    return "\n".join(lines).rstrip() + "\n"


def _has_packaged_velocity(county: str, state: str, crs: str) -> bool:
    """Whether a City lies where the packaged velocity was computed: San Joaquin County, in California zone 3."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        operation = CRS.from_user_input(crs).coordinate_operation
    except CRSError:
        return False  # refused with its reason when the settings are checked
    origin = {parameter.name: parameter.value for parameter in operation.params} if operation else {}
    is_zone_3 = (origin.get("Latitude of false origin"), origin.get("Longitude of false origin")) == (36.5, -120.5)
    is_county = county.casefold().removesuffix("county").strip() == "san joaquin"
    return is_zone_3 and is_county and state.strip().casefold() in {"ca", "california"}


def _toml(value: float | str) -> str:
    """A value as TOML writes it; a JSON string is a TOML string."""
    import json

    return json.dumps(value, ensure_ascii=False)


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
    from citygis.sheets import series_templates, sheet_templates

    if (folder / "city.toml").exists():
        raise StoreError(f"{folder} is a City's folder already and is left as it is. Name another one.")
    with tempfile.TemporaryDirectory() as trial:
        publish_text(Path(trial) / "city.toml", settings)
        name = cg.open_city(trial).name
    publish_text(folder / "city.toml", settings)
    if not (folder / "README.md").exists():
        publish_text(folder / "README.md", README.format(name=name))
    city = cg.open_city(folder)
    for sub in (
        city.folders.crosswalks,
        city.folders.styles,
        city.folders.sheets,
        city.folders.jobs,
        city.folders.receivers,
        city.folders.cad_profiles,
        city.folders.grids,
    ):
        (folder / sub).mkdir(exist_ok=True)
    for path in crosswalks:
        shutil.copy(path, folder / city.folders.crosswalks)
    for path in (*sheet_templates(), *series_templates()):
        shutil.copy(path, folder / city.folders.sheets)
    with cg.store(city):
        pass
    return city
