"""
What a complete read asks of whoever talks to the service: two calls, each one request, each checked.
"""

from collections.abc import Mapping
from typing import Any, Protocol


class ServiceReader(Protocol):
    """
    A layer of a feature service, for reading.

    Attributes
    ----------
    url : str
        ``https://.../FeatureServer/N``, without a token; what messages name.
    """

    url: str

    def definition(self) -> Mapping[str, Any]:
        """
        The layer's own JSON, asked anew each time.

        Raises
        ------
        ServiceFault
            Where there is no such answer.
        """

    def query(self, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any]:
        """
        The reply to one query (ArcGIS REST API, "Query (Feature Service/Layer)"), ``f=json`` added; as GET or POST.

        Raises
        ------
        ServiceFault
            Where the reply is an error object, whatever its HTTP status, is not JSON, or did not come within the time limit.
        """

    def renew(self) -> bool:
        """
        Log in anew after an ``auth`` fault. False where there is nothing to log in with, or the portal says no.

        Raises
        ------
        ServiceFault
            Where the portal does not answer.
        """
