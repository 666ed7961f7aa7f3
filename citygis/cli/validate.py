"""`citygis validate`: layers held to the City's rules."""

import json
import sys
from typing import TYPE_CHECKING

import click

from citygis.cli.inputs import as_sent, layers_of_file
from citygis.cli.options import city_option, json_option, note, open_city_option, overwrite_option, quiet_option, table
from citygis.cli.results import note_ended, place_of

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from citygis.city import City


CAUSES_SHOWN = 10
"""Causes in the table; the report has the others."""


@click.command()
@click.argument("file", required=False, type=click.Path())
@click.option("--as", "layer", metavar="LAYER", help="Take FILE, of any vector format, as this City layer.")
@click.option("--layer", "within", metavar="NAME", help="With --as: the layer to read, where FILE has several.")
@click.option("--source-crs", metavar="CRS", help="With --as: what the coordinates are in, where FILE does not say.")
@click.option("--key", metavar="FIELD", help="The field that names features, instead of the layer's key.")
@click.option("--only", type=click.Choice(["geometry", "attributes"]), help="Leave out the other rules.")
@click.option(
    "--out", "folder", type=click.Path(), metavar="DIR", help="Write findings.json, .csv, .sarif, .gpkg and report.html here."
)
@click.option("--date", "checked_on", metavar="DATE", help="The date to print on the report.")
@click.option(
    "--previous",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="The findings.json of an earlier run, or its folder: tell what is new and gone. Several: the oldest first.",
)
@click.option("--exceptions", "register_path", type=click.Path(), metavar="FILE", help="Accepted findings, instead of the City's.")
@click.option(
    "--accept-file", type=click.Path(), metavar="JSON", help="Take exceptions saved from a report's page into the register first."
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "review", "never"]),
    default="error",
    show_default=True,
    help="Exit with 1 when something at least this severe is left.",
)
@click.option(
    "--engine", type=click.Choice(["local", "processes", "dask", "spark"]), help="For a partitioned layer: what works on its parts."
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="With --engine dask or spark: a cluster that is there, such as tcp://10.0.0.5:8786."
)
@click.option("--workers", type=click.IntRange(min=1), help="With --engine: how many; as many as there are processors.")
@click.option("--rules", "catalogue", is_flag=True, help="List the rules as the City applies them instead; nothing is checked.")
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
    previous: tuple[str, ...],
    register_path: str | None,
    accept_file: str | None,
    fail_on: str,
    engine: str | None,
    scheduler: str | None,
    workers: int | None,
    catalogue: bool,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Hold the layers of FILE, or of the City's own store, to the City's rules.

    FILE is a GeoPackage with layers named as the City's (what `citygis convert` writes), seen together with what the City's store
    holds where --city has one; or with --as any vector file, by itself. With --only geometry the file may be in any projected
    system, and no City is needed. Prints what probably caused the findings, worst first, and a table by rule; with --json one JSON
    object per finding and line.

    A folder that `citygis partition` made is judged part by part, with --as LAYER; rules that look at several layers,
    or at a layer as a whole, are named and left out, and the City's exceptions are not looked at.

    Findings that the City's exceptions cover are counted and not told again. An exception ends when its feature is drawn otherwise.

    \b
    Example:
      citygis validate parcels.gpkg --city riverbend --out report
      citygis validate parcels.gpkg --city riverbend --out report --overwrite --previous report --accept-file exceptions.json
      citygis validate --city riverbend
      citygis validate parcels.gpkg --as parcel --key pid --only geometry --json
      citygis validate parcels_parts --as parcel --engine dask
      citygis validate --rules --city riverbend
    """
    from pathlib import Path

    from citygis.publish import require_free
    from citygis.quality import FILES, records, rules_not_judged, validate, write_report
    from citygis.quality.causes import causes
    from citygis.quality.trend import read_run, trend
    from citygis.store import database_of, store

    city = open_city_option(city_folder)
    if catalogue:
        if file or folder:
            raise click.UsageError("--rules checks nothing: leave out FILE and --out.")
        _print_rules(city, as_json)
        return
    stops = {"error": ["error"], "review": ["error", "review"], "never": []}[fail_on]
    if file and Path(file).is_dir():
        unused = {
            "--layer": within,
            "--source-crs": source_crs,
            "--out": folder,
            "--previous": previous,
            "--accept-file": accept_file,
        }
        if any(unused.values()) or register_path or not layer:
            raise click.UsageError(
                "A partitioned layer goes with --as LAYER, and with --key, --only, --engine, --fail-on and --json."
            )
        findings = _of_parts(Path(file), layer, city, key, only, (engine or "local", scheduler, workers), as_json, quiet)
        sys.exit(1 if findings["severity"].isin(stops).any() else 0)
    if engine or scheduler or workers:
        raise click.UsageError("--engine, --scheduler and --workers are for a folder that citygis partition made.")
    runs = [read_run(each) for each in previous]  # before they are overwritten
    register = Path(register_path) if register_path else city.exceptions_path
    if accept_file and register is None:
        raise click.UsageError("--accept-file needs a register to write to: --city DIR, or --exceptions FILE.")
    for name in FILES if folder else ():
        require_free(Path(folder) / name, overwrite=overwrite)  # told before the work, not after it
    title = Path(file).name if file else place_of(city)
    if layer:
        layers = {layer: as_sent(Path(file) if file else city.store_path, within, source_crs, quiet=quiet)}
    elif within or source_crs:
        raise click.UsageError("--layer and --source-crs go with --as LAYER.")
    else:
        layers = _of_file(Path(file), city, quiet) if file else _of_store(city)
    beside = layers
    if file and not (layer or only or key) and city.folder and database_of(city).exists():
        with store(city) as db:
            beside = db.together(layers)
            findings = db.check(layers, beside=beside)
        note(f"Seen together with {place_of(city)}", quiet=quiet)
    else:
        findings = validate(layers, city=city, only=only, key=key)
    findings, excused = _excused(
        findings, beside, city, key, register, register_path, accept_file, partial=bool(layer or only), quiet=quiet
    )
    if key and only == "geometry":
        _note_repeated(layers, key, quiet)
    left_out = rules_not_judged(beside, city=city) if only is None else []
    for item in left_out:
        note(f"Not judged: {item.code} on {item.layer}, because it {item.because}.", quiet=quiet)
    likely = causes(findings, beside, city=city, key=key) if folder or not as_json else None
    if folder:
        paths = write_report(
            folder,
            findings,
            layers,
            city=city,
            title=title,
            checked_on=checked_on,
            not_judged=left_out,
            key=key,
            causes=likely,
            excused=excused,
            previous=runs,
            overwrite=overwrite,
        )
        note("Wrote " + ", ".join(str(each) for each in paths.values()), quiet=quiet)
    if as_json:
        for record in records(findings):
            click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    else:
        sizes = {name: len(frame) for name, frame in layers.items()}
        _print_summary(findings, sizes, title, likely, excused, trend(runs, findings, excused=excused) if runs else None)
    sys.exit(1 if findings["severity"].isin(stops).any() else 0)


def _of_parts(
    path: "Path",
    layer: str,
    city: "City",
    key: str | None,
    only: str | None,
    engine: tuple[str, str | None, int | None],
    as_json: bool,
    quiet: bool,
) -> "pd.DataFrame":
    """The findings on a partitioned layer, printed."""
    from citygis.quality import records
    from citygis.scale import left_out_of_dataset, open_dataset, validate_dataset

    dataset = open_dataset(path)
    if city.exceptions_path and city.exceptions_path.exists():
        note("The City's exceptions are not applied to a partitioned layer.", quiet=quiet)
    name, scheduler, workers = engine
    findings = validate_dataset(dataset, layer, city=city, engine=name, scheduler=scheduler, workers=workers, key=key, only=only)
    for item in left_out_of_dataset(dataset, layer, city=city, only=only):
        note(f"Not judged: {item.code} on {item.layer}, because it {item.because}.", quiet=quiet)
    if as_json:
        for record in records(findings):
            click.echo(json.dumps(record, ensure_ascii=False, allow_nan=False))
    else:
        _print_summary(findings, {layer: len(dataset)}, path.name)
    return findings


def _print_rules(city: "City", as_json: bool) -> None:
    """The catalogue, changed as the City changes it. What a layer of the schema says of its own tolerance is not in it."""
    from citygis.quality import CATALOGUE, rule

    rules = [rule(code, city, name) for code, name in sorted(CATALOGUE)]
    if as_json:
        for each in rules:
            click.echo(each.model_dump_json())
        return
    columns = ["code", "rule", "severity", "tolerance", "limit", "unit", "title", "what to do", "reference"]
    rows = [
        (
            each.code,
            each.name,
            "off" if each.off else each.severity,
            each.tolerance,
            each.limit,
            each.unit,
            each.title,
            f"Off: {each.off}" if each.off else each.remedy,
            each.reference,
        )
        for each in rules
    ]
    table(rows, columns, title=f"Rules of {city.name}")


def _excused(
    findings: "pd.DataFrame",
    layers: "dict[str, pd.DataFrame]",
    city: "City",
    key: str | None,
    path: "Path | None",
    named: str | None,
    accept_file: str | None,
    *,
    partial: bool,
    quiet: bool,
) -> "tuple[pd.DataFrame, pd.DataFrame | None]":
    """The findings that stand, and those that the register of exceptions covers (None without a register)."""
    from citygis.errors import SettingsError
    from citygis.quality.exceptions import apply_exceptions, merge_exceptions, read_exceptions, write_exceptions

    if path is None or not (path.exists() or named or accept_file):
        return findings, None
    if not (path.exists() or accept_file):
        raise SettingsError(f"{path} is not there. Look at the path of --exceptions.")
    register = read_exceptions(path) if path.exists() else ()
    if accept_file:
        merged = merge_exceptions(register, accept_file, findings, layers, city=city, key=key)
        for number, why in merged.refused:
            note(f"Not accepted: finding {number}: {why}", quiet=quiet)
        register = merged.register
        write_exceptions(path, register)
        note(f"{merged.added:,} exceptions of {accept_file} entered in {path}, {len(merged.refused):,} refused", quiet=quiet)
    applied = apply_exceptions(findings, register, layers, city=city, key=key)
    # Of a part of the rules or layers nothing follows for an exception whose finding is not met.
    ended = applied.expired["still_found"] | (applied.expired["layer"].isin(list(layers)) & (not partial))
    note_ended(applied.expired[ended], quiet=quiet)
    return applied.left, applied.excused


def _note_repeated(layers: "dict[str, pd.DataFrame]", key: str, quiet: bool) -> None:
    """Say that a name is not one feature's alone: the rule for that (A06) is left out with the other attributes."""
    for name, frame in layers.items():
        twice = int(frame[key].dropna().duplicated(keep=False).sum()) if key in frame else 0
        if twice:
            note(f"{twice:,} rows of {name} share their {key} with another: findings cannot tell them apart.", quiet=quiet)


