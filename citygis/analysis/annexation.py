"""
An annexation package: the land as a description written from courses, its acreage, parcels and tax rate areas, whether it adjoins
the City, encloses county ground or leaves slivers, and the list it is held against.
"""

import datetime
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.annexation_exhibit import exhibit_layers, exhibit_plan
from citygis.analysis.annexation_tables import area_table, course_table, parcel_table, tra_table
from citygis.analysis.annexed_land import adjoiners_of, annexed_before, figures_of, land_of, outside_sqft, to_centerline
from citygis.analysis.answer import Answer, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.boe_checklist import checklist, requirements_met, told
from citygis.analysis.city_edge import Edge, edge_of
from citygis.analysis.layers import in_force, require_layers, sources_of
from citygis.analysis.legal_description import Description, Figure, legal_description
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.analysis.street_side import RULES
from citygis.city import City, default_city
from citygis.cogo import polygon
from citygis.errors import AnalysisError
from citygis.readers.deed import read_deed
from citygis.units import SQFT_PER_ACRE

_LAID_OUT_FT = 0.10


def annexation_package(
    parcels: gpd.GeoDataFrame,
    city_limit: gpd.GeoDataFrame,
    *,
    subject: Sequence[str] = (),
    outline: gpd.GeoDataFrame | None = None,
    boundary_line: gpd.GeoDataFrame | None = None,
    corner: gpd.GeoDataFrame | None = None,
    street_centerline: gpd.GeoDataFrame | None = None,
    right_of_way: gpd.GeoDataFrame | None = None,
    tract: gpd.GeoDataFrame | None = None,
    earlier: gpd.GeoDataFrame | None = None,
    sphere: gpd.GeoDataFrame | None = None,
    name: str = "Annexation No. ____",
    street_rule: str | None = None,
    begin_at: str | None = None,
    filed: datetime.date | None = None,
    roll_year: int | None = None,
    city: City | None = None,
) -> Answer:
    """
    The package for annexing land to the City.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, status, stack_id, tra, situs_text``. In feet.
    city_limit : GeoDataFrame, polygons
    subject : sequence of str
        Numbers of the parcels to be annexed; or none, and `outline`.
    outline : GeoDataFrame, polygons, optional
        The land itself.
    boundary_line : GeoDataFrame, optional
        Courses of record, as `citygis.analysis.outline.boundary_of` takes them.
    corner : GeoDataFrame, points, optional
        ``corner_id, kind, monument, tag``: where the description begins.
    street_centerline, right_of_way : GeoDataFrame, optional
        For a boundary in a street, and to call to the centreline.
    tract : GeoDataFrame, polygons, optional
        ``tract_no``, as far as there ``map_kind, map_ref``: recorded maps that the description calls to.
    earlier : GeoDataFrame, polygons, optional
        Annexations before this: ``name``, as far as there ``detached_on``.
    sphere : GeoDataFrame, polygons, optional
        The sphere of influence.
    name : str
        Title of the change.
    street_rule : str, optional
        ``parcel`` or ``centerline``; the City's (rule ``street_rule`` of pack ``annexation``) when not given.
    begin_at : str, optional
        ``corner_id`` of the monument to begin or commence at.
    filed : date, optional
        Day on which the statement is to be filed.
    roll_year : int, optional
        Assessment roll that is to show the change.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel with ground in the land: ``apn, tra, taken`` (whole, part), ``area_sqft, acres, share``.
        ``tables``: ``areas, courses, tra, checklist, city_edge``. ``documents``: ``legal_description.txt``. ``maps``: the exhibits.

    Raises
    ------
    AnalysisError
        If neither parcels nor an outline is named, or both; a number, corner or rule is unknown; the land has no ground.
    CRSError
        If a layer is not in feet of one system.
    """
    layers = {
        "parcel": parcels, "city_limit": city_limit, "outline": outline, "boundary_line": boundary_line, "corner": corner,
        "street_centerline": street_centerline, "right_of_way": right_of_way, "tract": tract, "annexation": earlier,
        "sphere_of_influence": sphere,
    }  # fmt: skip
    layers = {
        key: layer if layer is None or len(layer) or key in ("parcel", "city_limit", "outline") else None
        for key, layer in layers.items()
    }
    require_layers(layers, {"parcel": ["apn"], "corner": ["corner_id", "kind"], "tract": ["tract_no"]})
    city = city or default_city()
    pack = rule_pack("annexation", city)
    rule = street_rule or str(pack["street_rule"])
    if rule not in RULES:
        raise AnalysisError(f"There is no street rule {rule!r}. There are: {', '.join(RULES)}.")
    parcels = parcels.reset_index(drop=True)
    limit = shapely.union_all(in_force(city_limit).geometry.values)
    open_ = pack.overdue()

    ground, filled = land_of(parcels, subject, outline)
    if rule == "centerline":
        ground = to_centerline(ground, layers, open_)
    edge = edge_of(ground, limit, width_ft=float(pack["sliver_width_ft"]), least_sqft=float(pack["least_sqft"]))
    adjoiners = adjoiners_of(limit, city, layers)
    try:
        figures = figures_of(ground, adjoiners, layers, begin_at)
    except ValueError as error:
        raise AnalysisError(f"The land cannot be described. {error}") from None
    system = _system(parcels)
    description = legal_description(figures, title=name, county=city.county, state=_state(city), system=system)
    table, left_out = parcel_table(parcels, ground, float(pack["least_sqft"]))
    courses = course_table(figures, description)
    areas = area_table(figures, description)
    tra = tra_table(table, int(pack["tra_digits"]), open_)
    outside = outside_sqft(ground, layers["sphere_of_influence"], float(pack["least_sqft"]))
    again = annexed_before(ground, layers["annexation"], float(pack["least_sqft"]))
    facts = requirements_met(pack, figures, description, edge, table, tra, outside, filed, roll_year)
    ticked = checklist(pack, facts)
    told(open_, pack, edge, description, outside, again, layers, table, ticked)
    acres = description.area_sqft / SQFT_PER_ACRE
    own = gpd.GeoDataFrame(
        table, geometry=gpd.GeoSeries(parcels.geometry.values[_places(parcels, table)], crs=parcels.crs), crs=parcels.crs
    )
    plan = exhibit_plan(name, acres, figures)
    return Answer(
        question="annexation",
        title=f"{name}: {acres:,.2f} acres",
        table=table,
        geometry=own,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(subject, rule, figures, pack),
            citations=pack.cited(
                "closure_ratio",
                "contiguity",
                "strip_length_ft",
                "strip_width_ft",
                "islands",
                "island_acres",
                "sphere",
                "street_rule",
                "filing_day",
                "tra_digits",
                "sliver_width_ft",
                street_rule=rule,
            ),
            parameters={
                "subject": ", ".join(subject) if len(subject) else "an outline",
                "name": name,
                "street_rule": rule,
                "begin_at": begin_at,
                "filed": filed,
                "roll_year": roll_year,
            },
            sources=sources_of(layers),
            remarks=_remarks(figures, filled, edge, again),
        ),
        check=_checks(ground, figures, description, edge),
        unanswered=unanswered(open_),
        tables={"checklist": ticked, "areas": areas, "courses": courses, "tra": tra, "city_edge": edge.table},
        layers=exhibit_layers(ground, limit, figures, courses, edge, own, parcels),
        map=plan,
        documents={"legal_description.txt": description.text.encode()},
        maps=(
            plan._replace(
                title=f"LAFCO: {name}",
                subtitle='Exhibit "B", letter size',
                profile="lafco_exhibit",
                paper="letter",
                panel_in=4.8,
                base=("street_centerline",),
                file="exhibit_letter.pdf",
            ),
        ),
    )


