"""`citygis deed`: a legal description into a course table, its closure sheet and its contradictions; and onto the ground."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citygis.cli.options import (
    city_option,
    emit_json,
    field_values,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    quiet_option,
    table,
)
from citygis.cli.results import counts, plain_rows, require_geopackage_name

if TYPE_CHECKING:
    from citygis.city import City
    from citygis.convert.description import PlacedDeed
    from citygis.readers.deed import Deed

_FEET = ("us_survey", "international")
_TABLES = (".csv", ".json")
_FINDING = ("code", "rule", "severity", "feature", "other", "measure", "unit", "message", "remedy", "source_ref")


def _pair(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        easting, northing = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} must be easting and northing in the City's feet, as 6341366.10,2122944.26.") from None
    if not (math.isfinite(easting) and math.isfinite(northing)):
        raise click.BadParameter(f"{value!r} must be two finite numbers.")
    return easting, northing


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE.txt")
@click.option("--unit", type=click.Choice(["foot", "metre", "chain", "link", "rod", "vara"]), help="Of numbers without a unit.")
@click.option("--foot", type=click.Choice(_FEET), default=_FEET[0], show_default=True, help="The foot of the document.")
@click.option("--vara-in", type=float, metavar="INCHES", help="The vara of the document.")
@click.option(
    "--notation", type=click.Choice(["decimal", "packed"]), help="What a bare decimal in a bearing is: degrees or DD.MMSS."
)
@click.option("--azimuth-from", type=click.Choice(["north", "south"]), help="Where azimuths of the document count from.")
@click.option(
    "--least-legible-words", type=click.FloatRange(0, 1), metavar="SHARE", help="Read a poorer scan than the gate lets through."
)
@click.option(
    "--out", type=click.Path(dir_okay=False), metavar="FILE", help="The course table (.csv, .json), or with --to a .gpkg."
)
@click.option("--svg", type=click.Path(dir_okay=False), metavar="FILE.svg", help="A plot of the first parcel, or of --parcel.")
@click.option(
    "--to", "target", type=click.Choice(["parcel", "easement"]), help="Make this City layer of it; needs --start and --out."
)
@click.option("--start", metavar="E,N", callback=_pair, help="Where it begins, in the City's feet. Never assumed.")
@click.option(
    "--starts-at", type=click.Choice(["beginning", "commencement"]), default="beginning", show_default=True, help="What --start is."
)
@click.option("--parcel", metavar="NAME", help="Which parcel, where it describes several or excepts land.")
@click.option("--rotation", type=float, metavar="DEG", help="Added to a bearing of record it gives the grid azimuth (clockwise).")
@click.option("--scale", type=float, default=1.0, metavar="FACTOR", help="Grid over ground, where its lengths are on the ground.")
@click.option("--set", "values", multiple=True, callback=field_values, metavar="FIELD=VALUE", help="A City field of the feature.")
@city_option
@json_option
@quiet_option
@overwrite_option
def command(
    file: str,
    unit: str | None,
    foot: str,
    vara_in: float | None,
    notation: str | None,
    azimuth_from: str | None,
    least_legible_words: float | None,
    out: str | None,
    svg: str | None,
    target: str | None,
    start: tuple[float, float] | None,
    starts_at: str,
    parcel: str | None,
    rotation: float | None,
    scale: float,
    values: dict[str, str],
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Read a legal description: its courses, what was mended in reading it, how it closes, and what it says against itself.

    The courses are kept as stated; nothing is adjusted. The course table can be corrected in any editor and checked again with
    `citygis cogo closure`. With --to and --start it becomes a City layer and its boundary lines, as drawn from that point. Exit
    code 1 when a finding is an error or a row is quarantined, 3 when the text is too poor to be read or cannot be drawn.

    \b
    Example:
      citygis deed grant_deed.txt
      citygis deed grant_deed.txt --out courses.csv --svg plot.svg
      citygis deed grant_deed.txt --to parcel --start 6341366.10,2122944.26 --rotation 0.25 --set apn=198-010-06 --city riverbend \\
          --out parcel.gpkg
    """
    from citygis.publish import publish_text, require_free

    paths = _checked_paths(out, svg, target, start)
    for path in paths:
        if path is not None:
            require_free(path, overwrite=overwrite)
    from citygis.readers.deed import course_table_text, read_deed
    from citygis.units import INTERNATIONAL_FOOT, US_SURVEY_FOOT

    city = open_city_option(city_folder) if target or city_folder else None
    stated = {"unit": unit, "vara_in": vara_in, "notation": notation, "azimuth_from": azimuth_from}
    try:
        deed = read_deed(
            Path(file),
            **stated,
            document_foot=US_SURVEY_FOOT if foot == _FEET[0] else INTERNATIONAL_FOOT,
            least_legible_words=least_legible_words,
        )
    except ValueError as error:
        if not str(error).startswith("Invalid "):
            raise
        raise click.UsageError(str(error)) from None
    if not deed.quality.is_readable:
        _refuse(deed, as_json)
    out_path, svg_path = paths
    placed = None
    if target:
        placed = _place(deed, file, target, city, start, starts_at, parcel, rotation, scale, values)
        _write(placed, file, target, city, out_path, overwrite)
    elif out_path is not None:
        publish_text(out_path, course_table_text(deed.table, form=out_path.suffix.lower()[1:]), overwrite=overwrite)
    if svg_path is not None:
        publish_text(svg_path, _plot(deed, file, parcel), overwrite=overwrite)
    summary = _summary(deed, file, placed, out, svg)
    if as_json:
        emit_json(summary)
    else:
        _print(deed, summary)
    for path in paths:
        if path is not None:
            note(f"Wrote {path}.", quiet=quiet)
    findings = placed.findings if placed else deed.findings
    kept_out = placed is not None and len(placed.land.quarantine) + len(placed.lines.quarantine) > 0
    sys.exit(1 if kept_out or (findings["severity"] == "error").any() else 0)


