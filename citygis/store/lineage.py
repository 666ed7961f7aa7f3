"""
Which feature came from which, through all changes; and all that is known of one feature.
"""

from typing import NamedTuple

import pandas as pd

from citygis.errors import StoreError
from citygis.gpkg import quoted
from citygis.schema import Layer, Schema
from citygis.store.database import Transaction
from citygis.store.history import versions
from citygis.store.identity import has_global_id
from citygis.store.layout import history_of

COLUMNS = (
    "generation",
    "layer",
    "parent",
    "child",
    "parent_name",
    "child_name",
    "kind",
    "share_parent",
    "share_child",
    "change",
    "at",
    "effective",
)
_LATE = 2**62
_TEXT = ("text", "uuid")
_CHUNK = 500

# Within one change a parent is what was before and a child what was after, so a line of descent goes through each change at
# most once. A feature that keeps its identifier (a split whose parent keeps its number) is its own parent: told, not followed.
_WALK = """
WITH RECURSIVE line (id, change, generation) AS (
  SELECT CAST(? AS TEXT), CAST(? AS BIGINT), 0
  UNION
  SELECT l.{far}, l.change, line.generation + ({step}) FROM citygis_lineage AS l JOIN line ON l.{near} = line.id
  WHERE l.layer = ? AND l.change {order} line.change AND l.parent <> l.child AND l.undone_by IS NULL
)
SELECT DISTINCT line.generation + ({step}) AS generation, l.layer, l.parent, l.child, l.kind, l.share_parent, l.share_child,
  l.change, c.at, c.effective
FROM citygis_lineage AS l JOIN line ON l.{near} = line.id JOIN citygis_change AS c ON c.id = l.change
WHERE l.layer = ? AND l.change {order} line.change AND l.undone_by IS NULL
"""


class Feature(NamedTuple):
    """A feature that the store has or had: its layer, its ``global_id`` (or key, without one), whether it holds now."""

    layer: str
    feature: str
    holds: bool


def features_named(work: Transaction, schema: Schema, name: str) -> list[Feature]:
    """
    The features, of now and of history, that a name means.

    Parameters
    ----------
    work : Transaction
    schema : Schema
    name : str
        A key as it is stored or written (191-190-74), or a ``global_id``.

    Raises
    ------
    StoreError
        If there is none.
    """
    spellings = list(dict.fromkeys([name.strip(), name.strip().replace("-", "").replace(" ", "")]))
    for shown in (False, True):
        found: dict[tuple[str, str], bool] = {}
        for layer in schema.layers.values():
            columns = _names_of(layer, shown=shown)
            for source, holds in ((layer.layer, True), (history_of(layer.layer), False)):
                if not columns:
                    continue
                test = " OR ".join(f"{quoted(column)} = ?" for column in columns for _ in spellings)
                known = "global_id" if has_global_id(layer) else quoted(layer.key[0])
                values = [spelling for _ in columns for spelling in spellings]
                for (feature,) in work.rows(f"SELECT DISTINCT {known} FROM {quoted(source)} WHERE {test}", *values):
                    if feature is not None:
                        found.setdefault((layer.layer, str(feature)), holds)
        if found:
            # What lies on the ground and holds comes before tables that tell of it, and before what it was.
            order = sorted(found, key=lambda key: (schema.layer(key[0]).geometry == "None", not found[key]))
            return [Feature(*key, found[key]) for key in order]
    raise StoreError(f"The store has and had no feature named {name!r}. Look at the spelling; all numbers: citygis report.")


def lineage_of(work: Transaction, schema: Schema, features: list[Feature]) -> pd.DataFrame:
    """
    Ancestors and descendants of features.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, ancestors first; see `citygis.store.Store.lineage`.
    """
    rows: list[tuple] = []
    for feature in features:
        if not has_global_id(schema.layer(feature.layer)):
            continue
        for near, far, step, order, start in (("child", "parent", "-1", "<", _LATE), ("parent", "child", "1", ">", -1)):
            sql = _WALK.format(near=near, far=far, step=step, order=order)
            rows += work.rows(sql, feature.feature, start, feature.layer, feature.layer)
    names = [name for name in COLUMNS if not name.endswith("_name")]
    # A feature that stayed is its own parent and its own child: the way up and the way down both tell it.
    frame = pd.DataFrame(rows, columns=names).drop_duplicates(["layer", "parent", "child", "change", "kind"])
    told: dict[tuple[str, str], str] = {}
    for layer, some in frame.groupby("layer"):
        told |= _named(work, schema.layer(layer), sorted({*some["parent"], *some["child"]}))
    for side in ("parent", "child"):
        named = [told.get((row[0], row[1])) for row in zip(frame["layer"], frame[side], strict=True)]
        frame[f"{side}_name"] = pd.Series(named, index=frame.index, dtype="str")
    order = ["change", "generation", "parent_name", "child_name", "parent", "child"]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    frame["effective"] = frame["effective"].map(lambda day: None if pd.isna(day) else str(day))
    types = {"generation": "int64", "change": "int64", "share_parent": "float64", "share_child": "float64"}
    return frame[list(COLUMNS)].astype(types)


def versions_of(work: Transaction, layer: Layer, feature: str) -> pd.DataFrame:
    """Every version of a feature, oldest first; ``cs_to`` is null in the one that holds."""
    table = work.table(layer.layer)
    known = "global_id" if has_global_id(layer) else layer.key[0]
    names, test = [*layer.names, "cs_from"], f"{quoted(known)} = ?"
    past = versions(work, table, history_of(layer.layer), [*names, "cs_to"], test, feature)
    now = versions(work, table, table.name, names, test, feature)
    now = now.assign(cs_to=pd.Series(pd.NA, index=now.index, dtype="Int64"))
    return pd.concat([past, now], ignore_index=True) if len(past) else now.reset_index(drop=True)


def _names_of(layer: Layer, *, shown: bool) -> list[str]:
    """The columns that a name is looked for in: key and identifier; or, where those find nothing, how a key is written."""
    if shown:
        return [f"{key}_display" for key in layer.key if f"{key}_display" in layer.names]
    keys = [key for key in layer.key if layer.field(key).type in _TEXT]
    return [*keys, "global_id"] if has_global_id(layer) else keys


def _named(work: Transaction, layer: Layer, ids: list[str]) -> dict[tuple[str, str], str]:
    names = {}
    keys = ", ".join(map(quoted, layer.key))
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        for source in (history_of(layer.layer), layer.layer):
            sql = f"SELECT global_id, {keys} FROM {quoted(source)} WHERE global_id IN ({', '.join('?' * len(some))})"
            for feature, *parts in work.rows(sql, *some):
                names[layer.layer, feature] = " ".join("" if part is None else str(part) for part in parts)
    return names
