"""
What a LandXML file says twice, compared: findings with the codes X01 to X13.

====  ==========================================================================================================
X01   the coordinates are easting first, read so because the sender said it, or the evidence contradicts itself
X02   the file says foot and nothing tells which of the two
X03   a stated area is not the area of the courses
X04   a stated length, radius or direction is not that of the course, or the centre of a curve not as far from both its ends
X05   a parcel is the boundary around others
X06   a figure does not close, or a gap in it was bridged
X07   a segment could not be read
X08   directions are not written as the file says
X09   a polygon crosses itself
X10   part of the file is not read, or a name stands for two points
X11   an observation leads elsewhere than to its target
X12   several parcels have one name
X13   there is no parcel in the file
====  ==========================================================================================================
"""

import math
from collections import Counter
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from citygis.findings import findings_frame, join_findings
from citygis.readers.landxml_axis import Settled
from citygis.readers.landxml_document import Document, half_place, sqft_per_unit
from citygis.readers.landxml_outlines import GAP_FT, Outline
from citygis.readers.landxml_survey import unread
from citygis.readers.landxml_unit import SettledUnit

AREA_SHARE, AREA_SQFT = 0.001, 10.0
"""A stated area may be off by the lesser of the two, and by its rounding."""

DIRECTION_S = 60.0
MISS_FT = 0.1
CENTRE_FT = 0.02
"""Coordinates to a hundredth put a centre as much nearer to one end of a curve than to the other."""

_EXACT_FT = 0.001
_NOTICED_COST_FT = 0.01


def checked(
    document: Document, outlines: Sequence[Outline], parcels: gpd.GeoDataFrame, courses: gpd.GeoDataFrame,
    observations: gpd.GeoDataFrame, axis: Settled, measure: SettledUnit, crs: CRS | None,
) -> gpd.GeoDataFrame:  # fmt: skip
    """All findings of a file, in the shape of `citygis.findings`."""
    rows = [
        *_of_file(document, axis, measure),
        *_of_parcels(document, outlines, observations),
        *_of_outlines(outlines, parcels),
        *_of_areas(document, outlines, parcels),
        *_of_courses(courses, outlines, measure),
        *_of_observations(observations),
    ]
    return join_findings([findings_frame(rows, crs=crs)] if rows else [], crs=crs)


def _row(code: str, rule: str, severity: str, layer: str, message: str, remedy: str, **more) -> dict:
    return {"code": code, "rule": rule, "severity": severity, "layer": layer, "message": message, "remedy": remedy, **more}


def _of_file(document: Document, axis: Settled, measure: SettledUnit) -> list[dict]:
    rows = []
    told = "; ".join(map(str, axis.evidence))
    if axis.order == "EN" or axis.is_contradicted:
        said = f"The coordinates were read in the order {axis.order}, as the sender says. Evidence: {told or 'none'}."
        severity = "review" if axis.is_contradicted or not axis.evidence else "info"
        rows.append(_row("X01", "axis_order", severity, "landxml", said, "Compare one corner with the paper plan."))
    if measure.cost_ft and (measure.unit is None or "though" in measure.evidence):
        severity = "review" if measure.cost_ft >= _NOTICED_COST_FT else "info"
        said = f"The foot of this file is {'not settled' if measure.unit is None else measure.unit.name}: {measure.evidence}. "
        said += f"The wrong foot moves its farthest point by {measure.cost_ft:.3f} ft; lengths of lots stay the same."
        remedy = "Ask the sender which foot, and state it with unit=."
        more = {"measure": measure.cost_ft, "unit": "ft", "tolerance": _NOTICED_COST_FT}
        rows.append(_row("X02", "foot", severity, "landxml", said, remedy, **more))
    if axis.directions.evidence is not None:
        said = f"Directions are not written as the file says: {axis.directions.evidence}. They were read as the coordinates show."
        rows.append(
            _row("X08", "angle_notation", "review", "landxml", said, "Tell the sender that the export names the wrong unit.")
        )
    if axis.directions.count and not axis.directions.is_stated and axis.directions.evidence is None:
        said = "The file does not say how its directions are written, and nothing in it tells: they are null."
        rows.append(_row("X08", "angle_notation", "info", "landxml", said, "Ask the sender for angularUnit and directionUnit."))
    for name in document.conflicts:
        said = f"Point {name!r} stands in the file twice, in two places. The first was taken."
        rows.append(_row("X10", "point_twice", "error", "points", said, "Ask the sender which is true.", feature=name))
    for name in document.unplaced:
        said = f"Point {name!r} has no two finite coordinates, and is not read."
        rows.append(_row("X10", "point_unplaced", "review", "points", said, "Ask the sender for it.", feature=name))
    left = {**document.dropped, **unread(document)}
    if left:
        said = "Not read, because there are no boundaries in it: " + ", ".join(f"{name} ({n:,})" for name, n in left.items()) + "."
        rows.append(_row("X10", "not_read", "info", "landxml", said, "Nothing, unless it is what you wanted."))
    return rows


