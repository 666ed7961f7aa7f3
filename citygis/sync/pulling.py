"""
What lies there, brought here: a remote layer read whole, and the edits that somebody made there, laid over the City's layer for
review.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.city import City
from citygis.errors import CRSError
from citygis.geodesy import transform_frame
from citygis.readers.service.complete import GLOBAL_ID, complete_read
from citygis.readers.service.layers import content_digest
from citygis.readers.service.remote import ServiceReader
from citygis.schema import empty_layer, schema, source_id_of
from citygis.sync.canon import replaced
from citygis.sync.outgoing import stated_frame
from citygis.sync.preparation import BothSides, city_layer, links_of
from citygis.sync.target import Target
from citygis.units import METRE, US_SURVEY_FOOT, unit_of

_RESERVED = ("gpkg_", "rtree_", "sqlite_")


class Pulled(NamedTuple):
    """
    A remote layer, as sent, with where each row came from (``source_id``, ``source_ref``), and its ``source_document`` row.
    ``curved`` counts true curves that were drawn as chords; ``is_measured`` says that the layer has measures (M), which were left
    out.
    """

    name: str
    frame: gpd.GeoDataFrame | pd.DataFrame
    document: pd.DataFrame
    curved: int
    is_measured: bool
    requests: int


def pull(reader: ServiceReader, *, where: str = "1=1", progress: Callable[[int, int], None] | None = None) -> Pulled:
    """
    A layer of a feature service, whole or not at all.

    Parameters
    ----------
    reader : ServiceReader
    where : str
        SQL of the service, to read a part.
    progress : callable of (features read, of all)

    Raises
    ------
    ReadError
        As `citygis.readers.service.complete_read`.
    """
    reading = complete_read(reader, where=where, progress=progress)
    digest = content_digest(reading)
    frame = reading.frame
    if reading.definition.geometry_type is None:
        frame = pd.DataFrame(frame.drop(columns="geometry"))
    key = reading.definition.global_id_field or GLOBAL_ID
    if key != GLOBAL_ID and key.casefold() == GLOBAL_ID:  # a GeoPackage takes them for one column
        frame = frame.drop(columns=key)
    refs = [f"{reader.url}#{each}" for each in reading.object_ids]
    frame = frame.assign(source_id=source_id_of(digest.sha256), source_ref=pd.Series(refs, dtype="str"))
    unit = _unit(reading.definition.crs)
    known = {"doc_id": source_id_of(digest.sha256), "sha256": digest.sha256, "uri": reader.url, "unit": unit}
    layer = schema().layers["source_document"]
    document = pd.DataFrame({name: [known.get(name, layer.field(name).default)] for name in layer.names})
    name = re.sub(r"\W+", "_", reading.definition.name) or "layer"
    name = f"remote_{name}" if name.lower().startswith(_RESERVED) or name in schema().layers else name
    document = document.astype(empty_layer(layer, crs=None).dtypes.to_dict())
    return Pulled(name, frame, document, int(np.count_nonzero(reading.curved)), reading.definition.has_m, reading.requests)


def with_edits(
    sides: BothSides, global_ids: set[str], target: Target, city: City, *, layer: pd.DataFrame | None = None
) -> pd.DataFrame:
    """
    The City's layer with the features that were edited or added there as they stand there; for ``citygis diff``.

    Parameters
    ----------
    sides : BothSides
    global_ids : set of str
        Of the remote features to take.
    target, city, layer
        As for `citygis.sync.prepare`.

    Returns
    -------
    frame
        Columns and system of the City's layer; only mapped fields and the geometry are taken over.

    Raises
    ------
    CRSError
        If there is no exact or stated way from the remote layer's system into the City's.
    """
    frame = city_layer(target, city, layer).reset_index(drop=True)
    is_drawn = "geometry" in frame.columns and sides.definition.geometry_type is not None
    back = {remote: own for own, remote in links_of(target).items()}
    taken = sides.reading.frame[sides.reading.frame["global_id"].isin(global_ids)]
    names = {sides.definition.field(remote).name: own for remote, own in target.fields.items() if sides.definition.field(remote)}
    edits = taken[[*names, "global_id", *(["geometry"] if is_drawn else [])]].rename(columns=names)
    edits["global_id"] = [back.get(each, each) for each in edits["global_id"]]
    if is_drawn:
        edits = _in_city(gpd.GeoDataFrame(edits, geometry="geometry", crs=sides.definition.crs), target, city)
    place = {each: row for row, each in enumerate(frame["global_id"])}
    rows = [place.get(each, -1) for each in edits["global_id"]]
    known = np.array([row >= 0 for row in rows], dtype=bool)
    at = [row for row in rows if row >= 0]
    for name in [*names.values(), *(["geometry"] if is_drawn else [])]:
        frame = replaced(frame, name, at, np.array(edits.loc[known, name], dtype=object))
    added = edits[~known]
    return pd.concat([frame, added.astype({name: frame[name].dtype for name in added.columns})]) if len(added) else frame


def _in_city(edits: gpd.GeoDataFrame, target: Target, city: City) -> gpd.GeoDataFrame:
    if edits.crs is not None and edits.crs.equals(city.crs, ignore_axis_order=True):
        return edits.set_crs(city.crs, allow_override=True)
    if edits.crs is None:
        raise CRSError(
            "The remote layer states no coordinate system that is known here, so its edits cannot be laid over the City's."
        )
    stated, tolerance_ft = stated_frame(target, city), city.tolerances.parcel_ft
    return transform_frame(edits, city.crs, same_frame=stated, same_datum=city.same_datum, tolerance_ft=tolerance_ft)[0]


def _unit(crs: object) -> str | None:
    if crs is None:
        return None
    if not crs.is_projected:
        return "DEG"
    unit = unit_of(crs)
    return "M" if unit is METRE else "FT_US" if unit is US_SURVEY_FOOT else "FT_INTL"