def _checked_paths(
    out: str | None, svg: str | None, target: str | None, start: tuple[float, float] | None
) -> tuple[Path | None, Path | None]:
    out_path, svg_path = Path(out) if out else None, Path(svg) if svg else None
    if target is None and start is not None:
        raise click.UsageError("--start needs --to: the layer that the description becomes.")
    if target is not None and (start is None or out_path is None):
        raise click.UsageError(
            "--to needs --start E,N (a description says no coordinates, and none is assumed) and --out FILE.gpkg."
        )
    if out_path is not None and target is not None:
        require_geopackage_name(out_path)
    if out_path is not None and target is None and out_path.suffix.lower() not in _TABLES:
        raise click.BadParameter(f"{out_path} must be named .csv or .json: the course table is written.", param_hint="--out")
    if svg_path is not None and svg_path.suffix.lower() != ".svg":
        raise click.BadParameter(f"{svg_path} must be named .svg.", param_hint="--svg")
    return out_path, svg_path


def _refuse(deed: "Deed", as_json: bool) -> None:
    from citygis.errors import ReadError

    finding = deed.findings.iloc[0]
    if as_json:
        emit_json({"readable": False, "quality": deed.quality._asdict(), "findings": plain_rows(deed.findings, _FINDING)})
    raise ReadError(f"{finding['message']} {finding['remedy']}")


def _place(
    deed: "Deed", file: str, target: str, city: "City", start: tuple[float, float], starts_at: str, parcel: str | None,
    rotation: float | None, scale: float, values: dict[str, str],
) -> "PlacedDeed":  # fmt: skip
    from citygis.captures.features import stated_values
    from citygis.convert.description import placed_deed
    from citygis.readers.source import sha256_of
    from citygis.schema import source_id_of

    try:
        return placed_deed(
            deed,
            target,
            city=city,
            source_id=source_id_of(sha256_of(Path(file))),
            start=start,
            starts_at=starts_at,
            parcel=parcel,
            rotation_deg=rotation,
            scale=scale,
            values=stated_values(values, city.schema.layer(target)),
        )
    except ValueError as error:
        if not str(error).startswith("Invalid "):
            raise
        raise click.UsageError(str(error)) from None