def _of_parcels(document: Document, outlines: Sequence[Outline], observations: gpd.GeoDataFrame) -> list[dict]:
    """X13, with what the file holds instead."""
    counts = Counter(outline.figure.of for outline in outlines)
    if counts["parcel"]:
        return []
    holds = {
        "points": len(document.points),
        "plan features": counts["plan_feature"],
        "alignments": counts["alignment"],
        "observations": len(observations),
        **document.dropped,
        **unread(document),
    }
    told = ", ".join(f"{name} ({count:,})" for name, count in holds.items() if count) or "nothing that is read"
    said = f"There is no parcel in {document.name}. It holds {told}."
    remedy = "None, if it was sent for that; for lots ask for LandXML with its parcels."
    return [_row("X13", "no_parcel", "review", "parcels", said, remedy, feature=document.name, measure=0, unit="count")]


def _of_outlines(outlines: Sequence[Outline], parcels: gpd.GeoDataFrame) -> list[dict]:
    rows = []
    kinds = dict(zip(parcels["source_ref"], parcels["kind"], strict=True))
    shapes = dict(zip(parcels["source_ref"], parcels.geometry, strict=True))
    held = parcels["parent"].value_counts().to_dict()
    for outline in outlines:
        figure = outline.figure
        layer = {"parcel": "parcels", "plan_feature": "plan_features", "alignment": "alignments"}[figure.of]
        at = {"feature": figure.ref, "source_ref": figure.ref}
        needs_area = figure.of == "parcel"
        # A road or a neighbour that runs off the plan is open on purpose.
        off_plan = not needs_area or kinds[figure.ref] == "road" or figure.stated.get("state", "").strip().lower() == "adjoining"
        grave = "review" if off_plan else "error"
        for problem in outline.problems:
            rows.append(_row("X07", "segment", grave, layer, f"{figure.ref}: {problem}.", "Ask the sender for it again.", **at))
        if kinds.get(figure.ref) == "container":
            said = f"{figure.ref} has no courses of its own: its land is that of the {held[figure.ref]:,} parcels in it."
            rows.append(_row("X06", "container", "info", layer, said, "Nothing.", **at))
        elif needs_area:
            rows += _open(outline, grave, shapes[figure.ref], layer, at)
        bridged = max((loop.widest_ft for loop in outline.loops), default=0.0)
        if bridged > _EXACT_FT:
            said = f"{figure.ref}: courses that follow one another are {bridged:.3f} ft apart; the gap was bridged."
            more = {"measure": bridged, "unit": "ft", "tolerance": GAP_FT, **at}
            rows.append(_row("X06", "gap", "info", layer, said, "Compare with the plan.", **more))
        shape = shapes.get(figure.ref)
        if needs_area and shape is not None and not shape.is_valid:
            said = f"{figure.ref}: {shapely.is_valid_reason(shape)}."
            rows.append(_row("X09", "crosses_itself", "error", layer, said, "Look at its courses.", geometry=shape.centroid, **at))
    named = parcels["name"].dropna()
    for name, count in named[named.duplicated(keep=False)].value_counts(sort=False).items():
        said = f"{count} parcels are named {name}."
        rows.append(
            _row("X12", "same_name", "review", "parcels", said, "Ask which is which.", feature=name, measure=count, unit="count")
        )
    for ref, kind in kinds.items():
        if kind == "outer_boundary":
            said = f"{ref} lies around other parcels of the file: it is their outer boundary and not counted as a lot."
            rows.append(_row("X05", "outer_boundary", "info", "parcels", said, "Nothing.", feature=ref, source_ref=ref))
    return rows


def _open(outline: Outline, grave: str, shape: object, layer: str, at: dict) -> list[dict]:
    ref = outline.figure.ref
    if shape is None and not outline.loops and not outline.problems:
        said = f"{ref} has no geometry, and no parts that have one."
        return [_row("X06", "no_geometry", grave, layer, said, "Ask the sender whether it belongs to the plan.", **at)]
    rows = []
    for loop in outline.loops:
        if not loop.is_closed:
            said = f"{ref} does not close: from its last course to its first there are {loop.gap_ft:.2f} ft. It has no area."
            more = {"measure": loop.gap_ft, "unit": "ft", "tolerance": GAP_FT, **at}
            point = shapely.Point(loop.vertices[-1][-1])
            rows.append(_row("X06", "open", grave, layer, said, "Compare with the plan.", geometry=point, **more))
    return rows