def _places(parcels: gpd.GeoDataFrame, table: pd.DataFrame) -> np.ndarray:
    place = pd.Series(np.arange(len(parcels)), index=parcels["apn"].astype("str"))
    return place[~place.index.duplicated()].reindex(table["apn"]).to_numpy(dtype=int)


def _checks(ground: shapely.Geometry, figures: list[Figure], description: Description, edge: Edge) -> tuple[SecondWay, ...]:
    """Areas by coordinates, the document read back and laid out again, and the common line from three outlines."""
    perimeter = sum(closed.perimeter_ft for closed in description.closures)
    checks = [
        second_way(
            "area by the printed courses",
            round(description.area_sqft, 1),
            "coordinates of the drawn outline",
            round(float(ground.area), 1),
            tolerance=max(1.0, 0.02 * perimeter),
            unit="sq ft",
        )
    ]
    read = [each for each in read_deed(description.text).parcels if each.role != "tie"]
    checks.append(
        second_way(
            "courses",
            sum(len(courses) for courses in description.courses),
            "the document read back",
            sum(len(each.courses) for each in read),
        )
    )
    if len(read) == len(figures) and all(len(each.courses) for each in read):
        worst = max(each.closure.misclosure_ft if each.closure else np.inf for each in read)
        ours = max(closed.misclosure_ft for closed in description.closures)
        checks.append(
            second_way("misclosure", round(ours, 4), "the document read back", round(worst, 4), tolerance=0.001, unit="ft")
        )
        off, allowed = 0.0, _LAID_OUT_FT
        for figure, each in zip(figures, read, strict=True):
            ring = polygon(each.courses, figure.boundary.places[0]).exterior
            drawn = polygon(figure.boundary.courses, places=figure.boundary.places).exterior
            off = max(off, float(shapely.hausdorff_distance(ring, drawn)))
            allowed = max(allowed, len(each.courses) * 0.02)
        checks.append(
            second_way(
                "outline", 0.0, "the document read back and laid out, farthest off", round(off, 3), tolerance=allowed, unit="ft"
            )
        )
    along = sum(
        course.length_ft
        for figure in figures
        for course, kind in zip(figure.boundary.courses, figure.boundary.kinds, strict=True)
        if kind == "city_limit"
    )
    checks.append(
        second_way(
            "line in common with the City",
            round(edge.common_ft, 1),
            "lengths of the courses that call to it",
            round(along, 1),
            tolerance=max(1.0, 0.002 * along),
            unit="ft",
        )
    )
    return tuple(checks)


