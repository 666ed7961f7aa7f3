"""`citygis inspect`: what is in an outside file, and what looks wrong."""

import sys

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--layer", metavar="NAME", help="Only this layer. Without it: all.")
@click.option("--source-crs", metavar="EPSG:NNNN", help="What the coordinates are in, where the file does not say or is wrong.")
@city_option
@json_option
def command(file: str, layer: str | None, source_crs: str | None, city_folder: str | None, as_json: bool) -> None:
    """
    What is in FILE, and what looks wrong: layers, counts, coordinate system, extent, fields, geometry problems, and which City
    layer each looks like and why. Nothing is changed.

    A frame that is missing or cannot be right is reported, not refused; `convert` refuses it. Exit code 1 when there are geometry
    problems, lost values, an unsettled frame, or a layer that cannot be read.

    \b
    Example:
      citygis inspect county_parcels.zip
      citygis inspect agency.gdb --layer easements --json
      citygis inspect https://gis.example.gov/arcgis/rest/services/Parcels/FeatureServer/0
    """
    from citygis.readers import inspect

    try:
        inspection = inspect(file, layer, source_crs=source_crs, city=open_city_option(city_folder))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--source-crs") from None
    if as_json:
        emit_json(inspection.to_dict())
    else:
        click.echo(str(inspection))
    sys.exit(0 if inspection.is_clean else 1)
