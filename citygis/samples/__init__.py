"""
The fictional City of Riverbend, in any size: its true layers, the deliveries of outside agencies derived from them, a day of GPS
captures, and survey documents: a tract and forty legal descriptions.
"""

from pathlib import Path

from citygis.packaged import packaged_folder
from citygis.samples.deeds import write_deeds
from citygis.samples.deliveries import write_city_base, write_deliveries
from citygis.samples.gps_day import write_gps_day
from citygis.samples.region import districts, write_districts
from citygis.samples.riverbend import SEED, Riverbend, riverbend
from citygis.samples.tract_files import write_tract


def sample_folder() -> Path:
    """
    The folder of the sample files that ship with citygis: ``city/`` (city.toml, crosswalks, the City's own layers),
    ``deliveries/`` (what outside agencies sent, with ``truth.json``), ``gps_day/`` (what receivers wrote on a day in the field,
    with ``truth.json``) and ``survey/`` (a tract as drawing, LandXML and tables, and ``deeds/``, each with ``truth.json``).
    """
    return packaged_folder("sample_data")


__all__ = [
    "SEED",
    "Riverbend",
    "districts",
    "riverbend",
    "sample_folder",
    "write_city_base",
    "write_deeds",
    "write_deliveries",
    "write_districts",
    "write_gps_day",
    "write_tract",
]
