"""`citygis demo`: the whole story, on the sample city."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citygis.cli.options import emit_json, json_option, note, overwrite_option, quiet_option, table

if TYPE_CHECKING:
    import geopandas as gpd

    from citygis.city import City
    from citygis.convert import Conversion

DELIVERIES = (
    ("county_parcels_2026q3.zip", "parcel", "county_assessor"),
    ("riverbend_power_easements.kmz", "easement", "power_easements"),
    ("eastvale_right_of_way.geojson", "right_of_way", "eastvale_right_of_way"),
    ("zoning.gpkg", "zoning", "planning_zoning"),
    ("hydrants.csv", "hydrant", "public_works_hydrants"),
)
"""Outside file, City layer, crosswalk."""

SOURCE_CRS = {"hydrants.csv": "EPSG:6420"}
"""What Public Works said of the table's coordinates, which the file itself does not."""

JOB, NEXT_DELIVERY = "county_refresh.toml", "county_parcels_2026q4.zip"
ACCEPTED = "planted in the sample delivery, see sample_data/deliveries/truth.json"
CHECKED_ON = "2026-07-01"
SHEETS = ("parcel_map", "parcel_wall_map")
"""Of the sheet files in the City's folder those that have no blanks to fill in."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("riverbend"), metavar="[DIR]")
@json_option
@quiet_option
@overwrite_option
def command(folder: Path, as_json: bool, quiet: bool, overwrite: bool) -> None:
    """
    The whole story, on the fictional City of Riverbend: its folder is made in DIR (default: riverbend), five outside agencies
    deliver, and what they sent is read, converted, validated, loaded and drawn.

    The deliveries have faults planted in them, so that there is something to find: rows that go to quarantine, and errors that
    the load refuses until they are accepted with a reason, which the demonstration then does.

    \b
    Example:
      citygis demo
      citygis demo my_demo --overwrite
    """
    import pandas as pd

    import citygis as cg
    from citygis.convert import delivery_document
    from citygis.gpkg import layers_of, read_geopackage
    from citygis.packaged import packaged_folder

    sample = packaged_folder("sample_data")
    city = _new_city(folder, sample, overwrite)
    out = folder / "out"
    told: list[dict] = []

    base = {
        info.name: read_geopackage(sample / "city" / "city_base.gpkg", info.name)
        for info in layers_of(sample / "city" / "city_base.gpkg")
    }
    with cg.store(city) as db:
        db.load(base, message="What the City had already")

    results: dict[str, Conversion] = {}
    sources = []
    for file, layer, crosswalk in DELIVERIES:
        note(f"{file}: read and convert", quiet=quiet)
        raw = cg.read(sample / "deliveries" / file, source_crs=SOURCE_CRS.get(file))
        results[layer] = cg.convert(raw, layer, crosswalk=crosswalk, city=city)
        sources.append(delivery_document(sample / "deliveries" / file, raw, results[layer]))
        told.append({"delivery": file, "layer": layer, "read": len(raw), "converted": len(results[layer].layer)})
        told[-1]["quarantined"] = len(results[layer].quarantine)

    note("Validate, together with what the City has", quiet=quiet)
    delivered = {layer: result.layer for layer, result in results.items()}
    delivered["source_document"] = pd.concat(sources, ignore_index=True)
    with cg.store(city) as db:
        seen = db.together(delivered)
        findings = db.check(delivered, beside=seen)
        brought = db.consequences(delivered, found=findings)
        findings = pd.concat([findings, brought], ignore_index=True) if len(brought) else findings
    refusal, batch = _load(city, delivered, findings)
    # A gap is a finding of the tract that has it, and the doing of the parcels.
    blamed = findings["layer"].where(findings["code"] != "T02", "parcel")
    for row in told:
        ours = findings[blamed == row["layer"]]
        row["errors"] = int((ours["severity"] == "error").sum())
        row["to review"] = int((ours["severity"] == "review").sum())
        row["loaded"] = sum(batch.counts[row["layer"]][:3])

    note("Draw the sheets and write the report", quiet=quiet)
    drawn = _draw(city, out, quiet)
    report = _report(city, out, findings, seen, results)
    ok = all(sheet["checked"] for sheet in drawn)
    by_code = findings.groupby(["code", "rule", "layer", "severity"]).size().reset_index(name="found").to_dict("records")
    summary = {"deliveries": told, "findings_by_code": by_code, "refused": refusal, "sheets": drawn}
    summary |= {"geopackage": str(city.store_path), **report}
    if as_json:
        emit_json(summary)
    else:
        _print(summary, city)
    sys.exit(0 if ok else 1)


def _new_city(folder: Path, sample: Path, overwrite: bool) -> "City":
    """The sample city's folder, made anew; an older one is moved out of the way only when the new one stands."""
    import shutil

    from citygis.cli.init import make_city_folder
    from citygis.errors import StoreError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not overwrite:
            raise StoreError(
                f"{folder} exists and is left as it is. Say --overwrite to make the demonstration anew, or name another folder."
            )
        if not (folder / "city.toml").is_file() or "fictional" not in (folder / "city.toml").read_text(encoding="utf-8"):
            raise StoreError(f"{folder} is not a demonstration of citygis and is left as it is. Name another folder.")
        shutil.rmtree(folder)
    settings = (sample / "city" / "city.toml").read_text(encoding="utf-8")
    crosswalks = tuple(sorted((sample / "city" / "crosswalks").glob("*.toml")))
    city = make_city_folder(folder, settings=settings, crosswalks=crosswalks)
    # What `citygis run county_refresh` is tried on: the job, and the county's next delivery.
    shutil.copy(sample / "jobs" / JOB, folder / city.folders.jobs)
    (folder / "deliveries").mkdir()
    shutil.copy(sample / "deliveries" / NEXT_DELIVERY, folder / "deliveries")
    return city


