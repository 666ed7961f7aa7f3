"""`citygis convert`: an outside file into a City layer, with what could not enter it beside it."""

import sys
from typing import TYPE_CHECKING

import click

from citygis.cli.options import (
    city_option,
    emit_json,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    quiet_option,
    table,
)
from citygis.cli.results import counts, plain_rows, require_geopackage_name

if TYPE_CHECKING:
    from pathlib import Path

    from citygis.convert import Conversion


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--to", "target", required=True, metavar="LAYER", help="The City layer to make: parcel, zoning, easement, ...")
@click.option("--out", required=True, type=click.Path(dir_okay=False), metavar="OUT.gpkg", help="The GeoPackage to write.")
@click.option("--layer", metavar="NAME", help="The layer of FILE, where it has several.")
@click.option(
    "--crosswalk",
    metavar="NAME",
    help="A crosswalk by name, or its .toml file. Without it one is drafted, and written beside OUT.",
)
@click.option("--source-crs", metavar="EPSG:NNNN", help="What the coordinates are in, where the file does not say or is wrong.")
@city_option
@json_option
@quiet_option
@overwrite_option
def command(
    file: str,
    target: str,
    out: str,
    layer: str | None,
    crosswalk: str | None,
    source_crs: str | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Convert FILE into a City layer.

    Each row of FILE lands in the layer, or in the table `quarantine` with what is wrong with it and what to do. OUT holds the
    layer, `source_document`, `quarantine` and `findings`. Coordinates come into the City's system by a named operation, or not
    at all. Exit code 1 when rows were quarantined or a finding is an error, 3 when nothing was written.

    \b
    Example:
      citygis convert county_parcels.zip --to parcel --out parcels.gpkg --crosswalk county_assessor --city riverbend
      citygis convert parcels.topojson --to parcel --out parcels.gpkg --source-crs EPSG:4326
      citygis convert https://gis.example.gov/arcgis/rest/services/Parcels/FeatureServer/0 --to parcel --out parcels.gpkg
    """
    from pathlib import Path

    from citygis.convert import convert, delivery_document
    from citygis.errors import StoreError
    from citygis.gpkg import write_geopackage
    from citygis.publish import publish_text, require_free
    from citygis.readers import read

    path = Path(out)
    require_geopackage_name(path)
    if path.exists() and Path(file).exists() and path.samefile(file):
        raise StoreError(f"{path} is the delivery itself, which stays as it was sent. Name another file.")
    draft_path = path.with_suffix(".crosswalk.toml") if crosswalk is None else None
    for made in (path, draft_path):
        if made is not None:
            require_free(made, overwrite=overwrite)
    city = open_city_option(city_folder)
    city.schema.layer(target)
    try:
        raw = read(file, layer, source_crs=source_crs)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--source-crs") from None
    note(f"Read {len(raw):,} rows of {file}. City: {city.name}, {city.crs.name}.", quiet=quiet)
    result = convert(raw, target, crosswalk=crosswalk, city=city)
    walk = result.crosswalk
    layers = {
        target: result.layer,
        "source_document": delivery_document(file, raw, result),
        "quarantine": result.quarantine,
        "findings": result.findings,
    }
    if target == "source_document":
        del layers["source_document"]
        layers = {target: result.layer, **layers}
    write_geopackage(path, layers, schema=city.schema, overwrite=overwrite)
    if draft_path is not None:
        publish_text(draft_path, walk.to_toml(), overwrite=overwrite)
    summary = _summary(file, target, len(raw), result, path, draft_path or crosswalk)
    if as_json:
        emit_json(summary)
    else:
        _print(summary)
    sys.exit(1 if summary["rows_quarantined"] or (result.findings["severity"] == "error").any() else 0)


def _summary(file: str, target: str, rows_in: int, result: "Conversion", out: "Path", crosswalk: "Path | str | None") -> dict:
    lineage = result.lineage
    return {
        "file": file,
        "layer": target,
        "rows_in": rows_in,
        "rows_out": len(result.layer),
        "rows_quarantined": len(result.quarantine),
        "quarantined_by_code": counts(result.quarantine["quarantine_code"]),
        "findings_by_code": counts(result.findings["code"]),
        "findings": plain_rows(result.findings, ("code", "rule", "severity", "message", "remedy")),
        "coverage": plain_rows(result.coverage),
        "frame": lineage._asdict() if lineage else None,
        "out": str(out),
        "crosswalk": str(crosswalk) if crosswalk else None,
        "drafted": result.crosswalk.is_draft,
    }


def _print(summary: dict) -> None:
    from citygis.convert import QUARANTINE_RULES

    rows = [("rows in", summary["rows_in"]), (f"in layer {summary['layer']}", summary["rows_out"])]
    rows += [("in quarantine", summary["rows_quarantined"])]
    rows += [(f"  {code} {QUARANTINE_RULES[code]}", n) for code, n in summary["quarantined_by_code"].items()]
    click.echo(f"{summary['file']} to {summary['layer']}")
    table(rows, ["", "rows"])
    shown = [
        row
        for row in summary["coverage"]
        if row["how"] in ("mapped", "constant", "default", "unused") and row["field"] != "geometry"
    ]
    table(
        [
            (row["field"], row["source"], row["how"], row["filled"], row["distinct"], row["quarantined"], row["reason"])
            for row in shown
        ],
        ["field", "from", "how", "filled", "distinct", "quarantined", "why"],
        title="Mapping",
    )
    table(
        [(row["code"], row["severity"], row["message"], row["remedy"]) for row in summary["findings"]],
        ["code", "severity", "finding", "what to do"],
        title="Findings",
    )
    frame = summary["frame"]
    if frame:
        stated = f"{frame['statement']} (stated by {frame['stated_by']})" if frame["statement"] else None
        lines = [("from", frame["source"]), ("to", frame["target"]), ("operation", frame["operation"])]
        lines += [("accuracy", f"{frame['accuracy_ft']:g} ft" if frame["accuracy_ft"] else "exact"), ("rests on", stated)]
        lines += [("PROJ", f"{frame['proj_version']}, EPSG {frame['epsg_version']}")]
        table([line for line in lines if line[1]], ["", "frame"])
    click.echo(f"Written: {summary['out']}")
    if summary["drafted"]:
        click.echo(f"Drafted crosswalk, to be read and corrected: {summary['crosswalk']}")
