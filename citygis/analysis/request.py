"""
A request: a question and what it is asked with, from the command line or from a small TOML file that a clerk fills in.
"""

import datetime
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.answer import Answer
from citygis.analysis.layers import load_first
from citygis.analysis.questions import Parameter, Question, questions
from citygis.analysis.tables import read_table
from citygis.city import City
from citygis.errors import AnalysisError, CRSError
from citygis.geodesy import transform_frame
from citygis.gpkg import layers_of, read_geopackage
from citygis.readers import read
from citygis.settings import Settings, load
from citygis.store import Store


class Request(Settings):
    """
    A request file: ``question``, what is asked in ``[parameters]``, and a word on who asks and why (`asked_by`, `case`).

    File names in it are looked for beside it.
    """

    question: str
    asked_by: str = ""
    case: str = ""
    parameters: dict[str, Any] = {}

    @classmethod
    def from_file(cls, path: Path | str) -> "Request":
        """
        The request a TOML file describes.

        Raises
        ------
        SettingsError
            If the file is missing, is not TOML, or does not say what it must.
        """
        return load(path, cls)


def question(name: str) -> Question:
    """
    The question called `name`.

    Raises
    ------
    AnalysisError
        If there is none; the message gives the nearest.
    """
    known = questions()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {close[0]!r}?" if close else f". There are: {', '.join(known)}."
        raise AnalysisError(f"There is no question {name!r}{meant}")
    return known[name]


def keywords(asked: Question, given: Mapping[str, Any], *, city: City, folder: Path = Path()) -> dict[str, Any]:
    """
    What a question is asked with, as its function takes it.

    Parameters
    ----------
    asked : Question
    given : mapping of str to object
        By the parameter's name or its option's: texts as from a command line, or values as from a TOML file.
    city : City
    folder : Path
        Where files are looked for.

    Returns
    -------
    dict of str to object
        Numbers, dates, frames.

    Raises
    ------
    AnalysisError
        If a name is unknown, a required one is missing, or a value is not of its kind.
    """
    by_name = {name: each for each in asked.parameters for name in (each.name, each.option) if name}
    out: dict[str, Any] = {}
    for name, value in given.items():
        each = by_name.get(name) or by_name.get(name.replace("-", "_"))
        if each is None:
            close = difflib.get_close_matches(name, by_name, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else f". It asks for: {', '.join(p.name for p in asked.parameters)}."
            raise AnalysisError(f"The question {asked.name!r} does not ask for {name!r}{meant}")
        if each.many:
            values = value if isinstance(value, (list, tuple)) else [value]
            out[each.name] = [_value(each, one, city, folder) for one in values]
        else:
            out[each.name] = _value(each, value, city, folder)
    missing = [each.option or each.name for each in asked.parameters if each.required and each.name not in out]
    if missing:
        raise AnalysisError(f"The question {asked.name!r} needs {', '.join(missing)}.")
    return out


def answered(asked: Question, source: Path | str | Store, given: Mapping[str, Any], *, city: City) -> Answer:
    """
    Ask a question of a GeoPackage or of the City's geodatabase.

    Parameters
    ----------
    asked : Question
    source : path or Store
    given : mapping of str to object
        As `keywords` gives them.
    city : City

    Raises
    ------
    AnalysisError
        If a layer that the question needs is not there.
    """
    layers = layers_for(asked, source)
    missing = [name for name in asked.layers if name not in layers]
    if missing:
        raise AnalysisError(
            f"The question {asked.name!r} needs {', '.join(missing)}, which {_named(source)} does not have."
            f" {load_first(missing[0])}"
        )
    # The store has every layer of the schema: one without a row is one that the City does not have.
    optional = {
        keyword: layers[name]
        for keyword, name in asked.optional.items()
        if name in layers and (len(layers[name]) or name in OF_THE_STORE)
    }
    return asked.answer(*(layers[name] for name in asked.layers), **{**optional, **given}, city=city)


def layers_for(asked: Question, source: Path | str | Store) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """The layers of a question that `source` has."""
    return layers_named((*asked.layers, *asked.optional.values()), source)


def layers_named(names: tuple[str, ...], source: Path | str | Store) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """Those of some layers that `source` has, whole."""
    if isinstance(source, Store):
        there, fetch = {info.name for info in source.layers()}, source.read
    else:
        there, fetch = {info.name for info in layers_of(source)}, lambda name: read_geopackage(source, name)
    return {name: fetch(name) for name in names if name in there}


def _value(each: Parameter, value: Any, city: City, folder: Path) -> Any:
    try:
        match each.kind:
            case "number":
                return _number(value)
            case "integer":
                number = _number(value)
                if number != int(number):
                    raise ValueError("must be a whole number")
                return int(number)
            case "date":
                return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
            case "flag":
                if not isinstance(value, bool):
                    raise ValueError("must be true or false")
                return value
            case "table":
                said = value if isinstance(value, Mapping) else {"source": value}
                return _table(said, folder)
            case "layer":
                return _in_city(read(folder / str(value)), str(value), city)
            case "file":
                return folder / str(value)
            case _:
                return str(value)
    except ValueError as error:
        raise AnalysisError(f"{each.option or each.name} = {value!r}: {error}. Must be {_KINDS[each.kind]}.") from None


def _table(said: Mapping[str, Any], folder: Path) -> pd.DataFrame:
    """A table by its file or address; a request file may say ``{ source, query, values, sheet }``."""
    unknown = sorted(set(said) - {"source", "query", "values", "sheet"})
    if unknown or "source" not in said:
        raise ValueError(f"unknown {', '.join(unknown)}" if unknown else "no source")
    return read_table(str(said["source"]), **{key: value for key, value in said.items() if key != "source"}, folder=folder)


OF_THE_STORE = ("apn_history", "source_document")
"""Tables that the store writes itself: without a row, nothing was renumbered and nothing is on record."""

_KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "date": "a day such as 2026-01-31",
    "flag": "true or false",
    "table": "a CSV or XLSX file, or a database's address with #TABLE",
    "layer": "a file of features",
    "file": "a file",
    "text": "text",
}


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    number = float(value)
    if not np.isfinite(number):
        raise ValueError("must be finite")
    return number


def _in_city(frame: gpd.GeoDataFrame | pd.DataFrame, name: str, city: City) -> gpd.GeoDataFrame:
    """Features of an outside file in the City's system, by an operation that is named or refused."""
    if not isinstance(frame, gpd.GeoDataFrame):
        raise AnalysisError(f"{name} has no geometry. Give a file of features.")
    if frame.crs is None:
        raise CRSError(
            f"{name} has no CRS. Ask its maker; convert it with the system stated: citygis convert {name} --source-crs EPSG:n."
        )
    moved, _ = transform_frame(frame, city.crs, same_datum=city.same_datum, tolerance_ft=city.tolerance_ft("sketch"))
    return moved


def _named(source: Path | str | Store) -> str:
    return str(source.place if isinstance(source, Store) else source)
