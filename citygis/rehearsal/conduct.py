"""How the server behaves where ArcGIS services differ or a test asks for more: settings that its control port may change."""

from typing import Literal

from pydantic import Field

from citygis.settings import Settings


class Conduct(Settings):
    """
    Settings of a rehearsal.

    ``max_record_count``: features of a page. ``max_page_bytes``: a page ends early above it. ``snap``: coordinates that come in are
    put on the layer's grid of 0.0001 m. ``token_minutes``: the longest life of a token. ``anonymous``: no token is asked for.
    ``unknown_fields``: an edit that names a field the layer has not is refused (1016), or the field is ignored; Esri documents
    neither. ``append_behaviour``: how an append job ends. ``async_pending``: an asynchronous applyEdits stays Pending for ever.
    ``max_body_bytes``: a larger request is answered with 413.
    """

    max_record_count: int = Field(default=2000, ge=1, le=32_000)
    max_page_bytes: int = Field(default=20_000_000, ge=1)
    snap: bool = False
    token_minutes: float = Field(default=60, gt=0, le=20_160)
    anonymous: bool = False
    unknown_fields: Literal["refuse", "ignore"] = "refuse"
    append_behaviour: Literal["complete", "pending", "errors", "fail"] = "complete"
    async_pending: bool = False
    max_body_bytes: int = Field(default=200_000_000, ge=1)
