"""
The files that a comparison leaves: the tables, the list, the redline.
"""

from pathlib import Path

import geopandas as gpd
import pandas as pd

from citygis.changes.comparison import Changes
from citygis.changes.redline import redline_html
from citygis.changes.review import csv_text
from citygis.gpkg import write_geopackage
from citygis.publish import publish_text

TABLES, LIST, PAGE = "changes.gpkg", "changes.csv", "redline.html"


def write_changes(
    folder: Path,
    changes: Changes,
    old: gpd.GeoDataFrame,
    new: gpd.GeoDataFrame,
    concerned: pd.DataFrame,
    *,
    title: str,
    city: str,
    overwrite: bool = False,
) -> list[Path]:
    """
    Write what a comparison found.

    Parameters
    ----------
    folder : path
    changes : Changes
        Of `old` and `new`.
    old, new : GeoDataFrame
    concerned : DataFrame
        Features of other layers, of `citygis.changes.alerts`.
    title, city : str
        On the page.
    overwrite : bool
        Whether files that are there may be replaced.

    Returns
    -------
    list of Path
        `TABLES`, `LIST` and `PAGE`, each whole or not at all. Errors as `citygis.publish.publishing`.
    """
    tables = {"changes": changes.changes, "values": changes.values, "links": changes.links, "alerts": concerned}
    tables = {name: frame for name, frame in tables.items() if len(frame) or name == "changes"}
    remarks = [f"{len(concerned):,} features of other layers are concerned; they are in {TABLES}."] if len(concerned) else []
    page = redline_html(changes, old, new, title=title, city=city, remarks=remarks)
    return [
        write_geopackage(folder / TABLES, tables, overwrite=overwrite),
        publish_text(folder / LIST, csv_text(changes.changes.drop(columns="geometry")), overwrite=overwrite),
        publish_text(folder / PAGE, page, overwrite=overwrite),
    ]
