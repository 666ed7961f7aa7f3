"""`citygis gps`: a day in the field into a City layer."""

import sys
from typing import TYPE_CHECKING

import click

from citygis.cli.load import reasons
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
from citygis.cli.results import FINDING, counts, place_of, plain_rows, print_findings, print_outcome, require_geopackage_name

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from citygis.captures import FieldWork
    from citygis.city import City
    from citygis.store import Batch


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option("--to", "target", required=True, metavar="LAYER", help="The City layer to make: corner, hydrant, right_of_way, ...")
@click.option(
    "--purpose", required=True, type=click.Choice(["parcel", "asset", "sketch"]), help="How good it must be: 0.1, 1 or 10 ft."
)
@click.option(
    "--frame",
    metavar="FRAME",
    help='What the positions are in: "NAD83(2011)@2017.50", "ITRF2014@2026.0"; ITRF2014 alone takes the times in the file.',
)
@click.option("--source-crs", metavar="EPSG:NNNN", help="What the numbers are written in, where the file does not say.")
@click.option("--order", metavar="PNEZD", help="The order of the columns of a survey point file.")
@click.option("--profile", metavar="NAME", help="The receiver profile of a CSV, where the columns fit more than one.")
@click.option(
    "--antenna-height-ft", type=float, metavar="FEET", help="Of the pole, where heights are the antenna's and no file says it."
)
@click.option("--set", "values", multiple=True, callback=field_values, metavar="FIELD=VALUE", help="A City field of every feature.")
@click.option("--new-only", is_flag=True, help="Leave out features whose key the City has already: check shots.")
@click.option(
    "--out", type=click.Path(dir_okay=False), metavar="FILE.gpkg", help="Write a file for `citygis load` instead of loading."
)
@click.option("--map", "map_path", type=click.Path(dir_okay=False), metavar="FILE.svg", help="Draw monuments found against record.")
@click.option("--accept", multiple=True, callback=reasons, metavar="CODE=reason", help="Load in spite of these errors.")
@click.option("--message", metavar="TEXT", help="What the load is for; kept with it.")
@city_option
@json_option
@quiet_option
@overwrite_option
def command(
    files: tuple[str, ...],
    target: str,
    purpose: str,
    frame: str | None,
    source_crs: str | None,
    order: str | None,
    profile: str | None,
    antenna_height_ft: float | None,
    values: dict[str, str],
    new_only: bool,
    out: str | None,
    map_path: str | None,
    accept: dict[str, str],
    message: str | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Bring GPS captures and survey points into a City layer.

    FILE is GPX, NMEA, a receiver's CSV, a survey point file or photos. Captures that are not good enough for the purpose are kept
    out, each with its reason; occupations are averaged and compared with the City's monuments. Which frame corrections were in
    is asked, never assumed. Without --out the features are validated and loaded into the City's geodatabase, or refused while an
    error stands. Exit code 1 when captures were kept out or a finding is an error, 3 when nothing was written.

    \b
    Example:
      citygis gps rover.nmea --city riverbend --purpose parcel --frame "NAD83(2011)@2017.50" --to corner --out corners.gpkg
      citygis gps hydrants.csv --city riverbend --purpose asset --frame "NAD83(2011)@2010.00" --to hydrant
      citygis gps walk.gpx --city riverbend --purpose sketch --to park --out park.gpkg
    """
    from pathlib import Path

    from citygis.captures import field_work, residual_map
    from citygis.errors import SettingsError
    from citygis.publish import publish_text, require_free

    paths = [Path(file) for file in files]
    out_path = Path(out) if out else None
    if out_path is not None:
        require_geopackage_name(out_path)
    for made in (out_path, Path(map_path) if map_path else None):
        if made is not None:
            require_free(made, overwrite=overwrite)
    city = open_city_option(city_folder)
    if out_path is None and city.folder is None:
        raise SettingsError("There is no City folder to load into. Name one with --city DIR, or write a file with --out FILE.gpkg.")
    city.schema.layer(target)
    held = _held(city, target)
    try:
        work = field_work(
            paths,
            target,
            city=city,
            purpose=purpose,
            frame=frame,
            held=held,
            order=order,
            profile=profile,
            source_crs=source_crs,
            antenna_height_ft=antenna_height_ft,
            values=values,
            new_only=new_only,
        )
    except ValueError as error:
        if not str(error).startswith("Invalid "):
            raise
        raise click.UsageError(str(error)) from None
    note(f"Read {int(work.tally['records'].sum()):,} records of {len(paths)} files. City: {city.name}, {city.frame}.", quiet=quiet)
    for said in work.notes:
        note(said, quiet=quiet)
    batch = _write(work, target, out_path, overwrite) if out_path else _load(work, target, city, accept, message)
    if map_path:
        publish_text(Path(map_path), residual_map(work.monuments, city, fit=work.fit), overwrite=overwrite)
    summary = _summary(work, target, purpose, city, out_path, batch)
    if as_json:
        emit_json(summary)
    else:
        _print(summary)
    has_errors = (work.findings["severity"] == "error").any() and batch is None
    sys.exit(1 if len(work.rejected) or len(work.conversion.quarantine) or has_errors else 0)


def _held(city: "City", target: str) -> "dict[str, pd.DataFrame]":
    """What the City's geodatabase has of monuments and of the layer; nothing where there is no geodatabase yet."""
    from citygis.store import database_of, store

    if city.folder is None or not database_of(city).exists():
        return {}
    with store(city) as db:
        return {name: db.read(name) for name in dict.fromkeys(("control_station", "corner", target))}


def _write(work: "FieldWork", target: str, out: "Path", overwrite: bool) -> None:
    from citygis.gpkg import write_geopackage
    from citygis.schema import schema

    layers = {
        target: work.conversion.layer,
        "source_document": work.source_document,
        "quarantine": work.conversion.quarantine,
        "findings": work.findings,
        "rejected": work.rejected,
        "occupations": work.occupations,
        "monuments": work.monuments,
    }
    kept = {
        name: frame for name, frame in layers.items() if len(frame) or name in (target, "source_document", "findings", "rejected")
    }
    write_geopackage(out, kept, schema=schema(), overwrite=overwrite)


def _load(work: "FieldWork", target: str, city: "City", accept: dict[str, str], message: str | None) -> "Batch":
    from citygis.findings import join_findings
    from citygis.store import store

    layers = {target: work.conversion.layer, "source_document": work.source_document}
    with store(city) as db:
        findings = join_findings([work.findings, db.check(layers)], crs=city.crs)
        return db.load(layers, accept=accept, findings=findings, message=message)


def _summary(work: "FieldWork", target: str, purpose: str, city: "City", out: "Path | None", batch: "Batch | None") -> dict:
    positions = int(work.tally["positions"].sum())
    return {
        "files": work.tally.to_dict("records"),
        "layer": target,
        "purpose": purpose,
        "city_frame": str(city.frame),
        "records": int(work.tally["records"].sum()),
        "positions": positions,
        "used": len(work.captures),
        "rejected": len(work.rejected),
        "rejected_by_reason": counts(work.rejected["reject_reason"]),
        "rejected_by_code": counts(work.rejected["reject_code"]),
        "rows_in": len(work.conversion.layer) + len(work.conversion.quarantine),
        "rows_out": len(work.conversion.layer),
        "rows_quarantined": len(work.conversion.quarantine),
        "frames": [lineage._asdict() for lineage in work.lineages],
        "occupations": _rows(work.occupations),
        "monuments": _rows(work.monuments),
        "frame_check": {"verdict": work.fit.verdict, "message": work.fit.message, "best": list(work.fit.best)}
        if work.fit
        else None,
        "accuracy": list(work.accuracy),
        "notes": list(work.notes),
        "findings_by_code": counts(work.findings["code"]),
        "findings": plain_rows(work.findings, FINDING),
        "out": str(out) if out else None,
        "store": place_of(city) if batch is not None else None,
        "change_id": batch.change_id if batch is not None else None,
    }


def _print(summary: dict) -> None:
    rows = [("records in the files", summary["records"]), ("positions", summary["positions"]), ("used", summary["used"])]
    rows += [("kept out", summary["rejected"])]
    rows += [(f"  {reason}", n) for reason, n in summary["rejected_by_reason"].items()]
    rows += [(f"features in {summary['layer']}", summary["rows_out"]), ("in quarantine", summary["rows_quarantined"])]
    table(rows, ["", "count"], title=f"{', '.join(file['file'] for file in summary['files'])} for {summary['purpose']}")
    for frame in summary["frames"]:
        lines = [("from", frame["source"]), ("epoch", frame["source_epoch"]), ("to", f"{frame['target']}, {summary['city_frame']}")]
        lines += [
            ("operation", frame["operation"]),
            ("velocity", frame["velocity"]),
            ("accuracy", f"{frame['accuracy_ft']:.3f} ft"),
        ]
        lines += [("moved", f"{frame['moved_ft']:.2f} ft"), ("rests on", f"{frame['statement']} ({frame['stated_by']})")]
        lines += [("PROJ", f"{frame['proj_version']}, EPSG {frame['epsg_version']}")]
        table([line for line in lines if line[1] is not None], ["", "frame"])
    shown = [
        (o["name"], o["n"], o["n_rejected"], o["n_effective"], o["span_s"], o["h_rms_ft"]) for o in summary["occupations"][:_SHOWN]
    ]
    if shown:
        heads = ["name", "epochs", "outliers", "effective", "seconds", "one sigma, ft"]
        table(shown, heads, title=_title("Occupations", summary["occupations"]))
    found = [(m["name"], m["monument"], m["distance_ft"], m["dh_ft"], m["verdict"]) for m in summary["monuments"] if m["monument"]]
    if found:
        table(found[:_SHOWN], ["name", "monument", "distance, ft", "height, ft", "verdict"], title=_title("Monuments", found))
    if summary["frame_check"]:
        click.echo(f"Frame: {summary['frame_check']['message']}")
    for line in summary["accuracy"]:
        click.echo(line)
    print_findings(summary["findings"], shown=_SHOWN_OF_A_CODE)
    print_outcome(summary)


_SHOWN = 40
_SHOWN_OF_A_CODE = 5


def _title(what: str, rows: list) -> str:
    return what if len(rows) <= _SHOWN else f"{what} (the first {_SHOWN} of {len(rows):,})"


def _rows(frame: "pd.DataFrame") -> list[dict]:
    """A table without its geometry, nulls as None; easting and northing where it has one."""
    import pandas as pd

    plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    if "geometry" in frame and len(frame):
        plain = plain.assign(easting_ft=frame.geometry.x.to_numpy(), northing_ft=frame.geometry.y.to_numpy())
    return plain_rows(plain)