def _of_store(city: "City") -> "dict[str, pd.DataFrame]":
    """The layers of the City's store, as they hold today."""
    from citygis.errors import StoreError
    from citygis.store import database_of, store

    if not database_of(city).exists():  # `store` would make one
        raise StoreError(f"{place_of(city)} is not there yet. Load something first: citygis load FILE, or name a FILE to check.")
    with store(city) as db:
        return {layer.name: db.read(layer.name) for layer in db.layers()}


def _of_file(path: "Path", city: "City", quiet: bool) -> "dict[str, pd.DataFrame]":
    """The layers of a GeoPackage that the City's schema knows."""
    from citygis.gpkg import read_geopackage

    known, _ = layers_of_file(path, city, hint="Look at the path; without FILE the City's own store is checked.")
    note(f"Checking {', '.join(known)} of {path}", quiet=quiet)
    return {name: read_geopackage(path, name) for name in known}


def _print_summary(
    findings: "pd.DataFrame",
    sizes: dict[str, int],
    title: str,
    likely: "pd.DataFrame | None" = None,
    excused: "pd.DataFrame | None" = None,
    changes: "pd.DataFrame | None" = None,
) -> None:
    from citygis.findings import SEVERITIES
    from citygis.quality import CATALOGUE, RULES

    known = {code: rule.title for code, rule in RULES.items()}
    pairs = zip(findings["code"], findings["rule"], strict=True)
    titled = findings.assign(title=[CATALOGUE[each].title if each in CATALOGUE else known.get(*each) for each in pairs])
    counts = titled.groupby(["code", "title", "layer", "severity"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=SEVERITIES, fill_value=0)
    rows = [(*each, *map(int, counts.loc[each])) for each in counts.index]
    if likely is not None and len(likely):
        shown = likely[["said", "findings", "errors", "rules"]].head(CAUSES_SHOWN).itertuples(index=False, name=None)
        more = f" (the worst {CAUSES_SHOWN} of {len(likely):,})" if len(likely) > CAUSES_SHOWN else ""
        table(shown, ["what probably happened", "findings", "errors", "rules"], title=f"Where to begin{more}")
    checked = ", ".join(f"{name} ({size:,})" for name, size in sizes.items())
    table(rows, ["code", "rule", "layer", "error", "review", "info"], title=f"{title}: {checked}")
    if changes is not None:
        columns = ["code", "before", "new", "returned", "gone", "excused", "still", "now"]
        table(changes[columns].itertuples(index=False, name=None), columns, title="Since the last run")
    total = {severity: int((findings["severity"] == severity).sum()) for severity in SEVERITIES}
    errors = f"{total['error']:,} error{'' if total['error'] == 1 else 's'}"
    pardoned = f"; {len(excused):,} accepted with a reason" if excused is not None and len(excused) else ""
    click.echo(f"{errors}, {total['review']:,} to review, {total['info']:,} for information{pardoned}")
