"""
A form for each question, made of what it asks for, and what a clerk filled in brought back into what its function takes.

Files are never named by a path: the server lists the City's folder for the desk, and takes only a name from that list.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from citygis.analysis import Parameter, Question
from citygis.city import City
from citygis.desk.holdings import OWNERS
from citygis.errors import AnalysisError

FOLDER = "desk"
"""The folder of the City's folder whose files may be given to a question."""

SUFFIXES: dict[str, tuple[str, ...]] = {
    "table": (".csv", ".xlsx"),
    "layer": (".gpkg", ".geojson", ".json", ".zip", ".kmz", ".kml", ".shp", ".dxf", ".csv", ".parquet"),
    "file": (".tif", ".tiff", ".txt", ".key"),
}
"""By kind of parameter, the files that are offered for it."""

OF_OWNERS = ("roll", "names", "contiguous_owner", "occupants", "public")
"""Parameters that read or tell owners and occupants, which the public profile does not offer; ``public`` is always on there."""

LONGEST = 2_000
"""Characters of one field."""

_PLAIN = re.compile(r"\w[\w .()-]*")


class Field(NamedTuple):
    """
    One field of a form.

    Parameters
    ----------
    parameter : Parameter
    name : str
        Of the control.
    label : str
    files : tuple of str
        Names that may be chosen, for a table, layer or file.
    is_parcel : bool
        Whether parcels are asked for, which the map and the search can give.
    """

    parameter: Parameter
    name: str
    label: str
    files: tuple[str, ...]
    is_parcel: bool


def unavailable(asked: Question, layers: Mapping[str, Any], *, owners: bool) -> str:
    """
    Why a question cannot be asked at this desk; empty when it can.

    Parameters
    ----------
    asked : Question
    layers : mapping of str to frame
        What the desk holds.
    owners : bool
        Whether the desk reads the roll.
    """
    if OWNERS in asked.layers and not owners:
        return "It needs the assessor's roll, which this desk does not read (profile public)."
    missing = [name for name in asked.layers if name not in layers or not len(layers[name])]
    return f"The City's store has no {', '.join(name.replace('_', ' ') for name in missing)} yet." if missing else ""


def fields(asked: Question, city: City, *, owners: bool) -> list[Field]:
    """
    The fields of a question's form, required ones first.

    Parameters
    ----------
    asked : Question
    city : City
    owners : bool
        Whether the desk reads the roll; without it `OF_OWNERS` are left out.
    """
    out = []
    for each in asked.parameters:
        if each.name in OF_OWNERS and (not owners or each.name == "roll"):
            continue
        name = each.option or each.name
        files = tuple(offered(city, each.kind)) if each.kind in SUFFIXES else ()
        is_parcel = each.name == "subject" and each.kind == "text"
        label = "Parcel numbers" if is_parcel else name.replace("_", " ").capitalize()
        out.append(Field(each, name, label.replace(" ft", ", ft"), files, is_parcel))
    return sorted(out, key=lambda field: not (field.parameter.required or field.is_parcel))


def offered(city: City, kind: str) -> dict[str, Path]:
    """
    Files of the City's desk folder for a kind of parameter, by name.

    Only files that lie in the folder itself are there: no folders, no hidden files, no links, and no name with a sign that could
    mean something to who reads it.
    """
    folder = city.folder / FOLDER if city.folder else None
    if folder is None or not folder.is_dir():
        return {}
    there = sorted(folder.iterdir())
    return {
        path.name: path
        for path in there
        if path.suffix.lower() in SUFFIXES[kind] and _PLAIN.fullmatch(path.name) and path.is_file() and not path.is_symlink()
    }


def filled_in(asked: Question, form: Mapping[str, Sequence[str]], city: City, *, owners: bool) -> dict[str, Any]:
    """
    What a form says, as `citygis.analysis.request.keywords` takes it.

    Parameters
    ----------
    asked : Question
    form : mapping of str to sequence of str
        As it was sent. Empty fields count as not given.
    city : City
    owners : bool
        As `fields`; under the public profile ``public`` is set where the question has it.

    Returns
    -------
    dict of str to object
        By parameter name: text, lists of text, True, and names of files in the City's desk folder.

    Raises
    ------
    AnalysisError
        If a field is too long, or a file is not one of those offered.
    """
    out: dict[str, Any] = {}
    for field in fields(asked, city, owners=owners):
        each, values = field.parameter, [value.strip() for value in form.get(field.name, ()) if value.strip()]
        if not values:
            continue
        if any(len(value) > LONGEST for value in values):
            raise AnalysisError(f"{field.label}: more than {LONGEST:,} characters. Say less.")
        if each.kind == "flag":
            out[each.name] = True
        elif each.kind in SUFFIXES:
            names = offered(city, each.kind)
            if values[0] not in names:
                raise AnalysisError(
                    f"{field.label}: no such file is offered. Put it into the City's folder {FOLDER!r} and choose it."
                )
            out[each.name] = values[0]
        elif each.many:
            out[each.name] = [part.strip() for value in values for part in value.replace(",", "\n").splitlines() if part.strip()]
        else:
            out[each.name] = values[0]
    if not owners and any(each.name == "public" for each in asked.parameters):
        out["public"] = True
    return out
