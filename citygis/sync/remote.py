"""
What applying a plan asks of whoever talks to the service: what reading asks, and one call more.
"""

from collections.abc import Sequence
from typing import Protocol

from citygis.readers.service.remote import ServiceReader
from citygis.sync.model import EditReply, Json


class Remote(ServiceReader, Protocol):
    """A layer of a feature service, for reading and writing. `citygis.sync.arcgis_client` is the one for ArcGIS."""

    def apply_edits(self, *, adds: Sequence[Json], updates: Sequence[Json], deletes: Sequence[str]) -> EditReply:
        """
        One ``applyEdits`` on the wire at most: ``useGlobalIds=true``, ``rollbackOnFailure=false``, no repetition by anybody.

        Parameters
        ----------
        adds, updates : sequence of dict
            Esri JSON features; the GlobalID, braced and upper case, is among the attributes under the layer's own name for it.
        deletes : sequence of str
            GlobalIDs, braced and upper case.

        Raises
        ------
        ServiceFault
            ``not_sent``: certainly nothing was done. Any other kind may have been carried out; only reading tells.
        """
