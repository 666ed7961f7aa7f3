"""`citygis styles`: how layers are drawn: the styles there are, whether they are right, and what they look like."""

from pathlib import Path

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, overwrite_option, table
from citygis.cli.styles_import import import_command


class _Verbs(click.Group):
    """A group that lists the styles where no word says what else to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not {"-h", "--help"} & set(args) and not (args and args[0] in self.list_commands(ctx)):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Verbs)
def command() -> None:
    """
    The styles that sheets are drawn with: those of the City, and those that come with citygis.

    \b
    Example:
      citygis styles --city riverbend                          what there is, and which fields each reads
      citygis styles check riverbend/styles/parcel.toml --city riverbend
      citygis styles show easement_hatched --out easement.pdf  swatches and label at print size
      citygis styles import county.qml --layer parcel          a style of QGIS, ArcGIS Pro or a map server
    """


@command.command("list")
@city_option
@json_option
def list_styles(city_folder: str | None, as_json: bool) -> None:
    """
    All styles by name: layer, title, whence, and the fields they read.

    \b
    Example:
      citygis styles --city riverbend
    """
    from citygis.settings import load
    from citygis.sheets.style import Style, style_paths

    folder = open_city_option(city_folder).styles_folder
    styles = []
    for name, path in style_paths(folder).items():
        style = load(path, Style)
        whence = "city" if folder is not None and path.parent == folder else "citygis"
        styles.append({"name": name, "layer": style.layer, "title": style.title, "whence": whence, "fields": style.columns})
    if as_json:
        emit_json(styles)
        return
    rows = [(s["name"], s["layer"], s["title"], s["whence"], ", ".join(s["fields"])) for s in styles]
    table(rows, ["style", "layer", "title", "whence", "fields"], title=f"{len(rows)} styles")


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@city_option
@json_option
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], city_folder: str | None, as_json: bool) -> None:
    """
    Whether style files say what they must, and name layers, fields and values that the City's schema has.

    Without FILE: every style and theme there is. Exit code 3: one of them could not be used.

    \b
    Example:
      citygis styles check --city riverbend
      citygis styles check riverbend/styles/parcel.toml --city riverbend
    """
    from citygis.sheets.style import style_paths, theme_paths
    from citygis.sheets.style_audit import file_problems

    city = open_city_option(city_folder)
    folder = city.styles_folder
    files = files or (*style_paths(folder).values(), *theme_paths(folder).values())
    found = [(path, problem) for path in files for problem in file_problems(path, city.schema)]
    if as_json:
        emit_json({"files": [str(path) for path in files], "problems": [{"file": str(p), "problem": text} for p, text in found]})
    elif found:
        for _, problem in found:
            click.echo(problem)
    else:
        click.echo(f"{len(files)} files are right.")
    if found:
        ctx.exit(3)


@command.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .pdf or .png to write.")
@click.option("--theme", metavar="NAME", help="In the colours of a theme: black, colour_blind, or one of the City's.")
@click.option("--scale", "scale_said", default="1in=100ft", metavar="1in=Nft", help="For what is measured on the ground.")
@city_option
@overwrite_option
def show(name: str, out: Path, theme: str | None, scale_said: str, city_folder: str | None, overwrite: bool) -> None:
    """
    Draw the swatches of a style and its label, at print size.

    \b
    Example:
      citygis styles show easement_hatched --out easement.pdf
      citygis styles show flood_zone --theme black --out flood_zone.png
    """
    from citygis.publish import publishing
    from citygis.sheets.frame import scale_of
    from citygis.sheets.pdf import pdf_bytes
    from citygis.sheets.specimen import specimen
    from citygis.sheets.style import read_style, themed

    suffix = out.suffix.lower()
    if suffix not in (".pdf", ".png"):
        raise click.BadParameter(f"{out} must be named .pdf or .png.", param_hint="--out")
    try:
        scale = scale_of(scale_said)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--scale") from error
    city = open_city_option(city_folder)
    style = themed(read_style(name, city.styles_folder), theme, city.styles_folder)
    kinds = {"Polygon": "area", "LineString": "line", "Point": "point"}
    kind = kinds.get(city.schema.layer(style.layer).geometry.removeprefix("Multi"), "area")
    data = pdf_bytes(specimen(style, name, kind, city.crs, scale=scale), title=f"Style {name}")
    if suffix == ".png":
        data = _picture(data)
    with publishing(out, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)
    click.echo(f"{out}: style {name}, layer {style.layer}")


command.add_command(import_command)


def _picture(pdf: bytes, dpi: float = 200.0) -> bytes:
    import io

    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        image = document[0].render(scale=dpi / 72).to_pil()
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()