def _of_areas(document: Document, outlines: Sequence[Outline], parcels: gpd.GeoDataFrame) -> list[dict]:
    rows = []
    per_unit = sqft_per_unit(document.units)
    texts = {outline.figure.ref: outline.figure.stated.get("area") for outline in outlines}
    columns = parcels["source_ref"], parcels["stated_area_sqft"], parcels["computed_area_sqft"], parcels.geometry
    for ref, stated, computed, shape in zip(*columns, strict=True):
        text = texts[ref]
        if text is not None and np.isnan(stated):
            said = f"{ref}: the stated area {text!r} is no number in a unit that is read ({document.units.area})."
            rows.append(_row("X03", "stated_area", "review", "parcels", said, "Ask the sender.", feature=ref, source_ref=ref))
        if text is None or np.isnan(stated) or np.isnan(computed):
            continue
        allowed = min(AREA_SHARE * computed, AREA_SQFT) + half_place(text) * per_unit
        if abs(stated - computed) > allowed:
            said = f"{ref}: the file states {text} {document.units.area} ({stated:,.2f} sq ft); "
            said += f"its courses enclose {computed:,.2f} sq ft."
            more = {"measure": abs(stated - computed), "unit": "sq ft", "tolerance": allowed, "feature": ref, "source_ref": ref}
            rows.append(
                _row("X03", "stated_area", "review", "parcels", said, "Find which is wrong; the courses were used.",
                     geometry=shape.representative_point(), **more)
            )  # fmt: skip
    return rows


def _of_courses(courses: gpd.GeoDataFrame, outlines: Sequence[Outline], measure: SettledUnit) -> list[dict]:
    rows = []
    segments = [segment for outline in outlines for loop in outline.loops for segment in loop.segments]
    computed_length = courses["arc_length_ft"].fillna(courses["distance_ft"]).to_numpy()
    given = courses["stated_by"].isna().to_numpy()
    for name, attribute, computed in (
        ("length", "stated_length_ft", computed_length), ("radius", "stated_radius_ft", courses["radius_ft"].to_numpy())
    ):  # fmt: skip
        stated = courses[attribute].to_numpy()
        far = np.abs(stated - computed) > _EXACT_FT
        for n in np.flatnonzero(given & far).tolist():
            allowed = _EXACT_FT + half_place(segments[n].stated[name]) * measure.feet
            if abs(stated[n] - computed[n]) > allowed:
                rows.append(_course(courses, n, name, stated[n], computed[n], allowed, "ft"))
    # A fence or a neighbour's curve bounds no lot of this plan.
    parcels = [outline.figure for outline in outlines if outline.figure.of == "parcel"]
    own = {figure.ref for figure in parcels if figure.stated.get("state", "").strip().lower() != "adjoining"}
    for n, segment in enumerate(segments):
        if segment.kind == "curve" and segment.center is not None:
            first, last = (math.dist(segment.center[:2], end[:2]) * measure.feet for end in (segment.start, segment.end))
            if abs(first - last) > CENTRE_FT:
                rows.append(_off_centre(courses, n, first, last, "error" if courses["source_ref"].iat[n] in own else "review"))
    turned = (courses["stated_azimuth_deg"] - courses["direction_az"] + 180) % 360 - 180
    for n in np.flatnonzero((turned.abs() * 3600 > DIRECTION_S).to_numpy() & given).tolist():
        stated, computed = courses["stated_azimuth_deg"].iat[n], courses["direction_az"].iat[n]
        if abs(np.radians(turned.iat[n])) * courses["distance_ft"].iat[n] > MISS_FT:
            rows.append(_course(courses, n, "direction", stated, computed, DIRECTION_S / 3600, "degrees"))
    return rows


def _course(courses: gpd.GeoDataFrame, n: int, name: str, stated: float, computed: float, allowed: float, unit: str) -> dict:
    ref, line = courses["source_ref"].iat[n], courses["line_id"].iat[n]
    said = f"{line}: the file states the {name} {stated:.4f} {unit}; between its points it is {computed:.4f}."
    return _row(
        "X04", f"stated_{name}", "review", "courses", said, "Compare with the plan; the points were used.",
        feature=line, source_ref=ref, measure=abs(stated - computed), unit=unit, tolerance=allowed,
        geometry=courses.geometry.iat[n].interpolate(0.5, normalized=True),
    )  # fmt: skip


def _off_centre(courses: gpd.GeoDataFrame, n: int, first: float, last: float, severity: str) -> dict:
    ref, line = courses["source_ref"].iat[n], courses["line_id"].iat[n]
    said = f"{line}: the centre is {first:.3f} ft from where the curve begins and {last:.3f} ft from where it ends."
    return _row(
        "X04", "centre", severity, "courses", said, "Ask the sender for its radius: the area next to it is not known until then.",
        feature=line, source_ref=ref, measure=abs(first - last), unit="ft", tolerance=CENTRE_FT,
        geometry=courses.geometry.iat[n].interpolate(0.5, normalized=True),
    )  # fmt: skip


def _of_observations(observations: gpd.GeoDataFrame) -> list[dict]:
    rows = []
    far = observations["miss_ft"].to_numpy() > np.maximum(MISS_FT, 0.0005 * observations["distance_ft"].to_numpy())
    for n in np.flatnonzero(far).tolist():
        ref, miss = observations["source_ref"].iat[n], observations["miss_ft"].iat[n]
        said = f"{ref} leads {miss:.3f} ft from where its target is."
        at = observations.geometry.iat[n].interpolate(1.0, normalized=True)
        more = {"feature": ref, "source_ref": ref, "measure": miss, "unit": "ft", "tolerance": MISS_FT, "geometry": at}
        rows.append(_row("X11", "observation", "review", "observations", said, "Compare with the field book.", **more))
    return rows
