"""
Which captures a City layer is made of, and what they become: marks for points, figures and tracks for lines and polygons.

====  ============  ========================================================================================
E17   other_kind    a single point, and the layer is of lines or polygons (or the other way round)
E18   other_layer   its field code belongs to another layer, or to none, while others in the file are this layer's
====  ============  ========================================================================================
"""

from collections.abc import Callable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.captures.field_codes import FieldCodes, described
from citygis.captures.figures import Figures, figures
from citygis.captures.gates import Gate
from citygis.captures.marks import marked, repeated
from citygis.captures.occupations import occupation_findings, occupations
from citygis.captures.placement import set_aside
from citygis.captures.tracks import track_lines
from citygis.findings import findings_frame, join_findings
from citygis.schema import Layer

UNDER_WAY = ("track", "epoch", "route")
"""Kinds of captures that a line can be made of without field codes."""

_STANDARD = ("figure", "shot", "name", "code", "layer", "method", "closed", "ended", "offset_ft", "vertical_offset_ft", "shots")


class Shots(NamedTuple):
    """
    What a layer takes from the field.

    ``shapes``: the features, in City feet, with ``name``, ``code``, ``source_id``, ``source_ref``, ``fix_type`` and what is
    known of them;
    ``occupations``: what marks were averaged from (empty for lines and polygons); ``courses``: the true courses of figures;
    ``rejected``: reasons on the index of the captures, for those in no shape; ``findings``.
    """

    shapes: gpd.GeoDataFrame
    occupations: gpd.GeoDataFrame
    courses: pd.DataFrame
    rejected: pd.DataFrame
    findings: gpd.GeoDataFrame


def shots_of(captures: gpd.GeoDataFrame, layer: Layer, *, codes: FieldCodes, gate: Gate) -> Shots:
    """
    Captures as the shapes of one layer.

    Parameters
    ----------
    captures : GeoDataFrame, n points
        Those that passed the gates, in City feet, heights at the mark; unique index; with ``source_id`` and ``source_ref``.
    layer : Layer
    codes : FieldCodes
    gate : Gate

    Returns
    -------
    Shots
        Every capture is in a shape or in ``rejected``. For a layer of points, captures whose field code belongs to it are taken
        where there are any, else all whose code belongs to no other layer.
    """
    make: Callable = _marks if layer.geometry == "Point" else _lines
    return make(captures, layer, codes, gate)


def _marks(captures: gpd.GeoDataFrame, layer: Layer, codes: FieldCodes, gate: Gate) -> Shots:
    told, attributes = _coded(captures, codes, layer.layer)
    mine, others = told == "this", told == "other"
    aside = others | ((told == "unknown") & mine.any())
    apart = set_aside(captures.index[aside], "E18", "other_layer", f"Its field code is not of the layer {layer.layer}.")
    taken = captures[~aside]
    made = occupations(taken, gate)
    made = made._replace(frame=_named_by_mark(made.frame, gate))
    marks = repeated(made.frame, gate, layer=layer.layer)
    shapes = marks.marks
    if attributes:
        shapes = shapes.assign(attributes=[attributes.get(code) for code in shapes["code"].astype(object)])
    findings = [occupation_findings(made.frame, gate, layer=layer.layer), marks.findings]
    unknown = int(((told == "unknown") & ~aside).sum())
    if unknown:
        findings.append(findings_frame([_unknown(layer, unknown)], crs=captures.crs))
    rejected = pd.concat([apart, made.rejected[list(apart.columns)]]).sort_index()
    return Shots(
        shapes,
        made.frame.assign(mark=_names(marks, made.frame)),
        pd.DataFrame(),
        rejected,
        join_findings(findings, crs=captures.crs),
    )


def _lines(captures: gpd.GeoDataFrame, layer: Layer, codes: FieldCodes, gate: Gate) -> Shots:
    kind = captures["capture"].astype(object)
    way = kind.isin(UNDER_WAY).to_numpy(dtype=bool)
    coded = ~way & captures["code"].notna().to_numpy()
    tracks = track_lines(captures[way], gate, closed=layer.geometry == "Polygon", layer=layer.layer)
    drawn = figures(captures[coded], codes, layer=layer.layer)
    wanted = "Polygon" if layer.geometry == "Polygon" else "LineString"
    shapes = _closed_too(drawn) if wanted == "Polygon" else drawn.lines
    mine = shapes["layer"].astype(object).eq(layer.layer).to_numpy(dtype=bool) & (shapes["method"] != "offset").to_numpy(dtype=bool)
    shapes = _with_quality(shapes[mine], drawn.courses, captures)
    used = set(drawn.courses.loc[drawn.courses["figure"].isin(shapes["figure"]), ["from_shot", "to_shot"]].stack().astype(int))
    other = captures.index[coded & ~captures.index.isin(used)]
    alone = captures.index[~way & ~coded]
    what = layer.geometry.lower()
    rejected = [
        set_aside(other, "E18", "other_layer", f"Its field code draws nothing of the layer {layer.layer}."),
        set_aside(alone, "E17", "other_kind", f"A single point, and the layer {layer.layer} is of kind {what}."),
        tracks.rejected,
    ]
    table = pd.concat([shapes, tracks.frame], ignore_index=True)
    table["name"] = _unique(table["name"].astype("str").fillna(own_names(table["source_id"])))
    made = gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(np.asarray(table["geometry"], dtype=object), crs=captures.crs))
    nothing = occupations(captures.iloc[:0], gate).frame.assign(mark=pd.Series(dtype="str"))
    return Shots(
        made,
        nothing,
        drawn.courses,
        pd.concat(rejected).sort_index(),
        join_findings([drawn.findings, tracks.findings], crs=captures.crs),
    )


