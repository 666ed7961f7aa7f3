"""
What a person should know of how captures came into the City's frame.

====  ======================  ========  ==================================================================================
D04   frame_stated            info      a person stated it; so many feet would be wrong without the statement
D05   frame_taken             review    nobody stated it, and the purpose allows the doubt
D06   zone_taken              review    the numbers were taken for the City's zone by their size
D07   frame_contradicts_file  error     what was stated is not what the file says of itself
D09   quality_unstated        review    a list of finished points: nobody here knows how good they are
====  ======================  ========  ==================================================================================
"""

import geopandas as gpd
import shapely

from citygis.captures.settlement import Settled, stated_in_file
from citygis.city import City
from citygis.findings import findings_frame
from citygis.geodesy import Lineage
from citygis.units import INTERNATIONAL_FOOT, US_SURVEY_FOOT

_LABELS = ("WGS 84", "NAD83")
"""Names that formats and exports write whatever the positions are in: they contradict nothing."""


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

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`.
    """
    rows = []
    own = stated_in_file(captures)
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
            and own.realization not in _LABELS
            and own.realization != one.frame.realization
        ):
            message = f"{file} says that its positions are in {own}; {one.frame} was stated."
            rows.append(about | _CONTRADICTED | {"message": message})
        if captures.crs is None and one.source_crs == city.crs and not one.frame.is_local:
            rows.append(about | _ZONE | {"message": _zone(file, captures, city)})
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
_UNSTATED = {
    "code": "D09",
    "rule": "quality_unstated",
    "severity": "review",
    "remedy": "Ask the surveyor for the accuracy and state it: --set h_accuracy_ft=0.05.",
}
