"""`citygis styles import`: a style of QGIS, ArcGIS Pro or a map server as one of the City's, with what was lost on the way."""

from pathlib import Path

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, overwrite_option, quiet_option, table


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--layer", required=True, metavar="NAME", help="The City layer it is to draw.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="NAME.toml",
    help="The style. Without it: named as FILE, in this folder.",
)
@city_option
@json_option
@quiet_option
@overwrite_option
@click.pass_context
def import_command(
    ctx: click.Context,
    file: Path,
    layer: str,
    out: Path | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Make a style from a QML, lyrx or SLD file, and tell what it has that a sheet does not draw.

    Exit code 1: made, but something was dropped or is drawn otherwise.

    \b
    Example:
      citygis styles import county_parcels.qml --layer parcel --out riverbend/styles/parcel_county.toml
      citygis styles import zoning.lyrx --layer zoning --city riverbend
    """
    from citygis.publish import publishing, require_free
    from citygis.sheets.foreign_styles import import_style
    from citygis.sheets.style import nearest
    from citygis.sheets.style_audit import style_problems

    out = out or Path(f"{file.stem}.toml")
    if out.suffix.lower() != ".toml":
        raise click.BadParameter(f"{out} must be named .toml: a style is written.", param_hint="--out")
    schema = open_city_option(city_folder).schema
    if layer not in schema.layers:
        raise click.BadParameter(f"There is no layer {layer!r}{nearest(layer, sorted(schema.layers))}", param_hint="--layer")
    require_free(out, overwrite=overwrite)
    made = import_style(file, layer=layer)
    with publishing(out, overwrite=overwrite) as temporary:
        temporary.write_text(made.toml, encoding="utf-8")
    problems = style_problems(made.style, schema)
    if as_json:
        dropped = [one._asdict() for one in made.dropped]
        emit_json({"file": str(file), "style": str(out), "layer": layer, "dropped": dropped, "problems": problems})
    else:
        if made.dropped:
            table(made.dropped, ["where", "dropped, or drawn otherwise"], title=f"{len(made.dropped)} losses")
        click.echo(f"Written: {out}")
    for problem in problems:
        note(f"To change in {out.name}: {problem}", quiet=quiet)
    if made.dropped:
        ctx.exit(1)
