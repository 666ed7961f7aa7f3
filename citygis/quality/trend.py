"""
What changed between runs: which findings are new, which are gone, which still stand.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from citygis.errors import ReadError
from citygis.findings import SEVERITIES

STANDINGS = ("new", "returned", "still")
"""How a finding stands to the runs before: in none of them; not in the last, but in an earlier one; in the last."""


def read_run(path: Path | str) -> list[dict]:
    """
    The findings of an earlier run, from the ``findings.json`` it wrote.

    Parameters
    ----------
    path : path
        The file, or the folder it lies in.

    Returns
    -------
    list of dict
        As `citygis.quality.records` made them.

    Raises
    ------
    ReadError
        If the file is missing, or is not a list of findings.
    """
    path = Path(path)
    path = path / "findings.json" if path.is_dir() else path
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read: {error.strerror}. Name the findings.json of an earlier run, or its folder."
        ) from None
    except ValueError as error:  # JSON and UTF-8 alike
        raise ReadError(f"{path} is not JSON: {error}. Name the findings.json of an earlier run.") from None
    needed = {"finding_id", "code", "severity"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and needed <= set(row) for row in rows):
        raise ReadError(f"{path} is not a list of findings (each with {', '.join(sorted(needed))}). Name one that citygis wrote.")
    return rows


def standing(previous: Sequence[Sequence[Mapping]], findings: pd.DataFrame) -> pd.Series:
    """
    How each finding stands to the runs before.

    Parameters
    ----------
    previous : sequence of runs
        Oldest first, each a list of findings as `read_run` gives it.
    findings : findings frame

    Returns
    -------
    Series of str
        One of `STANDINGS`, on the index of `findings`. A finding is known by its ``finding_id``, which holds until the ground
        changes.
    """
    last = {row["finding_id"] for row in previous[-1]} if previous else set()
    earlier = {row["finding_id"] for run in previous[:-1] for row in run}
    told = ["still" if each in last else "returned" if each in earlier else "new" for each in findings["finding_id"]]
    return pd.Series(told, index=findings.index, dtype="str", name="standing")


def trend(previous: Sequence[Sequence[Mapping]], findings: pd.DataFrame, *, excused: pd.DataFrame | None = None) -> pd.DataFrame:
    """
    By rule, what is new since the last run, what is gone and what still stands.

    Parameters
    ----------
    previous : sequence of runs
        Oldest first, each a list of findings as `read_run` gives it.
    findings : findings frame
        Of this run.
    excused : findings frame, optional
        Those of this run that an exception covers. One that stood in the last run counts as ``excused`` and not as gone:
        nobody mended it.

    Returns
    -------
    DataFrame
        Columns ``code``, ``severity`` (the worst of either run), ``before`` (how many the last run had), ``new``, ``returned``,
        ``gone``, ``excused``, ``still`` and ``now``; before = still + gone + excused, now = still + new + returned. One row per
        code of either run, worst first, those with most new ones before the others.
    """
    last = pd.DataFrame(list(previous[-1]) if previous else [], columns=["finding_id", "code", "severity"])
    pardoned = set(excused["finding_id"]) if excused is not None else set()
    now = pd.DataFrame(findings)[["finding_id", "code", "severity"]].assign(standing=standing(previous, findings))
    left = last[~last["finding_id"].isin(now["finding_id"])]
    is_excused = left["finding_id"].isin(pardoned)
    columns = {
        "before": last["code"],
        **{name: now.loc[now["standing"] == name, "code"] for name in ("new", "returned")},
        "gone": left.loc[~is_excused, "code"],
        "excused": left.loc[is_excused, "code"],
        "still": now.loc[now["standing"] == "still", "code"],
        "now": now["code"],
    }
    table = pd.DataFrame({name: codes.value_counts() for name, codes in columns.items()}, dtype=float).fillna(0).astype(int)
    rank = pd.concat([last[["code", "severity"]], now[["code", "severity"]]])
    worst = rank.assign(rank=rank["severity"].map({name: i for i, name in enumerate(SEVERITIES)})).groupby("code")["rank"].min()
    table = table.rename_axis("code").reset_index()
    table.insert(1, "severity", [SEVERITIES[int(worst[code])] for code in table["code"]])
    order = table.assign(rank=table["code"].map(worst)).sort_values(["rank", "new", "code"], ascending=[True, False, True])
    return table.loc[order.index].reset_index(drop=True)
