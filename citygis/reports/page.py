"""
An answer as a web page that stands alone: no script, nothing fetched, prints as it is.
"""

from importlib import resources
from pathlib import Path

import jinja2

from citygis.publish import publish_text
from citygis.reports.answer import Answer
from citygis.reports.connection import Cell


def write_page(path: Path | str, answer: Answer, *, overwrite: bool = False) -> list[str]:
    """
    Write an answer as HTML. All text in it is escaped.

    Parameters
    ----------
    path : path
    answer : Answer
    overwrite : bool

    Returns
    -------
    list of str
        Remarks: none.

    Raises
    ------
    StoreError
        If the file exists or cannot be written.
    """
    template = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string((resources.files("citygis.reports") / "page.html.j2").read_text(encoding="utf-8"))
    numeric = [_is_numeric([row[i] for row in answer.rows]) for i in range(len(answer.columns))]
    publish_text(path, template.render(answer=answer, numeric=numeric, spelt=_spelt), overwrite=overwrite)
    return []


def _is_numeric(values: list[Cell]) -> bool:
    given = [value for value in values if value is not None]
    return bool(given) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in given)


def _spelt(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.4g}"
    return str(value)
