"""`citygis series`: an atlas, strips along a street, or a sheet per feature, as one PDF or a folder of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from citygis.cli.options import (
    city_option,
    emit_json,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    progress,
    quiet_option,
    source_option,
    table,
)

if TYPE_CHECKING:
    from citygis.city import City
    from citygis.sheets.atlas import Atlas, Drawn
    from citygis.sheets.nesting import Nesting
    from citygis.sheets.preflight import Preflight
    from citygis.sheets.series import Series
    from citygis.sheets.sheet import Sheet


@click.command()
@click.argument("series_file", type=click.Path(path_type=Path), metavar="SERIES.toml")
@city_option
@source_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.pdf|DIR",
    help="One PDF, its sheets beside it in FILE.sheets; or a folder of single sheets. Without it: a PDF named as the series.",
)
@click.option("--pages", metavar="3,7-9", help="Only these sheets, by number; they get no index.")
@click.option("--resume", is_flag=True, help="Draw only what is missing or has changed since an earlier run.")
@click.option("--archive", is_flag=True, help="Prepare the PDF for PDF/A.")
@click.option("--roll", "roll_in", type=click.FloatRange(min=1), metavar="IN", help="How much of a roll this wide the sheets take.")
@click.option(
    "--price", type=click.FloatRange(min=0), metavar="AMOUNT", help="Of a square foot of paper, for an estimate with --roll."
)
@click.option("--spool", type=click.Path(path_type=Path), metavar="DIR", help="Single sheets here too, for a night's plotting.")
@json_option
@quiet_option
@overwrite_option
@click.pass_context
def command(
    ctx: click.Context,
    series_file: Path,
    city_folder: str | None,
    source: Path | None,
    out: Path | None,
    pages: str | None,
    resume: bool,
    archive: bool,
    roll_in: float | None,
    price: float | None,
    spool: Path | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Draw one sheet file many times: as an index grid, in strips along a street, or once per feature; with an index of streets and
    parcels, numbers of adjoining sheets, bookmarks, and layers that are shared by all pages.

    SERIES.toml and the sheet it names are looked for here, then in the City's sheets folder. Each sheet is kept as soon as it is
    drawn; after Ctrl-C, --resume goes on there. Exit code 1: drawn, but a measurement of the file failed.

    \b
    Example:
      citygis series series_atlas.toml --city riverbend --out atlas.pdf
      citygis series series_atlas.toml --city riverbend --out atlas.pdf --resume
      citygis series series_street.toml --city riverbend --out strips --pages 2-4 --roll 36
    """
    from citygis.cli.inputs import store_or_file
    from citygis.cli.sheet import find_sheet
    from citygis.sheets.atlas import atlas, draw_pages, labelled_nowhere, pieces
    from citygis.sheets.nesting import Roll, nesting
    from citygis.sheets.paper import MAX_SIDE_IN
    from citygis.sheets.preflight import preflight
    from citygis.sheets.series import Series, chosen
    from citygis.sheets.sheet import View, is_endless, page_of
    from citygis.sheets.source import sheet_layers

    if price is not None and roll_in is None:
        raise click.UsageError("--price is for an estimate with --roll.")
    city = open_city_option(city_folder)
    path = find_sheet(series_file, city)
    series = Series.from_file(path)
    sheet, name = _sheet(series, path, city)
    out = out or Path(f"{path.stem}.pdf")
    folder = _folder(out, resume=resume, overwrite=overwrite)
    everything = sheet.model_copy(update={"view": View()})
    layers = sheet_layers(everything, store_or_file(source, city), city=city, name=name, also=series.reads)
    laid = atlas(series, sheet, layers, city=city, only=(lambda every: chosen(every, pages)) if pages else None)
    if laid.empty:
        note(f"Places of the grid without a sheet, as nothing of layer {series.layer} lies there: {laid.empty:,}.", quiet=quiet)
    drawn: list[Drawn] = []
    try:
        steps = draw_pages(laid.pages, folder, stem=out.stem, resume=resume)
        for one in progress(steps, total=len(laid.pages), description="sheets", quiet=quiet):
            drawn.append(one)
    except KeyboardInterrupt:
        note(f"Sheets in {folder}: {len(drawn):,} of {len(laid.pages):,}. To go on, say the same with --resume.")
        raise
    files = _written(out, laid, drawn, archive=archive)
    if spool is not None:
        for one in drawn:
            _copy(one.path, spool / one.path.name, overwrite=overwrite or resume)
    margin_in = page_of(laid.leaves[0].sheet, length_in=MAX_SIDE_IN if is_endless(sheet) else None).margins_in
    reports = [preflight(file, margin_in=margin_in, profile=sheet.profile, pages=pages) for file, pages in files]
    nest = nesting(pieces(drawn), Roll(width_in=roll_in)) if roll_in is not None else None
    summary = _summary(out, laid, drawn, reports, nest, price) | {
        "labelled_nowhere": _counts(labelled_nowhere(laid.leaves, drawn, layers))
    }
    if as_json:
        emit_json(summary)
    else:
        _show(summary, quiet=quiet)
    if not summary["passed"]:
        ctx.exit(1)


