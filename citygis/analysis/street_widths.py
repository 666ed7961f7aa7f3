"""
How wide the right of way is along each street, what it lacks against the City's standard, and what each parcel would dedicate.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.cross_sections import Stations, node_degrees, reaches_ft, section_lines, stations_along
from citygis.analysis.dedications import dedication_ground
from citygis.analysis.layers import in_force, load_first, require_layers, sources_of, without_ground
from citygis.analysis.overlay import areal, measurable, names_of
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.city import City
from citygis.errors import AnalysisError

MEETS, SHORT, NO_STANDARD = "meets its standard", "short of its standard", "no standard"
_SAMPLE = 50


class _Ways(NamedTuple):
    """Centerlines that can be measured along: their rows, their lines (one each), and what was left out."""

    frame: gpd.GeoDataFrame
    lines: np.ndarray
    names: np.ndarray
    left_out: list


def right_of_way_widths(
    right_of_way: gpd.GeoDataFrame,
    street_centerline: gpd.GeoDataFrame,
    *,
    parcels: gpd.GeoDataFrame | None = None,
    standards: pd.DataFrame | None = None,
    standard_ft: float | None = None,
    street: list[str] | None = None,
    interval_ft: float | None = None,
    class_field: str = "RoadClass",
    city: City | None = None,
) -> Answer:
    """
    The width of the right of way along each street segment, against the City's standard.

    Parameters
    ----------
    right_of_way : GeoDataFrame, polygons
        ``row_kind, width_ft`` as far as there.
    street_centerline : GeoDataFrame, lines
        Noded at intersections. ``NGUID``, ``St_PreDir, St_Name, St_PosTyp, St_PosDir``, and `class_field`, as far as there.
    parcels : GeoDataFrame, optional
        Who would dedicate: ``apn``.
    standards : DataFrame, optional
        ``class, width_ft``: the width that the City's standards ask for, by class of street.
    standard_ft : float, optional
        One width for every street that `standards` does not name.
    street : list of str, optional
        Only segments whose name has one of these in it.
    interval_ft : float, optional
        How far apart the right of way is measured across; rule ``interval_ft`` of pack ``street_widths`` when not given.
    class_field : str
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per segment that could be measured: ``segment, street, class, width_min_ft, width_median_ft,
        width_max_ft``, ``half_left_min_ft, half_right_min_ft`` (by the way the line runs), ``narrowest_station_ft,
        narrowest_easting, narrowest_northing``, ``record_width_ft`` (of the layer), ``standard_ft, shortfall_ft, short_left_ft,
        short_right_ft, verdict, stations, stations_left_out``. Tables: ``stations``, every cross section with its widths or why
        it has none; ``dedication``, per parcel the square feet within half the standard of the centerline. ``geometry``: the
        segments.

    Raises
    ------
    AnalysisError
        If a layer lacks a column or is empty, no street has the name asked for, or a width is not above zero.
    CRSError
        If a layer is not in feet of one system.

    Notes
    -----
    The ground of a dedication is the strip within half the standard of the centerline, its sides parallel to it and mitred, less
    all right of way. Corner cut-offs are not in it.
    """
    require_layers({"right_of_way": right_of_way, "street_centerline": street_centerline, "parcel": parcels}, {"parcel": ["apn"]})
    pack = rule_pack("street_widths", city)
    interval = float(pack["interval_ft"] if interval_ft is None else interval_ft)
    for name, value in (("interval_ft", interval), ("standard_ft", standard_ft)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise AnalysisError(f"{name} is {value:g}. Give a number of feet above zero.")
    open_ = pack.overdue()
    ground, streets, left_out, remarks = _street_ground(right_of_way, pack)
    ways = _ways(street_centerline, street)
    left_out += ways.left_out
    stations = stations_along(ways.lines, interval)
    left, right, why = _measured(ground, stations, ways, pack)
    table, short = _table(ways, stations, left, right, why, pack, _standards(ways, standards, standard_ft, class_field))
    record = _record_widths(streets, stations, why)
    table.insert(9, "record_width_ft", record.reindex(table["_way"]).to_numpy())
    missing = np.setdiff1d(np.arange(len(ways.lines)), table["_way"])
    reason = pd.Series(why, index=stations.line).groupby(level=0).agg(lambda each: "; ".join(sorted(set(each))))
    missing = missing[ways.frame["_asked"].to_numpy()[missing]]
    left_out += [("street_centerline", str(ways.names[k]), f"no cross section: {reason[k]}") for k in missing]
    if len(missing):
        open_.append(
            (
                f"The width of {len(missing):,} segments",
                "Every cross section of theirs is near an intersection or a dead end, or has no right of way on both sides.",
                "Measure them on the record map; the list of excluded segments says why for each.",
            )
        )
    open_ += _without_standard(table)
    wide = table.set_index("_way")["standard_ft"].loc[short].to_numpy()
    dedication, pieces, checks = dedication_ground(
        right_of_way, ways.lines[short], wide, ways.names[short], parcels=parcels, least_ft=float(pack["least_short_ft"])
    )
    if parcels is None and len(pieces):
        open_.append(("Whose ground a dedication takes", "No parcels were given.", "Ask of a store with parcels."))
    if len(pieces):
        remarks.append("Corner cut-offs at intersections are not in the ground of a dedication.")
    order = np.lexsort((table["segment"], table["street"], -table["shortfall_ft"].fillna(0)))
    table = table.iloc[order].reset_index(drop=True)
    geometry = gpd.GeoDataFrame(table[["segment", "street", "verdict"]], geometry=ways.lines[table["_way"]], crs=right_of_way.crs)
    table = table.drop(columns="_way")
    measured = why == ""
    aside = section_lines(stations, np.where(measured, left, 0), np.where(measured, right, 0))
    return Answer(
        question="row_width",
        title=_title(table),
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(interval, pack),
            citations=pack.cited(interval_ft=interval),
            parameters={
                "interval_ft": interval,
                "standard_ft": standard_ft,
                "street": ", ".join(street or ()),
                "class_field": class_field,
            },
            sources=sources_of({"right_of_way": right_of_way, "street_centerline": street_centerline, "parcel": parcels}),
            remarks=tuple(remarks),
        ),
        check=(*_checks(ground, stations, left, right, why), *checks),
        unanswered=unanswered(open_),
        tables={
            "dedication": dedication,
            "stations": pd.DataFrame(
                {
                    "segment": ways.names[stations.line],
                    "station_ft": stations.along_ft.round(3),
                    "easting": stations.points[:, 0].round(3),
                    "northing": stations.points[:, 1].round(3),
                    "left_ft": np.where(measured, left, np.nan).round(4),
                    "right_ft": np.where(measured, right, np.nan).round(4),
                    "width_ft": np.where(measured, left + right, np.nan).round(4),
                    "left_out": why,
                }
            ),
        },
        layers={
            "segments": geometry,
            "sections": gpd.GeoDataFrame(
                {"segment": ways.names[stations.line[measured]]}, geometry=aside[measured], crs=right_of_way.crs
            ),
            "dedication": pieces,
        },
        map=MapPlan(
            "Width of right of way", f"{len(table):,} segments measured every {interval:g} ft", _STYLES, base=("right_of_way",)
        ),
    )


_STYLES = {
    "dedication": {
        "title": "Dedication",
        "legend": "Ground within half the standard, not yet right of way",
        "fill": "#f3c6a5",
        "line": {"color": "#9c2f2f", "width_pt": 0.5},
    },
    "sections": {"title": "Cross sections", "legend": "Cross section", "line": {"color": "#8a8a8a", "width_pt": 0.25}},
    "segments": {
        "title": "Streets",
        "field": "verdict",
        "line": {"color": "#4d4d4d", "width_pt": 0.9},
        "classes": [
            {"values": [MEETS], "legend": "Meets its standard", "line": {"color": "#1c7458", "width_pt": 1.2}},
            {"values": [SHORT], "legend": "Short of its standard", "line": {"color": "#c0392b", "width_pt": 1.6}},
            {"values": [NO_STANDARD], "legend": "No standard given", "line": {"color": "#4d4d4d", "width_pt": 0.9}},
        ],
    },
}


def _street_ground(right_of_way: gpd.GeoDataFrame, pack: RulePack) -> tuple[shapely.Geometry, gpd.GeoDataFrame, list, list[str]]:
    """The ground of streets as one, the rows it is of, and what was left out of it."""
    left_out = []
    kept = right_of_way
    if "row_kind" in right_of_way.columns:
        other = right_of_way["row_kind"].isin(list(pack["not_street"])).to_numpy()
        names = names_of(right_of_way, "row_id")
        kinds = right_of_way["row_kind"].astype("str").to_numpy()
        left_out = [("right_of_way", str(names[k]), f"not open as a street: {kinds[k]}") for k in np.flatnonzero(other)]
        kept = right_of_way[~other]
    found = measurable(kept, "right_of_way", key="row_id")
    if not len(found.rows):
        raise AnalysisError(f"No right of way in force is open as a street. {load_first('right_of_way')}")
    ground = areal(shapely.union_all(found.shapes))
    return ground, kept.iloc[found.rows].assign(geometry=found.shapes), left_out + found.left_out, list(found.remarks)


def _ways(lines: gpd.GeoDataFrame, street: list[str] | None) -> _Ways:
    names, nowhere = names_of(lines, "NGUID"), without_ground(lines).to_numpy()
    shapes = shapely.line_merge(np.asarray(lines.geometry.values, dtype=object))
    held = np.isin(np.arange(len(lines)), in_force(lines.reset_index(drop=True)).index)
    why = np.select(
        [~held, nowhere, shapely.get_type_id(shapes) != 1], ["not in force", "no geometry", "in several parts that do not meet"], ""
    ).astype(object)
    said = _street_names(lines)
    if street:
        wanted = np.array([any(each.upper() in name.upper() for each in street) for name in said], dtype=bool)
        if not wanted.any():
            there = ", ".join(sorted(set(said))[:5])
            raise AnalysisError(f"No street is called {', '.join(street)}. There are, among others: {there}.")
        why[(why == "") & ~wanted] = "another street than asked for"
    left_out = [("street_centerline", str(names[k]), str(why[k])) for k in np.flatnonzero(why != "")]
    rows = np.flatnonzero(np.isin(why, ["", "another street than asked for"]))
    rows = rows[np.lexsort((shapely.bounds(shapes)[rows, 0], names[rows]))]
    frame = lines.iloc[rows].assign(_street=said[rows], _asked=why[rows] == "").reset_index(drop=True)
    return _Ways(frame, shapes[rows], names[rows], left_out)


def _street_names(lines: gpd.GeoDataFrame) -> np.ndarray:
    columns = [each for each in ("St_PreDir", "St_Name", "St_PosTyp", "St_PosDir") if each in lines.columns]
    parts = [lines[each].astype("object").where(lines[each].notna(), "").astype("str").to_numpy(dtype=object) for each in columns]
    return np.array([" ".join(filter(None, each)) for each in zip(*parts, strict=True)] or [""] * len(lines), dtype=object)


def _measured(ground, stations: Stations, ways: _Ways, pack: RulePack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The half widths at each station, and why a station has none."""
    clear, reach, gap = (float(pack[key]) for key in ("clear_ft", "reach_ft", "gap_ft"))
    degree = node_degrees(ways.lines)[stations.line]
    rest = shapely.length(ways.lines)[stations.line] - stations.along_ft
    from_start, from_end = stations.along_ft < clear, rest < clear
    crossing = (from_start & (degree[:, 0] > 2)) | (from_end & (degree[:, 1] > 2))
    dead = (from_start & (degree[:, 0] == 1)) | (from_end & (degree[:, 1] == 1))
    left, right = (reaches_ft(ground, stations, to_left=side, reach_ft=reach, gap_ft=gap) for side in (True, False))
    bounded = np.isfinite(left) & np.isfinite(right)
    mouth = np.zeros(len(left), dtype=bool)
    at = np.flatnonzero(bounded)
    across = section_lines(stations, np.where(bounded, left, 0.0), np.where(bounded, right, 0.0))[at]
    section, way = shapely.STRtree(ways.lines).query(across, predicate="intersects")
    mouth[at[section[way != stations.line[at[section]]]]] = True
    asked = ways.frame["_asked"].to_numpy()[stations.line]
    why = np.select(
        [~asked, crossing, dead, np.isnan(left) | np.isnan(right), ~bounded, mouth],
        [
            "another street than asked for",
            f"within {clear:g} ft of an intersection",
            f"within {clear:g} ft of a dead end",
            "the centerline is not on right of way here",
            f"no side of the right of way within {reach:g} ft",
            "the section runs into another street",
        ],
        "",
    ).astype(object)
    return left, right, why


