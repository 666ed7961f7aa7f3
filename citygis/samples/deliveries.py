"""What outside agencies send to Riverbend, written to files, with the truth of every defect in them."""

import json
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from citygis.gpkg import write_geopackage
from citygis.samples.county import county_table, in_degrees, write_county_file
from citygis.samples.easements import POWER
from citygis.samples.hazards import write_depth_raster
from citygis.samples.next_quarter import Change, next_quarter
from citygis.samples.outside import write_eastvale, write_hydrants, write_power_easements, write_zoning
from citygis.samples.planting import Bed, plant
from citygis.samples.riverbend import SEED, Riverbend
from citygis.samples.truth import Defect
from citygis.schema import schema

COUNTY_Q3, COUNTY_Q4 = "county_parcels_2026q3.zip", "county_parcels_2026q4.zip"
CITY_BASE, DEPTH_RASTER = "city_base.gpkg", "flood_200yr_depth.tif"
BASE_LAYERS = (
    "parcel",
    "tract",
    "right_of_way",
    "easement",
    "boundary_line",
    "corner",
    "control_station",
    "address_point",
    "street_centerline",
    "city_limit",
    "flood_zone",
    "flood_200yr",
    "station",
    "building_footprint",
    "park",
    "park_access",
    "source_document",
    "parcel_owner",
)
"""The layers of ``city_base.gpkg``: the City's own, the parcels as of last quarter among them."""


def write_deliveries(folder: Path, city: Riverbend, *, seed: int = SEED, defects: bool = True) -> Path:
    """
    Every delivery as a file, and ``truth.json``.

    Parameters
    ----------
    folder : Path
        Made when missing; files in it are replaced.
    city : Riverbend
    seed : int
        Chooses where the defects lie.
    defects : bool
        Without, the deliveries are clean: converted and validated they raise nothing.

    Returns
    -------
    Path
        ``truth.json``: ``{"defects": [...], "changes": [...]}``, see `citygis.samples.truth` and
        `citygis.samples.next_quarter`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth, changes = _county(folder, city, seed, defects)
    truth += write_power_easements(folder, city, defects=defects)
    truth += write_eastvale(folder, np.random.default_rng(seed), defects=defects)
    truth += write_zoning(folder, city, defects=defects)
    truth += write_hydrants(folder, city, defects=defects)
    path = folder / "truth.json"
    path.write_text(json.dumps({"defects": truth, "changes": changes}, indent=1) + "\n", encoding="utf-8", newline="\n")
    return path


def write_city_base(folder: Path, city: Riverbend) -> None:
    """
    What the City holds already: ``city_base.gpkg`` with the City's own layers, and ``flood_200yr_depth.tif``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    layers = {name: city.layers[name] for name in BASE_LAYERS}
    easement = layers["easement"]
    layers["easement"] = easement[easement["grantee"] != POWER]
    write_geopackage(folder / CITY_BASE, layers, schema=schema(), overwrite=True)
    write_depth_raster(folder / DEPTH_RASTER, city.layers["city_limit"].geometry.iloc[0])


def county_bed(city: Riverbend, delivery: str, *, seed: int, defects: bool) -> Bed:
    """The county's table of a city, in feet, with its defects planted."""
    bed = Bed(city, county_table(city.layers["parcel"], city.layers["tract"]), delivery, np.random.default_rng(seed))
    if defects:
        plant(bed)
    return bed


def in_file(table: gpd.GeoDataFrame, sign_lost: Sequence[int]) -> gpd.GeoDataFrame:
    """A county table as it stands in the file: in degrees, the rows at `sign_lost` with the sign of their longitude lost."""
    geometry = in_degrees(table.geometry.to_numpy())
    geometry[sign_lost] = shapely.transform(geometry[sign_lost], lambda lonlat: lonlat * (-1, 1))
    return gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=geometry, crs="EPSG:6318")


def _county(folder: Path, city: Riverbend, seed: int, defects: bool) -> tuple[list[Defect], list[Change]]:
    bed = county_bed(city, COUNTY_Q3, seed=seed, defects=defects)
    later = next_quarter(bed)
    write_county_file(folder / COUNTY_Q3, [in_file(bed.planted(), bed.sign_lost)])
    write_county_file(folder / COUNTY_Q4, [in_file(later.table, np.flatnonzero(np.isin(later.kept, bed.sign_lost)))])
    row_later = {row: k + 1 for k, row in enumerate(later.kept.tolist())}
    again = [entry | {"delivery": COUNTY_Q4, "row": row_later[entry["row"] - 1]} for entry in bed.truth]
    return bed.truth + again, later.changes
