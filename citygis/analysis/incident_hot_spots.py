"""
Where incidents stand together, this period and the last: hot spots told from chance, and no incident shown where it was.
"""

import datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.concentration import shuffled_p, within_reach
from citygis.analysis.density import SQFT_PER_SQMI, Cells, cell_of, city_cells, density_at, kept_of, peak
from citygis.analysis.geomask import Masked, geomask
from citygis.analysis.hot_spot_tables import (
    DENSE,
    WHEN,
    Found,
    cell_table,
    found_in,
    hot_tables,
    mask_table,
    pai_table,
    period_table,
    spots_of,
)
from citygis.analysis.incidents import Counted, Period, counted, periods_of
from citygis.analysis.layers import in_force, load_first, require_layers, sources_of, without_ground
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.city import City
from citygis.errors import AnalysisError

_PEAK_TOLERANCE = 0.02
"""What a surface counted by pixels may differ from the sum of its kernels at the peak."""


def hot_spots(
    incidents: gpd.GeoDataFrame,
    *,
    city_limit: gpd.GeoDataFrame | None = None,
    parcels: gpd.GeoDataFrame | None = None,
    date_column: str = "date",
    id_column: str | None = None,
    this_from: datetime.date | None = None,
    this_to: datetime.date | None = None,
    last_from: datetime.date | None = None,
    last_to: datetime.date | None = None,
    cell_ft: float | None = None,
    neighbour_ft: float | None = None,
    bandwidth_ft: float | None = None,
    mask_key: Path | str | None = None,
    city: City | None = None,
) -> Answer:
    """
    Hot spots of incidents this period against the last.

    Parameters
    ----------
    incidents : GeoDataFrame, points
        In feet.
    city_limit : GeoDataFrame, polygons
        Needed: rates have no ground without it.
    parcels : GeoDataFrame, optional
        For the mask: so many parcels are as likely as the true place.
    date_column : str
        Days as dates, or as text that begins like 2026-01-31.
    id_column : str, optional
        What an incident is called; ``incident_id``, ``case_no`` or ``id`` where there is one, else its row.
    this_from, this_to : date, optional
        The period, both days included. All incidents are of it when neither is given.
    last_from, last_to : date, optional
        The period to compare with; the same number of days just before when not given.
    cell_ft, neighbour_ft, bandwidth_ft : float, optional
        Of the rule pack ``hot_spots`` when not given.
    mask_key : path, optional
        A file with the department's secret, so that each place is masked alike in every answer. Not in the answer.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per cell of the City: ``cell, area_acre``, and for the period, and with ``last_`` for the other:
        ``incidents`` (null where above zero and below rule ``least_count``), ``density_per_sqmi, gi_star, p, kind`` (hot, cold or
        nothing); ``status`` (new, persisting, ended), and ``rate_ratio, ratio_low, ratio_high, change`` of the neighbourhood.
        ``tables``: ``periods``, ``pai``, ``spots``, ``ids`` (each incident's hot spot), ``mask``. ``layers``: ``density``,
        ``hot``, ``ended`` and ``incident_masked``: places that were moved, never the true ones.

    Raises
    ------
    AnalysisError
        If there is no City limit, the layer has no points, a period is empty or backwards, a column is not there.
    CRSError
        If a layer is not in feet of one system.
    """
    if city_limit is None:
        raise AnalysisError(f"Hot spots need the City limit: rates have no ground without it. {load_first('city_limit')}")
    require_layers({"incident": incidents, "city_limit": city_limit, "parcel": parcels})
    pack = rule_pack("hot_spots", city)
    asked = {"cell_ft": cell_ft, "neighbour_ft": neighbour_ft, "bandwidth_ft": bandwidth_ft}
    sizes = {name: float(pack[name] if value is None else value) for name, value in asked.items()}
    for name, value in sizes.items():
        if not np.isfinite(value) or value <= 0:
            raise AnalysisError(f"{name} is {value:g}. Give one above zero.")
    periods = periods_of(this_from, this_to, last_from, last_to)
    limit = shapely.union_all(city_limit.geometry.values[~without_ground(city_limit).to_numpy()])
    if shapely.area(limit) == 0:
        raise AnalysisError("The City limit has no ground. Load its polygon first.")

    cells = city_cells(limit, cell_ft=sizes["cell_ft"])
    seen = counted(incidents, limit, periods=periods, date_column=date_column, id_column=id_column)
    seen = _in_cells(seen, cells)
    held = seen.held
    if not (held["period"] == 0).any():
        raise AnalysisError(
            f"None of {len(incidents):,} incidents is in the City and in {periods[0].said}. Look at their system and their dates: "
            f"{seen.reasons()}."
        )
    near = within_reach(cells.easting, cells.northing, sizes["neighbour_ft"])
    found = [
        found_in(held[held["period"] == k], cells, near, limit, bandwidth_ft=sizes["bandwidth_ft"], pack=pack)
        for k in range(len(periods))
    ]
    mask = _masked(held, limit, parcels, pack, mask_key)

    table = cell_table(cells, found, periods, pack)
    spots = spots_of(cells, found[0].kind == "hot", found[0].counts)
    hot, ids = hot_tables(cells, spots, found, held, periods, pack)
    geometry = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(cells.shapes, crs=incidents.crs))
    layers = {
        "density": geometry.loc[table["dense"], ["cell", "density_per_sqmi", "geometry"]].reset_index(drop=True),
        "ended": geometry.loc[table["status"] == "ended", ["cell", "geometry"]].reset_index(drop=True)
        if len(periods) > 1
        else geometry.iloc[:0][["cell", "geometry"]],
        "hot": _joined(cells, spots, hot, incidents.crs),
        "incident_masked": _shown(held, mask, incidents.crs),
    }
    return Answer(
        question="hot_spots",
        title=f"Hot spots, {periods[0].said}",
        table=table,
        geometry=geometry,
        excluded=excluded(seen.left_out),
        method=Method(
            steps=_steps(sizes, pack, periods, parcels is not None),
            citations=pack.cited(**sizes),
            parameters={
                **{f"{when}_{end}": day for when, each in zip(WHEN, periods, strict=False) for end, day in _ends(each)},
                **sizes,
                "date_column": date_column,
                "mask_key": "the department's" if mask_key is not None else "made for this answer",
            },
            sources=sources_of({"incident": incidents, "city_limit": city_limit, "parcel": parcels}),
            remarks=_remarks(mask_key),
        ),
        check=_checks(found[0], cells, near, sizes["bandwidth_ft"], spots, pack),
        unanswered=unanswered(_open(pack, periods, found, seen, mask, parcels)),
        tables={
            "periods": period_table(periods, found, pack),
            "pai": pai_table(cells, found, periods, pack),
            "spots": hot,
            "ids": ids,
            "mask": mask_table(mask),
        },
        layers=layers,
        map=_plan(periods),
    )