def _sheet(series: "Series", path: Path, city: "City") -> "tuple[Sheet, str]":
    """The sheet that a series names, and what its file is called: beside the series, or where sheets are looked for."""
    from citygis.cli.sheet import find_sheet
    from citygis.sheets.sheet import Sheet

    beside = (path.parent / series.sheet).with_suffix(".toml")
    file = beside if beside.is_file() else find_sheet(Path(series.sheet).with_suffix(".toml"), city)
    return Sheet.from_file(file), file.stem


def _folder(out: Path, *, resume: bool, overwrite: bool) -> Path:
    """Where single sheets are drawn: the folder asked for, or one beside the document. What is there must not be in the way."""
    from citygis.errors import StoreError
    from citygis.publish import require_free
    from citygis.sheets.atlas import LEDGER

    folder = out.with_suffix(".sheets") if out.suffix.lower() == ".pdf" else out
    if not (resume or overwrite):
        if folder != out:
            require_free(out, overwrite=False)
        if (folder / LEDGER).is_file():
            raise StoreError(
                f"{folder} holds sheets of an earlier run. Say --resume to draw only what is missing or has changed, "
                "or --overwrite to draw all anew."
            )
    return folder


def _written(out: Path, laid: "Atlas", drawn: "list[Drawn]", *, archive: bool) -> list[tuple[Path, int]]:
    """The files to be measured, and how many pages each must have; the document is put together where one is asked for."""
    from citygis.publish import publishing
    from citygis.sheets.atlas import bound

    if out.suffix.lower() != ".pdf":
        return [(one.path, len(one.sizes_in)) for one in drawn]
    data = bound(laid.title, drawn, archive=archive)
    with publishing(out, overwrite=True) as temporary:
        temporary.write_bytes(data)
    return [(out, sum(len(one.sizes_in) for one in drawn))]


def _copy(path: Path, target: Path, *, overwrite: bool) -> None:
    import shutil

    from citygis.publish import publishing

    with publishing(target, overwrite=overwrite) as temporary:
        shutil.copyfile(path, temporary)


def _counts(features: list[tuple[str, str]]) -> dict[str, int]:
    names = [layer for layer, _ in features]
    return {layer: names.count(layer) for layer in sorted(set(names))}


def _summary(
    out: Path, laid: "Atlas", drawn: "list[Drawn]", reports: "list[Preflight]", nest: "Nesting | None", price: float | None
) -> dict:
    leaves = {leaf.number: leaf for leaf in laid.leaves}
    sheets = []
    for one in drawn:
        told = {"number": one.page.number, "name": one.page.bookmark, "file": str(one.path), "sha256": one.sha256}
        told |= {"pages": len(one.sizes_in), "kept": one.kept}
        if leaf := leaves.get(one.page.number):
            frame = leaf.frame
            told |= {"feet_per_inch": float(frame.scale), "easting": frame.easting, "northing": frame.northing}
            told |= {"rotation_deg": frame.rotation_deg, "adjoining": leaf.sheet.adjoining}
        sheets.append(told)
    failed = [{"file": str(report.path), **check._asdict()} for report in reports for check in report.checks if not check.passed]
    roll = None
    if nest:
        roll = {"length_ft": nest.used_in / 12, "paper_sqft": nest.used_sqft, "waste": nest.waste, "cuts": len(nest.cuts_in)}
        roll["cost"] = nest.used_sqft * price if price is not None else None
    return {
        "out": str(out),
        "title": laid.title,
        "series_sheets": len(laid.leaves),
        "places_left_out": laid.empty,
        "sheets": sheets,
        "pages": sum(len(one.sizes_in) for one in drawn),
        "roll": roll,
        "passed": not failed,
        "checks": sum(len(report.checks) for report in reports),
        "failed": failed,
    }


def _show(summary: dict, *, quiet: bool) -> None:
    rows = [
        (
            sheet["number"],
            sheet["name"],
            f"1 inch = {sheet['feet_per_inch']:,g} feet" if "feet_per_inch" in sheet else None,
            str(sheet["pages"]),
            "kept" if sheet["kept"] else "drawn",
        )
        for sheet in summary["sheets"]
    ]
    table(rows, ["sheet", "name", "scale", "pages", ""], title=f"{summary['out']}: {summary['title']}")
    for layer, count in summary["labelled_nowhere"].items():
        note(f"Features of layer {layer} without label or number on any sheet: {count:,}.", quiet=quiet)
    if roll := summary["roll"]:
        cost = f", {roll['cost']:,.2f} of paper" if roll["cost"] is not None else ""
        click.echo(
            f"On the roll: {roll['length_ft']:,.1f} ft, {roll['paper_sqft']:,.1f} sq ft, {roll['waste']:.0%} of it waste{cost}; "
            f"cuts: {roll['cuts']}."
        )
    if summary["failed"]:
        rows = [(f["file"], str(f["page"] or ""), f["name"], f["measured"], f["expected"]) for f in summary["failed"]]
        table(rows, ["file", "page", "failed", "measured", "expected"])
    click.echo(
        f"Pages: {summary['pages']:,}. Checks passed: {summary['checks'] - len(summary['failed']):,} of {summary['checks']:,}."
    )
