"""
The frames of a LandXML file as layers of `read` and `inspect`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.landxml import LAYERS, LandXML, read_landxml
from citygis.readers.raw import Raw
from citygis.readers.wkb import Problem

FORMAT = "LandXML"


def layer_names(path: Path) -> dict[str, bool]:
    """The layers that a file has something in, and whether they have geometry, which all have. Errors as `read_landxml`."""
    read = read_landxml(path)
    return {name: True for name in LAYERS if len(getattr(read, name))}


def read_layer(path: Path, layer: str, *, source_crs: CRS | None = None) -> Raw:
    """
    One layer of a LandXML file. What its findings say goes into the notes; a figure that could not be drawn is R01, one with true
    curves R02.

    Raises
    ------
    ReadError
        As `read_landxml`, or if there is no such layer.
    CRSError
        As `read_landxml`.
    """
    read = read_landxml(path, source_crs=source_crs)
    if layer not in LAYERS:
        raise ReadError(f"{path.name} has no layer {layer!r}. It has: {', '.join(LAYERS)}.")
    frame = getattr(read, layer)
    refs = frame["source_ref"].to_numpy() if layer != "courses" else frame["line_id"].to_numpy()
    table = pd.DataFrame(frame.drop(columns=["geometry", "source_ref"] if layer != "courses" else "geometry"))
    table = table.rename(columns={"source_ref": "figure"})
    return Raw(
        table, frame.geometry.to_numpy(), refs.astype(str), read.crs_stated, read.crs_says, _problems(read, layer), _notes(read)
    )  # fmt: skip


def _problems(read: LandXML, layer: str) -> list[Problem]:
    frame = getattr(read, layer)
    if layer == "courses":
        curved = frame["kind"] != "line"
        return [Problem(int(row), "R02", "A true curve, drawn as chords.") for row in np.flatnonzero(curved)]
    said: dict[str, str] = {}
    for code, ref, message in zip(*(read.findings[name] for name in ("code", "feature", "message")), strict=True):
        if code in ("X06", "X07") and isinstance(ref, str):
            said[ref] = f"{said[ref]} {message}" if ref in said else message
    curved = set(read.courses.loc[read.courses["kind"] != "line", "source_ref"])
    problems = []
    for row, (ref, shape) in enumerate(zip(frame["source_ref"], frame.geometry, strict=True)):
        if shape is None:
            problems.append(Problem(row, "R01", said.get(ref, f"{ref} has no place.")))
        elif ref in curved:
            problems.append(Problem(row, "R02", "True curves, drawn as chords; the courses have them."))
    return problems


def _notes(read: LandXML) -> list[str]:
    """The file's findings, those of one code and rule together."""
    findings = read.findings[read.findings["severity"] != "info"]
    notes = []
    for (code, rule), group in findings.groupby(["code", "rule"], sort=True):
        more = f" And {len(group) - 1:,} more of this kind." if len(group) > 1 else ""
        notes.append(f"{code} {rule}: {group['message'].iloc[0]}{more}")
    return notes
