"""`citygis tract`: a recorded map into the City's fabric."""

import sys
from typing import TYPE_CHECKING

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
from citygis.cli.results import FINDING, counts, given, place_of, plain_rows, print_findings, print_outcome, require_geopackage_name

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    import pandas as pd

    from citygis.city import City
    from citygis.store import Batch
    from citygis.tracts import TractWork

UNITS = ("ft_us", "ft", "m")


@click.command()
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--tract", "number", required=True, metavar="NUMBER", help="The number of the map: 4012, or PM 15-204.")
@click.option("--frame", metavar="FRAME", help='What State Plane coordinates of the file are in: "NAD83(2011)@2017.50".')
@click.option(
    "--ties",
    type=click.Path(),
    metavar="FILE.csv",
    help="Ties of a map in coordinates of its own: name, easting, northing, control.",
)
@click.option(
    "--profile",
    metavar="NAME",
    help="The layer profile of a drawing: the City's (cad_profiles/NAME.toml) or a packaged one; all are tried without it.",
)
@click.option("--unit", type=click.Choice(UNITS), help="The unit of the file, as its note states it.")
@click.option(
    "--snap-ft", type=float, default=0.10, show_default=True, metavar="FEET", help="How far a corner may be from the City's."
)
@click.option("--retire", is_flag=True, help="Retire the parcels that the tract covers.")
@click.option(
    "--out", type=click.Path(dir_okay=False), metavar="FILE.gpkg", help="Write a file for `citygis load` instead of loading."
)
@click.option("--accept", multiple=True, callback=reasons, metavar="CODE=reason", help="Load in spite of these errors.")
@click.option("--message", metavar="TEXT", help="What the load is for; kept with it.")
@city_option
@json_option
@quiet_option
@overwrite_option
def command(
    file: str,
    number: str,
    frame: str | None,
    ties: str | None,
    profile: str | None,
    unit: str | None,
    snap_ft: float,
    retire: bool,
    out: str | None,
    accept: dict[str, str],
    message: str | None,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """
    Bring a recorded map into the City's fabric: lots, streets, courses and corners, laid to the neighbours.

    FILE is DXF, LandXML, or a text of line and curve tables with a list of courses for each lot. What its coordinates are in is
    asked, never assumed: --frame for State Plane, --ties for a drawing in coordinates of its own. Outer corners within --snap-ft
    of the City's take its places; how far each moved is told. Parcels under the tract are retired with --retire, and stand against
    it without. Exit code 1 when a finding is an error or a figure was kept out, 3 when nothing was written.

    \b
    Example:
      citygis tract tract_4012.xml --city riverbend --tract 4012 --frame "NAD83(2011)@2010.00" --out tract_4012.gpkg
      citygis tract tract_4012.dxf --city riverbend --tract 4012 --unit ft_us --ties ties.csv --retire
    """
    from pathlib import Path

    from citygis.errors import SettingsError
    from citygis.findings import join_findings
    from citygis.publish import require_free
    from citygis.tracts import tract_work
    from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT

    out_path = Path(out) if out else None
    if out_path is not None:
        require_geopackage_name(out_path)
        require_free(out_path, overwrite=overwrite)
    city = open_city_option(city_folder)
    if out_path is None and city.folder is None:
        raise SettingsError("There is no City folder to load into. Name one with --city DIR, or write a file with --out FILE.gpkg.")
    held = _held(city)
    units = dict(zip(UNITS, (US_SURVEY_FOOT, INTERNATIONAL_FOOT, METRE), strict=True))
    try:
        work = tract_work(
            file,
            number,
            city=city,
            held=held,
            frame=frame,
            ties=ties,
            profile=profile,
            unit=units.get(unit),
            snap_ft=snap_ft,
            retire=retire,
        )
    except ValueError as error:
        if not str(error).startswith("Invalid "):
            raise
        raise click.UsageError(str(error)) from None
    checked = [_checked(work, held, city), *_consequences(work, city)]
    work = work._replace(findings=join_findings([work.findings, *checked], crs=city.crs))
    note(f"Read {len(work.lots):,} figures of {work.plat.name}. City: {city.name}, {city.frame}.", quiet=quiet)
    batch = _write(work, out_path, overwrite) if out_path else _load(work, city, accept, message)
    summary = _summary(work, number, city, out_path, batch)
    if as_json:
        emit_json(summary)
    else:
        _print(summary)
    has_errors = (work.findings["severity"] == "error").any() and batch is None
    sys.exit(1 if len(work.quarantine) or has_errors else 0)


def _held(city: "City") -> "dict[str, pd.DataFrame]":
    """What the City's geodatabase has of the layers that a tract is held against."""
    from citygis.store import database_of, store
    from citygis.tracts import HELD

    if city.folder is None or not database_of(city).exists():
        return {}
    with store(city) as db:
        return {name: db.read(name) for name in HELD}


def _checked(work: "TractWork", held: "dict[str, pd.DataFrame]", city: "City") -> "gpd.GeoDataFrame":
    """What validation says of the tract among its neighbours; of these alone nothing is told."""
    import pandas as pd
    import shapely

    from citygis.quality import validate

    box = shapely.box(*work.lots.total_bounds).buffer(100.0)
    together = {name: frame for name, frame in work.layers.items() if name != "apn_history"}
    for name in ("parcel", "right_of_way", "corner", "source_document"):
        beside = held.get(name)
        if beside is None or not len(beside):
            continue
        key = "global_id" if "global_id" in beside else "doc_id"
        if name != "source_document":
            beside = beside[beside.geometry.intersects(box)]
        own = work.layers.get(name)
        if own is None:
            together[name] = beside
            continue
        beside = beside[~beside[key].isin(own[key])]
        together[name] = pd.concat([own, beside[list(own.columns)]], ignore_index=True) if len(beside) else own
    found = validate(together, city=city)
    keys = {name: city.schema.layer(name).key[0] for name in work.layers if name not in ("apn_history", "source_document")}
    ours = {str(value) for name, key in keys.items() for value in work.layers[name].loc[_is_new(work, name), key]}
    ours |= (
        {str(value) for value in work.layers["parcel"].loc[_is_new(work, "parcel"), "apn_display"]}
        if "parcel" in work.layers
        else set()
    )
    return found[found["feature"].isin(ours) | found["other"].isin(ours)].reset_index(drop=True)


def _consequences(work: "TractWork", city: "City") -> "list[gpd.GeoDataFrame]":
    """What the tract would make wrong in the City's geodatabase, where there is one."""
    from citygis.store import database_of, store

    if city.folder is None or not database_of(city).exists():
        return []
    with store(city) as db:
        return [db.consequences(work.layers)]


def _is_new(work: "TractWork", name: str) -> "pd.Series":
    return work.layers[name]["source_id"].eq(work.plat.source_id)


def _write(work: "TractWork", out: "Path", overwrite: bool) -> None:
    from citygis.gpkg import write_geopackage
    from citygis.schema import schema

    tables = {
        "quarantine": work.quarantine,
        "findings": work.findings,
        "lots": work.lots,
        "displacement": work.displacement,
        "ties": work.ties,
        "linework": work.linework,
    }
    kept = {name: frame for name, frame in tables.items() if len(frame) or name in ("findings", "lots", "displacement")}
    write_geopackage(out, {**work.layers, **kept}, schema=schema(), overwrite=overwrite)


def _load(work: "TractWork", city: "City", accept: dict[str, str], message: str | None) -> "Batch":
    from citygis.store import store

    with store(city) as db:
        return db.load(work.layers, accept=accept, findings=work.findings, message=message)


def _summary(work: "TractWork", number: str, city: "City", out: "Path | None", batch: "Batch | None") -> dict:
    from citygis.tracts import displacement_counts

    lots = work.lots
    numbered = lots[lots["lot"].notna()]
    off = lots["difference_sqft"].abs()
    moved = work.displacement[work.displacement["onto"].notna()]
    placed = work.placement
    return {
        "file": work.plat.name,
        "format": work.plat.format,
        "tract": number,
        "unit": work.plat.unit.name,
        "city_frame": str(city.frame),
        "figures": len(lots),
        "lots_numbered": len(numbered),
        "rows": {name: len(frame) for name, frame in work.layers.items()},
        "rows_quarantined": len(work.quarantine),
        "area_sqft": float(lots["area_sqft"].sum()),
        "closure": {
            "worst_ft": given(lots["misclosure_ft"].max()),
            "lots_open": int((work.findings["code"] == "N03").sum()),
        },
        "stated_areas": {"stated": int(off.notna().sum()), "worst_difference_sqft": given(off.max())},
        "placement": {
            "operation": placed.lineage.operation,
            "rests_on": placed.lineage.statement,
            "scale": placed.scale,
            "rotation_deg": placed.rotation_deg,
            "is_ground": placed.is_ground,
            "accuracy_ft": given(placed.accuracy_ft),
            "combined_factor": placed.ties.expected_factor if placed.ties else None,
            "convergence_deg": placed.ties.convergence_deg if placed.ties else None,
        },
        "ties": plain_rows(work.ties),
        "displacement": {
            "outer_corners": len(work.displacement),
            "moved": len(moved),
            "largest_ft": given(moved["distance_ft"].max()) if len(moved) else 0.0,
            "table": displacement_counts(work.displacement).to_dict("records"),
        },
        "retired": work.retired,
        "lots": plain_rows(lots),
        "findings_by_code": counts(work.findings["code"]),
        "findings": plain_rows(work.findings, FINDING),
        "out": str(out) if out else None,
        "store": place_of(city) if batch is not None else None,
        "change_id": batch.change_id if batch is not None else None,
    }


_SHOWN = 12
_SHOWN_OF_A_CODE = 3


def _print(summary: dict) -> None:
    rows = [("figures that close", summary["figures"]), ("with a number", summary["lots_numbered"])]
    rows += [(f"rows of {name}", n) for name, n in summary["rows"].items()]
    rows += [("in quarantine", summary["rows_quarantined"]), ("parents retired", len(summary["retired"]))]
    table(rows, ["", "count"], title=f"Tract {summary['tract']} from {summary['file']} ({summary['format']}, {summary['unit']})")
    placed = summary["placement"]
    lines = [("placed by", placed["operation"]), ("rests on", placed["rests_on"]), ("scale", f"{placed['scale']:.8f}")]
    lines += [("combined factor here", placed["combined_factor"] and f"{placed['combined_factor']:.8f}")]
    lines += [
        ("rotation", f"{placed['rotation_deg']:+.5f}°"),
        ("lengths of the map", "on the ground" if placed["is_ground"] else "on the grid"),
    ]
    lines += [("accuracy", placed["accuracy_ft"] is not None and f"{placed['accuracy_ft']:.3f} ft")]
    lines += [
        ("lots whose record is open", summary["closure"]["lots_open"]),
        ("worst misclosure", f"{summary['closure']['worst_ft']:.3f} ft"),
    ]
    areas = summary["stated_areas"]
    if areas["stated"]:
        lines += [("areas stated", areas["stated"]), ("farthest from its courses", f"{areas['worst_difference_sqft']:.2f} sq ft")]
    table([line for line in lines if line[1] not in (None, False)], ["", "placement and closure"])
    if summary["ties"]:
        heads = ["tie", "control", "residual, ft", "left out, ft"]
        table(
            [(t["name"], t["control"], t["residual_ft"], t["left_out_ft"]) for t in summary["ties"][:_SHOWN]], heads, title="Ties"
        )
    moved = summary["displacement"]
    counted = [(f"{row['from_ft']:g} to {row['to_ft']:g} ft", row["corners"]) for row in moved["table"] if row["corners"]]
    if counted:
        title = f"{moved['moved']} of {moved['outer_corners']} outer corners took a place of the City's"
        table([*counted, ("largest, ft", moved["largest_ft"])], ["moved by", "corners"], title=title)
    print_findings(summary["findings"], shown=_SHOWN_OF_A_CODE)
    print_outcome(summary)
