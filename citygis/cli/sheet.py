"""`citygis sheet`: a map sheet as a print-ready PDF, measured after it is written."""

from pathlib import Path

import click

from citygis.cli.inputs import store_or_file
from citygis.cli.options import (
    city_option,
    emit_json,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    quiet_option,
    source_option,
    table,
)


@click.command()
@click.argument("sheet_file", type=click.Path(path_type=Path), metavar="SHEET.toml")
@city_option
@source_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="By its ending: .pdf, .svg, .png, .tif, or .plt for HP-GL/2. Without it: a PDF named as the sheet, in this folder.",
)
@click.option("--png", type=click.Path(path_type=Path), metavar="FILE.png", help="A picture of the sheet beside it.")
@click.option("--dpi", type=click.IntRange(20, 1200), help="Of a picture: 100 for .png, 300 for .tif unless said.")
@click.option(
    "--tiff", "mode", type=click.Choice(["rgb", "gray", "g4"]), default="rgb", show_default=True, help="Colours of a .tif."
)
@click.option("--archive", is_flag=True, help="Prepare the PDF for PDF/A.")
@click.option("--scale", metavar="1in=100ft", help="In place of the sheet's: a scale, or fit.")
@json_option
@quiet_option
@overwrite_option
@click.pass_context
def command(
    ctx: click.Context,
    sheet_file: Path,
    city_folder: str | None,
    source: Path | None,
    out: Path | None,
    png: Path | None,
    dpi: int | None,
    mode: str,
    archive: bool,
    scale: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Draw a map sheet at an exact scale, then open the PDF again and measure it; of another kind of file, the PDF of the same scene.

    SHEET.toml is looked for here, then in the City's sheets folder. Exit code 1: drawn, but a measurement of the file failed.

    \b
    Example:
      citygis sheet parcel_map.toml --city riverbend --out parcel_map.pdf
      citygis sheet parcel_map.toml --city riverbend --from parcels.gpkg --png parcel_map.png
      citygis sheet parcel_map.toml --city riverbend --out parcel_map.plt
    """
    from citygis.publish import require_free
    from citygis.sheets import draw, sheet_layers
    from citygis.sheets.hpgl import hpgl_warnings

    city = open_city_option(city_folder)
    path = find_sheet(sheet_file, city)
    out = out or Path(f"{path.stem}.pdf")
    for target in filter(None, (out, png)):
        require_free(target, overwrite=overwrite)
    sheet = _sheet(path, scale)
    layers = sheet_layers(sheet, store_or_file(source, city), city=city, name=path.stem)
    figure = draw(sheet, layers, city=city)
    figure.save(out, overwrite=overwrite, dpi=dpi, archive=archive, mode=mode)
    report = _measured(figure, out)
    if png:
        figure.save(png, overwrite=overwrite, dpi=dpi)
    if out.suffix.lower() in (".plt", ".hpgl"):
        for warning in (said for page in figure.pages for said in hpgl_warnings(page.scene)):
            note(warning, quiet=quiet)
    show(figure, report, out, png, as_json=as_json)
    for name in figure.absent:
        note(f"Style {name} drew nothing: its layer is not there, or has nothing in the frame.", quiet=quiet)
    if not report.passed:
        ctx.exit(1)


def _sheet(path: Path, scale: str | None):
    """The sheet of a file, at another scale where one is asked."""
    from citygis.settings import check, read_toml
    from citygis.sheets import Sheet

    tables = read_toml(path) if scale is None else read_toml(path) | {"scale": scale}
    return check(tables, Sheet, str(path) if scale is None else f"{path} with --scale {scale}")


def _measured(figure, out: Path):
    """The PDF at `out` opened and measured; for a file of another kind, the PDF that shows the same."""
    import tempfile

    if out.suffix.lower() == ".pdf":
        return figure.preflight(out)
    with tempfile.TemporaryDirectory() as folder:
        return figure.preflight(figure.save(Path(folder) / f"{out.stem}.pdf"))


def find_sheet(path: Path, city) -> Path:
    """`path`, or the file of that name in the City's folder or its sheets folder when `path` is not there."""
    if not path.exists() and not path.is_absolute() and city.folder is not None:
        for folder in (city.folder, city.sheets_folder):
            for name in (path, path.with_suffix(".toml")):
                if (folder / name).is_file():
                    return folder / name
    return path


def show(figure, report, out: Path, png: Path | None, *, as_json: bool) -> None:
    """What was drawn and what was measured, on standard output."""
    from citygis.sheets import scale_text

    page, missing, undimensioned = figure.page, figure.unlabelled, figure.undimensioned
    if as_json:
        emit_json(
            {
                "file": str(out),
                "files": [str(path) for path in figure.files(out)],
                "picture": str(png) if png else None,
                "pages": len(figure.pages),
                "paper": page.name,
                "width_in": page.width_in,
                "height_in": page.height_in,
                "scale": scale_text(figure.frame.scale),
                "feet_per_inch": float(figure.frame.scale),
                "extent": figure.frame.extent._asdict(),
                "rotation_deg": figure.frame.rotation_deg,
                "legend": list(figure.legend),
                "styles": figure.counts.to_dict("records"),
                "not_drawn": list(figure.absent),
                "unlabelled": missing.astype(object).where(missing.notna(), None).to_dict("records"),
                "undimensioned": undimensioned.astype(object).where(undimensioned.notna(), None).to_dict("records"),
                "passed": report.passed,
                "checks": [check._asdict() for check in report.checks],
            }
        )
        return
    size = f"{page.name}, {page.width_in:g} x {page.height_in:g} in"
    counts = figure.counts.drop(columns="layer")
    table(
        counts.values.tolist(),
        [name.replace("_", " ") for name in counts.columns],
        title=f"{out}: {size}, {scale_text(figure.frame.scale)}",
    )
    if len(missing):
        reasons = (
            missing.groupby(["style", "reason"], sort=True).agg(features=("text", "size"), keyed=("key", "count")).reset_index()
        )
        table(reasons.values.tolist(), ["style", "no label because", "features", "numbered on the map"])
    if len(undimensioned):
        reasons = undimensioned.groupby("reason", sort=True).size().reset_index(name="courses")
        table(reasons.values.tolist(), ["no dimension because", "courses"])
    checks = [(check.name, "yes" if check.passed else "NO", check.measured, check.expected) for check in report.checks]
    table(checks, ["checked in the file", "passed", "measured", "expected"])