def _in_cells(seen: Counted, cells: Cells) -> Counted:
    """Without those on the very line of the City limit, where the cell has no ground in the City."""
    at = cell_of(cells, seen.held["easting"].to_numpy(), seen.held["northing"].to_numpy())
    lost = [("incident", name, "on the City limit, beside every cell") for name in sorted(seen.held["id"][at < 0])]
    return Counted(seen.held[at >= 0].reset_index(drop=True), [*seen.left_out, *lost])


def _ends(period: Period) -> tuple[tuple[str, datetime.date | None], ...]:
    return ("from", period.start), ("to", period.end)


def _joined(cells: Cells, spots: np.ndarray, hot: pd.DataFrame, crs) -> gpd.GeoDataFrame:
    shapes = [shapely.union_all(cells.shapes[spots == number]) for number in hot["hot_spot"]]
    table = hot[["hot_spot", "cells", "area_acre", "incidents"]]
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=crs), crs=crs)


def _masked(held: pd.DataFrame, limit, parcels, pack: RulePack, mask_key: Path | str | None) -> Masked:
    around = None
    if parcels is not None:
        live = in_force(parcels)
        middles = shapely.centroid(live.geometry.values[~without_ground(live).to_numpy()])
        around = np.unique(shapely.get_coordinates(middles).round(2), axis=0)  # units of a stack stand on one footprint
    key = None
    if mask_key is not None:
        if not Path(mask_key).is_file():
            raise AnalysisError(
                f"There is no key file {str(mask_key)!r}. Write one of 32 random bytes and keep it in the department."
            )
        key = Path(mask_key).read_bytes()
    return geomask(
        held["easting"].to_numpy(),
        held["northing"].to_numpy(),
        limit,
        min_ft=float(pack["mask_min_ft"]),
        max_ft=float(pack["mask_max_ft"]),
        key=key,
        parcels=around,
        least_parcels=int(pack["mask_least_parcels"]),
        most_parcels=int(pack["mask_most_parcels"]),
    )