def _load(city: "City", layers: dict, findings: "gpd.GeoDataFrame"):
    """Try to load, be refused, accept what was planted, load. Returns the refusal and the batch."""
    import citygis as cg
    from citygis.errors import StoreError

    with cg.store(city) as db:
        try:
            return None, db.load(layers, findings=findings, message="Deliveries of July 2026")
        except StoreError as refused:
            codes = findings.loc[findings["severity"] == "error", "code"].unique()
            accept = dict.fromkeys(codes, ACCEPTED)
            batch = db.load(layers, findings=findings, accept=accept, message="Deliveries of July 2026")
            return str(refused), batch


def _draw(city: "City", out: Path, quiet: bool) -> list[dict]:
    import citygis as cg
    from citygis.cli.options import progress
    from citygis.sheets import scale_text, sheet_layers

    drawn = []
    for path in progress([city.sheets_folder / f"{name}.toml" for name in SHEETS], description="sheets", quiet=quiet):
        sheet = cg.Sheet.from_file(path)
        figure = cg.draw(sheet, sheet_layers(sheet, city.store_path, city=city), city=city)
        figure.save(out / f"{path.stem}.pdf")
        page = figure.page
        checked = figure.preflight(out / f"{path.stem}.pdf").passed
        drawn.append(
            {
                "file": str(out / f"{path.stem}.pdf"),
                "paper": f"{page.name}, {page.width_in:g} x {page.height_in:g} in",
                "scale": scale_text(figure.frame.scale),
                "features": int(figure.counts["drawn"].sum()),
                "checked": checked,
            }
        )
    return drawn


def _report(city: "City", out: Path, findings: "gpd.GeoDataFrame", layers: dict, results: dict) -> dict:
    from citygis.gpkg import write_geopackage
    from citygis.quality import write_report

    paths = write_report(out, findings, layers, city=city, title="Deliveries of July 2026", checked_on=CHECKED_ON)
    quarantine = {f"quarantine_{name}": result.quarantine for name, result in results.items() if len(result.quarantine)}
    write_geopackage(out / "quarantine.gpkg", quarantine)
    return {"report": str(out / "report.html"), "findings": str(paths["findings.gpkg"]), "quarantine": str(out / "quarantine.gpkg")}


def _print(summary: dict, city: "City") -> None:
    rows = [list(row.values()) for row in summary["deliveries"]]
    total = ["in all", None, *(sum(column) for column in list(zip(*rows, strict=True))[2:])]
    click.echo()
    table([*rows, total], list(summary["deliveries"][0]), title=city.name)
    table(
        [list(row.values()) for row in summary["findings_by_code"]],
        ["code", "rule", "layer", "severity", "found"],
        title="Findings",
    )
    if summary["refused"]:
        first = summary["refused"].splitlines()[0]
        click.echo(f"The first try to load was refused, as it must be: {first}\nLoaded with each code accepted: {ACCEPTED}.\n")
    sheets = [(sheet["file"], sheet["paper"], sheet["scale"], sheet["features"], sheet["checked"]) for sheet in summary["sheets"]]
    table(sheets, ["sheet", "paper", "scale", "features drawn", "measured right"])
    for name in ("geopackage", "report", "findings", "quarantine"):
        click.echo(f"{name:11} {summary[name]}")
