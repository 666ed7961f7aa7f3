"""
The document that features were read from: its SHA-256, and its row in the City's register of source documents.
"""

import hashlib
from pathlib import Path

import pandas as pd

from citygis.publish import file_sha256
from citygis.readers.guard import require_local_file
from citygis.readers.photos import are_photos, photos_in
from citygis.readers.service.client import is_service_url, require_service_url
from citygis.readers.service.layers import digest_of
from citygis.readers.shapefile import parts_of
from citygis.schema import empty_layer, schema, source_id_of


def sha256_of(path: Path | str) -> str:
    """
    SHA-256 of a delivery, the same wherever it lies.

    A single file is hashed as it is. A file of several parts (shapefile, MapInfo), a geodatabase and a folder of photographs are
    hashed as the parts' names and digests, ordered by name. Of a feature service it is the digest of what this run last read
    from it (`service.layers.content_digest`).

    Raises
    ------
    ReadError
        If `path` is not a file or geodatabase on this machine, or a service that this run has not read.
    """
    if is_service_url(path):
        return digest_of(path).sha256
    path = require_local_file(path, folder=are_photos(path))
    files = _files(path)
    if files == [path]:
        return file_sha256(path)
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name}\0{file_sha256(file)}\n".encode())
    return whole.hexdigest()


def source_document(path: Path | str, *, unit: str, **fields: object) -> pd.DataFrame:
    """
    The row of the ``source_document`` layer for a delivery.

    Parameters
    ----------
    path : path
        The delivery, as given to `read`.
    unit : str
        Unit of the coordinates as sent: "FT_US", "FT_INTL", "M" or "DEG".
    **fields
        Any other field of the layer: ``doc_type``, ``agency``, ``recorded_on`` and so on.

    Returns
    -------
    DataFrame
        One row with every field of the layer. ``doc_id`` is the ``source_id`` that `read` gives each feature of this file,
        ``uri`` its file name, or the service's address. Types are those of the layer; what was not given is the field's default,
        or null.

    Raises
    ------
    ReadError
        If `path` is not a file or geodatabase on this machine.
    ValueError
        If a field is not one of the layer's.
    """
    layer = schema().layers["source_document"]
    unknown = sorted(set(fields) - set(layer.names))
    if unknown:
        raise ValueError(f"Invalid field {unknown[0]!r}. Must be one of: {', '.join(layer.names)}.")
    digest = sha256_of(path)
    uri = require_service_url(path) if is_service_url(path) else Path(path).name
    known = {"doc_id": source_id_of(digest), "sha256": digest, "uri": uri, "unit": unit, **fields}
    row = pd.DataFrame({name: [known.get(name, layer.field(name).default)] for name in layer.names})
    return row.astype(empty_layer(layer, crs=None).dtypes.to_dict())


def _files(path: Path) -> list[Path]:
    if path.is_dir() and path.suffix.lower() != ".gdb":
        return photos_in(path)
    if path.is_dir():
        # ArcGIS leaves lock files in a geodatabase that is open somewhere; they are not part of it.
        return sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() != ".lock")
    if path.suffix.lower() == ".shp":
        return sorted(parts_of(path).values())
    if path.suffix.lower() in (".tab", ".mif"):
        return sorted(file for file in path.parent.iterdir() if file.is_file() and file.stem == path.stem)
    return [path]
