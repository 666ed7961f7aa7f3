"""
JSON features as they were written, looked at beside what the driver makes of them: it turns what it does not understand into null.
"""

import codecs
import json
import re

import numpy as np
import pandas as pd
import shapely

from citygis.errors import ReadError
from citygis.readers import esri
from citygis.readers.formats import Dataset
from citygis.readers.wkb import Problem, Unreadable


def require_whole(dataset: Dataset) -> None:
    """
    Refuse JSON that is not UTF-8, and a server's answer that says itself that it is not all of the layer.

    Raises
    ------
    ReadError
        With the place of the first byte that is not UTF-8.
    """
    decoder, position = codecs.getincrementaldecoder("utf-8")(), 0
    with open(dataset.path, "rb") as file:
        while True:
            chunk = file.read(1 << 22)
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                byte = f"byte {position - waiting + error.start:,} (0x{error.object[error.start]:02X})"
                raise ReadError(
                    f"{dataset.shown}: {byte} is not UTF-8, which JSON must be (RFC 8259, section 8.1). "
                    "Ask the sender to save it as UTF-8."
                ) from None
            if re.search(rb'"exceededTransferLimit"\s*:\s*true', chunk):
                raise ReadError(
                    f"{dataset.shown} is only the first part of a layer: the server stopped at its limit (exceededTransferLimit). "
                    "Ask for the whole layer, as a GeoPackage or file geodatabase."
                )
            position += len(chunk)
            if not chunk:
                return


def long_integers(attributes: pd.DataFrame) -> list[Problem]:
    """R04 for whole numbers beyond 64 bits, of which the driver keeps some 16 digits."""
    problems = []
    for name in attributes.select_dtypes("float"):
        values = attributes[name].to_numpy()
        for row in np.flatnonzero(np.isfinite(values) & (np.abs(values) >= 2**63)):
            message = f"Field {name} was sent as a number too long to be kept, about {values[row]:.6g}. Ask for it as text."
            problems.append(Problem(int(row), "R04", message))
    return problems


def made_up_for(
    dataset: Dataset, layer: str, shapes: np.ndarray, problems: list[Problem], *, sagitta: float
) -> tuple[np.ndarray, list[Problem]]:
    """
    Geometries that were sent but that the driver made null or empty.

    Parameters
    ----------
    dataset : Dataset
        Of a JSON format.
    layer : str
    shapes : array of geometries
        As the driver gave them. Not modified.
    problems : list of Problem
        Those known; their rows are left alone.
    sagitta : float
        As in `citygis.readers.wkb.geometries`.

    Returns
    -------
    array of geometries
        `shapes` with the true curves of Esri JSON drawn, and null where nothing can be made.
    list of Problem
        Only the new ones: R01, R02 or R03.
    """
    told = {problem.row for problem in problems if problem.code in ("R01", "R03")}
    absent = [row for row in np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes)) if row not in told]
    if not absent:
        return shapes, []
    sent = sent_geometries(dataset, layer)
    shapes, found = shapes.copy(), []
    for row in absent:
        geometry = sent[row] if row < len(sent) else None
        if geometry is None or _is_empty(geometry):
            continue
        try:
            shapes[row] = None
            shapes[row] = _curve(geometry, sagitta)
            found.append(Problem(int(row), "R02", "A true curve was drawn as chords; its radius is only in the file as sent."))
        except Unreadable as reason:
            found.append(Problem(int(row), reason.code, str(reason)))
    return shapes, found


def sent_geometries(dataset: Dataset, layer: str) -> list:
    """The geometry of each feature of a JSON file, as written; an empty list when it cannot be told."""
    text = dataset.path.read_text(encoding="utf-8-sig")
    try:
        if dataset.format == "GeoJSONSeq":
            features = [json.loads(line.lstrip("\x1e")) for line in text.splitlines() if line.strip("\x1e \t")]
            return [feature.get("geometry") for feature in features]
        document = json.loads(text)
        if dataset.format == "TopoJSON":
            found = document["objects"][layer].get("geometries", [])
            return [None if geometry.get("type") is None else geometry for geometry in found]
        return [feature.get("geometry") for feature in document.get("features", [document])]
    except (ValueError, KeyError, AttributeError, TypeError):
        return []


def _is_empty(geometry) -> bool:
    """Whether a geometry was sent without coordinates, which is another way to write null (RFC 7946, section 3.1)."""
    return isinstance(geometry, dict) and any(
        geometry.get(key) == [] for key in ("coordinates", "geometries", "arcs", "rings", "paths", "points")
    )


def _curve(geometry, sagitta: float) -> shapely.Geometry:
    if isinstance(geometry, dict) and esri.is_curved(geometry):
        return esri.curved(geometry, sagitta=sagitta)
    shown = json.dumps(geometry)
    shown = shown if len(shown) <= 120 else f"{shown[:120]}..."
    if re.search(r"\b(NaN|Infinity)\b", shown):
        raise Unreadable("R03", f"A coordinate is not a finite number, and the geometry was left out: {shown}")
    raise Unreadable("R01", f"The geometry is none that the format allows: {shown}")
