"""
The register's row of a delivery: what the file is, and what its crosswalk says of it.
"""

from pathlib import Path

import geopandas as gpd
import pandas as pd

from citygis.convert.conversion import Conversion
from citygis.readers import source_document
from citygis.units import INTERNATIONAL_FOOT, METRE, unit_of


def delivery_document(path: Path | str, raw: gpd.GeoDataFrame, result: Conversion) -> pd.DataFrame:
    """
    The row of ``source_document`` for a delivery that was converted.

    Parameters
    ----------
    path : path
        The file, as it was given to `citygis.read`.
    raw : GeoDataFrame
        What that gave.
    result : Conversion
        Of `raw`. What its crosswalk says of agency and document is taken, unless it was drafted.

    Returns
    -------
    DataFrame
        One row, as `citygis.readers.source_document` makes it.
    """
    walk = result.crosswalk
    told = {} if walk.is_draft else {"agency": walk.agency}
    return source_document(path, **{"unit": _unit_sent(raw), **told, **walk.document})


def _unit_sent(raw: gpd.GeoDataFrame) -> str:
    """The unit of coordinates as source_document says it."""
    if raw.crs is None or not raw.crs.is_projected:
        return "DEG"
    unit = unit_of(raw.crs)
    return "M" if unit is METRE else "FT_INTL" if unit is INTERNATIONAL_FOOT else "FT_US"
