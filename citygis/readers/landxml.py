"""
LandXML 1.0 to 2.0 and the Australian and New Zealand plan profile: parcels with their true curves, points, monuments, the survey.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.cogo import Course
from citygis.errors import ReadError
from citygis.readers.coordinates import crs_of
from citygis.readers.landxml_axis import Settled, easting_northing, settled
from citygis.readers.landxml_checks import checked
from citygis.readers.landxml_document import Document, Place, below, read_document
from citygis.readers.landxml_figures import figures, stated_monuments
from citygis.readers.landxml_outlines import Outline, lines_of, outlines
from citygis.readers.landxml_rows import course_rows, observation_rows, parcel_rows
from citygis.readers.landxml_survey import observations
from citygis.readers.landxml_unit import SettledUnit, settled_unit
from citygis.units import Unit

LAYERS = ("parcels", "courses", "points", "monuments", "observations", "plan_features", "alignments")
"""The frames of a `LandXML`, in this order."""


class LandXML(NamedTuple):
    """
    What a LandXML file holds. Geometry is in the unit and system of the file, easting before northing; columns that end in
    ``_ft`` and ``_sqft`` are in the file's own foot, or in US survey feet where it is in metres.

    ``parcels``, one row each, polygons derived from the courses: ``source_ref``, ``name``, ``class_sent``, ``state``, ``kind``
    (``lot``, ``road``, ``easement``, ``other``, ``outer_boundary`` of the others, ``part`` of a lot of several parts,
    ``container`` of others that has no courses of its own; ``unstated`` where the file says none),
    ``desc``, ``parent``, ``stated_area_sqft``, ``computed_area_sqft`` (from the courses, exact on arcs; null where the figure is
    open), ``perimeter_ft``, ``center_easting``, ``center_northing``.

    ``courses``, one row each, in the columns of the City's boundary_line layer and: ``source_ref`` and ``of`` (the figure, and
    what it is), ``part``, ``course``, ``kind``, ``delta_deg``, ``chord_ft``, ``stated_azimuth_deg``, ``stated_length_ft``,
    ``stated_radius_ft``, ``stated_by`` (the observation that states them, where the segment does not), ``start_ref``,
    ``end_ref``, ``record_text``.

    ``points``: ``name``, ``code``, ``desc``, ``state``, ``role``, ``elevation_ft``. ``monuments``: ``name``, ``point``,
    ``kind``, ``condition``, ``state``, ``desc``. ``observations``: see `landxml_rows.observation_rows`. ``plan_features`` and
    ``alignments``: ``name``, ``desc``, lines. ``findings`` have the codes X01 to X13 (`landxml_checks`). ``crs_stated`` is what
    the file says, ``crs_says`` how it says so. ``unit`` is null where the file is in one of the two feet and nothing tells
    which. ``outlines`` are the same figures as courses for `citygis.cogo`.
    """

    parcels: gpd.GeoDataFrame
    courses: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    monuments: gpd.GeoDataFrame
    observations: gpd.GeoDataFrame
    plan_features: gpd.GeoDataFrame
    alignments: gpd.GeoDataFrame
    findings: gpd.GeoDataFrame
    unit: Unit | None
    order: str
    version: str
    crs_stated: CRS | None
    crs_says: str
    outlines: tuple[Outline, ...]


def read_landxml(
    path: Path | str,
    *,
    order: str | None = None,
    unit: Unit | None = None,
    source_crs: CRS | str | int | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> LandXML:
    """
    A LandXML file as plain frames, with what it says twice compared.

    Parameters
    ----------
    path : path
    order : {"NE", "EN"}, optional
        Which coordinate comes first, where the file's own evidence is against the standard (northing first).
    unit : Unit, optional
        Of `citygis.units`: which foot, or the unit of a file that states none.
    source_crs : CRS or anything pyproj reads, optional
        What the coordinates are in, where the file does not say.
    box : tuple, optional
        Where the coordinates should lie, in the file's unit: least easting, least northing, greatest easting, greatest northing.

    Returns
    -------
    LandXML

    Raises
    ------
    ReadError
        If the file cannot be used, or its coordinates are not in the standard's order and no order is stated.
    CRSError
        If it has no unit, or units that contradict each other.
    ValueError
        If `order` or `source_crs` is not one.
    """
    document = read_document(path)
    found, survey = figures(document), observations(document)
    given = crs_of(source_crs)
    if given is not None and document.crs is not None and not given.equals(document.crs, ignore_axis_order=True):
        raise ReadError(f"{document.name} {document.crs_says}, and --source-crs says {given.name}. Ask the sender which is true.")
    crs = given or document.crs
    segments = [segment for figure in found for part in figure.parts for segment in part.segments]
    placed = [*document.points.values(), *(place for segment in segments for place in (segment.start, segment.end))]
    measure = settled_unit(document, sorted({value for place in placed for value in place[:2]}), unit, crs)
    axis = settled(document, found, survey, order=order, box=box)
    drawn = outlines(found, axis.order, feet=measure.feet)
    parcels = parcel_rows([outline for outline in drawn if outline.figure.of == "parcel"], document, axis.order, measure.feet)
    seen = observation_rows(survey, axis, measure.feet)
    courses = course_rows(drawn, survey, axis, measure.feet)
    frames = {
        "parcels": _framed(parcels, crs),
        "courses": _framed(courses, crs),
        "points": _points(document, axis, measure, crs),
        "monuments": _monuments(document, axis, crs),
        "observations": _framed(seen, crs),
        "plan_features": _lines(drawn, "plan_feature", crs),
        "alignments": _lines(drawn, "alignment", crs),
    }
    findings = checked(document, drawn, frames["parcels"], frames["courses"], frames["observations"], axis, measure, crs)
    return LandXML(
        *frames.values(),
        findings=findings,
        unit=measure.unit,
        order=axis.order,
        version=document.version,
        crs_stated=document.crs,
        crs_says=document.crs_says,
        outlines=tuple(drawn),
    )


def courses_of(read: LandXML, ref: str) -> list[tuple[np.ndarray, tuple[Course, ...]]]:
    """
    The loops of a figure for `citygis.cogo`: the start of each, and its courses, in feet (`LandXML` says which).

    Parameters
    ----------
    read : LandXML
    ref : str
        ``source_ref`` of the figure.

    Raises
    ------
    ValueError
        If there is no such figure.
    """
    for outline in read.outlines:
        if outline.figure.ref == ref:
            return [(loop.start_ft, loop.courses) for loop in outline.loops]
    raise ValueError(f"Invalid ref {ref!r}. Must be the source_ref of a figure of this file.")


def _framed(rows: pd.DataFrame, crs: CRS | None) -> gpd.GeoDataFrame:
    geometry = rows.pop("geometry").to_numpy(dtype=object)
    return gpd.GeoDataFrame(rows, geometry=gpd.array.from_shapely(geometry, crs=crs))


def _at(place: Place | None, axis: Settled) -> shapely.Point | None:
    return None if place is None else shapely.Point(easting_northing(place, axis.order))


def _points(document: Document, axis: Settled, measure: SettledUnit, crs: CRS | None) -> gpd.GeoDataFrame:
    rows, taken = [], set()
    for element in below(document.root, "CgPoint"):
        name = (element.get("name") or "").strip()
        place = document.points.get(name)
        if place is None or name in taken:
            continue
        taken.add(name)
        rows.append(
            (f"CgPoint {name}", name, *(element.get(key) for key in ("code", "desc", "state", "pntSurv")), place.elevation, place)
        )
    columns = ["source_ref", "name", "code", "desc", "state", "role", "elevation_ft", "geometry"]
    table = pd.DataFrame(rows, columns=columns)
    table["elevation_ft"] = pd.to_numeric(table["elevation_ft"]).astype("float64") * measure.feet
    table = _texts(table, columns[:6])
    places = np.array([easting_northing(place, axis.order) for place in table["geometry"]], dtype=float).reshape(-1, 2)
    table["geometry"] = shapely.points(places)
    return _framed(table, crs)


def _monuments(document: Document, axis: Settled, crs: CRS | None) -> gpd.GeoDataFrame:
    rows = []
    for position, (said, place) in enumerate(stated_monuments(document), 1):
        name = said.get("name")
        ref = f"Monument {name}" if name else f"Monument ({position})"
        rows.append((ref, name, *(said.get(key) for key in ("pntRef", "type", "condition", "state", "desc")), _at(place, axis)))
    columns = ["source_ref", "name", "point", "kind", "condition", "state", "desc", "geometry"]
    return _framed(_texts(pd.DataFrame(rows, columns=columns, dtype=object), columns[:-1]), crs)


def _lines(drawn: Sequence[Outline], of: str, crs: CRS | None) -> gpd.GeoDataFrame:
    rows = [
        (outline.figure.ref, outline.figure.name, outline.figure.stated.get("desc"), lines_of(outline))
        for outline in drawn
        if outline.figure.of == of
    ]
    columns = ["source_ref", "name", "desc", "geometry"]
    return _framed(_texts(pd.DataFrame(rows, columns=columns, dtype=object), columns[:-1]), crs)


def _texts(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return table.astype(dict.fromkeys(names, "str"))
