"""`citygis diff`: what changed between two deliveries, or between the City's layer and a delivery."""

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from citygis.cli.load import reasons
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
from citygis.cli.results import plain_rows

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from citygis.changes import Changes, Standing
    from citygis.city import City
    from citygis.store import Batch
    from citygis.store.delivery import HeldLayer

REVIEW, SHEETS = "review.csv", "sheets"
SHOWN = 12
"""Changes of one kind that are printed."""


@click.command()
@click.argument("files", nargs=-1, type=click.Path(), metavar="[OLD] NEW")
@click.option("--key", "keys", multiple=True, metavar="FIELD", help="The field that names a feature; may be given several times.")
@click.option("--layer", metavar="NAME", help="The layer, where a file has several, and of the City's geodatabase.")
@city_option
@click.option("--tolerance", "tolerance_ft", type=float, default=0.01, show_default=True, metavar="FT", help="Less is noise.")
@click.option("--ignore", multiple=True, metavar="FIELD", help="A field not to compare; may be given several times.")
@click.option("--review", type=click.Path(), metavar="FILE.csv", help="The review: made where it is not there, read where it is.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Write changes.gpkg, changes.csv, redline.html and the review.")
@click.option("--sheets", "draws", is_flag=True, help="With --out: also a PDF sheet for each group of changes.")
@click.option("--allow-retired", type=int, metavar="N", help="So many features are gone indeed: the delivery is not cut off.")
@click.option("--apply", "applies", is_flag=True, help="Take what the review accepts into the geodatabase, as one batch.")
@click.option("--effective", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="With --apply: from when it holds in law.")
@click.option("--accept", multiple=True, callback=reasons, metavar="CODE=reason", help="With --apply: as for citygis load.")
@json_option
@quiet_option
@overwrite_option
def command(
    files: tuple[str, ...],
    keys: tuple[str, ...],
    layer: str | None,
    city_folder: str | None,
    tolerance_ft: float,
    ignore: tuple[str, ...],
    review: str | None,
    out: str | None,
    draws: bool,
    allow_retired: int | None,
    applies: bool,
    effective: "datetime.datetime | None",
    accept: dict[str, str],
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Tell what changed between two deliveries of one layer: splits, mergers, other numbers, lines that moved, values.

    A shift of the whole layer is told first and taken away. Rings begun elsewhere, the last bits of a float and vertices on
    straight lines are no change. With --city and one file, OLD is the layer of the City's geodatabase; its own columns are
    not compared, and the addresses, easements and other features that a change concerns are listed. The review has a cell
    for a decision on each change (accept or reject); one that is there already is read and left as it is.

    Exit code 1: features that nobody can tell apart, a delivery that looks cut off, or a review that does not fit; 3: refused.

    \b
    Example:
      citygis diff county_2026q3.zip county_2026q4.zip --key AIN --out changes
      citygis diff parcels.gpkg --city riverbend --review review.csv --out changes --sheets
      citygis diff parcels.gpkg --city riverbend --review review.csv --apply --effective 2026-07-01
    """
    from pathlib import Path

    from citygis.changes import city_owned, compare

    paths = [Path(file) for file in files]
    from_store = len(paths) == 1 and city_folder is not None
    if len(paths) != 2 and not from_store:
        raise click.UsageError("Name two files, OLD and NEW; or one, NEW, with --city DIR.")
    if applies and not (from_store and review):
        raise click.UsageError("--apply goes with --city DIR, one file and --review FILE.csv.")
    if (effective or accept) and not applies:
        raise click.UsageError("--effective and --accept go with --apply.")
    if draws and not out:
        raise click.UsageError("--sheets goes with --out DIR.")
    if not 0 < tolerance_ft < float("inf"):
        raise click.BadParameter(f"{tolerance_ft:g} must be more than 0, and a number.", param_hint="--tolerance")
    where = Path(out) if out else None
    review_path = Path(review) if review else where / REVIEW if where else None
    if review_path is not None and review_path.suffix.lower() != ".csv":
        raise click.BadParameter(f"{review_path} must be named .csv.", param_hint="--review")
    if where is not None:
        _require_free(where, overwrite=overwrite)
    city = open_city_option(city_folder)
    held = None
    if from_store:
        layer = layer or "parcel"
        held = _stored(city, layer)
        old = held.layer
        new = _delivered(paths[0], layer)
        ignore = (*ignore, *city_owned(layer, city).columns)
        names = list(keys) or list(city.schema.layer(layer).key)
        title = f"{layer}: {paths[0].name} against the geodatabase"
    else:
        old, new = (_read(path, layer) for path in paths)
        names, title = list(keys), f"{paths[1].name} against {paths[0].name}"
        if not names:
            raise click.UsageError(f"Name the field that tells features apart: --key. There are: {_columns(old)}.")
    for name, side in ((name, side) for name in names for side in (old, new)):
        if name not in side:
            raise click.BadParameter(f"{name!r} must be a field of both; there are: {_columns(side)}.", param_hint="--key")
    note(f"Comparing {len(old):,} features with {len(new):,} by {', '.join(names)}", quiet=quiet)
    if not from_store:
        old, new = _measurable(old, new, city if city_folder else None, quiet=quiet)
    if draws and not old.crs.equals(city.crs, ignore_axis_order=True):
        raise click.UsageError(f"--sheets draws in the City's system, {city.crs.name}; the files are in {old.crs.name}.")
    changes = compare(old, new, key=names, tolerance_ft=tolerance_ft, ignore=ignore)
    done = _Diff(changes, _alerts(changes, old, new, held.beside if held else {}), *_reviewed(changes, review_path))
    batch = None
    if applies:
        day = effective.date() if effective else None
        batch = _applied(done, held, new, paths[0], layer, city, day, allow_retired, accept)
    written = _write(done, where, review_path, old, new, title=title, city=city.name if city_folder else "", overwrite=overwrite)
    if draws:
        written.append(_draw(changes, old, new, names, city, where / SHEETS, overwrite=overwrite))
    for path in written:
        note(f"Wrote {path}", quiet=quiet)
    if as_json:
        emit_json(_summary(done, title, [str(path) for path in written], batch))
    else:
        _print(done, title)
        if batch is not None:
            click.echo(_outcome(batch, city))
    cut_off = changes.truncated is not None and allow_retired != changes.counts["retired"]
    if cut_off:
        note(f"{changes.truncated} Where they are gone indeed: --allow-retired {changes.counts['retired']}")
    misfit = done.standing is not None and (done.standing.unknown or done.standing.outdated)
    sys.exit(1 if cut_off or misfit or changes.counts["ambiguous"] else 0)


class _Diff(NamedTuple):
    """What was found, what it concerns, and what a review that was there says of it."""

    changes: "Changes"
    alerts: "pd.DataFrame"
    review: "pd.DataFrame | None"
    standing: "Standing | None"


def _read(path: "Path", layer: str | None) -> "gpd.GeoDataFrame":
    """A delivery as sent; a layer of a GeoPackage by its name, else the only one that there is."""
    from citygis.gpkg import layers_of
    from citygis.readers import read

    several = path.suffix.lower() == ".gpkg" and path.is_file() and layer not in {each.name for each in layers_of(path)}
    return read(path, None if several or path.suffix.lower() not in (".gpkg", ".gdb", ".zip") else layer)


def _delivered(path: "Path", layer: str) -> "gpd.GeoDataFrame":
    """A delivery that was converted, by the name of its City layer; else as sent."""
    from citygis.gpkg import layers_of, read_geopackage

    if path.suffix.lower() == ".gpkg" and path.is_file() and layer in {each.name for each in layers_of(path)}:
        return read_geopackage(path, layer)
    return _read(path, layer)


def _stored(city: "City", layer: str) -> "HeldLayer":
    from citygis.store import store
    from citygis.store.delivery import held_layer

    with store(city) as db:
        return held_layer(db, layer)


def _applied(
    done: "_Diff",
    held: "HeldLayer",
    new: "gpd.GeoDataFrame",
    path: "Path",
    layer: str,
    city: "City",
    effective: "datetime.date | None",
    allow_retired: int | None,
    accept: dict[str, str],
) -> "Batch":
    """What the review accepts, taken into the geodatabase."""
    from citygis.errors import ReadError, SchemaError
    from citygis.store import store
    from citygis.store.delivery import decided_change, in_the_way

    if done.review is None:
        raise ReadError("There is no review yet. Make one without --apply, and fill in its decisions.")
    missing = [name for name in ("global_id", "source_id") if name not in new]
    if missing or path.suffix.lower() != ".gpkg":
        raise SchemaError(f"{path} is no converted layer. Make it one: citygis convert {path.name} --to {layer} --out OUT.gpkg")
    with store(city) as db:
        change = decided_change(
            db,
            done.changes,
            held,
            new,
            done.review,
            layer=layer,
            path=path,
            effective=effective,
            allow_truncated=allow_retired,
        )
        if change.layers[layer].is_empty:
            raise ReadError(
                "The review accepts nothing that is still so. Fill in its decisions (accept or reject) and read it again."
            )
        return db.apply(change, accept=accept, findings=in_the_way(db, change, [path]).findings)


def _measurable(
    old: "gpd.GeoDataFrame", new: "gpd.GeoDataFrame", city: "City | None", *, quiet: bool
) -> "tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]":
    """Two deliveries in feet: where both are in one other system, in the City's, for the comparison only."""
    from citygis.errors import CRSError
    from citygis.units import METRE, unit_of

    if old.crs is None or new.crs is None:
        raise CRSError(
            "A delivery does not say what its coordinates are in. Convert it first: citygis convert FILE --source-crs CRS"
        )
    if not old.crs.equals(new.crs, ignore_axis_order=True) or (old.crs.is_projected and unit_of(old.crs) is not METRE):
        return old, new
    if city is None:
        raise CRSError(
            f"The deliveries are in {old.crs.name}, which is not in feet. Name the City whose system to measure in: --city DIR"
        )
    note(f"Both are in {old.crs.name}; measured in {city.crs.name}.", quiet=quiet)
    return old.to_crs(city.crs), new.to_crs(city.crs)


def _alerts(
    changes: "Changes", old: "gpd.GeoDataFrame", new: "gpd.GeoDataFrame", beside: "dict[str, pd.DataFrame]"
) -> "pd.DataFrame":
    from citygis.changes import alerts

    return alerts(changes, old, new, beside)


def _reviewed(changes: "Changes", path: "Path | None") -> "tuple[pd.DataFrame | None, Standing | None]":
    from citygis.changes import read_review, standing

    if path is None or not path.exists():
        return None, None
    review = read_review(path)
    return review, standing(changes, review)


def _require_free(folder: "Path", *, overwrite: bool) -> None:
    from citygis.changes.record import LIST, PAGE, TABLES
    from citygis.publish import require_free

    for name in (TABLES, LIST, PAGE):
        require_free(folder / name, overwrite=overwrite)


def _write(
    done: _Diff,
    folder: "Path | None",
    review_path: "Path | None",
    old: "gpd.GeoDataFrame",
    new: "gpd.GeoDataFrame",
    *,
    title: str,
    city: str,
    overwrite: bool,
) -> "list[Path]":
    """The files, each whole or not at all. A review that is there already stays as it is."""
    from citygis.changes import write_review
    from citygis.changes.record import write_changes

    written = []
    if folder is not None:
        written += write_changes(folder, done.changes, old, new, done.alerts, title=title, city=city, overwrite=overwrite)
    if review_path is not None and done.review is None:
        written.append(write_review(done.changes, review_path))
    return written


def _draw(
    changes: "Changes",
    old: "gpd.GeoDataFrame",
    new: "gpd.GeoDataFrame",
    names: list[str],
    city: "City",
    folder: "Path",
    *,
    overwrite: bool,
) -> "Path":
    """The sheets, in a folder of their own; with --overwrite those of an earlier comparison go."""
    from citygis.sheets import change_sheets

    folder.mkdir(parents=True, exist_ok=True)
    if overwrite:
        for path in folder.glob("group_*.pdf"):
            path.unlink()
    for sheet in change_sheets(changes, old, new, key=names, city=city):
        sheet.figure.save(folder / f"group_{sheet.cluster:03d}.pdf", overwrite=overwrite)
    return folder


def _columns(frame: "pd.DataFrame") -> str:
    return ", ".join(map(str, frame.columns.drop(frame.columns.intersection(["geometry", "source_id", "source_ref"]))))


def _kinds(changes: "Changes") -> list[tuple[str, int]]:
    return [(kind, count) for kind, count in changes.counts.items() if count or kind == "unchanged"]


def _outcome(batch: "Batch", city: "City") -> str:
    said = "; ".join(
        f"{name}: {counts.added:,} added, {counts.updated:,} updated, {counts.retired:,} retired"
        for name, counts in batch.counts.items()
    )
    if batch.change_id is None:
        return "Nothing to change: the geodatabase says all this already."
    return f"Taken into the geodatabase of {city.name} as change {batch.change_id}. {said}."


def _summary(done: _Diff, title: str, written: list[str], batch: "Batch | None") -> dict:
    changes = done.changes
    shift = changes.shift
    return {
        "title": title,
        "old_features": changes.old_rows,
        "new_features": changes.new_rows,
        "shift": {**shift._asdict(), "said": str(shift)} if shift is not None else None,
        "truncated": changes.truncated,
        "counts": changes.counts,
        "changes": plain_rows(changes.changes),
        "values": plain_rows(changes.values),
        "links": plain_rows(changes.links),
        "alerts": plain_rows(done.alerts),
        "review": done.standing._asdict() if done.standing is not None else None,
        "written": written,
        "batch": {"change_id": batch.change_id, "layers": {name: counts._asdict() for name, counts in batch.counts.items()}}
        if batch is not None
        else None,
    }


def _print(done: _Diff, title: str) -> None:
    changes = done.changes
    if changes.shift is not None:
        click.echo(f"The whole layer moved: {changes.shift}. The rest is compared without that.")
    table(_kinds(changes), ["kind", "features" if not len(changes.changes) else "count"], title=title)
    rows = []
    for kind, some in changes.changes.groupby("kind", sort=False):
        rows += [(kind, row.old, row.new, row.message) for row in some.head(SHOWN).itertuples()]
        if len(some) > SHOWN:
            rows.append((kind, None, None, f"and {len(some) - SHOWN:,} more (all with --json or --out)"))
    if rows:
        table(rows, ["kind", "old", "new", "what happened"], title="Changes")
    if len(done.alerts):
        counted = done.alerts.groupby(["layer", "how"]).size()
        table(
            [(*at, int(n)) for at, n in counted.items()], ["layer", "how", "features"], title="Features of other layers concerned"
        )
    if done.standing is not None:
        said = done.standing
        click.echo(
            f"Review: {len(said.accepted):,} accepted, {len(said.rejected):,} rejected, {len(said.undecided):,} not decided."
        )
        if said.outdated:
            click.echo(
                f"{len(said.outdated):,} decided changes say something else now and must be decided again: {_few(said.outdated)}"
            )
        if said.unknown:
            click.echo(f"{len(said.unknown):,} decisions are about no change of this comparison: {_few(said.unknown)}")


def _few(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:SHOWN]) + (" ..." if len(ids) > SHOWN else "")