def _standards(ways: _Ways, standards: pd.DataFrame | None, standard_ft: float | None, class_field: str) -> pd.DataFrame:
    """Class and standard of each segment."""
    named = class_field in ways.frame.columns
    known = ways.frame[class_field].astype("object") if named else pd.Series(None, index=ways.frame.index, dtype=object)
    wide = pd.Series(np.nan, index=ways.frame.index)
    if standards is not None:
        gone = [each for each in ("class", "width_ft") if each not in standards.columns]
        if gone:
            raise AnalysisError(f"The standards have no column {', '.join(gone)}. They need: class, width_ft.")
        if not named:
            raise AnalysisError(
                f"The centerlines have no column {class_field!r} to find their standard by. Name it: --class-field."
            )
        values = pd.to_numeric(standards["width_ft"], errors="coerce")
        if (~(values > 0)).any():
            raise AnalysisError(
                f"The standards have a width of {standards['width_ft'][~(values > 0)].iloc[0]!r}. Give feet above zero."
            )
        if standards["class"].duplicated().any():
            raise AnalysisError(
                f"The standards name the class {standards['class'][standards['class'].duplicated()].iloc[0]!r} twice."
            )
        wide = known.map(dict(zip(standards["class"], values, strict=True))).astype(float)
    if standard_ft is not None:
        wide = wide.fillna(float(standard_ft))
    return pd.DataFrame({"class": known, "standard_ft": wide})


