"""
What a person should know of how captures came into the City's frame.

====  ======================  ========  ==================================================================================
D04   frame_stated            info      a person stated it; so many feet would be wrong without the statement
D05   frame_taken             review    nobody stated it, and the purpose allows the doubt
D06   zone_taken              review    the numbers were taken for the City's zone by their size
D07   frame_contradicts_file  error     what was stated is not what the file says of itself
D10   date_long_ago           review    captures of more than ten years ago, in a frame that needs their date
D09   quality_unstated        review    a list of finished points: nobody here knows how good they are
====  ======================  ========  ==================================================================================
"""

import geopandas as gpd
import shapely

from citygis.captures.settlement import LABELS, Settled, stated_datums, stated_in_file
from citygis.city import City
from citygis.findings import findings_frame
from citygis.geodesy import Lineage, decimal_year, today
from citygis.units import INTERNATIONAL_FOOT, US_SURVEY_FOOT

LONG_AGO_YEARS = 10.0
"""Captures older than this are asked about: the week number of GPS begins anew every 1,024 weeks, which is 19.6 years."""


def frame_findings(
    file: str,
    captures: gpd.GeoDataFrame,
    settled: list[Settled],
    lineages: tuple[Lineage, ...],
    *,
    city: City,
    layer: str,
    purpose: str,
    is_office: bool,
    is_crs_stated: bool = False,
) -> gpd.GeoDataFrame:
    """
    Findings on the frame of one file.

    Parameters
    ----------
    file : str
    captures : captures frame
        As sent.
    settled, lineages
        As `citygis.captures.settlement.settle` and `citygis.captures.placement.place_captures` gave them.
    city : City
    layer : str
    purpose : str
    is_office : bool
        Whether the file is a list of finished points (`citygis.captures.gates.is_office_product`).
    is_crs_stated : bool
        Whether a person said what the numbers are written in.

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`.
    """
    rows = []
    own = stated_in_file(captures)
    # What a receiver or camera calls its datum is one; what a table calls its system may be a project's name.
    is_raw = captures["capture"].isin(["epoch", "photo"]).any()
    unknown = " and ".join(stated_datums(captures)) if own is None and is_raw else ""
    for one in settled:
        way = next((lineage for lineage in lineages if lineage.statement == one.reason), None)
        moved = (
            f" It moved them by {way.moved_ft:.2f} ft, good to {way.accuracy_ft:.3f} ft."
            if way and way.moved_ft is not None
            else ""
        )
        about = {"layer": layer, "other": file, "source_ref": file}
        if one.stated_by == "nobody":
            rows.append(about | _TAKEN | {"message": f"{file}: {one.reason}.{moved}", "measure": one.cost_ft, "unit": "ft"})
        else:
            said = f"{file}: {one.reason} (stated by {one.stated_by}).{moved}"
            rows.append(about | _STATED | {"message": said, "measure": way.moved_ft if way else None, "unit": "ft"})
        if (
            one.stated_by == "--frame"
            and own is not None
            and own.realization not in LABELS
            and own.realization != one.frame.realization
        ):
            message = f"{file} says that its positions are in {own}; {one.frame} was stated."
            rows.append(about | _CONTRADICTED | {"message": message})
        if one.stated_by == "--frame" and unknown:
            message = f"{file} says that its positions are in {unknown}; {one.frame} was stated."
            rows.append(about | _CONTRADICTED | {"message": message})
        if captures.crs is None and not is_crs_stated and one.source_crs == city.crs and not one.frame.is_local:
            rows.append(about | _ZONE | {"message": _zone(file, captures, city)})
        years = today() - decimal_year(captures["time"].iloc[one.rows])
        if one.needs_date and (years > LONG_AGO_YEARS).any():
            message = (
                f"{file} has positions of {years.max():.0f} years ago; a receiver that lost count of its weeks dates them 19.6"
                " years back."
            )
            rows.append(about | _LONG_AGO | {"message": message, "measure": float(years.max()), "unit": "years"})
    if is_office:
        message = (
            f"{file} is a list of points without a word on how good they are; nothing was checked against the gate of {purpose}."
        )
        rows.append({"layer": layer, "other": file, "source_ref": file, **_UNSTATED, "message": message})
    return findings_frame(rows, crs=city.crs)


def _zone(file: str, captures: gpd.GeoDataFrame, city: City) -> str:
    bounds = shapely.total_bounds(captures.geometry.to_numpy())
    ppm = float(US_SURVEY_FOOT) / float(INTERNATIONAL_FOOT) - 1
    return (
        f"{file} does not say what its coordinates are written in; by their size they are {city.crs.name}. If they are in"
        f" international feet, everything lies {bounds[0] * ppm:.1f} ft east and {bounds[1] * ppm:.1f} ft north of its place."
    )


_STATED = {"code": "D04", "rule": "frame_stated", "severity": "info", "remedy": "Nothing, while the statement holds."}
_TAKEN = {
    "code": "D05",
    "rule": "frame_taken",
    "severity": "review",
    "remedy": "Ask in which frame and epoch the positions are, and state it with --frame.",
}
_ZONE = {
    "code": "D06",
    "rule": "zone_taken",
    "severity": "review",
    "remedy": "Ask the surveyor for the zone and the foot (California PRC 8810: CCS83 is in US survey feet); state it:"
    " --source-crs.",
}
_CONTRADICTED = {
    "code": "D07",
    "rule": "frame_contradicts_file",
    "severity": "error",
    "remedy": "Find out which is true. If the file's label is wrong, accept D07 with the reason.",
}
_LONG_AGO = {
    "code": "D10",
    "rule": "date_long_ago",
    "severity": "review",
    "remedy": "Compare with the field notes; if the dates are wrong, state the epoch: --frame ITRF2014@2026.80.",
}
_UNSTATED = {
    "code": "D09",
    "rule": "quality_unstated",
    "severity": "review",
    "remedy": "Ask the surveyor for the accuracy and state it: --set h_accuracy_ft=0.05.",
}