def _shown(held: pd.DataFrame, mask: Masked, crs) -> gpd.GeoDataFrame:
    """The moved places by period, in an order that tells nothing of the true ones."""
    there = np.isfinite(mask.easting)
    east, north, period = mask.easting[there], mask.northing[there], held["period"].to_numpy()[there]
    order = np.lexsort((north, east, period))
    when = np.array(WHEN, dtype=object)[period[order]]
    return gpd.GeoDataFrame({"period": when}, geometry=gpd.points_from_xy(east[order], north[order]), crs=crs)


def _checks(found: Found, cells: Cells, near, bandwidth_ft: float, spots: np.ndarray, pack: RulePack) -> tuple[SecondWay, ...]:
    surface = found.surface
    east, north, high = peak(surface)
    direct = density_at(found.easting, found.northing, surface, (east, north), bandwidth_ft=bandwidth_ft)
    hot = np.flatnonzero(spots > 0)
    ground = shapely.union_all(cells.shapes[hot])
    shapely.prepare(ground)
    within = int(shapely.intersects_xy(ground, found.easting, found.northing).sum())
    reached = shuffled_p(found.counts, near, hot, times=int(pack["shuffles"]))
    rate = float(pack["false_discovery"])
    # A point on a line between two cells is of both grounds and counted in one.
    on_line = int((shapely.intersects_xy(ground, found.easting, found.northing) & (spots[found.at] == 0)).sum())
    return (
        second_way("incidents in hot spots", int(found.counts[hot].sum()), "points in the joined ground", within - on_line),
        second_way(
            "incidents under the density surface, less what the limit adds",
            round(float((surface.values * surface.kept)[surface.inside].sum()) * surface.pixel_ft**2, 3),
            "the part of each incident's kernel within the City, added up",
            round(kept_of(found.easting, found.northing, surface), 3),
            tolerance=0.002,
        ),
        second_way(
            "highest density",
            round(high * SQFT_PER_SQMI, 2),
            "the kernels of all incidents at that place, added up",
            round(direct * SQFT_PER_SQMI, 2),
            tolerance=_PEAK_TOLERANCE * high * SQFT_PER_SQMI,
            unit="per sq mi",
        ),
        second_way(
            "hot cells",
            len(hot),
            f"those that no more than {rate:.0%} of {pack['shuffles']} shuffles of the counts reach",
            int((reached <= rate).sum()),
        ),
    )


def _open(pack, periods, found, seen: Counted, mask: Masked, parcels) -> list[tuple[str, str, str]]:
    rows = pack.overdue()
    if len(periods) == 1:
        rows.append(("How this period compares with the last", "No period was named.", "Give this_from and this_to."))
    for each, f in zip(periods, found, strict=True):
        if len(f.at) < pack["least_incidents"]:
            why = f"{len(f.at):,} incidents; with fewer than {pack['least_incidents']} chance cannot be told from a pattern."
            rows.append((f"Whether there are hot spots in {each.said}", why, "Take a longer period, or more kinds of incidents."))
    lost = pd.Series([why for _, _, why in seen.left_out], dtype="str")
    for why, remedy in (
        ("no place", "Geocode them."),
        ("not a point", "Geocode them to points."),
        ("no date, or none that can be read", "Write days as 2026-01-31."),
    ):
        if count := int((lost == why).sum()):
            rows.append(
                (f"What {count:,} incidents would change", f"They have {why}." if why[:2] == "no" else f"They are {why}s.", remedy)
            )
    hidden = int((~np.isfinite(mask.easting)).sum())
    if hidden:
        why = "No place within their ring is in the City and among enough parcels."
        rows.append((f"Where {hidden:,} incidents are, on the map", why, "Nothing is to be done: they are counted, and not shown."))
    if parcels is None:
        why = "No parcels were given: the mask goes by stated radii."
        rows.append(("How many parcels hide each incident", why, "Give the parcel layer."))
    return rows


