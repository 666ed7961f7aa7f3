"""
The base of a target: the remote layer as the last verified sync left it, kept beside the target.

It is what tells a change made here from one made there. It is written only when a sync was proven, and whole.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from citygis.errors import SyncError
from citygis.publish import publishing
from citygis.sync.canon import CHUNK, global_ids, replaced
from citygis.sync.model import Plan
from citygis.sync.target import Target

Written = Mapping[str, frozenset[str] | None]
"""What runs of ours wrote and a reading proved, by global id: the names of fields, and ``geometry``; None for a whole feature."""

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


def read_base(target: Target, *, beside: pd.DataFrame | None = None) -> pd.DataFrame | None:
    """
    The base of a target; None before its first verified sync.

    Outlines that are the same, byte for byte, in `beside` (the remote layer, with ``global_id``) are shared with it, not made once
    more: most of a base is what stands there still.

    Raises
    ------
    SyncError
        If the file is damaged, of another version, or of another remote layer than the target's.
    """
    if base_facts(target) is None:
        return None
    path = _path(target)
    try:
        said = (pq.read_schema(path).metadata or {}).get(b"geo")
        if said is None:
            return pd.read_parquet(path)
        with pq.ParquetFile(path) as file:
            frame = file.read([name for name in file.schema_arrow.names if name != "geometry"]).to_pandas()
            shapes = _outlines(file.iter_batches(CHUNK, columns=["geometry"]), frame["global_id"], beside)
        crs = json.loads(said)["columns"]["geometry"].get("crs")
        return gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(shapes, crs=crs))
    except (pa.ArrowException, shapely.errors.ShapelyError, OSError, ValueError, KeyError) as error:
        raise SyncError(_damaged(target, str(error))) from None


def as_written(base: pd.DataFrame | None, remote: pd.DataFrame, written: Written) -> pd.DataFrame:
    """
    A base with what was written since, as it was read back; what somebody else wrote beside it stays out.

    Parameters
    ----------
    base : frame or None
    remote : frame
        The remote layer, read completely after the writing.
    written : Written
        A feature that is not in `remote` was deleted.

    Returns
    -------
    frame
        The columns of `base`, or of `remote` without one.
    """
    if base is None:
        base = remote.iloc[:0]
    place = {each: row for row, each in enumerate(remote["global_id"])}
    known = set(base["global_id"])
    whole = {each for each, names in written.items() if names is None or each not in known}
    frame = base[~base["global_id"].isin(whole | (written.keys() - place.keys()))]
    for name in sorted({name for names in written.values() for name in names or ()} & set(base.columns) & set(remote.columns)):
        keys = frame["global_id"].tolist()
        rows = [row for row, each in enumerate(keys) if name in (written.get(each) or ())]
        frame = replaced(frame, name, rows, np.array(remote[name].iloc[[place[keys[row]] for row in rows]], dtype=object))
    new = remote.loc[remote["global_id"].isin(whole), [name for name in base.columns if name in remote.columns]]
    return pd.concat([part for part in (frame, new) if len(part)] or [frame], ignore_index=True)


def settled_base(local: pd.DataFrame, remote: pd.DataFrame, base: pd.DataFrame | None, now: Plan) -> pd.DataFrame:
    """
    The last verified state after a complete read.

    A remote feature goes into it where the City's layer says the same. Of everything else the base stays as it was: taking over
    somebody else's edit here would have the next plan overwrite it, and taking over somebody else's feature would have it deleted.

    Parameters
    ----------
    local, remote : frames
        As they were planned, with ``global_id``.
    base : frame or None
        The one before, `as_written` where something was.
    now : Plan
        Of those three, compared.

    Returns
    -------
    frame
        The columns that both sides have; ordered by ``global_id``. A feature that is on neither side any more is left out.
    """
    here, there = set(local["global_id"]), set(remote["global_id"])
    parts = (now.adds, now.updates, now.deletes, now.conflicts, now.refusals)
    taken = (here & there) - {each.global_id for part in parts for each in part}
    frame = remote.loc[remote["global_id"].isin(taken), [name for name in remote.columns if name in local.columns]]
    if base is not None:
        kept = base[base["global_id"].isin((here | there) - taken)]
        if len(kept):
            frame = pd.concat([frame, kept[[name for name in frame.columns if name in kept.columns]]])
    return frame.sort_values("global_id", ignore_index=True)


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


def _outlines(batches: Iterable[pa.RecordBatch], ids: pd.Series, beside: pd.DataFrame | None) -> np.ndarray:
    """The geometries of well-known binary, shared with those of `beside` that are the same."""
    shapes, at = np.full(len(ids), None, dtype=object), np.full(len(ids), -1)
    there = np.empty(0, dtype=object)
    if isinstance(beside, gpd.GeoDataFrame) and beside["global_id"].is_unique:
        at, there = pd.Index(beside["global_id"]).get_indexer(ids), np.asarray(beside.geometry.array, dtype=object)
    start = 0
    for batch in batches:
        blobs = batch.column(0).to_numpy(zero_copy_only=False)
        some = slice(start, start + len(blobs))
        known = np.flatnonzero(at[some] >= 0)
        held = there[at[some][known]]
        same = np.zeros(len(blobs), dtype=bool)
        same[known] = shapely.to_wkb(held) == blobs[known]
        shapes[some][same] = held[same[known]]
        shapes[some][~same] = shapely.from_wkb(blobs[~same])
        start += len(blobs)
    pa.default_memory_pool().release_unused()
    return shapes


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
