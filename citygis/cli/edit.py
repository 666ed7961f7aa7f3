"""`citygis edit`: parcels split, merged, adjusted, renumbered, and streets vacated, in the City's geodatabase."""

import datetime
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citygis.cli.load import reasons
from citygis.cli.options import city_option, emit_json, json_option, note, open_city_option, quiet_option, table
from citygis.cli.results import place_of, plain_rows, print_findings

if TYPE_CHECKING:
    import pandas as pd
    import shapely

    from citygis.city import City
    from citygis.operations import Operation

Plan = Callable[..., "Operation"]

_SHOWN = 5


def _place(text: str) -> tuple[float, float]:
    east, _comma, north = text.partition(",")
    try:
        return float(east), float(north)
    except ValueError:
        raise click.BadParameter(f"{text!r} must be EASTING,NORTHING in feet, like 6336840.5,2124300.25.") from None


def _paths(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...] | str | None):
    """Lines as lists of places, of ``--line "E,N E,N ..."``."""
    given = [values] if isinstance(values, str) else list(values or ())
    paths = [[_place(text) for text in value.split()] for value in given]
    for value, path in zip(given, paths, strict=True):
        if len(path) < 2:
            raise click.BadParameter(f'{value!r} must be two places at least: "EASTING,NORTHING EASTING,NORTHING".')
    return paths


def _said(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The values by parcel and field of ``--set APN:FIELD=VALUE``."""
    said: dict[str, dict[str, str]] = {}
    for value in values:
        place, equals, text = value.partition("=")
        apn, colon, field = place.rpartition(":")
        if not (equals and colon and apn.strip() and field.strip()):
            raise click.BadParameter(
                f"{value!r} must be APN:FIELD=VALUE, like 191-010-91:use_code=0110 (an empty VALUE leaves it empty)."
            )
        said.setdefault(apn.strip(), {})[field.strip()] = text.strip()
    return said


def _pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Old and new numbers of ``OLD=NEW``."""
    pairs = {}
    for value in values:
        old, _equals, new = value.partition("=")
        if not (old.strip() and new.strip()):
            raise click.BadParameter(f"{value!r} must be OLD=NEW, like 191-010-11=191-010-94.")
        if pairs.setdefault(old.strip(), new.strip()) != new.strip():
            raise click.BadParameter(f"{old.strip()} is given two numbers. Say one.")
    return pairs


def _day(ctx: click.Context, parameter: click.Parameter, value: str | None) -> datetime.date | None:
    try:
        return None if value is None else datetime.date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} must be a day, like 2026-07-01.") from None


_COMMON = (
    city_option,
    click.option(
        "--record", required=True, metavar="DOC", help="The recorded document: its file, or id or number in source_document."
    ),
    click.option(
        "--doc-type", metavar="TYPE", help="Kind of document, where --record is a file: PARCEL_MAP, LLA, MERGER, VACATION ..."
    ),
    click.option("--ref", metavar="TEXT", help='The entity in the document: "EXHIBIT B".'),
    click.option("--effective", callback=_day, metavar="DATE", help="First day it holds in law."),
    click.option("--roll-year", type=int, metavar="YEAR", help="Roll year of new numbers."),
    click.option(
        "--set", "values", multiple=True, callback=_said, metavar="APN:FIELD=VALUE", help="What a person says of a parcel."
    ),
    click.option(
        "--accept", multiple=True, callback=reasons, metavar="CODE=reason", help="Apply it in spite of these new findings."
    ),
    click.option("--message", metavar="TEXT", help="What it is for; kept with the change."),
    click.option("--apply", "do_apply", is_flag=True, help="Apply the plan. Without it the plan is shown, and nothing is changed."),
    json_option,
    quiet_option,
)


