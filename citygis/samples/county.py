"""The county's parcel file: its own names and codes, in degrees, under a label that is not quite true."""

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import fiona
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import Transformer

from citygis.samples.layers import CITY_CRS

KIND_CODES = {"FEE": "10", "CONDO": "20", "COMMON": "25", "GOVT": "80", "REMAINDER": "90"}
"""The county's codes for kinds of parcel."""
_ZIP_TIME = (2026, 10, 5, 8, 0, 0)
_DBF_DATE = bytes((2026 - 1900, 10, 5))
_SHAPEFILE_FIELDS = {
    "AIN": "str:14",
    "SITUS_ADDR": "str:140",
    "USE_CD": "str:6",
    "PARTYPE": "str:2",
    "TRA": "str:6",
    "LOT": "str:12",
    "BLK": "str:12",
    "TRACT": "str:12",
    "CONDO_ID": "str:8",
    "LEGAL": "str:100",
    "ACRES": "float:12.3",
    "CITY_OWN": "str:1",
    "ROLL_YR": "int:4",
}
_SUFFIX = "0000"


def county_table(parcels: gpd.GeoDataFrame, tracts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    The parcel layer in the county's names and codes, still in the City's feet.

    Returns
    -------
    GeoDataFrame
        Text columns ``AIN SITUS_ADDR USE_CD PARTYPE TRA LOT BLK TRACT CONDO_ID LEGAL CITY_OWN``, number ``ACRES``, integer
        ``ROLL_YR``, and geometry; index of `parcels`.
    """
    tract_no = tracts.set_index("global_id")["tract_no"]
    stacks = pd.Series(pd.factorize(parcels["stack_id"])[0] + 1, index=parcels.index)
    table = {
        "AIN": parcels["apn"] + _SUFFIX,
        "SITUS_ADDR": parcels["situs_text"],
        "USE_CD": parcels["use_code"],
        "PARTYPE": parcels["parcel_kind"].map(KIND_CODES),
        "TRA": parcels["tra"],
        "LOT": parcels["lot"],
        "BLK": parcels["block"],
        "TRACT": parcels["tract_id"].map(tract_no),
        "CONDO_ID": ("C" + stacks.astype("str").str.zfill(3)).where(stacks > 0),
        "LEGAL": parcels["legal_text"],
        "ACRES": parcels["stated_area"],
        "CITY_OWN": parcels["city_owned"].map({True: "Y", False: "N"}),
        "ROLL_YR": parcels["roll_year"].astype("int32"),
    }
    text = {name: values.astype("str") if name not in ("ACRES", "ROLL_YR") else values for name, values in table.items()}
    return gpd.GeoDataFrame(pd.DataFrame(text), geometry=parcels.geometry.array, crs=CITY_CRS)


def in_degrees(geometry: np.ndarray) -> np.ndarray:
    """
    City feet in degrees of NAD83(2011), longitude first.

    The projection is undone and nothing else: the numbers stay in the City's datum, whatever label is put on them. They are
    rounded to 1e-12 degrees (4e-7 ft), because PROJ does not always give the same last bit for the same vertex.
    """
    undo = Transformer.from_crs(CITY_CRS, "EPSG:6318", always_xy=True)
    return shapely.transform(geometry, lambda en: np.column_stack(undo.transform(en[:, 0], en[:, 1])).round(12))


def write_county_file(path: Path, tables: Iterable[gpd.GeoDataFrame]) -> int:
    """
    County tables as one shapefile in a zip, the same bytes each time.

    Parameters
    ----------
    path : Path
        Replaced when it is there.
    tables : iterable of GeoDataFrame
        As `county_table`, geometry in degrees. Written one after another, so that only one is in memory.

    Returns
    -------
    int
        Rows written. The label on them is WGS 84, which is what the county's export tool puts there.
    """
    rows = 0
    with TemporaryDirectory() as folder:
        shapefile = Path(folder) / f"{path.stem}.shp"
        # Made empty first: appending keeps the widths, where a plain write would make every text 80 wide.
        options = {"driver": "ESRI Shapefile", "crs": "EPSG:4326", "encoding": "UTF-8"}
        fiona.open(shapefile, "w", schema={"geometry": "Polygon", "properties": _SHAPEFILE_FIELDS}, **options).close()
        for table in tables:
            pyogrio.write_dataframe(table.set_crs("EPSG:4326", allow_override=True), shapefile, append=True, promote_to_multi=False)
            rows += len(table)
        with shapefile.with_suffix(".dbf").open("r+b") as table_file:
            table_file.seek(1)  # day of the last change, which would differ from run to run
            table_file.write(_DBF_DATE)
        write_zip(path, sorted(Path(folder).iterdir()))
    return rows


def write_zip(path: Path, members: list[Path]) -> None:
    """Files in a zip with a fixed time, the same bytes each time."""
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, _ZIP_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with member.open("rb") as source, archive.open(entry, "w", force_zip64=member.stat().st_size > 2**31) as target:
                shutil.copyfileobj(source, target, 1 << 20)
