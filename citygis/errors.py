"""
What citygis raises.

::

    CityGISError
    ├── SettingsError   a TOML file (city, schema, crosswalk, sheet, style) that does not say what it must
    ├── ReadError       an outside file that cannot be used
    ├── CRSError        coordinates whose frame is missing, wrong, ambiguous or cannot be reached safely
    ├── SchemaError     a frame that is not the City layer it is said to be
    ├── StoreError      the City geodatabase cannot be opened, is locked, or refuses the load
    │   └── ConflictError   somebody else changed the same features in the meantime
    ├── SheetError      a map sheet that cannot be drawn as asked
    ├── AnalysisError   a department's question that cannot be answered from what was given
    └── SyncError       an exchange with ArcGIS Online that stopped

A wrong argument is a plain ``ValueError``. Bad *ground* (an overlap, a duplicate APN) is never an exception: it is
a row of the findings frame. Every message says what is wrong, where (file, layer, feature) and what to do next.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class CityGISError(Exception):
    """Base of everything that citygis raises on purpose."""


class SettingsError(CityGISError):
    """A settings file (TOML) that cannot be used."""


class ReadError(CityGISError):
    """An outside file that cannot be used."""


class CRSError(CityGISError):
    """Coordinates whose frame is missing, wrong, ambiguous or cannot be reached safely."""


class SchemaError(CityGISError):
    """A frame that is not the City layer it is said to be."""


class StoreError(CityGISError):
    """The City geodatabase cannot be opened or written, or refuses the load."""


class ConflictError(StoreError):
    """
    A change that others stand against: the features were changed since, or are gone, or are there already.

    ``conflicts`` has one row per feature: ``layer, feature, reason, based_on, change``.
    """

    def __init__(self, message: str, conflicts: "pd.DataFrame") -> None:
        super().__init__(message)
        self.conflicts = conflicts


class SheetError(CityGISError):
    """A map sheet that cannot be drawn as asked."""


class AnalysisError(CityGISError):
    """A department's question that cannot be answered from what was given."""


class SyncError(CityGISError):
    """An exchange with ArcGIS Online that stopped."""
