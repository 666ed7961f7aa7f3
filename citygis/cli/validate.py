"""`citygis validate`: layers held to the City's rules."""

import json
import sys
from typing import TYPE_CHECKING

import click

from citygis.cli.options import city_option, json_option, note, open_city_option, overwrite_option, quiet_option, table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from citygis.city import City


@click.command()
@click.argument("file", required=False, type=click.Path())
@click.option("--as", "layer", metavar="LAYER", help="Take FILE, of any vector format, as this City layer.")
@click.option("--layer", "within", metavar="NAME", help="With --as: the layer to read, where FILE has several.")
@click.option("--source-crs", metavar="CRS", help="With --as: what the coordinates are in, where FILE does not say.")
@click.option("--key", metavar="FIELD", help="The field that names features, instead of the layer's key.")
@click.option("--only", type=click.Choice(["geometry", "attributes"]), help="Leave out the other rules.")
@click.option("--out", "folder", type=click.Path(), metavar="DIR", help="Write findings.json, .csv, .gpkg and report.html here.")
@click.option("--date", "checked_on", metavar="DATE", help="The date to print on the report.")
@city_option
@json_option
@quiet_option
@overwrite_option
def command(
    file: str | None,
    layer: str | None,
    within: str | None,
    source_crs: str | None,
    key: str | None,
    only: str | None,
    folder: str | None,
    checked_on: str | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Hold the layers of FILE, or of the City's own store, to the City's rules.

    FILE is a GeoPackage with layers named as the City's (what `citygis convert` writes), seen together with what the City's store
    holds where --city has one; or with --as any vector file, by itself. With --only geometry the file may be in any projected
    system, and no City is needed. Prints a table of findings by rule; with --json one JSON object per finding and line.

    \b
    Example:
      citygis validate parcels.gpkg --city riverbend --out report
      citygis validate --city riverbend
      citygis validate parcels.gpkg --as parcel --key pid --only geometry --json
    """
    from pathlib import Path

    from citygis.publish import require_free
    from citygis.quality import FILES, records, rules_not_judged, validate, write_report
    from citygis.store import store

    city = open_city_option(city_folder)
    for name in FILES if folder else ():
        require_free(Path(folder) / name, overwrite=overwrite)  # told before the work, not after it
    path = Path(file) if file else city.store_path
    if layer:
        layers = {layer: _as_sent(path, within, source_crs, quiet)}
    elif within or source_crs:
        raise click.UsageError("--layer and --source-crs go with --as LAYER.")
    else:
        layers = _of_file(path, city, quiet) if file else _of_store(city)
    beside = layers
    if file and not (layer or only or key) and city.folder and city.store_path.exists():
        with store(city) as db:
            beside = db.together(layers)
            findings = db.check(layers, beside=beside)
        note(f"Seen together with {city.store_path}", quiet=quiet)
    else:
        findings = validate(layers, city=city, only=only, key=key)
    left_out = rules_not_judged(beside, city=city) if only != "attributes" else []
    for item in left_out:
        note(f"Not judged: {item.code} on {item.layer}, because it {item.because}.", quiet=quiet)
    if folder:
        paths = write_report(
            folder,
            findings,
            layers,
            city=city,
            title=path.name,
            checked_on=checked_on,
            not_judged=left_out,
            key=key,
            overwrite=overwrite,
        )
        note("Wrote " + ", ".join(str(each) for each in paths.values()), quiet=quiet)
    if as_json:
        for record in records(findings):
            click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    else:
        _print_summary(findings, layers, path.name)
    sys.exit(1 if (findings["severity"] == "error").any() else 0)


def _as_sent(path: "Path", within: str | None, source_crs: str | None, quiet: bool) -> "pd.DataFrame":
    """Any vector file, as it was sent."""
    from citygis.readers import read

    frame = read(path, within, source_crs=source_crs)
    if "read_code" in frame:
        for code, message in frame.dropna(subset="read_code").groupby("read_code")["read_message"]:
            note(f"{code}: {len(message):,} rows were not read as sent, the first: {message.iloc[0]}", quiet=quiet)
    return frame


def _of_store(city: "City") -> "dict[str, pd.DataFrame]":
    """The layers of the City's store, as they hold today."""
    from citygis.errors import StoreError
    from citygis.store import store

    if not city.store_path.exists():  # `store` would make one
        raise StoreError(f"{city.store_path} is not there yet. Load something first: citygis load FILE, or name a FILE to check.")
    with store(city) as db:
        return {layer.name: db.read(layer.name) for layer in db.layers()}


def _of_file(path: "Path", city: "City", quiet: bool) -> "dict[str, pd.DataFrame]":
    """The layers of a GeoPackage that the City's schema knows."""
    from citygis.errors import ReadError
    from citygis.gpkg import layers_of, read_geopackage

    if not path.exists():
        raise ReadError(f"{path} is not there. Look at the path; without FILE the City's own store is checked.")
    if path.suffix.lower() != ".gpkg":
        raise ReadError(f"{path} is not a GeoPackage of City layers. Say which layer it is: --as LAYER, or convert it first.")
    there = [each.name for each in layers_of(path)]
    known = [name for name in there if name in city.schema.layers]
    if not known:
        raise ReadError(
            f"{path} has no layer of the City's schema; it has: {', '.join(there) or 'none'}. Say which one it is: --as LAYER."
        )
    note(f"Checking {', '.join(known)} of {path}", quiet=quiet)
    return {name: read_geopackage(path, name) for name in known}


def _print_summary(findings: "pd.DataFrame", layers: "dict[str, pd.DataFrame]", title: str) -> None:
    from citygis.findings import SEVERITIES
    from citygis.quality import RULES

    counts = findings.groupby(["code", "layer", "severity"]).size().unstack(fill_value=0).reindex(columns=SEVERITIES, fill_value=0)
    rows = [(code, RULES[code].title, layer, *map(int, counts.loc[(code, layer)])) for code, layer in counts.index]
    checked = ", ".join(f"{name} ({len(frame):,})" for name, frame in layers.items())
    table(rows, ["code", "rule", "layer", "error", "review", "info"], title=f"{title}: {checked}")
    total = {severity: int((findings["severity"] == severity).sum()) for severity in SEVERITIES}
    errors = f"{total['error']:,} error{'' if total['error'] == 1 else 's'}"
    click.echo(f"{errors}, {total['review']:,} to review, {total['info']:,} for information")
