"""
What a CAD drawing hides, lost or left open, as findings (codes K).
"""

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.findings import findings_frame
from citygis.readers.cad_contents import HIDDEN, Contents
from citygis.readers.cad_units import UnitHint

_SHOWN = 5


def of_drawing(
    name: str,
    *,
    tally: pd.DataFrame,
    contents: Contents,
    lines: pd.DataFrame,
    texts: pd.DataFrame,
    hint: UnitHint,
    repairs: list[str],
    code_page_unknown: bool,
    is_whole: bool,
) -> gpd.GeoDataFrame:
    """
    Findings about a drawing as a whole.

    ====  =======================================================================================
    K01   objects of other programs (proxies, Civil 3D) whose shape is not in the file
    K02   external references: other drawings that were not sent
    K03   hidden or paper-space entities, left out
    K04   splines, ellipses and tilted curves, drawn as chords
    K05   the unit (by `citygis.readers.cad_units.drawing_in_feet`)
    K06   the file was damaged: cut off, or repaired
    K07   entities that are neither linework nor text, left out
    K08   entities that cannot be drawn as their numbers stand
    K09   letters lost, or a code page that is not stated
    K10   what the drawing says of its place (GEODATA)
    ====  =======================================================================================

    Returns
    -------
    GeoDataFrame
        A findings frame without geometry.
    """
    rows: list[dict] = []

    def add(code: str, rule: str, severity: str, message: str, remedy: str, count: float = np.nan) -> None:
        rows.append(
            {"code": code, "rule": rule, "severity": severity, "layer": "drawing", "feature": name, "measure": count,
             "unit": "count", "message": message, "remedy": remedy}
        )  # fmt: skip

    if not is_whole:
        add("K06", "cut_off", "error", "The file does not end as DXF must (EOF): it was cut off, and what came after is missing.",
            "Ask the sender for it again.")  # fmt: skip
    if repairs:
        add("K06", "repaired", "review", f"The file was damaged and repaired: {_listed(repairs)}.",
            "Compare the plot with the sender's, or ask for the drawing audited and saved as DXF 2018.", len(repairs))  # fmt: skip
    foreign = contents.said["foreign object"]
    if foreign:
        add("K01", "foreign_objects", "error",
            f"{sum(foreign.values()):,} objects keep their shape to themselves: {_counts(foreign)}. Parcels, alignments or "
            f"points may "
            "be among them.",
            "Ask for a LandXML export of parcels and points, or the drawing after EXPORTTOAUTOCAD (Civil 3D) or EXPLODE.",
            sum(foreign.values()))  # fmt: skip
    external = contents.said["external reference"]
    if external:
        add("K02", "external_references", "review",
            f"{sum(external.values()):,} external references were left out: {_counts(external)}.",
            "If boundary linework is in them, ask for the drawing with its references bound.", sum(external.values()))  # fmt: skip
    damaged = contents.said["damaged"]
    if damaged:
        add("K08", "damaged_entities", "error",
            f"{sum(damaged.values()):,} entities cannot be drawn as their numbers stand: {_listed(sorted(damaged))}.",
            "Ask the sender to mend them: a boundary may be open without them.", sum(damaged.values()))  # fmt: skip
    points = contents.said["no length"]
    if points:
        add("K08", "no_length", "review",
            f"{sum(points.values()):,} lines begin and end at one place, and were left out: {_listed(sorted(points))}.",
            "None: they bound nothing.", sum(points.values()))  # fmt: skip
    lost = contents.said["lost"]
    if lost:
        add("K08", "lost_entities", "error",
            f"{sum(lost.values()):,} entities of the file were lost in its repair: {_counts(lost)}.",
            "Ask for the drawing audited and saved as DXF 2018.", sum(lost.values()))  # fmt: skip
    for fate in (*HIDDEN, "paper space"):
        left = tally[tally["fate"] == fate]
        if len(left):
            by = left.groupby("space" if fate == "paper space" else "layer")["count"].sum()
            add("K03", fate.replace(" ", "_"), "info" if fate == "paper space" else "review",
                f"{left['count'].sum():,} entities were left out ({fate}): {_counts(by)}.",
                "Take hidden ones with include, if the sender says that they belong to the map.", left["count"].sum())  # fmt: skip
    left = tally[tally["fate"] == "not linework"]
    if len(left):
        add("K07", "not_linework", "info",
            f"{left['count'].sum():,} entities are neither linework nor text: {_counts(left.groupby('type')['count'].sum())}.",
            "None, unless boundary is drawn with them.", left["count"].sum())  # fmt: skip
    chords = lines[lines["is_approximate"]]
    if len(chords):
        entities = chords.drop_duplicates(["handle"])
        add("K04", "approximated_curves", "review",
            f"{len(entities):,} curves are no arcs and were drawn as {len(chords):,} chords, on "
            f"{_listed(sorted(set(chords['layer'])))}.",
            "A boundary has lines and arcs: ask for the true curve.", len(entities))  # fmt: skip
    lost = texts[texts["is_repaired"]]
    if len(lost):
        add("K09", "letters_lost", "review",
            f"{len(lost):,} texts hold letters that cannot be decoded, or were cut: "
            f"{_listed([repr(text[:40]) for text in lost['text']])}.",
            "State the encoding of the drawing, or ask for it as DXF 2007 or later.", len(lost))  # fmt: skip
    elif code_page_unknown and any(not text.isascii() for text in texts["text"]):
        add("K09", "code_page_unknown", "review",
            "The drawing does not say its code page, and its texts need one: they were read as Western (cp1252).",
            "State the encoding of the drawing, or ask for it as DXF 2007 or later.")  # fmt: skip
    if hint.crs is not None:
        order = "easting first" if hint.is_east_first else "northing first, or not said"
        local = ", and its own numbers are local: GEODATA shifts, turns or scales them" if hint.is_local else ""
        add("K10", "geodata", "review", f"The drawing says where it is: {hint.geodata} ({hint.crs.name}, {order}){local}.",
            "Ask whether that is the system of its coordinates; state it with --source-crs.")  # fmt: skip
    return findings_frame(rows)


def _listed(names: list[str]) -> str:
    shown = "; ".join(names[:_SHOWN])
    return f"{shown}; and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else shown


def _counts(counts) -> str:
    ordered = sorted(dict(counts).items(), key=lambda item: (-item[1], item[0]))
    return _listed([f"{name} {count:,}" for name, count in ordered])