def _operation(function: Callable) -> Callable:
    """
    A subcommand: the function makes the operation from its own options and `layers`, `city`, `record`, `used`, `values`.

    The layers are read, the plan is shown, and with --apply the change is made.
    """

    @wraps(function)
    def run(
        city_folder, record, doc_type, ref, effective, roll_year, values, accept, message, do_apply, as_json, quiet, **options
    ) -> None:
        from citygis.operations import refusals, require_sound
        from citygis.store import store

        city = open_city_option(city_folder)
        with store(city) as db:
            layers = {each.name: db.read(each.name) for each in db.layers() if each.rows}
            used = set(db.history_rows("parcel")["apn"].dropna())
            document, said = _document(record, doc_type, layers, city)
            if document is not None:
                held = layers.get("source_document")
                layers["source_document"] = document if held is None else _below(held, document)
            from citygis.operations import Record

            context = {"record": Record(said, effective, roll_year, ref), "beside": layers, "city": city, "values": values}
            try:
                done = function(layers=layers, used=used, context=context, **options)
            except ValueError as error:
                raise _refused(error) from error
            change = done.change if message is None else done.change._replace(message=message)
            if document is not None:
                change = _with_document(change, document)
            done = done._replace(change=change)
            stands, batch = refusals(done, accept), None
            if do_apply:
                require_sound(done, accept)
                batch = db.apply(change, accept=accept, findings=done.findings)
        if as_json:
            emit_json(_summary(done, stands, batch, city))
        else:
            _print(done, stands, batch, quiet=quiet)
        sys.exit(1 if stands else 0)

    for option in reversed(_COMMON):
        run = option(run)
    return run


def _refused(error: ValueError) -> Exception:
    from citygis.errors import CityGISError, StoreError

    return error if isinstance(error, CityGISError) else StoreError(f"{error} Nothing was changed.")


