"""`citygis repair`: layers mended where it is safe."""

import sys
from typing import TYPE_CHECKING

import click

from citygis.cli.inputs import as_sent, layers_of_file, register_of
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
from citygis.cli.results import plain_rows, require_geopackage_name

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from citygis.city import City
    from citygis.repairs import Repair

EDITS, LEFT = "repair_edits", "repair_left"
PAGE = "repair.html"


@click.command()
@click.argument("file", required=False, type=click.Path())
@click.option("--as", "layer", metavar="LAYER", help="Take FILE, of any vector format, as this City layer.")
@click.option("--layer", "within", metavar="NAME", help="With --as: the layer to read, where FILE has several.")
@click.option("--source-crs", metavar="CRS", help="With --as: what the coordinates are in, where FILE does not say.")
@click.option("--key", metavar="FIELD", help="The field that names features, instead of the layer's key.")
@click.option("--only", type=click.Choice(["geometry"]), help="Leave out the other rules.")
@click.option(
    "--tolerance",
    "tolerance_ft",
    type=click.FloatRange(0, 0.12, min_open=True),
    metavar="FT",
    help="Move nothing farther than this; at most 0.12.",
)
@click.option("--apply", "operations", multiple=True, metavar="OPERATION", help="Only this operation; may be given several times.")
@click.option("--out", type=click.Path(), metavar="MENDED.gpkg", help="Write the mended layers, the log and what is left.")
@click.option(
    "--report", "folder", type=click.Path(), metavar="DIR", help=f"Write {PAGE}: a picture of each edit, before and after."
)
@click.option("--exceptions", "register", type=click.Path(), metavar="FILE", help="Accepted findings, instead of the City's.")
@click.option("--undo", "mended", type=click.Path(), metavar="MENDED.gpkg", help="Take a repair back instead; needs --out.")
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
    tolerance_ft: float | None,
    operations: tuple[str, ...],
    out: str | None,
    folder: str | None,
    register: str | None,
    mended: str | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Mend the drafting faults of FILE that can be mended safely, and say what is left for a person.

    FILE is a GeoPackage with layers named as the City's, or with --as any vector file. Nothing is written without --out: what is
    printed is the plan. No corner is moved farther than 0.12 ft nor than it is known, none to a place between two, and none where
    the records of both sides call for two lines. The log of every change lies in the file that is written; --undo takes it back.

    \b
    Example:
      citygis repair parcels.gpkg --as parcel --key pid --only geometry
      citygis repair parcels.gpkg --city riverbend --out mended.gpkg --report report
      citygis repair --undo mended.gpkg --out as_before.gpkg

    Exit code: 0 no errors left, 1 findings of severity error are left, 2 wrong usage, 3 refused.
    """
    from pathlib import Path

    from citygis.publish import publish_text, require_free
    from citygis.repairs import OPERATIONS, repair, repair_page

    for path in [Path(out)] if out else []:
        require_geopackage_name(path)
        require_free(path, overwrite=overwrite)
    if mended:
        if file or not out:
            raise click.UsageError("--undo MENDED.gpkg goes with --out BACK.gpkg, and without FILE.")
        _take_back(Path(mended), Path(out), open_city_option(city_folder), overwrite=overwrite)
        return
    if not file:
        raise click.UsageError("Name the FILE to repair.")
    if folder:
        require_free(Path(folder) / PAGE, overwrite=overwrite)
    if unknown := set(operations) - set(OPERATIONS):
        raise click.BadParameter(f"{sorted(unknown)[0]!r} must be one of: {', '.join(OPERATIONS)}.", param_hint="--apply")
    city, path = open_city_option(city_folder), Path(file)
    if layer:
        layers, beside = {layer: as_sent(path, within, source_crs, quiet=quiet)}, {}
    elif within or source_crs:
        raise click.UsageError("--layer and --source-crs go with --as LAYER.")
    else:
        layers, beside = _of_file(path, city)
    findings, excused = _standing(layers, city, only, key, register)
    if excused:
        note(f"{excused:,} findings are accepted with a reason and are left alone", quiet=quiet)
    done = repair(
        layers,
        findings,
        city=city,
        only=only,
        key=key,
        tolerance_ft=tolerance_ft,
        apply=operations or OPERATIONS,
    )
    if out:
        _write(Path(out), {**done.layers, **beside, EDITS: done.edits, LEFT: done.left}, city, overwrite=overwrite)
        note(f"Wrote {out}", quiet=quiet)
    if folder:
        page = repair_page(layers, done, title=path.name, city=city.name)
        note(f"Wrote {publish_text(Path(folder) / PAGE, page, overwrite=overwrite)}", quiet=quiet)
    if as_json:
        emit_json(_summary(path, out, done))
    else:
        _print(path, out, done)
    sys.exit(1 if (done.left["severity"] == "error").any() else 0)


def _of_file(path: "Path", city: "City") -> "tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]":
    """The layers of a GeoPackage that the City's schema knows, and the others, which are handed on as they are."""
    from citygis.errors import ReadError
    from citygis.gpkg import read_geopackage

    known, others = layers_of_file(path, city)
    if EDITS in others:
        raise ReadError(f"{path} holds the log of a repair already. Repair the file that it was made from, or take it back first.")
    return {name: read_geopackage(path, name) for name in known}, {name: read_geopackage(path, name) for name in others}


