"""How commands tell what they made: frames as rows of JSON, findings as a table that can be read, and where the result lies."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from citygis.cli.options import note, table

if TYPE_CHECKING:
    import pandas as pd

    from citygis.city import City

FINDING = ("code", "rule", "severity", "feature", "message", "remedy")
"""What a summary tells of a finding, where a command has no reason to tell more."""

ENDED_SHOWN = 5
"""Exceptions that do not hold any more, told one by one."""


def place_of(city: "City") -> str:
    """Where the City's geodatabase is: its file, or its database without a password."""
    from citygis.store import database_of

    return database_of(city).place


def require_geopackage_name(path: Path) -> None:
    """Refuse another suffix than .gpkg for a file that is written as one (wrong usage)."""
    if path.suffix.lower() != ".gpkg":
        raise click.BadParameter(f"{path} must be named .gpkg: a GeoPackage is written.", param_hint="--out")


def given(value: Any) -> Any:
    """A value, or None for nothing: null, and a number that is none."""
    import pandas as pd

    return None if pd.isna(value) or (isinstance(value, float) and not math.isfinite(value)) else value


def plain_rows(frame: "pd.DataFrame", columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """
    The rows of a frame as dicts, nulls as None.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of str, optional
        Only these; all but ``geometry`` without it.
    """
    import pandas as pd

    plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore") if columns is None else frame[list(columns)])
    return [{name: given(value) for name, value in row.items()} for row in plain.to_dict("records")]


def counts(values: "pd.Series") -> dict[str, int]:
    """How often each value occurs, in the order of the values."""
    return {str(value): int(n) for value, n in values.value_counts().sort_index().items()}


def note_ended(ended: "pd.DataFrame", *, quiet: bool) -> None:
    """Remarks on exceptions that do not hold any more: rows of `citygis.quality.exceptions.Applied.expired`."""
    for row in ended.head(ENDED_SHOWN).itertuples():
        said = f"Exception {row.finding_id} ({row.code}, {row.features or row.layer}) does not hold any more: {row.why}."
        note(said, quiet=quiet)
    if len(ended) > ENDED_SHOWN:
        note(f"and {len(ended) - ENDED_SHOWN:,} more exceptions that do not hold any more", quiet=quiet)


def print_findings(findings: list[dict[str, Any]], *, shown: int) -> None:
    """
    A table of findings: of each code the first few and how many more, because a hundred lines that say one thing are a wall.

    Parameters
    ----------
    findings : list of dict
        With the keys `FINDING`.
    shown : int
        How many of one code.
    """
    rows: list[tuple] = []
    by_code: dict[str, list[dict[str, Any]]] = {}
    for row in findings:
        by_code.setdefault(row["code"], []).append(row)
    for code, same in by_code.items():
        rows += [(code, row["severity"], row["feature"], row["message"], row["remedy"]) for row in same[:shown]]
        if len(same) > shown:
            rows.append((code, same[-1]["severity"], None, f"and {len(same) - shown:,} more like these (all with --json)", None))
    table(rows, ["code", "severity", "feature", "finding", "what to do"], title="Findings")


def print_outcome(summary: dict[str, Any]) -> None:
    """Where the result is: ``out``, or ``store`` with its ``change_id``."""
    if summary["out"]:
        click.echo(f"Written: {summary['out']}")
    elif summary["change_id"] is None:
        click.echo("Nothing to change: the geodatabase says all this already.")
    else:
        click.echo(f"Loaded into {summary['store']} as change {summary['change_id']}.")
