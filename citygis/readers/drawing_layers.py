"""
The frames of a CAD drawing as layers of `read` and `inspect`.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from citygis.errors import ReadError
from citygis.readers.raw import Raw
from citygis.readers.wkb import Problem

if TYPE_CHECKING:
    from citygis.readers.dxf import Drawing

FORMATS = ("DXF", "DWG")
LAYERS = ("lines", "texts", "points", "inserts", "leaders")
"""The frames of `citygis.readers.dxf.Drawing`: what the drawing itself calls a layer is their column ``layer``."""

_SHOWN = 12


def layer_names(path: Path) -> dict[str, bool]:
    """The frames that a drawing has something in; all have geometry. Errors as `read_layer`."""
    drawing = _drawing(path)
    return {name: True for name in LAYERS if len(getattr(drawing, name))}


def read_layer(path: Path, layer: str) -> Raw:
    """
    One frame of a drawing, in the unit of the drawing. What its findings say goes into the notes; an arc, whose centre, radius and
    angle are in the columns, is R02 like any curve drawn as chords, a text with lost letters R04.

    Raises
    ------
    ReadError
        As `citygis.readers.dxf.read_dxf` and `citygis.readers.dwg.read_dwg`, or if there is no such frame.
    """
    if layer not in LAYERS:
        raise ReadError(f"{path.name} has no layer {layer!r}. It has: {', '.join(LAYERS)}.")
    drawing = _drawing(path)
    frame = getattr(drawing, layer)
    part = frame["part"].to_numpy()
    rows = np.array([f"{handle}.{number}" if number > 1 else handle for handle, number in zip(frame["handle"], part, strict=True)])
    table = pd.DataFrame(frame.drop(columns=["geometry", "source_ref"]))
    # Where GEODATA moves the numbers of the drawing, they are not in the system it names.
    crs = None if drawing.hint.is_local or not drawing.hint.is_east_first else drawing.hint.crs
    says = f"is a drawing; {drawing.hint.geodata}" + (", and its own numbers are local" if drawing.hint.is_local else "")
    return Raw(table, frame.geometry.to_numpy(), rows.astype(str), crs, says, _problems(frame, layer), _notes(drawing, layer))


def _problems(frame: pd.DataFrame, layer: str) -> list[Problem]:
    if layer == "texts":
        message = "Letters of it were lost: they cannot be decoded, or it was cut."
        return [Problem(int(row), "R04", message) for row in np.flatnonzero(frame["is_repaired"])]
    if layer != "lines":
        return []
    arcs, chords = (frame["kind"] == "arc").to_numpy(), frame["is_approximate"].to_numpy()
    return [
        Problem(int(row), "R02", "A curve that is no arc, drawn as chords." if chords[row] else "An arc, drawn as chords.")
        for row in np.flatnonzero(arcs | chords)
    ]


def _notes(drawing: "Drawing", layer: str) -> list[str]:
    """The findings of the drawing, what its layers hold of this frame, and what it says of its unit."""
    findings = drawing.findings[drawing.findings["severity"] != "info"]
    notes = [f"{row.code} {row.rule}: {row.message}" for row in findings.itertuples()]
    counted = getattr(drawing, layer)["layer"].value_counts().sort_index()
    shown = "; ".join(f"{name} {count:,}" for name, count in counted.head(_SHOWN).items())
    more = f"; and {len(counted) - _SHOWN:,} more" if len(counted) > _SHOWN else ""
    notes.append(f"On {len(counted):,} layers of the drawing: {shown}{more}.")
    if layer == "texts":
        samples = [text.replace("\n", " / ")[:40] for text in dict.fromkeys(drawing.texts["text"])]
        notes.append(f"Texts say: {' | '.join(samples[:_SHOWN])}.")
    notes.append(f"$INSUNITS says {drawing.hint.insunits}, which proves nothing: state the unit of the drawing.")
    return notes


def _drawing(path: Path) -> "Drawing":
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, modified_ns: int, size: int) -> "Drawing":
    """The drawing, read once for all of its frames; the parser is only loaded for one."""
    if path.suffix.lower() == ".dwg":
        from citygis.readers.dwg import read_dwg

        return read_dwg(path)
    from citygis.readers.dxf import read_dxf

    return read_dxf(path)
