"""
A feature service as a delivery: its layers, each as the one shape that every format's reader returns.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.raw import SAGITTA_FT, Raw
from citygis.readers.service.client import plain_reader, require_service_url
from citygis.readers.service.complete import GLOBAL_ID, ServiceReading, answered, complete_read, unanswered
from citygis.readers.service.definition import layer_definition
from citygis.readers.service.faults import ServiceFault
from citygis.readers.wkb import Problem

FORMAT = "feature service"


class ServiceLayer(NamedTuple):
    """A layer or table of a service; ``has_geometry`` is None where only reading its definition tells."""

    url: str
    name: str
    has_geometry: bool | None


class Digest(NamedTuple):
    """SHA-256 of what was read from a layer, and how many bytes were hashed."""

    sha256: str
    size_bytes: int


_digests: dict[str, Digest] = {}


def service_layers(url: str) -> list[ServiceLayer]:
    """
    The layers and tables behind an address: one for ``.../FeatureServer/N``, all of them for ``.../FeatureServer``.

    Raises
    ------
    ReadError
        If the address is refused, does not answer, or is no service.
    """
    url = require_service_url(url)
    said = _definition(url)
    if re.search(r"/\d+$", url):
        return [ServiceLayer(url, str(said.get("name") or url.rpartition("/")[2]), bool(said.get("geometryType")))]
    listed = [(each, True) for each in said.get("layers") or ()] + [(each, False) for each in said.get("tables") or ()]
    # A group layer holds others, and no features.
    found = [(each, spatial) for each, spatial in listed if isinstance(each, dict) and not each.get("subLayerIds")]
    if not found:
        raise ReadError(f"{url} lists no layers. Look at the address: it ends in FeatureServer, or in FeatureServer/0.")
    return [ServiceLayer(f"{url}/{int(each['id'])}", str(each.get("name", each["id"])), spatial) for each, spatial in found]


def load_layer(url: str) -> Raw:
    """
    A layer read whole, with the standard library (`client.plain_reader`).

    Returns
    -------
    Raw
        ``rows`` are object ids. ``table`` has the fields as the service names them; its GlobalIDs are as text, without braces. True
        curves are drawn as chords and told (R02). That measures (M) are left out is told in ``notes``.

    Raises
    ------
    ReadError
        As `complete.complete_read`.
    """
    reader = plain_reader(url)
    try:
        reading = complete_read(reader)
    finally:
        reader.close()
    _digests[require_service_url(url)] = content_digest(reading)
    definition = reading.definition
    table = pd.DataFrame(reading.frame.drop(columns="geometry"))
    if definition.global_id_field and definition.global_id_field != GLOBAL_ID and GLOBAL_ID in table:
        table = table.drop(columns=GLOBAL_ID)  # the field itself is there
    table = table.astype({name: "float64" for name in table.columns if isinstance(table[name].dtype, pd.Float64Dtype)})
    drawn = f"A true curve, drawn as chords within {SAGITTA_FT} ft of it."
    problems = [*reading.problems, *(Problem(row, "R02", drawn) for row in np.flatnonzero(reading.curved).tolist())]
    says = (
        f"is a service in {definition.crs.name} (wkid {', '.join(map(str, sorted(definition.wkids)))})"
        if definition.crs is not None
        else "states no coordinate system that is known here"
    )
    spatial = definition.geometry_type is not None
    return Raw(
        table=table,
        geometry=reading.frame.geometry.to_numpy() if spatial else None,
        rows=reading.object_ids.astype(str).astype(object),
        crs=definition.crs,
        crs_says=says,
        problems=sorted(problems),
        notes=["It has measures (M), which are left out."] if spatial and definition.has_m else [],
    )


def service_crs(url: str) -> CRS | None:
    """The CRS that a layer states; None where it is a table or PROJ does not know it. Errors as `service_layers`."""
    return layer_definition(_definition(require_service_url(url)), where=url).crs


def digest_of(url: str) -> Digest:
    """
    The digest of what this process last read from a layer: a service has no bytes of its own to hash, and may change in between.

    Raises
    ------
    ReadError
        If it was not read by this process.
    """
    url = require_service_url(url)
    found = [digest for key, digest in _digests.items() if key == url or key.rpartition("/")[0] == url]
    if len(found) != 1:
        raise ReadError(f"{url} was not read in this run, so there is no saying what was in it. Read its layer first.")
    return found[0]


def _definition(url: str) -> Mapping[str, Any]:
    reader = plain_reader(url)
    try:
        return answered(reader.definition, reader)
    except ServiceFault as fault:
        raise unanswered(url, fault) from None
    finally:
        reader.close()


def content_digest(reading: ServiceReading) -> Digest:
    """
    SHA-256 of the features read: fields by name and kind, values as JSON, geometry as WKB, in the order of the object ids. The same
    content gives the same digest, whenever and in however many pages it is read.
    """
    whole, size = hashlib.sha256(), 0
    frame = reading.frame
    for name in [column for column in frame.columns if column != "geometry"]:
        column = frame[name]
        kind = reading.definition.field(name)
        values = column.astype("int64") if isinstance(column.dtype, pd.DatetimeTZDtype) else column
        listed = values.astype(object).where(column.notna(), None).tolist()
        piece = json.dumps([name, kind.kind if kind else "", listed], ensure_ascii=False, default=str).encode(
            "utf-8", "surrogatepass"
        )
        whole.update(piece)
        size += len(piece)
    for blob in shapely.to_wkb(frame.geometry.to_numpy(), byte_order=1):
        piece = blob if blob is not None else b"\0"
        whole.update(piece)
        size += len(piece)
    return Digest(whole.hexdigest(), size)