def _closed_too(drawn: Figures) -> gpd.GeoDataFrame:
    """Polygons, and the closed figures of line codes, which bound ground as well: a right of way keyed in as a line."""
    closed = drawn.lines[drawn.lines["closed"].to_numpy(dtype=bool) & (drawn.lines["method"] != "offset").to_numpy(dtype=bool)]
    rings = [shapely.Polygon(line.coords) for line in closed.geometry if line.is_ring]
    closed = closed[[line.is_ring for line in closed.geometry]].set_geometry(rings, crs=drawn.lines.crs)
    table = pd.concat([drawn.polygons, closed], ignore_index=True)
    return gpd.GeoDataFrame(table, geometry="geometry", crs=drawn.lines.crs)


def _with_quality(shapes: gpd.GeoDataFrame, courses: pd.DataFrame, captures: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Figures with the worst fix and the median stated accuracy of their shots, and their attributes in one column."""
    extra = [name for name in shapes.columns if name not in (*_STANDARD, *_KNOWN)]
    told = [{name: shapes[name].iat[row] for name in extra if pd.notna(shapes[name].iat[row])} for row in range(len(shapes))]
    first = captures.set_index("source_ref")["fix_type"]
    fix = shapes["source_ref"].map(first[~first.index.duplicated()])
    return shapes.assign(attributes=told, fix_type=fix.array, h_rms_ft=np.nan)


_KNOWN = ("length_ft", "area_sqft", "note", "source_id", "source_ref", "geometry")


def _coded(captures: gpd.GeoDataFrame, codes: FieldCodes, layer: str) -> tuple[np.ndarray, dict[str, dict[str, str]]]:
    """
    For each capture "this", "other", "unknown" (a word that is no code) or "" (no code), and the attributes each code text
    implies.
    """
    told, attributes = {}, {}
    for text in captures["code"].dropna().unique():
        said = described(text, codes)
        features = [codes.feature[m.code] for m in said.mentions if m.code is not None]
        mine = [(f, m) for f, m in zip(features, [m for m in said.mentions if m.code is not None], strict=True) if f.layer == layer]
        told[text] = "this" if mine else "other" if features else "unknown"
        if mine:
            feature, mention = mine[0]
            words = dict(zip(feature.words, mention.words, strict=False))
            attributes[text] = {**feature.attributes, **words}
    kinds = captures["code"].astype(object).map(told).fillna("").to_numpy(dtype=object)
    return kinds, attributes


def _unknown(layer: Layer, count: int) -> dict:
    return {
        "code": "F01",
        "rule": "unknown_code",
        "severity": "info",
        "layer": layer.layer,
        "measure": count,
        "unit": "captures",
        "message": f"The descriptions of {count} captures are no field codes; they were taken as {layer.title.lower()}.",
        "remedy": "Nothing, if the file holds nothing else. Else give each shot its code, or add the codes to field_codes.toml.",
    }


def _unique(names: pd.Series) -> pd.Series:
    """Names with a number after those that come again: the segments of one track."""
    again = names.groupby(names).cumcount()
    return names.where(again == 0, names + "-" + (again + 1).astype("str"))


def own_names(source_id: pd.Series) -> pd.Series:
    """Names for shapes that nobody named: eight digits of the source's id and a number, which no other day has."""
    number = source_id.groupby(source_id).cumcount() + 1
    return source_id.str.slice(0, 8) + "-" + number.astype("str")


def _named_by_mark(frame: gpd.GeoDataFrame, gate: Gate) -> gpd.GeoDataFrame:
    """Occupations with a name for each: its own, or one for the mark where nobody named it."""
    if frame["name"].notna().all():
        return frame
    mark = marked(frame, gate)
    table = frame[["name", "source_id"]].groupby(mark).first()
    names = table["name"].astype("str")
    nobody = table[names.isna()]
    names[nobody.index] = own_names(nobody["source_id"])
    return frame.assign(name=frame["name"].fillna(mark.map(names)))


def _names(marks, frame: gpd.GeoDataFrame) -> pd.Series:
    """What the mark of each occupation is called."""
    folded = {name.strip().casefold(): name for name in marks.marks["name"].dropna()}
    return frame["name"].map(lambda name: folded.get(name.strip().casefold(), name) if isinstance(name, str) else None)
