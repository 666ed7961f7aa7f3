"""
The base of a target: the remote layer as the last verified sync left it, kept beside the target.

It is what tells a change made here from one made there. It is written only when a sync was proven, and whole.
"""

import datetime
import json
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from citygis.errors import SyncError
from citygis.publish import publishing
from citygis.sync.canon import global_ids
from citygis.sync.target import Target

VERSION = 1
_KEY = b"citygis_sync"


class BaseFacts(NamedTuple):
    """What a base says of itself: the plan that was proven, when, of which layer, and how many features."""

    fingerprint: str
    at: str
    url: str
    features: int


def write_base(
    target: Target,
    frame: pd.DataFrame,
    *,
    fingerprint: str = "",
    at: str | None = None,
) -> None:
    """
    Keep what a verified sync left there, in place of what was kept before.

    Parameters
    ----------
    target : Target
    frame : DataFrame or GeoDataFrame
        The remote features that both sides agree on, as they were just read. The mapped fields, ``global_id`` and the geometry are
        kept.
    fingerprint : str
        Of the plan that was applied.
    at : str, optional
        ISO moment; default now.

    Raises
    ------
    StoreError
        If it cannot be written; the former base then stands.
    SyncError
        If a feature has no key, or two share one.
    """
    ids = global_ids(frame)
    if pd.isna(ids).any() or len(set(ids)) != len(ids):
        raise SyncError(
            f"The features of the target {target.name} do not all have a key of their own; no base can be made of them."
        )
    mapped = {name.casefold() for name in target.fields}
    kept = frame[[name for name in frame.columns if name.casefold() in mapped or name == "geometry"]].assign(global_id=ids)
    kept = kept.sort_values("global_id").reset_index(drop=True)
    told = {
        "version": VERSION,
        "fingerprint": fingerprint,
        "at": at or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "url": target.url,
        "features": len(kept),
    }
    with publishing(_path(target), overwrite=True) as temporary:
        kept.to_parquet(temporary, index=False)
        _mark(temporary, told)  # still temporary: its name is not the base's yet


def read_base(target: Target) -> pd.DataFrame | None:
    """
    The base of a target; None before its first verified sync.

    Raises
    ------
    SyncError
        If the file is damaged, of another version, or of another remote layer than the target's.
    """
    if base_facts(target) is None:
        return None
    path = _path(target)
    try:
        is_spatial = b"geo" in (pq.read_schema(path).metadata or {})
        return gpd.read_parquet(path) if is_spatial else pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SyncError(_damaged(target, str(error))) from None


def base_facts(target: Target) -> BaseFacts | None:
    """What the base of a target says of itself; None where there is none. Errors as `read_base`."""
    path = _path(target)
    if not path.is_file():
        return None
    try:
        told: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {}).get(_KEY, b"{}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SyncError(_damaged(target, str(error))) from None
    if told.get("version") != VERSION:
        raise SyncError(_damaged(target, f"its version is {told.get('version')!r}"))
    if told["url"] != target.url:
        raise SyncError(
            f"The base of the target {target.name} was taken from {told['url']}, and the target names {target.url}. Give the "
            "target of the other layer a name of its own."
        )
    return BaseFacts(told["fingerprint"], told["at"], told["url"], told["features"])


def _path(target: Target):
    return target.folder / "base.parquet"


def _mark(temporary, told: dict[str, Any]) -> None:
    table = pq.read_table(temporary)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: json.dumps(told).encode()})
    pq.write_table(table, temporary)


def _damaged(target: Target, why: str) -> str:
    return (
        f"{_path(target)} cannot be used: {why}. Without it nobody knows which side changed. Put it back from a backup, or link "
        f"the layer anew: citygis sync link {target.name}"
    )
