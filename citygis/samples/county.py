"""The county's parcel file: its own names and codes, in degrees, under a label that is not quite true."""

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import Transformer

from citygis.samples.layers import CITY_CRS

KIND_CODES = {"FEE": "10", "CONDO": "20", "COMMON": "25", "GOVT": "80", "REMAINDER": "90"}
"""The county's codes for kinds of parcel."""
FILE_DATE = "2026-10-05"
_ZIP_TIME = (2026, 10, 5, 8, 0, 0)
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

    The projection is undone and nothing else: the numbers stay in the City's datum, whatever label is put on them.
    """
    undo = Transformer.from_crs(CITY_CRS, "EPSG:6318", always_xy=True)
    return shapely.transform(geometry, lambda xy: np.column_stack(undo.transform(xy[:, 0], xy[:, 1])))


def write_zipped_shapefile(path: Path, table: gpd.GeoDataFrame, *, crs: str | None = None) -> None:
    """
    A frame as a shapefile in a zip, the same bytes each time.

    Parameters
    ----------
    path : Path
        Replaced when it is there.
    table : GeoDataFrame
    crs : str, optional
        The label to put on it; that of `table` when left out.
    """
    with TemporaryDirectory() as folder:
        shapefile = Path(folder) / f"{path.stem}.shp"
        pyogrio.write_dataframe(
            table.set_crs(crs, allow_override=True) if crs else table,
            shapefile,
            geometry_type="Polygon",
            encoding="UTF-8",
            layer_options={"DBF_DATE_LAST_UPDATE": FILE_DATE},
        )
        zip_files(path, sorted(Path(folder).iterdir()))


def zip_files(path: Path, members: list[Path]) -> None:
    """Files in a zip with a fixed time, the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, _ZIP_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, member.read_bytes())