def _below(held: "pd.DataFrame", document: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    return pd.concat([held, document[held.columns]], ignore_index=True)


def _document(named: str, doc_type: str | None, layers: dict, city: "City") -> "tuple[pd.DataFrame | None, str]":
    """The row of a document that the City has not yet (None if it has it), and its id."""
    from citygis.errors import ReadError
    from citygis.readers import sha256_of, source_document
    from citygis.schema import source_id_of

    held = layers.get("source_document")
    if held is not None:
        rows = held[held["doc_id"].eq(named) | held["doc_number"].eq(named)]
        if len(rows) == 1:
            return None, str(rows["doc_id"].iloc[0])
        if len(rows):
            raise ReadError(f"{len(rows)} documents have the number {named}. Say the doc_id of one: {', '.join(rows['doc_id'])}")
    if not Path(named).is_file():
        raise ReadError(f"{named} is neither a file nor the id or number of a source document of {city.name}.")
    doc_id = source_id_of(sha256_of(named))
    if held is not None and doc_id in set(held["doc_id"]):
        return None, doc_id
    if doc_type is None:
        raise click.UsageError("Say what the file is: --doc-type PARCEL_MAP, LLA, MERGER, DEED, VACATION ...")
    kinds = city.schema.layer("source_document").field("doc_type").domain
    if doc_type not in kinds:
        raise click.BadParameter(f"{doc_type!r} must be one of: {', '.join(kinds)}.", param_hint="--doc-type")
    return source_document(named, unit="FT_US", doc_type=doc_type), doc_id


def _with_document(change, document: "pd.DataFrame"):
    import pandas as pd

    from citygis.changes import LayerChange

    row = LayerChange(document, document.iloc[:0], pd.DataFrame({"doc_id": pd.Series(dtype="str")}))
    return change._replace(layers={"source_document": row, **change.layers})


def _shapes(lines: list, file: str | None, within: str | None, city: "City") -> "list[shapely.Geometry]":
    """The lines of ``--line``, or the features of ``--from FILE``, which must be in the City's system."""
    import shapely

    from citygis.errors import CRSError, ReadError
    from citygis.readers import read

    if bool(lines) == bool(file):
        raise click.UsageError("Draw it with --line, or name a file with --from, and not both.")
    if lines:
        return [shapely.LineString(path) for path in lines]
    frame = read(Path(file), within)
    if frame.crs is None or not frame.crs.equals(city.crs, ignore_axis_order=True):
        stated = frame.crs.name if frame.crs else "no CRS"
        raise CRSError(f"{file} is in {stated}; the City's system is {city.crs.name}. Convert it first: citygis convert.")
    shapes = [shapely.force_2d(shape) for shape in frame.geometry]
    if not shapes or any(shape is None or shape.is_empty for shape in shapes):
        raise ReadError(f"{file} has a feature without geometry, or none. Draw it anew.")
    return shapes


_line_option = click.option("--line", "lines", multiple=True, callback=_paths, metavar='"E,N E,N ..."', help="A line in City feet.")
_from_option = click.option(
    "--from", "file", type=click.Path(), metavar="FILE", help="Lines or polygons of a file, in the City's system."
)
_layer_option = click.option("--layer", "within", metavar="NAME", help="The layer of --from, where it has several.")


@click.group()
def command() -> None:
    """
    Operations of the office on parcels. Each shows its plan: areas before and after, lineage, what is carried to the new parcels,
    what is linked anew, and what the rules would newly find. With --apply the plan is one change of the City's geodatabase.

    Nothing is applied while a question is open (answer with --set) or a new finding stands that is not accepted with a reason. Exit
    code 1: shown, and something stands in the way; 3: refused, nothing changed.

    \b
    Example:
      citygis edit split 191-010-11 --line "6336811,2124296 6336909,2124270" --new 191-010-91 --new 191-010-92 \\
          --record pm_15-204.pdf --doc-type PARCEL_MAP --effective 2026-07-01 --city riverbend
      citygis edit merge 191-010-11 191-010-12 --new 191-010-93 --record 2026-004411 --city riverbend --apply
    """


@command.command()
@click.argument("apn")
@_line_option
@_from_option
@_layer_option
@click.option(
    "--new", "numbers", multiple=True, required=True, metavar="APN[@E,N]", help="A new number, with a place in its parcel."
)
@_operation
def split(apn, lines, file, within, numbers, *, layers, used, context) -> "Operation":
    """
    Divide parcel APN by lines, or into the polygons of a file.

    The numbers go from west to east, or from north to south, whichever way the new parcels lie farther apart; or to the parcel in
    which the place after @ lies; or to the polygons in their order.
    """
    from citygis import operations

    by = _shapes(lines, file, within, context["city"])
    placed = [number.partition("@") for number in numbers]
    if any(at for _, at, _ in placed) and not all(at for _, at, _ in placed):
        raise click.UsageError("Give every new number its place (APN@E,N), or none.")
    new = {apn: _place(place) for apn, _, place in placed} if placed[0][1] else list(numbers)
    return operations.split(_parcels(layers), apn, by, new, used=used, **_without_parcels(context))


@command.command()
@click.argument("apns", nargs=-1, required=True, metavar="APN...")
@click.option("--new", "number", required=True, metavar="APN", help="The new number.")
@_operation
def merge(apns, number, *, layers, used, context) -> "Operation":
    """Join contiguous parcels into one."""
    from citygis import operations

    return operations.merge(_parcels(layers), list(apns), number, used=used, **_without_parcels(context))


@command.command()
@click.argument("apns", nargs=-1, required=True, metavar="APN...")
@_line_option
@_from_option
@_layer_option
@click.option(
    "--new", "numbers", multiple=True, callback=_pairs, metavar="OLD=NEW", help="New numbers, where the county gives them."
)
@_operation
def adjust(apns, lines, file, within, numbers, *, layers, used, context) -> "Operation":
    """Lay the lines between two to four parcels anew (lot line adjustment)."""
    from citygis import operations

    by = _shapes(lines, file, within, context["city"])
    more = {"new_apns": numbers or None, "used": used, **_without_parcels(context)}
    return operations.adjust_line(_parcels(layers), list(apns), by, **more)


@command.command()
@click.argument("row_id")
@click.option("--to", multiple=True, metavar="APN", help="Who takes the ground; without it each side to the centre line.")
@click.option("--part", "file", type=click.Path(), metavar="FILE", help="A polygon: the part that is vacated.")
@_layer_option
@click.option("--centre-line", "centre", callback=_paths, metavar='"E,N E,N ..."', help="The centre line of the record.")
@click.option("--reserve", metavar="ID:PURPOSE", help="An easement kept over the ground, like E-0901:PUE.")
@_operation
def vacate(row_id, to, file, within, centre, reserve, *, layers, used, context) -> "Operation":
    """Give up right of way ROW_ID: its ground goes to the parcels beside it, each to the centre line."""
    import shapely

    from citygis import operations

    kept = None
    if reserve:
        easement, _colon, purpose = reserve.partition(":")
        if not (easement and purpose):
            raise click.BadParameter(f"{reserve!r} must be ID:PURPOSE, like E-0901:PUE.", param_hint="--reserve")
        kept = {"easement_id": easement, "purpose": purpose}
    more = {"to": list(to) or "halves", "reserve": kept, **_without_parcels(context)}
    if file:
        more["part"] = shapely.union_all(_shapes([], file, within, context["city"]))
    if centre:
        more["centre_line"] = shapely.LineString(centre[0])
    return operations.vacate(_layer(layers, "right_of_way"), row_id, _parcels(layers), **more)


@command.command()
@click.argument("pairs", nargs=-1, required=True, callback=_pairs, metavar="OLD=NEW...")
@_operation
def renumber(pairs, *, layers, used, context) -> "Operation":
    """Give parcels other numbers."""
    from citygis import operations

    return operations.renumber(_parcels(layers), pairs, used=used, **_without_parcels(context))


def _parcels(layers: dict) -> "pd.DataFrame":
    return _layer(layers, "parcel")


def _layer(layers: dict, name: str) -> "pd.DataFrame":
    from citygis.errors import StoreError

    if name not in layers:
        raise StoreError(f"The City's geodatabase has no features in layer {name}. Load them first: citygis load.")
    return layers[name]


def _without_parcels(context: dict) -> dict:
    return {**context, "beside": {name: frame for name, frame in context["beside"].items() if name != "parcel"}}


def _summary(done: "Operation", stands: list[str], batch: Any, city: "City") -> dict:
    from citygis.quality import records

    return {
        "message": done.change.message,
        "effective": done.change.effective,
        "store": place_of(city),
        "applied": batch is not None,
        "change_id": None if batch is None else batch.change_id,
        "areas": plain_rows(done.areas),
        "residual_sqft": done.residual_sqft,
        "lineage": plain_rows(done.change.lineage),
        "carried": plain_rows(done.carried.astype({"value": object})),
        "links": plain_rows(done.links),
        "layers": {
            name: {"added": len(each.added), "updated": len(each.updated), "retired": len(each.retired)}
            for name, each in done.change.layers.items()
        },
        "findings": records(done.findings),
        "stands_in_the_way": stands,
    }


def _print(done: "Operation", stands: list[str], batch: Any, *, quiet: bool) -> None:
    plain = plain_rows(done.areas)
    columns = ["layer", "feature", "what", "before sq ft", "after sq ft"]
    table([tuple(row.values()) for row in plain], columns, title=done.change.message)
    click.echo(f"Ground after less ground before: {done.residual_sqft:+.6f} sq ft")
    counted = (
        done.carried.groupby(["said", "field"], sort=True).agg(parcels=("apn", "nunique"), value=("value", "first")).reset_index()
    )
    rows = [(row.said, row.field, int(row.parcels), str(row.value)) for row in counted.itertuples(index=False)]
    table(rows, ["carried", "field", "parcels", "value"], title="Values that the City holds")
    rows = []
    for _, same in done.links.groupby(["layer", "remark"], sort=True):
        rows += [tuple(each.values()) for each in plain_rows(same.head(_SHOWN))]
        if len(same) > _SHOWN:
            rows.append((same["layer"].iloc[0], f"and {len(same) - _SHOWN:,} more (all with --json)", None, None, None, None))
    table(rows, ["layer", "feature", "was on", "is on", "share", "remark"], title="What stands there")
    changed = [(name, len(each.added), len(each.updated), len(each.retired)) for name, each in done.change.layers.items()]
    table(changed, ["layer", "added", "updated", "retired"], title="The change")
    if len(done.findings):
        print_findings(plain_rows(done.findings, ["code", "rule", "severity", "feature", "message", "remedy"]), shown=_SHOWN)
    if batch is not None:
        click.echo(f"Applied as change {batch.change_id}.")
        return
    if stands:
        click.echo("In the way:\n" + "\n".join(f"  {line}" for line in stands))
    note("Nothing was changed. To apply it: --apply", quiet=quiet)
