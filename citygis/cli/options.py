"""What the commands share: their options, and how they print."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from citygis.city import City

city_option = click.option(
    "--city",
    "city_folder",
    type=click.Path(),
    metavar="DIR",
    help="The City's folder (with city.toml). Without it: this folder if it is a City's, else packaged defaults.",
)
source_option = click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE.gpkg",
    help="Layers from here, not from the City's store.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
quiet_option = click.option("--quiet", is_flag=True, help="No progress and no remarks on standard error.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist already.")


def field_values(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The values by field of ``--set FIELD=VALUE``."""
    said = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.strip() or not text.strip():
            raise click.BadParameter(f"{value!r} must be FIELD=VALUE, like kind=FOUND.")
        said[name.strip()] = text.strip()
    return said


def open_city_option(folder: str | None) -> "City":
    """
    The City of `--city DIR`; without it the City whose folder this is, else the packaged defaults.

    Errors as `citygis.city.open_city`.
    """
    from citygis.city import default_city, open_city

    if folder is None and Path("city.toml").is_file():
        note("The City is the one of this folder (city.toml).")
        return open_city(".")
    return open_city(folder) if folder else default_city()


def table(rows: Iterable[Sequence[Any]], columns: Sequence[str], *, title: str | None = None) -> None:
    """
    Print a table to standard output.

    Parameters
    ----------
    rows : iterable of sequences
        Numbers are set to the right, with thousands separated. None prints as nothing.
    columns : sequence of str
    title : str, optional
    """
    import io

    from rich import box
    from rich.console import Console
    from rich.table import Table

    rows = [list(row) for row in rows]
    printed = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for i, name in enumerate(columns):
        numeric = any(_is_number(row[i]) for row in rows) and all(row[i] is None or _is_number(row[i]) for row in rows)
        printed.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        printed.add_row(*(_cell(value) for value in row))
    # Into a file or a pipe: no wrapping of what somebody wants to search, and no blanks at line ends.
    console = Console(
        file=io.StringIO(), width=Console().width if sys.stdout.isatty() else 100_000, markup=False, highlight=False, emoji=False
    )
    console.print(printed)
    click.echo("\n".join(line.rstrip() for line in console.file.getvalue().splitlines()))


def emit_json(value: Any) -> None:
    """Print one JSON value on standard output. NaN and infinity, which JSON has not, print as null."""
    click.echo(json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def note(text: str, *, quiet: bool = False) -> None:
    """A remark on standard error, unless `quiet`."""
    if not quiet:
        click.echo(text, err=True)


def progress(items: Iterable, *, total: int | None = None, description: str = "", quiet: bool = False) -> Iterator:
    """`items`, with a progress bar on standard error where that is a terminal."""
    from tqdm.auto import tqdm

    return iter(tqdm(items, total=total, desc=description, file=sys.stderr, disable=quiet or not sys.stderr.isatty(), leave=False))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.4g}"
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
