"""`citygis partition`: files of one layer cut into parts that fit into memory."""

from typing import TYPE_CHECKING

import click

from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, quiet_option, table

if TYPE_CHECKING:
    from citygis.scale import Dataset

PARTS_SHOWN = 20
"""Parts in the table; ``_partitions.json`` has the others."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="The folder to make; it must not be there.")
@click.option("--rows", type=click.IntRange(min=1), default=100_000, show_default=True, help="The most rows to a part.")
@click.option("--layer", "within", metavar="NAME", help="The layer to take, where a GeoPackage has several.")
@click.option("--key", metavar="FIELD", help="The field that names features; kept with the dataset.")
@city_option
@json_option
@quiet_option
def command(
    files: tuple[str, ...],
    out: str,
    rows: int,
    within: str | None,
    key: str | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Cut FILES of one layer, however large, into parts of neighbours.

    FILES are GeoParquet files and GeoPackages in one coordinate system, such as one for each county. The folder has a GeoParquet
    file for each part and `_partitions.json`; it appears whole or not at all. Rows in = rows out: those without a place (no
    geometry, or coordinates that are not numbers) get parts of their own. With --city it is said when the parts are not in the
    City's system.

    \b
    Example:
      citygis partition parcels.gpkg --layer parcel --out parcels_parts
      citygis partition counties/*.parquet --out state --rows 50000 --key apn
      citygis validate parcels_parts --as parcel --engine dask
    """
    from citygis.scale import repartition

    city = open_city_option(city_folder)
    dataset = repartition(files, out, rows=rows, key=key, layer=within)
    nowhere = sum(part.rows for part in dataset.parts if part.bounds is None)
    if nowhere:
        note(f"{nowhere:,} rows have no place; they are in parts of their own, which have no bounds.", quiet=quiet)
    if city_folder and not dataset.crs.equals(city.crs, ignore_axis_order=True):
        note(f"The parts are in {dataset.crs.name}, not in the City's {city.crs.name}.", quiet=quiet)
    if as_json:
        parts = [part.model_dump() for part in dataset.parts]
        emit_json({"path": str(dataset.path), "rows": len(dataset), "without_place": nowhere, "parts": parts})
    else:
        _print(dataset, nowhere)


def _print(dataset: "Dataset", nowhere: int) -> None:
    shown = dataset.parts[:PARTS_SHOWN]
    more = f" (the first {PARTS_SHOWN} of {len(dataset.parts):,})" if len(dataset.parts) > PARTS_SHOWN else ""
    rows = [(part.file, part.rows, *(part.bounds or (None,) * 4)) for part in shown]
    table(rows, ["part", "rows", "west", "south", "east", "north"], title=f"{dataset.path}: {dataset.crs.name}{more}")
    click.echo(f"{len(dataset):,} rows in {len(dataset.parts):,} parts, {nowhere:,} of them without a place")
