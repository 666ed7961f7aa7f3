"""
Which parcels and structures stand in a flood zone or in the water of the 200-year flood, and what that asks of an approval.
"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.exposure import ZoneExposure, standing_structures, water_depth, zone_exposure
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.membership import some_of
from citygis.analysis.overlay import Ground, measurable, names_of, once_per_stack
from citygis.analysis.parcels import footprints
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.analysis.zonal import Grid, grid_of, statistics_by_cells
from citygis.city import City
from citygis.errors import AnalysisError

_AGAIN = 200
_MOST_CELLS_AGAIN = 250_000


def flood_exposure(
    parcels: gpd.GeoDataFrame,
    *,
    flood_zone: gpd.GeoDataFrame | None = None,
    depth: Path | str | None = None,
    depth_unit: str | None = None,
    dry_where_blank: bool = False,
    depth_areas: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    city: City | None = None,
) -> Answer:
    """
    Flood zones and the depth of the 200-year flood, parcel by parcel, on the land and on the structures.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, status, stack_id``. In feet.
    flood_zone : GeoDataFrame, polygons, optional
        Column ``sfha_zone``, as far as there ``flood_id, bfe_ft, status``. Dissolved by class first.
    depth : path, optional
        Raster of the depth of the 200-year flood, in the system of `parcels`.
    depth_unit : str, optional
        ``ft`` or ``m``, where the raster does not say.
    dry_where_blank : bool
        Whether cells without a value are dry ground. Without it their depth counts as not known.
    depth_areas : GeoDataFrame, polygons, optional
        The same as areas, with the deepest water in each as ``depth_ft`` and dry ground outside; used where there is no raster.
    buildings : GeoDataFrame, polygons, optional
        Footprints, as far as there with ``building_id``.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel, by number: ``apn, area_sqft, zones, zone_ids, sfha`` (in, partly, out, not mapped),
        ``sfha_sqft, sfha_share, bfe_ft, depth_max_ft`` (of every cell that the parcel covers any part of), ``depth_mean_ft``
        (of the ground with a value), ``depth_share`` (how much that is),
        ``unknown_share, over_limit`` (yes, no, unknown),
        ``buildings, building_ids, structure_depth_max_ft, structure_over_limit, structure_sfha_sqft, finding``. ``tables``:
        ``zones, by_zone, structures``.

    Raises
    ------
    AnalysisError
        If neither zones nor depths are given, a layer lacks a column, or the raster cannot be used.
    CRSError
        If a layer is not in feet of one system, or the raster is in another.
    ReadError
        If the raster is missing or damaged.
    """
    require_layers(
        {"parcel": parcels, "flood_zone": flood_zone, "flood_200yr": depth_areas, "building_footprint": buildings},
        {"parcel": ["apn"], "flood_zone": ["sfha_zone"], "flood_200yr": ["depth_ft"]},
    )
    if flood_zone is None and depth is None and depth_areas is None:
        raise AnalysisError("Neither flood zones nor depths were given. Load flood_zone, or name the raster: --depth FILE.tif.")
    pack = rule_pack("flood", city)
    grid = grid_of(depth, parcels.crs, unit=depth_unit) if depth is not None else None
    frame = parcels.reset_index(drop=True)
    frame = frame.set_geometry(gpd.GeoSeries(footprints(frame)[0], index=frame.index, crs=parcels.crs))
    # By number, and where numbers repeat by place, so that no order of rows shows.
    west, south, east, north = shapely.bounds(frame.geometry.values).T
    frame = frame.iloc[np.lexsort((north, east, south, west, names_of(frame, "apn").astype(str)))].reset_index(drop=True)
    land = measurable(frame, "parcel", key="apn")
    left_out, open_ = list(land.left_out), pack.overdue()
    apn = names_of(frame, "apn")[land.rows]
    zones = (
        zone_exposure(land.shapes, apn, flood_zone, pack, once=once_per_stack(frame, land.rows)) if flood_zone is not None else None
    )
    water = water_depth(land.shapes, parcels.crs, grid, depth_areas, dry_where_blank, pack)
    roofs = standing_structures(land.shapes, buildings, parcels.crs, grid, depth_areas, dry_where_blank, zones, pack)
    table = pd.DataFrame({"apn": apn})
    if "apn_display" in frame.columns:
        table["apn_display"] = frame["apn_display"].iloc[land.rows].astype("str").to_numpy()
    table["area_sqft"] = shapely.area(land.shapes).round(2)
    for part in (zones.table if zones else None, water, roofs.table if roofs else None):
        if part is not None:
            table = pd.concat([table, part], axis=1)
    table["finding"] = _findings(table, float(pack["depth_limit_ft"]))
    remarks = list(land.remarks)
    if nameless := int((apn == "").sum()):
        remarks.append(f"{nameless:,} parcels have no number; their rows are first on the list.")
    for each in (zones, roofs):
        if each is not None:
            left_out += each.left_out
            remarks += each.remarks
    open_ += _open_questions(table, zones, water, roofs, grid, dry_where_blank)
    geometry = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(land.shapes, crs=parcels.crs))
    structures = roofs.structures.assign(apn=apn[roofs.structures.pop("of")]) if roofs else pd.DataFrame()
    over = int((table["over_limit"] == "yes").sum()) if water is not None else 0
    in_sfha = int(table["sfha"].isin(["in", "partly"]).sum()) if zones else 0
    title = ", ".join(
        [
            *([f"{in_sfha:,} parcels in a special flood hazard area"] if zones else []),
            *([f"{over:,} with a 200-year depth over {pack['depth_limit_ft']:g} ft"] if water is not None else []),
        ]
    )
    return Answer(
        question="flood",
        title=title,
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(zones, grid, depth_areas, dry_where_blank, roofs, pack),
            citations=pack.cited(),
            parameters={
                "depth": grid.path.name if grid else None,
                "depth_unit": grid.unit if grid else None,
                "dry_where_blank": dry_where_blank,
            },
            sources=(
                *sources_of({"parcel": parcels, "flood_zone": flood_zone, "building_footprint": buildings}),
                *((grid.told,) if grid else sources_of({"flood_200yr": depth_areas})),
            ),
            remarks=(
                *remarks,
                "The depth alone is judged here. Whether the ground is in an urban area, and in a watershed that counts, is "
                "for the City to say: see the citations.",
            ),
        ),
        check=_checks(parcels, table, land, left_out, zones, grid),
        unanswered=unanswered(open_),
        tables={
            **({"zones": zones.pairs, "by_zone": zones.by_zone} if zones else {}),
            **({"structures": structures} if roofs else {}),
        },
        layers=_layers(geometry, zones, parcels.crs),
        map=_map(title, zones, pack),
    )


def _findings(table: pd.DataFrame, limit: float) -> list[str]:
    """For each parcel what an approval may state, in sentences."""
    nothing = [""] * len(table)
    zones = nothing
    if "sfha" in table.columns:
        rows = zip(table["sfha"], table["zones"], table["sfha_share"], table["bfe_ft"], strict=True)
        zones = [_zone_said(*row) for row in rows]
    if "over_limit" not in table.columns:
        return zones
    roof = (
        zip(table["structure_depth_max_ft"], table["structure_over_limit"], strict=True)
        if "structure_over_limit" in table
        else None
    )
    roofs = [_roof_said(*row, limit) for row in roof] if roof else nothing
    depths = [
        _depth_said(*row, limit) for row in zip(table["over_limit"], table["depth_max_ft"], table["unknown_share"], strict=True)
    ]
    return [" ".join(filter(None, said)) for said in zip(zones, depths, roofs, strict=True)]


def _zone_said(standing: str, zones: str, share: float, bfe: float) -> str:
    level = f" Base flood elevation {bfe:.1f} ft." if np.isfinite(bfe) else ""
    match standing:
        case "in":
            return f"In the special flood hazard area ({zones}).{level}"
        case "partly":
            return f"{share:.1%} of it in the special flood hazard area ({zones}).{level}"
        case "out":
            return f"Outside the special flood hazard area ({zones})."
        case _:
            return "On no zone of the map, or partly: not decided."


def _depth_said(over: str, deepest: float, unknown: float, limit: float) -> str:
    if over == "yes":
        return (
            f"200-year depth up to {deepest:.2f} ft, more than {limit:g} ft: in an urban area no approval without a finding on "
            "flood protection."
        )
    if over == "unknown":
        rest = f"; up to {deepest:.2f} ft on the rest" if np.isfinite(deepest) else ""
        return f"200-year depth not decided: not known on {unknown:.1%} of the parcel{rest}."
    if deepest > 0:
        return f"200-year depth up to {deepest:.2f} ft, not more than {limit:g} ft."
    return "Dry in the 200-year flood."


def _roof_said(deepest: float, over: str, limit: float) -> str:
    match over:
        case "yes":
            return f"Structures stand in up to {deepest:.2f} ft."
        case "no":
            where = f"in up to {deepest:.2f} ft" if deepest > 0 else "dry"
            return f"Structures stand {where}, not more than {limit:g} ft."
        case "unknown":
            return "The depth at a structure is not known."
        case _:
            return "No structure is on record."


def _open_questions(table, zones: ZoneExposure | None, water, roofs, grid: Grid | None, dry_where_blank: bool) -> list:
    rows = []
    if zones is None:
        rows.append(("Which parcels are in a special flood hazard area", "No flood zones were given.", "Load flood_zone."))
    elif (zones.unmapped > 0).any():
        some = table["apn"][zones.unmapped > 0].tolist()
        what = f"Which zone holds {zones.unmapped.sum():,.0f} sq ft of {len(some):,} parcels ({some_of(some)})"
        rows.append((what, "The flood zones do not cover them.", "Load the neighbouring panel of the map."))
    if water is None:
        rows.append(
            ("How deep the 200-year flood is", "No depths were given.", "Name the raster, --depth FILE.tif, or load flood_200yr.")
        )
    elif (water["over_limit"] == "unknown").any():
        some = table["apn"][table["over_limit"] == "unknown"].tolist()
        why = (
            "They reach beyond the raster." if dry_where_blank else "They reach beyond the raster, or lie on cells without a value."
        )
        remedy = "Get the depths there."
        if not dry_where_blank and grid is not None:
            remedy += " Where its maker says that cells without a value are dry, say so: --dry-where-blank."
        rows.append((f"Whether {len(some):,} parcels are over the limit of depth ({some_of(some)})", why, remedy))
    if roofs is None:
        rows.append(("How deep the water is at the structures", "No footprints were given.", "Load building_footprint."))
    return rows


def _checks(parcels, table, land: Ground, left_out, zones: ZoneExposure | None, grid: Grid | None) -> tuple[SecondWay, ...]:
    lost = sum(layer == "parcel" for layer, *_ in left_out)
    checks = [second_way("parcels looked at", len(parcels), "rows of the list and parcels left out", len(table) + lost)]
    if zones is not None and zones.sfha.any():
        at = np.flatnonzero(table["sfha"] == "partly")[:_AGAIN]
        hazard = shapely.union_all(zones.shapes[zones.sfha])
        dry = shapely.area(shapely.difference(land.shapes[at], hazard)).sum()
        checks.append(
            second_way(
                f"special flood hazard area on {len(at):,} parcels across its line",
                round(float(table["sfha_sqft"].iloc[at].sum()), 2),
                "their area less what is left when the whole hazard area is cut away",
                round(float(shapely.area(land.shapes[at]).sum() - dry), 2),
                tolerance=0.01 * max(1, len(at)),
                unit="sq ft",
            )
        )
    if grid is not None:
        small = table["area_sqft"].to_numpy() <= _MOST_CELLS_AGAIN * grid.cell_sqft
        at = np.flatnonzero(small & (table["depth_share"] > 0).to_numpy())
        if len(at):
            deepest = at[np.argmax(table["depth_max_ft"].to_numpy()[at])]
            again = statistics_by_cells(land.shapes[deepest], grid)
            for name, column, value in zip(("greatest", "mean"), ("depth_max_ft", "depth_mean_ft"), again, strict=False):
                checks.append(
                    second_way(
                        f"{name} depth on parcel {table['apn'].iloc[deepest]}",
                        float(table[column].iloc[deepest]),
                        "every cell of the raster as a square, cut by the parcel",
                        round(value, 3),
                        tolerance=0.0011,
                        unit="ft",
                    )
                )
    return tuple(checks)


def _steps(zones, grid: Grid | None, areas, dry_where_blank: bool, roofs, pack: RulePack) -> tuple[str, ...]:
    steps = ["Units without ground of their own stand on the footprint of their stack."]
    if zones is not None:
        steps.append(
            "Flood zones were dissolved by class, so that no ground counts twice, and laid over the parcels; ground that two "
            f"classes claim counts as special flood hazard area when one of them is ({', '.join(pack['sfha_zones'])})."
        )
    if grid is not None:
        steps.append(
            "The greatest depth is that of every cell of which the parcel covers any part (all-touched); the mean is weighted by "
            "the exact part of each cell, over the ground with a value."
        )
        steps.append(
            "Cells without a value are dry ground, as the one who asked says."
            if dry_where_blank
            else "Cells without a value, and ground beyond the raster, count as not known."
        )
    elif areas is not None:
        steps.append("No raster was given: the depth is the deepest water of the areas of flood_200yr that the parcel meets.")
    if grid is not None or areas is not None:
        steps.append(
            f"The greatest depth on the land, to the hundredth of a foot, is held against {pack['depth_limit_ft']:g} ft; a parcel "
            "that is not over it where the depth is known, and partly not known, is not decided."
        )
    if roofs is not None:
        steps.append(
            "A structure belongs to the parcel that holds most of its footprint, in a stack to each unit; its depth is that of the "
            "whole footprint."
        )
    return tuple(steps)


def _layers(geometry: gpd.GeoDataFrame, zones: ZoneExposure | None, crs) -> dict[str, gpd.GeoDataFrame]:
    layers = {}
    if zones is not None:
        layers["zones"] = gpd.GeoDataFrame({"zone": zones.labels, "sfha": zones.sfha}, geometry=zones.shapes, crs=crs)
    if "over_limit" in geometry.columns:
        columns = ["apn", "depth_max_ft", "geometry"]
        for name, value in (("over_limit", "yes"), ("undecided", "unknown")):
            layers[name] = geometry.loc[geometry["over_limit"] == value, columns].reset_index(drop=True)
    return layers


def _map(title: str, zones: ZoneExposure | None, pack: RulePack) -> MapPlan:
    styles: dict[str, dict] = {
        "over_limit": {
            "title": "Over the limit",
            "legend": f"200-year depth over {pack['depth_limit_ft']:g} ft",
            "fill": "#6a9fd0",
            "opacity": 0.7,
            "line": {"color": "#164a7c", "width_pt": 0.6},
        },
        "undecided": {
            "title": "Not decided",
            "legend": "200-year depth not known",
            "hatch": {"angle_deg": 45.0, "spacing_mm": 2.0, "line": {"color": "#5a5a5a", "width_pt": 0.4}},
            "line": {"color": "#5a5a5a", "width_pt": 0.5},
        },
    }
    if zones is not None:
        styles["zones"] = {
            "title": "Special flood hazard area",
            "field": "zone",
            "classes": [
                {
                    "values": [str(label) for label in zones.labels[zones.sfha]] or ["none"],
                    "legend": "Special flood hazard area",
                    "line": {"color": "#9c2f2f", "width_pt": 1.2},
                }
            ],
            "line": {"color": "#1f5f9c", "width_pt": 0.4, "dash_pt": [3.0, 2.0]},
            "legend": "Other flood zone",
        }
    return MapPlan("Flood exposure", title, styles, base=("right_of_way", "street_centerline"))


QUESTIONS = (
    Question(
        name="flood",
        department="Emergency",
        summary="Which parcels and structures are in a flood hazard area or in deep water of the 200-year flood, with the finding.",
        answer=flood_exposure,
        layers=("parcel",),
        optional={"flood_zone": "flood_zone", "depth_areas": "flood_200yr", "buildings": "building_footprint"},
        parameters=(
            Parameter("depth", "file", "Raster of the depth of the 200-year flood."),
            Parameter("depth_unit", "text", "ft or m, where the raster does not say."),
            Parameter("dry_where_blank", "flag", "Cells without a value are dry ground, by the word of the raster's maker."),
        ),
    ),
)