def _write(placed: "PlacedDeed", file: str, target: str, city: "City", out: Path, overwrite: bool) -> None:
    from citygis.gpkg import write_geopackage
    from citygis.readers import source_document

    layers = {
        target: placed.land.layer,
        "boundary_line": placed.lines.layer,
        "source_document": source_document(file, unit="FT_US", **placed.land.crosswalk.document),
        "quarantine": placed.land.quarantine,
        "findings": placed.findings,
    }
    write_geopackage(out, {k: v for k, v in layers.items() if k != "quarantine" or len(v)}, schema=city.schema, overwrite=overwrite)


def _plot(deed: "Deed", file: str, parcel: str | None) -> str:
    """Of the parcel that is named, else of the first, with the ties that lead to it."""
    from citygis.errors import ReadError
    from citygis.readers.deed import plot_svg

    drawn = next((p for p in deed.parcels if p.role != "tie" and p.courses and parcel in (None, p.name)), None)
    if drawn is None:
        raise ReadError(f"{file} has no courses to plot. Look at its findings.")
    ties = next((p.courses for p in deed.parcels if p.role == "tie" and p.name == drawn.name and not p.unresolved), ())
    calls = [call for call in drawn.calls if call not in drawn.unresolved]
    return plot_svg(drawn.courses, ties=ties, title=f"{Path(file).name}, parcel {drawn.name}", calls=calls)


def _summary(deed: "Deed", file: str, placed: "PlacedDeed | None", out: str | None, svg: str | None) -> dict[str, Any]:
    findings = placed.findings if placed else deed.findings
    summary = {
        "file": file,
        "readable": True,
        "quality": deed.quality._asdict(),
        "parcels": [
            {
                "name": figure.name,
                "role": figure.role,
                "calls": list(figure.calls),
                "unresolved": list(figure.unresolved),
                "closure": figure.closure._asdict() if figure.closure else None,
                "area_sqft": figure.area_sqft,
                "stated_areas": [area._asdict() for area in figure.stated_areas],
                "left_ft": figure.left_ft,
                "right_ft": figure.right_ft,
            }
            for figure in deed.parcels
        ],
        "courses": plain_rows(deed.table),
        "references": plain_rows(deed.references),
        "repairs": [repair._asdict() for repair in deed.repairs],
        "findings_by_code": counts(findings["code"]),
        "findings": plain_rows(findings, _FINDING),
        "out": out,
        "svg": svg,
    }
    if placed is not None:
        summary["rows"] = {"land": len(placed.land.layer), "boundary_line": len(placed.lines.layer)}
        summary["quarantined"] = [
            str(text) for part in (placed.land, placed.lines) for text in part.quarantine.get("quarantine_message", [])
        ]
    return summary


def _print(deed: "Deed", summary: dict[str, Any]) -> None:
    from citygis.readers.deed import closure_sheet

    for figure in deed.parcels:
        words = f"parcel {figure.name}, {figure.role}"
        if not figure.courses:
            click.echo(f"{words}: no courses in numbers")
            continue
        calls = [call for call in figure.calls if call not in figure.unresolved]
        sheet = closure_sheet(figure.courses, title=words, calls=calls)
        if figure.closure is None:
            # Without all its calls, or where it is not to come back, a closure would be a number without meaning.
            sheet = sheet[: sheet.index("misclosure")]
        click.echo(sheet)
        if figure.unresolved:
            click.echo(f"      not in numbers: call {', '.join(map(str, figure.unresolved))}\n")
    if summary["repairs"]:
        rows = [(repair["raw"].strip(), repair["fixed"], repair["rule"]) for repair in summary["repairs"]]
        table(rows, ["as scanned", "read as", "rule"], title="Mended in reading")
    if "rows" in summary:
        rows = [(name, count) for name, count in summary["rows"].items()]
        table(rows, ["made", "rows"])
        for text in summary["quarantined"]:
            click.echo(f"Quarantined: {text}")
    if summary["findings"]:
        rows = [(row["code"], row["severity"], row["message"], row["remedy"]) for row in summary["findings"]]
        table(rows, ["code", "severity", "message", "remedy"])
    else:
        click.echo("No findings.")