def _steps(subject: Sequence[str], rule: str, figures: list[Figure], pack: RulePack) -> tuple[str, ...]:
    of = "that of the parcels named, joined" if len(subject) else "the outline given"
    street = "goes on to the centreline of the streets before it" if rule == "centerline" else "ends on the lines of the parcels"
    return (
        f"The land is {of}, and {street}.",
        "Its outline was walked clockwise and cut into courses where it turns a corner, a curve begins or ends, or the line that "
        "it runs along changes.",
        "Courses carry the bearings, distances and curves of the boundary lines of record where these cover them and fit the "
        "drawing within 0.10 ft or 1 in 5,000; all others are computed from the drawing, and the list of courses says which.",
        "Bearings were rounded to the second and lengths to 0.01 ft once; closure and acreage are those of the rounded courses, "
        "true on the curves.",
        f"Each of the {len(figures)} rings begins at a monument, or is tied to the nearest one, on the existing city limit where "
        "the land adjoins it.",
        "The land and the City were joined: rings that this encloses are islands, and what is narrower than "
        f"{pack['sliver_width_ft']:g} ft is a gap.",
    )


def _remarks(figures: list[Figure], filled: int, edge: Edge, again: list[str]) -> tuple[str, ...]:
    computed = sum(course.basis != "RECORD" for figure in figures for course in figure.boundary.courses)
    remarks = ["A draft for the surveyor in responsible charge: nothing here is signed."]
    if computed:
        remarks.append(f"{computed} courses are computed from the drawing, and are no better than it.")
    areas = sum(not figure.is_exception for figure in figures)
    if areas > 1:
        remarks.append(f"The land lies in {areas} areas; streets between them are not in it.")
    if filled:
        remarks.append(f"{filled} gaps between parcels, narrower than 0.10 ft, were taken as closed.")
    before = edge.of("island before")
    if len(before):
        remarks.append(
            f"{len(before)} islands of county ground are in the City now, and stay ({before['acres'].sum():,.2f} acres)."
        )
    return tuple(remarks)


def _state(city: City) -> str:
    return "California" if city.state == "CA" else city.state


def _system(parcels: gpd.GeoDataFrame) -> str:
    zone = str(parcels.crs.name).partition("zone ")[2].split(" ")[0]
    return f"the California Coordinate System (CCS83), Zone {zone}" if "NAD83" in parcels.crs.name and zone else parcels.crs.name


QUESTIONS = (
    Question(
        name="annexation",
        department="City clerk",
        summary="The package for annexing land: description from courses, closure, acreage, contiguity, islands, checklist.",
        answer=annexation_package,
        layers=("parcel", "city_limit"),
        optional={
            "boundary_line": "boundary_line",
            "corner": "corner",
            "street_centerline": "street_centerline",
            "right_of_way": "right_of_way",
            "tract": "tract",
            "earlier": "annexation",
            "sphere": "sphere_of_influence",
        },
        parameters=(
            Parameter("subject", "text", "Number of a parcel to be annexed; several times for several.", many=True, option="apn"),
            Parameter("outline", "layer", "File with the land itself, in place of parcels."),
            Parameter("name", "text", "Title of the change, such as 'Riverbend Annexation No. 12'."),
            Parameter(
                "street_rule", "text", "parcel, or centerline: where the boundary runs along streets; the City's when not given."
            ),
            Parameter("begin_at", "text", "Number of the corner to begin or commence at."),
            Parameter("filed", "date", "Day on which the statement is filed."),
            Parameter("roll_year", "integer", "Assessment roll that is to show the change."),
        ),
    ),
)