def _table(ways, stations, left, right, why, pack, standards) -> tuple[pd.DataFrame, np.ndarray]:
    ok = why == ""
    frame = pd.DataFrame({"way": stations.line, "left": left, "right": right, "width": left + right, "at": np.arange(len(left))})[
        ok
    ]
    grouped = frame.groupby("way", sort=True)
    narrow = frame.sort_values(["way", "width", "at"], kind="stable").drop_duplicates("way")
    way = narrow["way"].to_numpy()
    at = narrow["at"].to_numpy()
    counts = np.bincount(stations.line, minlength=len(ways.lines))
    stats = grouped.agg(low=("width", "min"), mid=("width", "median"), high=("width", "max"), l=("left", "min"), r=("right", "min"))
    wanted = standards["standard_ft"].to_numpy()[way]
    least = float(pack["least_short_ft"])

    def lack(has: np.ndarray, needs: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(needs), np.nan, np.where(needs - has > least, needs - has, 0.0)).round(4)

    table = pd.DataFrame(
        {
            "segment": ways.names[way],
            "street": ways.frame["_street"].to_numpy()[way],
            "class": standards["class"].to_numpy()[way],
            "width_min_ft": stats["low"].round(4).to_numpy(),
            "width_median_ft": stats["mid"].round(4).to_numpy(),
            "width_max_ft": stats["high"].round(4).to_numpy(),
            "half_left_min_ft": stats["l"].round(4).to_numpy(),
            "half_right_min_ft": stats["r"].round(4).to_numpy(),
            "narrowest_station_ft": stations.along_ft[at].round(3),
            "narrowest_easting": stations.points[at, 0].round(3),
            "narrowest_northing": stations.points[at, 1].round(3),
            "standard_ft": wanted,
            "shortfall_ft": lack(stats["low"].to_numpy(), wanted),
            "short_left_ft": lack(stats["l"].to_numpy(), wanted / 2),
            "short_right_ft": lack(stats["r"].to_numpy(), wanted / 2),
            "stations": grouped.size().to_numpy(),
            "stations_left_out": counts[way] - grouped.size().to_numpy(),
            "_way": way,
        }
    )
    lacking = table[["shortfall_ft", "short_left_ft", "short_right_ft"]].gt(0).any(axis=1)
    table["verdict"] = np.where(np.isnan(wanted), NO_STANDARD, np.where(lacking, SHORT, MEETS))
    return table, way[lacking.to_numpy()]