def _standing(
    layers: "dict[str, pd.DataFrame]", city: "City", only: str | None, key: str | None, named: str | None
) -> "tuple[pd.DataFrame | None, int]":
    """The findings on the layers that nobody accepted, and how many were; None where there is no register."""
    from citygis.quality import validate
    from citygis.quality.exceptions import apply_exceptions

    register = register_of(named, city)
    if register is None:
        return None, 0
    findings = validate(layers, city=city, only=only, key=key)
    applied = apply_exceptions(findings, register, layers, city=city, key=key)
    return applied.left, len(applied.excused)


def _write(path: "Path", frames: "dict[str, pd.DataFrame]", city: "City", *, overwrite: bool) -> None:
    """A GeoPackage of frames: typed by the City's schema where they are its layers, by what they hold where they are as sent."""
    from citygis.gpkg import write_geopackage

    ours = all("global_id" in frame for name, frame in frames.items() if name in city.schema.layers)
    write_geopackage(path, frames, schema=city.schema if ours else None, overwrite=overwrite)


def _take_back(path: "Path", out: "Path", city: "City", *, overwrite: bool) -> None:
    from citygis.errors import ReadError
    from citygis.gpkg import layers_of, read_geopackage
    from citygis.repairs import undo

    listed = layers_of(path)
    there = {each.name: read_geopackage(path, each.name) for each in listed}
    for each in listed:  # such a table is read as single parts where it can be; each of its features was sent as it lies there
        if each.geometry_type in ("MULTIPOLYGON", "MULTILINESTRING"):
            there[each.name] = _as_multi(there[each.name])
    if EDITS not in there:
        raise ReadError(f"{path} has no log of a repair (layer {EDITS}); it has: {', '.join(there) or 'none'}.")
    edits = there.pop(EDITS)
    there.pop(LEFT, None)
    _write(out, undo(there, edits), city, overwrite=overwrite)
    click.echo(f"{len(edits):,} edits taken back. Written: {out}")


def _as_multi(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Every feature as a multi-part one, as a table of such holds it."""
    import geopandas as gpd
    import numpy as np
    import shapely

    shapes = np.asarray(frame.geometry.array, dtype=object).copy()
    for make, lone in ((shapely.multilinestrings, 1), (shapely.multipolygons, 3)):
        rows = np.flatnonzero(shapely.get_type_id(shapes) == lone)
        shapes[rows] = make(shapes[rows], indices=np.arange(len(rows)))
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def _operations(done: "Repair") -> list[tuple]:
    counts = done.edits.groupby("operation").agg(n=("row", "size"), features=("row", "nunique"), largest=("distance_ft", "max"))
    return [(name, int(row.n), int(row.features), float(row.largest)) for name, row in counts.iterrows()]


def _summary(path: "Path", out: str | None, done: "Repair") -> dict:
    from citygis.quality import records
    from citygis.repairs import moves

    names = ("operation", "vertices", "features", "largest_ft")
    edits = done.edits.drop(columns=["before", "after", "geometry"])
    left = records(done.left)
    for record, row in zip(left, plain_rows(done.left, ["because", "suggestion", "batch"]), strict=True):
        record.update(row)
    return {
        "file": str(path),
        "out": out,
        "operations": [dict(zip(names, row, strict=True)) for row in _operations(done)],
        "moves": plain_rows(moves(done.edits)),
        "mended": len(done.mended),
        "edits": plain_rows(edits),
        "left": left,
    }


def _print(path: "Path", out: str | None, done: "Repair") -> None:
    from citygis.repairs import moves

    planned = "done" if out else "plan"
    operations = _operations(done)
    if operations:
        table(operations, ["operation", "vertices", "features", "farthest ft"], title=f"{path.name}: {planned}")
    else:
        click.echo(f"{path.name}: nothing that a repair mends by itself.\n")
    counted = moves(done.edits)
    if len(counted):
        table(counted.itertuples(index=False, name=None), list(counted.columns), title="Moves by accuracy")
    counts = done.left.groupby(["code", "severity", "because"]).size().reset_index()
    if len(counts):
        rows = [(code, severity, int(n), because) for code, severity, because, n in counts.itertuples(index=False, name=None)]
        table(rows, ["code", "severity", "left", "because"], title="Left for a person")
    for words, n in done.left.dropna(subset="batch").groupby("suggestion").size().items():
        click.echo(f"Suggested, as one change for {n:,} findings: {words}")
    errors = int((done.left["severity"] == "error").sum())
    click.echo(f"{len(done.mended):,} findings mended, {len(done.left):,} left, {errors:,} of them errors")
    if not out:
        click.echo("Nothing was written: --out MENDED.gpkg does it.")
    else:
        click.echo(f"Written: {out}. To take it back: citygis repair --undo {out} --out AS_BEFORE.gpkg")