def _steps(sizes: dict[str, float], pack: RulePack, periods: list[Period], by_parcels: bool) -> tuple[str, ...]:
    steps = [
        "Incidents with a place, in the City, were taken" + (", by the day as written." if periods[0].start else "."),
        f"They were counted in cells of {sizes['cell_ft']:g} ft, cut at the City limit.",
        f"Gi* was worked out for each cell over the cells within {sizes['neighbour_ft']:g} ft, itself among them, weights all 1.",
        "Beside it, the chance that as many or as few incidents fall on the neighbourhood's ground within the City; the larger of "
        "both chances counts, so that small counts and the City limit make no hot spots.",
        f"Of all cells those are hot or cold that Benjamini and Hochberg's rule keeps at {pack['false_discovery']:.0%} false.",
        f"The density is a sum of Gaussian kernels of {sizes['bandwidth_ft']:g} ft, divided at each place by the "
        "part of a kernel there that is in the City.",
    ]
    if len(periods) > 1:
        steps.append(
            f"Rates of both periods were compared, each ratio with its {pack['confidence']:.0%} interval of confidence; "
            "up or down is said where the same rule keeps it."
        )
    by = f", with {pack['mask_least_parcels']} parcels at least as near to the place shown" if by_parcels else ""
    steps.append(
        f"Each place was moved by {pack['mask_min_ft']} ft at least before it was shown{by}. Figures are of the true places; "
        f"counts below {pack['least_count']} are not shown."
    )
    return tuple(steps)


def _remarks(mask_key: Path | str | None) -> tuple[str, ...]:
    remarks = [
        "The index of last period's hot spots on this period's incidents tells whether hot spots last; that on their own does not.",
        "A hot cell is the middle of a crowded neighbourhood; it may hold no incident itself.",
        "Incidents are where they were reported. Few reports may mean few calls, not few crimes.",
        "Neighbourhoods overlap: their figures are for the department, not for publication beside the counts.",
    ]
    if mask_key is None:
        remarks.append(
            "The mask's key was made for this answer and is gone. With a key of your own, two answers tell no more than one."
        )
    return tuple(remarks)


def _plan(periods: list[Period]) -> MapPlan:
    red, grey = "#9c2f2f", "#5a5a5a"
    return MapPlan(
        "Hot spots",
        periods[0].said + (f", against {periods[1].said}" if len(periods) > 1 else ""),
        {
            "density": {
                "title": "Density",
                "legend": f"Densest ground, {DENSE:.0%} of incidents",
                "fill": "#fbe3a6",
                "opacity": 0.6,
            },
            "ended": {
                "title": "Ended",
                "legend": "Hot in the last period only",
                "line": {"color": grey, "width_pt": 0.8, "dash_pt": [4.0, 2.0]},
            },
            "hot": {
                "title": "Hot spots",
                "legend": "Hot spot, with its number",
                "hatch": {"angle_deg": 45.0, "spacing_pt": 5.0, "line": {"color": red, "width_pt": 0.4}},
                "line": {"color": red, "width_pt": 1.4},
                "label": {
                    "placement": "inside",
                    "priority": 5,
                    "halo": {"color": "#ffffff", "width_pt": 3.0},
                    "rows": [{"text": "{hot_spot}", "size_pt": 16.0, "font": "bold", "color": red}],
                },
            },
            "incident_masked": {
                "title": "Incidents",
                "field": "period",
                "classes": [
                    {
                        "values": ["this"],
                        "legend": "Incident, moved (this period)",
                        "marker": {"shape": "circle", "size_pt": 2.2, "fill": "#1d3f72"},
                    }
                ],
            },
        },
        notes=("Incidents are not shown where they were: each is moved at random.",),
        base=("right_of_way", "street_centerline"),
    )


QUESTIONS = (
    Question(
        name="hot_spots",
        department="Police",
        summary="Where incidents stand together more than by chance, this period and the last; none is shown where it was.",
        answer=hot_spots,
        layers=(),
        optional={"city_limit": "city_limit", "parcels": "parcel"},
        parameters=(
            Parameter("incidents", "layer", "A file of incidents as points.", required=True),
            Parameter("date_column", "text", "Column of the day; date when not given."),
            Parameter("id_column", "text", "Column of the incident's number."),
            Parameter("this_from", "date", "First day of the period."),
            Parameter("this_to", "date", "Last day of the period."),
            Parameter("last_from", "date", "First day of the period to compare with; the one just before when not given."),
            Parameter("last_to", "date", "Last day of the period to compare with."),
            Parameter("cell_ft", "number", "Side of a cell, feet."),
            Parameter("neighbour_ft", "number", "Cells with middles within this are of one neighbourhood, feet."),
            Parameter("bandwidth_ft", "number", "Standard deviation of the density's kernel, feet."),
            Parameter("mask_key", "file", "File with the department's secret, so that places are masked alike in every answer."),
        ),
    ),
)