def _record_widths(streets: gpd.GeoDataFrame, stations: Stations, why: np.ndarray) -> pd.Series:
    """The width that the layer of right of way states where each segment was measured: the median of its cross sections."""
    if "width_ft" not in streets.columns:
        return pd.Series(dtype=float)
    at = np.flatnonzero(why == "")
    point, polygon = shapely.STRtree(np.asarray(streets.geometry.values)).query(
        shapely.points(stations.points[at]), predicate="intersects"
    )
    stated = pd.to_numeric(streets["width_ft"]).to_numpy(dtype=float, na_value=np.nan)[polygon]
    return pd.Series(stated).groupby(stations.line[at[point]]).median()


def _title(table: pd.DataFrame) -> str:
    """What was found of the segments that have a standard; nothing is said to be wide enough that nobody judged."""
    judged = int(table["standard_ft"].notna().sum())
    if not judged:
        return f"Width of right of way: {len(table):,} segments measured, none held against a standard"
    rest = f", {len(table) - judged:,} without a standard" if judged < len(table) else ""
    return f"Width of right of way: {int((table['verdict'] == SHORT).sum()):,} of {judged:,} segments short{rest}"


def _without_standard(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    lacking = table["verdict"] == NO_STANDARD
    if not lacking.any():
        return []
    classes = ", ".join(sorted(set(table.loc[lacking, "class"].dropna().astype("str")))) or "none"
    return [
        (
            f"Whether {int(lacking.sum()):,} segments are wide enough (classes: {classes})",
            "No law sets the width of a street: the City's improvement standards do, and none was given for them.",
            "Give the City's table: --standards FILE with the columns class, width_ft; or one width: --standard-ft 60.",
        )
    ]


def _checks(ground, stations: Stations, left, right, why) -> list[SecondWay]:
    """The narrowest cross sections had again by cutting a line with the ground."""
    at = np.flatnonzero(why == "")
    if not len(at):
        return []
    at = at[np.lexsort((at, (left + right)[at]))][:_SAMPLE]
    lines = section_lines(stations, np.full(len(left), left[at].max() + 1), np.full(len(left), right[at].max() + 1))[at]
    box = shapely.box(*shapely.total_bounds(lines))
    here = shapely.intersection(ground, box)
    cut, of = shapely.get_parts(shapely.intersection(lines, here), return_index=True)
    mine = shapely.distance(cut, shapely.points(stations.points[at[of]])) <= 1e-6
    again = np.bincount(of[mine], weights=shapely.length(cut[mine]), minlength=len(at))
    return [
        second_way(
            f"feet of the {len(at)} narrowest cross sections together",
            round(float((left + right)[at].sum()), 3),
            "lines across, cut by the right of way",
            round(float(again.sum()), 3),
            tolerance=0.002 * len(at),
            unit="ft",
        )
    ]


def _steps(interval: float, pack: RulePack) -> tuple[str, ...]:
    return (
        "Right of way that is open as a street was joined into one ground.",
        f"Every {interval:g} ft or less along each centerline it was measured square to it, to the first side left and right.",
        f"No width is taken within {pack['clear_ft']:g} ft of an intersection or a dead end, nor across another street.",
        f"A segment is short where its narrowest width, or either half, lacks more than {pack['least_short_ft']:g} ft.",
        "Dedication is what lies within half the standard of a short segment, sides parallel and mitred, less all right of way.",
    )


QUESTIONS = (
    Question(
        name="row_width",
        department="Public works",
        summary="How wide the right of way of streets is, what it lacks against the standard, and who would dedicate it.",
        answer=right_of_way_widths,
        layers=("right_of_way", "street_centerline"),
        optional={"parcels": "parcel"},
        parameters=(
            Parameter("standards", "table", "Widths that the City's standards ask for: a file with the columns class, width_ft."),
            Parameter("standard_ft", "number", "One width for every street that the table does not name."),
            Parameter("street", "text", "Only streets with this in their name; several times for several.", many=True),
            Parameter("interval_ft", "number", "How far apart the right of way is measured across."),
            Parameter("class_field", "text", "Column of the centerlines that names the class of street."),
        ),
    ),
)
