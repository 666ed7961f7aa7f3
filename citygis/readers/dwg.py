"""
CAD drawings in AutoCAD's own format (DWG), through the optional package ezdwg, and never on its word alone.

The package is young: what it read is counted against what it wrote, and its extents against the drawing's own header.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from citygis.errors import ReadError
from citygis.findings import findings_frame, join_findings
from citygis.readers.cad_contents import HIDDEN, contents_of
from citygis.readers.cad_marks import require_dwg
from citygis.readers.dxf import Drawing, drawing_of, open_document, quiet
from citygis.readers.guard import require_local_file
from citygis.readers.source import sha256_of
from citygis.schema import source_id_of

HOW_TO_EXPORT = (
    "Ask for it saved as DXF 2018 (SAVEAS), Civil 3D objects exploded first (EXPORTTOAUTOCAD), or the parcels as LandXML; or "
    "install the reader: pip install citygis[dwg]"
)

LARGEST_DWG_BYTES = 100 * 2**20

LINEWORK = ("LINE", "ARC", "CIRCLE", "LWPOLYLINE", "POLYLINE", "ELLIPSE", "SPLINE", "INSERT", "TEXT", "MTEXT", "POINT")
"""Types of which none may be missing without an error."""

_EXTENT_SLACK = 0.01


def read_dwg(path: Path | str, *, include: Collection[str] = ()) -> Drawing:
    """
    A DWG as `citygis.readers.dxf.read_dxf` reads a DXF.

    Parameters
    ----------
    path : path
        DWG of R13 to 2018.
    include : collection of str
        As `read_dxf`.

    Returns
    -------
    Drawing
        Handles are those of the DWG for every type of which nothing is missing. Further findings: K12 for every difference between
        what the file holds and what was read.

    Raises
    ------
    ReadError
        If the package is not installed, or the file is missing, too large, no DWG of these versions, or cannot be read.
    ValueError
        If `include` names something else.
    """
    unknown = sorted(set(include) - set(HIDDEN))
    if unknown:
        raise ValueError(f"Invalid include {unknown[0]!r}. Must be of: {', '.join(HIDDEN)}.")
    path = require_local_file(path)
    require_dwg(path)
    if path.stat().st_size > LARGEST_DWG_BYTES:
        raise ReadError(f"{path} is larger than {LARGEST_DWG_BYTES // 2**20} MB. {HOW_TO_EXPORT}.")
    try:
        import ezdwg
    except ImportError:
        raise ReadError(f"{path} is a DWG, which needs a reader of its own. {HOW_TO_EXPORT}.") from None
    with tempfile.TemporaryDirectory(prefix="citygis-") as folder, quiet():
        written = Path(folder) / f"{path.stem}.dxf"
        try:
            document = ezdwg.read(str(path))
            entities = [(entity.dxftype, int(entity.handle)) for entity in document.modelspace().query()]
            outside = sum(1 for _ in document.entities().query()) - len(entities)
            layers, header = document.layers(), document.header_variables()
            insunits = int(document.insunits or 0)
            ezdwg.to_dxf(document.modelspace(), str(written), dxf_version="R2018", explode_dimensions=False)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        # Its core is Rust: what it stops on comes as a panic, which is no Exception.
        except BaseException as error:
            raise ReadError(f"{path} cannot be read as DWG ({type(error).__name__}: {error!s:.200}). {HOW_TO_EXPORT}.") from None
        converted, repairs = open_document(written)
        _hide(converted, layers)
        # The conversion states a unit of its own.
        converted.header["$INSUNITS"] = insunits
        contents = contents_of(converted, name=path.name, include=frozenset(include))
        drawing = drawing_of(written, converted, contents, repairs)
        handles = _handles(list(converted.modelspace()), entities)
    hint = drawing.hint._replace(geodata="GEODATA is not read from a DWG")
    drawing = drawing._replace(name=path.name, source_id=source_id_of(sha256_of(path)), hint=hint)
    drawing = drawing._replace(
        **{
            name: _renamed(getattr(drawing, name), path.name, handles)
            for name in ("lines", "texts", "points", "inserts", "leaders")
        }
    )
    findings = differences(
        path.name,
        entities=[kind for kind, _ in entities],
        outside=outside,
        header=header,
        drawing=drawing,
        known=set(handles.values()),
    )
    told = drawing.findings.drop(columns="finding_id").assign(feature=path.name)
    return drawing._replace(findings=join_findings([findings_frame(told), findings]))


def differences(
    name: str, *, entities: list[str], outside: int, header: dict, drawing: Drawing, known: Collection[str]
) -> pd.DataFrame:
    """
    What a DWG holds and what was read of it, held against each other.

    Parameters
    ----------
    name : str
    entities : list of str
        Types in its model space, as ezdwg lists them.
    outside : int
        Entities outside model space.
    header : dict
        With ``extmin`` and ``extmax``, where the drawing has them.
    drawing : Drawing
        As read.
    known : collection of str
        Handles that are those of the DWG.

    Returns
    -------
    GeoDataFrame
        Findings K12: an error where linework or text is missing, or lies outside the drawing's own extents.
    """
    there = Counter(_plain(kind) for kind in entities)
    model = drawing.tally[drawing.tally["space"] == "model"]
    read = Counter()
    for kind, count in zip(model["type"], model["count"], strict=True):
        read[_plain(kind)] += int(count)
    missing = {kind: there[kind] - read[kind] for kind in sorted(there) if there[kind] > read[kind] and kind != "ATTRIB"}
    rows = []
    if missing:
        serious = any(kind in LINEWORK for kind in missing)
        shown = ", ".join(f"{kind} {count:,}" for kind, count in missing.items())
        rows.append(("entities", "error" if serious else "review", f"{sum(missing.values()):,} entities were not read: {shown}."))
    low, high = header.get("extmin"), header.get("extmax")
    if low is not None and high is not None and low[0] < high[0] and len(drawing.lines):
        bounds = drawing.lines.total_bounds
        slack = _EXTENT_SLACK * max(high[0] - low[0], high[1] - low[1])
        inside = (bounds[:2] >= np.array(low[:2]) - slack).all() and (bounds[2:] <= np.array(high[:2]) + slack).all()
        if not inside:
            rows.append(("extents", "error", "Linework lies outside the extents that the drawing states of itself."))
    if outside:
        rows.append(("outside", "info", f"{outside:,} entities outside model space (paper space, blocks) are not counted here."))
    foreign = {handle for frame in (drawing.lines, drawing.texts) for handle in frame["handle"]} - set(known)
    if foreign:
        rows.append(("handles", "info", f"{len(foreign):,} entities have handles that are not those of the DWG."))
    return findings_frame(
        [
            {
                "code": "K12", "rule": f"dwg_{rule}", "severity": severity, "layer": "drawing", "feature": name, "message": message,
                "remedy": "Compare with the sender's plot, or ask for DXF 2018.",
            }
            for rule, severity, message in rows
        ]
    )  # fmt: skip


def _hide(document, layers: dict) -> None:
    """Layers that the DWG freezes or switches off: the conversion shows them all."""
    for name, state in layers.items():
        if document.layers.has_entry(name):
            layer = document.layers.get(name)
            if state.get("frozen"):
                layer.freeze()
            if state.get("off"):
                layer.off()


def _handles(converted: list, entities: list[tuple[str, int]]) -> dict[str, str]:
    """
    The handle in the DWG of each entity as converted. The conversion goes type by type, in order: a type of which as many came
    out as are in the drawing keeps its handles.
    """
    before, after = defaultdict(list), defaultdict(list)
    for kind, handle in entities:
        before[_plain(kind)].append(f"{handle:X}")
    for entity in converted:
        after[_plain(entity.dxftype())].append(entity.dxf.handle)
    same = [kind for kind in after if len(after[kind]) == len(before[kind])]
    return {new: old for kind in same for new, old in zip(after[kind], before[kind], strict=True)}


def _renamed(frame: pd.DataFrame, name: str, handles: dict[str, str]) -> pd.DataFrame:
    handle = frame["handle"].map(lambda one: handles.get(one, one)).astype("str")
    part = frame["part"].map(lambda number: f".{number}" if number > 1 else "").astype("str")
    return frame.assign(handle=handle, source_ref=(name + "#" + handle + part).astype("str"))


def _plain(kind: str) -> str:
    """Types as DXF calls them: the kinds of polylines are one."""
    kind = kind.upper()
    return "POLYLINE" if kind.startswith("POLYLINE") else "INSERT" if kind == "MINSERT" else kind
