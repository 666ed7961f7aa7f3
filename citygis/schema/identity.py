"""
Names that do not change from run to run: identifiers of features and sources, and hashes of geometry.
"""

import hashlib
import uuid
from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely

NAMESPACE = uuid.UUID("6d1f5a0e-6a3c-5d7e-9b42-2d0c7f3b8e11")
"""Every identifier that citygis derives lives in this namespace (RFC 9562, name-based UUID version 5)."""


def feature_ids(layer: str, keys: pd.Series | pd.DataFrame) -> np.ndarray:
    """
    Identifiers of features, derived from layer and key.

    Parameters
    ----------
    layer : str
    keys : Series or DataFrame, n rows
        The key column or columns. Rows that repeat a key are told apart by a number, in order.

    Returns
    -------
    array of n str
        UUID version 5 in lower case. Null where any part of the key is null.
    """
    table = keys.to_frame() if isinstance(keys, pd.Series) else keys
    if table.empty:
        return np.empty(0, dtype=object)
    text = table.iloc[:, 0].astype("str")
    for name in table.columns[1:]:
        text = text + "|" + table[name].astype("str")
    missing = table.isna().any(axis=1).to_numpy()
    twin = text.groupby(text, sort=False, dropna=False).cumcount().to_numpy()
    names = [f"{layer}|{key}" if n == 0 else f"{layer}|{key}|{n}" for key, n in zip(text.fillna(""), twin, strict=True)]
    ids = np.array([_uuid5(name) for name in names], dtype=object)
    ids[missing] = None
    return ids


def source_id_of(sha256: str) -> str:
    """The identifier of the source document whose bytes have this SHA-256."""
    return _uuid5(f"source_document|{sha256}")


def geom_hashes(geometries: Sequence) -> np.ndarray:
    """
    SHA-256 of each geometry, the same whichever vertex a ring starts at and whichever way it runs.

    Parameters
    ----------
    geometries : array of geometries

    Returns
    -------
    array of str
        64 hexadecimal digits; null where the geometry is null.
    """
    blobs = shapely.to_wkb(shapely.normalize(np.asarray(geometries, dtype=object)), byte_order=1)
    return np.array([None if blob is None else hashlib.sha256(blob).hexdigest() for blob in blobs], dtype=object)


def _uuid5(name: str) -> str:
    # uuid.uuid5, spelt out: building UUID objects only to print them costs twice as much.
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
