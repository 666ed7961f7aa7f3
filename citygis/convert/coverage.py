"""How each City field was filled, and what of a delivery nothing reads."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from citygis.convert.crosswalk import Crosswalk
from citygis.convert.fields import Filled, Problem
from citygis.schema import Field, Layer


def coverage_of(
    layer: Layer,
    walk: Crosswalk,
    filled: dict[str, Filled],
    made: pd.DataFrame,
    problems: list[Problem],
    kept: np.ndarray,
    outside: Sequence[str],
) -> pd.DataFrame:
    """
    The coverage of a mapping.

    Returns
    -------
    DataFrame
        One row per City field, then one per outside column that no field reads (``field`` null).

        ``field``; ``source``, the outside columns; ``how``: mapped, constant, default, computed, store (filled at the load),
        empty, unused or ignored; ``filled``, rows of the layer with a value, and ``filled_share``; ``distinct`` values;
        ``defaulted``, rows that got the default; ``quarantined``, rows kept out because of this field; ``reason``, what the
        crosswalk says of it.
    """
    used = {name for rule in walk.fields.values() for name in rule.columns} | set(walk.stack)
    rows = []
    for field in (*layer.fields, None) if "geometry" in made else layer.fields:
        name = field.name if field else "geometry"
        values = made[name]
        out = {int(row) for problem in problems if problem.field == name for row in problem.rows}
        rule = walk.fields.get(name)
        source = rule.columns if rule else walk.stack if name == "stack_id" else ()
        rows.append(
            {
                "field": name,
                "source": ", ".join(source) or None,
                "how": _how(field, walk, filled),
                "filled": int(values.notna().sum()),
                "distinct": int(values.nunique()) if field else None,
                "defaulted": int(filled[name].defaulted[kept].sum()) if name in filled else 0,
                "quarantined": len(out),
                "reason": rule.reason or None if rule else None,
            }
        )
    for name in outside:
        if name not in used:
            ignored = name in walk.ignore.fields
            reason = walk.ignore.reason if ignored else walk.unmatched.get(name)
            rows.append({"source": name, "how": "ignored" if ignored else "unused", "reason": reason or None})
    coverage = pd.DataFrame(rows)
    coverage.insert(4, "filled_share", coverage["filled"] / len(made) if len(made) else np.nan)
    for name in ("filled", "distinct", "defaulted", "quarantined"):
        coverage[name] = coverage[name].astype("Int64")
    for name in ("field", "source", "how", "reason"):
        coverage[name] = coverage[name].astype("str")
    return coverage


def _how(field: Field | None, walk: Crosswalk, filled: dict[str, Filled]) -> str:
    if field is None:
        return "mapped"
    rule = walk.fields.get(field.name)
    if rule is not None:
        return "constant" if rule.constant is not None else "mapped" if rule.columns else "default"
    if field.name == "stack_id" and walk.stack:
        return "mapped"
    if field.filled_by == "store":
        return "store"
    if field.computed and field.name not in filled:
        return "computed"
    return "default" if field.default is not None else "empty"
